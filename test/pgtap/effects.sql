-- Effects of rules beyond points: coupons, draw tickets, units of benefits, badges; given once per event, corrected with it.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'UTC');
INSERT INTO loyalty.coupon_type (name, title, value, minimum_order, validity) VALUES ('ten_off', 'Ten off', 10, 50, '30 days');
INSERT INTO loyalty.coupon_type (name, kind, value) VALUES ('fifth', 'percent', 20);
INSERT INTO loyalty.draw (name, starts_at, ends_at) VALUES ('summer', '2024-06-01', '2024-09-01'), ('always', NULL, NULL);
INSERT INTO loyalty.badge (name) VALUES ('early_bird'), ('whale'), ('critic');
INSERT INTO loyalty.benefit (name, quota, unit, period, condition) VALUES ('delivery', 1, 'parcel', 'month', '$.amount >= 5');
INSERT INTO loyalty.rule (name, event, condition, points, effects) VALUES
	('base', 'purchase', NULL, '$.amount', NULL),
	('big', 'purchase', '$.amount >= 100', '0',
		'[{"coupon": "ten_off", "count": 2}, {"draw_ticket": "summer", "count": 3}, {"benefit": "delivery", "count": 2, "validity": "10 days"}, {"badge": "whale"}]');

-- what stands: 'coupons/tickets/units left of units' and badges
CREATE FUNCTION has(member text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s coupons, %s tickets, %s of %s units, %s',
		(SELECT count(*) FROM loyalty.coupon c WHERE c.member_id = m.member_id AND voided_by IS NULL),
		(SELECT coalesce(sum(count), 0) FROM loyalty.draw_ticket c WHERE c.member_id = m.member_id),
		(SELECT coalesce(sum(count - used), 0) FROM loyalty.benefit_unit c WHERE c.member_id = m.member_id),
		(SELECT coalesce(sum(count), 0) FROM loyalty.benefit_unit c WHERE c.member_id = m.member_id),
		(SELECT coalesce(string_agg(badge, ',' ORDER BY badge), 'no badge') FROM loyalty.badges b WHERE b.member_id = m.member_id))
	FROM member_row($1) m
$$;

-- each effect, once per event
SELECT FROM enroll('ann', at => '2024-01-01');
SELECT is(breakdown -> 'effects', '[{"rule": "big", "count": 2, "coupon": "ten_off", "rule_id": 2}, {"rule": "big", "count": 3, "rule_id": 2, "draw_ticket": "summer"}, {"rule": "big", "count": 2, "benefit": "delivery", "rule_id": 2}, {"rule": "big", "badge": "whale", "count": 1, "rule_id": 2}]',
	'preview shows them') FROM preview('ann', 'purchase', '{"amount": 100}', '2024-07-01');
