/*
 * audit_beside.c
 *		Holds what stands beside the members' rows against the ledger.
 *
 * Of each table what the ledger tells is recomputed; what it does not tell is
 * checked for what must be so (a row names an entry of its kind and says the
 * same).  Where configuration decides, which may have changed since, only what
 * no change can explain is a problem.  Each query is about many members and
 * sees tables and ledger in one snapshot, so that what others write meanwhile
 * is no problem; each row of its answer is one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "ledger/audit.h"
#include "ledger/query.h"

/* $1 are the members.  Every row names one of them. */
#define OF_MEMBERS(a) a ".member_id = ANY ($1)"

/* Around rows of member_id, entry_id, problem, detail. */
#define ANSWER \
	"SELECT m.ref, a.entry_id, a.problem, a.detail FROM loyalty.member m JOIN ("
#define END_OF_ANSWER \
	") a (member_id, entry_id, problem, detail) USING (member_id)" \
	" ORDER BY m.member_id, a.entry_id, a.problem"

/* The entry of a row `a`, by the column that names it. */
#define JOIN_ENTRY(a, column, l) \
	" LEFT JOIN loyalty.ledger " l \
	" ON " l ".member_id = " a ".member_id AND " l ".entry_id = " a "." column

#define IS_ENTRY(a, column) \
	"EXISTS (SELECT FROM loyalty.ledger x WHERE x.member_id = " a ".member_id" \
	" AND x.entry_id = " a "." column ")"

/*
 * Was the event of the entry `l`, which has a ref, called off?  Its newest
 * entry says so by having no rules in its breakdown.  Gifts are corrected under its ref, too.
 */
#define CALLED_OFF(l) \
	"(SELECT n.breakdown -> 'rules' IS NULL FROM loyalty.ledger n" \
	" WHERE n.member_id = " l ".member_id AND n.ref = " l ".ref AND n.event_id = " l ".event_id" \
	" AND (n.kind = 'v' OR n.kind = 'c' AND n.reverses IN" \
	" (SELECT v.entry_id FROM loyalty.ledger v WHERE v.member_id = n.member_id AND v.ref = n.ref" \
	" AND v.event_id = n.event_id AND v.kind = 'v'))" \
	" ORDER BY n.entry_id DESC LIMIT 1)"

/* Has a row of configuration been like that in all of its versions? */
#define ALWAYS_SO(table, id, condition) \
	"(SELECT bool_and(coalesce(" condition ", false)) FROM loyalty.config_version c" \
	" WHERE c.table_name = '" table "' AND c.row_id = " id " AND c.row IS NOT NULL)"

