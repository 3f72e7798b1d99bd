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
 *	varint		least value of starts
 *	varint		least value of ends; zigzag if told as differences, absent if
 *				no lot lapses
 *	varint		least value of points, less 1
 *	varint		least value of sources, zigzag
 *	bits		one per lot, set if it never lapses; only with the flag above
 *	columns		starts, ends, points, sources: each value less the least one,
 *				in `width` bits, lowest bit first, a column starting on a byte
 *
 * starts		valid_from less that of the lot before, in the column's unit
 * ends			told as ENDS_LENGTH: valid_until - valid_from; as
 *				ENDS_DIFFERENCE: valid_until less that of the last lot before
 *				that lapses (valid_from of the first lot if there is none).
 *				Lots that never lapse have no value here.
 * sources		source less that of the lot before
 *
 * Units are the largest of µs, ms, s, minute, hour, day (0 to 5) that divides
 * all values; each divides the next.  Varints are 7 bits a byte, lowest first,
 * the high bit set on all bytes but the last.  Every choice is made by the
 * values alone (differences are chosen only if they need fewer bits), so equal
 * lists give equal bytes and a wallet's `=` is memcmp.
 *
 * Numbers wrap around modulo 2^64 on both ways, so that any bytes can be
 * decoded safely; what they mean is checked by loyalty_wallet_check.
 */
#include "types/wallet.h"

#include "common/int.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#define WALLET_VERSION	1

#define BLOCK_LOTS		64
#define BLOCK_HEADER	5
#define UNIT_MAX		5
#define UNIT_NEVER		15

/* The most bytes a varint, the head with the first lot, and a block may take. */
#define VARINT_MAX		10
#define HEAD_MAX		(2 + 5 * VARINT_MAX)
#define BLOCK_MAX		(BLOCK_HEADER + 4 * VARINT_MAX + 8 + 4 * 8 * BLOCK_LOTS)

/* The fewest bytes of a block: its header and four varints, one left out. */
#define BLOCK_MIN		(BLOCK_HEADER + 3)

/* Room behind the last byte that put_bits may write and get_bits may read. */
#define SLACK			8

typedef enum EndsMode
{
	ENDS_NONE = 0,				/* no lot of the block lapses */
	ENDS_LENGTH = 1,
	ENDS_DIFFERENCE = 2
} EndsMode;

struct PointWallet
{
	char		vl_len_[4];
	uint8		data[FLEXIBLE_ARRAY_MEMBER];
};

/* What a block's values are told against. */
typedef struct Previous
{
	uint64		valid_from;
	uint64		valid_until;	/* of the last lot that lapses */
	uint64		source;
} Previous;

typedef struct Column
{
	int			count;
	int			unit;
	int			width;
	uint64		least;			/* in the unit */
	uint64		values[BLOCK_LOTS];
} Column;

static const uint64 unit_size[UNIT_MAX + 1] = {
	UINT64CONST(1),
	UINT64CONST(1000),
	UINT64CONST(1000000),
	UINT64CONST(60000000),
	UINT64CONST(3600000000),
	UINT64CONST(86400000000)
};

static inline uint64
zigzag(uint64 value)
{
	return (value << 1) ^ (uint64) ((int64) value >> 63);
}

static inline uint64
unzigzag(uint64 value)
{
	return (value >> 1) ^ (0 - (value & 1));
}

