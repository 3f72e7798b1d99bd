--
-- Team contests: what counts, when, and who may join.
--

CREATE SEQUENCE loyalty.contest_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.contest_id_seq IS 'ids of contests';

CREATE TABLE loyalty.contest (
	contest_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.contest_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	event text COLLATE "C" NOT NULL DEFAULT 'purchase',
	condition jsonpath,
	measure jsonpath,
	starts_at timestamptz NOT NULL,
	ends_at timestamptz NOT NULL,
	joins_until timestamptz,
	max_members integer,
	settle_after interval NOT NULL DEFAULT '1 hour',
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT contest_pkey PRIMARY KEY (contest_id),
	CONSTRAINT contest_name_key UNIQUE (program, name),
	CONSTRAINT contest_version_key UNIQUE (version_id),
	CONSTRAINT contest_name_is_1_to_63_bytes CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT contest_event_is_1_to_63_bytes CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT contest_event_is_not_register CHECK (event <> 'register'),
	CONSTRAINT contest_window_is_finite_and_not_empty
		CHECK (starts_at > '-infinity' AND starts_at < ends_at AND ends_at < 'infinity'),
	CONSTRAINT contest_joins_until_is_not_after_its_end CHECK (joins_until <= ends_at),
	CONSTRAINT contest_max_members_is_positive CHECK (max_members > 0),
	CONSTRAINT contest_settle_after_is_0_to_1_year
		CHECK (settle_after >= '0' AND settle_after <= '1 year')
);
ALTER SEQUENCE loyalty.contest_id_seq OWNED BY loyalty.contest.contest_id;

COMMENT ON TABLE loyalty.contest IS 'team contests of a program: members join teams, their events within a window make the score; when it is over, each member of a team with a score has the event contest_ended';
COMMENT ON COLUMN loyalty.contest.contest_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.contest.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.contest.name IS 'name of the contest, as calls and the attributes of contest_ended show it; cannot be changed';
COMMENT ON COLUMN loyalty.contest.event IS 'kind of event that counts';
COMMENT ON COLUMN loyalty.contest.condition IS 'jsonpath over the event''s attributes: one boolean, or finds something; NULL: always';
COMMENT ON COLUMN loyalty.contest.measure IS 'numbers in the event that are added up; NULL: events are counted';
COMMENT ON COLUMN loyalty.contest.starts_at IS 'events from then on';
COMMENT ON COLUMN loyalty.contest.ends_at IS 'events before then; can be moved until it is reached';
COMMENT ON COLUMN loyalty.contest.joins_until IS 'members join before then; NULL: until the end';
COMMENT ON COLUMN loyalty.contest.max_members IS 'members that a team can have; NULL: any number';
COMMENT ON COLUMN loyalty.contest.settle_after IS 'how long after the end maintain() settles it, so that late events and returns still count';
COMMENT ON COLUMN loyalty.contest.active IS 'false: called off; nobody joins, and it is not settled';
COMMENT ON COLUMN loyalty.contest.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.contest.changed_at IS 'start of the transaction that made this version; given by trigger';

-- What members have scored was counted by the row as it was: once there are
-- players, nothing changes that has counted.  An instant counts as reached a
-- minute before, since events may be dated so far ahead.
CREATE FUNCTION loyalty.contest_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unknown text;
	reached timestamptz := pg_catalog.clock_timestamp() + '1 minute';
BEGIN
	IF tg_op = 'DELETE' THEN
		IF pg_catalog.current_setting('session_replication_role') <> 'replica'
			AND (EXISTS (SELECT FROM loyalty.contest_player WHERE contest_id = old.contest_id)
				 OR EXISTS (SELECT FROM loyalty.contest_settlement WHERE contest_id = old.contest_id)) THEN
			RAISE EXCEPTION 'contest "%" has been joined or settled', old.name
				USING ERRCODE = 'restrict_violation',
					HINT = 'UPDATE loyalty.contest SET active = false calls it off.';
		END IF;
		RETURN NULL;
	END IF;
	SELECT v.name INTO unknown
		FROM (VALUES (new.condition), (new.measure)) AS p (path),
			pg_catalog.unnest(loyalty.jsonpath_variables(p.path)) AS v (name) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown variable "$%" in contest "%"', unknown, new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'A contest sees only the event''s attributes, as $.';
	END IF;
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name THEN
			RAISE EXCEPTION 'name of contest "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Its prizes are recorded by it.';
		END IF;
		IF (new.event, new.condition::text, new.measure::text, new.starts_at)
				IS DISTINCT FROM (old.event, old.condition::text, old.measure::text, old.starts_at)
			AND LEAST(new.starts_at, old.starts_at) <= reached
			AND EXISTS (SELECT FROM loyalty.contest_player WHERE contest_id = old.contest_id) THEN
			RAISE EXCEPTION 'contest "%" has begun', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Its event, condition, measure and start stay as they are, since members have joined.',
					HINT = 'UPDATE loyalty.contest SET active = false calls it off; then make another one.';
		END IF;
		IF new.ends_at <> old.ends_at AND LEAST(new.ends_at, old.ends_at) <= reached
			AND (EXISTS (SELECT FROM loyalty.contest_player WHERE contest_id = old.contest_id)
				 OR EXISTS (SELECT FROM loyalty.contest_settlement WHERE contest_id = old.contest_id)) THEN
			RAISE EXCEPTION 'end of contest "%" cannot be moved from or into the past', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = pg_catalog.format('It ends at %s.', old.ends_at);
		END IF;
	END IF;
	INSERT INTO loyalty.event_type (name)
		SELECT e.name FROM (VALUES (new.event), ('contest_ended')) AS e (name)
			WHERE NOT EXISTS (SELECT FROM loyalty.event_type t WHERE t.name = e.name)
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.contest_check() IS
	'trigger: checks the paths of a contest, keeps what has counted, and gives its events ids';
REVOKE ALL ON FUNCTION loyalty.contest_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER INSERT OR UPDATE OR DELETE ON loyalty.contest
	FOR EACH ROW EXECUTE FUNCTION loyalty.contest_check();
CALL loyalty.config_table('contest');

SELECT pg_catalog.pg_extension_config_dump('loyalty.contest', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_id_seq', '');
