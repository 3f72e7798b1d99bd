/*
 * rules_work.h
 *		The rooms of the rule engine among themselves.
 *
 * Everything lives in the memory context in which loyalty_rules_evaluate was
 * called; structs of the configuration are only pointed to.
 */
#ifndef LOYALTY_RULES_WORK_H
#define LOYALTY_RULES_WORK_H

#include "nodes/pg_list.h"
#include "engine/number.h"
#include "engine/rules.h"
#include "engine/rules_json.h"
#include "engine/use_table.h"

/* What the paths see and what the points depend on: of now, or as stored. */
typedef struct RuleWork
{
	const Program *program;		/* time zone, rounding, validity, pending_for */
	TimestampTz at;
	const char *tier_name;		/* NULL = none */
	int32		tier_rank;
	Numeric		tier_multiplier;	/* NULL = 1 */
	const char *plan_name;		/* the multiplier is of this plan; NULL = of the tier */
	Numeric		multiplier;		/* the greater of the two; NULL = 1 */
	int64		count;			/* $count; -1 = no rule mentions it */
	const StreakValue *streak;	/* $streak; NULL = the event has none */
	int64		idle_days;		/* $idle_days; -1 = there was no event before */
	int64		room;			/* under max_balance; -1 = it has none */
	const Jsonb *attributes;
	const Jsonb *member;		/* what the rules mention of it; NULL = {} */
	List	   *rules;			/* of const Rule; in window, for this tier */
	const Jsonb *variables;		/* for the paths */
	int			bits;			/* of all rules' variables */
	const RuleFacts *facts;
	const char *member_ref;
	bool		correcting;		/* rules and variables are those stored */
	bool		renewed;		/* the event is resettled by the rules of now */
	List	   *stored;			/* of StoredFacts, then */
} RuleWork;

/* Keys of limits are stored as they are up to this length, in bytes. */
#define RULE_KEY_MAX 63

/* What was known of one rule when the event was first granted. */
typedef struct StoredFacts
{
	int64		version_id;
	List	   *used;			/* of RuleUse: what was used of its limits before */
	bool		has_before;
	int64		before_count;	/* $period_count */
	Numeric		before_sum;		/* $period_sum */
	Numeric		carried;		/* fraction from earlier events; NULL = 0 */
} StoredFacts;

/* A period and key in which matches of a limited rule count together. */
typedef struct LimitBucket
{
	RuleUse		use;			/* comes first; what was used before the event; then what it uses */
	Numeric		granted;		/* to the matches so far */
	int64		times;			/* of them */
	int			part;			/* of the points that are shared out; -1 = none yet */
	int64		points_before;	/* what was used before the event, once that is known */
	int64		times_before;
	bool		points_first;	/* more were used when the event was first granted than now */
	bool		times_first;
} LimitBucket;

/* One match of `each`, of a rule that has limits. */
typedef struct RuleMatch
{
	Numeric		points;			/* after multipliers, then what limits leave */
	Numeric		growth;			/* NULL = 0 */
	bool		cut;			/* to nothing, by a limit, budget or max_balance */
	const char **keys;			/* per limit */
	LimitBucket **buckets;		/* per limit */
} RuleMatch;

/* What the variables of one rule stand for. */
typedef struct RuleScope
{
	int64		n;
	Numeric		sum;
	RuleUse		before;			/* $period_count and $period_sum: events before this one */
} RuleScope;

/* What one rule gives to the event. */
typedef struct RuleResult
{
	const Rule *rule;
	int			matches;		/* of `each`, for which the condition holds */
	int			misses;			/* matches whose points or factor were no number */
	int			negatives;		/* of a multiplying rule: whose factor was below 0 */
	bool		tracked;		/* noted even where it gives nothing */
	bool		held_out;
	bool		lost;			/* its exclusive group: it only counts something */
	Numeric		points;			/* before multipliers; of a multiplying rule its factor */
	Numeric		multiplier;		/* of points; NULL = 1 */
	Numeric		wished;			/* after them; of a multiplying rule what it adds */
	Numeric		uncapped;		/* that without max_multiplier; NULL = the same */
	Numeric		limited;		/* after limits, budget and max_balance */
	Numeric		growth;
	RuleScope  *scope;			/* NULL = the rule needs none */
	List	   *match_list;		/* of RuleMatch; NIL if it has no limits */
	UseTable	buckets;		/* of LimitBucket, by their uses */
	List	   *cuts;			/* of char *: what cut it */
	bool		raised;			/* to min_points */
	List	   *uses;			/* of RuleUse: by the event */
	Numeric		carried;		/* fraction that came in; NULL = 0 */
	Numeric		lent;			/* what lacked to a whole point, hardly anything; NULL = 0 */
	Numeric		carry_change;	/* of the fraction that is kept; NULL = 0 */
	int64		granted;		/* its whole share of the points */
	int64		granted_growth;
	int			grant;			/* the grant that it is part of */
} RuleResult;

