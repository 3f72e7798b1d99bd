/*
 * explain_membership.c
 *		Paid plans, benefits, coupons and granted tiers as sentences.
 */
#include "postgres.h"

#include "api/explain.h"
#include "nls.h"
#include "types/instant.h"

/* A noted instant, in the program's local time. */
static const char *
tell_noted_instant(const Telling *telling, const Entry *entry, const char *key)
{
	const char *text = loyalty_tell_noted(entry, key);
	const char *cursor = text;
	TimestampTz instant;

	if (text == NULL || !loyalty_instant_parse(&cursor, text + strlen(text), &instant, NULL))
		return text;
	return loyalty_tell_instant(telling, instant);
}

void
loyalty_tell_membership(Telling *telling, const Entry *entry, const char *at)
{
	const char *quota = loyalty_tell_noted(entry, "quota");

	if (entry->kind == ENTRY_SUBSCRIBE)
		loyalty_tell(telling, _("%s: plan %s was subscribed to from %s until %s for %s."), at,
					 loyalty_tell_noted(entry, "plan"),
					 tell_noted_instant(telling, entry, "since"),
					 tell_noted_instant(telling, entry, "until"),
					 loyalty_tell_noted(entry, "price"));
	else if (entry->kind == ENTRY_UNSUBSCRIBE)
		loyalty_tell(telling, _("%s: plan %s was cancelled; %s of its price is for the time left."),
					 at, loyalty_tell_noted(entry, "plan"), loyalty_tell_noted(entry, "refund"));
	else if (entry->kind == ENTRY_TIER && loyalty_tell_noted(entry, "until") == NULL)
		loyalty_tell(telling, _("%s: tier %s was granted (%s) without an end."), at,
					 loyalty_tell_noted(entry, "tier"), loyalty_tell_noted(entry, "kind"));
	else if (entry->kind == ENTRY_TIER)
		loyalty_tell(telling, _("%s: tier %s was granted (%s) until %s."), at,
					 loyalty_tell_noted(entry, "tier"), loyalty_tell_noted(entry, "kind"),
					 tell_noted_instant(telling, entry, "until"));
	else if (entry->kind == ENTRY_COUPON)
		loyalty_tell(telling, _("%s: coupon %s (%s) was used."), at,
					 loyalty_tell_noted(entry, "coupon_id"), loyalty_tell_noted(entry, "coupon"));
	else
	{
		loyalty_tell(telling, _("%s: benefit %s was used (%s, %s)."), at,
					 loyalty_tell_noted(entry, "benefit"), loyalty_tell_noted(entry, "quantity"),
					 loyalty_tell_noted(entry, "unit"));
		if (quota != NULL)
			loyalty_tell(telling, _("That made %s of %s."), loyalty_tell_noted(entry, "used"),
						 quota);
	}
}
