-- explain: the story of a ref, in sentences.
--
-- Everything is dated, so that the sentences are the same every day; what can
-- only be dated now (corrections) is compared without its time.
BEGIN;
SELECT no_plan();

INSERT INTO loyalty.program (name, time_zone, validity)
	VALUES ('shop', 'Europe/Berlin', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift)
	VALUES ('shop', 'basic', 1, 0, 1, 0), ('shop', 'silver', 2, 100, 1.5, 25);
INSERT INTO loyalty.rule (program, name, event, points)
	VALUES ('shop', 'base', 'purchase', '$.amount');
INSERT INTO loyalty.rule (program, name, event, each, points, growth, point_kind, partner, unit_cost)
	VALUES ('shop', 'brand', 'review', '$.items[*]', '$.bonus', '0', 'behaviour', 'acme', 0.01);
INSERT INTO loyalty.rule (program, name, event, condition, points)
	VALUES ('shop', 'never', 'survey', 'false', '5');

CREATE FUNCTION pg_temp.told(member text, ref text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT line FROM explain($1, $2, 'shop') $$;

-- The same where the time is the clock's: without it.
CREATE FUNCTION pg_temp.told_now(member text, ref text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT regexp_replace(line, '^\d{4}-\d\d-\d\d [\d:]+: ', 'now: ') FROM explain($1, $2, 'shop') $$;

-- A grant and what became of it by the clock; in the program's time zone.
SELECT * FROM earn('ann', 100, 'welcome', valid_until => '2024-03-01 00:00+01', reason => 'first visit', at => '2024-02-01 12:00+01');
SELECT * FROM redeem('ann', 30, 'cup', 'coffee', '2024-02-02 12:00:07+01');
SELECT * FROM earn('ann', 1, 'later', at => '2024-03-02 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('ann', 'welcome') $$, ARRAY[
		'2024-02-01 12:00: 100 points were granted.',
		'100 points joined the lot of entry 1, valid from 2024-02-01 12:00 until 2024-03-01 00:00.',
		'Reason: first visit',
		'That was entry 1; it left a balance of 100 points.',
		'2024-03-01 00:00: 70 points lapsed.',
		'70 points were taken from the lot of entry 1, valid from 2024-02-01 12:00 until 2024-03-01 00:00.'],
	'a grant, its reason and its lapse');
SELECT results_eq($$ SELECT pg_temp.told('ann', 'cup') $$, ARRAY[
		'2024-02-02 12:00:07: 30 points were spent.',
		'30 points were taken from the lot of entry 1, valid from 2024-02-01 12:00 until 2024-03-01 00:00.',
		'Reason: coffee',
		'That was entry 2; it left a balance of 70 points.'],
	'a redemption and the lot that paid');
SELECT results_eq($$ SELECT pg_temp.told('ann', 'later') $$, ARRAY[
		'2024-03-02 12:00: 1 point was granted.',
		'1 point joined the lot of entry 4, valid from 2024-03-02 12:00 without end.',
		'That was entry 4; it left a balance of 1 point.'],
	'one point, without end');

-- Rules, rounding, the tier that was held, and the gift of the one reached.
SELECT * FROM record('bob', 'purchase', '{"amount": 129.9}', 'b1', '2024-02-01 12:00+01');
SELECT * FROM record('bob', 'purchase', '{"amount": 33}', 'b2', '2024-02-02 12:00+01');
SELECT * FROM record('bob', 'purchase', '{"amount": 10}', 'b3', '2024-02-02 12:00+01');
SELECT * FROM record('bob', 'purchase', '{}', 'b4', '2024-02-02 12:00+01');
SELECT * FROM record('bob', 'survey', '{}', 'b5', '2024-02-02 12:00+01');
SELECT * FROM record('bob', 'purchase', '{"amount": -10}', 'b6', '2024-02-03 12:00+01');
SELECT * FROM record('bob', 'review', '{"items": [{"bonus": 4}, {"bonus": 8}, {}]}', 'b7', '2024-02-04 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b1') $$, ARRAY[
		'2024-02-01 12:00: event purchase granted 129 points and 129 growth.',
		'Rule base (version 4) gave 129.9, rounded to 129 points, and 129 growth.',
		'129 points joined the lot of entry 5, valid from 2024-02-01 12:00 without end.',
		'That was entry 5; it left a balance of 129 points.',
		'2024-02-01 12:00: reaching tier silver gave 25 points.',
		'25 points joined the lot of entry 6, valid from 2024-02-01 12:00 without end.',
		'That was entry 6; it left a balance of 154 points.'],
	'a first purchase: rounded, and a gift');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b2') $$, ARRAY[
		'2024-02-02 12:00: event purchase granted 49 points and 33 growth.',
		'Rule base (version 4) gave 33, times 1.5 for tier silver is 49.5, rounded to 49 points, and 33 growth.',
		'49 points joined the lot of entry 7, valid from 2024-02-02 12:00 without end.',
		'That was entry 7; it left a balance of 203 points.'],
	'times the tier, rounded');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b3') $$, ARRAY[
		'2024-02-02 12:00: event purchase granted 15 points and 10 growth.',
		'Rule base (version 4) gave 10, times 1.5 for tier silver is 15 points, and 10 growth.',
		'15 points joined the lot of entry 8, valid from 2024-02-02 12:00 without end.',
		'That was entry 8; it left a balance of 218 points.'],
	'times the tier');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b4') $$, ARRAY[
		'2024-02-02 12:00: event purchase granted nothing.',
		'Rule base (version 4) found no number of points.',
		'That was entry 9; it left a balance of 218 points.'],
	'no number');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b5') $$, ARRAY[
		'2024-02-02 12:00: event survey granted nothing.',
		'No rule applied.',
		'That was entry 10; it left a balance of 218 points.'],
	'no rule');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b6') $$, ARRAY[
		'2024-02-03 12:00: event purchase took 15 points and 10 growth.',
		'Rule base (version 4) gave -10, times 1.5 for tier silver is -15 points, and -10 growth.',
		'15 points were taken from the lot of entry 5, valid from 2024-02-01 12:00 without end.',
		'That was entry 11; it left a balance of 203 points.'],
	'a return that names no purchase');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b7') $$, ARRAY[
		'2024-02-04 12:00: event review granted 18 points and 0 growth.',
		'The points are of the kind behaviour.',
		'The points are paid for by acme.',
		'Rule brand (version 5) gave 12, times 1.5 for tier silver is 18 points, and 0 growth.',
		'Rule brand counted 3 matches.',
		'Rule brand found no number of points in 1 of 3 matches.',
		'18 points joined the lot of entry 12, valid from 2024-02-04 12:00 without end.',
		'That was entry 12; it left a balance of 221 points.'],
	'kinds, partners, several matches');

