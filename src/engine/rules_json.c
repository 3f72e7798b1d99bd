/*
 * rules_json.c
 *		Writing jsonb, key by key.
 */
#include "postgres.h"

#include "engine/rules_json.h"
#include "engine/rules_work.h"

#define INITIAL_MEMBERS 8

/* An object or array that is not yet ended. */
typedef struct JsonFrame
{
	JsonbPair  *pairs;			/* of an object; NULL = an array */
	JsonbValue *elements;
	int			count;
	int			capacity;
	bool		unsorted;
	struct JsonFrame *outer;
} JsonFrame;

struct JsonWriter
{
	JsonFrame  *frame;			/* the innermost */
	JsonbValue	root;
};

static void
begin(JsonWriter *writer, bool object)
{
	JsonFrame  *frame = palloc0(sizeof(JsonFrame));

	frame->capacity = INITIAL_MEMBERS;
	if (object)
		frame->pairs = palloc(sizeof(JsonbPair) * frame->capacity);
	else
		frame->elements = palloc(sizeof(JsonbValue) * frame->capacity);
	frame->outer = writer->frame;
	writer->frame = frame;
}

static void
reserve(JsonFrame *frame)
{
	if (frame->count < frame->capacity)
		return;
	frame->capacity *= 2;
	if (frame->pairs != NULL)
		frame->pairs = repalloc(frame->pairs, sizeof(JsonbPair) * frame->capacity);
	else
		frame->elements = repalloc(frame->elements, sizeof(JsonbValue) * frame->capacity);
}

/* In the order of jsonb; of equal ones that which came later first. */
static int
compare_pairs(const void *a, const void *b)
{
	const JsonbPair *x = a;
	const JsonbPair *y = b;
	int			order = x->key.val.string.len - y->key.val.string.len;

	if (order == 0)
		order = memcmp(x->key.val.string.val, y->key.val.string.val, x->key.val.string.len);
	return order != 0 ? order : (x->order < y->order) - (x->order > y->order);
}

static bool
same_key(const JsonbPair *a, const JsonbPair *b)
{
	return a->key.val.string.len == b->key.val.string.len &&
		memcmp(a->key.val.string.val, b->key.val.string.val, a->key.val.string.len) == 0;
}

static void
sort_pairs(JsonFrame *frame)
{
	int			kept = 0;

	qsort(frame->pairs, frame->count, sizeof(JsonbPair), compare_pairs);
	for (int i = 0; i < frame->count; i++)
	{
		if (kept == 0 || !same_key(&frame->pairs[kept - 1], &frame->pairs[i]))
			frame->pairs[kept++] = frame->pairs[i];
	}
	frame->count = kept;
}

static void
add_key(JsonFrame *frame, const char *key, int length)
{
	JsonbPair  *pair;

	reserve(frame);
	pair = &frame->pairs[frame->count];
	pair->key.type = jbvString;
	pair->key.val.string.val = unconstify(char *, key);
	pair->key.val.string.len = length;
	pair->order = frame->count++;
	if (frame->count > 1 && compare_pairs(pair - 1, pair) >= 0)
		frame->unsorted = true;
}

/* Where the next value goes. */
static JsonbValue *
next_value(JsonWriter *writer, const char *key)
{
	JsonFrame  *frame = writer->frame;

	if (key != NULL)
		add_key(frame, key, strlen(key));
	if (frame->pairs != NULL)
		return &frame->pairs[frame->count - 1].value;
	reserve(frame);
	return &frame->elements[frame->count++];
}

/* Ends the innermost object or array, which becomes *value. */
static void
end(JsonWriter *writer, JsonbValue *value)
{
	JsonFrame  *frame = writer->frame;

	if (frame->unsorted)
		sort_pairs(frame);
	if (frame->pairs != NULL)
	{
		value->type = jbvObject;
		value->val.object.pairs = frame->pairs;
		value->val.object.nPairs = frame->count;
	}
	else
	{
		value->type = jbvArray;
		value->val.array.elems = frame->elements;
		value->val.array.nElems = frame->count;
		value->val.array.rawScalar = false;
	}
}

