-- Team contests: joining, what counts and when, corrections, ties, the end and its prizes.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Asia/Shanghai');
INSERT INTO loyalty.contest (name, event, condition, measure, starts_at, ends_at, joins_until, max_members) VALUES
	('cup', 'purchase', '$.amount >= 10', '$.amount', '2024-03-01 00:00+08', '2024-04-01 00:00+08', '2024-03-20 00:00+08', 3),
	('steps', 'walk', NULL, NULL, '2024-03-01', '2024-04-01', NULL, NULL);
INSERT INTO loyalty.rule (name, event, condition, points, growth, multiplied) VALUES
	('base', 'purchase', NULL, '$.amount', NULL, true),
	('walk', 'walk', NULL, '2', NULL, true),
	('gold', 'contest_ended', '$.contest == "cup" && $.rank == 1', '1000 / $.members / $.tied', '0', false),
	('mvp', 'contest_ended', '$.member_rank == 1 && $.member_score > 0', '7', '0', false);
SELECT count(enroll(m, at => '2024-01-01')) AS enrolled FROM unnest('{ann,bob,cat,dan,eve,fay}'::text[]) m \gset

CREATE FUNCTION standing(contest text, at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s/%s %s', coalesce(rank::text, '-'), team, members, score), ', '), 'nobody')
		FROM loyalty.contest_standings($1, $2)
$$;
CREATE FUNCTION ended(member text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, ref, points), ', ' ORDER BY entry_id), 'nothing')
		FROM loyalty.entries e WHERE e.member = $1 AND event = 'contest_ended'
$$;

-- joining
SELECT is(format('%s %s %s %s %s', member, team, members, shown(joined_at), replayed), 'ann red 1 2024-02-01 f', 'the first member makes the team')
	FROM join_team('ann', 'cup', 'red', '2024-02-01');
SELECT is(format('%s %s %s', members, shown(joined_at), replayed), '1 2024-02-01 t', 'again: nothing changes')
	FROM join_team('ann', 'cup', 'red', '2024-02-05');
SELECT refuses($$SELECT FROM join_team('ann', 'cup', 'blue')$$, 'LY010', 'another team', 'leave_team');
SELECT is(members, 0, 'as long as nothing has counted a member can leave') FROM leave_team('ann', 'cup');
SELECT is(standing('cup'), 'nobody', 'an empty team is gone');
SELECT refuses($$SELECT FROM leave_team('ann', 'cup')$$, 'LY010', 'leaving no team');
SELECT is(team, 'blue', 'and join another') FROM join_team('ann', 'cup', 'blue', '2024-02-01');
SELECT is(members, 2, 'a second member') FROM join_team('bob', 'cup', 'blue', '2024-02-01');
SELECT FROM join_team('cat', 'cup', 'red', '2024-03-10 00:00+08');
SELECT FROM join_team('dan', 'cup', 'green', '2024-02-01');
SELECT is(standing('cup'), '- blue/2 0, - green/1 0, - red/1 0', 'without a score there is no rank');
SELECT refuses($$SELECT FROM join_team('eve', 'cup', 'red', '2024-03-20 00:00+08')$$, 'LY010', 'after joins_until', 'until');
SELECT refuses($$SELECT FROM join_team('eve', 'cup', 'red')$$, 'LY010', 'when all is over', 'any more');
SELECT FROM join_team('eve', 'cup', 'blue', '2024-03-19 23:59:59+08');
SELECT refuses($$SELECT FROM join_team('fay', 'cup', 'blue', '2024-02-01')$$, 'LY006', 'a full team', '3 members');
SELECT is(format('%s %s', team, shown(enrolled_at)), 'us 2024-02-02', 'who is new is enrolled')
	FROM join_team('gil', 'steps', 'us', '2024-02-02'), LATERAL member_row(member);
