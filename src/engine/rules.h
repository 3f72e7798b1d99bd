/*
 * rules.h
 *		What an event is worth: (rules, event, member) -> grants.
 *
 * Order of work: the rules whose window contains `at` and whose condition
 * holds give points and growth per match of `each`; their sum times the
 * multiplier is rounded once by the program's rounding; the rules' shares are
 * made whole by largest remainder.  Pure: reads nothing but its arguments.
 */
#ifndef LOYALTY_RULES_H
#define LOYALTY_RULES_H

#include "config/config.h"

/* What an event is evaluated for.  All of it is stored with the grant. */
typedef struct EventRequest
{
	const Program *program;
	const EventType *event;
	const Jsonb *attributes;	/* an object; $event */
	const Jsonb *member_attributes; /* $member; NULL = {} */
	const Tier *tier;			/* held just before the event; NULL = none; $tier */
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

#endif							/* LOYALTY_RULES_H */
