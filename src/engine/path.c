/*
 * path.c
 *		What jsonpaths find in a document.
 *
 * Paths are evaluated silently: where a value is missing or of the wrong kind
 * the path finds nothing, or what it found before.  Errors that jsonpath raises
 * even so (a comparison of dates that depends on the session's time zone, an
 * invalid regular expression) fail the event.
 *
 * Plain shapes give what the lax executor would.  Where it would unwrap an
 * array they do not decide, and it is asked.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "engine/number.h"
#include "engine/path.h"
#include "engine/rules_json.h"

typedef enum Verdict
{
	YES,
	NO,							/* or unknown */
	UNDECIDED
} Verdict;

static JsonbValue
whole(const Jsonb *document)
{
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = unconstify(JsonbContainer *, &document->root);
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	return value;
}

/* Does an operand have a value? */
static Verdict
resolve(const PathOperand *operand, const JsonbValue *target, const Jsonb *variables,
		JsonbValue *value)
{
	*value = *target;
	if (operand->variable.name != NULL &&
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &variables->root),
									 operand->variable.name, operand->variable.length,
									 value) == NULL)
		return UNDECIDED;
	for (int i = 0; i < operand->key_count; i++)
	{
		const PathKey *key = &operand->keys[i];

		if (value->type != jbvBinary)
			return NO;			/* a scalar has no members */
		if (!JsonContainerIsObject(value->val.binary.data))
			return UNDECIDED;
		if (getKeyJsonValueFromContainer(value->val.binary.data, key->name, key->length,
										 value) == NULL)
			return NO;
	}
	return YES;
}

static bool
holds(JsonPathItemType operator, int order)
{
	switch (operator)
	{
		case jpiEqual:
			return order == 0;
		case jpiNotEqual:
			return order != 0;
		case jpiLess:
			return order < 0;
		case jpiGreater:
			return order > 0;
		case jpiLessOrEqual:
			return order <= 0;
		case jpiGreaterOrEqual:
			return order >= 0;
		default:
			elog(ERROR, "jsonpath operator %d is no comparison", (int) operator);
	}
}

static Verdict
compare(const PathComparison *comparison, const JsonbValue *target, const Jsonb *variables)
{
	const JsonbValue *literal = &comparison->literal;
	JsonbValue	value;
	Verdict		found = resolve(&comparison->operand, target, variables, &value);
	int			order;

	if (found != YES)
		return found;
	if (value.type == jbvBinary)
		return UNDECIDED;
	if (value.type == jbvNull)
		return comparison->operator == jpiNotEqual ? YES : NO;
	if (value.type != literal->type)
		return NO;				/* unknown */
	switch (literal->type)
	{
		case jbvNumeric:
			order = loyalty_number_compare(value.val.numeric, literal->val.numeric);
			break;
		case jbvBool:
			order = (int) value.val.boolean - (int) literal->val.boolean;
			break;
		case jbvString:
			order = value.val.string.len != literal->val.string.len ||
				memcmp(value.val.string.val, literal->val.string.val,
					   literal->val.string.len) != 0;
			break;
		default:
			return UNDECIDED;
	}
	return holds(comparison->operator, order) ? YES : NO;
}

static Verdict
compare_all(const List *comparisons, const JsonbValue *target, const Jsonb *variables)
{
	ListCell   *cell;

	foreach(cell, comparisons)
	{
		Verdict		verdict = compare(lfirst(cell), target, variables);

		if (verdict != YES)
			return verdict;
	}
	return YES;
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && !JsonContainerIsObject(value->val.binary.data);
}

/* Makes the one value found the items. */
static void
found_one(PathItems *items, const JsonbValue *value)
{
	items->one = *value;
	items->values = &items->one;
	items->count = 1;
}

static bool
find_value(const RulePath *path, const Jsonb *target, const Jsonb *variables, PathItems *items)
{
	JsonbValue	root = whole(target);
	JsonbValue	value;
	Verdict		found = resolve(&path->operand, &root, variables, &value);

	if (found == YES)
		found_one(items, &value);
	return found != UNDECIDED;
}

static bool
calculate(const RulePath *path, const Jsonb *target, const Jsonb *variables, PathItems *items)
{
	JsonbValue	root = whole(target);
	JsonbValue	value;
	Verdict		found = resolve(&path->operand, &root, variables, &value);
	bool		error = false;

	if (found != YES || value.type != jbvNumeric)
		return found != UNDECIDED && !is_array(&value);
	switch (path->operator)
	{
		case jpiAdd:
			value.val.numeric = numeric_add_opt_error(value.val.numeric, path->number, &error);
			break;
		case jpiSub:
			value.val.numeric = numeric_sub_opt_error(value.val.numeric, path->number, &error);
			break;
		case jpiMul:
			value.val.numeric = numeric_mul_opt_error(value.val.numeric, path->number, &error);
			break;
		case jpiDiv:
			value.val.numeric = numeric_div_opt_error(value.val.numeric, path->number, &error);
			break;
		default:
			return false;
	}
	if (!error)
		found_one(items, &value);
	return true;
}

