/*
 * past.c
 *		The member's past: what is stored, and what this operation has added.
 */
#include "postgres.h"

#include "engine/engine.h"

/* One entry of the member; NULL if it has none of that id. */
Entry *
loyalty_past_entry(const Engine *engine, int64 entry_id)
{
	ListCell   *cell;

	foreach(cell, engine->entries)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->entry_id == entry_id)
			return entry;
	}
	return engine->source->entry(engine->source->arg, entry_id);
}

/* Every entry that carries the ref, by id. */
List *
loyalty_past_story(const Engine *engine, const char *ref)
{
	List	   *story = NIL;
	ListCell   *cell;

	if (engine->known_ref != NULL && strcmp(engine->known_ref, ref) == 0)
		story = list_copy(engine->known_story);
	else if (engine->stored_entries != 0)
		story = engine->source->story(engine->source->arg, ref);

	foreach(cell, engine->entries)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->ref != NULL && strcmp(entry->ref, ref) == 0)
			story = lappend(story, entry);
	}
	return story;
}

/* Entries of some kinds after an id, by id. */
List *
loyalty_past_of_kinds(const Engine *engine, int64 entry_id, const char *kinds)
{
	List	   *entries = engine->stored_entries <= entry_id ? NIL :
		engine->source->since(engine->source->arg, entry_id, kinds);
	ListCell   *cell;

	foreach(cell, engine->entries)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->entry_id > entry_id && strchr(kinds, entry->kind) != NULL)
			entries = lappend(entries, entry);
	}
	return entries;
}

List *
loyalty_past_since(const Engine *engine, int64 entry_id, EntryKind kind)
{
	const char	kinds[] = {(char) kind, '\0'};

	return loyalty_past_of_kinds(engine, entry_id, kinds);
}