static inline uint64
load_le64(const uint8 *p)
{
	uint64		word;

	memcpy(&word, p, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

static inline void
store_le64(uint8 *p, uint64 word)
{
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	memcpy(p, &word, sizeof(word));
}

static inline int
column_bytes(int count, int width)
{
	return (count * width + 7) / 8;
}

static uint8 *
put_varint(uint8 *p, uint64 value)
{
	while (value >= 0x80)
	{
		*p++ = (uint8) (value | 0x80);
		value >>= 7;
	}
	*p++ = (uint8) value;
	return p;
}

/* Returns NULL where the bytes end or say more than 64 bits. */
static const uint8 *
get_varint(const uint8 *p, const uint8 *end, uint64 *value)
{
	uint64		result = 0;

	for (int shift = 0; shift < 64 && p < end; shift += 7)
	{
		uint8		byte = *p++;

		result |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
		{
			*value = result;
			return p;
		}
	}
	return NULL;
}

/* Writes up to SLACK bytes beyond the column. */
static uint8 *
put_bits(uint8 *p, const Column *column)
{
	int			width = column->width;
	uint8	   *column_end = p + column_bytes(column->count, width);
	uint64		word = 0;
	int			used = 0;

	if (width == 0)
		return p;
	for (int i = 0; i < column->count; i++)
	{
		uint64		value = column->values[i];

		word |= value << used;
		used += width;
		if (used >= 64)
		{
			store_le64(p, word);
			p += 8;
			used -= 64;
			word = used == 0 ? 0 : value >> (width - used);
		}
	}
	if (used > 0)
		store_le64(p, word);
	return column_end;
}

/*
 * Reads a column whose bytes lie before `end`.  Eight bytes are read at once,
 * so the last column of a wallet is read from a copy with room behind it.
 */
static const uint8 *
get_bits(const uint8 *p, const uint8 *end, Column *column)
{
	uint8		copy[BLOCK_LOTS * 8 + SLACK];
	int			width = column->width;
	int			size = column_bytes(column->count, width);
	const uint8 *bytes = p;
	uint64	   *values = column->values;
	uint64		mask;

	if (width == 0)
	{
		memset(values, 0, sizeof(uint64) * column->count);
		return p;
	}
	if (end - p < size + SLACK)
	{
		memcpy(copy, p, size);
		memset(copy + size, 0, SLACK);
		bytes = copy;
	}

	mask = width == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << width) - 1;
	if (width <= 57)
	{
		for (int i = 0, bit = 0; i < column->count; i++, bit += width)
			values[i] = (load_le64(bytes + (bit >> 3)) >> (bit & 7)) & mask;
	}
	else
	{
		/* A value may reach into a ninth byte. */
		for (int i = 0, bit = 0; i < column->count; i++, bit += width)
		{
			const uint8 *at = bytes + (bit >> 3);
			int			shift = bit & 7;
			uint64		value = load_le64(at) >> shift;

			if (shift > 0)
				value |= (uint64) at[8] << (64 - shift);
			values[i] = value & mask;
		}
	}
	return p + size;
}

/*
 * The loops over a constant divisor are spelled out per unit, so that the
 * compiler turns the divisions into multiplications.
 */
static bool
all_divisible(const Column *column, int unit, bool is_signed)
{
#define TRY_UNIT(size) \
	do { \
		for (int i = 0; i < column->count; i++) \
		{ \
			uint64		value = column->values[i]; \
\
			if (is_signed && (int64) value < 0) \
				value = 0 - value; \
			if (value % UINT64CONST(size) != 0) \
				return false; \
		} \
		return true; \
	} while (0)

	switch (unit)
	{
		case 1:
			TRY_UNIT(1000);
		case 2:
			TRY_UNIT(1000000);
		case 3:
			TRY_UNIT(60000000);
		case 4:
			TRY_UNIT(3600000000);
		case 5:
			TRY_UNIT(86400000000);
		default:
			return true;
	}
#undef TRY_UNIT
}

static void
divide_all(Column *column, bool is_signed)
{
#define DIVIDE(size) \
	for (int i = 0; i < column->count; i++) \
	{ \
		if (is_signed) \
			column->values[i] = (uint64) ((int64) column->values[i] / INT64CONST(size)); \
		else \
			column->values[i] /= UINT64CONST(size); \
	}

	switch (column->unit)
	{
		case 1:
			DIVIDE(1000);
			break;
		case 2:
			DIVIDE(1000000);
			break;
		case 3:
			DIVIDE(60000000);
			break;
		case 4:
			DIVIDE(3600000000);
			break;
		case 5:
			DIVIDE(86400000000);
			break;
		default:
			break;
	}
#undef DIVIDE
}

/* Most instants are whole seconds: look from there up or down. */
static int
choose_unit(const Column *column, bool is_signed)
{
	int			unit = 2;

	if (all_divisible(column, unit, is_signed))
	{
		while (unit < UNIT_MAX && all_divisible(column, unit + 1, is_signed))
			unit++;
		return unit;
	}
	return all_divisible(column, 1, is_signed) ? 1 : 0;
}

/* Turns values into differences to the least one and finds their width. */
static void
settle_column(Column *column, bool is_signed)
{
	/* flips the order of negative numbers below that of the others */
	uint64		bias = is_signed ? UINT64CONST(1) << 63 : 0;
	uint64		least = PG_UINT64_MAX;
	uint64		most = 0;

	for (int i = 0; i < column->count; i++)
	{
		uint64		value = column->values[i] ^ bias;

		least = Min(least, value);
		most = Max(most, value);
	}
	column->width = most > least ? pg_leftmost_one_pos64(most - least) + 1 : 0;
	column->least = least ^ bias;
	for (int i = 0; i < column->count; i++)
		column->values[i] -= column->least;
}

static void
settle_time_column(Column *column, bool is_signed)
{
	column->unit = choose_unit(column, is_signed);
	divide_all(column, is_signed);
	settle_column(column, is_signed);
}

/*
 * Fills the column of ends the way that needs fewer bits.  Differences beyond
 * bigint, which only the far ends of the calendar give, are told as lengths.
 */
static EndsMode
choose_ends(const PointLot *lots, int count, const Previous *previous, Column *ends)
{
	Column		differences;
	int64		last = (int64) previous->valid_until;
	int64		difference;
	bool		fits = true;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (lots[i].valid_until != DT_NOEND)
			ends->values[n++] = (uint64) lots[i].valid_until - (uint64) lots[i].valid_from;
	}
	ends->count = n;
	if (n == 0)
		return ENDS_NONE;
	settle_time_column(ends, false);
	if (ends->width == 0)
		return ENDS_LENGTH;

	n = 0;
	for (int i = 0; i < count; i++)
	{
		if (lots[i].valid_until == DT_NOEND)
			continue;
		if (pg_sub_s64_overflow(lots[i].valid_until, last, &difference))
			fits = false;
		differences.values[n++] = (uint64) difference;
		last = lots[i].valid_until;
	}
	if (!fits)
		return ENDS_LENGTH;
	differences.count = n;
	settle_time_column(&differences, true);
	if (differences.width >= ends->width)
		return ENDS_LENGTH;
	*ends = differences;
	return ENDS_DIFFERENCE;
}