static JsonWriter *
open_writer(bool object)
{
	JsonWriter *writer = palloc0(sizeof(JsonWriter));

	begin(writer, object);
	return writer;
}

JsonWriter *
loyalty_json_object(void)
{
	return open_writer(true);
}

const Jsonb *
loyalty_json_empty(void)
{
	static Jsonb empty = {.root = {.header = JB_FOBJECT}};

	SET_VARSIZE(&empty, sizeof(Jsonb));
	return &empty;
}

JsonWriter *
loyalty_json_array(void)
{
	return open_writer(false);
}

Jsonb *
loyalty_json_finish(JsonWriter *writer)
{
	Assert(writer->frame->outer == NULL);
	end(writer, &writer->root);
	return JsonbValueToJsonb(&writer->root);
}

void
loyalty_json_key(JsonWriter *writer, const char *key)
{
	add_key(writer->frame, key, strlen(key));
}

void
loyalty_json_begin_object(JsonWriter *writer)
{
	begin(writer, true);
}

void
loyalty_json_begin_array(JsonWriter *writer)
{
	begin(writer, false);
}

void
loyalty_json_end(JsonWriter *writer)
{
	JsonbValue	value;

	end(writer, &value);
	writer->frame = writer->frame->outer;
	*next_value(writer, NULL) = value;
}

void
loyalty_json_number(JsonWriter *writer, const char *key, Numeric number)
{
	JsonbValue *value = next_value(writer, key);

	value->type = jbvNumeric;
	value->val.numeric = number;
}

void
loyalty_json_integer(JsonWriter *writer, const char *key, int64 number)
{
	loyalty_json_number(writer, key, loyalty_number_of(number));
}

void
loyalty_json_text(JsonWriter *writer, const char *key, const char *text)
{
	JsonbValue *value = next_value(writer, key);

	value->type = jbvString;
	value->val.string.val = pstrdup(text);
	value->val.string.len = strlen(text);
}

void
loyalty_json_bool(JsonWriter *writer, const char *key, bool boolean)
{
	JsonbValue *value = next_value(writer, key);

	value->type = jbvBool;
	value->val.boolean = boolean;
}

void
loyalty_json_null(JsonWriter *writer, const char *key)
{
	next_value(writer, key)->type = jbvNull;
}

/* What is stored as it is on disk is taken apart: jsonb is built of values. */
static void
unpack(JsonWriter *writer, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_BEGIN_OBJECT:
			case WJB_BEGIN_ARRAY:
				begin(writer, token == WJB_BEGIN_OBJECT);
				break;
			case WJB_END_OBJECT:
			case WJB_END_ARRAY:
				loyalty_json_end(writer);
				break;
			case WJB_KEY:
				add_key(writer->frame, value.val.string.val, value.val.string.len);
				break;
			case WJB_VALUE:
			case WJB_ELEM:
				*next_value(writer, NULL) = value;
				break;
			case WJB_DONE:
				break;
		}
	}
}

void
loyalty_json_value(JsonWriter *writer, const char *key, const JsonbValue *value)
{
	if (key != NULL)
		loyalty_json_key(writer, key);
	if (value->type == jbvBinary)
		unpack(writer, value->val.binary.data);
	else
		*next_value(writer, NULL) = *value;
}

void
loyalty_json_member(JsonWriter *writer, const JsonbValue *key, const JsonbValue *value)
{
	add_key(writer->frame, key->val.string.val, key->val.string.len);
	loyalty_json_value(writer, NULL, value);
}

JsonWriter *
loyalty_json_reopen(const Jsonb *object)
{
	JsonWriter *writer = loyalty_json_object();
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;

	if (object == NULL)
		return writer;
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	JsonbIteratorNext(&iterator, &key, true);	/* the object itself */
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		JsonbIteratorNext(&iterator, &value, true);
		loyalty_json_member(writer, &key, &value);
	}
	return writer;
}

void
loyalty_json_document(JsonWriter *writer, const char *key, const Jsonb *document)
{
	if (key != NULL)
		loyalty_json_key(writer, key);
	unpack(writer, unconstify(JsonbContainer *, &document->root));
}
