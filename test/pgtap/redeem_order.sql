-- redeem: which lots pay, all or nothing; lapses pair with what was spent.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.program (name, validity, spend_order) VALUES ('miles', '10 days', 'expiring');

-- the same three lots in both: a lives long, b lapses first, c between
SELECT FROM (VALUES ('shop'), ('miles')) p (p),
	earn('ann', 100, valid_until => '2024-03-01', at => '2024-01-01', program => p);
SELECT FROM (VALUES ('shop'), ('miles')) p (p),
	earn('ann', 100, valid_until => '2024-01-20', at => '2024-01-02', program => p);
SELECT FROM (VALUES ('shop'), ('miles')) p (p),
	earn('ann', 100, valid_until => '2024-02-01', at => '2024-01-03', program => p);

SELECT is(r::text, format('(%s,ann,-150,0,150,,f)', r.entry_id), 'the receipt of a spending')
	FROM redeem('ann', 150, 'r1', at => '2024-01-04', program => 'shop') r;
SELECT is(wallet_of('ann', 'shop'), '50@2024-01-02/2024-01-20 100@2024-01-03/2024-02-01', 'fifo: the oldest lots pay');
SELECT is(shown((last_entry('ann', 'shop')).lots), '100@2024-01-01/2024-03-01 50@2024-01-02/2024-01-20',
	'the entry holds the very slices that paid');
SELECT is(balance, 150, 'the same under expiring') FROM redeem('ann', 150, 'r1', at => '2024-01-04', program => 'miles');
SELECT is(wallet_of('ann', 'miles'), '100@2024-01-01/2024-03-01 50@2024-01-03/2024-02-01', 'expiring: the soonest to lapse pay');

SELECT FROM earn('tie', 10, valid_until => '2024-02-01', at => '2024-01-02', program => 'miles');
SELECT FROM earn('tie', 10, valid_until => '2024-02-01', at => '2024-01-01', program => 'miles');
SELECT is(balance, 8, 'lots that lapse together') FROM redeem('tie', 12, at => '2024-01-05', program => 'miles');
SELECT is(wallet_of('tie', 'miles'), '8@2024-01-02/2024-02-01', 'expiring: then lot order');

-- all or nothing
SELECT refuses($$SELECT redeem('ann', 151, at => '2024-01-04', program => 'shop')$$, 'LY001', 'one too many', '\m150\M');
SELECT is(stands('ann', 'shop'), 'wallet 150, held 0, debt 0', 'nothing was taken');
SELECT is(balance, 0, 'exactly all') FROM redeem('ann', 150, at => '2024-01-04', program => 'shop');
SELECT is(wallet_of('ann', 'shop'), 'empty', 'an empty wallet');
SELECT refuses($$SELECT redeem('ann', 1, at => '2024-01-04', program => 'shop')$$, 'LY001', 'nothing left', '\m0\M');

-- the clock alone decides
SELECT FROM earn('bob', 100, at => '2024-01-01', program => 'shop');
SELECT is(balance, 40, 'the last moment before the end') FROM redeem('bob', 60, at => '2024-01-10 23:59:59.999999', program => 'shop');
SELECT refuses($$SELECT redeem('bob', 1, at => '2024-01-11', program => 'shop')$$, 'LY001', 'from valid_until on it is lapsed, no job has to run', '\m0\M');

-- pain: expiry without pairing debits deducts spent points twice
SELECT is(balance, 5, 'pain 1, expiry without pairing debits: 60 of 100 spent, then lapse, then 5 earned')
	FROM earn('bob', 5, at => '2024-01-20', program => 'shop');
SELECT is(trail('bob', program => 'shop'), 'earn 100, redeem -60, lapse -40, earn 5', 'pain 1: only what was left lapses');
SELECT is(e.at, '2024-01-11'::timestamptz, 'a lapse is dated at valid_until')
	FROM loyalty.ledger e, member_row('bob', 'shop') m WHERE e.member_id = m.member_id AND e.kind = 'x';

