/*
 * shortfall.c
 *		What claw-backs and corrections did not find: debts and waivers that may
 *		still stand.
 *
 * Whoever gives such points again, by a restore or by a gift that is given once
 * more, must let these go first; else a refund and its undoing would win points.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/engine.h"

/* The family that a claw-back or correction is about. */
static Family *
family_of(Engine *engine, Entry *correction)
{
	Entry	   *first = loyalty_past_entry(engine, correction->reverses);
	Family	   *family;
	ListCell   *cell;

	if (first == NULL)
		return NULL;
	if (first->kind == ENTRY_GIFT)
	{
		/* each gift is given once and taken back once */
		family = palloc0(sizeof(Family));
		family->first = first;
		family->entries = list_make1(correction);
		return family;
	}
	if (first->ref == NULL)
		return NULL;
	foreach(cell, loyalty_family_gather(loyalty_past_story(engine, first->ref),
										first->kind, first->event_id))
	{
		family = lfirst(cell);
		if (family->first->entry_id == first->entry_id)
			return family;
	}
	return NULL;
}

static bool
has_family(const List *families, int64 first)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		if (((const Family *) lfirst(cell))->first->entry_id == first)
			return true;
	}
	return false;
}

/* The families of which something was owed or waived in entries after that one. */
List *
loyalty_shortfalls_since(Engine *engine, int64 entry_id)
{
	static const EntryKind kinds[] = {ENTRY_CLAW_BACK, ENTRY_CORRECTION};
	List	   *families = NIL;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		ListCell   *cell;

		foreach(cell, loyalty_past_since(engine, entry_id, kinds[i]))
		{
			Entry	   *entry = lfirst(cell);
			Family	   *family;

			if ((entry->waived <= 0 && entry->debt <= 0) || has_family(families, entry->reverses))
				continue;
			family = family_of(engine, entry);
			if (family != NULL)
				families = lappend(families, family);
		}
	}
	return families;
}

/*
 * Is the lot of the grants for which something was owed or waived?  What one
 * gift of a tier could not give back, the next one of that tier let go first;
 * its own shortfall is then about the lots of both.
 */
bool
loyalty_shortfall_owns(Engine *engine, const Family *family, const PointLot *lot)
{
	const char *tier;
	ListCell   *cell;

	if (loyalty_family_owns(family, lot))
		return true;
	if (family->first->kind != ENTRY_GIFT)
		return false;
	tier = loyalty_breakdown_tier(family->first->breakdown);
	foreach(cell, loyalty_past_since(engine, 0, ENTRY_GIFT))
	{
		Family		gift = {.first = lfirst(cell)};

		if (loyalty_family_owns(&gift, lot) &&
			strcmp(loyalty_breakdown_tier(gift.first->breakdown), tier) == 0)
			return true;
	}
	return false;
}

/*
 * What was waived when earlier gifts of the tier were taken back and still
 * stands, up to `points`; *cancelled says of which gifts.
 */
int64
loyalty_shortfall_of_gifts(Engine *engine, const char *tier, int64 points,
						   CancelledWaivers **cancelled)
{
	int64		left = points;
	ListCell   *cell;

	foreach(cell, loyalty_shortfalls_since(engine, 0))
	{
		const Family *family = lfirst(cell);
		int64		cancel;

		if (family->first->kind != ENTRY_GIFT ||
			strcmp(loyalty_breakdown_tier(family->first->breakdown), tier) != 0)
			continue;
		cancel = Min(left, loyalty_family_waived(engine, family));
		if (cancel > 0)
			*cancelled = loyalty_breakdown_cancel(*cancelled, family->first->entry_id, cancel);
		left -= cancel;
	}
	return points - left;
}
