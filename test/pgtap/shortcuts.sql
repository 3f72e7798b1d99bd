-- What rules find by a shorter way is what the longer one finds: comparisons without jsonpath, sums without numerics.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity, time_zone) VALUES ('shop', 'never', 'UTC');

-- Paths of plain shapes are taken apart; said in another way they are not.
CREATE TABLE public.path (n serial PRIMARY KEY, plain text NOT NULL, general text NOT NULL, role text NOT NULL);
CREATE TABLE public.operand (value text);
INSERT INTO public.operand SELECT unnest(ARRAY['$.a', '$.a.b', '$.a.b.c', '$.a.a', '$.b', '$', '$member.a', '$member.a.b', '$at.hour', '$at.date', '$tier', '$tier.rank', '$count', '$idle_days', '$event.a']);
INSERT INTO public.path (plain, general, role)
	SELECT condition, '!(!(' || condition || '))', 'condition' FROM (
		SELECT format('%s %s %s', value, operator, literal) FROM public.operand, unnest('{==,!=,<>,<,<=,>,>=}'::text[]) operator,
			unnest(ARRAY['1', '1.0', '-1', '0', '12', '"1"', '"a"', '""', '"2024-05-01"', 'true', 'false', 'null', '$.b', '(1 + 0)']) literal
		UNION ALL VALUES ('$.a == 1 && $.b == "a"'), ('$.a == 1 && $.b != "a" && $at.hour >= 10'), ('$.a == 1 || $.b == "a"'),
			('$.a > 0 && ($.b == 1 || $.b == true)'), ('$.a >= 0 && exists($.b)'), ('($.a == 1) is unknown'), ('$.a[*] == 1'), ('$.a.size() == 1'),
			('$."a" == 1'), ('$.a == 1 && $.b == null')) c (condition)
	UNION ALL SELECT format('%s %s %s', value, operator, literal), format('-(-(%s %s %s))', value, operator, literal), 'points'
		FROM public.operand, unnest('{+,-,*,/,%}'::text[]) operator, unnest('{10,0.5,0,3}'::text[]) literal
	UNION ALL SELECT value, value || '.**{0}', 'points' FROM public.operand
	UNION ALL SELECT format('%s[*]%s', value, filter), format('%s[0 to last]%s', value, filter), role
		FROM public.operand, unnest(ARRAY['', ' ? (@.b == 1)', ' ? (@.b.c == 1)', ' ? (@ == 1)', ' ? (@ != "a")', ' ? (@.b == 1 && @.c == "x")', ' ? (@.b >= $.b)', ' ? ($.b == 1)',
			' ? ($member.a.b == 1)', ' ? (@.b == 1 || @.c == "x")']) filter, unnest('{condition,points,each}'::text[]) role
	UNION ALL SELECT 'strict ' || path, 'strict ' || other, role
		FROM (VALUES ('$.a == 1', '!(!($.a == 1))', 'condition'), ('$.a.b == 1 && $.b == 1', '!(!($.a.b == 1 && $.b == 1))', 'condition'), ('$.a', '$.a.**{0}', 'points'),
			('$.a / 2', '-(-($.a / 2))', 'points'), ('$.a[*]', '$.a[0 to last]', 'each'), ('$.a[*] ? (@.b == 1)', '$.a[0 to last] ? (@.b == 1)', 'each')) v (path, other, role);
INSERT INTO loyalty.rule (name, event, each, points, condition)
	SELECT way || ' ' || n, 'compare', CASE role WHEN 'each' THEN path ELSE '$' END::jsonpath, CASE role WHEN 'points' THEN path ELSE '1' END::jsonpath,
		CASE role WHEN 'condition' THEN path END::jsonpath
		FROM public.path, LATERAL (VALUES ('plain', plain), ('general', general)) v (way, path);

CREATE FUNCTION differences(attributes jsonb) RETURNS text LANGUAGE sql AS $$
	WITH applied AS (SELECT split_part(r ->> 'rule', ' ', 1) AS way, split_part(r ->> 'rule', ' ', 2)::integer AS n, format('%s %s %s', coalesce(r ->> 'wished', r ->> 'points'), r ->> 'note', r ->> 'matches') AS result
		FROM loyalty.preview('ann', 'compare', attributes, '2024-05-01 12:30'), jsonb_array_elements(breakdown -> 'rules') r)
	SELECT string_agg(format('%s: %s', plain, ways), '; ') FROM (
		SELECT n, string_agg(format('%s %s', way, result), ' and ' ORDER BY way) AS ways FROM applied
			GROUP BY n HAVING count(*) <> 2 OR min(result) <> max(result)) odd JOIN public.path USING (n)
