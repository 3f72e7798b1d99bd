-- Rules: what is refused when they are stored; in a database of their own.
\set home :DBNAME
CREATE DATABASE regress_loyalty_rules;
\connect regress_loyalty_rules
CREATE EXTENSION loyalty;
SET search_path = loyalty, public;
\set VERBOSITY sqlstate
INSERT INTO program (name) VALUES ('shop');
INSERT INTO tier (name, rank, threshold) VALUES ('gold', 1, 1000);

-- the four things that a rule has to say
INSERT INTO rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
SELECT program, name, event, each, condition, points, growth, mode, multiplied, point_kind, tiers,
		starts_at, ends_at, validity, pending_for, partner, unit_cost, active
	FROM rule \gx
SELECT name FROM event_type ORDER BY event_id;

-- paths are read when they are stored, and their variables are checked
INSERT INTO rule (name, event, points) VALUES ('bad', 'purchase', '@.amount');
INSERT INTO rule (name, event, points) VALUES ('bad', 'purchase', '$amount');
INSERT INTO rule (name, event, points, each) VALUES ('bad', 'purchase', '1', '$.items[*] ? (@.n > $nn)');
INSERT INTO rule (name, event, points, condition) VALUES ('bad', 'purchase', '1', 'exists($.a ? (@ == $events))');
INSERT INTO rule (name, event, points, growth) VALUES ('bad', 'purchase', '1', '$tiers.rank');
\set VERBOSITY default
INSERT INTO rule (name, event, points, growth) VALUES ('bad', 'purchase', '1', '$tier.rank + $rank');
UPDATE rule SET condition = '$streaks.run > 3';
SELECT jsonpath_variables('$event.a + $at."$x" ? (@ == $"y z" && @."$z" starts with "\"$q") * $event.b');
\set VERBOSITY sqlstate
INSERT INTO rule (name, event, points, condition) VALUES
	('all', 'purchase', '$event.amount', '$at.weekday == 6 && $member.city == "$x" && $tier.name == "gold"');

-- the rest
INSERT INTO rule (program, name, event, points) VALUES ('nowhere', 'bad', 'purchase', '1');
INSERT INTO rule (name, event, points) VALUES ('base', 'purchase', '1');
INSERT INTO rule (name, event, points) VALUES ('', 'purchase', '1');
INSERT INTO rule (name, event, points) VALUES ('bad', '', '1');
INSERT INTO rule (name, event) VALUES ('bad', 'purchase');
INSERT INTO rule (name, event, points, mode) VALUES ('bad', 'purchase', '1', 'divide');
INSERT INTO rule (name, event, points, tiers) VALUES ('bad', 'purchase', '1', '{gold,bronze}');
INSERT INTO rule (name, event, points, tiers) VALUES ('bad', 'purchase', '1', '{}');
INSERT INTO rule (name, event, points, tiers) VALUES ('bad', 'purchase', '1', '{NULL}');
INSERT INTO rule (name, event, points, starts_at, ends_at) VALUES ('bad', 'purchase', '1', '2026-02-01', '2026-02-01');
INSERT INTO rule (name, event, points, pending_for) VALUES ('bad', 'purchase', '1', '-1 s');
INSERT INTO rule (name, event, points, unit_cost) VALUES ('bad', 'purchase', '1', -1);
INSERT INTO rule (name, event, points, validity) VALUES ('bad', 'purchase', '1', 'soon');
INSERT INTO rule (name, event, points, point_kind) VALUES ('bad', 'purchase', '1', '');
INSERT INTO rule (name, event, points, partner) VALUES ('bad', 'purchase', '1', '');
SELECT name FROM rule ORDER BY rule_id;

-- an upsert leaves one version per change, and none for what it did not do
INSERT INTO rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '1')
	ON CONFLICT DO NOTHING;
INSERT INTO rule (program, name, event, points) VALUES ('shop', 'base', 'review', '5')
	ON CONFLICT (program, name) DO UPDATE SET event = excluded.event, points = excluded.points;
SELECT v.row ->> 'points' AS points, v.row ->> 'event' AS event, v.version_id = r.version_id AS current
	FROM config_version v JOIN rule r ON r.rule_id = v.row_id
	WHERE v.table_name = 'rule' AND v.name = 'base' ORDER BY v.version_id;
SELECT name FROM event_type ORDER BY event_id;

-- a streak with once and attached orders: whoever comes second is told
\set VERBOSITY default
CREATE TABLE orders (order_no text PRIMARY KEY, customer text);
INSERT INTO streak (event) VALUES ('purchase');
INSERT INTO rule (name, event, points) VALUES ('orders', 'purchase', '1');
SELECT attach('orders', 'customer', 'order_no');
UPDATE streak SET make_up_points = 5;
UPDATE streak SET once = false;
UPDATE streak SET once = true, period = 'week';
SELECT detach('orders');
UPDATE streak SET once = false;
SELECT attach('orders', 'customer', 'order_no');
DELETE FROM streak;
INSERT INTO streak (event, once) VALUES ('purchase', false), ('check_in', true);
SELECT detach('orders');
\set VERBOSITY sqlstate

-- a row that brings its version comes from elsewhere: its history does too
INSERT INTO rule (name, event, points, version_id, changed_at)
	VALUES ('restored', 'restored', '1', 1000000, '2020-01-01');
SELECT count(*) FROM config_version WHERE name = 'restored';
SELECT count(*) FROM event_type WHERE name = 'restored';

-- a dump may come to a server without that time zone: only its program is affected
INSERT INTO program (name, time_zone, version_id, changed_at)
	VALUES ('far', 'Mars/Olympus', 2000000, '2020-01-01');
SELECT current_program();
SET loyalty.program = 'far';
SELECT current_program();

\connect :home
DROP DATABASE regress_loyalty_rules;
