/*
 * rules.c
 *		What an event is worth.
 *
 * A first grant takes the rules and the tier of now and evaluates them; a
 * correction takes both from the breakdown that was stored, so that only the
 * attributes are new; an event that is resettled takes the rules of now and all
 * else from the breakdown.  From there on they are one.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/effect.h"
#include "engine/rules_work.h"

/* The greatest of the tier's and the plan's multiplier. */
static void
use_multiplier(RuleWork *work, const PaidPlan *plan)
{
	Numeric		tier = work->tier_multiplier;

	work->plan_name = NULL;
	work->multiplier = tier;
	if (plan == NULL || !plan->multiplies)
		return;
	if (tier == NULL)
		tier = loyalty_number_of(1);
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(plan->earn_multiplier),
										 NumericGetDatum(tier))))
	{
		work->plan_name = plan->name;
		work->multiplier = plan->earn_multiplier;
	}
}

/* Rules that could apply to the request, from the present configuration. */
static void
find_rules(const EventRequest *request, RuleWork *work)
{
	const EventType *event = request->event;

	work->program = request->program;
	for (int i = 0; i < event->rule_count; i++)
	{
		Rule	   *rule = event->rules[i];
		bool		admitted = rule->tier_count == 0;

		for (int j = 0; j < rule->tier_count && work->tier_name != NULL; j++)
			admitted |= strcmp(rule->tiers[j], work->tier_name) == 0;
		if (admitted && rule->starts_at <= work->at && work->at < rule->ends_at)
			work->rules = lappend(work->rules, rule);
	}
}

static void
use_tier(RuleWork *work, const Tier *tier)
{
	work->tier_name = tier == NULL ? NULL : tier->name;
	work->tier_rank = tier == NULL ? 0 : tier->rank;
	work->tier_multiplier = tier == NULL || !tier->multiplies ? NULL : tier->earn_multiplier;
}

/* The work of a first grant. */
static void
start_work(const EventRequest *request, RuleWork *work)
{
	work->at = request->at;
	use_tier(work, request->tier);
	use_multiplier(work, request->plan);
	find_rules(request, work);
	work->member = loyalty_rule_member(request->member_attributes, work->rules);
}

/*
 * The work of a resettled event.  Of the member's attributes those stored count,
 * and of others, which no rule mentioned then, those of now.
 */
static void
renew_work(const EventRequest *request, RuleWork *work)
{
	const Jsonb *member;

	loyalty_breakdown_read_member(request->stored, work);
	work->stored = NIL;			/* limits are held against what is used now */
	if (request->other_tier)
		use_tier(work, request->tier);
	if (request->other_plan)
		use_multiplier(work, request->plan);
	find_rules(request, work);
	if (work->program->max_balance < 0)
		work->room = -1;
	member = loyalty_rule_member(request->member_attributes, work->rules);
	if (work->member == NULL)
		work->member = member;
	else if (member != NULL)
		work->member = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(member),
														  JsonbPGetDatum(work->member)));
}

/* What rules of now ask of the member's past, unless it is stored. */
static void
ask_facts(const EventRequest *request, RuleWork *work)
{
	if ((work->bits & RULE_VARIABLES_OF_HISTORY) && work->count < 0)
	{
		TimestampTz last_at;

		work->count = work->facts->history(work->facts->arg, request->event->event_id, &last_at);
		if (!TIMESTAMP_NOT_FINITE(last_at))
			work->idle_days = Max(0, loyalty_period_day(work->at, work->program->tz) -
								  loyalty_period_day(last_at, work->program->tz));
	}
	if (work->streak == NULL && (!work->renewed || (work->bits & RULE_VARIABLE_STREAK)))
		work->streak = request->streak;
	if (work->program->max_balance >= 0 && work->room < 0)
		work->room = work->facts->room(work->facts->arg);
}

