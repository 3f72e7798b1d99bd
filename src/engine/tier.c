/*
 * tier.c
 *		Which tier a member holds: earned by growth, or granted.
 *
 * The earned tier is reached at once when live growth meets its threshold and
 * its condition holds; that opens a status period.  It is lost when a status
 * period ends without being kept, or through a refund of what made it in the
 * open period, if the program says so.  Granted tiers keep their own ends.
 * The highest in force is the one that counts.
 *
 * The member's state lives in business time: an operation at `at` sees the
 * tiers as the clock has them at `at`, so that history loaded in its order
 * counts as it would have then.  What the member held is recorded by the wall
 * clock (engine->tier_moves): a move that the clock decided is dated to its
 * moment, any other to its recording.  So the past is never rewritten.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "engine/breakdown.h"
#include "engine/engine.h"

/* The tier the member holds; NULL if none. */
const Tier *
loyalty_tier_current(const Engine *engine)
{
	if (engine->member->tier_id == 0)
		return NULL;
	return loyalty_tier_by_id(engine->program, engine->member->tier_id);
}

static const Tier *
earned_tier(const Engine *engine)
{
	return loyalty_tier_by_id(engine->program, engine->member->earned_tier_id);
}

static int
rank_of(const Tier *tier)
{
	return tier == NULL ? PG_INT32_MIN : tier->rank;
}

/* The end of a status period of the tier that begins at `since`. */
TimestampTz
loyalty_tier_status_end(const Program *program, const Tier *tier, TimestampTz since)
{
	if (tier == NULL || tier->permanent || tier->status_validity == NULL)
		return DT_NOEND;
	return loyalty_validity_until(tier->status_validity, since, program->tz);
}

/*
 * The tier in force at `at`, the highest of the earned and the granted ones,
 * and when the clock decides next.
 */
static void
put_in_force(Engine *engine, TimestampTz at)
{
	MemberState *member = engine->member;
	const Tier *held = earned_tier(engine);
	ListCell   *cell;

	member->tier_until = member->earned_until;
	member->has_grants = false;
	foreach(cell, member->grants)
	{
		const TierGrant *grant = lfirst(cell);
		const Tier *tier = loyalty_tier_by_id(engine->program, grant->tier_id);

		if (grant->until <= at)
			continue;
		member->has_grants = true;
		member->tier_until = Min(member->tier_until, grant->until);
		if (rank_of(tier) > rank_of(held))
			held = tier;
	}
	member->tier_id = held == NULL ? 0 : held->tier_id;
	engine->tier_moved = true;
}

/* Begins a status period of the earned tier; NULL = of none. */
static void
open_status(Engine *engine, const Tier *tier, TimestampTz since, StatusPhase phase)
{
	MemberState *member = engine->member;

	member->earned_tier_id = tier == NULL ? 0 : tier->tier_id;
	member->earned_since = since;
	member->earned_until = loyalty_tier_status_end(engine->program, tier, since);
	member->earned_growth = 0;
	member->earned_phase = phase;
}

/* Is a status period that ends at `at` enough to keep the tier? */
static bool
is_kept(const Engine *engine, const Tier *tier, TimestampTz at)
{
	bool		enough = tier->keep_threshold >= 0 ?
		engine->member->earned_growth >= tier->keep_threshold :
		loyalty_growth_total(engine->member, at) >= tier->threshold;

	return enough && loyalty_tier_condition_holds(engine, tier, at);
}

/* Where a member falls who has not kept the tier; NULL = to none. */
static const Tier *
fall_from(const Engine *engine, const Tier *tier, TimestampTz at)
{
	const Program *program = engine->program;
	bool		first = true;

	for (int i = program->tier_count - 1; i >= 0; i--)
	{
		const Tier *lower = &program->tiers[i];

		if (lower->rank >= tier->rank)
			continue;
		if ((first && tier->downgrade == DOWNGRADE_ONE) || lower->permanent ||
			is_kept(engine, lower, at))
			return lower;
		first = false;
	}
	return NULL;
}

/* The status period, or the grace after it, ends at `at`. */
static void
end_status(Engine *engine, TimestampTz at)
{
	MemberState *member = engine->member;
	const Tier *tier = earned_tier(engine);

	if (tier == NULL)
		open_status(engine, NULL, at, PHASE_KEPT);
	else if (tier->downgrade == DOWNGRADE_NONE || is_kept(engine, tier, at))
		open_status(engine, tier, at,
					member->earned_phase == PHASE_FALLEN ? PHASE_FALLEN : PHASE_KEPT);
	else
	{
		TimestampTz grace_end = member->earned_phase == PHASE_GRACE ? at :
			loyalty_program_add(engine->program, at, &tier->grace);

		if (grace_end > at)
		{
			member->earned_phase = PHASE_GRACE;
			member->earned_until = grace_end;
		}
		else
			open_status(engine, fall_from(engine, tier, at), at, PHASE_FALLEN);
	}
}

