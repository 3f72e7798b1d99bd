--
-- What thresholds history suggests for tiers.
--

CREATE FUNCTION loyalty.calibrate_tiers(
	shares numeric[] DEFAULT '{0.50,0.30,0.15,0.05}',
	period interval DEFAULT '1 year',
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL,
	max_days integer DEFAULT 90,
	program text DEFAULT NULL,
	OUT program_name text,
	OUT name text,
	OUT rank integer,
	OUT threshold bigint,
	OUT wanted_share numeric,
	OUT members bigint,
	OUT share numeric,
	OUT ties bigint,
	OUT median_orders bigint,
	OUT median_days integer,
	OUT share_in_time numeric)
	RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	mine loyalty.program;
BEGIN
	SELECT * INTO mine FROM loyalty.program p
		WHERE p.name = COALESCE(calibrate_tiers.program, loyalty.current_program());
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown program "%"', calibrate_tiers.program USING ERRCODE = 'LY005';
	END IF;
	IF shares IS NULL OR array_ndims(shares) IS DISTINCT FROM 1
		OR (SELECT bool_or(s IS NULL OR s <= 0) OR sum(s) <> 1 FROM unnest(shares) AS s) THEN
		RAISE EXCEPTION 'shares must be greater than 0 and add up to 1'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('They are %s.', COALESCE(shares::text, 'null')),
				HINT = 'From the lowest tier up, such as {0.50,0.30,0.15,0.05}.';
	END IF;
	IF period IS NULL OR period <= '0' OR max_days IS NULL OR max_days < 0 THEN
		RAISE EXCEPTION 'period must be longer than 0, and max_days not negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	RETURN QUERY
	WITH entry AS (
		SELECT l.member_id, l.at, l.growth, l.entry_id, l.event_id,
				COALESCE('r' || l.ref, 'e' || l.entry_id) AS about
			FROM loyalty.ledger l
				JOIN loyalty.member m ON m.member_id = l.member_id
			WHERE m.program_id = mine.program_id AND l.growth IS NOT NULL
	), event AS (				-- growth that still stands, at its original date
		SELECT e.member_id, (array_agg(e.at ORDER BY e.entry_id))[1] AS at,
				min(e.entry_id) AS entry_id, sum(e.growth) AS growth
			FROM entry e
			GROUP BY e.member_id, e.event_id, e.about
			HAVING sum(e.growth) <> 0
	), span AS (				-- in the program's local time
		SELECT COALESCE(calibrate_tiers.until, max(e.at) + interval '1 microsecond')
				AT TIME ZONE mine.time_zone AS until
			FROM event e
	), window_of AS (			-- whole periods, counted back from the end
		SELECT n, (s.until - n * period) AT TIME ZONE mine.time_zone AS since,
				(s.until - (n - 1) * period) AT TIME ZONE mine.time_zone AS until
			FROM span s, generate_series(1, 1000) AS n
			WHERE n = 1 AND calibrate_tiers.since IS NULL
				OR s.until - n * period >= calibrate_tiers.since AT TIME ZONE mine.time_zone
	), step AS (
		SELECT w.n, e.member_id, e.growth, e.entry_id, e.at,
				(e.at AT TIME ZONE mine.time_zone)::date AS day,
				sum(e.growth) OVER (PARTITION BY w.n, e.member_id ORDER BY e.at, e.entry_id) AS reached
			FROM window_of w JOIN event e ON e.at >= w.since AND e.at < w.until
	), gained AS MATERIALIZED (	-- what a member gained in a period, and how
		SELECT sum(s.growth) AS growth, count(*) FILTER (WHERE s.growth > 0) AS orders,
				array_agg(s.day ORDER BY s.at, s.entry_id) AS days,
				array_agg(s.reached ORDER BY s.at, s.entry_id) AS sums
			FROM step s
			GROUP BY s.n, s.member_id
			HAVING sum(s.growth) > 0
	), cut AS (
		SELECT u.share, sum(u.share) OVER (ORDER BY u.rank) - u.share AS below
			FROM unnest(shares) WITH ORDINALITY AS u (share, rank)
	), tier AS MATERIALIZED (	-- cuts at which the growth is the same are one tier
		SELECT row_number() OVER (ORDER BY c.threshold)::integer AS rank, sum(c.share) AS share,
				c.threshold
			FROM (SELECT k.share,
						CASE WHEN k.below = 0 THEN 0
							ELSE (SELECT percentile_disc(k.below::double precision)
									WITHIN GROUP (ORDER BY g.growth) FROM gained g) END::bigint
							AS threshold
					FROM cut k) c
			GROUP BY c.threshold
	), held AS (				-- each tier against each member's period
		SELECT t.rank, g.growth, g.orders,
				CASE WHEN g.growth >= t.threshold THEN
					(SELECT min(a.day) FROM unnest(g.days, g.sums) AS a (day, reached)
						WHERE a.reached >= t.threshold) - g.days[1] END AS days
			FROM tier t CROSS JOIN gained g
	)
	SELECT mine.name, 'tier ' || t.rank, t.rank, t.threshold, t.share,
			count(*) FILTER (WHERE h.growth >= t.threshold),
			round(count(*) FILTER (WHERE h.growth >= t.threshold)::numeric / count(*), 4),
			count(*) FILTER (WHERE h.growth = t.threshold),
			percentile_disc(0.5) WITHIN GROUP (ORDER BY h.orders) FILTER (WHERE h.growth >= t.threshold),
			percentile_disc(0.5) WITHIN GROUP (ORDER BY h.days),
			round(count(*) FILTER (WHERE h.days <= max_days)::numeric / count(*), 4)
		FROM tier t JOIN held h ON h.rank = t.rank
		GROUP BY t.rank, t.share, t.threshold
		ORDER BY t.rank;
END
$$;
COMMENT ON FUNCTION loyalty.calibrate_tiers(numeric[], interval, timestamptz, timestamptz, integer, text) IS
	'proposes thresholds of tiers from the growth that members gained within a period (whole periods, counted back from until, default the newest event; since NULL: one period): threshold is percentile_disc of growth at the shares below it; cuts that fall together are one tier; members and share at or above it (a member counts once a period), ties exactly at it, discrete medians of orders and of days to get there, share_in_time: those there within max_days. LY005 unknown program, 22023 shares that do not add up to 1';
REVOKE ALL ON FUNCTION loyalty.calibrate_tiers(numeric[], interval, timestamptz, timestamptz, integer, text) FROM PUBLIC;
