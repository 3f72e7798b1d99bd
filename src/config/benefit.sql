--
-- Benefits: what a tier or a plan entitles to, beside points.
--
-- Rows of one name in a program are one benefit, given in several ways: to
-- silver twice a month, to gold five times.  Unit and period are the
-- benefit's, so they are the same in all of its rows; what a member has used
-- is counted by its name.
--

CREATE SEQUENCE loyalty.benefit_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.benefit_id_seq IS 'ids of benefit rows';

CREATE TABLE loyalty.benefit (
	benefit_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.benefit_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	tier text COLLATE "C",
	plan text COLLATE "C",
	kind text COLLATE "C" NOT NULL DEFAULT 'service',
	quota bigint,
	unit text COLLATE "C" NOT NULL DEFAULT 'use',
	period text NOT NULL DEFAULT 'month',
	event text COLLATE "C" NOT NULL DEFAULT 'purchase',
	condition jsonpath,
	value numeric,
	worth jsonpath,
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT benefit_pkey PRIMARY KEY (benefit_id),
	CONSTRAINT benefit_version_key UNIQUE (version_id),
	CONSTRAINT benefit_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT benefit_kind_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(kind) BETWEEN 1 AND 63),
	CONSTRAINT benefit_unit_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(unit) BETWEEN 1 AND 63),
	CONSTRAINT benefit_event_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT benefit_period_is_known
		CHECK (period IN ('day', 'week', 'month', 'quarter', 'year', 'once')),
	CONSTRAINT benefit_is_of_a_tier_or_a_plan CHECK (tier IS NULL OR plan IS NULL),
	CONSTRAINT benefit_quota_is_not_negative CHECK (quota >= 0),
	CONSTRAINT benefit_value_is_not_negative CHECK (value >= 0 AND value < 'Infinity')
);
ALTER SEQUENCE loyalty.benefit_id_seq OWNED BY loyalty.benefit.benefit_id;
CREATE UNIQUE INDEX benefit_giver_key ON loyalty.benefit
	(program, name, COALESCE(tier, ''), COALESCE(plan, ''));
COMMENT ON INDEX loyalty.benefit_giver_key IS 'a tier or plan gives a benefit once';

COMMENT ON TABLE loyalty.benefit IS 'benefits of a program; rows of one name are one benefit given in several ways, of which the one best for the member counts';
COMMENT ON COLUMN loyalty.benefit.benefit_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.benefit.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.benefit.name IS 'name of the benefit, by which its uses are counted; cannot be changed';
COMMENT ON COLUMN loyalty.benefit.tier IS 'given to members of this tier or a higher one; NULL with plan NULL: to everybody';
COMMENT ON COLUMN loyalty.benefit.plan IS 'given to subscribers of this plan';
COMMENT ON COLUMN loyalty.benefit.kind IS 'what it is, for the application: discount, coupon, free_shipping, service ...';
COMMENT ON COLUMN loyalty.benefit.quota IS 'units per period; NULL: no limit';
COMMENT ON COLUMN loyalty.benefit.unit IS 'what the quota counts; the same in all rows of the name';
COMMENT ON COLUMN loyalty.benefit.period IS 'local calendar period of the quota: day, week, month, quarter, year, or once; the same in all rows of the name';
COMMENT ON COLUMN loyalty.benefit.event IS 'kind of event that it is used on, for the application';
COMMENT ON COLUMN loyalty.benefit.condition IS 'jsonpath over what it is used on: one boolean, or finds something; NULL: always';
COMMENT ON COLUMN loyalty.benefit.value IS 'worth of a unit in currency, or a rate: for the application';
COMMENT ON COLUMN loyalty.benefit.worth IS 'jsonpath over what it is used on: what one use is worth in currency, its numbers summed, for plan_worth(); NULL: value is that';
COMMENT ON COLUMN loyalty.benefit.active IS 'false: it is not given any more';
COMMENT ON COLUMN loyalty.benefit.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.benefit.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.benefit_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other loyalty.benefit;
BEGIN
	IF pg_catalog.cardinality(loyalty.jsonpath_variables(new.condition)) > 0 THEN
		RAISE EXCEPTION 'unknown variable "$%" in condition of benefit "%"',
				(loyalty.jsonpath_variables(new.condition))[1], new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'A condition sees only what the benefit is used on, as $.';
	END IF;
	IF pg_catalog.cardinality(loyalty.jsonpath_variables(new.worth)) > 0 THEN
		RAISE EXCEPTION 'unknown variable "$%" in worth of benefit "%"',
				(loyalty.jsonpath_variables(new.worth))[1], new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'It sees only what the benefit is used on, as $.';
	END IF;
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name THEN
			RAISE EXCEPTION 'name of benefit "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'What members have used is counted by it.';
		END IF;
	END IF;
	-- Two writers of benefits of one program take turns, so that each sees the other's.
	PERFORM FROM loyalty.program WHERE name = new.program FOR NO KEY UPDATE;
	IF new.tier IS NOT NULL AND NOT EXISTS (SELECT FROM loyalty.tier t
			WHERE t.program = new.program AND t.name = new.tier) THEN
		RAISE EXCEPTION 'unknown tier "%" in benefit "%"', new.tier, new.name
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = pg_catalog.format('Program "%s" has no such tier.', new.program);
	END IF;
	IF new.plan IS NOT NULL AND NOT EXISTS (SELECT FROM loyalty.plan p
			WHERE p.program = new.program AND p.name = new.plan) THEN
		RAISE EXCEPTION 'unknown plan "%" in benefit "%"', new.plan, new.name
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = pg_catalog.format('Program "%s" has no such plan.', new.program);
	END IF;
	SELECT * INTO other FROM loyalty.benefit b
		WHERE b.program = new.program AND b.name = new.name
			AND (b.unit <> new.unit OR b.period <> new.period) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'benefit "%" has another unit or period in another row', new.name
			USING ERRCODE = 'check_violation',
				DETAIL = pg_catalog.format('Here %s per %s, there %s per %s.',
										   new.unit, new.period, other.unit, other.period),
				SCHEMA = 'loyalty', TABLE = 'benefit', CONSTRAINT = 'benefit_rows_agree';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.benefit_check() IS
	'trigger: checks the tier, plan and condition that a benefit names, and that its rows agree on unit and period';
REVOKE ALL ON FUNCTION loyalty.benefit_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER INSERT OR UPDATE ON loyalty.benefit
	FOR EACH ROW EXECUTE FUNCTION loyalty.benefit_check();
CALL loyalty.config_table('benefit');

SELECT pg_catalog.pg_extension_config_dump('loyalty.benefit', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.benefit_id_seq', '');
