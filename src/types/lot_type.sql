-- point_lot: points granted together, with one validity.

CREATE TYPE loyalty.point_lot;

CREATE FUNCTION loyalty.point_lot_in(cstring)
RETURNS loyalty.point_lot
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_in';

COMMENT ON FUNCTION loyalty.point_lot_in(cstring) IS
'text input of point_lot';

CREATE FUNCTION loyalty.point_lot_out(loyalty.point_lot)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_out';

COMMENT ON FUNCTION loyalty.point_lot_out(loyalty.point_lot) IS
'text output of point_lot';

CREATE FUNCTION loyalty.point_lot_recv(internal)
RETURNS loyalty.point_lot
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_recv';

COMMENT ON FUNCTION loyalty.point_lot_recv(internal) IS
'binary input of point_lot';

CREATE FUNCTION loyalty.point_lot_send(loyalty.point_lot)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_send';

COMMENT ON FUNCTION loyalty.point_lot_send(loyalty.point_lot) IS
'binary output of point_lot';

CREATE TYPE loyalty.point_lot (
	INPUT = loyalty.point_lot_in,
	OUTPUT = loyalty.point_lot_out,
	RECEIVE = loyalty.point_lot_recv,
	SEND = loyalty.point_lot_send,
	INTERNALLENGTH = 32,
	ALIGNMENT = double
);

COMMENT ON TYPE loyalty.point_lot IS
'points granted together, valid in [valid_from, valid_until): 120@2026-11-21T00:00:00Z/2027-11-21T00:00:00Z#1001';

CREATE FUNCTION loyalty.point_lot(points bigint, valid_from timestamptz, valid_until timestamptz DEFAULT 'infinity', source bigint DEFAULT 0)
RETURNS loyalty.point_lot
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot';

COMMENT ON FUNCTION loyalty.point_lot(bigint, timestamptz, timestamptz, bigint) IS
'a lot of points > 0, valid from valid_from until before valid_until (infinity = never lapses), granted by the ledger entry source (0 = none)';

CREATE FUNCTION loyalty.points(lot loyalty.point_lot)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_points';

COMMENT ON FUNCTION loyalty.points(loyalty.point_lot) IS
'points of a lot';

CREATE FUNCTION loyalty.valid_from(lot loyalty.point_lot)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_valid_from';

COMMENT ON FUNCTION loyalty.valid_from(loyalty.point_lot) IS
'instant from which a lot can be spent';

CREATE FUNCTION loyalty.valid_until(lot loyalty.point_lot)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_valid_until';

COMMENT ON FUNCTION loyalty.valid_until(loyalty.point_lot) IS
'instant at which a lot lapses; infinity = never';

CREATE FUNCTION loyalty.source(lot loyalty.point_lot)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_source';

COMMENT ON FUNCTION loyalty.source(loyalty.point_lot) IS
'ledger entry that granted a lot; 0 = none';

CREATE FUNCTION loyalty.validity(lot loyalty.point_lot)
RETURNS tstzrange
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_validity';

COMMENT ON FUNCTION loyalty.validity(loyalty.point_lot) IS
'range in which a lot can be spent: [valid_from, valid_until)';

