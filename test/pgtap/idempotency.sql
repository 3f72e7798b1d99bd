-- The same operation with the same ref answers with the first receipt.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '100 years');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT FROM enroll('bob');

-- every call with a ref, run twice, then with other content
CREATE TABLE twice (position integer, call text, other text);
INSERT INTO twice VALUES
	(1, $$earn('ann', 100, 'e1', at => '2024-01-01')$$, $$earn('ann', 101, 'e1', at => '2024-01-01')$$),
	(2, $$earn('ann', 100, 'e2', valid_until => '2100-01-01', reason => 'x', at => '2024-01-01')$$, $$earn('ann', 100, 'e2', valid_until => '2100-01-02', reason => 'x', at => '2024-01-01')$$),
	(3, $$earn('ann', 100, 'e3', valid_from => '2024-01-02', reason => 'x', at => '2024-01-01')$$, $$earn('ann', 100, 'e3', valid_from => '2024-01-02', reason => 'y', at => '2024-01-01')$$),
	(4, $$record('ann', 'purchase', '{"amount": 70}', 'o1', '2024-01-03')$$, $$record('ann', 'purchase', '{"amount": 70, "shop": 3}', 'o1', '2024-01-03')$$),
	(5, $$redeem('ann', 30, 'r1', at => '2024-01-04')$$, $$redeem('ann', 29, 'r1', at => '2024-01-04')$$),
	(6, $$hold('ann', 40, 'h1', '1 day', '2024-01-05')$$, $$hold('ann', 40, 'h1', '2 days', '2024-01-05')$$),
	(7, $$capture('ann', 'h1', 25, '2024-01-05')$$, $$capture('ann', 'h1', 26, '2024-01-05')$$),
	(8, $$restore('ann', 'h1', 5, 'back 1', '2024-01-06')$$, $$restore('ann', 'h1', 6, 'back 1', '2024-01-06')$$),
	(9, $$claw_back('ann', 'o1', 10, claw_ref => 'claw 1', at => '2024-01-07')$$, $$claw_back('ann', 'o1', 11, claw_ref => 'claw 1', at => '2024-01-07')$$),
	(10, $$transfer('ann', 'bob', 3, 't1', '2024-01-08')$$, $$transfer('ann', 'bob', 4, 't1', '2024-01-08')$$),
	(11, $$adjust('ann', -2, 'a1', 'mistake', '2024-01-09')$$, $$adjust('ann', -2, 'a1', 'a mistake', '2024-01-09')$$);
CREATE FUNCTION run_twice(call text, OUT first loyalty.receipt, OUT second loyalty.receipt, OUT changed boolean)
	LANGUAGE plpgsql AS $$
DECLARE
	before text;
BEGIN
	EXECUTE format('SELECT * FROM loyalty.%s', call) INTO first;
	before := public.everything();
	EXECUTE format('SELECT * FROM loyalty.%s', call) INTO second;
	changed := public.everything() <> before;
END
$$;
CREATE TABLE answer AS SELECT t.*, r.* FROM twice t, LATERAL run_twice(t.call) r ORDER BY t.position;
SELECT is((first).replayed, false, 'the first time: ' || call) FROM answer ORDER BY position;
SELECT is((second).replayed, true, 'replayed the second time: ' || call) FROM answer ORDER BY position;
SELECT is(second::text, replace(first::text, ',f)', ',t)'), 'the first receipt: ' || call) FROM answer ORDER BY position;
SELECT is(changed, false, 'pain 5, retries: nothing is doubled, nothing changes: ' || call) FROM answer ORDER BY position;
SELECT refuses('SELECT loyalty.' || other, 'LY003', 'other content: ' || other) FROM twice ORDER BY position;

-- `at` is not content
SELECT is(replayed, true, 'another at is the same operation') FROM earn('ann', 100, 'e1', at => '2024-06-01');
SELECT is(replayed, true, 'no at is the same operation') FROM redeem('ann', 30, 'r1');
-- jsonb is compared as a value
SELECT FROM record('key', 'purchase', '{"amount": 70, "b": 1}', 'o1');
SELECT is(replayed, true, 'the order of keys is not content') FROM record('key', 'purchase', '{"b": 1, "amount": 70}', 'o1');

-- one ref, several kinds of operation: an order earns, is paid with points, is reviewed
SELECT is(points, 7, 'an order earns') FROM earn('ref', 7, 'order 1', at => '2024-01-01');
SELECT is(points, 50, 'its event under the same ref') FROM record('ref', 'purchase', '{"amount": 50}', 'order 1', '2024-01-01');
SELECT is(points, -5, 'it is paid with points under the same ref') FROM redeem('ref', 5, 'order 1');
SELECT is(stands('ref'), 'wallet 52, held 0, debt 0', 'all of them count');
-- but one spending
SELECT refuses($$SELECT hold('ref', 5, 'order 1')$$, 'LY003', 'a ref carries one spending: hold after redeem');
SELECT FROM hold('ref', 5, 'order 2');
SELECT refuses($$SELECT redeem('ref', 5, 'order 2')$$, 'LY003', 'a ref carries one spending: redeem after hold');

