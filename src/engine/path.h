/*
 * path.h
 *		What jsonpaths find in a document.
 */
#ifndef LOYALTY_PATH_H
#define LOYALTY_PATH_H

#include "config/rule.h"

/* The items that a path found, read one by one. */
typedef struct PathItems
{
	JsonbIterator *iterator;	/* NULL: `values` */
	JsonbValue	one;
	JsonbValue *values;
	int			count;
	int			next;
} PathItems;

/* `variables` is an object; it holds every variable that the path mentions. */
extern void loyalty_path_find(const RulePath *path, const Jsonb *target,
							  const Jsonb *variables, PathItems *items);
extern bool loyalty_path_next(PathItems *items, JsonbValue *item);

/* Does a condition hold?  One that is absent does. */
extern bool loyalty_path_holds(const RulePath *path, const Jsonb *target,
							   const Jsonb *variables);

/* The sum of the numbers that a path finds; NULL if it finds none. */
extern Numeric loyalty_path_numbers(const RulePath *path, const Jsonb *target,
									const Jsonb *variables);

/* The same for paths that mention no variable. */
extern bool loyalty_condition_holds(const RulePath *condition, const Jsonb *document);
extern Numeric loyalty_path_sum(const RulePath *path, const Jsonb *document);

/* A condition that is no rule's; variables NULL = none. */
extern bool loyalty_jsonpath_holds(JsonPath *path, const Jsonb *document,
								   const Jsonb *variables);

#endif							/* LOYALTY_PATH_H */
