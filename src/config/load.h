/*
 * load.h
 *		Rows of the configuration tables to structs; private to this floor.
 *
 * A loader takes a row of its table, however it was read (a scan of the table
 * or a stored version), and allocates all it returns in the current context.
 */
#ifndef LOYALTY_CONFIG_LOAD_H
#define LOYALTY_CONFIG_LOAD_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "config/config.h"

/* A column by its name; a missing one means another version's tables. */
extern Datum loyalty_config_column_get(HeapTuple row, TupleDesc desc, const char *column,
									   bool *isnull);
extern bool loyalty_config_column_bool(HeapTuple row, TupleDesc desc, const char *column);
extern int32 loyalty_config_column_int32(HeapTuple row, TupleDesc desc, const char *column);
extern int64 loyalty_config_column_int64(HeapTuple row, TupleDesc desc, const char *column);

/* A bigint that limits something; -1 for NULL. */
extern int64 loyalty_config_column_limit(HeapTuple row, TupleDesc desc, const char *column);

/* These return NULL for NULL. */
extern char *loyalty_config_column_text(HeapTuple row, TupleDesc desc, const char *column);
extern Numeric loyalty_config_column_numeric(HeapTuple row, TupleDesc desc, const char *column);
extern ValidityPolicy *loyalty_config_column_validity(HeapTuple row, TupleDesc desc,
													  const char *column);
extern Interval *loyalty_config_column_interval(HeapTuple row, TupleDesc desc, const char *column);

/* An instant; `absent` for NULL. */
extern TimestampTz loyalty_config_column_instant(HeapTuple row, TupleDesc desc,
												 const char *column, TimestampTz absent);

/* version_id is left to the caller where the row is a stored version. */
extern void loyalty_program_load(HeapTuple row, TupleDesc desc, Program *program);
extern void loyalty_tier_load(HeapTuple row, TupleDesc desc, Tier *tier);
extern void loyalty_plan_load(HeapTuple row, TupleDesc desc, PaidPlan *plan);
extern void loyalty_benefit_load(HeapTuple row, TupleDesc desc, Benefit *benefit);
extern void loyalty_referral_rule_load(HeapTuple row, TupleDesc desc, ReferralRule *rule);
extern void loyalty_streak_terms_load(HeapTuple row, TupleDesc desc, StreakTerms *terms);
extern void loyalty_task_load(HeapTuple row, TupleDesc desc, Task *task);
extern void loyalty_contest_load(HeapTuple row, TupleDesc desc, Contest *contest);
extern void loyalty_coupon_type_load(HeapTuple row, TupleDesc desc, CouponType *type);
extern void loyalty_draw_load(HeapTuple row, TupleDesc desc, Draw *draw);
extern void loyalty_rule_load(HeapTuple row, TupleDesc desc, Rule *rule);

/* A jsonpath column, compiled; absent if NULL. */
extern void loyalty_path_load(HeapTuple row, TupleDesc desc, const char *column,
							  RulePath *path);
/* A jsonpath, copied and compiled; absent if isnull. */
extern void loyalty_rule_path_compile(Datum path, bool isnull, RulePath *result);

/* Notes with a rule what one of its paths uses. */
extern void loyalty_rule_add_use(Rule *rule, const RulePath *path);

/* rule_limits.c: the column limits of a rule; 22023 where it is none. */
extern void loyalty_rule_limits_load(const Jsonb *limits, Rule *rule);

/* effect.c: the column effects of a rule whose name is known; 22023 likewise. */
extern void loyalty_rule_effects_load(const Jsonb *effects, Rule *rule);

/* The program, if its time zone is known to this server; else 22023. */
extern const Program *loyalty_program_check(const Program *program);

/* Raises LY005: none of these programs has that name; NULL = none is the default. */
extern void loyalty_program_report_unknown(const Program *programs, int count,
										   const char *name);

/* Forgets stored versions where they take too much room or are another's. */
extern void loyalty_versions_end_transaction(void);

#endif							/* LOYALTY_CONFIG_LOAD_H */
