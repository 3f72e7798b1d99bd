/*
 * usage_row.c
 *		Use of limits and histories of events as rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "engine/number.h"
#include "ledger/beside.h"
#include "ledger/query.h"
#include "ledger/usage_row.h"

static LoyaltyQuery read_uses = {
	"SELECT rule_id, since, per, key, points, times, seen, measured, carried, budget"
	" FROM loyalty.limit_usage WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery read_histories = {
	"SELECT event_id, count, last_at, through FROM loyalty.event_usage WHERE member_id = $1",
	1, {INT8OID}
};

static Datum
column(HeapTuple row, TupleDesc desc, int number)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, number, &isnull);

	Assert(!isnull);
	return value;
}

/* Key of the row that a use belongs to: columns of the primary key. */
static void
set_key(int64 member_id, const RuleUse *use, Datum *values)
{
	values[USAGE_MEMBER_ID] = Int64GetDatum(member_id);
	values[USAGE_RULE_ID] = Int32GetDatum(use->rule_id);
	values[USAGE_SINCE] = DateADTGetDatum(use->since);
	values[USAGE_PER] = CharGetDatum(use->per);
	values[USAGE_KEY] = CStringGetTextDatum(use->key);
}

void
loyalty_usage_load(MemberState *member, RuleUse *uses, int count)
{
	BesideRows	rows;

	loyalty_beside_open(&rows, BESIDE_LIMIT_USAGE, member, false);
	for (int i = 0; i < count; i++)
	{
		Datum		key[USAGE_KEY + 1];

		set_key(member->member_id, &uses[i], key);
		loyalty_beside_seek(&rows, key, lengthof(key));
		if (!loyalty_beside_next(&rows))
			continue;
		uses[i].points += DatumGetInt64(loyalty_beside_value(&rows, USAGE_POINTS));
		uses[i].times += DatumGetInt64(loyalty_beside_value(&rows, USAGE_TIMES));
		uses[i].seen += DatumGetInt64(loyalty_beside_value(&rows, USAGE_SEEN));
		uses[i].measured = DatumGetNumericCopy(loyalty_beside_value(&rows, USAGE_MEASURED));
		uses[i].carried = DatumGetNumericCopy(loyalty_beside_value(&rows, USAGE_CARRIED));
		uses[i].budget += DatumGetInt64(loyalty_beside_value(&rows, USAGE_BUDGET));
	}
	loyalty_beside_close(&rows);
}

static void
read_use(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **uses = arg;
	RuleUse    *use = palloc0(sizeof(RuleUse));

	use->rule_id = DatumGetInt32(column(row, desc, 1));
	use->since = DatumGetDateADT(column(row, desc, 2));
	use->per = (RulePeriod) DatumGetChar(column(row, desc, 3));
	use->key = TextDatumGetCString(column(row, desc, 4));
	use->points = DatumGetInt64(column(row, desc, 5));
	use->times = DatumGetInt64(column(row, desc, 6));
	use->seen = DatumGetInt64(column(row, desc, 7));
	use->measured = DatumGetNumericCopy(column(row, desc, 8));
	use->carried = DatumGetNumericCopy(column(row, desc, 9));
	use->budget = DatumGetInt64(column(row, desc, 10));
	*uses = lappend(*uses, use);
}

List *
loyalty_usage_read(int64 member_id)
{
	Datum		args[1] = {Int64GetDatum(member_id)};
	List	   *uses = NIL;

	loyalty_query_visit(&read_uses, args, read_use, &uses);
	return uses;
}

static void
read_history(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **histories = arg;
	EventHistory *history = palloc(sizeof(EventHistory));

	history->event_id = DatumGetInt32(column(row, desc, 1));
	history->count = DatumGetInt64(column(row, desc, 2));
	history->last_at = DatumGetTimestampTz(column(row, desc, 3));
	history->through = DatumGetInt64(column(row, desc, 4));
	*histories = lappend(*histories, history);
}

bool
loyalty_history_load(MemberState *member, int32 event_id, EventHistory *history)
{
	Datum		key[2] = {Int64GetDatum(member->member_id), Int32GetDatum(event_id)};
	BesideRows	rows;
	bool		found;

	loyalty_beside_open(&rows, BESIDE_EVENT_USAGE, member, false);
	loyalty_beside_seek(&rows, key, lengthof(key));
	found = loyalty_beside_next(&rows);
	if (found)
	{
		history->event_id = event_id;
		history->count = DatumGetInt64(loyalty_beside_value(&rows, HISTORY_COUNT));
		history->last_at = DatumGetTimestampTz(loyalty_beside_value(&rows, HISTORY_LAST_AT));
		history->through = DatumGetInt64(loyalty_beside_value(&rows, HISTORY_THROUGH));
	}
	loyalty_beside_close(&rows);
	return found;
}

List *
loyalty_history_read(int64 member_id)
{
	Datum		args[1] = {Int64GetDatum(member_id)};
	List	   *histories = NIL;

	loyalty_query_visit(&read_histories, args, read_history, &histories);
	return histories;
}

