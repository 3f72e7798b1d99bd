/*
 * lapse.c
 *		What the clock has decided: overdue holds, lapsed lots, ended tiers.
 *
 * The clock alone decides; this only posts it, in the order in which it came
 * about, each entry dated at its moment.  A hold is void from its deadline on:
 * its lots return then, and those that lapsed meanwhile lapse then.
 */
#include "postgres.h"

#include "engine/engine.h"

/* The soonest valid_until among all lots; DT_NOEND if none ends. */
static TimestampTz
first_lapse(const LotList *list)
{
	TimestampTz first = DT_NOEND;

	for (int i = 0; i < list->count; i++)
		first = Min(first, list->lots[i].valid_until);
	return first;
}

static Hold *
first_hold(const MemberState *member)
{
	Hold	   *first = NULL;
	ListCell   *cell;

	foreach(cell, member->holds)
	{
		Hold	   *hold = lfirst(cell);

		if (!hold->ended && (first == NULL || hold->until < first->until))
			first = hold;
	}
	return first;
}

/* Posts everything due by engine->at.  Holds must be loaded if any are open. */
void
loyalty_engine_advance(Engine *engine)
{
	MemberState *member = engine->member;

	for (;;)
	{
		TimestampTz lapse_at = first_lapse(&member->points);
		Hold	   *hold = first_hold(member);

		if (hold != NULL && hold->until <= engine->at && hold->until <= lapse_at)
			loyalty_engine_release(engine, hold, hold->until);
		else if (lapse_at <= engine->at)
		{
			Entry	   *entry = loyalty_entry_open(engine, ENTRY_LAPSE, lapse_at);

			entry->points = -loyalty_lots_split_lapsed(&member->points, lapse_at, &entry->lots);
			loyalty_entry_close(engine, entry);
		}
		else
			break;
	}
	loyalty_tier_advance(engine);	/* depends on growth alone */
}

/*
 * The start of an operation at `at`: what the clock has decided until then is
 * posted, and the member has a tier if the program has tiers.
 */
void
loyalty_engine_begin(Engine *engine, TimestampTz at)
{
	engine->at = at;
	loyalty_engine_advance(engine);
	loyalty_tier_settle_in(engine);
}

/*
 * When the clock next decides something for the member, after everything up to
 * `at` was posted; DT_NOEND if nothing is in sight.  Holds are left out: they
 * have an index of their own, and a hold must not cost the row's HOT update.
 */
TimestampTz
loyalty_engine_next_due(const MemberState *member, TimestampTz at)
{
	return Max(Min(first_lapse(&member->points), member->tier_until), at);
}
