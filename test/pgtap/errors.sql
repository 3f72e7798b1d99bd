-- Each SQLSTATE with what it says, and the surroundings in which nothing can be written.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '1 year');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT FROM earn('ann', 100, 'o1', at => '2026-01-01');
SELECT FROM redeem('ann', 10, 'r1', at => '2026-01-02');
SELECT FROM hold('ann', 10, 'h1', '1 hour', '2026-01-03');
SELECT FROM release('ann', 'h1', '2026-01-03');
SELECT FROM enroll('ice');
SELECT FROM set_status('ice', 'frozen', 'test');

SELECT refuses($$SELECT redeem('ann', 500, at => '2026-01-04')$$, 'LY001', 'LY001 insufficient points, with figures', '500.*\m90\M');
SELECT refuses($$SELECT redeem('eve', 5)$$, 'LY002', 'LY002 unknown member, with the way out', '"eve".*enroll');
SELECT refuses($$SELECT earn('ann', 101, 'o1')$$, 'LY003', 'LY003 ref reused with other content, with the way out', '"o1".*new ref');
SELECT refuses($$SELECT earn('ice', 5)$$, 'LY004', 'LY004 member blocked, with the way out', '"ice".*frozen.*set_status');
SELECT refuses($$SELECT earn('ann', 5, program => 'x')$$, 'LY005', 'LY005 unknown program', '"x"');
SELECT refuses($$SELECT restore('ann', 'r9')$$, 'LY007', 'LY007 nothing under that ref', '"r9"');
SELECT refuses($$SELECT capture('ann', 'h1')$$, 'LY008', 'LY008 hold is over', '"h1"');
SELECT refuses($$SELECT restore('ann', 'r1', 11)$$, '22023', '22023 with figures', '11.*\m10\M');

-- no call can be made to fail in another way by hostile words
SELECT refuses(format('SELECT %s', c), '22023', 'ref of 10 kB: ' || c) FROM unnest(ARRAY[
	$$redeem('ann', 1, repeat('x', 10240))$$, $$hold('ann', 1, repeat('x', 10240))$$, $$capture('ann', repeat('x', 10240))$$,
	$$release('ann', repeat('x', 10240))$$, $$restore('ann', repeat('x', 10240))$$, $$claw_back('ann', repeat('x', 10240))$$,
	$$claw_back('ann', 'o1', claw_ref => repeat('x', 10240))$$, $$transfer('ann', 'ice', 1, repeat('x', 10240))$$,
	$$adjust('ann', 1, repeat('x', 10240), 'x')$$, $$record('ann', 'purchase', ref => repeat('x', 10240))$$,
	$$settle('ann', 'purchase', '{}', repeat('x', 10240))$$]) c;
SELECT refuses(format('SELECT %s', c), '22023', 'member of 10 kB: ' || c) FROM unnest(ARRAY[
	$$redeem(repeat('x', 10240), 1)$$, $$hold(repeat('x', 10240), 1, 'r')$$, $$capture(repeat('x', 10240), 'r')$$,
	$$release(repeat('x', 10240), 'r')$$, $$restore(repeat('x', 10240), 'r')$$, $$claw_back(repeat('x', 10240), 'r')$$,
	$$transfer(repeat('x', 10240), 'ice', 1)$$, $$adjust(repeat('x', 10240), 1, NULL, 'x')$$,
	$$record(repeat('x', 10240), 'purchase')$$, $$settle(repeat('x', 10240), 'purchase', '{}', 'r')$$,
	$$set_status(repeat('x', 10240), 'frozen')$$, $$balance(repeat('x', 10240))$$]) c;
SELECT refuses(format('SELECT %s', c), '22023', 'at infinity: ' || c) FROM unnest(ARRAY[
	$$redeem('ann', 1, at => 'infinity')$$, $$hold('ann', 1, 'r', at => 'infinity')$$, $$capture('ann', 'h1', at => 'infinity')$$,
	$$release('ann', 'h1', at => 'infinity')$$, $$restore('ann', 'r1', at => 'infinity')$$, $$claw_back('ann', 'o1', at => '-infinity')$$,
	$$transfer('ann', 'ice', 1, at => 'infinity')$$, $$adjust('ann', 1, NULL, 'x', 'infinity')$$]) c;
SELECT refuses(format('SELECT %s', c), '22023', 'at tomorrow: ' || c) FROM unnest(ARRAY[
	$$hold('ann', 1, 'r', at => now() + '1 day')$$, $$capture('ann', 'h1', at => now() + '1 day')$$,
	$$restore('ann', 'r1', at => now() + '1 day')$$, $$claw_back('ann', 'o1', at => now() + '1 day')$$,
	$$transfer('ann', 'bob', 1, at => now() + '1 day')$$, $$adjust('ann', 1, NULL, 'x', now() + '1 day')$$,
	$$settle('ann', 'purchase', '{"amount": 1}', 'r', now() + '1 day')$$]) c;
