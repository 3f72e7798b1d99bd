# shellcheck shell=bash
#
# The end of the status periods of a million members, all of whom fall: by
# maintain, against the UPDATEs and the INSERT of the same rows.  And what is
# left of earning while it runs, on the very members that fall.
#
# Half of the members fall in rounds: the period of every k-th ends on day k, all
# in the past, and round k maintains up to it.  The other half falls at once,
# while one client earns; it has earned alone before.

FALLING=$((CROWD / 2 / CROWD_RUNS * CROWD_RUNS))

state_period_end()
{
	program_database period_end
	sql -d period_end "
		INSERT INTO loyalty.tier (program, name, rank, threshold, keep_threshold, status_validity, downgrade)
			VALUES ('shop', 'silver', 1, 1000, 5000, '10 days', 'one');
		INSERT INTO loyalty.rule (program, name, event, points)
			VALUES ('shop', 'base', 'purchase', '\$.amount')"
	each period_end "$CROWD" \
		"loyalty.record(n::text, 'purchase', '{\"amount\": 1000}',
			at => date_trunc('day', now()) - interval '60 days'
				+ CASE WHEN n <= $FALLING THEN n % $CROWD_RUNS ELSE $CROWD_RUNS END * interval '1 day')"
	# as if they had been recorded then: nobody can record in the past
	sql -d period_end "
		ALTER TABLE loyalty.tier_period DISABLE TRIGGER ALL;
		UPDATE loyalty.tier_period p SET since = m.last_at, tier_id = m.tier_id
			FROM loyalty.member m WHERE m.member_id = p.member_id"
	sql_file period_end peers/period_end.sql
	vacuumdb -q --full --analyze -d period_end
}

maintain_until() { printf "CALL loyalty.maintain(at => date_trunc('day', now()) - interval '%s days')" "$((50 - $1))"; }

run_period_end()
{
	local count

	sql_run period_end period_end "$((FALLING / CROWD_RUNS))" "$(maintain_until "$((ROUND - 1))");"
	count=$(sql -d period_end 'SELECT period_end.capture()')
	if [ "$count" -ne "$((FALLING / CROWD_RUNS))" ]; then
		say "$count members fell where $((FALLING / CROWD_RUNS)) were expected"
		return 1
	fi
	sql_run period_end_floor period_end "$count" "$(sql -d period_end 'SELECT period_end.statement()');"
}

earn_run()
{
	CLIENTS=1 JOBS=1 MEMBERS=$CROWD pgbench_run "earn_$1" period_end "$SECONDS_BESIDE" \
		-f "$BENCH/scripts/earn.sql"
}

# Of the half that fall at once, a client finds some before maintain does.
run_beside()
{
	local maintenance

	earn_run alone
	sql -d period_end "$(maintain_until "$CROWD_RUNS")" &
	maintenance=$!
	earn_run beside
	kill -0 "$maintenance" 2>/dev/null || say '  maintain ended before the earning did'
	wait "$maintenance"
}

figure_period_end()
{
	with_state period_end
	sql -d period_end 'CALL period_end.mirror()'
	tidy period_end
	interleave "$CROWD_RUNS" run_period_end
	if [ "$(sql -d period_end 'SELECT period_end.agrees()')" != t ]; then
		say 'the floor did not write what the extension wrote'
		return 1
	fi
	compare "period end, $CROWD members, all fall" time '<= 2' \
		period_end period_end_floor 'UPDATEs + INSERT'
	run_beside
	compare 'earn while periods end' rate '>= 0.5' earn_beside earn_alone 'alone'
}
