/*
 * fuzz_lot_text.c
 *		Any text is a lot that reads back from its own text, or is refused.
 */
#include "types/lot.h"

#include "memory.h"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	const char *p = text;
	PointLot	lot;

	/* of just this size, so that reading beyond it is noticed */
	memcpy(text, data, size);
	if (loyalty_lot_parse(&p, text + size, &lot, NULL))
	{
		char		written[POINT_LOT_TEXT_SIZE];
		int			length = loyalty_lot_format(&lot, written);
		PointLot	again;

		p = written;
		if (!loyalty_lot_check(&lot, NULL) || length >= POINT_LOT_TEXT_SIZE ||
			!loyalty_lot_parse(&p, written + length, &again, NULL) ||
			p != written + length || memcmp(&lot, &again, sizeof(lot)) != 0)
			abort();
	}
	memory_reset();
	return 0;
}
