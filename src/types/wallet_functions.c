/*
 * wallet_functions.c
 *		What SQL does with wallets: totals at an instant, sums, differences,
 *		spending, splitting.
 *
 * Every operation keeps the law of wallet.c: what goes in comes out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "types/calendar.h"
#include "types/type_error.h"
#include "types/wallet.h"

PG_FUNCTION_INFO_V1(loyalty_point_wallet_points);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_spendable);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_pending);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_lapsed);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_lots);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_lot_count);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_next_lapse);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_add_lot);
PG_FUNCTION_INFO_V1(loyalty_point_lot_add_wallet);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_add);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_subtract);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_take);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_split_lapsed);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_coarsen);

/* The argument `at`: the clock has no infinite hour. */
static TimestampTz
getarg_at(FunctionCallInfo fcinfo, int n)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(n);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must be finite")));
	return at;
}

/* Two wallets as the row that the function's OUT parameters describe. */
static Datum
make_pair(FunctionCallInfo fcinfo, const LotList *first, const LotList *second)
{
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = PointWalletGetDatum(loyalty_wallet_pack(first));
	values[1] = PointWalletGetDatum(loyalty_wallet_pack(second));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
loyalty_point_wallet_points(PG_FUNCTION_ARGS)
{
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	PG_RETURN_INT64(loyalty_lots_points(&list));
}

Datum
loyalty_point_wallet_spendable(PG_FUNCTION_ARGS)
{
	TimestampTz at = getarg_at(fcinfo, 1);
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	PG_RETURN_INT64(loyalty_lots_spendable(&list, at));
}

Datum
loyalty_point_wallet_pending(PG_FUNCTION_ARGS)
{
	TimestampTz at = getarg_at(fcinfo, 1);
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	PG_RETURN_INT64(loyalty_lots_pending(&list, at));
}

Datum
loyalty_point_wallet_lapsed(PG_FUNCTION_ARGS)
{
	TimestampTz at = getarg_at(fcinfo, 1);
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	PG_RETURN_INT64(loyalty_lots_lapsed(&list, at));
}

Datum
loyalty_point_wallet_lots(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	LotList    *list;
	PointLot   *lot;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		list = palloc(sizeof(LotList));
		loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), list);
		call->user_fctx = list;
		MemoryContextSwitchTo(old);
	}

	call = SRF_PERCALL_SETUP();
	list = (LotList *) call->user_fctx;
	if (call->call_cntr >= list->count)
		SRF_RETURN_DONE(call);
	lot = palloc(sizeof(PointLot));
	*lot = list->lots[call->call_cntr];
	SRF_RETURN_NEXT(call, PointLotGetDatum(lot));
}

Datum
loyalty_point_wallet_lot_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(loyalty_wallet_count(PG_GETARG_POINT_WALLET(0)));
}

/* NULL where no lot will lapse. */
Datum
loyalty_point_wallet_next_lapse(PG_FUNCTION_ARGS)
{
	TimestampTz at = getarg_at(fcinfo, 1);
	TimestampTz next;
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	next = loyalty_lots_next_lapse(&list, at, NULL);
	if (next == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}

static Datum
add_lot(PointWallet *wallet, const PointLot *lot)
{
	LotList		list;
	CoreError	reason;

	loyalty_wallet_unpack(wallet, &list);
	if (!loyalty_lots_add(&list, lot, &reason))
		loyalty_type_refuse_arguments("point_wallet out of range", &reason);
	return PointWalletGetDatum(loyalty_wallet_pack(&list));
}

Datum
loyalty_point_wallet_add_lot(PG_FUNCTION_ARGS)
{
	return add_lot(PG_GETARG_POINT_WALLET(0), PG_GETARG_POINT_LOT(1));
}

Datum
loyalty_point_lot_add_wallet(PG_FUNCTION_ARGS)
{
	return add_lot(PG_GETARG_POINT_WALLET(1), PG_GETARG_POINT_LOT(0));
}

Datum
loyalty_point_wallet_add(PG_FUNCTION_ARGS)
{
	LotList		sum;
	LotList		other;
	CoreError	reason;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &sum);
	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(1), &other);
	if (!loyalty_lots_merge(&sum, &other, &reason))
		loyalty_type_refuse_arguments("point_wallet out of range", &reason);
	PG_RETURN_POINT_WALLET(loyalty_wallet_pack(&sum));
}

