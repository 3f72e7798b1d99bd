/*
 * wallet.c
 *		Arithmetic on sorted lists of lots.
 *
 * Law of every function here: what goes in comes out, lot by lot.  Points move
 * between lists, they are neither made nor lost, and a list's total is checked
 * once where points enter it.  Everything is linear in the lists, apart from
 * the sort of a buffer and of the expiring order, and both look first whether
 * the lots are in order already.
 */
#include "types/wallet.h"

#include "common/int.h"

#define ST_SORT sort_lots
#define ST_ELEMENT_TYPE PointLot
#define ST_COMPARE(a, b) loyalty_lot_compare(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* A lot in the order of its end; the index keeps ends that are equal apart. */
typedef struct EndOrder
{
	TimestampTz valid_until;
	int			index;
} EndOrder;

static inline int
compare_ends(const EndOrder *a, const EndOrder *b)
{
	if (a->valid_until != b->valid_until)
		return a->valid_until < b->valid_until ? -1 : 1;
	return a->index - b->index;
}

#define ST_SORT sort_ends
#define ST_ELEMENT_TYPE EndOrder
#define ST_COMPARE(a, b) compare_ends(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static bool
fail_total(CoreError *err)
{
	return loyalty_core_fail(err, CORE_RANGE,
							 "The points of one wallet must add up to at most %lld.",
							 (long long) PG_INT64_MAX);
}

static bool
fail_count(CoreError *err)
{
	return loyalty_core_fail(err, CORE_TOO_BIG,
							 "A wallet has at most %d lots.", LOYALTY_LOTS_MAX);
}

void
loyalty_lots_reserve(LotList *list, int capacity)
{
	if (capacity <= list->capacity)
		return;
	if (list->lots == NULL)
		list->lots = palloc(sizeof(PointLot) * capacity);
	else
		list->lots = repalloc(list->lots, sizeof(PointLot) * capacity);
	list->capacity = capacity;
}

/* Room for one more, by doubling. */
static void
reserve_one(LotList *list)
{
	if (list->count == list->capacity)
		loyalty_lots_reserve(list, list->capacity == 0 ? 8 :
							 Min(list->capacity * 2, LOYALTY_LOTS_MAX));
}

/* Appends a lot that sorts behind all others and fits into the total. */
static void
push_lot(LotList *list, const PointLot *lot, int64 points)
{
	PointLot   *last;

	reserve_one(list);
	last = &list->lots[list->count++];
	*last = *lot;
	last->points = points;
	list->total += points;
}

void
loyalty_lots_copy(LotList *dst, const LotList *src)
{
	loyalty_lots_init(dst);
	if (src->count == 0)
		return;
	loyalty_lots_reserve(dst, src->count);
	memcpy(dst->lots, src->lots, sizeof(PointLot) * src->count);
	dst->count = src->count;
	dst->total = src->total;
}

