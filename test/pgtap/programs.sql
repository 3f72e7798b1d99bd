-- Several programs side by side, and which one a call means.
\ir lib/helpers.psql
SELECT no_plan();

SELECT refuses($$SELECT earn('ann', 5)$$, 'LY005', 'without any program', 'program');
INSERT INTO loyalty.program (name, validity) VALUES ('shop', '10 days');
INSERT INTO loyalty.program (name, validity, shortfall) VALUES ('miles', '20 days', 'waive');
SELECT FROM earn('ann', 5, 'o1', at => '2024-01-01');
SELECT is(wallet_of('ann', 'shop'), '5@2024-01-01/2024-01-11', 'the first program created is the default');
SELECT FROM earn('ann', 7, 'o1', at => '2024-01-01', program => 'miles');
SELECT is(wallet_of('ann', 'miles'), '7@2024-01-01/2024-01-21', 'named as the last argument');
SELECT refuses($$SELECT redeem('ann', 6, at => '2024-01-01')$$, 'LY001', 'points of one program do not pay in another', '\m5\M');
SET loyalty.program = 'miles';
SELECT is(balance, 1, 'the setting loyalty.program') FROM redeem('ann', 6, at => '2024-01-02');
SELECT is(balance, 4, 'an argument goes before it') FROM redeem('ann', 1, at => '2024-01-02', program => 'shop');
SET loyalty.program = 'nowhere';
SELECT refuses($$SELECT redeem('ann', 1)$$, 'LY005', 'a setting that names none', 'nowhere');
RESET loyalty.program;
UPDATE loyalty.program SET is_default = true WHERE name = 'miles';
SELECT is(balance, 0, 'another default') FROM redeem('ann', 1, at => '2024-01-03');

-- a setting of the function's own
CREATE FUNCTION pay(member text) RETURNS bigint LANGUAGE sql SET loyalty.program = 'shop'
	AS $$ SELECT balance FROM loyalty.redeem(member, 1, at => '2024-01-03') $$;
SELECT is(pay('ann'), 3, 'a setting for the time of a function');

-- renamed
UPDATE loyalty.program SET name = 'store' WHERE name = 'shop';
SELECT is(balance, 2, 'a renamed program keeps its members') FROM redeem('ann', 1, at => '2024-01-04', program => 'store');
SELECT refuses($$SELECT redeem('ann', 1, program => 'shop')$$, 'LY005', 'its old name is none', 'shop');

-- their rules and tiers are their own
INSERT INTO loyalty.rule (program, name, event, points) VALUES ('store', 'base', 'purchase', '$.amount');
SELECT is(points, 5, 'rules of one program') FROM record('ann', 'purchase', '{"amount": 5}', program => 'store');
SELECT is(points, 0, 'give nothing in another') FROM record('ann', 'purchase', '{"amount": 5}', program => 'miles');
SELECT refuses($$SELECT earn('ann', 1, program => '')$$, 'LY005', 'an empty name is none');

SELECT lawful('two programs');
SELECT * FROM finish();
