/* One transaction a day; a line of running totals after each, for the progress bar. */
\pset tuples_only on
\pset format unaligned
SET loyalty.program = 'shop';

CREATE TEMPORARY TABLE so_far AS
SELECT 0 AS days, 0::bigint AS orders, 0::bigint AS returns, 0::bigint AS redemptions,
	   clock_timestamp() AS began;

SELECT format('WITH today AS (SELECT * FROM shop.trade(%1$L))
			   UPDATE so_far s
			   SET days = days + 1, orders = s.orders + t.orders, returns = s.returns + t.returns,
				   redemptions = s.redemptions + t.redemptions
			   FROM today t
			   RETURNING %2$L, days, %3$L, s.orders, s.returns, s.redemptions,
						 (extract(epoch FROM clock_timestamp() - began) * 1000)::bigint',
			  day, to_char(day, 'Mon YYYY'), count(*) OVER ())
FROM (SELECT DISTINCT day FROM shop.till) d
ORDER BY day
\gexec
