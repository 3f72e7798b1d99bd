/*
 * test_core.c
 *		Laws of the pure core, tried on random wallets beside a naive model.
 *
 * Arguments: rounds, seed.  A failure prints the law, the seed and the round
 * in which it broke.
 *
 * The model of a wallet is an array of lots in no order, searched from end to
 * end: too slow for use, too simple to be wrong.
 */
#include "types/instant.h"
#include "types/validity.h"
#include "types/wallet.h"

#include "memory.h"

static uint64 state;
static uint64 seed;
static int	round_no;

/* A law is a line of this file; it counts once, however often it was tried. */
#define LAW_LINES 1000
static long tried[LAW_LINES];
static long broken[LAW_LINES];

#define LAW(condition) law((condition), __LINE__, #condition)

static void
law(bool holds, int line, const char *condition)
{
	tried[line]++;
	if (holds)
		return;
	if (broken[line]++ == 0)
		printf("broken at seed %llu, round %d, line %d: %s\n",
			   (unsigned long long) seed, round_no, line, condition);
}

static int
laws_broken(void)
{
	int			count = 0;

	for (int i = 0; i < LAW_LINES; i++)
		count += broken[i] > 0;
	return count;
}

static int
laws_tried(void)
{
	int			count = 0;

	for (int i = 0; i < LAW_LINES; i++)
		count += tried[i] > 0;
	return count;
}

/* xorshift64* */
static uint64
random_bits(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64CONST(2685821657736338717);
}

static int64
random_below(int64 limit)
{
	return (int64) (random_bits() % (uint64) limit);
}

/* Lots of few distinct keys, of usual dates, or from all over the calendar. */
static PointLot
random_lot(int shape)
{
	PointLot	lot;

	lot.points = 1 + random_below(5000);
	switch (shape)
	{
		case 0:
			lot.valid_from = random_below(6) * USECS_PER_DAY;
			lot.valid_until = random_below(4) == 0 ? DT_NOEND :
				lot.valid_from + (1 + random_below(4)) * USECS_PER_DAY;
			lot.source = random_below(3);
			break;
		case 1:
			lot.valid_from = (random_below(365) * SECS_PER_DAY +
							  random_below(SECS_PER_DAY)) * USECS_PER_SEC;
			lot.valid_until = random_below(3) > 0 ? lot.valid_from + 365 * USECS_PER_DAY :
				(lot.valid_from / USECS_PER_DAY + 91) * USECS_PER_DAY;
			lot.source = random_below(1000000000);
			break;
		default:
			lot.points = 1 + (int64) (random_bits() >> (13 + random_below(50)));
			lot.valid_from = INSTANT_MIN +
				(int64) (random_bits() % (uint64) (END_TIMESTAMP - 1)) / 2;
			if (random_below(20) == 0)
				lot.valid_from = random_below(2) ? INSTANT_MIN : END_TIMESTAMP - 2;
			lot.valid_until = lot.valid_from + 1 +
				random_below(Max(END_TIMESTAMP / 2 - Max(lot.valid_from, 0) / 2 - 1, 1)) / 4;
			if (random_below(5) == 0)
				lot.valid_until = random_below(2) ? DT_NOEND : END_TIMESTAMP - 1;
			lot.source = (int64) (random_bits() >> (1 + random_below(63)));
			break;
	}
	return lot;
}

/* Points of one key, by looking at every lot. */
static int64
points_of_key(const LotList *list, const PointLot *key)
{
	int64		points = 0;

	for (int i = 0; i < list->count; i++)
	{
		if (list->lots[i].valid_from == key->valid_from &&
			list->lots[i].valid_until == key->valid_until &&
			list->lots[i].source == key->source)
			points += list->lots[i].points;
	}
	return points;
}

/* Sorted strictly, no empty lot, the total kept. */
static bool
is_canonical(const LotList *list)
{
	int64		total = 0;

	for (int i = 0; i < list->count; i++)
	{
		const PointLot *lot = &list->lots[i];

		total += lot->points;
		if (!loyalty_lot_check(lot, NULL))
			return false;
		if (i > 0 && loyalty_lot_compare_key(lot - 1, lot) >= 0)
			return false;
	}
	return total == list->total && total == loyalty_lots_points(list);
}

static bool
same_lists(const LotList *a, const LotList *b)
{
	return a->count == b->count && a->total == b->total &&
		(a->count == 0 || memcmp(a->lots, b->lots, sizeof(PointLot) * a->count) == 0);
}

