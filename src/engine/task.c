/*
 * task.c
 *		Tasks: counting what a member does, and the badge at the end.
 *
 * Of each event that has a ref, what it counted is kept, so that a correction
 * changes the sum by the difference.  The lists hang on the member's state and
 * are never changed in place: whoever has a copy of the state can go back to it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/path.h"
#include "engine/rules_json.h"
#include "engine/rules_work.h"
#include "engine/task.h"

static const TaskCount *
find_count(List *counts, const TaskCount *key)
{
	ListCell   *cell;

	foreach(cell, counts)
	{
		const TaskCount *count = lfirst(cell);

		if (count->task_id == key->task_id && count->since == key->since &&
			strcmp(count->ref, key->ref) == 0)
			return count;
	}
	return NULL;
}

/* What is counted under the key so far. */
static Numeric
get_count(Engine *engine, const TaskCount *key)
{
	const TaskCount *known = find_count(engine->member->tasks, key);
	TaskCount	stored = *key;

	if (known != NULL)
		return known->amount;
	stored.amount = loyalty_number_of(0);
	engine->source->task_count(engine->source->arg, &stored);
	return stored.amount;
}

static void
set_count(Engine *engine, const TaskCount *key, Numeric amount)
{
	MemberState *member = engine->member;
	const TaskCount *known = find_count(member->tasks, key);
	TaskCount  *count = palloc(sizeof(TaskCount));
	List	   *counts = list_copy(member->tasks);

	*count = *key;
	count->amount = amount;
	if (known != NULL)
		counts = list_delete_ptr(counts, unconstify(TaskCount *, known));
	member->tasks = lappend(counts, count);
	engine->recounted = true;
}

static List *
badges_of(Engine *engine)
{
	MemberState *member = engine->member;

	if (!member->knows_badges)
	{
		member->badges = engine->source->badges(engine->source->arg);
		member->knows_badges = true;
	}
	return member->badges;
}

static const MemberBadge *
find_badge(Engine *engine, const char *name)
{
	ListCell   *cell;

	foreach(cell, badges_of(engine))
	{
		const MemberBadge *badge = lfirst(cell);

		if (strcmp(badge->badge, name) == 0)
			return badge;
	}
	return NULL;
}

static bool
has_badge(Engine *engine, const char *name)
{
	const MemberBadge *badge = find_badge(engine, name);

	return badge != NULL && !badge->gone;
}

int64
loyalty_badge_entry(Engine *engine, const char *name)
{
	return has_badge(engine, name) ? find_badge(engine, name)->entry_id : 0;
}

static void
change_badge(Engine *engine, const char *name, int64 entry_id, TimestampTz at, bool gone)
{
	MemberState *member = engine->member;
	const MemberBadge *known = find_badge(engine, name);
	MemberBadge *badge = palloc(sizeof(MemberBadge));
	List	   *badges = list_copy(member->badges);

	badge->badge = name;
	badge->entry_id = entry_id;
	badge->at = at;
	badge->stored = false;
	badge->gone = gone;
	if (known != NULL)
		badges = list_delete_ptr(badges, unconstify(MemberBadge *, known));
	member->badges = lappend(badges, badge);
}

void
loyalty_badge_award(Engine *engine, const char *name, const Entry *entry)
{
	change_badge(engine, name, entry->entry_id, entry->at, false);
}

void
loyalty_badge_take_back(Engine *engine, const char *name)
{
	const MemberBadge *known = find_badge(engine, name);

	change_badge(engine, name, known->entry_id, known->at, true);
}

/* "task <name>", with the period's first day where it is repeated. */
static const char *
completion_ref(const Task *task, int32 since)
{
	int			year;
	int			month;
	int			day;

	if (task->repeat == PERIOD_EVER)
		return psprintf("task %s", task->name);
	j2date(since + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("task %s %04d-%02d-%02d", task->name, year, month, day);
}

static const Jsonb *
completion_attributes(const Task *task)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "task", task->name);
	return loyalty_json_finish(json);
}

/* The newest grant of the completion, be it of 0 points; NULL if it has none. */
static const Entry *
entry_of_completion(Engine *engine, const EventType *event, const char *ref)
{
	const Entry *newest = NULL;
	ListCell   *cell;

	foreach(cell, loyalty_past_story(engine, ref))
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_EVENT && entry->event_id == event->event_id)
			newest = entry;
	}
	return newest;
}

static void
complete(Engine *engine, const Task *task, int32 since, TaskSettler settle)
{
	const EventType *event = loyalty_event_lookup(engine->program, EVENT_COMPLETED);
	const char *ref = completion_ref(task, since);
	const Entry *entry;

	if (event == NULL)
		return;
	(void) settle(engine, event, completion_attributes(task), ref, engine->at, engine->at);
	if (task->badge == NULL || has_badge(engine, task->badge))
		return;

	/* done again, it may have no new entry */
	entry = entry_of_completion(engine, event, ref);
	if (entry != NULL)
		loyalty_badge_award(engine, task->badge, entry);
}

