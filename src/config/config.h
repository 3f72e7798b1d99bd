/*
 * config.h
 *		Configuration as the engine sees it: programs, tiers, rules as structs.
 *
 * The structs live in the session's configuration cache (cache.c).  A caller
 * may use a Program until its own call ends: loyalty_program_lookup keeps what
 * it handed out alive until the end of the transaction, even if another
 * session's change replaces the cache meanwhile.
 */
#ifndef LOYALTY_CONFIG_H
#define LOYALTY_CONFIG_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/numeric.h"
#include "utils/jsonb.h"
#include "utils/jsonpath.h"

#include "config/rule.h"
#include "config/streak.h"
#include "types/calendar.h"
#include "types/validity.h"
#include "types/wallet.h"

typedef enum Shortfall
{
	SHORTFALL_OWE = 'o',
	SHORTFALL_WAIVE = 'w'
} Shortfall;

typedef enum Rounding
{
	ROUND_DOWN = 'd',
	ROUND_NEAREST = 'n',		/* a half upwards */
	ROUND_UP = 'u'
} Rounding;

typedef enum RestoreLapsed
{
	RESTORE_LAPSE = 'l',
	RESTORE_GRACE = 'g',
	RESTORE_REMAINING = 'r'
} RestoreLapsed;

typedef enum LotGranularity
{
	GRANULARITY_ENTRY = 'e',
	GRANULARITY_DAY = 'd',
	GRANULARITY_MONTH = 'm'
} LotGranularity;

/* What becomes of a tier that was not kept when its status period ends. */
typedef enum Downgrade
{
	DOWNGRADE_NONE = 'n',		/* it is kept all the same */
	DOWNGRADE_ONE = 'o',		/* the next lower tier */
	DOWNGRADE_REASSESS = 'r'	/* the highest lower tier that growth still gives */
} Downgrade;

typedef struct Tier
{
	int32		tier_id;
	char	   *name;
	int32		rank;			/* unique in the program; higher is better */
	int64		threshold;		/* live growth that reaches it */
	Numeric		earn_multiplier;
	bool		multiplies;		/* earn_multiplier <> 1 */
	int64		gift;			/* points, once a cycle, on reaching it; 0 = none */
	int64		keep_threshold; /* growth of a status period that keeps it; -1 = none */
	JsonPath   *condition;		/* beside the thresholds; NULL = none */
	int			condition_needs;	/* TIER_NEEDS_ bits */
	Numeric		redeem_discount;	/* share off the price of rewards */
	ValidityPolicy *status_validity;	/* of a status period; NULL = never ends */
	Downgrade	downgrade;
	Interval	grace;			/* between the period's end and the downgrade */
	bool		permanent;		/* the clock never takes it, nor anything above it falls lower */
} Tier;

/* What a tier's condition asks the member's past for. */
#define TIER_NEEDS_ORDERS	0x01	/* $orders, $active_days */
#define TIER_NEEDS_TENURE	0x02	/* $tenure */
#define TIER_NEEDS_PLAN		0x04	/* $plan */

/* A paid membership. */
typedef struct PaidPlan
{
	int32		plan_id;
	char	   *name;
	Numeric		price;			/* of one period */
	Interval	period;
	Numeric		earn_multiplier;
	bool		multiplies;		/* earn_multiplier <> 1 */
	bool		active;			/* can be subscribed to */
} PaidPlan;

/* A quota without limit; greater than any other. */
#define BENEFIT_UNLIMITED	PG_INT64_MAX

/* One way in which a benefit is given: a row of loyalty.benefit. */
typedef struct Benefit
{
	int32		benefit_id;
	char	   *name;			/* of the benefit; several rows may share it */
	char	   *tier;			/* NULL = not by tier */
	char	   *plan;			/* NULL = not by plan */
	char	   *kind;
	int64		quota;			/* BENEFIT_UNLIMITED */
	char	   *unit;
	char	   *period_name;
	CalendarUnit period;		/* CALENDAR_NONE = once */
	char	   *event;
	RulePath   *condition;
	Numeric		value;			/* NULL = none */
	RulePath   *worth;			/* of one use, in currency; absent: value */
} Benefit;

/* What completes an invitation. */
typedef struct ReferralRule
{
	char	   *event;			/* of the invitee */
	RulePath   *condition;
	Interval   *within;			/* after the invitation; NULL = for ever */
} ReferralRule;

/* So many events, or so much of something in them. */
typedef struct Task
{
	int32		task_id;
	char	   *name;
	char	   *event;
	RulePath   *condition;
	RulePath   *measure;		/* absent: events are counted */
	Numeric		target;
	char		repeat;			/* a RulePeriod: PERIOD_EVER = once */
	TimestampTz starts_at;		/* inclusive */
	TimestampTz ends_at;		/* exclusive */
	char	   *requires;		/* badge; NULL = none */
	char	   *badge;			/* that it awards; NULL = none */
	bool		active;
} Task;

