-- Case 11: `at` dates the entry; what was posted stays.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');

-- a spend may take only lots valid at `at` that are still there
SELECT FROM earn('ann', 100, valid_until => '2025-01-01', at => '2024-01-01');
SELECT FROM earn('ann', 50, valid_until => '2025-01-01', at => '2024-02-01');
SELECT refuses($$SELECT redeem('ann', 101, at => '2024-01-15')$$, 'LY001', 'case 11: points that came later cannot be spent earlier', '\m100\M');
SELECT is(balance, 10, 'case 11: the receipt is of that time') FROM redeem('ann', 90, 'r1', at => '2024-01-15');
SELECT is((last_entry('ann')).at, '2024-01-15'::timestamptz, 'case 11: at dates the entry');
SELECT is(available, 60::bigint, 'and later all of it counts') FROM balance('ann', '2024-02-02');
SELECT refuses($$SELECT redeem('ann', 11, at => '2024-01-01 12:00')$$, 'LY001', 'case 11: those still there, not those that were there then', '\m10\M');

-- posted lapses stay
SELECT FROM earn('bob', 100, at => '2024-01-01');
SELECT FROM earn('bob', 1, at => '2024-02-01');
SELECT is(trail('bob'), 'earn 100, lapse -100, earn 1', 'a lapse was posted');
SELECT refuses($$SELECT redeem('bob', 50, at => '2024-01-05')$$, 'LY001', 'case 11: posted lapses stay', '\m0\M');
SELECT is(balance, 40, 'case 11: a late grant is dated at, too') FROM earn('bob', 40, at => '2024-01-20');
SELECT is(wallet_of('bob'), '40@2024-01-20/2024-01-30 1@2024-02-01/2024-02-11', 'with the validity of its date');
SELECT is(balance, 3, 'and lapses with it') FROM earn('bob', 2, at => '2024-02-02');

-- a late grant may pay an older debt; a late spend is a spend
SELECT FROM earn('cat', 100, at => '2024-01-05');
SELECT is(points, 30, 'a grant recorded late, of points that have lapsed by now') FROM earn('cat', 30, at => '2023-12-01');
SELECT is(available, 100::bigint, 'it does not count later') FROM balance('cat', '2024-01-06');

-- no at: never before the member's last entry
SELECT FROM earn('dan', 5, at => clock_timestamp() + interval '50 seconds');
SELECT is(balance, 0, 'the clock is never before the last entry: points granted a little ahead can be spent') FROM redeem('dan', 5);
SELECT ok(r.at >= e.at, 'and the entries run forward') FROM loyalty.ledger e JOIN loyalty.ledger r USING (member_id), member_row('dan') m
	WHERE e.member_id = m.member_id AND e.kind = 'e' AND r.kind = 'r';

-- very old and odd times
SELECT is(points, 5, 'a grant of the year 1') FROM earn('eve', 5, at => '0001-01-01');
SELECT is(available, 0::bigint, 'lapsed for long') FROM balance('eve');
SELECT refuses($$SELECT earn('fay', 5, at => '4000-01-01 BC')$$, '22008', 'a grant before Christ');

-- case 11: late growth raises the tier from its recording on, past tier rows are never rewritten
INSERT INTO loyalty.program (name, validity) VALUES ('tiers', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('tiers', 'base', 1, 0, 1), ('tiers', 'gold', 2, 100, 2);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('tiers', 'base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', at => '2024-02-01', program => 'tiers');
CREATE TABLE tier_rows AS SELECT * FROM loyalty.tier_period WHERE until < 'infinity';
SELECT is(tier, 'gold', 'case 11: late growth raises the tier') FROM record('ann', 'purchase', '{"amount": 60}', at => '2024-01-01', program => 'tiers');
SELECT ok(since > now() - interval '1 hour', 'case 11: from its recording on')
	FROM loyalty.tier_period t, member_row('ann', 'tiers') m WHERE t.member_id = m.member_id AND t.until = 'infinity';
SELECT is_empty('SELECT * FROM tier_rows EXCEPT SELECT * FROM loyalty.tier_period', 'case 11: past tier rows are never rewritten');

SELECT lawful('back-dating');
SELECT * FROM finish();