$$;
SELECT FROM enroll('ann', '{"a": {"b": 1}}', '2024-01-01');
SELECT is(differences(attributes), NULL, attributes::text) FROM (
	SELECT jsonb_build_object('a', a::jsonb, 'b', b::jsonb) AS attributes FROM
		unnest(ARRAY['1', '1.00', '0', '"1"', '"a"', '""', 'true', 'false', 'null', '[]', '[1]', '["a", 1]', '{}', '{"b": 1}', '{"b": "a"}', '{"b": null}', '{"b": [1]}',
			'{"b": {"c": 1}}', '{"b": {"c": [1, 2]}}', '[{"b": 1}]', '{"a": true}', '[{"b": 1, "c": "x"}, {"b": 2}, 3, [{"b": 1}]]', '[{"b": 1, "c": "x"}, {"b": {"c": 1}}, 1, "a"]',
			'[[1, 2], [3]]', '123456789.0123456789']) a,
		unnest(ARRAY['1', '"a"', 'true', 'null', '[1]', '{"a": 1}']) b
	UNION ALL VALUES ('{}'::jsonb), ('{"a": 12}')) d;
SELECT cmp_ok(jsonb_array_length(breakdown -> 'rules'), '>', 200, 'and rules did apply') FROM preview('ann', 'compare', '{"a": 1, "b": "a"}', '2024-05-01 12:30');

-- Parts of few digits are shared out as whole numbers; beside two tiny ones, which cancel out, they are numerics.
UPDATE loyalty.rule SET active = false;
INSERT INTO loyalty.rule (name, event, points, growth)
	SELECT 'part ' || n, 'few', format('$.parts[%s]', n)::jsonpath, jsonpath '0' FROM generate_series(0, 5) n
	UNION ALL SELECT 'of many ' || n, 'many', format('$.parts[%s]', n)::jsonpath, jsonpath '0' FROM generate_series(0, 5) n
	UNION ALL VALUES ('tiny', 'many', jsonpath '0.0000000000000000000000001', jsonpath '0'), ('less', 'many', '-0.0000000000000000000000001', '0');
CREATE FUNCTION shared(event text, parts jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s: %s', p.points, (SELECT string_agg(r ->> 'points', ' ' ORDER BY ord) FROM jsonb_array_elements(p.breakdown -> 'rules') WITH ORDINALITY AS e (r, ord)
		WHERE r ->> 'rule' NOT IN ('tiny', 'less')))
		FROM loyalty.preview('ann', event, jsonb_build_object('parts', parts), '2024-05-01 12:30') p
$$;
CREATE FUNCTION shares_differ(seed double precision) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	parts jsonb;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1 .. 400 LOOP
		UPDATE loyalty.program SET rounding = (ARRAY['down', 'nearest', 'up'])[1 + i / 100 % 3] WHERE i % 100 = 1;
		SELECT jsonb_agg(round(((random() - 0.2) * 10 ^ (random() * 4))::numeric, (random() * 4)::integer)) INTO parts FROM generate_series(0, 5);
		IF shared('few', parts) <> shared('many', parts) THEN
			RETURN format('%s few %s many %s', parts, shared('few', parts), shared('many', parts));
		END IF;
	END LOOP;
	RETURN 'same';
END
$$;
SELECT random() AS seed \gset
SELECT is(shares_differ(:seed), 'same', 'shares of few digits, seed ' || :'seed');
SELECT is(shared('few', parts::jsonb), shared('many', parts::jsonb), description) FROM (VALUES
	('[0.5, 0.5, 0.5, 0.25, 0.25, 1]', 'equal remainders in the order of rules'),
	('[900000000000000, -899999999999999, 0.5, 0.5, 0, 0]', 'fifteen digits'),
	('[9000000000000000000, -8999999999999999999, 0.5, 0.5, 0, 0]', 'more than fifteen'),
	('[0.000000001, 0.000000001, 999999999999, 0.3, 0.3, 0.4]', 'a unit of a billionth'),
	('[0.0000000001, 1, 2, 3, 4, 5]', 'and less'),
	('[-0.5, -0.5, -0.5, 0.1, 0.1, 0.1]', 'below zero'),
	('[0, 0, 0, 0, 0, 0]', 'nothing'),
	('[10.10, 20.200, 30.0000000000000000000, 0.0, 0, 1e2]', 'zeros to spare')) v (parts, description);
SELECT is(shared('few', '[0.5, 0.5, 0.5, 0.25, 0.25, 1]'), '3: 1 1 0 0 0 1', 'as one would by hand');
SELECT lawful('shortcuts');
SELECT * FROM finish();
