-- Tiers by hand and voucher, conditions, and members moved after a change of tiers.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('shop', 'never', '12 months');
INSERT INTO loyalty.tier (name, rank, threshold, earn_multiplier, gift, status_validity) VALUES
	('base', 1, 0, 1, 0, 'never'), ('silver', 2, 100, 2, 5, '1 year'), ('gold', 3, 200, 3, 10, '1 year'), ('diamond', 4, 1000, 4, 100, '1 year');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');

-- a floor until its own end
SELECT is(format('%s %s %s', points, tier, balance), '0 gold 0', 'a granted tier is held at once, without a gift')
	FROM grant_tier('ann', 'gold', now() + interval '1 month', 'sorry');
SELECT is(points, 30, 'and multiplies') FROM record('ann', 'purchase', '{"amount": 10}', 'o1');
SELECT is(tier('ann', now() + interval '1 month'), 'base', 'until its end');
SELECT is(tier('ann', now() - interval '1 hour'), 'base', 'not before');
SELECT is(format('%s, %s', reason, kind), 'sorry, tier', 'the entry has the reason') FROM entries WHERE member = 'ann' AND kind = 'tier';
SELECT is(format('%s %s', kind, until - now() > interval '27 days'), 'manual t', 'and tier_grant the end') FROM tier_grant;

-- each its own end, the highest counts
SELECT FROM grant_tier('ann', 'diamond', now() + interval '1 week', 'birthday', kind => 'voucher');
SELECT is(format('%s %s %s', tier('ann'), tier('ann', now() + interval '8 days'), tier('ann', now() + interval '40 days')), 'diamond gold base',
	'each keeps its own end, the highest in force counts');
SELECT is(format('%s %s', tier, points), 'diamond 400', 'reached while a higher one is granted') FROM record('ann', 'purchase', '{"amount": 100}', 'o2');
SELECT is(trail('ann'), 'tier 0, event 30, tier 0, event 400, gift 5', 'earned silver gives its gift');
SELECT is(format('%s %s', tier('ann', now() + interval '40 days'), tier('ann', now() + interval '13 months')), 'silver base', 'the earned one lives beneath');
SELECT FROM grant_tier('ann', 'gold', now() + interval '3 months', 'longer');
SELECT is(tier('ann', now() + interval '2 months'), 'gold', 'a second grant takes the place of the first');
SELECT is(tier, 'diamond', 'revoked') FROM revoke_tier('ann', 'gold', 'mistake');
SELECT is(tier('ann', now() + interval '2 months'), 'silver', 'the grant is over');
SELECT is(tier, 'silver', 'revoked, too') FROM revoke_tier('ann', 'diamond', 'mistake');
SELECT FROM grant_tier('vic', 'gold', now() + interval '6 months', 'prize', kind => 'voucher');
SELECT FROM grant_tier('vic', 'gold', now() + interval '1 month', 'smaller prize', kind => 'voucher');
SELECT is(tier('vic', now() + interval '3 months'), 'gold', 'a shorter voucher does not end a longer one');
SELECT FROM revoke_tier('vic', 'gold', 'mistake');
SELECT is(tier('vic', now() + interval '2 weeks'), 'base', 'revoking takes all of them');
SELECT FROM grant_tier('bob', 'silver', reason => 'x');
SELECT is(format('%s %s', tier('bob', now() + interval '11 months'), tier('bob', now() + interval '12 months')), 'silver base', 'no end given: one status period of the tier');

