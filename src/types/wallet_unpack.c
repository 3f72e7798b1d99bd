/*
 * wallet_unpack.c
 *		The lots of a packed point_wallet, and whether bytes are one.
 *
 * wallet_pack.c has the format.  Every read is bounded by the value's end, also
 * where the bytes are trusted: it costs nothing per lot, and damage on disk
 * becomes an error instead of a crash.
 */
#include "types/wallet.h"

#include "port/pg_bitutils.h"
#include "types/wallet_format.h"

/* The fewest bytes of a block: its header and four varints, one left out. */
#define BLOCK_MIN		(BLOCK_HEADER + 3)

static const uint8 *
get_first(const uint8 *p, const uint8 *end, PointLot *lot)
{
	uint64		start;
	uint64		length = 0;
	uint64		points;
	uint64		source;
	int			start_unit;
	int			length_unit;

	if (p == end)
		return NULL;
	start_unit = *p & 0x0F;
	length_unit = *p >> 4;
	p++;
	if (start_unit > UNIT_MAX || (length_unit > UNIT_MAX && length_unit != UNIT_NEVER))
		return NULL;
	if ((p = get_varint(p, end, &start)) == NULL)
		return NULL;
	if (length_unit != UNIT_NEVER && (p = get_varint(p, end, &length)) == NULL)
		return NULL;
	if ((p = get_varint(p, end, &points)) == NULL ||
		(p = get_varint(p, end, &source)) == NULL)
		return NULL;

	start = unzigzag(start) * loyalty_packed_unit_size[start_unit];
	lot->valid_from = (TimestampTz) start;
	lot->valid_until = length_unit == UNIT_NEVER ? DT_NOEND :
		(TimestampTz) (start + length * loyalty_packed_unit_size[length_unit]);
	lot->points = (int64) points;
	lot->source = (int64) source;
	return p;
}

/* Reads `count` bits into *bits; NULL where the bytes end. */
static const uint8 *
get_bitmap(const uint8 *p, const uint8 *end, int count, uint64 *bits)
{
	int			size = column_bytes(count, 1);

	*bits = 0;
	if (end - p < size)
		return NULL;
	for (int i = 0; i < size; i++)
		*bits |= (uint64) p[i] << (8 * i);
	if (count < BLOCK_LOTS)
		*bits &= (UINT64CONST(1) << count) - 1;
	return p + size;
}

/* Reads a block's headers and bitmaps, so that its columns know their sizes. */
static const uint8 *
get_block_head(const uint8 *p, const uint8 *end, Block *block)
{
	uint64		header = 0;
	int			count = block->count;
	bool		mixed;

	if (end - p < BLOCK_MIN)
		return NULL;
	for (int i = 0; i < BLOCK_HEADER; i++)
		header |= (uint64) *p++ << (8 * i);
	block->starts.width = header & 0x7F;
	block->ends.width = header >> 7 & 0x7F;
	block->points.width = header >> 14 & 0x7F;
	block->sources.width = header >> 21 & 0x7F;
	block->starts.unit = header >> 28 & 7;
	block->ends.unit = header >> 31 & 7;
	block->mode = (EndsMode) (header >> 34 & 3);
	mixed = is_set(header, 36);
	block->dates.width = block->dates.unit = 0;
	if (block->mode == ENDS_SPLIT)
	{
		header = (uint64) p[0] | (uint64) p[1] << 8;
		p += SPLIT_HEADER;
		block->dates.width = header & 0x7F;
		block->dates.unit = header >> 7 & 7;
	}
	if (block->starts.width > 64 || block->ends.width > 64 || block->dates.width > 64 ||
		block->points.width > 64 || block->sources.width > 64 ||
		block->starts.unit > UNIT_MAX || block->ends.unit > UNIT_MAX ||
		block->dates.unit > UNIT_MAX || (mixed && block->mode == ENDS_NONE))
		return NULL;

	block->ends.least = block->dates.least = 0;
	if ((p = get_varint(p, end, &block->starts.least)) == NULL ||
		(block->mode != ENDS_NONE &&
		 (p = get_varint(p, end, &block->ends.least)) == NULL) ||
		(block->mode == ENDS_SPLIT &&
		 (p = get_varint(p, end, &block->dates.least)) == NULL) ||
		(p = get_varint(p, end, &block->points.least)) == NULL ||
		(p = get_varint(p, end, &block->sources.least)) == NULL)
		return NULL;
	if (block->mode == ENDS_DIFFERENCE)
		block->ends.least = unzigzag(block->ends.least);
	block->dates.least = unzigzag(block->dates.least);
	block->sources.least = unzigzag(block->sources.least);

	block->never = block->mode == ENDS_NONE ? PG_UINT64_MAX : 0;
	block->dated = 0;
	if ((mixed && (p = get_bitmap(p, end, count, &block->never)) == NULL) ||
		(block->mode == ENDS_SPLIT &&
		 (p = get_bitmap(p, end, count, &block->dated)) == NULL))
		return NULL;
	if ((block->never & block->dated) != 0)
		return NULL;

	block->starts.count = block->points.count = block->sources.count = count;
	block->dates.count = pg_popcount64(block->dated);
	block->ends.count = block->mode == ENDS_NONE ? 0 :
		count - pg_popcount64(block->never) - block->dates.count;
	return p;
}

