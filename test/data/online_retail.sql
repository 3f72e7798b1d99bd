/*
 * A year of real orders, twice: by triggers on one side, by arithmetic that
 * knows nothing of loyalty on the other.
 *
 * Program `plain` never forgets a point, so that window functions over the till
 * say what every entry must be.  Program `year` forgets after 12 months, spends
 * and returns day by day; online-retail/audit.sql books the same year in its way.
 */
\ir online-retail/load.sql
\ir online-retail/shop.sql
\ir online-retail/audit.sql

SELECT plan(19);

-- Points that never lapse: orders and returns by the month, in two statements each
INSERT INTO loyalty.program (name, time_zone, validity) VALUES ('plain', 'Europe/London', 'never');
INSERT INTO loyalty.rule (program, name, event, points)
VALUES ('plain', 'a point per pound', 'purchase', '$.amount'),
	   ('plain', 'goods sent back', 'return', '$.amount');

CREATE TABLE shop.plain_orders (LIKE shop.orders INCLUDING ALL);
CREATE TABLE shop.plain_returns (LIKE shop.returns INCLUDING ALL);
SELECT loyalty.attach('shop.plain_orders', 'customer', 'invoice_no', at => 'ordered_at',
					  backfill => true, program => 'plain') \g /dev/null
SELECT loyalty.attach('shop.plain_returns', 'customer', 'return_no', event => 'return', at => 'returned_at',
					  backfill => true, program => 'plain') \g /dev/null

SELECT format('INSERT INTO shop.plain_orders SELECT invoice_no, customer, sold_at, amount, pieces, country '
			  'FROM shop.till WHERE date_trunc(''month'', day) = %1$L AND NOT is_return', month),
	   format('INSERT INTO shop.plain_returns SELECT invoice_no, customer, sold_at, amount '
			  'FROM shop.till WHERE date_trunc(''month'', day) = %1$L AND is_return', month)
FROM (SELECT DISTINCT date_trunc('month', day) AS month FROM shop.till) m
ORDER BY month
\gexec

SELECT is((SELECT count(*) FROM loyalty.members WHERE program = 'plain'), 4371::bigint,
		  'every customer who ordered or returned is a member');

SELECT is(sum(points)::bigint, (SELECT sum(trunc(pounds))::bigint
								FROM (SELECT sum(quantity * unit_price) AS pounds
									  FROM shop.line
									  WHERE customer IS NOT NULL AND invoice_no NOT LIKE 'C%'
									  GROUP BY invoice_no) o),
		  'purchases: every order''s pounds, toward zero')
FROM loyalty.entries WHERE program = 'plain' AND event = 'purchase';

SELECT is(sum(points)::bigint, 8902670::bigint, 'purchases: 8,902,670 points')
FROM loyalty.entries WHERE program = 'plain' AND event = 'purchase';

SELECT is(sum(points)::bigint, -609431::bigint, 'returns: 609,431 points, toward zero as well')
FROM loyalty.entries WHERE program = 'plain' AND event = 'return';

CREATE TEMPORARY TABLE wanted AS
SELECT customer AS member, invoice_no AS ref, trunc(amount)::bigint AS points,
	   greatest(0, -sum(trunc(amount)) OVER so_far)::bigint AS debt
FROM shop.till
WINDOW so_far AS (PARTITION BY customer
				  ORDER BY date_trunc('month', day), is_return, sold_at, invoice_no COLLATE "C");

CREATE TEMPORARY TABLE found AS
SELECT member, ref, points, sum(debt) OVER (PARTITION BY member ORDER BY entry_id)::bigint AS debt
FROM loyalty.entries
WHERE program = 'plain' AND event IN ('purchase', 'return');

SELECT is((SELECT count(*) FROM found), 22186::bigint, 'one entry for each order and return');
SELECT is_empty('TABLE wanted EXCEPT TABLE found', 'points and debt of each entry are those of the till');
SELECT cmp_ok((SELECT count(*) FROM wanted WHERE debt > 0), '>', 100::bigint, '... and debts there were');

SELECT results_eq(
	$$ SELECT count(*), sum(debt)::bigint FROM loyalty.members WHERE program = 'plain' AND debt > 0 $$,
	$$ VALUES (41::bigint, 13207::bigint) $$,
	'in the end 41 members owe 13,207 points');

SELECT is_empty(
	$$ SELECT member, loyalty.points(points) - debt FROM loyalty.members WHERE program = 'plain'
	   EXCEPT
	   SELECT customer, sum(trunc(amount)) FROM shop.till GROUP BY customer $$,
	'every member stands as the till says');

