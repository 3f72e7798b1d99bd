/*
 * hold_row.h
 *		Open holds as rows.
 */
#ifndef LOYALTY_HOLD_ROW_H
#define LOYALTY_HOLD_ROW_H

#include "engine/member_state.h"

/* The member's open holds, in the current memory context. */
extern List *loyalty_holds_load(int64 member_id);

/* Adds the new ones and removes the ended ones. */
extern void loyalty_holds_store(const MemberState *member);

#endif							/* LOYALTY_HOLD_ROW_H */
