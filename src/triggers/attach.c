/*
 * attach.c
 *		attach and detach: an order table is bound to an event, and let go.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "compat.h"
#include "ledger/query.h"
#include "triggers/order_batch.h"
#include "triggers/table_query.h"

PG_FUNCTION_INFO_V1(loyalty_attach);
PG_FUNCTION_INFO_V1(loyalty_detach);

extern Datum loyalty_jsonpath_variables(PG_FUNCTION_ARGS);

static LoyaltyQuery add_event = {
	"INSERT INTO loyalty.event_type (name) VALUES ($1) ON CONFLICT DO NOTHING", 1, {TEXTOID}
};

static Oid
arg_table(FunctionCallInfo fcinfo)
{
	Oid			relid;
	char	   *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("orders must not be null")));
	relid = PG_GETARG_OID(0);
	name = get_rel_name(relid);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!compat_owns_relation(relid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", name)));
	return relid;
}

static char *
arg_column(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", name)));
	return pstrdup(NameStr(*PG_GETARG_NAME(n)));
}

/* One of two words. */
static char *
arg_word(FunctionCallInfo fcinfo, int n, const char *name, const char *first,
		 const char *second)
{
	const char *word = loyalty_arg_text(fcinfo, n);

	if (word == NULL || (strcmp(word, first) != 0 && strcmp(word, second) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 word == NULL ? errmsg("%s must not be null", name) :
				 errmsg("unknown value \"%s\" of %s", word, name),
				 errhint("One of %s, %s.", first, second)));
	return pstrdup(word);
}

static char *
arg_event(FunctionCallInfo fcinfo, int n)
{
	const char *event = loyalty_arg_text(fcinfo, n);

	if (event == NULL || event[0] == '\0' || strlen(event) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 event == NULL ? errmsg("event must not be null") :
				 errmsg("event must be 1 to %d bytes long", NAMEDATALEN - 1)));
	return pstrdup(event);
}

/* A jsonpath without variables; there is nothing but the row that it could see. */
static char *
arg_condition(FunctionCallInfo fcinfo, int n)
{
	const char *condition = loyalty_arg_text(fcinfo, n);
	Datum		path;
	ArrayType  *variables;

	if (condition == NULL)
		return pstrdup("");
	path = DirectFunctionCall1(jsonpath_in, CStringGetDatum(condition));
	variables = DatumGetArrayTypeP(DirectFunctionCall1(loyalty_jsonpath_variables, path));
	if (ArrayGetNItems(ARR_NDIM(variables), ARR_DIMS(variables)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("condition \"%s\" mentions a variable", condition),
				 errhint("It sees the row as $, for example $.status == \"paid\".")));
	return pstrdup(condition);
}

static void
require_table(Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errhint("Orders are read from ordinary and partitioned tables.")));
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a temporary table", RelationGetRelationName(relation)),
				 errdetail("Its rows go with the session; the points would stay.")));
}

/* Is the column part of the partition key of one of the tables? */
static bool
is_partition_key(List *tables, const char *column)
{
	ListCell   *cell;
	bool		found = false;

	foreach(cell, tables)
	{
		Relation	table = table_open(lfirst_oid(cell), NoLock);
		PartitionKey key = RelationGetPartitionKey(table);

		for (int i = 0; key != NULL && i < key->partnatts && !found; i++)
			found = key->partattrs[i] != 0 &&
				strcmp(get_attname(RelationGetRelid(table), key->partattrs[i], false),
					   column) == 0;
		table_close(table, NoLock);
	}
	return found;
}

/*
 * Does the index make the ref unique?  One on a partitioned table has to hold
 * the partition key besides.
 */
static bool
makes_unique(Relation index, AttrNumber ref, List *tables)
{
	Form_pg_index form = index->rd_index;
	bool		has_ref = false;

	if (!form->indisunique || !form->indisvalid ||
		RelationGetIndexPredicate(index) != NIL || RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		AttrNumber	column = form->indkey.values[i];

		if (column == ref)
			has_ref = true;
		else if (!is_partition_key(tables, get_attname(form->indrelid, column, false)))
			return false;
	}
	return has_ref;
}

