/*
 * order_batch.c
 *		The rows that one statement touched, on their way to the engine.
 *
 * What counts is the table as it stands, not what the statement's transition
 * tables say.  The rows that the statement left are the table's present ones
 * unless something else wrote within the statement (a trigger, a function, the
 * other half of an ON CONFLICT DO UPDATE); the caller knows, and asks for
 * `reread` then.  A pair that the statement took away may have come back under
 * another row, and the rows of one ref are one event under `lines`: these are
 * read from the table, too.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "api/call.h"
#include "compat.h"
#include "errors.h"
#include "triggers/order_batch.h"

/* Refs that have to be read from the table. */
typedef struct RefList
{
	MemoryContext context;
	Datum	   *refs;
	int64		count;
	int64		capacity;
	int16		length;
	bool		by_value;
} RefList;

/* A pass over one of the statement's transition tables. */
typedef struct RowScan
{
	Tuplestorestate *store;
	int			pointer;
	TupleTableSlot *slot;
} RowScan;

/* Other triggers read the same tuplestore: each reader has a pointer of its own. */
static void
scan_rows(RowScan *scan, Tuplestorestate *store, TupleDesc desc)
{
	scan->store = store;
	if (store == NULL)
		return;
	scan->pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
	scan->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

static void
rewind_rows(RowScan *scan)
{
	if (scan->store == NULL)
		return;
	tuplestore_select_read_pointer(scan->store, scan->pointer);
	tuplestore_rescan(scan->store);
}

static bool
next_row(RowScan *scan)
{
	if (scan->store == NULL)
		return false;
	CHECK_FOR_INTERRUPTS();
	tuplestore_select_read_pointer(scan->store, scan->pointer);
	return tuplestore_gettupleslot(scan->store, true, false, scan->slot);
}

static void
end_rows(RowScan *scan)
{
	if (scan->store != NULL)
		ExecDropSingleTupleTableSlot(scan->slot);
}

void
loyalty_order_context(void *arg)
{
	const OrderContext *context = arg;

	if (context->member != NULL)
		errcontext("loyalty event \"%s\" of member \"%s\", ref \"%s\", table \"%s\"",
				   context->batch->attachment->event, context->member,
				   context->ref == NULL ? "" : context->ref,
				   RelationGetRelationName(context->batch->relation));
}

/*
 * A setting that has the value already is left alone: each change costs as much
 * as a row.
 */
static void
set_locally(const char *name, const char *value)
{
	if (strcmp(GetConfigOption(name, false, false), value) != 0)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

int
loyalty_order_settings(const Program *program)
{
	int			level = NewGUCNestLevel();

	set_locally("TimeZone", program->time_zone);
	set_locally("DateStyle", "ISO, YMD");
	set_locally("IntervalStyle", "postgres");
	set_locally("bytea_output", "hex");
	set_locally("extra_float_digits", "1");
	return level;
}

/*
 * A key that cannot be one: `raise` says so, else the row is passed over with a
 * warning, since the ledger has no place for it either.
 */
static bool
is_key(OrderBatch *batch, const char *column, const char *key)
{
	if (key != NULL && key[0] != '\0' && strlen(key) <= LOYALTY_KEY_MAX)
		return true;
	if (batch->attachment->raise || !batch->warned)
		ereport(batch->attachment->raise ? ERROR : WARNING,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 key == NULL ? errmsg("column \"%s\" must not be null", column) :
				 errmsg("column \"%s\" must be 1 to %d bytes long", column, LOYALTY_KEY_MAX),
				 batch->attachment->raise ? 0 :
				 errdetail("Such rows of the statement earn nothing.")));
	batch->warned = true;
	return false;
}

/* Member and ref of the row; false if it is none of ours. */
static bool
read_keys(OrderBatch *batch, TupleTableSlot *slot, OrderContext *context)
{
	context->member = loyalty_order_member(batch->reader, slot);
	if (context->member == NULL)
		return false;
	context->ref = loyalty_order_ref(batch->reader, slot);
	return is_key(batch, batch->attachment->member, context->member) &&
		is_key(batch, batch->attachment->ref, context->ref);
}

void
loyalty_order_put(OrderBatch *batch, Tuplesortstate *sort, int64 member_id, TimestampTz at,
				  const char *ref, OrderStanding standing, const Jsonb *document)
{
	TupleTableSlot *slot = batch->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * ITEM_COLUMNS);
	slot->tts_values[ITEM_MEMBER_ID - 1] = Int64GetDatum(member_id);
	slot->tts_values[ITEM_AT - 1] = TimestampTzGetDatum(at);
	slot->tts_values[ITEM_REF - 1] = CStringGetTextDatum(ref);
	slot->tts_values[ITEM_STANDING - 1] = CharGetDatum(standing);
	slot->tts_values[ITEM_DOCUMENT - 1] = JsonbPGetDatum(document);
	slot->tts_isnull[ITEM_DOCUMENT - 1] = document == NULL;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort, slot);
}

