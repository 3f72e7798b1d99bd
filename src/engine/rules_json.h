/*
 * rules_json.h
 *		Writing jsonb, key by key.
 *
 * A writer gathers the whole document and makes jsonb of it at once.  Keys may
 * come in any order, and of a key that comes twice the last value stays; in the
 * order in which jsonb keeps them, by length and then by bytes, they need no
 * sorting.  Keys, numbers and what is taken from other jsonb are pointed to until
 * then, and must stay; texts are copied.
 */
#ifndef LOYALTY_RULES_JSON_H
#define LOYALTY_RULES_JSON_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

typedef struct JsonWriter JsonWriter;

/* A document that is an object or an array; allocated where the caller is. */
extern JsonWriter *loyalty_json_object(void);
extern JsonWriter *loyalty_json_array(void);

/* An object that begins with the members of another; NULL = it has none. */
extern JsonWriter *loyalty_json_reopen(const Jsonb *object);

/* An object without members; shared. */
extern const Jsonb *loyalty_json_empty(void);

/* Ends it. */
extern Jsonb *loyalty_json_finish(JsonWriter *writer);

/* The key of what follows, in an object. */
extern void loyalty_json_key(JsonWriter *writer, const char *key);

/* An object or array within, behind its key or as an element. */
extern void loyalty_json_begin_object(JsonWriter *writer);
extern void loyalty_json_begin_array(JsonWriter *writer);
extern void loyalty_json_end(JsonWriter *writer);

/* Values; `key` NULL: an element of an array, or the key was given. */
extern void loyalty_json_value(JsonWriter *writer, const char *key, const JsonbValue *value);
extern void loyalty_json_number(JsonWriter *writer, const char *key, Numeric number);
extern void loyalty_json_integer(JsonWriter *writer, const char *key, int64 number);
extern void loyalty_json_text(JsonWriter *writer, const char *key, const char *text);
extern void loyalty_json_bool(JsonWriter *writer, const char *key, bool boolean);
extern void loyalty_json_null(JsonWriter *writer, const char *key);

/* A member of an object, as it was read from one. */
extern void loyalty_json_member(JsonWriter *writer, const JsonbValue *key,
								const JsonbValue *value);

/* A whole document, which must be an object or an array. */
extern void loyalty_json_document(JsonWriter *writer, const char *key, const Jsonb *document);

#endif							/* LOYALTY_RULES_JSON_H */
