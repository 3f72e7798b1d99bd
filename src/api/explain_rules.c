/*
 * explain_rules.c
 *		Breakdowns as sentences: which rules gave what.
 *
 * The format of a breakdown is described in engine/rules_breakdown.c.  The
 * tier, the plan and the multiplier stand in the first grant of an event alone and hold
 * for all that follows under its ref.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "api/explain.h"
#include "nls.h"

/* A member of an object, if it is there and of that type. */
static bool
find(const JsonbContainer *object, const char *key, enum jbvType type, JsonbValue *value)
{
	return object != NULL &&
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, object),
									 key, strlen(key), value) != NULL &&
		value->type == type;
}

static const char *
find_text(const JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return find(object, key, jbvString, &value) ?
		pnstrdup(value.val.string.val, value.val.string.len) : NULL;
}

static Numeric
find_number(const JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return find(object, key, jbvNumeric, &value) ? value.val.numeric : NULL;
}

static const JsonbContainer *
find_container(const JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return find(object, key, jbvBinary, &value) ? value.val.binary.data : NULL;
}

static const char *
number_text(Numeric number)
{
	return number == NULL ? "0" :
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

static int64
number_int64(Numeric number)
{
	return number == NULL ? 0 :
		DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(number)));
}

const char *
loyalty_tell_noted(const Entry *entry, const char *key)
{
	const JsonbContainer *root = entry->breakdown == NULL ? NULL : &entry->breakdown->root;
	Numeric		number = find_number(root, key);

	return number != NULL ? number_text(number) : find_text(root, key);
}

/* The tier or plan that the event was counted with; NULL if it has none. */
static const JsonbContainer *
noted_with_event(const Telling *telling, int32 event_id, const char *key)
{
	ListCell   *cell;

	foreach(cell, telling->story)
	{
		const Entry *entry = lfirst(cell);
		const JsonbContainer *noted;

		if (entry->kind != ENTRY_EVENT || entry->event_id != event_id ||
			entry->breakdown == NULL)
			continue;
		noted = find_container(&entry->breakdown->root, key);
		if (noted != NULL)
			return noted;
	}
	return NULL;
}

static bool
differ(Numeric a, Numeric b)
{
	return a != NULL && b != NULL &&
		DatumGetBool(DirectFunctionCall2(numeric_ne, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
is_product(Numeric a, Numeric b, Numeric product)
{
	return a != NULL && b != NULL && product != NULL && differ(a, product) &&
		!differ(DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(a),
													NumericGetDatum(b))), product);
}

/* What cut a rule's points. */
static void
tell_cuts(Telling *telling, const char *rule, Numeric wished, long long points,
		  const JsonbContainer *cuts)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, cuts));
	JsonbValue	value;

	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvString)
			loyalty_tell(telling, _("Rule %s was cut by %s: %s became %lld points."), rule,
						 pnstrdup(value.val.string.val, value.val.string.len),
						 number_text(wished), points);
	}
}

/* One rule's share: what it gave, what tier or plan made of it, what it came to. */
static void
tell_rule(Telling *telling, const JsonbContainer *result, const JsonbContainer *tier,
		  const JsonbContainer *plan)
{
	const char *rule = find_text(result, "rule");
	const char *note = find_text(result, "note");
	long long	version = number_int64(find_number(result, "version"));
	long long	points = number_int64(find_number(result, "points"));
	Numeric		noted_growth = find_number(result, "growth");
	Numeric		noted_wish = find_number(result, "wished");
	long long	growth = noted_growth != NULL ? number_int64(noted_growth) : points;
	Numeric		wished = noted_wish != NULL ? noted_wish : int64_to_numeric(points);
	Numeric		given = find_number(result, "given");
	Numeric		matches = find_number(result, "matches");
	Numeric		factor = find_number(result, "factor");
	const JsonbContainer *cuts = find_container(result, "cut_by");
	bool		multiplied = (plan != NULL &&
							  is_product(given, find_number(plan, "multiplier"), wished)) ||
		(tier != NULL && is_product(given, find_number(tier, "multiplier"), wished));
	bool		rounded = differ(wished, int64_to_numeric(points));
	int			misses = 0;
	int			tried = 0;

	if (factor != NULL)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) multiplied by %s, which came to %lld points, "
					   "and %lld growth."),
					 rule, version, number_text(factor), points, growth);
	else if (differ(given, wished) && !multiplied)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, multiplied or raised to %s; that came to "
					   "%lld points, and %lld growth."),
					 rule, version, number_text(given), number_text(wished), points, growth);
	else if (multiplied && plan != NULL && rounded)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for plan %s is %s, "
					   "rounded to %lld points, and %lld growth."),
					 rule, version, number_text(given),
					 number_text(find_number(plan, "multiplier")), find_text(plan, "name"),
					 number_text(wished), points, growth);
	else if (multiplied && plan != NULL)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for plan %s is %lld points, "
					   "and %lld growth."),
					 rule, version, number_text(given),
					 number_text(find_number(plan, "multiplier")), find_text(plan, "name"),
					 points, growth);
	else if (multiplied && rounded)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for tier %s is %s, "
					   "rounded to %lld points, and %lld growth."),
					 rule, version, number_text(given),
					 number_text(find_number(tier, "multiplier")), find_text(tier, "name"),
					 number_text(wished), points, growth);
	else if (multiplied)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for tier %s is %lld points, "
					   "and %lld growth."),
					 rule, version, number_text(given),
					 number_text(find_number(tier, "multiplier")), find_text(tier, "name"),
					 points, growth);
	else if (rounded)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, rounded to %lld points, and %lld growth."),
					 rule, version, number_text(wished), points, growth);
	else if (note == NULL || points != 0 || growth != 0)
		loyalty_tell(telling, _("Rule %s (version %lld) gave %lld points and %lld growth."),
					 rule, version, points, growth);
	if (matches != NULL)
		loyalty_tell(telling, _("Rule %s counted %lld matches."), rule,
					 (long long) number_int64(matches));
	if (cuts != NULL)
		tell_cuts(telling, rule, wished, points, cuts);
	if (note == NULL || strcmp(note, "counted only") == 0)
		return;
	if (strcmp(note, "held out") == 0)
	{
		loyalty_tell(telling, _("Rule %s is held out from this member."), rule);
		return;
	}
	if (strcmp(note, "raised to min_points") == 0)
	{
		loyalty_tell(telling, _("Rule %s gives at least so many points."), rule);
		return;
	}
	if (sscanf(note, "points is no number in %d of %d matches", &misses, &tried) == 2)
		loyalty_tell(telling, _("Rule %s found no number of points in %d of %d matches."),
					 rule, misses, tried);
	else
		loyalty_tell(telling, _("Rule %s (version %lld) found no number of points."),
					 rule, version);
}

void
loyalty_tell_rules(Telling *telling, const Entry *entry)
{
	const JsonbContainer *rules = entry->breakdown == NULL ? NULL :
		find_container(&entry->breakdown->root, "rules");
	const JsonbContainer *tier = noted_with_event(telling, entry->event_id, "tier");
	const JsonbContainer *plan = noted_with_event(telling, entry->event_id, "plan");
	JsonbIterator *iterator;
	JsonbValue	value;

	if (rules == NULL || JsonContainerSize(rules) == 0)
	{
		loyalty_tell(telling, _("No rule applied."));
		return;
	}
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, rules));
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary)
			tell_rule(telling, value.val.binary.data, tier, plan);
	}
}
