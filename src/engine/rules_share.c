/*
 * rules_share.c
 *		From exact numbers to whole points.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/fmgrprotos.h"

#include "engine/rules_work.h"

/* A part of a sum, on its way to a whole share. */
typedef struct Remainder
{
	Numeric		rest;			/* in (0, 1); NULL = 0 */
	int64		few;			/* the same for numbers of few digits, in their unit */
	int			part;
} Remainder;

/* Numbers of few digits are computed with as whole ones of one unit, a power of ten. */
#define FEW_DIGITS 15
#define FEW_DECIMALS 9

/*
 * The whole number below a number and what is left of it; most are whole, for
 * which this does least.  False if it leaves bigint.
 */
static bool
split_whole(Numeric number, int64 *below, Numeric *rest)
{
	Numeric		nearest;
	int			side;

	if (!loyalty_number_whole(number, below))
		return false;
	nearest = loyalty_number_of(*below);
	side = loyalty_number_compare(number, nearest);
	if (side < 0)
		nearest = loyalty_number_of(--*below);
	*rest = side == 0 ? NULL : loyalty_number_subtract(number, nearest);
	return true;
}

static int
compare_rests(const Remainder *a, const Remainder *b)
{
	if (a->rest == NULL || b->rest == NULL)
		return (a->rest != NULL) - (b->rest != NULL);
	return loyalty_number_compare(a->rest, b->rest);
}

/* The largest remainder first; equal ones in the order of the parts. */
static int
compare_remainders(const void *a, const void *b)
{
	const Remainder *x = a;
	const Remainder *y = b;
	int			order = (y->few > x->few) - (y->few < x->few);

	if (order == 0)
		order = compare_rests(y, x);
	return order != 0 ? order : (x->part > y->part) - (x->part < y->part);
}

/* One more to those with the largest remainders, until none is missing. */
static void
hand_out(Remainder *remainders, int count, int64 missing, int64 *shares)
{
	if (missing > 0)
		qsort(remainders, count, sizeof(Remainder), compare_remainders);
	for (int64 i = 0; i < missing; i++)
		shares[remainders[i].part]++;
}

/*
 * Gives every part the whole number below it and hands out what is missing to
 * `total`, which must lie between the sums of what is below and above the
 * parts.  False if a share leaves bigint.
 */
static bool
share_total(const Numeric *parts, int count, int64 total, int64 *shares)
{
	Remainder  *remainders = palloc0(sizeof(Remainder) * count);
	int64		missing = total;

	for (int i = 0; i < count; i++)
	{
		remainders[i].part = i;
		if (!split_whole(parts[i], &shares[i], &remainders[i].rest) ||
			pg_sub_s64_overflow(missing, shares[i], &missing))
			return false;
	}
	hand_out(remainders, count, missing, shares);
	pfree(remainders);
	return true;
}

/*
 * A number as digits * 10^-decimals, without the zeros at its end that division
 * leaves; false if it has too many.
 */
static bool
few_digits(Numeric number, int64 *digits, int *decimals)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));
	bool		negative = text[0] == '-';
	char	   *point = strchr(text, '.');
	char	   *end = text + strlen(text);
	int			count = 0;

	while (point != NULL && (end[-1] == '0' || end[-1] == '.'))
	{
		if (--end == point)
			point = NULL;
	}
	*digits = 0;
	*decimals = point == NULL ? 0 : end - point - 1;
	for (const char *cursor = text + negative; cursor < end; cursor++)
	{
		if (cursor == point)
			continue;
		if (*cursor < '0' || *cursor > '9' || ++count > FEW_DIGITS)
			return false;
		*digits = *digits * 10 + (*cursor - '0');
	}
	if (negative)
		*digits = -*digits;
	pfree(text);
	return *decimals <= FEW_DECIMALS;
}

static int64
floor_divide(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* As loyalty_number_round(): what is below 0 toward 0. */
static int64
round_few(int64 sum, int64 unit, Rounding rounding)
{
	if (sum < 0 || rounding == ROUND_DOWN)
		return sum / unit;
	return rounding == ROUND_UP ? (sum + unit - 1) / unit : (sum + unit / 2) / unit;
}

/* loyalty_parts_round() without numerics; false where numbers are too long. */
static bool
round_few_digits(const Numeric *parts, int count, Rounding rounding,
				 int64 *shares, int64 *total)
{
	static const int64 powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
	100000000, 1000000000};
	Remainder  *remainders = palloc0(sizeof(Remainder) * count);
	int		   *decimals = palloc(sizeof(int) * count);
	int			most = 0;
	int64		unit;
	int64		sum = 0;
	int64		missing;

	for (int i = 0; i < count; i++)
	{
		if (!few_digits(parts[i], &shares[i], &decimals[i]))
			return false;
		most = Max(most, decimals[i]);
	}
	unit = powers[most];
	for (int i = 0; i < count; i++)
	{
		if (pg_mul_s64_overflow(shares[i], powers[most - decimals[i]], &shares[i]) ||
			pg_add_s64_overflow(sum, shares[i], &sum))
			return false;
	}
	if (sum > PG_INT64_MAX - unit)
		return false;
	*total = missing = round_few(sum, unit, rounding);
	for (int i = 0; i < count; i++)
	{
		int64		below = floor_divide(shares[i], unit);

		remainders[i].part = i;
		remainders[i].few = shares[i] - below * unit;
		shares[i] = below;
		missing -= below;
	}
	hand_out(remainders, count, missing, shares);
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

	if (round_few_digits(parts, count, rounding, shares, total))
		return true;
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
