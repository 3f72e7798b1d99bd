# shellcheck shell=bash
#
# Many members, and one: earn among millions against among ten thousand, all
# cached; eight clients on one member against spread over many.

run_small() { MEMBERS=$SMALL pgbench_run small small "$SECONDS_PER_RUN" -f "$BENCH/scripts/earn.sql"; }
run_large() { MEMBERS=$LARGE pgbench_run large large "$SECONDS_PER_RUN" -f "$BENCH/scripts/earn.sql"; }
run_one() { pgbench_run one calls "$SECONDS_PER_RUN" -f "$BENCH/scripts/redeem_one.sql"; }
run_many() { pgbench_run many calls "$SECONDS_PER_RUN" -f "$BENCH/scripts/redeem.sql"; }

figure_millions()
{
	with_state small
	with_state large
	interleave "$RUNS" run_small run_large
	compare "earn at $LARGE members" rate '>= 0.8' large small "at $SMALL"
}

figure_one_member()
{
	with_state calls
	interleave "$RUNS" run_many run_one
	compare '8 clients on one member' rate '>= 0.4' one many 'spread over many'
}
