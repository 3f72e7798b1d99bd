/* How tables look, and the bar that stands in some of them. */
\pset border 1
\pset linestyle :linestyle
\pset footer off
\pset numericlocale on
\pset null ''

/* A bar of that share of the width; shop.blocks holds a blank and its steps to a full block. */
CREATE OR REPLACE FUNCTION pg_temp.bar(value numeric, most numeric, width integer) RETURNS text
LANGUAGE sql AS $$
	SELECT repeat(right(blocks, 1), eighths / steps) || rtrim(substr(blocks, eighths % steps + 1, 1))
	FROM (SELECT blocks, length(blocks) - 1 AS steps,
				 round(greatest(value, 0) / nullif(most, 0) * width * (length(blocks) - 1))::integer AS eighths
		  FROM current_setting('shop.blocks') AS blocks) b
$$;

/* The shop's entries, each with one word for what it was. */
CREATE OR REPLACE TEMPORARY VIEW moved AS
SELECT CASE WHEN kind = 'event' THEN event ELSE kind END AS what, *
FROM loyalty.entries
WHERE program = 'shop';
