/*
 * effect_row.c
 *		What rules gave beyond points, as rows: coupons, tickets, units.
 *
 * Written under the member's row lock, after the entries.  Of what an event is
 * to have no longer, the used stays; what it is to have again is revived before
 * anything is new.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/beside.h"
#include "ledger/effect_row.h"
#include "ledger/query.h"

static LoyaltyQuery load_coupons = {
	"SELECT coupon_id, used_by IS NOT NULL, voided_by IS NOT NULL FROM loyalty.coupon"
	" WHERE member_id = $1 AND entry_id = $2 AND rule_id = $3 AND coupon_type_id = $4"
	" ORDER BY coupon_id",
	4, {INT8OID, INT8OID, INT4OID, INT4OID}
};
static LoyaltyQuery mark_coupon = {
	"UPDATE loyalty.coupon SET voided_by = nullif($3, 0)"
	" WHERE member_id = $1 AND coupon_id = $2",
	3, {INT8OID, INT8OID, INT8OID}
};
static LoyaltyQuery insert_coupons = {
	"INSERT INTO loyalty.coupon (member_id, entry_id, rule_id, coupon_type_id, valid_from,"
	" valid_until) SELECT $1, $2, $3, $4, $5, $6 FROM generate_series(1, $7)",
	7, {INT8OID, INT8OID, INT4OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID}
};
static LoyaltyQuery load_units = {
	"SELECT entry_id, rule_id, count - used, valid_until FROM loyalty.benefit_unit"
	" WHERE member_id = $1 AND benefit = $2 AND used < count"
	" AND valid_from <= $3 AND valid_until > $3 ORDER BY valid_until, entry_id, rule_id",
	3, {INT8OID, TEXTOID, TIMESTAMPTZOID}
};
static LoyaltyQuery use_units = {
	"UPDATE loyalty.benefit_unit SET used = used + $5"
	" WHERE member_id = $1 AND entry_id = $2 AND rule_id = $3 AND benefit = $4",
	5, {INT8OID, INT8OID, INT4OID, TEXTOID, INT8OID}
};
static LoyaltyQuery load_coupon = {
	"SELECT t.name, t.kind, t.value, t.minimum_order, c.valid_from, c.valid_until,"
	" c.used_by IS NOT NULL, c.voided_by IS NOT NULL"
	" FROM loyalty.coupon c JOIN loyalty.coupon_type t USING (coupon_type_id)"
	" WHERE c.member_id = $1 AND c.coupon_id = $2",
	2, {INT8OID, INT8OID}
};
static LoyaltyQuery use_coupon = {
	"UPDATE loyalty.coupon SET used_by = $3 WHERE member_id = $1 AND coupon_id = $2",
	3, {INT8OID, INT8OID, INT8OID}
};
static LoyaltyQuery used_effects = {
	"SELECT rule_id FROM loyalty.benefit_unit"
	" WHERE member_id = $1 AND entry_id = $2 AND used > 0"
	" UNION SELECT rule_id FROM loyalty.coupon"
	" WHERE member_id = $1 AND entry_id = $2 AND used_by IS NOT NULL",
	2, {INT8OID, INT8OID}
};

typedef struct StoredCoupon
{
	int64		coupon_id;
	bool		used;
	bool		voided;
} StoredCoupon;

static void
add_coupon(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **coupons = arg;
	StoredCoupon *coupon = palloc(sizeof(StoredCoupon));
	bool		isnull;

	coupon->coupon_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	coupon->used = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
	coupon->voided = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
	*coupons = lappend(*coupons, coupon);
}

static void
mark(const MemberState *member, StoredCoupon *coupon, int64 voided_by)
{
	Datum		args[3];

	args[0] = Int64GetDatum(member->member_id);
	args[1] = Int64GetDatum(coupon->coupon_id);
	args[2] = Int64GetDatum(voided_by);
	loyalty_query_execute(&mark_coupon, args);
	coupon->voided = voided_by != 0;
}

/* The newest are voided first, the oldest revived first. */
static void
store_coupons(const Engine *engine, const EffectChange *change)
{
	const MemberState *member = engine->member;
	const CouponType *type = loyalty_coupon_type_lookup(engine->program, change->effect.name);
	List	   *coupons = NIL;
	int64		lacking = change->effect.count;
	Datum		args[7];
	ListCell   *cell;

	if (type == NULL)
		return;					/* so none was given */
	args[0] = Int64GetDatum(member->member_id);
	args[1] = Int64GetDatum(change->entry_id);
	args[2] = Int32GetDatum(change->effect.rule_id);
	args[3] = Int32GetDatum(type->coupon_type_id);
	if (change->cause != change->entry_id)	/* else the event is new */
		loyalty_query_visit(&load_coupons, args, add_coupon, &coupons);
	foreach(cell, coupons)
	{
		if (!((StoredCoupon *) lfirst(cell))->voided)
			lacking--;
	}
	for (int i = list_length(coupons) - 1; i >= 0 && lacking < 0; i--)
	{
		StoredCoupon *coupon = list_nth(coupons, i);

		if (coupon->used || coupon->voided)
			continue;
		mark(member, coupon, change->cause);
		lacking++;
	}
	for (int i = 0; i < list_length(coupons) && lacking > 0; i++)
	{
		StoredCoupon *coupon = list_nth(coupons, i);

		if (!coupon->voided)
			continue;
		mark(member, coupon, 0);
		lacking--;
	}
	if (lacking <= 0)
		return;
	args[4] = TimestampTzGetDatum(change->effect.valid_from);
	args[5] = TimestampTzGetDatum(change->effect.valid_until);
	args[6] = Int64GetDatum(lacking);
	loyalty_query_execute(&insert_coupons, args);
}