/* Rounds the sum of the rules' numbers and gives each rule its share. */
static void
share_out(const EventRequest *request, const RuleWork *work, const char *what,
		  const RuleResult *results, const Numeric *numbers, int count,
		  int64 *shares, int64 *total)
{
	StringInfoData detail;

	if (loyalty_parts_round(numbers, count, work->program->rounding, shares, total))
		return;

	initStringInfo(&detail);
	for (int i = 0; i < count; i++)
		appendStringInfo(&detail, "%s\"%s\": %s", i == 0 ? "" : ", ", results[i].rule->name,
						 numeric_out_sci(numbers[i], 3));
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("%s of event \"%s\" out of range", what, request->event->name),
			 errdetail("By rule: %s.", detail.data)));
}

/* Makes the points and the growth of the rules whole. */
static void
make_whole(const EventRequest *request, const RuleWork *work,
		   RuleResult *results, int count, EventOutcome *outcome)
{
	Numeric    *numbers = palloc(sizeof(Numeric) * count);
	int64	   *shares = palloc(sizeof(int64) * count);

	for (int i = 0; i < count; i++)
		numbers[i] = results[i].limited;
	share_out(request, work, "points", results, numbers, count, shares, &outcome->points);
	for (int i = 0; i < count; i++)
	{
		results[i].granted = shares[i];
		numbers[i] = results[i].growth;
	}
	share_out(request, work, "growth", results, numbers, count, shares, &outcome->growth);
	for (int i = 0; i < count; i++)
		results[i].granted_growth = shares[i];
}

static void
add_points(int64 *sum, int64 points)
{
	if (pg_add_s64_overflow(*sum, points, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("points out of range")));
}

/* The validity of the points of a rule, or of rules that have none (NULL). */
void
loyalty_rule_validity(const RuleWork *work, const Rule *rule, GrantShare *share)
{
	const Program *program = work->program;
	const Interval *pending_for = &program->pending_for;
	const ValidityPolicy *validity = program->validity;
	TimestampTz from;
	int64		fraction;

	if (rule != NULL && rule->pending_for != NULL)
		pending_for = rule->pending_for;
	if (rule != NULL && rule->validity != NULL)
		validity = rule->validity;

	/* To the whole second, down: also before 2000, where instants are negative. */
	from = loyalty_program_add(program, work->at, pending_for);
	fraction = from % USECS_PER_SEC;
	from -= fraction < 0 ? fraction + USECS_PER_SEC : fraction;
	share->valid_from = from;
	share->valid_until = loyalty_validity_until(validity, from, program->tz);
}

/*
 * Adds a rule's share to the lots of its grant.  *plain is the validity of
 * rules that have none of their own.
 */
static void
add_share(const RuleWork *work, const Rule *rule, int64 points, const GrantShare *plain,
		  EventGrant *grant)
{
	GrantShare	own;
	const GrantShare *share = plain;
	int			i;

	if (rule->validity != NULL || rule->pending_for != NULL)
	{
		loyalty_rule_validity(work, rule, &own);
		share = &own;
	}
	for (i = 0; i < grant->share_count; i++)
	{
		if (grant->shares[i].valid_from == share->valid_from &&
			grant->shares[i].valid_until == share->valid_until)
			break;
	}
	if (i == grant->share_count)
	{
		grant->shares[i] = *share;
		grant->shares[i].points = 0;
		grant->share_count++;
	}
	add_points(&grant->shares[i].points, points);
}

static int
compare_shares(const void *a, const void *b)
{
	const GrantShare *x = a;
	const GrantShare *y = b;

	if (x->valid_from != y->valid_from)
		return x->valid_from < y->valid_from ? -1 : 1;
	return (x->valid_until > y->valid_until) - (x->valid_until < y->valid_until);
}

/* Drops shares that cancelled out and sorts the rest. */
static void
finish_shares(EventGrant *grant)
{
	int			kept = 0;

	for (int i = 0; i < grant->share_count; i++)
	{
		if (grant->shares[i].points != 0)
			grant->shares[kept++] = grant->shares[i];
	}
	grant->share_count = kept;
	if (kept > 1)
		qsort(grant->shares, kept, sizeof(GrantShare), compare_shares);
}

