# shellcheck shell=bash
#
# states.sh
#		The databases that figures start from, each built once, when first needed.

# with_state NAME: runs state_NAME unless it has succeeded before.
with_state()
{
	if ! [ -e "$WORK/state_$1" ]; then
		say "  building database $1"
		dropdb --if-exists "$1" 2>/dev/null
		"state_$1"
		: >"$WORK/state_$1"
	fi
}

# program_database NAME [COLUMN=VALUE...]: with the extension and one program
# whose points outlive every run.
program_database()
{
	local name=$1 columns='' values=''
	shift

	while [ $# -gt 0 ]; do
		columns+=", ${1%%=*}"
		values+=", '${1#*=}'"
		shift
	done
	server_database "$name"
	sql -d "$name" "INSERT INTO loyalty.program (name, validity$columns)
					VALUES ('shop', '2 years'$values)"
}

# sql_file DATABASE FILE [OPTION...]
sql_file()
{
	psql -XqAt -v ON_ERROR_STOP=1 -d "$1" -f "$BENCH/$2" "${@:3}" >/dev/null
}

# tidy DATABASE: what autovacuum, which is off, would have done.
tidy()
{
	vacuumdb -q --analyze -d "$1"
}

# MEMBERS members with three lots each, too large to be used up, and five rules.
state_calls()
{
	local day

	program_database calls
	sql_file calls scripts/rules.sql
	for day in 3 2 1; do
		each calls "$MEMBERS" \
			"loyalty.earn(n::text, 100000000, valid_from => now() - interval '$day days')"
	done
	sql_file calls peers/set_based.sql
	tidy calls
}

# The same members under twenty rules, each with a purchase of yesterday.
state_program()
{
	program_database program
	sql_file program scripts/twenty_rules.sql
	each program "$MEMBERS" "loyalty.earn(n::text, 100000000)"
	each program "$MEMBERS" \
		"loyalty.record(n::text, 'purchase', '$ORDER', at => now() - interval '1 day')"
	tidy program
}

state_pgbench()
{
	createdb pgbench
	pgbench -i -q -s $(((MEMBERS + 99999) / 100000)) pgbench 2>/dev/null
}

# YEARS members with a lot of each of 365 days (1 ..), as many with one lot
# (s1 ..), and the former once more in the peer.
state_year()
{
	local day

	program_database year
	for ((day = 365; day > 0; day--)); do
		each year "$YEARS" \
			"loyalty.earn(n::text, 100, valid_from => date_trunc('day', now()) - interval '$day days')"
	done
	each year "$YEARS" "loyalty.earn('s' || n, 36500)"
	sql_file year peers/row_per_lot.sql
	sql_file year scripts/year_of_lots.sql -v years="$YEARS"
	tidy year
}

# Lots of one day merge here, so that a wallet does not grow from run to run:
# the small database sees each of its members far more often than the large.
state_small()
{
	program_database small lot_granularity=day
	each small "$SMALL" "loyalty.earn(n::text, 5)"
	tidy small
}

state_large()
{
	program_database large lot_granularity=day
	each large "$LARGE" "loyalty.earn(n::text, 5)"
	tidy large
}
