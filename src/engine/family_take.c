/*
 * family_take.c
 *		Taking back what a family granted, and granting it again.
 *
 * Taken are first what is left of its very lots, then what of them lapsed
 * counts as taken, then by the program's shortfall.  Granting again pops the
 * stack of corrections (family.c) before anything is new.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/effect.h"
#include "engine/family.h"
#include "engine/kept.h"
#include "errors.h"

/* Points of the family's own lots that it granted and did not take back. */
static int64
own_share(const Family *family)
{
	int64		share = 0;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);
		int64		own = loyalty_family_own_points(family, &entry->lots);

		share += loyalty_entry_effect(entry) < 0 ? -own : own;
	}
	return share;
}

/* Takes what is left of the family's very lots, the latest first. */
static int64
take_own_lots(Engine *engine, Entry *entry, const Family *family, int64 points)
{
	MemberState *member = engine->member;
	LotList		taken;
	int64		left = Min(points, own_share(family));
	int64		total = 0;

	loyalty_lots_init(&taken);
	for (int i = member->points.count - 1; i >= 0 && left > 0; i--)
	{
		PointLot	lot = member->points.lots[i];

		if (!loyalty_family_owns(family, &lot))
			continue;
		lot.points = Min(lot.points, left);
		left -= lot.points;
		total += lot.points;
		loyalty_flow_add(&taken, &lot);
	}
	if (total > 0)
	{
		if (!loyalty_lots_subtract(&member->points, &taken, NULL))
			elog(ERROR, "lots of a wallet vanished from it");
		loyalty_flow_merge(&entry->lots, &taken);
	}
	return total;
}

/* Points of the family's lots in open holds. */
static int64
own_points_held(const Engine *engine, const Family *family)
{
	int64		points = 0;
	ListCell   *cell;

	foreach(cell, engine->member->holds)
	{
		const Hold *hold = lfirst(cell);

		if (!hold->ended)
			points += loyalty_family_own_points(family, &hold->lots);
	}
	return points;
}

/* Could any of the family's own lots have lapsed by `at`? */
static bool
may_have_lapsed(const Family *family, TimestampTz at)
{
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const LotList *lots = &((const Entry *) lfirst(cell))->lots;

		for (int i = 0; i < lots->count; i++)
		{
			if (lots->lots[i].valid_until <= at && loyalty_family_owns(family, &lots->lots[i]))
				return true;
		}
	}
	return false;
}

/* Points of the family's lots in later entries of one kind. */
static int64
own_points_since(Engine *engine, const Family *family, EntryKind kind)
{
	int64		points = 0;
	ListCell   *cell;

	foreach(cell, loyalty_past_since(engine, family->first->entry_id, kind))
		points += loyalty_family_own_points(family, &((const Entry *) lfirst(cell))->lots);
	return points;
}

/* Points that earlier claw-backs and corrections took from elsewhere or booked as debt. */
static int64
owed_before(const Family *family)
{
	int64		owed = 0;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_CLAW_BACK)
			owed += -entry->points - loyalty_family_own_points(family, &entry->lots);
	}
	foreach(cell, loyalty_family_stack(family))
	{
		const FamilyLayer *layer = lfirst(cell);

		owed += layer->debt + loyalty_lots_points(&layer->other);
	}
	return owed;
}

/* Do the entry's lots share one with the family?  Grants of one validity may have merged. */
static bool
shares_lots(const Family *family, const Entry *entry)
{
	for (int i = 0; i < entry->lots.count; i++)
	{
		if (loyalty_family_owns(family, &entry->lots.lots[i]))
			return true;
	}
	return false;
}

static bool
in_family(const Family *family, const Entry *entry)
{
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		if (((const Entry *) lfirst(cell))->entry_id == entry->entry_id)
			return true;
	}
	return false;
}

/* A gift with its correction, if it was taken back. */
static Family *
family_of_gift(Engine *engine, Entry *gift)
{
	Family	   *family = palloc0(sizeof(Family));
	ListCell   *cell;

	family->first = gift;
	loyalty_family_add(family, gift);
	foreach(cell, loyalty_past_since(engine, gift->entry_id, ENTRY_CORRECTION))
	{
		Entry	   *entry = lfirst(cell);

		if (entry->reverses == gift->entry_id)
			loyalty_family_add(family, entry);
	}
	return family;
}

/*
 * The family and the others whose grants merged into its lots: what became of
 * such a lot is accounted for by all of them together.
 */
static List *
families_of_lots(Engine *engine, Family *family)
{
	static const EntryKind kinds[] = {ENTRY_EARN, ENTRY_EVENT, ENTRY_GIFT};
	List	   *families = list_make1(family);
	int64		earliest = family->first->entry_id;

	for (int i = 0; i < family->first->lots.count; i++)
	{
		if (family->first->lots.lots[i].source != 0)
			earliest = Min(earliest, family->first->lots.lots[i].source);
	}
	for (int i = 0; i < lengthof(kinds); i++)
	{
		ListCell   *cell;

		foreach(cell, loyalty_past_since(engine, earliest - 1, kinds[i]))
		{
			Entry	   *entry = lfirst(cell);
			bool		known = !shares_lots(family, entry);
			ListCell   *lc;

			foreach(lc, families)
				known |= in_family(lfirst(lc), entry);
			if (known)
				continue;
			if (entry->kind == ENTRY_GIFT)
				families = lappend(families, family_of_gift(engine, entry));
			else if (entry->ref != NULL)
			{
				foreach(lc, loyalty_family_gather(loyalty_past_story(engine, entry->ref),
												  entry->kind, entry->event_id))
				{
					if (in_family(lfirst(lc), entry))
						families = lappend(families, lfirst(lc));
				}
			}
		}
	}
	return families;
}

