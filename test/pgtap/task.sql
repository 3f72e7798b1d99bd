-- Tasks: counted and summed, once or by the period, corrected with their events; badges at the end of them.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'Asia/Shanghai');
INSERT INTO loyalty.badge (name, title) VALUES ('critic', 'Critic'), ('patron', 'Patron');
INSERT INTO loyalty.task (name, event, condition, measure, target, repeat, requires, badge, starts_at, ends_at) VALUES
	('three reviews', 'review', '$.stars > 0', NULL, 3, 'once', NULL, 'critic', NULL, NULL),
	('spend 100', 'purchase', NULL, '$.items[*].price', 100, 'month', NULL, NULL, NULL, NULL),
	('big spender', 'purchase', '$.amount >= 50', '$.amount', 200, 'once', 'critic', 'patron', '2024-01-01', '2025-01-01');
INSERT INTO loyalty.rule (name, event, condition, points) VALUES
	('base', 'purchase', NULL, '1'),
	('done', 'task_completed', '$.task == "three reviews"', '30'),
	('monthly', 'task_completed', '$.task == "spend 100"', '10'),
	('perk', 'check_in', '$member.badges[*] == "critic"', '7');

CREATE FUNCTION at_task(member text, task text, at timestamptz DEFAULT '2024-03-10') RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s%s%s', progress, target, CASE WHEN done THEN ' done' END, CASE WHEN NOT open THEN ' closed' END)
		FROM loyalty.tasks($1, $3) t WHERE t.task = $2
$$;
CREATE FUNCTION badges_of(member text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(badge, ',' ORDER BY entry_id), 'none') FROM loyalty.badges WHERE member = $1
$$;

-- counted
SELECT FROM record('ann', 'review', '{"stars": 5}', 'r1', '2024-03-01');
SELECT FROM record('ann', 'review', '{"stars": 0}', 'r0', '2024-03-01');
SELECT FROM record('ann', 'review', '{"stars": 4}', NULL, '2024-03-02');
SELECT is(at_task('ann', 'three reviews'), '2/3', 'events that meet the condition count');
SELECT FROM record('ann', 'review', '{"stars": 5}', 'r1');
SELECT is(at_task('ann', 'three reviews'), '2/3', 'a repeat does not');
SELECT is(points, 0, 'before the badge') FROM record('ann', 'check_in', '{}', 'c1', '2024-03-02');
SELECT is(points, 0, 'the receipt is the event''s own') FROM record('ann', 'review', '{"stars": 3}', 'r3', '2024-03-03');
SELECT is(at_task('ann', 'three reviews'), '3/3 done', 'the task is done');
SELECT is(stands('ann'), 'wallet 30, held 0, debt 0', 'rules say what it is worth');
SELECT is(format('%s %s %s', event, ref, attributes), 'task_completed task three reviews {"task": "three reviews"}', 'an event of its own')
	FROM entries WHERE member = 'ann' AND points = 30;
SELECT is(badges_of('ann'), 'critic', 'and a badge');
SELECT is(points, 7, 'which conditions see') FROM record('ann', 'check_in', '{}', 'c2', '2024-03-04');
SELECT FROM record('ann', 'review', '{"stars": 3}', 'r4', '2024-03-04');
SELECT is(stands('ann'), 'wallet 37, held 0, debt 0', 'once');

-- corrected: reviews grant nothing themselves, and yet count no longer
SELECT FROM settle('ann', 'review', NULL, 'r4');
SELECT is(at_task('ann', 'three reviews'), '3/3 done', 'called off: still enough');
SELECT FROM settle('ann', 'review', '{"stars": 0}', 'r3');
SELECT is(format('%s %s %s', at_task('ann', 'three reviews'), badges_of('ann'), stands('ann')), '2/3 none wallet 7, held 0, debt 0',
	'changed: points and badge go back');
SELECT is(points, 0, 'and conditions no longer see it') FROM record('ann', 'check_in', '{}', 'c3', '2024-03-05');
SELECT FROM settle('ann', 'review', '{"stars": 1}', 'r3');
SELECT is(format('%s %s %s', at_task('ann', 'three reviews'), badges_of('ann'), stands('ann')), '3/3 done critic wallet 37, held 0, debt 0',
	'and come again');

