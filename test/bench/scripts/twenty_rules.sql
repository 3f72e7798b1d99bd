/*
 * A whole program on a purchase: twenty rules, of which the benchmark's order
 * meets ten (a few more by the hour and the day); five of them have a limit, one
 * of these per key, another for ever; a streak of days.
 */
INSERT INTO loyalty.streak (program, event, cycle, once) VALUES ('shop', 'purchase', 'month', false);
INSERT INTO loyalty.rule (program, name, event, points, condition, limits) VALUES
	('shop', 'base', 'purchase', '$.amount', NULL, '[{"per": "day", "points": 1000000}]'),
	('shop', 'every order', 'purchase', '5', NULL, '[{"per": "week", "times": 1000000}]'),
	('shop', 'in the app', 'purchase', '20', '$.channel == "app"',
	 '[{"per": "month", "points": 1000000}]'),
	('shop', 'beauty', 'purchase', '50', '$.items[*].category == "beauty"',
	 '[{"per": "year", "times": 1000000}]'),
	('shop', 'per channel', 'purchase', '1', NULL,
	 '[{"per": "ever", "times": 1000000, "key": "$.channel"}]');
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES
	('shop', 'per ten', 'purchase', '$.amount / 10', NULL),
	('shop', 'large', 'purchase', '25', '$.amount >= 100'),
	('shop', 'very large', 'purchase', '100', '$.amount >= 1000'),
	('shop', 'three and more', 'purchase', '10', '$.items.size() >= 3'),
	('shop', 'in a store', 'purchase', '15', '$.channel == "store"'),
	('shop', 'weekend', 'purchase', '10', '$at.weekday >= 6'),
	('shop', 'evening', 'purchase', '5', '$at.hour >= 18'),
	('shop', 'third day', 'purchase', '30', '$streak.run == 3 && $streak.first == true'),
	('shop', 'first of the day', 'purchase', '2', '$streak.first == true'),
	('shop', 'a toy', 'purchase', '3', 'exists($.items[*] ? (@.category == "toys"))');
INSERT INTO loyalty.rule (program, name, event, each, points, condition) VALUES
	('shop', 'beauty by amount', 'purchase', '$.items[*] ? (@.category == "beauty")', '$.amount', NULL),
	('shop', 'shoes by amount', 'purchase', '$.items[*] ? (@.category == "shoes")', '$.amount / 2', NULL),
	('shop', 'dear items', 'purchase', '$.items[*]', '5', '$.amount >= 150');
INSERT INTO loyalty.rule (program, name, event, mode, points, condition) VALUES
	('shop', 'app week', 'purchase', 'multiply', '1.5', '$.channel == "app"'),
	('shop', 'double on orders over 500', 'purchase', 'multiply', '2', '$.amount > 500');
