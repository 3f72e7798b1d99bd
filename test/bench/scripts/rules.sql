/* Five rules on a purchase, two of them with a condition. */
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES
	('shop', 'base', 'purchase', '$.amount', NULL),
	('shop', 'per ten', 'purchase', '$.amount / 10', NULL),
	('shop', 'every order', 'purchase', '5', NULL),
	('shop', 'in the app', 'purchase', '20', '$.channel == "app"'),
	('shop', 'beauty', 'purchase', '50', '$.items[*].category == "beauty"');
