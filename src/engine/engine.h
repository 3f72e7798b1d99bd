/*
 * engine.h
 *		Operations on one member: pure functions of (member, program, request).
 *
 * An operation works on an Engine: it changes engine->member and appends
 * entries.  It reads nothing but its arguments and, where a reversal must know
 * what was granted or spent, the member's earlier entries through an
 * EngineSource.  Nobody below the api floor reads a clock.
 *
 * Every entry obeys
 *		points = change of wallet + change of held - change of debt,
 * which closing an entry checks, and debt > 0 only with an empty wallet.
 */
#ifndef LOYALTY_ENGINE_H
#define LOYALTY_ENGINE_H

#include "engine/member_state.h"
#include "engine/rules.h"

typedef struct EventHistory EventHistory;	/* engine/usage.h */
typedef struct MemberStreak MemberStreak;	/* engine/member_streak.h */

struct TaskCount;
struct ContestMark;

/* The member's past and the ids of its future, as the ledger floor knows them. */
typedef struct EngineSource
{
	void	   *arg;
	int64		(*next_entry_id) (void *arg);

	/* One entry of this member by id; NULL if it has none of that id. */
	Entry	   *(*entry) (void *arg, int64 entry_id);

	/* Every entry of this member that carries the ref, by id. */
	List	   *(*story) (void *arg, const char *ref);

	/* Entries of this member after entry_id whose kind is in `kinds`, by id. */
	List	   *(*since) (void *arg, int64 entry_id, const char *kinds);

	/* Sets the amount of a count of a task, if there is one (task.h). */
	void		(*task_count) (void *arg, struct TaskCount *count);

	/* The member's badges, of MemberBadge (task.h). */
	List	   *(*badges) (void *arg);

	/* The rules of whose effects by the event of that first entry some were used, by id. */
	List	   *(*used_by_rules) (void *arg, int64 entry_id);

	/* The teams in which the member plays, of ContestPlayer (contest.h). */
	List	   *(*contests) (void *arg);

	/* Sets what is stored of a mark, if it is. */
	void		(*contest_mark) (void *arg, struct ContestMark *mark);

	/* Who invited the member, if anybody did. */
	void		(*referral) (void *arg, Referral *referral);

	/* Gift that stands for the tier at `at`, 0 if none; *cause: what reached it. */
	int64		(*standing_gift) (void *arg, int32 tier_id, TimestampTz at, int64 *cause);

	/* All subscriptions of this member, of Subscription (membership.h). */
	List	   *(*subscriptions) (void *arg);

	/* Adds what is stored of the member's use to each of the uses. */
	void		(*usage) (void *arg, RuleUse *uses, int count);

	/*
	 * Takes up to `points` from a rule's budget; returns how many it got.  Of 0
	 * points it locks all of the budget.
	 */
	int64		(*take_budget) (void *arg, int32 rule_id, int64 points);

	/* The history of an event as it was stored last; false if it never was. */
	bool		(*history) (void *arg, int32 event_id, EventHistory *history);

	/* Fills in the stored calendar of streak->event_id, by streak->unit. */
	void		(*streak) (void *arg, MemberStreak *streak);
} EngineSource;

/* A gift given (taken_back = 0) or taken back by this operation. */
typedef struct GiftChange
{
	int32		tier_id;
	int64		entry_id;		/* the gift */
	int64		cause;			/* entry that reached the tier */
	int64		taken_back;		/* entry that took it back; 0 = given */
	TimestampTz cycle_until;	/* no second gift before */
} GiftChange;

/* The tier in force became another one. */
typedef struct TierMove
{
	TimestampTz since;
	int32		tier_id;		/* 0 = none */
	int64		entry_id;		/* that moved it; 0 = none did */
	bool		by_clock;		/* at its moment, not at its recording */
} TierMove;

typedef struct Engine
{
	const Program *program;
	const EngineSource *source;
	MemberState *member;
	TimestampTz at;				/* business time of the operation */
	TimestampTz recorded_at;	/* wall clock of the operation */
	int64		stored_entries; /* id of the last entry that is stored; 0 = none */
	const char *known_ref;		/* a ref whose stored story was read; NULL = none */
	List	   *known_story;	/* that story, of Entry */
	List	   *entries;		/* of Entry added by this operation, by id */
	List	   *gifts;			/* of GiftChange */
	List	   *uses;			/* of RuleUse: changes by this operation */
	List	   *histories;		/* of EventHistory: the last of an event counts */
	List	   *reservations;	/* of Reservation: of budgets, needed or not */
	bool		tier_moved;		/* what the member knows of its tiers changed */
	bool		tier_decided;	/* not by the clock alone */
	bool		tier_known;		/* shown_tier is set */
	int32		shown_tier;		/* in force by the clock, as recorded so far */
	int64		tier_entry;		/* entry that moved it, 0 if none did */
	List	   *tier_moves;		/* of TierMove, by time */
	List	   *streaks;		/* of MemberStreak: those that were asked for */
	List	   *streak_marks;	/* periods marked by this operation, in order */
	bool		row_lags;		/* entries were stored, the row not yet */
	bool		raise_due;		/* maintain: maintain_at may be raised */
	bool		recounted;		/* what events count for changed, with entries or without */
	LotList		late;			/* lots that came back lapsed; lapse after the open entry */
	int64		owned;			/* wallet + held - debt before the open entry */
} Engine;

