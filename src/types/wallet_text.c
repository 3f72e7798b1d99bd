/*
 * wallet_text.c
 *		A wallet read from its text: `{lot,lot,…}`, lots in any order.
 */
#include "types/wallet.h"

static void
skip_blanks(const char **p)
{
	while (**p == ' ' || (**p >= '\t' && **p <= '\r'))
		(*p)++;
}

bool
loyalty_wallet_parse(const char *text, LotList *list, CoreError *err)
{
	const char *p = text;
	const char *end = text + strlen(text);

	loyalty_lots_init(list);
	skip_blanks(&p);
	if (*p++ != '{')
		return loyalty_core_fail(err, CORE_SYNTAX, "A wallet starts with \"{\".");
	skip_blanks(&p);
	if (*p == '}')
		p++;
	else
	{
		for (;;)
		{
			PointLot	lot;

			if (!loyalty_lot_parse(&p, end, &lot, err) ||
				!loyalty_lots_append(list, &lot, 1, err))
				return false;
			if (*p == '}')
			{
				p++;
				break;
			}
			if (*p++ != ',')
				return loyalty_core_fail(err, CORE_SYNTAX,
										 "Expected \",\" or \"}\" behind a lot.");
		}
	}
	skip_blanks(&p);
	if (*p != '\0')
		return loyalty_core_fail(err, CORE_SYNTAX, "Junk behind the closing \"}\".");
	return loyalty_lots_canonicalize(list, err);
}
