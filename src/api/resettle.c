/*
 * resettle.c
 *		resettle: past events by the rules of now.
 *
 * What a member's events come to is found on a copy of the member, with the
 * movements of budgets counted in memory.  A budget that runs out makes the
 * order of the members matter: first come those who take nothing from any
 * budget, in the order of their ids, then the others, and those who lacked
 * something again while that gives them more.  So what one gives back another
 * gets in the same run, and doing it again changes nothing.
 *
 * Posting makes the same plan first.  Then the members for whom something is to
 * be posted are locked in the order of their ids, and the budgets that the plan
 * moves in that of their rules, all of their slots: so it is part of no deadlock
 * with operations on one event each.  What others changed meanwhile is taken as
 * it is found then.
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
#include "api/resettle.h"
#include "api/tier.h"
#include "compat.h"
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

/* Nobody is looked at more often, should two rules make each other go on. */
#define MAX_PASSES 16

/* What is moved of a rule's budget. */
typedef struct BudgetMove
{
	int32		rule_id;
	int64		points;
} BudgetMove;

/* Somebody for whom a budget had too little, to be looked at again. */
typedef struct Candidate
{
	int64		member_id;
	const char *ref;
	List	   *moves;			/* of BudgetMove: the member's part of the call's */
	List	   *differences;	/* its rows, which come last */
} Candidate;

/* A member with something to tell, in the order of posting. */
typedef struct Visit
{
	int64		member_id;
	bool		posts;			/* else there are only rows with a note */
	Candidate  *candidate;		/* NULL = the member is none */
} Visit;

typedef struct Resettle
{
	const Program *program;
	const EventType *event;
	TimestampTz since;
	bool		preview;
	bool		takes;			/* it is the turn of those who take from budgets */
	int64	   *ids;			/* of the members whose turn it is */
	int64		count;
	List	   *moves;			/* of BudgetMove: by all members so far */
	List	   *candidates;		/* in the order of their ids */
	Visit	   *visits;
	int64		visit_count;
	int64		visit_size;
	MemoryContext context;		/* of the call: holds all that */
	ReturnSetInfo *result;
} Resettle;

/* What its source works on, in a preview; the member comes first. */
typedef struct PreviewedMember
{
	MemberState member;
	Resettle   *resettle;
	List	   *taken;			/* of BudgetMove: needed or not */
	bool		lacks;			/* a budget had less than was asked for */
	List	   *moves;			/* of BudgetMove: as storing the member would leave them */
	List	   *differences;
} PreviewedMember;

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

static int64
moved(const List *moves, int32 rule_id)
{
	ListCell   *cell;

	foreach(cell, moves)
	{
		const BudgetMove *move = lfirst(cell);

		if (move->rule_id == rule_id)
			return move->points;
	}
	return 0;
}

static bool
same_moves(const List *a, const List *b)
{
	ListCell   *cell;

	if (list_length(a) != list_length(b))
		return false;
	foreach(cell, a)
	{
		const BudgetMove *move = lfirst(cell);

		if (moved(b, move->rule_id) != move->points)
			return false;
	}
	return true;
}

static void
add_moves(List **sum, const List *moves, int sign)
{
	ListCell   *cell;

	foreach(cell, moves)
	{
		const BudgetMove *move = lfirst(cell);

		move_of(sum, move->rule_id)->points += sign * move->points;
	}
}

/* What is left of a budget after the members that were previewed before. */
static int64
take_left(void *arg, int32 rule_id, int64 points)
{
	PreviewedMember *previewed = arg;
	BudgetMove *own = move_of(&previewed->taken, rule_id);
	int64		left = 0;

	if (points > 0 && previewed->resettle->takes)
		left = loyalty_budget_left(rule_id) - own->points -
			moved(previewed->resettle->moves, rule_id);
	left = Max(left, 0);
	previewed->lacks |= points > left;
	points = Min(points, left);
	own->points += points;
	return points;
}

static int64
next_entry_id(void *arg)
{
	return ((MemberState *) arg)->last_entry + 1;
}