static bool
find_elements(const RulePath *path, const Jsonb *target, const Jsonb *variables,
			  PathItems *items)
{
	JsonbValue	root = whole(target);
	JsonbValue	value;
	JsonbIterator *iterator;
	JsonbValue	element;
	Verdict		found = resolve(&path->operand, &root, variables, &value);

	if (found != YES)
		return found == NO;
	if (!is_array(&value))
		return false;
	items->values = palloc(sizeof(JsonbValue) *
						   Max(JsonContainerSize(value.val.binary.data), 1));
	iterator = JsonbIteratorInit(value.val.binary.data);
	JsonbIteratorNext(&iterator, &element, true);	/* the array itself */
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		Verdict		wanted = path->comparisons == NIL ? YES : is_array(&element) ? UNDECIDED :
			compare_all(path->comparisons, &element, variables);

		if (wanted == UNDECIDED)
			return false;
		if (wanted == YES)
			items->values[items->count++] = element;
	}
	return true;
}

static bool
find_plain(const RulePath *path, const Jsonb *target, const Jsonb *variables, PathItems *items)
{
	JsonbValue	number;

	switch (path->shape)
	{
		case PATH_NUMBER:
			number.type = jbvNumeric;
			number.val.numeric = path->number;
			found_one(items, &number);
			return true;
		case PATH_VALUE:
			return find_value(path, target, variables, items);
		case PATH_ARITHMETIC:
			return calculate(path, target, variables, items);
		case PATH_ELEMENTS:
			return find_elements(path, target, variables, items);
		default:
			return false;
	}
}

void
loyalty_path_find(const RulePath *path, const Jsonb *target, const Jsonb *variables,
				  PathItems *items)
{
	Datum		found;

	items->iterator = NULL;
	items->values = NULL;
	items->count = items->next = 0;
	if (find_plain(path, target, variables, items))
		return;
	found = DirectFunctionCall4(jsonb_path_query_array,
								PointerGetDatum(target),
								PointerGetDatum(path->path),
								PointerGetDatum(variables),
								BoolGetDatum(true));
	items->iterator = JsonbIteratorInit(&DatumGetJsonbP(found)->root);
	JsonbIteratorNext(&items->iterator, &items->one, true);	/* the array itself */
}

bool
loyalty_path_next(PathItems *items, JsonbValue *item)
{
	if (items->iterator != NULL)
		return JsonbIteratorNext(&items->iterator, item, true) == WJB_ELEM;
	if (items->next == items->count)
		return false;
	*item = items->values[items->next++];
	return true;
}

/* One boolean decides; else it holds if something other than null is found. */
bool
loyalty_path_holds(const RulePath *path, const Jsonb *target, const Jsonb *variables)
{
	PathItems	items;
	JsonbValue	item;

	if (path->shape == PATH_ABSENT)
		return true;
	if (path->shape == PATH_COMPARISONS)
	{
		JsonbValue	root = whole(target);
		Verdict		verdict = compare_all(path->comparisons, &root, variables);

		if (verdict != UNDECIDED)
			return verdict == YES;
	}
	loyalty_path_find(path, target, variables, &items);
	while (loyalty_path_next(&items, &item))
	{
		if (item.type != jbvNull && !(item.type == jbvBool && !item.val.boolean))
			return true;
	}
	return false;
}

bool
loyalty_condition_holds(const RulePath *condition, const Jsonb *document)
{
	return loyalty_path_holds(condition, document, loyalty_json_empty());
}

bool
loyalty_jsonpath_holds(JsonPath *path, const Jsonb *document, const Jsonb *variables)
{
	RulePath	general = {.shape = PATH_GENERAL,.path = path};

	return loyalty_path_holds(&general, document,
							  variables == NULL ? loyalty_json_empty() : variables);
}

Numeric
loyalty_path_numbers(const RulePath *path, const Jsonb *target, const Jsonb *variables)
{
	PathItems	items;
	JsonbValue	item;
	Numeric		sum = NULL;

	loyalty_path_find(path, target, variables, &items);
	while (loyalty_path_next(&items, &item))
	{
		if (item.type == jbvNumeric)
			sum = sum == NULL ? item.val.numeric : loyalty_number_add(sum, item.val.numeric);
	}
	return sum;
}

Numeric
loyalty_path_sum(const RulePath *path, const Jsonb *document)
{
	return loyalty_path_numbers(path, document, loyalty_json_empty());
}
