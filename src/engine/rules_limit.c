/*
 * rules_limit.c
 *		What minimums, limits, budgets and max_balance make of wished points.
 *
 * Limits look at the matches of `each` one by one, in their order: each limit
 * counts a match in a bucket, its own period and key.  A correction is held
 * against the greater of what is used now without the event and what was used
 * when the event was first granted: so a repeat changes nothing, and a limit is
 * never exceeded.  An event that takes points away as a whole is not limited,
 * and uses nothing.
 */
#include "postgres.h"

#include "utils/date.h"
#include "utils/fmgrprotos.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"
#include "errors.h"

/* Fractions that are kept make a whole point if they do so at so many digits. */
#define CARRY_DIGITS 6

StoredFacts *
loyalty_stored_facts(const RuleWork *work, int64 version_id)
{
	ListCell   *cell;

	foreach(cell, work->stored)
	{
		StoredFacts *facts = lfirst(cell);

		if (facts->version_id == version_id)
			return facts;
	}
	return NULL;
}

/* The bucket in which a match counts for a limit; made if there is none yet. */
static LimitBucket *
find_bucket(const RuleWork *work, RuleResult *result, const RuleLimit *limit, const char *key)
{
	LimitBucket *bucket;
	RuleUse		use = {0};

	use.rule_id = result->rule->rule_id;
	use.per = limit->per;
	use.since = loyalty_period_since(limit->per, work->at, work->program->tz);
	use.key = key;
	bucket = (LimitBucket *) loyalty_use_find(&result->buckets, &use);
	if (bucket != NULL)
		return bucket;
	bucket = palloc0(sizeof(LimitBucket));
	bucket->use = use;
	bucket->granted = loyalty_number_of(0);
	bucket->part = -1;
	loyalty_use_add(&result->buckets, &bucket->use);
	return bucket;
}

/* Puts a rule's matches into their buckets. */
static void
fill_buckets(const RuleWork *work, RuleResult *result)
{
	const Rule *rule = result->rule;
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		RuleMatch  *match = lfirst(cell);

		match->buckets = palloc(sizeof(LimitBucket *) * rule->limit_count);
		for (int i = 0; i < rule->limit_count; i++)
			match->buckets[i] = find_bucket(work, result, &rule->limits[i], match->keys[i]);
	}
}

/* What a rule's buckets had been used when the event was first granted. */
static void
raise_to_stored(const RuleWork *work, RuleResult *result)
{
	const StoredFacts *facts = loyalty_stored_facts(work, result->rule->version_id);
	ListCell   *cell;

	foreach(cell, facts == NULL ? NIL : facts->used)
	{
		RuleUse		used = *(const RuleUse *) lfirst(cell);
		RuleUse    *use;
		LimitBucket *bucket;

		used.rule_id = result->rule->rule_id;
		use = loyalty_use_find(&result->buckets, &used);
		if (use == NULL)
			continue;
		bucket = (LimitBucket *) use;
		bucket->points_first = used.points > use->points;
		bucket->times_first = used.times > use->times;
		use->points = Max(use->points, used.points);
		use->times = Max(use->times, used.times);
	}
}

