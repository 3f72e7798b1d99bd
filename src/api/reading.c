/*
 * reading.c
 *		balance and member_id: what stands, at any instant.
 *
 * Now and later are the stored wallet with the clock set forward, by the same
 * code that posts lapses.  The past is replayed from the ledger: the entries
 * dated up to then.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "errors.h"
#include "ledger/replay.h"

PG_FUNCTION_INFO_V1(loyalty_balance);
PG_FUNCTION_INFO_V1(loyalty_member_id);
PG_FUNCTION_INFO_V1(loyalty_reading_time);

/* Sets the member's clock forward to `at` without writing anything. */
static void
advance_copy(const Program *program, MemberState *member, TimestampTz at)
{
	EngineSource source;
	Engine		engine;

	loyalty_engine_read_only(&engine, &source, program, member, at);
	loyalty_engine_advance(&engine);
}

typedef struct Past
{
	Replay		replay;
	TimestampTz until;
	MemoryContext context;
	GrowthReplay growth;
} Past;

static void
replay_until(Entry *entry, void *arg)
{
	Past	   *past = arg;
	MemoryContext caller;

	if (entry->at > past->until)
		return;
	caller = MemoryContextSwitchTo(past->context);
	loyalty_replay_apply(&past->replay, entry, NULL, NULL);
	loyalty_replay_growth(&past->growth, entry);
	MemoryContextSwitchTo(caller);
}

/* The member as the entries dated up to `at` leave it. */
static void
replay_past(const Program *program, MemberState *member, TimestampTz at)
{
	Past		past;

	loyalty_replay_begin(&past.replay);
	loyalty_replay_growth_begin(&past.growth, program, member);
	past.until = at;
	past.context = CurrentMemoryContext;
	loyalty_entries_visit(member->member_id, replay_until, &past);

	loyalty_lots_init(&member->points);
	loyalty_replay_wallet(&past.replay, &member->points);
	member->growth = past.growth.member.growth;
	member->debt = past.replay.debt;
	member->held = past.replay.held;
	member->status = past.replay.status;
}

void
loyalty_member_require(const Program *program, const char *ref, MemberState *member)
{
	if (!loyalty_member_read(program, ref, member))
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_MEMBER),
				 errmsg("unknown member \"%s\" in program \"%s\"", ref, program->name),
				 errhint("Enroll the member with loyalty.enroll().")));
}

/* balance(member, at, program) */
Datum
loyalty_balance(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	MemberState member;
	const Tier *tier;
	TimestampTz next_lapse;
	int64		next_points;
	Datum		values[9];
	bool		nulls[9] = {false};

	loyalty_member_require(program, ref, &member);
	if (at == DT_NOBEGIN)
	{
		at = Max(GetCurrentTimestamp(), member.last_at);
		tier = loyalty_tier_by_clock(program, &member, at);
	}
	else
		tier = loyalty_tier_at(program, &member, at);
	if (at < member.last_at)
		replay_past(program, &member, at);
	else
		advance_copy(program, &member, at);

	next_lapse = loyalty_lots_next_lapse(&member.points, at, &next_points);
	values[0] = Int64GetDatum(loyalty_lots_spendable(&member.points, at));
	values[1] = Int64GetDatum(loyalty_lots_pending(&member.points, at));
	values[2] = Int64GetDatum(member.held);
	values[3] = Int64GetDatum(member.debt);
	values[4] = TimestampTzGetDatum(next_lapse);
	nulls[4] = next_lapse == DT_NOEND;
	values[5] = Int64GetDatum(next_points);
	nulls[5] = nulls[4];
	values[6] = Int64GetDatum(loyalty_growth_total(&member, at));
	nulls[7] = tier == NULL;
	values[7] = tier == NULL ? (Datum) 0 : CStringGetTextDatum(tier->name);
	values[8] = CStringGetTextDatum(loyalty_status_name(member.status));
	return loyalty_row_datum(fcinfo, values, nulls);
}

/* member_id(member, program) */
Datum
loyalty_member_id(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	MemberState member;

	loyalty_member_require(loyalty_arg_program(fcinfo, 1), ref, &member);
	PG_RETURN_INT64(member.member_id);
}

/* The clock's time where a reading function in SQL is given none. */
Datum
loyalty_reading_time(PG_FUNCTION_ARGS)
{
	TimestampTz at = loyalty_arg_at(fcinfo, 0);

	PG_RETURN_TIMESTAMPTZ(at == DT_NOBEGIN ? GetCurrentTimestamp() : at);
}