static List *
add_move(List *moves, TimestampTz since, int32 tier_id, int64 entry_id, bool by_clock)
{
	TierMove   *move = palloc(sizeof(TierMove));

	move->since = since;
	move->tier_id = tier_id;
	move->entry_id = entry_id;
	move->by_clock = by_clock;
	return lappend(moves, move);
}

/* Lets the clock decide up to `until`; adds to *moves unless NULL. */
static void
advance_tiers(Engine *engine, TimestampTz until, List **moves)
{
	MemberState *member = engine->member;

	while (member->tier_until <= until)
	{
		TimestampTz moment = member->tier_until;
		int32		before = member->tier_id;

		CHECK_FOR_INTERRUPTS();
		if (member->earned_until <= moment)
			end_status(engine, moment);
		put_in_force(engine, moment);
		if (moves != NULL && member->tier_id != before)
			*moves = add_move(*moves, moment, member->tier_id, 0, true);
	}
}

/*
 * What the clock makes of the member by the time that the operation is
 * recorded, whatever its business time: the tier in force, and in *moves, unless
 * NULL, the moves up to then.  The member itself stays as it is.
 */
static int32
tier_by_the_clock(const Engine *engine, List **moves)
{
	TimestampTz now = Max(engine->at, engine->recorded_at);
	MemberState member = *engine->member;
	Engine		copy = *engine;

	if (member.tier_until > now)
		return member.tier_id;
	copy.member = &member;
	advance_tiers(&copy, now, moves);
	return member.tier_id;
}

/* The clock's decisions about tiers up to engine->at. */
void
loyalty_tier_advance(Engine *engine)
{
	if (!engine->tier_known)
	{
		engine->shown_tier = tier_by_the_clock(engine, &engine->tier_moves);
		engine->tier_known = true;
	}
	advance_tiers(engine, engine->at, NULL);	/* those moves are among them */
}

/*
 * The end of an operation: a tier other than the one shown so far is a move.
 * So is a change that comes late: what was shown until now stays shown.  Growth
 * that came or went late may move a tier without a decision: status periods that
 * are over by now end otherwise with it.
 */
void
loyalty_tier_finish(Engine *engine)
{
	TimestampTz recorded = Max(engine->at, engine->recorded_at);
	int32		now;

	if (!engine->tier_known)
		return;
	now = tier_by_the_clock(engine, NULL);
	if (now == engine->shown_tier && (!engine->tier_decided || engine->at == recorded))
		return;
	engine->tier_moves = add_move(engine->tier_moves, recorded, now, engine->tier_entry, false);
	engine->shown_tier = now;
}

/*
 * Who has fallen has growth left that once reached a higher tier: it comes back
 * with what would have kept it.
 */
static bool
may_return(const Engine *engine, const Tier *tier)
{
	return engine->member->earned_phase != PHASE_FALLEN ||
		engine->member->earned_growth >= tier->keep_threshold;
}

/*
 * The highest tier above `floor` that growth gives at some instant in
 * [from, until], and the first such instant; NULL if none does.  Looking back
 * over a period, merged lots count (loyalty_growth_peak), and so do plans that
 * were in force at some time in it.
 */
static const Tier *
tier_reached(const Engine *engine, int floor, TimestampTz from, TimestampTz until,
			 bool look_back, TimestampTz *since)
{
	const Program *program = engine->program;
	int64		peak = loyalty_growth_peak(engine->member, from, until, PG_INT64_MAX,
										   look_back, since);

	for (int i = program->tier_count - 1; i >= 0; i--)
	{
		const Tier *tier = &program->tiers[i];

		if (tier->rank <= floor)
			break;
		if (tier->threshold <= peak && may_return(engine, tier) &&
			loyalty_tier_condition_held(engine, tier, look_back ? from : until, until))
		{
			loyalty_growth_peak(engine->member, from, until, tier->threshold, look_back,
								since);
			return tier;
		}
	}
	return NULL;
}

/* Does growth meet the threshold of a tier above this one? */
static bool
gives_more(const Engine *engine, const Tier *tier, TimestampTz at)
{
	const Program *program = engine->program;
	int64		growth = loyalty_growth_total(engine->member, at);

	for (int i = 0; i < program->tier_count; i++)
	{
		if (program->tiers[i].rank > tier->rank && program->tiers[i].threshold <= growth)
			return true;
	}
	return false;
}

