/*
 * events.c
 *		record and settle: events that the rules turn into points.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/call.h"
#include "api/story.h"
#include "engine/contest.h"
#include "engine/member_streak.h"
#include "engine/task.h"
#include "engine/usage.h"
#include "errors.h"
#include "ledger/membership_row.h"

PG_FUNCTION_INFO_V1(loyalty_record);
PG_FUNCTION_INFO_V1(loyalty_settle);

const EventType *
loyalty_event_require(const Program *program, const char *name)
{
	const EventType *event;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event must not be null")));
	event = loyalty_event_lookup(program, name);
	if (event == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown event \"%s\"", name),
				 errdetail("No rule has ever named it."),
				 errhint("INSERT INTO loyalty.rule (program, name, event, points)"
						 " makes it known.")));
	return event;
}

/* The plan whose multiplier counts, read once per locked member. */
static const PaidPlan *
plan_in_force(const Engine *engine)
{
	MemberState *member = engine->member;

	if (!engine->program->plans_multiply)
		return NULL;
	if (!member->knows_subscriptions)
	{
		member->subscriptions = loyalty_subscriptions_load(member->member_id);
		member->knows_subscriptions = true;
	}
	return loyalty_plan_multiplying(engine->program, member->subscriptions, engine->at);
}

/*
 * What the rules give.  `families` are those of the event if this is a
 * correction: versions, variables and date of the first grant are used again,
 * or (`renewed`) all but the versions.  Otherwise the event marks its period, if
 * it has a streak.
 */
static void
evaluate(Engine *engine, const EventType *event, const Jsonb *attributes, List *families,
		 bool renewed, EventOutcome *outcome)
{
	const Entry *first = families == NIL ? NULL : ((Family *) linitial(families))->first;
	EventRequest request;
	StreakValue streak;
	bool		has_streak = false;
	RuleFacts	facts;

	if (renewed)
		has_streak = loyalty_streak_was(engine, event, first, &streak);
	else if (first == NULL && event->streak != NULL)
	{
		loyalty_streak_note(engine, event, &streak);
		has_streak = true;
	}
	loyalty_usage_facts(engine, families, &facts);

	request.program = engine->program;
	request.event = event;
	request.attributes = attributes;
	request.member_attributes = loyalty_badges_shown(engine, event);
	request.member_ref = engine->member->ref;
	request.facts = &facts;
	request.streak = has_streak ? &streak : NULL;
	request.tier = loyalty_tier_current(engine);
	request.plan = first == NULL ? plan_in_force(engine) : NULL;
	request.at = first == NULL ? engine->at : first->at;
	request.stored = first == NULL ? NULL : loyalty_event_basis(families)->breakdown;
	request.other_plan = request.other_tier = false;
	request.renewed = renewed;
	loyalty_rules_evaluate(&request, outcome);
}

void
loyalty_event_evaluate(Engine *engine, const EventType *event, const Jsonb *attributes,
					   List *families, EventOutcome *outcome)
{
	evaluate(engine, event, attributes, families, false, outcome);
}

void
loyalty_event_reevaluate(Engine *engine, const EventType *event, const Jsonb *attributes,
						 List *families, EventOutcome *outcome)
{
	evaluate(engine, event, attributes, families, true, outcome);
}

/* A call's content, as far as it tells a repeat: event and attributes. */
static int64
event_digest(const MemberState *member, const EventType *event, const Jsonb *attributes)
{
	StringInfoData content;

	initStringInfo(&content);
	loyalty_digest_number(&content, event->event_id);
	loyalty_digest_jsonb(&content, attributes);
	return loyalty_call_digest(member, ENTRY_EVENT, &content);
}

/* Is the entry one that took the gift of a tier back? */
static bool
takes_gift_back(const Engine *engine, const Entry *entry)
{
	ListCell   *cell;

	foreach(cell, engine->gifts)
	{
		const GiftChange *change = lfirst(cell);

		if (change->taken_back == entry->entry_id)
			return true;
	}
	return false;
}

/*
 * Marks what the engine added from `mark` on as made by one call.  Gifts given
 * and taken back are no part of its receipt.
 */
