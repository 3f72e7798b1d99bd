/*
 * effect.c
 *		Which effects an event has: given by its rules, noted, and standing.
 *
 * They are noted beside the rules in the breakdown of the first family's
 * entries,
 *		"effects": [{"rule": "welcome", "count": 2, "coupon": "ten_off", "rule_id": 7}]
 * with "draw_ticket", "benefit" or "badge" for the other kinds.  A claw-back of
 * the whole event notes those that it took in the same way.
 */
#include "postgres.h"

#include "engine/effect.h"
#include "engine/rules_json.h"

/* Does the rule apply, and did no limit, budget or max_balance cut it to nothing? */
static bool
gives_effects(const RuleResult *result)
{
	return result->rule->effect_count > 0 && loyalty_result_grants(result);
}

/* Fills in the validity; false if the program does not give it at that time (any more). */
static bool
find_validity(const RuleWork *work, const Program *program, const Rule *rule,
			  const RuleEffect *given, Effect *effect)
{
	const ValidityPolicy *validity = given->validity;
	GrantShare	share;

	if (given->kind == EFFECT_BADGE)
		return loyalty_badge_is_known(program, given->name);
	if (given->kind == EFFECT_DRAW_TICKET)
	{
		const Draw *draw = loyalty_draw_lookup(program, given->name);

		return draw != NULL && draw->starts_at <= work->at && work->at < draw->ends_at;
	}
	loyalty_rule_validity(work, rule, &share);
	if (given->kind == EFFECT_COUPON)
	{
		const CouponType *type = loyalty_coupon_type_lookup(program, given->name);

		if (type == NULL)
			return false;
		validity = type->validity != NULL ? type->validity : work->program->validity;
	}
	effect->valid_from = share.valid_from;
	effect->valid_until = validity == NULL ? share.valid_until :
		loyalty_validity_until(validity, share.valid_from, work->program->tz);
	return true;
}

List *
loyalty_effects_given(const RuleWork *work, const EventRequest *request,
					  const RuleResult *results, int count)
{
	List	   *effects = NIL;

	for (int i = 0; i < count; i++)
	{
		const Rule *rule = results[i].rule;

		if (!gives_effects(&results[i]))
			continue;
		for (int j = 0; j < rule->effect_count; j++)
		{
			Effect	   *effect = palloc0(sizeof(Effect));

			effect->kind = rule->effects[j].kind;
			effect->rule_id = rule->rule_id;
			effect->rule = rule->name;
			effect->name = rule->effects[j].name;
			effect->count = rule->effects[j].count;
			if (find_validity(work, request->program, rule, &rule->effects[j], effect))
				effects = lappend(effects, effect);
		}
	}
	return effects != NIL && loyalty_rules_take_away(results, count) ? NIL : effects;
}

/* Adds the member "effects" to an object that is being pushed. */
static void
push_effects(JsonWriter *json, const List *effects)
{
	ListCell   *cell;

	loyalty_json_key(json, "effects");
	loyalty_json_begin_array(json);
	foreach(cell, effects)
	{
		const Effect *effect = lfirst(cell);

		loyalty_json_begin_object(json);
		loyalty_json_text(json, "rule", effect->rule);
		loyalty_json_integer(json, "count", effect->count);
		loyalty_json_text(json, loyalty_effect_key(effect->kind), effect->name);
		loyalty_json_integer(json, "rule_id", effect->rule_id);
		loyalty_json_end(json);
	}
	loyalty_json_end(json);
}

/* `breakdown` may be NULL: it has nothing else. */
const Jsonb *
loyalty_effects_note(const Jsonb *breakdown, const List *effects)
{
	JsonWriter *json;

	if (effects == NIL)
		return breakdown;
	json = loyalty_json_reopen(breakdown);
	push_effects(json, effects);
	return loyalty_json_finish(json);
}

static Effect *
read_effect(const JsonbContainer *object)
{
	Effect	   *effect = palloc0(sizeof(Effect));
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, object));
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token != WJB_VALUE)
			continue;
		else if (value.type == jbvNumeric && strcmp(key, "count") == 0)
			effect->count = loyalty_json_int64(&value);
		else if (value.type == jbvNumeric && strcmp(key, "rule_id") == 0)
			effect->rule_id = (int32) loyalty_json_int64(&value);
		else if (value.type == jbvString && strcmp(key, "rule") == 0)
			effect->rule = pnstrdup(value.val.string.val, value.val.string.len);
		else if (value.type == jbvString && loyalty_effect_key_parse(key, &effect->kind))
			effect->name = pnstrdup(value.val.string.val, value.val.string.len);
	}
	if (effect->name == NULL || effect->rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no valid \"%s\"", "effects")));
	return effect;
}

/* The effects that a breakdown notes; it may be NULL. */
List *
loyalty_effects_read(const Jsonb *breakdown)
{
	List	   *effects = NIL;
	JsonbIterator *iterator;
	JsonbValue	value;

	if (breakdown == NULL || !loyalty_json_find(&breakdown->root, "effects", jbvBinary, &value))
		return NIL;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary)
			effects = lappend(effects, read_effect(value.val.binary.data));
	}
	return effects;
}

List *
loyalty_effects_noted(const List *families)
{
	if (families == NIL)
		return NIL;
	return loyalty_effects_read(loyalty_family_newest(linitial(families))->breakdown);
}

static bool
same_effect(const Effect *a, const Effect *b)
{
	return a->kind == b->kind && a->rule_id == b->rule_id && strcmp(a->name, b->name) == 0;
}

int64
loyalty_effects_count(const List *effects, const Effect *effect)
{
	int64		count = 0;
	ListCell   *cell;

	foreach(cell, effects)
	{
		if (same_effect(lfirst(cell), effect))
			count += ((const Effect *) lfirst(cell))->count;
	}
	return count;
}

static bool
holds_all(const List *effects, const List *others)
{
	ListCell   *cell;

	foreach(cell, others)
	{
		if (loyalty_effects_count(effects, lfirst(cell)) !=
			loyalty_effects_count(others, lfirst(cell)))
			return false;
	}
	return true;
}

bool
loyalty_effects_same(const List *a, const List *b)
{
	return holds_all(a, b) && holds_all(b, a);
}

List *
loyalty_effects_left(const List *families, const List *effects)
{
	List	   *taken = NIL;
	List	   *left = NIL;
	ListCell   *cell;

	if (effects == NIL || families == NIL)
		return unconstify(List *, effects);
	foreach(cell, ((const Family *) linitial(families))->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_CLAW_BACK)
			taken = list_concat(taken, loyalty_effects_read(entry->breakdown));
	}
	foreach(cell, effects)
	{
		Effect	   *effect = palloc(sizeof(Effect));

		*effect = *(const Effect *) lfirst(cell);
		effect->count -= loyalty_effects_count(taken, effect);
		if (effect->count > 0)
			left = lappend(left, effect);
	}
	return left;
}

List *
loyalty_effects_standing(const List *families)
{
	return loyalty_effects_left(families, loyalty_effects_noted(families));
}

/* Did a claw-back take effects? */
bool
loyalty_effects_clawed_back(const Family *family)
{
	ListCell   *cell;

	foreach(cell, family->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_CLAW_BACK && entry->breakdown != NULL)
			return true;
	}
	return false;
}
