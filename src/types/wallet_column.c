/*
 * wallet_column.c
 *		Columns of a packed wallet: their unit, their width, their bits.
 *
 * The head of wallet_pack.c has the format.
 */
#include "types/wallet_format.h"

#include "port/pg_bitutils.h"

const uint64 loyalty_packed_unit_size[UNIT_MAX + 1] = {
	UINT64CONST(1),
	UINT64CONST(1000),
	UINT64CONST(1000000),
	UINT64CONST(60000000),
	UINT64CONST(3600000000),
	UINT64CONST(86400000000)
};

/*
 * The loops over a constant divisor are spelled out per unit, so that the
 * compiler turns the divisions into multiplications.
 */
#define EACH_UNIT(unit, LOOP) \
	switch (unit) \
	{ \
		case 1: \
			LOOP(UINT64CONST(1000)); \
			break; \
		case 2: \
			LOOP(UINT64CONST(1000000)); \
			break; \
		case 3: \
			LOOP(UINT64CONST(60000000)); \
			break; \
		case 4: \
			LOOP(UINT64CONST(3600000000)); \
			break; \
		case 5: \
			LOOP(UINT64CONST(86400000000)); \
			break; \
		default: \
			break; \
	}

static bool
all_divisible(const uint64 *values, int count, int unit)
{
#define TRY(size) \
	for (int i = 0; i < count; i++) \
	{ \
		if (values[i] % (size) != 0) \
			return false; \
	}

	EACH_UNIT(unit, TRY);
#undef TRY
	return true;
}

static void
divide_all(uint64 *values, int count, int unit)
{
#define DIVIDE(size) \
	for (int i = 0; i < count; i++) \
		values[i] /= (size)

	EACH_UNIT(unit, DIVIDE);
#undef DIVIDE
}

void
loyalty_packed_column_settle(Column *column, bool is_signed)
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

void
loyalty_packed_column_settle_time(Column *column, bool is_signed)
{
	uint64		most = 0;
	uint64		magnitude;
	bool		negative;

	loyalty_packed_column_settle(column, is_signed);
	negative = is_signed && (int64) column->least < 0;
	magnitude = negative ? 0 - column->least : column->least;

	/*
	 * A unit that divides the least value and all distances from it divides
	 * all values.  Most columns that are not constant fail at a large unit
	 * with their first values.
	 */
	column->unit = UNIT_MAX;
	while (!all_divisible(&magnitude, 1, column->unit))
		column->unit--;
	if (column->width > 0)
	{
		while (!all_divisible(column->values, column->count, column->unit))
			column->unit--;
		divide_all(column->values, column->count, column->unit);
		for (int i = 0; i < column->count; i++)
			most |= column->values[i];
		column->width = pg_leftmost_one_pos64(most) + 1;
	}
	divide_all(&magnitude, 1, column->unit);
	column->least = negative ? 0 - magnitude : magnitude;
}

uint8 *
loyalty_packed_column_put(uint8 *p, const Column *column)
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
 * Eight bytes are read at once, so the last column of a wallet is read from a
 * copy with room behind it.
 */
const uint8 *
loyalty_packed_column_get(const uint8 *p, const uint8 *end, Column *column)
{
	uint8		copy[BLOCK_LOTS * 8 + COLUMN_SLACK];
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
	if (end - p < size + COLUMN_SLACK)
	{
		memcpy(copy, p, size);
		memset(copy + size, 0, COLUMN_SLACK);
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
