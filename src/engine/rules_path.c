/*
 * rules_path.c
 *		What the paths of a rule give: matches, conditions, points.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "datatype/timestamp.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/path.h"
#include "engine/rules_json.h"
#include "engine/rules_work.h"

/* $at: the parts of the local date and time. */
static void
push_at(JsonWriter *json, TimestampTz at, pg_tz *tz)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;
	int			weekday;
	char		text[MAXDATELEN + 1];

	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, tz) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	weekday = j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday));

	loyalty_json_begin_object(json);
	loyalty_json_integer(json, "day", tm.tm_mday);
	snprintf(text, sizeof(text), "%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	loyalty_json_text(json, "date", text);
	loyalty_json_integer(json, "hour", tm.tm_hour);
	snprintf(text, sizeof(text), "%02d:%02d", tm.tm_hour, tm.tm_min);
	loyalty_json_text(json, "time", text);
	loyalty_json_integer(json, "year", tm.tm_year);
	loyalty_json_integer(json, "month", tm.tm_mon);
	loyalty_json_integer(json, "minute", tm.tm_min);
	loyalty_json_integer(json, "weekday", weekday == 0 ? 7 : weekday);
	loyalty_json_end(json);
}

/*
 * The variables object: those that `bits` names and no others.  A variable
 * that a path mentions is always there, null or {} where it has no value:
 * jsonpath raises an unknown variable even when silent.
 */
const Jsonb *
loyalty_rule_variables(const RuleWork *work, int bits, const RuleScope *scope)
{
	JsonWriter *json;

	if (bits == 0)
		return loyalty_json_empty();
	json = loyalty_json_object();
	if (bits & RULE_VARIABLE_EVENT)
		loyalty_json_document(json, "event", work->attributes);
	if (bits & RULE_VARIABLE_MEMBER)
		loyalty_json_document(json, "member",
							  work->member != NULL ? work->member : loyalty_json_empty());
	if (bits & RULE_VARIABLE_AT)
	{
		loyalty_json_key(json, "at");
		push_at(json, work->at, work->program->tz);
	}
	if (bits & RULE_VARIABLE_TIER)
	{
		if (work->tier_name == NULL)
			loyalty_json_null(json, "tier");
		else
		{
			loyalty_json_key(json, "tier");
			loyalty_json_begin_object(json);
			loyalty_json_text(json, "name", work->tier_name);
			loyalty_json_integer(json, "rank", work->tier_rank);
			loyalty_json_end(json);
		}
	}
	if (bits & RULE_VARIABLE_COUNT)
		loyalty_json_integer(json, "count", Max(work->count, 0));
	if (bits & RULE_VARIABLE_IDLE_DAYS)
	{
		if (work->idle_days < 0)
			loyalty_json_null(json, "idle_days");
		else
			loyalty_json_integer(json, "idle_days", work->idle_days);
	}
	if (bits & RULE_VARIABLE_STREAK)
	{
		if (work->streak == NULL)
			loyalty_json_null(json, "streak");
		else
			loyalty_streak_push(json, work->streak);
	}
	if (scope != NULL)
	{
		loyalty_json_integer(json, "n", scope->n);
		loyalty_json_number(json, "sum", scope->sum);
		loyalty_json_integer(json, "period_count", scope->before.seen);
		loyalty_json_number(json, "period_sum", scope->before.measured != NULL ?
							scope->before.measured : loyalty_number_of(0));
	}
	return loyalty_json_finish(json);
}

/*
 * What the rules mention of a member's attributes: single keys where that is
 * all they use, so that no more than needed is stored with the grant; NULL if
 * they mention nothing.
 */
