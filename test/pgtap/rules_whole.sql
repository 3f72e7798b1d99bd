-- Multipliers, exclusive groups, minimum, carry, holdout and the variables of the past.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Europe/Berlin');
CREATE FUNCTION gives(member text, event text, attributes jsonb, ref text DEFAULT NULL, at timestamptz DEFAULT '2024-01-10 03:00Z') RETURNS bigint
	LANGUAGE sql AS $$ SELECT points FROM loyalty.record(member, event, attributes, ref, at) $$;
CREATE FUNCTION settles(member text, event text, attributes jsonb, ref text) RETURNS bigint
	LANGUAGE sql AS $$ SELECT CASE WHEN replayed THEN 0 ELSE points END FROM loyalty.settle(member, event, attributes, ref) $$;
CREATE FUNCTION rules_of(member text) RETURNS text
	LANGUAGE sql AS $$ SELECT string_agg(format('%s %s', r ->> 'rule', r ->> 'points'), ', ' ORDER BY r ->> 'rule')
		FROM jsonb_array_elements((public.last_entry(member)).breakdown -> 'rules') r $$;

-- multiply: the factor applies to the sum of the rules that are multiplied
INSERT INTO loyalty.tier (name, rank, threshold, earn_multiplier) VALUES ('basic', 1, 0, 1), ('gold', 2, 1000, 1.5);
INSERT INTO loyalty.rule (name, event, points, mode, condition, multiplied) VALUES
	('base', 'buy', '$.n', 'add', NULL, true),
	('extra', 'buy', '7', 'add', '$.extra == true', false),
	('double', 'buy', '2', 'multiply', '$.double == true', true),
	('triple', 'buy', '3', 'multiply', '$.triple == true', true),
	('half', 'buy', '0.5', 'multiply', '$.half == true', true);
SELECT is(gives('ann', 'buy', '{"n": 10}'), 10, 'no campaign');
SELECT is(gives('ann', 'buy', '{"n": 10, "double": true}'), 20, 'a campaign');
SELECT is(rules_of('ann'), 'base 10, double 10', 'its share is what it adds');
SELECT is(gives('ann', 'buy', '{"n": 10, "double": true, "triple": true}'), 60, 'two campaigns: the product');
SELECT is(gives('ann', 'buy', '{"n": 10, "double": true, "extra": true}'), 27, 'what is not multiplied is not');
SELECT is(gives('ann', 'buy', '{"n": 11, "half": true}'), 5, 'a factor below 1');
SELECT is(gives('ann', 'buy', '{"n": -10, "double": true}'), -20, 'case 10: a return is multiplied, too');
SELECT is((last_entry('ann')).growth, -10, 'growth is before multipliers');
SELECT is(gives('rich', 'buy', '{"n": 1000}'), 1000, 'case 2: the crossing order counts with the tier before it');
SELECT is(gives('rich', 'buy', '{"n": 10, "double": true}'), 30, 'the tier''s multiplier, and the campaign on top');
UPDATE loyalty.program SET max_multiplier = 2.5;
SELECT is(gives('rich', 'buy', '{"n": 10, "double": true}'), 25, 'up to max_multiplier');
SELECT is((SELECT r -> 'cut_by' FROM jsonb_array_elements((last_entry('rich')).breakdown -> 'rules') r WHERE r ->> 'rule' = 'double'),
	'["max_multiplier"]', 'and noted');
SELECT is((SELECT string_agg(format('%s %s/%s', r ->> 'rule', coalesce(r ->> 'wished', 'same'), r ->> 'points'), ', ') FROM jsonb_array_elements((last_entry('rich')).breakdown -> 'rules') r),
	'base same/15, double 15/10', 'with what was wished without it');
SELECT is(gives('rich', 'buy', '{"n": 10, "double": true, "triple": true, "half": true}'), 25, 'the product, capped');
SELECT is(gives('rich', 'buy', '{"n": 0, "double": true, "triple": true}'), 0, 'nothing, multiplied');
SELECT is((SELECT count(*) FROM jsonb_array_elements((last_entry('rich')).breakdown -> 'rules') r WHERE r ? 'cut_by'), 0, 'is not cut by max_multiplier');
UPDATE loyalty.program SET max_multiplier = 1.2;
SELECT is(gives('rich', 'buy', '{"n": 10}'), 12, 'the tier''s, too');
SELECT is((last_entry('rich')).breakdown #>> '{rules,0,wished}', '15', 'with what was wished without it');
UPDATE loyalty.program SET max_multiplier = NULL;
SELECT refuses($$UPDATE loyalty.program SET max_multiplier = 0$$, '23514', 'max_multiplier is above 0');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, mode, multiplied) VALUES ('bad', 'buy', '2', 'multiply', false)$$, '23514', 'a multiplier is multiplied');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, mode) VALUES ('bad', 'buy', '2', 'divide')$$, '23514', 'add or multiply');
INSERT INTO loyalty.rule (name, event, points, mode) VALUES ('bad factor', 'buy', '$.factor', 'multiply');
CREATE FUNCTION explained(member text, ref text) RETURNS text
	LANGUAGE sql AS $$ SELECT string_agg(regexp_replace(line, 'version \d+', 'version'), ' ') FROM loyalty.explain(member, ref) AS line WHERE line ~ '^Rule' $$;
