/*
 * bulk.h
 *		Members that nobody has stored yet, written many at a time.
 */
#ifndef LOYALTY_BULK_H
#define LOYALTY_BULK_H

#include "engine/engine.h"
#include "ledger/relations.h"

typedef struct Bulk Bulk;

/* Writes through the writer, which stays open until the bulk is closed. */
extern Bulk *loyalty_bulk_open(Writer *writer);

/* The id of the next member, to be set before its operation. */
extern int64 loyalty_bulk_next_id(void);

/*
 * Takes a member with all that its first operation made of it: its row, its
 * entries and its tier periods.  For operations that leave nothing beside
 * these.  Nothing is written yet; returns whether it is time for that.
 */
extern bool loyalty_bulk_add(Bulk *bulk, Engine *engine);

/*
 * Writes what was taken.  Members go in in the order in which they came, which
 * must be that of COLLATE "C", so that two loads cannot wait for each other;
 * 40001 if somebody else has just enrolled one of them.
 */
extern void loyalty_bulk_flush(Bulk *bulk);
extern void loyalty_bulk_close(Bulk *bulk);

#endif							/* LOYALTY_BULK_H */
