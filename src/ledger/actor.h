/*
 * actor.h
 *		Who writes: the current role, as a small id.
 */
#ifndef LOYALTY_ACTOR_H
#define LOYALTY_ACTOR_H

#include "postgres.h"

extern int32 loyalty_actor_current(void);
extern void loyalty_actor_init(void);

#endif							/* LOYALTY_ACTOR_H */
