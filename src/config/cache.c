/*
 * cache.c
 *		The session's configuration cache: one for all configuration tables.
 *
 * Triggers on the tables send a relcache invalidation (invalidate.c);
 * it is transactional, so it reaches every session at the writer's commit, and
 * the writer itself after each command and on a rollback.  The module's one
 * relcache callback only bumps `generation`.  A lookup takes in pending messages and, if
 * the generation moved, reads all tables into a new context and swaps it in.
 *
 * Tables are read under a catalog snapshot, not the transaction's: the latest
 * committed configuration counts, also inside REPEATABLE READ.  Otherwise a
 * session could keep rows that were already replaced, and no message would
 * come any more to say so.
 *
 * A replaced cache lives on in `retired` until the transaction ends if the
 * transaction has looked anything up in it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "config/load.h"

/* Our tables, in the order in which they are read. */
typedef enum ConfigTable
{
	TABLE_PROGRAM,
	TABLE_TIER,
	TABLE_PLAN,
	TABLE_BENEFIT,
	TABLE_REFERRAL_RULE,
	TABLE_BADGE,
	TABLE_TASK,
	TABLE_CONTEST,
	TABLE_COUPON_TYPE,
	TABLE_DRAW,
	TABLE_EVENT_TYPE,
	TABLE_RULE,
	TABLE_STREAK,
	TABLE_CONFIG_VERSION,		/* only for its messages */
	TABLE_COUNT
} ConfigTable;

static const char *const table_names[TABLE_COUNT] = {
	"program", "tier", "plan", "benefit", "referral_rule", "badge", "task", "contest",
	"coupon_type", "draw", "event_type", "rule", "streak", "config_version"
};

typedef struct ConfigCache
{
	MemoryContext context;		/* holds this struct too */
	Program    *programs;		/* by name */
	int			program_count;
	Program   **by_id;			/* the same, by program_id */
	EventType  *event_types;	/* by name; without rules */
	int			event_type_count;
	const Program *default_program; /* NULL = none */
} ConfigCache;

static char *program_setting = NULL;

static ConfigCache *cache = NULL;	/* NULL = never loaded */
static uint64 generation = 1;	/* moves with every message about our tables */
static uint64 cached_generation = 0;	/* of what `cache` holds */
static bool cache_in_use = false;	/* this transaction has looked into `cache` */
static List *retired = NIL;		/* contexts of replaced caches; in TopTransactionContext */

/* InvalidOid while not known; then any message may be about our tables. */
static Oid	table_ids[TABLE_COUNT];

/* From the module's relcache callback, at any time: it touches no catalog and frees nothing. */
void
loyalty_config_changed(Oid relid)
{
	for (int i = 0; i < TABLE_COUNT; i++)
	{
		if (!OidIsValid(relid) || !OidIsValid(table_ids[i]) || table_ids[i] == relid)
		{
			generation++;
			memset(table_ids, 0, sizeof(table_ids));
			return;
		}
	}
}

static void
end_transaction(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	foreach(cell, retired)
		MemoryContextDelete((MemoryContext) lfirst(cell));
	retired = NIL;				/* its cells go with the transaction's context */
	cache_in_use = false;
	loyalty_versions_end_transaction();
}

void
loyalty_config_init(void)
{
	DefineCustomStringVariable("loyalty.program",
							   "Program that calls mean which name none.",
							   "Empty: the program with is_default.",
							   &program_setting,
							   "",
							   PGC_USERSET,
							   0,
							   NULL, NULL, NULL);
	RegisterXactCallback(end_transaction, NULL);
}

/* ----------------------------------------------------------------
 * Loading.
 * ----------------------------------------------------------------
 */

typedef void (*RowReader) (ConfigCache *into, HeapTuple row, TupleDesc desc);

/* Makes room for one more element of an array that doubles. */
static void *
grow(void *array, int count, Size element)
{
	if (count == 0)
		return palloc(element);
	if ((count & (count - 1)) == 0)
		return repalloc(array, element * count * 2);
	return array;
}

static int
compare_programs(const void *a, const void *b)
{
	return strcmp(((const Program *) a)->name, ((const Program *) b)->name);
}

static int
compare_numbers(int32 x, int32 y)
{
	return (x > y) - (x < y);
}

static int
compare_program_ids(const void *a, const void *b)
{
	return compare_numbers((*(Program *const *) a)->program_id,
						   (*(Program *const *) b)->program_id);
}

