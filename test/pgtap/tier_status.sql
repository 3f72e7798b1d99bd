-- Status periods: kept or lost at their end, by the clock alone.
\ir lib/helpers.psql
SELECT no_plan();

-- The life of a member, as the clock has it: tier at some instants.
CREATE FUNCTION tiers(member text, VARIADIC instants timestamptz[]) RETURNS text
	LANGUAGE sql AS $$
	SELECT string_agg(coalesce(loyalty.tier(member, i), 'none'), ' ' ORDER BY n)
		FROM unnest(instants) WITH ORDINALITY AS u (i, n)
$$;
CREATE FUNCTION months(n integer) RETURNS timestamptz
	LANGUAGE sql STABLE AS $$ SELECT now() + make_interval(months => n) $$;
CREATE FUNCTION program_of(settings text, tiers text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO loyalty.program (name, validity%s) VALUES (%L, ''never''%s)',
		split_part(settings, '=', 1), current_setting('loyalty.program'), split_part(settings, '=', 2));
	EXECUTE 'INSERT INTO loyalty.tier (name, rank, threshold, ' || tiers;
	INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
END
$$;

-- the source's example
SET loyalty.program = 'source';
SELECT program_of('', $$gift) VALUES ('bronze', 1, 0, 0), ('silver', 2, 501, 0), ('gold', 3, 1501, 0), ('diamond', 4, 3001, 0)$$);
SELECT is((SELECT string_agg(tier, ' ' ORDER BY amount) FROM (VALUES (500), (501), (1500), (1501), (3000), (3001)) v (amount),
		record('source ' || amount, 'purchase', jsonb_build_object('amount', amount))),
	'bronze silver silver gold gold diamond', 'bronze 0-500, silver 501-1500, gold 1501-3000, diamond above');
SELECT is((SELECT string_agg(tier, ' ' ORDER BY n) FROM (SELECT n, (record('walker', 'purchase', '{"amount": 500}')).tier FROM generate_series(1, 7) n OFFSET 0) w),
	'bronze silver silver gold gold gold diamond', 'step by step, each at once');

-- reassess: live growth decides at the end of the period
SET loyalty.program = 'reassess';
SELECT program_of(', growth_window=, ''12 months''', $$status_validity, gift) VALUES
	('base', 1, 0, 'never', 0), ('silver', 2, 100, '6 months', 5), ('gold', 3, 200, '18 months', 10)$$);
SELECT FROM record('ann', 'purchase', '{"amount": 250}', 'o1');
SELECT is(tiers('ann', now(), months(6), months(17), months(18) + '1 hour'), 'gold gold gold base', 'a tier is held until its period ends, then growth decides');
SELECT is(growth, 0::bigint, 'though growth had lapsed before') FROM balance('ann', months(13));
SELECT is((balance('ann', months(13))).tier, 'gold', 'balance() says the same tier');
SELECT FROM record('bob', 'purchase', '{"amount": 120}', 'o1');
SELECT is(tiers('bob', months(5), months(6) + '1 hour', months(12) + '1 hour', months(40)), 'silver silver base base', 'kept while live growth meets the threshold, period by period');
SELECT is(tiers('bob', now() - interval '1 day', '2001-01-01'), 'base base', 'before anything was recorded: the tier of threshold 0');
SELECT is(growth_of('bob'), 120, 'growth of a rolling window');
SELECT is(shown(growth), format('120@%s/%s', shown(date_trunc('day', now())), shown(date_trunc('day', now()) + interval '12 months')), 'is dated to the local day') FROM member_row('bob');

-- keep_threshold: what was gained in the period
SET loyalty.program = 'keep';
SELECT program_of('', $$status_validity, keep_threshold, downgrade) VALUES
	('base', 1, 0, 'never', NULL, 'reassess'), ('silver', 2, 100, '1 year', 50, 'reassess'), ('gold', 3, 200, '1 year', 150, 'reassess'),
	('one', 4, 1000, '1 year', 900, 'one'), ('none', 5, 2000, '1 year', 1900, 'none')$$);
