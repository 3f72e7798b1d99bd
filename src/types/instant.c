/*
 * instant.c
 *		ISO 8601 instants, read strictly and written in UTC.
 */
#include "types/instant.h"

#define DAYS_PER_ERA		146097	/* 400 years */

/* Days from 0000-03-01 to 2000-01-01: years are counted from March here. */
#define DAYS_TO_2000		730425

#define MAX_YEAR_DIGITS		6
#define MAX_FRACTION_DIGITS 6
#define MAX_OFFSET_HOURS	15

int64
loyalty_days_from_date(int64 year, int month, int day)
{
	int64		era;
	int64		year_of_era;
	int64		day_of_year;

	/* A year that starts in March ends with its leap day. */
	if (month <= 2)
		year--;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	return era * DAYS_PER_ERA +
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year - DAYS_TO_2000;
}

void
loyalty_date_from_days(int64 days, int64 *year, int *month, int *day)
{
	int64		era;
	int64		day_of_era;
	int64		year_of_era;
	int64		day_of_year;
	int			march_month;

	days += DAYS_TO_2000;
	era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	day_of_era = days - era * DAYS_PER_ERA;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				   day_of_era / (DAYS_PER_ERA - 1)) / 365;
	day_of_year = day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	march_month = (int) ((5 * day_of_year + 2) / 153);
	*day = (int) (day_of_year - (153 * march_month + 2) / 5 + 1);
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = era * 400 + year_of_era + (*month <= 2 ? 1 : 0);
}

int
loyalty_days_in_month(int64 year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static inline bool
is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* Reads exactly two digits. */
static bool
two_digits(const char **p, const char *end, int *value)
{
	if (!is_digit(*p, end) || !is_digit(*p + 1, end))
		return false;
	*value = ((*p)[0] - '0') * 10 + ((*p)[1] - '0');
	*p += 2;
	return true;
}

static bool
skip_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static bool
fail_syntax(CoreError *err)
{
	return loyalty_core_fail(err, CORE_SYNTAX,
							 "An instant is written like 2026-11-21T00:00:00Z.");
}

static bool
fail_field(CoreError *err)
{
	return loyalty_core_fail(err, CORE_DATETIME, "A date or time field is out of range.");
}

static bool
fail_range(CoreError *err)
{
	return loyalty_core_fail(err, CORE_DATETIME,
							 "Instants lie in the years 0001 to 294276.");
}

static bool
parse_date(const char **p, const char *end, int64 *days, CoreError *err)
{
	const char *start = *p;
	int64		year = 0;
	int			month;
	int			day;

	for (; is_digit(*p, end) && *p - start < MAX_YEAR_DIGITS; (*p)++)
		year = year * 10 + (**p - '0');
	if (*p - start < 4 || !skip_char(p, end, '-') || !two_digits(p, end, &month) ||
		!skip_char(p, end, '-') || !two_digits(p, end, &day) || is_digit(*p, end))
		return fail_syntax(err);
	if (month < 1 || month > 12 || day < 1 || day > loyalty_days_in_month(year, month))
		return fail_field(err);
	*days = loyalty_days_from_date(year, month, day);
	return true;
}

/* The time of day, in microseconds. */
static bool
parse_time(const char **p, const char *end, int64 *time, CoreError *err)
{
	int			hour;
	int			minute;
	int			second = 0;
	int64		fraction = 0;

	if (!two_digits(p, end, &hour) || !skip_char(p, end, ':') ||
		!two_digits(p, end, &minute))
		return fail_syntax(err);
	if (skip_char(p, end, ':'))
	{
		if (!two_digits(p, end, &second))
			return fail_syntax(err);
		if (skip_char(p, end, '.'))
		{
			int			digits = 0;

			for (; is_digit(*p, end) && digits < MAX_FRACTION_DIGITS; (*p)++, digits++)
				fraction = fraction * 10 + (**p - '0');
			if (digits == 0)
				return fail_syntax(err);
			for (; digits < MAX_FRACTION_DIGITS; digits++)
				fraction *= 10;
		}
	}
	if (is_digit(*p, end))
		return fail_syntax(err);
	if (hour > 23 || minute > 59 || second > 59)
		return fail_field(err);
	*time = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

/* How far local time is ahead of UTC, in microseconds; none is UTC. */
static bool
parse_offset(const char **p, const char *end, int64 *offset, CoreError *err)
{
	bool		ahead;
	int			hours;
	int			minutes = 0;

	*offset = 0;
	if (skip_char(p, end, 'Z') || skip_char(p, end, 'z'))
		return true;
	ahead = skip_char(p, end, '+');
	if (!ahead && !skip_char(p, end, '-'))
		return true;
	if (!two_digits(p, end, &hours))
		return fail_syntax(err);
	if ((skip_char(p, end, ':') || is_digit(*p, end)) && !two_digits(p, end, &minutes))
		return fail_syntax(err);
	if (is_digit(*p, end))
		return fail_syntax(err);
	if (hours > MAX_OFFSET_HOURS || minutes > 59)
		return fail_field(err);
	*offset = (hours * 60 + minutes) * USECS_PER_MINUTE;
	if (!ahead)
		*offset = -*offset;
	return true;
}

bool
loyalty_instant_parse(const char **cursor, const char *end,
					  TimestampTz *instant, CoreError *err)
{
	static const char never[] = "infinity";
	const int	never_length = sizeof(never) - 1;
	const char *p = *cursor;
	int64		days = 0;
	int64		time = 0;
	int64		offset = 0;

	if (end - p >= never_length && pg_strncasecmp(p, never, never_length) == 0)
	{
		*instant = DT_NOEND;
		*cursor = p + never_length;
		return true;
	}

	if (!parse_date(&p, end, &days, err))
		return false;

	/* A blank may also be what follows a date. */
	if (p < end && (*p == 'T' || *p == 't' || (*p == ' ' && is_digit(p + 1, end))))
	{
		p++;
		if (!parse_time(&p, end, &time, err) || !parse_offset(&p, end, &offset, err))
			return false;
	}

	/* Years have six digits at most, so only the last of them overflow. */
	if (days < INSTANT_MIN / USECS_PER_DAY - 1 || days > END_TIMESTAMP / USECS_PER_DAY)
		return fail_range(err);
	*instant = days * USECS_PER_DAY + (time - offset);
	if (!INSTANT_IS_VALID(*instant))
		return fail_range(err);
	*cursor = p;
	return true;
}

int
loyalty_instant_format(TimestampTz instant, char *buf)
{
	int64		days;
	int64		time;
	int64		year;
	int			month;
	int			day;
	int			second;
	int			fraction;
	int			length;

	if (instant == DT_NOEND)
		return snprintf(buf, INSTANT_TEXT_SIZE, "infinity");

	days = instant / USECS_PER_DAY;
	time = instant % USECS_PER_DAY;
	if (time < 0)
	{
		time += USECS_PER_DAY;
		days--;
	}
	loyalty_date_from_days(days, &year, &month, &day);
	second = (int) (time / USECS_PER_SEC);
	fraction = (int) (time % USECS_PER_SEC);

	length = snprintf(buf, INSTANT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
					  (int) year, month, day,
					  second / SECS_PER_HOUR,
					  second / SECS_PER_MINUTE % MINS_PER_HOUR,
					  second % SECS_PER_MINUTE);
	if (fraction != 0)
	{
		length += snprintf(buf + length, INSTANT_TEXT_SIZE - length, ".%06d", fraction);
		while (buf[length - 1] == '0')
			length--;
	}
	buf[length++] = 'Z';
	buf[length] = '\0';
	return length;
}
