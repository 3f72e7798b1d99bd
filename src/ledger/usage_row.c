/*
 * usage_row.c
 *		limit_usage and event_usage: read in one query per event, written in one
 *		per operation.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/query.h"
#include "ledger/usage_row.h"

/* OFFSET 0: each is looked up by the primary key, whatever the planner knows. */
static LoyaltyQuery load_uses = {
	"SELECT w.n, u.* FROM ROWS FROM (unnest($2), unnest($3), unnest($4), unnest($5))"
	" WITH ORDINALITY AS w (rule_id, since, per, key, n), LATERAL ("
	"SELECT u.points, u.times, u.seen, u.measured, u.carried, u.budget"
	" FROM loyalty.limit_usage u WHERE u.member_id = $1 AND u.rule_id = w.rule_id"
	" AND u.since = w.since AND u.per = w.per AND u.key = w.key OFFSET 0) u",
	5, {INT8OID, INT4ARRAYOID, DATEARRAYOID, CHARARRAYOID, TEXTARRAYOID}
};
static LoyaltyQuery store_uses = {
	"INSERT INTO loyalty.limit_usage AS u (member_id, rule_id, since, per, key,"
	" points, times, seen, measured, carried, budget)"
	" SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (member_id, rule_id, since, per, key) DO UPDATE SET"
	" points = u.points + excluded.points, times = u.times + excluded.times,"
	" seen = u.seen + excluded.seen, measured = u.measured + excluded.measured,"
	" carried = u.carried + excluded.carried, budget = u.budget + excluded.budget",
	11, {INT8OID, INT4ARRAYOID, DATEARRAYOID, CHARARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INT8ARRAYOID}
};
static LoyaltyQuery read_uses = {
	"SELECT rule_id, since, per, key, points, times, seen, measured, carried, budget"
	" FROM loyalty.limit_usage WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery load_history = {
	"SELECT event_id, count, last_at, through FROM loyalty.event_usage"
	" WHERE member_id = $1 AND event_id = $2",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery read_histories = {
	"SELECT event_id, count, last_at, through FROM loyalty.event_usage WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery store_history = {
	"INSERT INTO loyalty.event_usage AS u (member_id, event_id, count, last_at, through)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (member_id, event_id) DO UPDATE"
	" SET count = excluded.count, last_at = excluded.last_at, through = excluded.through",
	5, {INT8OID, INT4OID, INT8OID, TIMESTAMPTZOID, INT8OID}
};

static Datum
column(HeapTuple row, TupleDesc desc, int number)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, number, &isnull);

	Assert(!isnull);
	return value;
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return PointerGetDatum(construct_array(values, count, type, length, byval, align));
}

/* The key columns of uses as arrays, into four arguments. */
static void
key_arrays(const RuleUse *uses, int count, Datum *args)
{
	Datum	   *values = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		values[i] = Int32GetDatum(uses[i].rule_id);
	args[0] = array_of(values, count, INT4OID);
	for (int i = 0; i < count; i++)
		values[i] = DateADTGetDatum(uses[i].since);
	args[1] = array_of(values, count, DATEOID);
	for (int i = 0; i < count; i++)
		values[i] = CharGetDatum(uses[i].per);
	args[2] = array_of(values, count, CHAROID);
	for (int i = 0; i < count; i++)
		values[i] = CStringGetTextDatum(uses[i].key);
	args[3] = array_of(values, count, TEXTOID);
}

/* Six columns from `first` on. */
static void
read_figures(HeapTuple row, TupleDesc desc, int first, RuleUse *use)
{
	use->points += DatumGetInt64(column(row, desc, first));
	use->times += DatumGetInt64(column(row, desc, first + 1));
	use->seen += DatumGetInt64(column(row, desc, first + 2));
	use->measured = DatumGetNumericCopy(column(row, desc, first + 3));
	use->carried = DatumGetNumericCopy(column(row, desc, first + 4));
	use->budget += DatumGetInt64(column(row, desc, first + 5));
}

static void
read_loaded(HeapTuple row, TupleDesc desc, void *arg)
{
	read_figures(row, desc, 2, (RuleUse *) arg + DatumGetInt64(column(row, desc, 1)) - 1);
}

void
loyalty_usage_load(int64 member_id, RuleUse *uses, int count)
{
	Datum		args[5];

	args[0] = Int64GetDatum(member_id);
	key_arrays(uses, count, args + 1);
	loyalty_query_visit(&load_uses, args, read_loaded, uses);
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
	read_figures(row, desc, 5, use);
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
loyalty_history_load(int64 member_id, int32 event_id, EventHistory *history)
{
	Datum		args[2] = {Int64GetDatum(member_id), Int32GetDatum(event_id)};
	List	   *found = NIL;

	loyalty_query_visit(&load_history, args, read_history, &found);
	if (found == NIL)
		return false;
	*history = *(EventHistory *) linitial(found);
	return true;
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
number_or_zero(Numeric number)
{
	return NumericGetDatum(number != NULL ? number : int64_to_numeric(0));
}

static void
store_changes(int64 member_id, const RuleUse *changes, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * count);
	Datum		args[11];

	args[0] = Int64GetDatum(member_id);
	key_arrays(changes, count, args + 1);
	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(changes[i].points);
	args[5] = array_of(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(changes[i].times);
	args[6] = array_of(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(changes[i].seen);
	args[7] = array_of(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = number_or_zero(changes[i].measured);
	args[8] = array_of(values, count, NUMERICOID);
	for (int i = 0; i < count; i++)
		values[i] = number_or_zero(changes[i].carried);
	args[9] = array_of(values, count, NUMERICOID);
	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(changes[i].budget);
	args[10] = array_of(values, count, INT8OID);
	(void) loyalty_query_execute(&store_uses, args);
}

static void
store_histories(const Engine *engine)
{
	for (int i = 0; i < list_length(engine->histories); i++)
	{
		const EventHistory *history = list_nth(engine->histories, i);
		bool		last = true;
		Datum		args[5];

		for (int j = i + 1; j < list_length(engine->histories); j++)
			last &= ((EventHistory *) list_nth(engine->histories, j))->event_id !=
				history->event_id;
		if (!last)
			continue;
		args[0] = Int64GetDatum(engine->member->member_id);
		args[1] = Int32GetDatum(history->event_id);
		args[2] = Int64GetDatum(history->count);
		args[3] = TimestampTzGetDatum(history->last_at);
		args[4] = Int64GetDatum(history->through);
		(void) loyalty_query_execute(&store_history, args);
	}
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
		store_changes(engine->member->member_id, changes, count);
	give_back_budgets(engine, changes, count);
	store_histories(engine);
	engine->uses = NIL;
	engine->reservations = NIL;
	engine->histories = NIL;
}
