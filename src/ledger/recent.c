/*
 * recent.c
 *		Packs and unpacks the rows that travel in the member's own.
 *
 * The bytes may come from a dump that somebody edited: whatever they are, they
 * are read within their bounds or refused.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "engine/number.h"
#include "ledger/beside.h"
#include "ledger/recent.h"
#include "types/varint.h"

PG_FUNCTION_INFO_V1(loyalty_recent_limit_usage);
PG_FUNCTION_INFO_V1(loyalty_recent_event_usage);
PG_FUNCTION_INFO_V1(loyalty_recent_streak_calendar);

#define TABLE_BIT(table) ((uint8) (1 << (table)))

#define TRAVELLING \
	(TABLE_BIT(BESIDE_LIMIT_USAGE) | TABLE_BIT(BESIDE_EVENT_USAGE) | \
	 TABLE_BIT(BESIDE_STREAK_CALENDAR))

bool
loyalty_recent_holds(BesideTable table)
{
	return (TRAVELLING & TABLE_BIT(table)) != 0;
}

pg_noreturn static void
refuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("recent rows of a member are not readable")));
}

static int64
get_integer(const uint8 **p, const uint8 *end)
{
	uint64		value;

	*p = get_varint(*p, end, &value);
	if (*p == NULL)
		refuse();
	return (int64) unzigzag(value);
}

static int32
get_int32(const uint8 **p, const uint8 *end)
{
	int64		value = get_integer(p, end);

	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		refuse();
	return (int32) value;
}

/* Bytes behind their length. */
static const char *
get_bytes(const uint8 **p, const uint8 *end, int *length)
{
	const char *bytes;
	uint64		count;

	*p = get_varint(*p, end, &count);
	if (*p == NULL || count > (uint64) (end - *p))
		refuse();
	bytes = (const char *) *p;
	*p += count;
	*length = (int) count;
	return bytes;
}

/* So that a dump can be restored into another encoding; SQL_ASCII has none. */
static int
text_encoding(void)
{
	return GetDatabaseEncoding() == PG_SQL_ASCII ? PG_SQL_ASCII : PG_UTF8;
}

static Datum
get_text(const uint8 **p, const uint8 *end)
{
	int			length;
	const char *bytes = get_bytes(p, end, &length);
	const char *converted = pg_any_to_server(bytes, length, text_encoding());

	return PointerGetDatum(converted == bytes ? cstring_to_text_with_len(bytes, length) :
						   cstring_to_text(converted));
}

