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
#include "engine/effect.h"
#include "nls.h"

/* What a breakdown has of one rule. */
typedef struct RuleShare
{
	const char *rule;
	const char *note;			/* NULL = none */
	long long	version;
	Numeric		given;			/* before multipliers; NULL = as wished */
	Numeric		factor;			/* of a multiplying rule, else NULL */
	Numeric		wished;
	long long	points;
	long long	growth;
	bool		cut;			/* to less than was wished */
	bool		rounded;		/* not cut, and yet not what was wished */
	bool		carries;		/* that, since it keeps fractions */
	bool		effects;		/* it gives something beyond points */
} RuleShare;

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

static bool
is_less(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a), NumericGetDatum(b)));
}

/* What cut a rule's points; `cut` if they are less than was wished. */
static void
tell_cuts(Telling *telling, const char *rule, Numeric wished, long long points, bool cut,
		  const JsonbContainer *cuts)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, cuts));
	JsonbValue	value;

	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		const char *what;

		if (value.type != jbvString)
			continue;
		what = pnstrdup(value.val.string.val, value.val.string.len);
		if (cut)
			loyalty_tell(telling,
						 loyalty_plural("Rule %s was cut by %s: %s became %lld point.",
										"Rule %s was cut by %s: %s became %lld points.",
										llabs(points)),
						 rule, what, number_text(wished), points);
		else
			loyalty_tell(telling, _("Rule %s was cut by %s."), rule, what);
	}
}

/* A rule's share that the multiplier of tier or plan made. */
static void
tell_multiplied(Telling *telling, const RuleShare *share, const JsonbContainer *plan,
				const JsonbContainer *tier)
{
	const char *given = number_text(share->given);
	const char *wished = number_text(share->wished);
	const char *by = number_text(find_number(plan != NULL ? plan : tier, "multiplier"));
	const char *name = find_text(plan != NULL ? plan : tier, "name");

	if (plan != NULL && share->cut)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for plan %s is %s "
					   "before it was cut, and %lld growth."),
					 share->rule, share->version, given, by, name, wished, share->growth);
	else if (plan != NULL && share->carries)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for plan %s is %s; "
									"it keeps fractions, so that came to %lld point, "
									"and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for plan %s is %s; "
									"it keeps fractions, so that came to %lld points, "
									"and %lld growth.", llabs(share->points)),
					 share->rule, share->version, given, by, name, wished, share->points,
					 share->growth);
	else if (plan != NULL && share->rounded)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for plan %s is %s, "
									"rounded to %lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for plan %s is %s, "
									"rounded to %lld points, and %lld growth.",
									llabs(share->points)),
					 share->rule, share->version, given, by, name, wished, share->points,
					 share->growth);
	else if (plan != NULL)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for plan %s is "
									"%lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for plan %s is "
									"%lld points, and %lld growth.", llabs(share->points)),
					 share->rule, share->version, given, by, name, share->points, share->growth);
	else if (share->cut)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s, times %s for tier %s is %s "
					   "before it was cut, and %lld growth."),
					 share->rule, share->version, given, by, name, wished, share->growth);
	else if (share->carries)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for tier %s is %s; "
									"it keeps fractions, so that came to %lld point, "
									"and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for tier %s is %s; "
									"it keeps fractions, so that came to %lld points, "
									"and %lld growth.", llabs(share->points)),
					 share->rule, share->version, given, by, name, wished, share->points,
					 share->growth);
	else if (share->rounded)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for tier %s is %s, "
									"rounded to %lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for tier %s is %s, "
									"rounded to %lld points, and %lld growth.",
									llabs(share->points)),
					 share->rule, share->version, given, by, name, wished, share->points,
					 share->growth);
	else
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, times %s for tier %s is "
									"%lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s, times %s for tier %s is "
									"%lld points, and %lld growth.", llabs(share->points)),
					 share->rule, share->version, given, by, name, share->points, share->growth);
}

/* Did a multiplying rule multiply by 1, and nothing come of it? */
static bool
changes_nothing(const RuleShare *share)
{
	return !share->cut && share->points == 0 && share->growth == 0 &&
		!differ(share->factor, int64_to_numeric(1));
}

/* A rule's share that no multiplier of tier or plan made alone. */
static void
tell_share(Telling *telling, const RuleShare *share)
{
	if (share->factor != NULL && !share->effects && changes_nothing(share))
		return;
	if (share->factor != NULL && !changes_nothing(share))
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) multiplied by %s, which came to "
									"%lld point, and %lld growth.",
									"Rule %s (version %lld) multiplied by %s, which came to "
									"%lld points, and %lld growth.", llabs(share->points)),
					 share->rule, share->version, number_text(share->factor), share->points,
					 share->growth);
	else if (differ(share->given, share->wished))
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, multiplied or raised to %s; "
									"that came to %lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s, multiplied or raised to %s; "
									"that came to %lld points, and %lld growth.",
									llabs(share->points)),
					 share->rule, share->version, number_text(share->given),
					 number_text(share->wished), share->points, share->growth);
	else if (share->cut)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) gave %s before it was cut, and %lld growth."),
					 share->rule, share->version, number_text(share->wished), share->growth);
	else if (share->carries)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s; it keeps fractions, "
									"so that came to %lld point, and %lld growth.",
									"Rule %s (version %lld) gave %s; it keeps fractions, "
									"so that came to %lld points, and %lld growth.",
									llabs(share->points)),
					 share->rule, share->version, number_text(share->wished), share->points,
					 share->growth);
	else if (share->rounded)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %s, rounded to %lld point, "
									"and %lld growth.",
									"Rule %s (version %lld) gave %s, rounded to %lld points, "
									"and %lld growth.", llabs(share->points)),
					 share->rule, share->version, number_text(share->wished), share->points,
					 share->growth);
	else if (share->effects && share->points == 0 && share->growth == 0)
		loyalty_tell(telling, _("Rule %s (version %lld) gave no points, but effects."),
					 share->rule, share->version);
	else if (share->note == NULL || share->points != 0 || share->growth != 0)
		loyalty_tell(telling,
					 loyalty_plural("Rule %s (version %lld) gave %lld point and %lld growth.",
									"Rule %s (version %lld) gave %lld points and %lld growth.",
									llabs(share->points)),
					 share->rule, share->version, share->points, share->growth);
}

