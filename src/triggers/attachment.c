/*
 * attachment.c
 *		Attachments as triggers: read, created, dropped.
 *
 * Triggers are created and dropped as the bootstrap superuser: the caller has
 * been checked, and nobody but us can bind a table, since EXECUTE on the
 * trigger function is granted to nobody.  Whoever could create such a trigger
 * could grant points by inserting rows into a table of his own.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "triggers/attachment.h"
#include "triggers/table_query.h"

/* Whoever creates a partition need not be allowed to use our schema. */
static Oid
order_trigger_function(void)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum("order_trigger"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(get_namespace_oid("loyalty", false)));
}

/* Is it one of our triggers?  Internal copies are not. */
static bool
is_ours(const Trigger *trigger)
{
	return trigger->tgnargs == ATTACHMENT_ARGUMENTS && !trigger->tgisinternal &&
		trigger->tgfoid == order_trigger_function();
}

static const char *
argument_or_null(const Trigger *trigger, AttachmentArgument argument)
{
	const char *value = trigger->tgargs[argument];

	return value[0] == '\0' ? NULL : value;
}

void
loyalty_attachment_read(const Trigger *trigger, Attachment *attachment)
{
	char	  **arguments = trigger->tgargs;
	const char *condition = argument_or_null(trigger, ARGUMENT_CONDITION);

	if (trigger->tgnargs != ATTACHMENT_ARGUMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by loyalty.attach()", trigger->tgname)));
	attachment->event = arguments[ARGUMENT_EVENT];
	attachment->program_id = pg_strtoint32(arguments[ARGUMENT_PROGRAM]);
	attachment->member = arguments[ARGUMENT_MEMBER];
	attachment->ref = arguments[ARGUMENT_REF];
	attachment->at = argument_or_null(trigger, ARGUMENT_AT);
	attachment->condition = condition == NULL ? NULL :
		DatumGetJsonPathP(DirectFunctionCall1(jsonpath_in, CStringGetDatum(condition)));
	attachment->lines = strcmp(arguments[ARGUMENT_SHAPE], "lines") == 0;
	attachment->raise = strcmp(arguments[ARGUMENT_ON_ERROR], "raise") == 0;
	attachment->keep = strcmp(arguments[ARGUMENT_ON_DELETE], "keep") == 0;
	attachment->since = strcmp(arguments[ARGUMENT_SINCE], "-infinity") == 0 ? DT_NOBEGIN :
		DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												CStringGetDatum(arguments[ARGUMENT_SINCE]),
												ObjectIdGetDatum(InvalidOid),
												Int32GetDatum(-1)));
	attachment->partition = strcmp(arguments[ARGUMENT_ROLE], "partition") == 0;
}

List *
loyalty_attachment_triggers(Relation relation)
{
	List	   *found = NIL;

	if (relation->trigdesc == NULL)
		return NIL;
	for (int i = 0; i < relation->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &relation->trigdesc->triggers[i];

		if (TRIGGER_FOR_INSERT(trigger->tgtype) && is_ours(trigger))
			found = lappend(found, trigger);
	}
	return found;
}

static bool
same_attachment(char *const *a, char *const *b)
{
	return strcmp(a[ARGUMENT_EVENT], b[ARGUMENT_EVENT]) == 0 &&
		strcmp(a[ARGUMENT_PROGRAM], b[ARGUMENT_PROGRAM]) == 0;
}

Trigger *
loyalty_attachment_find(Relation relation, char *const *arguments)
{
	ListCell   *cell;

	foreach(cell, loyalty_attachment_triggers(relation))
	{
		Trigger    *trigger = lfirst(cell);

		if (same_attachment(trigger->tgargs, arguments))
			return trigger;
	}
	return NULL;
}

/* Runs one command as the superuser, seeing nothing but the system's names. */
static void
run_command(const char *command)
{
	Oid			user;
	int			security;
	int			level = NewGUCNestLevel();

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, security | SECURITY_LOCAL_USERID_CHANGE);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", command);
	SPI_finish();
	AtEOXact_GUC(true, level);
	SetUserIdAndSecContext(user, security);
}