static void
store_tickets(const Engine *engine, const EffectChange *change)
{
	const Draw *draw = loyalty_draw_lookup(engine->program, change->effect.name);
	Datum		values[TICKET_COUNT + 1];
	BesideRows	rows;

	if (draw == NULL)
		return;					/* so none was given */
	values[TICKET_MEMBER_ID] = Int64GetDatum(engine->member->member_id);
	values[TICKET_ENTRY_ID] = Int64GetDatum(change->entry_id);
	values[TICKET_RULE_ID] = Int32GetDatum(change->effect.rule_id);
	values[TICKET_DRAW_ID] = Int32GetDatum(draw->draw_id);
	values[TICKET_COUNT] = Int64GetDatum(change->effect.count);
	loyalty_beside_open(&rows, BESIDE_DRAW_TICKET, NULL, true);
	loyalty_beside_seek(&rows, values, TICKET_DRAW_ID + 1);
	if (loyalty_beside_next(&rows) || change->effect.count > 0)
		loyalty_beside_write(&rows, values);
	loyalty_beside_close(&rows);
}

static void
store_units(const Engine *engine, const EffectChange *change)
{
	Datum		values[UNIT_USED + 1];
	int64		used = 0;
	bool		found;
	BesideRows	rows;

	values[UNIT_MEMBER_ID] = Int64GetDatum(engine->member->member_id);
	values[UNIT_ENTRY_ID] = Int64GetDatum(change->entry_id);
	values[UNIT_RULE_ID] = Int32GetDatum(change->effect.rule_id);
	values[UNIT_BENEFIT] = CStringGetTextDatum(change->effect.name);
	values[UNIT_VALID_FROM] = TimestampTzGetDatum(change->effect.valid_from);
	values[UNIT_VALID_UNTIL] = TimestampTzGetDatum(change->effect.valid_until);
	loyalty_beside_open(&rows, BESIDE_BENEFIT_UNIT, NULL, true);
	loyalty_beside_seek(&rows, values, UNIT_BENEFIT + 1);
	found = loyalty_beside_next(&rows);
	if (found)
	{
		values[UNIT_VALID_FROM] = loyalty_beside_value(&rows, UNIT_VALID_FROM);
		values[UNIT_VALID_UNTIL] = loyalty_beside_value(&rows, UNIT_VALID_UNTIL);
		used = DatumGetInt64(loyalty_beside_value(&rows, UNIT_USED));
	}
	values[UNIT_COUNT] = Int64GetDatum(Max(change->effect.count, used));
	values[UNIT_USED] = Int64GetDatum(used);
	if (found || change->effect.count > 0)
		loyalty_beside_write(&rows, values);
	loyalty_beside_close(&rows);
}