-- repeats and refusals
SELECT is(replayed, false, 'first') FROM grant_tier('cat', 'gold', reason => 'x', ref => 'g1');
SELECT is(replayed, true, 'a repeat') FROM grant_tier('cat', 'gold', reason => 'x', ref => 'g1');
SELECT is(count(*), 1, 'grants nothing') FROM tier_grant g, member_row('cat') m WHERE g.member_id = m.member_id;
SELECT refuses($$SELECT FROM grant_tier('cat', 'silver', reason => 'x', ref => 'g1')$$, 'LY003', 'other content', 'g1');
SELECT refuses($$SELECT FROM grant_tier('cat', 'gold')$$, '22023', 'no reason', 'reason');
SELECT refuses($$SELECT FROM grant_tier('cat', 'platinum', reason => 'x')$$, '22023', 'unknown tier', 'platinum');
SELECT refuses($$SELECT FROM grant_tier('cat', 'gold', reason => 'x', kind => 'gift')$$, '22023', 'unknown kind', 'voucher');
SELECT refuses($$SELECT FROM grant_tier('cat', 'gold', '2001-01-01', 'x')$$, '22023', 'an end in the past', 'revoke_tier');
SELECT refuses($$SELECT FROM revoke_tier('cat', 'silver', 'x')$$, 'LY007', 'nothing to revoke');
SELECT refuses($$SELECT FROM revoke_tier('nobody', 'gold', 'x')$$, 'LY002', 'unknown member');
SELECT refuses($$SELECT tier('nobody')$$, 'LY002', 'tier() of an unknown member');
SELECT FROM set_status('cat', 'closed');
SELECT refuses($$SELECT FROM grant_tier('cat', 'diamond', reason => 'x')$$, 'LY004', 'a closed member');
SELECT matches(line, 'tier gold was granted \(manual\) until', 'explain tells it') FROM explain('cat', 'g1') LIMIT 1;

-- conditions
INSERT INTO loyalty.program (name, validity) VALUES ('cond', 'never');
SET loyalty.program = 'cond';
INSERT INTO loyalty.tier (name, rank, threshold, condition) VALUES ('base', 1, 0, NULL), ('regular', 2, 10, '$orders >= 3'),
	('daily', 3, 20, '$active_days >= 3'), ('old', 4, 30, '$tenure >= 365'), ('vip', 5, 40, '$.vip == true');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT is(tier, 'base', 'growth alone does not make it') FROM record('ann', 'purchase', '{"amount": 100}', 'o1', now() - interval '2 hours');
SELECT is(tier, 'base', '$orders: two') FROM record('ann', 'purchase', '{"amount": 1}', 'o2', now() - interval '1 hour');
SELECT FROM settle('ann', 'purchase', NULL, 'o2');
SELECT is(tier, 'base', '$orders: one was cancelled') FROM record('ann', 'purchase', '{"amount": 1}', 'o3');
SELECT is(tier, 'regular', '$orders: three that stand') FROM record('ann', 'purchase', '{"amount": 1}', 'o4');
SELECT is(string_agg(tier, ' ' ORDER BY d), 'base base daily', '$active_days') FROM (SELECT d, (record('bob', 'purchase', '{"amount": 30}', at => timestamptz '2024-01-01' + make_interval(days => d))).tier FROM generate_series(1, 3) d OFFSET 0) r;
SELECT FROM enroll('cat', at => now() - interval '400 days');
SELECT is(tier, 'old', '$tenure') FROM record('cat', 'purchase', '{"amount": 40}');
SELECT FROM enroll('dan', '{"vip": true}');
SELECT is(tier, 'vip', '$: attributes') FROM record('dan', 'purchase', '{"amount": 40}');
SELECT refuses($$INSERT INTO tier (name, rank, threshold, condition) VALUES ('x', 9, 900, '$visits > 3')$$, '42704', 'an unknown variable', 'visits');

INSERT INTO loyalty.plan (name) VALUES ('prime');
INSERT INTO loyalty.tier (name, rank, threshold, condition) VALUES ('prime', 6, 50, '$plan == "prime"');
SELECT isnt(tier, 'prime', '$plan: none') FROM record('dan', 'purchase', '{"amount": 40}');
SELECT FROM subscribe('dan', 'prime');
SELECT is(tier, 'prime', '$plan: in force') FROM record('dan', 'purchase', '{"amount": 40}');