static int
compare_tiers(const void *a, const void *b)
{
	return compare_numbers(((const Tier *) a)->rank, ((const Tier *) b)->rank);
}

static int
compare_plans(const void *a, const void *b)
{
	return strcmp(((const PaidPlan *) a)->name, ((const PaidPlan *) b)->name);
}

static int
compare_benefits(const void *a, const void *b)
{
	const Benefit *x = a;
	const Benefit *y = b;
	int			order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->benefit_id > y->benefit_id) - (x->benefit_id < y->benefit_id);
}

static int
compare_tasks(const void *a, const void *b)
{
	return compare_numbers(((const Task *) a)->task_id, ((const Task *) b)->task_id);
}

static int
compare_events(const void *a, const void *b)
{
	return strcmp(((const EventType *) a)->name, ((const EventType *) b)->name);
}

/* Rules apply and are shown in the order in which they were made. */
static int
compare_rules(const void *a, const void *b)
{
	return compare_numbers((*(Rule *const *) a)->rule_id, (*(Rule *const *) b)->rule_id);
}

static Program *
find_program(const ConfigCache *in, const char *name)
{
	Program		key;

	key.name = unconstify(char *, name);
	return in->program_count == 0 ? NULL :
		bsearch(&key, in->programs, in->program_count, sizeof(Program), compare_programs);
}

static EventType *
find_event(EventType *events, int count, const char *name)
{
	EventType	key;

	key.name = unconstify(char *, name);
	return count == 0 ? NULL :
		bsearch(&key, events, count, sizeof(EventType), compare_events);
}

static void
read_program(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	into->programs = grow(into->programs, into->program_count, sizeof(Program));
	loyalty_program_load(row, desc, &into->programs[into->program_count++]);
}

static void
read_tier(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->tiers = grow(program->tiers, program->tier_count, sizeof(Tier));
	loyalty_tier_load(row, desc, &program->tiers[program->tier_count]);
	program->tiers_ask |= program->tiers[program->tier_count++].condition != NULL;
}

static void
read_plan(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));
	PaidPlan   *plan;

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->plans = grow(program->plans, program->plan_count, sizeof(PaidPlan));
	plan = &program->plans[program->plan_count++];
	loyalty_plan_load(row, desc, plan);
	program->plans_multiply |= plan->multiplies;
}

static void
read_benefit(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL || !loyalty_config_column_bool(row, desc, "active"))
		return;
	program->benefits = grow(program->benefits, program->benefit_count, sizeof(Benefit));
	loyalty_benefit_load(row, desc, &program->benefits[program->benefit_count++]);
}

static void
read_referral_rule(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->referral = palloc(sizeof(ReferralRule));
	loyalty_referral_rule_load(row, desc, program->referral);
}

static void
read_badge(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->badges = grow(program->badges, program->badge_count, sizeof(char *));
	program->badges[program->badge_count++] = loyalty_config_column_text(row, desc, "name");
}

static void
read_task(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->tasks = grow(program->tasks, program->task_count, sizeof(Task));
	loyalty_task_load(row, desc, &program->tasks[program->task_count++]);
}

static void
read_contest(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->contests = grow(program->contests, program->contest_count, sizeof(Contest));
	loyalty_contest_load(row, desc, &program->contests[program->contest_count++]);
}

static void
read_coupon_type(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->coupon_types = grow(program->coupon_types, program->coupon_type_count,
								 sizeof(CouponType));
	loyalty_coupon_type_load(row, desc, &program->coupon_types[program->coupon_type_count++]);
}

static void
read_draw(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));

	if (program == NULL)
		return;					/* only while a restore is under way */
	program->draws = grow(program->draws, program->draw_count, sizeof(Draw));
	loyalty_draw_load(row, desc, &program->draws[program->draw_count++]);
}

static void
read_event_type(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	EventType  *event;

	into->event_types = grow(into->event_types, into->event_type_count, sizeof(EventType));
	event = &into->event_types[into->event_type_count++];
	event->event_id = loyalty_config_column_int32(row, desc, "event_id");
	event->name = loyalty_config_column_text(row, desc, "name");
	event->rules = NULL;
	event->rule_count = 0;
	event->needs_history = false;
	event->streak = NULL;
}