CREATE FUNCTION loyalty.point_lot_eq(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_eq';

COMMENT ON FUNCTION loyalty.point_lot_eq(loyalty.point_lot, loyalty.point_lot) IS
'implements operator =';

CREATE FUNCTION loyalty.point_lot_ne(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_ne';

COMMENT ON FUNCTION loyalty.point_lot_ne(loyalty.point_lot, loyalty.point_lot) IS
'implements operator <>';

CREATE FUNCTION loyalty.point_lot_lt(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_lt';

COMMENT ON FUNCTION loyalty.point_lot_lt(loyalty.point_lot, loyalty.point_lot) IS
'implements operator <';

CREATE FUNCTION loyalty.point_lot_le(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_le';

COMMENT ON FUNCTION loyalty.point_lot_le(loyalty.point_lot, loyalty.point_lot) IS
'implements operator <=';

CREATE FUNCTION loyalty.point_lot_gt(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_gt';

COMMENT ON FUNCTION loyalty.point_lot_gt(loyalty.point_lot, loyalty.point_lot) IS
'implements operator >';

CREATE FUNCTION loyalty.point_lot_ge(loyalty.point_lot, loyalty.point_lot)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_ge';

COMMENT ON FUNCTION loyalty.point_lot_ge(loyalty.point_lot, loyalty.point_lot) IS
'implements operator >=';

CREATE FUNCTION loyalty.point_lot_cmp(loyalty.point_lot, loyalty.point_lot)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_cmp';

COMMENT ON FUNCTION loyalty.point_lot_cmp(loyalty.point_lot, loyalty.point_lot) IS
'less than, equal to, greater than: -1, 0, 1 (btree support)';

CREATE FUNCTION loyalty.point_lot_hash(loyalty.point_lot)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_hash';

COMMENT ON FUNCTION loyalty.point_lot_hash(loyalty.point_lot) IS
'hash';

CREATE FUNCTION loyalty.point_lot_hash_extended(loyalty.point_lot, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_hash_extended';

COMMENT ON FUNCTION loyalty.point_lot_hash_extended(loyalty.point_lot, bigint) IS
'64-bit hash with a seed';

CREATE OPERATOR loyalty.= (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_eq,
	COMMUTATOR = OPERATOR(loyalty.=), NEGATOR = OPERATOR(loyalty.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR loyalty.= (loyalty.point_lot, loyalty.point_lot) IS
'equal';

CREATE OPERATOR loyalty.<> (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_ne,
	COMMUTATOR = OPERATOR(loyalty.<>), NEGATOR = OPERATOR(loyalty.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR loyalty.<> (loyalty.point_lot, loyalty.point_lot) IS
'not equal';

CREATE OPERATOR loyalty.< (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_lt,
	COMMUTATOR = OPERATOR(loyalty.>), NEGATOR = OPERATOR(loyalty.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR loyalty.< (loyalty.point_lot, loyalty.point_lot) IS
'less in FIFO order: valid_from, source, valid_until, points';

CREATE OPERATOR loyalty.<= (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_le,
	COMMUTATOR = OPERATOR(loyalty.>=), NEGATOR = OPERATOR(loyalty.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR loyalty.<= (loyalty.point_lot, loyalty.point_lot) IS
'less or equal in FIFO order: valid_from, source, valid_until, points';

CREATE OPERATOR loyalty.> (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_gt,
	COMMUTATOR = OPERATOR(loyalty.<), NEGATOR = OPERATOR(loyalty.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR loyalty.> (loyalty.point_lot, loyalty.point_lot) IS
'greater in FIFO order: valid_from, source, valid_until, points';

CREATE OPERATOR loyalty.>= (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_lot_ge,
	COMMUTATOR = OPERATOR(loyalty.<=), NEGATOR = OPERATOR(loyalty.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR loyalty.>= (loyalty.point_lot, loyalty.point_lot) IS
'greater or equal in FIFO order: valid_from, source, valid_until, points';

CREATE OPERATOR FAMILY loyalty.point_lot_ops USING btree;

COMMENT ON OPERATOR FAMILY loyalty.point_lot_ops USING btree IS
'btree operators of point_lot';

CREATE OPERATOR CLASS loyalty.point_lot_ops
DEFAULT FOR TYPE loyalty.point_lot USING btree FAMILY loyalty.point_lot_ops AS
	OPERATOR 1 loyalty.<,
	OPERATOR 2 loyalty.<=,
	OPERATOR 3 loyalty.=,
	OPERATOR 4 loyalty.>=,
	OPERATOR 5 loyalty.>,
	FUNCTION 1 loyalty.point_lot_cmp(loyalty.point_lot, loyalty.point_lot),
	FUNCTION 4 pg_catalog.btequalimage(oid);

COMMENT ON OPERATOR CLASS loyalty.point_lot_ops USING btree IS
'btree operators of point_lot in FIFO order: valid_from, source, valid_until, points';

CREATE OPERATOR FAMILY loyalty.point_lot_ops USING hash;

COMMENT ON OPERATOR FAMILY loyalty.point_lot_ops USING hash IS
'hash operators of point_lot';

CREATE OPERATOR CLASS loyalty.point_lot_ops
DEFAULT FOR TYPE loyalty.point_lot USING hash FAMILY loyalty.point_lot_ops AS
	OPERATOR 1 loyalty.=,
	FUNCTION 1 loyalty.point_lot_hash(loyalty.point_lot),
	FUNCTION 2 loyalty.point_lot_hash_extended(loyalty.point_lot, bigint);

COMMENT ON OPERATOR CLASS loyalty.point_lot_ops USING hash IS
'hash operators of point_lot';
