/*
 * tier.c
 *		tier, grant_tier, revoke_tier, retier: which tier a member holds.
 *
 * What was recorded stands in tier_period; from its newest row on the clock
 * tells from the member's row, by the code that posts it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "errors.h"
#include "ledger/query.h"
#include "ledger/tier_row.h"
#include "ledger/usage_row.h"

PG_FUNCTION_INFO_V1(loyalty_tier);
PG_FUNCTION_INFO_V1(loyalty_grant_tier);
PG_FUNCTION_INFO_V1(loyalty_revoke_tier);
PG_FUNCTION_INFO_V1(loyalty_retier);

/* Ids of entries that are never written: each only has to be a new one. */
static int64
next_entry_id(void *arg)
{
	return ((MemberState *) arg)->last_entry + 1;
}

/* Nor is anything taken from a budget. */
static int64
see_budget(void *arg, int32 rule_id, int64 points)
{
	return Min(points, Max(loyalty_budget_left(rule_id), 0));
}

void
loyalty_engine_read_only(Engine *engine, EngineSource *source, const Program *program,
						 MemberState *member, TimestampTz at)
{
	*source = *loyalty_member_source(member);
	source->next_entry_id = next_entry_id;
	source->take_budget = see_budget;
	memset(engine, 0, sizeof(Engine));
	engine->program = program;
	engine->source = source;
	engine->member = member;
	engine->stored_entries = member->last_entry;
	engine->at = engine->recorded_at = at;
}

const Tier *
loyalty_tier_or_base(const Program *program, int32 tier_id)
{
	if (tier_id != 0)
		return loyalty_tier_by_id(program, tier_id);
	if (program->tier_count > 0 && program->tiers[0].threshold == 0 &&
		program->tiers[0].condition == NULL)
		return &program->tiers[0];
	return NULL;
}

const Tier *
loyalty_tier_at(const Program *program, const MemberState *stored, TimestampTz at)
{
	int32		tier_id;

	if (program->tier_count > 0 && loyalty_tier_recorded(stored->member_id, at, &tier_id))
		return loyalty_tier_or_base(program, tier_id);
	return loyalty_tier_by_clock(program, stored, at);
}

const Tier *
loyalty_tier_by_clock(const Program *program, const MemberState *stored, TimestampTz at)
{
	MemberState member = *stored;
	EngineSource source;
	Engine		engine;
	bool		is_past = at < Max(GetCurrentTransactionStartTimestamp(), member.last_at);

	if (program->tier_count == 0)
		return NULL;
	if (at < member.tier_until && (is_past || member.earned_tier_id != 0))
		return loyalty_tier_or_base(program, member.tier_id);
	loyalty_engine_read_only(&engine, &source, program, &member, at);
	if (!is_past)
	{
		engine.at = Min(at, Max(GetCurrentTimestamp(), member.last_at));
		loyalty_tier_foresee(&engine);
		engine.at = at;
	}
	loyalty_tier_advance(&engine);
	return loyalty_tier_or_base(program, member.tier_id);
}

/* tier(member, at, program) */
Datum
loyalty_tier(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	MemberState member;
	const Tier *tier;

	loyalty_member_require(program, ref, &member);
	if (at == DT_NOBEGIN)
		at = Max(GetCurrentTimestamp(), member.last_at);
	tier = loyalty_tier_at(program, &member, at);
	if (tier == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(tier->name));
}

static const Tier *
arg_tier(FunctionCallInfo fcinfo, int n, const Program *program)
{
	const char *name = loyalty_arg_text(fcinfo, n);

	for (int i = 0; name != NULL && i < program->tier_count; i++)
	{
		if (strcmp(program->tiers[i].name, name) == 0)
			return &program->tiers[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name == NULL ? errmsg("tier must not be null") :
			 errmsg("unknown tier \"%s\" in program \"%s\"", name, program->name),
			 errhint("Tiers are the rows of loyalty.tier.")));
}

static const char *
arg_reason(FunctionCallInfo fcinfo, int n)
{
	const char *reason = loyalty_arg_text(fcinfo, n);

	if (reason == NULL || reason[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a granted tier needs a reason"),
				 errhint("Say in the argument reason why it is given or taken.")));
	return reason;
}

static void
require_open(const Call *call)
{
	if (call->member.status == STATUS_CLOSED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" is closed", call->member.ref),
				 errhint("Change it with loyalty.set_status().")));
}

