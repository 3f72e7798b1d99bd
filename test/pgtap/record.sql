-- record: events, and what the rules make of them.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', '10 days', 'Asia/Tokyo');

-- one rule at a time: a rule, an event, the points it gives
CREATE FUNCTION gives(points text, attributes jsonb, rounding text DEFAULT 'down', condition text DEFAULT NULL,
		"each" text DEFAULT '$', at timestamptz DEFAULT '2024-01-01') RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	given bigint;
BEGIN
	DELETE FROM loyalty.rule;
	UPDATE loyalty.program SET rounding = gives.rounding WHERE name = 'shop';
	INSERT INTO loyalty.rule (program, name, event, points, condition, each)
		VALUES ('shop', 'one', 'try', gives.points::jsonpath, gives.condition::jsonpath, gives.each::jsonpath);
	SELECT r.points INTO given FROM loyalty.record('try', 'try', attributes, at => at, program => 'shop') r;
	RETURN given;
END
$$;

SELECT is(gives('100', '{}'), 100, 'a number');
SELECT is(gives('$.amount', '{"amount": 12.99}'), 12, 'an amount, rounded toward zero');
SELECT is(gives('$.amount', '{"amount": 12.5}', 'nearest'), 13, 'nearest');
SELECT is(gives('$.amount', '{"amount": 12.49}', 'nearest'), 12, 'nearest, below the half');
SELECT is(gives('$.amount', '{"amount": 12.01}', 'up'), 13, 'up');
SELECT is(gives('$.amount / 10', '{"amount": 129}'), 12, 'arithmetic');
SELECT is(gives('$.amount * 1.15', '{"amount": 100}'), 115, 'numeric, never float: 1.15 x 100 is 115');
SELECT is(gives('$.amount * 0.07', '{"amount": 100}'), 7, 'numeric, never float: 0.07 x 100 is 7');
SELECT is(gives('$.items[*].amount', '{"items": [{"amount": 1.5}, {"amount": 2.25}, {"amount": 3.25}]}'), 7, 'several numbers are summed, then rounded');
SELECT is(gives('$.amount', '{"amount": 10}', condition => '$.paid == true'), 0, 'a condition that finds nothing');
SELECT is(gives('$.amount', '{"amount": 10, "paid": true}', condition => '$.paid == true'), 10, 'a boolean condition: true');
SELECT is(gives('$.amount', '{"amount": 10, "paid": false}', condition => '$.paid == true'), 0, 'a boolean condition: false');
SELECT is(gives('$.amount', '{"amount": 10, "paid": false}', condition => '$.paid'), 0, 'one boolean found: it decides');
SELECT is(gives('$.amount', '{"amount": 10, "tags": ["a", "b"]}', condition => '$.tags[*] ? (@ == "b")'), 10, 'a condition that finds something');
SELECT is(gives('$.amount', '{"items": [{"amount": 1.5, "category": "beauty"}, {"amount": 7, "category": "food"}, {"amount": 2.5, "category": "beauty"}]}',
	each => '$.items[*] ? (@.category == "beauty")'), 4, 'each: only the matches, rounded once over all of them');
SELECT is(gives('10', '{"items": [1, 2, 3]}', each => '$.items[*]', condition => '$ > 1'), 20, 'each with a condition');
SELECT is(gives('$ * $event.factor', '{"items": [1, 2], "factor": 10}', each => '$.items[*]'), 30, '$event: all attributes beside the match');

-- $at: local date parts
SELECT is(gives('$at.hour', '{}', at => '2024-01-01 10:30+00'), 19, '$at.hour in the program''s time zone');
SELECT is(gives('$at.day', '{}', at => '2024-01-31 16:00+00'), 1, '$at.day in the program''s time zone');
SELECT is(gives('50', '{}', condition => '$at.weekday == 1', at => '2024-02-04 16:00+00'), 50, '$at.weekday: 1 is Monday');
SELECT is(gives('50', '{}', condition => '$at.date == "2024-02-05"', at => '2024-02-04 16:00+00'), 50, '$at.date');

