/*
 * import.c
 *		import_members: opening balances from a table, in one statement.
 *
 * A first pass over the table, which is ordered by member, finds the members and
 * enrolls those that are unknown, in COLLATE "C" order.  Then the members that
 * were there are locked, in id order.  A second pass posts one entry of each
 * member and writes its row once.  Nobody else can see, and so lock, the ones
 * just enrolled.  The event register is not recorded: they are no newcomers.
 *
 * Held in memory: the keys of all members, some 50 bytes each.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/import_read.h"
#include "compat.h"
#include "ledger/member_set.h"

PG_FUNCTION_INFO_V1(loyalty_import_members);

/* Members enrolled by one INSERT. */
#define ENROLL_CHUNK 10000

typedef struct Import
{
	const Program *program;
	const char *ref;
	TimestampTz at;				/* DT_NOBEGIN = the clock */
	TimestampTz clock;			/* of the call */
	ImportSource *source;

	/* all members of the table, in COLLATE "C" order */
	MemoryContext keys;
	const char **names;
	int64	   *ids;
	int64		count;
	int64		capacity;
	int64		found;			/* so many of them have ids */
	TimestampTz status_end;		/* none of theirs ends before */

	/* of the members from `found` on */
	MemoryContext chunk;
	NewMember	newcomers[ENROLL_CHUNK];
	int64	   *known;			/* ids of members that were there */
	int64		known_count;

	/* the member being read */
	MemoryContext context;
	int64		current;		/* -1 = none */
	int64		first_row;
	Opening		opening;
	bool		says_points;
	uint64	   *hashes;			/* of its rows */
	int			row_count;

	Call		call;
	int64		posted;
	int64		unchanged;
	int64		points;
	int64		growth;
} Import;

/* Gives the gathered members their ids, enrolling the unknown ones. */
static void
find_or_enroll(Import *import)
{
	int			count = (int) (import->count - import->found);
	const char **names = import->names + import->found;
	int64	   *ids = import->ids + import->found;
	int64	   *added = palloc(sizeof(int64) * Max(count, 1));
	int			unknown = 0;
	int			next = 0;

	loyalty_members_find(import->program, names, ids, count);
	for (int i = 0; i < count; i++)
	{
		if (ids[i] != 0)
		{
			import->known[import->known_count++] = ids[i];
			continue;
		}
		import->newcomers[unknown++] = import->newcomers[i];
	}
	if (unknown > 0)
		loyalty_members_insert(import->program, import->newcomers, added, unknown);
	for (int i = 0; i < count; i++)
	{
		if (ids[i] != 0)
			continue;
		ids[i] = added[next++];
		if (ids[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Another transaction has just enrolled member \"%s\".",
							   names[i])));
	}
	import->found = import->count;
	pfree(added);
	MemoryContextReset(import->chunk);
}

static TimestampTz
business_time(const Import *import)
{
	return import->at == DT_NOBEGIN ? import->clock : import->at;
}

/* The soonest end of a status period that begins with the import. */
static TimestampTz
first_status_end(const Program *program, TimestampTz at)
{
	TimestampTz end = DT_NOEND;

	for (int i = 0; i < program->tier_count; i++)
	{
		const Tier *tier = &program->tiers[i];

		if (!tier->permanent && tier->status_validity != NULL)
			end = Min(end, loyalty_validity_until(tier->status_validity, at, program->tz));
	}
	return end;
}

static void
add_member(Import *import, const char *name)
{
	NewMember  *newcomer;

	if (import->count - import->found == ENROLL_CHUNK)
		find_or_enroll(import);
	if (import->count == import->capacity)
	{
		import->capacity *= 2;
		import->names = repalloc_huge(import->names, import->capacity * sizeof(char *));
		import->ids = repalloc_huge(import->ids, import->capacity * sizeof(int64));
		import->known = repalloc_huge(import->known, import->capacity * sizeof(int64));
	}
	newcomer = &import->newcomers[import->count - import->found];
	newcomer->ref = import->names[import->count++] = MemoryContextStrdup(import->keys, name);
	newcomer->at = business_time(import);
	newcomer->attributes = NULL;
	newcomer->maintain_at = import->status_end;
}

/* The lot that a row's points are, without a check. */
static PointLot
lot_of(const Import *import, const ImportRow *row)
{
	const Program *program = import->program;
	TimestampTz at = business_time(import);
	PointLot	lot;

	lot.points = row->points;
	lot.source = 0;
	lot.valid_from = row->valid_from;
	if (lot.valid_from == DT_NOBEGIN)
		lot.valid_from = at - at % USECS_PER_SEC - (at % USECS_PER_SEC < 0 ? USECS_PER_SEC : 0);
	lot.valid_until = row->valid_until;
	if (lot.valid_until == DT_NOBEGIN && !TIMESTAMP_NOT_FINITE(lot.valid_from))
		lot.valid_until = loyalty_validity_until(program->validity, lot.valid_from, program->tz);
	return lot;
}

