/*
 * resettle_events.c
 *		A member's past events by the rules of now.
 *
 * They are taken back from the limits and budgets together, and then resettled
 * one after the other in the order of their dates: what they come to is what
 * they would have come to, had these rules been there.  So doing it again
 * changes nothing.  Events that cannot be resettled keep what they have, and
 * their use with it; so does an effect that was used its place in a limit.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "api/call.h"
#include "api/resettle.h"
#include "engine/kept.h"
#include "engine/past_events.h"
#include "engine/save_point.h"
#include "engine/usage.h"

static Difference *
new_difference(const PastEvent *past, List **differences)
{
	Difference *difference = palloc0(sizeof(Difference));

	difference->first_id = past->first->entry_id;
	difference->ref = past->first->ref;
	difference->at = past->first->at;
	difference->before = past->points;
	*differences = lappend(*differences, difference);
	return difference;
}

static int64
growth_of(List *families)
{
	int64		growth = 0;
	ListCell   *cell;

	foreach(cell, families)
		growth += ((const Family *) lfirst(cell))->net_growth;
	return growth;
}

/* An event that can be resettled, since its ref and its attributes are known. */
static bool
can_be_resettled(const PastEvent *past)
{
	return past->first->ref != NULL && past->attributes != NULL;
}

/* What an event without ref would give now; told only if that is something else. */
static void
tell_without_ref(Engine *engine, const EventType *event, const PastEvent *past,
				 List **differences)
{
	const Jsonb *attributes = past->attributes;
	EventOutcome outcome;
	Difference *difference;

	/* the event register has none */
	if (attributes == NULL && event->event_id == LOYALTY_EVENT_REGISTER)
		attributes = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (attributes == NULL)
	{
		new_difference(past, differences)->note = "its attributes were not kept";
		return;
	}
	loyalty_event_reevaluate(engine, event, attributes, past->families, &outcome);
	if (outcome.points == past->points && outcome.growth == growth_of(past->families))
		return;
	difference = new_difference(past, differences);
	difference->after = outcome.points;
	difference->growth = outcome.growth - growth_of(past->families);
	difference->known = true;
	difference->note = "it has no ref: correct it with adjust()";
}

static void
resettle_event(Engine *engine, const EventType *event, const PastEvent *past,
			   List **differences)
{
	Entry	   *entry;
	Difference *difference;
	List	   *families;
	ListCell   *cell;

	if (!can_be_resettled(past))
	{
		tell_without_ref(engine, event, past, differences);
		return;
	}
	entry = loyalty_event_resettle(engine, event, past->attributes, past->first->ref,
								   past->families);
	if (entry == NULL)
		return;
	families = loyalty_family_gather(loyalty_past_story(engine, past->first->ref), ENTRY_EVENT,
									 event->event_id);
	difference = new_difference(past, differences);
	foreach(cell, families)
		difference->after += ((const Family *) lfirst(cell))->net;
	difference->growth = growth_of(families) - growth_of(past->families);
	difference->entry_id = entry->entry_id;
	difference->known = true;
}

/*
 * Takes an event's use of limits out of the member's, or back in; but for the
 * times of effects that were used: no other event is to have these again.
 */
static void
move_use(Engine *engine, List *families, bool out)
{
	List	   *stays = loyalty_kept_uses(loyalty_kept_find(engine, families, NULL));
	List	   *all = loyalty_usage_standing(families);

	loyalty_usage_change(engine, out ? all : stays, out ? stays : all);
}

/* What the engine refuses is undone for this event alone, and told. */
static void
try_event(Engine *engine, const EventType *event, const PastEvent *past,
		  List **differences)
{
	MemoryContext context = CurrentMemoryContext;
	SavePoint	point;

	/* its own use comes back in first: settling exchanges it for the new one */
	if (can_be_resettled(past))
		move_use(engine, past->families, false);
	loyalty_engine_save(engine, &point);
	PG_TRY();
	{
		resettle_event(engine, event, past, differences);
	}
	PG_CATCH();
	{
		const ErrorData *error = loyalty_refusal_catch(context);

		loyalty_engine_go_back(engine, &point);
		new_difference(past, differences)->note = loyalty_refusal_text(error);
	}
	PG_END_TRY();
}

List *
loyalty_resettle_events(Engine *engine, const EventType *event, TimestampTz since)
{
	List	   *past = loyalty_past_events(engine, since - 1, DT_NOEND);
	List	   *events = NIL;
	List	   *differences = NIL;
	ListCell   *cell;

	foreach(cell, past)
	{
		const PastEvent *candidate = lfirst(cell);

		if (candidate->stands && candidate->first->event_id == event->event_id)
			events = lappend(events, lfirst(cell));
	}
	foreach(cell, events)
	{
		if (can_be_resettled(lfirst(cell)))
			move_use(engine, ((PastEvent *) lfirst(cell))->families, true);
	}
	foreach(cell, events)
	{
		CHECK_FOR_INTERRUPTS();
		try_event(engine, event, lfirst(cell), &differences);
	}
	return differences;
}
