/*
 * Loads the shop's order lines and makes its orders and returns of them.
 *
 * Needs psql and the environment variable ONLINE_RETAIL, the path of the
 * compressed file.  Makes schema shop: line (as the file has them), till (one
 * row for each order and each return of a known customer, in the order in
 * which they happened).  Every figure of README.md is checked.
 */
CREATE SCHEMA shop;

CREATE UNLOGGED TABLE shop.line
(
	invoice_no text NOT NULL,
	stock_code text NOT NULL,
	description text,
	quantity integer NOT NULL,
	sold_at timestamp NOT NULL,
	unit_price numeric NOT NULL,
	customer text,
	country text NOT NULL
);

\copy shop.line FROM PROGRAM 'xz -dc "$ONLINE_RETAIL"' (FORMAT csv, HEADER)

CREATE TABLE shop.till AS
SELECT invoice_no,
	   invoice_no LIKE 'C%' AS is_return,
	   split_part(customer, '.', 1) AS customer,
	   min(sold_at) AT TIME ZONE 'Europe/London' AS sold_at,
	   min(sold_at)::date AS day,
	   sum(quantity * unit_price) AS amount,
	   count(*) AS lines,
	   sum(quantity) AS pieces,
	   min(country) AS country
FROM shop.line
WHERE customer IS NOT NULL AND quantity * unit_price <> 0
GROUP BY invoice_no, customer;

ALTER TABLE shop.till ADD PRIMARY KEY (invoice_no);
CREATE INDEX ON shop.till (day);
ANALYZE shop.till;

DO $$
DECLARE
	found record;
BEGIN
	SELECT count(*) AS lines, count(DISTINCT invoice_no) AS invoices, sum(quantity * unit_price) AS pounds
	INTO found
	FROM shop.line;
	IF found IS DISTINCT FROM (541909::bigint, 25900::bigint, 9747747.934) THEN
		RAISE EXCEPTION 'the order lines are not those of the data set' USING DETAIL = 'Found ' || found::text || '.';
	END IF;

	SELECT sum(lines) AS lines, count(*) AS orders, count(DISTINCT customer) AS members, sum(amount) AS pounds
	INTO found
	FROM shop.till
	WHERE NOT is_return AND amount > 0;
	IF found IS DISTINCT FROM (397884::numeric, 18532::bigint, 4338::bigint, 8911407.904) THEN
		RAISE EXCEPTION 'the orders of members do not add up' USING DETAIL = 'Found ' || found::text || '.';
	END IF;

	SELECT sum(lines) AS lines, count(*) AS returns, count(DISTINCT customer) AS members, sum(amount) AS pounds
	INTO found
	FROM shop.till
	WHERE is_return AND amount < 0;
	IF found IS DISTINCT FROM (8905::numeric, 3654::bigint, 1589::bigint, -611342.09) THEN
		RAISE EXCEPTION 'the returns of members do not add up' USING DETAIL = 'Found ' || found::text || '.';
	END IF;

	SELECT count(*) AS rows, count(DISTINCT customer) AS members, count(DISTINCT day) AS days
	INTO found
	FROM shop.till;
	IF found IS DISTINCT FROM (22186::bigint, 4371::bigint, 305::bigint) THEN
		RAISE EXCEPTION 'orders and returns together do not add up' USING DETAIL = 'Found ' || found::text || '.';
	END IF;
END
$$;
