/*
 * audit_effects.c
 *		Holds coupons, draw tickets, units and badges against the breakdowns.
 *
 * Of each effect that an event has by its entries (engine/effect.c) as many
 * must stand, or as many as were used where those are more.  A badge that rules
 * give must be there, and the event that holds one must give it (a task's are
 * held against the ledger in audit_beside.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "engine/effect.h"
#include "engine/task.h"
#include "ledger/audit.h"
#include "ledger/query.h"
#include "ledger/task_row.h"

static LoyaltyQuery stored_effects = {
	"SELECT 'coupon', c.entry_id, c.rule_id, t.name,"
	" count(*) FILTER (WHERE voided_by IS NULL), count(used_by)"
	" FROM loyalty.coupon c JOIN loyalty.coupon_type t USING (coupon_type_id)"
	" WHERE member_id = $1 GROUP BY 2, 3, 4"
	" UNION ALL SELECT 'draw_ticket', k.entry_id, k.rule_id, d.name, k.count, 0"
	" FROM loyalty.draw_ticket k JOIN loyalty.draw d USING (draw_id) WHERE member_id = $1"
	" UNION ALL SELECT 'benefit', entry_id, rule_id, benefit, count, used"
	" FROM loyalty.benefit_unit WHERE member_id = $1",
	1, {INT8OID}
};

/* An effect of an event: told by the entries, or stored. */
typedef struct EventEffect
{
	int64		entry_id;
	Effect		effect;
	int64		used;			/* where it is stored */
} EventEffect;

static int
compare_stories(const ListCell *a, const ListCell *b)
{
	const Entry *x = lfirst(a);
	const Entry *y = lfirst(b);
	int			order;

	if (x->event_id != y->event_id)
		return x->event_id < y->event_id ? -1 : 1;
	order = strcmp(x->ref == NULL ? "" : x->ref, y->ref == NULL ? "" : y->ref);
	return order != 0 ? order : (x->entry_id > y->entry_id) - (x->entry_id < y->entry_id);
}

static List *
tell_effects(List *told, int64 entry_id, const List *effects)
{
	ListCell   *cell;

	foreach(cell, effects)
	{
		EventEffect *one = palloc0(sizeof(EventEffect));

		one->entry_id = entry_id;
		one->effect = *(const Effect *) lfirst(cell);
		told = lappend(told, one);
	}
	return told;
}

/* What the events have, by the entries of the member, event by event. */
static List *
told_effects(const List *entries)
{
	List	   *sorted = list_copy(entries);
	List	   *told = NIL;

	list_sort(sorted, compare_stories);
	for (int i = 0; i < list_length(sorted);)
	{
		const Entry *first = list_nth(sorted, i);
		List	   *story = NIL;
		List	   *families;

		if (first->ref == NULL)
		{
			told = tell_effects(told, first->entry_id, loyalty_effects_read(first->breakdown));
			i++;
			continue;
		}
		for (; i < list_length(sorted); i++)
		{
			Entry	   *entry = list_nth(sorted, i);

			if (entry->event_id != first->event_id || entry->ref == NULL ||
				strcmp(entry->ref, first->ref) != 0)
				break;
			story = lappend(story, entry);
		}
		families = loyalty_family_gather(story, ENTRY_EVENT, first->event_id);
		if (families != NIL)
			told = tell_effects(told, ((Family *) linitial(families))->first->entry_id,
								loyalty_effects_standing(families));
	}
	return told;
}

static void
add_stored(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **stored = arg;
	EventEffect *one = palloc0(sizeof(EventEffect));
	bool		isnull;

#define COLUMN(n) SPI_getbinval(row, desc, n, &isnull)
	(void) loyalty_effect_key_parse(TextDatumGetCString(COLUMN(1)), &one->effect.kind);
	one->entry_id = DatumGetInt64(COLUMN(2));
	one->effect.rule_id = DatumGetInt32(COLUMN(3));
	one->effect.name = TextDatumGetCString(COLUMN(4));
	one->effect.count = DatumGetInt64(COLUMN(5));
	one->used = DatumGetInt64(COLUMN(6));
#undef COLUMN
	*stored = lappend(*stored, one);
}

