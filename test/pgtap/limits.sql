-- Limits of rules, budgets, max_balance: what they cut, and what corrections give back.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Asia/Tokyo');

CREATE FUNCTION gives(member text, event text, attributes jsonb, ref text DEFAULT NULL, at timestamptz DEFAULT '2024-01-10 03:00Z') RETURNS bigint
	LANGUAGE sql AS $$ SELECT points FROM loyalty.record(member, event, attributes, ref, at) $$;
CREATE FUNCTION settles(member text, event text, attributes jsonb, ref text) RETURNS bigint
	LANGUAGE sql AS $$ SELECT CASE WHEN replayed THEN 0 ELSE points END FROM loyalty.settle(member, event, attributes, ref) $$;
CREATE FUNCTION rule_of(member text, rule text) RETURNS jsonb
	LANGUAGE sql AS $$ SELECT r FROM jsonb_array_elements((public.last_entry(member)).breakdown -> 'rules') r WHERE r ->> 'rule' = $2 $$;

-- what a limit may look like
CREATE FUNCTION limits_of(limits jsonb) RETURNS text
	LANGUAGE sql AS $$ INSERT INTO loyalty.rule (name, event, points, limits) VALUES ('bad', 'e', '1', limits) RETURNING name $$;
SELECT refuses($$SELECT limits_of('{}')$$, '22023', 'limits are an array', 'array');
SELECT refuses($$SELECT limits_of('[1]')$$, '22023', 'of objects', 'not an object');
SELECT refuses($$SELECT limits_of('[{"per": "day", "point": 5}]')$$, '22023', 'only what is known', '"point" is not one of "per", "points", "times", "key" and "then"');
SELECT refuses($$SELECT limits_of('[{"points": 5}]')$$, '22023', 'per is required', 'lacks "per"');
SELECT refuses($$SELECT limits_of('[{"per": "decade", "points": 5}]')$$, '22023', 'per is one of six', 'ever');
SELECT refuses($$SELECT limits_of('[{"per": "day"}]')$$, '22023', 'points or times', 'neither');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": -1}]')$$, '22023', 'not below 0', 'at least 0');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": 1.5}]')$$, '22023', 'whole', 'whole');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": "5"}]')$$, '22023', 'a number', 'not a number');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": 5, "then": "cry"}]')$$, '22023', 'then is reduce or refuse', 'refuse');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": 5, "key": "$."}]')$$, '42601', 'the key is a jsonpath');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": 5, "key": "$x"}]')$$, '42704', 'with known variables', 'key');
SELECT refuses($$SELECT limits_of('[{"per": "day", "points": 5}, {"per": "day", "pints": 5}]')$$, '22023', 'nothing else', 'limit 2.*"pints"');

-- reduce: as much as the limit leaves, and noted
INSERT INTO loyalty.rule (name, event, points, limits) VALUES
	('daily', 'day', '$.n', '[{"per": "day", "points": 10}]'),
	('weekly', 'week', '$.n', '[{"per": "week", "points": 10}]'),
	('monthly', 'month', '$.n', '[{"per": "month", "points": 10}]'),
	('yearly', 'year', '$.n', '[{"per": "year", "points": 10}]'),
	('once', 'ever', '$.n', '[{"per": "ever", "times": 1}]'),
	('single', 'event', '$.n', '[{"per": "event", "points": 10}]');
SELECT is(gives('ann', 'day', '{"n": 7}'), 7, 'below the limit');
SELECT is(gives('ann', 'day', '{"n": 7}'), 3, 'what is left of it');
SELECT is(rule_of('ann', 'daily') -> 'wished', '7', 'the breakdown has what was wished');
SELECT is(rule_of('ann', 'daily') -> 'points', '3', '... what was granted');
SELECT is(rule_of('ann', 'daily') -> 'cut_by', '["10 points per day"]', '... and what cut it');
SELECT is(gives('ann', 'day', '{"n": 7}'), 0, 'nothing is left');
SELECT is(gives('bob', 'day', '{"n": 7}'), 7, 'another member has its own');
SELECT is(gives('ann', 'event', '{"n": 17}'), 10, 'per event');
SELECT is(gives('ann', 'event', '{"n": 17}'), 10, '... every time');