/* A name that no trigger of the relation has: loyalty_<event>_<operation>. */
static char *
choose_name(Relation relation, const char *event, const char *operation)
{
	for (int n = 1;; n++)
	{
		char	   *end = n == 1 ? psprintf("_%s", operation) : psprintf("_%s_%d", operation, n);
		int			room = NAMEDATALEN - 1 - strlen("loyalty_") - strlen(end);
		char	   *name = psprintf("loyalty_%.*s%s", pg_mbcliplen(event, strlen(event), room),
									event, end);

		if (!OidIsValid(get_trigger_oid(RelationGetRelid(relation), name, true)))
			return name;
	}
}

static void
create_trigger(Relation relation, const char *operation, const char *timing,
			   const char *transition, char *const *arguments, bool partition)
{
	char	   *name = choose_name(relation, arguments[ARGUMENT_EVENT], operation);
	StringInfoData command;

	initStringInfo(&command);
	appendStringInfo(&command, "CREATE TRIGGER %s %s ON %s %s FOR EACH STATEMENT"
					 " EXECUTE FUNCTION loyalty.order_trigger(",
					 quote_identifier(name), timing, loyalty_table_name(relation), transition);
	for (int i = 0; i < ARGUMENT_ROLE; i++)
		appendStringInfo(&command, "%s, ", quote_literal_cstr(arguments[i]));
	appendStringInfo(&command, "'%s')", partition ? "partition" : "table");
	run_command(command.data);
}

void
loyalty_attachment_create(Relation relation, char *const *arguments, bool partition)
{
	create_trigger(relation, "insert", "AFTER INSERT",
				   "REFERENCING NEW TABLE AS loyalty_new", arguments, partition);
	create_trigger(relation, "update", "AFTER UPDATE",
				   "REFERENCING OLD TABLE AS loyalty_old NEW TABLE AS loyalty_new",
				   arguments, partition);
	if (strcmp(arguments[ARGUMENT_ON_DELETE], "keep") == 0)
		return;
	create_trigger(relation, "delete", "AFTER DELETE",
				   "REFERENCING OLD TABLE AS loyalty_old", arguments, partition);
	create_trigger(relation, "truncate", "BEFORE TRUNCATE", "", arguments, partition);
}

/* The relation must not be open while its triggers go. */
void
loyalty_attachment_drop(Oid relid, char *const *arguments)
{
	Relation	relation = table_open(relid, ShareRowExclusiveLock);
	const char *table = loyalty_table_name(relation);
	List	   *names = NIL;
	ListCell   *cell;

	for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
	{
		const Trigger *candidate = &relation->trigdesc->triggers[i];

		if (is_ours(candidate) && same_attachment(candidate->tgargs, arguments))
			names = lappend(names, pstrdup(candidate->tgname));
	}
	table_close(relation, NoLock);
	foreach(cell, names)
		run_command(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(cell)), table));
}

void
loyalty_attachment_check_columns(Relation relation)
{
	static const AttachmentArgument columns[] = {
		ARGUMENT_MEMBER, ARGUMENT_REF, ARGUMENT_AT
	};
	ListCell   *cell;

	foreach(cell, loyalty_attachment_triggers(relation))
	{
		const Trigger *trigger = lfirst(cell);

		for (int i = 0; i < lengthof(columns); i++)
		{
			const char *column = argument_or_null(trigger, columns[i]);

			if (column != NULL &&
				get_attnum(RelationGetRelid(relation), column) <= InvalidAttrNumber)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("column \"%s\" of table \"%s\" is read by loyalty",
								column, RelationGetRelationName(relation)),
						 errdetail("Event \"%s\" is attached to the table.",
								   trigger->tgargs[ARGUMENT_EVENT]),
						 errhint("Call loyalty.detach() before and loyalty.attach() after.")));
		}
	}
}
