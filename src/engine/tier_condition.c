/*
 * tier_condition.c
 *		What a tier asks for beside growth: a jsonpath over the member's past.
 *
 * $orders counts the events whose growth still stands and is as young as the
 * oldest live growth, $active_days the local days they fall on, $tenure the
 * days since enrolment, $plan names the plans in force; $ is the member's
 * attributes.  The past is read only where a condition mentions it and the
 * thresholds are met.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "engine/membership.h"
#include "engine/path.h"
#include "engine/rules_json.h"
#include "types/calendar.h"

/* An entry that gave or took growth, by the event it is about. */
typedef struct GrowthEvent
{
	int32		event_id;
	const char *ref;			/* NULL = none */
	int64		entry_id;
	int64		growth;
	TimestampTz at;
} GrowthEvent;

static int
compare_events(const void *a, const void *b)
{
	const GrowthEvent *x = a;
	const GrowthEvent *y = b;
	int			order;

	if (x->event_id != y->event_id)
		return x->event_id < y->event_id ? -1 : 1;
	if ((x->ref == NULL) != (y->ref == NULL))
		return x->ref == NULL ? -1 : 1;
	order = x->ref == NULL ? 0 : strcmp(x->ref, y->ref);
	if (order != 0)
		return order;
	return x->entry_id < y->entry_id ? -1 : x->entry_id > y->entry_id;
}

static int
compare_days(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

static int
gather(List *entries, GrowthEvent *events, int count)
{
	ListCell   *cell;

	foreach(cell, entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->growth == 0)
			continue;
		events[count].event_id = entry->event_id;
		events[count].ref = entry->ref;
		events[count].entry_id = entry->entry_id;
		events[count].growth = entry->growth;
		events[count].at = entry->at;
		count++;
	}
	return count;
}

/* Every entry of the member that moved growth, sorted by event and ref. */
static int
growth_events(const Engine *engine, GrowthEvent **events)
{
	List	   *given = loyalty_past_since(engine, 0, ENTRY_EVENT);
	List	   *corrected = loyalty_past_since(engine, 0, ENTRY_CORRECTION);
	List	   *clawed = loyalty_past_since(engine, 0, ENTRY_CLAW_BACK);
	int			count;

	*events = palloc(sizeof(GrowthEvent) * (list_length(given) + list_length(corrected) +
											list_length(clawed) + 1));
	count = gather(given, *events, 0);
	count = gather(corrected, *events, count);
	count = gather(clawed, *events, count);
	qsort(*events, count, sizeof(GrowthEvent), compare_events);
	return count;
}

/* Where the oldest growth that is live at `at` begins; DT_NOEND if none is. */
static TimestampTz
live_since(const MemberState *member, TimestampTz at)
{
	for (int i = 0; i < member->growth.count; i++)
	{
		if (loyalty_lot_is_spendable(&member->growth.lots[i], at))
			return member->growth.lots[i].valid_from;
	}
	return DT_NOEND;
}

static void
count_orders(const Engine *engine, TimestampTz at, int64 *orders, int64 *active_days)
{
	TimestampTz from = live_since(engine->member, at);
	GrowthEvent *events;
	int			count = growth_events(engine, &events);
	int64	   *days = palloc(sizeof(int64) * (count + 1));
	LocalClock	clock;

	loyalty_clock_of_zone(&clock, engine->program->tz);
	*orders = *active_days = 0;
	for (int i = 0; i < count;)
	{
		const GrowthEvent *first = &events[i];
		int64		growth = 0;

		do
			growth += events[i++].growth;
		while (i < count && first->ref != NULL && events[i].ref != NULL &&
			   events[i].event_id == first->event_id && strcmp(events[i].ref, first->ref) == 0);
		if (growth > 0 && first->at >= from && first->at <= at)
			days[(*orders)++] = clock.to_local(clock.zone, first->at).day;
	}
	qsort(days, *orders, sizeof(int64), compare_days);
	for (int i = 0; i < *orders; i++)
		*active_days += i == 0 || days[i] != days[i - 1];
}

/* The names of the plans in force at some time in [since, at], as an array. */
static void
push_plans(JsonWriter *json, const Engine *engine, const Tier *tier, TimestampTz since,
		   TimestampTz at)
{
	List	   *subscriptions = NIL;
	ListCell   *cell;

	if (tier->condition_needs & TIER_NEEDS_PLAN)
		subscriptions = engine->source->subscriptions(engine->source->arg);
	loyalty_json_key(json, "plan");
	loyalty_json_begin_array(json);
	foreach(cell, subscriptions)
	{
		const Subscription *subscription = lfirst(cell);
		const PaidPlan *plan = loyalty_plan_by_id(engine->program, subscription->plan_id);

		if (plan != NULL && subscription->since <= at && since < subscription->until)
			loyalty_json_text(json, NULL, plan->name);
	}
	loyalty_json_end(json);
}

static const Jsonb *
condition_variables(const Engine *engine, const Tier *tier, TimestampTz since, TimestampTz at)
{
	JsonWriter *json;
	int64		orders = 0;
	int64		active_days = 0;
	int64		tenure = 0;

	if (tier->condition_needs & TIER_NEEDS_ORDERS)
		count_orders(engine, at, &orders, &active_days);
	if ((tier->condition_needs & TIER_NEEDS_TENURE) && engine->member->enrolled_at < at)
	{
		LocalClock	clock;

		loyalty_clock_of_zone(&clock, engine->program->tz);
		tenure = clock.to_local(clock.zone, at).day -
			clock.to_local(clock.zone, engine->member->enrolled_at).day;
	}
	json = loyalty_json_object();
	push_plans(json, engine, tier, since, at);
	loyalty_json_integer(json, "orders", orders);
	loyalty_json_integer(json, "tenure", tenure);
	loyalty_json_integer(json, "active_days", active_days);
	return loyalty_json_finish(json);
}

bool
loyalty_tier_condition_held(const Engine *engine, const Tier *tier, TimestampTz since,
							TimestampTz at)
{
	return tier->condition == NULL ||
		loyalty_jsonpath_holds(tier->condition, engine->member->attributes,
							   condition_variables(engine, tier, since, at));
}

bool
loyalty_tier_condition_holds(const Engine *engine, const Tier *tier, TimestampTz at)
{
	return loyalty_tier_condition_held(engine, tier, at, at);
}
