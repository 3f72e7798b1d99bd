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
 *
 * A budget lowered below what was given has slots with more used than their
 * share, and none with anything left; all of them say so in `over`.  What is
 * given back then goes to slots above their share, and others get nothing of
 * it.  Only who holds all slots, none of them above its share, may end that.
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
	" WHERE s.rule_id = $1 AND s.used + $2 >= 0 AND CASE WHEN $2 > 0 THEN s.used + $2 <= s.points"
	" ELSE NOT s.over OR s.used + $2 >= s.points END"
	" ORDER BY (s.slot + 16 - $3) % 16 LIMIT 1 FOR UPDATE SKIP LOCKED)",
	3, {INT4OID, INT8OID, INT4OID}
};
static LoyaltyQuery lock_all = {
	"SELECT slot, points, used, over FROM loyalty.rule_budget WHERE rule_id = $1"
	" ORDER BY slot FOR UPDATE",
	1, {INT4OID}
};
static LoyaltyQuery move_in_slot = {
	"UPDATE loyalty.rule_budget SET used = used + $3 WHERE rule_id = $1 AND slot = $2",
	3, {INT4OID, INT4OID, INT8OID}
};
static LoyaltyQuery end_over = {
	"UPDATE loyalty.rule_budget SET over = false WHERE rule_id = $1",
	1, {INT4OID}
};
static LoyaltyQuery left_over = {
	"SELECT sum(points - used)::bigint FROM loyalty.rule_budget WHERE rule_id = $1",
	1, {INT4OID}
};

typedef struct Slots
{
	int			count;
	int32		slot[BUDGET_SLOTS];
	int64		points[BUDGET_SLOTS];
	int64		used[BUDGET_SLOTS];
	bool		over;
} Slots;

static void
read_slot(HeapTuple row, TupleDesc desc, void *arg)
{
	Slots	   *slots = arg;
	bool		isnull;

	if (slots->count == BUDGET_SLOTS)
		elog(ERROR, "a budget has more than %d slots", BUDGET_SLOTS);
	slots->slot[slots->count] = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	slots->points[slots->count] = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	slots->used[slots->count] = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
	slots->over = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	slots->count++;
}

static void
lock_slots(int32 rule_id, Slots *slots)
{
	Datum		args[1] = {Int32GetDatum(rule_id)};

	slots->count = 0;
	slots->over = false;
	loyalty_query_visit(&lock_all, args, read_slot, slots);
}

static void
move_part(int32 rule_id, Slots *slots, int i, int64 part)
{
	Datum		args[3];

	if (part == 0)
		return;
	args[0] = Int32GetDatum(rule_id);
	args[1] = Int32GetDatum(slots->slot[i]);
	args[2] = Int64GetDatum(part);
	(void) loyalty_query_execute(&move_in_slot, args);
	slots->used[i] += part;
}

/* Moves what one slot may take or give back, by itself; false if none may. */
static bool
move_at_once(int32 rule_id, int64 points)
{
	Datum		args[3];

	args[0] = Int32GetDatum(rule_id);
	args[1] = Int64GetDatum(points);
	args[2] = Int32GetDatum(MyProcPid % BUDGET_SLOTS);
	return loyalty_query_execute(&move_in_one, args) > 0;
}

/* Uses up to `points`; returns how many. */
int64
loyalty_budget_take(int32 rule_id, int64 points)
{
	Slots		slots;
	int64		taken = 0;

	if (move_at_once(rule_id, points))
		return points;
	lock_slots(rule_id, &slots);
	for (int i = 0; i < slots.count && taken < points; i++)
	{
		int64		part = Min(points - taken, Max(slots.points[i] - slots.used[i], 0));

		move_part(rule_id, &slots, i, part);
		taken += part;
	}
	return taken;
}

void
loyalty_budget_lock(int32 rule_id)
{
	Slots		slots;

	lock_slots(rule_id, &slots);
}

/* What slots have above their share goes first. */
void
loyalty_budget_give_back(int32 rule_id, int64 points)
{
	Slots		slots;
	int64		above = 0;

	if (move_at_once(rule_id, -points))
		return;
	lock_slots(rule_id, &slots);
	for (int i = 0; i < slots.count; i++)
	{
		int64		part = Min(points, Max(slots.used[i] - slots.points[i], 0));

		move_part(rule_id, &slots, i, -part);
		points -= part;
		above += Max(slots.used[i] - slots.points[i], 0);
	}
	if (slots.over && above == 0)
	{
		Datum		args[1] = {Int32GetDatum(rule_id)};

		(void) loyalty_query_execute(&end_over, args);
	}
	for (int i = 0; i < slots.count && points > 0; i++)
	{
		int64		part = Min(points, slots.used[i]);

		move_part(rule_id, &slots, i, -part);
		points -= part;
	}
}

int64
loyalty_budget_left(int32 rule_id)
{
	Datum		args[1] = {Int32GetDatum(rule_id)};
	Datum		value;

	return loyalty_query_value(&left_over, args, &value) ? DatumGetInt64(value) : 0;
}
