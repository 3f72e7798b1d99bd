-- The clock alone lapses points and ends holds; maintain only tidies.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');

SELECT FROM earn('ann', 100, at => '2024-01-01');
SELECT FROM earn('ann', 50, at => '2024-01-03');
SELECT FROM earn('ann', 25, valid_until => 'infinity', at => '2024-01-04');
SELECT FROM earn('bob', 80, at => '2024-01-01');
SELECT FROM hold('bob', 30, 'h', '6 days', '2024-01-08');
SELECT FROM earn('cat', 7, valid_until => 'infinity', at => '2024-01-01');
SELECT is(format('%s %s', available, debt), '25 0', 'before any job: balance() knows what lapsed') FROM balance('ann');
SELECT is(wallet_of('ann'), '100@2024-01-01/2024-01-11 50@2024-01-03/2024-01-13 25@2024-01-04/infinity', 'although nothing is posted');

CALL maintain(at => '2024-01-10');
SELECT is(trail('ann') || ' / ' || trail('bob'), 'earn 100, earn 50, earn 25 / earn 80, hold 0', 'nothing is due yet');
CALL maintain(at => '2024-01-12');
SELECT is(trail('ann') || ' / ' || trail('bob'), 'earn 100, earn 50, earn 25, lapse -100 / earn 80, hold 0, lapse -50', 'maintain posts what is due by then');
CALL maintain();
SELECT is(trail('ann'), 'earn 100, earn 50, earn 25, lapse -100, lapse -50', 'and the rest later');
SELECT is(trail('bob'), 'earn 80, hold 0, lapse -50, release 0, lapse -30', 'an overdue hold is ended, what lapsed meanwhile lapses');
SELECT is(array_agg(shown(e.at) ORDER BY e.entry_id), '{2024-01-11,2024-01-13}', 'lapses are dated at valid_until')
	FROM loyalty.ledger e, member_row('ann') m WHERE e.member_id = m.member_id AND e.kind = 'x';
SELECT is(array_agg(shown(e.at) ORDER BY e.entry_id), '{2024-01-11,2024-01-14,2024-01-14}', 'a hold ends at its deadline')
	FROM loyalty.ledger e, member_row('bob') m WHERE e.member_id = m.member_id AND e.kind IN ('x', 'l');
SELECT is(trail('cat'), 'earn 7', 'who has nothing due is left alone');

CREATE TABLE state AS SELECT everything() AS before;
CALL maintain();
CALL maintain();
SELECT is(everything(), before, 'maintain is idempotent') FROM state;

-- what the clock decided, in the order of the clock, by any write
SELECT FROM earn('dan', 10, at => '2024-01-01');
SELECT FROM earn('dan', 20, at => '2024-01-03');
SELECT FROM hold('dan', 5, 'h', '3 days', '2024-01-09');
SELECT FROM redeem('dan', 1, at => '2024-01-12 12:00');
SELECT is(trail('dan'), 'earn 10, earn 20, hold 0, lapse -5, release 0, lapse -5, redeem -1',
	'a write first posts what the clock decided, in its order');

-- with and without maintain the end is the same
CREATE FUNCTION life(member text, tidy boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM loyalty.earn(member, 100, at => '2024-01-01');
	PERFORM loyalty.earn(member, 100, at => '2024-01-05');
	PERFORM loyalty.redeem(member, 130, 'r', at => '2024-01-06');
	IF tidy THEN CALL loyalty.maintain(at => '2024-01-13'); END IF;
	PERFORM loyalty.hold(member, 20, 'h', '1 day', '2024-01-13');
	IF tidy THEN CALL loyalty.maintain(at => '2024-01-14 12:00'); END IF;
	PERFORM loyalty.restore(member, 'r', 60, at => '2024-01-14 13:00');
	IF tidy THEN CALL loyalty.maintain(at => '2024-01-16'); END IF;
	PERFORM loyalty.earn(member, 1, at => '2024-01-16');
END
$$;
SELECT FROM life('eve', false);
SELECT FROM life('fay', true);
SELECT is(wallet_of('fay'), wallet_of('eve'), 'with and without maintain: the same wallet');
SELECT is(trail('fay'), trail('eve'), 'the same entries');
SELECT is(array_agg(e.at ORDER BY e.entry_id), (SELECT array_agg(f.at ORDER BY f.entry_id)
		FROM loyalty.ledger f, member_row('fay') n WHERE f.member_id = n.member_id), 'of the same dates')
	FROM loyalty.ledger e, member_row('eve') m WHERE e.member_id = m.member_id;

-- resumable: a few members at a time
CALL maintain();
SELECT FROM (SELECT earn('many ' || n, 1, at => '2024-01-01') FROM generate_series(1, 10) n OFFSET 0) s;
CALL maintain(4);
SELECT is(count(*), 4, 'max_members') FROM loyalty.ledger e JOIN loyalty.member m USING (member_id) WHERE m.ref LIKE 'many %' AND e.kind = 'x';
CALL maintain(4);
CALL maintain(4);
SELECT is(count(*), 10, 'called until nothing is due') FROM loyalty.ledger e JOIN loyalty.member m USING (member_id) WHERE m.ref LIKE 'many %' AND e.kind = 'x';

-- inside a transaction it is part of it
SELECT FROM earn('gus', 5, at => '2024-01-01');
BEGIN;
CALL maintain();
SELECT is(trail('gus'), 'earn 5, lapse -5', 'inside a transaction');
ROLLBACK;
SELECT is(trail('gus'), 'earn 5', 'and rolled back with it');

-- another program is another matter
INSERT INTO loyalty.program (name, validity) VALUES ('miles', '10 days');
SELECT FROM earn('ann', 5, at => '2024-01-01', program => 'miles');
CALL maintain(program => 'miles');
SELECT is(trail('gus'), 'earn 5', 'maintain of one program leaves the other alone');
SELECT is(trail('ann', program => 'miles'), 'earn 5, lapse -5', 'and tidies its own');

SELECT refuses('CALL maintain(0)', '22023', 'max_members 0');
SELECT refuses('CALL maintain(-1)', '22023', 'max_members negative');
SELECT refuses($$CALL maintain(at => now() + interval '1 day')$$, '22023', 'at in the future', 'future');
SELECT refuses($$CALL maintain(at => 'infinity')$$, '22023', 'at infinity', 'at');
SELECT refuses($$CALL maintain(program => 'nowhere')$$, 'LY005', 'unknown program', 'nowhere');

SELECT lawful('lapses');
SELECT * FROM finish();