/* Reads what is used of all buckets, and raises it to what was used at first. */
static void
load_buckets(const RuleWork *work, RuleResult *results, int count)
{
	int64		total = 0;
	RuleUse    *uses;
	int			n = 0;

	for (int i = 0; i < count; i++)
		total += results[i].buckets.count;
	if (total == 0)
		return;
	uses = palloc_extended(sizeof(RuleUse) * total, MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
	{
		for (int k = 0; k < results[i].buckets.count; k++)
		{
			if (results[i].buckets.uses[k]->per != PERIOD_EVENT)
				uses[n++] = *results[i].buckets.uses[k];
		}
	}
	if (n > 0)
		work->facts->usage(work->facts->arg, uses, n);
	n = 0;
	for (int i = 0; i < count; i++)
	{
		for (int k = 0; k < results[i].buckets.count; k++)
		{
			if (results[i].buckets.uses[k]->per != PERIOD_EVENT)
				*results[i].buckets.uses[k] = uses[n++];
		}
		raise_to_stored(work, &results[i]);
	}
	pfree(uses);
}

/* Such as `5 points per month and key`, `1 time per key`, `2 times ever`. */
static const char *
limit_text(const RuleLimit *limit, bool times)
{
	int64		figure = times ? limit->times : limit->points;
	const char *unit = times ? "time" : "point";
	bool		keyed = limit->key.shape != PATH_ABSENT;

	unit = psprintf("%lld %s%s", (long long) figure, unit, figure == 1 ? "" : "s");
	if (limit->per == PERIOD_EVER)
		return psprintf("%s %s", unit, keyed ? "per key" : "ever");
	return psprintf("%s per %s%s", unit, loyalty_period_name(limit->per),
					keyed ? " and key" : "");
}

static const char *
number_text(Numeric number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

/* "6 are", "1 is": so many of something. */
static const char *
so_many(const char *number, const char *more)
{
	return psprintf("%s%s %s", number, more, strcmp(number, "1") == 0 ? "is" : "are");
}

static void
refuse(const RuleResult *result, const RuleLimit *limit, const LimitBucket *bucket,
	   bool times, Numeric asked)
{
	const char *key = bucket->use.key[0] == '\0' ? "" :
		psprintf(" for key \"%s\"", bucket->use.key);
	const char *first = "";
	const char *used;

	if (times ? bucket->times_first : bucket->points_first)
		first = " A correction is held against what was used when its event was first granted, "
			"where that is more than now.";
	if (times)
		used = psprintf("%lld", (long long) (bucket->use.times + bucket->times));
	else
		used = number_text(loyalty_number_add(loyalty_number_of(bucket->use.points),
											  bucket->granted));
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_LIMIT_REACHED),
			 errmsg("limit of rule \"%s\" reached", result->rule->name),
			 times ?
			 errdetail("The limit is %s; %s used%s.%s", limit_text(limit, true),
					   so_many(used, ""), key, first) :
			 errdetail("The limit is %s; %s used%s, %s asked for.%s", limit_text(limit, false),
					   so_many(used, ""), key, so_many(number_text(asked), " more"), first)));
}

/* Notes once what cut a rule. */
static void
note_cut(RuleResult *result, const char *what)
{
	ListCell   *cell;

	foreach(cell, result->cuts)
	{
		if (strcmp(lfirst(cell), what) == 0)
			return;
	}
	result->cuts = lappend(result->cuts, unconstify(char *, what));
}

/* What one limit leaves of a match. */
static void
limit_match(RuleResult *result, const RuleLimit *limit, const LimitBucket *bucket,
			RuleMatch *match)
{
	int64		left;

	if (limit->times >= 0 && bucket->use.times + bucket->times >= limit->times)
	{
		if (limit->refuse)
			refuse(result, limit, bucket, true, match->points);
		note_cut(result, limit_text(limit, true));
		match->points = loyalty_number_of(0);
		match->growth = NULL;
		match->cut = true;
	}
	if (limit->points < 0)
		return;
	left = Max(limit->points - bucket->use.points, 0);
	if (loyalty_number_compare(loyalty_number_add(bucket->granted, match->points),
							   loyalty_number_of(left)) <= 0)
		return;
	if (limit->refuse)
		refuse(result, limit, bucket, false, match->points);
	note_cut(result, limit_text(limit, false));
	match->points = loyalty_number_subtract(loyalty_number_of(left), bucket->granted);
	match->cut = !loyalty_number_positive(match->points);
}

static bool
applies(const RuleResult *result)
{
	return result->matches > 0 && !result->held_out;
}

/* Does a match grant something?  That of a rule with effects does so without points. */
bool
loyalty_match_grants(const RuleResult *result, const RuleMatch *match)
{
	int			sign = loyalty_number_compare(match->points, loyalty_number_of(0));

	return sign > 0 || (sign == 0 && result->rule->effect_count > 0 && !match->cut);
}

/* Does the rule apply, and is it not cut to nothing? */
bool
loyalty_result_grants(const RuleResult *result)
{
	ListCell   *cell;

	if (result->lost || !applies(result))
		return false;
	if (result->rule->limit_count == 0)
		return loyalty_number_positive(result->limited) ||
			loyalty_number_compare(result->wished, loyalty_number_of(0)) == 0;
	foreach(cell, result->match_list)
	{
		if (loyalty_match_grants(result, lfirst(cell)))
			return true;
	}
	return false;
}

