-- attach: what may be attached, by whom, and what it says of it.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never'), ('other', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES
	('shop', 'base', 'purchase', '$.amount'),
	('shop', 'pages', 'review', '$.pages'),
	('other', 'double', 'purchase', '$.amount * 2');

CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric, note text,
	made timestamptz, day date, local timestamp);
CREATE VIEW orders_view AS SELECT * FROM orders;
CREATE MATERIALIZED VIEW orders_kept AS SELECT * FROM orders;
CREATE TEMPORARY TABLE orders_temp (LIKE orders INCLUDING ALL);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE orders_far (id int, customer text) SERVER nowhere;

-- what is refused
SELECT refuses($$SELECT attach('orders_view', 'customer', 'id')$$, '42809', 'a view');
SELECT refuses($$SELECT attach('orders_kept', 'customer', 'id')$$, '42809', 'a materialized view');
SELECT refuses($$SELECT attach('orders_far', 'customer', 'id')$$, '42809', 'a foreign table');
SELECT refuses($$SELECT attach('orders_temp', 'customer', 'id')$$, '42809', 'a temporary table');
SELECT refuses($$SELECT attach('orders_pkey', 'customer', 'id')$$, '42809', 'an index');
SELECT refuses($$SELECT attach('nothing', 'customer', 'id')$$, '42P01', 'no such table');
SELECT refuses($$SELECT attach('orders', 'nobody', 'id')$$, '42703', 'no such member column');
SELECT refuses($$SELECT attach('orders', 'customer', 'nothing')$$, '42703', 'no such ref column');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', at => 'never')$$, '42703', 'no such column for at');
SELECT refuses($$SELECT attach('orders', 'customer', 'ctid')$$, '42703', 'a system column');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', at => 'note')$$, '42804', 'a text cannot say when');
SELECT refuses($$SELECT attach('orders', 'customer', 'note')$$, '55000', 'a ref that is not unique', 'unique index');
SELECT refuses($$SELECT attach(NULL, 'customer', 'id')$$, '22023', 'no table');
SELECT refuses($$SELECT attach('orders', NULL, 'id')$$, '22023', 'no member');
SELECT refuses($$SELECT attach('orders', 'customer', NULL)$$, '22023', 'no ref');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', NULL)$$, '22023', 'no event');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', '')$$, '22023', 'an empty event');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', repeat('e', 64))$$, '22023', 'an event too long');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', on_error => 'ignore')$$, '22023', 'an unknown on_error', 'ignore');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', on_delete => 'drop')$$, '22023', 'an unknown on_delete', 'drop');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', condition => '$.status ==')$$, '42601', 'a condition that is no jsonpath');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', condition => '$tier.rank > 1')$$, '42704', 'a condition that mentions a variable');
SELECT refuses($$SELECT attach('orders', 'customer', 'id', program => 'nil')$$, 'LY005', 'an unknown program');
CREATE UNIQUE INDEX orders_note_key ON orders (note) WHERE note IS NOT NULL;
SELECT refuses($$SELECT attach('orders', 'customer', 'note')$$, '55000', 'a partial index does not make it unique');
DROP INDEX orders_note_key;
SELECT is(count(*), 0, 'a refusal leaves no trigger behind') FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'orders'::regclass;

CREATE ROLE attach_stranger;
GRANT EXECUTE ON FUNCTION loyalty.attach, loyalty.detach TO attach_stranger;
GRANT USAGE ON SCHEMA loyalty TO attach_stranger;
GRANT ALL ON orders TO attach_stranger;
SELECT refuses($$SET LOCAL ROLE attach_stranger; SELECT attach('orders', 'customer', 'id')$$, '42501', 'who does not own the table');
SELECT refuses($$SET LOCAL ROLE attach_stranger; SELECT detach('orders')$$, '42501', 'nor may he detach it');
SELECT refuses($$SET LOCAL ROLE attach_stranger; CREATE TRIGGER mine AFTER INSERT ON orders REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION loyalty.order_trigger('purchase')$$, '42501',
	'a trigger of one''s own cannot grant points');
