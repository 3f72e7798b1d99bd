-- Who plays in team contests, what they have scored, and how contests ended.
-- What is about a member is written under its row lock; a team's row only when
-- somebody joins or leaves; results once, by the settlement.

CREATE TABLE loyalty.contest_team (
	contest_id integer NOT NULL,
	members integer NOT NULL,
	team text COLLATE "C" NOT NULL,
	PRIMARY KEY (contest_id, team)
) WITH (fillfactor = 70);
COMMENT ON TABLE loyalty.contest_team IS 'teams of contests: a team is there while it has members';
COMMENT ON COLUMN loyalty.contest_team.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_team.members IS 'how many play in it';
COMMENT ON COLUMN loyalty.contest_team.team IS 'name of the team';

CREATE TABLE loyalty.contest_player (
	member_id bigint NOT NULL,
	joined_at timestamptz NOT NULL,
	contest_id integer NOT NULL,
	team text COLLATE "C" NOT NULL,
	score numeric NOT NULL,
	PRIMARY KEY (member_id, contest_id)
) WITH (fillfactor = 70);
CREATE INDEX contest_player_contest_id_idx ON loyalty.contest_player (contest_id);
COMMENT ON TABLE loyalty.contest_player IS 'who plays in which team of a contest: one team per member and contest';
COMMENT ON COLUMN loyalty.contest_player.member_id IS 'member';
COMMENT ON COLUMN loyalty.contest_player.joined_at IS 'business time of joining; events from then on count';
COMMENT ON COLUMN loyalty.contest_player.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_player.team IS 'name of the team';
COMMENT ON COLUMN loyalty.contest_player.score IS 'what the member''s events count together';
COMMENT ON INDEX loyalty.contest_player_contest_id_idx IS 'the players of a contest';

CREATE TABLE loyalty.contest_event (
	member_id bigint NOT NULL,
	entry_id bigint NOT NULL,
	at timestamptz NOT NULL,
	contest_id integer NOT NULL,
	measured numeric NOT NULL,
	counted numeric NOT NULL,
	PRIMARY KEY (member_id, contest_id, entry_id)
);
COMMENT ON TABLE loyalty.contest_event IS 'what each event counts in a contest, for corrections and for standings of the past';
COMMENT ON COLUMN loyalty.contest_event.member_id IS 'member';
COMMENT ON COLUMN loyalty.contest_event.entry_id IS 'first ledger entry of the event';
COMMENT ON COLUMN loyalty.contest_event.at IS 'business time of the event';
COMMENT ON COLUMN loyalty.contest_event.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_event.measured IS 'what its attributes, as they are now, measure';
COMMENT ON COLUMN loyalty.contest_event.counted IS 'that, less what was clawed back of the event';

CREATE TABLE loyalty.contest_settlement (
	contest_id integer NOT NULL,
	actor_id integer NOT NULL,
	settled_at timestamptz NOT NULL,
	PRIMARY KEY (contest_id)
);
COMMENT ON TABLE loyalty.contest_settlement IS 'contests that are settled: their standings are final';
COMMENT ON COLUMN loyalty.contest_settlement.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_settlement.actor_id IS 'who settled it';
COMMENT ON COLUMN loyalty.contest_settlement.settled_at IS 'business time of the settlement, and of its events contest_ended';

CREATE TABLE loyalty.contest_result (
	contest_id integer NOT NULL,
	rank integer,
	tied integer,
	teams integer NOT NULL,
	members integer NOT NULL,
	team text COLLATE "C" NOT NULL,
	score numeric NOT NULL,
	PRIMARY KEY (contest_id, team)
);
COMMENT ON TABLE loyalty.contest_result IS 'final standings of contests: never changed';
COMMENT ON COLUMN loyalty.contest_result.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_result.rank IS '1 + the number of teams with a higher score; NULL = a score of 0 or less has no rank';
COMMENT ON COLUMN loyalty.contest_result.tied IS 'how many teams share the rank, this one included';
COMMENT ON COLUMN loyalty.contest_result.teams IS 'how many teams have a rank';
COMMENT ON COLUMN loyalty.contest_result.members IS 'how many played in the team';
COMMENT ON COLUMN loyalty.contest_result.team IS 'name of the team';
COMMENT ON COLUMN loyalty.contest_result.score IS 'what its members scored together';

CREATE TABLE loyalty.contest_prize (
	member_id bigint NOT NULL,
	contest_id integer NOT NULL,
	rank integer NOT NULL,
	due boolean NOT NULL,
	team text COLLATE "C" NOT NULL,
	score numeric NOT NULL,
	PRIMARY KEY (member_id, contest_id)
) WITH (fillfactor = 70);
CREATE INDEX contest_prize_contest_id_idx ON loyalty.contest_prize (contest_id);
CREATE INDEX contest_prize_due_idx ON loyalty.contest_prize (contest_id, member_id) WHERE due;
COMMENT ON TABLE loyalty.contest_prize IS 'how each player of a settled contest ended, and whether its event contest_ended has yet to follow';
COMMENT ON COLUMN loyalty.contest_prize.member_id IS 'member';
COMMENT ON COLUMN loyalty.contest_prize.contest_id IS 'contest';
COMMENT ON COLUMN loyalty.contest_prize.rank IS 'the member''s rank within its team';
COMMENT ON COLUMN loyalty.contest_prize.due IS 'whether its event contest_ended has yet to follow; false from the start where the team has no rank';
COMMENT ON COLUMN loyalty.contest_prize.team IS 'name of the team';
COMMENT ON COLUMN loyalty.contest_prize.score IS 'what the member scored';
COMMENT ON INDEX loyalty.contest_prize_contest_id_idx IS 'the players of a settled contest';
COMMENT ON INDEX loyalty.contest_prize_due_idx IS 'what maintain() has to post';

SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_team', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_player', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_event', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_settlement', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_result', '');
SELECT pg_catalog.pg_extension_config_dump('loyalty.contest_prize', '');

-- What the players of a contest have scored, by the events dated up to `at`
-- (NULL: by all).  For the functions that run as the owner.
CREATE FUNCTION loyalty.contest_scores(contest_id integer, at timestamptz,
		OUT member_id bigint, OUT team text, OUT score numeric, OUT joined_at timestamptz)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT p.member_id, p.team, p.score, p.joined_at
		FROM loyalty.contest_player p WHERE p.contest_id = $1 AND $2 IS NULL
	UNION ALL
	SELECT p.member_id, p.team,
			coalesce((SELECT sum(e.counted) FROM loyalty.contest_event e
					  WHERE e.member_id = p.member_id AND e.contest_id = p.contest_id AND e.at <= $2), 0),
			p.joined_at
		FROM loyalty.contest_player p WHERE p.contest_id = $1 AND p.joined_at <= $2
$$;
COMMENT ON FUNCTION loyalty.contest_scores(integer, timestamptz) IS
	'what the players of a contest have scored so far, by the events dated up to an instant; NULL: by all';
REVOKE ALL ON FUNCTION loyalty.contest_scores(integer, timestamptz) FROM PUBLIC;
