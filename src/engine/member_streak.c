/*
 * member_streak.c
 *		The streaks of one member within an operation.
 */
#include "postgres.h"

#include "engine/member_streak.h"

/* A period marked by this operation. */
typedef struct StreakMark
{
	MemberStreak *streak;
	int32		period;
} StreakMark;

MemberStreak *
loyalty_member_streak(Engine *engine, const EventType *event)
{
	MemberStreak *streak;
	ListCell   *cell;

	foreach(cell, engine->streaks)
	{
		streak = lfirst(cell);
		if (streak->event_id == event->event_id && streak->unit == event->streak->unit)
			return streak;
	}
	streak = palloc0(sizeof(MemberStreak));
	streak->event_id = event->event_id;
	streak->unit = event->streak->unit;
	engine->source->streak(engine->source->arg, streak);
	engine->streaks = lappend(engine->streaks, streak);
	return streak;
}

static int32
period_now(const Engine *engine, const EventType *event)
{
	return loyalty_streak_period(event->streak->unit, engine->at, engine->program->tz);
}

bool
loyalty_streak_repeats(Engine *engine, const EventType *event)
{
	return event->streak != NULL && event->streak->once &&
		loyalty_streak_is_done(&loyalty_member_streak(engine, event)->calendar,
							   period_now(engine, event));
}

static void
mark(Engine *engine, MemberStreak *streak, int32 period, bool made_up)
{
	StreakMark *added = palloc(sizeof(StreakMark));

	loyalty_streak_mark(&streak->calendar, period, made_up);
	added->streak = streak;
	added->period = period;
	engine->streak_marks = lappend(engine->streak_marks, added);
}

void
loyalty_streak_note(Engine *engine, const EventType *event, StreakValue *value)
{
	MemberStreak *streak = loyalty_member_streak(engine, event);
	int32		period = period_now(engine, event);

	value->first = !loyalty_streak_is_done(&streak->calendar, period);
	if (value->first)
		mark(engine, streak, period, false);
	loyalty_streak_value(&streak->calendar, event->streak, period, value);
}

bool
loyalty_streak_was(Engine *engine, const EventType *event, const Entry *first,
				   StreakValue *value)
{
	const StreakValue *stored;
	const MemberStreak *streak;
	int32		period;

	if (event->streak == NULL)
		return false;
	stored = loyalty_breakdown_streak(first->breakdown);
	if (stored != NULL)
	{
		*value = *stored;
		return true;
	}
	streak = loyalty_member_streak(engine, event);
	period = loyalty_streak_period(event->streak->unit, first->at, engine->program->tz);
	value->first = true;
	loyalty_streak_value(&streak->calendar, event->streak, period, value);
	return loyalty_streak_is_done(&streak->calendar, period);
}

void
loyalty_streak_make_up(Engine *engine, const EventType *event, int32 period)
{
	mark(engine, loyalty_member_streak(engine, event), period, true);
}

void
loyalty_streak_go_back(Engine *engine, int marks)
{
	while (list_length(engine->streak_marks) > marks)
	{
		const StreakMark *last = llast(engine->streak_marks);

		loyalty_streak_unmark(&last->streak->calendar, last->period);
		engine->streak_marks = list_delete_last(engine->streak_marks);
	}
}
