-- resettle: past events by the rules of now, previewed and posted alike.
\ir lib/helpers.psql
SELECT no_plan();

CREATE FUNCTION public.previewed(event text, since timestamptz, program text DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s>%s %s/%s%s', member, ref, points_before, points_after, difference,
			growth_difference, ' ' || note), ', ' ORDER BY n), '')
		FROM loyalty.resettle($1, $2, true, $3) WITH ORDINALITY r (member, ref, at, points_before, points_after,
			difference, growth_difference, entry_id, note, n)
$$;
CREATE FUNCTION public.posted(event text, since timestamptz, program text DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s>%s %s/%s%s', member, ref, points_before, points_after, difference,
			growth_difference, ' ' || note), ', ' ORDER BY n), '')
		FROM loyalty.resettle($1, $2, false, $3) WITH ORDINALITY r (member, ref, at, points_before, points_after,
			difference, growth_difference, entry_id, note, n)
$$;
-- A preview writes nothing, posting does what it said, and doing it again does nothing.
CREATE FUNCTION public.resettles(event text, since timestamptz, want text, description text, program text DEFAULT NULL)
	RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	before text := public.everything();
	noted text := CASE WHEN want ~ ' (its|it has|member|limit)' THEN '.' ELSE '' END;
BEGIN
	RETURN NEXT public.is(public.previewed(event, since, program), want, description || ': preview');
	RETURN NEXT public.is(public.everything(), before, description || ': a preview writes nothing');
	RETURN NEXT public.is(public.posted(event, since, program), want, description || ': posted');
	before := public.everything();
	IF noted = '' THEN
		RETURN NEXT public.is(public.posted(event, since, program), '', description || ': a second run returns no row');
	ELSE
		PERFORM public.posted(event, since, program);
	END IF;
	RETURN NEXT public.is(public.everything(), before, description || ': a second run changes nothing');
END
$$;
CREATE FUNCTION public.stands_for(member text, ref text, program text DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT format('%s/%s', sum(e.points - coalesce(e.waived, 0) - coalesce(e.lapsed, 0)), sum(coalesce(e.growth, 0)))
		FROM loyalty.ledger e, public.member_row($1, $3) m
		WHERE e.member_id = m.member_id AND e.ref = $2 AND e.kind IN ('v', 'c', 'b')
$$;

-- a factor of three that should have been two
INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount * 3'), ('visit', 'visit', '5');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o0', '2023-12-31 23:59:59');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT FROM settle('ann', 'purchase', '{"amount": 10}', 'o2', '2024-01-02');
SELECT FROM settle('ann', 'purchase', '{"amount": 20}', 'o2', '2024-01-02');
SELECT FROM settle('ann', 'purchase', '{"amount": 70}', 'o3', '2024-01-03');
SELECT FROM settle('ann', 'purchase', NULL, 'o3', '2024-01-03');
SELECT FROM record('ann', 'visit', '{"amount": 1}', 'o1', '2024-01-01');
SELECT FROM record('bob', 'purchase', '{"amount": 0}', 'o1', '2024-01-05');
SELECT FROM record('bob', 'purchase', '{"amount": 7}', 'o2', '2024-01-05');
SELECT is(previewed('purchase', '2024-01-01'), '', 'nothing was changed: nothing differs');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE name = 'base';
SELECT resettles('purchase', '2024-01-01', 'ann o1 300>200 -100/-100, ann o2 60>40 -20/-20, bob o2 21>14 -7/-7', 'a repaired rule');
SELECT is(stands_for('ann', 'o0'), '300/300', 'what is dated before stays');
SELECT is(stands_for('ann', 'o3'), '0/0', 'what was called off stays so');
SELECT is(stands('ann'), 'wallet 545, held 0, debt 0', 'and nothing else is touched');
SELECT is(format('%s %s', at > now() - interval '1 minute', kind), 't c', 'a correction, dated now') FROM last_entry('bob');
SELECT is(array_agg(DISTINCT shown(valid_from(l))), '{2023-12-01,2024-01-01}', 'growth goes at its original date')
	FROM loyalty.lots((member_row('ann')).growth) l;
SELECT results_eq($$SELECT line FROM explain('bob', 'o2') line WHERE line LIKE '%resettled%' OR line LIKE 'Rule%'$$,
	$$VALUES ('Rule base (version 2) gave 21 points and 21 growth.'),
		('It was resettled: it counts by the rules as they were then, no longer by those of its first grant.'),
		('Rule base (version 4) gave 14 points and 14 growth.')$$, 'explain says so');