-- Several lots, both orders; restored; what lapsed meanwhile.
SELECT * FROM earn('cid', 10, valid_until => '2024-06-01 00:00+02', at => '2024-02-01 12:00+01');
SELECT * FROM earn('cid', 10, valid_until => '2024-04-01 00:00+02', at => '2024-02-02 12:00+01');
SELECT * FROM redeem('cid', 15, 'c1', at => '2024-02-03 12:00+01');
SELECT * FROM restore('cid', 'c1', 8, 'back 1', '2024-05-01 12:00+02');
UPDATE loyalty.program SET restore_lapsed = 'lapse', spend_order = 'expiring';
SELECT * FROM restore('cid', 'c1', 7, at => '2024-07-01 12:00+02');
SELECT * FROM earn('cid', 10, valid_until => '2024-12-01 00:00+01', at => '2024-07-02 12:00+02');
SELECT * FROM earn('cid', 10, valid_until => '2024-11-01 00:00+01', at => '2024-07-03 12:00+02');
SELECT * FROM redeem('cid', 15, 'c2', at => '2024-07-04 12:00+02');
UPDATE loyalty.program SET restore_lapsed = 'grace', spend_order = 'fifo';
SELECT results_eq($$ SELECT pg_temp.told('cid', 'c1') $$, ARRAY[
		'2024-02-03 12:00: 15 points were spent.',
		'Lots were taken in the order in which they became valid.',
		'10 points were taken from the lot of entry 13, valid from 2024-02-01 12:00 until 2024-06-01 00:00.',
		'5 points were taken from the lot of entry 14, valid from 2024-02-02 12:00 until 2024-04-01 00:00.',
		'That was entry 15; it left a balance of 5 points.',
		'2024-05-01 12:00: 8 points spent by entry 15 were given back.',
		'3 points joined the lot of entry 13, valid from 2024-02-01 12:00 until 2024-06-01 00:00.',
		'5 points joined the lot of entry 14, valid from 2024-02-02 12:00 until 2024-05-31 12:00.',
		'Its own ref is back 1.',
		'That was entry 17; it left a balance of 8 points.',
		'2024-07-01 12:00: 7 points spent by entry 15 were given back.',
		'7 points joined the lot of entry 13, valid from 2024-02-01 12:00 until 2024-06-01 00:00.',
		'7 points were past their end and lapsed at once.',
		'That was entry 20; it left a balance of 0 points.'],
	'restored twice: with grace, and too late');
SELECT results_eq($$ SELECT pg_temp.told('cid', 'c2') $$, ARRAY[
		'2024-07-04 12:00: 15 points were spent.',
		'Lots were taken in the order in which they lapse.',
		'5 points were taken from the lot of entry 22, valid from 2024-07-02 12:00 until 2024-12-01 00:00.',
		'10 points were taken from the lot of entry 23, valid from 2024-07-03 12:00 until 2024-11-01 00:00.',
		'That was entry 24; it left a balance of 5 points.'],
	'the order of lapsing');