static void
read_rule(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));
	EventType  *event = NULL;
	Rule	   *rule;

	if (!loyalty_config_column_bool(row, desc, "active"))
		return;
	if (program != NULL)
		event = find_event(program->events, program->event_count,
						   loyalty_config_column_text(row, desc, "event"));
	if (event == NULL)
		return;					/* only while a restore is under way */
	rule = palloc(sizeof(Rule));
	loyalty_rule_load(row, desc, rule);
	event->rules = grow(event->rules, event->rule_count, sizeof(Rule *));
	event->rules[event->rule_count++] = rule;
	event->needs_history |= (rule->variables & RULE_VARIABLES_OF_HISTORY) != 0;
}

static void
read_streak(ConfigCache *into, HeapTuple row, TupleDesc desc)
{
	Program    *program = find_program(into, loyalty_config_column_text(row, desc, "program"));
	EventType  *event = NULL;

	if (program != NULL)
		event = find_event(program->events, program->event_count,
						   loyalty_config_column_text(row, desc, "event"));
	if (event == NULL)
		return;					/* only while a restore is under way */
	event->streak = palloc(sizeof(StreakTerms));
	loyalty_streak_terms_load(row, desc, event->streak);
}

/* Calls `reader` for every row of a table that the snapshot sees. */
static void
read_table(ConfigCache *into, Relation rel, Snapshot snapshot, RowReader reader)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	row;

	while ((row = systable_getnext(scan)) != NULL)
		reader(into, row, RelationGetDescr(rel));
	systable_endscan(scan);
}

/* ids is the caller's copy: a message may take table_ids away while loading. */
static void
find_tables(Oid *ids)
{
	Oid			schema = get_namespace_oid("loyalty", false);

	for (int i = 0; i < TABLE_COUNT; i++)
	{
		ids[i] = get_relname_relid(table_names[i], schema);
		if (!OidIsValid(ids[i]))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"%s.%s\" does not exist", "loyalty", table_names[i]),
					 errhint("CREATE EXTENSION loyalty.")));
	}
	memcpy(table_ids, ids, sizeof(table_ids));
}

/* Reads the programs, their tiers, plans and benefits, and gives each program all events. */
static void
read_programs(ConfigCache *into, Relation *tables, Snapshot snapshot)
{
	read_table(into, tables[TABLE_PROGRAM], snapshot, read_program);
	qsort(into->programs, into->program_count, sizeof(Program), compare_programs);
	into->by_id = palloc(sizeof(Program *) * Max(into->program_count, 1));
	for (int i = 0; i < into->program_count; i++)
	{
		into->by_id[i] = &into->programs[i];
		if (into->programs[i].is_default)
			into->default_program = &into->programs[i];
	}
	qsort(into->by_id, into->program_count, sizeof(Program *), compare_program_ids);

	read_table(into, tables[TABLE_TIER], snapshot, read_tier);
	read_table(into, tables[TABLE_PLAN], snapshot, read_plan);
	read_table(into, tables[TABLE_BENEFIT], snapshot, read_benefit);
	read_table(into, tables[TABLE_REFERRAL_RULE], snapshot, read_referral_rule);
	read_table(into, tables[TABLE_BADGE], snapshot, read_badge);
	read_table(into, tables[TABLE_TASK], snapshot, read_task);
	read_table(into, tables[TABLE_CONTEST], snapshot, read_contest);
	read_table(into, tables[TABLE_COUPON_TYPE], snapshot, read_coupon_type);
	read_table(into, tables[TABLE_DRAW], snapshot, read_draw);
	read_table(into, tables[TABLE_EVENT_TYPE], snapshot, read_event_type);
	qsort(into->event_types, into->event_type_count, sizeof(EventType), compare_events);
	for (int i = 0; i < into->program_count; i++)
	{
		Program    *program = &into->programs[i];
		Size		size = sizeof(EventType) * into->event_type_count;

		qsort(program->tiers, program->tier_count, sizeof(Tier), compare_tiers);
		qsort(program->plans, program->plan_count, sizeof(PaidPlan), compare_plans);
		qsort(program->benefits, program->benefit_count, sizeof(Benefit), compare_benefits);
		qsort(program->tasks, program->task_count, sizeof(Task), compare_tasks);
		program->events = palloc(size);
		memcpy(program->events, into->event_types, size);
		program->event_count = into->event_type_count;
	}
}