SELECT is(entry_id, (last_entry('bob')).entry_id, 'entry_id is the entry that was posted') FROM (
	SELECT max(entry_id) AS entry_id FROM loyalty.ledger WHERE ref = 'o2' AND kind = 'c' AND event_id = (SELECT event_id FROM loyalty.event_type WHERE name = 'purchase')) e;

-- what is settled later goes by the rules of the resettling; what was not resettled, by its own
SELECT is(replayed, true, 'the same again changes nothing') FROM settle('ann', 'purchase', '{"amount": 20}', 'o2');
SELECT is(replayed, true, 'record is answered with its first receipt') FROM record('ann', 'purchase', '{"amount": 100}', 'o1');
SELECT is(points, 20, 'a correction goes by the versions of the resettling') FROM settle('ann', 'purchase', '{"amount": 30}', 'o2');
SELECT is(points, 30, 'another one by those of its first grant') FROM settle('ann', 'purchase', '{"amount": 110}', 'o0');
UPDATE loyalty.rule SET points = '$.amount * 9' WHERE name = 'base';
SELECT is(points, -60, 'called off') FROM settle('ann', 'purchase', NULL, 'o2');
SELECT is(points, 60, 'and on again') FROM settle('ann', 'purchase', '{"amount": 30}', 'o2');
SELECT is(stands_for('ann', 'o2'), '60/60', 'flips end where they were');
UPDATE loyalty.rule SET points = '$.amount' WHERE name = 'base';
SELECT resettles('purchase', '2024-01-02', 'ann o2 60>30 -30/-30, bob o2 14>7 -7/-7', 'resettled a second time');
SELECT is(points, 5, 'the newest resettling counts') FROM settle('ann', 'purchase', '{"amount": 35}', 'o2');
SELECT is(points, -35, 'and flips') FROM settle('ann', 'purchase', NULL, 'o2');
SELECT is(points, 35, 'to its figure') FROM settle('ann', 'purchase', '{"amount": 35}', 'o2');

-- points that were spent, and what an operator took
INSERT INTO loyalty.program (name, validity) VALUES ('spent', 'never');
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('soft', 'never', 'waive');
INSERT INTO loyalty.rule (program, name, event, points) SELECT p, 'base', 'purchase', '$.amount' FROM unnest('{spent,soft}'::text[]) p;
SELECT FROM unnest('{spent,soft}'::text[]) p, record('cat', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', p);
SELECT FROM unnest('{spent,soft}'::text[]) p, redeem('cat', 80, 'r1', program => p);
SELECT FROM record('dan', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'spent');
SELECT FROM claw_back('dan', 'o1', 30, program => 'spent');
SELECT FROM record('eve', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'spent');
SELECT FROM claw_back('eve', 'o1', 90, program => 'spent');
UPDATE loyalty.rule SET points = '$.amount / 2' WHERE name = 'base' AND program IN ('spent', 'soft');
SELECT resettles('purchase', '2024-01-01', 'cat o1 100>50 -50/-50, dan o1 70>20 -50/-50, eve o1 10>0 -10/-10', 'spent points, claw-backs', 'spent');
SELECT is(stands('cat', 'spent'), 'wallet 0, held 0, debt 30', 'what is not there is owed');
SELECT resettles('purchase', '2024-01-01', 'cat o1 100>50 -50/-50', 'or forgiven', 'soft');
SELECT is(stands('cat', 'soft'), 'wallet 0, held 0, debt 0', 'under waive');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE name = 'base' AND program IN ('spent', 'soft');
SELECT resettles('purchase', '2024-01-01', 'cat o1 50>200 150/150, dan o1 20>170 150/150, eve o1 0>110 110/110', 'more than at first', 'spent');
SELECT is(stands('cat', 'spent'), 'wallet 120, held 0, debt 0', 'the debt is cleared first');
SELECT is(wallet_of('cat', 'spent'), '120@2024-01-01/infinity', 'and the rest joins the lot of the first grant');

-- limits: as if the events had come in the order of their dates
INSERT INTO loyalty.program (name, validity) VALUES ('limits', 'never');
INSERT INTO loyalty.rule (program, name, event, points, limits) VALUES ('limits', 'base', 'purchase', '$.amount', '[{"per": "month", "points": 100}]');
SELECT FROM record('ann', 'purchase', '{"amount": 20}', 'a', '2024-01-03', 'limits');
SELECT FROM record('ann', 'purchase', '{"amount": 80}', 'b', '2024-01-02', 'limits');
SELECT FROM record('ann', 'purchase', '{"amount": 50}', 'c', '2024-01-04', 'limits');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'd', '2024-02-01', 'limits');
SELECT is(previewed('purchase', '2024-01-01', 'limits'), '', 'within the limit as recorded');
UPDATE loyalty.rule SET points = '45' WHERE program = 'limits';
SELECT resettles('purchase', '2024-01-01', 'ann b 80>45 -35/-35, ann a 20>45 25/25, ann c 0>10 10/-5, ann d 60>45 -15/-15', 'a limit over several events', 'limits');
SELECT is(format('%s %s', since, u.points), '2024-01-01 100', 'the limit is used up, not more') FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id)
	WHERE r.program = 'limits' AND since = '2024-01-01';