/* Sums the matches up again: points, and growth that times limits left. */
static void
sum_matches(RuleResult *result)
{
	Numeric		growth = loyalty_number_of(0);
	ListCell   *cell;

	result->limited = loyalty_number_of(0);
	foreach(cell, result->match_list)
	{
		const RuleMatch *match = lfirst(cell);

		result->limited = loyalty_number_add(result->limited, match->points);
		if (match->growth != NULL)
			growth = loyalty_number_add(growth, match->growth);
	}
	result->growth = growth;
}

static void
limit_rule(RuleResult *result)
{
	const Rule *rule = result->rule;
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		RuleMatch  *match = lfirst(cell);

		if (!loyalty_match_grants(result, match))
			continue;
		for (int i = 0; i < rule->limit_count; i++)
			limit_match(result, &rule->limits[i], match->buckets[i], match);
		if (!loyalty_match_grants(result, match))
			continue;
		for (int i = 0; i < rule->limit_count; i++)
		{
			LimitBucket *bucket = match->buckets[i];

			if (loyalty_match_counted(match, i))
				continue;
			bucket->granted = loyalty_number_add(bucket->granted, match->points);
			bucket->times++;
		}
	}
	sum_matches(result);
}

/* Lowers what a rule gives, its last matches first. */
static void
cut_rule(RuleResult *result, Numeric to, const char *what)
{
	Numeric		excess = loyalty_number_subtract(result->limited, to);

	for (int i = list_length(result->match_list) - 1; i >= 0; i--)
	{
		RuleMatch  *match = list_nth(result->match_list, i);
		Numeric		cut = match->points;

		if (!loyalty_number_positive(excess))
			break;
		if (!loyalty_number_positive(cut))
			continue;
		if (loyalty_number_compare(cut, excess) > 0)
			cut = excess;
		match->points = loyalty_number_subtract(match->points, cut);
		match->cut = !loyalty_number_positive(match->points);
		excess = loyalty_number_subtract(excess, cut);
	}
	result->limited = to;
	note_cut(result, what);
}

static int64
whole_up(const RuleResult *result, Numeric number)
{
	int64		whole;

	if (!loyalty_number_round(number, ROUND_UP, &whole))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("points of rule \"%s\" out of range", result->rule->name)));
	return whole;
}

static void
limit_by_budget(const RuleWork *work, RuleResult *result)
{
	int64		points;
	int64		got;

	if (result->rule->budget < 0 || !loyalty_number_positive(result->limited))
		return;
	points = whole_up(result, result->limited);
	got = work->facts->budget(work->facts->arg, result->rule->rule_id, points);
	if (got < points)
		cut_rule(result, loyalty_number_of(got), "budget");
}

/* The later rules make room first. */
static void
limit_by_room(const RuleWork *work, RuleResult *results, int count)
{
	Numeric		excess = loyalty_number_of(-work->room);

	for (int i = 0; i < count; i++)
		excess = loyalty_number_add(excess, results[i].limited);
	for (int i = count - 1; i >= 0 && loyalty_number_positive(excess); i--)
	{
		Numeric		cut = results[i].limited;

		if (!loyalty_number_positive(cut))
			continue;
		if (loyalty_number_compare(cut, excess) > 0)
			cut = excess;
		cut_rule(&results[i], loyalty_number_subtract(results[i].limited, cut),
				 "max_balance");
		excess = loyalty_number_subtract(excess, cut);
	}
}

/* The fraction that earlier events left to a rule. */
static Numeric
carried_in(const RuleWork *work, const RuleResult *result)
{
	RuleUse		ever = {0};

	if (work->correcting)
	{
		const StoredFacts *facts = loyalty_stored_facts(work, result->rule->version_id);

		return facts == NULL ? NULL : facts->carried;
	}
	ever.rule_id = result->rule->rule_id;
	ever.per = PERIOD_EVER;
	ever.since = DATEVAL_NOBEGIN;
	ever.key = "";
	return loyalty_use_find(&result->buckets, &ever)->carried;
}

/* Adds to what a rule gives: it counts with its first match. */
static void
raise_rule(RuleResult *result, Numeric by)
{
	result->limited = loyalty_number_add(result->limited, by);
	if (result->match_list != NIL)
	{
		RuleMatch  *match = linitial(result->match_list);

		match->points = loyalty_number_add(match->points, by);
	}
}