/* Teams of members, and what makes their score. */
typedef struct Contest
{
	int32		contest_id;
	char	   *name;
	char	   *event;
	RulePath   *condition;
	RulePath   *measure;		/* absent: events are counted */
	TimestampTz starts_at;		/* inclusive */
	TimestampTz ends_at;		/* exclusive */
	TimestampTz joins_until;	/* exclusive; at most ends_at */
	int32		max_members;	/* of a team; 0 = any number */
	Interval   *settle_after;	/* the end, by maintain() */
	bool		active;
} Contest;

/* A kind of coupon that rules give. */
typedef struct CouponType
{
	int32		coupon_type_id;
	char	   *name;
	ValidityPolicy *validity;	/* NULL = the program's */
} CouponType;

/* A draw that rules give tickets for. */
typedef struct Draw
{
	int32		draw_id;
	char	   *name;
	TimestampTz starts_at;		/* inclusive */
	TimestampTz ends_at;		/* exclusive */
} Draw;

/* One kind of event and the rules of a program that name it. */
typedef struct EventType
{
	int32		event_id;
	char	   *name;
	Rule	  **rules;			/* active ones; the window is checked per event */
	int			rule_count;
	bool		needs_history;	/* one of them mentions $count or $idle_days */
	StreakTerms *streak;		/* NULL = none */
} EventType;

typedef struct Program
{
	int32		program_id;
	int64		version_id;		/* of its row in config_version */
	char	   *name;
	bool		is_default;
	char	   *time_zone;
	pg_tz	   *tz;
	ValidityPolicy *validity;
	Interval	pending_for;
	SpendOrder	spend_order;
	Shortfall	shortfall;
	Rounding	rounding;
	RestoreLapsed restore_lapsed;
	Interval	grace;
	LotGranularity lot_granularity;
	Numeric		max_multiplier; /* NULL = none */
	Numeric		point_value;	/* of a point, in currency; NULL = not stated */
	int64		max_balance;	/* -1 = none */
	Interval	max_hold;
	ValidityPolicy *growth_window;	/* NULL = never */
	bool		refund_keeps_tier;	/* refund_tier = keep */
	bool		auto_enroll;
	bool		keep_attributes;
	Tier	   *tiers;			/* by rank, ascending */
	int			tier_count;
	bool		tiers_ask;		/* one of them has a condition */
	PaidPlan   *plans;			/* by name */
	int			plan_count;
	bool		plans_multiply; /* one of them has a multiplier */
	Benefit    *benefits;		/* active ones, by name and id */
	int			benefit_count;
	ReferralRule *referral;		/* NULL = nobody invites */
	Task	   *tasks;			/* by id */
	int			task_count;
	Contest    *contests;
	int			contest_count;
	char	  **badges;			/* their names */
	int			badge_count;
	CouponType *coupon_types;
	int			coupon_type_count;
	Draw	   *draws;
	int			draw_count;
	EventType  *events;			/* by name; one for every event of the database */
	int			event_count;
} Program;

/* Defines the settings and registers the cache's callbacks; for _PG_init. */
extern void loyalty_config_init(void);

/* A relcache message came for that relation (InvalidOid = any). */
extern void loyalty_config_changed(Oid relid);

/*
 * The program of that name; NULL = the setting loyalty.program, else the
 * default one.  LY005 if there is none.  Brings the cache up to date first.
 */
extern const Program *loyalty_program_lookup(const char *name);

/* The program of that name or id; NULL if there is no such program any more. */
extern const Program *loyalty_program_find(const char *name);
extern const Program *loyalty_program_by_id(int32 program_id);

/* Another number whenever any configuration may have changed since the last call. */
extern uint64 loyalty_config_generation(void);

/*
 * A program or rule as it was, by a version_id that was its own: without tiers
 * and events.  42704 if that version is not stored.  Good until the end of the
 * transaction, as above.
 */
extern const Program *loyalty_program_by_version(int64 version_id);
extern const Rule *loyalty_rule_by_version(int64 version_id);

/*
 * instant + interval by the calendar and clock of the program's time zone:
 * months clamp to the last day, days keep the local time.  22008 if out of range.
 */
extern TimestampTz loyalty_program_add(const Program *program, TimestampTz at,
									   const Interval *interval);

/* NULL if the program has no such tier (any more). */
extern const Tier *loyalty_tier_by_id(const Program *program, int32 tier_id);

/* NULL if the program has no such plan (any more). */
extern const PaidPlan *loyalty_plan_lookup(const Program *program, const char *name);
extern const PaidPlan *loyalty_plan_by_id(const Program *program, int32 plan_id);

/* NULL or false if the program has no such kind of coupon, draw or badge (any more). */
extern const CouponType *loyalty_coupon_type_lookup(const Program *program, const char *name);
extern const Draw *loyalty_draw_lookup(const Program *program, const char *name);
extern bool loyalty_badge_is_known(const Program *program, const char *name);

/*
 * The event of that name with the program's rules for it, which may be none;
 * NULL if no rule of any program ever named it.
 */
extern const EventType *loyalty_event_lookup(const Program *program, const char *name);

/* The name of an event id, for reports and messages; "event <id>" if unknown. */
extern const char *loyalty_event_name(int32 event_id);

/* The small id of the event `register`, which every installation has. */
#define LOYALTY_EVENT_REGISTER	1

#endif							/* LOYALTY_CONFIG_H */
