/*
 * order_row.c
 *		Rows of an order table: who, what, when, and the row as jsonb.
 *
 * The row becomes what to_jsonb() makes of it.  That function finds out for
 * every value of every row how its type is written; here it is found out once
 * per statement, and the types that orders are made of are written directly.
 * Everything else is left to to_jsonb() itself.
 *
 * The caller has set TimeZone to that of the program.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "engine/path.h"
#include "engine/rules_json.h"
#include "triggers/order_row.h"

/* How a column is written as jsonb. */
typedef struct OrderColumn
{
	const char *name;
	int			length;			/* of the name */
	int			index;			/* of the column, from 0 */
	Oid			type;			/* below all domains */
	FmgrInfo	to_jsonb;		/* set up where the type is none of the plain ones */
	bool		plain;
} OrderColumn;

/* A column whose value is wanted as text. */
typedef struct KeyColumn
{
	AttrNumber	number;
	Oid			type;
	FmgrInfo	output;
} KeyColumn;

struct OrderReader
{
	KeyColumn	member;
	KeyColumn	ref;
	AttrNumber	at;				/* 0 = none */
	Oid			at_type;
	OrderColumn *columns;		/* as jsonb orders keys: it then need not sort */
	int			column_count;	/* without dropped ones */
};

static AttrNumber
find_column(Relation relation, const char *name)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of table \"%s\" does not exist", name,
					RelationGetRelationName(relation))));
}

static void
key_column(Relation relation, const char *name, KeyColumn *column)
{
	Oid			type;
	Oid			output;
	bool		is_varlena;

	column->number = find_column(relation, name);
	type = TupleDescAttr(RelationGetDescr(relation), column->number - 1)->atttypid;
	column->type = getBaseType(type);
	getTypeOutputInfo(type, &output, &is_varlena);
	fmgr_info(output, &column->output);
}

/* The types that are written here; see write_column. */
static bool
is_plain(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

static void
document_column(Form_pg_attribute attribute, OrderColumn *column)
{
	memset(column, 0, sizeof(OrderColumn));
	column->name = NameStr(attribute->attname);
	column->length = strlen(column->name);
	column->index = attribute->attnum - 1;
	column->type = getBaseType(attribute->atttypid);
	column->plain = is_plain(column->type);
	if (!column->plain)
	{
		Node	   *argument = (Node *) makeNullConst(attribute->atttypid, attribute->atttypmod,
													  attribute->attcollation);

		fmgr_info(F_TO_JSONB, &column->to_jsonb);
		fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
												 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
						   &column->to_jsonb);
	}
}

static int
compare_columns(const void *a, const void *b)
{
	const OrderColumn *first = a;
	const OrderColumn *second = b;

	if (first->length != second->length)
		return first->length < second->length ? -1 : 1;
	return memcmp(first->name, second->name, first->length);
}

OrderReader *
loyalty_order_reader(const Attachment *attachment, Relation relation)
{
	OrderReader *reader = palloc0(sizeof(OrderReader));
	TupleDesc	desc = RelationGetDescr(relation);

	key_column(relation, attachment->member, &reader->member);
	key_column(relation, attachment->ref, &reader->ref);
	if (attachment->at != NULL)
	{
		reader->at = find_column(relation, attachment->at);
		reader->at_type = getBaseType(TupleDescAttr(desc, reader->at - 1)->atttypid);
		if (reader->at_type != TIMESTAMPTZOID && reader->at_type != TIMESTAMPOID &&
			reader->at_type != DATEOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" cannot say when an order was made", attachment->at),
					 errdetail("It is of type %s.", format_type_be(reader->at_type)),
					 errhint("Use a column of type timestamptz, timestamp or date.")));
	}
	reader->columns = palloc(sizeof(OrderColumn) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			document_column(TupleDescAttr(desc, i), &reader->columns[reader->column_count++]);
	}
	qsort(reader->columns, reader->column_count, sizeof(OrderColumn), compare_columns);
	return reader;
}

/* As a cast to text gives it: character(n) loses its padding. */
static char *
key_text(KeyColumn *column, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, column->number, &isnull);
	char	   *key;

	if (isnull)
		return NULL;
	if (column->type == TEXTOID || column->type == VARCHAROID)
		return TextDatumGetCString(value);
	key = OutputFunctionCall(&column->output, value);
	if (column->type == BPCHAROID)
		key[bpchartruelen(key, strlen(key))] = '\0';
	return key;
}

char *
loyalty_order_member(OrderReader *reader, TupleTableSlot *slot)
{
	return key_text(&reader->member, slot);
}

char *
loyalty_order_ref(OrderReader *reader, TupleTableSlot *slot)
{
	return key_text(&reader->ref, slot);
}

bool
loyalty_order_ref_datum(OrderReader *reader, TupleTableSlot *slot, Datum *ref)
{
	bool		isnull;

	*ref = slot_getattr(slot, reader->ref.number, &isnull);
	return !isnull;
}

