-- Examples beside rules: seen at any time, and held to before each commit.

CREATE FUNCTION loyalty.rule_examples(
	program text DEFAULT NULL,
	OUT name text,
	OUT event text,
	OUT active boolean,
	OUT holds boolean,
	OUT points bigint,
	OUT given_points bigint,
	OUT growth bigint,
	OUT given_growth bigint,
	OUT detail text,
	OUT breakdown jsonb)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_rule_examples';
COMMENT ON FUNCTION loyalty.rule_examples(text) IS
	'every example of a program, by name, with what the rules give for it now, changes of this transaction included: whether it holds, expected and given points and growth, what each rule gave or the error that evaluating it raised (given figures are NULL then), and the breakdown. LY005 unknown program';
REVOKE ALL ON FUNCTION loyalty.rule_examples(text) FROM PUBLIC;

CREATE FUNCTION loyalty.rule_examples_check() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'loyalty_rule_examples_check';
COMMENT ON FUNCTION loyalty.rule_examples_check() IS
	'trigger: refuses a change of the configuration that breaks an example of the program (23514)';
REVOKE ALL ON FUNCTION loyalty.rule_examples_check() FROM PUBLIC;

-- On config_version, not on the tables themselves: it has a row for each change
-- made here and none for a restored one, and its rows are there until the end of
-- the transaction, which those of a table that is truncated are not.
CREATE CONSTRAINT TRIGGER rule_examples_hold AFTER INSERT ON loyalty.config_version
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW
	WHEN (new.table_name IN ('program', 'tier', 'rule', 'streak', 'rule_example')
		  AND new.valid_from = pg_catalog.now())
	EXECUTE FUNCTION loyalty.rule_examples_check();
ALTER TABLE loyalty.config_version ENABLE ALWAYS TRIGGER rule_examples_hold;