-- periods are local: Tokyo is nine hours ahead
SELECT is(gives('ann', 'day', '{"n": 7}', at => '2024-01-10 14:59:59Z'), 0, 'a second before midnight');
SELECT is(gives('ann', 'day', '{"n": 7}', at => '2024-01-10 15:00Z'), 7, 'the next local day');
SELECT is(gives('ann', 'week', '{"n": 17}', at => '2024-01-01 00:00Z'), 10, 'a Monday');
SELECT is(gives('ann', 'week', '{"n": 17}', at => '2024-01-07 14:59Z'), 0, '... its Sunday: ISO weeks');
SELECT is(gives('ann', 'week', '{"n": 17}', at => '2024-01-07 15:00Z'), 10, '... the next Monday');
SELECT is(gives('ann', 'week', '{"n": 5}', at => '2023-12-31 14:00Z'), 5, 'the week before the new year');
SELECT is(gives('ann', 'month', '{"n": 17}', at => '2024-01-31 14:00Z'), 10, 'the last of January');
SELECT is(gives('ann', 'month', '{"n": 17}', at => '2024-01-31 15:00Z'), 10, 'the first of February');
SELECT is(gives('ann', 'year', '{"n": 17}', at => '2023-12-31 14:59Z'), 10, 'the last of December');
SELECT is(gives('ann', 'year', '{"n": 17}', at => '2023-12-31 15:00Z'), 10, 'the new year');
SELECT is(gives('ann', 'ever', '{"n": 5}', at => '2023-01-01'), 5, 'ever: once');
SELECT is(gives('ann', 'ever', '{"n": 5}', at => '2025-01-01'), 0, 'ever: not again, years later');
SELECT is((last_entry('ann')).growth, NULL, 'times: what does not count brings no growth');
SELECT lawful('periods');

-- keys: per invitee
INSERT INTO loyalty.rule (name, event, points, limits) VALUES
	('invite', 'invite', '$.n', '[{"per": "ever", "times": 1, "key": "$.invitee"}, {"per": "month", "points": 100}]');
SELECT is(gives('ann', 'invite', '{"n": 40, "invitee": "zoe"}'), 40, 'one invitee');
SELECT is(gives('ann', 'invite', '{"n": 40, "invitee": "zoe"}', at => '2024-03-01'), 0, 'not twice');
SELECT is(gives('ann', 'invite', '{"n": 40, "invitee": "yan"}'), 40, 'another one');
SELECT is(gives('ann', 'invite', '{"n": 40, "invitee": 7}'), 20, 'a number is a key; the other limit leaves 20');
SELECT is(gives('ann', 'invite', '{"n": 40}', at => '2024-05-01'), 40, 'no key');
SELECT is(gives('ann', 'invite', '{"n": 40, "invitee": null}', at => '2024-06-01'), 0, '... counts as one');
SELECT is(gives('ann', 'invite', jsonb_build_object('n', 1, 'invitee', repeat('x', 3000)), at => '2024-06-01'), 1, 'a long key');
SELECT is(gives('ann', 'invite', jsonb_build_object('n', 1, 'invitee', repeat('x', 3000)), at => '2024-06-01'), 0, '... is one');
SELECT is(gives('bob', 'invite', '{"n": 40, "invitee": "zoe"}'), 40, 'keys are per member');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 1}'), 1, 'a number');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 1.0}'), 0, '... is the same key however many digits it is written with');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": "1"}'), 0, '... and as text');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 100}'), 1, 'zeros of a whole number are none too many');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 1e2}'), 0, '... though its exponent is');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 1.50}'), 1, 'a fraction');
SELECT is(gives('hal', 'invite', '{"n": 1, "invitee": 1.5}'), 0, '... has one key, too');

-- matches of each: in their order, each under its key
INSERT INTO loyalty.rule (name, event, each, points, limits) VALUES
	('lines', 'lines', '$.items[*]', '$.p', '[{"per": "day", "points": 10, "key": "$.sku"}, {"per": "day", "times": 3}]');
