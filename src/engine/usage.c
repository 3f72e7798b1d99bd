/*
 * usage.c
 *		What a member uses of limits and budgets, and its history of events.
 *
 * The use of an event is a function of its entries: the breakdown of each
 * family's newest grant or correction says it, until an operator has clawed all
 * of that back.  (A part that was clawed back stays used: a correction aims at
 * the rules' figure less that part, and so must find the whole figure's room.)
 * Times that stay used because of effects are noted beside it (kept.c).
 * An operation notes the difference that it makes;
 * the ledger floor adds the differences to what is stored.  A budget's
 * points are taken while the event is evaluated, since others want them too;
 * what is not needed in the end is given back when the operation is stored.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "engine/breakdown.h"
#include "engine/effect.h"
#include "engine/kept.h"
#include "engine/rules_work.h"
#include "engine/usage.h"
#include "engine/use_table.h"

/* Whose facts they are. */
typedef struct FactsOf
{
	Engine	   *engine;
	List	   *families;		/* of the event itself; NIL = it is new */
	List	   *own;			/* of RuleUse: of the event itself */
} FactsOf;

static Numeric
add_number(Numeric sum, Numeric number, int sign)
{
	if (number == NULL)
		return sum;
	if (sum == NULL)
		sum = loyalty_number_of(0);
	return sign > 0 ? loyalty_number_add(sum, number) : loyalty_number_subtract(sum, number);
}

static void
add_use(RuleUse *sum, const RuleUse *use, int sign)
{
	sum->points += sign * use->points;
	sum->times += sign * use->times;
	sum->seen += sign * use->seen;
	sum->budget += sign * use->budget;
	sum->measured = add_number(sum->measured, use->measured, sign);
	sum->carried = add_number(sum->carried, use->carried, sign);
}

static void
add_matching(const UseTable *table, const List *others, int sign)
{
	ListCell   *cell;

	foreach(cell, others)
	{
		RuleUse    *use = loyalty_use_find(table, lfirst(cell));

		if (use != NULL)
			add_use(use, lfirst(cell), sign);
	}
}

static void
used_now(void *arg, RuleUse *uses, int count)
{
	const FactsOf *of = arg;
	const Engine *engine = of->engine;
	UseTable	table = {0};

	engine->source->usage(engine->source->arg, uses, count);
	if (engine->uses == NIL && of->own == NIL)
		return;
	for (int i = 0; i < count; i++)
		loyalty_use_add(&table, &uses[i]);
	add_matching(&table, engine->uses, 1);
	add_matching(&table, of->own, -1);
}

static Reservation *
reservation_of(Engine *engine, int32 rule_id)
{
	Reservation *reservation;
	ListCell   *cell;

	foreach(cell, engine->reservations)
	{
		reservation = lfirst(cell);
		if (reservation->rule_id == rule_id)
			return reservation;
	}
	reservation = palloc0(sizeof(Reservation));
	reservation->rule_id = rule_id;
	engine->reservations = lappend(engine->reservations, reservation);
	return reservation;
}

static int64
budget_of(const List *uses, int32 rule_id)
{
	int64		points = 0;
	ListCell   *cell;

	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);

		if (use->rule_id == rule_id)
			points += use->budget;
	}
	return points;
}

/*
 * Locks the budgets that a correction may give back to, up to a rule that it is
 * about to take from: budgets are locked in the order of their rules' ids, so
 * that operations cannot block each other.
 */
static void
lock_own_budgets(const FactsOf *of, int32 up_to)
{
	Engine	   *engine = of->engine;
	int32		last = 0;

	for (;;)
	{
		int32		next = PG_INT32_MAX;
		Reservation *reservation;
		ListCell   *cell;

		foreach(cell, of->own)
		{
			const RuleUse *use = lfirst(cell);

			if (use->budget > 0 && use->rule_id > last && use->rule_id <= up_to)
				next = Min(next, use->rule_id);
		}
		if (next == PG_INT32_MAX)
			return;
		reservation = reservation_of(engine, next);
		if (!reservation->locked)
			(void) engine->source->take_budget(engine->source->arg, next, 0);
		reservation->locked = true;
		last = next;
	}
}