-- Holds: captured in part, released, still open.
SELECT * FROM earn('dan', 100, at => '2024-02-01 12:00+01');
SELECT * FROM hold('dan', 50, 'd1', at => '2024-02-02 12:00+01');
SELECT * FROM capture('dan', 'd1', 20, '2024-02-02 12:05+01');
SELECT * FROM hold('dan', 5, 'd2', at => '2024-02-03 12:00+01');
SELECT * FROM release('dan', 'd2', '2024-02-03 12:01+01');
SELECT * FROM hold('dan', 1, 'd3', '1 hour', '2024-02-04 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('dan', 'd1') $$, ARRAY[
		'2024-02-02 12:00: 50 points were held.',
		'50 points were taken from the lot of entry 25, valid from 2024-02-01 12:00 without end.',
		'That was entry 26; it left a balance of 50 points.',
		'2024-02-02 12:05: 20 held points were spent.',
		'20 points were taken from the lot of entry 25, valid from 2024-02-01 12:00 without end.',
		'The other 30 points of the hold returned.',
		'That was entry 27; it left a balance of 80 points.'],
	'a hold captured in part');
SELECT results_eq($$ SELECT pg_temp.told('dan', 'd2') $$, ARRAY[
		'2024-02-03 12:00: 5 points were held.',
		'5 points were taken from the lot of entry 25, valid from 2024-02-01 12:00 without end.',
		'That was entry 28; it left a balance of 75 points.',
		'2024-02-03 12:01: the hold ended and its 5 points returned.',
		'5 points joined the lot of entry 25, valid from 2024-02-01 12:00 without end.',
		'That was entry 29; it left a balance of 80 points.'],
	'a hold released');
SELECT results_eq($$ SELECT pg_temp.told('dan', 'd3') $$, ARRAY[
		'2024-02-04 12:00: 1 point was held.',
		'1 point was taken from the lot of entry 25, valid from 2024-02-01 12:00 without end.',
		'The hold ends at 2024-02-04 13:00 unless it is captured before.',
		'That was entry 30; it left a balance of 79 points.'],
	'a hold that is open');

-- Claw-backs: the very lots, others, debt; what comes in pays the debt.
SELECT * FROM earn('eve', 100, 'e1', at => '2024-02-01 12:00+01');
SELECT * FROM earn('eve', 20, 'e2', at => '2024-02-02 12:00+01');
SELECT * FROM redeem('eve', 90, 'e3', at => '2024-02-03 12:00+01');
SELECT * FROM claw_back('eve', 'e1', claw_ref => 'fraud 7', at => '2024-02-04 12:00+01');
SELECT * FROM earn('eve', 100, 'e4', at => '2024-02-05 12:00+01');
SELECT * FROM restore('eve', 'e3', at => '2024-02-06 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('eve', 'e1') $$, ARRAY[
		'2024-02-01 12:00: 100 points were granted.',
		'100 points joined the lot of entry 31, valid from 2024-02-01 12:00 without end.',
		'That was entry 31; it left a balance of 100 points.',
		'2024-02-04 12:00: 100 points and 0 growth of entry 31 were clawed back.',
		'10 points were taken from the lot of entry 31, valid from 2024-02-01 12:00 without end.',
		'20 points were taken from the lot of entry 32, valid from 2024-02-02 12:00 without end.',
		'70 points were not there and are owed.',
		'Its own ref is fraud 7.',
		'That was entry 34; it left a balance of -70 points.'],
	'a claw-back that ends in debt');
SELECT results_eq($$ SELECT pg_temp.told('eve', 'e4') $$, ARRAY[
		'2024-02-05 12:00: 100 points were granted.',
		'The debt took 70 points.',
		'30 points joined the lot of entry 35, valid from 2024-02-05 12:00 without end.',
		'That was entry 35; it left a balance of 30 points.'],
	'a grant that pays the debt');
SELECT results_eq($$ SELECT pg_temp.told('eve', 'e3') $$, ARRAY[
		'2024-02-03 12:00: 90 points were spent.',
		'90 points were taken from the lot of entry 31, valid from 2024-02-01 12:00 without end.',
		'That was entry 33; it left a balance of 30 points.',
		'2024-02-06 12:00: 90 points spent by entry 33 were given back.',
		'90 points joined the lot of entry 31, valid from 2024-02-01 12:00 without end.',
		'That was entry 36; it left a balance of 120 points.'],
	'a restore');