SELECT FROM leave_team('gil', 'steps');
UPDATE loyalty.program SET auto_enroll = false WHERE name = 'shop';
SELECT refuses($$SELECT FROM join_team('nobody', 'cup', 'red', '2024-02-01')$$, 'LY002', 'but not where that is off');
UPDATE loyalty.program SET auto_enroll = true WHERE name = 'shop';
SELECT refuses($$SELECT FROM join_team('fay', 'cap', 'red')$$, '22023', 'an unknown contest', 'unknown contest');
SELECT refuses($$SELECT FROM join_team('fay', NULL, 'red')$$, '22023', 'no contest');
SELECT refuses($$SELECT FROM join_team('fay', 'cup', '')$$, '22023', 'a team without a name');
SELECT refuses($$SELECT FROM join_team('fay', 'cup', 'red', now() + interval '1 hour')$$, '22023', 'in the future');
SELECT FROM set_status('fay', 'frozen', 'watched');
SELECT refuses($$SELECT FROM join_team('fay', 'steps', 'red', '2024-02-01')$$, 'LY004', 'a frozen member', 'frozen');
SELECT FROM set_status('fay', 'active', 'cleared');
SELECT refuses($$SELECT * FROM contest_standings('cap')$$, '22023', 'standings of an unknown contest');

-- what counts: within the window, from joining on, what meets the condition
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'a0', '2024-02-29 23:59:59+08');
SELECT is(standing('cup'), '- blue/3 0, - green/1 0, - red/1 0', 'before the first local midnight nothing counts');
SELECT FROM record('ann', 'purchase', '{"amount": 40}', 'a1', '2024-03-01 00:00+08');
SELECT FROM record('ann', 'purchase', '{"amount": 9}', 'a2', '2024-03-02');
SELECT FROM record('bob', 'purchase', '{"amount": 30.50}', NULL, '2024-03-31 23:59:59+08');
SELECT FROM record('bob', 'purchase', '{"amount": 99}', 'b1', '2024-04-01 00:00+08');
SELECT FROM record('cat', 'purchase', '{"amount": 500}', 'c0', '2024-03-09 23:59:59+08');
SELECT is(standing('cup'), '1 blue/3 70.50, - green/1 0, - red/1 0', 'sums of the window, of events since joining');
SELECT FROM record('cat', 'purchase', '{"amount": 70}', 'c1', '2024-03-10 00:00+08');
SELECT FROM record('ann', 'purchase', '{"amount": 40}', 'a1', '2024-03-01 00:00+08');
SELECT is(standing('cup'), '1 blue/3 70.50, 2 red/1 70, - green/1 0', 'a repeat counts once');
SELECT is(standing('cup', '2024-03-10 12:00'), '1 red/1 70, 2 blue/2 40, - green/1 0', 'as of an earlier day: who had joined, what was dated up to then');
SELECT is(standing('cup', '2024-01-01'), 'nobody', 'before anybody joined');
SELECT refuses($$SELECT FROM leave_team('ann', 'cup')$$, 'LY010', 'leaving after an event has counted', 'counted');
SELECT refuses($$SELECT FROM join_team('ann', 'cup', 'red')$$, 'LY010', 'changing the team after it', 'counted');
SELECT FROM record('fay', 'purchase', '{"amount": 11}', 'f1', '2024-03-05');
SELECT refuses($$SELECT FROM join_team('fay', 'cup', 'red', '2024-03-05')$$, 'LY010', 'back-dated before an event on record', 'would not count');
SELECT is(members, 2, 'back-dated after it') FROM join_team('fay', 'cup', 'red', '2024-03-06');
SELECT is(format('%s %s %s %s', team, score, rank, state), 'red 0 2 over', 'a member''s contests') FROM contests('fay') WHERE contest = 'cup';
SELECT is(string_agg(format('%s %s %s/%s', contest, state, teams, members), ', ' ORDER BY contest), 'cup running 3/6, steps running 0/0', 'the program''s contests, at an instant')
	FROM contests(at => '2024-03-15');
SELECT is(string_agg(state, ', '), 'coming, coming', 'before the start') FROM contests(at => '2024-02-15');

