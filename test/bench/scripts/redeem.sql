\set n random(1, :members)
SELECT * FROM loyalty.redeem(:n::text, 5);
