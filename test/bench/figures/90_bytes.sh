# shellcheck shell=bash
#
# Bytes on disk that an operation on one lot adds, over all tables and indexes
# of the extension; beside it a general double-entry ledger in PL/pgSQL.
# Members are enrolled before; half the operations earn, half redeem.

# schema_bytes DATABASE SCHEMA
schema_bytes()
{
	sql -d "$1" "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
				 WHERE relnamespace = '$2'::regnamespace AND relkind IN ('r', 'm', 'S')"
}

# bytes_run SIDE SCHEMA OPTION...: prints bytes per operation.
bytes_run()
{
	local side=$1 schema=$2 before after
	shift 2

	before=$(schema_bytes bytes "$schema")
	pgbench_run "$side" bytes "$BYTES_SECONDS" "$@"
	after=$(schema_bytes bytes "$schema")
	awk -v bytes=$((after - before)) '{ printf "%.0f\n", bytes / $1 }' "$RESULTS/$side"
}

state_bytes()
{
	program_database bytes
	each bytes "$MEMBERS" 'loyalty.earn(n::text, 100000000)'
	sql_file bytes peers/double_entry.sql
	sql -d bytes "INSERT INTO double_entry.account (name)
				  SELECT 'member/' || n FROM generate_series(1, $MEMBERS) AS n"
	tidy bytes
}

figure_bytes()
{
	local ours theirs cpu

	with_state bytes
	ours=$(bytes_run bytes loyalty -f "$BENCH/scripts/earn.sql" -f "$BENCH/scripts/redeem.sql")
	theirs=$(bytes_run bytes_double double_entry -f "$BENCH/scripts/double_entry.sql")
	sql_file bytes peers/check/double_entry.sql
	cpu=$(paste -d ' ' "$RESULTS/bytes" "$RESULTS/bytes_double" |
		awk '{ printf "%.1f / %.1f", $3 / $1, $6 / $4 }')
	row 'bytes on disk per operation' "$ours B" "$theirs B double-entry, PL/pgSQL" \
		"$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')" \
		'<= 300 B' "$cpu" "$([ "$ours" -le 300 ] && echo yes || echo no)"
}
