-- Streaks: one event a local day or week, runs and their breaks, cycles, missed days bought.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Europe/London');
INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('pier', 'never', 'Asia/Shanghai');
INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('edge', 'never', 'Pacific/Kiritimati');
INSERT INTO loyalty.rule (program, name, event, points) SELECT name, 'check-in', 'check_in', '5' FROM loyalty.program;
INSERT INTO loyalty.streak (event, cycle, make_up_points, make_up_within) VALUES ('check_in', 'month', 3, 5);
INSERT INTO loyalty.streak (program, event) VALUES ('pier', 'check_in'), ('edge', 'check_in');

-- What a check-in answers: its points, or 'same' for the one that its day has already.
CREATE FUNCTION public.check_in(member text, at timestamptz, program text DEFAULT 'shop', event text DEFAULT 'check_in') RETURNS text
	LANGUAGE sql AS $$
	SELECT CASE WHEN r.replayed AND r.entry_id IS NULL AND r.points = 0 THEN 'same' ELSE r.points::text END
		FROM loyalty.record(member, event, at => at, program => program) r $$;

-- 'run/best' with * if today is done
CREATE FUNCTION public.run_of(member text, at timestamptz, program text DEFAULT 'shop', event text DEFAULT 'check_in') RETURNS text
	LANGUAGE sql AS $$
	SELECT format('%s/%s%s', run, best, CASE WHEN done THEN '*' ELSE '' END) FROM loyalty.streak(member, event, at, program) $$;

-- A letter per period: d done, + made up, . missed, o open.
CREATE FUNCTION public.calendar_of(member text, at timestamptz, program text DEFAULT 'shop', event text DEFAULT 'check_in') RETURNS text
	LANGUAGE sql AS $$
	SELECT string_agg(CASE c ->> 'state' WHEN 'done' THEN 'd' WHEN 'made_up' THEN '+' WHEN 'missed' THEN '.' WHEN 'open' THEN 'o' END, '' ORDER BY c ->> 'day')
		FROM loyalty.streak(member, event, at, program) s, jsonb_array_elements(s.calendar) c $$;

-- runs and breaks
SELECT is(check_in('ann', '2024-03-01 09:00'), '5', 'the first day');
SELECT is(check_in('ann', '2024-03-01 23:59:59.999999'), 'same', 'two on one local day are one');
SELECT is(trail('ann'), 'event 5', 'nothing was written');
SELECT is(format('%s %s %s', entry_id IS NULL, balance, replayed), 't 5 t', 'the receipt: no entry, the balance as it is, replayed')
	FROM record('ann', 'check_in', ref => 'c1', at => '2024-03-01 10:00');
SELECT is(check_in('ann', '2024-03-02 00:00'), '5', 'the next day begins at midnight');
SELECT is(run_of('ann', '2024-03-02 12:00'), '2/2*', 'a run of two');
SELECT is(run_of('ann', '2024-03-03 12:00'), '2/2', 'it holds while today is open');
SELECT is(run_of('ann', '2024-03-04 00:00'), '0/2', 'a day without breaks it');
SELECT is(check_in('ann', '2024-03-05 12:00'), '5', 'on from there');
SELECT is(run_of('ann', '2024-03-05 12:00'), '1/2*', 'a new run; the best stays');
SELECT is(format('%s..%s %s/%s', cycle_since, cycle_until, cycle_done, missed), '2024-03-01..2024-04-01 3/2', 'the cycle: done and missed in it')
	FROM streak('ann', 'check_in', '2024-03-05 13:00');
SELECT is(calendar_of('ann', '2024-03-05 13:00'), 'dd..d' || repeat('o', 26), 'its calendar');
SELECT is(format('%s %s %s', jsonb_array_length(calendar), calendar -> 0, calendar -> 30),
	'31 {"day": "2024-03-01", "state": "done"} {"day": "2024-03-31", "state": "open"}', 'a day and its state')
	FROM streak('ann', 'check_in', '2024-03-05 13:00');
SELECT is(run_of('ann', '2024-03-02 12:00'), '2/2*', 'an earlier instant knows no later day');
SELECT is(calendar_of('ann', '2024-03-03 12:00'), 'dd' || repeat('o', 29), 'nor does its calendar');
SELECT is(next_reward, 5::bigint, 'what the next one pays') FROM streak('ann', 'check_in', '2024-03-05 13:00');

