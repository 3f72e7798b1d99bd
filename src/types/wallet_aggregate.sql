-- Aggregates over wallets and lots.

CREATE FUNCTION loyalty.wallet_sum_transition(internal, loyalty.point_wallet)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_sum_transition';

COMMENT ON FUNCTION loyalty.wallet_sum_transition(internal, loyalty.point_wallet) IS
'transition of sum(point_wallet)';

CREATE FUNCTION loyalty.wallet_agg_transition(internal, loyalty.point_lot)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_agg_transition';

COMMENT ON FUNCTION loyalty.wallet_agg_transition(internal, loyalty.point_lot) IS
'transition of wallet_agg(point_lot)';

CREATE FUNCTION loyalty.wallet_agg_combine(internal, internal)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_agg_combine';

COMMENT ON FUNCTION loyalty.wallet_agg_combine(internal, internal) IS
'combines the states of two workers';

CREATE FUNCTION loyalty.wallet_agg_serialize(internal)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_agg_serialize';

COMMENT ON FUNCTION loyalty.wallet_agg_serialize(internal) IS
'state of a worker as bytes';

CREATE FUNCTION loyalty.wallet_agg_deserialize(bytea, internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_agg_deserialize';

COMMENT ON FUNCTION loyalty.wallet_agg_deserialize(bytea, internal) IS
'state of a worker from its bytes';

CREATE FUNCTION loyalty.wallet_agg_final(internal)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_wallet_agg_final';

COMMENT ON FUNCTION loyalty.wallet_agg_final(internal) IS
'wallet of all lots of a state';

CREATE AGGREGATE loyalty.sum(loyalty.point_wallet) (
	SFUNC = loyalty.wallet_sum_transition,
	STYPE = internal,
	COMBINEFUNC = loyalty.wallet_agg_combine,
	SERIALFUNC = loyalty.wallet_agg_serialize,
	DESERIALFUNC = loyalty.wallet_agg_deserialize,
	FINALFUNC = loyalty.wallet_agg_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE loyalty.sum(loyalty.point_wallet) IS
'all wallets as one; nulls are skipped, NULL if there is none';

CREATE AGGREGATE loyalty.wallet_agg(loyalty.point_lot) (
	SFUNC = loyalty.wallet_agg_transition,
	STYPE = internal,
	COMBINEFUNC = loyalty.wallet_agg_combine,
	SERIALFUNC = loyalty.wallet_agg_serialize,
	DESERIALFUNC = loyalty.wallet_agg_deserialize,
	FINALFUNC = loyalty.wallet_agg_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE loyalty.wallet_agg(loyalty.point_lot) IS
'wallet of all lots; nulls are skipped, NULL if there is none';
