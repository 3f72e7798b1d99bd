/*
 * contests.c
 *		join_team, leave_team, settle_contest: teams, and how a contest ends.
 *
 * Settling makes the standings final, under the unique key of
 * contest_settlement: whoever comes second waits for the first and has nothing
 * to do.  What a player gets for it is the event `contest_ended`, one per member
 * and contest by its ref; it is posted under the member's lock alone and waits
 * for nobody.  What it passes over stays due for maintain().
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "errors.h"
#include "ledger/contest_row.h"

PG_FUNCTION_INFO_V1(loyalty_contest_id);
PG_FUNCTION_INFO_V1(loyalty_join_team);
PG_FUNCTION_INFO_V1(loyalty_leave_team);
PG_FUNCTION_INFO_V1(loyalty_settle_contest);

static const Contest *
require_contest(const Program *program, const char *name)
{
	const Contest *contest;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("contest must not be null")));
	contest = loyalty_contest_lookup(program, name);
	if (contest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown contest \"%s\" in program \"%s\"", name, program->name),
				 errhint("Contests are rows of loyalty.contest.")));
	return contest;
}

/* contest_id(contest, program) */
Datum
loyalty_contest_id(PG_FUNCTION_ARGS)
{
	const char *name = loyalty_arg_text(fcinfo, 0);

	PG_RETURN_INT32(require_contest(loyalty_arg_program(fcinfo, 1), name)->contest_id);
}

/* The member is locked and plays in no team of the contest. */
static void
check_joining(Call *call, const Contest *contest, TimestampTz at, bool dated)
{
	const char *member = call->member.ref;

	if (call->member.status != STATUS_ACTIVE && call->member.status != STATUS_SPEND_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not join a team", member),
				 errdetail("The member is %s.", loyalty_status_name(call->member.status))));
	if (!contest->active)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("contest \"%s\" has been called off", contest->name)));
	if (loyalty_contest_settled_at(contest->contest_id) != DT_NOBEGIN)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("contest \"%s\" is settled", contest->name)));
	if (at >= contest->joins_until)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("contest \"%s\" cannot be joined any more", contest->name),
				 errdetail("It could be joined until %s.",
						   timestamptz_to_str(contest->joins_until))));
	if (dated &&
		loyalty_contest_has_event(call->member.member_id,
								  loyalty_event_require(call->program, contest->event)->event_id,
								  Max(at, contest->starts_at), contest->ends_at))
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" cannot join a team as of %s", member,
						timestamptz_to_str(at)),
				 errdetail("An event \"%s\" dated since then is on record; it would not count.",
						   contest->event),
				 errhint("Without at, events count from now on.")));
}

/* A member that plays may say so again, but not for another team. */
static void
refuse_other_team(const Call *call, const Contest *contest, const ContestPlayer *player)
{
	bool		counted = loyalty_contest_has_counted(call->member.member_id,
													  contest->contest_id);

	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
			 errmsg("member \"%s\" plays in team \"%s\" of contest \"%s\"",
					call->member.ref, player->team, contest->name),
			 counted ? errdetail("Its events have counted there.") : 0,
			 counted ? 0 : errhint("As long as no event has counted,"
								   " it can leave with loyalty.leave_team().")));
}

static Datum
team_receipt(FunctionCallInfo fcinfo, const Call *call, const Contest *contest,
			 const ContestPlayer *player, int members, bool replayed)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = CStringGetTextDatum(call->member.ref);
	values[1] = CStringGetTextDatum(contest->name);
	values[2] = CStringGetTextDatum(player->team);
	values[3] = Int32GetDatum(members);
	values[4] = TimestampTzGetDatum(player->joined_at);
	values[5] = BoolGetDatum(replayed);
	return loyalty_row_datum(fcinfo, values, nulls);
}

/* join_team(member, contest, team, at, program) */
Datum
loyalty_join_team(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const char *team = loyalty_arg_key(fcinfo, 2, "team", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	bool		dated = at != DT_NOBEGIN;
	const Contest *contest = require_contest(program, name);
	const ContestPlayer *known;
	ContestPlayer player;
	Call		call;
	int			members;

	loyalty_call_open(&call, "join_team()", program, member, ENROLL_AUTO, at);
	contest = require_contest(call.program, name);
	at = loyalty_call_time(&call, at);
	known = loyalty_contest_player(&call.engine, contest->contest_id);
	if (known != NULL)
	{
		if (strcmp(known->team, team) != 0)
			refuse_other_team(&call, contest, known);
		loyalty_writer_close(&call.writer);
		return team_receipt(fcinfo, &call, contest, known,
							loyalty_contest_team_size(contest->contest_id, team), true);
	}

	check_joining(&call, contest, at, dated);
	loyalty_call_start(&call, at);
	members = loyalty_contest_join(call.member.member_id, contest, team, at);
	if (members == 0)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_LIMIT_REACHED),
				 errmsg("team \"%s\" of contest \"%s\" is full", team, contest->name),
				 errdetail("It can have %d members.", contest->max_members)));
	loyalty_call_finish(&call);
	player.contest_id = contest->contest_id;
	player.team = team;
	player.joined_at = at;
	return team_receipt(fcinfo, &call, contest, &player, members, false);
}

