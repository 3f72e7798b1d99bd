--
-- Who changed what in the configuration.
--

CREATE FUNCTION loyalty.config_history(table_name text, name text, program text DEFAULT NULL)
	RETURNS TABLE (version_id bigint, changed_at timestamptz, actor text, action text,
				   "column" text, old_value text, new_value text)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH versions AS (
		SELECT v.version_id, v.valid_from, v.actor, v.row,
				pg_catalog.lag(v.row) OVER (PARTITION BY v.row_id ORDER BY v.version_id) AS old
			FROM loyalty.config_version v
			WHERE v.table_name = $1
				AND v.row_id IN (
					SELECT w.row_id FROM loyalty.config_version w
						WHERE w.table_name = $1 AND w.name = $2
							AND ($1 = 'program'
								 OR w.program = COALESCE($3, loyalty.current_program())))
	)
	SELECT v.version_id, v.valid_from, v.actor,
			CASE WHEN v.old IS NULL THEN 'created' WHEN v.row IS NULL THEN 'deleted' ELSE 'changed' END,
			c.name, c.old, c.new
		FROM versions v
			CROSS JOIN LATERAL (
				SELECT n.key, v.old ->> n.key, n.value
					FROM pg_catalog.jsonb_each_text(v.row) n
					WHERE v.old IS NOT NULL AND n.value IS DISTINCT FROM v.old ->> n.key
				UNION ALL
				SELECT NULL, v.old::text, v.row::text
					WHERE v.old IS NULL OR v.row IS NULL
			) AS c (name, old, new)
		ORDER BY v.version_id, c.name
$$;
COMMENT ON FUNCTION loyalty.config_history(text, text, text) IS
	'who changed what and when: the changes of the row of that name in a configuration table (program, tier, rule ...), one line per changed column; created and deleted show the whole row';
