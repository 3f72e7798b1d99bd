/*
 * calendar.h
 *		Local days and periods: where they begin and end as instants.
 *
 * Local time is a day (counted from 2000-01-01) and the microseconds of its
 * wall clock since 00:00.  The time zone stands behind two callbacks, so that
 * the core needs no zone database.
 */
#ifndef LOYALTY_CALENDAR_H
#define LOYALTY_CALENDAR_H

#include "types/core.h"

typedef enum CalendarUnit
{
	CALENDAR_NONE = 0,
	CALENDAR_DAY,
	CALENDAR_WEEK,				/* ISO: from Monday */
	CALENDAR_MONTH,
	CALENDAR_QUARTER,
	CALENDAR_YEAR
} CalendarUnit;

typedef struct LocalTime
{
	int64		day;
	int64		time;			/* 0 to 24 hours, exclusive */
} LocalTime;

typedef struct LocalClock
{
	/* what the wall clock shows at a valid instant */
	LocalTime	(*to_local) (const void *zone, TimestampTz instant);

	/*
	 * The instant of a local time; of two (clocks went back) the one in
	 * standard time; of none (clocks went forward) the one that the offset
	 * before the change gives.  The day is at most a day outside of all valid
	 * instants.
	 */
	TimestampTz (*from_local) (const void *zone, LocalTime local);

	const void *zone;
} LocalClock;

/* The local day on which the period of that day, or the next one, begins. */
extern int64 loyalty_period_first_day(CalendarUnit unit, int64 day);
extern int64 loyalty_period_next_day(CalendarUnit unit, int64 day);

/* The day so many months on (negative: back), clamped to the last day of its month. */
extern int64 loyalty_day_plus_months(int64 day, int64 months);

/*
 * Instants of local times; CORE_DATETIME where they leave the valid ones.
 * A day that has no midnight begins with its first instant.
 */
extern bool loyalty_clock_instant(const LocalClock *clock, LocalTime local,
								  TimestampTz *instant, CoreError *err);
extern bool loyalty_clock_midnight(const LocalClock *clock, int64 day,
								   TimestampTz *instant, CoreError *err);

/* Back to the start of the period of `at`; stays if it is one. */
extern bool loyalty_clock_round_down(const LocalClock *clock, CalendarUnit unit,
									 TimestampTz at, TimestampTz *start, CoreError *err);

/* On to the end of the period of a local time; stays if a period starts there. */
extern bool loyalty_clock_round_up(const LocalClock *clock, CalendarUnit unit,
								   LocalTime local, TimestampTz *end, CoreError *err);

#ifndef FRONTEND
#include "pgtime.h"

/* The clock of a zone of PostgreSQL's own database (calendar_zone.c). */
extern void loyalty_clock_of_zone(LocalClock *clock, pg_tz *zone);

/* The zone of that name; 22023 if there is none. */
extern pg_tz *loyalty_time_zone_lookup(const char *name);
#endif

#endif							/* LOYALTY_CALENDAR_H */
