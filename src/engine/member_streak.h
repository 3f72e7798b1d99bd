/*
 * member_streak.h
 *		The streaks of one member within an operation.
 *
 * A calendar is read once per operation and then kept with what the operation
 * marks, so that several events of one operation see each other.  The marks are
 * listed in order and can be taken off again, last first.
 */
#ifndef LOYALTY_MEMBER_STREAK_H
#define LOYALTY_MEMBER_STREAK_H

#include "engine/engine.h"
#include "engine/streak.h"

/* The calendar of one event; stored where `changed` says so. */
struct MemberStreak
{
	int32		event_id;
	StreakUnit	unit;
	StreakCalendar calendar;
};

/* The member's calendar of an event that has a streak. */
extern MemberStreak *loyalty_member_streak(Engine *engine, const EventType *event);

/* Is an event at engine->at the one that its period has already? */
extern bool loyalty_streak_repeats(Engine *engine, const EventType *event);

/* Marks the period of engine->at for an event, and says what the event finds. */
extern void loyalty_streak_note(Engine *engine, const EventType *event, StreakValue *value);

/*
 * What an event of the past found: as stored with it or, if no rule asked, by
 * the calendar, as the first of its period.  False if there is nothing of it.
 */
extern bool loyalty_streak_was(Engine *engine, const EventType *event, const Entry *first,
							   StreakValue *value);

/* Marks a period as made up. */
extern void loyalty_streak_make_up(Engine *engine, const EventType *event, int32 period);

/* Takes marks off until only so many of the operation are left. */
extern void loyalty_streak_go_back(Engine *engine, int marks);

#endif							/* LOYALTY_MEMBER_STREAK_H */
