/*
 * import.c
 *		import_members: opening balances from a table, in one statement.
 *
 * The rows of the table are read once and sorted by member.  A first pass over
 * them posts one entry for each member who is not there yet and writes member
 * and entry together, in COLLATE "C" order, many at a time (bulk.h).  Nobody
 * else can see, and so lock, these.  Then the members that were there are
 * locked, in id order, and a second pass posts theirs.  The event register is
 * not recorded: they are no newcomers.
 *
 * Held in memory: the keys of the members that were there, some 50 bytes each.
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
#include "ledger/bulk.h"
#include "ledger/member_set.h"

PG_FUNCTION_INFO_V1(loyalty_import_members);

typedef struct Import
{
	const Program *program;
	const char *ref;
	TimestampTz at;				/* DT_NOBEGIN = the clock */
	TimestampTz clock;			/* of the call */
	ImportSource *source;
	MemberSeeker *seeker;		/* NULL in the second pass */
	Bulk	   *bulk;

	/* members of the table that were there, in COLLATE "C" order */
	MemoryContext keys;
	const char **names;
	int64	   *ids;
	int64		known;
	int64		capacity;
	int64		next;			/* of them in the second pass */

	/* the member being read */
	MemoryContext context;
	const char *member;			/* NULL = none */
	bool		posting;		/* in this pass */
	int64		first_row;
	Opening		opening;
	bool		says_points;
	TimestampTz enrolled_at;
	const Jsonb *attributes;
	uint64	   *hashes;			/* of its rows */
	int			row_count;
	StringInfoData content;		/* of a row, or of their hashes */

	Call		call;
	int64		enrolled;
	int64		posted;
	int64		unchanged;
	int64		points;
	int64		growth;
} Import;

static TimestampTz
business_time(const Import *import)
{
	return import->at == DT_NOBEGIN ? import->clock : import->at;
}

static void
note_known(Import *import, const char *name, int64 member_id)
{
	if (import->known == import->capacity)
	{
		import->capacity *= 2;
		import->names = repalloc_huge(import->names, import->capacity * sizeof(char *));
		import->ids = repalloc_huge(import->ids, import->capacity * sizeof(int64));
	}
	import->names[import->known] = MemoryContextStrdup(import->keys, name);
	import->ids[import->known++] = member_id;
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
	int64	   *ids = MemoryContextAllocHuge(import->keys, import->known * sizeof(int64));

	memcpy(ids, import->ids, import->known * sizeof(int64));
	qsort(ids, import->known, sizeof(int64), compare_ids);
	for (int64 i = 0; i < import->known; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) loyalty_member_lock_id(&import->call.writer, ids[i], &import->call.member);
		MemoryContextReset(import->context);
	}
	pfree(ids);
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
	qsort(import->hashes, import->row_count, sizeof(uint64), compare_hashes);
	resetStringInfo(&import->content);
	for (int i = 0; i < import->row_count; i++)
		loyalty_digest_number(&import->content, (int64) import->hashes[i]);
	return loyalty_call_digest(&import->call.member, ENTRY_OPENING, &import->content);
}

static void
post_opening(Import *import, int64 digest)
{
	Entry	   *entry = loyalty_engine_open_balance(&import->call.engine, &import->opening,
													import->ref);

	entry->request_digest = digest;
	import->posted++;
	import->points = loyalty_points_add(import->points, entry->points);
	import->growth = loyalty_points_add(import->growth, entry->growth);
}

/* First pass: a member who is not there yet. */
static void
post_newcomer(Import *import)
{
	Call	   *call = &import->call;

	loyalty_member_bear(&call->member, import->program, import->member, import->enrolled_at);
	call->member.member_id = loyalty_bulk_next_id();
	call->member.attributes = import->attributes;
	loyalty_call_attach(call, import->program);
	call->engine.at = loyalty_call_time(call, import->at);
	post_opening(import, rows_digest(import));
	import->enrolled++;
	if (loyalty_bulk_add(import->bulk, &call->engine))
	{
		loyalty_import_blame(import->source, NULL, 0);
		loyalty_bulk_flush(import->bulk);
	}
}

/* Second pass: a member who was there, and is locked. */
static void
post_known(Import *import)
{
	Call	   *call = &import->call;
	int64		digest;

	if (!loyalty_member_lock_id(&call->writer, import->ids[import->next++], &call->member))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Member \"%s\" has just gone.", import->member)));
	loyalty_call_attach(call, import->program);
	digest = rows_digest(import);
	if (loyalty_call_is_replay(loyalty_call_story(call, import->ref), ENTRY_OPENING, 0,
							   import->ref, digest))
	{
		import->unchanged++;
		return;
	}
	call->engine.at = loyalty_call_time(call, import->at);
	if (call->engine.stored_entries != 0)
		loyalty_call_start(call, call->engine.at);
	post_opening(import, digest);
	loyalty_member_store(&call->writer, &call->engine);
}

