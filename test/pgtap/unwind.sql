-- Whatever the path, unwound it ends where the orders say: orders settled up and down, points
-- spent, held and given back in any order; then every spending is given back in full.  Under
-- waive nothing is held: what is held when its order is cancelled is out of reach and forgiven.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, shortfall, spend_order, lot_granularity)
	SELECT format('p%s', n), 'never', (ARRAY['owe', 'waive'])[1 + n % 2], (ARRAY['fifo', 'expiring'])[1 + n / 2 % 2],
			(ARRAY['entry', 'day'])[1 + n / 4 % 2]
		FROM generate_series(0, 7) n;
INSERT INTO loyalty.rule (program, name, event, points, point_kind)
	SELECT p.name, r.name, 'purchase', r.points::jsonpath, r.kind
		FROM loyalty.program p, (VALUES ('base', '$.amount', NULL), ('green', '$.green', 'behaviour')) r (name, points, kind);

-- The orders' last figures; an operator takes `taken` of the first one, whose points are then of
-- one kind (a claw-back is shared by the kinds, and none of them goes below nothing).
CREATE FUNCTION path(program text, member text, steps integer, operator boolean, OUT want bigint, OUT growth bigint)
	LANGUAGE plpgsql AS $$
DECLARE
	amounts integer[] := '{0,0,0,0}';
	taken bigint := 0;
	share bigint;
	spent integer := 0;
	dice integer;
	n integer;
	amount integer;
	green integer;
	state text;
	owe boolean := (SELECT p.shortfall = 'owe' FROM loyalty.program p WHERE p.name = program);
BEGIN
	PERFORM loyalty.enroll(member, program => program);
	FOR i IN 1 .. steps LOOP
		dice := floor(random() * 10);
		n := 1 + floor(random() * 4);
		amount := 1 + floor(random() * 80);
		green := CASE WHEN operator THEN 0 ELSE amount / 8 END;
		BEGIN
			CASE
				WHEN dice < 3 THEN
					PERFORM loyalty.settle(member, 'purchase', jsonb_build_object('amount', amount, 'green', green), 'o' || n, program => program);
					amounts[n] := amount + green;
				WHEN dice < 4 THEN
					PERFORM loyalty.settle(member, 'purchase', NULL, 'o' || n, program => program);
					amounts[n] := 0;
				WHEN dice < 6 THEN
					PERFORM loyalty.redeem(member, amount, 's' || spent + 1, program => program);
					spent := spent + 1;
				WHEN dice < 7 AND owe THEN
					PERFORM loyalty.hold(member, amount, 's' || spent + 1, program => program);
					spent := spent + 1;
					IF amount % 3 > 0 THEN
						PERFORM loyalty.capture(member, 's' || spent, amount / 2 + 1, program => program);
					END IF;
				WHEN dice < 9 THEN
					PERFORM loyalty.restore(member, 's' || 1 + floor(random() * spent)::integer, amount / 4 + 1, program => program);
				ELSE
					IF operator AND n = 1 AND taken = 0 THEN
						share := amount / 8 + 1;
						PERFORM loyalty.claw_back(member, 'o1', share, program => program);
						taken := share;
					END IF;
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
			IF state NOT IN ('LY001', 'LY003', 'LY007', '22023') THEN
				RAISE;
			END IF;
		END;
	END LOOP;
	FOR s IN 1 .. spent LOOP
		BEGIN
			PERFORM loyalty.release(member, 's' || s, program => program);
		EXCEPTION WHEN SQLSTATE 'LY007' OR SQLSTATE 'LY008' THEN
			PERFORM loyalty.restore(member, 's' || s, program => program);
		END;
	END LOOP;
	want := greatest(amounts[1] - taken, 0) + amounts[2] + amounts[3] + amounts[4];
	growth := CASE WHEN taken = 0 THEN amounts[1] + amounts[2] + amounts[3] + amounts[4] END;
END
$$;
SELECT setseed(0.5);
CREATE TABLE outcome AS
	SELECT n, 'p' || n % 8 AS program, p.*
		FROM generate_series(0, 31) n, LATERAL path('p' || n % 8, 'path ' || n, 60, false) p;
SELECT is(stands('path ' || n, program), format('wallet %s, held 0, debt 0', want), format('%s, path %s: unwound it is what the orders say', program, n)) FROM outcome ORDER BY n;
SELECT is(growth_of('path ' || n, program), growth, format('%s, path %s: so is growth', program, n)) FROM outcome ORDER BY n;
SELECT is_empty($$SELECT m.ref, sum(e.waived) FROM loyalty.ledger e JOIN loyalty.member m USING (member_id)
	GROUP BY m.ref HAVING sum(e.waived) <> 0$$, 'no waiver is left when every spending was given back');
SELECT lawful('unwound');

-- the same with an operator who takes a part of one order for good
CREATE TABLE operated AS
	SELECT n, 'p' || n % 8 AS program, p.*
		FROM generate_series(0, 15) n, LATERAL path('p' || n % 8, 'operated ' || n, 60, true) p;
SELECT is(stands('operated ' || n, program), format('wallet %s, held 0, debt 0', want), format('%s, path %s with an operator: less what he took', program, n)) FROM operated ORDER BY n;
SELECT lawful('unwound with an operator');

-- and to nothing
SELECT FROM (SELECT settle('path ' || n, 'purchase', NULL, 'o' || o, program => program) FROM outcome, generate_series(1, 4) o OFFSET 0) s;
SELECT is(stands('path ' || n, program), 'wallet 0, held 0, debt 0', format('%s, path %s: every order cancelled', program, n)) FROM outcome ORDER BY n;
SELECT lawful('cancelled');
SELECT * FROM finish();
