-- Opening balances from a table.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', '1 year', 'Europe/Berlin');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES
	('shop', 'base', 1, 0, 0), ('shop', 'silver', 2, 100, 10), ('shop', 'gold', 3, 200, 20);
INSERT INTO loyalty.rule (name, event, points) VALUES ('welcome', 'register', '50'), ('base', 'purchase', '$.amount');

CREATE TABLE public.old (member text, points bigint, valid_from date, valid_until date, growth bigint, growth_at date,
	tier text, attributes jsonb, enrolled_at date);
INSERT INTO public.old VALUES
	('bob', 30, '2024-01-15', '2034-01-01', 120, '2024-02-03', NULL, '{"city": "Oslo"}', '2020-05-01'),
	('ann', 100, '2024-03-01', '2035-01-01', 0, NULL, 'gold', NULL, '2021-01-01'),
	('bob', 20, '2023-12-31', '2033-01-01', 5, '2024-03-03', NULL, NULL, NULL),
	('cat', -25, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('dan', 7, '2020-01-01', '2021-01-01', NULL, NULL, NULL, NULL, NULL),
	('eve', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('fay', 11, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	('fay', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

SELECT is(i::text, '(6,6,6,0,143,125)', 'members, enrolled, posted, unchanged; the sums are those of the table') FROM import_members('old', 'migration', '2026-01-01 12:00:00.5+01') i;
SELECT is(wallet_of('bob'), '20@2023-12-30 23:00:00/2032-12-31 23:00:00 30@2024-01-14 23:00:00/2033-12-31 23:00:00', 'several rows are several lots, dates local to the program');
SELECT is(trail('bob'), 'opening 50', 'one entry for each member; register is not recorded');
SELECT is(format('%s %s', points = 50, ref), 't migration', 'its ref is the import''s') FROM last_entry('bob');
SELECT is(format('%s %s %s', growth_of('bob'), tier_of('bob'), shown((member_row('bob')).enrolled_at)), '125 silver 2020-04-30 22:00:00', 'growth makes the tier, without its gift');
SELECT is((member_row('bob')).attributes, '{"city": "Oslo"}'::jsonb, 'attributes of the member');
SELECT is(format('%s %s', tier_of('ann'), trail('ann')), 'gold opening 100', 'a tier that is brought along, without its gift');
SELECT is(stands('cat'), 'wallet 0, held 0, debt 25', 'points below 0 are owed');
SELECT is(trail('dan'), 'opening 7, lapse -7', 'lots that have lapsed come and go, so that the sums tie');
SELECT is(trail('eve'), 'opening 0', 'a member without points');
SELECT is(wallet_of('fay'), '11@2026-01-01 11:00:00/2027-01-01 11:00:00', 'a lot without dates: by the program, from the import on');
SELECT ok(bool_or(line ~ '2026-01-01 12:00.*: the opening balance was 50 points and 125 growth'), 'explain') FROM explain('bob', 'migration') line;
SELECT is(points, -20, 'opening lots are spent like any') FROM redeem('bob', 20, 'r1');
SELECT is(wallet_of('bob'), '30@2024-01-14 23:00:00/2033-12-31 23:00:00', 'the oldest first');

-- idempotent
CREATE TABLE public.before AS SELECT everything() AS state;
SELECT is(i::text, '(6,0,0,6,0,0)', 'a second run changes nothing') FROM import_members('old', 'migration') i;
SELECT is(everything(), state, 'nothing at all') FROM public.before;
CREATE TABLE public.shuffled AS SELECT tier, growth, growth_at, member, attributes, points, valid_until, valid_from, enrolled_at FROM public.old ORDER BY points DESC;
SELECT is(i::text, '(6,0,0,6,0,0)', 'rows and columns in another order are the same content') FROM import_members('shuffled', 'migration') i;
SELECT is(everything(), state, 'nothing at all') FROM public.before;
UPDATE public.shuffled SET points = 21 WHERE points = 20;
SELECT refuses($$SELECT import_members('shuffled', 'migration')$$, 'LY003', 'changed content');
INSERT INTO public.old (member, points) VALUES ('gus', 9);
SELECT is(i::text, '(7,1,1,6,9,0)', 'a row that was added is posted') FROM import_members('old', 'migration') i;

-- members that are there
SELECT FROM earn('hal', 5, valid_from => '2026-02-01', at => '2026-02-01');
CREATE TABLE public.more (member text, points numeric(10,2), tier text);
INSERT INTO public.more VALUES ('hal', 10.00, 'silver'), ('cat', 100, NULL);
SELECT is(i::text, '(2,0,2,0,110,0)', 'another import, numeric points') FROM import_members('more', 'second') i;
SELECT is(format('%s %s', tier_of('hal'), trail('hal')), 'silver event 50, earn 5, opening 10', 'adds to what is there');
SELECT is(stands('cat'), 'wallet 75, held 0, debt 0', 'and pays a debt');

-- errors name the row
CREATE TABLE public.bad (member text, points text, valid_from text, valid_until text, tier text, growth integer);
CREATE FUNCTION public.named(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE context text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN sqlstate || ': ' || split_part(context, E'\n', 1);
END $$;
CREATE FUNCTION public.bad_row(a text, b text, c text, d text, e text, f integer, description text, want text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE public.bad;
	INSERT INTO public.bad VALUES ('ok', '1', NULL, NULL, NULL, 0), (a, b, c, d, e, f), ('zed', '2', NULL, NULL, NULL, 0);
	RETURN public.is(public.named($q$SELECT loyalty.import_members('public.bad', 'bad')$q$), want, description);
END $$;
SELECT bad_row('m', 'ten', NULL, NULL, NULL, 0, 'points that are no number', '22P02: column "points" of member "m", row 2 of public.bad');
SELECT bad_row('m', '1', '2026-02-30', NULL, NULL, 0, 'a day that is not there', '22008: column "valid_from" of member "m", row 2 of public.bad');
SELECT bad_row('m', '1', '2026-03-01', '2026-02-01', NULL, 0, 'an end before the start', '22023: member "m", row 2 of public.bad');
SELECT bad_row('m', '1', NULL, NULL, 'none', 0, 'an unknown tier', '22023: member "m", row 2 of public.bad');
SELECT bad_row('m', '1', NULL, NULL, NULL, -1, 'growth below 0', '22023: member "m", row 2 of public.bad');
SELECT bad_row(NULL, '1', NULL, NULL, NULL, 0, 'no member', '22023: row 2 of public.bad');
SELECT bad_row('', '1', NULL, NULL, NULL, 0, 'an empty member', '22023: row 2 of public.bad');
SELECT bad_row('ok', '-1', NULL, NULL, NULL, 0, 'lots and a debt', '22023: member "ok", row 2 of public.bad');
SELECT bad_row('ok', '9223372036854775807', NULL, NULL, NULL, 0, 'more than bigint', '22003: member "ok", row 2 of public.bad');
SELECT FROM set_status('eve', 'frozen');
SELECT bad_row('eve', '1', NULL, NULL, NULL, 0, 'a blocked member', 'LY004: member "eve", row 2 of public.bad');
SELECT is(count(*), 0::bigint, 'and leave nothing behind') FROM loyalty.member WHERE ref IN ('ok', 'zed', 'm');
INSERT INTO public.more VALUES ('hal', 1.5, NULL);
SELECT is(named($$SELECT import_members('more', 'third')$$), '22P02: column "points" of member "hal", row 3 of public.more', 'points that are not whole');
CREATE TABLE public.ahead (member text, points bigint, growth bigint, growth_at date, enrolled_at date);
INSERT INTO public.ahead VALUES ('ok', 1, 2, '2024-01-01', NULL), ('m', 1, 5000, '2100-01-01', NULL);
SELECT is(named($$SELECT import_members('ahead', 'a')$$), '22023: member "m", row 2 of public.ahead', 'growth gained in the future');
UPDATE public.ahead SET growth_at = NULL, enrolled_at = '2100-01-01' WHERE member = 'm';
SELECT is(named($$SELECT import_members('ahead', 'a')$$), '22023: member "m", row 2 of public.ahead', 'enrolled in the future');
UPDATE public.ahead SET enrolled_at = '2025-06-02' WHERE member = 'm';
SELECT is(named($$SELECT import_members('ahead', 'a', '2025-06-01 23:59:59+02')$$), '22023: member "m", row 2 of public.ahead', 'later than the import');
SELECT is(i::text, '(2,2,2,0,2,5002)', 'at the instant of the import is not') FROM import_members('ahead', 'a', '2025-06-02 00:00+02') i;
CREATE TABLE public.typo (member text, point bigint);
SELECT refuses($$SELECT import_members('typo', 't')$$, '22023', 'a column that nobody reads', 'point.*not one that');
CREATE TABLE public.nobody (points bigint);
SELECT refuses($$SELECT import_members('nobody', 't')$$, '22023', 'no column member');
SELECT refuses($$SELECT import_members('old', NULL)$$, '22023', 'no ref');
SELECT refuses($$SELECT import_members(NULL, 'x')$$, '22023', 'no source');

-- whoever imports must be allowed to read the table
CREATE ROLE importer;
GRANT USAGE ON SCHEMA loyalty TO importer;
GRANT EXECUTE ON FUNCTION loyalty.import_members TO importer;
SET ROLE importer;
SELECT throws_ok($$SELECT loyalty.import_members('public.old', 'y')$$, '42501', NULL, 'a table that the caller may not read');
RESET ROLE;
GRANT SELECT ON public.old TO importer;
SET ROLE importer;
SELECT is((loyalty.import_members('public.old', 'migration')).unchanged, 7::bigint, 'nothing but that table is needed');
RESET ROLE;
DROP OWNED BY importer;
DROP ROLE importer;

-- a hundred thousand
CREATE VIEW public.many AS SELECT 'm' || n % 60000 AS member, n AS points, timestamptz '2026-01-01' + n % 301 * interval '1 day' AS valid_from
	FROM generate_series(1, 100000) n;
SELECT is(i::text, '(60000,60000,60000,0,5000050000,0)', 'a hundred thousand rows of a view') FROM import_members('many', 'many') i;
SELECT is(count(*), 60000::bigint, 'each member has its lots') FROM loyalty.member WHERE ref ~ '^m[0-9]+$'
	AND loyalty.lot_count(points) = CASE WHEN substr(ref, 2)::int BETWEEN 1 AND 40000 THEN 2 ELSE 1 END;
SELECT is(i::text, '(60000,0,0,60000,0,0)', 'once') FROM import_members('many', 'many') i;

SELECT is_empty('SELECT * FROM public.breaches()', 'the law holds');
SELECT is_empty('SELECT * FROM loyalty.verify()', 'verify() finds nothing');
SELECT * FROM finish();