SELECT is(gives('ann', 'lines', '{"items": [{"sku": "a", "p": 8}, {"sku": "a", "p": 8}, {"sku": "b", "p": 8}, {"sku": "c", "p": 8}]}'), 18,
	'8 and 2 of a, 8 of b, and c is the fourth time');
SELECT is(string_agg(format('%s %s %s', u.key, u.points, u.times), ', ' ORDER BY u.key), ' 18 3, a 10 2, b 8 1', 'and what was used says so')
	FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'lines' AND u.points > 0;

-- many keys in one event, each with the points of its own matches
INSERT INTO loyalty.rule (name, event, each, points, limits) VALUES
	('many', 'many', '$.items[*]', '$.p', '[{"per": "month", "points": 3, "key": "$.sku"}, {"per": "event", "points": 2, "key": "$.sku"}, {"per": "day", "times": 900}]');
CREATE FUNCTION many(upto int, step int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object('sku', 's' || i, 'p', i % 3 + 1) ORDER BY i))
		FROM generate_series(1, upto, step) i
$$;
CREATE FUNCTION used_of_many() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s keys, %s points, %s times, the day %s of %s', count(*) FILTER (WHERE key <> ''),
			sum(u.points) FILTER (WHERE key <> ''), sum(u.times) FILTER (WHERE key <> ''),
			sum(u.times) FILTER (WHERE key = ''), sum(u.points) FILTER (WHERE key = ''))
		FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'many' AND u.times <> 0
$$;
SELECT is(settles('ann', 'many', many(600, 1), 'm1'), 1000::bigint, 'each of many keys up to its limit per event');
SELECT is(used_of_many(), '600 keys, 1000 points, 600 times, the day 600 of 1000', 'is counted by its key');
SELECT is(settles('ann', 'many', many(600, 2), 'm1'), -500::bigint, 'a correction gives back those of the others');
SELECT is(used_of_many(), '300 keys, 500 points, 300 times, the day 300 of 500', 'and no more');
SELECT is(settles('ann', 'many', many(600, 1), 'm2'), 800::bigint, 'what others have used is left out key by key');
SELECT is(settles('ann', 'many', many(600, 1), 'm2'), 0::bigint, 'a repeat changes nothing');
SELECT is(used_of_many(), '600 keys, 1300 points, 900 times, the day 900 of 1300', 'which is what both use');
SELECT is((SELECT count(*) FROM loyalty.verify('ann')), 0::bigint, 'and what the entries say');

-- refuse
INSERT INTO loyalty.rule (name, event, points, limits) VALUES
	('strict', 'strict', '$.n', '[{"per": "day", "points": 10, "then": "refuse"}]'),
	('twice', 'twice', '$.n', '[{"per": "day", "times": 2, "then": "refuse"}]');
SELECT is(gives('ann', 'strict', '{"n": 6}'), 6, 'refuse: below');
SELECT refuses($$SELECT gives('ann', 'strict', '{"n": 6}')$$, 'LY006', 'refuse: the limit and the figures', '"strict".*10 points per day; 6 are used, 6 more');
SELECT is(gives('ann', 'strict', '{"n": 4}'), 4, 'refuse: what fits');
SELECT is(sum(gives('ann', 'twice', '{"n": 6}')), 12::numeric, 'refuse: twice') FROM generate_series(1, 2);
SELECT is(gives('pam', 'strict', '{"n": 1}'), 1, 'refuse: a single point');
SELECT refuses($$SELECT gives('pam', 'strict', '{"n": 10}')$$, 'LY006', 'refuse: one of something', '; 1 is used, 10 more are asked for\.$');
SELECT is(gives('pat', 'strict', '{"n": 6}', 's1'), 6, 'refuse: the first');
SELECT is(gives('pat', 'strict', '{"n": 4}', 's2'), 4, 'refuse: the second');
SELECT is(settles('pat', 'strict', '{"n": 3}', 's1'), -3, 'refuse: the first is less now');
SELECT refuses($$SELECT settles('pat', 'strict', '{"n": 5}', 's2')$$, 'LY006', 'refuse: a correction says what it is held against',
	'; 6 are used, 5 more are asked for\. A correction is held against what was used when its event was first granted, where that is more than now\.$');
