/*
 * bulk.c
 *		Members that nobody has stored yet, written many at a time.
 *
 * A member is written once, as its first operation leaves it.  Rows are kept
 * until there are enough of them and then go into each table in one call, with
 * one WAL record per page, as COPY writes them; their index entries follow row
 * by row.  A table to which users have added row triggers, checks or columns
 * gets its rows one by one, with all that the executor does for them.
 *
 * The unique index of members decides who enrolled one: it waits for whoever is
 * about to enroll the same, and what it then says becomes a serialization
 * failure.
 *
 * What this leaves out is what a Writer leaves out (relations.h).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/bulk.h"
#include "ledger/entry_row.h"
#include "ledger/member_row.h"
#include "ledger/tier_row.h"

/* Time to write: so many rows of a table, or so many bytes of all. */
#define FULL_ROWS	1000
#define FULL_BYTES	(1024 * 1024)

/* Rows on their way into a table. */
typedef struct BulkTable
{
	Relation	relation;
	int			columns;		/* of our own */
	TupleTableSlot **slots;
	int			capacity;		/* slots that were made */
	int			count;			/* that have rows */
	int			written;		/* rows whose index entries are there, too */
} BulkTable;

struct Bulk
{
	Writer	   *writer;
	BulkTable	members;
	BulkTable	entries;
	BulkTable	periods;
	Size		bytes;			/* of all rows that are kept */
	Datum		no_attributes;	/* {} */
	MemoryContext context;		/* slots and their rows */
	MemoryContext scratch;		/* of one flush */
};

Bulk *
loyalty_bulk_open(Writer *writer)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty bulk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const BesideRelation *periods = &loyalty_relations()->beside[BESIDE_TIER_PERIOD];
	Bulk	   *bulk = palloc0(sizeof(Bulk));

	bulk->writer = writer;
	bulk->context = context;
	bulk->scratch = AllocSetContextCreate(context, "loyalty bulk scratch",
										  ALLOCSET_DEFAULT_SIZES);
	bulk->no_attributes = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	bulk->members.relation = writer->member;
	bulk->members.columns = MEMBER_COLUMNS;
	bulk->entries.relation = writer->ledger;
	bulk->entries.columns = LEDGER_COLUMNS;
	bulk->periods.relation = table_open(periods->relid, RowExclusiveLock);
	bulk->periods.columns = periods->columns;
	MemoryContextSwitchTo(caller);
	return bulk;
}

int64
loyalty_bulk_next_id(void)
{
	return nextval_internal(loyalty_relations()->member_id_seq, false);
}

/* An empty slot for the next row. */
static TupleTableSlot *
next_slot(Bulk *bulk, BulkTable *table)
{
	if (table->count == table->capacity)
	{
		MemoryContext caller = MemoryContextSwitchTo(bulk->context);

		if (table->capacity == 0)
			table->slots = palloc(sizeof(TupleTableSlot *));
		else if ((table->capacity & (table->capacity - 1)) == 0)
			table->slots = repalloc(table->slots,
									table->capacity * 2 * sizeof(TupleTableSlot *));
		table->slots[table->capacity++] = table_slot_create(table->relation, NULL);
		MemoryContextSwitchTo(caller);
	}
	return table->slots[table->count];
}

/* Keeps the row that was made in the next slot. */
static void
keep_row(Bulk *bulk, BulkTable *table)
{
	TupleTableSlot *slot = table->slots[table->count++];

	bulk->bytes += ExecFetchSlotHeapTuple(slot, true, NULL)->t_len;
}

static void
fill_member(const Bulk *bulk, TupleTableSlot *slot, const MemberState *member)
{
	const AttrNumber *attr = loyalty_relations()->member_attr;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < MEMBER_COLUMNS; i++)
		slot->tts_isnull[attr[i] - 1] = false;
#define SET(column, datum) slot->tts_values[attr[column] - 1] = (datum)
	SET(MEMBER_ID, Int64GetDatum(member->member_id));
	SET(MEMBER_PROGRAM_ID, Int32GetDatum(member->program_id));
	SET(MEMBER_REF, CStringGetTextDatum(member->ref));
	SET(MEMBER_ENROLLED_AT, TimestampTzGetDatum(member->enrolled_at));
	SET(MEMBER_SALT, Int64GetDatum(member->salt));
	SET(MEMBER_KEY_DIGEST, Int64GetDatum(member->key_digest));
	SET(MEMBER_ATTRIBUTES, member->attributes == NULL ? bulk->no_attributes :
		JsonbPGetDatum(member->attributes));
#undef SET
	loyalty_member_fill(slot, member);
	ExecStoreVirtualTuple(slot);
}

