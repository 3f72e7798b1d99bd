/*
 * ladder.c
 *		ladder: every tier as one member stands to it.
 *
 * What a tier would have given is what the rules of now give for the events of
 * the last 12 months as they were settled last, each with that tier
 * (engine/past_events.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "engine/past_events.h"
#include "ledger/membership_row.h"
#include "ledger/tier_row.h"

PG_FUNCTION_INFO_V1(loyalty_ladder);

/* The latest end of the ways in which the member has the tier; DT_NOBEGIN = none. */
static TimestampTz
held_until(const Engine *engine, const Tier *tier)
{
	const MemberState *member = engine->member;
	TimestampTz until = member->earned_tier_id == tier->tier_id ?
		member->earned_until : DT_NOBEGIN;
	ListCell   *cell;

	foreach(cell, member->grants)
	{
		const TierGrant *grant = lfirst(cell);

		if (grant->tier_id == tier->tier_id && grant->until > engine->at)
			until = Max(until, grant->until);
	}
	return until;
}

/* What growth lacks to reach a tier, or to keep the earned one, and by when. */
static int64
growth_lacking(const Engine *engine, const Tier *tier, TimestampTz *by)
{
	const MemberState *member = engine->member;
	const Tier *earned = loyalty_tier_by_id(engine->program, member->earned_tier_id);
	int64		has;

	*by = DT_NOEND;
	if (earned != NULL && tier->rank < earned->rank)
		return 0;
	if (earned != NULL && tier->rank == earned->rank)
	{
		*by = member->earned_until;
		if (*by == DT_NOEND)
			return 0;
		has = tier->keep_threshold >= 0 ? member->earned_growth :
			loyalty_growth_total(member, member->earned_until);
		return Max(0, Max(tier->keep_threshold, tier->keep_threshold >= 0 ? 0 :
						  tier->threshold) - has);
	}
	*by = loyalty_lots_next_lapse(&member->growth, engine->at, NULL);
	return Max(0, tier->threshold - loyalty_growth_total(member, engine->at));
}

/* Points that the events would have given with the tier. */
static int64
would_have_given(Engine *engine, List *events, List *subscriptions, const Tier *tier)
{
	EventTerms	terms = {false, tier, subscriptions};
	const int64 *values = loyalty_past_events_value(engine, events, &terms);
	int64		total = 0;

	for (int i = 0; i < list_length(events); i++)
		total = loyalty_points_add(total, values[i]);
	return total;
}

static void
put_tier(ReturnSetInfo *result, Engine *engine, List *events, List *subscriptions,
		 const Tier *tier)
{
	const MemberState *member = engine->member;
	TimestampTz until = held_until(engine, tier);
	TimestampTz by;
	int64		lacks = growth_lacking(engine, tier, &by);
	int64		cause;
	bool		had_gift = tier->gift > 0 &&
		loyalty_gift_standing(member->member_id, tier->tier_id, engine->at, &cause) != 0;
	Datum		values[13];
	bool		nulls[13] = {false};

	values[0] = CStringGetTextDatum(tier->name);
	values[1] = Int32GetDatum(tier->rank);
	values[2] = BoolGetDatum(member->tier_id == tier->tier_id);
	values[3] = TimestampTzGetDatum(until);
	nulls[3] = until == DT_NOBEGIN;
	values[4] = Int64GetDatum(tier->threshold);
	values[5] = Int64GetDatum(loyalty_growth_total(member, engine->at));
	values[6] = Int64GetDatum(lacks);
	values[7] = TimestampTzGetDatum(by);
	nulls[7] = by == DT_NOEND;
	values[8] = BoolGetDatum(loyalty_tier_condition_holds(engine, tier, engine->at));
	values[9] = NumericGetDatum(tier->earn_multiplier);
	values[10] = NumericGetDatum(tier->redeem_discount);
	values[11] = Int64GetDatum(had_gift ? 0 : tier->gift);
	values[12] = Int64GetDatum(would_have_given(engine, events, subscriptions, tier));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ladder(member, program) */
Datum
loyalty_ladder(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	const Program *program = loyalty_arg_program(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Interval	year = {.month = -12};
	MemberState member;
	EngineSource source;
	Engine		engine;
	List	   *events;
	List	   *subscriptions;

	InitMaterializedSRF(fcinfo, 0);
	loyalty_member_require(program, ref, &member);
	loyalty_engine_read_only(&engine, &source, program, &member,
							 Max(GetCurrentTimestamp(), member.last_at));
	loyalty_engine_advance(&engine);
	loyalty_tier_foresee(&engine);
	events = loyalty_past_events(&engine, loyalty_program_add(program, engine.at, &year),
								 engine.at);
	subscriptions = loyalty_subscriptions_load(member.member_id);
	for (int i = 0; i < program->tier_count; i++)
		put_tier(result, &engine, events, subscriptions, &program->tiers[i]);
	PG_RETURN_NULL();
}