static void
stamp(Engine *engine, int mark, int64 digest)
{
	for (int i = mark; i < list_length(engine->entries); i++)
	{
		Entry	   *entry = list_nth(engine->entries, i);

		if (entry->kind == ENTRY_EVENT ||
			(entry->kind == ENTRY_CORRECTION && !takes_gift_back(engine, entry)))
			entry->request_digest = digest;
	}
}

Entry *
loyalty_event_settle(Engine *engine, const EventType *event, const Jsonb *attributes,
					 const char *ref, TimestampTz at, TimestampTz now)
{
	List	   *families = loyalty_family_gather(loyalty_past_story(engine, ref),
												 ENTRY_EVENT, event->event_id);
	EventOutcome outcome;
	const Entry *first;
	Entry	   *entry;
	int			mark;

	if (families == NIL && attributes == NULL)
		return NULL;
	loyalty_engine_begin(engine, families == NIL ? at : now);
	if (families == NIL && loyalty_streak_repeats(engine, event))
		return NULL;
	mark = list_length(engine->entries);
	if (attributes != NULL)
		loyalty_event_evaluate(engine, event, attributes, families, &outcome);
	entry = families == NIL ?
		loyalty_engine_record(engine, event, &outcome, ref, attributes) :
		loyalty_engine_settle(engine, event, attributes == NULL ? NULL : &outcome, ref,
							  attributes, families);
	first = families == NIL ? list_nth(engine->entries, mark) :
		((Family *) linitial(families))->first;
	loyalty_referral_note(engine, event, attributes, first,
						  families != NIL && entry != NULL);
	stamp(engine, mark, event_digest(engine->member, event, attributes));
	loyalty_contest_note(engine, event, attributes, first);
	loyalty_task_note(engine, event, attributes, first, loyalty_event_settle);
	return entry;
}

Entry *
loyalty_event_resettle(Engine *engine, const EventType *event, const Jsonb *attributes,
					   const char *ref, List *families)
{
	int			mark = list_length(engine->entries);
	EventOutcome outcome;
	Entry	   *entry;

	loyalty_event_reevaluate(engine, event, attributes, families, &outcome);
	entry = loyalty_engine_settle(engine, event, &outcome, ref, attributes, families);
	stamp(engine, mark, event_digest(engine->member, event, attributes));
	loyalty_contest_note_points(engine, ((Family *) linitial(families))->first);
	return entry;
}

/*
 * The event `register` of a member just enrolled, if a rule is about it.
 */
void
loyalty_event_register(Call *call, TimestampTz at)
{
	const EventType *event = loyalty_event_lookup(call->program, "register");
	EventOutcome outcome;
	const Jsonb *attributes;

	if (event == NULL || event->rule_count == 0)
		return;
	attributes = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	loyalty_call_start(call, at);
	loyalty_event_evaluate(&call->engine, event, attributes, NIL, &outcome);
	loyalty_engine_record(&call->engine, event, &outcome, NULL, NULL);
}

/* The receipt of a call that has no entry: how the member stands after it. */
static void
standing(const Call *call, Receipt *receipt)
{
	const Tier *tier = loyalty_tier_current(&call->engine);

	memset(receipt, 0, sizeof(Receipt));
	receipt->member = call->member.ref;
	receipt->tier = tier == NULL ? NULL : tier->name;
	receipt->balance = loyalty_lots_spendable(&call->member.points, call->now) -
		call->member.debt;
}

/*
 * Nothing had to change.  If the last call about the event that wrote entries of
 * it was the same, then what it did; an event of several kinds of points has
 * made several entries.  A call of other content has done nothing: no entry is
 * of it, and the balance is what it is.
 */
