/*
 * tier_row.c
 *		Tier periods, granted tiers and gifts as rows.
 *
 * A member's tier periods follow each other without a gap from the first on;
 * the newest is open.  Rows are only ever added after the newest: a move that
 * the clock decided before it was already part of it, and any other move is
 * dated to its recording.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/beside.h"
#include "ledger/query.h"
#include "ledger/tier_row.h"

static LoyaltyQuery load_grants = {
	"SELECT entry_id, tier_id, kind, since, until FROM loyalty.tier_grant"
	" WHERE member_id = $1 ORDER BY entry_id",
	1, {INT8OID}
};
static LoyaltyQuery insert_grant = {
	"INSERT INTO loyalty.tier_grant (member_id, entry_id, tier_id, kind, since, until)"
	" VALUES ($1, $2, $3, $4, $5, $6)",
	6, {INT8OID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};
static LoyaltyQuery end_grant = {
	"UPDATE loyalty.tier_grant SET until = $3 WHERE member_id = $1 AND entry_id = $2",
	3, {INT8OID, INT8OID, TIMESTAMPTZOID}
};
static LoyaltyQuery standing_gift = {
	"SELECT entry_id FROM loyalty.tier_gift"
	" WHERE member_id = $1 AND tier_id = $2 AND taken_back IS NULL AND cycle_until > $3"
	" ORDER BY entry_id DESC LIMIT 1",
	3, {INT8OID, INT4OID, TIMESTAMPTZOID}
};
static LoyaltyQuery cause_of_gift = {
	"SELECT cause FROM loyalty.tier_gift WHERE member_id = $1 AND tier_id = $2 AND entry_id = $3",
	3, {INT8OID, INT4OID, INT8OID}
};
static LoyaltyQuery insert_gift = {
	"INSERT INTO loyalty.tier_gift (member_id, tier_id, entry_id, cause, cycle_until)"
	" VALUES ($1, $2, $3, $4, $5)",
	5, {INT8OID, INT4OID, INT8OID, INT8OID, TIMESTAMPTZOID}
};
static LoyaltyQuery take_gift_back = {
	"UPDATE loyalty.tier_gift SET taken_back = $4"
	" WHERE member_id = $1 AND tier_id = $2 AND entry_id = $3",
	4, {INT8OID, INT4OID, INT8OID, INT8OID}
};

/* A row of loyalty.tier_period. */
typedef struct TierPeriod
{
	TimestampTz since;
	TimestampTz until;
	int64		entry_id;
	int32		tier_id;
	bool		changed;
} TierPeriod;

/* All periods of a member, ascending. */
static List *
read_periods(BesideRows *rows, int64 member_id)
{
	Datum		key[1] = {Int64GetDatum(member_id)};
	List	   *periods = NIL;

	loyalty_beside_seek(rows, key, lengthof(key));
	while (loyalty_beside_next(rows))
	{
		TierPeriod *period = palloc0(sizeof(TierPeriod));

		period->since = DatumGetTimestampTz(loyalty_beside_value(rows, PERIOD_SINCE));
		period->until = DatumGetTimestampTz(loyalty_beside_value(rows, PERIOD_UNTIL));
		period->entry_id = DatumGetInt64(loyalty_beside_value(rows, PERIOD_ENTRY_ID));
		period->tier_id = DatumGetInt32(loyalty_beside_value(rows, PERIOD_TIER_ID));
		periods = lappend(periods, period);
	}
	return periods;
}

/* Closes the newest period and opens the next; a second move of one instant replaces it. */
static List *
add_move(List *periods, const TierMove *move)
{
	TierPeriod *newest = periods == NIL ? NULL : llast(periods);
	TimestampTz since = move->since;

	if (newest != NULL && move->by_clock && since <= newest->since)
		return periods;
	if (newest != NULL)
		since = Max(since, newest->since);
	if (newest == NULL || newest->since < since)
	{
		TierPeriod *next = palloc0(sizeof(TierPeriod));

		if (newest != NULL)
		{
			newest->until = since;
			newest->changed = true;
		}
		next->since = since;
		next->until = DT_NOEND;
		periods = lappend(periods, next);
		newest = next;
	}
	newest->entry_id = move->entry_id;
	newest->tier_id = move->tier_id;
	newest->changed = true;
	return periods;
}

static void
fill_period(int64 member_id, const TierPeriod *period, Datum *values)
{
	values[PERIOD_MEMBER_ID] = Int64GetDatum(member_id);
	values[PERIOD_SINCE] = TimestampTzGetDatum(period->since);
	values[PERIOD_UNTIL] = TimestampTzGetDatum(period->until);
	values[PERIOD_ENTRY_ID] = Int64GetDatum(period->entry_id);
	values[PERIOD_TIER_ID] = Int32GetDatum(period->tier_id);
}

