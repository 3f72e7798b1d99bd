-- Trying rules out.

CREATE TYPE loyalty.event_preview AS (
	points bigint,
	growth bigint,
	balance bigint,
	tier text,
	breakdown jsonb
);
COMMENT ON TYPE loyalty.event_preview IS 'what an event would do';
COMMENT ON COLUMN loyalty.event_preview.points IS 'points that it would grant';
COMMENT ON COLUMN loyalty.event_preview.growth IS 'growth that it would bring';
COMMENT ON COLUMN loyalty.event_preview.balance IS 'spendable points less debt afterwards, gifts included';
COMMENT ON COLUMN loyalty.event_preview.tier IS 'tier afterwards; NULL = none';
COMMENT ON COLUMN loyalty.event_preview.breakdown IS 'how the points come about: rules, variables, what cut them; NULL: the day or week of its streak has its event already';

CREATE FUNCTION loyalty.preview(
	member text,
	event text,
	attributes jsonb DEFAULT '{}',
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.event_preview
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_preview';
COMMENT ON FUNCTION loyalty.preview(text, text, jsonb, timestamptz, text) IS
	'what record() would do for this event at that time, past or future, without writing; it raises what record() would. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.preview(text, text, jsonb, timestamptz, text) FROM PUBLIC;
