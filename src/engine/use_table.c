/*
 * use_table.c
 *		Uses of limits, each rule, period and key once.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "engine/use_table.h"

/* Fewer than this are compared with each other faster than hashed. */
#define FEW_USES 32

typedef struct HashedUse
{
	RuleUse    *use;
	uint32		hash;
	char		status;
} HashedUse;

static bool
same_count(const RuleUse *a, const RuleUse *b)
{
	return a->rule_id == b->rule_id && a->per == b->per && a->since == b->since &&
		strcmp(a->key, b->key) == 0;
}

static uint32
hash_use(const RuleUse *use)
{
	uint32		hash = hash_bytes((const unsigned char *) use->key, strlen(use->key));

	hash = hash_combine(hash, hash_uint32(use->rule_id));
	hash = hash_combine(hash, hash_uint32(use->since));
	return hash_combine(hash, hash_uint32(use->per));
}

#define SH_PREFIX use
#define SH_ELEMENT_TYPE HashedUse
#define SH_KEY_TYPE RuleUse *
#define SH_KEY use
#define SH_HASH_KEY(table, key) hash_use(key)
#define SH_EQUAL(table, a, b) same_count(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) (element)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

RuleUse *
loyalty_use_find(const UseTable *table, const RuleUse *use)
{
	if (table->hash != NULL)
	{
		HashedUse  *hashed = use_lookup(table->hash, unconstify(RuleUse *, use));

		return hashed == NULL ? NULL : hashed->use;
	}
	for (int i = 0; i < table->count; i++)
	{
		if (same_count(table->uses[i], use))
			return table->uses[i];
	}
	return NULL;
}

static void
hash_all(UseTable *table)
{
	bool		found;

	table->hash = use_create(CurrentMemoryContext, FEW_USES * 4, NULL);
	for (int i = 0; i < table->count; i++)
		(void) use_insert(table->hash, table->uses[i], &found);
}

void
loyalty_use_add(UseTable *table, RuleUse *use)
{
	bool		found;

	if (table->count == table->size)
	{
		table->size = Max(table->size * 2, 8);
		table->uses = table->uses == NULL ? palloc(sizeof(RuleUse *) * table->size) :
			repalloc_huge(table->uses, sizeof(RuleUse *) * table->size);
	}
	table->uses[table->count++] = use;
	if (table->hash != NULL)
		(void) use_insert(table->hash, use, &found);
	else if (table->count == FEW_USES)
		hash_all(table);
}
