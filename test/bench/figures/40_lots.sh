# shellcheck shell=bash
#
# Wallets of 365 lots: a small redemption from one against one from a wallet of
# a single lot (8 clients), and a redemption of all 365 lots against a row per
# lot in PL/pgSQL (one statement for all members, rolled back afterwards).

run_redeem_365() { MEMBERS=$YEARS pgbench_run redeem_365 year "$SECONDS_PER_RUN" -f "$BENCH/scripts/redeem_point.sql"; }
run_redeem_1() { MEMBERS=$YEARS pgbench_run redeem_1 year "$SECONDS_PER_RUN" -f "$BENCH/scripts/redeem_single.sql"; }

span_run()
{
	sql -d year "VACUUM $4"
	sql_run "$1" year "$YEARS" \
		"SELECT count(*) FROM generate_series(1, $YEARS) AS n,
			LATERAL $2.redeem(n::text, $3) AS r;" 'BEGIN;' 'ROLLBACK;'
}

run_span() { span_run span loyalty 36500 loyalty.member; }
run_span_rows() { span_run span_rows row_per_lot 36500 row_per_lot.lot; }

figure_lots()
{
	with_state year
	sql_file year peers/check/row_per_lot.sql
	interleave "$RUNS" run_span_rows run_span
	compare 'redeem that spans 365 lots' faster '>= 50' span span_rows 'row per lot, PL/pgSQL'
	interleave "$RUNS" run_redeem_1 run_redeem_365
	compare 'redeem from 365 lots' time '<= 1.5' redeem_365 redeem_1 'from 1 lot'
}
