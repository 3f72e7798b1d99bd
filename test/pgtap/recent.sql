-- Rows that travel in the member's own: what is where, what the views show, and bytes that are no rows.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'UTC');
INSERT INTO loyalty.streak (event, period, cycle, once) VALUES ('buy', 'day', 'month', false);
INSERT INTO loyalty.rule (name, event, points, limits) VALUES
	('base', 'buy', '10', '[{"per": "day", "points": 25}, {"per": "ever", "times": 100}]'),
	('by sku', 'buy', '1', '[{"per": "ever", "times": 2, "key": "$.sku"}]');
INSERT INTO loyalty.rule (name, event, points, condition) VALUES ('later', 'buy', '5', '$count >= 3 && $streak.run >= 2');
INSERT INTO loyalty.rule (name, event, points, measure, period, carry) VALUES ('third', 'buy', '1 / 3', '1.25', 'month', true);

-- as the views show it, wherever it is
CREATE FUNCTION used(member text, rule text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s%s %s/%s', u.per, u.since, u.key, u.points, u.times), ', ' ORDER BY u.per, u.since, u.key)
		FROM loyalty.limit_usage u JOIN loyalty.rule r USING (rule_id)
		WHERE r.name = rule AND u.member_id = loyalty.member_id(member) AND (u.points, u.times) <> (0, 0)
$$;
CREATE FUNCTION resting(member text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s %s', (SELECT count(*) FROM loyalty.limit_usage_overflow WHERE member_id = m),
		(SELECT count(*) FROM loyalty.event_usage_overflow WHERE member_id = m),
		(SELECT count(*) FROM loyalty.streak_calendar_overflow WHERE member_id = m))
		FROM loyalty.member_id(member) m
$$;

SELECT FROM record('ann', 'buy', '{"sku": "a"}', 'o1', '2024-05-01 10:00');
SELECT is((member_row('ann')).recent <> '', true, 'the rows travel');
SELECT is(resting('ann'), '0 0 0', 'none rests');
SELECT is(used('ann', 'base'), 'd 2024-05-01 10/1, e -infinity 10/1', 'and the view shows them');
SELECT is(points, 11::bigint, 'a second one') FROM record('ann', 'buy', '{"sku": "a"}', 'o2', '2024-05-01 11:00');
SELECT is(points, 6::bigint, 'the third of the key and all that the day leaves, and a third of a point three times') FROM record('ann', 'buy', '{"sku": "a"}', 'o3', '2024-05-01 12:00');
SELECT is(used('ann', 'base'), 'd 2024-05-01 25/3, e -infinity 25/3', 'the day is used up');
SELECT is(used('ann', 'by sku'), 'e -infinitya 2/2', 'and the key');
SELECT is(format('%s %s', seen, measured), '3 3.75', 'what $period_sum adds up') FROM loyalty.limit_usage JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'third' AND per = 'm';
SELECT is(count, 3, 'the history travels too') FROM loyalty.event_usage WHERE member_id = member_id('ann');
SELECT is(to_hex(done), '80000000000000', 'and the calendar') FROM loyalty.streak_calendar WHERE member_id = member_id('ann');

-- what is called off is given back in its row
SELECT FROM settle('ann', 'buy', NULL, 'o3');
SELECT is(used('ann', 'base'), 'd 2024-05-01 20/2, e -infinity 20/2', 'its use is given back');

-- more keys than have room: the oldest rest, and count on
SELECT count(*) FROM generate_series(1, 60) n, LATERAL record('ann', 'buy', jsonb_build_object('sku', 'key number ' || n), 'k' || n, '2024-05-02 10:00') \gset ignored_
SELECT cmp_ok(octet_length((member_row('ann')).recent), '<=', 512, 'the member''s row does not grow beyond its share');
SELECT cmp_ok(split_part(resting('ann'), ' ', 1)::integer, '>=', 30, 'others rest');
SELECT is(count(*), 61, 'each key once') FROM loyalty.limit_usage JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'by sku' AND member_id = member_id('ann');
SELECT is(sum(times)::bigint, 62, 'with what it used') FROM loyalty.limit_usage JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'by sku' AND member_id = member_id('ann');
SELECT FROM record('ann', 'buy', '{"sku": "key number 1"}', 'l1', '2024-05-03 10:00');
SELECT FROM record('ann', 'buy', '{"sku": "key number 1"}', 'l2', '2024-05-03 10:00');
SELECT is(times, 2, 'a key that rests is limited all the same') FROM loyalty.limit_usage JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'by sku' AND key = 'key number 1';
SELECT FROM record('ann', 'buy', '{"sku": "late"}', 'l3', '2024-05-01 23:00');
SELECT FROM record('ann', 'buy', '{"sku": "late"}', 'l4', '2024-05-01 23:30');
SELECT is(u.points, 25, 'so is a day that is over') FROM loyalty.limit_usage u JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'base' AND per = 'd' AND since = '2024-05-01';
SELECT is_empty('SELECT * FROM verify()', 'sound');

-- a calendar of which some blocks travel and some rest
SELECT count(*) FROM generate_series(0, 299) n, LATERAL record('bob', 'buy', '{"sku": "b"}', 'd' || n, '2024-01-01 10:00'::timestamptz + n * interval '1 day') \gset ignored_
SELECT is(format('%s %s', run, best), '300 300', 'a run over all of them') FROM streak('bob', 'buy', at => '2024-10-26 12:00');
SELECT is((SELECT count(*) FROM loyalty.streak_calendar_overflow WHERE member_id = member_id('bob')) > 0
	AND (SELECT count(*) FROM member_row('bob'), loyalty.recent_streak_calendar(recent)) > 0, true, 'in both places');
SELECT is(count(*), count(DISTINCT block), 'each once') FROM loyalty.streak_calendar WHERE member_id = member_id('bob');

-- all of them at rest, and events go on
SELECT public.recent_rests();
SELECT is((member_row('bob')).recent, '\x0107'::bytea, 'nothing travels');
SELECT is(format('%s %s', run, best), '300 300', 'the run is the same') FROM streak('bob', 'buy', at => '2024-10-26 12:00');
SELECT FROM record('bob', 'buy', '{"sku": "b"}', 'e1', '2024-10-27 10:00');
SELECT FROM record('bob', 'buy', '{"sku": "new"}', 'e2', '2024-10-27 10:00');
SELECT is(format('%s', run), '301', 'and goes on') FROM streak('bob', 'buy', at => '2024-10-27 12:00');
SELECT is(times, 2, 'a key stays used up') FROM loyalty.limit_usage JOIN loyalty.rule USING (rule_id)
	WHERE rule.name = 'by sku' AND key = 'b' AND member_id = member_id('bob');
SELECT is((SELECT count(*) FROM member_row('bob'), loyalty.recent_limit_usage(recent)) > 0, true, 'a new key travels again');
SELECT is_empty('SELECT * FROM verify()', 'sound again');
SELECT refuses($$UPDATE loyalty.limit_usage_overflow SET points = 0$$, '55000', 'they are written by the functions only');
SELECT refuses($$UPDATE loyalty.limit_usage SET points = 0$$, '55000', 'the view is not written at all');

-- bytes that are no rows: refused or read, never more
SELECT is_empty($$SELECT recent_limit_usage('')$$, 'no bytes, no rows');
SELECT is_empty($$SELECT recent_event_usage('\x0107')$$, 'only that rows rest');
SELECT throws_ok($$SELECT recent_limit_usage('\x02')$$, 'XX001', NULL, 'another version');
SELECT throws_ok($$SELECT recent_limit_usage('\x010003')$$, 'XX001', NULL, 'a table whose rows do not travel');
SELECT throws_ok($$SELECT recent_limit_usage('\x0100ff')$$, 'XX001', NULL, 'no table');
SELECT throws_ok($$SELECT recent_limit_usage('\x010000')$$, 'XX001', NULL, 'a row that ends');
SELECT throws_ok($$SELECT recent_event_usage('\x010001ffffffffff7f000000')$$, 'XX001', NULL, 'an integer that is none');
SELECT throws_ok($$SELECT recent_limit_usage('\x010000020264007f'::bytea)$$, 'XX001', NULL, 'a length beyond the end');
SELECT throws_ok($$SELECT recent_limit_usage('\x01000002026401ff0000000000000000')$$, '22021', NULL, 'a key that is no text');
SELECT throws_ok($$SELECT recent_limit_usage('\x01000002026400000000017800')$$, '22P02', NULL, 'a number that is none');

SELECT FROM record('cat', 'buy', '{"sku": "ä"}', 'o1', '2024-05-01 10:00');
CREATE FUNCTION hostile(seed double precision) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sound bytea := (SELECT recent FROM loyalty.member WHERE ref = 'cat');
	bytes bytea;
	readable integer := 0;
	refused integer := 0;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1 .. 3000 LOOP
		bytes := substr(sound, 1, 1 + (random() * octet_length(sound))::integer);
		FOR j IN 0 .. (random() * 4)::integer LOOP
			bytes := set_byte(bytes, (random() * (octet_length(bytes) - 1))::integer, (random() * 255)::integer);
		END LOOP;
		BEGIN
			PERFORM count(*) FROM loyalty.recent_limit_usage(bytes) u WHERE u::text = '';
			PERFORM count(*) FROM loyalty.recent_event_usage(bytes);
			PERFORM count(*) FROM loyalty.recent_streak_calendar(bytes) u WHERE u::text = '';
			readable := readable + 1;
		EXCEPTION WHEN data_corrupted OR invalid_text_representation OR character_not_in_repertoire
			OR numeric_value_out_of_range OR datetime_field_overflow THEN
			refused := refused + 1;
		END;
	END LOOP;
	RETURN CASE WHEN readable > 10 AND refused > 50 THEN 'both' ELSE format('%s readable, %s refused', readable, refused) END;
END
$$;
SELECT random() AS seed \gset
SELECT is(hostile(:seed), 'both', 'bytes changed at random, seed ' || :'seed');
SELECT lawful('recent');
SELECT * FROM finish();
