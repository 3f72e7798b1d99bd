# shellcheck shell=bash
#
# Two bulk loads over the same members in opposite order, at the same time,
# and the count of deadlocks in everything that ran before.

opposite_loads()
{
	local order first pids=() pid

	first=$(sql -d orders 'SELECT coalesce(max(order_id), 0) FROM shop.orders')
	for order in ASC DESC; do
		sql -d orders "INSERT INTO shop.orders
			SELECT $first + n, n, 10, 'web', 'paid', now()
			FROM (SELECT n FROM generate_series(1, $BUYERS) AS n ORDER BY n $order) AS s" &
		pids+=($!)
		first=$((first + BUYERS))
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || loads_failed=yes
	done
}

figure_deadlocks()
{
	local count loads_failed=

	with_state orders
	interleave "$RUNS" opposite_loads
	count=$(grep -c 'deadlock detected' "$WORK/server/log" || true)
	if [ -n "$loads_failed" ] && [ "$count" -eq 0 ]; then
		say 'a load failed, and not by a deadlock'
		return 1
	fi
	row 'deadlocks in any run' "$count" "two loads in opposite order, $RUNS times" \
		- 0 - "$([ "$count" -eq 0 ] && echo yes || echo no)"
}
