/*
 * rules_facts.c
 *		What rules use, and what they knew, within a breakdown.
 *
 * Beside its points a rule notes what it uses of its limits, per period and
 * key as [points, times], and what else it counts:
 *		"use": {"month 2026-11-01": [40, 1], "ever bob": [40, 1]},
 *		"seen": {"month 2026-11-01": 12.5}, "carry": 0.25, "budget": 40,
 *		"rule_id": 7
 * The first grant holds the facts that a correction needs again, rules by
 * version: what was used before it, $period_count and $period_sum, the fraction
 * that came in.
 *		"facts": {"count": 3, "idle_days": 12, "room": 500,
 *			"streak": {"run": 5, "days": 9, "first": true}, "rules": {"12": {
 *			"used": {"month 2026-11-01": [60, 2]}, "before": [4, 99.5],
 *			"carried": 0.5}}}
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"

/* A member of an object of a stored breakdown; false if absent. */
bool
loyalty_json_find(const JsonbContainer *object, const char *key, enum jbvType type,
				  JsonbValue *value)
{
	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, object),
									 key, strlen(key), value) == NULL)
		return false;
	if (value->type != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no valid \"%s\"", key)));
	return true;
}

int64
loyalty_json_int64(const JsonbValue *value)
{
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value->val.numeric)));
}

/* "month 2026-11-01", "ever", with a key behind another blank. */
static const char *
use_name(const RuleUse *use)
{
	const char *per = loyalty_period_name(use->per);
	const char *separator = use->key[0] == '\0' ? "" : " ";
	int			year;
	int			month;
	int			day;

	if (DATE_IS_NOBEGIN(use->since))
		return psprintf("%s%s%s", per, separator, use->key);
	j2date(use->since + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("%s %04d-%02d-%02d%s%s", per, year, month, day, separator, use->key);
}

static void
parse_use_name(const char *name, int length, RuleUse *use)
{
	const char *end = name + length;
	const char *blank = memchr(name, ' ', length);
	int			year;
	int			month;
	int			day;
	int			consumed = 0;
	char	   *rest;

	if (!loyalty_period_parse(name, (blank == NULL ? end : blank) - name, &use->per))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no valid \"%s\"", "use")));
	use->key = "";
	use->since = DATEVAL_NOBEGIN;
	if (blank == NULL)
		return;
	rest = pnstrdup(blank + 1, end - blank - 1);
	if (use->per != PERIOD_EVER)
	{
		if (sscanf(rest, "%d-%d-%d%n", &year, &month, &day, &consumed) < 3)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored breakdown has no valid \"%s\"", "use")));
		use->since = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
		rest += consumed;
		if (rest[0] == ' ')
			rest++;
	}
	use->key = rest;
}

void
loyalty_uses_push(JsonbParseState **state, const char *key, const List *uses)
{
	ListCell   *cell;

	loyalty_json_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);

		if (use->points == 0 && use->times == 0)
			continue;
		loyalty_json_key(state, use_name(use));
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		loyalty_json_integer(state, NULL, use->points);
		loyalty_json_integer(state, NULL, use->times);
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Within the object of a rule's result. */
void
loyalty_breakdown_push_use(JsonbParseState **state, const RuleResult *result)
{
	bool		counts = false;
	ListCell   *cell;

	if (result->uses == NIL)
		return;
	loyalty_json_integer(state, "rule_id", result->rule->rule_id);
	foreach(cell, result->uses)
	{
		const RuleUse *use = lfirst(cell);

		counts |= use->points != 0 || use->times != 0;
		if (use->carried != NULL)
			loyalty_json_number(state, "carry", use->carried);
		if (use->budget != 0)
			loyalty_json_integer(state, "budget", use->budget);
		if (use->seen != 0)
		{
			loyalty_json_key(state, "seen");
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			loyalty_json_number(state, use_name(use), use->measured);
			pushJsonbValue(state, WJB_END_OBJECT, NULL);
		}
	}
	if (counts)
		loyalty_uses_push(state, "use", result->uses);
}

