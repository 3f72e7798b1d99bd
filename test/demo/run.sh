#!/usr/bin/env bash
#
# run.sh: a year of a real shop becomes points, before your eyes.
#
# Builds the extension, starts a server of its own that is gone at the end,
# lets every order and return of the year pass its triggers, and shows what a
# loyalty manager asks for.  Ends with status 1 if a figure is not what it must be.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=test/demo/look.sh
. "$here/look.sh"
# shellcheck source=test/lib/common.sh
. "$here/../lib/common.sh"

data=$ROOT/test/data/online-retail

# File after file through psql, which stops at the first error.
run_file()
{
	psql -Xq --set=ON_ERROR_STOP=1 --set=linestyle=$linestyle "${@:2}" -f "$1"
}

# A report: its tables, painted.
show()
{
	run_file "$here/$1.sql" | paint
}

chapter 'loyalty: a year at a real shop'
step build 'the extension, staged in a scratch directory'
need server build data
build_extension
step server "PostgreSQL $PG_MAJOR, thrown away at the end"
server_start 'shared_buffers = 256MB' 'jit = off' 'synchronous_commit = off'
server_database shop
export PGDATABASE=shop ONLINE_RETAIL=$data/online-retail.csv.xz
sql "ALTER DATABASE shop SET shop.blocks = '$blocks'"
began=$SECONDS

chapter 'The shop'
step load 'Online Retail (Daqing Chen, UCI Machine Learning Repository 352, CC BY 4.0)'
run_file "$data/load.sql"
run_file "$data/shop.sql"
show opening
good 'every figure is the one that the data set is known for'

chapter 'The programme, as rows'
run_file "$here/program.sql"
quote "$here/program.sql"

chapter 'Bound to the order tables'
run_file "$here/attach.sql" >/dev/null
quote "$here/attach.sql"

chapter 'The year, day by day: orders, returns, points spent at the till'
run_file "$here/year.sql" | progress

chapter 'On 9 December 2011, when the records end'
show members

chapter 'Then nobody orders any more, and the clock goes on to the end of 2012'
step maintain "CALL loyalty.maintain(at => '2013-01-01')"
run_file "$here/clock.sql"
show points

chapter 'Is it right?'
run_file "$here/proof.sql" | while IFS='|' read -r verdict text; do
	if [ "$verdict" = t ]; then
		good "$text"
	else
		printf '%s! %s%s\n' "$red" "$text" "$plain"
		exit 1
	fi
done

chapter 'How fast?'
show speed

printf '\n%d s. Play with it: make shell\n' $((SECONDS - began))
