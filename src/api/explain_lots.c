/*
 * explain_lots.c
 *		Lots that came and went as sentences, and what was not there.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "api/explain.h"
#include "nls.h"

/* An instant to the minute; seconds where it has some. */
const char *
loyalty_tell_instant(const Telling *telling, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(at) ||
		timestamp2tm(at, &offset, &tm, &fsec, NULL, telling->program->tz) != 0)
		return timestamptz_to_str(at);
	if (tm.tm_sec == 0)
		return psprintf("%04d-%02d-%02d %02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
						tm.tm_hour, tm.tm_min);
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Lots that came in, as they arrived. */
void
loyalty_tell_arrived(Telling *telling, const Entry *entry)
{
	int64		late = 0;

	for (int i = 0; i < entry->lots.count; i++)
	{
		const PointLot *lot = &entry->lots.lots[i];
		long long	points = lot->points;
		long long	source = lot->source;

		if (lot->valid_until <= entry->at)
			late += lot->points;
		if (lot->valid_until == DT_NOEND)
			loyalty_tell(telling,
						 loyalty_plural("%lld point joined the lot of entry %lld, "
										"valid from %s without end.",
										"%lld points joined the lot of entry %lld, "
										"valid from %s without end.",
										points),
						 points, source, loyalty_tell_instant(telling, lot->valid_from));
		else
			loyalty_tell(telling,
						 loyalty_plural("%lld point joined the lot of entry %lld, "
										"valid from %s until %s.",
										"%lld points joined the lot of entry %lld, "
										"valid from %s until %s.",
										points),
						 points, source, loyalty_tell_instant(telling, lot->valid_from),
						 loyalty_tell_instant(telling, lot->valid_until));
	}
	if (late > 0)
		loyalty_tell(telling,
					 loyalty_plural("%lld point was past its end and lapsed at once.",
									"%lld points were past their end and lapsed at once.",
									late),
					 (long long) late);
}

/*
 * Lots that left, or were set aside.  What takes a grant back begins with that
 * grant's own lots, so that the spend order is no reason there.
 */
void
loyalty_tell_taken(Telling *telling, const Entry *entry)
{
	bool		in_order = entry->lots.count > 1 && entry->kind != ENTRY_CORRECTION &&
		entry->kind != ENTRY_CLAW_BACK;

	if (in_order && entry->spend_order == SPEND_FIFO)
		loyalty_tell(telling, _("Lots were taken in the order in which they became valid."));
	if (in_order && entry->spend_order == SPEND_EXPIRING)
		loyalty_tell(telling, _("Lots were taken in the order in which they lapse."));
	for (int i = 0; i < entry->lots.count; i++)
	{
		const PointLot *lot = &entry->lots.lots[i];
		long long	points = lot->points;
		long long	source = lot->source;

		if (lot->valid_until == DT_NOEND)
			loyalty_tell(telling,
						 loyalty_plural("%lld point was taken from the lot of entry %lld, "
										"valid from %s without end.",
										"%lld points were taken from the lot of entry %lld, "
										"valid from %s without end.",
										points),
						 points, source, loyalty_tell_instant(telling, lot->valid_from));
		else
			loyalty_tell(telling,
						 loyalty_plural("%lld point was taken from the lot of entry "
										"%lld, valid from %s until %s.",
										"%lld points were taken from the lot of entry "
										"%lld, valid from %s until %s.",
										points),
						 points, source, loyalty_tell_instant(telling, lot->valid_from),
						 loyalty_tell_instant(telling, lot->valid_until));
	}
}

/* What became debt, was forgiven or had lapsed, and what undid that. */
void
loyalty_tell_shortfall(Telling *telling, const Entry *entry)
{
	long long	debt = entry->debt;
	long long	waived = entry->waived;
	long long	lapsed = entry->lapsed;

	if (debt > 0)
		loyalty_tell(telling, loyalty_plural("%lld point was not there and is owed.",
											 "%lld points were not there and are owed.", debt),
					 debt);
	if (debt < 0)
		loyalty_tell(telling, loyalty_plural("The debt took %lld point.",
											 "The debt took %lld points.", -debt),
					 -debt);
	if (waived > 0)
		loyalty_tell(telling, loyalty_plural("%lld point was forgiven.",
											 "%lld points were forgiven.", waived),
					 waived);
	if (waived < 0)
		loyalty_tell(telling,
					 loyalty_plural("%lld point went to what had been forgiven before.",
									"%lld points went to what had been forgiven before.", -waived),
					 -waived);
	if (lapsed > 0)
		loyalty_tell(telling,
					 loyalty_plural("%lld point had lapsed and counts as taken.",
									"%lld points had lapsed and count as taken.", lapsed),
					 lapsed);
	if (lapsed < 0)
		loyalty_tell(telling,
					 loyalty_plural("%lld point had lapsed and stays so.",
									"%lld points had lapsed and stay so.", -lapsed),
					 -lapsed);
}