/* The grant of a rule's kind, partner and cost; made if there is none yet. */
static int
find_grant(EventOutcome *outcome, const Rule *rule, int share_limit)
{
	EventGrant *grant;
	int			i;

	for (i = 0; i < outcome->grant_count; i++)
	{
		grant = &outcome->grants[i];
		if (loyalty_same_text(grant->point_kind, rule->point_kind) &&
			loyalty_same_text(grant->partner, rule->partner) &&
			loyalty_same_number(grant->unit_cost, rule->unit_cost))
			return i;
	}
	grant = &outcome->grants[outcome->grant_count++];
	grant->point_kind = rule->point_kind;
	grant->partner = rule->partner;
	grant->unit_cost = rule->unit_cost;
	grant->shares = palloc(sizeof(GrantShare) * share_limit);
	return i;
}

/*
 * Groups the rules into grants, in the order of their first rules.  Rules that
 * came to nothing make no grant of their own; they are noted in the first.
 */
static void
group_grants(const RuleWork *work, RuleResult *results, int count, EventOutcome *outcome)
{
	GrantShare	plain;

	/* Once for all rules: calendars are slow. */
	loyalty_rule_validity(work, NULL, &plain);
	outcome->grants = palloc0(sizeof(EventGrant) * Max(count, 1));
	outcome->grant_count = 0;

	for (int i = 0; i < count; i++)
	{
		RuleResult *result = &results[i];
		EventGrant *grant;

		result->grant = 0;
		if (result->granted == 0 && result->granted_growth == 0)
			continue;
		result->grant = find_grant(outcome, result->rule, count);
		grant = &outcome->grants[result->grant];
		add_points(&grant->points, result->granted);
		add_points(&grant->growth, result->granted_growth);
		if (result->granted != 0)
			add_share(work, result->rule, result->granted, &plain, grant);
	}
	if (outcome->grant_count == 0)
		outcome->grant_count = 1;	/* plain points, none of them */

	for (int i = 0; i < outcome->grant_count; i++)
	{
		finish_shares(&outcome->grants[i]);
		outcome->grants[i].breakdown = loyalty_breakdown_build(work, results, count, i);
	}
}

/* What the event uses, over all rules; noted with each for the breakdown. */
static List *
note_uses(const RuleWork *work, RuleResult *results, int count)
{
	List	   *uses = NIL;

	for (int i = 0; i < count; i++)
	{
		loyalty_rule_note_use(work, &results[i]);
		uses = list_concat(uses, results[i].uses);
	}
	return uses;
}

void
loyalty_rules_evaluate(const EventRequest *request, EventOutcome *outcome)
{
	RuleWork	work = {0};
	RuleResult *results;
	ListCell   *cell;
	int			count = 0;

	work.count = work.idle_days = work.room = -1;
	work.facts = request->facts;
	work.member_ref = request->member_ref;
	work.renewed = request->renewed;
	work.correcting = request->stored != NULL && !work.renewed;
	if (work.renewed)
		renew_work(request, &work);
	else if (work.correcting)
	{
		loyalty_breakdown_read(request->stored, request, &work);
		if (request->other_plan)
			use_multiplier(&work, request->plan);
	}
	else
		start_work(request, &work);
	work.attributes = request->attributes;

	foreach(cell, work.rules)
		work.bits |= ((const Rule *) lfirst(cell))->variables;
	if (!work.correcting)
		ask_facts(request, &work);
	work.variables = loyalty_rule_variables(&work, work.bits & ~RULE_VARIABLES_OF_RULE, NULL);

	results = palloc(sizeof(RuleResult) * Max(list_length(work.rules), 1));
	foreach(cell, work.rules)
	{
		if (loyalty_rule_apply(lfirst(cell), &work, &results[count]))
			count++;
	}
	loyalty_rules_multiply(&work, results, &count);
	loyalty_rules_limit(&work, results, count);
	make_whole(request, &work, results, count, outcome);
	outcome->renewed = work.renewed;
	outcome->uses = note_uses(&work, results, count);
	outcome->effects = loyalty_effects_given(&work, request, results, count);
	group_grants(&work, results, count, outcome);
}
