/*
 * call.c
 *		What every writing call has in common.
 *
 * The way of a call: arguments are checked before anything is locked; the
 * member's row is locked; the clock is read; a repeat is answered from the
 * ledger; what the clock has decided is posted; the engine does its work;
 * everything is written at once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "api/call.h"
#include "errors.h"
#include "ledger/query.h"

static void
refuse_null(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not be null", name)));
}

const char *
loyalty_arg_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

const char *
loyalty_arg_key(FunctionCallInfo fcinfo, int n, const char *name, bool required)
{
	const char *key = loyalty_arg_text(fcinfo, n);
	size_t		length;

	if (key == NULL)
	{
		if (required)
			refuse_null(name);
		return NULL;
	}
	length = strlen(key);
	if (length < 1 || length > LOYALTY_KEY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be 1 to %d bytes long", name, LOYALTY_KEY_MAX),
				 errdetail("It has %zu bytes.", length)));
	return key;
}

int64
loyalty_arg_points(FunctionCallInfo fcinfo, int n)
{
	int64		points;

	if (PG_ARGISNULL(n))
		refuse_null("points");
	points = PG_GETARG_INT64(n);
	if (points <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points must be greater than 0"),
				 errdetail("Asked for %lld.", (long long) points)));
	return points;
}

const Jsonb *
loyalty_arg_object(FunctionCallInfo fcinfo, int n, const char *name)
{
	const Jsonb *value;

	if (PG_ARGISNULL(n))
		refuse_null(name);
	value = PG_GETARG_JSONB_P(n);
	if (!JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", name),
				 errhint("For example '{\"amount\": 12.5}'.")));
	return value;
}

const Program *
loyalty_arg_program(FunctionCallInfo fcinfo, int n)
{
	return loyalty_program_lookup(loyalty_arg_text(fcinfo, n));
}

TimestampTz
loyalty_arg_at(FunctionCallInfo fcinfo, int n)
{
	TimestampTz at;

	if (PG_ARGISNULL(n))
		return DT_NOBEGIN;
	at = PG_GETARG_TIMESTAMPTZ(n);
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must be finite")));
	return at;
}

bool
loyalty_error_is_refusal(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == MAKE_SQLSTATE('L', 'Y', '0', '0', '0') ||
		sqlstate == ERRCODE_UNDEFINED_OBJECT ||
		sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED ||
		sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

ErrorData *
loyalty_refusal_catch(MemoryContext context)
{
	ErrorData  *error;

	if (!loyalty_error_is_refusal(geterrcode()))
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	return error;
}

const char *
loyalty_refusal_text(const ErrorData *error)
{
	return error->detail == NULL ? error->message :
		psprintf("%s: %s", error->message, error->detail);
}

void
loyalty_call_require_writable(const char *function)
{
	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
	PreventCommandIfParallelMode(function);
}

TimestampTz
loyalty_call_time(const Call *call, TimestampTz at)
{
	if (at == DT_NOBEGIN)
		return call->now;
	if (at > GetCurrentTimestamp() + USECS_PER_MINUTE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must not be in the future"),
				 errdetail("It says %s; up to a minute ahead is accepted.",
						   timestamptz_to_str(at))));
	return at;
}

/* The clock after the lock; the member's entries never run backwards by it. */
static void
read_clock(Call *call)
{
	TimestampTz clock = GetCurrentTimestamp();

	call->engine.recorded_at = clock;
	call->now = Max(clock, call->member.last_at);
}

void
loyalty_call_attach(Call *call, const Program *program)
{
	memset(&call->engine, 0, sizeof(Engine));
	call->program = program;
	call->engine.program = program;
	call->engine.member = &call->member;
	call->engine.source = loyalty_member_source(&call->member);
	call->engine.stored_entries = call->member.last_entry;
	read_clock(call);
}

/* The program as it is now: it may have changed while the lock was awaited. */
static const Program *
program_now(const Program *program)
{
	const Program *now = loyalty_program_by_id(program->program_id);

	if (now == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_PROGRAM),
				 errmsg("unknown program \"%s\"", program->name),
				 errdetail("It has just been dropped.")));
	return now;
}

