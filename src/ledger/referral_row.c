/*
 * referral_row.c
 *		Invitations as rows, written under the invitee's row lock.
 *
 * Circles: a tie that closes one has an invitee who has invited others.  Only
 * such ties walk up the chain, one at a time per program (they lock its row in
 * referral_rule); any other tie shares a locked member with the one before it
 * in a circle, so that the last of a circle always sees all the others.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/query.h"
#include "ledger/referral_row.h"

static LoyaltyQuery load_referral = {
	"SELECT inviter_id, entry_id, invited_at, qualified_at, qualified_entry, qualified_ref, due"
	" FROM loyalty.referral WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery insert_referral = {
	"INSERT INTO loyalty.referral (member_id, inviter_id, entry_id, invited_at, due)"
	" VALUES ($1, $2, $3, $4, false)",
	4, {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}
};
static LoyaltyQuery qualify_referral = {
	"UPDATE loyalty.referral SET qualified_at = $2, qualified_entry = $3,"
	" qualified_ref = nullif($4, ''), due = true WHERE member_id = $1",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID}
};
static LoyaltyQuery disqualify_referral = {
	"UPDATE loyalty.referral SET qualified_at = NULL, qualified_entry = NULL,"
	" qualified_ref = NULL, due = true WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery settle_referral = {
	"UPDATE loyalty.referral SET due = false WHERE member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery any_invitee = {
	"SELECT member_id FROM loyalty.referral WHERE inviter_id = $1 LIMIT 1",
	1, {INT8OID}
};
static LoyaltyQuery take_turns = {
	"SELECT referral_rule_id FROM loyalty.referral_rule WHERE program = $1 FOR NO KEY UPDATE",
	1, {TEXTOID}
};
static LoyaltyQuery chain_holds = {
	"WITH RECURSIVE chain (member_id) AS ("
	" SELECT inviter_id FROM loyalty.referral WHERE member_id = $1"
	" UNION SELECT r.inviter_id FROM loyalty.referral r JOIN chain USING (member_id))"
	" SELECT member_id FROM chain WHERE member_id = $2",
	2, {INT8OID, INT8OID}
};
static LoyaltyQuery attributes_of = {
	"SELECT jsonb_build_object('invitee', m.ref)"
	" || CASE WHEN r.qualified_ref IS NULL THEN '{}'"
	"  ELSE jsonb_build_object('ref', r.qualified_ref) END"
	" || CASE WHEN coalesce(l.attributes, f.attributes) IS NULL THEN '{}'"
	"  ELSE jsonb_build_object('attributes', coalesce(l.attributes, f.attributes)) END"
	" FROM loyalty.referral r JOIN loyalty.member m ON m.member_id = r.member_id"
	" JOIN loyalty.ledger f ON f.member_id = r.member_id AND f.entry_id = r.qualified_entry"
	" LEFT JOIN LATERAL (SELECT c.attributes FROM loyalty.ledger c"
	"  WHERE c.member_id = f.member_id AND c.ref = f.ref AND c.event_id = f.event_id"
	"  AND c.kind IN ('v', 'c') AND c.attributes IS NOT NULL"
	"  ORDER BY c.entry_id DESC LIMIT 1) l ON true"
	" WHERE r.member_id = $1",
	1, {INT8OID}
};
static LoyaltyQuery due_referrals = {
	"SELECT r.member_id FROM loyalty.referral r JOIN loyalty.member m ON m.member_id = r.member_id"
	" WHERE r.due AND m.program_id = $1 ORDER BY r.member_id LIMIT $2",
	2, {INT4OID, INT8OID}
};

static void
read_referral(HeapTuple row, TupleDesc desc, void *arg)
{
	Referral   *referral = arg;
	bool		isnull;
	Datum		value;

#define COLUMN(n) SPI_getbinval(row, desc, n, &isnull)
	referral->invited = true;
	referral->inviter_id = DatumGetInt64(COLUMN(1));
	referral->entry_id = DatumGetInt64(COLUMN(2));
	referral->invited_at = DatumGetTimestampTz(COLUMN(3));
	value = COLUMN(4);
	referral->qualified_at = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	value = COLUMN(5);
	referral->qualified_entry = isnull ? 0 : DatumGetInt64(value);
	value = COLUMN(6);
	referral->qualified_ref = isnull ? NULL : TextDatumGetCString(value);
	referral->due = DatumGetBool(COLUMN(7));
#undef COLUMN
}

bool
loyalty_referral_load(int64 member_id, Referral *referral)
{
	Datum		args[1];

	memset(referral, 0, sizeof(Referral));
	referral->known = true;
	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&load_referral, args, read_referral, referral);
	referral->stored = referral->invited;
	return referral->invited;
}

void
loyalty_referral_store(MemberState *member)
{
	Referral   *referral = &member->referral;
	Datum		args[4];

	args[0] = Int64GetDatum(member->member_id);
	if (referral->invited && !referral->stored)
	{
		args[1] = Int64GetDatum(referral->inviter_id);
		args[2] = Int64GetDatum(referral->entry_id);
		args[3] = TimestampTzGetDatum(referral->invited_at);
		loyalty_query_execute(&insert_referral, args);
		referral->stored = true;
	}
	if (!referral->changed)
		return;
	if (referral->qualified_at == DT_NOBEGIN)
		loyalty_query_execute(&disqualify_referral, args);
	else
	{
		args[1] = TimestampTzGetDatum(referral->qualified_at);
		args[2] = Int64GetDatum(referral->qualified_entry);
		args[3] = CStringGetTextDatum(referral->qualified_ref == NULL ? "" :
									  referral->qualified_ref);
		loyalty_query_execute(&qualify_referral, args);
	}
	referral->changed = false;
}

/* Has the member invited anybody? */
static bool
is_inviter(int64 member_id)
{
	Datum		args[1];
	Datum		invitee;

	args[0] = Int64GetDatum(member_id);
	return loyalty_query_value(&any_invitee, args, &invitee);
}

bool
loyalty_referral_is_circle(const Program *program, int64 inviter, int64 invitee)
{
	Datum		args[2];
	Datum		found;

	if (!is_inviter(invitee))
		return false;
	args[0] = CStringGetTextDatum(program->name);
	(void) loyalty_query_execute(&take_turns, args);
	args[0] = Int64GetDatum(inviter);
	args[1] = Int64GetDatum(invitee);
	return loyalty_query_value(&chain_holds, args, &found);
}

static void
copy_document(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(const Jsonb **) arg = DatumGetJsonbPCopy(SPI_getbinval(row, desc, 1, &isnull));
}

const Jsonb *
loyalty_referral_attributes(int64 member_id)
{
	const Jsonb *attributes = NULL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&attributes_of, args, copy_document, &attributes);
	return attributes;
}

void
loyalty_referral_settled(int64 member_id)
{
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_execute(&settle_referral, args);
}

static void
add_invitee(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **invitees = arg;
	int64	   *member_id = palloc(sizeof(int64));
	bool		isnull;

	*member_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	*invitees = lappend(*invitees, member_id);
}

List *
loyalty_referrals_due(const Program *program, int64 max)
{
	List	   *invitees = NIL;
	Datum		args[2];

	args[0] = Int32GetDatum(program->program_id);
	args[1] = Int64GetDatum(max);
	loyalty_query_visit(&due_referrals, args, add_invitee, &invitees);
	return invitees;
}