/* whole = part + rest, key by key */
static bool
adds_up(const LotList *whole, const LotList *part, const LotList *rest)
{
	for (int i = 0; i < part->count; i++)
	{
		if (points_of_key(whole, &part->lots[i]) !=
			part->lots[i].points + points_of_key(rest, &part->lots[i]))
			return false;
	}
	for (int i = 0; i < rest->count; i++)
	{
		if (points_of_key(whole, &rest->lots[i]) !=
			rest->lots[i].points + points_of_key(part, &rest->lots[i]))
			return false;
	}
	return whole->total == part->total + rest->total;
}

static LotList
random_list(int shape, int most)
{
	LotList		list;
	int			count = (int) random_below(most + 1);

	loyalty_lots_init(&list);
	for (int i = 0; i < count; i++)
	{
		PointLot	lot = random_lot(shape);

		if (!loyalty_lots_add(&list, &lot, NULL))
			break;
	}
	return list;
}

static LotList
copy_of(const LotList *list)
{
	LotList		copy;

	loyalty_lots_copy(&copy, list);
	return copy;
}

static TimestampTz
random_instant(const LotList *list)
{
	const PointLot *lot;

	if (list->count == 0)
		return 0;
	lot = &list->lots[random_below(list->count)];
	switch (random_below(4))
	{
		case 0:
			return lot->valid_from;
		case 1:
			return lot->valid_until == DT_NOEND ? lot->valid_from + 1 : lot->valid_until;
		case 2:
			return lot->valid_from - 1;
		default:
			return lot->valid_until == DT_NOEND ? lot->valid_from : lot->valid_until - 1;
	}
}

static void
try_building(int shape)
{
	LotList		added;
	LotList		appended;
	int			count = (int) random_below(150);
	PointLot   *lots = palloc(sizeof(PointLot) * (count + 1));

	loyalty_lots_init(&added);
	loyalty_lots_init(&appended);
	for (int i = 0; i < count; i++)
	{
		lots[i] = random_lot(shape);
		lots[i].points %= 1000000;
		lots[i].points++;
		LAW(loyalty_lots_add(&added, &lots[i], NULL));
		LAW(loyalty_lots_append(&appended, &lots[i], 1, NULL));
	}
	LAW(loyalty_lots_canonicalize(&appended, NULL));
	LAW(is_canonical(&added));
	LAW(same_lists(&added, &appended));
	for (int i = 0; i < count; i++)
	{
		int64		points = 0;

		for (int j = 0; j < count; j++)
		{
			if (loyalty_lot_compare_key(&lots[i], &lots[j]) == 0)
				points += lots[j].points;
		}
		LAW(points_of_key(&added, &lots[i]) == points);
	}
}

static void
try_merging(int shape)
{
	LotList		a = random_list(shape, 90);
	LotList		b = random_list(shape, 90);
	LotList		sum = copy_of(&a);
	LotList		other_way = copy_of(&b);
	LotList		rest;
	PointLot	foreign = random_lot(2);

	if (!loyalty_lots_merge(&sum, &b, NULL))
	{
		LAW(a.total > PG_INT64_MAX - b.total);
		LAW(same_lists(&sum, &a));
		return;
	}
	LAW(is_canonical(&sum));
	LAW(adds_up(&sum, &a, &b));
	LAW(loyalty_lots_merge(&other_way, &a, NULL) && same_lists(&sum, &other_way));

	rest = copy_of(&sum);
	LAW(loyalty_lots_subtract(&rest, &b, NULL));
	LAW(is_canonical(&rest));
	LAW(same_lists(&rest, &a));

	if (points_of_key(&sum, &foreign) == 0)
	{
		LotList		more;

		loyalty_lots_init(&more);
		loyalty_lots_add(&more, &foreign, NULL);
		LAW(!loyalty_lots_subtract(&sum, &more, NULL));
		LAW(same_lists(&sum, &other_way));
	}
}