/* The event keeps what it has; what this operation has spare comes next. */
static int64
take_budget(void *arg, int32 rule_id, int64 points)
{
	FactsOf    *of = arg;
	Engine	   *engine = of->engine;
	Reservation *reservation = reservation_of(engine, rule_id);
	int64		at_hand = budget_of(of->own, rule_id) +
		reservation->points - budget_of(engine->uses, rule_id);
	int64		got;

	if (points <= at_hand)
		return points;
	lock_own_budgets(of, rule_id);
	got = engine->source->take_budget(engine->source->arg, rule_id, points - at_hand);
	reservation->points += got;
	return at_hand + got;
}

/* What the event has given already takes no room. */
static int64
room_left(void *arg)
{
	const FactsOf *of = arg;
	int64		room = loyalty_balance_room(of->engine);
	ListCell   *cell;

	if (room < 0)
		return room;
	foreach(cell, of->families)
		room = loyalty_points_add(room, Max(((const Family *) lfirst(cell))->net, 0));
	return Min(room, of->engine->program->max_balance);
}

/* Does an entry grant, correct or call off the event? */
static bool
concerns(const Entry *entry, int32 event_id)
{
	return entry->event_id == event_id &&
		(entry->kind == ENTRY_EVENT ||
		 (entry->kind == ENTRY_CORRECTION && entry->reverses != 0));
}

/* Grants and corrections of all events after an entry, by id. */
static List *
events_since(const Engine *engine, int64 entry_id)
{
	List	   *entries = engine->stored_entries <= entry_id ? NIL :
		engine->source->since(engine->source->arg, entry_id, "vc");
	ListCell   *cell;

	foreach(cell, engine->entries)
	{
		if (((Entry *) lfirst(cell))->entry_id > entry_id)
			entries = lappend(entries, lfirst(cell));
	}
	return entries;
}

/* Does it tell of all entries of its event before one of that id? */
static bool
is_current(const Engine *engine, const EventHistory *history, int64 before)
{
	ListCell   *cell;

	foreach(cell, events_since(engine, history->through))
	{
		const Entry *entry = lfirst(cell);

		if (entry->entry_id < before && concerns(entry, history->event_id))
			return false;
	}
	return true;
}

/* What was noted last: by this operation, or stored. */
static bool
find_history(const Engine *engine, int32 event_id, EventHistory *history)
{
	for (int i = list_length(engine->histories) - 1; i >= 0; i--)
	{
		*history = *(EventHistory *) list_nth(engine->histories, i);
		if (history->event_id == event_id)
			return true;
	}
	return engine->source->history(engine->source->arg, event_id, history);
}

static void
note_history(Engine *engine, const EventHistory *history)
{
	engine->histories = lappend(engine->histories,
								memcpy(palloc(sizeof(EventHistory)), history,
									   sizeof(EventHistory)));
}

/* The member's earlier events of the kind; counted anew only where need be. */
static int64
ask_history(void *arg, int32 event_id, TimestampTz *last_at)
{
	Engine	   *engine = ((FactsOf *) arg)->engine;
	EventHistory history;

	if (!find_history(engine, event_id, &history) || !is_current(engine, &history, PG_INT64_MAX))
		history = loyalty_history_count(events_since(engine, 0), event_id);
	history.through = engine->member->last_entry;
	note_history(engine, &history);
	*last_at = history.last_at;
	return history.count;
}

/* The events of the kind that were on record when this one was. */
static int64
ask_history_before(void *arg, int32 event_id, TimestampTz *last_at)
{
	const FactsOf *of = arg;
	const Entry *first = ((const Family *) linitial(of->families))->first;
	List	   *before = NIL;
	EventHistory history;
	ListCell   *cell;

	foreach(cell, events_since(of->engine, 0))
	{
		if (((const Entry *) lfirst(cell))->entry_id < first->entry_id)
			before = lappend(before, lfirst(cell));
	}
	history = loyalty_history_count(before, event_id);
	*last_at = history.last_at;
	return history.count;
}

