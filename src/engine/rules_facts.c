/*
 * rules_facts.c
 *		What rules use, and what they knew, within a breakdown.
 *
 * Beside its points a rule notes what it uses of its limits, per period and key
 * as points/times, followed by what was used before it, if anything was, and
 * what else it counts:
 *		"use": {"month 2026-11-01": "40/1 60/2", "ever bob": "40/1"},
 *		"seen": {"month 2026-11-01": 12.5}, "carry": 0.25, "budget": 40
 * The first grant holds the facts that a correction needs again, rules by
 * version: $period_count and $period_sum, the fraction that came in, what was
 * used before if the rule is part of another grant.
 *		"facts": {"count": 3, "idle_days": 12, "room": 500,
 *			"streak": {"run": 5, "days": 9, "first": true}, "rules": {"12": {
 *			"used": {"month 2026-11-01": "60/2"}, "before": [4, 99.5],
 *			"carried": 0.5}}}
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
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
	char	   *name;
	char	   *end;
	int			year;
	int			month;
	int			day;

	end = name = palloc(strlen(per) + sizeof(" 294276-12-31 ") + strlen(use->key));
	end = stpcpy(end, per);
	if (!DATE_IS_NOBEGIN(use->since))
	{
		j2date(use->since + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		Assert(year >= 0);
		*end++ = ' ';
		end = pg_ultostr_zeropad(end, year, 4);
		*end++ = '-';
		end = pg_ultostr_zeropad(end, month, 2);
		*end++ = '-';
		end = pg_ultostr_zeropad(end, day, 2);
		*end = '\0';
	}
	if (use->key[0] != '\0')
	{
		*end++ = ' ';
		strcpy(end, use->key);
	}
	return name;
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

/* As "points/times", and what was before, if anything, behind a blank. */
static void
push_counts(JsonWriter *json, const RuleUse *use, int64 points, int64 times,
			int64 points_before, int64 times_before)
{
	char		text[4 * (MAXINT8LEN + 1)];
	char	   *end = text;

	end += pg_lltoa(points, end);
	*end++ = '/';
	end += pg_lltoa(times, end);
	if (points_before != 0 || times_before != 0)
	{
		*end++ = ' ';
		end += pg_lltoa(points_before, end);
		*end++ = '/';
		end += pg_lltoa(times_before, end);
	}
	loyalty_json_text(json, use_name(use), text);
}

void
loyalty_uses_push(JsonWriter *json, const char *key, const List *uses)
{
	ListCell   *cell;

	loyalty_json_key(json, key);
	loyalty_json_begin_object(json);
	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);

		if (use->points == 0 && use->times == 0)
			continue;
		push_counts(json, use, use->points, use->times, 0, 0);
	}
	loyalty_json_end(json);
}

static const LimitBucket *
bucket_of(const RuleResult *result, int number)
{
	return (const LimitBucket *) result->buckets.uses[number];
}

/* Was something of it used before the event? */
static bool
was_used(const LimitBucket *bucket)
{
	return bucket->use.per != PERIOD_EVENT &&
		(bucket->points_before != 0 || bucket->times_before != 0);
}

/* Is there something to tell of a bucket? */
static bool
is_counted(const LimitBucket *bucket)
{
	return was_used(bucket) ||
		(bucket->use.per != PERIOD_EVENT && (bucket->use.points != 0 || bucket->use.times != 0));
}

void
loyalty_breakdown_use(const RuleResult *result, UseParts *parts)
{
	ListCell   *cell;

	memset(parts, 0, sizeof(UseParts));
	for (int i = 0; i < result->buckets.count && !parts->counts; i++)
		parts->counts = is_counted(bucket_of(result, i));
	foreach(cell, result->uses)
	{
		const RuleUse *use = lfirst(cell);

		if (use->carried != NULL)
			parts->carry = use;
		if (use->budget != 0)
			parts->budget = use;
		if (use->seen != 0)
			parts->seen = use;
	}
}