SELECT is(gives('ann', 'buy', '{"n": 10, "factor": "x"}', 'f1'), 10, 'no factor: 1');
SELECT is(explained('ann', 'f1'), 'Rule base (version) gave 10 points and 10 growth. Rule bad factor (version) found no number as its factor.', '... which explain says');
SELECT is(gives('ann', 'buy', '{"n": 10, "factor": -3}', 'f2'), 10, 'a factor below 0: 1');
SELECT is(explained('ann', 'f2'), 'Rule base (version) gave 10 points and 10 growth. Rule bad factor (version) found a factor below 0, which changes nothing.', '... which explain says');
SELECT is(gives('ann', 'buy', '{"n": 10, "factor": 1}', 'f3'), 10, 'a factor of 1');
SELECT is(explained('ann', 'f3'), 'Rule base (version) gave 10 points and 10 growth.', '... needs no words');
SELECT is(gives('ann', 'buy', '{"n": 10, "factor": 0}'), 0, 'a factor of 0: nothing');
UPDATE loyalty.rule SET each = '$.f[*]', points = '$' WHERE name = 'bad factor';
SELECT is(gives('ann', 'buy', '{"n": 10, "f": [2, 4, 3]}'), 40, 'of several matches the greatest factor');
SELECT is(gives('ann', 'buy', '{"n": 10, "f": [2, -4, 3]}', 'f4'), 30, '... that is not below 0');
SELECT matches(explained('ann', 'f4'), 'Rule bad factor found a factor below 0 in 1 of 3 matches\.', '... of which explain says how many are');
SELECT is(gives('ann', 'buy', '{"n": 10, "f": [2, "x", "y"]}', 'f5'), 20, '... that is a number');
SELECT matches(explained('ann', 'f5'), 'Rule bad factor found no number as its factor in 2 of 3 matches\.', '... of which explain says how many are none');
DELETE FROM loyalty.rule WHERE name = 'bad factor';
UPDATE loyalty.rule SET partner = 'Bank' WHERE name = 'double';
SELECT FROM gives('ann', 'buy', '{"n": 10, "double": true}', 'shared');
SELECT is(string_agg(format('%s %s', coalesce(partner, 'shop'), points), ', ' ORDER BY partner), 'Bank 10, shop 10', 'a campaign''s partner pays what it adds')
	FROM loyalty.ledger WHERE ref = 'shared';
SELECT is(settles('ann', 'buy', '{"n": 4, "double": true}', 'shared'), -12, 'a correction takes from both');
UPDATE loyalty.rule SET active = false WHERE name = 'double';
SELECT is(settles('ann', 'buy', '{"n": 10, "double": true}', 'shared'), 12, 'case 3: by the rules of the grant');
SELECT lawful('multiply');

-- exclusive groups: the rule best for the member stays
DELETE FROM loyalty.rule;
INSERT INTO loyalty.rule (name, event, points, mode, exclusive_group) VALUES
	('base', 'ex', '$.n', 'add', NULL),
	('fifty', 'ex', '50', 'add', 'best'),
	('rate', 'ex', '$.n / 10', 'add', 'best'),
	('twice', 'ex', '2', 'multiply', 'best'),
	('other', 'ex', '1', 'add', 'another'),
	('more', 'ex', '2', 'add', 'another');
SELECT is(gives('bob', 'ex', '{"n": 10}'), 62, 'a bonus is better than doubling 10');
SELECT is(rules_of('bob'), 'base 10, fifty 50, more 2', 'one of each group');
SELECT is(gives('bob', 'ex', '{"n": 100}'), 204, 'doubling 102 is better than 50');
SELECT is((last_entry('bob')).growth, 102, 'the growth of those that lost is lost');
SELECT is(gives('bob', 'ex', '{"n": -10}'), 42, 'also of a negative sum');

-- min_points
INSERT INTO loyalty.rule (name, event, points, min_points) VALUES ('least', 'least', '$.n', 5);
SELECT is(gives('cat', 'least', '{"n": 3}'), 5, 'at least five');
SELECT is(gives('cat', 'least', '{"n": 30}'), 30, 'or more');
SELECT is(gives('cat', 'least', '{"n": -30}'), -30, 'a return is not raised');
SELECT refuses($$UPDATE loyalty.rule SET min_points = 0 WHERE name = 'least'$$, '23514', 'min_points is above 0');

