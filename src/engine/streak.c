/*
 * streak.c
 *		Days or weeks on which a member did something, and the runs they form.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "engine/streak.h"
#include "types/calendar.h"

/* 2000-01-03 was the first Monday of the count. */
#define FIRST_MONDAY 2

static int32
floor_divide(int32 a, int32 b)
{
	int32		quotient = a / b;

	return (a % b < 0) ? quotient - 1 : quotient;
}

int32
loyalty_streak_period_of_day(StreakUnit unit, int32 day)
{
	return unit == STREAK_DAY ? day : floor_divide(day - FIRST_MONDAY, 7);
}

int32
loyalty_streak_period(StreakUnit unit, TimestampTz at, pg_tz *tz)
{
	LocalClock	clock;

	loyalty_clock_of_zone(&clock, tz);
	return loyalty_streak_period_of_day(unit, (int32) clock.to_local(clock.zone, at).day);
}

int32
loyalty_streak_first_day(StreakUnit unit, int32 period)
{
	return unit == STREAK_DAY ? period : period * 7 + FIRST_MONDAY;
}

static CalendarUnit
cycle_unit(StreakCycle cycle)
{
	switch (cycle)
	{
		case STREAK_CYCLE_WEEK:
			return CALENDAR_WEEK;
		case STREAK_CYCLE_MONTH:
			return CALENDAR_MONTH;
		case STREAK_CYCLE_YEAR:
			return CALENDAR_YEAR;
		case STREAK_NO_CYCLE:
			break;
	}
	elog(ERROR, "streak has no cycle");
}

/* The first period that begins on or after a day. */
static int32
period_from_day(StreakUnit unit, int64 day)
{
	return loyalty_streak_period_of_day(unit, (int32) day + (unit == STREAK_WEEK ? 6 : 0));
}

/* A week belongs to the month and the year of its Monday. */
int32
loyalty_streak_cycle_start(StreakUnit unit, StreakCycle cycle, int32 period)
{
	if (cycle == STREAK_NO_CYCLE)
		return PG_INT32_MIN;
	return period_from_day(unit, loyalty_period_first_day(cycle_unit(cycle),
														  loyalty_streak_first_day(unit, period)));
}

int32
loyalty_streak_cycle_end(StreakUnit unit, StreakCycle cycle, int32 period)
{
	if (cycle == STREAK_NO_CYCLE)
		return PG_INT32_MAX;
	return period_from_day(unit, loyalty_period_next_day(cycle_unit(cycle),
														 loyalty_streak_first_day(unit, period)));
}

static void
reserve(StreakCalendar *calendar)
{
	if (calendar->count < calendar->capacity)
		return;
	calendar->capacity = Max(8, calendar->capacity * 2);
	calendar->blocks = calendar->blocks == NULL ?
		palloc(sizeof(StreakBlock) * calendar->capacity) :
		repalloc(calendar->blocks, sizeof(StreakBlock) * calendar->capacity);
}

