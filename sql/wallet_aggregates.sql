-- sum(point_wallet) and wallet_agg(point_lot)
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

-- no rows and only nulls give NULL; nulls are skipped; empty wallets are not null
SELECT sum(w), wallet_agg(l) FROM (VALUES (NULL::point_wallet, NULL::point_lot)) AS v (w, l) WHERE false;
SELECT sum(w), wallet_agg(l) FROM (VALUES (NULL::point_wallet, NULL::point_lot)) AS v (w, l);
SELECT sum(w), wallet_agg(l)
FROM (VALUES (NULL::point_wallet, NULL::point_lot), ('{2@2026-01-02/infinity}', '2@2026-01-02/infinity'),
	('{}', NULL), ('{1@2026-01-01/infinity,3@2026-01-02/infinity}', '3@2026-01-02/infinity')) AS v (w, l);
SELECT sum(w) FROM (VALUES ('{}'::point_wallet)) AS v (w);

-- as a window function the state goes on after a result
SELECT i, points(sum(w) OVER (ORDER BY i)), lot_count(sum(w) OVER (ORDER BY i))
FROM (SELECT i, point_lot(i, '2026-01-01'::timestamptz - i % 3 * interval '1 day') + '{}'::point_wallet AS w
	FROM generate_series(1, 6) AS i) AS t;

-- grouped, with far more input than result
CREATE TABLE many_wallets (g integer, w point_wallet);
INSERT INTO many_wallets
SELECT i % 3, wallet_agg(point_lot(1 + (i + j) % 7, '2026-01-01'::timestamptz + (i * j) % 11 * interval '1 day',
	'infinity', (i + j) % 5))
FROM generate_series(1, 6000) AS i, generate_series(1, 4) AS j
GROUP BY i;
ANALYZE many_wallets;
SELECT g, points(sum(w)), lot_count(sum(w)),
	sum(w) = (SELECT wallet_agg(l) FROM many_wallets AS n, lots(n.w) AS l WHERE n.g = m.g) AS agrees
FROM many_wallets AS m
GROUP BY g
ORDER BY g;
SELECT g, sum(points(w)) FROM many_wallets GROUP BY g ORDER BY g;

-- the same by lots in plain SQL
SELECT count(*) AS differ
FROM (SELECT g, l FROM (SELECT g, sum(w) AS w FROM many_wallets GROUP BY g) AS t, lots(w) AS l
	EXCEPT
	SELECT g, point_lot(sum(points(l))::bigint, valid_from(l), valid_until(l), source(l))
	FROM many_wallets, lots(w) AS l GROUP BY g, valid_from(l), valid_until(l), source(l)) AS t;

-- parallel: the plan has a Partial Aggregate, and the result is the same
CREATE TEMP TABLE serial AS SELECT g, sum(w) AS w, wallet_agg(point_lot(g + 1, '2026-01-01')) AS l FROM many_wallets GROUP BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan LIKE '%' || node || '%';
END $$;
SELECT plan_has('SELECT loyalty.sum(w) FROM many_wallets', '"Partial Mode": "Partial"') AS partial_sum,
	plan_has('SELECT loyalty.wallet_agg(loyalty.point_lot(1, now())) FROM many_wallets', '"Partial Mode": "Partial"') AS partial_agg;
SELECT count(*) AS groups, bool_and(p.w = s.w) AS sum_same, bool_and(p.l = s.l) AS agg_same
FROM (SELECT g, sum(w) AS w, wallet_agg(point_lot(g + 1, '2026-01-01')) AS l FROM many_wallets GROUP BY g) AS p
	JOIN serial AS s USING (g);
SELECT sum(w) = (SELECT sum(w) FROM serial) AS total_same FROM many_wallets;

DROP FUNCTION plan_has;
DROP TABLE many_wallets;