SELECT FROM record('ann', 'purchase', '{"amount": 250}', 'o1');
SELECT is(tiers('ann', months(11), months(13)), 'gold base', 'keep_threshold: the growth that reached it does not keep it');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'o2');
SELECT is(tiers('ann', months(11), months(13), months(25)), 'gold silver base', 'reassess: the highest lower tier that the growth of the period keeps');
SELECT FROM record('ann', 'purchase', '{"amount": 90}', 'o3');
SELECT is(tiers('ann', months(11), months(13), months(25)), 'gold gold base', 'kept for another period, and counted from 0 in it');
SELECT FROM settle('ann', 'purchase', NULL, 'o3');
SELECT is(tiers('ann', months(11), months(13)), 'gold silver', 'what is taken back was not gained');
SELECT FROM record('bob', 'purchase', '{"amount": 1000}', 'o1');
SELECT is(tiers('bob', months(11), months(13), months(25), months(37)), 'one gold base base', 'one: the next lower tier, whatever growth says');
SELECT FROM record('cat', 'purchase', '{"amount": 2000}', 'o1');
SELECT is(tiers('cat', months(11), months(13), months(1000)), 'none none none', 'none: never lower');

-- who has fallen comes back with what would have kept the tier
SELECT FROM record('dan', 'purchase', '{"amount": 250}', 'o1', now() - interval '13 months');
SELECT is(tier, 'base', 'fallen: the growth that once reached it does not give it back') FROM record('dan', 'purchase', '{"amount": 20}', 'o2', now() - interval '20 days');
SELECT is(tier, 'silver', 'what would have kept silver does') FROM record('dan', 'purchase', '{"amount": 40}', 'o3', now() - interval '19 days');
SELECT is(tier, 'silver', 'gold needs its own') FROM record('dan', 'purchase', '{"amount": 80}', 'o4', now() - interval '18 days');
SELECT is(tier, 'gold', 'counted from the fall') FROM record('dan', 'purchase', '{"amount": 10}', 'o5', now() - interval '17 days');

-- grace
SET loyalty.program = 'grace';
SELECT program_of('', $$status_validity, keep_threshold, grace) VALUES
	('base', 1, 0, 'never', NULL, '0'), ('gold', 2, 100, '1 year', 100, '2 months')$$);
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT is(tiers('ann', months(12) + '1 hour', months(13), months(14) + '1 hour'), 'gold gold base', 'grace: the tier outlives its period by it');

-- permanent
SET loyalty.program = 'permanent';
SELECT program_of(', growth_window=, ''1 month''', $$status_validity, permanent) VALUES
	('base', 1, 0, 'never', false), ('silver', 2, 100, '1 year', true), ('gold', 3, 200, '1 year', false)$$);
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT FROM record('bob', 'purchase', '{"amount": 200}', 'o1');
SELECT is(tiers('ann', months(11), months(13), months(100)), 'silver silver silver', 'permanent: the clock never takes it');
SELECT is(tiers('bob', months(11), months(13), months(100)), 'gold silver silver', 'and who loses a higher one falls no lower');
SELECT is(tier, 'base', 'a refund of what made it does') FROM settle('ann', 'purchase', NULL, 'o1');

-- calendar periods
SET loyalty.program = 'calendar';
SELECT program_of(', growth_window=, ''end of year''', $$status_validity) VALUES
	('base', 1, 0, 'never'), ('gold', 2, 100, 'end of next year')$$);
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT is(tiers('ann', date_trunc('year', months(12)), date_trunc('year', months(24)) - '1 us'::interval, date_trunc('year', months(24))), 'gold gold base', 'to the end of the next year, to the microsecond');

-- the past in its order counts as it would have then
SET loyalty.program = 'reassess';
SELECT is(tier, 'gold', 'history: gold in 2021') FROM record('old', 'purchase', '{"amount": 250}', 'o1', '2021-01-10');
SELECT is(tier, 'gold', 'history: for 18 months') FROM record('old', 'purchase', '{"amount": 1}', 'o2', '2022-07-09');
SELECT is(tier, 'base', 'history: then no more') FROM record('old', 'purchase', '{"amount": 1}', 'o3', '2022-07-11');
SELECT is(tiers('old', now(), '2021-06-01'), 'base base', 'case 11: what was recorded of the past is not rewritten');
SELECT is(format('%s %s', tier, trail('old')), 'gold event 250, gift 5, gift 10, event 1, event 1, event 300, gift 5, gift 10', 'a gift again in a later cycle')
	FROM record('old', 'purchase', '{"amount": 300}', 'o4', '2023-01-10');
