/* A peer that is fast because it is wrong proves nothing.  Leaves no trace. */
BEGIN;

DO $$
BEGIN
	PERFORM row_per_lot.redeem(ref, 150), row_per_lot.earn(ref, 30)
	FROM row_per_lot.member WHERE ref <> '1';
	PERFORM row_per_lot.redeem('1', 36500);
	ASSERT NOT EXISTS (SELECT FROM row_per_lot.verify()),
		'row_per_lot: balances, lots and ledger disagree';
	ASSERT '{0,50,100}' = (
		SELECT array_agg(remaining ORDER BY valid_from, lot_id)
		FROM (SELECT * FROM row_per_lot.lot l JOIN row_per_lot.member USING (member_id)
			  WHERE ref = '2' ORDER BY valid_from, lot_id LIMIT 3) AS first_three),
		'row_per_lot: lots are not spent first in, first out';
	BEGIN
		PERFORM row_per_lot.redeem('1', 1);
		RAISE EXCEPTION 'row_per_lot: points were spent twice';
	EXCEPTION WHEN raise_exception THEN
		ASSERT sqlerrm = 'insufficient points', sqlerrm;
	END;
END $$;

ROLLBACK;
