/*
 * compat.h
 *		PostgreSQL 14 to 18 from one source: the only user of PG_VERSION_NUM.
 */
#ifndef LOYALTY_COMPAT_H
#define LOYALTY_COMPAT_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "utils/guc.h"

/* VARSIZE and its kin left postgres.h in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Soft errors (16+): input functions report through fcinfo->context, so that
 * pg_input_is_valid() works.  Before 16 the same line is a plain ereport.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* Needs utils/rangetypes.h. */
#if PG_VERSION_NUM >= 160000
#define loyalty_make_range(typcache, lower, upper) make_range(typcache, lower, upper, false, NULL)
#else
#define loyalty_make_range(typcache, lower, upper) make_range(typcache, lower, upper, false)
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#endif							/* LOYALTY_COMPAT_H */
