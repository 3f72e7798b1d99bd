/*
 * call.h
 *		What every writing call has in common: arguments, the locked member,
 *		replays, the receipt.
 */
#ifndef LOYALTY_CALL_H
#define LOYALTY_CALL_H

#include "postgres.h"
#include "fmgr.h"

#include "engine/engine.h"
#include "ledger/entry_row.h"
#include "ledger/member_row.h"

/* Longest member key and ref, in bytes. */
#define LOYALTY_KEY_MAX 255

typedef struct Call
{
	const char *function;		/* SQL name, for messages */
	const Program *program;
	Writer		writer;
	MemberState member;
	Engine		engine;
	TimestampTz now;			/* clock, read after the lock, not before the last entry */
	bool		enrolled;		/* this call enrolled the member */
} Call;

/* What a call hands back; becomes a loyalty.receipt. */
typedef struct Receipt
{
	int64		entry_id;		/* 0 = nothing was written: NULL */
	const char *member;
	int64		points;
	int64		growth;
	int64		balance;
	const char *tier;			/* NULL = none */
	bool		replayed;
} Receipt;

/* Arguments.  Each refuses what the call cannot take with 22023. */
extern const char *loyalty_arg_key(FunctionCallInfo fcinfo, int n, const char *name,
								   bool required);
extern const char *loyalty_arg_text(FunctionCallInfo fcinfo, int n);
extern int64 loyalty_arg_points(FunctionCallInfo fcinfo, int n);
extern const Jsonb *loyalty_arg_object(FunctionCallInfo fcinfo, int n, const char *name);
extern const Program *loyalty_arg_program(FunctionCallInfo fcinfo, int n);

/*
 * A refusal, which does not fail an order: an error of class LY or 22, or one
 * that a rule's path raises.
 */
extern bool loyalty_error_is_refusal(int sqlstate);

/*
 * Within PG_CATCH: the refusal that was raised, which is over then, in the
 * caller's memory context; any other error goes on.
 */
extern ErrorData *loyalty_refusal_catch(MemoryContext context);

/* Its message, with the detail if it has one. */
extern const char *loyalty_refusal_text(const ErrorData *error);

/* Refuses a call where nothing can be written (25006, 25000). */
extern void loyalty_call_require_writable(const char *function);

typedef enum Enrolment
{
	ENROLL_NEVER,				/* an unknown member is LY002 */
	ENROLL_AUTO					/* unless the program's auto_enroll is off */
} Enrolment;

/*
 * Opens the writer, locks the member (enrolling it if that is asked for) and
 * reads the clock.  The engine stands before loyalty_call_start.  From here on
 * call->program counts: the configuration may have changed before the lock.
 */
extern void loyalty_call_open(Call *call, const char *function, const Program *program,
							  const char *member, Enrolment enrolment, TimestampTz at);

/* The same for a call that has a writer and a lock of its own already. */
extern void loyalty_call_attach(Call *call, const Program *program);

/* The business time that an argument asks for; DT_NOBEGIN = the clock. */
extern TimestampTz loyalty_call_time(const Call *call, TimestampTz at);
extern TimestampTz loyalty_arg_at(FunctionCallInfo fcinfo, int n);

/* Posts what the clock has decided up to `at`. */
extern void loyalty_call_start(Call *call, TimestampTz at);

/* Writes everything and closes the writer. */
extern void loyalty_call_finish(Call *call);

/* The end of a call: accepted with its main entry, or a repeat that writes nothing. */
extern Datum loyalty_call_accept(FunctionCallInfo fcinfo, Call *call, Entry *entry,
								 int64 digest);
extern Datum loyalty_call_repeat(FunctionCallInfo fcinfo, Call *call, const Receipt *receipt);

/* The story of a ref, read once; NIL for ref NULL. */
extern List *loyalty_call_story(Call *call, const char *ref);

