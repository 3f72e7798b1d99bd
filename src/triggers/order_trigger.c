/*
 * order_trigger.c
 *		The trigger on order tables: one pass per statement.
 *
 * AFTER INSERT, UPDATE and DELETE FOR EACH STATEMENT with transition tables;
 * BEFORE TRUNCATE, which has none and is refused while anything stands granted.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "api/call.h"
#include "ledger/member_set.h"
#include "triggers/attachment.h"
#include "triggers/order_batch.h"
#include "triggers/table_query.h"

PG_FUNCTION_INFO_V1(loyalty_order_trigger);

/*
 * The commands of the statement that the last call served: the one that it ran
 * under, and the one that is current since we wrote.
 */
typedef struct ServedStatement
{
	FullTransactionId xid;
	CommandId	statement;
	CommandId	after;
} ServedStatement;

static ServedStatement served;

static void
check_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BEFORE(trigger->tg_event) !=
		TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ||
		(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && trigger->tg_newtable == NULL) ||
		(TRIGGER_FIRED_BY_DELETE(trigger->tg_event) && trigger->tg_oldtable == NULL) ||
		(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
		 (trigger->tg_oldtable == NULL || trigger->tg_newtable == NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("loyalty.order_trigger() was not called by a trigger of attach()")));
}

/*
 * Has anything but this statement written since it began?  Within one command a
 * row changes once, so as long as the command has not moved on the statement's
 * rows are the table's present ones.  What we ourselves wrote for the statement
 * (for another attachment, for the other half of ON CONFLICT) does not count.
 */
static bool
rows_may_be_stale(CommandId statement)
{
	CommandId	current = GetCurrentCommandId(false);

	if (current == statement)
		return false;
	return !(served.statement == statement && served.after == current &&
			 FullTransactionIdEquals(served.xid, GetTopFullTransactionId()));
}

static void
note_served(CommandId statement)
{
	served.xid = GetTopFullTransactionId();
	served.statement = statement;
	served.after = GetCurrentCommandId(false);
}

/* Does anything stand granted under the refs of the table? */
typedef struct StandingSearch
{
	const Attachment *attachment;
	const Program *program;
	const EventType *event;
	OrderReader *reader;
	char	   *member;			/* who has it; NULL = nobody */
	char	   *ref;
	MemoryContext context;
} StandingSearch;

static bool
find_standing(TupleTableSlot *slot, void *arg)
{
	StandingSearch *search = arg;
	const char *member = loyalty_order_member(search->reader, slot);
	const char *ref = loyalty_order_ref(search->reader, slot);
	ListCell   *cell;
	int64		member_id;

	if (member == NULL || ref == NULL)
		return true;
	loyalty_members_find(search->program, &member, &member_id, 1);
	if (member_id == 0)
		return true;
	foreach(cell, loyalty_family_gather(loyalty_entries_of_ref(member_id, ref), ENTRY_EVENT,
										search->event->event_id))
	{
		const Family *family = lfirst(cell);

		if (family->net == 0 && family->net_growth == 0)
			continue;
		search->member = MemoryContextStrdup(search->context, member);
		search->ref = MemoryContextStrdup(search->context, ref);
		return false;
	}
	return true;
}

static void
refuse_truncate(const Attachment *attachment, const Program *program, Relation relation)
{
	StandingSearch search = {attachment, program};
	int			level;

	search.event = loyalty_event_lookup(program, attachment->event);
	if (search.event == NULL)
		return;
	search.context = CurrentMemoryContext;
	level = loyalty_order_settings(program);
	search.reader = loyalty_order_reader(attachment, relation);
	loyalty_table_visit(relation, psprintf("SELECT t FROM %s AS t", loyalty_table_name(relation)),
						InvalidOid, (Datum) 0, find_standing, &search);
	AtEOXact_GUC(true, level);
	if (search.member != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot truncate \"%s\": points stand granted for its rows",
						RelationGetRelationName(relation)),
				 errdetail("For example for member \"%s\", ref \"%s\".",
						   search.member, search.ref),
				 errhint("DELETE takes the points back; loyalty.detach() first leaves them.")));
}

Datum
loyalty_order_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Attachment	attachment;
	const Program *program;
	Relation	relation;
	CommandId	statement;
	bool		reread;

	check_trigger(fcinfo);
	relation = trigger->tg_relation;
	loyalty_attachment_read(trigger->tg_trigger, &attachment);

	/* a partition that was detached is not the attached table's any more */
	if (attachment.partition && !relation->rd_rel->relispartition)
		return PointerGetDatum(NULL);
	program = loyalty_program_by_id(attachment.program_id);
	if (program == NULL)
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		refuse_truncate(&attachment, program, relation);
		return PointerGetDatum(NULL);
	}
	if ((trigger->tg_newtable == NULL || tuplestore_tuple_count(trigger->tg_newtable) == 0) &&
		(trigger->tg_oldtable == NULL || tuplestore_tuple_count(trigger->tg_oldtable) == 0))
		return PointerGetDatum(NULL);

	loyalty_call_require_writable("loyalty.order_trigger()");
	statement = GetActiveSnapshot()->curcid;
	reread = rows_may_be_stale(statement);
	(void) loyalty_order_batch(&attachment, program, relation,
							   loyalty_attachment_root(relation, trigger->tg_trigger),
							   trigger->tg_oldtable, trigger->tg_newtable, reread);
	if (!reread)
		note_served(statement);
	return PointerGetDatum(NULL);
}
