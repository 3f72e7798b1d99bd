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
#include "ledger/effect_row.h"
#include "ledger/membership_row.h"
#include "types/instant.h"

PG_FUNCTION_INFO_V1(loyalty_benefits);
PG_FUNCTION_INFO_V1(loyalty_use_benefit);

/* What is answered; becomes a loyalty.benefit_receipt. */
typedef struct BenefitReceipt
{
	int64		entry_id;
	const char *member;
	BenefitUse	use;
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
	values[2] = CStringGetTextDatum(receipt->use.benefit);
	values[3] = Int64GetDatum(receipt->use.quantity);
	values[4] = Int64GetDatum(receipt->use.used);
	values[5] = Int64GetDatum(Max(receipt->use.quota - receipt->use.used, 0) +
							  receipt->use.units_left);
	nulls[5] = receipt->use.quota == BENEFIT_UNLIMITED;
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
	receipt->use.benefit = name;
	receipt->use.quantity = noted_number(entry, "quantity", 0);
	receipt->use.used = noted_number(entry, "used", 0);
	receipt->use.quota = noted_number(entry, "quota", BENEFIT_UNLIMITED);
	receipt->use.units = noted_number(entry, "units", 0);
	receipt->use.units_left = noted_number(entry, "units_left", 0);
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
require_entitled(const MemberState *member, const char *name, const Entitlement *entitlement,
				 const List *units)
{
	bool		by_units = units != NIL && entitlement->admitted;

	if (member->status != STATUS_ACTIVE && member->status != STATUS_EARN_BLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_MEMBER_BLOCKED),
				 errmsg("member \"%s\" may not use benefits", member->ref),
				 errdetail("The member is %s.", loyalty_status_name(member->status)),
				 errhint("Change it with loyalty.set_status().")));
	if (entitlement->benefit == NULL && !by_units)
		ereport(ERROR,
				(errcode(ERRCODE_LOYALTY_NOT_ELIGIBLE),
				 errmsg("member \"%s\" cannot use benefit \"%s\"", member->ref, name),
				 entitlement->condition_fails || units != NIL ?
				 errdetail("Its condition does not hold for what it is used on.") :
				 errdetail("Neither tier nor plan of the member gives it.")));
}

static int64
units_left(const List *units)
{
	int64		left = 0;
	ListCell   *cell;

	foreach(cell, units)
		left += ((const BenefitUnits *) lfirst(cell))->left;
	return left;
}

static void
refuse_use(const BenefitUse *use, const Entitlement *entitlement)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOYALTY_LIMIT_REACHED),
			 errmsg("the quota of benefit \"%s\" is used up", use->benefit),
			 use->units_left == 0 ?
			 errdetail("Asked for %lld (%s), used %lld of %lld.", (long long) use->quantity,
					   entitlement->any->unit, (long long) use->used, (long long) use->quota) :
			 errdetail("Asked for %lld (%s), used %lld of %lld; rules gave %lld more.",
					   (long long) use->quantity, entitlement->any->unit, (long long) use->used,
					   (long long) use->quota, (long long) use->units_left),
			 entitlement->period_end == DT_NOEND || use->quota == 0 ? 0 :
			 errhint("The next period begins at %s.",
					 timestamptz_to_str(entitlement->period_end))));
}

/*
 * Uses the units that end before `until` (or at all, if `late`) up to what is
 * asked for.
 */
static void
use_units(int64 member_id, List *units, TimestampTz until, bool late, int64 *asked,
		  BenefitUse *use)
{
	ListCell   *cell;

	foreach(cell, units)
	{
		BenefitUnits *some = lfirst(cell);
		int64		quantity = Min(*asked, some->left);

		if (quantity == 0 || (!late && some->valid_until >= until))
			continue;
		loyalty_benefit_units_use(member_id, use->benefit, some, quantity);
		some->left -= quantity;
		use->units += quantity;
		use->units_left -= quantity;
		*asked -= quantity;
	}
}

/*
 * Uses what ends soonest first: units, the quota of the period, later units.  A
 * quota without limit spares the units.
 */