-- a change of thresholds
INSERT INTO loyalty.program (name, validity) VALUES ('move', 'never');
SET loyalty.program = 'move';
INSERT INTO loyalty.tier (name, rank, threshold, gift, status_validity) VALUES ('base', 1, 0, 0, 'never'), ('silver', 2, 100, 5, '1 year'), ('gold', 3, 200, 10, '1 year');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT FROM (SELECT record('m' || a, 'purchase', jsonb_build_object('amount', a)) FROM generate_series(50, 250, 50) a OFFSET 0) r;
SELECT is_empty('SELECT * FROM retier()', 'nobody moves');
UPDATE loyalty.tier SET threshold = threshold + 50 WHERE rank > 1 AND program = 'move';
SELECT is(tier('m100'), 'silver', 'a change of thresholds downgrades nobody');
SELECT is_empty('SELECT * FROM retier()', 'upgrade_only: nobody moves up');
SELECT results_eq($$SELECT member, tier_before, tier_after, growth FROM retier('full')$$,
	$$VALUES ('m100', 'silver', 'base', 100::bigint), ('m200', 'gold', 'silver', 200)$$, 'full: who would move');
SELECT results_eq($$SELECT member, tier_before, tier_after, moves_at > now() + interval '11 months' FROM retier('at_period_end', false)$$,
	$$VALUES ('m100', 'silver', 'base', true), ('m200', 'gold', 'silver', true)$$, 'at_period_end: and when, by itself');
SELECT is(tier('m200'), 'gold', 'a preview moves nobody');
SELECT is(count(*), 1, 'at most max_members') FROM retier('full', false, 1);
SELECT is(count(*), 1, 'the rest') FROM retier('full', false);
SELECT is(count(*), 0, 'until nobody is left') FROM retier('full', false);
SELECT is(format('%s %s', tier('m100'), tier('m200')), 'base silver', 'full moves them');
UPDATE loyalty.tier SET threshold = threshold - 100 WHERE rank > 1 AND program = 'move';
SELECT results_eq($$SELECT member, tier_before, tier_after, gift FROM retier('upgrade_only', false) ORDER BY growth$$,
	$$VALUES ('m50', 'base', 'silver', 5::bigint), ('m100', 'base', 'silver', 0), ('m150', 'silver', 'gold', 10), ('m200', 'silver', 'gold', 0)$$,
	'upgrade_only: up, with the gifts of tiers not had in this cycle');
SELECT refuses($$SELECT FROM retier('sideways')$$, '22023', 'unknown mode', 'upgrade_only');
SELECT refuses($$SELECT FROM retier(max_members => 0)$$, '22023', 'max_members 0');

-- what the clock will decide, with a grace and without
INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('grace', 'never', '12 months'), ('no grace', 'never', '12 months');
INSERT INTO loyalty.tier (program, name, rank, threshold, status_validity, downgrade, grace) VALUES
	('grace', 'base', 1, 0, 'never', 'reassess', '0'), ('grace', 'silver', 2, 100, '1 year', 'one', '30 days'),
	('no grace', 'base', 1, 0, 'never', 'reassess', '0'), ('no grace', 'silver', 2, 100, '1 year', 'one', '0');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('grace', 'base', 'purchase', '$.amount'), ('no grace', 'base', 'purchase', '$.amount');
CREATE TEMP TABLE start AS SELECT now() AS t;
SELECT FROM start, record('new', 'purchase', '{"amount": 100}', at => t, program => 'no grace');
SELECT FROM start, record('new', 'purchase', '{"amount": 100}', at => t, program => 'grace');
SELECT FROM start, record('in grace', 'purchase', '{"amount": 100}', at => t - interval '1 year 5 days', program => 'grace');
SELECT FROM start, record('keeps', 'purchase', '{"amount": 100}', at => t - interval '13 months', program => 'grace');
SELECT FROM start, record('keeps', 'purchase', '{"amount": 100}', at => t - interval '2 months', program => 'grace');
SELECT FROM start, record('keeps', 'purchase', '{"amount": 100}', at => t, program => 'grace');
SELECT FROM record('low', 'purchase', '{"amount": 10}', program => 'grace');
SELECT results_eq($$SELECT member, tier_before, tier_after, moves_at = t + interval '1 year' FROM retier('at_period_end', program => 'no grace'), start$$,
	$$VALUES ('new', 'silver', 'base', true)$$, 'at_period_end: without a grace at the end of the period');
SELECT results_eq($$SELECT member, tier_before, tier_after, moves_at = CASE member WHEN 'new' THEN t ELSE t - interval '1 year 5 days' END + interval '1 year' + interval '30 days'
		FROM retier('at_period_end', program => 'grace'), start$$,
	$$VALUES ('new', 'silver', 'base', true), ('in grace', 'silver', 'base', true)$$, 'with one at the end of the grace, which may have begun');
