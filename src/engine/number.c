/*
 * number.c
 *		Exact numbers: numeric's operators as calls.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "engine/number.h"

/* Small whole numbers, made once: rules and breakdowns are full of them. */
#define KNOWN_NUMBERS 1024

Numeric
loyalty_number_of(int64 whole)
{
	static Numeric known[KNOWN_NUMBERS];
	MemoryContext caller;

	if (whole < 0 || whole >= KNOWN_NUMBERS)
		return int64_to_numeric(whole);
	if (known[whole] == NULL)
	{
		caller = MemoryContextSwitchTo(CacheMemoryContext);
		known[whole] = int64_to_numeric(whole);
		MemoryContextSwitchTo(caller);
	}
	return known[whole];
}

Numeric
loyalty_number_add(Numeric a, Numeric b)
{
	Numeric		zero = loyalty_number_of(0);

	if (a == zero || b == zero)
		return a == zero ? b : a;
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
	if (a == b)
		return 0;
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
	return loyalty_number_compare(number, loyalty_number_of(0)) > 0;
}

bool
loyalty_number_whole(Numeric number, int64 *whole)
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
	if (loyalty_number_compare(number, loyalty_number_of(0)) < 0)
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
	return loyalty_number_whole(DatumGetNumeric(value), whole);
}
