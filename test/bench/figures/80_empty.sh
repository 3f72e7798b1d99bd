# shellcheck shell=bash
#
# The first seconds of a database that was empty and has never been analyzed,
# enrolment of everybody included, against the same calls in one whose members
# are enrolled, vacuumed and analyzed.  Each call has a ref, so that the search
# for an earlier one is planned on the empty table too.

run_empty()
{
	program_database empty
	pgbench_run empty empty "$FIRST_SECONDS" -f "$BENCH/scripts/earn_ref.sql"
	dropdb empty
}

run_warm() { pgbench_run warm warm "$FIRST_SECONDS" -f "$BENCH/scripts/earn_ref.sql"; }

state_warm()
{
	program_database warm
	each warm "$MEMBERS" 'loyalty.earn(n::text, 5, n::text)'
	tidy warm
}

figure_empty()
{
	with_state warm
	interleave "$LONG_RUNS" run_warm run_empty
	compare "first $FIRST_SECONDS seconds, empty database" rate '>= 0.8' empty warm 'warm database'
}
