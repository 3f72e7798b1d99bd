-- restore: spent points go back to where they came from.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '30 days');
INSERT INTO loyalty.program (name, validity, restore_lapsed) VALUES ('strict', '10 days', 'lapse');
INSERT INTO loyalty.program (name, validity, restore_lapsed, grace) VALUES ('kind', '10 days', 'grace', '30 days');
INSERT INTO loyalty.program (name, validity, restore_lapsed) VALUES ('exact', '10 days', 'remaining');
INSERT INTO loyalty.program (name, validity, spend_order) VALUES ('miles', '30 days', 'expiring');

SELECT FROM earn('ann', 100, at => '2024-01-01');
SELECT FROM earn('ann', 100, at => '2024-01-02');
SELECT FROM redeem('ann', 150, 'r1', at => '2024-01-05');
SELECT is(format('%s %s', points, balance), '70 120', 'a part of it') FROM restore('ann', 'r1', 70, at => '2024-01-06');
SELECT is(wallet_of('ann'), '20@2024-01-01/2024-01-31 100@2024-01-02/2024-02-01', 'last taken first, validity unchanged');
SELECT is(e.reverses, r.entry_id, 'the entry names what it reverses') FROM last_entry('ann') e, loyalty.ledger r
	WHERE r.member_id = e.member_id AND r.kind = 'r';
SELECT refuses($$SELECT restore('ann', 'r1', 81, at => '2024-01-06')$$, '22023', 'never more than was spent', '\m80\M');
SELECT is(format('%s %s', points, balance), '80 200', 'without points: all that is left') FROM restore('ann', 'r1', at => '2024-01-07');
SELECT is(wallet_of('ann'), '100@2024-01-01/2024-01-31 100@2024-01-02/2024-02-01', 'as if nothing had been spent');
SELECT refuses($$SELECT restore('ann', 'r1', 1, at => '2024-01-07')$$, '22023', 'nothing is left to restore', '\m0\M');
SELECT lawful('restored in full');

-- partial calls are exact over any sequence: spending 150 and giving back k in
-- pieces leaves the wallet of a member who spent 150 - k, whatever the pieces
CREATE TABLE pieces (n integer, program text, parts integer[]);
INSERT INTO pieces
	SELECT row_number() OVER (), p.program, s.parts
		FROM (VALUES ('shop'), ('miles')) p (program),
			(VALUES ('{1}'::integer[]), ('{40,1}'), ('{50}'), ('{51}'), ('{7,7,7,7,7,7,7}'), ('{99,1}'), ('{1,99,50}'),
				('{149,1}'), ('{33,34,35}'), ('{150}'), ('{60,60}')) s (parts);
SELECT FROM (SELECT earn(m || n, 60, valid_until => '2024-03-01', at => '2024-01-01', program => program),
		earn(m || n, 60, valid_until => '2024-02-01', at => '2024-01-02', program => program),
		earn(m || n, 60, valid_until => '2024-04-01', at => '2024-01-03', program => program)
	FROM pieces, (VALUES ('less '), ('back ')) w (m) ORDER BY n OFFSET 0) s;
SELECT FROM (SELECT redeem('back ' || n, 150, 'r', at => '2024-01-05', program => program),
		CASE WHEN total < 150 THEN redeem('less ' || n, 150 - total, 'r', at => '2024-01-05', program => program) END
	FROM pieces, LATERAL (SELECT sum(u) AS total FROM unnest(parts) u) t OFFSET 0) s;
SELECT FROM (SELECT restore('back ' || n, 'r', part, at => '2024-01-06', program => program)
	FROM (SELECT n, part, program FROM pieces, unnest(parts) WITH ORDINALITY u (part, o) ORDER BY n, o) s OFFSET 0) s;
SELECT is(wallet_of('back ' || n, program), wallet_of('less ' || n, program),
		format('%s: 150 spent, %s given back = %s spent', program, parts, 150 - (SELECT sum(u) FROM unnest(parts) u)))
	FROM pieces ORDER BY n;
SELECT lawful('partial restores');

