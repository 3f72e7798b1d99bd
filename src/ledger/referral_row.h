/*
 * referral_row.h
 *		Invitations as rows.
 */
#ifndef LOYALTY_REFERRAL_ROW_H
#define LOYALTY_REFERRAL_ROW_H

#include "engine/engine.h"

/* The member's invitation; false if nobody invited it. */
extern bool loyalty_referral_load(int64 member_id, Referral *referral);

/* Writes what an operation changed of it. */
extern void loyalty_referral_store(MemberState *member);

/*
 * Would the tie close a circle: is `invitee` among those through whom `inviter`
 * was invited?  Ties that may do so take turns.
 */
extern bool loyalty_referral_is_circle(const Program *program, int64 inviter, int64 invitee);

/* The attributes of the inviter's event: the invitee and what it did. */
extern const Jsonb *loyalty_referral_attributes(int64 member_id);

extern void loyalty_referral_settled(int64 member_id);

/* Invitees of a program whose inviter's part is due, at most so many: of int64 *. */
extern List *loyalty_referrals_due(const Program *program, int64 max);

#endif							/* LOYALTY_REFERRAL_ROW_H */
