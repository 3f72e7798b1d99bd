/*
 * relations.h
 *		The member and ledger relations: where they are and how they are written.
 */
#ifndef LOYALTY_RELATIONS_H
#define LOYALTY_RELATIONS_H

#include "postgres.h"
#include "executor/executor.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* Columns by name: their numbers may differ after an upgrade. */
typedef enum MemberColumn
{
	MEMBER_ID, MEMBER_DEBT, MEMBER_HELD, MEMBER_LAST_ENTRY, MEMBER_LAST_AT,
	MEMBER_TIER_UNTIL, MEMBER_MAINTAIN_AT, MEMBER_ENROLLED_AT, MEMBER_SALT, MEMBER_KEY_DIGEST,
	MEMBER_PROGRAM_ID, MEMBER_TIER_ID, MEMBER_STATUS, MEMBER_REF, MEMBER_CHAIN_HEAD,
	MEMBER_POINTS, MEMBER_GROWTH, MEMBER_ATTRIBUTES,
	MEMBER_EARNED_SINCE, MEMBER_EARNED_UNTIL, MEMBER_EARNED_GROWTH, MEMBER_EARNED_TIER_ID,
	MEMBER_EARNED_PHASE, MEMBER_HAS_GRANTS, MEMBER_RECENT,
	MEMBER_COLUMNS
} MemberColumn;

typedef enum LedgerColumn
{
	LEDGER_MEMBER_ID, LEDGER_ENTRY_ID, LEDGER_AT, LEDGER_RECORDED_AT, LEDGER_POINTS,
	LEDGER_BALANCE, LEDGER_XID, LEDGER_GROWTH, LEDGER_DEBT, LEDGER_REVERSES,
	LEDGER_COUNTERPART, LEDGER_WAIVED, LEDGER_LAPSED, LEDGER_REQUEST_DIGEST,
	LEDGER_DETAIL_DIGEST, LEDGER_EVENT_ID, LEDGER_ACTOR_ID, LEDGER_GENERATION,
	LEDGER_KIND, LEDGER_SPEND_ORDER, LEDGER_HASH, LEDGER_LOTS, LEDGER_REF,
	LEDGER_OPERATION_REF, LEDGER_POINT_KIND, LEDGER_PARTNER, LEDGER_UNIT_COST,
	LEDGER_REASON, LEDGER_BREAKDOWN, LEDGER_ATTRIBUTES,
	LEDGER_COLUMNS
} LedgerColumn;

/*
 * Tables of rows beside the member's own (beside.h).  Numbers are stored in
 * member.recent: new ones come at the end.
 */
typedef enum BesideTable
{
	BESIDE_LIMIT_USAGE, BESIDE_EVENT_USAGE, BESIDE_STREAK_CALENDAR, BESIDE_TIER_PERIOD,
	BESIDE_DRAW_TICKET, BESIDE_BENEFIT_UNIT, BESIDE_CONTEST_PLAYER, BESIDE_CONTEST_EVENT,
	BESIDE_TABLES
} BesideTable;

#define BESIDE_COLUMNS 12

typedef struct BesideRelation
{
	Oid			relid;
	Oid			index;			/* of the primary key */
	int			columns;
	AttrNumber	attr[BESIDE_COLUMNS];
	Oid			type[BESIDE_COLUMNS];
} BesideRelation;

/* OIDs and column numbers, resolved once and forgotten on invalidation. */
typedef struct Relations
{
	Oid			member;
	Oid			member_ref_index;	/* (program_id, ref) */
	Oid			member_id_index;	/* (member_id) */
	Oid			member_id_seq;
	Oid			ledger;
	Oid			ledger_id_index;	/* (member_id, entry_id) */
	Oid			ledger_ref_index;	/* (member_id, ref, kind, event, generation) */
	Oid			entry_id_seq;
	Oid			wallet_type;	/* loyalty.point_wallet */
	AttrNumber	member_attr[MEMBER_COLUMNS];
	AttrNumber	ledger_attr[LEDGER_COLUMNS];
	BesideRelation beside[BESIDE_TABLES];
} Relations;

extern const Relations *loyalty_relations(void);

/* Called by the one relcache callback of the module. */
extern void loyalty_relations_invalidate(Oid relid);

/*
 * Both relations open for writing through the executor: row triggers fire,
 * constraints and indexes are maintained, WAL is written.  What this leaves out:
 * privileges (EXECUTE on our functions is the gate), row security, statement
 * triggers (so the guards against plain SQL let it pass) and partition routing
 * (neither table is partitioned).
 */
typedef struct Writer
{
	const Relations *relations;
	Relation	member;
	Relation	member_ref_index;
	Relation	ledger;
	EState	   *estate;
	ResultRelInfo *member_result;
	ResultRelInfo *ledger_result;
	EPQState   *epqstate;
	TupleTableSlot *member_slot;	/* the locked version of a row */
	TupleTableSlot *new_slot;	/* its next version */
	TupleTableSlot *ledger_slot;
	MemoryContext context;		/* all of the above */
	ResourceOwner owner;		/* of relation references; NULL = the caller's */
} Writer;

/*
 * Opening costs as much as a small write, so the first writer of a statement
 * stays open until the statement ends, for the calls that follow in it.
 */
extern void loyalty_writer_open(Writer *writer);

/* Fires what is due after the writes and makes them visible. */
extern void loyalty_writer_close(Writer *writer);

extern void loyalty_writer_init(void);

#endif							/* LOYALTY_RELATIONS_H */
