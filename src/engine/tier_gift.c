/*
 * tier_gift.c
 *		Gifts of tiers: given on reaching one, taken back with it.
 *
 * A gift stands once per member, tier and cycle, which is a status period of
 * the tier counted from the gift (for ever where the tier's status never
 * ends).  It is taken back with the refund that ends the tier, whatever that
 * refunds; or, if the tier ended otherwise, once nothing is left of the event that
 * reached it.  It can then be earned again.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/engine.h"

/*
 * The gift that stands for a tier and whose cycle is not over at `at`
 * (DT_NOBEGIN: any), this operation's own changes included; 0 if none.
 */
static int64
standing_gift(const Engine *engine, const Tier *tier, TimestampTz at, int64 *cause)
{
	for (int i = list_length(engine->gifts) - 1; i >= 0; i--)
	{
		const GiftChange *change = list_nth(engine->gifts, i);

		if (change->tier_id == tier->tier_id)
		{
			*cause = change->cause;
			return change->taken_back == 0 && change->cycle_until > at ? change->entry_id : 0;
		}
	}
	return engine->source->standing_gift(engine->source->arg, tier->tier_id, at, cause);
}

static void
note_gift(Engine *engine, const Tier *tier, int64 entry_id, int64 cause, int64 taken_back)
{
	GiftChange *change = palloc(sizeof(GiftChange));

	change->tier_id = tier->tier_id;
	change->entry_id = entry_id;
	change->cause = cause;
	change->taken_back = taken_back;
	change->cycle_until = loyalty_tier_status_end(engine->program, tier, engine->at);
	engine->gifts = lappend(engine->gifts, change);
}

/*
 * A gift is an entry of its own: no multiplier, no growth.  One a cycle.  What
 * was forgiven when an earlier one of the tier was taken back is no longer
 * forgiven.
 */
void
loyalty_tier_gift_give(Engine *engine, const Tier *tier, const Entry *cause)
{
	CancelledWaivers *cancelled = NIL;
	Entry	   *entry;
	LotList		incoming;
	PointLot	lot;
	int64		other;

	if (tier->gift == 0 || standing_gift(engine, tier, engine->at, &other) != 0)
		return;
	entry = loyalty_entry_open(engine, ENTRY_GIFT, engine->at);
	if (cause != NULL)
	{
		entry->ref = cause->ref;
		entry->event_id = cause->event_id;
	}
	entry->generation = loyalty_entry_generation(engine, ENTRY_GIFT,
												 entry->event_id, entry->ref);
	entry->waived = -loyalty_shortfall_of_gifts(engine, tier->name, tier->gift, &cancelled);
	entry->breakdown = loyalty_breakdown_gift(tier->name, cause == NULL ? 0 : cause->entry_id,
											  cancelled);
	entry->points = lot.points = tier->gift + entry->waived;
	lot.source = entry->entry_id;
	loyalty_grant_validity(engine->program, engine->at, &lot.valid_from, &lot.valid_until);
	loyalty_grant_place(engine, &lot);
	loyalty_lots_init(&incoming);
	if (lot.points > 0)
		loyalty_flow_add(&incoming, &lot);
	loyalty_flow_credit(engine, entry, &incoming);
	loyalty_entry_close(engine, entry);
	note_gift(engine, tier, entry->entry_id, cause == NULL ? 0 : cause->entry_id, 0);
}

/* Is the entry one of these families? */
static bool
is_among(int64 entry_id, const List *families)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		ListCell   *lc;

		foreach(lc, ((const Family *) lfirst(cell))->entries)
		{
			if (((const Entry *) lfirst(lc))->entry_id == entry_id)
				return true;
		}
	}
	return false;
}

/*
 * Takes a gift back if one of the corrected families reached the tier; or, with
 * `ended`, if it stood in the status period that is open, where the tier ends now.
 */
void
loyalty_tier_gift_take_back(Engine *engine, const Tier *tier, List *corrected, bool ended)
{
	int64		cause = 0;
	int64		gift_id = standing_gift(engine, tier, DT_NOBEGIN, &cause);
	int64		other;
	Family		gift;
	Entry	   *entry;

	if (gift_id == 0)
		return;
	if (!is_among(cause, corrected) &&
		!(ended && standing_gift(engine, tier, engine->member->earned_since, &other) == gift_id))
		return;
	memset(&gift, 0, sizeof(gift));
	gift.first = loyalty_past_entry(engine, gift_id);
	gift.entries = list_make1(gift.first);
	gift.net = gift.granted = loyalty_entry_effect(gift.first);
	entry = loyalty_entry_open(engine, ENTRY_CORRECTION, engine->at);
	entry->ref = gift.first->ref;
	entry->event_id = gift.first->event_id;
	entry->generation = loyalty_entry_generation(engine, ENTRY_CORRECTION,
												 entry->event_id, entry->ref);
	loyalty_family_take(engine, entry, &gift, gift.net);
	loyalty_entry_close(engine, entry);
	note_gift(engine, tier, gift_id, cause, entry->entry_id);
}
