/*
 * rules_breakdown.c
 *		The breakdown that a grant stores: how its points came about.
 *
 * The first grant of an event holds all that a correction needs:
 *		{"program": version, "at": "2026-11-21T10:00:00Z",
 *		 "tier": {"name": "gold", "rank": 2, "multiplier": 1.5},
 *		 "member": {"city": "Oslo"},
 *		 "versions": "12-15,20",
 *		 "rules": [{"rule": "base", "version": 12, "matches": 1, "given": 8.5,
 *					"wished": 12.75, "points": 12, "growth": 8}]}
 * A rule may further have "cut_by": ["100 points per month"], "note", and what
 * it uses; the first grant the "facts" that rules asked for (rules_facts.c).
 * `versions` are those of all rules that could have applied, in their order, since
 * a correction may match others.  `tier` is absent without a tier, `member` if no rule
 * mentions it.  A `plan` ({"name": "prime", "multiplier": 10}) is there where its
 * multiplier counted, not the tier's.  `given` is before the multiplier and
 * absent where it changed nothing; a multiplying rule has its `factor` instead.
 * `wished` is without max_multiplier.  `wished` and `growth` are absent where they
 * are the same as `points`.
 * Further grants hold only their `rules`.  Those of an event that was resettled
 * have `"resettled": true`, and a correction goes by the newest of them.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "engine/rules_json.h"
#include "engine/rules_work.h"
#include "types/instant.h"

/* A computed number without the zeros at its end that division leaves. */
static void
push_number(JsonWriter *json, const char *key, Numeric number)
{
	Datum		trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(number));

	loyalty_json_number(json, key, DatumGetNumeric(trimmed));
}

static const char *
note_of(const RuleResult *result)
{
	const char *what = result->rule->mode == RULE_MULTIPLY ? "factor" : "points";

	if (result->held_out)
		return "held out";
	if (result->matches == 0)
		return "counted only";
	if (result->negatives > 0 && result->negatives == result->matches)
		return "factor is below 0";
	if (result->negatives > 0)
		return psprintf("factor is below 0 in %d of %d matches",
						result->negatives, result->matches);
	if (result->misses > 0 && result->misses == result->matches)
		return psprintf("%s is no number", what);
	if (result->misses > 0)
		return psprintf("%s is no number in %d of %d matches", what,
						result->misses, result->matches);
	if (result->raised)
		return "raised to min_points";
	return NULL;
}

static void
push_cuts(JsonWriter *json, const List *cuts)
{
	ListCell   *cell;

	loyalty_json_key(json, "cut_by");
	loyalty_json_begin_array(json);
	foreach(cell, cuts)
		loyalty_json_text(json, NULL, lfirst(cell));
	loyalty_json_end(json);
}

/* Keys by length, then by bytes, as below. */
static void
push_result(JsonWriter *json, const RuleResult *result)
{
	const char *note = note_of(result);
	Numeric		wished = result->uncapped == NULL || result->raised ? result->wished :
		result->uncapped;
	UseParts	use;

	loyalty_breakdown_use(result, &use);
	loyalty_json_begin_object(json);
	if (use.counts)
		loyalty_breakdown_push_counts(json, result);
	if (note != NULL)
		loyalty_json_text(json, "note", note);
	loyalty_json_text(json, "rule", result->rule->name);
	if (use.seen != NULL)
		loyalty_breakdown_push_seen(json, use.seen);
	if (use.carry != NULL)
		loyalty_json_number(json, "carry", use.carry->carried);
	if (result->rule->mode == RULE_ADD && result->points != result->wished)
		push_number(json, "given", result->points);
	if (use.budget != NULL)
		loyalty_json_integer(json, "budget", use.budget->budget);
	if (result->cuts != NIL)
		push_cuts(json, result->cuts);
	if (result->rule->mode == RULE_MULTIPLY && result->matches > 0)
		push_number(json, "factor", result->points);
	if (result->granted_growth != result->granted)
		loyalty_json_integer(json, "growth", result->granted_growth);
	loyalty_json_integer(json, "points", result->granted);
	if (loyalty_number_compare(wished, loyalty_number_of(result->granted)) != 0)
		push_number(json, "wished", wished);
	if (result->matches > 1)
		loyalty_json_integer(json, "matches", result->matches);
	loyalty_json_integer(json, "version", result->rule->version_id);
	loyalty_json_end(json);
}

