/*
 * preview.c
 *		preview: what an event would grant, by the code that would grant it.
 *
 * The member is read without a lock and worked on in memory; nothing is written
 * and nothing taken from a budget.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "engine/member_streak.h"
#include "errors.h"
#include "ledger/usage_row.h"

PG_FUNCTION_INFO_V1(loyalty_preview);

/* Ids of entries that are never written: each only has to be a new one. */
static int64
next_entry_id(void *arg)
{
	return ((MemberState *) arg)->last_entry + 1;
}

static int64
budget_left(void *arg, int32 rule_id, int64 points)
{
	return Min(points, loyalty_budget_left(rule_id));
}

/* preview(member, event, attributes, at, program) */
Datum
loyalty_preview(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const Jsonb *attributes = loyalty_arg_object(fcinfo, 2, "attributes");
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	const EventType *event = loyalty_event_require(program, name);
	EngineSource source;
	EventOutcome outcome = {0};
	MemberState member;
	Engine		engine = {0};
	const Tier *tier;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (!loyalty_member_read(program, ref, &member))
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_MEMBER),
				 errmsg("unknown member \"%s\" in program \"%s\"", ref, program->name),
				 errhint("Enroll the member with loyalty.enroll().")));
	source = *loyalty_member_source(&member);
	source.next_entry_id = next_entry_id;
	source.take_budget = budget_left;
	engine.program = program;
	engine.member = &member;
	engine.source = &source;
	engine.stored_entries = member.last_entry;
	engine.recorded_at = GetCurrentTimestamp();
	loyalty_engine_begin(&engine, at == DT_NOBEGIN ?
						 Max(engine.recorded_at, member.last_at) : at);
	if (!loyalty_streak_repeats(&engine, event))
	{
		loyalty_event_evaluate(&engine, event, attributes, NIL, &outcome);
		(void) loyalty_engine_record(&engine, event, &outcome, NULL, attributes);
	}

	tier = loyalty_tier_current(&engine);
	values[0] = Int64GetDatum(outcome.points);
	values[1] = Int64GetDatum(outcome.growth);
	values[2] = Int64GetDatum(loyalty_lots_spendable(&member.points, engine.at) - member.debt);
	nulls[3] = tier == NULL;
	values[3] = tier == NULL ? (Datum) 0 : CStringGetTextDatum(tier->name);
	nulls[4] = outcome.grant_count == 0;
	values[4] = nulls[4] ? (Datum) 0 : PointerGetDatum(outcome.grants[0].breakdown);
	return loyalty_row_datum(fcinfo, values, nulls);
}
