/*
 * member_set.c
 *		Many members of a program at once: found and enrolled.
 *
 * Finding is one index scan, positioned anew for each member: no plan that was
 * made while the table was small can be wrong for it.  Enrolling is one INSERT.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/chain.h"
#include "ledger/member_row.h"
#include "ledger/member_set.h"
#include "ledger/query.h"
#include "ledger/recent.h"
#include "ledger/relations.h"

void
loyalty_members_find(const Program *program, const char *const *refs, int64 *ids, int count)
{
	Relation	relation = table_open(loyalty_relations()->member, AccessShareLock);
	Relation	index = index_open(loyalty_relations()->member_ref_index, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	AttrNumber	id_attr = loyalty_relations()->member_attr[MEMBER_ID];
	IndexScanDesc scan;
	ScanKeyData keys[2];

	PushActiveSnapshot(GetTransactionSnapshot());
	scan = compat_index_beginscan(relation, index, GetActiveSnapshot(), 2);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(program->program_id));
	for (int i = 0; i < count; i++)
	{
		Datum		ref = CStringGetTextDatum(refs[i]);
		bool		isnull;

		ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid,
							   C_COLLATION_OID, F_TEXTEQ, ref);
		index_rescan(scan, keys, 2, NULL, 0);
		ids[i] = index_getnext_slot(scan, ForwardScanDirection, slot) ?
			DatumGetInt64(slot_getattr(slot, id_attr, &isnull)) : 0;
		pfree(DatumGetPointer(ref));
		CHECK_FOR_INTERRUPTS();
	}
	index_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(relation, AccessShareLock);
}

/* So many members are looked for under one snapshot. */
#define SEEK_SPAN 1000

struct MemberSeeker
{
	const Program *program;
	MemoryContext context;		/* of the scan */
	Relation	relation;
	Relation	index;
	TupleTableSlot *slot;
	Snapshot	snapshot;
	IndexScanDesc scan;			/* NULL before the first member of a span */
	int			asked;			/* members of the span */
	text	   *next;			/* the first there is from the last one asked on; NULL = none */
	int64		next_id;
};

MemberSeeker *
loyalty_seeker_open(const Program *program)
{
	MemberSeeker *seeker = palloc0(sizeof(MemberSeeker));

	seeker->program = program;
	seeker->context = CurrentMemoryContext;
	seeker->relation = table_open(loyalty_relations()->member, AccessShareLock);
	seeker->index = index_open(loyalty_relations()->member_ref_index, AccessShareLock);
	seeker->slot = table_slot_create(seeker->relation, NULL);
	return seeker;
}

static void
end_span(MemberSeeker *seeker)
{
	if (seeker->scan == NULL)
		return;
	ExecClearTuple(seeker->slot);
	index_endscan(seeker->scan);
	UnregisterSnapshot(seeker->snapshot);
	seeker->scan = NULL;
}

/* Less than, equal to or greater than 0, in COLLATE "C". */
static int
compare_ref(const text *there, const char *asked)
{
	int			length = VARSIZE_ANY_EXHDR(there);
	int			asked_length = strlen(asked);
	int			result = memcmp(VARDATA_ANY(there), asked, Min(length, asked_length));

	return result != 0 ? result : length - asked_length;
}

/* The next member of the scan. */
static void
step(MemberSeeker *seeker)
{
	const AttrNumber *attr = loyalty_relations()->member_attr;
	bool		isnull;

	seeker->next = NULL;
	if (!index_getnext_slot(seeker->scan, ForwardScanDirection, seeker->slot))
		return;
	seeker->next = DatumGetTextPP(slot_getattr(seeker->slot, attr[MEMBER_REF], &isnull));
	seeker->next_id = DatumGetInt64(slot_getattr(seeker->slot, attr[MEMBER_ID], &isnull));
}

/* The first member from `ref` on. */
static void
seek(MemberSeeker *seeker, const char *ref)
{
	Datum		key = CStringGetTextDatum(ref);
	ScanKeyData keys[2];

	if (seeker->scan == NULL)
	{
		seeker->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		seeker->scan = compat_index_beginscan(seeker->relation, seeker->index,
											  seeker->snapshot, lengthof(keys));
	}
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(seeker->program->program_id));
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTGreaterEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXT_GE, key);
	index_rescan(seeker->scan, keys, lengthof(keys), NULL, 0);
	step(seeker);
	pfree(DatumGetPointer(key));
}

int64
loyalty_seeker_find(MemberSeeker *seeker, const char *ref)
{
	MemoryContext caller = MemoryContextSwitchTo(seeker->context);

	if (seeker->asked++ == SEEK_SPAN)
	{
		end_span(seeker);
		seeker->asked = 1;
	}

	/* whoever was asked for last may well be followed by this one */
	if (seeker->scan != NULL && seeker->next != NULL && compare_ref(seeker->next, ref) < 0)
		step(seeker);
	if (seeker->scan == NULL || (seeker->next != NULL && compare_ref(seeker->next, ref) < 0))
		seek(seeker, ref);
	MemoryContextSwitchTo(caller);
	return seeker->next != NULL && compare_ref(seeker->next, ref) == 0 ? seeker->next_id : 0;
}

void
loyalty_seeker_close(MemberSeeker *seeker)
{
	end_span(seeker);
	ExecDropSingleTupleTableSlot(seeker->slot);
	index_close(seeker->index, AccessShareLock);
	table_close(seeker->relation, AccessShareLock);
	pfree(seeker);
}

