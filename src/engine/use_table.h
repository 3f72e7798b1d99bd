/*
 * use_table.h
 *		Uses of limits, each rule, period and key once, in the order they came.
 *
 * A few are searched one by one, many by a hash: an event may have as many keys
 * as matches.  The uses belong to the caller and are only pointed to.
 */
#ifndef LOYALTY_USE_TABLE_H
#define LOYALTY_USE_TABLE_H

#include "engine/rules.h"

typedef struct UseTable
{
	RuleUse   **uses;
	int			count;
	int			size;
	struct use_hash *hash;		/* NULL = they are few */
} UseTable;

/* That of the same rule, period and key; NULL if there is none. */
extern RuleUse *loyalty_use_find(const UseTable *table, const RuleUse *use);

/* Adds one that is not there.  A table of zeroes is empty. */
extern void loyalty_use_add(UseTable *table, RuleUse *use);

#endif							/* LOYALTY_USE_TABLE_H */