-- Waived instead of owed; what had lapsed counts as taken.
UPDATE loyalty.program SET shortfall = 'waive';
SELECT * FROM earn('fay', 100, 'f1', valid_until => '2024-03-01 00:00+01', at => '2024-02-01 12:00+01');
SELECT * FROM redeem('fay', 60, 'f2', at => '2024-02-02 12:00+01');
SELECT * FROM claw_back('fay', 'f1', at => '2024-04-01 12:00+02');
SELECT * FROM restore('fay', 'f2', at => '2024-04-02 12:00+02');
UPDATE loyalty.program SET shortfall = 'owe';
SELECT results_eq($$ SELECT pg_temp.told('fay', 'f1') $$, ARRAY[
		'2024-02-01 12:00: 100 points were granted.',
		'100 points joined the lot of entry 37, valid from 2024-02-01 12:00 until 2024-03-01 00:00.',
		'That was entry 37; it left a balance of 100 points.',
		'2024-03-01 00:00: 40 points lapsed.',
		'40 points were taken from the lot of entry 37, valid from 2024-02-01 12:00 until 2024-03-01 00:00.',
		'2024-04-01 12:00: 100 points and 0 growth of entry 37 were clawed back.',
		'60 points were forgiven.',
		'40 points had lapsed and count as taken.',
		'That was entry 40; it left a balance of 0 points.'],
	'lapsed and forgiven');
SELECT results_eq($$ SELECT pg_temp.told('fay', 'f2') $$, ARRAY[
		'2024-02-02 12:00: 60 points were spent.',
		'60 points were taken from the lot of entry 37, valid from 2024-02-01 12:00 until 2024-03-01 00:00.',
		'That was entry 38; it left a balance of 40 points.',
		'2024-04-02 12:00: 60 points spent by entry 38 were given back.',
		'60 points went to what had been forgiven before.',
		'That was entry 41; it left a balance of 0 points.'],
	'a restore that meets the waiver');

-- Transfers and adjustments.
SELECT * FROM earn('gus', 50, at => '2024-02-01 12:00+01');
SELECT * FROM transfer('gus', 'hal', 20, 'g1', '2024-02-02 12:00+01');
SELECT * FROM adjust('gus', 5, 'g2', 'goodwill', '2024-02-03 12:00+01');
SELECT * FROM adjust('gus', -50, 'g3', 'counted twice', '2024-02-04 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('gus', 'g1') $$, ARRAY[
		'2024-02-02 12:00: 20 points went to member hal.',
		'20 points were taken from the lot of entry 42, valid from 2024-02-01 12:00 without end.',
		'That was entry 43; it left a balance of 30 points.'],
	'a transfer, as the giver sees it');
SELECT results_eq($$ SELECT pg_temp.told('hal', 'g1') $$, ARRAY[
		'2024-02-02 12:00: 20 points came from member gus.',
		'20 points joined the lot of entry 42, valid from 2024-02-01 12:00 without end.',
		'That was entry 44; it left a balance of 20 points.'],
	'a transfer, as the receiver sees it');
SELECT results_eq($$ SELECT pg_temp.told('gus', 'g2') $$, ARRAY[
		'2024-02-03 12:00: an adjustment granted 5 points.',
		'5 points joined the lot of entry 45, valid from 2024-02-03 12:00 without end.',
		'Reason: goodwill',
		'That was entry 45; it left a balance of 35 points.'],
	'an adjustment upwards');
SELECT results_eq($$ SELECT pg_temp.told('gus', 'g3') $$, ARRAY[
		'2024-02-04 12:00: an adjustment took 50 points.',
		'Lots were taken in the order in which they became valid.',
		'30 points were taken from the lot of entry 42, valid from 2024-02-01 12:00 without end.',
		'5 points were taken from the lot of entry 45, valid from 2024-02-03 12:00 without end.',
		'15 points were not there and are owed.',
		'Reason: counted twice',
		'That was entry 46; it left a balance of -15 points.'],
	'an adjustment downwards, into debt');

-- Corrections: less, more again, nothing at all; the gift goes with them.
SELECT * FROM settle('ida', 'purchase', '{"amount": 120}', 'i1', '2024-02-01 12:00+01');
SELECT * FROM settle('ida', 'purchase', '{"amount": 60}', 'i1');
SELECT * FROM settle('ida', 'purchase', '{"amount": 80}', 'i1');
SELECT * FROM settle('ida', 'purchase', NULL, 'i1');
SELECT results_eq($$ SELECT pg_temp.told_now('ida', 'i1') $$, ARRAY[
		'now: event purchase granted 120 points and 120 growth.',
		'Rule base (version 4) gave 120 points and 120 growth.',
		'120 points joined the lot of entry 47, valid from 2024-02-01 12:00 without end.',
		'That was entry 47; it left a balance of 120 points.',
		'now: reaching tier silver gave 25 points.',
		'25 points joined the lot of entry 48, valid from 2024-02-01 12:00 without end.',
		'That was entry 48; it left a balance of 145 points.',
		'now: event purchase was settled again, which took back 60 points and 60 growth of entry 47.',
		'This is what the rules give for it now.',
		'Rule base (version 4) gave 60 points and 60 growth.',
		'60 points were taken from the lot of entry 47, valid from 2024-02-01 12:00 without end.',
		'That was entry 49; it left a balance of 85 points.',
		'now: the gift of tier silver was taken back, 25 points.',
		'25 points were taken from the lot of entry 48, valid from 2024-02-01 12:00 without end.',
		'That was entry 50; it left a balance of 60 points.',
		'now: event purchase was settled again and granted 20 more points and 20 more growth.',
		'This is what the rules give for it now.',
		'Rule base (version 4) gave 80 points and 80 growth.',
		'20 points joined the lot of entry 47, valid from 2024-02-01 12:00 without end.',
		'That was entry 51; it left a balance of 80 points.',
		'now: event purchase was settled again, which took back 80 points and 80 growth of entry 47.',
		'The rules give nothing for it any more.',
		'80 points were taken from the lot of entry 47, valid from 2024-02-01 12:00 without end.',
		'That was entry 52; it left a balance of 0 points.'],
	'corrections and a gift taken back');

