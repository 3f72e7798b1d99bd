/*
 * referrals.c
 *		invite: who brought whom, and what the inviter gets for it.
 *
 * The invitee's part is the event `invited`, recorded at once.  The inviter's
 * is the event `invite_completed`, whose ref is the invitee: it is settled, so
 * that it is granted once, taken back if the invitee's event is called off, and
 * granted again if another takes its place.
 *
 * Whoever records the invitee's event has that member's row locked already, so
 * the inviter's cannot be waited for: that is left to a deferred trigger on
 * referral, at the end of the transaction, which locks the inviter if nobody
 * has it and waits for nothing.  What it passes over maintain() settles.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "engine/rules_json.h"
#include "errors.h"
#include "ledger/referral_row.h"

PG_FUNCTION_INFO_V1(loyalty_invite);
PG_FUNCTION_INFO_V1(loyalty_referral_follow);

#define EVENT_INVITED	"invited"
#define EVENT_COMPLETED	"invite_completed"

static const Jsonb *
invited_attributes(const char *inviter)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "inviter", inviter);
	return loyalty_json_finish(json);
}

/* Locks both in id order; an invitee not yet enrolled comes last. */
static void
open_both(const Program *program, const char *inviter, const char *invitee, TimestampTz at,
		  Call *giver, Call *taker)
{
	int64		inviter_id = loyalty_member_find(program, inviter);
	int64		invitee_id = loyalty_member_find(program, invitee);

	if (invitee_id != 0 && invitee_id < inviter_id)
	{
		loyalty_call_open(taker, "invite()", program, invitee, ENROLL_AUTO, at);
		loyalty_call_open(giver, "invite()", program, inviter, ENROLL_NEVER, at);
	}
	else
	{
		loyalty_call_open(giver, "invite()", program, inviter, ENROLL_NEVER, at);
		loyalty_call_open(taker, "invite()", program, invitee, ENROLL_AUTO, at);
	}
	loyalty_writer_close(&giver->writer);
}

static void
refuse_tie(const char *invitee, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
			 errmsg("member \"%s\" cannot be invited", invitee),
			 errdetail_internal("%s", detail)));
}

/* Both members are locked; the invitee has no inviter. */
static void
check_tie(const Call *inviter, const Call *invitee)
{
	if (inviter->member.status != STATUS_ACTIVE &&
		inviter->member.status != STATUS_SPEND_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not invite", inviter->member.ref),
				 errdetail("The member is %s.",
						   loyalty_status_name(inviter->member.status))));
	if (loyalty_referral_find(&invitee->engine, DT_NOBEGIN, NULL) != NULL)
		refuse_tie(invitee->member.ref,
				   psprintf("An event \"%s\" that completes an invitation is on record already.",
							invitee->program->referral->event));
	if (loyalty_referral_is_circle(invitee->program, inviter->member.member_id,
								   invitee->member.member_id))
		refuse_tie(invitee->member.ref,
				   psprintf("Member \"%s\" was brought by it, directly or through others.",
							inviter->member.ref));
}

