/*
 * streak.c
 *		streak and make_up: runs of days or weeks, and missed ones bought.
 *
 * A member's time begins with the day of enrolment, or with the first period
 * that is done if that is earlier; nothing before it is missed or can be bought.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/story.h"
#include "api/tier.h"
#include "engine/member_streak.h"
#include "engine/rules_json.h"
#include "errors.h"
#include "types/instant.h"

PG_FUNCTION_INFO_V1(loyalty_make_up);
PG_FUNCTION_INFO_V1(loyalty_streak);

/* Periods that the calendar shows where there is no cycle. */
#define SHOWN_PERIODS 31

static const EventType *
require_streak(const Program *program, const char *name)
{
	const EventType *event = loyalty_event_require(program, name);

	if (event->streak == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" has no streak in program \"%s\"", name, program->name),
				 errhint("INSERT INTO loyalty.streak (program, event) gives it one.")));
	return event;
}

static const char *
day_text(int32 day)
{
	int64		year;
	int			month;
	int			dom;

	loyalty_date_from_days(day, &year, &month, &dom);
	return psprintf("%04d-%02d-%02d", (int) year, month, dom);
}

/* The first period of the member's time. */
static int32
first_period(Engine *engine, const EventType *event)
{
	return Min(loyalty_streak_period(event->streak->unit, engine->member->enrolled_at,
									 engine->program->tz),
			   loyalty_streak_first(&loyalty_member_streak(engine, event)->calendar));
}

static void
refuse_make_up(const Engine *engine, const EventType *event, int32 day, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
			 errmsg("member \"%s\" cannot make up %s for %s", engine->member->ref,
					event->name, day_text(day)),
			 errdetail_internal("%s", detail)));
}

/* Refuses a period that is not for sale. */
static void
require_missed(Engine *engine, const EventType *event, int32 day)
{
	const StreakTerms *terms = event->streak;
	int32		today = loyalty_streak_period(terms->unit, engine->at, engine->program->tz);
	int32		period = loyalty_streak_period_of_day(terms->unit, day);
	const char *unit = terms->unit == STREAK_DAY ? "day" : "week";

	if (period > today)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("day must not be in the future"),
				 errdetail("It is %s.", day_text(day))));
	if (terms->make_up_points == 0)
		refuse_make_up(engine, event, day, "Its streak has no make_up_points.");
	if (loyalty_streak_is_done(&loyalty_member_streak(engine, event)->calendar, period))
		refuse_make_up(engine, event, day, psprintf("The %s is done already.", unit));
	if (period == today)
		refuse_make_up(engine, event, day, psprintf("The %s is not over.", unit));
	if (period < first_period(engine, event))
		refuse_make_up(engine, event, day,
					   psprintf("The %s is before the member's time.", unit));
	if (today - period > terms->make_up_within)
		refuse_make_up(engine, event, day,
					   psprintf("It is %d %ss back, at most %d can be made up.",
								today - period, unit, terms->make_up_within));
}

/* make_up(member, event, day, ref, at, program) */
Datum
loyalty_make_up(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	DateADT		day = PG_ARGISNULL(2) ? DATEVAL_NOBEGIN : PG_GETARG_DATEADT(2);
	const char *ref = loyalty_arg_key(fcinfo, 3, "ref", false);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	const EventType *event = require_streak(program, name);
	StringInfoData content;
	Call		call;
	Receipt		receipt;
	List	   *story;
	Entry	   *entry;
	int32		period;
	int64		digest;

	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("day must be a finite date")));

	loyalty_call_open(&call, "make_up()", program, member, ENROLL_NEVER, at);
	event = require_streak(call.program, name);
	period = loyalty_streak_period_of_day(event->streak->unit, day);

	initStringInfo(&content);
	loyalty_digest_text(&content, "make_up");
	loyalty_digest_number(&content, event->event_id);
	loyalty_digest_number(&content, period);
	digest = loyalty_call_digest(&call.member, ENTRY_REDEEM, &content);
	story = loyalty_call_story(&call, ref);
	loyalty_story_refuse_spending(story, ref, ENTRY_HOLD);
	if (loyalty_call_replay(&call, story, ENTRY_REDEEM, 0, ref, digest, &receipt))
	{
		loyalty_story_refuse_restored(story, ref);
		return loyalty_call_repeat(fcinfo, &call, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	require_missed(&call.engine, event, day);
	entry = loyalty_engine_redeem(&call.engine, event->streak->make_up_points, ref,
								  psprintf("%s made up for %s", event->name,
										   day_text(loyalty_streak_first_day(event->streak->unit,
																			 period))));
	loyalty_streak_make_up(&call.engine, event, period);
	return loyalty_call_accept(fcinfo, &call, entry, digest);
}

/*
 * What an event without attributes would be granted at `at`; 0 where a limit
 * would refuse it.  That is found out in memory, with nothing left open, so it
 * takes no subtransaction to go on.
 */
static int64
reward_at(Engine *engine, const EventType *event, TimestampTz at)
{
	const Jsonb *attributes = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																 CStringGetDatum("{}")));
	MemoryContext caller = CurrentMemoryContext;
	EventOutcome outcome = {0};

	engine->at = at;
	loyalty_engine_advance(engine);
	PG_TRY();
	{
		loyalty_event_evaluate(engine, event, attributes, NIL, &outcome);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_LOYALTY_LIMIT_REACHED)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		outcome.points = 0;
	}
	PG_END_TRY();
	return outcome.points;
}

