/*
 * refuse.c
 *		An event that was refused: an entry of 0 points that says why.
 *
 * Where an order must not fail because of its points, the refusal is kept
 * instead.  What the ref was granted before stays as it is.
 */
#include "postgres.h"

#include "engine/engine.h"

/* Is the newest entry of the event this very refusal? */
static bool
is_known(List *story, int32 event_id, const char *reason)
{
	const Entry *newest = NULL;
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (entry->event_id == event_id)
			newest = entry;
	}
	return newest != NULL && newest->kind == ENTRY_REFUSED && newest->reason != NULL &&
		strcmp(newest->reason, reason) == 0;
}

/*
 * Notes at engine->at that the event of that ref was refused.  NULL if that is
 * what the ref's newest entry says already.
 */
Entry *
loyalty_engine_refuse(Engine *engine, const EventType *event, const char *ref,
					  const char *reason, const Jsonb *attributes)
{
	Entry	   *entry;

	if (is_known(loyalty_past_story(engine, ref), event->event_id, reason))
		return NULL;
	entry = loyalty_entry_open(engine, ENTRY_REFUSED, engine->at);
	entry->event_id = event->event_id;
	entry->ref = ref;
	entry->generation = loyalty_entry_generation(engine, ENTRY_REFUSED, event->event_id, ref);
	entry->reason = reason;
	if (engine->program->keep_attributes)
		entry->attributes = attributes;
	loyalty_entry_close(engine, entry);
	return entry;
}
