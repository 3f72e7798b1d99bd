/*
 * usage_row.h
 *		What members use of limits, as rows; the budgets of rules.
 *
 * A member's rows are written under the lock of its own row.
 */
#ifndef LOYALTY_USAGE_ROW_H
#define LOYALTY_USAGE_ROW_H

#include "engine/usage.h"

/* Adds what is stored to each of the uses, which name rule, period and key. */
extern void loyalty_usage_load(MemberState *member, RuleUse *uses, int count);

/* All uses of a member, as the active snapshot sees them. */
extern List *loyalty_usage_read(int64 member_id);

/* The history of an event as stored; false if it is not. */
extern bool loyalty_history_load(MemberState *member, int32 event_id,
								 EventHistory *history);

/* All histories of a member. */
extern List *loyalty_history_read(int64 member_id);

/*
 * Writes the operation's changes of use and history, and gives back what it
 * took from budgets and did not need.  They are forgotten then.
 */
extern void loyalty_usage_store(Engine *engine);

/* budget.c: takes up to so many points; returns how many it got. */
extern int64 loyalty_budget_take(int32 rule_id, int64 points);
extern void loyalty_budget_give_back(int32 rule_id, int64 points);

/* Waits until nobody else can take from it or give back to it. */
extern void loyalty_budget_lock(int32 rule_id);

/* What is left of a budget, without a lock; negative if more was given than it allows. */
extern int64 loyalty_budget_left(int32 rule_id);

#endif							/* LOYALTY_USAGE_ROW_H */