SELECT is(format('%s %s', tier('new', moves_at - interval '1 microsecond', 'grace'), tier('new', moves_at, 'grace')), 'silver base', 'which is when it falls')
	FROM retier('at_period_end', program => 'grace') WHERE member = 'new';
-- a granted tier that ends before moves nobody, nor hides the end of the period
SELECT FROM grant_tier('new', 'base', now() + interval '1 month', 'by hand', program => 'grace');
SELECT is(count(*), 1, 'the end of a lower granted tier is passed over') FROM retier('at_period_end', program => 'grace') WHERE member = 'new';

-- tiers that come after their members
INSERT INTO loyalty.program (name, validity) VALUES ('late', 'never');
SET loyalty.program = 'late';
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT FROM (SELECT record('v' || i, 'purchase', jsonb_build_object('amount', i * 10)) FROM generate_series(1, 20) i OFFSET 0) r;
INSERT INTO loyalty.tier (name, rank, threshold, gift) VALUES ('t1', 1, 0, 0), ('t2', 2, 100, 5);
CREATE FUNCTION pg_temp.tiers_now(member text) RETURNS text LANGUAGE sql AS $$
	SELECT format('tier %s, then %s, later %s, balance %s, members %s, ladder %s', loyalty.tier(member), loyalty.tier(member, now()),
		loyalty.tier(member, now() + interval '1 year'), (loyalty.balance(member)).tier,
		(SELECT m.tier FROM loyalty.members m WHERE m.program = loyalty.current_program() AND m.member = $1),
		(SELECT string_agg(l.tier, ' ') FROM loyalty.ladder(member) l WHERE l.held)) $$;
SELECT is(pg_temp.tiers_now('v20'), 'tier t2, then t2, later t2, balance t2, members t2, ladder t2', 'late tiers: every reading tells the one of the next operation');
SELECT is(pg_temp.tiers_now('v9'), 'tier t1, then t1, later t1, balance t1, members t1, ladder t1', 'late tiers: of who reaches the lowest, too');
SELECT is((balance('v20')).available, 200::bigint, 'late tiers: a gift counts once it is posted');
SELECT is(tier('v20', now() - interval '1 day'), 't1', 'late tiers: the past is not foreseen');
CREATE TABLE previewed AS SELECT * FROM retier();
SELECT results_eq('SELECT member, tier_before, tier_after, growth, gift FROM previewed ORDER BY growth',
	$$SELECT 'v' || i, 't1', 't2', i * 10::bigint, 5::bigint FROM generate_series(10, 20) i$$, 'late tiers: who moves, and nobody else');
SELECT is(count(*), 0, 'late tiers: a preview posts nothing') FROM entries WHERE program = 'late' AND kind = 'gift';
CREATE TABLE posted AS SELECT 1 AS call, * FROM retier(preview => false, max_members => 3);
SELECT is(count(*), 3, 'late tiers: as many as max_members') FROM posted;
SELECT set_eq($$SELECT member FROM entries WHERE program = 'late' AND kind = 'gift'$$, 'SELECT member FROM posted', 'late tiers: they alone are written');
SELECT set_eq($$SELECT m.ref FROM tier_period JOIN member m USING (member_id) JOIN program p USING (program_id) WHERE p.name = 'late'$$,
	'SELECT member FROM posted', 'late tiers: and they alone move');
SELECT is(count(*), 8, 'late tiers: a preview shows the rest') FROM retier();
INSERT INTO posted SELECT 2, * FROM retier(preview => false, max_members => 7);
INSERT INTO posted SELECT 3, * FROM retier(preview => false);
SELECT is_empty('SELECT * FROM retier(preview => false)', 'late tiers: until it returns nothing');
SELECT is(string_agg(format('%s:%s', call, n), ' ' ORDER BY call), '1:3 2:7 3:1', 'late tiers: call by call') FROM (SELECT call, count(*) AS n FROM posted GROUP BY 1) c;
SELECT set_eq('SELECT member, tier_before, tier_after, growth, gift FROM posted', 'SELECT member, tier_before, tier_after, growth, gift FROM previewed',
	'late tiers: what was posted is what was previewed');