static Tuplesortstate *
begin_sort(TupleDesc desc, AttrNumber *columns)
{
	Oid			operators[3];
	Oid			collations[3];
	bool		nulls_first[3] = {true, true, true};

	for (int i = 0; i < 3; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, columns[i] - 1);

		operators[i] = lookup_type_cache(attribute->atttypid, TYPECACHE_LT_OPR)->lt_opr;
		collations[i] = attribute->atttypid == TEXTOID ? C_COLLATION_OID : InvalidOid;
	}
	return tuplesort_begin_heap(desc, 3, columns, operators, collations, nulls_first,
								work_mem, NULL, 0);
}

static void
begin_sorts(OrderBatch *batch)
{
	AttrNumber	items[] = {ITEM_MEMBER_ID, ITEM_AT, ITEM_REF};
	AttrNumber	pairs[] = {ITEM_MEMBER_ID, ITEM_REF, ITEM_DOCUMENT};

	batch->desc = CreateTemplateTupleDesc(ITEM_COLUMNS);
	TupleDescInitEntry(batch->desc, ITEM_MEMBER_ID, "member_id", INT8OID, -1, 0);
	TupleDescInitEntry(batch->desc, ITEM_AT, "at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(batch->desc, ITEM_REF, "ref", TEXTOID, -1, 0);
	TupleDescInitEntry(batch->desc, ITEM_STANDING, "standing", CHAROID, -1, 0);
	TupleDescInitEntry(batch->desc, ITEM_DOCUMENT, "document", JSONBOID, -1, 0);
	batch->slot = MakeSingleTupleTableSlot(batch->desc, &TTSOpsVirtual);
	batch->items = begin_sort(batch->desc, items);
	batch->pairs = begin_sort(batch->desc, pairs);
}

static void
add_ref(RefList *list, Datum ref)
{
	MemoryContext caller = MemoryContextSwitchTo(list->context);

	if (list->count == list->capacity)
	{
		list->capacity = Max(64, list->capacity * 2);
		list->refs = list->refs == NULL ?
			MemoryContextAllocHuge(list->context, list->capacity * sizeof(Datum)) :
			repalloc_huge(list->refs, list->capacity * sizeof(Datum));
	}
	list->refs[list->count++] = list->length == -1 ?
		PointerGetDatum(PG_DETOAST_DATUM_COPY(ref)) :
		datumCopy(ref, list->by_value, list->length);
	MemoryContextSwitchTo(caller);
}

/* Which members do the rows name? */
static void
collect_members(OrderBatch *batch, RowScan *scan, MemoryContext row_context)
{
	rewind_rows(scan);
	while (next_row(scan))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		char	   *member = loyalty_order_member(batch->reader, scan->slot);

		if (member != NULL && member[0] != '\0' && strlen(member) <= LOYALTY_KEY_MAX)
			loyalty_order_members_add(batch->members, member);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
}

/* Which of the unknown members have a row that counts? */
static void
find_wanted(OrderBatch *batch, RowScan *present, OrderContext *context,
			MemoryContext row_context)
{
	TimestampTz now = GetCurrentTimestamp();

	rewind_rows(present);
	while (next_row(present))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);

		if (read_keys(batch, present->slot, context))
		{
			OrderMember *member = loyalty_order_members_lookup(batch->members, context->member);
			TimestampTz at = loyalty_order_at(batch->reader, present->slot);
			OrderStanding standing;

			if (member->member_id == 0 && (!member->wanted || at < member->since))
			{
				standing = loyalty_order_standing(batch->attachment,
												  loyalty_order_document(batch->reader,
																		 present->slot), at);
				if (standing == ORDER_COUNTS || standing == ORDER_FAILS)
				{
					if (!batch->program->auto_enroll && batch->attachment->raise)
						ereport(ERROR,
								(errcode(ERRCODE_LOYALTY_UNKNOWN_MEMBER),
								 errmsg("unknown member \"%s\" in program \"%s\"",
										member->name, batch->program->name),
								 errhint("Enroll the member with loyalty.enroll().")));
					member->wanted = true;
					member->since = Min(member->since, TIMESTAMP_NOT_FINITE(at) ? now :
										Min(at, now));
				}
			}
		}
		context->member = NULL;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
}

/* The pair of a row that the statement took away is looked up in the table. */
static void
put_gone(OrderBatch *batch, RowScan *gone, OrderContext *context, RefList *refs)
{
	OrderMember *member;
	Datum		ref;

	if (!read_keys(batch, gone->slot, context))
		return;
	member = loyalty_order_members_lookup(batch->members, context->member);
	if (member->member_id == 0)
		return;
	loyalty_order_put(batch, batch->pairs, member->member_id, DT_NOBEGIN, context->ref,
					  ORDER_NOT, NULL);
	if (loyalty_order_ref_datum(batch->reader, gone->slot, &ref))
		add_ref(refs, ref);
}

