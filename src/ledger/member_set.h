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

/*
 * Enrols those members that nobody enrolled meanwhile, in the order given,
 * which must be that of COLLATE "C" so that two loads cannot wait for each
 * other; with attributes, if the array is not NULL.  Sets ids[i] of those that
 * it did enrol, 0 for the others.
 */
extern void loyalty_members_insert(const Program *program, const char *const *refs,
								   const TimestampTz *ats, const Jsonb *const *attributes,
								   int64 *ids, int count);

#endif							/* LOYALTY_MEMBER_SET_H */