/* What was gained, or who joined, is not later than the balance. */
static void
refuse_later(const Import *import, const char *column, TimestampTz instant)
{
	char	   *said;

	if (instant <= business_time(import))
		return;
	said = pstrdup(timestamptz_to_str(instant));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not be later than the import", column),
			 errdetail("It says %s, and the balances are those of %s.", said,
					   timestamptz_to_str(business_time(import)))));
}

/* First pass. */
static void
gather_member(const ImportRow *row, void *arg)
{
	Import	   *import = arg;
	NewMember  *newcomer;

	if (row == NULL)
	{
		if (import->count > import->found)
			find_or_enroll(import);
		return;
	}
	refuse_later(import, "growth_at", row->growth_at);
	refuse_later(import, "enrolled_at", row->enrolled_at);
	if (import->count == 0 || strcmp(import->names[import->count - 1], row->member) != 0)
		add_member(import, row->member);
	newcomer = &import->newcomers[import->count - 1 - import->found];
	if (row->enrolled_at != DT_NOBEGIN)
		newcomer->at = Min(newcomer->at, row->enrolled_at);
	if (row->points > 0)
	{
		PointLot	lot = lot_of(import, row);

		/* with its first lapse noted, the update by the second pass stays HOT */
		if (lot.valid_until > business_time(import))
			newcomer->maintain_at = Min(newcomer->maintain_at, lot.valid_until);
	}
	if (row->attributes != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(import->chunk);

		newcomer->attributes = DatumGetJsonbPCopy(JsonbPGetDatum(row->attributes));
		MemoryContextSwitchTo(caller);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static void
lock_known(Import *import)
{
	MemoryContext caller = MemoryContextSwitchTo(import->context);

	qsort(import->known, import->known_count, sizeof(int64), compare_ids);
	for (int64 i = 0; i < import->known_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) loyalty_member_lock_id(&import->call.writer, import->known[i],
									  &import->call.member);
		MemoryContextReset(import->context);
	}
	MemoryContextSwitchTo(caller);
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

/* The content of the member's rows, in whatever order they stand. */
static int64
rows_digest(Import *import)
{
	StringInfoData content;

	qsort(import->hashes, import->row_count, sizeof(uint64), compare_hashes);
	initStringInfo(&content);
	for (int i = 0; i < import->row_count; i++)
		loyalty_digest_number(&content, (int64) import->hashes[i]);
	return loyalty_call_digest(&import->call.member, ENTRY_OPENING, &content);
}

/* Posts the member whose rows have been read. */
static void
post_member(Import *import)
{
	Call	   *call = &import->call;
	MemoryContext caller = MemoryContextSwitchTo(import->context);
	int64		digest;
	Receipt		receipt;
	Entry	   *entry;

	loyalty_import_blame(import->source, import->names[import->current], import->first_row);
	if (!loyalty_member_lock_id(&call->writer, import->ids[import->current], &call->member))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Member \"%s\" has just gone.", import->names[import->current])));
	loyalty_call_attach(call, import->program);
	digest = rows_digest(import);
	if (loyalty_call_replay(call, loyalty_call_story(call, import->ref), ENTRY_OPENING, 0,
							import->ref, digest, &receipt))
		import->unchanged++;
	else
	{
		call->engine.at = loyalty_call_time(call, import->at);
		if (call->engine.stored_entries != 0)
			loyalty_call_start(call, call->engine.at);
		entry = loyalty_engine_open_balance(&call->engine, &import->opening, import->ref);
		entry->request_digest = digest;
		loyalty_member_store(&call->writer, &call->engine);
		import->posted++;
		import->points = loyalty_points_add(import->points, entry->points);
		import->growth = loyalty_points_add(import->growth, entry->growth);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(import->context);
}

static void
begin_member(Import *import, const ImportRow *row)
{
	do
	{
		import->current++;
	} while (import->current < import->count &&
			 strcmp(import->names[import->current], row->member) != 0);
	if (import->current == import->count)
		elog(ERROR, "member \"%s\" was not there in the first pass", row->member);
	import->first_row = row->number;
	memset(&import->opening, 0, sizeof(Opening));
	loyalty_lots_init(&import->opening.lots);
	import->says_points = false;
	import->hashes = NULL;
	import->row_count = 0;
}

/* Makes room for one more element of an array that doubles. */
static void *
grow(void *array, int count, Size element)
{
	if (count == 0)
		return palloc(element);
	if ((count & (count - 1)) == 0)
		return repalloc(array, element * count * 2);
	return array;
}

