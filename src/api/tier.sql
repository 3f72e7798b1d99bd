--
-- Tiers of members: read at any instant, granted by hand, moved after a change.
--

CREATE FUNCTION loyalty.tier(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_tier';
COMMENT ON FUNCTION loyalty.tier(text, timestamptz, text) IS
	'the tier a member holds at an instant (default now): what was recorded or, from the newest record on, what the clock makes of it; from now on, of who has earned none, the one that its next operation would find; of the past a tier of threshold 0 where nothing is recorded. NULL: none. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.tier(text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.grant_tier(
	member text,
	tier text,
	until timestamptz DEFAULT NULL,
	reason text DEFAULT NULL,
	ref text DEFAULT NULL,
	kind text DEFAULT 'manual',
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_grant_tier';
COMMENT ON FUNCTION loyalty.grant_tier(text, text, timestamptz, text, text, text, timestamptz, text) IS
	'a tier by hand (kind manual) or voucher, held until its own end whatever growth says; NULL until: one status period of the tier. In place of an earlier grant of that tier and kind; gives no gift. A repeat of ref returns the first receipt. LY003 ref with other content, LY004 member closed, 22023 no reason, unknown tier or kind, end not after the grant';
REVOKE ALL ON FUNCTION loyalty.grant_tier(text, text, timestamptz, text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.revoke_tier(
	member text,
	tier text,
	reason text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_revoke_tier';
COMMENT ON FUNCTION loyalty.revoke_tier(text, text, text, timestamptz, text) IS
	'ends every grant of a tier that the member has from grant_tier(). LY002 unknown member, LY007 no such grant, 22023 no reason, unknown tier';
REVOKE ALL ON FUNCTION loyalty.revoke_tier(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.retier(
	mode text DEFAULT 'upgrade_only',
	preview boolean DEFAULT true,
	max_members bigint DEFAULT NULL,
	program text DEFAULT NULL,
	OUT member text,
	OUT tier_before text,
	OUT tier_after text,
	OUT growth bigint,
	OUT gift bigint,
	OUT moves_at timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_retier';
COMMENT ON FUNCTION loyalty.retier(text, boolean, bigint, text) IS
	'after a change of tiers: which members move, from the tier that is recorded of them (who is from before the first tier: from the lowest, if it asks for nothing), with the gifts that would give; with preview => false it moves them, at most max_members, so that it can be called until it returns nothing. upgrade_only: up at once, down at the end of their status periods; full: both at once; at_period_end: nothing is written; who will move by the clock alone, at the end of the status period or of the grace after it. 22023 unknown mode';
REVOKE ALL ON FUNCTION loyalty.retier(text, boolean, bigint, text) FROM PUBLIC;

CREATE FUNCTION loyalty.ladder(
	member text,
	program text DEFAULT NULL,
	OUT tier text,
	OUT rank integer,
	OUT held boolean,
	OUT until timestamptz,
	OUT threshold bigint,
	OUT growth bigint,
	OUT lacks bigint,
	OUT lacks_by timestamptz,
	OUT condition_holds boolean,
	OUT earn_multiplier numeric,
	OUT redeem_discount numeric,
	OUT gift bigint,
	OUT points_last_year bigint)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_ladder';
COMMENT ON FUNCTION loyalty.ladder(text, text) IS
	'every tier as the member stands to it, lowest first: whether it is the one that tier() tells, until when the member has it, what growth lacks to reach it (for the earned one: to keep it) and by when, its rights, the gift that reaching it would give now, and what the rules would have given for the events of the last 12 months with that tier. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.ladder(text, text) FROM PUBLIC;
