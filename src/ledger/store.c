/*
 * store.c
 *		Writes what an operation changed, and reads the past that it asks for.
 *
 * The order is: entries (each continues the hash chain), the member's row in
 * one update, then what hangs beside it, all of which is rare.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/entry_row.h"
#include "ledger/hold_row.h"
#include "ledger/member_row.h"
#include "ledger/query.h"

static LoyaltyQuery standing_gift = {
	"SELECT entry_id FROM loyalty.tier_gift"
	" WHERE member_id = $1 AND tier_id = $2 AND taken_back IS NULL",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery cause_of_gift = {
	"SELECT cause FROM loyalty.tier_gift"
	" WHERE member_id = $1 AND tier_id = $2 AND taken_back IS NULL",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery insert_gift = {
	"INSERT INTO loyalty.tier_gift (member_id, tier_id, entry_id, cause) VALUES ($1, $2, $3, $4)",
	4, {INT8OID, INT4OID, INT8OID, INT8OID}
};
static LoyaltyQuery take_gift_back = {
	"UPDATE loyalty.tier_gift SET taken_back = $4"
	" WHERE member_id = $1 AND tier_id = $2 AND entry_id = $3",
	4, {INT8OID, INT4OID, INT8OID, INT8OID}
};
static LoyaltyQuery close_tier_period = {
	"UPDATE loyalty.tier_period SET until = $2"
	" WHERE member_id = $1 AND until = 'infinity' AND since < $2",
	2, {INT8OID, TIMESTAMPTZOID}
};
static LoyaltyQuery open_tier_period = {
	"INSERT INTO loyalty.tier_period (member_id, since, entry_id, tier_id)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT (member_id, since)"
	" DO UPDATE SET entry_id = excluded.entry_id, tier_id = excluded.tier_id",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, INT4OID}
};
static LoyaltyQuery insert_operation_ref = {
	"INSERT INTO loyalty.operation_ref (member_id, kind, operation_ref, entry_id)"
	" VALUES ($1, $2, $3, $4)",
	4, {INT8OID, CHAROID, TEXTOID, INT8OID}
};

static void
store_gifts(const Engine *engine)
{
	ListCell   *cell;

	foreach(cell, engine->gifts)
	{
		const GiftChange *change = lfirst(cell);
		Datum		args[4];

		args[0] = Int64GetDatum(engine->member->member_id);
		args[1] = Int32GetDatum(change->tier_id);
		args[2] = Int64GetDatum(change->entry_id);
		args[3] = Int64GetDatum(change->taken_back == 0 ? change->cause : change->taken_back);
		loyalty_query_execute(change->taken_back == 0 ? &insert_gift : &take_gift_back, args);
	}
}

/* Periods are dated to their recording: the past is never rewritten. */
static void
store_tier(const Engine *engine)
{
	Datum		args[4];

	args[0] = Int64GetDatum(engine->member->member_id);
	args[1] = TimestampTzGetDatum(engine->recorded_at);
	args[2] = Int64GetDatum(engine->tier_entry);
	args[3] = Int32GetDatum(engine->member->tier_id);
	loyalty_query_execute(&close_tier_period, args);
	loyalty_query_execute(&open_tier_period, args);
}

static void
store_operation_refs(const Engine *engine)
{
	ListCell   *cell;

	foreach(cell, engine->entries)
	{
		const Entry *entry = lfirst(cell);
		Datum		args[4];

		if (entry->operation_ref == NULL)
			continue;
		args[0] = Int64GetDatum(engine->member->member_id);
		args[1] = CharGetDatum(entry->kind);
		args[2] = CStringGetTextDatum(entry->operation_ref);
		args[3] = Int64GetDatum(entry->entry_id);
		loyalty_query_execute(&insert_operation_ref, args);
	}
}

