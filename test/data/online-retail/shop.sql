/* The shop's own tables, as any shop has them: nothing in them knows of points. */
CREATE TABLE shop.orders
(
	invoice_no text PRIMARY KEY,
	customer text NOT NULL,
	ordered_at timestamptz NOT NULL,
	amount numeric NOT NULL,
	pieces bigint NOT NULL,
	country text NOT NULL
);

/* A return names its customer and its value, never the order it came from. */
CREATE TABLE shop.returns
(
	return_no text PRIMARY KEY,
	customer text NOT NULL,
	returned_at timestamptz NOT NULL,
	amount numeric NOT NULL CHECK (amount < 0)
);

/*
 * One day at the till: some members pay a part of their order with points,
 * then the day's orders and returns are booked.  Who spends is settled by the
 * invoice number, so that every run is the same: one order in four, if the
 * member has 500 points or more; at most a tenth of the order's value (a point
 * is worth a penny), in steps of 100 points.
 */
CREATE FUNCTION shop.trade(today date, OUT orders bigint, OUT returns bigint, OUT redemptions bigint)
LANGUAGE plpgsql AS $$
DECLARE
	sale record;
	points bigint;
BEGIN
	redemptions := 0;
	FOR sale IN
		SELECT t.invoice_no, t.customer, t.sold_at, t.amount
		FROM shop.till t
		WHERE t.day = today AND NOT t.is_return AND t.invoice_no::integer % 4 = 0
		  AND EXISTS (SELECT FROM shop.orders o WHERE o.customer = t.customer)
		ORDER BY t.sold_at, t.invoice_no
	LOOP
		SELECT least(b.available, sale.amount * 10)::bigint / 100 * 100
		INTO points
		FROM loyalty.balance(sale.customer, sale.sold_at) b
		WHERE b.available >= 500;

		IF points > 0 THEN
			PERFORM loyalty.redeem(sale.customer, points, sale.invoice_no, at => sale.sold_at);
			redemptions := redemptions + 1;
		END IF;
	END LOOP;

	INSERT INTO shop.orders
	SELECT invoice_no, customer, sold_at, amount, pieces, country
	FROM shop.till
	WHERE day = today AND NOT is_return;
	GET DIAGNOSTICS orders = ROW_COUNT;

	INSERT INTO shop.returns
	SELECT invoice_no, customer, sold_at, amount
	FROM shop.till
	WHERE day = today AND is_return;
	GET DIAGNOSTICS returns = ROW_COUNT;
END
$$;