-- carry: the fraction is kept for the next event
INSERT INTO loyalty.rule (name, event, points, carry) VALUES ('carry', 'carry', '$.n', true);
SELECT is(gives('dan', 'carry', '{"n": 0.6}', 'd1'), 0, 'a fraction');
SELECT is(gives('dan', 'carry', '{"n": 0.6}', 'd2'), 1, 'is kept');
SELECT is(gives('dan', 'carry', '{"n": 0.9}', 'd3'), 1, '... and what is left of it');
SELECT is(gives('eve', 'carry', '{"n": 0.9}', 'd3'), 0, 'per member');
SELECT is(settles('dan', 'carry', '{"n": 0.6}', 'd2'), 0, 'a repeat keeps nothing more');
SELECT is(settles('dan', 'carry', '{"n": 0.1}', 'd1'), 0, 'a correction');
SELECT is(gives('dan', 'carry', '{"n": 0.39}', 'd4'), 0, '... changes what is kept');
SELECT is(gives('dan', 'carry', '{"n": 0.01}', 'd5'), 0, '1.9 + 0.1 - 2 points: 0.0');
SELECT is(settles('dan', 'carry', NULL, 'd2'), -1, 'called off');
SELECT is(sum(carried) + 1, 1.4, 'granted and kept is always what was wished: 0.1 + 0.9 + 0.39 + 0.01')
	FROM loyalty.limit_usage WHERE member_id = loyalty.member_id('dan');
INSERT INTO loyalty.rule (name, event, points, growth, carry, limits) VALUES
	('thirds', 'thirds', '$.n / 3', '0', true, NULL), ('daily', 'daily', '$.n / 3', '0', true, '[{"per": "day", "points": 1}]');
SELECT is(array_agg(gives('dan', 'thirds', '{"n": 1}', 't' || n) ORDER BY n), '{0,0,1,0,0,1,0,0,1}', 'three thirds are one') FROM generate_series(1, 9) n;
SELECT is(sum(carried) + 3, 9 * (1 / 3.0), 'and what they lack to it is not given again')
	FROM loyalty.limit_usage u JOIN loyalty.rule USING (rule_id) WHERE name = 'thirds' AND member_id = loyalty.member_id('dan');
SELECT is(gives('dan', 'thirds', '{"n": 100000000}', 't10'), 33333333, 'so are thirds of much');
SELECT is(array_agg(gives('dan', 'thirds', '{"n": 100000000}', 't' || n) ORDER BY n), '{33333333,33333334}', '... which end sooner') FROM generate_series(11, 12) n;
SELECT is(settles('dan', 'thirds', NULL, 't3'), -1, 'called off');
SELECT is(gives('dan', 'thirds', '{"n": 1}', 't13'), 1, 'two thirds are left and make a whole with another');
SELECT is(gives('eve', 'thirds', '{"n": 2.9999}', 't1'), 0, 'less than a millionth has to lack');
SELECT is(sum(gives('eve', 'daily', '{"n": 1}', 'y' || n)), 1::numeric, 'a limit allows the whole that they make') FROM generate_series(1, 6) n;
SELECT matches((SELECT string_agg(line, ' ') FROM explain('dan', 't1') line),
	'Rule thirds \(version \d+\) gave 0\.3+; it keeps fractions, so that came to 0 points, and 0 growth\.', 'explain says that the fraction is kept');

-- holdout: a share of the members, always the same ones
INSERT INTO loyalty.rule (name, event, points, holdout) VALUES ('some', 'some', '10', 0.3), ('none', 'none', '10', 1), ('all', 'all', '10', 0);
SELECT is(count(*) FILTER (WHERE gives('m' || n, 'some', '{}') = 0) BETWEEN 20 AND 40, true, 'about three in ten') FROM generate_series(1, 100) n;
SELECT is_empty($$SELECT n FROM generate_series(1, 100) n WHERE gives('m' || n, 'some', '{}') <> (SELECT points FROM loyalty.ledger
	WHERE member_id = loyalty.member_id('m' || n) ORDER BY entry_id LIMIT 1)$$, 'always the same ones');
