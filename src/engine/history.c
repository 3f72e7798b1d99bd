/*
 * history.c
 *		How often and when last a member did something, by its entries.
 *
 * An event counts from its first grant, of 0 points too, until it is called
 * off, which a correction without rules in its breakdown says.  One without ref is counted
 * by the entry that holds the event's variables.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "engine/usage.h"

#define REF_LENGTH 256

typedef struct RefStanding
{
	char		ref[REF_LENGTH];	/* the hash key */
	List	   *grants;			/* of Entry; the first dates the event */
	bool		stands;
} RefStanding;

bool
loyalty_entry_is_first(const Entry *entry)
{
	return entry->breakdown != NULL && JB_ROOT_IS_OBJECT(entry->breakdown) &&
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &entry->breakdown->root),
									 "versions", strlen("versions"), NULL) != NULL;
}

bool
loyalty_entry_calls_off(const Entry *entry)
{
	return entry->breakdown == NULL ||
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &entry->breakdown->root),
									 "rules", strlen("rules"), NULL) == NULL;
}

/* Gifts of a tier are corrected under the ref that brought them. */
static bool
is_of_event(const Entry *entry, const RefStanding *standing)
{
	ListCell   *cell;

	if (entry->kind == ENTRY_EVENT)
		return true;
	foreach(cell, standing->grants)
	{
		if (((const Entry *) lfirst(cell))->entry_id == entry->reverses)
			return true;
	}
	return false;
}

static void
add_event(EventHistory *history, TimestampTz at)
{
	history->count++;
	history->last_at = Max(history->last_at, at);
}

EventHistory
loyalty_history_count(const List *entries, int32 event_id)
{
	EventHistory history = {event_id, 0, DT_NOBEGIN, 0};
	HASHCTL		control = {0};
	HASH_SEQ_STATUS status;
	RefStanding *standing;
	HTAB	   *refs;
	ListCell   *cell;

	control.keysize = REF_LENGTH;
	control.entrysize = sizeof(RefStanding);
	control.hcxt = CurrentMemoryContext;
	refs = hash_create("loyalty refs of an event", 64, &control,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(cell, entries)
	{
		Entry	   *entry = lfirst(cell);
		bool		found;

		if (entry->event_id != event_id ||
			(entry->kind != ENTRY_EVENT && entry->kind != ENTRY_CORRECTION))
			continue;
		if (entry->ref == NULL)
		{
			if (loyalty_entry_is_first(entry))
				add_event(&history, entry->at);
			continue;
		}
		standing = hash_search(refs, entry->ref, HASH_ENTER, &found);
		if (!found)
			standing->grants = NIL;
		if (is_of_event(entry, standing))
			standing->stands = !loyalty_entry_calls_off(entry);
		if (entry->kind == ENTRY_EVENT)
			standing->grants = lappend(standing->grants, entry);
	}
	hash_seq_init(&status, refs);
	while ((standing = hash_seq_search(&status)) != NULL)
	{
		if (standing->grants != NIL && standing->stands)
			add_event(&history, ((const Entry *) linitial(standing->grants))->at);
	}
	hash_destroy(refs);
	return history;
}