/* The budgets as storing the member would leave them. */
static List *
moves_of(const Engine *engine)
{
	List	   *moves = NIL;
	int			count;
	RuleUse    *changes = loyalty_usage_changes(engine->uses, &count);

	for (int i = 0; i < count; i++)
	{
		if (changes[i].budget != 0)
			move_of(&moves, changes[i].rule_id)->points += changes[i].budget;
	}
	return moves;
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
static void
preview_member(Resettle *resettle, int64 member_id, PreviewedMember *previewed)
{
	for (;;)
	{
		MemberState after;
		EngineSource source;
		Engine		engine;
		int64		last_entry;

		CHECK_FOR_INTERRUPTS();
		memset(previewed, 0, sizeof(PreviewedMember));
		previewed->resettle = resettle;
		if (!read_member(member_id, &previewed->member))
			return;
		last_entry = previewed->member.last_entry;
		loyalty_engine_read_only(&engine, &source, resettle->program, &previewed->member,
								 Max(GetCurrentTimestamp(), previewed->member.last_at));
		source.next_entry_id = next_entry_id;
		source.take_budget = take_left;
		loyalty_engine_begin(&engine, engine.at);
		previewed->differences = loyalty_resettle_events(&engine, resettle->event,
														 resettle->since);
		if (!read_member(member_id, &after) || after.last_entry != last_entry)
			continue;
		previewed->moves = moves_of(&engine);
		return;
	}
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
put_differences(const Resettle *resettle, const char *member, const List *differences)
{
	ListCell   *cell;

	foreach(cell, differences)
		put_difference(resettle, member, lfirst(cell));
}

static bool
has_to_post(const List *differences)
{
	ListCell   *cell;

	foreach(cell, differences)
	{
		if (((const Difference *) lfirst(cell))->note == NULL)
			return true;
	}
	return false;
}

static void
add_visit(Resettle *resettle, int64 member_id, bool posts, Candidate *candidate)
{
	Visit	   *visit;

	if (resettle->visit_count == resettle->visit_size)
	{
		resettle->visit_size = Max(resettle->visit_size * 2, 64);
		resettle->visits = resettle->visits == NULL ?
			MemoryContextAlloc(resettle->context, sizeof(Visit) * resettle->visit_size) :
			repalloc_huge(resettle->visits, sizeof(Visit) * resettle->visit_size);
	}
	visit = &resettle->visits[resettle->visit_count++];
	visit->member_id = member_id;
	visit->posts = posts;
	visit->candidate = candidate;
}

/*
 * Keeps rows of a candidate, in the call's context: a later one of an event
 * says what has become of it.
 */
static void
keep_differences(Candidate *candidate, const List *differences)
{
	ListCell   *cell;

	foreach(cell, differences)
	{
		Difference *kept = palloc(sizeof(Difference));
		ListCell   *lc;

		*kept = *(const Difference *) lfirst(cell);
		kept->ref = kept->ref == NULL ? NULL : pstrdup(kept->ref);
		kept->note = kept->note == NULL ? NULL : pstrdup(kept->note);
		foreach(lc, candidate->differences)
		{
			const Difference *earlier = lfirst(lc);

			if (earlier->first_id != kept->first_id)
				continue;
			if (earlier->entry_id != 0)
			{
				kept->before = earlier->before;
				kept->growth += earlier->growth;
			}
			lfirst(lc) = kept;
			break;
		}
		if (lc == NULL)
			candidate->differences = lappend(candidate->differences, kept);
	}
}

/* What a preview found of a member; `candidate` NULL: it is none. */
static void
note_previewed(Resettle *resettle, const PreviewedMember *previewed, Candidate *candidate)
{
	MemoryContext caller = MemoryContextSwitchTo(resettle->context);
	bool		again = candidate != NULL && candidate->moves != NIL;

	add_moves(&resettle->moves, previewed->moves, 1);
	if (!resettle->preview)
	{
		if (again || previewed->differences != NIL)
			add_visit(resettle, previewed->member.member_id,
					  again || has_to_post(previewed->differences), candidate);
	}
	else if (candidate == NULL)
		put_differences(resettle, previewed->member.ref, previewed->differences);
	else
	{
		candidate->differences = NIL;
		keep_differences(candidate, previewed->differences);
	}
	if (candidate != NULL)
	{
		candidate->moves = NIL;
		add_moves(&candidate->moves, previewed->moves, 1);
	}
	MemoryContextSwitchTo(caller);
}

static Candidate *
new_candidate(Resettle *resettle, const MemberState *member)
{
	MemoryContext caller = MemoryContextSwitchTo(resettle->context);
	Candidate  *candidate = palloc0(sizeof(Candidate));

	candidate->member_id = member->member_id;
	candidate->ref = pstrdup(member->ref);
	resettle->candidates = lappend(resettle->candidates, candidate);
	MemoryContextSwitchTo(caller);
	return candidate;
}

/* Those of the ids who lack nothing; the others have their turn when they may take. */
static void
plan_members(Resettle *resettle, MemoryContext context)
{
	int64		others = 0;

	for (int64 i = 0; i < resettle->count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		PreviewedMember previewed;

		preview_member(resettle, resettle->ids[i], &previewed);
		if (previewed.lacks && !resettle->takes)
			resettle->ids[others++] = resettle->ids[i];
		else
			note_previewed(resettle, &previewed, !previewed.lacks ? NULL :
						   new_candidate(resettle, &previewed.member));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	resettle->count = others;
}

/* Looks at the candidates again; returns whether one of them comes to something else. */
static bool
plan_candidates(Resettle *resettle, MemoryContext context)
{
	bool		changed = false;
	ListCell   *cell;

	foreach(cell, resettle->candidates)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		Candidate  *candidate = lfirst(cell);
		PreviewedMember previewed;

		add_moves(&resettle->moves, candidate->moves, -1);
		preview_member(resettle, candidate->member_id, &previewed);
		if (same_moves(previewed.moves, candidate->moves))
			add_moves(&resettle->moves, candidate->moves, 1);
		else
		{
			note_previewed(resettle, &previewed, candidate);
			changed = true;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	return changed;
}

/* Is there something of the budgets that were moved?  Else nobody gets more. */
static bool
has_left(const Resettle *resettle)
{
	ListCell   *cell;

	foreach(cell, resettle->moves)
	{
		const BudgetMove *move = lfirst(cell);

		if (loyalty_budget_left(move->rule_id) > move->points)
			return true;
	}
	return false;
}

static void
plan(Resettle *resettle, MemoryContext context)
{
	plan_members(resettle, context);
	resettle->takes = true;
	plan_members(resettle, context);
	for (int pass = 2; pass < MAX_PASSES && resettle->candidates != NIL; pass++)
	{
		if (!has_left(resettle) || !plan_candidates(resettle, context))
			break;
	}
}

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static int
compare_rules(const ListCell *a, const ListCell *b)
{
	int32		x = ((const BudgetMove *) lfirst(a))->rule_id;
	int32		y = ((const BudgetMove *) lfirst(b))->rule_id;

	return (x > y) - (x < y);
}

/* Locks what posting the plan will write. */
static void
lock_planned(Resettle *resettle, MemoryContext context)
{
	int64	   *ids = palloc_extended(sizeof(int64) * Max(resettle->visit_count, 1),
									  MCXT_ALLOC_HUGE);
	int64		count = 0;
	ListCell   *cell;

	for (int64 i = 0; i < resettle->visit_count; i++)
	{
		if (resettle->visits[i].posts)
			ids[count++] = resettle->visits[i].member_id;
	}
	qsort(ids, count, sizeof(int64), compare_ids);
	for (int64 i = 0; i < count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		Writer		writer;
		MemberState member;

		CHECK_FOR_INTERRUPTS();
		loyalty_writer_open(&writer);
		(void) loyalty_member_lock_id(&writer, ids[i], &member);
		loyalty_writer_close(&writer);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	pfree(ids);
	list_sort(resettle->moves, compare_rules);
	foreach(cell, resettle->moves)
		loyalty_budget_lock(((const BudgetMove *) lfirst(cell))->rule_id);
}

/* Resettles a member that is locked; returns its rows. */
static List *
post_member(const Resettle *resettle, int64 member_id, const char **member)
{
	List	   *differences = NIL;
	Call		call;

	memset(&call, 0, sizeof(call));
	loyalty_writer_open(&call.writer);
	if (loyalty_member_lock_id(&call.writer, member_id, &call.member))
	{
		loyalty_call_attach(&call, resettle->program);
		loyalty_call_start(&call, call.now);
		differences = loyalty_resettle_events(&call.engine, resettle->event, resettle->since);
		loyalty_member_store(&call.writer, &call.engine);
		*member = call.member.ref;
	}
	loyalty_writer_close(&call.writer);
	return differences;
}

static void
post(Resettle *resettle, MemoryContext context)
{
	lock_planned(resettle, context);

	/* from here on the budgets themselves are moved */
	resettle->moves = NIL;
	for (int64 i = 0; i < resettle->visit_count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		const Visit *visit = &resettle->visits[i];
		const char *member = NULL;
		List	   *differences;

		CHECK_FOR_INTERRUPTS();
		if (visit->posts)
			differences = post_member(resettle, visit->member_id, &member);
		else
		{
			PreviewedMember previewed;

			preview_member(resettle, visit->member_id, &previewed);
			differences = previewed.differences;
			member = previewed.member.ref;
		}
		if (visit->candidate == NULL)
			put_differences(resettle, member, differences);
		else
		{
			MemoryContextSwitchTo(resettle->context);
			keep_differences(visit->candidate, differences);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
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
	ListCell   *cell;

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
	plan(&resettle, context);
	if (!resettle.preview)
		post(&resettle, context);
	foreach(cell, resettle.candidates)
	{
		const Candidate *candidate = lfirst(cell);

		put_differences(&resettle, candidate->ref, candidate->differences);
	}
	MemoryContextDelete(context);
	PG_RETURN_NULL();
}
