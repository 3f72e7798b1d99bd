-- How import_members writes: many rows at a time or, where users have added to our tables, row by row.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, time_zone, growth_window) VALUES ('bulk', 'UTC', '1 year'), ('rows', 'UTC', '1 year');
INSERT INTO loyalty.tier (program, name, rank, threshold, status_validity)
	SELECT p.name, t.name, t.rank, t.threshold, t.status_validity::loyalty.validity_policy FROM loyalty.program p,
		(VALUES ('base', 1, 0, '1 year'), ('silver', 2, 500, '1 month'), ('gold', 3, 1500, '1 year')) t (name, rank, threshold, status_validity)
	WHERE p.name IN ('bulk', 'rows');

-- lots that lapse at once, debts, tiers that the clock has ended by now, attributes, many lots of one member
CREATE TABLE public.old (member varchar(40), points smallint, valid_from timestamp, valid_until date, growth numeric, tier text, attributes jsonb);
INSERT INTO public.old
	SELECT 'member ' || n, CASE WHEN n % 7 = 0 THEN -n % 90 - 1 ELSE n % 500 END, timestamp '2025-01-01' + n % 90 * interval '1 day',
		CASE WHEN n % 5 = 0 THEN date '2025-06-01' WHEN n % 3 = 0 THEN 'infinity' ELSE date '2036-01-01' END, n % 2000,
		CASE WHEN n % 11 = 0 THEN 'gold' END, CASE WHEN n % 2 = 0 THEN jsonb_build_object('n', n, 'text', repeat('x', n % 100)) END
	FROM generate_series(1, 3500) n;
INSERT INTO public.old SELECT 'many', 1, timestamp '2025-01-01' + n * interval '1 hour', '2036-01-01', 1, NULL, NULL FROM generate_series(1, 3000) n;
INSERT INTO public.old SELECT 'long', 1, NULL, NULL, NULL, NULL, jsonb_build_object('t', string_agg(md5(n::text), '')) FROM generate_series(1, 60000) n;

CREATE FUNCTION public.written(program text) RETURNS TABLE (what text, ref text, content text) LANGUAGE sql AS $$
	WITH m AS (SELECT m.* FROM loyalty.member m JOIN loyalty.program p USING (program_id) WHERE p.name = program)
	SELECT 'member', m.ref, concat_ws(' ', regexp_replace(m.points::text, '#\d+', '', 'g'), m.growth, m.debt, m.held, m.last_at, m.tier_until, m.earned_since, m.earned_until, m.earned_growth,
			m.maintain_at, m.enrolled_at, m.status, m.earned_phase, m.has_grants, md5(m.attributes::text), m.recent, t.name, e.name)
		FROM m LEFT JOIN loyalty.tier t ON t.tier_id = m.tier_id LEFT JOIN loyalty.tier e ON e.tier_id = m.earned_tier_id
	UNION ALL
	SELECT 'entry', m.ref, concat_ws(' ', l.at, l.points, l.balance, l.growth, l.debt, l.lapsed, l.kind, loyalty.points(l.lots), l.ref, l.actor_id, l.generation)
		FROM m JOIN loyalty.ledger l USING (member_id)
	UNION ALL
	SELECT 'period', m.ref, concat_ws(' ', t.name, p.entry_id <> 0, p.since < p.until, p.until)
		FROM m JOIN loyalty.tier_period p USING (member_id) LEFT JOIN loyalty.tier t ON t.tier_id = p.tier_id
$$;
SET work_mem = '64kB';
SELECT is(concat_ws(' ', i.members, i.enrolled, i.posted, i.unchanged), '3502 3502 3502 0', 'many at a time, in temporary files')
	FROM import_members('old', 'old', '2026-01-01 00:00Z', 'bulk') i;
RESET work_mem;
SELECT is(count(*), 3502::bigint, 'members') FROM public.written('bulk') WHERE what = 'member';
SELECT cmp_ok(count(*), '>', 4000::bigint, 'some have more entries than one') FROM public.written('bulk') WHERE what = 'entry';
SELECT is(length(attributes ->> 't'), 1920000, 'attributes that are moved out of line') FROM public.member_row('long', 'bulk');
SELECT is(loyalty.lot_count(points), 3000, 'the lots of one member') FROM public.member_row('many', 'bulk');

-- row triggers see every row
CREATE TABLE public.seen (name text, timing text, ref text);
CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (TG_TABLE_NAME, TG_WHEN || ' ' || TG_OP,
		(SELECT m.ref FROM loyalty.member m WHERE m.member_id = NEW.member_id));
	RETURN NEW;
END $$;
CREATE TRIGGER see_after AFTER INSERT OR UPDATE ON loyalty.member FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE TRIGGER see_after AFTER INSERT ON loyalty.ledger FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE TRIGGER see_before BEFORE INSERT ON loyalty.tier_period FOR EACH ROW EXECUTE FUNCTION public.see();
CREATE TRIGGER see_after AFTER INSERT ON loyalty.tier_period FOR EACH ROW EXECUTE FUNCTION public.see();
SELECT is(i.posted, 3502::bigint, 'row by row, with triggers on every table')
	FROM import_members('old', 'old', '2026-01-01 00:00Z', 'rows') i;