-- summed, by the local month
SELECT FROM record('bob', 'purchase', '{"items": [{"price": 60}, {"price": 30.5}], "amount": 90.5}', 'p1', '2024-03-31 15:59');
SELECT is(at_task('bob', 'spend 100'), '90.5/100', 'a sum over the event');
SELECT FROM record('bob', 'purchase', '{"items": [{"price": 60}], "amount": 60}', 'p2', '2024-03-31 16:00');
SELECT is(format('%s, %s', at_task('bob', 'spend 100'), at_task('bob', 'spend 100', '2024-04-10')), '90.5/100, 60/100', 'local midnight begins the next');
SELECT FROM record('bob', 'purchase', '{"items": [{"price": 40}], "amount": 40}', 'p3', '2024-04-02');
SELECT FROM settle('bob', 'purchase', '{"items": [{"price": 160}], "amount": 160}', 'p1');
SELECT is(format('%s, %s', at_task('bob', 'spend 100'), at_task('bob', 'spend 100', '2024-04-10')), '160.0/100 done, 100/100 done', 'a correction counts in the month of its event');
SELECT is(stands('bob'), 'wallet 23, held 0, debt 0', 'anew each month');
SELECT FROM settle('bob', 'purchase', NULL, 'p2');
SELECT is(stands('bob'), 'wallet 12, held 0, debt 0', 'each taken back on its own');

-- prerequisite and window
SELECT is(at_task('bob', 'big spender'), '0/200 closed', 'without the badge it asks for nothing counts');
SELECT FROM record('ann', 'purchase', '{"amount": 150}', 'a1', '2023-12-31');
SELECT is(at_task('ann', 'big spender'), '0/200', 'nor before its start');
SELECT FROM record('ann', 'purchase', '{"amount": 150}', 'a2', '2024-05-01');
SELECT FROM record('ann', 'purchase', '{"amount": 49}', 'a3', '2024-05-01');
SELECT FROM record('ann', 'purchase', '{"amount": 50}', 'a4', '2024-05-01');
SELECT is(format('%s %s', at_task('ann', 'big spender'), badges_of('ann')), '200/200 done critic,patron', 'then it does');
SELECT is(at_task('ann', 'big spender', '2026-01-01'), '200/200 done closed', 'after its end nothing more counts');

-- an order table, one statement
CREATE TABLE reviews (id text PRIMARY KEY, author text, stars integer, day timestamptz);
SELECT FROM attach('reviews', 'author', 'id', 'review', at => 'day', backfill => true);
INSERT INTO reviews SELECT 'x' || g, 'cat', 5, '2024-06-01' FROM generate_series(1, 100) g;
SELECT is(format('%s %s %s', at_task('cat', 'three reviews'), badges_of('cat'), stands('cat')), '100/3 done critic wallet 30, held 0, debt 0', 'many rows at once');
DELETE FROM reviews WHERE id <> 'x1';
SELECT is(format('%s %s %s', at_task('cat', 'three reviews'), badges_of('cat'), stands('cat')), '1/3 none wallet 0, held 0, debt 0', 'deleted at once');
SELECT FROM set_status('cat', 'earn_blocked', 'watched');
INSERT INTO reviews SELECT 'y' || g, 'cat', 5, '2024-06-01' FROM generate_series(1, 2) g;
SELECT is(format('%s %s', at_task('cat', 'three reviews'), badges_of('cat')), '2/3 none', 'what is refused does not count');

-- receipts of corrections that give no points of their own, and yet change what the event counts for
CREATE FUNCTION visit(amount integer) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s %s%s', points, growth, balance, CASE WHEN replayed THEN ' replayed' WHEN entry_id IS NULL THEN ' no entry' END)
		FROM settle('eve', 'visit', jsonb_build_object('spent', amount), 'w1')
$$;
INSERT INTO loyalty.task (name, event, measure, target) VALUES ('spend here', 'visit', '$.spent', 100);
INSERT INTO loyalty.rule (name, event, condition, points) VALUES ('visit', 'visit', NULL, '0'), ('spent', 'task_completed', '$.task == "spend here"', '10');
SELECT is(visit(60), '0 0 0', 'a first grant of 0 points has an entry');
SELECT is(visit(60), '0 0 0 replayed', 'repeated');
SELECT is(visit(160), '0 0 10 no entry', 'a correction that completes a task: what it leaves');
SELECT is(visit(160), '0 0 10 replayed', 'repeated it says the same');
SELECT is(visit(70), '0 0 0 no entry', 'one that undoes it');
SELECT is(visit(80), '0 0 0 no entry', 'one that only changes the progress');
SELECT is(visit(80), '0 0 0 replayed', 'which is done once');
SELECT FROM earn('eve', 5, 'e1');
SELECT is(visit(80), '0 0 5 replayed', 'with the balance of now, since it has no entry');