static void
push_rule_facts(JsonbParseState **state, const RuleResult *result)
{
	bool		before = result->scope != NULL && result->scope->before.key != NULL;

	if (result->used == NIL && result->carried == NULL && !before)
		return;
	loyalty_json_key(state, psprintf(INT64_FORMAT, result->rule->version_id));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (result->used != NIL)
		loyalty_uses_push(state, "used", result->used);
	if (before)
	{
		loyalty_json_key(state, "before");
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		loyalty_json_integer(state, NULL, result->scope->before.seen);
		loyalty_json_number(state, NULL, result->scope->before.measured != NULL ?
							result->scope->before.measured : int64_to_numeric(0));
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	if (result->carried != NULL)
		loyalty_json_number(state, "carried", result->carried);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* What was stored once is handed on, whatever the rules of now mention. */
static bool
shows_streak(const RuleWork *work)
{
	return work->streak != NULL &&
		(work->renewed || (work->bits & RULE_VARIABLE_STREAK) != 0);
}

static bool
has_facts(const RuleWork *work, const RuleResult *results, int count)
{
	bool		facts = work->count >= 0 || work->room >= 0 || shows_streak(work);

	for (int i = 0; i < count; i++)
		facts |= results[i].used != NIL || results[i].carried != NULL ||
			results[i].scope != NULL;
	return facts;
}

/* As $streak, and as it is stored. */
void
loyalty_streak_push(JsonbParseState **state, const StreakValue *streak)
{
	loyalty_json_key(state, "streak");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	loyalty_json_integer(state, "run", streak->run);
	loyalty_json_integer(state, "days", streak->days);
	loyalty_json_bool(state, "first", streak->first);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static const StreakValue *
read_streak(const JsonbContainer *object)
{
	StreakValue *streak = palloc0(sizeof(StreakValue));
	JsonbValue	value;

	if (loyalty_json_find(object, "run", jbvNumeric, &value))
		streak->run = (int32) loyalty_json_int64(&value);
	if (loyalty_json_find(object, "days", jbvNumeric, &value))
		streak->days = (int32) loyalty_json_int64(&value);
	if (loyalty_json_find(object, "first", jbvBool, &value))
		streak->first = value.val.boolean;
	return streak;
}

const StreakValue *
loyalty_breakdown_streak(const Jsonb *breakdown)
{
	JsonbValue	value;

	if (breakdown == NULL || !JB_ROOT_IS_OBJECT(breakdown) ||
		!loyalty_json_find(&breakdown->root, "facts", jbvBinary, &value) ||
		!loyalty_json_find(value.val.binary.data, "streak", jbvBinary, &value))
		return NULL;
	return read_streak(value.val.binary.data);
}

/* The facts of all rules, within the breakdown of the first grant. */
void
loyalty_breakdown_push_facts(JsonbParseState **state, const RuleWork *work,
							 const RuleResult *results, int count)
{
	if (!has_facts(work, results, count))
		return;
	loyalty_json_key(state, "facts");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (work->room >= 0)
		loyalty_json_integer(state, "room", work->room);
	if (work->count >= 0)
	{
		loyalty_json_integer(state, "count", work->count);
		if (work->idle_days >= 0)
			loyalty_json_integer(state, "idle_days", work->idle_days);
	}
	if (shows_streak(work))
		loyalty_streak_push(state, work->streak);
	loyalty_json_key(state, "rules");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < count; i++)
		push_rule_facts(state, &results[i]);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Reads {"month 2026-11-01": [points, times], ...}. */
List *
loyalty_uses_read(const JsonbContainer *object, List *uses, int32 rule_id)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, object));
	JsonbValue	value;
	JsonbIteratorToken token;
	RuleUse    *use = NULL;

	JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		JsonbValue *number;

		if (token == WJB_KEY)
		{
			use = palloc0(sizeof(RuleUse));
			use->rule_id = rule_id;
			parse_use_name(value.val.string.val, value.val.string.len, use);
		}
		else if (token == WJB_VALUE && use != NULL && value.type == jbvBinary)
		{
			number = getIthJsonbValueFromContainer(value.val.binary.data, 0);
			use->points = number == NULL ? 0 : loyalty_json_int64(number);
			number = getIthJsonbValueFromContainer(value.val.binary.data, 1);
			use->times = number == NULL ? 0 : loyalty_json_int64(number);
			uses = lappend(uses, use);
		}
	}
	return uses;
}

