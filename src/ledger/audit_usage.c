/*
 * audit_usage.c
 *		Holds limit_usage, event_usage and rule_budget against the ledger.
 *
 * What an event uses is a function of its entries (engine/usage.c); a member's
 * rows must be the sum over its events.  A stored history must be what its
 * entries tell, unless entries of the event follow it: then it is not used.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "ledger/audit.h"
#include "ledger/entry_row.h"
#include "ledger/query.h"
#include "ledger/usage_row.h"

static LoyaltyQuery unlike_budgets = {
	"SELECT r.name, coalesce(b.used, 0)::bigint, coalesce(u.budget, 0)::bigint"
	" FROM loyalty.rule r"
	" LEFT JOIN (SELECT rule_id, sum(used) AS used FROM loyalty.rule_budget"
	" GROUP BY rule_id) b USING (rule_id)"
	" LEFT JOIN (SELECT rule_id, sum(budget) AS budget FROM loyalty.limit_usage"
	" GROUP BY rule_id) u USING (rule_id)"
	" WHERE r.program = $1 AND coalesce(b.used, 0) <> coalesce(u.budget, 0) ORDER BY r.name",
	1, {TEXTOID}
};

#define STORY_KEY 272

typedef struct Story
{
	char		key[STORY_KEY]; /* "event ref": the hash key */
	int32		event_id;
	List	   *entries;
} Story;

static List *
add_problem(List *problems, const char *what, char *detail)
{
	Problem    *problem = palloc0(sizeof(Problem));

	problem->problem = what;
	problem->detail = detail;
	return lappend(problems, problem);
}

/* The sum over all events of what they use. */
static List *
uses_of_entries(const List *entries)
{
	HASHCTL		control = {0};
	HASH_SEQ_STATUS status;
	HTAB	   *stories;
	Story	   *story;
	List	   *uses = NIL;
	ListCell   *cell;

	control.keysize = STORY_KEY;
	control.entrysize = sizeof(Story);
	control.hcxt = CurrentMemoryContext;
	stories = hash_create("loyalty stories", 64, &control,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(cell, entries)
	{
		Entry	   *entry = lfirst(cell);
		bool		found;

		if (entry->ref == NULL)
		{
			uses = list_concat(uses, loyalty_breakdown_uses(entry->breakdown));
			continue;
		}
		story = hash_search(stories, psprintf("%d %s", entry->event_id, entry->ref),
							HASH_ENTER, &found);
		if (!found)
		{
			story->event_id = entry->event_id;
			story->entries = NIL;
		}
		story->entries = lappend(story->entries, entry);
	}
	hash_seq_init(&status, stories);
	while ((story = hash_seq_search(&status)) != NULL)
		uses = list_concat(uses, loyalty_usage_standing(
							   loyalty_family_gather(story->entries, ENTRY_EVENT,
													 story->event_id)));
	hash_destroy(stories);
	return uses;
}

/* Stored less told: what is left is wrong. */
static List *
audit_uses(const List *told, List *stored, List *problems)
{
	Engine		scratch = {0};
	RuleUse    *differences;
	int			count;

	loyalty_usage_change(&scratch, unconstify(List *, told), stored);
	differences = loyalty_usage_changes(scratch.uses, &count);
	for (int i = 0; i < count; i++)
		problems = add_problem(problems, "use of limits is not what the entries say",
							   psprintf("Rule %d per %s%s%s: %lld points and %lld times too many.",
										differences[i].rule_id,
										loyalty_period_name(differences[i].per),
										differences[i].key[0] == '\0' ? "" : " for key ",
										differences[i].key,
										(long long) differences[i].points,
										(long long) differences[i].times));
	return problems;
}

static bool
is_superseded(const List *entries, const EventHistory *history)
{
	ListCell   *cell;

	foreach(cell, entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry->event_id == history->event_id && entry->entry_id > history->through &&
			entry->kind != ENTRY_CLAW_BACK)
			return true;
	}
	return false;
}

static List *
audit_member(const MemberState *member, const List *entries)
{
	List	   *problems = audit_uses(uses_of_entries(entries),
									  loyalty_usage_read(member->member_id), NIL);
	ListCell   *cell;

	foreach(cell, loyalty_history_read(member->member_id))
	{
		const EventHistory *history = lfirst(cell);
		EventHistory told;

		if (is_superseded(entries, history))
			continue;
		told = loyalty_history_count(entries, history->event_id);
		if (told.count != history->count || told.last_at != history->last_at)
			problems = add_problem(problems, "history of an event is not what the entries say",
								   psprintf("Event %d: it says %lld, the entries %lld.",
											history->event_id, (long long) history->count,
											(long long) told.count));
	}
	return list_concat(problems, loyalty_audit_effects(member, entries));
}

/*
 * Entries and rows are read one after the other: what seems wrong while others
 * write is looked at again.
 */
List *
loyalty_audit_usage(const MemberState *member)
{
	List	   *entries = loyalty_entries_since(member->member_id, 0, "vcb");

	for (;;)
	{
		List	   *problems = audit_member(member, entries);
		List	   *again;

		if (problems == NIL)
			return NIL;
		again = loyalty_entries_since(member->member_id, 0, "vcb");
		if (list_length(again) == list_length(entries))
			return problems;
		entries = again;
	}
}

static void
read_budget(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;
	bool		isnull;
	const char *rule = TextDatumGetCString(SPI_getbinval(row, desc, 1, &isnull));
	int64		says = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	int64		have = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));

	*problems = add_problem(*problems, "budget of a rule is not what members have of it",
							psprintf("Rule \"%s\": it says %lld, members have %lld.", rule,
									 (long long) says, (long long) have));
}

List *
loyalty_audit_budgets(const char *program)
{
	Datum		args[1] = {CStringGetTextDatum(program)};
	List	   *problems = NIL;

	loyalty_query_visit(&unlike_budgets, args, read_budget, &problems);
	return problems;
}
