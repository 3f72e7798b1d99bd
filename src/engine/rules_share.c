/*
 * rules_share.c
 *		From exact numbers to whole points.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "engine/rules_work.h"

/* A part of a sum, on its way to a whole share. */
typedef struct Remainder
{
	Numeric		rest;			/* in (0, 1); NULL = 0 */
	int			part;
} Remainder;

Numeric
loyalty_number_add(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add,
											   NumericGetDatum(a), NumericGetDatum(b)));
}

Numeric
loyalty_number_multiply(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul,
											   NumericGetDatum(a), NumericGetDatum(b)));
}

Numeric
loyalty_number_subtract(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub,
											   NumericGetDatum(a), NumericGetDatum(b)));
}

int
loyalty_number_compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(a), NumericGetDatum(b)));
}

bool
loyalty_same_number(Numeric a, Numeric b)
{
	return a == b || (a != NULL && b != NULL && loyalty_number_compare(a, b) == 0);
}

bool
loyalty_number_positive(Numeric number)
{
	return loyalty_number_compare(number, int64_to_numeric(0)) > 0;
}

/* A number, rounded, as int64 that can be negated; false if it does not fit. */
static bool
whole_number(Numeric number, int64 *whole)
{
	static Numeric lowest = NULL;
	static Numeric highest = NULL;

	if (highest == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(CacheMemoryContext);

		lowest = int64_to_numeric(-PG_INT64_MAX);
		highest = int64_to_numeric(PG_INT64_MAX);
		MemoryContextSwitchTo(caller);
	}
	if (loyalty_number_compare(number, lowest) < 0 || loyalty_number_compare(number, highest) > 0)
		return false;
	*whole = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(number)));
	return true;
}

bool
loyalty_number_round(Numeric number, Rounding rounding, int64 *whole)
{
	Datum		value = NumericGetDatum(number);

	/* A return that names no order takes no more than it says. */
	if (loyalty_number_compare(number, int64_to_numeric(0)) < 0)
		rounding = ROUND_DOWN;

	switch (rounding)
	{
		case ROUND_DOWN:
			value = DirectFunctionCall2(numeric_trunc, value, Int32GetDatum(0));
			break;
		case ROUND_NEAREST:
			value = DirectFunctionCall2(numeric_round, value, Int32GetDatum(0));
			break;
		case ROUND_UP:
			value = DirectFunctionCall1(numeric_ceil, value);
			break;
	}
	return whole_number(DatumGetNumeric(value), whole);
}

/*
 * The whole number below a number and what is left of it; most are whole, for
 * which this does least.  False if it leaves bigint.
 */
static bool
split_whole(Numeric number, int64 *below, Numeric *rest)
{
	Numeric		nearest;
	int			side;

	if (!whole_number(number, below))
		return false;
	nearest = int64_to_numeric(*below);
	side = loyalty_number_compare(number, nearest);
	if (side < 0)
		nearest = int64_to_numeric(--*below);
	*rest = side == 0 ? NULL : loyalty_number_subtract(number, nearest);
	return true;
}

static int
compare_rests(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return loyalty_number_compare(a, b);
}

/* The largest remainder first; equal ones in the order of the parts. */
static int
compare_remainders(const void *a, const void *b)
{
	const Remainder *x = a;
	const Remainder *y = b;
	int			order = compare_rests(y->rest, x->rest);

	return order != 0 ? order : (x->part > y->part) - (x->part < y->part);
}

/*
 * Gives every part the whole number below it and one more to those with the
 * largest remainders until the shares are `total`, which must lie between the
 * sums of what is below and above the parts.  False if a share leaves bigint.
 */
static bool
share_total(const Numeric *parts, int count, int64 total, int64 *shares)
{
	Remainder  *remainders = palloc(sizeof(Remainder) * count);
	int64		missing = total;

	for (int i = 0; i < count; i++)
	{
		remainders[i].part = i;
		if (!split_whole(parts[i], &shares[i], &remainders[i].rest) ||
			pg_sub_s64_overflow(missing, shares[i], &missing))
			return false;
	}
	if (missing > 0)
		qsort(remainders, count, sizeof(Remainder), compare_remainders);
	for (int64 i = 0; i < missing; i++)
		shares[remainders[i].part]++;
	pfree(remainders);
	return true;
}

/* The whole shares of parts whose sum was rounded to `total`. */
void
loyalty_parts_share(const Numeric *parts, int count, int64 total, int64 *shares)
{
	if (count == 1)
		shares[0] = total;
	else if (!share_total(parts, count, total, shares))
		elog(ERROR, "parts of " INT64_FORMAT " points leave bigint", total);
}

bool
loyalty_parts_round(const Numeric *parts, int count, Rounding rounding,
					int64 *shares, int64 *total)
{
	Numeric		sum;

	*total = 0;
	if (count == 0)
		return true;
	if (count == 1)
	{
		if (!loyalty_number_round(parts[0], rounding, total))
			return false;
		shares[0] = *total;
		return true;
	}

	sum = parts[0];
	for (int i = 1; i < count; i++)
		sum = loyalty_number_add(sum, parts[i]);

	/*
	 * What lacks to the total once every part has the whole number below it is
	 * at least 0 and at most the number of parts that have a remainder,
	 * whatever the signs and the rounding.
	 */
	return loyalty_number_round(sum, rounding, total) &&
		share_total(parts, count, *total, shares);
}
