/*
 * wallet_pack.c
 *		The bytes of a point_wallet.
 *
 * A year of daily lots has to stay well below half a page, so lots are stored
 * as differences to their predecessors, in blocks, column by column, each
 * column in as few bits as its block needs.  An unusual lot costs its own
 * block a few bits per lot, and a column that follows a rule costs nothing.
 *
 * Behind the varlena header:
 *
 *	byte		version, 1
 *	varint		number of lots; nothing follows if it is 0
 *
 * The first lot:
 *
 *	byte		low half: unit of valid_from; high half: unit of the length
 *				(valid_until - valid_from), or 15 for a lot that never lapses
 *	varint		valid_from in its unit, zigzag
 *	varint		length in its unit; absent for a lot that never lapses
 *	varint		points
 *	varint		source
 *
 * Then blocks of 64 lots each, the last with what remains:
 *
 *	5 bytes		little endian, from the lowest bit: widths of the columns
 *				starts, ends, points and sources (7 bits each), units of starts
 *				and ends (3 bits each), how ends are told (2 bits), whether some
 *				lots never lapse and some do (1 bit), 3 bits of zero
 *	2 bytes		width (7 bits) and unit (3 bits) of dates; only if ends are split
 *	varint		least value of starts
 *	varint		least value of ends; zigzag if told as differences, absent if
 *				no lot lapses
 *	varint		least value of dates, zigzag; only if ends are split
 *	varint		least value of points
 *	varint		least value of sources, zigzag
 *	bits		one per lot, set if it never lapses; only with the flag above
 *	bits		one per lot, set if its end is a date; only if ends are split
 *	columns		starts, ends, dates, points, sources: each value less the least
 *				one, in `width` bits, lowest bit first, each column starting on
 *				a byte
 *
 * starts		valid_from less that of the lot before, in the column's unit
 * ends			in the column's unit, of the lots that lapse,
 *				ENDS_LENGTH: valid_until - valid_from;
 *				ENDS_DIFFERENCE: valid_until less that of the last lot before
 *				that lapses (valid_from of the first lot if there is none);
 *				ENDS_SPLIT: lengths of whole hours here, all other ends as
 *				valid_until in dates (`12 months` beside `end of year`)
 * points		points less 1
 * sources		source less that of the lot before
 *
 * Units are the largest of µs, ms, s, minute, hour, day (0 to 5) that divides
 * all values; each divides the next.  Varints are 7 bits a byte, lowest first,
 * the high bit set on all bytes but the last.  Every choice is made by the
 * values alone (fill_ends), so equal lists give equal bytes and a wallet's `=`
 * is memcmp.
 *
 * Numbers wrap around modulo 2^64 on both ways, so that any bytes can be
 * decoded safely; what they mean is checked by loyalty_wallet_check
 * (wallet_unpack.c).
 */
#include "types/wallet.h"

#include "common/int.h"
#include "types/wallet_format.h"

/* The most bytes that the head with the first lot and a block may take. */
#define HEAD_MAX		(2 + 5 * VARINT_MAX)
#define BLOCK_MAX		(BLOCK_HEADER + SPLIT_HEADER + 5 * VARINT_MAX + \
						 2 * BLOCK_LOTS / 8 + 5 * 8 * BLOCK_LOTS)

/* Ends in fewer bits than this are not worth a second column. */
#define SPLIT_WORTH		12

/* What a second column costs beside its values, in bits, at most. */
#define SPLIT_OVERHEAD	64

/* Ends as lengths. */
static void
fill_lengths(Block *block, const PointLot *lots)
{
	int			n = 0;

	block->never = 0;
	for (int i = 0; i < block->count; i++)
	{
		if (lots[i].valid_until == DT_NOEND)
			block->never |= UINT64CONST(1) << i;
		else
			block->ends.values[n++] =
				(uint64) lots[i].valid_until - (uint64) lots[i].valid_from;
	}
	block->ends.count = n;
	block->ends.width = 0;
	if (n > 0)
		loyalty_packed_column_settle_time(&block->ends, false);
}