/* Posts the member whose rows have been read, if this is the pass for it. */
static void
end_member(Import *import)
{
	MemoryContext caller = MemoryContextSwitchTo(import->context);

	if (import->posting)
	{
		loyalty_import_blame(import->source, import->member, import->first_row);
		if (import->seeker != NULL)
			post_newcomer(import);
		else
			post_known(import);
	}
	import->member = NULL;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(import->context);
}

static void
begin_member(Import *import, const ImportRow *row)
{
	import->member = MemoryContextStrdup(import->context, row->member);
	import->first_row = row->number;
	if (import->seeker != NULL)
	{
		int64		member_id = loyalty_seeker_find(import->seeker, row->member);

		import->posting = member_id == 0;
		if (!import->posting)
			note_known(import, row->member, member_id);
	}
	else
		import->posting = import->next < import->known &&
			strcmp(import->names[import->next], row->member) == 0;
	memset(&import->opening, 0, sizeof(Opening));
	loyalty_lots_init(&import->opening.lots);
	import->says_points = false;
	import->enrolled_at = business_time(import);
	import->attributes = NULL;
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
	StringInfo	content = &import->content;

	resetStringInfo(content);
	loyalty_digest_number(content, row->points);
	loyalty_digest_number(content, row->valid_from);
	loyalty_digest_number(content, row->valid_until);
	loyalty_digest_number(content, row->growth);
	loyalty_digest_number(content, row->growth_at);
	loyalty_digest_number(content, row->enrolled_at);
	loyalty_digest_text(content, row->tier);
	loyalty_digest_jsonb(content, row->attributes);
	import->hashes = grow(import->hashes, import->row_count, sizeof(uint64));
	import->hashes[import->row_count++] =
		hash_bytes_extended((unsigned char *) content->data, content->len, 0);
}

/* What counts where the member is not there yet: the first day, the last facts. */
static void
note_enrolment(Import *import, const ImportRow *row)
{
	refuse_later(import, "growth_at", row->growth_at);
	refuse_later(import, "enrolled_at", row->enrolled_at);
	if (row->enrolled_at != DT_NOBEGIN)
		import->enrolled_at = Min(import->enrolled_at, row->enrolled_at);
	if (row->attributes != NULL)
		import->attributes = DatumGetJsonbPCopy(JsonbPGetDatum(row->attributes));
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

static void
take_row(const ImportRow *row, void *arg)
{
	Import	   *import = arg;
	MemoryContext caller;

	if (import->member == NULL || row == NULL || strcmp(import->member, row->member) != 0)
	{
		if (import->member != NULL)
			end_member(import);
		if (row == NULL)
			return;
		loyalty_import_blame(import->source, row->member, row->number);
		begin_member(import, row);
	}
	if (!import->posting)
		return;
	caller = MemoryContextSwitchTo(import->context);
	note_content(import, row);
	note_enrolment(import, row);
	note_points(import, row);
	note_growth(import, row);
	note_tier(import, row);
	MemoryContextSwitchTo(caller);
}

static void
run(Import *import)
{
	loyalty_import_read(import->source);
	loyalty_writer_open(&import->call.writer);
	import->bulk = loyalty_bulk_open(&import->call.writer);
	import->seeker = loyalty_seeker_open(import->program);
	loyalty_import_visit(import->source, take_row, import);
	loyalty_seeker_close(import->seeker);
	import->seeker = NULL;
	loyalty_bulk_close(import->bulk);
	if (import->known > 0)
	{
		lock_known(import);
		loyalty_import_visit(import->source, take_row, import);
	}
	loyalty_import_close(import->source);
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
	import->context = AllocSetContextCreate(CurrentMemoryContext, "loyalty import member",
											ALLOCSET_DEFAULT_SIZES);
	import->capacity = 1024;
	import->names = palloc(import->capacity * sizeof(char *));
	import->ids = palloc(import->capacity * sizeof(int64));
	initStringInfo(&import->content);

	import->source = loyalty_import_open(PG_GETARG_OID(0), program);
	run(import);

	values[0] = Int64GetDatum(import->enrolled + import->known);
	values[1] = Int64GetDatum(import->enrolled);
	values[2] = Int64GetDatum(import->posted);
	values[3] = Int64GetDatum(import->unchanged);
	values[4] = Int64GetDatum(import->points);
	values[5] = Int64GetDatum(import->growth);
	return loyalty_row_datum(fcinfo, values, nulls);
}