void
loyalty_history_add(Engine *engine, const EventType *event, const Entry *first,
					const Entry *last)
{
	EventHistory history;

	/*
	 * Where no rule asked, since none that does applies, what is stored may be
	 * outdated: then it stays so, and is counted anew when a rule asks.
	 */
	if (!find_history(engine, event->event_id, &history) ||
		!is_current(engine, &history, first->entry_id))
		return;
	history.count++;
	history.last_at = Max(history.last_at, engine->at);
	history.through = last->entry_id;
	note_history(engine, &history);
}

void
loyalty_usage_facts(Engine *engine, List *families, RuleFacts *facts)
{
	FactsOf    *of = palloc(sizeof(FactsOf));

	of->engine = engine;
	of->families = families;
	of->own = loyalty_usage_standing(families);
	facts->arg = of;
	facts->usage = used_now;
	facts->budget = take_budget;
	facts->history = families == NIL ? ask_history : ask_history_before;
	facts->room = room_left;
}

/* Points that the rules of an entry granted; one that calls its event off has none. */
static int64
granted_by(const Entry *entry)
{
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbValue	points;
	int64		granted = 0;

	if (entry->breakdown == NULL ||
		!loyalty_json_find(&entry->breakdown->root, "rules", jbvBinary, &value))
		return 0;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary &&
			loyalty_json_find(value.val.binary.data, "points", jbvNumeric, &points))
			granted += loyalty_json_int64(&points);
	}
	return granted;
}

static bool
gives_effects(const List *effects, int32 rule_id)
{
	ListCell   *cell;

	foreach(cell, effects)
	{
		if (((const Effect *) lfirst(cell))->rule_id == rule_id)
			return true;
	}
	return false;
}

/* Has an operator clawed back all that the family grants? */
static bool
is_clawed_back(const Family *family)
{
	return (family->operator_taken > 0 || loyalty_effects_clawed_back(family)) &&
		granted_by(loyalty_family_newest(family)) <= family->operator_taken;
}

/* A family that neither grants nor uses anything makes no difference. */
bool
loyalty_event_clawed_back(const List *families)
{
	bool		clawed_back = false;
	ListCell   *cell;

	foreach(cell, families)
	{
		const Entry *newest = loyalty_family_newest(lfirst(cell));

		if (is_clawed_back(lfirst(cell)))
			clawed_back = true;
		else if (granted_by(newest) != 0 || loyalty_breakdown_uses(newest->breakdown) != NIL)
			return false;
	}
	return clawed_back;
}

/*
 * Points that were clawed back take along the times of their rules, but of those
 * whose effects stand.
 */
List *
loyalty_usage_clawed_back(const List *uses, const List *effects)
{
	List	   *left = NIL;
	ListCell   *cell;

	foreach(cell, uses)
	{
		RuleUse    *use = palloc(sizeof(RuleUse));

		*use = *(const RuleUse *) lfirst(cell);
		use->points = use->budget = 0;
		if (!gives_effects(effects, use->rule_id))
			use->times = 0;
		left = lappend(left, use);
	}
	return left;
}

/* What one family of an event uses. */
static List *
uses_of_family(const Family *family, const List *families)
{
	List	   *uses = loyalty_breakdown_uses(loyalty_family_newest(family)->breakdown);

	if (uses == NIL || !is_clawed_back(family))
		return uses;
	return loyalty_usage_clawed_back(uses, loyalty_effects_standing(families));
}

/* The same before anything was clawed back: what their rules say. */
List *
loyalty_usage_noted(const List *families)
{
	List	   *uses = NIL;
	ListCell   *cell;

	foreach(cell, families)
	{
		const Entry *newest = loyalty_family_newest(lfirst(cell));

		uses = list_concat(uses, loyalty_breakdown_uses(newest->breakdown));
	}
	return uses;
}

