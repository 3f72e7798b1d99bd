/*
 * entry_row.c
 *		Entries as rows of the ledger: written, read back, found.
 *
 * Reads happen after the member's row is locked and take a fresh snapshot (in
 * READ COMMITTED; the transaction's own above it, where the lock has raised
 * 40001 if anything had moved), so they see every entry that the row accounts
 * for.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/actor.h"
#include "ledger/chain.h"
#include "ledger/entry_row.h"

typedef struct Row
{
	TupleTableSlot *slot;
	const AttrNumber *attr;
} Row;

static void
set(Row *row, LedgerColumn column, Datum value)
{
	row->slot->tts_values[row->attr[column] - 1] = value;
	row->slot->tts_isnull[row->attr[column] - 1] = false;
}

/* 0 is stored as NULL: it costs a bit. */
static void
set_count(Row *row, LedgerColumn column, int64 value)
{
	if (value != 0)
		set(row, column, Int64GetDatum(value));
}

static void
set_text(Row *row, LedgerColumn column, const char *value)
{
	if (value != NULL)
		set(row, column, CStringGetTextDatum(value));
}

static void
set_pointer(Row *row, LedgerColumn column, const void *value)
{
	if (value != NULL)
		set(row, column, PointerGetDatum(value));
}

void
loyalty_entry_fill(TupleTableSlot *slot, MemberState *member, Entry *entry)
{
	Row			row = {slot, loyalty_relations()->ledger_attr};
	PointWallet *lots = entry->lots.count == 0 ? NULL : loyalty_wallet_pack(&entry->lots);
	bytea	   *hash = palloc(VARHDRSZ + LOYALTY_HASH_LENGTH);
	uint64		xid;

	entry->actor_id = loyalty_actor_current();
	entry->detail_digest = loyalty_chain_detail_digest(member->salt, entry);
	loyalty_chain_hash(member->chain_head, member->member_id, entry, lots, entry->hash);
	memcpy(member->chain_head, entry->hash, LOYALTY_HASH_LENGTH);
	SET_VARSIZE(hash, VARHDRSZ + LOYALTY_HASH_LENGTH);
	memcpy(VARDATA(hash), entry->hash, LOYALTY_HASH_LENGTH);

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	set(&row, LEDGER_MEMBER_ID, Int64GetDatum(member->member_id));
	set(&row, LEDGER_ENTRY_ID, Int64GetDatum(entry->entry_id));
	set(&row, LEDGER_AT, TimestampTzGetDatum(entry->at));
	set(&row, LEDGER_RECORDED_AT, TimestampTzGetDatum(entry->recorded_at));
	set(&row, LEDGER_POINTS, Int64GetDatum(entry->points));
	set(&row, LEDGER_BALANCE, Int64GetDatum(entry->balance));
	xid = U64FromFullTransactionId(GetTopFullTransactionId());
	set(&row, LEDGER_XID, Int64GetDatum((int64) xid));
	set_count(&row, LEDGER_GROWTH, entry->growth);
	set_count(&row, LEDGER_DEBT, entry->debt);
	set_count(&row, LEDGER_REVERSES, entry->reverses);
	set_count(&row, LEDGER_COUNTERPART, entry->counterpart);
	set_count(&row, LEDGER_WAIVED, entry->waived);
	set_count(&row, LEDGER_LAPSED, entry->lapsed);
	set_count(&row, LEDGER_REQUEST_DIGEST, entry->request_digest);
	set_count(&row, LEDGER_DETAIL_DIGEST, entry->detail_digest);
	set(&row, LEDGER_EVENT_ID, Int32GetDatum(entry->event_id));
	set(&row, LEDGER_ACTOR_ID, Int32GetDatum(entry->actor_id));
	set(&row, LEDGER_GENERATION, Int16GetDatum(entry->generation));
	set(&row, LEDGER_KIND, CharGetDatum(entry->kind));
	if (entry->spend_order != 0)
		set(&row, LEDGER_SPEND_ORDER, CharGetDatum(entry->spend_order));
	set(&row, LEDGER_HASH, PointerGetDatum(hash));
	set_pointer(&row, LEDGER_LOTS, lots);
	set_text(&row, LEDGER_REF, entry->ref);
	set_text(&row, LEDGER_OPERATION_REF, entry->operation_ref);
	set_text(&row, LEDGER_POINT_KIND, entry->point_kind);
	set_text(&row, LEDGER_PARTNER, entry->partner);
	set_pointer(&row, LEDGER_UNIT_COST, entry->unit_cost);
	set_text(&row, LEDGER_REASON, entry->reason);
	set_pointer(&row, LEDGER_BREAKDOWN, entry->breakdown);
	set_pointer(&row, LEDGER_ATTRIBUTES, entry->attributes);
	ExecStoreVirtualTuple(slot);
}

void
loyalty_entry_insert(Writer *writer, MemberState *member, Entry *entry)
{
	loyalty_entry_fill(writer->ledger_slot, member, entry);
	ExecSimpleRelationInsert(writer->ledger_result, writer->estate, writer->ledger_slot);
}

