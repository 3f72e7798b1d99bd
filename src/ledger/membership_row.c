/*
 * membership_row.c
 *		Subscriptions, tier periods and used benefits as rows.
 *
 * Written under the member's row lock, after the entry that they belong to.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "ledger/membership_row.h"
#include "ledger/query.h"

static LoyaltyQuery load_subscriptions = {
	"SELECT entry_id, plan_id, since, until, sold_until, anchor, nth, period, price,"
	" coalesce(ended_by, 0), refund"
	" FROM loyalty.subscription WHERE member_id = $1 ORDER BY entry_id",
	1, {INT8OID}
};
static LoyaltyQuery insert_subscription = {
	"INSERT INTO loyalty.subscription (member_id, entry_id, plan_id, since, until, sold_until,"
	" anchor, nth, period, price, ref)"
	" VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, nullif($10, ''))",
	10, {INT8OID, INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID,
	INTERVALOID, NUMERICOID, TEXTOID}
};
static LoyaltyQuery cancel_subscription = {
	"UPDATE loyalty.subscription SET until = $3, ended_by = $4, refund = $5"
	" WHERE member_id = $1 AND entry_id = $2",
	5, {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, NUMERICOID}
};
static LoyaltyQuery tiers_held = {
	"SELECT tier_id, since, until FROM loyalty.tier_period WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery benefit_used = {
	"SELECT used FROM loyalty.benefit_use"
	" WHERE member_id = $1 AND benefit = $2 AND period_start = $3",
	3, {INT8OID, TEXTOID, TIMESTAMPTZOID}
};
static LoyaltyQuery add_benefit = {
	"INSERT INTO loyalty.benefit_use (member_id, benefit, period_start, used)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT (member_id, benefit, period_start)"
	" DO UPDATE SET used = benefit_use.used + excluded.used RETURNING used",
	4, {INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID}
};

static Numeric
numeric_column(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? NULL : DatumGetNumericCopy(value);
}

static void
add_subscription(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **subscriptions = arg;
	Subscription *subscription = palloc0(sizeof(Subscription));
	bool		isnull;

#define COLUMN(n) SPI_getbinval(row, desc, n, &isnull)
	subscription->entry_id = DatumGetInt64(COLUMN(1));
	subscription->plan_id = DatumGetInt32(COLUMN(2));
	subscription->since = DatumGetTimestampTz(COLUMN(3));
	subscription->until = DatumGetTimestampTz(COLUMN(4));
	subscription->sold_until = DatumGetTimestampTz(COLUMN(5));
	subscription->anchor = DatumGetTimestampTz(COLUMN(6));
	subscription->nth = DatumGetInt32(COLUMN(7));
	subscription->period = *DatumGetIntervalP(COLUMN(8));
	subscription->price = numeric_column(row, desc, 9);
	subscription->ended_by = DatumGetInt64(COLUMN(10));
	subscription->refund = numeric_column(row, desc, 11);
#undef COLUMN
	*subscriptions = lappend(*subscriptions, subscription);
}

List *
loyalty_subscriptions_load(int64 member_id)
{
	List	   *subscriptions = NIL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&load_subscriptions, args, add_subscription, &subscriptions);
	return subscriptions;
}

void
loyalty_subscription_insert(int64 member_id, const Subscription *sold, const char *ref)
{
	Datum		args[10];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(sold->entry_id);
	args[2] = Int32GetDatum(sold->plan_id);
	args[3] = TimestampTzGetDatum(sold->since);
	args[4] = TimestampTzGetDatum(sold->until);
	args[5] = TimestampTzGetDatum(sold->anchor);
	args[6] = Int32GetDatum(sold->nth);
	args[7] = IntervalPGetDatum(&sold->period);
	args[8] = NumericGetDatum(sold->price);
	args[9] = CStringGetTextDatum(ref == NULL ? "" : ref);	/* a ref is never empty */
	loyalty_query_execute(&insert_subscription, args);
}

void
loyalty_subscription_store(int64 member_id, const Subscription *cancelled)
{
	Datum		args[5];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(cancelled->entry_id);
	args[2] = TimestampTzGetDatum(cancelled->until);
	args[3] = Int64GetDatum(cancelled->ended_by);
	args[4] = NumericGetDatum(cancelled->refund);
	loyalty_query_execute(&cancel_subscription, args);
}

static void
add_tier(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **tiers = arg;
	TierHeld   *held = palloc(sizeof(TierHeld));
	bool		isnull;

	held->tier_id = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	held->since = DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull));
	held->until = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));
	*tiers = lappend(*tiers, held);
}

List *
loyalty_tiers_held(int64 member_id)
{
	List	   *tiers = NIL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&tiers_held, args, add_tier, &tiers);
	return tiers;
}

int64
loyalty_benefit_used(int64 member_id, const char *benefit, TimestampTz start)
{
	Datum		args[3];
	Datum		value;

	args[0] = Int64GetDatum(member_id);
	args[1] = CStringGetTextDatum(benefit);
	args[2] = TimestampTzGetDatum(start);
	return loyalty_query_value(&benefit_used, args, &value) ? DatumGetInt64(value) : 0;
}

int64
loyalty_benefit_add(int64 member_id, const char *benefit, TimestampTz start, int64 quantity)
{
	Datum		args[4];
	Datum		value;

	args[0] = Int64GetDatum(member_id);
	args[1] = CStringGetTextDatum(benefit);
	args[2] = TimestampTzGetDatum(start);
	args[3] = Int64GetDatum(quantity);
	if (!loyalty_query_value(&add_benefit, args, &value))
		elog(ERROR, "the use of a benefit was not counted");
	return DatumGetInt64(value);
}