static LoyaltyQuery insert_members = {
	"INSERT INTO loyalty.member (member_id, debt, held, last_entry, last_at, tier_until,"
	" maintain_at, enrolled_at, salt, key_digest, program_id, tier_id, status, ref, chain_head,"
	" points, growth, attributes, earned_since, earned_until, earned_growth,"
	" earned_tier_id, earned_phase, has_grants)"
	" SELECT nextval('loyalty.member_id_seq'), 0, 0, 0, '-infinity', 'infinity',"
	" 'infinity', n.at, n.salt, n.key_digest, $1, 0, 'a', n.ref, n.chain_head,"
	" '{}', '{}', n.attributes, '-infinity', 'infinity', 0, 0, 'r', false"
	" FROM unnest($2, $3, $4, $5, $6, $7)"
	" AS n (ref, at, attributes, salt, key_digest, chain_head)"
	" ON CONFLICT (program_id, ref) DO NOTHING RETURNING ref, member_id",
	7, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, BYTEAARRAYOID}
};

/* Where the rows that were inserted meet those that were asked for. */
typedef struct Enrolled
{
	const NewMember *members;
	int64	   *ids;
	int			next;
	int			count;
} Enrolled;

/* Rows come back in the order of the INSERT, less those that were there. */
static void
note_enrolled(HeapTuple row, TupleDesc desc, void *arg)
{
	Enrolled   *enrolled = arg;
	bool		isnull;
	text	   *ref = DatumGetTextPP(SPI_getbinval(row, desc, 1, &isnull));

	while (enrolled->next < enrolled->count)
	{
		const char *asked = enrolled->members[enrolled->next].ref;
		int			length = VARSIZE_ANY_EXHDR(ref);

		if (strlen(asked) == length && memcmp(asked, VARDATA_ANY(ref), length) == 0)
		{
			enrolled->ids[enrolled->next++] = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
			return;
		}
		enrolled->next++;
	}
	elog(ERROR, "a member was enrolled that was not asked for");
}

static Datum
make_array(Datum *values, int count, Oid type)
{
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/* What a member is born with: a random salt, and the begin of its hash chain. */
typedef struct MemberBirth
{
	int64		salt;
	int64		key_digest;
	bytea	   *chain_head;
} MemberBirth;

/* Drawn many at a time: asking for one costs as much as asking for all. */
static int64
random_salt(void)
{
	static int64 salts[64];
	static int	left = 0;

	if (left == 0)
	{
		if (!pg_strong_random(salts, sizeof(salts)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a random salt")));
		left = lengthof(salts);
	}
	return salts[--left];
}

static void
give_birth(const Program *program, const char *ref, MemberBirth *birth)
{
	birth->salt = random_salt();
	birth->key_digest = loyalty_chain_key_digest(birth->salt, ref);
	birth->chain_head = palloc(VARHDRSZ + LOYALTY_HASH_LENGTH);
	SET_VARSIZE(birth->chain_head, VARHDRSZ + LOYALTY_HASH_LENGTH);
	loyalty_chain_seed(program->program_id, birth->key_digest,
					   (uint8 *) VARDATA(birth->chain_head));
}

void
loyalty_members_insert(const Program *program, const NewMember *members, int64 *ids, int count)
{
	Enrolled	enrolled = {members, ids, 0, count};
	Datum	   *values = palloc(sizeof(Datum) * count);
	Datum		none = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	MemberBirth *births = palloc(sizeof(MemberBirth) * count);
	Datum		args[7];

	memset(ids, 0, sizeof(int64) * count);
	args[0] = Int32GetDatum(program->program_id);
	for (int i = 0; i < count; i++)
		values[i] = CStringGetTextDatum(members[i].ref);
	args[1] = make_array(values, count, TEXTOID);
	for (int i = 0; i < count; i++)
		values[i] = TimestampTzGetDatum(members[i].at);
	args[2] = make_array(values, count, TIMESTAMPTZOID);
	for (int i = 0; i < count; i++)
		values[i] = members[i].attributes == NULL ? none :
			JsonbPGetDatum(members[i].attributes);
	args[3] = make_array(values, count, JSONBOID);
	for (int i = 0; i < count; i++)
	{
		give_birth(program, members[i].ref, &births[i]);
		values[i] = Int64GetDatum(births[i].salt);
	}
	args[4] = make_array(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(births[i].key_digest);
	args[5] = make_array(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = PointerGetDatum(births[i].chain_head);
	args[6] = make_array(values, count, BYTEAOID);
	loyalty_query_visit(&insert_members, args, note_enrolled, &enrolled);
	pfree(births);
	pfree(values);
}

void
loyalty_member_bear(MemberState *member, const Program *program, const char *ref,
					TimestampTz at)
{
	MemberBirth birth;

	give_birth(program, ref, &birth);
	memset(member, 0, sizeof(MemberState));
	member->program_id = program->program_id;
	member->ref = ref;
	member->enrolled_at = at;
	member->status = STATUS_ACTIVE;
	member->tier_until = member->earned_until = member->maintain_at = DT_NOEND;
	member->last_at = member->earned_since = DT_NOBEGIN;
	member->earned_phase = PHASE_REACHED;
	member->recent = loyalty_recent_load(cstring_to_text(""));
	member->salt = birth.salt;
	member->key_digest = birth.key_digest;
	memcpy(member->chain_head, VARDATA(birth.chain_head), LOYALTY_HASH_LENGTH);
}

bool
loyalty_member_insert(const Program *program, const char *ref, const Jsonb *attributes,
					  TimestampTz at)
{
	NewMember	member = {ref, at, attributes};
	int64		member_id;

	loyalty_members_insert(program, &member, &member_id, 1);
	return member_id != 0;
}