static void
store_moves(const Engine *engine)
{
	BesideRows	rows;
	List	   *periods;
	ListCell   *cell;

	loyalty_beside_open(&rows, BESIDE_TIER_PERIOD, NULL, true);
	periods = read_periods(&rows, engine->member->member_id);
	foreach(cell, engine->tier_moves)
		periods = add_move(periods, lfirst(cell));
	foreach(cell, periods)
	{
		const TierPeriod *period = lfirst(cell);
		Datum		values[PERIOD_TIER_ID + 1];

		if (!period->changed)
			continue;
		fill_period(engine->member->member_id, period, values);
		loyalty_beside_seek(&rows, values, PERIOD_SINCE + 1);
		(void) loyalty_beside_next(&rows);
		loyalty_beside_write(&rows, values);
	}
	loyalty_beside_close(&rows);
}

void
loyalty_tiers_begin(const Engine *engine, PeriodVisitor visitor, void *arg)
{
	List	   *periods = NIL;
	ListCell   *cell;

	foreach(cell, engine->tier_moves)
		periods = add_move(periods, lfirst(cell));
	foreach(cell, periods)
	{
		Datum		values[PERIOD_TIER_ID + 1];

		fill_period(engine->member->member_id, lfirst(cell), values);
		visitor(values, arg);
	}
}

static void
store_grants(const MemberState *member)
{
	ListCell   *cell;

	foreach(cell, member->grants)
	{
		const TierGrant *grant = lfirst(cell);
		Datum		args[6];

		args[0] = Int64GetDatum(member->member_id);
		args[1] = Int64GetDatum(grant->entry_id);
		if (grant->stored && grant->changed)
		{
			args[2] = TimestampTzGetDatum(grant->until);
			loyalty_query_execute(&end_grant, args);
		}
		else if (!grant->stored)
		{
			args[2] = Int32GetDatum(grant->tier_id);
			args[3] = CStringGetTextDatum(grant->kind);
			args[4] = TimestampTzGetDatum(grant->since);
			args[5] = TimestampTzGetDatum(grant->until);
			loyalty_query_execute(&insert_grant, args);
		}
	}
}

static void
store_gifts(const Engine *engine)
{
	ListCell   *cell;

	foreach(cell, engine->gifts)
	{
		const GiftChange *change = lfirst(cell);
		Datum		args[5];

		args[0] = Int64GetDatum(engine->member->member_id);
		args[1] = Int32GetDatum(change->tier_id);
		args[2] = Int64GetDatum(change->entry_id);
		args[3] = Int64GetDatum(change->taken_back == 0 ? change->cause : change->taken_back);
		args[4] = TimestampTzGetDatum(change->cycle_until);
		loyalty_query_execute(change->taken_back == 0 ? &insert_gift : &take_gift_back, args);
	}
}

void
loyalty_tiers_store(const Engine *engine)
{
	if (engine->tier_moves != NIL)
		store_moves(engine);
	if (engine->member->grants != NIL)
		store_grants(engine->member);
	store_gifts(engine);
}

static void
add_grant(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **grants = arg;
	TierGrant  *grant = palloc0(sizeof(TierGrant));
	bool		isnull;

	grant->entry_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	grant->tier_id = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	grant->kind = TextDatumGetCString(SPI_getbinval(row, desc, 3, &isnull));
	grant->since = DatumGetTimestampTz(SPI_getbinval(row, desc, 4, &isnull));
	grant->until = DatumGetTimestampTz(SPI_getbinval(row, desc, 5, &isnull));
	grant->stored = true;
	*grants = lappend(*grants, grant);
}

List *
loyalty_grants_load(int64 member_id)
{
	List	   *grants = NIL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&load_grants, args, add_grant, &grants);
	return grants;
}

int64
loyalty_gift_standing(int64 member_id, int32 tier_id, TimestampTz at, int64 *cause)
{
	Datum		args[3];
	Datum		value;
	int64		gift;

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(tier_id);
	args[2] = TimestampTzGetDatum(at);
	if (!loyalty_query_value(&standing_gift, args, &value))
		return 0;
	gift = DatumGetInt64(value);
	args[2] = Int64GetDatum(gift);
	*cause = loyalty_query_value(&cause_of_gift, args, &value) ? DatumGetInt64(value) : 0;
	return gift;
}

bool
loyalty_tier_recorded(int64 member_id, TimestampTz at, int32 *tier_id)
{
	BesideRows	rows;
	List	   *periods;
	ListCell   *cell;

	loyalty_beside_open(&rows, BESIDE_TIER_PERIOD, NULL, false);
	periods = read_periods(&rows, member_id);
	loyalty_beside_close(&rows);
	if (periods == NIL || at >= ((TierPeriod *) llast(periods))->since)
		return false;
	*tier_id = 0;
	foreach(cell, periods)
	{
		const TierPeriod *period = lfirst(cell);

		if (period->since <= at && at < period->until)
			*tier_id = period->tier_id;
	}
	return true;
}
