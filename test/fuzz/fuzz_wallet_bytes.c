/*
 * fuzz_wallet_bytes.c
 *		Any bytes are the canonical bytes of a wallet, or are refused.
 */
#include "types/wallet.h"

#include "memory.h"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	PointWallet *wallet = palloc(VARHDRSZ + size);

	SET_VARSIZE(wallet, VARHDRSZ + size);
	memcpy(VARDATA_ANY(wallet), data, size);
	if (loyalty_wallet_check(wallet, VARHDRSZ + size, NULL))
	{
		LotList		list;
		PointWallet *again;

		loyalty_wallet_unpack(wallet, &list);
		again = loyalty_wallet_pack(&list);
		if (loyalty_wallet_count(wallet) != list.count ||
			VARSIZE_ANY_EXHDR(again) != size ||
			memcmp(VARDATA_ANY(again), data, size) != 0)
			abort();
		for (int i = 0; i < list.count; i++)
		{
			if (!loyalty_lot_check(&list.lots[i], NULL))
				abort();
		}
	}
	memory_reset();
	return 0;
}
