/*
 * audit.c
 *		Holds a member's row against its ledger.
 *
 * Every entry must continue the hash chain, obey the law of points, take only
 * lots that are there, and say the balance that it left; what it all adds up to
 * must be what the row, the open holds and the tier periods say.  What stands
 * in other tables follows (audit_usage.c, audit_beside.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "engine/engine.h"
#include "ledger/audit.h"
#include "ledger/chain.h"
#include "ledger/entry_row.h"
#include "ledger/member_row.h"
#include "ledger/query.h"
#include "ledger/replay.h"

typedef struct Audit
{
	const MemberState *member;
	MemoryContext context;		/* outlives the entries */
	Replay		replay;
	LotList		wallet;
	uint8		head[LOYALTY_HASH_LENGTH];
	int64		last_entry;
	TimestampTz last_at;
	GrowthReplay growth;
	bool		growth_dated;	/* by the entries: not where it was brought along */
	List	   *problems;
} Audit;

static void
report(Audit *audit, int64 entry_id, const char *problem, char *detail)
{
	MemoryContext caller = MemoryContextSwitchTo(audit->context);
	Problem    *found = palloc0(sizeof(Problem));

	found->entry_id = entry_id;
	found->problem = problem;
	found->detail = detail == NULL ? NULL : pstrdup(detail);
	audit->problems = lappend(audit->problems, found);
	MemoryContextSwitchTo(caller);
}

static char *
two_figures(int64 says, int64 is)
{
	return psprintf("It says %lld, the ledger adds up to %lld.", (long long) says, (long long) is);
}

static void
audit_chain(Audit *audit, const Entry *entry)
{
	uint8		hash[LOYALTY_HASH_LENGTH];

	loyalty_chain_hash(audit->head, audit->member->member_id, entry,
					   entry->lots.count == 0 ? NULL : loyalty_wallet_pack(&entry->lots), hash);
	if (memcmp(hash, entry->hash, LOYALTY_HASH_LENGTH) != 0)
		report(audit, entry->entry_id, "hash does not continue the chain", NULL);
	memcpy(audit->head, entry->hash, LOYALTY_HASH_LENGTH);

	if (loyalty_chain_detail_digest(audit->member->salt, entry) != entry->detail_digest)
		report(audit, entry->entry_id, "ref, reason or attributes are not those recorded", NULL);
}

/* Growth is dated again as long as it can be what a member had. */
static void
audit_entry_growth(Audit *audit, const Entry *entry)
{
	int64		sum;

	if (entry->growth != 0 && entry->kind == ENTRY_OPENING)
		audit->growth_dated = false;
	if (!audit->growth_dated)
		return;
	if (pg_add_s64_overflow(loyalty_lots_points(&audit->growth.member.growth), entry->growth,
							&sum))
	{
		report(audit, entry->entry_id, "growth would be beyond bigint",
			   psprintf("The entries before leave %lld, it says %lld more.",
						(long long) loyalty_lots_points(&audit->growth.member.growth),
						(long long) entry->growth));
		audit->growth_dated = false;
		return;
	}
	loyalty_replay_growth(&audit->growth, entry);
}

static void
audit_entry(Entry *entry, void *arg)
{
	Audit	   *audit = arg;
	LotList		adds;
	LotList		takes;
	CoreError	error;
	MemoryContext caller;
	int64		live;
	int64		balance;

	audit_chain(audit, entry);

	caller = MemoryContextSwitchTo(audit->context);
	audit_entry_growth(audit, entry);
	loyalty_replay_apply(&audit->replay, entry, &adds, &takes);
	if (audit->replay.problem != NULL)
		report(audit, entry->entry_id, audit->replay.problem, NULL);
	if (!loyalty_lots_merge(&audit->wallet, &adds, &error) ||
		!loyalty_lots_subtract(&audit->wallet, &takes, &error))
		report(audit, entry->entry_id, "lots are taken that are not there", error.detail);
	MemoryContextSwitchTo(caller);

	live = loyalty_lots_spendable(&audit->wallet, entry->at) +
		loyalty_lots_pending(&audit->wallet, entry->at);
	if (audit->replay.debt < 0 || (audit->replay.debt > 0 && live > 0))
		report(audit, entry->entry_id, "debt and lots live together",
			   psprintf("Debt %lld, lots of %lld points.",
						(long long) audit->replay.debt, (long long) live));
	balance = loyalty_lots_spendable(&audit->wallet, entry->at) - audit->replay.debt;
	if (entry->balance != balance)
		report(audit, entry->entry_id, "balance is not what the entries before leave",
			   two_figures(entry->balance, balance));
	audit->last_entry = entry->entry_id;
	audit->last_at = Max(audit->last_at, entry->at);
}

