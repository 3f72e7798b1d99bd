-- What was used of an event's effects is not had again: its rule's limits keep their times when the event is called off.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'UTC');
INSERT INTO loyalty.coupon_type (name, value) VALUES ('ten_off', 10);
INSERT INTO loyalty.draw (name, starts_at, ends_at) VALUES ('spring', '2024-03-01', '2024-06-01'), ('always', NULL, NULL);
INSERT INTO loyalty.badge (name) VALUES ('guest');
INSERT INTO loyalty.benefit (name, quota, unit) VALUES ('gown', 0, 'day');
INSERT INTO loyalty.rule (name, event, condition, points, limits, effects) VALUES
	('base', 'rental', NULL, '$.amount', NULL, NULL),
	('gown', 'rental', '$.amount >= 100', '0', '[{"per": "ever", "times": 1}]', '[{"benefit": "gown", "count": 2}, {"badge": "guest"}]'),
	('coupon', 'review', '$.stars == 5', '5', '[{"per": "ever", "times": 1}]', '[{"coupon": "ten_off"}]'),
	('ticket', 'visit', NULL, '0', '[{"per": "ever", "times": 1}]', '[{"draw_ticket": "spring"}, {"draw_ticket": "always"}]');

-- what stands, and the times that a rule's limits count
CREATE FUNCTION has(member text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s coupons, %s tickets, %s of %s units',
		(SELECT count(*) FROM loyalty.coupon c WHERE c.member_id = m.member_id AND voided_by IS NULL),
		(SELECT coalesce(sum(count), 0) FROM loyalty.draw_ticket c WHERE c.member_id = m.member_id),
		(SELECT coalesce(sum(count - used), 0) FROM loyalty.benefit_unit c WHERE c.member_id = m.member_id),
		(SELECT coalesce(sum(count), 0) FROM loyalty.benefit_unit c WHERE c.member_id = m.member_id))
	FROM member_row($1) m
$$;
CREATE FUNCTION times(member text, rule text) RETURNS bigint LANGUAGE sql AS $$
	SELECT coalesce(sum(u.times), 0)::bigint FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id)
		WHERE u.member_id = (member_row($1)).member_id AND r.name = $2
$$;
CREATE FUNCTION coupon_of(member text) RETURNS bigint LANGUAGE sql AS $$ SELECT coupon_id FROM coupons(member) $$;

