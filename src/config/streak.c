/*
 * streak.c
 *		Rows of loyalty.streak.
 */
#include "postgres.h"

#include "config/load.h"

void
loyalty_streak_terms_load(HeapTuple row, TupleDesc desc, StreakTerms *terms)
{
	/* what the table's checks allow differs in the first letter */
	terms->unit = (StreakUnit) loyalty_config_column_text(row, desc, "period")[0];
	terms->cycle = (StreakCycle) loyalty_config_column_text(row, desc, "cycle")[0];
	terms->once = loyalty_config_column_bool(row, desc, "once");
	terms->make_up_points = loyalty_config_column_int64(row, desc, "make_up_points");
	terms->make_up_within = loyalty_config_column_int32(row, desc, "make_up_within");
}
