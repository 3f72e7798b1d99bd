/*
 * flow.c
 *		Entries, and how points come into a wallet and leave it.
 *
 * An entry is opened, filled and closed; closing it computes the balance and
 * checks the law of the ledger.  Points come in through credit, which pays the
 * debt first, and leave through take (spendable lots in the program's order)
 * and owe (the same, then pending lots, then debt).
 */
#include "postgres.h"

#include "common/int.h"

#include "engine/engine.h"

static void
core_ereport(const CoreError *error)
{
	ereport(ERROR,
			(errcode(error->kind == CORE_RANGE ? ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE :
					 ERRCODE_INTERNAL_ERROR),
			 errmsg(error->kind == CORE_RANGE ? "points out of range" :
					"wallet arithmetic failed"),
			 errdetail_internal("%s", error->detail)));
}

/* The sum of two amounts of points; 22003 beyond bigint. */
int64
loyalty_points_add(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("points out of range"),
				 errdetail("%lld and %lld do not add up within bigint.",
						   (long long) a, (long long) b)));
	return sum;
}

/*
 * wallet + held - debt: what the ledger's points must add up to.  Wallet and
 * held fit together, so that whatever is held can come back.
 */
static int64
owned_points(const MemberState *member)
{
	return loyalty_points_add(loyalty_lots_points(&member->points), member->held) -
		member->debt;
}

/* dst := dst + src; 22003 beyond bigint. */
void
loyalty_flow_merge(LotList *dst, const LotList *src)
{
	CoreError	error;

	if (!loyalty_lots_merge(dst, src, &error))
		core_ereport(&error);
}

void
loyalty_flow_add(LotList *dst, const PointLot *lot)
{
	CoreError	error;

	if (!loyalty_lots_add(dst, lot, &error))
		core_ereport(&error);
}

/* Begins an entry of the member; its id is known at once. */
Entry *
loyalty_entry_open(Engine *engine, EntryKind kind, TimestampTz at)
{
	Entry	   *entry = palloc0(sizeof(Entry));

	entry->entry_id = engine->source->next_entry_id(engine->source->arg);
	entry->kind = kind;
	entry->at = at;
	entry->recorded_at = engine->recorded_at;
	engine->owned = owned_points(engine->member);
	return entry;
}

/*
 * Ends an entry whose changes have been made to the member.  Lots that came
 * back lapsed are let go at once, in an entry of their own at the same time:
 * they were not the member's before it.
 */
void
loyalty_entry_close(Engine *engine, Entry *entry)
{
	MemberState *member = engine->member;
	int64		late = loyalty_lots_points(&engine->late);

	if (owned_points(member) - engine->owned != entry->points - late)
		elog(ERROR, "entry %lld of kind %c moves %lld points but says %lld",
			 (long long) entry->entry_id, (char) entry->kind,
			 (long long) (owned_points(member) - engine->owned + late),
			 (long long) entry->points);
	if (member->debt < 0 || (member->debt > 0 && member->points.count > 0))
		elog(ERROR, "member would have both lots and a debt of %lld",
			 (long long) member->debt);

	entry->balance = loyalty_lots_spendable(&member->points, entry->at) - member->debt;
	engine->entries = lappend(engine->entries, entry);
	member->last_entry = entry->entry_id;
	member->last_at = Max(member->last_at, entry->at);

	if (late > 0)
	{
		LotList		lapsed = engine->late;
		Entry	   *lapse;

		loyalty_lots_init(&engine->late);
		lapse = loyalty_entry_open(engine, ENTRY_LAPSE, entry->at);
		lapse->lots = lapsed;
		lapse->points = -late;
		lapse->balance = entry->balance;
		engine->entries = lappend(engine->entries, lapse);
		member->last_entry = lapse->entry_id;
	}
}

/*
 * The next number among the entries of one ref, kind and event, from the story
 * of that ref; 0 without a ref.
 */
int16
loyalty_entry_generation(Engine *engine, EntryKind kind, int32 event_id, const char *ref)
{
	int			next = 0;
	ListCell   *cell;

	if (ref == NULL)
		return 0;
	foreach(cell, loyalty_past_story(engine, ref))
	{
		const Entry *other = lfirst(cell);

		if (other->kind == kind && other->event_id == event_id)
			next = Max(next, other->generation + 1);
	}
	if (next > PG_INT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("ref \"%s\" has been changed too often", ref),
				 errdetail("A ref carries at most %d entries of one kind.", PG_INT16_MAX + 1)));
	return (int16) next;
}

/*
 * Lots come in: the debt is paid first, in lot order; the rest joins wallet
 * and entry.  What has lapsed by the entry's time pays nothing and lapses when
 * the entry closes.  The caller sets entry->points.
 */
void
loyalty_flow_credit(Engine *engine, Entry *entry, LotList *incoming)
{
	MemberState *member = engine->member;
	LotList		late;

	loyalty_lots_init(&late);
	if (loyalty_lots_split_lapsed(incoming, entry->at, &late) > 0)
	{
		loyalty_flow_merge(&entry->lots, &late);
		loyalty_flow_merge(&engine->late, &late);
	}

	if (member->debt > 0)
	{
		int64		total = loyalty_lots_points(incoming);
		int64		paid = Min(member->debt, total);
		LotList		rest;

		loyalty_lots_init(&rest);
		if (total > paid)
			loyalty_lots_slice(incoming, SPEND_FIFO, false, paid, total - paid, &rest);
		*incoming = rest;
		member->debt -= paid;
		entry->debt -= paid;
	}

	loyalty_flow_merge(&entry->lots, incoming);
	loyalty_flow_merge(&member->points, incoming);
}

/* Clears up to `points` of the debt; returns how much there was. */
int64
loyalty_flow_cancel_debt(Engine *engine, Entry *entry, int64 points)
{
	int64		cancelled = Min(points, engine->member->debt);

	engine->member->debt -= cancelled;
	entry->debt -= cancelled;
	return cancelled;
}

/*
 * Takes up to `points` spendable points in the program's order into the
 * entry's lots; returns how many there were.
 */
int64
loyalty_flow_take(Engine *engine, Entry *entry, int64 points)
{
	entry->spend_order = engine->program->spend_order;
	return loyalty_lots_take(&engine->member->points, points, entry->at,
							 engine->program->spend_order, &entry->lots);
}

/*
 * Takes `points` whatever it costs: spendable lots in the program's order,
 * then pending ones in lot order, then debt.
 */
void
loyalty_flow_owe(Engine *engine, Entry *entry, int64 points)
{
	MemberState *member = engine->member;

	points -= loyalty_flow_take(engine, entry, points);
	points -= loyalty_lots_take_pending(&member->points, points, entry->at, &entry->lots);
	if (points > 0)
	{
		member->debt = loyalty_points_add(member->debt, points);
		entry->debt = loyalty_points_add(entry->debt, points);
	}
}
