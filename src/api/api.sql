-- The calls: everything that writes points.  EXECUTE on them is the gate: they
-- check what a caller may do by that alone.

CREATE TYPE loyalty.receipt AS (
	entry_id bigint,
	member text,
	points bigint,
	growth bigint,
	balance bigint,
	tier text,
	replayed boolean
);
COMMENT ON TYPE loyalty.receipt IS 'what a writing call answers';
COMMENT ON COLUMN loyalty.receipt.entry_id IS 'ledger entry that it wrote; NULL if it wrote none';
COMMENT ON COLUMN loyalty.receipt.member IS 'the caller''s key of the member';
COMMENT ON COLUMN loyalty.receipt.points IS 'signed change of the member''s points';
COMMENT ON COLUMN loyalty.receipt.growth IS 'signed change of growth';
COMMENT ON COLUMN loyalty.receipt.balance IS 'spendable points less debt afterwards';
COMMENT ON COLUMN loyalty.receipt.tier IS 'tier held afterwards; NULL = none';
COMMENT ON COLUMN loyalty.receipt.replayed IS 'true: the operation had been done before, nothing was changed';

CREATE FUNCTION loyalty.call_support(internal) RETURNS internal
	LANGUAGE c PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_call_support';
COMMENT ON FUNCTION loyalty.call_support(internal) IS
	'planner support of the writing calls: refuses (call(...)).*, which would run the call once per column';