-- counted events; a claw-back
SELECT FROM unnest('{ann,bob}'::text[]) m, join_team(m, 'steps', 'us', '2024-03-01');
SELECT FROM record('ann', 'walk', ref => 'w1', at => '2024-03-02');
SELECT FROM record('ann', 'walk', ref => 'w2', at => '2024-03-02');
SELECT FROM record('bob', 'walk', at => '2024-03-02');
SELECT is(standing('steps'), '1 us/2 3', 'without a measure events are counted');
SELECT FROM claw_back('ann', 'w1', 1);
SELECT is(standing('steps'), '1 us/2 3', 'of a count a claw-back in part takes nothing');
SELECT FROM claw_back('ann', 'w1');
SELECT is(standing('steps'), '1 us/2 2', 'the whole event once no point of it is left');
SELECT FROM settle('ann', 'walk', '{"again": 1}', 'w1');
SELECT is(standing('steps'), '1 us/2 2', 'which a correction does not bring back');

-- corrections
SELECT FROM settle('cat', 'purchase', '{"amount": 90}', 'c1');
SELECT is(standing('cup'), '1 red/2 90, 2 blue/3 70.50, - green/1 0', 'a changed amount');
SELECT FROM settle('cat', 'purchase', NULL, 'c1');
SELECT is(standing('cup'), '1 blue/3 70.50, - green/1 0, - red/2 0', 'called off');
SELECT FROM settle('cat', 'purchase', '{"amount": 5}', 'c1');
SELECT is(standing('cup'), '1 blue/3 70.50, - green/1 0, - red/2 0', 'below the condition');
SELECT FROM settle('cat', 'purchase', '{"amount": 100}', 'c1');
SELECT FROM claw_back('cat', 'c1', 25);
SELECT is(standing('cup'), '1 red/2 75, 2 blue/3 70.50, - green/1 0', 'a claw-back takes its share of a sum');
SELECT FROM settle('cat', 'purchase', '{"amount": 200}', 'c1');
SELECT is(standing('cup'), '1 red/2 175, 2 blue/3 70.50, - green/1 0', 'and stays taken when the event changes');
SELECT FROM claw_back('cat', 'c1');
SELECT is(standing('cup'), '1 blue/3 70.50, - green/1 0, - red/2 0', 'all of it');
SELECT is(format('%s %s', members, team), '1 red', 'who has nothing that counts any more can leave') FROM leave_team('cat', 'cup');
SELECT FROM join_team('cat', 'cup', 'green', '2024-03-12');
SELECT FROM settle('cat', 'purchase', '{"amount": 300}', 'c1');
SELECT is(standing('cup'), '1 blue/3 70.50, - green/2 0, - red/1 0', 'what is dated before joining does not count for the new team');

-- a tie
SELECT FROM record('cat', 'purchase', '{"amount": 60}', 'c2', '2024-03-13');
SELECT FROM record('dan', 'purchase', '{"amount": 10.5}', 'd1', '2024-03-13');
SELECT is(standing('cup'), '1 blue/3 70.50, 1 green/2 70.5, - red/1 0', 'the same score, the same rank');
SELECT lawful('while it runs');

-- the end
SELECT refuses($$SELECT settle_contest('cup', '2024-03-31 23:59:59+08')$$, '55000', 'not over', 'not over');
SELECT refuses($$UPDATE loyalty.rule SET active = false WHERE event = 'contest_ended'; SELECT settle_contest('cup', '2024-04-02')$$,
	'55000', 'no rule says what it is worth', 'No rule');
SELECT refuses($$SELECT settle_contest('cap')$$, '22023', 'settling an unknown contest');
SELECT FROM set_status('dan', 'closed', 'gone');
SELECT FROM set_status('eve', 'earn_blocked', 'watched');
SELECT is(settle_contest('cup', '2024-04-02'), 5, 'each member of a team with a rank has an event');
SELECT is(settle_contest('cup'), 0, 'once');
SELECT is(standing('cup'), '1 blue/3 70.50, 1 green/2 70.5, - red/1 0', 'the final standings');
SELECT is(string_agg(settled::text, ','), 'true,true,true', 'which say so') FROM contest_standings('cup');
SELECT is(ended('bob'), 'event contest cup 166', 'the prize of a rank that two teams share');
SELECT is(ended('ann'), 'event contest cup 173', 'the best of the team has more');
SELECT is(ended('cat'), 'event contest cup 257', 'the other team');
SELECT is(ended('dan'), 'refused contest cup 0', 'a closed member does not stop the others');
SELECT is(ended('eve'), 'refused contest cup 0', 'nor one that may not earn');
SELECT is(ended('fay'), 'nothing', 'a team without a score has none');
SELECT is(attributes - 'score' - 'member_score', '{"contest": "cup", "team": "blue", "rank": 1, "tied": 2, "teams": 2, "members": 3, "member_rank": 1}', 'what rules see')
	FROM entries WHERE member = 'ann' AND event = 'contest_ended';
