/*
 * explain.c
 *		explain: what happened under a ref and why, in sentences.
 *
 * The story of a ref is its entries in recorded order, and among them the
 * lapses of lots that it granted.  Each entry is a headline (when, what, how
 * many points) and what the entry notes about it: rules, lots, debt, what was
 * forgiven or had lapsed.  A sentence is one format, so that it can be
 * translated; dates are ISO 8601 in the program's time zone.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/explain.h"
#include "engine/breakdown.h"
#include "engine/usage.h"
#include "errors.h"
#include "nls.h"

PG_FUNCTION_INFO_V1(loyalty_explain);

void
loyalty_tell(Telling *telling, const char *format,...)
{
	StringInfoData line;

	initStringInfo(&line);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&line, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&line, needed);
	}
	telling->lines = lappend(telling->lines, cstring_to_text_with_len(line.data, line.len));
	pfree(line.data);
}

/* An entry of the story by id; NULL if it has none of that id. */
static const Entry *
entry_of_story(const Telling *telling, int64 entry_id)
{
	ListCell   *cell;

	foreach(cell, telling->story)
	{
		const Entry *entry = lfirst(cell);

		if (entry->entry_id == entry_id)
			return entry;
	}
	return NULL;
}

static const char *
counterpart(const Entry *entry)
{
	MemberState other;

	return loyalty_member_read_id(entry->counterpart, &other) ? other.ref :
		psprintf("%lld", (long long) entry->counterpart);
}

/* Is the event entry an addition to an earlier grant, rather than the first? */
static bool
is_addition(const Telling *telling, const Entry *entry)
{
	ListCell   *cell;

	foreach(cell, loyalty_family_gather(telling->story, ENTRY_EVENT, entry->event_id))
	{
		const Family *family = lfirst(cell);

		if (family->first->entry_id == entry->entry_id)
			return false;
	}
	return true;
}

/* Which rules an entry goes by, where they are not those of the first grant. */
static void
tell_resettled(Telling *telling, const Entry *entry)
{
	if (loyalty_breakdown_is_resettled(entry->breakdown))
		loyalty_tell(telling, _("It was resettled: it counts by the rules as they were then, "
								"no longer by those of its first grant."));
}

static void
tell_event(Telling *telling, const Entry *entry, const char *at)
{
	if (is_addition(telling, entry))
	{
		loyalty_tell_change(telling, entry, at);
		loyalty_tell(telling, _("This is what the rules give for it now."));
	}
	else
		loyalty_tell_first(telling, entry, at);
	tell_resettled(telling, entry);
	if (entry->point_kind != NULL)
		loyalty_tell(telling, _("The points are of the kind %s."), entry->point_kind);
	if (entry->partner != NULL)
		loyalty_tell(telling, _("The points are paid for by %s."), entry->partner);
	loyalty_tell_contest(telling, entry);
	loyalty_tell_rules(telling, entry);
	loyalty_tell_effects(telling, entry);
	loyalty_tell_shortfall(telling, entry);
	if (entry->points > 0)
		loyalty_tell_arrived(telling, entry);
	else
		loyalty_tell_taken(telling, entry);
}

static void
tell_correction(Telling *telling, const Entry *entry, const char *at)
{
	const Entry *reversed = entry_of_story(telling, entry->reverses);
	long long	points = -loyalty_entry_effect(entry);

	if (reversed != NULL && reversed->kind == ENTRY_GIFT)
		loyalty_tell(telling,
					 loyalty_plural("%s: the gift of tier %s was taken back, %lld point.",
									"%s: the gift of tier %s was taken back, %lld points.", points),
					 at, loyalty_tell_noted(reversed, "tier"), points);
	else
	{
		loyalty_tell_change(telling, entry, at);
		if (loyalty_entry_calls_off(entry))
			loyalty_tell(telling, _("The rules give nothing for it any more."));
		else
		{
			loyalty_tell(telling, _("This is what the rules give for it now."));
			tell_resettled(telling, entry);
			loyalty_tell_rules(telling, entry);
		}
		loyalty_tell_effects(telling, entry);
	}
	loyalty_tell_taken(telling, entry);
	loyalty_tell_shortfall(telling, entry);
}