/* rules_path.c: paths and their variables */
extern const Jsonb *loyalty_rule_variables(const RuleWork *work, int bits,
										   const RuleScope *scope);
extern const Jsonb *loyalty_rule_member(const Jsonb *attributes, const List *rules);
extern bool loyalty_rule_apply(const Rule *rule, const RuleWork *work, RuleResult *result);

/* rules.c */
extern void loyalty_rule_validity(const RuleWork *work, const Rule *rule, GrantShare *share);

/* rules_multiply.c: which rules stay, and what the multipliers make of them */
extern void loyalty_rules_multiply(const RuleWork *work, RuleResult *results, int *count);

/* rules_limit.c: what limits, budgets and max_balance leave */
extern void loyalty_rules_limit(const RuleWork *work, RuleResult *results, int count);
extern bool loyalty_rules_take_away(const RuleResult *results, int count);
extern bool loyalty_match_grants(const RuleResult *result, const RuleMatch *match);
extern bool loyalty_result_grants(const RuleResult *result);

/* rules_use.c: what the event uses of them */
extern bool loyalty_match_counted(const RuleMatch *match, int limit);
extern void loyalty_rule_note_use(const RuleWork *work, RuleResult *result);
extern StoredFacts *loyalty_stored_facts(const RuleWork *work, int64 version_id);

/* local_day.c: local days as dates: of an instant, and the first of its period */
extern int32 loyalty_period_day(TimestampTz at, pg_tz *tz);
extern int32 loyalty_period_since(RulePeriod per, TimestampTz at, pg_tz *tz);

/* rules_share.c: whole points */
/*
 * Rounds the sum of the parts and gives each part its whole share of it, by
 * largest remainder; a sum below zero is rounded toward it.  False if the sum
 * leaves bigint.
 */
extern void loyalty_parts_share(const Numeric *parts, int count, int64 total, int64 *shares);
extern bool loyalty_parts_round(const Numeric *parts, int count, Rounding rounding,
								int64 *shares, int64 *total);

/* rules_facts.c: use and facts within a breakdown */
extern void loyalty_uses_push(JsonWriter *json, const char *key, const List *uses);
extern List *loyalty_uses_read(const JsonbContainer *object, List *uses, int32 rule_id);
extern void loyalty_streak_push(JsonWriter *json, const StreakValue *streak);
extern void loyalty_breakdown_push_facts(JsonWriter *json, const RuleWork *work,
										 const RuleResult *results, int count);
extern void loyalty_breakdown_read_facts(const JsonbContainer *facts, RuleWork *work);
extern bool loyalty_json_find(const JsonbContainer *object, const char *key,
							  enum jbvType type, JsonbValue *value);
extern int64 loyalty_json_int64(const JsonbValue *value);

/* What a rule's object has of its use, each NULL or false if it has none. */
typedef struct UseParts
{
	bool		counts;			/* of limits */
	const RuleUse *seen;
	const RuleUse *carry;
	const RuleUse *budget;
} UseParts;

extern void loyalty_breakdown_use(const RuleResult *result, UseParts *parts);
extern void loyalty_breakdown_push_counts(JsonWriter *json, const RuleResult *result);
extern void loyalty_breakdown_push_seen(JsonWriter *json, const RuleUse *seen);
extern void loyalty_breakdown_read_before(const JsonbContainer *results, RuleWork *work);

/* rules_breakdown.c: what is stored with a grant, and read back for a correction */
extern Jsonb *loyalty_breakdown_build(const RuleWork *work, const RuleResult *results,
									  int result_count, int grant);
extern void loyalty_breakdown_read(const Jsonb *stored, const EventRequest *request,
								   RuleWork *work);
extern void loyalty_breakdown_read_member(const Jsonb *stored, RuleWork *work);

#endif							/* LOYALTY_RULES_WORK_H */