static void
push_tier(JsonWriter *json, const RuleWork *work)
{
	loyalty_json_key(json, "tier");
	loyalty_json_begin_object(json);
	loyalty_json_text(json, "name", work->tier_name);
	loyalty_json_integer(json, "rank", work->tier_rank);
	loyalty_json_number(json, "multiplier",
						work->tier_multiplier != NULL ? work->tier_multiplier :
						loyalty_number_of(1));
	loyalty_json_end(json);
}

static void
push_plan(JsonWriter *json, const RuleWork *work)
{
	loyalty_json_key(json, "plan");
	loyalty_json_begin_object(json);
	loyalty_json_text(json, "name", work->plan_name);
	loyalty_json_number(json, "multiplier", work->multiplier);
	loyalty_json_end(json);
}

/* Adds the end of a run of versions to its beginning. */
static char *
end_run(char *end, int64 first, int64 last)
{
	if (last == first)
		return end;
	*end++ = '-';
	return end + pg_lltoa(last, end);
}

/* Versions of rules, runs of them as first-last: "3-22,40". */
static const char *
versions_text(const List *rules)
{
	char	   *text = palloc(list_length(rules) * (MAXINT8LEN + 1) + 1);
	char	   *end = text;
	int64		first = 0;
	int64		last = 0;
	ListCell   *cell;

	foreach(cell, rules)
	{
		int64		version = ((const Rule *) lfirst(cell))->version_id;

		if (end > text && version == last + 1)
		{
			last = version;
			continue;
		}
		end = end_run(end, first, last);
		if (end > text)
			*end++ = ',';
		end += pg_lltoa(version, end);
		first = last = version;
	}
	*end_run(end, first, last) = '\0';
	return text;
}

/*
 * Keys are pushed in the order in which jsonb keeps them, by length and then by
 * bytes: sorting them is most of the cost of an object otherwise.
 */
Jsonb *
loyalty_breakdown_build(const RuleWork *work, const RuleResult *results,
						int result_count, int grant)
{
	JsonWriter *json = loyalty_json_object();
	bool		first = grant == 0;

	if (first)
	{
		char		at[INSTANT_TEXT_SIZE];

		loyalty_instant_format(work->at, at);
		loyalty_json_text(json, "at", at);
	}
	if (first && work->plan_name != NULL)
		push_plan(json, work);
	if (first && work->tier_name != NULL)
		push_tier(json, work);
	if (first)
		loyalty_breakdown_push_facts(json, work, results, result_count);
	loyalty_json_key(json, "rules");
	loyalty_json_begin_array(json);
	for (int i = 0; i < result_count; i++)
	{
		if (results[i].grant == grant)
			push_result(json, &results[i]);
	}
	loyalty_json_end(json);
	if (first && work->member != NULL)
		loyalty_json_document(json, "member", work->member);
	if (first)
	{
		loyalty_json_integer(json, "program", work->program->version_id);
		loyalty_json_text(json, "versions", versions_text(work->rules));
	}
	if (work->renewed)
		loyalty_json_bool(json, "resettled", true);
	return loyalty_json_finish(json);
}

/* The rules of one breakdown, as `"base" 100 points and 80 growth, ...`. */
static void
tell_rules(const Jsonb *breakdown, StringInfo told)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!loyalty_json_find(&breakdown->root, "rules", jbvBinary, &value))
		return;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		const JsonbContainer *result = value.val.binary.data;
		JsonbValue	rule;
		JsonbValue	points;
		JsonbValue	growth;

		if (!loyalty_json_find(result, "rule", jbvString, &rule) ||
			!loyalty_json_find(result, "points", jbvNumeric, &points))
			continue;
		if (!loyalty_json_find(result, "growth", jbvNumeric, &growth))
			growth = points;
		appendStringInfo(told, "%s\"%.*s\" %lld points and %lld growth",
						 told->len == 0 ? "" : ", ",
						 rule.val.string.len, rule.val.string.val,
						 (long long) loyalty_json_int64(&points),
						 (long long) loyalty_json_int64(&growth));
	}
}

