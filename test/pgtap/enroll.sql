-- enroll, auto-enrolment, the event register.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
SELECT is(enroll('ann', '{"city": "Turin"}', '2024-01-01'), (member_row('ann')).member_id, 'enroll returns the member_id');
SELECT is(enroll('ann', '{"city": "Rome"}'), (member_row('ann')).member_id, 'idempotent');
SELECT is((member_row('ann')).attributes, '{"city": "Turin"}', 'a repeat changes nothing');
SELECT is((member_row('ann')).enrolled_at, '2024-01-01'::timestamptz, 'enrolled at that time');
SELECT is(trail('ann'), '', 'without a rule on it, register is no entry');

INSERT INTO loyalty.rule (name, event, points) VALUES ('welcome', 'register', '50');
SELECT FROM enroll('bob', at => '2024-01-01');
SELECT is(trail('bob') || ' ' || wallet_of('bob'), 'event 50 50@2024-01-01/2024-01-11', 'a rule on register pays');
SELECT FROM enroll('bob', at => '2024-01-01');
SELECT FROM earn('bob', 1, at => '2024-01-01');
SELECT is(trail('bob'), 'event 50, earn 1', 'once');
SELECT is(format('%s %s', points, balance), '5 55', 'auto-enrolment records register, too; the receipt is about the grant')
	FROM earn('cat', 5, at => '2024-01-01');
SELECT is(trail('cat'), 'event 50, earn 5', 'before what it came with');
SELECT FROM earn('ann', 1, at => '2024-01-01');
SELECT is(trail('ann'), 'earn 1', 'who was enrolled before the rule gets nothing');
SELECT is(count(*), 1, 'one entry of the event register')
	FROM loyalty.ledger e, member_row('cat') m WHERE e.member_id = m.member_id AND e.event_id = 1;

-- the event sees the attributes it was enrolled with
INSERT INTO loyalty.rule (name, event, points, condition) VALUES ('students', 'register', '7', '$member.student == true');
SELECT FROM enroll('dan', '{"student": true}', '2024-01-01');
SELECT is(trail('dan'), 'event 57', '$member is what the member was enrolled with');

-- a refused first call enrolls nobody
SELECT refuses($$SELECT redeem('eve', 1)$$, 'LY002', 'a spending enrolls nobody', 'eve');
SELECT refuses($$SELECT earn('eve', 5, valid_until => '2000-01-01', valid_from => '2000-01-02')$$, '22023', 'a refused grant enrolls nobody');
SELECT is(count(*), 0, 'no trace') FROM loyalty.member WHERE ref = 'eve';
BEGIN;
SELECT FROM earn('eve', 5);
ROLLBACK;
SELECT is(count(*), 0, 'nor one that was rolled back') FROM loyalty.member WHERE ref = 'eve';

-- keys are the caller's, byte by byte
SELECT FROM enroll('42') a, enroll('042') b, enroll('Ann') c, enroll(' ann') d;
SELECT is(count(DISTINCT member_id), 5, 'keys that look alike are different') FROM loyalty.member WHERE ref IN ('42', '042', 'Ann', ' ann', 'ann');

SELECT refuses($$SELECT enroll(NULL)$$, '22023', 'member NULL', 'member');
SELECT refuses($$SELECT enroll('')$$, '22023', 'member empty', 'member');
SELECT refuses($$SELECT enroll(repeat('x', 10240))$$, '22023', 'member of 10 kB', 'member');
SELECT refuses($$SELECT enroll('x', NULL)$$, '22023', 'attributes NULL', 'attributes');
SELECT refuses($$SELECT enroll('x', '[]')$$, '22023', 'attributes that are not an object', 'object');
SELECT refuses($$SELECT enroll('x', at => 'infinity')$$, '22023', 'at infinity', 'at');
SELECT refuses($$SELECT enroll('x', at => now() + interval '1 day')$$, '22023', 'at in the future', 'future');
SELECT refuses($$SELECT enroll('x', program => 'nowhere')$$, 'LY005', 'unknown program', 'nowhere');

SELECT lawful('enrolments');
SELECT * FROM finish();
