/*
 * import_read.c
 *		Rows of a table of opening balances.
 *
 * Columns are found by name; those that are not there count as NULL, those
 * that nobody knows are refused, since a misspelt one would be lost.  A column
 * of another type than ours is cast or, where that could say something else,
 * read by its text, so that an error names the row and dates without a time
 * zone are local to the program.
 *
 * The table is read once, by the snapshot of the statement; its rows go, checked
 * and converted, into a sort that may be read more than once.  What exceeds
 * work_mem lies in temporary files.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"

#include "api/call.h"
#include "api/import_read.h"
#include "compat.h"

typedef enum ImportColumn
{
	IMPORT_MEMBER,
	IMPORT_POINTS,
	IMPORT_VALID_FROM,
	IMPORT_VALID_UNTIL,
	IMPORT_GROWTH,
	IMPORT_GROWTH_AT,
	IMPORT_TIER,
	IMPORT_ATTRIBUTES,
	IMPORT_ENROLLED_AT,
	IMPORT_COLUMNS
} ImportColumn;

static const struct
{
	const char *name;
	Oid			type;
}			columns[IMPORT_COLUMNS] = {
	{"member", TEXTOID},
	{"points", INT8OID},
	{"valid_from", TIMESTAMPTZOID},
	{"valid_until", TIMESTAMPTZOID},
	{"growth", INT8OID},
	{"growth_at", TIMESTAMPTZOID},
	{"tier", TEXTOID},
	{"attributes", JSONBOID},
	{"enrolled_at", TIMESTAMPTZOID}
};

/* Casts that say what the text would. */
static const struct
{
	Oid			from;
	Oid			to;
	PGFunction	function;
}			casts[] = {
	{INT2OID, INT8OID, int28},
	{INT4OID, INT8OID, int48},
	{DATEOID, TIMESTAMPTZOID, date_timestamptz},
	{TIMESTAMPOID, TIMESTAMPTZOID, timestamp_timestamptz}
};

/* How a column of the table becomes ours. */
typedef struct ColumnReader
{
	int			place;			/* in the query's rows; 0 = absent */
	bool		as_is;
	bool		numeric;
	PGFunction	cast;			/* NULL = by its text */
	FmgrInfo	output;
	FmgrInfo	input;
	Oid			input_argument;
} ColumnReader;

/* Columns of the sort: fixed width first. */
enum
{
	SORT_NUMBER, SORT_POINTS, SORT_VALID_FROM, SORT_VALID_UNTIL, SORT_GROWTH, SORT_GROWTH_AT,
	SORT_ENROLLED_AT, SORT_MEMBER, SORT_TIER, SORT_ATTRIBUTES,
	SORT_COLUMNS
};

struct ImportSource
{
	const char *name;			/* for messages */
	const char *query;
	const char *time_zone;
	ColumnReader readers[IMPORT_COLUMNS];
	MemoryContext row_context;
	int64		count;			/* rows read */
	Tuplesortstate *sort;
	bool		visited;
	TupleTableSlot *put_slot;
	TupleTableSlot *get_slot;

	int64		row;			/* being read or worked on; 0 = none */
	const char *member;			/* NULL = not known yet */
	const char *column;			/* NULL = none in particular */
	ErrorContextCallback context;
};

static int
find_column(const char *name)
{
	for (int i = 0; i < IMPORT_COLUMNS; i++)
	{
		if (strcmp(columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

static void
set_reader(ColumnReader *reader, Oid type, Oid wanted)
{
	Oid			base = getBaseType(type);
	Oid			function;
	bool		varlena;

	reader->as_is = IsBinaryCoercible(base, wanted);
	reader->numeric = base == NUMERICOID;
	for (int i = 0; i < lengthof(casts); i++)
	{
		if (casts[i].from == base && casts[i].to == wanted)
			reader->cast = casts[i].function;
	}
	if (reader->as_is || reader->cast != NULL)
		return;
	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info(function, &reader->output);
	getTypeInputInfo(wanted, &function, &reader->input_argument);
	fmgr_info(function, &reader->input);
}

/* Rows by member, those of one member in the order of the table. */
static void
begin_sort(ImportSource *source)
{
	static const Oid types[SORT_COLUMNS] = {
		INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONBOID
	};
	TupleDesc	desc = CreateTemplateTupleDesc(SORT_COLUMNS);
	AttrNumber	keys[] = {SORT_MEMBER + 1, SORT_NUMBER + 1};
	Oid			operators[] = {TextLessOperator, Int8LessOperator};
	Oid			collations[] = {C_COLLATION_OID, InvalidOid};
	bool		nulls_first[] = {false, false};

	for (int i = 0; i < SORT_COLUMNS; i++)
		TupleDescInitEntry(desc, i + 1, NULL, types[i], -1, 0);
	source->put_slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	source->get_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	source->sort = tuplesort_begin_heap(desc, lengthof(keys), keys, operators, collations,
										nulls_first, work_mem, NULL, TUPLESORT_RANDOMACCESS);
}

ImportSource *
loyalty_import_open(Oid source_id, const Program *program)
{
	ImportSource *source = palloc0(sizeof(ImportSource));
	Relation	relation = relation_open(source_id, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	StringInfoData query;
	int			place = 0;

	source->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											  RelationGetRelationName(relation));
	source->time_zone = pstrdup(program->time_zone);
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);
		int			column = find_column(name);

		if (attribute->attisdropped)
			continue;
		if (column < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of %s is not one that import_members() reads", name,
							source->name),
					 errhint("Columns are member, points, valid_from, valid_until, growth,"
							 " growth_at, tier, attributes and enrolled_at. Leave others out"
							 " by a view.")));
		appendStringInfo(&query, "%s t.%s", place == 0 ? "" : ",", name);
		source->readers[column].place = ++place;
		set_reader(&source->readers[column], attribute->atttypid, columns[column].type);
	}
	relation_close(relation, AccessShareLock);
	if (source->readers[IMPORT_MEMBER].place == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no column \"%s\"", source->name, "member")));
	appendStringInfo(&query, " FROM %s t", source->name);
	source->query = query.data;
	source->row_context = AllocSetContextCreate(CurrentMemoryContext, "loyalty import row",
												ALLOCSET_SMALL_SIZES);
	begin_sort(source);
	return source;
}

