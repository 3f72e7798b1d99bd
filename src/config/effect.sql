--
-- Effects of rules beyond points: kinds of coupons, and draws, which rules name.
-- Benefits and badges have tables of their own.
--

-- Its argument is the kind of effect.
CREATE FUNCTION loyalty.effect_refuse_delete() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text := tg_argv[0];
	rule text;
BEGIN
	IF kind = 'benefit' AND EXISTS (SELECT FROM loyalty.benefit b
			WHERE b.program = old.program AND b.name = old.name) THEN
		RETURN NULL;
	END IF;
	SELECT r.name INTO rule FROM loyalty.rule r
		WHERE r.program = old.program
			AND r.effects @> pg_catalog.jsonb_build_array(
				pg_catalog.jsonb_build_object(kind, old.name)) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '% "%" is given by rule "%"',
				pg_catalog.replace(kind, '_ticket', ''), old.name, rule
			USING ERRCODE = 'restrict_violation',
				HINT = 'Take it out of the effects of that rule first.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.effect_refuse_delete() IS
	'trigger: what a rule gives is not deleted (23001)';
REVOKE ALL ON FUNCTION loyalty.effect_refuse_delete() FROM PUBLIC;

CREATE SEQUENCE loyalty.coupon_type_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.coupon_type_id_seq IS 'ids of kinds of coupons';

CREATE TABLE loyalty.coupon_type (
	coupon_type_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.coupon_type_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	title text NOT NULL DEFAULT '',
	kind text NOT NULL DEFAULT 'amount',
	value numeric NOT NULL,
	minimum_order numeric NOT NULL DEFAULT 0,
	validity loyalty.validity_policy,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT coupon_type_pkey PRIMARY KEY (coupon_type_id),
	CONSTRAINT coupon_type_name_key UNIQUE (program, name),
	CONSTRAINT coupon_type_version_key UNIQUE (version_id),
	CONSTRAINT coupon_type_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT coupon_type_kind_is_amount_or_percent CHECK (kind IN ('amount', 'percent')),
	CONSTRAINT coupon_type_value_is_positive CHECK (value > 0 AND value < 'Infinity'),
	CONSTRAINT coupon_type_percent_is_at_most_100 CHECK (kind = 'amount' OR value <= 100),
	CONSTRAINT coupon_type_minimum_order_is_not_negative
		CHECK (minimum_order >= 0 AND minimum_order < 'Infinity')
);
ALTER SEQUENCE loyalty.coupon_type_id_seq OWNED BY loyalty.coupon_type.coupon_type_id;

COMMENT ON TABLE loyalty.coupon_type IS 'kinds of coupons of a program, which effects of rules give';
COMMENT ON COLUMN loyalty.coupon_type.coupon_type_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.coupon_type.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.coupon_type.name IS 'name, as effects of rules name it; cannot be changed';
COMMENT ON COLUMN loyalty.coupon_type.title IS 'what members see, for the application';
COMMENT ON COLUMN loyalty.coupon_type.kind IS 'amount: value is money off; percent: value is a percentage of the order';
COMMENT ON COLUMN loyalty.coupon_type.value IS 'money or percentage off';
COMMENT ON COLUMN loyalty.coupon_type.minimum_order IS 'amount from which an order may use it';
COMMENT ON COLUMN loyalty.coupon_type.validity IS 'how long a coupon is valid; NULL: as the program''s points';
COMMENT ON COLUMN loyalty.coupon_type.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.coupon_type.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.coupon_type_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name AND new.changed_at = pg_catalog.now() THEN
			RAISE EXCEPTION 'name of coupon "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Rules give it by its name.';
		END IF;
	ELSE
		IF EXISTS (SELECT FROM loyalty.coupon WHERE coupon_type_id = old.coupon_type_id) THEN
			RAISE EXCEPTION 'coupon "%" has been given to members', old.name
				USING ERRCODE = 'restrict_violation';
		END IF;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.coupon_type_check() IS 'trigger: a coupon keeps its name; one in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.coupon_type_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER UPDATE OR DELETE ON loyalty.coupon_type
	FOR EACH ROW EXECUTE FUNCTION loyalty.coupon_type_check();
CALL loyalty.config_table('coupon_type');

