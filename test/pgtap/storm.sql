-- A storm of calls, seeded: after each of them the law holds and the receipt is right.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, spend_order, shortfall, restore_lapsed, grace, lot_granularity, rounding, pending_for, max_hold)
	SELECT format('p%s', n), '10 days', (ARRAY['fifo', 'expiring'])[1 + n % 2], (ARRAY['owe', 'waive'])[1 + n / 2 % 2],
			(ARRAY['lapse', 'grace', 'remaining'])[1 + n % 3], '4 days', (ARRAY['entry', 'day', 'month'])[1 + n / 2 % 3],
			(ARRAY['down', 'nearest', 'up'])[1 + n / 3 % 3], (n % 4 = 3)::integer * interval '2 days', '3 days'
		FROM generate_series(0, 11) n;
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift)
	SELECT p.name, t.name, t.rank, t.threshold, t.multiplier, t.gift
		FROM loyalty.program p, (VALUES ('base', 1, 0, 1, 0), ('silver', 2, 150, 1.25, 15), ('gold', 3, 400, 1.5, 40)) t (name, rank, threshold, multiplier, gift);
INSERT INTO loyalty.rule (program, name, event, points, growth, point_kind)
	SELECT p.name, r.name, 'purchase', r.points::jsonpath, r.growth::jsonpath, r.kind
		FROM loyalty.program p, (VALUES ('base', '$.amount', NULL, NULL), ('green', '$.amount / 7', '0', 'behaviour')) r (name, points, growth, kind);

-- One member of one program, `steps` calls; returns what was wrong, empty if nothing.
CREATE FUNCTION storm(program text, member text, steps integer) RETURNS SETOF text
	LANGUAGE plpgsql AS $$
DECLARE
	clock timestamptz := '2024-01-01';
	other text := member || ' friend';
	dice integer;
	amount integer;
	ref text;
	r loyalty.receipt;
	m loyalty.member;
	state text;
	message text;
	granted integer := 0;
	spent integer := 0;
