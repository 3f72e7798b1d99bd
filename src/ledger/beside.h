/*
 * beside.h
 *		Rows that hang beside a member's own, found and written without a query.
 *
 * They are found by primary key: among those that came with the member's row
 * (recent.h), then in their table, which is opened only if need be.  They are
 * written through the executor, as the member and the ledger are, since the
 * queries of query.h would cost more than the event itself.  Whoever writes holds
 * the lock of the member's row; a fresh snapshot (the transaction's own above
 * READ COMMITTED) then sees all that was written under it before.  What writing
 * leaves out: as for a Writer.
 */
#ifndef LOYALTY_BESIDE_H
#define LOYALTY_BESIDE_H

#include "postgres.h"
#include "access/genam.h"
#include "ledger/recent.h"
#include "ledger/relations.h"

/* Columns of each table, the primary key first. */
typedef enum LimitUsageColumn
{
	USAGE_MEMBER_ID, USAGE_RULE_ID, USAGE_SINCE, USAGE_PER, USAGE_KEY,
	USAGE_POINTS, USAGE_TIMES, USAGE_SEEN, USAGE_MEASURED, USAGE_CARRIED, USAGE_BUDGET
} LimitUsageColumn;

typedef enum EventUsageColumn
{
	HISTORY_MEMBER_ID, HISTORY_EVENT_ID, HISTORY_COUNT, HISTORY_LAST_AT, HISTORY_THROUGH
} EventUsageColumn;

typedef enum StreakCalendarColumn
{
	CALENDAR_MEMBER_ID, CALENDAR_EVENT_ID, CALENDAR_PERIOD, CALENDAR_BLOCK,
	CALENDAR_DONE, CALENDAR_MADE_UP
} StreakCalendarColumn;

typedef enum TierPeriodColumn
{
	PERIOD_MEMBER_ID, PERIOD_SINCE, PERIOD_UNTIL, PERIOD_ENTRY_ID, PERIOD_TIER_ID
} TierPeriodColumn;

typedef enum DrawTicketColumn
{
	TICKET_MEMBER_ID, TICKET_ENTRY_ID, TICKET_RULE_ID, TICKET_DRAW_ID, TICKET_COUNT
} DrawTicketColumn;

typedef enum BenefitUnitColumn
{
	UNIT_MEMBER_ID, UNIT_ENTRY_ID, UNIT_RULE_ID, UNIT_BENEFIT,
	UNIT_VALID_FROM, UNIT_VALID_UNTIL, UNIT_COUNT, UNIT_USED
} BenefitUnitColumn;

typedef enum ContestPlayerColumn
{
	PLAYER_MEMBER_ID, PLAYER_CONTEST_ID, PLAYER_JOINED_AT, PLAYER_TEAM, PLAYER_SCORE
} ContestPlayerColumn;

typedef enum ContestEventColumn
{
	MARK_MEMBER_ID, MARK_CONTEST_ID, MARK_ENTRY_ID, MARK_AT, MARK_MEASURED, MARK_COUNTED
} ContestEventColumn;

typedef struct BesideRows
{
	BesideTable number;
	const BesideRelation *known;
	RecentRows *recent;			/* NULL where the table's rows do not travel */
	bool		writing;
	Datum		key[BESIDE_COLUMNS];
	int			columns;		/* of the key */
	bool		in_recent;		/* those are being gone through */
	int			at;				/* the recent row found, or -1 */
	bool		scanning;		/* the table is */
	Relation	table;			/* NULL until it is needed */
	Relation	index;			/* the primary key's */
	IndexScanDesc scan;			/* NULL before the first key */
	TupleTableSlot *found;
	bool		has_found;		/* a row of the table */
	EState	   *estate;			/* NULL where rows are only read */
	ResultRelInfo *result;
	EPQState   *epqstate;
	TupleTableSlot *fresh;
} BesideRows;

/* `member` may be NULL: of a table whose rows do not travel. */
extern void loyalty_beside_open(BesideRows *rows, BesideTable table, MemberState *member,
								bool writing);

/* Looks for rows by the leading columns of the key. */
extern void loyalty_beside_seek(BesideRows *rows, const Datum *key, int columns);

/* The next of them, in the order of the key but for recent ones; false if there is none. */
extern bool loyalty_beside_next(BesideRows *rows);

/* A column of the row found; good until the next one. */
extern Datum loyalty_beside_value(const BesideRows *rows, int column);

/* Writes all columns: over the row found, or as a new row where there is none. */
extern void loyalty_beside_write(BesideRows *rows, const Datum *values);

extern void loyalty_beside_close(BesideRows *rows);

#endif							/* LOYALTY_BESIDE_H */
