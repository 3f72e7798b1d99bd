/*
 * tier.c
 *		Which tier a member holds, and the gifts of reaching one.
 *
 * A tier is reached at once when live growth meets its threshold.  It is lost
 * only through a refund (a loss of growth), and only if the program says that
 * a refund reassesses the tier.  Each tier's gift stands once per member; it is
 * taken back if correcting the very event that reached the tier ends it.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/engine.h"

/* The tier the member holds; NULL if none. */
const Tier *
loyalty_tier_current(const Engine *engine)
{
	if (engine->member->tier_id == 0)
		return NULL;
	return loyalty_tier_by_id(engine->program, engine->member->tier_id);
}

/* The highest tier that live growth reaches; NULL if none. */
static const Tier *
tier_of_growth(const Engine *engine)
{
	const Program *program = engine->program;
	TimestampTz now = Max(engine->at, engine->recorded_at);
	int64		growth = loyalty_growth_total(engine->member, now);

	for (int i = program->tier_count - 1; i >= 0; i--)
	{
		if (program->tiers[i].threshold <= growth)
			return &program->tiers[i];
	}
	return NULL;
}

static int
rank_of(const Tier *tier)
{
	return tier == NULL ? PG_INT32_MIN : tier->rank;
}

/* The gift that stands for a tier, this operation's own changes included. */
static int64
standing_gift(const Engine *engine, const Tier *tier, int64 *cause)
{
	for (int i = list_length(engine->gifts) - 1; i >= 0; i--)
	{
		const GiftChange *change = list_nth(engine->gifts, i);

		if (change->tier_id == tier->tier_id)
		{
			*cause = change->cause;
			return change->taken_back == 0 ? change->entry_id : 0;
		}
	}
	return engine->source->standing_gift(engine->source->arg, tier->tier_id, cause);
}

static void
note_gift(Engine *engine, const Tier *tier, int64 entry_id, int64 cause, int64 taken_back)
{
	GiftChange *change = palloc(sizeof(GiftChange));

	change->tier_id = tier->tier_id;
	change->entry_id = entry_id;
	change->cause = cause;
	change->taken_back = taken_back;
	engine->gifts = lappend(engine->gifts, change);
}

/*
 * A gift is an entry of its own: no multiplier, no growth.  What was forgiven
 * when an earlier one of the tier was taken back is no longer forgiven.
 */
static void
give_gift(Engine *engine, const Tier *tier, const Entry *cause)
{
	Entry	   *entry = loyalty_entry_open(engine, ENTRY_GIFT, engine->at);
	CancelledWaivers *cancelled = NIL;
	LotList		incoming;
	PointLot	lot;

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

/* Takes a gift back if one of the corrected families reached the tier. */
static void
take_gift_back(Engine *engine, const Tier *tier, List *corrected)
{
	int64		cause = 0;
	int64		gift_id = standing_gift(engine, tier, &cause);
	ListCell   *cell;

	if (gift_id == 0)
		return;
	foreach(cell, corrected)
	{
		const Family *family = lfirst(cell);
		ListCell   *lc;

		foreach(lc, family->entries)
		{
			const Entry *granted = lfirst(lc);
			Family		gift;
			Entry	   *entry;

			if (granted->entry_id != cause)
				continue;
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
			return;
		}
	}
}

/*
 * After growth changed: upgrades at once, with the gift of every tier crossed.
 * With `corrected` (the families whose growth a refund took, or NIL for a
 * refund that names none) and a loss of growth, downgrades if the program says
 * so.
 */
void
loyalty_tier_reassess(Engine *engine, const Entry *cause, List *corrected)
{
	const Program *program = engine->program;
	const Tier *current = loyalty_tier_current(engine);
	const Tier *reached = tier_of_growth(engine);

	if (rank_of(reached) == rank_of(current))
		return;
	if (rank_of(reached) < rank_of(current) &&
		(cause == NULL || cause->growth >= 0 || program->refund_keeps_tier))
		return;

	engine->member->tier_id = reached == NULL ? 0 : reached->tier_id;
	engine->member->tier_until = DT_NOEND;
	engine->tier_moved = true;
	engine->tier_entry = cause == NULL ? 0 : cause->entry_id;

	for (int i = 0; i < program->tier_count; i++)
	{
		const Tier *tier = &program->tiers[i];
		int64		other;

		if (tier->rank > rank_of(current) && tier->rank <= rank_of(reached) &&
			tier->gift > 0 && standing_gift(engine, tier, &other) == 0)
			give_gift(engine, tier, cause);
	}
	for (int i = program->tier_count - 1; i >= 0; i--)
	{
		const Tier *tier = &program->tiers[i];

		if (tier->rank <= rank_of(current) && tier->rank > rank_of(reached))
			take_gift_back(engine, tier, corrected);
	}
}

/*
 * Before an operation: a member without a tier gets the one that its growth
 * reaches, which for a new member is the tier of threshold 0.
 */
void
loyalty_tier_settle_in(Engine *engine)
{
	if (engine->program->tier_count > 0 && loyalty_tier_current(engine) == NULL)
		loyalty_tier_reassess(engine, NULL, NIL);
}
