-- Members, the ledger and what stands beside them.  Written by the extension's
-- functions alone; read by anyone who is granted it.

CREATE SEQUENCE loyalty.member_id_seq;
COMMENT ON SEQUENCE loyalty.member_id_seq IS 'ids of members';

-- CACHE 1: the hash chain and replay rely on a member's entries having ascending ids.
CREATE SEQUENCE loyalty.entry_id_seq CACHE 1;
COMMENT ON SEQUENCE loyalty.entry_id_seq IS 'ids of ledger entries, ascending within a member';

CREATE SEQUENCE loyalty.actor_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.actor_id_seq IS 'small ids of actors';

CREATE TABLE loyalty.actor (
	actor_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('loyalty.actor_id_seq'),
	name text COLLATE "C" NOT NULL UNIQUE
);
COMMENT ON TABLE loyalty.actor IS 'roles that wrote entries; the ledger names them by small id';
COMMENT ON COLUMN loyalty.actor.actor_id IS 'small id used by ledger.actor_id';
COMMENT ON COLUMN loyalty.actor.name IS 'name the role had when it first wrote';

-- Wide columns stay inline (STORAGE MAIN, a tuple target of most of a page), so
-- that an operation rewrites one tuple and, with the fillfactor, stays HOT.
CREATE TABLE loyalty.member (
	member_id bigint PRIMARY KEY,
	debt bigint NOT NULL,
	held bigint NOT NULL,
	last_entry bigint NOT NULL,
	last_at timestamptz NOT NULL,
	tier_until timestamptz NOT NULL,
	earned_since timestamptz NOT NULL,
	earned_until timestamptz NOT NULL,
	earned_growth bigint NOT NULL,
	maintain_at timestamptz NOT NULL,
	enrolled_at timestamptz NOT NULL,
	salt bigint NOT NULL,
	key_digest bigint NOT NULL,
	program_id integer NOT NULL,
	tier_id integer NOT NULL,
	earned_tier_id integer NOT NULL,
	status "char" NOT NULL,
	earned_phase "char" NOT NULL,
	has_grants boolean NOT NULL,
	ref text COLLATE "C" NOT NULL,
	chain_head bytea NOT NULL,
	points loyalty.point_wallet NOT NULL,
	growth loyalty.point_wallet NOT NULL,
	attributes jsonb NOT NULL,
	recent bytea NOT NULL DEFAULT '',
	CONSTRAINT member_program_id_ref_key UNIQUE (program_id, ref)
) WITH (fillfactor = 50, toast_tuple_target = 8160);
ALTER TABLE loyalty.member
	ALTER COLUMN points SET STORAGE MAIN,
	ALTER COLUMN growth SET STORAGE MAIN,
	ALTER COLUMN recent SET STORAGE MAIN;
CREATE INDEX member_maintain_at_idx ON loyalty.member (maintain_at);