Datum
loyalty_point_wallet_subtract(PG_FUNCTION_ARGS)
{
	LotList		rest;
	LotList		removed;
	CoreError	reason;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &rest);
	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(1), &removed);
	if (!loyalty_lots_subtract(&rest, &removed, &reason))
		loyalty_type_refuse_arguments("point_wallet does not hold what is subtracted",
									  &reason);
	PG_RETURN_POINT_WALLET(loyalty_wallet_pack(&rest));
}

static SpendOrder
spend_order_of(const text *name)
{
	const char *s = text_to_cstring(name);

	if (strcmp(s, "fifo") == 0)
		return SPEND_FIFO;
	if (strcmp(s, "expiring") == 0)
		return SPEND_EXPIRING;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown spend order: \"%s\"", s),
			 errhint("Spend orders are \"fifo\" and \"expiring\".")));
}

/* take(wallet, points, at, spend_order) → (taken, rest) */
Datum
loyalty_point_wallet_take(PG_FUNCTION_ARGS)
{
	int64		points = PG_GETARG_INT64(1);
	TimestampTz at = getarg_at(fcinfo, 2);
	SpendOrder	order = spend_order_of(PG_GETARG_TEXT_PP(3));
	LotList		rest;
	LotList		taken;
	int64		moved;

	if (points <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points to take must be greater than 0, not %lld",
						(long long) points)));

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &rest);
	loyalty_lots_init(&taken);
	moved = loyalty_lots_take(&rest, points, at, order, &taken);
	if (moved < points)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_INSUFFICIENT_POINTS),
				 errmsg("insufficient points"),
				 errdetail("%lld points were asked for, %lld are spendable.",
						   (long long) points, (long long) moved)));
	return make_pair(fcinfo, &taken, &rest);
}

/* split_lapsed(wallet, at) → (lapsed, rest) */
Datum
loyalty_point_wallet_split_lapsed(PG_FUNCTION_ARGS)
{
	TimestampTz at = getarg_at(fcinfo, 1);
	LotList		rest;
	LotList		lapsed;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &rest);
	loyalty_lots_init(&lapsed);
	loyalty_lots_split_lapsed(&rest, at, &lapsed);
	return make_pair(fcinfo, &lapsed, &rest);
}

/*
 * coarsen(wallet, unit, time_zone): valid_from goes back to the start of its
 * local period, valid_until on to the end of its own (one that is such an end
 * stays; never stays never), the source goes; what is then equal is one lot.
 */
Datum
loyalty_point_wallet_coarsen(PG_FUNCTION_ARGS)
{
	char	   *unit_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	LocalClock	clock;
	CalendarUnit unit;
	LotList		list;
	CoreError	reason;

	if (strcmp(unit_name, "day") == 0)
		unit = CALENDAR_DAY;
	else if (strcmp(unit_name, "week") == 0)
		unit = CALENDAR_WEEK;
	else if (strcmp(unit_name, "month") == 0)
		unit = CALENDAR_MONTH;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit: \"%s\"", unit_name),
				 errhint("Units are \"day\", \"week\" and \"month\".")));
	loyalty_clock_of_zone(&clock, loyalty_time_zone_lookup(text_to_cstring(PG_GETARG_TEXT_PP(2))));

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	for (int i = 0; i < list.count; i++)
	{
		PointLot   *lot = &list.lots[i];

		if (!loyalty_clock_round_down(&clock, unit, lot->valid_from,
									  &lot->valid_from, &reason) ||
			(lot->valid_until != DT_NOEND &&
			 !loyalty_clock_round_up(&clock, unit,
									 clock.to_local(clock.zone, lot->valid_until),
									 &lot->valid_until, &reason)))
			loyalty_type_refuse_arguments("coarsened point_wallet out of range", &reason);
		lot->source = 0;
	}
	if (!loyalty_lots_canonicalize(&list, &reason))
		elog(ERROR, "coarsening changed the points of a wallet");
	PG_RETURN_POINT_WALLET(loyalty_wallet_pack(&list));
}