CREATE FUNCTION loyalty.enroll(
	member text,
	attributes jsonb DEFAULT '{}',
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_enroll';
COMMENT ON FUNCTION loyalty.enroll(text, jsonb, timestamptz, text) IS
	'enrolls a member (idempotent) and returns its member_id; records the event register once. 22023: member not 1 to 255 bytes, attributes no object';
REVOKE ALL ON FUNCTION loyalty.enroll(text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.earn(
	member text,
	points bigint,
	ref text DEFAULT NULL,
	valid_from timestamptz DEFAULT NULL,
	valid_until timestamptz DEFAULT NULL,
	reason text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_earn';
COMMENT ON FUNCTION loyalty.earn(text, bigint, text, timestamptz, timestamptz, text, timestamptz, text) IS
	'grants points directly; validity from the program''s policy where NULL. A repeat of ref returns the first receipt. LY003 ref with other content, LY004 member blocked, 22023 bad argument, 22003 overflow';
REVOKE ALL ON FUNCTION loyalty.earn(text, bigint, text, timestamptz, timestamptz, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.redeem(
	member text,
	points bigint,
	ref text DEFAULT NULL,
	reason text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_redeem';
COMMENT ON FUNCTION loyalty.redeem(text, bigint, text, text, timestamptz, text) IS
	'spends points in the program''s spend order, all or nothing. LY001 not enough (available points in the detail), LY002 unknown member, LY003 ref reused, LY004 member blocked';
REVOKE ALL ON FUNCTION loyalty.redeem(text, bigint, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.adjust(
	member text,
	points bigint,
	ref text,
	reason text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_adjust';
COMMENT ON FUNCTION loyalty.adjust(text, bigint, text, text, timestamptz, text) IS
	'manual correction, signed; the reason is required. Downwards it spends in spend order, then by the program''s shortfall. LY002, LY003, LY004 (upwards), 22023';
REVOKE ALL ON FUNCTION loyalty.adjust(text, bigint, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.transfer(
	from_member text,
	to_member text,
	points bigint,
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_transfer';
COMMENT ON FUNCTION loyalty.transfer(text, text, bigint, text, timestamptz, text) IS
	'moves the very lots to another member, validity unchanged; returns the giver''s receipt. LY001, LY002, LY003, LY004';
REVOKE ALL ON FUNCTION loyalty.transfer(text, text, bigint, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.hold(
	member text,
	points bigint,
	ref text,
	ttl interval DEFAULT '15 minutes',
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_hold';
COMMENT ON FUNCTION loyalty.hold(text, bigint, text, interval, timestamptz, text) IS
	'takes lots aside for ttl (at most the program''s max_hold): they cannot be promised twice and cannot lapse meanwhile. The receipt''s points are 0: the member still owns them. LY001, LY002, LY003, LY004';
REVOKE ALL ON FUNCTION loyalty.hold(text, bigint, text, interval, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.capture(
	member text,
	ref text,
	points bigint DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_capture';
COMMENT ON FUNCTION loyalty.capture(text, text, bigint, timestamptz, text) IS
	'spends all or part of a hold; the rest returns to its place. LY007 no such hold, LY008 the hold is over, 22023 more than is held';
REVOKE ALL ON FUNCTION loyalty.capture(text, text, bigint, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.release(
	member text,
	ref text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_release';
COMMENT ON FUNCTION loyalty.release(text, text, timestamptz, text) IS
	'ends a hold: its lots return to their place. LY007 no such hold, LY008 it was captured';
REVOKE ALL ON FUNCTION loyalty.release(text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.restore(
	member text,
	ref text,
	points bigint DEFAULT NULL,
	restore_ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_restore';
COMMENT ON FUNCTION loyalty.restore(text, text, bigint, text, timestamptz, text) IS
	'gives spent points back to the lots they came from, last taken first; what lapsed meanwhile follows the program''s restore_lapsed. NULL points: all that is left. LY007 nothing spent under ref, LY003 restore_ref reused, 22023 more than is left';
REVOKE ALL ON FUNCTION loyalty.restore(text, text, bigint, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.claw_back(
	member text,
	ref text,
	points bigint DEFAULT NULL,
	event text DEFAULT NULL,
	claw_ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_claw_back';
COMMENT ON FUNCTION loyalty.claw_back(text, text, bigint, text, text, timestamptz, text) IS
	'takes back what an event (or earn) granted: its very lots first, lapsed ones count as taken, then by the program''s shortfall; growth goes back too. NULL points: all that is left. LY007 nothing granted under ref, LY003 claw_ref reused, 22023 more than is left or several events under ref';
REVOKE ALL ON FUNCTION loyalty.claw_back(text, text, bigint, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.record(
	member text,
	event text,
	attributes jsonb DEFAULT '{}',
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_record';
COMMENT ON FUNCTION loyalty.record(text, text, jsonb, text, timestamptz, text) IS
	'an event: the rules decide what it grants. LY003 ref with other content, LY004 member blocked, 22023 unknown event or attributes no object';
REVOKE ALL ON FUNCTION loyalty.record(text, text, jsonb, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.settle(
	member text,
	event text,
	attributes jsonb,
	ref text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_settle';
COMMENT ON FUNCTION loyalty.settle(text, text, jsonb, text, timestamptz, text) IS
	'makes what was granted for (member, event, ref) equal to what the rules give for these attributes (NULL: it no longer qualifies): grants, adds or claws back the difference. replayed = true where nothing had to change';
REVOKE ALL ON FUNCTION loyalty.settle(text, text, jsonb, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.set_status(
	member text,
	status text,
	reason text DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_set_status';
COMMENT ON FUNCTION loyalty.set_status(text, text, text, text) IS
	'active, earn_blocked (no grants), spend_blocked (no redeem, hold, transfer out), frozen (neither, nor capture) or closed (holds end, lots are forfeited, debt written off, no new grants). LY002 unknown member, 22023 unknown status';
REVOKE ALL ON FUNCTION loyalty.set_status(text, text, text, text) FROM PUBLIC;

CREATE PROCEDURE loyalty.maintain(
	max_members bigint DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_maintain';
COMMENT ON PROCEDURE loyalty.maintain(bigint, timestamptz, text) IS
	'posts lapses and ends overdue holds up to `at` (default now) of at most max_members members; commits as it goes where the caller allows it, passes over locked members, safe to run from several sessions. Balances are right even if it never runs';
REVOKE ALL ON PROCEDURE loyalty.maintain(bigint, timestamptz, text) FROM PUBLIC;
