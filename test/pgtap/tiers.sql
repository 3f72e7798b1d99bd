-- Tiers off growth, and the gifts of reaching them.
\ir lib/helpers.psql
SELECT no_plan();

INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift) VALUES
	('shop', 'base', 1, 0, 1, 0), ('shop', 'silver', 2, 100, 1.5, 10), ('shop', 'gold', 3, 200, 2, 20);
INSERT INTO loyalty.rule (program, name, event, points, multiplied) VALUES
	('shop', 'base', 'purchase', '$.amount', true), ('shop', 'flat', 'review', '5', false);

-- case 2: the crossing order counts with the tier held just before it
SELECT is(format('%s %s %s', points, growth, tier), '90 90 base', 'below the threshold') FROM record('ann', 'purchase', '{"amount": 90}', 'o1', '2024-01-01');
SELECT is(format('%s %s %s', points, growth, tier), '20 20 silver', 'case 2: the crossing order counts with the tier before it')
	FROM record('ann', 'purchase', '{"amount": 20}', 'o2', '2024-01-02');
SELECT is(format('%s %s %s', points, growth, tier), '15 10 silver', 'the next one with the new tier; growth is before multipliers')
	FROM record('ann', 'purchase', '{"amount": 10}', 'o3', '2024-01-03');
SELECT is(points, 5, 'a rule that is not multiplied') FROM record('ann', 'review', '{}', 'o3', '2024-01-03');
SELECT is(points, 6, 'case 2: an amount whose product is no whole number: 4.3 x 1.5 = 6.45') FROM record('ann', 'purchase', '{"amount": 4.3}', 'o4', '2024-01-03');

-- case 12
SELECT is(trail('ann'), 'event 90, event 20, gift 10, event 15, event 5, event 6', 'case 12: a gift is an entry of its own');
SELECT is(format('%s, growth %s, caused by %s', g.points, coalesce(g.growth, 0), c.points), '10, growth 0, caused by 20',
	'case 12: without multiplier or growth, tied to the entry that reached the tier')
	FROM loyalty.ledger g, loyalty.tier_gift t, loyalty.ledger c
	WHERE g.kind = 'g' AND t.entry_id = g.entry_id AND c.entry_id = t.cause;
SELECT is(available, 146::bigint, 'case 12: and part of the balance') FROM balance('ann');
SELECT is(format('%s %s %s', points, tier, balance), '250 gold 280', 'case 12: several tiers crossed at once give each gift') FROM record('bob', 'purchase', '{"amount": 250}', 'o1', '2024-01-01');
SELECT is(trail('bob'), 'event 250, gift 10, gift 20', 'case 12: in their order');
SELECT is(format('%s %s', tier, balance), 'base 0', 'case 12: correcting that entry ends the tier, and takes the gifts back') FROM settle('bob', 'purchase', NULL, 'o1');
SELECT is(stands('bob'), 'wallet 0, held 0, debt 0', 'case 12: nothing is left');
SELECT is(format('%s %s', tier, balance), 'gold 280', 'case 12: they can be earned again') FROM settle('bob', 'purchase', '{"amount": 250}', 'o1');
SELECT FROM (SELECT settle('bob', 'purchase', CASE WHEN n % 2 = 0 THEN '{"amount": 250}'::jsonb END, 'o1')
	FROM generate_series(1, 6) n OFFSET 0) s;
SELECT is(stands('bob'), 'wallet 280, held 0, debt 0', 'case 12, pain: refund-bounce cannot farm gifts');
SELECT is(format('%s %s', tier, balance), 'silver 160', 'case 12: a correction that ends only the upper tier') FROM settle('bob', 'purchase', '{"amount": 150}', 'o1');
SELECT FROM settle('bob', 'purchase', NULL, 'o1');

