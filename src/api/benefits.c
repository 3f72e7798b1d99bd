/*
 * benefits.c
 *		benefits and use_benefit: what a member is entitled to and has used.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "api/tier.h"
#include "api/story.h"
#include "compat.h"
#include "errors.h"
#include "ledger/membership_row.h"
#include "types/instant.h"

PG_FUNCTION_INFO_V1(loyalty_benefits);
PG_FUNCTION_INFO_V1(loyalty_use_benefit);

/* What is answered; becomes a loyalty.benefit_receipt. */
typedef struct BenefitReceipt
{
	int64		entry_id;
	const char *member;
	const char *benefit;
	int64		quantity;
	int64		used;			/* in the period, this one included */
	int64		quota;			/* BENEFIT_UNLIMITED */
	TimestampTz period_end;		/* DT_NOEND = none */
	bool		replayed;
} BenefitReceipt;

static Datum
benefit_receipt_datum(FunctionCallInfo fcinfo, const BenefitReceipt *receipt)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = Int64GetDatum(receipt->entry_id);
	values[1] = CStringGetTextDatum(receipt->member);
	values[2] = CStringGetTextDatum(receipt->benefit);
	values[3] = Int64GetDatum(receipt->quantity);
	values[4] = Int64GetDatum(receipt->used);
	values[5] = Int64GetDatum(Max(receipt->quota - receipt->used, 0));
	nulls[5] = receipt->quota == BENEFIT_UNLIMITED;
	values[6] = TimestampTzGetDatum(receipt->period_end);
	nulls[6] = receipt->period_end == DT_NOEND;
	values[7] = BoolGetDatum(receipt->replayed);
	return loyalty_row_datum(fcinfo, values, nulls);
}

static void
get_standing(Standing *standing, const Program *program, const MemberState *member,
			 TimestampTz at)
{
	standing->program = program;
	standing->tier = loyalty_tier_at(program, member, at);
	standing->tiers = loyalty_tiers_held(member->member_id);
	standing->subscriptions = loyalty_subscriptions_load(member->member_id);
	standing->at = at;
}

static bool
noted_value(const Entry *entry, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &entry->breakdown->root),
										key, strlen(key), value) != NULL;
}

static int64
noted_number(const Entry *entry, const char *key, int64 unset)
{
	JsonbValue	value;

	if (!noted_value(entry, key, &value) || value.type != jbvNumeric)
		return unset;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value.val.numeric)));
}

/* The receipt that the entry's own breakdown tells. */
static void
read_receipt(BenefitReceipt *receipt, const Call *call, const char *name, const Entry *entry)
{
	JsonbValue	value;

	receipt->entry_id = entry->entry_id;
	receipt->member = call->member.ref;
	receipt->benefit = name;
	receipt->quantity = noted_number(entry, "quantity", 0);
	receipt->used = noted_number(entry, "used", 0);
	receipt->quota = noted_number(entry, "quota", BENEFIT_UNLIMITED);
	receipt->period_end = DT_NOEND;
	receipt->replayed = false;
	if (noted_value(entry, "until", &value) && value.type == jbvString)
	{
		const char *at = value.val.string.val;

		(void) loyalty_instant_parse(&at, at + value.val.string.len, &receipt->period_end, NULL);
	}
}

static void
require_known(const Program *program, const char *name)
{
	for (int i = 0; i < program->benefit_count; i++)
	{
		if (strcmp(program->benefits[i].name, name) == 0)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown benefit \"%s\" in program \"%s\"", name, program->name),
			 errhint("Benefits are the active rows of loyalty.benefit.")));
}

static void
require_entitled(const MemberState *member, const char *name, const Entitlement *entitlement)
{
	if (member->status != STATUS_ACTIVE && member->status != STATUS_EARN_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not use benefits", member->ref),
				 errdetail("The member is %s.", loyalty_status_name(member->status)),
				 errhint("Change it with loyalty.set_status().")));
	if (entitlement->benefit == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" cannot use benefit \"%s\"", member->ref, name),
				 entitlement->condition_fails ?
				 errdetail("Its condition does not hold for what it is used on.") :
				 errdetail("Neither tier nor plan of the member gives it.")));
}

