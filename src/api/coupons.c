/*
 * coupons.c
 *		use_coupon: a coupon that a rule gave is used, once.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/story.h"
#include "engine/membership.h"
#include "engine/rules_json.h"
#include "engine/rules_work.h"
#include "errors.h"
#include "ledger/effect_row.h"

PG_FUNCTION_INFO_V1(loyalty_use_coupon);

static Jsonb *
breakdown_of(const GivenCoupon *coupon)
{
	JsonWriter *json = loyalty_json_object();

	loyalty_json_text(json, "kind", coupon->kind);
	loyalty_json_number(json, "value", coupon->value);
	loyalty_json_text(json, "coupon", coupon->name);
	loyalty_json_integer(json, "coupon_id", coupon->coupon_id);
	return loyalty_json_finish(json);
}

/* The receipt that the entry's own breakdown tells. */
static Datum
coupon_receipt_datum(FunctionCallInfo fcinfo, const MemberState *member, const Entry *entry,
					 bool replayed)
{
	const JsonbContainer *noted = &entry->breakdown->root;
	JsonbValue	value;
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = Int64GetDatum(entry->entry_id);
	values[1] = CStringGetTextDatum(member->ref);
	(void) loyalty_json_find(noted, "coupon_id", jbvNumeric, &value);
	values[2] = Int64GetDatum(loyalty_json_int64(&value));
	(void) loyalty_json_find(noted, "coupon", jbvString, &value);
	values[3] = PointerGetDatum(cstring_to_text_with_len(value.val.string.val,
														 value.val.string.len));
	(void) loyalty_json_find(noted, "kind", jbvString, &value);
	values[4] = PointerGetDatum(cstring_to_text_with_len(value.val.string.val,
														 value.val.string.len));
	(void) loyalty_json_find(noted, "value", jbvNumeric, &value);
	values[5] = NumericGetDatum(value.val.numeric);
	values[6] = BoolGetDatum(replayed);
	return loyalty_row_datum(fcinfo, values, nulls);
}

static const char *
number_text(Numeric number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

static void
require_usable(const MemberState *member, const GivenCoupon *coupon, Numeric amount,
			   TimestampTz at)
{
	if (member->status != STATUS_ACTIVE && member->status != STATUS_EARN_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not use coupons", member->ref),
				 errdetail("The member is %s.", loyalty_status_name(member->status)),
				 errhint("Change it with loyalty.set_status().")));
	if (coupon->used || coupon->voided || at < coupon->valid_from || at >= coupon->valid_until)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("coupon %lld of member \"%s\" cannot be used",
						(long long) coupon->coupon_id, member->ref),
				 coupon->used ? errdetail("It was used before.") :
				 coupon->voided ? errdetail("It is void, since its event no longer gives it.") :
				 at < coupon->valid_from ?
				 errdetail("It is valid from %s on.", timestamptz_to_str(coupon->valid_from)) :
				 errdetail("It was valid until %s.", timestamptz_to_str(coupon->valid_until)),
				 errhint("loyalty.coupons() shows those that can be used.")));
	if (amount != NULL && loyalty_number_compare(amount, coupon->minimum_order) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("coupon %lld of member \"%s\" cannot be used",
						(long long) coupon->coupon_id, member->ref),
				 errdetail("It is for orders of at least %s.",
						   number_text(coupon->minimum_order))));
}

/* use_coupon(member, coupon_id, ref, amount, at, program) */
Datum
loyalty_use_coupon(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	GivenCoupon coupon = {0};
	const char *ref = loyalty_arg_key(fcinfo, 2, "ref", false);
	Numeric		amount = PG_ARGISNULL(3) ? NULL : PG_GETARG_NUMERIC(3);
	TimestampTz at = loyalty_arg_at(fcinfo, 4);
	const Program *program = loyalty_arg_program(fcinfo, 5);
	StringInfoData content;
	Call		call;
	Receipt		first;
	List	   *story;
	Entry	   *entry;
	int64		digest;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", "coupon_id")));
	coupon.coupon_id = PG_GETARG_INT64(1);
	loyalty_call_open(&call, "use_coupon()", program, member, ENROLL_NEVER, at);
	initStringInfo(&content);
	loyalty_digest_number(&content, coupon.coupon_id);
	digest = loyalty_call_digest(&call.member, ENTRY_COUPON, &content);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_COUPON, 0, ref, digest, &first))
	{
		loyalty_writer_close(&call.writer);
		return coupon_receipt_datum(fcinfo, &call.member,
									loyalty_story_first(story, ENTRY_COUPON), true);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	if (!loyalty_coupon_load(call.member.member_id, &coupon))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"%s\" has no coupon %lld", member,
						(long long) coupon.coupon_id),
				 errhint("loyalty.coupons() shows those that can be used.")));
	require_usable(&call.member, &coupon, amount, call.engine.at);
	entry = loyalty_engine_note(&call.engine, ENTRY_COUPON, ref, breakdown_of(&coupon));
	entry->request_digest = digest;
	loyalty_coupon_use(call.member.member_id, coupon.coupon_id, entry->entry_id);
	loyalty_call_finish(&call);
	return coupon_receipt_datum(fcinfo, &call.member, entry, false);
}
