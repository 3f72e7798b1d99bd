/*
 * order_members.c
 *		The members that a statement's rows name, each once.
 *
 * Held in memory: some hundred bytes for each member, however many rows it has.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/call.h"
#include "ledger/member_set.h"
#include "triggers/order_batch.h"

#define SH_PREFIX names
#define SH_ELEMENT_TYPE OrderMember
#define SH_KEY_TYPE char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) ((element)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Members enrolled by one INSERT. */
#define ENROLL_CHUNK 10000

struct OrderMembers
{
	names_hash *names;
	MemoryContext context;
};

OrderMembers *
loyalty_order_members(void)
{
	OrderMembers *members = palloc(sizeof(OrderMembers));

	members->context = CurrentMemoryContext;
	members->names = names_create(CurrentMemoryContext, 16, NULL);
	return members;
}

void
loyalty_order_members_add(OrderMembers *members, const char *name)
{
	bool		found;
	OrderMember *member = names_insert(members->names, unconstify(char *, name), &found);

	if (found)
		return;
	member->name = MemoryContextStrdup(members->context, name);
	member->wanted = false;
	member->enrolled = false;
	member->since = DT_NOEND;
	member->member_id = 0;
}

OrderMember *
loyalty_order_members_lookup(OrderMembers *members, const char *name)
{
	return names_lookup(members->names, unconstify(char *, name));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp((*(OrderMember *const *) a)->name, (*(OrderMember *const *) b)->name);
}

static int
compare_ids(const void *a, const void *b)
{
	int64		first = (*(OrderMember *const *) a)->member_id;
	int64		second = (*(OrderMember *const *) b)->member_id;

	return first < second ? -1 : first > second;
}

/* All members in COLLATE "C" order; only unknown wanted ones, if asked for. */
static OrderMember **
sorted_names(OrderMembers *members, bool to_enroll, int *count)
{
	OrderMember **list = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(OrderMember *) *
												Max(members->names->members, 1));
	names_iterator iterator;
	OrderMember *member;

	*count = 0;
	names_start_iterate(members->names, &iterator);
	while ((member = names_iterate(members->names, &iterator)) != NULL)
	{
		if (!to_enroll || (member->member_id == 0 && member->wanted))
			list[(*count)++] = member;
	}
	qsort(list, *count, sizeof(OrderMember *), compare_names);
	return list;
}

static void
find_ids(OrderMember **list, int count, const Program *program)
{
	const char **refs = palloc(sizeof(char *) * Min(count, ENROLL_CHUNK));
	int64	   *ids = palloc(sizeof(int64) * Min(count, ENROLL_CHUNK));

	for (int done = 0; done < count; done += ENROLL_CHUNK)
	{
		int			chunk = Min(count - done, ENROLL_CHUNK);

		for (int i = 0; i < chunk; i++)
			refs[i] = list[done + i]->name;
		loyalty_members_find(program, refs, ids, chunk);
		for (int i = 0; i < chunk; i++)
			list[done + i]->member_id = ids[i];
	}
	pfree(refs);
	pfree(ids);
}

bool
loyalty_order_members_find(OrderMembers *members, const Program *program)
{
	int			count;
	OrderMember **list = sorted_names(members, false, &count);
	bool		unknown = false;

	if (count > 0)
		find_ids(list, count, program);
	for (int i = 0; i < count; i++)
		unknown |= list[i]->member_id == 0;
	pfree(list);
	return unknown;
}

void
loyalty_order_members_enroll(OrderMembers *members, const Program *program)
{
	int			count;
	OrderMember **list = sorted_names(members, true, &count);
	NewMember  *newcomers = palloc(sizeof(NewMember) * ENROLL_CHUNK);
	int64	   *ids = palloc(sizeof(int64) * ENROLL_CHUNK);

	for (int done = 0; done < count; done += ENROLL_CHUNK)
	{
		int			chunk = Min(count - done, ENROLL_CHUNK);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < chunk; i++)
		{
			newcomers[i].ref = list[done + i]->name;
			newcomers[i].at = list[done + i]->since;
			newcomers[i].attributes = NULL;
		}
		loyalty_members_insert(program, newcomers, ids, chunk);
		for (int i = 0; i < chunk; i++)
		{
			OrderMember *member = list[done + i];

			member->enrolled = ids[i] != 0;
			member->member_id = ids[i];
			/* somebody else enrolled it while we were about to */
			if (ids[i] == 0)
				find_ids(&member, 1, program);
			if (member->member_id == 0)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent update"),
						 errdetail("Another transaction has just enrolled member \"%s\".",
								   member->name)));
		}
	}
	pfree(list);
	pfree(newcomers);
	pfree(ids);
}

OrderMember **
loyalty_order_members_by_id(OrderMembers *members, int *count)
{
	OrderMember **list = sorted_names(members, false, count);

	qsort(list, *count, sizeof(OrderMember *), compare_ids);
	return list;
}
