# shellcheck shell=bash
#
# COPY of order rows into a table bound by attach, against the UPDATE of the
# members and the INSERT of the entries that this leaves (COPY itself, the
# orders' primary key and the rules are all on our side).  Five orders a member.

# The file is read by the server, so that no client's CPU counts.
run_orders()
{
	local file=$WORK/tmp/orders.copy

	sql -d orders "COPY (
		SELECT n + (SELECT coalesce(max(order_id), 0) FROM shop.orders),
			   n::bigint * 7919 % $BUYERS + 1, (n % 500 + 1) + 0.9,
			   CASE WHEN n % 2 = 0 THEN 'app' ELSE 'web' END, 'paid', now()
		FROM generate_series(1, $ORDERS) AS n) TO '$file'"
	sql_run orders orders "$ORDERS" "COPY shop.orders FROM '$file';"
	rm -f "$file"
	floor_run orders_floor orders "$ORDERS"
}

state_orders()
{
	program_database orders
	sql_file orders scripts/orders.sql
	each orders "$BUYERS" 'loyalty.earn(n::text, 100)'
	sql_file orders peers/set_based.sql
	tidy orders
}

figure_orders()
{
	with_state orders
	floor_open orders
	interleave "$LONG_RUNS" run_orders
	floor_check orders
	compare "COPY of $ORDERS orders" time '<= 2' orders orders_floor 'UPDATE + INSERT'
}
