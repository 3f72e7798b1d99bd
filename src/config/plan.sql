--
-- Plans: paid memberships.
--

CREATE SEQUENCE loyalty.plan_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.plan_id_seq IS 'ids of plans';

CREATE TABLE loyalty.plan (
	plan_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.plan_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	price numeric NOT NULL DEFAULT 0,
	period interval NOT NULL DEFAULT '1 year',
	earn_multiplier numeric NOT NULL DEFAULT 1,
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT plan_pkey PRIMARY KEY (plan_id),
	CONSTRAINT plan_name_key UNIQUE (program, name),
	CONSTRAINT plan_version_key UNIQUE (version_id),
	CONSTRAINT plan_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT plan_price_is_not_negative CHECK (price >= 0 AND price < 'Infinity'),
	CONSTRAINT plan_period_is_1_hour_to_100_years
		CHECK (period >= '1 hour' AND period <= '100 years'
			   AND EXTRACT(year FROM period) >= 0 AND EXTRACT(month FROM period) >= 0
			   AND EXTRACT(day FROM period) >= 0 AND EXTRACT(hour FROM period) >= 0
			   AND EXTRACT(minute FROM period) >= 0 AND EXTRACT(microsecond FROM period) >= 0),
	CONSTRAINT plan_earn_multiplier_is_not_negative
		CHECK (earn_multiplier >= 0 AND earn_multiplier < 'Infinity')
);
ALTER SEQUENCE loyalty.plan_id_seq OWNED BY loyalty.plan.plan_id;

COMMENT ON TABLE loyalty.plan IS 'plans of a program: memberships that are paid for and last for a period';
COMMENT ON COLUMN loyalty.plan.plan_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.plan.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.plan.name IS 'name of the plan; a change is carried to the benefits that name it';
COMMENT ON COLUMN loyalty.plan.price IS 'price of one period, in currency; a subscription keeps the price it was sold at';
COMMENT ON COLUMN loyalty.plan.period IS 'how long one subscription lasts; a second one prolongs it';
COMMENT ON COLUMN loyalty.plan.earn_multiplier IS 'factor on the points of multiplied rules; the greatest of the tier''s and the plans'' counts';
COMMENT ON COLUMN loyalty.plan.active IS 'false: it can no longer be subscribed to; what was sold runs on';
COMMENT ON COLUMN loyalty.plan.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.plan.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.plan_follow() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	benefit text;
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name AND new.changed_at = pg_catalog.now() THEN
			UPDATE loyalty.benefit SET plan = new.name
				WHERE program = new.program AND plan = old.name;
		END IF;
		RETURN NULL;
	END IF;
	SELECT name INTO benefit FROM loyalty.benefit
		WHERE program = old.program AND plan = old.name LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'plan "%" is named by benefit "%"', old.name, benefit
			USING ERRCODE = 'restrict_violation';
	END IF;
	IF EXISTS (SELECT FROM loyalty.subscription WHERE plan_id = old.plan_id) THEN
		RAISE EXCEPTION 'plan "%" has or had subscribers', old.name
			USING ERRCODE = 'restrict_violation',
				HINT = 'Set active to false.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.plan_follow() IS
	'trigger: benefits that name a plan follow its new name; a plan in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.plan_follow() FROM PUBLIC;

CREATE TRIGGER config_40_follow AFTER UPDATE OR DELETE ON loyalty.plan
	FOR EACH ROW EXECUTE FUNCTION loyalty.plan_follow();
CALL loyalty.config_table('plan');

SELECT pg_catalog.pg_extension_config_dump('loyalty.plan', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.plan_id_seq', '');