static void
try_clock(int shape)
{
	LotList		list = random_list(shape, 100);
	TimestampTz at = random_instant(&list);
	TimestampTz next = DT_NOEND;
	int64		spendable = 0;
	int64		pending = 0;
	int64		lapsed = 0;
	int64		ending = 0;
	int64		points;
	LotList		rest = copy_of(&list);
	LotList		gone;

	for (int i = 0; i < list.count; i++)
	{
		const PointLot *lot = &list.lots[i];

		if (at < lot->valid_from)
			pending += lot->points;
		else if (at >= lot->valid_until)
			lapsed += lot->points;
		else
			spendable += lot->points;
		if (lot->valid_until > at)
			next = Min(next, lot->valid_until);
	}
	for (int i = 0; i < list.count; i++)
	{
		if (list.lots[i].valid_until == next && next != DT_NOEND)
			ending += list.lots[i].points;
	}
	LAW(loyalty_lots_spendable(&list, at) == spendable);
	LAW(loyalty_lots_pending(&list, at) == pending);
	LAW(loyalty_lots_lapsed(&list, at) == lapsed);
	LAW(loyalty_lots_next_lapse(&list, at, &points) == next && points == ending);

	loyalty_lots_init(&gone);
	LAW(loyalty_lots_split_lapsed(&rest, at, &gone) == lapsed);
	LAW(is_canonical(&rest) && is_canonical(&gone) && adds_up(&list, &gone, &rest));
	LAW(gone.total == lapsed && loyalty_lots_lapsed(&rest, at) == 0);
}

/* Takes one point after the other, always from the lot that comes first. */
static void
take_naively(LotList *list, int64 points, TimestampTz at, SpendOrder order, LotList *taken)
{
	while (points > 0)
	{
		int			best = -1;
		PointLot	slice;

		for (int i = 0; i < list->count; i++)
		{
			const PointLot *lot = &list->lots[i];

			if (lot->points == 0 || at < lot->valid_from || at >= lot->valid_until)
				continue;
			if (best < 0 ||
				(order == SPEND_EXPIRING && lot->valid_until < list->lots[best].valid_until))
				best = i;
		}
		if (best < 0)
			return;
		slice = list->lots[best];
		slice.points = Min(slice.points, points);
		list->lots[best].points -= slice.points;
		list->total -= slice.points;
		points -= slice.points;
		loyalty_lots_add(taken, &slice, NULL);
	}
}

static void
try_taking(int shape)
{
	LotList		list = random_list(shape, 60);
	TimestampTz at = random_instant(&list);
	SpendOrder	order = random_below(2) ? SPEND_FIFO : SPEND_EXPIRING;
	int64		spendable = loyalty_lots_spendable(&list, at);
	int64		pending = loyalty_lots_pending(&list, at);
	int64		points = spendable > 0 ? 1 + random_below(spendable) : 1;
	int64		expected;
	LotList		rest = copy_of(&list);
	LotList		naive_rest = copy_of(&list);
	LotList		taken;
	LotList		naive_taken;

	if (random_below(8) == 0)
		points = spendable + 1;
	expected = Min(points, spendable);
	loyalty_lots_init(&taken);
	loyalty_lots_init(&naive_taken);
	LAW(loyalty_lots_take(&rest, points, at, order, &taken) == expected);
	take_naively(&naive_rest, points, at, order, &naive_taken);
	LAW(is_canonical(&rest) && is_canonical(&taken));
	LAW(taken.total == expected && adds_up(&list, &taken, &rest));
	LAW(same_lists(&taken, &naive_taken));

	/* What was taken goes back to where it was, also into a list in use. */
	LAW(loyalty_lots_merge(&rest, &taken, NULL) && same_lists(&rest, &list));

	rest = copy_of(&list);
	loyalty_lots_init(&taken);
	points = pending > 0 ? 1 + random_below(pending) : 1;
	expected = Min(points, pending);
	LAW(loyalty_lots_take_pending(&rest, points, at, &taken) == expected);
	LAW(is_canonical(&rest) && is_canonical(&taken) && adds_up(&list, &taken, &rest));
	LAW(loyalty_lots_spendable(&rest, at) == spendable);
	expected = 0;
	for (int i = 0; i + 1 < taken.count; i++)
		expected += points_of_key(&list, &taken.lots[i]) != taken.lots[i].points;
	LAW(expected == 0);
}

/* A list cut into pieces, in either order and from either end, is the list. */
static void
try_slicing(int shape)
{
	LotList		list = random_list(shape, 40);
	SpendOrder	order = random_below(2) ? SPEND_FIFO : SPEND_EXPIRING;
	bool		reversed = random_below(2) != 0;
	int64		offset = 0;
	LotList		all;

	loyalty_lots_init(&all);
	while (offset < list.total)
	{
		int64		points = 1 + random_below(list.total - offset);
		LotList		slice;
		LotList		rest = copy_of(&list);

		loyalty_lots_init(&slice);
		loyalty_lots_slice(&list, order, reversed, offset, points, &slice);
		LAW(is_canonical(&slice) && slice.total == points);
		LAW(loyalty_lots_subtract(&rest, &slice, NULL));

		/* Slices from the start are what taking them would move. */
		if (offset == 0 && !reversed && order == SPEND_FIFO)
		{
			LotList		again;

			loyalty_lots_init(&again);
			loyalty_lots_slice(&list, order, true, list.total - points, points, &again);
			LAW(same_lists(&slice, &again));
			LAW(slice.lots[0].valid_from == list.lots[0].valid_from);
		}
		LAW(loyalty_lots_merge(&all, &slice, NULL));
		offset += points;
	}
	LAW(same_lists(&all, &list));
}

