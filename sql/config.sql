-- Programs, tiers, their checks and history; in a database without a program.
\set home :DBNAME
CREATE DATABASE regress_loyalty_config;
\connect regress_loyalty_config
CREATE EXTENSION loyalty;
SET search_path = loyalty, public;
SET timezone = 'UTC';

-- no program yet
SELECT current_program();
\set VERBOSITY sqlstate
SELECT current_program();
INSERT INTO tier (name, rank, threshold) VALUES ('gold', 1, 100);

-- a row needs nothing but its name; the first is the default
INSERT INTO program (name) VALUES ('shop');
SELECT current_program();
INSERT INTO program (name, time_zone) VALUES ('club', 'Europe/Berlin');
SELECT name, is_default FROM program ORDER BY program_id;
SELECT time_zone, validity, pending_for, spend_order, shortfall, rounding, restore_lapsed, grace,
		lot_granularity, max_hold, growth_window, refund_tier, point_value, auto_enroll, keep_attributes
	FROM program WHERE name = 'shop' \gx

-- which program is meant
BEGIN;
UPDATE program SET is_default = true WHERE name = 'club';
SELECT current_program();
SELECT name, is_default FROM program ORDER BY program_id;
ROLLBACK;
SELECT current_program();
SET loyalty.program = 'club';
SELECT current_program();
\set VERBOSITY default
SET loyalty.program = 'nowhere';
SELECT current_program();
RESET loyalty.program;
BEGIN;
UPDATE program SET is_default = false;
SELECT current_program();
ROLLBACK;

-- a script that is run twice changes nothing
INSERT INTO program (name, is_default) VALUES ('shop', true) ON CONFLICT DO NOTHING;
INSERT INTO program (name, is_default) VALUES ('shop', true)
	ON CONFLICT (name) DO UPDATE SET is_default = excluded.is_default;
SELECT current_program();
SELECT count(*) FROM config_version;

-- values that are refused
\set VERBOSITY sqlstate
INSERT INTO program (name, time_zone) VALUES ('x', 'Mars/Olympus');
INSERT INTO program (name, pending_for) VALUES ('x', '-1 day');
INSERT INTO program (name, grace) VALUES ('x', '-1 day');
INSERT INTO program (name, max_hold) VALUES ('x', '0');
INSERT INTO program (name, spend_order) VALUES ('x', 'lifo');
INSERT INTO program (name, shortfall) VALUES ('x', 'forgive');
INSERT INTO program (name, rounding) VALUES ('x', 'away');
INSERT INTO program (name, restore_lapsed) VALUES ('x', 'never');
INSERT INTO program (name, lot_granularity) VALUES ('x', 'week');
INSERT INTO program (name, refund_tier) VALUES ('x', 'drop');
INSERT INTO program (name, point_value) VALUES ('x', 'NaN');
INSERT INTO program (name, validity) VALUES ('x', 'a while');
INSERT INTO program (name) VALUES ('');
INSERT INTO program (name) VALUES (pg_catalog.repeat('x', 64));
INSERT INTO program (name) VALUES ('shop');
INSERT INTO program DEFAULT VALUES;
UPDATE program SET program_id = 77 WHERE name = 'club';
INSERT INTO tier (program, name, rank, threshold) VALUES ('nowhere', 'gold', 1, 100);
INSERT INTO tier (name, rank, threshold) VALUES ('gold', 1, -1);
INSERT INTO tier (name, rank, threshold, earn_multiplier) VALUES ('gold', 1, 1, 'Infinity');
INSERT INTO tier (name, rank, threshold, gift) VALUES ('gold', 1, 1, -1);

-- thresholds rise with rank, at the latest at commit
INSERT INTO tier (name, rank, threshold) VALUES ('silver', 1, 100), ('gold', 2, 1000);
INSERT INTO tier (name, rank, threshold) VALUES ('platinum', 2, 5000);
\set VERBOSITY default
INSERT INTO tier (name, rank, threshold) VALUES ('platinum', 3, 500);
\set VERBOSITY sqlstate
BEGIN;
UPDATE tier SET threshold = 2000 WHERE name = 'silver';
UPDATE tier SET threshold = 3000 WHERE name = 'gold';
COMMIT;
BEGIN;
UPDATE tier SET threshold = 4000 WHERE name = 'silver';
COMMIT;
UPDATE tier SET rank = rank + 10;
INSERT INTO tier (name, rank, threshold) VALUES ('silver', 11, 2000) ON CONFLICT DO NOTHING;
SELECT name, rank, threshold FROM tier ORDER BY rank;

-- names are followed, rows in use stay
INSERT INTO rule (name, event, points, tiers) VALUES ('base', 'purchase', '$.amount', '{gold,silver}');
UPDATE tier SET name = 'golden' WHERE name = 'gold';
UPDATE program SET name = 'store' WHERE name = 'shop';
SELECT program, name FROM tier ORDER BY rank;
SELECT program, name, tiers FROM rule;
\set VERBOSITY terse
DELETE FROM tier WHERE name = 'golden';
DELETE FROM program WHERE name = 'store';

-- history
UPDATE rule SET points = '$.amount';
UPDATE rule SET points = '$.amount * 2', multiplied = false;
SELECT action, "column", old_value, new_value FROM config_history('rule', 'base') WHERE "column" IS NOT NULL;
SELECT action, "column", old_value, new_value FROM config_history('program', 'store') WHERE "column" IS NOT NULL;
SELECT action, "column", old_value, new_value FROM config_history('tier', 'golden', 'store') WHERE "column" IS NOT NULL;
TRUNCATE rule;
SELECT action, "column" FROM config_history('rule', 'base');
SELECT action, actor = session_user AS me FROM config_history('program', 'club');
SELECT count(*) - count(DISTINCT version_id) AS twice FROM config_version;
BEGIN;
CREATE ROLE regress_loyalty_editor;
GRANT USAGE ON SCHEMA loyalty TO regress_loyalty_editor;
GRANT INSERT ON rule TO regress_loyalty_editor;
GRANT USAGE ON SEQUENCE rule_id_seq TO regress_loyalty_editor;
SET LOCAL ROLE regress_loyalty_editor;
INSERT INTO rule (name, event, points) VALUES ('editors', 'edited', '1');
RESET ROLE;
SELECT action, actor FROM config_history('rule', 'editors');
ROLLBACK;

-- what members have or had stays
\set VERBOSITY terse
SELECT enroll('ann') > 0 AS enrolled;
INSERT INTO rule (name, event, points) VALUES ('grow', 'grown', '5000');
SELECT tier FROM record('ann', 'grown');
DELETE FROM rule;
DELETE FROM tier WHERE name = 'golden';
DELETE FROM tier WHERE name = 'silver';
DELETE FROM program WHERE name = 'club';
INSERT INTO program (name) VALUES ('bare');
SELECT enroll('bob', program => 'bare') > 0 AS enrolled;
DELETE FROM program WHERE name = 'bare';
TRUNCATE program;

-- facts are only added
\set VERBOSITY sqlstate
UPDATE config_version SET actor = 'me';
DELETE FROM config_version;
TRUNCATE config_version;
UPDATE event_type SET name = 'other';
DELETE FROM event_type;

-- the trigger functions that run as the owner are nobody's to attach
SELECT p.proname FROM pg_catalog.pg_proc p
	WHERE p.pronamespace = 'loyalty'::regnamespace AND p.prosecdef
		AND pg_catalog.has_function_privilege('public', p.oid, 'execute');

\connect :home
DROP DATABASE regress_loyalty_config;