/* A higher tier is reached: a new status period, yet without gifts. */
static bool
reach_higher(Engine *engine, TimestampTz clock)
{
	MemberState *member = engine->member;
	const Tier *current = earned_tier(engine);
	TimestampTz since;
	const Tier *reached = tier_reached(engine, rank_of(current), engine->at, clock,
									   false, &since);
	TimestampTz until = loyalty_tier_status_end(engine->program, reached, since);

	bool		fallen = member->earned_phase == PHASE_FALLEN;
	int64		gained = member->earned_growth;

	if (reached == NULL || (until <= clock && current != NULL))
		return false;
	open_status(engine, reached, since, PHASE_REACHED);
	if (fallen && gives_more(engine, reached, clock))
	{
		member->earned_phase = PHASE_FALLEN;
		member->earned_growth = gained;
	}
	for (int i = 0; i < member->growth.count; i++)
	{
		if (since < clock && member->growth.lots[i].valid_from > since)
			member->earned_growth += member->growth.lots[i].points;
	}
	put_in_force(engine, engine->at);
	return true;
}

/* The same with the gifts on the way. */
static bool
upgrade(Engine *engine, const Entry *cause, TimestampTz clock)
{
	const Tier *before = earned_tier(engine);
	const Tier *reached;

	if (!reach_higher(engine, clock))
		return false;
	reached = earned_tier(engine);
	for (int i = 0; i < engine->program->tier_count; i++)
	{
		const Tier *tier = &engine->program->tiers[i];

		if (tier->rank > rank_of(before) && tier->rank <= reached->rank)
			loyalty_tier_gift_give(engine, tier, cause);
	}
	return true;
}

/*
 * A refund: does what is left of growth still give the tier in the open period?
 * That a plan has ended meanwhile is for the end of the period.
 */
static bool
downgrade(Engine *engine, TimestampTz clock)
{
	const Program *program = engine->program;
	MemberState *member = engine->member;
	const Tier *current = earned_tier(engine);
	int64		gained = member->earned_growth;
	TimestampTz period = member->earned_since;
	TimestampTz since;
	const Tier *left;

	if (current == NULL || program->refund_keeps_tier || member->earned_phase != PHASE_REACHED)
		return false;
	left = tier_reached(engine, PG_INT32_MIN, period, Max(clock, period), true, &since);
	if (rank_of(left) >= rank_of(current))
		return false;
	open_status(engine, left, period, PHASE_REACHED);
	member->earned_growth = gained;
	put_in_force(engine, engine->at);
	return true;
}

/*
 * Gifts go back with the refund that ends their tier; where it had ended by the
 * clock, once none of the event is left that had reached it.
 */
static void
take_gifts_back(Engine *engine, const Tier *before, const Entry *cause, List *corrected)
{
	const Program *program = engine->program;
	const Tier *current = earned_tier(engine);
	int64		growth = cause->growth;
	ListCell   *cell;

	foreach(cell, corrected)
		growth += ((const Family *) lfirst(cell))->net_growth;

	for (int i = program->tier_count - 1; i >= 0; i--)
	{
		const Tier *tier = &program->tiers[i];
		bool		ended = tier->rank <= rank_of(before);

		if (tier->rank > rank_of(current) && tier->gift > 0 &&
			(ended || (corrected != NIL && growth <= 0)))
			loyalty_tier_gift_take_back(engine, tier, corrected, ended);
	}
}

/*
 * After growth changed: upgrades at once, with the gift of every tier crossed.
 * A loss of growth downgrades if the program says so; `corrected` are the
 * families whose growth a refund took, NIL for a refund that names none.
 * Growth dated before the member's newest entry counts as if it had been there.
 */
void
loyalty_tier_reassess(Engine *engine, const Entry *cause, List *corrected)
{
	TimestampTz clock = Max(engine->at, engine->member->last_at);
	bool		moved;

	if (cause != NULL && cause->growth < 0)
	{
		const Tier *before = earned_tier(engine);

		moved = downgrade(engine, clock);
		take_gifts_back(engine, before, cause, corrected);
	}
	else
		moved = upgrade(engine, cause, clock);
	if (!moved)
		return;
	engine->tier_decided = true;
	engine->tier_entry = cause == NULL ? 0 : cause->entry_id;
	loyalty_tier_advance(engine);
}

/*
 * What conditions of tiers ask for beside growth may have changed: upgrades at
 * once.  `needs` are the TIER_NEEDS_ bits of what has; 0 = anything.
 */
void
loyalty_tier_look_again(Engine *engine, const Entry *cause, int needs)
{
	const Program *program = engine->program;
	MemberStatus status = engine->member->status;

	/* who may not earn gets no gifts */
	if (!program->tiers_ask || (status != STATUS_ACTIVE && status != STATUS_SPEND_BLOCKED))
		return;
	for (int i = 0; i < program->tier_count; i++)
	{
		const Tier *tier = &program->tiers[i];

		if (tier->condition != NULL && (needs == 0 || (tier->condition_needs & needs) != 0))
		{
			loyalty_tier_reassess(engine, cause, NIL);
			return;
		}
	}
}

