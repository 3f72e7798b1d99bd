/*
 * resettle.c
 *		resettle: past events by the rules of now.
 *
 * A member's events are taken back from the limits and budgets together, and
 * then resettled one after the other in the order of their dates: what they come
 * to is what they would have come to, had these rules been there.  So doing it
 * again changes nothing.  Events that cannot be resettled keep what they have,
 * and their use with it.
 *
 * A preview does the same on a copy of the member, and counts in memory what
 * budgets it would move.  Posting previews each member first and locks, in id
 * order, only those for whom something is to be posted.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "engine/past_events.h"
#include "engine/save_point.h"
#include "engine/usage.h"
#include "ledger/query.h"
#include "ledger/usage_row.h"

PG_FUNCTION_INFO_V1(loyalty_resettle);

/* Planned for the date: the index on it is used where that is worth it. */
static LoyaltyQuery members_with_events = {
	"SELECT DISTINCT l.member_id FROM loyalty.ledger l"
	" JOIN loyalty.member m ON m.member_id = l.member_id AND m.program_id = $1"
	" WHERE l.event_id = $2 AND l.kind = 'v' AND l.at >= $3 ORDER BY l.member_id",
	3, {INT4OID, INT4OID, TIMESTAMPTZOID},.by_values = true
};

/* What a preview has moved of a rule's budget so far. */
typedef struct BudgetMove
{
	int32		rule_id;
	int64		points;
} BudgetMove;

typedef struct Resettle
{
	const Program *program;
	const EventType *event;
	TimestampTz since;
	bool		preview;
	int64	   *ids;
	int64		count;
	List	   *moves;			/* of BudgetMove; in the call's context */
	MemoryContext context;		/* of the call */
	ReturnSetInfo *result;
} Resettle;

/* What its source works on, in a preview; the member comes first. */
typedef struct PreviewedMember
{
	MemberState member;
	Resettle   *resettle;
	List	   *moves;			/* of BudgetMove: this member's */
} PreviewedMember;

/* One event that differs. */
typedef struct Difference
{
	const char *ref;			/* NULL = none */
	TimestampTz at;
	int64		before;
	int64		after;
	int64		growth;
	int64		entry_id;		/* 0 = not posted */
	const char *note;			/* why it is not; NULL = it is */
	bool		known;			/* after and growth are */
} Difference;

static void
add_id(HeapTuple row, TupleDesc desc, void *arg)
{
	Resettle   *resettle = arg;
	bool		isnull;

	if (resettle->ids == NULL)
		resettle->ids = palloc_extended(sizeof(int64) * SPI_processed, MCXT_ALLOC_HUGE);
	resettle->ids[resettle->count++] = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
}

static BudgetMove *
move_of(List **moves, int32 rule_id)
{
	BudgetMove *move;
	ListCell   *cell;

	foreach(cell, *moves)
	{
		move = lfirst(cell);
		if (move->rule_id == rule_id)
			return move;
	}
	move = palloc0(sizeof(BudgetMove));
	move->rule_id = rule_id;
	*moves = lappend(*moves, move);
	return move;
}

/* What is left of a budget after the members that were previewed before. */
static int64
take_left(void *arg, int32 rule_id, int64 points)
{
	PreviewedMember *previewed = arg;
	BudgetMove *own = move_of(&previewed->moves, rule_id);
	int64		left = loyalty_budget_left(rule_id) - own->points;
	ListCell   *cell;

	foreach(cell, previewed->resettle->moves)
	{
		const BudgetMove *move = lfirst(cell);

		if (move->rule_id == rule_id)
			left -= move->points;
	}
	points = Max(Min(points, left), 0);
	own->points += points;
	return points;
}

static int64
next_entry_id(void *arg)
{
	return ((MemberState *) arg)->last_entry + 1;
}

/* The budgets as storing the member would leave them. */
static void
keep_moves(Resettle *resettle, const Engine *engine)
{
	MemoryContext caller = MemoryContextSwitchTo(resettle->context);
	int			count;
	RuleUse    *changes = loyalty_usage_changes(engine->uses, &count);

	for (int i = 0; i < count; i++)
	{
		if (changes[i].budget != 0)
			move_of(&resettle->moves, changes[i].rule_id)->points += changes[i].budget;
	}
	MemoryContextSwitchTo(caller);
}