SELECT is(format('%s %s %s', shown(at), attributes ->> 'score', attributes ->> 'member_score'), '2024-04-02 70.50 40', 'dated when it was settled')
	FROM entries WHERE member = 'ann' AND event = 'contest_ended';
SELECT is(string_agg(format('%s %s %s %s %s', member, rank, member_rank, final_score, points), ', ' ORDER BY member), 'ann 1 1 40 173, bob 1 2 30.50 166, eve 1 3 0 0', 'who got what')
	FROM contest_players WHERE contest = 'cup' AND team = 'blue' AND NOT due;
SELECT is(line, 'Team blue of contest cup ended at rank 1 of 2 with a score of 70.50; the member made 40 of it.', 'explained') FROM (SELECT line FROM explain('ann', 'contest cup') line OFFSET 1 LIMIT 1) e;
SELECT is(line, '2 teams share that rank.', 'with the tie') FROM (SELECT line FROM explain('ann', 'contest cup') line OFFSET 2 LIMIT 1) e;
SELECT matches(string_agg(line, ' '), 'Team green .* ended at rank 1 of 2', 'also where the prize was refused') FROM explain('dan', 'contest cup') line;

-- after the end nothing moves any more
SELECT FROM settle('ann', 'purchase', NULL, 'a1');
SELECT FROM record('bob', 'purchase', '{"amount": 1000}', 'late', '2024-03-15');
SELECT is(standing('cup'), '1 blue/3 70.50, 1 green/2 70.5, - red/1 0', 'corrections and late events leave the result alone');
SELECT is(standing('cup', '2024-03-20'), '1 blue/3 1000, 2 green/2 70.5, - red/1 0', 'an earlier day is told as it is known now');
SELECT is(format('%s %s', score, rank), '40 1', 'a member sees the final score') FROM contests('ann') WHERE contest = 'cup';
SELECT is(settle_contest('cup'), 0, 'and no prize follows');
SELECT is(ended('ann'), 'event contest cup 173', 'what was given stays');
SELECT refuses($$SELECT FROM join_team('zoe', 'cup', 'red', '2024-03-01')$$, 'LY010', 'joining a settled contest', 'settled');
SELECT refuses($$SELECT member_id('zoe')$$, 'LY002', 'enrolls nobody');
SELECT refuses($$SELECT FROM leave_team('fay', 'cup')$$, 'LY010', 'leaving it', 'settled');
SELECT lawful('after the end');

-- maintain() settles what is over for long enough
UPDATE loyalty.rule SET active = false WHERE event = 'contest_ended';
SET client_min_messages = error;
CALL maintain(NULL, '2024-05-01');
RESET client_min_messages;
SELECT is(string_agg(settled::text, ','), 'false', 'not without a rule that says what it is worth') FROM contest_standings('steps');
UPDATE loyalty.rule SET active = true WHERE event = 'contest_ended';
CALL maintain(NULL, '2024-04-01 00:59:59+00');
SELECT is(string_agg(settled::text, ','), 'false', 'not within settle_after') FROM contest_standings('steps');
CALL maintain(1, '2024-04-01 01:00+00');
SELECT is(string_agg(due::text, ',' ORDER BY due), 'false,true', 'as many at once as it is told') FROM contest_players WHERE contest = 'steps';
CALL maintain();
CALL maintain();
SELECT is(format('%s / %s', ended('ann'), ended('bob')), 'event contest cup 173, event contest steps 7 / event contest cup 166, event contest steps 7', 'the rest follows, once');
SELECT is(shown(max(at)), '2024-04-01 01:00:00', 'dated when it was settled') FROM entries WHERE member = 'bob' AND ref = 'contest steps';

