/*
 * entry_row.h
 *		Entries as rows of the ledger: written, read back, found.
 */
#ifndef LOYALTY_ENTRY_ROW_H
#define LOYALTY_ENTRY_ROW_H

#include "engine/engine.h"
#include "ledger/relations.h"

/*
 * Completes the entry (actor, digests, hash after *chain_head, which moves on)
 * and makes it a row in the slot, in the current memory context.
 */
extern void loyalty_entry_fill(TupleTableSlot *slot, MemberState *member, Entry *entry);

/* The same, and appends it to the ledger. */
extern void loyalty_entry_insert(Writer *writer, MemberState *member, Entry *entry);

/* Entries of a member after an id, by id; `kinds` NULL = all.  A fresh snapshot. */
extern List *loyalty_entries_since(int64 member_id, int64 entry_id, const char *kinds);

/* Entries of a member that carry a ref, by id. */
extern List *loyalty_entries_of_ref(int64 member_id, const char *ref);

/*
 * The same for many refs, with the ledger opened once and one scan per member.
 * A member's scan sees what was there when it began.
 */
typedef struct StoryReader StoryReader;
extern StoryReader *loyalty_stories_open(void);
extern void loyalty_stories_begin(StoryReader *reader, int64 member_id);
extern List *loyalty_stories_read(StoryReader *reader, const char *ref);
extern void loyalty_stories_end(StoryReader *reader);
extern void loyalty_stories_close(StoryReader *reader);

/* One entry of a member; NULL if there is none. */
extern Entry *loyalty_entry_by_id(int64 member_id, int64 entry_id);

/*
 * Calls back for every entry of the member in id order, as the active snapshot
 * sees it, each in a memory context that is reset after the call.
 */
typedef void (*EntryVisitor) (Entry *entry, void *arg);
extern void loyalty_entries_visit(int64 member_id, EntryVisitor visitor, void *arg);

#endif							/* LOYALTY_ENTRY_ROW_H */
