-- point_wallet: lots in FIFO order, packed into one value.

CREATE TYPE loyalty.point_wallet;

CREATE FUNCTION loyalty.point_wallet_in(cstring)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_in';

COMMENT ON FUNCTION loyalty.point_wallet_in(cstring) IS
'text input of point_wallet';

CREATE FUNCTION loyalty.point_wallet_out(loyalty.point_wallet)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_out';

COMMENT ON FUNCTION loyalty.point_wallet_out(loyalty.point_wallet) IS
'text output of point_wallet';

CREATE FUNCTION loyalty.point_wallet_recv(internal)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_recv';

COMMENT ON FUNCTION loyalty.point_wallet_recv(internal) IS
'binary input of point_wallet';

CREATE FUNCTION loyalty.point_wallet_send(loyalty.point_wallet)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_send';

COMMENT ON FUNCTION loyalty.point_wallet_send(loyalty.point_wallet) IS
'binary output of point_wallet';

CREATE TYPE loyalty.point_wallet (
	INPUT = loyalty.point_wallet_in,
	OUTPUT = loyalty.point_wallet_out,
	RECEIVE = loyalty.point_wallet_recv,
	SEND = loyalty.point_wallet_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);

COMMENT ON TYPE loyalty.point_wallet IS
'lots in FIFO order, packed and canonical: {lot,lot,...}';

CREATE FUNCTION loyalty.point_wallet(lots loyalty.point_lot[])
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_from_array';

COMMENT ON FUNCTION loyalty.point_wallet(loyalty.point_lot[]) IS
'wallet of lots in any order; lots that differ only in points become one';

