/*
 * rule_examples.c
 *		Examples beside rules: what events are worth, held against what they should be.
 *
 * An example is the event of a member that is nobody: enrolled at that moment,
 * with the tier and the attributes that the example says, no history, no use of
 * limits, full budgets, no plan, in no holdout; the event is the first of its
 * streak.  It is evaluated in memory by the code that evaluates a real one.
 *
 * A deferred trigger on config_version, where every change of a program's
 * configuration leaves a row and a restored one does not, checks the program's
 * examples before the change is committed.  Two transactions that change one
 * program check one after the other: the second sees what the first committed,
 * so that neither breaks what the other relies on.  A transaction checks a
 * program again only if the configuration changed since.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "config/rule_example.h"
#include "engine/member_streak.h"
#include "engine/task.h"
#include "engine/usage.h"
#include "ledger/query.h"

PG_FUNCTION_INFO_V1(loyalty_rule_examples);
PG_FUNCTION_INFO_V1(loyalty_rule_examples_check);

typedef struct ExampleResult
{
	int64		points;
	int64		growth;
	const Jsonb *breakdown;		/* NULL: it was not evaluated */
	const char *detail;			/* what each rule gave; NULL = nothing */
	const char *error;			/* it cannot be evaluated; NULL = it was */
	bool		holds;
} ExampleResult;

/* Programs (as int32) whose examples held when the configuration was that one. */
static List *checked_programs = NIL;
static uint64 checked_generation = 0;

static void
no_usage(void *arg, RuleUse *uses, int count)
{
}

static bool
no_history(void *arg, int32 event_id, EventHistory *history)
{
	return false;
}

static void
no_streak(void *arg, MemberStreak *streak)
{
}

/* The whole budget is there; arg is the event. */
static int64
whole_budget(void *arg, int32 rule_id, int64 points)
{
	const EventType *event = arg;

	for (int i = 0; i < event->rule_count; i++)
	{
		if (event->rules[i]->rule_id == rule_id)
			return Min(points, event->rules[i]->budget);
	}
	return 0;
}

/* The badges that the example's member is said to have. */
static List *
badges_of(const Jsonb *attributes)
{
	List	   *badges = NIL;
	JsonbIterator *iterator;
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &attributes->root),
									 "badges", strlen("badges"), &value) == NULL ||
		value.type != jbvBinary)
		return NIL;
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		MemberBadge *badge;

		if (value.type != jbvString)
			continue;
		badge = palloc0(sizeof(MemberBadge));
		badge->badge = pnstrdup(value.val.string.val, value.val.string.len);
		badges = lappend(badges, badge);
	}
	return badges;
}

static const Tier *
tier_of(const Program *program, const RuleExample *example)
{
	if (example->tier == NULL)
		return loyalty_tier_or_base(program, 0);
	for (int i = 0; i < program->tier_count; i++)
	{
		if (strcmp(program->tiers[i].name, example->tier) == 0)
			return &program->tiers[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown tier \"%s\" in program \"%s\"", example->tier, program->name)));
}

static void
evaluate(const Program *program, const RuleExample *example, ExampleResult *result)
{
	const EventType *event = loyalty_event_lookup(program, example->event);
	const Tier *tier = tier_of(program, example);
	EngineSource source = {0};
	MemberState member = {0};
	Engine		engine = {0};
	EventOutcome outcome;

	if (event == NULL)
		return;					/* no rule has ever named it: it gives nothing */
	source.arg = unconstify(EventType *, event);
	source.usage = no_usage;
	source.history = no_history;
	source.streak = no_streak;
	source.take_budget = whole_budget;
	loyalty_lots_init(&member.points);
	loyalty_lots_init(&member.growth);
	member.status = STATUS_ACTIVE;
	member.tier_id = tier == NULL ? 0 : tier->tier_id;
	member.attributes = example->member;
	member.knows_subscriptions = true;
	member.badges = badges_of(example->member);
	member.knows_badges = true;
	engine.program = program;
	engine.member = &member;
	engine.source = &source;
	engine.recorded_at = GetCurrentTimestamp();
	engine.at = example->at == DT_NOBEGIN ? engine.recorded_at : example->at;
	loyalty_event_evaluate(&engine, event, example->attributes, NIL, &outcome);
	result->points = outcome.points;
	result->growth = outcome.growth;
	result->breakdown = outcome.grants[0].breakdown;
	result->detail = loyalty_outcome_by_rule(&outcome);
}

/* An example that raises what an event would be refused for does not hold. */
static void
try_example(const Program *program, const RuleExample *example, ExampleResult *result)
{
	MemoryContext context = CurrentMemoryContext;

	memset(result, 0, sizeof(ExampleResult));
	PG_TRY();
	{
		evaluate(program, example, result);
	}
	PG_CATCH();
	{
		result->error = loyalty_refusal_text(loyalty_refusal_catch(context));
	}
	PG_END_TRY();
	result->holds = result->error == NULL && result->points == example->points &&
		(!example->has_growth || result->growth == example->growth);
}

