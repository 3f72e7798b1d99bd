/*
 * streak.h
 *		Days or weeks on which a member did something, and the runs they form.
 *
 * A period is a local day or an ISO week, numbered from 2000-01-01 and from
 * Monday 2000-01-03.  The calendar keeps them as bits, 64 periods to a block.
 */
#ifndef LOYALTY_STREAK_H
#define LOYALTY_STREAK_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "pgtime.h"

#include "config/streak.h"

#define STREAK_BLOCK_PERIODS 64

typedef struct StreakBlock
{
	int32		block;			/* floor(period / 64) */
	uint64		done;			/* bit i: period block * 64 + i, made up or not */
	uint64		made_up;		/* those of them that were bought */
	bool		changed;		/* by this operation */
} StreakBlock;

typedef struct StreakCalendar
{
	StreakBlock *blocks;		/* ascending; palloc'd */
	int			count;
	int			capacity;
} StreakCalendar;

/* What an event finds: itself counted.  A rule sees it as $streak. */
typedef struct StreakValue
{
	int32		run;			/* periods in a row up to this one */
	int32		days;			/* periods done in the cycle, up to this one */
	bool		first;			/* the first event of its period */
} StreakValue;

/* The period that an instant or a local day falls in. */
extern int32 loyalty_streak_period(StreakUnit unit, TimestampTz at, pg_tz *tz);
extern int32 loyalty_streak_period_of_day(StreakUnit unit, int32 day);

/* The local day on which a period begins, from 2000-01-01. */
extern int32 loyalty_streak_first_day(StreakUnit unit, int32 period);

/* First period of the cycle that `period` is in; PG_INT32_MIN without cycles. */
extern int32 loyalty_streak_cycle_start(StreakUnit unit, StreakCycle cycle, int32 period);

/* First period of the next cycle; PG_INT32_MAX without cycles. */
extern int32 loyalty_streak_cycle_end(StreakUnit unit, StreakCycle cycle, int32 period);

/* Adds a block as it is stored, in any order. */
extern void loyalty_streak_add_block(StreakCalendar *calendar, int32 block,
									 uint64 done, uint64 made_up);

extern bool loyalty_streak_is_done(const StreakCalendar *calendar, int32 period);
extern bool loyalty_streak_is_made_up(const StreakCalendar *calendar, int32 period);
extern void loyalty_streak_mark(StreakCalendar *calendar, int32 period, bool made_up);

/* Takes the mark of this operation off again. */
extern void loyalty_streak_unmark(StreakCalendar *calendar, int32 period);

/* The first period that is done; PG_INT32_MAX if none is. */
extern int32 loyalty_streak_first(const StreakCalendar *calendar);

/* Periods done without a break up to and with `period`; 0 if it is not done. */
extern int32 loyalty_streak_run(const StreakCalendar *calendar, int32 period);

/* The longest run up to and with `period`. */
extern int32 loyalty_streak_best(const StreakCalendar *calendar, int32 period);

/* Periods done in [from, until). */
extern int32 loyalty_streak_count(const StreakCalendar *calendar, int32 from, int32 until);

/* What an event of that period finds, which is marked already. */
extern void loyalty_streak_value(const StreakCalendar *calendar, const StreakTerms *terms,
								 int32 period, StreakValue *value);

#endif							/* LOYALTY_STREAK_H */
