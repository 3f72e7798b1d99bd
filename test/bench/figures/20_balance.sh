# shellcheck shell=bash
#
# balance() against pgbench -S, which selects one column by primary key.

run_balance() { pgbench_run balance calls "$SECONDS_PER_RUN" -f "$BENCH/scripts/balance.sql"; }
run_pgbench_s() { pgbench_run pgbench_s pgbench "$SECONDS_PER_RUN" -S; }

figure_balance()
{
	with_state pgbench
	with_state calls
	interleave "$RUNS" run_pgbench_s run_balance
	compare 'balance' rate '>= 0.9' balance pgbench_s 'pgbench -S'
}
