/*
 * rule_example.c
 *		Rows of loyalty.rule_example.
 *
 * They are read when they are checked, not with the session's configuration:
 * no event needs them.  Like it they are read as committed by now, whatever the
 * transaction's own snapshot says.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "config/load.h"
#include "config/rule_example.h"

static Oid
table_id(void)
{
	return get_relname_relid("rule_example", get_namespace_oid("loyalty", false));
}

static Jsonb *
load_object(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return DatumGetJsonbPCopy(value);
}

static RuleExample *
load_example(HeapTuple row, TupleDesc desc)
{
	RuleExample *example = palloc(sizeof(RuleExample));
	bool		isnull;
	Datum		value;

	example->name = loyalty_config_column_text(row, desc, "name");
	example->event = loyalty_config_column_text(row, desc, "event");
	example->attributes = load_object(row, desc, "attributes");
	example->tier = loyalty_config_column_text(row, desc, "tier");
	example->member = load_object(row, desc, "member");
	value = loyalty_config_column_get(row, desc, "at", &isnull);
	example->at = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	example->points = loyalty_config_column_int64(row, desc, "points");
	value = loyalty_config_column_get(row, desc, "growth", &isnull);
	example->has_growth = !isnull;
	example->growth = isnull ? 0 : DatumGetInt64(value);
	example->active = loyalty_config_column_bool(row, desc, "active");
	return example;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((const RuleExample *) lfirst(a))->name,
				  ((const RuleExample *) lfirst(b))->name);
}

List *
loyalty_rule_examples_load(const char *program)
{
	Relation	table = table_open(table_id(), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(table)));
	SysScanDesc scan;
	HeapTuple	row;
	List	   *examples = NIL;

	PushActiveSnapshot(snapshot);	/* detoasting wants one */
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	while ((row = systable_getnext(scan)) != NULL)
	{
		const char *name = loyalty_config_column_text(row, RelationGetDescr(table), "program");

		if (strcmp(name, program) == 0)
			examples = lappend(examples, load_example(row, RelationGetDescr(table)));
	}
	systable_endscan(scan);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	list_sort(examples, compare_names);
	return examples;
}

void
loyalty_rule_examples_lock(const Program *program)
{
	LockDatabaseObject(table_id(), program->program_id, 0, ExclusiveLock);
}
