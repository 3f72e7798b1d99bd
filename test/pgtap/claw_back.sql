-- claw_back: what an event granted is taken back.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('soft', '10 days', 'waive');
INSERT INTO loyalty.rule (program, name, event, points)
	SELECT p, 'base', 'purchase', '$.amount' FROM (VALUES ('shop'), ('soft')) p (p);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'words', 'review', '20');

-- what is left of the very lots
SELECT FROM earn('ann', 100, 'o1', at => '2024-01-01');
SELECT FROM earn('ann', 50, 'o2', at => '2024-01-02');
SELECT is(format('%s %s', points, balance), '-30 120', 'a part') FROM claw_back('ann', 'o1', 30, at => '2024-01-03');
SELECT is(wallet_of('ann'), '70@2024-01-01/2024-01-11 50@2024-01-02/2024-01-12', 'of the very lot');
SELECT is((last_entry('ann')).reverses, (SELECT min(entry_id) FROM loyalty.ledger), 'the entry names the grant');
SELECT refuses($$SELECT claw_back('ann', 'o1', 71, at => '2024-01-03')$$, '22023', 'never more than was granted', '\m70\M');
SELECT is(format('%s %s', points, balance), '-70 50', 'without points: all that is left') FROM claw_back('ann', 'o1', at => '2024-01-04');
SELECT refuses($$SELECT claw_back('ann', 'o1', 1, at => '2024-01-04')$$, '22023', 'nothing is left', '\m0\M');
SELECT is(wallet_of('ann'), '50@2024-01-02/2024-01-12', 'another grant is another grant');

