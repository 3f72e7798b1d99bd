/*
 * points.c
 *		earn, redeem, adjust, transfer.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/story.h"

PG_FUNCTION_INFO_V1(loyalty_earn);
PG_FUNCTION_INFO_V1(loyalty_redeem);
PG_FUNCTION_INFO_V1(loyalty_adjust);
PG_FUNCTION_INFO_V1(loyalty_transfer);

/* A valid_from or valid_until; DT_NOBEGIN = left to the program's policy. */
static TimestampTz
arg_instant(FunctionCallInfo fcinfo, int n, const char *name, bool may_be_infinite)
{
	TimestampTz instant;

	if (PG_ARGISNULL(n))
		return DT_NOBEGIN;
	instant = PG_GETARG_TIMESTAMPTZ(n);
	if (TIMESTAMP_NOT_FINITE(instant) && !(may_be_infinite && TIMESTAMP_IS_NOEND(instant)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", name)));
	return instant;
}

/* earn(member, points, ref, valid_from, valid_until, reason, at, program) */
Datum
loyalty_earn(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	int64		points = loyalty_arg_points(fcinfo, 1);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	TimestampTz valid_from = arg_instant(fcinfo, 3, "valid_from", false);
	TimestampTz valid_until = arg_instant(fcinfo, 4, "valid_until", true);
	const char *reason = loyalty_arg_text(fcinfo, 5);
	TimestampTz at = loyalty_arg_at(fcinfo, 6);
	const Program *program = loyalty_arg_program(fcinfo, 7);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	int64		digest;

	loyalty_call_open(&call, "earn()", program, member, ENROLL_AUTO, at);

	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	loyalty_digest_number(&content, valid_from);
	loyalty_digest_number(&content, valid_until);
	loyalty_digest_text(&content, reason);
	digest = loyalty_call_digest(&call.member, ENTRY_EARN, &content);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_EARN, 0, ref, digest, &receipt))
	{
		loyalty_story_refuse_taken_back(story, ref, ENTRY_EARN, 0,
										"Use a new ref to grant points again.");
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_earn(&call.engine, points, ref, valid_from,
												   valid_until, reason),
							   digest);
}

/* redeem(member, points, ref, reason, at, program) */
Datum
loyalty_redeem(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	int64		points = loyalty_arg_points(fcinfo, 1);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	const char *reason = loyalty_arg_text(fcinfo, 3);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	int64		digest;

	loyalty_call_open(&call, "redeem()", program, member, ENROLL_NEVER, at);

	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	loyalty_digest_text(&content, reason);
	digest = loyalty_call_digest(&call.member, ENTRY_REDEEM, &content);
	story = loyalty_call_story(&call, ref);
	loyalty_story_refuse_spending(story, ref, ENTRY_HOLD);
	if (loyalty_call_replay(&call, story, ENTRY_REDEEM, 0, ref, digest, &receipt))
	{
		loyalty_story_refuse_restored(story, ref);
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_redeem(&call.engine, points, ref, reason),
							   digest);
}

/* adjust(member, points, ref, reason, at, program) */
Datum
loyalty_adjust(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	int64		points;
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	const char *reason = loyalty_arg_text(fcinfo, 3);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	int64		digest;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points must not be null")));
	points = PG_GETARG_INT64(1);
	if (points == 0 || points == PG_INT64_MIN)
		ereport(ERROR,
				(errcode(points == 0 ? ERRCODE_INVALID_PARAMETER_VALUE :
						 ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg(points == 0 ? "points must not be 0" : "points out of range")));
	if (reason == NULL || reason[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an adjustment needs a reason"),
				 errhint("Say in the argument reason why the points are changed.")));

	loyalty_call_open(&call, "adjust()", program, member,
					  points > 0 ? ENROLL_AUTO : ENROLL_NEVER, at);

	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	loyalty_digest_text(&content, reason);
	digest = loyalty_call_digest(&call.member, ENTRY_ADJUST, &content);
	if (loyalty_call_replay(&call, loyalty_call_story(&call, ref), ENTRY_ADJUST, 0, ref,
							digest, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_adjust(&call.engine, points, ref, reason),
							   digest);
}

/* transfer(from_member, to_member, points, ref, at, program) */
Datum
loyalty_transfer(PG_FUNCTION_ARGS)
{
	const char *from = loyalty_arg_key(fcinfo, 0, "from_member", true);
	const char *to = loyalty_arg_key(fcinfo, 1, "to_member", true);
	int64		points = loyalty_arg_points(fcinfo, 2);
	const char *ref = loyalty_arg_key(fcinfo, 3, "ref", false);
	TimestampTz at_arg = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		giver;
	Call		taker;
	Receipt		receipt;
	Entry	   *out;
	int64		digest;
	int64		from_id;
	int64		to_id;
	TimestampTz at;

	loyalty_call_require_writable("transfer()");
	if (strcmp(from, to) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot transfer points to the same member")));

	/*
	 * Two rows are locked in id order; a receiver not yet enrolled comes last.
	 * Both go by the program as it is with the second lock.
	 */
	from_id = loyalty_member_find(program, from);
	to_id = loyalty_member_find(program, to);
	if (to_id != 0 && to_id < from_id)
	{
		loyalty_call_open(&taker, "transfer()", program, to, ENROLL_AUTO, at_arg);
		loyalty_call_open(&giver, "transfer()", program, from, ENROLL_NEVER, at_arg);
		loyalty_call_attach(&taker, giver.program);
	}
	else
	{
		loyalty_call_open(&giver, "transfer()", program, from, ENROLL_NEVER, at_arg);
		loyalty_call_open(&taker, "transfer()", program, to, ENROLL_AUTO, at_arg);
		loyalty_call_attach(&giver, taker.program);
	}

	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	loyalty_digest_text(&content, to);
	digest = loyalty_call_digest(&giver.member, ENTRY_TRANSFER_OUT, &content);
	if (loyalty_call_replay(&giver, loyalty_call_story(&giver, ref), ENTRY_TRANSFER_OUT, 0, ref,
							digest, &receipt))
	{
		loyalty_writer_close(&taker.writer);
		return loyalty_call_repeat(fcinfo, &giver, &receipt);
	}

	at = at_arg == DT_NOBEGIN ? Max(giver.now, taker.now) : loyalty_call_time(&giver, at_arg);
	loyalty_call_start(&giver, at);
	loyalty_call_start(&taker, at);
	out = loyalty_engine_transfer_out(&giver.engine, points, ref, taker.member.member_id);
	loyalty_engine_transfer_in(&taker.engine, out, giver.member.member_id, ref);
	loyalty_call_finish(&taker);
	return loyalty_call_accept(fcinfo, &giver, out, digest);
}