COMMENT ON TABLE loyalty.member IS 'one row per member and program: wallet, growth, debt, tier, status; the only row an operation locks';
COMMENT ON COLUMN loyalty.member.member_id IS 'id of the member in this installation';
COMMENT ON COLUMN loyalty.member.debt IS 'points owed; above 0 only while the wallet is empty';
COMMENT ON COLUMN loyalty.member.held IS 'points in open holds, outside the wallet';
COMMENT ON COLUMN loyalty.member.last_entry IS 'id of the member''s newest ledger entry, 0 if none';
COMMENT ON COLUMN loyalty.member.last_at IS 'latest business time of the member''s entries, -infinity if none';
COMMENT ON COLUMN loyalty.member.tier_until IS 'when the clock next decides about the tier: the end of a status period, its grace or a granted tier; infinity if never';
COMMENT ON COLUMN loyalty.member.earned_since IS 'start of the status period of the earned tier (business time), -infinity if none';
COMMENT ON COLUMN loyalty.member.earned_until IS 'end of that period, or of the grace that follows it; infinity if it has none';
COMMENT ON COLUMN loyalty.member.earned_growth IS 'growth gained since earned_since, which keep_threshold is compared with';
COMMENT ON COLUMN loyalty.member.maintain_at IS 'never later than the next thing that the clock decides for this member; maintain() walks it';
COMMENT ON COLUMN loyalty.member.enrolled_at IS 'business time of enrolment';
COMMENT ON COLUMN loyalty.member.salt IS 'salt of the digests of erasable details; erased with them';
COMMENT ON COLUMN loyalty.member.key_digest IS 'salted digest of ref; with the program it begins the hash chain';
COMMENT ON COLUMN loyalty.member.program_id IS 'program the member belongs to';
COMMENT ON COLUMN loyalty.member.tier_id IS 'tier in force as of the newest business time that the row has seen, 0 if none; tier() knows it at any instant';
COMMENT ON COLUMN loyalty.member.earned_tier_id IS 'tier that growth has earned, 0 if none; tier_id is the highest of this and the granted ones';
COMMENT ON COLUMN loyalty.member.earned_phase IS 'r the tier was reached in this period, k it was kept at the end of the one before, f a higher one was not, g the period is over and its grace runs';
COMMENT ON COLUMN loyalty.member.has_grants IS 'whether tier_grant has rows of the member that may not be over';
COMMENT ON COLUMN loyalty.member.status IS 'a active, e earn_blocked, s spend_blocked, f frozen, c closed';
COMMENT ON COLUMN loyalty.member.ref IS 'the caller''s key of the member: a customer number, a uuid';
COMMENT ON COLUMN loyalty.member.chain_head IS 'hash of the member''s newest entry; before the first, of its program and key';
COMMENT ON COLUMN loyalty.member.points IS 'live lots in lot order: spendable, pending, and lapsed ones not yet posted';
COMMENT ON COLUMN loyalty.member.growth IS 'growth lots: never spent, dated by local month or, where the window is a rolling one, by local day; sources dropped, what lapsed long ago merged';
COMMENT ON COLUMN loyalty.member.attributes IS 'facts about the member that rules may read as $member';
COMMENT ON COLUMN loyalty.member.recent IS 'packed: the rows of limit_usage, event_usage and streak_calendar that were written last; those views show them';
COMMENT ON INDEX loyalty.member_maintain_at_idx IS 'members in the order in which maintain() visits them';

-- Fixed width first, so that no alignment padding is paid; what is 0 for most
-- entries is NULL, which costs a bit.
CREATE TABLE loyalty.ledger (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL,
	points bigint NOT NULL,
	balance bigint NOT NULL,
	xid bigint NOT NULL,
	growth bigint,
	debt bigint,
	reverses bigint,
	counterpart bigint,
	waived bigint,
	lapsed bigint,
	request_digest bigint,
	detail_digest bigint,
	event_id integer NOT NULL,
	actor_id integer NOT NULL,
	generation smallint NOT NULL,
	kind "char" NOT NULL,
	spend_order "char",
	hash bytea NOT NULL,
	lots loyalty.point_wallet,
	ref text COLLATE "C",
	operation_ref text COLLATE "C",
	point_kind text COLLATE "C",
	partner text COLLATE "C",
	unit_cost numeric,
	reason text,
	breakdown jsonb,
	attributes jsonb,
	PRIMARY KEY (member_id, entry_id)
);
CREATE UNIQUE INDEX ledger_ref_key ON loyalty.ledger (member_id, ref, kind, event_id, generation) WHERE ref IS NOT NULL;
CREATE INDEX ledger_at_idx ON loyalty.ledger USING brin (at);
CREATE INDEX ledger_xid_idx ON loyalty.ledger USING brin (xid);