void
loyalty_breakdown_push_counts(JsonWriter *json, const RuleResult *result)
{
	loyalty_json_key(json, "use");
	loyalty_json_begin_object(json);
	for (int i = 0; i < result->buckets.count; i++)
	{
		const LimitBucket *bucket = bucket_of(result, i);

		if (!is_counted(bucket))
			continue;
		push_counts(json, &bucket->use, bucket->use.points, bucket->use.times,
					bucket->points_before, bucket->times_before);
	}
	loyalty_json_end(json);
}

void
loyalty_breakdown_push_seen(JsonWriter *json, const RuleUse *seen)
{
	loyalty_json_key(json, "seen");
	loyalty_json_begin_object(json);
	loyalty_json_number(json, use_name(seen), seen->measured);
	loyalty_json_end(json);
}

/* Those of the first grant tell what was used before within their own `use`. */
static bool
has_rule_facts(const RuleResult *result, bool *used, bool *before)
{
	*before = result->scope != NULL && result->scope->before.key != NULL;
	*used = false;
	for (int i = 0; i < result->buckets.count && result->grant != 0 && !*used; i++)
		*used = was_used(bucket_of(result, i));
	return *used || *before || result->carried != NULL;
}

static void
push_used(JsonWriter *json, const RuleResult *result)
{
	loyalty_json_key(json, "used");
	loyalty_json_begin_object(json);
	for (int i = 0; i < result->buckets.count; i++)
	{
		const LimitBucket *bucket = bucket_of(result, i);

		if (!was_used(bucket))
			continue;
		push_counts(json, &bucket->use, bucket->points_before, bucket->times_before, 0, 0);
	}
	loyalty_json_end(json);
}

static void
push_rule_facts(JsonWriter *json, const RuleResult *result)
{
	bool		used;
	bool		before;

	if (!has_rule_facts(result, &used, &before))
		return;
	loyalty_json_key(json, psprintf(INT64_FORMAT, result->rule->version_id));
	loyalty_json_begin_object(json);
	if (used)
		push_used(json, result);
	if (before)
	{
		loyalty_json_key(json, "before");
		loyalty_json_begin_array(json);
		loyalty_json_integer(json, NULL, result->scope->before.seen);
		loyalty_json_number(json, NULL, result->scope->before.measured != NULL ?
							result->scope->before.measured : loyalty_number_of(0));
		loyalty_json_end(json);
	}
	if (result->carried != NULL)
		loyalty_json_number(json, "carried", result->carried);
	loyalty_json_end(json);
}

/* What was stored once is handed on, whatever the rules of now mention. */
static bool
shows_streak(const RuleWork *work)
{
	return work->streak != NULL &&
		(work->renewed || (work->bits & RULE_VARIABLE_STREAK) != 0);
}

static bool
has_facts_of_rules(const RuleResult *results, int count)
{
	bool		used;
	bool		before;

	for (int i = 0; i < count; i++)
	{
		if (has_rule_facts(&results[i], &used, &before))
			return true;
	}
	return false;
}

