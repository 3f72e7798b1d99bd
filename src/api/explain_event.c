/*
 * explain_event.c
 *		Headlines of events: what one granted or took, and what settling it again
 *		changed.
 *
 * Points and growth go their own ways: a correction can take points back and
 * grant growth, or leave either as it is.  Each such case is a sentence.
 */
#include "postgres.h"

#include "api/call.h"
#include "api/explain.h"
#include "engine/effect.h"
#include "nls.h"

/* What settling an event again changed: a correction, or an addition. */
void
loyalty_tell_change(Telling *telling, const Entry *entry, const char *at)
{
	const char *event = loyalty_event_name(entry->event_id);
	long long	of = entry->reverses;
	long long	points = loyalty_entry_effect(entry);
	long long	growth = entry->growth;

	if (points > 0 && growth > 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again and granted %lld more point "
									"and %lld more growth.",
									"%s: event %s was settled again and granted %lld more points "
									"and %lld more growth.", points),
					 at, event, points, growth);
	else if (points > 0 && growth < 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again and granted %lld more point, "
									"but took back %lld growth.",
									"%s: event %s was settled again and granted %lld more points, "
									"but took back %lld growth.", points),
					 at, event, points, -growth);
	else if (points > 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again and granted %lld more point.",
									"%s: event %s was settled again and granted %lld more points.",
									points),
					 at, event, points);
	else if (points < 0 && growth < 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again, which took back %lld point "
									"and %lld growth of entry %lld.",
									"%s: event %s was settled again, which took back %lld points "
									"and %lld growth of entry %lld.", -points),
					 at, event, -points, -growth, of);
	else if (points < 0 && growth > 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again, which took back %lld point "
									"of entry %lld, but granted %lld more growth.",
									"%s: event %s was settled again, which took back %lld points "
									"of entry %lld, but granted %lld more growth.", -points),
					 at, event, -points, of, growth);
	else if (points < 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again, which took back %lld point "
									"of entry %lld.",
									"%s: event %s was settled again, which took back %lld points "
									"of entry %lld.", -points),
					 at, event, -points, of);
	else if (growth > 0)
		loyalty_tell(telling, _("%s: event %s was settled again and granted %lld more growth; "
								"its points stay as they were."),
					 at, event, growth);
	else if (growth < 0)
		loyalty_tell(telling, _("%s: event %s was settled again, which took back %lld growth of "
								"entry %lld; its points stay as they were."),
					 at, event, -growth, of);
	else
		loyalty_tell(telling, _("%s: event %s was settled again; its points and its growth stay "
								"as they were."),
					 at, event);
}

/* What an event granted or took when it came. */
void
loyalty_tell_first(Telling *telling, const Entry *entry, const char *at)
{
	const char *event = loyalty_event_name(entry->event_id);
	long long	points = loyalty_entry_effect(entry);
	long long	growth = entry->growth;

	if (points == 0 && growth == 0 && loyalty_effects_read(entry->breakdown) != NIL)
		loyalty_tell(telling, _("%s: event %s granted no points."), at, event);
	else if (points == 0 && growth == 0)
		loyalty_tell(telling, _("%s: event %s granted nothing."), at, event);
	else if (points >= 0 && growth >= 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s granted %lld point and %lld growth.",
									"%s: event %s granted %lld points and %lld growth.", points),
					 at, event, points, growth);
	else if (points <= 0 && growth <= 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s took %lld point and %lld growth.",
									"%s: event %s took %lld points and %lld growth.", -points),
					 at, event, -points, -growth);
	else if (points > 0)
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s granted %lld point, but took %lld growth.",
									"%s: event %s granted %lld points, but took %lld growth.",
									points),
					 at, event, points, -growth);
	else
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s took %lld point, but granted %lld growth.",
									"%s: event %s took %lld points, but granted %lld growth.",
									-points),
					 at, event, -points, growth);
}
