# shellcheck shell=bash
#
# Calls from 8 clients, prepared, against the transactions of pgbench -N: one
# accounts row updated and one history row inserted in five statements.

ORDER='{"amount": 129.90, "channel": "app", "items": [{"sku": "a1", "category": "beauty", "amount": 99.90}, {"sku": "b7", "category": "food", "amount": 30.00}]}'

run_earn() { pgbench_run "earn_$COMMIT" calls "$SECONDS_PER_RUN" -f "$BENCH/scripts/earn.sql"; }
run_redeem() { pgbench_run "redeem_$COMMIT" calls "$SECONDS_PER_RUN" -f "$BENCH/scripts/redeem.sql"; }
run_record() { pgbench_run "record_$COMMIT" calls "$SECONDS_PER_RUN" -D attributes="$ORDER" -f "$BENCH/scripts/record.sql"; }
run_pgbench_n() { pgbench_run "pgbench_n_$COMMIT" pgbench "$SECONDS_PER_RUN" -N; }

figure_calls()
{
	local goal

	with_state pgbench
	with_state calls
	for COMMIT in off on; do
		goal='>= 1.7'
		[ "$COMMIT" = off ] || goal='>= 1.3'
		export PGOPTIONS="-c synchronous_commit=$COMMIT"
		interleave "$RUNS" run_pgbench_n run_earn run_redeem run_record
		unset PGOPTIONS
		compare "earn, synchronous_commit $COMMIT" rate "$goal" \
			"earn_$COMMIT" "pgbench_n_$COMMIT" 'pgbench -N'
		compare "redeem, synchronous_commit $COMMIT" rate "$goal" \
			"redeem_$COMMIT" "pgbench_n_$COMMIT" 'pgbench -N'
		compare "record, 5 rules, synchronous_commit $COMMIT" rate '>= 1.2' \
			"record_$COMMIT" "pgbench_n_$COMMIT" 'pgbench -N'
	done
}