/* Where a block is, or would be. */
static int
find_block(const StreakCalendar *calendar, int32 block)
{
	int			low = 0;
	int			high = calendar->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (calendar->blocks[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes room for a block where it would be. */
static StreakBlock *
insert_block(StreakCalendar *calendar, int at, int32 number)
{
	StreakBlock *block;

	reserve(calendar);
	block = &calendar->blocks[at];
	memmove(block + 1, block, sizeof(StreakBlock) * (calendar->count - at));
	memset(block, 0, sizeof(StreakBlock));
	block->block = number;
	calendar->count++;
	return block;
}

void
loyalty_streak_add_block(StreakCalendar *calendar, int32 block, uint64 done, uint64 made_up)
{
	StreakBlock *added = insert_block(calendar, find_block(calendar, block), block);

	added->done = done;
	added->made_up = made_up;
}

static const StreakBlock *
block_of(const StreakCalendar *calendar, int32 period)
{
	int32		block = floor_divide(period, STREAK_BLOCK_PERIODS);
	int			at = find_block(calendar, block);

	if (at < calendar->count && calendar->blocks[at].block == block)
		return &calendar->blocks[at];
	return NULL;
}

static uint64
bit_of(int32 period)
{
	return UINT64CONST(1) << (period - floor_divide(period, STREAK_BLOCK_PERIODS) *
							  STREAK_BLOCK_PERIODS);
}

bool
loyalty_streak_is_done(const StreakCalendar *calendar, int32 period)
{
	const StreakBlock *block = block_of(calendar, period);

	return block != NULL && (block->done & bit_of(period)) != 0;
}

bool
loyalty_streak_is_made_up(const StreakCalendar *calendar, int32 period)
{
	const StreakBlock *block = block_of(calendar, period);

	return block != NULL && (block->made_up & bit_of(period)) != 0;
}

void
loyalty_streak_mark(StreakCalendar *calendar, int32 period, bool made_up)
{
	int32		number = floor_divide(period, STREAK_BLOCK_PERIODS);
	int			at = find_block(calendar, number);
	StreakBlock *block;

	if (at == calendar->count || calendar->blocks[at].block != number)
		block = insert_block(calendar, at, number);
	else
		block = &calendar->blocks[at];
	block->done |= bit_of(period);
	if (made_up)
		block->made_up |= bit_of(period);
	block->changed = true;
}

void
loyalty_streak_unmark(StreakCalendar *calendar, int32 period)
{
	StreakBlock *block = unconstify(StreakBlock *, block_of(calendar, period));

	block->done &= ~bit_of(period);
	block->made_up &= ~bit_of(period);
}

int32
loyalty_streak_first(const StreakCalendar *calendar)
{
	for (int i = 0; i < calendar->count; i++)
	{
		const StreakBlock *block = &calendar->blocks[i];

		if (block->done != 0)
			return block->block * STREAK_BLOCK_PERIODS + pg_rightmost_one_pos64(block->done);
	}
	return PG_INT32_MAX;
}

int32
loyalty_streak_run(const StreakCalendar *calendar, int32 period)
{
	int32		next = period;	/* the period that would prolong the run */

	for (;;)
	{
		const StreakBlock *block = block_of(calendar, next);
		int			bit = next - floor_divide(next, STREAK_BLOCK_PERIODS) * STREAK_BLOCK_PERIODS;
		uint64		missed;

		if (block == NULL)
			return period - next;
		/* those up to the bit, with it at the top */
		missed = ~block->done << (STREAK_BLOCK_PERIODS - 1 - bit);
		if (missed != 0)
			return period - next + STREAK_BLOCK_PERIODS - 1 - pg_leftmost_one_pos64(missed);
		next -= bit + 1;
	}
}

int32
loyalty_streak_best(const StreakCalendar *calendar, int32 period)
{
	int32		best = 0;
	int32		run = 0;
	int32		next = PG_INT32_MIN;	/* the period that would prolong the run */

	for (int i = 0; i < calendar->count; i++)
	{
		const StreakBlock *block = &calendar->blocks[i];
		int32		first = block->block * STREAK_BLOCK_PERIODS;

		for (int bit = 0; bit < STREAK_BLOCK_PERIODS && first + bit <= period; bit++)
		{
			if ((block->done & (UINT64CONST(1) << bit)) == 0)
				continue;
			run = first + bit == next ? run + 1 : 1;
			next = first + bit + 1;
			best = Max(best, run);
		}
	}
	return best;
}

int32
loyalty_streak_count(const StreakCalendar *calendar, int32 from, int32 until)
{
	int32		count = 0;

	for (int i = 0; i < calendar->count; i++)
	{
		const StreakBlock *block = &calendar->blocks[i];
		int32		first = block->block * STREAK_BLOCK_PERIODS;
		uint64		mask = ~UINT64CONST(0);

		if (first >= until || first + STREAK_BLOCK_PERIODS <= from)
			continue;
		if (from > first)
			mask &= ~UINT64CONST(0) << (from - first);
		if (until < first + STREAK_BLOCK_PERIODS)
			mask &= ~(~UINT64CONST(0) << (until - first));
		count += pg_popcount64(block->done & mask);
	}
	return count;
}

void
loyalty_streak_value(const StreakCalendar *calendar, const StreakTerms *terms,
					 int32 period, StreakValue *value)
{
	int32		since = loyalty_streak_cycle_start(terms->unit, terms->cycle, period);

	value->run = loyalty_streak_run(calendar, period);
	value->days = loyalty_streak_count(calendar, since, period + 1);
}
