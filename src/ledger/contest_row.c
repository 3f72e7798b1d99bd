/*
 * contest_row.c
 *		Team contests as rows: players, what their events count, results.
 *
 * What is about a member is written under its row lock.  A member's score is
 * changed by differences in its own row: the members of a team never wait for
 * each other but while one of them joins or leaves, which counts the team.  What
 * every event that counts touches is read and written without a query.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/actor.h"
#include "engine/number.h"
#include "ledger/beside.h"
#include "ledger/contest_row.h"
#include "ledger/query.h"

static LoyaltyQuery any_counted = {
	"SELECT entry_id FROM loyalty.contest_event"
	" WHERE member_id = $1 AND contest_id = $2 AND counted <> 0 LIMIT 1",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery any_event = {
	"SELECT entry_id FROM loyalty.ledger"
	" WHERE member_id = $1 AND event_id = $2 AND kind = 'v' AND at >= $3 AND at < $4 LIMIT 1",
	4, {INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};
static LoyaltyQuery enter_team = {
	"INSERT INTO loyalty.contest_team AS t (contest_id, team, members) VALUES ($1, $2, 1)"
	" ON CONFLICT (contest_id, team) DO UPDATE SET members = t.members + 1"
	" WHERE t.members < $3 RETURNING members",
	3, {INT4OID, TEXTOID, INT4OID}
};
static LoyaltyQuery insert_player = {
	"INSERT INTO loyalty.contest_player (member_id, contest_id, joined_at, team, score)"
	" VALUES ($1, $2, $3, $4, 0)",
	4, {INT8OID, INT4OID, TIMESTAMPTZOID, TEXTOID}
};
static LoyaltyQuery leave_team = {
	"UPDATE loyalty.contest_team SET members = members - 1"
	" WHERE contest_id = $1 AND team = $2 RETURNING members",
	2, {INT4OID, TEXTOID}
};
static LoyaltyQuery delete_team = {
	"DELETE FROM loyalty.contest_team WHERE contest_id = $1 AND team = $2 AND members = 0",
	2, {INT4OID, TEXTOID}
};
static LoyaltyQuery delete_marks = {
	"DELETE FROM loyalty.contest_event WHERE member_id = $1 AND contest_id = $2",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery delete_player = {
	"DELETE FROM loyalty.contest_player WHERE member_id = $1 AND contest_id = $2",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery team_size = {
	"SELECT members FROM loyalty.contest_team WHERE contest_id = $1 AND team = $2",
	2, {INT4OID, TEXTOID}
};
static LoyaltyQuery settled_at = {
	"SELECT settled_at FROM loyalty.contest_settlement WHERE contest_id = $1",
	1, {INT4OID}
};
static LoyaltyQuery insert_settlement = {
	"INSERT INTO loyalty.contest_settlement (contest_id, settled_at, actor_id)"
	" VALUES ($1, $2, $3) ON CONFLICT (contest_id) DO NOTHING",
	3, {INT4OID, TIMESTAMPTZOID, INT4OID}
};

/* One statement, so that teams and members are of one snapshot. */
static LoyaltyQuery insert_results = {
	"WITH scores AS MATERIALIZED ("
	" SELECT member_id, team, score FROM loyalty.contest_scores($1, NULL)),"
	" teams AS (SELECT team, count(*) AS members, sum(score) AS score FROM scores GROUP BY team),"
	" ranked AS MATERIALIZED (SELECT team, members, score,"
	" CASE WHEN score > 0 THEN rank() OVER (ORDER BY score DESC) END AS rank,"
	" CASE WHEN score > 0 THEN count(*) OVER (PARTITION BY score) END AS tied,"
	" count(*) FILTER (WHERE score > 0) OVER () AS teams FROM teams),"
	" results AS ("
	" INSERT INTO loyalty.contest_result (contest_id, rank, tied, teams, members, team, score)"
	" SELECT $1, rank, tied, teams, members, team, score FROM ranked)"
	" INSERT INTO loyalty.contest_prize (member_id, contest_id, rank, due, team, score)"
	" SELECT s.member_id, $1, rank() OVER (PARTITION BY s.team ORDER BY s.score DESC),"
	" r.rank IS NOT NULL, s.team, s.score FROM scores s JOIN ranked r USING (team)",
	1, {INT4OID}
};
static LoyaltyQuery due_prizes = {
	"SELECT p.contest_id, p.member_id FROM loyalty.contest_prize p"
	" JOIN loyalty.contest c USING (contest_id) JOIN loyalty.program g ON g.name = c.program"
	" WHERE p.due AND g.program_id = $1 AND ($2 = 0 OR p.contest_id = $2)"
	" ORDER BY p.contest_id, p.member_id LIMIT $3",
	3, {INT4OID, INT4OID, INT8OID}
};
static LoyaltyQuery load_prize = {
	"SELECT jsonb_build_object('contest', c.name, 'team', p.team, 'rank', r.rank,"
	" 'tied', r.tied, 'teams', r.teams, 'members', r.members, 'score', r.score,"
	" 'member_rank', p.rank, 'member_score', p.score), p.due, s.settled_at"
	" FROM loyalty.contest_prize p JOIN loyalty.contest_result r USING (contest_id, team)"
	" JOIN loyalty.contest_settlement s USING (contest_id)"
	" JOIN loyalty.contest c USING (contest_id)"
	" WHERE p.member_id = $1 AND p.contest_id = $2 AND r.rank IS NOT NULL",
	2, {INT8OID, INT4OID}
};
static LoyaltyQuery prize_posted = {
	"UPDATE loyalty.contest_prize SET due = false WHERE member_id = $1 AND contest_id = $2",
	2, {INT8OID, INT4OID}
};

