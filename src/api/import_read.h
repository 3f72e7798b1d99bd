/*
 * import_read.h
 *		Rows of a table of opening balances, in the order of their members.
 */
#ifndef LOYALTY_IMPORT_READ_H
#define LOYALTY_IMPORT_READ_H

#include "executor/spi.h"
#include "config/config.h"

/* One row: a lot, growth, or what else it says about a member. */
typedef struct ImportRow
{
	int64		number;			/* in the order of the table */
	const char *member;
	int64		points;			/* 0 = none */
	TimestampTz valid_from;		/* DT_NOBEGIN = not said */
	TimestampTz valid_until;	/* DT_NOBEGIN = not said */
	int64		growth;
	TimestampTz growth_at;		/* DT_NOBEGIN = not said */
	const char *tier;			/* NULL = not said */
	const Jsonb *attributes;	/* NULL = not said */
	TimestampTz enrolled_at;	/* DT_NOBEGIN = not said */
} ImportRow;

typedef struct ImportSource ImportSource;

/* Checks the columns of the relation (22023). */
extern ImportSource *loyalty_import_open(Oid source, const Program *program);

/* Reads all rows and checks each by itself, as the session's own role. */
extern void loyalty_import_read(ImportSource *source);

/*
 * Calls back for every row that was read, ordered by member (COLLATE "C"), in a
 * memory context that holds the row and is reset after it; at the end with NULL.
 * May be called again.  Errors inside name the row, or the one that the
 * visitor blames, if any (0).
 */
typedef void (*ImportVisitor) (const ImportRow *row, void *arg);
extern void loyalty_import_visit(ImportSource *source, ImportVisitor visitor, void *arg);
extern void loyalty_import_blame(ImportSource *source, const char *member, int64 number);
extern void loyalty_import_close(ImportSource *source);

#endif							/* LOYALTY_IMPORT_READ_H */
