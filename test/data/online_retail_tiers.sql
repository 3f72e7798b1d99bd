/*
 * Tiers proposed from a year of real orders: calibrate_tiers() on one side,
 * ranks and sums over the till on the other.
 */
\ir online-retail/load.sql
\ir online-retail/shop.sql

SELECT plan(11);

INSERT INTO loyalty.program (name, time_zone, validity, growth_window)
VALUES ('till', 'Europe/London', 'never', '12 months');
INSERT INTO loyalty.rule (program, name, event, points)
VALUES ('till', 'a point per pound', 'purchase', '$.amount');
CREATE TABLE shop.till_orders (LIKE shop.orders INCLUDING ALL);
SELECT loyalty.attach('shop.till_orders', 'customer', 'invoice_no', at => 'ordered_at',
					  backfill => true, program => 'till') \g /dev/null
INSERT INTO shop.till_orders
SELECT invoice_no, customer, sold_at, amount, pieces, country
FROM shop.till
WHERE NOT is_return;

-- The year that ends with the last order, as the till has it
CREATE TEMPORARY TABLE bought AS
SELECT customer, sold_at, invoice_no, trunc(amount)::bigint AS growth,
	   (sold_at AT TIME ZONE 'Europe/London')::date AS day
FROM shop.till
WHERE NOT is_return AND trunc(amount) > 0
	AND sold_at > (SELECT (max(sold_at) AT TIME ZONE 'Europe/London' - interval '1 year') AT TIME ZONE 'Europe/London'
				   FROM shop.till WHERE NOT is_return AND trunc(amount) > 0);
CREATE INDEX ON bought (customer);
CREATE TEMPORARY TABLE customer AS
SELECT customer, sum(growth)::bigint AS growth, count(*) AS orders, min(day) AS first_day
FROM bought
GROUP BY customer;

-- The k-th of n by growth, k the smallest with k/n >= the shares below
CREATE TEMPORARY TABLE wanted AS
WITH ranked AS (
	SELECT growth, row_number() OVER (ORDER BY growth) AS k, count(*) OVER () AS n FROM customer
), cut AS (
	SELECT 1 AS rank, 0::bigint AS threshold
	UNION ALL
	SELECT f.rank, (SELECT r.growth FROM ranked r WHERE r.k >= f.below * r.n ORDER BY r.k LIMIT 1)
	FROM (VALUES (2, 0.50), (3, 0.80), (4, 0.95)) AS f (rank, below)
), there AS (
	SELECT c.rank, b.customer, min(b.day) AS day
	FROM cut c
	CROSS JOIN (SELECT x.*, (SELECT sum(y.growth) FROM bought y
							 WHERE y.customer = x.customer
								AND (y.sold_at, y.invoice_no) <= (x.sold_at, x.invoice_no)) AS so_far
				FROM bought x) b
	WHERE b.so_far >= c.threshold
	GROUP BY c.rank, b.customer
)
SELECT c.rank, c.threshold,
	   count(*) AS members,
	   count(*) FILTER (WHERE u.growth = c.threshold) AS ties,
	   (array_agg(u.orders ORDER BY u.orders))[(count(*) + 1) / 2] AS median_orders,
	   (array_agg(t.day - u.first_day ORDER BY t.day - u.first_day))[(count(*) + 1) / 2] AS median_days,
	   round(count(*) FILTER (WHERE t.day - u.first_day <= 90)::numeric / (SELECT count(*) FROM customer), 4) AS share_in_time
FROM cut c
JOIN customer u ON u.growth >= c.threshold
JOIN there t ON t.rank = c.rank AND t.customer = u.customer
GROUP BY c.rank, c.threshold;

SELECT set_eq(
	$$ SELECT rank, threshold, members, ties, median_orders, median_days, share_in_time
	   FROM loyalty.calibrate_tiers(program => 'till') $$,
	'TABLE wanted',
	'thresholds, members, ties, orders and days are those of the till');
SELECT is((SELECT count(*) FROM wanted), 4::bigint, '... for four tiers');
SELECT is(sum(wanted_share), 1.00, 'the shares that were asked for')
FROM loyalty.calibrate_tiers(program => 'till');
SELECT is_empty(
	$$ SELECT * FROM loyalty.calibrate_tiers(program => 'till') c
	   WHERE share <> round(members::numeric / (SELECT count(*) FROM customer), 4) $$,
	'and those that come of it');
SELECT ok(bool_and(abs(share - above) < 0.001), 'which are close')
FROM (SELECT share, 1 - (sum(wanted_share) OVER (ORDER BY rank) - wanted_share) AS above
	  FROM loyalty.calibrate_tiers(program => 'till')) c;

SELECT results_eq(
	$$ SELECT threshold FROM loyalty.calibrate_tiers('{0.9,0.1}', '30 days', '2011-01-01', '2011-03-02', program => 'till') ORDER BY rank $$,
	$$ SELECT unnest(ARRAY[0, (SELECT growth FROM (
			SELECT sum(trunc(amount))::bigint AS growth, count(*) OVER () AS n,
				   row_number() OVER (ORDER BY sum(trunc(amount))) AS k
			FROM shop.till
			WHERE NOT is_return AND trunc(amount) > 0 AND day BETWEEN '2011-01-01' AND '2011-03-01'
			GROUP BY customer, (day - date '2011-01-01') / 30) w
		WHERE k >= 0.9 * n ORDER BY k LIMIT 1)])::bigint $$,
	'two periods: a member counts in each');
SELECT throws_ok($$ SELECT * FROM loyalty.calibrate_tiers('{0.5,0.4}', program => 'till') $$, '22023', NULL,
				 'shares that do not add up');
SELECT throws_ok($$ SELECT * FROM loyalty.calibrate_tiers(program => 'nowhere') $$, 'LY005', NULL, 'an unknown program');

-- The rows are tiers as they stand; who is held against them is who was counted
INSERT INTO loyalty.tier (program, name, rank, threshold, status_validity)
SELECT program_name, name, rank, threshold, '1 year' FROM loyalty.calibrate_tiers(program => 'till');
SELECT is(count(*), 4::bigint, 'the rows can be inserted') FROM loyalty.tier WHERE program = 'till';

SELECT is_empty(
	$$ SELECT u.customer, t.name
	   FROM customer u, loyalty.tier t
	   WHERE t.program = 'till' AND t.rank = 4
		 AND (u.growth >= t.threshold)
			 <> ((loyalty.balance(u.customer, (SELECT max(sold_at) FROM shop.till), 'till')).growth >= t.threshold) $$,
	'live growth at the last order is what was counted');
SELECT is_empty('SELECT * FROM loyalty.verify(program => ''till'')', 'the books are sound');

SELECT * FROM finish();
