/*
 * rules_json.h
 *		Writing jsonb objects, key by key.
 */
#ifndef LOYALTY_RULES_JSON_H
#define LOYALTY_RULES_JSON_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"

static inline void
loyalty_json_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

/* `key` may be NULL: an element of an array. */
static inline void
loyalty_json_value(JsonbParseState **state, const char *key, JsonbValue *value)
{
	if (key != NULL)
		loyalty_json_key(state, key);
	pushJsonbValue(state, key != NULL ? WJB_VALUE : WJB_ELEM, value);
}

static inline void
loyalty_json_number(JsonbParseState **state, const char *key, Numeric number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = number;
	loyalty_json_value(state, key, &value);
}

static inline void
loyalty_json_integer(JsonbParseState **state, const char *key, int64 number)
{
	loyalty_json_number(state, key, int64_to_numeric(number));
}

static inline void
loyalty_json_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = pstrdup(text);
	value.val.string.len = strlen(text);
	loyalty_json_value(state, key, &value);
}

static inline void
loyalty_json_bool(JsonbParseState **state, const char *key, bool boolean)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = boolean;
	loyalty_json_value(state, key, &value);
}

static inline void
loyalty_json_null(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvNull;
	loyalty_json_value(state, key, &value);
}

/* A whole document, which must be an object or an array. */
static inline void
loyalty_json_document(JsonbParseState **state, const char *key, const Jsonb *document)
{
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = unconstify(JsonbContainer *, &document->root);
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	loyalty_json_value(state, key, &value);
}

/* Begins an object with the members of another; NULL = it has none. */
static inline void
loyalty_json_reopen(JsonbParseState **state, const Jsonb *document)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (document == NULL)
		return;
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &document->root));
	JsonbIteratorNext(&iterator, &value, true); /* the object itself */
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY ||
		   token == WJB_VALUE)
		pushJsonbValue(state, token, &value);
}

#endif							/* LOYALTY_RULES_JSON_H */
