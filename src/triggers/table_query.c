/*
 * table_query.c
 *		Reading a user's table on behalf of its owner.
 *
 * Whoever inserts an order need not be allowed to read orders.  Nothing of the
 * owner's but the table's columns is reached: the search_path is pinned.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "triggers/table_query.h"

/* Rows fetched at a time. */
#define FETCH_ROWS 1000

const char *
loyalty_table_name(Relation table)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
									  RelationGetRelationName(table));
}

/* The row in the composite value, as a tuple of the slot. */
static void
store_row(TupleTableSlot *slot, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	ExecClearTuple(slot);
	heap_deform_tuple(&tuple, slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
}

static bool
visit_rows(TupleTableSlot *slot, MemoryContext context, TableVisitor visitor, void *arg)
{
	SPITupleTable *rows = SPI_tuptable;
	bool		go_on = rows->numvals > 0;

	for (uint64 i = 0; i < rows->numvals && go_on; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(context);
		bool		isnull;

		store_row(slot, SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
		go_on = visitor(slot, arg);
		ExecClearTuple(slot);
		MemoryContextSwitchTo(spi);
		MemoryContextReset(context);
	}
	SPI_freetuptable(rows);
	return go_on;
}

void
loyalty_table_visit(Relation table, const char *query, Oid type, Datum argument,
					TableVisitor visitor, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty table",
												  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsVirtual);
	int			level = NewGUCNestLevel();
	Portal		portal;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, query, OidIsValid(type) ? 1 : 0, &type,
									   &argument, NULL, false, 0);
	do
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
	} while (visit_rows(slot, context, visitor, arg));
	SPI_cursor_close(portal);
	SPI_finish();
	AtEOXact_GUC(true, level);
	SetUserIdAndSecContext(user, security);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(context);
}
