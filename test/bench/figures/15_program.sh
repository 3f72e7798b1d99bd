# shellcheck shell=bash
#
# Purchases under a whole program: twenty active rules, five of them limited,
# and a streak; every member has bought before, so that counts exist.

run_program() { pgbench_run "program_$COMMIT" program "$SECONDS_PER_RUN" -D attributes="$ORDER" -f "$BENCH/scripts/record.sql"; }

figure_program()
{
	with_state pgbench
	with_state program
	for COMMIT in off on; do
		export PGOPTIONS="-c synchronous_commit=$COMMIT"
		interleave "$RUNS" run_pgbench_n run_program
		unset PGOPTIONS
		compare "record, 20 rules, 5 limits, a streak, synchronous_commit $COMMIT" rate '>= 0.8' \
			"program_$COMMIT" "pgbench_n_$COMMIT" 'pgbench -N'
	done
}
