-- attach with lines: the rows of a ref are one event.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (program, name, event, each, points) VALUES
	('shop', 'lines', 'purchase', '$.items[*]', '$.price'),
	('shop', 'per order', 'purchase', '$', '100');
CREATE TABLE lines (order_no text, customer text, sku text, price int, status text DEFAULT 'paid', made timestamptz);
SELECT attach('lines', 'customer', 'order_no', at => 'made', condition => '$.status == "paid"', lines => true, backfill => true);

CREATE FUNCTION right_now(description text) RETURNS text LANGUAGE sql AS $$
	SELECT is_empty('SELECT coalesce(o.customer, m.ref), o.points, m.points
		FROM (SELECT customer, sum(price) + 100 * count(DISTINCT order_no) AS points FROM lines
				WHERE status = ''paid'' GROUP BY customer) o
			FULL JOIN (SELECT ref, loyalty.points(points) - debt AS points FROM loyalty.member) m
				ON m.ref = o.customer
		WHERE coalesce(o.points, 0) <> coalesce(m.points, 0)', description)
$$;

INSERT INTO lines VALUES ('a', 'ann', 'y', 2, 'paid', '2024-01-02'), ('a', 'ann', 'x', 1, 'paid', '2024-01-01'),
	('b', 'ann', 'x', 1, 'paid', '2024-01-01');
SELECT is(trail('ann'), 'event 103, event 101', 'an entry for each order');
SELECT is(attributes, '{"order_no": "a", "customer": "ann", "status": "paid", "made": "2024-01-01T00:00:00+00:00",
	"items": [{"order_no": "a", "customer": "ann", "sku": "x", "price": 1, "status": "paid", "made": "2024-01-01T00:00:00+00:00"},
			  {"order_no": "a", "customer": "ann", "sku": "y", "price": 2, "status": "paid", "made": "2024-01-02T00:00:00+00:00"}]}'::jsonb,
	'its attributes: the lines, and what all of them agree on') FROM loyalty.ledger WHERE ref = 'a';
SELECT is(at, '2024-01-01'::timestamptz, 'it is dated as its first line') FROM loyalty.ledger WHERE ref = 'a';
INSERT INTO lines VALUES ('a', 'ann', 'z', 4);
SELECT right_now('a line more');
UPDATE lines SET price = 10 WHERE sku = 'x';
SELECT right_now('a line of each order changes');
UPDATE lines SET status = 'cancelled' WHERE sku = 'y';
SELECT right_now('a line no longer counts');
DELETE FROM lines WHERE sku = 'z';
SELECT right_now('a line is deleted');
UPDATE lines SET status = 'cancelled' WHERE order_no = 'a';
SELECT right_now('none is left');
UPDATE lines SET status = 'paid';
SELECT right_now('all count again');
UPDATE lines SET customer = 'bob' WHERE order_no = 'a';
SELECT right_now('the order goes to somebody else');
UPDATE lines SET customer = 'ann' WHERE order_no = 'a' AND sku = 'x';
SELECT right_now('an order of two members is an event of each');
UPDATE lines SET order_no = 'b';
SELECT right_now('two orders become one');
UPDATE lines SET order_no = NULL WHERE customer = 'bob';
DELETE FROM lines WHERE order_no IS NULL;
SELECT right_now('lines of no order are passed over');
INSERT INTO lines SELECT 'n' || n % 300, 'm' || n % 300 % 20, 's' || n, n % 13 FROM generate_series(1, 3000) n;
SELECT right_now('three thousand lines');
SELECT refuses('TRUNCATE lines', '55000', 'TRUNCATE while points stand');
DELETE FROM lines;
SELECT right_now('all deleted');

-- the order of the lines changes nothing
INSERT INTO lines VALUES ('o1', 'cat', 'x', 1, 'paid', NULL), ('o1', 'cat', 'y', 2, 'paid', NULL);
INSERT INTO lines VALUES ('o2', 'cat', 'y', 2, 'paid', NULL), ('o2', 'cat', 'x', 1, 'paid', NULL);
SELECT is(count(DISTINCT attributes -> 'items' #- '{0,order_no}' #- '{1,order_no}'), 1, 'lines have one order')
	FROM loyalty.ledger WHERE ref IN ('o1', 'o2');

-- backfill
CREATE TABLE old_lines (order_no int, customer int, price int);
INSERT INTO old_lines SELECT n / 4, n / 20, 1 FROM generate_series(0, 999) n;
SELECT is(attach('old_lines', 'customer', 'order_no', lines => true, backfill => true), 250, 'backfill settles each order once');
SELECT is(count(*), 250, 'four lines and the order each') FROM loyalty.ledger WHERE points = 104;

SELECT lawful('lines');
SELECT * FROM finish();