static Datum
add_integer(Datum stored, int64 change)
{
	return DirectFunctionCall2(int8pl, stored, Int64GetDatum(change));
}

static Datum
add_number(Datum stored, Numeric change)
{
	return change == NULL ? stored :
		NumericGetDatum(loyalty_number_add(DatumGetNumeric(stored), change));
}

static void
store_changes(MemberState *member, const RuleUse *changes, int count)
{
	Datum		zero = NumericGetDatum(loyalty_number_of(0));
	BesideRows	rows;

	loyalty_beside_open(&rows, BESIDE_LIMIT_USAGE, member, true);
	for (int i = 0; i < count; i++)
	{
		const RuleUse *change = &changes[i];
		Datum		values[USAGE_BUDGET + 1];
		bool		found;

		set_key(member->member_id, change, values);
		loyalty_beside_seek(&rows, values, USAGE_KEY + 1);
		found = loyalty_beside_next(&rows);
#define STORED(column, none) (found ? loyalty_beside_value(&rows, column) : (none))
		values[USAGE_POINTS] = add_integer(STORED(USAGE_POINTS, Int64GetDatum(0)), change->points);
		values[USAGE_TIMES] = add_integer(STORED(USAGE_TIMES, Int64GetDatum(0)), change->times);
		values[USAGE_SEEN] = add_integer(STORED(USAGE_SEEN, Int64GetDatum(0)), change->seen);
		values[USAGE_MEASURED] = add_number(STORED(USAGE_MEASURED, zero), change->measured);
		values[USAGE_CARRIED] = add_number(STORED(USAGE_CARRIED, zero), change->carried);
		values[USAGE_BUDGET] = add_integer(STORED(USAGE_BUDGET, Int64GetDatum(0)), change->budget);
#undef STORED
		loyalty_beside_write(&rows, values);
	}
	loyalty_beside_close(&rows);
}

static bool
is_last(const List *histories, int number)
{
	const EventHistory *history = list_nth(histories, number);

	for (int i = number + 1; i < list_length(histories); i++)
	{
		if (((EventHistory *) list_nth(histories, i))->event_id == history->event_id)
			return false;
	}
	return true;
}

static void
store_histories(const Engine *engine)
{
	BesideRows	rows;

	if (engine->histories == NIL)
		return;
	loyalty_beside_open(&rows, BESIDE_EVENT_USAGE, engine->member, true);
	for (int i = 0; i < list_length(engine->histories); i++)
	{
		const EventHistory *history = list_nth(engine->histories, i);
		Datum		values[HISTORY_THROUGH + 1];

		if (!is_last(engine->histories, i))
			continue;
		values[HISTORY_MEMBER_ID] = Int64GetDatum(engine->member->member_id);
		values[HISTORY_EVENT_ID] = Int32GetDatum(history->event_id);
		values[HISTORY_COUNT] = Int64GetDatum(history->count);
		values[HISTORY_LAST_AT] = TimestampTzGetDatum(history->last_at);
		values[HISTORY_THROUGH] = Int64GetDatum(history->through);
		loyalty_beside_seek(&rows, values, HISTORY_EVENT_ID + 1);
		(void) loyalty_beside_next(&rows);
		loyalty_beside_write(&rows, values);
	}
	loyalty_beside_close(&rows);
}

static int
compare_rules(const void *a, const void *b)
{
	int32		x = ((const Reservation *) a)->rule_id;
	int32		y = ((const Reservation *) b)->rule_id;

	return (x > y) - (x < y);
}

/* Reservations less what the operation's uses came to, in the order of rules. */
static void
give_back_budgets(const Engine *engine, const RuleUse *changes, int count)
{
	int			reserved = list_length(engine->reservations);
	int			total = reserved;
	Reservation *spare = palloc(sizeof(Reservation) * (reserved + count));

	for (int i = 0; i < reserved; i++)
		spare[i] = *(const Reservation *) list_nth(engine->reservations, i);
	for (int i = 0; i < count; i++)
	{
		int			n;

		for (n = 0; n < total && spare[n].rule_id != changes[i].rule_id; n++)
			 /* find it */ ;
		if (n == total)
		{
			spare[n].rule_id = changes[i].rule_id;
			spare[n].points = 0;
			total++;
		}
		spare[n].points -= changes[i].budget;
	}
	qsort(spare, total, sizeof(Reservation), compare_rules);
	for (int i = 0; i < total; i++)
	{
		if (spare[i].points > 0)
			loyalty_budget_give_back(spare[i].rule_id, spare[i].points);
	}
}

void
loyalty_usage_store(Engine *engine)
{
	RuleUse    *changes;
	int			count;

	if (engine->uses == NIL && engine->reservations == NIL && engine->histories == NIL)
		return;
	changes = loyalty_usage_changes(engine->uses, &count);
	if (count > 0)
		store_changes(engine->member, changes, count);
	give_back_budgets(engine, changes, count);
	store_histories(engine);
	engine->uses = NIL;
	engine->reservations = NIL;
	engine->histories = NIL;
}
