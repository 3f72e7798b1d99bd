/*
 * recent.h
 *		Rows beside the member's own that travel in it: those last written.
 *
 * What every event of a member reads and writes (its use of limits, histories of
 * events, calendars of streaks) is kept packed in member.recent, the newest
 * first; so an event finds and writes it with the member's row.  Rows that have
 * no room there rest in a table of their own, named ..._overflow; a row is in
 * one of the two places.  The views limit_usage, event_usage and
 * streak_calendar show both.
 *
 * Format: empty where there are no rows; else a byte with its version, a byte of
 * bits, one per BesideTable that has rows of the member in its table, and the
 * rows: a byte with the BesideTable, then the columns but for member_id, in the
 * order of relations.c.  Integers, dates and instants are zigzag varints, a
 * "char" is a byte, text (in UTF-8, whatever the encoding of the database) has
 * its length before it, numeric too: as decimal text, empty for 0.
 */
#ifndef LOYALTY_RECENT_H
#define LOYALTY_RECENT_H

#include "postgres.h"
#include "engine/member_state.h"
#include "ledger/relations.h"

#define RECENT_VERSION 1

/* Bytes that they may take in the member's row. */
#define RECENT_SIZE 512

/* More rows than have room there: what is new then goes to its table at once. */
#define RECENT_ROWS 100

typedef struct RecentRow
{
	BesideTable table;
	Datum		values[BESIDE_COLUMNS]; /* without member_id, which is 0 */
} RecentRow;

struct RecentRows
{
	MemoryContext context;		/* of all of it: the member's */
	const bytea *packed;		/* as stored; NULL once unpacked */
	RecentRow  *rows;			/* the last written first */
	int			count;
	int			capacity;
	uint8		overflowed;		/* bits: tables that have rows of the member */
	bool		changed;
};

/* Do the table's rows travel? */
extern bool loyalty_recent_holds(BesideTable table);

/* Copies what a member's row holds; it is unpacked when it is asked for. */
extern RecentRows *loyalty_recent_load(const bytea *packed);

/* The first row at or behind `from` with these leading columns; -1 = none. */
extern int	loyalty_recent_find(RecentRows *recent, BesideTable table, const Datum *key,
								int columns, int from);

/* May the table have rows of the member? */
extern bool loyalty_recent_overflowed(RecentRows *recent, BesideTable table);

/* Notes that it has. */
extern void loyalty_recent_overflow(RecentRows *recent, BesideTable table);

/* Puts a row in front: a new one (at -1), or instead of the one that is there. */
extern void loyalty_recent_put(RecentRows *recent, int at, BesideTable table,
							   const Datum *values);

/*
 * Writes rows that have no room any more to their tables; returns what the
 * member's row is to hold.
 */
extern bytea *loyalty_recent_store(int64 member_id, RecentRows *recent);

#endif							/* LOYALTY_RECENT_H */
