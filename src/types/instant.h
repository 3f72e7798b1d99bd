/*
 * instant.h
 *		Instants as text: ISO 8601, read strictly, written in UTC.
 *
 * The same text means the same instant in every session, whatever its
 * DateStyle and TimeZone: input functions of stored values must be immutable.
 */
#ifndef LOYALTY_INSTANT_H
#define LOYALTY_INSTANT_H

#include "types/core.h"

/* Longest text of an instant, with its terminating zero. */
#define INSTANT_TEXT_SIZE 40

/* 0001-01-01 00:00 UTC: ISO 8601 text has no agreed way to go further back. */
#define INSTANT_MIN	(-INT64CONST(63082281600) * USECS_PER_SEC)

/* Finite, and in the years 0001 to 294276. */
#define INSTANT_IS_VALID(t) (INSTANT_MIN <= (t) && (t) < END_TIMESTAMP)

/* Days since 2000-01-01 of a date of the Gregorian calendar, and back. */
extern int64 loyalty_days_from_date(int64 year, int month, int day);
extern void loyalty_date_from_days(int64 days, int64 *year, int *month, int *day);
extern int	loyalty_days_in_month(int64 year, int month);

/*
 * Reads an instant at *cursor and moves the cursor behind it:
 * `2026-11-21T00:00:00Z`, a blank for the T, a fraction of up to 6 digits,
 * offsets `+08`, `+08:00`, `+0800`; seconds may be left out, and so may the
 * offset (UTC) or all of the time (midnight UTC).  `infinity` is DT_NOEND.
 */
extern bool loyalty_instant_parse(const char **cursor, const char *end,
								  TimestampTz *instant, CoreError *err);

/* Writes a valid instant or DT_NOEND to buf; returns its length. */
extern int	loyalty_instant_format(TimestampTz instant, char *buf);

#endif							/* LOYALTY_INSTANT_H */
