/*
 * spend.c
 *		Points spent, held, moved to another member, or forfeited.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "engine/breakdown.h"
#include "engine/engine.h"
#include "errors.h"

/* Refuses spending to a member whose status forbids it (LY004). */
static void
require_spending(const Engine *engine)
{
	const MemberState *member = engine->member;

	if (member->status == STATUS_SPEND_BLOCKED || member->status == STATUS_FROZEN ||
		member->status == STATUS_CLOSED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not spend points", member->ref),
				 errdetail("The member is %s.",
						   loyalty_status_name(member->status)),
				 errhint("Change it with loyalty.set_status().")));
}

/* Takes exactly `points` spendable points into the entry, or LY001. */
static void
take_all(Engine *engine, Entry *entry, int64 points)
{
	MemberState *member = engine->member;
	int64		available = loyalty_lots_spendable(&member->points, engine->at);

	if (available < points)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_INSUFFICIENT_POINTS),
				 errmsg("member \"%s\" does not have enough points", member->ref),
				 member->debt == 0 ?
				 errdetail("Asked for %lld, available %lld.", (long long) points,
						   (long long) available) :
				 errdetail("Asked for %lld, available %lld, owed %lld.", (long long) points,
						   (long long) available, (long long) member->debt)));
	loyalty_flow_take(engine, entry, points);
}

Entry *
loyalty_engine_redeem(Engine *engine, int64 points, const char *ref, const char *reason)
{
	Entry	   *entry;

	require_spending(engine);
	entry = loyalty_entry_open(engine, ENTRY_REDEEM, engine->at);
	entry->ref = ref;
	entry->reason = reason;
	entry->points = -points;
	take_all(engine, entry, points);
	loyalty_entry_close(engine, entry);
	return entry;
}

/* Takes lots aside until a deadline.  The member still owns them: 0 points. */
Entry *
loyalty_engine_hold(Engine *engine, int64 points, const char *ref, TimestampTz until)
{
	MemberState *member = engine->member;
	Entry	   *entry;
	Hold	   *hold;

	require_spending(engine);
	entry = loyalty_entry_open(engine, ENTRY_HOLD, engine->at);
	entry->ref = ref;
	entry->breakdown = loyalty_breakdown_hold(until);
	take_all(engine, entry, points);
	member->held += points;

	hold = palloc0(sizeof(Hold));
	hold->entry_id = entry->entry_id;
	hold->ref = ref;
	hold->until = until;
	hold->points = points;
	loyalty_lots_copy(&hold->lots, &entry->lots);
	member->holds = lappend(member->holds, hold);

	loyalty_entry_close(engine, entry);
	return entry;
}

/*
 * Spends `points` of a hold, in the order in which it took them; the rest
 * returns to its place.  The caller knows that the hold is open and has them.
 */
Entry *
loyalty_engine_capture(Engine *engine, Hold *hold, int64 points)
{
	MemberState *member = engine->member;
	const Entry *taken = loyalty_past_entry(engine, hold->entry_id);
	Entry	   *entry;
	Entry		returned;
	LotList		rest;

	if (member->status == STATUS_FROZEN)
		require_spending(engine);

	entry = loyalty_entry_open(engine, ENTRY_CAPTURE, engine->at);
	entry->ref = hold->ref;
	entry->reverses = hold->entry_id;
	entry->points = -points;
	entry->spend_order = taken->spend_order;
	member->held -= hold->points;
	hold->ended = true;

	loyalty_lots_slice(&hold->lots, taken->spend_order, false, 0, points, &entry->lots);

	/* The entry's lots are those spent, so the rest is credited apart. */
	loyalty_lots_init(&rest);
	if (points < hold->points)
		loyalty_lots_slice(&hold->lots, taken->spend_order, false, points,
						   hold->points - points, &rest);
	memset(&returned, 0, sizeof(returned));
	returned.at = entry->at;
	loyalty_flow_credit(engine, &returned, &rest);
	entry->debt = returned.debt;

	loyalty_entry_close(engine, entry);
	return entry;
}

/* Ends a hold at `at`: its lots return to their place.  0 points. */
Entry *
loyalty_engine_release(Engine *engine, Hold *hold, TimestampTz at)
{
	MemberState *member = engine->member;
	Entry	   *entry = loyalty_entry_open(engine, ENTRY_RELEASE, at);
	LotList		incoming;

	entry->ref = hold->ref;
	entry->reverses = hold->entry_id;
	member->held -= hold->points;
	hold->ended = true;
	loyalty_lots_init(&incoming);
	loyalty_lots_copy(&incoming, &hold->lots);
	loyalty_flow_credit(engine, entry, &incoming);
	loyalty_entry_close(engine, entry);
	return entry;
}

/* The giving side of a transfer; the very lots leave. */
Entry *
loyalty_engine_transfer_out(Engine *engine, int64 points, const char *ref, int64 to_member)
{
	Entry	   *entry;

	require_spending(engine);
	entry = loyalty_entry_open(engine, ENTRY_TRANSFER_OUT, engine->at);
	entry->ref = ref;
	entry->counterpart = to_member;
	entry->points = -points;
	take_all(engine, entry, points);
	loyalty_entry_close(engine, entry);
	return entry;
}

/* The receiving side: the lots arrive with their validity and source. */
Entry *
loyalty_engine_transfer_in(Engine *engine, const Entry *out, int64 from_member, const char *ref)
{
	Entry	   *entry;
	LotList		incoming;

	loyalty_engine_require_earning(engine);
	loyalty_engine_require_room(engine, -out->points);
	entry = loyalty_entry_open(engine, ENTRY_TRANSFER_IN, engine->at);
	entry->ref = ref;
	entry->generation = loyalty_entry_generation(engine, ENTRY_TRANSFER_IN, 0, ref);
	entry->counterpart = from_member;
	entry->points = -out->points;
	loyalty_lots_init(&incoming);
	loyalty_lots_copy(&incoming, &out->lots);
	loyalty_flow_credit(engine, entry, &incoming);
	loyalty_entry_close(engine, entry);
	return entry;
}

/*
 * Changes what the member may do.  Closing ends open holds, forfeits every
 * lot and writes the debt off.
 */
Entry *
loyalty_engine_set_status(Engine *engine, MemberStatus status, const char *reason)
{
	MemberState *member = engine->member;
	Entry	   *entry;

	if (status == STATUS_CLOSED)
	{
		ListCell   *cell;

		foreach(cell, member->holds)
		{
			Hold	   *hold = lfirst(cell);

			if (!hold->ended)
				loyalty_engine_release(engine, hold, engine->at);
		}
	}

	entry = loyalty_entry_open(engine, ENTRY_STATUS, engine->at);
	entry->reason = reason;
	entry->breakdown = loyalty_breakdown_status(loyalty_status_name(status));
	member->status = status;
	if (status == STATUS_CLOSED)
	{
		entry->lots = member->points;
		entry->points = member->debt - loyalty_lots_points(&entry->lots);
		entry->debt = -member->debt;
		loyalty_lots_init(&member->points);
		member->debt = 0;
	}
	loyalty_entry_close(engine, entry);
	return entry;
}