SELECT refuses($$SET LOCAL transaction_read_only = on; SELECT attach('orders', 'customer', 'id')$$, '25006', 'in a read-only transaction');

-- once, and seen
SELECT lives_ok($$SELECT attach('orders', 'customer', 'id')$$, 'an ordinary table');
SELECT refuses($$SELECT attach('orders', 'customer', 'id')$$, '42710', 'the same event twice');
SELECT lives_ok($$SELECT attach('orders', 'customer', 'id', 'review')$$, 'another event of the same table');
SELECT lives_ok($$SELECT attach('orders', 'customer', 'id', program => 'other')$$, 'the same event of another program');
SELECT is(count(*), 12, 'four triggers each, with names of their own') FROM pg_trigger
	WHERE NOT tgisinternal AND tgrelid = 'orders'::regclass;
SELECT set_eq($$SELECT event, program, member, ref FROM loyalty.attachment WHERE orders = 'orders'::regclass$$,
	$$VALUES ('purchase', 'shop', 'customer', 'id'), ('review', 'shop', 'customer', 'id'),
		('purchase', 'other', 'customer', 'id')$$, 'the view shows them');
ALTER TABLE orders ADD COLUMN pages int;
INSERT INTO orders (id, customer, amount, pages) VALUES (1, 'ann', 10, 3);
SELECT is(loyalty.points((member_row('ann', 'shop')).points), 13, 'both events of one program');
SELECT is(loyalty.points((member_row('ann', 'other')).points), 20, 'and the other program');
SELECT is(detach('orders', 'review'), 1, 'one of them is let go');
SELECT is(detach('orders', program => 'other'), 1, 'and the one of the other program');
SELECT refuses($$SELECT detach('orders', 'review')$$, '42704', 'which are gone then');
UPDATE orders SET amount = 20, pages = 9;
SELECT is(trail('ann', program => 'shop'), 'event 10, event 3, event 10', 'only what is attached is settled');
SELECT is(detach('orders'), 1, 'all the rest');
UPDATE orders SET amount = 0;
SELECT is(loyalty.points((member_row('ann', 'shop')).points), 23, 'granted points stay');
SELECT is(count(*), 0, 'no trigger is left') FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'orders'::regclass;
SELECT refuses($$SELECT detach('orders')$$, '42704', 'nothing is attached any more');

