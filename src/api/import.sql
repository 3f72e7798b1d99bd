-- Members and their balances from another system.

CREATE TYPE loyalty.import_receipt AS (
	members bigint,
	enrolled bigint,
	posted bigint,
	unchanged bigint,
	points bigint,
	growth bigint
);
COMMENT ON TYPE loyalty.import_receipt IS 'what import_members() answers';
COMMENT ON COLUMN loyalty.import_receipt.members IS 'members that the table names';
COMMENT ON COLUMN loyalty.import_receipt.enrolled IS 'of these, enrolled by this call';
COMMENT ON COLUMN loyalty.import_receipt.posted IS 'opening entries posted';
COMMENT ON COLUMN loyalty.import_receipt.unchanged IS 'members whose entry under this ref was there already';
COMMENT ON COLUMN loyalty.import_receipt.points IS 'sum of the points posted, less what is owed';
COMMENT ON COLUMN loyalty.import_receipt.growth IS 'sum of the growth posted';

CREATE FUNCTION loyalty.import_members(
	source regclass,
	ref text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.import_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_import_members';
COMMENT ON FUNCTION loyalty.import_members(regclass, text, timestamptz, text) IS
	'opening balances from a table, view or foreign table with columns member, points, valid_from, valid_until, growth, growth_at, tier, attributes, enrolled_at, all but member optional, several rows for several lots; one entry per member, once per ref. LY003 ref with other content, LY004 member blocked, 22023 bad column or value; errors name the row';
REVOKE ALL ON FUNCTION loyalty.import_members(regclass, text, timestamptz, text) FROM PUBLIC;
