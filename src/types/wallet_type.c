/*
 * wallet_type.c
 *		The SQL type point_wallet: input and output, casts, order, hash.
 *
 * Binary form: the packed bytes (wallet_pack.c), which begin with a version.
 * They are checked on the way in down to their canonical form.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "types/type_error.h"
#include "types/wallet.h"

PG_FUNCTION_INFO_V1(loyalty_point_wallet_in);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_out);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_recv);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_send);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_from_array);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_to_array);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_eq);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_ne);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_lt);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_le);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_gt);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_ge);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_cmp);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_hash);
PG_FUNCTION_INFO_V1(loyalty_point_wallet_hash_extended);

Datum
loyalty_point_wallet_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	LotList		list;
	CoreError	reason;

	if (!loyalty_wallet_parse(text, &list, &reason))
	{
		loyalty_type_refuse_text("point_wallet", text, &reason, fcinfo->context);
		PG_RETURN_NULL();
	}
	PG_RETURN_POINT_WALLET(loyalty_wallet_pack(&list));
}

Datum
loyalty_point_wallet_out(PG_FUNCTION_ARGS)
{
	StringInfoData text;
	LotList		list;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < list.count; i++)
	{
		if (i > 0)
			appendStringInfoChar(&text, ',');
		enlargeStringInfo(&text, POINT_LOT_TEXT_SIZE);
		text.len += loyalty_lot_format(&list.lots[i], text.data + text.len);
	}
	appendStringInfoChar(&text, '}');
	PG_RETURN_CSTRING(text.data);
}

Datum
loyalty_point_wallet_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			length = buf->len - buf->cursor;
	PointWallet *wallet = palloc(VARHDRSZ + length);
	CoreError	reason;

	SET_VARSIZE(wallet, VARHDRSZ + length);
	pq_copymsgbytes(buf, VARDATA(wallet), length);
	if (!loyalty_wallet_check(wallet, VARHDRSZ + length, &reason))
		loyalty_type_refuse_bytes("point_wallet", &reason);
	PG_RETURN_POINT_WALLET(wallet);
}

Datum
loyalty_point_wallet_send(PG_FUNCTION_ARGS)
{
	PointWallet *wallet = PG_GETARG_POINT_WALLET(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbytes(&buf, VARDATA_ANY(wallet), VARSIZE_ANY_EXHDR(wallet));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* point_lot[] → point_wallet: lots in any order, of one key or not. */
Datum
loyalty_point_wallet_from_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	LotList		list;
	CoreError	reason;

	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(PointLot), false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &count);
	loyalty_lots_init(&list);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a point_wallet cannot hold a null point_lot")));
		if (!loyalty_lots_append(&list, DatumGetPointLot(elements[i]), 1, &reason))
			loyalty_type_refuse_arguments("invalid point_wallet", &reason);
	}
	if (!loyalty_lots_canonicalize(&list, &reason))
		loyalty_type_refuse_arguments("invalid point_wallet", &reason);
	PG_RETURN_POINT_WALLET(loyalty_wallet_pack(&list));
}

Datum
loyalty_point_wallet_to_array(PG_FUNCTION_ARGS)
{
	Oid			lot_type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	LotList		list;
	Datum	   *elements;

	loyalty_wallet_unpack(PG_GETARG_POINT_WALLET(0), &list);
	elements = palloc(sizeof(Datum) * Max(list.count, 1));
	for (int i = 0; i < list.count; i++)
		elements[i] = PointLotGetDatum(&list.lots[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, list.count, lot_type,
										  sizeof(PointLot), false, TYPALIGN_DOUBLE));
}

/* Equal wallets are equal bytes, whatever their varlena headers. */
static bool
equal_arguments(FunctionCallInfo fcinfo)
{
	PointWallet *a = PG_GETARG_POINT_WALLET(0);
	PointWallet *b = PG_GETARG_POINT_WALLET(1);
	bool		equal;

	equal = VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

/* Lot by lot, and a wallet comes before its continuations. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	PointWallet *wallet_a;
	PointWallet *wallet_b;
	LotList		a;
	LotList		b;
	int			order = 0;

	if (equal_arguments(fcinfo))
		return 0;

	wallet_a = PG_GETARG_POINT_WALLET(0);
	wallet_b = PG_GETARG_POINT_WALLET(1);
	loyalty_wallet_unpack(wallet_a, &a);
	loyalty_wallet_unpack(wallet_b, &b);
	for (int i = 0; i < a.count && i < b.count && order == 0; i++)
		order = loyalty_lot_compare(&a.lots[i], &b.lots[i]);
	if (order == 0)
		order = a.count < b.count ? -1 : 1;

	/* Sorts and index builds call this without resetting memory between. */
	if (a.lots != NULL)
		pfree(a.lots);
	if (b.lots != NULL)
		pfree(b.lots);
	PG_FREE_IF_COPY(wallet_a, 0);
	PG_FREE_IF_COPY(wallet_b, 1);
	return order;
}

Datum
loyalty_point_wallet_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_arguments(fcinfo));
}

Datum
loyalty_point_wallet_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_arguments(fcinfo));
}

Datum
loyalty_point_wallet_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
loyalty_point_wallet_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
loyalty_point_wallet_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
loyalty_point_wallet_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
loyalty_point_wallet_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

Datum
loyalty_point_wallet_hash(PG_FUNCTION_ARGS)
{
	PointWallet *wallet = PG_GETARG_POINT_WALLET(0);
	Datum		hash = hash_any((unsigned char *) VARDATA_ANY(wallet),
								VARSIZE_ANY_EXHDR(wallet));

	PG_FREE_IF_COPY(wallet, 0);
	return hash;
}

Datum
loyalty_point_wallet_hash_extended(PG_FUNCTION_ARGS)
{
	PointWallet *wallet = PG_GETARG_POINT_WALLET(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA_ANY(wallet),
										 VARSIZE_ANY_EXHDR(wallet),
										 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(wallet, 0);
	return hash;
}