-- by name and column
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop"."Sales ""2024"", größte" ("Kunde ""Nr""" uuid, "Beleg's" varchar(20) UNIQUE,
	"amount" numeric, "漢字" text);
SELECT lives_ok($$SELECT attach('"My Shop"."Sales ""2024"", größte"', 'Kunde "Nr"', 'Beleg''s',
	condition => '$."漢字" == "it''s \"paid\""')$$, 'odd names and an odd condition');
INSERT INTO "My Shop"."Sales ""2024"", größte" VALUES
	('00000000-0000-0000-0000-00000000000a', 'B''1', 7, 'it''s "paid"'),
	('00000000-0000-0000-0000-00000000000a', 'B2', 9, 'no');
SELECT is(trail('00000000-0000-0000-0000-00000000000a'), 'event 7', 'a uuid is a member, a varchar a ref');
SELECT is(condition::text, '($."漢字" == "it''s \"paid\"")', 'the view reads it back')
	FROM loyalty.attachment WHERE orders::text LIKE '%größte%';
DELETE FROM "My Shop"."Sales ""2024"", größte";
SELECT is(stands('00000000-0000-0000-0000-00000000000a'), 'wallet 0, held 0, debt 0', 'and deletes are seen');
CREATE TABLE numbers (id bigint PRIMARY KEY, customer char(8), amount int);
SELECT lives_ok(format($$SELECT attach('numbers', 'customer', 'id', %L)$$, repeat('é', 31)), 'an event of 62 bytes');
SELECT detach('numbers');
SELECT lives_ok($$SELECT attach('numbers', 'customer', 'id')$$, 'numbers and characters');
INSERT INTO numbers VALUES (1, 'joe', 5);
SELECT is(trail('joe'), 'event 5', 'a padded key is a key without padding');

-- columns that are read stay
SELECT refuses($$ALTER TABLE numbers RENAME COLUMN customer TO client$$, '55000', 'a column in use keeps its name', 'customer');
SELECT refuses($$ALTER TABLE numbers DROP COLUMN customer$$, '55000', 'and stays');
SELECT lives_ok($$ALTER TABLE numbers RENAME COLUMN amount TO value$$, 'others may change');
ALTER TABLE numbers RENAME COLUMN value TO amount;
ALTER TABLE numbers RENAME TO figures;
INSERT INTO figures VALUES (2, 'joe', 6);
SELECT is(trail('joe'), 'event 5, event 6', 'the table may change its name');

-- business time
CREATE TABLE moments (id int PRIMARY KEY, customer text, amount int, tz timestamptz, local timestamp, day date);
UPDATE loyalty.program SET time_zone = 'Asia/Tokyo' WHERE name = 'shop';
SELECT attach('moments', 'customer', 'id', at => 'local', backfill => true);
INSERT INTO moments VALUES (1, 'loc', 1, NULL, '2024-03-01 09:00', NULL);
SELECT is((last_entry('loc')).at, '2024-03-01 00:00+00', 'a timestamp is local time of the program');
SELECT is((last_entry('loc')).attributes ->> 'local', '2024-03-01T09:00:00', 'as the row says');
SELECT detach('moments');
SELECT attach('moments', 'customer', 'id', at => 'day', backfill => true);
INSERT INTO moments VALUES (2, 'day', 1, '2024-03-01 00:00+00', NULL, '2024-03-01');
SELECT is((last_entry('day')).at, '2024-02-29 15:00+00', 'a date is local midnight');
SELECT is((last_entry('day')).attributes ->> 'tz', '2024-03-01T09:00:00+09:00', 'the row is in the program''s time zone');
INSERT INTO moments VALUES (3, 'nil', 1, NULL, NULL, NULL);
SELECT ok((last_entry('nil')).at > now() - interval '1 minute', 'a row that does not say when is dated now');

-- rows that were there
CREATE TABLE history (id int PRIMARY KEY, customer text, amount int, made timestamptz);
INSERT INTO history SELECT n, 'h' || n % 10, n, '2024-01-01'::timestamptz + n * interval '1 hour'
	FROM generate_series(1, 1000) n;
SELECT is(attach('history', 'customer', 'id', at => 'made'), 0, 'without backfill nothing is settled');
UPDATE history SET amount = amount + 1;
SELECT is(count(*), 0, 'rows dated before attach do not count, touched or not') FROM loyalty.member WHERE ref LIKE 'h_';
INSERT INTO history VALUES (1001, 'h0', 5, now());
SELECT is(trail('h0'), 'event 5', 'those dated later do');
SELECT detach('history');
SELECT is(attach('history', 'customer', 'id', at => 'made', backfill => true), 1001, 'backfill settles what is there');
SELECT is(sum(loyalty.points(points))::bigint, (SELECT sum(amount) FROM history), 'all of it')
	FROM loyalty.member WHERE ref LIKE 'h_';
SELECT is(count(*), 0, 'each member by time') FROM (
	SELECT at < lag(at) OVER (PARTITION BY member_id ORDER BY entry_id) AS back FROM loyalty.ledger
		JOIN loyalty.member m USING (member_id) WHERE m.ref LIKE 'h_' AND m.ref <> 'h0') e WHERE back;
SELECT detach('history');
SELECT attach('history', 'customer', 'id', at => 'made');
UPDATE history SET amount = 1;
SELECT is(sum(loyalty.points(points))::bigint, 1001, 'what was granted counts on after another attach')
	FROM loyalty.member WHERE ref LIKE 'h_';

DROP OWNED BY attach_stranger;
DROP ROLE attach_stranger;
SELECT lawful('attach');
SELECT * FROM finish();
