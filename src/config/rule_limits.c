/*
 * rule_limits.c
 *		The limits of a rule: a jsonb array, checked when it is stored.
 *
 * Each element is an object: "per" (event, day, week, month, year, ever), at
 * least one of "points" and "times" (whole numbers of at least 0), "key" (a
 * jsonpath) and "then" (reduce, the default, or refuse).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "config/load.h"

PG_FUNCTION_INFO_V1(loyalty_is_rule_limits);

#define EXAMPLE "For example [{\"per\": \"month\", \"points\": 500, \"then\": \"reduce\"}]."

static void
refuse(int number, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("limit %d of a rule is not valid", number),
			 errdetail_internal("%s", detail),
			 errhint(EXAMPLE)));
}

static int64
read_count(int number, const char *name, const JsonbValue *value)
{
	Datum		whole;

	if (value->type != jbvNumeric)
		refuse(number, psprintf("\"%s\" is not a number.", name));
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric),
								Int32GetDatum(0));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole,
										  NumericGetDatum(value->val.numeric))) != 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole,
										  NumericGetDatum(int64_to_numeric(0)))) < 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole,
										  NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))) > 0)
		refuse(number, psprintf("\"%s\" is not a whole number of at least 0.", name));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

static bool
is_word(const JsonbValue *value, const char *word)
{
	return value->type == jbvString && value->val.string.len == strlen(word) &&
		memcmp(value->val.string.val, word, strlen(word)) == 0;
}

/* One member of a limit's object. */
static void
read_member(int number, const char *name, const JsonbValue *value, RuleLimit *limit)
{
	if (strcmp(name, "per") == 0)
	{
		if (value->type != jbvString ||
			!loyalty_period_parse(value->val.string.val, value->val.string.len, &limit->per))
			refuse(number, "\"per\" is not event, day, week, month, year or ever.");
	}
	else if (strcmp(name, "points") == 0)
		limit->points = read_count(number, name, value);
	else if (strcmp(name, "times") == 0)
		limit->times = read_count(number, name, value);
	else if (strcmp(name, "then") == 0)
	{
		limit->refuse = is_word(value, "refuse");
		if (!limit->refuse && !is_word(value, "reduce"))
			refuse(number, "\"then\" is not reduce or refuse.");
	}
	else if (strcmp(name, "key") == 0)
	{
		char	   *path;

		if (value->type != jbvString)
			refuse(number, "\"key\" is not a jsonpath in quotes.");
		path = pnstrdup(value->val.string.val, value->val.string.len);
		loyalty_rule_path_compile(DirectFunctionCall1(jsonpath_in, CStringGetDatum(path)),
								  false, &limit->key);
	}
	else
		refuse(number, psprintf("\"%s\" is not one of \"per\", \"points\", \"times\", \"key\" and "
								"\"then\".", name));
}

static void
read_limit(int number, const JsonbValue *object, RuleLimit *limit)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		refuse(number, "It is not an object.");
	memset(limit, 0, sizeof(RuleLimit));
	limit->points = limit->times = -1;
	iterator = JsonbIteratorInit(object->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			read_member(number, name, &value, limit);
	}
	if (limit->per == 0)
		refuse(number, "It lacks \"per\".");
	if (limit->points < 0 && limit->times < 0)
		refuse(number, "It has neither \"points\" nor \"times\".");
}

void
loyalty_rule_limits_load(const Jsonb *limits, Rule *rule)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!JB_ROOT_IS_ARRAY(limits) || JB_ROOT_IS_SCALAR(limits))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits of a rule must be an array"),
				 errhint(EXAMPLE)));
	rule->limits = palloc(sizeof(RuleLimit) * Max(JB_ROOT_COUNT(limits), 1));
	rule->limit_count = 0;
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &limits->root));
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		read_limit(rule->limit_count + 1, &value, &rule->limits[rule->limit_count]);
		rule->limit_count++;
	}
}

Datum
loyalty_is_rule_limits(PG_FUNCTION_ARGS)
{
	Rule		rule;

	loyalty_rule_limits_load(PG_GETARG_JSONB_P(0), &rule);
	PG_RETURN_BOOL(true);
}