static void
tell_claw_back(Telling *telling, const Entry *entry, const char *at)
{
	long long	points = -loyalty_entry_effect(entry);

	loyalty_tell(telling,
				 loyalty_plural("%s: %lld point and %lld growth of entry %lld were clawed back.",
								"%s: %lld points and %lld growth of entry %lld were clawed back.",
								points),
				 at, points, (long long) -entry->growth, (long long) entry->reverses);
	loyalty_tell_effects(telling, entry);
	loyalty_tell_taken(telling, entry);
	loyalty_tell_shortfall(telling, entry);
}

static void
tell_restore(Telling *telling, const Entry *entry, const char *at)
{
	long long	points = loyalty_entry_effect(entry);

	loyalty_tell(telling,
				 loyalty_plural("%s: %lld point spent by entry %lld was given back.",
								"%s: %lld points spent by entry %lld were given back.", points),
				 at, points, (long long) entry->reverses);
	loyalty_tell_shortfall(telling, entry);
	loyalty_tell_arrived(telling, entry);
}

static void
tell_hold(Telling *telling, const Entry *entry, const char *at)
{
	long long	points = loyalty_lots_points(&entry->lots);
	ListCell   *cell;

	loyalty_tell(telling, loyalty_plural("%s: %lld point was held.",
										 "%s: %lld points were held.", points),
				 at, points);
	loyalty_tell_taken(telling, entry);
	foreach(cell, telling->member->holds)
	{
		const Hold *hold = lfirst(cell);

		if (hold->entry_id == entry->entry_id)
			loyalty_tell(telling, _("The hold ends at %s unless it is captured before."),
						 loyalty_tell_instant(telling, hold->until));
	}
}

/* The end of a hold: captured, in part or whole, or released. */
static void
tell_hold_end(Telling *telling, const Entry *entry, const char *at)
{
	const Entry *hold = entry_of_story(telling, entry->reverses);
	long long	held = hold == NULL ? -entry->points : loyalty_lots_points(&hold->lots);
	long long	spent = -entry->points;

	if (entry->kind == ENTRY_RELEASE)
	{
		loyalty_tell(telling,
					 loyalty_plural("%s: the hold ended and its %lld point returned.",
									"%s: the hold ended and its %lld points returned.", held),
					 at, held);
		loyalty_tell_shortfall(telling, entry);
		loyalty_tell_arrived(telling, entry);
		return;
	}
	loyalty_tell(telling, loyalty_plural("%s: %lld held point was spent.",
										 "%s: %lld held points were spent.", spent),
				 at, spent);
	loyalty_tell_taken(telling, entry);
	if (held > spent)
		loyalty_tell(telling, loyalty_plural("The other %lld point of the hold returned.",
											 "The other %lld points of the hold returned.",
											 held - spent),
					 held - spent);
	loyalty_tell_shortfall(telling, entry);
}

static void
tell_transfer(Telling *telling, const Entry *entry, const char *at)
{
	long long	points = llabs(entry->points);

	if (entry->kind == ENTRY_TRANSFER_OUT)
	{
		loyalty_tell(telling,
					 loyalty_plural("%s: %lld point went to member %s.",
									"%s: %lld points went to member %s.", points),
					 at, points, counterpart(entry));
		loyalty_tell_taken(telling, entry);
		return;
	}
	loyalty_tell(telling,
				 loyalty_plural("%s: %lld point came from member %s.",
								"%s: %lld points came from member %s.", points),
				 at, points, counterpart(entry));
	loyalty_tell_shortfall(telling, entry);
	loyalty_tell_arrived(telling, entry);
}

static void
tell_adjust(Telling *telling, const Entry *entry, const char *at)
{
	long long	points = loyalty_entry_effect(entry);

	if (points > 0)
	{
		loyalty_tell(telling,
					 loyalty_plural("%s: an adjustment granted %lld point.",
									"%s: an adjustment granted %lld points.", points),
					 at, points);
		loyalty_tell_shortfall(telling, entry);
		loyalty_tell_arrived(telling, entry);
		return;
	}
	loyalty_tell(telling, loyalty_plural("%s: an adjustment took %lld point.",
										 "%s: an adjustment took %lld points.", -points),
				 at, -points);
	loyalty_tell_taken(telling, entry);
	loyalty_tell_shortfall(telling, entry);
}

