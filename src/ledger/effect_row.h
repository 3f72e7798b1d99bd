/*
 * effect_row.h
 *		What rules gave beyond points, as rows.
 */
#ifndef LOYALTY_EFFECT_ROW_H
#define LOYALTY_EFFECT_ROW_H

#include "engine/effect.h"

/* Units that one rule gave by one event. */
typedef struct BenefitUnits
{
	int64		entry_id;
	int32		rule_id;
	int64		left;			/* of them not used */
	TimestampTz valid_until;
} BenefitUnits;

/* Brings the rows of coupons, tickets and units to what the operation noted. */
extern void loyalty_effects_store(const Engine *engine);

/* The rules of whose coupons and units by an event the member has used some, by id. */
extern List *loyalty_effects_used(int64 member_id, int64 entry_id);

/* A coupon of a member, whose id the caller sets; false if it has none of that id. */
typedef struct GivenCoupon
{
	int64		coupon_id;
	const char *name;			/* of its kind */
	const char *kind;			/* amount or percent */
	Numeric		value;
	Numeric		minimum_order;
	TimestampTz valid_from;
	TimestampTz valid_until;
	bool		used;
	bool		voided;
} GivenCoupon;

extern bool loyalty_coupon_load(int64 member_id, GivenCoupon *coupon);
extern void loyalty_coupon_use(int64 member_id, int64 coupon_id, int64 entry_id);

/* The units of a benefit that can be used at `at`: of BenefitUnits, soonest end first. */
extern List *loyalty_benefit_units_load(int64 member_id, const char *benefit, TimestampTz at);
extern void loyalty_benefit_units_use(int64 member_id, const char *benefit,
									  const BenefitUnits *units, int64 quantity);

#endif							/* LOYALTY_EFFECT_ROW_H */