/* A row that the statement left is an item, or looked up where that is in doubt. */
static void
put_present(OrderBatch *batch, RowScan *present, OrderContext *context, RefList *refs)
{
	OrderMember *member;
	OrderStanding standing;
	TimestampTz at;
	Jsonb	   *document;

	if (batch->reread || batch->attachment->lines)
	{
		put_gone(batch, present, context, refs);
		return;
	}
	if (!read_keys(batch, present->slot, context))
		return;
	member = loyalty_order_members_lookup(batch->members, context->member);
	if (member->member_id == 0)
		return;
	at = loyalty_order_at(batch->reader, present->slot);
	document = loyalty_order_document(batch->reader, present->slot);
	standing = loyalty_order_standing(batch->attachment, document, at);
	loyalty_order_put(batch, batch->items, member->member_id, at, context->ref, standing,
					  standing == ORDER_NOT ? NULL : document);
}

/* Do the two rows have the same member and ref? */
static bool
same_pair(OrderBatch *batch, TupleTableSlot *a, TupleTableSlot *b)
{
	char	   *first = loyalty_order_member(batch->reader, a);
	char	   *second = loyalty_order_member(batch->reader, b);

	if (first == NULL || second == NULL || strcmp(first, second) != 0)
		return false;
	first = loyalty_order_ref(batch->reader, a);
	second = loyalty_order_ref(batch->reader, b);
	return first != NULL && second != NULL && strcmp(first, second) == 0;
}

/*
 * An UPDATE's two tables hold the versions of a row at the same place, save
 * where a trigger swallowed one of them: then pairs seem to differ that do not,
 * and are read from the table for nothing.
 */
static void
put_rows(OrderBatch *batch, RowScan *gone, RowScan *present, OrderContext *context,
		 MemoryContext row_context, RefList *refs)
{
	bool		more_gone = true;
	bool		more_present = true;

	rewind_rows(gone);
	rewind_rows(present);
	for (;;)
	{
		MemoryContext caller;

		more_gone = more_gone && next_row(gone);
		more_present = more_present && next_row(present);
		if (!more_gone && !more_present)
			break;
		caller = MemoryContextSwitchTo(row_context);
		if (more_gone && !(more_present && same_pair(batch, gone->slot, present->slot)))
			put_gone(batch, gone, context, refs);
		if (more_present)
			put_present(batch, present, context, refs);
		context->member = NULL;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
}

static void
sort_rows(OrderBatch *batch, Tuplestorestate *gone_rows, Tuplestorestate *present_rows,
		  RefList *refs)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "loyalty row",
													  ALLOCSET_DEFAULT_SIZES);
	OrderContext context = {batch};
	ErrorContextCallback callback;
	TupleDesc	desc = RelationGetDescr(batch->relation);
	RowScan		gone;
	RowScan		present;

	callback.callback = loyalty_order_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	scan_rows(&gone, gone_rows, desc);
	scan_rows(&present, present_rows, desc);
	collect_members(batch, &gone, row_context);
	collect_members(batch, &present, row_context);
	if (loyalty_order_members_find(batch->members, batch->program))
	{
		find_wanted(batch, &present, &context, row_context);
		if (batch->program->auto_enroll)
			loyalty_order_members_enroll(batch->members, batch->program);
	}
	put_rows(batch, &gone, &present, &context, row_context, refs);
	end_rows(&gone);
	end_rows(&present);

	error_context_stack = callback.previous;
	MemoryContextDelete(row_context);
}

int64
loyalty_order_batch(const Attachment *attachment, const Program *program, Relation relation,
					Oid root, Tuplestorestate *gone, Tuplestorestate *present, bool reread)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty orders",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	int			level = loyalty_order_settings(program);
	OrderBatch	batch = {0};
	RefList		refs = {context};
	Form_pg_attribute ref_column;

	batch.attachment = attachment;
	batch.program = program;
	batch.relation = relation;
	batch.root = root;
	batch.reader = loyalty_order_reader(attachment, relation);
	batch.members = loyalty_order_members();
	batch.reread = reread;
	begin_sorts(&batch);
	ref_column = TupleDescAttr(RelationGetDescr(relation),
							   loyalty_order_ref_column(batch.reader) - 1);
	refs.length = ref_column->attlen;
	refs.by_value = ref_column->attbyval;

	sort_rows(&batch, gone, present, &refs);
	if (refs.count > 0)
		loyalty_order_read(&batch, refs.refs, refs.count);
	tuplesort_end(batch.pairs);
	loyalty_order_settle(&batch);
	tuplesort_end(batch.items);

	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return batch.settled;
}
