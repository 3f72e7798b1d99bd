/*
 * referral.c
 *		Rows of loyalty.referral_rule.
 */
#include "postgres.h"

#include "config/load.h"

void
loyalty_referral_rule_load(HeapTuple row, TupleDesc desc, ReferralRule *rule)
{
	rule->event = loyalty_config_column_text(row, desc, "event");
	rule->condition = palloc(sizeof(RulePath));
	loyalty_path_load(row, desc, "condition", rule->condition);
	rule->within = loyalty_config_column_interval(row, desc, "within");
}