SELECT pg_catalog.pg_extension_config_dump('loyalty.coupon_type', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.coupon_type_id_seq', '');

CREATE SEQUENCE loyalty.draw_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.draw_id_seq IS 'ids of draws';

CREATE TABLE loyalty.draw (
	draw_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.draw_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	title text NOT NULL DEFAULT '',
	starts_at timestamptz,
	ends_at timestamptz,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT draw_pkey PRIMARY KEY (draw_id),
	CONSTRAINT draw_name_key UNIQUE (program, name),
	CONSTRAINT draw_version_key UNIQUE (version_id),
	CONSTRAINT draw_name_is_1_to_63_bytes CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT draw_starts_before_it_ends CHECK (starts_at < ends_at)
);
ALTER SEQUENCE loyalty.draw_id_seq OWNED BY loyalty.draw.draw_id;

COMMENT ON TABLE loyalty.draw IS 'draws of a program, for which effects of rules give tickets';
COMMENT ON COLUMN loyalty.draw.draw_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.draw.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.draw.name IS 'name, as effects of rules name it; cannot be changed';
COMMENT ON COLUMN loyalty.draw.title IS 'what members see, for the application';
COMMENT ON COLUMN loyalty.draw.starts_at IS 'events from then on give tickets; NULL: no start';
COMMENT ON COLUMN loyalty.draw.ends_at IS 'events before then give tickets; NULL: no end';
COMMENT ON COLUMN loyalty.draw.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.draw.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.draw_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tg_op = 'UPDATE' THEN
		IF new.name <> old.name AND new.changed_at = pg_catalog.now() THEN
			RAISE EXCEPTION 'name of draw "%" cannot be changed', old.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Rules give it by its name.';
		END IF;
	ELSE
		IF EXISTS (SELECT FROM loyalty.draw_ticket WHERE draw_id = old.draw_id) THEN
			RAISE EXCEPTION 'draw "%" has been given to members', old.name
				USING ERRCODE = 'restrict_violation';
		END IF;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.draw_check() IS 'trigger: a draw keeps its name; one in use is not deleted';
REVOKE ALL ON FUNCTION loyalty.draw_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER UPDATE OR DELETE ON loyalty.draw
	FOR EACH ROW EXECUTE FUNCTION loyalty.draw_check();
CALL loyalty.config_table('draw');

SELECT pg_catalog.pg_extension_config_dump('loyalty.draw', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.draw_id_seq', '');

CREATE FUNCTION loyalty.rule_effects_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	effect record;
	known boolean;
BEGIN
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	FOR effect IN
		SELECT k.kind, e.value ->> k.kind AS name
			FROM pg_catalog.jsonb_array_elements(new.effects) AS e (value),
				(VALUES ('coupon'), ('draw_ticket'), ('benefit'), ('badge')) AS k (kind)
			WHERE e.value ? k.kind
	LOOP
		known := CASE effect.kind
			WHEN 'coupon' THEN EXISTS (SELECT FROM loyalty.coupon_type t
				WHERE t.program = new.program AND t.name = effect.name)
			WHEN 'draw_ticket' THEN EXISTS (SELECT FROM loyalty.draw t
				WHERE t.program = new.program AND t.name = effect.name)
			WHEN 'benefit' THEN EXISTS (SELECT FROM loyalty.benefit t
				WHERE t.program = new.program AND t.name = effect.name)
			ELSE EXISTS (SELECT FROM loyalty.badge t
				WHERE t.program = new.program AND t.name = effect.name) END;
		IF NOT known THEN
			RAISE EXCEPTION 'unknown % "%" in effects of rule "%"',
					pg_catalog.replace(effect.kind, '_ticket', ''), effect.name, new.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = pg_catalog.format('Program "%s" has none of that name.', new.program);
		END IF;
		IF effect.kind = 'badge' AND EXISTS (SELECT FROM loyalty.task t
				WHERE t.program = new.program AND t.badge = effect.name) THEN
			RAISE EXCEPTION 'badge "%" in effects of rule "%" is awarded by a task',
					effect.name, new.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'A badge comes from one task, or from rules.';
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.rule_effects_check() IS
	'trigger: refuses (22023) a rule whose effects name what its program does not have';
REVOKE ALL ON FUNCTION loyalty.rule_effects_check() FROM PUBLIC;

CREATE TRIGGER config_42_effects AFTER INSERT OR UPDATE ON loyalty.rule
	FOR EACH ROW EXECUTE FUNCTION loyalty.rule_effects_check();
CREATE TRIGGER config_35_given AFTER DELETE ON loyalty.coupon_type
	FOR EACH ROW EXECUTE FUNCTION loyalty.effect_refuse_delete('coupon');
CREATE TRIGGER config_35_given AFTER DELETE ON loyalty.draw
	FOR EACH ROW EXECUTE FUNCTION loyalty.effect_refuse_delete('draw_ticket');
CREATE TRIGGER config_35_given AFTER DELETE ON loyalty.benefit
	FOR EACH ROW EXECUTE FUNCTION loyalty.effect_refuse_delete('benefit');
CREATE TRIGGER config_35_given AFTER DELETE ON loyalty.badge
	FOR EACH ROW EXECUTE FUNCTION loyalty.effect_refuse_delete('badge');
ALTER TABLE loyalty.rule ENABLE ALWAYS TRIGGER config_42_effects;
ALTER TABLE loyalty.coupon_type ENABLE ALWAYS TRIGGER config_35_given;
ALTER TABLE loyalty.draw ENABLE ALWAYS TRIGGER config_35_given;
ALTER TABLE loyalty.benefit ENABLE ALWAYS TRIGGER config_35_given;
ALTER TABLE loyalty.badge ENABLE ALWAYS TRIGGER config_35_given;