/* flow.c: entries, and points coming and going */
extern Entry *loyalty_entry_open(Engine *engine, EntryKind kind, TimestampTz at);
extern void loyalty_entry_close(Engine *engine, Entry *entry);
extern int16 loyalty_entry_generation(Engine *engine, EntryKind kind, int32 event_id,
									  const char *ref);
extern void loyalty_flow_credit(Engine *engine, Entry *entry, LotList *incoming);
extern int64 loyalty_flow_cancel_debt(Engine *engine, Entry *entry, int64 points);
extern int64 loyalty_flow_take(Engine *engine, Entry *entry, int64 points);
extern void loyalty_flow_owe(Engine *engine, Entry *entry, int64 points);
extern void loyalty_flow_merge(LotList *dst, const LotList *src);
extern void loyalty_flow_add(LotList *dst, const PointLot *lot);
extern int64 loyalty_points_add(int64 a, int64 b);

/* past.c: the member's past, this operation's entries included */
extern Entry *loyalty_past_entry(const Engine *engine, int64 entry_id);
extern List *loyalty_past_story(const Engine *engine, const char *ref);
extern List *loyalty_past_of_kinds(const Engine *engine, int64 entry_id, const char *kinds);
extern List *loyalty_past_since(const Engine *engine, int64 entry_id, EntryKind kind);

/* lapse.c: what the clock has decided up to engine->at */
extern void loyalty_engine_begin(Engine *engine, TimestampTz at);
extern void loyalty_engine_advance(Engine *engine);
extern TimestampTz loyalty_engine_next_due(const MemberState *member, TimestampTz at);

/* grant.c */
extern void loyalty_engine_require_earning(const Engine *engine);
extern int64 loyalty_balance_room(const Engine *engine);
extern void loyalty_engine_require_room(const Engine *engine, int64 points);
extern Entry *loyalty_engine_earn(Engine *engine, int64 points, const char *ref,
								  TimestampTz valid_from, TimestampTz valid_until,
								  const char *reason);
extern Entry *loyalty_engine_adjust(Engine *engine, int64 points, const char *ref,
									const char *reason);
extern void loyalty_grant_validity(const Program *program, TimestampTz at,
								   TimestampTz *valid_from, TimestampTz *valid_until);
extern void loyalty_grant_place(const Engine *engine, PointLot *lot);

/* opening.c: what a member brings from another system */
typedef struct GrowthPart
{
	int64		growth;
	TimestampTz dated;
} GrowthPart;

typedef struct Opening
{
	LotList		lots;			/* without sources */
	int64		debt;			/* > 0 only without lots */
	GrowthPart *growth;
	int			growth_count;
	const Tier *tier;			/* NULL = the one that growth reaches */
} Opening;

extern Entry *loyalty_engine_open_balance(Engine *engine, const Opening *opening,
										  const char *ref);

/* settle.c: events, and making what they granted equal to what the rules say */
extern Entry *loyalty_engine_record(Engine *engine, const EventType *event,
									const EventOutcome *outcome, const char *ref,
									const Jsonb *attributes);
extern Entry *loyalty_engine_settle(Engine *engine, const EventType *event,
									const EventOutcome *outcome, const char *ref,
									const Jsonb *attributes, List *families);

/* refuse.c */
extern Entry *loyalty_engine_refuse(Engine *engine, const EventType *event, const char *ref,
									const char *reason, const Jsonb *attributes);

/* spend.c */
extern Entry *loyalty_engine_redeem(Engine *engine, int64 points, const char *ref,
									const char *reason);
extern Entry *loyalty_engine_hold(Engine *engine, int64 points, const char *ref,
								  TimestampTz until);
extern Entry *loyalty_engine_capture(Engine *engine, Hold *hold, int64 points);
extern Entry *loyalty_engine_release(Engine *engine, Hold *hold, TimestampTz at);
extern Entry *loyalty_engine_transfer_out(Engine *engine, int64 points,
										  const char *ref, int64 to_member);
extern Entry *loyalty_engine_transfer_in(Engine *engine, const Entry *out,
										 int64 from_member, const char *ref);
extern Entry *loyalty_engine_set_status(Engine *engine, MemberStatus status,
										const char *reason);