/* As $streak, and as it is stored. */
void
loyalty_streak_push(JsonWriter *json, const StreakValue *streak)
{
	loyalty_json_key(json, "streak");
	loyalty_json_begin_object(json);
	loyalty_json_integer(json, "run", streak->run);
	loyalty_json_integer(json, "days", streak->days);
	loyalty_json_bool(json, "first", streak->first);
	loyalty_json_end(json);
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
loyalty_breakdown_push_facts(JsonWriter *json, const RuleWork *work,
							 const RuleResult *results, int count)
{
	bool		of_rules = has_facts_of_rules(results, count);

	if (work->room < 0 && work->count < 0 && !shows_streak(work) && !of_rules)
		return;
	loyalty_json_key(json, "facts");
	loyalty_json_begin_object(json);
	if (work->room >= 0)
		loyalty_json_integer(json, "room", work->room);
	if (work->count >= 0)
	{
		loyalty_json_integer(json, "count", work->count);
		if (work->idle_days >= 0)
			loyalty_json_integer(json, "idle_days", work->idle_days);
	}
	if (shows_streak(work))
		loyalty_streak_push(json, work->streak);
	if (of_rules)
	{
		loyalty_json_key(json, "rules");
		loyalty_json_begin_object(json);
		for (int i = 0; i < count; i++)
			push_rule_facts(json, &results[i]);
		loyalty_json_end(json);
	}
	loyalty_json_end(json);
}

/* Reads what push_counts() wrote: of the event, or `before` it; false if there is none. */
static bool
parse_counts(const char *text, bool before, RuleUse *use)
{
	char	   *cursor = unconstify(char *, text);

	if (before)
	{
		cursor = strchr(cursor, ' ');
		if (cursor == NULL)
			return false;
	}
	use->points = strtoi64(cursor, &cursor, 10);
	use->times = *cursor == '/' ? strtoi64(cursor + 1, &cursor, 10) : 0;
	return use->points != 0 || use->times != 0;
}

/* Reads {"month 2026-11-01": "points/times points/times", ...}. */
static List *
read_counts(const JsonbContainer *object, List *uses, int32 rule_id, bool before)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, object));
	JsonbValue	key;
	JsonbValue	value;

	JsonbIteratorNext(&iterator, &key, true);	/* the object itself */
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		RuleUse    *use = palloc0(sizeof(RuleUse));

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvString ||
			!parse_counts(pnstrdup(value.val.string.val, value.val.string.len), before, use))
			continue;
		use->rule_id = rule_id;
		parse_use_name(key.val.string.val, key.val.string.len, use);
		uses = lappend(uses, use);
	}
	return uses;
}

List *
loyalty_uses_read(const JsonbContainer *object, List *uses, int32 rule_id)
{
	return read_counts(object, uses, rule_id, false);
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

/* The facts of a rule's version; made if there are none yet. */
static StoredFacts *
facts_of(RuleWork *work, int64 version_id)
{
	StoredFacts *facts = loyalty_stored_facts(work, version_id);

	if (facts != NULL)
		return facts;
	facts = palloc0(sizeof(StoredFacts));
	facts->version_id = version_id;
	work->stored = lappend(work->stored, facts);
	return facts;
}

/* Fills what a correction knows from the facts of the first grant. */
void
loyalty_breakdown_read_facts(const JsonbContainer *object, RuleWork *work)
{
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;

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
	JsonbIteratorNext(&iterator, &key, true);	/* the object itself */
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		const char *version = pnstrdup(key.val.string.val, key.val.string.len);

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvBinary)
			read_rule_facts(value.val.binary.data, facts_of(work, strtoi64(version, NULL, 10)));
	}
}

/* Adds what the rules of the first grant had used before, which `use` tells. */
void
loyalty_breakdown_read_before(const JsonbContainer *results, RuleWork *work)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, results));
	JsonbValue	result;
	JsonbValue	version;
	JsonbValue	use;

	JsonbIteratorNext(&iterator, &result, true);	/* the array itself */
	while (JsonbIteratorNext(&iterator, &result, true) == WJB_ELEM)
	{
		StoredFacts *facts;

		if (!loyalty_json_find(result.val.binary.data, "use", jbvBinary, &use) ||
			!loyalty_json_find(result.val.binary.data, "version", jbvNumeric, &version))
			continue;
		facts = facts_of(work, loyalty_json_int64(&version));
		facts->used = read_counts(use.val.binary.data, facts->used, 0, true);
	}
}

static bool
counts_something(const JsonbContainer *result)
{
	static const char *const parts[] = {"use", "seen", "carry", "budget"};
	JsonbValue	value;

	for (int i = 0; i < lengthof(parts); i++)
	{
		if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, result), parts[i],
										 strlen(parts[i]), &value) != NULL)
			return true;
	}
	return false;
}

/* The uses of one rule's result. */
static List *
read_use(const JsonbContainer *result, List *uses)
{
	JsonbValue	value;
	int32		rule_id;
	RuleUse    *ever = palloc0(sizeof(RuleUse));

	if (!counts_something(result) ||
		!loyalty_json_find(result, "version", jbvNumeric, &value))
		return uses;
	rule_id = loyalty_rule_by_version(loyalty_json_int64(&value))->rule_id;
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
