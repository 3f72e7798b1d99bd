/*
 * family.c
 *		A family: the grants of one event and what became of them.
 *
 * Under one ref an event may be granted, corrected, clawed back and granted
 * again any number of times.  The entries of that story (one point kind and
 * partner each) are a family.  Its figures are replayed from the entries, so
 * that any sequence of partial calls stays exact:
 *
 *	net = sum of effects, where an entry's effect counts what was waived or had
 *	lapsed as taken;
 *
 *	undoing: corrections form a stack.  Granting again pops it, newest first;
 *	within a correction first the debt booked, then the waiver, then lots taken
 *	from elsewhere, then what had lapsed, then the family's own lots.  What the
 *	stack cannot give is new.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/engine.h"
#include "errors.h"

/* What one correction took, by the way in which undoing it gives back. */
typedef struct Layer
{
	int64		debt;
	int64		waived;
	LotList		other;			/* lots of other grants */
	int64		lapsed;
	LotList		own;			/* lots of the family */
	SpendOrder	order;
} Layer;

/* What a pop yielded. */
typedef struct Popped
{
	int64		debt;
	int64		waived;
	int64		lapsed;
	LotList		lots;
} Popped;

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * Is the lot one of the family's own?  The lots of its first grant are, even
 * with an end that grace has moved.  Where lots merge, so is the lot that the
 * grant joined, but no other lot of the grant whose source it carries.
 */
bool
loyalty_family_owns(const Family *family, const PointLot *lot)
{
	const LotList *granted = &family->first->lots;

	if (lot->source == family->first->entry_id)
		return true;
	for (int i = 0; i < granted->count; i++)
	{
		if (loyalty_lot_compare_key(&granted->lots[i], lot) == 0)
			return true;
	}
	return false;
}

/* Splits a slice into the family's own lots and others. */
static void
sort_out(const Family *family, const LotList *slice, LotList *own, LotList *other)
{
	for (int i = 0; i < slice->count; i++)
	{
		const PointLot *lot = &slice->lots[i];

		loyalty_flow_add(loyalty_family_owns(family, lot) ? own : other, lot);
	}
}

static void
family_add(Family *family, Entry *entry)
{
	int64		effect = loyalty_entry_effect(entry);

	family->entries = lappend(family->entries, entry);
	family->net += effect;
	family->net_growth += entry->growth;
	if (entry->kind == ENTRY_EARN || entry->kind == ENTRY_EVENT)
		family->granted += effect;
	if (entry->kind == ENTRY_CLAW_BACK)
	{
		family->operator_taken -= effect;
		family->operator_growth -= entry->growth;
	}
}

/*
 * The families of an event (or of an earn) in the story of a ref, in the order
 * of their first grants.  The story's entries are ordered by id.
 */
List *
loyalty_family_gather(List *story, EntryKind grant_kind, int32 event_id)
{
	List	   *families = NIL;
	ListCell   *cell;

	foreach(cell, story)
	{
		Entry	   *entry = lfirst(cell);
		Family	   *family = NULL;
		ListCell   *lc;

		if (entry->event_id != event_id)
			continue;
		foreach(lc, families)
		{
			Family	   *candidate = lfirst(lc);

			if (entry->kind == grant_kind ?
				(same_text(candidate->first->point_kind, entry->point_kind) &&
				 same_text(candidate->first->partner, entry->partner)) :
				entry->reverses == candidate->first->entry_id)
				family = candidate;
		}
		if (entry->kind == grant_kind && family == NULL)
		{
			family = palloc0(sizeof(Family));
			family->first = entry;
			families = lappend(families, family);
		}
		if (family != NULL && (entry->kind == grant_kind || entry->kind == ENTRY_CORRECTION ||
							   entry->kind == ENTRY_CLAW_BACK))
			family_add(family, entry);
	}
	return families;
}

static void
push_layer(const Family *family, List **stack, const Entry *entry)
{
	Layer	   *layer = palloc0(sizeof(Layer));

	layer->debt = entry->debt;
	layer->waived = entry->waived;
	layer->lapsed = entry->lapsed;
	layer->order = entry->spend_order;
	sort_out(family, &entry->lots, &layer->own, &layer->other);
	*stack = lappend(*stack, layer);
}

/* Moves up to `points` from the end of a list, by its order, to *out. */
static int64
pop_lots(LotList *list, SpendOrder order, int64 points, LotList *out)
{
	int64		total = loyalty_lots_points(list);
	int64		popped = Min(total, points);
	LotList		rest;

	if (popped == 0)
		return 0;
	loyalty_lots_init(&rest);
	loyalty_lots_slice(list, order, true, 0, popped, out);
	if (total > popped)
		loyalty_lots_slice(list, order, true, popped, total - popped, &rest);
	*list = rest;
	return popped;
}

static int64
pop_count(int64 *count, int64 points, int64 *out)
{
	int64		popped = Min(*count, points);

	*count -= popped;
	*out += popped;
	return popped;
}

