/*
 * member_row.c
 *		Members as rows: found, locked, enrolled.
 *
 * The row lock comes first, then every read.  The member is found by an index
 * scan under a pushed transaction snapshot (fresh in READ COMMITTED, the
 * transaction's own above) and its newest version is locked; a version that
 * moved above READ COMMITTED is a serialization failure.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ledger/hold_row.h"
#include "ledger/member_row.h"
#include "ledger/recent.h"
#include "ledger/tier_row.h"

static void
load_member(TupleTableSlot *slot, MemberState *member)
{
	const AttrNumber *attr = loyalty_relations()->member_attr;
	Datum	   *values = slot->tts_values;
	bytea	   *head;

	memset(member, 0, sizeof(MemberState));
	slot_getallattrs(slot);
#define VALUE(column) values[attr[column] - 1]
	member->member_id = DatumGetInt64(VALUE(MEMBER_ID));
	member->program_id = DatumGetInt32(VALUE(MEMBER_PROGRAM_ID));
	member->status = (MemberStatus) DatumGetChar(VALUE(MEMBER_STATUS));
	loyalty_wallet_unpack(DatumGetPointWallet(VALUE(MEMBER_POINTS)), &member->points);
	loyalty_wallet_unpack(DatumGetPointWallet(VALUE(MEMBER_GROWTH)), &member->growth);
	member->debt = DatumGetInt64(VALUE(MEMBER_DEBT));
	member->held = DatumGetInt64(VALUE(MEMBER_HELD));
	member->tier_id = DatumGetInt32(VALUE(MEMBER_TIER_ID));
	member->tier_until = DatumGetTimestampTz(VALUE(MEMBER_TIER_UNTIL));
	member->last_entry = DatumGetInt64(VALUE(MEMBER_LAST_ENTRY));
	member->last_at = DatumGetTimestampTz(VALUE(MEMBER_LAST_AT));
	member->earned_tier_id = DatumGetInt32(VALUE(MEMBER_EARNED_TIER_ID));
	member->earned_since = DatumGetTimestampTz(VALUE(MEMBER_EARNED_SINCE));
	member->earned_until = DatumGetTimestampTz(VALUE(MEMBER_EARNED_UNTIL));
	member->earned_growth = DatumGetInt64(VALUE(MEMBER_EARNED_GROWTH));
	member->earned_phase = (StatusPhase) DatumGetChar(VALUE(MEMBER_EARNED_PHASE));
	member->has_grants = DatumGetBool(VALUE(MEMBER_HAS_GRANTS));
	member->enrolled_at = DatumGetTimestampTz(VALUE(MEMBER_ENROLLED_AT));
	member->maintain_at = DatumGetTimestampTz(VALUE(MEMBER_MAINTAIN_AT));
	member->salt = DatumGetInt64(VALUE(MEMBER_SALT));
	member->key_digest = DatumGetInt64(VALUE(MEMBER_KEY_DIGEST));
	head = DatumGetByteaPP(VALUE(MEMBER_CHAIN_HEAD));
	memcpy(member->chain_head, VARDATA_ANY(head),
		   Min(VARSIZE_ANY_EXHDR(head), LOYALTY_HASH_LENGTH));
	member->ref = TextDatumGetCString(VALUE(MEMBER_REF));
	member->attributes = DatumGetJsonbPCopy(VALUE(MEMBER_ATTRIBUTES));
	member->recent = loyalty_recent_load(DatumGetByteaPP(VALUE(MEMBER_RECENT)));
#undef VALUE
	if (member->held > 0)
		member->holds = loyalty_holds_load(member->member_id);
	if (member->has_grants)
		member->grants = loyalty_grants_load(member->member_id);
}

/* Keys for either of the two ways in which a member is found. */
typedef struct MemberKey
{
	Oid			index;
	Relation	opened;			/* the index, where a writer has it open */
	int			count;
	ScanKeyData keys[2];
} MemberKey;