List *
loyalty_usage_standing(const List *families)
{
	List	   *uses = NIL;
	ListCell   *cell;

	foreach(cell, families)
		uses = list_concat(uses, uses_of_family(lfirst(cell), families));
	return loyalty_kept_raise(uses, families);
}

const Entry *
loyalty_event_basis(const List *families)
{
	const Entry *basis = NULL;
	ListCell   *cell;

	foreach(cell, families)
	{
		ListCell   *lc;

		foreach(lc, ((const Family *) lfirst(cell))->entries)
		{
			const Entry *entry = lfirst(lc);

			if (loyalty_breakdown_is_resettled(entry->breakdown) &&
				loyalty_entry_is_first(entry) &&
				(basis == NULL || entry->entry_id > basis->entry_id))
				basis = entry;
		}
	}
	return basis != NULL ? basis : ((const Family *) linitial(families))->first;
}

bool
loyalty_event_stands(const List *families)
{
	const Entry *newest = NULL;
	ListCell   *cell;

	foreach(cell, families)
	{
		const Entry *entry = loyalty_family_newest(lfirst(cell));

		if (newest == NULL || entry->entry_id > newest->entry_id)
			newest = entry;
	}
	return newest != NULL && !loyalty_entry_calls_off(newest);
}

static void
note_uses(Engine *engine, const List *uses, int sign)
{
	ListCell   *cell;

	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);
		RuleUse    *change = palloc0(sizeof(RuleUse));

		change->rule_id = use->rule_id;
		change->per = use->per;
		change->since = use->since;
		change->key = use->key;
		add_use(change, use, sign);
		engine->uses = lappend(engine->uses, change);
	}
}

void
loyalty_usage_change(Engine *engine, List *before, List *after)
{
	note_uses(engine, before, -1);
	note_uses(engine, after, 1);
}

void
loyalty_usage_restate(Engine *engine, int32 event_id, const char *ref, List *before)
{
	List	   *families = loyalty_family_gather(loyalty_past_story(engine, ref), ENTRY_EVENT,
												 event_id);

	loyalty_usage_change(engine, before, loyalty_usage_standing(families));
}

static bool
is_nothing(const RuleUse *use)
{
	Numeric		zero = loyalty_number_of(0);

	return use->points == 0 && use->times == 0 && use->seen == 0 && use->budget == 0 &&
		(use->measured == NULL || loyalty_number_compare(use->measured, zero) == 0) &&
		(use->carried == NULL || loyalty_number_compare(use->carried, zero) == 0);
}

/* Changes that cancel each other out are left out. */
RuleUse *
loyalty_usage_changes(const List *uses, int *count)
{
	RuleUse    *changes = palloc_extended(sizeof(RuleUse) * Max(list_length(uses), 1),
										  MCXT_ALLOC_HUGE);
	UseTable	table = {0};
	int			total = 0;
	int			kept = 0;
	ListCell   *cell;

	foreach(cell, uses)
	{
		const RuleUse *use = lfirst(cell);
		RuleUse    *sum = loyalty_use_find(&table, use);

		if (sum != NULL)
			add_use(sum, use, 1);
		else
		{
			changes[total] = *use;
			loyalty_use_add(&table, &changes[total++]);
		}
	}
	for (int i = 0; i < total; i++)
	{
		if (!is_nothing(&changes[i]))
			changes[kept++] = changes[i];
	}
	*count = kept;
	return changes;
}

bool
loyalty_usage_same(const List *a, const List *b)
{
	Engine		scratch = {0};
	int			count;

	if (a == NIL && b == NIL)
		return true;
	note_uses(&scratch, a, -1);
	note_uses(&scratch, b, 1);
	(void) loyalty_usage_changes(scratch.uses, &count);
	return count == 0;
}
