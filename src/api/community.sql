-- What members do together and for the sake of it: invitations, tasks, badges.

CREATE FUNCTION loyalty.invite(
	inviter text,
	invitee text,
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_invite';
COMMENT ON FUNCTION loyalty.invite(text, text, text, timestamptz, text) IS
	'records who brought a member, once per invitee, with the invitee''s event invited; the inviter''s event invite_completed follows the invitee''s first qualifying event. The invitee''s receipt. LY002 unknown inviter, LY004 inviter blocked, LY010 oneself, a circle, invited by another, no longer new, 22023 the program has no referrals';
REVOKE ALL ON FUNCTION loyalty.invite(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.referral_follow() RETURNS trigger
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'loyalty_referral_follow';
COMMENT ON FUNCTION loyalty.referral_follow() IS
	'trigger: settles the inviter''s part of an invitation at the end of the transaction, unless somebody has the inviter locked';
REVOKE ALL ON FUNCTION loyalty.referral_follow() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER referral_follow AFTER UPDATE ON loyalty.referral
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (new.due) EXECUTE FUNCTION loyalty.referral_follow();
COMMENT ON TRIGGER referral_follow ON loyalty.referral IS 'the inviter''s part follows';

CREATE VIEW loyalty.referrals AS
	SELECT p.name AS program, i.ref AS inviter, m.ref AS invitee, r.invited_at, r.qualified_at,
		r.qualified_ref, r.due, coalesce(e.points, 0) AS points, r.inviter_id, r.member_id
	FROM loyalty.referral r
	JOIN loyalty.member m ON m.member_id = r.member_id
	JOIN loyalty.member i ON i.member_id = r.inviter_id
	JOIN loyalty.program p ON p.program_id = m.program_id
	LEFT JOIN LATERAL (
		SELECT sum(l.points + coalesce(-l.waived, 0) + coalesce(-l.lapsed, 0))::bigint AS points
		FROM loyalty.ledger l
		WHERE l.member_id = r.inviter_id AND l.ref = m.ref
			AND l.event_id = (SELECT t.event_id FROM loyalty.event_type t WHERE t.name = 'invite_completed')
			AND l.kind IN ('v', 'c', 'b')) e ON true;
COMMENT ON VIEW loyalty.referrals IS 'invitations with names: who brought whom, what completed it, and the points that the inviter has from it';

CREATE FUNCTION loyalty.tasks(
	member text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT task text,
	OUT event text,
	OUT progress numeric,
	OUT target numeric,
	OUT done boolean,
	OUT open boolean,
	OUT repeat text,
	OUT since date,
	OUT starts_at timestamptz,
	OUT ends_at timestamptz,
	OUT requires text,
	OUT badge text)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.name, t.event, coalesce(d.amount, 0), t.target, coalesce(d.amount, 0) >= t.target,
		w.at >= coalesce(t.starts_at, '-infinity') AND w.at < coalesce(t.ends_at, 'infinity')
			AND (t.requires IS NULL OR EXISTS (
				SELECT FROM loyalty.member_badge b JOIN loyalty.badge n USING (badge_id)
				WHERE b.member_id = w.member_id AND n.name = t.requires)),
		t.repeat, s.since, t.starts_at, t.ends_at, t.requires, t.badge
	FROM (SELECT coalesce($3, loyalty.current_program()) AS program,
				 loyalty.reading_time($2) AS at, loyalty.member_id($1, $3) AS member_id) w
	JOIN loyalty.program p ON p.name = w.program
	JOIN loyalty.task t ON t.program = p.name AND t.active
	CROSS JOIN LATERAL (SELECT CASE WHEN t.repeat = 'once' THEN '-infinity'::date
		ELSE date_trunc(t.repeat, w.at AT TIME ZONE p.time_zone)::date END AS since) s
	LEFT JOIN loyalty.task_progress d ON d.member_id = w.member_id AND d.task_id = t.task_id
		AND d.since = s.since AND d.ref = ''
	ORDER BY t.task_id
$$;
COMMENT ON FUNCTION loyalty.tasks(text, timestamptz, text) IS
	'the active tasks of a member''s program: what is done of each in the period of `at` (default now), and whether events count now. LY002 unknown member';
REVOKE ALL ON FUNCTION loyalty.tasks(text, timestamptz, text) FROM PUBLIC;

CREATE VIEW loyalty.badges AS
	SELECT p.name AS program, m.ref AS member, b.name AS badge, b.title, g.awarded_at, g.entry_id,
		g.member_id
	FROM loyalty.member_badge g
	JOIN loyalty.member m ON m.member_id = g.member_id
	JOIN loyalty.program p ON p.program_id = m.program_id
	JOIN loyalty.badge b ON b.badge_id = g.badge_id;
COMMENT ON VIEW loyalty.badges IS 'the badges that members have';
