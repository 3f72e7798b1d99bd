/*
 * follow.c
 *		Events that follow from something else than a call about the member.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/call.h"

/* Records the refusal instead; the member's row is read anew. */
static void
note_refusal(Call *call, const EventType *event, const char *ref, const char *reason,
			 const Jsonb *attributes)
{
	int64		member_id = call->member.member_id;
	const Program *program = call->program;

	if (!loyalty_member_try_lock_id(&call->writer, member_id, &call->member))
		elog(ERROR, "a locked member is gone");
	loyalty_call_attach(call, program);
	loyalty_engine_begin(&call->engine, call->now);
	(void) loyalty_engine_refuse(&call->engine, event, ref, reason, attributes);
}

void
loyalty_event_follow(Call *call, const EventType *event, const Jsonb *attributes,
					 const char *ref, TimestampTz at)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		(void) loyalty_event_settle(&call->engine, event, attributes, ref,
									Min(at, call->now), call->now);
	}
	PG_CATCH();
	{
		note_refusal(call, event, ref, loyalty_refusal_catch(context)->message, attributes);
	}
	PG_END_TRY();
	loyalty_member_store(&call->writer, &call->engine);
}
