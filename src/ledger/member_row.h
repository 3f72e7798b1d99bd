/*
 * member_row.h
 *		Members as rows: found, locked, enrolled, stored.
 */
#ifndef LOYALTY_MEMBER_ROW_H
#define LOYALTY_MEMBER_ROW_H

#include "engine/engine.h"
#include "ledger/relations.h"

/*
 * Finds and locks a member; false if there is none.  On success the writer's
 * member_slot holds the locked version and *member what it says, holds
 * included.  Waits for whoever has it; above READ COMMITTED a row that moved
 * meanwhile is 40001.
 */
extern bool loyalty_member_lock(Writer *writer, const Program *program, const char *ref,
								MemberState *member);
extern bool loyalty_member_lock_id(Writer *writer, int64 member_id, MemberState *member);

/*
 * Like lock_id, but passes over a member that somebody else has locked:
 * false then too.
 */
extern bool loyalty_member_try_lock_id(Writer *writer, int64 member_id, MemberState *member);

/* The member's id without a lock, under a fresh snapshot; 0 if there is none. */
extern int64 loyalty_member_find(const Program *program, const char *ref);

/* What the row says as the active snapshot sees it; false if there is none. */
extern bool loyalty_member_read(const Program *program, const char *ref, MemberState *member);
extern bool loyalty_member_read_id(int64 member_id, MemberState *member);

/*
 * Adds a member unless somebody else just did; returns whether it was us.
 * Waits for a concurrent first call for the same member.
 */
extern bool loyalty_member_insert(const Program *program, const char *ref,
								  const Jsonb *attributes, TimestampTz at);

/* Writes what an operation changed: entries, the row, holds, tiers, gifts. */
extern void loyalty_member_store(Writer *writer, Engine *engine);

/*
 * Sets the columns that operations change in a slot that has all others, in the
 * current memory context.
 */
extern void loyalty_member_fill(TupleTableSlot *slot, const MemberState *member);

/*
 * Writes the entries that the engine has gathered, ahead of the row, so that a
 * long operation need not keep them; loyalty_member_store has to follow.
 */
extern void loyalty_member_flush(Writer *writer, Engine *engine);

/* The source of the member's past for its engine. */
extern const EngineSource *loyalty_member_source(MemberState *member);

#endif							/* LOYALTY_MEMBER_ROW_H */