SELECT is(has('ann'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'and gives nothing');
SELECT FROM record('ann', 'purchase', '{"amount": 99}', 'o0', '2024-07-01');
SELECT is(has('ann'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'a rule that does not apply gives nothing');
SELECT ok(NOT (last_entry('ann')).breakdown ? 'effects', 'and notes nothing');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-07-01 10:00');
SELECT is(has('ann'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'one that does gives all of its effects');
SELECT is(replayed, true, 'a repeat') FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT is(has('ann'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'gives nothing twice');
SELECT results_eq($$SELECT coupon, title, kind, value, minimum_order, shown(valid_from), shown(valid_until) FROM coupons('ann', '2024-07-02')$$,
	$$VALUES ('ten_off', 'Ten off', 'amount', 10::numeric, 50::numeric, '2024-07-01 10:00:00', '2024-07-31 10:00:00'),
		('ten_off', 'Ten off', 'amount', 10, 50, '2024-07-01 10:00:00', '2024-07-31 10:00:00')$$, 'coupons');
SELECT is_empty($$SELECT * FROM coupons('ann', '2024-07-31 10:00')$$, 'they lapse by the clock');
SELECT is_empty($$SELECT * FROM coupons('ann', '2024-07-01 09:59')$$, 'and begin by it');
SELECT results_eq($$SELECT draw, tickets, shown(ends_at) FROM draw_tickets('ann', '2024-08-31')$$, $$VALUES ('summer', 3::bigint, '2024-09-01')$$, 'tickets');
SELECT is_empty($$SELECT * FROM draw_tickets('ann', '2024-09-01')$$, 'till the draw is over');
SELECT refuses($$SELECT * FROM coupons('nobody')$$, 'LY002', 'coupons of an unknown member');
SELECT refuses($$SELECT * FROM draw_tickets('nobody')$$, 'LY002', 'tickets of an unknown member');
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('ann', 'o1') line),
	E'Rule big gave 2 coupons ten_off.\nRule big gave 3 tickets for draw summer.\nRule big gave 2 units of benefit delivery.\nRule big gave badge whale.', 'explain tells them');

-- outside of the draw's time no tickets are given
SELECT FROM record('bea', 'purchase', '{"amount": 100}', 'o1', '2024-09-01');
SELECT is(has('bea'), '2 coupons, 0 tickets, 2 of 2 units, whale', 'an event after the draw gives no tickets');

-- corrections and flips
SELECT FROM settle('ann', 'purchase', '{"amount": 150}', 'o1');
SELECT is(has('ann') || ', ' || stands('ann'), '2 coupons, 3 tickets, 2 of 2 units, whale, wallet 249, held 0, debt 0', 'a correction of amounts leaves them');
SELECT FROM settle('ann', 'purchase', '{"amount": 50}', 'o1');
SELECT is(has('ann'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'a partial refund that ends the condition takes them');
SELECT is(count(*), 2, 'coupons are void') FROM loyalty.coupon WHERE voided_by = (last_entry('ann')).entry_id;
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('ann', 'o1') line),
	E'2 coupons ten_off of rule big were taken back if not used.\n3 tickets for draw summer of rule big were taken back.\n2 units of delivery of rule big were taken back if not used.\nRule big no longer gives badge whale.', 'explain tells that too');
SELECT FROM settle('ann', 'purchase', '{"amount": 120}', 'o1');
SELECT is(has('ann'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'they come again');
SELECT is(format('%s %s', count(*), count(voided_by)), '2 0', 'the same coupons') FROM loyalty.coupon c WHERE member_id = (member_row('ann')).member_id;
SELECT FROM settle('ann', 'purchase', NULL, 'o1');
SELECT is(has('ann'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'called off');
SELECT FROM settle('ann', 'purchase', NULL, 'o1');
SELECT FROM settle('ann', 'purchase', '{"amount": 120}', 'o1');
SELECT FROM settle('ann', 'purchase', NULL, 'o1');
SELECT FROM settle('ann', 'purchase', '{"amount": 120}', 'o1');
SELECT is(replayed, true, 'the same again changes nothing') FROM settle('ann', 'purchase', '{"amount": 120}', 'o1');
SELECT is(has('ann'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'any number of flips ends in the same');
SELECT is(count(*), 2, 'with the same coupons') FROM loyalty.coupon c WHERE member_id = (member_row('ann')).member_id;
SELECT FROM settle('cat', 'purchase', '{"amount": 10}', 'o1', '2024-07-01');
SELECT FROM settle('cat', 'purchase', '{"amount": 100}', 'o1');
SELECT is(has('cat'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'a correction upwards gives them');
SELECT is(shown(valid_until), '2024-07-31', 'valid as if given with the event') FROM loyalty.coupon WHERE member_id = (member_row('cat')).member_id LIMIT 1;
SELECT lawful('flips');

-- units: what ends soonest is used first
SELECT results_eq($$SELECT benefit, quota, used, remaining, units, shown(units_until) FROM benefits('ann', '2024-07-02')$$,
	$$VALUES ('delivery', 1::bigint, 0::bigint, 3::bigint, 2::bigint, '2024-07-11 10:00:00')$$, 'benefits shows units beside the quota');
SELECT results_eq($$SELECT used, remaining, replayed FROM use_benefit('ann', 'delivery', 1, 'u1', '{"amount": 5}', now())$$,
	$$VALUES (1::bigint, 0::bigint, false)$$, 'lapsed units are gone, the quota is left');
SELECT FROM record('dan', 'purchase', '{"amount": 100}', 'o1', '2024-07-01');
SELECT refuses($$SELECT use_benefit('dan', 'delivery', 1, 'u0', '{"amount": 4}', '2024-07-02')$$, 'LY010', 'the condition of the benefit holds for units too');
SELECT refuses($$SELECT use_benefit('dan', 'delivery', 4, 'u0', '{"amount": 5}', '2024-07-02')$$, 'LY006', 'not more than quota and units', 'Asked for 4 .parcel., used 0 of 1; rules gave 2 more');
SELECT results_eq($$SELECT used, remaining FROM use_benefit('dan', 'delivery', 1, 'u1', '{"amount": 5}', '2024-07-02')$$, $$VALUES (0::bigint, 2::bigint)$$, 'a unit that ends before the month is used first');
SELECT results_eq($$SELECT used, remaining, replayed FROM use_benefit('dan', 'delivery', 1, 'u1', '{"amount": 5}', '2024-07-02')$$, $$VALUES (0::bigint, 2::bigint, true)$$, 'a repeat shows the same');
SELECT is(has('dan'), '2 coupons, 3 tickets, 1 of 2 units, whale', 'one unit is used');
SELECT FROM settle('dan', 'purchase', NULL, 'o1');
SELECT is(has('dan'), '0 coupons, 0 tickets, 0 of 1 units, no badge', 'what was used stays used');
SELECT FROM settle('dan', 'purchase', '{"amount": 100}', 'o1');
SELECT is(has('dan'), '2 coupons, 3 tickets, 1 of 2 units, whale', 'and counts when it is granted again');
UPDATE loyalty.rule SET effects = '[{"benefit": "delivery", "validity": "never"}]' WHERE name = 'big';
SELECT FROM record('eve', 'purchase', '{"amount": 100}', 'o1', '2024-07-01');
SELECT results_eq($$SELECT used, remaining FROM use_benefit('eve', 'delivery', 1, 'u1', '{"amount": 5}', '2024-07-02')$$, $$VALUES (1::bigint, 1::bigint)$$, 'a quota that ends before the unit is used first');
SELECT results_eq($$SELECT used, remaining FROM use_benefit('eve', 'delivery', 1, 'u2', '{"amount": 5}', '2024-07-03')$$, $$VALUES (1::bigint, 0::bigint)$$, 'then the unit');
UPDATE loyalty.benefit SET active = false;
INSERT INTO loyalty.tier (name, rank, threshold) VALUES ('gold', 1, 100000);
INSERT INTO loyalty.benefit (name, tier, unit, quota) VALUES ('lounge', 'gold', 'visit', NULL);
INSERT INTO loyalty.rule (name, event, points, effects) VALUES ('visit', 'review', '0', '[{"benefit": "lounge"}]');
SELECT is_empty($$SELECT * FROM benefits('eve')$$, 'not entitled');
SELECT FROM record('eve', 'review', '{}', 'r1', '2024-07-03');
SELECT results_eq($$SELECT benefit, quota, remaining, units, tier FROM benefits('eve')$$, $$VALUES ('lounge', 0::bigint, 1::bigint, 1::bigint, NULL)$$, 'who is not entitled has units');
SELECT results_eq($$SELECT used, remaining FROM use_benefit('eve', 'lounge', 1, 'u3')$$, $$VALUES (0::bigint, 0::bigint)$$, 'and can use them');
SELECT refuses($$SELECT use_benefit('eve', 'lounge', 1, 'u4')$$, 'LY010', 'till they are used');
SELECT lawful('units');

-- claw-back of the whole event
UPDATE loyalty.rule SET effects = '[{"coupon": "fifth"}, {"draw_ticket": "always"}, {"badge": "whale"}]' WHERE name = 'big';
SELECT FROM record('gus', 'purchase', '{"amount": 100}', 'o1', '2024-07-01');
SELECT FROM claw_back('gus', 'o1', 40);
SELECT is(has('gus'), '1 coupons, 1 tickets, 0 of 0 units, whale', 'part of the points leaves effects alone');
SELECT FROM claw_back('gus', 'o1');
SELECT is(has('gus'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'the last of them takes the effects');
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('gus', 'o1') line), '1 coupon fifth of rule big was taken back if not used', 'explain tells it');
SELECT FROM settle('gus', 'purchase', NULL, 'o1');
SELECT FROM settle('gus', 'purchase', '{"amount": 100}', 'o1');
SELECT is(has('gus'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'what an operator took stays taken');
SELECT FROM record('eve', 'review', '{}', 'r2', '2024-07-03');
SELECT is(points, 0, 'an event of no points') FROM claw_back('eve', 'r2');
SELECT is(replayed, true, 'once') FROM claw_back('eve', 'r2');
SELECT is(sum(count)::bigint, 1, 'can be clawed back too') FROM loyalty.benefit_unit WHERE benefit = 'lounge';
SELECT lawful('claw-backs');

-- limits: a match of a rule with effects counts without points
INSERT INTO loyalty.rule (name, event, points, limits, effects) VALUES
	('first', 'check_in', '0', '[{"per": "ever", "times": 1}]', '[{"coupon": "fifth"}]'),
	('daily', 'check_in', '5', '[{"per": "day", "points": 10}]', '[{"draw_ticket": "always"}]');
SELECT FROM record('hal', 'check_in', '{}', 'c1', '2024-07-01');
SELECT FROM record('hal', 'check_in', '{}', 'c2', '2024-07-01');
SELECT FROM record('hal', 'check_in', '{}', 'c3', '2024-07-01');
SELECT is(has('hal'), '1 coupons, 2 tickets, 0 of 0 units, no badge', 'a limit that leaves nothing cuts effects');
SELECT is(breakdown -> 'rules' -> 0 ->> 'cut_by', '["1 time ever"]', 'and says so') FROM entries WHERE ref = 'c2';
SELECT FROM settle('hal', 'check_in', NULL, 'c1');
SELECT is(has('hal'), '0 coupons, 1 tickets, 0 of 0 units, no badge', 'called off');
SELECT FROM record('hal', 'check_in', '{}', 'c4', '2024-07-02');
SELECT is(has('hal'), '1 coupons, 2 tickets, 0 of 0 units, no badge', 'the limit is free again');
SELECT FROM settle('hal', 'check_in', '{}', 'c1');
SELECT is(has('hal'), '1 coupons, 3 tickets, 0 of 0 units, no badge', 'and used when the first comes back');
SELECT FROM claw_back('hal', 'c4');
SELECT is(has('hal'), '0 coupons, 2 tickets, 0 of 0 units, no badge', 'clawed back');
SELECT FROM record('hal', 'check_in', '{}', 'c5', '2024-07-03');
SELECT is(has('hal'), '1 coupons, 3 tickets, 0 of 0 units, no badge', 'is free as well');
INSERT INTO loyalty.rule (name, event, points, budget, effects) VALUES ('scarce', 'share', '10', 15, '[{"coupon": "fifth"}]');
INSERT INTO loyalty.rule (name, event, points, holdout, effects) VALUES ('nobody', 'share', '0', 1, '[{"coupon": "ten_off"}]');
INSERT INTO loyalty.rule (name, event, points, exclusive_group, effects) VALUES
	('less', 'share', '1', 'best', '[{"draw_ticket": "always", "count": 7}]'), ('more', 'share', '2', 'best', '[{"draw_ticket": "always"}]');
SELECT FROM generate_series(1, 4) n, record('ida', 'share', '{}', 's' || n, '2024-07-01');
SELECT is(has('ida'), '2 coupons, 4 tickets, 0 of 0 units, no badge', 'an empty budget, a holdout and a lost group give nothing');
SELECT lawful('limits');

-- several kinds of points: the effects are the event's
INSERT INTO loyalty.rule (name, event, condition, points, point_kind, effects) VALUES
	('kind a', 'visit', '$.a > 0', '$.a', 'a', '[{"coupon": "fifth"}]'), ('kind b', 'visit', '$.b > 0', '$.b', 'b', '[{"coupon": "ten_off"}]');
SELECT FROM settle('jon', 'visit', '{"a": 3, "b": 4}', 'v1', '2024-07-01');
SELECT is(has('jon'), '2 coupons, 0 tickets, 0 of 0 units, no badge', 'of both kinds');
SELECT FROM settle('jon', 'visit', '{"a": 0, "b": 4}', 'v1');
SELECT is(has('jon'), '1 coupons, 0 tickets, 0 of 0 units, no badge', 'one kind less');
SELECT FROM settle('jon', 'visit', '{"a": 0, "b": 5}', 'v1');
SELECT is(has('jon'), '1 coupons, 0 tickets, 0 of 0 units, no badge', 'more of the other');
SELECT FROM settle('jon', 'visit', '{"a": 0, "b": 0}', 'v1');
SELECT is(has('jon'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'none');
SELECT FROM settle('jon', 'visit', '{"a": 3, "b": 4}', 'v1');
SELECT is(has('jon') || ' ' || (SELECT count(*) FROM loyalty.coupon WHERE member_id = (member_row('jon')).member_id), '2 coupons, 0 tickets, 0 of 0 units, no badge 2', 'both again');
SELECT FROM claw_back('jon', 'v1');
SELECT is(has('jon'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'clawed back together');
SELECT lawful('several kinds');

-- badges: one for all events that give it, seen by conditions
INSERT INTO loyalty.rule (name, event, condition, points, effects) VALUES ('bird', 'login', '$.hour < 8', '0', '[{"badge": "early_bird"}]'),
	('perk', 'perk', '$member.badges[*] == "early_bird"', '7', NULL);
SELECT FROM record('kim', 'login', '{"hour": 7}', NULL, '2024-07-01');
SELECT is(points, 7, 'conditions see it') FROM record('kim', 'perk', '{}', 'k1', '2024-07-02');
SELECT FROM settle('lea', 'login', '{"hour": 7}', 'l1', '2024-07-01');
SELECT FROM settle('lea', 'login', '{"hour": 6}', 'l2', '2024-07-02');
SELECT FROM settle('lea', 'login', NULL, 'l1');
SELECT is(has('lea') || format(' %s', shown(awarded_at)), '0 coupons, 0 tickets, 0 of 0 units, early_bird 2024-07-02', 'another event gives it on') FROM loyalty.badges WHERE member = 'lea';
SELECT FROM settle('lea', 'login', '{"hour": 9}', 'l2');
SELECT is(has('lea'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'till none does');
SELECT is(points, 0, 'nor do conditions see it then') FROM record('lea', 'perk', '{}', 'k1', '2024-07-02');
SELECT lawful('badges');

-- order tables
CREATE TABLE orders (id text PRIMARY KEY, buyer text, amount integer, paid boolean, day timestamptz);
UPDATE loyalty.rule SET effects = '[{"coupon": "fifth"}, {"draw_ticket": "always", "count": 2}, {"badge": "whale"}]' WHERE name = 'big';
SELECT FROM attach('orders', 'buyer', 'id', 'purchase', at => 'day', condition => '$.paid == true', backfill => true);
INSERT INTO orders SELECT 't' || g, 'max', 100, true, '2024-07-01' FROM generate_series(1, 100) g;
SELECT is(has('max'), '100 coupons, 200 tickets, 0 of 0 units, whale', 'many rows at once');
UPDATE orders SET paid = id NOT IN ('t2', 't3') WHERE paid;
SELECT is(has('max'), '98 coupons, 196 tickets, 0 of 0 units, whale', 'a status flips');
UPDATE orders SET paid = NOT paid;
SELECT is(has('max'), '2 coupons, 4 tickets, 0 of 0 units, whale', 'all at once, the badge passes on');
UPDATE orders SET paid = true;
SELECT is(has('max') || ' ' || (SELECT count(*) FROM loyalty.coupon WHERE member_id = (member_row('max')).member_id), '100 coupons, 200 tickets, 0 of 0 units, whale 100', 'and back');
DELETE FROM orders WHERE id <> 't7';
UPDATE orders SET amount = 99;
SELECT is(has('max'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'deleted, and partly refunded');
SELECT FROM set_status('max', 'earn_blocked', 'watched');
INSERT INTO orders VALUES ('x1', 'max', 100, true, '2024-07-01');
SELECT is(has('max'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'what is refused gives nothing');
SELECT lawful('order tables');

-- a member who may not earn
SELECT refuses($$SELECT record('max', 'review', '{}', 'r1')$$, 'LY004', 'nor an event of no points that would give something');
SELECT FROM record('max', 'login', '{"hour": 9}', 'l1');
SELECT refuses($$SELECT settle('max', 'login', '{"hour": 7}', 'l1')$$, 'LY004', 'nor its correction');

-- a badge lost and won in one statement
INSERT INTO loyalty.task (name, event, condition, target, badge) VALUES ('three', 'rating', '$.stars > 0', 1, 'critic');
CREATE TABLE ratings (id text PRIMARY KEY, author text, stars integer, day timestamptz);
INSERT INTO loyalty.rule (name, event, points) VALUES ('rating', 'rating', '1');
SELECT FROM attach('ratings', 'author', 'id', 'rating', at => 'day', backfill => true);
INSERT INTO ratings VALUES ('a', 'ned', 1, '2024-07-01'), ('b', 'ned', 0, '2024-07-02');
UPDATE ratings SET stars = 1 - stars;
SELECT is(has('ned'), '0 coupons, 0 tickets, 0 of 0 units, critic', 'a task undone and done again in one statement keeps its badge');
INSERT INTO loyalty.task (name, event, measure) VALUES ('tally', 'tally', '$.stars');
INSERT INTO loyalty.rule (name, event, points) VALUES ('tally', 'tally', '0');
INSERT INTO loyalty.rule (name, event, points, effects) VALUES ('done', 'task_completed', '0', '[{"benefit": "lounge"}, {"draw_ticket": "always"}, {"coupon": "fifth"}]');
CREATE TABLE tallies (LIKE ratings INCLUDING ALL);
SELECT FROM attach('tallies', 'author', 'id', 'tally', at => 'day', backfill => true);
INSERT INTO tallies VALUES ('a', 'uma', 1, '2024-07-01'), ('b', 'uma', -1, '2024-07-02');
SELECT is(has('uma'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'given and taken back in one statement');
UPDATE tallies SET stars = 0 WHERE id = 'b';
SELECT is(has('uma'), '1 coupons, 1 tickets, 1 of 1 units, no badge', 'and given again by the next');
UPDATE tallies SET stars = -stars;
UPDATE tallies SET stars = -stars;
UPDATE tallies SET stars = CASE id WHEN 'a' THEN 0 ELSE 1 END;
SELECT is(has('uma') || (SELECT format(', %s coupons in all', count(*)) FROM loyalty.coupon c WHERE c.member_id = (member_row('uma')).member_id), '1 coupons, 1 tickets, 1 of 1 units, no badge, 1 coupons in all', 'or within one');
SELECT is(units, 1, 'and can be used') FROM benefits('uma');
SELECT lawful('tasks beside');

-- a coupon that was used stays used, in both directions
SELECT FROM settle('ola', 'check_in', '{}', 'c1', '2024-07-01');
SELECT FROM use_coupon('ola', (SELECT coupon_id FROM coupons('ola')));
SELECT FROM settle('ola', 'check_in', NULL, 'c1');
SELECT is(has('ola'), '1 coupons, 0 tickets, 0 of 0 units, no badge', 'used: it is not made void');
SELECT is_empty($$SELECT * FROM coupons('ola')$$, 'nor shown');
SELECT FROM settle('ola', 'check_in', '{}', 'c1');
SELECT is(has('ola'), '1 coupons, 1 tickets, 0 of 0 units, no badge', 'nor given a second time');
SELECT lawful('used coupons');

-- verify finds what was changed by hand
ALTER TABLE loyalty.coupon DISABLE TRIGGER guard;
ALTER TABLE loyalty.draw_ticket DISABLE TRIGGER guard;
ALTER TABLE loyalty.benefit_unit DISABLE TRIGGER guard;
ALTER TABLE loyalty.member_badge DISABLE TRIGGER guard;
CREATE FUNCTION after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	BEGIN
		EXECUTE change;
		SELECT string_agg(problem || ': ' || detail, '; ') INTO found FROM verify();
		RAISE EXCEPTION 'undo';
	EXCEPTION WHEN raise_exception THEN
		RETURN found;
	END;
END
$$;
SELECT matches(after('UPDATE loyalty.coupon SET voided_by = 1 WHERE coupon_id = (SELECT max(coupon_id) FROM loyalty.coupon WHERE voided_by IS NULL AND used_by IS NULL)'),
	'effects are not what the entries say: coupon \w+ of rule \d+: 0 stand, the entries say 1', 'a coupon made void');
SELECT matches(after('UPDATE loyalty.draw_ticket SET count = count + 1 WHERE member_id = (member_row(''ida'')).member_id AND count > 0 AND entry_id = (SELECT max(entry_id) FROM loyalty.draw_ticket WHERE member_id = (member_row(''ida'')).member_id)'),
	'draw_ticket always of rule \d+: 2 stand, the entries say 1', 'a ticket too many');
SELECT matches(after('DELETE FROM loyalty.benefit_unit WHERE member_id = (member_row(''cat'')).member_id'), 'benefit delivery of rule 2: 0 stand, the entries say 2', 'units that are gone');
SELECT matches(after('UPDATE loyalty.benefit_unit SET used = used + 1 WHERE member_id = (member_row(''cat'')).member_id'), 'used units that rules gave are not those of the ledger', 'a unit that nobody used');
SELECT matches(after('UPDATE loyalty.coupon SET used_by = NULL WHERE used_by IS NOT NULL'), 'used coupons are not those of the ledger: Coupon \d+: it says not used, the ledger \d+', 'a coupon that was used after all');
SELECT matches(after('UPDATE loyalty.coupon SET used_by = entry_id WHERE coupon_id = (SELECT max(coupon_id) FROM loyalty.coupon WHERE voided_by IS NULL AND used_by IS NULL)'), 'used coupons are not those of the ledger: Coupon \d+: it says \d+, the ledger not used', 'a coupon that nobody used');
SELECT matches(after('DELETE FROM loyalty.member_badge WHERE member_id = (member_row(''kim'')).member_id'), 'a badge that a rule gives is missing: It is early_bird', 'a badge that is gone');
SELECT matches(after('INSERT INTO loyalty.member_badge SELECT member_id, 2, entry_id, at FROM loyalty.ledger WHERE member_id = (member_row(''jon'')).member_id AND kind = ''v'' LIMIT 1'), 'a badge is given by nothing: It is whale', 'a badge too many');
ALTER TABLE loyalty.coupon ENABLE ALWAYS TRIGGER guard;
ALTER TABLE loyalty.draw_ticket ENABLE ALWAYS TRIGGER guard;
ALTER TABLE loyalty.benefit_unit ENABLE ALWAYS TRIGGER guard;
ALTER TABLE loyalty.member_badge ENABLE ALWAYS TRIGGER guard;

-- storing a rule
CREATE FUNCTION effects_refused(effects text, pattern text) RETURNS text LANGUAGE sql AS $$
	SELECT refuses(format('INSERT INTO loyalty.rule (name, event, points, effects) VALUES (''odd'', ''x'', ''0'', %L)', effects), '22023', effects, pattern)
$$;
SELECT effects_refused('{}', 'effects of rule "odd" must be an array');
SELECT effects_refused('1', 'must be an array');
SELECT effects_refused('["ten_off"]', 'effect 1 of rule "odd" is not valid .* not an object');
SELECT effects_refused('[{"coupon": "ten_off"}, {}]', 'effect 2 of rule "odd" .* none of "coupon"');
SELECT effects_refused('[{"voucher": "ten_off"}]', '"voucher" is not one of "coupon", "draw_ticket", "benefit", "badge", "count" and "validity"');
SELECT effects_refused('[{"coupon": 7}]', 'not a name in quotes');
SELECT effects_refused('[{"coupon": ""}]', 'not a name in quotes');
SELECT effects_refused('[{"coupon": ["ten_off"]}]', 'not a name in quotes');
SELECT effects_refused('[{"coupon": "ten_off", "badge": "whale"}]', 'is one of');
SELECT effects_refused('[{"coupon": "ten_off", "count": 0}]', 'less than 1');
SELECT effects_refused('[{"coupon": "ten_off", "count": -1}]', 'less than 1');
SELECT effects_refused('[{"coupon": "ten_off", "count": 1.5}]', 'whole number');
SELECT effects_refused('[{"coupon": "ten_off", "count": "2"}]', 'not a number');
SELECT effects_refused('[{"coupon": "ten_off", "count": 101}]', 'at most 100 coupons');
SELECT effects_refused('[{"draw_ticket": "always", "count": 1e300}]', 'at most 1000000');
SELECT effects_refused('[{"badge": "whale", "count": 1}]', 'given once');
SELECT effects_refused('[{"coupon": "ten_off", "validity": "1 day"}]', 'Only units');
SELECT effects_refused('[{"benefit": "delivery", "validity": "soon"}]', '"soon" is not a validity');
SELECT effects_refused('[{"coupon": "ten_off"}, {"coupon": "ten_off"}]', 'given twice');
SELECT effects_refused('[{"coupon": "none"}]', 'unknown coupon "none" in effects of rule "odd"');
SELECT effects_refused('[{"draw_ticket": "none"}]', 'unknown draw "none"');
SELECT effects_refused('[{"benefit": "none"}]', 'unknown benefit "none"');
SELECT effects_refused('[{"badge": "none"}]', 'unknown badge "none"');
SELECT effects_refused('[{"badge": "critic"}]', 'awarded by a task');
INSERT INTO loyalty.rule (name, event, points, effects) VALUES ('none', 'x', '0', '[]');
SELECT refuses($$INSERT INTO loyalty.task (name, event, badge) VALUES ('t', 'x', 'whale')$$, '22023', 'a badge of rules is no task''s', 'given by rule "big"');
SELECT refuses($$DELETE FROM loyalty.coupon_type WHERE name = 'fifth'$$, '23001', 'a coupon that a rule gives is not deleted', 'coupon "fifth" is given by rule');
SELECT refuses($$DELETE FROM loyalty.draw WHERE name = 'always'$$, '23001', 'nor such a draw', 'draw "always" is given by rule');
SELECT refuses($$DELETE FROM loyalty.benefit WHERE name = 'lounge'$$, '23001', 'nor such a benefit', 'benefit "lounge" is given by rule');
SELECT refuses($$DELETE FROM loyalty.badge WHERE name = 'early_bird'$$, '23001', 'nor such a badge', 'badge "early_bird" is given by rule "bird"');
UPDATE loyalty.rule SET effects = NULL;
SELECT refuses($$DELETE FROM loyalty.coupon_type WHERE name = 'fifth'$$, '23001', 'nor one that members have', 'has been given to members');
SELECT refuses($$DELETE FROM loyalty.draw WHERE name = 'summer'$$, '23001', 'nor a draw with tickets', 'has been given to members');
SELECT refuses($$UPDATE loyalty.coupon_type SET name = 'x' WHERE name = 'fifth'$$, '22023', 'a coupon keeps its name');
SELECT refuses($$UPDATE loyalty.draw SET name = 'x' WHERE name = 'always'$$, '22023', 'a draw keeps its name');
SELECT refuses($$INSERT INTO loyalty.coupon_type (name, kind, value) VALUES ('x', 'percent', 101)$$, '23514', 'more than all off');
SELECT refuses($$INSERT INTO loyalty.coupon_type (name, kind, value) VALUES ('x', 'gift', 1)$$, '23514', 'another kind');
SELECT refuses($$INSERT INTO loyalty.coupon_type (name, value) VALUES ('x', 0)$$, '23514', 'no value');
SELECT refuses($$INSERT INTO loyalty.draw (name, starts_at, ends_at) VALUES ('x', '2024-01-02', '2024-01-01')$$, '23514', 'a draw that ends before it starts');
SELECT refuses($$UPDATE loyalty.coupon SET voided_by = NULL$$, '55000', 'coupons come from rules alone');
SELECT refuses($$DELETE FROM loyalty.draw_ticket$$, '55000', 'so do tickets');
SELECT refuses($$UPDATE loyalty.benefit_unit SET used = 0$$, '55000', 'and units');

-- random flips of several kinds end where the last of each would have begun
CREATE FUNCTION flip(member text, times integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	document jsonb;
BEGIN
	FOR i IN 1 .. times LOOP
		document := CASE WHEN random() > 0.25 THEN jsonb_build_object('a', floor(random() * 3), 'b', floor(random() * 3)) END;
		PERFORM settle(member, 'visit', document, 'f' || 1 + i % 5, '2024-07-01');
	END LOOP;
	FOR i IN REVERSE 5 .. 1 LOOP
		PERFORM settle(member, 'visit', CASE i WHEN 1 THEN NULL ELSE jsonb_build_object('a', i % 2, 'b', i % 3) END, 'f' || i, '2024-07-01');
	END LOOP;
END
$$;
SELECT setseed(0.42);
UPDATE loyalty.rule SET effects = '[{"coupon": "fifth", "count": 2}, {"draw_ticket": "always"}, {"badge": "whale"}]' WHERE name = 'kind a';
UPDATE loyalty.rule SET effects = '[{"coupon": "fifth"}, {"benefit": "lounge", "count": 3}, {"badge": "whale"}]' WHERE name = 'kind b';
SELECT FROM flip('quin', 100);
SELECT FROM flip('rosa', 0);
SELECT is(has('quin'), has('rosa'), 'random flips end in the same: ' || has('rosa'));
SELECT lawful('random flips');

-- resettling goes by the rules of now
INSERT INTO loyalty.rule (name, event, points, effects) VALUES ('quiz', 'quiz', '1', '[{"coupon": "ten_off"}]');
SELECT FROM record('pia', 'quiz', '{}', 'q1');
UPDATE loyalty.rule SET effects = '[{"coupon": "fifth", "count": 2}]' WHERE name = 'quiz';
SELECT results_eq($$SELECT points_before, points_after FROM resettle('quiz', '2024-01-01', false)$$, $$VALUES (1::bigint, 1::bigint)$$, 'an event is resettled for its effects alone');
SELECT results_eq($$SELECT coupon, count(*) FROM coupons('pia') GROUP BY 1$$, $$VALUES ('fifth', 2::bigint)$$, 'what the rules give now takes the place of what they gave');
SELECT is_empty($$SELECT * FROM resettle('quiz', '2024-01-01', false)$$, 'once');
UPDATE loyalty.rule SET effects = NULL WHERE name = 'quiz';

-- a rule that gives effects alone is told by them
INSERT INTO loyalty.rule (name, event, points, effects) VALUES ('thanks', 'survey', '0', '[{"coupon": "fifth"}]');
SELECT FROM record('pia', 'survey', '{}', 's1', '2024-07-01 12:00Z');
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('pia', 's1') line),
	E'event survey granted no points\\.\nRule thanks \\(version \\d+\\) gave no points, but effects\\.\nRule thanks gave 1 coupon fifth\\.', 'explain of effects alone');

-- corrections go by the rules of the first grant, under another name of the program too
UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT FROM settle('cat', 'purchase', NULL, 'o1');
SELECT is(has('cat'), '0 coupons, 0 tickets, 0 of 0 units, no badge', 'taken back by the version that gave them');
SELECT FROM settle('cat', 'purchase', '{"amount": 100}', 'o1');
SELECT is(has('cat'), '2 coupons, 3 tickets, 2 of 2 units, whale', 'and given again');

SELECT lawful('effects');
SELECT * FROM finish();