List *
loyalty_contest_players_load(int64 member_id)
{
	List	   *players = NIL;
	Datum		key[1] = {Int64GetDatum(member_id)};
	BesideRows	rows;

	loyalty_beside_open(&rows, BESIDE_CONTEST_PLAYER, NULL, false);
	loyalty_beside_seek(&rows, key, lengthof(key));
	while (loyalty_beside_next(&rows))
	{
		ContestPlayer *player = palloc(sizeof(ContestPlayer));

		player->contest_id = DatumGetInt32(loyalty_beside_value(&rows, PLAYER_CONTEST_ID));
		player->team = TextDatumGetCString(loyalty_beside_value(&rows, PLAYER_TEAM));
		player->joined_at = DatumGetTimestampTz(loyalty_beside_value(&rows, PLAYER_JOINED_AT));
		players = lappend(players, player);
	}
	loyalty_beside_close(&rows);
	return players;
}

void
loyalty_contest_mark_load(int64 member_id, ContestMark *mark)
{
	Datum		key[3];
	BesideRows	rows;

	key[MARK_MEMBER_ID] = Int64GetDatum(member_id);
	key[MARK_CONTEST_ID] = Int32GetDatum(mark->contest_id);
	key[MARK_ENTRY_ID] = Int64GetDatum(mark->entry_id);
	loyalty_beside_open(&rows, BESIDE_CONTEST_EVENT, NULL, false);
	loyalty_beside_seek(&rows, key, lengthof(key));
	if (loyalty_beside_next(&rows))
	{
		mark->measured = DatumGetNumericCopy(loyalty_beside_value(&rows, MARK_MEASURED));
		mark->counted = DatumGetNumericCopy(loyalty_beside_value(&rows, MARK_COUNTED));
		mark->before = mark->counted;
	}
	loyalty_beside_close(&rows);
}