-- owe: the other spendable lots in spend order, then pending ones, then debt
SELECT FROM earn('bob', 40, valid_from => '2024-02-01', at => '2024-01-01');
SELECT FROM earn('bob', 30, at => '2024-01-02');
SELECT FROM earn('bob', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('bob', 80, at => '2024-01-03');
SELECT is(wallet_of('bob'), '20@2024-01-01/2024-01-11 30@2024-01-02/2024-01-12 40@2024-02-01/2024-02-11', 'before');
SELECT is(format('%s %s', points, balance), '-60 0', 'owe: more than is left of the lot') FROM claw_back('bob', 'o1', 60, at => '2024-01-04');
SELECT is(wallet_of('bob'), '30@2024-02-01/2024-02-11', 'owe: the lot, then other spendable lots, then pending ones');
SELECT is(balance, -10, 'owe: what still lacks is owed') FROM claw_back('bob', 'o1', at => '2024-01-04');
SELECT is(stands('bob'), 'wallet 0, held 0, debt 10', 'owe: debt without lots');
SELECT is(format('%s %s', e.points, e.debt), '-40 10', 'owe: the entry says how much') FROM last_entry('bob') e;

-- waive: beyond the very lots it is forgiven
SELECT FROM earn('bob', 30, at => '2024-01-02', program => 'soft');
SELECT FROM earn('bob', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM redeem('bob', 80, at => '2024-01-03', program => 'soft');
SELECT is(format('%s %s', points, balance), '-20 30', 'waive: only the very lot') FROM claw_back('bob', 'o1', at => '2024-01-04', program => 'soft');
SELECT is(wallet_of('bob', 'soft'), '30@2024-01-02/2024-01-12', 'waive: other lots are untouched');
SELECT is((last_entry('bob', 'soft')).waived, 80, 'waive: the entry says how much was forgiven');
SELECT refuses($$SELECT claw_back('bob', 'o1', 1, at => '2024-01-04', program => 'soft')$$, '22023', 'waive: what was forgiven is not asked for again', '\m0\M');

-- what lapsed of the grant counts as taken
SELECT FROM earn('cat', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('cat', 40, at => '2024-01-05');
SELECT FROM earn('cat', 25, valid_until => '2025-01-01', at => '2024-01-05');
SELECT is(format('%s %s', points, balance), '-40 -15', 'what lapsed counts as taken, what was spent is asked for')
	FROM claw_back('cat', 'o1', at => '2024-01-20');
SELECT is(format('%s %s', e.lapsed, e.debt), '60 15', 'the entry says how much had lapsed') FROM last_entry('cat') e;
SELECT FROM earn('cat', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT is(format('%s %s', points, balance), '0 0', 'all of it lapsed: nothing to take') FROM claw_back('cat', 'o1', at => '2024-01-20', program => 'soft');

-- order: lapsed before shortfall, in partial calls too
SELECT FROM earn('dan', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('dan', 40, at => '2024-01-05');
SELECT is(balance, 0, 'the first 60 had lapsed') FROM claw_back('dan', 'o1', 60, at => '2024-01-20');
SELECT is(balance, -1, 'the next are owed') FROM claw_back('dan', 'o1', 1, at => '2024-01-20');
SELECT is(balance, -40, 'and no more than was spent') FROM claw_back('dan', 'o1', at => '2024-01-20');

-- case 7
SELECT FROM earn('eve', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM redeem('eve', 30, at => '2024-01-02', program => 'soft');
SELECT FROM transfer('eve', 'fay', 30, at => '2024-01-02', program => 'soft');
SELECT is(format('%s %s', points, balance), '-70 -30', 'case 7: points given away are owed even under waive')
	FROM claw_back('eve', 'o1', at => '2024-01-03', program => 'soft');
SELECT is(format('%s %s', e.debt, e.waived), '30 30', 'case 7: what was spent is waived, what was given away is owed')
	FROM last_entry('eve', 'soft') e;
SELECT is(wallet_of('fay', 'soft'), '30@2024-01-01/2024-01-11', 'case 7: the receiver is untouched');
SELECT FROM earn('eve', 100, 'o1', at => '2024-01-01');
SELECT FROM transfer('eve', 'fay', 100, at => '2024-01-02');
SELECT is(balance, -100, 'case 7: owe') FROM claw_back('eve', 'o1', at => '2024-01-03');
SELECT is(wallet_of('fay'), '100@2024-01-01/2024-01-11', 'case 7: only the granting member''s wallet is searched');
SELECT refuses($$SELECT claw_back('fay', 'o1', at => '2024-01-03')$$, 'LY007', 'case 7: the receiver was granted nothing under that ref');

-- case 7, given away and given back: the very lots are there again
SELECT FROM earn('gus', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM transfer('gus', 'hal', 100, at => '2024-01-02', program => 'soft');
SELECT FROM transfer('hal', 'gus', 100, at => '2024-01-02', program => 'soft');
SELECT is(balance, 0, 'case 7: given back in the meantime') FROM claw_back('gus', 'o1', at => '2024-01-03', program => 'soft');
SELECT is(stands('gus', 'soft'), 'wallet 0, held 0, debt 0', 'case 7: nothing is owed then');

-- case 5
SELECT FROM (VALUES ('shop'), ('soft')) p (p), earn('ida', 100, 'o1', at => '2024-01-01', program => p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), redeem('ida', 100, 'r1', at => '2024-01-02', program => p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), claw_back('ida', 'o1', 70, at => '2024-01-03', program => p);
SELECT is(stands('ida', 'shop'), 'wallet 0, held 0, debt 70', 'case 5: debt for a grant that was spent');
SELECT is(stands('ida', 'soft'), 'wallet 0, held 0, debt 0', 'case 5: waiver for a grant that was spent');
SELECT is(balance, 0, 'case 5: restore after claw-back first cancels the debt')
	FROM restore('ida', 'r1', 70, at => '2024-01-04', program => 'shop');
SELECT is(balance, 0, 'case 5: restore after claw-back first cancels the waiver')
	FROM restore('ida', 'r1', 70, at => '2024-01-04', program => 'soft');
SELECT is(balance, 30, 'case 5: only the rest returns (owe)') FROM restore('ida', 'r1', at => '2024-01-04', program => 'shop');
SELECT is(balance, 30, 'case 5: only the rest returns (waive)') FROM restore('ida', 'r1', at => '2024-01-04', program => 'soft');
SELECT is(wallet_of('ida', 'soft'), '30@2024-01-01/2024-01-11', 'case 5: to its lot');
SELECT lawful('restore after claw-back');
-- the same for a slice of two grants, only one of which was clawed back
SELECT FROM (VALUES ('shop'), ('soft')) p (p), earn('joy', 100, 'o1', at => '2024-01-01', program => p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), earn('joy', 100, 'o2', at => '2024-01-02', program => p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), redeem('joy', 200, 'r1', at => '2024-01-02', program => p);
SELECT FROM (VALUES ('shop'), ('soft')) p (p), claw_back('joy', 'o1', at => '2024-01-03', program => p);
SELECT is(balance, 100, 'case 5: two grants, one clawed back (owe)') FROM restore('joy', 'r1', at => '2024-01-04', program => 'shop');
SELECT is(balance, 100, 'case 5: two grants, one clawed back (waive)') FROM restore('joy', 'r1', at => '2024-01-04', program => 'soft');
SELECT is(wallet_of('joy', 'soft'), '100@2024-01-02/2024-01-12', 'case 5: the other grant''s points are back');
-- a hold is no way to keep what is clawed back under waive
SELECT FROM earn('hal', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM hold('hal', 100, 'h1', '1 day', at => '2024-01-02', program => 'soft');
SELECT FROM claw_back('hal', 'o1', at => '2024-01-02', program => 'soft');
SELECT is(stands('hal', 'soft'), 'wallet 0, held 100, debt 100', 'waive: held points of the grant are owed');
SELECT FROM release('hal', 'h1', at => '2024-01-02', program => 'soft');
SELECT is(stands('hal', 'soft'), 'wallet 0, held 0, debt 0', 'waive: a released hold pays for them');

-- partial: the other grant's slices come first (last taken first) and cancel nothing of the waiver
SELECT FROM earn('kim', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM earn('kim', 100, 'o2', at => '2024-01-02', program => 'soft');
SELECT FROM redeem('kim', 200, 'r1', at => '2024-01-02', program => 'soft');
SELECT FROM claw_back('kim', 'o1', at => '2024-01-03', program => 'soft');
SELECT is(balance, 60, 'case 5: slices of another grant return in full') FROM restore('kim', 'r1', 60, at => '2024-01-04', program => 'soft');
SELECT is(balance, 100, 'case 5: up to it') FROM restore('kim', 'r1', 40, at => '2024-01-04', program => 'soft');
SELECT is(balance, 100, 'case 5: those of the clawed-back one do not') FROM restore('kim', 'r1', 100, at => '2024-01-04', program => 'soft');
-- restore first, claw back then: the same end
SELECT FROM earn('leo', 100, 'o1', at => '2024-01-01', program => 'soft');
SELECT FROM redeem('leo', 100, 'r1', at => '2024-01-02', program => 'soft');
SELECT FROM restore('leo', 'r1', at => '2024-01-03', program => 'soft');
SELECT is(balance, 0, 'case 5: the other way round ends the same') FROM claw_back('leo', 'o1', at => '2024-01-04', program => 'soft');

-- growth goes back too
SELECT is(growth, 100, 'an event gives growth') FROM record('mia', 'purchase', '{"amount": 100}', 'o1', at => '2024-01-01', program => 'shop');
SELECT is(format('%s %s', points, growth), '-40 -40', 'growth goes back with its points') FROM claw_back('mia', 'o1', 40, at => '2024-01-02', program => 'shop');
SELECT FROM redeem('mia', 60, at => '2024-01-02', program => 'shop');
SELECT is(format('%s %s', points, growth), '-60 -60', 'growth goes back although its points were spent') FROM claw_back('mia', 'o1', at => '2024-01-03', program => 'shop');
SELECT is(growth_of('mia', 'shop'), 0, 'no growth left');
SELECT FROM record('mia', 'purchase', '{"amount": 100}', 'o1', at => '2024-01-01', program => 'soft');
SELECT is(format('%s %s', points, growth), '-100 -100', 'with an operation key') FROM claw_back('mia', 'o1', claw_ref => 'c1', at => '2024-01-03', program => 'soft');

-- several events under one ref
SELECT FROM record('nat', 'purchase', '{"amount": 100}', 'o1', at => '2024-01-01', program => 'shop');
SELECT FROM record('nat', 'review', '{}', 'o1', at => '2024-01-01', program => 'shop');
SELECT refuses($$SELECT claw_back('nat', 'o1', at => '2024-01-02', program => 'shop')$$, '22023', 'two events under the ref: which?', 'event');
SELECT is(points, -20, 'that one') FROM claw_back('nat', 'o1', event => 'review', at => '2024-01-02', program => 'shop');
SELECT refuses($$SELECT claw_back('nat', 'o1', event => 'check_in', at => '2024-01-02', program => 'shop')$$, 'LY007', 'an event that was not recorded under it', 'check_in');

-- several kinds of points are several entries; a claw-back takes from all
INSERT INTO loyalty.program (name, validity) VALUES ('kinds', '10 days');
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES
	('kinds', 'base', 'purchase', '$.amount', NULL), ('kinds', 'green', 'purchase', '$.amount / 2', 'behaviour');
SELECT is(points, 150, 'two kinds of points') FROM record('ann', 'purchase', '{"amount": 100}', 'o1', at => '2024-01-01', program => 'kinds');
SELECT is(trail('ann', program => 'kinds'), 'event 100, event 50', 'two entries');
SELECT is(points, -30, 'claw-back of a part of both') FROM claw_back('ann', 'o1', 30, at => '2024-01-02', program => 'kinds');
SELECT is(points, -7, 'of another part') FROM claw_back('ann', 'o1', 7, at => '2024-01-02', program => 'kinds');
SELECT refuses($$SELECT claw_back('ann', 'o1', 114, at => '2024-01-02', program => 'kinds')$$, '22023', 'never more than both together', '\m113\M');
SELECT is(format('%s %s', points, balance), '-113 0', 'and of the rest') FROM claw_back('ann', 'o1', at => '2024-01-02', program => 'kinds');
SELECT is(array_agg(sum), '{0,0}', 'each kind ends at nothing')
	FROM (SELECT sum(e.points) FROM loyalty.ledger e, member_row('ann', 'kinds') m
		WHERE e.member_id = m.member_id GROUP BY point_kind) s;

-- pain: partial refunds that do not sum up, refunds that charge twice
SELECT FROM earn('pam', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('pam', 90, 'r1', at => '2024-01-02');
SELECT FROM (SELECT claw_back('pam', 'o1', n, at => '2024-01-03') FROM unnest('{33,33,33,1}'::integer[]) n OFFSET 0) s;
SELECT is(stands('pam'), 'wallet 0, held 0, debt 90', 'pain 3, refund loopholes: partial refunds sum up to the grant, no more');
SELECT refuses($$SELECT claw_back('pam', 'o1', 1, at => '2024-01-03')$$, '22023', 'pain 3: and are not charged twice');
SELECT FROM earn('pat', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('pat', 100, at => '2024-01-02');
SELECT FROM claw_back('pat', 'o1', at => '2024-01-03');
SELECT FROM earn('pat', 100, 'o2', at => '2024-01-04');
SELECT is(stands('pat'), 'wallet 0, held 0, debt 0', 'pain 3: buy, spend, refund, buy again: nothing was won');

-- debt booked for a claw-back and paid since: no refund of it by a restore of something else
SELECT FROM earn('quin', 100, 'o1', at => '2024-01-01');
SELECT FROM redeem('quin', 100, 'r1', at => '2024-01-02');
SELECT FROM claw_back('quin', 'o1', at => '2024-01-03');
SELECT FROM earn('quin', 100, 'o2', at => '2024-01-03');
SELECT is(balance, 100, 'case 5: the debt was paid meanwhile, so what is restored returns') FROM restore('quin', 'r1', at => '2024-01-04');

-- claw_ref
SELECT FROM earn('rex', 100, 'o1', at => '2024-01-01');
SELECT is(replayed, false, 'a claw-back with a key of its own') FROM claw_back('rex', 'o1', 30, claw_ref => 'c1', at => '2024-01-02');
SELECT is(format('%s %s %s', points, balance, replayed), '-30 70 t', 'repeated: the first receipt') FROM claw_back('rex', 'o1', 30, claw_ref => 'c1', at => '2024-01-03');
SELECT refuses($$SELECT claw_back('rex', 'o1', 31, claw_ref => 'c1', at => '2024-01-03')$$, 'LY003', 'the same key with other content');
SELECT is(balance, 40, 'another key is another claw-back') FROM claw_back('rex', 'o1', 30, claw_ref => 'c2', at => '2024-01-03');

SELECT refuses($$SELECT claw_back('rex', 'nothing')$$, 'LY007', 'nothing granted under that ref', 'nothing');
SELECT refuses($$SELECT claw_back('nobody', 'o1')$$, 'LY002', 'unknown member');
SELECT refuses($$SELECT claw_back('rex', NULL)$$, '22023', 'ref NULL', 'ref');
SELECT refuses($$SELECT claw_back('rex', 'o1', 0)$$, '22023', 'points 0', 'points');
SELECT refuses($$SELECT claw_back('rex', 'o1', -1)$$, '22023', 'points negative', 'points');
SELECT refuses($$SELECT claw_back('rex', 'o1', claw_ref => '')$$, '22023', 'claw_ref empty', 'claw_ref');
SELECT refuses($$SELECT claw_back('rex', 'o1', at => 'infinity')$$, '22023', 'at infinity', 'at');

SELECT lawful('claw-backs');
SELECT * FROM finish();
