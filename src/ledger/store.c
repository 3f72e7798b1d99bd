/*
 * store.c
 *		Writes what an operation changed, and reads the past that it asks for.
 *
 * The order is: use of limits, histories and calendars (most of them travel in
 * the member's row), entries (each continues the hash chain), the row in one
 * update, then what else hangs beside it, which is rare.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/contest_row.h"
#include "ledger/effect_row.h"
#include "ledger/entry_row.h"
#include "ledger/hold_row.h"
#include "ledger/member_row.h"
#include "ledger/membership_row.h"
#include "ledger/query.h"
#include "ledger/recent.h"
#include "ledger/referral_row.h"
#include "ledger/streak_row.h"
#include "ledger/task_row.h"
#include "ledger/tier_row.h"
#include "ledger/usage_row.h"

static LoyaltyQuery insert_operation_ref = {
	"INSERT INTO loyalty.operation_ref (member_id, kind, operation_ref, entry_id)"
	" VALUES ($1, $2, $3, $4)",
	4, {INT8OID, CHAROID, TEXTOID, INT8OID}
};

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

/* What operations change of a member's row; the rest of it stays as it was born. */
void
loyalty_member_fill(TupleTableSlot *slot, const MemberState *member)
{
	const AttrNumber *attr = loyalty_relations()->member_attr;
	bytea	   *head = palloc(VARHDRSZ + LOYALTY_HASH_LENGTH);

	SET_VARSIZE(head, VARHDRSZ + LOYALTY_HASH_LENGTH);
	memcpy(VARDATA(head), member->chain_head, LOYALTY_HASH_LENGTH);

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
	SET(MEMBER_EARNED_SINCE, TimestampTzGetDatum(member->earned_since));
	SET(MEMBER_EARNED_UNTIL, TimestampTzGetDatum(member->earned_until));
	SET(MEMBER_EARNED_GROWTH, Int64GetDatum(member->earned_growth));
	SET(MEMBER_EARNED_TIER_ID, Int32GetDatum(member->earned_tier_id));
	SET(MEMBER_EARNED_PHASE, CharGetDatum(member->earned_phase));
	SET(MEMBER_HAS_GRANTS, BoolGetDatum(member->has_grants));
	SET(MEMBER_GROWTH, PointWalletGetDatum(loyalty_wallet_pack(&member->growth)));
	SET(MEMBER_RECENT, PointerGetDatum(loyalty_recent_store(member->member_id, member->recent)));
#undef SET
}

static void
update_row(Writer *writer, Engine *engine)
{
	MemberState *member = engine->member;
	TupleTableSlot *old = writer->member_slot;
	TupleTableSlot *slot = writer->new_slot;
	int			natts = old->tts_tupleDescriptor->natts;
	TimestampTz due = loyalty_engine_next_due(member, engine->at);

	/* operations only lower maintain_at, so that they stay HOT; maintain raises it */
	member->maintain_at = engine->raise_due ? due : Min(member->maintain_at, due);

	slot_getallattrs(old);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, old->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, old->tts_isnull, natts * sizeof(bool));
	loyalty_member_fill(slot, member);
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
	loyalty_usage_store(engine);
	loyalty_tasks_store(engine->member);
	loyalty_contests_store(engine->member);
	loyalty_effects_store(engine);
	engine->entries = NIL;
	engine->stored_entries = engine->member->last_entry;
	engine->row_lags = true;
	CommandCounterIncrement();
}

void
loyalty_member_store(Writer *writer, Engine *engine)
{
	MemberState *member = engine->member;
	bool		moved = engine->entries != NIL || engine->row_lags || engine->tier_moved ||
		engine->raise_due;

	loyalty_usage_store(engine);	/* also budgets that were taken for nothing */
	loyalty_streaks_store(engine);
	if (moved)
	{
		loyalty_tier_finish(engine);
		store_entries(writer, engine);
	}
	if (moved || member->recent->changed)
		update_row(writer, engine);
	if (moved)
	{
		if (member->holds != NIL)
			loyalty_holds_store(member);
		loyalty_tiers_store(engine);
		loyalty_effects_store(engine);
		store_operation_refs(engine);
	}
	loyalty_referral_store(member);
	loyalty_tasks_store(member);
	loyalty_contests_store(member);
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

static void
source_task_count(void *arg, TaskCount *count)
{
	loyalty_task_count_load(((MemberState *) arg)->member_id, count);
}

static List *
source_badges(void *arg)
{
	return loyalty_badges_load(((MemberState *) arg)->member_id);
}

static List *
source_used_by_rules(void *arg, int64 entry_id)
{
	return loyalty_effects_used(((MemberState *) arg)->member_id, entry_id);
}

static List *
source_contests(void *arg)
{
	return loyalty_contest_players_load(((MemberState *) arg)->member_id);
}

static void
source_contest_mark(void *arg, ContestMark *mark)
{
	loyalty_contest_mark_load(((MemberState *) arg)->member_id, mark);
}

static void
source_referral(void *arg, Referral *referral)
{
	(void) loyalty_referral_load(((MemberState *) arg)->member_id, referral);
}

static int64
source_standing_gift(void *arg, int32 tier_id, TimestampTz at, int64 *cause)
{
	return loyalty_gift_standing(((MemberState *) arg)->member_id, tier_id, at, cause);
}

static List *
source_subscriptions(void *arg)
{
	return loyalty_subscriptions_load(((MemberState *) arg)->member_id);
}

static void
source_usage(void *arg, RuleUse *uses, int count)
{
	loyalty_usage_load(arg, uses, count);
}

static int64
source_take_budget(void *arg, int32 rule_id, int64 points)
{
	if (points > 0)
		return loyalty_budget_take(rule_id, points);
	loyalty_budget_lock(rule_id);
	return 0;
}

static bool
source_history(void *arg, int32 event_id, EventHistory *history)
{
	return loyalty_history_load(arg, event_id, history);
}

static void
source_streak(void *arg, MemberStreak *streak)
{
	loyalty_streak_load(arg, streak);
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
	source->task_count = source_task_count;
	source->badges = source_badges;
	source->used_by_rules = source_used_by_rules;
	source->contests = source_contests;
	source->contest_mark = source_contest_mark;
	source->referral = source_referral;
	source->standing_gift = source_standing_gift;
	source->subscriptions = source_subscriptions;
	source->usage = source_usage;
	source->take_budget = source_take_budget;
	source->history = source_history;
	source->streak = source_streak;
	return source;
}
