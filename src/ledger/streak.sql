-- The periods in which members did what has a streak.  Written under the
-- member's row lock, with the entry of the event.

CREATE TABLE loyalty.streak_calendar_overflow (
	member_id bigint NOT NULL,
	event_id integer NOT NULL,
	block integer NOT NULL,
	done bigint NOT NULL,
	made_up bigint NOT NULL,
	period "char" NOT NULL,
	PRIMARY KEY (member_id, event_id, period, block)
) WITH (fillfactor = 70);
COMMENT ON TABLE loyalty.streak_calendar_overflow IS 'rows of streak_calendar that have no room in member.recent';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.member_id IS 'member';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.event_id IS 'event';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.block IS 'which 64: number of its first period / 64; days are numbered from 2000-01-01, weeks from Monday 2000-01-03';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.done IS 'a bit per period, the lowest first: it is done, or made up';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.made_up IS 'those of them that were made up with points';
COMMENT ON COLUMN loyalty.streak_calendar_overflow.period IS 'd days, w weeks';

CREATE FUNCTION loyalty.recent_streak_calendar(recent bytea)
	RETURNS TABLE (event_id integer, period "char", block integer, done bigint, made_up bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 5
	AS 'MODULE_PATHNAME', 'loyalty_recent_streak_calendar';
COMMENT ON FUNCTION loyalty.recent_streak_calendar(bytea) IS 'the rows of streak_calendar packed in member.recent; XX001 where they are not readable';

CREATE VIEW loyalty.streak_calendar AS
	SELECT member_id, event_id, block, done, made_up, period
		FROM loyalty.streak_calendar_overflow
	UNION ALL
	SELECT m.member_id, r.event_id, r.block, r.done, r.made_up, r.period
		FROM loyalty.member AS m, loyalty.recent_streak_calendar(m.recent) AS r
		WHERE m.recent <> '';
COMMENT ON VIEW loyalty.streak_calendar IS 'days or weeks in which members did what has a streak, 64 to a row';
COMMENT ON COLUMN loyalty.streak_calendar.member_id IS 'member';
COMMENT ON COLUMN loyalty.streak_calendar.event_id IS 'event';
COMMENT ON COLUMN loyalty.streak_calendar.block IS 'which 64: number of its first period / 64; days are numbered from 2000-01-01, weeks from Monday 2000-01-03';
COMMENT ON COLUMN loyalty.streak_calendar.done IS 'a bit per period, the lowest first: it is done, or made up';
COMMENT ON COLUMN loyalty.streak_calendar.made_up IS 'those of them that were made up with points';
COMMENT ON COLUMN loyalty.streak_calendar.period IS 'd days, w weeks';

SELECT pg_catalog.pg_extension_config_dump('loyalty.streak_calendar_overflow', '');
