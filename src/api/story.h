/*
 * story.h
 *		What a ref has been used for.
 */
#ifndef LOYALTY_STORY_H
#define LOYALTY_STORY_H

#include "engine/member_state.h"

/* The first (or last) entry of a kind in a story; NULL if there is none. */
extern Entry *loyalty_story_first(List *story, EntryKind kind);
extern Entry *loyalty_story_last(List *story, EntryKind kind);

/* A ref carries one spending: LY003 if it has one of the other kind. */
extern void loyalty_story_refuse_spending(List *story, const char *ref, EntryKind other);

/* LY003 if the spending under the ref has been given back in full. */
extern void loyalty_story_refuse_restored(List *story, const char *ref);

/* LY003 if the grants of that kind and event have been taken back in full. */
extern void loyalty_story_refuse_taken_back(List *story, const char *ref, EntryKind kind,
											int32 event_id, const char *hint);

#endif							/* LOYALTY_STORY_H */
