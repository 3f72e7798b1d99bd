\set n random(1, :members)
SELECT * FROM loyalty.earn(:n::text, 5);