CREATE FUNCTION loyalty.point_lots(wallet loyalty.point_wallet)
RETURNS loyalty.point_lot[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_to_array';

COMMENT ON FUNCTION loyalty.point_lots(loyalty.point_wallet) IS
'lots of a wallet as an array, in FIFO order';

CREATE CAST (loyalty.point_lot[] AS loyalty.point_wallet)
WITH FUNCTION loyalty.point_wallet(loyalty.point_lot[]);

COMMENT ON CAST (loyalty.point_lot[] AS loyalty.point_wallet) IS
'wallet of lots in any order';

CREATE CAST (loyalty.point_wallet AS loyalty.point_lot[])
WITH FUNCTION loyalty.point_lots(loyalty.point_wallet);

COMMENT ON CAST (loyalty.point_wallet AS loyalty.point_lot[]) IS
'lots of a wallet, in FIFO order';

CREATE FUNCTION loyalty.point_wallet_eq(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_eq';

COMMENT ON FUNCTION loyalty.point_wallet_eq(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator =';

CREATE FUNCTION loyalty.point_wallet_ne(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_ne';

COMMENT ON FUNCTION loyalty.point_wallet_ne(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator <>';

CREATE FUNCTION loyalty.point_wallet_lt(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_lt';

COMMENT ON FUNCTION loyalty.point_wallet_lt(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator <';

CREATE FUNCTION loyalty.point_wallet_le(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_le';

COMMENT ON FUNCTION loyalty.point_wallet_le(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator <=';

CREATE FUNCTION loyalty.point_wallet_gt(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_gt';

COMMENT ON FUNCTION loyalty.point_wallet_gt(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator >';

CREATE FUNCTION loyalty.point_wallet_ge(loyalty.point_wallet, loyalty.point_wallet)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_ge';

COMMENT ON FUNCTION loyalty.point_wallet_ge(loyalty.point_wallet, loyalty.point_wallet) IS
'implements operator >=';

CREATE FUNCTION loyalty.point_wallet_cmp(loyalty.point_wallet, loyalty.point_wallet)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_cmp';

COMMENT ON FUNCTION loyalty.point_wallet_cmp(loyalty.point_wallet, loyalty.point_wallet) IS
'less than, equal to, greater than: -1, 0, 1 (btree support)';

CREATE FUNCTION loyalty.point_wallet_hash(loyalty.point_wallet)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_hash';

COMMENT ON FUNCTION loyalty.point_wallet_hash(loyalty.point_wallet) IS
'hash';

CREATE FUNCTION loyalty.point_wallet_hash_extended(loyalty.point_wallet, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_hash_extended';

COMMENT ON FUNCTION loyalty.point_wallet_hash_extended(loyalty.point_wallet, bigint) IS
'64-bit hash with a seed';

CREATE OPERATOR loyalty.= (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_eq,
	COMMUTATOR = OPERATOR(loyalty.=), NEGATOR = OPERATOR(loyalty.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR loyalty.= (loyalty.point_wallet, loyalty.point_wallet) IS
'equal';

CREATE OPERATOR loyalty.<> (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_ne,
	COMMUTATOR = OPERATOR(loyalty.<>), NEGATOR = OPERATOR(loyalty.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR loyalty.<> (loyalty.point_wallet, loyalty.point_wallet) IS
'not equal';

CREATE OPERATOR loyalty.< (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_lt,
	COMMUTATOR = OPERATOR(loyalty.>), NEGATOR = OPERATOR(loyalty.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR loyalty.< (loyalty.point_wallet, loyalty.point_wallet) IS
'less, lot by lot';

CREATE OPERATOR loyalty.<= (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_le,
	COMMUTATOR = OPERATOR(loyalty.>=), NEGATOR = OPERATOR(loyalty.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR loyalty.<= (loyalty.point_wallet, loyalty.point_wallet) IS
'less or equal, lot by lot';

CREATE OPERATOR loyalty.> (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_gt,
	COMMUTATOR = OPERATOR(loyalty.<), NEGATOR = OPERATOR(loyalty.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR loyalty.> (loyalty.point_wallet, loyalty.point_wallet) IS
'greater, lot by lot';

CREATE OPERATOR loyalty.>= (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_ge,
	COMMUTATOR = OPERATOR(loyalty.<=), NEGATOR = OPERATOR(loyalty.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR loyalty.>= (loyalty.point_wallet, loyalty.point_wallet) IS
'greater or equal, lot by lot';

CREATE OPERATOR FAMILY loyalty.point_wallet_ops USING btree;

COMMENT ON OPERATOR FAMILY loyalty.point_wallet_ops USING btree IS
'btree operators of point_wallet';

CREATE OPERATOR CLASS loyalty.point_wallet_ops
DEFAULT FOR TYPE loyalty.point_wallet USING btree FAMILY loyalty.point_wallet_ops AS
	OPERATOR 1 loyalty.<,
	OPERATOR 2 loyalty.<=,
	OPERATOR 3 loyalty.=,
	OPERATOR 4 loyalty.>=,
	OPERATOR 5 loyalty.>,
	FUNCTION 1 loyalty.point_wallet_cmp(loyalty.point_wallet, loyalty.point_wallet),
	FUNCTION 4 pg_catalog.btequalimage(oid);

COMMENT ON OPERATOR CLASS loyalty.point_wallet_ops USING btree IS
'btree operators of point_wallet, lot by lot';

CREATE OPERATOR FAMILY loyalty.point_wallet_ops USING hash;

COMMENT ON OPERATOR FAMILY loyalty.point_wallet_ops USING hash IS
'hash operators of point_wallet';

CREATE OPERATOR CLASS loyalty.point_wallet_ops
DEFAULT FOR TYPE loyalty.point_wallet USING hash FAMILY loyalty.point_wallet_ops AS
	OPERATOR 1 loyalty.=,
	FUNCTION 1 loyalty.point_wallet_hash(loyalty.point_wallet),
	FUNCTION 2 loyalty.point_wallet_hash_extended(loyalty.point_wallet, bigint);

COMMENT ON OPERATOR CLASS loyalty.point_wallet_ops USING hash IS
'hash operators of point_wallet';
