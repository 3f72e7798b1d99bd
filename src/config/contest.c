/*
 * contest.c
 *		Rows of loyalty.contest.
 */
#include "postgres.h"

#include "config/load.h"

void
loyalty_contest_load(HeapTuple row, TupleDesc desc, Contest *contest)
{
	contest->contest_id = loyalty_config_column_int32(row, desc, "contest_id");
	contest->name = loyalty_config_column_text(row, desc, "name");
	contest->event = loyalty_config_column_text(row, desc, "event");
	contest->condition = palloc(sizeof(RulePath));
	loyalty_path_load(row, desc, "condition", contest->condition);
	contest->measure = palloc(sizeof(RulePath));
	loyalty_path_load(row, desc, "measure", contest->measure);
	contest->starts_at = loyalty_config_column_instant(row, desc, "starts_at", DT_NOBEGIN);
	contest->ends_at = loyalty_config_column_instant(row, desc, "ends_at", DT_NOEND);
	contest->joins_until = loyalty_config_column_instant(row, desc, "joins_until",
														 contest->ends_at);
	contest->max_members = loyalty_config_column_int32(row, desc, "max_members");
	contest->settle_after = loyalty_config_column_interval(row, desc, "settle_after");
	contest->active = loyalty_config_column_bool(row, desc, "active");
}
