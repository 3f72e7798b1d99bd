/*
 * rules_breakdown.c
 *		The breakdown that a grant stores: how its points came about.
 *
 * The first grant of an event holds all that a correction needs:
 *		{"program": version, "at": "2026-11-21T10:00:00Z",
 *		 "tier": {"name": "gold", "rank": 2, "multiplier": 1.5},
 *		 "member": {"city": "Oslo"},
 *		 "versions": [12, 15],
 *		 "rules": [{"rule": "base", "version": 12, "matches": 1, "given": 8.5,
 *					"wished": 12.75, "points": 12, "growth": 8}]}
 * A rule may further have "cut_by": ["100 points per month"], "note", and what
 * it uses; the first grant the "facts" that rules asked for (rules_facts.c).
 * `versions` are those of all rules that could have applied, since a correction
 * may match others.  `tier` is absent without a tier, `member` if no rule
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
#include "utils/fmgrprotos.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"
#include "types/instant.h"

/* A computed number without the zeros at its end that division leaves. */
static void
push_number(JsonbParseState **state, const char *key, Numeric number)
{
	Datum		trimmed = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(number));

	loyalty_json_number(state, key, DatumGetNumeric(trimmed));
}

static const char *
note_of(const RuleResult *result)
{
	const char *what = result->rule->mode == RULE_MULTIPLY ? "factor" : "points";

	if (result->held_out)
		return "held out";
	if (result->matches == 0)
		return "counted only";
	if (result->misses > 0 && result->misses == result->matches)
		return psprintf("%s is no number", what);
	if (result->misses > 0)
		return psprintf("%s is no number in %d of %d matches", what,
						result->misses, result->matches);
	if (result->raised)
		return "raised to min_points";
	return NULL;
}

/* Keys by length, then by bytes, as below. */
static void
push_result(JsonbParseState **state, const RuleResult *result)
{
	const char *note = note_of(result);
	Numeric		wished = result->uncapped == NULL || result->raised ? result->wished :
		result->uncapped;
	ListCell   *cell;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (note != NULL)
		loyalty_json_text(state, "note", note);
	loyalty_json_text(state, "rule", result->rule->name);
	if (result->rule->mode == RULE_ADD && result->points != result->wished)
		push_number(state, "given", result->points);
	if (result->cuts != NIL)
	{
		loyalty_json_key(state, "cut_by");
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		foreach(cell, result->cuts)
			loyalty_json_text(state, NULL, lfirst(cell));
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	if (result->rule->mode == RULE_MULTIPLY && result->matches > 0)
		push_number(state, "factor", result->points);
	if (result->granted_growth != result->granted)
		loyalty_json_integer(state, "growth", result->granted_growth);
	loyalty_json_integer(state, "points", result->granted);
	if (loyalty_number_compare(wished, int64_to_numeric(result->granted)) != 0)
		push_number(state, "wished", wished);
	if (result->matches > 1)
		loyalty_json_integer(state, "matches", result->matches);
	loyalty_json_integer(state, "version", result->rule->version_id);
	loyalty_breakdown_push_use(state, result);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_tier(JsonbParseState **state, const RuleWork *work)
{
	loyalty_json_key(state, "tier");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	loyalty_json_text(state, "name", work->tier_name);
	loyalty_json_integer(state, "rank", work->tier_rank);
	loyalty_json_number(state, "multiplier",
						work->tier_multiplier != NULL ? work->tier_multiplier :
						int64_to_numeric(1));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_plan(JsonbParseState **state, const RuleWork *work)
{
	loyalty_json_key(state, "plan");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	loyalty_json_text(state, "name", work->plan_name);
	loyalty_json_number(state, "multiplier", work->multiplier);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_versions(JsonbParseState **state, const RuleWork *work)
{
	ListCell   *cell;

	loyalty_json_key(state, "versions");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, work->rules)
		loyalty_json_integer(state, NULL, ((const Rule *) lfirst(cell))->version_id);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/*
 * Keys are pushed in the order in which jsonb keeps them, by length and then by
 * bytes: sorting them is most of the cost of an object otherwise.
 */
Jsonb *
loyalty_breakdown_build(const RuleWork *work, const RuleResult *results,
						int result_count, int grant)
{
	JsonbParseState *state = NULL;
	bool		first = grant == 0;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (first)
	{
		char		at[INSTANT_TEXT_SIZE];

		loyalty_instant_format(work->at, at);
		loyalty_json_text(&state, "at", at);
	}
	if (first && work->plan_name != NULL)
		push_plan(&state, work);
	if (first && work->tier_name != NULL)
		push_tier(&state, work);
	if (first)
		loyalty_breakdown_push_facts(&state, work, results, result_count);
	loyalty_json_key(&state, "rules");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < result_count; i++)
	{
		if (results[i].grant == grant)
			push_result(&state, &results[i]);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	if (first && work->member != NULL)
		loyalty_json_document(&state, "member", work->member);
	if (first)
	{
		loyalty_json_integer(&state, "program", work->program->version_id);
		push_versions(&state, work);
	}
	if (work->renewed)
		loyalty_json_bool(&state, "resettled", true);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
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
	if (loyalty_json_find(root, "member", jbvBinary, &value))
		work->member = JsonbValueToJsonb(&value);
}

/* Fills all of *work but the attributes and variables from what was stored. */
void
loyalty_breakdown_read(const Jsonb *stored, const EventRequest *request, RuleWork *work)
{
	const JsonbContainer *root = &stored->root;
	JsonbValue	value;
	JsonbIterator *iterator;

	need_member(root, "program", jbvNumeric, &value);
	work->program = request->program;
	if (work->program->version_id != loyalty_json_int64(&value))
		work->program = loyalty_program_by_version(loyalty_json_int64(&value));
	loyalty_breakdown_read_member(stored, work);
	need_member(root, "versions", jbvBinary, &value);
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		const Rule *rule = find_rule(request->event, loyalty_json_int64(&value));

		work->rules = lappend(work->rules, unconstify(Rule *, rule));
	}
}