static void
name_row(void *arg)
{
	const ImportSource *source = arg;

	if (source->row == 0)
		return;
	if (source->column != NULL && source->member != NULL)
		errcontext("column \"%s\" of member \"%s\", row %lld of %s", source->column,
				   source->member, (long long) source->row, source->name);
	else if (source->column != NULL)
		errcontext("column \"%s\", row %lld of %s", source->column, (long long) source->row,
				   source->name);
	else if (source->member != NULL)
		errcontext("member \"%s\", row %lld of %s", source->member, (long long) source->row,
				   source->name);
	else
		errcontext("row %lld of %s", (long long) source->row, source->name);
}

/* Errors name the row from here on. */
static void
name_rows(ImportSource *source)
{
	source->context.callback = name_row;
	source->context.arg = source;
	source->context.previous = error_context_stack;
	error_context_stack = &source->context;
}

static void
cease_naming(ImportSource *source)
{
	error_context_stack = source->context.previous;
	loyalty_import_blame(source, NULL, 0);
}

void
loyalty_import_blame(ImportSource *source, const char *member, int64 number)
{
	source->member = member;
	source->row = number;
}

/* A column of a row as our type; false if NULL. */
static bool
get_column(ImportSource *source, ImportColumn column, TupleTableSlot *slot, Datum *value)
{
	ColumnReader *reader = &source->readers[column];
	char	   *text;

	if (reader->place == 0 || slot->tts_isnull[reader->place - 1])
		return false;
	*value = slot->tts_values[reader->place - 1];
	if (reader->as_is)
		return true;

	source->column = columns[column].name;
	if (reader->cast != NULL)
		*value = DirectFunctionCall1(reader->cast, *value);
	else
	{
		/* whole numbers of any scale: 100.00 */
		if (reader->numeric)
			*value = DirectFunctionCall1(numeric_trim_scale, *value);
		text = OutputFunctionCall(&reader->output, *value);
		*value = InputFunctionCall(&reader->input, text, reader->input_argument, -1);
	}
	source->column = NULL;
	return true;
}

static int64
get_number(ImportSource *source, ImportColumn column, TupleTableSlot *slot)
{
	Datum		value;

	return get_column(source, column, slot, &value) ? DatumGetInt64(value) : 0;
}

static TimestampTz
get_instant(ImportSource *source, ImportColumn column, TupleTableSlot *slot)
{
	Datum		value;

	return get_column(source, column, slot, &value) ? DatumGetTimestampTz(value) : DT_NOBEGIN;
}