-- an order table; a program that keeps no attributes
INSERT INTO loyalty.program (name, validity, keep_attributes) VALUES ('bare', 'never', false);
SET loyalty.program = 'bare';
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '1'), ('won', 'contest_ended', '10');
INSERT INTO loyalty.contest (name, measure, starts_at, ends_at) VALUES ('cup', '$.amount', '2024-03-01', '2024-04-01');
CREATE TABLE orders (id text PRIMARY KEY, customer text, amount numeric, day timestamptz);
SELECT FROM attach('orders', 'customer', 'id', at => 'day', backfill => true);
SELECT FROM unnest('{kim,lee,max}'::text[]) m, enroll(m, at => '2024-01-01') e, join_team(m, 'cup', CASE m WHEN 'kim' THEN 'k' ELSE 'l' END, '2024-02-01');
INSERT INTO orders SELECT m || g, m, 2.5, '2024-03-05' FROM generate_series(1, 100) g, unnest('{kim,lee,max}'::text[]) m;
SELECT is(standing('cup'), '1 l/2 500.0, 2 k/1 250.0', 'many orders in one statement');
UPDATE orders SET amount = 10 WHERE customer = 'kim';
SELECT is(standing('cup'), '1 k/1 1000.0, 2 l/2 500.0', 'changed, although their points are the same');
DELETE FROM orders WHERE customer = 'kim' AND id <> 'kim1';
SELECT is(standing('cup'), '1 l/2 500.0, 2 k/1 10.0', 'deleted');
SELECT FROM claw_back('lee', 'lee1');
SELECT is(standing('cup'), '1 l/2 497.5, 2 k/1 10.0', 'clawed back');
SELECT is(replayed, false, 'a correction that changes the score alone is not one made before') FROM settle('kim', 'purchase', '{"amount": 20}', 'kim1');
SELECT is(replayed, true, 'until it is repeated') FROM settle('kim', 'purchase', '{"amount": 20}', 'kim1');
SELECT FROM settle('kim', 'purchase', '{"amount": 10.0}', 'kim1');
SELECT FROM set_status('max', 'earn_blocked', 'watched');
INSERT INTO orders VALUES ('max0', 'max', 1000, '2024-03-06');
SELECT is(standing('cup'), '1 l/2 497.5, 2 k/1 10.0', 'what is refused does not count');
SELECT is(settle_contest('cup'), 3, 'settled without attributes');
SELECT matches(string_agg(line, ' '), 'Team l of contest cup ended at rank 1 of 2 with a score of 497.5; the member made 247.5 of it', 'and explained')
	FROM explain('lee', 'contest cup') line;
SELECT lawful('without attributes');
RESET loyalty.program;

-- many events of one statement, in two contests
INSERT INTO loyalty.program (name, validity) VALUES ('two', 'never');
SET loyalty.program = 'two';
INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount');
INSERT INTO loyalty.contest (name, measure, starts_at, ends_at) VALUES
	('sums', '$.amount', '2024-03-01', '2124-04-01'), ('counts', NULL, '2024-03-01', '2124-04-01');
SELECT FROM unnest('{sums,counts}'::text[]) c, join_team('ann', c, 'x', '2024-02-01');
CREATE FUNCTION scores() RETURNS text LANGUAGE sql AS $$ SELECT format('%s, %s', public.standing('sums'), public.standing('counts')) $$;
SELECT is(sum(points), 465::numeric, 'thirty events') FROM generate_series(1, 30) n, record('ann', 'purchase', jsonb_build_object('amount', n), 'o' || n, '2024-03-02');
SELECT is(scores(), '1 x/1 465, 1 x/1 30', 'count in both');
SELECT is(sum(points), 10::numeric, 'corrected and called off in one statement') FROM generate_series(1, 30) n,
	settle('ann', 'purchase', CASE WHEN n > 10 THEN jsonb_build_object('amount', CASE n WHEN 30 THEN 95 ELSE n END) END, 'o' || n) WHERE n <= 10 OR n = 30;
