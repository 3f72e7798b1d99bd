\ir tables.sql

SELECT to_char(date_trunc('month', day), 'Mon YYYY') AS month,
	   count(*) FILTER (WHERE NOT is_return) AS orders,
	   round(sum(amount) FILTER (WHERE NOT is_return)) AS "pounds",
	   count(*) FILTER (WHERE is_return) AS returns,
	   round(sum(amount) FILTER (WHERE is_return)) AS "pounds back",
	   pg_temp.bar(sum(amount) FILTER (WHERE NOT is_return),
				   max(sum(amount) FILTER (WHERE NOT is_return)) OVER (), 30) AS "orders' worth"
FROM shop.till
GROUP BY date_trunc('month', day)
ORDER BY date_trunc('month', day);

SELECT count(*) AS "order lines",
	   count(*) FILTER (WHERE customer IS NULL) AS "of no known customer",
	   count(DISTINCT invoice_no) AS "invoices",
	   count(DISTINCT customer) AS "customers"
FROM shop.line;
