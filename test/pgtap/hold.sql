-- hold, capture, release: real lots taken aside.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, max_hold) VALUES ('shop', '10 days', '2 days');

SELECT FROM earn('ann', 100, 'o1', at => '2024-01-01');
SELECT FROM earn('ann', 100, 'o2', at => '2024-01-02');
SELECT is(format('%s %s', points, balance), '0 50', 'hold: the member still owns them, but cannot spend them')
	FROM hold('ann', 150, 'h1', at => '2024-01-03');
SELECT is(stands('ann'), 'wallet 50, held 150, debt 0', 'taken aside');
SELECT is(shown(lots) || ' till ' || shown(until), '100@2024-01-01/2024-01-11 50@2024-01-02/2024-01-12 till 2024-01-03 00:15:00',
	'real lots, for a quarter of an hour by default') FROM loyalty.hold;
SELECT refuses($$SELECT redeem('ann', 51, at => '2024-01-03')$$, 'LY001', 'they cannot be promised twice', '\m50\M');
SELECT refuses($$SELECT hold('ann', 51, 'h2', at => '2024-01-03')$$, 'LY001', 'nor held twice', '\m50\M');
SELECT lawful('while held');

SELECT is(format('%s %s', points, balance), '-120 80', 'capture of a part: the rest returns')
	FROM capture('ann', 'h1', 120, at => '2024-01-03 00:10');
SELECT is(wallet_of('ann'), '80@2024-01-02/2024-01-12', 'the held lots were spent in spend order, the rest is in its place');
SELECT is(stands('ann'), 'wallet 80, held 0, debt 0', 'nothing is held any more');
SELECT is(count(*), 0, 'nor listed') FROM loyalty.hold;
SELECT is(replayed, true, 'the same capture again is a replay') FROM capture('ann', 'h1', 120, at => '2024-01-03 00:11');
SELECT refuses($$SELECT capture('ann', 'h1', 20, at => '2024-01-03 00:11')$$, 'LY003', 'another capture of it is not');
SELECT refuses($$SELECT release('ann', 'h1', at => '2024-01-03 00:11')$$, 'LY008', 'release after capture');

-- release
SELECT FROM hold('ann', 30, 'h3', '1 day', '2024-01-04');
SELECT is(format('%s %s', points, balance), '0 80', 'release gives all back') FROM release('ann', 'h3', at => '2024-01-04 12:00');
SELECT is(wallet_of('ann'), '80@2024-01-02/2024-01-12', 'to where it came from');
SELECT is(replayed, true, 'release again is a replay') FROM release('ann', 'h3', at => '2024-01-04 12:00');
SELECT refuses($$SELECT capture('ann', 'h3', at => '2024-01-04 13:00')$$, 'LY008', 'capture after release');

-- capture of all
SELECT FROM hold('ann', 30, 'h4', '1 day', '2024-01-05');
SELECT is(points, -30, 'capture without points takes all') FROM capture('ann', 'h4', at => '2024-01-05 12:00');
SELECT refuses($$SELECT capture('ann', 'h5')$$, 'LY007', 'capture of what was never held', 'h5');
SELECT refuses($$SELECT release('ann', 'h5')$$, 'LY007', 'release of what was never held', 'h5');

-- the deadline: void by the clock
SELECT FROM earn('bob', 100, valid_until => '2025-01-01', at => '2024-01-01');
SELECT FROM hold('bob', 60, 'h1', '1 hour', '2024-01-01');
SELECT refuses($$SELECT capture('bob', 'h1', at => '2024-01-01 01:00')$$, 'LY008', 'from its deadline on a hold is void');
SELECT is(balance, 5, 'its points are available again, no job has to run') FROM redeem('bob', 95, at => '2024-01-01 01:00');
SELECT refuses($$SELECT capture('bob', 'h1', at => '2024-01-01 00:30')$$, 'LY008', 'back-dating does not revive it');
SELECT is(trail('bob'), 'earn 100, hold 0, release 0, redeem -95', 'its end is an entry');
SELECT is(e.at, '2024-01-01 01:00'::timestamptz, 'dated at the deadline')
	FROM loyalty.ledger e, member_row('bob') m WHERE e.member_id = m.member_id AND e.kind = 'l';
