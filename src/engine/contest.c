/*
 * contest.c
 *		Team contests: what a member's events count for its team.
 *
 * Of each event that counts, what it measures is kept under its first entry, so
 * that a correction changes the score by the difference, also where the ledger
 * keeps no attributes.  A claw-back takes points without saying what became of
 * the event: of a sum it takes the same share, of a count the whole event once
 * none of its points is left.
 *
 * The lists hang on the member's state and are never changed in place: whoever
 * has a copy of the state can go back to it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/contest.h"
#include "engine/path.h"
#include "engine/rules_work.h"

/* Decimal digits of a share of a sum. */
#define SHARE_SCALE 6

const Contest *
loyalty_contest_lookup(const Program *program, const char *name)
{
	for (int i = 0; i < program->contest_count; i++)
	{
		if (strcmp(program->contests[i].name, name) == 0)
			return &program->contests[i];
	}
	return NULL;
}

const Contest *
loyalty_contest_by_id(const Program *program, int32 contest_id)
{
	for (int i = 0; i < program->contest_count; i++)
	{
		if (program->contests[i].contest_id == contest_id)
			return &program->contests[i];
	}
	return NULL;
}

const char *
loyalty_contest_ref(const Contest *contest)
{
	return psprintf("contest %s", contest->name);
}

const ContestPlayer *
loyalty_contest_player(Engine *engine, int32 contest_id)
{
	MemberState *member = engine->member;
	ListCell   *cell;

	if (!member->knows_contests)
	{
		member->contests = engine->source->contests(engine->source->arg);
		member->knows_contests = true;
	}
	foreach(cell, member->contests)
	{
		const ContestPlayer *player = lfirst(cell);

		if (player->contest_id == contest_id)
			return player;
	}
	return NULL;
}

Numeric
loyalty_contest_counted(const Contest *contest, Numeric measured, const List *families)
{
	int64		net = 0;
	int64		taken = 0;
	Datum		share;
	ListCell   *cell;

	foreach(cell, families)
	{
		const Family *family = lfirst(cell);

		net = loyalty_points_add(net, Max(family->net, 0));
		taken = loyalty_points_add(taken, Max(family->operator_taken, 0));
	}
	if (taken == 0)
		return measured;
	if (net == 0)
		return loyalty_number_of(0);
	if (contest->measure->shape == PATH_ABSENT)
		return measured;
	share = DirectFunctionCall2(numeric_div,
								DirectFunctionCall2(numeric_mul, NumericGetDatum(measured),
													NumericGetDatum(loyalty_number_of(net))),
								NumericGetDatum(loyalty_number_of(loyalty_points_add(net, taken))));
	share = DirectFunctionCall2(numeric_round, share, Int32GetDatum(SHARE_SCALE));
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, share));
}

/* What the event as it is now measures in the contest. */
static Numeric
measure(const Contest *contest, const Jsonb *attributes)
{
	Numeric		sum;

	if (attributes == NULL || !loyalty_condition_holds(contest->condition, attributes))
		return loyalty_number_of(0);
	if (contest->measure->shape == PATH_ABSENT)
		return loyalty_number_of(1);
	sum = loyalty_path_sum(contest->measure, attributes);
	return sum == NULL ? loyalty_number_of(0) : sum;
}

/* The mark of an event so far; all NULL if it has none. */
static ContestMark
get_mark(Engine *engine, const Contest *contest, const Entry *first)
{
	ContestMark mark = {contest->contest_id, first->entry_id, first->at, NULL, NULL, NULL};
	ListCell   *cell;

	foreach(cell, engine->member->contest_marks)
	{
		const ContestMark *known = lfirst(cell);

		if (known->contest_id == mark.contest_id && known->entry_id == mark.entry_id)
			return *known;
	}
	if (first->entry_id <= engine->stored_entries)
		engine->source->contest_mark(engine->source->arg, &mark);
	return mark;
}

static void
set_mark(Engine *engine, const ContestMark *mark)
{
	MemberState *member = engine->member;
	ContestMark *changed = palloc(sizeof(ContestMark));
	List	   *marks = NIL;
	ListCell   *cell;

	*changed = *mark;
	foreach(cell, member->contest_marks)
	{
		ContestMark *known = lfirst(cell);

		if (known->contest_id != mark->contest_id || known->entry_id != mark->entry_id)
			marks = lappend(marks, known);
	}
	member->contest_marks = lappend(marks, changed);
	engine->recounted = true;
}

static bool
same_number(Numeric a, Numeric b)
{
	return a != NULL && b != NULL && loyalty_number_compare(a, b) == 0;
}

/* `measured` NULL: as before. */
static void
count_event(Engine *engine, const Contest *contest, const Entry *first, Numeric measured)
{
	ContestMark mark = get_mark(engine, contest, first);
	Numeric		counted;

	if (measured == NULL)
		measured = mark.measured;
	if (mark.measured == NULL &&
		(measured == NULL || loyalty_number_compare(measured, loyalty_number_of(0)) == 0))
		return;

	/* what is new, or has no ref, was not clawed back */
	counted = first->ref == NULL || first->entry_id > engine->stored_entries ? measured :
		loyalty_contest_counted(contest, measured,
								loyalty_family_gather(loyalty_past_story(engine, first->ref),
													  ENTRY_EVENT, first->event_id));
	if (same_number(mark.measured, measured) && same_number(mark.counted, counted))
		return;
	mark.measured = measured;
	mark.counted = counted;
	set_mark(engine, &mark);
}

static bool
counts(Engine *engine, const Contest *contest, const char *event, const Entry *first)
{
	const ContestPlayer *player;

	if (strcmp(contest->event, event) != 0 ||
		first->at < contest->starts_at || first->at >= contest->ends_at)
		return false;
	player = loyalty_contest_player(engine, contest->contest_id);
	return player != NULL && first->at >= player->joined_at;
}

void
loyalty_contest_note(Engine *engine, const EventType *event, const Jsonb *attributes,
					 const Entry *first)
{
	const Program *program = engine->program;

	for (int i = 0; i < program->contest_count; i++)
	{
		const Contest *contest = &program->contests[i];

		if (counts(engine, contest, event->name, first))
			count_event(engine, contest, first, measure(contest, attributes));
	}
}

void
loyalty_contest_note_points(Engine *engine, const Entry *first)
{
	const Program *program = engine->program;

	if (first->kind != ENTRY_EVENT)
		return;
	for (int i = 0; i < program->contest_count; i++)
	{
		const Contest *contest = &program->contests[i];

		if (counts(engine, contest, loyalty_event_name(first->event_id), first))
			count_event(engine, contest, first, NULL);
	}
}