-- back-dated: the event marks its own day and may join two runs
SELECT is(check_in('ann', '2024-03-03 12:00'), '5', 'a late report marks its own day');
SELECT is(check_in('ann', '2024-03-04 12:00'), '5', 'and the next');
SELECT is(run_of('ann', '2024-03-05 13:00'), '5/5*', 'the runs are joined');
SELECT is(check_in('ann', '2024-03-04 20:00'), 'same', 'once');

-- a cycle starts anew, the run goes on; a block of 64 days ends within it
SELECT is((SELECT string_agg(DISTINCT check_in('ann', day + interval '8 hours'), ' ')
	FROM generate_series(timestamptz '2024-03-06', '2024-07-10', '1 day') day), '5', 'four months without a break');
SELECT is(run_of('ann', '2024-07-10 12:00'), '132/132*', 'the run counts them all');
SELECT is(format('%s %s', cycle_done, missed), '10 0', 'the cycle its own') FROM streak('ann', 'check_in', '2024-07-10 12:00');
SELECT is((SELECT count(*) FROM loyalty.streak_calendar), 3, 'and they are three rows');

-- local days: clocks go forward and back in London, the zone's own midnight elsewhere
SELECT is(check_in('bob', '2024-03-30 23:59:59+00'), '5', 'London, the last second of 30 March');
SELECT is(check_in('bob', '2024-03-31 00:00+00'), '5', 'the day of 23 hours');
SELECT is(check_in('bob', '2024-03-31 22:59:59+00'), 'same', 'until 23:59:59 BST');
SELECT is(check_in('bob', '2024-03-31 23:00+00'), '5', '1 April begins an hour earlier by UTC');
SELECT is(check_in('bob', '2024-04-01 22:59:59+00'), 'same', 'and lasts 24 hours');
SELECT is(run_of('bob', '2024-04-01 12:00+00'), '3/3*', 'three days');
SELECT is(check_in('bob', '2024-10-26 23:00+00'), '5', 'the day of 25 hours begins at 23:00 UTC');
SELECT is(check_in('bob', '2024-10-27 23:59:59+00'), 'same', 'and ends at midnight UTC');
SELECT is(check_in('bob', '2024-10-28 00:00+00'), '5', 'the day after it');
SELECT is(run_of('bob', '2024-10-28 12:00+00'), '2/3*', 'two days');
SELECT is(check_in('wei', '2024-02-28 16:00+00', 'pier'), '5', 'Shanghai: 29 February begins at 16:00 UTC');
SELECT is(check_in('wei', '2024-02-29 15:59:59+00', 'pier'), 'same', 'and ends there');
SELECT is(check_in('wei', '2024-02-29 16:00+00', 'pier'), '5', '1 March');
SELECT is(run_of('wei', '2024-02-29 17:00+00', 'pier'), '2/2*', 'a leap day in a run');
SELECT is(check_in('tia', '1999-12-30 10:00+00', 'edge'), '5', 'UTC+14, and days before 2000: 31 December');
SELECT is(check_in('tia', '1999-12-31 09:59:59+00', 'edge'), 'same', 'the same');
SELECT is(check_in('tia', '1999-12-31 10:00+00', 'edge'), '5', '1 January');
SELECT is(run_of('tia', '1999-12-31 10:00+00', 'edge'), '2/2*', 'over the origin of the count');
SELECT is(calendar_of('tia', '2000-03-01', 'edge'), repeat('.', 30) || 'o', 'without a cycle the calendar shows 31 periods');
SELECT is(format('%s %s %s %s', cycle_since, cycle_until, cycle_done, missed), '  2 59', 'and counts from the member''s first day on')
	FROM streak('tia', 'check_in', '2000-03-01', 'edge');