static void
unchanged(const Call *call, const EventType *event, List *story, int64 digest,
		  Receipt *receipt)
{
	const Entry *last = NULL;
	int64		points = 0;
	int64		growth = 0;
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (entry->event_id != event->event_id || entry->request_digest == 0 ||
			(entry->kind != ENTRY_EVENT && entry->kind != ENTRY_CORRECTION))
			continue;
		if (last == NULL || entry->recorded_at != last->recorded_at ||
			entry->request_digest != last->request_digest)
			points = growth = 0;
		last = entry;
		points += entry->points;
		growth += entry->growth;
	}
	standing(call, receipt);
	receipt->replayed = last != NULL;
	if (last == NULL || last->request_digest != digest)
		return;
	receipt->entry_id = last->entry_id;
	receipt->points = points;
	receipt->growth = growth;
	receipt->balance = loyalty_call_balance_after(call, last);
}

/*
 * The end of a call that wrote no entry of its event; what the clock decided
 * is posted even so.  Where it made the event count otherwise, for a task, a
 * contest or an invitation, it is none that was made before.
 */
static Datum
finish_unchanged(FunctionCallInfo fcinfo, Call *call, const EventType *event, List *story,
				 int64 digest, bool replayed)
{
	Receipt		receipt;

	loyalty_call_finish(call);
	if (call->engine.recounted)
		standing(call, &receipt);
	else
	{
		unchanged(call, event, story, digest, &receipt);
		receipt.replayed |= replayed;
	}
	return loyalty_receipt_datum(fcinfo, &receipt);
}

/* record(member, event, attributes, ref, at, program) */
Datum
loyalty_record(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const Jsonb *attributes = loyalty_arg_object(fcinfo, 2, "attributes");
	const char *ref = loyalty_arg_key(fcinfo, 3, "ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	const EventType *event = loyalty_event_require(program, name);
	EventOutcome outcome;
	Call		call;
	Receipt		receipt;
	List	   *story;
	Entry	   *entry;
	int64		digest;
	int			mark;

	loyalty_call_open(&call, "record()", program, member, ENROLL_AUTO, at);
	event = loyalty_event_require(call.program, name);
	digest = event_digest(&call.member, event, attributes);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_EVENT, event->event_id, ref, digest, &receipt))
	{
		if (receipt.points != 0)
			loyalty_story_refuse_taken_back(story, ref, ENTRY_EVENT, event->event_id,
											"Use a new ref, or grant again with loyalty.settle().");
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	if (loyalty_streak_repeats(&call.engine, event))
		return finish_unchanged(fcinfo, &call, event, NIL, digest, true);
	mark = list_length(call.engine.entries);
	loyalty_event_evaluate(&call.engine, event, attributes, NIL, &outcome);
	entry = loyalty_engine_record(&call.engine, event, &outcome, ref, attributes);
	stamp(&call.engine, mark, digest);
	loyalty_referral_note(&call.engine, event, attributes,
						  list_nth(call.engine.entries, mark), false);
	loyalty_contest_note(&call.engine, event, attributes,
						 list_nth(call.engine.entries, mark));
	loyalty_task_note(&call.engine, event, attributes, list_nth(call.engine.entries, mark),
					  loyalty_event_settle);
	return loyalty_call_accept(fcinfo, &call, entry, digest);
}

/* settle(member, event, attributes, ref, at, program) */
Datum
loyalty_settle(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const Jsonb *attributes = PG_ARGISNULL(2) ? NULL :
		loyalty_arg_object(fcinfo, 2, "attributes");
	const char *ref = loyalty_arg_key(fcinfo, 3, "ref", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	const EventType *event = loyalty_event_require(program, name);
	Call		call;
	List	   *story;
	Entry	   *entry;

	loyalty_call_open(&call, "settle()", program, member,
					  attributes == NULL ? ENROLL_NEVER : ENROLL_AUTO, at);
	event = loyalty_event_require(call.program, name);
	story = loyalty_call_story(&call, ref);
	entry = loyalty_event_settle(&call.engine, event, attributes, ref,
								 loyalty_call_time(&call, at), call.now);
	if (entry != NULL)
		return loyalty_call_accept(fcinfo, &call, entry, entry->request_digest);

	/* with attributes but no story it is what its period has already */
	return finish_unchanged(fcinfo, &call, event, story,
							event_digest(&call.member, event, attributes),
							attributes != NULL);
}
