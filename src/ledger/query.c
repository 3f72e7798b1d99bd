/*
 * query.c
 *		SQL for everything that is not the hot path, with kept plans.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "catalog/pg_class.h"

#include "ledger/query.h"
#include "ledger/relations.h"

/* Whom and what to go back to. */
typedef struct OwnerScope
{
	Oid			user;
	int			security;
	int			guc_level;
} OwnerScope;

static bool running = false;	/* one of our queries is being executed */

bool
loyalty_query_is_running(void)
{
	return running;
}

static Oid
extension_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(loyalty_relations()->member));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", loyalty_relations()->member);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Switches to the extension's owner and a safe search_path.  The caller's
 * security bits stay; an error restores everything by itself, since
 * (sub)transaction abort resets user and settings.
 */
static void
enter_owner(OwnerScope *scope)
{
	GetUserIdAndSecContext(&scope->user, &scope->security);
	SetUserIdAndSecContext(extension_owner(),
						   scope->security | SECURITY_LOCAL_USERID_CHANGE);
	scope->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
leave_owner(const OwnerScope *scope)
{
	AtEOXact_GUC(true, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->security);
}

static void
run(LoyaltyQuery *query, Datum *args, long limit)
{
	int			result;
	bool		before = running;

	if (query->plan != NULL && query->wallet_type != loyalty_relations()->wallet_type)
	{
		SPI_freeplan(query->plan);
		query->plan = NULL;
	}
	if (query->plan == NULL)
	{
		Oid			types[LOYALTY_QUERY_ARGS];
		SPIPlanPtr	plan;

		for (int i = 0; i < query->nargs; i++)
			types[i] = OidIsValid(query->argtypes[i]) ? query->argtypes[i] :
				loyalty_relations()->wallet_type;

		/* planning for each call's arrays anew would cost more than it gains */
		plan = SPI_prepare_cursor(query->text, query->nargs, types, query->by_values ?
								  CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN);
		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", query->text,
				 SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep plan of \"%s\"", query->text);
		query->plan = plan;
		query->wallet_type = loyalty_relations()->wallet_type;
	}

	/* user triggers that our query fires may come back here */
	PG_TRY();
	{
		running = true;
		result = SPI_execute_plan(query->plan, args, NULL, false, limit);
	}
	PG_FINALLY();
	{
		running = before;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", query->text,
			 SPI_result_code_string(result));
}

uint64
loyalty_query_execute(LoyaltyQuery *query, Datum *args)
{
	OwnerScope	scope;
	uint64		rows;

	enter_owner(&scope);
	SPI_connect();
	run(query, args, 0);
	rows = SPI_processed;
	SPI_finish();
	leave_owner(&scope);
	return rows;
}

bool
loyalty_query_value(LoyaltyQuery *query, Datum *args, Datum *value)
{
	OwnerScope	scope;
	bool		found = false;

	enter_owner(&scope);
	SPI_connect();
	run(query, args, 1);
	if (SPI_processed > 0)
	{
		bool		isnull;

		*value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		found = !isnull;
	}
	SPI_finish();
	leave_owner(&scope);
	return found;
}

void
loyalty_query_visit(LoyaltyQuery *query, Datum *args, RowVisitor visitor, void *arg)
{
	OwnerScope	scope;
	MemoryContext caller = CurrentMemoryContext;

	enter_owner(&scope);
	SPI_connect();
	run(query, args, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		visitor(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, arg);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	leave_owner(&scope);
}