static void
store_marks(const MemberState *member)
{
	BesideRows	rows;
	ListCell   *cell;

	loyalty_beside_open(&rows, BESIDE_CONTEST_EVENT, NULL, true);
	foreach(cell, member->contest_marks)
	{
		const ContestMark *mark = lfirst(cell);
		Datum		values[MARK_COUNTED + 1];

		values[MARK_MEMBER_ID] = Int64GetDatum(member->member_id);
		values[MARK_CONTEST_ID] = Int32GetDatum(mark->contest_id);
		values[MARK_ENTRY_ID] = Int64GetDatum(mark->entry_id);
		values[MARK_AT] = TimestampTzGetDatum(mark->at);
		values[MARK_MEASURED] = NumericGetDatum(mark->measured);
		values[MARK_COUNTED] = NumericGetDatum(mark->counted);
		if (mark->before != NULL)
		{
			loyalty_beside_seek(&rows, values, MARK_ENTRY_ID + 1);
			(void) loyalty_beside_next(&rows);
		}
		loyalty_beside_write(&rows, values);
	}
	loyalty_beside_close(&rows);
}

/* What the changes of a contest's events add to the member's score. */
static Numeric
score_change(const List *marks, int32 contest_id)
{
	Numeric		sum = loyalty_number_of(0);
	ListCell   *cell;

	foreach(cell, marks)
	{
		const ContestMark *mark = lfirst(cell);

		if (mark->contest_id != contest_id)
			continue;
		sum = loyalty_number_add(sum, mark->counted);
		if (mark->before != NULL)
			sum = loyalty_number_subtract(sum, mark->before);
	}
	return sum;
}

/* Each row once: what is written here is not yet seen here. */
static void
store_scores(const MemberState *member)
{
	List	   *done = NIL;
	BesideRows	rows;
	ListCell   *cell;

	loyalty_beside_open(&rows, BESIDE_CONTEST_PLAYER, NULL, true);
	foreach(cell, member->contest_marks)
	{
		int32		contest_id = ((const ContestMark *) lfirst(cell))->contest_id;
		Datum		values[PLAYER_SCORE + 1];
		Numeric		score;

		if (list_member_int(done, contest_id))
			continue;
		done = lappend_int(done, contest_id);
		values[PLAYER_MEMBER_ID] = Int64GetDatum(member->member_id);
		values[PLAYER_CONTEST_ID] = Int32GetDatum(contest_id);
		loyalty_beside_seek(&rows, values, PLAYER_CONTEST_ID + 1);
		if (!loyalty_beside_next(&rows))
			elog(ERROR, "member " INT64_FORMAT " does not play in contest %d",
				 member->member_id, contest_id);
		values[PLAYER_JOINED_AT] = loyalty_beside_value(&rows, PLAYER_JOINED_AT);
		values[PLAYER_TEAM] = loyalty_beside_value(&rows, PLAYER_TEAM);
		score = DatumGetNumeric(loyalty_beside_value(&rows, PLAYER_SCORE));
		values[PLAYER_SCORE] =
			NumericGetDatum(loyalty_number_add(score, score_change(member->contest_marks,
																   contest_id)));
		loyalty_beside_write(&rows, values);
	}
	loyalty_beside_close(&rows);
}

void
loyalty_contests_store(MemberState *member)
{
	if (member->contest_marks == NIL)
		return;
	store_scores(member);
	store_marks(member);
	member->contest_marks = NIL;
}

bool
loyalty_contest_has_counted(int64 member_id, int32 contest_id)
{
	Datum		args[2];
	Datum		entry_id;

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(contest_id);
	return loyalty_query_value(&any_counted, args, &entry_id);
}

bool
loyalty_contest_has_event(int64 member_id, int32 event_id, TimestampTz from, TimestampTz until)
{
	Datum		args[4];
	Datum		entry_id;

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(event_id);
	args[2] = TimestampTzGetDatum(from);
	args[3] = TimestampTzGetDatum(until);
	return loyalty_query_value(&any_event, args, &entry_id);
}

int
loyalty_contest_join(int64 member_id, const Contest *contest, const char *team, TimestampTz at)
{
	Datum		args[4];
	Datum		members;

	args[0] = Int32GetDatum(contest->contest_id);
	args[1] = CStringGetTextDatum(team);
	args[2] = Int32GetDatum(contest->max_members == 0 ? PG_INT32_MAX : contest->max_members);
	if (!loyalty_query_value(&enter_team, args, &members))
		return 0;
	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(contest->contest_id);
	args[2] = TimestampTzGetDatum(at);
	args[3] = CStringGetTextDatum(team);
	loyalty_query_execute(&insert_player, args);
	return DatumGetInt32(members);
}

