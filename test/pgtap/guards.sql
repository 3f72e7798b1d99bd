-- Members and ledger change through the calls alone.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name) VALUES ('shop');
INSERT INTO loyalty.tier (name, rank, threshold, gift) VALUES ('base', 1, 0, 0), ('gold', 2, 10, 5);
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT FROM redeem('ann', 10, 'r1');
SELECT FROM restore('ann', 'r1', 5, 'back');
SELECT FROM hold('ann', 10, 'h1');

SELECT refuses('UPDATE loyalty.ledger SET points = points + 1', '55000', 'UPDATE of the ledger', 'append-only');
SELECT refuses('UPDATE loyalty.ledger SET points = points WHERE false', '55000', 'UPDATE of no row of it', 'append-only');
SELECT refuses('DELETE FROM loyalty.ledger', '55000', 'DELETE from the ledger', 'append-only');
SELECT refuses('TRUNCATE loyalty.ledger', '55000', 'TRUNCATE of the ledger', 'append-only');
SELECT refuses('INSERT INTO loyalty.ledger SELECT * FROM loyalty.ledger', '55000', 'INSERT into the ledger', 'append-only');
SELECT refuses(format('UPDATE loyalty.%I SET member_id = member_id', t), '55000', 'UPDATE of ' || t)
	FROM unnest('{member,hold,operation_ref,tier_period,tier_gift}'::text[]) t;
SELECT refuses(format('DELETE FROM loyalty.%I', t), '55000', 'DELETE from ' || t)
	FROM unnest('{member,hold,operation_ref,tier_period,tier_gift,actor}'::text[]) t;
SELECT refuses(format('TRUNCATE loyalty.%I', t), '55000', 'TRUNCATE of ' || t)
	FROM unnest('{member,hold,operation_ref,tier_period,tier_gift,actor}'::text[]) t;
SELECT refuses(format('INSERT INTO loyalty.%I SELECT * FROM loyalty.%I', t, t), '55000', 'INSERT into ' || t)
	FROM unnest('{member,hold,operation_ref,tier_period,tier_gift,actor}'::text[]) t;
SET session_replication_role = replica;
SELECT refuses('UPDATE loyalty.ledger SET points = points + 1', '55000', 'in replica mode, too', 'append-only');
SELECT refuses('DELETE FROM loyalty.member', '55000', 'in replica mode, too');
RESET session_replication_role;
SELECT refuses($$DELETE FROM loyalty.program WHERE name = 'shop'$$, '23001', 'a program with members is not deleted');
SELECT refuses('UPDATE loyalty.config_version SET name = name', '55000', 'versions are never changed')
	WHERE EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'loyalty.config_version'::regclass);

-- the calls pass
SELECT is(points, -5, 'the calls pass') FROM redeem('ann', 5);
CREATE FUNCTION in_a_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM loyalty.earn('ann', 1);
	RETURN new;
END
$$;
CREATE TABLE orders (id integer);
CREATE TRIGGER earn AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION in_a_trigger();
INSERT INTO orders SELECT generate_series(1, 3);
SELECT is((last_entry('ann')).points, 1, 'in a trigger of the user''s, too');
SELECT refuses($$WITH paid AS (SELECT redeem('ann', 1)) UPDATE loyalty.member SET debt = 0 FROM paid$$, '55000', 'a call in the same statement opens nothing');

-- points are not dropped by mistake
SELECT refuses('DROP EXTENSION loyalty', '55000', 'DROP EXTENSION while there are entries', 'allow_drop');
SELECT refuses('DROP EXTENSION loyalty CASCADE', '55000', 'with CASCADE, too', 'allow_drop');
SELECT refuses('DROP SCHEMA loyalty CASCADE', '55000', 'DROP SCHEMA, too', 'allow_drop');
SELECT refuses('DROP TABLE loyalty.ledger', '2BP01', 'its tables belong to it');

-- nothing is granted to PUBLIC
CREATE ROLE somebody;
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'loyalty'::regnamespace
	AND proname IN ('enroll', 'earn', 'record', 'settle', 'redeem', 'hold', 'capture', 'release', 'restore', 'claw_back', 'transfer',
		'adjust', 'set_status', 'maintain', 'balance', 'lots', 'statement', 'verify', 'explain', 'member_id')
	AND provolatile <> 'i' AND has_function_privilege('somebody', p.oid, 'EXECUTE')$$, 'nobody is granted a call');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'loyalty'::regnamespace AND relkind IN ('r', 'v', 'S')
	AND has_table_privilege('somebody', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')$$, 'nobody is granted a table');
GRANT USAGE ON SCHEMA loyalty TO somebody;
SET ROLE somebody;
SELECT throws_ok($$SELECT loyalty.earn('ann', 1)$$, '42501', NULL, 'a stranger cannot earn');
SELECT throws_ok($$SELECT * FROM loyalty.balance('ann')$$, '42501', NULL, 'nor read');
RESET ROLE;
GRANT EXECUTE ON FUNCTION loyalty.earn, loyalty.balance TO somebody;
SET ROLE somebody;
SELECT is(points, 1, 'EXECUTE is the gate: who may call needs no right on the tables') FROM loyalty.earn('ann', 1);
SELECT ok(available > 0, 'and reads what it may') FROM loyalty.balance('ann');
SELECT throws_ok('UPDATE loyalty.member SET debt = 0', '42501', NULL, 'and writes no table');
RESET ROLE;
SELECT is(a.name, 'somebody', 'the entry names who did it') FROM loyalty.actor a JOIN loyalty.ledger e USING (actor_id)
	ORDER BY e.entry_id DESC LIMIT 1;
REVOKE ALL ON FUNCTION loyalty.earn, loyalty.balance FROM somebody;
REVOKE ALL ON SCHEMA loyalty FROM somebody;
DROP ROLE somebody;

SELECT lawful('guards');
SELECT * FROM finish();
