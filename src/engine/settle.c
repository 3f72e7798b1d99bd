/*
 * settle.c
 *		Events: their first grant, and making it equal to what the rules say now.
 *
 * A first grant is dated `at`; a correction is dated now and takes or gives the
 * difference only, so that any number of status flips ends in the same
 * balance.  Growth is corrected at the date of the first grant.
 */
#include "postgres.h"

#include "engine/breakdown.h"
#include "engine/effect.h"
#include "engine/kept.h"
#include "engine/task.h"
#include "engine/usage.h"

/* Takes points that no grant of the event covers, as a negative adjustment would. */
static void
take_beyond(Engine *engine, Entry *entry, int64 points)
{
	if (points == 0)
		return;
	if (engine->program->shortfall == SHORTFALL_OWE)
	{
		loyalty_flow_owe(engine, entry, points);
		entry->points -= points;
	}
	else
	{
		int64		taken = loyalty_flow_take(engine, entry, points);

		entry->points -= taken;
		entry->waived += points - taken;
	}
}

/* Spreads `points` over the positive shares of a grant, in proportion. */
static void
spread_lots(Engine *engine, const EventGrant *grant, int64 points, int64 source,
			const Entry *first, LotList *incoming)
{
	int64		weight = 0;

	for (int i = 0; grant != NULL && i < grant->share_count; i++)
		weight += Max(grant->shares[i].points, 0);

	if (weight == 0)
	{
		PointLot	lot;

		lot.points = points;
		lot.source = source;
		loyalty_grant_validity(engine->program, engine->at, &lot.valid_from, &lot.valid_until);
		loyalty_grant_place(engine, &lot);
		loyalty_flow_add(incoming, &lot);
		return;
	}

	for (int i = 0; i < grant->share_count && points > 0; i++)
	{
		const GrantShare *share = &grant->shares[i];
		PointLot	lot;

		if (share->points <= 0)
			continue;
		lot.points = (int64) ((int128) points * share->points / weight);
		weight -= share->points;
		points -= lot.points;
		if (lot.points == 0)
			continue;
		lot.valid_from = share->valid_from;
		lot.valid_until = share->valid_until;
		lot.source = source;

		/*
		 * An addition joins the lot of the first grant; without one it is a
		 * lot of its own, since the family knows its lots by the first grant.
		 */
		if (first == NULL)
			loyalty_grant_place(engine, &lot);
		for (int k = 0; first != NULL && k < first->lots.count; k++)
		{
			if (first->lots.lots[k].valid_until == lot.valid_until)
			{
				lot.valid_from = first->lots.lots[k].valid_from;
				lot.source = first->lots.lots[k].source;
			}
		}
		loyalty_flow_add(incoming, &lot);
	}
}

static Entry *
open_event_entry(Engine *engine, EntryKind kind, const EventType *event,
				 const EventGrant *grant, const char *ref, const Jsonb *attributes)
{
	Entry	   *entry = loyalty_entry_open(engine, kind, engine->at);

	entry->event_id = event->event_id;
	entry->ref = ref;
	entry->generation = loyalty_entry_generation(engine, kind, event->event_id, ref);
	if (grant != NULL)
	{
		entry->point_kind = grant->point_kind;
		entry->partner = grant->partner;
		entry->unit_cost = grant->unit_cost;
		entry->breakdown = grant->breakdown;
	}
	if (engine->program->keep_attributes)
		entry->attributes = attributes;
	return entry;
}

/* One grant of an event, as an entry. */
static Entry *
first_grant(Engine *engine, const EventType *event, const EventGrant *grant,
			const char *ref, const Jsonb *attributes, TimestampTz growth_at)
{
	Entry	   *entry;

	if (grant->points > 0)
		loyalty_engine_require_earning(engine);
	entry = open_event_entry(engine, ENTRY_EVENT, event, grant, ref, attributes);
	if (grant->points > 0)
	{
		LotList		incoming;

		loyalty_lots_init(&incoming);
		spread_lots(engine, grant, grant->points, entry->entry_id, NULL, &incoming);
		entry->points = grant->points;
		loyalty_flow_credit(engine, entry, &incoming);
	}
	else
		take_beyond(engine, entry, -grant->points);
	loyalty_growth_add(engine, entry, grant->growth,
					   grant->growth < 0 ? DT_NOEND : growth_at);
	loyalty_entry_close(engine, entry);
	return entry;
}

