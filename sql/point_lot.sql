-- point_lot: text, constructor, accessors, order, binary form
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

-- text: always UTC, #source left out when 0
SELECT '120@2026-11-21T00:00:00Z/2027-11-21T00:00:00Z#1001'::point_lot;
SELECT '120@2026-11-21/infinity'::point_lot;
SELECT input, input::point_lot AS lot
FROM (VALUES
	('1@2026-01-01T08:00:00+08/2026-01-02T08:00:00+0800'),
	('1@2026-01-01T08:00:00+08:00/2026-01-02T00:00:00-03:30'),
	('1@2026-01-01 12:30/2026-01-02 12:30:15.5Z'),
	('1@2026-01-01T00:00:00.000001Z/2026-01-01t00:00:00.000002z'),
	('  7 @ 2024-02-29 / INFINITY # 9 '),
	('+5@0001-01-01/294276-12-31T23:59:59.999999Z#0'),
	('9223372036854775807@2026-01-01/2026-01-02#9223372036854775807')) AS v (input);

-- whatever the session's settings are
SET TIME ZONE 'Asia/Shanghai';
SET DateStyle = 'German, DMY';
SELECT '1@2026-03-04/2026-05-06'::point_lot;
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';

-- constructor and accessors
SELECT point_lot(120, '2026-11-21', '2027-11-21', 1001);
SELECT point_lot(points => 5, valid_from => '2026-11-21 12:00+08');
SELECT points(lot), valid_from(lot), valid_until(lot), source(lot), validity(lot)
FROM (VALUES (point_lot(120, '2026-11-21', '2027-11-21', 1001)), (point_lot(5, '2026-11-21'))) AS v (lot);
SELECT upper(validity(lot)) = valid_until(lot) AS upper_is_until,
	validity(lot) @> valid_from(lot) AS from_inside,
	validity(lot) @> valid_until(lot) AS until_inside
FROM (VALUES (point_lot(120, '2026-11-21', '2027-11-21', 1001))) AS v (lot);
SELECT point_lot(NULL, '2026-11-21') IS NULL AS strict;

-- the order is (valid_from, source, valid_until, points)
SELECT lot
FROM unnest('{9@2026-01-02/2026-01-03#1,1@2026-01-01/2026-01-05#2,2@2026-01-01/2026-01-04#2,
	3@2026-01-01/2026-01-04#2,8@2026-01-01/2026-01-09#1}'::point_lot[]) AS lot
ORDER BY lot;
SELECT a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES
	('1@2026-01-01/infinity'::point_lot, '1@2026-01-01/infinity'::point_lot),
	('1@2026-01-01/infinity', '2@2026-01-01/infinity'),
	('1@2026-01-01/infinity#3', '1@2026-01-01/infinity#2')) AS v (a, b);
SELECT point_lot_hash('1@2026-01-01/infinity') = point_lot_hash('1@2026-01-01 08:00+08/infinity') AS hash,
	point_lot_hash_extended('1@2026-01-01/infinity', 7) =
	point_lot_hash_extended('1@2026-01-01 08:00+08/infinity', 7) AS extended,
	point_lot_hash_extended('1@2026-01-01/infinity', 0) & x'ffffffff'::bigint =
	point_lot_hash('1@2026-01-01/infinity')::bigint & x'ffffffff'::bigint AS agree;

-- binary: version 1, then four int8; 2000-01-01 and 2000-01-02 are 0 and 86400000000
SELECT point_lot_send('3@2000-01-01/2000-01-02#4');
SELECT point_lot_send('3@2000-01-01/infinity');

-- what psql's \dT+ shows
SELECT obj_description('point_lot'::regtype, 'pg_type');
