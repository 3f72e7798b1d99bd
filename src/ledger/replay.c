/*
 * replay.c
 *		The member's state as the ledger tells it.
 *
 * An entry's slice is the record of what moved, so replaying is adding and
 * taking slices; nothing is decided again.  Only a capture stands for two
 * movements: its slice was spent, and the rest of its hold returned, after
 * paying the debt that the entry says it paid.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/engine.h"
#include "engine/number.h"
#include "ledger/entry_row.h"
#include "ledger/replay.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

void
loyalty_replay_begin(Replay *replay)
{
	memset(replay, 0, sizeof(Replay));
	replay->status = STATUS_ACTIVE;
}

/* Does the entry's slice come into the wallet (rather than leave it)? */
static bool
slice_comes_in(const Entry *entry)
{
	switch (entry->kind)
	{
		case ENTRY_EARN:
		case ENTRY_RELEASE:
		case ENTRY_RESTORE:
		case ENTRY_TRANSFER_IN:
		case ENTRY_GIFT:
			return true;
		case ENTRY_EVENT:
		case ENTRY_ADJUST:
		case ENTRY_OPENING:
			return entry->points > 0;
		default:
			return false;
	}
}

static Hold *
find_hold(const Replay *replay, int64 entry_id)
{
	ListCell   *cell;

	foreach(cell, replay->holds)
	{
		Hold	   *hold = lfirst(cell);

		if (hold->entry_id == entry_id)
			return hold;
	}
	return NULL;
}

/* What a capture gives back: the hold less what was spent and what paid debt. */
static bool
returned_lots(const Hold *hold, const Entry *capture, LotList *returned)
{
	LotList		rest;
	LotList		late;
	int64		total;

	loyalty_lots_init(&rest);
	loyalty_lots_init(&late);
	loyalty_lots_copy(&rest, &hold->lots);
	if (!loyalty_lots_subtract(&rest, &capture->lots, NULL))
		return false;
	loyalty_lots_split_lapsed(&rest, capture->at, &late);
	total = loyalty_lots_points(&rest);
	if (-capture->debt > total)
		return false;
	if (total > -capture->debt)
		loyalty_lots_slice(&rest, SPEND_FIFO, false, -capture->debt, total + capture->debt,
						   returned);
	loyalty_flow_merge(returned, &late);
	return true;
}

static void
open_hold(Replay *replay, const Entry *entry)
{
	Hold	   *hold = palloc0(sizeof(Hold));

	hold->entry_id = entry->entry_id;
	hold->ref = entry->ref == NULL ? NULL : pstrdup(entry->ref);
	hold->until = loyalty_breakdown_read_until(entry->breakdown);
	hold->points = loyalty_lots_points(&entry->lots);
	loyalty_lots_copy(&hold->lots, &entry->lots);
	replay->holds = lappend(replay->holds, hold);
	replay->held += hold->points;
}

static void
note_status(Replay *replay, const Entry *entry)
{
	JsonbValue	buffer;
	JsonbValue *value = NULL;

	if (entry->breakdown != NULL)
		value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &entry->breakdown->root),
											 "status", strlen("status"), &buffer);
	if (value == NULL || value->type != jbvString ||
		!loyalty_status_parse(pnstrdup(value->val.string.val, value->val.string.len),
							  &replay->status))
		replay->problem = "status entry names no status";
}

void
loyalty_replay_apply(Replay *replay, const Entry *entry, LotList *adds, LotList *takes)
{
	LotList		in;
	LotList		out;
	int64		moved;
	int64		held_before = replay->held;
	int64		debt_before = replay->debt;

	loyalty_lots_init(&in);
	loyalty_lots_init(&out);
	replay->problem = NULL;
	replay->debt += entry->debt;
	replay->growth += entry->growth;

	if (entry->kind == ENTRY_CAPTURE || entry->kind == ENTRY_RELEASE)
	{
		Hold	   *hold = find_hold(replay, entry->reverses);

		if (hold == NULL)
			replay->problem = "no open hold for it";
		else
		{
			replay->held -= hold->points;
			replay->holds = list_delete_ptr(replay->holds, hold);
			if (entry->kind == ENTRY_CAPTURE && !returned_lots(hold, entry, &in))
				replay->problem = "captured lots were not held";
		}
		if (entry->kind == ENTRY_RELEASE)
			in = entry->lots;
	}
	else if (slice_comes_in(entry))
		in = entry->lots;
	else
		out = entry->lots;
	if (entry->kind == ENTRY_HOLD)
		open_hold(replay, entry);
	if (entry->kind == ENTRY_STATUS)
		note_status(replay, entry);

	moved = loyalty_lots_points(&in) - loyalty_lots_points(&out) +
		(replay->held - held_before) - (replay->debt - debt_before);
	if (replay->problem == NULL && moved != entry->points)
		replay->problem = "points are not what its lots, hold and debt say";

	if (adds != NULL)
	{
		*adds = in;
		*takes = out;
		return;
	}
	loyalty_flow_merge(&replay->added, &in);
	loyalty_flow_merge(&replay->taken, &out);
}

void
loyalty_replay_wallet(const Replay *replay, LotList *wallet)
{
	int			taken = 0;

	for (int i = 0; i < replay->added.count; i++)
	{
		PointLot	lot = replay->added.lots[i];

		while (taken < replay->taken.count &&
			   loyalty_lot_compare_key(&replay->taken.lots[taken], &lot) < 0)
			taken++;
		if (taken < replay->taken.count &&
			loyalty_lot_compare_key(&replay->taken.lots[taken], &lot) == 0)
			lot.points -= replay->taken.lots[taken].points;
		if (lot.points > 0)
			loyalty_flow_add(wallet, &lot);
	}
}

void
loyalty_replay_growth_begin(GrowthReplay *replay, const Program *program,
							const MemberState *member)
{
	memset(replay, 0, sizeof(GrowthReplay));
	replay->member = *member;
	loyalty_lots_init(&replay->member.growth);
	replay->member.last_at = replay->member.earned_since = DT_NOBEGIN;
	replay->member.earned_growth = 0;
	replay->engine.program = program;
}

/*
 * The date that an entry's growth has: that of the first grant of its event.
 * What a grant itself takes away has none.
 */
static TimestampTz
growth_date(const MemberState *member, const Entry *entry)
{
	const Entry *about = entry->reverses == 0 ? entry :
		loyalty_entry_by_id(member->member_id, entry->reverses);
	const Entry *first = about;
	bool		is_grant = entry->reverses == 0;

	if (about == NULL)
		return DT_NOEND;
	if (about->kind == ENTRY_EVENT && about->generation > 0)
	{
		List	   *story = loyalty_entries_of_ref(member->member_id, about->ref);

		for (int i = list_length(story) - 1; i >= 0; i--)
		{
			const Entry *other = list_nth(story, i);

			if (other->kind != ENTRY_EVENT || other->event_id != about->event_id ||
				other->entry_id >= about->entry_id)
				continue;
			first = other;
			is_grant &= !loyalty_same_text(other->point_kind, about->point_kind) ||
				!loyalty_same_text(other->partner, about->partner) ||
				!loyalty_same_number(other->unit_cost, about->unit_cost);
		}
	}
	return is_grant && entry->growth < 0 ? DT_NOEND : first->at;
}

void
loyalty_replay_growth(GrowthReplay *replay, const Entry *entry)
{
	Entry		noted = {0};

	if (entry->growth == 0)
		return;
	replay->engine.member = &replay->member;
	replay->engine.at = entry->at;
	loyalty_growth_add(&replay->engine, &noted, entry->growth,
					   growth_date(&replay->member, entry));
}
