/*
 * loyalty.c
 *		Where the library is loaded: magic block and settings.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "config/config.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	loyalty_config_init();
	MarkGUCPrefixReserved("loyalty");
}