SELECT is(scores(), '1 x/1 475, 1 x/1 20', 'by their differences');
BEGIN;
SELECT FROM settle('ann', 'purchase', '{"amount": 1}', 'o30');
SELECT FROM settle('ann', 'purchase', NULL, 'o30');
ROLLBACK;
SELECT is(scores(), '1 x/1 475, 1 x/1 20', 'what is rolled back counts nothing');
BEGIN;
SELECT FROM record('ann', 'purchase', '{"amount": 1}', 'o31') a, record('ann', 'purchase', '{"amount": 2}', 'o31b') b;
SELECT FROM settle('ann', 'purchase', '{"amount": 4}', 'o31');
SELECT FROM settle('ann', 'purchase', NULL, 'o31b');
COMMIT;
SELECT is(scores(), '1 x/1 479, 1 x/1 21', 'nor does what one transaction calls off again');
SELECT lawful('two contests');
RESET loyalty.program;

-- called off
INSERT INTO loyalty.contest (name, starts_at, ends_at) VALUES ('off', '2024-03-01', '2024-04-01');
SELECT FROM join_team('fay', 'off', 'x', '2024-03-07');
UPDATE loyalty.contest SET active = false WHERE name = 'off';
SELECT is(state, 'called off', 'called off') FROM contests() WHERE contest = 'off';
SELECT refuses($$SELECT FROM join_team('ann', 'off', 'x', '2024-03-30')$$, 'LY010', 'joining it', 'called off');
SELECT refuses($$SELECT settle_contest('off')$$, '55000', 'settling it', 'called off');
CALL maintain();
SELECT is(string_agg(settled::text, ','), 'false', 'nor does maintain()') FROM contest_standings('off');

-- what has counted is not falsified
INSERT INTO loyalty.contest (name, starts_at, ends_at) VALUES ('now', now() - interval '1 day', now() + interval '1 day'), ('next', now() + interval '1 day', now() + interval '2 days');
UPDATE loyalty.contest SET measure = '$.amount' WHERE name = 'now';
SELECT FROM join_team('ann', 'now', 'x');
SELECT FROM join_team('ann', 'next', 'x');
SELECT refuses(format('UPDATE loyalty.contest SET %s WHERE name = ''now''', change), '22023', 'has begun: ' || change, 'has begun')
	FROM unnest('{"event = ''walk''","condition = ''$.a > 1''","measure = NULL","starts_at = starts_at - interval ''1 day''"}'::text[]) change;
SELECT refuses($$UPDATE loyalty.contest SET starts_at = now() - interval '1 hour' WHERE name = 'next'$$, '22023', 'a start in the past', 'has begun');
SELECT refuses($$UPDATE loyalty.contest SET ends_at = now() WHERE name = 'now'$$, '22023', 'an end in the past', 'past');
SELECT refuses($$UPDATE loyalty.contest SET ends_at = now() + interval '1 day' WHERE name = 'cup'$$, '22023', 'an end that has passed', 'past');
SELECT lives_ok($$UPDATE loyalty.contest SET ends_at = ends_at + interval '1 day', max_members = 5, settle_after = '3 days' WHERE name = 'now'$$, 'the end of a running contest is moved');
SELECT lives_ok($$UPDATE loyalty.contest SET event = 'walk', condition = '$.a > 1', starts_at = starts_at + interval '1 hour' WHERE name = 'next'$$, 'all of one that has not begun');
SELECT is(points, 5, 'which counts nothing yet') FROM record('ann', 'purchase', '{"amount": 5}', 'n1');
SELECT is(standing('now'), '1 x/1 5', 'and the other does');
SELECT refuses($$DELETE FROM loyalty.contest WHERE name = 'now'$$, '23001', 'a contest with players is not deleted', 'active');
SELECT refuses($$UPDATE loyalty.contest SET name = 'x' WHERE name = 'cup'$$, '22023', 'a contest keeps its name');
SELECT refuses($$UPDATE loyalty.contest SET condition = '$tier == "gold"' WHERE name = 'next'$$, '42704', 'a contest sees attributes only');
SELECT refuses($$INSERT INTO loyalty.contest (name, starts_at, ends_at) VALUES ('x', '2024-02-01', '2024-02-01')$$, '23514', 'an empty window');
SELECT refuses($$INSERT INTO loyalty.contest (name, starts_at, ends_at) VALUES ('x', '2024-02-01', 'infinity')$$, '23514', 'no end');
SELECT refuses('SELECT * FROM ' || call, '22023', 'no reading at an infinite time: ' || call, 'at must be finite')
	FROM unnest(ARRAY[$$contests(at => 'infinity')$$, $$contests('ann', '-infinity')$$, $$contest_standings('cup', 'infinity')$$, $$contest_standings('now', '-infinity')$$]) call;
