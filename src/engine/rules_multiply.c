/*
 * rules_multiply.c
 *		Exclusive groups and multipliers.
 *
 * The greater of the multipliers of tier and plan applies to the points of the
 * adding rules that are `multiplied`; multiplying rules come on top, in their
 * order, and the program's max_multiplier caps the product.  A multiplying
 * rule's points are what it adds to the others': so it has shares, limits,
 * budget, partner and validity like any rule.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"

static Numeric
smaller(Numeric a, Numeric b)
{
	return loyalty_number_compare(a, b) <= 0 ? a : b;
}

/* `wished` is there; what gives nothing is not cut. */
static void
note_cap(RuleResult *result, Numeric uncapped)
{
	if (loyalty_number_compare(result->wished, uncapped) == 0)
		return;
	result->cuts = lappend(result->cuts, pstrdup("max_multiplier"));
	result->uncapped = uncapped;
}

/* A rule that does not apply is here only because it counts something. */
static bool
applies(const RuleResult *result)
{
	return result->matches > 0 && !result->held_out;
}

/*
 * Fills `wished` of the chosen rules.  Notes a cut by max_multiplier, and what was
 * wished without it, if `note`.
 */
static void
multiply(const RuleWork *work, RuleResult *results, int count, const bool *chosen, bool note)
{
	Numeric		cap = work->program->max_multiplier;
	Numeric		product = work->multiplier;
	Numeric		reached = product;	/* the product, capped; NULL = 1 */
	Numeric		base = loyalty_number_of(0);

	if (cap != NULL && product != NULL)
		reached = smaller(product, cap);
	for (int i = 0; i < count; i++)
	{
		RuleResult *result = &results[i];

		if (!chosen[i] || result->rule->mode != RULE_ADD || !applies(result))
			continue;
		result->wished = result->points;
		if (result->rule->multiplied)
		{
			base = loyalty_number_add(base, result->points);
			result->multiplier = reached;
			if (reached != NULL)
				result->wished = loyalty_number_multiply(result->points, reached);
			if (note && reached != product)
				note_cap(result, loyalty_number_multiply(result->points, product));
		}
	}
	for (int i = 0; i < count; i++)
	{
		RuleResult *result = &results[i];
		Numeric		one = loyalty_number_of(1);
		Numeric		before = reached == NULL ? one : reached;
		Numeric		wished_before = product == NULL ? one : product;

		if (!chosen[i] || result->rule->mode != RULE_MULTIPLY || !applies(result))
			continue;
		product = product == NULL ? result->points :
			loyalty_number_multiply(product, result->points);
		reached = product;
		if (cap != NULL)
			reached = smaller(product, cap);
		result->wished = loyalty_number_multiply(base, loyalty_number_subtract(reached, before));
		if (note && reached != product)
			note_cap(result,
					 loyalty_number_multiply(base, loyalty_number_subtract(product,
																		   wished_before)));
	}
}

/* What the chosen rules give together. */
static Numeric
multiplied_sum(const RuleWork *work, RuleResult *results, int count, const bool *chosen)
{
	Numeric		sum = loyalty_number_of(0);

	multiply(work, results, count, chosen, false);
	for (int i = 0; i < count; i++)
	{
		if (chosen[i] && applies(&results[i]))
			sum = loyalty_number_add(sum, results[i].wished);
	}
	return sum;
}

static bool
same_group(const RuleResult *a, const RuleResult *b)
{
	return a->rule->exclusive_group != NULL && b->rule->exclusive_group != NULL &&
		strcmp(a->rule->exclusive_group, b->rule->exclusive_group) == 0;
}

/* Chooses of one group the rule with which the chosen ones give most. */
static void
choose_of_group(const RuleWork *work, RuleResult *results, int count, int first,
				bool *chosen, bool *decided)
{
	Numeric		best_sum = NULL;
	int			best = first;

	for (int i = first; i < count; i++)
	{
		Numeric		sum;

		if (!same_group(&results[first], &results[i]))
			continue;
		decided[i] = true;
		if (!applies(&results[i]))
			continue;
		chosen[i] = true;
		sum = multiplied_sum(work, results, count, chosen);
		chosen[i] = false;
		if (best_sum == NULL || loyalty_number_compare(sum, best_sum) > 0)
		{
			best_sum = sum;
			best = i;
		}
	}
	chosen[best] = true;
}

/* Does a group have a multiplying rule?  Such groups are decided last. */
static bool
group_multiplies(const RuleResult *results, int count, int first)
{
	for (int i = first; i < count; i++)
	{
		if (same_group(&results[first], &results[i]) && results[i].rule->mode == RULE_MULTIPLY)
			return true;
	}
	return false;
}

/*
 * Drops the rules that lose in their exclusive groups (those that count
 * something stay, with nothing) and fills `wished` of the others.
 */
void
loyalty_rules_multiply(const RuleWork *work, RuleResult *results, int *count)
{
	bool	   *chosen = palloc0(sizeof(bool) * Max(*count, 1));
	bool	   *decided = palloc0(sizeof(bool) * Max(*count, 1));
	int			kept = 0;

	for (int i = 0; i < *count; i++)
	{
		if (results[i].rule->exclusive_group == NULL)
			chosen[i] = decided[i] = true;
	}
	for (int round = 0; round < 2; round++)
	{
		for (int i = 0; i < *count; i++)
		{
			if (!decided[i] && (round == 1 || !group_multiplies(results, *count, i)))
				choose_of_group(work, results, *count, i, chosen, decided);
		}
	}
	for (int i = 0; i < *count; i++)
		results[i].wished = loyalty_number_of(0);
	multiply(work, results, *count, chosen, true);
	for (int i = 0; i < *count; i++)
	{
		if (!chosen[i] && !results[i].tracked)
			continue;
		if (!chosen[i])
		{
			results[i].points = results[i].wished = results[i].growth = loyalty_number_of(0);
			results[i].match_list = NIL;
			results[i].lost = true;
			results[i].cuts = list_make1(psprintf("exclusive group %s",
												  results[i].rule->exclusive_group));
		}
		results[kept++] = results[i];
	}
	*count = kept;
}
