/*
 * version.c
 *		Rules and programs as they were: versions that are no longer current.
 *
 * A version never changes, so what was read once is kept for the session, in
 * one context that is emptied at the end of a transaction when it has grown
 * large or when the extension was dropped and created again.  Rows are read
 * as the owner of the extension: the right to correct an event does not include
 * the right to read its rules.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "config/load.h"

/* Versions kept over the end of a transaction. */
#define KEPT_VERSIONS 1000

typedef struct VersionEntry
{
	int64		version_id;		/* key */
	Rule	   *rule;			/* one of the two; both NULL while being read */
	Program    *program;
} VersionEntry;

static MemoryContext version_context = NULL;
static HTAB *versions = NULL;	/* in version_context, as all it points to */
static Oid	version_table = InvalidOid; /* the config_version that was read */

void
loyalty_versions_end_transaction(void)
{
	if (versions == NULL ||
		(OidIsValid(version_table) && hash_get_num_entries(versions) <= KEPT_VERSIONS))
		return;
	MemoryContextDelete(version_context);
	version_context = NULL;
	versions = NULL;
}

/* The entry of a version, made if need be; new ones are not filled yet. */
static VersionEntry *
find_entry(int64 version_id, Oid table_id)
{
	VersionEntry *entry;
	bool		found;

	if (versions != NULL && version_table != table_id)
	{
		version_table = InvalidOid;
		loyalty_versions_end_transaction();
	}
	if (versions == NULL)
	{
		HASHCTL		control = {0};

		if (version_context == NULL)
			version_context = AllocSetContextCreate(CacheMemoryContext,
													"loyalty configuration versions",
													ALLOCSET_DEFAULT_SIZES);
		control.keysize = sizeof(int64);
		control.entrysize = sizeof(VersionEntry);
		control.hcxt = version_context;
		versions = hash_create("loyalty configuration versions", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		version_table = table_id;
	}
	entry = hash_search(versions, &version_id, HASH_ENTER, &found);
	if (!found)
	{
		entry->rule = NULL;
		entry->program = NULL;
	}
	return entry;
}

/* Reads the version's row into *entry. */
static void
read_version(int64 version_id, const char *table_name, VersionEntry *entry)
{
	const char *query =
		psprintf("SELECT r.* FROM loyalty.config_version v, "
				 "pg_catalog.jsonb_populate_record(NULL::loyalty.%s, v.row) r "
				 "WHERE v.version_id OPERATOR(pg_catalog.=) $1 "
				 "AND v.table_name OPERATOR(pg_catalog.=) '%s'",
				 table_name, table_name);
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(version_id)};
	MemoryContext caller;
	HeapTuple	row;
	TupleDesc	desc;

	SPI_connect();
	if (SPI_execute_with_args(query, 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read configuration version " INT64_FORMAT, version_id);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version " INT64_FORMAT " of a %s is not in loyalty.config_version",
						version_id, table_name),
				 errdetail("The grant to be corrected was made with it.")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;

	caller = MemoryContextSwitchTo(version_context);
	if (strcmp(table_name, "rule") == 0)
	{
		Rule	   *rule = palloc(sizeof(Rule));

		loyalty_rule_load(row, desc, rule);
		rule->version_id = version_id;
		entry->rule = rule;
	}
	else
	{
		Program    *program = palloc(sizeof(Program));

		loyalty_program_load(row, desc, program);
		program->version_id = version_id;
		entry->program = program;
	}
	MemoryContextSwitchTo(caller);
	SPI_finish();
}

static const VersionEntry *
get_version(int64 version_id, const char *table_name)
{
	Oid			schema = get_namespace_oid("loyalty", false);
	Oid			table_id = get_relname_relid("config_version", schema);
	VersionEntry *entry = find_entry(version_id, table_id);
	Relation	rel;
	Oid			user_id;
	int			security;

	if (entry->rule != NULL || entry->program != NULL)
		return entry;

	rel = table_open(table_id, AccessShareLock);
	GetUserIdAndSecContext(&user_id, &security);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	/* Configuration is read as committed by now, as in cache.c. */
	PushActiveSnapshot(GetCatalogSnapshot(table_id));
	read_version(version_id, table_name, entry);
	PopActiveSnapshot();
	SetUserIdAndSecContext(user_id, security);
	table_close(rel, AccessShareLock);
	return entry;
}

const Rule *
loyalty_rule_by_version(int64 version_id)
{
	return get_version(version_id, "rule")->rule;
}

const Program *
loyalty_program_by_version(int64 version_id)
{
	return loyalty_program_check(get_version(version_id, "program")->program);
}
