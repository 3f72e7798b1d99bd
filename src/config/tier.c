/*
 * tier.c
 *		Rows of loyalty.tier.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "config/load.h"

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