static LoyaltyQuery names_and_refs = {
	ANSWER
	"SELECT l.member_id, min(l.entry_id), 'entry names an event that does not exist',"
	"  format('Event %s.', l.event_id)"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.event_id <> 0"
	"  AND NOT EXISTS (SELECT FROM loyalty.event_type t WHERE t.event_id = l.event_id)"
	" GROUP BY l.member_id, l.event_id"
	" UNION ALL"
	" SELECT l.member_id, min(l.entry_id), 'entry names an actor that does not exist',"
	"  format('Actor %s.', l.actor_id)"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l")
	"  AND NOT EXISTS (SELECT FROM loyalty.actor a WHERE a.actor_id = l.actor_id)"
	" GROUP BY l.member_id, l.actor_id"
	" UNION ALL"
	" SELECT o.member_id, o.entry_id, 'operation ref is not that of its entry',"
	"  format('\"%s\".', o.operation_ref)"
	" FROM loyalty.operation_ref o" JOIN_ENTRY("o", "entry_id", "l")
	" WHERE " OF_MEMBERS("o") " AND (l.kind IS DISTINCT FROM o.kind"
	"  OR l.operation_ref <> o.operation_ref)"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'operation ref of an entry is missing',"
	"  format('\"%s\".', l.operation_ref)"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.operation_ref IS NOT NULL"
	"  AND NOT EXISTS (SELECT FROM loyalty.operation_ref o WHERE o.member_id = l.member_id"
	"   AND (o.entry_id = l.entry_id OR o.kind = l.kind AND o.operation_ref = l.operation_ref))"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

static LoyaltyQuery tiers = {
	ANSWER
	"SELECT p.member_id, p.entry_id, 'tier period is not what its entry says',"
	"  format('It begins at %s.', p.since)"
	" FROM loyalty.tier_period p" JOIN_ENTRY("p", "entry_id", "l")
	" WHERE " OF_MEMBERS("p")
	"  AND (p.entry_id <> 0 AND (l.entry_id IS NULL OR p.since < l.recorded_at)"
	"   OR p.tier_id <> 0 AND NOT EXISTS (SELECT FROM loyalty.tier t WHERE t.tier_id = p.tier_id))"
	" UNION ALL"
	" SELECT g.member_id, g.entry_id, 'granted tier is not what its entry says',"
	"  format('It is held until %s.', g.until)"
	" FROM loyalty.tier_grant g" JOIN_ENTRY("g", "entry_id", "l")
	" CROSS JOIN LATERAL"
	"  (SELECT coalesce((l.breakdown ->> 'until')::timestamptz, 'infinity')) n (until)"
	" WHERE " OF_MEMBERS("g") " AND (l.kind IS DISTINCT FROM 'd' OR l.at <> g.since"
	"  OR l.breakdown ->> 'kind' <> g.kind OR g.until > n.until"
	"  OR g.until < n.until AND NOT EXISTS (SELECT FROM loyalty.ledger e"
	"   WHERE e.member_id = g.member_id AND e.kind = 'd' AND e.entry_id > g.entry_id"
	"    AND e.at = g.until)"
	"  OR NOT EXISTS (SELECT FROM loyalty.tier t WHERE t.tier_id = g.tier_id))"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'granted tier of an entry is missing', NULL"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'd'"
	"  AND l.breakdown ->> 'kind' <> 'revoked' AND NOT EXISTS (SELECT FROM loyalty.tier_grant g"
	"   WHERE g.member_id = l.member_id AND g.entry_id = l.entry_id)"
	" UNION ALL"
	" SELECT g.member_id, max(g.entry_id), 'has_grants is false, but a granted tier is held', NULL"
	" FROM loyalty.tier_grant g JOIN loyalty.member m USING (member_id)"
	" WHERE " OF_MEMBERS("g") " AND NOT m.has_grants AND g.until > clock_timestamp() + '1 minute'"
	" GROUP BY g.member_id"
	" UNION ALL"
	" SELECT g.member_id, g.entry_id, 'gift is not what its entries say', NULL"
	" FROM loyalty.tier_gift g" JOIN_ENTRY("g", "entry_id", "l")
	" WHERE " OF_MEMBERS("g") " AND (l.kind IS DISTINCT FROM 'g'"
	"  OR (l.breakdown ->> 'cause')::bigint <> g.cause"
	"  OR g.cause <> 0 AND NOT " IS_ENTRY("g", "cause")
	"  OR g.taken_back IS DISTINCT FROM (SELECT min(c.entry_id) FROM loyalty.ledger c"
	"   WHERE c.member_id = g.member_id AND c.kind = 'c' AND c.reverses = g.entry_id)"
	"  OR NOT EXISTS (SELECT FROM loyalty.tier t WHERE t.tier_id = g.tier_id))"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'gift of an entry is missing', NULL"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'g'"
	"  AND NOT EXISTS (SELECT FROM loyalty.tier_gift g"
	"   WHERE g.member_id = l.member_id AND g.entry_id = l.entry_id)"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

static LoyaltyQuery plans_and_benefits = {
	ANSWER
	"SELECT s.member_id, s.entry_id, 'subscription is not what its entries say',"
	"  format('From %s until %s.', s.since, s.until)"
	" FROM loyalty.subscription s" JOIN_ENTRY("s", "entry_id", "l") JOIN_ENTRY("s", "ended_by", "q")
	" WHERE " OF_MEMBERS("s") " AND (l.kind IS DISTINCT FROM 'm' OR l.ref <> s.ref"
	"  OR (l.breakdown ->> 'since')::timestamptz <> s.since"
	"  OR (l.breakdown ->> 'until')::timestamptz <> s.sold_until"
	"  OR (l.breakdown ->> 'price')::numeric <> s.price"
	"  OR s.ended_by IS NULL AND (s.until <> s.sold_until OR s.refund IS NOT NULL)"
	"  OR s.ended_by IS NOT NULL AND (q.kind IS DISTINCT FROM 'q'"
	"   OR s.until <> greatest(s.since, (q.breakdown ->> 'until')::timestamptz))"
	"  OR NOT EXISTS (SELECT FROM loyalty.plan p WHERE p.plan_id = s.plan_id))"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'subscription of an entry is missing', NULL"
	" FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'm'"
	"  AND NOT EXISTS (SELECT FROM loyalty.subscription s"
	"   WHERE s.member_id = l.member_id AND s.entry_id = l.entry_id)"
	" UNION ALL"
	" SELECT q.member_id, q.entry_id, 'cancelled subscriptions are not what their entry says',"
	"  format('Refunds of %s, the entry says %s.', coalesce(r.refund, 0), q.breakdown ->> 'refund')"
	" FROM loyalty.ledger q CROSS JOIN LATERAL (SELECT sum(s.refund) AS refund"
	"  FROM loyalty.subscription s WHERE s.member_id = q.member_id AND s.ended_by = q.entry_id) r"
	" WHERE " OF_MEMBERS("q") " AND q.kind = 'q'"
	"  AND r.refund IS DISTINCT FROM (q.breakdown ->> 'refund')::numeric"
	" UNION ALL"
	" SELECT member_id, e.entry_id, 'used benefits are not those of the ledger',"
	"  format('\"%s\" from %s on: it says %s, the ledger adds up to %s.', benefit, period_start,"
	"   coalesce(u.used, 0), coalesce(e.used, 0))"
	" FROM (SELECT member_id, benefit, period_start, used FROM loyalty.benefit_use b"
	"  WHERE " OF_MEMBERS("b") ") u"
	" FULL JOIN (SELECT l.member_id, (l.breakdown ->> 'benefit') COLLATE \"C\" AS benefit,"
	"   coalesce((l.breakdown ->> 'since')::timestamptz, '-infinity') AS period_start,"
	"   sum((l.breakdown ->> 'quantity')::bigint - coalesce((l.breakdown ->> 'units')::bigint, 0))"
	"    AS used, max(l.entry_id) AS entry_id"
	"  FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'u' GROUP BY 1, 2, 3) e"
	"  USING (member_id, benefit, period_start)"
	" WHERE coalesce(u.used, 0) <> coalesce(e.used, 0)"
	" UNION ALL"
	" SELECT member_id, e.entry_id, 'used units that rules gave are not those of the ledger',"
	"  format('\"%s\": it says %s, the ledger adds up to %s.', benefit, coalesce(u.used, 0),"
	"   coalesce(e.used, 0))"
	" FROM (SELECT member_id, benefit, sum(used) AS used FROM loyalty.benefit_unit b"
	"  WHERE " OF_MEMBERS("b") " GROUP BY 1, 2) u"
	" FULL JOIN (SELECT l.member_id, (l.breakdown ->> 'benefit') COLLATE \"C\" AS benefit,"
	"   sum((l.breakdown ->> 'units')::bigint) AS used, max(l.entry_id) AS entry_id"
	"  FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'u' GROUP BY 1, 2) e"
	"  USING (member_id, benefit)"
	" WHERE coalesce(u.used, 0) <> coalesce(e.used, 0)"
	" UNION ALL"
	" SELECT member_id, entry_id, 'used coupons are not those of the ledger',"
	"  format('Coupon %s: it says %s, the ledger %s.', coupon_id,"
	"   coalesce(c.used_by::text, 'not used'), coalesce(e.used_by::text, 'not used'))"
	" FROM (SELECT member_id, coupon_id, used_by FROM loyalty.coupon c"
	"  WHERE " OF_MEMBERS("c") " AND used_by IS NOT NULL) c"
	" FULL JOIN (SELECT l.member_id, (l.breakdown ->> 'coupon_id')::bigint AS coupon_id,"
	"   l.entry_id AS used_by, l.entry_id"
	"  FROM loyalty.ledger l WHERE " OF_MEMBERS("l") " AND l.kind = 'k') e"
	"  USING (member_id, coupon_id)"
	" WHERE c.used_by IS DISTINCT FROM e.used_by"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

/*
 * Days and weeks of streaks are local: in any time zone that the program had.
 * An entry that holds its $streak proves that its period was marked.
 */
static LoyaltyQuery streaks = {
	"WITH zone AS (SELECT DISTINCT c.row_id AS program_id, c.row ->> 'time_zone' AS zone"
	"  FROM loyalty.config_version c WHERE c.table_name = 'program' AND c.row IS NOT NULL),"
	" mark AS (SELECT c.member_id, c.event_id, (c.done >> i) & 1 = 1 AS done,"
	"   (c.made_up >> i) & 1 = 1 AS made_up,"
	"   CASE c.period WHEN 'd' THEN date '2000-01-01' + (c.block * 64 + i)"
	"    ELSE date '2000-01-03' + 7 * (c.block * 64 + i) END AS day,"
	"   CASE c.period WHEN 'd' THEN 1 ELSE 7 END AS days"
	"  FROM loyalty.streak_calendar c, generate_series(0, 63) i"
	"  WHERE " OF_MEMBERS("c") " AND ((c.done | c.made_up) >> i) & 1 = 1),"
	" acted AS (SELECT DISTINCT l.member_id, l.event_id, (l.at AT TIME ZONE z.zone)::date AS day"
	"  FROM loyalty.ledger l JOIN loyalty.member m USING (member_id) JOIN zone z USING (program_id)"
	"  WHERE l.kind = 'v' AND l.member_id IN (SELECT c.member_id FROM loyalty.streak_calendar c"
	"   WHERE " OF_MEMBERS("c") "))"
	ANSWER
	"SELECT k.member_id, NULL::bigint, 'streak has a period without an event',"
	"  format('Event %s, %s.', coalesce(t.name, k.event_id::text), k.day)"
	" FROM mark k LEFT JOIN loyalty.event_type t USING (event_id)"
	" WHERE k.done AND NOT k.made_up AND NOT EXISTS (SELECT FROM acted a WHERE"
	"  a.member_id = k.member_id AND a.event_id = k.event_id"
	"  AND a.day >= k.day AND a.day < k.day + k.days)"
	" UNION ALL"
	" SELECT k.member_id, NULL, 'streak has a made-up period that was not paid for',"
	"  format('Event %s, %s.', coalesce(t.name, k.event_id::text), k.day)"
	" FROM mark k JOIN loyalty.member m USING (member_id)"
	" LEFT JOIN loyalty.event_type t USING (event_id)"
	" WHERE k.made_up AND (NOT k.done OR m.salt <> 0 AND NOT EXISTS (SELECT FROM loyalty.ledger l"
	"  WHERE l.member_id = k.member_id AND l.kind = 'r'"
	"   AND l.reason = format('%s made up for %s', t.name, to_char(k.day, 'YYYY-MM-DD'))))"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'streak lacks the period of an event', NULL"
	" FROM loyalty.ledger l JOIN loyalty.member m USING (member_id)"
	" WHERE " OF_MEMBERS("l") " AND l.kind = 'v' AND l.breakdown #> '{facts,streak}' IS NOT NULL"
	"  AND NOT EXISTS (SELECT FROM mark k, zone z, LATERAL"
	"   (SELECT ((l.breakdown ->> 'at')::timestamptz AT TIME ZONE z.zone)::date) o (day)"
	"   WHERE z.program_id = m.program_id AND k.member_id = l.member_id AND k.event_id = l.event_id"
	"    AND k.done AND o.day >= k.day AND o.day < k.day + k.days)"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

static LoyaltyQuery invitations = {
	ANSWER
	"SELECT r.member_id, r.entry_id, 'invitation is not what its entries say', NULL"
	" FROM loyalty.referral r"
	JOIN_ENTRY("r", "entry_id", "l") JOIN_ENTRY("r", "qualified_entry", "q")
	" LEFT JOIN loyalty.member i ON i.member_id = r.inviter_id"
	" LEFT JOIN loyalty.event_type t ON t.event_id = l.event_id"
	" WHERE " OF_MEMBERS("r") " AND (i.member_id IS NULL OR l.kind IS DISTINCT FROM 'v'"
	"  OR t.name IS DISTINCT FROM 'invited' OR l.at <> r.invited_at"
	"  OR l.attributes ->> 'inviter' <> i.ref"
	"  OR (r.qualified_at IS NULL) <> (r.qualified_entry IS NULL)"
	"  OR r.qualified_entry IS NOT NULL AND (q.kind IS DISTINCT FROM 'v' OR q.at <> r.qualified_at"
	"   OR q.ref IS DISTINCT FROM r.qualified_ref)"
	"  OR " CALLED_OFF("q") ")"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

/* What events without ref have counted is not kept one by one. */
static LoyaltyQuery tasks_and_badges = {
	ANSWER
	"SELECT p.member_id, NULL::bigint, 'progress of a task is not what its events add up to',"
	"  format('Task \"%s\" from %s on: it says %s, its events %s.', t.name, p.since, p.total,"
	"   p.parts)"
	" FROM (SELECT a.member_id, a.task_id, a.since,"
	"   coalesce(sum(a.amount) FILTER (WHERE a.ref = ''), 0) AS total,"
	"   coalesce(sum(a.amount) FILTER (WHERE a.ref <> ''), 0) AS parts"
	"  FROM loyalty.task_progress a WHERE " OF_MEMBERS("a") " GROUP BY 1, 2, 3) p"
	" JOIN loyalty.task t USING (task_id)"
	" CROSS JOIN LATERAL (SELECT count(*) FROM loyalty.ledger l"
	"  WHERE l.member_id = p.member_id AND l.kind = 'v' AND l.ref IS NULL) w (without_ref)"
	" WHERE CASE WHEN w.without_ref = 0 THEN p.total <> p.parts"
	"  WHEN " ALWAYS_SO("task", "t.task_id", "c.row ->> 'measure' IS NULL")
	"   THEN p.total < p.parts OR p.total > p.parts + w.without_ref END"
	" UNION ALL"
	" SELECT p.member_id, NULL, 'progress of a task counts an event that does not',"
	"  format('Task \"%s\" from %s on, ref \"%s\".', t.name, p.since, p.ref)"
	" FROM loyalty.task_progress p JOIN loyalty.task t USING (task_id)"
	" LEFT JOIN LATERAL (SELECT l.member_id, l.ref, l.event_id, e.name FROM loyalty.ledger l"
	"  JOIN loyalty.event_type e USING (event_id) WHERE l.member_id = p.member_id AND l.ref = p.ref"
	"   AND l.kind = 'v' ORDER BY e.name <> t.event LIMIT 1) q ON true"
	" WHERE " OF_MEMBERS("p") " AND p.ref <> '' AND (q.ref IS NULL"
	"  OR p.amount NOT IN (0, 1) AND " ALWAYS_SO("task", "t.task_id", "c.row ->> 'measure' IS NULL")
	"  OR p.amount <> 0 AND q.name = t.event AND " CALLED_OFF("q")
	"   AND "
	ALWAYS_SO("task", "t.task_id", "c.row = to_jsonb(t) - 'version_id' - 'changed_at'") ")"
	" UNION ALL"
	" SELECT b.member_id, b.entry_id, 'badge is not what its entry says',"
	"  format('Badge \"%s\".', n.name)"
	" FROM loyalty.member_badge b" JOIN_ENTRY("b", "entry_id", "l")
	" LEFT JOIN loyalty.badge n USING (badge_id)"
	" WHERE " OF_MEMBERS("b") " AND (n.badge_id IS NULL OR l.kind IS DISTINCT FROM 'v'"
	"  OR l.at <> b.awarded_at OR " CALLED_OFF("l")
	"   AND EXISTS (SELECT FROM loyalty.task t WHERE t.program = n.program AND t.badge = n.name))"
	" UNION ALL"
	" SELECT l.member_id, l.entry_id, 'badge of a completed task is missing',"
	"  format('Badge \"%s\".', n.name)"
	" FROM loyalty.ledger l JOIN loyalty.member m USING (member_id)"
	" JOIN loyalty.program p USING (program_id) JOIN loyalty.event_type e USING (event_id)"
	" JOIN loyalty.task t ON t.program = p.name AND t.name = l.attributes ->> 'task'"
	" JOIN loyalty.badge n ON n.program = t.program AND n.name = t.badge"
	" WHERE " OF_MEMBERS("l") " AND l.kind = 'v' AND l.generation = 0 AND e.name = 'task_completed'"
	"  AND l.ref = format('task %s', t.name) AND NOT " CALLED_OFF("l")
	"  AND " ALWAYS_SO("task", "t.task_id", "c.row ->> 'badge' = n.name")
	"  AND NOT EXISTS (SELECT FROM loyalty.member_badge b"
	"   WHERE b.member_id = l.member_id AND b.badge_id = n.badge_id)"
	END_OF_ANSWER,
	1, {INT8ARRAYOID}
};

static void
add_problem(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **problems = arg;
	Problem    *problem = palloc0(sizeof(Problem));
	Datum		value;
	bool		isnull;

	problem->member = TextDatumGetCString(SPI_getbinval(row, desc, 1, &isnull));
	value = SPI_getbinval(row, desc, 2, &isnull);
	problem->entry_id = isnull ? 0 : DatumGetInt64(value);
	problem->problem = TextDatumGetCString(SPI_getbinval(row, desc, 3, &isnull));
	value = SPI_getbinval(row, desc, 4, &isnull);
	problem->detail = isnull ? NULL : TextDatumGetCString(value);
	*problems = lappend(*problems, problem);
}

List *
loyalty_audit_beside(const int64 *member_ids, int count)
{
	static LoyaltyQuery *const queries[] = {
		&names_and_refs, &tiers, &plans_and_benefits, &streaks, &invitations, &tasks_and_badges
	};
	Datum	   *ids = palloc(sizeof(Datum) * count);
	Datum		args[1];
	List	   *problems = NIL;

	for (int i = 0; i < count; i++)
		ids[i] = Int64GetDatum(member_ids[i]);
	args[0] = PointerGetDatum(construct_array(ids, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
	for (int i = 0; i < lengthof(queries); i++)
		loyalty_query_visit(queries[i], args, add_problem, &problems);
	return problems;
}