/* The grants of an event that was not seen before; returns the last entry. */
Entry *
loyalty_engine_record(Engine *engine, const EventType *event, const EventOutcome *outcome,
					  const char *ref, const Jsonb *attributes)
{
	Entry	   *first = NULL;
	Entry	   *entry = NULL;
	Entry	   *cause = NULL;

	for (int i = 0; i < outcome->grant_count; i++)
	{
		entry = first_grant(engine, event, &outcome->grants[i], ref,
							i == 0 ? attributes : NULL, engine->at);
		if (i == 0)
			first = entry;
		if (entry->growth != 0)
			cause = entry;
	}
	loyalty_usage_change(engine, NIL, outcome->uses);
	if (outcome->effects != NIL)
	{
		first->breakdown = loyalty_effects_note(first->breakdown, outcome->effects);
		loyalty_effects_change(engine, first, first, NIL, outcome->effects);
	}
	if (event->needs_history)
		loyalty_history_add(engine, event, first, entry);
	if (cause != NULL)
		loyalty_tier_reassess(engine, cause, NIL);
	else
		loyalty_tier_look_again(engine, entry, 0);
	return entry;
}

/* What is missing for a family to be what the grant says (NULL: nothing). */
static void
find_change(const Family *family, const EventGrant *grant, int64 *change, int64 *growth)
{
	int64		rules = grant == NULL ? 0 : grant->points;
	int64		rules_growth = grant == NULL ? 0 : grant->growth;
	int64		target = rules - family->operator_taken;

	*growth = rules_growth - family->operator_growth;

	/* an operator cannot have taken more than is there now */
	if (target < 0)
		target = Min(rules, 0);
	if (*growth < 0)
		*growth = Min(rules_growth, 0);
	*change = target - family->net;
	*growth -= family->net_growth;
}

/*
 * Brings one family to what the grant says; NULL if it is there.  `always`: an
 * entry is written even so, since it says what the event uses.
 */
static Entry *
correct_family(Engine *engine, const EventType *event, Family *family,
			   const EventGrant *grant, const char *ref, const Jsonb *attributes,
			   bool always)
{
	int64		change;
	int64		growth;
	Entry	   *entry;

	find_change(family, grant, &change, &growth);
	if (change == 0 && growth == 0 && !always)
		return NULL;

	if (change > 0)
	{
		LotList		incoming;
		int64		fresh;

		loyalty_engine_require_earning(engine);
		entry = open_event_entry(engine, ENTRY_EVENT, event, grant, ref, attributes);
		entry->point_kind = family->first->point_kind;
		entry->partner = family->first->partner;
		entry->unit_cost = family->first->unit_cost;
		loyalty_lots_init(&incoming);
		fresh = loyalty_family_undo(engine, entry, family, change, &incoming);
		if (fresh > 0)
			spread_lots(engine, grant, fresh, family->first->entry_id, family->first, &incoming);
		entry->points = change + entry->waived + entry->lapsed;
		loyalty_flow_credit(engine, entry, &incoming);
	}
	else
	{
		int64		granted = Min(-change, Max(family->net, 0));

		entry = open_event_entry(engine, ENTRY_CORRECTION, event, grant, ref, attributes);
		entry->point_kind = family->first->point_kind;
		entry->partner = family->first->partner;
		entry->unit_cost = family->first->unit_cost;
		entry->reverses = family->first->entry_id;
		if (granted > 0)
			loyalty_family_take(engine, entry, family, granted);
		take_beyond(engine, entry, -change - granted);
	}
	loyalty_growth_add(engine, entry, growth, family->growth_at);
	loyalty_entry_close(engine, entry);
	return entry;
}

static const EventGrant *
grant_of_family(const EventOutcome *outcome, const Family *family)
{
	for (int i = 0; outcome != NULL && i < outcome->grant_count; i++)
	{
		const EventGrant *grant = &outcome->grants[i];

		if (loyalty_same_text(grant->point_kind, family->first->point_kind) &&
			loyalty_same_text(grant->partner, family->first->partner) &&
			loyalty_same_number(grant->unit_cost, family->first->unit_cost))
			return grant;
	}
	return NULL;
}

/* Does the grant go on with one of the families? */
static bool
has_family(const EventOutcome *outcome, const EventGrant *grant, List *families)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		if (grant_of_family(outcome, lfirst(cell)) == grant)
			return true;
	}
	return false;
}

/* Does the event give anything but what it has given? */
static bool
differs(const EventOutcome *outcome, List *families)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		int64		change;
		int64		growth;

		find_change(lfirst(cell), grant_of_family(outcome, lfirst(cell)), &change, &growth);
		if (change != 0 || growth != 0)
			return true;
	}
	for (int i = 0; i < outcome->grant_count; i++)
	{
		const EventGrant *grant = &outcome->grants[i];

		if ((grant->points != 0 || grant->growth != 0) && !has_family(outcome, grant, families))
			return true;
	}
	return false;
}

/*
 * The breakdown of a family that no rule gives anything any more.  The first one
 * written holds what stands in a grant of nothing that has no family.
 */
static const Jsonb *
breakdown_of_nothing(const EventOutcome *outcome, List *families, bool first)
{
	const EventGrant *grant = &outcome->grants[0];

	if (first && grant->points == 0 && grant->growth == 0 &&
		!has_family(outcome, grant, families))
		return grant->breakdown;
	return loyalty_breakdown_no_rules(outcome->renewed);
}