SELECT results_eq($$SELECT name COLLATE "C", timing COLLATE "C", count(*), count(ref) FROM public.seen GROUP BY 1, 2 ORDER BY 1, 2$$,
	$$SELECT v.name COLLATE "C", v.timing COLLATE "C", n.count, n.count FROM (VALUES ('ledger', 'AFTER INSERT', 'entry'), ('member', 'AFTER INSERT', 'member'),
			('tier_period', 'AFTER INSERT', 'period'), ('tier_period', 'BEFORE INSERT', 'period')) v (name, timing, what),
		LATERAL (SELECT count(*) FROM public.written('rows') w WHERE w.what = v.what) n$$, 'each row is seen once');
CREATE TABLE public.in_bulk AS SELECT * FROM public.written('bulk');
CREATE TABLE public.in_rows AS SELECT * FROM public.written('rows');
SELECT is_empty($$(TABLE public.in_rows EXCEPT ALL TABLE public.in_bulk) UNION ALL (TABLE public.in_bulk EXCEPT ALL TABLE public.in_rows) LIMIT 5$$,
	'both ways leave the same behind');
SELECT is(i.posted, 3502::bigint, 'the same for members who are there')
	FROM import_members('old', 'again', '2026-01-02 00:00Z', 'rows') i;
DROP TRIGGER see_after ON loyalty.member;
DROP TRIGGER see_after ON loyalty.ledger;
DROP TRIGGER see_before ON loyalty.tier_period;
DROP TRIGGER see_after ON loyalty.tier_period;

-- new members before, between and behind members who are there
CREATE TABLE public.mixed AS SELECT member, 10 AS points FROM unnest('{g,a,d,b,c,f,e,b}'::text[]) member;
SELECT FROM enroll('b', program => 'rows');
SELECT FROM enroll('d', program => 'rows');
SELECT FROM earn('f', 1, program => 'rows');
SELECT is(i::text, '(7,4,7,0,80,0)', 'known and new members of one table') FROM import_members('mixed', 'mixed', NULL, 'rows') i;
SELECT set_eq($$SELECT ref, loyalty.points(points) FROM loyalty.member WHERE length(ref) = 1$$,
	$$VALUES ('a', 10::bigint), ('b', 20), ('c', 10), ('d', 10), ('e', 10), ('f', 11), ('g', 10)$$, 'each has its own');
DELETE FROM public.mixed WHERE member = 'd';
INSERT INTO public.mixed VALUES ('bb', 5), ('a0', 5);
SELECT is(i::text, '(8,2,2,6,10,0)', 'some are posted already, some are new') FROM import_members('mixed', 'mixed', NULL, 'rows') i;

-- a table that says something else each time is read once
CREATE VIEW public.chance AS SELECT 'chance ' || (random() * 1000)::integer AS member, (random() * 100)::bigint AS points FROM generate_series(1, 2000);
CREATE TABLE public.said AS SELECT i.* FROM import_members('chance', 'chance', NULL, 'bulk') i;
SELECT is(format('%s %s', count(*), sum(loyalty.points(points))), (SELECT format('%s %s', members, points) FROM public.said), 'what it said is what is there')
	FROM loyalty.member WHERE ref ~ '^chance';

-- what users have added to our tables holds
CREATE TABLE public.few AS SELECT 'few ' || n AS member, n AS points FROM generate_series(1, 5) n;
ALTER TABLE loyalty.member ADD CONSTRAINT not_few_3 CHECK (ref <> 'few 3');
SELECT throws_ok($$SELECT loyalty.import_members('few', 'few', NULL, 'bulk')$$, '23514', NULL, 'a check');
ALTER TABLE loyalty.member DROP CONSTRAINT not_few_3;
ALTER TABLE loyalty.ledger ADD COLUMN doubled bigint GENERATED ALWAYS AS (points * 2) STORED, ADD COLUMN noted text CHECK (noted IS NULL);
CREATE FUNCTION public.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.ref <> 'few 3' THEN NEW END; END $$;
CREATE TRIGGER keep_out BEFORE INSERT ON loyalty.member FOR EACH ROW EXECUTE FUNCTION public.keep_out();
SELECT throws_ok($$SELECT loyalty.import_members('few', 'few', NULL, 'bulk')$$, '39P01', NULL, 'a trigger that leaves a member out');
DROP TRIGGER keep_out ON loyalty.member;
SELECT is(count(*), 0::bigint, 'nothing is left behind') FROM loyalty.member WHERE ref ~ '^few';
CREATE UNIQUE INDEX one_few ON loyalty.member (left(ref, 4)) WHERE ref ~ '^few [34]';
SELECT throws_ok($$SELECT loyalty.import_members('few', 'few', NULL, 'bulk')$$, '23505', NULL, 'a unique index of their own');
DROP INDEX loyalty.one_few;
SELECT is(i.posted, 5::bigint, 'columns of their own') FROM import_members('few', 'few', NULL, 'bulk') i;
SELECT is(sum(doubled), 30::numeric, 'generated ones too') FROM loyalty.ledger WHERE ref = 'few';
ALTER TABLE loyalty.ledger DROP COLUMN doubled, DROP COLUMN noted;
SELECT is(i::text, '(5,0,5,0,15,0)', 'members who are there are written as by any call') FROM import_members('few', 'few again', NULL, 'bulk') i;
SELECT is(i::text, '(5,5,5,0,15,0)', 'dropped columns do not matter') FROM import_members('few', 'few', NULL, 'rows') i;

SELECT lawful('many members at a time');
SELECT * FROM finish();
