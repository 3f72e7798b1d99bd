--
-- Tasks and badges: what members are asked to do, and what shows that they did.
--

CREATE SEQUENCE loyalty.badge_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.badge_id_seq IS 'ids of badges';

CREATE TABLE loyalty.badge (
	badge_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.badge_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	title text NOT NULL DEFAULT '',
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT badge_pkey PRIMARY KEY (badge_id),
	CONSTRAINT badge_name_key UNIQUE (program, name),
	CONSTRAINT badge_version_key UNIQUE (version_id),
	CONSTRAINT badge_name_is_1_to_63_bytes CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63)
);
ALTER SEQUENCE loyalty.badge_id_seq OWNED BY loyalty.badge.badge_id;

COMMENT ON TABLE loyalty.badge IS 'badges of a program: each is awarded once to a member, by a task or by rules';
COMMENT ON COLUMN loyalty.badge.badge_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.badge.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.badge.name IS 'name, as $member.badges shows it; cannot be changed';
COMMENT ON COLUMN loyalty.badge.title IS 'what members see, for the application';
COMMENT ON COLUMN loyalty.badge.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.badge.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.badge_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name THEN
			RAISE EXCEPTION 'name of badge "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Members hold it by its name.';
		END IF;
	ELSIF tg_op = 'DELETE' THEN
		IF EXISTS (SELECT FROM loyalty.task t
				   WHERE t.program = old.program AND old.name IN (t.badge, t.requires)) THEN
			RAISE EXCEPTION 'badge "%" is named by a task', old.name
				USING ERRCODE = 'restrict_violation';
		END IF;
		IF EXISTS (SELECT FROM loyalty.member_badge WHERE badge_id = old.badge_id) THEN
			RAISE EXCEPTION 'badge "%" has been awarded', old.name
				USING ERRCODE = 'restrict_violation';
		END IF;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.badge_check() IS 'trigger: a badge keeps its name; one in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.badge_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER INSERT OR UPDATE OR DELETE ON loyalty.badge
	FOR EACH ROW EXECUTE FUNCTION loyalty.badge_check();
CALL loyalty.config_table('badge');

SELECT pg_catalog.pg_extension_config_dump('loyalty.badge', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.badge_id_seq', '');

CREATE SEQUENCE loyalty.task_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.task_id_seq IS 'ids of tasks';

CREATE TABLE loyalty.task (
	task_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.task_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	event text COLLATE "C" NOT NULL,
	condition jsonpath,
	measure jsonpath,
	target numeric NOT NULL DEFAULT 1,
	repeat text NOT NULL DEFAULT 'once',
	starts_at timestamptz,
	ends_at timestamptz,
	requires text COLLATE "C",
	badge text COLLATE "C",
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT task_pkey PRIMARY KEY (task_id),
	CONSTRAINT task_name_key UNIQUE (program, name),
	CONSTRAINT task_version_key UNIQUE (version_id),
	CONSTRAINT task_badge_key UNIQUE (program, badge),
	CONSTRAINT task_name_is_1_to_63_bytes CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT task_event_is_1_to_63_bytes CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT task_event_is_not_register CHECK (event <> 'register'),
	CONSTRAINT task_target_is_positive CHECK (target > 0 AND target < 'Infinity'),
	CONSTRAINT task_repeat_is_known CHECK (repeat IN ('once', 'day', 'week', 'month', 'year')),
	CONSTRAINT task_window_is_not_empty CHECK (starts_at < ends_at),
	CONSTRAINT task_with_a_badge_is_not_repeated CHECK (badge IS NULL OR repeat = 'once'),
	CONSTRAINT task_does_not_require_its_badge CHECK (requires <> badge)
);
ALTER SEQUENCE loyalty.task_id_seq OWNED BY loyalty.task.task_id;

COMMENT ON TABLE loyalty.task IS 'tasks of a program: so many events, or so much of something in them; done, they are the event task_completed, and may award a badge';
COMMENT ON COLUMN loyalty.task.task_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.task.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.task.name IS 'name of the task, as the attributes of task_completed show it; cannot be changed';
COMMENT ON COLUMN loyalty.task.event IS 'kind of event that counts';
COMMENT ON COLUMN loyalty.task.condition IS 'jsonpath over the event''s attributes: one boolean, or finds something; NULL: always';
COMMENT ON COLUMN loyalty.task.measure IS 'numbers in the event that are added up; NULL: events are counted';
COMMENT ON COLUMN loyalty.task.target IS 'count or sum at which the task is done';
COMMENT ON COLUMN loyalty.task.repeat IS 'once, or anew each local day, week, month or year';
COMMENT ON COLUMN loyalty.task.starts_at IS 'events from then on; NULL: no start';
COMMENT ON COLUMN loyalty.task.ends_at IS 'events before then; NULL: no end';
COMMENT ON COLUMN loyalty.task.requires IS 'badge without which events do not count; NULL: none';
COMMENT ON COLUMN loyalty.task.badge IS 'badge that it awards; NULL: none';
COMMENT ON COLUMN loyalty.task.active IS 'false: new events do not count';
COMMENT ON COLUMN loyalty.task.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.task.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.task_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unknown text;
BEGIN
	SELECT v.name INTO unknown
		FROM (VALUES (new.condition), (new.measure)) AS p (path),
			pg_catalog.unnest(loyalty.jsonpath_variables(p.path)) AS v (name) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown variable "$%" in task "%"', unknown, new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'A task sees only the event''s attributes, as $.';
	END IF;
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name OR new.repeat <> old.repeat THEN
			RAISE EXCEPTION 'name and repeat of task "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'What members have done is counted by them.';
		END IF;
	END IF;
	SELECT b.name INTO unknown FROM (VALUES (new.badge), (new.requires)) AS b (name)
		WHERE b.name IS NOT NULL AND NOT EXISTS (SELECT FROM loyalty.badge
			WHERE badge.program = new.program AND badge.name = b.name);
	IF FOUND THEN
		RAISE EXCEPTION 'unknown badge "%" in task "%"', unknown, new.name
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = pg_catalog.format('Program "%s" has no such badge.', new.program);
	END IF;
	SELECT r.name INTO unknown FROM loyalty.rule r
		WHERE r.program = new.program
			AND r.effects @> pg_catalog.jsonb_build_array(
				pg_catalog.jsonb_build_object('badge', new.badge)) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'badge "%" of task "%" is given by rule "%"', new.badge, new.name, unknown
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'A badge comes from one task, or from rules.';
	END IF;
	INSERT INTO loyalty.event_type (name)
		SELECT e.name FROM (VALUES (new.event), ('task_completed')) AS e (name)
			WHERE NOT EXISTS (SELECT FROM loyalty.event_type t WHERE t.name = e.name)
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.task_check() IS
	'trigger: checks the paths and badges of a task, and gives its events ids';
REVOKE ALL ON FUNCTION loyalty.task_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER INSERT OR UPDATE ON loyalty.task
	FOR EACH ROW EXECUTE FUNCTION loyalty.task_check();
CALL loyalty.config_table('task');

SELECT pg_catalog.pg_extension_config_dump('loyalty.task', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.task_id_seq', '');
