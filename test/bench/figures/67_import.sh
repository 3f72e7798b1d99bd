# shellcheck shell=bash
#
# Opening balances of many members from a table, two lots and a tier by growth
# each, against COPY of the very rows that this left behind into copies of the
# three tables, with the same indexes.  Each round has a program of its own.

state_import()
{
	local table number

	server_database import
	for ((number = 1; number <= LONG_RUNS; number++)); do
		sql -d import "
			INSERT INTO loyalty.program (name) VALUES ('shop$number');
			INSERT INTO loyalty.tier (program, name, rank, threshold)
				VALUES ('shop$number', 'base', 1, 0), ('shop$number', 'gold', 2, 1000)"
	done
	sql -d import "
		CREATE TABLE old_balances AS
			SELECT 'customer ' || n AS member, 100 + n % 900 AS points,
				date '2026-01-01' + (n % 300)::integer + lot AS valid_from,
				date '2036-01-01' + (n % 300)::integer AS valid_until,
				CASE lot WHEN 0 THEN n % 2000 END AS growth
			FROM generate_series(1, $IMPORTED) AS n, generate_series(0, 1) AS lot;
		CREATE SCHEMA copies"
	for table in member ledger tier_period; do
		sql -d import "CREATE TABLE copies.$table (LIKE loyalty.$table INCLUDING ALL)"
	done
	sql -d import "
		ALTER TABLE copies.member SET (fillfactor = 50)"
	tidy import
}

run_import()
{
	local table file=$WORK/rows
	local -A range

	sql_run import import "$IMPORTED" \
		"SELECT * FROM loyalty.import_members('old_balances', 'migration', program => 'shop$ROUND');"
	range[member]="program_id = (SELECT program_id FROM loyalty.program WHERE name = 'shop$ROUND')"
	range[ledger]="member_id IN (SELECT member_id FROM loyalty.member WHERE ${range[member]})"
	range[tier_period]=${range[ledger]}
	: >"$file"
	for table in member ledger tier_period; do
		sql -d import "COPY (SELECT * FROM loyalty.$table WHERE ${range[$table]} ORDER BY member_id)
			TO STDOUT (FORMAT binary)" >"$file.$table"
	done
	sql_run import_copy import "$IMPORTED" "DO \$\$
		BEGIN
			COPY copies.member FROM '$file.member' (FORMAT binary);
			COPY copies.ledger FROM '$file.ledger' (FORMAT binary);
			COPY copies.tier_period FROM '$file.tier_period' (FORMAT binary);
		END \$\$;"
	rm "$file" "$file".*
}

figure_import()
{
	with_state import
	interleave "$LONG_RUNS" run_import
	compare "import of $IMPORTED members" time '<= 1.8' import import_copy 'COPY'
}
