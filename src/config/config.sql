--
-- Configuration: versions of every row, and the triggers that all its tables share.
--
-- Each configuration table has an integer id as its first column, `name` (a
-- streak goes by its `event`), `version_id` and `changed_at`.  A change made
-- here gets its version from config_row_prepare (BEFORE) and its history from
-- config_row_record (AFTER).
-- A row that arrives with a version_id of its own comes from a dump or from a
-- publisher; its history arrives in config_version by itself and what it refers
-- to may arrive later, so nothing is written or checked for it.
--

CREATE SEQUENCE loyalty.config_version_id_seq;
COMMENT ON SEQUENCE loyalty.config_version_id_seq IS
	'ids of configuration versions, one sequence for all configuration tables';

CREATE TABLE loyalty.config_version (
	version_id bigint NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	row_id integer NOT NULL,
	program text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	row jsonb,
	valid_from timestamptz NOT NULL DEFAULT pg_catalog.now(),
	actor text NOT NULL DEFAULT pg_catalog.session_user(),
	CONSTRAINT config_version_pkey PRIMARY KEY (version_id),
	CONSTRAINT config_version_row_key UNIQUE (table_name, row_id, version_id)
);
COMMENT ON TABLE loyalty.config_version IS
	'every version of every configuration row, written by triggers and never changed; a correction finds here the rules that its grant used';
COMMENT ON COLUMN loyalty.config_version.version_id IS 'id of the version; also in the column version_id of the row while it is current';
COMMENT ON COLUMN loyalty.config_version.table_name IS 'configuration table, without its schema';
COMMENT ON COLUMN loyalty.config_version.row_id IS 'id of the row in its table: program_id, tier_id, rule_id ...';
COMMENT ON COLUMN loyalty.config_version.program IS 'name of the program at that time';
COMMENT ON COLUMN loyalty.config_version.name IS 'name of the row at that time';
COMMENT ON COLUMN loyalty.config_version.row IS 'the row as it was from then on; NULL: it was deleted';
COMMENT ON COLUMN loyalty.config_version.valid_from IS 'start of the transaction that made this version; it holds until the next one of the same row';
COMMENT ON COLUMN loyalty.config_version.actor IS 'role that made the change';

CREATE FUNCTION loyalty.config_invalidate() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'loyalty_config_invalidate';
COMMENT ON FUNCTION loyalty.config_invalidate() IS
	'trigger: makes every session read the configuration again once the change is committed';
REVOKE ALL ON FUNCTION loyalty.config_invalidate() FROM PUBLIC;

CREATE FUNCTION loyalty.config_row_prepare() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.version_id IS DISTINCT FROM old.version_id OR new OPERATOR(pg_catalog.*=) old THEN
			RETURN new;
		END IF;
		IF pg_catalog.to_jsonb(new) -> tg_argv[0] <> pg_catalog.to_jsonb(old) -> tg_argv[0] THEN
			RAISE EXCEPTION '% of a % cannot be changed', tg_argv[0], tg_table_name
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	ELSIF new.version_id IS NOT NULL THEN
		RETURN new;
	END IF;
	new.version_id := pg_catalog.nextval('loyalty.config_version_id_seq');
	new.changed_at := pg_catalog.now();
	RETURN new;
END
$$;
COMMENT ON FUNCTION loyalty.config_row_prepare() IS
	'trigger: gives a new or changed configuration row its version; argument: the id column';
REVOKE ALL ON FUNCTION loyalty.config_row_prepare() FROM PUBLIC;

CREATE FUNCTION loyalty.config_row_record() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET intervalstyle = 'postgres'
	SET timezone = 'UTC'
AS $$
DECLARE
	fields jsonb;
	version bigint;
	actor text := pg_catalog.current_setting('role');
BEGIN
	IF tg_op = 'DELETE' THEN
		IF pg_catalog.current_setting('session_replication_role') = 'replica' THEN
			RETURN NULL;
		END IF;
		fields := pg_catalog.to_jsonb(old);
		version := pg_catalog.nextval('loyalty.config_version_id_seq');
	ELSE
		IF new.changed_at <> pg_catalog.now() THEN
			RETURN NULL;
		END IF;
		IF tg_op = 'UPDATE' THEN
			IF new.version_id = old.version_id THEN
				RETURN NULL;
			END IF;
		END IF;
		fields := pg_catalog.to_jsonb(new);
		version := new.version_id;
	END IF;
	INSERT INTO loyalty.config_version (version_id, table_name, row_id, program, name, row, actor)
		VALUES (version, tg_table_name, (fields ->> tg_argv[0])::integer,
				CASE tg_table_name WHEN 'program' THEN fields ->> 'name' ELSE fields ->> 'program' END,
				COALESCE(fields ->> 'name', fields ->> 'event'),
				CASE WHEN tg_op <> 'DELETE' THEN fields - 'version_id' - 'changed_at' END,
				CASE actor WHEN 'none' THEN pg_catalog.session_user()::text ELSE actor END);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.config_row_record() IS
	'trigger: writes the version of a configuration row; argument: the id column';
REVOKE ALL ON FUNCTION loyalty.config_row_record() FROM PUBLIC;

CREATE FUNCTION loyalty.config_truncate() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE pg_catalog.format('DELETE FROM %I.%I', tg_table_schema, tg_table_name);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.config_truncate() IS
	'trigger: TRUNCATE of a configuration table deletes its rows one by one first, so that all checks and the history see them';
REVOKE ALL ON FUNCTION loyalty.config_truncate() FROM PUBLIC;

CREATE FUNCTION loyalty.config_refuse_change() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '% of loyalty.% is refused', tg_op, tg_table_name
		USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'Its rows are facts that ledger entries refer to.';
END
$$;
COMMENT ON FUNCTION loyalty.config_refuse_change() IS
	'trigger: rows of this table are only ever added';
REVOKE ALL ON FUNCTION loyalty.config_refuse_change() FROM PUBLIC;

CREATE TRIGGER config_version_refuse_change
	BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty.config_version
	FOR EACH STATEMENT EXECUTE FUNCTION loyalty.config_refuse_change();
ALTER TABLE loyalty.config_version ENABLE ALWAYS TRIGGER config_version_refuse_change;
CREATE TRIGGER config_50_invalidate AFTER INSERT ON loyalty.config_version
	FOR EACH ROW EXECUTE FUNCTION loyalty.config_invalidate();
ALTER TABLE loyalty.config_version ENABLE ALWAYS TRIGGER config_50_invalidate;

SELECT pg_catalog.pg_extension_config_dump('loyalty.config_version', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.config_version_id_seq', '');
