/*
 * chain.h
 *		The hash chain of a member's entries and the digests it covers.
 */
#ifndef LOYALTY_CHAIN_H
#define LOYALTY_CHAIN_H

#include "engine/member_state.h"

/* Salted digest of the member's key, which may be erased with the salt. */
extern int64 loyalty_chain_key_digest(int64 salt, const char *member_ref);

/* Where a member's chain begins: its program and the digest of its key. */
extern void loyalty_chain_seed(int32 program_id, int64 key_digest, uint8 *hash);

/* Salted digest of what may be erased: ref, operation_ref, reason, attributes. */
extern int64 loyalty_chain_detail_digest(int64 salt, const Entry *entry);

/*
 * hash := SHA-256(previous hash, the entry's figures, its detail digest).
 * `lots` are the entry's lots packed, NULL if it has none.
 */
extern void loyalty_chain_hash(const uint8 *previous, int64 member_id, const Entry *entry,
							   const PointWallet *lots, uint8 *hash);

#endif							/* LOYALTY_CHAIN_H */