int
loyalty_contest_leave(int64 member_id, const ContestPlayer *player)
{
	Datum		args[2];
	Datum		members;

	args[0] = Int64GetDatum(member_id);
	args[1] = Int32GetDatum(player->contest_id);
	loyalty_query_execute(&delete_marks, args);
	loyalty_query_execute(&delete_player, args);
	args[0] = Int32GetDatum(player->contest_id);
	args[1] = CStringGetTextDatum(player->team);
	if (!loyalty_query_value(&leave_team, args, &members))
		elog(ERROR, "a team with members is gone");
	if (DatumGetInt32(members) == 0)
		loyalty_query_execute(&delete_team, args);
	return DatumGetInt32(members);
}

int
loyalty_contest_team_size(int32 contest_id, const char *team)
{
	Datum		args[2];
	Datum		members;

	args[0] = Int32GetDatum(contest_id);
	args[1] = CStringGetTextDatum(team);
	return loyalty_query_value(&team_size, args, &members) ? DatumGetInt32(members) : 0;
}

TimestampTz
loyalty_contest_settled_at(int32 contest_id)
{
	Datum		args[1];
	Datum		at;

	args[0] = Int32GetDatum(contest_id);
	return loyalty_query_value(&settled_at, args, &at) ? DatumGetTimestampTz(at) : DT_NOBEGIN;
}

bool
loyalty_contest_settle(int32 contest_id, TimestampTz at)
{
	Datum		args[3];

	args[0] = Int32GetDatum(contest_id);
	args[1] = TimestampTzGetDatum(at);
	args[2] = Int32GetDatum(loyalty_actor_current());
	if (loyalty_query_execute(&insert_settlement, args) == 0)
		return false;
	loyalty_query_execute(&insert_results, args);
	return true;
}

static void
add_prize(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **prizes = arg;
	ContestPrize *prize = palloc(sizeof(ContestPrize));
	bool		isnull;

	prize->contest_id = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	prize->member_id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	*prizes = lappend(*prizes, prize);
}

List *
loyalty_contest_prizes_due(const Program *program, int32 contest_id, int64 max)
{
	List	   *prizes = NIL;
	Datum		args[3];

	args[0] = Int32GetDatum(program->program_id);
	args[1] = Int32GetDatum(contest_id);
	args[2] = Int64GetDatum(max);
	loyalty_query_visit(&due_prizes, args, add_prize, &prizes);
	return prizes;
}

typedef struct PrizeRow
{
	const Jsonb *attributes;
	bool		due;
	TimestampTz settled_at;
} PrizeRow;

static void
read_prize(HeapTuple row, TupleDesc desc, void *arg)
{
	PrizeRow   *prize = arg;
	bool		isnull;

	prize->attributes = DatumGetJsonbPCopy(SPI_getbinval(row, desc, 1, &isnull));
	prize->due = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
	prize->settled_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));
}

const Jsonb *
loyalty_contest_prize_load(const ContestPrize *prize, bool *due, TimestampTz *settled)
{
	PrizeRow	loaded = {NULL, false, DT_NOBEGIN};
	Datum		args[2];

	args[0] = Int64GetDatum(prize->member_id);
	args[1] = Int32GetDatum(prize->contest_id);
	loyalty_query_visit(&load_prize, args, read_prize, &loaded);
	*due = loaded.due;
	*settled = loaded.settled_at;
	return loaded.attributes;
}

void
loyalty_contest_prize_posted(const ContestPrize *prize)
{
	Datum		args[2];

	args[0] = Int64GetDatum(prize->member_id);
	args[1] = Int32GetDatum(prize->contest_id);
	loyalty_query_execute(&prize_posted, args);
}
