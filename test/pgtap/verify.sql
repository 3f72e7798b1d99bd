-- verify(): each table beside the member's row is held against the ledger. One row is changed, one problem is found.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, growth_window, time_zone) VALUES ('shop', 'never', '12 months', 'Europe/Berlin');
INSERT INTO loyalty.plan (name, price, period) VALUES ('prime', 99, '1 year');
INSERT INTO loyalty.tier (name, rank, threshold, gift) VALUES ('base', 1, 0, 0), ('silver', 2, 100, 10), ('gold', 3, 1000, 20);
INSERT INTO loyalty.benefit (name, plan, quota) VALUES ('delivery', 'prime', 5);
INSERT INTO loyalty.streak (event, make_up_points, period, once) VALUES ('check_in', 5, 'day', true), ('visit', NULL, 'week', false);
INSERT INTO loyalty.referral_rule (event, condition) VALUES ('purchase', '$.amount >= 10');
INSERT INTO loyalty.badge (name) VALUES ('critic');
INSERT INTO loyalty.task (name, event, badge, target, measure) VALUES ('reviews', 'review', 'critic', 2, NULL), ('spend', 'purchase', NULL, 1000, '$.amount');
INSERT INTO loyalty.rule (name, event, points, growth) VALUES ('base', 'purchase', '$.amount', NULL), ('daily', 'check_in', '$streak.run', '0'),
	('weekly', 'visit', '1', '0'), ('thanks', 'invite_completed', '100', '0'), ('welcome', 'invited', '20', '0'), ('done', 'task_completed', '3', '0'), ('review', 'review', '1', '0');

SELECT FROM record('ann', 'purchase', '{"amount": 150}', 'o1', now() - interval '3 months');
SELECT FROM record('ann', 'purchase', '{"amount": 30}', 'o2', now() - interval '2 months');
SELECT FROM settle('ann', 'purchase', '{"amount": 20}', 'o2');
SELECT FROM claw_back('ann', 'o1', 10, claw_ref => 'claw 1');
SELECT FROM redeem('ann', 40, 'r1');
SELECT FROM restore('ann', 'r1', 10, 'back 1');
SELECT FROM grant_tier('ann', 'gold', now() + interval '1 month', 'sorry', 'g1');
SELECT FROM subscribe('bob', 'prime', 's1', now() - interval '6 months');
SELECT FROM subscribe('bob', 'prime', 's2', now() - interval '5 months');
SELECT FROM unsubscribe('bob', 'prime', 'u1', now() - interval '1 month');
SELECT FROM subscribe('bob', 'prime', 's3');
SELECT FROM use_benefit('bob', 'delivery', 2, 'b1', at => now());
SELECT FROM grant_tier('bob', 'silver', now() + interval '1 month', 'sorry', 'g1');
SELECT FROM revoke_tier('bob', 'silver', 'no');
SELECT FROM grant_tier('bob', 'gold', now() + interval '1 month', 'sorry', 'g2');
SELECT FROM earn('cat', 100, 'e1', at => '2024-03-01 10:00');
SELECT FROM record('cat', 'check_in', '{}', NULL, '2024-03-01 23:30');
SELECT FROM record('cat', 'check_in', '{}', NULL, '2024-03-03 10:00');
SELECT FROM make_up('cat', 'check_in', '2024-03-01', at => '2024-03-03 11:00');
SELECT FROM record('cat', 'visit', '{}', NULL, '2024-03-03 22:59');
SELECT FROM record('cat', 'visit', '{}', NULL, '2024-03-03 23:00');
SELECT FROM invite('ann', 'dan', at => now() - interval '20 days');
SELECT FROM record('dan', 'purchase', '{"amount": 50}', 'o1', now() - interval '10 days');
SELECT FROM record('dan', 'review', '{}', 'v1');
SELECT FROM record('dan', 'review', '{}', 'v2');
SELECT FROM record('dan', 'review', '{}', 'v3');
SELECT FROM settle('dan', 'review', NULL, 'v3');
SELECT is_empty('SELECT * FROM verify()', 'sound');
SELECT public.recent_rests();
SELECT is_empty('SELECT * FROM verify()', 'sound wherever the rows are');

