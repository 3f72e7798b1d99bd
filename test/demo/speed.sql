\ir tables.sql

/* The same orders again, all in one INSERT, into a table of their own and a program of their own. */
INSERT INTO loyalty.program (name, time_zone, validity) VALUES ('speed', 'Europe/London', '12 months');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('speed', 'a point per pound', 'purchase', '$.amount');
CREATE TABLE shop.plain_orders (LIKE shop.orders INCLUDING ALL);
CREATE TABLE shop.speed_orders (LIKE shop.orders INCLUDING ALL);
SELECT loyalty.attach('shop.speed_orders', 'customer', 'invoice_no', at => 'ordered_at', backfill => true,
					  program => 'speed') \g /dev/null

CREATE FUNCTION pg_temp.load(target regclass, OUT rows bigint, OUT seconds numeric)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s SELECT * FROM shop.orders', target);
	GET DIAGNOSTICS rows = ROW_COUNT;
	seconds := extract(epoch FROM clock_timestamp() - statement_timestamp());
END
$$;

CREATE TEMPORARY TABLE speed AS SELECT 1 AS run, 'without points' AS "one INSERT", * FROM pg_temp.load('shop.plain_orders');
INSERT INTO speed SELECT 2, 'with points, triggers at work', * FROM pg_temp.load('shop.speed_orders');

\echo '## Rows per second, all orders in one INSERT'
SELECT "one INSERT", rows, round(seconds, 2) AS seconds, round(rows / seconds) AS "rows/s"
FROM speed
ORDER BY run;