SELECT is(settles('pat', 'strict', '{"n": 3}', 's2'), -1, 'refuse: less is granted');
SELECT refuses($$SELECT settles('pat', 'strict', '{"n": 8}', 's1')$$, 'LY006', 'refuse: or what others use now', '; 3 are used, 8 more are asked for\.$');
SELECT refuses($$SELECT gives('ann', 'twice', '{"n": 6}')$$, 'LY006', 'refuse: times', '2 times per day; 2 are used');

-- an event that is corrected gives its use back, in its own period
SELECT is(gives('cat', 'month', '{"n": 8}', 'c1', '2024-01-10'), 8, 'January');
SELECT is(gives('cat', 'month', '{"n": 8}', 'c2', '2024-01-20'), 2, '... is used up');
SELECT is(settles('cat', 'month', '{"n": 3}', 'c1'), -5, 'a correction gives five back');
SELECT is(gives('cat', 'month', '{"n": 8}', 'c3', '2024-01-25'), 5, '... to January');
SELECT is(settles('cat', 'month', '{"n": 8}', 'c2'), 0, 'a repeat takes nothing');
SELECT is(settles('cat', 'month', '{"n": 8}', 'c1'), 0, 'nor does a raise of what others have used meanwhile');
SELECT is(settles('cat', 'month', NULL, 'c3'), -5, 'called off');
SELECT is(settles('cat', 'month', '{"n": 8}', 'c3'), 5, 'and on again');
SELECT is(settles('cat', 'month', '{"n": 8}', 'c3'), 0, 'and on again: nothing more');
SELECT is(sum(u.points), 10::numeric, 'never more than ten') FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id)
	WHERE r.name = 'monthly' AND member_id = loyalty.member_id('cat');
SELECT is(points, -3, 'claw_back gives use back, too') FROM loyalty.claw_back('cat', 'c1');
SELECT is(gives('cat', 'month', '{"n": 8}', 'c4', '2024-01-26'), 3, '... to the same month');
SELECT is(settles('cat', 'month', '{"n": 8}', 'c1'), 0, 'what an operator took stays taken');
SELECT lawful('corrections');
-- a part that an operator took stays used, so that a flip ends where it began
SELECT is(gives('lea', 'month', '{"n": 8}', 'l1', '2024-01-10'), 8, 'eight of ten');
SELECT is(points, -3, 'three are clawed back') FROM loyalty.claw_back('lea', 'l1', 3);
SELECT is(gives('lea', 'month', '{"n": 8}', 'l2', '2024-01-10'), 2, 'a part that is clawed back stays used');
SELECT is(settles('lea', 'month', '{"n": 9}', 'l1'), 0, 'no correction takes it twice');
SELECT is(settles('lea', 'month', NULL, 'l1'), -5, 'off');
SELECT is(settles('lea', 'month', '{"n": 8}', 'l1'), 5, '... and on');
SELECT is(points, -5, 'the rest is clawed back, too') FROM loyalty.claw_back('lea', 'l1');
SELECT is(gives('lea', 'month', '{"n": 9}', 'l3', '2024-01-10'), 8, '... and the use is given back');
SELECT is(settles('lea', 'month', '{"n": 8}', 'l1'), 0, 'what an operator took stays taken');
SELECT lawful('claw-backs');

-- a correction finds the limits of its grant, whatever they are now
SELECT is(gives('dan', 'month', '{"n": 8}', 'd1', '2024-01-10'), 8, 'under the first limit');
UPDATE loyalty.rule SET limits = '[{"per": "month", "points": 1000}]' WHERE name = 'monthly';
SELECT is(settles('dan', 'month', '{"n": 80}', 'd1'), 2, 'it is still held against it');
SELECT is(gives('dan', 'month', '{"n": 80}', 'd2', '2024-01-10'), 80, 'a new event against the new one');

-- limits and multipliers: limits come last, and rounding after them
INSERT INTO loyalty.rule (name, event, points, mode, limits) VALUES
	('base', 'sale', '$.n', 'add', '[{"per": "day", "points": 100}]'),
	('double', 'sale', '2', 'multiply', '[{"per": "day", "points": 50}]');
