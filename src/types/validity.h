/*
 * validity.h
 *		validity_policy: how long a lot lives, as a small typed value.
 *
 * `never`, a length (`365 days`, `1 year`), a length rounded up to the end of
 * a local day, week (ISO), month, quarter or year, `end of year`,
 * `end of next year`, the next of some dates (`on 06-30,12-31`), or the
 * earliest of two policies.  "Through 31 Dec" is 1 Jan 00:00 local.
 */
#ifndef LOYALTY_VALIDITY_H
#define LOYALTY_VALIDITY_H

#include "types/calendar.h"
#include "types/core.h"

/* A varlena in canonical form; only validity.c looks inside. */
typedef struct ValidityPolicy ValidityPolicy;

/* Policies nest so deep in `earliest of`. */
#define VALIDITY_DEPTH_MAX 8

/* Reads a policy into fresh memory; case and blanks do not matter. */
extern bool loyalty_validity_parse(const char *text, ValidityPolicy **policy, CoreError *err);

/* The canonical text: lower case, one blank between words. */
extern char *loyalty_validity_format(const ValidityPolicy *policy);

/*
 * The instant at which points valid from a valid instant lapse; DT_NOEND for
 * never.  Fails with CORE_DATETIME where that leaves the valid instants.
 */
extern bool loyalty_validity_evaluate(const ValidityPolicy *policy, TimestampTz valid_from,
									  const LocalClock *clock, TimestampTz *valid_until,
									  CoreError *err);

#ifndef FRONTEND
#include "fmgr.h"
#include "pgtime.h"

#define DatumGetValidityPolicy(d)	((ValidityPolicy *) PG_DETOAST_DATUM(d))
#define PG_GETARG_VALIDITY_POLICY(n)	DatumGetValidityPolicy(PG_GETARG_DATUM(n))

/*
 * The instant at which points valid from `valid_from` lapse under the policy
 * in time zone `tz`; DT_NOEND for never.  Errors: 22008 if out of range.
 */
extern TimestampTz loyalty_validity_until(const ValidityPolicy *policy,
										  TimestampTz valid_from, pg_tz *tz);
#endif

#endif							/* LOYALTY_VALIDITY_H */
