/*
 * past_events.c
 *		A member's events as they stand, and what other terms would have given.
 *
 * The events are found by their entries.  What other terms would have given is
 * evaluated by the code that grants; nothing is written.
 */
#include "postgres.h"

#include "engine/member_streak.h"
#include "engine/membership.h"
#include "engine/past_events.h"
#include "engine/rules_work.h"
#include "engine/usage.h"
#include "errors.h"

static int
compare_entries(const ListCell *a, const ListCell *b)
{
	const Entry *x = lfirst(a);
	const Entry *y = lfirst(b);
	int			order = 0;

	if (x->event_id != y->event_id)
		return x->event_id < y->event_id ? -1 : 1;
	if (x->ref == NULL || y->ref == NULL)
		order = (x->ref != NULL) - (y->ref != NULL);
	else
		order = strcmp(x->ref, y->ref);
	if (order != 0)
		return order;
	return x->entry_id < y->entry_id ? -1 : x->entry_id > y->entry_id;
}

static int
compare_events(const ListCell *a, const ListCell *b)
{
	const Entry *x = ((const PastEvent *) lfirst(a))->first;
	const Entry *y = ((const PastEvent *) lfirst(b))->first;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->entry_id < y->entry_id ? -1 : x->entry_id > y->entry_id;
}

/* Does the entry, in the order above, belong to the event of those before it? */
static bool
continues(const PastEvent *event, const Entry *entry)
{
	const Entry *first = event->first;

	if (first->event_id != entry->event_id || (first->ref == NULL) != (entry->ref == NULL))
		return false;
	if (first->ref == NULL)
		return !loyalty_entry_is_first(entry);
	return strcmp(first->ref, entry->ref) == 0;
}

/* The sums, once all entries are known. */
static void
finish_event(PastEvent *event)
{
	const Entry *last = NULL;	/* the first of the newest call: it has the attributes */
	ListCell   *cell;

	event->families = loyalty_family_gather(event->entries, ENTRY_EVENT, event->first->event_id);
	foreach(cell, event->families)
	{
		const Family *family = lfirst(cell);
		ListCell   *lc;

		event->points += family->net;
		event->clawed += family->operator_taken;
		foreach(lc, family->entries)
		{
			const Entry *entry = lfirst(lc);

			if (entry->kind == ENTRY_CLAW_BACK)
				continue;
			if (last == NULL || entry->recorded_at > last->recorded_at ||
				(entry->recorded_at == last->recorded_at && entry->entry_id < last->entry_id))
				last = entry;
		}
	}
	event->stands = loyalty_event_stands(event->families);
	event->attributes = last->attributes;
}

List *
loyalty_past_events(const Engine *engine, TimestampTz since, TimestampTz until)
{
	const char	kinds[] = {ENTRY_EVENT, ENTRY_CORRECTION, ENTRY_CLAW_BACK, '\0'};
	List	   *entries = loyalty_past_of_kinds(engine, 0, kinds);
	List	   *events = NIL;
	PastEvent  *event = NULL;
	ListCell   *cell;

	list_sort(entries, compare_entries);
	foreach(cell, entries)
	{
		Entry	   *entry = lfirst(cell);

		if (event == NULL || !continues(event, entry))
		{
			event = NULL;
			if (entry->kind != ENTRY_EVENT)
				continue;		/* takes back a gift or an earn */
			event = palloc0(sizeof(PastEvent));
			event->first = entry;
			if (entry->at > since && entry->at <= until)
				events = lappend(events, event);
		}
		event->entries = lappend(event->entries, entry);
	}
	foreach(cell, events)
		finish_event(lfirst(cell));
	list_sort(events, compare_events);
	return events;
}

const Tier *
loyalty_past_event_tier(const Program *program, const PastEvent *event)
{
	JsonbValue	tier;
	JsonbValue	name;

	if (!loyalty_json_find(&event->first->breakdown->root, "tier", jbvBinary, &tier) ||
		!loyalty_json_find(tier.val.binary.data, "name", jbvString, &name))
		return NULL;
	for (int i = 0; i < program->tier_count; i++)
	{
		const Tier *candidate = &program->tiers[i];

		if (strlen(candidate->name) == name.val.string.len &&
			memcmp(candidate->name, name.val.string.val, name.val.string.len) == 0)
			return candidate;
	}
	return NULL;
}

/* Evaluates; false if a limit would have refused the event. */
static bool
evaluate(const EventRequest *request, EventOutcome *outcome)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool accepted = true;

	/* nothing is left open by a refusal, so it takes no subtransaction */
	PG_TRY();
	{
		loyalty_rules_evaluate(request, outcome);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_LOYALTY_LIMIT_REACHED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		accepted = false;
	}
	PG_END_TRY();
	return accepted;
}

/* Notes what the event would use in place of what it uses. */
static void
note_uses(Engine *engine, List *families, const EventOutcome *outcome)
{
	List	   *before = loyalty_usage_standing(families);
	RuleUse    *changes;
	int			count;

	if (before == NIL && (outcome == NULL || outcome->uses == NIL))
		return;
	loyalty_usage_change(engine, before, outcome == NULL ? NIL : outcome->uses);
	changes = loyalty_usage_changes(engine->uses, &count);
	engine->uses = NIL;
	for (int i = 0; i < count; i++)
		engine->uses = lappend(engine->uses, &changes[i]);
}

static int64
value_of(Engine *engine, const PastEvent *past, const EventTerms *terms)
{
	EventRequest request = {0};
	StreakValue streak;
	RuleFacts	facts;
	EventOutcome outcome;
	int64		granted = past->points + past->clawed;

	if (!past->stands)
		return 0;
	if (past->attributes == NULL)
		return past->points;
	request.program = engine->program;
	request.event = loyalty_event_lookup(engine->program,
										 loyalty_event_name(past->first->event_id));
	if (request.event == NULL)
		return 0;
	request.attributes = past->attributes;
	request.member_attributes = engine->member->attributes;
	request.member_ref = engine->member->ref;
	loyalty_usage_facts(engine, past->families, &facts);
	request.facts = &facts;
	request.at = past->first->at;
	request.plan = loyalty_plan_multiplying(engine->program, terms->subscriptions, request.at);
	request.stored = loyalty_event_basis(past->families)->breakdown;
	request.other_plan = true;
	if (!terms->as_stored)
	{
		request.renewed = request.other_tier = true;
		request.tier = terms->tier;
		if (loyalty_streak_was(engine, request.event, past->first, &streak))
			request.streak = &streak;
	}
	if (!evaluate(&request, &outcome))
	{
		note_uses(engine, past->families, NULL);
		return 0;
	}
	note_uses(engine, past->families, &outcome);
	if (past->clawed <= 0)
		return outcome.points;
	if (past->clawed >= granted)
		return 0;
	return (int64) ((int128) outcome.points * (granted - past->clawed) / granted);
}

int64 *
loyalty_past_events_value(Engine *engine, const List *events, const EventTerms *terms)
{
	int64	   *values = palloc(sizeof(int64) * Max(list_length(events), 1));
	ListCell   *cell;

	engine->uses = engine->reservations = NIL;
	foreach(cell, events)
		values[foreach_current_index(cell)] = value_of(engine, lfirst(cell), terms);
	return values;
}