SELECT is(gives('eve', 'sale', '{"n": 40.4}'), 80, 'multiplied, and rounded once');
SELECT is(gives('eve', 'sale', '{"n": 80}'), 70, 'each rule against its own limit: 60 and 10');
SELECT is(sum(points), 150::numeric, 'use is what was granted') FROM loyalty.limit_usage WHERE member_id = loyalty.member_id('eve');
-- case 10: what takes points away is not limited
SELECT is(gives('eve', 'sale', '{"n": -500}'), -1000, 'case 10: negative events are not limited');
SELECT is(sum(points), 150::numeric, 'case 10: and give nothing back') FROM loyalty.limit_usage WHERE member_id = loyalty.member_id('eve');

-- budgets
INSERT INTO loyalty.rule (name, event, points, budget) VALUES ('campaign', 'promo', '$.n', 100);
CREATE FUNCTION budget_of(rule text) RETURNS text
	LANGUAGE sql AS $$ SELECT format('%s of %s', sum(b.used), sum(b.points)) FROM loyalty.rule_budget b JOIN loyalty.rule r USING (rule_id) WHERE r.name = $1 $$;
SELECT is(gives('fay', 'promo', '{"n": 60.9}', 'f1'), 60, 'from the budget');
SELECT is(budget_of('campaign'), '60 of 100', '... what was granted');
SELECT is(gives('gil', 'promo', '{"n": 60}', 'g1'), 40, 'over all members: what is left');
SELECT is(rule_of('gil', 'campaign') -> 'cut_by', '["budget"]', '... and noted');
SELECT is(gives('hal', 'promo', '{"n": 60}', 'h1'), 0, 'nothing is left');
SELECT is(settles('fay', 'promo', '{"n": 30}', 'f1'), -30, 'a correction');
SELECT is(budget_of('campaign'), '70 of 100', '... gives back');
SELECT is(gives('hal', 'promo', '{"n": 60}', 'h2'), 30, '... to whoever comes');
SELECT is(settles('gil', 'promo', '{"n": 60}', 'g1'), 0, 'a repeat takes nothing');
SELECT is(budget_of('campaign'), '100 of 100', 'all of it is given');
UPDATE loyalty.rule SET budget = 120 WHERE name = 'campaign';
SELECT is(gives('ivy', 'promo', '{"n": 60}', 'i1'), 20, 'a raised budget');
UPDATE loyalty.rule SET budget = 50 WHERE name = 'campaign';
SELECT is(gives('ivy', 'promo', '{"n": 60}', 'i2'), 0, 'a lowered one');
SELECT is(settles('ivy', 'promo', NULL, 'i1'), -20, 'called off');
SELECT is(points, -30, 'clawed back') FROM loyalty.claw_back('hal', 'h2');
SELECT is(budget_of('campaign') ~ '^70 of', true, 'both gave back');
UPDATE loyalty.rule SET budget = 80 WHERE name = 'campaign';
SELECT is(gives('ivy', 'promo', '{"n": 60}', 'i3'), 10, 'and the new budget counts what stands');
SELECT refuses($$UPDATE loyalty.rule SET budget = -1 WHERE name = 'campaign'$$, '23514', 'a budget is not negative');

INSERT INTO loyalty.rule (name, event, points, budget) VALUES ('small', 'small', '$.n', 100);
SELECT is(settles('lou', 'small', '{"n": 80}', 's1'), 80, 'of a budget of 100');
SELECT is(points, -30, 'a part is clawed back') FROM loyalty.claw_back('lou', 's1', 30);
SELECT is(settles('max', 'small', '{"n": 80}', 's1'), 20, 'it does not return to the budget');
SELECT is((SELECT count(*) FROM loyalty.resettle('small', '2020-01-01')), 0::bigint, 'so nothing is resettled under the same rules');
SELECT is(settles('lou', 'small', '{"n": 81}', 's1'), 0, 'nor taken by a correction');
SELECT lawful('claw-backs and budgets');