SELECT is(format('%s %s', points, replayed), '0 t', 'release of a hold that ended by itself is harmless') FROM release('bob', 'h1', at => '2024-01-01 02:00');

-- lapse during a hold
SELECT FROM earn('cat', 100, at => '2024-01-01');
SELECT FROM hold('cat', 100, 'h1', '2 days', '2024-01-10');
SELECT is(format('%s %s', points, balance), '-60 0', 'case 8: held points cannot lapse while held, they can be captured')
	FROM capture('cat', 'h1', 60, at => '2024-01-11 12:00');
SELECT is(trail('cat'), 'earn 100, hold 0, capture -60, lapse -40', 'case 8: what lapsed during the hold lapses when it ends');
SELECT is(e.at, '2024-01-11 12:00'::timestamptz, 'case 8: at that time')
	FROM loyalty.ledger e, member_row('cat') m WHERE e.member_id = m.member_id AND e.kind = 'x';
SELECT FROM earn('dan', 100, at => '2024-01-01');
SELECT FROM hold('dan', 70, 'h1', '2 days', '2024-01-10');
SELECT is(balance, 0, 'case 8: the same with release') FROM release('dan', 'h1', at => '2024-01-11 12:00');
SELECT is(trail('dan'), 'earn 100, hold 0, lapse -30, release 0, lapse -70', 'case 8: the free part lapsed in time, the held one when it was free');
SELECT FROM earn('eve', 100, at => '2024-01-01');
SELECT FROM hold('eve', 70, 'h1', '2 days', '2024-01-10');
SELECT is(balance, 1, 'case 8: the same with the deadline') FROM earn('eve', 1, at => '2024-01-15');
SELECT is(trail('eve'), 'earn 100, hold 0, lapse -30, release 0, lapse -70, earn 1', 'case 8: in the order of the clock');

-- case 8: honoured whatever the debt
SELECT FROM earn('fay', 100, 'o1', at => '2024-01-01');
SELECT FROM hold('fay', 60, 'h1', '1 day', '2024-01-02');
SELECT is(balance, -60, 'case 8: held lots are out of a claw-back''s reach') FROM claw_back('fay', 'o1', at => '2024-01-02');
SELECT is(stands('fay'), 'wallet 0, held 60, debt 60', 'case 8: 40 taken, 60 owed, 60 still held');
SELECT is(format('%s %s', points, balance), '-60 -60', 'case 8: the hold is honoured whatever the debt') FROM capture('fay', 'h1', at => '2024-01-02 12:00');
SELECT is(stands('fay'), 'wallet 0, held 0, debt 60', 'case 8: the debt stays');
SELECT FROM earn('gus', 100, 'o1', at => '2024-01-01');
SELECT FROM hold('gus', 60, 'h1', '1 day', '2024-01-02');
SELECT FROM claw_back('gus', 'o1', 70, at => '2024-01-02');
SELECT is(stands('gus'), 'wallet 0, held 60, debt 30', '30 owed beside the hold');
SELECT is(format('%s %s', points, balance), '0 30', 'a release pays the debt first') FROM release('gus', 'h1', at => '2024-01-02 12:00');
SELECT is(stands('gus'), 'wallet 30, held 0, debt 0', 'and the rest is free');

SELECT FROM earn('hal', 100, 'o1', at => '2024-01-01');
SELECT FROM earn('hal', 100, 'o2', at => '2024-01-02');
SELECT FROM hold('hal', 150, 'h1', '1 day', '2024-01-02');
SELECT FROM adjust('hal', -110, NULL, 'mistake', at => '2024-01-02');
SELECT is(stands('hal'), 'wallet 0, held 150, debt 60', 'owing beside a hold over two lots');
SELECT is(balance, 70, 'capture of a part, the rest pays the debt') FROM capture('hal', 'h1', 20, at => '2024-01-02 12:00');
SELECT is(wallet_of('hal'), '20@2024-01-01/2024-01-11 50@2024-01-02/2024-01-12', 'the debt was paid in lot order: 60 of the oldest');