static void
use_quantity(int64 member_id, List *units, const Entitlement *entitlement, BenefitUse *use)
{
	int64		quota_left;
	int64		asked = use->quantity;

	use->quota = entitlement->benefit == NULL ? 0 : entitlement->benefit->quota;
	use->used = loyalty_benefit_used(member_id, use->benefit, entitlement->period_start);
	use->units_left = units_left(units);
	quota_left = use->quota == BENEFIT_UNLIMITED ? BENEFIT_UNLIMITED :
		Max(use->quota - use->used, 0);
	if (asked - use->units_left > quota_left)
		refuse_use(use, entitlement);
	if (use->quota != BENEFIT_UNLIMITED)
		use_units(member_id, units, entitlement->period_end, false, &asked, use);
	quota_left = Min(quota_left, asked);
	if (quota_left > 0)
		use->used = loyalty_benefit_add(member_id, use->benefit, entitlement->period_start,
										quota_left);
	asked -= quota_left;
	use_units(member_id, units, DT_NOEND, true, &asked, use);
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
	BenefitUse	use = {name, quantity};
	List	   *units;
	List	   *story;
	Entry	   *entry;
	int64		digest;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", "quantity")));
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
	units = loyalty_benefit_units_load(call.member.member_id, name, call.engine.at);
	require_entitled(&call.member, name, &entitlement, units);
	if (!entitlement.admitted)
		units = NIL;
	use_quantity(call.member.member_id, units, &entitlement, &use);
	entry = loyalty_engine_note(&call.engine, ENTRY_BENEFIT, ref,
								loyalty_breakdown_benefit(&use, &entitlement));
	entry->request_digest = digest;
	if (program->keep_attributes)
		entry->attributes = attributes;
	loyalty_call_finish(&call);
	read_receipt(&receipt, &call, name, entry);
	return benefit_receipt_datum(fcinfo, &receipt);
}

/* A benefit that is not entitled to has units that rules gave. */
static void
put_benefit(ReturnSetInfo *rsinfo, const MemberState *member, const Entitlement *entitlement,
			const List *units)
{
	const Benefit *benefit = entitlement->benefit != NULL ? entitlement->benefit :
		entitlement->any;
	bool		entitled = entitlement->benefit != NULL;
	int64		quota = entitled ? benefit->quota : 0;
	int64		used = loyalty_benefit_used(member->member_id, benefit->name,
											entitlement->period_start);
	Datum		values[15];
	bool		nulls[15] = {false};

	values[0] = CStringGetTextDatum(benefit->name);
	values[1] = CStringGetTextDatum(benefit->kind);
	values[2] = NumericGetDatum(benefit->value);
	nulls[2] = benefit->value == NULL;
	values[3] = Int64GetDatum(quota);
	nulls[3] = quota == BENEFIT_UNLIMITED;
	values[4] = Int64GetDatum(used);
	values[5] = Int64GetDatum(Max(quota - used, 0) + units_left(units));
	nulls[5] = nulls[3];
	values[6] = CStringGetTextDatum(benefit->unit);
	values[7] = CStringGetTextDatum(benefit->period_name);
	values[8] = TimestampTzGetDatum(entitlement->period_start);
	values[9] = TimestampTzGetDatum(entitlement->period_end);
	nulls[8] = nulls[9] = benefit->period == CALENDAR_NONE;
	nulls[10] = !entitled || benefit->tier == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(benefit->tier);
	nulls[11] = !entitled || benefit->plan == NULL;
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(benefit->plan);
	values[12] = PointerGetDatum(benefit->condition->path);
	nulls[12] = benefit->condition->path == NULL;
	values[13] = Int64GetDatum(units_left(units));
	nulls[14] = units == NIL;
	if (units != NIL)
		values[14] = TimestampTzGetDatum(((const BenefitUnits *) linitial(units))->valid_until);
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
		List	   *units;

		if (name != NULL && strcmp(name, program->benefits[i].name) == 0)
			continue;
		name = program->benefits[i].name;
		loyalty_benefit_entitle(&standing, name, NULL, &entitlement);
		units = loyalty_benefit_units_load(member.member_id, name, standing.at);
		if (entitlement.benefit != NULL || units != NIL)
			put_benefit((ReturnSetInfo *) fcinfo->resultinfo, &member, &entitlement, units);
	}
	PG_RETURN_NULL();
}