static void
read_rules(ConfigCache *into, Relation *tables, Snapshot snapshot)
{
	read_table(into, tables[TABLE_RULE], snapshot, read_rule);
	for (int i = 0; i < into->program_count; i++)
	{
		Program    *program = &into->programs[i];

		for (int j = 0; j < program->event_count; j++)
			qsort(program->events[j].rules, program->events[j].rule_count,
				  sizeof(Rule *), compare_rules);
	}
}

/*
 * Fills `into`, in whose context the caller has put us, with what is committed
 * by now.  One snapshot for all tables: a program renamed between two scans
 * would lose its rules.
 */
static void
load_config(ConfigCache *into)
{
	Oid			ids[TABLE_COUNT];
	Relation	tables[TABLE_COUNT];
	Snapshot	snapshot;

	find_tables(ids);
	for (int i = 0; i < TABLE_COUNT; i++)
		tables[i] = table_open(ids[i], AccessShareLock);
	snapshot = RegisterSnapshot(GetCatalogSnapshot(ids[TABLE_PROGRAM]));

	/* Detoasting and the types' functions want an active snapshot. */
	PushActiveSnapshot(snapshot);
	read_programs(into, tables, snapshot);
	read_rules(into, tables, snapshot);
	read_table(into, tables[TABLE_STREAK], snapshot, read_streak);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	for (int i = 0; i < TABLE_COUNT; i++)
		table_close(tables[i], AccessShareLock);
}

/* Puts a complete new cache in the place of the present one. */
static void
swap_cache(ConfigCache *loaded, uint64 loaded_generation)
{
	MemoryContext old = cache == NULL ? NULL : cache->context;
	bool		keep_old = cache_in_use;

	if (old != NULL && keep_old)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

		retired = lappend(retired, old);
		MemoryContextSwitchTo(caller);
	}
	MemoryContextSetParent(loaded->context, CacheMemoryContext);
	cache = loaded;
	cached_generation = loaded_generation;
	cache_in_use = false;
	if (old != NULL && !keep_old)
		MemoryContextDelete(old);
}

/*
 * The cache, up to date.  A new one is built under the caller's context, so
 * that an error while loading takes it away and leaves the old one stale.
 */
static const ConfigCache *
current_cache(void)
{
	AcceptInvalidationMessages();

	while (cache == NULL || cached_generation != generation)
	{
		uint64		loading = generation;
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "loyalty configuration",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(context);
		ConfigCache *loaded = palloc0(sizeof(ConfigCache));

		loaded->context = context;
		load_config(loaded);
		MemoryContextSwitchTo(caller);

		/*
		 * Messages that came meanwhile may be about what was read already.
		 * Where every message discards all caches (a debugging aid), the
		 * generation never stands still.
		 */
		if (loading == generation || debug_discard_caches > 0)
			swap_cache(loaded, generation);
		else
			MemoryContextDelete(context);
	}
	cache_in_use = true;
	return cache;
}

/* ----------------------------------------------------------------
 * Lookup.
 * ----------------------------------------------------------------
 */

const Program *
loyalty_program_lookup(const char *name)
{
	const ConfigCache *in = current_cache();
	const Program *program;

	if (name == NULL && program_setting != NULL && program_setting[0] != '\0')
		name = program_setting;
	program = name == NULL ? in->default_program : find_program(in, name);
	if (program == NULL)
		loyalty_program_report_unknown(in->programs, in->program_count, name);
	return loyalty_program_check(program);
}

const Program *
loyalty_program_find(const char *name)
{
	const Program *program = find_program(current_cache(), name);

	return program == NULL ? NULL : loyalty_program_check(program);
}

uint64
loyalty_config_generation(void)
{
	(void) current_cache();
	return cached_generation;
}

const Program *
loyalty_program_by_id(int32 program_id)
{
	const ConfigCache *in = current_cache();
	Program		key;
	Program    *key_pointer = &key;
	Program   **found;

	key.program_id = program_id;
	found = bsearch(&key_pointer, in->by_id, in->program_count, sizeof(Program *),
					compare_program_ids);
	return found == NULL ? NULL : loyalty_program_check(*found);
}

const EventType *
loyalty_event_lookup(const Program *program, const char *name)
{
	return find_event(program->events, program->event_count, name);
}

const char *
loyalty_event_name(int32 event_id)
{
	const ConfigCache *in = current_cache();

	for (int i = 0; i < in->event_type_count; i++)
	{
		if (in->event_types[i].event_id == event_id)
			return in->event_types[i].name;
	}
	return psprintf("event %d", event_id);
}
