-- adjust: manual corrections, signed.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.program (name, validity, shortfall, spend_order) VALUES ('soft', '10 days', 'waive', 'expiring');

SELECT FROM enroll('ann', at => '2024-01-01');
SELECT is(format('%s %s', points, balance), '50 50', 'upwards: a grant') FROM adjust('ann', 50, 'a1', 'lost parcel', '2024-01-01');
SELECT is(wallet_of('ann'), '50@2024-01-01/2024-01-11', 'validity from the program');
SELECT is(format('%s %s', e.reason, e.ref), 'lost parcel a1', 'reason and ref are kept') FROM last_entry('ann') e;
SELECT is(replayed, true, 'repeated') FROM adjust('ann', 50, 'a1', 'lost parcel', '2024-01-01');
SELECT refuses($$SELECT adjust('ann', 50, 'a1', 'another reason', '2024-01-01')$$, 'LY003', 'the ref with another reason');
SELECT refuses($$SELECT adjust('ann', -50, 'a1', 'lost parcel', '2024-01-01')$$, 'LY003', 'the ref with other points');
SELECT is(balance, 60, 'ref may be NULL') FROM adjust('ann', 10, NULL, 'sorry', '2024-01-02');
SELECT is(format('%s %s', points, balance), '-55 5', 'downwards') FROM adjust('ann', -55, NULL, 'mistake', '2024-01-03');
SELECT is(wallet_of('ann'), '5@2024-01-02/2024-01-12', 'in spend order');
SELECT is(format('%s %s', points, balance), '-25 -20', 'beyond it: owed') FROM adjust('ann', -25, NULL, 'mistake', '2024-01-03');
SELECT is(stands('ann'), 'wallet 0, held 0, debt 20', 'a number beside the wallet, no negative lot');
SELECT is(format('%s %s', points, balance), '30 10', 'upwards pays it first') FROM adjust('ann', 30, NULL, 'sorry', '2024-01-04');

-- pending lots are taken after spendable ones
SELECT FROM earn('bob', 30, valid_from => '2024-02-01', at => '2024-01-01');
SELECT FROM earn('bob', 20, at => '2024-01-01');
SELECT is(balance, 0, 'owe: then from pending lots') FROM adjust('bob', -45, NULL, 'mistake', '2024-01-02');
SELECT is(wallet_of('bob'), '5@2024-02-01/2024-02-11', 'before anything is owed');

-- waive, expiring
SELECT FROM earn('ann', 20, valid_until => '2024-03-01', at => '2024-01-01', program => 'soft');
SELECT FROM earn('ann', 20, valid_until => '2024-02-01', at => '2024-01-02', program => 'soft');
SELECT is(balance, 15, 'in the program''s spend order') FROM adjust('ann', -25, NULL, 'mistake', '2024-01-03', 'soft');
SELECT is(wallet_of('ann', 'soft'), '15@2024-01-01/2024-03-01', 'expiring');
SELECT is(format('%s %s', points, balance), '-15 0', 'waive: what is not there is forgiven') FROM adjust('ann', -100, NULL, 'mistake', '2024-01-03', 'soft');
SELECT is(format('%s %s', e.waived, stands('ann', 'soft')), '85 wallet 0, held 0, debt 0', 'and on record') FROM last_entry('ann', 'soft') e;

SELECT refuses($$SELECT adjust('ann', 0, NULL, 'nothing')$$, '22023', 'points 0', 'points');
SELECT refuses($$SELECT adjust('ann', NULL, NULL, 'nothing')$$, '22023', 'points NULL', 'points');
SELECT refuses($$SELECT adjust('ann', 5, NULL, NULL)$$, '22023', 'a reason is required', 'reason');
SELECT refuses($$SELECT adjust('ann', 5, NULL, '')$$, '22023', 'an empty one is none', 'reason');
SELECT refuses($$SELECT adjust('ann', 5, '', 'why')$$, '22023', 'ref empty', 'ref');
SELECT refuses($$SELECT adjust('nobody', -5, NULL, 'why')$$, 'LY002', 'unknown member', 'nobody');
SELECT refuses($$SELECT adjust('ann', (-9223372036854775807 - 1)::bigint, NULL, 'why')$$, '22003', 'the least bigint cannot be negated');
SELECT is(balance, -9223372036854775807, 'as much debt as a bigint has room for') FROM adjust('ann', -9223372036854775807, NULL, 'why');
SELECT refuses($$SELECT adjust('ann', -100, NULL, 'why')$$, '22003', 'more debt overflows');
SELECT is(balance, 0, 'and back') FROM adjust('ann', 9223372036854775807, NULL, 'why');

SELECT lawful('adjustments');
SELECT * FROM finish();
