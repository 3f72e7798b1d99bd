/*
 * program.c
 *		Rows of loyalty.program, and what SQL asks about them.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/builtins.h"

#include "config/load.h"
#include "errors.h"
#include "types/calendar.h"
#include "types/instant.h"

PG_FUNCTION_INFO_V1(loyalty_current_program);
PG_FUNCTION_INFO_V1(loyalty_is_time_zone);

static pg_tz *
find_time_zone(const char *name)
{
	pg_tz	   *tz = strlen(name) <= TZ_STRLEN_MAX ? pg_tzset(name) : NULL;

	/* Zones that count leap seconds are refused, as the setting does. */
	return tz != NULL && pg_tz_acceptable(tz) ? tz : NULL;
}

/* The first letter of a free word, which its CHECK keeps unambiguous. */
static char
column_word(HeapTuple row, TupleDesc desc, const char *column)
{
	return loyalty_config_column_text(row, desc, column)[0];
}

/*
 * A time zone is checked when it is stored, but a dump may come to a server
 * that lacks it.  Only who uses such a program is told.
 */
const Program *
loyalty_program_check(const Program *program)
{
	if (program->tz == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of program \"%s\" is not known here",
						program->time_zone, program->name),
				 errhint("Set another time_zone in loyalty.program.")));
	return program;
}

void
loyalty_program_load(HeapTuple row, TupleDesc desc, Program *program)
{
	memset(program, 0, sizeof(Program));
	program->program_id = loyalty_config_column_int32(row, desc, "program_id");
	program->version_id = loyalty_config_column_int64(row, desc, "version_id");
	program->name = loyalty_config_column_text(row, desc, "name");
	program->is_default = loyalty_config_column_bool(row, desc, "is_default");
	program->time_zone = loyalty_config_column_text(row, desc, "time_zone");
	program->tz = find_time_zone(program->time_zone);
	program->validity = loyalty_config_column_validity(row, desc, "validity");
	program->pending_for = *loyalty_config_column_interval(row, desc, "pending_for");
	program->spend_order =
		column_word(row, desc, "spend_order") == 'f' ? SPEND_FIFO : SPEND_EXPIRING;
	program->shortfall = (Shortfall) column_word(row, desc, "shortfall");
	program->rounding = (Rounding) column_word(row, desc, "rounding");
	program->restore_lapsed = (RestoreLapsed) column_word(row, desc, "restore_lapsed");
	program->grace = *loyalty_config_column_interval(row, desc, "grace");
	program->lot_granularity = (LotGranularity) column_word(row, desc, "lot_granularity");
	program->max_multiplier = loyalty_config_column_numeric(row, desc, "max_multiplier");
	program->point_value = loyalty_config_column_numeric(row, desc, "point_value");
	program->max_balance = loyalty_config_column_limit(row, desc, "max_balance");
	program->max_hold = *loyalty_config_column_interval(row, desc, "max_hold");
	program->growth_window = loyalty_config_column_validity(row, desc, "growth_window");
	if (program->tz != NULL &&
		TIMESTAMP_IS_NOEND(loyalty_validity_until(program->growth_window, 0, program->tz)))
		program->growth_window = NULL;
	program->refund_keeps_tier = column_word(row, desc, "refund_tier") == 'k';
	program->auto_enroll = loyalty_config_column_bool(row, desc, "auto_enroll");
	program->keep_attributes = loyalty_config_column_bool(row, desc, "keep_attributes");
}

TimestampTz
loyalty_program_add(const Program *program, TimestampTz at, const Interval *interval)
{
	TimestampTz result = at;
	bool		valid = INSTANT_IS_VALID(at);

	if (valid && (interval->month != 0 || interval->day != 0))
	{
		LocalClock	clock;
		LocalTime	local;

		loyalty_clock_of_zone(&clock, program->tz);
		local = clock.to_local(clock.zone, at);
		local.day = loyalty_day_plus_months(local.day, interval->month) + interval->day;
		valid = loyalty_clock_instant(&clock, local, &result, NULL);
	}
	valid = valid && !pg_add_s64_overflow(result, interval->time, &result) &&
		INSTANT_IS_VALID(result);
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return result;
}

Datum
loyalty_current_program(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(loyalty_program_lookup(NULL)->name));
}

Datum
loyalty_is_time_zone(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_BOOL(find_time_zone(name) != NULL);
}

void
loyalty_program_report_unknown(const Program *programs, int count, const char *name)
{
	StringInfoData names;
	int			shown = Min(count, 5);

	initStringInfo(&names);
	for (int i = 0; i < shown; i++)
		appendStringInfo(&names, "%s\"%s\"", i == 0 ? "" : ", ", programs[i].name);
	if (shown < count)
		appendStringInfoString(&names, ", ...");

	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_PROGRAM),
				 name == NULL ? errmsg("there is no program yet") :
				 errmsg("unknown program \"%s\"", name),
				 errhint("INSERT INTO loyalty.program(name) VALUES ('shop').")));
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_UNKNOWN_PROGRAM),
				 errmsg("no program was named and none is the default"),
				 errhint("Name one of %s, or SET loyalty.program.", names.data)));
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_UNKNOWN_PROGRAM),
			 errmsg("unknown program \"%s\"", name),
			 errhint("Programs are %s.", names.data)));
}
