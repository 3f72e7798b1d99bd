-- What members have subscribed to, and which benefits they have used.  Written
-- under the member's row lock, each with an entry of 0 points.

-- Prolonging appends a row; only its end and what ended it ever change.
CREATE TABLE loyalty.subscription (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	since timestamptz NOT NULL,
	until timestamptz NOT NULL,
	sold_until timestamptz NOT NULL,
	anchor timestamptz NOT NULL,
	ended_by bigint,
	plan_id integer NOT NULL,
	nth integer NOT NULL,
	period interval NOT NULL,
	price numeric NOT NULL,
	refund numeric,
	ref text COLLATE "C",
	PRIMARY KEY (member_id, entry_id)
);
COMMENT ON TABLE loyalty.subscription IS 'periods of paid plans: one row per subscribe(); several of one plan follow each other';
COMMENT ON COLUMN loyalty.subscription.member_id IS 'member';
COMMENT ON COLUMN loyalty.subscription.entry_id IS 'ledger entry of the subscription';
COMMENT ON COLUMN loyalty.subscription.since IS 'in force from here on';
COMMENT ON COLUMN loyalty.subscription.until IS 'until here, exclusive: as sold, or earlier if it was cancelled';
COMMENT ON COLUMN loyalty.subscription.sold_until IS 'end as it was sold';
COMMENT ON COLUMN loyalty.subscription.anchor IS 'start of the first of the periods that follow each other; their ends are counted from it';
COMMENT ON COLUMN loyalty.subscription.ended_by IS 'ledger entry that cancelled it; NULL = none did';
COMMENT ON COLUMN loyalty.subscription.plan_id IS 'plan subscribed to';
COMMENT ON COLUMN loyalty.subscription.nth IS 'number of this period since the anchor: 1, 2 ...';
COMMENT ON COLUMN loyalty.subscription.period IS 'period of the plan as it was sold';
COMMENT ON COLUMN loyalty.subscription.price IS 'price it was sold at';
COMMENT ON COLUMN loyalty.subscription.refund IS 'part of the price for the time that was cancelled; NULL = not cancelled';
COMMENT ON COLUMN loyalty.subscription.ref IS 'the caller''s ref of the subscription';

CREATE TABLE loyalty.benefit_use (
	member_id bigint NOT NULL,
	period_start timestamptz NOT NULL,
	used bigint NOT NULL,
	benefit text COLLATE "C" NOT NULL,
	PRIMARY KEY (member_id, benefit, period_start)
);
COMMENT ON TABLE loyalty.benefit_use IS 'units of benefits that members have used, by period';
COMMENT ON COLUMN loyalty.benefit_use.member_id IS 'member';
COMMENT ON COLUMN loyalty.benefit_use.period_start IS 'start of the period; -infinity where the benefit is given once';
COMMENT ON COLUMN loyalty.benefit_use.used IS 'units used in it';
COMMENT ON COLUMN loyalty.benefit_use.benefit IS 'name of the benefit';

SELECT pg_catalog.pg_extension_config_dump('loyalty.subscription', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.benefit_use', '');