BEGIN
	PERFORM loyalty.enroll(member, at => clock, program => program);
	PERFORM loyalty.enroll(other, at => clock, program => program);
	FOR i IN 1 .. steps LOOP
		clock := clock + random() * interval '30 hours';
		dice := floor(random() * 16);
		amount := 1 + floor(random() * 60);
		r := NULL;
		BEGIN
			CASE dice
				WHEN 0 THEN
					granted := granted + 1;
					r := loyalty.earn(member, amount, 'g' || granted, at => clock, program => program);
				WHEN 1 THEN
					granted := granted + 1;
					r := loyalty.earn(member, amount, 'g' || granted, valid_from => clock + interval '1 day',
						valid_until => clock + amount * interval '1 day' + interval '2 days', at => clock, program => program);
				WHEN 2, 3 THEN
					granted := granted + 1;
					r := loyalty.record(member, 'purchase', jsonb_build_object('amount', amount + 0.75), 'g' || granted, clock, program);
				WHEN 4 THEN
					r := loyalty.record(member, 'purchase', jsonb_build_object('amount', -amount / 4.0), at => clock, program => program);
				WHEN 5, 6 THEN
					spent := spent + 1;
					r := loyalty.redeem(member, amount, 's' || spent, at => clock, program => program);
				WHEN 7 THEN
					spent := spent + 1;
					r := loyalty.hold(member, amount, 's' || spent, random() * interval '2 days' + interval '1 hour', clock, program);
				WHEN 8 THEN
					r := loyalty.capture(member, 's' || spent, CASE WHEN random() < 0.5 THEN amount END, clock, program);
				WHEN 9 THEN
					r := loyalty.release(member, 's' || spent, clock, program);
				WHEN 10, 11 THEN
					r := loyalty.restore(member, 's' || 1 + floor(random() * spent)::integer,
						CASE WHEN random() < 0.7 THEN amount / 3 + 1 END, at => clock, program => program);
				WHEN 12, 13 THEN
					r := loyalty.claw_back(member, 'g' || 1 + floor(random() * granted)::integer,
						CASE WHEN random() < 0.7 THEN amount / 3 + 1 END, at => clock, program => program);
				WHEN 14 THEN
					r := CASE WHEN random() < 0.7 THEN loyalty.transfer(member, other, amount / 3 + 1, at => clock, program => program)
						ELSE loyalty.transfer(other, member, amount / 3 + 1, at => clock, program => program) END;
				WHEN 15 THEN
					r := loyalty.adjust(member, CASE WHEN random() < 0.5 THEN amount ELSE -amount END, NULL, 'storm', clock, program);
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			IF state NOT IN ('LY001', 'LY003', 'LY007', 'LY008', '22023') THEN
				RETURN NEXT format('%s step %s dice %s at %s: %s %s', member, i, dice, clock, state, message);
			END IF;
		END;
		m := public.member_row(member, program);
		IF r.member = member AND NOT r.replayed AND r.balance <> loyalty.spendable(m.points, clock) - m.debt THEN
			RETURN NEXT format('%s step %s dice %s at %s: receipt %s, wallet %s, debt %s', member, i, dice, clock, r, m.points, m.debt);
		END IF;
		IF m.debt > 0 AND loyalty.points(m.points) > 0 THEN
			RETURN NEXT format('%s step %s dice %s at %s: debt %s beside %s', member, i, dice, clock, m.debt, m.points);
		END IF;
		IF m.debt > 0 AND (SELECT p.shortfall FROM loyalty.program p WHERE p.name = program) = 'waive'
			AND NOT EXISTS (SELECT FROM loyalty.ledger e WHERE e.member_id = m.member_id AND e.kind = 'o') THEN
			RETURN NEXT format('%s step %s dice %s at %s: debt %s under waive', member, i, dice, clock, m.debt);
		END IF;
		IF (SELECT sum(e.points) FROM loyalty.ledger e WHERE e.member_id = m.member_id) <> loyalty.points(m.points) + m.held - m.debt THEN
			RETURN NEXT format('%s step %s dice %s at %s: the ledger does not sum up', member, i, dice, clock);
			RETURN;
		END IF;
	END LOOP;
END
$$;
SELECT setseed(0.25);
SELECT is_empty(format($$SELECT * FROM storm('p%s', 'storm %s', 150)$$, n % 12, n),
		format('p%s, storm %s: the law holds after each call', n % 12, n))
	FROM generate_series(0, 23) n;
SELECT cmp_ok(count(*), '>', 1500::bigint, 'most calls were accepted') FROM loyalty.ledger;
SELECT is(count(DISTINCT kind), 13, 'every kind of entry occurred but statuses, corrections and refusals') FROM loyalty.ledger WHERE kind NOT IN ('t', 'c', 'n');
SELECT lawful('after the storm');

-- nobody can take more than was granted, nor give back more than was spent
SELECT is_empty($$SELECT m.ref, e.ref, sum(e.points - coalesce(waived, 0) - coalesce(lapsed, 0))
	FROM loyalty.ledger e JOIN loyalty.member m USING (member_id) WHERE kind IN ('e', 'v', 'g', 'c', 'b') AND e.ref IS NOT NULL
	GROUP BY m.ref, e.ref, m.member_id HAVING sum(e.points - coalesce(waived, 0) - coalesce(lapsed, 0)) < 0$$, 'no grant was clawed back more than in full');
SELECT is_empty($$SELECT m.ref, e.ref FROM loyalty.ledger e JOIN loyalty.member m USING (member_id) WHERE kind IN ('r', 'p', 's')
	GROUP BY m.ref, e.ref, m.member_id HAVING sum(e.points) > 0$$, 'no spending was given back more than in full');
CALL maintain(program => 'p0');
SELECT lawful('after maintain');
SELECT * FROM finish();