static void
read_rule_facts(const JsonbContainer *object, StoredFacts *facts)
{
	JsonbValue	value;
	JsonbValue *number;

	if (loyalty_json_find(object, "used", jbvBinary, &value))
		facts->used = loyalty_uses_read(value.val.binary.data, NIL, 0);
	if (loyalty_json_find(object, "carried", jbvNumeric, &value))
		facts->carried = value.val.numeric;
	if (!loyalty_json_find(object, "before", jbvBinary, &value))
		return;
	number = getIthJsonbValueFromContainer(value.val.binary.data, 0);
	facts->before_count = number == NULL ? 0 : loyalty_json_int64(number);
	number = getIthJsonbValueFromContainer(value.val.binary.data, 1);
	facts->before_sum = number == NULL ? NULL : number->val.numeric;
}

/* Fills what a correction knows from the facts of the first grant. */
void
loyalty_breakdown_read_facts(const JsonbContainer *object, RuleWork *work)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	StoredFacts *facts = NULL;

	if (loyalty_json_find(object, "room", jbvNumeric, &value))
		work->room = loyalty_json_int64(&value);
	if (loyalty_json_find(object, "count", jbvNumeric, &value))
		work->count = loyalty_json_int64(&value);
	if (loyalty_json_find(object, "idle_days", jbvNumeric, &value))
		work->idle_days = loyalty_json_int64(&value);
	if (loyalty_json_find(object, "streak", jbvBinary, &value))
		work->streak = read_streak(value.val.binary.data);
	if (!loyalty_json_find(object, "rules", jbvBinary, &value))
		return;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			facts = palloc0(sizeof(StoredFacts));
			facts->version_id = strtoll(pnstrdup(value.val.string.val, value.val.string.len),
										NULL, 10);
		}
		else if (token == WJB_VALUE && facts != NULL && value.type == jbvBinary)
		{
			read_rule_facts(value.val.binary.data, facts);
			work->stored = lappend(work->stored, facts);
		}
	}
}

/* The uses of one rule's result. */
static List *
read_use(const JsonbContainer *result, List *uses)
{
	JsonbValue	value;
	int32		rule_id;
	RuleUse    *ever = palloc0(sizeof(RuleUse));

	if (!loyalty_json_find(result, "rule_id", jbvNumeric, &value))
		return uses;
	rule_id = (int32) loyalty_json_int64(&value);
	if (loyalty_json_find(result, "use", jbvBinary, &value))
		uses = loyalty_uses_read(value.val.binary.data, uses, rule_id);

	ever->rule_id = rule_id;
	ever->per = PERIOD_EVER;
	ever->since = DATEVAL_NOBEGIN;
	ever->key = "";
	if (loyalty_json_find(result, "carry", jbvNumeric, &value))
		ever->carried = value.val.numeric;
	if (loyalty_json_find(result, "budget", jbvNumeric, &value))
		ever->budget = loyalty_json_int64(&value);
	if (ever->carried != NULL || ever->budget != 0)
		uses = lappend(uses, ever);

	if (loyalty_json_find(result, "seen", jbvBinary, &value))
	{
		JsonbIterator *iterator = JsonbIteratorInit(value.val.binary.data);
		RuleUse    *use = palloc0(sizeof(RuleUse));

		use->rule_id = rule_id;
		JsonbIteratorNext(&iterator, &value, true);
		if (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
		{
			parse_use_name(value.val.string.val, value.val.string.len, use);
			(void) JsonbIteratorNext(&iterator, &value, true);
			use->seen = 1;
			use->measured = value.val.numeric;
			uses = lappend(uses, use);
		}
	}
	return uses;
}

List *
loyalty_breakdown_uses(const Jsonb *breakdown)
{
	List	   *uses = NIL;
	JsonbIterator *iterator;
	JsonbValue	value;

	if (breakdown == NULL || !JB_ROOT_IS_OBJECT(breakdown) ||
		!loyalty_json_find(&breakdown->root, "rules", jbvBinary, &value))
		return NIL;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary)
			uses = read_use(value.val.binary.data, uses);
	}
	return uses;
}
