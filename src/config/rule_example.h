/*
 * rule_example.h
 *		Rows of loyalty.rule_example: what an event is expected to be worth.
 */
#ifndef LOYALTY_RULE_EXAMPLE_H
#define LOYALTY_RULE_EXAMPLE_H

#include "config/config.h"

typedef struct RuleExample
{
	char	   *name;
	char	   *event;
	Jsonb	   *attributes;
	char	   *tier;			/* NULL = that of a new member */
	Jsonb	   *member;			/* $member */
	TimestampTz at;				/* DT_NOBEGIN = now */
	int64		points;			/* expected */
	int64		growth;
	bool		has_growth;		/* growth is expected, too */
	bool		active;
} RuleExample;

/*
 * The examples of a program by name, as committed by now and as this
 * transaction has changed them, in the current memory context; of RuleExample.
 */
extern List *loyalty_rule_examples_load(const char *program);

/*
 * Makes this transaction the only one that checks the program's examples until
 * it ends: what others have committed before is seen afterwards.
 */
extern void loyalty_rule_examples_lock(const Program *program);

#endif							/* LOYALTY_RULE_EXAMPLE_H */
