-- earn: direct grants, their validity, what they pay first.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');

SELECT is(r::text, format('(%s,ann,100,0,100,,f)', r.entry_id), 'the receipt of a grant')
	FROM earn('ann', 100, 'o1', at => '2024-01-01') r;
SELECT is(wallet_of('ann'), '100@2024-01-01/2024-01-11', 'validity comes from the program');
SELECT is(loyalty.source(l), (last_entry('ann')).entry_id, 'the lot names the entry that granted it')
	FROM loyalty.lots((member_row('ann')).points) l;
SELECT is(e.lots, m.points, 'the entry holds the lot it granted')
	FROM last_entry('ann') e, member_row('ann') m;
SELECT is(balance, 140, 'a second grant adds up') FROM earn('ann', 40, at => '2024-01-03');
SELECT is(wallet_of('ann'), '100@2024-01-01/2024-01-11 40@2024-01-03/2024-01-13', 'and is a lot of its own');

SELECT is(balance, 7, 'valid_until as said') FROM earn('bob', 7, valid_until => '2024-03-01', at => '2024-01-01');
SELECT is(wallet_of('bob'), '7@2024-01-01/2024-03-01', 'a lot with the end asked for');
SELECT is(points || ' ' || balance, '9 7', 'pending points are granted but not spendable')
	FROM earn('bob', 9, valid_from => '2024-02-01', at => '2024-01-01');
SELECT is(wallet_of('bob'), '7@2024-01-01/2024-03-01 9@2024-02-01/2024-02-11', 'validity counts from valid_from');
SELECT refuses($$SELECT redeem('bob', 8, at => '2024-01-31')$$, 'LY001', 'pending points cannot be spent', '\m7\M');
SELECT is(balance, 1, 'once active they can') FROM redeem('bob', 15, at => '2024-02-01');
SELECT is(balance, 6, 'infinity = never lapses') FROM earn('bob', 5, valid_until => 'infinity', at => '2024-02-01');
SELECT is(balance, 5, 'a day later it is there') FROM redeem('bob', 1, at => '2024-02-02');
SELECT is(balance, 0, 'and a year later') FROM redeem('bob', 5, at => '2025-02-02');

SELECT is(balance, 1, 'a grant at a fraction of a second') FROM earn('cat', 1, at => '2024-01-01 10:00:00.999');
SELECT is(wallet_of('cat'), '1@2024-01-01 10:00:00/2024-01-11 10:00:00', 'grants are dated to the whole second, rounded down');
SELECT is(balance, 0, 'so it can be spent at once') FROM redeem('cat', 1, at => '2024-01-01 10:00:00.999');

BEGIN;
SELECT is(balance, 10, 'a grant without at') FROM earn('dan', 10);
SELECT is(balance, 0, 'granted and spent in one transaction') FROM redeem('dan', 10);
SELECT ok((last_entry('dan')).at >= now(), 'business time is the clock, not the start of the transaction');
COMMIT;
SELECT is(array_agg(balance), '{1,3,6}', 'three calls in one statement see one another')
	FROM (SELECT (earn('eve', n)).balance FROM generate_series(1, 3) n OFFSET 0) s;

SELECT is(balance, 3, 'a member key and ref of 255 bytes, not ASCII')
	FROM earn(repeat('é', 127) || 'x', 3, repeat('漢', 85), at => '2024-01-01');
SELECT is(replayed, true, 'and found again')
	FROM earn(repeat('é', 127) || 'x', 3, repeat('漢', 85), at => '2024-01-01');

SELECT is((last_entry('fay')).reason, 'welcome', 'the reason is kept')
	FROM earn('fay', 5, reason => 'welcome', at => '2024-01-01');

-- debt is paid first
SELECT refuses($$SELECT adjust('gus', -30, NULL, 'found out')$$, 'LY002', 'an unknown member owes nothing');
SELECT is(balance, 1, 'somebody') FROM earn('gus', 1, at => '2024-01-01');
SELECT is(balance, -30, 'owing 30') FROM adjust('gus', -31, NULL, 'correction', at => '2024-01-02');
SELECT is(points || ' ' || balance, '100 70', 'earn 100 with debt 30: +100')
	FROM earn('gus', 100, 'o9', at => '2024-01-03');
SELECT is(format('points %s debt %s lots %s', e.points, e.debt, shown(e.lots)),
	'points 100 debt -30 lots 70@2024-01-03/2024-01-13', 'the entry says +100, debt -30, the new lot holds 70')
	FROM last_entry('gus') e;
