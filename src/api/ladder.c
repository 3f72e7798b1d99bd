/*
 * ladder.c
 *		ladder: every tier as one member stands to it.
 *
 * What a tier would have given is what the rules of now give for the events of
 * the last 12 months as they were settled last, each with that tier.  Events
 * whose attributes were not kept count with what they gave.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "engine/usage.h"
#include "api/tier.h"
#include "compat.h"
#include "engine/membership.h"
#include "ledger/membership_row.h"
#include "ledger/tier_row.h"

PG_FUNCTION_INFO_V1(loyalty_ladder);

/* An event of the last 12 months. */
typedef struct PastEvent
{
	const Entry *first;
	const Entry *last;			/* with the attributes that it was settled with */
	int64		points;			/* that it stands for, claw-backs counted */
	int64		clawed;
} PastEvent;

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

static bool
same_event(const Entry *a, const Entry *b)
{
	return a->event_id == b->event_id && a->ref != NULL && b->ref != NULL &&
		strcmp(a->ref, b->ref) == 0;
}

/* Adds an entry to the event it is about. */
static void
note_entry(PastEvent *event, const Entry *entry)
{
	event->points += loyalty_entry_effect(entry);
	if (entry->kind == ENTRY_CLAW_BACK)
		event->clawed -= loyalty_entry_effect(entry);
	else if (event->last == NULL || entry->recorded_at != event->last->recorded_at)
		event->last = entry;	/* the first one of a call has the attributes */
}

/* The member's events dated after `since`, of PastEvent. */
static List *
past_events(const Engine *engine, TimestampTz since)
{
	List	   *entries = list_concat(loyalty_past_since(engine, 0, ENTRY_EVENT),
									  loyalty_past_since(engine, 0, ENTRY_CORRECTION));
	List	   *events = NIL;
	PastEvent  *event = NULL;
	ListCell   *cell;

	entries = list_concat(entries, loyalty_past_since(engine, 0, ENTRY_CLAW_BACK));
	list_sort(entries, compare_entries);
	foreach(cell, entries)
	{
		const Entry *entry = lfirst(cell);

		if (event == NULL || !same_event(event->first, entry))
		{
			event = NULL;
			if (entry->kind != ENTRY_EVENT)
				continue;		/* takes back a gift or an earn */
			event = palloc0(sizeof(PastEvent));
			event->first = entry;
			if (entry->at > since && entry->at <= engine->at)
				events = lappend(events, event);
		}
		note_entry(event, entry);
	}
	return events;
}

/* What the events would have given with that tier. */
static int64
would_have_given(Engine *engine, List *events, List *subscriptions, const Tier *tier)
{
	int64		total = 0;
	ListCell   *cell;

	foreach(cell, events)
	{
		const PastEvent *event = lfirst(cell);
		EventRequest request = {0};
		RuleFacts	facts;
		EventOutcome outcome;

		if (event->first->attributes == NULL)
		{
			total = loyalty_points_add(total, event->points);
			continue;
		}
		if (event->last->attributes == NULL)
			continue;			/* it no longer qualifies */
		request.program = engine->program;
		request.event = loyalty_event_lookup(engine->program,
											 loyalty_event_name(event->first->event_id));
		if (request.event == NULL)
			continue;
		request.attributes = event->last->attributes;
		request.member_attributes = engine->member->attributes;
		request.member_ref = engine->member->ref;
		loyalty_usage_facts(engine, NIL, &facts);
		request.facts = &facts;
		request.tier = tier;
		request.plan = loyalty_plan_multiplying(engine->program, subscriptions,
												event->first->at);
		request.at = event->first->at;
		loyalty_rules_evaluate(&request, &outcome);
		total = loyalty_points_add(total, event->clawed >= outcome.points && outcome.points >= 0 ?
								   0 : outcome.points - event->clawed);
	}
	return total;
}

