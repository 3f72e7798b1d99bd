/*
 * loyalty.c
 *		Where the library is loaded: magic block, settings, callbacks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/inval.h"

#include "compat.h"
#include "config/config.h"
#include "ledger/actor.h"
#include "ledger/guard.h"
#include "ledger/relations.h"
#include "nls.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

/*
 * A backend has room for ten relcache callbacks and cannot give one back, so
 * the module takes one for all that it caches.
 */
static void
relation_changed(Datum arg, Oid relid)
{
	loyalty_config_changed(relid);
	loyalty_relations_invalidate(relid);
}

void
_PG_init(void)
{
	loyalty_nls_init();
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	loyalty_config_init();
	loyalty_actor_init();
	loyalty_guard_init();
	loyalty_writer_init();
	MarkGUCPrefixReserved("loyalty");
}
