--
-- Programs: one currency of points and its rules.
--

CREATE FUNCTION loyalty.current_program() RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_current_program';
COMMENT ON FUNCTION loyalty.current_program() IS
	'name of the program that calls without one mean: the setting loyalty.program, else the default program; LY005 if there is none';

CREATE FUNCTION loyalty.is_time_zone(name text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_is_time_zone';
COMMENT ON FUNCTION loyalty.is_time_zone(text) IS
	'whether a program can have this time zone: a name of the time zone database or a POSIX zone';

CREATE SEQUENCE loyalty.program_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.program_id_seq IS 'ids of programs';

CREATE TABLE loyalty.program (
	program_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.program_id_seq'),
	name text COLLATE "C" NOT NULL,
	is_default boolean NOT NULL DEFAULT false,
	time_zone text NOT NULL DEFAULT 'UTC',
	validity loyalty.validity_policy NOT NULL DEFAULT '1 year',
	pending_for interval NOT NULL DEFAULT '0',
	spend_order text NOT NULL DEFAULT 'fifo',
	shortfall text NOT NULL DEFAULT 'owe',
	rounding text NOT NULL DEFAULT 'down',
	restore_lapsed text NOT NULL DEFAULT 'grace',
	grace interval NOT NULL DEFAULT '30 days',
	lot_granularity text NOT NULL DEFAULT 'entry',
	max_multiplier numeric,
	max_balance bigint,
	max_hold interval NOT NULL DEFAULT '7 days',
	growth_window loyalty.validity_policy NOT NULL DEFAULT 'never',
	refund_tier text NOT NULL DEFAULT 'reassess',
	point_value numeric,
	auto_enroll boolean NOT NULL DEFAULT true,
	keep_attributes boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT program_pkey PRIMARY KEY (program_id),
	CONSTRAINT program_name_key UNIQUE (name),
	CONSTRAINT program_version_key UNIQUE (version_id),
	CONSTRAINT program_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT program_pending_for_is_not_negative CHECK (pending_for >= '0'),
	CONSTRAINT program_grace_is_not_negative CHECK (grace >= '0'),
	CONSTRAINT program_max_multiplier_is_positive
		CHECK (max_multiplier > 0 AND max_multiplier < 'Infinity'),
	CONSTRAINT program_max_balance_is_not_negative CHECK (max_balance >= 0),
	CONSTRAINT program_max_hold_is_positive CHECK (max_hold > '0'),
	CONSTRAINT program_spend_order_is_fifo_or_expiring CHECK (spend_order IN ('fifo', 'expiring')),
	CONSTRAINT program_shortfall_is_owe_or_waive CHECK (shortfall IN ('owe', 'waive')),
	CONSTRAINT program_rounding_is_down_nearest_or_up CHECK (rounding IN ('down', 'nearest', 'up')),
	CONSTRAINT program_restore_lapsed_is_lapse_grace_or_remaining
		CHECK (restore_lapsed IN ('lapse', 'grace', 'remaining')),
	CONSTRAINT program_lot_granularity_is_entry_day_or_month
		CHECK (lot_granularity IN ('entry', 'day', 'month')),
	CONSTRAINT program_refund_tier_is_reassess_or_keep CHECK (refund_tier IN ('reassess', 'keep')),
	CONSTRAINT program_point_value_is_positive CHECK (point_value > 0 AND point_value < 'Infinity')
);
ALTER SEQUENCE loyalty.program_id_seq OWNED BY loyalty.program.program_id;
CREATE UNIQUE INDEX program_default_key ON loyalty.program (is_default) WHERE is_default;
COMMENT ON INDEX loyalty.program_default_key IS 'at most one program is the default';

COMMENT ON TABLE loyalty.program IS 'programs: each is one currency of points and its rules';
COMMENT ON COLUMN loyalty.program.program_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.program.name IS 'name by which calls and other configuration rows mean it; a change is carried to its tiers, plans, benefits, rules, streaks and rule examples';
COMMENT ON COLUMN loyalty.program.is_default IS 'calls that name no program mean this one; the first program created has it, and setting it takes it from the other';
COMMENT ON COLUMN loyalty.program.time_zone IS 'where its days, months and years begin and end';
COMMENT ON COLUMN loyalty.program.validity IS 'how long points live, counted from when they become active';
COMMENT ON COLUMN loyalty.program.pending_for IS 'how long granted points wait before they can be spent';
COMMENT ON COLUMN loyalty.program.spend_order IS 'which points are spent first: fifo (oldest) or expiring (soonest to lapse)';
COMMENT ON COLUMN loyalty.program.shortfall IS 'what a claw-back no longer finds is owed (owe) or forgiven (waive)';
COMMENT ON COLUMN loyalty.program.rounding IS 'how the points of an event become whole: down (toward zero), nearest, up; figures below zero always toward zero';
COMMENT ON COLUMN loyalty.program.restore_lapsed IS 'what becomes of spent points given back after their end: lapse, grace (valid for the interval grace), remaining (the time they had left)';
COMMENT ON COLUMN loyalty.program.grace IS 'how long such points live under restore_lapsed = grace';
COMMENT ON COLUMN loyalty.program.lot_granularity IS 'grants of one validity merge into one lot: never (entry), per local day, per local month';
COMMENT ON COLUMN loyalty.program.max_multiplier IS 'greatest product of all multipliers; NULL: any';
COMMENT ON COLUMN loyalty.program.max_balance IS 'points that a member can own at most; events grant no more, other grants are refused; NULL: any number';
COMMENT ON COLUMN loyalty.program.max_hold IS 'longest time points may be held at checkout';
COMMENT ON COLUMN loyalty.program.growth_window IS 'how long growth counts toward a tier';
COMMENT ON COLUMN loyalty.program.refund_tier IS 'whether a refund that ends what made a tier ends the tier (reassess) or not (keep)';
COMMENT ON COLUMN loyalty.program.point_value IS 'worth of one point in currency; NULL: not stated';
COMMENT ON COLUMN loyalty.program.auto_enroll IS 'whether a first grant enrolls an unknown member';
COMMENT ON COLUMN loyalty.program.keep_attributes IS 'whether the ledger keeps the attributes of events';
COMMENT ON COLUMN loyalty.program.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.program.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.program_prepare() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF new.changed_at IS DISTINCT FROM pg_catalog.now() THEN
		RETURN new;
	END IF;
	IF NOT loyalty.is_time_zone(new.time_zone) THEN
		RAISE EXCEPTION 'time zone "%" not recognized', new.time_zone
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Names are those of pg_timezone_names, such as Europe/Berlin.';
	END IF;
	IF tg_op = 'INSERT' THEN
		IF NOT EXISTS (SELECT FROM loyalty.program) THEN
			new.is_default := true;
		ELSIF EXISTS (SELECT FROM loyalty.program WHERE name = new.name) THEN
			RETURN new;			-- ON CONFLICT will drop it: it takes the default from nobody
		END IF;
	END IF;
	IF new.is_default THEN
		UPDATE loyalty.program SET is_default = false
			WHERE is_default AND program_id <> new.program_id;
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION loyalty.program_prepare() IS
	'trigger: checks the time zone; the first program becomes the default, and there is only one default';
REVOKE ALL ON FUNCTION loyalty.program_prepare() FROM PUBLIC;

CREATE FUNCTION loyalty.program_follow() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name AND new.changed_at = pg_catalog.now() THEN
			UPDATE loyalty.tier SET program = new.name WHERE program = old.name;
			UPDATE loyalty.plan SET program = new.name WHERE program = old.name;
			UPDATE loyalty.benefit SET program = new.name WHERE program = old.name;
			UPDATE loyalty.badge SET program = new.name WHERE program = old.name;
			UPDATE loyalty.task SET program = new.name WHERE program = old.name;
			UPDATE loyalty.contest SET program = new.name WHERE program = old.name;
			UPDATE loyalty.coupon_type SET program = new.name WHERE program = old.name;
			UPDATE loyalty.draw SET program = new.name WHERE program = old.name;
			UPDATE loyalty.referral_rule SET program = new.name WHERE program = old.name;
			UPDATE loyalty.rule SET program = new.name WHERE program = old.name;
			UPDATE loyalty.streak SET program = new.name WHERE program = old.name;
			UPDATE loyalty.rule_example SET program = new.name WHERE program = old.name;
		END IF;
		RETURN NULL;
	END IF;
	IF EXISTS (SELECT FROM loyalty.tier WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.plan WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.benefit WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.badge WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.task WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.contest WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.coupon_type WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.draw WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.referral_rule WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.rule WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.streak WHERE program = old.name)
		OR EXISTS (SELECT FROM loyalty.rule_example WHERE program = old.name) THEN
		RAISE EXCEPTION 'program "%" has tiers, plans, benefits, rules or streaks', old.name
			USING ERRCODE = 'restrict_violation',
				HINT = 'Delete its rows in loyalty.rule, loyalty.rule_example, loyalty.streak and loyalty.benefit, then those in loyalty.plan and loyalty.tier.';
	END IF;
	IF EXISTS (SELECT FROM loyalty.member WHERE program_id = old.program_id) THEN
		RAISE EXCEPTION 'program "%" has members', old.name
			USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.program_follow() IS
	'trigger: rows that name a program follow its new name; a program in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.program_follow() FROM PUBLIC;

CREATE FUNCTION loyalty.program_reference() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	PERFORM FROM loyalty.program WHERE name = new.program FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown program "%"', new.program
			USING ERRCODE = 'LY005',
				HINT = 'Programs are the rows of loyalty.program.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.program_reference() IS
	'trigger: refuses a configuration row that names no program';
REVOKE ALL ON FUNCTION loyalty.program_reference() FROM PUBLIC;

CREATE TRIGGER config_20_program BEFORE INSERT OR UPDATE ON loyalty.program
	FOR EACH ROW EXECUTE FUNCTION loyalty.program_prepare();
CREATE TRIGGER config_40_follow AFTER UPDATE OR DELETE ON loyalty.program
	FOR EACH ROW EXECUTE FUNCTION loyalty.program_follow();
CALL loyalty.config_table('program');

SELECT pg_catalog.pg_extension_config_dump('loyalty.program', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.program_id_seq', '');
