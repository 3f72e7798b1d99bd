-- attach: whatever a statement does, the balance is what the rules say for the table as it stands.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
CREATE TABLE orders (id int PRIMARY KEY, customer text, amount int, status text, made timestamptz DEFAULT now());
SELECT attach('orders', 'customer', 'id', at => 'made', condition => '$.status == "paid"');

-- Members whose points are not those of their paid orders.
CREATE FUNCTION off(orders regclass DEFAULT 'orders') RETURNS TABLE (member text, want bigint, have bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT coalesce(o.customer, m.ref), o.points, m.points
		FROM (SELECT customer, sum(amount) AS points FROM %s WHERE status = ''paid''
				AND customer IS NOT NULL GROUP BY customer) o
			FULL JOIN (SELECT ref, loyalty.points(points) - debt AS points FROM loyalty.member) m
				ON m.ref = o.customer
		WHERE coalesce(o.points, 0) <> coalesce(m.points, 0)', orders);
END
$$;
CREATE FUNCTION right_now(description text, orders regclass DEFAULT 'orders') RETURNS text
	LANGUAGE sql AS $$ SELECT is_empty(format('SELECT * FROM off(%L)', orders), description) $$;

INSERT INTO orders VALUES (1, 'ann', 10, 'paid'), (2, 'bob', 20, 'new'), (3, NULL, 30, 'paid'), (4, 'ann', 5, 'paid');
SELECT right_now('INSERT of several');
SELECT is(trail('ann'), 'event 10, event 5', 'an entry each');
SELECT is(count(*), 1, 'who has no order that counts is no member, nor is NULL') FROM loyalty.member;
INSERT INTO orders SELECT 0, 'x', 1, 'paid' WHERE false;
UPDATE orders SET status = 'paid' WHERE id = 2;
SELECT right_now('a status flips on');
UPDATE orders SET status = 'cancelled' WHERE id = 1;
SELECT right_now('and off');
UPDATE orders SET status = 'paid' WHERE id = 1;
UPDATE orders SET status = 'cancelled' WHERE id = 1;
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT right_now('and on and off and on');
UPDATE orders SET status = status;
SELECT is(trail('ann'), 'event 10, event 5, correction -10, event 10, correction -10, event 10', 'no change, no entry');
UPDATE orders SET amount = amount + 7;
SELECT right_now('amounts change');
UPDATE orders SET customer = 'cat' WHERE id = 4;
SELECT right_now('the member changes');
UPDATE orders SET id = id + 100;
SELECT right_now('the ref changes');
UPDATE orders SET customer = NULL WHERE id = 101;
SELECT right_now('the member becomes unknown');
UPDATE orders SET customer = 'ann' WHERE id = 101;
SELECT right_now('and known again');
DELETE FROM orders WHERE id = 102;
SELECT right_now('DELETE');
INSERT INTO orders VALUES (102, 'bob', 27, 'paid');
SELECT right_now('and the same ref again');

-- refs change places: none of them is gone
CREATE TABLE places (id int, customer text, amount int, status text,
	CONSTRAINT places_id UNIQUE (id) DEFERRABLE INITIALLY IMMEDIATE);
SELECT detach('orders');
SELECT attach('places', 'customer', 'id', condition => '$.status == "paid"', backfill => true);
TRUNCATE places;
INSERT INTO places SELECT id, customer, amount, status FROM orders;
INSERT INTO places VALUES (1, 'dan', 1, 'paid'), (2, 'dan', 2, 'paid'), (3, 'eve', 4, 'paid');
UPDATE places SET id = 4 - id WHERE id < 4;
SELECT right_now('two refs change places', 'places');
UPDATE places SET customer = CASE customer WHEN 'dan' THEN 'eve' ELSE 'dan' END WHERE id < 4;
SELECT right_now('two members change places', 'places');
DELETE FROM places;
SELECT is_empty('SELECT ref FROM loyalty.member WHERE loyalty.points(points) <> 0 OR debt <> 0', 'all is taken back');
SELECT detach('places');
TRUNCATE orders;
SELECT attach('orders', 'customer', 'id', condition => '$.status == "paid"');

-- one command, several kinds of work
INSERT INTO orders VALUES (1, 'ann', 10, 'paid'), (2, 'ann', 20, 'paid');
INSERT INTO orders VALUES (1, 'ann', 11, 'paid'), (3, 'bob', 3, 'paid')
	ON CONFLICT (id) DO UPDATE SET amount = excluded.amount;
SELECT right_now('ON CONFLICT DO UPDATE does both');
INSERT INTO orders VALUES (1, 'cat', 40, 'paid'), (2, 'cat', 50, 'paid')
	ON CONFLICT (id) DO UPDATE SET id = orders.id + 10;
SELECT right_now('ON CONFLICT that moves the ref away');
INSERT INTO orders VALUES (11, 'x', 1, 'paid') ON CONFLICT DO NOTHING;
SELECT right_now('ON CONFLICT DO NOTHING');
WITH gone AS (DELETE FROM orders WHERE id = 3 RETURNING *), put AS (
	INSERT INTO orders SELECT 33, customer, amount * 2, status FROM gone RETURNING *)
	UPDATE orders SET amount = amount + 1 WHERE id = 11;
SELECT right_now('a WITH that deletes, inserts and updates');
WITH gone AS (DELETE FROM orders WHERE id = 33 RETURNING *)
	INSERT INTO orders SELECT id, customer, amount + 1, status FROM gone;
SELECT right_now('a ref deleted and inserted by one command');
SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 THEN $$
	MERGE INTO orders o USING (VALUES (11, 5), (12, 6), (50, 7)) AS n (id, amount) ON o.id = n.id
		WHEN MATCHED AND o.id = 11 THEN UPDATE SET amount = n.amount
		WHEN MATCHED THEN DELETE
		WHEN NOT MATCHED THEN INSERT VALUES (n.id, 'dan', n.amount, 'paid')
	$$ ELSE 'SELECT' END \gexec
SELECT right_now('MERGE');
COPY orders (id, customer, amount, status) FROM stdin (FORMAT csv);
60,eve,6,paid
61,fay,7,paid
62,eve,8,new
\.
SELECT right_now('COPY');

-- a row that is touched again by a trigger of the table's own
CREATE FUNCTION change_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.amount = 1000 THEN
		UPDATE orders SET amount = 7 WHERE id = new.id;
	ELSIF new.amount = 2000 THEN
		DELETE FROM orders WHERE id = new.id;
	ELSIF new.amount = 3000 THEN
		UPDATE orders SET id = -id, amount = 8 WHERE id = new.id;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER again AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION change_again();
INSERT INTO orders VALUES (70, 'ann', 1000, 'paid'), (71, 'ann', 2000, 'paid'), (72, 'ann', 3000, 'paid'), (73, 'ann', 9, 'paid');
SELECT right_now('rows that a row trigger changes, deletes and moves after INSERT');
UPDATE orders SET amount = 1000 WHERE id = 73;
SELECT right_now('and after UPDATE');
DROP TRIGGER again ON orders;
CREATE FUNCTION change_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	new.amount := new.amount + 1;
	IF new.id = 81 THEN
		RETURN NULL;
	END IF;
	RETURN new;
END
$$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION change_before();
INSERT INTO orders VALUES (80, 'ann', 1, 'paid'), (81, 'ann', 1, 'paid');
UPDATE orders SET id = id + 1 WHERE id BETWEEN 80 AND 90;
SELECT right_now('rows that a trigger changes or swallows before');
DROP TRIGGER before ON orders;
CREATE FUNCTION meddle(amount int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	UPDATE orders SET amount = 1 WHERE id = 90;
	RETURN amount;
END
$$;
INSERT INTO orders SELECT 90 + n, 'gus', meddle(100), 'paid' FROM generate_series(0, 2) n;
SELECT right_now('a function of the statement changes a row of the statement');

-- foreign keys
CREATE TABLE customers (name text PRIMARY KEY);
INSERT INTO customers SELECT DISTINCT customer FROM orders WHERE customer IS NOT NULL;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE;
UPDATE customers SET name = 'gustav' WHERE name = 'gus';
SELECT right_now('a cascading update');
SELECT is((SELECT loyalty.points(points) FROM loyalty.member WHERE ref = 'gustav'), 201, 'moves the points');
DELETE FROM customers WHERE name = 'gustav';
SELECT right_now('a cascading delete');
ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey;

-- what is rolled back
BEGIN;
INSERT INTO orders VALUES (100, 'hal', 1, 'paid');
SAVEPOINT s;
UPDATE orders SET amount = 50 WHERE id = 100;
ROLLBACK TO s;
COMMIT;
SELECT right_now('a savepoint rolled back');

-- TRUNCATE
SELECT refuses('TRUNCATE orders', '55000', 'TRUNCATE while points stand', 'detach');
DELETE FROM orders WHERE status = 'paid';
SELECT lives_ok('TRUNCATE orders', 'TRUNCATE once none does');
INSERT INTO orders VALUES (1, 'ann', 10, 'new');
SELECT lives_ok('TRUNCATE orders', 'or none ever did');

-- on_delete
SELECT detach('orders');
SELECT attach('orders', 'customer', 'id', condition => '$.status == "paid"', on_delete => 'keep');
INSERT INTO orders VALUES (200, 'keeper', 10, 'paid'), (201, 'keeper', 10, 'paid');
DELETE FROM orders WHERE id = 200;
SELECT is(trail('keeper'), 'event 10, event 10', 'on_delete => keep: deleted rows keep their points');
TRUNCATE orders;
SELECT is(trail('keeper'), 'event 10, event 10', 'and so do truncated ones');
SELECT detach('orders');
SELECT is(balance, 0, 'spent meanwhile') FROM redeem('keeper', 20);

-- one pass per statement, whatever the order of the rows
SELECT attach('orders', 'customer', 'id', at => 'made', condition => '$.status == "paid"', backfill => true);
INSERT INTO orders SELECT 10000 + n, 'many' || n % 37, n % 50, 'paid', '2024-01-01'::timestamptz + (n * 7919 % 5000) * interval '1 hour'
	FROM generate_series(1, 5000) n;
SELECT right_now('five thousand rows');
SELECT is(max(updates), 1::bigint, 'each member''s row is written once') FROM (
	SELECT count(DISTINCT xmin::text) AS updates FROM loyalty.member WHERE ref LIKE 'many%' GROUP BY ref) u;
SELECT is(count(*), 0, 'entries by time, then ref') FROM (
	SELECT (at, ref) < lag((at, ref)) OVER (PARTITION BY member_id ORDER BY entry_id) AS back
		FROM (SELECT e.member_id, e.entry_id, e.at, e.ref FROM loyalty.ledger e JOIN loyalty.member m USING (member_id)
				WHERE m.ref LIKE 'many%') e) b WHERE back;
CREATE TABLE loaded AS SELECT m.ref, e.ref AS order_ref, e.points, e.at, e.balance
	FROM loyalty.ledger e JOIN loyalty.member m USING (member_id) WHERE m.ref LIKE 'many%';
SELECT is(count(*), 5000, 'all of them') FROM loaded;
SELECT detach('orders');
INSERT INTO loyalty.program (name, validity) VALUES ('again', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('again', 'base', 'purchase', '$.amount');
CREATE TABLE shuffled (LIKE orders INCLUDING ALL);
SELECT attach('shuffled', 'customer', 'id', at => 'made', backfill => true, program => 'again');
INSERT INTO shuffled SELECT * FROM orders ORDER BY md5(id::text);
SELECT set_eq($$SELECT m.ref, e.ref AS order_ref, e.points, e.at, e.balance
		FROM loyalty.ledger e JOIN loyalty.member m USING (member_id)
		WHERE m.program_id = (SELECT program_id FROM loyalty.program WHERE name = 'again')$$,
	'TABLE loaded', 'the order in which rows are loaded changes nothing');
UPDATE shuffled SET status = 'x', amount = amount + 1 WHERE id % 2 = 0;
DELETE FROM shuffled WHERE id % 3 = 0;
SELECT is((SELECT sum(loyalty.points(points))::bigint FROM loyalty.member WHERE program_id =
		(SELECT program_id FROM loyalty.program WHERE name = 'again')), (SELECT sum(amount) FROM shuffled),
	'and large updates and deletes are right');

-- one member with more entries than are kept at a time
INSERT INTO shuffled SELECT 50000 + n, 'one', 1, 'paid', now() FROM generate_series(1, 300) n;
SELECT is(loyalty.points((member_row('one', 'again')).points), 300, 'one member with 300 orders in a statement');

-- a cancelled load leaves nothing
CREATE TABLE untouched AS SELECT everything() AS was;
\set ON_ERROR_STOP off
SET statement_timeout = '300ms';
INSERT INTO shuffled SELECT 100000 + n, 'load' || n, 1, 'paid', now() FROM generate_series(1, 200000) n;
\set code :SQLSTATE
SET statement_timeout = 0;
\set ON_ERROR_STOP on
SELECT is(:'code'::text, '57014', 'a load is cancelled');
SELECT is(everything(), was, 'a cancelled statement leaves nothing behind') FROM untouched;

SELECT lawful('statements');
SELECT * FROM finish();
