/*
 * streak_row.c
 *		Calendars of streaks as rows, 64 periods to a row.
 *
 * Read and written under the member's row lock, so that nobody else's marks
 * can be lost.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "ledger/query.h"
#include "ledger/streak_row.h"

static LoyaltyQuery load_calendar = {
	"SELECT block, done, made_up FROM loyalty.streak_calendar"
	" WHERE member_id = $1 AND event_id = $2 AND period = $3 ORDER BY block",
	3, {INT8OID, INT4OID, CHAROID}
};
static LoyaltyQuery store_block = {
	"INSERT INTO loyalty.streak_calendar (member_id, event_id, period, block, done, made_up)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (member_id, event_id, period, block)"
	" DO UPDATE SET done = excluded.done, made_up = excluded.made_up",
	6, {INT8OID, INT4OID, CHAROID, INT4OID, INT8OID, INT8OID}
};

static void
add_block(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	loyalty_streak_add_block(arg, DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)),
							 (uint64) DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull)),
							 (uint64) DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull)));
}

void
loyalty_streak_load(int64 member_id, MemberStreak *streak)
{
	Datum		args[3];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(streak->event_id);
	args[2] = CharGetDatum(streak->unit);
	loyalty_query_visit(&load_calendar, args, add_block, &streak->calendar);
}

static void
store_calendar(int64 member_id, const MemberStreak *streak)
{
	for (int i = 0; i < streak->calendar.count; i++)
	{
		const StreakBlock *block = &streak->calendar.blocks[i];
		Datum		args[6];

		/* a new block whose marks were taken off again is none */
		if (!block->changed || block->done == 0)
			continue;
		args[0] = Int64GetDatum(member_id);
		args[1] = Int32GetDatum(streak->event_id);
		args[2] = CharGetDatum(streak->unit);
		args[3] = Int32GetDatum(block->block);
		args[4] = Int64GetDatum((int64) block->done);
		args[5] = Int64GetDatum((int64) block->made_up);
		loyalty_query_execute(&store_block, args);
	}
}

void
loyalty_streaks_store(const Engine *engine)
{
	ListCell   *cell;

	if (engine->streak_marks == NIL)
		return;
	foreach(cell, engine->streaks)
		store_calendar(engine->member->member_id, lfirst(cell));
}