COMMENT ON TABLE loyalty.ledger IS 'append-only: one row per accepted operation; the view entries reads better';
COMMENT ON COLUMN loyalty.ledger.member_id IS 'member whose entry it is';
COMMENT ON COLUMN loyalty.ledger.entry_id IS 'unique across members, ascending within one';
COMMENT ON COLUMN loyalty.ledger.at IS 'business time';
COMMENT ON COLUMN loyalty.ledger.recorded_at IS 'when it was written';
COMMENT ON COLUMN loyalty.ledger.points IS 'signed: change of wallet + change of held - change of debt';
COMMENT ON COLUMN loyalty.ledger.balance IS 'spendable points less debt after it, at its business time';
COMMENT ON COLUMN loyalty.ledger.xid IS 'transaction that wrote it, for feeds';
COMMENT ON COLUMN loyalty.ledger.growth IS 'signed change of growth; NULL = 0';
COMMENT ON COLUMN loyalty.ledger.debt IS 'signed change of the debt; NULL = 0';
COMMENT ON COLUMN loyalty.ledger.reverses IS 'entry that it takes or gives back';
COMMENT ON COLUMN loyalty.ledger.counterpart IS 'member_id on the other side of a transfer';
COMMENT ON COLUMN loyalty.ledger.waived IS 'points forgiven under shortfall waive; negative where a waiver was cancelled';
COMMENT ON COLUMN loyalty.ledger.lapsed IS 'points of the grant that had lapsed and counted as taken; negative where that was undone';
COMMENT ON COLUMN loyalty.ledger.request_digest IS 'digest of the call''s content, by which a repeat is known';
COMMENT ON COLUMN loyalty.ledger.detail_digest IS 'salted digest of ref, operation_ref, reason and attributes; the hash chain covers it, so these can be erased';
COMMENT ON COLUMN loyalty.ledger.event_id IS 'event_type, 0 if none';
COMMENT ON COLUMN loyalty.ledger.actor_id IS 'actor who wrote it';
COMMENT ON COLUMN loyalty.ledger.generation IS 'numbers the entries of one ref, kind and event';
COMMENT ON COLUMN loyalty.ledger.kind IS 'e earn, v event, c correction, b claw_back, r redeem, h hold, p capture, l release, s restore, o transfer_out, i transfer_in, a adjust, x lapse, g gift, t status, n refused, m subscribe, q unsubscribe, u benefit, k coupon, d tier, z opening';
COMMENT ON COLUMN loyalty.ledger.spend_order IS 'order in which lots were taken: f fifo, x expiring; NULL = none taken';
COMMENT ON COLUMN loyalty.ledger.hash IS 'SHA-256 over the member''s previous hash and this entry';
COMMENT ON COLUMN loyalty.ledger.lots IS 'the lots that came or went; for a capture those spent';
COMMENT ON COLUMN loyalty.ledger.ref IS 'the caller''s key of what the entry is about; restores and claw-backs carry the ref of what they undo';
COMMENT ON COLUMN loyalty.ledger.operation_ref IS 'the caller''s own key of a restore (restore_ref) or claw-back (claw_ref)';
COMMENT ON COLUMN loyalty.ledger.point_kind IS 'kind of the points; NULL = plain';
COMMENT ON COLUMN loyalty.ledger.partner IS 'who funds the points, where a rule names one';
COMMENT ON COLUMN loyalty.ledger.unit_cost IS 'cost of one point, where a rule names it';
COMMENT ON COLUMN loyalty.ledger.reason IS 'reason given by the caller, or why an event was refused';
COMMENT ON COLUMN loyalty.ledger.breakdown IS 'rule versions, variables; of each rule the points granted, those wished and the growth where they differ from them, and what cut it';
COMMENT ON COLUMN loyalty.ledger.attributes IS 'the event''s attributes';