static uint8 *
put_block(uint8 *p, const PointLot *lots, int count, Previous *previous)
{
	Column		starts;
	Column		ends;
	Column		points;
	Column		sources;
	EndsMode	mode;
	uint64		never = 0;
	uint64		header;
	bool		mixed;

	starts.count = points.count = sources.count = count;
	mode = choose_ends(lots, count, previous, &ends);
	mixed = ends.count > 0 && ends.count < count;

	for (int i = 0; i < count; i++)
	{
		starts.values[i] = (uint64) lots[i].valid_from - previous->valid_from;
		points.values[i] = (uint64) lots[i].points - 1;
		sources.values[i] = (uint64) lots[i].source - previous->source;
		previous->valid_from = (uint64) lots[i].valid_from;
		previous->source = (uint64) lots[i].source;
		if (lots[i].valid_until == DT_NOEND)
			never |= UINT64CONST(1) << i;
		else
			previous->valid_until = (uint64) lots[i].valid_until;
	}
	settle_time_column(&starts, false);
	settle_column(&points, false);
	settle_column(&sources, true);

	header = (uint64) starts.width |
		(uint64) points.width << 14 |
		(uint64) sources.width << 21 |
		(uint64) starts.unit << 28 |
		(uint64) mode << 34 |
		(uint64) mixed << 36;
	if (mode != ENDS_NONE)
		header |= (uint64) ends.width << 7 | (uint64) ends.unit << 31;

	store_le64(p, header);
	p += BLOCK_HEADER;
	p = put_varint(p, starts.least);
	if (mode == ENDS_LENGTH)
		p = put_varint(p, ends.least);
	else if (mode == ENDS_DIFFERENCE)
		p = put_varint(p, zigzag(ends.least));
	p = put_varint(p, points.least);
	p = put_varint(p, zigzag(sources.least));
	if (mixed)
	{
		store_le64(p, never);
		p += column_bytes(count, 1);
	}
	p = put_bits(p, &starts);
	if (mode != ENDS_NONE)
		p = put_bits(p, &ends);
	p = put_bits(p, &points);
	return put_bits(p, &sources);
}

static uint8 *
put_first(uint8 *p, const PointLot *lot)
{
	Column		start = {.count = 1,.values = {(uint64) lot->valid_from}};
	Column		length = {.count = 1,.unit = UNIT_NEVER};

	start.unit = choose_unit(&start, true);
	divide_all(&start, true);
	if (lot->valid_until != DT_NOEND)
	{
		length.values[0] = (uint64) lot->valid_until - (uint64) lot->valid_from;
		length.unit = choose_unit(&length, false);
		divide_all(&length, false);
	}

	*p++ = (uint8) (start.unit | length.unit << 4);
	p = put_varint(p, zigzag(start.values[0]));
	if (lot->valid_until != DT_NOEND)
		p = put_varint(p, length.values[0]);
	p = put_varint(p, (uint64) lot->points);
	return put_varint(p, (uint64) lot->source);
}

