/*
 * validity.c
 *		validity_policy: text, stored form, calendar arithmetic.
 *
 * Stored form: behind the varlena header a version byte (1), three bytes of
 * zero, then nodes of 8 bytes, a policy before those it is made of:
 *
 *	NEVER
 *	LENGTH		count, unit (day, week, month, year) and, if it is rounded up,
 *				the period at whose end it ends
 *	END			the period; count 0 for that of valid_from, 1 for the next
 *	DATES		count of DATE nodes that follow, in calendar order, none twice
 *	DATE		month (in unit) and day (in period)
 *	EARLIEST	two policies follow
 *
 * Equal policies are equal bytes.  `12 months` and `1 year` are two policies.
 */
#include "types/validity.h"

#include "lib/stringinfo.h"
#include "types/instant.h"

#define POLICY_VERSION	1

/* Longer lengths leave the calendar anyway. */
#define COUNT_MAX		1000000

#define DATES_MAX		366

typedef enum PolicyKind
{
	POLICY_NEVER = 1,
	POLICY_LENGTH,
	POLICY_END,
	POLICY_DATES,
	POLICY_DATE,
	POLICY_EARLIEST
} PolicyKind;

typedef struct PolicyNode
{
	uint8		kind;			/* PolicyKind */
	uint8		unit;			/* CalendarUnit, or month of a DATE */
	uint8		period;			/* CalendarUnit, or day of a DATE */
	uint8		unused;			/* 0 */
	int32		count;
} PolicyNode;

struct ValidityPolicy
{
	char		vl_len_[4];
	uint8		version;
	uint8		unused[3];		/* 0 */
	PolicyNode	nodes[FLEXIBLE_ARRAY_MEMBER];
};

typedef struct Parser
{
	const char *p;
	PolicyNode *nodes;
	int			count;
	int			capacity;
	CoreError  *err;
} Parser;

static const char *const unit_names[] = {
	[CALENDAR_NONE] = "",
	[CALENDAR_DAY] = "day",
	[CALENDAR_WEEK] = "week",
	[CALENDAR_MONTH] = "month",
	[CALENDAR_QUARTER] = "quarter",
	[CALENDAR_YEAR] = "year"
};

static bool parse_policy(Parser *parser, int depth);

static bool
fail_syntax(Parser *parser)
{
	return loyalty_core_fail(parser->err, CORE_SYNTAX,
							 "Expected \"never\", a length like \"12 months\" or "
							 "\"1 year end of month\", \"end of year\", \"on 12-31\" or "
							 "\"earliest of (..., ...)\".");
}

static bool
fail_earliest(Parser *parser)
{
	return loyalty_core_fail(parser->err, CORE_SYNTAX,
							 "Two policies follow \"earliest\": \"earliest of (..., ...)\".");
}

static PolicyNode *
add_node(Parser *parser, PolicyKind kind)
{
	PolicyNode *node;

	if (parser->count == parser->capacity)
	{
		parser->capacity *= 2;
		parser->nodes = repalloc(parser->nodes, sizeof(PolicyNode) * parser->capacity);
	}
	node = &parser->nodes[parser->count++];
	memset(node, 0, sizeof(PolicyNode));
	node->kind = kind;
	return node;
}