static Difference *
new_difference(const PastEvent *past, List **differences)
{
	Difference *difference = palloc0(sizeof(Difference));

	difference->ref = past->first->ref;
	difference->at = past->first->at;
	difference->before = past->points;
	*differences = lappend(*differences, difference);
	return difference;
}

static int64
growth_of(List *families)
{
	int64		growth = 0;
	ListCell   *cell;

	foreach(cell, families)
		growth += ((const Family *) lfirst(cell))->net_growth;
	return growth;
}

/* An event that can be resettled, since its ref and its attributes are known. */
static bool
can_be_resettled(const PastEvent *past)
{
	return past->first->ref != NULL && past->attributes != NULL;
}

/* What an event without ref would give now; told only if that is something else. */
static void
tell_without_ref(Engine *engine, const Resettle *resettle, const PastEvent *past,
				 List **differences)
{
	const Jsonb *attributes = past->attributes;
	EventOutcome outcome;
	Difference *difference;

	/* the event register has none */
	if (attributes == NULL && resettle->event->event_id == LOYALTY_EVENT_REGISTER)
		attributes = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (attributes == NULL)
	{
		new_difference(past, differences)->note = "its attributes were not kept";
		return;
	}
	loyalty_event_reevaluate(engine, resettle->event, attributes, past->families, &outcome);
	if (outcome.points == past->points && outcome.growth == growth_of(past->families))
		return;
	difference = new_difference(past, differences);
	difference->after = outcome.points;
	difference->growth = outcome.growth - growth_of(past->families);
	difference->known = true;
	difference->note = "it has no ref: correct it with adjust()";
}

static void
resettle_event(Engine *engine, const Resettle *resettle, const PastEvent *past,
			   List **differences)
{
	Entry	   *entry;
	Difference *difference;
	List	   *families;
	ListCell   *cell;

	if (!can_be_resettled(past))
	{
		tell_without_ref(engine, resettle, past, differences);
		return;
	}
	entry = loyalty_event_resettle(engine, resettle->event, past->attributes, past->first->ref,
								   past->families);
	if (entry == NULL)
		return;
	families = loyalty_family_gather(loyalty_past_story(engine, past->first->ref), ENTRY_EVENT,
									 resettle->event->event_id);
	difference = new_difference(past, differences);
	foreach(cell, families)
		difference->after += ((const Family *) lfirst(cell))->net;
	difference->growth = growth_of(families) - growth_of(past->families);
	difference->entry_id = entry->entry_id;
	difference->known = true;
}

