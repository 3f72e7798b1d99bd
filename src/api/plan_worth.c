/*
 * plan_worth.c
 *		plan_worth: what a plan would have given over a year, against its price.
 *
 * The year is the last 12 months, as if the plan had been held all through it,
 * beside whatever else the member had; for who did hold it, it is what it gave.
 * Points are what its multiplier would have added to the member's events
 * (engine/past_events.c).  A benefit counts one unit for each event that it
 * could have been used on, up to its quota per period, less what the member had
 * of it otherwise.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "engine/membership.h"
#include "engine/past_events.h"
#include "engine/path.h"
#include "ledger/membership_row.h"

PG_FUNCTION_INFO_V1(loyalty_plan_worth);
PG_FUNCTION_INFO_V1(loyalty_plan_worth_lines);

/* What is looked at. */
typedef struct PlanYear
{
	const Program *program;
	const PaidPlan *plan;
	MemberState member;
	EngineSource source;
	Engine		engine;
	TimestampTz since;
	TimestampTz until;
	List	   *events;			/* of PastEvent */
	List	   *tiers;			/* of TierHeld */
	List	   *with;			/* subscriptions, the plan among them all the time */
	List	   *without;		/* and never */
} PlanYear;

/* The points of a month, or the units of a benefit in a period of its quota. */
typedef struct WorthLine
{
	const Benefit *benefit;		/* NULL = points */
	TimestampTz start;			/* DT_NOBEGIN = once */
	TimestampTz end;
	int64		events;			/* that count in it */
	int64		quantity;
	Numeric		worth;			/* NULL = not stated */
} WorthLine;

/* How much of a benefit is used in a period, with the plan or without. */
typedef struct Usage
{
	List	   *subscriptions;
	int64		used;
} Usage;

static Numeric
sum_of(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

static Numeric
difference_of(Numeric a, Numeric b)
{
	if (b == NULL)
		return a;
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub,
											   NumericGetDatum(a == NULL ? int64_to_numeric(0) : a),
											   NumericGetDatum(b)));
}

/* The line of a period; a new one where the last is not it. */
static WorthLine *
line_of(List **lines, const Benefit *benefit, TimestampTz start, TimestampTz end)
{
	WorthLine  *line = *lines == NIL ? NULL : llast(*lines);

	if (line == NULL || line->benefit != benefit || line->start != start)
	{
		line = palloc0(sizeof(WorthLine));
		line->benefit = benefit;
		line->start = start;
		line->end = end;
		*lines = lappend(*lines, line);
	}
	return line;
}

/* What the plan's multiplier would have added, by local month. */
static List *
points_lines(PlanYear *year)
{
	static const Benefit monthly = {.period = CALENDAR_MONTH};
	EventTerms	with = {true, NULL, year->with};
	EventTerms	without = {true, NULL, year->without};
	const int64 *more = loyalty_past_events_value(&year->engine, year->events, &with);
	const int64 *less = loyalty_past_events_value(&year->engine, year->events, &without);
	Numeric		point_value = year->program->point_value;
	List	   *lines = NIL;
	ListCell   *cell;

	foreach(cell, year->events)
	{
		const PastEvent *event = lfirst(cell);
		int			i = foreach_current_index(cell);
		TimestampTz start;
		TimestampTz end;
		WorthLine  *line;

		if (more[i] == less[i])
			continue;
		loyalty_benefit_period(year->program, &monthly, event->first->at, &start, &end);
		line = line_of(&lines, NULL, start, end);
		line->events++;
		line->quantity = loyalty_points_add(line->quantity, more[i] - less[i]);
	}
	foreach(cell, point_value == NULL ? NIL : lines)
	{
		WorthLine  *line = lfirst(cell);
		Datum		quantity = NumericGetDatum(int64_to_numeric(line->quantity));

		line->worth = DatumGetNumeric(DirectFunctionCall2(numeric_mul, quantity,
														  NumericGetDatum(point_value)));
	}
	return lines;
}