static void
skip_blanks(Parser *parser)
{
	while (*parser->p == ' ' || (*parser->p >= '\t' && *parser->p <= '\r'))
		parser->p++;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skips this word, which must end where it ends. */
static bool
skip_word(Parser *parser, const char *word)
{
	size_t		length = strlen(word);

	skip_blanks(parser);
	if (pg_strncasecmp(parser->p, word, length) != 0 || is_letter(parser->p[length]))
		return false;
	parser->p += length;
	return true;
}

static bool
skip_char(Parser *parser, char c)
{
	skip_blanks(parser);
	if (*parser->p != c)
		return false;
	parser->p++;
	return true;
}

/* The unit named by the next word, or CALENDAR_NONE. */
static CalendarUnit
parse_unit(Parser *parser, bool plural)
{
	for (CalendarUnit unit = CALENDAR_DAY; unit <= CALENDAR_YEAR; unit++)
	{
		char		word[16];

		if (skip_word(parser, unit_names[unit]))
			return unit;
		snprintf(word, sizeof(word), "%ss", unit_names[unit]);
		if (plural && skip_word(parser, word))
			return unit;
	}
	return CALENDAR_NONE;
}

static bool
parse_length(Parser *parser)
{
	PolicyNode *node = add_node(parser, POLICY_LENGTH);

	for (; is_digit(*parser->p); parser->p++)
	{
		if (node->count <= COUNT_MAX)
			node->count = node->count * 10 + (*parser->p - '0');
	}
	node->unit = parse_unit(parser, true);
	if (node->unit == CALENDAR_NONE || node->unit == CALENDAR_QUARTER)
		return loyalty_core_fail(parser->err, CORE_SYNTAX,
								 "A length is a number of days, weeks, months or years.");
	if (node->count < 1)
		return loyalty_core_fail(parser->err, CORE_INVALID,
								 "A length must be greater than 0.");
	if (node->count > COUNT_MAX)
		return loyalty_core_fail(parser->err, CORE_RANGE,
								 "The number of a length must be at most %d.", COUNT_MAX);

	if (skip_word(parser, "end"))
	{
		if (!skip_word(parser, "of") ||
			(node->period = parse_unit(parser, false)) == CALENDAR_NONE)
			return loyalty_core_fail(parser->err, CORE_SYNTAX,
									 "A length ends at the \"end of\" a day, week, month, "
									 "quarter or year.");
	}
	return true;
}

static bool
parse_end(Parser *parser)
{
	PolicyNode *node = add_node(parser, POLICY_END);

	if (!skip_word(parser, "of"))
		return fail_syntax(parser);
	if (skip_word(parser, "next"))
		node->count = 1;
	node->period = parse_unit(parser, false);
	if (node->period == CALENDAR_NONE)
		return loyalty_core_fail(parser->err, CORE_SYNTAX,
								 "Expected \"day\", \"week\", \"month\", \"quarter\" or \"year\" "
								 "behind \"end of\".");
	return true;
}

static int
compare_dates(const void *a, const void *b)
{
	const PolicyNode *first = a;
	const PolicyNode *second = b;

	return (first->unit * 100 + first->period) - (second->unit * 100 + second->period);
}

/* Looks for blanks and two digits, "-", two digits. */
static bool
parse_date(Parser *parser, int *month, int *day)
{
	const char *p = parser->p;

	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	if (!is_digit(p[0]) || !is_digit(p[1]) || p[2] != '-' ||
		!is_digit(p[3]) || !is_digit(p[4]) || is_digit(p[5]))
		return false;
	*month = (p[0] - '0') * 10 + (p[1] - '0');
	*day = (p[3] - '0') * 10 + (p[4] - '0');
	parser->p = p + 5;
	return true;
}

static bool
parse_dates(Parser *parser)
{
	int			head = parser->count;
	int			kept = 1;
	int			month;
	int			day;
	const char *comma;
	PolicyNode *dates;

	add_node(parser, POLICY_DATES);
	if (!parse_date(parser, &month, &day))
		return loyalty_core_fail(parser->err, CORE_SYNTAX,
								 "A date is written as month and day, like 12-31.");
	for (;;)
	{
		PolicyNode *date;

		/* a leap year knows all dates */
		if (month < 1 || month > 12 || day < 1 || day > loyalty_days_in_month(2000, month))
			return loyalty_core_fail(parser->err, CORE_INVALID,
									 "There is no date %02d-%02d.", month, day);
		if (parser->count - head > DATES_MAX)
			return loyalty_core_fail(parser->err, CORE_TOO_BIG,
									 "A policy has at most %d dates.", DATES_MAX);
		date = add_node(parser, POLICY_DATE);
		date->unit = month;
		date->period = day;

		/* A comma without a date belongs to `earliest of`. */
		comma = parser->p;
		if (!skip_char(parser, ',') || !parse_date(parser, &month, &day))
		{
			parser->p = comma;
			break;
		}
	}

	dates = &parser->nodes[head + 1];
	qsort(dates, parser->count - head - 1, sizeof(PolicyNode), compare_dates);
	for (int i = 1; i < parser->count - head - 1; i++)
	{
		if (compare_dates(&dates[kept - 1], &dates[i]) != 0)
			dates[kept++] = dates[i];
	}
	parser->nodes[head].count = kept;
	parser->count = head + 1 + kept;
	return true;
}

static bool
parse_earliest(Parser *parser, int depth)
{
	if (depth >= VALIDITY_DEPTH_MAX)
		return loyalty_core_fail(parser->err, CORE_TOO_BIG,
								 "\"earliest of\" nests at most %d deep.", VALIDITY_DEPTH_MAX);
	add_node(parser, POLICY_EARLIEST);
	if (!skip_word(parser, "of") || !skip_char(parser, '('))
		return fail_earliest(parser);
	if (!parse_policy(parser, depth + 1))
		return false;
	if (!skip_char(parser, ','))
		return fail_earliest(parser);
	if (!parse_policy(parser, depth + 1))
		return false;
	if (!skip_char(parser, ')'))
		return fail_earliest(parser);
	return true;
}

static bool
parse_policy(Parser *parser, int depth)
{
	skip_blanks(parser);
	if (is_digit(*parser->p))
		return parse_length(parser);
	if (skip_word(parser, "never"))
	{
		add_node(parser, POLICY_NEVER);
		return true;
	}
	if (skip_word(parser, "end"))
		return parse_end(parser);
	if (skip_word(parser, "on"))
		return parse_dates(parser);
	if (skip_word(parser, "earliest"))
		return parse_earliest(parser, depth);
	return fail_syntax(parser);
}

bool
loyalty_validity_parse(const char *text, ValidityPolicy **policy, CoreError *err)
{
	Parser		parser = {.p = text,.capacity = 8,.err = err};
	Size		size;

	parser.nodes = palloc(sizeof(PolicyNode) * parser.capacity);
	if (!parse_policy(&parser, 0))
		return false;
	skip_blanks(&parser);
	if (*parser.p != '\0')
		return loyalty_core_fail(err, CORE_SYNTAX, "Junk behind the policy.");

	size = offsetof(ValidityPolicy, nodes) + sizeof(PolicyNode) * parser.count;
	*policy = palloc0(size);
	SET_VARSIZE(*policy, size);
	(*policy)->version = POLICY_VERSION;
	memcpy((*policy)->nodes, parser.nodes, sizeof(PolicyNode) * parser.count);
	pfree(parser.nodes);
	return true;
}

/* Writes the policy that starts at the node; returns the node behind it. */
static const PolicyNode *
format_node(const PolicyNode *node, StringInfo text)
{
	switch ((PolicyKind) node->kind)
	{
		case POLICY_NEVER:
			appendStringInfoString(text, "never");
			return node + 1;
		case POLICY_LENGTH:
			appendStringInfo(text, "%d %s%s", (int) node->count, unit_names[node->unit],
							 node->count == 1 ? "" : "s");
			if (node->period != CALENDAR_NONE)
				appendStringInfo(text, " end of %s", unit_names[node->period]);
			return node + 1;
		case POLICY_END:
			appendStringInfo(text, "end of %s%s", node->count > 0 ? "next " : "",
							 unit_names[node->period]);
			return node + 1;
		case POLICY_DATES:
			for (int i = 1; i <= node->count; i++)
				appendStringInfo(text, "%s%02d-%02d", i == 1 ? "on " : ",",
								 node[i].unit, node[i].period);
			return node + 1 + node->count;
		case POLICY_EARLIEST:
			appendStringInfoString(text, "earliest of (");
			node = format_node(node + 1, text);
			appendStringInfoString(text, ", ");
			node = format_node(node, text);
			appendStringInfoChar(text, ')');
			return node;
		case POLICY_DATE:
			break;
	}
	loyalty_core_corrupt("validity_policy");
	return NULL;
}

char *
loyalty_validity_format(const ValidityPolicy *policy)
{
	StringInfoData text;

	initStringInfo(&text);
	format_node(policy->nodes, &text);
	return text.data;
}

/* Local time a length later; the time of day stays. */
static LocalTime
add_length(LocalTime local, const PolicyNode *length)
{
	switch ((CalendarUnit) length->unit)
	{
		case CALENDAR_DAY:
			local.day += length->count;
			break;
		case CALENDAR_WEEK:
			local.day += (int64) length->count * 7;
			break;
		case CALENDAR_MONTH:
			local.day = loyalty_day_plus_months(local.day, length->count);
			break;
		default:
			local.day = loyalty_day_plus_months(local.day, (int64) length->count * 12);
			break;
	}
	return local;
}

/*
 * The first of the dates that is not before the local day.  29 Feb is 28 Feb
 * in a year that has no other.
 */
static int64
next_date(const PolicyNode *dates, int count, int64 day)
{
	int64		year;
	int			month;
	int			day_of_month;

	loyalty_date_from_days(day, &year, &month, &day_of_month);
	for (;; year++)
	{
		for (int i = 0; i < count; i++)
		{
			int			last = loyalty_days_in_month(year, dates[i].unit);
			int64		date = loyalty_days_from_date(year, dates[i].unit,
													  Min(dates[i].period, last));

			if (date >= day)
				return date;
		}
	}
}

/* Returns the node behind the policy, NULL on failure. */
static const PolicyNode *
evaluate_node(const PolicyNode *node, LocalTime from, const LocalClock *clock,
			  TimestampTz *until, CoreError *err)
{
	TimestampTz other;
	int64		day;

	switch ((PolicyKind) node->kind)
	{
		case POLICY_NEVER:
			*until = DT_NOEND;
			return node + 1;
		case POLICY_LENGTH:
			from = add_length(from, node);
			if (node->period == CALENDAR_NONE ?
				!loyalty_clock_instant(clock, from, until, err) :
				!loyalty_clock_round_up(clock, node->period, from, until, err))
				return NULL;
			return node + 1;
		case POLICY_END:
			day = loyalty_period_next_day(node->period, from.day);
			if (node->count > 0)
				day = loyalty_period_next_day(node->period, day);
			return loyalty_clock_midnight(clock, day, until, err) ? node + 1 : NULL;
		case POLICY_DATES:
			day = next_date(node + 1, node->count, from.day) + 1;
			return loyalty_clock_midnight(clock, day, until, err) ?
				node + 1 + node->count : NULL;
		case POLICY_EARLIEST:
			node = evaluate_node(node + 1, from, clock, until, err);
			if (node != NULL)
				node = evaluate_node(node, from, clock, &other, err);
			if (node != NULL)
				*until = Min(*until, other);
			return node;
		case POLICY_DATE:
			break;
	}
	loyalty_core_corrupt("validity_policy");
	return NULL;
}

bool
loyalty_validity_evaluate(const ValidityPolicy *policy, TimestampTz valid_from,
						  const LocalClock *clock, TimestampTz *valid_until,
						  CoreError *err)
{
	LocalTime	from = clock->to_local(clock->zone, valid_from);

	return evaluate_node(policy->nodes, from, clock, valid_until, err) != NULL;
}
