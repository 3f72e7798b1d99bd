/*
 * order_settle.c
 *		Settles a statement's items: per member, by (at, ref), one write each.
 *
 * Loyalty never breaks an order: what the engine refuses is undone for this ref
 * alone and noted as an entry of 0 points.  That takes no subtransaction.  What
 * is guarded works on the member's state in memory; it opens nothing that it
 * would leave open when a rule or a check raises, and the errors that are
 * caught are of those two kinds only.  State and lists are put back from a copy.
 * Whatever else goes wrong (a cancelled statement, a serialization failure, no
 * memory) fails the statement as a whole.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "engine/save_point.h"
#include "triggers/order_batch.h"

/*
 * Entries of one member that are kept before they are written: the engine looks
 * through them for each ref.
 */
#define ENTRIES_MAX 64

typedef struct OrderItem
{
	int64		member_id;
	TimestampTz at;
	const char *ref;
	OrderStanding standing;
	const Jsonb *document;		/* NULL = none */
} OrderItem;

typedef struct Settling
{
	OrderBatch *batch;
	const EventType *event;
	MemoryContext context;		/* of the member */
	OrderContext row;
	StoryReader *stories;
	bool		open;			/* call has a locked member */
	Call		call;
} Settling;

static void
open_member(Settling *settling, int64 member_id)
{
	Call	   *call = &settling->call;
	const OrderMember *member;

	settling->open = loyalty_member_lock_id(&call->writer, member_id, &call->member);
	if (!settling->open)
		return;					/* forgotten meanwhile */
	loyalty_call_attach(call, settling->batch->program);
	if (call->engine.stored_entries != 0)
		loyalty_stories_begin(settling->stories, member_id);
	settling->row.member = call->member.ref;
	member = loyalty_order_members_lookup(settling->batch->members, call->member.ref);
	if (member != NULL && member->enrolled)
	{
		settling->row.ref = NULL;
		loyalty_event_register(call, member->since);
	}
}

static void
close_member(Settling *settling)
{
	if (settling->open)
	{
		loyalty_stories_end(settling->stories);
		loyalty_member_store(&settling->call.writer, &settling->call.engine);
	}
	settling->open = false;
	settling->row.member = NULL;
	MemoryContextReset(settling->context);
}

/* What may be refused; the engine's clock stands where it will work. */
static void
apply(Settling *settling, const OrderItem *item, const Jsonb *document, bool first)
{
	Call	   *call = &settling->call;
	TimestampTz at = call->now;

	if (item->standing == ORDER_FAILS)
		(void) loyalty_order_condition(settling->batch->attachment, document);
	if (first && item->at != ORDER_AT_CLOCK)
	{
		if (TIMESTAMP_NOT_FINITE(item->at))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("at must be finite")));
		at = loyalty_call_time(call, item->at);
	}
	(void) loyalty_event_settle(&call->engine, settling->event, document, item->ref, at,
								call->now);
}

static void
apply_or_note(Settling *settling, const OrderItem *item, const Jsonb *document, bool first)
{
	Engine	   *engine = &settling->call.engine;
	SavePoint	point;

	loyalty_engine_save(engine, &point);
	PG_TRY();
	{
		apply(settling, item, document, first);
	}
	PG_CATCH();
	{
		const ErrorData *error = loyalty_refusal_catch(settling->context);

		loyalty_engine_go_back(engine, &point);
		loyalty_engine_begin(engine, settling->call.now);
		(void) loyalty_engine_refuse(engine, settling->event, item->ref,
									 loyalty_refusal_text(error), document);
	}
	PG_END_TRY();
}

static void
settle_item(Settling *settling, const OrderItem *item)
{
	Call	   *call = &settling->call;
	Engine	   *engine = &call->engine;
	const Jsonb *document = item->document;
	List	   *families;
	bool		first;

	engine->known_ref = item->ref;
	engine->known_story = engine->stored_entries == 0 ? NIL :
		loyalty_stories_read(settling->stories, item->ref);
	families = loyalty_family_gather(loyalty_past_story(engine, item->ref), ENTRY_EVENT,
									 settling->event->event_id);
	first = families == NIL;

	/* what was granted before counts on, whenever the table was attached */
	if (first && (document == NULL || item->standing == ORDER_EARLIER))
		return;

	/* what the clock has decided is posted whatever becomes of the item */
	loyalty_engine_begin(engine, first && item->at < call->now && item->at != DT_NOBEGIN ?
						 item->at : call->now);
	if (settling->batch->attachment->raise)
		apply(settling, item, document, first);
	else
		apply_or_note(settling, item, document, first);
	settling->batch->settled++;

	if (list_length(engine->entries) >= ENTRIES_MAX)
	{
		loyalty_member_flush(&call->writer, engine);
		loyalty_stories_begin(settling->stories, call->member.member_id);
	}
}

static void
read_item(TupleTableSlot *slot, OrderItem *item)
{
	Datum	   *values = slot->tts_values;

	item->ref = TextDatumGetCString(values[ITEM_REF - 1]);
	item->at = DatumGetTimestampTz(values[ITEM_AT - 1]);
	item->standing = (OrderStanding) DatumGetChar(values[ITEM_STANDING - 1]);
	item->document = slot->tts_isnull[ITEM_DOCUMENT - 1] ? NULL :
		DatumGetJsonbPCopy(values[ITEM_DOCUMENT - 1]);
}

static void
settle_items(Settling *settling)
{
	OrderBatch *batch = settling->batch;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(batch->desc, &TTSOpsMinimalTuple);
	int64		current = 0;

	while (tuplesort_gettupleslot(batch->items, true, false, slot, NULL))
	{
		MemoryContext caller = MemoryContextSwitchTo(settling->context);
		int64		member_id;
		OrderItem	item;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		member_id = DatumGetInt64(slot->tts_values[ITEM_MEMBER_ID - 1]);
		if (member_id != current)
		{
			close_member(settling);
			open_member(settling, member_id);
			current = member_id;
		}
		if (settling->open)
		{
			read_item(slot, &item);
			settling->row.ref = item.ref;
			settle_item(settling, &item);
		}
		MemoryContextSwitchTo(caller);
	}
	close_member(settling);
	ExecDropSingleTupleTableSlot(slot);
}

void
loyalty_order_settle(OrderBatch *batch)
{
	Settling	settling = {batch};
	ErrorContextCallback callback;

	tuplesort_performsort(batch->items);
	settling.event = loyalty_event_lookup(batch->program, batch->attachment->event);
	if (settling.event == NULL)
		return;					/* no rule ever named it: it grants nothing */
	settling.row.batch = batch;
	settling.context = AllocSetContextCreate(CurrentMemoryContext, "loyalty member",
											 ALLOCSET_DEFAULT_SIZES);
	callback.callback = loyalty_order_context;
	callback.arg = &settling.row;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	loyalty_writer_open(&settling.call.writer);
	settling.stories = loyalty_stories_open();
	settle_items(&settling);
	loyalty_stories_close(settling.stories);
	loyalty_writer_close(&settling.call.writer);

	error_context_stack = callback.previous;
	MemoryContextDelete(settling.context);
}
