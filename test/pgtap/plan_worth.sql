-- plan_worth(): what a plan would have given over 12 months, against its price.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone, point_value) VALUES ('shop', 'never', 'Europe/Berlin', 0.01);
INSERT INTO loyalty.plan (name, price, period, earn_multiplier) VALUES
	('prime', 99, '1 year', 3), ('double', 50, '1 year', 2), ('month', 9.99, '1 month', 1), ('thirty', 30, '30 days', 1), ('two years', 100, '2 years', 1);
INSERT INTO loyalty.rule (name, event, points, multiplied, condition) VALUES
	('base', 'purchase', '$.amount', true, NULL), ('flat', 'purchase', '3', false, '$.amount > 0'), ('visit', 'visit', '1', true, NULL);
INSERT INTO loyalty.benefit (name, plan, kind, quota, condition, value) VALUES ('delivery', 'prime', 'coupon', 2, '$.amount >= 20', 4.99);

CREATE FUNCTION public.worth_of(member text, plan text, program text DEFAULT 'shop', at timestamptz DEFAULT '2025-06-15 12:00') RETURNS text
	LANGUAGE sql AS $$
	SELECT format('%s points %s, %s uses %s, %s - %s = %s', points, coalesce(points_worth::text, '-'), uses, benefit_worth, worth, price, net)
		FROM loyalty.plan_worth(member, plan, at, program) $$;

SELECT enroll('new') IS NOT NULL AS enrolled \gset
SELECT is(worth_of('new', 'prime'), '0 points 0, 0 uses 0, 0 - 99 = -99', 'a member without history');
SELECT is_empty($$SELECT * FROM plan_worth_lines('new', 'prime')$$, 'no lines');
SELECT is(format('%s %s %s', shown(since), shown(until), events), '2024-06-15 12:00:00 2025-06-15 12:00:00 0', '12 months')
	FROM plan_worth('new', 'prime', '2025-06-15 12:00');
SELECT is_empty($$SELECT d, w.since FROM generate_series('2023-12-01 12:00'::timestamp, '2025-03-02 12:00', '1 day') d,
	plan_worth('new', 'prime', d AT TIME ZONE 'Europe/Berlin') w
	WHERE w.since <> (d - interval '1 year') AT TIME ZONE 'Europe/Berlin' OR w.until <> d AT TIME ZONE 'Europe/Berlin'$$, '12 months before any day of the calendar');
SELECT is(shown(since), '2023-02-28 11:00:00', 'of 29 February the last of its month') FROM plan_worth('new', 'prime', '2024-02-29 12:00 Europe/Berlin');

-- points: the multiplier on what is multiplied, of what stands
SELECT FROM record('ann', 'purchase', '{"amount": 50}', 'o0', '2024-06-15 12:00');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-07-01');
SELECT FROM record('ann', 'purchase', '{"amount": 10}', 'o2', '2024-07-31 21:59');
SELECT FROM record('ann', 'purchase', '{"amount": 20}', 'o3', '2024-07-31 22:00');
SELECT FROM record('ann', 'purchase', '{"amount": 500}', 'o4', '2024-09-01');
SELECT FROM record('ann', 'purchase', '{"amount": 40}', 'o5', '2024-09-02');
SELECT FROM record('ann', 'purchase', '{"amount": -10}', NULL, '2024-10-01');
SELECT FROM record('ann', 'purchase', '{"amount": 30}', 'o6', '2024-11-01');
SELECT FROM record('ann', 'purchase', '{"amount": 20}', 'o7', '2024-11-05');
SELECT FROM record('ann', 'purchase', '{"amount": 20}', 'o8', '2024-11-06');
SELECT FROM earn('ann', 1000, 'gift', at => '2024-12-01');
SELECT FROM settle('ann', 'purchase', NULL, 'o4');
SELECT FROM settle('ann', 'purchase', '{"amount": 25}', 'o5');
SELECT FROM claw_back('ann', 'o6', 11);
SELECT results_eq($$SELECT benefit, shown(period_start), shown(period_end), events, quantity, unit, worth FROM plan_worth_lines('ann', 'prime', '2025-06-15 12:00')$$,
	$$VALUES (NULL, '2024-06-30 22:00:00', '2024-07-31 22:00:00', 2::bigint, 220::bigint, 'point', 2.20), (NULL, '2024-07-31 22:00:00', '2024-08-31 22:00:00', 1, 40, 'point', 0.40),
		(NULL, '2024-08-31 22:00:00', '2024-09-30 22:00:00', 1, 50, 'point', 0.50), (NULL, '2024-09-30 22:00:00', '2024-10-31 23:00:00', 1, -20, 'point', -0.20),
		(NULL, '2024-10-31 23:00:00', '2024-11-30 23:00:00', 3, 120, 'point', 1.20),
		('delivery', '2024-06-30 22:00:00', '2024-07-31 22:00:00', 1, 1, 'use', 4.99), ('delivery', '2024-07-31 22:00:00', '2024-08-31 22:00:00', 1, 1, 'use', 4.99),
		('delivery', '2024-08-31 22:00:00', '2024-09-30 22:00:00', 1, 1, 'use', 4.99), ('delivery', '2024-10-31 23:00:00', '2024-11-30 23:00:00', 3, 2, 'use', 9.98)$$,
	'by local month: what was corrected counts as it stands, a return takes, a claw-back takes its share, a quota caps');
