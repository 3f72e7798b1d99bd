/*
 * wallet_aggregate.c
 *		sum(point_wallet) and wallet_agg(point_lot).
 *
 * The state is one buffer of lots in the aggregate's context, to which lots
 * are appended as they come.  It is sorted when it is full, which also merges
 * equal lots, and once at the end; so the cost is that of a sort, and memory
 * is that of the result, not of the input.
 */
#include "postgres.h"

#include "libpq/pqformat.h"

#include "types/type_error.h"
#include "types/wallet.h"

PG_FUNCTION_INFO_V1(loyalty_wallet_sum_transition);
PG_FUNCTION_INFO_V1(loyalty_wallet_agg_transition);
PG_FUNCTION_INFO_V1(loyalty_wallet_agg_combine);
PG_FUNCTION_INFO_V1(loyalty_wallet_agg_serialize);
PG_FUNCTION_INFO_V1(loyalty_wallet_agg_deserialize);
PG_FUNCTION_INFO_V1(loyalty_wallet_agg_final);

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

static LotList *
make_buffer(MemoryContext context)
{
	LotList    *buffer = MemoryContextAlloc(context, sizeof(LotList));

	loyalty_lots_init(buffer);
	return buffer;
}

static void
append(LotList *buffer, MemoryContext context, const PointLot *lots, int count)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CoreError	reason;

	if (!loyalty_lots_append(buffer, lots, count, &reason))
		loyalty_type_refuse_arguments("point_wallet out of range", &reason);
	MemoryContextSwitchTo(old);
}

/* The state so far, made at the first value; NULL before it. */
static LotList *
getarg_buffer(FunctionCallInfo fcinfo, MemoryContext context)
{
	if (!PG_ARGISNULL(0))
		return (LotList *) PG_GETARG_POINTER(0);
	return PG_ARGISNULL(1) ? NULL : make_buffer(context);
}

Datum
loyalty_wallet_sum_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	LotList    *buffer = getarg_buffer(fcinfo, context);

	if (!PG_ARGISNULL(1))
	{
		LotList		list;

		loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(1), &list);
		append(buffer, context, list.lots, list.count);
		if (list.lots != NULL)
			pfree(list.lots);
	}
	if (buffer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(buffer);
}

Datum
loyalty_wallet_agg_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	LotList    *buffer = getarg_buffer(fcinfo, context);

	if (!PG_ARGISNULL(1))
		append(buffer, context, PG_GETARG_POINT_LOT(1), 1);
	if (buffer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(buffer);
}

Datum
loyalty_wallet_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	LotList    *buffer = getarg_buffer(fcinfo, context);

	if (!PG_ARGISNULL(1))
	{
		const LotList *other = (LotList *) PG_GETARG_POINTER(1);

		append(buffer, context, other->lots, other->count);
	}
	if (buffer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(buffer);
}

/* The buffer as a wallet; it stays usable, now sorted. */
static PointWallet *
pack_buffer(LotList *buffer)
{
	CoreError	reason;

	if (!loyalty_lots_canonicalize(buffer, &reason))
		loyalty_type_refuse_arguments("point_wallet out of range", &reason);
	return loyalty_wallet_pack(buffer);
}

Datum
loyalty_wallet_agg_serialize(PG_FUNCTION_ARGS)
{
	PointWallet *wallet;
	StringInfoData buf;

	aggregate_context(fcinfo);
	wallet = pack_buffer((LotList *) PG_GETARG_POINTER(0));
	pq_begintypsend(&buf);
	pq_sendbytes(&buf, VARDATA_ANY(wallet), VARSIZE_ANY_EXHDR(wallet));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * A bytea with a wallet's bytes is a wallet: both are plain varlenas.  The
 * state lives until it is combined, so it belongs to the caller's context.
 */
Datum
loyalty_wallet_agg_deserialize(PG_FUNCTION_ARGS)
{
	LotList    *buffer = make_buffer(CurrentMemoryContext);

	aggregate_context(fcinfo);
	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), buffer);
	PG_RETURN_POINTER(buffer);
}

Datum
loyalty_wallet_agg_final(PG_FUNCTION_ARGS)
{
	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINT_WALLET(pack_buffer((LotList *) PG_GETARG_POINTER(0)));
}
