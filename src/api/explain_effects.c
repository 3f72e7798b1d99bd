/*
 * explain_effects.c
 *		What an event gave beyond points, and what was taken back, as sentences.
 *
 * The breakdown of an event's first family says what the event has from then
 * on; told is the difference to what it said before.
 */
#include "postgres.h"

#include "api/explain.h"
#include "engine/effect.h"
#include "engine/kept.h"
#include "nls.h"

static void
tell_given(Telling *telling, const Effect *effect, long long count)
{
	switch (effect->kind)
	{
		case EFFECT_COUPON:
			loyalty_tell(telling, loyalty_plural("Rule %s gave %lld coupon %s.",
												 "Rule %s gave %lld coupons %s.", count),
						 effect->rule, count, effect->name);
			break;
		case EFFECT_DRAW_TICKET:
			loyalty_tell(telling, loyalty_plural("Rule %s gave %lld ticket for draw %s.",
												 "Rule %s gave %lld tickets for draw %s.", count),
						 effect->rule, count, effect->name);
			break;
		case EFFECT_BENEFIT:
			loyalty_tell(telling, loyalty_plural("Rule %s gave %lld unit of benefit %s.",
												 "Rule %s gave %lld units of benefit %s.", count),
						 effect->rule, count, effect->name);
			break;
		case EFFECT_BADGE:
			loyalty_tell(telling, _("Rule %s gave badge %s."), effect->rule, effect->name);
			break;
	}
}

static void
tell_gone(Telling *telling, const Effect *effect, long long count)
{
	switch (effect->kind)
	{
		case EFFECT_COUPON:
			loyalty_tell(telling,
						 loyalty_plural("%lld coupon %s of rule %s was taken back if not used.",
										"%lld coupons %s of rule %s were taken back if not used.",
										count),
						 count, effect->name, effect->rule);
			break;
		case EFFECT_DRAW_TICKET:
			loyalty_tell(telling,
						 loyalty_plural("%lld ticket for draw %s of rule %s was taken back.",
										"%lld tickets for draw %s of rule %s were taken back.",
										count),
						 count, effect->name, effect->rule);
			break;
		case EFFECT_BENEFIT:
			loyalty_tell(telling,
						 loyalty_plural("%lld unit of %s of rule %s was taken back if not used.",
										"%lld units of %s of rule %s were taken back if not used.",
										count),
						 count, effect->name, effect->rule);
			break;
		case EFFECT_BADGE:
			loyalty_tell(telling, _("Rule %s no longer gives badge %s."), effect->rule,
						 effect->name);
			break;
	}
}

/* The entry's event as it was told up to it, and up to the one before. */
static void
find_effects(const Telling *telling, const Entry *entry, List **before, List **after)
{
	List	   *earlier = NIL;
	ListCell   *cell;

	foreach(cell, telling->story)
	{
		List	   *families;

		if (((Entry *) lfirst(cell))->entry_id > entry->entry_id)
			break;
		if (((Entry *) lfirst(cell))->entry_id < entry->entry_id)
			earlier = lappend(earlier, lfirst(cell));
		else
		{
			families = loyalty_family_gather(earlier, ENTRY_EVENT, entry->event_id);
			*before = loyalty_effects_standing(families);
			families = loyalty_family_gather(lappend(list_copy(earlier), lfirst(cell)),
											 ENTRY_EVENT, entry->event_id);
			*after = loyalty_effects_standing(families);
		}
	}
}

/* Does a rule count for its limits by what the entry grants? */
static bool
counts(const Entry *entry, int32 rule_id)
{
	ListCell   *cell;

	foreach(cell, loyalty_breakdown_uses(entry->breakdown))
	{
		const RuleUse *use = lfirst(cell);

		if (use->rule_id == rule_id && use->times > 0)
			return true;
	}
	return false;
}

void
loyalty_tell_effects(Telling *telling, const Entry *entry)
{
	List	   *before = NIL;
	List	   *after = NIL;
	ListCell   *cell;

	find_effects(telling, entry, &before, &after);
	foreach(cell, before)
	{
		const Effect *effect = lfirst(cell);
		int64		gone = effect->count - loyalty_effects_count(after, effect);

		if (gone > 0)
			tell_gone(telling, effect, gone);
	}
	foreach(cell, after)
	{
		const Effect *effect = lfirst(cell);
		int64		given = effect->count - loyalty_effects_count(before, effect);

		if (given > 0)
			tell_given(telling, effect, given);
	}
	foreach(cell, loyalty_kept_read(entry->breakdown))
	{
		const KeptTimes *times = lfirst(cell);

		if (!counts(entry, times->rule_id))
			loyalty_tell(telling,
						 _("Limits still count rule %s for it, since something it gave was used."),
						 times->rule);
	}
}
