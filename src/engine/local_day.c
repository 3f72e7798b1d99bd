/*
 * local_day.c
 *		The local calendar of a program: days, months, when periods begin.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "engine/engine.h"
#include "engine/rules_work.h"
#include "types/calendar.h"

/* The local day of an instant, as date. */
int32
loyalty_period_day(TimestampTz at, pg_tz *tz)
{
	LocalClock	clock;

	loyalty_clock_of_zone(&clock, tz);
	return (int32) clock.to_local(clock.zone, at).day;
}

/* The first local day of the period that `at` falls in, as date. */
int32
loyalty_period_since(RulePeriod per, TimestampTz at, pg_tz *tz)
{
	CalendarUnit unit = loyalty_period_unit(per);

	if (unit == CALENDAR_NONE)
		return DATEVAL_NOBEGIN;
	return (int32) loyalty_period_first_day(unit, loyalty_period_day(at, tz));
}

static void
local_time(TimestampTz at, pg_tz *tz, struct pg_tm *tm)
{
	fsec_t		fsec;
	int			offset;

	if (timestamp2tm(at, &offset, tm, &fsec, NULL, tz) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
}

/* Do two instants fall in the same local day or month? */
bool
loyalty_period_same(TimestampTz a, TimestampTz b, LotGranularity unit, pg_tz *tz)
{
	struct pg_tm first;
	struct pg_tm second;

	if (TIMESTAMP_NOT_FINITE(a) || TIMESTAMP_NOT_FINITE(b))
		return a == b;
	local_time(a, tz, &first);
	local_time(b, tz, &second);
	return first.tm_year == second.tm_year && first.tm_mon == second.tm_mon &&
		(unit == GRANULARITY_MONTH || first.tm_mday == second.tm_mday);
}

/* The first instant of the local month that `at` falls in. */
TimestampTz
loyalty_period_month_start(TimestampTz at, pg_tz *tz)
{
	struct pg_tm tm;
	TimestampTz start;
	int			offset;

	local_time(at, tz, &tm);
	tm.tm_mday = 1;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	offset = DetermineTimeZoneOffset(&tm, tz);
	if (tm2timestamp(&tm, 0, &offset, &start) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return start;
}
