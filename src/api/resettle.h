/*
 * resettle.h
 *		What resettling makes of a member's past events.
 */
#ifndef LOYALTY_RESETTLE_H
#define LOYALTY_RESETTLE_H

#include "engine/engine.h"

/* One event that differs. */
typedef struct Difference
{
	int64		first_id;		/* its first grant */
	const char *ref;			/* NULL = none */
	TimestampTz at;
	int64		before;
	int64		after;
	int64		growth;
	int64		entry_id;		/* 0 = not posted */
	const char *note;			/* why it is not; NULL = it is */
	bool		known;			/* after and growth are */
} Difference;

/*
 * Resettles the events of a kind of the engine's member that are dated `since`
 * or later.  Returns those that differ, of Difference.
 */
extern List *loyalty_resettle_events(Engine *engine, const EventType *event,
									 TimestampTz since);

#endif							/* LOYALTY_RESETTLE_H */