PointWallet *
loyalty_wallet_pack(const LotList *list)
{
	Size		capacity = VARHDRSZ + HEAD_MAX + SLACK;
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

			if (capacity - used < BLOCK_MAX + SLACK)
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

	start = unzigzag(start) * unit_size[start_unit];
	lot->valid_from = (TimestampTz) start;
	lot->valid_until = length_unit == UNIT_NEVER ? DT_NOEND :
		(TimestampTz) (start + length * unit_size[length_unit]);
	lot->points = (int64) points;
	lot->source = (int64) source;
	return p;
}

static const uint8 *
get_block(const uint8 *p, const uint8 *end, PointLot *lots, int count, Previous *previous)
{
	Column		starts;
	Column		ends;
	Column		points;
	Column		sources;
	uint64		header = 0;
	uint64		never = 0;
	uint64		unit;
	uint64		sum;
	EndsMode	mode;
	bool		mixed;
	int			size;

	if (end - p < BLOCK_MIN)
		return NULL;
	for (int i = 0; i < BLOCK_HEADER; i++)
		header |= (uint64) *p++ << (8 * i);
	starts.width = header & 0x7F;
	ends.width = header >> 7 & 0x7F;
	points.width = header >> 14 & 0x7F;
	sources.width = header >> 21 & 0x7F;
	starts.unit = header >> 28 & 7;
	ends.unit = header >> 31 & 7;
	mode = (EndsMode) (header >> 34 & 3);
	mixed = (header >> 36 & 1) != 0;
	if (starts.width > 64 || ends.width > 64 || points.width > 64 || sources.width > 64 ||
		starts.unit > UNIT_MAX || ends.unit > UNIT_MAX ||
		mode > ENDS_DIFFERENCE || (mixed && mode == ENDS_NONE))
		return NULL;

	ends.least = 0;
	if ((p = get_varint(p, end, &starts.least)) == NULL ||
		(mode != ENDS_NONE && (p = get_varint(p, end, &ends.least)) == NULL) ||
		(p = get_varint(p, end, &points.least)) == NULL ||
		(p = get_varint(p, end, &sources.least)) == NULL)
		return NULL;
	if (mode == ENDS_DIFFERENCE)
		ends.least = unzigzag(ends.least);
	sources.least = unzigzag(sources.least);

	starts.count = points.count = sources.count = count;
	ends.count = mode == ENDS_NONE ? 0 : count;
	size = mixed ? column_bytes(count, 1) : 0;
	if (end - p < size)
		return NULL;
	for (int i = 0; i < size; i++)
		never |= (uint64) *p++ << (8 * i);
	if (mixed)
	{
		if (count < BLOCK_LOTS)
			never &= (UINT64CONST(1) << count) - 1;
		ends.count = count - pg_popcount64(never);
	}

	size = column_bytes(count, starts.width) + column_bytes(ends.count, ends.width) +
		column_bytes(count, points.width) + column_bytes(count, sources.width);
	if (end - p < size)
		return NULL;
	p = get_bits(p, end, &starts);
	p = get_bits(p, end, &ends);
	p = get_bits(p, end, &points);
	p = get_bits(p, end, &sources);

	unit = unit_size[starts.unit];
	sum = previous->valid_from;
	for (int i = 0; i < count; i++)
	{
		sum += (starts.values[i] + starts.least) * unit;
		lots[i].valid_from = (TimestampTz) sum;
	}
	previous->valid_from = sum;

	sum = previous->source;
	for (int i = 0; i < count; i++)
	{
		lots[i].points = (int64) (points.values[i] + points.least + 1);
		sum += sources.values[i] + sources.least;
		lots[i].source = (int64) sum;
	}
	previous->source = sum;

	unit = unit_size[ends.unit];
	sum = previous->valid_until;
	for (int i = 0, n = 0; i < count; i++)
	{
		if (ends.count < count && (mode == ENDS_NONE || (never >> i & 1) != 0))
		{
			lots[i].valid_until = DT_NOEND;
			continue;
		}
		if (mode == ENDS_LENGTH)
			sum = (uint64) lots[i].valid_from;
		sum += (ends.values[n++] + ends.least) * unit;
		lots[i].valid_until = (TimestampTz) sum;
	}
	previous->valid_until = sum;
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
