-- What SQL does with wallets.

CREATE FUNCTION loyalty.points(wallet loyalty.point_wallet)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_points';

COMMENT ON FUNCTION loyalty.points(loyalty.point_wallet) IS
'points of all lots of a wallet';

CREATE FUNCTION loyalty.spendable(wallet loyalty.point_wallet, at timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_spendable';

COMMENT ON FUNCTION loyalty.spendable(loyalty.point_wallet, timestamptz) IS
'points that can be spent at an instant';

CREATE FUNCTION loyalty.pending(wallet loyalty.point_wallet, at timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_pending';

COMMENT ON FUNCTION loyalty.pending(loyalty.point_wallet, timestamptz) IS
'points that can be spent only after an instant';

CREATE FUNCTION loyalty.lapsed(wallet loyalty.point_wallet, at timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_lapsed';

COMMENT ON FUNCTION loyalty.lapsed(loyalty.point_wallet, timestamptz) IS
'points that have lapsed at an instant';

CREATE FUNCTION loyalty.lots(wallet loyalty.point_wallet)
RETURNS SETOF loyalty.point_lot
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_lots';

COMMENT ON FUNCTION loyalty.lots(loyalty.point_wallet) IS
'lots of a wallet, in FIFO order';

CREATE FUNCTION loyalty.lot_count(wallet loyalty.point_wallet)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_lot_count';

COMMENT ON FUNCTION loyalty.lot_count(loyalty.point_wallet) IS
'number of lots of a wallet';

CREATE FUNCTION loyalty.next_lapse(wallet loyalty.point_wallet, at timestamptz)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_next_lapse';

COMMENT ON FUNCTION loyalty.next_lapse(loyalty.point_wallet, timestamptz) IS
'instant at which the next lot lapses that has not lapsed at an instant; NULL if none will';

CREATE FUNCTION loyalty.point_wallet_add_lot(loyalty.point_wallet, loyalty.point_lot)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_add_lot';

COMMENT ON FUNCTION loyalty.point_wallet_add_lot(loyalty.point_wallet, loyalty.point_lot) IS
'wallet with one more lot';

CREATE OPERATOR loyalty.+ (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_lot,
	FUNCTION = loyalty.point_wallet_add_lot,
	COMMUTATOR = OPERATOR(loyalty.+)
);

COMMENT ON OPERATOR loyalty.+ (loyalty.point_wallet, loyalty.point_lot) IS
'wallet with one more lot';

CREATE FUNCTION loyalty.point_lot_add_wallet(loyalty.point_lot, loyalty.point_wallet)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_lot_add_wallet';

COMMENT ON FUNCTION loyalty.point_lot_add_wallet(loyalty.point_lot, loyalty.point_wallet) IS
'wallet with one more lot';

CREATE OPERATOR loyalty.+ (
	LEFTARG = loyalty.point_lot, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_lot_add_wallet,
	COMMUTATOR = OPERATOR(loyalty.+)
);

COMMENT ON OPERATOR loyalty.+ (loyalty.point_lot, loyalty.point_wallet) IS
'wallet with one more lot';

CREATE FUNCTION loyalty.point_wallet_add(loyalty.point_wallet, loyalty.point_wallet)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_add';

COMMENT ON FUNCTION loyalty.point_wallet_add(loyalty.point_wallet, loyalty.point_wallet) IS
'both wallets as one';

CREATE OPERATOR loyalty.+ (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_add,
	COMMUTATOR = OPERATOR(loyalty.+)
);

COMMENT ON OPERATOR loyalty.+ (loyalty.point_wallet, loyalty.point_wallet) IS
'both wallets as one';

CREATE FUNCTION loyalty.point_wallet_subtract(loyalty.point_wallet, loyalty.point_wallet)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_subtract';

COMMENT ON FUNCTION loyalty.point_wallet_subtract(loyalty.point_wallet, loyalty.point_wallet) IS
'wallet without these lots, all of which it must hold';

CREATE OPERATOR loyalty.- (
	LEFTARG = loyalty.point_wallet, RIGHTARG = loyalty.point_wallet,
	FUNCTION = loyalty.point_wallet_subtract
);

COMMENT ON OPERATOR loyalty.- (loyalty.point_wallet, loyalty.point_wallet) IS
'wallet without these lots, all of which it must hold';

CREATE FUNCTION loyalty.take(
	wallet loyalty.point_wallet,
	points bigint,
	at timestamptz,
	spend_order text DEFAULT 'fifo',
	OUT taken loyalty.point_wallet,
	OUT rest loyalty.point_wallet
)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_take';

COMMENT ON FUNCTION loyalty.take(loyalty.point_wallet, bigint, timestamptz, text) IS
'so many points that can be spent at an instant, and what is left; spend_order fifo or expiring (soonest end first); LY001 if there are not enough';

CREATE FUNCTION loyalty.split_lapsed(
	wallet loyalty.point_wallet,
	at timestamptz,
	OUT lapsed loyalty.point_wallet,
	OUT rest loyalty.point_wallet
)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_split_lapsed';

COMMENT ON FUNCTION loyalty.split_lapsed(loyalty.point_wallet, timestamptz) IS
'the lots that have lapsed at an instant, and the others';

CREATE FUNCTION loyalty.coarsen(wallet loyalty.point_wallet, unit text, time_zone text)
RETURNS loyalty.point_wallet
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loyalty_point_wallet_coarsen';

COMMENT ON FUNCTION loyalty.coarsen(loyalty.point_wallet, text, text) IS
'lots of one local day, week or month as one: valid_from back to the start of its period, valid_until on to the end of its own, source dropped';
