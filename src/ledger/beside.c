/*
 * beside.c
 *		Rows beside the member's own, by primary key and without a query.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "ledger/beside.h"

static void
open_for_writing(BesideRows *rows)
{
	rows->estate = CreateExecutorState();
	compat_init_range_table(rows->estate, list_make1(rows->table));
	rows->result = makeNode(ResultRelInfo);
	InitResultRelInfo(rows->result, rows->table, 1, NULL, 0);
	rows->estate->es_opened_result_relations = list_make1(rows->result);
	ExecOpenIndices(rows->result, false);
	rows->epqstate = palloc0(sizeof(EPQState));
	compat_eval_plan_qual_init(rows->epqstate, rows->estate);
	rows->estate->es_output_cid = GetCurrentCommandId(true);
	rows->fresh = table_slot_create(rows->table, NULL);
	AfterTriggerBeginQuery();
}

void
loyalty_beside_open(BesideRows *rows, BesideTable table, bool writing)
{
	LOCKMODE	lock = writing ? RowExclusiveLock : AccessShareLock;

	memset(rows, 0, sizeof(BesideRows));
	rows->known = &loyalty_relations()->beside[table];
	rows->table = table_open(rows->known->relid, lock);
	rows->index = index_open(rows->known->index, lock);
	rows->found = table_slot_create(rows->table, NULL);
	if (writing)
		open_for_writing(rows);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
init_key(const BesideRows *rows, int column, Datum value, ScanKey key)
{
	RegProcedure equal;

	switch (rows->known->type[column])
	{
		case INT8OID:
			equal = F_INT8EQ;
			break;
		case INT4OID:
			equal = F_INT4EQ;
			break;
		case DATEOID:
			equal = F_DATE_EQ;
			break;
		case TIMESTAMPTZOID:
			equal = F_TIMESTAMPTZ_EQ;
			break;
		case CHAROID:
			equal = F_CHAREQ;
			break;
		case TEXTOID:
			equal = F_TEXTEQ;
			break;
		default:
			elog(ERROR, "key column of relation %u has unexpected type %u",
				 rows->known->relid, rows->known->type[column]);
	}
	ScanKeyEntryInitialize(key, 0, column + 1, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, equal, value);
}

void
loyalty_beside_seek(BesideRows *rows, const Datum *key, int columns)
{
	ScanKeyData keys[BESIDE_COLUMNS];

	if (rows->scan != NULL && rows->scan->numberOfKeys != columns)
	{
		index_endscan(rows->scan);
		rows->scan = NULL;
	}
	if (rows->scan == NULL)
		rows->scan = compat_index_beginscan(rows->table, rows->index, GetActiveSnapshot(),
											columns);
	for (int i = 0; i < columns; i++)
		init_key(rows, i, key[i], &keys[i]);
	index_rescan(rows->scan, keys, columns, NULL, 0);
	rows->has_found = false;
}

bool
loyalty_beside_next(BesideRows *rows)
{
	rows->has_found = index_getnext_slot(rows->scan, ForwardScanDirection, rows->found);
	if (rows->has_found)
		slot_getallattrs(rows->found);
	return rows->has_found;
}

Datum
loyalty_beside_value(const BesideRows *rows, int column)
{
	return rows->found->tts_values[rows->known->attr[column] - 1];
}

void
loyalty_beside_write(BesideRows *rows, const Datum *values)
{
	TupleTableSlot *slot = ExecClearTuple(rows->fresh);

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < rows->known->columns; i++)
	{
		slot->tts_values[rows->known->attr[i] - 1] = values[i];
		slot->tts_isnull[rows->known->attr[i] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
	if (rows->has_found)
		ExecSimpleRelationUpdate(rows->result, rows->estate, rows->epqstate, rows->found, slot);
	else
		ExecSimpleRelationInsert(rows->result, rows->estate, slot);
	rows->has_found = false;
}

static void
close_for_writing(BesideRows *rows)
{
	AfterTriggerEndQuery(rows->estate);
	EvalPlanQualEnd(rows->epqstate);
	ExecDropSingleTupleTableSlot(rows->fresh);
	for (int i = 0; i < rows->result->ri_NumIndices; i++)
	{
		compat_index_insert_cleanup(rows->result->ri_IndexRelationDescs[i],
									rows->result->ri_IndexRelationInfo[i]);
		index_close(rows->result->ri_IndexRelationDescs[i], NoLock);
	}
	FreeExecutorState(rows->estate);
}

/* What is written keeps its locks until the transaction ends, as in any query. */
void
loyalty_beside_close(BesideRows *rows)
{
	LOCKMODE	lock = rows->estate != NULL ? NoLock : AccessShareLock;

	if (rows->scan != NULL)
		index_endscan(rows->scan);
	PopActiveSnapshot();
	if (rows->estate != NULL)
		close_for_writing(rows);
	ExecDropSingleTupleTableSlot(rows->found);
	index_close(rows->index, lock);
	table_close(rows->table, lock);
}