-- no number is 0 points, and noted
SELECT is(gives('$.amount', '{}'), 0, 'nothing found: 0 points');
SELECT is(gives('$.amount', '{"amount": "100"}'), 0, 'text: 0 points');
SELECT is(gives('$.amount', '{"amount": null}'), 0, 'null: 0 points');
SELECT is(gives('$.amount', '{"amount": {"a": 1}}'), 0, 'an object: 0 points');
SELECT is(gives('$.a / $.b', '{"a": 1, "b": 0}'), 0, 'division by zero: 0 points');
SELECT is(gives('$.a + $.b', '{"a": 1}'), 0, 'a missing operand: 0 points');
SELECT is(gives('$.amount.double()', '{"amount": "NaN"}'), 0, 'NaN: 0 points');
SELECT is(gives('$.amount.double()', '{"amount": "Infinity"}'), 0, 'Infinity: 0 points');
SELECT is(gives('strict $.amount.cents', '{"amount": 3}'), 0, 'a strict path that fails: 0 points');
SELECT is(gives('100', '{"x": 1}', condition => '$.x.y.z == 3'), 0, 'a condition that fails does not hold');
SELECT ok((last_entry('try', 'shop')).breakdown IS NOT NULL, 'and the entry says why');
SELECT refuses($$SELECT gives('$.amount', '{"amount": 1e300}')$$, '22003', '1e300 points overflow');
SELECT refuses($$SELECT gives('$.amount', '{"amount": 9223372036854775808}')$$, '22003', 'one more than a bigint has');
SELECT refuses($$SELECT gives('$.amount', '{"amount": -1e300}')$$, '22003', '-1e300 points overflow');
SELECT is(gives('$.amount', '{"amount": 1e-300}'), 0, '1e-300 points are 0');
SELECT refuses($$SELECT gives('$nothing', '{}')$$, '42704', 'an unknown variable is refused when the rule is stored', 'nothing');
SELECT refuses($$SELECT gives('$.', '{}')$$, '42601', 'so is a path that is none');

-- refused input
SELECT FROM gives('10', '{}');
SELECT refuses($$SELECT record('ann', 'no such event', '{}', program => 'shop')$$, '22023', 'an unknown event', 'no such event');
SELECT refuses($$SELECT record('ann', NULL, '{}', program => 'shop')$$, '22023', 'event NULL', 'event');
SELECT refuses($$SELECT record('ann', '', '{}', program => 'shop')$$, '22023', 'event empty');
SELECT refuses($$SELECT record('ann', repeat('x', 10240), '{}', program => 'shop')$$, '22023', 'event of 10 kB');
SELECT refuses($$SELECT record('ann', 'try', NULL, program => 'shop')$$, '22023', 'attributes NULL', 'attributes');
SELECT refuses($$SELECT record('ann', 'try', '[1]', program => 'shop')$$, '22023', 'attributes an array', 'object');
SELECT refuses($$SELECT record('ann', 'try', '"text"', program => 'shop')$$, '22023', 'attributes a text', 'object');
SELECT refuses($$SELECT record('ann', 'try', 'null', program => 'shop')$$, '22023', 'attributes null', 'object');
SELECT refuses($$SELECT record('', 'try', program => 'shop')$$, '22023', 'member empty', 'member');
SELECT refuses($$SELECT record('ann', 'try', ref => '', program => 'shop')$$, '22023', 'ref empty', 'ref');
SELECT refuses($$SELECT record('ann', 'try', at => 'infinity', program => 'shop')$$, '22023', 'at infinity', 'at');
SELECT refuses($$SELECT record('ann', 'try', at => now() + '1 day', program => 'shop')$$, '22023', 'at in the future', 'future');
SELECT lawful('single rules');

-- case 1: rounded once, over all rules and lines
DELETE FROM loyalty.rule;
UPDATE loyalty.program SET rounding = 'down' WHERE name = 'shop';
INSERT INTO loyalty.rule (program, name, event, points) VALUES
	('shop', 'a', 'case1', '$.a'), ('shop', 'b', 'case1', '$.b'), ('shop', 'c', 'case1', '$.c');