/* The first position whose key is not below the lot's. */
static int
lower_bound(const LotList *list, const PointLot *lot)
{
	int			low = 0;
	int			high = list->count;

	/* Most lots come in at the end. */
	if (high > 0 && loyalty_lot_compare_key(&list->lots[high - 1], lot) < 0)
		return high;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (loyalty_lot_compare_key(&list->lots[middle], lot) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
loyalty_lots_add(LotList *list, const PointLot *lot, CoreError *err)
{
	int			position;
	int64		total;

	if (pg_add_s64_overflow(list->total, lot->points, &total))
		return fail_total(err);

	position = lower_bound(list, lot);
	if (position < list->count &&
		loyalty_lot_compare_key(&list->lots[position], lot) == 0)
		list->lots[position].points += lot->points;
	else
	{
		if (list->count >= LOYALTY_LOTS_MAX)
			return fail_count(err);
		reserve_one(list);
		memmove(&list->lots[position + 1], &list->lots[position],
				sizeof(PointLot) * (list->count - position));
		list->lots[position] = *lot;
		list->count++;
	}
	list->total = total;
	return true;
}

bool
loyalty_lots_merge(LotList *dst, const LotList *src, CoreError *err)
{
	int64		total;
	int			d;
	int			s;
	int			out;

	if (src->count == 0)
		return true;
	if (pg_add_s64_overflow(dst->total, src->total, &total))
		return fail_total(err);
	if (src->count == 1)
		return loyalty_lots_add(dst, &src->lots[0], err);
	if (dst->count + src->count > LOYALTY_LOTS_MAX)
		return fail_count(err);
	loyalty_lots_reserve(dst, dst->count + src->count);

	/*
	 * From the back into the free room at the end, so that no lot of dst is
	 * overwritten before it was read; equal keys leave a gap to close.
	 */
	d = dst->count - 1;
	s = src->count - 1;
	out = dst->count + src->count;
	while (s >= 0)
	{
		int			order = d < 0 ? -1 :
			loyalty_lot_compare_key(&dst->lots[d], &src->lots[s]);

		if (order > 0)
			dst->lots[--out] = dst->lots[d--];
		else
		{
			dst->lots[--out] = src->lots[s--];
			if (order == 0)
				dst->lots[out].points += dst->lots[d--].points;
		}
	}
	if (out > d + 1)
		memmove(&dst->lots[d + 1], &dst->lots[out],
				sizeof(PointLot) * (dst->count + src->count - out));
	dst->count = d + 1 + dst->count + src->count - out;
	dst->total = total;
	return true;
}

bool
loyalty_lots_subtract(LotList *dst, const LotList *src, CoreError *err)
{
	int			d = 0;
	int			out = 0;

	/* Look first: a list is changed as a whole or not at all. */
	for (int s = 0; s < src->count; s++)
	{
		const PointLot *lot = &src->lots[s];

		while (d < dst->count && loyalty_lot_compare_key(&dst->lots[d], lot) < 0)
			d++;
		if (d == dst->count || dst->lots[d].points < lot->points ||
			loyalty_lot_compare_key(&dst->lots[d], lot) != 0)
		{
			char		text[POINT_LOT_TEXT_SIZE];

			loyalty_lot_format(lot, text);
			return loyalty_core_fail(err, CORE_INVALID,
									 "It does not hold the lot %s.", text);
		}
	}

	d = 0;
	for (int s = 0; s < src->count; s++)
	{
		while (loyalty_lot_compare_key(&dst->lots[d], &src->lots[s]) < 0)
			dst->lots[out++] = dst->lots[d++];
		dst->lots[d].points -= src->lots[s].points;
		if (dst->lots[d].points > 0)
			dst->lots[out++] = dst->lots[d];
		d++;
	}
	if (out < d)
		memmove(&dst->lots[out], &dst->lots[d],
				sizeof(PointLot) * (dst->count - d));
	dst->count -= d - out;
	dst->total -= src->total;
	return true;
}

bool
loyalty_lots_append(LotList *buffer, const PointLot *lots, int count, CoreError *err)
{
	/* A buffer that stays nearly full would be sorted over and over. */
	const int	nearly_full = LOYALTY_LOTS_MAX / 8 * 7;

	if (buffer->count + count > buffer->capacity)
	{
		int64		needed;

		if (!loyalty_lots_canonicalize(buffer, err))
			return false;
		needed = (int64) buffer->count + count;
		if (needed > nearly_full)
			return fail_count(err);
		if (needed > buffer->capacity / 2)
			loyalty_lots_reserve(buffer, Min(Max(needed * 2, 64), LOYALTY_LOTS_MAX));
	}
	if (count > 0)
		memcpy(&buffer->lots[buffer->count], lots, sizeof(PointLot) * count);
	buffer->count += count;
	return true;
}

bool
loyalty_lots_canonicalize(LotList *list, CoreError *err)
{
	int64		total = 0;
	bool		sorted = true;
	int			out = 0;

	for (int i = 0; i < list->count; i++)
	{
		if (pg_add_s64_overflow(total, list->lots[i].points, &total))
			return fail_total(err);
		if (i > 0 && loyalty_lot_compare_key(&list->lots[i - 1], &list->lots[i]) > 0)
			sorted = false;
	}
	if (!sorted)
		sort_lots(list->lots, list->count);

	for (int i = 0; i < list->count; i++)
	{
		if (out > 0 &&
			loyalty_lot_compare_key(&list->lots[out - 1], &list->lots[i]) == 0)
			list->lots[out - 1].points += list->lots[i].points;
		else
			list->lots[out++] = list->lots[i];
	}
	list->count = out;
	list->total = total;
	return true;
}

int64
loyalty_lots_points(const LotList *list)
{
	return list->total;
}

int64
loyalty_lots_spendable(const LotList *list, TimestampTz at)
{
	int64		points = 0;

	for (int i = 0; i < list->count && list->lots[i].valid_from <= at; i++)
	{
		if (at < list->lots[i].valid_until)
			points += list->lots[i].points;
	}
	return points;
}

int64
loyalty_lots_pending(const LotList *list, TimestampTz at)
{
	int64		points = 0;

	for (int i = list->count - 1; i >= 0 && at < list->lots[i].valid_from; i--)
		points += list->lots[i].points;
	return points;
}

int64
loyalty_lots_lapsed(const LotList *list, TimestampTz at)
{
	int64		points = 0;

	for (int i = 0; i < list->count && list->lots[i].valid_from <= at; i++)
	{
		if (list->lots[i].valid_until <= at)
			points += list->lots[i].points;
	}
	return points;
}

TimestampTz
loyalty_lots_next_lapse(const LotList *list, TimestampTz at, int64 *points)
{
	TimestampTz next = DT_NOEND;
	int64		sum = 0;

	for (int i = 0; i < list->count; i++)
	{
		TimestampTz until = list->lots[i].valid_until;

		if (until <= at || until > next || until == DT_NOEND)
			continue;
		if (until < next)
		{
			next = until;
			sum = 0;
		}
		sum += list->lots[i].points;
	}
	if (points != NULL)
		*points = sum;
	return next;
}

/*
 * Adds *slice, whose points have just left another list, to *dst.  The caller
 * joins lists that were one before or whose sum it has checked.
 */
static void
join(LotList *dst, LotList *slice)
{
	CoreError	err;

	if (dst->count == 0 && dst->capacity == 0)
		*dst = *slice;
	else if (!loyalty_lots_merge(dst, slice, &err))
		loyalty_core_corrupt("sum of lots");
}

/*
 * Moves portions[i] points of each lot to *taken, in one pass whatever order
 * the portions were found in.
 */
static void
move_portions(LotList *list, const int64 *portions, LotList *taken)
{
	LotList		slice;
	int			out = 0;

	loyalty_lots_init(&slice);
	for (int i = 0; i < list->count; i++)
	{
		PointLot   *lot = &list->lots[i];

		if (portions[i] > 0)
		{
			push_lot(&slice, lot, portions[i]);
			lot->points -= portions[i];
			if (lot->points == 0)
				continue;
		}
		list->lots[out++] = *lot;
	}
	list->count = out;
	list->total -= slice.total;
	join(taken, &slice);
}

/* The positions of lots in the expiring order; lots may be left out. */
static EndOrder *
order_by_end(const LotList *list, bool only_spendable, TimestampTz at, int *count)
{
	EndOrder   *ends = palloc(sizeof(EndOrder) * Max(list->count, 1));
	bool		sorted = true;
	int			n = 0;

	for (int i = 0; i < list->count; i++)
	{
		if (only_spendable && !loyalty_lot_is_spendable(&list->lots[i], at))
			continue;
		ends[n].valid_until = list->lots[i].valid_until;
		ends[n].index = i;
		if (n > 0 && ends[n].valid_until < ends[n - 1].valid_until)
			sorted = false;
		n++;
	}
	if (!sorted)
		sort_ends(ends, n);
	*count = n;
	return ends;
}

int64
loyalty_lots_take(LotList *list, int64 points, TimestampTz at,
				  SpendOrder order, LotList *taken)
{
	int64	   *portions;
	int64		left = Max(points, 0);

	if (list->count == 0 || left == 0)
		return 0;
	portions = palloc0(sizeof(int64) * list->count);

	if (order == SPEND_EXPIRING)
	{
		int			count;
		EndOrder   *ends = order_by_end(list, true, at, &count);

		for (int i = 0; i < count && left > 0; i++)
		{
			portions[ends[i].index] = Min(left, list->lots[ends[i].index].points);
			left -= portions[ends[i].index];
		}
		pfree(ends);
	}
	else
	{
		for (int i = 0; i < list->count && left > 0; i++)
		{
			if (!loyalty_lot_is_spendable(&list->lots[i], at))
				continue;
			portions[i] = Min(left, list->lots[i].points);
			left -= portions[i];
		}
	}
	move_portions(list, portions, taken);
	pfree(portions);
	return points - left;
}

int64
loyalty_lots_take_pending(LotList *list, int64 points, TimestampTz at, LotList *taken)
{
	int64	   *portions;
	int64		left = Max(points, 0);

	if (list->count == 0 || left == 0)
		return 0;
	portions = palloc0(sizeof(int64) * list->count);
	for (int i = 0; i < list->count && left > 0; i++)
	{
		if (list->lots[i].valid_from <= at)
			continue;
		portions[i] = Min(left, list->lots[i].points);
		left -= portions[i];
	}
	move_portions(list, portions, taken);
	pfree(portions);
	return points - left;
}

int64
loyalty_lots_split_lapsed(LotList *list, TimestampTz at, LotList *lapsed)
{
	LotList		slice;
	int64		points;
	int			out = 0;

	loyalty_lots_init(&slice);
	for (int i = 0; i < list->count; i++)
	{
		if (list->lots[i].valid_until <= at)
			push_lot(&slice, &list->lots[i], list->lots[i].points);
		else
		{
			if (out != i)
				list->lots[out] = list->lots[i];
			out++;
		}
	}
	points = slice.total;
	if (points > 0)
	{
		list->count = out;
		list->total -= points;
		join(lapsed, &slice);
	}
	return points;
}

void
loyalty_lots_slice(const LotList *list, SpendOrder order, bool reversed,
				   int64 offset, int64 points, LotList *slice)
{
	LotList		found;
	int64	   *portions;
	EndOrder   *ends = NULL;
	int			count = list->count;

	Assert(offset >= 0 && points >= 0 && offset <= list->total - points);
	if (points == 0)
		return;

	portions = palloc0(sizeof(int64) * count);
	if (order == SPEND_EXPIRING)
		ends = order_by_end(list, false, 0, &count);

	for (int i = 0; i < count && points > 0; i++)
	{
		int			step = reversed ? count - 1 - i : i;
		int			index = ends != NULL ? ends[step].index : step;
		int64		available = list->lots[index].points;

		if (offset >= available)
		{
			offset -= available;
			continue;
		}
		portions[index] = Min(points, available - offset);
		points -= portions[index];
		offset = 0;
	}

	loyalty_lots_init(&found);
	for (int i = 0; i < list->count; i++)
	{
		if (portions[i] > 0)
			push_lot(&found, &list->lots[i], portions[i]);
	}
	join(slice, &found);

	if (ends != NULL)
		pfree(ends);
	pfree(portions);
}