SELECT is_empty($$ SELECT * FROM loyalty.verify(program => 'plain') $$, 'plain is sound');

-- Load order is nothing: the same orders in one statement, last first
INSERT INTO loyalty.program (name, time_zone, validity) VALUES ('bulk', 'Europe/London', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('bulk', 'a point per pound', 'purchase', '$.amount');
CREATE TABLE shop.bulk_orders (LIKE shop.orders INCLUDING ALL);
SELECT loyalty.attach('shop.bulk_orders', 'customer', 'invoice_no', at => 'ordered_at',
					  backfill => true, program => 'bulk') \g /dev/null
INSERT INTO shop.bulk_orders
SELECT invoice_no, customer, sold_at, amount, pieces, country
FROM shop.till
WHERE NOT is_return
ORDER BY sold_at DESC;

SELECT is_empty(
	$$ SELECT member, ref, at, points, balance FROM loyalty.entries WHERE program = 'bulk' AND event = 'purchase'
	   EXCEPT
	   SELECT customer, invoice_no, sold_at, trunc(amount),
			  sum(trunc(amount)) OVER (PARTITION BY customer ORDER BY sold_at, invoice_no COLLATE "C")
	   FROM shop.till WHERE NOT is_return $$,
	'a statement''s rows are booked in the order of their time, whatever the order they come in');
SELECT is_empty($$ SELECT * FROM loyalty.verify(program => 'bulk') $$, 'bulk is sound');

-- A year that forgets: points lapse after 12 months, members spend, returns take
INSERT INTO loyalty.program (name, time_zone, validity) VALUES ('year', 'Europe/London', '12 months');
INSERT INTO loyalty.rule (program, name, event, points)
VALUES ('year', 'a point per pound', 'purchase', '$.amount'),
	   ('year', 'goods sent back', 'return', '$.amount');
SET loyalty.program = 'year';
SELECT loyalty.attach('shop.orders', 'customer', 'invoice_no', at => 'ordered_at', backfill => true, program => 'year') \g /dev/null
SELECT loyalty.attach('shop.returns', 'customer', 'return_no', event => 'return', at => 'returned_at',
					  backfill => true, program => 'year') \g /dev/null
SELECT format('SELECT FROM shop.trade(%L)', day) FROM (SELECT DISTINCT day FROM shop.till) d ORDER BY day
\gexec
CALL loyalty.maintain(at => '2013-01-01 00:00+00');

CREATE TEMPORARY TABLE booked AS
SELECT member COLLATE "default" AS customer, coalesce(event, kind) COLLATE "default" AS what, at, points, debt
FROM loyalty.entries
WHERE program = 'year' AND coalesce(event, kind) IN ('purchase', 'return', 'redeem', 'lapse');

SELECT is_empty(
	$$ SELECT customer, what, at, points, debt FROM booked WHERE what IN ('purchase', 'return')
	   EXCEPT ALL TABLE shop.audited $$,
	'purchases and returns: time, points and debt of each are the auditor''s');
SELECT is_empty(
	$$ SELECT customer, what, at, points, debt FROM booked WHERE what = 'redeem'
	   EXCEPT ALL TABLE shop.audited $$,
	'redemptions: every one is the auditor''s');
SELECT is_empty(
	$$ SELECT customer, what, at, sum(points) FROM shop.audited WHERE what = 'lapse' GROUP BY customer, what, at
	   EXCEPT
	   SELECT customer, what, at, sum(points) FROM booked GROUP BY customer, what, at $$,
	'lapses: at each instant what the auditor says');
SELECT results_eq(
	'SELECT what, sum(points)::bigint, sum(debt)::bigint FROM booked GROUP BY what ORDER BY what',
	'SELECT what, sum(points)::bigint, sum(debt)::bigint FROM shop.audited GROUP BY what ORDER BY what',
	'the totals are the auditor''s');
SELECT results_eq(
	'SELECT count(*), sum(points)::bigint FROM booked WHERE what = ''redeem''',
	'VALUES (2301::bigint, -4185700::bigint)',
	'2,301 redemptions of 4,185,700 points');
SELECT is_empty(
	$$ SELECT member, debt FROM loyalty.members WHERE program = 'year'
	   EXCEPT SELECT customer, sum(debt)::bigint FROM shop.audited GROUP BY customer $$,
	'every member owes what the auditor says');
SELECT is_empty($$ SELECT * FROM loyalty.verify(program => 'year') $$, 'year is sound');

SELECT * FROM finish();
