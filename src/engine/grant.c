/*
 * grant.c
 *		Points granted by hand: earn and adjust; where a granted lot goes.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "engine/engine.h"
#include "errors.h"

/* Refuses grants to a member whose status forbids them (LY004). */
void
loyalty_engine_require_earning(const Engine *engine)
{
	const MemberState *member = engine->member;

	if (member->status == STATUS_EARN_BLOCKED || member->status == STATUS_FROZEN ||
		member->status == STATUS_CLOSED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not earn points", member->ref),
				 errdetail("The member is %s.",
						   loyalty_status_name(member->status)),
				 errhint("Change it with loyalty.set_status().")));
}

/* Points that still fit under the program's max_balance; -1 = any number. */
int64
loyalty_balance_room(const Engine *engine)
{
	const MemberState *member = engine->member;
	int64		owned;

	if (engine->program->max_balance < 0)
		return -1;
	owned = loyalty_lots_spendable(&member->points, engine->at) +
		loyalty_lots_pending(&member->points, engine->at) + member->held - member->debt;
	return Max(engine->program->max_balance - owned, 0);
}

/* Refuses points that would exceed the program's max_balance (LY006). */
void
loyalty_engine_require_room(const Engine *engine, int64 points)
{
	int64		room = loyalty_balance_room(engine);

	if (room < 0 || points <= room)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_LIMIT_REACHED),
			 errmsg("limit of member \"%s\" reached", engine->member->ref),
			 errdetail("A member of program \"%s\" may own %lld points;"
					   " %lld more fit, %lld were to come.",
					   engine->program->name, (long long) engine->program->max_balance,
					   (long long) room, (long long) points),
			 errhint("The limit is max_balance of the program.")));
}

/* The whole second at or before an instant: grants are dated to it. */
static TimestampTz
whole_second(TimestampTz at)
{
	int64		rest = at % USECS_PER_SEC;

	return at - (rest < 0 ? rest + USECS_PER_SEC : rest);
}

/* The validity that the program gives points granted at `at`. */
void
loyalty_grant_validity(const Program *program, TimestampTz at,
					   TimestampTz *valid_from, TimestampTz *valid_until)
{
	*valid_from = whole_second(loyalty_program_add(program, at, &program->pending_for));
	*valid_until = loyalty_validity_until(program->validity, *valid_from, program->tz);
}

/*
 * Gives a new lot the key under which the wallet keeps it.  Where the program
 * merges lots, one of the same end that began in the same local period (and is
 * pending or not, as the new one is) lends its source and valid_from.
 */
void
loyalty_grant_place(const Engine *engine, PointLot *lot)
{
	const Program *program = engine->program;
	const LotList *wallet = &engine->member->points;

	if (program->lot_granularity == GRANULARITY_ENTRY)
		return;
	for (int i = wallet->count - 1; i >= 0; i--)
	{
		const PointLot *other = &wallet->lots[i];

		if (other->valid_until == lot->valid_until &&
			(other->valid_from > engine->at) == (lot->valid_from > engine->at) &&
			loyalty_period_same(other->valid_from, lot->valid_from,
								program->lot_granularity, program->tz))
		{
			lot->valid_from = other->valid_from;
			lot->source = other->source;
			return;
		}
	}
}

/* Puts one new lot, granted by the entry, into the wallet. */
static void
credit_new_lot(Engine *engine, Entry *entry, int64 points,
			   TimestampTz valid_from, TimestampTz valid_until)
{
	PointLot	lot;
	LotList		incoming;

	lot.points = points;
	lot.valid_from = valid_from;
	lot.valid_until = valid_until;
	lot.source = entry->entry_id;
	loyalty_grant_place(engine, &lot);
	loyalty_lots_init(&incoming);
	loyalty_flow_add(&incoming, &lot);
	entry->points = points;
	loyalty_flow_credit(engine, entry, &incoming);
}

/*
 * A direct grant.  valid_from DT_NOBEGIN and valid_until DT_NOBEGIN stand for
 * what the program's policy says.
 */
Entry *
loyalty_engine_earn(Engine *engine, int64 points, const char *ref,
					TimestampTz valid_from, TimestampTz valid_until,
					const char *reason)
{
	const Program *program = engine->program;
	Entry	   *entry;

	loyalty_engine_require_earning(engine);
	loyalty_engine_require_room(engine, points);

	if (valid_from == DT_NOBEGIN)
		valid_from = loyalty_program_add(program, engine->at, &program->pending_for);
	valid_from = whole_second(valid_from);
	if (valid_until == DT_NOBEGIN)
		valid_until = loyalty_validity_until(program->validity, valid_from, program->tz);

	if (valid_until <= valid_from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("valid_until must be after valid_from"),
				 errdetail("Points would be valid from %s until %s.",
						   pstrdup(timestamptz_to_str(valid_from)),
						   pstrdup(timestamptz_to_str(valid_until)))));
	if (valid_until <= engine->at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points would have lapsed before they are granted"),
				 errdetail("They would be valid until %s.", timestamptz_to_str(valid_until)),
				 errhint("To record a grant of the past, date it with the argument at.")));

	entry = loyalty_entry_open(engine, ENTRY_EARN, engine->at);
	entry->ref = ref;
	entry->reason = reason;
	credit_new_lot(engine, entry, points, valid_from, valid_until);
	loyalty_entry_close(engine, entry);
	return entry;
}

/*
 * A manual correction, signed.  Upwards it is a grant; downwards it spends in
 * the program's order and what lacks goes by the program's shortfall.
 */
Entry *
loyalty_engine_adjust(Engine *engine, int64 points, const char *ref, const char *reason)
{
	Entry	   *entry;

	if (points > 0)
	{
		loyalty_engine_require_earning(engine);
		loyalty_engine_require_room(engine, points);
	}

	entry = loyalty_entry_open(engine, ENTRY_ADJUST, engine->at);
	entry->ref = ref;
	entry->reason = reason;
	if (points > 0)
	{
		TimestampTz valid_from;
		TimestampTz valid_until;

		loyalty_grant_validity(engine->program, engine->at, &valid_from, &valid_until);
		credit_new_lot(engine, entry, points, valid_from, valid_until);
	}
	else if (engine->program->shortfall == SHORTFALL_OWE)
	{
		loyalty_flow_owe(engine, entry, -points);
		entry->points = points;
	}
	else
	{
		entry->points = -loyalty_flow_take(engine, entry, -points);
		entry->waived = entry->points - points;
	}
	loyalty_entry_close(engine, entry);
	return entry;
}
