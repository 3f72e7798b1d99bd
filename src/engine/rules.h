/*
 * rules.h
 *		What an event is worth: (rules, event, member) -> grants.
 *
 * Order of work: the rules whose window contains `at` and whose condition
 * holds give points and growth per match of `each`; their sum times the
 * multiplier is rounded once by the program's rounding; the rules' shares are
 * made whole by largest remainder.  Pure: reads nothing but its arguments
 * and, for a correction, the versions of rules that they name.
 */
#ifndef LOYALTY_RULES_H
#define LOYALTY_RULES_H

#include "nodes/pg_list.h"
#include "config/config.h"

/* The variables that a path may mention, as bits. */
#define RULE_VARIABLE_EVENT		0x01
#define RULE_VARIABLE_AT		0x02
#define RULE_VARIABLE_MEMBER	0x04
#define RULE_VARIABLE_TIER		0x08

/* Paths of the plainest shapes need no jsonpath executor; same results. */
typedef enum PathShape
{
	PATH_ABSENT,				/* the column is NULL */
	PATH_GENERAL,
	PATH_ROOT,					/* $ */
	PATH_NUMBER,				/* 100 */
	PATH_KEY					/* $.amount, lax */
} PathShape;

struct RulePath
{
	PathShape	shape;
	JsonPath   *path;			/* NULL if absent */
	Numeric		number;			/* PATH_NUMBER */
	char	   *key;			/* PATH_KEY */
	int			key_length;
	int			variables;		/* RULE_VARIABLE_ bits */
	List	   *member_keys;	/* of char *: the keys of $member that it uses */
	bool		whole_member;	/* it uses $member in another way */
};

/* One row of loyalty.rule. */
struct Rule
{
	int32		rule_id;
	int64		version_id;		/* of its row in config_version */
	char	   *name;
	char	   *program;
	char	   *event;
	RulePath	each;
	RulePath	condition;
	RulePath	points;
	RulePath	growth;			/* absent: the points before multipliers */
	int			variables;		/* of all four */
	List	   *member_keys;	/* of char *: keys of $member they use */
	bool		whole_member;	/* they use $member otherwise */
	bool		multiplied;
	bool		active;
	char	   *point_kind;		/* NULL = the program's plain points */
	char	   *partner;		/* NULL = none */
	Numeric		unit_cost;		/* NULL = none */
	char	  **tiers;
	int			tier_count;		/* 0 = everybody */
	TimestampTz starts_at;		/* inclusive */
	TimestampTz ends_at;		/* exclusive */
	ValidityPolicy *validity;	/* NULL = the program's */
	Interval   *pending_for;	/* NULL = the program's */
};

/* What an event is evaluated for.  All of it is stored with the grant. */
typedef struct EventRequest
{
	const Program *program;
	const EventType *event;
	const Jsonb *attributes;	/* an object; $event */
	const Jsonb *member_attributes; /* $member; NULL = {} */
	const Tier *tier;			/* held just before the event; NULL = none; $tier */
	const PaidPlan *plan;			/* in force, of the greatest multiplier; NULL = none */
	TimestampTz at;				/* business time; $at in the program's zone */

	/*
	 * The breakdown stored with the first grant, when this is a correction:
	 * its rule versions and variables are used instead of the current ones.
	 */
	const Jsonb *stored;
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
} EventOutcome;

/*
 * Evaluates the event into *outcome, allocated in the current context.
 * Errors: 22003 where points leave bigint; whatever a jsonpath raises that is
 * not a plain lack of a value.
 */
extern void loyalty_rules_evaluate(const EventRequest *request, EventOutcome *outcome);

/* Does the condition hold over a document?  It mentions no variable. */
extern bool loyalty_condition_holds(const RulePath *condition, const Jsonb *document);

#endif							/* LOYALTY_RULES_H */