-- Granted again: the debt goes first, then lots of others; what had lapsed stays so.
SELECT * FROM settle('jon', 'purchase', '{"amount": 50}', 'j1', '2024-02-01 12:00+01');
SELECT * FROM earn('jon', 10, at => '2024-02-02 12:00+01');
SELECT * FROM redeem('jon', 40, 'j2', at => '2024-02-03 12:00+01');
SELECT * FROM settle('jon', 'purchase', NULL, 'j1');
SELECT * FROM settle('jon', 'purchase', '{"amount": 50}', 'j1');
SELECT results_eq($$ SELECT pg_temp.told_now('jon', 'j1') $$, ARRAY[
		'now: event purchase granted 50 points and 50 growth.',
		'Rule base (version 4) gave 50 points and 50 growth.',
		'50 points joined the lot of entry 53, valid from 2024-02-01 12:00 without end.',
		'That was entry 53; it left a balance of 50 points.',
		'now: event purchase was settled again, which took back 50 points and 50 growth of entry 53.',
		'The rules give nothing for it any more.',
		'10 points were taken from the lot of entry 53, valid from 2024-02-01 12:00 without end.',
		'10 points were taken from the lot of entry 54, valid from 2024-02-02 12:00 without end.',
		'30 points were not there and are owed.',
		'That was entry 56; it left a balance of -30 points.',
		'now: event purchase was settled again and granted 50 more points and 50 more growth.',
		'This is what the rules give for it now.',
		'Rule base (version 4) gave 50 points and 50 growth.',
		'The debt took 30 points.',
		'10 points joined the lot of entry 53, valid from 2024-02-01 12:00 without end.',
		'10 points joined the lot of entry 54, valid from 2024-02-02 12:00 without end.',
		'That was entry 57; it left a balance of 20 points.'],
	'a flip: debt, lots of others and own lots return');
UPDATE loyalty.program SET validity = '1 day';
SELECT * FROM settle('kim', 'purchase', '{"amount": 20}', 'k1', '2024-02-01 12:00+01');
SELECT * FROM settle('kim', 'purchase', '{"amount": 5}', 'k1');
SELECT * FROM settle('kim', 'purchase', '{"amount": 15}', 'k1');
UPDATE loyalty.program SET validity = 'never';
SELECT results_eq($$ SELECT pg_temp.told_now('kim', 'k1') $$, ARRAY[
		'now: event purchase granted 20 points and 20 growth.',
		'Rule base (version 4) gave 20 points and 20 growth.',
		'20 points joined the lot of entry 58, valid from 2024-02-01 12:00 until 2024-02-02 12:00.',
		'That was entry 58; it left a balance of 20 points.',
		'now: 20 points lapsed.',
		'20 points were taken from the lot of entry 58, valid from 2024-02-01 12:00 until 2024-02-02 12:00.',
		'now: event purchase was settled again, which took back 15 points and 15 growth of entry 58.',
		'This is what the rules give for it now.',
		'Rule base (version 4) gave 5 points and 5 growth.',
		'15 points had lapsed and count as taken.',
		'That was entry 60; it left a balance of 0 points.',
		'now: event purchase was settled again and granted 10 more points and 10 more growth.',
		'This is what the rules give for it now.',
		'Rule base (version 4) gave 15 points and 15 growth.',
		'10 points had lapsed and stay so.',
		'That was entry 61; it left a balance of 0 points.'],
	'a flip after the lots lapsed');