-- weeks, from Monday, over New Year
INSERT INTO loyalty.rule (name, event, points) VALUES ('run', 'run', '7');
INSERT INTO loyalty.streak (event, period, cycle, make_up_points) VALUES ('run', 'week', 'year', 10);
SELECT is(check_in('cat', '2024-12-23 09:00', event => 'run'), '7', 'Monday');
SELECT is(check_in('cat', '2024-12-29 23:59', event => 'run'), 'same', 'Sunday of that week');
SELECT is(check_in('cat', '2024-12-31 12:00', event => 'run'), '7', 'the week that ends on 5 January');
SELECT is(check_in('cat', '2025-01-05 12:00', event => 'run'), 'same', 'one week in two years');
SELECT is(check_in('cat', '2025-01-06 00:00', event => 'run'), '7', 'the next');
SELECT is(run_of('cat', '2025-01-19 23:59', event => 'run'), '3/3', 'it holds through the week that is open');
SELECT is(run_of('cat', '2025-01-20 00:00', event => 'run'), '0/3', 'and not longer');
SELECT is(format('%s..%s %s/%s %s', cycle_since, cycle_until, cycle_done, missed, jsonb_array_length(calendar)), '2025-01-06..2026-01-05 1/1 52',
	'a week belongs to the year of its Monday') FROM streak('cat', 'run', '2025-01-21');
SELECT is(format('%s..%s %s/%s', cycle_since, cycle_until, cycle_done, missed), '2024-01-01..2025-01-06 2/0', 'also the last one')
	FROM streak('cat', 'run', '2025-01-05 23:00');
SELECT is(points, -10::bigint, 'any day names its week') FROM make_up('cat', 'run', '2025-01-16', 'week', '2025-01-21');
SELECT is(format('%s %s', points, replayed), '-10 t', 'once per ref') FROM make_up('cat', 'run', '2025-01-13', 'week', '2025-01-21');
SELECT is(run_of('cat', '2025-01-21', event => 'run'), '4/4', 'and the run holds again');

-- missed days can be bought
SELECT is(check_in('dan', day), '5', 'dan ' || day::date) FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-02'), ('2024-05-03'), ('2024-05-06')) v (day);
SELECT is(format('%s %s %s', points, balance, replayed), '-3 17 f', 'a day costs its points') FROM make_up('dan', 'check_in', '2024-05-04', 'm4', '2024-05-06 10:00');
SELECT is(format('%s %s', (last_entry('dan')).kind, (last_entry('dan')).reason), 'r check_in made up for 2024-05-04', 'a redemption with its reason');
SELECT is(format('%s %s %s', points, balance, replayed), '-3 17 t', 'the same ref, once') FROM make_up('dan', 'check_in', '2024-05-04', 'm4', '2024-05-06 11:00');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-05', 'm4')$$, 'LY003', 'another day under that ref');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-04', at => '2024-05-06 11:00')$$, 'LY010', 'done already', 'The day is done already');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-06', at => '2024-05-06 11:00')$$, 'LY010', 'today, done', 'done already');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-07', at => '2024-05-07 11:00')$$, 'LY010', 'today, open', 'not over');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-08', at => '2024-05-07 11:00')$$, '22023', 'a day to come', 'future');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-04-30', at => '2024-05-04 11:00')$$, 'LY010', 'before the member''s time', 'before');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-05', at => '2024-05-10 23:00')$$, 'LY010', 'too far back', '6 days back, at most 5');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', NULL)$$, '22023', 'no day');
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', 'infinity')$$, '22023', 'no such day');
SELECT refuses($$SELECT FROM make_up('wei', 'check_in', '2024-03-02', at => '2024-03-04', program => 'pier')$$, 'LY010', 'not for sale', 'make_up_points');
SELECT refuses($$SELECT FROM make_up('nobody', 'check_in', '2024-05-05')$$, 'LY002', 'unknown member');
SELECT is(run_of('dan', '2024-05-06 12:00'), '1/4*', 'one gap is left');
SELECT is(points, -3::bigint, 'the last day that can be bought') FROM make_up('dan', 'check_in', '2024-05-05', at => '2024-05-10 22:59:59');
SELECT is(run_of('dan', '2024-05-06 12:00'), '6/6*', 'the run is whole');
SELECT is(calendar_of('dan', '2024-05-08 12:00'), 'ddd++d.' || repeat('o', 24), 'what was bought shows');
SELECT is(check_in('dan', '2024-05-05 12:00'), 'same', 'a late report of a day that was bought');
SELECT is(status, 'spend_blocked', 'whoever may not spend ...') FROM (SELECT 'spend_blocked' AS status FROM set_status('dan', 'spend_blocked')) s;
SELECT refuses($$SELECT FROM make_up('dan', 'check_in', '2024-05-07', at => '2024-05-10 22:59:59')$$, 'LY004', '... may not make up');
SELECT is(check_in('eve', '2024-05-01'), '5', 'a member of five points');
SELECT FROM redeem('eve', 3, at => '2024-05-01');
SELECT refuses($$SELECT FROM make_up('eve', 'check_in', '2024-05-02', at => '2024-05-03')$$, 'LY001', 'too few points');
SELECT is(calendar_of('eve', '2024-05-03'), 'd.' || repeat('o', 29), 'and the day stays missed');

