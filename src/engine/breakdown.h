/*
 * breakdown.h
 *		What the engine itself notes in breakdowns: waivers that a restore or
 *		a gift cancelled, per grant; the tier of a gift.  Rules write theirs in rules.c.
 */
#ifndef LOYALTY_BREAKDOWN_H
#define LOYALTY_BREAKDOWN_H

#include "nodes/pg_list.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* A list of (grant entry, points); NIL = none. */
typedef List CancelledWaivers;

extern CancelledWaivers *loyalty_breakdown_cancel(CancelledWaivers *list, int64 grant,
												  int64 points);
extern int64 loyalty_breakdown_cancelled(const CancelledWaivers *list, int64 grant);

/* As {"cancelled": {"<grant>": points}} and back; 0 if it says nothing. */
extern Jsonb *loyalty_breakdown_store_cancelled(const CancelledWaivers *list);
extern int64 loyalty_breakdown_read_cancelled(const Jsonb *breakdown, int64 grant);

/*
 * {"rules": []}: the event counts, but no rule gives points of this kind; with
 * "resettled": true if that comes from resettling.
 */
extern Jsonb *loyalty_breakdown_no_rules(bool resettled);
extern bool loyalty_breakdown_is_resettled(const Jsonb *breakdown);

/* {"status": new status}, {"tier": name, "kind": …, "until": …} of a granted
 * tier (until in UTC, null = never), and {"tier": name, "cause": entry} of a gift. */
extern Jsonb *loyalty_breakdown_status(const char *status);
extern Jsonb *loyalty_breakdown_hold(TimestampTz until);
extern TimestampTz loyalty_breakdown_read_until(const Jsonb *breakdown);
extern Jsonb *loyalty_breakdown_tier_grant(const char *tier, const char *kind,
										   TimestampTz until);
extern Jsonb *loyalty_breakdown_gift(const char *tier, int64 cause,
									 const CancelledWaivers *cancelled);

/* The tier of a gift; "" if the breakdown is of something else. */
extern const char *loyalty_breakdown_tier(const Jsonb *breakdown);

#endif							/* LOYALTY_BREAKDOWN_H */
