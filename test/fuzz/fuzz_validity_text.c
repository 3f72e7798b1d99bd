/*
 * fuzz_validity_text.c
 *		Any text is a policy that reads back from its own text and ends later
 *		than it begins, or is refused.
 */
#include "types/validity.h"

#include "memory.h"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static LocalTime
utc_to_local(const void *zone, TimestampTz instant)
{
	LocalTime	local;

	local.time = (instant % USECS_PER_DAY + USECS_PER_DAY) % USECS_PER_DAY;
	local.day = (instant - local.time) / USECS_PER_DAY;
	return local;
}

static TimestampTz
utc_from_local(const void *zone, LocalTime local)
{
	return local.day * USECS_PER_DAY + local.time;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const LocalClock clock = {utc_to_local, utc_from_local, NULL};
	const TimestampTz starts[] = {0, -1, END_TIMESTAMP - 1, INT64CONST(836438400000000)};
	char	   *text = palloc(size + 1);
	ValidityPolicy *policy;
	ValidityPolicy *again;

	memcpy(text, data, size);
	text[size] = '\0';
	if (loyalty_validity_parse(text, &policy, NULL))
	{
		TimestampTz until;

		if (!loyalty_validity_parse(loyalty_validity_format(policy), &again, NULL) ||
			VARSIZE_ANY_EXHDR(policy) != VARSIZE_ANY_EXHDR(again) ||
			memcmp(policy, again, VARHDRSZ + VARSIZE_ANY_EXHDR(policy)) != 0)
			abort();
		for (int i = 0; i < lengthof(starts); i++)
		{
			if (loyalty_validity_evaluate(policy, starts[i], &clock, &until, NULL) &&
				until <= starts[i])
				abort();
		}
	}
	memory_reset();
	return 0;
}
