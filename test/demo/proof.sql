\ir tables.sql

/* Each row: does it hold, and what it says.  The figures wanted come from the till, never from loyalty. */
\pset tuples_only on
\pset format unaligned
SET loyalty.program = 'shop';

CREATE FUNCTION pg_temp.grouped(n numeric) RETURNS text
LANGUAGE sql AS $$ SELECT to_char(n, 'FM999,999,999,990') $$;

SELECT found = wanted,
	   format('%s orders, %s returns, %s members: as many as the till has',
			  pg_temp.grouped(found[1]), pg_temp.grouped(found[2]), pg_temp.grouped(found[3]))
FROM (SELECT ARRAY[count(*) FILTER (WHERE what = 'purchase'), count(*) FILTER (WHERE what = 'return'),
				   count(DISTINCT member)] AS found,
			 ARRAY[18532, 3654, 4371]::bigint[] AS wanted
	  FROM moved) c;

SELECT found = wanted,
	   format('%s growth from orders: each order''s pounds toward zero, added up in plain SQL', pg_temp.grouped(found))
FROM (SELECT (SELECT sum(growth) FROM moved WHERE what = 'purchase') AS found,
			 (SELECT sum(trunc(amount)) FROM shop.till WHERE NOT is_return) AS wanted) g;

SELECT found = wanted,
	   format('%s points taken back for returns: each return''s pounds toward zero', pg_temp.grouped(-found))
FROM (SELECT (SELECT sum(points) FROM moved WHERE what = 'return') AS found,
			 (SELECT sum(trunc(amount)) FROM shop.till WHERE is_return) AS wanted) r;

SELECT entries = -debt AND wallets = 0 AND owed = debt,
	   format('points in - points out = %s = what %s members owe; nobody holds a point any more',
			  pg_temp.grouped(entries), debtors)
FROM (SELECT (SELECT sum(points) FROM moved) AS entries,
			 (SELECT sum(debt) FROM moved) AS owed,
			 sum(debt) AS debt, sum(loyalty.points(points)) AS wallets, count(*) FILTER (WHERE debt > 0) AS debtors
	  FROM loyalty.members WHERE program = 'shop') s;

SELECT problems = 0,
	   format('verify(): %s entries replayed in %s s, %s problems', pg_temp.grouped(entries),
			  round(extract(epoch FROM clock_timestamp() - statement_timestamp()), 1), problems)
FROM (SELECT (SELECT count(*) FROM loyalty.verify(program => 'shop')) AS problems,
			 (SELECT count(*) FROM moved) AS entries) v;