-- case 6: the order that was used counts, not the one the program has now
SELECT FROM earn('order', 100, valid_until => '2024-03-01', at => '2024-01-01', program => 'miles');
SELECT FROM earn('order', 100, valid_until => '2024-02-01', at => '2024-01-02', program => 'miles');
SELECT FROM redeem('order', 150, 'r', at => '2024-01-05', program => 'miles');
UPDATE loyalty.program SET spend_order = 'fifo' WHERE name = 'miles';
SELECT FROM restore('order', 'r', 60, at => '2024-01-06', program => 'miles');
SELECT is(wallet_of('order', 'miles'), '100@2024-01-01/2024-03-01 10@2024-01-02/2024-02-01',
	'case 6: last taken first holds after the program''s order changes');
UPDATE loyalty.program SET spend_order = 'expiring' WHERE name = 'miles';

-- capture is given back like a spending
SELECT FROM earn('cap', 100, at => '2024-01-01');
SELECT FROM hold('cap', 80, 'h', at => '2024-01-02');
SELECT FROM capture('cap', 'h', 50, at => '2024-01-02');
SELECT refuses($$SELECT restore('cap', 'h', 51, at => '2024-01-03')$$, '22023', 'what was captured is what was spent', '\m50\M');
SELECT is(balance, 100, 'a capture is given back') FROM restore('cap', 'h', at => '2024-01-03');
SELECT is(wallet_of('cap'), '100@2024-01-01/2024-01-31', 'to its lot');

-- lapsed meanwhile: three policies
SELECT FROM (VALUES ('strict'), ('kind'), ('exact')) p (p), earn('ann', 100, at => '2024-01-01', program => p);
SELECT FROM (VALUES ('strict'), ('kind'), ('exact')) p (p), earn('ann', 100, at => '2024-01-08', program => p);
SELECT FROM (VALUES ('strict'), ('kind'), ('exact')) p (p), redeem('ann', 150, 'r', at => '2024-01-09', program => p);
-- at 2024-01-15 the first lot (till 01-11) has lapsed, the second (till 01-18) has not
SELECT is(format('%s %s', points, balance), '150 100', 'restore_lapsed = lapse: what lapsed lapses')
	FROM restore('ann', 'r', at => '2024-01-15', program => 'strict');
SELECT is(wallet_of('ann', 'strict'), '100@2024-01-08/2024-01-18', 'lapse: the live slice is back, unchanged');
SELECT is(trail('ann', program => 'strict'), 'earn 100, earn 100, redeem -150, restore 150, lapse -100',
	'lapse: return and lapse are two entries');
SELECT is(balance, 200, 'case 6: grace') FROM restore('ann', 'r', at => '2024-01-15', program => 'kind');
SELECT is(wallet_of('ann', 'kind'), '100@2024-01-01/2024-02-14 100@2024-01-08/2024-01-18',
	'case 6: only the slice already lapsed gets it, until restore time + grace');
SELECT is(balance, 200, 'restore_lapsed = remaining') FROM restore('ann', 'r', at => '2024-01-15', program => 'exact');
SELECT is(wallet_of('ann', 'exact'), '100@2024-01-01/2024-01-17 100@2024-01-08/2024-01-18',
	'remaining: the two days it had left when it was spent, from the restore on');
SELECT lawful('restores of lapsed slices');

-- grace is given once
SELECT FROM redeem('ann', 200, 'r2', at => '2024-01-16', program => 'kind');
SELECT is(balance, 100, 'case 6: at 2024-03-01 both slices have lapsed, one of them for the second time') FROM restore('ann', 'r2', at => '2024-03-01', program => 'kind');
SELECT is(wallet_of('ann', 'kind'), '100@2024-01-08/2024-03-31', 'case 6: grace is given once');

-- of a lot that another member gave, too
SELECT FROM earn('gus', 100, at => '2024-01-01', program => 'kind');
SELECT FROM transfer('gus', 'hal', 100, at => '2024-01-02', program => 'kind');
SELECT FROM redeem('hal', 100, 'r1', at => '2024-01-03', program => 'kind');
SELECT is(balance, 100, 'a lot given by another member gets grace') FROM restore('hal', 'r1', at => '2024-01-20', program => 'kind');
SELECT is(wallet_of('hal', 'kind'), '100@2024-01-01/2024-02-19', 'of the program''s length');
SELECT FROM redeem('hal', 100, 'r2', at => '2024-01-21', program => 'kind');
SELECT is(balance, 0, 'case 6: once') FROM restore('hal', 'r2', at => '2024-03-01', program => 'kind');
SELECT is(wallet_of('hal', 'kind'), 'empty', 'case 6: the second time the lot of another member lapses');