/* use_benefit(member, benefit, quantity, ref, attributes, at, program) */
Datum
loyalty_use_benefit(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_key(fcinfo, 1, "benefit", true);
	int64		quantity = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	const char *ref = loyalty_arg_key(fcinfo, 3, "ref", false);
	const Jsonb *attributes = loyalty_arg_object(fcinfo, 4, "attributes");
	TimestampTz at = loyalty_arg_at(fcinfo, 5);
	const Program *program = loyalty_arg_program(fcinfo, 6);
	StringInfoData content;
	Call		call;
	Receipt		first;
	BenefitReceipt receipt;
	Standing	standing;
	Entitlement entitlement;
	List	   *story;
	Entry	   *entry;
	int64		digest;
	int64		used;

	if (quantity <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantity must be greater than 0")));
	require_known(program, name);
	loyalty_call_open(&call, "use_benefit()", program, member, ENROLL_NEVER, at);
	initStringInfo(&content);
	loyalty_digest_text(&content, name);
	loyalty_digest_number(&content, quantity);
	loyalty_digest_jsonb(&content, attributes);
	digest = loyalty_call_digest(&call.member, ENTRY_BENEFIT, &content);
	story = loyalty_call_story(&call, ref);
	if (loyalty_call_replay(&call, story, ENTRY_BENEFIT, 0, ref, digest, &first))
	{
		read_receipt(&receipt, &call, name, loyalty_story_first(story, ENTRY_BENEFIT));
		receipt.replayed = true;
		loyalty_writer_close(&call.writer);
		return benefit_receipt_datum(fcinfo, &receipt);
	}

	loyalty_call_start(&call, loyalty_call_time(&call, at));
	get_standing(&standing, program, &call.member, call.engine.at);
	loyalty_benefit_entitle(&standing, name, attributes, &entitlement);
	require_entitled(&call.member, name, &entitlement);
	used = loyalty_benefit_used(call.member.member_id, name, entitlement.period_start);
	if (quantity > entitlement.benefit->quota - used)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_LIMIT_REACHED),
				 errmsg("the quota of benefit \"%s\" is used up", name),
				 errdetail("Asked for %lld (%s), used %lld of %lld.", (long long) quantity,
						   entitlement.benefit->unit, (long long) used,
						   (long long) entitlement.benefit->quota),
				 entitlement.period_end == DT_NOEND ? 0 :
				 errhint("The next period begins at %s.",
						 timestamptz_to_str(entitlement.period_end))));
	used = loyalty_benefit_add(call.member.member_id, name, entitlement.period_start, quantity);
	entry = loyalty_engine_note(&call.engine, ENTRY_BENEFIT, ref,
								loyalty_breakdown_benefit(name, quantity, used, &entitlement));
	entry->request_digest = digest;
	if (program->keep_attributes)
		entry->attributes = attributes;
	loyalty_call_finish(&call);
	read_receipt(&receipt, &call, name, entry);
	return benefit_receipt_datum(fcinfo, &receipt);
}

static void
put_benefit(ReturnSetInfo *rsinfo, const MemberState *member, const Entitlement *entitlement)
{
	const Benefit *benefit = entitlement->benefit;
	int64		used = loyalty_benefit_used(member->member_id, benefit->name,
											entitlement->period_start);
	Datum		values[13];
	bool		nulls[13] = {false};

	values[0] = CStringGetTextDatum(benefit->name);
	values[1] = CStringGetTextDatum(benefit->kind);
	values[2] = NumericGetDatum(benefit->value);
	nulls[2] = benefit->value == NULL;
	values[3] = Int64GetDatum(benefit->quota);
	nulls[3] = benefit->quota == BENEFIT_UNLIMITED;
	values[4] = Int64GetDatum(used);
	values[5] = Int64GetDatum(Max(benefit->quota - used, 0));
	nulls[5] = nulls[3];
	values[6] = CStringGetTextDatum(benefit->unit);
	values[7] = CStringGetTextDatum(benefit->period_name);
	values[8] = TimestampTzGetDatum(entitlement->period_start);
	values[9] = TimestampTzGetDatum(entitlement->period_end);
	nulls[8] = nulls[9] = benefit->period == CALENDAR_NONE;
	nulls[10] = benefit->tier == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(benefit->tier);
	nulls[11] = benefit->plan == NULL;
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(benefit->plan);
	values[12] = PointerGetDatum(benefit->condition->path);
	nulls[12] = benefit->condition->path == NULL;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* benefits(member, at, program) */
Datum
loyalty_benefits(PG_FUNCTION_ARGS)
{
	const char *ref = loyalty_arg_key(fcinfo, 0, "member", true);
	TimestampTz at = loyalty_arg_at(fcinfo, 1);
	const Program *program = loyalty_arg_program(fcinfo, 2);
	MemberState member;
	Standing	standing;
	const char *name = NULL;

	InitMaterializedSRF(fcinfo, 0);
	loyalty_member_require(program, ref, &member);
	get_standing(&standing, program, &member,
				 at == DT_NOBEGIN ? Max(GetCurrentTimestamp(), member.last_at) : at);

	/* rows of one name stand together */
	for (int i = 0; i < program->benefit_count; i++)
	{
		Entitlement entitlement;

		if (name != NULL && strcmp(name, program->benefits[i].name) == 0)
			continue;
		name = program->benefits[i].name;
		loyalty_benefit_entitle(&standing, name, NULL, &entitlement);
		if (entitlement.benefit != NULL)
			put_benefit((ReturnSetInfo *) fcinfo->resultinfo, &member, &entitlement);
	}
	PG_RETURN_NULL();
}
