/*
 * member_state.h
 *		What the engine works on: a member, the entries of its ledger, its holds.
 *
 * An operation of the engine is a pure function on these: it changes the
 * MemberState and appends Entry drafts; the ledger floor writes both.
 * The law of every entry:
 *		points = change of wallet + change of held - change of debt
 * and after every operation debt > 0 only if the wallet is empty.
 */
#ifndef LOYALTY_MEMBER_STATE_H
#define LOYALTY_MEMBER_STATE_H

#include "nodes/pg_list.h"
#include "config/config.h"

#define LOYALTY_HASH_LENGTH 32

typedef enum MemberStatus
{
	STATUS_ACTIVE = 'a',
	STATUS_EARN_BLOCKED = 'e',
	STATUS_SPEND_BLOCKED = 's',
	STATUS_FROZEN = 'f',
	STATUS_CLOSED = 'c'
} MemberStatus;

typedef enum EntryKind
{
	ENTRY_EARN = 'e',			/* lots granted by hand */
	ENTRY_EVENT = 'v',			/* lots granted by rules: first grant or addition */
	ENTRY_CORRECTION = 'c',		/* settle took points of its own grants back */
	ENTRY_CLAW_BACK = 'b',		/* an operator took a grant back */
	ENTRY_REDEEM = 'r',			/* lots spent */
	ENTRY_HOLD = 'h',			/* lots moved from wallet to hold: 0 points */
	ENTRY_CAPTURE = 'p',		/* held lots spent, the rest returned */
	ENTRY_RELEASE = 'l',		/* held lots returned: 0 points */
	ENTRY_RESTORE = 's',		/* spent lots given back */
	ENTRY_TRANSFER_OUT = 'o',
	ENTRY_TRANSFER_IN = 'i',
	ENTRY_ADJUST = 'a',
	ENTRY_LAPSE = 'x',			/* what the clock took; dated at its moment */
	ENTRY_GIFT = 'g',			/* gift of a tier, tied to the entry that reached it */
	ENTRY_STATUS = 't',			/* status change; on closing, what was forfeited */
	ENTRY_REFUSED = 'n',		/* an order's event that was refused: 0 points, reason */
	ENTRY_SUBSCRIBE = 'm',		/* a paid plan, for a period: 0 points */
	ENTRY_UNSUBSCRIBE = 'q',	/* what was left of it cancelled: 0 points */
	ENTRY_TIER = 'd',			/* a tier granted or revoked by hand: 0 points, reason */
	ENTRY_BENEFIT = 'u',		/* units of a benefit used: 0 points */
	ENTRY_COUPON = 'k',			/* a coupon used: 0 points */
	ENTRY_OPENING = 'z'			/* lots or debt brought from another system */
} EntryKind;

/* One row of the ledger, read back or about to be written. */
typedef struct Entry
{
	int64		entry_id;
	EntryKind	kind;
	TimestampTz at;				/* business time */
	TimestampTz recorded_at;
	int64		points;			/* signed change of what the member owns */
	int64		growth;			/* signed */
	int64		debt;			/* signed change of the debt */
	int64		balance;		/* spendable - debt after it */
	int64		reverses;		/* entry it takes back or gives back; 0 = none */
	int64		counterpart;	/* member on the other side of a transfer; 0 */
	int64		waived;			/* forgiven by shortfall; negative: a waiver cancelled */
	int64		lapsed;			/* had lapsed and counted as taken */
	int32		event_id;		/* 0 = none */
	int32		actor_id;
	SpendOrder	spend_order;	/* of what it took; 0 where nothing was taken */
	int16		generation;		/* numbers the entries of one (ref, kind, event) */
	int64		request_digest; /* of the call's content, for replays; 0 = none */
	int64		detail_digest;	/* of ref, reason and attributes, salted; 0 = none */
	LotList		lots;			/* the slice that moved */
	const char *ref;			/* NULL = none */
	const char *operation_ref;	/* restore_ref or claw_ref; NULL = none */
	const char *point_kind;
	const char *partner;
	Numeric		unit_cost;
	const char *reason;
	const Jsonb *breakdown;
	const Jsonb *attributes;
	uint8		hash[LOYALTY_HASH_LENGTH];
} Entry;