/*
 * Ends as differences.  False if one leaves bigint, which only the far ends of
 * the calendar can do.
 */
static bool
fill_differences(Column *column, const PointLot *lots, int count, int64 last)
{
	int64		difference;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (lots[i].valid_until == DT_NOEND)
			continue;
		if (pg_sub_s64_overflow(lots[i].valid_until, last, &difference))
			return false;
		column->values[n++] = (uint64) difference;
		last = lots[i].valid_until;
	}
	column->count = n;
	loyalty_packed_column_settle_time(column, true);
	return true;
}

/*
 * Ends as lengths where these are whole hours, else as dates; returns which.
 * None or all of them means that there is nothing to split.
 */
static uint64
fill_split(Column *lengths, Column *dates, const PointLot *lots, int count)
{
	uint64		dated = 0;

	lengths->count = dates->count = 0;
	for (int i = 0; i < count; i++)
	{
		uint64		length = (uint64) lots[i].valid_until - (uint64) lots[i].valid_from;

		if (lots[i].valid_until == DT_NOEND)
			continue;
		if (length % loyalty_packed_unit_size[UNIT_HOUR] == 0)
			lengths->values[lengths->count++] = length;
		else
		{
			dates->values[dates->count++] = (uint64) lots[i].valid_until;
			dated |= UINT64CONST(1) << i;
		}
	}
	loyalty_packed_column_settle_time(lengths, false);
	loyalty_packed_column_settle_time(dates, true);
	return dated;
}

/* Tells the ends of a block's lots the way that needs fewest bits. */
static void
fill_ends(Block *block, const PointLot *lots, const Previous *previous)
{
	Column		lengths;
	uint64		dated;
	int			bits;

	fill_lengths(block, lots);
	block->mode = block->ends.count > 0 ? ENDS_LENGTH : ENDS_NONE;
	if (block->ends.count == 0 || block->ends.width == 0)
		return;

	/* `dates` and `lengths` serve as scratch room until a way is chosen. */
	if (fill_differences(&lengths, lots, block->count, (int64) previous->valid_until) &&
		lengths.width < block->ends.width)
	{
		block->mode = ENDS_DIFFERENCE;
		block->ends = lengths;
	}
	if (block->ends.width < SPLIT_WORTH)
		return;

	dated = fill_split(&lengths, &block->dates, lots, block->count);
	if (lengths.count == 0 || block->dates.count == 0)
		return;
	bits = block->count + SPLIT_OVERHEAD +
		lengths.count * lengths.width + block->dates.count * block->dates.width;
	if (bits < block->ends.count * block->ends.width)
	{
		block->mode = ENDS_SPLIT;
		block->ends = lengths;
		block->dated = dated;
	}
}

static uint8 *
put_bitmap(uint8 *p, uint64 bits, int count)
{
	store_le64(p, bits);
	return p + column_bytes(count, 1);
}