static void
tell_opening(Telling *telling, const Entry *entry, const char *at)
{
	loyalty_tell(telling,
				 loyalty_plural("%s: the opening balance was %lld point and %lld growth.",
								"%s: the opening balance was %lld points and %lld growth.",
								llabs(entry->points)),
				 at, (long long) entry->points, (long long) entry->growth);
	if (entry->points > 0)
		loyalty_tell_arrived(telling, entry);
	else
		loyalty_tell_taken(telling, entry);
	loyalty_tell_shortfall(telling, entry);
}

/* A refusal: of a new event, or of a change to one that stands as it was. */
static void
tell_refused(Telling *telling, const Entry *entry, const char *at)
{
	List	   *before = NIL;
	List	   *families;
	ListCell   *cell;
	long long	points = 0;

	foreach(cell, telling->story)
	{
		Entry	   *other = lfirst(cell);

		if (other->entry_id < entry->entry_id)
			before = lappend(before, other);
	}
	families = loyalty_family_gather(before, ENTRY_EVENT, entry->event_id);
	foreach(cell, families)
		points += ((const Family *) lfirst(cell))->net;
	if (families == NIL)
		loyalty_tell(telling, _("%s: event %s was refused and granted nothing."),
					 at, loyalty_event_name(entry->event_id));
	else
		loyalty_tell(telling,
					 loyalty_plural("%s: event %s was settled again, which was refused; "
									"its %lld point stays.",
									"%s: event %s was settled again, which was refused; "
									"its %lld points stay.", llabs(points)),
					 at, loyalty_event_name(entry->event_id), points);
	loyalty_tell_contest(telling, entry);
}

static void
tell_entry(Telling *telling, const Entry *entry)
{
	const char *at = loyalty_tell_instant(telling, entry->at);
	long long	points = llabs(entry->points);

	switch (entry->kind)
	{
		case ENTRY_EARN:
			loyalty_tell(telling, loyalty_plural("%s: %lld point was granted.",
												 "%s: %lld points were granted.", points),
						 at, points);
			loyalty_tell_shortfall(telling, entry);
			loyalty_tell_arrived(telling, entry);
			break;
		case ENTRY_EVENT:
			tell_event(telling, entry, at);
			break;
		case ENTRY_CORRECTION:
			tell_correction(telling, entry, at);
			break;
		case ENTRY_CLAW_BACK:
			tell_claw_back(telling, entry, at);
			break;
		case ENTRY_REDEEM:
			loyalty_tell(telling, loyalty_plural("%s: %lld point was spent.",
												 "%s: %lld points were spent.", points),
						 at, points);
			loyalty_tell_taken(telling, entry);
			break;
		case ENTRY_HOLD:
			tell_hold(telling, entry, at);
			break;
		case ENTRY_CAPTURE:
		case ENTRY_RELEASE:
			tell_hold_end(telling, entry, at);
			break;
		case ENTRY_RESTORE:
			tell_restore(telling, entry, at);
			break;
		case ENTRY_TRANSFER_OUT:
		case ENTRY_TRANSFER_IN:
			tell_transfer(telling, entry, at);
			break;
		case ENTRY_ADJUST:
			tell_adjust(telling, entry, at);
			break;
		case ENTRY_LAPSE:
			loyalty_tell(telling, loyalty_plural("%s: %lld point lapsed.",
												 "%s: %lld points lapsed.", points),
						 at, points);
			loyalty_tell_taken(telling, entry);
			return;				/* not about this ref alone: no balance */
		case ENTRY_GIFT:
			loyalty_tell(telling,
						 loyalty_plural("%s: reaching tier %s gave %lld point.",
										"%s: reaching tier %s gave %lld points.", points),
						 at, loyalty_tell_noted(entry, "tier"), points);
			loyalty_tell_shortfall(telling, entry);
			loyalty_tell_arrived(telling, entry);
			break;
		case ENTRY_REFUSED:
			tell_refused(telling, entry, at);
			break;
		case ENTRY_OPENING:
			tell_opening(telling, entry, at);
			break;
		case ENTRY_SUBSCRIBE:
		case ENTRY_UNSUBSCRIBE:
		case ENTRY_BENEFIT:
		case ENTRY_COUPON:
		case ENTRY_TIER:
			loyalty_tell_membership(telling, entry, at);
			break;
		case ENTRY_STATUS:		/* carries no ref */
			return;
	}
	if (entry->operation_ref != NULL)
		loyalty_tell(telling, _("Its own ref is %s."), entry->operation_ref);
	if (entry->reason != NULL)
		loyalty_tell(telling, _("Reason: %s"), entry->reason);
	loyalty_tell(telling,
				 loyalty_plural("That was entry %lld; it left a balance of %lld point.",
								"That was entry %lld; it left a balance of %lld points.",
								llabs(entry->balance)),
				 (long long) entry->entry_id, (long long) entry->balance);
}