-- configuration
SELECT refuses($$SELECT * FROM tasks('nobody')$$, 'LY002', 'tasks of an unknown member');
SELECT refuses($$SELECT * FROM tasks('ann', 'infinity')$$, '22023', 'tasks of a time without end', 'at must be finite');
SELECT refuses($$SELECT * FROM tasks('ann', '-infinity')$$, '22023', 'and without a beginning', 'at must be finite');
SELECT refuses($$UPDATE loyalty.task SET condition = '$tier == "gold"'$$, '42704', 'a task sees attributes only');
SELECT refuses($$INSERT INTO loyalty.task (name, event, badge) VALUES ('x', 'y', 'none')$$, '22023', 'an unknown badge');
SELECT refuses($$UPDATE loyalty.task SET name = 'x' WHERE name = 'spend 100'$$, '22023', 'a task keeps its name');
SELECT refuses($$UPDATE loyalty.badge SET name = 'x' WHERE name = 'critic'$$, '22023', 'a badge keeps its name');
SELECT refuses($$DELETE FROM loyalty.badge WHERE name = 'critic'$$, '23001', 'a badge in use is not deleted');
SELECT refuses($$INSERT INTO loyalty.task (name, event, badge, repeat) VALUES ('x', 'y', 'critic', 'day')$$, '23514', 'a badge is awarded once');
SELECT refuses($$INSERT INTO loyalty.task (name, event, target) VALUES ('x', 'y', 0)$$, '23514', 'a target of nothing');
SELECT refuses($$DELETE FROM loyalty.member_badge$$, '55000', 'badges come from tasks alone');
SELECT refuses($$UPDATE loyalty.task_progress SET amount = 3$$, '55000', 'progress comes from events alone');
INSERT INTO loyalty.badge (name) VALUES ('walker');
INSERT INTO loyalty.rule (name, event, points) VALUES ('walk', 'walk', '1');
INSERT INTO loyalty.task (name, event, condition, badge) VALUES ('walk', 'walk', '$.km > 0', 'walker');
SELECT FROM settle('wim', 'walk', '{"km": 5}', 'w1');
SELECT is(badges_of('wim'), 'walker', 'a task whose completion gives no points');
SELECT FROM settle('wim', 'walk', '{"km": 0}', 'w1');
SELECT is(badges_of('wim'), 'none', 'undone');
SELECT lawful('undone without points');
SELECT FROM settle('wim', 'walk', '{"km": 5}', 'w1');
SELECT is(badges_of('wim'), 'walker', 'done again');
SELECT lawful('done again without points');

-- a task over completions counts those of the others
INSERT INTO loyalty.task (name, event, condition, target) VALUES
	('a', 's', '$.of == "a"', 1), ('b', 's', '$.of == "b"', 1), ('c', 's', '$.of == "c"', 1), ('any three', 'task_completed', NULL, 3);
INSERT INTO loyalty.rule (name, event, condition, points) VALUES ('three of them', 'task_completed', '$.task == "any three"', '500');
SELECT FROM unnest('{a,b,c}'::text[]) s, settle('uma', 's', jsonb_build_object('of', s), 's' || s);
SELECT is(format('%s %s', at_task('uma', 'any three'), stands('uma')), '3/3 done wallet 500, held 0, debt 0', 'done with the third of them');
SELECT FROM settle('uma', 's', NULL, 'sc');
SELECT is(format('%s %s', at_task('uma', 'any three'), stands('uma')), '2/3 wallet 0, held 0, debt 0', 'its own completion does not hold it up');
SELECT FROM settle('uma', 's', '{"of": "c"}', 'sc');
SELECT is(format('%s %s', at_task('uma', 'any three'), stands('uma')), '3/3 done wallet 500, held 0, debt 0', 'and done again');
SELECT lawful('a task over completions');

UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT is(at_task('ann', 'three reviews'), '3/3 done', 'a renamed program keeps its tasks');

SELECT lawful('tasks');
SELECT * FROM finish();