UPDATE loyalty.rule SET limits = '[{"per": "month", "points": 60}]' WHERE program = 'limits';
SELECT resettles('purchase', '2024-01-03', 'ann a 45>15 -30/0, ann c 10>0 -10/0', 'a lower limit; what is before since keeps its use', 'limits');
SELECT is(points, 15, 'what is called off is there again') FROM (
	SELECT (settle('ann', 'purchase', NULL, 'a', program => 'limits')).points AS off,
		(record('ann', 'purchase', '{}', 'e', '2024-01-05', 'limits')).points OFFSET 0) s;
DELETE FROM loyalty.rule WHERE program = 'limits';
INSERT INTO loyalty.rule (program, name, event, points, limits) VALUES ('limits', 'anew', 'purchase', '45', '[{"per": "month", "points": 60}]');
SELECT resettles('purchase', '2024-01-01', 'ann b 45>45 0/0, ann c 0>15 15/0, ann e 15>0 -15/0, ann d 45>45 0/0',
	'another rule counts anew, so where points stay its use is noted', 'limits');
SELECT is((SELECT sum(u.points)::bigint FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id) WHERE r.program = 'limits'), 105, 'with what it uses');
UPDATE loyalty.rule SET limits = '[{"per": "month", "points": 60, "then": "refuse"}]' WHERE program = 'limits';
SELECT is(previewed('purchase', '2024-01-01', 'limits'), 'ann c 15> / limit of rule "anew" reached: The limit is 60 points per month; 45 are used, 45 more are asked for., '
	|| 'ann e 0> / limit of rule "anew" reached: The limit is 60 points per month; 60 are used, 45 more are asked for.', 'a rule that refuses is told');

-- budgets over all members: what is given back comes first, then the members in the order of their ids
INSERT INTO loyalty.program (name, validity) VALUES ('budget', 'never');
INSERT INTO loyalty.rule (program, name, event, points, budget) VALUES ('budget', 'gift', 'purchase', '40', 100);
SELECT FROM unnest('{a,b,c,d}'::text[]) m, record(m, 'purchase', '{}', 'o', '2024-01-01', 'budget');
UPDATE loyalty.rule SET points = '30' WHERE name = 'gift';
SELECT resettles('purchase', '2024-01-01', 'a o 40>30 -10/-10, b o 40>30 -10/-10, c o 20>30 10/-10, d o 0>10 10/-10', 'a budget', 'budget');
SELECT is(sum(used), 100::numeric, 'is given to the last point') FROM loyalty.rule_budget b JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'gift';
INSERT INTO loyalty.program (name, validity) VALUES ('pot', 'never');
INSERT INTO loyalty.rule (program, name, event, points, growth, budget) VALUES ('pot', 'pot', 'purchase', '$.was', '0', 100);
SELECT FROM unnest('{a,b,c,d}'::text[], '{20,60,20,0}'::int[], '{45,5,60,8}'::int[]) m (name, was, now),
	record(m.name, 'purchase', format('{"was": %s, "now": %s}', m.was, m.now)::jsonb, 'o', '2024-01-01', 'pot');
