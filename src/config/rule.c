/*
 * rule.c
 *		Rows of loyalty.rule.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "config/load.h"

static void
load_path(HeapTuple row, TupleDesc desc, const char *column, Rule *rule, RulePath *path)
{
	loyalty_path_load(row, desc, column, path);
	loyalty_rule_add_use(rule, path);
}

static void
load_limits(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "limits", &isnull);

	if (isnull)
		return;
	loyalty_rule_limits_load(DatumGetJsonbP(value), rule);
	for (int i = 0; i < rule->limit_count; i++)
		loyalty_rule_add_use(rule, &rule->limits[i].key);
}

static void
load_effects(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "effects", &isnull);

	if (!isnull)
		loyalty_rule_effects_load(DatumGetJsonbP(value), rule);
}

/* What the rule gives beyond its paths' numbers: minimum, limits and the like. */
static void
load_bounds(HeapTuple row, TupleDesc desc, Rule *rule)
{
	const char *period = loyalty_config_column_text(row, desc, "period");
	Numeric		holdout = loyalty_config_column_numeric(row, desc, "holdout");

	load_limits(row, desc, rule);
	rule->min_points = loyalty_config_column_int64(row, desc, "min_points");
	rule->carry = loyalty_config_column_bool(row, desc, "carry");
	rule->budget = loyalty_config_column_limit(row, desc, "budget");
	if (holdout != NULL)
		rule->holdout = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
														   NumericGetDatum(holdout)));
	if (!loyalty_period_parse(period, strlen(period), &rule->period))
		elog(ERROR, "unknown period \"%s\"", period);
}

static void
load_tiers(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "tiers", &isnull);
	Datum	   *names;
	int			count;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, NULL, &count);
	rule->tiers = palloc(sizeof(char *) * count);
	rule->tier_count = count;
	for (int i = 0; i < count; i++)
		rule->tiers[i] = TextDatumGetCString(names[i]);
}

void
loyalty_rule_load(HeapTuple row, TupleDesc desc, Rule *rule)
{
	memset(rule, 0, sizeof(Rule));
	rule->rule_id = loyalty_config_column_int32(row, desc, "rule_id");
	rule->version_id = loyalty_config_column_int64(row, desc, "version_id");
	rule->name = loyalty_config_column_text(row, desc, "name");
	rule->program = loyalty_config_column_text(row, desc, "program");
	rule->event = loyalty_config_column_text(row, desc, "event");
	load_path(row, desc, "each", rule, &rule->each);
	load_path(row, desc, "condition", rule, &rule->condition);
	load_path(row, desc, "points", rule, &rule->points);
	load_path(row, desc, "growth", rule, &rule->growth);
	load_path(row, desc, "measure", rule, &rule->measure);
	rule->mode = (RuleMode) loyalty_config_column_text(row, desc, "mode")[0];
	rule->exclusive_group = loyalty_config_column_text(row, desc, "exclusive_group");
	load_bounds(row, desc, rule);
	load_effects(row, desc, rule);
	rule->multiplied = loyalty_config_column_bool(row, desc, "multiplied");
	rule->active = loyalty_config_column_bool(row, desc, "active");
	rule->point_kind = loyalty_config_column_text(row, desc, "point_kind");
	rule->partner = loyalty_config_column_text(row, desc, "partner");
	rule->unit_cost = loyalty_config_column_numeric(row, desc, "unit_cost");
	load_tiers(row, desc, rule);
	rule->starts_at = loyalty_config_column_instant(row, desc, "starts_at", DT_NOBEGIN);
	rule->ends_at = loyalty_config_column_instant(row, desc, "ends_at", DT_NOEND);
	rule->validity = loyalty_config_column_validity(row, desc, "validity");
	rule->pending_for = loyalty_config_column_interval(row, desc, "pending_for");
}
