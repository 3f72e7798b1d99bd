--
-- Tiers: what live growth raises a member to.
--

CREATE SEQUENCE loyalty.tier_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.tier_id_seq IS 'ids of tiers';

CREATE TABLE loyalty.tier (
	tier_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.tier_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	rank integer NOT NULL,
	threshold bigint NOT NULL,
	keep_threshold bigint,
	condition jsonpath,
	earn_multiplier numeric NOT NULL DEFAULT 1,
	redeem_discount numeric NOT NULL DEFAULT 0,
	gift bigint NOT NULL DEFAULT 0,
	status_validity loyalty.validity_policy NOT NULL DEFAULT 'never',
	downgrade text NOT NULL DEFAULT 'reassess',
	grace interval NOT NULL DEFAULT '0',
	permanent boolean NOT NULL DEFAULT false,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT tier_pkey PRIMARY KEY (tier_id),
	CONSTRAINT tier_name_key UNIQUE (program, name),
	CONSTRAINT tier_version_key UNIQUE (version_id),
	CONSTRAINT tier_rank_key UNIQUE (program, rank),
	CONSTRAINT tier_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT tier_threshold_is_not_negative CHECK (threshold >= 0),
	CONSTRAINT tier_earn_multiplier_is_not_negative
		CHECK (earn_multiplier >= 0 AND earn_multiplier < 'Infinity'),
	CONSTRAINT tier_gift_is_not_negative CHECK (gift >= 0),
	CONSTRAINT tier_keep_threshold_is_not_negative CHECK (keep_threshold >= 0),
	CONSTRAINT tier_redeem_discount_is_between_0_and_1
		CHECK (redeem_discount >= 0 AND redeem_discount <= 1),
	CONSTRAINT tier_downgrade_is_none_one_or_reassess
		CHECK (downgrade IN ('none', 'one', 'reassess')),
	CONSTRAINT tier_grace_is_not_negative CHECK (grace >= '0')
);
ALTER SEQUENCE loyalty.tier_id_seq OWNED BY loyalty.tier.tier_id;

COMMENT ON TABLE loyalty.tier IS 'tiers of a program; a member has the highest one that live growth reaches';
COMMENT ON COLUMN loyalty.tier.tier_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.tier.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.tier.name IS 'name of the tier; a change is carried to the rules, benefits and rule examples that name it';
COMMENT ON COLUMN loyalty.tier.rank IS 'order of the tiers: higher is better';
COMMENT ON COLUMN loyalty.tier.threshold IS 'live growth that reaches the tier; rises with rank';
COMMENT ON COLUMN loyalty.tier.keep_threshold IS 'growth gained during a status period that keeps the tier for another; NULL: live growth at its end must meet the threshold';
COMMENT ON COLUMN loyalty.tier.condition IS 'what else it takes to reach and keep the tier: jsonpath over $orders, $active_days (of live growth), $tenure (days), $plan (names of the plans in force) and, as $, the member''s attributes; NULL: nothing';
COMMENT ON COLUMN loyalty.tier.earn_multiplier IS 'factor on the points of multiplied rules';
COMMENT ON COLUMN loyalty.tier.redeem_discount IS 'share that members of the tier save on the price of rewards: 0.1 is a tenth';
COMMENT ON COLUMN loyalty.tier.gift IS 'points given on reaching the tier, once in a cycle (status_validity from the gift on); 0: none';
COMMENT ON COLUMN loyalty.tier.status_validity IS 'length of a status period, at whose end the tier is kept or lost; never: it is lost by a refund alone';
COMMENT ON COLUMN loyalty.tier.downgrade IS 'what follows a status period in which the tier was not kept: the same tier (none), the next lower one (one), the highest lower one that growth gives (reassess)';
COMMENT ON COLUMN loyalty.tier.grace IS 'how long after the end of such a period the tier is still held and can be kept';
COMMENT ON COLUMN loyalty.tier.permanent IS 'once reached the clock never takes it, and who loses a higher tier falls no lower';
COMMENT ON COLUMN loyalty.tier.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.tier.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.tier_follow() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rule text;
	benefit text;
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name AND new.changed_at = pg_catalog.now() THEN
			UPDATE loyalty.rule
				SET tiers = pg_catalog.array_replace(tiers, old.name, new.name)
				WHERE program = new.program AND old.name = ANY (tiers);
			UPDATE loyalty.benefit SET tier = new.name
				WHERE program = new.program AND tier = old.name;
			UPDATE loyalty.rule_example SET tier = new.name
				WHERE program = new.program AND tier = old.name;
		END IF;
		RETURN NULL;
	END IF;
	SELECT name INTO rule FROM loyalty.rule
		WHERE program = old.program AND old.name = ANY (tiers) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'tier "%" is named by rule "%"', old.name, rule
			USING ERRCODE = 'restrict_violation';
	END IF;
	SELECT name INTO benefit FROM loyalty.benefit
		WHERE program = old.program AND tier = old.name LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'tier "%" is named by benefit "%"', old.name, benefit
			USING ERRCODE = 'restrict_violation';
	END IF;
	IF EXISTS (SELECT FROM loyalty.member WHERE old.tier_id IN (tier_id, earned_tier_id))
		OR EXISTS (SELECT FROM loyalty.tier_grant WHERE tier_id = old.tier_id)
		OR EXISTS (SELECT FROM loyalty.tier_period WHERE tier_id = old.tier_id) THEN
		RAISE EXCEPTION 'tier "%" is or was held by members', old.name
			USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.tier_follow() IS
	'trigger: rules, benefits and rule examples that name a tier follow its new name; a tier in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.tier_follow() FROM PUBLIC;

