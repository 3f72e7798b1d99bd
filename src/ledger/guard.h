/*
 * guard.h
 *		Keeps members and ledger from being written or dropped behind our back.
 */
#ifndef LOYALTY_GUARD_H
#define LOYALTY_GUARD_H

extern void loyalty_guard_init(void);

#endif							/* LOYALTY_GUARD_H */
