/*
 * rules.h
 *		What an event is worth: (rules, event, member) -> grants.
 *
 * Order of work: the rules whose window contains `at` and whose condition
 * holds give points and growth per match of `each`; of an exclusive group the
 * best for the member stays; the sum of the adding rules is multiplied; limits,
 * budgets and the program's max_balance cut; what is left is rounded once by
 * the program's rounding, and the rules' shares are made whole by largest
 * remainder.  Pure: reads nothing but its arguments, what RuleFacts answers,
 * and, for a correction, the versions of rules that the breakdown names.
 */
#ifndef LOYALTY_RULES_H
#define LOYALTY_RULES_H

#include "nodes/pg_list.h"
#include "config/config.h"
#include "engine/streak.h"

/*
 * What one rule has used of one member in one period, or how one event changes
 * that.  Stored as a row of loyalty.limit_usage.
 */
typedef struct RuleUse
{
	int32		rule_id;
	RulePeriod	per;
	int32		since;			/* first local day, as date; DATEVAL_NOBEGIN = ever */
	const char *key;			/* "" = none */
	int64		points;			/* granted */
	int64		times;			/* matches that were granted something */
	int64		seen;			/* events that the rule looked at, for $period_count */
	Numeric		measured;		/* of those, for $period_sum; NULL = 0 */
	Numeric		carried;		/* fraction kept for the next event; NULL = 0 */
	int64		budget;			/* points of it that came from the rule's budget */
} RuleUse;

/* What rules may ask beside their arguments; the event's own use is left out. */
typedef struct RuleFacts
{
	void	   *arg;

	/* Adds what is used to each of the uses, which name rule, period and key. */
	void		(*usage) (void *arg, RuleUse *uses, int count);

	/* Takes up to `points` from the rule's budget; returns how many it got. */
	int64		(*budget) (void *arg, int32 rule_id, int64 points);

	/* Earlier events of the kind, and the latest one's time; DT_NOBEGIN = none. */
	int64		(*history) (void *arg, int32 event_id, TimestampTz *last_at);

	/* Points that fit under the program's max_balance. */
	int64		(*room) (void *arg);
} RuleFacts;

/* What an event is evaluated for.  All of it is stored with the grant. */
typedef struct EventRequest
{
	const Program *program;
	const EventType *event;
	const Jsonb *attributes;	/* an object; $event */
	const Jsonb *member_attributes; /* $member; NULL = {} */
	const char *member_ref;		/* decides whom a holdout holds out; NULL = nobody */
	const Tier *tier;			/* held just before the event; NULL = none; $tier */
	const PaidPlan *plan;			/* in force, of the greatest multiplier; NULL = none */
	const RuleFacts *facts;
	const StreakValue *streak;	/* $streak of a first grant; NULL = no streak */
	TimestampTz at;				/* business time; $at in the program's zone */

	/*
	 * The breakdown stored with the first grant, when this is a correction:
	 * its rule versions and variables are used instead of the current ones.
	 */
	const Jsonb *stored;
	bool		other_plan;		/* but with `plan` in place of the stored one … */
	bool		other_tier;		/* … or, resettled, `tier` */

	/*
	 * The event is resettled: rules and program are those of now all the same,
	 * and so is what is used of limits.  Tier, plan, date and what else was known
	 * of the member are those stored, as far as they are.
	 */
	bool		renewed;
} EventRequest;

/* Points of one validity within a grant; they become one lot. */
typedef struct GrantShare
{
	int64		points;			/* signed; never 0 */
	TimestampTz valid_from;
	TimestampTz valid_until;
} GrantShare;

/* What becomes one ledger entry: the points of one kind, partner and cost. */
typedef struct EventGrant
{
	const char *point_kind;		/* NULL = the program's plain points */
	const char *partner;		/* NULL = none */
	Numeric		unit_cost;		/* NULL = none */
	int64		points;			/* whole, signed; sum of the shares */
	int64		growth;			/* whole, signed */
	GrantShare *shares;			/* merged by validity, in lot order */
	int			share_count;
	Jsonb	   *breakdown;		/* versions, variables, wished and granted */
} EventGrant;

typedef struct EventOutcome
{
	EventGrant *grants;			/* at least one, of 0 points where nothing applied */
	int			grant_count;
	int64		points;			/* over all grants */
	int64		growth;
	bool		renewed;		/* as the request was */
	List	   *uses;			/* of RuleUse: what it uses of limits, budgets ... */
	List	   *effects;		/* of Effect: what it gives beyond points */
} EventOutcome;

/*
 * Evaluates the event into *outcome, allocated in the current context.
 * Errors: 22003 where points leave bigint; LY006 where a limit refuses;
 * whatever a jsonpath raises that is not a plain lack of a value.
 */
extern void loyalty_rules_evaluate(const EventRequest *request, EventOutcome *outcome);

/* What each rule gave, for people; NULL if none gave or counted anything. */
extern const char *loyalty_outcome_by_rule(const EventOutcome *outcome);

/* The uses that a grant's breakdown notes, as a list of RuleUse. */
extern List *loyalty_breakdown_uses(const Jsonb *breakdown);

/* The $streak that its rules saw; NULL if none asked. */
extern const StreakValue *loyalty_breakdown_streak(const Jsonb *breakdown);

/* Are two texts the same, or both NULL? */
static inline bool
loyalty_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

#endif							/* LOYALTY_RULES_H */