const Jsonb *
loyalty_rule_member(const Jsonb *attributes, const List *rules)
{
	JsonWriter *json;
	bool		mentioned = false;
	bool		whole = false;
	ListCell   *cell;

	foreach(cell, rules)
	{
		const Rule *rule = lfirst(cell);

		mentioned |= (rule->variables & RULE_VARIABLE_MEMBER) != 0;
		whole |= rule->whole_member;
	}
	if (!mentioned)
		return NULL;
	if (attributes == NULL)
		return loyalty_json_empty();
	if (whole || !JB_ROOT_IS_OBJECT(attributes))
		return attributes;

	json = loyalty_json_object();
	foreach(cell, rules)
	{
		const Rule *rule = lfirst(cell);
		ListCell   *key;

		/* A key that two rules use is pushed twice: objects keep one. */
		foreach(key, rule->member_keys)
		{
			const char *name = lfirst(key);
			JsonbValue	value;

			if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &attributes->root),
											 name, strlen(name), &value) == NULL)
				continue;
			loyalty_json_key(json, name);
			loyalty_json_value(json, NULL, &value);
		}
	}
	return loyalty_json_finish(json);
}

/*
 * The key of a match: the text of the first thing that the path finds, or a
 * digest of it where that is long.
 */
static const char *
key_of_match(const RulePath *path, const Jsonb *target, const Jsonb *variables)
{
	PathItems	items;
	JsonbValue	item;
	char	   *key;
	const unsigned char *bytes;

	if (path->shape == PATH_ABSENT)
		return "";
	loyalty_path_find(path, target, variables, &items);
	if (!loyalty_path_next(&items, &item) || item.type == jbvNull)
		return "";
	if (item.type == jbvString)
		key = pnstrdup(item.val.string.val, item.val.string.len);
	else if (item.type == jbvNumeric)	/* 1.0 is 1 */
		key = numeric_normalize(item.val.numeric);
	else
	{
		Jsonb	   *value = JsonbValueToJsonb(&item);

		key = JsonbToCString(NULL, &value->root, VARSIZE(value));
	}
	if (strlen(key) <= RULE_KEY_MAX)
		return key;
	bytes = (const unsigned char *) key;
	return psprintf("%016llx%016llx",
					(unsigned long long) hash_bytes_extended(bytes, strlen(key), 0),
					(unsigned long long) hash_bytes_extended(bytes, strlen(key), 1));
}

/* A match that limits look at. */
static void
note_match(const Rule *rule, const Jsonb *target, const Jsonb *variables,
		   Numeric points, Numeric growth, RuleResult *result)
{
	RuleMatch  *match = palloc0(sizeof(RuleMatch));

	match->points = points != NULL ? points : loyalty_number_of(0);
	match->growth = growth;
	match->keys = palloc(sizeof(char *) * rule->limit_count);
	for (int i = 0; i < rule->limit_count; i++)
		match->keys[i] = key_of_match(&rule->limits[i].key, target, variables);
	result->match_list = lappend(result->match_list, match);
}

/* A match of a multiplying rule: of several factors the greatest counts. */
static void
apply_factor(const Rule *rule, const Jsonb *target, const Jsonb *variables,
			 Numeric factor, Numeric growth, RuleResult *result)
{
	if (factor == NULL)
	{
		result->misses++;
		return;
	}
	if (loyalty_number_compare(factor, loyalty_number_of(0)) < 0)
	{
		result->negatives++;
		return;
	}
	if (result->points != NULL && loyalty_number_compare(factor, result->points) <= 0)
		return;
	result->points = factor;
	if (rule->limit_count > 0)
	{
		result->match_list = NIL;
		note_match(rule, target, variables, factor, growth, result);
	}
}

static void
apply_match(const Rule *rule, const Jsonb *target, const Jsonb *variables, RuleResult *result)
{
	Numeric		points;
	Numeric		growth = NULL;

	if (!loyalty_path_holds(&rule->condition, target, variables))
		return;
	points = loyalty_path_numbers(&rule->points, target, variables);
	if (rule->growth.shape != PATH_ABSENT)
		growth = loyalty_path_numbers(&rule->growth, target, variables);
	else if (rule->mode == RULE_ADD)
		growth = points;

	result->matches++;
	if (growth != NULL)
		result->growth = result->growth == NULL ? growth :
			loyalty_number_add(result->growth, growth);
	if (rule->mode == RULE_MULTIPLY)
	{
		apply_factor(rule, target, variables, points, growth, result);
		return;
	}
	if (points == NULL)
		result->misses++;
	else
		result->points = result->points == NULL ? points :
			loyalty_number_add(result->points, points);
	if (rule->limit_count > 0)
		note_match(rule, target, variables, points, growth, result);
}