static void
key_by_ref(MemberKey *key, const Program *program, const char *ref)
{
	key->index = loyalty_relations()->member_ref_index;
	key->opened = NULL;
	key->count = 2;
	ScanKeyInit(&key->keys[0], 1, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(program->program_id));
	ScanKeyEntryInitialize(&key->keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ, CStringGetTextDatum(ref));
}

static void
key_by_id(MemberKey *key, int64 member_id)
{
	key->index = loyalty_relations()->member_id_index;
	key->opened = NULL;
	key->count = 1;
	ScanKeyInit(&key->keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(member_id));
}

/* Fetches the row by its key as the snapshot sees it. */
static bool
fetch(Relation relation, MemberKey *key, Snapshot snapshot, TupleTableSlot *slot)
{
	Relation	index = key->opened ? key->opened : index_open(key->index, AccessShareLock);
	IndexScanDesc scan = compat_index_beginscan(relation, index, snapshot, key->count);
	bool		found;

	index_rescan(scan, key->keys, key->count, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (found)
		ExecMaterializeSlot(slot);
	index_endscan(scan);
	if (index != key->opened)
		index_close(index, AccessShareLock);
	return found;
}

static bool
lock_row(Writer *writer, MemberKey *key, LockWaitPolicy wait, MemberState *member)
{
	TupleTableSlot *slot = writer->member_slot;
	TM_FailureData failure;
	TM_Result	result;

	PushActiveSnapshot(GetTransactionSnapshot());
	if (!fetch(writer->member, key, GetActiveSnapshot(), slot))
	{
		PopActiveSnapshot();
		return false;
	}
	result = table_tuple_lock(writer->member, &slot->tts_tid, GetActiveSnapshot(), slot,
							  GetCurrentCommandId(false), LockTupleNoKeyExclusive, wait,
							  IsolationUsesXactSnapshot() ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
							  &failure);
	PopActiveSnapshot();

	switch (result)
	{
		case TM_Ok:
			break;
		case TM_WouldBlock:
			return false;
		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent update")));
			return false;
		default:
			elog(ERROR, "unexpected result %d of locking a member", (int) result);
	}
	load_member(slot, member);
	return true;
}

bool
loyalty_member_lock(Writer *writer, const Program *program, const char *ref,
					MemberState *member)
{
	MemberKey	key;

	key_by_ref(&key, program, ref);
	key.opened = writer->member_ref_index;
	return lock_row(writer, &key, LockWaitBlock, member);
}

bool
loyalty_member_lock_id(Writer *writer, int64 member_id, MemberState *member)
{
	MemberKey	key;

	key_by_id(&key, member_id);
	return lock_row(writer, &key, LockWaitBlock, member);
}

bool
loyalty_member_try_lock_id(Writer *writer, int64 member_id, MemberState *member)
{
	MemberKey	key;

	key_by_id(&key, member_id);
	return lock_row(writer, &key, LockWaitSkip, member);
}

int64
loyalty_member_find(const Program *program, const char *ref)
{
	Relation	relation = table_open(loyalty_relations()->member, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	MemberKey	key;
	int64		member_id = 0;

	key_by_ref(&key, program, ref);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (fetch(relation, &key, GetActiveSnapshot(), slot))
	{
		bool		isnull;

		member_id = DatumGetInt64(slot_getattr(slot, loyalty_relations()->member_attr[MEMBER_ID],
											   &isnull));
	}
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	return member_id;
}

static bool
read_row(MemberKey *key, MemberState *member)
{
	Relation	relation = table_open(loyalty_relations()->member, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	bool		found = fetch(relation, key, GetActiveSnapshot(), slot);

	if (found)
		load_member(slot, member);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	return found;
}

bool
loyalty_member_read(const Program *program, const char *ref, MemberState *member)
{
	MemberKey	key;

	key_by_ref(&key, program, ref);
	return read_row(&key, member);
}

bool
loyalty_member_read_id(int64 member_id, MemberState *member)
{
	MemberKey	key;

	key_by_id(&key, member_id);
	return read_row(&key, member);
}