/* Does a later change say how many of the same there are to be? */
static bool
is_superseded(const List *changes, int index)
{
	const EffectChange *change = list_nth(changes, index);

	for (int i = index + 1; i < list_length(changes); i++)
	{
		const EffectChange *later = list_nth(changes, i);

		if (later->entry_id == change->entry_id &&
			later->effect.rule_id == change->effect.rule_id &&
			later->effect.kind == change->effect.kind &&
			strcmp(later->effect.name, change->effect.name) == 0)
			return true;
	}
	return false;
}

/* Each row once: what is written here is not yet seen here. */
void
loyalty_effects_store(const Engine *engine)
{
	const List *changes = engine->member->effects;

	for (int i = 0; i < list_length(changes); i++)
	{
		const EffectChange *change = list_nth(changes, i);

		if (is_superseded(changes, i))
			continue;
		switch (change->effect.kind)
		{
			case EFFECT_COUPON:
				store_coupons(engine, change);
				break;
			case EFFECT_DRAW_TICKET:
				store_tickets(engine, change);
				break;
			case EFFECT_BENEFIT:
				store_units(engine, change);
				break;
			case EFFECT_BADGE:
				break;			/* a row of member_badge, which task_row.c writes */
		}
	}
	engine->member->effects = NIL;
}

static void
read_coupon(HeapTuple row, TupleDesc desc, void *arg)
{
	GivenCoupon *coupon = arg;
	bool		isnull;

#define COLUMN(n) SPI_getbinval(row, desc, n, &isnull)
	coupon->name = TextDatumGetCString(COLUMN(1));
	coupon->kind = TextDatumGetCString(COLUMN(2));
	coupon->value = DatumGetNumericCopy(COLUMN(3));
	coupon->minimum_order = DatumGetNumericCopy(COLUMN(4));
	coupon->valid_from = DatumGetTimestampTz(COLUMN(5));
	coupon->valid_until = DatumGetTimestampTz(COLUMN(6));
	coupon->used = DatumGetBool(COLUMN(7));
	coupon->voided = DatumGetBool(COLUMN(8));
#undef COLUMN
}

bool
loyalty_coupon_load(int64 member_id, GivenCoupon *coupon)
{
	Datum		args[2];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(coupon->coupon_id);
	loyalty_query_visit(&load_coupon, args, read_coupon, coupon);
	return coupon->name != NULL;
}

void
loyalty_coupon_use(int64 member_id, int64 coupon_id, int64 entry_id)
{
	Datum		args[3];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(coupon_id);
	args[2] = Int64GetDatum(entry_id);
	loyalty_query_execute(&use_coupon, args);
}

static void
add_rule(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **rules = arg;
	bool		isnull;

	*rules = lappend_int(*rules, DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)));
}

List *
loyalty_effects_used(int64 member_id, int64 entry_id)
{
	List	   *rules = NIL;
	Datum		args[2];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(entry_id);
	loyalty_query_visit(&used_effects, args, add_rule, &rules);
	return rules;
}

static void
add_units(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **list = arg;
	BenefitUnits *units = palloc(sizeof(BenefitUnits));
	bool		isnull;

	units->entry_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	units->rule_id = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	units->left = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
	units->valid_until = DatumGetTimestampTz(SPI_getbinval(row, desc, 4, &isnull));
	*list = lappend(*list, units);
}

List *
loyalty_benefit_units_load(int64 member_id, const char *benefit, TimestampTz at)
{
	List	   *list = NIL;
	Datum		args[3];

	args[0] = Int64GetDatum(member_id);
	args[1] = CStringGetTextDatum(benefit);
	args[2] = TimestampTzGetDatum(at);
	loyalty_query_visit(&load_units, args, add_units, &list);
	return list;
}

void
loyalty_benefit_units_use(int64 member_id, const char *benefit, const BenefitUnits *units,
						  int64 quantity)
{
	Datum		args[5];

	args[0] = Int64GetDatum(member_id);
	args[1] = Int64GetDatum(units->entry_id);
	args[2] = Int32GetDatum(units->rule_id);
	args[3] = CStringGetTextDatum(benefit);
	args[4] = Int64GetDatum(quantity);
	loyalty_query_execute(&use_units, args);
}