-- gifts spent meanwhile are owed
SELECT FROM settle('cat', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT FROM redeem('cat', 110, 'r1');
SELECT is(balance, -110, 'case 12: a gift that was spent is owed') FROM settle('cat', 'purchase', NULL, 'o1');
SELECT is(balance, 0, 'case 12: until it is earned again') FROM settle('cat', 'purchase', '{"amount": 100}', 'o1');

-- under waive a spent gift is forgiven, so the next one counts only beyond what was
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('soft', 'never', 'waive');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('soft', 'base', 1, 0, 0), ('soft', 'gold', 2, 100, 20);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('soft', 'base', 'purchase', '$.amount');
SELECT FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'soft');
SELECT FROM redeem('ann', 115, 'r1', program => 'soft');
SELECT is(format('%s %s', tier, balance), 'base 0', 'case 12, waive: order and gift were spent, the rest is taken') FROM settle('ann', 'purchase', NULL, 'o1', program => 'soft');
SELECT is(format('%s %s', tier, balance), 'gold 5', 'case 12, waive: what was forgiven of the gift is not given again') FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', program => 'soft');
SELECT FROM (SELECT settle('ann', 'purchase', CASE WHEN n % 2 = 0 THEN '{"amount": 100}'::jsonb END, 'o1', program => 'soft')
	FROM generate_series(1, 6) n OFFSET 0) s;
SELECT is(stands('ann', 'soft'), 'wallet 5, held 0, debt 0', 'case 12, waive, pain: refund-bounce cannot farm gifts');
SELECT FROM settle('ann', 'purchase', NULL, 'o1', program => 'soft');
SELECT is(balance, 0, 'case 5: a gift taken back does not return with what it paid for') FROM restore('ann', 'r1', program => 'soft');
SELECT is(balance, 120, 'case 12: order and gift, once all of it was given back') FROM settle('ann', 'purchase', '{"amount": 100}', 'o1', program => 'soft');