-- Long breakdowns are compressed with every write: lz4 takes a tenth of the time.
DO $$
BEGIN
	IF 'lz4' = ANY ((SELECT enumvals FROM pg_catalog.pg_settings
					 WHERE name = 'default_toast_compression')::text[]) THEN
		ALTER TABLE loyalty.ledger
			ALTER COLUMN breakdown SET COMPRESSION lz4,
			ALTER COLUMN attributes SET COMPRESSION lz4;
	END IF;
END
$$;

COMMENT ON INDEX loyalty.ledger_ref_key IS 'the story of a ref, and the guard against a second one';
COMMENT ON INDEX loyalty.ledger_at_idx IS 'reports by business time';
COMMENT ON INDEX loyalty.ledger_xid_idx IS 'feeds in commit order';

CREATE TABLE loyalty.hold (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	ref text COLLATE "C" NOT NULL,
	until timestamptz NOT NULL,
	lots loyalty.point_wallet NOT NULL,
	PRIMARY KEY (member_id, entry_id)
);
CREATE INDEX hold_until_idx ON loyalty.hold (until);
COMMENT ON TABLE loyalty.hold IS 'open holds: lots taken aside at checkout';
COMMENT ON COLUMN loyalty.hold.member_id IS 'member whose lots are held';
COMMENT ON COLUMN loyalty.hold.entry_id IS 'ledger entry that took them';
COMMENT ON COLUMN loyalty.hold.ref IS 'the caller''s ref of the hold';
COMMENT ON COLUMN loyalty.hold.until IS 'void from here on, by the clock';
COMMENT ON COLUMN loyalty.hold.lots IS 'the held lots';
COMMENT ON INDEX loyalty.hold_until_idx IS 'overdue holds, for maintain()';

-- Only restores and claw-backs with a key of their own write here.
CREATE TABLE loyalty.operation_ref (
	member_id bigint NOT NULL,
	kind "char" NOT NULL,
	operation_ref text COLLATE "C" NOT NULL,
	entry_id bigint NOT NULL,
	PRIMARY KEY (member_id, kind, operation_ref)
);
COMMENT ON TABLE loyalty.operation_ref IS 'restore_ref and claw_ref of each member: one use each';
COMMENT ON COLUMN loyalty.operation_ref.member_id IS 'member';
COMMENT ON COLUMN loyalty.operation_ref.kind IS 'kind of the ledger entry: s restore, b claw_back';
COMMENT ON COLUMN loyalty.operation_ref.operation_ref IS 'the caller''s key';
COMMENT ON COLUMN loyalty.operation_ref.entry_id IS 'ledger entry that used it';

-- Temporal: a row is closed when the next begins; past rows are never rewritten.
-- What lies after the newest row is a function of the member's row and the clock.
CREATE TABLE loyalty.tier_period (
	member_id bigint NOT NULL,
	since timestamptz NOT NULL,
	until timestamptz NOT NULL DEFAULT 'infinity',
	entry_id bigint NOT NULL,
	tier_id integer NOT NULL,
	PRIMARY KEY (member_id, since)
);
COMMENT ON TABLE loyalty.tier_period IS 'which tier a member held, and when';
COMMENT ON COLUMN loyalty.tier_period.member_id IS 'member';
COMMENT ON COLUMN loyalty.tier_period.since IS 'from here on: when it was recorded or, where the clock decided, the moment itself';
COMMENT ON COLUMN loyalty.tier_period.until IS 'until here, exclusive';
COMMENT ON COLUMN loyalty.tier_period.entry_id IS 'ledger entry that brought the tier; 0: the clock or retier() did';
COMMENT ON COLUMN loyalty.tier_period.tier_id IS 'tier held; 0 = none';

