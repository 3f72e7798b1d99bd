-- transfer: the very lots move.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');

SELECT FROM earn('ann', 100, at => '2024-01-01');
SELECT FROM earn('ann', 100, at => '2024-01-02');
SELECT FROM enroll('bob', at => '2024-01-01');
SELECT is(format('%s %s %s', member, points, balance), 'ann -150 50', 'the giver''s receipt') FROM transfer('ann', 'bob', 150, 't1', '2024-01-03');
SELECT is(wallet_of('bob'), '100@2024-01-01/2024-01-11 50@2024-01-02/2024-01-12', 'the very lots, validity unchanged');
SELECT is(wallet_of('ann'), '50@2024-01-02/2024-01-12', 'are gone from the giver');
SELECT is(sum(points), 200::numeric, 'conserves points') FROM loyalty.ledger;
SELECT is(o.lots, i.lots, 'both entries hold the same lots') FROM loyalty.ledger o, loyalty.ledger i WHERE o.kind = 'o' AND i.kind = 'i';
SELECT is(format('%s %s %s', points, balance, replayed), '-150 50 t', 'repeated') FROM transfer('ann', 'bob', 150, 't1', '2024-01-04');
SELECT refuses($$SELECT transfer('ann', 'bob', 151, 't1', '2024-01-04')$$, 'LY003', 'the ref with other points');
SELECT FROM enroll('cat', at => '2024-01-01');
SELECT refuses($$SELECT transfer('ann', 'cat', 150, 't1', '2024-01-04')$$, 'LY003', 'the ref with another receiver');
SELECT refuses($$SELECT transfer('ann', 'bob', 51, at => '2024-01-04')$$, 'LY001', 'more than is there', '\m50\M');
SELECT refuses($$SELECT transfer('ann', 'ann', 1, at => '2024-01-04')$$, '22023', 'to oneself');
SELECT refuses($$SELECT transfer('ann', NULL, 1)$$, '22023', 'to NULL');
SELECT refuses($$SELECT transfer(NULL, 'ann', 1)$$, '22023', 'from NULL');
SELECT refuses($$SELECT transfer('ann', '', 1)$$, '22023', 'to nobody');
SELECT refuses($$SELECT transfer('ann', 'bob', 0)$$, '22023', 'points 0');
SELECT refuses($$SELECT transfer('ann', 'bob', -1)$$, '22023', 'points negative');
SELECT refuses($$SELECT transfer('ann', 'bob', NULL)$$, '22023', 'points NULL');
SELECT refuses($$SELECT transfer('nobody', 'bob', 1)$$, 'LY002', 'from an unknown member', 'nobody');
SELECT refuses($$SELECT transfer('ann', repeat('x', 256), 1)$$, '22023', 'to a key too long');
SELECT is(wallet_of('ann'), '50@2024-01-02/2024-01-12', 'nothing was moved by what was refused');

-- lapses and pending
SELECT refuses($$SELECT transfer('bob', 'cat', 51, at => '2024-01-11')$$, 'LY001', 'lapsed points cannot be given', '\m50\M');
SELECT is(balance, 0, 'the live ones can') FROM transfer('bob', 'cat', 50, at => '2024-01-11');
SELECT is(wallet_of('cat'), '50@2024-01-02/2024-01-12', 'they lapse for the receiver as they would have for the giver');
SELECT is(balance, 3, 'and do') FROM earn('cat', 3, at => '2024-01-12');

-- the receiver's debt is paid first
SELECT FROM earn('dan', 1, at => '2024-01-01');
SELECT FROM adjust('dan', -31, NULL, 'mistake', at => '2024-01-01');
SELECT FROM earn('eve', 100, at => '2024-01-01');
SELECT FROM transfer('eve', 'dan', 80, at => '2024-01-02');
SELECT is(stands('dan'), 'wallet 50, held 0, debt 0', 'what comes in pays the debt first');
SELECT is(format('%s %s', e.points, e.debt), '80 -30', 'the entry says so') FROM last_entry('dan') e;
-- a debtor has nothing to give
SELECT FROM adjust('dan', -60, NULL, 'mistake', at => '2024-01-02');
SELECT refuses($$SELECT transfer('dan', 'eve', 1, at => '2024-01-02')$$, 'LY001', 'a debtor has nothing to give');

-- spending a transferred lot, and giving it back
SELECT FROM redeem('cat', 3, 'r', at => '2024-01-13');
SELECT is(balance, 3, 'restore') FROM restore('cat', 'r', at => '2024-01-14');

-- pain: 20 gifts from an account of 100
SELECT FROM earn('rich', 100, at => '2024-01-01');
SELECT throws_ok(format($$SELECT transfer('rich', 'poor %s', 100, at => '2024-01-02')$$, n), 'LY001', NULL,
		'pain 2, check-then-write: gift ' || n)
	FROM generate_series(2, 4) n WHERE (SELECT count(*) FROM enroll('poor ' || n)) = 1
		AND (n > 2 OR (SELECT count(*) FROM transfer('rich', 'poor 2', 100, at => '2024-01-02')) = 1);

-- each program is its own
INSERT INTO loyalty.program (name) VALUES ('other');
SELECT FROM earn('eve', 100, program => 'other');
SELECT refuses($$SELECT transfer('ann', 'eve', 1, program => 'other')$$, 'LY002', 'the giver is no member of that program', 'other');

SELECT lawful('transfers');
SELECT * FROM finish();
