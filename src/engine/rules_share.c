/*
 * rules_share.c
 *		From exact numbers to whole points.
 */
#include "postgres.h"

#include "common/int.h"

#include "engine/rules_work.h"

/* A part of a sum, on its way to a whole share. */
typedef struct Remainder
{
	Numeric		rest;			/* in (0, 1); NULL = 0 */
	int			part;
} Remainder;

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