CREATE TABLE loyalty.tier_grant (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	since timestamptz NOT NULL,
	until timestamptz NOT NULL,
	tier_id integer NOT NULL,
	kind text COLLATE "C" NOT NULL,
	PRIMARY KEY (member_id, entry_id)
);
COMMENT ON TABLE loyalty.tier_grant IS 'tiers granted by hand or voucher: each is held until its own end, whatever growth says';
COMMENT ON COLUMN loyalty.tier_grant.member_id IS 'member';
COMMENT ON COLUMN loyalty.tier_grant.entry_id IS 'ledger entry that granted it; reason and actor stand there';
COMMENT ON COLUMN loyalty.tier_grant.since IS 'business time of the grant';
COMMENT ON COLUMN loyalty.tier_grant.until IS 'end, exclusive; moved when the grant is replaced or revoked';
COMMENT ON COLUMN loyalty.tier_grant.tier_id IS 'tier granted';
COMMENT ON COLUMN loyalty.tier_grant.kind IS 'manual or voucher';

CREATE TABLE loyalty.tier_gift (
	member_id bigint NOT NULL,
	tier_id integer NOT NULL,
	entry_id bigint NOT NULL,
	cause bigint NOT NULL,
	cycle_until timestamptz NOT NULL,
	taken_back bigint,
	PRIMARY KEY (member_id, tier_id, entry_id)
);
COMMENT ON TABLE loyalty.tier_gift IS 'gifts given on reaching a tier: one that stands per member, tier and cycle';
COMMENT ON COLUMN loyalty.tier_gift.member_id IS 'member';
COMMENT ON COLUMN loyalty.tier_gift.tier_id IS 'tier that was reached';
COMMENT ON COLUMN loyalty.tier_gift.entry_id IS 'ledger entry of the gift';
COMMENT ON COLUMN loyalty.tier_gift.cause IS 'ledger entry that reached the tier';
COMMENT ON COLUMN loyalty.tier_gift.cycle_until IS 'no second gift of the tier before';
COMMENT ON COLUMN loyalty.tier_gift.taken_back IS 'ledger entry that took the gift back; NULL = it stands';

-- What the ledger's breakdowns add up to, so that an event need not read them.
-- The rows written last travel in member.recent, the others rest here.
CREATE TABLE loyalty.limit_usage_overflow (
	member_id bigint NOT NULL,
	rule_id integer NOT NULL,
	since date NOT NULL,
	per "char" NOT NULL,
	key text COLLATE "C" NOT NULL,
	points bigint NOT NULL,
	times bigint NOT NULL,
	seen bigint NOT NULL,
	measured numeric NOT NULL,
	carried numeric NOT NULL,
	budget bigint NOT NULL,
	PRIMARY KEY (member_id, rule_id, since, per, key)
) WITH (fillfactor = 70);
COMMENT ON TABLE loyalty.limit_usage_overflow IS 'rows of limit_usage that have no room in member.recent';
COMMENT ON COLUMN loyalty.limit_usage_overflow.member_id IS 'member';
COMMENT ON COLUMN loyalty.limit_usage_overflow.rule_id IS 'rule';
COMMENT ON COLUMN loyalty.limit_usage_overflow.since IS 'first local day of the period; -infinity = ever';
COMMENT ON COLUMN loyalty.limit_usage_overflow.per IS 'period: d day, w week, m month, y year, e ever';
COMMENT ON COLUMN loyalty.limit_usage_overflow.key IS 'what the limit''s key found; empty = no key';
COMMENT ON COLUMN loyalty.limit_usage_overflow.points IS 'points granted under the rule''s limits';
COMMENT ON COLUMN loyalty.limit_usage_overflow.times IS 'matches that were granted something';
COMMENT ON COLUMN loyalty.limit_usage_overflow.seen IS 'events that the rule has seen, for $period_count';
COMMENT ON COLUMN loyalty.limit_usage_overflow.measured IS 'what they measured, for $period_sum';
COMMENT ON COLUMN loyalty.limit_usage_overflow.carried IS 'fraction of a point kept for the next event';
COMMENT ON COLUMN loyalty.limit_usage_overflow.budget IS 'points that came from the rule''s budget';

