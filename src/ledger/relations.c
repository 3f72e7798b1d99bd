/*
 * relations.c
 *		Where the member and ledger relations and their columns are.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "ledger/relations.h"

static Relations relations;
static bool relations_valid = false;

static const char *const member_columns[MEMBER_COLUMNS] = {
	"member_id", "debt", "held", "last_entry", "last_at", "tier_until", "maintain_at",
	"enrolled_at", "salt", "key_digest", "program_id", "tier_id", "status", "ref", "chain_head",
	"points", "growth", "attributes", "earned_since", "earned_until", "earned_growth",
	"earned_tier_id", "earned_phase", "has_grants", "recent"
};

static const char *const ledger_columns[LEDGER_COLUMNS] = {
	"member_id", "entry_id", "at", "recorded_at", "points", "balance", "xid", "growth",
	"debt", "reverses", "counterpart", "waived", "lapsed", "request_digest",
	"detail_digest", "event_id", "actor_id", "generation", "kind", "spend_order", "hash",
	"lots", "ref", "operation_ref", "point_kind", "partner", "unit_cost", "reason",
	"breakdown", "attributes"
};

/* In the order of BesideTable and of the enums of beside.h. */
static const struct
{
	const char *name;
	const char *index;
	const char *columns[BESIDE_COLUMNS];
}			beside_tables[BESIDE_TABLES] = {
	{"limit_usage_overflow", "limit_usage_overflow_pkey", {"member_id", "rule_id", "since",
	"per", "key", "points", "times", "seen", "measured", "carried", "budget"}},
	{"event_usage_overflow", "event_usage_overflow_pkey",
	{"member_id", "event_id", "count", "last_at", "through"}},
	{"streak_calendar_overflow", "streak_calendar_overflow_pkey",
	{"member_id", "event_id", "period", "block", "done", "made_up"}},
	{"tier_period", "tier_period_pkey", {"member_id", "since", "until", "entry_id", "tier_id"}},
	{"draw_ticket", "draw_ticket_pkey", {"member_id", "entry_id", "rule_id", "draw_id", "count"}},
	{"benefit_unit", "benefit_unit_pkey", {"member_id", "entry_id", "rule_id", "benefit",
	"valid_from", "valid_until", "count", "used"}},
	{"contest_player", "contest_player_pkey",
	{"member_id", "contest_id", "joined_at", "team", "score"}},
	{"contest_event", "contest_event_pkey",
	{"member_id", "contest_id", "entry_id", "at", "measured", "counted"}},
};

static Oid
find_relation(Oid schema, const char *name)
{
	Oid			relid = get_relname_relid(name, schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"loyalty.%s\" does not exist", name),
				 errhint("Create the extension in this database: CREATE EXTENSION loyalty.")));
	return relid;
}

static void
find_columns(Oid relid, const char *const *names, int count, AttrNumber *numbers)
{
	for (int i = 0; i < count; i++)
	{
		numbers[i] = get_attnum(relid, names[i]);
		if (numbers[i] == InvalidAttrNumber)
			elog(ERROR, "column \"%s\" of relation %u does not exist", names[i], relid);
	}
}

static void
find_beside(Oid schema, BesideTable table, BesideRelation *known)
{
	known->relid = find_relation(schema, beside_tables[table].name);
	known->index = find_relation(schema, beside_tables[table].index);
	known->columns = 0;
	while (known->columns < BESIDE_COLUMNS &&
		   beside_tables[table].columns[known->columns] != NULL)
		known->columns++;
	find_columns(known->relid, beside_tables[table].columns, known->columns, known->attr);
	for (int i = 0; i < known->columns; i++)
		known->type[i] = get_atttype(known->relid, known->attr[i]);
}

const Relations *
loyalty_relations(void)
{
	Oid			schema;

	if (relations_valid)
		return &relations;

	schema = get_namespace_oid("loyalty", false);
	relations.member = find_relation(schema, "member");
	relations.member_ref_index = find_relation(schema, "member_program_id_ref_key");
	relations.member_id_index = find_relation(schema, "member_pkey");
	relations.member_id_seq = find_relation(schema, "member_id_seq");
	relations.ledger = find_relation(schema, "ledger");
	relations.ledger_id_index = find_relation(schema, "ledger_pkey");
	relations.ledger_ref_index = find_relation(schema, "ledger_ref_key");
	relations.entry_id_seq = find_relation(schema, "entry_id_seq");
	find_columns(relations.member, member_columns, MEMBER_COLUMNS, relations.member_attr);
	find_columns(relations.ledger, ledger_columns, LEDGER_COLUMNS, relations.ledger_attr);
	relations.wallet_type = get_atttype(relations.member, relations.member_attr[MEMBER_POINTS]);
	for (int i = 0; i < BESIDE_TABLES; i++)
		find_beside(schema, i, &relations.beside[i]);
	relations_valid = true;
	return &relations;
}

void
loyalty_relations_invalidate(Oid relid)
{
	if (relid == InvalidOid || relid == relations.member || relid == relations.ledger)
		relations_valid = false;
	for (int i = 0; i < BESIDE_TABLES; i++)
	{
		if (relid == relations.beside[i].relid)
			relations_valid = false;
	}
}
