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
loyalty_beside_open(BesideRows *rows, BesideTable table, MemberState *member, bool writing)
{
	memset(rows, 0, sizeof(BesideRows));
	rows->number = table;
	rows->known = &loyalty_relations()->beside[table];
	rows->recent = member != NULL && loyalty_recent_holds(table) ? member->recent : NULL;
	rows->writing = writing;
	rows->at = -1;
}

static void
open_table(BesideRows *rows)
{
	LOCKMODE	lock = rows->writing ? RowExclusiveLock : AccessShareLock;

	rows->table = table_open(rows->known->relid, lock);
	rows->index = index_open(rows->known->index, lock);
	rows->found = table_slot_create(rows->table, NULL);
	if (rows->writing)
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
	memcpy(rows->key, key, sizeof(Datum) * columns);
	rows->columns = columns;
	rows->in_recent = rows->recent != NULL;
	rows->at = -1;
	rows->scanning = false;
	rows->has_found = false;
}

static void
scan_table(BesideRows *rows)
{
	ScanKeyData keys[BESIDE_COLUMNS];

	if (rows->table == NULL)
		open_table(rows);
	if (rows->scan != NULL && rows->scan->numberOfKeys != rows->columns)
	{
		index_endscan(rows->scan);
		rows->scan = NULL;
	}
	if (rows->scan == NULL)
		rows->scan = compat_index_beginscan(rows->table, rows->index, GetActiveSnapshot(),
											rows->columns);
	for (int i = 0; i < rows->columns; i++)
		init_key(rows, i, rows->key[i], &keys[i]);
	index_rescan(rows->scan, keys, rows->columns, NULL, 0);
	rows->scanning = true;
}

bool
loyalty_beside_next(BesideRows *rows)
{
	if (rows->in_recent)
	{
		rows->at = loyalty_recent_find(rows->recent, rows->number, rows->key, rows->columns,
									   rows->at + 1);
		if (rows->at >= 0)
			return true;
		rows->in_recent = false;
		if (!loyalty_recent_overflowed(rows->recent, rows->number))
			return false;
	}
	else if (rows->recent != NULL && !rows->scanning)
		return false;
	if (!rows->scanning)
		scan_table(rows);
	rows->has_found = index_getnext_slot(rows->scan, ForwardScanDirection, rows->found);
	if (rows->has_found)
		slot_getallattrs(rows->found);
	return rows->has_found;
}

Datum
loyalty_beside_value(const BesideRows *rows, int column)
{
	if (rows->at >= 0)
		return rows->recent->rows[rows->at].values[column];
	return rows->found->tts_values[rows->known->attr[column] - 1];
}

/*
 * Where the snapshot is the transaction's, a row may have been changed since by
 * an operation that left the member's row as it was.
 */
static void
require_current(BesideRows *rows)
{
	TupleTableSlot *locked;
	TM_FailureData failure;
	TM_Result	result;

	if (!IsolationUsesXactSnapshot())
		return;
	locked = table_slot_create(rows->table, NULL);
	result = table_tuple_lock(rows->table, &rows->found->tts_tid, GetActiveSnapshot(),
							  locked, rows->estate->es_output_cid,
							  LockTupleNoKeyExclusive, LockWaitBlock, 0, &failure);
	ExecDropSingleTupleTableSlot(locked);
	if (result == TM_Updated || result == TM_Deleted)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	if (result != TM_Ok)
		elog(ERROR, "unexpected result %d of locking a row", (int) result);
}

static void
write_table(BesideRows *rows, const Datum *values)
{
	TupleTableSlot *slot;

	if (rows->table == NULL)
		open_table(rows);
	slot = ExecClearTuple(rows->fresh);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < rows->known->columns; i++)
	{
		slot->tts_values[rows->known->attr[i] - 1] = values[i];
		slot->tts_isnull[rows->known->attr[i] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
	if (rows->has_found)
	{
		require_current(rows);
		ExecSimpleRelationUpdate(rows->result, rows->estate, rows->epqstate, rows->found, slot);
	}
	else
		ExecSimpleRelationInsert(rows->result, rows->estate, slot);
}

void
loyalty_beside_write(BesideRows *rows, const Datum *values)
{
	bool		travels = rows->recent != NULL && !rows->has_found;

	if (travels && (rows->at >= 0 || rows->recent->count < RECENT_ROWS))
		loyalty_recent_put(rows->recent, rows->at, rows->number, values);
	else
	{
		write_table(rows, values);
		if (travels)
			loyalty_recent_overflow(rows->recent, rows->number);
	}
	rows->has_found = false;
	rows->at = -1;
}

static void
close_for_writing(BesideRows *rows)
{
	AfterTriggerEndQuery(rows->estate);
	EvalPlanQualEnd(rows->epqstate);
	ExecResetTupleTable(rows->estate->es_tupleTable, false);
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
	LOCKMODE	lock = rows->writing ? NoLock : AccessShareLock;

	if (rows->table == NULL)
		return;
	if (rows->scan != NULL)
		index_endscan(rows->scan);
	PopActiveSnapshot();
	if (rows->writing)
		close_for_writing(rows);
	ExecDropSingleTupleTableSlot(rows->found);
	index_close(rows->index, lock);
	table_close(rows->table, lock);
}
