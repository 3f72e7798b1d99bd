/*
 * plans.c
 *		subscribe and unsubscribe: paid plans of a member.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/story.h"
#include "errors.h"
#include "ledger/membership_row.h"

PG_FUNCTION_INFO_V1(loyalty_subscribe);
PG_FUNCTION_INFO_V1(loyalty_unsubscribe);

/* What is answered; becomes a loyalty.subscription_receipt. */
typedef struct PlanReceipt
{
	int64		entry_id;
	const char *member;
	const char *plan;
	TimestampTz since;
	TimestampTz until;
	Numeric		price;			/* NULL = nothing was sold */
	Numeric		refund;			/* NULL = nothing was cancelled */
	bool		replayed;
} PlanReceipt;

static Datum
plan_receipt_datum(FunctionCallInfo fcinfo, const PlanReceipt *receipt)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = Int64GetDatum(receipt->entry_id);
	values[1] = CStringGetTextDatum(receipt->member);
	values[2] = CStringGetTextDatum(receipt->plan);
	values[3] = TimestampTzGetDatum(receipt->since);
	values[4] = TimestampTzGetDatum(receipt->until);
	values[5] = NumericGetDatum(receipt->price);
	nulls[5] = receipt->price == NULL;
	values[6] = NumericGetDatum(receipt->refund);
	nulls[6] = receipt->refund == NULL;
	values[7] = BoolGetDatum(receipt->replayed);
	return loyalty_row_datum(fcinfo, values, nulls);
}

const PaidPlan *
loyalty_plan_require(const Program *program, const char *name)
{
	const PaidPlan *plan;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("plan must not be null")));
	plan = loyalty_plan_lookup(program, name);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown plan \"%s\" in program \"%s\"", name, program->name),
				 errhint("Plans are the rows of loyalty.plan.")));
	return plan;
}

static int64
plan_digest(const MemberState *member, EntryKind kind, const PaidPlan *plan)
{
	StringInfoData content;

	initStringInfo(&content);
	loyalty_digest_number(&content, plan->plan_id);
	return loyalty_call_digest(member, kind, &content);
}

static Numeric
sum_of(Numeric a, Numeric b)
{
	return a == NULL ? b :
		DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a),
											NumericGetDatum(b)));
}

/* Sums up what one entry sold or cancelled. */
static void
sum_up(PlanReceipt *receipt, const Call *call, const PaidPlan *plan, List *subscriptions,
	   int64 entry_id)
{
	ListCell   *cell;

	memset(receipt, 0, sizeof(PlanReceipt));
	receipt->entry_id = entry_id;
	receipt->member = call->member.ref;
	receipt->plan = plan->name;
	foreach(cell, subscriptions)
	{
		const Subscription *subscription = lfirst(cell);

		if (subscription->entry_id == entry_id)
		{
			receipt->since = subscription->since;
			receipt->until = subscription->sold_until;
			receipt->price = subscription->price;
		}
		else if (subscription->ended_by == entry_id)
		{
			if (receipt->refund == NULL)
			{
				receipt->since = subscription->since;
				receipt->until = subscription->until;
			}
			receipt->refund = sum_of(receipt->refund, subscription->refund);
		}
	}
}

static const Subscription *
sold_by(List *subscriptions, int64 entry_id)
{
	ListCell   *cell;

	foreach(cell, subscriptions)
	{
		const Subscription *subscription = lfirst(cell);

		if (subscription->entry_id == entry_id)
			return subscription;
	}
	elog(ERROR, "entry %lld has no subscription", (long long) entry_id);
}

