/*
 * reversals.c
 *		restore and claw_back: taking a spending or a grant back, in part or whole.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "api/call.h"
#include "api/story.h"
#include "engine/contest.h"
#include "engine/effect.h"
#include "engine/kept.h"
#include "engine/usage.h"
#include "errors.h"
#include "ledger/query.h"

PG_FUNCTION_INFO_V1(loyalty_restore);
PG_FUNCTION_INFO_V1(loyalty_claw_back);

static LoyaltyQuery find_operation_ref = {
	"SELECT entry_id FROM loyalty.operation_ref"
	" WHERE member_id = $1 AND kind = $2 AND operation_ref = $3",
	3, {INT8OID, CHAROID, TEXTOID}
};

/* The entries of a story that the same call made as this one. */
static List *
entries_of_call(List *story, const Entry *one)
{
	List	   *entries = NIL;
	ListCell   *cell;

	foreach(cell, story)
	{
		Entry	   *entry = lfirst(cell);

		if (entry->kind == one->kind && entry->recorded_at == one->recorded_at &&
			entry->request_digest == one->request_digest)
			entries = lappend(entries, entry);
	}
	return entries;
}

/*
 * The receipt of the call's first run under operation_ref, if it had one.
 * LY003 if that run had other content.
 */
static bool
replay_operation(Call *call, EntryKind kind, const char *operation_ref, int64 digest,
				 Receipt *receipt)
{
	Datum		args[3];
	Datum		entry_id;
	Entry	   *first;
	List	   *entries;

	if (operation_ref == NULL)
		return false;
	args[0] = Int64GetDatum(call->member.member_id);
	args[1] = CharGetDatum(kind);
	args[2] = CStringGetTextDatum(operation_ref);
	if (!loyalty_query_value(&find_operation_ref, args, &entry_id))
		return false;

	/* a claw-back of several kinds of points made several entries at once */
	first = loyalty_entry_by_id(call->member.member_id, DatumGetInt64(entry_id));
	entries = entries_of_call(loyalty_call_story(call, first->ref), first);
	return loyalty_call_replay(call, entries, kind, first->event_id, operation_ref,
							   digest, receipt);
}

/* Nothing is left and nothing is asked for: the last run's receipt again. */
static bool
replay_last(Call *call, List *story, EntryKind kind, Receipt *receipt)
{
	Entry	   *last = loyalty_story_last(story, kind);

	return last != NULL &&
		loyalty_call_replay(call, entries_of_call(story, last), kind, last->event_id,
							last->ref, last->request_digest, receipt);
}

static void
refuse_excess(int64 points, int64 left)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot take back more points than are left"),
			 errdetail("Asked for %lld, left %lld.", (long long) points, (long long) left)));
}

/* restore(member, ref, points, restore_ref, at, program) */
Datum
loyalty_restore(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 1, "ref", true);
	int64		points = PG_ARGISNULL(2) ? 0 : loyalty_arg_points(fcinfo, 2);
	const char *restore_ref = loyalty_arg_key(fcinfo, 3, "restore_ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	Entry	   *spent;
	int64		digest;
	int64		done;
	int64		left;

	loyalty_call_open(&call, "restore()", program, member, ENROLL_NEVER, at);
	initStringInfo(&content);
	loyalty_digest_text(&content, ref);
	loyalty_digest_number(&content, points);
	digest = loyalty_call_digest(&call.member, ENTRY_RESTORE, &content);
	if (replay_operation(&call, ENTRY_RESTORE, restore_ref, digest, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);

	story = loyalty_call_story(&call, ref);
	spent = loyalty_story_first(story, ENTRY_REDEEM);
	if (spent == NULL)
		spent = loyalty_story_first(story, ENTRY_CAPTURE);
	if (spent == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_REF),
				 errmsg("no spending under ref \"%s\"", ref),
				 loyalty_story_first(story, ENTRY_HOLD) == NULL ? 0 :
				 errhint("It is a hold that was not captured; end it with loyalty.release().")));

	done = loyalty_restore_done(story, spent);
	left = -spent->points - done;
	if (points == 0 && left == 0 && replay_last(&call, story, ENTRY_RESTORE, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	if (points == 0)
		points = left;
	if (points > left)
		refuse_excess(points, left);

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	return loyalty_call_accept(fcinfo, &call,
							   loyalty_engine_restore(&call.engine, spent, points, done,
													  restore_ref),
							   digest);
}

/* Every family of grants under the ref, whatever the event. */
static List *
all_families(List *story)
{
	List	   *families = NIL;
	ListCell   *cell;

	foreach(cell, story)
	{
		const Entry *entry = lfirst(cell);
		bool		known = false;
		ListCell   *lc;

		if (entry->kind != ENTRY_EARN && entry->kind != ENTRY_EVENT)
			continue;
		foreach(lc, families)
		{
			const Family *family = lfirst(lc);

			known |= family->first->kind == entry->kind &&
				family->first->event_id == entry->event_id;
		}
		if (!known)
			families = list_concat(families,
								   loyalty_family_gather(story, entry->kind, entry->event_id));
	}
	return families;
}

/* The families of the one event that is meant (NULL = the only one). */
static List *
families_meant(Call *call, List *story, const char *ref, const char *event)
{
	List	   *families;
	const Family *first;
	ListCell   *cell;

	if (event != NULL)
	{
		const EventType *type = loyalty_event_lookup(call->program, event);

		families = type == NULL ? NIL :
			loyalty_family_gather(story, ENTRY_EVENT, type->event_id);
	}
	else
		families = all_families(story);

	if (families == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_REF),
				 event == NULL ? errmsg("nothing was granted under ref \"%s\"", ref) :
				 errmsg("no event \"%s\" was recorded under ref \"%s\"", event, ref)));

	first = linitial(families);
	foreach(cell, families)
	{
		const Family *family = lfirst(cell);

		if (family->first->event_id != first->first->event_id ||
			family->first->kind != first->first->kind)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("ref \"%s\" names more than one grant", ref),
					 errhint("Say which with the argument event.")));
	}
	return families;
}

