/*
 * loyalty.c
 *		Where the library is loaded: magic block and settings.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	MarkGUCPrefixReserved("loyalty");
}
