-- Who invited whom.  A row is written under the invitee's row lock; that the
-- inviter's part is settled is noted with the inviter's row locked as well.
CREATE TABLE loyalty.referral (
	member_id bigint NOT NULL,
	inviter_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	invited_at timestamptz NOT NULL,
	qualified_at timestamptz,
	qualified_entry bigint,
	due boolean NOT NULL,
	qualified_ref text COLLATE "C",
	PRIMARY KEY (member_id)
);
CREATE INDEX referral_inviter_id_idx ON loyalty.referral (inviter_id);
CREATE INDEX referral_due_idx ON loyalty.referral (member_id) WHERE due;
COMMENT ON TABLE loyalty.referral IS 'invitations: a member is invited once';
COMMENT ON COLUMN loyalty.referral.member_id IS 'the invitee';
COMMENT ON COLUMN loyalty.referral.inviter_id IS 'who invited it';
COMMENT ON COLUMN loyalty.referral.entry_id IS 'the invitee''s ledger entry of the event invited';
COMMENT ON COLUMN loyalty.referral.invited_at IS 'business time of the invitation';
COMMENT ON COLUMN loyalty.referral.qualified_at IS 'business time of the event that completed it; NULL = none has, or none stands';
COMMENT ON COLUMN loyalty.referral.qualified_entry IS 'ledger entry of that event';
COMMENT ON COLUMN loyalty.referral.due IS 'whether the inviter''s event invite_completed has yet to follow';
COMMENT ON COLUMN loyalty.referral.qualified_ref IS 'ref of that event; NULL = it had none and cannot be corrected';
COMMENT ON INDEX loyalty.referral_inviter_id_idx IS 'whom a member invited';
COMMENT ON INDEX loyalty.referral_due_idx IS 'what maintain() has to settle';

SELECT pg_catalog.pg_extension_config_dump('loyalty.referral', '');
