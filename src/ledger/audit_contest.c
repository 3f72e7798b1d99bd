/*
 * audit_contest.c
 *		Holds what members have scored in contests against the ledger.
 *
 * What events measure is kept because the ledger need not have their
 * attributes; it does have the events, their dates, and what was clawed back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "engine/rules_work.h"
#include "ledger/audit.h"
#include "ledger/contest_row.h"
#include "ledger/entry_row.h"
#include "ledger/query.h"

/* A player's score, and what its events count together. */
static LoyaltyQuery wrong_scores = {
	"SELECT c.name, p.score, coalesce(e.counted, 0) FROM loyalty.contest_player p"
	" JOIN loyalty.contest c USING (contest_id)"
	" LEFT JOIN (SELECT contest_id, sum(counted) AS counted FROM loyalty.contest_event"
	" WHERE member_id = $1 GROUP BY contest_id) e USING (contest_id)"
	" WHERE p.member_id = $1 AND p.score <> coalesce(e.counted, 0) ORDER BY 1",
	1, {INT8OID}
};

/* Events that count and are not on record, or not within the player's time. */
static LoyaltyQuery wrong_events = {
	"SELECT e.entry_id, c.name FROM loyalty.contest_event e"
	" LEFT JOIN loyalty.contest_player p USING (member_id, contest_id)"
	" LEFT JOIN loyalty.contest c USING (contest_id)"
	" LEFT JOIN loyalty.event_type t ON t.name = c.event"
	" LEFT JOIN loyalty.ledger l ON l.member_id = e.member_id AND l.entry_id = e.entry_id"
	" AND l.kind = 'v' AND l.event_id = t.event_id AND l.at = e.at"
	" WHERE e.member_id = $1 AND (l.entry_id IS NULL OR p.member_id IS NULL"
	" OR e.at < greatest(p.joined_at, c.starts_at) OR e.at >= c.ends_at) ORDER BY 1",
	1, {INT8OID}
};
static LoyaltyQuery counted_events = {
	"SELECT e.entry_id, e.contest_id, e.measured, e.counted FROM loyalty.contest_event e"
	" WHERE e.member_id = $1 ORDER BY e.entry_id",
	1, {INT8OID}
};

/* Prizes that were posted and are not on record; due ones are not posted yet. */
static LoyaltyQuery wrong_prizes = {
	"SELECT c.name FROM loyalty.contest_prize f JOIN loyalty.contest c USING (contest_id)"
	" JOIN loyalty.contest_result r USING (contest_id, team)"
	" WHERE f.member_id = $1 AND r.rank IS NOT NULL AND f.due = EXISTS ("
	" SELECT FROM loyalty.ledger l JOIN loyalty.event_type t USING (event_id)"
	" WHERE l.member_id = f.member_id AND l.ref = 'contest ' || c.name"
	" AND t.name = 'contest_ended' AND l.kind IN ('v', 'n')) ORDER BY 1",
	1, {INT8OID}
};
static LoyaltyQuery wrong_teams = {
	"SELECT c.name, t.team, t.members, coalesce(p.members, 0)::integer"
	" FROM loyalty.contest c JOIN loyalty.contest_team t USING (contest_id)"
	" LEFT JOIN (SELECT contest_id, team, count(*) AS members FROM loyalty.contest_player"
	" GROUP BY contest_id, team) p USING (contest_id, team)"
	" WHERE c.program = $1 AND t.members <> coalesce(p.members, 0) ORDER BY 1, 2",
	1, {TEXTOID}
};
static LoyaltyQuery wrong_results = {
	"SELECT c.name, r.team FROM loyalty.contest c JOIN loyalty.contest_result r USING (contest_id)"
	" LEFT JOIN (SELECT contest_id, team, count(*) AS members, sum(score) AS score"
	" FROM loyalty.contest_prize GROUP BY contest_id, team) p USING (contest_id, team)"
	" WHERE c.program = $1 AND (r.members, r.score) IS DISTINCT FROM (p.members, p.score)"
	" ORDER BY 1, 2",
	1, {TEXTOID}
};

static List *
add_problem(List *problems, int64 entry_id, const char *what, char *detail)
{
	Problem    *problem = palloc0(sizeof(Problem));

	problem->entry_id = entry_id;
	problem->problem = what;
	problem->detail = detail;
	return lappend(problems, problem);
}

