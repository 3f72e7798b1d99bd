-- Reading: what stands, and how it came about.  These run as their owner, so
-- that EXECUTE on them is all that a reader needs.

CREATE FUNCTION loyalty.member_id(member text, program text DEFAULT NULL) RETURNS bigint
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_member_id';
COMMENT ON FUNCTION loyalty.member_id(text, text) IS 'id of a member, by which loyalty.member and loyalty.ledger know it; LY002 if unknown';
REVOKE ALL ON FUNCTION loyalty.member_id(text, text) FROM PUBLIC;

CREATE FUNCTION loyalty.reading_time(at timestamptz) RETURNS timestamptz
	LANGUAGE c VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_reading_time';
COMMENT ON FUNCTION loyalty.reading_time(timestamptz) IS 'the `at` of a reading function: the clock''s if NULL; 22023 unless finite';
REVOKE ALL ON FUNCTION loyalty.reading_time(timestamptz) FROM PUBLIC;

CREATE TYPE loyalty.member_balance AS (
	available bigint,
	pending bigint,
	held bigint,
	debt bigint,
	next_lapse timestamptz,
	next_lapse_points bigint,
	growth bigint,
	tier text,
	status text
);
COMMENT ON TYPE loyalty.member_balance IS 'what a member has at an instant';
COMMENT ON COLUMN loyalty.member_balance.available IS 'points that can be spent';
COMMENT ON COLUMN loyalty.member_balance.pending IS 'points granted but not active yet';
COMMENT ON COLUMN loyalty.member_balance.held IS 'points in open holds';
COMMENT ON COLUMN loyalty.member_balance.debt IS 'points owed';
COMMENT ON COLUMN loyalty.member_balance.next_lapse IS 'when the next points lapse; NULL = none will';
COMMENT ON COLUMN loyalty.member_balance.next_lapse_points IS 'how many lapse then';
COMMENT ON COLUMN loyalty.member_balance.growth IS 'live growth';
COMMENT ON COLUMN loyalty.member_balance.tier IS 'tier held; NULL = none';
COMMENT ON COLUMN loyalty.member_balance.status IS 'active, earn_blocked, spend_blocked, frozen or closed';

CREATE FUNCTION loyalty.balance(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.member_balance
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_balance';
COMMENT ON FUNCTION loyalty.balance(text, timestamptz, text) IS
	'what a member has at an instant (default now), past (replayed from the ledger) or future: spendable, pending and held points, debt, when how many lapse next, growth, tier, status. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.balance(text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.lots(
	member text,
	program text DEFAULT NULL,
	OUT points bigint,
	OUT valid_from timestamptz,
	OUT valid_until timestamptz,
	OUT source bigint,
	OUT state text,
	OUT hold_ref text)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT loyalty.points(lot), loyalty.valid_from(lot), loyalty.valid_until(lot), loyalty.source(lot),
		CASE WHEN loyalty.valid_from(lot) > clock_timestamp() THEN 'pending'
			WHEN loyalty.valid_until(lot) <= clock_timestamp() THEN 'lapsed'
			ELSE 'spendable' END,
		NULL
	FROM loyalty.member m, loyalty.lots(m.points) AS lot
	WHERE m.member_id = loyalty.member_id($1, $2)
	UNION ALL
	SELECT loyalty.points(lot), loyalty.valid_from(lot), loyalty.valid_until(lot), loyalty.source(lot),
		'held', h.ref
	FROM loyalty.hold h, loyalty.lots(h.lots) AS lot
	WHERE h.member_id = loyalty.member_id($1, $2)
	ORDER BY 2, 4, 3
$$;
COMMENT ON FUNCTION loyalty.lots(text, text) IS
	'a member''s lots in lot order: spendable, pending, lapsed but not yet posted, or held (under hold_ref). LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.lots(text, text) FROM PUBLIC;

CREATE FUNCTION loyalty.entry_kind(kind "char") RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	SELECT CASE kind
		WHEN 'e' THEN 'earn' WHEN 'v' THEN 'event' WHEN 'c' THEN 'correction'
		WHEN 'b' THEN 'claw_back' WHEN 'r' THEN 'redeem' WHEN 'h' THEN 'hold'
		WHEN 'p' THEN 'capture' WHEN 'l' THEN 'release' WHEN 's' THEN 'restore'
		WHEN 'o' THEN 'transfer_out' WHEN 'i' THEN 'transfer_in' WHEN 'a' THEN 'adjust'
		WHEN 'x' THEN 'lapse' WHEN 'g' THEN 'gift' WHEN 't' THEN 'status'
		WHEN 'n' THEN 'refused' WHEN 'm' THEN 'subscribe' WHEN 'q' THEN 'unsubscribe'
		WHEN 'u' THEN 'benefit' WHEN 'k' THEN 'coupon' WHEN 'd' THEN 'tier'
		WHEN 'z' THEN 'opening' END
