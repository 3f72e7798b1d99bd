/*
 * table_query.h
 *		Reading a user's table on behalf of its owner.
 */
#ifndef LOYALTY_TABLE_QUERY_H
#define LOYALTY_TABLE_QUERY_H

#include "executor/tuptable.h"
#include "utils/rel.h"

/* Schema-qualified and quoted. */
extern const char *loyalty_table_name(Relation table);

/*
 * Runs a query whose one column is a row of the table, as the table's owner,
 * past its row security, and calls back for every row in a memory context that
 * is reset after the call.  One argument of type `type`; InvalidOid = none.
 * The visitor returns false to end it.
 */
typedef bool (*TableVisitor) (TupleTableSlot *slot, void *arg);
extern void loyalty_table_visit(Relation table, const char *query, Oid type, Datum argument,
								TableVisitor visitor, void *arg);

#endif							/* LOYALTY_TABLE_QUERY_H */
