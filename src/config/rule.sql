--
-- Rules: what turns events into points.
--

CREATE SEQUENCE loyalty.event_id_seq AS integer START 2;
COMMENT ON SEQUENCE loyalty.event_id_seq IS 'ids of event names; 1 is register';

CREATE TABLE loyalty.event_type (
	event_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.event_id_seq'),
	name text COLLATE "C" NOT NULL,
	CONSTRAINT event_type_pkey PRIMARY KEY (event_id),
	CONSTRAINT event_type_name_key UNIQUE (name),
	CONSTRAINT event_type_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63)
);
ALTER SEQUENCE loyalty.event_id_seq OWNED BY loyalty.event_type.event_id;
COMMENT ON TABLE loyalty.event_type IS
	'small ids of event names, as the ledger stores them; the first rule that names an event adds its row';
COMMENT ON COLUMN loyalty.event_type.event_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.event_type.name IS 'name of the event: purchase, check_in, review ...';

INSERT INTO loyalty.event_type (event_id, name) VALUES (1, 'register');

CREATE FUNCTION loyalty.jsonpath_variables(path jsonpath) RETURNS text[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_jsonpath_variables';
COMMENT ON FUNCTION loyalty.jsonpath_variables(jsonpath) IS
	'names of the variables that a jsonpath mentions, each once';

CREATE FUNCTION loyalty.is_rule_limits(limits jsonb) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_is_rule_limits';
COMMENT ON FUNCTION loyalty.is_rule_limits(jsonb) IS
	'true if a rule can have these limits: an array of {"per", "points", "times", "key", "then"}; 22023 says what is wrong otherwise';

CREATE FUNCTION loyalty.is_rule_effects(effects jsonb, rule text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_is_rule_effects';
COMMENT ON FUNCTION loyalty.is_rule_effects(jsonb, text) IS
	'true if the rule of that name can have these effects: an array of {"coupon" | "draw_ticket" | "benefit" | "badge", "count", "validity"}; 22023 says what is wrong otherwise';

CREATE SEQUENCE loyalty.rule_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.rule_id_seq IS 'ids of rules';

CREATE TABLE loyalty.rule (
	rule_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.rule_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	event text COLLATE "C" NOT NULL,
	each jsonpath NOT NULL DEFAULT '$',
	condition jsonpath,
	points jsonpath NOT NULL,
	growth jsonpath,
	measure jsonpath,
	period text NOT NULL DEFAULT 'month',
	mode text NOT NULL DEFAULT 'add',
	exclusive_group text COLLATE "C",
	multiplied boolean NOT NULL DEFAULT true,
	limits jsonb,
	effects jsonb,
	min_points bigint,
	carry boolean NOT NULL DEFAULT false,
	budget bigint,
	holdout numeric,
	point_kind text COLLATE "C",
	tiers text[] COLLATE "C",
	starts_at timestamptz,
	ends_at timestamptz,
	validity loyalty.validity_policy,
	pending_for interval,
	partner text COLLATE "C",
	unit_cost numeric,
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT rule_pkey PRIMARY KEY (rule_id),
	CONSTRAINT rule_name_key UNIQUE (program, name),
	CONSTRAINT rule_version_key UNIQUE (version_id),
	CONSTRAINT rule_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT rule_event_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT rule_point_kind_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(point_kind) BETWEEN 1 AND 63),
	CONSTRAINT rule_partner_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(partner) BETWEEN 1 AND 63),
	CONSTRAINT rule_mode_is_add_or_multiply CHECK (mode IN ('add', 'multiply')),
	CONSTRAINT rule_multiply_is_multiplied CHECK (mode = 'add' OR multiplied),
	CONSTRAINT rule_period_is_day_week_month_year_or_ever
		CHECK (period IN ('day', 'week', 'month', 'year', 'ever')),
	CONSTRAINT rule_exclusive_group_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(exclusive_group) BETWEEN 1 AND 63),
	CONSTRAINT rule_limits_are_valid CHECK (loyalty.is_rule_limits(limits)),
	CONSTRAINT rule_effects_are_valid CHECK (loyalty.is_rule_effects(effects, name)),
	CONSTRAINT rule_min_points_is_positive CHECK (min_points > 0),
	CONSTRAINT rule_budget_is_not_negative CHECK (budget >= 0),
	CONSTRAINT rule_holdout_is_a_share CHECK (holdout >= 0 AND holdout <= 1),
	CONSTRAINT rule_starts_before_it_ends CHECK (starts_at < ends_at),
	CONSTRAINT rule_pending_for_is_not_negative CHECK (pending_for >= '0'),
	CONSTRAINT rule_unit_cost_is_not_negative CHECK (unit_cost >= 0 AND unit_cost < 'Infinity'),
	CONSTRAINT rule_tiers_is_a_list_of_names
		CHECK (pg_catalog.cardinality(tiers) > 0 AND pg_catalog.array_ndims(tiers) = 1
			   AND pg_catalog.array_position(tiers, NULL) IS NULL)
);
ALTER SEQUENCE loyalty.rule_id_seq OWNED BY loyalty.rule.rule_id;