-- a budget lowered below what was given: what comes back is not given again before the new one allows it
INSERT INTO loyalty.rule (name, event, points, budget) VALUES ('lowered', 'lowered', '10', 100);
SELECT is(sum(gives('low' || g, 'lowered', '{}', '1')), 80::numeric, 'lowered: before') FROM generate_series(1, 8) g;
UPDATE loyalty.rule SET budget = 30 WHERE name = 'lowered';
SELECT is(budget_of('lowered'), '80 of 30', 'lowered: the new budget is what counts');
SELECT is(sum(settles('low' || g, 'lowered', NULL, '1')), -40::numeric, 'lowered: called off, but more stands than is allowed') FROM generate_series(1, 4) g;
SELECT is((SELECT points FROM preview('low8', 'lowered', '{}')), 0, 'lowered: a preview sees nothing left');
SELECT is(gives('low9', 'lowered', '{}', '1'), 0, 'lowered: none of it is given again');
SELECT is(points, -10, 'lowered: clawed back to the budget') FROM loyalty.claw_back('low5', '1');
SELECT is(gives('low9', 'lowered', '{}', '2'), 0, 'lowered: still nothing is left');
SELECT is(settles('low6', 'lowered', NULL, '1'), -10, 'lowered: below the budget');
SELECT is(sum(gives('low9', 'lowered', '{}', 'n' || g)), 10::numeric, 'lowered: so much is given again') FROM generate_series(1, 4) g;
SELECT is(budget_of('lowered'), '30 of 30', 'lowered: to the last point');
SELECT is(settles('low7', 'lowered', NULL, '1') + gives('low9', 'lowered', '{}', 'again'), 0, 'lowered: then as any other budget');
UPDATE loyalty.rule SET budget = 0 WHERE name = 'lowered';
SELECT is(settles('low8', 'lowered', NULL, '1') + gives('low9', 'lowered', '{}', 'none'), -10, 'lowered: to nothing');
UPDATE loyalty.rule SET budget = 45 WHERE name = 'lowered';
SELECT is(sum(gives('low9', 'lowered', '{}', 'm' || g)), 25::numeric, 'lowered: raised again it gives what is left') FROM generate_series(1, 4) g;
SELECT is(budget_of('lowered'), '45 of 45', 'lowered: its parts add up');
SELECT is(count(*) FILTER (WHERE over), 0::bigint, 'lowered: and none is over') FROM loyalty.rule_budget;
SELECT lawful('lowered budgets');

-- beside a limit that is kept in the same row
INSERT INTO loyalty.rule (name, event, points, budget, limits) VALUES ('both', 'both', '$.n', 100, '[{"per": "ever", "points": 80}]');
SELECT is(gives('jon', 'both', '{"n": 20}', 'b1') + gives('jon', 'both', '{"n": 20}', 'b2') + gives('jon', 'both', '{"n": 20}', 'b3'), 60, 'budget and limit');
SELECT is((SELECT sum(u.budget) FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'both'), 60::numeric, 'each event has of the budget what it was granted');
SELECT is(gives('kim', 'both', '{"n": 80}', 'b1'), 40, 'others get what is left');
SELECT is(points, 0, 'a correction upward finds nothing left') FROM settle('jon', 'both', '{"n": 40}', 'b3');
SELECT is(budget_of('both'), '100 of 100', 'a budget is never exceeded');
SELECT lawful('budgets');

-- max_balance
INSERT INTO loyalty.rule (name, event, points) VALUES ('plain', 'plain', '$.n');
UPDATE loyalty.program SET max_balance = 100;
SELECT is(gives('jan', 'plain', '{"n": 80}', 'j1'), 80, 'max_balance: below');
SELECT is(gives('jan', 'plain', '{"n": 80}', 'j2'), 20, 'max_balance: an event grants what fits');
SELECT is(rule_of('jan', 'plain') -> 'cut_by', '["max_balance"]', 'max_balance: and notes it');
SELECT is((last_entry('jan')).growth, 80, 'max_balance: growth is not cut');
SELECT refuses($$SELECT earn('jan', 1)$$, 'LY006', 'max_balance: earn is refused', '100 points.*0 more fit');
SELECT refuses($$SELECT adjust('jan', 1, NULL, 'gift')$$, 'LY006', 'max_balance: so is an adjustment upwards');
SELECT FROM earn('kim', 50);
SELECT refuses($$SELECT transfer('kim', 'jan', 1)$$, 'LY006', 'max_balance: and what others give');
SELECT FROM hold('jan', 60, 'cart');
SELECT is(gives('jan', 'plain', '{"n": 80}', 'j3', now()), 0, 'max_balance: held points count');
SELECT FROM release('jan', 'cart');
SELECT FROM redeem('jan', 70, 'spent');
SELECT is(gives('jan', 'plain', '{"n": 80}', 'j4', now()), 70, 'max_balance: what is spent makes room');
SELECT is(points, 70, 'max_balance: a restore is no grant') FROM restore('jan', 'spent');
SELECT is(settles('jan', 'plain', '{"n": 500}', 'j4'), 0, 'max_balance: a correction keeps to the room that there was');
SELECT refuses($$UPDATE loyalty.program SET max_balance = -1$$, '23514', 'max_balance is not negative');
UPDATE loyalty.program SET max_balance = NULL;
SELECT lawful('max_balance');

