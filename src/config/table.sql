--
-- The triggers that every configuration table has; only this script needs them
-- made, so table_end.sql drops the procedure.
--
-- Triggers of one time fire in the order of their names: prepare, then what
-- builds on it.  A table's own ones are there before the call and named config_*,
-- too; all of these fire in replicas as well, since apply workers have a cache.
-- A table is not `cached` if no session keeps its rows.
--

CREATE PROCEDURE loyalty.config_table(table_name text, cached boolean DEFAULT true)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id_column text := table_name || '_id';
	own name;
BEGIN
	EXECUTE format('CREATE TRIGGER config_10_prepare BEFORE INSERT OR UPDATE ON loyalty.%I'
		' FOR EACH ROW EXECUTE FUNCTION loyalty.config_row_prepare(%L)', table_name, id_column);
	IF table_name <> 'program' THEN
		EXECUTE format('CREATE TRIGGER config_20_program AFTER INSERT OR UPDATE ON loyalty.%I'
			' FOR EACH ROW EXECUTE FUNCTION loyalty.program_reference()', table_name);
	END IF;
	EXECUTE format('CREATE TRIGGER config_30_record AFTER INSERT OR UPDATE OR DELETE ON loyalty.%I'
		' FOR EACH ROW EXECUTE FUNCTION loyalty.config_row_record(%L)', table_name, id_column);
	EXECUTE format('CREATE TRIGGER config_60_truncate BEFORE TRUNCATE ON loyalty.%I'
		' FOR EACH STATEMENT EXECUTE FUNCTION loyalty.config_truncate()', table_name);
	IF cached THEN
		EXECUTE format('CREATE TRIGGER config_50_invalidate AFTER INSERT OR UPDATE OR DELETE ON loyalty.%I'
			' FOR EACH ROW EXECUTE FUNCTION loyalty.config_invalidate()', table_name);
		EXECUTE format('CREATE TRIGGER config_70_invalidate AFTER TRUNCATE ON loyalty.%I'
			' FOR EACH STATEMENT EXECUTE FUNCTION loyalty.config_invalidate()', table_name);
	END IF;
	FOR own IN
		SELECT t.tgname FROM pg_trigger t
			WHERE t.tgrelid = format('loyalty.%I', table_name)::regclass AND t.tgname LIKE 'config\_%'
	LOOP
		EXECUTE format('ALTER TABLE loyalty.%I ENABLE ALWAYS TRIGGER %I', table_name, own);
	END LOOP;
END
$$;