SELECT is(worth_of('ann', 'prime'), '410 points 4.10, 5 uses 24.95, 29.05 - 99 = -69.95', 'and in all');
SELECT is(events, 8::bigint, 'eight events stand') FROM plan_worth('ann', 'prime', '2025-06-15 12:00');
SELECT is(points, 100, 'the year before has the event of its last instant') FROM plan_worth('ann', 'prime', '2024-06-15 12:00');
SELECT is(worth_of('ann', 'double'), '205 points 2.05, 0 uses 0, 2.05 - 50 = -47.95', 'a lesser plan');

-- the price of 12 months
SELECT is(string_agg(format('%s %s', p.name, w.price), ', ' ORDER BY p.plan_id), 'prime 99, double 50, month 119.88, thirty 365.00, two years 50.00',
	'whole periods, the last by its part') FROM loyalty.plan p, plan_worth('new', p.name, '2025-06-15 12:00') w;
SELECT is(price, 119.88, 'in a leap year as well') FROM plan_worth('new', 'month', '2024-02-29 12:00');

-- beside what the member has: its plans, its tier, campaigns, caps, limits
SELECT FROM subscribe('bob', 'prime', at => '2024-07-01');
SELECT FROM record('bob', 'purchase', '{"amount": 100}', 'o1', '2024-07-02');
SELECT FROM unsubscribe('bob', 'prime', at => '2024-08-01');
SELECT FROM record('bob', 'purchase', '{"amount": 100}', 'o2', '2024-08-02');
SELECT is(points, 400, 'for who had it: what it gave, and would have given') FROM plan_worth('bob', 'prime', '2025-06-15');
SELECT FROM subscribe('cat', 'double', at => '2024-07-01');
SELECT FROM record('cat', 'purchase', '{"amount": 100}', 'o1', '2024-07-02');
SELECT is(points, 100, 'for who has another: what it gives more') FROM plan_worth('cat', 'prime', '2025-06-15');
SELECT is(points, 100, 'and that one: what it gave') FROM plan_worth('cat', 'double', '2025-06-15');
UPDATE loyalty.rule SET points = '$.amount * 7' WHERE name = 'base';
SELECT is(points, 100, 'by the rules that counted then') FROM plan_worth('cat', 'prime', '2025-06-15');

INSERT INTO loyalty.program (name, validity) VALUES ('tiers', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('tiers', 'base', 1, 0, 1), ('tiers', 'gold', 2, 100, 5);
INSERT INTO loyalty.plan (program, name, price, earn_multiplier) VALUES ('tiers', 'prime', 10, 3);
INSERT INTO loyalty.rule (program, name, event, points, mode, starts_at) VALUES ('tiers', 'base', 'purchase', '$.amount', 'add', '-infinity'), ('tiers', 'campaign', 'purchase', '2', 'multiply', '2024-08-01');
INSERT INTO loyalty.benefit (program, name, tier, plan, quota, value, period, worth) VALUES
	('tiers', 'lounge', 'gold', NULL, 1, 5, 'year', NULL), ('tiers', 'lounge', NULL, 'prime', 3, 7, 'year', NULL),
	('tiers', 'percent', 'gold', NULL, NULL, 0.1, 'month', '$.amount * 0.1'), ('tiers', 'percent', NULL, 'prime', NULL, 0.25, 'month', '$.amount * 0.25'),
	('tiers', 'box', NULL, 'prime', 1, 20, 'once', NULL), ('tiers', 'hotline', NULL, 'prime', NULL, NULL, 'day', NULL);
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-07-01', 'tiers');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o2', '2024-07-02', 'tiers');
SELECT is(worth_of('ann', 'prime', 'tiers'), '200 points -, 5 uses 69.00, 69.00 - 10 = 59.00', 'a tier of a greater multiplier: nothing more; no point_value: benefits alone');
SELECT results_eq($$SELECT benefit, events, quantity, worth FROM plan_worth_lines('ann', 'prime', '2025-06-15', 'tiers') ORDER BY benefit, period_start$$,
	$$VALUES ('box', 2::bigint, 1::bigint, 20::numeric), ('hotline', 1, 1, NULL), ('hotline', 1, 1, NULL), ('lounge', 2, 1, 9), ('percent', 2, 1, 40.00), (NULL, 1, 200, NULL)$$,
	'of a benefit that the tier gives, too, what the plan gives more; worth by the event');
