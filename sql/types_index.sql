-- the value types in indexes, sorts and groups
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

CREATE TABLE holdings (id integer PRIMARY KEY, lot point_lot, w point_wallet);
INSERT INTO holdings
SELECT i, point_lot(1 + i % 10, '2026-01-01'::timestamptz + i % 100 * interval '1 day', 'infinity', i % 7),
	CASE WHEN i % 50 = 0 THEN '{}' ELSE '{}'::point_wallet
		+ point_lot(1 + i % 10, '2026-01-01'::timestamptz + i % 100 * interval '1 day')
		+ point_lot(1 + i % 4, '2026-02-01') END
FROM generate_series(1, 2000) AS i;
CREATE INDEX holdings_lot ON holdings (lot);
CREATE INDEX holdings_lot_hash ON holdings USING hash (lot);
CREATE INDEX holdings_w ON holdings (w);
CREATE INDEX holdings_w_hash ON holdings USING hash (w);
ANALYZE holdings;

CREATE FUNCTION plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan LIKE '%' || node || '%';
END $$;

-- what the indexes find is what a scan finds
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
CREATE TEMP TABLE scanned AS
SELECT 1 AS q, count(*) AS n FROM holdings WHERE lot = '4@2026-01-14/infinity#6'
UNION ALL SELECT 2, count(*) FROM holdings WHERE lot < '1@2026-01-20/infinity'
UNION ALL SELECT 3, count(*) FROM holdings WHERE w = '{}'
UNION ALL SELECT 4, count(*) FROM holdings WHERE w >= '{1@2026-01-20/infinity}';
SET enable_seqscan = off; RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
SELECT plan_has($$SELECT FROM holdings WHERE lot < '1@2026-01-20/infinity'$$, '"holdings_lot"') AS lot_btree,
	plan_has($$SELECT FROM holdings WHERE w >= '{1@2026-01-20/infinity}'$$, '"holdings_w"') AS wallet_btree,
	plan_has($$SELECT FROM holdings WHERE w = '{}'$$, '"holdings_w') AS wallet_any;
SELECT q, s.n, i.n = s.n AS same
FROM scanned AS s JOIN (
	SELECT 1 AS q, count(*) AS n FROM holdings WHERE lot = '4@2026-01-14/infinity#6'
	UNION ALL SELECT 2, count(*) FROM holdings WHERE lot < '1@2026-01-20/infinity'
	UNION ALL SELECT 3, count(*) FROM holdings WHERE w = '{}'
	UNION ALL SELECT 4, count(*) FROM holdings WHERE w >= '{1@2026-01-20/infinity}') AS i USING (q)
ORDER BY q;
DROP INDEX holdings_lot, holdings_w;
SELECT plan_has($$SELECT FROM holdings WHERE lot = '4@2026-01-14/infinity#6'$$, '"holdings_lot_hash"') AS lot_hash,
	plan_has($$SELECT FROM holdings WHERE w = '{}'$$, '"holdings_w_hash"') AS wallet_hash;
SELECT count(*) FILTER (WHERE lot = '4@2026-01-14/infinity#6') AS lot FROM holdings WHERE lot = '4@2026-01-14/infinity#6';
SELECT count(*) FROM holdings WHERE w = '{}';
RESET enable_seqscan;

-- sort, group, distinct, and joins of every kind
SELECT count(*) FILTER (WHERE w < before) AS wrong
FROM (SELECT w, lag(w) OVER (ORDER BY w) AS before FROM holdings) AS t;
SET enable_hashagg = off;
CREATE TEMP TABLE by_sort AS SELECT w, count(*) AS n FROM holdings GROUP BY w;
RESET enable_hashagg;
SET enable_sort = off;
CREATE TEMP TABLE by_hash AS SELECT w, count(*) AS n FROM holdings GROUP BY w;
RESET enable_sort;
SELECT (SELECT count(*) FROM by_sort) AS groups,
	(SELECT count(*) FROM (TABLE by_sort EXCEPT TABLE by_hash) AS t) AS differ,
	(SELECT count(DISTINCT w::text) FROM holdings) AS by_text;
SELECT count(DISTINCT lot), count(DISTINCT lot::text) FROM holdings;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) FROM by_sort JOIN by_hash USING (w);
RESET enable_mergejoin; SET enable_hashjoin = off;
SELECT count(*) FROM by_sort JOIN by_hash USING (w);
RESET enable_hashjoin; RESET enable_nestloop;

-- a unique key, and hash partitions (extended hash)
CREATE TABLE parts (w point_wallet PRIMARY KEY) PARTITION BY HASH (w);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT DISTINCT w FROM holdings;
SELECT (SELECT count(*) FROM parts) = (SELECT count(*) FROM by_sort) AS all_in,
	(SELECT count(*) FROM parts_0) > 0 AND (SELECT count(*) FROM parts_1) > 0 AS spread;
INSERT INTO parts VALUES ('{}') ON CONFLICT DO NOTHING RETURNING w;

DROP FUNCTION plan_has;
DROP TABLE parts, holdings;