/* What the engine refuses is undone for this event alone, and told. */
static void
try_event(Engine *engine, const Resettle *resettle, const PastEvent *past,
		  List **differences)
{
	MemoryContext context = CurrentMemoryContext;
	SavePoint	point;

	/* its own use comes back in first: settling exchanges it for the new one */
	if (can_be_resettled(past))
		loyalty_usage_change(engine, NIL, loyalty_usage_standing(past->families));
	loyalty_engine_save(engine, &point);
	PG_TRY();
	{
		resettle_event(engine, resettle, past, differences);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!loyalty_error_is_refusal(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		loyalty_engine_go_back(engine, &point);
		new_difference(past, differences)->note = error->detail == NULL ? error->message :
			psprintf("%s: %s", error->message, error->detail);
	}
	PG_END_TRY();
}

/* The events of the engine's member that differ; of Difference. */
static List *
resettle_events(Engine *engine, const Resettle *resettle)
{
	List	   *past = loyalty_past_events(engine, resettle->since - 1, DT_NOEND);
	List	   *events = NIL;
	List	   *differences = NIL;
	ListCell   *cell;

	foreach(cell, past)
	{
		const PastEvent *event = lfirst(cell);

		if (event->stands && event->first->event_id == resettle->event->event_id)
			events = lappend(events, lfirst(cell));
	}
	foreach(cell, events)
	{
		if (can_be_resettled(lfirst(cell)))
			loyalty_usage_change(engine,
								 loyalty_usage_standing(((PastEvent *) lfirst(cell))->families),
								 NIL);
	}
	foreach(cell, events)
	{
		CHECK_FOR_INTERRUPTS();
		try_event(engine, resettle, lfirst(cell), &differences);
	}
	return differences;
}

/* The member as it is by now, without a lock. */
static bool
read_member(int64 member_id, MemberState *member)
{
	bool		found;

	PushActiveSnapshot(GetTransactionSnapshot());
	found = loyalty_member_read_id(member_id, member);
	PopActiveSnapshot();
	return found;
}

/*
 * What resettling the member would do.  Its row and its entries are read one
 * after the other: if it has changed meanwhile, it is done again.
 */
static List *
preview_member(Resettle *resettle, int64 member_id, const char **member_ref)
{
	for (;;)
	{
		PreviewedMember previewed = {0};
		MemberState after;
		EngineSource source;
		Engine		engine;
		int64		last_entry;
		List	   *differences;

		CHECK_FOR_INTERRUPTS();
		if (!read_member(member_id, &previewed.member))
			return NIL;
		last_entry = previewed.member.last_entry;
		previewed.resettle = resettle;
		loyalty_engine_read_only(&engine, &source, resettle->program, &previewed.member,
								 Max(GetCurrentTimestamp(), previewed.member.last_at));
		source.next_entry_id = next_entry_id;
		source.take_budget = take_left;
		loyalty_engine_begin(&engine, engine.at);
		differences = resettle_events(&engine, resettle);
		if (!read_member(member_id, &after) || after.last_entry != last_entry)
			continue;
		if (resettle->preview)
			keep_moves(resettle, &engine);
		*member_ref = previewed.member.ref;
		return differences;
	}
}

static List *
post_member(Resettle *resettle, int64 member_id)
{
	List	   *differences = NIL;
	Call		call;

	memset(&call, 0, sizeof(call));
	loyalty_writer_open(&call.writer);
	if (loyalty_member_lock_id(&call.writer, member_id, &call.member))
	{
		loyalty_call_attach(&call, resettle->program);
		loyalty_call_start(&call, call.now);
		differences = resettle_events(&call.engine, resettle);
		loyalty_member_store(&call.writer, &call.engine);
	}
	loyalty_writer_close(&call.writer);
	return differences;
}

static void
put_difference(const Resettle *resettle, const char *member, const Difference *difference)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	values[0] = CStringGetTextDatum(member);
	nulls[1] = difference->ref == NULL;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(difference->ref);
	values[2] = TimestampTzGetDatum(difference->at);
	values[3] = Int64GetDatum(difference->before);
	nulls[4] = nulls[5] = nulls[6] = !difference->known;
	values[4] = Int64GetDatum(difference->after);
	values[5] = Int64GetDatum(difference->after - difference->before);
	values[6] = Int64GetDatum(difference->growth);
	nulls[7] = resettle->preview || difference->entry_id == 0;
	values[7] = Int64GetDatum(difference->entry_id);
	nulls[8] = difference->note == NULL;
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(difference->note);
	tuplestore_putvalues(resettle->result->setResult, resettle->result->setDesc, values, nulls);
}

static void
resettle_member(Resettle *resettle, int64 member_id)
{
	const char *member = NULL;
	List	   *differences = preview_member(resettle, member_id, &member);
	bool		posts = false;
	ListCell   *cell;

	foreach(cell, differences)
		posts |= ((const Difference *) lfirst(cell))->note == NULL;
	if (posts && !resettle->preview)
		differences = post_member(resettle, member_id);
	foreach(cell, differences)
		put_difference(resettle, member, lfirst(cell));
}

/* resettle(event, since, preview, program) */
Datum
loyalty_resettle(PG_FUNCTION_ARGS)
{
	const char *name = loyalty_arg_text(fcinfo, 0);
	TimestampTz since = PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1);
	MemoryContext context;
	Resettle	resettle = {0};
	Datum		args[3];

	resettle.program = loyalty_arg_program(fcinfo, 3);
	resettle.event = loyalty_event_require(resettle.program, name);
	if (TIMESTAMP_NOT_FINITE(since))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(1) ? errmsg("since must not be null") :
				 errmsg("since must be finite"),
				 errhint("Name the date of the first event to be resettled.")));
	resettle.since = since;
	resettle.preview = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	resettle.context = CurrentMemoryContext;
	resettle.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (!resettle.preview)
		loyalty_call_require_writable("resettle()");

	InitMaterializedSRF(fcinfo, 0);
	args[0] = Int32GetDatum(resettle.program->program_id);
	args[1] = Int32GetDatum(resettle.event->event_id);
	args[2] = TimestampTzGetDatum(since);
	loyalty_query_visit(&members_with_events, args, add_id, &resettle);
	context = AllocSetContextCreate(CurrentMemoryContext, "loyalty resettle",
									ALLOCSET_DEFAULT_SIZES);
	for (int64 i = 0; i < resettle.count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		resettle_member(&resettle, resettle.ids[i]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	PG_RETURN_NULL();
}
