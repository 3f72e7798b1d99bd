/*
 * verify.c
 *		verify: one row per problem, none if the books are sound.
 *
 * Each audit runs in a subtransaction: figures so wrong that they raise an
 * error are one more problem, and everything else is still looked at.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "api/call.h"
#include "api/tier.h"
#include "compat.h"
#include "ledger/audit.h"
#include "ledger/query.h"

PG_FUNCTION_INFO_V1(loyalty_verify);

static LoyaltyQuery members_of_program = {
	"SELECT member_id FROM loyalty.member WHERE program_id = $1 ORDER BY member_id",
	1, {INT4OID}
};
static LoyaltyQuery programs_with_members = {
	"SELECT DISTINCT program_id FROM loyalty.member ORDER BY program_id", 0, {InvalidOid}
};
static LoyaltyQuery orphans = {
	"SELECT min(l.entry_id) FROM loyalty.ledger l"
	" WHERE NOT EXISTS (SELECT FROM loyalty.member m WHERE m.member_id = l.member_id)"
	" GROUP BY l.member_id ORDER BY l.member_id",
	0, {InvalidOid}
};

typedef struct IdList
{
	int64	   *ids;
	int64		count;
	int64		capacity;
} IdList;

static void
add_id(HeapTuple row, TupleDesc desc, void *arg)
{
	IdList	   *list = arg;
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, 1, &isnull);

	if (list->count == list->capacity)
	{
		list->capacity = Max(1024, list->capacity * 2);
		list->ids = list->ids == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, list->capacity * sizeof(int64)) :
			repalloc_huge(list->ids, list->capacity * sizeof(int64));
	}
	list->ids[list->count++] = SPI_gettypeid(desc, 1) == INT4OID ?
		DatumGetInt32(value) : DatumGetInt64(value);
}

static void
put_problem(ReturnSetInfo *rsinfo, const char *member, const char *program,
			const Problem *problem)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = member == NULL ? (Datum) 0 : CStringGetTextDatum(member);
	nulls[0] = member == NULL;
	values[1] = program == NULL ? (Datum) 0 : CStringGetTextDatum(program);
	nulls[1] = program == NULL;
	values[2] = Int64GetDatum(problem->entry_id);
	nulls[2] = problem->entry_id == 0;
	values[3] = CStringGetTextDatum(problem->problem);
	values[4] = problem->detail == NULL ? (Datum) 0 : CStringGetTextDatum(problem->detail);
	nulls[4] = problem->detail == NULL;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_problems(ReturnSetInfo *rsinfo, const char *member, const char *program,
			 const List *problems)
{
	ListCell   *cell;

	foreach(cell, problems)
		put_problem(rsinfo, member, program, lfirst(cell));
}

/* May figures that are stored be to blame for it? */
static bool
is_of_the_books(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTERNAL_ERROR ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED);
}

typedef List *(*AuditFunction) (const void *arg);

/* What an audit finds; *failed: it ended in an error, which is what it found. */
static List *
audited(AuditFunction audit, const void *arg, bool *failed)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	List	   *volatile problems = NIL;
	volatile bool ended = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		problems = audit(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;
		Problem    *problem;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!is_of_the_books(error->sqlerrcode))
			ReThrowError(error);
		MemoryContextSwitchTo(caller);
		problem = palloc0(sizeof(Problem));
		problem->problem = "figures cannot be added up or read";
		problem->detail = error->detail == NULL ? error->message :
			psprintf("%s: %s", error->message, error->detail);
		problems = list_make1(problem);
		ended = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	*failed = !ended;
	return problems;
}

typedef struct MemberAudit
{
	int64		member_id;
	bool		found;
	MemberState member;
} MemberAudit;

static List *
read_member(const void *arg)
{
	MemberAudit *audit = unconstify(void *, arg);

	audit->found = loyalty_member_read_id(audit->member_id, &audit->member);
	return NIL;
}

static List *
audit_member(const void *arg)
{
	return loyalty_audit_member(arg);
}

/* Members whose other tables are looked at together. */
#define BATCH 500

typedef struct BesideAudit
{
	const int64 *member_ids;
	int			count;
} BesideAudit;