/*
 * Three times a third of a point is one, though numbers have an end: a sum that
 * is whole at so many digits gives the whole point now, and what it lacks is
 * taken from the fraction that is kept.  So nothing is given that was not
 * wished, only earlier.
 */
static void
lend_rest(RuleResult *result)
{
	Datum		sum = NumericGetDatum(result->limited);
	Datum		whole = DirectFunctionCall1(numeric_ceil, sum);
	Numeric		near = DatumGetNumeric(DirectFunctionCall2(numeric_round, sum,
														   Int32GetDatum(CARRY_DIGITS)));

	if (loyalty_number_compare(near, result->limited) <= 0 ||
		loyalty_number_compare(near, DatumGetNumeric(whole)) != 0)
		return;
	result->lent = loyalty_number_subtract(near, result->limited);
	raise_rule(result, result->lent);
}

/* Multiplies the matches, and applies minimum and carried fraction. */
static void
prepare_rule(const RuleWork *work, RuleResult *result)
{
	const Rule *rule = result->rule;
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		RuleMatch  *match = lfirst(cell);

		if (rule->mode == RULE_MULTIPLY)
			match->points = result->wished;
		else if (result->multiplier != NULL)
			match->points = loyalty_number_multiply(match->points, result->multiplier);
	}
	if (rule->min_points > 0 &&
		loyalty_number_compare(result->wished, loyalty_number_of(rule->min_points)) < 0)
	{
		raise_rule(result, loyalty_number_subtract(loyalty_number_of(rule->min_points),
												   result->wished));
		result->wished = result->limited;
		result->raised = true;
	}
	if (rule->carry)
	{
		result->carried = carried_in(work, result);
		if (result->carried != NULL)
			raise_rule(result, result->carried);
		lend_rest(result);
	}
}

/* A rule that carries gives whole points and keeps the rest. */
static void
keep_fraction(RuleResult *result)
{
	Numeric		whole = DatumGetNumeric(DirectFunctionCall2(numeric_trunc,
															NumericGetDatum(result->limited),
															Int32GetDatum(0)));

	result->carry_change = loyalty_number_subtract(result->limited, whole);
	if (result->carried != NULL)
		result->carry_change = loyalty_number_subtract(result->carry_change, result->carried);
	if (result->lent != NULL)
		result->carry_change = loyalty_number_subtract(result->carry_change, result->lent);
	result->limited = whole;
}

/* Does an event take points away as a whole? */
bool
loyalty_rules_take_away(const RuleResult *results, int count)
{
	Numeric		zero = loyalty_number_of(0);
	Numeric		sum = zero;
	bool		negative = false;

	for (int i = 0; i < count; i++)
		negative |= loyalty_number_compare(results[i].wished, zero) < 0;
	for (int i = 0; negative && i < count; i++)
		sum = loyalty_number_add(sum, results[i].wished);
	return loyalty_number_compare(sum, zero) < 0;
}

/* Fills `limited` of all rules. */
void
loyalty_rules_limit(const RuleWork *work, RuleResult *results, int count)
{
	static const RuleLimit ever = {PERIOD_EVER, -1, -1};
	bool		limits = work->room >= 0;

	for (int i = 0; i < count; i++)
	{
		const Rule *rule = results[i].rule;

		results[i].limited = results[i].wished;
		limits |= rule->limit_count > 0 || rule->budget >= 0 || rule->carry ||
			rule->min_points > 0;
	}
	if (!limits)
		return;
	if (loyalty_rules_take_away(results, count))
	{
		for (int i = 0; i < count; i++)
			results[i].match_list = NIL;
		return;
	}

	for (int i = 0; i < count; i++)
	{
		if (!applies(&results[i]))
			continue;
		fill_buckets(work, &results[i]);
		if (results[i].rule->carry)
			(void) find_bucket(work, &results[i], &ever, "");
	}
	load_buckets(work, results, count);
	for (int i = 0; i < count; i++)
	{
		if (!applies(&results[i]))
			continue;
		prepare_rule(work, &results[i]);
		if (results[i].match_list != NIL)
			limit_rule(&results[i]);
		limit_by_budget(work, &results[i]);
	}
	if (work->room >= 0)
		limit_by_room(work, results, count);
	for (int i = 0; i < count; i++)
	{
		if (applies(&results[i]) && results[i].rule->carry)
			keep_fraction(&results[i]);
	}
}
