-- What members do together: invitations.

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
