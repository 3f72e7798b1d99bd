-- What events are worth; in a database of their own.
\set home :DBNAME
CREATE DATABASE regress_loyalty_events;
\connect regress_loyalty_events
CREATE EXTENSION loyalty;
SET search_path = loyalty, public;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';

INSERT INTO program (name, time_zone) VALUES ('shop', 'Europe/Berlin');
INSERT INTO tier (name, rank, threshold, earn_multiplier) VALUES ('silver', 1, 100, 1), ('gold', 2, 1000, 1.5);

-- entries of a ref as the ledger has them
CREATE VIEW grants AS
	SELECT l.ref, l.kind, l.points, COALESCE(l.growth, 0) AS growth, l.point_kind AS type, l.partner,
			(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', r ->> 'rule', r ->> 'matches', r ->> 'given',
						COALESCE(r ->> 'wished', r ->> 'points'), r ->> 'points',
						COALESCE(r ->> 'growth', r ->> 'points'), r ->> 'note'), '; ')
				FROM pg_catalog.jsonb_array_elements(l.breakdown -> 'rules') r) AS rules
		FROM ledger l ORDER BY l.member_id, l.entry_id;

-- no number is no points, and noted; errors of arithmetic too
INSERT INTO rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
SELECT points, growth FROM record('ann', 'purchase', '{"amount": 12.75}', 'n1', '2026-01-10 10:00:00.7Z');
SELECT points, growth FROM record('ann', 'purchase', '{"amount": "12"}', 'n2', '2026-01-10Z');
SELECT points, growth FROM record('ann', 'purchase', '{}', 'n3', '2026-01-10Z');
SELECT points, growth FROM record('ann', 'purchase', '{"amount": [1, 2]}', 'n4', '2026-01-10Z');
UPDATE rule SET points = '100 / $.by';
SELECT points, growth FROM record('ann', 'purchase', '{"by": 0}', 'n5', '2026-01-10Z');
SELECT points, growth FROM record('ann', 'purchase', '{"by": 3}', 'n6', '2026-01-10Z');
SELECT * FROM grants;
SELECT lots FROM ledger WHERE ref = 'n1';
SELECT breakdown - 'versions' - 'rules' AS breakdown FROM ledger WHERE ref = 'n1';

-- conditions: one boolean, or something found; unknown is no
TRUNCATE rule;
INSERT INTO rule (name, event, condition, points) VALUES
	('true', 'c', '$.a == 1', '1'),
	('found', 'c', '$.items[*] ? (@.n > 5)', '10'),
	('null', 'c', '$.nothing', '100'),
	('exists', 'c', 'exists($.items[*].n)', '1000'),
	('unknown', 'c', '$.text > 5', '10000'),
	('key', 'c', '$.paid', '100000');
SELECT points FROM record('bob', 'c', '{"a": 1, "items": [{"n": 3}], "nothing": null, "text": "x", "paid": true}', 'c1');
SELECT points FROM record('bob', 'c', '{"a": 2, "items": [{"n": 6}], "text": 6, "paid": false}', 'c2');
SELECT points FROM record('bob', 'c', '{"paid": "no"}', 'c3');

-- each match of each is one; the event is rounded once
TRUNCATE rule;
INSERT INTO rule (name, event, each, condition, points, growth) VALUES
	('lines', 'basket', '$.items[*] ? (@.category == "beauty")', '$.price > 5', '$.price / 10', '1'),
	('bonus', 'basket', '$', NULL, '0.5', '0'),
	('scalars', 'basket', '$.codes[*]', '$ > 1', '$ * 0.25', '0');
SELECT points, growth FROM record('cat', 'basket', '{"codes": [1, 2, 3], "items": [
	{"category": "beauty", "price": 17}, {"category": "beauty", "price": 4},
	{"category": "food", "price": 100}, {"category": "beauty", "price": 8}]}', 'b1');
SELECT points, growth FROM record('cat', 'basket', '{}', 'b2');
SELECT * FROM grants WHERE ref LIKE 'b%';

-- rounding, also of negative figures, and the shares of the rules
TRUNCATE rule;
INSERT INTO rule (name, event, points) VALUES ('a', 'r', '$.a'), ('b', 'r', '$.b'), ('c', 'r', '$.c');
SELECT points, growth FROM record('dan', 'r', '{"a": 0.5, "b": 0.5, "c": 0.7}', 'd1');
UPDATE program SET rounding = 'nearest';
SELECT points, growth FROM record('dan', 'r', '{"a": 0.5, "b": 0.5, "c": 0.7}', 'd2');
UPDATE program SET rounding = 'up';
SELECT points, growth FROM record('dan', 'r', '{"a": 0.5, "b": 0.5, "c": 0.1}', 'd3');
UPDATE program SET rounding = 'down';
SELECT points, growth FROM record('dan', 'r', '{"a": 100.9, "b": -1.5, "c": 0.3}', 'd4');
SELECT * FROM grants WHERE ref LIKE 'd%';