-- a slice with grace, restored while its grace runs, keeps its end
SELECT FROM earn('bob', 100, at => '2024-01-01', program => 'kind');
SELECT FROM redeem('bob', 100, 'r1', at => '2024-01-05', program => 'kind');
SELECT FROM restore('bob', 'r1', at => '2024-01-20', program => 'kind');
SELECT FROM redeem('bob', 100, 'r2', at => '2024-01-25', program => 'kind');
SELECT FROM restore('bob', 'r2', at => '2024-02-01', program => 'kind');
SELECT is(wallet_of('bob', 'kind'), '100@2024-01-01/2024-02-19', 'case 6: while the grace runs validity is unchanged');
SELECT is(balance, 7, 'and it ends like any other') FROM earn('bob', 7, at => '2024-02-19', program => 'kind');

-- pain: never mint a new lot
SELECT FROM earn('cat', 100, at => '2024-01-01');
SELECT FROM redeem('cat', 100, 'r1', at => '2024-01-30');
SELECT FROM restore('cat', 'r1', at => '2024-01-30 23:00');
SELECT refuses($$SELECT redeem('cat', 1, at => '2024-01-31')$$, 'LY001', 'pain 3, refund loopholes: spend and cancel does not prolong points');

-- restore pays a debt first, in lot order
SELECT FROM earn('dan', 100, at => '2024-01-01');
SELECT FROM earn('dan', 100, at => '2024-01-02');
SELECT FROM redeem('dan', 200, 'r', at => '2024-01-05');
SELECT FROM adjust('dan', -30, NULL, 'mistake', at => '2024-01-05');
SELECT is(format('%s %s', points, balance), '200 170', 'a restore pays the debt first') FROM restore('dan', 'r', at => '2024-01-06');
SELECT is(wallet_of('dan'), '70@2024-01-01/2024-01-31 100@2024-01-02/2024-02-01', 'in lot order');

-- spending twice under two refs
SELECT FROM earn('eve', 100, at => '2024-01-01');
SELECT FROM redeem('eve', 40, 'r1', at => '2024-01-02');
SELECT FROM redeem('eve', 40, 'r2', at => '2024-01-02');
SELECT is(balance, 60, 'each spending is its own') FROM restore('eve', 'r1', at => '2024-01-03');
SELECT refuses($$SELECT restore('eve', 'r1', 1, at => '2024-01-03')$$, '22023', 'the other one does not lend to it');

-- restore_ref
SELECT FROM earn('fay', 100, at => '2024-01-01');
SELECT FROM redeem('fay', 90, 'r', at => '2024-01-02');
SELECT is(replayed, false, 'a return with a key of its own') FROM restore('fay', 'r', 30, 'return 1', at => '2024-01-03');
SELECT is(format('%s %s %s', points, balance, replayed), '30 40 t', 'repeated: the first receipt') FROM restore('fay', 'r', 30, 'return 1', at => '2024-01-04');
SELECT refuses($$SELECT restore('fay', 'r', 31, 'return 1', at => '2024-01-04')$$, 'LY003', 'the same key with other content');
SELECT is(balance, 70, 'another key is another return') FROM restore('fay', 'r', 30, 'return 2', at => '2024-01-04');
SELECT is(format('%s %s %s', points, balance, replayed), '30 40 t', 'the first can still be repeated') FROM restore('fay', 'r', 30, 'return 1', at => '2024-01-04');
SELECT is(stands('fay'), 'wallet 70, held 0, debt 0', 'repeats changed nothing');

SELECT refuses($$SELECT restore('fay', 'nothing')$$, 'LY007', 'no spending under that ref', 'nothing');
SELECT refuses($$SELECT restore('nobody', 'r')$$, 'LY002', 'unknown member');
SELECT refuses($$SELECT restore('fay', NULL)$$, '22023', 'ref NULL', 'ref');
SELECT refuses($$SELECT restore('fay', 'r', 0)$$, '22023', 'points 0', 'points');
SELECT refuses($$SELECT restore('fay', 'r', -1)$$, '22023', 'points negative', 'points');
SELECT refuses($$SELECT restore('fay', 'r', restore_ref => '')$$, '22023', 'restore_ref empty', 'restore_ref');
SELECT refuses($$SELECT restore('fay', 'r', restore_ref => repeat('x', 10240))$$, '22023', 'restore_ref of 10 kB', 'restore_ref');

SELECT lawful('restores');
SELECT * FROM finish();
