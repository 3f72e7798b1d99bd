-- settle: any number of repeats, corrections and status flips ends where the rules say.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('soft', 'never', 'waive');
INSERT INTO loyalty.rule (program, name, event, points)
	SELECT p, 'base', 'purchase', '$.amount' FROM (VALUES ('shop'), ('soft')) p (p);

-- grants, adds, claws back the difference
SELECT is(format('%s %s %s %s', points, growth, balance, replayed), '100 100 100 f', 'settle grants')
	FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT is(format('%s %s', points, replayed), '100 t', 'the same again is a replay')
	FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT is(stands('ann'), 'wallet 100, held 0, debt 0', 'and changes nothing');
SELECT is(format('%s %s %s', points, growth, balance), '50 50 150', 'more: the difference is added')
	FROM settle('ann', 'purchase', '{"amount": 150}', 'o1', '2024-01-01');
SELECT is(format('%s %s %s', points, growth, balance), '-80 -80 70', 'less: the difference is taken')
	FROM settle('ann', 'purchase', '{"amount": 70}', 'o1', '2024-01-01');
SELECT is(format('%s %s %s', points, growth, balance), '-70 -70 0', 'NULL: it no longer qualifies')
	FROM settle('ann', 'purchase', NULL, 'o1', '2024-01-01');
SELECT is(replayed, true, 'NULL again changes nothing') FROM settle('ann', 'purchase', NULL, 'o1', '2024-01-01');
SELECT is(format('%s %s %s', points, balance, entry_id = (last_entry('ann')).entry_id), '-70 0 t', '... and tells what calling it off did')
	FROM settle('ann', 'purchase', NULL, 'o1', '2024-01-01');
SELECT is(format('%s %s', growth_of('ann'), stands('ann')), '0 wallet 0, held 0, debt 0', 'nothing is left of it');
SELECT is(balance, 100, 'and granted again') FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT is(growth_of('ann'), 100, 'with its growth');
SELECT is(format('%s %s %s %s', points, balance, entry_id IS NULL, replayed), '0 100 t t', 'other attributes that come to the same: nothing was done')
	FROM settle('ann', 'purchase', '{"amount": 100, "paid": true}', 'o1', '2024-01-01');
SELECT is(shown(valid_from(l)), '2024-01-01', 'case 4: the very lot is back') FROM loyalty.lots((member_row('ann')).points) l;

-- a first settle of NULL grants nothing and is no trace of a grant
SELECT is(points, 0, 'an order that never qualified') FROM settle('ann', 'purchase', NULL, 'o2', '2024-01-01');
SELECT is(points, 30, 'and qualifies later') FROM settle('ann', 'purchase', '{"amount": 30}', 'o2', '2024-01-01');
SELECT is(stands('ann'), 'wallet 130, held 0, debt 0', 'is granted then');