SELECT is(gives('ann', 'none', '{}'), 0, 'all members');
SELECT is((last_entry('ann')).breakdown #>> '{rules,0,note}', 'held out', 'is noted');
SELECT is(gives('ann', 'all', '{}'), 10, 'no member');
SELECT refuses($$UPDATE loyalty.rule SET holdout = 1.1$$, '23514', 'a share');

-- $count and $idle_days
INSERT INTO loyalty.rule (name, event, condition, points) VALUES
	('first', 'visit', '$count == 0', '100'), ('third', 'visit', '$count == 2', '30'),
	('back', 'visit', '$idle_days >= 30', '5'), ('gap', 'visit', NULL, '$idle_days / 1000');
SELECT is(gives('fay', 'visit', '{}', 'v1', '2024-01-10 22:30Z'), 100, '$count: the first');
SELECT is(gives('fay', 'visit', '{}', 'v2', '2024-01-10 23:30Z'), 0, '$count: the second');
SELECT is((last_entry('fay')).breakdown -> 'facts' -> 'idle_days', '1', '$idle_days are local days');
SELECT is(gives('fay', 'visit', '{}', 'v3', '2024-02-20'), 35, '$count, $idle_days');
SELECT is((last_entry('fay')).breakdown -> 'facts' -> 'count', '2', 'what was used is stored');
SELECT is(gives('fay', 'visit', '{}', 'v4', '2024-01-15'), 0, 'back-dated: not idle');
SELECT is(settles('fay', 'visit', NULL, 'v2'), 0, 'called off');
SELECT is(gives('fay', 'visit', '{}', 'v5', '2024-02-21'), 0, '... no longer counts');
SELECT is((last_entry('fay')).breakdown -> 'facts' -> 'count', '3', '... no longer counts: three');
SELECT is(settles('fay', 'visit', '{}', 'v2'), 0, 'on again');
SELECT is(settles('fay', 'visit', '{"x": 1}', 'v1'), 0, 'case 3: a correction keeps $count');
SELECT FROM gives('fay', 'visit', '{}');
SELECT is(count, 6, 'the history that is kept') FROM loyalty.event_usage u JOIN loyalty.event_type USING (event_id)
	WHERE name = 'visit' AND member_id = loyalty.member_id('fay');
-- a rule that asks for the first time finds what was before it
INSERT INTO loyalty.rule (name, event, points) VALUES ('plain', 'late', '1');
SELECT is(sum(gives('gil', 'late', '{}', 'l' || n)), 3::numeric, 'before') FROM generate_series(1, 3) n;
INSERT INTO loyalty.rule (name, event, condition, points) VALUES ('asks', 'late', '$count == 3', '50');
SELECT is(gives('gil', 'late', '{}', 'l4'), 51, '$count knows what was before the rule');
SELECT lawful('$count');

-- $sum and $n of the matches of each
INSERT INTO loyalty.rule (name, event, each, measure, condition, points) VALUES
	('bundle', 'basket', '$.items[*] ? (@.kind == "tea")', '$.p', '$n >= 2 && $sum > 10', '$.p / $sum * 100');
SELECT is(gives('hal', 'basket', '{"items": [{"kind": "tea", "p": 6}, {"kind": "cup", "p": 9}]}'), 0, '$n: one match');
SELECT is(gives('hal', 'basket', '{"items": [{"kind": "tea", "p": 6}, {"kind": "tea", "p": 4}]}'), 0, '$sum: ten');
SELECT is(gives('hal', 'basket', '{"items": [{"kind": "tea", "p": 6}, {"kind": "cup", "p": 9}, {"kind": "tea", "p": 6}]}'), 100, '$n and $sum of the matches');
-- $period_sum and $period_count
INSERT INTO loyalty.rule (name, event, measure, period, condition, points) VALUES
	('spend 100', 'order', '$.amount', 'month', '$period_sum < 100 && $period_sum + $sum >= 100', '20'),
	('week''s third', 'order', NULL, 'week', '$period_count == 2', '3');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o1', '2024-01-29'), 0, 'January 60');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o2', '2024-01-31'), 20, 'January 120');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o3', '2024-01-31 23:30Z'), 3, 'February 60, and the third of the week');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o4', '2024-01-31'), 0, 'January 180, late');
SELECT is(settles('ivy', 'order', '{"amount": 1}', 'o1'), 0, 'a correction of what was before');
SELECT is(settles('ivy', 'order', '{"amount": 60}', 'o2'), 0, 'case 3: leaves what was granted after it');
SELECT is(settles('ivy', 'order', NULL, 'o3'), -3, 'called off');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o5', '2024-02-02'), 0, 'February 60 again; the fourth that counts');
SELECT is(gives('ivy', 'order', '{"amount": 60}', 'o6', '2024-02-03'), 20, 'February 120');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points) VALUES ('bad', 'order', '$sum')$$, '22023', '$sum needs a measure', 'measure');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, each) VALUES ('bad', 'order', '1', '$.a[*] ? (@ > $n)')$$, '22023', 'each cannot know $n');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, period) VALUES ('bad', 'order', '1', 'decade')$$, '23514', 'period is one of five');
SELECT lawful('periods');
SELECT * FROM finish();
