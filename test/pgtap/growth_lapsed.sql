-- Growth that has lapsed: each point at its own dates, however late it is asked.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, growth_window) VALUES ('shop', '12 months');
INSERT INTO loyalty.tier (name, rank, threshold) VALUES ('base', 1, 0), ('silver', 2, 100);
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');

-- orders that were never live together make no tier together
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'o1', '2018-01-10');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'o2', '2019-06-10');
SELECT is(tier, 'base', 'growth of other years has lapsed') FROM record('ann', 'purchase', '{"amount": 1}', 'o3');
SELECT is(tier, 'base', 'a late order stands beside what was live at its date') FROM record('ann', 'purchase', '{"amount": 10}', 'late 1', '2019-07-10');
SELECT is(tier, 'silver', 'and makes the tier with it') FROM record('ann', 'purchase', '{"amount": 30}', 'late 2', '2019-07-11');

-- and keep none
SELECT is(tier, 'silver', 'reached by one order') FROM record('bob', 'purchase', '{"amount": 100}', 'o1', '2018-01-10');
SELECT FROM record('bob', 'purchase', '{"amount": 60}', 'o2', '2019-06-10');
SELECT FROM record('bob', 'purchase', '{"amount": 60}', 'o3', '2020-10-10');
SELECT is(tier, 'silver', 'a status without an end') FROM record('bob', 'purchase', '{"amount": 1}', 'o4');
SELECT is(tier, 'base', 'ends with a refund of that order: the others were never live together') FROM claw_back('bob', 'o1');
SELECT is(growth_of('bob'), 121, 'which took the growth of its own date');
SELECT is(shown(growth), '60@2019-06-10/2020-06-10 60@2020-10-10/2021-10-10 1@' || shown(current_date::timestamptz) || '/' || shown(current_date + interval '12 months'), 'and no other') FROM member_row('bob');

-- of many lots the oldest are merged
SELECT count(record('cat', 'purchase', '{"amount": 1}', 'd' || d, timestamptz '2017-01-01' + d * interval '1 day')) FROM generate_series(1, 200) d;
SELECT is(tier_of('cat'), 'silver', 'reached by a hundred days of one point');
SELECT FROM record('cat', 'purchase', '{"amount": 1}', 'o1', '2024-01-10');
SELECT is(lot_count(growth), 2, 'lots that lapsed long ago are one') FROM member_row('cat');
SELECT is(growth_of('cat'), 201, 'and add up to the ledger');
SELECT is(tier, 'silver', 'a refund of something else does not end what rested on them') FROM claw_back('cat', 'o1');
SELECT is(growth, -1::bigint, 'a refund of theirs') FROM claw_back('cat', 'd7');
SELECT is(growth_of('cat'), 199, 'takes from them');
INSERT INTO loyalty.tier (name, rank, threshold) VALUES ('gold', 3, 201);
SELECT is(tier, 'silver', 'merged growth makes no tier: when each of it was live is not known') FROM record('cat', 'purchase', '{"amount": 10}', 'late', '2017-07-25');
SELECT is(growth_of('cat'), 209, 'beside a late order');

SELECT lawful('lapsed growth');
SELECT * FROM finish();
