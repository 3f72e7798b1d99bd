/*
 * hold_row.c
 *		Open holds as rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger/hold_row.h"
#include "ledger/query.h"

static LoyaltyQuery load_holds = {
	"SELECT entry_id, ref, until, lots FROM loyalty.hold WHERE member_id = $1 ORDER BY entry_id",
	1, {INT8OID}
};
static LoyaltyQuery insert_hold = {
	"INSERT INTO loyalty.hold (member_id, entry_id, ref, until, lots) VALUES ($1, $2, $3, $4, $5)",
	5, {INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID, POINT_WALLET_TYPE}
};
static LoyaltyQuery delete_hold = {
	"DELETE FROM loyalty.hold WHERE member_id = $1 AND entry_id = $2",
	2, {INT8OID, INT8OID}
};

static void
add_hold(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **holds = arg;
	Hold	   *hold = palloc0(sizeof(Hold));
	bool		isnull;

	hold->entry_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	hold->ref = TextDatumGetCString(SPI_getbinval(row, desc, 2, &isnull));
	hold->until = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));
	loyalty_wallet_unpack(DatumGetPointWallet(SPI_getbinval(row, desc, 4, &isnull)),
						  &hold->lots);
	hold->points = loyalty_lots_points(&hold->lots);
	hold->stored = true;
	*holds = lappend(*holds, hold);
}

List *
loyalty_holds_load(int64 member_id)
{
	List	   *holds = NIL;
	Datum		args[1];

	args[0] = Int64GetDatum(member_id);
	loyalty_query_visit(&load_holds, args, add_hold, &holds);
	return holds;
}

void
loyalty_holds_store(const MemberState *member)
{
	ListCell   *cell;

	foreach(cell, member->holds)
	{
		const Hold *hold = lfirst(cell);
		Datum		args[5];

		args[0] = Int64GetDatum(member->member_id);
		args[1] = Int64GetDatum(hold->entry_id);
		if (hold->stored && hold->ended)
			loyalty_query_execute(&delete_hold, args);
		else if (!hold->stored && !hold->ended)
		{
			args[2] = CStringGetTextDatum(hold->ref);
			args[3] = TimestampTzGetDatum(hold->until);
			args[4] = PointWalletGetDatum(loyalty_wallet_pack(&hold->lots));
			loyalty_query_execute(&insert_hold, args);
		}
	}
}
