/*
 * opening.c
 *		The balance that a member brings from another system, as one entry.
 *
 * Lots come as they were, lapsed ones too: these leave in a lapse of the same
 * instant, so that the entry ties to the other system's figures.  Reaching a
 * tier by an opening balance gives no gift: it was given elsewhere.
 */
#include "postgres.h"

#include "engine/engine.h"

Entry *
loyalty_engine_open_balance(Engine *engine, const Opening *opening, const char *ref)
{
	Entry	   *entry;

	if (opening->lots.count > 0)
		loyalty_engine_require_earning(engine);
	loyalty_tier_advance(engine);
	entry = loyalty_entry_open(engine, ENTRY_OPENING, engine->at);
	entry->ref = ref;
	if (opening->lots.count > 0)
	{
		LotList		incoming;

		loyalty_lots_init(&incoming);
		for (int i = 0; i < opening->lots.count; i++)
		{
			PointLot	lot = opening->lots.lots[i];

			lot.source = entry->entry_id;
			loyalty_flow_add(&incoming, &lot);
		}
		entry->points = loyalty_lots_points(&incoming);
		loyalty_flow_credit(engine, entry, &incoming);
	}
	else if (opening->debt > 0)
	{
		entry->points = -opening->debt;
		loyalty_flow_owe(engine, entry, opening->debt);
	}
	for (int i = 0; i < opening->growth_count; i++)
		loyalty_growth_add(engine, entry, opening->growth[i].growth, opening->growth[i].dated);
	loyalty_entry_close(engine, entry);
	loyalty_tier_place(engine, opening->tier, entry);
	return entry;
}