CREATE FUNCTION loyalty.tier_order() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine loyalty.tier;
	other loyalty.tier;
BEGIN
	-- Two writers of tiers of one program take turns, so that each sees the other's.
	PERFORM FROM loyalty.program WHERE name = new.program FOR NO KEY UPDATE;
	SELECT * INTO mine FROM loyalty.tier WHERE tier_id = new.tier_id;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT * INTO other FROM loyalty.tier t
		WHERE t.program = mine.program
			AND (t.rank < mine.rank AND t.threshold >= mine.threshold
				 OR t.rank > mine.rank AND t.threshold <= mine.threshold)
		ORDER BY t.rank LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'thresholds of the tiers of program "%" do not rise with their rank', mine.program
			USING ERRCODE = 'check_violation',
				DETAIL = pg_catalog.format('Tier "%s" has rank %s and threshold %s, tier "%s" has rank %s and threshold %s.',
					mine.name, mine.rank, mine.threshold, other.name, other.rank, other.threshold),
				SCHEMA = 'loyalty', TABLE = 'tier', CONSTRAINT = 'tier_threshold_rises_with_rank';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.tier_order() IS
	'trigger, at commit: thresholds rise with rank';
REVOKE ALL ON FUNCTION loyalty.tier_order() FROM PUBLIC;

CREATE FUNCTION loyalty.tier_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unknown text;
BEGIN
	SELECT v.name INTO unknown
		FROM pg_catalog.unnest(loyalty.jsonpath_variables(new.condition)) AS v (name)
		WHERE v.name NOT IN ('orders', 'active_days', 'tenure', 'plan') LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown variable "$%" in condition of tier "%"', unknown, new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'Variables are $orders, $active_days, $tenure and $plan; $ is the member''s attributes.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.tier_check() IS
	'trigger: checks the variables that a tier''s condition names';
REVOKE ALL ON FUNCTION loyalty.tier_check() FROM PUBLIC;

CREATE TRIGGER config_40_follow AFTER UPDATE OR DELETE ON loyalty.tier
	FOR EACH ROW EXECUTE FUNCTION loyalty.tier_follow();
CREATE TRIGGER config_45_check AFTER INSERT OR UPDATE ON loyalty.tier
	FOR EACH ROW EXECUTE FUNCTION loyalty.tier_check();
CREATE CONSTRAINT TRIGGER tier_threshold_rises_with_rank
	AFTER INSERT OR UPDATE ON loyalty.tier DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION loyalty.tier_order();
CALL loyalty.config_table('tier');

SELECT pg_catalog.pg_extension_config_dump('loyalty.tier', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.tier_id_seq', '');
