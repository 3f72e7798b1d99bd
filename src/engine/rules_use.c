/*
 * rules_use.c
 *		What an event uses of limits and budgets, once its points are whole.
 *
 * A rule's whole points are shared out to the buckets of each of its limits by
 * largest remainder, as the rules' shares are: a bucket never gets more than
 * its exact share rounded up, which the limit allows.
 */
#include "postgres.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"

/* Two limits of one period and key share a bucket: did one count the match? */
bool
loyalty_match_counted(const RuleMatch *match, int limit)
{
	for (int i = 0; i < limit; i++)
	{
		if (match->buckets[i] == match->buckets[limit])
			return true;
	}
	return false;
}

/* Shares a rule's whole points out to the buckets of one of its limits. */
static void
use_buckets(RuleResult *result, int limit)
{
	int			count = 0;
	int			limited = list_length(result->buckets);
	LimitBucket **buckets = palloc(sizeof(LimitBucket *) * limited);
	Numeric    *parts = palloc(sizeof(Numeric) * limited);
	int64	   *shares = palloc(sizeof(int64) * limited);
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		const RuleMatch *match = lfirst(cell);
		int			i;

		for (i = 0; i < count && buckets[i] != match->buckets[limit]; i++)
			 /* find it */ ;
		if (i == count)
		{
			parts[count] = int64_to_numeric(0);
			buckets[count++] = match->buckets[limit];
		}
		parts[i] = loyalty_number_add(parts[i], match->points);
	}
	loyalty_parts_share(parts, count, result->granted, shares);
	for (int i = 0; i < count; i++)
		buckets[i]->use.points = Max(shares[i], 0);
}

/* Counts the matches of a rule in their buckets. */
static void
count_matches(RuleResult *result)
{
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		const RuleMatch *match = lfirst(cell);

		for (int i = 0; i < result->rule->limit_count; i++)
		{
			if (loyalty_match_grants(result, match) && !loyalty_match_counted(match, i))
				match->buckets[i]->use.times++;
		}
	}
}

static RuleUse *
new_use(const RuleWork *work, const Rule *rule, RulePeriod per, List **uses)
{
	RuleUse    *use = palloc0(sizeof(RuleUse));

	use->rule_id = rule->rule_id;
	use->per = per;
	use->since = loyalty_period_since(per, work->at, work->program->tz);
	use->key = "";
	*uses = lappend(*uses, use);
	return use;
}

/* Fills `used` and `uses` of a rule whose whole points are known. */
void
loyalty_rule_note_use(const RuleWork *work, RuleResult *result)
{
	ListCell   *cell;

	foreach(cell, result->buckets)
	{
		LimitBucket *bucket = lfirst(cell);

		if (bucket->use.per == PERIOD_EVENT || (bucket->use.points == 0 && bucket->use.times == 0))
			continue;
		result->used = lappend(result->used, memcpy(palloc(sizeof(RuleUse)), &bucket->use,
													sizeof(RuleUse)));
	}
	if (result->match_list != NIL &&
		(result->granted > 0 ||
		 (result->rule->effect_count > 0 && loyalty_result_grants(result))))
	{
		foreach(cell, result->buckets)
		{
			LimitBucket *bucket = lfirst(cell);

			bucket->use.points = bucket->use.times = bucket->use.seen = bucket->use.budget = 0;
			bucket->use.carried = bucket->use.measured = NULL;
		}
		for (int i = 0; result->granted > 0 && i < result->rule->limit_count; i++)
			use_buckets(result, i);
		count_matches(result);
		foreach(cell, result->buckets)
		{
			LimitBucket *bucket = lfirst(cell);

			if (bucket->use.per != PERIOD_EVENT &&
				(bucket->use.points != 0 || bucket->use.times != 0))
				result->uses = lappend(result->uses, &bucket->use);
		}
	}
	if (result->rule->budget >= 0 && result->granted > 0)
		new_use(work, result->rule, PERIOD_EVER, &result->uses)->budget = result->granted;
	if (result->carry_change != NULL)
		new_use(work, result->rule, PERIOD_EVER, &result->uses)->carried = result->carry_change;
	if (result->tracked)
	{
		RuleUse    *use = new_use(work, result->rule, result->rule->period, &result->uses);

		use->seen = 1;
		use->measured = result->scope->sum;
	}
}
