/*
 * family.c
 *		A family: the grants of one event and what became of them.
 *
 * Under one ref an event may be granted, corrected, clawed back and granted
 * again any number of times.  The entries of that story (one point kind, partner
 * and unit cost each) are a family.  Its figures are replayed from the entries, so
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
#include "engine/family.h"
#include "engine/number.h"
#include "errors.h"

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

void
loyalty_family_add(Family *family, Entry *entry)
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
				(loyalty_same_text(candidate->first->point_kind, entry->point_kind) &&
				 loyalty_same_text(candidate->first->partner, entry->partner) &&
				 loyalty_same_number(candidate->first->unit_cost, entry->unit_cost)) :
				entry->reverses == candidate->first->entry_id)
				family = candidate;
		}
		if (entry->kind == grant_kind && family == NULL)
		{
			family = palloc0(sizeof(Family));
			family->first = entry;
			families = lappend(families, family);
			family->growth_at = ((const Family *) linitial(families))->first->at;
		}
		if (family != NULL && (entry->kind == grant_kind || entry->kind == ENTRY_CORRECTION ||
							   entry->kind == ENTRY_CLAW_BACK))
			loyalty_family_add(family, entry);
	}
	return families;
}

static void
push_layer(const Family *family, List **stack, const Entry *entry)
{
	FamilyLayer *layer = palloc0(sizeof(FamilyLayer));

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
int64
loyalty_family_pop(List **stack, int64 points, FamilyPopped *popped)
{
	int64		left = points;

	while (left > 0 && *stack != NIL)
	{
		FamilyLayer *layer = llast(*stack);
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
List *
loyalty_family_stack(const Family *family)
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
			FamilyPopped popped;

			memset(&popped, 0, sizeof(popped));
			loyalty_family_pop(&stack, effect, &popped);
		}
	}
	return stack;
}

const Entry *
loyalty_family_newest(const Family *family)
{
	const Entry *newest = NULL;
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind != ENTRY_CLAW_BACK)
			newest = entry;
	}
	return newest;
}

/* Points of a slice that are the family's own. */
int64
loyalty_family_own_points(const Family *family, const LotList *slice)
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