static void
keep_period(const Datum *values, void *arg)
{
	Bulk	   *bulk = arg;
	const BesideRelation *known = &loyalty_relations()->beside[BESIDE_TIER_PERIOD];
	TupleTableSlot *slot = ExecClearTuple(next_slot(bulk, &bulk->periods));

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < known->columns; i++)
	{
		slot->tts_values[known->attr[i] - 1] = values[i];
		slot->tts_isnull[known->attr[i] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
	keep_row(bulk, &bulk->periods);
}

bool
loyalty_bulk_add(Bulk *bulk, Engine *engine)
{
	MemberState *member = engine->member;
	ListCell   *cell;

	loyalty_tier_finish(engine);
	foreach(cell, engine->entries)
	{
		loyalty_entry_fill(next_slot(bulk, &bulk->entries), member, lfirst(cell));
		keep_row(bulk, &bulk->entries);
	}
	member->maintain_at = loyalty_engine_next_due(member, engine->at);
	fill_member(bulk, next_slot(bulk, &bulk->members), member);
	keep_row(bulk, &bulk->members);
	loyalty_tiers_begin(engine, keep_period, bulk);
	return bulk->members.count >= FULL_ROWS || bulk->entries.count >= FULL_ROWS ||
		bulk->periods.count >= FULL_ROWS || bulk->bytes >= FULL_BYTES;
}

/* Our own columns are as they must be; what others added has to be looked at. */
static bool
goes_row_by_row(const BulkTable *table)
{
	const TriggerDesc *triggers = table->relation->trigdesc;
	TupleDesc	desc = RelationGetDescr(table->relation);
	int			columns = 0;

	for (int i = 0; i < desc->natts; i++)
		columns += TupleDescAttr(desc, i)->attisdropped ? 0 : 1;
	return columns != table->columns ||
		(desc->constr != NULL && desc->constr->num_check > 0) ||
		(triggers != NULL &&
		 (triggers->trig_insert_before_row || triggers->trig_insert_after_row));
}

static void
write_row(BulkTable *table, ResultRelInfo *result, EState *estate)
{
	TupleTableSlot *slot = table->slots[table->written];

	ExecSimpleRelationInsert(result, estate, slot);
	if (!ItemPointerIsValid(&slot->tts_tid))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("a trigger keeps a row out of loyalty.%s",
						RelationGetRelationName(table->relation))));
	ResetPerTupleExprContext(estate);
	CHECK_FOR_INTERRUPTS();
}

/* Index by index, so that each stays in the processor's caches. */
static void
write_index_entries(BulkTable *table, ResultRelInfo *result, EState *estate)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		ResultRelInfo one = *result;

		one.ri_NumIndices = 1;
		one.ri_IndexRelationDescs = &result->ri_IndexRelationDescs[i];
		one.ri_IndexRelationInfo = &result->ri_IndexRelationInfo[i];
		for (table->written = 0; table->written < table->count; table->written++)
		{
			list_free(compat_insert_index_tuples(&one, table->slots[table->written], estate));
			ResetPerTupleExprContext(estate);
			CHECK_FOR_INTERRUPTS();
		}
	}
}

static void
write_rows(BulkTable *table, ResultRelInfo *result, EState *estate)
{
	if (goes_row_by_row(table))
	{
		for (table->written = 0; table->written < table->count; table->written++)
			write_row(table, result, estate);
	}
	else
	{
		table_multi_insert(table->relation, table->slots, table->count,
						   GetCurrentCommandId(true), 0, NULL);
		write_index_entries(table, result, estate);
	}
	for (int i = 0; i < table->count; i++)
		ExecClearTuple(table->slots[i]);
	table->count = 0;
}

/* Tells whoever comes second with a member to try again. */
static void
write_members(Bulk *bulk)
{
	Writer	   *writer = bulk->writer;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		write_rows(&bulk->members, writer->member_result, writer->estate);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		const char *index = RelationGetRelationName(writer->member_ref_index);
		TupleTableSlot *slot;
		bool		isnull;
		Datum		ref;

		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (error->constraint_name == NULL || strcmp(error->constraint_name, index) != 0)
			PG_RE_THROW();
		FlushErrorState();
		slot = bulk->members.slots[bulk->members.written];
		ref = slot_getattr(slot, writer->relations->member_attr[MEMBER_REF], &isnull);
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Another transaction has just enrolled member \"%s\".",
						   TextDatumGetCString(ref))));
	}
	PG_END_TRY();
}

static void
write_periods(Bulk *bulk)
{
	BulkTable  *table = &bulk->periods;
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);

	compat_init_range_table(estate, list_make1(table->relation));
	InitResultRelInfo(result, table->relation, 1, NULL, 0);
	estate->es_opened_result_relations = list_make1(result);
	estate->es_output_cid = GetCurrentCommandId(true);
	ExecOpenIndices(result, false);
	AfterTriggerBeginQuery();
	write_rows(table, result, estate);
	AfterTriggerEndQuery(estate);
	ExecResetTupleTable(estate->es_tupleTable, false);
	ExecCloseIndices(result);
	FreeExecutorState(estate);
}

void
loyalty_bulk_flush(Bulk *bulk)
{
	MemoryContext caller = MemoryContextSwitchTo(bulk->scratch);

	if (bulk->members.count > 0)
		write_members(bulk);
	if (bulk->entries.count > 0)
		write_rows(&bulk->entries, bulk->writer->ledger_result, bulk->writer->estate);
	if (bulk->periods.count > 0)
		write_periods(bulk);
	bulk->bytes = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(bulk->scratch);
}

static void
drop_slots(BulkTable *table)
{
	for (int i = 0; i < table->capacity; i++)
		ExecDropSingleTupleTableSlot(table->slots[i]);
}

void
loyalty_bulk_close(Bulk *bulk)
{
	loyalty_bulk_flush(bulk);
	drop_slots(&bulk->members);
	drop_slots(&bulk->entries);
	drop_slots(&bulk->periods);
	table_close(bulk->periods.relation, NoLock);
	MemoryContextDelete(bulk->context);
}
