/*
 * lot.h
 *		point_lot: points granted together, with one validity.
 *
 * A lot is pending before valid_from, spendable in [valid_from, valid_until),
 * lapsed from valid_until on.  The struct is also the value as stored and
 * passed (32 bytes, aligned to 8).
 */
#ifndef LOYALTY_LOT_H
#define LOYALTY_LOT_H

#include "types/core.h"

typedef struct PointLot
{
	int64		points;			/* whole points, > 0 in every stored value */
	TimestampTz valid_from;		/* inclusive; finite */
	TimestampTz valid_until;	/* exclusive; > valid_from; DT_NOEND = never */
	int64		source;			/* ledger entry that granted it; 0 = none */
} PointLot;

/* Longest text of a lot, with its terminating zero. */
#define POINT_LOT_TEXT_SIZE 160

/* The FIFO order: (valid_from, source, valid_until, points). */
extern int	loyalty_lot_compare(const PointLot *a, const PointLot *b);

/* The same order without points: equal keys are one lot of a wallet. */
extern int	loyalty_lot_compare_key(const PointLot *a, const PointLot *b);

/* Checks every rule that a stored lot obeys. */
extern bool loyalty_lot_check(const PointLot *lot, CoreError *err);

/*
 * Reads one lot from *cursor (not necessarily zero-terminated: up to end) and
 * moves the cursor behind it.  The caller decides whether more may follow.
 */
extern bool loyalty_lot_parse(const char **cursor, const char *end,
							  PointLot *lot, CoreError *err);

/* Writes the lot's text to buf (POINT_LOT_TEXT_SIZE bytes); returns its length. */
extern int	loyalty_lot_format(const PointLot *lot, char *buf);

static inline bool
loyalty_lot_is_spendable(const PointLot *lot, TimestampTz at)
{
	return lot->valid_from <= at && at < lot->valid_until;
}

#ifndef FRONTEND
#include "fmgr.h"

#define DatumGetPointLot(d)		((PointLot *) DatumGetPointer(d))
#define PG_GETARG_POINT_LOT(n)	DatumGetPointLot(PG_GETARG_DATUM(n))
#define PointLotGetDatum(lot)	PointerGetDatum(lot)
#define PG_RETURN_POINT_LOT(lot)	return PointLotGetDatum(lot)
#endif

#endif							/* LOYALTY_LOT_H */
