/*
 * task.c
 *		Rows of loyalty.task.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "config/load.h"

static RulePath *
load_path(HeapTuple row, TupleDesc desc, const char *column)
{
	RulePath   *path = palloc(sizeof(RulePath));

	loyalty_path_load(row, desc, column, path);
	return path;
}

void
loyalty_task_load(HeapTuple row, TupleDesc desc, Task *task)
{
	const char *repeat = loyalty_config_column_text(row, desc, "repeat");

	task->task_id = loyalty_config_column_int32(row, desc, "task_id");
	task->name = loyalty_config_column_text(row, desc, "name");
	task->event = loyalty_config_column_text(row, desc, "event");
	task->condition = load_path(row, desc, "condition");
	task->measure = load_path(row, desc, "measure");
	task->target = loyalty_config_column_numeric(row, desc, "target");
	task->repeat = strcmp(repeat, "once") == 0 ? PERIOD_EVER : repeat[0];
	task->starts_at = loyalty_config_column_instant(row, desc, "starts_at", DT_NOBEGIN);
	task->ends_at = loyalty_config_column_instant(row, desc, "ends_at", DT_NOEND);
	task->requires = loyalty_config_column_text(row, desc, "requires");
	task->badge = loyalty_config_column_text(row, desc, "badge");
	task->active = loyalty_config_column_bool(row, desc, "active");
}