/* What was noted of a rule beside its figures. */
static void
tell_note(Telling *telling, const RuleShare *share)
{
	int			misses = 0;
	int			tried = 0;

	if (share->note == NULL || strcmp(share->note, "counted only") == 0)
		return;
	if (strcmp(share->note, "raised to min_points") == 0)
		loyalty_tell(telling, _("Rule %s gives at least so many points."), share->rule);
	else if (sscanf(share->note, "points is no number in %d of %d matches", &misses, &tried) == 2)
		loyalty_tell(telling, _("Rule %s found no number of points in %d of %d matches."),
					 share->rule, misses, tried);
	else if (sscanf(share->note, "factor is no number in %d of %d matches", &misses, &tried) == 2)
		loyalty_tell(telling, _("Rule %s found no number as its factor in %d of %d matches."),
					 share->rule, misses, tried);
	else if (sscanf(share->note, "factor is below 0 in %d of %d matches", &misses, &tried) == 2)
		loyalty_tell(telling, _("Rule %s found a factor below 0 in %d of %d matches."),
					 share->rule, misses, tried);
	else if (strcmp(share->note, "factor is no number") == 0)
		loyalty_tell(telling, _("Rule %s (version %lld) found no number as its factor."),
					 share->rule, share->version);
	else if (strcmp(share->note, "factor is below 0") == 0)
		loyalty_tell(telling,
					 _("Rule %s (version %lld) found a factor below 0, which changes nothing."),
					 share->rule, share->version);
	else
		loyalty_tell(telling, _("Rule %s (version %lld) found no number of points."),
					 share->rule, share->version);
}

static bool
has_effect(const List *effects, const char *rule)
{
	ListCell   *cell;

	foreach(cell, effects)
	{
		if (strcmp(((const Effect *) lfirst(cell))->rule, rule) == 0)
			return true;
	}
	return false;
}

/* One rule's share: what it gave, what tier or plan made of it, what it came to. */
static void
tell_rule(Telling *telling, const JsonbContainer *result, const List *effects,
		  const JsonbContainer *tier, const JsonbContainer *plan)
{
	Numeric		growth = find_number(result, "growth");
	Numeric		wished = find_number(result, "wished");
	Numeric		matches = find_number(result, "matches");
	const JsonbContainer *cuts = find_container(result, "cut_by");
	RuleShare	share;
	Numeric		points;

	share.rule = find_text(result, "rule");
	share.note = find_text(result, "note");
	if (share.note != NULL && strcmp(share.note, "held out") == 0)
	{
		loyalty_tell(telling, _("Rule %s is held out from this member."), share.rule);
		return;
	}
	share.version = number_int64(find_number(result, "version"));
	share.points = number_int64(find_number(result, "points"));
	share.growth = growth != NULL ? number_int64(growth) : share.points;
	points = int64_to_numeric(share.points);
	share.wished = wished != NULL ? wished : points;
	share.given = find_number(result, "given");
	share.factor = find_number(result, "factor");
	share.cut = cuts != NULL && is_less(points, share.wished);
	share.rounded = !share.cut && differ(share.wished, points);
	share.carries = share.rounded && find_number(result, "carry") != NULL;
	share.effects = has_effect(effects, share.rule);

	if (share.factor == NULL &&
		((plan != NULL &&
		  is_product(share.given, find_number(plan, "multiplier"), share.wished)) ||
		 (tier != NULL &&
		  is_product(share.given, find_number(tier, "multiplier"), share.wished))))
		tell_multiplied(telling, &share, plan, tier);
	else
		tell_share(telling, &share);
	if (matches != NULL)
		loyalty_tell(telling, _("Rule %s counted %lld matches."), share.rule,
					 (long long) number_int64(matches));
	if (cuts != NULL)
		tell_cuts(telling, share.rule, share.wished, share.points, share.cut, cuts);
	tell_note(telling, &share);
}

void
loyalty_tell_rules(Telling *telling, const Entry *entry)
{
	const JsonbContainer *rules = entry->breakdown == NULL ? NULL :
		find_container(&entry->breakdown->root, "rules");
	const JsonbContainer *tier = noted_with_event(telling, entry->event_id, "tier");
	const JsonbContainer *plan = noted_with_event(telling, entry->event_id, "plan");
	List	   *effects = loyalty_effects_read(entry->breakdown);
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
			tell_rule(telling, value.val.binary.data, effects, tier, plan);
	}
}
