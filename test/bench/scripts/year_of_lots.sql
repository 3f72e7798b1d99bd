/* The peer's members, with the lots that as many calls of earn, day by day, would leave. */
INSERT INTO row_per_lot.member (ref, balance)
SELECT n, 365 * 100 FROM generate_series(1, :years) AS n;

INSERT INTO row_per_lot.ledger (member_id, at, points, balance, kind)
SELECT member_id, date_trunc('day', now()) - day * interval '1 day', 100,
	   (366 - day) * 100, 'e'
FROM generate_series(365, 1, -1) AS day, row_per_lot.member
ORDER BY day DESC, member_id;

INSERT INTO row_per_lot.lot
SELECT member_id, entry_id, points, points, at, at + interval '2 years'
FROM row_per_lot.ledger ORDER BY entry_id;
