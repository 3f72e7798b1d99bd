-- Paid plans: subscribe, prolong, cancel with proration, lapse by the clock, multipliers.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Europe/Berlin');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES
	('shop', 'base', 1, 0, 1), ('shop', 'gold', 2, 1000, 2);
INSERT INTO loyalty.plan (name, price, period, earn_multiplier) VALUES
	('prime', 120, '1 year', 10), ('month', 9.99, '1 month', 1.5), ('books', 10, '30 days', 1);
INSERT INTO loyalty.rule (name, event, points, multiplied) VALUES
	('base', 'purchase', '$.amount', true), ('flat', 'purchase', '3', false);

-- subscribe
SELECT is(format('%s %s %s %s %s', plan, shown(since), shown(until), price, replayed),
	'prime 2023-03-01 12:00:00 2024-03-01 12:00:00 120 f', 'subscribe: for one period, at its price')
	FROM subscribe('ann', 'prime', 's1', '2023-03-01 12:00');
SELECT is(trail('ann'), 'subscribe 0', 'it is an entry of 0 points; the member was enrolled');
SELECT is(format('%s %s', shown(until), replayed), '2024-03-01 12:00:00 t', 'the same ref is the same subscription')
	FROM subscribe('ann', 'prime', 's1', '2023-05-01');
SELECT refuses($$SELECT FROM subscribe('ann', 'month', 's1')$$, 'LY003', 'another plan under that ref');
SELECT is(format('%s %s', shown(since), shown(until)), '2024-03-01 12:00:00 2025-03-01 12:00:00',
	'a second subscription prolongs') FROM subscribe('ann', 'prime', 's2', '2023-06-01');
SELECT is(shown(since), '2023-06-01', 'another plan at the same time') FROM subscribe('ann', 'books', at => '2023-06-01');
SELECT is(count(*), 3::bigint, 'a row for each') FROM subscriptions WHERE member = 'ann';
SELECT is(format('%s', array_agg(in_force ORDER BY entry_id)), '{f,f,f}', 'the clock alone ends them') FROM subscriptions WHERE member = 'ann';
SELECT is(shown(since), '2025-04-01', 'after a gap it begins anew') FROM subscribe('ann', 'prime', 's3', '2025-04-01');

-- months from the 31st on: local, clamped, counted from the first
SELECT is(shown(until), '2024-02-29 08:00:00', '31 January and a month') FROM subscribe('max', 'month', at => '2024-01-31 08:00');
SELECT is(shown(until), '2024-03-31 07:00:00', 'and two: the clamp does not stay, the local hour does') FROM subscribe('max', 'month', at => '2024-02-01');
SELECT is(shown(until), '2024-04-30 07:00:00', 'and three') FROM subscribe('max', 'month', at => '2024-02-01');
UPDATE loyalty.plan SET period = '2 months', price = 18 WHERE name = 'month';
SELECT is(format('%s %s %s', shown(since), shown(until), price), '2024-04-30 07:00:00 2024-06-30 07:00:00 18',
	'a changed plan counts from the next period on') FROM subscribe('max', 'month', at => '2024-02-01');

-- unsubscribe
SELECT FROM subscribe('bob', 'books', at => '2024-06-01');
SELECT FROM subscribe('bob', 'books', 'b2', '2024-06-02');
SELECT is(format('%s %s %s %s', shown(since), shown(until), price IS NULL, refund), '2024-06-01 2024-06-16 t 15.00',
	'unsubscribe: half of this period and all of the one paid ahead') FROM unsubscribe('bob', 'books', 'u1', '2024-06-16');
SELECT is(format('%s %s', refund, replayed), '15.00 t', 'repeated by its ref') FROM unsubscribe('bob', 'books', 'u1');
SELECT refuses($$SELECT FROM unsubscribe('bob', 'books', 'u2')$$, 'LY010', 'nothing is left to cancel');
SELECT refuses($$SELECT FROM subscribe('bob', 'books', 'b2')$$, 'LY003', 'the ref of a cancelled subscription', 'cancelled');
SELECT is(shown(since), '2024-06-20', 'one can come back') FROM subscribe('bob', 'books', 'b3', '2024-06-20');
SELECT is(format('%s', array_agg(refund ORDER BY entry_id)), '{5.00,10.00,NULL}', 'the refunds by period') FROM subscriptions WHERE member = 'bob';
SELECT FROM subscribe('eve', 'books', at => '2024-06-01');
SELECT is(refund, 3.33::numeric, 'a share is rounded to cents') FROM unsubscribe('eve', 'books', at => '2024-06-21');

