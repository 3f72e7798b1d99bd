-- Paid plans and benefits of a member.

CREATE TYPE loyalty.subscription_receipt AS (
	entry_id bigint,
	member text,
	plan text,
	since timestamptz,
	until timestamptz,
	price numeric,
	refund numeric,
	replayed boolean
);
COMMENT ON TYPE loyalty.subscription_receipt IS 'what subscribe() and unsubscribe() answer';
COMMENT ON COLUMN loyalty.subscription_receipt.entry_id IS 'ledger entry that it wrote';
COMMENT ON COLUMN loyalty.subscription_receipt.member IS 'the caller''s key of the member';
COMMENT ON COLUMN loyalty.subscription_receipt.plan IS 'plan';
COMMENT ON COLUMN loyalty.subscription_receipt.since IS 'start of the period sold, or cancelled';
COMMENT ON COLUMN loyalty.subscription_receipt.until IS 'its end, exclusive';
COMMENT ON COLUMN loyalty.subscription_receipt.price IS 'price of the period sold; NULL where it was cancelled';
COMMENT ON COLUMN loyalty.subscription_receipt.refund IS 'part of what was paid that is for the cancelled time; NULL where it was sold';
COMMENT ON COLUMN loyalty.subscription_receipt.replayed IS 'true: the operation had been done before, nothing was changed';

CREATE FUNCTION loyalty.subscribe(
	member text,
	plan text,
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.subscription_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_subscribe';
COMMENT ON FUNCTION loyalty.subscribe(text, text, text, timestamptz, text) IS
	'a paid plan for one period, from now or from the end of what is paid for already. LY003 ref with other content or cancelled since, LY004 closed, LY010 plan not active, 22023 unknown plan';
REVOKE ALL ON FUNCTION loyalty.subscribe(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.unsubscribe(
	member text,
	plan text,
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.subscription_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_unsubscribe';
COMMENT ON FUNCTION loyalty.unsubscribe(text, text, text, timestamptz, text) IS
	'ends a plan at once, periods paid ahead included, and says what of the price is for the time that is left. LY002, LY003, LY010 nothing to cancel, 22023 unknown plan';
REVOKE ALL ON FUNCTION loyalty.unsubscribe(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE TYPE loyalty.benefit_receipt AS (
	entry_id bigint,
	member text,
	benefit text,
	quantity bigint,
	used bigint,
	remaining bigint,
	period_end timestamptz,
	replayed boolean
);
COMMENT ON TYPE loyalty.benefit_receipt IS 'what use_benefit() answers';
COMMENT ON COLUMN loyalty.benefit_receipt.entry_id IS 'ledger entry that it wrote';
COMMENT ON COLUMN loyalty.benefit_receipt.member IS 'the caller''s key of the member';
COMMENT ON COLUMN loyalty.benefit_receipt.benefit IS 'benefit';
COMMENT ON COLUMN loyalty.benefit_receipt.quantity IS 'units used by this call';
COMMENT ON COLUMN loyalty.benefit_receipt.used IS 'units of the quota used in the period, this call included';
COMMENT ON COLUMN loyalty.benefit_receipt.remaining IS 'units left: of the quota in the period, and of those that rules gave; NULL: no limit';
COMMENT ON COLUMN loyalty.benefit_receipt.period_end IS 'when the next period begins; NULL: given once';
COMMENT ON COLUMN loyalty.benefit_receipt.replayed IS 'true: the operation had been done before, nothing was changed';

CREATE FUNCTION loyalty.use_benefit(
	member text,
	benefit text,
	quantity bigint DEFAULT 1,
	ref text DEFAULT NULL,
	attributes jsonb DEFAULT '{}',
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.benefit_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_use_benefit';
COMMENT ON FUNCTION loyalty.use_benefit(text, text, bigint, text, jsonb, timestamptz, text) IS
	'spends units of a benefit, of the quota or of those that rules gave, what ends soonest first; attributes: what it is used on, for its condition. LY002, LY003 ref with other content, LY004 member blocked, LY006 quota used up, LY010 not entitled or condition not met, 22023 unknown benefit';
REVOKE ALL ON FUNCTION loyalty.use_benefit(text, text, bigint, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.benefits(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT benefit text,
	OUT kind text,
	OUT value numeric,
	OUT quota bigint,
	OUT used bigint,
	OUT remaining bigint,
	OUT unit text,
	OUT period text,
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT tier text,
	OUT plan text,
	OUT condition jsonpath,
	OUT units bigint,
	OUT units_until timestamptz)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_benefits';
COMMENT ON FUNCTION loyalty.benefits(text, timestamptz, text) IS
	'the benefits of a member and what is left of them in the period of `at` (default now), by the tier or plan that gives most, with the units that rules gave. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.benefits(text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.plan_worth(
	member text,
	plan text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT since timestamptz,
	OUT until timestamptz,
	OUT events bigint,
	OUT points bigint,
	OUT points_worth numeric,
	OUT uses bigint,
	OUT benefit_worth numeric,
	OUT worth numeric,
	OUT price numeric,
	OUT net numeric)
	RETURNS record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_plan_worth';
COMMENT ON FUNCTION loyalty.plan_worth(text, text, timestamptz, text) IS
	'what a plan would have given a member in the 12 months before `at` (default now), against its price for them: points that its multiplier would have added, units of its benefits that the member had events for, their worth, and net = worth - price. points_worth NULL: the program states no point_value, worth is of benefits alone. LY002 unknown member, 22023 unknown plan';
REVOKE ALL ON FUNCTION loyalty.plan_worth(text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.plan_worth_lines(
	member text,
	plan text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT benefit text,
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT events bigint,
	OUT quantity bigint,
	OUT unit text,
	OUT worth numeric)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_plan_worth_lines';
COMMENT ON FUNCTION loyalty.plan_worth_lines(text, text, timestamptz, text) IS
	'what the figures of plan_worth() are made of: the points of each local month (benefit NULL), and each benefit in each period of its quota, with the events that it is counted on, the units beyond those the member had otherwise, and their worth (NULL: not stated). LY002 unknown member, 22023 unknown plan';
REVOKE ALL ON FUNCTION loyalty.plan_worth_lines(text, text, timestamptz, text) FROM PUBLIC;

CREATE VIEW loyalty.subscriptions AS
	SELECT s.entry_id, p.name AS program, m.ref AS member, pl.name AS plan, s.since, s.until,
		s.since <= clock_timestamp() AND clock_timestamp() < s.until AS in_force,
		s.price, s.refund, s.ref, s.member_id
	FROM loyalty.subscription s
	JOIN loyalty.member m ON m.member_id = s.member_id
	JOIN loyalty.program p ON p.program_id = m.program_id
	JOIN loyalty.plan pl ON pl.plan_id = s.plan_id;
COMMENT ON VIEW loyalty.subscriptions IS 'paid periods of plans with names instead of ids; refund: what of the price was for cancelled time';
