/*
 * kept.h
 *		Times of limits that an event keeps using, since what its rule gave was used.
 *
 * A rule that no longer gives what it gave by an event gives its use of limits
 * back, but for the times of a rule of whose effects the member has used some:
 * so nothing can be had, used and had again under a limit.
 */
#ifndef LOYALTY_KEPT_H
#define LOYALTY_KEPT_H

#include "engine/engine.h"

/* What one rule keeps using. */
typedef struct KeptTimes
{
	int32		rule_id;
	const char *rule;			/* its name */
	List	   *uses;			/* of RuleUse: times alone, each period and key once */
} KeptTimes;

/*
 * What the event of these families is to keep if it comes to `outcome` (NULL:
 * it is called off, or clawed back as a whole), as a list of KeptTimes.
 */
extern List *loyalty_kept_find(const Engine *engine, const List *families,
							   const EventOutcome *outcome);

/* The breakdown with them; the same if there are none. */
extern const Jsonb *loyalty_kept_note(const Jsonb *breakdown, const List *kept);
extern List *loyalty_kept_read(const Jsonb *breakdown);

/* What the event of these families uses, with the times that it keeps. */
extern List *loyalty_kept_raise(List *uses, const List *families);

/* All of it as a list of RuleUse. */
extern List *loyalty_kept_uses(const List *kept);

#endif							/* LOYALTY_KEPT_H */
