/*
 * effect_change.c
 *		Making what a member has of an event equal to the event's effects.
 *
 * Changes are noted with the member's state, in lists that are never changed
 * in place (whoever has a copy of the state can go back to it); the ledger
 * floor brings the rows to them.  A badge is one for all events that give it:
 * it goes with the last of them.
 */
#include "postgres.h"

#include "engine/effect.h"
#include "engine/task.h"

static void
note_change(Engine *engine, const Effect *effect, int64 count, const Entry *first,
			const Entry *cause)
{
	MemberState *member = engine->member;
	EffectChange *change = palloc(sizeof(EffectChange));

	change->effect = *effect;
	change->effect.count = count;
	change->entry_id = first->entry_id;
	change->cause = cause->entry_id;
	member->effects = lappend(list_copy(member->effects), change);
}

static bool
has_badge(const List *effects, const char *name)
{
	ListCell   *cell;

	foreach(cell, effects)
	{
		const Effect *effect = lfirst(cell);

		if (effect->kind == EFFECT_BADGE && strcmp(effect->name, name) == 0)
			return true;
	}
	return false;
}

/*
 * The first entry of another event that gives the badge; NULL if none does.  A
 * correction may have been the first to say so.
 */
static const Entry *
other_giver(Engine *engine, const char *name, const Entry *first)
{
	const char	kinds[] = {ENTRY_EVENT, ENTRY_CORRECTION, '\0'};
	ListCell   *cell;

	foreach(cell, loyalty_past_of_kinds(engine, 0, kinds))
	{
		const Entry *entry = lfirst(cell);
		List	   *families;

		if (entry->entry_id == first->entry_id ||
			!has_badge(loyalty_effects_read(entry->breakdown), name))
			continue;
		if (entry->ref == NULL)
			return entry;
		families = loyalty_family_gather(loyalty_past_story(engine, entry->ref), ENTRY_EVENT,
										 entry->event_id);
		entry = ((const Family *) linitial(families))->first;
		if (entry->entry_id != first->entry_id &&
			has_badge(loyalty_effects_standing(families), name))
			return entry;
	}
	return NULL;
}

static void
change_badge(Engine *engine, const char *name, const Entry *first, bool given)
{
	int64		holder = loyalty_badge_entry(engine, name);
	const Entry *other;

	if (given && holder == 0)
		loyalty_badge_award(engine, name, first);
	if (given || holder != first->entry_id)
		return;
	other = other_giver(engine, name, first);
	loyalty_badge_take_back(engine, name);
	if (other != NULL)
		loyalty_badge_award(engine, name, other);
}

/* Notes the effects of `effects` whose number is another in `before` and `after`. */
static void
change_all(Engine *engine, const Entry *first, const Entry *cause, const List *effects,
		   const List *before, const List *after)
{
	ListCell   *cell;

	foreach(cell, effects)
	{
		const Effect *effect = lfirst(cell);
		int64		count = loyalty_effects_count(after, effect);

		if (count == loyalty_effects_count(before, effect))
			continue;
		if (effect->kind != EFFECT_BADGE)
			note_change(engine, effect, count, first, cause);
		else if (has_badge(before, effect->name) != has_badge(after, effect->name))
			change_badge(engine, effect->name, first, count > 0);
	}
}

void
loyalty_effects_change(Engine *engine, const Entry *first, const Entry *cause,
					   const List *before, const List *after)
{
	List	   *gone = NIL;
	ListCell   *cell;

	foreach(cell, after)
	{
		if (loyalty_effects_count(after, lfirst(cell)) >
			loyalty_effects_count(before, lfirst(cell)))
			loyalty_engine_require_earning(engine);
	}
	foreach(cell, before)
	{
		if (loyalty_effects_count(after, lfirst(cell)) == 0)
			gone = lappend(gone, lfirst(cell));
	}
	change_all(engine, first, cause, gone, before, after);
	change_all(engine, first, cause, after, before, after);
}