/* The ends of the lots, whose valid_from is known by now. */
static void
set_ends(const Block *block, PointLot *lots, Previous *previous)
{
	uint64		unit = loyalty_packed_unit_size[block->ends.unit];
	uint64		date_unit = loyalty_packed_unit_size[block->dates.unit];
	uint64		until = previous->valid_until;
	int			n = 0;
	int			d = 0;

	if (block->mode == ENDS_LENGTH && block->never == 0)
	{
		/* what nearly all blocks are */
		for (int i = 0; i < block->count; i++)
			lots[i].valid_until = (TimestampTz)
				((uint64) lots[i].valid_from +
				 (block->ends.values[i] + block->ends.least) * unit);
		previous->valid_until = (uint64) lots[block->count - 1].valid_until;
		return;
	}

	for (int i = 0; i < block->count; i++)
	{
		if (is_set(block->never, i))
		{
			lots[i].valid_until = DT_NOEND;
			continue;
		}
		if (is_set(block->dated, i))
			until = (block->dates.values[d++] + block->dates.least) * date_unit;
		else
		{
			if (block->mode != ENDS_DIFFERENCE)
				until = (uint64) lots[i].valid_from;
			until += (block->ends.values[n++] + block->ends.least) * unit;
		}
		lots[i].valid_until = (TimestampTz) until;
	}
	previous->valid_until = until;
}

static const uint8 *
get_block(const uint8 *p, const uint8 *end, PointLot *lots, int count, Previous *previous)
{
	Block		block;
	uint64		unit;
	uint64		sum;

	block.count = count;
	if ((p = get_block_head(p, end, &block)) == NULL)
		return NULL;
	if (end - p < column_bytes(count, block.starts.width) +
		column_bytes(block.ends.count, block.ends.width) +
		column_bytes(block.dates.count, block.dates.width) +
		column_bytes(count, block.points.width) +
		column_bytes(count, block.sources.width))
		return NULL;
	p = loyalty_packed_column_get(p, end, &block.starts);
	p = loyalty_packed_column_get(p, end, &block.ends);
	p = loyalty_packed_column_get(p, end, &block.dates);
	p = loyalty_packed_column_get(p, end, &block.points);
	p = loyalty_packed_column_get(p, end, &block.sources);

	unit = loyalty_packed_unit_size[block.starts.unit];
	sum = previous->valid_from;
	for (int i = 0; i < count; i++)
	{
		sum += (block.starts.values[i] + block.starts.least) * unit;
		lots[i].valid_from = (TimestampTz) sum;
	}
	previous->valid_from = sum;

	sum = previous->source;
	for (int i = 0; i < count; i++)
	{
		lots[i].points = (int64) (block.points.values[i] + block.points.least + 1);
		sum += block.sources.values[i] + block.sources.least;
		lots[i].source = (int64) sum;
	}
	previous->source = sum;

	set_ends(&block, lots, previous);
	return p;
}

