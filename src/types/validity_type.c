/*
 * validity_type.c
 *		The SQL type validity_policy: input and output, evaluation, order.
 *
 * Binary form: a version byte (1), then the canonical text.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "types/instant.h"
#include "types/type_error.h"
#include "types/validity.h"

#define POLICY_BINARY_VERSION 1

PG_FUNCTION_INFO_V1(loyalty_validity_policy_in);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_out);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_recv);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_send);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_valid_until);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_eq);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_ne);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_lt);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_le);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_gt);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_ge);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_cmp);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_hash);
PG_FUNCTION_INFO_V1(loyalty_validity_policy_hash_extended);

Datum
loyalty_validity_policy_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	ValidityPolicy *policy;
	CoreError	reason;

	if (!loyalty_validity_parse(text, &policy, &reason))
	{
		loyalty_type_refuse_text("validity_policy", text, &reason, fcinfo->context);
		PG_RETURN_NULL();
	}
	PG_RETURN_POINTER(policy);
}

Datum
loyalty_validity_policy_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(loyalty_validity_format(PG_GETARG_VALIDITY_POLICY(0)));
}

Datum
loyalty_validity_policy_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	ValidityPolicy *policy;
	CoreError	reason;
	int			version = pq_getmsgbyte(buf);
	char	   *text;
	int			length;

	if (version != POLICY_BINARY_VERSION)
	{
		loyalty_core_fail(&reason, CORE_BINARY,
						  "Version %d of the format is not known.", version);
		loyalty_type_refuse_bytes("validity_policy", &reason);
	}
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	if (!loyalty_validity_parse(text, &policy, &reason))
		loyalty_type_refuse_bytes("validity_policy", &reason);
	PG_RETURN_POINTER(policy);
}

Datum
loyalty_validity_policy_send(PG_FUNCTION_ARGS)
{
	char	   *text = loyalty_validity_format(PG_GETARG_VALIDITY_POLICY(0));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, POLICY_BINARY_VERSION);
	pq_sendtext(&buf, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

TimestampTz
loyalty_validity_until(const ValidityPolicy *policy, TimestampTz valid_from, pg_tz *tz)
{
	LocalClock	clock;
	TimestampTz valid_until;
	CoreError	reason;

	if (TIMESTAMP_NOT_FINITE(valid_from))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("valid_from must be finite")));
	if (!INSTANT_IS_VALID(valid_from))
	{
		loyalty_core_fail(&reason, CORE_DATETIME, "Instants lie in the years 0001 to 294276.");
		loyalty_type_refuse_arguments("valid_from out of range", &reason);
	}
	loyalty_clock_of_zone(&clock, tz);
	if (!loyalty_validity_evaluate(policy, valid_from, &clock, &valid_until, &reason))
		loyalty_type_refuse_arguments("valid_until out of range", &reason);
	return valid_until;
}

/* valid_until(policy, valid_from, time_zone) */
Datum
loyalty_validity_policy_valid_until(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = loyalty_time_zone_lookup(text_to_cstring(PG_GETARG_TEXT_PP(2)));

	PG_RETURN_TIMESTAMPTZ(loyalty_validity_until(PG_GETARG_VALIDITY_POLICY(0),
												 PG_GETARG_TIMESTAMPTZ(1), zone));
}

/* By their bytes, which are equal for equal policies; the order says no more. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	int			length_a = VARSIZE_ANY_EXHDR(a);
	int			length_b = VARSIZE_ANY_EXHDR(b);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(length_a, length_b));

	if (order == 0)
		order = length_a - length_b;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

Datum
loyalty_validity_policy_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
loyalty_validity_policy_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
loyalty_validity_policy_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
loyalty_validity_policy_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
loyalty_validity_policy_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
loyalty_validity_policy_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
loyalty_validity_policy_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

Datum
loyalty_validity_policy_hash(PG_FUNCTION_ARGS)
{
	struct varlena *policy = PG_GETARG_VARLENA_PP(0);
	Datum		hash = hash_any((unsigned char *) VARDATA_ANY(policy),
								VARSIZE_ANY_EXHDR(policy));

	PG_FREE_IF_COPY(policy, 0);
	return hash;
}

Datum
loyalty_validity_policy_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *policy = PG_GETARG_VARLENA_PP(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA_ANY(policy),
										 VARSIZE_ANY_EXHDR(policy),
										 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(policy, 0);
	return hash;
}