/* leave_team(member, contest, program) */
Datum
loyalty_leave_team(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	const Contest *contest = require_contest(program, name);
	const ContestPlayer *player;
	Call		call;
	int			members;

	loyalty_call_open(&call, "leave_team()", program, member, ENROLL_NEVER, DT_NOBEGIN);
	contest = require_contest(call.program, name);
	player = loyalty_contest_player(&call.engine, contest->contest_id);
	if (player == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" plays in no team of contest \"%s\"", member, name)));
	if (loyalty_contest_settled_at(contest->contest_id) != DT_NOBEGIN ||
		loyalty_contest_has_counted(call.member.member_id, contest->contest_id))
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" cannot leave team \"%s\" any more", member, player->team),
				 errdetail("Events have counted for it, or contest \"%s\" is settled.", name)));

	loyalty_call_start(&call, call.now);
	members = loyalty_contest_leave(call.member.member_id, player);
	loyalty_call_finish(&call);
	return team_receipt(fcinfo, &call, contest, player, members, false);
}

/*
 * Posts one prize, unless somebody has the member locked or did it meanwhile.
 * `writer` is open.
 */
static bool
post_prize(Writer *writer, const ContestPrize *prize)
{
	const Program *program;
	const Contest *contest;
	const EventType *event;
	const Jsonb *attributes;
	TimestampTz settled_at;
	bool		due;
	Call		call;

	memset(&call, 0, sizeof(Call));
	call.writer = *writer;
	if (!loyalty_member_try_lock_id(&call.writer, prize->member_id, &call.member))
		return false;
	attributes = loyalty_contest_prize_load(prize, &due, &settled_at);
	program = loyalty_program_by_id(call.member.program_id);
	if (!due || program == NULL)
		return false;
	contest = loyalty_contest_by_id(program, prize->contest_id);
	event = loyalty_event_lookup(program, LOYALTY_EVENT_CONTEST_ENDED);
	if (contest == NULL || event == NULL)
		return false;
	loyalty_call_attach(&call, program);
	loyalty_event_follow(&call, event, attributes, loyalty_contest_ref(contest), settled_at);
	loyalty_contest_prize_posted(prize);
	return true;
}

int64
loyalty_contest_prizes_post(const List *prizes)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty contests",
												  ALLOCSET_DEFAULT_SIZES);
	Writer		writer;
	int64		posted = 0;
	ListCell   *cell;

	loyalty_writer_open(&writer);
	foreach(cell, prizes)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		posted += post_prize(&writer, lfirst(cell)) ? 1 : 0;
		CommandCounterIncrement();
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	loyalty_writer_close(&writer);
	MemoryContextDelete(context);
	return posted;
}

/*
 * Is there a rule on contest_ended?  Prizes that were posted without one are
 * gone: a later rule does not count for them.
 */
static bool
require_prize_rule(const Program *program, const Contest *contest, int level)
{
	const EventType *event = loyalty_event_lookup(program, LOYALTY_EVENT_CONTEST_ENDED);

	if (event != NULL && event->rule_count > 0)
		return true;
	ereport(level,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("contest \"%s\" cannot be settled yet", contest->name),
			 errdetail("No rule of program \"%s\" says what the event \"%s\" is worth.",
					   program->name, LOYALTY_EVENT_CONTEST_ENDED),
			 errhint("INSERT INTO loyalty.rule (name, event, condition, points)"
					 " VALUES ('prize', '%s', '$.rank == 1', '100'),"
					 " or of 0 points where the honour is all.",
					 LOYALTY_EVENT_CONTEST_ENDED)));
	return false;
}

void
loyalty_contests_settle(const Program *program, TimestampTz at)
{
	for (int i = 0; i < program->contest_count; i++)
	{
		const Contest *contest = &program->contests[i];

		if (contest->active && contest->ends_at <= at &&
			loyalty_program_add(program, contest->ends_at, contest->settle_after) <= at &&
			loyalty_contest_settled_at(contest->contest_id) == DT_NOBEGIN &&
			require_prize_rule(program, contest, WARNING))
			(void) loyalty_contest_settle(contest->contest_id, at);
	}
}

/* settle_contest(contest, at, program) */
Datum
loyalty_settle_contest(PG_FUNCTION_ARGS)
{
	const char *name = loyalty_arg_text(fcinfo, 0);
	TimestampTz at = loyalty_arg_at(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	const Contest *contest = require_contest(program, name);
	List	   *prizes;
	Call		clock;

	loyalty_call_require_writable("settle_contest()");
	memset(&clock, 0, sizeof(clock));
	clock.now = GetCurrentTimestamp();
	at = loyalty_call_time(&clock, at);
	if (at < contest->ends_at)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contest \"%s\" is not over", name),
				 errdetail("It ends at %s.", timestamptz_to_str(contest->ends_at))));
	if (!contest->active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contest \"%s\" has been called off", name),
				 errhint("UPDATE loyalty.contest SET active = true takes it up again.")));
	if (loyalty_contest_settled_at(contest->contest_id) == DT_NOBEGIN)
	{
		(void) require_prize_rule(program, contest, ERROR);
		(void) loyalty_contest_settle(contest->contest_id, at);
	}
	CommandCounterIncrement();
	prizes = loyalty_contest_prizes_due(program, contest->contest_id, PG_INT64_MAX);
	PG_RETURN_INT64(loyalty_contest_prizes_post(prizes));
}
