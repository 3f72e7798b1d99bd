/*
 * membership_row.h
 *		Subscriptions, tier periods and used benefits as rows.
 */
#ifndef LOYALTY_MEMBERSHIP_ROW_H
#define LOYALTY_MEMBERSHIP_ROW_H

#include "engine/membership.h"

/* All of a member's subscriptions, by entry. */
extern List *loyalty_subscriptions_load(int64 member_id);
extern void loyalty_subscription_insert(int64 member_id, const Subscription *sold,
										const char *ref);

/* Stores the end and the refund of one that was cancelled by that entry. */
extern void loyalty_subscription_store(int64 member_id, const Subscription *cancelled);

/* All tiers that a member has held: of TierHeld. */
extern List *loyalty_tiers_held(int64 member_id);

/* Units used in the period that starts then; adding returns the new number. */
extern int64 loyalty_benefit_used(int64 member_id, const char *benefit, TimestampTz start);
extern int64 loyalty_benefit_add(int64 member_id, const char *benefit, TimestampTz start,
								 int64 quantity);

#endif							/* LOYALTY_MEMBERSHIP_ROW_H */
