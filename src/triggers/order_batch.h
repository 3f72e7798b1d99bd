/*
 * order_batch.h
 *		The rows that one statement touched, on their way to the engine.
 *
 *		rows ──▶ members (found, enrolled) ──▶ items, sorted ──▶ settled
 *
 * An item is one (member, ref) with its document as the table stands now.  They
 * are sorted by (member_id, at, ref): members are locked in id order, each is
 * written once, and the order in which rows were loaded changes nothing.
 */
#ifndef LOYALTY_ORDER_BATCH_H
#define LOYALTY_ORDER_BATCH_H

#include "config/config.h"
#include "executor/tuptable.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

#include "triggers/order_row.h"

/* order_members.c: the members that the rows name, each once */
typedef struct OrderMember
{
	char	   *name;			/* the hash key */
	uint32		hash;
	char		status;
	bool		wanted;			/* has a row that counts */
	bool		enrolled;		/* by this statement */
	TimestampTz since;			/* its first row; business time of enrolling */
	int64		member_id;		/* 0 = unknown */
} OrderMember;

typedef struct OrderMembers OrderMembers;

extern OrderMembers *loyalty_order_members(void);
extern void loyalty_order_members_add(OrderMembers *members, const char *name);
extern OrderMember *loyalty_order_members_lookup(OrderMembers *members, const char *name);

/* Finds the ids of all; returns whether some are unknown. */
extern bool loyalty_order_members_find(OrderMembers *members, const Program *program);

/* Enrols those that are unknown and wanted. */
extern void loyalty_order_members_enroll(OrderMembers *members, const Program *program);

/* All members, palloc'd, in the order of their ids. */
extern OrderMember **loyalty_order_members_by_id(OrderMembers *members, int *count);

/* Columns of a sorted item. */
typedef enum ItemColumn
{
	ITEM_MEMBER_ID = 1,
	ITEM_AT,
	ITEM_REF,
	ITEM_STANDING,
	ITEM_DOCUMENT,				/* NULL: no row, or one that does not count */
	ITEM_COLUMNS = ITEM_DOCUMENT
} ItemColumn;

typedef struct OrderBatch
{
	const Attachment *attachment;
	const Program *program;
	Relation	relation;		/* whose rows they are */
	Oid			root;			/* on which the attachment was made */
	OrderReader *reader;
	OrderMembers *members;
	bool		reread;			/* the rows may not be the table's present ones */
	TupleDesc	desc;			/* of items */
	TupleTableSlot *slot;		/* for items */
	Tuplesortstate *items;
	Tuplesortstate *pairs;		/* (member_id, ref) to be read from the table */
	int64		settled;		/* items that reached the engine */
	bool		warned;			/* of a row without a usable key */
} OrderBatch;

/* What the error context of a row tells. */
typedef struct OrderContext
{
	const OrderBatch *batch;
	const char *member;
	const char *ref;
} OrderContext;

extern void loyalty_order_context(void *arg);

/*
 * Settles what the statement's rows ask for.  `gone` are rows that were
 * deleted or replaced, `present` those that it left; either may be NULL.
 * Returns the number of items settled.
 */
extern int64 loyalty_order_batch(const Attachment *attachment, const Program *program,
								 Relation relation, Oid root, Tuplestorestate *gone,
								 Tuplestorestate *present, bool reread);

/* Puts an item into a sort. */
extern void loyalty_order_put(OrderBatch *batch, Tuplesortstate *sort, int64 member_id,
							  TimestampTz at, const char *ref, OrderStanding standing,
							  const Jsonb *document);

/*
 * order_read.c: looks up the pairs as the table stands and puts an item for
 * each.  `refs` are the refs of all pairs, of the column's type.
 */
extern void loyalty_order_read(OrderBatch *batch, Datum *refs, int64 count);

/* order_settle.c: settles the items in their order */
extern void loyalty_order_settle(OrderBatch *batch);

/* Settings under which a row always becomes the same jsonb; returns the level. */
extern int	loyalty_order_settings(const Program *program);

#endif							/* LOYALTY_ORDER_BATCH_H */
