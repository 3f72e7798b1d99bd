/*
 * past_events.h
 *		A member's events as they stand, and what other terms would have given.
 */
#ifndef LOYALTY_PAST_EVENTS_H
#define LOYALTY_PAST_EVENTS_H

#include "engine/engine.h"

/* An event of the past, with everything that became of it. */
typedef struct PastEvent
{
	const Entry *first;			/* dates it and holds its variables */
	List	   *entries;		/* of Entry, by id: grants, corrections, claw-backs */
	List	   *families;
	const Jsonb *attributes;	/* it was settled with last; NULL = were not kept */
	bool		stands;			/* was not called off */
	int64		points;			/* that it stands for */
	int64		clawed;			/* that an operator took back */
} PastEvent;

/* The terms that are tried on events of the past. */
typedef struct EventTerms
{
	/*
	 * By the rules stored with each event, and its tier; else by the rules of
	 * now with the tier below.  Variables are those stored, as far as they are.
	 */
	bool		as_stored;
	const Tier *tier;			/* NULL = none */
	List	   *subscriptions;	/* of Subscription: the plans that multiply */
} EventTerms;

/* The member's events dated in (since, until], in their order in time. */
extern List *loyalty_past_events(const Engine *engine, TimestampTz since, TimestampTz until);

/* The tier that the event counted with; NULL = none, or it is no more. */
extern const Tier *loyalty_past_event_tier(const Program *program, const PastEvent *event);

/*
 * What each of these events would have given on those terms, one after the
 * other: what one uses of a limit is not there for the next.  A claw-back takes
 * its share of that.  Events whose attributes were not kept count with what
 * they gave.  The engine is one that only reads, used for nothing else.
 */
extern int64 *loyalty_past_events_value(Engine *engine, const List *events,
										const EventTerms *terms);

#endif							/* LOYALTY_PAST_EVENTS_H */
