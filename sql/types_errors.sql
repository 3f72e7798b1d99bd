-- what the value types refuse, with its SQLSTATE
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

CREATE FUNCTION refusal(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

\pset format unaligned
\pset tuples_only on

-- text of a lot
SELECT refusal(format('SELECT %L::loyalty.point_lot', t)) FROM unnest(ARRAY[
	'', 'x', '@', '1', '1@', '1@2026-01-01', '1@2026-01-01/', '1@2026-01-01/infinity#', '1@2026-01-01/infinity x',
	'1.5@2026-01-01/infinity', '0@2026-01-01/infinity', '-1@2026-01-01/infinity',
	'9223372036854775808@2026-01-01/infinity', '1@2026-01-01/infinity#9223372036854775808',
	'1@2026-01-01/infinity#-1', '1@infinity/infinity', '1@-infinity/infinity',
	'1@2026-01-02/2026-01-02', '1@2026-01-02/2026-01-01',
	'1@26-01-01/infinity', '1@2026-1-1/infinity', '1@2026-13-01/infinity', '1@2026-02-29/infinity',
	'1@2026-01-01T24:00:00Z/infinity', '1@2026-01-01T10/infinity', '1@2026-01-01T10:60/infinity',
	'1@2026-01-01T10:00:00.1234567Z/infinity', '1@2026-01-01T10:00:00+16/infinity', '1@2026-01-01T10:00:00+8/infinity',
	'1@0000-12-31/infinity', '1@0001-01-01T00:00:00+01/infinity', '1@294277-01-01/infinity', '1@999999-12-31/infinity',
	'1@yesterday/infinity', '1@now/infinity', repeat('9', 300) || '@2026-01-01/infinity']) AS t;

-- arguments of the constructor
SELECT refusal(q) FROM unnest(ARRAY[
	$$SELECT loyalty.point_lot(0, '2026-01-01')$$, $$SELECT loyalty.point_lot(-5, '2026-01-01')$$,
	$$SELECT loyalty.point_lot(1, 'infinity')$$, $$SELECT loyalty.point_lot(1, '-infinity')$$,
	$$SELECT loyalty.point_lot(1, '2026-01-01', '2026-01-01')$$, $$SELECT loyalty.point_lot(1, '2026-01-01', '-infinity')$$,
	$$SELECT loyalty.point_lot(1, '2026-01-01', source => -1)$$, $$SELECT loyalty.point_lot(1, '0044-03-15 BC')$$]) AS q;

-- text of a wallet
SELECT refusal(format('SELECT %L::loyalty.point_wallet', t)) FROM unnest(ARRAY[
	'', '{', '}', '{,}', '{1@2026-01-01/infinity', '{1@2026-01-01/infinity,}', '{1@2026-01-01/infinity;}', '{}}', '{} x',
	'{0@2026-01-01/infinity}', '{9223372036854775807@2026-01-01/infinity,1@2026-01-02/infinity}']) AS t;

-- wallets: sums, differences, taking
SELECT refusal(q) FROM unnest(ARRAY[
	$$SELECT ARRAY[NULL]::loyalty.point_lot[]::loyalty.point_wallet$$,
	$$SELECT '{9223372036854775807@2026-01-01/infinity}'::loyalty.point_wallet OPERATOR(loyalty.+) '1@2026-01-01/infinity'::loyalty.point_lot$$,
	$$SELECT '{9223372036854775807@2026-01-01/infinity}'::loyalty.point_wallet OPERATOR(loyalty.+) '{1@2026-01-02/infinity,1@2026-01-03/infinity}'::loyalty.point_wallet$$,
	$$SELECT loyalty.sum(w) FROM (VALUES ('{9223372036854775807@2026-01-01/infinity}'::loyalty.point_wallet), ('{1@2026-01-02/infinity}')) AS v (w)$$,
	$$SELECT '{5@2026-01-01/infinity}'::loyalty.point_wallet OPERATOR(loyalty.-) '{6@2026-01-01/infinity}'::loyalty.point_wallet$$,
	$$SELECT '{5@2026-01-01/infinity}'::loyalty.point_wallet OPERATOR(loyalty.-) '{5@2026-01-01/infinity#1}'::loyalty.point_wallet$$,
	$$SELECT loyalty.take('{5@2026-01-01/infinity,7@2027-01-01/infinity}', 6, '2026-02-01')$$,
	$$SELECT loyalty.take('{5@2026-01-01/infinity}', 0, '2026-02-01')$$,
	$$SELECT loyalty.take('{5@2026-01-01/infinity}', -1, '2026-02-01')$$,
	$$SELECT loyalty.take('{5@2026-01-01/infinity}', 1, '2026-02-01', 'lifo')$$,
	$$SELECT loyalty.take('{5@2026-01-01/infinity}', 1, 'infinity')$$,
	$$SELECT loyalty.spendable('{}', '-infinity')$$,
	$$SELECT loyalty.coarsen('{}', 'year', 'UTC')$$,
	$$SELECT loyalty.coarsen('{}', 'day', 'Mars/Olympus')$$,
	$$SELECT loyalty.coarsen('{1@0001-01-01/infinity}', 'week', 'Asia/Shanghai')$$]) AS q;

-- text of a policy
SELECT refusal(format('SELECT %L::loyalty.validity_policy', t)) FROM unnest(ARRAY[
	'', 'nevermore', 'never never', '0 days', '1', '1 hour', '1 quarter', '-1 day', '1000001 days', '99999999999999999999 days',
	'1 year end', '1 year end of', '1 year end of years', 'end of', 'end of next', 'end of century', 'on', 'on 3-31', 'on 13-01',
	'on 02-30', 'on 03-31,', 'on 03-31, x', 'earliest of', 'earliest of (never)', 'earliest of (never, 1 year', 'earliest of (never, 1 year, 2 years)',
	repeat('earliest of (never, ', 9) || 'never' || repeat(')', 9)]) AS t;
SELECT refusal(format('SELECT %L::loyalty.validity_policy', repeat('earliest of (never, ', 8) || 'never' || repeat(')', 8)));
SELECT refusal(q) FROM unnest(ARRAY[
	$$SELECT loyalty.valid_until('1 year', '2026-01-01', 'Mars/Olympus')$$,
	$$SELECT loyalty.valid_until('1 year', 'infinity', 'UTC')$$,
	$$SELECT loyalty.valid_until('1 year', '0044-03-15 BC', 'UTC')$$,
	$$SELECT loyalty.valid_until('1000000 years', '2026-01-01', 'UTC')$$,
	$$SELECT loyalty.valid_until('end of year', '294276-06-01', 'UTC')$$]) AS q;

-- soft errors, from 16 on; before it the same line is an error that is caught
SELECT current_setting('server_version_num')::integer >= 160000 AS soft \gset
\if :soft
SELECT string_agg(pg_input_is_valid(t, type)::text, ' ' ORDER BY type, t COLLATE "C")
\else
SELECT string_agg((refusal(format('SELECT %L::loyalty.%s', t, type)) = 'no error')::text, ' ' ORDER BY type, t COLLATE "C")
\endif
FROM unnest(ARRAY['point_lot', 'point_wallet', 'validity_policy']) AS type,
	unnest(ARRAY['1@2026-01-01/infinity', 'never', '{}', '0@2026-01-01/infinity']) AS t;

-- bytes, which come in by a binary COPY of one row and one column
CREATE FUNCTION receive(type regtype, value bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	-- signature, flags, no header extension; the row; the end
	file bytea := '\x5047434f50590aff0d0a000000000000000000'::bytea || '\x0001'::bytea
		|| int4send(length(value)) || value || '\xffff'::bytea;
	octal text;
	detail text;
	answer text;
BEGIN
	SELECT string_agg(concat('\', byte >> 6, byte >> 3 & 7, byte & 7), '' ORDER BY i)
	INTO octal
	FROM generate_series(0, length(file) - 1) AS i, get_byte(file, i) AS byte;
	EXECUTE format('CREATE TEMP TABLE received (v %s)', type);
	BEGIN
		EXECUTE format('COPY received FROM PROGRAM %L (FORMAT binary)', format('printf "%s"', octal));
		EXECUTE 'SELECT v::text FROM received' INTO answer;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		answer := concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''));
	END;
	DROP TABLE received;
	RETURN answer;
END $$;

-- a lot: version 1, points, valid_from, valid_until, source
SELECT receive('point_lot', v) FROM unnest(ARRAY[
	point_lot_send('3@2000-01-01/2000-01-02#4'),
	'\x', '\x01', '\x02' || substr(point_lot_send('3@2000-01-01/2000-01-02#4'), 2),
	point_lot_send('3@2000-01-01/2000-01-02#4') || '\x00',
	'\x01'::bytea || int8send(0) || int8send(0) || int8send(1) || int8send(0),
	'\x01'::bytea || int8send(1) || int8send(1) || int8send(1) || int8send(0),
	'\x01'::bytea || int8send(1) || int8send(0) || int8send(1) || int8send(-1),
	'\x01'::bytea || int8send(1) || '\x8000000000000000'::bytea || int8send(1) || int8send(0),
	'\x01'::bytea || int8send(1) || int8send(0) || int8send(9223372036854775806) || int8send(0)]) AS v;

-- a wallet: version 1, count, units, valid_from, length, points, source
SELECT receive('point_wallet', v) FROM unnest(ARRAY[
	'\x0100'::bytea, '\x01015502020304',
	'\x', '\x01', '\x0200', '\x010000', '\x0101', '\x010155020203', '\x0101550202030400',
	'\x01015602020304', '\x01016502020304', '\x01015502020004', '\x01015502000304',
	'\x0101540230020304', '\x018100', '\x01ffffffff0f5502020304', '\x01ffffffffffffffffffff01',
	'\x01ffff7f55020203040000000000000000']) AS v;

-- a policy: version 1, text
SELECT receive('validity_policy', v) FROM unnest(ARRAY[
	'\x01'::bytea || 'END of year'::bytea, '\x', '\x01', '\x02'::bytea || 'never'::bytea,
	'\x01'::bytea || 'ever'::bytea, '\x01'::bytea || '\x6e6576657200'::bytea]) AS v;

DROP FUNCTION receive, refusal;
