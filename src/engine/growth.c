/*
 * growth.c
 *		Growth: what raises a tier.  It is never spent.
 *
 * Growth is a wallet whose lots lapse by the program's growth_window.  To keep
 * the member's row short its lots carry no source and are dated to the local
 * month; a correction finds the lot by the date of its own grant.
 */
#include "postgres.h"

#include "engine/engine.h"

static PointLot
growth_lot(const Engine *engine, int64 points, TimestampTz dated)
{
	const Program *program = engine->program;
	PointLot	lot;

	lot.points = points;
	lot.valid_from = loyalty_period_month_start(dated, program->tz);
	lot.valid_until = program->growth_window == NULL ? DT_NOEND :
		loyalty_validity_until(program->growth_window, lot.valid_from, program->tz);
	lot.source = 0;
	return lot;
}

/* Takes up to `points` from the lot at `index`, which goes when it is empty. */
static int64
take_at(LotList *list, int index, int64 points)
{
	PointLot	lot = list->lots[index];
	LotList		taken;

	lot.points = Min(lot.points, points);
	loyalty_lots_init(&taken);
	loyalty_flow_add(&taken, &lot);
	if (!loyalty_lots_subtract(list, &taken, NULL))
		elog(ERROR, "a growth lot vanished");
	return lot.points;
}

/*
 * Changes the member's growth by `growth` points dated `dated` and notes it in
 * the entry.  A loss takes from the month of that date (not where it is
 * DT_NOEND: a loss that names no grant), then from the newest lots, never
 * below 0.
 */
void
loyalty_growth_add(Engine *engine, Entry *entry, int64 growth, TimestampTz dated)
{
	LotList    *list = &engine->member->growth;
	PointLot	lot;
	int64		left = -growth;

	if (growth > 0)
	{
		lot = growth_lot(engine, growth, dated);
		loyalty_flow_add(list, &lot);
		entry->growth = loyalty_points_add(entry->growth, growth);
	}
	if (growth >= 0)
		return;
	if (!TIMESTAMP_NOT_FINITE(dated))
	{
		lot = growth_lot(engine, -growth, dated);
		for (int i = list->count - 1; i >= 0 && left > 0; i--)
		{
			if (loyalty_lot_compare_key(&list->lots[i], &lot) == 0)
				left -= take_at(list, i, left);
		}
	}
	while (left > 0 && list->count > 0)
		left -= take_at(list, list->count - 1, left);
	entry->growth += growth + left;
}

/* Live growth at an instant. */
int64
loyalty_growth_total(const MemberState *member, TimestampTz at)
{
	return loyalty_lots_spendable(&member->growth, at);
}
