--
-- Examples beside rules: what an event is expected to be worth.
--

CREATE SEQUENCE loyalty.rule_example_id_seq AS integer;
COMMENT ON SEQUENCE loyalty.rule_example_id_seq IS 'ids of rule examples';

CREATE TABLE loyalty.rule_example (
	rule_example_id integer NOT NULL DEFAULT pg_catalog.nextval('loyalty.rule_example_id_seq'),
	program text COLLATE "C" NOT NULL DEFAULT loyalty.current_program(),
	name text COLLATE "C" NOT NULL,
	event text COLLATE "C" NOT NULL,
	attributes jsonb NOT NULL DEFAULT '{}',
	tier text COLLATE "C",
	member jsonb NOT NULL DEFAULT '{}',
	at timestamptz,
	points bigint NOT NULL,
	growth bigint,
	active boolean NOT NULL DEFAULT true,
	version_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	CONSTRAINT rule_example_pkey PRIMARY KEY (rule_example_id),
	CONSTRAINT rule_example_name_key UNIQUE (program, name),
	CONSTRAINT rule_example_version_key UNIQUE (version_id),
	CONSTRAINT rule_example_name_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CONSTRAINT rule_example_event_is_1_to_63_bytes
		CHECK (pg_catalog.octet_length(event) BETWEEN 1 AND 63),
	CONSTRAINT rule_example_attributes_is_an_object
		CHECK (pg_catalog.jsonb_typeof(attributes) = 'object'),
	CONSTRAINT rule_example_member_is_an_object
		CHECK (pg_catalog.jsonb_typeof(member) = 'object'),
	CONSTRAINT rule_example_at_is_finite CHECK (pg_catalog.isfinite(at))
);
ALTER SEQUENCE loyalty.rule_example_id_seq OWNED BY loyalty.rule_example.rule_example_id;

COMMENT ON TABLE loyalty.rule_example IS 'examples beside the rules of a program: an event and the points it has to give; a change that breaks one cannot be committed';
COMMENT ON COLUMN loyalty.rule_example.rule_example_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.rule_example.program IS 'program, by its name';
COMMENT ON COLUMN loyalty.rule_example.name IS 'name of the example, as messages show it';
COMMENT ON COLUMN loyalty.rule_example.event IS 'event, as record() takes it';
COMMENT ON COLUMN loyalty.rule_example.attributes IS 'attributes of the event';
COMMENT ON COLUMN loyalty.rule_example.tier IS 'tier held just before the event; NULL: that of a new member';
COMMENT ON COLUMN loyalty.rule_example.member IS 'attributes of the member, $member of the rules';
COMMENT ON COLUMN loyalty.rule_example.at IS 'business time of the event; NULL: the time of the check, so that the clock may break it';
COMMENT ON COLUMN loyalty.rule_example.points IS 'points that the event has to give';
COMMENT ON COLUMN loyalty.rule_example.growth IS 'growth that it has to bring; NULL: any';
COMMENT ON COLUMN loyalty.rule_example.active IS 'false: it holds up no change';
COMMENT ON COLUMN loyalty.rule_example.version_id IS 'current version in config_version; given by trigger, never by hand';
COMMENT ON COLUMN loyalty.rule_example.changed_at IS 'start of the transaction that made this version; given by trigger';

CALL loyalty.config_table('rule_example', cached => false);

SELECT pg_catalog.pg_extension_config_dump('loyalty.rule_example', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.rule_example_id_seq', '');
