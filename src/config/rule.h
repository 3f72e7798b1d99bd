/*
 * rule.h
 *		A row of loyalty.rule, its paths compiled.
 */
#ifndef LOYALTY_RULE_H
#define LOYALTY_RULE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonpath.h"
#include "utils/numeric.h"

#include "types/calendar.h"
#include "types/validity.h"

/* The variables that a path may mention, as bits. */
#define RULE_VARIABLE_EVENT		0x01
#define RULE_VARIABLE_AT		0x02
#define RULE_VARIABLE_MEMBER	0x04
#define RULE_VARIABLE_TIER		0x08
#define RULE_VARIABLE_COUNT		0x10
#define RULE_VARIABLE_IDLE_DAYS	0x20
#define RULE_VARIABLE_STREAK	0x400
/* those that differ from rule to rule */
#define RULE_VARIABLE_SUM		0x40
#define RULE_VARIABLE_N			0x80
#define RULE_VARIABLE_PERIOD_SUM	0x100
#define RULE_VARIABLE_PERIOD_COUNT	0x200

#define RULE_VARIABLES_OF_HISTORY	(RULE_VARIABLE_COUNT | RULE_VARIABLE_IDLE_DAYS)
#define RULE_VARIABLES_OF_PERIOD	(RULE_VARIABLE_PERIOD_SUM | RULE_VARIABLE_PERIOD_COUNT)
#define RULE_VARIABLES_OF_RULE \
	(RULE_VARIABLE_SUM | RULE_VARIABLE_N | RULE_VARIABLES_OF_PERIOD)

/* Local periods in which use is counted, in the program's time zone. */
typedef enum RulePeriod
{
	PERIOD_EVENT = 'v',			/* within one event: nothing is kept */
	PERIOD_DAY = 'd',
	PERIOD_WEEK = 'w',			/* ISO, from Monday */
	PERIOD_MONTH = 'm',
	PERIOD_YEAR = 'y',
	PERIOD_EVER = 'e'
} RulePeriod;

/* Paths of plain shapes, lax ones, need no jsonpath executor; same results. */
typedef enum PathShape
{
	PATH_ABSENT,				/* the column is NULL */
	PATH_GENERAL,
	PATH_ROOT,					/* $ */
	PATH_NUMBER,				/* 100 */
	PATH_VALUE,					/* $.amount */
	PATH_ARITHMETIC,			/* $.amount / 10 */
	PATH_ELEMENTS,				/* $.items[*], $.items[*] ? (@.kind == "toy") */
	PATH_COMPARISONS			/* $.channel == "app" && $at.hour >= 18 */
} PathShape;

/* A name in a path, which is not terminated. */
typedef struct PathKey
{
	char	   *name;
	int			length;
} PathKey;

/* A value that keys alone lead to. */
typedef struct PathOperand
{
	PathKey		variable;		/* name NULL = $, or @ in a filter */
	PathKey    *keys;
	int			key_count;
} PathOperand;

/* It, compared with a literal. */
typedef struct PathComparison
{
	PathOperand operand;
	JsonPathItemType operator;	/* jpiEqual ...; of texts only that and jpiNotEqual */
	JsonbValue	literal;		/* number, string or boolean */
} PathComparison;

typedef struct RulePath
{
	PathShape	shape;
	JsonPath   *path;			/* NULL if absent */
	Numeric		number;			/* PATH_NUMBER; the right side of PATH_ARITHMETIC */
	JsonPathItemType operator;	/* PATH_ARITHMETIC: jpiAdd, jpiSub, jpiMul, jpiDiv */
	PathOperand operand;		/* of PATH_VALUE, _ARITHMETIC and _ELEMENTS */
	List	   *comparisons;	/* of PathComparison: all hold; of each of PATH_ELEMENTS */
	int			variables;		/* RULE_VARIABLE_ bits */
	List	   *member_keys;	/* of char *: the keys of $member that it uses */
	bool		whole_member;	/* it uses $member in another way */
} RulePath;

/* period.c */
extern const char *loyalty_period_name(RulePeriod per);
extern bool loyalty_period_parse(const char *name, int length, RulePeriod *per);

/* CALENDAR_NONE for an event and for ever */
extern CalendarUnit loyalty_period_unit(RulePeriod per);

/* At most so many points and times in a period, per member or per key. */
typedef struct RuleLimit
{
	RulePeriod	per;
	int64		points;			/* -1 = any number */
	int64		times;			/* matches that grant something; -1 = any number */
	RulePath	key;			/* absent: all matches count together */
	bool		refuse;			/* the event, instead of reducing its points */
} RuleLimit;

/* What a rule can give beyond points. */
typedef enum EffectKind
{
	EFFECT_COUPON = 'c',
	EFFECT_DRAW_TICKET = 'd',
	EFFECT_BENEFIT = 'u',		/* units of a benefit */
	EFFECT_BADGE = 'b'
} EffectKind;

typedef struct RuleEffect
{
	EffectKind	kind;
	char	   *name;			/* of the kind of coupon, draw, benefit or badge */
	int64		count;
	ValidityPolicy *validity;	/* of units; NULL = as the rule's points */
} RuleEffect;

/* effect.c: how effects and breakdowns name the kinds */
extern const char *loyalty_effect_key(EffectKind kind);
extern bool loyalty_effect_key_parse(const char *key, EffectKind *kind);

typedef enum RuleMode
{
	RULE_ADD = 'a',
	RULE_MULTIPLY = 'm'			/* points are a factor of what the others give */
} RuleMode;

/* One row of loyalty.rule. */
typedef struct Rule
{
	int32		rule_id;
	int64		version_id;		/* of its row in config_version */
	char	   *name;
	char	   *program;
	char	   *event;
	RulePath	each;
	RulePath	condition;
	RulePath	points;
	RulePath	growth;			/* absent: the points before multipliers */
	RulePath	measure;		/* what $sum and $period_sum add up */
	RulePeriod	period;			/* of $period_sum and $period_count */
	int			variables;		/* of all paths */
	List	   *member_keys;	/* of char *: keys of $member they use */
	bool		whole_member;	/* they use $member otherwise */
	RuleMode	mode;
	char	   *exclusive_group;	/* NULL = none */
	bool		multiplied;
	RuleLimit  *limits;
	int			limit_count;
	RuleEffect *effects;
	int			effect_count;
	int64		min_points;		/* 0 = none */
	bool		carry;			/* its fraction is kept for the next event */
	int64		budget;			/* over all members, kept by the ledger floor; -1 = none */
	double		holdout;		/* share of the members who do not get it */
	bool		active;
	char	   *point_kind;		/* NULL = the program's plain points */
	char	   *partner;		/* NULL = none */
	Numeric		unit_cost;		/* NULL = none */
	char	  **tiers;
	int			tier_count;		/* 0 = everybody */
	TimestampTz starts_at;		/* inclusive */
	TimestampTz ends_at;		/* exclusive */
	ValidityPolicy *validity;	/* NULL = the program's */
	Interval   *pending_for;	/* NULL = the program's */
} Rule;

#endif							/* LOYALTY_RULE_H */