/* grant_tier(member, tier, until, reason, ref, kind, at, program) */
Datum
loyalty_grant_tier(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	TimestampTz until = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	const char *reason = arg_reason(fcinfo, 3);
	const char *ref = loyalty_arg_key(fcinfo, 4, "ref", false);
	const char *kind = loyalty_arg_text(fcinfo, 5);
	TimestampTz at = loyalty_arg_at(fcinfo, 6);
	const Program *program = loyalty_arg_program(fcinfo, 7);
	const Tier *tier = arg_tier(fcinfo, 1, program);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	int64		digest;

	if (kind == NULL || (strcmp(kind, "manual") != 0 && strcmp(kind, "voucher") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 kind == NULL ? errmsg("kind must not be null") :
				 errmsg("unknown kind \"%s\" of a granted tier", kind),
				 errhint("One of manual, voucher.")));

	loyalty_call_open(&call, "grant_tier()", program, member, ENROLL_AUTO, at);
	initStringInfo(&content);
	loyalty_digest_number(&content, tier->tier_id);
	loyalty_digest_number(&content, until);
	loyalty_digest_text(&content, kind);
	loyalty_digest_text(&content, reason);
	digest = loyalty_call_digest(&call.member, ENTRY_TIER, &content);
	if (loyalty_call_replay(&call, loyalty_call_story(&call, ref), ENTRY_TIER, 0, ref, digest,
							&receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);

	require_open(&call);
	loyalty_call_start(&call, loyalty_call_time(&call, at));
	if (until == DT_NOBEGIN)
		until = loyalty_tier_status_end(program, tier, call.engine.at);
	if (until <= call.engine.at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until must be after the grant"),
				 errdetail("The tier would be held from %s until %s.",
						   pstrdup(timestamptz_to_str(call.engine.at)),
						   pstrdup(timestamptz_to_str(until))),
				 errhint("To end a granted tier, use loyalty.revoke_tier().")));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_grant_tier(&call.engine, tier, kind, until, ref,
														 reason),
							   digest);
}

/* revoke_tier(member, tier, reason, at, program) */
Datum
loyalty_revoke_tier(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *reason = arg_reason(fcinfo, 2);
	TimestampTz at = loyalty_arg_at(fcinfo, 3);
	const Program *program = loyalty_arg_program(fcinfo, 4);
	const Tier *tier = arg_tier(fcinfo, 1, program);
	Call		call;
	Entry	   *entry;

	loyalty_call_open(&call, "revoke_tier()", program, member, ENROLL_NEVER, at);
	loyalty_call_start(&call, loyalty_call_time(&call, at));
	entry = loyalty_engine_revoke_tier(&call.engine, tier, reason);
	if (entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_REF),
				 errmsg("member \"%s\" has no granted tier \"%s\"", member, tier->name),
				 errdetail("A tier earned by growth cannot be revoked.")));
	return loyalty_call_accept(fcinfo, &call, entry, 0);
}

static LoyaltyQuery members_of_program = {
	"SELECT member_id FROM loyalty.member WHERE program_id = $1 AND status <> 'c'"
	" ORDER BY member_id",
	1, {INT4OID}
};

typedef enum RetierMode
{
	RETIER_UPGRADE,
	RETIER_FULL,
	RETIER_PERIOD_END
} RetierMode;

typedef struct Retier
{
	const Program *program;
	RetierMode	mode;
	bool		preview;
	int64	   *ids;
	int64		count;
	ReturnSetInfo *result;
} Retier;

static void
add_id(HeapTuple row, TupleDesc desc, void *arg)
{
	Retier	   *retier = arg;
	bool		isnull;

	if (retier->ids == NULL)
		retier->ids = palloc_extended(sizeof(int64) * SPI_processed, MCXT_ALLOC_HUGE);
	retier->ids[retier->count++] = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
}

/* What retier() makes of a member. */
typedef struct Move
{
	const Tier *before;			/* as recorded; NULL = none */
	const Tier *after;
	int64		gift;			/* points */
	TimestampTz when;
} Move;

/* Lets the clock go on until the member moves, or has kept its earned tier. */
static void
end_period(Engine *engine)
{
	const MemberState *member = engine->member;
	TimestampTz since = member->earned_since;
	int32		before = member->tier_id;

	/* the end of a period may begin a grace; that of a lower grant moves nobody */
	while (member->tier_until != DT_NOEND && member->earned_since == since &&
		   member->tier_id == before)
	{
		engine->at = member->tier_until;
		loyalty_tier_advance(engine);
	}
}

/*
 * Does the engine's member move, or get a gift?  It stands as the clock has it
 * and has not settled in: a member from before the first tier moves into one.
 */
