/*
 * writer.c
 *		Member and ledger open for writing through the executor.
 *
 * Writing follows what logical replication's apply worker does for one row
 * (an EState with range table, opened indexes, after-trigger query level).
 *
 * The first writer of a statement is kept: its relation references belong to a
 * resource owner of its own, a child of the (sub)transaction's, and it goes
 * when the statement's resource owner goes, or its (sub)transaction commits.
 * After an error its owner has let the references go by itself and the memory
 * goes with the transaction.  A call inside a call (from a trigger on
 * our tables) or in a subtransaction of the statement opens a writer of its own,
 * and so does every call where users have put row triggers on our tables: the
 * executor makes slots for those on the way, which belong to the statement.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "utils/memutils.h"

#include "compat.h"
#include "ledger/relations.h"

typedef struct KeptWriter
{
	Writer		writer;			/* context NULL = none is kept */
	ResourceOwner statement;	/* goes with it */
	ResourceOwner transaction;	/* its (sub)transaction */
	bool		usable;			/* not where users have put row triggers */
	bool		in_use;
} KeptWriter;

static KeptWriter kept;

static void
open_relations(Writer *writer)
{
	MemoryContext caller;

	writer->context = AllocSetContextCreate(TopTransactionContext, "loyalty writer",
											ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(writer->context);

	writer->relations = loyalty_relations();
	writer->member = table_open(writer->relations->member, RowExclusiveLock);
	writer->member_ref_index = index_open(writer->relations->member_ref_index, RowExclusiveLock);
	writer->ledger = table_open(writer->relations->ledger, RowExclusiveLock);

	writer->estate = CreateExecutorState();
	compat_init_range_table(writer->estate, list_make2(writer->member, writer->ledger));

	writer->member_result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->member_result, writer->member, 1, NULL, 0);
	writer->ledger_result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->ledger_result, writer->ledger, 2, NULL, 0);
	writer->estate->es_opened_result_relations =
		list_make2(writer->member_result, writer->ledger_result);
	ExecOpenIndices(writer->member_result, false);
	ExecOpenIndices(writer->ledger_result, false);
	writer->epqstate = palloc0(sizeof(EPQState));
	compat_eval_plan_qual_init(writer->epqstate, writer->estate);

	writer->member_slot = table_slot_create(writer->member, &writer->estate->es_tupleTable);
	writer->new_slot = table_slot_create(writer->member, &writer->estate->es_tupleTable);
	writer->ledger_slot = table_slot_create(writer->ledger, &writer->estate->es_tupleTable);
	MemoryContextSwitchTo(caller);
}

/* Indexes keep their locks, as the tables do, until the transaction ends. */
static void
close_indexes(ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
		index_close(result->ri_IndexRelationDescs[i], NoLock);
}

static void
close_relations(Writer *writer)
{
	EvalPlanQualEnd(writer->epqstate);
	ExecResetTupleTable(writer->estate->es_tupleTable, false);
	close_indexes(writer->member_result);
	close_indexes(writer->ledger_result);
	index_close(writer->member_ref_index, NoLock);
	table_close(writer->ledger, NoLock);
	table_close(writer->member, NoLock);
	FreeExecutorState(writer->estate);
	MemoryContextDelete(writer->context);
}

static bool
has_row_triggers(Relation relation)
{
	const TriggerDesc *triggers = relation->trigdesc;

	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_update_before_row || triggers->trig_update_after_row);
}

/* Opens the writer that is kept for the rest of the statement. */
static void
keep_writer(void)
{
	ResourceOwner statement = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(CurTransactionResourceOwner, "loyalty writer");

	CurrentResourceOwner = owner;
	PG_TRY();
	{
		open_relations(&kept.writer);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = statement;
	}
	PG_END_TRY();
	kept.writer.owner = owner;
	kept.statement = statement;
	kept.transaction = CurTransactionResourceOwner;
	kept.usable = !has_row_triggers(kept.writer.member) &&
		!has_row_triggers(kept.writer.ledger);
}

static void
drop_kept_writer(void)
{
	ResourceOwner current = CurrentResourceOwner;
	Writer		writer = kept.writer;

	memset(&kept, 0, sizeof(kept));
	CurrentResourceOwner = writer.owner;
	close_relations(&writer);
	CurrentResourceOwner = current;
	ResourceOwnerRelease(writer.owner, RESOURCE_RELEASE_BEFORE_LOCKS, true, false);
	ResourceOwnerRelease(writer.owner, RESOURCE_RELEASE_LOCKS, true, false);
	ResourceOwnerRelease(writer.owner, RESOURCE_RELEASE_AFTER_LOCKS, true, false);
	ResourceOwnerDelete(writer.owner);
}

/*
 * Called for every resource owner that goes.  In an aborted (sub)transaction
 * everything that the kept writer refers to is released by its own owner.
 */
static void
owner_released(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *arg)
{
	if (phase != RESOURCE_RELEASE_BEFORE_LOCKS || kept.writer.context == NULL)
		return;
	if (CurrentResourceOwner != kept.statement && CurrentResourceOwner != kept.writer.owner)
		return;
	if (is_commit && CurrentResourceOwner == kept.statement)
		drop_kept_writer();
	else
		memset(&kept, 0, sizeof(kept));
}

/* A procedure may end its transaction in the middle of its statement. */
static void
transaction_ends(XactEvent event, void *arg)
{
	if (kept.writer.context != NULL &&
		(event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE))
		drop_kept_writer();
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
					void *arg)
{
	if (kept.writer.context != NULL && event == SUBXACT_EVENT_PRE_COMMIT_SUB &&
		kept.transaction == CurTransactionResourceOwner)
		drop_kept_writer();
}

void
loyalty_writer_init(void)
{
	RegisterResourceReleaseCallback(owner_released, NULL);
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
}

void
loyalty_writer_open(Writer *writer)
{
	if (kept.writer.context == NULL)
		keep_writer();

	if (kept.usable && !kept.in_use && kept.statement == CurrentResourceOwner)
	{
		kept.in_use = true;
		*writer = kept.writer;
	}
	else
	{
		open_relations(writer);
		writer->owner = NULL;
	}
	writer->estate->es_output_cid = GetCurrentCommandId(true);
	AfterTriggerBeginQuery();
}

/* Pages that indexes keep pinned belong to the statement, not to the writer. */
static void
end_inserts(ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
		compat_index_insert_cleanup(result->ri_IndexRelationDescs[i],
									result->ri_IndexRelationInfo[i]);
}

void
loyalty_writer_close(Writer *writer)
{
	AfterTriggerEndQuery(writer->estate);
	ResetPerTupleExprContext(writer->estate);
	end_inserts(writer->member_result);
	end_inserts(writer->ledger_result);
	if (writer->owner == NULL)
		close_relations(writer);
	else
	{
		ExecClearTuple(writer->member_slot);
		ExecClearTuple(writer->new_slot);
		ExecClearTuple(writer->ledger_slot);
		kept.in_use = false;
	}
	CommandCounterIncrement();
}
