-- Guards: members and ledger change through the calls alone.

CREATE FUNCTION loyalty.guard() RETURNS trigger
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_guard';
COMMENT ON FUNCTION loyalty.guard() IS 'refuses plain SQL on the tables that only the loyalty functions write (55000); COPY passes, for restores';

CREATE FUNCTION loyalty.guard_drop() RETURNS event_trigger
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_guard_drop';
COMMENT ON FUNCTION loyalty.guard_drop() IS 'refuses to drop the extension, its schema or its owner''s objects while the ledger has rows (55000), unless loyalty.allow_drop is on';

DO $do$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['member', 'ledger', 'hold', 'operation_ref', 'tier_period', 'tier_grant', 'tier_gift', 'subscription',
		'benefit_use', 'limit_usage_overflow', 'event_usage_overflow', 'referral', 'streak_calendar_overflow', 'task_progress',
		'member_badge', 'contest_team', 'contest_player', 'contest_event', 'contest_settlement',
		'contest_result', 'contest_prize', 'coupon', 'draw_ticket',
		'benefit_unit', 'actor'] LOOP
		EXECUTE pg_catalog.format(
			'CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON loyalty.%I
				FOR EACH STATEMENT EXECUTE FUNCTION loyalty.guard()', name);
		EXECUTE pg_catalog.format('ALTER TABLE loyalty.%I ENABLE ALWAYS TRIGGER guard', name);
		EXECUTE pg_catalog.format(
			'COMMENT ON TRIGGER guard ON loyalty.%I IS ''written by the loyalty functions only''', name);
	END LOOP;
END
$do$;

CREATE EVENT TRIGGER loyalty_guard_drop ON ddl_command_start
	WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED')
	EXECUTE FUNCTION loyalty.guard_drop();
ALTER EVENT TRIGGER loyalty_guard_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER loyalty_guard_drop IS 'DROP EXTENSION loyalty would take every member''s points with it';
