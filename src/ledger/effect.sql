-- What rules gave members beyond points.  Rows follow the effects that the
-- breakdowns of an event note: written under the member's row lock, never
-- deleted.  Each names the event by its first ledger entry.

-- Ids need no order, so sessions may take them in blocks.
CREATE SEQUENCE loyalty.coupon_id_seq CACHE 32;
COMMENT ON SEQUENCE loyalty.coupon_id_seq IS 'ids of coupons';

CREATE TABLE loyalty.coupon (
	member_id bigint NOT NULL,
	coupon_id bigint NOT NULL DEFAULT pg_catalog.nextval('loyalty.coupon_id_seq'),
	entry_id bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	valid_until timestamptz NOT NULL,
	used_by bigint,
	voided_by bigint,
	coupon_type_id integer NOT NULL,
	rule_id integer NOT NULL,
	PRIMARY KEY (member_id, coupon_id)
);
CREATE INDEX coupon_entry_idx ON loyalty.coupon (member_id, entry_id);
ALTER SEQUENCE loyalty.coupon_id_seq OWNED BY loyalty.coupon.coupon_id;
COMMENT ON TABLE loyalty.coupon IS 'coupons that rules gave to members';
COMMENT ON COLUMN loyalty.coupon.member_id IS 'member';
COMMENT ON COLUMN loyalty.coupon.coupon_id IS 'id, given by its sequence';
COMMENT ON COLUMN loyalty.coupon.entry_id IS 'first ledger entry of the event that gave it';
COMMENT ON COLUMN loyalty.coupon.valid_from IS 'valid from here on: when the rule''s points are';
COMMENT ON COLUMN loyalty.coupon.valid_until IS 'until here, exclusive';
COMMENT ON COLUMN loyalty.coupon.used_by IS 'ledger entry that used it; NULL = none did';
COMMENT ON COLUMN loyalty.coupon.voided_by IS 'ledger entry that made it void, since the rule no longer gives it; NULL = it stands';
COMMENT ON COLUMN loyalty.coupon.coupon_type_id IS 'kind of coupon';
COMMENT ON COLUMN loyalty.coupon.rule_id IS 'rule that gave it';
COMMENT ON INDEX loyalty.coupon_entry_idx IS 'the coupons of an event, for corrections';

CREATE TABLE loyalty.draw_ticket (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	count bigint NOT NULL,
	rule_id integer NOT NULL,
	draw_id integer NOT NULL,
	PRIMARY KEY (member_id, entry_id, rule_id, draw_id)
);
COMMENT ON TABLE loyalty.draw_ticket IS 'tickets for draws that rules gave to members';
COMMENT ON COLUMN loyalty.draw_ticket.member_id IS 'member';
COMMENT ON COLUMN loyalty.draw_ticket.entry_id IS 'first ledger entry of the event that gave them';
COMMENT ON COLUMN loyalty.draw_ticket.count IS 'tickets that stand; 0 = taken back';
COMMENT ON COLUMN loyalty.draw_ticket.rule_id IS 'rule that gave them';
COMMENT ON COLUMN loyalty.draw_ticket.draw_id IS 'draw';

CREATE TABLE loyalty.benefit_unit (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	valid_until timestamptz NOT NULL,
	count bigint NOT NULL,
	used bigint NOT NULL,
	rule_id integer NOT NULL,
	benefit text COLLATE "C" NOT NULL,
	PRIMARY KEY (member_id, entry_id, rule_id, benefit)
);
COMMENT ON TABLE loyalty.benefit_unit IS 'units of benefits that rules gave to members, beside the quotas of tiers and plans';
COMMENT ON COLUMN loyalty.benefit_unit.member_id IS 'member';
COMMENT ON COLUMN loyalty.benefit_unit.entry_id IS 'first ledger entry of the event that gave them';
COMMENT ON COLUMN loyalty.benefit_unit.valid_from IS 'can be used from here on';
COMMENT ON COLUMN loyalty.benefit_unit.valid_until IS 'until here, exclusive';
COMMENT ON COLUMN loyalty.benefit_unit.count IS 'units that stand, the used ones included';
COMMENT ON COLUMN loyalty.benefit_unit.used IS 'units used of them';
COMMENT ON COLUMN loyalty.benefit_unit.rule_id IS 'rule that gave them';
COMMENT ON COLUMN loyalty.benefit_unit.benefit IS 'name of the benefit';

SELECT pg_catalog.pg_extension_config_dump('loyalty.coupon_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.coupon', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.draw_ticket', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.benefit_unit', '');