/* Lots taken aside at checkout. */
typedef struct Hold
{
	int64		entry_id;		/* the entry that took them */
	const char *ref;
	TimestampTz until;			/* void from here on */
	LotList		lots;
	int64		points;
	bool		ended;			/* captured or released by this operation */
	bool		stored;			/* was there before this operation */
} Hold;

/* How the present status period of the earned tier began. */
typedef enum StatusPhase
{
	PHASE_REACHED = 'r',		/* growth reached the tier in it: a refund may end it */
	PHASE_KEPT = 'k',			/* it was kept at the end of the one before */
	PHASE_FALLEN = 'f',			/* a higher one was not, at the end of the one before */
	PHASE_GRACE = 'g'			/* it is over, the tier not kept, earned_until ends the grace */
} StatusPhase;

/* A tier held by hand or voucher, whatever growth says. */
typedef struct TierGrant
{
	int64		entry_id;		/* the entry that granted it */
	int32		tier_id;
	const char *kind;			/* manual, voucher */
	TimestampTz since;
	TimestampTz until;
	bool		stored;			/* was there before this operation */
	bool		changed;		/* its end was moved by this operation */
} TierGrant;

/* Who invited the member, and which of its events completed the invitation. */
typedef struct Referral
{
	bool		known;			/* what follows was looked up */
	bool		invited;
	bool		stored;			/* was there before this operation */
	bool		changed;		/* by this operation */
	bool		due;			/* the inviter's part has yet to follow */
	int64		inviter_id;
	int64		entry_id;		/* of the event `invited` */
	TimestampTz invited_at;
	TimestampTz qualified_at;	/* DT_NOBEGIN = not complete */
	int64		qualified_entry;
	const char *qualified_ref;	/* NULL = the event had none */
} Referral;

/* Rows beside the member's own that came with it; of the ledger floor. */
typedef struct RecentRows RecentRows;

typedef struct MemberState
{
	int64		member_id;
	int32		program_id;
	MemberStatus status;
	LotList		points;			/* spendable, pending, and lapsed but not posted */
	LotList		growth;			/* never spent; sources dropped */
	int64		debt;			/* > 0 only if points is empty */
	int64		held;			/* points in open holds */
	int32		tier_id;		/* in force: the highest of earned and granted; 0 = none */
	TimestampTz tier_until;		/* when the clock next decides about tiers; DT_NOEND */
	int32		earned_tier_id; /* by growth; 0 = none */
	TimestampTz earned_since;	/* start of its status period */
	TimestampTz earned_until;	/* end of it, or of the grace that follows */
	int64		earned_growth;	/* gained since earned_since */
	StatusPhase earned_phase;
	bool		has_grants;		/* grants that may not be over */
	List	   *grants;			/* of TierGrant; loaded where has_grants */
	int64		last_entry;		/* 0 = none yet */
	TimestampTz last_at;		/* latest `at` of its entries; DT_NOBEGIN */
	TimestampTz enrolled_at;
	TimestampTz maintain_at;	/* never later than the next thing the clock does */
	int64		salt;			/* of the erasable digests */
	int64		key_digest;		/* of ref; begins the hash chain */
	uint8		chain_head[LOYALTY_HASH_LENGTH];
	const char *ref;			/* the caller's key */
	const Jsonb *attributes;
	RecentRows *recent;
	List	   *holds;			/* of Hold; loaded where held > 0 or asked for */
	List	   *subscriptions;	/* of Subscription; loaded where asked for */
	bool		knows_subscriptions;
	Referral	referral;
	List	   *tasks;			/* of TaskCount: changed by this operation */
	List	   *badges;			/* of MemberBadge; loaded where asked for */
	bool		knows_badges;
	List	   *contests;		/* of ContestPlayer; loaded where asked for */
	bool		knows_contests;
	List	   *contest_marks;	/* of ContestMark: changed by this operation */
	List	   *effects;		/* of EffectChange: by this operation, in order */
} MemberState;

/* The words users see for them. */
extern const char *loyalty_status_name(MemberStatus status);
extern bool loyalty_status_parse(const char *name, MemberStatus *status);

#endif							/* LOYALTY_MEMBER_STATE_H */
