/*
 * plan.c
 *		Rows of loyalty.plan and loyalty.benefit.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "config/load.h"

void
loyalty_plan_load(HeapTuple row, TupleDesc desc, PaidPlan *plan)
{
	Datum		one = DirectFunctionCall1(int4_numeric, Int32GetDatum(1));

	plan->plan_id = loyalty_config_column_int32(row, desc, "plan_id");
	plan->name = loyalty_config_column_text(row, desc, "name");
	plan->price = loyalty_config_column_numeric(row, desc, "price");
	plan->period = *loyalty_config_column_interval(row, desc, "period");
	plan->earn_multiplier = loyalty_config_column_numeric(row, desc, "earn_multiplier");
	plan->multiplies = DatumGetBool(DirectFunctionCall2(numeric_ne,
														NumericGetDatum(plan->earn_multiplier),
														one));
	plan->active = loyalty_config_column_bool(row, desc, "active");
}

const PaidPlan *
loyalty_plan_lookup(const Program *program, const char *name)
{
	for (int i = 0; i < program->plan_count; i++)
	{
		if (strcmp(program->plans[i].name, name) == 0)
			return &program->plans[i];
	}
	return NULL;
}

const PaidPlan *
loyalty_plan_by_id(const Program *program, int32 plan_id)
{
	for (int i = 0; i < program->plan_count; i++)
	{
		if (program->plans[i].plan_id == plan_id)
			return &program->plans[i];
	}
	return NULL;
}

static CalendarUnit
period_unit(const char *period)
{
	static const struct
	{
		const char *name;
		CalendarUnit unit;
	}			units[] = {
		{"day", CALENDAR_DAY},
		{"week", CALENDAR_WEEK},
		{"month", CALENDAR_MONTH},
		{"quarter", CALENDAR_QUARTER},
		{"year", CALENDAR_YEAR}
	};

	for (int i = 0; i < lengthof(units); i++)
	{
		if (strcmp(units[i].name, period) == 0)
			return units[i].unit;
	}
	return CALENDAR_NONE;
}

void
loyalty_benefit_load(HeapTuple row, TupleDesc desc, Benefit *benefit)
{
	bool		isnull;
	Datum		quota = loyalty_config_column_get(row, desc, "quota", &isnull);

	benefit->benefit_id = loyalty_config_column_int32(row, desc, "benefit_id");
	benefit->name = loyalty_config_column_text(row, desc, "name");
	benefit->tier = loyalty_config_column_text(row, desc, "tier");
	benefit->plan = loyalty_config_column_text(row, desc, "plan");
	benefit->kind = loyalty_config_column_text(row, desc, "kind");
	benefit->quota = isnull ? BENEFIT_UNLIMITED : DatumGetInt64(quota);
	benefit->unit = loyalty_config_column_text(row, desc, "unit");
	benefit->period_name = loyalty_config_column_text(row, desc, "period");
	benefit->period = period_unit(benefit->period_name);
	benefit->event = loyalty_config_column_text(row, desc, "event");
	benefit->condition = palloc(sizeof(RulePath));
	loyalty_path_load(row, desc, "condition", benefit->condition);
	benefit->value = loyalty_config_column_numeric(row, desc, "value");
	benefit->worth = palloc(sizeof(RulePath));
	loyalty_path_load(row, desc, "worth", benefit->worth);
}
