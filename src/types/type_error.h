/*
 * type_error.h
 *		From a CoreError to an ereport, one rule per way in.
 */
#ifndef LOYALTY_TYPE_ERROR_H
#define LOYALTY_TYPE_ERROR_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "types/core.h"

/*
 * Text that the type refuses: 22P02, or 22003, 22008, 54000 for what is too
 * large.  `context` is the call's (soft errors); returns if it takes them.
 */
extern void loyalty_type_refuse_text(const char *type_name, const char *text,
									 const CoreError *reason, Node *context);

/* Bytes that the type refuses: 22P03. */
pg_noreturn extern void loyalty_type_refuse_bytes(const char *type_name, const CoreError *reason);

/* Arguments that an operation refuses: 22023, 22003, 22008, 54000. */
pg_noreturn extern void loyalty_type_refuse_arguments(const char *message, const CoreError *reason);

#endif							/* LOYALTY_TYPE_ERROR_H */