/* subscribe(member, plan, ref, at, program) */
Datum
loyalty_subscribe(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	const PaidPlan *plan = loyalty_plan_require(program, loyalty_arg_text(fcinfo, 1));
	Call		call;
	Receipt		first;
	PlanReceipt receipt;
	Subscription sold;
	List	   *subscriptions;
	List	   *story;
	Entry	   *entry;
	int64		digest;

	loyalty_call_open(&call, "subscribe()", program, member, ENROLL_AUTO, at);
	digest = plan_digest(&call.member, ENTRY_SUBSCRIBE, plan);
	subscriptions = loyalty_subscriptions_load(call.member.member_id);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_SUBSCRIBE, 0, ref, digest, &first))
	{
		if (sold_by(subscriptions, first.entry_id)->ended_by != 0)
			loyalty_refuse_reuse(ref, "The subscription sold under it has been cancelled.",
								 "Use a new ref to subscribe again.");
		sum_up(&receipt, &call, plan, subscriptions, first.entry_id);
		receipt.replayed = true;
		loyalty_writer_close(&call.writer);
		return plan_receipt_datum(fcinfo, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	if (call.member.status == STATUS_CLOSED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not subscribe", member),
				 errdetail("The member is %s.", loyalty_status_name(call.member.status))));
	if (!plan->active)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("plan \"%s\" can no longer be subscribed to", plan->name),
				 errdetail("It is not active.")));
	loyalty_subscription_sell(program, plan, subscriptions, call.engine.at, &sold);
	entry = loyalty_engine_note(&call.engine, ENTRY_SUBSCRIBE, ref,
								loyalty_breakdown_subscription(plan->name, &sold));
	entry->request_digest = digest;
	sold.entry_id = entry->entry_id;
	loyalty_subscription_insert(call.member.member_id, &sold, ref);
	loyalty_tier_look_again(&call.engine, entry, TIER_NEEDS_PLAN);
	loyalty_call_finish(&call);
	sum_up(&receipt, &call, plan, list_make1(&sold), entry->entry_id);
	return plan_receipt_datum(fcinfo, &receipt);
}

/* Cancels what is in force or ahead; the sum of what is given back. */
static List *
cancel(List *subscriptions, const PaidPlan *plan, TimestampTz at, Numeric *refund)
{
	List	   *cancelled = NIL;
	ListCell   *cell;

	*refund = NULL;
	foreach(cell, subscriptions)
	{
		Subscription *subscription = lfirst(cell);

		if (subscription->plan_id != plan->plan_id || subscription->ended_by != 0 ||
			subscription->until <= at)
			continue;
		loyalty_subscription_cancel(subscription, at);
		*refund = sum_of(*refund, subscription->refund);
		cancelled = lappend(cancelled, subscription);
	}
	return cancelled;
}

/* unsubscribe(member, plan, ref, at, program) */
Datum
loyalty_unsubscribe(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	const PaidPlan *plan = loyalty_plan_require(program, loyalty_arg_text(fcinfo, 1));
	Call		call;
	Receipt		first;
	PlanReceipt receipt;
	List	   *subscriptions;
	List	   *cancelled;
	List	   *story;
	ListCell   *cell;
	Numeric		refund;
	Entry	   *entry;
	int64		digest;

	loyalty_call_open(&call, "unsubscribe()", program, member, ENROLL_NEVER, at);
	digest = plan_digest(&call.member, ENTRY_UNSUBSCRIBE, plan);
	subscriptions = loyalty_subscriptions_load(call.member.member_id);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_UNSUBSCRIBE, 0, ref, digest, &first))
	{
		sum_up(&receipt, &call, plan, subscriptions, first.entry_id);
		receipt.replayed = true;
		loyalty_writer_close(&call.writer);
		return plan_receipt_datum(fcinfo, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	cancelled = cancel(subscriptions, plan, call.engine.at, &refund);
	if (cancelled == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" has no subscription of plan \"%s\" to cancel", member,
						plan->name)));
	entry = loyalty_engine_note(&call.engine, ENTRY_UNSUBSCRIBE, ref,
								loyalty_breakdown_cancellation(plan->name, call.engine.at,
															   refund));
	entry->request_digest = digest;
	foreach(cell, cancelled)
	{
		Subscription *subscription = lfirst(cell);

		subscription->ended_by = entry->entry_id;
		loyalty_subscription_store(call.member.member_id, subscription);
	}
	loyalty_call_finish(&call);
	sum_up(&receipt, &call, plan, subscriptions, entry->entry_id);
	return plan_receipt_datum(fcinfo, &receipt);
}
