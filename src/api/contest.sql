-- Team contests: joining, standings, the end.

CREATE FUNCTION loyalty.contest_id(contest text, program text DEFAULT NULL) RETURNS integer
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'loyalty_contest_id';
COMMENT ON FUNCTION loyalty.contest_id(text, text) IS 'id of a contest, by which the tables know it; 22023 if unknown';
REVOKE ALL ON FUNCTION loyalty.contest_id(text, text) FROM PUBLIC;

CREATE TYPE loyalty.team_receipt AS (
	member text,
	contest text,
	team text,
	members integer,
	joined_at timestamptz,
	replayed boolean
);
COMMENT ON TYPE loyalty.team_receipt IS 'what join_team() and leave_team() answer';
COMMENT ON COLUMN loyalty.team_receipt.member IS 'the caller''s key of the member';
COMMENT ON COLUMN loyalty.team_receipt.contest IS 'contest';
COMMENT ON COLUMN loyalty.team_receipt.team IS 'team';
COMMENT ON COLUMN loyalty.team_receipt.members IS 'how many members the team has now';
COMMENT ON COLUMN loyalty.team_receipt.joined_at IS 'the member''s events count from then on';
COMMENT ON COLUMN loyalty.team_receipt.replayed IS 'true: the member played in it before, nothing was changed';

