/*
 * growth.c
 *		Growth: what raises a tier.  It is never spent.
 *
 * Growth is a wallet whose lots lapse by the program's growth_window.  To keep
 * the member's row short its lots carry no source and are dated to the local
 * month, or to the local day where the days of a month lapse apart (a rolling
 * window), so that growth lapses at the start of a day.  A correction finds
 * the lot by the date of its own grant.
 *
 * Lots that have lapsed stay: a refund looks back to the start of the status
 * period, a late entry to its own date.  Only where there are many are those
 * merged that lapsed before the period and long ago: the wallet always adds up
 * to the growth of the ledger.  The lot they are merged into has the validity of
 * the last of them and MERGED as its source: what was never live at once makes
 * no tier, though it may speak for one that is held.
 */
#include "postgres.h"

#include "engine/engine.h"
#include "types/calendar.h"

/* So many lots are kept apart, lapsed or not. */
#define KEEP_LOTS		128

/* Where there are more, lapsed ones at least so long, and at most so long. */
#define KEEP_LAPSED_MIN	(31 * USECS_PER_DAY)
#define KEEP_LAPSED_MAX	(731 * USECS_PER_DAY)

/* The source of the lot that lapsed ones were merged into; others have 0. */
#define MERGED			1

static void
round_instant(const LocalClock *clock, CalendarUnit unit, TimestampTz at, TimestampTz *start)
{
	CoreError	error;

	if (!loyalty_clock_round_down(clock, unit, at, start, &error))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
}

/* The lot in which growth of that date is kept. */
static PointLot
growth_lot(const Engine *engine, int64 points, TimestampTz dated)
{
	const Program *program = engine->program;
	PointLot	lot;
	LocalClock	clock;
	TimestampTz day;

	lot.points = points;
	lot.source = 0;
	lot.valid_from = loyalty_period_month_start(dated, program->tz);
	lot.valid_until = DT_NOEND;
	if (program->growth_window == NULL)
		return lot;

	/* do all days of the month lapse together? */
	loyalty_clock_of_zone(&clock, program->tz);
	lot.valid_until = loyalty_validity_until(program->growth_window, lot.valid_from, program->tz);
	round_instant(&clock, CALENDAR_MONTH, lot.valid_from + 40 * USECS_PER_DAY, &day);
	round_instant(&clock, CALENDAR_DAY, day - 1, &day);
	if (loyalty_validity_until(program->growth_window, day, program->tz) != lot.valid_until)
	{
		round_instant(&clock, CALENDAR_DAY, dated, &lot.valid_from);
		lot.valid_until = loyalty_validity_until(program->growth_window, lot.valid_from,
												 program->tz);
	}
	return lot;
}

