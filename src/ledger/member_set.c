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
#include "ledger/member_set.h"
#include "ledger/query.h"
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

static LoyaltyQuery insert_members = {
	"INSERT INTO loyalty.member (member_id, debt, held, last_entry, last_at, tier_until,"
	" maintain_at, enrolled_at, salt, program_id, tier_id, status, ref, chain_head,"
	" points, growth, attributes, earned_since, earned_until, earned_growth,"
	" earned_tier_id, earned_phase, has_grants)"
	" SELECT nextval('loyalty.member_id_seq'), 0, 0, 0, '-infinity', 'infinity',"
	" 'infinity', n.at, n.salt, $1, 0, 'a', n.ref, decode(repeat('00', 32), 'hex'),"
	" '{}', '{}', n.attributes, '-infinity', 'infinity', 0, 0, 'r', false"
	" FROM unnest($2, $3, $4, $5) AS n (ref, at, salt, attributes)"
	" ON CONFLICT (program_id, ref) DO NOTHING RETURNING ref, member_id",
	5, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, JSONBARRAYOID}
};

/* Where the rows that were inserted meet those that were asked for. */
typedef struct Enrolled
{
	const char *const *refs;
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
		const char *asked = enrolled->refs[enrolled->next];
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

void
loyalty_members_insert(const Program *program, const char *const *refs,
					   const TimestampTz *ats, const Jsonb *const *attributes,
					   int64 *ids, int count)
{
	Enrolled	enrolled = {refs, ids, 0, count};
	Datum	   *values = palloc(sizeof(Datum) * count);
	Datum		none = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	Datum		args[5];

	memset(ids, 0, sizeof(int64) * count);
	args[0] = Int32GetDatum(program->program_id);
	for (int i = 0; i < count; i++)
		values[i] = CStringGetTextDatum(refs[i]);
	args[1] = make_array(values, count, TEXTOID);
	for (int i = 0; i < count; i++)
		values[i] = TimestampTzGetDatum(ats[i]);
	args[2] = make_array(values, count, TIMESTAMPTZOID);
	for (int i = 0; i < count; i++)
	{
		int64		salt;

		if (!pg_strong_random(&salt, sizeof(salt)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a random salt")));
		values[i] = Int64GetDatum(salt);
	}
	args[3] = make_array(values, count, INT8OID);
	for (int i = 0; i < count; i++)
		values[i] = attributes == NULL || attributes[i] == NULL ? none :
			JsonbPGetDatum(attributes[i]);
	args[4] = make_array(values, count, JSONBOID);
	loyalty_query_visit(&insert_members, args, note_enrolled, &enrolled);
	pfree(values);
}
