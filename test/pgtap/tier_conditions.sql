-- Conditions of tiers: when they are looked at. Up at once, down at the end of the status period.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.plan (name, price, period) VALUES ('prime', 99, '1 year'), ('other', 10, '1 year');
INSERT INTO loyalty.tier (name, rank, threshold, gift, status_validity, condition) VALUES
	('base', 1, 0, 0, 'never', NULL), ('club', 2, 50, 10, '6 months', '$plan == "prime"');
INSERT INTO loyalty.rule (name, event, points, growth) VALUES ('base', 'purchase', '$.amount', NULL), ('daily', 'check_in', '1', '0');

-- $plan: subscribing upgrades at once, with the gift
SELECT is(tier, 'base', 'the threshold without the plan') FROM record('ann', 'purchase', '{"amount": 60}', 'o1');
SELECT FROM subscribe('ann', 'other', 's0');
SELECT is(tier_of('ann'), 'base', 'another plan');
SELECT FROM subscribe('ann', 'prime', 's1');
SELECT is(tier_of('ann'), 'club', 'the plan: up at once');
SELECT is(trail('ann'), 'event 60, subscribe 0, subscribe 0, gift 10', 'with the gift');
SELECT is(e.ref, 's1', 'whose cause is the subscription') FROM loyalty.tier_gift g JOIN member_row('ann') m USING (member_id)
	JOIN loyalty.ledger e ON e.member_id = m.member_id AND e.entry_id = g.cause;
SELECT is(e.kind, 'm', 'so is that of the tier') FROM loyalty.tier_period t JOIN member_row('ann') m USING (member_id)
	JOIN loyalty.ledger e ON e.member_id = m.member_id AND e.entry_id = t.entry_id WHERE t.until = 'infinity';
SELECT ok(bool_or(line ~ 'reaching tier club gave 10 points') AND bool_or(line ~ 'plan prime was subscribed'), 'explain tells both') FROM explain('ann', 's1') line;
SELECT is(replayed, true, 'a repeat') FROM subscribe('ann', 'prime', 's1');
SELECT FROM subscribe('ann', 'prime', 's2');
SELECT is(trail('ann'), 'event 60, subscribe 0, subscribe 0, gift 10, subscribe 0', 'prolonging gives no second gift');

-- the end of the plan: nothing until the status period ends
SELECT FROM unsubscribe('ann', 'prime', 'u1');
SELECT is(tier_of('ann'), 'club', 'unsubscribed: the status is kept');
SELECT is(format('%s %s', tier('ann', now() + interval '5 months'), tier('ann', now() + interval '7 months')), 'club base', 'until its period ends');
SELECT is(tier, 'club', 'an order meanwhile') FROM record('ann', 'purchase', '{"amount": 30}', 'o2');
SELECT is(tier, 'club', 'a refund that leaves enough growth does not end it') FROM settle('ann', 'purchase', NULL, 'o2');
SELECT is(format('%s %s', tier, balance), 'base 40', 'one that does not, does, and takes the gift of subscribing') FROM settle('ann', 'purchase', '{"amount": 40}', 'o1');
SELECT is(tier, 'base', 'and without the plan growth is not enough') FROM settle('ann', 'purchase', '{"amount": 60}', 'o1');
SELECT FROM subscribe('ann', 'prime', 's3');
SELECT is(tier_of('ann'), 'club', 'coming back');
SELECT is(format('%s of %s', count(*) FILTER (WHERE taken_back IS NULL), count(*)), '1 of 2', 'the gift comes again: one stands in a cycle') FROM loyalty.tier_gift;
SELECT is((SELECT tier FROM ladder('ann') WHERE held), 'club', 'ladder');

-- the plan lapses by the clock
SELECT FROM record('bob', 'purchase', '{"amount": 60}', 'o1', now() - interval '11 months');
SELECT FROM subscribe('bob', 'prime', 's1', now() - interval '10 months');
SELECT is((balance('bob')).tier, 'club', 'kept at the end of a period while the plan runs');
SELECT is((balance('bob', now() + interval '3 months')).tier, 'base', 'and lost at the end of the period in which it ran out');
SELECT FROM subscribe('bob', 'prime', 's2');
SELECT is((balance('bob', now() + interval '3 months')).tier, 'club', 'unless it is prolonged');

-- the plan first, growth later; nothing for who is not to earn
SELECT FROM subscribe('cat', 'prime', 's1');
SELECT is(tier_of('cat'), 'base', 'the plan without the threshold');
SELECT is(tier, 'club', 'then growth') FROM record('cat', 'purchase', '{"amount": 60}', 'o1');
SELECT FROM record('dan', 'purchase', '{"amount": 60}', 'o1');
SELECT FROM set_status('dan', 'earn_blocked');
SELECT FROM subscribe('dan', 'prime', 's1');
SELECT is(format('%s, %s', tier_of('dan'), trail('dan')), 'base, event 60, status 0, subscribe 0', 'who may not earn gets no gift');
SELECT FROM set_status('dan', 'active');
SELECT is(tier, 'club', 'until it acts again') FROM record('dan', 'check_in', '{}');

-- $tenure and attributes: with each event, though it gives no growth
INSERT INTO loyalty.program (name, validity) VALUES ('time', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, condition) VALUES ('time', 'base', 1, 0, NULL), ('time', 'old', 2, 50, '$tenure >= 30');
INSERT INTO loyalty.rule (program, name, event, points, growth) VALUES ('time', 'base', 'purchase', '$.amount', NULL), ('time', 'daily', 'check_in', '1', '0');
SELECT is(tier, 'base', 'too new') FROM record('ann', 'purchase', '{"amount": 60}', 'o1', now() - interval '40 days', 'time');
SELECT is(tier, 'base', 'still') FROM record('ann', 'check_in', '{}', NULL, now() - interval '20 days', 'time');
SELECT is((balance('ann', program => 'time')).tier, 'base', 'the clock alone does not look');
SELECT is(tier, 'old', 'an event without growth does') FROM record('ann', 'check_in', '{}', program => 'time');
SELECT FROM record('bob', 'purchase', '{"amount": 60}', 'o1', now() - interval '40 days', 'time');
SELECT is(tier_after, 'old', 'so does retier') FROM retier(preview => false, program => 'time');

SELECT lawful('conditions of tiers');
SELECT * FROM finish();