static void
try_packing(int shape)
{
	LotList		list = random_list(shape, (int) random_below(300));
	LotList		unpacked;
	LotList		read;
	PointWallet *wallet = loyalty_wallet_pack(&list);
	PointWallet *again;
	Size		size = VARHDRSZ + VARSIZE_ANY_EXHDR(wallet);
	char	   *text = palloc((Size) POINT_LOT_TEXT_SIZE * (list.count + 1));
	int			length = 0;
	CoreError	err = {0};

	LAW(loyalty_wallet_check(wallet, size, &err));
	LAW(loyalty_wallet_count(wallet) == list.count);
	loyalty_wallet_unpack(wallet, &unpacked);
	LAW(same_lists(&list, &unpacked));
	again = loyalty_wallet_pack(&unpacked);
	LAW(memcmp(wallet, again, size) == 0);

	/* The text in reverse order reads as the same list. */
	text[length++] = '{';
	for (int i = list.count - 1; i >= 0; i--)
	{
		length += loyalty_lot_format(&list.lots[i], text + length);
		if (i > 0)
			text[length++] = ',';
	}
	text[length++] = '}';
	text[length] = '\0';
	LAW(loyalty_wallet_parse(text, &read, &err));
	LAW(same_lists(&list, &read));

	/* Changed or cut bytes are refused, or are the canonical bytes of a wallet. */
	if (size > VARHDRSZ)
	{
		PointWallet *damaged = palloc(size);
		uint8	   *bytes = (uint8 *) damaged + VARHDRSZ;

		memcpy(damaged, wallet, size);
		bytes[random_below(size - VARHDRSZ)] ^= 1 << random_below(8);
		if (loyalty_wallet_check(damaged, size, &err))
		{
			loyalty_wallet_unpack(damaged, &unpacked);
			LAW(is_canonical(&unpacked));
			again = loyalty_wallet_pack(&unpacked);
			LAW(memcmp(damaged, again, size) == 0);
		}
		LAW(!loyalty_wallet_check(wallet, size - 1, &err));
	}
}

static void
try_order(int shape)
{
	PointLot	a = random_lot(shape);
	PointLot	b = random_lot(shape);
	PointLot	c = random_lot(shape);

	LAW(loyalty_lot_compare(&a, &a) == 0);
	LAW(loyalty_lot_compare(&a, &b) == -loyalty_lot_compare(&b, &a));
	if (loyalty_lot_compare(&a, &b) <= 0 && loyalty_lot_compare(&b, &c) <= 0)
		LAW(loyalty_lot_compare(&a, &c) <= 0);
	LAW((loyalty_lot_compare(&a, &b) == 0) == (memcmp(&a, &b, sizeof(a)) == 0));
}

/* Dates by counting days one by one beside the closed formulas. */
static void
try_calendar(void)
{
	int64		year = 1;
	int			month = 1;
	int			day = 1;
	int64		number = INSTANT_MIN / USECS_PER_DAY;
	long		wrong = 0;

	for (; year < 3000; number++)
	{
		int64		y;
		int			m;
		int			d;

		loyalty_date_from_days(number, &y, &m, &d);
		wrong += y != year || m != month || d != day;
		wrong += loyalty_days_from_date(year, month, day) != number;
		if (++day > loyalty_days_in_month(year, month))
		{
			day = 1;
			if (++month > 12)
			{
				month = 1;
				year++;
			}
		}
	}
	LAW(wrong == 0);
	LAW(loyalty_days_from_date(2000, 1, 1) == 0);
	LAW(loyalty_days_in_month(1900, 2) == 28 && loyalty_days_in_month(2000, 2) == 29);
}

/* Months on and back, beside walking them one by one. */
static void
try_months(void)
{
	int64		day = (int64) (random_bits() % (END_TIMESTAMP / USECS_PER_DAY));
	int64		months = random_below(2401) - 1200;
	int64		year;
	int64		y;
	int			month;
	int			m;
	int			day_of_month;
	int			d;

	loyalty_date_from_days(day, &year, &month, &day_of_month);
	loyalty_date_from_days(loyalty_day_plus_months(day, months), &y, &m, &d);
	for (int64 left = months; left != 0; left += left < 0 ? 1 : -1)
	{
		month += left < 0 ? -1 : 1;
		if (month == 0 || month == 13)
		{
			year += left < 0 ? -1 : 1;
			month = month == 0 ? 12 : 1;
		}
	}
	LAW(y == year && m == month);
	LAW(d == Min(day_of_month, loyalty_days_in_month(year, month)));
}

