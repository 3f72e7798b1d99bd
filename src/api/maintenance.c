/*
 * maintenance.c
 *		maintain: posts what the clock has decided, for every member it is due for.
 *
 * Balances are right without it.  The members due are listed once, then worked
 * off in chunks, each a transaction of its own where the caller allows it.
 * Members that somebody has locked are passed over: whoever has them posts
 * what is due.  What depends on others follows: invitations, contests.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "ledger/contest_row.h"
#include "ledger/query.h"
#include "ledger/referral_row.h"

PG_FUNCTION_INFO_V1(loyalty_maintain);

/* Members worked off in one transaction. */
#define MAINTAIN_CHUNK 1000

static LoyaltyQuery due_members = {
	"SELECT m.member_id FROM loyalty.member m"
	" WHERE (m.maintain_at <= $1"
	" OR m.member_id IN (SELECT h.member_id FROM loyalty.hold h WHERE h.until <= $1))"
	" AND m.program_id = $2 ORDER BY m.member_id LIMIT $3",
	3, {TIMESTAMPTZOID, INT4OID, INT8OID}
};

typedef struct DueMembers
{
	MemoryContext context;
	int64	   *ids;
	int64		count;
	int64		capacity;
} DueMembers;

static void
add_due(HeapTuple row, TupleDesc desc, void *arg)
{
	DueMembers *due = arg;
	bool		isnull;

	if (due->count == due->capacity)
	{
		due->capacity = Max(1024, due->capacity * 2);
		due->ids = due->ids == NULL ?
			MemoryContextAllocHuge(due->context, due->capacity * sizeof(int64)) :
			repalloc_huge(due->ids, due->capacity * sizeof(int64));
	}
	due->ids[due->count++] = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
}

static void
maintain_chunk(const Program *program, const int64 *ids, int64 count, TimestampTz at)
{
	Call		call;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty maintain",
												  ALLOCSET_DEFAULT_SIZES);

	memset(&call, 0, sizeof(call));
	loyalty_writer_open(&call.writer);
	for (int64 i = 0; i < count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		if (loyalty_member_try_lock_id(&call.writer, ids[i], &call.member))
		{
			loyalty_call_attach(&call, program);
			call.engine.raise_due = true;
			loyalty_call_start(&call, at);
			loyalty_member_store(&call.writer, &call.engine);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	loyalty_writer_close(&call.writer);
	MemoryContextDelete(context);
}

/* Settles what contests are over and posts their prizes, like the members due. */
static void
maintain_contests(int32 program_id, TimestampTz at, int64 max_members, bool atomic)
{
	const Program *program = loyalty_program_by_id(program_id);
	List	   *prizes;

	if (program == NULL)
		return;
	loyalty_contests_settle(program, at);
	CommandCounterIncrement();
	prizes = loyalty_contest_prizes_due(program, 0, max_members);
	for (int done = 0; done < list_length(prizes); done += MAINTAIN_CHUNK)
	{
		List	   *chunk = list_copy_tail(prizes, done);

		if (!atomic)
			SPI_commit();
		(void) loyalty_contest_prizes_post(list_truncate(chunk, MAINTAIN_CHUNK));
	}
}

/* maintain(max_members, at, program) */
Datum
loyalty_maintain(PG_FUNCTION_ARGS)
{
	int64		max_members = PG_ARGISNULL(0) ? PG_INT64_MAX : loyalty_arg_points(fcinfo, 0);
	TimestampTz at = loyalty_arg_at(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	int32		program_id = program->program_id;
	bool		atomic = !(fcinfo->context && IsA(fcinfo->context, CallContext) &&
						   !castNode(CallContext, fcinfo->context)->atomic);
	Call		clock;
	DueMembers	due;
	Datum		args[3];

	loyalty_call_require_writable("maintain()");
	memset(&clock, 0, sizeof(clock));
	clock.now = GetCurrentTimestamp();
	at = loyalty_call_time(&clock, at);

	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	memset(&due, 0, sizeof(due));
	due.context = CurrentMemoryContext;
	args[0] = TimestampTzGetDatum(at);
	args[1] = Int32GetDatum(program_id);
	args[2] = Int64GetDatum(max_members);
	loyalty_query_visit(&due_members, args, add_due, &due);

	for (int64 done = 0; done < due.count; done += MAINTAIN_CHUNK)
	{
		program = loyalty_program_by_id(program_id);
		if (program == NULL)
			break;
		maintain_chunk(program, due.ids + done, Min(MAINTAIN_CHUNK, due.count - done), at);
		if (!atomic)
			SPI_commit();
	}
	program = loyalty_program_by_id(program_id);
	if (program != NULL)
		loyalty_referrals_follow(loyalty_referrals_due(program, Min(max_members, MAINTAIN_CHUNK)));
	maintain_contests(program_id, at, max_members, atomic);
	SPI_finish();
	PG_RETURN_VOID();
}
