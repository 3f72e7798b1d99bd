/*
 * streak.h
 *		A row of loyalty.streak: how the periods of an event are counted.
 */
#ifndef LOYALTY_CONFIG_STREAK_H
#define LOYALTY_CONFIG_STREAK_H

#include "postgres.h"

typedef enum StreakUnit
{
	STREAK_DAY = 'd',
	STREAK_WEEK = 'w'
} StreakUnit;

/* What the count of periods starts anew with; a run goes on over it. */
typedef enum StreakCycle
{
	STREAK_NO_CYCLE = 'n',
	STREAK_CYCLE_WEEK = 'w',
	STREAK_CYCLE_MONTH = 'm',
	STREAK_CYCLE_YEAR = 'y'
} StreakCycle;

typedef struct StreakTerms
{
	StreakUnit	unit;
	StreakCycle cycle;
	bool		once;			/* a further event of a period is the same one */
	int64		make_up_points; /* price of a missed period; 0 = not for sale */
	int32		make_up_within; /* periods back */
} StreakTerms;

#endif							/* LOYALTY_CONFIG_STREAK_H */
