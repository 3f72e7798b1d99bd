/*
 * order_read.c
 *		The table as it stands: rows of the refs that a statement touched.
 *
 * Rows are read by the owner of the table, in one query for many refs, under a
 * fresh snapshot.  Under `lines` another transaction may be adding lines to the
 * same order: the members are locked first, so that whoever comes second sees
 * what the first has written.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "api/call.h"
#include "engine/rules_json.h"
#include "triggers/order_batch.h"
#include "triggers/table_query.h"

/* Refs looked up by one query. */
#define READ_CHUNK 100000

/* One of the rows of a pair. */
typedef struct PairRow
{
	TimestampTz at;
	OrderStanding standing;
	Jsonb	   *document;
} PairRow;

/* The rows of one pair, in the order of their documents. */
typedef struct Pair
{
	int64		member_id;
	char	   *ref;			/* NULL = none yet */
	bool		asked;			/* the statement touched it */
	List	   *rows;			/* of PairRow */
} Pair;

static void
lock_members(OrderBatch *batch)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty lock",
												  ALLOCSET_DEFAULT_SIZES);
	int			count;
	OrderMember **members = loyalty_order_members_by_id(batch->members, &count);
	Writer		writer;
	MemberState state;

	loyalty_writer_open(&writer);
	for (int i = 0; i < count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		if (members[i]->member_id != 0)
			(void) loyalty_member_lock_id(&writer, members[i]->member_id, &state);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	loyalty_writer_close(&writer);
	MemoryContextDelete(context);
}

/* A row read from the table joins the pairs, if its member is one of ours. */
typedef struct ReadState
{
	OrderBatch *batch;
	OrderReader *reader;
	OrderContext *context;
} ReadState;

static bool
put_row(TupleTableSlot *slot, void *arg)
{
	ReadState  *state = arg;
	OrderBatch *batch = state->batch;
	OrderMember *member;
	OrderStanding standing;
	TimestampTz at;
	Jsonb	   *document;

	state->context->member = loyalty_order_member(state->reader, slot);
	state->context->ref = loyalty_order_ref(state->reader, slot);
	if (state->context->member == NULL || state->context->ref == NULL)
		return true;
	member = loyalty_order_members_lookup(batch->members, state->context->member);
	if (member != NULL && member->member_id != 0)
	{
		at = loyalty_order_at(state->reader, slot);
		document = loyalty_order_document(state->reader, slot);
		standing = loyalty_order_standing(batch->attachment, document, at);
		if (standing != ORDER_NOT)
			loyalty_order_put(batch, batch->pairs, member->member_id, at,
							  state->context->ref, standing, document);
	}
	state->context->member = NULL;
	return true;
}

static const char *
refs_query(Relation root, Form_pg_attribute column)
{
	TypeCacheEntry *type = lookup_type_cache(column->atttypid, TYPECACHE_EQ_OPR);
	HeapTuple	operator;
	Form_pg_operator form;
	const char *query;

	if (!OidIsValid(type->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s",
						format_type_be(column->atttypid))));
	operator = SearchSysCache1(OPEROID, ObjectIdGetDatum(type->eq_opr));
	if (!HeapTupleIsValid(operator))
		elog(ERROR, "cache lookup failed for operator %u", type->eq_opr);
	form = (Form_pg_operator) GETSTRUCT(operator);
	query = psprintf("SELECT t FROM %s AS t WHERE t.%s OPERATOR(%s.%s) ANY ($1)",
					 loyalty_table_name(root), quote_identifier(NameStr(column->attname)),
					 quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname));
	ReleaseSysCache(operator);
	return query;
}

static void
read_rows(OrderBatch *batch, Datum *refs, int64 count)
{
	Relation	root = table_open(batch->root, AccessShareLock);
	OrderContext context = {batch};
	ErrorContextCallback callback;
	ReadState	state;
	Form_pg_attribute column;
	const char *query;
	Oid			element;

	state.batch = batch;
	state.reader = loyalty_order_reader(batch->attachment, root);
	state.context = &context;
	column = TupleDescAttr(RelationGetDescr(root), loyalty_order_ref_column(state.reader) - 1);
	query = refs_query(root, column);
	element = getBaseType(column->atttypid);

	callback.callback = loyalty_order_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (int64 done = 0; done < count; done += READ_CHUNK)
	{
		Datum		array = PointerGetDatum(construct_array(refs + done,
															Min(count - done, READ_CHUNK),
															element, column->attlen,
															column->attbyval,
															column->attalign));

		loyalty_table_visit(root, query, get_array_type(element), array, put_row, &state);
		pfree(DatumGetPointer(array));
	}
	error_context_stack = callback.previous;
	table_close(root, NoLock);
}

