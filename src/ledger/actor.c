/*
 * actor.c
 *		Who writes: the current role, as a small id.
 *
 * The actor is the session's outer role (SET ROLE counts, a SECURITY DEFINER
 * function in between does not).  The last answer is kept; an aborted
 * transaction may have taken the row that it rests on back, so it is forgotten
 * then.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "ledger/actor.h"
#include "ledger/query.h"
#include "ledger/relations.h"

static Oid	known_role = InvalidOid;
static int32 known_id = 0;
static Oid	known_in = InvalidOid;	/* the ledger: another one has other actors */

static LoyaltyQuery find_actor = {
	"SELECT actor_id FROM loyalty.actor WHERE name = $1", 1, {TEXTOID}
};
static LoyaltyQuery add_actor = {
	"INSERT INTO loyalty.actor (name) VALUES ($1) ON CONFLICT DO NOTHING", 1, {TEXTOID}
};

static void
forget_at_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		known_role = InvalidOid;
}

static void
forget_at_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
				  void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		known_role = InvalidOid;
}

void
loyalty_actor_init(void)
{
	RegisterXactCallback(forget_at_xact, NULL);
	RegisterSubXactCallback(forget_at_subxact, NULL);
}

int32
loyalty_actor_current(void)
{
	Oid			role = GetOuterUserId();
	Datum		name;
	Datum		id;

	if (role == known_role && known_in == loyalty_relations()->ledger)
		return known_id;

	name = CStringGetTextDatum(GetUserNameFromId(role, false));
	if (!loyalty_query_value(&find_actor, &name, &id))
	{
		loyalty_query_execute(&add_actor, &name);
		if (!loyalty_query_value(&find_actor, &name, &id))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Another transaction has just registered the actor \"%s\".",
							   GetUserNameFromId(role, false))));
	}
	known_id = DatumGetInt32(id);
	known_role = role;
	known_in = loyalty_relations()->ledger;
	return known_id;
}