static bool
get(Row *row, LedgerColumn column, Datum *value)
{
	*value = row->slot->tts_values[row->attr[column] - 1];
	return !row->slot->tts_isnull[row->attr[column] - 1];
}

static Datum
get_value(Row *row, LedgerColumn column)
{
	return row->slot->tts_values[row->attr[column] - 1];
}

static int64
get_count(Row *row, LedgerColumn column)
{
	Datum		value;

	return get(row, column, &value) ? DatumGetInt64(value) : 0;
}

static const char *
get_text(Row *row, LedgerColumn column)
{
	Datum		value;

	return get(row, column, &value) ? TextDatumGetCString(value) : NULL;
}

static void *
get_pointer(Row *row, LedgerColumn column)
{
	Datum		value;

	return get(row, column, &value) ? PG_DETOAST_DATUM_COPY(value) : NULL;
}

/* A row of the ledger as an entry, in the current memory context. */
static Entry *
entry_of_row(TupleTableSlot *slot)
{
	Row			row = {slot, loyalty_relations()->ledger_attr};
	Entry	   *entry = palloc0(sizeof(Entry));
	Datum		value;
	bytea	   *hash;

	slot_getallattrs(slot);
	entry->entry_id = DatumGetInt64(get_value(&row, LEDGER_ENTRY_ID));
	entry->kind = (EntryKind) DatumGetChar(get_value(&row, LEDGER_KIND));
	entry->at = DatumGetTimestampTz(get_value(&row, LEDGER_AT));
	entry->recorded_at = DatumGetTimestampTz(get_value(&row, LEDGER_RECORDED_AT));
	entry->points = DatumGetInt64(get_value(&row, LEDGER_POINTS));
	entry->balance = DatumGetInt64(get_value(&row, LEDGER_BALANCE));
	entry->growth = get_count(&row, LEDGER_GROWTH);
	entry->debt = get_count(&row, LEDGER_DEBT);
	entry->reverses = get_count(&row, LEDGER_REVERSES);
	entry->counterpart = get_count(&row, LEDGER_COUNTERPART);
	entry->waived = get_count(&row, LEDGER_WAIVED);
	entry->lapsed = get_count(&row, LEDGER_LAPSED);
	entry->request_digest = get_count(&row, LEDGER_REQUEST_DIGEST);
	entry->detail_digest = get_count(&row, LEDGER_DETAIL_DIGEST);
	entry->event_id = DatumGetInt32(get_value(&row, LEDGER_EVENT_ID));
	entry->actor_id = DatumGetInt32(get_value(&row, LEDGER_ACTOR_ID));
	entry->generation = DatumGetInt16(get_value(&row, LEDGER_GENERATION));
	if (get(&row, LEDGER_SPEND_ORDER, &value))
		entry->spend_order = (SpendOrder) DatumGetChar(value);
	hash = DatumGetByteaPP(get_value(&row, LEDGER_HASH));
	if (VARSIZE_ANY_EXHDR(hash) == LOYALTY_HASH_LENGTH)
		memcpy(entry->hash, VARDATA_ANY(hash), LOYALTY_HASH_LENGTH);
	if (get(&row, LEDGER_LOTS, &value))
		loyalty_wallet_unpack(DatumGetPointWallet(value), &entry->lots);
	entry->ref = get_text(&row, LEDGER_REF);
	entry->operation_ref = get_text(&row, LEDGER_OPERATION_REF);
	entry->point_kind = get_text(&row, LEDGER_POINT_KIND);
	entry->partner = get_text(&row, LEDGER_PARTNER);
	entry->unit_cost = get_pointer(&row, LEDGER_UNIT_COST);
	entry->reason = get_text(&row, LEDGER_REASON);
	entry->breakdown = get_pointer(&row, LEDGER_BREAKDOWN);
	entry->attributes = get_pointer(&row, LEDGER_ATTRIBUTES);
	return entry;
}

/* One scan of the ledger under a fresh snapshot. */
typedef struct LedgerScan
{
	Relation	ledger;
	Relation	index;
	TupleTableSlot *slot;
	IndexScanDesc scan;
} LedgerScan;

static void
scan_begin(LedgerScan *scan, Oid index, Snapshot snapshot, ScanKey keys, int count)
{
	scan->ledger = table_open(loyalty_relations()->ledger, AccessShareLock);
	scan->index = index_open(index, AccessShareLock);
	scan->slot = table_slot_create(scan->ledger, NULL);
	PushActiveSnapshot(snapshot);
	scan->scan = compat_index_beginscan(scan->ledger, scan->index, GetActiveSnapshot(), count);
	index_rescan(scan->scan, keys, count, NULL, 0);
}

static bool
scan_next(LedgerScan *scan)
{
	return index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot);
}

static void
scan_end(LedgerScan *scan)
{
	index_endscan(scan->scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, AccessShareLock);
	table_close(scan->ledger, AccessShareLock);
}