static Datum
get_numeric(const uint8 **p, const uint8 *end)
{
	int			length;
	const char *bytes = get_bytes(p, end, &length);

	if (length == 0)
		return NumericGetDatum(loyalty_number_of(0));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(bytes, length)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static Datum
get_value(Oid type, const uint8 **p, const uint8 *end)
{
	switch (type)
	{
		case INT8OID:
		case TIMESTAMPTZOID:
			return Int64GetDatum(get_integer(p, end));
		case INT4OID:
		case DATEOID:
			return Int32GetDatum(get_int32(p, end));
		case CHAROID:
			if (*p == end)
				refuse();
			return CharGetDatum((char) *(*p)++);
		case TEXTOID:
			return get_text(p, end);
		case NUMERICOID:
			return get_numeric(p, end);
		default:
			elog(ERROR, "a recent row cannot hold type %u", type);
	}
}

static RecentRow *
add_row(RecentRows *recent)
{
	if (recent->count == recent->capacity)
	{
		recent->capacity = Max(16, recent->capacity * 2);
		recent->rows = recent->rows == NULL ?
			MemoryContextAlloc(recent->context, sizeof(RecentRow) * recent->capacity) :
			repalloc(recent->rows, sizeof(RecentRow) * recent->capacity);
	}
	return &recent->rows[recent->count++];
}

static void
unpack(RecentRows *recent)
{
	const uint8 *p = (const uint8 *) VARDATA_ANY(recent->packed);
	const uint8 *end = p + VARSIZE_ANY_EXHDR(recent->packed);
	MemoryContext caller = MemoryContextSwitchTo(recent->context);

	if (p < end && *p++ != RECENT_VERSION)
		refuse();
	if (p < end)
		recent->overflowed = *p++;
	while (p < end)
	{
		BesideTable table = (BesideTable) *p++;
		RecentRow  *row;

		if (table >= BESIDE_TABLES || !loyalty_recent_holds(table))
			refuse();
		row = add_row(recent);
		row->table = table;
		row->values[0] = (Datum) 0;
		for (int i = 1; i < loyalty_relations()->beside[table].columns; i++)
			row->values[i] = get_value(loyalty_relations()->beside[table].type[i], &p, end);
	}
	recent->packed = NULL;
	MemoryContextSwitchTo(caller);
}

RecentRows *
loyalty_recent_load(const bytea *packed)
{
	RecentRows *recent = palloc0(sizeof(RecentRows));
	bytea	   *copy = palloc(VARSIZE_ANY(packed));

	memcpy(copy, packed, VARSIZE_ANY(packed));
	recent->context = CurrentMemoryContext;
	recent->packed = copy;
	return recent;
}

static bool
same_value(Oid type, Datum a, Datum b)
{
	if (type == TEXTOID)
	{
		struct varlena *x = DatumGetTextPP(a);
		struct varlena *y = DatumGetTextPP(b);

		return VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
			memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
	}
	Assert(type != NUMERICOID);
	return a == b;
}

int
loyalty_recent_find(RecentRows *recent, BesideTable table, const Datum *key, int columns,
					int from)
{
	const Oid  *type = loyalty_relations()->beside[table].type;

	if (recent->packed != NULL)
		unpack(recent);
	for (int at = from; at < recent->count; at++)
	{
		const RecentRow *row = &recent->rows[at];
		bool		same = row->table == table;

		for (int i = 1; same && i < columns; i++)
			same = same_value(type[i], row->values[i], key[i]);
		if (same)
			return at;
	}
	return -1;
}

bool
loyalty_recent_overflowed(RecentRows *recent, BesideTable table)
{
	if (recent->packed != NULL)
		unpack(recent);
	return (recent->overflowed & TABLE_BIT(table)) != 0;
}

void
loyalty_recent_overflow(RecentRows *recent, BesideTable table)
{
	recent->overflowed |= TABLE_BIT(table);
	recent->changed = true;
}

/* A value that lives as long as the member; 0 always does. */
static Datum
keep_value(Oid type, Datum value)
{
	if (type == TEXTOID ||
		(type == NUMERICOID && DatumGetPointer(value) != (Pointer) loyalty_number_of(0)))
		return datumCopy(value, false, -1);
	return value;
}

void
loyalty_recent_put(RecentRows *recent, int at, BesideTable table, const Datum *values)
{
	const BesideRelation *known = &loyalty_relations()->beside[table];
	MemoryContext caller = MemoryContextSwitchTo(recent->context);
	RecentRow	row;

	if (at < 0)
	{
		(void) add_row(recent);
		at = recent->count - 1;
	}
	row.table = table;
	row.values[0] = (Datum) 0;
	for (int i = 1; i < known->columns; i++)
		row.values[i] = keep_value(known->type[i], values[i]);
	memmove(&recent->rows[1], &recent->rows[0], sizeof(RecentRow) * at);
	recent->rows[0] = row;
	recent->changed = true;
	MemoryContextSwitchTo(caller);
}

static uint8 *
put_bytes(uint8 *p, const char *bytes, size_t length)
{
	p = put_varint(p, length);
	memcpy(p, bytes, length);
	return p + length;
}

/* Writes a value before `end`; NULL where it has no room. */
static uint8 *
put_value(Oid type, Datum value, uint8 *p, const uint8 *end)
{
	const char *bytes;
	const char *converted;
	size_t		length;

	if (end - p < VARINT_MAX)
		return NULL;
	switch (type)
	{
		case INT8OID:
		case TIMESTAMPTZOID:
			return put_varint(p, zigzag((uint64) DatumGetInt64(value)));
		case INT4OID:
		case DATEOID:
			return put_varint(p, zigzag((uint64) (int64) DatumGetInt32(value)));
		case CHAROID:
			*p++ = (uint8) DatumGetChar(value);
			return p;
		case TEXTOID:
			bytes = VARDATA_ANY(DatumGetTextPP(value));
			length = VARSIZE_ANY_EXHDR(DatumGetTextPP(value));
			converted = pg_server_to_any(bytes, length, text_encoding());
			length = converted == bytes ? length : strlen(converted);
			bytes = converted;
			break;
		case NUMERICOID:
			bytes = loyalty_number_compare(DatumGetNumeric(value), loyalty_number_of(0)) == 0 ? "" :
				DatumGetCString(DirectFunctionCall1(numeric_out, value));
			length = strlen(bytes);
			break;
		default:
			elog(ERROR, "a recent row cannot hold type %u", type);
	}
	return length + VARINT_MAX > (size_t) (end - p) ? NULL : put_bytes(p, bytes, length);
}

static uint8 *
put_row(const RecentRow *row, uint8 *p, const uint8 *end)
{
	const BesideRelation *known = &loyalty_relations()->beside[row->table];

	if (p == end)
		return NULL;
	*p++ = (uint8) row->table;
	for (int i = 1; i < known->columns && p != NULL; i++)
		p = put_value(known->type[i], row->values[i], p, end);
	return p;
}

/* Gives a row its place in its table. */
static void
spill(int64 member_id, RecentRows *recent, RecentRow *row)
{
	BesideRows	rows;

	row->values[0] = Int64GetDatum(member_id);
	loyalty_beside_open(&rows, row->table, NULL, true);
	loyalty_beside_write(&rows, row->values);
	loyalty_beside_close(&rows);
	loyalty_recent_overflow(recent, row->table);
}

bytea *
loyalty_recent_store(int64 member_id, RecentRows *recent)
{
	bytea	   *packed;
	uint8	   *start;
	uint8	   *p;
	int			kept = 0;

	if (recent->packed != NULL)
		return unconstify(bytea *, recent->packed);
	packed = palloc(VARHDRSZ + RECENT_SIZE);
	start = (uint8 *) VARDATA(packed);
	p = start + 2;
	while (kept < recent->count)
	{
		uint8	   *next = put_row(&recent->rows[kept], p, start + RECENT_SIZE);

		if (next == NULL)
			break;
		p = next;
		kept++;
	}
	for (int i = kept; i < recent->count; i++)
		spill(member_id, recent, &recent->rows[i]);
	recent->count = kept;
	recent->changed = false;
	start[0] = RECENT_VERSION;
	start[1] = recent->overflowed;
	if (kept == 0 && recent->overflowed == 0)
		p = start;
	SET_VARSIZE(packed, VARHDRSZ + (p - start));
	return packed;
}

/* The rows of one table as a set, for its view. */
static Datum
show(FunctionCallInfo fcinfo, BesideTable table)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecentRows *recent = loyalty_recent_load(PG_GETARG_BYTEA_PP(0));
	bool		nulls[BESIDE_COLUMNS] = {0};

	InitMaterializedSRF(fcinfo, 0);
	for (int at = loyalty_recent_find(recent, table, NULL, 0, 0); at >= 0;
		 at = loyalty_recent_find(recent, table, NULL, 0, at + 1))
		tuplestore_putvalues(result->setResult, result->setDesc, &recent->rows[at].values[1],
							 nulls);
	return (Datum) 0;
}

Datum
loyalty_recent_limit_usage(PG_FUNCTION_ARGS)
{
	return show(fcinfo, BESIDE_LIMIT_USAGE);
}

Datum
loyalty_recent_event_usage(PG_FUNCTION_ARGS)
{
	return show(fcinfo, BESIDE_EVENT_USAGE);
}

Datum
loyalty_recent_streak_calendar(PG_FUNCTION_ARGS)
{
	return show(fcinfo, BESIDE_STREAK_CALENDAR);
}