/* The latest end of the ways in which the member has the tier; DT_NOBEGIN = none. */
static TimestampTz
held_until(const Engine *engine, const Tier *tier)
{
	const MemberState *member = engine->member;
	TimestampTz until = member->earned_tier_id == tier->tier_id ?
		member->earned_until : DT_NOBEGIN;
	ListCell   *cell;

	foreach(cell, member->grants)
	{
		const TierGrant *grant = lfirst(cell);

		if (grant->tier_id == tier->tier_id && grant->until > engine->at)
			until = Max(until, grant->until);
	}
	return until;
}

/* What growth lacks to reach a tier, or to keep the earned one, and by when. */
static int64
growth_lacking(const Engine *engine, const Tier *tier, TimestampTz *by)
{
	const MemberState *member = engine->member;
	const Tier *earned = loyalty_tier_by_id(engine->program, member->earned_tier_id);
	int64		has;

	*by = DT_NOEND;
	if (earned != NULL && tier->rank < earned->rank)
		return 0;
	if (earned != NULL && tier->rank == earned->rank)
	{
		*by = member->earned_until;
		if (*by == DT_NOEND)
			return 0;
		has = tier->keep_threshold >= 0 ? member->earned_growth :
			loyalty_growth_total(member, member->earned_until);
		return Max(0, Max(tier->keep_threshold, tier->keep_threshold >= 0 ? 0 :
						  tier->threshold) - has);
	}
	*by = loyalty_lots_next_lapse(&member->growth, engine->at, NULL);
	return Max(0, tier->threshold - loyalty_growth_total(member, engine->at));
}

static void
put_tier(ReturnSetInfo *result, Engine *engine, List *events, List *subscriptions,
		 const Tier *tier)
{
	const MemberState *member = engine->member;
	TimestampTz until = held_until(engine, tier);
	TimestampTz by;
	int64		lacks = growth_lacking(engine, tier, &by);
	int64		cause;
	bool		had_gift = tier->gift > 0 &&
		loyalty_gift_standing(member->member_id, tier->tier_id, engine->at, &cause) != 0;
	Datum		values[13];
	bool		nulls[13] = {false};

	values[0] = CStringGetTextDatum(tier->name);
	values[1] = Int32GetDatum(tier->rank);
	values[2] = BoolGetDatum(member->tier_id == tier->tier_id);
	values[3] = TimestampTzGetDatum(until);
	nulls[3] = until == DT_NOBEGIN;
	values[4] = Int64GetDatum(tier->threshold);
	values[5] = Int64GetDatum(loyalty_growth_total(member, engine->at));
	values[6] = Int64GetDatum(lacks);
	values[7] = TimestampTzGetDatum(by);
	nulls[7] = by == DT_NOEND;
	values[8] = BoolGetDatum(loyalty_tier_condition_holds(engine, tier, engine->at));
	values[9] = NumericGetDatum(tier->earn_multiplier);
	values[10] = NumericGetDatum(tier->redeem_discount);
	values[11] = Int64GetDatum(had_gift ? 0 : tier->gift);
	values[12] = Int64GetDatum(would_have_given(engine, events, subscriptions, tier));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ladder(member, program) */
Datum
loyalty_ladder(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	const Program *program = loyalty_arg_program(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Interval	year = {.month = -12};
	MemberState member;
	EngineSource source;
	Engine		engine;
	List	   *events;
	List	   *subscriptions;

	InitMaterializedSRF(fcinfo, 0);
	loyalty_member_require(program, ref, &member);
	loyalty_engine_read_only(&engine, &source, program, &member,
							 Max(GetCurrentTimestamp(), member.last_at));
	loyalty_engine_advance(&engine);
	events = past_events(&engine, loyalty_program_add(program, engine.at, &year));
	subscriptions = loyalty_subscriptions_load(member.member_id);
	for (int i = 0; i < program->tier_count; i++)
		put_tier(result, &engine, events, subscriptions, &program->tiers[i]);
	PG_RETURN_NULL();
}
