-- attach: what is refused, and that no order fails of it unless asked to.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES
	('shop', 'base', 'purchase', '$.amount'),
	('shop', 'huge', 'purchase', '$.factor * 9000000000000000000'),
	('shop', 'welcome', 'register', '7');
CREATE TABLE orders (id text UNIQUE, customer text, amount int, factor int, made timestamptz);
SELECT attach('orders', 'customer', 'id', at => 'made', backfill => true);

-- enrolment
INSERT INTO orders VALUES ('1', 'ann', 10, NULL, '2024-01-02'), ('2', 'ann', 10, NULL, '2024-01-01');
SELECT is(trail('ann'), 'event 7, event 10, event 10', 'a new member is enrolled, and registers once');
SELECT is((member_row('ann')).enrolled_at, '2024-01-01'::timestamptz, 'when the first order was made');

-- recorded
SELECT set_status('ann', 'earn_blocked');
INSERT INTO orders VALUES ('3', 'ann', 10), ('4', 'bob', 5);
SELECT is(trail('ann'), 'event 7, event 10, event 10, status 0, refused 0', 'a blocked member''s order is a refusal of 0 points');
SELECT is(trail('bob'), 'event 7, event 5', 'and the next order is settled');
SELECT is((e.reason, e.ref, e.attributes ->> 'amount')::text, '("member ""ann"" may not earn points: The member is earn_blocked.",3,10)',
	'the entry says why, and of what') FROM last_entry('ann') e;
UPDATE orders SET amount = 11 WHERE id = '3';
SELECT is(trail('ann'), 'event 7, event 10, event 10, status 0, refused 0', 'the same refusal is not noted twice');
UPDATE orders SET amount = 4 WHERE id = '1';
SELECT is(trail('ann'), 'event 7, event 10, event 10, status 0, refused 0, correction -6', 'what was granted is still taken back');
SELECT set_status('ann', 'active');
UPDATE orders SET amount = 12 WHERE id = '3';
SELECT is((last_entry('ann')).points, 12, 'once allowed it is granted');
INSERT INTO orders VALUES ('5', 'cat', 1, 5), ('6', 'cat', 2, NULL), ('7', 'cat', 3, 5);
SELECT is(trail('cat'), 'event 7, refused 0, event 2, refused 0', 'a rule that fails for some orders');
SELECT matches((last_entry('cat')).reason, 'out of range', 'says so');
UPDATE orders SET factor = 5 WHERE id = '6';
SELECT is(trail('cat'), 'event 7, refused 0, event 2, refused 0, refused 0', 'a correction that fails leaves what was granted');
INSERT INTO orders VALUES ('8', 'dan', 1, NULL, now() + interval '1 day'), ('9', 'dan', 1, NULL, 'infinity'),
	('10', 'dan', 1, NULL, '-infinity'), ('11', 'dan', 1, NULL, now());
SELECT is(trail('dan'), 'event 7, refused 0, event 1, refused 0, refused 0', 'an order of tomorrow, and of no time at all');

-- passed over
INSERT INTO orders VALUES ('12', NULL, 1), ('13', '', 1), ('14', repeat('x', 256), 1), (NULL, 'eve', 1), ('', 'eve', 1),
	(repeat('x', 256), 'eve', 1);
SELECT is_empty($$SELECT ref FROM loyalty.member WHERE ref NOT IN ('ann', 'bob', 'cat', 'dan')$$, 'keys that are none');

UPDATE loyalty.program SET auto_enroll = false;
INSERT INTO orders VALUES ('20', 'fay', 1), ('21', 'bob', 2);
SELECT is(trail('bob'), 'event 7, event 5, event 2', 'without auto_enroll who is no member is passed over');
UPDATE loyalty.program SET auto_enroll = true;

-- the condition itself
SELECT detach('orders');
SELECT attach('orders', 'customer', 'id', condition => '$.made.datetime() > "2024-01-01".datetime()');
INSERT INTO orders VALUES ('30', 'gus', 1, NULL, '2024-05-05');
SELECT is(trail('gus'), 'event 7, refused 0', 'a condition that raises an error');

-- raised
SELECT detach('orders');
SELECT attach('orders', 'customer', 'id', at => 'made', on_error => 'raise', backfill => false);
SELECT set_status('bob', 'earn_blocked');
SELECT refuses($$INSERT INTO orders VALUES ('40', 'cat', 1), ('41', 'bob', 1)$$, 'LY004', 'on_error => raise: a blocked member');
SELECT refuses($$INSERT INTO orders VALUES ('42', 'cat', 1, 5)$$, '22003', 'a rule that fails');
SELECT refuses($$INSERT INTO orders VALUES ('43', 'cat', 1, 0, now() + interval '1 day')$$, '22023', 'an order of tomorrow');
SELECT refuses($$INSERT INTO orders VALUES (NULL, 'cat', 1)$$, '22023', 'an order without a ref');
SELECT lives_ok($$INSERT INTO orders VALUES ('44', NULL, 1)$$, 'but not one of nobody');
UPDATE loyalty.program SET auto_enroll = false;
SELECT refuses($$INSERT INTO orders VALUES ('45', 'nobody', 1)$$, 'LY002', 'an unknown member');
UPDATE loyalty.program SET auto_enroll = true;
CREATE FUNCTION context_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN context;
END
$$;
SELECT matches(context_of($$INSERT INTO orders VALUES ('46', 'cat', 1), ('47', 'bob', 1)$$),
	'loyalty event "purchase" of member "bob", ref "47", table "orders"', 'the error names the row');

-- an event that no rule is about
SELECT detach('orders');
SELECT attach('orders', 'customer', 'id', 'visit');
INSERT INTO orders VALUES ('50', 'hal', 5);
SELECT is(trail('hal'), 'event 7, event 0', 'is recorded with 0 points');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'visits', 'visit', '3');
INSERT INTO orders VALUES ('51', 'hal', 5);
SELECT is((last_entry('hal')).points, 3, 'a rule that comes later counts from then on');

-- who writes orders needs no privilege of ours, nor to read orders
CREATE ROLE attach_clerk;
GRANT INSERT ON orders TO attach_clerk;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY write ON orders FOR INSERT WITH CHECK (true);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	UPDATE public.orders SET amount = amount + 1 WHERE id = new.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER touch AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch();
SET ROLE attach_clerk;
INSERT INTO orders VALUES ('60', 'ida', 1);
RESET ROLE;
SELECT is(trail('ida'), 'event 7, event 3', 'a clerk''s order counts');
REVOKE ALL ON orders FROM attach_clerk;
DROP ROLE attach_clerk;

SELECT lawful('refusals');
SELECT * FROM finish();
