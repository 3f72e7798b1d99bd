-- Proposed tiers are rows to insert, also where many have the same growth.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name) VALUES ('same'), ('some'), ('none');
INSERT INTO loyalty.rule (program, name, event, points) VALUES
	('same', 'visit', 'visit', '10'), ('some', 'visit', 'visit', '$.growth'), ('none', 'visit', 'visit', '1');
SELECT FROM generate_series(1, 20) AS n, record('v' || n, 'visit', program => 'same');

SELECT results_eq($$SELECT name, rank, threshold, wanted_share, members, share, ties, median_orders FROM calibrate_tiers(program => 'same')$$,
	$$VALUES ('tier 1', 1, 0::bigint, 0.50, 20::bigint, 1.0000, 0::bigint, 1::bigint), ('tier 2', 2, 10, 0.50, 20, 1.0000, 20, 1)$$,
	'all have the same growth: the cuts above the lowest are one tier, which everybody reaches');
INSERT INTO loyalty.tier (program, name, rank, threshold) SELECT program_name, name, rank, threshold FROM calibrate_tiers(program => 'same');
SELECT is(count(*), 2::bigint, 'its rows are tiers') FROM loyalty.tier WHERE program = 'same';

-- 1 1 1 1 1 1 1 5 5 9: cuts at 0, 1 (the half), 5 (0.8), 9 (0.95)
SELECT FROM unnest('{1,1,1,1,1,1,1,5,5,9}'::int[]) WITH ORDINALITY AS v (growth, n), record('w' || n, 'visit', jsonb_build_object('growth', growth), program => 'some');
SELECT results_eq($$SELECT rank, threshold, wanted_share, members, share, ties FROM calibrate_tiers(program => 'some')$$,
	$$VALUES (1, 0::bigint, 0.50, 10::bigint, 1.0000, 0::bigint), (2, 1, 0.30, 10, 1.0000, 7), (3, 5, 0.15, 3, 0.3000, 2), (4, 9, 0.05, 1, 0.1000, 1)$$,
	'cuts that differ are tiers of their own');
SELECT results_eq($$SELECT rank, threshold, wanted_share, members, share, ties FROM calibrate_tiers('{0.2,0.2,0.2,0.3,0.1}', program => 'some')$$,
	$$VALUES (1, 0::bigint, 0.2, 10::bigint, 1.0000, 0::bigint), (2, 1, 0.7, 10, 1.0000, 7), (3, 5, 0.1, 3, 0.3000, 2)$$,
	'ranks have no gap, and the shares add up to 1');
INSERT INTO loyalty.tier (program, name, rank, threshold) SELECT program_name, name, rank, threshold FROM calibrate_tiers('{0.2,0.2,0.2,0.3,0.1}', program => 'some');
SELECT is(string_agg(threshold::text, ' ' ORDER BY rank), '0 1 5', 'and rise') FROM loyalty.tier WHERE program = 'some';
SELECT is_empty($$SELECT * FROM calibrate_tiers(program => 'none')$$, 'no growth, no tiers');

SELECT * FROM finish();
