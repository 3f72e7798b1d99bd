/*
 * The programme, as its manager would write it: rows, no code.
 * A point is worth a penny; a pound spent gives one point for a year.
 * Growth has no window: history is booked long after it happened, and growth
 * that has run out by the time of booking would raise nobody.
 */
INSERT INTO loyalty.program (name, time_zone, validity, point_value)
VALUES ('shop', 'Europe/London', '12 months', 0.01);

/* Half of the year's customers spend less than silver asks, one in twenty reaches diamond. */
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift)
VALUES ('shop', 'bronze', 1, 0, 1, 0),
	   ('shop', 'silver', 2, 700, 1.2, 50),
	   ('shop', 'gold', 3, 2000, 1.5, 150),
	   ('shop', 'diamond', 4, 6000, 2, 500);

/* A return does not say at which tier its order was paid, so it takes back the plain points. */
INSERT INTO loyalty.rule (program, name, event, points, multiplied)
VALUES ('shop', 'a point per pound', 'purchase', '$.amount', true),
	   ('shop', 'goods sent back', 'return', '$.amount', false);
