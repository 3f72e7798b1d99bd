/*
 * fuzz_wallet_text.c
 *		Any text is a wallet whose bytes check and unpack, or is refused.
 */
#include "types/wallet.h"

#include "memory.h"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	LotList		list;

	memcpy(text, data, size);
	text[size] = '\0';
	if (loyalty_wallet_parse(text, &list, NULL))
	{
		PointWallet *wallet = loyalty_wallet_pack(&list);
		LotList		again;

		if (!loyalty_wallet_check(wallet, VARHDRSZ + VARSIZE_ANY_EXHDR(wallet), NULL))
			abort();
		loyalty_wallet_unpack(wallet, &again);
		if (again.count != list.count || again.total != list.total ||
			(list.count > 0 &&
			 memcmp(list.lots, again.lots, sizeof(PointLot) * list.count) != 0))
			abort();
	}
	memory_reset();
	return 0;
}