-- without `once` further events of a day count, but not in the streak
INSERT INTO loyalty.rule (name, event, points) VALUES ('visit', 'visit', '2');
INSERT INTO loyalty.streak (event, cycle, once) VALUES ('visit', 'week', false);
SELECT is(check_in('fay', timestamptz '2024-05-01' + hour, event => 'visit'), '2', 'visit after ' || hour) FROM (VALUES (interval '8 hours'), ('12 hours')) v (hour);
SELECT is(run_of('fay', '2024-05-01 13:00', event => 'visit'), '1/1*', 'one day');

-- $streak in rules, stored with the grant
INSERT INTO loyalty.rule (name, event, condition, points) VALUES
	('rising', 'read', NULL, '($streak.run - 1) % 3 + 1'), ('third', 'read', '$streak.run % 3 == 0 && $streak.first == true', '10'),
	('fourth', 'read', '$streak.days == 4', '100');
INSERT INTO loyalty.streak (event, cycle, once, make_up_points) VALUES ('read', 'month', false, 1);
INSERT INTO loyalty.rule (name, event, condition, points) VALUES ('plain', 'plain', NULL, '$streak.run'), ('no streak', 'plain', '$streak == null', '4');
SELECT is((SELECT string_agg(check_in('kim', day, event => 'read'), ' ' ORDER BY day)
	FROM generate_series(timestamptz '2024-06-27 09:00', '2024-07-05 09:00', '1 day') day), '1 2 13 101 2 13 1 102 13', 'by the run and by the days of the month');
SELECT is(next_reward, 1::bigint, 'what tomorrow pays') FROM streak('kim', 'read', '2024-07-05 10:00');
SELECT is(next_reward, 1::bigint, 'and today, while it is open') FROM streak('kim', 'read', '2024-07-06 10:00');
SELECT is(next_reward, 1::bigint, 'after a break from the start') FROM streak('kim', 'read', '2024-07-07 10:00');
SELECT is(check_in('kim', '2024-07-05 12:00', event => 'read'), '3', 'a second of that day is not the first');
SELECT is((last_entry('kim')).breakdown -> 'facts' -> 'streak', '{"run": 9, "days": 5, "first": false}', 'what it used is stored');
SELECT is(points, -1::bigint, 'a day made up') FROM make_up('kim', 'read', '2024-07-06', at => '2024-07-07');
SELECT is(next_reward, 2::bigint, 'counts') FROM streak('kim', 'read', '2024-07-07 10:00');
SELECT is(points, 2::bigint, 'the run before it is changed') FROM settle('kim', 'read', '{}', 'k1', '2024-07-07 10:00');
SELECT is(check_in('kim', '2024-06-26 10:00', event => 'read'), '1', 'a late report that makes it longer');
SELECT is(run_of('kim', '2024-07-07 12:00', event => 'read'), '12/12*', 'a run of 12');
SELECT FROM settle('kim', 'read', NULL, 'k1');
SELECT is(points, 2::bigint, 'a correction goes by the stored run') FROM settle('kim', 'read', '{"again": true}', 'k1');
SELECT is(check_in('kim', '2024-07-07 10:00', event => 'plain'), '4', '$streak is null where there is none');

SELECT is(format('%s %s', points, breakdown -> 'facts' -> 'streak'), '1 {"run": 13, "days": 8, "first": true}', 'preview knows the streak')
	FROM preview('kim', 'read', at => '2024-07-08 10:00');
SELECT is(format('%s %s', points, breakdown IS NULL), '0 t', 'and that a day has its event already') FROM preview('ann', 'check_in', at => '2024-07-10 12:00');

