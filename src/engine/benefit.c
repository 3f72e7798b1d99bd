/*
 * benefit.c
 *		Benefits: what a member is entitled to, and in which period.
 *
 * A greater quota counts from the moment it is given.  A lower one counts from
 * the next period on: a tier that was held earlier in the period still counts
 * in it.  That is so of quotas that are counted by period alone; what has no
 * quota, or is given once, follows the tier that is held.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/membership.h"
#include "engine/path.h"
#include "engine/rules_json.h"
#include "types/instant.h"

void
loyalty_benefit_period(const Program *program, const Benefit *benefit, TimestampTz at,
					   TimestampTz *start, TimestampTz *end)
{
	LocalClock	clock;
	int64		day;

	if (benefit->period == CALENDAR_NONE)
	{
		*start = DT_NOBEGIN;
		*end = DT_NOEND;
		return;
	}
	loyalty_clock_of_zone(&clock, program->tz);
	day = loyalty_period_next_day(benefit->period, clock.to_local(clock.zone, at).day);
	if (!loyalty_clock_round_down(&clock, benefit->period, at, start, NULL) ||
		!loyalty_clock_midnight(&clock, day, end, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
}

static bool
reaches(const Tier *held, const Tier *wanted)
{
	return held != NULL && wanted != NULL && held->rank >= wanted->rank;
}

static const Tier *
tier_by_name(const Program *program, const char *name)
{
	for (int i = 0; i < program->tier_count; i++)
	{
		if (strcmp(program->tiers[i].name, name) == 0)
			return &program->tiers[i];
	}
	return NULL;
}

static bool
given_by_tier(const Standing *standing, const Benefit *benefit, TimestampTz period_start)
{
	const Tier *wanted = tier_by_name(standing->program, benefit->tier);
	ListCell   *cell;

	if (reaches(standing->tier, wanted))
		return true;
	if (benefit->quota == BENEFIT_UNLIMITED || benefit->period == CALENDAR_NONE)
		return false;
	foreach(cell, standing->tiers)
	{
		const TierHeld *held = lfirst(cell);

		if (held->since <= standing->at && held->until > period_start &&
			reaches(loyalty_tier_by_id(standing->program, held->tier_id), wanted))
			return true;
	}
	return false;
}

static bool
given_by_plan(const Standing *standing, const Benefit *benefit)
{
	const PaidPlan *plan = loyalty_plan_lookup(standing->program, benefit->plan);
	ListCell   *cell;

	foreach(cell, standing->subscriptions)
	{
		const Subscription *subscription = lfirst(cell);

		if (plan != NULL && subscription->plan_id == plan->plan_id &&
			subscription->since <= standing->at && standing->at < subscription->until)
			return true;
	}
	return false;
}

static bool
is_better(const Benefit *a, const Benefit *b)
{
	if (b == NULL || a->quota != b->quota)
		return b == NULL || a->quota > b->quota;
	return a->value != NULL &&
		(b->value == NULL ||
		 DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(a->value),
										  NumericGetDatum(b->value))));
}

void
loyalty_benefit_entitle(const Standing *standing, const char *name, const Jsonb *document,
						Entitlement *entitlement)
{
	const Program *program = standing->program;

	memset(entitlement, 0, sizeof(Entitlement));
	for (int i = 0; i < program->benefit_count; i++)
	{
		const Benefit *benefit = &program->benefits[i];
		bool		admits;
		bool		given;

		if (strcmp(benefit->name, name) != 0)
			continue;
		admits = document == NULL || loyalty_condition_holds(benefit->condition, document);
		entitlement->any = benefit;
		entitlement->admitted |= admits;
		loyalty_benefit_period(program, benefit, standing->at, &entitlement->period_start,
							   &entitlement->period_end);
		given = (benefit->tier == NULL && benefit->plan == NULL) ||
			(benefit->tier != NULL &&
			 given_by_tier(standing, benefit, entitlement->period_start)) ||
			(benefit->plan != NULL && given_by_plan(standing, benefit));
		if (!given)
			continue;
		if (!admits)
			entitlement->condition_fails = true;
		else if (is_better(benefit, entitlement->benefit))
			entitlement->benefit = benefit;
	}
}

Jsonb *
loyalty_breakdown_benefit(const BenefitUse *use, const Entitlement *entitlement)
{
	JsonWriter *json = loyalty_json_object();
	char		text[INSTANT_TEXT_SIZE];

	loyalty_json_text(json, "unit", entitlement->any->unit);
	loyalty_json_integer(json, "used", use->used);
	if (use->quota != BENEFIT_UNLIMITED)
		loyalty_json_integer(json, "quota", use->quota);
	if (entitlement->period_start != DT_NOBEGIN)
	{
		loyalty_instant_format(entitlement->period_start, text);
		loyalty_json_text(json, "since", text);
	}
	if (use->units > 0)
		loyalty_json_integer(json, "units", use->units);
	if (entitlement->period_end != DT_NOEND)
	{
		loyalty_instant_format(entitlement->period_end, text);
		loyalty_json_text(json, "until", text);
	}
	loyalty_json_text(json, "benefit", use->benefit);
	loyalty_json_integer(json, "quantity", use->quantity);
	if (use->units_left > 0)
		loyalty_json_integer(json, "units_left", use->units_left);
	return loyalty_json_finish(json);
}
