/*
 * usage.h
 *		What members use of limits, budgets and the like, and when they acted.
 */
#ifndef LOYALTY_USAGE_H
#define LOYALTY_USAGE_H

#include "engine/engine.h"

/* Earlier events of a kind, as a member's entries up to `through` tell. */
struct EventHistory
{
	int32		event_id;
	int64		count;
	TimestampTz last_at;		/* DT_NOBEGIN = none */
	int64		through;
};

/* Points taken from the budget of a rule by this operation, needed or not. */
typedef struct Reservation
{
	int32		rule_id;
	int64		points;
	bool		locked;			/* all of the budget is */
} Reservation;

/* What rules may ask about a member; `families` are those of the event, or NIL. */
extern void loyalty_usage_facts(Engine *engine, List *families, RuleFacts *facts);

/* What the event of these families uses as it stands, as a list of RuleUse. */
extern List *loyalty_usage_standing(const List *families);
extern List *loyalty_usage_noted(const List *families);

/* Is all that the event of these families grants clawed back? */
extern bool loyalty_event_clawed_back(const List *families);

/* What still counts of the uses of such an event that has these effects. */
extern List *loyalty_usage_clawed_back(const List *uses, const List *effects);

/* Does an event count that has these families?  Not once it was called off. */
extern bool loyalty_event_stands(const List *families);

/* Does a grant or correction of an event say that?  It has no rules. */
extern bool loyalty_entry_calls_off(const Entry *entry);

/* Notes with the operation that an event's use was `before` and is `after` now. */
extern void loyalty_usage_change(Engine *engine, List *before, List *after);
extern bool loyalty_usage_same(const List *a, const List *b);

/* The same for the event of that ref, which has come to use something else. */
extern void loyalty_usage_restate(Engine *engine, int32 event_id, const char *ref,
								  List *before);

/* Notes an event just granted by these entries, if its history is known. */
extern void loyalty_history_add(Engine *engine, const EventType *event, const Entry *first,
								const Entry *last);

/* The history of an event by all entries of the member. */
extern EventHistory loyalty_history_count(const List *entries, int32 event_id);

/*
 * The entry whose versions and variables a correction goes by: the newest that
 * came from resettling, else the first grant.
 */
extern const Entry *loyalty_event_basis(const List *families);

/* Does it hold the variables of its event?  Of several such the first is the grant. */
extern bool loyalty_entry_is_first(const Entry *entry);

/* The operation's changes, each rule, period and key once. */
extern RuleUse *loyalty_usage_changes(const List *uses, int *count);

#endif							/* LOYALTY_USAGE_H */