-- dates: a grant at `at`, a correction now, growth at its original date
SELECT FROM settle('bob', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT FROM settle('bob', 'purchase', '{"amount": 150}', 'o1', '2024-01-01');
SELECT is(array_agg(e.at > now() - interval '1 hour' ORDER BY entry_id), '{f,t}', 'case 3: a grant is dated at, a correction is dated now')
	FROM loyalty.ledger e, member_row('bob') m WHERE e.member_id = m.member_id;
SELECT is(array_agg(shown(valid_from(l))), '{2024-01-01}', 'case 3: growth is corrected at its original date')
	FROM loyalty.lots((member_row('bob')).growth) l;

-- case 3: the versions and variables stored with the grant
SELECT FROM settle('cat', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE program = 'shop' AND name = 'base';
SELECT is(balance, 150, 'case 3: a correction uses the rule versions stored with the grant')
	FROM settle('cat', 'purchase', '{"amount": 150}', 'o1', '2024-01-01');
SELECT is(balance, 350, 'case 3: a new grant uses the current ones') FROM settle('cat', 'purchase', '{"amount": 100}', 'o2', '2024-01-01');
DELETE FROM loyalty.rule WHERE program = 'shop' AND name = 'base';
SELECT is(balance, 300, 'case 3: even when the rule is gone') FROM settle('cat', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
SELECT is(balance, 320, 'case 3: a flip uses the versions of the first grant, too') FROM (
	SELECT (settle('cat', 'purchase', NULL, 'o2', '2024-01-01')).balance AS first,
		(settle('cat', 'purchase', '{"amount": 110}', 'o2', '2024-01-01')).balance OFFSET 0) s;

-- case 3: windows contain `at`, whatever the clock says
INSERT INTO loyalty.rule (program, name, event, points, starts_at, ends_at)
	VALUES ('shop', 'spring', 'purchase', '$.amount', '2024-03-01', '2024-06-01');
SELECT is(points, 200, 'case 3: the window contains at') FROM settle('dan', 'purchase', '{"amount": 100}', 'o1', '2024-03-01');
SELECT is(points, 100, 'case 3: its end is exclusive') FROM settle('dan', 'purchase', '{"amount": 100}', 'o2', '2024-06-01');
SELECT is(points, 100, 'case 3: a correction counts with the window of the grant')
	FROM settle('dan', 'purchase', '{"amount": 150}', 'o1', '2024-06-02');
DELETE FROM loyalty.rule WHERE program = 'shop' AND name = 'spring';

-- case 4: flips, part of the points spent
SELECT FROM (VALUES ('shop'), ('soft')) p (p), settle('eve', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), redeem('eve', 60, 'r1', at => '2024-01-02', program => p);
SELECT is(format('%s %s', points, balance), '-100 -60', 'case 4: cancelled, owe') FROM settle('eve', 'purchase', NULL, 'o1', program => 'shop');
SELECT is(format('%s %s', points, balance), '-40 0', 'case 4: cancelled, waive') FROM settle('eve', 'purchase', NULL, 'o1', program => 'soft');
SELECT is(balance, 40, 'case 4: granted again clears the debt first') FROM settle('eve', 'purchase', '{"amount": 100}', 'o1', program => 'shop');
SELECT is(balance, 40, 'case 4: granted again clears the waiver first') FROM settle('eve', 'purchase', '{"amount": 100}', 'o1', program => 'soft');
SELECT is(wallet_of('eve', 'soft'), '40@2024-01-01/infinity', 'case 4: the very lots are returned');
SELECT FROM (SELECT settle('eve', 'purchase', CASE WHEN n % 2 = 0 THEN '{"amount": 100}'::jsonb END, 'o1', program => p)
	FROM generate_series(1, 10) n, (VALUES ('shop'), ('soft')) p (p) OFFSET 0) s;
SELECT is(stands('eve', p), 'wallet 40, held 0, debt 0',
	'case 4, pain 4: status toggling neither double-grants nor never re-grants: ' || p) FROM (VALUES ('shop'), ('soft')) p (p);
SELECT is(growth_of('eve', p), 100, 'case 4: nor its growth: ' || p) FROM (VALUES ('shop'), ('soft')) p (p);
SELECT is(balance, 60, 'case 4: only the rest is new') FROM (
	SELECT (settle('eve', 'purchase', NULL, 'o1', program => 'soft')).balance AS first,
		(settle('eve', 'purchase', '{"amount": 120}', 'o1', program => 'soft')).balance OFFSET 0) s;
SELECT lawful('flips');

-- flips when the claw-back took other lots: everything is as before
SELECT FROM settle('fay', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT FROM settle('fay', 'purchase', '{"amount": 70}', 'o2', '2024-01-02', 'shop');
SELECT FROM redeem('fay', 90, 'r1', at => '2024-01-03', program => 'shop');
SELECT is(balance, -20, 'case 4: the claw-back took 10 of the very lot, 70 of another') FROM settle('fay', 'purchase', NULL, 'o1', program => 'shop');
SELECT is(balance, 80, 'case 4: all of it returns') FROM settle('fay', 'purchase', '{"amount": 100}', 'o1', program => 'shop');
SELECT is(wallet_of('fay', 'shop'), '10@2024-01-01/infinity 70@2024-01-02/infinity', 'case 4: every lot where it was');

-- what an operator took stays taken
SELECT FROM settle('gus', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT FROM claw_back('gus', 'o1', 30, program => 'shop');
SELECT is(replayed, true, 'case 4: settle again leaves an operator''s claw-back alone')
	FROM settle('gus', 'purchase', '{"amount": 100}', 'o1', program => 'shop');
SELECT is(stands('gus', 'shop'), 'wallet 70, held 0, debt 0', 'case 4: it stays taken');
SELECT is(balance, 170, 'case 4: settle aims at the rules'' figure less that') FROM settle('gus', 'purchase', '{"amount": 200}', 'o1', program => 'shop');
SELECT is(balance, 0, 'case 4: never below nothing') FROM settle('gus', 'purchase', '{"amount": 20}', 'o1', program => 'shop');
SELECT FROM settle('gus', 'purchase', NULL, 'o1', program => 'shop');
SELECT is(stands('gus', 'shop'), 'wallet 0, held 0, debt 0', 'case 4: nothing owed');
SELECT is(balance, 70, 'case 4: and back') FROM (
	SELECT (settle('gus', 'purchase', NULL, 'o1', program => 'shop')).balance AS first,
		(settle('gus', 'purchase', '{"amount": 100}', 'o1', program => 'shop')).balance OFFSET 0) s;

-- settle after record, record after settle
SELECT FROM record('hal', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT is(balance, 130, 'settle corrects what record granted') FROM settle('hal', 'purchase', '{"amount": 130}', 'o1', program => 'shop');
SELECT refuses($$SELECT record('hal', 'purchase', '{"amount": 130}', 'o1', program => 'shop')$$, 'LY003', 'record is no correction');

-- one event's figures per event
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'words', 'review', '5');
SELECT FROM settle('ida', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'shop');
SELECT is(balance, 105, 'another event under the ref is another grant') FROM settle('ida', 'review', '{}', 'o1', '2024-01-01', 'shop');
SELECT is(balance, 100, 'and settled apart') FROM settle('ida', 'review', NULL, 'o1', program => 'shop');

-- lapsed meanwhile: a cancelled order whose points lapsed, and back
INSERT INTO loyalty.program (name, validity) VALUES ('short', '10 days');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('short', 'base', 'purchase', '$.amount');
SELECT FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'short');
SELECT FROM redeem('ann', 30, at => '2024-01-05', program => 'short');
SELECT is(balance, -30, 'what lapsed counts as taken') FROM settle('ann', 'purchase', NULL, 'o1', program => 'short');
SELECT is(balance, 0, 'case 4: undone, what lapsed stays lapsed') FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', program => 'short');
SELECT is(stands('ann', 'short'), 'wallet 0, held 0, debt 0', 'case 4: nothing revived');
SELECT FROM (SELECT settle('ann', 'purchase', CASE WHEN n % 2 = 0 THEN '{"amount": 100}'::jsonb END, 'o1', program => 'short')
	FROM generate_series(1, 6) n OFFSET 0) s;
SELECT is(stands('ann', 'short'), 'wallet 0, held 0, debt 0', 'pain 4: toggling after the end revives nothing either');

-- kinds of points
INSERT INTO loyalty.program (name, validity) VALUES ('kinds', 'never');
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES
	('kinds', 'base', 'purchase', '$.amount', NULL), ('kinds', 'green', 'purchase', '$.green', 'behaviour');
SELECT is(points, 110, 'two kinds') FROM settle('ann', 'purchase', '{"amount": 100, "green": 10}', 'o1', '2024-01-01', 'kinds');
SELECT is(points, -5, 'one more, the other less') FROM settle('ann', 'purchase', '{"amount": 90, "green": 15}', 'o1', '2024-01-01', 'kinds');
SELECT is(array_agg(s.points ORDER BY s.points), '{15,90}', 'each kind is settled by itself')
	FROM (SELECT sum(e.points) AS points FROM loyalty.ledger e, member_row('ann', 'kinds') m
		WHERE e.member_id = m.member_id GROUP BY point_kind) s;
SELECT is(points || ' ' || replayed, '-5 true', 'a repeat answers for both') FROM settle('ann', 'purchase', '{"amount": 90, "green": 15}', 'o1', '2024-01-01', 'kinds');
SELECT is(points, -105, 'both end') FROM settle('ann', 'purchase', NULL, 'o1', program => 'kinds');
SELECT is(balance, 105, 'both come back') FROM settle('ann', 'purchase', '{"amount": 90, "green": 15}', 'o1', program => 'kinds');

-- random histories end where the last one says
SELECT refuses($$SELECT settle('flip 1', 'purchase', NULL, 'o1', program => 'shop')$$, 'LY002',
	'what no longer qualifies enrolls nobody', 'flip 1');
CREATE FUNCTION flip(member text, seed integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	amount integer;
BEGIN
	PERFORM loyalty.enroll(member, program => 'shop');
	FOR i IN 1 .. 12 LOOP
		amount := (seed * 7919 + i * i * 104729) % 211;
		PERFORM loyalty.settle(member, 'purchase', CASE WHEN amount % 3 > 0 THEN jsonb_build_object('amount', amount) END,
			'o' || (seed + i) % 3, program => 'shop');
		IF i = 6 AND (loyalty.balance(member, program => 'shop')).available > 20 THEN
			PERFORM loyalty.redeem(member, 20, program => 'shop');
		END IF;
	END LOOP;
	RETURN (SELECT coalesce(sum(last.amount), 0) FROM (
		SELECT DISTINCT ON ((seed + i) % 3) CASE WHEN (seed * 7919 + i * i * 104729) % 211 % 3 > 0
			THEN (seed * 7919 + i * i * 104729) % 211 ELSE 0 END AS amount
			FROM generate_series(1, 12) i ORDER BY (seed + i) % 3, i DESC) last);
END
$$;
CREATE TABLE history AS SELECT seed, flip('flip ' || seed, seed) AS want FROM generate_series(1, 8) seed;
SELECT is(loyalty.points(m.points) - m.debt - coalesce((SELECT sum(e.points) FROM loyalty.ledger e
			WHERE e.member_id = m.member_id AND e.kind = 'r'), 0)::bigint, want,
		format('history %s: three orders flipped twelve times', seed))
	FROM history, LATERAL member_row('flip ' || seed, 'shop') m ORDER BY seed;
SELECT is(growth_of('flip ' || seed, 'shop'), want, format('history %s: its growth', seed)) FROM history ORDER BY seed;

SELECT refuses($$SELECT settle('ann', 'purchase', '{}', NULL)$$, '22023', 'settle needs a ref', 'ref');
SELECT refuses($$SELECT settle('ann', NULL, '{}', 'x')$$, '22023', 'event NULL', 'event');
SELECT refuses($$SELECT settle('ann', 'no such', '{}', 'x')$$, '22023', 'unknown event', 'no such');
SELECT refuses($$SELECT settle('ann', 'purchase', '[1]', 'x')$$, '22023', 'attributes that are no object', 'object');
SELECT refuses($$SELECT settle('ann', 'purchase', '3', 'x')$$, '22023', 'attributes that are a number', 'object');
SELECT refuses($$SELECT settle('ann', 'purchase', '{}', 'x', 'infinity')$$, '22023', 'at infinity', 'at');
SELECT refuses($$SELECT settle('ann', 'purchase', '{}', 'x', program => 'nowhere')$$, 'LY005', 'unknown program', 'nowhere');

-- points of a kind that came later: their growth, too, has the date of the event
INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('late kinds', 'never', 'end of year');
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES ('late kinds', 'base', 'purchase', '$.amount', NULL), ('late kinds', 'extra', 'purchase', '$.extra', 'extra');
SELECT FROM settle('kim', 'purchase', '{"amount": 10, "extra": 0}', 'o1', '2024-03-10', 'late kinds');
SELECT FROM settle('kim', 'purchase', '{"amount": 10, "extra": 5}', 'o1', program => 'late kinds');
SELECT FROM settle('kim', 'purchase', '{"amount": 10, "extra": 8}', 'o1', program => 'late kinds');
SELECT is(shown((member_row('kim', 'late kinds')).growth), '18@2024-03-01/2025-01-01', 'another kind of points later: growth is dated as the event');
SELECT FROM settle('kim', 'purchase', '{"amount": 10, "extra": 2}', 'o1', program => 'late kinds');
SELECT FROM record('kim', 'purchase', '{"amount": 100}', 'o2', program => 'late kinds');
SELECT FROM claw_back('kim', 'o1', 6, program => 'late kinds');
SELECT is(shown((member_row('kim', 'late kinds')).growth), format('6@2024-03-01/2025-01-01 100@%s/%s', to_char(now(), 'YYYY-MM-01'), to_char(now() + interval '1 year', 'YYYY-01-01')),
	'and taken from there');

-- rules of one partner, of different unit costs
INSERT INTO loyalty.program (name, validity) VALUES ('costs', 'never');
INSERT INTO loyalty.rule (program, name, event, points, partner, unit_cost) VALUES
	('costs', 'cheap', 'purchase', '$.amount', 'bank', 0.01), ('costs', 'dear', 'purchase', '$.amount * 2', 'bank', 0.02);
SELECT is(points, 180, 'two costs') FROM settle('ann', 'purchase', '{"amount": 60}', 'o1', '2024-01-01', 'costs');
SELECT is(replayed, true, 'the same again changes nothing') FROM settle('ann', 'purchase', '{"amount": 60}', 'o1', '2024-01-01', 'costs');
SELECT is(points, -30, 'less') FROM settle('ann', 'purchase', '{"amount": 50}', 'o1', '2024-01-01', 'costs');
SELECT results_eq($$SELECT unit_cost, sum(e.points)::bigint FROM loyalty.ledger e, member_row('ann', 'costs') m WHERE e.member_id = m.member_id GROUP BY 1 ORDER BY 1$$,
	$$VALUES (0.01, 50::bigint), (0.02, 100)$$, 'of each cost');

SELECT lawful('settlements');
SELECT * FROM finish();