static void
undo(Engine *engine, const Task *task, int32 since, TaskSettler settle)
{
	const EventType *event = loyalty_event_lookup(engine->program, EVENT_COMPLETED);

	if (event == NULL)
		return;
	(void) settle(engine, event, NULL, completion_ref(task, since), engine->at, engine->at);
	if (task->badge != NULL && has_badge(engine, task->badge))
		loyalty_badge_take_back(engine, task->badge);
}

/* Is the event the task's own completion?  Counted, it would hold itself up. */
static bool
is_own_completion(const Task *task, const Jsonb *attributes)
{
	JsonbValue	name;

	return strcmp(task->event, EVENT_COMPLETED) == 0 &&
		loyalty_json_find(&attributes->root, "task", jbvString, &name) &&
		name.val.string.len == (int) strlen(task->name) &&
		memcmp(name.val.string.val, task->name, name.val.string.len) == 0;
}

/* What the event as it is now counts for the task. */
static Numeric
measure(const Task *task, const Jsonb *attributes)
{
	Numeric		sum;

	if (attributes == NULL || is_own_completion(task, attributes) ||
		!loyalty_condition_holds(task->condition, attributes))
		return loyalty_number_of(0);
	if (task->measure->shape == PATH_ABSENT)
		return loyalty_number_of(1);
	sum = loyalty_path_sum(task->measure, attributes);
	return sum == NULL ? loyalty_number_of(0) : sum;
}

static void
count_event(Engine *engine, const Task *task, const Jsonb *attributes, const Entry *first,
			TaskSettler settle)
{
	Numeric		zero = loyalty_number_of(0);
	TaskCount	key = {task->task_id, 0, "", NULL};
	TaskCount	own;
	Numeric		before = zero;
	Numeric		amount = measure(task, attributes);
	Numeric		total;
	Numeric		change;
	bool		was_done;

	key.since = loyalty_period_since(task->repeat, first->at, engine->program->tz);
	own = key;
	if (first->ref != NULL)
	{
		own.ref = first->ref;
		before = get_count(engine, &own);
	}

	/* what has counted stays open to corrections, whatever the task says now */
	if (loyalty_number_compare(before, zero) == 0 &&
		(!task->active || (task->requires != NULL && !has_badge(engine, task->requires))))
		return;
	change = DatumGetNumeric(DirectFunctionCall2(numeric_sub, NumericGetDatum(amount),
												 NumericGetDatum(before)));
	if (loyalty_number_compare(change, zero) == 0)
		return;
	total = get_count(engine, &key);
	was_done = loyalty_number_compare(total, task->target) >= 0;
	total = loyalty_number_add(total, change);
	set_count(engine, &key, total);
	if (first->ref != NULL)
		set_count(engine, &own, amount);
	if (loyalty_number_compare(total, task->target) >= 0)
		complete(engine, task, key.since, settle);
	else if (was_done)
		undo(engine, task, key.since, settle);
}

void
loyalty_task_note(Engine *engine, const EventType *event, const Jsonb *attributes,
				  const Entry *first, TaskSettler settle)
{
	for (int i = 0; i < engine->program->task_count; i++)
	{
		const Task *task = &engine->program->tasks[i];

		if (strcmp(task->event, event->name) == 0 &&
			first->at >= task->starts_at && first->at < task->ends_at)
			count_event(engine, task, attributes, first, settle);
	}
}

static bool
sees_badges(const EventType *event)
{
	for (int i = 0; i < event->rule_count; i++)
	{
		ListCell   *cell;

		if (event->rules[i]->whole_member)
			return true;
		foreach(cell, event->rules[i]->member_keys)
		{
			if (strcmp(lfirst(cell), "badges") == 0)
				return true;
		}
	}
	return false;
}

const Jsonb *
loyalty_badges_shown(Engine *engine, const EventType *event)
{
	const Jsonb *attributes = engine->member->attributes;
	JsonWriter *json;
	Jsonb	   *shown;
	ListCell   *cell;

	if (engine->program->badge_count == 0 || !sees_badges(event))
		return attributes;
	json = loyalty_json_object();
	loyalty_json_key(json, "badges");
	loyalty_json_begin_array(json);
	foreach(cell, badges_of(engine))
	{
		const MemberBadge *badge = lfirst(cell);

		if (!badge->gone)
			loyalty_json_text(json, NULL, badge->badge);
	}
	loyalty_json_end(json);
	shown = loyalty_json_finish(json);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(attributes),
											  JsonbPGetDatum(shown)));
}
