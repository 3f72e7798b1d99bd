/*
 * query.h
 *		SQL for everything that is not the hot path, with kept plans.
 *
 * Queries run as the extension's owner under a pinned search_path, so that the
 * caller needs EXECUTE on the function and nothing else.
 */
#ifndef LOYALTY_QUERY_H
#define LOYALTY_QUERY_H

#include "postgres.h"
#include "executor/spi.h"

#define LOYALTY_QUERY_ARGS 12

/* A type that has no fixed OID: loyalty.point_wallet. */
#define POINT_WALLET_TYPE	InvalidOid

/* A static query of the module.  Arguments are never NULL. */
typedef struct LoyaltyQuery
{
	const char *text;
	int			nargs;
	Oid			argtypes[LOYALTY_QUERY_ARGS];
	SPIPlanPtr	plan;			/* kept for the session … */
	Oid			wallet_type;	/* … or until the extension is another one */
	bool		by_values;		/* plan it for the values of each call */
} LoyaltyQuery;

/* Runs it for its effect; returns how many rows it touched. */
extern uint64 loyalty_query_execute(LoyaltyQuery *query, Datum *args);

/* The first column of its first row (by value); false if there is none. */
extern bool loyalty_query_value(LoyaltyQuery *query, Datum *args, Datum *value);

/* Calls back for every row, in the caller's memory context. */
typedef void (*RowVisitor) (HeapTuple row, TupleDesc desc, void *arg);
extern void loyalty_query_visit(LoyaltyQuery *query, Datum *args, RowVisitor visitor, void *arg);

/* Is one of our own queries under way?  The guards let it pass. */
extern bool loyalty_query_is_running(void);

#endif							/* LOYALTY_QUERY_H */
