/*
 * breakdown.c
 *		What the engine itself notes in breakdowns.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "engine/breakdown.h"
#include "engine/rules_json.h"
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

Jsonb *
loyalty_breakdown_no_rules(bool resettled)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_key(json, "rules");
	loyalty_json_begin_array(json);
	loyalty_json_end(json);
	if (resettled)
		loyalty_json_bool(json, "resettled", true);
	return loyalty_json_finish(json);
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
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "status", status);
	return loyalty_json_finish(json);
}

static void
push_cancelled(JsonWriter *json, const CancelledWaivers *list)
{
	ListCell   *cell;

	loyalty_json_key(json, "cancelled");
	loyalty_json_begin_object(json);
	foreach(cell, list)
	{
		const Cancelled *item = lfirst(cell);

		loyalty_json_integer(json, psprintf(INT64_FORMAT, item->grant), item->points);
	}
	loyalty_json_end(json);
}

/* null where there is no end */
static void
push_until(JsonWriter *json, TimestampTz until)
{
	char		text[INSTANT_TEXT_SIZE];

	if (TIMESTAMP_IS_NOEND(until))
	{
		loyalty_json_null(json, "until");
		return;
	}
	loyalty_instant_format(until, text);
	loyalty_json_text(json, "until", text);
}

Jsonb *
loyalty_breakdown_tier_grant(const char *tier, const char *kind, TimestampTz until)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "tier", tier);
	loyalty_json_text(json, "kind", kind);
	push_until(json, until);
	return loyalty_json_finish(json);
}

Jsonb *
loyalty_breakdown_hold(TimestampTz until)
{
	JsonWriter *json = loyalty_json_object();

	push_until(json, until);
	return loyalty_json_finish(json);
}

Jsonb *
loyalty_breakdown_gift(const char *tier, int64 cause, const CancelledWaivers *cancelled)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "tier", tier);
	loyalty_json_integer(json, "cause", cause);
	if (cancelled != NIL)
		push_cancelled(json, cancelled);
	return loyalty_json_finish(json);
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
	JsonWriter *json = loyalty_json_object();

	push_cancelled(json, list);
	return loyalty_json_finish(json);
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