static bool
same_lots(const LotList *a, const LotList *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
	{
		if (loyalty_lot_compare(&a->lots[i], &b->lots[i]) != 0)
			return false;
	}
	return true;
}

static char *
two_wallets(const LotList *says, const LotList *is)
{
	return psprintf("It has %lld points in %d lots, the ledger %lld in %d.",
					(long long) loyalty_lots_points(says), says->count,
					(long long) loyalty_lots_points(is), is->count);
}

static void
audit_holds(Audit *audit)
{
	ListCell   *cell;

	if (list_length(audit->replay.holds) != list_length(audit->member->holds))
	{
		report(audit, 0, "open holds are not those of the ledger",
			   two_figures(list_length(audit->member->holds), list_length(audit->replay.holds)));
		return;
	}
	foreach(cell, audit->replay.holds)
	{
		const Hold *expected = lfirst(cell);
		bool		found = false;
		ListCell   *lc;

		foreach(lc, audit->member->holds)
		{
			const Hold *hold = lfirst(lc);

			found |= hold->entry_id == expected->entry_id &&
				expected->ref != NULL && strcmp(hold->ref, expected->ref) == 0 &&
				hold->until == expected->until &&
				same_lots(&hold->lots, &expected->lots);
		}
		if (!found)
			report(audit, expected->entry_id,
				   "hold is missing or has another ref, end or other lots", NULL);
	}
}

static LoyaltyQuery broken_periods = {
	"SELECT count(*) FROM (SELECT until, lead(since) OVER (ORDER BY since) AS next"
	" FROM loyalty.tier_period WHERE member_id = $1) p"
	" WHERE until <> coalesce(next, 'infinity')",
	1, {INT8OID}
};
static LoyaltyQuery newest_period = {
	"SELECT since FROM loyalty.tier_period WHERE member_id = $1 ORDER BY since DESC LIMIT 1",
	1, {INT8OID}
};
static LoyaltyQuery open_period = {
	"SELECT tier_id FROM loyalty.tier_period WHERE member_id = $1 AND until = 'infinity'",
	1, {INT8OID}
};

/*
 * Tier periods follow each other, so that each instant has one answer, and
 * the newest one says what the member's row, by the clock, was worth then.
 */
static void
audit_tiers(Audit *audit)
{
	const Program *program = loyalty_program_by_id(audit->member->program_id);
	MemberState member = *audit->member;
	Engine		engine;
	Datum		args[1];
	Datum		value;
	int32		tier_id = 0;

	memset(&engine, 0, sizeof(engine));
	args[0] = Int64GetDatum(member.member_id);
	if (loyalty_query_value(&broken_periods, args, &value) && DatumGetInt64(value) > 0)
		report(audit, 0, "tier periods overlap or leave gaps", NULL);
	if (loyalty_query_value(&open_period, args, &value))
		tier_id = DatumGetInt32(value);
	if (loyalty_query_value(&newest_period, args, &value) && program != NULL)
	{
		engine.program = program;
		engine.source = loyalty_member_source(&member);
		engine.member = &member;
		engine.stored_entries = member.last_entry;
		engine.at = engine.recorded_at = DatumGetTimestampTz(value);
		loyalty_tier_advance(&engine);
	}
	if (tier_id != member.tier_id)
		report(audit, 0, "tier is not that of the open tier period",
			   two_figures(member.tier_id, tier_id));
}