SELECT refuses(format('UPDATE loyalty.%I SET contest_id = 1', t), '55000', t || ' is written by the calls alone')
	FROM unnest('{contest_team,contest_player,contest_event,contest_settlement,contest_result,contest_prize}'::text[]) t;

-- resettled: the share that was clawed back is another one; prizes by a better rule
SELECT FROM claw_back('ann', 'n1', 2);
SELECT is(standing('now'), '1 x/1 3', 'three fifths are left');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE program = 'shop' AND name = 'base';
UPDATE loyalty.rule SET points = '8' WHERE name = 'mvp';
SELECT FROM resettle('purchase', now() - interval '1 hour', preview => false);
SELECT is(standing('now'), '1 x/1 4', 'of twice the points four');
SELECT is(string_agg(format('%s %s %s', member, ref, difference), ', ' ORDER BY member, ref), 'ann contest cup 1, ann contest steps 1, bob contest steps 1, cat contest cup 1', 'a prize by a better rule')
	FROM resettle('contest_ended', '2024-04-01', preview => false);

UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT is(standing('now'), '1 x/1 4', 'a renamed program keeps its contests');

SELECT is(points, -2, 'a return that names no order') FROM record('ann', 'purchase', '{"amount": -1}');
SELECT is(standing('now'), '1 x/1 3', 'counts against the team');

SELECT lawful('contests');

-- verify() finds what was changed by hand; the change is taken back
CREATE FUNCTION found(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	guarded text;
	found text;
BEGIN
	FOREACH guarded IN ARRAY '{contest_team,contest_player,contest_event,contest_result,contest_prize}'::text[] LOOP
		EXECUTE format('ALTER TABLE loyalty.%I DISABLE TRIGGER guard', guarded);
	END LOOP;
	EXECUTE change;
	SELECT coalesce(string_agg(DISTINCT concat_ws(': ', v.member_ref, v.problem), '; '), 'nothing') INTO found FROM loyalty.verify(NULL, 'store') v;
	RAISE EXCEPTION USING MESSAGE = found, ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END
$$;
SELECT is(found(replace(change, ':ann', member_id('ann')::text)), problem, change) FROM (VALUES
	('UPDATE loyalty.contest_player SET score = score + 1 WHERE member_id = :ann AND contest_id = contest_id(''now'')', 'ann: score in a contest is not what the events count'),
	('UPDATE loyalty.contest_event SET measured = measured + 1 WHERE member_id = :ann AND contest_id = contest_id(''now'')', 'ann: event counts other than its claw-backs leave in a contest'),
	('UPDATE loyalty.contest_event SET at = at - interval ''1 second'' WHERE member_id = :ann AND contest_id = contest_id(''now'')', 'ann: event that counts in a contest is not on record as such'),
	('UPDATE loyalty.contest_player SET joined_at = now() WHERE member_id = :ann AND contest_id = contest_id(''now'')', 'ann: event that counts in a contest is not on record as such'),
	('UPDATE loyalty.contest_prize SET due = true WHERE member_id = :ann AND contest_id = contest_id(''cup'')', 'ann: prize of a contest is not what the entries say'),
	('UPDATE loyalty.contest_prize SET score = score + 1 WHERE member_id = :ann AND contest_id = contest_id(''cup'')', 'result of a team is not that of its members'),
	('UPDATE loyalty.contest_team SET members = members + 1 WHERE contest_id = contest_id(''now'')', 'members of a team are not those who joined it'),
	('DELETE FROM loyalty.contest_player WHERE member_id = :ann AND contest_id = contest_id(''next'')', 'members of a team are not those who joined it')) v (change, problem);
SELECT * FROM finish();