/*
 * Puts the member into a tier that it brings along, or that its growth reaches:
 * the higher of the two, never below the tier it has.  It counts as kept, so
 * that no refund ends it before its status period does, and gives no gifts.
 */
void
loyalty_tier_place(Engine *engine, const Tier *tier, const Entry *cause)
{
	TimestampTz clock = Max(engine->at, engine->member->last_at);
	const Tier *current = earned_tier(engine);
	TimestampTz since;
	const Tier *reached = tier_reached(engine, rank_of(current), engine->at, clock,
									   false, &since);

	if (rank_of(tier) > rank_of(reached))
	{
		reached = tier;
		since = engine->at;
	}
	if (rank_of(reached) <= rank_of(current))
		return;
	open_status(engine, reached, since, PHASE_KEPT);
	put_in_force(engine, engine->at);
	engine->tier_decided = true;
	engine->tier_entry = cause->entry_id;
	loyalty_tier_advance(engine);
}

/*
 * Before an operation: a member who has earned no tier gets the one that its
 * growth reaches, which for a new member is the tier of threshold 0.
 */
void
loyalty_tier_settle_in(Engine *engine)
{
	if (engine->program->tier_count > 0 && earned_tier(engine) == NULL)
		loyalty_tier_reassess(engine, NULL, NIL);
}

/* The same for who only reads: no gifts, the wallet stays as it is. */
void
loyalty_tier_foresee(Engine *engine)
{
	loyalty_tier_advance(engine);
	if (engine->program->tier_count > 0 && earned_tier(engine) == NULL &&
		reach_higher(engine, Max(engine->at, engine->member->last_at)))
		loyalty_tier_advance(engine);
}

/* Ends the member's grants of a tier, of one kind or (NULL) of any. */
static int
end_grants(Engine *engine, const Tier *tier, const char *kind)
{
	int			ended = 0;
	ListCell   *cell;

	foreach(cell, engine->member->grants)
	{
		TierGrant  *grant = lfirst(cell);

		if (grant->tier_id != tier->tier_id || grant->until <= engine->at ||
			(kind != NULL && strcmp(grant->kind, kind) != 0))
			continue;
		grant->until = engine->at;
		grant->changed = true;
		ended++;
	}
	return ended;
}

/*
 * Grants a tier until its own end.  By hand, it takes the place of an earlier
 * grant; a voucher never shortens another.
 */
Entry *
loyalty_engine_grant_tier(Engine *engine, const Tier *tier, const char *kind,
						  TimestampTz until, const char *ref, const char *reason)
{
	Entry	   *entry = loyalty_entry_open(engine, ENTRY_TIER, engine->at);
	TierGrant  *grant = palloc0(sizeof(TierGrant));

	entry->ref = ref;
	entry->reason = reason;
	entry->breakdown = loyalty_breakdown_tier_grant(tier->name, kind, until);
	loyalty_entry_close(engine, entry);

	if (strcmp(kind, "voucher") != 0)
		(void) end_grants(engine, tier, kind);
	grant->entry_id = entry->entry_id;
	grant->tier_id = tier->tier_id;
	grant->kind = kind;
	grant->since = engine->at;
	grant->until = until;
	engine->member->grants = lappend(engine->member->grants, grant);
	engine->tier_entry = entry->entry_id;
	engine->tier_decided = true;
	put_in_force(engine, engine->at);
	return entry;
}

/* Takes granted tiers back; NULL if the member had no such grant. */
Entry *
loyalty_engine_revoke_tier(Engine *engine, const Tier *tier, const char *reason)
{
	Entry	   *entry;

	if (end_grants(engine, tier, NULL) == 0)
		return NULL;
	entry = loyalty_entry_open(engine, ENTRY_TIER, engine->at);
	entry->reason = reason;
	entry->breakdown = loyalty_breakdown_tier_grant(tier->name, "revoked", engine->at);
	loyalty_entry_close(engine, entry);
	engine->tier_entry = entry->entry_id;
	engine->tier_decided = true;
	put_in_force(engine, engine->at);
	return entry;
}

/*
 * Holds the member against thresholds that have changed: upgrades and, with
 * `full`, downgrades at once.
 */
void
loyalty_tier_retier(Engine *engine, bool full)
{
	const Tier *current = earned_tier(engine);
	TimestampTz since;
	const Tier *reached;

	loyalty_tier_reassess(engine, NULL, NIL);
	if (full && current != NULL && earned_tier(engine) == current && !current->permanent)
	{
		reached = tier_reached(engine, PG_INT32_MIN, engine->at, engine->at, false, &since);
		if (rank_of(reached) < current->rank)
		{
			open_status(engine, reached, engine->at, PHASE_KEPT);
			engine->tier_decided = true;
			put_in_force(engine, engine->at);
		}
	}
}
