/*
 * order_row.h
 *		Rows of an order table: who, what, when, and the row as jsonb.
 */
#ifndef LOYALTY_ORDER_ROW_H
#define LOYALTY_ORDER_ROW_H

#include "executor/tuptable.h"
#include "utils/jsonb.h"

#include "triggers/attachment.h"

/* The moment of a row that has none: when it is settled. */
#define ORDER_AT_CLOCK	DT_NOEND

/* How a row stands to the event. */
typedef enum OrderStanding
{
	ORDER_COUNTS = 'c',
	ORDER_EARLIER = 'e',		/* counts, but is dated before the attachment */
	ORDER_FAILS = 'f',			/* the condition raises an error for it */
	ORDER_NOT = 'n',			/* the condition does not hold, or no such row */
} OrderStanding;

/* How the rows of one tuple descriptor are read. */
typedef struct OrderReader OrderReader;

/* 42703 if a column is not there; 42804 if `at` is no point in time. */
extern OrderReader *loyalty_order_reader(const Attachment *attachment, Relation relation);

/* The key columns as text, palloc'd; NULL where the column is. */
extern char *loyalty_order_member(OrderReader *reader, TupleTableSlot *slot);
extern char *loyalty_order_ref(OrderReader *reader, TupleTableSlot *slot);

/* The ref as it is; false if NULL.  And its column. */
extern bool loyalty_order_ref_datum(OrderReader *reader, TupleTableSlot *slot, Datum *ref);
extern AttrNumber loyalty_order_ref_column(const OrderReader *reader);

/* The row's business time; ORDER_AT_CLOCK if it has none. */
extern TimestampTz loyalty_order_at(OrderReader *reader, TupleTableSlot *slot);

/* The row as to_jsonb() would give it. */
extern Jsonb *loyalty_order_document(OrderReader *reader, TupleTableSlot *slot);

/* One boolean decides; else the condition holds if it finds something. */
extern bool loyalty_order_condition(const Attachment *attachment, const Jsonb *document);

/* The standing of a row; errors of the condition are ORDER_FAILS. */
extern OrderStanding loyalty_order_standing(const Attachment *attachment,
											const Jsonb *document, TimestampTz at);

#endif							/* LOYALTY_ORDER_ROW_H */
