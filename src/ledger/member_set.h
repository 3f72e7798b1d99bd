/*
 * member_set.h
 *		Many members of a program at once: found and enrolled.
 */
#ifndef LOYALTY_MEMBER_SET_H
#define LOYALTY_MEMBER_SET_H

#include "engine/member_state.h"

/*
 * Sets ids[i] to the member_id of refs[i], 0 if there is no such member.  No
 * lock; under a fresh snapshot in READ COMMITTED, the transaction's own above.
 */
extern void loyalty_members_find(const Program *program, const char *const *refs,
								 int64 *ids, int count);

/*
 * The same for many members, one by one, each after the one before in COLLATE
 * "C" order: where there are none, looking for them costs next to nothing.
 * What others commit is seen soon, not at once.
 */
typedef struct MemberSeeker MemberSeeker;
extern MemberSeeker *loyalty_seeker_open(const Program *program);
extern int64 loyalty_seeker_find(MemberSeeker *seeker, const char *ref);
extern void loyalty_seeker_close(MemberSeeker *seeker);

/* A member as it is born: without an id, points, growth, a tier. */
extern void loyalty_member_bear(MemberState *member, const Program *program, const char *ref,
								TimestampTz at);

/* Somebody to be enrolled. */
typedef struct NewMember
{
	const char *ref;
	TimestampTz at;
	const Jsonb *attributes;	/* NULL = {} */
} NewMember;

/*
 * Enrols those members that nobody enrolled meanwhile, in the order given,
 * which must be that of COLLATE "C" so that two loads cannot wait for each
 * other.  Sets ids[i] of those that it did enrol, 0 for the others.
 */
extern void loyalty_members_insert(const Program *program, const NewMember *members,
								   int64 *ids, int count);

#endif							/* LOYALTY_MEMBER_SET_H */