/* Pops up to `points` off the stack; returns how many it had. */
static int64
pop_stack(List **stack, int64 points, Popped *popped)
{
	int64		left = points;

	while (left > 0 && *stack != NIL)
	{
		Layer	   *layer = llast(*stack);
		SpendOrder	order = layer->order == SPEND_EXPIRING ? SPEND_EXPIRING : SPEND_FIFO;

		left -= pop_count(&layer->debt, left, &popped->debt);
		left -= pop_count(&layer->waived, left, &popped->waived);
		left -= pop_lots(&layer->other, order, left, &popped->lots);
		left -= pop_count(&layer->lapsed, left, &popped->lapsed);
		left -= pop_lots(&layer->own, order, left, &popped->lots);
		if (left > 0)
			*stack = list_delete_last(*stack);
	}
	return points - left;
}

/* The stack of the family's corrections as its entries leave it. */
static List *
replay_stack(const Family *family)
{
	List	   *stack = NIL;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);
		int64		effect = loyalty_entry_effect(entry);

		if (entry->kind == ENTRY_CLAW_BACK)
			continue;
		if (effect < 0)
			push_layer(family, &stack, entry);
		else if (effect > 0)
		{
			Popped		popped;

			memset(&popped, 0, sizeof(popped));
			pop_stack(&stack, effect, &popped);
		}
	}
	return stack;
}

/* Points of a slice that are the family's own. */
static int64
own_points(const Family *family, const LotList *slice)
{
	int64		points = 0;

	for (int i = 0; i < slice->count; i++)
	{
		if (loyalty_family_owns(family, &slice->lots[i]))
			points += slice->lots[i].points;
	}
	return points;
}

/*
 * What of the family's waivers still stands: booked by its claw-backs and
 * corrections, less what granting again, a restore or a gift has cancelled.
 */
int64
loyalty_family_waived(Engine *engine, const Family *family)
{
	static const EntryKind kinds[] = {ENTRY_RESTORE, ENTRY_GIFT};
	int64		waived = 0;
	ListCell   *cell;

	foreach(cell, family->entries)
		waived += ((const Entry *) lfirst(cell))->waived;
	for (int i = 0; waived > 0 && i < lengthof(kinds); i++)
	{
		foreach(cell, loyalty_past_since(engine, family->first->entry_id, kinds[i]))
		{
			const Entry *entry = lfirst(cell);

			if (entry->waived < 0)
				waived -= loyalty_breakdown_read_cancelled(entry->breakdown,
														   family->first->entry_id);
		}
	}
	return Max(waived, 0);
}

/* Debt that the family's claw-backs and corrections booked and nothing undid. */
int64
loyalty_family_debt(const Family *family)
{
	int64		debt = 0;
	ListCell   *cell;

	foreach(cell, family->entries)
		debt += ((const Entry *) lfirst(cell))->debt;
	return Max(debt, 0);
}

/* Points of the family's own lots that it granted and did not take back. */
static int64
own_share(const Family *family)
{
	int64		share = 0;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);
		int64		own = own_points(family, &entry->lots);

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
		points += own_points(family, &((const Entry *) lfirst(cell))->lots);
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
			owed += -entry->points - own_points(family, &entry->lots);
	}
	foreach(cell, replay_stack(family))
	{
		const Layer *layer = lfirst(cell);

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
	family_add(family, gift);
	foreach(cell, loyalty_past_since(engine, gift->entry_id, ENTRY_CORRECTION))
	{
		Entry	   *entry = lfirst(cell);

		if (entry->reverses == gift->entry_id)
			family_add(family, entry);
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
 * program's shortfall.  Points given away in a transfer are owed even under
 * waive.  The caller has checked that the family has so many left.
 */
void
loyalty_family_take(Engine *engine, Entry *entry, Family *family, int64 points)
{
	int64		left = points;

	entry->reverses = family->first->entry_id;
	left -= take_own_lots(engine, entry, family, left);

	if (left > 0 && may_have_lapsed(family, Max(engine->at, engine->member->last_at)))
	{
		int64		lapsed = own_points_since(engine, family, ENTRY_LAPSE);
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
			int64		given = own_points_since(engine, family, ENTRY_TRANSFER_OUT);
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
	List	   *stack = replay_stack(family);
	Popped		popped;
	int64		fresh;

	memset(&popped, 0, sizeof(popped));
	fresh = points - pop_stack(&stack, points, &popped);
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

/* Takes back `points` of a grant on an operator's word. */
Entry *
loyalty_engine_claw_back(Engine *engine, Family *family, int64 points,
						 const char *operation_ref)
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
		loyalty_growth_add(engine, entry, -growth, family->first->at);
	loyalty_entry_close(engine, entry);
	if (growth > 0)
		loyalty_tier_reassess(engine, entry, list_make1(family));
	return entry;
}
