\ir tables.sql

CREATE TEMPORARY TABLE month AS
SELECT date_trunc('month', at AT TIME ZONE 'Europe/London') AS starts,
	   sum(points) FILTER (WHERE what = 'purchase') AS issued,
	   sum(points) FILTER (WHERE what = 'gift') AS gifts,
	   sum(points) FILTER (WHERE what = 'redeem') AS spent,
	   sum(points) FILTER (WHERE what = 'return') AS returned,
	   sum(points) FILTER (WHERE what = 'lapse') AS lapsed,
	   sum(points) AS change,
	   sum(debt) AS debt
FROM moved
GROUP BY 1;

\echo '## Points by month, and what the shop owes its members at the end of each'
SELECT to_char(starts, 'Mon YYYY') AS month, issued, gifts, spent, returned AS "clawed back", lapsed,
	   sum(change + debt) OVER so_far AS "points owed",
	   round(sum(change + debt) OVER so_far * 0.01) AS "in pounds",
	   pg_temp.bar(owed, max(owed) OVER (), 20) AS "owed"
FROM (SELECT *, sum(change + debt) OVER (ORDER BY starts) AS owed FROM month) m
WINDOW so_far AS (ORDER BY starts)
ORDER BY starts;

\echo '## All of it'
SELECT what, times, points, round(points * 0.01) AS "in pounds", pg_temp.bar(abs(points), max(abs(points)) OVER (), 30) AS size
FROM (SELECT 1 AS place, 'issued for orders' AS what, count(*) AS times, sum(growth) AS points
	  FROM moved WHERE what = 'purchase'
	  UNION ALL
	  SELECT 2, 'more of it thanks to a tier', count(*), sum(points - growth)
	  FROM moved WHERE what = 'purchase' AND points > growth
	  UNION ALL
	  SELECT 3, 'gifts on reaching a tier', count(*), sum(points) FROM moved WHERE what = 'gift'
	  UNION ALL
	  SELECT 4, 'spent at the till', count(*), sum(points) FROM moved WHERE what = 'redeem'
	  UNION ALL
	  SELECT 5, 'clawed back for returns', count(*), sum(points) FROM moved WHERE what = 'return'
	  UNION ALL
	  SELECT 6, 'lapsed by the end of 2012', count(*), sum(points) FROM moved WHERE what = 'lapse'
	  UNION ALL
	  SELECT 7, 'left: what members owe the shop', count(*) FILTER (WHERE debt > 0), -sum(debt)
	  FROM loyalty.members WHERE program = 'shop') s
ORDER BY place;