-- pain: the sort of lots; lots of other kinds of origin lapse all the same
SELECT FROM earn('cat', 10, reason => 'gift card', at => '2024-01-01', program => 'shop');
SELECT FROM adjust('cat', 10, NULL, 'sorry', at => '2024-01-01', program => 'shop');
SELECT FROM earn('dan', 10, at => '2024-01-01', program => 'shop');
SELECT FROM transfer('dan', 'cat', 10, at => '2024-01-02', program => 'shop');
SELECT is(balance, 1, 'pain 7, expiry keyed on a label: points lapse whatever they came from')
	FROM earn('cat', 1, at => '2024-01-11', program => 'shop');

-- pain: validation and deduction look at different sets
SELECT FROM earn('eve', 50, valid_from => '2024-02-01', at => '2024-01-01', program => 'shop');
SELECT FROM earn('eve', 30, at => '2024-01-01', program => 'shop');
SELECT FROM earn('eve', 20, at => '2024-01-15', program => 'shop');
SELECT refuses($$SELECT redeem('eve', 21, at => '2024-01-15', program => 'shop')$$, 'LY001',
	'pain 6, validation and deduction look at one set: neither lapsed nor pending lots count', '\m20\M');
SELECT is(balance, 0, 'pain 6: what is announced can be taken') FROM redeem('eve', 20, at => '2024-01-15', program => 'shop');
SELECT is(wallet_of('eve', 'shop'), '50@2024-02-01/2024-02-11', 'pain 6: and was taken from those');

-- pain: checkout drains the whole balance, cannot choose an amount
SELECT FROM earn('fay', 1000, at => '2024-01-01', program => 'shop');
SELECT is(balance, 999, 'pain 11, drains: any amount may be spent') FROM redeem('fay', 1, at => '2024-01-01', program => 'shop');

-- pain: 100-point lots, redeem thousands
INSERT INTO loyalty.program (name, validity) VALUES ('old', 'never');
SELECT FROM (SELECT earn('gus', 100, at => '2020-01-01'::timestamptz + n * interval '1 day', program => 'old')
	FROM generate_series(0, 364) n OFFSET 0) s;
SELECT is(lot_count((member_row('gus', 'old')).points), 365, 'pain 12, many small lots: a year of daily lots');
SELECT is(balance, 50, 'pain 12: one spending over all of them') FROM redeem('gus', 36450, 'all', at => '2021-06-01', program => 'old');
SELECT is(lot_count((last_entry('gus', 'old')).lots), 365, 'pain 12: every slice is on record');
SELECT is(wallet_of('gus', 'old'), '50@2020-12-30/infinity', 'pain 12: the newest remains');
SELECT is(balance, 36500, 'pain 12: and all of it can be restored') FROM restore('gus', 'all', at => '2021-06-02', program => 'old');
SELECT is(lot_count((member_row('gus', 'old')).points), 365, 'pain 12: to where it came from');

-- refused input
SELECT refuses($$SELECT redeem('nobody', 1, program => 'shop')$$, 'LY002', 'unknown member', 'nobody');
SELECT refuses($$SELECT redeem('fay', 0, program => 'shop')$$, '22023', 'points 0');
SELECT refuses($$SELECT redeem('fay', -1, program => 'shop')$$, '22023', 'points negative');
SELECT refuses($$SELECT redeem('fay', NULL, program => 'shop')$$, '22023', 'points NULL');
SELECT refuses($$SELECT redeem(NULL, 1, program => 'shop')$$, '22023', 'member NULL');
SELECT refuses($$SELECT redeem('fay', 9223372036854775807, program => 'shop')$$, 'LY001', 'more than anybody has');
SELECT refuses($$SELECT redeem('fay', 1, at => now() + interval '1 hour', program => 'shop')$$, '22023', 'at in the future');
SELECT refuses($$SELECT redeem('fay', 1, at => '-infinity', program => 'shop')$$, '22023', 'at -infinity');

SELECT lawful('spendings');
SELECT * FROM finish();
