-- Order tables: their statements become events.

CREATE FUNCTION loyalty.order_trigger() RETURNS trigger
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_order_trigger';
COMMENT ON FUNCTION loyalty.order_trigger() IS
	'trigger of loyalty.attach(): settles the orders that a statement touched. Whoever may execute it may grant points, since a trigger of his own could name any member';
REVOKE ALL ON FUNCTION loyalty.order_trigger() FROM PUBLIC;

CREATE FUNCTION loyalty.attach(
	orders regclass,
	member name,
	ref name,
	event text DEFAULT 'purchase',
	at name DEFAULT NULL,
	condition text DEFAULT NULL,
	lines boolean DEFAULT false,
	on_error text DEFAULT 'record',
	on_delete text DEFAULT 'claw_back',
	backfill boolean DEFAULT false,
	program text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_attach';
COMMENT ON FUNCTION loyalty.attach(regclass, name, name, text, name, text, boolean, text, text, boolean, text) IS
	'binds a table to an event: each row (each ref, with lines) that meets the condition is settled whenever a statement touches it. Returns how many rows backfill settled. 42501 not the owner, 42809 no table, 42703 no such column, 42804 at is no time, 55000 ref is not unique, 42710 attached already, 22023 bad option';
REVOKE ALL ON FUNCTION loyalty.attach(regclass, name, name, text, name, text, boolean, text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION loyalty.detach(
	orders regclass,
	event text DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_detach';
COMMENT ON FUNCTION loyalty.detach(regclass, text, text) IS
	'takes the triggers of attach() away, of all events and programs where these are NULL; granted points stay. Returns how many attachments there were; 42704 none';
REVOKE ALL ON FUNCTION loyalty.detach(regclass, text, text) FROM PUBLIC;

CREATE FUNCTION loyalty.attach_ddl() RETURNS event_trigger
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_attach_ddl';
COMMENT ON FUNCTION loyalty.attach_ddl() IS
	'binds new partitions of attached tables, and refuses to rename or drop a column that attach() was given (55000)';
REVOKE ALL ON FUNCTION loyalty.attach_ddl() FROM PUBLIC;

CREATE EVENT TRIGGER loyalty_attach_ddl ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')
	EXECUTE FUNCTION loyalty.attach_ddl();
COMMENT ON EVENT TRIGGER loyalty_attach_ddl IS 'new partitions of attached order tables are attached, too';

-- An attachment is its triggers: this reads the arguments of the one on INSERT,
-- which the catalog keeps as one string with a zero byte after each.
CREATE VIEW loyalty.attachment AS
	SELECT t.tgrelid::pg_catalog.regclass AS orders,
			a.argument[1] AS event, p.name AS program, a.argument[3] AS member,
			a.argument[4] AS ref, NULLIF(a.argument[5], '') AS at,
			NULLIF(a.argument[6], '')::pg_catalog.jsonpath AS condition,
			a.argument[7] = 'lines' AS lines, a.argument[8] AS on_error,
			a.argument[9] AS on_delete, a.argument[10]::pg_catalog.timestamptz AS since,
			a.argument[11] = 'partition' AS as_partition
		FROM pg_catalog.pg_trigger t
			CROSS JOIN LATERAL (
				SELECT pg_catalog.string_to_array(
						pg_catalog.convert_from(
							pg_catalog.decode(
								pg_catalog.replace(
									pg_catalog.replace(
										pg_catalog.regexp_replace(pg_catalog.encode(t.tgargs, 'hex'),
																  '(..)', '\1 ', 'g'),
										'00 ', '1e '),
									' ', ''),
								'hex'),
							pg_catalog.getdatabaseencoding()),
						pg_catalog.chr(30))
			) AS a (argument)
			LEFT JOIN loyalty.program p ON p.program_id = a.argument[2]::integer
		WHERE t.tgfoid = 'loyalty.order_trigger'::pg_catalog.regproc
			AND t.tgtype & 4 = 4 AND NOT t.tgisinternal;
COMMENT ON VIEW loyalty.attachment IS 'order tables and the events that they are attached to';
COMMENT ON COLUMN loyalty.attachment.orders IS 'the table, or a partition of it';
COMMENT ON COLUMN loyalty.attachment.event IS 'event that a row is';
COMMENT ON COLUMN loyalty.attachment.program IS 'program that decides; NULL: it is gone';
COMMENT ON COLUMN loyalty.attachment.member IS 'column that names the member';
COMMENT ON COLUMN loyalty.attachment.ref IS 'column that names the order';
COMMENT ON COLUMN loyalty.attachment.at IS 'column that says when; NULL: when it is settled';
COMMENT ON COLUMN loyalty.attachment.condition IS 'when a row counts; NULL: always';
COMMENT ON COLUMN loyalty.attachment.lines IS 'whether the rows of a ref are one event';
COMMENT ON COLUMN loyalty.attachment.on_error IS 'record: a refusal is noted; raise: it fails the statement';
COMMENT ON COLUMN loyalty.attachment.on_delete IS 'claw_back: points of deleted rows go; keep: they stay';
COMMENT ON COLUMN loyalty.attachment.since IS 'rows dated before it count only once they were granted';
COMMENT ON COLUMN loyalty.attachment.as_partition IS 'whether it is bound because its parent is';
