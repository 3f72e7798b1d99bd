/*
 * calendar_zone.c
 *		The clock of a time zone, from PostgreSQL's own zone database.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"

#include "types/calendar.h"
#include "types/instant.h"

static LocalTime
zone_to_local(const void *zone, TimestampTz instant)
{
	pg_time_t	seconds = (instant - (instant < 0 ? USECS_PER_SEC - 1 : 0)) / USECS_PER_SEC +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (pg_time_t) SECS_PER_DAY;
	struct pg_tm *tm = pg_localtime(&seconds, (const pg_tz *) zone);
	LocalTime	local;
	int64		time;

	if (tm == NULL)
		elog(ERROR, "instant has no local time");
	local.day = instant / USECS_PER_DAY;
	time = instant % USECS_PER_DAY + tm->tm_gmtoff * USECS_PER_SEC;
	for (; time < 0; time += USECS_PER_DAY)
		local.day--;
	for (; time >= USECS_PER_DAY; time -= USECS_PER_DAY)
		local.day++;
	local.time = time;
	return local;
}

static TimestampTz
zone_from_local(const void *zone, LocalTime local)
{
	struct pg_tm tm = {0};
	int64		year;
	int			seconds = (int) (local.time / USECS_PER_SEC);
	int			west;

	loyalty_date_from_days(local.day, &year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_year = (int) year;
	tm.tm_hour = seconds / SECS_PER_HOUR;
	tm.tm_min = seconds / SECS_PER_MINUTE % MINS_PER_HOUR;
	tm.tm_sec = seconds % SECS_PER_MINUTE;
	west = DetermineTimeZoneOffset(&tm, (pg_tz *) zone);
	return local.day * USECS_PER_DAY + (local.time + west * USECS_PER_SEC);
}

void
loyalty_clock_of_zone(LocalClock *clock, pg_tz *zone)
{
	clock->to_local = zone_to_local;
	clock->from_local = zone_from_local;
	clock->zone = zone;
}

pg_tz *
loyalty_time_zone_lookup(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone: \"%s\"", name),
				 errhint("The view pg_timezone_names lists the names.")));
	return zone;
}
