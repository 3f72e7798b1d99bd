/*
 * compat.h
 *		PostgreSQL 14 to 18 from one source: the only user of PG_VERSION_NUM.
 */
#ifndef LOYALTY_COMPAT_H
#define LOYALTY_COMPAT_H

#include "postgres.h"
#include "access/genam.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/nodes.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rel.h"

/* VARSIZE and its kin left postgres.h in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Soft errors (16+): input functions report through fcinfo->context, so that
 * pg_input_is_valid() works.  Before 16 the same line is a plain ereport.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "parser/parse_relation.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* Needs utils/rangetypes.h. */
#if PG_VERSION_NUM >= 160000
#define loyalty_make_range(typcache, lower, upper) make_range(typcache, lower, upper, false, NULL)
#else
#define loyalty_make_range(typcache, lower, upper) make_range(typcache, lower, upper, false)
#endif

#if PG_VERSION_NUM < 150000
#define strtoi64(str, endptr, base) ((int64) strtoll(str, endptr, base))
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
/* flags are never used here */
#define InitMaterializedSRF(fcinfo, flags) compat_init_materialized_srf(fcinfo)
extern void compat_init_materialized_srf(FunctionCallInfo fcinfo);
#endif

/*
 * An executor state whose range table is the given relations, in that order,
 * for writing through ExecSimpleRelation….
 */
static inline RangeTblEntry *
compat_range_table_entry(Relation relation)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(relation);
	entry->relkind = relation->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	return entry;
}

static inline void
compat_init_range_table(EState *estate, List *relations)
{
	List	   *entries = NIL;
#if PG_VERSION_NUM >= 160000
	List	   *permissions = NIL;
#endif
#if PG_VERSION_NUM >= 180000
	Bitmapset  *unpruned = bms_add_range(NULL, 1, list_length(relations));
#endif
	ListCell   *cell;

	foreach(cell, relations)
	{
		RangeTblEntry *entry = compat_range_table_entry(lfirst(cell));

#if PG_VERSION_NUM >= 160000
		addRTEPermissionInfo(&permissions, entry);
#endif
		entries = lappend(entries, entry);
	}
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, entries, permissions, unpruned);
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(estate, entries, permissions);
#else
	ExecInitRangeTable(estate, entries);
#endif
}

static inline void
compat_eval_plan_qual_init(EPQState *epqstate, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epqstate, estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(epqstate, estate, NULL, NIL, -1);
#endif
}

static inline IndexScanDesc
compat_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

/* What an index keeps between inserts since 17: BRIN has pages pinned. */
static inline void
compat_index_insert_cleanup(Relation index, IndexInfo *info)
{
#if PG_VERSION_NUM >= 170000
	index_insert_cleanup(index, info);
#endif
}

/* A tuplesort whose rows can be read more than once. */
#if PG_VERSION_NUM < 150000
#define TUPLESORT_RANDOMACCESS true
#endif

/* The index entries of a row that was just inserted. */
static inline List *
compat_insert_index_tuples(ResultRelInfo *result, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false);
#else
	return ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL);
#endif
}

/* Does the role own the relation? */
static inline bool
compat_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

#endif							/* LOYALTY_COMPAT_H */
