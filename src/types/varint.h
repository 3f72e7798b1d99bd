/*
 * varint.h
 *		Integers in as few bytes as they need: seven bits to a byte, low ones first.
 */
#ifndef LOYALTY_VARINT_H
#define LOYALTY_VARINT_H

#include "types/core.h"

#define VARINT_MAX		10		/* bytes of the longest varint */

/* Signed as unsigned, the small ones of both signs small. */
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

static inline uint8 *
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
static inline const uint8 *
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

#endif							/* LOYALTY_VARINT_H */
