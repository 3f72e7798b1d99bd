/*
 * audit.h
 *		Holds a member's row against its ledger.
 */
#ifndef LOYALTY_AUDIT_H
#define LOYALTY_AUDIT_H

#include "engine/member_state.h"

typedef struct Problem
{
	const char *member;			/* NULL = whose it is is known */
	int64		entry_id;		/* 0 = the member's row */
	const char *problem;
	const char *detail;			/* NULL = none */
} Problem;

/*
 * Replays the member's entries as the active snapshot sees them; a list of
 * Problem in the current memory context, NIL if all is sound.
 */
extern List *loyalty_audit_member(const MemberState *member);

/* audit_usage.c: the same for what it uses of limits and for its history. */
extern List *loyalty_audit_usage(const MemberState *member);

/* audit_contest.c: the same for what it has scored in contests. */
extern List *loyalty_audit_contests(const MemberState *member);

/* Teams and results of a program's contests against their members. */
extern List *loyalty_audit_teams(const char *program);

/* audit_beside.c: the same for the tables beside the rows of members. */
extern List *loyalty_audit_beside(const int64 *member_ids, int count);

/* audit_effects.c: coupons, tickets, units and badges, by its entries of events. */
extern List *loyalty_audit_effects(const MemberState *member, const List *entries);

/* Budgets of a program's rules against what its members have of them. */
extern List *loyalty_audit_budgets(const char *program);

#endif							/* LOYALTY_AUDIT_H */
