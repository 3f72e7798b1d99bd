/*
 * tier_row.h
 *		Tier periods, granted tiers and gifts as rows.
 */
#ifndef LOYALTY_TIER_ROW_H
#define LOYALTY_TIER_ROW_H

#include "engine/engine.h"

/* Writes the moves, grants and gifts of an operation. */
extern void loyalty_tiers_store(const Engine *engine);

/*
 * Calls back for the tier periods with which a member begins who has none yet,
 * with the values of all columns (TierPeriodColumn).
 */
typedef void (*PeriodVisitor) (const Datum *values, void *arg);
extern void loyalty_tiers_begin(const Engine *engine, PeriodVisitor visitor, void *arg);

/* The member's grants that may not be over, of TierGrant. */
extern List *loyalty_grants_load(int64 member_id);

/* The gift that stands for a tier at `at`, 0 if none; *cause: what reached it. */
extern int64 loyalty_gift_standing(int64 member_id, int32 tier_id, TimestampTz at,
								   int64 *cause);

/*
 * Is the instant one that the member's tier periods account for?  Then
 * *tier_id is what was held, 0 = none.  Otherwise the clock tells from the
 * member's row.
 */
extern bool loyalty_tier_recorded(int64 member_id, TimestampTz at, int32 *tier_id);

#endif							/* LOYALTY_TIER_ROW_H */
