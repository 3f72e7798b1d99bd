/*
 * streak_row.c
 *		Calendars of streaks as rows, 64 periods to a row.
 *
 * Read and written under the member's row lock, so that nobody else's marks
 * can be lost.
 */
#include "postgres.h"

#include "ledger/beside.h"
#include "ledger/streak_row.h"

static void
set_key(int64 member_id, const MemberStreak *streak, Datum *values)
{
	values[CALENDAR_MEMBER_ID] = Int64GetDatum(member_id);
	values[CALENDAR_EVENT_ID] = Int32GetDatum(streak->event_id);
	values[CALENDAR_PERIOD] = CharGetDatum(streak->unit);
}

void
loyalty_streak_load(MemberState *member, MemberStreak *streak)
{
	Datum		key[CALENDAR_PERIOD + 1];
	BesideRows	rows;

	set_key(member->member_id, streak, key);
	loyalty_beside_open(&rows, BESIDE_STREAK_CALENDAR, member, false);
	loyalty_beside_seek(&rows, key, lengthof(key));
	while (loyalty_beside_next(&rows))
		loyalty_streak_add_block(&streak->calendar,
								 DatumGetInt32(loyalty_beside_value(&rows, CALENDAR_BLOCK)),
								 (uint64) DatumGetInt64(loyalty_beside_value(&rows, CALENDAR_DONE)),
								 (uint64) DatumGetInt64(loyalty_beside_value(&rows,
																			 CALENDAR_MADE_UP)));
	loyalty_beside_close(&rows);
}

static void
store_calendar(BesideRows *rows, int64 member_id, const MemberStreak *streak)
{
	for (int i = 0; i < streak->calendar.count; i++)
	{
		const StreakBlock *block = &streak->calendar.blocks[i];
		Datum		values[CALENDAR_MADE_UP + 1];

		/* a new block whose marks were taken off again is none */
		if (!block->changed || block->done == 0)
			continue;
		set_key(member_id, streak, values);
		values[CALENDAR_BLOCK] = Int32GetDatum(block->block);
		values[CALENDAR_DONE] = Int64GetDatum((int64) block->done);
		values[CALENDAR_MADE_UP] = Int64GetDatum((int64) block->made_up);
		loyalty_beside_seek(rows, values, CALENDAR_BLOCK + 1);
		(void) loyalty_beside_next(rows);
		loyalty_beside_write(rows, values);
	}
}

void
loyalty_streaks_store(const Engine *engine)
{
	BesideRows	rows;
	ListCell   *cell;

	if (engine->streak_marks == NIL)
		return;
	loyalty_beside_open(&rows, BESIDE_STREAK_CALENDAR, engine->member, true);
	foreach(cell, engine->streaks)
		store_calendar(&rows, engine->member->member_id, lfirst(cell));
	loyalty_beside_close(&rows);
}