static char *
column_text(HeapTuple row, TupleDesc desc, int n)
{
	char	   *value = SPI_getvalue(row, desc, n);

	return value == NULL ? pstrdup("?") : value;
}

static void
report_score(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;

	*problems = add_problem(*problems, 0, "score in a contest is not what the events count",
							psprintf("Contest \"%s\": it says %s, the events %s.",
									 column_text(row, desc, 1), column_text(row, desc, 2),
									 column_text(row, desc, 3)));
}

static void
report_event(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;
	bool		isnull;

	*problems = add_problem(*problems,
							DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull)),
							"event that counts in a contest is not on record as such",
							psprintf("Contest \"%s\".", column_text(row, desc, 2)));
}

static void
report_prize(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;

	*problems = add_problem(*problems, 0, "prize of a contest is not what the entries say",
							psprintf("Contest \"%s\".", column_text(row, desc, 1)));
}

static void
report_team(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;

	*problems = add_problem(*problems, 0, "members of a team are not those who joined it",
							psprintf("Team \"%s\" of contest \"%s\": it says %s, joined have %s.",
									 column_text(row, desc, 2), column_text(row, desc, 1),
									 column_text(row, desc, 3), column_text(row, desc, 4)));
}

static void
report_result(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;

	*problems = add_problem(*problems, 0, "result of a team is not that of its members",
							psprintf("Team \"%s\" of contest \"%s\".",
									 column_text(row, desc, 2), column_text(row, desc, 1)));
}

static void
add_mark(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **marks = arg;
	ContestMark *mark = palloc0(sizeof(ContestMark));
	bool		isnull;

	mark->entry_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	mark->contest_id = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	mark->measured = DatumGetNumericCopy(SPI_getbinval(row, desc, 3, &isnull));
	mark->counted = DatumGetNumericCopy(SPI_getbinval(row, desc, 4, &isnull));
	*marks = lappend(*marks, mark);
}

/* Does the event count what its claw-backs leave of it? */
static bool
counts_rightly(const Program *program, int64 member_id, const ContestMark *mark)
{
	const Contest *contest = loyalty_contest_by_id(program, mark->contest_id);
	const Entry *first = loyalty_entry_by_id(member_id, mark->entry_id);
	List	   *families = NIL;

	if (contest == NULL || first == NULL)
		return true;			/* wrong_events has it */
	if (first->ref != NULL)
		families = loyalty_family_gather(loyalty_entries_of_ref(member_id, first->ref),
										 ENTRY_EVENT, first->event_id);
	return loyalty_number_compare(loyalty_contest_counted(contest, mark->measured, families),
								  mark->counted) == 0;
}

static List *
audit_member(const Program *program, int64 member_id)
{
	Datum		args[1] = {Int64GetDatum(member_id)};
	List	   *problems = NIL;
	List	   *marks = NIL;
	ListCell   *cell;

	loyalty_query_visit(&wrong_scores, args, report_score, &problems);
	loyalty_query_visit(&wrong_events, args, report_event, &problems);
	loyalty_query_visit(&wrong_prizes, args, report_prize, &problems);
	loyalty_query_visit(&counted_events, args, add_mark, &marks);
	foreach(cell, marks)
	{
		const ContestMark *mark = lfirst(cell);

		if (!counts_rightly(program, member_id, mark))
			problems = add_problem(problems, mark->entry_id,
								   "event counts other than its claw-backs leave in a contest",
								   NULL);
	}
	return problems;
}

/* What seems wrong while others write is looked at once more. */
List *
loyalty_audit_contests(const MemberState *member)
{
	const Program *program = loyalty_program_by_id(member->program_id);

	if (program == NULL || program->contest_count == 0)
		return NIL;
	return audit_member(program, member->member_id) == NIL ? NIL :
		audit_member(program, member->member_id);
}

List *
loyalty_audit_teams(const char *program)
{
	Datum		args[1] = {CStringGetTextDatum(program)};
	List	   *problems = NIL;

	loyalty_query_visit(&wrong_teams, args, report_team, &problems);
	loyalty_query_visit(&wrong_results, args, report_result, &problems);
	return problems;
}
