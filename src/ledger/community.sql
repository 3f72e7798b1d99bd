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

-- What an event with a ref has counted is kept under its ref, for corrections.
CREATE TABLE loyalty.task_progress (
	member_id bigint NOT NULL,
	task_id integer NOT NULL,
	since date NOT NULL,
	ref text COLLATE "C" NOT NULL,
	amount numeric NOT NULL,
	PRIMARY KEY (member_id, task_id, since, ref)
);
COMMENT ON TABLE loyalty.task_progress IS 'what members have done of tasks: in all, and by event';
COMMENT ON COLUMN loyalty.task_progress.member_id IS 'member';
COMMENT ON COLUMN loyalty.task_progress.task_id IS 'task';
COMMENT ON COLUMN loyalty.task_progress.since IS 'first local day of the period; -infinity where the task is not repeated';
COMMENT ON COLUMN loyalty.task_progress.ref IS 'ref of the event; empty = all events of the period together';
COMMENT ON COLUMN loyalty.task_progress.amount IS 'count, or sum of the measure';

CREATE TABLE loyalty.member_badge (
	member_id bigint NOT NULL,
	badge_id integer NOT NULL,
	entry_id bigint NOT NULL,
	awarded_at timestamptz NOT NULL,
	PRIMARY KEY (member_id, badge_id)
);
COMMENT ON TABLE loyalty.member_badge IS 'badges that members have: each once';
COMMENT ON COLUMN loyalty.member_badge.member_id IS 'member';
COMMENT ON COLUMN loyalty.member_badge.badge_id IS 'badge';
COMMENT ON COLUMN loyalty.member_badge.entry_id IS 'ledger entry of the event that awarded it: task_completed, or one with a rule that gives it';
COMMENT ON COLUMN loyalty.member_badge.awarded_at IS 'business time of the award';

SELECT pg_catalog.pg_extension_config_dump('loyalty.referral', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.task_progress', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.member_badge', '');
