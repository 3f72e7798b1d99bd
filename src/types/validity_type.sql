-- validity_policy: how long points live.

CREATE TYPE loyalty.validity_policy;

CREATE FUNCTION loyalty.validity_policy_in(cstring)
RETURNS loyalty.validity_policy
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_in';

COMMENT ON FUNCTION loyalty.validity_policy_in(cstring) IS
'text input of validity_policy';

CREATE FUNCTION loyalty.validity_policy_out(loyalty.validity_policy)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_out';

COMMENT ON FUNCTION loyalty.validity_policy_out(loyalty.validity_policy) IS
'text output of validity_policy';

CREATE FUNCTION loyalty.validity_policy_recv(internal)
RETURNS loyalty.validity_policy
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_recv';

COMMENT ON FUNCTION loyalty.validity_policy_recv(internal) IS
'binary input of validity_policy';

CREATE FUNCTION loyalty.validity_policy_send(loyalty.validity_policy)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_send';

COMMENT ON FUNCTION loyalty.validity_policy_send(loyalty.validity_policy) IS
'binary output of validity_policy';

CREATE TYPE loyalty.validity_policy (
	INPUT = loyalty.validity_policy_in,
	OUTPUT = loyalty.validity_policy_out,
	RECEIVE = loyalty.validity_policy_recv,
	SEND = loyalty.validity_policy_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);

COMMENT ON TYPE loyalty.validity_policy IS
'how long points live: never, 365 days, 12 months end of month, end of year, end of next year, on 06-30,12-31, earliest of (1 year, end of next year)';

CREATE FUNCTION loyalty.valid_until(policy loyalty.validity_policy, valid_from timestamptz, time_zone text)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_valid_until';

COMMENT ON FUNCTION loyalty.valid_until(loyalty.validity_policy, timestamptz, text) IS
'instant at which points valid from valid_from lapse under a policy in a time zone; infinity = never';

CREATE FUNCTION loyalty.validity_policy_eq(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_eq';

COMMENT ON FUNCTION loyalty.validity_policy_eq(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator =';

CREATE FUNCTION loyalty.validity_policy_ne(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_ne';

COMMENT ON FUNCTION loyalty.validity_policy_ne(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator <>';

CREATE FUNCTION loyalty.validity_policy_lt(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_lt';

COMMENT ON FUNCTION loyalty.validity_policy_lt(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator <';

CREATE FUNCTION loyalty.validity_policy_le(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_le';

COMMENT ON FUNCTION loyalty.validity_policy_le(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator <=';

CREATE FUNCTION loyalty.validity_policy_gt(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_gt';

COMMENT ON FUNCTION loyalty.validity_policy_gt(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator >';

CREATE FUNCTION loyalty.validity_policy_ge(loyalty.validity_policy, loyalty.validity_policy)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_ge';

COMMENT ON FUNCTION loyalty.validity_policy_ge(loyalty.validity_policy, loyalty.validity_policy) IS
'implements operator >=';

CREATE FUNCTION loyalty.validity_policy_cmp(loyalty.validity_policy, loyalty.validity_policy)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_cmp';

COMMENT ON FUNCTION loyalty.validity_policy_cmp(loyalty.validity_policy, loyalty.validity_policy) IS
'less than, equal to, greater than: -1, 0, 1 (btree support)';

CREATE FUNCTION loyalty.validity_policy_hash(loyalty.validity_policy)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_hash';

COMMENT ON FUNCTION loyalty.validity_policy_hash(loyalty.validity_policy) IS
'hash';

CREATE FUNCTION loyalty.validity_policy_hash_extended(loyalty.validity_policy, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_validity_policy_hash_extended';

COMMENT ON FUNCTION loyalty.validity_policy_hash_extended(loyalty.validity_policy, bigint) IS
'64-bit hash with a seed';

CREATE OPERATOR loyalty.= (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_eq,
	COMMUTATOR = OPERATOR(loyalty.=), NEGATOR = OPERATOR(loyalty.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR loyalty.= (loyalty.validity_policy, loyalty.validity_policy) IS
'equal';

CREATE OPERATOR loyalty.<> (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_ne,
	COMMUTATOR = OPERATOR(loyalty.<>), NEGATOR = OPERATOR(loyalty.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR loyalty.<> (loyalty.validity_policy, loyalty.validity_policy) IS
'not equal';

CREATE OPERATOR loyalty.< (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_lt,
	COMMUTATOR = OPERATOR(loyalty.>), NEGATOR = OPERATOR(loyalty.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

COMMENT ON OPERATOR loyalty.< (loyalty.validity_policy, loyalty.validity_policy) IS
'less, in an order without further meaning';

CREATE OPERATOR loyalty.<= (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_le,
	COMMUTATOR = OPERATOR(loyalty.>=), NEGATOR = OPERATOR(loyalty.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

COMMENT ON OPERATOR loyalty.<= (loyalty.validity_policy, loyalty.validity_policy) IS
'less or equal, in an order without further meaning';

CREATE OPERATOR loyalty.> (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_gt,
	COMMUTATOR = OPERATOR(loyalty.<), NEGATOR = OPERATOR(loyalty.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR loyalty.> (loyalty.validity_policy, loyalty.validity_policy) IS
'greater, in an order without further meaning';

CREATE OPERATOR loyalty.>= (
	LEFTARG = loyalty.validity_policy, RIGHTARG = loyalty.validity_policy,
	FUNCTION = loyalty.validity_policy_ge,
	COMMUTATOR = OPERATOR(loyalty.<=), NEGATOR = OPERATOR(loyalty.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON OPERATOR loyalty.>= (loyalty.validity_policy, loyalty.validity_policy) IS
'greater or equal, in an order without further meaning';

CREATE OPERATOR FAMILY loyalty.validity_policy_ops USING btree;

COMMENT ON OPERATOR FAMILY loyalty.validity_policy_ops USING btree IS
'btree operators of validity_policy';

CREATE OPERATOR CLASS loyalty.validity_policy_ops
DEFAULT FOR TYPE loyalty.validity_policy USING btree FAMILY loyalty.validity_policy_ops AS
	OPERATOR 1 loyalty.<,
	OPERATOR 2 loyalty.<=,
	OPERATOR 3 loyalty.=,
	OPERATOR 4 loyalty.>=,
	OPERATOR 5 loyalty.>,
	FUNCTION 1 loyalty.validity_policy_cmp(loyalty.validity_policy, loyalty.validity_policy),
	FUNCTION 4 pg_catalog.btequalimage(oid);

COMMENT ON OPERATOR CLASS loyalty.validity_policy_ops USING btree IS
'btree operators of validity_policy, in an order without further meaning';

CREATE OPERATOR FAMILY loyalty.validity_policy_ops USING hash;

COMMENT ON OPERATOR FAMILY loyalty.validity_policy_ops USING hash IS
'hash operators of validity_policy';

CREATE OPERATOR CLASS loyalty.validity_policy_ops
DEFAULT FOR TYPE loyalty.validity_policy USING hash FAMILY loyalty.validity_policy_ops AS
	OPERATOR 1 loyalty.=,
	FUNCTION 1 loyalty.validity_policy_hash(loyalty.validity_policy),
	FUNCTION 2 loyalty.validity_policy_hash_extended(loyalty.validity_policy, bigint);

COMMENT ON OPERATOR CLASS loyalty.validity_policy_ops USING hash IS
'hash operators of validity_policy';