SELECT is(points, 1, 'case 1: 0.4 + 0.4 + 0.4 is 1, not 0') FROM record('one', 'case1', '{"a": 0.4, "b": 0.4, "c": 0.4}', at => '2024-01-01', program => 'shop');
SELECT is(points, 2, 'case 1: 0.7 + 0.9 + 0.9 is 2, not 0') FROM record('one', 'case1', '{"a": 0.7, "b": 0.9, "c": 0.9}', at => '2024-01-01', program => 'shop');
SELECT is(points, -1, 'case 1: toward zero also for negative figures') FROM record('one', 'case1', '{"a": -1.9}', at => '2024-01-01', program => 'shop');
SELECT is(points, 1, 'case 1: over all rules: 2.9 - 1.1') FROM record('one', 'case1', '{"a": 2.9, "b": -1.1}', at => '2024-01-01', program => 'shop');
-- the shares, seen where each rule pays points of its own kind
UPDATE loyalty.rule SET point_kind = name;
SELECT is(points, 2, 'case 1: over several kinds, too') FROM record('two', 'case1', '{"a": 0.5, "b": 0.7, "c": 0.9}', at => '2024-01-01', program => 'shop');
SELECT is(string_agg(point_kind || ' ' || e.points, ', ' ORDER BY point_kind) FILTER (WHERE e.points <> 0), 'b 1, c 1', 'case 1: shares by largest remainder')
	FROM loyalty.ledger e, member_row('two', 'shop') m WHERE e.member_id = m.member_id;
UPDATE loyalty.rule SET point_kind = NULL;

-- kinds, partner, cost: entries of their own
DELETE FROM loyalty.rule;
INSERT INTO loyalty.rule (program, name, event, points, growth, point_kind, partner, unit_cost, validity, pending_for) VALUES
	('shop', 'base', 'purchase', '$.amount', NULL, NULL, NULL, NULL, NULL, NULL),
	('shop', 'green', 'purchase', '5', '0', 'behaviour', NULL, NULL, '20 days', NULL),
	('shop', 'bank', 'purchase', '7', '70', NULL, 'Some Bank', 0.005, NULL, '14 days');
