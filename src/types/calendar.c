/*
 * calendar.c
 *		Local days and periods: where they begin and end as instants.
 */
#include "types/calendar.h"

#include "types/instant.h"

/* 2000-01-01 was a Saturday: 5 days after a Monday. */
#define DAYS_SINCE_MONDAY 5

/* Beyond these days no local time is a valid instant in any zone. */
#define DAY_MIN		(INSTANT_MIN / USECS_PER_DAY - 1)
#define DAY_MAX		(END_TIMESTAMP / USECS_PER_DAY + 1)

int64
loyalty_period_first_day(CalendarUnit unit, int64 day)
{
	int64		year;
	int			month;
	int			day_of_month;
	int64		weekday;

	if (unit == CALENDAR_DAY)
		return day;
	if (unit == CALENDAR_WEEK)
	{
		weekday = (day + DAYS_SINCE_MONDAY) % 7;
		return day - (weekday < 0 ? weekday + 7 : weekday);
	}

	loyalty_date_from_days(day, &year, &month, &day_of_month);
	if (unit == CALENDAR_QUARTER)
		month -= (month - 1) % 3;
	else if (unit == CALENDAR_YEAR)
		month = 1;
	return loyalty_days_from_date(year, month, 1);
}

int64
loyalty_period_next_day(CalendarUnit unit, int64 day)
{
	int64		first = loyalty_period_first_day(unit, day);

	switch (unit)
	{
		case CALENDAR_DAY:
			return first + 1;
		case CALENDAR_WEEK:
			return first + 7;
		case CALENDAR_MONTH:
			return loyalty_day_plus_months(first, 1);
		case CALENDAR_QUARTER:
			return loyalty_day_plus_months(first, 3);
		default:
			return loyalty_day_plus_months(first, 12);
	}
}

int64
loyalty_day_plus_months(int64 day, int64 months)
{
	int64		year;
	int64		years;
	int			month;
	int			day_of_month;

	loyalty_date_from_days(day, &year, &month, &day_of_month);
	months += month - 1;
	years = (months >= 0 ? months : months - 11) / 12;
	year += years;
	month = (int) (months - years * 12) + 1;
	return loyalty_days_from_date(year, month,
								  Min(day_of_month, loyalty_days_in_month(year, month)));
}

bool
loyalty_clock_instant(const LocalClock *clock, LocalTime local,
					  TimestampTz *instant, CoreError *err)
{
	if (local.day >= DAY_MIN && local.day <= DAY_MAX)
	{
		*instant = clock->from_local(clock->zone, local);
		if (INSTANT_IS_VALID(*instant))
			return true;
	}
	return loyalty_core_fail(err, CORE_DATETIME,
							 "Instants lie in the years 0001 to 294276.");
}

bool
loyalty_clock_midnight(const LocalClock *clock, int64 day,
					   TimestampTz *instant, CoreError *err)
{
	LocalTime	midnight = {day, 0};
	LocalTime	shown;
	TimestampTz before;
	TimestampTz after;

	if (!loyalty_clock_instant(clock, midnight, instant, err))
		return false;
	shown = clock->to_local(clock->zone, *instant);
	if (shown.day == day && shown.time == 0)
		return true;

	/*
	 * The clocks went forward over this midnight: the day begins when they
	 * did.  They change on whole seconds.
	 */
	before = *instant - USECS_PER_DAY;
	after = *instant;
	while (after - before > USECS_PER_SEC)
	{
		TimestampTz middle = before + (after - before) / USECS_PER_SEC / 2 * USECS_PER_SEC;

		if (clock->to_local(clock->zone, middle).day < day)
			before = middle;
		else
			after = middle;
	}
	*instant = after;
	return true;
}

bool
loyalty_clock_round_down(const LocalClock *clock, CalendarUnit unit,
						 TimestampTz at, TimestampTz *start, CoreError *err)
{
	LocalTime	local = clock->to_local(clock->zone, at);

	return loyalty_clock_midnight(clock, loyalty_period_first_day(unit, local.day),
								  start, err);
}

bool
loyalty_clock_round_up(const LocalClock *clock, CalendarUnit unit,
					   LocalTime local, TimestampTz *end, CoreError *err)
{
	int64		day = local.day;

	if (local.time != 0 || loyalty_period_first_day(unit, day) != day)
		day = loyalty_period_next_day(unit, day);
	return loyalty_clock_midnight(clock, day, end, err);
}