/* 64 bits that tell a call's content; salted, never 0. */
extern int64 loyalty_call_digest(const MemberState *member, EntryKind kind,
								 StringInfo content);
extern void loyalty_digest_number(StringInfo content, int64 number);
extern void loyalty_digest_text(StringInfo content, const char *text);
extern void loyalty_digest_jsonb(StringInfo content, const Jsonb *value);

/*
 * The first receipt of an operation of that kind under the ref, if the story
 * has one.  LY003 if its content was other.
 */
extern bool loyalty_call_replay(Call *call, List *story, EntryKind kind, int32 event_id,
								const char *ref, int64 digest, Receipt *receipt);

/* The same for who needs no receipt. */
extern bool loyalty_call_is_replay(List *story, EntryKind kind, int32 event_id,
								   const char *ref, int64 digest);

/* The balance once everything was recorded that the entry's call did, gifts too. */
extern int64 loyalty_call_balance_after(const Call *call, const Entry *entry);
pg_noreturn extern void loyalty_refuse_reuse(const char *ref, const char *detail, const char *hint);

/* Sums up the entries that the call itself made (main is the one it is about). */
extern void loyalty_call_receipt(const Call *call, const Entry *main, Receipt *receipt);
extern Datum loyalty_row_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls);
extern Datum loyalty_receipt_datum(FunctionCallInfo fcinfo, const Receipt *receipt);

/* events.c: register, once, when a member is enrolled */
extern void loyalty_event_register(Call *call, TimestampTz at);

/*
 * Settles one event of a locked member: its first grant is dated `at`, a
 * correction `now`.  Attributes NULL: it does not qualify.  Returns the last
 * entry it added to the engine; NULL if nothing had to change, or the event is
 * the one that its day or week has already (loyalty.streak).  Triggers call
 * this once per ref and store the member once per statement.
 */
extern Entry *loyalty_event_settle(Engine *engine, const EventType *event,
								   const Jsonb *attributes, const char *ref,
								   TimestampTz at, TimestampTz now);

/*
 * follow.c: settles an event that follows from something else and writes the
 * locked member.  Nobody is there to be told of a refusal: it becomes an entry
 * of 0 points with its reason.
 */
extern void loyalty_event_follow(Call *call, const EventType *event, const Jsonb *attributes,
								 const char *ref, TimestampTz at);

/*
 * What the rules give for an event; `families` NIL: a first grant, which marks
 * its day or week if the event has a streak.
 */
extern void loyalty_event_evaluate(Engine *engine, const EventType *event,
								   const Jsonb *attributes, List *families,
								   EventOutcome *outcome);

/*
 * The same for an event of these families by the rules of now, with what was
 * stored of the member at its first grant.
 */
extern void loyalty_event_reevaluate(Engine *engine, const EventType *event,
									 const Jsonb *attributes, List *families,
									 EventOutcome *outcome);

/*
 * Makes what such an event of a locked member stands for what the rules of now
 * give.  Returns the last entry; NULL if that is what it stands for.
 */
extern Entry *loyalty_event_resettle(Engine *engine, const EventType *event,
									 const Jsonb *attributes, const char *ref,
									 List *families);

/* The event type of that name; 22023 if no rule has ever named it. */
extern const EventType *loyalty_event_require(const Program *program, const char *name);

/* plans.c: the plan of that name; 22023 if the program has none. */
extern const PaidPlan *loyalty_plan_require(const Program *program, const char *name);

/*
 * referrals.c: settles what is due to those who invited these members (of
 * int64 *), as far as nobody has them locked.
 */
extern void loyalty_referrals_follow(List *invitees);

/*
 * contests.c: makes the standings of the program's contests final that are to
 * be settled at `at`; posts events contest_ended that are due, to members whom
 * nobody has locked, and returns to how many.
 */
extern void loyalty_contests_settle(const Program *program, TimestampTz at);
extern int64 loyalty_contest_prizes_post(const List *prizes);

#endif							/* LOYALTY_CALL_H */
