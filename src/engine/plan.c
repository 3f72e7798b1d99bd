/*
 * plan.c
 *		Paid plans: which are in force, what they cost, what is given back.
 *
 * Periods that follow each other end so many periods after the first began:
 * monthly ones from 31 January on end on the last day of February and on
 * 31 March.  A cancelled period is worth its share of the price by time.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "engine/membership.h"
#include "engine/number.h"
#include "engine/rules_json.h"
#include "types/instant.h"

const PaidPlan *
loyalty_plan_multiplying(const Program *program, List *subscriptions, TimestampTz at)
{
	const PaidPlan *best = NULL;
	ListCell   *cell;

	foreach(cell, subscriptions)
	{
		const Subscription *subscription = lfirst(cell);
		const PaidPlan *plan;

		if (at < subscription->since || at >= subscription->until)
			continue;
		plan = loyalty_plan_by_id(program, subscription->plan_id);
		if (plan != NULL && plan->multiplies &&
			(best == NULL ||
			 DatumGetBool(DirectFunctionCall2(numeric_gt,
											  NumericGetDatum(plan->earn_multiplier),
											  NumericGetDatum(best->earn_multiplier)))))
			best = plan;
	}
	return best;
}

/* The end of the nth period from an anchor on. */
static TimestampTz
period_end(const Program *program, TimestampTz anchor, const Interval *period, int32 nth)
{
	Interval	length;

	if (pg_mul_s32_overflow(period->month, nth, &length.month) ||
		pg_mul_s32_overflow(period->day, nth, &length.day) ||
		pg_mul_s64_overflow(period->time, nth, &length.time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return loyalty_program_add(program, anchor, &length);
}

void
loyalty_subscription_sell(const Program *program, const PaidPlan *plan, List *subscriptions,
						  TimestampTz at, Subscription *sold)
{
	const Subscription *last = NULL;
	ListCell   *cell;

	foreach(cell, subscriptions)
	{
		const Subscription *other = lfirst(cell);

		if (other->plan_id == plan->plan_id && other->ended_by == 0 && other->until > at &&
			(last == NULL || other->until > last->until))
			last = other;
	}
	memset(sold, 0, sizeof(Subscription));
	sold->plan_id = plan->plan_id;
	sold->price = plan->price;
	sold->period = plan->period;
	sold->since = sold->anchor = last == NULL ? at : last->until;
	sold->nth = 1;
	if (last != NULL && memcmp(&last->period, &plan->period, sizeof(Interval)) == 0)
	{
		sold->anchor = last->anchor;
		sold->nth = last->nth + 1;
	}
	sold->until = sold->sold_until = period_end(program, sold->anchor, &sold->period, sold->nth);
}

/* The part of a price that [from, until) is of [since, until), to cents or finer. */
static Numeric
prorate(Numeric price, TimestampTz since, TimestampTz from, TimestampTz until)
{
	Datum		part;
	int32		scale;

	if (from >= until)
		return loyalty_number_of(0);
	part = DirectFunctionCall2(numeric_mul, NumericGetDatum(price),
							   NumericGetDatum(loyalty_number_of(until - Max(from, since))));
	part = DirectFunctionCall2(numeric_div, part,
							   NumericGetDatum(loyalty_number_of(until - since)));
	scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(price)));
	return DatumGetNumeric(DirectFunctionCall2(numeric_round, part,
											   Int32GetDatum(Max(scale, 2))));
}

Numeric
loyalty_plan_price(const Program *program, const PaidPlan *plan, TimestampTz from,
				   TimestampTz until)
{
	Datum		sum = NumericGetDatum(loyalty_number_of(0));
	TimestampTz since = from;

	for (int32 nth = 1; since < until; nth++)
	{
		TimestampTz end = period_end(program, from, &plan->period, nth);

		sum = DirectFunctionCall2(numeric_add, sum, NumericGetDatum(plan->price));
		if (end > until)
			sum = DirectFunctionCall2(numeric_sub, sum,
									  NumericGetDatum(prorate(plan->price, since, until, end)));
		since = end;
	}
	return DatumGetNumeric(sum);
}

void
loyalty_subscription_cancel(Subscription *subscription, TimestampTz at)
{
	subscription->refund = prorate(subscription->price, subscription->since, at,
								   subscription->until);
	subscription->until = Max(subscription->since, at);
}

Entry *
loyalty_engine_note(Engine *engine, EntryKind kind, const char *ref, const Jsonb *breakdown)
{
	Entry	   *entry = loyalty_entry_open(engine, kind, engine->at);

	entry->ref = ref;
	entry->generation = loyalty_entry_generation(engine, kind, 0, ref);
	entry->breakdown = breakdown;
	loyalty_entry_close(engine, entry);
	return entry;
}

static void
push_instant(JsonWriter *json, const char *key, TimestampTz instant)
{
	char		text[INSTANT_TEXT_SIZE];

	loyalty_instant_format(instant, text);
	loyalty_json_text(json, key, text);
}

Jsonb *
loyalty_breakdown_subscription(const char *plan, const Subscription *sold)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "plan", plan);
	loyalty_json_number(json, "price", sold->price);
	push_instant(json, "since", sold->since);
	push_instant(json, "until", sold->until);
	return loyalty_json_finish(json);
}

Jsonb *
loyalty_breakdown_cancellation(const char *plan, TimestampTz at, Numeric refund)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "plan", plan);
	push_instant(json, "until", at);
	loyalty_json_number(json, "refund", refund);
	return loyalty_json_finish(json);
}