-- what a member sees
SELECT ok(bool_or(line ~ 'plain was cut by max_balance: 80 became 20 points'), 'explain tells what cut')
	FROM explain('jan', 'j2') AS line;

-- preview: the same without writing
SELECT FROM gives('lee', 'strict', '{"n": 6}', at => now());
SELECT FROM gives('lee', 'promo', '{"n": 1}', 'l1');
UPDATE loyalty.rule SET budget = 100 WHERE name = 'campaign';
CREATE TEMP TABLE before AS SELECT everything();
SELECT is(format('%s %s %s', points, growth, balance - (SELECT available FROM balance('lee'))), '4 4 4', 'preview: what fits')
	FROM preview('lee', 'strict', '{"n": 4}');
SELECT is(points, 20, 'preview: what is left of a budget') FROM preview('lee', 'promo', '{"n": 50}');
SELECT throws_ok($$SELECT preview('lee', 'strict', '{"n": 5}')$$, 'LY006', NULL, 'preview: what record would raise');
SELECT is(points, 10, 'preview: another day') FROM preview('lee', 'strict', '{"n": 10}', now() + '1 day');
SELECT throws_ok($$SELECT preview('nobody', 'strict', '{"n": 5}')$$, 'LY002', NULL, 'preview: an unknown member');
SELECT is(everything(), (SELECT everything FROM before), 'preview: nothing is written');
SELECT is(p.points, r.points, 'preview: what record then does')
	FROM preview('lee', 'promo', '{"n": 50}') p, LATERAL record('lee', 'promo', '{"n": 50}', 'l2') r;
-- $count where the rule that mentions it does not apply yet, or no longer
INSERT INTO loyalty.program (name, validity) VALUES ('seldom', 'never');
INSERT INTO loyalty.rule (program, name, event, points, starts_at, ends_at) VALUES
	('seldom', 'third', 'visit', '$count', '2024-01-03', '2024-01-04'), ('seldom', 'later', 'visit', '$count * 10', '2024-01-06', NULL);
SELECT is(array_agg(r.points ORDER BY n), '{0,0,2,0,0,50,60}', 'events count that came while no rule asked')
	FROM generate_series(1, 7) n, LATERAL record('ann', 'visit', '{}', 'v' || n, make_timestamptz(2024, 1, n, 12, 0, 0), 'seldom') r;
SELECT is((SELECT count FROM loyalty.event_usage u WHERE u.member_id = (public.member_row('ann', 'seldom')).member_id), 7, 'and are kept count of');
UPDATE loyalty.rule SET active = false WHERE program = 'seldom';
SELECT FROM record('ann', 'visit', '{}', 'v8', '2024-01-08', 'seldom');
UPDATE loyalty.rule SET active = true WHERE program = 'seldom' AND name = 'third';
SELECT FROM record('ann', 'visit', '{}', 'v9', '2024-01-09', 'seldom');
UPDATE loyalty.rule SET active = true WHERE program = 'seldom';
SELECT is(points, 90, 'also while no rule could have asked') FROM record('ann', 'visit', '{}', 'v10', '2024-01-10', 'seldom');

SELECT lawful('preview');
SELECT * FROM finish();