SELECT is(stands('gus'), 'wallet 70, held 0, debt 0', 'debt and lots never together');

-- pending_for of the program
INSERT INTO loyalty.program (name, validity, pending_for) VALUES ('slow', '10 days', '14 days');
SELECT is(points || ' ' || balance, '50 0', 'points wait')
	FROM earn('ann', 50, at => '2024-01-01', program => 'slow');
SELECT is(wallet_of('ann', 'slow'), '50@2024-01-15/2024-01-25', 'active after pending_for, validity from then');
SELECT is(balance, 0, 'spent on the first day') FROM redeem('ann', 50, at => '2024-01-15', program => 'slow');

-- auto_enroll
INSERT INTO loyalty.program (name, auto_enroll) VALUES ('club', false);
SELECT refuses($$SELECT earn('ann', 1, program => 'club')$$, 'LY002', 'without auto_enroll a member must be enrolled first', 'enroll');
SELECT ok(enroll('ann', program => 'club') > 0, 'enrolled');
SELECT is(balance, 1, 'now it grants') FROM earn('ann', 1, program => 'club');

-- refused input
SELECT refuses($$SELECT earn(NULL, 5)$$, '22023', 'member NULL', 'member');
SELECT refuses($$SELECT earn('ann', NULL)$$, '22023', 'points NULL', 'points');
SELECT refuses($$SELECT earn('ann', 0)$$, '22023', 'points 0', 'points');
SELECT refuses($$SELECT earn('ann', -5)$$, '22023', 'points negative', '-5');
SELECT refuses($$SELECT earn('', 5)$$, '22023', 'member empty', 'member');
SELECT refuses($$SELECT earn(repeat('x', 10240), 5)$$, '22023', 'member of 10 kB', '10240');
SELECT refuses($$SELECT earn(repeat('é', 128), 5)$$, '22023', 'member of 256 bytes in 128 characters', '256');
SELECT refuses($$SELECT earn('ann', 5, '')$$, '22023', 'ref empty', 'ref');
SELECT refuses($$SELECT earn('ann', 5, repeat('x', 10240))$$, '22023', 'ref of 10 kB', 'ref');
SELECT refuses($$SELECT earn('ann', 5, program => 'nowhere')$$, 'LY005', 'unknown program', 'nowhere');
SELECT refuses($$SELECT earn('ann', 5, at => now() + interval '2 minutes')$$, '22023', 'at in the future', 'future');
SELECT is(points, 5, 'less than a minute ahead is accepted') FROM earn('ann', 5, at => clock_timestamp() + interval '30 seconds');
SELECT refuses($$SELECT earn('ann', 5, at => 'infinity')$$, '22023', 'at infinity', 'at must be finite');
SELECT refuses($$SELECT earn('ann', 5, at => '-infinity')$$, '22023', 'at -infinity', 'at must be finite');
SELECT refuses($$SELECT earn('ann', 5, valid_from => '2030-01-02', valid_until => '2030-01-01')$$, '22023', 'valid_until before valid_from', 'valid_until');
SELECT refuses($$SELECT earn('ann', 5, valid_from => '2030-01-02', valid_until => '2030-01-02')$$, '22023', 'valid_until = valid_from', 'valid_until');
SELECT refuses($$SELECT earn('ann', 5, valid_from => 'infinity')$$, '22023', 'valid_from infinity', 'valid_from');
SELECT refuses($$SELECT earn('ann', 5, valid_from => '-infinity')$$, '22023', 'valid_from -infinity', 'valid_from');
SELECT refuses($$SELECT earn('ann', 5, valid_until => '-infinity')$$, '22023', 'valid_until -infinity', 'valid_until');

-- overflow
SELECT is(balance, 9223372036854775807::bigint, 'as many points as a bigint has') FROM earn('max', 9223372036854775807);
SELECT refuses($$SELECT earn('max', 1)$$, '22003', 'one more overflows');
SELECT refuses($$SELECT earn('max', 9223372036854775807)$$, '22003', 'twice overflows');
SELECT is(balance, 0, 'all of them can be spent') FROM redeem('max', 9223372036854775807);

SELECT refuses($$SELECT (earn('ann', 5)).*$$, '0A000', 'expanding a call would run it once per column', 'SELECT \* FROM loyalty.earn');
SELECT is((earn('hal', 5)).points, 5, 'one column of it is one call');
SELECT is(stands('hal'), 'wallet 5, held 0, debt 0', 'and it was run once');

SELECT lawful('grants');
SELECT * FROM finish();
