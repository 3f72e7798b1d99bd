/*
 * The auditor: the year at the shop once more, by other means.
 *
 * Knows nothing of loyalty: two arrays of lots and a number for the debt, member
 * after member, in the order in which shop.trade books a day.  Its program is
 * plain: a point per pound toward zero, 12 months, first in first out; what a
 * return cannot take is owed and paid by whatever comes next.  Leaves in
 * shop.audited what it booked until the end of 2012.
 */
CREATE TABLE shop.audited
(
	customer text NOT NULL,
	what text NOT NULL,
	at timestamptz NOT NULL,
	points bigint NOT NULL,
	debt bigint NOT NULL
);

CREATE FUNCTION shop.audit() RETURNS SETOF shop.audited
LANGUAGE plpgsql AS $$
DECLARE
	sale record;
	who text;
	ends timestamptz[];			/* of the lots, oldest first */
	points bigint[];
	first integer;				/* the oldest lot that is not used up */
	debt bigint;
	wanted bigint;
	part bigint;
BEGIN
	FOR sale IN
		SELECT step, customer, sold_at, amount,
			   (sold_at AT TIME ZONE 'Europe/London' + interval '12 months') AT TIME ZONE 'Europe/London' AS ends
		FROM (SELECT 1 AS step, * FROM shop.till WHERE NOT is_return AND invoice_no::integer % 4 = 0
			  UNION ALL
			  SELECT 2, * FROM shop.till WHERE NOT is_return
			  UNION ALL
			  SELECT 3, * FROM shop.till WHERE is_return
			  UNION ALL
			  SELECT 4, NULL, false, customer, '2013-01-01 00:00+00', '2013-01-01', 0, 0, 0, NULL
			  FROM shop.till GROUP BY customer) t
		ORDER BY customer, day, step, sold_at, invoice_no COLLATE "C"
	LOOP
		IF who IS DISTINCT FROM sale.customer THEN
			who := sale.customer;
			ends := '{}';
			points := '{}';
			first := 1;
			debt := 0;
		END IF;

		WHILE ends[first] <= sale.sold_at LOOP
			RETURN NEXT ROW(who, 'lapse', ends[first], -points[first], 0)::shop.audited;
			first := first + 1;
		END LOOP;

		IF sale.step = 2 THEN
			wanted := trunc(sale.amount);
			part := least(wanted, debt);
			debt := debt - part;
			IF wanted > part THEN
				ends := ends || sale.ends;
				points := points || wanted - part;
			END IF;
			RETURN NEXT ROW(who, 'purchase', sale.sold_at, wanted, -part)::shop.audited;
			CONTINUE;
		END IF;

		CASE sale.step
			WHEN 1 THEN
				wanted := (SELECT coalesce(sum(p), 0) FROM unnest(points[first:]) p);
				wanted := CASE WHEN wanted >= 500 THEN least(wanted, sale.amount * 10)::bigint / 100 * 100 ELSE 0 END;
				CONTINUE WHEN wanted = 0;
			WHEN 3 THEN
				wanted := -trunc(sale.amount);
			ELSE
				CONTINUE;
		END CASE;

		part := wanted;
		WHILE part > 0 AND first <= cardinality(points) LOOP
			IF points[first] > part THEN
				points[first] := points[first] - part;
				part := 0;
			ELSE
				part := part - points[first];
				first := first + 1;
			END IF;
		END LOOP;
		debt := debt + part;
		RETURN NEXT ROW(who, CASE sale.step WHEN 1 THEN 'redeem' ELSE 'return' END, sale.sold_at, -wanted, part)::shop.audited;
	END LOOP;
END
$$;

INSERT INTO shop.audited SELECT * FROM shop.audit();
