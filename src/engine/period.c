/*
 * period.c
 *		The local calendar of a program: days, months, the periods of rules.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "engine/engine.h"
#include "engine/rules_work.h"
#include "types/calendar.h"

static const struct
{
	RulePeriod	per;
	const char *name;
	CalendarUnit unit;
}			periods[] = {
	{PERIOD_EVENT, "event", CALENDAR_NONE},
	{PERIOD_DAY, "day", CALENDAR_DAY},
	{PERIOD_WEEK, "week", CALENDAR_WEEK},
	{PERIOD_MONTH, "month", CALENDAR_MONTH},
	{PERIOD_YEAR, "year", CALENDAR_YEAR},
	{PERIOD_EVER, "ever", CALENDAR_NONE},
};

const char *
loyalty_period_name(RulePeriod per)
{
	for (int i = 0; i < lengthof(periods); i++)
	{
		if (periods[i].per == per)
			return periods[i].name;
	}
	elog(ERROR, "unknown period '%c'", per);
}

bool
loyalty_period_parse(const char *name, int length, RulePeriod *per)
{
	for (int i = 0; i < lengthof(periods); i++)
	{
		if (strlen(periods[i].name) == length && memcmp(periods[i].name, name, length) == 0)
		{
			*per = periods[i].per;
			return true;
		}
	}
	return false;
}

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
	for (int i = 0; i < lengthof(periods); i++)
	{
		if (periods[i].per == per && periods[i].unit != CALENDAR_NONE)
			return (int32) loyalty_period_first_day(periods[i].unit,
													loyalty_period_day(at, tz));
	}
	return DATEVAL_NOBEGIN;
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
