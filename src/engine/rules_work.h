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
#include "engine/rules.h"

/* What the paths see and what the points depend on: of now, or as stored. */
typedef struct RuleWork
{
	const Program *program;		/* time zone, rounding, validity, pending_for */
	TimestampTz at;
	const char *tier_name;		/* NULL = none */
	int32		tier_rank;
	Numeric		tier_multiplier;	/* NULL = 1 */
	const char *plan_name;		/* the multiplier is of this plan; NULL = of the tier */
	Numeric		multiplier;		/* NULL = 1 */
	const Jsonb *attributes;
	const Jsonb *member;		/* what the rules mention of it; NULL = {} */
	List	   *rules;			/* of const Rule; in window, for this tier */
	const Jsonb *variables;		/* for the paths */
} RuleWork;

/* What one rule gives to the event. */
typedef struct RuleResult
{
	const Rule *rule;
	int			matches;		/* of `each`, for which the condition holds */
	int			misses;			/* matches whose points were no number */
	Numeric		points;			/* before multipliers */
	Numeric		wished;			/* after them */
	Numeric		growth;
	int64		granted;		/* its whole share of the points */
	int64		granted_growth;
	int			grant;			/* the grant that it is part of */
} RuleResult;

/* rules_path.c: paths and their variables */
extern const Jsonb *loyalty_rule_variables(const RuleWork *work, int bits);
extern const Jsonb *loyalty_rule_member(const Jsonb *attributes, const List *rules);
extern bool loyalty_rule_apply(const Rule *rule, const RuleWork *work, RuleResult *result);

/* rules.c */
extern void loyalty_rule_multiplier(RuleWork *work, const PaidPlan *plan);

/* rules_share.c: whole points */
extern Numeric loyalty_number_add(Numeric a, Numeric b);
extern Numeric loyalty_number_multiply(Numeric a, Numeric b);
extern bool loyalty_number_round(Numeric number, Rounding rounding, int64 *whole);

/*
 * Rounds the sum of the parts and gives each part its whole share of it, by
 * largest remainder; a sum below zero is rounded toward it.  False if the sum
 * leaves bigint.
 */
extern bool loyalty_parts_round(const Numeric *parts, int count, Rounding rounding,
								int64 *shares, int64 *total);

/* rules_breakdown.c: what is stored with a grant, and read back for a correction */
extern Jsonb *loyalty_breakdown_build(const RuleWork *work, const RuleResult *results,
									  int result_count, int grant);
extern void loyalty_breakdown_read(const Jsonb *stored, const EventRequest *request,
								   RuleWork *work);

#endif							/* LOYALTY_RULES_WORK_H */