/* When a period begins. */
static TimestampTz
period_start(const Program *program, StreakUnit unit, int32 period)
{
	LocalClock	clock;
	TimestampTz start;

	loyalty_clock_of_zone(&clock, program->tz);
	if (!loyalty_clock_midnight(&clock, loyalty_streak_first_day(unit, period), &start, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return start;
}

/* The periods in [from, until), as known in the period `today`. */
static Jsonb *
show_calendar(const StreakCalendar *calendar, StreakUnit unit, int32 from, int32 until,
			  int32 today)
{
	JsonWriter *json = loyalty_json_array();

	for (int32 period = from; period < until; period++)
	{
		const char *name = period < today ? "missed" : "open";

		if (period <= today && loyalty_streak_is_made_up(calendar, period))
			name = "made_up";
		else if (period <= today && loyalty_streak_is_done(calendar, period))
			name = "done";
		loyalty_json_begin_object(json);
		loyalty_json_text(json, "day", day_text(loyalty_streak_first_day(unit, period)));
		loyalty_json_text(json, "state", name);
		loyalty_json_end(json);
	}
	return loyalty_json_finish(json);
}

/* streak(member, event, at, program) */
Datum
loyalty_streak(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	TimestampTz at = loyalty_arg_at(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	const EventType *event = require_streak(program, name);
	const StreakTerms *terms = event->streak;
	const StreakCalendar *calendar;
	MemberState member;
	EngineSource source;
	Engine		engine;
	TupleDesc	desc;
	Datum		values[9];
	bool		nulls[9] = {false};
	int32		today;
	int32		since;
	int32		until;
	int32		begin;
	bool		done;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "streak() does not return a row");
	loyalty_member_require(program, ref, &member);
	if (at == DT_NOBEGIN)
		at = Max(GetCurrentTimestamp(), member.last_at);
	loyalty_engine_read_only(&engine, &source, program, &member, at);
	calendar = &loyalty_member_streak(&engine, event)->calendar;

	today = loyalty_streak_period(terms->unit, at, program->tz);
	done = loyalty_streak_is_done(calendar, today);
	since = loyalty_streak_cycle_start(terms->unit, terms->cycle, today);
	until = loyalty_streak_cycle_end(terms->unit, terms->cycle, today);
	begin = Max(since, first_period(&engine, event));

	values[0] = Int32GetDatum(loyalty_streak_run(calendar, done ? today : today - 1));
	values[1] = Int32GetDatum(loyalty_streak_best(calendar, today));
	values[2] = BoolGetDatum(done);
	nulls[3] = nulls[4] = terms->cycle == STREAK_NO_CYCLE;
	values[3] = nulls[3] ? (Datum) 0 :
		DateADTGetDatum(loyalty_streak_first_day(terms->unit, since));
	values[4] = nulls[4] ? (Datum) 0 :
		DateADTGetDatum(loyalty_streak_first_day(terms->unit, until));
	values[5] = Int32GetDatum(loyalty_streak_count(calendar, since, today + 1));
	values[6] = Int32GetDatum(begin >= today ? 0 :
							  today - begin - loyalty_streak_count(calendar, begin, today));
	if (terms->cycle == STREAK_NO_CYCLE)
	{
		begin = Max(begin, today - SHOWN_PERIODS + 1);
		until = today + 1;
	}
	values[8] = JsonbPGetDatum(show_calendar(calendar, terms->unit, begin, until, today));

	/* last, since the engine moves on with it */
	values[7] = Int64GetDatum(reward_at(&engine, event, done ?
										period_start(program, terms->unit, today + 1) : at));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
