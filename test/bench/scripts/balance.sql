\set n random(1, :members)
SELECT * FROM loyalty.balance(:n::text);
