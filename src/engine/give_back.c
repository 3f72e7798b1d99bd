/*
 * give_back.c
 *		Restore: spent points go back to the lots they came from.
 *
 * What was taken last returns first, so that the member stands as if less had
 * been spent.  A slice of a grant that was clawed back meanwhile first cancels the
 * waiver or debt booked for it; a slice that lapsed follows restore_lapsed.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "engine/breakdown.h"
#include "engine/engine.h"
#include "errors.h"

/* How much of a spending has been given back, from the story of its ref. */
int64
loyalty_restore_done(List *story, const Entry *spent)
{
	int64		done = 0;
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_RESTORE && entry->reverses == spent->entry_id)
			done += loyalty_entry_effect(entry);
	}
	return done;
}

/* The earliest entry that granted lots of the slice; none of them: the largest id. */
static int64
earliest_source(const LotList *slice)
{
	int64		earliest = PG_INT64_MAX;

	for (int i = 0; i < slice->count; i++)
	{
		if (slice->lots[i].source != 0)
			earliest = Min(earliest, slice->lots[i].source);
	}
	return earliest;
}

/*
 * What of a slice goes to the waivers and debts that stand for its grants; the
 * rest of it stays.  A merged lot may be of several grants.
 */
static void
cancel_shortfalls(Engine *engine, Entry *entry, List *families, PointLot *lot,
				  CancelledWaivers **cancelled)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		const Family *family = lfirst(cell);
		int64		waived;
		int64		cancel;

		if (lot->points == 0 || !loyalty_shortfall_owns(engine, family, lot))
			continue;
		waived = loyalty_family_waived(engine, family) -
			loyalty_breakdown_cancelled(*cancelled, family->first->entry_id);
		cancel = Min(waived, lot->points);
		if (cancel > 0)
		{
			*cancelled = loyalty_breakdown_cancel(*cancelled, family->first->entry_id, cancel);
			entry->waived -= cancel;
			lot->points -= cancel;
		}
		lot->points -= loyalty_flow_cancel_debt(engine, entry,
												Min(lot->points, loyalty_family_debt(family)));
	}
}

/* Does a lot that another member gave end later than any that arrived of it? */
static bool
had_grace_here(Engine *engine, const PointLot *lot)
{
	bool		arrived = false;
	ListCell   *cell;

	foreach(cell, loyalty_past_since(engine, 0, ENTRY_TRANSFER_IN))
	{
		const LotList *lots = &((const Entry *) lfirst(cell))->lots;

		for (int i = 0; i < lots->count; i++)
		{
			if (lots->lots[i].source != lot->source)
				continue;
			if (lots->lots[i].valid_until == lot->valid_until)
				return false;
			arrived = true;
		}
	}
	return arrived;
}

/*
 * Has the lot been given grace before?  Then its end is not one that its grant
 * gave it; of a lot that came from another member, not one with which it came.
 */
static bool
had_grace(Engine *engine, const PointLot *lot)
{
	const Entry *grant;

	if (lot->source == 0)
		return false;
	grant = loyalty_past_entry(engine, lot->source);
	if (grant == NULL)
		return had_grace_here(engine, lot);
	for (int i = 0; i < grant->lots.count; i++)
	{
		if (grant->lots.lots[i].source == lot->source &&
			grant->lots.lots[i].valid_until == lot->valid_until)
			return false;
	}
	return true;
}

/* The end that a lapsed slice gets by the program's restore_lapsed. */
static TimestampTz
end_of_lapsed(Engine *engine, const Entry *spent, const PointLot *lot)
{
	const Program *program = engine->program;

	switch (program->restore_lapsed)
	{
		case RESTORE_LAPSE:
			break;
		case RESTORE_GRACE:
			if (!had_grace(engine, lot))
				return loyalty_program_add(program, engine->at, &program->grace);
			break;
		case RESTORE_REMAINING:
			if (lot->valid_until > spent->at)
				return engine->at + (lot->valid_until - spent->at);
			break;
	}
	return lot->valid_until;
}

/*
 * Gives back `points` of a spending (a redeem or a capture) of which `offset`
 * points went back before.  The caller has checked that so many are left.
 */
Entry *
loyalty_engine_restore(Engine *engine, const Entry *spent, int64 points, int64 offset,
					   const char *operation_ref)
{
	Entry	   *entry = loyalty_entry_open(engine, ENTRY_RESTORE, engine->at);
	LotList		slice;
	LotList		incoming;
	CancelledWaivers *cancelled = NIL;
	List	   *families;

	entry->ref = spent->ref;
	entry->operation_ref = operation_ref;
	entry->reverses = spent->entry_id;
	entry->generation = loyalty_entry_generation(engine, ENTRY_RESTORE, 0, spent->ref);

	loyalty_lots_init(&slice);
	loyalty_lots_init(&incoming);
	loyalty_lots_slice(&spent->lots, spent->spend_order, true, offset, points, &slice);

	families = loyalty_shortfalls_since(engine, earliest_source(&slice));

	for (int i = 0; i < slice.count; i++)
	{
		PointLot	lot = slice.lots[i];

		cancel_shortfalls(engine, entry, families, &lot, &cancelled);
		if (lot.points == 0)
			continue;
		if (lot.valid_until <= engine->at)
			lot.valid_until = end_of_lapsed(engine, spent, &lot);
		loyalty_flow_add(&incoming, &lot);
	}

	if (cancelled != NIL)
		entry->breakdown = loyalty_breakdown_store_cancelled(cancelled);
	entry->points = points + entry->waived;
	loyalty_flow_credit(engine, entry, &incoming);
	loyalty_entry_close(engine, entry);
	return entry;
}
