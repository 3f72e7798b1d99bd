/*
 * wallet_format.h
 *		The parts of a packed wallet: units, columns of bits, blocks.
 *
 * Private to wallet_pack.c, whose head has the format, wallet_unpack.c and
 * wallet_column.c.
 */
#ifndef LOYALTY_WALLET_FORMAT_H
#define LOYALTY_WALLET_FORMAT_H

#include "types/core.h"

#include "port/pg_bswap.h"
#include "types/varint.h"

#define WALLET_VERSION	1
#define BLOCK_HEADER	5
#define SPLIT_HEADER	2
#define UNIT_NEVER		15
#define BLOCK_LOTS		64

/* Units of time: µs, ms, s, minute, hour, day; each divides the next. */
#define UNIT_HOUR		4
#define UNIT_MAX		5

/* Bytes behind a column that loyalty_packed_column_put may overwrite. */
#define COLUMN_SLACK	8

/* Values of up to one block, on their way to or from bits. */
typedef struct Column
{
	int			count;
	int			unit;
	int			width;
	uint64		least;			/* in the unit; subtracted from the values */
	uint64		values[BLOCK_LOTS];
} Column;

typedef enum EndsMode
{
	ENDS_NONE = 0,				/* no lot of the block lapses */
	ENDS_LENGTH = 1,
	ENDS_DIFFERENCE = 2,
	ENDS_SPLIT = 3
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

typedef struct Block
{
	int			count;
	EndsMode	mode;
	uint64		never;			/* bit i: lot i never lapses */
	uint64		dated;			/* bit i: the end of lot i is in `dates` */
	Column		starts;
	Column		ends;
	Column		dates;
	Column		points;
	Column		sources;
} Block;

static inline bool
is_set(uint64 bits, int i)
{
	return (bits >> i & 1) != 0;
}

extern const uint64 loyalty_packed_unit_size[UNIT_MAX + 1];

/* Turns values into differences to the least one and finds their width. */
extern void loyalty_packed_column_settle(Column *column, bool is_signed);

/* The same with values in the largest unit that divides all of them. */
extern void loyalty_packed_column_settle_time(Column *column, bool is_signed);

/* Writes a settled column; returns the byte behind it. */
extern uint8 *loyalty_packed_column_put(uint8 *p, const Column *column);

/* Reads column->count values of column->width bits, which lie before `end`. */
extern const uint8 *loyalty_packed_column_get(const uint8 *p, const uint8 *end, Column *column);

static inline int
column_bytes(int count, int width)
{
	return (count * width + 7) / 8;
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

#endif							/* LOYALTY_WALLET_FORMAT_H */
