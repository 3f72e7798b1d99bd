-- lot_granularity: lots of one validity that arrive in one local period merge.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone, lot_granularity) VALUES
	('each', 'end of year', 'America/New_York', 'entry'),
	('daily', 'end of year', 'America/New_York', 'day'),
	('monthly', 'end of year', 'America/New_York', 'month');

-- New York is at -5: the first two fall on 1 January there, the third on 2 January, the last in February
CREATE TABLE arrival AS SELECT * FROM (VALUES (timestamptz '2024-01-01 06:00+00', 10), ('2024-01-02 04:59+00', 20),
	('2024-01-02 05:00+00', 30), ('2024-02-01 05:00+00', 40)) a (at, points);
SELECT FROM (SELECT earn('ann', points, at => at, program => p) FROM arrival, (VALUES ('each'), ('daily'), ('monthly')) p (p) ORDER BY p, at OFFSET 0) s;
SELECT is(wallet_of('ann', 'each'), '10@2024-01-01 06:00:00/2025-01-01 05:00:00 20@2024-01-02 04:59:00/2025-01-01 05:00:00 30@2024-01-02 05:00:00/2025-01-01 05:00:00 40@2024-02-01 05:00:00/2025-01-01 05:00:00',
	'entry: a lot for each');
SELECT is(wallet_of('ann', 'daily'), '30@2024-01-01 06:00:00/2025-01-01 05:00:00 30@2024-01-02 05:00:00/2025-01-01 05:00:00 40@2024-02-01 05:00:00/2025-01-01 05:00:00',
	'day: those of one local day merge and carry the first one''s valid_from');
SELECT is(wallet_of('ann', 'monthly'), '60@2024-01-01 06:00:00/2025-01-01 05:00:00 40@2024-02-01 05:00:00/2025-01-01 05:00:00',
	'month: those of one local month');
SELECT is(source(l), (SELECT min(e.entry_id) FROM loyalty.ledger e, member_row('ann', 'monthly') m WHERE e.member_id = m.member_id),
		'and its source')
	FROM loyalty.lots((member_row('ann', 'monthly')).points) l WHERE points(l) = 60;
SELECT is(array_agg(loyalty.points(e.lots) ORDER BY e.entry_id), '{10,20,30,40}', 'every entry keeps its own share')
	FROM loyalty.ledger e, member_row('ann', 'monthly') m WHERE e.member_id = m.member_id;

-- different validity does not merge
SELECT FROM earn('bob', 10, at => '2024-01-01 06:00+00', program => 'daily');
SELECT FROM earn('bob', 10, valid_until => '2024-06-01', at => '2024-01-01 07:00+00', program => 'daily');
SELECT FROM earn('bob', 10, valid_from => '2024-03-01', at => '2024-01-01 07:00+00', program => 'daily');
SELECT is(lot_count((member_row('bob', 'daily')).points), 3, 'lots of another end, or of another start, do not merge');

-- a claw-back takes the share of its own grant, no more
SELECT FROM earn('cat', 10, 'o1', at => '2024-01-01 06:00+00', program => 'daily');
SELECT FROM earn('cat', 20, 'o2', at => '2024-01-01 07:00+00', program => 'daily');
SELECT is(balance, 10, 'the second grant of a merged lot is clawed back') FROM claw_back('cat', 'o2', at => '2024-01-01 08:00+00', program => 'daily');
SELECT refuses($$SELECT claw_back('cat', 'o2', 1, at => '2024-01-01 08:00+00', program => 'daily')$$, '22023', 'no more than it');
SELECT is(balance, 0, 'and the first') FROM claw_back('cat', 'o1', at => '2024-01-01 08:00+00', program => 'daily');
SELECT is(stands('cat', 'daily'), 'wallet 0, held 0, debt 0', 'nothing is owed');

-- spending, restore
SELECT FROM earn('dan', 10, 'o1', at => '2024-01-01 06:00+00', program => 'daily');
SELECT FROM earn('dan', 20, 'o2', at => '2024-01-01 07:00+00', program => 'daily');
SELECT FROM redeem('dan', 25, 'r', at => '2024-01-01 08:00+00', program => 'daily');
SELECT is(balance, 25, 'a part returns') FROM restore('dan', 'r', 20, at => '2024-01-01 09:00+00', program => 'daily');
SELECT is(lot_count((member_row('dan', 'daily')).points), 1, 'to the merged lot');
SELECT is(balance, -5, 'the claw-backs of both grants, 5 of them spent') FROM (
	SELECT (claw_back('dan', 'o1', at => '2024-01-01 10:00+00', program => 'daily')).balance AS first,
		(claw_back('dan', 'o2', at => '2024-01-01 10:00+00', program => 'daily')).balance OFFSET 0) s;

-- a merged lot is of several grants: a waiver for any of them is cancelled by a restore
INSERT INTO loyalty.program (name, validity, lot_granularity, shortfall) VALUES ('soft', 'end of year', 'day', 'waive');
SELECT FROM earn('dan', 10, 'o1', at => '2024-01-01 06:00', program => 'soft');
SELECT FROM earn('dan', 20, 'o2', at => '2024-01-01 07:00', program => 'soft');
SELECT FROM redeem('dan', 30, 'r', at => '2024-01-01 08:00', program => 'soft');
SELECT is(balance, 0, 'the second grant is clawed back, all of it spent') FROM claw_back('dan', 'o2', at => '2024-01-01 09:00', program => 'soft');
SELECT is(balance, 10, 'case 5: a restore cancels the waiver of any grant of a merged lot') FROM restore('dan', 'r', at => '2024-01-01 10:00', program => 'soft');

-- what lapsed, or was given away, of a merged lot counts once for all its grants
SELECT FROM earn('fay', 10, 'o1', at => '2024-01-01 06:00', program => 'daily');
SELECT FROM earn('fay', 20, 'o2', at => '2024-01-01 07:00', program => 'daily');
SELECT FROM redeem('fay', 15, at => '2024-01-01 08:00', program => 'daily');
SELECT is(balance, -5, '15 of 30 lapsed; of the grant of 20 5 are owed') FROM claw_back('fay', 'o2', at => '2025-01-02', program => 'daily');
SELECT is(balance, -15, 'of that of 10 all, for no more has lapsed') FROM claw_back('fay', 'o1', at => '2025-01-02', program => 'daily');
SELECT FROM enroll('gus', program => 'soft');
SELECT FROM earn('fay', 10, 'o1', at => '2024-01-01 06:00', program => 'soft');
SELECT FROM earn('fay', 20, 'o2', at => '2024-01-01 07:00', program => 'soft');
SELECT FROM transfer('fay', 'gus', 15, at => '2024-01-01 08:00', program => 'soft');
SELECT FROM redeem('fay', 15, at => '2024-01-01 08:00', program => 'soft');
SELECT is(balance, -15, 'case 7: 15 of 30 were given away and are owed') FROM claw_back('fay', 'o2', at => '2024-01-02', program => 'soft');
SELECT is(balance, -15, 'case 7: once') FROM claw_back('fay', 'o1', at => '2024-01-02', program => 'soft');

SELECT FROM (SELECT earn('eve', 1, at => timestamptz '2023-01-01 12:00+00' + n * interval '1 day', valid_until => '2030-01-01', program => 'monthly')
	FROM generate_series(0, 364) n OFFSET 0) s;
SELECT is(lot_count((member_row('eve', 'monthly')).points), 12, 'pain 12: a year of daily grants is 12 lots where they merge by month');

SELECT lawful('merged lots');
SELECT * FROM finish();