-- Several kinds of points: the tier stands with the first entry alone.
INSERT INTO loyalty.rule (program, name, event, points, point_kind) VALUES ('shop', 'plain', 'visit', '10', NULL), ('shop', 'extra', 'visit', '3', 'behaviour');
SELECT * FROM record('bob', 'visit', '{}', 'b8', '2024-02-05 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told('bob', 'b8') $$, ARRAY[
		'2024-02-05 12:00: event visit granted 15 points and 10 growth.',
		'Rule plain (version 13) gave 10, times 1.5 for tier silver is 15 points, and 10 growth.',
		'15 points joined the lot of entry 62, valid from 2024-02-05 12:00 without end.',
		'That was entry 62; it left a balance of 236 points.',
		'2024-02-05 12:00: event visit granted 4 points and 3 growth.',
		'The points are of the kind behaviour.',
		'Rule extra (version 14) gave 3, times 1.5 for tier silver is 4.5, rounded to 4 points, and 3 growth.',
		'4 points joined the lot of entry 63, valid from 2024-02-05 12:00 without end.',
		'That was entry 63; it left a balance of 240 points.'],
	'two kinds of one event');

-- An order that was refused.
CREATE TABLE explained_orders (order_no text PRIMARY KEY, customer text, amount numeric, made timestamptz);
SELECT attach('explained_orders', 'customer', 'order_no', at => 'made', backfill => true);
SELECT * FROM enroll('lou', at => '2024-02-01 12:00+01');
SELECT * FROM set_status('lou', 'earn_blocked');
INSERT INTO explained_orders VALUES ('l1', 'lou', 40, '2024-02-02 12:00+01');
SELECT results_eq($$ SELECT pg_temp.told_now('lou', 'l1') $$, ARRAY[
		'now: event purchase was refused and granted nothing.',
		'Reason: member "lou" may not earn points: The member is earn_blocked.',
		'That was entry 65; it left a balance of 0 points.'],
	'a refusal and its reason');
SELECT * FROM set_status('lou', 'active');
INSERT INTO explained_orders VALUES ('l2', 'lou', 40, '2024-02-02 12:00+01');
SELECT * FROM set_status('lou', 'earn_blocked');
UPDATE explained_orders SET amount = 50 WHERE order_no = 'l2';
SELECT is(told, 'now: event purchase was settled again, which was refused; its 40 points stay.', 'the refusal of a change says what stands')
	FROM pg_temp.told_now('lou', 'l2') told WHERE told LIKE '%refused%';

-- What cut a rule is not rounding, and each change of points and growth has its words.
INSERT INTO loyalty.program (name, time_zone, validity) VALUES ('club', 'Europe/Berlin', 'never');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier) VALUES ('club', 'basic', 1, 0, 1), ('club', 'gold', 2, 1000, 1.5);
INSERT INTO loyalty.plan (program, name, price, period, earn_multiplier) VALUES ('club', 'prime', 99, '1 year', 4);
INSERT INTO loyalty.rule (program, name, event, points, growth, mode, limits, budget, holdout, carry, effects) VALUES
	('club', 'ever', 'sale', '$.n', '$.g', 'add', '[{"per": "ever", "points": 20}]', NULL, NULL, false, NULL),
	('club', 'month', 'sale', '$.m', '0', 'add', '[{"per": "month", "times": 1, "key": "$.k"}]', NULL, NULL, false, NULL),
	('club', 'sku', 'sale', '$.m', '0', 'add', '[{"per": "ever", "times": 1, "key": "$.k"}]', NULL, NULL, false, NULL),
	('club', 'fund', 'promo', '$.n', '0', 'add', NULL, 20, NULL, false, NULL),
	('club', 'control', 'survey', '10', NULL, 'add', NULL, NULL, 1, false, NULL),
	('club', 'hundred', 'buy', '100', '0', 'add', NULL, NULL, NULL, false, NULL),
	('club', 'x3', 'buy', '3', NULL, 'multiply', NULL, NULL, NULL, false, NULL),
	('club', 'x2', 'buy', '2', NULL, 'multiply', NULL, NULL, NULL, false, NULL),
	('club', 'plain', 'visit', '$.n', '$.g', 'add', NULL, NULL, NULL, false, NULL);
INSERT INTO loyalty.rule (program, name, event, points, exclusive_group, measure, period, condition) VALUES
	('club', 'lesser', 'play', '1', 'best', '$.n', 'day', '$period_count >= 0');
INSERT INTO loyalty.rule (program, name, event, points, exclusive_group) VALUES ('club', 'better', 'play', '2', 'best');

