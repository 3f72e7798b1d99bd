/*
 * rule.c
 *		Rows of loyalty.rule: paths compiled once, not per event.
 *
 * Which variables a path mentions is read from its text (jsonpath_out), whose
 * grammar is older and steadier than the node types of the binary form: a name
 * stands in double quotes, a variable is such a name behind a dollar sign.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

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

void
loyalty_rule_path_compile(Datum path, bool isnull, RulePath *result)
{
	JsonPathItem item;
	JsonPathItem next;

	memset(result, 0, sizeof(RulePath));
	if (isnull)
		return;
	result->path = DatumGetJsonPathPCopy(path);
	result->variables = variable_bits(result);
	result->shape = PATH_GENERAL;

	jspInit(&item, result->path);
	if (item.type == jpiNumeric && !jspHasNext(&item))
	{
		result->shape = PATH_NUMBER;
		result->number = jspGetNumeric(&item);
	}
	else if (item.type == jpiRoot && !jspHasNext(&item))
		result->shape = PATH_ROOT;
	else if (item.type == jpiRoot && (result->path->header & JSONPATH_LAX) != 0)
	{
		jspGetNext(&item, &next);
		if (next.type == jpiKey && !jspHasNext(&next))
		{
			result->shape = PATH_KEY;
			result->key = jspGetString(&next, &result->key_length);
		}
	}
}

void
loyalty_path_load(HeapTuple row, TupleDesc desc, const char *column, RulePath *path)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	loyalty_rule_path_compile(value, isnull, path);
}

/* Notes with the rule what one of its paths uses. */
static void
add_use(Rule *rule, const RulePath *path)
{
	ListCell   *cell;

	rule->variables |= path->variables;
	rule->whole_member |= path->whole_member;
	foreach(cell, path->member_keys)
		rule->member_keys = add_name(rule->member_keys, lfirst(cell));
}

static void
load_path(HeapTuple row, TupleDesc desc, const char *column, Rule *rule, RulePath *path)
{
	loyalty_path_load(row, desc, column, path);
	add_use(rule, path);
}

static void
load_limits(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "limits", &isnull);

	if (isnull)
		return;
	loyalty_rule_limits_load(DatumGetJsonbP(value), rule);
	for (int i = 0; i < rule->limit_count; i++)
		add_use(rule, &rule->limits[i].key);
}

static void
load_effects(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "effects", &isnull);

	if (!isnull)
		loyalty_rule_effects_load(DatumGetJsonbP(value), rule);
}

/* What the rule gives beyond its paths' numbers: minimum, limits and the like. */
static void
load_bounds(HeapTuple row, TupleDesc desc, Rule *rule)
{
	const char *period = loyalty_config_column_text(row, desc, "period");
	Numeric		holdout = loyalty_config_column_numeric(row, desc, "holdout");

	load_limits(row, desc, rule);
	rule->min_points = loyalty_config_column_int64(row, desc, "min_points");
	rule->carry = loyalty_config_column_bool(row, desc, "carry");
	rule->budget = loyalty_config_column_limit(row, desc, "budget");
	if (holdout != NULL)
		rule->holdout = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
														   NumericGetDatum(holdout)));
	if (!loyalty_period_parse(period, strlen(period), &rule->period))
		elog(ERROR, "unknown period \"%s\"", period);
}

static void
load_tiers(HeapTuple row, TupleDesc desc, Rule *rule)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, "tiers", &isnull);
	Datum	   *names;
	int			count;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, NULL, &count);
	rule->tiers = palloc(sizeof(char *) * count);
	rule->tier_count = count;
	for (int i = 0; i < count; i++)
		rule->tiers[i] = TextDatumGetCString(names[i]);
}

void
loyalty_rule_load(HeapTuple row, TupleDesc desc, Rule *rule)
{
	memset(rule, 0, sizeof(Rule));
	rule->rule_id = loyalty_config_column_int32(row, desc, "rule_id");
	rule->version_id = loyalty_config_column_int64(row, desc, "version_id");
	rule->name = loyalty_config_column_text(row, desc, "name");
	rule->program = loyalty_config_column_text(row, desc, "program");
	rule->event = loyalty_config_column_text(row, desc, "event");
	load_path(row, desc, "each", rule, &rule->each);
	load_path(row, desc, "condition", rule, &rule->condition);
	load_path(row, desc, "points", rule, &rule->points);
	load_path(row, desc, "growth", rule, &rule->growth);
	load_path(row, desc, "measure", rule, &rule->measure);
	rule->mode = (RuleMode) loyalty_config_column_text(row, desc, "mode")[0];
	rule->exclusive_group = loyalty_config_column_text(row, desc, "exclusive_group");
	load_bounds(row, desc, rule);
	load_effects(row, desc, rule);
	rule->multiplied = loyalty_config_column_bool(row, desc, "multiplied");
	rule->active = loyalty_config_column_bool(row, desc, "active");
	rule->point_kind = loyalty_config_column_text(row, desc, "point_kind");
	rule->partner = loyalty_config_column_text(row, desc, "partner");
	rule->unit_cost = loyalty_config_column_numeric(row, desc, "unit_cost");
	load_tiers(row, desc, rule);
	rule->starts_at = loyalty_config_column_instant(row, desc, "starts_at", DT_NOBEGIN);
	rule->ends_at = loyalty_config_column_instant(row, desc, "ends_at", DT_NOEND);
	rule->validity = loyalty_config_column_validity(row, desc, "validity");
	rule->pending_for = loyalty_config_column_interval(row, desc, "pending_for");
}