static void
update_row(Writer *writer, Engine *engine)
{
	MemberState *member = engine->member;
	const AttrNumber *attr = writer->relations->member_attr;
	TupleTableSlot *old = writer->member_slot;
	TupleTableSlot *slot = writer->new_slot;
	int			natts = old->tts_tupleDescriptor->natts;
	bytea	   *head = palloc(VARHDRSZ + LOYALTY_HASH_LENGTH);
	TimestampTz due = loyalty_engine_next_due(member, engine->at);

	SET_VARSIZE(head, VARHDRSZ + LOYALTY_HASH_LENGTH);
	memcpy(VARDATA(head), member->chain_head, LOYALTY_HASH_LENGTH);

	/* operations only lower maintain_at, so that they stay HOT; maintain raises it */
	member->maintain_at = engine->raise_due ? due : Min(member->maintain_at, due);

	slot_getallattrs(old);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, old->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, old->tts_isnull, natts * sizeof(bool));
#define SET(column, datum) slot->tts_values[attr[column] - 1] = (datum)
	SET(MEMBER_DEBT, Int64GetDatum(member->debt));
	SET(MEMBER_HELD, Int64GetDatum(member->held));
	SET(MEMBER_LAST_ENTRY, Int64GetDatum(member->last_entry));
	SET(MEMBER_LAST_AT, TimestampTzGetDatum(member->last_at));
	SET(MEMBER_TIER_UNTIL, TimestampTzGetDatum(member->tier_until));
	SET(MEMBER_MAINTAIN_AT, TimestampTzGetDatum(member->maintain_at));
	SET(MEMBER_TIER_ID, Int32GetDatum(member->tier_id));
	SET(MEMBER_STATUS, CharGetDatum(member->status));
	SET(MEMBER_CHAIN_HEAD, PointerGetDatum(head));
	SET(MEMBER_POINTS, PointWalletGetDatum(loyalty_wallet_pack(&member->points)));
	SET(MEMBER_GROWTH, PointWalletGetDatum(loyalty_wallet_pack(&member->growth)));
#undef SET
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationUpdate(writer->member_result, writer->estate, writer->epqstate,
							 old, slot);
}

static void
store_entries(Writer *writer, const Engine *engine)
{
	ListCell   *cell;

	foreach(cell, engine->entries)
		loyalty_entry_insert(writer, engine->member, lfirst(cell));
}

void
loyalty_member_flush(Writer *writer, Engine *engine)
{
	store_entries(writer, engine);
	store_operation_refs(engine);
	engine->entries = NIL;
	engine->stored_entries = engine->member->last_entry;
	engine->row_lags = true;
	CommandCounterIncrement();
}

void
loyalty_member_store(Writer *writer, Engine *engine)
{
	if (engine->entries == NIL && !engine->row_lags && !engine->tier_moved &&
		!engine->raise_due)
		return;
	store_entries(writer, engine);
	update_row(writer, engine);
	if (engine->member->holds != NIL)
		loyalty_holds_store(engine->member);
	if (engine->tier_moved)
		store_tier(engine);
	store_gifts(engine);
	store_operation_refs(engine);
}

static int64
source_next_entry_id(void *arg)
{
	return nextval_internal(loyalty_relations()->entry_id_seq, false);
}

static Entry *
source_entry(void *arg, int64 entry_id)
{
	return loyalty_entry_by_id(((MemberState *) arg)->member_id, entry_id);
}

static List *
source_story(void *arg, const char *ref)
{
	return loyalty_entries_of_ref(((MemberState *) arg)->member_id, ref);
}

static List *
source_since(void *arg, int64 entry_id, const char *kinds)
{
	return loyalty_entries_since(((MemberState *) arg)->member_id, entry_id, kinds);
}

static int64
source_standing_gift(void *arg, int32 tier_id, int64 *cause)
{
	Datum		args[2];
	Datum		value;
	int64		gift;

	args[0] = Int64GetDatum(((MemberState *) arg)->member_id);
	args[1] = Int32GetDatum(tier_id);
	if (!loyalty_query_value(&standing_gift, args, &value))
		return 0;
	gift = DatumGetInt64(value);
	*cause = loyalty_query_value(&cause_of_gift, args, &value) ? DatumGetInt64(value) : 0;
	return gift;
}

const EngineSource *
loyalty_member_source(MemberState *member)
{
	EngineSource *source = palloc(sizeof(EngineSource));

	source->arg = member;
	source->next_entry_id = source_next_entry_id;
	source->entry = source_entry;
	source->story = source_story;
	source->since = source_since;
	source->standing_gift = source_standing_gift;
	return source;
}