/*
 * Would all families note with their rules the uses that they note now?  Rules
 * that came to nothing are noted with the first grant: they move to another
 * family when that one does.
 */
static bool
same_by_family(const EventOutcome *outcome, List *families)
{
	ListCell   *cell;

	foreach(cell, families)
	{
		const Family *family = lfirst(cell);
		const EventGrant *grant = grant_of_family(outcome, family);
		const Jsonb *breakdown = grant != NULL ? grant->breakdown :
			breakdown_of_nothing(outcome, families, foreach_current_index(cell) == 0);

		if (!loyalty_usage_same(loyalty_breakdown_uses(loyalty_family_newest(family)->breakdown),
								loyalty_breakdown_uses(breakdown)))
			return false;
	}
	return true;
}

/*
 * Must the families be written even where their points stay?  Where rules use
 * or give something else than before, or the event no longer counts (or counts
 * again) and rules may ask for it or a badge goes by it.  An event that is
 * resettled is written as a whole, since its breakdown takes the place of the
 * first one; but not for what counts for nothing while all of it is clawed back,
 * such as its share of a budget that others have by now.
 */
static bool
must_write(const EventType *event, const EventOutcome *outcome, List *families)
{
	List	   *used = loyalty_usage_noted(families);
	List	   *uses = outcome == NULL ? NIL : outcome->uses;
	List	   *had = loyalty_effects_noted(families);
	List	   *effects = outcome == NULL ? NIL : outcome->effects;
	bool		clawed_back = false;

	if (outcome != NULL && outcome->renewed)
	{
		if (differs(outcome, families))
			return true;
		clawed_back = loyalty_event_clawed_back(families);
		if (clawed_back)
		{
			had = loyalty_effects_standing(families);
			effects = loyalty_effects_left(families, effects);
			used = loyalty_usage_clawed_back(used, had);
			uses = loyalty_usage_clawed_back(uses, effects);
		}
	}
	if (!loyalty_usage_same(used, uses) || !loyalty_effects_same(had, effects))
		return true;
	if (outcome != NULL && !clawed_back &&
		(list_length(families) > 1 || outcome->grant_count > 1) &&
		!same_by_family(outcome, families))
		return true;
	return (event->needs_history || strcmp(event->name, EVENT_COMPLETED) == 0) &&
		loyalty_event_stands(families) != (outcome != NULL);
}

/*
 * Makes what an event granted equal to `outcome` (NULL: it no longer
 * qualifies).  `families` are those of the event in the ref's story, not NIL.
 * Returns the last entry written; NULL if nothing had to change.
 */
Entry *
loyalty_engine_settle(Engine *engine, const EventType *event, const EventOutcome *outcome,
					  const char *ref, const Jsonb *attributes, List *families)
{
	Entry	   *last = NULL;
	Entry	   *cause = NULL;
	TimestampTz first_at = ((Family *) linitial(families))->first->at;
	List	   *before = loyalty_usage_standing(families);
	List	   *had = loyalty_effects_standing(families);
	List	   *kept = loyalty_kept_find(engine, families, outcome);
	bool		always = must_write(event, outcome, families);
	ListCell   *cell;

	foreach(cell, families)
	{
		Family	   *family = lfirst(cell);
		Entry	   *entry = correct_family(engine, event, family,
										   grant_of_family(outcome, family), ref,
										   last == NULL ? attributes : NULL, always);

		if (entry == NULL)
			continue;
		if (outcome != NULL && entry->breakdown == NULL)
			entry->breakdown = breakdown_of_nothing(outcome, families, last == NULL);
		if (outcome != NULL && foreach_current_index(cell) == 0)
			entry->breakdown = loyalty_effects_note(entry->breakdown, outcome->effects);
		if (foreach_current_index(cell) == 0)
			entry->breakdown = loyalty_kept_note(entry->breakdown, kept);
		last = entry;
		if (entry->growth != 0)
			cause = entry;
	}
	for (int i = 0; outcome != NULL && i < outcome->grant_count; i++)
	{
		const EventGrant *grant = &outcome->grants[i];

		if ((grant->points == 0 && grant->growth == 0) ||
			has_family(outcome, grant, families))
			continue;
		last = first_grant(engine, event, grant, ref, last == NULL ? attributes : NULL,
						   first_at);
		if (last->growth != 0)
			cause = last;
	}
	if (last != NULL && (had != NIL || (outcome != NULL && outcome->effects != NIL)))
		loyalty_effects_change(engine, ((Family *) linitial(families))->first, last, had,
							   loyalty_effects_left(families, outcome == NULL ? NIL :
													outcome->effects));
	if (last != NULL && (before != NIL || (outcome != NULL && outcome->uses != NIL)))
		loyalty_usage_restate(engine, event->event_id, ref, before);
	if (cause != NULL)
		loyalty_tier_reassess(engine, cause, families);
	return last;
}
