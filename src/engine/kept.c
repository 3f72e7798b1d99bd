/*
 * kept.c
 *		Times of limits that stay used, since what their rule gave was used.
 *
 * They are noted in the breakdown of the first family's entry that ends the
 * rule's effects, a correction or the claw-back of the whole event,
 *		"kept": [{"use": {"ever": "0/1"}, "rule": "welcome", "rule_id": 7}]
 * and in every later correction, until the rule counts again by itself.  What a
 * claw-back notes stays, as what it takes is gone for good; and what a resettling
 * found used stays through it, for the key and period of then: all events of a
 * member are evaluated beside that, so that doing it again changes nothing.  Of
 * what is noted and what the rules count by themselves the greater is used.
 */
#include "postgres.h"

#include "engine/effect.h"
#include "engine/kept.h"
#include "engine/rules_json.h"
#include "engine/usage.h"
#include "engine/use_table.h"

static KeptTimes *
read_times(const JsonbContainer *object)
{
	KeptTimes  *times = palloc0(sizeof(KeptTimes));
	JsonbValue	value;

	if (!loyalty_json_find(object, "rule_id", jbvNumeric, &value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no valid \"%s\"", "kept")));
	times->rule_id = (int32) loyalty_json_int64(&value);
	times->rule = !loyalty_json_find(object, "rule", jbvString, &value) ? "" :
		pnstrdup(value.val.string.val, value.val.string.len);
	if (loyalty_json_find(object, "use", jbvBinary, &value))
		times->uses = loyalty_uses_read(value.val.binary.data, NIL, times->rule_id);
	return times;
}

/* The times that a breakdown notes; it may be NULL. */
List *
loyalty_kept_read(const Jsonb *breakdown)
{
	List	   *kept = NIL;
	JsonbIterator *iterator;
	JsonbValue	value;

	if (breakdown == NULL || !loyalty_json_find(&breakdown->root, "kept", jbvBinary, &value))
		return NIL;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary)
			kept = lappend(kept, read_times(value.val.binary.data));
	}
	return kept;
}

/* `breakdown` may be NULL: it has nothing else. */
const Jsonb *
loyalty_kept_note(const Jsonb *breakdown, const List *kept)
{
	JsonWriter *json;
	ListCell   *cell;

	if (kept == NIL)
		return breakdown;
	json = loyalty_json_reopen(breakdown);
	loyalty_json_key(json, "kept");
	loyalty_json_begin_array(json);
	foreach(cell, kept)
	{
		const KeptTimes *times = lfirst(cell);

		loyalty_json_begin_object(json);
		loyalty_uses_push(json, "use", times->uses);
		loyalty_json_text(json, "rule", times->rule);
		loyalty_json_integer(json, "rule_id", times->rule_id);
		loyalty_json_end(json);
	}
	loyalty_json_end(json);
	return loyalty_json_finish(json);
}

/* What the entries of an event note and still goes. */
static List *
noted(const List *families)
{
	const Family *family;
	List	   *kept;
	ListCell   *cell;

	if (families == NIL)
		return NIL;
	family = linitial(families);
	kept = loyalty_kept_read(loyalty_family_newest(family)->breakdown);
	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_CLAW_BACK)
			kept = list_concat(kept, loyalty_kept_read(entry->breakdown));
	}
	return kept;
}

List *
loyalty_kept_uses(const List *kept)
{
	List	   *uses = NIL;
	ListCell   *cell;

	foreach(cell, kept)
		uses = list_concat(uses, ((const KeptTimes *) lfirst(cell))->uses);
	return uses;
}

List *
loyalty_kept_raise(List *uses, const List *families)
{
	List	   *kept = noted(families);
	UseTable	lacking = {0};
	ListCell   *cell;

	if (kept == NIL)
		return uses;
	foreach(cell, loyalty_kept_uses(kept))
	{
		RuleUse    *use = lfirst(cell);
		RuleUse    *other = loyalty_use_find(&lacking, use);

		if (other != NULL)
			other->times = Max(other->times, use->times);
		else
			loyalty_use_add(&lacking, use);
	}
	foreach(cell, uses)
	{
		RuleUse    *use = loyalty_use_find(&lacking, lfirst(cell));

		if (use != NULL)
			use->times -= ((const RuleUse *) lfirst(cell))->times;
	}
	for (int i = 0; i < lacking.count; i++)
	{
		if (lacking.uses[i]->times > 0)
			uses = lappend(uses, lacking.uses[i]);
	}
	return uses;
}

static int64
times_of(const List *uses, int32 rule_id)
{
	int64		times = 0;
	ListCell   *cell;

	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);

		if (use->rule_id == rule_id)
			times += use->times;
	}
	return times;
}

/* Was a ticket drawn?  So it counts once its draw is over. */
static bool
was_drawn(const Engine *engine, const Effect *effect)
{
	const Draw *draw = effect->kind != EFFECT_DRAW_TICKET ? NULL :
		loyalty_draw_lookup(engine->program, effect->name);

	return draw != NULL && draw->ends_at <= engine->at;
}

/* Adds a rule that is not there yet, with the times that `before` has of it. */
static List *
keep_rule(List *kept, int32 rule_id, const char *rule, const List *before)
{
	KeptTimes  *times = palloc0(sizeof(KeptTimes));
	UseTable	sums = {0};
	ListCell   *cell;

	foreach(cell, kept)
	{
		if (((const KeptTimes *) lfirst(cell))->rule_id == rule_id)
			return kept;
	}
	times->rule_id = rule_id;
	times->rule = rule;
	foreach(cell, before)
	{
		const RuleUse *use = lfirst(cell);
		RuleUse    *sum = loyalty_use_find(&sums, use);

		if (use->rule_id != rule_id || use->times == 0)
			continue;
		if (sum == NULL)
		{
			sum = palloc0(sizeof(RuleUse));
			sum->rule_id = rule_id;
			sum->per = use->per;
			sum->since = use->since;
			sum->key = use->key;
			times->uses = lappend(times->uses, sum);
			loyalty_use_add(&sums, sum);
		}
		sum->times += use->times;
	}
	return lappend(kept, times);
}

List *
loyalty_kept_find(const Engine *engine, const List *families, const EventOutcome *outcome)
{
	List	   *had = loyalty_effects_standing(families);
	List	   *kept_before = noted(families);
	List	   *kept = NIL;
	List	   *before;
	List	   *after = outcome == NULL ? NIL : outcome->uses;
	List	   *used = NIL;
	bool		renewed = outcome != NULL && outcome->renewed;
	bool		asked = false;
	ListCell   *cell;

	if (had == NIL && kept_before == NIL)
		return NIL;
	before = loyalty_usage_standing(families);
	foreach(cell, kept_before)
	{
		const KeptTimes *times = lfirst(cell);

		if (renewed || times_of(after, times->rule_id) == 0)
			kept = keep_rule(kept, times->rule_id, times->rule, times->uses);
	}
	foreach(cell, had)
	{
		const Effect *effect = lfirst(cell);

		if (times_of(before, effect->rule_id) == 0 ||
			(!renewed && times_of(after, effect->rule_id) != 0))
			continue;
		if (!asked)
			used = engine->source->used_by_rules(engine->source->arg,
												 ((Family *) linitial(families))->first->entry_id);
		asked = true;
		if (was_drawn(engine, effect) || list_member_int(used, effect->rule_id))
			kept = keep_rule(kept, effect->rule_id, effect->rule, before);
	}
	return kept;
}