static void
require_unique_ref(Relation relation, const char *column, List *tables)
{
	AttrNumber	ref = get_attnum(RelationGetRelid(relation), column);
	bool		found = false;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(relation))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= makes_unique(index, ref, tables);
		index_close(index, AccessShareLock);
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s\" has no unique index", column,
						RelationGetRelationName(relation)),
				 errdetail("Each row is one event, and its ref names it."),
				 errhint("Create one; where several rows make one order, lines => true.")));
}

static void
refuse_twice(List *tables, char *const *arguments, const Program *program)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		Relation	table = table_open(lfirst_oid(cell), NoLock);

		if (loyalty_attachment_find(table, arguments) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("event \"%s\" of program \"%s\" is attached to table \"%s\" already",
							arguments[ARGUMENT_EVENT], program->name,
							RelationGetRelationName(table)),
					 errhint("Call loyalty.detach() first; granted points stay.")));
		table_close(table, NoLock);
	}
}

/* Streaks with `once` are made for check-ins: of orders they lose all but one. */
static void
warn_of_streak(const EventType *event)
{
	const char *unit;

	if (event->streak == NULL || !event->streak->once)
		return;
	unit = event->streak->unit == STREAK_DAY ? "day" : "week";
	ereport(NOTICE,
			(errmsg("only a member's first order of a %s counts: "
					"event \"%s\" has a streak with once", unit, event->name),
			 errdetail("Further orders of the %s get neither points nor an entry, "
					   "also after the first is changed or deleted.", unit),
			 errhint("For orders, set once to false in loyalty.streak.")));
}

/* The event gets its id now: a rule may come later. */
static void
know_event(const Program *program, const char *name)
{
	const EventType *event = loyalty_event_lookup(program, name);

	if (event == NULL)
	{
		Datum		arg = CStringGetTextDatum(name);

		loyalty_query_execute(&add_event, &arg);
	}
	if (event == NULL || event->rule_count == 0)
		ereport(NOTICE,
				(errmsg("no rule of program \"%s\" is about event \"%s\" yet",
						program->name, name),
				 errdetail("Orders are recorded with 0 points until one is.")));
	if (event != NULL)
		warn_of_streak(event);
}

static bool
keep_row(TupleTableSlot *slot, void *arg)
{
	tuplestore_puttupleslot(arg, slot);
	return true;
}

/* Settles the rows that are there, as a statement that inserted them would. */
static int64
settle_present(Relation relation, char *const *arguments, const Program *program)
{
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	Attachment	attachment;
	int64		settled;

	loyalty_attachment_read(loyalty_attachment_find(relation, arguments), &attachment);
	loyalty_table_visit(relation,
						psprintf("SELECT t FROM %s AS t", loyalty_table_name(relation)),
						InvalidOid, (Datum) 0, keep_row, rows);
	settled = loyalty_order_batch(&attachment, program, relation, RelationGetRelid(relation),
								  NULL, rows, false);
	tuplestore_end(rows);
	return settled;
}

static void
create_triggers(List *tables, char *const *arguments)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		Relation	table = table_open(lfirst_oid(cell), NoLock);

		loyalty_attachment_create(table, arguments, cell != list_head(tables));
		table_close(table, NoLock);
	}
}

/*
 * attach(orders, member, ref, event, at, condition, lines, on_error, on_delete,
 * backfill, program)
 */
