/*
 * import_read.c
 *		Rows of a table of opening balances.
 *
 * Columns are found by name; those that are not there count as NULL, those
 * that nobody knows are refused, since a misspelt one would be lost.  A column
 * of another type than ours is read by its text, so that an error names the row
 * and dates without a time zone are local to the program.
 *
 * Both passes over the table see it by one snapshot, that of the statement.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/import_read.h"

/* Rows fetched at a time. */
#define FETCH_ROWS 1000

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

struct ImportSource
{
	const char *name;			/* for messages */
	const char *query;
	const char *time_zone;
	int			place[IMPORT_COLUMNS];	/* in the query's rows; 0 = absent */
	FmgrInfo	output[IMPORT_COLUMNS]; /* of columns of another type */
	bool		converted[IMPORT_COLUMNS];
	bool		numeric[IMPORT_COLUMNS];
	FmgrInfo	input[IMPORT_COLUMNS];
	Oid			input_argument[IMPORT_COLUMNS];
	int64		row;			/* being read or worked on; 0 = none */
	const char *member;			/* NULL = not known yet */
	const char *column;			/* NULL = none in particular */
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
set_column(ImportSource *source, int column, Oid type)
{
	Oid			function;
	bool		varlena;

	source->converted[column] = getBaseType(type) != columns[column].type;
	source->numeric[column] = getBaseType(type) == NUMERICOID;
	if (!source->converted[column])
		return;
	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info(function, &source->output[column]);
	getTypeInputInfo(columns[column].type, &function, &source->input_argument[column]);
	fmgr_info(function, &source->input[column]);
}

ImportSource *
loyalty_import_open(Oid source_id, const Program *program)
{
	ImportSource *source = palloc0(sizeof(ImportSource));
	Relation	relation = relation_open(source_id, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	StringInfoData query;
	int			place = 1;

	source->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											  RelationGetRelationName(relation));
	source->time_zone = pstrdup(program->time_zone);
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT s.number");
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
		source->place[column] = ++place;
		set_column(source, column, attribute->atttypid);
		appendStringInfo(&query, ", s.%s", name);
	}
	relation_close(relation, AccessShareLock);
	if (source->place[IMPORT_MEMBER] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no column \"%s\"", source->name, "member")));
	appendStringInfo(&query,
					 " FROM (SELECT pg_catalog.row_number() OVER () AS number, t.* FROM %s t) s"
					 " ORDER BY s.member::pg_catalog.text COLLATE pg_catalog.\"C\", s.number",
					 source->name);
	source->query = query.data;
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

void
loyalty_import_blame(ImportSource *source, const char *member, int64 number)
{
	source->member = member;
	source->row = number;
}

/* A column of a row as our type; false if NULL. */
static bool
get_column(ImportSource *source, int column, HeapTuple tuple, TupleDesc desc, Datum *value)
{
	bool		isnull;
	char	   *text;

	if (source->place[column] == 0)
		return false;
	*value = SPI_getbinval(tuple, desc, source->place[column], &isnull);
	if (isnull)
		return false;
	if (!source->converted[column])
		return true;

	/* whole numbers of any scale: 100.00 */
	if (source->numeric[column])
		*value = DirectFunctionCall1(numeric_trim_scale, *value);
	source->column = columns[column].name;
	text = OutputFunctionCall(&source->output[column], *value);
	*value = InputFunctionCall(&source->input[column], text, source->input_argument[column],
							   -1);
	source->column = NULL;
	return true;
}

static int64
get_number(ImportSource *source, int column, HeapTuple tuple, TupleDesc desc)
{
	Datum		value;

	return get_column(source, column, tuple, desc, &value) ? DatumGetInt64(value) : 0;
}

static TimestampTz
get_instant(ImportSource *source, int column, HeapTuple tuple, TupleDesc desc)
{
	Datum		value;

	return get_column(source, column, tuple, desc, &value) ? DatumGetTimestampTz(value) :
		DT_NOBEGIN;
}

static void
read_row(ImportSource *source, HeapTuple tuple, TupleDesc desc, ImportRow *row)
{
	Datum		value;
	bool		isnull;

	memset(row, 0, sizeof(ImportRow));
	source->member = NULL;
	row->number = source->row = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	if (!get_column(source, IMPORT_MEMBER, tuple, desc, &value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", "member")));
	row->member = TextDatumGetCString(value);
	if (row->member[0] == '\0' || strlen(row->member) > LOYALTY_KEY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be 1 to %d bytes long", "member", LOYALTY_KEY_MAX)));
	source->member = row->member;
	row->points = get_number(source, IMPORT_POINTS, tuple, desc);
	row->valid_from = get_instant(source, IMPORT_VALID_FROM, tuple, desc);
	row->valid_until = get_instant(source, IMPORT_VALID_UNTIL, tuple, desc);
	row->growth = get_number(source, IMPORT_GROWTH, tuple, desc);
	row->growth_at = get_instant(source, IMPORT_GROWTH_AT, tuple, desc);
	row->enrolled_at = get_instant(source, IMPORT_ENROLLED_AT, tuple, desc);
	if (get_column(source, IMPORT_TIER, tuple, desc, &value))
		row->tier = TextDatumGetCString(value);
	if (get_column(source, IMPORT_ATTRIBUTES, tuple, desc, &value))
	{
		row->attributes = DatumGetJsonbPCopy(value);
		if (!JB_ROOT_IS_OBJECT(row->attributes))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be a JSON object", "attributes")));
	}
	if (row->growth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("growth must not be negative")));
	if (row->growth_at == DT_NOEND || row->enrolled_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite",
						row->growth_at == DT_NOEND ? "growth_at" : "enrolled_at")));
}

void
loyalty_import_visit(ImportSource *source, ImportVisitor visitor, void *arg)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "loyalty import row",
													  ALLOCSET_SMALL_SIZES);
	int			level = NewGUCNestLevel();
	ErrorContextCallback context;
	SPIPlanPtr	plan;
	Portal		portal;

	(void) set_config_option("timezone", source->time_zone, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	context.callback = name_row;
	context.arg = source;
	context.previous = error_context_stack;
	error_context_stack = &context;

	SPI_connect();
	plan = SPI_prepare(source->query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", source->query,
			 SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		SPITupleTable *rows;

		source->row = 0;
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		rows = SPI_tuptable;
		for (uint64 i = 0; i < rows->numvals; i++)
		{
			MemoryContext spi = MemoryContextSwitchTo(row_context);
			ImportRow	row;

			CHECK_FOR_INTERRUPTS();
			read_row(source, rows->vals[i], rows->tupdesc, &row);
			visitor(&row, arg);
			MemoryContextSwitchTo(spi);
			MemoryContextReset(row_context);
		}
		if (rows->numvals == 0)
			break;
		SPI_freetuptable(rows);
	}
	visitor(NULL, arg);
	SPI_cursor_close(portal);
	SPI_finish();
	error_context_stack = context.previous;
	AtEOXact_GUC(true, level);
	MemoryContextDelete(row_context);
}