static int
compare_effects(const ListCell *a, const ListCell *b)
{
	const EventEffect *x = lfirst(a);
	const EventEffect *y = lfirst(b);

	if (x->entry_id != y->entry_id)
		return x->entry_id < y->entry_id ? -1 : 1;
	if (x->effect.rule_id != y->effect.rule_id)
		return x->effect.rule_id < y->effect.rule_id ? -1 : 1;
	if (x->effect.kind != y->effect.kind)
		return x->effect.kind < y->effect.kind ? -1 : 1;
	return strcmp(x->effect.name, y->effect.name);
}

static List *
add_problem(List *problems, int64 entry_id, const char *what, char *detail)
{
	Problem    *problem = palloc0(sizeof(Problem));

	problem->entry_id = entry_id;
	problem->problem = what;
	problem->detail = detail;
	return lappend(problems, problem);
}

/* Both are sorted; either may be NULL, not both. */
static List *
compare_one(const EventEffect *told, const EventEffect *stored, List *problems)
{
	const EventEffect *one = told != NULL ? told : stored;
	int64		expected = told == NULL ? 0 : told->effect.count;
	int64		stands = stored == NULL ? 0 : stored->effect.count;

	if (stored != NULL)
		expected = Max(expected, stored->used);
	if (expected == stands)
		return problems;
	return add_problem(problems, one->entry_id, "effects are not what the entries say",
					   psprintf("%s %s of rule %d: %lld stand, the entries say %lld.",
								loyalty_effect_key(one->effect.kind), one->effect.name,
								one->effect.rule_id, (long long) stands, (long long) expected));
}

static List *
audit_rows(List *told, List *stored, List *problems)
{
	int			i = 0;
	int			j = 0;

	list_sort(told, compare_effects);
	list_sort(stored, compare_effects);
	while (i < list_length(told) || j < list_length(stored))
	{
		int			order = i == list_length(told) ? 1 : j == list_length(stored) ? -1 :
			compare_effects(list_nth_cell(told, i), list_nth_cell(stored, j));

		problems = compare_one(order > 0 ? NULL : list_nth(told, i),
							   order < 0 ? NULL : list_nth(stored, j), problems);
		i += order <= 0;
		j += order >= 0;
	}
	return problems;
}

/* Is the badge held by an event of which rules decide, not task_completed? */
static bool
is_of_rules(const MemberBadge *badge, const List *entries)
{
	ListCell   *cell;

	foreach(cell, entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->entry_id == badge->entry_id)
			return entry->kind == ENTRY_EVENT &&
				strcmp(loyalty_event_name(entry->event_id), EVENT_COMPLETED) != 0;
	}
	return false;
}

static List *
audit_badges(List *told, const List *badges, const List *entries, List *problems)
{
	ListCell   *cell;
	ListCell   *lc;

	foreach(cell, told)
	{
		const EventEffect *one = lfirst(cell);
		bool		held = false;

		foreach(lc, badges)
			held |= strcmp(((const MemberBadge *) lfirst(lc))->badge, one->effect.name) == 0;
		if (!held)
			problems = add_problem(problems, one->entry_id, "a badge that a rule gives is missing",
								   psprintf("It is %s.", one->effect.name));
	}
	foreach(cell, badges)
	{
		const MemberBadge *badge = lfirst(cell);
		bool		given = false;

		foreach(lc, told)
		{
			const EventEffect *one = lfirst(lc);

			given |= one->entry_id == badge->entry_id &&
				strcmp(one->effect.name, badge->badge) == 0;
		}
		if (!given && is_of_rules(badge, entries))
			problems = add_problem(problems, badge->entry_id, "a badge is given by nothing",
								   psprintf("It is %s.", badge->badge));
	}
	return problems;
}

List *
loyalty_audit_effects(const MemberState *member, const List *entries)
{
	List	   *stored = NIL;
	List	   *told = NIL;
	List	   *badges = NIL;
	List	   *problems;
	Datum		args[1];
	ListCell   *cell;

	foreach(cell, told_effects(entries))
	{
		EventEffect *one = lfirst(cell);

		if (one->effect.kind == EFFECT_BADGE)
			badges = lappend(badges, one);
		else
			told = lappend(told, one);
	}
	args[0] = Int64GetDatum(member->member_id);
	loyalty_query_visit(&stored_effects, args, add_stored, &stored);
	problems = audit_rows(told, stored, NIL);
	return audit_badges(badges, loyalty_badges_load(member->member_id), entries, problems);
}