/* The matches of `each`, as a list of Jsonb. */
static List *
find_matches(const Rule *rule, const RuleWork *work)
{
	List	   *matches = NIL;
	PathItems	items;
	JsonbValue	item;

	if (rule->each.shape == PATH_ROOT)
		return list_make1(unconstify(Jsonb *, work->attributes));
	loyalty_path_find(&rule->each, work->attributes, work->variables, &items);
	while (loyalty_path_next(&items, &item))
		matches = lappend(matches, JsonbValueToJsonb(&item));
	return matches;
}

/* $n, $sum and what the rule saw before in its period. */
static RuleScope *
make_scope(const Rule *rule, const RuleWork *work, const List *matches)
{
	RuleScope  *scope = palloc0(sizeof(RuleScope));
	const StoredFacts *facts = !work->correcting ? NULL :
		loyalty_stored_facts(work, rule->version_id);
	ListCell   *cell;

	scope->n = list_length(matches);
	scope->sum = loyalty_number_of(0);
	foreach(cell, rule->measure.shape == PATH_ABSENT ? NIL : matches)
	{
		Numeric		sum = loyalty_path_numbers(&rule->measure, lfirst(cell), work->variables);

		if (sum != NULL)
			scope->sum = loyalty_number_add(scope->sum, sum);
	}
	if ((rule->variables & RULE_VARIABLES_OF_PERIOD) == 0)
		return scope;
	scope->before.rule_id = rule->rule_id;
	scope->before.per = rule->period;
	scope->before.since = loyalty_period_since(rule->period, work->at, work->program->tz);
	scope->before.key = "";
	if (facts != NULL)
	{
		scope->before.seen = facts->before_count;
		scope->before.measured = facts->before_sum;
	}
	else if (!work->correcting)
		work->facts->usage(work->facts->arg, &scope->before, 1);
	return scope;
}

/* Is the member one of those who do not get the rule?  A matter of its key. */
static bool
is_held_out(const Rule *rule, const RuleWork *work)
{
	uint64		hash;

	if (rule->holdout <= 0 || work->member_ref == NULL)
		return false;
	hash = hash_bytes_extended((const unsigned char *) work->member_ref,
							   strlen(work->member_ref), (uint64) rule->rule_id);
	return (double) (hash >> 11) / (double) (UINT64CONST(1) << 53) < rule->holdout;
}

static void
name_rule(void *arg)
{
	const Rule *rule = arg;

	errcontext("rule \"%s\" of program \"%s\"", rule->name, rule->program);
}

static void
apply_matches(const Rule *rule, const RuleWork *work, RuleResult *result)
{
	const Jsonb *variables = work->variables;
	List	   *matches = find_matches(rule, work);
	ListCell   *cell;

	if (rule->variables & RULE_VARIABLES_OF_RULE)
	{
		result->scope = make_scope(rule, work, matches);
		result->tracked = matches != NIL && (rule->variables & RULE_VARIABLES_OF_PERIOD) != 0;
		variables = loyalty_rule_variables(work, work->bits, result->scope);
	}
	foreach(cell, matches)
		apply_match(rule, lfirst(cell), variables, result);

	result->held_out = result->matches > 0 && is_held_out(rule, work);
	if (result->points == NULL)
		result->points = loyalty_number_of(rule->mode == RULE_MULTIPLY ? 1 : 0);
	if (result->growth == NULL || result->held_out)
		result->growth = loyalty_number_of(0);
	if (result->held_out)
		result->match_list = NIL;
}

/*
 * Fills *result up to its points and growth; false if the rule neither applies
 * nor counts what it saw.  Points and growth that nothing gave are 0.
 */
bool
loyalty_rule_apply(const Rule *rule, const RuleWork *work, RuleResult *result)
{
	ErrorContextCallback context;

	memset(result, 0, sizeof(RuleResult));
	result->rule = rule;

	context.callback = name_rule;
	context.arg = unconstify(Rule *, rule);
	context.previous = error_context_stack;
	error_context_stack = &context;

	apply_matches(rule, work, result);
	error_context_stack = context.previous;
	return result->matches > 0 || result->tracked;
}