-- The sentences about rules, and the headlines; without what the entries before them make of their numbers.
CREATE FUNCTION pg_temp.rules_told(member text, ref text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT regexp_replace(line, ' \(version \d+\)', '') FROM explain($1, $2, 'club') AS line WHERE line LIKE 'Rule %' $$;
CREATE FUNCTION pg_temp.headlines(member text, ref text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT regexp_replace(regexp_replace(line, '^[-\d]+ [\d:]+: ', ''), 'entry \d+', 'entry N')
	FROM explain($1, $2, 'club') AS line WHERE line ~ '^[-\d]+ [\d:]+: ' $$;
CREATE FUNCTION pg_temp.happens(member text, event text, attributes jsonb, ref text) RETURNS bigint LANGUAGE sql AS
$$ SELECT points FROM settle($1, $2, $3, $4, '2024-02-01 12:00+01', 'club') $$;

SELECT is(pg_temp.happens('mia', 'sale', '{"n": 80, "g": 5, "m": 1, "k": "a"}', 's1'), 22::bigint, 'limited');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 's1') $$, ARRAY[
		'Rule ever gave 80 before it was cut, and 5 growth.',
		'Rule ever was cut by 20 points ever: 80 became 20 points.',
		'Rule month gave 1 point and 0 growth.',
		'Rule sku gave 1 point and 0 growth.'], '... is not rounded');
SELECT is(pg_temp.happens('mia', 'sale', '{"n": 0, "g": 0, "m": 1.5, "k": "a"}', 's2'), 0::bigint, 'nothing is left');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 's2') $$, ARRAY[
		'Rule ever gave 0 points and 0 growth.',
		'Rule month gave 1.5 before it was cut, and 0 growth.',
		'Rule month was cut by 1 time per month and key: 1.5 became 0 points.',
		'Rule sku gave 1.5 before it was cut, and 0 growth.',
		'Rule sku was cut by 1 time per key: 1.5 became 0 points.'], '... of limits by key');
SELECT is(pg_temp.happens('mia', 'promo', '{"n": 19.5}', 'p1') + pg_temp.happens('mia', 'promo', '{"n": 80}', 'p2'), 20::bigint, 'a budget');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 'p1') UNION ALL SELECT pg_temp.rules_told('mia', 'p2') $$, ARRAY[
		'Rule fund gave 19.5, rounded to 19 points, and 0 growth.',
		'Rule fund gave 80 before it was cut, and 0 growth.',
		'Rule fund was cut by budget: 80 became 1 point.'], '... cuts; what it leaves is rounded');
SELECT is(pg_temp.happens('mia', 'survey', '{}', 'h1'), 0::bigint, 'a control group');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 'h1') $$, ARRAY['Rule control is held out from this member.'], '... is held out, and that is all');
SELECT is(pg_temp.happens('mia', 'play', '{"n": 1}', 'e1'), 2::bigint, 'an exclusive group');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 'e1') $$, ARRAY[
		'Rule lesser gave 0 points and 0 growth.',
		'Rule lesser was cut by exclusive group best.',
		'Rule better gave 2 points and 2 growth.'], '... leaves no figures of who lost');
UPDATE loyalty.program SET max_multiplier = 2 WHERE name = 'club';
SELECT is(pg_temp.happens('mia', 'buy', '{}', 'm1'), 200::bigint, 'max_multiplier');
SELECT results_eq($$ SELECT pg_temp.rules_told('mia', 'm1') $$, ARRAY[
		'Rule hundred gave 100 points and 0 growth.',
		'Rule x3 multiplied by 3, which came to 100 points, and 0 growth.',
		'Rule x3 was cut by max_multiplier: 200 became 100 points.',
		'Rule x2 multiplied by 2, which came to 0 points, and 0 growth.',
		'Rule x2 was cut by max_multiplier: 300 became 0 points.'], '... cuts what the rules would have added');
UPDATE loyalty.program SET max_multiplier = 1.2 WHERE name = 'club';
SELECT is(pg_temp.happens('nia', 'visit', '{"n": 0, "g": 1000}', 'v0'), 0::bigint, 'growth alone makes a tier');
SELECT is(pg_temp.happens('nia', 'visit', '{"n": 10, "g": 0}', 'v1'), 12::bigint, 'max_multiplier cuts a tier''s multiplier');
SELECT is(pg_temp.happens('nia', 'visit', '{"n": 1, "g": 0}', 'v2'), 1::bigint, '... of one point');
SELECT results_eq($$ SELECT pg_temp.rules_told('nia', 'v1') UNION ALL SELECT pg_temp.rules_told('nia', 'v2') $$, ARRAY[
		'Rule plain gave 10, times 1.5 for tier gold is 15 before it was cut, and 0 growth.',
		'Rule plain was cut by max_multiplier: 15 became 12 points.',
		'Rule plain gave 1, times 1.5 for tier gold is 1.5 before it was cut, and 0 growth.',
		'Rule plain was cut by max_multiplier: 1.5 became 1 point.'], '... and that is told');
SELECT FROM subscribe('nia', 'prime', 'plan 1', at => '2024-01-01 12:00+01', program => 'club');
SELECT is(pg_temp.happens('nia', 'visit', '{"n": 10, "g": 0}', 'v3'), 12::bigint, '... and that of a plan');
SELECT results_eq($$ SELECT pg_temp.rules_told('nia', 'v3') $$, ARRAY[
		'Rule plain gave 10, times 4 for plan prime is 40 before it was cut, and 0 growth.',
		'Rule plain was cut by max_multiplier: 40 became 12 points.'], '... is told too');