static void
try_instants(void)
{
	TimestampTz instant = INSTANT_MIN +
		(int64) (random_bits() % ((uint64) END_TIMESTAMP + (uint64) -INSTANT_MIN));
	TimestampTz read;
	char		text[INSTANT_TEXT_SIZE];
	const char *p = text;
	int			length = loyalty_instant_format(instant, text);

	LAW(loyalty_instant_parse(&p, text + length, &read, NULL));
	LAW(read == instant && p == text + length);
}

/* A zone an hour ahead, whose clocks never change. */
static LocalTime
fixed_to_local(const void *zone, TimestampTz instant)
{
	TimestampTz shown = instant + USECS_PER_HOUR;
	LocalTime	local;

	local.time = (shown % USECS_PER_DAY + USECS_PER_DAY) % USECS_PER_DAY;
	local.day = (shown - local.time) / USECS_PER_DAY;
	return local;
}

static TimestampTz
fixed_from_local(const void *zone, LocalTime local)
{
	return local.day * USECS_PER_DAY + local.time - USECS_PER_HOUR;
}

static void
random_policy(char *text, int depth)
{
	static const char *const units[] = {"day", "week", "month", "year"};
	static const char *const periods[] = {"day", "week", "month", "quarter", "year"};

	switch (random_below(depth > 0 ? 6 : 5))
	{
		case 0:
			sprintf(text, "never");
			break;
		case 1:
			sprintf(text, "%d %ss", (int) random_below(500) + 1, units[random_below(4)]);
			break;
		case 2:
			sprintf(text, "%d %s end of %s", (int) random_below(500) + 1,
					units[random_below(4)], periods[random_below(5)]);
			break;
		case 3:
			sprintf(text, "end of %s%s", random_below(2) ? "next " : "",
					periods[random_below(5)]);
			break;
		case 4:
			sprintf(text, "on %02d-%02d, 02-29", (int) random_below(12) + 1,
					(int) random_below(28) + 1);
			break;
		default:
			{
				char		first[1000];
				char		second[1000];

				random_policy(first, depth - 1);
				random_policy(second, depth - 1);
				sprintf(text, "earliest of (%s, %s)", first, second);
				break;
			}
	}
}

static void
try_policies(void)
{
	const LocalClock clock = {fixed_to_local, fixed_from_local, NULL};
	TimestampTz from = (random_below(400000000) - 100000000) * USECS_PER_SEC;
	TimestampTz until;
	TimestampTz again;
	ValidityPolicy *policy;
	ValidityPolicy *read;
	char		text[3000];
	char	   *canonical;

	random_policy(text, 3);
	LAW(loyalty_validity_parse(text, &policy, NULL));
	canonical = loyalty_validity_format(policy);
	LAW(loyalty_validity_parse(canonical, &read, NULL));
	LAW(VARSIZE_ANY_EXHDR(policy) == VARSIZE_ANY_EXHDR(read) &&
		memcmp(policy, read, VARHDRSZ + VARSIZE_ANY_EXHDR(policy)) == 0);
	LAW(strcmp(canonical, loyalty_validity_format(read)) == 0);
	LAW(loyalty_validity_evaluate(policy, from, &clock, &until, NULL));
	LAW(until > from);

	/* Points of a later day never lapse earlier. */
	LAW(loyalty_validity_evaluate(policy, from + random_below(40) * USECS_PER_DAY,
								  &clock, &again, NULL));
	LAW(again >= until);
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 2000;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	state = seed * UINT64CONST(0x9E3779B97F4A7C15) + 1;
	printf("seed %llu, %d rounds\n", (unsigned long long) seed, rounds);

	try_calendar();
	for (round_no = 0; round_no < rounds; round_no++)
	{
		int			shape = round_no % 3;

		try_building(shape);
		try_merging(shape);
		try_clock(shape);
		try_taking(shape);
		try_slicing(shape);
		try_packing(shape);
		try_order(shape);
		try_months();
		try_instants();
		try_policies();
		memory_reset();
	}
	printf("%d passed, %d failed\n", laws_tried() - laws_broken(), laws_broken());
	return laws_broken() > 0;
}
