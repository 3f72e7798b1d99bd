-- what SQL does with wallets
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

-- lapsed on 1 March, spendable, pending, never lapsing
\set w '''{10@2026-01-01/2026-03-01#1,20@2026-01-15/2026-12-31#2,5@2026-02-01/2026-06-30#3,40@2026-09-01/2027-09-01#4,7@2026-02-01/infinity#5}'''::point_wallet

-- the borders of a lot belong to what follows them
SELECT at, spendable(:w, at), pending(:w, at), lapsed(:w, at), next_lapse(:w, at),
	spendable(:w, at) + pending(:w, at) + lapsed(:w, at) = points(:w) AS all
FROM unnest(ARRAY['2025-12-31', '2026-01-01', '2026-02-28 23:59:59.999999', '2026-03-01',
	'2026-09-01', '2027-08-31', '2027-09-01']::timestamptz[]) AS at;
SELECT points(:w), lot_count(:w), points('{}'::point_wallet), lot_count('{}');
SELECT spendable('{}', '2026-01-01'), pending('{}', '2026-01-01'), lapsed('{}', '2026-01-01'), next_lapse('{}', '2026-01-01');
SELECT lots(:w);
SELECT count(*) FROM lots('{}'::point_wallet);
SELECT spendable(:w, NULL) IS NULL AS strict;

-- + and -
SELECT :w + '3@2026-02-01/2026-06-30#3'::point_lot;
SELECT '1@2025-12-31/infinity'::point_lot + :w;
SELECT '{1@2026-01-01/infinity,2@2026-01-03/infinity}'::point_wallet + '{3@2026-01-02/infinity,4@2026-01-03/infinity}'::point_wallet;
SELECT :w + '{}'::point_wallet = :w AS right_zero, '{}'::point_wallet + :w = :w AS left_zero;
SELECT :w - '{10@2026-01-01/2026-03-01#1,2@2026-02-01/infinity#5}'::point_wallet;
SELECT :w - :w AS nothing, :w - '{}'::point_wallet = :w AS all;

-- take: lot order, or soonest end first; the last lot is split
SELECT * FROM take(:w, 25, '2026-02-15');
SELECT * FROM take(:w, 25, '2026-02-15', 'expiring');
SELECT * FROM take(:w, 25, '2026-03-15');
SELECT * FROM take(:w, 25, '2026-03-15', spend_order => 'expiring');
SELECT * FROM take(:w, 42, '2026-02-15');
-- lots of one end are taken in lot order
SELECT * FROM take('{4@2026-01-01/2026-05-01,4@2026-01-02/2026-04-01#2,4@2026-01-03/2026-04-01#1}', 5, '2026-01-10', 'expiring');

-- what goes in comes out: for every number of points, in both orders
SELECT spend_order, count(*), bool_and(points(taken) = n) AS as_asked,
	bool_and(taken + rest = :w) AS conserved, bool_and(spendable(taken, at) = n) AS spendable
FROM unnest(ARRAY['fifo', 'expiring']) AS spend_order, generate_series(1, 32) AS n,
	CAST('2026-03-15' AS timestamptz) AS at, take(:w, n, at, spend_order)
GROUP BY spend_order
ORDER BY spend_order;

-- split_lapsed
SELECT * FROM split_lapsed(:w, '2026-06-30');
SELECT * FROM split_lapsed(:w, '2026-01-01');
SELECT lapsed + rest = :w AS conserved FROM split_lapsed(:w, '2027-01-01');

-- coarsen: from back to the start of its local period, until on to the end of its own
\set c '''{1@2026-01-31T15:59:59Z/2027-01-31T15:59:59Z#1,2@2026-01-31T16:00:00Z/2027-01-31T16:00:00Z#2,4@2026-02-10/2027-02-10#3,8@2026-02-11/infinity#4}'''::point_wallet
SELECT unit, coarsen(:c, unit, 'Asia/Shanghai'), points(coarsen(:c, unit, 'Asia/Shanghai'))
FROM unnest(ARRAY['day', 'week', 'month']) AS unit;
SELECT coarsen(:c, 'month', 'UTC');
-- the same said in plain SQL, over a year of lots in a zone with summer time
CREATE TEMP TABLE year_of_lots AS
SELECT point_lot(i, '2026-01-01'::timestamptz + i * interval '7 hours 13 minutes',
	'2027-01-01'::timestamptz + i * interval '5 hours', i) AS l
FROM generate_series(1, 1200) AS i;
SELECT unit, lot_count(coarsened) < 1200 AS fewer, coarsened =
	(SELECT wallet_agg(point_lot(p, f, u))
	 FROM (SELECT points(l) AS p, date_trunc(unit, lf) AT TIME ZONE zone AS f,
			CASE WHEN date_trunc(unit, lu) = lu THEN valid_until(l)
				ELSE (date_trunc(unit, lu) + ('1 ' || unit)::interval) AT TIME ZONE zone END AS u
		FROM year_of_lots,
			LATERAL (SELECT valid_from(l) AT TIME ZONE zone AS lf, valid_until(l) AT TIME ZONE zone AS lu) AS t) AS t) AS agrees
FROM unnest(ARRAY['day', 'week', 'month']) AS unit,
	CAST('America/New_York' AS text) AS zone,
	LATERAL (SELECT coarsen(wallet_agg(l), unit, zone) AS coarsened FROM year_of_lots) AS t
ORDER BY unit;