-- an operator's claw-back ends the tier, too
SELECT FROM record('dan', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT is(format('%s %s %s', points, tier, balance), '-100 base 0', 'claw_back of the crossing order ends the tier and the gift') FROM claw_back('dan', 'o1');
-- a gift stays while growth holds without the order
SELECT FROM record('eve', 'purchase', '{"amount": 100}', 'o1', '2024-01-01');
SELECT FROM record('eve', 'purchase', '{"amount": 100}', 'o2', '2024-01-02');
SELECT FROM claw_back('eve', 'o1', 100);
SELECT is(tier_of('eve'), 'silver', 'growth of another order still holds silver');

-- refund_tier
INSERT INTO loyalty.program (name, validity, refund_tier) VALUES ('keep', 'never', 'keep');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('keep', 'base', 1, 0, 0), ('keep', 'gold', 2, 100, 20);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('keep', 'base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 100}', 'o1', '2024-01-01', 'keep');
SELECT is(format('%s %s', tier, balance), 'gold 20', 'refund_tier = keep: the tier stays, and its gift') FROM claw_back('ann', 'o1', program => 'keep');

-- case 2/3: a correction counts with the tier stored with the grant
SELECT FROM settle('fay', 'purchase', '{"amount": 50}', 'o1', '2024-01-01', 'shop');
SELECT FROM settle('fay', 'purchase', '{"amount": 60}', 'o2', '2024-01-02', 'shop');
SELECT is(tier_of('fay', 'shop'), 'silver', 'silver by now');
SELECT is(points, 10, 'case 2: a correction uses the tier stored with the grant') FROM settle('fay', 'purchase', '{"amount": 60}', 'o1', '2024-01-01', 'shop');
UPDATE loyalty.tier SET earn_multiplier = 5 WHERE program = 'shop' AND name = 'silver';
SELECT is(points, 50, 'a change of the tier takes effect at once') FROM settle('fay', 'purchase', '{"amount": 10}', 'o3', '2024-01-03', 'shop');
UPDATE loyalty.tier SET earn_multiplier = 1.5 WHERE program = 'shop' AND name = 'silver';
SELECT is(points, 50, 'case 2: the multiplier used is stored, too') FROM settle('fay', 'purchase', '{"amount": 20}', 'o3', '2024-01-03', 'shop');

-- spending does not demote
SELECT FROM record('gus', 'purchase', '{"amount": 200}', 'o1', '2024-01-01', 'shop');
SELECT is(tier, 'gold', 'pain 8, tiers off the balance: spending everything does not demote') FROM redeem('gus', 230, program => 'shop');
SELECT is(growth_of('gus', 'shop'), 200, 'pain 8: growth is never spent');
SELECT FROM earn('hal', 1000, program => 'shop');
SELECT is(tier_of('hal', 'shop'), 'base', 'pain 8: a granted balance alone makes no tier');
SELECT is(growth_of('hal', 'shop'), 0, 'a direct grant gives no growth');

-- case 11: late growth raises the tier from its recording on
SELECT FROM record('ida', 'purchase', '{"amount": 150}', 'o1', '2024-01-01', 'shop');
SELECT ok(since > now() - interval '1 hour' AND until = 'infinity', 'case 11: late growth raises the tier from its recording on')
	FROM loyalty.tier_period t JOIN loyalty.tier USING (tier_id), member_row('ida', 'shop') m WHERE t.member_id = m.member_id AND tier.name = 'silver';

-- tiers of rules and $tier
INSERT INTO loyalty.rule (program, name, event, points, tiers, multiplied) VALUES
	('shop', 'for gold', 'party', '7', '{gold}', false);
INSERT INTO loyalty.rule (program, name, event, points, condition, multiplied) VALUES
	('shop', 'by rank', 'party', '100', '$tier.rank >= 2', false), ('shop', 'by name', 'party', '1000', '$tier.name == "gold"', false);
SELECT is(points, 0, 'tiers: nothing for base') FROM record('new', 'party', program => 'shop');
SELECT is(points, 100, '$tier.rank: for silver and above') FROM record('ida', 'party', program => 'shop');
SELECT is(points, 1107, 'tiers and $tier.name: for gold') FROM record('gus', 'party', program => 'shop');

-- a program without tiers is whole
INSERT INTO loyalty.program (name) VALUES ('plain');
INSERT INTO loyalty.rule (program, name, event, points, condition) VALUES
	('plain', 'base', 'purchase', '$.amount', NULL), ('plain', 'no tier', 'purchase', '1', '$tier == null');
SELECT is(format('%s %s', points, coalesce(tier, 'none')), '101 none', 'without tiers: tier NULL, multiplier 1') FROM record('ann', 'purchase', '{"amount": 100}', program => 'plain');

-- growth windows: live growth
INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('year', 'never', 'end of year');
INSERT INTO loyalty.tier (program, name, rank, threshold) VALUES ('year', 'base', 1, 0), ('year', 'gold', 2, 100);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('year', 'base', 'purchase', '$.amount');
SELECT FROM record('ann', 'purchase', '{"amount": 60}', at => date_trunc('year', now()) - interval '1 hour', program => 'year');
SELECT is(tier, 'base', 'growth of last year does not count this year') FROM record('ann', 'purchase', '{"amount": 60}', at => date_trunc('year', now()), program => 'year');
SELECT is(tier, 'gold', 'growth of this year does') FROM record('ann', 'purchase', '{"amount": 40}', at => date_trunc('year', now()), program => 'year');
SELECT is(growth, 100::bigint, 'live growth is a function of the clock') FROM balance('ann', program => 'year');
SELECT is(growth, 60::bigint, 'in the past, too') FROM balance('ann', date_trunc('year', now()) - interval '30 minutes', 'year');
SELECT is(growth, 0::bigint, 'and in the future') FROM balance('ann', date_trunc('year', now()) + interval '1 year', 'year');
SELECT FROM record('bob', 'purchase', '{"amount": 100}', at => date_trunc('year', now()) - interval '1 hour', program => 'year');
SELECT is(tier_of('bob', 'year'), 'gold', 'case 11: growth recorded late counts as of its date: whose tier never ends has it');

-- case 12: whichever refund ends the tier, the gift goes with it
INSERT INTO loyalty.program (name, validity) VALUES ('gifts', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift) VALUES ('gifts', 'gold', 1, 100, 20);
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('gifts', 'base', 'purchase', '$.amount');
SELECT FROM settle('eve', 'purchase', '{"amount": 60}', 'o1', program => 'gifts');
SELECT is(balance, 140::bigint, 'case 12: the second order reaches the tier') FROM settle('eve', 'purchase', '{"amount": 60}', 'o2', program => 'gifts');
SELECT is(balance, 60::bigint, 'case 12: cancelling the first ends the tier, and its gift goes with it') FROM settle('eve', 'purchase', NULL, 'o1', program => 'gifts');
SELECT is(format('%s %s %s', points, replayed, balance), '60 t 140', 'case 12: the second is answered as it was') FROM settle('eve', 'purchase', '{"amount": 60}', 'o2', program => 'gifts');
SELECT is(balance, 0::bigint, 'case 12: nothing is left without the second') FROM settle('eve', 'purchase', NULL, 'o2', program => 'gifts');
-- and in whatever order two orders are refunded, each of which gives the tier
SELECT FROM settle('fay', 'purchase', '{"amount": 100}', 'o1', program => 'gifts');
SELECT FROM settle('fay', 'purchase', '{"amount": 100}', 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), 'gold 120', 'case 12: the order that reached the tier is gone, the tier and its gift are not') FROM settle('fay', 'purchase', NULL, 'o1', program => 'gifts');
SELECT is(format('%s %s', tier, balance), ' 0', 'case 12: the gift goes with the refund that ends the tier') FROM settle('fay', 'purchase', NULL, 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), 'gold 120', 'case 12: and can be earned again') FROM settle('fay', 'purchase', '{"amount": 100}', 'o1', program => 'gifts');
SELECT FROM settle('fay', 'purchase', '{"amount": 100}', 'o2', program => 'gifts');
SELECT FROM settle('fay', 'purchase', NULL, 'o2', program => 'gifts');
SELECT is(balance, 0::bigint, 'case 12: refunded the other way round') FROM settle('fay', 'purchase', NULL, 'o1', program => 'gifts');
-- what ends the tier need not name an order
SELECT FROM settle('gus', 'purchase', '{"amount": 100}', 'o1', program => 'gifts');
SELECT FROM settle('gus', 'purchase', '{"amount": 100}', 'o2', program => 'gifts');
SELECT FROM settle('gus', 'purchase', NULL, 'o1', program => 'gifts');
SELECT FROM record('gus', 'purchase', '{"amount": -100}', program => 'gifts');
SELECT is(available, 0::bigint, 'case 12: nor does a return that names none leave the gift') FROM balance('gus', program => 'gifts');
-- an order that was taken back and came again holds no gift of a tier that it does not give
SELECT FROM settle('hal', 'purchase', '{"amount": 100}', 'o1', program => 'gifts');
SELECT FROM settle('hal', 'purchase', '{"amount": 100}', 'o2', program => 'gifts');
SELECT FROM settle('hal', 'purchase', NULL, 'o1', program => 'gifts');
SELECT FROM settle('hal', 'purchase', '{"amount": 60}', 'o1', program => 'gifts');
SELECT is(format('%s %s', tier, balance), ' 60', 'case 12: the gift goes with the refund that ends the tier, though the order that reached it is there again') FROM settle('hal', 'purchase', NULL, 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), 'gold 120', 'case 12: it comes again with what reaches the tier again') FROM settle('hal', 'purchase', '{"amount": 40}', 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), ' 40', 'case 12: and goes again') FROM settle('hal', 'purchase', NULL, 'o1', program => 'gifts');
SELECT is(balance, 0::bigint, 'case 12: nothing is left') FROM settle('hal', 'purchase', NULL, 'o2', program => 'gifts');
-- refunds in part, each order carrying the tier until its own
SELECT FROM settle('ivo', 'purchase', '{"amount": 120}', 'o1', program => 'gifts');
SELECT FROM settle('ivo', 'purchase', '{"amount": 120}', 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), 'gold 141', 'case 12: refunded in part, the other order still gives the tier') FROM settle('ivo', 'purchase', '{"amount": 1}', 'o1', program => 'gifts');
SELECT is(format('%s %s', tier, balance), ' 2', 'case 12: the gift goes with the refund in part that ends the tier') FROM settle('ivo', 'purchase', '{"amount": 1}', 'o2', program => 'gifts');
SELECT is(format('%s %s', tier, balance), 'gold 142', 'case 12: and comes again with the tier') FROM settle('ivo', 'purchase', '{"amount": 121}', 'o1', program => 'gifts');
SELECT FROM settle('joe', 'purchase', '{"amount": 120}', 'o1', program => 'gifts');
SELECT FROM settle('joe', 'purchase', '{"amount": 120}', 'o2', program => 'gifts');
SELECT FROM claw_back('joe', 'o1', 119, program => 'gifts');
SELECT is(format('%s %s', tier, balance), ' 2', 'case 12: so it does with claw-backs in part') FROM claw_back('joe', 'o2', 119, program => 'gifts');