static void
put_example(ReturnSetInfo *rsinfo, const RuleExample *example, const ExampleResult *result)
{
	const char *detail = result->error != NULL ? result->error : result->detail;
	Datum		values[10];
	bool		nulls[10] = {false};

	values[0] = CStringGetTextDatum(example->name);
	values[1] = CStringGetTextDatum(example->event);
	values[2] = BoolGetDatum(example->active);
	values[3] = BoolGetDatum(result->holds);
	values[4] = Int64GetDatum(example->points);
	nulls[5] = result->error != NULL;
	values[5] = Int64GetDatum(result->points);
	nulls[6] = !example->has_growth;
	values[6] = Int64GetDatum(example->growth);
	nulls[7] = result->error != NULL;
	values[7] = Int64GetDatum(result->growth);
	nulls[8] = detail == NULL;
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(detail);
	nulls[9] = result->breakdown == NULL;
	values[9] = nulls[9] ? (Datum) 0 : JsonbPGetDatum(result->breakdown);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* rule_examples(program) */
Datum
loyalty_rule_examples(PG_FUNCTION_ARGS)
{
	const Program *program = loyalty_arg_program(fcinfo, 0);
	MemoryContext context;
	List	   *examples;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	examples = loyalty_rule_examples_load(program->name);
	context = AllocSetContextCreate(CurrentMemoryContext, "loyalty rule example",
									ALLOCSET_DEFAULT_SIZES);
	foreach(cell, examples)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		ExampleResult result;

		CHECK_FOR_INTERRUPTS();
		try_example(program, lfirst(cell), &result);
		put_example((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell), &result);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	PG_RETURN_NULL();
}

/* The first of the broken examples is named, the others are counted. */
static void
report_broken(const Program *program, const RuleExample *example,
			  const ExampleResult *result, int broken)
{
	const char *others = broken == 1 ? "" :
		psprintf(" %d examples of the program are broken.", broken);

	if (result->error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("rule example \"%s\" of program \"%s\" fails: %s",
						example->name, program->name, result->error),
				 broken == 1 ? 0 : errdetail_internal("%s", others + 1),
				 errhint("Correct the rules or the example; loyalty.rule_examples() shows all.")));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 example->has_growth && result->growth != example->growth ?
			 errmsg("rule example \"%s\" of program \"%s\" gives %lld points and %lld growth,"
					" not %lld and %lld", example->name, program->name,
					(long long) result->points, (long long) result->growth,
					(long long) example->points, (long long) example->growth) :
			 errmsg("rule example \"%s\" of program \"%s\" gives %lld points, not %lld",
					example->name, program->name,
					(long long) result->points, (long long) example->points),
			 result->detail == NULL ? errdetail("No rule gave anything.%s", others) :
			 errdetail("By rule: %s.%s", result->detail, others),
			 errhint("Correct the rules or the example; loyalty.rule_examples() shows all.")));
}

static void
check_examples(const Program *program)
{
	List	   *examples = loyalty_rule_examples_load(program->name);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "loyalty rule example",
												  ALLOCSET_DEFAULT_SIZES);
	const RuleExample *first = NULL;
	ExampleResult of_first = {0};
	int			broken = 0;
	ListCell   *cell;

	foreach(cell, examples)
	{
		const RuleExample *example = lfirst(cell);
		ExampleResult result;

		CHECK_FOR_INTERRUPTS();
		if (!example->active)
			continue;
		MemoryContextSwitchTo(first == NULL ? caller : context);
		try_example(program, example, &result);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		if (result.holds)
			continue;
		if (broken++ == 0)
		{
			first = example;
			of_first = result;
		}
	}
	if (broken > 0)
		report_broken(program, first, &of_first, broken);
	MemoryContextDelete(context);
}

/* Checks a program's examples unless it was done since the last change. */
static void
check_program(const Program *program)
{
	MemoryContext caller;

	if (program == NULL)
		return;					/* deleted or renamed by the same transaction */
	if (checked_generation == loyalty_config_generation() &&
		list_member_int(checked_programs, program->program_id))
		return;

	/* whoever had the lock may have changed it all */
	loyalty_rule_examples_lock(program);
	program = loyalty_program_by_id(program->program_id);
	if (program == NULL)
		return;
	check_examples(program);
	if (checked_generation != loyalty_config_generation())
	{
		list_free(checked_programs);
		checked_programs = NIL;
		checked_generation = loyalty_config_generation();
	}
	caller = MemoryContextSwitchTo(TopMemoryContext);
	checked_programs = lappend_int(checked_programs, program->program_id);
	MemoryContextSwitchTo(caller);
}

static LoyaltyQuery program_before = {
	"SELECT program_id FROM loyalty.program WHERE name = ("
	"SELECT program FROM loyalty.config_version"
	" WHERE table_name = $1 AND row_id = $2 AND version_id < $3"
	" ORDER BY version_id DESC LIMIT 1)",
	3, {TEXTOID, INT4OID, INT8OID}
};

static Datum
column(const TriggerData *trigger, const char *name)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		isnull;
	Datum		value = SPI_getbinval(trigger->tg_trigtuple, desc, SPI_fnumber(desc, name),
									  &isnull);

	if (isnull)
		elog(ERROR, "\"%s\" of a configuration version is null", name);
	return value;
}

/* Deferred trigger on config_version, AFTER INSERT. */
Datum
loyalty_rule_examples_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	MemoryContext context;
	MemoryContext caller;
	Datum		args[3];
	Datum		before;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER INSERT", "rule_examples_check")));
	context = AllocSetContextCreate(CurrentMemoryContext, "loyalty rule examples",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);

	/* where the trigger is immediate, the statement's own changes are not seen yet */
	CommandCounterIncrement();
	check_program(loyalty_program_find(TextDatumGetCString(column(trigger, "program"))));

	/* a row may have gone over from another program */
	args[0] = column(trigger, "table_name");
	args[1] = column(trigger, "row_id");
	args[2] = column(trigger, "version_id");
	if (loyalty_query_value(&program_before, args, &before))
		check_program(loyalty_program_by_id(DatumGetInt32(before)));

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