-- units: used, and the order is called off
SELECT FROM settle('ann', 'rental', '{"amount": 100}', 'o1');
SELECT is(remaining, 1::bigint, 'one of two units is used') FROM use_benefit('ann', 'gown', 1, 'u1');
SELECT is(points, -100::bigint, 'points go back') FROM settle('ann', 'rental', NULL, 'o1');
SELECT is(has('ann') || ', ' || times('ann', 'gown'), '0 coupons, 0 tickets, 0 of 1 units, 1', 'what is left goes, the time stays used');
SELECT is((last_entry('ann')).breakdown, jsonb_build_object('kept', jsonb_build_array(jsonb_build_object('rule', 'gown', 'rule_id', 2, 'use', '{"ever": "0/1"}'::jsonb))),
	'the correction says so');
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('ann', 'o1') line), E'The rules give nothing for it any more.\n(.*\n)*Limits still count rule gown for it, since something it gave was used.', 'and explain');
SELECT lawful('called off');
SELECT is(replayed, true, 'again') FROM settle('ann', 'rental', NULL, 'o1');
SELECT is(times('ann', 'gown'), 1, 'changes nothing');
SELECT FROM settle('ann', 'rental', '{"amount": 100}', 'o2');
SELECT is(has('ann'), '0 coupons, 0 tickets, 0 of 1 units', 'the next event gives no unit');
SELECT is((last_entry('ann')).breakdown #>> '{rules,1,cut_by,0}', '1 time ever', 'as the limit is reached');
SELECT lawful('the next event');
SELECT FROM settle('ann', 'rental', '{"amount": 100}', 'o1');
SELECT is(has('ann') || ', ' || times('ann', 'gown'), '0 coupons, 0 tickets, 1 of 2 units, 1', 'the first event comes back, and its unit with it, counted once');
SELECT ok(NOT (last_entry('ann')).breakdown ? 'kept', 'by the rule itself');
SELECT is(replayed, true, 'a repeat') FROM settle('ann', 'rental', '{"amount": 100}', 'o1');
SELECT lawful('back');
SELECT FROM settle('ann', 'rental', '{"amount": 40}', 'o1');
SELECT is(has('ann') || ', ' || times('ann', 'gown'), '0 coupons, 0 tickets, 0 of 1 units, 1', 'a refund of a part that ends the condition');
SELECT is((last_entry('ann')).breakdown #>> '{kept,0,rule}', 'gown', 'is noted, too');
SELECT FROM settle('ann', 'rental', '{"amount": 20}', 'o1');
SELECT is(times('ann', 'gown'), 1, 'a further refund keeps it');
SELECT FROM settle('ann', 'rental', NULL, 'o1');
SELECT is(times('ann', 'gown') || ' ' || (last_entry('ann')).breakdown::text, '1 {"kept": [{"use": {"ever": "0/1"}, "rule": "gown", "rule_id": 2}]}', 'so does calling it off');
SELECT lawful('refunded in parts');
SELECT is((SELECT count(*) FROM resettle('rental', '2024-01-01', false)), 0, 'resettling has nothing to do');
SELECT FROM settle('ann', 'rental', '{"amount": 300}', 'o1');
SELECT is(has('ann') || ', ' || times('ann', 'gown') || ', ' || stands('ann'), '0 coupons, 0 tickets, 1 of 2 units, 1, wallet 400, held 0, debt 0', 'back again');
SELECT is(remaining, 0::bigint, 'the second unit') FROM use_benefit('ann', 'gown', 1, 'u2');
SELECT FROM settle('ann', 'rental', NULL, 'o1');
SELECT FROM settle('ann', 'rental', NULL, 'o2');
SELECT FROM settle('ann', 'rental', '{"amount": 100}', 'o3');
SELECT is(has('ann') || ', ' || times('ann', 'gown'), '0 coupons, 0 tickets, 0 of 2 units, 1', 'both used: nothing more, ever');
SELECT refuses($$SELECT use_benefit('ann', 'gown', 1, 'u3')$$, 'LY006', 'no third one');
SELECT lawful('units');

-- nothing used: everything is given back
SELECT FROM settle('bob', 'rental', '{"amount": 100}', 'o1');
SELECT FROM settle('bob', 'rental', NULL, 'o1');
SELECT is(times('bob', 'gown'), 0, 'not used: the time is given back');
SELECT is((last_entry('bob')).breakdown, NULL, 'and nothing is noted');
SELECT FROM settle('bob', 'rental', '{"amount": 100}', 'o2');
SELECT is(has('bob'), '0 coupons, 0 tickets, 2 of 2 units', 'the next event gives the units');
SELECT FROM settle('bob', 'rental', '{"amount": 100}', 'o1');
SELECT is(has('bob'), '0 coupons, 0 tickets, 2 of 2 units', 'and the first none when it comes back');
SELECT lawful('not used');

-- an event of which something was used does not count as one that stands
INSERT INTO loyalty.rule (name, event, condition, points) VALUES ('first', 'rental', '$count == 0', '7');
SELECT FROM settle('cat', 'rental', '{"amount": 100}', 'o1');
SELECT FROM use_benefit('cat', 'gown', 1, 'u1');
SELECT FROM settle('cat', 'rental', NULL, 'o1');
SELECT is(points, 107::bigint, 'the next is the first') FROM settle('cat', 'rental', '{"amount": 100}', 'o2');
SELECT is(replayed, true, 'the other stays called off') FROM settle('cat', 'rental', NULL, 'o1');
SELECT is(has('cat'), '0 coupons, 0 tickets, 0 of 1 units', 'but has no unit');
SELECT lawful('history');

-- coupons
SELECT FROM settle('dan', 'review', '{"stars": 5}', 'r1');
SELECT results_eq($$SELECT member, coupon_id, coupon, kind, value, replayed FROM use_coupon('dan', coupon_of('dan'), 'till 1', 50)$$,
	$$VALUES ('dan', 1::bigint, 'ten_off', 'amount', 10::numeric, false)$$, 'a coupon is used');
SELECT results_eq($$SELECT entry_id, coupon, value, replayed FROM use_coupon('dan', (SELECT max(coupon_id) FROM loyalty.coupon), 'till 1')$$,
	$$SELECT used_by, 'ten_off', 10::numeric, true FROM loyalty.coupon WHERE used_by IS NOT NULL$$, 'a repeat tells the same');
SELECT is(kind_name((last_entry('dan')).kind) || ' ' || (last_entry('dan')).points, 'coupon 0', 'as an entry of no points');
SELECT matches(explain, ': coupon 1 \(ten_off\) was used', 'explain') FROM explain('dan', 'till 1') LIMIT 1;
SELECT is_empty($$SELECT * FROM coupons('dan')$$, 'it is shown no more');
SELECT FROM settle('dan', 'review', '{"stars": 4}', 'r1');
SELECT is(has('dan') || ', ' || times('dan', 'coupon'), '1 coupons, 0 tickets, 0 of 0 units, 1', 'a coupon that was used');
SELECT is(points, 0::bigint, 'no second one, nor points beside it') FROM settle('dan', 'review', '{"stars": 5}', 'r2');
SELECT is(has('dan'), '1 coupons, 0 tickets, 0 of 0 units', 'none');
SELECT is(points, 5::bigint, 'the points come back with their event') FROM settle('dan', 'review', '{"stars": 5}', 'r1');
SELECT is(times('dan', 'coupon'), 1, 'counted once');
SELECT FROM settle('eve', 'review', '{"stars": 5}', 'r1');
SELECT FROM settle('eve', 'review', NULL, 'r1');
SELECT is(points, 5::bigint, 'one that was not used is given again') FROM settle('eve', 'review', '{"stars": 5}', 'r2');
SELECT is(has('eve') || ', ' || times('eve', 'coupon'), '1 coupons, 0 tickets, 0 of 0 units, 1', 'once');
SELECT lawful('coupons');

-- what use_coupon refuses
INSERT INTO loyalty.coupon_type (name, kind, value, minimum_order, validity) VALUES ('fifth', 'percent', 20, 50, '10 days');
INSERT INTO loyalty.rule (name, event, points, pending_for, effects) VALUES ('fifth', 'survey', '0', '1 day', '[{"coupon": "fifth"}]');
SELECT FROM enroll('quin', at => '2024-01-01');
SELECT FROM settle('quin', 'survey', '{}', 's1', '2024-05-01');
CREATE TEMPORARY TABLE fifth AS SELECT coupon_id FROM coupons('quin', '2024-05-02');
GRANT SELECT ON fifth TO PUBLIC;
SELECT refuses($$SELECT use_coupon('quin', coupon_id, 't1', at => '2024-05-01 12:00') FROM fifth$$, 'LY010', 'not yet', 'valid from 2024-05-02');
SELECT refuses($$SELECT use_coupon('quin', coupon_id, 't1', at => '2024-05-12') FROM fifth$$, 'LY010', 'too late', 'valid until 2024-05-12');
SELECT refuses($$SELECT use_coupon('quin', coupon_id, 't1', 49.99, '2024-05-03') FROM fifth$$, 'LY010', 'too small an order', 'at least 50');
SELECT refuses($$SELECT use_coupon('dan', coupon_id, 't1') FROM fifth$$, '22023', 'the coupon of another', 'member "dan" has no coupon');
SELECT refuses($$SELECT use_coupon('quin', NULL)$$, '22023', 'none');
SELECT refuses($$SELECT use_coupon('nobody', 1)$$, 'LY002', 'of nobody');
SELECT FROM set_status('quin', 'frozen', 'watched');
SELECT refuses($$SELECT use_coupon('quin', coupon_id, 't1', 50, '2024-05-03') FROM fifth$$, 'LY004', 'a frozen member');
SELECT FROM set_status('quin', 'active', 'cleared');
SELECT FROM settle('quin', 'survey', NULL, 's1');
SELECT refuses($$SELECT use_coupon('quin', coupon_id, 't1', 50) FROM fifth$$, 'LY010', 'a void one', 'It is void');
SELECT FROM settle('ulf', 'review', '{"stars": 5}', 'r1');
SELECT FROM settle('uta', 'review', '{"stars": 5}', 'r1');
SELECT is(replayed, false, 'used') FROM use_coupon('ulf', coupon_of('ulf'), 't1', 50);
SELECT refuses($$SELECT use_coupon('ulf', (SELECT coupon_id FROM loyalty.coupon WHERE member_id = (member_row('ulf')).member_id), 't2', 50)$$, 'LY010', 'used before', 'It was used before');
SELECT refuses($$SELECT use_coupon('ulf', 0, 't1')$$, 'LY003', 'another coupon under the same ref');
SELECT lawful('use_coupon');

-- tickets: drawn once their draw is over
SELECT FROM settle('fay', 'visit', '{}', 'v1', '2024-05-01');
SELECT FROM settle('fay', 'visit', NULL, 'v1');
SELECT is(has('fay') || ', ' || times('fay', 'ticket'), '0 coupons, 0 tickets, 0 of 0 units, 1', 'drawn: its time stays used');
SELECT FROM settle('fay', 'visit', '{}', 'v2');
SELECT is(has('fay'), '0 coupons, 0 tickets, 0 of 0 units', 'no ticket for the other draw');
SELECT FROM settle('fay', 'visit', NULL, 'v1');
SELECT FROM settle('fay', 'visit', '{}', 'v1');
SELECT is(has('fay') || ', ' || times('fay', 'ticket'), '0 coupons, 2 tickets, 0 of 0 units, 1', 'both come back with their event');
SELECT FROM settle('gus', 'visit', '{}', 'v1');
SELECT FROM settle('gus', 'visit', NULL, 'v1');
SELECT FROM settle('gus', 'visit', '{}', 'v2');
SELECT is(has('gus') || ', ' || times('gus', 'ticket'), '0 coupons, 1 tickets, 0 of 0 units, 1', 'a ticket for a draw that is not over is given again');
SELECT lawful('tickets');

-- an operator claws the event back
SELECT FROM settle('hal', 'review', '{"stars": 5}', 'r1');
SELECT FROM use_coupon('hal', coupon_of('hal'));
SELECT is(points, -5::bigint, 'clawed back') FROM claw_back('hal', 'r1', claw_ref => 'c1');
SELECT is(times('hal', 'coupon') || ' ' || ((last_entry('hal')).breakdown -> 'kept')::text, '1 [{"use": {"ever": "0/1"}, "rule": "coupon", "rule_id": 3}]', 'what was used stays counted');
SELECT is(replayed, true, 'a repeat') FROM claw_back('hal', 'r1', claw_ref => 'c1');
SELECT matches((SELECT string_agg(line, E'\n') FROM explain('hal', 'r1') line), 'clawed back(.*\n)*Limits still count rule coupon', 'explained');
SELECT FROM settle('hal', 'review', '{"stars": 5}', 'r2');
SELECT is(has('hal'), '1 coupons, 0 tickets, 0 of 0 units', 'no second coupon');
SELECT FROM settle('hal', 'review', NULL, 'r1');
SELECT FROM settle('hal', 'review', '{"stars": 5}', 'r1');
SELECT is(times('hal', 'coupon'), 1, 'flips of it change nothing');
SELECT FROM settle('ida', 'review', '{"stars": 5}', 'r1');
SELECT FROM claw_back('ida', 'r1');
SELECT is(times('ida', 'coupon'), 0, 'clawed back and not used: given back');
SELECT is(points, 5::bigint, 'the next event gives') FROM settle('ida', 'review', '{"stars": 5}', 'r2');
SELECT FROM settle('jan', 'rental', '{"amount": 100}', 'o1');
SELECT FROM use_benefit('jan', 'gown', 2, 'u1');
SELECT FROM transfer('jan', 'ann', 100, 't1');
SELECT FROM claw_back('jan', 'o1', 60);
SELECT FROM claw_back('jan', 'o1');
SELECT FROM settle('jan', 'rental', '{"amount": 100}', 'o2');
SELECT is(has('jan') || ', ' || times('jan', 'gown'), '0 coupons, 0 tickets, 0 of 2 units, 1', 'points given away, the order clawed back in parts');
SELECT lawful('claw-backs');

-- a part that is clawed back leaves effects alone, and so their times, whatever is corrected afterwards
SELECT FROM settle('kim', 'rental', '{"amount": 200}', 'o1');
SELECT FROM claw_back('kim', 'o1', 150);
SELECT FROM settle('kim', 'rental', '{"amount": 120}', 'o1');
SELECT is(has('kim') || ', ' || times('kim', 'gown'), '0 coupons, 0 tickets, 2 of 2 units, 1', 'the units stand and count');
SELECT FROM settle('kim', 'rental', '{"amount": 100}', 'o2');
SELECT is(has('kim'), '0 coupons, 0 tickets, 2 of 2 units', 'no more come');
SELECT FROM settle('kim', 'rental', '{"amount": 50}', 'o1');
SELECT is(times('kim', 'gown'), 0, 'till they go');
SELECT lawful('a part');

-- limits with a key and a period, several matches
INSERT INTO loyalty.rule (name, event, "each", points, limits, effects) VALUES
	('lines', 'basket', '$.lines[*]', '1', '[{"per": "month", "times": 3}, {"per": "ever", "times": 1, "key": "$.sku"}]', '[{"benefit": "gown"}]');
SELECT FROM settle('lea', 'basket', '{"lines": [{"sku": "a"}, {"sku": "b"}]}', 'b1', '2024-05-05');
SELECT FROM use_benefit('lea', 'gown', 1, 'u1');
SELECT FROM settle('lea', 'basket', NULL, 'b1');
SELECT is((last_entry('lea')).breakdown #> '{kept,0,use}', '{"month 2024-05-01": "0/2", "ever a": "0/1", "ever b": "0/1"}', 'every limit keeps its times');
SELECT is(points, 1::bigint, 'another key, the last time of the month') FROM settle('lea', 'basket', '{"lines": [{"sku": "a"}, {"sku": "c"}, {"sku": "d"}]}', 'b2', '2024-05-06');
SELECT FROM settle('lea', 'basket', '{"lines": [{"sku": "e"}]}', 'b1', '2024-05-05');
SELECT is((SELECT string_agg(concat_ws(' ', nullif(since, '-infinity'), nullif(key, ''), times), ', ' ORDER BY key) FROM loyalty.limit_usage
	WHERE member_id = (member_row('lea')).member_id AND times > 0), '2024-05-01 2, c 1, e 1', 'and where its rule applies again it counts as it does then');
SELECT lawful('keys and periods');

-- resettling: what was used keeps its place, also before events of an earlier date; what was not is given by date
UPDATE loyalty.rule SET active = name IN ('base', 'gown');
SELECT FROM settle('mia', 'rental', '{"amount": 100}', 'o1', '2024-05-02');
SELECT FROM use_benefit('mia', 'gown', 1, 'u1');
SELECT FROM settle('mia', 'rental', '{"amount": 500}', 'o2', '2024-05-01');
SELECT FROM settle('ned', 'rental', '{"amount": 100}', 'o1', '2024-05-02');
SELECT FROM settle('ned', 'rental', '{"amount": 500}', 'o2', '2024-05-01');
SELECT is_empty($$SELECT * FROM resettle('rental', '2024-05-01') WHERE member = 'mia'$$, 'used: nothing moves to an event of an earlier date');
SELECT results_eq($$SELECT ref, points_before, points_after FROM resettle('rental', '2024-05-01', false) WHERE member = 'ned' ORDER BY ref$$,
	$$VALUES ('o1', 100::bigint, 100::bigint), ('o2', 500, 500)$$, 'not used: it goes to the earlier one');
SELECT is((SELECT entry_id FROM loyalty.benefit_unit WHERE member_id = (member_row('ned')).member_id AND count = 2),
	(SELECT min(entry_id) FROM loyalty.ledger WHERE member_id = (member_row('ned')).member_id AND ref = 'o2'), 'which has the units now');
SELECT is_empty($$SELECT * FROM resettle('rental', '2024-05-01', false)$$, 'once');
UPDATE loyalty.rule SET condition = '$.amount >= 500' WHERE name = 'gown';
SELECT results_eq($$SELECT ref FROM resettle('rental', '2024-05-01', false) WHERE member = 'mia'$$, $$VALUES ('o1')$$, 'a rule that no longer applies');
SELECT is(has('mia') || ', ' || times('mia', 'gown'), '0 coupons, 0 tickets, 0 of 1 units, 1', 'gives nothing to another event, since a unit was used');
SELECT is_empty($$SELECT * FROM resettle('rental', '2024-05-01', false)$$, 'again, once');
SELECT FROM settle('mia', 'rental', NULL, 'o1');
SELECT is(times('mia', 'gown'), 1, 'called off: still used');
UPDATE loyalty.rule SET condition = '$.amount >= 100' WHERE name = 'gown';
SELECT is_empty($$SELECT * FROM resettle('rental', '2024-05-01', false) WHERE member = 'mia'$$, 'an event that is called off has its place, too');
INSERT INTO loyalty.rule (name, event, points, limits, effects) VALUES
	('sku', 'cart', '0', '[{"per": "ever", "times": 1, "key": "$.sku"}]', '[{"benefit": "gown"}]');
SELECT FROM settle('tia', 'cart', '{"sku": "c"}', 'used', '2024-05-02');
SELECT FROM use_benefit('tia', 'gown', 1, 'u1');
SELECT FROM settle('tia', 'cart', '{"sku": "a"}', 'late', '2024-05-03');
SELECT FROM settle('tia', 'cart', '{"sku": "a"}', 'used');
SELECT FROM settle('tia', 'cart', '{"sku": "c"}', 'early', '2024-05-01');
SELECT results_eq($$SELECT ref FROM resettle('cart', '2024-05-01', false)$$, $$VALUES ('used'), ('late')$$, 'an event gets its unit for another key than it was used for');
SELECT is_empty($$SELECT * FROM resettle('cart', '2024-05-01', false)$$, 'and keeps the other through it: once');
SELECT is((SELECT string_agg(key || ' ' || times, ', ' ORDER BY key) FROM loyalty.limit_usage WHERE member_id = (member_row('tia')).member_id), 'a 1, c 1', 'both are used');
SELECT FROM settle('tia', 'cart', NULL, 'used');
SELECT lawful('resettling');

-- a rule without points is noted with the first kind of points that the event gives, and moves with it
INSERT INTO loyalty.rule (name, event, points, point_kind, limits, effects) VALUES
	('boxed', 'box', '$.amount', NULL, NULL, NULL),
	('boxed extra', 'box', '5', 'extra', NULL, NULL),
	('boxed sku', 'box', '0', 'sku', '[{"per": "ever", "times": 1, "key": "$.sku"}]', '[{"benefit": "gown"}]');
SELECT FROM record('una', 'box', '{"amount": 10, "sku": "c"}', 'o1');
SELECT is(points, -10::bigint, 'the plain points go') FROM settle('una', 'box', '{"amount": 0, "sku": "c"}', 'o1');
SELECT is(times('una', 'boxed sku'), 1, 'the rule without points still counts');
SELECT FROM settle('una', 'box', '{"amount": 10, "sku": "c"}', 'o1');
SELECT is(times('una', 'boxed sku'), 1, 'and once when they are back');
SELECT FROM settle('una', 'box', '{"amount": 10, "sku": "c"}', 'o1');
SELECT is((SELECT count(*) FROM loyalty.ledger WHERE member_id = member_id('una') AND ref = 'o1'), 6::bigint, 'two entries each; the same again is none');
SELECT lawful('points of several kinds');

-- order tables, many rows at once
CREATE TABLE rentals (id text PRIMARY KEY, buyer text, amount integer);
SELECT FROM attach('rentals', 'buyer', 'id', 'rental');
INSERT INTO rentals VALUES ('r1', 'olga', 100), ('r2', 'olga', 100), ('r3', 'pat', 100);
SELECT FROM use_benefit('olga', 'gown', 1, 'u1');
DELETE FROM rentals;
INSERT INTO rentals VALUES ('r4', 'olga', 100), ('r5', 'pat', 100);
SELECT is(has('olga') || '; ' || has('pat'), '0 coupons, 0 tickets, 0 of 1 units; 0 coupons, 0 tickets, 2 of 2 units', 'rows deleted, and others inserted');
UPDATE rentals SET buyer = CASE buyer WHEN 'olga' THEN 'pat' ELSE 'olga' END;
SELECT is(has('olga') || '; ' || has('pat'), '0 coupons, 0 tickets, 0 of 1 units; 0 coupons, 0 tickets, 2 of 2 units', 'rows that change hands');
SELECT lawful('order tables');

SELECT * FROM finish();
