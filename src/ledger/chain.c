/*
 * chain.c
 *		The hash chain of a member's entries and the digests it covers.
 *
 * Every figure of an entry goes into its hash together with the hash of the
 * member's previous entry (before the first: a hash of its program and key), so
 * that changing, removing or inserting an entry breaks the chain from there on,
 * and members cannot change places.  What a member
 * may ask to have erased goes in as a salted digest only.
 *
 * Numbers are hashed as 8 bytes in network order, texts with their length, lots
 * as their packed bytes (a canonical form; a new packed format must keep
 * hashing the bytes of format 1).  `xid` is left out: it says nothing of points.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "ledger/chain.h"

static void
put_number(StringInfo buffer, int64 number)
{
	uint64		bytes = pg_hton64((uint64) number);

	appendBinaryStringInfo(buffer, (char *) &bytes, sizeof(bytes));
}

static void
put_bytes(StringInfo buffer, const void *bytes, int length)
{
	put_number(buffer, length);
	appendBinaryStringInfo(buffer, bytes, length);
}

/* A length of -1 tells a missing text from an empty one. */
static void
put_text(StringInfo buffer, const char *text)
{
	if (text == NULL)
		put_number(buffer, -1);
	else
		put_bytes(buffer, text, strlen(text));
}

static void
put_varlena(StringInfo buffer, const void *value)
{
	if (value == NULL)
		put_number(buffer, -1);
	else
		put_bytes(buffer, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/*
 * The one context of the session.  A resource owner of its own holds it where
 * OpenSSL hashes, since that of a transaction would take it away; without
 * OpenSSL it is memory, which has to live as long.
 */
static pg_cryptohash_ctx *
sha256_context(void)
{
	static pg_cryptohash_ctx *context = NULL;

	if (context == NULL)
	{
		ResourceOwner current = CurrentResourceOwner;
		MemoryContext caller = MemoryContextSwitchTo(CacheMemoryContext);

		CurrentResourceOwner = ResourceOwnerCreate(NULL, "loyalty hash chain");
		PG_TRY();
		{
			context = pg_cryptohash_create(PG_SHA256);
		}
		PG_FINALLY();
		{
			CurrentResourceOwner = current;
			MemoryContextSwitchTo(caller);
		}
		PG_END_TRY();
	}
	return context;
}

static void
sha256(const StringInfo buffer, uint8 *hash)
{
	pg_cryptohash_ctx *context = sha256_context();

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) buffer->data, buffer->len) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
}

/* The first 8 bytes of a hash; enough to tell what was changed. */
static int64
short_digest(const StringInfo buffer)
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	uint64		digest;

	sha256(buffer, hash);
	memcpy(&digest, hash, sizeof(digest));
	return (int64) pg_ntoh64(digest);
}

int64
loyalty_chain_key_digest(int64 salt, const char *member_ref)
{
	StringInfoData buffer;
	int64		digest;

	initStringInfo(&buffer);
	put_number(&buffer, salt);
	put_text(&buffer, member_ref);
	digest = short_digest(&buffer);
	pfree(buffer.data);
	return digest;
}

void
loyalty_chain_seed(int32 program_id, int64 key_digest, uint8 *hash)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	put_number(&buffer, program_id);
	put_number(&buffer, key_digest);
	sha256(&buffer, hash);
	pfree(buffer.data);
}

int64
loyalty_chain_detail_digest(int64 salt, const Entry *entry)
{
	StringInfoData buffer;
	int64		digest;

	if (entry->ref == NULL && entry->operation_ref == NULL && entry->reason == NULL &&
		entry->attributes == NULL)
		return 0;

	initStringInfo(&buffer);
	put_number(&buffer, salt);
	put_text(&buffer, entry->ref);
	put_text(&buffer, entry->operation_ref);
	put_text(&buffer, entry->reason);
	put_varlena(&buffer, entry->attributes);
	digest = short_digest(&buffer);
	pfree(buffer.data);
	return digest;
}

void
loyalty_chain_hash(const uint8 *previous, int64 member_id, const Entry *entry,
				   const PointWallet *lots, uint8 *hash)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, (const char *) previous, LOYALTY_HASH_LENGTH);
	put_number(&buffer, member_id);
	put_number(&buffer, entry->entry_id);
	put_number(&buffer, entry->kind);
	put_number(&buffer, entry->at);
	put_number(&buffer, entry->recorded_at);
	put_number(&buffer, entry->points);
	put_number(&buffer, entry->growth);
	put_number(&buffer, entry->debt);
	put_number(&buffer, entry->balance);
	put_number(&buffer, entry->reverses);
	put_number(&buffer, entry->counterpart);
	put_number(&buffer, entry->waived);
	put_number(&buffer, entry->lapsed);
	put_number(&buffer, entry->event_id);
	put_number(&buffer, entry->actor_id);
	put_number(&buffer, entry->spend_order);
	put_number(&buffer, entry->generation);
	put_number(&buffer, entry->request_digest);
	put_number(&buffer, entry->detail_digest);
	put_varlena(&buffer, lots);
	put_text(&buffer, entry->point_kind);
	put_text(&buffer, entry->partner);
	put_text(&buffer, entry->unit_cost == NULL ? NULL :
			 DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(entry->unit_cost))));
	put_varlena(&buffer, entry->breakdown);
	sha256(&buffer, hash);
	pfree(buffer.data);
}