void
loyalty_call_open(Call *call, const char *function, const Program *program,
				  const char *member, Enrolment enrolment, TimestampTz at)
{
	loyalty_call_require_writable(function);
	memset(call, 0, sizeof(Call));
	call->function = function;
	loyalty_writer_open(&call->writer);
	if (!loyalty_member_lock(&call->writer, program, member, &call->member))
	{
		if (enrolment == ENROLL_NEVER || !program->auto_enroll)
			ereport(ERROR,
					(errcode(ERRCODE_LOYALTY_UNKNOWN_MEMBER),
					 errmsg("unknown member \"%s\" in program \"%s\"", member, program->name),
					 errhint("Enroll the member with loyalty.enroll().")));
		call->program = program;
		call->now = GetCurrentTimestamp();
		call->enrolled = loyalty_member_insert(program, member, NULL,
											   loyalty_call_time(call, at));
		if (!loyalty_member_lock(&call->writer, program, member, &call->member))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Another transaction has just enrolled member \"%s\".", member)));
	}
	loyalty_call_attach(call, program_now(program));
	if (call->enrolled)
		loyalty_event_register(call, loyalty_call_time(call, at));
}

void
loyalty_call_start(Call *call, TimestampTz at)
{
	loyalty_engine_begin(&call->engine, at);
}

void
loyalty_call_finish(Call *call)
{
	loyalty_member_store(&call->writer, &call->engine);
	loyalty_writer_close(&call->writer);
}

List *
loyalty_call_story(Call *call, const char *ref)
{
	if (ref == NULL)
		return NIL;
	call->engine.known_story = call->engine.stored_entries == 0 ? NIL :
		loyalty_entries_of_ref(call->member.member_id, ref);
	call->engine.known_ref = ref;
	return call->engine.known_story;
}

void
loyalty_digest_number(StringInfo content, int64 number)
{
	appendBinaryStringInfo(content, (char *) &number, sizeof(number));
}

void
loyalty_digest_text(StringInfo content, const char *text)
{
	loyalty_digest_number(content, text == NULL ? -1 : (int64) strlen(text));
	if (text != NULL)
		appendStringInfoString(content, text);
}

void
loyalty_digest_jsonb(StringInfo content, const Jsonb *value)
{
	loyalty_digest_number(content, value == NULL ? -1 : (int64) VARSIZE_ANY_EXHDR(value));
	if (value != NULL)
		appendBinaryStringInfo(content, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

int64
loyalty_call_digest(const MemberState *member, EntryKind kind, StringInfo content)
{
	uint64		digest;

	loyalty_digest_number(content, kind);
	digest = hash_bytes_extended((unsigned char *) content->data, content->len,
								 (uint64) member->salt);
	return digest == 0 ? 1 : (int64) digest;
}

void
loyalty_refuse_reuse(const char *ref, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_REF_REUSED),
			 errmsg("ref \"%s\" was used before", ref),
			 errdetail_internal("%s", detail),
			 errhint("%s", hint)));
}

static LoyaltyQuery tier_at = {
	"SELECT tier_id FROM loyalty.tier_period"
	" WHERE member_id = $1 AND since <= $2 AND $2 < until",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* The name of the tier that the member held once the entry was recorded. */
static const char *
tier_after(const Call *call, const Entry *entry)
{
	const Tier *tier = NULL;
	Datum		args[2];
	Datum		tier_id;

	args[0] = Int64GetDatum(call->member.member_id);
	args[1] = TimestampTzGetDatum(entry->recorded_at);
	if (loyalty_query_value(&tier_at, args, &tier_id))
		tier = loyalty_tier_by_id(call->program, DatumGetInt32(tier_id));
	return tier == NULL ? NULL : tier->name;
}

int64
loyalty_call_balance_after(const Call *call, const Entry *entry)
{
	int64		balance = entry->balance;
	ListCell   *cell;

	foreach(cell, call->engine.known_story)
	{
		const Entry *later = lfirst(cell);

		if (later->entry_id > entry->entry_id && later->recorded_at == entry->recorded_at)
			balance = later->balance;
	}
	return balance;
}

/* The first entry of that operation in the story of its ref; NULL if there is none. */
static const Entry *
first_entry(List *story, EntryKind kind, int32 event_id, const char *ref, int64 digest)
{
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		if (entry->kind != kind || entry->event_id != event_id)
			continue;
		if (entry->request_digest != digest)
			loyalty_refuse_reuse(ref, "The operation recorded under it has other content.",
								 "Use a new ref for a new operation.");
		return entry;
	}
	return NULL;
}

