/*
 * rule_path.c
 *		jsonpaths of rules, compiled once, not per event.
 *
 * Which variables a path mentions is read from its text (jsonpath_out), whose
 * grammar is older and steadier than the node types of the binary form: a name
 * stands in double quotes, a variable is such a name behind a dollar sign.
 * Paths of plain shapes are taken apart, so that the rule engine can answer them
 * without the jsonpath executor.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "config/load.h"

PG_FUNCTION_INFO_V1(loyalty_jsonpath_variables);

/* Skips a quoted name or string; *cursor is on its opening quote. */
static char *
skip_quoted(char *cursor)
{
	for (cursor++; *cursor != '"' && *cursor != '\0'; cursor++)
	{
		if (*cursor == '\\' && cursor[1] != '\0')
			cursor++;
	}
	return *cursor == '"' ? cursor + 1 : cursor;
}

/* A list of names with one more, unless it is there already. */
static List *
add_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp((char *) lfirst(cell), name) == 0)
			return names;
	}
	return lappend(names, pstrdup(name));
}

/*
 * What a member's attribute a path uses; *cursor is behind `$"member"`.  A key
 * that is not plain counts as a use of the whole.
 */
static void
note_member_key(const char *cursor, RulePath *path)
{
	int			length = 0;

	if (cursor[0] == '.' && cursor[1] == '"')
	{
		length = strcspn(cursor + 2, "\"\\");
		if (cursor[2 + length] == '\\')
			length = 0;
	}
	if (length > 0)
		path->member_keys = add_name(path->member_keys, pnstrdup(cursor + 2, length));
	else
		path->whole_member = true;
}

/*
 * The variables of a path, as C strings, each once, in order of appearance.
 * Notes in *use, which may be NULL, what it uses of $member.
 */
static List *
list_variables(JsonPath *path, RulePath *use)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(jsonpath_out,
														   PointerGetDatum(path)));
	char	   *cursor = text;
	List	   *names = NIL;

	while (*cursor != '\0')
	{
		char	   *end;
		char	   *name;

		if (cursor[0] == '"')
		{
			cursor = skip_quoted(cursor);
			continue;
		}
		if (cursor[0] != '$' || cursor[1] != '"')
		{
			cursor++;
			continue;
		}
		end = skip_quoted(cursor + 1);
		name = pnstrdup(cursor + 2, end - cursor - 3);
		names = add_name(names, name);
		if (use != NULL && strcmp(name, "member") == 0)
			note_member_key(end, use);
		cursor = end;
	}
	pfree(text);				/* a large buffer, and paths are many */
	return names;
}

Datum
loyalty_jsonpath_variables(PG_FUNCTION_ARGS)
{
	List	   *names = list_variables(PG_GETARG_JSONPATH_P(0), NULL);
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(names), 1));
	ListCell   *cell;

	foreach(cell, names)
		values[foreach_current_index(cell)] = CStringGetTextDatum((char *) lfirst(cell));
	PG_RETURN_ARRAYTYPE_P(construct_array(values, list_length(names), TEXTOID,
										  -1, false, TYPALIGN_INT));
}

static const struct
{
	const char *name;
	int			bit;
}			variables[] = {
	{"event", RULE_VARIABLE_EVENT},
	{"at", RULE_VARIABLE_AT},
	{"member", RULE_VARIABLE_MEMBER},
	{"tier", RULE_VARIABLE_TIER},
	{"count", RULE_VARIABLE_COUNT},
	{"idle_days", RULE_VARIABLE_IDLE_DAYS},
	{"streak", RULE_VARIABLE_STREAK},
	{"sum", RULE_VARIABLE_SUM},
	{"n", RULE_VARIABLE_N},
	{"period_sum", RULE_VARIABLE_PERIOD_SUM},
	{"period_count", RULE_VARIABLE_PERIOD_COUNT},
};

static int
variable_bits(RulePath *path)
{
	int			bits = 0;
	ListCell   *cell;

	foreach(cell, list_variables(path->path, path))
	{
		const char *name = lfirst(cell);

		for (int i = 0; i < lengthof(variables); i++)
		{
			if (strcmp(name, variables[i].name) == 0)
				bits |= variables[i].bit;
		}
	}
	return bits;
}

/*
 * Keys behind `$` (or `@` in a filter) or a variable.  Leaves *item at the first
 * that is none and returns whether there is one; *plain tells whether it began
 * so at all.
 */
static bool
read_operand(JsonPathItem *item, JsonPathItemType root, PathOperand *operand, bool *plain)
{
	List	   *keys = NIL;
	bool		more;
	ListCell   *cell;

	memset(operand, 0, sizeof(PathOperand));
	*plain = item->type == root || item->type == jpiVariable;
	if (item->type == jpiVariable)
		operand->variable.name = jspGetString(item, &operand->variable.length);
	while ((more = *plain && jspGetNext(item, item)) && item->type == jpiKey)
	{
		PathKey    *key = palloc(sizeof(PathKey));

		key->name = jspGetString(item, &key->length);
		keys = lappend(keys, key);
	}
	operand->key_count = list_length(keys);
	operand->keys = palloc(sizeof(PathKey) * Max(list_length(keys), 1));
	foreach(cell, keys)
		operand->keys[foreach_current_index(cell)] = *(PathKey *) lfirst(cell);
	return more;
}

