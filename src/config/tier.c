/*
 * tier.c
 *		Rows of loyalty.tier.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "config/load.h"

/* What a condition mentions; a name inside a string only costs a reading. */
static int
condition_needs(JsonPath *condition)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(jsonpath_out,
														   PointerGetDatum(condition)));
	int			needs = 0;

	if (strstr(text, "$\"orders\"") != NULL || strstr(text, "$\"active_days\"") != NULL)
		needs |= TIER_NEEDS_ORDERS;
	if (strstr(text, "$\"tenure\"") != NULL)
		needs |= TIER_NEEDS_TENURE;
	if (strstr(text, "$\"plan\"") != NULL)
		needs |= TIER_NEEDS_PLAN;
	pfree(text);
	return needs;
}

static void
load_status(HeapTuple row, TupleDesc desc, Tier *tier)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "keep_threshold", &isnull);

	tier->keep_threshold = isnull ? -1 : DatumGetInt64(value);
	value = loyalty_config_column_get(row, desc, "condition", &isnull);
	tier->condition = isnull ? NULL : DatumGetJsonPathPCopy(value);
	tier->condition_needs = isnull ? 0 : condition_needs(tier->condition);
	tier->status_validity = loyalty_config_column_validity(row, desc, "status_validity");
	if (strcmp(loyalty_validity_format(tier->status_validity), "never") == 0)
		tier->status_validity = NULL;
	tier->downgrade = (Downgrade) loyalty_config_column_text(row, desc, "downgrade")[0];
	tier->grace = *loyalty_config_column_interval(row, desc, "grace");
	tier->permanent = loyalty_config_column_bool(row, desc, "permanent");
}

void
loyalty_tier_load(HeapTuple row, TupleDesc desc, Tier *tier)
{
	Datum		one = DirectFunctionCall1(int4_numeric, Int32GetDatum(1));

	tier->tier_id = loyalty_config_column_int32(row, desc, "tier_id");
	tier->name = loyalty_config_column_text(row, desc, "name");
	tier->rank = loyalty_config_column_int32(row, desc, "rank");
	tier->threshold = loyalty_config_column_int64(row, desc, "threshold");
	tier->earn_multiplier = loyalty_config_column_numeric(row, desc, "earn_multiplier");
	tier->multiplies = DatumGetBool(DirectFunctionCall2(numeric_ne,
														NumericGetDatum(tier->earn_multiplier),
														one));
	tier->gift = loyalty_config_column_int64(row, desc, "gift");
	tier->redeem_discount = loyalty_config_column_numeric(row, desc, "redeem_discount");
	load_status(row, desc, tier);
}

const Tier *
loyalty_tier_by_id(const Program *program, int32 tier_id)
{
	for (int i = 0; i < program->tier_count; i++)
	{
		if (program->tiers[i].tier_id == tier_id)
			return &program->tiers[i];
	}
	return NULL;
}