-- a repeat whose first operation has ended
SELECT FROM release('ref', 'order 2');
SELECT refuses($$SELECT hold('ref', 5, 'order 2')$$, 'LY003', 'hold, release, hold: a new ref is needed', 'new ref');
SELECT FROM redeem('ref', 10, 'order 3');
SELECT FROM restore('ref', 'order 3', 4);
SELECT is(replayed, true, 'redeem, restore of a part, redeem: still the first receipt') FROM redeem('ref', 10, 'order 3');
SELECT FROM restore('ref', 'order 3');
SELECT refuses($$SELECT redeem('ref', 10, 'order 3')$$, 'LY003', 'redeem, restore in full, redeem: a new ref is needed', 'new ref');
SELECT FROM hold('ref', 10, 'order 4', '1 minute', now() - interval '1 hour');
SELECT refuses($$SELECT hold('ref', 10, 'order 4', '1 minute')$$, 'LY003', 'a hold that ended by the clock, hold: a new ref is needed', 'new ref');
SELECT FROM hold('ref', 10, 'order 5');
SELECT FROM capture('ref', 'order 5');
SELECT refuses($$SELECT hold('ref', 10, 'order 5')$$, 'LY003', 'hold, capture, hold: a new ref is needed', 'new ref');
SELECT FROM restore('ref', 'order 5');
SELECT refuses($$SELECT capture('ref', 'order 5')$$, 'LY003', 'capture, restore in full, capture: a new ref is needed', 'new ref');
SELECT FROM earn('ref', 10, 'order 6');
SELECT FROM claw_back('ref', 'order 6');
SELECT refuses($$SELECT earn('ref', 10, 'order 6')$$, 'LY003', 'earn, claw-back in full, earn: a new ref is needed', 'new ref');
SELECT FROM record('ref', 'purchase', '{"amount": 9}', 'order 7');
SELECT FROM claw_back('ref', 'order 7');
SELECT refuses($$SELECT record('ref', 'purchase', '{"amount": 9}', 'order 7')$$, 'LY003', 'record, claw-back in full, record: a new ref is needed');

-- a refusal leaves no trace
SELECT refuses($$SELECT redeem('ref', 1000, 'order 8')$$, 'LY001', 'refused');
SELECT FROM earn('ref', 1000);
SELECT is(replayed, false, 'a refused ref may be tried again') FROM redeem('ref', 1000, 'order 8');
SELECT refuses($$SELECT redeem('nobody', 1, 'order 9')$$, 'LY002', 'refused');
SELECT is(format('%s %s', points, replayed), '5 f', 'a member refused as unknown may be granted to') FROM earn('nobody', 5, 'order 9');

-- the same ref of two members, of two programs
SELECT is(replayed, false, 'another member''s ref is another ref') FROM earn('bob', 7, 'order 1');
INSERT INTO loyalty.program (name) VALUES ('miles');
SELECT is(replayed, false, 'another program''s ref is another ref') FROM earn('ref', 7, 'order 1', program => 'miles');

-- gifts of a tier are entries after the one that reached it: the first receipt counts them
INSERT INTO loyalty.program (name) VALUES ('gifts');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift)
	VALUES ('gifts', 'base', 1, 0, 5), ('gifts', 'silver', 2, 100, 20), ('gifts', 'gold', 3, 300, 50);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('gifts', 'base', 'purchase', '$.amount');
CREATE TABLE gift_answer AS
	SELECT t.*, r.* FROM (VALUES
		(1, $$record('gil', 'purchase', '{"amount": 500}', 'o1', program => 'gifts')$$),
		(2, $$claw_back('gil', 'o1', claw_ref => 'claw 1', program => 'gifts')$$),
		(3, $$settle('gus', 'purchase', '{"amount": 500}', 'o1', program => 'gifts')$$),
		(4, $$settle('gus', 'purchase', NULL, 'o1', program => 'gifts')$$),
		(5, $$settle('gus', 'purchase', '{"amount": 400}', 'o1', program => 'gifts')$$)) t (position, call),
	LATERAL run_twice(t.call) r ORDER BY t.position;
SELECT is(second::text, replace(first::text, ',f)', ',t)'), 'the first receipt with its gifts: ' || call)
	FROM gift_answer ORDER BY position;
SELECT is((first).balance, 575, 'gifts are in the balance') FROM gift_answer WHERE position = 1;
SELECT is((first).balance, 5, 'and leave it again') FROM gift_answer WHERE position = 2;

SELECT lawful('repeats');
SELECT * FROM finish();