COMMENT ON TABLE loyalty.rule IS 'rules: what an event of a program is worth';
COMMENT ON COLUMN loyalty.rule.rule_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.rule.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.rule.name IS 'name of the rule, as breakdowns show it';
COMMENT ON COLUMN loyalty.rule.event IS 'event that the rule is about';
COMMENT ON COLUMN loyalty.rule.each IS 'what is counted: the other paths see each match as $';
COMMENT ON COLUMN loyalty.rule.condition IS 'one boolean, or finds something; NULL: always';
COMMENT ON COLUMN loyalty.rule.points IS 'points of a match; several numbers are summed, no number is 0';
COMMENT ON COLUMN loyalty.rule.growth IS 'growth of a match; NULL: its points before multipliers';
COMMENT ON COLUMN loyalty.rule.measure IS 'what $sum adds up over the matches of each, and $period_sum over events; NULL: nothing';
COMMENT ON COLUMN loyalty.rule.period IS 'period of $period_sum and $period_count: day, week, month, year, ever';
COMMENT ON COLUMN loyalty.rule.mode IS 'add: the points are added to those of other rules; multiply: they are a factor of them, and the rule gives what that adds';
COMMENT ON COLUMN loyalty.rule.exclusive_group IS 'of the rules of a group that apply, the one best for the member stays; NULL: none';
COMMENT ON COLUMN loyalty.rule.multiplied IS 'whether the multipliers of tier, plan and campaigns apply';
COMMENT ON COLUMN loyalty.rule.limits IS 'array of {"per": "event|day|week|month|year|ever", "points": n, "times": n, "key": path, "then": "reduce|refuse"}; NULL: none';
COMMENT ON COLUMN loyalty.rule.effects IS 'what it gives beyond points: array of {"coupon" | "draw_ticket" | "benefit" | "badge": name, "count": n, "validity": policy}; NULL: nothing';
COMMENT ON COLUMN loyalty.rule.min_points IS 'least points where the rule applies; NULL: none';
COMMENT ON COLUMN loyalty.rule.carry IS 'whether the fraction of a point is kept for the member''s next event';
COMMENT ON COLUMN loyalty.rule.budget IS 'points that it gives over all members; NULL: any number';
COMMENT ON COLUMN loyalty.rule.holdout IS 'share of the members, chosen by their keys, who do not get it; NULL: none';
COMMENT ON COLUMN loyalty.rule.point_kind IS 'kind of the points; each kind of an event is an entry of its own';
COMMENT ON COLUMN loyalty.rule.tiers IS 'only members of these tiers; NULL: everybody';
COMMENT ON COLUMN loyalty.rule.starts_at IS 'events from then on; NULL: no start';
COMMENT ON COLUMN loyalty.rule.ends_at IS 'events before then; NULL: no end';
COMMENT ON COLUMN loyalty.rule.validity IS 'how long its points live; NULL: as the program says';
COMMENT ON COLUMN loyalty.rule.pending_for IS 'how long its points wait; NULL: as the program says';
COMMENT ON COLUMN loyalty.rule.partner IS 'who pays for its points; an entry of its own';
COMMENT ON COLUMN loyalty.rule.unit_cost IS 'what a point costs the partner, in currency; an entry of its own';
COMMENT ON COLUMN loyalty.rule.active IS 'false: the rule gives nothing to new events';
COMMENT ON COLUMN loyalty.rule.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.rule.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.rule_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text;
	unknown text;