/* Reads any bytes into an empty list; false if they are not of this format. */
static bool
decode(const uint8 *p, const uint8 *end, LotList *list)
{
	Previous	previous;
	uint64		count;
	int64		total = 0;

	if (p == end || *p++ != WALLET_VERSION ||
		(p = get_varint(p, end, &count)) == NULL)
		return false;
	if (count == 0)
		return p == end;

	/* No more memory than the bytes can fill. */
	if (count > LOYALTY_LOTS_MAX ||
		count > 1 + (uint64) ((end - p) / BLOCK_MIN) * BLOCK_LOTS)
		return false;
	loyalty_lots_reserve(list, (int) count);

	if ((p = get_first(p, end, &list->lots[0])) == NULL)
		return false;
	previous.valid_from = (uint64) list->lots[0].valid_from;
	previous.valid_until = (uint64) (list->lots[0].valid_until == DT_NOEND ?
									 list->lots[0].valid_from :
									 list->lots[0].valid_until);
	previous.source = (uint64) list->lots[0].source;

	for (int i = 1; i < (int) count; i += BLOCK_LOTS)
	{
		p = get_block(p, end, &list->lots[i], Min(BLOCK_LOTS, (int) count - i), &previous);
		if (p == NULL)
			return false;
	}
	if (p != end)
		return false;

	for (int i = 0; i < (int) count; i++)
		total = (int64) ((uint64) total + (uint64) list->lots[i].points);
	list->count = (int) count;
	list->total = total;
	return true;
}

void
loyalty_wallet_unpack(const PointWallet *wallet, LotList *list)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(wallet);

	loyalty_lots_init(list);
	if (!decode(data, data + VARSIZE_ANY_EXHDR(wallet), list))
		loyalty_core_corrupt("point_wallet");
}

int
loyalty_wallet_count(const PointWallet *wallet)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(wallet);
	uint64		count;

	if (VARSIZE_ANY_EXHDR(wallet) < 2 ||
		get_varint(data + 1, data + VARSIZE_ANY_EXHDR(wallet), &count) == NULL)
		loyalty_core_corrupt("point_wallet");
	return (int) count;
}

bool
loyalty_wallet_check(const PointWallet *wallet, size_t size, CoreError *err)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(wallet);
	const uint8 *end = (const uint8 *) wallet + size;
	LotList		list;
	LotList		canonical;
	PointWallet *packed;
	CoreError	reason;
	bool		same;

	loyalty_lots_init(&list);
	if (data < end && *data != WALLET_VERSION)
		return loyalty_core_fail(err, CORE_BINARY,
								 "Version %d of the format is not known.", *data);
	if (!decode(data, end, &list))
		return loyalty_core_fail(err, CORE_BINARY,
								 "The bytes are cut off or not in the format of a wallet.");
	for (int i = 0; i < list.count; i++)
	{
		if (!loyalty_lot_check(&list.lots[i], &reason))
			return loyalty_core_fail(err, CORE_BINARY, "%s", reason.detail);
		if (i > 0 && loyalty_lot_compare_key(&list.lots[i - 1], &list.lots[i]) >= 0)
			return loyalty_core_fail(err, CORE_BINARY,
									 "The lots are not in ascending order.");
	}
	loyalty_lots_copy(&canonical, &list);
	if (!loyalty_lots_canonicalize(&canonical, err))
		return false;

	/* The same lots in other bytes would make equal wallets differ. */
	packed = loyalty_wallet_pack(&canonical);
	same = VARSIZE_ANY_EXHDR(packed) == end - data &&
		memcmp(packed->data, data, end - data) == 0;
	pfree(packed);
	if (!same)
		return loyalty_core_fail(err, CORE_BINARY,
								 "The bytes are not the canonical form of their lots.");
	return true;
}
