/*
 * explain_contest.c
 *		How a contest ended, as a sentence: what the event contest_ended is about.
 *
 * It is told from the recorded result, since the entry need not have kept the
 * event's attributes.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/explain.h"
#include "ledger/contest_row.h"
#include "nls.h"

static const char *
field(const Jsonb *result, const char *key)
{
	return TextDatumGetCString(DirectFunctionCall2(jsonb_object_field_text,
												   JsonbPGetDatum(result),
												   CStringGetTextDatum(key)));
}

/* The contest whose end the entry is about; NULL if it is about something else. */
static const Contest *
contest_of(const Program *program, const Entry *entry)
{
	if (entry->ref == NULL ||
		strcmp(loyalty_event_name(entry->event_id), LOYALTY_EVENT_CONTEST_ENDED) != 0)
		return NULL;
	for (int i = 0; i < program->contest_count; i++)
	{
		if (strcmp(entry->ref, loyalty_contest_ref(&program->contests[i])) == 0)
			return &program->contests[i];
	}
	return NULL;
}

void
loyalty_tell_contest(Telling *telling, const Entry *entry)
{
	const Contest *contest = contest_of(telling->program, entry);
	const Jsonb *result;
	ContestPrize prize;
	TimestampTz settled_at;
	bool		due;

	if (contest == NULL)
		return;
	prize.contest_id = contest->contest_id;
	prize.member_id = telling->member->member_id;
	result = loyalty_contest_prize_load(&prize, &due, &settled_at);
	if (result == NULL)
		return;
	loyalty_tell(telling,
				 _("Team %s of contest %s ended at rank %s of %s with a score of %s; "
				   "the member made %s of it."),
				 field(result, "team"), contest->name, field(result, "rank"),
				 field(result, "teams"), field(result, "score"), field(result, "member_score"));
	if (strcmp(field(result, "tied"), "1") != 0)
		loyalty_tell(telling, _("%s teams share that rank."), field(result, "tied"));
}