static bool
would_move(const Retier *retier, Engine *engine, Move *move)
{
	MemberState *member = engine->member;
	ListCell   *cell;

	memset(move, 0, sizeof(Move));
	move->before = loyalty_tier_or_base(retier->program, member->tier_id);
	if (retier->mode != RETIER_PERIOD_END)
		loyalty_tier_retier(engine, retier->mode == RETIER_FULL);
	else
		end_period(engine);
	move->after = loyalty_tier_or_base(retier->program, member->tier_id);
	foreach(cell, engine->entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind == ENTRY_GIFT)
			move->gift += entry->points;
	}
	move->when = engine->at;
	return move->after != move->before || move->gift != 0;
}

static void
put_tier_name(const Tier *tier, Datum *value, bool *isnull)
{
	*isnull = tier == NULL;
	*value = *isnull ? (Datum) 0 : CStringGetTextDatum(tier->name);
}

static void
put_move(const Retier *retier, const Engine *engine, const Move *move)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = CStringGetTextDatum(engine->member->ref);
	put_tier_name(move->before, &values[1], &nulls[1]);
	put_tier_name(move->after, &values[2], &nulls[2]);
	values[3] = Int64GetDatum(loyalty_growth_total(engine->member, engine->at));
	values[4] = Int64GetDatum(move->gift);
	values[5] = TimestampTzGetDatum(move->when);
	tuplestore_putvalues(retier->result->setResult, retier->result->setDesc, values, nulls);
}

/*
 * One member; returns whether it moves.  A member is locked only if it does,
 * and written only if it still does then.
 */
static bool
retier_member(const Retier *retier, int64 member_id)
{
	EngineSource source;
	Engine		engine;
	MemberState member;
	Call		call;
	Move		move;
	bool		moves;

	if (!loyalty_member_read_id(member_id, &member))
		return false;
	loyalty_engine_read_only(&engine, &source, retier->program, &member,
							 Max(GetCurrentTimestamp(), member.last_at));
	loyalty_engine_advance(&engine);
	if (!would_move(retier, &engine, &move))
		return false;
	if (retier->preview || retier->mode == RETIER_PERIOD_END)
	{
		put_move(retier, &engine, &move);
		return true;
	}

	memset(&call, 0, sizeof(call));
	loyalty_writer_open(&call.writer);
	moves = loyalty_member_lock_id(&call.writer, member_id, &call.member);
	if (moves)
	{
		loyalty_call_attach(&call, retier->program);
		call.engine.at = call.now;
		loyalty_engine_advance(&call.engine);
		moves = would_move(retier, &call.engine, &move);
	}
	if (moves)
	{
		put_move(retier, &call.engine, &move);
		loyalty_member_store(&call.writer, &call.engine);
	}
	loyalty_writer_close(&call.writer);
	return moves;
}

/* retier(mode, preview, max_members, program) */
Datum
loyalty_retier(PG_FUNCTION_ARGS)
{
	const char *mode = loyalty_arg_text(fcinfo, 0);
	int64		max_members = PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2);
	MemoryContext context;
	Retier		retier;
	Datum		args[1];

	memset(&retier, 0, sizeof(retier));
	if (mode != NULL && strcmp(mode, "upgrade_only") == 0)
		retier.mode = RETIER_UPGRADE;
	else if (mode != NULL && strcmp(mode, "full") == 0)
		retier.mode = RETIER_FULL;
	else if (mode != NULL && strcmp(mode, "at_period_end") == 0)
		retier.mode = RETIER_PERIOD_END;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 mode == NULL ? errmsg("mode must not be null") :
				 errmsg("unknown mode \"%s\"", mode),
				 errhint("One of upgrade_only, full, at_period_end.")));
	if (max_members <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_members must be greater than 0")));
	retier.preview = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
	retier.program = loyalty_arg_program(fcinfo, 3);
	retier.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (!retier.preview)
		loyalty_call_require_writable("retier()");

	InitMaterializedSRF(fcinfo, 0);
	args[0] = Int32GetDatum(retier.program->program_id);
	loyalty_query_visit(&members_of_program, args, add_id, &retier);
	context = AllocSetContextCreate(CurrentMemoryContext, "loyalty retier",
									ALLOCSET_DEFAULT_SIZES);
	for (int64 i = 0; i < retier.count && max_members > 0; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		if (retier_member(&retier, retier.ids[i]))
			max_members--;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	PG_RETURN_NULL();
}