/* claw_back(member, ref, points, event, claw_ref, at, program) */
Datum
loyalty_claw_back(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *ref = loyalty_arg_key(fcinfo, 1, "ref", true);
	int64		points = PG_ARGISNULL(2) ? 0 : loyalty_arg_points(fcinfo, 2);
	const char *event = loyalty_arg_text(fcinfo, 3);
	const char *claw_ref = loyalty_arg_key(fcinfo, 4, "claw_ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 5);
	const Program *program = loyalty_arg_program(fcinfo, 6);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	List	   *families;
	List	   *effects;
	List	   *kept;
	List	   *uses;
	Entry	   *entry = NULL;
	ListCell   *cell;
	int64		digest;
	int64		left = 0;

	loyalty_call_open(&call, "claw_back()", program, member, ENROLL_NEVER, at);
	initStringInfo(&content);
	loyalty_digest_text(&content, ref);
	loyalty_digest_number(&content, points);
	loyalty_digest_text(&content, event);
	digest = loyalty_call_digest(&call.member, ENTRY_CLAW_BACK, &content);
	if (replay_operation(&call, ENTRY_CLAW_BACK, claw_ref, digest, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);

	story = loyalty_call_story(&call, ref);
	families = families_meant(&call, story, ref, event);
	foreach(cell, families)
		left = loyalty_points_add(left, Max(((Family *) lfirst(cell))->net, 0));
	effects = loyalty_effects_standing(families);
	if (points == 0 && left == 0 && effects == NIL &&
		replay_last(&call, story, ENTRY_CLAW_BACK, &receipt))
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	if (points == 0)
		points = left;
	if (points > left || (left == 0 && effects == NIL))
		refuse_excess(points, left);
	if (points < left)
		effects = NIL;			/* they go with the last of the points */

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	uses = loyalty_usage_standing(families);
	kept = effects == NIL ? NIL : loyalty_kept_find(&call.engine, families, NULL);

	/* several kinds of points give back in proportion to what each still has */
	foreach(cell, families)
	{
		Family	   *family = lfirst(cell);
		int64		net = Max(family->net, 0);
		int64		share = net == 0 ? 0 : (int64) ((int128) points * net / left);
		List	   *with = foreach_current_index(cell) == 0 ? effects : NIL;

		left -= net;
		points -= share;
		if (share == 0 && with == NIL)
			continue;
		entry = loyalty_engine_claw_back(&call.engine, family, share, with, kept,
										 entry == NULL ? claw_ref : NULL);
		entry->request_digest = digest;
	}
	if (uses != NIL)
		loyalty_usage_restate(&call.engine, entry->event_id, ref, uses);
	loyalty_contest_note_points(&call.engine, ((Family *) linitial(families))->first);
	return loyalty_call_accept(fcinfo, &call, entry, digest);
}