static const Jsonb *
no_attributes(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* Is a unit of the benefit there for the event?  Then it is used. */
static bool
use_unit(const PlanYear *year, const PastEvent *event, const char *name, const Jsonb *attributes,
		 Usage *usage, Numeric *worth, bool *applies)
{
	Standing	standing = {year->program, NULL, year->tiers, usage->subscriptions,
	event->first->at};
	Entitlement entitlement;
	const Benefit *benefit;

	standing.tier = loyalty_past_event_tier(year->program, event);
	loyalty_benefit_entitle(&standing, name, attributes, &entitlement);
	benefit = entitlement.benefit;
	*worth = NULL;
	*applies = benefit != NULL;
	if (benefit == NULL || usage->used >= benefit->quota)
		return false;
	usage->used++;
	if (benefit->worth->shape == PATH_ABSENT)
		*worth = benefit->value;
	else
		*worth = sum_of(loyalty_path_sum(benefit->worth, attributes), int64_to_numeric(0));
	return true;
}

/* A benefit of the plan, by the periods of its quota. */
static List *
benefit_lines(const PlanYear *year, const Benefit *benefit)
{
	Usage		with = {year->with, 0};
	Usage		without = {year->without, 0};
	TimestampTz period = DT_NOEND;
	List	   *lines = NIL;
	ListCell   *cell;

	foreach(cell, year->events)
	{
		const PastEvent *event = lfirst(cell);
		const Jsonb *attributes = event->attributes;
		WorthLine  *line;
		TimestampTz start;
		TimestampTz end;
		Numeric		more;
		Numeric		less;
		bool		applies;
		bool		had;
		int			units;

		/* nothing is bought by a return, nor by what was called off */
		if (!event->stands || event->points < 0 ||
			strcmp(loyalty_event_name(event->first->event_id), benefit->event) != 0)
			continue;
		if (attributes == NULL)
			attributes = no_attributes();
		loyalty_benefit_period(year->program, benefit, event->first->at, &start, &end);
		if (start != period)
			with.used = without.used = 0;
		period = start;
		units = use_unit(year, event, benefit->name, attributes, &with, &more, &applies);
		units -= use_unit(year, event, benefit->name, attributes, &without, &less, &had);
		if (!applies)
			continue;
		line = line_of(&lines, benefit, start, end);
		line->events++;
		line->quantity += units;
		line->worth = difference_of(sum_of(line->worth, more), less);
	}
	return lines;
}

/* Takes the arguments and looks at the year; returns its lines. */
static List *
worth_lines(FunctionCallInfo fcinfo, PlanYear *year)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	TimestampTz at = loyalty_arg_at(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	Interval	months = {.month = -12};
	Subscription *all_year = palloc0(sizeof(Subscription));
	List	   *lines;
	ListCell   *cell;

	memset(year, 0, sizeof(PlanYear));
	year->program = program;
	year->plan = loyalty_plan_require(program, name);
	loyalty_member_require(program, ref, &year->member);
	if (at == DT_NOBEGIN)
		at = Max(GetCurrentTimestamp(), year->member.last_at);
	year->until = at;
	year->since = loyalty_program_add(program, at, &months);
	loyalty_engine_read_only(&year->engine, &year->source, program, &year->member, at);
	year->events = loyalty_past_events(&year->engine, year->since, year->until);
	year->tiers = loyalty_tiers_held(year->member.member_id);
	foreach(cell, loyalty_subscriptions_load(year->member.member_id))
	{
		Subscription *subscription = lfirst(cell);

		if (subscription->plan_id != year->plan->plan_id)
			year->without = lappend(year->without, subscription);
	}
	all_year->plan_id = year->plan->plan_id;
	all_year->since = DT_NOBEGIN;
	all_year->until = DT_NOEND;
	year->with = lappend(list_copy(year->without), all_year);

	lines = points_lines(year);
	for (int i = 0; i < program->benefit_count; i++)
	{
		const Benefit *benefit = &program->benefits[i];

		if (benefit->plan != NULL && strcmp(benefit->plan, year->plan->name) == 0)
			lines = list_concat(lines, benefit_lines(year, benefit));
	}
	return lines;
}

/* plan_worth_lines(member, plan, at, program) */
Datum
loyalty_plan_worth_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PlanYear	year;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, worth_lines(fcinfo, &year))
	{
		const WorthLine *line = lfirst(cell);
		Datum		values[7];
		bool		nulls[7] = {false};

		nulls[0] = line->benefit == NULL;
		values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(line->benefit->name);
		values[1] = TimestampTzGetDatum(line->start);
		values[2] = TimestampTzGetDatum(line->end);
		nulls[1] = nulls[2] = line->start == DT_NOBEGIN;
		values[3] = Int64GetDatum(line->events);
		values[4] = Int64GetDatum(line->quantity);
		values[5] = CStringGetTextDatum(line->benefit == NULL ? "point" : line->benefit->unit);
		nulls[6] = line->worth == NULL;
		values[6] = NumericGetDatum(line->worth);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* plan_worth(member, plan, at, program) */
Datum
loyalty_plan_worth(PG_FUNCTION_ARGS)
{
	Interval	months = {.month = 12};
	PlanYear	year;
	List	   *lines = worth_lines(fcinfo, &year);
	Numeric		points_worth = year.program->point_value == NULL ? NULL : int64_to_numeric(0);
	Numeric		benefit_worth = int64_to_numeric(0);
	Numeric		worth;
	Numeric		price;
	int64		events = 0;
	int64		points = 0;
	int64		uses = 0;
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {false};
	ListCell   *cell;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "plan_worth() does not return a row");
	foreach(cell, year.events)
		events += ((const PastEvent *) lfirst(cell))->stands;
	foreach(cell, lines)
	{
		const WorthLine *line = lfirst(cell);

		if (line->benefit == NULL)
		{
			points = loyalty_points_add(points, line->quantity);
			points_worth = sum_of(points_worth, line->worth);
		}
		else
		{
			uses += line->quantity;
			benefit_worth = sum_of(benefit_worth, line->worth);
		}
	}
	worth = sum_of(benefit_worth, points_worth);
	price = loyalty_plan_price(year.program, year.plan, year.since,
							   loyalty_program_add(year.program, year.since, &months));

	values[0] = TimestampTzGetDatum(year.since);
	values[1] = TimestampTzGetDatum(year.until);
	values[2] = Int64GetDatum(events);
	values[3] = Int64GetDatum(points);
	values[4] = NumericGetDatum(points_worth);
	nulls[4] = points_worth == NULL;
	values[5] = Int64GetDatum(uses);
	values[6] = NumericGetDatum(benefit_worth);
	values[7] = NumericGetDatum(worth);
	values[8] = NumericGetDatum(price);
	values[9] = NumericGetDatum(difference_of(worth, price));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
