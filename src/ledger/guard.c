/*
 * guard.c
 *		Keeps members and ledger from being written by anything but the calls,
 *		and from being dropped with points in them.
 *
 * BEFORE STATEMENT triggers, ENABLE ALWAYS: SQL is refused even for superusers
 * and in replica mode.  The executor path of our own writes fires no statement
 * triggers; our own SQL is let through; COPY is let through for restores and
 * needs a privilege that nobody is granted.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "compat.h"
#include "ledger/guard.h"
#include "ledger/query.h"

PG_FUNCTION_INFO_V1(loyalty_guard);
PG_FUNCTION_INFO_V1(loyalty_guard_drop);

static bool allow_drop = false;

void
loyalty_guard_init(void)
{
	DefineCustomBoolVariable("loyalty.allow_drop",
							 "Lets DROP EXTENSION take every member's points with it.",
							 NULL,
							 &allow_drop,
							 false,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);
}

/* BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE, FOR EACH STATEMENT */
Datum
loyalty_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;
	bool		copying;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("loyalty.guard() must be called as a BEFORE STATEMENT trigger")));

	table = RelationGetRelationName(trigger->tg_relation);
	copying = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && ActivePortal != NULL &&
		ActivePortal->commandTag == CMDTAG_COPY;
	if (loyalty_query_is_running() || copying)
		return PointerGetDatum(NULL);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 strcmp(table, "ledger") == 0 ? errmsg("the ledger is append-only") :
			 errmsg("loyalty.%s is written by the loyalty functions only", table),
			 errhint("Correct points with loyalty.adjust(), loyalty.claw_back() or"
					 " loyalty.restore(); a restore uses COPY.")));
}

static LoyaltyQuery any_entry = {
	"SELECT member_id FROM loyalty.ledger LIMIT 1", 0, {InvalidOid}
};
static LoyaltyQuery owner_is_among = {
	"SELECT true FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner"
	" WHERE e.extname = 'loyalty' AND r.rolname = $1",
	1, {TEXTOID}
};

/* Is the dropped name ours? */
static bool
names_us(Node *object, const char *name)
{
	if (IsA(object, List))
		object = llast((List *) object);
	return IsA(object, String) && strcmp(strVal(object), name) == 0;
}

static bool
drops_us(Node *statement)
{
	ListCell   *cell;

	if (IsA(statement, DropStmt))
	{
		DropStmt   *drop = (DropStmt *) statement;

		if (drop->removeType != OBJECT_EXTENSION && drop->removeType != OBJECT_SCHEMA)
			return false;
		foreach(cell, drop->objects)
		{
			if (names_us(lfirst(cell), "loyalty"))
				return true;
		}
	}
	else if (IsA(statement, DropOwnedStmt))
	{
		foreach(cell, ((DropOwnedStmt *) statement)->roles)
		{
			Oid			role = get_rolespec_oid(lfirst(cell), false);
			Datum		name = CStringGetTextDatum(GetUserNameFromId(role, false));
			Datum		found;

			if (loyalty_query_value(&owner_is_among, &name, &found))
				return true;
		}
	}
	return false;
}

/* Event trigger on ddl_command_start. */
Datum
loyalty_guard_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	Datum		member_id;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("loyalty.guard_drop() must be called as an event trigger")));
	if (!allow_drop && drops_us(data->parsetree) &&
		loyalty_query_value(&any_entry, NULL, &member_id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dropping loyalty would destroy the points of its members"),
				 errhint("If that is meant: SET loyalty.allow_drop = on, then drop again.")));
	PG_RETURN_VOID();
}
