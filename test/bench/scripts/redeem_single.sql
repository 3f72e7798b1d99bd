\set n random(1, :members)
SELECT * FROM loyalty.redeem('s' || :n, 1);