static uint8 *
put_block(uint8 *p, const PointLot *lots, int count, Previous *previous)
{
	Block		block;
	uint64		header;
	bool		mixed;

	block.count = count;
	fill_ends(&block, lots, previous);
	mixed = block.mode != ENDS_NONE && block.never != 0;

	block.starts.count = block.points.count = block.sources.count = count;
	for (int i = 0; i < count; i++)
	{
		block.starts.values[i] = (uint64) lots[i].valid_from - previous->valid_from;
		block.points.values[i] = (uint64) lots[i].points - 1;
		block.sources.values[i] = (uint64) lots[i].source - previous->source;
		previous->valid_from = (uint64) lots[i].valid_from;
		previous->source = (uint64) lots[i].source;
		if (lots[i].valid_until != DT_NOEND)
			previous->valid_until = (uint64) lots[i].valid_until;
	}
	loyalty_packed_column_settle_time(&block.starts, false);
	loyalty_packed_column_settle(&block.points, false);
	loyalty_packed_column_settle(&block.sources, true);

	header = (uint64) block.starts.width |
		(uint64) block.points.width << 14 |
		(uint64) block.sources.width << 21 |
		(uint64) block.starts.unit << 28 |
		(uint64) block.mode << 34 |
		(uint64) mixed << 36;
	if (block.mode != ENDS_NONE)
		header |= (uint64) block.ends.width << 7 | (uint64) block.ends.unit << 31;
	store_le64(p, header);
	p += BLOCK_HEADER;
	if (block.mode == ENDS_SPLIT)
	{
		store_le64(p, (uint64) block.dates.width | (uint64) block.dates.unit << 7);
		p += SPLIT_HEADER;
	}

	p = put_varint(p, block.starts.least);
	if (block.mode == ENDS_DIFFERENCE)
		p = put_varint(p, zigzag(block.ends.least));
	else if (block.mode != ENDS_NONE)
		p = put_varint(p, block.ends.least);
	if (block.mode == ENDS_SPLIT)
		p = put_varint(p, zigzag(block.dates.least));
	p = put_varint(p, block.points.least);
	p = put_varint(p, zigzag(block.sources.least));

	if (mixed)
		p = put_bitmap(p, block.never, count);
	if (block.mode == ENDS_SPLIT)
		p = put_bitmap(p, block.dated, count);

	p = loyalty_packed_column_put(p, &block.starts);
	if (block.mode != ENDS_NONE)
		p = loyalty_packed_column_put(p, &block.ends);
	if (block.mode == ENDS_SPLIT)
		p = loyalty_packed_column_put(p, &block.dates);
	p = loyalty_packed_column_put(p, &block.points);
	return loyalty_packed_column_put(p, &block.sources);
}

static uint8 *
put_first(uint8 *p, const PointLot *lot)
{
	Column		start;
	Column		length;

	/* A column of one value is that value in its unit. */
	start.count = length.count = 1;
	start.values[0] = (uint64) lot->valid_from;
	loyalty_packed_column_settle_time(&start, true);
	if (lot->valid_until == DT_NOEND)
		length.unit = UNIT_NEVER;
	else
	{
		length.values[0] = (uint64) lot->valid_until - (uint64) lot->valid_from;
		loyalty_packed_column_settle_time(&length, false);
	}

	*p++ = (uint8) (start.unit | length.unit << 4);
	p = put_varint(p, zigzag(start.least));
	if (lot->valid_until != DT_NOEND)
		p = put_varint(p, length.least);
	p = put_varint(p, (uint64) lot->points);
	return put_varint(p, (uint64) lot->source);
}

PointWallet *
loyalty_wallet_pack(const LotList *list)
{
	Size		capacity = VARHDRSZ + HEAD_MAX + COLUMN_SLACK;
	PointWallet *wallet;
	uint8	   *p;

	/* A guess of the usual size; a block's room is made sure of before it. */
	if (list->count > 1)
		capacity += BLOCK_MAX + (Size) 7 * list->count;
	wallet = palloc(capacity);
	p = wallet->data;

	*p++ = WALLET_VERSION;
	p = put_varint(p, (uint64) list->count);
	if (list->count > 0)
	{
		const PointLot *first = &list->lots[0];
		Previous	previous;

		p = put_first(p, first);
		previous.valid_from = (uint64) first->valid_from;
		previous.valid_until = (uint64) (first->valid_until == DT_NOEND ?
										 first->valid_from : first->valid_until);
		previous.source = (uint64) first->source;

		for (int i = 1; i < list->count; i += BLOCK_LOTS)
		{
			Size		used = p - (uint8 *) wallet;

			if (capacity - used < BLOCK_MAX + COLUMN_SLACK)
			{
				capacity += capacity / 2 + BLOCK_MAX;
				wallet = repalloc(wallet, capacity);
				p = (uint8 *) wallet + used;
			}
			p = put_block(p, &list->lots[i], Min(BLOCK_LOTS, list->count - i), &previous);
		}
	}
	SET_VARSIZE(wallet, p - (uint8 *) wallet);
	return wallet;
}