/*
 * Takes `points` of what the family granted back into the entry: first what is
 * left of its very lots, then what of them lapsed counts as taken, then by the
 * program's shortfall.  Points given away or in an open hold are owed even under
 * waive.  The caller has checked that the family has so many left.
 */
void
loyalty_family_take(Engine *engine, Entry *entry, Family *family, int64 points)
{
	int64		left = points;

	entry->reverses = family->first->entry_id;
	left -= take_own_lots(engine, entry, family, left);

	if (left > 0)
	{
		/* what was forfeited by closing the account is gone like what lapsed */
		int64		lapsed = own_points_since(engine, family, ENTRY_STATUS) +
			(may_have_lapsed(family, Max(engine->at, engine->member->last_at)) ?
			 own_points_since(engine, family, ENTRY_LAPSE) : 0);
		List	   *families = lapsed > 0 ? families_of_lots(engine, family) : NIL;
		ListCell   *cell;

		foreach(cell, families)
		{
			ListCell   *lc;

			foreach(lc, ((const Family *) lfirst(cell))->entries)
				lapsed -= ((const Entry *) lfirst(lc))->lapsed;
		}
		entry->lapsed = Max(0, Min(left, lapsed));
		left -= entry->lapsed;
	}

	if (left > 0)
	{
		int64		owed = left;

		if (engine->program->shortfall == SHORTFALL_WAIVE)
		{
			int64		given = own_points_since(engine, family, ENTRY_TRANSFER_OUT) +
				own_points_held(engine, family);
			List	   *families = given > 0 ? families_of_lots(engine, family) : NIL;
			ListCell   *cell;

			foreach(cell, families)
				given -= owed_before(lfirst(cell));
			owed = Max(0, Min(left, given));
		}
		entry->waived = left - owed;
		if (owed > 0)
			loyalty_flow_owe(engine, entry, owed);
	}
	if (entry->spend_order == 0 && entry->lots.count > 0)
		entry->spend_order = SPEND_FIFO;
	entry->points = -(points - entry->lapsed - entry->waived);
}

/*
 * Undoes up to `points` of the family's corrections: fills *incoming with lots
 * to credit and the entry's waived and lapsed; returns how many points must be
 * granted anew (what the stack could not give, and debt or waivers that were
 * settled otherwise meanwhile).
 */
int64
loyalty_family_undo(Engine *engine, Entry *entry, Family *family, int64 points,
					LotList *incoming)
{
	List	   *stack = loyalty_family_stack(family);
	FamilyPopped popped;
	int64		fresh;

	memset(&popped, 0, sizeof(popped));
	fresh = points - loyalty_family_pop(&stack, points, &popped);
	fresh += popped.debt - loyalty_flow_cancel_debt(engine, entry, popped.debt);
	if (popped.waived > 0)
	{
		int64		cancel = Min(popped.waived, loyalty_family_waived(engine, family));

		entry->waived = -cancel;
		fresh += popped.waived - cancel;
	}
	entry->lapsed = -popped.lapsed;
	loyalty_flow_merge(incoming, &popped.lots);
	return fresh;
}

/* Growth that goes back with the points, so that partial calls add up exactly. */
static int64
growth_to_take(const Family *family, int64 points)
{
	int64		granted_growth = 0;
	int64		target;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_EARN || entry->kind == ENTRY_EVENT)
			granted_growth += entry->growth;
	}
	if (family->granted <= 0)
		return 0;
	/* growth that stays: its share of the points that stay, rounded up */
	target = (int64) (((int128) granted_growth * (family->net - points) +
					   family->granted - 1) / family->granted);
	return Max(0, family->net_growth - target);
}

/*
 * Takes back `points` of a grant on an operator's word, and with them the
 * effects of its event, which this family notes, but for the times of limits
 * that stay used; NIL = none.
 */
Entry *
loyalty_engine_claw_back(Engine *engine, Family *family, int64 points, List *effects,
						 const List *kept, const char *operation_ref)
{
	Entry	   *entry = loyalty_entry_open(engine, ENTRY_CLAW_BACK, engine->at);
	int64		growth = growth_to_take(family, points);

	entry->ref = family->first->ref;
	entry->operation_ref = operation_ref;
	entry->event_id = family->first->event_id;
	entry->point_kind = family->first->point_kind;
	entry->partner = family->first->partner;
	entry->unit_cost = family->first->unit_cost;
	entry->generation = loyalty_entry_generation(engine, ENTRY_CLAW_BACK,
												 entry->event_id, entry->ref);
	loyalty_family_take(engine, entry, family, points);
	if (growth > 0)
		loyalty_growth_add(engine, entry, -growth, family->growth_at);
	loyalty_entry_close(engine, entry);
	if (effects != NIL)
	{
		entry->breakdown = loyalty_kept_note(loyalty_effects_note(NULL, effects), kept);
		loyalty_effects_change(engine, family->first, entry, effects, NIL);
	}
	if (growth > 0)
		loyalty_tier_reassess(engine, entry, list_make1(family));
	return entry;
}
