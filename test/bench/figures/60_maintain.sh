# shellcheck shell=bash
#
# maintain over a million members of whom a tenth have a lapse, against the
# UPDATE of those members and the INSERT of their entries by one statement.
#
# Every tenth of the members has a lot that ends on a day of its own, all in
# the past: round k maintains up to day k and finds the k-th tenth due.

state_maintain()
{
	program_database maintain
	sql_file maintain peers/set_based.sql
	each maintain "$CROWD" \
		"loyalty.earn(n::text, 100, valid_until => 'infinity', at => now() - interval '30 days')"
	each maintain "$((CROWD * CROWD_RUNS / 10))" \
		"loyalty.earn(n::text, 50, valid_until => date_trunc('day', now())
			- interval '20 days' + n % $CROWD_RUNS * interval '1 day',
			at => now() - interval '30 days' + interval '1 second')"
	tidy maintain
}

run_maintain()
{
	sql_run maintain maintain "$((CROWD / 10))" \
		"CALL loyalty.maintain(at => date_trunc('day', now()) - interval '$((21 - ROUND)) days');"
	floor_run maintain_floor maintain "$((CROWD / 10))"
}

figure_maintain()
{
	with_state maintain
	floor_open maintain
	interleave "$CROWD_RUNS" run_maintain
	floor_check maintain
	compare "maintain, $CROWD members, 10 % lapse" time '<= 2' maintain maintain_floor 'UPDATE + INSERT'
}