-- the problems that verify() finds after a change, which is taken back
CREATE FUNCTION found(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	guarded regclass;
	found text;
BEGIN
	FOR guarded IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'guard' AND NOT tgisinternal LOOP
		EXECUTE format('ALTER TABLE %s DISABLE TRIGGER guard', guarded);
	END LOOP;
	ALTER TABLE loyalty.event_type DISABLE TRIGGER USER;
	EXECUTE change;
	SELECT coalesce(string_agg(format('%s: %s', v.member_ref, v.problem), '; ' ORDER BY v.member_ref, v.problem), 'nothing') INTO found
		FROM loyalty.verify() v;
	RAISE EXCEPTION USING MESSAGE = found, ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END
$$;
CREATE FUNCTION of(member text) RETURNS bigint LANGUAGE sql AS $$ SELECT member_id($1) $$;
SELECT is(found(replace(replace(replace(replace(change, ':ann', of('ann')::text), ':bob', of('bob')::text), ':cat', of('cat')::text), ':dan', of('dan')::text)), problem, change) FROM (VALUES
	-- names
	('DELETE FROM loyalty.event_type WHERE name = ''visit''', 'cat: entry names an event that does not exist'),
	('UPDATE loyalty.actor SET actor_id = actor_id + 100', (SELECT string_agg(m || ': entry names an actor that does not exist', '; ') FROM unnest('{ann,bob,cat,dan}'::text[]) m)),
	-- refs of operations
	('DELETE FROM loyalty.operation_ref WHERE operation_ref = ''claw 1''', 'ann: operation ref of an entry is missing'),
	('UPDATE loyalty.operation_ref SET operation_ref = ''other'' WHERE operation_ref = ''back 1''', 'ann: operation ref is not that of its entry'),
	('UPDATE loyalty.operation_ref SET kind = ''b'' WHERE operation_ref = ''back 1''', 'ann: operation ref is not that of its entry'),
	-- tiers
	('UPDATE loyalty.tier_period SET tier_id = 12345 WHERE member_id = :ann AND until < ''infinity'' AND since = (SELECT min(since) FROM loyalty.tier_period WHERE member_id = :ann)', 'ann: tier period is not what its entry says'),
	('UPDATE loyalty.tier_period SET entry_id = 1000000 WHERE member_id = :ann AND until = ''infinity''', 'ann: tier period is not what its entry says'),
	('UPDATE loyalty.tier_grant SET until = until + interval ''1 day'' WHERE member_id = :ann', 'ann: granted tier is not what its entry says'),
	('UPDATE loyalty.tier_grant SET until = until - interval ''1 day'' WHERE member_id = :ann', 'ann: granted tier is not what its entry says'),
	('UPDATE loyalty.tier_grant SET since = since - interval ''1 day'' WHERE member_id = :ann', 'ann: granted tier is not what its entry says'),
	('UPDATE loyalty.tier_grant SET kind = ''voucher'' WHERE member_id = :ann', 'ann: granted tier is not what its entry says'),
	('DELETE FROM loyalty.tier_grant WHERE member_id = :bob AND tier_id = (SELECT tier_id FROM loyalty.tier WHERE name = ''silver'')', 'bob: granted tier of an entry is missing'),
	('UPDATE loyalty.member SET has_grants = false WHERE member_id = :bob', 'bob: has_grants is false, but a granted tier is held'),
	('UPDATE loyalty.tier_gift SET cause = cause + 1', 'ann: gift is not what its entries say'),
	('UPDATE loyalty.tier_gift SET taken_back = entry_id', 'ann: gift is not what its entries say'),
	('DELETE FROM loyalty.tier_gift', 'ann: gift of an entry is missing'),
	-- plans and benefits
	('UPDATE loyalty.subscription SET until = until + interval ''1 day'' WHERE ref = ''s3''', 'bob: subscription is not what its entries say'),
	('UPDATE loyalty.subscription SET until = until + interval ''1 day'' WHERE ref = ''s2''', 'bob: subscription is not what its entries say'),
	('UPDATE loyalty.subscription SET price = 1 WHERE ref = ''s1''', 'bob: subscription is not what its entries say'),
	('UPDATE loyalty.subscription SET ref = ''other'' WHERE ref = ''s1''', 'bob: subscription is not what its entries say'),
	('UPDATE loyalty.subscription SET plan_id = 12345 WHERE ref = ''s1''', 'bob: subscription is not what its entries say'),
	('UPDATE loyalty.subscription SET refund = refund + 1 WHERE ref = ''s1''', 'bob: cancelled subscriptions are not what their entry says'),
	('DELETE FROM loyalty.subscription WHERE ref = ''s3''', 'bob: subscription of an entry is missing'),
	('UPDATE loyalty.benefit_use SET used = used - 1', 'bob: used benefits are not those of the ledger'),
	('DELETE FROM loyalty.benefit_use', 'bob: used benefits are not those of the ledger'),
	('INSERT INTO loyalty.benefit_use (member_id, benefit, period_start, used) VALUES (:ann, ''delivery'', ''2024-01-01'', 1)', 'ann: used benefits are not those of the ledger'),
	-- streaks
	('UPDATE loyalty.streak_calendar_overflow SET done = done | (1::bigint << 63) WHERE period = ''d''', 'cat: streak has a period without an event'),
	('UPDATE loyalty.streak_calendar_overflow SET made_up = 0 WHERE period = ''d''', 'cat: streak has a period without an event'),
	('UPDATE loyalty.streak_calendar_overflow SET made_up = done WHERE period = ''w''', 'cat: streak has a made-up period that was not paid for; cat: streak has a made-up period that was not paid for'),
	('UPDATE loyalty.streak_calendar_overflow SET done = done & ~made_up WHERE period = ''d''', 'cat: streak has a made-up period that was not paid for'),
	('UPDATE loyalty.streak_calendar_overflow SET done = made_up WHERE period = ''d''', 'cat: streak lacks the period of an event; cat: streak lacks the period of an event'),
	('UPDATE loyalty.streak_calendar_overflow SET block = block + 1 WHERE period = ''w''', 'cat: streak has a period without an event; cat: streak has a period without an event'),
	-- invitations
	('UPDATE loyalty.referral SET inviter_id = :cat', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET inviter_id = 1000000', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET invited_at = invited_at - interval ''1 day''', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET entry_id = qualified_entry', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET qualified_entry = entry_id', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET qualified_ref = ''other''', 'dan: invitation is not what its entries say'),
	('UPDATE loyalty.referral SET qualified_at = NULL', 'dan: invitation is not what its entries say'),
	-- tasks and badges
	('UPDATE loyalty.task_progress SET amount = amount + 1 WHERE ref = '''' AND member_id = :ann', 'ann: progress of a task is not what its events add up to'),
	('DELETE FROM loyalty.task_progress WHERE ref = ''o2''', 'ann: progress of a task is not what its events add up to'),
	('UPDATE loyalty.task_progress SET ref = ''other'' WHERE ref = ''o2''', 'ann: progress of a task counts an event that does not'),
	('UPDATE loyalty.task_progress SET amount = amount + 1 WHERE ref IN (''v3'', '''') AND member_id = :dan AND amount < 3', 'dan: progress of a task counts an event that does not'),
	('UPDATE loyalty.member_badge SET awarded_at = now()', 'dan: badge is not what its entry says'),
	('UPDATE loyalty.member_badge SET entry_id = 1', 'dan: badge is not what its entry says'),
	('DELETE FROM loyalty.member_badge', 'dan: badge of a completed task is missing'),
	-- growth: its sum is the same
	('UPDATE loyalty.member SET growth = loyalty.point_wallet(ARRAY(SELECT loyalty.point_lot(loyalty.points(l), loyalty.valid_from(l) + interval ''1 month'', loyalty.valid_until(l) + interval ''1 month'') FROM loyalty.lots(growth) l)) WHERE member_id = :dan', 'dan: growth is not dated as its entries are')
	) AS v (change, problem);

-- figures as large as they can be; what cannot be added up is one problem more, and all else is still seen
SELECT FROM record('eve', 'purchase', '{"amount": 5000000000000000000}', 'o1');
SELECT is_empty('SELECT * FROM verify()', 'much growth in one event');
SELECT is(found(change || '; UPDATE loyalty.member SET held = held + 1 WHERE ref = ''ann'''), 'ann: held points are not what the entries leave; ' || problem, change) FROM (VALUES
	('UPDATE loyalty.ledger SET growth = 9223372036854775807 WHERE ref = ''task spend'' AND member_id = ' || of('eve'),
		'eve: growth is not what the entries leave; eve: growth would be beyond bigint; eve: hash does not continue the chain'),
	('UPDATE loyalty.member SET held = 9223372036854775807, maintain_at = ''-infinity'' WHERE ref = ''eve''', 'eve: held points are not what the entries leave'),
	('UPDATE loyalty.ledger SET at = ''294276-12-31 23:00'' WHERE kind = ''v'' AND ref = ''o1'' AND member_id = ' || of('eve'), 'eve: figures cannot be added up or read'),
	('UPDATE loyalty.ledger SET breakdown = breakdown || ''{"quantity": "x"}'' WHERE kind = ''u''', 'bob: figures cannot be added up or read; bob: hash does not continue the chain')
	) AS v (change, problem);

-- no more than bigint is ever owned: what is held can come back
INSERT INTO loyalty.rule (name, event, points, growth) VALUES ('prize', 'prize', '$.points', '0');
SELECT FROM record('fay', 'prize', '{"points": 5000000000000000000}', 'p1');
SELECT FROM hold('fay', 5000000000000000000, 'h1');
SELECT throws_ok($$SELECT FROM record('fay', 'prize', '{"points": 5000000000000000000}', 'p2')$$, '22003', NULL, 'wallet and held together beyond bigint');
SELECT lives_ok($$SELECT FROM record('fay', 'prize', '{"points": 4000000000000000000}', 'p2')$$, 'and within it');
SELECT lives_ok($$SELECT FROM release('fay', 'h1')$$, 'a hold of so much is released');
SELECT is(stands('fay'), 'wallet 9000000000000000000, held 0, debt 0', 'all of it is there');

-- what was corrected, or called off, is sound
SELECT FROM settle('dan', 'purchase', NULL, 'o1');
SELECT FROM settle('dan', 'review', NULL, 'v2');
SELECT FROM settle('ann', 'purchase', NULL, 'o1');
SELECT is_empty('SELECT * FROM loyalty.member_badge', 'the badge is gone');
SELECT is(found('UPDATE loyalty.tier_gift SET taken_back = NULL'), 'ann: gift is not what its entries say', 'a gift said to stand');

-- so is a program that changed: its time zone, its window, what a task asks for
UPDATE loyalty.program SET time_zone = 'Pacific/Auckland', growth_window = '6 months' WHERE name = 'shop';
UPDATE loyalty.task SET measure = '$.stars', badge = NULL WHERE name = 'reviews';
DELETE FROM loyalty.streak WHERE event = 'visit';
UPDATE loyalty.streak SET period = 'week' WHERE event = 'check_in';
SELECT FROM record('cat', 'check_in', '{}', NULL, '2024-05-01');
SELECT FROM record('dan', 'review', '{"stars": 3}', 'v4');
SELECT FROM record('dan', 'review', '{"stars": 3}');
SELECT FROM record('ann', 'purchase', '{"amount": 500}', 'o9');
SELECT lawful('verify');
SELECT * FROM finish();
