/*
 * task.h
 *		Tasks and badges of one member.
 */
#ifndef LOYALTY_TASK_H
#define LOYALTY_TASK_H

#include "engine/engine.h"

/* The event of a completed task, which its badge goes by. */
#define EVENT_COMPLETED "task_completed"

/* What a member has done of a task in a period: in all, or by one event. */
typedef struct TaskCount
{
	int32		task_id;
	int32		since;			/* first local day, as date; DATEVAL_NOBEGIN = once */
	const char *ref;			/* of the event; "" = in all */
	Numeric		amount;
} TaskCount;

typedef struct MemberBadge
{
	const char *badge;
	int64		entry_id;		/* of the event that awarded it */
	TimestampTz at;
	bool		stored;			/* was there before this operation */
	bool		gone;			/* this operation took it back */
} MemberBadge;

/* The completion of a task, or its end, is an event of its own. */
typedef Entry *(*TaskSettler) (Engine *engine, const EventType *event, const Jsonb *attributes,
							   const char *ref, TimestampTz at, TimestampTz now);

/*
 * Takes note of an event of the member: `first` is its first entry, attributes
 * are what it is now, NULL if it was called off.
 */
extern void loyalty_task_note(Engine *engine, const EventType *event, const Jsonb *attributes,
							  const Entry *first, TaskSettler settle);

/* The entry that awarded a badge; 0 = the member does not have it. */
extern int64 loyalty_badge_entry(Engine *engine, const char *name);
extern void loyalty_badge_award(Engine *engine, const char *name, const Entry *entry);
extern void loyalty_badge_take_back(Engine *engine, const char *name);

/* The member's attributes as rules of the event see them: with its badges. */
extern const Jsonb *loyalty_badges_shown(Engine *engine, const EventType *event);

#endif							/* LOYALTY_TASK_H */
