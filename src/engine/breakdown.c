/*
 * breakdown.c
 *		What the engine itself notes in breakdowns.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "engine/breakdown.h"
#include "types/instant.h"

typedef struct Cancelled
{
	int64		grant;
	int64		points;
} Cancelled;

CancelledWaivers *
loyalty_breakdown_cancel(CancelledWaivers *list, int64 grant, int64 points)
{
	Cancelled  *item;
	ListCell   *cell;

	foreach(cell, list)
	{
		item = lfirst(cell);
		if (item->grant == grant)
		{
			item->points += points;
			return list;
		}
	}
	item = palloc(sizeof(Cancelled));
	item->grant = grant;
	item->points = points;
	return lappend(list, item);
}

int64
loyalty_breakdown_cancelled(const CancelledWaivers *list, int64 grant)
{
	ListCell   *cell;

	foreach(cell, list)
	{
		const Cancelled *item = lfirst(cell);

		if (item->grant == grant)
			return item->points;
	}
	return 0;
}

static void
set_string(JsonbValue *value, const char *string)
{
	value->type = jbvString;
	value->val.string.val = unconstify(char *, string);
	value->val.string.len = strlen(string);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	set_string(&value, key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_number(JsonbParseState **state, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
loyalty_breakdown_no_rules(bool resettled)
{
	JsonbParseState *state = NULL;
	JsonbValue	yes;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "rules");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	if (resettled)
	{
		push_key(&state, "resettled");
		yes.type = jbvBool;
		yes.val.boolean = true;
		pushJsonbValue(&state, WJB_VALUE, &yes);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

bool
loyalty_breakdown_is_resettled(const Jsonb *breakdown)
{
	return breakdown != NULL && JB_ROOT_IS_OBJECT(breakdown) &&
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &breakdown->root),
									 "resettled", strlen("resettled"), NULL) != NULL;
}

Jsonb *
loyalty_breakdown_status(const char *status)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "status");
	set_string(&value, status);
	pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
push_cancelled(JsonbParseState **state, const CancelledWaivers *list)
{
	ListCell   *cell;

	push_key(state, "cancelled");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, list)
	{
		const Cancelled *item = lfirst(cell);

		push_key(state, psprintf(INT64_FORMAT, item->grant));
		push_number(state, item->points);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* null where there is no end */
static void
push_until(JsonbParseState **state, TimestampTz until)
{
	JsonbValue	value;

	push_key(state, "until");
	if (TIMESTAMP_IS_NOEND(until))
		value.type = jbvNull;
	else
	{
		char	   *text = palloc(INSTANT_TEXT_SIZE);

		loyalty_instant_format(until, text);
		set_string(&value, text);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
loyalty_breakdown_tier_grant(const char *tier, const char *kind, TimestampTz until)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "tier");
	set_string(&value, tier);
	pushJsonbValue(&state, WJB_VALUE, &value);
	push_key(&state, "kind");
	set_string(&value, kind);
	pushJsonbValue(&state, WJB_VALUE, &value);
	push_until(&state, until);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
loyalty_breakdown_hold(TimestampTz until)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_until(&state, until);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
loyalty_breakdown_gift(const char *tier, int64 cause, const CancelledWaivers *cancelled)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "tier");
	set_string(&value, tier);
	pushJsonbValue(&state, WJB_VALUE, &value);
	push_key(&state, "cause");
	push_number(&state, cause);
	if (cancelled != NIL)
		push_cancelled(&state, cancelled);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

const char *
loyalty_breakdown_tier(const Jsonb *breakdown)
{
	JsonbValue	buffer;
	JsonbValue *value;

	if (breakdown == NULL || !JB_ROOT_IS_OBJECT(breakdown))
		return "";
	value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &breakdown->root),
										 "tier", strlen("tier"), &buffer);
	if (value == NULL || value->type != jbvString)
		return "";
	return pnstrdup(value->val.string.val, value->val.string.len);
}

Jsonb *
loyalty_breakdown_store_cancelled(const CancelledWaivers *list)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_cancelled(&state, list);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

int64
loyalty_breakdown_read_cancelled(const Jsonb *breakdown, int64 grant)
{
	JsonbValue	buffer;
	JsonbValue *value;
	char	   *key;

	if (breakdown == NULL || !JB_ROOT_IS_OBJECT(breakdown))
		return 0;
	value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &breakdown->root),
										 "cancelled", strlen("cancelled"), &buffer);
	if (value == NULL || value->type != jbvBinary)
		return 0;
	key = psprintf(INT64_FORMAT, grant);
	value = getKeyJsonValueFromContainer(value->val.binary.data, key, strlen(key), NULL);
	if (value == NULL || value->type != jbvNumeric)
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

/* The end that a breakdown notes; DT_NOBEGIN if it notes none. */
TimestampTz
loyalty_breakdown_read_until(const Jsonb *breakdown)
{
	JsonbValue	value;
	TimestampTz until;
	const char *text;

	if (breakdown == NULL || !JB_ROOT_IS_OBJECT(breakdown) ||
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &breakdown->root),
									 "until", strlen("until"), &value) == NULL ||
		value.type != jbvString)
		return DT_NOBEGIN;
	text = value.val.string.val;
	if (!loyalty_instant_parse(&text, text + value.val.string.len, &until, NULL))
		return DT_NOBEGIN;
	return until;
}