static bool
read_literal(JsonPathItem *item, JsonbValue *literal)
{
	if (jspHasNext(item))
		return false;
	switch (item->type)
	{
		case jpiNumeric:
			literal->type = jbvNumeric;
			literal->val.numeric = jspGetNumeric(item);
			return true;
		case jpiString:
			literal->type = jbvString;
			literal->val.string.val = jspGetString(item, &literal->val.string.len);
			return true;
		case jpiBool:
			literal->type = jbvBool;
			literal->val.boolean = jspGetBool(item);
			return true;
		default:
			return false;
	}
}

/* An operator with an operand on its left and a literal on its right. */
static bool
read_binary(JsonPathItem *item, JsonPathItemType root, PathComparison *comparison)
{
	JsonPathItem left;
	JsonPathItem right;
	bool		plain;

	jspGetLeftArg(item, &left);
	jspGetRightArg(item, &right);
	comparison->operator = item->type;
	return read_literal(&right, &comparison->literal) &&
		!read_operand(&left, root, &comparison->operand, &plain) && plain;
}

/* Comparisons all of which have to hold, as a list; false if it is not that. */
static bool
read_comparisons(JsonPathItem *item, JsonPathItemType root, List **comparisons)
{
	PathComparison *comparison;
	JsonPathItem left;
	JsonPathItem right;

	if (jspHasNext(item))
		return false;
	switch (item->type)
	{
		case jpiAnd:
			jspGetLeftArg(item, &left);
			jspGetRightArg(item, &right);
			return read_comparisons(&left, root, comparisons) &&
				read_comparisons(&right, root, comparisons);
		case jpiEqual:
		case jpiNotEqual:
		case jpiLess:
		case jpiGreater:
		case jpiLessOrEqual:
		case jpiGreaterOrEqual:
			break;
		default:
			return false;
	}
	comparison = palloc0(sizeof(PathComparison));
	*comparisons = lappend(*comparisons, comparison);
	if (!read_binary(item, root, comparison))
		return false;

	/* The order of texts is a matter of the encoding: left to jsonpath. */
	return item->type == jpiEqual || item->type == jpiNotEqual ||
		comparison->literal.type == jbvNumeric;
}

static bool
read_arithmetic(JsonPathItem *item, RulePath *result)
{
	PathComparison binary;

	switch (item->type)
	{
		case jpiAdd:
		case jpiSub:
		case jpiMul:
		case jpiDiv:
			break;
		default:
			return false;
	}
	if (jspHasNext(item) || !read_binary(item, jpiRoot, &binary) ||
		binary.literal.type != jbvNumeric)
		return false;
	result->operand = binary.operand;
	result->operator = binary.operator;
	result->number = binary.literal.val.numeric;
	return true;
}

/* What begins with `$` or a variable: *item is there. */
static PathShape
read_accessor(JsonPathItem *item, RulePath *result)
{
	JsonPathItem filter;
	bool		plain;

	if (!read_operand(item, jpiRoot, &result->operand, &plain))
		return plain && (result->operand.key_count > 0 || result->operand.variable.name != NULL) ?
			PATH_VALUE : PATH_GENERAL;
	if (item->type != jpiAnyArray)
		return PATH_GENERAL;
	if (!jspGetNext(item, item))
		return PATH_ELEMENTS;
	if (item->type != jpiFilter || jspHasNext(item))
		return PATH_GENERAL;
	jspGetArg(item, &filter);
	return read_comparisons(&filter, jpiCurrent, &result->comparisons) ?
		PATH_ELEMENTS : PATH_GENERAL;
}

static PathShape
read_shape(JsonPathItem *item, RulePath *result)
{
	if (item->type == jpiNumeric && !jspHasNext(item))
	{
		result->number = jspGetNumeric(item);
		return PATH_NUMBER;
	}
	if (item->type == jpiRoot && !jspHasNext(item))
		return PATH_ROOT;
	if ((result->path->header & JSONPATH_LAX) == 0)
		return PATH_GENERAL;
	if (item->type == jpiRoot || item->type == jpiVariable)
		return read_accessor(item, result);
	if (read_arithmetic(item, result))
		return PATH_ARITHMETIC;
	return read_comparisons(item, jpiRoot, &result->comparisons) ?
		PATH_COMPARISONS : PATH_GENERAL;
}

void
loyalty_rule_path_compile(Datum path, bool isnull, RulePath *result)
{
	JsonPathItem item;

	memset(result, 0, sizeof(RulePath));
	if (isnull)
		return;
	result->path = DatumGetJsonPathPCopy(path);
	result->variables = variable_bits(result);
	jspInit(&item, result->path);
	result->shape = read_shape(&item, result);
}

void
loyalty_path_load(HeapTuple row, TupleDesc desc, const char *column, RulePath *path)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	loyalty_rule_path_compile(value, isnull, path);
}

void
loyalty_rule_add_use(Rule *rule, const RulePath *path)
{
	ListCell   *cell;

	rule->variables |= path->variables;
	rule->whole_member |= path->whole_member;
	foreach(cell, path->member_keys)
		rule->member_keys = add_name(rule->member_keys, lfirst(cell));
}