static void
id_key(ScanKey key, int column, StrategyNumber strategy, RegProcedure procedure, int64 id)
{
	ScanKeyInit(key, column, strategy, procedure, Int64GetDatum(id));
}

List *
loyalty_entries_since(int64 member_id, int64 entry_id, const char *kinds)
{
	LedgerScan	scan;
	ScanKeyData keys[2];
	List	   *entries = NIL;
	AttrNumber	kind_attr = loyalty_relations()->ledger_attr[LEDGER_KIND];

	id_key(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, member_id);
	id_key(&keys[1], 2, BTGreaterStrategyNumber, F_INT8GT, entry_id);
	scan_begin(&scan, loyalty_relations()->ledger_id_index, GetTransactionSnapshot(), keys, 2);
	while (scan_next(&scan))
	{
		bool		isnull;
		char		kind = DatumGetChar(slot_getattr(scan.slot, kind_attr, &isnull));

		if (kinds == NULL || strchr(kinds, kind) != NULL)
			entries = lappend(entries, entry_of_row(scan.slot));
	}
	scan_end(&scan);
	return entries;
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	int64		first = ((const Entry *) lfirst(a))->entry_id;
	int64		second = ((const Entry *) lfirst(b))->entry_id;

	return first < second ? -1 : first > second;
}

static void
ref_keys(ScanKey keys, int64 member_id, Datum ref)
{
	id_key(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, member_id);
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ, ref);
}

List *
loyalty_entries_of_ref(int64 member_id, const char *ref)
{
	LedgerScan	scan;
	ScanKeyData keys[2];
	List	   *entries = NIL;

	ref_keys(keys, member_id, CStringGetTextDatum(ref));
	scan_begin(&scan, loyalty_relations()->ledger_ref_index, GetTransactionSnapshot(), keys, 2);
	while (scan_next(&scan))
		entries = lappend(entries, entry_of_row(scan.slot));
	scan_end(&scan);
	list_sort(entries, compare_ids);
	return entries;
}

struct StoryReader
{
	Relation	ledger;
	Relation	index;
	TupleTableSlot *slot;
	int64		member_id;
	Snapshot	snapshot;
	IndexScanDesc scan;			/* NULL = no member's */
};

StoryReader *
loyalty_stories_open(void)
{
	StoryReader *reader = palloc0(sizeof(StoryReader));

	reader->ledger = table_open(loyalty_relations()->ledger, AccessShareLock);
	reader->index = index_open(loyalty_relations()->ledger_ref_index, AccessShareLock);
	reader->slot = table_slot_create(reader->ledger, NULL);
	return reader;
}

void
loyalty_stories_begin(StoryReader *reader, int64 member_id)
{
	loyalty_stories_end(reader);
	reader->member_id = member_id;
	reader->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	reader->scan = compat_index_beginscan(reader->ledger, reader->index, reader->snapshot, 2);
}

List *
loyalty_stories_read(StoryReader *reader, const char *ref)
{
	ScanKeyData keys[2];
	List	   *entries = NIL;

	ref_keys(keys, reader->member_id, CStringGetTextDatum(ref));
	index_rescan(reader->scan, keys, 2, NULL, 0);
	while (index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot))
		entries = lappend(entries, entry_of_row(reader->slot));
	ExecClearTuple(reader->slot);
	list_sort(entries, compare_ids);
	return entries;
}

void
loyalty_stories_end(StoryReader *reader)
{
	if (reader->scan == NULL)
		return;
	index_endscan(reader->scan);
	UnregisterSnapshot(reader->snapshot);
	reader->scan = NULL;
}

void
loyalty_stories_close(StoryReader *reader)
{
	loyalty_stories_end(reader);
	ExecDropSingleTupleTableSlot(reader->slot);
	index_close(reader->index, AccessShareLock);
	table_close(reader->ledger, AccessShareLock);
	pfree(reader);
}

Entry *
loyalty_entry_by_id(int64 member_id, int64 entry_id)
{
	LedgerScan	scan;
	ScanKeyData keys[2];
	Entry	   *entry = NULL;

	id_key(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, member_id);
	id_key(&keys[1], 2, BTEqualStrategyNumber, F_INT8EQ, entry_id);
	scan_begin(&scan, loyalty_relations()->ledger_id_index, GetTransactionSnapshot(), keys, 2);
	if (scan_next(&scan))
		entry = entry_of_row(scan.slot);
	scan_end(&scan);
	return entry;
}

void
loyalty_entries_visit(int64 member_id, EntryVisitor visitor, void *arg)
{
	LedgerScan	scan;
	ScanKeyData key;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty entry",
												  ALLOCSET_DEFAULT_SIZES);

	id_key(&key, 1, BTEqualStrategyNumber, F_INT8EQ, member_id);
	scan_begin(&scan, loyalty_relations()->ledger_id_index, GetActiveSnapshot(), &key, 1);
	while (scan_next(&scan))
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		visitor(entry_of_row(scan.slot), arg);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	scan_end(&scan);
	MemoryContextDelete(context);
}
