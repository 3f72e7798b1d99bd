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
	Size		limited = result->buckets.count;
	LimitBucket **buckets = palloc_extended(sizeof(LimitBucket *) * limited, MCXT_ALLOC_HUGE);
	Numeric    *parts = palloc_extended(sizeof(Numeric) * limited, MCXT_ALLOC_HUGE);
	int64	   *shares = palloc_extended(sizeof(int64) * limited, MCXT_ALLOC_HUGE);
	ListCell   *cell;

	foreach(cell, result->match_list)
	{
		const RuleMatch *match = lfirst(cell);
		LimitBucket *bucket = match->buckets[limit];

		if (bucket->part < 0)
		{
			bucket->part = count;
			parts[count] = loyalty_number_of(0);
			buckets[count++] = bucket;
		}
		parts[bucket->part] = loyalty_number_add(parts[bucket->part], match->points);
	}
	loyalty_parts_share(parts, count, result->granted, shares);
	for (int i = 0; i < count; i++)
	{
		buckets[i]->use.points = Max(shares[i], 0);
		buckets[i]->part = -1;
	}
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

/* Fills what was used before, and `uses`, of a rule whose whole points are known. */
void
loyalty_rule_note_use(const RuleWork *work, RuleResult *result)
{
	const UseTable *buckets = &result->buckets;

	for (int i = 0; i < buckets->count; i++)
	{
		LimitBucket *bucket = (LimitBucket *) buckets->uses[i];
		RuleUse    *use = &bucket->use;

		bucket->points_before = use->points;
		bucket->times_before = use->times;
		use->points = use->times = use->seen = use->budget = 0;
		use->carried = use->measured = NULL;
	}
	if (result->match_list != NIL &&
		(result->granted > 0 ||
		 (result->rule->effect_count > 0 && loyalty_result_grants(result))))
	{
		for (int i = 0; result->granted > 0 && i < result->rule->limit_count; i++)
			use_buckets(result, i);
		count_matches(result);
		for (int i = 0; i < buckets->count; i++)
		{
			RuleUse    *use = buckets->uses[i];

			if (use->per != PERIOD_EVENT && (use->points != 0 || use->times != 0))
				result->uses = lappend(result->uses, use);
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
