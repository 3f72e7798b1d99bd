-- Debt: a number beside an empty wallet, paid by whatever comes in, in lot order.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.rule (name, event, points, pending_for) VALUES ('base', 'purchase', '$.amount', NULL), ('late', 'purchase', '$.late', '5 days');

CREATE FUNCTION indebted(member text, points integer) RETURNS void LANGUAGE sql AS $$
	SELECT loyalty.enroll(member, at => '2024-01-01');
	SELECT loyalty.adjust(member, -points, NULL, 'mistake', at => '2024-01-01');
$$;

-- earn
SELECT FROM indebted('ann', 30);
SELECT is(stands('ann'), 'wallet 0, held 0, debt 30', 'owing 30');
SELECT is(format('%s %s', points, balance), '10 -20', 'a grant smaller than the debt') FROM earn('ann', 10, 'o1', at => '2024-01-02');
SELECT is(format('points %s debt %s lots %s', e.points, e.debt, coalesce(shown(e.lots), 'empty')), 'points 10 debt -10 lots empty', 'pays and leaves no lot') FROM last_entry('ann') e;
SELECT is(format('%s %s', points, balance), '20 0', 'a grant as large as what is left') FROM earn('ann', 20, 'o2', at => '2024-01-03');
SELECT is(stands('ann'), 'wallet 0, held 0, debt 0', 'even');
SELECT is(balance, 5, 'and free') FROM earn('ann', 5, at => '2024-01-04');
-- clawed back: what paid a debt is owed again
SELECT is(format('%s %s', points, balance), '-10 -5', 'a grant that paid a debt, clawed back, is owed: first from other lots') FROM claw_back('ann', 'o1', at => '2024-01-05');
SELECT is(stands('ann'), 'wallet 0, held 0, debt 5', 'then as debt');

-- record: several lots of one event, in lot order
SELECT FROM indebted('bob', 30);
SELECT is(format('%s %s', points, balance), '60 0', 'an event of two lots') FROM record('bob', 'purchase', '{"amount": 20, "late": 40}', 'o1', '2024-01-02');
SELECT is(wallet_of('bob'), '30@2024-01-07/2024-01-17', 'the earlier lot pays first, the later one the rest, pending or not');

-- redeem, hold, transfer: a debtor has nothing
SELECT FROM indebted('cat', 30);
SELECT refuses($$SELECT redeem('cat', 1, at => '2024-01-02')$$, 'LY001', 'a debtor has nothing to spend', 'available 0, owed 30');
SELECT refuses($$SELECT hold('cat', 1, 'h', at => '2024-01-02')$$, 'LY001', 'nor to hold', 'available 0, owed 30');

-- release, capture of a part, deadline
SELECT FROM earn('dan', 100, at => '2024-01-01');
SELECT FROM hold('dan', 100, 'h1', '1 day', '2024-01-01');
SELECT FROM adjust('dan', -30, NULL, 'mistake', '2024-01-01');
SELECT is(stands('dan'), 'wallet 0, held 100, debt 30', 'held points and debt live together, lots and debt do not');
SELECT is(available, 70::bigint, 'when the deadline passes, the held points pay the debt, no job has to run') FROM balance('dan', '2024-01-02');
SELECT is(available, 0::bigint, 'not before') FROM balance('dan', '2024-01-01 23:59');
SELECT is(balance, 69, 'the same for a spending') FROM redeem('dan', 1, at => '2024-01-02');
SELECT is(trail('dan'), 'earn 100, hold 0, adjust -30, release 0, redeem -1', 'the entries');

-- a growing debt
SELECT FROM indebted('eve', 30);
SELECT is(format('%s %s', points, balance), '-12 -42', 'a debt grows') FROM adjust('eve', -12, NULL, 'again', '2024-01-02');
SELECT is((last_entry('eve')).debt, 12::bigint, 'by what the entry says');
SELECT is(debt, 42::bigint, 'balance() shows it') FROM balance('eve', '2024-01-02');
SELECT is(debt, 30::bigint, 'and what it was') FROM balance('eve', '2024-01-01 12:00');
SELECT is(debt, 42::bigint, 'it does not lapse') FROM balance('eve', '2034-01-01');

-- growth is not touched by a debt
SELECT is(format('%s %s', points, growth), '20 20', 'points that pay a debt give their growth') FROM record('eve', 'purchase', '{"amount": 20}', 'o1', '2024-01-03');

-- pain: a clamp that drops what was not taken; a log that does not sum up
SELECT FROM earn('fay', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('fay', 100, at => '2024-01-01');
SELECT FROM claw_back('fay', 'o1', at => '2024-01-01');
SELECT is(sum(e.points), -100::numeric, 'pain, clamped to zero: what was not there to take is owed, and the ledger sums up to it')
	FROM loyalty.ledger e, member_row('fay') m WHERE e.member_id = m.member_id;
SELECT is(balance, -60, 'the next purchase pays it') FROM record('fay', 'purchase', '{"amount": 40}', at => '2024-01-02');

SELECT lawful('debts');
SELECT * FROM finish();