-- the next reward is what record would give: within limits and budgets, of which it takes nothing
INSERT INTO loyalty.rule (name, event, points, limits) VALUES ('once', 'quiz', '5', '[{"per": "ever", "times": 1, "then": "refuse"}]');
INSERT INTO loyalty.rule (name, event, points, budget) VALUES ('while it lasts', 'quiz', '20', 32);
INSERT INTO loyalty.streak (event) VALUES ('quiz');
SELECT FROM enroll('lee', at => '2024-05-01');
SELECT is(next_reward, 25::bigint, 'asked ' || n) FROM (VALUES ('once'), ('twice')) v (n), streak('lee', 'quiz', '2024-05-01 10:00');
SELECT is((SELECT sum(used) FROM loyalty.rule_budget)::bigint, 0::bigint, 'nothing was taken');
SELECT is(check_in('lee', '2024-05-01', event => 'quiz'), '25', 'so it came');
SELECT is(next_reward, 0::bigint, 'a limit that would refuse the next one') FROM streak('lee', 'quiz', '2024-05-01 10:00');
SELECT FROM enroll('max', at => '2024-05-01');
SELECT is(next_reward, 17::bigint, 'what is left of the budget') FROM streak('max', 'quiz', '2024-05-01 10:00');

-- settle goes by the same days; a correction marks none
SELECT is(format('%s %s', points, replayed), '5 f', 'settle marks its day') FROM settle('gil', 'check_in', '{}', 's1', '2024-05-01');
SELECT is(format('%s %s %s', entry_id IS NULL, points, replayed), 't 0 t', 'another ref on that day is the same one') FROM settle('gil', 'check_in', '{}', 's2', '2024-05-01 10:00');
SELECT is(format('%s %s', points, replayed), '-5 f', 'called off') FROM settle('gil', 'check_in', NULL, 's1');
SELECT is(format('%s %s', points, replayed), '5 f', 'and on again') FROM settle('gil', 'check_in', '{}', 's1');
SELECT is(run_of('gil', '2024-05-01 12:00'), '1/1*', 'the day was marked once');

-- an attached table: several events of a statement see each other, a refused one marks nothing
CREATE TABLE public.visits (id text PRIMARY KEY, who text, seen timestamptz);
SELECT FROM attach('public.visits', 'who', 'id', 'check_in', 'seen', backfill => true);
INSERT INTO public.visits VALUES ('v1', 'hal', '2024-05-01 10:00'), ('v2', 'hal', '2024-05-01 11:00'), ('v3', 'hal', '2024-05-02 10:00'),
	('v4', 'hal', '2099-01-01'), ('v5', 'hal', '2024-05-03 10:00');
SELECT is(run_of('hal', '2024-05-03 12:00'), '3/3*', 'a statement''s days');
SELECT is(points(wallet_of_member.points), 15::bigint, 'each granted once') FROM member_row('hal') wallet_of_member;
SELECT is(run_of('hal', '2099-01-01'), '0/3', 'an event that was refused is no day');

-- configuration
SELECT refuses($$INSERT INTO loyalty.streak (event, period, cycle) VALUES ('x', 'week', 'week')$$, '23514', 'a cycle is longer than its period');
SELECT refuses($$INSERT INTO loyalty.streak (event, make_up_points) VALUES ('x', 0)$$, '23514', 'a price is one');
SELECT refuses($$INSERT INTO loyalty.streak (event) VALUES ('check_in')$$, '23505', 'an event has one streak');
SELECT refuses($$SELECT FROM streak('ann', 'register')$$, '22023', 'an event without a streak', 'has no streak');
SELECT refuses($$SELECT FROM streak('ann', 'never_named')$$, '22023', 'an unknown event', 'unknown event');
SELECT refuses($$SELECT FROM streak('nobody', 'check_in')$$, 'LY002', 'an unknown member');
UPDATE loyalty.streak SET make_up_points = 4 WHERE program = 'shop' AND event = 'check_in';
SELECT is(string_agg(format('%s %s>%s', action, old_value, new_value), ', '), 'changed 3>4', 'who changed it')
	FROM config_history('streak', 'check_in') WHERE "column" IS NOT NULL;
UPDATE loyalty.streak SET period = 'week', cycle = 'year' WHERE program = 'shop' AND event = 'check_in';
SELECT is(run_of('ann', '2024-07-10 12:00'), '0/0', 'with another period a new calendar begins');
UPDATE loyalty.streak SET period = 'day', cycle = 'none' WHERE program = 'shop' AND event = 'check_in';
SELECT is(run_of('ann', '2024-07-10 12:00'), '132/132*', 'the old one is kept');
SELECT refuses($$UPDATE loyalty.streak_calendar SET done = -1$$, '55000', 'calendars are written by the functions only');
SELECT lawful('streaks');
SELECT * FROM finish();
