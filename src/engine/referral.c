/*
 * referral.c
 *		Which of a member's events completes the invitation that brought it.
 *
 * The first qualifying event since the invitation does.  Where it is called
 * off, another that stands takes its place; if there is none, the invitation is
 * open again.  Its corrections are followed whatever the rule says by then; one
 * of an event that the rule no longer asks for qualifies as long as it stands.
 *
 * What the inviter gets for it is settled afterwards, under the inviter's own
 * lock (api/referrals.c).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "engine/path.h"
#include "engine/usage.h"

#define EVENT_INVITED	"invited"

/* Is it an event that completes an invitation made at `since`? */
static bool
qualifies(const Program *program, TimestampTz since, TimestampTz at, const Jsonb *attributes)
{
	const ReferralRule *rule = program->referral;

	return at >= since &&
		(rule->within == NULL || since == DT_NOBEGIN ||
		 at < loyalty_program_add(program, since, rule->within)) &&
		loyalty_condition_holds(rule->condition, attributes);
}

/* Does the event of that ref stand, with attributes that qualify? */
static bool
stands(const Engine *engine, const Entry *first)
{
	const Entry *last = first;
	ListCell   *cell;

	foreach(cell, loyalty_past_story(engine, first->ref))
	{
		const Entry *entry = lfirst(cell);

		if (entry->event_id == first->event_id && entry->attributes != NULL)
			last = entry;
		else if (entry->event_id == first->event_id && entry->kind == ENTRY_CORRECTION &&
				 loyalty_entry_calls_off(entry))
			last = NULL;
	}
	return last != NULL && loyalty_condition_holds(engine->program->referral->condition,
												   last->attributes);
}

/* The earliest recorded event that qualifies for an invitation made at `since`, but of that ref. */
const Entry *
loyalty_referral_find(const Engine *engine, TimestampTz since, const char *except_ref)
{
	const EventType *event = loyalty_event_lookup(engine->program,
												  engine->program->referral->event);
	ListCell   *cell;

	foreach(cell, loyalty_past_since(engine, 0, ENTRY_EVENT))
	{
		const Entry *entry = lfirst(cell);

		if (event == NULL || entry->event_id != event->event_id || entry->attributes == NULL)
			continue;
		if (entry->ref != NULL && except_ref != NULL && strcmp(entry->ref, except_ref) == 0)
			continue;
		if (qualifies(engine->program, since, entry->at, entry->attributes) &&
			(entry->ref == NULL || stands(engine, entry)))
			return entry;
	}
	return NULL;
}

static void
complete(Engine *engine, const Entry *entry)
{
	Referral   *referral = &engine->member->referral;

	referral->qualified_at = entry == NULL ? DT_NOBEGIN : entry->at;
	referral->qualified_entry = entry == NULL ? 0 : entry->entry_id;
	referral->qualified_ref = entry == NULL ? NULL : entry->ref;
	referral->changed = true;
	engine->recounted = true;
}

/* Is it the event that completed the invitation? */
static bool
completed_by(const Engine *engine, const EventType *event, const char *ref)
{
	const Referral *referral = &engine->member->referral;
	const Entry *entry;

	if (ref == NULL || referral->qualified_ref == NULL || strcmp(referral->qualified_ref, ref) != 0)
		return false;
	entry = loyalty_past_entry(engine, referral->qualified_entry);
	return entry != NULL && entry->event_id == event->event_id;
}

/*
 * Takes note of an event of the member: `first` is its first entry, attributes
 * are what it is now, NULL if it was called off; `corrected`: an entry says so.
 */
void
loyalty_referral_note(Engine *engine, const EventType *event, const Jsonb *attributes,
					  const Entry *first, bool corrected)
{
	const Program *program = engine->program;
	const ReferralRule *rule = program->referral;
	Referral   *referral = &engine->member->referral;
	bool		asked_for = rule != NULL && strcmp(rule->event, event->name) == 0;
	bool		qualified;
	bool		completing;

	/* of another event only corrections can matter, where anybody was ever invited */
	if (!asked_for && ((attributes != NULL && !corrected) ||
					   loyalty_event_lookup(program, EVENT_INVITED) == NULL))
		return;
	if (!referral->known)
		engine->source->referral(engine->source->arg, referral);
	if (!referral->invited)
		return;

	completing = completed_by(engine, event, first->ref);
	if (!asked_for && !completing)
		return;
	qualified = attributes != NULL &&
		(!asked_for || qualifies(program, referral->invited_at, first->at, attributes));
	if (qualified && (referral->qualified_at == DT_NOBEGIN || (completing && corrected)))
		complete(engine, first);
	else if (!qualified && completing)
		complete(engine, rule == NULL ? NULL :
				 loyalty_referral_find(engine, referral->invited_at,
									   asked_for ? first->ref : NULL));
}
