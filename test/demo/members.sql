\ir tables.sql
SET loyalty.program = 'shop';

\echo '## Members by tier'
WITH then_held AS MATERIALIZED
(
	SELECT m.member, b.*
	FROM loyalty.members m, loyalty.balance(m.member, '2011-12-10 00:00+00') b
	WHERE m.program = 'shop'
)
SELECT t.name AS tier, t.threshold AS "from", t.earn_multiplier AS "earns x",
	   count(h.member) AS members,
	   round(100.0 * count(h.member) / sum(count(h.member)) OVER (), 1) AS "%",
	   pg_temp.bar(count(h.member), sum(count(h.member)) OVER (), 24) AS "share of members",
	   coalesce(sum(h.available), 0) AS "points held",
	   pg_temp.bar(sum(h.available), sum(sum(h.available)) OVER (), 24) AS "share of points"
FROM loyalty.tier t
LEFT JOIN then_held h ON h.tier = t.name
WHERE t.program = 'shop'
GROUP BY t.name, t.rank, t.threshold, t.earn_multiplier
ORDER BY t.rank DESC;

\echo '## Customer 16446: 168,469.60 pounds ordered, and cancelled after 12 minutes'
SELECT to_char(at AT TIME ZONE 'Europe/London', 'YYYY-MM-DD HH24:MI') AS at, what, ref, points, growth, debt, balance
FROM moved
WHERE member = '16446'
ORDER BY entry_id;

\echo '## A member''s statement: customer 12656, who came with a return, paid the debt, rose to gold and spent'
SELECT to_char(at AT TIME ZONE 'Europe/London', 'YYYY-MM-DD HH24:MI') AS at, what, ref, points, debt, balance,
	   (SELECT string_agg(format('%s till %s', loyalty.points(l),
								 to_char(loyalty.valid_until(l) AT TIME ZONE 'Europe/London', 'Mon YY')), ', ')
		FROM loyalty.lots(lots) l) AS "lots that came or went"
FROM moved
WHERE member = '12656'
ORDER BY entry_id;

\echo '## ... and the lots that are left, in the order in which they will be spent'
SELECT * FROM loyalty.lots('12656');