/* give_back.c: restore */
extern int64 loyalty_restore_done(List *story, const Entry *spent);
extern Entry *loyalty_engine_restore(Engine *engine, const Entry *spent, int64 points,
									 int64 offset, const char *operation_ref);

/* family.c, family_take.c: the grants of one event and what became of them */
typedef struct Family
{
	Entry	   *first;			/* the first grant */
	TimestampTz growth_at;		/* date of its growth: the event's first grant */
	List	   *entries;		/* of Entry: grants, corrections, claw-backs, by id */
	int64		granted;		/* by its grants, corrections excluded */
	int64		net;			/* granted less corrected and clawed back */
	int64		net_growth;
	int64		operator_taken; /* by claw_back, which settle leaves alone */
	int64		operator_growth;
} Family;

extern List *loyalty_family_gather(List *story, EntryKind grant_kind, int32 event_id);
/* The newest grant or correction. */
extern const Entry *loyalty_family_newest(const Family *family);
extern int64 loyalty_family_debt(const Family *family);
extern int64 loyalty_family_waived(Engine *engine, const Family *family);
extern void loyalty_family_take(Engine *engine, Entry *entry, Family *family, int64 points);
extern int64 loyalty_family_undo(Engine *engine, Entry *entry, Family *family,
								 int64 points, LotList *incoming);
extern bool loyalty_family_owns(const Family *family, const PointLot *lot);
extern Entry *loyalty_engine_claw_back(Engine *engine, Family *family, int64 points,
									   List *effects, const List *kept,
									   const char *operation_ref);

/* The points an entry stands for: waived and lapsed ones counted. */
static inline int64
loyalty_entry_effect(const Entry *entry)
{
	return entry->points - entry->waived - entry->lapsed;
}

/* shortfall.c: debts and waivers that may still stand */
extern List *loyalty_shortfalls_since(Engine *engine, int64 entry_id);
extern bool loyalty_shortfall_owns(Engine *engine, const Family *family, const PointLot *lot);
extern int64 loyalty_shortfall_of_gifts(Engine *engine, const char *tier, int64 points,
										List **cancelled);

/* growth.c */
extern void loyalty_growth_add(Engine *engine, Entry *entry, int64 growth, TimestampTz dated);
extern TimestampTz loyalty_growth_merged_until(const MemberState *member);
extern int64 loyalty_growth_total(const MemberState *member, TimestampTz at);
extern int64 loyalty_growth_peak(const MemberState *member, TimestampTz from, TimestampTz until,
								 int64 enough, bool merged, TimestampTz *instant);

/* tier.c */
extern const Tier *loyalty_tier_current(const Engine *engine);
extern void loyalty_tier_settle_in(Engine *engine);
extern void loyalty_tier_foresee(Engine *engine);
extern void loyalty_tier_place(Engine *engine, const Tier *tier, const Entry *cause);
extern void loyalty_tier_reassess(Engine *engine, const Entry *cause, List *corrected);
extern void loyalty_tier_look_again(Engine *engine, const Entry *cause, int needs);
extern void loyalty_tier_advance(Engine *engine);
extern void loyalty_tier_finish(Engine *engine);
extern void loyalty_tier_retier(Engine *engine, bool full);
extern TimestampTz loyalty_tier_status_end(const Program *program, const Tier *tier,
										   TimestampTz since);
extern Entry *loyalty_engine_grant_tier(Engine *engine, const Tier *tier, const char *kind,
										TimestampTz until, const char *ref, const char *reason);
extern Entry *loyalty_engine_revoke_tier(Engine *engine, const Tier *tier, const char *reason);

/*
 * tier_condition.c: does the tier's condition hold for the member at `at`?  Or,
 * had it the plans that were in force at some time from `since` on?
 */
extern bool loyalty_tier_condition_holds(const Engine *engine, const Tier *tier, TimestampTz at);
extern bool loyalty_tier_condition_held(const Engine *engine, const Tier *tier,
										TimestampTz since, TimestampTz at);

/* tier_gift.c */
extern void loyalty_tier_gift_give(Engine *engine, const Tier *tier, const Entry *cause);
extern void loyalty_tier_gift_take_back(Engine *engine, const Tier *tier, List *corrected,
										bool ended);

/* referral.c */
extern void loyalty_referral_note(Engine *engine, const EventType *event,
								  const Jsonb *attributes, const Entry *first,
								  bool corrected);
extern const Entry *loyalty_referral_find(const Engine *engine, TimestampTz since,
										  const char *except_ref);

/* local_day.c: local calendar */
extern bool loyalty_period_same(TimestampTz a, TimestampTz b, LotGranularity unit, pg_tz *tz);
extern TimestampTz loyalty_period_month_start(TimestampTz at, pg_tz *tz);

#endif							/* LOYALTY_ENGINE_H */
