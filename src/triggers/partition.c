/*
 * partition.c
 *		Attachments of partitioned tables.
 *
 * A statement on a partition fires the triggers of that partition alone, so the
 * parent and everything below it are bound.  A partition that comes later is
 * bound by an event trigger when it is created or attached; one that is
 * detached keeps triggers that do nothing.  The same event trigger refuses to
 * rename or drop a column that an attachment reads.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "triggers/attachment.h"

PG_FUNCTION_INFO_V1(loyalty_attach_ddl);

Oid
loyalty_attachment_root(Relation relation, const Trigger *trigger)
{
	Oid			root = RelationGetRelid(relation);
	ListCell   *cell;

	if (strcmp(trigger->tgargs[ARGUMENT_ROLE], "partition") != 0)
		return root;
	foreach(cell, get_partition_ancestors(RelationGetRelid(relation)))
	{
		Relation	ancestor = table_open(lfirst_oid(cell), AccessShareLock);

		if (loyalty_attachment_find(ancestor, trigger->tgargs) != NULL)
			root = lfirst_oid(cell);
		table_close(ancestor, AccessShareLock);
	}
	return root;
}

List *
loyalty_attachment_tables(Relation relation, LOCKMODE lockmode)
{
	List	   *tables;
	ListCell   *cell;

	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(RelationGetRelid(relation));
	tables = find_all_inheritors(RelationGetRelid(relation), lockmode, NULL);
	foreach(cell, tables)
	{
		Relation	table = relation_open(lfirst_oid(cell), NoLock);

		if (table->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("table \"%s\" has the foreign table \"%s\" as a partition",
							RelationGetRelationName(relation), RelationGetRelationName(table)),
					 errdetail("PostgreSQL does not collect the rows that change there.")));
		relation_close(table, NoLock);
	}
	return tables;
}

/* Gives a new partition, and what is below it, the attachments of a parent. */
static void
bind_partition(Oid parent_id, Oid partition_id)
{
	Relation	parent = table_open(parent_id, AccessShareLock);
	Relation	partition;
	ListCell   *cell;

	if (loyalty_attachment_triggers(parent) == NIL)
	{
		table_close(parent, AccessShareLock);
		return;
	}
	partition = relation_open(partition_id, AccessShareLock);
	foreach(cell, loyalty_attachment_triggers(parent))
	{
		const Trigger *trigger = lfirst(cell);
		char	   *arguments[ATTACHMENT_ARGUMENTS];
		List	   *tables;
		ListCell   *lc;

		/* the parent's own list may be built anew while triggers are made */
		for (int i = 0; i < ATTACHMENT_ARGUMENTS; i++)
			arguments[i] = pstrdup(trigger->tgargs[i]);
		tables = partition->rd_rel->relkind == RELKIND_FOREIGN_TABLE ? NIL :
			loyalty_attachment_tables(partition, ShareRowExclusiveLock);
		foreach(lc, tables)
		{
			Relation	table = table_open(lfirst_oid(lc), NoLock);

			if (loyalty_attachment_find(table, arguments) == NULL)
				loyalty_attachment_create(table, arguments, true);
			table_close(table, NoLock);
		}
	}
	relation_close(partition, NoLock);
	table_close(parent, NoLock);
}

static void
partition_added(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	ListCell   *cell;

	if (!OidIsValid(relid) || !get_rel_relispartition(relid))
		return;
	foreach(cell, get_partition_ancestors(relid))
		bind_partition(lfirst_oid(cell), relid);
}

static void
columns_changed(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	Relation	relation;

	if (!OidIsValid(relid))
		return;
	relation = relation_open(relid, AccessShareLock);
	loyalty_attachment_check_columns(relation);
	relation_close(relation, NoLock);
}

static void
table_altered(const AlterTableStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst(cell);

		if (command->subtype == AT_AttachPartition)
			partition_added(castNode(PartitionCmd, command->def)->name);
		else if (command->subtype == AT_DropColumn)
			columns_changed(statement->relation);
	}
}

/* Event trigger on ddl_command_end of CREATE TABLE and ALTER TABLE. */
Datum
loyalty_attach_ddl(PG_FUNCTION_ARGS)
{
	const EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	const Node *statement;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("loyalty.attach_ddl() must be called as an event trigger")));
	statement = data->parsetree;
	if (IsA(statement, CreateStmt) && ((const CreateStmt *) statement)->partbound != NULL)
		partition_added(((const CreateStmt *) statement)->relation);
	else if (IsA(statement, AlterTableStmt))
		table_altered((const AlterTableStmt *) statement);
	else if (IsA(statement, RenameStmt) &&
			 ((const RenameStmt *) statement)->renameType == OBJECT_COLUMN)
		columns_changed(((const RenameStmt *) statement)->relation);
	PG_RETURN_VOID();
}