static void
note_content(Import *import, const ImportRow *row)
{
	StringInfoData content;

	initStringInfo(&content);
	loyalty_digest_number(&content, row->points);
	loyalty_digest_number(&content, row->valid_from);
	loyalty_digest_number(&content, row->valid_until);
	loyalty_digest_number(&content, row->growth);
	loyalty_digest_number(&content, row->growth_at);
	loyalty_digest_number(&content, row->enrolled_at);
	loyalty_digest_text(&content, row->tier);
	loyalty_digest_jsonb(&content, row->attributes);
	import->hashes = grow(import->hashes, import->row_count, sizeof(uint64));
	import->hashes[import->row_count++] =
		hash_bytes_extended((unsigned char *) content.data, content.len, 0);
	pfree(content.data);
}

/* The row's points: a lot, or what is owed. */
static void
note_points(Import *import, const ImportRow *row)
{
	PointLot	lot;
	CoreError	error;

	if (row->points == 0)
		return;
	if ((row->points < 0 && import->says_points) || import->opening.debt > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a member has lots or owes points, not both"),
				 errhint("Give one row of points below 0 for a member who owes them.")));
	import->says_points = true;
	if (row->points < 0)
	{
		if (row->points < -PG_INT64_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("points out of range")));
		import->opening.debt = -row->points;
		return;
	}
	lot = lot_of(import, row);
	if (!loyalty_lot_check(&lot, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("these points cannot be a lot"),
				 errdetail_internal("%s", error.detail)));
	loyalty_flow_add(&import->opening.lots, &lot);
}

static void
note_growth(Import *import, const ImportRow *row)
{
	Opening    *opening = &import->opening;
	GrowthPart *part;

	if (row->growth == 0)
		return;
	opening->growth = grow(opening->growth, opening->growth_count, sizeof(GrowthPart));
	part = &opening->growth[opening->growth_count++];
	part->growth = row->growth;
	part->dated = row->growth_at == DT_NOBEGIN ? business_time(import) : row->growth_at;
}

static void
note_tier(Import *import, const ImportRow *row)
{
	const Program *program = import->program;
	const Tier *tier = NULL;

	if (row->tier == NULL)
		return;
	for (int i = 0; i < program->tier_count; i++)
	{
		if (strcmp(program->tiers[i].name, row->tier) == 0)
			tier = &program->tiers[i];
	}
	if (tier == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown tier \"%s\" in program \"%s\"", row->tier, program->name)));
	if (import->opening.tier != NULL && import->opening.tier != tier)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a member has one tier, not \"%s\" and \"%s\"",
						import->opening.tier->name, tier->name)));
	import->opening.tier = tier;
}

/* Second pass. */
static void
take_row(const ImportRow *row, void *arg)
{
	Import	   *import = arg;
	MemoryContext caller;

	if (row == NULL || import->current < 0 ||
		strcmp(import->names[import->current], row->member) != 0)
	{
		if (import->current >= 0)
			post_member(import);
		if (row == NULL)
			return;
		loyalty_import_blame(import->source, row->member, row->number);
		begin_member(import, row);
	}
	caller = MemoryContextSwitchTo(import->context);
	note_content(import, row);
	note_points(import, row);
	note_growth(import, row);
	note_tier(import, row);
	MemoryContextSwitchTo(caller);
}

static void
run(Import *import)
{
	loyalty_import_visit(import->source, gather_member, import);
	loyalty_writer_open(&import->call.writer);
	lock_known(import);
	loyalty_import_visit(import->source, take_row, import);
	loyalty_writer_close(&import->call.writer);
}

/* import_members(source, ref, at, program) */
Datum
loyalty_import_members(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 1, "ref", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	Import	   *import = palloc0(sizeof(Import));
	Datum		values[6];
	bool		nulls[6] = {false};

	loyalty_call_require_writable("import_members()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", "source")));
	import->program = program;
	import->ref = ref;
	import->clock = import->call.now = GetCurrentTimestamp();
	import->at = at == DT_NOBEGIN ? at : loyalty_call_time(&import->call, at);
	import->keys = AllocSetContextCreate(CurrentMemoryContext, "loyalty import members",
										 ALLOCSET_DEFAULT_SIZES);
	import->chunk = AllocSetContextCreate(CurrentMemoryContext, "loyalty import chunk",
										  ALLOCSET_DEFAULT_SIZES);
	import->context = AllocSetContextCreate(CurrentMemoryContext, "loyalty import member",
											ALLOCSET_DEFAULT_SIZES);
	import->status_end = first_status_end(program, business_time(import));
	import->capacity = ENROLL_CHUNK;
	import->names = palloc(import->capacity * sizeof(char *));
	import->ids = palloc(import->capacity * sizeof(int64));
	import->known = palloc(import->capacity * sizeof(int64));
	import->current = -1;

	import->source = loyalty_import_open(PG_GETARG_OID(0), program);
	run(import);

	values[0] = Int64GetDatum(import->count);
	values[1] = Int64GetDatum(import->count - import->known_count);
	values[2] = Int64GetDatum(import->posted);
	values[3] = Int64GetDatum(import->unchanged);
	values[4] = Int64GetDatum(import->points);
	values[5] = Int64GetDatum(import->growth);
	return loyalty_row_datum(fcinfo, values, nulls);
}