static LoyaltyQuery growth_terms = {
	"SELECT count(DISTINCT (c.row -> 'growth_window', c.row -> 'time_zone'))"
	" FROM loyalty.config_version c"
	" WHERE c.table_name = 'program' AND c.row_id = $1 AND c.row IS NOT NULL",
	1, {INT4OID}
};

/* Skips lots that may have been merged. */
static int
first_apart(const LotList *lots, TimestampTz merged_until)
{
	int			i = 0;

	while (i < lots->count && lots->lots[i].valid_until <= merged_until)
		i++;
	return i;
}

/*
 * Growth lots are dated by their entries.  Lots stay as they are when the
 * program's window changes, so then nothing can be said.
 */
static void
audit_growth(Audit *audit)
{
	const MemberState *member = audit->member;
	const LotList *says = &member->growth;
	const LotList *is = &audit->growth.member.growth;
	TimestampTz merged_until = loyalty_growth_merged_until(member);
	int			i = first_apart(says, merged_until);
	int			k = first_apart(is, merged_until);
	Datum		args[1];
	Datum		value;

	while (i < says->count && k < is->count &&
		   loyalty_lot_compare(&says->lots[i], &is->lots[k]) == 0)
	{
		i++;
		k++;
	}
	if (i == says->count && k == is->count)
		return;
	args[0] = Int32GetDatum(member->program_id);
	if (loyalty_query_value(&growth_terms, args, &value) && DatumGetInt64(value) == 1)
		report(audit, 0, "growth is not dated as its entries are", two_wallets(says, is));
}

List *
loyalty_audit_member(const MemberState *member)
{
	const Program *program = loyalty_program_by_id(member->program_id);
	Audit		audit;

	memset(&audit, 0, sizeof(audit));
	audit.member = member;
	audit.context = CurrentMemoryContext;
	audit.last_at = DT_NOBEGIN;
	loyalty_replay_begin(&audit.replay);
	if (program != NULL)
		loyalty_replay_growth_begin(&audit.growth, program, member);
	audit.growth_dated = program != NULL;
	loyalty_chain_seed(member->program_id, member->key_digest, audit.head);
	if (loyalty_chain_key_digest(member->salt, member->ref) != member->key_digest)
		report(&audit, 0, "the member's key is not the one it was enrolled with", NULL);
	loyalty_entries_visit(member->member_id, audit_entry, &audit);

	if (audit.last_entry != member->last_entry ||
		memcmp(audit.head, member->chain_head, LOYALTY_HASH_LENGTH) != 0)
		report(&audit, 0, "the newest entry is not the one that the member's row knows",
			   psprintf("The row knows %lld, the ledger ends with %lld.",
						(long long) member->last_entry, (long long) audit.last_entry));
	if (audit.last_at != member->last_at)
		report(&audit, 0, "last_at is not the latest time of the entries", NULL);
	if (!same_lots(&member->points, &audit.wallet))
		report(&audit, 0, "wallet is not what the entries leave",
			   two_wallets(&member->points, &audit.wallet));
	if (member->debt != audit.replay.debt)
		report(&audit, 0, "debt is not what the entries leave",
			   two_figures(member->debt, audit.replay.debt));
	if (member->held != audit.replay.held)
		report(&audit, 0, "held points are not what the entries leave",
			   two_figures(member->held, audit.replay.held));
	if (loyalty_lots_points(&member->growth) != audit.replay.growth)
		report(&audit, 0, "growth is not what the entries leave",
			   two_figures(loyalty_lots_points(&member->growth), audit.replay.growth));
	else if (audit.growth_dated)
		audit_growth(&audit);
	if (member->status != audit.replay.status)
		report(&audit, 0, "status is not what the entries leave", NULL);
	audit_holds(&audit);
	audit_tiers(&audit);
	if (member->maintain_at > loyalty_engine_next_due(member, DT_NOBEGIN))
		report(&audit, 0, "maintain_at is later than the next thing that the clock decides",
			   NULL);
	audit.problems = list_concat(audit.problems, loyalty_audit_usage(member));
	return list_concat(audit.problems, loyalty_audit_contests(member));
}