/* Reads a row of the table, checks it and makes it one of the sort. */
static void
read_row(ImportSource *source, TupleTableSlot *slot, TupleTableSlot *row)
{
	Datum	   *values = row->tts_values;
	int64		growth;
	TimestampTz growth_at;
	TimestampTz enrolled_at;
	text	   *member;

	source->member = NULL;
	source->row = ++source->count;
	ExecClearTuple(row);
	memset(row->tts_isnull, false, SORT_COLUMNS * sizeof(bool));
	slot_getallattrs(slot);
	if (!get_column(source, IMPORT_MEMBER, slot, &values[SORT_MEMBER]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", "member")));
	member = DatumGetTextPP(values[SORT_MEMBER]);
	if (VARSIZE_ANY_EXHDR(member) < 1 || VARSIZE_ANY_EXHDR(member) > LOYALTY_KEY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be 1 to %d bytes long", "member", LOYALTY_KEY_MAX)));
	values[SORT_MEMBER] = PointerGetDatum(member);
	source->member = text_to_cstring(member);
	values[SORT_NUMBER] = Int64GetDatum(source->row);
	values[SORT_POINTS] = Int64GetDatum(get_number(source, IMPORT_POINTS, slot));
	values[SORT_VALID_FROM] = TimestampTzGetDatum(get_instant(source, IMPORT_VALID_FROM, slot));
	values[SORT_VALID_UNTIL] = TimestampTzGetDatum(get_instant(source, IMPORT_VALID_UNTIL, slot));
	values[SORT_GROWTH] = Int64GetDatum(growth = get_number(source, IMPORT_GROWTH, slot));
	growth_at = get_instant(source, IMPORT_GROWTH_AT, slot);
	values[SORT_GROWTH_AT] = TimestampTzGetDatum(growth_at);
	enrolled_at = get_instant(source, IMPORT_ENROLLED_AT, slot);
	values[SORT_ENROLLED_AT] = TimestampTzGetDatum(enrolled_at);
	row->tts_isnull[SORT_TIER] = !get_column(source, IMPORT_TIER, slot, &values[SORT_TIER]);
	row->tts_isnull[SORT_ATTRIBUTES] =
		!get_column(source, IMPORT_ATTRIBUTES, slot, &values[SORT_ATTRIBUTES]);
	if (!row->tts_isnull[SORT_ATTRIBUTES])
	{
		Jsonb	   *attributes = DatumGetJsonbP(values[SORT_ATTRIBUTES]);

		if (!JB_ROOT_IS_OBJECT(attributes))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be a JSON object", "attributes")));
		values[SORT_ATTRIBUTES] = JsonbPGetDatum(attributes);
	}
	if (!row->tts_isnull[SORT_TIER])
		values[SORT_TIER] = PointerGetDatum(DatumGetTextPP(values[SORT_TIER]));
	if (growth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("growth must not be negative")));
	if (growth_at == DT_NOEND || enrolled_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite",
						growth_at == DT_NOEND ? "growth_at" : "enrolled_at")));
	ExecStoreVirtualTuple(row);
}

/* Where the rows of the query go. */
typedef struct RowReceiver
{
	DestReceiver pub;
	ImportSource *source;
} RowReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ImportSource *source = ((RowReceiver *) self)->source;
	MemoryContext caller = MemoryContextSwitchTo(source->row_context);

	name_rows(source);
	read_row(source, slot, source->put_slot);
	tuplesort_puttupleslot(source->sort, source->put_slot);
	cease_naming(source);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(source->row_context);
	return true;
}

static void
receive_nothing(DestReceiver *self)
{
}

static void
receive_begin(DestReceiver *self, int operation, TupleDesc desc)
{
}

/* Dates and times without a zone are local to the program; returns the way back. */
static int
enter_time_zone(const ImportSource *source)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("timezone", source->time_zone, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

void
loyalty_import_read(ImportSource *source)
{
	RowReceiver receiver = {{receive_row, receive_begin, receive_nothing, receive_nothing,
	DestNone}, source};
	SPIExecuteOptions options = {.read_only = true,.dest = &receiver.pub};
	SPIPlanPtr	plan;
	int			level = enter_time_zone(source);
	int			result;

	(void) set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	plan = SPI_prepare(source->query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", source->query,
			 SPI_result_code_string(SPI_result));
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", source->query,
			 SPI_result_code_string(result));
	SPI_finish();
	AtEOXact_GUC(true, level);
	tuplesort_performsort(source->sort);
}

static void
get_row(TupleTableSlot *slot, ImportRow *row)
{
	const Datum *values = slot->tts_values;

	slot_getallattrs(slot);
	row->number = DatumGetInt64(values[SORT_NUMBER]);
	row->member = TextDatumGetCString(values[SORT_MEMBER]);
	row->points = DatumGetInt64(values[SORT_POINTS]);
	row->valid_from = DatumGetTimestampTz(values[SORT_VALID_FROM]);
	row->valid_until = DatumGetTimestampTz(values[SORT_VALID_UNTIL]);
	row->growth = DatumGetInt64(values[SORT_GROWTH]);
	row->growth_at = DatumGetTimestampTz(values[SORT_GROWTH_AT]);
	row->enrolled_at = DatumGetTimestampTz(values[SORT_ENROLLED_AT]);
	row->tier = slot->tts_isnull[SORT_TIER] ? NULL : TextDatumGetCString(values[SORT_TIER]);
	row->attributes = slot->tts_isnull[SORT_ATTRIBUTES] ? NULL :
		DatumGetJsonbP(values[SORT_ATTRIBUTES]);
}

void
loyalty_import_visit(ImportSource *source, ImportVisitor visitor, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	int			level = enter_time_zone(source);

	if (source->visited)
		tuplesort_rescan(source->sort);
	source->visited = true;
	name_rows(source);
	while (tuplesort_gettupleslot(source->sort, true, false, source->get_slot, NULL))
	{
		ImportRow	row;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(source->row_context);
		get_row(source->get_slot, &row);
		loyalty_import_blame(source, row.member, row.number);
		visitor(&row, arg);
		loyalty_import_blame(source, NULL, 0);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(source->row_context);
	}
	visitor(NULL, arg);
	cease_naming(source);
	AtEOXact_GUC(true, level);
}

void
loyalty_import_close(ImportSource *source)
{
	ExecDropSingleTupleTableSlot(source->put_slot);
	ExecDropSingleTupleTableSlot(source->get_slot);
	tuplesort_end(source->sort);
	MemoryContextDelete(source->row_context);
}
