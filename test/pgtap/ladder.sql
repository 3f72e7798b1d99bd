-- ladder(): every tier as a member stands to it.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('shop', 'never', '12 months');
INSERT INTO loyalty.tier (name, rank, threshold, keep_threshold, earn_multiplier, redeem_discount, gift, status_validity, condition) VALUES
	('base', 1, 0, NULL, 1, 0, 0, 'never', NULL), ('silver', 2, 100, 100, 1.5, 0.05, 5, '1 year', NULL),
	('gold', 3, 300, NULL, 2, 0.1, 10, '1 year', '$orders >= 9');
INSERT INTO loyalty.rule (name, event, points, multiplied, tiers) VALUES ('base', 'purchase', '$.amount', true, NULL), ('golden', 'purchase', '7', false, '{gold}');

SELECT FROM enroll('new');
SELECT results_eq($$SELECT tier, rank, held, threshold, growth, lacks, lacks_by, gift, condition_holds, points_last_year FROM ladder('new')$$,
	$$VALUES ('base', 1, true, 0::bigint, 0::bigint, 0::bigint, NULL::timestamptz, 0::bigint, true, 0::bigint),
		('silver', 2, false, 100, 0, 100, NULL, 5, true, 0), ('gold', 3, false, 300, 0, 300, NULL, 10, false, 0)$$, 'a new member');

SELECT FROM record('ann', 'purchase', '{"amount": 40}', 'old', now() - interval '13 months');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'o1', now() - interval '3 months');
SELECT FROM record('ann', 'purchase', '{"amount": 61}', 'o2', now() - interval '2 months');
SELECT FROM record('ann', 'purchase', '{"amount": 10}', 'o3');
SELECT FROM record('ann', 'purchase', '{"amount": 1000}', 'o4');
SELECT FROM settle('ann', 'purchase', NULL, 'o4');
SELECT FROM settle('ann', 'purchase', '{"amount": 20}', 'o3');
SELECT results_eq($$SELECT tier, held, growth, lacks, gift, points_last_year FROM ladder('ann')$$,
	$$VALUES ('base', false, 141::bigint, 0::bigint, 0::bigint, 141::bigint), ('silver', true, 141, 19, 0, 90 + 91 + 30), ('gold', false, 141, 159, 10, 282 + 21)$$,
	'what growth lacks: to keep by what was gained, to reach by what is live; and what each would have given in 12 months');
SELECT ok(until BETWEEN now() + interval '8 months 26 days' AND now() + interval '9 months 2 days' AND lacks_by = until, 'to keep: by the end of the period')
	FROM ladder('ann') WHERE tier = 'silver';
SELECT ok(lacks_by BETWEEN now() + interval '8 months' AND now() + interval '9 months 2 days', 'to reach: before the oldest growth lapses')
	FROM ladder('ann') WHERE tier = 'gold';
SELECT is(format('%s %s', earn_multiplier, redeem_discount), '2 0.1', 'the rights') FROM ladder('ann') WHERE tier = 'gold';

SELECT FROM grant_tier('ann', 'gold', now() + interval '1 day', 'sorry');
SELECT is(string_agg(format('%s %s %s', tier, held, until > now()), ', ' ORDER BY rank), 'base f , silver f t, gold t t', 'a granted tier is held, the earned one lives on')
	FROM ladder('ann');

SELECT FROM record('yan', 'purchase', '{"amount": 40}', 'o1', now() - interval '1 year 2 days');
SELECT FROM record('yan', 'purchase', '{"amount": 3}', 'o2', now() - interval '1 year' + interval '2 days');
SELECT is(points_last_year, 3::bigint, 'the last 12 months, to the day') FROM ladder('yan') WHERE tier = 'base';

UPDATE loyalty.program SET keep_attributes = false;
SELECT FROM record('bob', 'purchase', '{"amount": 50}', 'o1');
SELECT is(string_agg(points_last_year::text, ' ' ORDER BY rank), '50 50 50', 'without attributes: what it gave') FROM ladder('bob');
SELECT refuses($$SELECT ladder('nobody')$$, 'LY002', 'unknown member');

-- rules that ask for facts about the member
INSERT INTO loyalty.program (name) VALUES ('facts');
INSERT INTO loyalty.tier (program, name, rank, threshold) VALUES ('facts', 'base', 1, 0), ('facts', 'gold', 2, 100);
INSERT INTO loyalty.rule (program, name, event, points, limits) VALUES ('facts', 'counted', 'visit', '$count + 1', '[{"per": "day", "points": 100}]');
SELECT FROM record('zoe', 'visit', '{}', 'v1', program => 'facts');
SELECT FROM record('zoe', 'visit', '{}', 'v2', program => 'facts');
SELECT is(string_agg(points_last_year::text, ' ' ORDER BY rank), '3 3', 'a rule may count and be limited: $count is what each event found') FROM ladder('zoe', 'facts');

-- limits: an event does not stand in its own way, what one uses is not there for the next
INSERT INTO loyalty.program (name) VALUES ('limits');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('limits', 'base', 1, 0, 1), ('limits', 'gold', 2, 1000, 5);
INSERT INTO loyalty.rule (program, name, event, points, limits) VALUES ('limits', 'base', 'purchase', '$.amount', '[{"per": "ever", "points": 100}]');
SELECT FROM record('ann', 'purchase', '{"amount": 30}', 'o1', program => 'limits');
SELECT FROM record('ann', 'purchase', '{"amount": 30}', 'o2', program => 'limits');
SELECT is(string_agg(points_last_year::text, ' ' ORDER BY rank), '60 100', 'limits') FROM ladder('ann', 'limits');

-- $streak: as the event found it; by the calendar where no rule asked
INSERT INTO loyalty.program (name) VALUES ('runs');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('runs', 'base', 1, 0, 1), ('runs', 'gold', 2, 1000, 2);
INSERT INTO loyalty.streak (program, event) VALUES ('runs', 'check_in'), ('runs', 'visit');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('runs', 'daily', 'check_in', '$streak.run * 10'), ('runs', 'visit', 'visit', '1');
SELECT FROM record('ann', 'check_in', '{}', NULL, now() - interval '2 days', 'runs');
SELECT FROM record('ann', 'check_in', '{}', NULL, now() - interval '1 day', 'runs');
SELECT is(string_agg(points_last_year::text, ' ' ORDER BY rank), '30 60', 'the run that was stored') FROM ladder('ann', 'runs');
SELECT FROM record('bob', 'visit', '{}', NULL, now() - interval '2 days', 'runs');
SELECT FROM record('bob', 'visit', '{}', NULL, now() - interval '1 day', 'runs');
UPDATE loyalty.rule SET points = '$streak.run' WHERE program = 'runs' AND name = 'visit';
SELECT is(string_agg(points_last_year::text, ' ' ORDER BY rank), '3 6', 'the run of the calendar') FROM ladder('bob', 'runs');

SELECT lawful('ladder');
SELECT * FROM finish();
