\set n random(1, :members)
\set r random(1, 1000000000000)
SELECT * FROM loyalty.earn(:n::text, 5, :r::text);