const char *
loyalty_outcome_by_rule(const EventOutcome *outcome)
{
	StringInfoData told;

	initStringInfo(&told);
	for (int i = 0; i < outcome->grant_count; i++)
		tell_rules(outcome->grants[i].breakdown, &told);
	return told.len == 0 ? NULL : told.data;
}

static void
need_member(const JsonbContainer *object, const char *key, enum jbvType type, JsonbValue *value)
{
	if (!loyalty_json_find(object, key, type, value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no \"%s\"", key)));
}

static const Rule *
find_rule(const EventType *event, int64 version_id)
{
	for (int i = 0; i < event->rule_count; i++)
	{
		if (event->rules[i]->version_id == version_id)
			return event->rules[i];
	}
	return loyalty_rule_by_version(version_id);
}

/* Fills in what was stored of the member: date, tier, plan, facts, attributes. */
void
loyalty_breakdown_read_member(const Jsonb *stored, RuleWork *work)
{
	const JsonbContainer *root = &stored->root;
	JsonbValue	value;
	const char *at;

	need_member(root, "at", jbvString, &value);
	at = value.val.string.val;
	if (!loyalty_instant_parse(&at, at + value.val.string.len, &work->at, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored breakdown has no valid \"%s\"", "at")));

	if (loyalty_json_find(root, "tier", jbvBinary, &value))
	{
		const JsonbContainer *tier = value.val.binary.data;

		need_member(tier, "name", jbvString, &value);
		work->tier_name = pnstrdup(value.val.string.val, value.val.string.len);
		need_member(tier, "rank", jbvNumeric, &value);
		work->tier_rank = (int32) loyalty_json_int64(&value);
		need_member(tier, "multiplier", jbvNumeric, &value);
		work->tier_multiplier = work->multiplier = value.val.numeric;
	}
	if (loyalty_json_find(root, "plan", jbvBinary, &value))
	{
		const JsonbContainer *plan = value.val.binary.data;

		need_member(plan, "name", jbvString, &value);
		work->plan_name = pnstrdup(value.val.string.val, value.val.string.len);
		need_member(plan, "multiplier", jbvNumeric, &value);
		work->multiplier = value.val.numeric;
	}
	if (loyalty_json_find(root, "facts", jbvBinary, &value))
		loyalty_breakdown_read_facts(value.val.binary.data, work);
	if (loyalty_json_find(root, "rules", jbvBinary, &value))
		loyalty_breakdown_read_before(value.val.binary.data, work);
	if (loyalty_json_find(root, "member", jbvBinary, &value))
		work->member = JsonbValueToJsonb(&value);
}

/* The rules of versions_text(), in its order. */
static void
read_versions(const char *text, const EventType *event, RuleWork *work)
{
	const char *cursor = text;

	while (*cursor != '\0')
	{
		char	   *end;
		int64		first = strtoi64(cursor, &end, 10);
		int64		last = *end == '-' ? strtoi64(end + 1, &end, 10) : first;

		if (end == cursor || (*end != ',' && *end != '\0'))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored breakdown has no valid \"%s\"", "versions")));
		for (int64 version = first; version <= last; version++)
			work->rules = lappend(work->rules, unconstify(Rule *, find_rule(event, version)));
		cursor = *end == ',' ? end + 1 : end;
	}
}

/* Fills all of *work but the attributes and variables from what was stored. */
void
loyalty_breakdown_read(const Jsonb *stored, const EventRequest *request, RuleWork *work)
{
	const JsonbContainer *root = &stored->root;
	JsonbValue	value;

	need_member(root, "program", jbvNumeric, &value);
	work->program = request->program;
	if (work->program->version_id != loyalty_json_int64(&value))
		work->program = loyalty_program_by_version(loyalty_json_int64(&value));
	loyalty_breakdown_read_member(stored, work);
	need_member(root, "versions", jbvString, &value);
	read_versions(pnstrdup(value.val.string.val, value.val.string.len), request->event, work);
}
