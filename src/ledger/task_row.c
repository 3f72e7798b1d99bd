/*
 * task_row.c
 *		What members have done of tasks, and their badges, as rows.
 *
 * Written under the member's row lock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "ledger/query.h"
#include "ledger/task_row.h"

static LoyaltyQuery load_count = {
	"SELECT amount FROM loyalty.task_progress"
	" WHERE member_id = $1 AND task_id = $2 AND since = $3 AND ref = $4",
	4, {INT8OID, INT4OID, DATEOID, TEXTOID}
};
static LoyaltyQuery store_count = {
	"INSERT INTO loyalty.task_progress (member_id, task_id, since, ref, amount)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (member_id, task_id, since, ref)"
	" DO UPDATE SET amount = excluded.amount",
	5, {INT8OID, INT4OID, DATEOID, TEXTOID, NUMERICOID}
};
static LoyaltyQuery load_badges = {
	"SELECT b.name, m.entry_id, m.awarded_at FROM loyalty.member_badge m"
	" JOIN loyalty.badge b USING (badge_id) WHERE m.member_id = $1 ORDER BY m.entry_id",
	1, {INT8OID}
};
static LoyaltyQuery award_badge = {
	"INSERT INTO loyalty.member_badge (member_id, badge_id, entry_id, awarded_at)"
	" SELECT $1, b.badge_id, $3, $4 FROM loyalty.badge b"
	" JOIN loyalty.program p ON p.name = b.program WHERE p.program_id = $5 AND b.name = $2"
	" ON CONFLICT (member_id, badge_id)"
	" DO UPDATE SET entry_id = excluded.entry_id, awarded_at = excluded.awarded_at",
	5, {INT8OID, TEXTOID, INT8OID, TIMESTAMPTZOID, INT4OID}
};
static LoyaltyQuery take_badge_back = {
	"DELETE FROM loyalty.member_badge m USING loyalty.badge b, loyalty.program p"
	" WHERE m.member_id = $1 AND b.badge_id = m.badge_id AND b.name = $2"
	" AND p.name = b.program AND p.program_id = $3",
	3, {INT8OID, TEXTOID, INT4OID}
};

static void
copy_amount(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	((TaskCount *) arg)->amount = DatumGetNumericCopy(SPI_getbinval(row, desc, 1, &isnull));
}

void
loyalty_task_count_load(int64 member_id, TaskCount *count)
{
	Datum		args[4];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(count->task_id);
	args[2] = DateADTGetDatum(count->since);
	args[3] = CStringGetTextDatum(count->ref);
	loyalty_query_visit(&load_count, args, copy_amount, count);
}

static void
add_badge(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **badges = arg;
	MemberBadge *badge = palloc0(sizeof(MemberBadge));
	bool		isnull;

	badge->badge = TextDatumGetCString(SPI_getbinval(row, desc, 1, &isnull));
	badge->entry_id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	badge->at = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));
	badge->stored = true;
	*badges = lappend(*badges, badge);
}

List *
loyalty_badges_load(int64 member_id)
{
	List	   *badges = NIL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&load_badges, args, add_badge, &badges);
	return badges;
}

static void
store_badges(const MemberState *member)
{
	ListCell   *cell;

	foreach(cell, member->badges)
	{
		const MemberBadge *badge = lfirst(cell);
		Datum		args[5];

		if (badge->stored)
			continue;
		args[0] = Int64GetDatum(member->member_id);
		args[1] = CStringGetTextDatum(badge->badge);
		if (badge->gone)
		{
			args[2] = Int32GetDatum(member->program_id);
			loyalty_query_execute(&take_badge_back, args);
			continue;
		}
		args[2] = Int64GetDatum(badge->entry_id);
		args[3] = TimestampTzGetDatum(badge->at);
		args[4] = Int32GetDatum(member->program_id);
		loyalty_query_execute(&award_badge, args);
	}
}

void
loyalty_tasks_store(MemberState *member)
{
	ListCell   *cell;

	foreach(cell, member->tasks)
	{
		const TaskCount *count = lfirst(cell);
		Datum		args[5];

		args[0] = Int64GetDatum(member->member_id);
		args[1] = Int32GetDatum(count->task_id);
		args[2] = DateADTGetDatum(count->since);
		args[3] = CStringGetTextDatum(count->ref);
		args[4] = NumericGetDatum(count->amount);
		loyalty_query_execute(&store_count, args);
	}
	member->tasks = NIL;
	store_badges(member);
	member->badges = NIL;
	member->knows_badges = false;
}
