/*
 * wallet.h
 *		Lots in spend order, unpacked (LotList) and packed (PointWallet).
 *
 * All arithmetic happens on a LotList: an array sorted by loyalty_lot_compare
 * in which no two lots share a key (valid_from, source, valid_until), none is
 * empty, and the points add up within bigint.  A PointWallet is the same list
 * as one varlena; wallet_pack.c has its format.  Equal lists pack to equal
 * bytes.
 *
 * Lists are read freely and changed through the functions below alone, since
 * they keep the total.  No function takes one list in two roles.
 */
#ifndef LOYALTY_WALLET_H
#define LOYALTY_WALLET_H

#include "types/lot.h"

typedef struct LotList
{
	PointLot   *lots;			/* palloc'd; NULL while capacity is 0 */
	int			count;
	int			capacity;
	int64		total;			/* points of all lots */
} LotList;

/*
 * So many lots fit into one list: the array stays within MaxAllocSize, and so
 * does the varlena of the least compressible lots.
 */
#define LOYALTY_LOTS_MAX	(1 << 24)

/* A varlena; only wallet_pack.c looks inside. */
typedef struct PointWallet PointWallet;

typedef enum SpendOrder
{
	SPEND_FIFO = 'f',			/* lot order */
	SPEND_EXPIRING = 'x'		/* soonest valid_until first, then lot order */
} SpendOrder;

/* An empty list that owns no memory yet.  Lists are freed with their context. */
static inline void
loyalty_lots_init(LotList *list)
{
	list->lots = NULL;
	list->count = 0;
	list->capacity = 0;
	list->total = 0;
}

extern void loyalty_lots_reserve(LotList *list, int capacity);
extern void loyalty_lots_copy(LotList *dst, const LotList *src);

/*
 * Adds one lot, merging it with a lot of the same key.  Cheap at the end of
 * the list.  Fails with CORE_RANGE if the list's total leaves bigint, with
 * CORE_TOO_BIG beyond LOYALTY_LOTS_MAX; the list is then unchanged.
 */
extern bool loyalty_lots_add(LotList *list, const PointLot *lot, CoreError *err);

/* dst := dst + src.  Linear.  Fails like loyalty_lots_add. */
extern bool loyalty_lots_merge(LotList *dst, const LotList *src, CoreError *err);

/* dst := dst - src, lot by lot; CORE_INVALID if some points of a lot are not there. */
extern bool loyalty_lots_subtract(LotList *dst, const LotList *src, CoreError *err);

/*
 * A list as a buffer: lots in any order, keys repeated, total not kept.  Room
 * is made by canonicalizing before it is made by growing, so that a buffer
 * over many wallets stays as small as their sum.
 */
extern bool loyalty_lots_append(LotList *buffer, const PointLot *lots, int count,
								CoreError *err);

/*
 * Turns such a buffer of checked lots into a list: sorts, merges, totals.
 * Fails with CORE_RANGE if the total leaves bigint.
 */
extern bool loyalty_lots_canonicalize(LotList *list, CoreError *err);

/* Totals.  They cannot overflow: the list's whole total fits. */
extern int64 loyalty_lots_points(const LotList *list);
extern int64 loyalty_lots_spendable(const LotList *list, TimestampTz at);
extern int64 loyalty_lots_pending(const LotList *list, TimestampTz at);
extern int64 loyalty_lots_lapsed(const LotList *list, TimestampTz at);

/*
 * The soonest valid_until after `at` among the lots not lapsed at `at`, and in
 * *points (may be NULL) how many points end then; DT_NOEND and 0 if none does.
 */
extern TimestampTz loyalty_lots_next_lapse(const LotList *list, TimestampTz at, int64 *points);

/*
 * Moves up to `points` spendable points to *taken (initialised by the caller,
 * may hold lots already) in the given order and returns how many it moved.
 * The last lot is split.
 */
extern int64 loyalty_lots_take(LotList *list, int64 points, TimestampTz at,
							   SpendOrder order, LotList *taken);

/* The same for lots that are pending at `at`, in lot order. */
extern int64 loyalty_lots_take_pending(LotList *list, int64 points, TimestampTz at,
									   LotList *taken);

/* Moves every lot that has lapsed at `at` to *lapsed; returns their points. */
extern int64 loyalty_lots_split_lapsed(LotList *list, TimestampTz at, LotList *lapsed);

/*
 * The slice [offset, offset + points) of a list laid out in the given spend
 * order, counted from its end if `reversed` ("last taken first"), added to
 * *slice.  The caller guarantees that the list has that many points.  Whether
 * lots are spendable plays no part.
 */
extern void loyalty_lots_slice(const LotList *list, SpendOrder order, bool reversed,
							   int64 offset, int64 points, LotList *slice);

/*
 * Packing.  Unpacking trusts that the bytes come from pack or a checked recv;
 * damage that it cannot read stops it (loyalty_core_corrupt).
 */
extern PointWallet *loyalty_wallet_pack(const LotList *list);
extern void loyalty_wallet_unpack(const PointWallet *wallet, LotList *list);
extern int	loyalty_wallet_count(const PointWallet *wallet);

/*
 * Checks bytes of unknown origin (canonical form included) before unpacking.
 * `size` counts the whole varlena, whose header is trusted.
 */
extern bool loyalty_wallet_check(const PointWallet *wallet, size_t size, CoreError *err);

/* Text: `{lot,lot,…}`.  The parser takes lots in any order and merges them. */
extern bool loyalty_wallet_parse(const char *text, LotList *list, CoreError *err);

#ifndef FRONTEND
#include "fmgr.h"

/* Detoasted; may point into the tuple. */
#define DatumGetPointWallet(d)		((PointWallet *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_POINT_WALLET(n)	DatumGetPointWallet(PG_GETARG_DATUM(n))
#define PointWalletGetDatum(w)		PointerGetDatum(w)
#define PG_RETURN_POINT_WALLET(w)	return PointWalletGetDatum(w)
#endif

#endif							/* LOYALTY_WALLET_H */
