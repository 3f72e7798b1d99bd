/*
 * core.h
 *		What the pure core stands on: memory, numbers, instants, failures.
 *
 * Files of the core (lot.c, wallet.c, wallet_pack.c, validity.c …) know neither
 * fmgr nor ereport, so that a plain program can link, test and fuzz them.
 * They allocate with palloc, which is the backend's memory context or, in a
 * frontend build (-DFRONTEND), malloc.  What can fail returns false and fills
 * a CoreError; the glue turns that into an ereport (or a soft error).
 */
#ifndef LOYALTY_CORE_H
#define LOYALTY_CORE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#include "compat.h"
#endif

#include "datatype/timestamp.h"

/* The name since 18, where it stands before the declaration. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

#ifdef FRONTEND
/* A varlena of a plain program: always a length of four bytes, itself included. */
#define SET_VARSIZE(p, size)	(*(uint32 *) (p) = (uint32) (size))
#define VARDATA_ANY(p)			((char *) (p) + VARHDRSZ)
#define VARSIZE_ANY_EXHDR(p)	(*(const uint32 *) (p) - VARHDRSZ)
#endif

typedef enum CoreErrorKind
{
	CORE_OK = 0,
	CORE_SYNTAX,				/* text that cannot be read: 22P02 */
	CORE_BINARY,				/* bytes that cannot be read: 22P03 */
	CORE_RANGE,					/* points beyond bigint: 22003; instants: 22008 */
	CORE_DATETIME,				/* instant out of range: 22008 */
	CORE_INVALID,				/* readable, but against a rule: 22023 */
	CORE_TOO_BIG				/* more than a varlena holds: 54000 */
} CoreErrorKind;

typedef struct CoreError
{
	CoreErrorKind kind;
	char		detail[160];	/* a sentence for errdetail */
} CoreError;

/* Fills *err (which may be NULL) and returns false, to be returned at once. */
extern bool loyalty_core_fail(CoreError *err, CoreErrorKind kind,
							  const char *fmt,...) pg_attribute_printf(3, 4);

/* Stored bytes that nothing of ours has written.  Does not return. */
pg_noreturn extern void loyalty_core_corrupt(const char *type_name);

#endif							/* LOYALTY_CORE_H */