SELECT FROM record('bob', 'purchase', '{"amount": 50}', 'o1', '2024-08-01', 'tiers');
SELECT is(points, 200, 'campaigns on top') FROM plan_worth('bob', 'prime', '2025-06-15', 'tiers');
UPDATE loyalty.program SET max_multiplier = 4 WHERE name = 'tiers';
SELECT FROM record('cat', 'purchase', '{"amount": 50}', 'o1', '2024-08-01', 'tiers');
SELECT is(points, 100, 'up to max_multiplier') FROM plan_worth('cat', 'prime', '2025-06-15', 'tiers');

INSERT INTO loyalty.program (name, validity) VALUES ('limits', 'never');
INSERT INTO loyalty.plan (program, name, price, earn_multiplier) VALUES ('limits', 'prime', 10, 10);
INSERT INTO loyalty.rule (program, name, event, points, limits) VALUES ('limits', 'base', 'purchase', '$.amount', '[{"per": "month", "points": 100}]'),
	('limits', 'strict', 'visit', '10', '[{"per": "day", "points": 50, "then": "refuse"}]');
SELECT count(r.entry_id) AS recorded FROM generate_series(1, 3) i, record('ann', 'purchase', '{"amount": 10}', 'o' || i, '2024-07-01'::timestamptz + i * interval '1 day', 'limits') r \gset
SELECT FROM record('ann', 'purchase', '{"amount": 150}', 'o4', '2024-08-01', 'limits');
SELECT is(points, 70, 'limits: what one event uses is not there for the next') FROM plan_worth('ann', 'prime', '2025-06-15', 'limits');
SELECT FROM record('bob', 'visit', '{}', 'v1', '2024-07-01', 'limits');
SELECT is(points, -10, 'an event that a limit would have refused') FROM plan_worth('bob', 'prime', '2025-06-15', 'limits');

-- several kinds of points of an event without ref; attributes that were not kept
INSERT INTO loyalty.rule (name, event, points, point_kind) VALUES ('show', 'visit', '2', 'behaviour');
SELECT FROM record('eve', 'visit', '{}', NULL, '2024-07-01');
SELECT is(format('%s %s', events, points), '1 6', 'an event of two kinds of points is one') FROM plan_worth('eve', 'prime', '2025-06-15');
UPDATE loyalty.program SET keep_attributes = false WHERE name = 'shop';
SELECT FROM record('dan', 'purchase', '{"amount": 100}', 'o1', '2024-07-01');
SELECT is(worth_of('dan', 'prime'), '0 points 0, 0 uses 0, 0 - 99 = -99', 'without attributes nothing can be said');

SELECT refuses($$SELECT plan_worth('nobody', 'prime')$$, 'LY002', 'an unknown member');
SELECT refuses($$SELECT plan_worth('ann', 'none')$$, '22023', 'an unknown plan', 'Plans are the rows');
SELECT refuses($$SELECT plan_worth('ann', NULL)$$, '22023', 'no plan');
SELECT refuses($$SELECT plan_worth_lines(NULL, 'prime')$$, '22023', 'no member');
SELECT refuses($$SELECT plan_worth('ann', 'prime', 'infinity')$$, '22023', 'no year of eternity');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, worth) VALUES ('x', '$member.vip')$$, '42704', NULL, 'a variable in worth');

SELECT lawful('plan_worth');
SELECT * FROM finish();