CREATE FUNCTION loyalty.join_team(
	member text,
	contest text,
	team text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.team_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_join_team';
COMMENT ON FUNCTION loyalty.join_team(text, text, text, timestamptz, text) IS
	'a member joins a team of a contest, which it makes if it is new; its events count from then on; who is new is enrolled. LY002 unknown member where auto_enroll is off, LY004 blocked, LY006 team is full, LY010 in another team, too late, or events since `at` are on record, 22023 unknown contest';
REVOKE ALL ON FUNCTION loyalty.join_team(text, text, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.leave_team(
	member text,
	contest text,
	program text DEFAULT NULL)
	RETURNS loyalty.team_receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_leave_team';
COMMENT ON FUNCTION loyalty.leave_team(text, text, text) IS
	'a member leaves its team of a contest, as long as no event has counted. LY002 unknown member, LY010 in no team, an event has counted, or the contest is settled, 22023 unknown contest';
REVOKE ALL ON FUNCTION loyalty.leave_team(text, text, text) FROM PUBLIC;

CREATE FUNCTION loyalty.settle_contest(
	contest text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'loyalty_settle_contest';
COMMENT ON FUNCTION loyalty.settle_contest(text, timestamptz, text) IS
	'makes the standings of a contest that is over final, once, and posts its events contest_ended as far as nobody has the members locked; returns how many it posted. 55000 not over, called off, or no rule on contest_ended, 22023 unknown contest';
REVOKE ALL ON FUNCTION loyalty.settle_contest(text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.contest_standings(
	contest text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT rank integer,
	OUT team text,
	OUT members integer,
	OUT score numeric,
	OUT settled boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH w AS MATERIALIZED (
		SELECT c.contest_id, ($2 IS NULL OR c.at >= s.settled_at) AND s.settled_at IS NOT NULL AS settled
		FROM (SELECT loyalty.contest_id($1, $3) AS contest_id, loyalty.reading_time($2) AS at) c
		LEFT JOIN loyalty.contest_settlement s USING (contest_id))
	SELECT r.rank, r.team, r.members, r.score, true
		FROM w JOIN loyalty.contest_result r USING (contest_id) WHERE w.settled
	UNION ALL
	SELECT CASE WHEN sum(s.score) > 0 THEN rank() OVER (ORDER BY sum(s.score) DESC) END::integer,
			s.team, count(*)::integer, sum(s.score), false
		FROM w, LATERAL loyalty.contest_scores(w.contest_id, $2) s WHERE NOT w.settled GROUP BY s.team
	ORDER BY 4 DESC, 2
$$;
COMMENT ON FUNCTION loyalty.contest_standings(text, timestamptz, text) IS
	'the teams of a contest by score: now, at an earlier instant by the events dated up to it, or final. The same rank for the same score; no rank without a score above 0. 22023 unknown contest, infinite time';
REVOKE ALL ON FUNCTION loyalty.contest_standings(text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.contests(
	member text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT contest text,
	OUT state text,
	OUT event text,
	OUT starts_at timestamptz,
	OUT ends_at timestamptz,
	OUT joins_until timestamptz,
	OUT teams integer,
	OUT members integer,
	OUT team text,
	OUT joined_at timestamptz,
	OUT score numeric,
	OUT rank integer)
	RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.name,
		CASE WHEN s.settled_at IS NOT NULL AND s.settled_at <= w.at THEN 'settled'
			WHEN NOT c.active THEN 'called off'
			WHEN w.at < c.starts_at THEN 'coming'
			WHEN w.at < c.ends_at THEN 'running'
			ELSE 'over' END,
		c.event, c.starts_at, c.ends_at, coalesce(c.joins_until, c.ends_at), t.teams, t.members,
		p.team, p.joined_at, p.score, r.rank
	FROM (SELECT coalesce($3, loyalty.current_program()) AS program,
				 loyalty.reading_time($2) AS at,
				 CASE WHEN $1 IS NOT NULL THEN loyalty.member_id($1, $3) END AS member_id) w
	JOIN loyalty.contest c ON c.program = w.program
	LEFT JOIN loyalty.contest_settlement s USING (contest_id)
	CROSS JOIN LATERAL (SELECT count(*)::integer AS teams, coalesce(sum(n.members), 0)::integer AS members
		FROM loyalty.contest_team n WHERE n.contest_id = c.contest_id) t
	LEFT JOIN LATERAL (SELECT x.team, coalesce(f.score, x.score) AS score, x.joined_at
		FROM loyalty.contest_scores(c.contest_id, $2) x
		LEFT JOIN loyalty.contest_prize f ON f.member_id = x.member_id AND f.contest_id = c.contest_id
			AND s.settled_at <= w.at
		WHERE x.member_id = w.member_id) p ON true
	LEFT JOIN LATERAL (SELECT x.rank
		FROM loyalty.contest_standings(c.name, $2, w.program) x WHERE x.team = p.team) r ON p.team IS NOT NULL
	ORDER BY c.ends_at, c.contest_id
$$;
COMMENT ON FUNCTION loyalty.contests(text, timestamptz, text) IS
	'the contests of a program at an instant (default now): state, how many teams and members, and for a member its team, when it joined, its score and its team''s rank. LY002 unknown member, 22023 infinite time';
REVOKE ALL ON FUNCTION loyalty.contests(text, timestamptz, text) FROM PUBLIC;

CREATE VIEW loyalty.contest_players AS
	SELECT c.program, c.name AS contest, p.team, m.ref AS member, p.joined_at, p.score,
		r.rank, r.score AS team_score, f.rank AS member_rank, f.score AS final_score, f.due,
		coalesce(e.points, 0) AS points, p.contest_id, p.member_id
	FROM loyalty.contest_player p
	JOIN loyalty.contest c ON c.contest_id = p.contest_id
	JOIN loyalty.member m ON m.member_id = p.member_id
	LEFT JOIN loyalty.contest_prize f ON f.member_id = p.member_id AND f.contest_id = p.contest_id
	LEFT JOIN loyalty.contest_result r ON r.contest_id = p.contest_id AND r.team = f.team
	LEFT JOIN LATERAL (
		SELECT sum(l.points + coalesce(-l.waived, 0) + coalesce(-l.lapsed, 0))::bigint AS points
		FROM loyalty.ledger l
		WHERE l.member_id = p.member_id AND l.ref = 'contest ' || c.name
			AND l.event_id = (SELECT t.event_id FROM loyalty.event_type t WHERE t.name = 'contest_ended')
			AND l.kind IN ('v', 'c', 'b')) e ON true;
COMMENT ON VIEW loyalty.contest_players IS 'who plays for which team and what it has scored; of a settled contest also how team and member ended, whether the event contest_ended has yet to follow, and the points that it brought';
