-- What members have from rules beyond points, coupons and tickets for draws, and the use of coupons.

CREATE FUNCTION loyalty.coupons(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT coupon_id bigint,
	OUT coupon text,
	OUT title text,
	OUT kind text,
	OUT value numeric,
	OUT minimum_order numeric,
	OUT valid_from timestamptz,
	OUT valid_until timestamptz,
	OUT entry_id bigint)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.coupon_id, t.name, t.title, t.kind, t.value, t.minimum_order, c.valid_from,
		c.valid_until, c.entry_id
	FROM (SELECT loyalty.reading_time($2) AS at, loyalty.member_id($1, $3) AS member_id) w
	JOIN loyalty.coupon c ON c.member_id = w.member_id
	JOIN loyalty.coupon_type t USING (coupon_type_id)
	WHERE c.used_by IS NULL AND c.voided_by IS NULL AND c.valid_from <= w.at AND w.at < c.valid_until
	ORDER BY c.valid_until, c.coupon_id
$$;
COMMENT ON FUNCTION loyalty.coupons(text, timestamptz, text) IS
	'the coupons of a member that stand and are valid at `at` (default now), the soonest end first. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.coupons(text, timestamptz, text) FROM PUBLIC;

CREATE TYPE loyalty.coupon_receipt AS (
	entry_id bigint,
	member text,
	coupon_id bigint,
	coupon text,
	kind text,
	value numeric,
	replayed boolean
);
COMMENT ON TYPE loyalty.coupon_receipt IS 'what use_coupon() answers';
COMMENT ON COLUMN loyalty.coupon_receipt.entry_id IS 'ledger entry that it wrote';
COMMENT ON COLUMN loyalty.coupon_receipt.member IS 'the caller''s key of the member';
COMMENT ON COLUMN loyalty.coupon_receipt.coupon_id IS 'coupon that was used';
COMMENT ON COLUMN loyalty.coupon_receipt.coupon IS 'its kind of coupon';
COMMENT ON COLUMN loyalty.coupon_receipt.kind IS 'amount: money off; percent: a percentage';
COMMENT ON COLUMN loyalty.coupon_receipt.value IS 'how much of that';
COMMENT ON COLUMN loyalty.coupon_receipt.replayed IS 'true: the operation had been done before, nothing was changed';

CREATE FUNCTION loyalty.use_coupon(
	member text,
	coupon_id bigint,
	ref text DEFAULT NULL,
	amount numeric DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.coupon_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_use_coupon';
COMMENT ON FUNCTION loyalty.use_coupon(text, bigint, text, numeric, timestamptz, text) IS
	'uses a coupon of a member, once; amount: of the order, held against the minimum order of the coupon, NULL: not. LY002, LY003 ref with other content, LY004 member blocked, LY010 used, void, not valid at that time, or the order too small, 22023 no such coupon';
REVOKE ALL ON FUNCTION loyalty.use_coupon(text, bigint, text, numeric, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.draw_tickets(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT draw text,
	OUT title text,
	OUT tickets bigint,
	OUT starts_at timestamptz,
	OUT ends_at timestamptz)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.name, d.title, sum(k.count)::bigint, d.starts_at, d.ends_at
	FROM (SELECT loyalty.reading_time($2) AS at, loyalty.member_id($1, $3) AS member_id) w
	JOIN loyalty.draw_ticket k ON k.member_id = w.member_id
	JOIN loyalty.draw d USING (draw_id)
	WHERE k.count > 0 AND w.at < coalesce(d.ends_at, 'infinity')
	GROUP BY d.draw_id
	ORDER BY d.ends_at, d.name
$$;
COMMENT ON FUNCTION loyalty.draw_tickets(text, timestamptz, text) IS
	'the tickets of a member for draws that are not over at `at` (default now), the soonest end first. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.draw_tickets(text, timestamptz, text) FROM PUBLIC;
