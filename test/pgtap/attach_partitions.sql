-- attach: partitioned tables, their present and later partitions.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
CREATE TABLE orders (id int, region text, customer text, amount int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_us (amount int, gone int, customer text, region text NOT NULL, id int NOT NULL);
ALTER TABLE orders_us DROP COLUMN gone;
ALTER TABLE orders ATTACH PARTITION orders_us FOR VALUES IN ('us');
CREATE TABLE orders_asia PARTITION OF orders FOR VALUES IN ('jp', 'cn') PARTITION BY LIST (region);
CREATE TABLE orders_jp PARTITION OF orders_asia FOR VALUES IN ('jp');

CREATE FUNCTION right_now(description text) RETURNS text LANGUAGE sql AS $$
	SELECT is_empty('SELECT coalesce(o.customer, m.ref), o.points, m.points
		FROM (SELECT customer, sum(amount) AS points FROM orders GROUP BY customer) o
			FULL JOIN (SELECT ref, loyalty.points(points) - debt AS points FROM loyalty.member) m
				ON m.ref = o.customer
		WHERE coalesce(o.points, 0) <> coalesce(m.points, 0)', description)
$$;

SELECT attach('orders', 'customer', 'id');
SELECT bag_eq('SELECT orders::text, as_partition FROM loyalty.attachment',
	$$VALUES ('orders', false), ('orders_eu', true), ('orders_us', true), ('orders_asia', true), ('orders_jp', true)$$,
	'the parent and everything below it are bound');
INSERT INTO orders VALUES (1, 'eu', 'ann', 10), (2, 'us', 'ann', 20), (3, 'jp', 'bob', 30);
SELECT right_now('INSERT into the parent');
SELECT is(trail('ann'), 'event 10, event 20', 'counts once');
INSERT INTO orders_eu VALUES (4, 'eu', 'ann', 1);
INSERT INTO orders_us VALUES (2, 'bob', 'us', 5);
INSERT INTO orders_jp VALUES (6, 'jp', 'cat', 3);
INSERT INTO orders_asia VALUES (7, 'jp', 'cat', 4);
SELECT right_now('INSERT into partitions, columns in another order');
UPDATE orders SET amount = amount + 1;
SELECT right_now('UPDATE of the parent');
UPDATE orders_us SET amount = amount + 1;
SELECT right_now('and of a partition');
UPDATE orders SET region = CASE region WHEN 'eu' THEN 'us' WHEN 'us' THEN 'eu' ELSE region END;
SELECT right_now('rows move between partitions');
SELECT is(trail('ann'), 'event 10, event 20, event 1, event 1, event 1, event 1, event 1', 'and nothing changes for that');
UPDATE orders_jp SET customer = 'dan' WHERE id = 6;
SELECT right_now('the member changes in a leaf');
DELETE FROM orders_jp WHERE id = 6;
DELETE FROM orders WHERE id = 4;
SELECT right_now('DELETE from leaf and parent');

-- partitions that come later
CREATE TABLE orders_cn PARTITION OF orders_asia FOR VALUES IN ('cn');
CREATE TABLE orders_za (LIKE orders);
ALTER TABLE orders ATTACH PARTITION orders_za FOR VALUES IN ('za');
CREATE TABLE orders_br (LIKE orders) PARTITION BY LIST (region);
CREATE TABLE orders_br1 PARTITION OF orders_br DEFAULT;
ALTER TABLE orders ATTACH PARTITION orders_br FOR VALUES IN ('br');
INSERT INTO orders_cn VALUES (10, 'cn', 'eve', 1);
INSERT INTO orders_za VALUES (11, 'za', 'eve', 2);
INSERT INTO orders_br VALUES (12, 'br', 'eve', 3);
INSERT INTO orders_br1 VALUES (13, 'br', 'eve', 4);
SELECT right_now('new partitions are bound, too, and what is below them');
INSERT INTO orders VALUES (14, 'cn', 'eve', 5), (15, 'za', 'eve', 6), (16, 'br', 'eve', 7);
SELECT right_now('by the parent, too');
SELECT is(trail('eve'), 'event 1, event 2, event 3, event 4, event 5, event 6, event 7', 'each once');
CREATE TABLE unrelated (id int, region text) PARTITION BY LIST (region);
CREATE TABLE unrelated_eu PARTITION OF unrelated FOR VALUES IN ('eu');
SELECT is(count(*), 0, 'other tables are left alone') FROM loyalty.attachment WHERE orders::text LIKE 'unrelated%';

-- a partition that leaves
ALTER TABLE orders DETACH PARTITION orders_za;
SELECT lives_ok('TRUNCATE orders_za', 'a detached partition can be emptied');
SELECT is(trail('eve'), 'event 1, event 2, event 3, event 4, event 5, event 6, event 7', 'and its points stay');
ALTER TABLE orders ATTACH PARTITION orders_za FOR VALUES IN ('za');
INSERT INTO orders_za VALUES (20, 'za', 'fay', 8);
SELECT is(trail('fay'), 'event 8', 'attached again it counts again');
SELECT refuses('TRUNCATE orders_za', '55000', 'TRUNCATE of a partition');
SELECT refuses('TRUNCATE orders', '55000', 'and of the parent');
SELECT refuses($$SELECT detach('orders_za')$$, '55000', 'a partition is not detached alone');
SELECT refuses($$SELECT attach('orders_za', 'customer', 'id')$$, '42710', 'nor attached alone');
CREATE ROLE attach_partition_owner;
GRANT CREATE ON SCHEMA public TO attach_partition_owner;
ALTER TABLE orders OWNER TO attach_partition_owner;
SET ROLE attach_partition_owner;
CREATE TABLE orders_in PARTITION OF orders FOR VALUES IN ('in');
INSERT INTO orders_in VALUES (30, 'in', 'gil', 9);
RESET ROLE;
SELECT is(trail('gil'), 'event 9', 'the tables'' owner needs no privilege of ours');
SELECT detach('orders');
SELECT is_empty('SELECT * FROM loyalty.attachment', 'detach lets all of them go');
ALTER TABLE orders OWNER TO CURRENT_USER;
ALTER TABLE orders_in OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA public FROM attach_partition_owner;
DROP ROLE attach_partition_owner;

-- a ref that the primary key does not make unique
CREATE TABLE loose (id int, tenant int, region text, customer text, PRIMARY KEY (id, tenant, region)) PARTITION BY LIST (region);
SELECT refuses($$SELECT attach('loose', 'customer', 'id')$$, '55000', 'a key of more than ref and partition key');
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE TABLE mixed (id int, region text, customer text) PARTITION BY LIST (region);
CREATE FOREIGN TABLE mixed_far PARTITION OF mixed FOR VALUES IN ('far') SERVER nowhere;
SELECT refuses($$SELECT attach('mixed', 'customer', 'id', lines => true)$$, '42809', 'a foreign partition');

SELECT lawful('partitions');
SELECT * FROM finish();
