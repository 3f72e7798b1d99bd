/*
 * The value types over a year of real orders: every figure is found twice, from
 * wallets and by plain SQL over the till.
 */
\ir online-retail/load.sql

SELECT plan(10);

CREATE TEMPORARY TABLE purchase AS
SELECT customer, invoice_no::bigint AS source, sold_at, trunc(amount)::bigint AS points,
	   (sold_at AT TIME ZONE 'Europe/London' + interval '12 months') AT TIME ZONE 'Europe/London' AS ends
FROM shop.till
WHERE NOT is_return AND amount >= 1;

SELECT is_empty(
	$$ SELECT * FROM purchase
	   WHERE ends IS DISTINCT FROM loyalty.valid_until('12 months', sold_at, 'Europe/London') $$,
	'12 months in London end where interval arithmetic says, for each order');

CREATE TEMPORARY TABLE holder AS
SELECT customer, loyalty.wallet_agg(loyalty.point_lot(points, sold_at, ends, source)) AS wallet
FROM purchase
GROUP BY customer;

SELECT results_eq(
	'SELECT count(*), sum(loyalty.points(wallet))::bigint, sum(loyalty.lot_count(wallet))::bigint FROM holder',
	'VALUES (4338::bigint, 8902670::bigint, 18525::bigint)',
	'4,338 wallets hold 8,902,670 points in 18,525 lots');

SELECT set_eq(
	$$ SELECT customer, loyalty.source(l), loyalty.points(l), loyalty.valid_from(l), loyalty.valid_until(l)
	   FROM holder, loyalty.lots(wallet) l $$,
	'SELECT customer, source, points, sold_at, ends FROM purchase',
	'every order''s lot comes out of its wallet as it went in');

SELECT is_empty('SELECT * FROM holder WHERE wallet <> wallet::text::loyalty.point_wallet',
				'every wallet is the same after a trip through text');

CREATE TEMPORARY TABLE everybody AS SELECT loyalty.sum(wallet) AS wallet FROM holder;

SELECT results_eq(
	'SELECT loyalty.points(wallet), loyalty.lot_count(wallet)::bigint FROM everybody',
	'VALUES (8902670::bigint, 18525::bigint)',
	'one wallet of all members has the same points and lots');

SELECT is((SELECT loyalty.wallet_agg(loyalty.point_lot(points, sold_at, ends, source) ORDER BY ends DESC, points)
		   FROM purchase), wallet,
		  'and is the same whatever the order in which its lots arrived')
FROM everybody;

SELECT set_eq(
	$$ SELECT date_trunc('month', loyalty.valid_from(l) AT TIME ZONE 'Europe/London'), sum(loyalty.points(l))
	   FROM everybody, loyalty.lots(loyalty.coarsen(wallet, 'month', 'Europe/London')) l
	   GROUP BY 1 $$,
	$$ SELECT date_trunc('month', sold_at AT TIME ZONE 'Europe/London'), sum(points) FROM purchase GROUP BY 1 $$,
	'coarsened by the month it holds each month''s points');

SELECT is_empty(
	$$ SELECT t, loyalty.pending(wallet, t), loyalty.spendable(wallet, t), loyalty.lapsed(wallet, t)
	   FROM everybody, generate_series('2010-12-01'::timestamptz, '2013-01-01', '1 week') t
	   EXCEPT
	   SELECT t, coalesce(sum(points) FILTER (WHERE t < sold_at), 0),
			  coalesce(sum(points) FILTER (WHERE t >= sold_at AND t < ends), 0),
			  coalesce(sum(points) FILTER (WHERE t >= ends), 0)
	   FROM purchase, generate_series('2010-12-01'::timestamptz, '2013-01-01', '1 week') t
	   GROUP BY t $$,
	'pending, spendable and lapsed are what the clock says, week by week');

-- Every member spends, on the first of December, what all returns of the year are worth, as far as it goes.
CREATE TEMPORARY TABLE spending AS
SELECT h.customer, h.wallet, s.wanted, t.taken, t.rest
FROM holder h
JOIN LATERAL (SELECT least(loyalty.spendable(h.wallet, '2011-12-01 00:00+00'), -sum(trunc(r.amount)))::bigint AS wanted
			  FROM shop.till r
			  WHERE r.customer = h.customer AND r.is_return) s ON s.wanted > 0
CROSS JOIN LATERAL loyalty.take(h.wallet, s.wanted, '2011-12-01 00:00+00') t;

SELECT is_empty(
	$$ SELECT customer FROM spending
	   WHERE loyalty.points(taken) <> wanted OR taken + rest <> wallet OR wallet - taken <> rest $$,
	'what was taken and what is left make the wallet again');

SELECT set_eq(
	$$ SELECT customer, loyalty.source(l), loyalty.points(l) FROM spending, loyalty.lots(taken) l $$,
	$$ SELECT customer, source, least(points, wanted - before)
	   FROM (SELECT s.customer, s.wanted, p.source, p.points,
					sum(p.points) OVER (PARTITION BY p.customer ORDER BY p.sold_at, p.source) - p.points AS before
			 FROM spending s
			 JOIN purchase p USING (customer)
			 WHERE p.sold_at <= '2011-12-01 00:00+00') o
	   WHERE before < wanted $$,
	'the oldest lots went first, lot by lot');

SELECT * FROM finish();
