/*
 * family.h
 *		Private to family.c and family_take.c: the stack of a family's corrections.
 */
#ifndef LOYALTY_FAMILY_H
#define LOYALTY_FAMILY_H

#include "engine/engine.h"

/* What one correction took, by the way in which undoing it gives back. */
typedef struct FamilyLayer
{
	int64		debt;
	int64		waived;
	LotList		other;			/* lots of other grants */
	int64		lapsed;
	LotList		own;			/* lots of the family */
	SpendOrder	order;
} FamilyLayer;

/* What a pop yielded. */
typedef struct FamilyPopped
{
	int64		debt;
	int64		waived;
	int64		lapsed;
	LotList		lots;
} FamilyPopped;

/* Counts an entry into a family. */
extern void loyalty_family_add(Family *family, Entry *entry);

/* The stack of the family's corrections as its entries leave it; of FamilyLayer. */
extern List *loyalty_family_stack(const Family *family);

/* Pops up to `points` off the stack; returns how many it had. */
extern int64 loyalty_family_pop(List **stack, int64 points, FamilyPopped *popped);

/* Points of a slice that are the family's own. */
extern int64 loyalty_family_own_points(const Family *family, const LotList *slice);

#endif							/* LOYALTY_FAMILY_H */