bool
loyalty_call_is_replay(List *story, EntryKind kind, int32 event_id, const char *ref,
					   int64 digest)
{
	return first_entry(story, kind, event_id, ref, digest) != NULL;
}

bool
loyalty_call_replay(Call *call, List *story, EntryKind kind, int32 event_id,
					const char *ref, int64 digest, Receipt *receipt)
{
	const Entry *first = first_entry(story, kind, event_id, ref, digest);
	ListCell   *cell;

	memset(receipt, 0, sizeof(Receipt));
	receipt->member = call->member.ref;
	receipt->replayed = true;
	if (first == NULL)
		return false;
	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);

		/*
		 * One call may have made several entries, one per kind of points.  A
		 * later call of the same content (settle, back and forth) is not it.
		 */
		if (entry->kind != kind || entry->event_id != event_id ||
			entry->request_digest != digest || entry->recorded_at != first->recorded_at)
			continue;
		receipt->entry_id = entry->entry_id;
		receipt->points += entry->points;
		receipt->growth += entry->growth;
		receipt->balance = loyalty_call_balance_after(call, entry);
		receipt->tier = tier_after(call, entry);
	}
	return true;
}

void
loyalty_call_receipt(const Call *call, const Entry *main, Receipt *receipt)
{
	const Tier *tier = loyalty_tier_current(&call->engine);
	ListCell   *cell;

	memset(receipt, 0, sizeof(Receipt));
	receipt->entry_id = main->entry_id;
	receipt->member = call->member.ref;
	foreach(cell, call->engine.entries)
	{
		const Entry *entry = lfirst(cell);

		if (entry == main || (main->request_digest != 0 &&
							  entry->request_digest == main->request_digest))
		{
			receipt->points += entry->points;
			receipt->growth += entry->growth;
		}
	}
	receipt->balance = loyalty_lots_spendable(&call->member.points, call->engine.at) -
		call->member.debt;
	receipt->tier = tier == NULL ? NULL : tier->name;
}

/* A row of the function's own composite type. */
Datum
loyalty_row_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	Datum		row = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));

	ReleaseTupleDesc(desc);
	return row;
}

Datum
loyalty_receipt_datum(FunctionCallInfo fcinfo, const Receipt *receipt)
{
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = Int64GetDatum(receipt->entry_id);
	nulls[0] = receipt->entry_id == 0;
	values[1] = CStringGetTextDatum(receipt->member);
	values[2] = Int64GetDatum(receipt->points);
	values[3] = Int64GetDatum(receipt->growth);
	values[4] = Int64GetDatum(receipt->balance);
	nulls[5] = receipt->tier == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(receipt->tier);
	values[6] = BoolGetDatum(receipt->replayed);
	return loyalty_row_datum(fcinfo, values, nulls);
}

Datum
loyalty_call_accept(FunctionCallInfo fcinfo, Call *call, Entry *entry, int64 digest)
{
	Receipt		receipt;

	entry->request_digest = digest;
	loyalty_call_finish(call);
	loyalty_call_receipt(call, entry, &receipt);
	return loyalty_receipt_datum(fcinfo, &receipt);
}

Datum
loyalty_call_repeat(FunctionCallInfo fcinfo, Call *call, const Receipt *receipt)
{
	loyalty_writer_close(&call->writer);
	return loyalty_receipt_datum(fcinfo, receipt);
}