UPDATE loyalty.rule SET points = '$.now' WHERE name = 'pot';
SELECT resettles('purchase', '2024-01-01', 'b o 60>5 -55/0, a o 20>45 25/0, c o 20>50 30/0', 'what a later member gives back is there for an earlier one', 'pot');
UPDATE loyalty.rule SET budget = 60 WHERE name = 'pot';
SELECT resettles('purchase', '2024-01-01', '', 'nobody loses to a lower budget', 'pot');
UPDATE loyalty.rule SET points = '20' WHERE name = 'pot';
SELECT resettles('purchase', '2024-01-01', 'a o 45>20 -25/0, c o 50>20 -30/0, b o 5>20 15/0', 'what is above it is not given again', 'pot');
SELECT is(sum(used), 60::numeric, 'so that it holds again') FROM loyalty.rule_budget b JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'pot';
UPDATE loyalty.rule SET budget = 1000 WHERE name = 'pot';
SELECT resettles('purchase', '2024-01-01', 'd o 0>20 20/0', 'a higher one is there for those who lacked', 'pot');
INSERT INTO loyalty.program (name, validity) VALUES ('taken', 'never');
INSERT INTO loyalty.rule (program, name, event, points, budget) VALUES ('taken', 'taken', 'purchase', '10', 10);
SELECT FROM unnest('{a,b}'::text[]) m, record(m, 'purchase', '{}', 'o', '2024-01-01', 'taken');
SELECT FROM claw_back('a', 'o', program => 'taken');
SELECT resettles('purchase', '2024-01-01', 'b o 0>10 10/0', 'what was clawed back has no part in it, and needs no entry without', 'taken');
UPDATE loyalty.rule SET budget = 30, points = '15' WHERE name = 'taken';
SELECT resettles('purchase', '2024-01-01', 'a o 0>5 5/5, b o 10>15 5/5', 'but for what the rules give beyond it', 'taken');

-- two budgets: one gives to the one and takes from the other, another the other way round
INSERT INTO loyalty.program (name, validity) VALUES ('pots', 'never');
INSERT INTO loyalty.rule (program, name, event, points, budget) VALUES
	('pots', 'one', 'purchase', '$.was[0]', 100), ('pots', 'two', 'purchase', '$.was[1]', 100);
SELECT FROM unnest('{a,b}'::text[], '{"[60,40]","[40,60]"}'::text[], '{"[30,60]","[70,40]"}'::text[]) m (name, was, now),
	record(m.name, 'purchase', format('{"was": %s, "now": %s}', m.was, m.now)::jsonb, 'o', '2024-01-01', 'pots');
UPDATE loyalty.rule SET points = '$.now[0]' WHERE name = 'one';
UPDATE loyalty.rule SET points = '$.now[1]' WHERE name = 'two';
SELECT resettles('purchase', '2024-01-01', 'b o 100>110 10/10, a o 100>90 -10/-10', 'two budgets are given crosswise', 'pots');
SELECT is(array_agg(format('%s>%s', l.kind, l.points) ORDER BY l.entry_id), '{v>100,c>-30,v>20}',
	'by who waited in two steps, told as one') FROM loyalty.ledger l, member_row('a', 'pots') m WHERE l.member_id = m.member_id AND l.ref = 'o';

-- tier and member: as they were
INSERT INTO loyalty.program (name, validity) VALUES ('tiers', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('tiers', 'base', 0, 0, 1), ('tiers', 'gold', 1, 100, 2);
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES
	('tiers', 'base', 'purchase', '$.amount', NULL), ('tiers', 'oslo', 'purchase', '10', '$member.city == "Oslo"');
SELECT FROM enroll('ann', '{"city": "Oslo", "age": 30}', program => 'tiers', at => '2024-01-01');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'tiers');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o2', '2024-01-02', 'tiers');
SELECT is(tier_of('ann', 'tiers'), 'gold', 'the first order made gold');
UPDATE loyalty.tier SET earn_multiplier = 5 WHERE program = 'tiers' AND name = 'gold';
UPDATE loyalty.rule SET points = '$.amount + 1' WHERE program = 'tiers' AND name = 'base';
INSERT INTO loyalty.rule (program, name, event, points, tiers) VALUES ('tiers', 'gold only', 'purchase', '1000', '{gold}');
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES ('tiers', 'grown up', 'purchase', '3', '$member.age >= 18');
SELECT resettles('purchase', '2024-01-01', 'ann o1 110>114 4/4, ann o2 220>2228 2008/1004', 'the tier held just before each, with its multiplier then', 'tiers');
UPDATE loyalty.rule SET points = '$.amount / 4' WHERE program = 'tiers' AND name = 'base';
DELETE FROM loyalty.rule WHERE name IN ('gold only', 'grown up', 'oslo');
SELECT resettles('purchase', '2024-01-01', 'ann o1 114>25 -89/-89, ann o2 2228>50 -2178/-1089', 'below the threshold', 'tiers');
SELECT is(tier_of('ann', 'tiers'), 'base', 'which ends the tier');

