/*
 * contest.h
 *		What one member does in team contests.
 */
#ifndef LOYALTY_CONTEST_H
#define LOYALTY_CONTEST_H

#include "engine/engine.h"

/* The event of every player of a team with a rank, once its contest is settled. */
#define LOYALTY_EVENT_CONTEST_ENDED "contest_ended"

/* The member plays in a team; its events count from joined_at on. */
typedef struct ContestPlayer
{
	int32		contest_id;
	const char *team;
	TimestampTz joined_at;
} ContestPlayer;

/* What an event counts in a contest. */
typedef struct ContestMark
{
	int32		contest_id;
	int64		entry_id;		/* first entry of the event */
	TimestampTz at;				/* its date */
	Numeric		measured;		/* in its attributes */
	Numeric		counted;		/* of that: less what was clawed back */
	Numeric		before;			/* counted, as it is stored; NULL = it is not */
} ContestMark;

/*
 * Takes note of an event of the member: `first` is its first entry, attributes
 * are what it is now, NULL if it was called off.
 */
extern void loyalty_contest_note(Engine *engine, const EventType *event,
								 const Jsonb *attributes, const Entry *first);

/* Takes note that points of the event were clawed back, or resettled. */
extern void loyalty_contest_note_points(Engine *engine, const Entry *first);

/* The member in a contest; NULL if it plays in no team. */
extern const ContestPlayer *loyalty_contest_player(Engine *engine, int32 contest_id);

/* What counts of `measured`, as far as the event's points were not clawed back. */
extern Numeric loyalty_contest_counted(const Contest *contest, Numeric measured,
									   const List *families);

/* The ref of its event contest_ended, for every member. */
extern const char *loyalty_contest_ref(const Contest *contest);

/* NULL if the program has no such contest (any more). */
extern const Contest *loyalty_contest_lookup(const Program *program, const char *name);
extern const Contest *loyalty_contest_by_id(const Program *program, int32 contest_id);

#endif							/* LOYALTY_CONTEST_H */
