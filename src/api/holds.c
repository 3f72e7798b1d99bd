/*
 * holds.c
 *		hold, capture, release: points reserved at checkout.
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

PG_FUNCTION_INFO_V1(loyalty_hold);
PG_FUNCTION_INFO_V1(loyalty_capture);
PG_FUNCTION_INFO_V1(loyalty_release);

static const char *
interval_text(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

static void
check_ttl(const Program *program, Interval *ttl)
{
	Interval	zero = {0, 0, 0};

	if (DatumGetBool(DirectFunctionCall2(interval_le, IntervalPGetDatum(ttl),
										 IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must be greater than 0")));
	if (DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(ttl),
										 IntervalPGetDatum(&program->max_hold))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl is longer than the program \"%s\" allows", program->name),
				 errdetail("At most %s.", interval_text(&program->max_hold)),
				 errhint("The limit is the program's max_hold.")));
}

/* hold(member, points, ref, ttl, at, program) */
Datum
loyalty_hold(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	int64		points = loyalty_arg_points(fcinfo, 1);
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", true);
	Interval   *ttl = PG_ARGISNULL(3) ? NULL : PG_GETARG_INTERVAL_P(3);
	TimestampTz at_arg = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	int64		digest;
	TimestampTz at;

	if (ttl == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must not be null")));
	check_ttl(program, ttl);

	loyalty_call_open(&call, "hold()", program, member, ENROLL_NEVER, at_arg);
	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	loyalty_digest_number(&content, ttl->month);
	loyalty_digest_number(&content, ttl->day);
	loyalty_digest_number(&content, ttl->time);
	digest = loyalty_call_digest(&call.member, ENTRY_HOLD, &content);
	story = loyalty_call_story(&call, ref);
	loyalty_story_refuse_spending(story, ref, ENTRY_REDEEM);
	at = loyalty_call_time(&call, at_arg);
	if (loyalty_call_replay(&call, story, ENTRY_HOLD, 0, ref, digest, &receipt))
	{
		ListCell   *cell;
		bool		open = false;

		foreach(cell, call.member.holds)
		{
			const Hold *hold = lfirst(cell);

			open |= strcmp(hold->ref, ref) == 0 && hold->until > at;
		}
		if (!open)
			loyalty_refuse_reuse(ref, "The hold recorded under it has ended.",
								 "Use a new ref to hold points again.");
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, at);
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_hold(&call.engine, points, ref,
												   loyalty_program_add(program, at, ttl)),
							   digest);
}

/* The open hold of a ref after the clock has had its say; NULL if there is none. */
static Hold *
open_hold(Call *call, const char *ref)
{
	ListCell   *cell;

	foreach(cell, call->member.holds)
	{
		Hold	   *hold = lfirst(cell);

		if (!hold->ended && strcmp(hold->ref, ref) == 0)
			return hold;
	}
	return NULL;
}

static void
refuse_unknown_hold(const char *ref)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_UNKNOWN_REF),
			 errmsg("no hold under ref \"%s\"", ref)));
}

/* capture(member, ref, points, at, program) */
Datum
loyalty_capture(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 1, "ref", true);
	int64		points = PG_ARGISNULL(2) ? 0 : loyalty_arg_points(fcinfo, 2);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	int64		digest;
	Entry	   *taken;
	Entry	   *captured;
	Hold	   *hold;

	loyalty_call_open(&call, "capture()", program, member, ENROLL_NEVER, at);
	story = loyalty_call_story(&call, ref);
	taken = loyalty_story_first(story, ENTRY_HOLD);
	if (taken == NULL)
		refuse_unknown_hold(ref);

	/* all of a hold and its number of points are the same content */
	if (points == 0)
		points = loyalty_lots_points(&taken->lots);
	initStringInfo(&content);
	loyalty_digest_number(&content, points);
	digest = loyalty_call_digest(&call.member, ENTRY_CAPTURE, &content);
	if (loyalty_call_replay(&call, story, ENTRY_CAPTURE, 0, ref, digest, &receipt))
	{
		captured = loyalty_story_first(story, ENTRY_CAPTURE);
		if (loyalty_restore_done(story, captured) == -captured->points)
			loyalty_refuse_reuse(ref, "The points captured under it have been given back in full.",
								 "Use a new ref to spend again.");
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	hold = open_hold(&call, ref);
	if (hold == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_HOLD_OVER),
				 errmsg("the hold under ref \"%s\" is over", ref),
				 errdetail("It was released or its time has run out;"
						   " its points are available again."),
				 errhint("Hold or redeem the points under a new ref.")));
	if (points > hold->points)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot capture more points than are held"),
				 errdetail("Asked for %lld, held %lld.", (long long) points,
						   (long long) hold->points)));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_capture(&call.engine, hold, points), digest);
}

/* release(member, ref, at, program) */
Datum
loyalty_release(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 1, "ref", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	Call		call;
	Receipt		receipt;
	List	   *story;
	Entry	   *entry;
	Hold	   *hold;

	loyalty_call_open(&call, "release()", program, member, ENROLL_NEVER, at);
	story = loyalty_call_story(&call, ref);
	if (loyalty_story_first(story, ENTRY_HOLD) == NULL)
		refuse_unknown_hold(ref);
	if (loyalty_story_first(story, ENTRY_CAPTURE) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_HOLD_OVER),
				 errmsg("the hold under ref \"%s\" was captured", ref),
				 errhint("Give its points back with loyalty.restore().")));

	/* a release has no content: any second one repeats the first */
	entry = loyalty_story_first(story, ENTRY_RELEASE);
	if (entry != NULL &&
		loyalty_call_replay(&call, story, ENTRY_RELEASE, 0, ref, entry->request_digest, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	hold = open_hold(&call, ref);
	if (hold != NULL)
		entry = loyalty_engine_release(&call.engine, hold, call.engine.at);
	else
		entry = loyalty_story_first(loyalty_past_story(&call.engine, ref), ENTRY_RELEASE);
	return loyalty_call_accept(fcinfo, &call, entry, 0);
}