-- gifts of tiers that come and go with it
INSERT INTO loyalty.program (name, validity) VALUES ('gifts', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('gifts', 'base', 0, 0, 0), ('gifts', 'gold', 1, 100, 20);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('gifts', 'base', 'purchase', '$.amount * 2');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', 'o1', '2024-01-01', 'gifts');
UPDATE loyalty.rule SET points = '$.amount' WHERE program = 'gifts';
SELECT resettles('purchase', '2024-01-01', 'ann o1 120>60 -60/-60', 'a gift goes', 'gifts');
SELECT is(format('%s %s', wallet_of('ann', 'gifts'), tier_of('ann', 'gifts')), '60@2024-01-01/infinity base', 'with its tier');
UPDATE loyalty.rule SET points = '$.amount * 3' WHERE program = 'gifts';
SELECT resettles('purchase', '2024-01-01', 'ann o1 60>180 120/120', 'a gift comes', 'gifts');
SELECT is(format('%s %s', stands('ann', 'gifts'), tier_of('ann', 'gifts')), 'wallet 200, held 0, debt 0 gold', 'with its tier');
-- a wrong rule made the tier: two orders and one end alike
INSERT INTO loyalty.program (name, validity) VALUES ('tenfold', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('tenfold', 'base', 0, 0, 0), ('tenfold', 'gold', 1, 100, 1000);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('tenfold', 'base', 'purchase', '$.amount * 10');
SELECT FROM record('x', 'purchase', '{"amount": 12}', 'x1', '2024-01-01', 'tenfold');
SELECT FROM record('x', 'purchase', '{"amount": 13}', 'x2', '2024-01-02', 'tenfold');
SELECT FROM record('y', 'purchase', '{"amount": 25}', 'y1', '2024-01-01', 'tenfold');
SELECT is(available, 1250, 'the gift of a tier that was not deserved') FROM balance('x', program => 'tenfold');
UPDATE loyalty.rule SET points = '$.amount' WHERE program = 'tenfold';
SELECT resettles('purchase', '2024-01-01', 'x x1 120>12 -108/-108, x x2 130>13 -117/-117, y y1 250>25 -225/-225', 'a tier that was not deserved', 'tenfold');
SELECT is(format('%s %s', stands('x', 'tenfold'), tier_of('x', 'tenfold')), 'wallet 25, held 0, debt 0 base', 'two orders: the gift goes with the tier, beside the differences');
SELECT is(format('%s %s', stands('y', 'tenfold'), tier_of('y', 'tenfold')), 'wallet 25, held 0, debt 0 base', 'one order: just so');

-- points of several kinds
INSERT INTO loyalty.program (name, validity) VALUES ('kinds', 'never');
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES
	('kinds', 'goods', 'purchase', '$.amount', 'consumption'), ('kinds', 'photo', 'purchase', '$.photos * 5', 'behaviour');
SELECT FROM record('ann', 'purchase', '{"amount": 60, "photos": 2}', 'o1', '2024-01-01', 'kinds');
CREATE FUNCTION public.kinds(ref text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', k, p), ', ' ORDER BY k) FROM (
		SELECT coalesce(e.point_kind, 'plain') AS k, sum(e.points) AS p FROM loyalty.ledger e, public.member_row('ann', 'kinds') m
			WHERE e.member_id = m.member_id AND e.ref = $1 GROUP BY 1) s
$$;
UPDATE loyalty.rule SET points = '$.photos * 4' WHERE name = 'photo';
SELECT resettles('purchase', '2024-01-01', 'ann o1 70>68 -2/-2', 'one kind of two', 'kinds');
SELECT is(kinds('o1'), 'behaviour 8, consumption 60', 'the other stays');
UPDATE loyalty.rule SET points = '$.photos * 50' WHERE name = 'photo';
SELECT is(points, 14, 'a correction of both kinds goes by the resettling') FROM settle('ann', 'purchase', '{"amount": 70, "photos": 3}', 'o1', program => 'kinds');
SELECT is(kinds('o1'), 'behaviour 12, consumption 70', 'each of them');
DELETE FROM loyalty.rule WHERE name = 'goods';
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES ('kinds', 'plain', 'purchase', '6', NULL);
SELECT resettles('purchase', '2024-01-01', 'ann o1 82>156 74/74', 'a kind that goes, and one that comes', 'kinds');
SELECT is(kinds('o1'), 'behaviour 150, consumption 0, plain 6', 'each in entries of its own');
SELECT is(points, 50, 'and corrected by that') FROM settle('ann', 'purchase', '{"amount": 70, "photos": 4}', 'o1', program => 'kinds');
DELETE FROM loyalty.rule WHERE program = 'kinds';
SELECT resettles('purchase', '2024-01-01', 'ann o1 206>0 -206/-206', 'no rule at all', 'kinds');
SELECT is(kinds('o1'), 'behaviour 0, consumption 0, plain 0', 'gives nothing');
SELECT is(replayed, true, 'for ever') FROM settle('ann', 'purchase', '{"amount": 1, "photos": 4}', 'o1', program => 'kinds');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('kinds', 'plain', 'purchase', '6');
SELECT resettles('purchase', '2024-01-01', 'ann o1 0>6 6/6', 'until there is one again', 'kinds');

-- what rules count: carry, period sums, events before, streaks, max_balance
INSERT INTO loyalty.program (name, validity) VALUES ('counts', 'never');
INSERT INTO loyalty.rule (program, name, event, points, carry) VALUES ('counts', 'tenth', 'purchase', '$.amount / 10', true);
SELECT FROM generate_series(1, 4) n, record('ann', 'purchase', '{"amount": 6}', 'o' || n, '2024-01-01'::timestamptz + n * interval '1 day', 'counts');
UPDATE loyalty.rule SET points = '$.amount / 5' WHERE name = 'tenth';
SELECT resettles('purchase', '2024-01-01', 'ann o1 0>1 1/1, ann o2 1>1 0/1, ann o3 0>1 1/1, ann o4 1>1 0/1', 'carry', 'counts');
SELECT is(sum(carried), 0.8, 'what is granted and what is kept add up') FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id) WHERE r.name = 'tenth';
INSERT INTO loyalty.rule (program, name, event, points, measure, condition) VALUES
	('counts', 'ten', 'purchase', '50', '$.amount', '$period_sum < 10 && $period_sum + $sum >= 10');
SELECT is(previewed('purchase', '2024-01-01', 'counts') ~ 'ann o2 1>51 50/50', true, 'a sum over the period sees the events before');
DELETE FROM loyalty.rule WHERE program = 'counts';
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES ('counts', 'third', 'purchase', '7', '$count == 2 && $idle_days == 1');
SELECT resettles('purchase', '2024-01-01', 'ann o1 1>0 -1/-1, ann o2 1>0 -1/-1, ann o3 1>7 6/6, ann o4 1>0 -1/-1', 'the events before, though no rule asked then', 'counts');
UPDATE loyalty.rule SET points = '8' WHERE name = 'third';
SELECT resettles('purchase', '2024-01-01', 'ann o3 7>8 1/1', 'and what was stored then', 'counts');
INSERT INTO loyalty.streak (program, event) VALUES ('counts', 'check_in');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('counts', 'check-in', 'check_in', '1');
SELECT FROM generate_series(1, 3) n, record('ann', 'check_in', '{}', 'c' || n, '2024-01-01'::timestamptz + n * interval '1 day', 'counts');
UPDATE loyalty.rule SET points = '$streak.run * 2' WHERE name = 'check-in';
SELECT resettles('check_in', '2024-01-01', 'ann c1 1>2 1/1, ann c2 1>4 3/3, ann c3 1>6 5/5', 'the streak of each day', 'counts');
INSERT INTO loyalty.program (name, validity, max_balance) VALUES ('room', 'never', 100);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('room', 'base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 90}', 'o1', '2024-01-01', 'room');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE program = 'room';
SELECT resettles('purchase', '2024-01-01', 'ann o1 90>100 10/90', 'max_balance', 'room');

-- windows contain `at`
INSERT INTO loyalty.program (name, validity) VALUES ('window', 'never');
INSERT INTO loyalty.rule (program, name, event, points, starts_at, ends_at) VALUES ('window', 'week', 'purchase', '10', '2024-01-01', '2024-01-08');
SELECT FROM generate_series(6, 9) n, record('ann', 'purchase', '{}', 'o' || n, make_timestamptz(2024, 1, n, 0, 0, 0), 'window');
UPDATE loyalty.rule SET ends_at = '2024-01-09' WHERE name = 'week';
SELECT resettles('purchase', '2024-01-01', 'ann o8 0>10 10/10', 'a window that was too short', 'window');
UPDATE loyalty.rule SET active = false WHERE name = 'week';
SELECT is(previewed('purchase', '2024-01-08', 'window'), 'ann o8 10>0 -10/-10', 'a rule that rests is none');

-- what cannot be: told, not posted
INSERT INTO loyalty.program (name, validity) VALUES ('notes', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('notes', 'base', 'purchase', '$.amount'), ('notes', 'welcome', 'register', '5');
SELECT FROM record('ann', 'purchase', '{"amount": 10}', at => '2024-01-01', program => 'notes');
SELECT FROM record('ann', 'purchase', '{"amount": 0}', at => '2024-01-01', program => 'notes');
SELECT FROM record('ann', 'purchase', '{"amount": 20}', 'o1', at => '2024-01-02', program => 'notes');
UPDATE loyalty.program SET keep_attributes = false WHERE name = 'notes';
SELECT FROM record('bob', 'purchase', '{"amount": 10}', 'o1', at => '2024-01-02', program => 'notes');
UPDATE loyalty.program SET keep_attributes = true WHERE name = 'notes';
SELECT FROM unnest('{cat,dan}'::text[]) m, record(m, 'purchase', '{"amount": 10}', 'o1', at => '2024-01-02', program => 'notes');
SELECT FROM set_status('cat', 'earn_blocked', 'a test', program => 'notes');
SELECT FROM set_status('dan', 'closed', 'a test', program => 'notes');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE program = 'notes' AND name = 'base';
SELECT resettles('purchase', '2024-01-01', 'ann  10>20 10/10 it has no ref: correct it with adjust(), ann o1 20>40 20/20, '
	|| 'bob o1 10> / its attributes were not kept, '
	|| 'cat o1 10> / member "cat" may not earn points: The member is earn_blocked., '
	|| 'dan o1 10> / member "dan" may not earn points: The member is closed.', 'each with its reason', 'notes');
UPDATE loyalty.rule SET points = '$.amount / 2' WHERE program = 'notes' AND name = 'base';
SELECT is(posted('purchase', '2024-01-02', 'notes'), 'ann o1 40>10 -30/-30, bob o1 10> / its attributes were not kept, '
	|| 'cat o1 10>5 -5/-5, dan o1 10>5 -5/-5', 'taking back always works');
UPDATE loyalty.rule SET points = '8' WHERE name = 'welcome';
SELECT is(previewed('register', '2000-01-01', 'notes'), 'ann  5>8 3/3 it has no ref: correct it with adjust(), bob  5>8 3/3 it has no ref: correct it with adjust(), '
	|| 'cat  5>8 3/3 it has no ref: correct it with adjust(), dan  5>8 3/3 it has no ref: correct it with adjust()', 'register has no ref');

-- errors
SELECT refuses($$SELECT resettle('reveiw', '2024-01-01')$$, '22023', 'an unknown event', 'unknown event "reveiw"');
SELECT refuses($$SELECT resettle(NULL, '2024-01-01')$$, '22023', 'no event', 'event must not be null');
SELECT refuses($$SELECT resettle('purchase', NULL)$$, '22023', 'no date', 'since must not be null');
SELECT refuses($$SELECT resettle('purchase', '-infinity')$$, '22023', 'the beginning of time', 'since must be finite');
SELECT refuses($$SELECT resettle('purchase', '2024-01-01', program => 'none')$$, 'LY005', 'an unknown program');
BEGIN READ ONLY;
SELECT is(count(*) >= 0, true, 'a preview can be read in a read-only transaction') FROM resettle('purchase', '2024-01-01', program => 'notes');
SELECT throws_ok($$SELECT resettle('purchase', '2024-01-01', false)$$, '25006', NULL, 'posting cannot');
ROLLBACK;
SELECT is(has_function_privilege('public', 'loyalty.resettle(text, timestamptz, boolean, text)', 'EXECUTE'), false, 'it is nobody''s by default');

SELECT lawful('resettle');
SELECT finish();
