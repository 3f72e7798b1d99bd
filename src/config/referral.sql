--
-- Referrals: what completes an invitation.
--

CREATE SEQUENCE loyalty.referral_rule_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.referral_rule_id_seq IS 'ids of referral rules';

CREATE TABLE loyalty.referral_rule (
	referral_rule_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.referral_rule_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL DEFAULT 'referral',
	event text COLLATE "C" NOT NULL DEFAULT 'purchase',
	condition jsonpath,
	within interval,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT referral_rule_pkey PRIMARY KEY (referral_rule_id),
	CONSTRAINT referral_rule_program_key UNIQUE (program),
	CONSTRAINT referral_rule_version_key UNIQUE (version_id),
	CONSTRAINT referral_rule_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT referral_rule_event_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT referral_rule_event_follows_the_invitation
		CHECK (event NOT IN ('register', 'invite_completed')),
	CONSTRAINT referral_rule_within_is_1_hour_to_100_years
		CHECK (within >= '1 hour' AND within <= '100 years')
);
ALTER SEQUENCE loyalty.referral_rule_id_seq OWNED BY loyalty.referral_rule.referral_rule_id;

COMMENT ON TABLE loyalty.referral_rule IS 'one row for a program whose members invite others: the event of the invitee that completes an invitation';
COMMENT ON COLUMN loyalty.referral_rule.referral_rule_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.referral_rule.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.referral_rule.name IS 'name of the row';
COMMENT ON COLUMN loyalty.referral_rule.event IS 'the invitee''s first event of this kind completes the invitation; invited: the invitation itself does';
COMMENT ON COLUMN loyalty.referral_rule.condition IS 'jsonpath over that event''s attributes: one boolean, or finds something; NULL: always';
COMMENT ON COLUMN loyalty.referral_rule.within IS 'how long after the invitation it counts; NULL: for ever';
COMMENT ON COLUMN loyalty.referral_rule.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.referral_rule.changed_at IS 'start of the transaction that made this version; given by trigger';

CREATE FUNCTION loyalty.referral_rule_check() RETURNS trigger
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_catalog.cardinality(loyalty.jsonpath_variables(new.condition)) > 0 THEN
		RAISE EXCEPTION 'unknown variable "$%" in condition of referral rule "%"',
				(loyalty.jsonpath_variables(new.condition))[1], new.name
			USING ERRCODE = 'undefined_object',
				HINT = 'A condition sees only the event''s attributes, as $.';
	END IF;
	IF new.changed_at <> pg_catalog.now() THEN
		RETURN NULL;
	END IF;
	INSERT INTO loyalty.event_type (name)
		SELECT e.name FROM (VALUES (new.event), ('invited'), ('invite_completed')) AS e (name)
			WHERE NOT EXISTS (SELECT FROM loyalty.event_type t WHERE t.name = e.name)
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION loyalty.referral_rule_check() IS
	'trigger: checks the condition, and gives the event and those of an invitation ids';
REVOKE ALL ON FUNCTION loyalty.referral_rule_check() FROM PUBLIC;

CREATE TRIGGER config_40_check AFTER INSERT OR UPDATE ON loyalty.referral_rule
	FOR EACH ROW EXECUTE FUNCTION loyalty.referral_rule_check();
CALL loyalty.config_table('referral_rule');

SELECT pg_catalog.pg_extension_config_dump('loyalty.referral_rule', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.referral_rule_id_seq', '');