UPDATE loyalty.tier SET gift = 2 WHERE program = 'late' AND name = 't1';
SELECT is(format('%s %s', count(*), sum(gift)), '9 18', 'late tiers: the gift of the lowest is due, too') FROM retier(preview => false) WHERE tier_before = tier_after;
SELECT is_empty('SELECT * FROM retier()', 'late tiers: once');
SELECT is(string_agg(format('%s %s', tier, n), ', ' ORDER BY tier), 't1 9, t2 11', 'late tiers: where all are now')
	FROM (SELECT tier, count(*) AS n FROM members WHERE program = 'late' GROUP BY 1) m;
SELECT is_empty($$SELECT * FROM verify(NULL)$$, 'late tiers: the books are sound');

-- what is told of them is what their next operation finds
INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('found', 'never', '1 year');
SET loyalty.program = 'found';
INSERT INTO loyalty.rule (name, event, points, multiplied) VALUES ('base', 'purchase', '$.amount', true);
SELECT FROM record('ann', 'purchase', '{"amount": 200}', 'o1', now() - interval '13 months');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o2', now() - interval '6 months');
SELECT FROM record('bob', 'purchase', '{"amount": 40}', 'o1');
SELECT FROM record('cat', 'purchase', '{"amount": 40}', 'o1');
SELECT is(coalesce(tier('ann'), 'none'), 'none', 'no tiers yet');
INSERT INTO loyalty.tier (name, rank, threshold, earn_multiplier, gift, status_validity, condition) VALUES
	('t1', 1, 50, 1, 0, '2 years', NULL), ('t2', 2, 100, 3, 5, '2 years', NULL), ('t3', 3, 300, 4, 7, 'never', NULL), ('old', 4, 301, 9, 0, 'never', '$tenure > 9999');
SELECT is(pg_temp.tiers_now('ann'), 'tier t2, then t2, later t2, balance t2, members t2, ladder t2', 'found: by live growth');
SELECT is(pg_temp.tiers_now('bob'), 'tier , then , later , balance , members , ladder ', 'found: none where growth reaches none');
SELECT is(tier('ann', now() - interval '1 day'), NULL, 'found: not in the past');
SELECT is(tier('ann', now() + interval '3 years'), NULL, 'found: its status ends by the clock');
SELECT is(string_agg(format('%s %s %s', tier, lacks, gift), ', ' ORDER BY rank), 't1 0 0, t2 100 5, t3 200 7, old 201 0', 'found: ladder') FROM ladder('ann');
SELECT FROM grant_tier('cat', 't1', now() + interval '1 month', 'sorry');
SELECT is(pg_temp.tiers_now('cat'), 'tier t1, then t1, later , balance t1, members t1, ladder t1', 'found: a granted tier, where none is earned');
SELECT is(format('%s %s', points, tier), '30 t2', 'found: the next operation counts with it') FROM record('ann', 'purchase', '{"amount": 10}', 'o3');
SELECT is((balance('ann')).available, 335::bigint, 'found: and brings the gift');
SELECT is(pg_temp.tiers_now('ann'), 'tier t2, then t2, later t2, balance t2, members t2, ladder t2', 'found: which changes nothing');
SELECT is_empty($$SELECT * FROM verify(NULL)$$, 'found: the books are sound');
SET loyalty.program = 'move';

-- the view
SELECT results_eq($$SELECT member, tier FROM members WHERE program = 'move' ORDER BY 1$$, $$SELECT ref, tier(ref) FROM member m JOIN program p USING (program_id) WHERE p.name = 'move' ORDER BY 1$$, 'members shows the tier of now');

-- its story, in the program's time
UPDATE loyalty.program SET time_zone = 'Europe/Berlin' WHERE name = 'move';
SELECT FROM grant_tier('told', 'gold', '2050-01-01 00:00+01', 'sorry', ref => 'told 1');
SELECT ok(bool_or(line LIKE '%: tier gold was granted (%) until 2050-01-01 00:00.'), 'explain') FROM explain('told', 'told 1') line;

SELECT lawful('granted tiers');
SELECT * FROM finish();
