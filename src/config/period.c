/*
 * period.c
 *		The periods in which rules, limits and tasks count, and their names.
 */
#include "postgres.h"

#include "config/rule.h"

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

CalendarUnit
loyalty_period_unit(RulePeriod per)
{
	for (int i = 0; i < lengthof(periods); i++)
	{
		if (periods[i].per == per)
			return periods[i].unit;
	}
	elog(ERROR, "unknown period '%c'", per);
}
