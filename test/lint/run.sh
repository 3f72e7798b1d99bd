#!/usr/bin/env bash
#
# run.sh
#		Checks that need no test case: style by tool, comments on SQL objects,
#		lists that forget no file, metadata that agree.
#
# A tool that is not there and cannot be installed (pg_bsd_indent, shellcheck)
# is named, and its checks do not count.

. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

need server build
work_open
cd "$ROOT"
results=$WORK/results
: >"$results"

# check ok|not_ok NAME [EXPLANATION]
check()
{
	printf '%s %s\n' "${1/_/ }" "$2" >>"$results"
	if [ "$1" = not_ok ]; then
		printf '%s\n' "$2${3:+:}" ${3:+"$3"}
	fi
}

# none NAME TEXT: passes if the text, what was found, is empty.
none()
{
	if [ -z "$2" ]; then
		check ok "$1"
	else
		check not_ok "$1" "$2"
	fi
}

list_files()
{
	git ls-files -co --exclude-standard 2>/dev/null ||
		find . -type f -not -path './build/*' -not -path './.git/*' -printf '%P\n'
}

files=()
while read -r file; do
	if [ -f "$file" ]; then
		files+=("$file")
	fi
done < <(list_files)

# Those whose path matches an extended regular expression.
select_files()
{
	printf '%s\n' "${files[@]}" | grep -E "$1" || true
}

check_c_style()
{
	local typedefs=$WORK/typedefs sources headers

	if ! command -v pg_bsd_indent >/dev/null; then
		warn "no pg_bsd_indent: the C style is not checked"
		return
	fi
	readarray -t sources < <(select_files '\.[ch]$')
	readarray -t headers < <(find "$("$PG_CONFIG" --includedir-server)" -name '*.h')
	perl test/lint/typedefs.pl "${headers[@]}" "${sources[@]}" >"$typedefs"
	perl test/lint/indent.pl "$typedefs" "${sources[@]}" >"$WORK/indent"
	grep -vE '^ok ' "$WORK/indent" || true
	grep -E '^(not )?ok ' "$WORK/indent" >>"$results"
}

check_shell()
{
	local scripts script

	if ! command -v shellcheck >/dev/null; then
		warn "no shellcheck: the shell scripts are not checked"
		return
	fi
	readarray -t scripts < <(select_files '\.sh$|^\.ci/run$')
	for script in "${scripts[@]}"; do
		none "shellcheck $script" "$(shellcheck "$script" 2>&1)"
	done
}

check_sql_comments()
{
	server_start
	server_database lint
	psql -XqAt -d lint -f test/lint/comments.sql >"$WORK/comments"
	sed -n 's/^not ok /no comment: /p' "$WORK/comments"
	cat "$WORK/comments" >>"$results"
}

check_lists()
{
	local listed

	listed=$(make -s list-sources)
	none "every source file is listed in the Makefile" \
		"$(select_files '^src/.*\.(c|sql)$' | grep -vxF "$listed" || true)"
	none "every listed file exists" \
		"$(while read -r file; do [ -f "$file" ] || echo "$file"; done <<<"$listed")"
}

# lines NAME PATTERN FILE...: passes if no line of the files matches.
lines()
{
	local name=$1 pattern=$2
	shift 2

	none "$name" "$(grep -nE -- "$pattern" /dev/null "$@" || true)"
}

check_text()
{
	local sources parts texts

	readarray -t sources < <(select_files '^src/.*\.(c|h|sql)$')
	readarray -t parts < <(select_files '^src/.*\.sql$')
	readarray -t texts < <(select_files \
		'(^|/)Makefile$|\.(c|h|sql|sh|pl|pm|md|yml|json|control|spec)$|^\.ci/run$')

	lines "no trailing blanks" '[[:blank:]]+$' "${texts[@]}"
	lines "no merge conflict left" '^(<<<<<<<|>>>>>>>) ' "${texts[@]}"
	lines "no paths of one machine" \
		'(^|[[:space:]"'\''=(`])/(home|root|work|mnt|Users)/' "${texts[@]}"
	none "no hidden files but the known" "$(select_files '(^|/)\.' |
		grep -vE '^(\.ci|\.github)/|^\.(gitignore|gitattributes|shellcheckrc)$' || true)"
	none "versions of PostgreSQL are told apart in compat.[ch] alone" \
		"$(grep -l PG_VERSION_NUM "${sources[@]}" | grep -v '/compat\.[ch]$' || true)"
	lines "the install script replaces nothing" \
		'(OR +REPLACE|IF +NOT +EXISTS +[^ (])' "${parts[@]}"
	none "one concern per file: at most 650 lines" \
		"$(wc -l "${sources[@]}" | awk '$1 > 650 && $2 != "total"')"
}

check_metadata()
{
	perl test/lint/metadata.pl >"$WORK/metadata"
	grep '^not ok' "$WORK/metadata" || true
	cat "$WORK/metadata" >>"$results"
}

# The sentences of the sources and their translations.
check_messages()
{
	local sources

	readarray -t sources < <(select_files '^src/.*\.c$')
	perl test/lint/messages.pl "${sources[@]}" >"$WORK/messages"
	grep -vE '^ok ' "$WORK/messages" || true
	grep -E '^(not )?ok ' "$WORK/messages" >>"$results"
}

check_c_style
check_shell
check_messages
check_lists
check_text
check_metadata
check_sql_comments
report "$(grep -c '^ok ' "$results" || true)" "$(grep -c '^not ok ' "$results" || true)"
