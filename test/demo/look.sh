# shellcheck shell=bash disable=SC2034
#
# look.sh: how the demo speaks to a terminal.
#
# Colours only on a terminal and without NO_COLOR; block characters only where
# the locale is UTF-8, else plain ASCII.  Sourced by run.sh.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' dim=$'\e[2m' blue=$'\e[36m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' dim='' blue='' green='' red='' plain=''
fi

case "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" in
	*[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*)
		blocks=' ▏▎▍▌▋▊▉█' full='█' rest='░' linestyle=unicode tick='✓' ;;
	*)
		blocks=' #' full='#' rest='.' linestyle=ascii tick='*' ;;
esac

# A chapter of the story.
chapter()
{
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# One line that says what happens next: the word for it, then what it does.
step()
{
	printf '%s%-9s%s %s\n' "$blue" "$1" "$plain" "$2"
}

# Something that was checked and holds.
good()
{
	printf '%s%s%s %s\n' "$green" "$tick" "$plain" "$1"
}

# 1234567 -> 1,234,567
thousands()
{
	local digits=$1 grouped=''

	while [ ${#digits} -gt 3 ]; do
		grouped=",${digits: -3}$grouped"
		digits=${digits:0:${#digits}-3}
	done
	printf '%s%s' "$digits" "$grouped"
}

# times CHARACTER COUNT
times()
{
	local run

	printf -v run '%*s' "$2" ''
	printf '%s' "${run// /$1}"
}

# What psql writes, for the eye: lines that begin with ## are headings, bars get a colour.
paint()
{
	if [ -n "$blue" ]; then
		sed -E -e "s/^## (.*)/$bold\1$plain/" -e "s/█[█▏▎▍▌▋▊▉]*|[▏▎▍▌▋▊▉]|##+/$blue&$plain/g"
	else
		sed -e 's/^## //'
	fi
}

# A file of SQL as its reader would type it.
quote()
{
	sed -e '/^\/\*$/,/^ \*\/$/d' -e "s/$(printf '\t')/    /g" -e "s/^/    /" -e 's/ *$//' \
		-e "s/.*/$dim&$plain/" "$1"
}

# Reads "month|day|days|orders|returns|redemptions|milliseconds" lines, running totals, and
# shows them as one bar that grows; where nobody watches, as one line a month.
progress()
{
	local month day days orders returns redemptions ms shown='' line='' width=30 filled rate

	while IFS='|' read -r month day days orders returns redemptions ms; do
		if ! [ -t 1 ] && [ -n "$shown" ] && [ "$month" != "$shown" ]; then
			printf '%s\n' "$line"
		fi
		shown=$month
		filled=$((width * day / days))
		rate=$(((orders + returns + redemptions) * 1000 / (ms > 0 ? ms : 1)))
		printf -v line '%s %s%s%s%s%s %3d%%  %6s orders %5s returns %5s redemptions %3d.%d s %6s rows/s' \
			"$month" "$blue" "$(times "$full" $filled)" "$dim" "$(times "$rest" $((width - filled)))" "$plain" \
			$((100 * day / days)) "$(thousands "$orders")" "$(thousands "$returns")" \
			"$(thousands "$redemptions")" $((ms / 1000)) $((ms % 1000 / 100)) "$(thousands $rate)"
		[ ! -t 1 ] || printf '\r%s\e[K' "$line"
	done
	if [ -t 1 ]; then
		printf '\n'
	else
		printf '%s\n' "$line"
	fi
}