AttrNumber
loyalty_order_ref_column(const OrderReader *reader)
{
	return reader->ref.number;
}

TimestampTz
loyalty_order_at(OrderReader *reader, TupleTableSlot *slot)
{
	Datum		value;
	bool		isnull;
	TimestampTz at;

	if (reader->at == 0)
		return ORDER_AT_CLOCK;
	value = slot_getattr(slot, reader->at, &isnull);
	if (isnull)
		return ORDER_AT_CLOCK;
	if (reader->at_type == DATEOID)
		value = DirectFunctionCall1(date_timestamptz, value);
	else if (reader->at_type == TIMESTAMPOID)
		value = DirectFunctionCall1(timestamp_timestamptz, value);
	at = DatumGetTimestampTz(value);

	/* for ever is a time ahead, and not the one that stands for the clock */
	return at == DT_NOEND ? END_TIMESTAMP - 1 : at;
}

static void
write_text(JsonbValue *json, char *characters, int length)
{
	json->type = jbvString;
	json->val.string.val = characters;
	json->val.string.len = length;
}

static void
write_time(JsonbValue *json, Datum value, Oid type)
{
	char	   *iso = palloc(MAXDATELEN + 1);

	JsonEncodeDateTime(iso, value, type, NULL);
	write_text(json, iso, strlen(iso));
}

static void
write_numeric(JsonbValue *json, Datum value)
{
	Numeric		number = DatumGetNumeric(value);

	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		char	   *word = DatumGetCString(DirectFunctionCall1(numeric_out, value));

		write_text(json, word, strlen(word));
		return;
	}
	json->type = jbvNumeric;
	json->val.numeric = number;
}

/* What to_jsonb() gives for a value that is not null. */
static void
write_column(OrderColumn *column, Datum value, JsonbValue *json)
{
	text	   *characters;
	Jsonb	   *document;

	switch (column->plain ? column->type : InvalidOid)
	{
		case BOOLOID:
			json->type = jbvBool;
			json->val.boolean = DatumGetBool(value);
			break;
		case INT2OID:
			json->type = jbvNumeric;
			json->val.numeric = int64_to_numeric(DatumGetInt16(value));
			break;
		case INT4OID:
			json->type = jbvNumeric;
			json->val.numeric = int64_to_numeric(DatumGetInt32(value));
			break;
		case INT8OID:
			json->type = jbvNumeric;
			json->val.numeric = int64_to_numeric(DatumGetInt64(value));
			break;
		case NUMERICOID:
			write_numeric(json, value);
			break;
		case TEXTOID:
		case VARCHAROID:
			characters = DatumGetTextPP(value);
			write_text(json, VARDATA_ANY(characters), VARSIZE_ANY_EXHDR(characters));
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			write_time(json, value, column->type);
			break;
		default:
			document = DatumGetJsonbP(FunctionCall1(&column->to_jsonb, value));
			JsonbToJsonbValue(document, json);
			if (JB_ROOT_IS_SCALAR(document))
				(void) JsonbExtractScalar(&document->root, json);
			break;
	}
}

Jsonb *
loyalty_order_document(OrderReader *reader, TupleTableSlot *slot)
{
	JsonWriter *json = loyalty_json_object();

	slot_getallattrs(slot);
	for (int i = 0; i < reader->column_count; i++)
	{
		OrderColumn *column = &reader->columns[i];
		JsonbValue	key;
		JsonbValue	value;

		write_text(&key, unconstify(char *, column->name), column->length);
		if (slot->tts_isnull[column->index])
			value.type = jbvNull;
		else
			write_column(column, slot->tts_values[column->index], &value);
		loyalty_json_member(json, &key, &value);
	}
	return loyalty_json_finish(json);
}

bool
loyalty_order_condition(const Attachment *attachment, const Jsonb *document)
{
	return loyalty_jsonpath_holds(attachment->condition, document, NULL);
}

/*
 * A jsonpath holds no resource that would have to be given back, so its errors
 * are caught without a subtransaction.
 */
OrderStanding
loyalty_order_standing(const Attachment *attachment, const Jsonb *document, TimestampTz at)
{
	MemoryContext context = CurrentMemoryContext;
	volatile OrderStanding standing = ORDER_COUNTS;

	if (attachment->condition != NULL)
	{
		PG_TRY();
		{
			if (!loyalty_order_condition(attachment, document))
				standing = ORDER_NOT;
		}
		PG_CATCH();
		{
			if (attachment->raise || !loyalty_error_is_refusal(geterrcode()))
				PG_RE_THROW();
			MemoryContextSwitchTo(context);
			FlushErrorState();
			standing = ORDER_FAILS;
		}
		PG_END_TRY();
	}
	if (at < attachment->since && standing != ORDER_NOT)
		standing = ORDER_EARLIER;
	return standing;
}
