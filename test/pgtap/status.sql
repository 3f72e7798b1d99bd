-- set_status: who may do what.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');

-- what is allowed under which status: the call, then active, earn_blocked, spend_blocked, frozen, closed
CREATE TABLE allowed (call text, how text, answers text[]);
INSERT INTO allowed VALUES
	('earn', $$SELECT earn('%s', 5)$$, '{ok,LY004,ok,LY004,LY004}'),
	('record', $$SELECT record('%s', 'purchase', '{"amount": 5}')$$, '{ok,LY004,ok,LY004,LY004}'),
	('settle', $$SELECT settle('%s', 'purchase', '{"amount": 5}', 'new')$$, '{ok,LY004,ok,LY004,LY004}'),
	('adjust upwards', $$SELECT adjust('%s', 5, NULL, 'why')$$, '{ok,LY004,ok,LY004,LY004}'),
	('redeem', $$SELECT redeem('%s', 5)$$, '{ok,ok,LY004,LY004,LY004}'),
	('hold', $$SELECT hold('%s', 5, 'h9')$$, '{ok,ok,LY004,LY004,LY004}'),
	('transfer out', $$SELECT transfer('%s', 'other', 5)$$, '{ok,ok,LY004,LY004,LY004}'),
	('capture', $$SELECT capture('%s', 'h')$$, '{ok,ok,ok,LY004,LY008}'),
	('release', $$SELECT release('%s', 'h')$$, '{ok,ok,ok,ok,ok}'),
	('restore', $$SELECT restore('%s', 'r')$$, '{ok,ok,ok,ok,ok}'),
	('claw_back', $$SELECT claw_back('%s', 'o')$$, '{ok,ok,ok,ok,ok}'),
	('adjust downwards', $$SELECT adjust('%s', -5, NULL, 'why')$$, '{ok,ok,ok,ok,ok}');
SELECT FROM enroll('other');

CREATE FUNCTION answer(how text, status text, number integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	member text := status || ' ' || number;
	before text;
BEGIN
	PERFORM loyalty.earn(member, 100, 'o');
	PERFORM loyalty.redeem(member, 20, 'r');
	PERFORM loyalty.hold(member, 30, 'h', '1 hour');
	PERFORM loyalty.set_status(member, status, 'a test');
	before := public.everything();
	BEGIN
		EXECUTE format(how, member);
		RETURN 'ok';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || CASE WHEN public.everything() <> before THEN ' something was left behind' ELSE '' END;
	END;
END
$$;
SELECT is(answer(how, status, row_number() OVER ()::integer), answers[position::integer], format('%s while %s: %s', call, status, answers[position::integer]))
	FROM allowed, unnest('{active,earn_blocked,spend_blocked,frozen,closed}'::text[]) WITH ORDINALITY s (status, position);
SELECT lawful('every call under every status');

-- and back again
SELECT FROM earn('ann', 100, 'o1');
SELECT is(format('%s %s', points, replayed), '0 f', 'a change of status is an entry of 0 points') FROM set_status('ann', 'frozen', 'suspicion');
SELECT is((last_entry('ann')).reason, 'suspicion', 'with its reason');
SELECT is(replayed, true, 'the same status again changes nothing') FROM set_status('ann', 'frozen', 'suspicion');
SELECT FROM set_status('ann', 'active', 'cleared');
SELECT is(balance, 70, 'active again') FROM redeem('ann', 30);

-- a repeat of what was done before is answered whatever the status
SELECT FROM set_status('ann', 'frozen', 'again');
SELECT is(replayed, true, 'a repeat is answered whatever the status') FROM earn('ann', 100, 'o1');
SELECT FROM set_status('ann', 'active', 'cleared');

-- closed: live lots are forfeited as an entry, debt written off
SELECT is(format('%s %s', points, balance), '-70 0', 'closed: live lots are forfeited as an entry') FROM set_status('ann', 'closed', 'asked for it');
SELECT is(stands('ann'), 'wallet 0, held 0, debt 0', 'nothing is left');
SELECT FROM earn('bob', 10);
SELECT FROM adjust('bob', -40, NULL, 'mistake');
SELECT is(format('%s %s', points, balance), '30 0', 'closed: debt is written off') FROM set_status('bob', 'closed', 'gone');
SELECT is(format('%s %s', e.points, e.debt), '30 -30', 'as an entry') FROM last_entry('bob') e;
SELECT FROM earn('cat', 100);
SELECT FROM earn('cat', 50, valid_from => now() + interval '1 day');
SELECT FROM hold('cat', 60, 'h', '1 hour');
SELECT FROM set_status('cat', 'closed', 'gone');
SELECT is(stands('cat'), 'wallet 0, held 0, debt 0', 'closed: pending and held lots, too');
SELECT is(sum(e.points), 0::numeric, 'the ledger ends at nothing') FROM loyalty.ledger e, member_row('cat') m WHERE e.member_id = m.member_id;
SELECT FROM earn('other', 10);
SELECT refuses($$SELECT transfer('other', 'cat', 1)$$, 'LY004', 'nobody gives to a closed member');

SELECT FROM set_status('bob', 'earn_blocked', 'x');
SELECT refuses($$SELECT transfer('other', 'bob', 1)$$, 'LY004', 'nor to one who may get none');
SELECT FROM set_status('bob', 'spend_blocked', 'x');
SELECT is(points, -1, 'but to one who may only not spend') FROM transfer('other', 'bob', 1);

SELECT is(status, 'closed', 'balance() says so') FROM balance('cat');

SELECT refuses($$SELECT set_status('ann', 'asleep', 'x')$$, '22023', 'unknown status', 'asleep');
SELECT refuses($$SELECT set_status('ann', NULL, 'x')$$, '22023', 'status NULL', 'status');
SELECT refuses($$SELECT set_status('nobody', 'frozen', 'x')$$, 'LY002', 'unknown member', 'nobody');
SELECT refuses($$SELECT set_status(NULL, 'frozen', 'x')$$, '22023', 'member NULL', 'member');

-- what was forfeited is not owed when its grant is taken back
SELECT FROM earn('dan', 100, 'o');
SELECT FROM set_status('dan', 'closed', 'gone');
SELECT is(format('%s %s', points, balance), '0 0', 'a claw-back counts forfeited points as taken') FROM claw_back('dan', 'o');
SELECT is(stands('dan'), 'wallet 0, held 0, debt 0', 'and books no debt');

SELECT lawful('statuses');
SELECT * FROM finish();
