-- Configuration is data: a change takes effect at once, and what a grant used stays known.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
SELECT is(points, 10, 'the issue''s example rule works as it stands') FROM record('ann', 'purchase', '{"amount": 10}', 'o1', '2024-01-01');

-- each setting of a program takes effect with the next call
SELECT FROM earn('ann', 10, 'o2', at => '2024-01-01');
UPDATE loyalty.program SET validity = '20 days';
SELECT FROM earn('ann', 10, 'o3', at => '2024-01-01');
SELECT is(wallet_of('ann'), '10@2024-01-01/2024-01-11 10@2024-01-01/2024-01-11 10@2024-01-01/2024-01-21', 'validity: of new grants; what was granted keeps its own');
UPDATE loyalty.program SET time_zone = 'Asia/Tokyo', validity = 'end of year';
SELECT FROM earn('bob', 10, at => '2024-12-31 15:00+00');
SELECT is(wallet_of('bob'), '10@2024-12-31 15:00:00/2025-12-31 15:00:00', 'time_zone: it is next year there already');
UPDATE loyalty.program SET time_zone = 'UTC', validity = '10 days', spend_order = 'expiring';
SELECT FROM earn('cat', 10, valid_until => '2024-03-01', at => '2024-01-01');
SELECT FROM earn('cat', 10, valid_until => '2024-02-01', at => '2024-01-02');
SELECT FROM redeem('cat', 10, at => '2024-01-03');
SELECT is(wallet_of('cat'), '10@2024-01-01/2024-03-01', 'spend_order');
UPDATE loyalty.program SET shortfall = 'waive';
SELECT is(balance, 0, 'shortfall') FROM adjust('cat', -100, NULL, 'mistake', '2024-01-03');
UPDATE loyalty.program SET rounding = 'up';
SELECT is(points, 11, 'rounding') FROM record('cat', 'purchase', '{"amount": 10.1}', at => '2024-01-03');
UPDATE loyalty.program SET pending_for = '3 days';
SELECT is(balance, 11, 'pending_for') FROM earn('cat', 10, at => '2024-01-03');
UPDATE loyalty.program SET auto_enroll = false;
SELECT refuses($$SELECT earn('new', 10)$$, 'LY002', 'auto_enroll');
UPDATE loyalty.program SET max_hold = '1 minute';
SELECT refuses($$SELECT hold('cat', 1, 'h', at => '2024-01-03')$$, '22023', 'max_hold');
UPDATE loyalty.rule SET active = false;
SELECT is(points, 0, 'a rule that is no longer active') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');
UPDATE loyalty.rule SET active = true, points = '$.amount * 3';
SELECT is(points, 30, 'a rule changed') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');

-- what is rolled back never was
BEGIN;
UPDATE loyalty.rule SET points = '1000';
SELECT is(points, 1000, 'a change is seen by its own transaction') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');
ROLLBACK;
SELECT is(points, 30, 'and forgotten when it is rolled back') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');
BEGIN;
SAVEPOINT a;
UPDATE loyalty.rule SET points = '1000';
SELECT is(points, 1000, 'the same in a savepoint') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');
ROLLBACK TO a;
SELECT is(points, 30, 'rolled back to') FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-03');
COMMIT;

-- what a grant used can be found for ever
SELECT is((SELECT v.row ->> 'points' FROM loyalty.config_version v
		WHERE e.breakdown::text LIKE '%' || v.version_id || '%' AND v.table_name = 'rule' ORDER BY v.version_id LIMIT 1),
		'$."amount"', 'case 2: the version of the rule is stored with the grant')
	FROM loyalty.ledger e, member_row('ann') m WHERE e.member_id = m.member_id AND e.ref = 'o1';
SELECT is(array_agg(DISTINCT action ORDER BY action), '{changed,created}', 'config_history: who changed what') FROM config_history('rule', 'base');
SELECT is(new_value::jsonpath::text, '($."amount" * 3)', 'to what') FROM config_history('rule', 'base') WHERE "column" = 'points';
SELECT is(actor, session_user::text, 'and who') FROM config_history('rule', 'base') WHERE "column" = 'points';

-- nonsense is refused at once
SELECT refuses(format('UPDATE loyalty.program SET %s', s), state, 'program: ' || s) FROM (VALUES
	('validity = ''soon''', '22P02'), ('time_zone = ''Mars/Base''', '22023'), ('spend_order = ''random''', '23514'),
	('shortfall = ''forget''', '23514'), ('rounding = ''sideways''', '23514'), ('restore_lapsed = ''maybe''', '23514'),
	('grace = ''-1 day''', '23514'), ('max_hold = ''0''', '23514'), ('lot_granularity = ''year''', '23514'),
	('pending_for = ''-1 day''', '23514'), ('name = ''''', '23514')) v (s, state);
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points) VALUES ('x', 'purchase', '$.')$$, '42601', 'a rule whose path is none');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points) VALUES ('x', 'purchase', '$amount')$$, '42704', 'a rule with an unknown variable', 'amount');
SELECT refuses($$INSERT INTO loyalty.rule (program, name, event, points) VALUES ('x', 'x', 'purchase', '1')$$, 'LY005', 'a rule of an unknown program');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, tiers) VALUES ('x', 'purchase', '1', '{gold}')$$, '22023', 'a rule of an unknown tier', 'gold');
SELECT refuses($$INSERT INTO loyalty.rule (name, event, points, starts_at, ends_at) VALUES ('x', 'purchase', '1', '2024-02-01', '2024-01-01')$$, '23514', 'a window that ends before it starts');

SELECT lawful('versions');
SELECT * FROM finish();
