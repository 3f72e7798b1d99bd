-- Benefits of tiers and plans: quotas by the clock, conditions, units, one use per ref.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Europe/Berlin');
INSERT INTO loyalty.tier (program, name, rank, threshold) VALUES
	('shop', 'base', 1, 0), ('shop', 'silver', 2, 100), ('shop', 'gold', 3, 200);
INSERT INTO loyalty.plan (name, price, period) VALUES ('prime', 120, '1 year'), ('lite', 20, '1 year');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
INSERT INTO loyalty.benefit (name, plan, kind, quota, unit, condition, value) VALUES
	('free delivery', 'prime', 'coupon', 5, 'coupon', '$.amount >= 20', 4.99);
INSERT INTO loyalty.benefit (name, tier, plan, kind, quota, unit, value) VALUES
	('lounge', 'silver', NULL, 'service', 2, 'hour', NULL), ('lounge', 'gold', NULL, 'service', 4, 'hour', NULL),
	('lounge', NULL, 'lite', 'service', 3, 'hour', NULL),
	('discount', 'silver', NULL, 'discount', NULL, 'use', 0.05), ('discount', NULL, 'prime', 'discount', NULL, 'use', 0.1),
	('free returns', NULL, 'prime', 'service', NULL, 'use', NULL), ('hotline', NULL, NULL, 'service', NULL, 'use', NULL);
INSERT INTO loyalty.benefit (name, tier, kind, quota, period) VALUES ('welcome box', 'gold', 'goods', 1, 'once');

CREATE FUNCTION public.left_of(member text, at timestamptz DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s/%s', benefit, coalesce(remaining::text, '-'), coalesce(quota::text, '-')), ', ' ORDER BY benefit), 'nothing')
		FROM loyalty.benefits(member, at) $$;

-- plans
SELECT enroll('ann', at => '2024-01-01') IS NOT NULL AS enrolled \gset
SELECT is(left_of('ann', '2024-01-02'), 'hotline -/-', 'what everybody has');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery')$$, 'LY010', 'a benefit of a plan without the plan', 'Neither tier nor plan');
SELECT FROM subscribe('ann', 'prime', at => '2024-01-31 10:00');
SELECT is(left_of('ann', '2024-01-31 12:00'), 'discount -/-, free delivery 5/5, free returns -/-, hotline -/-', 'with it: five a month');
SELECT is(format('%s %s %s %s %s', quantity, used, remaining, shown(period_end), replayed), '2 2 3 2024-01-31 23:00:00 f',
	'use_benefit: units of the local month') FROM use_benefit('ann', 'free delivery', 2, 'u1', '{"amount": 20}', '2024-01-31 12:00');
SELECT is(format('%s %s %s %s', quantity, used, remaining, replayed), '2 2 3 t', 'once per ref') FROM use_benefit('ann', 'free delivery', 2, 'u1', '{"amount": 20}');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', 3, 'u1', '{"amount": 20}')$$, 'LY003', 'another quantity under that ref');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', NULL)$$, '22023', 'no quantity', 'quantity must not be null');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', 2, 'u1', '{"amount": 30}')$$, 'LY003', 'or used on something else');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', 1, 'u2', '{"amount": 19.99}', '2024-01-31 13:00')$$, 'LY010', 'a condition over what it is used on', 'condition');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', 4, 'u2', '{"amount": 20}', '2024-01-31 13:00')$$, 'LY006', 'more than is left', 'Asked for 4 .coupon., used 2 of 5');
SELECT is(remaining, 0::bigint, 'all that is left, under the refused ref') FROM use_benefit('ann', 'free delivery', 3, 'u2', '{"amount": 20}', '2024-01-31 13:00');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free delivery', 1, 'u3', '{"amount": 20}', '2024-01-31 22:59:59')$$, 'LY006', 'used up');
SELECT is(remaining, 4::bigint, 'the next local month') FROM use_benefit('ann', 'free delivery', 1, 'u3', '{"amount": 20}', '2024-01-31 23:00');
SELECT is(remaining, NULL, 'no quota: no limit') FROM use_benefit('ann', 'free returns', 100, at => '2024-02-01');
SELECT refuses($$SELECT FROM use_benefit('ann', 'free returns', 0)$$, '22023', 'nothing');
SELECT refuses($$SELECT FROM use_benefit('ann', 'none')$$, '22023', 'an unknown benefit');
SELECT refuses($$SELECT FROM use_benefit('nobody', 'hotline')$$, 'LY002', 'an unknown member');
SELECT is(trail('ann'), 'subscribe 0, benefit 0, benefit 0, benefit 0, benefit 0', 'each use is an entry of 0 points');
SELECT is(attributes, '{"amount": 20}'::jsonb, 'with what it was used on') FROM loyalty.entries WHERE ref = 'u1';
SELECT ok(bool_or(line ~ 'benefit free delivery was used \(2, coupon\)'), 'explain') FROM explain('ann', 'u1') line;
SELECT is(left_of('ann', '2025-01-31 10:00'), 'hotline -/-', 'the plan''s benefits end with it, by the clock');
SELECT FROM unsubscribe('ann', 'prime', at => '2024-02-10');
SELECT is(left_of('ann', '2024-02-11'), 'hotline -/-', 'or when it is cancelled');
SELECT FROM subscribe('ann', 'prime', at => '2024-02-12');
SELECT is(left_of('ann', '2024-02-12'), 'discount -/-, free delivery 4/5, free returns -/-, hotline -/-', 'coming back gives no second quota of the month');