static List *
audit_beside(const void *arg)
{
	const BesideAudit *audit = arg;

	return loyalty_audit_beside(audit->member_ids, audit->count);
}

/* The tables beside the rows of members; false if they could not be looked at together. */
static bool
verify_beside(ReturnSetInfo *rsinfo, const char *program, const int64 *member_ids, int count,
			  const char *alone)
{
	BesideAudit audit = {member_ids, count};
	bool		failed;
	List	   *problems = audited(audit_beside, &audit, &failed);
	ListCell   *cell;

	if (failed && alone == NULL)
		return false;
	foreach(cell, problems)
	{
		const Problem *problem = lfirst(cell);

		put_problem(rsinfo, problem->member == NULL ? alone : problem->member, program, problem);
	}
	return true;
}

/* `alone`: so are the tables beside its row, not with those of others. */
static void
verify_member(ReturnSetInfo *rsinfo, const char *program, int64 member_id, bool alone)
{
	MemberAudit audit = {member_id};
	const char *ref;
	bool		failed;
	List	   *problems = audited(read_member, &audit, &failed);

	if (!failed && !audit.found)
		return;
	ref = failed ? psprintf("#%lld", (long long) member_id) : audit.member.ref;
	if (!failed)
		problems = audited(audit_member, &audit.member, &failed);
	if (program == NULL)
	{
		Problem		problem = {NULL, 0, "member belongs to no program", NULL};

		put_problem(rsinfo, ref, program, &problem);
	}
	put_problems(rsinfo, ref, program, problems);
	if (alone)
		(void) verify_beside(rsinfo, program, &member_id, 1, ref);
}

static List *
audit_budgets(const void *arg)
{
	return loyalty_audit_budgets(arg);
}

static List *
audit_teams(const void *arg)
{
	return loyalty_audit_teams(arg);
}

static void
verify_program(ReturnSetInfo *rsinfo, int32 program_id)
{
	const Program *program = loyalty_program_by_id(program_id);
	const char *name = program == NULL ? NULL : program->name;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "loyalty verify",
												  ALLOCSET_DEFAULT_SIZES);
	IdList		members = {NULL, 0, 0};
	bool		together = true;
	bool		failed;
	Datum		args[1];

	args[0] = Int32GetDatum(program_id);
	loyalty_query_visit(&members_of_program, args, add_id, &members);
	for (int64 i = 0; i < members.count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		if (i % BATCH == 0)
			together = verify_beside(rsinfo, name, &members.ids[i],
									 (int) Min(members.count - i, BATCH), NULL);
		verify_member(rsinfo, name, members.ids[i], !together);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	if (program != NULL)
	{
		put_problems(rsinfo, NULL, name, audited(audit_budgets, name, &failed));
		put_problems(rsinfo, NULL, name, audited(audit_teams, name, &failed));
	}
}

/* verify(member, program): all members where NULL, all programs where both are */
Datum
loyalty_verify(PG_FUNCTION_ARGS)
{
	const char *member_ref = loyalty_arg_key(fcinfo, 0, "member", false);
	const char *program_name = loyalty_arg_text(fcinfo, 1);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);

	if (member_ref != NULL)
	{
		const Program *program = loyalty_program_lookup(program_name);
		MemberState member;

		loyalty_member_require(program, member_ref, &member);
		verify_member(rsinfo, program->name, member.member_id, true);
	}
	else if (program_name != NULL)
		verify_program(rsinfo, loyalty_program_lookup(program_name)->program_id);
	else
	{
		IdList		programs = {NULL, 0, 0};
		IdList		lost = {NULL, 0, 0};

		loyalty_query_visit(&programs_with_members, NULL, add_id, &programs);
		for (int64 i = 0; i < programs.count; i++)
			verify_program(rsinfo, (int32) programs.ids[i]);
		loyalty_query_visit(&orphans, NULL, add_id, &lost);
		for (int64 i = 0; i < lost.count; i++)
		{
			Problem		problem = {NULL, lost.ids[i], "entry belongs to no member", NULL};

			put_problem(rsinfo, NULL, NULL, &problem);
		}
	}
	PG_RETURN_NULL();
}
