-- rule_example: a change that breaks an example cannot be committed, and says which.
\ir lib/helpers.psql
SELECT no_plan();

-- The statement, and then the check that a commit would make.
CREATE FUNCTION public.breaks(statement text, description text, pattern text) RETURNS text
	LANGUAGE sql AS $$
	SELECT public.refuses(statement || '; SET CONSTRAINTS ALL IMMEDIATE', '23514', description, pattern)
$$;
CREATE FUNCTION public.stays(statement text, description text) RETURNS text
	LANGUAGE sql AS $$ SELECT public.lives_ok(statement || '; SET CONSTRAINTS ALL IMMEDIATE', description) $$;
CREATE FUNCTION public.given(example text, program text DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT format('%s %s %s', given_points, given_growth, CASE WHEN holds THEN 'holds' ELSE detail END)
		FROM loyalty.rule_examples($2) WHERE name = $1
$$;

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.tier (name, rank, threshold, earn_multiplier) VALUES ('member', 0, 0, 1), ('vip', 1, 1000, 1.5);
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
INSERT INTO loyalty.rule_example (name, event, attributes, tier, points, growth) VALUES
	('plain', 'purchase', '{"amount": 100}', NULL, 100, 100),
	('vip', 'purchase', '{"amount": 100}', 'vip', 150, NULL);
SELECT results_eq('SELECT name, event, active, holds, points, given_points, growth, given_growth, detail FROM rule_examples()',
	$$VALUES ('plain', 'purchase', true, true, 100::bigint, 100::bigint, 100::bigint, 100::bigint, '"base" 100 points and 100 growth'),
		('vip', 'purchase', true, true, 150, 150, NULL, 100, '"base" 150 points and 100 growth')$$,
	'every example with what the rules give for it');
SELECT is(breakdown -> 'tier' ->> 'name', 'vip', 'and the breakdown') FROM rule_examples() WHERE name = 'vip';
SELECT is(given('plain'), '100 100 holds', 'no tier said: that of a new member');

-- what breaks one, and what it says
SELECT breaks($$UPDATE loyalty.rule SET points = '$.amount * 2'$$, 'a rule',
	'rule example "plain" of program "shop" gives 200 points and 200 growth, not 100 and 100 / By rule: "base" 200 points and 200 growth. 2 examples of the program are broken. / Correct');
SELECT breaks($$UPDATE loyalty.tier SET earn_multiplier = 2 WHERE name = 'vip'$$, 'a tier',
	'rule example "vip" of program "shop" gives 200 points, not 150 / By rule: "base" 200 points and 100 growth. / ');
SELECT breaks($$INSERT INTO loyalty.rule (name, event, points) VALUES ('more', 'purchase', '20')$$, 'another rule', '"base" 100 points and 100 growth, "more" 20 points and 20 growth');
SELECT breaks('DELETE FROM loyalty.rule', 'a deleted rule', 'gives 0 points and 0 growth, not 100 and 100 / No rule gave anything.');
SELECT breaks('TRUNCATE loyalty.rule', 'a truncated table', 'gives 0 points');
SELECT breaks('UPDATE loyalty.rule SET active = false', 'a rule that rests', 'gives 0 points');
SELECT breaks('UPDATE loyalty.program SET max_multiplier = 1.2', 'the program', '"vip" of program "shop" gives 120 points, not 150');
SELECT breaks($$DELETE FROM loyalty.tier WHERE name = 'vip'$$, 'a tier that an example names', 'rule example "vip" of program "shop" fails: unknown tier "vip"');
SELECT breaks($$UPDATE loyalty.rule_example SET points = 99 WHERE name = 'plain'$$, 'the example itself', 'gives 100 points, not 99');
SELECT breaks($$INSERT INTO loyalty.rule_example (name, event, points) VALUES ('new', 'reveiw', 5)$$, 'an event that no rule names', 'gives 0 points, not 5');
SELECT breaks($$UPDATE loyalty.rule SET condition = '$.amount.datetime() == $.amount.datetime()', points = '$.amount / ($.amount - 100)'$$,
	'an example that no rule applies to', 'gives 0 points');
SELECT breaks($$UPDATE loyalty.rule SET points = '9223372036854775807 * $.amount'$$, 'an error counts as broken',
	'rule example "plain" of program "shop" fails: points of event "purchase" out of range: By rule');

-- what does not
SELECT stays($$UPDATE loyalty.rule SET points = '$.amount / 2 + $.amount / 2'$$, 'the same by another way');
SELECT stays($$UPDATE loyalty.rule SET points = '$.amount * 2'; UPDATE loyalty.rule SET points = '$.amount'$$, 'only the end counts');
SELECT stays($$TRUNCATE loyalty.rule; INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount')$$, 'rules written anew');
SELECT stays($$UPDATE loyalty.rule SET points = '$.amount * 2';
	UPDATE loyalty.rule_example SET points = points * 2, growth = growth * 2$$, 'rule and examples changed together');
SELECT is(given('vip'), '300 200 holds', 'and committed');
SELECT stays($$UPDATE loyalty.rule_example SET active = false WHERE name = 'vip';
	UPDATE loyalty.tier SET earn_multiplier = 3 WHERE name = 'vip'$$, 'an example that rests holds nothing up');
SELECT is(given('vip'), '600 200 "base" 600 points and 200 growth', 'but is shown');
SELECT stays($$UPDATE loyalty.rule_example SET points = 600 WHERE name = 'vip';
	UPDATE loyalty.rule_example SET active = true WHERE name = 'vip';
	UPDATE loyalty.tier SET name = 'best' WHERE name = 'vip'$$, 'a tier that an example names is renamed');
SELECT is((SELECT tier FROM loyalty.rule_example WHERE name = 'vip') || ' ' || given('vip'), 'best 600 200 holds', 'and the example follows');
SELECT stays($$UPDATE loyalty.tier SET name = 'vip' WHERE name = 'best';
	UPDATE loyalty.rule_example SET active = false, points = 300 WHERE name = 'vip'$$, 'back again');
SELECT breaks($$UPDATE loyalty.rule_example SET active = true WHERE name = 'vip'$$, 'until it is taken up again', 'gives 600 points, not 300');
SELECT stays($$INSERT INTO loyalty.rule_example (name, event, points) VALUES ('nothing', 'never named', 0)$$, 'an event without rules gives nothing');

-- immediate: each statement is checked
SELECT breaks($$SET CONSTRAINTS loyalty.rule_examples_hold IMMEDIATE; UPDATE loyalty.rule SET points = '$.amount'$$, 'immediate: the statement itself fails', '"plain"');
SELECT breaks($$SELECT FROM rule_examples(); SET CONSTRAINTS ALL IMMEDIATE;
	INSERT INTO loyalty.rule_example (name, event, points) VALUES ('hello', 'greeting', 0);
	INSERT INTO loyalty.rule (name, event, points) VALUES ('hello', 'greeting', '7')$$,
	'immediate: also a rule that names a new event', 'rule example "hello" of program "shop" gives 7 points, not 0');

-- a deferred check fails the commit
\set ON_ERROR_STOP off
BEGIN;
UPDATE loyalty.rule SET points = '$.amount * 5';
COMMIT;
\set ON_ERROR_STOP on
SELECT is(points::text, '($."amount" * 2)', 'a commit that breaks an example changes nothing') FROM loyalty.rule WHERE name = 'base';

-- the member of an example is nobody: nothing used, full budgets, first day of its streak
INSERT INTO loyalty.program (name, validity, max_balance) VALUES ('play', 'never', 500);
INSERT INTO loyalty.badge (program, name) VALUES ('play', 'scout');
INSERT INTO loyalty.rule (program, name, event, points, condition, limits, budget, holdout, carry) VALUES
	('play', 'capped', 'review', '100', NULL, '[{"per": "month", "points": 150}]', NULL, NULL, false),
	('play', 'budget', 'prize', '100', NULL, NULL, 60, NULL, false),
	('play', 'held', 'held', '10', NULL, NULL, NULL, 1, false),
	('play', 'first', 'visit', '5', '$count == 0', NULL, NULL, NULL, false),
	('play', 'streak', 'check_in', '$streak.run', NULL, NULL, NULL, NULL, false),
	('play', 'city', 'walk', '3', '$member.city == "Oslo"', NULL, NULL, NULL, false),
	('play', 'scout', 'camp', '4', '$member.badges == "scout"', NULL, NULL, NULL, false),
	('play', 'large', 'jackpot', '1000', NULL, NULL, NULL, NULL, false),
	('play', 'part', 'part', '0.7', NULL, NULL, NULL, NULL, true);
INSERT INTO loyalty.rule (program, name, event, points, starts_at, ends_at) VALUES ('play', 'june', 'swim', '8', '2024-06-01', '2024-07-01');
INSERT INTO loyalty.streak (program, event) VALUES ('play', 'check_in');
INSERT INTO loyalty.rule_example (program, name, event, member, at, points) VALUES
	('play', 'budget', 'prize', '{}', NULL, 60), ('play', 'capped', 'review', '{}', NULL, 100), ('play', 'held', 'held', '{}', NULL, 10),
	('play', 'first', 'visit', '{}', NULL, 5), ('play', 'streak', 'check_in', '{}', NULL, 1),
	('play', 'city', 'walk', '{"city": "Oslo"}', NULL, 3), ('play', 'elsewhere', 'walk', '{"city": "Rome"}', NULL, 0),
	('play', 'scout', 'camp', '{"badges": ["scout"]}', NULL, 4), ('play', 'no scout', 'camp', '{}', NULL, 0),
	('play', 'large', 'jackpot', '{}', NULL, 500), ('play', 'part', 'part', '{}', NULL, 0),
	('play', 'june', 'swim', '{}', '2024-06-15', 8), ('play', 'july', 'swim', '{}', '2024-07-01', 0);
SELECT is_empty($$SELECT name, detail FROM rule_examples('play') WHERE NOT holds$$, 'a member that is nobody');
SELECT FROM record('ann', 'prize', program => 'play');
SELECT is(used, 60, 'an event uses the budget') FROM (SELECT sum(used)::bigint AS used FROM loyalty.rule_budget) b;
SELECT is(given('budget', 'play'), '60 100 holds', 'an example neither needs nor takes what is left of it');
SELECT is((SELECT count(*) FROM loyalty.member), 1, 'and leaves no member behind');
SELECT is(r.points, e.given_points, 'an example is worth what the event is')
	FROM rule_examples('play') e, LATERAL record('new ' || e.name, e.event, program => 'play') r WHERE e.name = 'capped';
SELECT breaks($$UPDATE loyalty.streak SET period = 'week' WHERE program = 'play'; DELETE FROM loyalty.streak WHERE program = 'play'$$,
	'a streak decides, too', '"streak" of program "play" gives 0 points, not 1');

-- programs of their own
SELECT stays($$UPDATE loyalty.rule SET points = '4' WHERE name = 'city' AND program = 'play'; UPDATE loyalty.rule_example SET points = 4 WHERE name = 'city'$$, 'another program''s examples');
SELECT breaks($$UPDATE loyalty.rule SET program = 'shop' WHERE name = 'city'$$, 'a rule that goes over is missed where it was', '"city" of program "play" gives 0 points');
SELECT stays($$UPDATE loyalty.program SET name = 'store' WHERE name = 'shop'$$, 'a program renamed');
SELECT is(array_agg(DISTINCT program), '{play,store}', 'takes its examples with it') FROM loyalty.rule_example;
SELECT breaks($$UPDATE loyalty.rule SET points = '1' WHERE program = 'store'$$, 'which still hold', '"plain" of program "store"');
SELECT refuses($$DELETE FROM loyalty.program WHERE name = 'store'$$, '23001', 'a program with examples is not deleted', 'rule_example');

-- configuration like any other
SELECT refuses($$INSERT INTO loyalty.rule_example (program, name, event, points) VALUES ('none', 'x', 'x', 1)$$, 'LY005', 'an unknown program');
SELECT refuses($$INSERT INTO loyalty.rule_example (name, event, points) VALUES ('plain', 'x', 1)$$, '23505', 'a name is there once');
SELECT refuses($$INSERT INTO loyalty.rule_example (name, event, attributes, points) VALUES ('x', 'x', '[]', 1)$$, '23514', 'attributes are an object', 'attributes_is_an_object');
SELECT refuses($$INSERT INTO loyalty.rule_example (name, event, member, points) VALUES ('x', 'x', '1', 1)$$, '23514', 'so are the member''s', 'member_is_an_object');
SELECT refuses($$INSERT INTO loyalty.rule_example (name, event, at, points) VALUES ('x', 'x', 'infinity', 1)$$, '23514', 'at is finite', 'at_is_finite');
SELECT refuses($$INSERT INTO loyalty.rule_example (name, event) VALUES ('x', 'x')$$, '23502', 'points are expected');
SELECT refuses($$SELECT rule_examples('none')$$, 'LY005', 'rule_examples of an unknown program');
SELECT is(array_agg(action || coalesce(' ' || "column", '') ORDER BY version_id, "column"), '{created,"changed growth","changed points","changed program"}', 'changes are kept')
	FROM config_history('rule_example', 'plain', 'store');
SELECT lives_ok($$INSERT INTO loyalty.rule (rule_id, program, name, event, points, version_id, changed_at)
	VALUES (9999, 'store', 'restored', 'purchase', '1', 99999, '2020-01-01'); SET CONSTRAINTS ALL IMMEDIATE$$, 'a restored row is not checked');
SELECT is(given('plain', 'store'), '201 201 "base" 200 points and 200 growth, "restored" 1 points and 1 growth', 'though it counts');
SELECT lives_ok('TRUNCATE loyalty.rule_example; SET CONSTRAINTS ALL IMMEDIATE', 'TRUNCATE');
SELECT is_empty('SELECT * FROM rule_examples()', 'leaves none');

SELECT lawful('rule_example');
SELECT finish();