/* Has every row the same value under the key? */
static bool
is_common(const Pair *pair, const JsonbValue *key, const Jsonb *value)
{
	ListCell   *cell;

	for_each_from(cell, pair->rows, 1)
	{
		const PairRow *row = lfirst(cell);
		JsonbValue	other;
		Jsonb	   *document;

		if (getKeyJsonValueFromContainer(&row->document->root, key->val.string.val,
										 key->val.string.len, &other) == NULL)
			return false;
		document = JsonbValueToJsonb(&other);
		if (compareJsonbContainers(unconstify(JsonbContainer *, &value->root),
								   &document->root) != 0)
			return false;
	}
	return true;
}

static bool
key_is(const JsonbValue *key, const char *name)
{
	return name != NULL && key->val.string.len == strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}

/*
 * The rows of a ref as one event: `items`, and whatever all of them agree on.
 * Where they differ in when, the earliest says it.
 */
static Jsonb *
lines_document(const OrderBatch *batch, const Pair *pair, const PairRow *earliest)
{
	JsonWriter *json = loyalty_json_object();
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbIteratorToken token;
	ListCell   *cell;

	iterator = JsonbIteratorInit(&((PairRow *) linitial(pair->rows))->document->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue	value;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (key_is(&key, "items"))
			continue;
		if (key_is(&key, batch->attachment->at))
			(void) getKeyJsonValueFromContainer(&earliest->document->root, key.val.string.val,
												key.val.string.len, &value);
		else if (!is_common(pair, &key, JsonbValueToJsonb(&value)))
			continue;
		loyalty_json_member(json, &key, &value);
	}
	loyalty_json_key(json, "items");
	loyalty_json_begin_array(json);
	foreach(cell, pair->rows)
		loyalty_json_document(json, NULL, ((PairRow *) lfirst(cell))->document);
	loyalty_json_end(json);
	return loyalty_json_finish(json);
}

/* What the table says of the pair becomes its item. */
static void
put_item(OrderBatch *batch, Pair *pair)
{
	const PairRow *earliest = NULL;
	const Jsonb *document;
	OrderStanding standing = ORDER_COUNTS;
	ListCell   *cell;

	if (!pair->asked)
		return;
	foreach(cell, pair->rows)
	{
		const PairRow *row = lfirst(cell);

		if (earliest == NULL || row->at < earliest->at)
			earliest = row;
		if (row->standing == ORDER_FAILS)
			standing = ORDER_FAILS;
	}
	if (earliest == NULL)
	{
		loyalty_order_put(batch, batch->items, pair->member_id, DT_NOBEGIN, pair->ref,
						  ORDER_NOT, NULL);
		return;
	}
	if (earliest->standing == ORDER_EARLIER)
		standing = ORDER_EARLIER;
	document = batch->attachment->lines ? lines_document(batch, pair, earliest) :
		earliest->document;
	loyalty_order_put(batch, batch->items, pair->member_id, earliest->at, pair->ref,
					  standing, document);
}

/* Groups the sorted markers and rows into pairs. */
static void
group_pairs(OrderBatch *batch)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty pair",
												  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(batch->desc, &TTSOpsMinimalTuple);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Pair		pair = {0};

	while (tuplesort_gettupleslot(batch->pairs, true, false, slot, NULL))
	{
		int64		member_id;
		char	   *ref;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		member_id = DatumGetInt64(slot->tts_values[ITEM_MEMBER_ID - 1]);
		ref = TextDatumGetCString(slot->tts_values[ITEM_REF - 1]);
		if (pair.ref == NULL || pair.member_id != member_id || strcmp(pair.ref, ref) != 0)
		{
			char		kept[LOYALTY_KEY_MAX + 1];

			if (pair.ref != NULL)
				put_item(batch, &pair);
			strlcpy(kept, ref, sizeof(kept));
			MemoryContextReset(context);
			memset(&pair, 0, sizeof(pair));
			pair.member_id = member_id;
			pair.ref = pstrdup(kept);
		}
		if (slot->tts_isnull[ITEM_DOCUMENT - 1])
			pair.asked = true;
		else
		{
			PairRow    *row = palloc(sizeof(PairRow));

			row->at = DatumGetTimestampTz(slot->tts_values[ITEM_AT - 1]);
			row->standing = (OrderStanding) DatumGetChar(slot->tts_values[ITEM_STANDING - 1]);
			row->document = DatumGetJsonbPCopy(slot->tts_values[ITEM_DOCUMENT - 1]);
			pair.rows = lappend(pair.rows, row);
		}
	}
	if (pair.ref != NULL)
		put_item(batch, &pair);
	MemoryContextSwitchTo(caller);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(context);
}

void
loyalty_order_read(OrderBatch *batch, Datum *refs, int64 count)
{
	if (batch->attachment->lines)
		lock_members(batch);
	read_rows(batch, refs, count);
	tuplesort_performsort(batch->pairs);
	group_pairs(batch);
}