-- the tier held before the event multiplies what is multiplied, growth never
TRUNCATE rule;
INSERT INTO rule (name, event, points, multiplied) VALUES ('base', 'purchase', '$.amount', true), ('flat', 'purchase', '10', false);
INSERT INTO rule (name, event, points, tiers) VALUES ('golden', 'purchase', '1', '{gold}');
INSERT INTO rule (name, event, points, condition) VALUES ('ranked', 'purchase', '$tier.rank', '$tier != null');
SELECT points, growth, tier FROM record('eve', 'purchase', '{"amount": 1000}', 'e1');
SELECT points, growth, tier FROM record('eve', 'purchase', '{"amount": 10.5}', 'e2');
SELECT * FROM grants WHERE ref LIKE 'e%';
SELECT breakdown -> 'tier' AS tier FROM ledger WHERE ref IN ('e1', 'e2') ORDER BY entry_id;

-- $at is local, $member is stored only as far as it is used
TRUNCATE rule;
SELECT enroll('fay', '{"city": "Oslo", "age": 44, "name": "Fay"}', '2026-01-01Z') > 0 AS enrolled;
INSERT INTO rule (name, event, condition, points) VALUES
	('saturday', 'visit', '$at.weekday == 6 && $at.hour == 0 && $at.date == "2026-02-28"', '1'),
	('city', 'visit', '$member.city == "Oslo" && $event.kind == "x"', '$at.month * 10');
SELECT points FROM record('fay', 'visit', '{"kind": "x"}', 'f1', '2026-02-27 23:30Z');
SELECT breakdown -> 'member' AS member FROM ledger WHERE ref = 'f1';

-- each kind, partner and cost is an entry of its own; a validity of its own is a lot
TRUNCATE rule;
INSERT INTO rule (name, event, points, point_kind, partner, unit_cost, validity, pending_for) VALUES
	('plain', 'p', '1', NULL, NULL, NULL, NULL, NULL),
	('again', 'p', '2', NULL, NULL, NULL, '30 days', '14 days'),
	('kind', 'p', '4', 'behaviour', NULL, NULL, NULL, NULL),
	('partner', 'p', '8', NULL, 'bank', 0.01, NULL, NULL),
	('nothing', 'p', '0', 'other', NULL, NULL, NULL, NULL);
SELECT points FROM record('gus', 'p', '{}', 'g1', '2026-01-31 10:00Z');
SELECT * FROM grants WHERE ref = 'g1';
SET datestyle = 'ISO';
SELECT points, point_kind, partner, unit_cost,
		(SELECT pg_catalog.array_agg(validity(x)) FROM lots(lots) x) AS validities
	FROM ledger WHERE ref = 'g1' ORDER BY entry_id;

-- the window and active
TRUNCATE rule;
INSERT INTO rule (name, event, points, starts_at, ends_at, active) VALUES
	('early', 'w', '1', NULL, '2026-02-01Z', true),
	('late', 'w', '10', '2026-02-01Z', NULL, true),
	('off', 'w', '100', NULL, NULL, false);
SELECT points FROM record('hal', 'w', '{}', 'h1', '2026-01-31 23:59:59Z');
SELECT points FROM record('hal', 'w', '{}', 'h2', '2026-02-01Z');

-- a correction goes by the versions and variables that its grant used
TRUNCATE rule;
INSERT INTO rule (name, event, points) VALUES ('base', 'order', '$.amount');
INSERT INTO rule (name, event, condition, points) VALUES ('big', 'order', '$.amount > 100 && $member.city == "Rome"', '50');
UPDATE program SET validity = 'never';
SELECT enroll('ida', '{"city": "Rome"}', '2026-01-01Z') > 0 AS enrolled;
SELECT points FROM settle('ida', 'order', '{"amount": 20.9}', 'i1', '2026-01-02Z');
UPDATE rule SET points = '0' WHERE name = 'base';
DELETE FROM rule WHERE name = 'big';
UPDATE program SET rounding = 'up', name = 'store';
SELECT points FROM settle('ida', 'order', '{"amount": 200.9}', 'i1');
SELECT points FROM settle('ida', 'order', '{"amount": 20.9}', 'i1');
SELECT points FROM settle('ida', 'order', '{"amount": 20.9}', 'i2');
SELECT spendable(points, pg_catalog.clock_timestamp()) FROM member WHERE ref = 'ida';
UPDATE program SET rounding = 'down';

-- beyond bigint; what jsonpath raises in spite of all names its rule
TRUNCATE rule;
INSERT INTO rule (name, event, points, growth) VALUES ('big', 'x', '1e300', NULL), ('grown', 'y', '1', '1e19'), ('negative', 'z', '-9223372036854775808', NULL);
INSERT INTO rule (name, event, condition, points) VALUES
	('zone', 'v', '$.day.datetime() < "2026-01-01T00:00:00+01".datetime()', '1');
SELECT points FROM record('joe', 'x', '{}');
SELECT points FROM record('joe', 'y', '{}');
SELECT points FROM record('joe', 'z', '{}');
\set VERBOSITY sqlstate
SELECT points FROM record('joe', 'x', '{}');
SELECT points FROM record('joe', 'v', '{"day": "2026-01-01"}');

\connect :home
DROP DATABASE regress_loyalty_events;
