-- Past events by the rules of now.

CREATE FUNCTION loyalty.resettle(
	event text,
	since timestamptz,
	preview boolean DEFAULT true,
	program text DEFAULT NULL,
	OUT member text,
	OUT ref text,
	OUT at timestamptz,
	OUT points_before bigint,
	OUT points_after bigint,
	OUT difference bigint,
	OUT growth_difference bigint,
	OUT entry_id bigint,
	OUT note text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_resettle';
COMMENT ON FUNCTION loyalty.resettle(text, timestamptz, boolean, text) IS
	'after a wrong rule was repaired: the events of a kind, dated since or later and not called off, for which the rules that are current now give something else than they stand for, with the tier and what else was stored of the member; with preview => false the differences are posted as corrections dated now, and entry_id is the last one of each event; a gift that comes or goes with a tier is an entry of its own, in no row. A row with a note is not posted: the note says why. LY005 unknown program, 22023 unknown event, since missing or infinite';
REVOKE ALL ON FUNCTION loyalty.resettle(text, timestamptz, boolean, text) FROM PUBLIC;