/* invite(inviter, invitee, ref, at, program) */
Datum
loyalty_invite(PG_FUNCTION_ARGS)
{
	const char *inviter_ref = loyalty_arg_key(fcinfo, 0, "inviter", true);
	const char *invitee_ref = loyalty_arg_key(fcinfo, 1, "invitee", true);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	Call		inviter;
	Call		invitee;
	Receipt		receipt;
	Referral   *referral = &invitee.member.referral;
	Entry	   *entry;

	loyalty_call_require_writable("invite()");
	if (program->referral == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("program \"%s\" has no referrals", program->name),
				 errhint("Say in loyalty.referral_rule what completes an invitation.")));
	if (strcmp(inviter_ref, invitee_ref) == 0)
		refuse_tie(invitee_ref, "Nobody invites itself.");

	open_both(program, inviter_ref, invitee_ref, at, &inviter, &invitee);
	if (loyalty_referral_load(invitee.member.member_id, referral))
	{
		if (referral->inviter_id != inviter.member.member_id)
			refuse_tie(invitee_ref, "It has been invited by another member.");
		entry = loyalty_entry_by_id(invitee.member.member_id, referral->entry_id);
		(void) loyalty_call_replay(&invitee, loyalty_call_story(&invitee, entry->ref), ENTRY_EVENT,
								   entry->event_id, entry->ref, entry->request_digest, &receipt);
		return loyalty_call_repeat(fcinfo, &invitee, &receipt);
	}
	if (invitee.program->referral == NULL)
		elog(ERROR, "the referral rule of program \"%s\" has just been deleted", program->name);
	check_tie(&inviter, &invitee);

	referral->invited = true;
	referral->inviter_id = inviter.member.member_id;
	referral->qualified_at = DT_NOBEGIN;
	referral->invited_at = loyalty_call_time(&invitee, at);
	entry = loyalty_event_settle(&invitee.engine,
								 loyalty_event_require(invitee.program, EVENT_INVITED),
								 invited_attributes(inviter_ref),
								 ref == NULL ? inviter_ref : ref,
								 referral->invited_at, invitee.now);
	if (entry == NULL)
		loyalty_refuse_reuse(ref == NULL ? inviter_ref : ref,
							 "An event \"invited\" is recorded under it.",
							 "Use a new ref.");
	referral->entry_id = entry->entry_id;
	return loyalty_call_accept(fcinfo, &invitee, entry, entry->request_digest);
}

/* Makes the event of a locked inviter equal to what the invitee did. */
static void
settle_inviter(Call *call, const MemberState *invitee, const Referral *referral)
{
	const EventType *event = loyalty_event_lookup(call->program, EVENT_COMPLETED);
	bool		completed = referral->qualified_at != DT_NOBEGIN;

	if (event == NULL)
		return;
	loyalty_event_follow(call, event,
						 completed ? loyalty_referral_attributes(invitee->member_id) : NULL,
						 invitee->ref, completed ? referral->qualified_at : call->now);
}

/*
 * Settles the inviter's part of one invitation, if it is due and both members
 * can be locked without waiting.  `writer` is open.
 */
static void
follow(Writer *writer, int64 invitee_id)
{
	MemberState invitee;
	Referral	referral;
	Call		call;
	const Program *program;

	memset(&call, 0, sizeof(Call));
	call.writer = *writer;
	if (!loyalty_member_try_lock_id(&call.writer, invitee_id, &invitee) ||
		!loyalty_referral_load(invitee_id, &referral) || !referral.due ||
		!loyalty_member_try_lock_id(&call.writer, referral.inviter_id, &call.member))
		return;
	program = loyalty_program_by_id(call.member.program_id);
	if (program == NULL)
		return;
	loyalty_call_attach(&call, program);
	settle_inviter(&call, &invitee, &referral);
	loyalty_referral_settled(invitee_id);
}

void
loyalty_referrals_follow(List *invitees)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty referrals",
												  ALLOCSET_DEFAULT_SIZES);
	Writer		writer;
	ListCell   *cell;

	loyalty_writer_open(&writer);
	foreach(cell, invitees)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		follow(&writer, *(int64 *) lfirst(cell));
		CommandCounterIncrement();
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	loyalty_writer_close(&writer);
	MemoryContextDelete(context);
}

/*
 * Trigger on loyalty.referral, AFTER UPDATE, DEFERRED, WHEN (new.due).  Above
 * READ COMMITTED an inviter that somebody changed meanwhile would fail the
 * invitee's transaction: there all is left to maintain().
 */
Datum
loyalty_referral_follow(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int64		member_id;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("loyalty.referral_follow() must be called as an AFTER UPDATE trigger")));
	if (IsolationUsesXactSnapshot())
		return PointerGetDatum(NULL);
	member_id = DatumGetInt64(heap_getattr(trigger->tg_newtuple, 1,
										   RelationGetDescr(trigger->tg_relation), &isnull));
	loyalty_referrals_follow(list_make1(&member_id));
	return PointerGetDatum(NULL);
}