-- two holds at once
SELECT FROM earn('ida', 100, at => '2024-01-01');
SELECT FROM hold('ida', 40, 'h1', '1 day', '2024-01-02');
SELECT FROM hold('ida', 40, 'h2', '1 hour', '2024-01-02');
SELECT is(stands('ida'), 'wallet 20, held 80, debt 0', 'two holds');
SELECT is(balance, 61, 'one ends by the clock, the other stands') FROM earn('ida', 1, at => '2024-01-02 02:00');
SELECT is(balance, 61, 'and is captured') FROM capture('ida', 'h1', at => '2024-01-02 12:00');

-- a hold under expiring
INSERT INTO loyalty.program (name, validity, spend_order) VALUES ('miles', '10 days', 'expiring');
SELECT FROM earn('ann', 100, valid_until => '2024-03-01', at => '2024-01-01', program => 'miles');
SELECT FROM earn('ann', 100, valid_until => '2024-02-01', at => '2024-01-02', program => 'miles');
SELECT FROM hold('ann', 150, 'h1', at => '2024-01-03', program => 'miles');
SELECT is(wallet_of('ann', 'miles'), '50@2024-01-01/2024-03-01', 'expiring: the soonest to lapse are held');
SELECT is(balance, 130, 'capture of a part') FROM capture('ann', 'h1', 70, at => '2024-01-03', program => 'miles');
SELECT is(wallet_of('ann', 'miles'), '100@2024-01-01/2024-03-01 30@2024-01-02/2024-02-01', 'expiring: of the held lots, too, the soonest to lapse are spent');

-- refused input
SELECT refuses($$SELECT hold('ann', 1, NULL)$$, '22023', 'a hold needs a ref', 'ref');
SELECT refuses($$SELECT hold('ann', 1, '')$$, '22023', 'ref empty', 'ref');
SELECT refuses($$SELECT hold('ann', 0, 'x')$$, '22023', 'points 0', 'points');
SELECT refuses($$SELECT hold('ann', NULL, 'x')$$, '22023', 'points NULL', 'points');
SELECT refuses($$SELECT hold('nobody', 1, 'x')$$, 'LY002', 'unknown member');
SELECT refuses($$SELECT hold('ann', 1, 'x', '2 days 1 second', '2024-01-05', 'shop')$$, '22023', 'case 8: ttl <= max_hold');
SELECT is(points, 0, 'case 8: ttl = max_hold is accepted') FROM hold('ann', 1, 'x', '2 days', '2024-01-05', 'shop');
SELECT refuses($$SELECT hold('ann', 1, 'y', '0', '2024-01-05', 'shop')$$, '22023', 'ttl 0', 'ttl');
SELECT refuses($$SELECT hold('ann', 1, 'y', '-1 day', '2024-01-05', 'shop')$$, '22023', 'ttl negative', 'ttl');
SELECT refuses($$SELECT hold('ann', 1, 'y', NULL, '2024-01-05', 'shop')$$, '22023', 'ttl NULL', 'ttl');
SELECT refuses($$SELECT hold('ann', 1, 'y', '178000000 years', '2024-01-05', 'shop')$$, '22023', 'ttl of ages');
SELECT refuses($$SELECT capture('ann', 'x', 2, '2024-01-05', 'shop')$$, '22023', 'capture of more than is held', '\m1\M');
SELECT refuses($$SELECT capture('ann', 'x', 0, '2024-01-05', 'shop')$$, '22023', 'capture of 0');
SELECT refuses($$SELECT capture('ann', NULL)$$, '22023', 'capture of NULL');
SELECT refuses($$SELECT release('ann', NULL)$$, '22023', 'release of NULL');
SELECT refuses($$SELECT restore('ann', 'x', at => '2024-01-05', program => 'shop')$$, 'LY007', 'restore of a hold that was not captured', 'release');

SELECT lawful('holds');
SELECT * FROM finish();