-- refusals
SELECT refuses($$SELECT FROM subscribe('ann', 'none')$$, '22023', 'an unknown plan');
SELECT refuses($$SELECT FROM subscribe('ann', NULL)$$, '22023', 'no plan');
SELECT refuses($$SELECT FROM unsubscribe('nobody', 'prime')$$, 'LY002', 'an unknown member');
UPDATE loyalty.plan SET active = false WHERE name = 'books';
SELECT refuses($$SELECT FROM subscribe('ann', 'books')$$, 'LY010', 'a plan that is no longer sold');
SELECT isnt(refund, NULL, 'but it can be cancelled') FROM unsubscribe('bob', 'books', at => '2024-06-21');
SELECT FROM set_status('max', 'closed');
SELECT refuses($$SELECT FROM subscribe('max', 'prime')$$, 'LY004', 'a closed member');

-- multiplier: the greatest of tier and plan counts
SELECT is(points, 13, 'before the plan: times 1 and the rule that is not multiplied') FROM record('cat', 'purchase', '{"amount": 10}', 'o0', '2024-01-01');
SELECT FROM subscribe('cat', 'prime', at => '2024-02-01');
SELECT is(points, 13, 'an order dated before the plan') FROM record('cat', 'purchase', '{"amount": 10}', 'o1', '2024-01-31');
SELECT is(points, 103, 'with it: times 10') FROM record('cat', 'purchase', '{"amount": 10}', 'o2', '2024-02-01');
SELECT is(growth, 13, 'growth is before multipliers') FROM record('cat', 'purchase', '{"amount": 10}', 'o3', '2024-02-01');
SELECT ok(bool_or(line ~ 'gave 10, times 10 for plan prime is 100 points'), 'explain says so') FROM explain('cat', 'o2') line;
SELECT FROM record('cat', 'purchase', '{"amount": 1000}', 'o4', '2024-02-02');
SELECT is(tier_of('cat'), 'gold', 'gold by now');
SELECT is(points, 103, 'the greater of tier 2 and plan 10, not both') FROM record('cat', 'purchase', '{"amount": 10}', 'o5', '2024-02-03');
SELECT FROM unsubscribe('cat', 'prime', at => '2024-03-01');
SELECT is(points, 23, 'without the plan: the tier''s') FROM record('cat', 'purchase', '{"amount": 10}', 'o6', '2024-03-01');
SELECT is(points, 100, 'a correction goes by the plan stored with the grant') FROM settle('cat', 'purchase', '{"amount": 20}', 'o5');
UPDATE loyalty.plan SET earn_multiplier = 3 WHERE name = 'prime';
SELECT is(points, -100, 'whatever it says now') FROM settle('cat', 'purchase', '{"amount": 10}', 'o5');
SELECT FROM subscribe('cat', 'month', at => '2024-03-02');
SELECT FROM subscribe('cat', 'prime', at => '2024-03-02');
SELECT is(points, 33, 'of several plans the greatest') FROM record('cat', 'purchase', '{"amount": 10}', 'o7', '2024-03-02');
SELECT is(points, 23, 'after their end the tier''s again') FROM record('cat', 'purchase', '{"amount": 10}', 'o8', '2025-03-02 12:00');
SELECT ok(bool_or(line ~ '2023-03-01 13:00: plan prime was subscribed to from 2023-03-01 13:00 until 2024-03-01 13:00 for 120\.'), 'the story of a subscription') FROM explain('ann', 's1') line;
SELECT ok(bool_or(line ~ '2024-06-16 02:00: plan books was cancelled; 15.00 of its price is for the time left\.'), 'and of its end') FROM explain('bob', 'u1') line;

-- configuration
SELECT throws_ok($$INSERT INTO loyalty.plan (name, period) VALUES ('x', '0')$$, '23514', NULL, 'a period of nothing');
SELECT throws_ok($$INSERT INTO loyalty.plan (name, period) VALUES ('x', '1 month -1 day')$$, '23514', NULL, 'a period that is partly negative');
SELECT throws_ok($$INSERT INTO loyalty.plan (name, price) VALUES ('x', -1)$$, '23514', NULL, 'a negative price');
SELECT throws_ok($$INSERT INTO loyalty.plan (program, name) VALUES ('none', 'x')$$, 'LY005', NULL, 'a program that is not there');
SELECT throws_ok($$DELETE FROM loyalty.plan WHERE name = 'prime'$$, '23001', NULL, 'a plan that was sold is not deleted');
SELECT throws_ok($$DELETE FROM loyalty.program WHERE name = 'shop'$$, '23001', NULL, 'nor its program');
SELECT throws_ok($$DELETE FROM loyalty.subscription$$, '55000', NULL, 'subscriptions are written by the calls alone');
SELECT is(string_agg(old_value || ' ' || new_value, ', '), '10 3', 'changes of a plan are kept') FROM config_history('plan', 'prime') WHERE "column" = 'earn_multiplier';
UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT is(count(*), 3::bigint, 'plans follow the program''s new name') FROM loyalty.plan WHERE program = 'store';

SELECT lawful('plans');
SELECT * FROM finish();