CREATE FUNCTION loyalty.recent_limit_usage(recent bytea)
	RETURNS TABLE (rule_id integer, since date, per "char", key text, points bigint, times bigint, seen bigint, measured numeric, carried numeric, budget bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 5
	AS 'MODULE_PATHNAME', 'loyalty_recent_limit_usage';
COMMENT ON FUNCTION loyalty.recent_limit_usage(bytea) IS 'the rows of limit_usage packed in member.recent; XX001 where they are not readable';

CREATE VIEW loyalty.limit_usage AS
	SELECT member_id, rule_id, since, per, key, points, times, seen, measured, carried, budget
		FROM loyalty.limit_usage_overflow
	UNION ALL
	SELECT m.member_id, r.rule_id, r.since, r.per, r.key, r.points, r.times, r.seen, r.measured, r.carried, r.budget
		FROM loyalty.member AS m, loyalty.recent_limit_usage(m.recent) AS r
		WHERE m.recent <> '';
COMMENT ON VIEW loyalty.limit_usage IS 'what members have used of the limits of rules, per period and key, and what else their rules count';
COMMENT ON COLUMN loyalty.limit_usage.member_id IS 'member';
COMMENT ON COLUMN loyalty.limit_usage.rule_id IS 'rule';
COMMENT ON COLUMN loyalty.limit_usage.since IS 'first local day of the period; -infinity = ever';
COMMENT ON COLUMN loyalty.limit_usage.per IS 'period: d day, w week, m month, y year, e ever';
COMMENT ON COLUMN loyalty.limit_usage.key IS 'what the limit''s key found; empty = no key';
COMMENT ON COLUMN loyalty.limit_usage.points IS 'points granted under the rule''s limits';
COMMENT ON COLUMN loyalty.limit_usage.times IS 'matches that were granted something';
COMMENT ON COLUMN loyalty.limit_usage.seen IS 'events that the rule has seen, for $period_count';
COMMENT ON COLUMN loyalty.limit_usage.measured IS 'what they measured, for $period_sum';
COMMENT ON COLUMN loyalty.limit_usage.carried IS 'fraction of a point kept for the next event';
COMMENT ON COLUMN loyalty.limit_usage.budget IS 'points that came from the rule''s budget';

CREATE TABLE loyalty.event_usage_overflow (
	member_id bigint NOT NULL,
	event_id integer NOT NULL,
	count bigint NOT NULL,
	last_at timestamptz NOT NULL,
	through bigint NOT NULL,
	PRIMARY KEY (member_id, event_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE loyalty.event_usage_overflow IS 'rows of event_usage that have no room in member.recent';
COMMENT ON COLUMN loyalty.event_usage_overflow.member_id IS 'member';
COMMENT ON COLUMN loyalty.event_usage_overflow.event_id IS 'event';
COMMENT ON COLUMN loyalty.event_usage_overflow.count IS 'events that stand';
COMMENT ON COLUMN loyalty.event_usage_overflow.last_at IS 'latest business time among them; -infinity = none';
COMMENT ON COLUMN loyalty.event_usage_overflow.through IS 'last ledger entry that is counted';

CREATE FUNCTION loyalty.recent_event_usage(recent bytea)
	RETURNS TABLE (event_id integer, count bigint, last_at timestamptz, through bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 5
	AS 'MODULE_PATHNAME', 'loyalty_recent_event_usage';
COMMENT ON FUNCTION loyalty.recent_event_usage(bytea) IS 'the rows of event_usage packed in member.recent; XX001 where they are not readable';

CREATE VIEW loyalty.event_usage AS
	SELECT member_id, event_id, count, last_at, through
		FROM loyalty.event_usage_overflow
	UNION ALL
	SELECT m.member_id, r.event_id, r.count, r.last_at, r.through
		FROM loyalty.member AS m, loyalty.recent_event_usage(m.recent) AS r
		WHERE m.recent <> '';
COMMENT ON VIEW loyalty.event_usage IS 'how many events of a kind members have had, where a rule asks: good while no entry of the event follows `through`';
COMMENT ON COLUMN loyalty.event_usage.member_id IS 'member';
COMMENT ON COLUMN loyalty.event_usage.event_id IS 'event';
COMMENT ON COLUMN loyalty.event_usage.count IS 'events that stand';
COMMENT ON COLUMN loyalty.event_usage.last_at IS 'latest business time among them; -infinity = none';
COMMENT ON COLUMN loyalty.event_usage.through IS 'last ledger entry that is counted';

-- A budget is spread over slots, so that commits do not wait for each other.
CREATE TABLE loyalty.rule_budget (
	rule_id integer NOT NULL,
	slot integer NOT NULL,
	points bigint NOT NULL,
	used bigint NOT NULL,
	over boolean NOT NULL,
	PRIMARY KEY (rule_id, slot)
) WITH (fillfactor = 30);
COMMENT ON TABLE loyalty.rule_budget IS 'budgets of rules, spread over slots; their sum over a rule is what counts';
COMMENT ON COLUMN loyalty.rule_budget.rule_id IS 'rule';
COMMENT ON COLUMN loyalty.rule_budget.slot IS '0 to 15';
COMMENT ON COLUMN loyalty.rule_budget.points IS 'share of the budget that this slot may give';
COMMENT ON COLUMN loyalty.rule_budget.used IS 'points that it gave';
COMMENT ON COLUMN loyalty.rule_budget.over IS 'more was given than the budget when it last changed: what is given back goes first to slots above their share';

-- What is left is spread anew whenever the budget changes; where more was given
-- than it allows, each slot keeps as its share what it used, up to the budget.
CREATE FUNCTION loyalty.rule_budget_spread() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	remaining bigint;
BEGIN
	IF new.budget IS NULL OR new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	IF tg_op = 'UPDATE' THEN
		IF new.budget IS NOT DISTINCT FROM old.budget THEN
			RETURN NULL;
		END IF;
	END IF;
	INSERT INTO loyalty.rule_budget (rule_id, slot, points, used, over)
		SELECT new.rule_id, s, 0, 0, false FROM pg_catalog.generate_series(0, 15) s
		ON CONFLICT DO NOTHING;
	PERFORM FROM loyalty.rule_budget WHERE rule_id = new.rule_id ORDER BY slot FOR UPDATE;
	SELECT new.budget - pg_catalog.sum(used) INTO remaining
		FROM loyalty.rule_budget WHERE rule_id = new.rule_id;
	UPDATE loyalty.rule_budget b
		SET over = remaining < 0,
			points = CASE
				WHEN remaining >= 0 THEN
					used + remaining / 16 + CASE WHEN slot < remaining % 16 THEN 1 ELSE 0 END
				ELSE GREATEST(0, LEAST(used, new.budget - COALESCE((
					SELECT pg_catalog.sum(before.used) FROM loyalty.rule_budget before
					WHERE before.rule_id = b.rule_id AND before.slot < b.slot), 0)))
			END
		WHERE rule_id = new.rule_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.rule_budget_spread() IS
	'trigger: spreads what is left of a rule''s budget over its slots';
REVOKE ALL ON FUNCTION loyalty.rule_budget_spread() FROM PUBLIC;
CREATE TRIGGER config_45_budget AFTER INSERT OR UPDATE ON loyalty.rule
	FOR EACH ROW EXECUTE FUNCTION loyalty.rule_budget_spread();
ALTER TABLE loyalty.rule ENABLE ALWAYS TRIGGER config_45_budget;

SELECT pg_catalog.pg_extension_config_dump('loyalty.member_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.entry_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.actor_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.actor', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.member', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.ledger', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.hold', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.operation_ref', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.tier_period', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.tier_grant', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.tier_gift', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.limit_usage_overflow', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.event_usage_overflow', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.rule_budget', '');
