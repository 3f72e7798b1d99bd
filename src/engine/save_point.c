/*
 * save_point.c
 *		The state of an engine, to go back to where an event is refused.
 *
 * An engine works in memory and leaves nothing open where it raises, so that
 * one event of several can be undone from a copy, without a subtransaction.
 */
#include "postgres.h"

#include "engine/member_streak.h"
#include "engine/save_point.h"

void
loyalty_engine_save(Engine *engine, SavePoint *point)
{
	point->engine = *engine;
	point->member = *engine->member;
	loyalty_lots_init(&point->member.points);
	loyalty_lots_init(&point->member.growth);
	loyalty_lots_init(&point->engine.late);
	loyalty_lots_copy(&point->member.points, &engine->member->points);
	loyalty_lots_copy(&point->member.growth, &engine->member->growth);
	loyalty_lots_copy(&point->engine.late, &engine->late);
	point->entries = list_length(engine->entries);
	point->gifts = list_length(engine->gifts);
	point->uses = list_length(engine->uses);
	point->histories = list_length(engine->histories);
	point->streak_marks = list_length(engine->streak_marks);
}

void
loyalty_engine_go_back(Engine *engine, const SavePoint *point)
{
	MemberState *member = engine->member;
	List	   *entries = list_truncate(engine->entries, point->entries);
	List	   *gifts = list_truncate(engine->gifts, point->gifts);
	List	   *uses = list_truncate(engine->uses, point->uses);
	List	   *histories = list_truncate(engine->histories, point->histories);
	List	   *streaks = engine->streaks;
	List	   *streak_marks;

	/* what was taken from budgets is given back when the member is stored */
	List	   *reservations = engine->reservations;

	loyalty_streak_go_back(engine, point->streak_marks);
	streak_marks = engine->streak_marks;
	*engine = point->engine;
	*member = point->member;
	engine->entries = entries;
	engine->gifts = gifts;
	engine->uses = uses;
	engine->histories = histories;
	engine->reservations = reservations;
	engine->streaks = streaks;
	engine->streak_marks = streak_marks;
}
