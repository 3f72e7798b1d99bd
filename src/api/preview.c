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
#include "api/tier.h"
#include "engine/member_streak.h"

PG_FUNCTION_INFO_V1(loyalty_preview);

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
	Engine		engine;
	const Entry *first = NULL;
	const Tier *tier;
	int			mark;
	Datum		values[5];
	bool		nulls[5] = {false};

	loyalty_member_require(program, ref, &member);
	loyalty_engine_read_only(&engine, &source, program, &member,
							 Max(GetCurrentTimestamp(), member.last_at));
	loyalty_engine_begin(&engine, at == DT_NOBEGIN ? engine.at : at);
	if (!loyalty_streak_repeats(&engine, event))
	{
		loyalty_event_evaluate(&engine, event, attributes, NIL, &outcome);
		mark = list_length(engine.entries);
		(void) loyalty_engine_record(&engine, event, &outcome, NULL, attributes);
		first = list_nth(engine.entries, mark);
	}

	tier = loyalty_tier_current(&engine);
	values[0] = Int64GetDatum(outcome.points);
	values[1] = Int64GetDatum(outcome.growth);
	values[2] = Int64GetDatum(loyalty_lots_spendable(&member.points, engine.at) - member.debt);
	nulls[3] = tier == NULL;
	values[3] = tier == NULL ? (Datum) 0 : CStringGetTextDatum(tier->name);
	nulls[4] = first == NULL;
	values[4] = first == NULL ? (Datum) 0 : JsonbPGetDatum(first->breakdown);
	return loyalty_row_datum(fcinfo, values, nulls);
}