SELECT is(points, 1, 'words of SQL are words') FROM earn('''; DROP TABLE loyalty.ledger; --', 1, '%s $1 \x00');
SELECT is(replayed, true, 'and found again') FROM earn('''; DROP TABLE loyalty.ledger; --', 1, '%s $1 \x00');

-- nothing can be written: read-only transactions
CREATE FUNCTION read_only(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('transaction_read_only', 'on', true);
	EXECUTE statement;
	RAISE EXCEPTION 'done' USING ERRCODE = 'ZZZZZ';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'ZZZZZ' THEN 'ok' ELSE SQLSTATE END;
END
$$;
CREATE TABLE state AS SELECT everything() AS before;
SELECT is(read_only(c), '25006', 'read-only transaction: ' || c) FROM unnest(ARRAY[
	$$SELECT earn('ann', 5)$$, $$SELECT earn('ann', 100, 'o1')$$, $$SELECT redeem('ann', 5)$$, $$SELECT record('ann', 'purchase')$$,
	$$SELECT settle('ann', 'purchase', '{}', 'x')$$, $$SELECT hold('ann', 5, 'x')$$, $$SELECT capture('ann', 'h1')$$, $$SELECT release('ann', 'h1')$$,
	$$SELECT restore('ann', 'r1')$$, $$SELECT claw_back('ann', 'o1')$$, $$SELECT transfer('ann', 'ice', 1)$$,
	$$SELECT adjust('ann', 1, NULL, 'x')$$, $$SELECT set_status('ann', 'frozen')$$, $$SELECT enroll('new')$$, $$CALL maintain()$$]) c;
SELECT is(everything(), before, 'nothing was written') FROM state;
SELECT is(read_only(c), 'ok', 'reading in a read-only transaction: ' || c) FROM unnest(ARRAY[
	$$SELECT * FROM balance('ann')$$, $$SELECT * FROM balance('ann', '2026-01-03')$$, $$SELECT * FROM lots('ann')$$,
	$$SELECT * FROM statement('ann')$$, $$SELECT * FROM explain('ann', 'r1')$$, $$SELECT * FROM verify()$$]) c;

-- an error in mid-transaction takes its own call back, no more
BEGIN;
SELECT FROM earn('sub', 10);
SAVEPOINT a;
SELECT FROM earn('sub', 20);
ROLLBACK TO a;
SELECT is(balance, 15, 'a savepoint rolled back') FROM earn('sub', 5);
SELECT throws_ok($$SELECT redeem('sub', 16)$$, 'LY001', NULL, 'a refusal');
SELECT is(balance, 0, 'and on') FROM redeem('sub', 15);
COMMIT;
SELECT is(trail('sub'), 'earn 10, earn 5, redeem -15', 'what was committed');

-- a refusal in the middle of a statement takes the whole statement back
SELECT refuses($$SELECT redeem('ann', n) FROM generate_series(30, 50, 10) n$$, 'LY001', 'the third of three spendings of one statement');
SELECT is((SELECT available FROM balance('ann', '2026-02-01')), 90::bigint, 'the first two as well');

-- isolation levels
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(balance, 85, 'repeatable read') FROM redeem('ann', 5, at => '2026-02-01');
SELECT is(balance, 80, 'twice') FROM redeem('ann', 5, at => '2026-02-01');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT is(balance, 75, 'serializable') FROM redeem('ann', 5, at => '2026-02-01');
SELECT is(points, 5, 'a new member, too') FROM earn('newcomer', 5);
COMMIT;

-- the caller's settings do not matter
SET search_path = public;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SET standard_conforming_strings = off;
SET row_security = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT public.is(balance, 100, 'whatever the settings') FROM loyalty.earn('odd', 100, 'o1', at => '2026-01-01 00:00+00');
SELECT public.is(replayed, true, 'a repeat') FROM loyalty.earn('odd', 100, 'o1');
SELECT public.is(balance, 70, 'a spending') FROM loyalty.redeem('odd', 30, 'r1', at => '2026-01-02 00:00+00');
SELECT public.is(balance, 100, 'a restore') FROM loyalty.restore('odd', 'r1', at => '2026-01-02 00:00+00');
SELECT public.is(balance, 100, 'an event with a ref') FROM loyalty.record('odd', 'purchase', ref => 'o1', at => '2026-01-02 00:00+00');
SELECT public.is(available, 100::bigint, 'a balance of the past') FROM loyalty.balance('odd', '2026-01-01 00:00+00');
CALL loyalty.maintain();
RESET ALL;
SET search_path = public, loyalty;
SET timezone = 'UTC';
SELECT is(wallet_of('odd'), '100@2026-01-01/2027-01-01', 'the same lot');

SELECT lawful('errors');
SELECT * FROM finish();
