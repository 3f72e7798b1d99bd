/*
 * story.c
 *		What a ref has been used for.
 */
#include "postgres.h"

#include "api/call.h"
#include "api/story.h"

Entry *
loyalty_story_first(List *story, EntryKind kind)
{
	ListCell   *cell;

	foreach(cell, story)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->kind == kind)
			return entry;
	}
	return NULL;
}

Entry *
loyalty_story_last(List *story, EntryKind kind)
{
	Entry	   *last = NULL;
	ListCell   *cell;

	foreach(cell, story)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->kind == kind)
			last = entry;
	}
	return last;
}

void
loyalty_story_refuse_spending(List *story, const char *ref, EntryKind other)
{
	if (loyalty_story_first(story, other) != NULL)
		loyalty_refuse_reuse(ref, other == ENTRY_HOLD ? "It is the ref of a hold." :
							 "It is the ref of a redemption.",
							 "A ref carries one spending; use a new ref.");
}

void
loyalty_story_refuse_restored(List *story, const char *ref)
{
	Entry	   *spent = loyalty_story_first(story, ENTRY_REDEEM);

	if (spent != NULL && loyalty_restore_done(story, spent) == -spent->points)
		loyalty_refuse_reuse(ref, "The points spent under it have been given back in full.",
							 "Use a new ref to spend again.");
}

void
loyalty_story_refuse_taken_back(List *story, const char *ref, EntryKind kind,
								int32 event_id, const char *hint)
{
	int64		net = 0;
	ListCell   *cell;

	foreach(cell, loyalty_family_gather(story, kind, event_id))
		net += ((Family *) lfirst(cell))->net;
	if (net == 0)
		loyalty_refuse_reuse(ref, "What was granted under it has been taken back in full.", hint);
}
