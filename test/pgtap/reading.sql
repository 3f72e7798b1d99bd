-- balance, lots, statement, explain, verify: what stands, and how it came about.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.tier (name, rank, threshold) VALUES ('base', 1, 0), ('gold', 2, 100);
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');

SELECT FROM earn('ann', 100, 'o1', at => '2024-01-01');
SELECT FROM earn('ann', 50, 'o2', at => '2024-01-03');
SELECT FROM earn('ann', 20, 'o3', valid_from => '2024-02-01', at => '2024-01-03');
SELECT FROM redeem('ann', 30, 'r1', at => '2024-01-05');
SELECT FROM hold('ann', 40, 'h1', '2 days', '2024-01-06');
SELECT FROM capture('ann', 'h1', 10, '2024-01-07');
SELECT FROM claw_back('ann', 'o1', at => '2024-01-08');

CREATE FUNCTION at(member text, instant timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT format('available %s, pending %s, held %s, debt %s, next %s at %s', available, pending, held, debt,
			coalesce(next_lapse_points::text, '-'), coalesce(public.shown(next_lapse), '-'))
		FROM loyalty.balance(member, instant)
$$;
SELECT is(at('ann', '2023-12-31'), 'available 0, pending 0, held 0, debt 0, next - at -', 'before anything');
SELECT is(at('ann', '2024-01-01'), 'available 100, pending 0, held 0, debt 0, next 100 at 2024-01-11', 'after the first grant');
SELECT is(at('ann', '2024-01-02'), 'available 100, pending 0, held 0, debt 0, next 100 at 2024-01-11', 'a day later');
SELECT is(at('ann', '2024-01-03'), 'available 150, pending 20, held 0, debt 0, next 100 at 2024-01-11', 'after the second, and one that is pending');
SELECT is(at('ann', '2024-01-05'), 'available 120, pending 20, held 0, debt 0, next 70 at 2024-01-11', 'after a spending');
SELECT is(at('ann', '2024-01-06'), 'available 80, pending 20, held 40, debt 0, next 30 at 2024-01-11', 'while held');
SELECT is(at('ann', '2024-01-07'), 'available 110, pending 20, held 0, debt 0, next 60 at 2024-01-11', 'after the capture');
-- the grant o1: 60 left, 30 + 10 spent; 60 taken, then 40 of the other lot
SELECT is(at('ann', '2024-01-08'), 'available 10, pending 20, held 0, debt 0, next 10 at 2024-01-13', 'after the claw-back');
SELECT is(at('ann', '2024-01-12 23:59:59'), 'available 10, pending 20, held 0, debt 0, next 10 at 2024-01-13', 'the last moment');
SELECT is(at('ann', '2024-01-13'), 'available 0, pending 20, held 0, debt 0, next 20 at 2024-02-11', 'the clock alone lapses');
SELECT is(at('ann', '2024-02-01'), 'available 20, pending 0, held 0, debt 0, next 20 at 2024-02-11', 'pending points are active');
SELECT is(at('ann', '2024-02-11'), 'available 0, pending 0, held 0, debt 0, next - at -', 'and lapse');
CREATE TABLE past AS SELECT d AS instant, at('ann', d) FROM generate_series('2023-12-30', '2024-02-20', interval '7 hours') d;
CALL maintain();
SELECT is_empty('SELECT instant, at, at(''ann'', instant) FROM past WHERE at <> at(''ann'', instant)', 'maintain changes no balance of any instant');
SELECT FROM earn('ann', 5);
SELECT is_empty('SELECT instant, at, at(''ann'', instant) FROM past WHERE at <> at(''ann'', instant)', 'nor does what happens later');

-- an overdue hold that nobody has ended
SELECT FROM earn('bob', 100, valid_until => 'infinity', at => '2024-01-01');
SELECT FROM hold('bob', 60, 'h', '1 hour', '2024-01-02');
SELECT is(at('bob', '2024-01-02 00:30'), 'available 40, pending 0, held 60, debt 0, next - at -', 'held before the deadline');
SELECT is(at('bob', '2024-01-02 01:00'), 'available 100, pending 0, held 0, debt 0, next - at -', 'void from the deadline on');
SELECT is(held, 0::bigint, 'and today') FROM balance('bob');
SELECT is(array_agg(state ORDER BY state), '{held,spendable}', 'lots() shows what is stored') FROM lots('bob') WHERE hold_ref = 'h' OR hold_ref IS NULL;

-- the future
SELECT FROM earn('cat', 10);
SELECT FROM earn('cat', 20, valid_from => now() + interval '5 days');
SELECT is(format('%s %s', available, pending), '10 20', 'now') FROM balance('cat');
SELECT is(format('%s %s', available, pending), '30 0', 'in six days') FROM balance('cat', now() + interval '6 days');
SELECT is(format('%s %s', available, pending), '20 0', 'in eleven') FROM balance('cat', now() + interval '11 days');
SELECT is(format('%s %s', available, pending), '0 0', 'in a year') FROM balance('cat', now() + interval '1 year');

-- tier and growth of the past
SELECT FROM record('dan', 'purchase', '{"amount": 100}', 'o1', at => '2024-01-01');
SELECT is(format('%s %s %s', growth, tier, status), '100 gold active', 'growth, tier, status') FROM balance('dan');
SELECT is(growth, 0::bigint, 'growth of the past') FROM balance('dan', '2023-12-31');
SELECT refuses($$SELECT balance('nobody')$$, 'LY002', 'unknown member', 'nobody');
SELECT refuses($$SELECT balance('ann', 'infinity')$$, '22023', 'at infinity', 'at');
SELECT refuses($$SELECT balance(NULL)$$, '22023', 'member NULL', 'member');
SELECT refuses($$SELECT * FROM lots('nobody')$$, 'LY002', 'lots of an unknown member', 'nobody');
SELECT refuses($$SELECT * FROM statement('nobody')$$, 'LY002', 'statement of an unknown member', 'nobody');

-- statement: the running sum
SELECT is(string_agg(format('%s %s %s', kind, points, total), ', ' ORDER BY entry_id),
	'earn 100 100, earn 50 150, earn 20 170, redeem -30 140, hold 0 140, capture -10 130, claw_back -100 30, lapse -10 20, lapse -20 0, earn 5 5',
	'statement with running balance') FROM statement('ann');
SELECT is(string_agg(kind, ', ' ORDER BY entry_id), 'redeem, hold, capture', 'of some days') FROM statement('ann', '2024-01-05', '2024-01-08');
SELECT is((SELECT sum(points) FROM entries WHERE member = 'ann'), 5::numeric, 'entries: the ledger in words');

-- explain: in sentences, which rules gave what, which lots paid
SELECT ok(string_agg(line, E'\n') ~ 'base' AND string_agg(line, E'\n') ~ '\m100\M', 'pain 9, nobody can say why: explain() names rule and points') FROM explain('dan', 'o1');
SELECT ok(string_agg(line, E'\n') ~ '\m30\M' AND string_agg(line, E'\n') ~ '2024-01-01', 'pain 9: and the lots that paid') FROM explain('ann', 'r1');
SELECT refuses($$SELECT * FROM explain('ann', 'nothing')$$, 'LY007', 'nothing under that ref', 'nothing');
SELECT refuses($$SELECT * FROM explain('nobody', 'o1')$$, 'LY002', 'unknown member', 'nobody');

-- reading writes nothing
CREATE TABLE state AS SELECT everything() AS before;
SELECT FROM balance('bob'), lots('cat'), statement('ann'), verify();
SELECT is(everything(), before, 'reading writes nothing, not even lapses') FROM state;

-- verify finds what was forged
SELECT is_empty('SELECT * FROM verify()', 'verify() of all programs');
SELECT is_empty($$SELECT * FROM verify('ann')$$, 'verify() of one member');
SELECT refuses($$SELECT * FROM verify('nobody')$$, 'LY002', 'verify() of nobody', 'nobody');
CREATE FUNCTION forged(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	ALTER TABLE loyalty.ledger DISABLE TRIGGER guard;
	ALTER TABLE loyalty.member DISABLE TRIGGER guard;
	ALTER TABLE loyalty.hold DISABLE TRIGGER guard;
	ALTER TABLE loyalty.tier_gift DISABLE TRIGGER guard;
	EXECUTE change;
	SELECT coalesce(string_agg(DISTINCT v.member_ref, ', '), 'nothing') INTO found FROM loyalty.verify() v;
	RAISE EXCEPTION USING MESSAGE = found, ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END
$$;
SELECT is(forged(format(change, member_id('ann'))), 'ann', 'verify() finds ' || change) FROM unnest(ARRAY[
	'UPDATE loyalty.ledger SET points = points + 1 WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET at = at - interval ''1 second'' WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET reason = ''forged'' WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET ref = ''other'' WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET balance = balance + 1 WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET lots = lots + ''{1@2024-01-01/2024-01-11}''::loyalty.point_wallet WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.ledger SET hash = ''\x00'' WHERE member_id = %s AND kind = ''r''',
	'DELETE FROM loyalty.ledger WHERE member_id = %s AND kind = ''r''',
	'DELETE FROM loyalty.ledger e WHERE member_id = %s AND entry_id = (SELECT max(entry_id) FROM loyalty.ledger f WHERE f.member_id = e.member_id)',
	'UPDATE loyalty.member SET points = points + ''{1@2024-01-01/2024-01-11}''::loyalty.point_wallet WHERE member_id = %s',
	'UPDATE loyalty.member SET points = ''{}'' WHERE member_id = %s',
	'UPDATE loyalty.member SET debt = 1, points = ''{}'' WHERE member_id = %s',
	'UPDATE loyalty.member SET held = 1 WHERE member_id = %s',
	'UPDATE loyalty.member SET growth = ''{1@2024-01-01/infinity}'' WHERE member_id = %s',
	'UPDATE loyalty.member SET maintain_at = ''infinity'' WHERE member_id = %s',
	'UPDATE loyalty.member SET program_id = 12345 WHERE member_id = %s',
	'UPDATE loyalty.member SET chain_head = ''\x00'' WHERE member_id = %s',
	'UPDATE loyalty.ledger SET hash = hash || ''\x00'' WHERE member_id = %s AND kind = ''r''',
	'UPDATE loyalty.member SET salt = salt + 1 WHERE member_id = %s']) change;
SELECT is(forged(format('UPDATE loyalty.member SET ref = ''somebody'' WHERE member_id = %s', member_id('ann'))), 'somebody', 'verify() finds a member under another key');
SELECT is(forged('DELETE FROM loyalty.hold'), 'bob', 'verify() finds a lost hold');
SELECT is(forged('UPDATE loyalty.hold SET until = until + interval ''3 years'''), 'bob', 'verify() finds a hold with another end');
SELECT is(forged('UPDATE loyalty.hold SET ref = ''other'''), 'bob', 'verify() finds a hold under another ref');

-- a gift that is forgotten could be earned again
INSERT INTO loyalty.program (name) VALUES ('gifts');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('gifts', 'gold', 1, 100, 20);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('gifts', 'base', 'purchase', '$.amount');
SELECT FROM settle('gil', 'purchase', '{"amount": 100}', 'o1', program => 'gifts');
SELECT is(forged('DELETE FROM loyalty.tier_gift'), 'gil', 'verify() finds a forgotten gift');
SELECT is(forged('UPDATE loyalty.tier_gift SET taken_back = entry_id'), 'gil', 'verify() finds a gift said to be taken back');
SELECT FROM settle('gil', 'purchase', NULL, 'o1', program => 'gifts');
SELECT is(forged('UPDATE loyalty.tier_gift SET taken_back = NULL'), 'gil', 'verify() finds a gift said to stand');

-- members cannot change places, in their program or with another one's
SELECT FROM enroll('swap');
SELECT is(forged(format($$UPDATE loyalty.member SET ref = CASE ref WHEN 'ann' THEN 'swap ' ELSE 'ann' END WHERE member_id IN (%s, %s)$$, member_id('swap'), member_id('ann'))), 'ann, swap ', 'verify() finds members that changed places');
SELECT is(forged(format($$UPDATE loyalty.member SET program_id = (SELECT program_id FROM loyalty.program WHERE name = 'gifts') WHERE member_id = %s$$, member_id('swap'))), 'swap', 'verify() finds a member moved to another program');

SELECT lawful('reading');
SELECT * FROM finish();
