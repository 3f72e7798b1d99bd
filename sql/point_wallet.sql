-- point_wallet: text, canonical form, casts, size, binary form, order
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

SELECT '{}'::point_wallet, ' { } '::point_wallet;

-- sorted, and lots that differ only in points are one
SELECT '{5@2026-02-01/2026-03-01, 1@2026-01-01/infinity#2 ,2@2026-01-01/infinity#1,4@2026-02-01/2026-03-01}'::point_wallet;
SELECT '{1@2026-01-01/infinity,2@2026-01-02/infinity}'::point_wallet
	= '{2@2026-01-02/infinity,1@2026-01-01 08:00+08/infinity}'::point_wallet AS equal,
	point_wallet_send('{1@2026-01-01/infinity,2@2026-01-02/infinity}')
	= point_wallet_send('{2@2026-01-02/infinity,1@2026-01-01 08:00+08/infinity}') AS bytes_equal;

-- casts
SELECT ARRAY['2@2026-01-02/infinity', '1@2026-01-01/infinity', '3@2026-01-02/infinity']::point_lot[]::point_wallet;
SELECT '{}'::point_lot[]::point_wallet, '{}'::point_wallet::point_lot[];
SELECT ('{2@2026-01-02/infinity,1@2026-01-01/infinity}'::point_wallet::point_lot[])[1];
SELECT '{1@2026-01-01/infinity,2@2026-01-02/2026-05-01#7}'::point_wallet::point_lot[]::point_wallet;

-- any lots, there and back through text, array and rows: many shapes
CREATE TEMP TABLE shapes (shape text, lots point_lot[]);
INSERT INTO shapes
SELECT shape, array_agg(point_lot(1 + i * 7919 % 5000, f,
	CASE shape
		WHEN 'never' THEN 'infinity'
		WHEN '12 months' THEN f + interval '12 months'
		WHEN 'end of day' THEN date_trunc('day', f) + interval '366 days'
		WHEN 'end of year' THEN date_trunc('year', f) + interval '1 year'
		WHEN 'mixed' THEN
			CASE i % 10 WHEN 0 THEN 'infinity'
				WHEN 1 THEN date_trunc('day', f) + interval '91 days'
				WHEN 2 THEN date_trunc('year', f) + interval '2 years'
				ELSE f + interval '12 months' END
		WHEN 'microseconds' THEN f + interval '12 months'
	END,
	i * 1000000::bigint + i * 6700417::bigint % 2000000))
FROM unnest(ARRAY['never', '12 months', 'end of day', 'end of year', 'mixed', 'microseconds']) AS shape,
	generate_series(0, 364) AS i,
	LATERAL (SELECT '2026-01-01'::timestamptz + i * interval '1 day' + i * 104729 % 86400 * interval '1 second'
		+ CASE WHEN shape = 'microseconds' THEN i * 15485863::bigint % 1000000 ELSE 0 END * interval '1 microsecond' AS f) AS t
GROUP BY shape;

SELECT shape, w::text::point_wallet = w AS by_text, w::point_lot[] = lots AS by_array,
	(SELECT array_agg(l ORDER BY n) FROM lots(w) WITH ORDINALITY AS t (l, n)) = lots AS by_rows,
	lot_count(w), points(w) = (SELECT sum(points(l)) FROM unnest(lots) AS l) AS sum
FROM (SELECT shape, lots, lots::point_wallet AS w FROM shapes) AS t
ORDER BY shape;

-- a year of daily lots: at most 2.6 kB for one policy, 3.4 kB for all
SELECT shape, octet_length(point_wallet_send(lots::point_wallet)) <=
	CASE WHEN shape IN ('mixed', 'microseconds') THEN 3481 ELSE 2600 END AS small_enough
FROM shapes
ORDER BY shape;

-- one lot and none
CREATE TEMP TABLE sizes (w point_wallet);
INSERT INTO sizes VALUES ('{120@2026-11-21T13:14:15Z/2027-11-21T13:14:15Z#100000000}'), ('{}');
SELECT w, pg_column_size(w) <= 24 AS small FROM sizes;

-- 100,000 lots
SELECT lot_count(w), points(w), w::point_lot[]::point_wallet = w AS same
FROM (SELECT wallet_agg(point_lot(1 + i % 3, '2020-01-01'::timestamptz + i * interval '1 hour',
	'infinity', i)) AS w FROM generate_series(1, 100000) AS i) AS t;

-- binary form: version 1, number of lots, then the first lot:
-- units day and day, day 1, 2 days, 3 points, source 4
SELECT point_wallet_send('{}');
SELECT point_wallet_send('{3@2000-01-02/2000-01-04#4}');
SELECT point_wallet_send('{3@2000-01-02/infinity}');

-- order: lot by lot, a wallet before its continuations
SELECT w
FROM (VALUES
	('{1@2026-01-02/infinity}'::point_wallet), ('{}'), ('{1@2026-01-01/infinity,1@2026-01-03/infinity}'),
	('{1@2026-01-01/infinity}'), ('{2@2026-01-01/infinity}')) AS v (w)
ORDER BY w;
SELECT a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES
	('{}'::point_wallet, '{}'::point_wallet),
	('{}', '{1@2026-01-01/infinity}'),
	('{1@2026-01-02/infinity}', '{1@2026-01-01/infinity}')) AS v (a, b);

-- binary COPY there and back; $PPID is this psql
CREATE TEMP TABLE copied (lot point_lot, w point_wallet, p validity_policy);
CREATE TEMP TABLE original AS
SELECT lots[1] AS lot, lots::point_wallet AS w,
	'earliest of (12 months end of month, on 12-31)'::validity_policy AS p
FROM shapes
UNION ALL VALUES (NULL::point_lot, '{}'::point_wallet, 'never'::validity_policy);
\copy original TO PROGRAM 'cat > "${TMPDIR:-/tmp}/loyalty_copy.$PPID"' WITH (FORMAT binary)
\copy copied FROM PROGRAM 'cat "${TMPDIR:-/tmp}/loyalty_copy.$PPID"; rm "${TMPDIR:-/tmp}/loyalty_copy.$PPID"' WITH (FORMAT binary)
SELECT count(*) FROM copied;
SELECT count(*) AS differ
FROM ((TABLE original EXCEPT TABLE copied) UNION ALL (TABLE copied EXCEPT TABLE original)) AS t;
