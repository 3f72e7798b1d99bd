/*
 * effect.c
 *		What rules give beyond points: a jsonb array, checked when it is stored;
 *		rows of loyalty.coupon_type and loyalty.draw.
 *
 * Each element of the array is an object with one of "coupon", "draw_ticket",
 * "benefit" and "badge" (a name), but for a badge a "count" (1 if absent), and
 * for units of a benefit a "validity" (that of the rule's points if absent).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "config/load.h"

PG_FUNCTION_INFO_V1(loyalty_is_rule_effects);

#define EXAMPLE \
	"For example [{\"coupon\": \"ten_off\"}, {\"draw_ticket\": \"summer\", \"count\": 2}]."

/* Coupons are rows, each. */
#define COUPONS_MAX 100
#define COUNT_MAX 1000000

static const struct
{
	const char *key;
	EffectKind	kind;
}			kinds[] = {
	{"coupon", EFFECT_COUPON},
	{"draw_ticket", EFFECT_DRAW_TICKET},
	{"benefit", EFFECT_BENEFIT},
	{"badge", EFFECT_BADGE},
};

const char *
loyalty_effect_key(EffectKind kind)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (kinds[i].kind == kind)
			return kinds[i].key;
	}
	elog(ERROR, "unknown kind of effect %d", kind);
}

bool
loyalty_effect_key_parse(const char *key, EffectKind *kind)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].key, key) == 0)
		{
			*kind = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static void
refuse(const Rule *rule, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("effect %d of rule \"%s\" is not valid", rule->effect_count + 1, rule->name),
			 errdetail_internal("%s", detail),
			 errhint(EXAMPLE)));
}

static char *
read_text(const Rule *rule, const char *key, const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0)
		refuse(rule, psprintf("\"%s\" is not a name in quotes.", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static int64
read_count(const Rule *rule, const JsonbValue *value)
{
	Datum		number;
	Datum		whole;
	int64		count;

	if (value->type != jbvNumeric)
		refuse(rule, "\"count\" is not a number.");
	number = NumericGetDatum(value->val.numeric);
	whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole, number)) != 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole,
										  NumericGetDatum(int64_to_numeric(COUNT_MAX)))) > 0)
		refuse(rule, psprintf("\"count\" is not a whole number of at most %d.", COUNT_MAX));
	count = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	if (count < 1)
		refuse(rule, "\"count\" is less than 1.");
	return count;
}

static ValidityPolicy *
read_validity(const Rule *rule, const JsonbValue *value)
{
	const char *text = read_text(rule, "validity", value);
	ValidityPolicy *policy;
	CoreError	error;

	if (!loyalty_validity_parse(text, &policy, &error))
		refuse(rule, psprintf("\"%s\" is not a validity: %s", text, error.detail));
	return policy;
}

static void
read_member(const Rule *rule, const char *key, const JsonbValue *value, RuleEffect *effect)
{
	EffectKind	kind;

	if (strcmp(key, "count") == 0)
		effect->count = read_count(rule, value);
	else if (strcmp(key, "validity") == 0)
		effect->validity = read_validity(rule, value);
	else if (!loyalty_effect_key_parse(key, &kind))
		refuse(rule, psprintf("\"%s\" is not one of \"coupon\", \"draw_ticket\", \"benefit\", "
							  "\"badge\", \"count\" and \"validity\".", key));
	else if (effect->name != NULL)
		refuse(rule, "It is one of \"coupon\", \"draw_ticket\", \"benefit\" and \"badge\".");
	else
	{
		effect->kind = kind;
		effect->name = read_text(rule, key, value);
	}
}

static void
check_effect(const Rule *rule, const RuleEffect *effect)
{
	if (effect->name == NULL)
		refuse(rule, "It has none of \"coupon\", \"draw_ticket\", \"benefit\" and \"badge\".");
	if (effect->kind == EFFECT_BADGE && effect->count != 0)
		refuse(rule, "A badge is given once: it has no \"count\".");
	if (effect->kind == EFFECT_COUPON && effect->count > COUPONS_MAX)
		refuse(rule, psprintf("An event gives at most %d coupons of a kind.", COUPONS_MAX));
	if (effect->kind != EFFECT_BENEFIT && effect->validity != NULL)
		refuse(rule, "Only units of a benefit have a \"validity\" here.");
	for (int i = 0; i < rule->effect_count; i++)
	{
		if (rule->effects[i].kind == effect->kind &&
			strcmp(rule->effects[i].name, effect->name) == 0)
			refuse(rule, psprintf("\"%s\" is given twice: use \"count\".", effect->name));
	}
}

static void
read_effect(const Rule *rule, const JsonbValue *object, RuleEffect *effect)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		refuse(rule, "It is not an object.");
	memset(effect, 0, sizeof(RuleEffect));
	iterator = JsonbIteratorInit(object->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			read_member(rule, key, &value, effect);
	}
	check_effect(rule, effect);
	effect->count = Max(effect->count, 1);
}

void
loyalty_rule_effects_load(const Jsonb *effects, Rule *rule)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!JB_ROOT_IS_ARRAY(effects) || JB_ROOT_IS_SCALAR(effects))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("effects of rule \"%s\" must be an array", rule->name),
				 errhint(EXAMPLE)));
	rule->effects = palloc(sizeof(RuleEffect) * Max(JB_ROOT_COUNT(effects), 1));
	rule->effect_count = 0;
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &effects->root));
	JsonbIteratorNext(&iterator, &value, true); /* the array itself */
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		read_effect(rule, &value, &rule->effects[rule->effect_count]);
		rule->effect_count++;
	}
}

/* is_rule_effects(effects, rule) */
Datum
loyalty_is_rule_effects(PG_FUNCTION_ARGS)
{
	Rule		rule = {0};

	rule.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	loyalty_rule_effects_load(PG_GETARG_JSONB_P(0), &rule);
	PG_RETURN_BOOL(true);
}

void
loyalty_coupon_type_load(HeapTuple row, TupleDesc desc, CouponType *type)
{
	type->coupon_type_id = loyalty_config_column_int32(row, desc, "coupon_type_id");
	type->name = loyalty_config_column_text(row, desc, "name");
	type->validity = loyalty_config_column_validity(row, desc, "validity");
}

void
loyalty_draw_load(HeapTuple row, TupleDesc desc, Draw *draw)
{
	draw->draw_id = loyalty_config_column_int32(row, desc, "draw_id");
	draw->name = loyalty_config_column_text(row, desc, "name");
	draw->starts_at = loyalty_config_column_instant(row, desc, "starts_at", DT_NOBEGIN);
	draw->ends_at = loyalty_config_column_instant(row, desc, "ends_at", DT_NOEND);
}

const CouponType *
loyalty_coupon_type_lookup(const Program *program, const char *name)
{
	for (int i = 0; i < program->coupon_type_count; i++)
	{
		if (strcmp(program->coupon_types[i].name, name) == 0)
			return &program->coupon_types[i];
	}
	return NULL;
}

const Draw *
loyalty_draw_lookup(const Program *program, const char *name)
{
	for (int i = 0; i < program->draw_count; i++)
	{
		if (strcmp(program->draws[i].name, name) == 0)
			return &program->draws[i];
	}
	return NULL;
}

bool
loyalty_badge_is_known(const Program *program, const char *name)
{
	for (int i = 0; i < program->badge_count; i++)
	{
		if (strcmp(program->badges[i], name) == 0)
			return true;
	}
	return false;
}
