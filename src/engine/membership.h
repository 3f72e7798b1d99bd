/*
 * membership.h
 *		Paid plans and benefits of one member, as functions of the clock.
 *
 * A subscription is in force in [since, until).  A benefit's quota is counted
 * in local calendar periods.  Of the ways in which a benefit is given to a
 * member the one of the greatest quota counts, then that of the greatest value.
 */
#ifndef LOYALTY_MEMBERSHIP_H
#define LOYALTY_MEMBERSHIP_H

#include "engine/engine.h"

/* One paid period of a plan; a row of loyalty.subscription. */
typedef struct Subscription
{
	int64		entry_id;
	int32		plan_id;
	TimestampTz since;
	TimestampTz until;
	TimestampTz sold_until;
	TimestampTz anchor;
	int32		nth;			/* ends nth periods after the anchor */
	Interval	period;
	Numeric		price;
	int64		ended_by;		/* 0 = was not cancelled */
	Numeric		refund;			/* NULL = was not cancelled */
} Subscription;

/* A tier held in [since, until), as recorded. */
typedef struct TierHeld
{
	int32		tier_id;
	TimestampTz since;
	TimestampTz until;
} TierHeld;

/* What benefits depend on. */
typedef struct Standing
{
	const Program *program;
	const Tier *tier;			/* held now; NULL = none */
	List	   *tiers;			/* of TierHeld */
	List	   *subscriptions;	/* of Subscription */
	TimestampTz at;
} Standing;

/* A benefit as a member has it. */
typedef struct Entitlement
{
	const Benefit *benefit;		/* the way that counts; NULL = not entitled */
	const Benefit *any;			/* a row of the name, given or not; NULL = there is none */
	TimestampTz period_start;	/* DT_NOBEGIN = once */
	TimestampTz period_end;		/* DT_NOEND = once */
	bool		condition_fails;	/* entitled, but not on this document */
	bool		admitted;		/* the condition of one of the rows holds for it */
} Entitlement;

/* What one call used of a benefit, and what that left. */
typedef struct BenefitUse
{
	const char *benefit;
	int64		quantity;
	int64		used;			/* of the quota in the period, this use included */
	int64		quota;			/* BENEFIT_UNLIMITED; 0 = not entitled */
	int64		units;			/* of the quantity, from units that rules gave */
	int64		units_left;		/* of those */
} BenefitUse;

/* The plan in force of the greatest multiplier; NULL if none multiplies. */
extern const PaidPlan *loyalty_plan_multiplying(const Program *program, List *subscriptions,
												TimestampTz at);

/* Fills in the next period of a plan: from `at`, or the end of what is paid for. */
extern void loyalty_subscription_sell(const Program *program, const PaidPlan *plan,
									  List *subscriptions, TimestampTz at,
									  Subscription *sold);

/* Cuts a subscription at `at`, or at its start if that is later. */
extern void loyalty_subscription_cancel(Subscription *subscription, TimestampTz at);

/* What [from, until) costs in periods from `from` on, the last one by its part. */
extern Numeric loyalty_plan_price(const Program *program, const PaidPlan *plan,
								  TimestampTz from, TimestampTz until);

/* The local calendar period of a benefit that `at` falls in. */
extern void loyalty_benefit_period(const Program *program, const Benefit *benefit,
								   TimestampTz at, TimestampTz *start, TimestampTz *end);

/*
 * What the member has of the benefit of that name, to be used on `document`
 * (NULL: conditions do not count).
 */
extern void loyalty_benefit_entitle(const Standing *standing, const char *name,
									const Jsonb *document, Entitlement *entitlement);

/* An entry of 0 points that says what was done. */
extern Entry *loyalty_engine_note(Engine *engine, EntryKind kind, const char *ref,
								  const Jsonb *breakdown);

/* Breakdowns of subscribe, unsubscribe and use_benefit. */
extern Jsonb *loyalty_breakdown_subscription(const char *plan, const Subscription *sold);
extern Jsonb *loyalty_breakdown_cancellation(const char *plan, TimestampTz at, Numeric refund);
extern Jsonb *loyalty_breakdown_benefit(const BenefitUse *use, const Entitlement *entitlement);

#endif							/* LOYALTY_MEMBERSHIP_H */