SELECT is(tier, 'silver', 'out of order: the later order first') FROM record('late', 'purchase', '{"amount": 150}', 'o2', now() - interval '1 month');
SELECT is(tier, 'gold', 'out of order: late growth raises the tier') FROM record('late', 'purchase', '{"amount": 60}', 'o1', now() - interval '2 months');
SELECT ok(since > now() - interval '1 minute', 'from its recording on') FROM tier_period t JOIN tier USING (tier_id), member_row('late') m WHERE t.member_id = m.member_id AND tier.name = 'gold';

-- refunds: the open period only
SELECT is(tier, 'gold', 'a refund of another order') FROM record('ref', 'purchase', '{"amount": 250}', 'o1', now() - interval '19 months');
SELECT is(tier, 'base', 'the period is over') FROM record('ref', 'purchase', '{"amount": 10}', 'o2', now());
SELECT is(tier, 'base', 'a refund of what made a closed one changes nothing') FROM settle('ref', 'purchase', NULL, 'o1');
SELECT is(tier, 'gold', 'reached, in part by growth that lapses soon') FROM (SELECT record('lap', 'purchase', '{"amount": 150}', 'o1', now() - interval '11 months'), (record('lap', 'purchase', '{"amount": 60}', 'o2', now() - interval '10 months')).tier OFFSET 0) r;
SELECT is(tier, 'gold', 'lapsed growth still carries the open period: a refund of something else does not end it') FROM (SELECT record('lap', 'purchase', '{"amount": 7}', 'o3'), (settle('lap', 'purchase', NULL, 'o3')).tier OFFSET 0) r;
SELECT is(tier, 'silver', 'a refund of what it rests on does') FROM settle('lap', 'purchase', NULL, 'o2');

-- growth that is lost late ends a status that the clock had kept since
SET loyalty.program = 'kept';
SELECT program_of('', $$status_validity) VALUES ('base', 1, 0, 'never'), ('silver', 2, 100, '12 months')$$);
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', months(-30));
SELECT is(tier, 'silver', 'kept from period to period') FROM record('ann', 'purchase', '{"amount": 1}', 'o2', months(-17));
SELECT is(tier('ann'), 'silver', 'up to now');
SELECT is(tier, 'silver', 'no refund ends a period that was kept') FROM claw_back('ann', 'o1', at => months(-16));
SELECT is(tier('ann'), 'base', 'the clock has ended it since');
SELECT is(tier, 'base', 'the next order finds it so') FROM record('ann', 'purchase', '{"amount": 1}', 'o3');
SELECT is_empty($$SELECT * FROM verify('ann')$$, 'and the open tier period is that of the member');
SET loyalty.program = 'reassess';

-- growth of the past, as it was live then
SELECT is(string_agg((balance('old', at)).growth::text, ' ' ORDER BY at), '250 250 0 1 2 302', 'growth at past instants')
	FROM unnest('{2021-01-11,2022-01-09,2022-01-10,2022-07-10,2022-07-12,2023-01-10}'::timestamptz[]) AS at;
SELECT FROM settle('old', 'purchase', '{"amount": 270}', 'o4');
SELECT FROM settle('old', 'purchase', '{"amount": 290}', 'o4');
SELECT is(growth, 0::bigint, 'corrections count at the date of their grant') FROM balance('old');

-- maintain only tidies; verify agrees
CREATE TEMPORARY TABLE before AS SELECT p.name AS program, m.ref, n AS month, tier(m.ref, months(n), p.name)
	FROM member m JOIN program p USING (program_id), generate_series(0, 60, 7) n;
CALL maintain();
SELECT is_empty('SELECT * FROM before b WHERE tier IS DISTINCT FROM tier(b.ref, months(b.month), b.program)', 'maintain changes no answer');
SELECT is_empty($$SELECT * FROM tier_period a JOIN tier_period b USING (member_id) WHERE a.since < b.until AND b.since < a.until AND a.since <> b.since$$, 'tier periods do not overlap');

SELECT lawful('status periods');
SELECT * FROM finish();
