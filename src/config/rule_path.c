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
 * What stands behind `$` or a variable if it is keys alone: `.a.b`.  False if it
 * is something else.
 */
static bool
read_keys(JsonPathItem *item, PathComparison *comparison)
{
	JsonPathItem next = *item;
	List	   *keys = NIL;
	ListCell   *cell;

	while (jspGetNext(&next, &next))
	{
		PathKey    *key = palloc(sizeof(PathKey));

		if (next.type != jpiKey)
			return false;
		key->name = jspGetString(&next, &key->length);
		keys = lappend(keys, key);
	}
	comparison->key_count = list_length(keys);
	comparison->keys = palloc(sizeof(PathKey) * Max(list_length(keys), 1));
	foreach(cell, keys)
		comparison->keys[foreach_current_index(cell)] = *(PathKey *) lfirst(cell);
	return true;
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

/* The order of texts is a matter of the encoding: left to jsonpath. */
static bool
is_comparable(JsonPathItemType operator, const JsonbValue *literal)
{
	switch (operator)
	{
		case jpiEqual:
		case jpiNotEqual:
			return true;
		case jpiLess:
		case jpiGreater:
		case jpiLessOrEqual:
		case jpiGreaterOrEqual:
			return literal->type == jbvNumeric;
		default:
			return false;
	}
}

/* `$.a.b == 1`, `$at.hour >= 18`: a value on the left, a literal on the right. */
static bool
read_comparison(JsonPathItem *item, PathComparison *comparison)
{
	JsonPathItem left;
	JsonPathItem right;

	jspGetLeftArg(item, &left);
	jspGetRightArg(item, &right);
	if (!read_literal(&right, &comparison->literal) ||
		!is_comparable(item->type, &comparison->literal))
		return false;
	comparison->operator = item->type;
	comparison->variable.name = NULL;
	if (left.type == jpiVariable)
		comparison->variable.name = jspGetString(&left, &comparison->variable.length);
	else if (left.type != jpiRoot)
		return false;
	return read_keys(&left, comparison);
}

/* Comparisons all of which have to hold, as a list; false if it is not that. */
static bool
read_comparisons(JsonPathItem *item, List **comparisons)
{
	PathComparison *comparison;
	JsonPathItem left;
	JsonPathItem right;

	if (jspHasNext(item))
		return false;
	if (item->type == jpiAnd)
	{
		jspGetLeftArg(item, &left);
		jspGetRightArg(item, &right);
		return read_comparisons(&left, comparisons) && read_comparisons(&right, comparisons);
	}
	switch (item->type)
	{
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
	return read_comparison(item, comparison);
}

void
loyalty_rule_path_compile(Datum path, bool isnull, RulePath *result)
{
	JsonPathItem item;
	JsonPathItem next;
	bool		lax;

	memset(result, 0, sizeof(RulePath));
	if (isnull)
		return;
	result->path = DatumGetJsonPathPCopy(path);
	result->variables = variable_bits(result);
	result->shape = PATH_GENERAL;

	lax = (result->path->header & JSONPATH_LAX) != 0;
	jspInit(&item, result->path);
	if (item.type == jpiNumeric && !jspHasNext(&item))
	{
		result->shape = PATH_NUMBER;
		result->number = jspGetNumeric(&item);
	}
	else if (item.type == jpiRoot && !jspHasNext(&item))
		result->shape = PATH_ROOT;
	else if (item.type == jpiRoot && lax)
	{
		jspGetNext(&item, &next);
		if (next.type == jpiKey && !jspHasNext(&next))
		{
			result->shape = PATH_KEY;
			result->key.name = jspGetString(&next, &result->key.length);
		}
	}
	else if (lax && read_comparisons(&item, &result->comparisons))
		result->shape = PATH_COMPARISONS;
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