BEGIN
	FOR part, unknown IN
		SELECT p.part, v.name
			FROM (VALUES ('each', new.each), ('condition', new.condition),
						 ('points', new.points), ('growth', new.growth),
						 ('measure', new.measure)) AS p (part, path),
				pg_catalog.unnest(loyalty.jsonpath_variables(p.path)) AS v (name)
		UNION ALL
		SELECT 'a key', v.name
			FROM pg_catalog.jsonb_array_elements(new.limits) AS l (limit_row),
				pg_catalog.unnest(loyalty.jsonpath_variables((l.limit_row ->> 'key')::jsonpath)) AS v (name)
	LOOP
		IF unknown <> ALL (ARRAY['event', 'at', 'member', 'tier', 'count', 'idle_days',
								 'streak', 'sum', 'n', 'period_sum', 'period_count']) THEN
			RAISE EXCEPTION 'unknown variable "$%" in % of rule "%"', unknown, part, new.name
				USING ERRCODE = 'undefined_object',
					HINT = 'Variables are $event, $at, $member, $tier, $count, $idle_days, $streak, $sum, $n, $period_sum and $period_count.';
		ELSIF part IN ('each', 'measure') AND unknown IN ('sum', 'n', 'period_sum', 'period_count') THEN
			RAISE EXCEPTION 'variable "$%" cannot be used in % of rule "%"', unknown, part, new.name
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'It is computed from what each and measure find.';
		ELSIF new.measure IS NULL AND unknown IN ('sum', 'period_sum') THEN
			RAISE EXCEPTION 'variable "$%" in % of rule "%" needs a measure', unknown, part, new.name
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Set measure to what is to be added up, for example $.amount.';
		END IF;
	END LOOP;
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	SELECT t.name INTO unknown FROM pg_catalog.unnest(new.tiers) AS t (name)
		WHERE NOT EXISTS (SELECT FROM loyalty.tier
						  WHERE tier.program = new.program AND tier.name = t.name)
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown tier "%" in rule "%"', unknown, new.name
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = pg_catalog.format('Program "%s" has no such tier.', new.program);
	END IF;
	IF NOT EXISTS (SELECT FROM loyalty.event_type WHERE event_type.name = new.event) THEN
		INSERT INTO loyalty.event_type (name) VALUES (new.event) ON CONFLICT DO NOTHING;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.rule_check() IS
	'trigger: checks the variables and tiers that a rule names, and gives its event an id';
REVOKE ALL ON FUNCTION loyalty.rule_check() FROM PUBLIC;

-- before record: who watches the versions finds the event known
CREATE TRIGGER config_25_check AFTER INSERT OR UPDATE ON loyalty.rule
	FOR EACH ROW EXECUTE FUNCTION loyalty.rule_check();
CALL loyalty.config_table('rule');

CREATE TRIGGER config_50_invalidate AFTER INSERT OR UPDATE OR DELETE ON loyalty.event_type
	FOR EACH ROW EXECUTE FUNCTION loyalty.config_invalidate();
CREATE TRIGGER event_type_refuse_change
	BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty.event_type
	FOR EACH STATEMENT EXECUTE FUNCTION loyalty.config_refuse_change();
ALTER TABLE loyalty.event_type ENABLE ALWAYS TRIGGER config_50_invalidate;
ALTER TABLE loyalty.event_type ENABLE ALWAYS TRIGGER event_type_refuse_change;

SELECT pg_catalog.pg_extension_config_dump('loyalty.event_type', 'WHERE event_id > 1');
SELECT pg_catalog.pg_extension_config_dump('loyalty.event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.rule', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.rule_id_seq', '');