-- tiers: the greatest quota counts, the greater at once, the lower from the next period on
SELECT FROM record('bob', 'purchase', '{"amount": 100}', 'o1');
SELECT is(left_of('bob'), 'discount -/-, hotline -/-, lounge 2/2', 'silver');
SELECT FROM use_benefit('bob', 'lounge', 2, 'l1');
SELECT refuses($$SELECT FROM use_benefit('bob', 'lounge', 1, 'l2')$$, 'LY006', 'used up');
SELECT FROM subscribe('bob', 'lite');
SELECT is(left_of('bob'), 'discount -/-, hotline -/-, lounge 1/3', 'tier and plan: the greater quota, not the sum');
SELECT FROM record('bob', 'purchase', '{"amount": 100}', 'o2');
SELECT is(left_of('bob'), 'discount -/-, hotline -/-, lounge 2/4, welcome box 1/1', 'a higher tier gives the greater quota at once');
SELECT FROM use_benefit('bob', 'lounge', 2, 'l2');
SELECT FROM settle('bob', 'purchase', NULL, 'o1');
SELECT FROM settle('bob', 'purchase', NULL, 'o2');
SELECT is(tier_of('bob'), 'base', 'back at the bottom');
SELECT is(left_of('bob'), 'hotline -/-, lounge 0/4', 'the lower quota counts from the next period on, what is given once or without quota goes with the tier');
SELECT is(left_of('bob', date_trunc('month', now()) + interval '40 days'), 'hotline -/-, lounge 3/3', 'then it does');
SELECT is(used, 4::bigint, 'nothing issued is taken back') FROM benefits('bob') WHERE benefit = 'lounge';
SELECT FROM record('dan', 'purchase', '{"amount": 100}');
SELECT is(format('%s %s', tier, value), 'silver 0.05', 'a discount of the tier') FROM benefits('dan') WHERE benefit = 'discount';
SELECT FROM subscribe('dan', 'prime');
SELECT is(format('%s %s', plan, value), 'prime 0.1', 'without quotas the greatest value counts') FROM benefits('dan') WHERE benefit = 'discount';

-- once
SELECT FROM record('cat', 'purchase', '{"amount": 200}', 'o1');
SELECT is(format('%s %s', remaining, period_end IS NULL), '0 t', 'a benefit given once') FROM use_benefit('cat', 'welcome box');
SELECT refuses($$SELECT FROM use_benefit('cat', 'welcome box')$$, 'LY006', 'is given once');
SELECT is(format('%s %s %s', used, remaining, period_start IS NULL), '1 0 t', 'for ever') FROM benefits('cat', '2030-01-01') WHERE benefit = 'welcome box';

-- blocked members
SELECT FROM set_status('cat', 'spend_blocked');
SELECT refuses($$SELECT FROM use_benefit('cat', 'hotline')$$, 'LY004', 'a blocked member');

-- configuration
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, tier, plan) VALUES ('x', 'gold', 'prime')$$, '23514', NULL, 'of a tier or a plan');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, tier) VALUES ('x', 'none')$$, '22023', NULL, 'an unknown tier');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, plan) VALUES ('x', 'none')$$, '22023', NULL, 'an unknown plan');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, condition) VALUES ('x', '$member.vip')$$, '42704', NULL, 'a variable in a condition');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, tier, unit) VALUES ('lounge', 'base', 'visit')$$, '23514', NULL, 'rows of a name agree on the unit');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, tier, unit, period) VALUES ('lounge', 'base', 'hour', 'year')$$, '23514', NULL, 'and on the period');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, tier, unit) VALUES ('lounge', 'gold', 'hour')$$, '23505', NULL, 'a tier gives it once');
SELECT throws_ok($$UPDATE loyalty.benefit SET name = 'x' WHERE name = 'hotline'$$, '22023', NULL, 'its name stays');
SELECT throws_ok($$INSERT INTO loyalty.benefit (name, period) VALUES ('x', 'decade')$$, '23514', NULL, 'an unknown period');
SELECT throws_ok($$DELETE FROM loyalty.plan WHERE name = 'lite'$$, '23001', NULL, 'a plan that a benefit names');
SELECT throws_ok($$UPDATE loyalty.benefit_use SET used = 0$$, '55000', NULL, 'uses are written by the calls alone');
UPDATE loyalty.tier SET name = 'oro' WHERE name = 'gold';
UPDATE loyalty.plan SET name = 'premium' WHERE name = 'prime';
SELECT is(string_agg(coalesce(tier, plan), ', ' ORDER BY benefit_id), 'premium, silver, oro, lite, silver, premium, premium, oro', 'benefits follow the new names of tier and plan')
	FROM loyalty.benefit WHERE coalesce(tier, plan) IS NOT NULL;
UPDATE loyalty.benefit SET active = false WHERE name = 'hotline';
SELECT refuses($$SELECT FROM use_benefit('ann', 'hotline')$$, '22023', 'a benefit that is not given any more');

SELECT lawful('benefits');
SELECT * FROM finish();
