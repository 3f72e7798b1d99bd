/*
 * lot_type.c
 *		The SQL type point_lot: input and output, accessors, order, hash.
 *
 * Binary form: a version byte (1), then points, valid_from, valid_until and
 * source as int8 in network order.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "types/lot.h"
#include "types/type_error.h"

#define LOT_BINARY_VERSION 1

PG_FUNCTION_INFO_V1(loyalty_point_lot_in);
PG_FUNCTION_INFO_V1(loyalty_point_lot_out);
PG_FUNCTION_INFO_V1(loyalty_point_lot_recv);
PG_FUNCTION_INFO_V1(loyalty_point_lot_send);
PG_FUNCTION_INFO_V1(loyalty_point_lot);
PG_FUNCTION_INFO_V1(loyalty_point_lot_points);
PG_FUNCTION_INFO_V1(loyalty_point_lot_valid_from);
PG_FUNCTION_INFO_V1(loyalty_point_lot_valid_until);
PG_FUNCTION_INFO_V1(loyalty_point_lot_source);
PG_FUNCTION_INFO_V1(loyalty_point_lot_validity);
PG_FUNCTION_INFO_V1(loyalty_point_lot_eq);
PG_FUNCTION_INFO_V1(loyalty_point_lot_ne);
PG_FUNCTION_INFO_V1(loyalty_point_lot_lt);
PG_FUNCTION_INFO_V1(loyalty_point_lot_le);
PG_FUNCTION_INFO_V1(loyalty_point_lot_gt);
PG_FUNCTION_INFO_V1(loyalty_point_lot_ge);
PG_FUNCTION_INFO_V1(loyalty_point_lot_cmp);
PG_FUNCTION_INFO_V1(loyalty_point_lot_hash);
PG_FUNCTION_INFO_V1(loyalty_point_lot_hash_extended);

Datum
loyalty_point_lot_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	const char *p = text;
	const char *end = text + strlen(text);
	PointLot   *lot = palloc(sizeof(PointLot));
	CoreError	reason;
	bool		ok = loyalty_lot_parse(&p, end, lot, &reason);

	if (ok && p != end)
		ok = loyalty_core_fail(&reason, CORE_SYNTAX, "Junk behind the lot.");
	if (!ok)
	{
		loyalty_type_refuse_text("point_lot", text, &reason, fcinfo->context);
		PG_RETURN_NULL();
	}
	PG_RETURN_POINT_LOT(lot);
}

Datum
loyalty_point_lot_out(PG_FUNCTION_ARGS)
{
	char	   *text = palloc(POINT_LOT_TEXT_SIZE);

	loyalty_lot_format(PG_GETARG_POINT_LOT(0), text);
	PG_RETURN_CSTRING(text);
}

Datum
loyalty_point_lot_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	PointLot   *lot = palloc(sizeof(PointLot));
	CoreError	reason;
	int			version = pq_getmsgbyte(buf);

	if (version != LOT_BINARY_VERSION)
	{
		loyalty_core_fail(&reason, CORE_BINARY,
						  "Version %d of the format is not known.", version);
		loyalty_type_refuse_bytes("point_lot", &reason);
	}
	lot->points = pq_getmsgint64(buf);
	lot->valid_from = pq_getmsgint64(buf);
	lot->valid_until = pq_getmsgint64(buf);
	lot->source = pq_getmsgint64(buf);
	if (!loyalty_lot_check(lot, &reason))
		loyalty_type_refuse_bytes("point_lot", &reason);
	PG_RETURN_POINT_LOT(lot);
}

Datum
loyalty_point_lot_send(PG_FUNCTION_ARGS)
{
	PointLot   *lot = PG_GETARG_POINT_LOT(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, LOT_BINARY_VERSION);
	pq_sendint64(&buf, lot->points);
	pq_sendint64(&buf, lot->valid_from);
	pq_sendint64(&buf, lot->valid_until);
	pq_sendint64(&buf, lot->source);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* point_lot(points, valid_from, valid_until, source) */
Datum
loyalty_point_lot(PG_FUNCTION_ARGS)
{
	PointLot   *lot = palloc(sizeof(PointLot));
	CoreError	reason;

	lot->points = PG_GETARG_INT64(0);
	lot->valid_from = PG_GETARG_TIMESTAMPTZ(1);
	lot->valid_until = PG_GETARG_TIMESTAMPTZ(2);
	lot->source = PG_GETARG_INT64(3);
	if (!loyalty_lot_check(lot, &reason))
		loyalty_type_refuse_arguments("invalid point_lot", &reason);
	PG_RETURN_POINT_LOT(lot);
}

Datum
loyalty_point_lot_points(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_POINT_LOT(0)->points);
}

Datum
loyalty_point_lot_valid_from(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PG_GETARG_POINT_LOT(0)->valid_from);
}

Datum
loyalty_point_lot_valid_until(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PG_GETARG_POINT_LOT(0)->valid_until);
}

Datum
loyalty_point_lot_source(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_POINT_LOT(0)->source);
}

/* [valid_from, valid_until), where a lot that never lapses ends at infinity. */
Datum
loyalty_point_lot_validity(PG_FUNCTION_ARGS)
{
	PointLot   *lot = PG_GETARG_POINT_LOT(0);
	TypeCacheEntry *typcache = range_get_typcache(fcinfo, TSTZRANGEOID);
	RangeBound	lower = {.inclusive = true,.lower = true};
	RangeBound	upper = {.inclusive = false};

	lower.val = TimestampTzGetDatum(lot->valid_from);
	upper.val = TimestampTzGetDatum(lot->valid_until);
	PG_RETURN_RANGE_P(loyalty_make_range(typcache, &lower, &upper));
}

static inline int
compare_arguments(FunctionCallInfo fcinfo)
{
	return loyalty_lot_compare(PG_GETARG_POINT_LOT(0), PG_GETARG_POINT_LOT(1));
}

Datum
loyalty_point_lot_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
loyalty_point_lot_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
loyalty_point_lot_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
loyalty_point_lot_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
loyalty_point_lot_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
loyalty_point_lot_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
loyalty_point_lot_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* Four int8 without padding: equal lots are equal bytes. */
Datum
loyalty_point_lot_hash(PG_FUNCTION_ARGS)
{
	return hash_any((unsigned char *) PG_GETARG_POINT_LOT(0), sizeof(PointLot));
}

Datum
loyalty_point_lot_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended((unsigned char *) PG_GETARG_POINT_LOT(0), sizeof(PointLot),
							 PG_GETARG_INT64(1));
}