/* Does the entry grant lots (or bring them from another member)? */
static bool
brings_lots(const Entry *entry)
{
	return entry->points > 0 &&
		(entry->kind == ENTRY_EARN || entry->kind == ENTRY_EVENT ||
		 entry->kind == ENTRY_GIFT || entry->kind == ENTRY_ADJUST ||
		 entry->kind == ENTRY_OPENING ||
		 entry->kind == ENTRY_TRANSFER_IN);
}

/* Is the lot one that the story brought? */
static bool
is_of_story(List *story, const PointLot *lot)
{
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (!brings_lots(entry))
			continue;
		for (int i = 0; i < entry->lots.count; i++)
		{
			if (loyalty_lot_compare_key(&entry->lots.lots[i], lot) == 0)
				return true;
		}
	}
	return false;
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	int64		first = ((const Entry *) lfirst(a))->entry_id;
	int64		second = ((const Entry *) lfirst(b))->entry_id;

	return first < second ? -1 : first > second;
}

/*
 * The lapses of lots that the story brought, cut down to those lots.  A lapse
 * carries no ref: it may concern the lots of many.
 */
static List *
lapses_of_story(const MemberState *member, List *story)
{
	const char	kinds[] = {ENTRY_LAPSE, '\0'};
	List	   *lapses = NIL;
	int64		first = 0;
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (first == 0 && brings_lots(entry))
			first = entry->entry_id;
	}
	if (first == 0)
		return NIL;
	foreach(cell, loyalty_entries_since(member->member_id, first, kinds))
	{
		Entry	   *lapse = lfirst(cell);
		LotList		mine;

		loyalty_lots_init(&mine);
		for (int i = 0; i < lapse->lots.count; i++)
		{
			if (is_of_story(story, &lapse->lots.lots[i]))
				loyalty_flow_add(&mine, &lapse->lots.lots[i]);
		}
		if (mine.count == 0)
			continue;
		lapse->lots = mine;
		lapse->points = -loyalty_lots_points(&mine);
		lapses = lappend(lapses, lapse);
	}
	return lapses;
}

/*
 * Entries are read under a fresh snapshot, the member under that of the query:
 * what was recorded after the member's newest entry is left out, so that one
 * query is told the same story throughout.
 */
static List *
known_entries(const MemberState *member, List *entries)
{
	List	   *known = NIL;
	ListCell   *cell;

	foreach(cell, entries)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->entry_id <= member->last_entry)
			known = lappend(known, entry);
	}
	return known;
}

static List *
tell_story(const Program *program, const char *member_ref, const char *ref)
{
	Telling		telling = {0};
	MemberState member;
	List	   *entries;
	ListCell   *cell;

	if (!loyalty_member_read(program, member_ref, &member))
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_MEMBER),
				 errmsg("unknown member \"%s\" in program \"%s\"", member_ref, program->name)));
	telling.program = program;
	telling.member = &member;
	telling.story = known_entries(&member, loyalty_entries_of_ref(member.member_id, ref));
	if (telling.story == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_REF),
				 errmsg("nothing under ref \"%s\" of member \"%s\"", ref, member_ref)));

	entries = known_entries(&member, lapses_of_story(&member, telling.story));
	entries = list_concat(entries, telling.story);
	list_sort(entries, compare_ids);
	foreach(cell, entries)
		tell_entry(&telling, lfirst(cell));
	return telling.lines;
}

/* explain(member, ref, program) */
Datum
loyalty_explain(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	List	   *lines;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		context = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = tell_story(loyalty_arg_program(fcinfo, 2),
										loyalty_arg_key(fcinfo, 0, "member", true),
										loyalty_arg_key(fcinfo, 1, "ref", true));
		MemoryContextSwitchTo(caller);
	}

	context = SRF_PERCALL_SETUP();
	lines = context->user_fctx;
	if (context->call_cntr < list_length(lines))
	{
		Datum		line = PointerGetDatum(list_nth(lines, context->call_cntr));

		SRF_RETURN_NEXT(context, line);
	}
	SRF_RETURN_DONE(context);
}