Datum
loyalty_attach(PG_FUNCTION_ARGS)
{
	Oid			relid = arg_table(fcinfo);
	char	   *arguments[ATTACHMENT_ARGUMENTS];
	bool		lines = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	bool		backfill = !PG_ARGISNULL(9) && PG_GETARG_BOOL(9);
	const Program *program;
	Attachment	attachment = {0};
	Relation	relation;
	List	   *tables;
	int64		settled = 0;

	arguments[ARGUMENT_MEMBER] = arg_column(fcinfo, 1, "member");
	arguments[ARGUMENT_REF] = arg_column(fcinfo, 2, "ref");
	arguments[ARGUMENT_EVENT] = arg_event(fcinfo, 3);
	arguments[ARGUMENT_AT] = PG_ARGISNULL(4) ? "" : arg_column(fcinfo, 4, "at");
	arguments[ARGUMENT_CONDITION] = arg_condition(fcinfo, 5);
	arguments[ARGUMENT_SHAPE] = lines ? "lines" : "rows";
	arguments[ARGUMENT_ON_ERROR] = arg_word(fcinfo, 7, "on_error", "record", "raise");
	arguments[ARGUMENT_ON_DELETE] = arg_word(fcinfo, 8, "on_delete", "claw_back", "keep");
	loyalty_call_require_writable("attach()");
	program = loyalty_arg_program(fcinfo, 10);
	arguments[ARGUMENT_PROGRAM] = psprintf("%d", program->program_id);

	relation = relation_open(relid, ShareRowExclusiveLock);
	require_table(relation);
	tables = loyalty_attachment_tables(relation, ShareRowExclusiveLock);
	attachment.member = arguments[ARGUMENT_MEMBER];
	attachment.ref = arguments[ARGUMENT_REF];
	attachment.at = PG_ARGISNULL(4) ? NULL : arguments[ARGUMENT_AT];
	(void) loyalty_order_reader(&attachment, relation);	/* checks the columns */
	refuse_twice(tables, arguments, program);
	if (!lines)
		require_unique_ref(relation, arguments[ARGUMENT_REF], tables);
	know_event(program, arguments[ARGUMENT_EVENT]);

	/* what this very transaction inserts next by DEFAULT now() counts */
	arguments[ARGUMENT_SINCE] = backfill ? "-infinity" :
		pstrdup(timestamptz_to_str(GetCurrentTransactionStartTimestamp()));
	create_triggers(tables, arguments);
	if (backfill)
		settled = settle_present(relation, arguments,
								 loyalty_program_by_id(program->program_id));
	relation_close(relation, NoLock);
	PG_RETURN_INT64(settled);
}

/* The arguments of the table's attachments that are meant. */
static List *
meant_attachments(Oid relid, const char *event, const Program *program)
{
	Relation	relation = table_open(relid, ShareRowExclusiveLock);
	List	   *meant = NIL;
	ListCell   *cell;

	foreach(cell, loyalty_attachment_triggers(relation))
	{
		const Trigger *trigger = lfirst(cell);
		char	  **arguments;

		if ((event != NULL && strcmp(trigger->tgargs[ARGUMENT_EVENT], event) != 0) ||
			(program != NULL &&
			 pg_strtoint32(trigger->tgargs[ARGUMENT_PROGRAM]) != program->program_id))
			continue;
		if (relation->rd_rel->relispartition &&
			strcmp(trigger->tgargs[ARGUMENT_ROLE], "partition") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" is attached as a partition",
							RelationGetRelationName(relation)),
					 errhint("Call loyalty.detach() for the partitioned table.")));
		arguments = palloc(sizeof(char *) * ATTACHMENT_ARGUMENTS);
		for (int i = 0; i < ATTACHMENT_ARGUMENTS; i++)
			arguments[i] = pstrdup(trigger->tgargs[i]);
		meant = lappend(meant, arguments);
	}
	if (meant == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 event == NULL ?
				 errmsg("table \"%s\" is not attached", RelationGetRelationName(relation)) :
				 errmsg("event \"%s\" is not attached to table \"%s\"", event,
						RelationGetRelationName(relation))));
	table_close(relation, NoLock);
	return meant;
}

/* detach(orders, event, program) */
Datum
loyalty_detach(PG_FUNCTION_ARGS)
{
	Oid			relid = arg_table(fcinfo);
	const char *event = loyalty_arg_text(fcinfo, 1);
	const Program *program = PG_ARGISNULL(2) ? NULL : loyalty_arg_program(fcinfo, 2);
	List	   *meant;
	List	   *tables;
	ListCell   *cell;
	Relation	relation;

	loyalty_call_require_writable("detach()");
	relation = relation_open(relid, ShareRowExclusiveLock);
	require_table(relation);
	tables = loyalty_attachment_tables(relation, ShareRowExclusiveLock);
	relation_close(relation, NoLock);

	meant = meant_attachments(relid, event, program);
	foreach(cell, meant)
	{
		ListCell   *table;

		foreach(table, tables)
			loyalty_attachment_drop(lfirst_oid(table), lfirst(cell));
	}
	PG_RETURN_INT32(list_length(meant));
}
