-- Referrals: invited once, rewarded on both sides, the inviter's part after the invitee's first qualifying event.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
SELECT refuses($$SELECT FROM invite('ann', 'bob')$$, '22023', 'a program without a referral rule', 'referral_rule');
INSERT INTO loyalty.referral_rule (event, condition, within) VALUES ('purchase', '$.amount >= 10', '90 days');
INSERT INTO loyalty.rule (name, event, points, each) VALUES
	('base', 'purchase', '$.amount', '$'), ('welcome', 'invited', '20', '$'),
	('thanks', 'invite_completed', '100', '$'), ('share', 'invite_completed', '$.attributes.amount / 10', '$');
SELECT count(enroll(m, at => '2024-01-01')) AS enrolled FROM unnest('{ann,dan,zoe}'::text[]) m \gset

CREATE FUNCTION parts(inviter text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', invitee, coalesce(shown(qualified_at), 'open'), points), ', ' ORDER BY invitee), 'none')
		FROM loyalty.referrals WHERE inviter = $1 AND NOT due
$$;

-- the invitee's part at once, the inviter's after the first qualifying event
SELECT is(format('%s %s %s', member, points, replayed), 'bob 20 f', 'invite: the invitee is enrolled and gets its part')
	FROM invite('ann', 'bob', at => '2024-02-01');
SELECT is(parts('ann'), 'bob open 0', 'the inviter waits');
SELECT is(format('%s %s', points, replayed), '20 t', 'the same invitation again changes nothing') FROM invite('ann', 'bob');
SELECT FROM record('bob', 'purchase', '{"amount": 5}', 'o1', '2024-02-02');
SELECT is(parts('ann'), 'bob open 0', 'an event that does not meet the condition');
SELECT FROM record('bob', 'purchase', '{"amount": 50}', 'o2', '2024-02-03');
SELECT is(parts('ann'), 'bob 2024-02-03 105', 'the first qualifying event; rules see its attributes');
SELECT is(trail('ann'), 'event 105', 'an ordinary event of the inviter, with an entry of its own');
SELECT is(format('%s %s %s', ref, shown(at), attributes -> 'attributes'), 'bob 2024-02-03 {"amount": 50}', 'dated as the invitee''s, its ref the invitee')
	FROM entries WHERE member = 'ann' AND event = 'invite_completed';
SELECT FROM record('bob', 'purchase', '{"amount": 500}', 'o3', '2024-02-04');
SELECT is(parts('ann'), 'bob 2024-02-03 105', 'once: later events change nothing');

-- who cannot be invited
SELECT refuses($$SELECT FROM invite('ann', 'ann')$$, 'LY010', 'oneself');
SELECT refuses($$SELECT FROM invite('zoe', 'bob')$$, 'LY010', 'who was invited by another', 'another member');
SELECT refuses($$SELECT FROM invite('bob', 'ann')$$, 'LY010', 'who invited oneself', 'brought');
SELECT FROM invite('bob', 'cat', at => '2024-02-05');
SELECT FROM invite('cat', 'eve', at => '2024-02-05');
SELECT refuses($$SELECT FROM invite('eve', 'ann')$$, 'LY010', 'in a circle of four', 'brought');
SELECT lives_ok($$SELECT FROM invite('zoe', 'ann', at => '2024-02-05')$$, 'who invited others, outside a circle');
SELECT FROM record('dan', 'purchase', '{"amount": 10}', 'd1', '2024-02-01');
SELECT refuses($$SELECT FROM invite('zoe', 'dan')$$, 'LY010', 'who has bought before', 'on record');
SELECT refuses($$SELECT FROM invite('nobody', 'new')$$, 'LY002', 'by an unknown member');
SELECT refuses($$SELECT FROM invite(NULL, 'new')$$, '22023', 'by nobody');
SELECT FROM set_status('zoe', 'frozen', 'watched');
SELECT refuses($$SELECT FROM invite('zoe', 'new')$$, 'LY004', 'by a frozen member');
SELECT FROM set_status('zoe', 'active', 'cleared');

-- called off, another in its place, and again
SELECT FROM settle('bob', 'purchase', NULL, 'o2');
SELECT is(parts('ann'), 'bob 2024-02-04 150', 'called off: another event that stands takes its place');
SELECT FROM settle('bob', 'purchase', '{"amount": 3}', 'o3');
SELECT is(parts('ann'), 'bob open 0', 'changed so that it does not qualify: the inviter''s part goes back');
SELECT is(stands('ann'), 'wallet 20, held 0, debt 0', 'all of it but its own welcome');
SELECT FROM settle('bob', 'purchase', '{"amount": 30}', 'o3');
SELECT is(parts('ann'), 'bob 2024-02-04 103', 'and comes again with it');
SELECT is(stands('ann'), 'wallet 123, held 0, debt 0', 'once');
SELECT FROM settle('bob', 'purchase', '{"amount": 60}', 'o3');
SELECT is(parts('ann'), 'bob 2024-02-04 106', 'a changed event changes what depends on it');

-- in time
SELECT FROM record('cat', 'purchase', '{"amount": 50}', 'c1', '2024-06-01');
SELECT is(parts('bob'), 'cat open 0', 'too late');
SELECT FROM record('eve', 'purchase', '{"amount": 50}', 'e0', '2024-02-04');
SELECT is(parts('cat'), 'eve open 0', 'dated before the invitation');
SELECT FROM record('eve', 'purchase', '{"amount": 40}', NULL, '2024-02-06');
SELECT is(parts('cat'), 'eve 2024-02-06 104', 'an event without ref counts, too');

-- an order table
CREATE TABLE orders (id text PRIMARY KEY, customer text, amount numeric, day timestamptz);
SELECT FROM attach('orders', 'customer', 'id', at => 'day', backfill => true);
SELECT FROM unnest('{gil,hal}'::text[]) m, invite('dan', m, at => '2024-03-01');
INSERT INTO orders VALUES ('g1', 'gil', 20, '2024-03-02'), ('h1', 'hal', 30, '2024-03-02'), ('h2', 'hal', 90, '2024-03-03');
SELECT is(parts('dan'), 'gil 2024-03-02 102, hal 2024-03-02 103', 'orders of two invitees in one statement');
DELETE FROM orders WHERE id = 'h1';
SELECT is(parts('dan'), 'gil 2024-03-02 102, hal 2024-03-03 109', 'a deleted order');

-- an inviter who may not earn
SELECT FROM invite('dan', 'ida', at => '2024-03-01');
SELECT FROM set_status('dan', 'earn_blocked', 'watched');
INSERT INTO orders VALUES ('i1', 'ida', 20, '2024-03-02');
SELECT is(format('%s %s', kind, ref), 'refused ida', 'the refusal is kept, the order stands')
	FROM entries WHERE member = 'dan' ORDER BY entry_id DESC LIMIT 1;

-- at the end of the transaction; where it cannot be, maintain() follows
SELECT is(count(*), 0::bigint, 'nothing is left due') FROM referrals WHERE due;
SELECT FROM invite('zoe', 'max', at => '2024-03-01');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT FROM record('max', 'purchase', '{"amount": 50}', 'm1', '2024-03-02');
COMMIT;
SELECT is(due, true, 'above READ COMMITTED the inviter''s part waits for maintain()') FROM referrals WHERE invitee = 'max';
CALL maintain();
SELECT is(format('%s %s', due, points), 'f 105', 'which settles it') FROM referrals WHERE invitee = 'max';

-- configuration
SELECT refuses($$UPDATE loyalty.referral_rule SET condition = '$tier == "gold"'$$, '42704', 'a condition sees attributes only');
SELECT refuses($$INSERT INTO loyalty.referral_rule (event) VALUES ('review')$$, '23505', 'one rule per program');
SELECT refuses($$UPDATE loyalty.referral_rule SET event = 'register'$$, '23514', 'an event that precedes the invitation');
SELECT refuses($$UPDATE loyalty.referral SET due = true$$, '55000', 'invitations are written by the calls alone');
UPDATE loyalty.referral_rule SET event = 'invited', condition = NULL;
SELECT FROM invite('zoe', 'new', at => '2024-03-01');
SELECT is(shown(qualified_at), '2024-03-01', 'the invitation itself may be what completes it') FROM referrals WHERE invitee = 'new';

-- the event that completed an invitation is followed, whatever the rule asks for by then
UPDATE loyalty.referral_rule SET event = 'purchase', condition = '$.amount >= 10';
SELECT count(enroll(m, at => '2024-01-01')) AS enrolled FROM unnest('{kai,lea,mia}'::text[]) m \gset
SELECT FROM unnest('{kai,lea,mia}'::text[]) m, invite(m, m || ' 1', at => '2024-03-01');
SELECT FROM unnest('{kai,lea,mia}'::text[]) m, record(m || ' 1', 'purchase', '{"amount": 50}', 'x1', '2024-03-02');
SELECT is(parts('lea'), 'lea 1 2024-03-02 105', 'complete');
DELETE FROM loyalty.referral_rule;
SELECT FROM settle('kai 1', 'purchase', NULL, 'x1');
SELECT is(parts('kai'), 'kai 1 open 0', 'no rule, called off: taken back');
SELECT FROM settle('kai 1', 'purchase', '{"amount": 50}', 'x1');
SELECT is(parts('kai'), 'kai 1 open 0', 'nothing asks for it any more');
SELECT FROM settle('mia 1', 'purchase', '{"amount": 70}', 'x1');
SELECT is(parts('mia'), 'mia 1 2024-03-02 107', 'no rule, changed: it stands, so does what depends on it');
INSERT INTO loyalty.rule (name, event, points) VALUES ('visit', 'visit', '1');
INSERT INTO loyalty.referral_rule (event) VALUES ('visit');
SELECT FROM record('lea 1', 'visit', '{}', 'x1', '2024-02-03');
SELECT FROM record('mia 1', 'visit', '{}', 'x1', '2024-03-03');
SELECT FROM settle('mia 1', 'visit', NULL, 'x1');
SELECT is(parts('mia'), 'mia 1 2024-03-02 107', 'another event with its ref is another event');
SELECT FROM settle('mia 1', 'visit', '{"again": true}', 'x1');
SELECT FROM unnest('{lea,mia}'::text[]) m, settle(m || ' 1', 'purchase', NULL, 'x1');
SELECT is(parts('lea'), 'lea 1 open 0', 'another rule, called off: taken back');
SELECT is(parts('mia'), 'mia 1 2024-03-03 100', 'or what the rule asks for now takes its place');
UPDATE loyalty.referral_rule SET event = 'purchase';
CALL maintain();
SELECT is(parts('lea'), 'lea 1 open 0', 'and stays so');

UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT is(program, 'store', 'a renamed program keeps its rule') FROM loyalty.referral_rule;

SELECT lawful('referrals');
SELECT * FROM finish();