$$;
COMMENT ON FUNCTION loyalty.entry_kind("char") IS 'the word for a kind of ledger entry';

CREATE FUNCTION loyalty.status_name(status "char") RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	SELECT CASE status WHEN 'a' THEN 'active' WHEN 'e' THEN 'earn_blocked'
		WHEN 's' THEN 'spend_blocked' WHEN 'f' THEN 'frozen' WHEN 'c' THEN 'closed' END
$$;
COMMENT ON FUNCTION loyalty.status_name("char") IS 'the word for a member''s status';

CREATE VIEW loyalty.entries AS
	SELECT l.entry_id, p.name AS program, m.ref AS member, loyalty.entry_kind(l.kind) AS kind,
		e.name AS event, l.points, coalesce(l.growth, 0) AS growth, coalesce(l.debt, 0) AS debt,
		l.balance, l.at, l.recorded_at, l.ref, l.operation_ref, l.reverses,
		c.ref AS counterpart, l.point_kind, l.partner, l.unit_cost,
		coalesce(l.waived, 0) AS waived, coalesce(l.lapsed, 0) AS lapsed, l.lots,
		CASE l.spend_order WHEN 'f' THEN 'fifo' WHEN 'x' THEN 'expiring' END AS spend_order,
		l.reason, a.name AS actor, l.breakdown, l.attributes, l.member_id
	FROM loyalty.ledger l
	JOIN loyalty.member m ON m.member_id = l.member_id
	JOIN loyalty.program p ON p.program_id = m.program_id
	JOIN loyalty.actor a ON a.actor_id = l.actor_id
	LEFT JOIN loyalty.event_type e ON e.event_id = l.event_id
	LEFT JOIN loyalty.member c ON c.member_id = l.counterpart;
COMMENT ON VIEW loyalty.entries IS 'the ledger with names instead of ids; sum(points) over a member is what it owns: spendable, pending and held points less its debt';

CREATE VIEW loyalty.members AS
	SELECT m.member_id, p.name AS program, m.ref AS member,
		loyalty.status_name(m.status) AS status,
		loyalty.spendable(m.points, clock_timestamp()) AS available,
		loyalty.pending(m.points, clock_timestamp()) AS pending,
		m.held, m.debt, loyalty.spendable(m.growth, clock_timestamp()) AS growth,
		CASE WHEN m.tier_until > clock_timestamp() AND (m.earned_tier_id <> 0
				OR p.name NOT IN (SELECT x.program FROM loyalty.tier x)) THEN t.name
			ELSE loyalty.tier(m.ref, NULL, p.name) END AS tier, m.points, m.enrolled_at, m.last_at, m.attributes
	FROM loyalty.member m
	JOIN loyalty.program p ON p.program_id = m.program_id
	LEFT JOIN loyalty.tier t ON t.tier_id = m.tier_id;
COMMENT ON VIEW loyalty.members IS 'members with names instead of ids, as the clock has them now (a hold that is overdue counts as held until it is posted), the tier as tier() tells it';

CREATE FUNCTION loyalty.statement(
	member text,
	since timestamptz DEFAULT '-infinity',
	until timestamptz DEFAULT 'infinity',
	program text DEFAULT NULL,
	OUT at timestamptz,
	OUT kind text,
	OUT event text,
	OUT ref text,
	OUT points bigint,
	OUT total bigint,
	OUT balance bigint,
	OUT growth bigint,
	OUT reason text,
	OUT entry_id bigint)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.at, s.kind, s.event, s.ref, s.points, s.total, s.balance, s.growth, s.reason, s.entry_id
	FROM (SELECT e.*, (sum(e.points) OVER (ORDER BY e.entry_id))::bigint AS total
		FROM loyalty.entries e
		WHERE e.member_id = loyalty.member_id($1, $4)) s
	WHERE s.at >= coalesce($2, '-infinity') AND s.at < coalesce($3, 'infinity')
	ORDER BY s.entry_id
$$;
COMMENT ON FUNCTION loyalty.statement(text, timestamptz, timestamptz, text) IS
	'a member''s entries dated in [since, until), in the order in which they were recorded: total is the running sum of points (spendable, pending and held less debt), balance what could be spent (less debt) after each. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.statement(text, timestamptz, timestamptz, text) FROM PUBLIC;

-- audits in subtransactions, which a parallel query does not allow
CREATE FUNCTION loyalty.verify(
	member text DEFAULT NULL,
	program text DEFAULT NULL,
	OUT member_ref text,
	OUT program_name text,
	OUT entry_id bigint,
	OUT problem text,
	OUT detail text)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_verify';
COMMENT ON FUNCTION loyalty.verify(text, text) IS
	'replays the ledger against wallets, growth, debts, holds, tiers and the hash chain: one row per problem, none if the books are sound. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.verify(text, text) FROM PUBLIC;