/* Merges the lots that lapsed so long ago that nothing asks for them. */
static void
merge_lapsed(Engine *engine)
{
	MemberState *member = engine->member;
	LotList    *list = &member->growth;
	TimestampTz now = Max(engine->at, member->last_at);
	TimestampTz since = Max(member->earned_since, now - KEEP_LAPSED_MAX);
	TimestampTz horizon = Min(since, now - KEEP_LAPSED_MIN);
	LotList		old;
	PointLot	merged;

	loyalty_lots_init(&old);
	if (list->count < KEEP_LOTS || list->lots[1].valid_until > horizon ||
		loyalty_lots_split_lapsed(list, horizon, &old) == 0)
		return;
	merged = old.lots[old.count - 1];
	merged.source = MERGED;
	merged.points = loyalty_lots_points(&old);
	loyalty_flow_add(list, &merged);
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
 * Takes up to `points` from the lot of a date: the one that such growth is
 * kept in now or, if the window was another one then, one that began with that
 * day or month; or from what lapsed lots were merged into.
 */
static int64
take_dated(Engine *engine, int64 points, TimestampTz dated)
{
	LotList    *list = &engine->member->growth;
	PointLot	lot = growth_lot(engine, points, dated);
	TimestampTz month = loyalty_period_month_start(dated, engine->program->tz);
	LocalClock	clock;
	TimestampTz day;
	int64		taken = 0;

	for (int i = list->count - 1; i >= 0 && taken < points; i--)
	{
		if (loyalty_lot_compare_key(&list->lots[i], &lot) == 0)
			taken += take_at(list, i, points - taken);
	}
	loyalty_clock_of_zone(&clock, engine->program->tz);
	round_instant(&clock, CALENDAR_DAY, dated, &day);
	for (int i = list->count - 1; i >= 0 && taken < points; i--)
	{
		if (list->lots[i].valid_from == day || list->lots[i].valid_from == month)
			taken += take_at(list, i, points - taken);
	}
	for (int i = list->count - 1; i >= 0 && taken < points; i--)
	{
		if (list->lots[i].source == MERGED && list->lots[i].valid_until >= lot.valid_until)
			taken += take_at(list, i, points - taken);
	}
	return taken;
}

/*
 * Changes the member's growth by `growth` points dated `dated` and notes it in
 * the entry.  A loss takes from the lot of that date (not where it is
 * DT_NOEND: a loss that names no grant), then from the newest lots, never
 * below 0.
 */
void
loyalty_growth_add(Engine *engine, Entry *entry, int64 growth, TimestampTz dated)
{
	LotList    *list = &engine->member->growth;
	int64	   *gained = &engine->member->earned_growth;
	int64		left = -growth;

	if (growth > 0)
	{
		PointLot	lot = growth_lot(engine, growth, dated);

		merge_lapsed(engine);
		loyalty_flow_add(list, &lot);
		entry->growth = loyalty_points_add(entry->growth, growth);
		if (dated >= engine->member->earned_since)
			*gained = loyalty_points_add(*gained, growth);
	}
	if (growth >= 0)
		return;
	if (!TIMESTAMP_NOT_FINITE(dated))
		left -= take_dated(engine, left, dated);
	while (left > 0 && list->count > 0)
		left -= take_at(list, list->count - 1, left);
	entry->growth += growth + left;
	if (dated >= engine->member->earned_since)
		*gained = Max(0, *gained + growth + left);
}

/* Growth that was or will be live at an instant. */
static int64
growth_at(const MemberState *member, TimestampTz at, bool with_merged)
{
	const LotList *list = &member->growth;
	int64		growth = loyalty_lots_spendable(list, at);

	for (int i = 0; i < list->count && list->lots[i].valid_from <= at && !with_merged; i++)
	{
		if (list->lots[i].source == MERGED && at < list->lots[i].valid_until)
			growth -= list->lots[i].points;
	}
	return growth;
}

/* No lot that ends later has been merged. */
TimestampTz
loyalty_growth_merged_until(const MemberState *member)
{
	return TIMESTAMP_NOT_FINITE(member->last_at) ? DT_NOBEGIN :
		member->last_at - KEEP_LAPSED_MIN;
}

/* Live growth at an instant. */
int64
loyalty_growth_total(const MemberState *member, TimestampTz at)
{
	return growth_at(member, at, false);
}

/*
 * The most growth that was live at once in [from, until], and the first instant
 * at which so much was; or `enough` of it, at which the search ends.  With
 * `merged` lapsed growth counts whose own dates are no longer known.
 */
int64
loyalty_growth_peak(const MemberState *member, TimestampTz from, TimestampTz until,
					int64 enough, bool merged, TimestampTz *instant)
{
	int64		peak = growth_at(member, from, merged);

	*instant = from;
	for (int i = 0; i < member->growth.count && peak < enough; i++)
	{
		TimestampTz start = member->growth.lots[i].valid_from;
		int64		growth;

		if (start <= from || start > until)
			continue;
		growth = growth_at(member, start, merged);
		if (growth > peak)
		{
			peak = growth;
			*instant = start;
		}
	}
	return peak;
}
