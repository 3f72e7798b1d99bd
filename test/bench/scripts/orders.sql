/* An order table that grants points: one per unit of money, more in the app. */
CREATE SCHEMA shop;

CREATE TABLE shop.orders (
	order_id	bigint PRIMARY KEY,
	customer	text NOT NULL,
	amount		numeric(12, 2) NOT NULL,
	channel		text NOT NULL,
	status		text NOT NULL,
	ordered_at	timestamptz NOT NULL
);

INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES
	('shop', 'base', 'purchase', '$.amount', NULL),
	('shop', 'in the app', 'purchase', '20', '$.channel == "app"');

SELECT loyalty.attach('shop.orders', 'customer', 'order_id',
					  condition => '$.status == "paid"');