SELECT is(format('%s %s %s', points, growth, balance), '112 170 105', 'one event, one receipt')
	FROM record('kind', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT is(string_agg(format('%s %s %s %s', e.points, coalesce(point_kind, '-'), coalesce(partner, '-'), coalesce(unit_cost::text, '-')), ', ' ORDER BY e.points),
	'5 behaviour - -, 7 - Some Bank 0.005, 100 - - -', 'kinds, partner and unit cost are entries of their own')
	FROM loyalty.ledger e, member_row('kind', 'shop') m WHERE e.member_id = m.member_id;
SELECT is(wallet_of('kind', 'shop'), '100@2024-01-01/2024-01-11 5@2024-01-01/2024-01-21 7@2024-01-15/2024-01-25',
	'case 9: each rule''s validity and pending_for; points when active');
SELECT is(growth_of('kind', 'shop'), 170, 'case 9: growth counts at once');
SELECT is(format('%s %s %s', points, growth, replayed), '112 170 t', 'a repeat answers for all entries')
	FROM record('kind', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT refuses($$SELECT record('kind', 'purchase', '{"amount": 101}', 'o1', '2024-01-01', 'shop')$$, 'LY003', 'other content');
SELECT is(e.attributes, '{"amount": 100}', 'the entry keeps the attributes')
	FROM loyalty.ledger e, member_row('kind', 'shop') m WHERE e.member_id = m.member_id AND e.points = 100;
UPDATE loyalty.program SET keep_attributes = false WHERE name = 'shop';
SELECT FROM record('kind', 'purchase', '{"amount": 100}', 'o2', '2024-01-01', 'shop');
SELECT is(count(*), 0, 'keep_attributes = false: it does not')
	FROM loyalty.ledger e, member_row('kind', 'shop') m WHERE e.member_id = m.member_id AND e.ref = 'o2' AND e.attributes IS NOT NULL;
SELECT is(replayed, true, 'and still knows a repeat') FROM record('kind', 'purchase', '{"amount": 100}', 'o2', '2024-01-01', 'shop');

-- windows, inactive rules, $member
DELETE FROM loyalty.rule;
INSERT INTO loyalty.rule (program, name, event, points, condition, starts_at, ends_at, active) VALUES
	('shop', 'window', 'visit', '1', NULL, '2024-01-10', '2024-01-20', true),
	('shop', 'off', 'visit', '10', NULL, NULL, NULL, false),
	('shop', 'vip', 'visit', '100', '$member.vip == true', NULL, NULL, true);
SELECT is(enroll('vip', '{"vip": true, "age": 3}', '2024-01-01', 'shop') > 0, true, 'a member with attributes');
SELECT is(points, 0, 'before the window') FROM record('win', 'visit', at => '2024-01-09 23:59:59', program => 'shop');
SELECT is(points, 1, 'its start is inclusive') FROM record('win', 'visit', at => '2024-01-10', program => 'shop');
SELECT is(points, 0, 'its end is exclusive') FROM record('win', 'visit', at => '2024-01-20', program => 'shop');
SELECT is(points, 100, '$member: facts about the member') FROM record('vip', 'visit', at => '2024-01-20', program => 'shop');
SELECT ok((last_entry('vip', 'shop')).breakdown::text LIKE '%vip%' AND (last_entry('vip', 'shop')).breakdown::text NOT LIKE '%"age"%',
	'case 2: what a rule saw is stored with the grant, and no more');

-- an event that gives nothing is on record, and a repeat of it is one
SELECT is(points, 0, 'an event of 0 points') FROM record('nil', 'visit', ref => 'v1', at => '2024-02-01', program => 'shop');
SELECT is(replayed, true, 'repeated') FROM record('nil', 'visit', ref => 'v1', at => '2024-02-01', program => 'shop');
SELECT is(trail('nil', program => 'shop'), 'event 0', 'one entry');

-- case 10: a return that names no order
INSERT INTO loyalty.program (name, validity, rounding) VALUES ('back', 'never', 'up');
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('soft', 'never', 'waive');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift) VALUES
	('back', 'base', 1, 0, 1, 0), ('back', 'gold', 2, 100, 2, 0);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('back', 'base', 'purchase', '$.amount'), ('soft', 'base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'back');
SELECT FROM record('ann', 'purchase', '{"amount": 50}', 'o2', '2024-02-01', 'back');
SELECT is(stands('ann', 'back'), 'wallet 200, held 0, debt 0', '100, then 50 as gold');
SELECT is(format('%s %s', points, growth), '-41 -20', 'case 10: as a purchase now would be, multiplier included, rounded toward zero even under up')
	FROM record('ann', 'purchase', '{"amount": -20.75}', at => '2024-03-01', program => 'back');
SELECT is(wallet_of('ann', 'back'), '59@2024-01-01/infinity 100@2024-02-01/infinity', 'case 10: it debits in spend order');
SELECT is(shown((member_row('ann', 'back')).growth), '100@2024-01-01/infinity 30@2024-02-01/infinity', 'case 10: growth loses the newest lots');
SELECT is(balance, -241, 'case 10: by shortfall owe') FROM record('ann', 'purchase', '{"amount": -200}', at => '2024-03-02', program => 'back');
SELECT is(growth_of('ann', 'back'), 0, 'case 10: growth never below 0');
SELECT FROM record('ann', 'purchase', '{"amount": 30}', at => '2024-01-01', program => 'soft');
SELECT is(format('%s %s', points, balance), '-30 0', 'case 10: by shortfall waive') FROM record('ann', 'purchase', '{"amount": -50}', at => '2024-03-02', program => 'soft');
SELECT is((last_entry('ann', 'soft')).waived, 20, 'case 10: what was forgiven is on record');

-- pain: the reward line itself earned a point; voided items still earn: rules say what counts
INSERT INTO loyalty.program (name) VALUES ('pos');
INSERT INTO loyalty.rule (program, name, event, each, points) VALUES
	('pos', 'lines', 'sale', '$.items[*] ? (!(@.voided == true) && !(@.reward == true))', '$.net');
SELECT is(points, 30, 'pain 3 and 11: voided items and reward lines earn nothing, net counts')
	FROM record('ann', 'sale', '{"items": [{"net": 10, "gross": 12}, {"net": 20.5, "gross": 25}, {"net": 5, "voided": true}, {"net": 7, "reward": true}]}', program => 'pos');

SELECT lawful('events');
SELECT * FROM finish();
