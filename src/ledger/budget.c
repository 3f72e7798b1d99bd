/*
 * budget.c
 *		Budgets of rules: points over all members, spread over slots.
 *
 * An operation takes what it needs from one slot that nobody else has locked,
 * its backend's own first.  Where no such slot has enough, all slots of the
 * rule are locked in their order, waiting, and the points taken from several.
 * So commits do not wait for each other until a budget runs out, and what is
 * given never exceeds it.  Rules are asked in the order of their ids, slots in
 * theirs; who may give back to a rule locks all of its slots before taking from
 * a later one.  So operations on one event each cannot block each other.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "ledger/query.h"
#include "ledger/usage_row.h"

#define BUDGET_SLOTS 16

/* $2 points, negative to give back; $3 the slot to begin with. */
static LoyaltyQuery move_in_one = {
	"UPDATE loyalty.rule_budget b SET used = b.used + $2"
	" WHERE b.rule_id = $1 AND b.slot = (SELECT s.slot FROM loyalty.rule_budget s"
	" WHERE s.rule_id = $1 AND s.used + $2 BETWEEN 0 AND greatest(s.points, s.used + least($2, 0))"
	" ORDER BY (s.slot + 16 - $3) % 16 LIMIT 1 FOR UPDATE SKIP LOCKED)",
	3, {INT4OID, INT8OID, INT4OID}
};
static LoyaltyQuery lock_all = {
	"SELECT slot, points, used FROM loyalty.rule_budget WHERE rule_id = $1"
	" ORDER BY slot FOR UPDATE",
	1, {INT4OID}
};
static LoyaltyQuery move_in_slot = {
	"UPDATE loyalty.rule_budget SET used = used + $3 WHERE rule_id = $1 AND slot = $2",
	3, {INT4OID, INT4OID, INT8OID}
};
static LoyaltyQuery left_over = {
	"SELECT sum(greatest(points - used, 0))::bigint FROM loyalty.rule_budget WHERE rule_id = $1",
	1, {INT4OID}
};

typedef struct Slots
{
	int			count;
	int32		slot[BUDGET_SLOTS];
	int64		free[BUDGET_SLOTS];
	int64		used[BUDGET_SLOTS];
} Slots;

static void
read_slot(HeapTuple row, TupleDesc desc, void *arg)
{
	Slots	   *slots = arg;
	bool		isnull;
	int64		points = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	int64		used = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));

	if (slots->count == BUDGET_SLOTS)
		elog(ERROR, "a budget has more than %d slots", BUDGET_SLOTS);
	slots->slot[slots->count] = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	slots->free[slots->count] = Max(points - used, 0);
	slots->used[slots->count] = used;
	slots->count++;
}

/* Uses up to `points` (gives back, if negative); returns how many. */
static int64
move(int32 rule_id, int64 points)
{
	Slots		slots = {0};
	int64		moved = 0;
	Datum		args[3];

	args[0] = Int32GetDatum(rule_id);
	args[1] = Int64GetDatum(points);
	args[2] = Int32GetDatum(MyProcPid % BUDGET_SLOTS);
	if (loyalty_query_execute(&move_in_one, args) > 0)
		return points;

	loyalty_query_visit(&lock_all, args, read_slot, &slots);
	for (int i = 0; i < slots.count && moved != points; i++)
	{
		int64		part = points > 0 ? Min(points - moved, slots.free[i]) :
			Max(points - moved, -slots.used[i]);

		if (part == 0)
			continue;
		args[1] = Int32GetDatum(slots.slot[i]);
		args[2] = Int64GetDatum(part);
		(void) loyalty_query_execute(&move_in_slot, args);
		moved += part;
	}
	return moved;
}

int64
loyalty_budget_take(int32 rule_id, int64 points)
{
	return move(rule_id, points);
}

void
loyalty_budget_lock(int32 rule_id)
{
	Datum		args[1] = {Int32GetDatum(rule_id)};
	Slots		slots = {0};

	loyalty_query_visit(&lock_all, args, read_slot, &slots);
}

void
loyalty_budget_give_back(int32 rule_id, int64 points)
{
	(void) move(rule_id, -points);
}

int64
loyalty_budget_left(int32 rule_id)
{
	Datum		args[1] = {Int32GetDatum(rule_id)};
	Datum		value;

	return loyalty_query_value(&left_over, args, &value) ? DatumGetInt64(value) : 0;
}
