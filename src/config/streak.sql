--
-- Streaks: events of which one a day, or a week, counts toward a run.
--

CREATE SEQUENCE loyalty.streak_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.streak_id_seq IS 'ids of streaks';

CREATE TABLE loyalty.streak (
	streak_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.streak_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	event text COLLATE "C" NOT NULL,
	period text NOT NULL DEFAULT 'day',
	cycle text NOT NULL DEFAULT 'none',
	once boolean NOT NULL DEFAULT true,
	make_up_points bigint,
	make_up_within integer NOT NULL DEFAULT 7,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT streak_pkey PRIMARY KEY (streak_id),
	CONSTRAINT streak_event_key UNIQUE (program, event),
	CONSTRAINT streak_version_key UNIQUE (version_id),
	CONSTRAINT streak_event_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT streak_period_is_known CHECK (period IN ('day', 'week')),
	CONSTRAINT streak_cycle_is_known CHECK (cycle IN ('none', 'week', 'month', 'year')),
	CONSTRAINT streak_cycle_is_longer_than_its_period CHECK (cycle <> period),
	CONSTRAINT streak_make_up_points_is_greater_than_0 CHECK (make_up_points > 0),
	CONSTRAINT streak_make_up_within_is_1_to_366 CHECK (make_up_within BETWEEN 1 AND 366)
);
ALTER SEQUENCE loyalty.streak_id_seq OWNED BY loyalty.streak.streak_id;

COMMENT ON TABLE loyalty.streak IS 'streaks of a program: the events whose days or weeks in a row are counted; one row per event';
COMMENT ON COLUMN loyalty.streak.streak_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.streak.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.streak.event IS 'event that is counted';
COMMENT ON COLUMN loyalty.streak.period IS 'day or week (from Monday) in the program''s time zone: one event in each keeps the run';
COMMENT ON COLUMN loyalty.streak.cycle IS 'none, week, month or year: the count of days starts anew with it, the run goes on';
COMMENT ON COLUMN loyalty.streak.once IS 'true: a further event of a period is the same one and gives nothing; false: it is an event of its own that leaves the count as it is';
COMMENT ON COLUMN loyalty.streak.make_up_points IS 'points that a missed period costs; NULL: it cannot be made up';
COMMENT ON COLUMN loyalty.streak.make_up_within IS 'how many periods back it can be made up';
COMMENT ON COLUMN loyalty.streak.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.streak.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.streak_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	IF NOT EXISTS (SELECT FROM loyalty.event_type WHERE event_type.name = new.event) THEN
		INSERT INTO loyalty.event_type (name) VALUES (new.event) ON CONFLICT DO NOTHING;
	END IF;
	IF new.once AND (tg_op = 'INSERT' OR NOT old.once OR new.event <> old.event)
		AND EXISTS (SELECT FROM loyalty.attachment a
					WHERE a.event = new.event AND a.program = new.program) THEN
		RAISE NOTICE 'only a member''s first order of a % counts: event "%" has a streak with once', new.period, new.event
			USING DETAIL = pg_catalog.format('Further orders of the %s get neither points nor an entry, also after the first is changed or deleted.', new.period),
				HINT = 'For orders, set once to false.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.streak_check() IS 'trigger: gives the event of a streak an id, and warns where an attached table''s orders would be lost';
REVOKE ALL ON FUNCTION loyalty.streak_check() FROM PUBLIC;

-- before record: who watches the versions finds the event known
CREATE TRIGGER config_25_check AFTER INSERT OR UPDATE ON loyalty.streak
	FOR EACH ROW EXECUTE FUNCTION loyalty.streak_check();
CALL loyalty.config_table('streak');

SELECT pg_catalog.pg_extension_config_dump('loyalty.streak', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.streak_id_seq', '');