UPDATE loyalty.program SET max_multiplier = NULL, max_balance = 20 WHERE name = 'club';
SELECT is(pg_temp.happens('ola', 'visit', '{"n": 80, "g": 0}', 'v1'), 20::bigint, 'max_balance');
SELECT results_eq($$ SELECT pg_temp.rules_told('ola', 'v1') $$, ARRAY[
		'Rule plain gave 80 before it was cut, and 0 growth.',
		'Rule plain was cut by max_balance: 80 became 20 points.'], '... cuts');
UPDATE loyalty.program SET max_balance = NULL WHERE name = 'club';

SELECT FROM pg_temp.happens('pia', 'visit', '{"n": 10, "g": 10}', 'v1');
SELECT count(settle('pia', 'visit', attributes, 'v1', program => 'club')) FROM unnest(ARRAY[
	'{"n": 10, "g": 20}', '{"n": 10, "g": 5}', '{"n": 11, "g": 1}', '{"n": 12, "g": 1}', '{"n": 13, "g": 2}',
	'{"n": 12, "g": 3}', '{"n": 11, "g": 3}', '{"n": 10, "g": 2}']::jsonb[]) AS attributes;
INSERT INTO loyalty.badge (program, name) VALUES ('club', 'guest');
UPDATE loyalty.rule SET effects = '[{"badge": "guest"}]' WHERE name = 'plain' AND program = 'club';
SELECT is(difference, 0::bigint, 'effects alone') FROM resettle('visit', '2024-01-01', preview => false, program => 'club') WHERE member = 'pia';
SELECT results_eq($$ SELECT pg_temp.headlines('pia', 'v1') $$, ARRAY[
		'event visit granted 10 points and 10 growth.',
		'event visit was settled again and granted 10 more growth; its points stay as they were.',
		'event visit was settled again, which took back 15 growth of entry N; its points stay as they were.',
		'event visit was settled again and granted 1 more point, but took back 4 growth.',
		'event visit was settled again and granted 1 more point.',
		'event visit was settled again and granted 1 more point and 1 more growth.',
		'event visit was settled again, which took back 1 point of entry N, but granted 1 more growth.',
		'event visit was settled again, which took back 1 point of entry N.',
		'event visit was settled again, which took back 1 point and 1 growth of entry N.',
		'event visit was settled again; its points and its growth stay as they were.'], 'each change in its words');
SELECT FROM pg_temp.happens('pia', 'visit', '{"n": 2, "g": -2}', 'v2');
SELECT FROM pg_temp.happens('pia', 'visit', '{"n": -1, "g": 2}', 'v3');
SELECT FROM pg_temp.happens('pia', 'visit', '{"n": 0, "g": -2}', 'v4');
SELECT FROM pg_temp.happens('pia', 'visit', '{"n": 0, "g": 2}', 'v5');
SELECT results_eq($$ SELECT pg_temp.headlines('pia', 'v' || n) FROM generate_series(2, 5) n $$, ARRAY[
		'event visit granted 2 points, but took 2 growth.',
		'event visit took 1 point, but granted 2 growth.',
		'event visit took 0 points and 2 growth.',
		'event visit granted 0 points and 2 growth.'], 'points and growth apart');

-- What there is nothing to tell about.
SELECT throws_ok($$ SELECT explain('nobody', 'x') $$, 'LY002', NULL, 'an unknown member');
SELECT throws_ok($$ SELECT explain('ann', 'nothing') $$, 'LY007', NULL, 'nothing under that ref');
SELECT throws_ok($$ SELECT explain('ann', NULL) $$, '22023', NULL, 'ref NULL');
SELECT throws_ok($$ SELECT explain(NULL, 'x') $$, '22023', NULL, 'member NULL');
SELECT throws_ok($$ SELECT explain('ann', 'welcome', 'no shop') $$, 'LY005', NULL, 'an unknown program');

-- EXECUTE on it is all that a reader needs.
CREATE ROLE explain_reader;
GRANT USAGE ON SCHEMA loyalty TO explain_reader;
CREATE FUNCTION pg_temp.lines_for_reader() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	lines bigint;
BEGIN
	SET LOCAL ROLE explain_reader;
	EXECUTE 'SELECT count(*) FROM loyalty.explain(''bob'', ''b2'')' INTO lines;
	RESET ROLE;
	RETURN lines;
END
$$;
SELECT throws_ok('SELECT pg_temp.lines_for_reader()', '42501', NULL, 'nothing is granted to PUBLIC');
GRANT EXECUTE ON FUNCTION explain(text, text, text) TO explain_reader;
SELECT is(pg_temp.lines_for_reader(), 4::bigint, 'EXECUTE is all that a reader needs');

SELECT * FROM finish();
ROLLBACK;
