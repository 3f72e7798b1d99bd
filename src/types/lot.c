/*
 * lot.c
 *		One lot: order, rules, text.
 *
 * Text: points@from/until#source, `#source` left out when it is 0.  Blanks may
 * stand before and behind a lot and around its marks.
 */
#include "types/lot.h"

#include "common/int.h"
#include "types/instant.h"

int
loyalty_lot_compare_key(const PointLot *a, const PointLot *b)
{
	if (a->valid_from != b->valid_from)
		return a->valid_from < b->valid_from ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->valid_until != b->valid_until)
		return a->valid_until < b->valid_until ? -1 : 1;
	return 0;
}

int
loyalty_lot_compare(const PointLot *a, const PointLot *b)
{
	int			order = loyalty_lot_compare_key(a, b);

	if (order != 0)
		return order;
	if (a->points != b->points)
		return a->points < b->points ? -1 : 1;
	return 0;
}

bool
loyalty_lot_check(const PointLot *lot, CoreError *err)
{
	if (lot->points <= 0)
		return loyalty_core_fail(err, CORE_INVALID,
								 "The points of a lot must be greater than 0, not %lld.",
								 (long long) lot->points);
	if (TIMESTAMP_NOT_FINITE(lot->valid_from))
		return loyalty_core_fail(err, CORE_INVALID, "valid_from must be finite.");
	if (lot->valid_until <= lot->valid_from)
		return loyalty_core_fail(err, CORE_INVALID,
								 "valid_until must be later than valid_from.");
	if (!INSTANT_IS_VALID(lot->valid_from) ||
		!(INSTANT_IS_VALID(lot->valid_until) || lot->valid_until == DT_NOEND))
		return loyalty_core_fail(err, CORE_DATETIME,
								 "Instants lie in the years 0001 to 294276.");
	if (lot->source < 0)
		return loyalty_core_fail(err, CORE_INVALID,
								 "The source of a lot must not be negative, but is %lld.",
								 (long long) lot->source);
	return true;
}

static void
skip_blanks(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || (**p >= '\t' && **p <= '\r')))
		(*p)++;
}

/* Reads blanks, one mark, blanks. */
static bool
skip_mark(const char **p, const char *end, char mark)
{
	const char *q = *p;

	skip_blanks(&q, end);
	if (q == end || *q != mark)
		return false;
	q++;
	skip_blanks(&q, end);
	*p = q;
	return true;
}

static bool
parse_whole(const char **p, const char *end, const char *what, int64 *value, CoreError *err)
{
	bool		negative = false;
	int64		result = 0;

	if (*p < end && (**p == '-' || **p == '+'))
		negative = *(*p)++ == '-';
	if (*p == end || **p < '0' || **p > '9')
		return loyalty_core_fail(err, CORE_SYNTAX, "The %s must be a whole number.", what);

	/* Downwards, since the least bigint has no positive counterpart. */
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
	{
		if (pg_mul_s64_overflow(result, 10, &result) ||
			pg_sub_s64_overflow(result, **p - '0', &result))
			return loyalty_core_fail(err, CORE_RANGE, "The %s must fit into bigint.", what);
	}
	if (!negative)
	{
		if (result == PG_INT64_MIN)
			return loyalty_core_fail(err, CORE_RANGE, "The %s must fit into bigint.", what);
		result = -result;
	}
	*value = result;
	return true;
}

bool
loyalty_lot_parse(const char **cursor, const char *end, PointLot *lot, CoreError *err)
{
	const char *p = *cursor;

	skip_blanks(&p, end);
	if (!parse_whole(&p, end, "points", &lot->points, err))
		return false;
	if (!skip_mark(&p, end, '@'))
		return loyalty_core_fail(err, CORE_SYNTAX, "Expected \"@\" behind the points.");
	if (!loyalty_instant_parse(&p, end, &lot->valid_from, err))
		return false;
	if (!skip_mark(&p, end, '/'))
		return loyalty_core_fail(err, CORE_SYNTAX, "Expected \"/\" behind valid_from.");
	if (!loyalty_instant_parse(&p, end, &lot->valid_until, err))
		return false;
	lot->source = 0;
	if (skip_mark(&p, end, '#') && !parse_whole(&p, end, "source", &lot->source, err))
		return false;
	skip_blanks(&p, end);
	if (!loyalty_lot_check(lot, err))
		return false;
	*cursor = p;
	return true;
}

int
loyalty_lot_format(const PointLot *lot, char *buf)
{
	int			length = snprintf(buf, POINT_LOT_TEXT_SIZE, "%lld@",
								  (long long) lot->points);

	length += loyalty_instant_format(lot->valid_from, buf + length);
	buf[length++] = '/';
	length += loyalty_instant_format(lot->valid_until, buf + length);
	if (lot->source != 0)
		length += snprintf(buf + length, POINT_LOT_TEXT_SIZE - length, "#%lld",
						   (long long) lot->source);
	return length;
}
