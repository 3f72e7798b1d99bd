SELECT * FROM loyalty.redeem('1', 5);
