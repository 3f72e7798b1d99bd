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

#include "types/core.h"

/* A varlena in canonical form; only validity.c looks inside. */
typedef struct ValidityPolicy ValidityPolicy;

#ifndef FRONTEND
#include "fmgr.h"
#include "pgtime.h"

#define DatumGetValidityPolicy(d)	((ValidityPolicy *) PG_DETOAST_DATUM(d))

/*
 * The instant at which points valid from `valid_from` lapse under the policy
 * in time zone `tz`; DT_NOEND for never.  Errors: 22008 if out of range.
 */
extern TimestampTz loyalty_validity_until(const ValidityPolicy *policy,
										  TimestampTz valid_from, pg_tz *tz);
#endif

#endif							/* LOYALTY_VALIDITY_H */
