/*
 * member_set.h
 *		Many members of a program at once: found and enrolled.
 */
#ifndef LOYALTY_MEMBER_SET_H
#define LOYALTY_MEMBER_SET_H

#include "config/config.h"

/*
 * Sets ids[i] to the member_id of refs[i], 0 if there is no such member.  No
 * lock; under a fresh snapshot in READ COMMITTED, the transaction's own above.
 */
extern void loyalty_members_find(const Program *program, const char *const *refs,
								 int64 *ids, int count);

/* Somebody to be enrolled. */
typedef struct NewMember
{
	const char *ref;
	TimestampTz at;
	const Jsonb *attributes;	/* NULL = {} */
	TimestampTz maintain_at;	/* DT_NOEND, or when the clock first decides something */
} NewMember;

/*
 * Enrols those members that nobody enrolled meanwhile, in the order given,
 * which must be that of COLLATE "C" so that two loads cannot wait for each
 * other.  Sets ids[i] of those that it did enrol, 0 for the others.
 */
extern void loyalty_members_insert(const Program *program, const NewMember *members,
								   int64 *ids, int count);

#endif							/* LOYALTY_MEMBER_SET_H */