-- gifts that no event reached
INSERT INTO loyalty.program (name, validity) VALUES ('settled', 'never');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('settled', 'base', 'purchase', '$.amount');
SELECT FROM settle('ann', 'purchase', '{"amount": 120}', 'o1', program => 'settled');
INSERT INTO loyalty.plan (program, name, price, period) VALUES ('settled', 'prime', 10, '1 month');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift, condition) VALUES ('settled', 'silver', 1, 100, 20, NULL), ('settled', 'prime', 2, 110, 30, '$plan == "prime"');
SELECT is(format('%s %s', tier, balance), 'silver 141', 'a gift of settling in') FROM earn('ann', 1, program => 'settled');
SELECT FROM subscribe('ann', 'prime', 's1', program => 'settled');
SELECT is(format('%s %s', tier, available), 'prime 171', 'and one of subscribing') FROM balance('ann', program => 'settled');
SELECT is(format('%s %s', tier, balance), ' 2', 'both go with the refund that ends their tiers') FROM settle('ann', 'purchase', '{"amount": 1}', 'o1', program => 'settled');
SELECT is(format('%s %s', tier, balance), 'prime 171', 'and come again') FROM settle('ann', 'purchase', '{"amount": 120}', 'o1', program => 'settled');

-- the gift of an earlier cycle rests on a period that is over; a tier that the clock ended leaves its gift
INSERT INTO loyalty.program (name, validity, growth_window) VALUES ('cycle', 'never', '12 months');
INSERT INTO loyalty.tier (program, name, rank, threshold, gift, status_validity) VALUES ('cycle', 'base', 1, 0, 0, 'never'), ('cycle', 'silver', 2, 100, 20, '1 year'), ('cycle', 'gold', 3, 300, 50, '1 year');
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('cycle', 'base', 'purchase', '$.amount');
SELECT FROM settle('ann', 'purchase', '{"amount": 120}', 'o1', now() - interval '30 months', 'cycle');
SELECT is(format('%s %s', tier('ann', program => 'cycle'), available), 'base 140', 'the clock ends a tier, the gift stays') FROM balance('ann', program => 'cycle');
SELECT is(format('%s %s', tier, balance), 'gold 510', 'reached again in another cycle: the gift again') FROM settle('ann', 'purchase', '{"amount": 300}', 'o2', now() - interval '1 day', 'cycle');
SELECT is(format('%s %s', tier, balance), 'base 141', 'a refund takes back those of this cycle alone') FROM settle('ann', 'purchase', '{"amount": 1}', 'o2', program => 'cycle');
SELECT FROM settle('bob', 'purchase', '{"amount": 120}', 'o1', now() - interval '18 months', 'cycle');
SELECT FROM settle('bob', 'purchase', '{"amount": 120}', 'o2', now() - interval '7 months', 'cycle');
SELECT FROM settle('bob', 'purchase', '{"amount": 300}', 'o3', now() - interval '1 day', 'cycle');
SELECT is(format('%s %s', tier, balance), 'silver 261', 'a refund ends the upper tier, its gift goes') FROM settle('bob', 'purchase', '{"amount": 1}', 'o3', program => 'cycle');
SELECT is(format('%s %s', tier, balance), 'base 143', 'a tier that the clock had kept rests on a closed decision: its gift stays') FROM settle('bob', 'purchase', '{"amount": 2}', 'o2', program => 'cycle');

SELECT lawful('tiers');
SELECT * FROM finish();
