# Places in which a function that writes below SQL could go wrong: read-only and
# parallel transactions, many calls in a statement, triggers, subtransactions,
# hostile names, roles.
use strict;
use warnings;

use LoyaltyTest;
use Test::More;

my $node = new_node('main');
add_program($node, 'shop');
query($node, q{
	INSERT INTO loyalty.rule (program, name, event, points) VALUES ('shop', 'base', 'purchase', '$.amount');
	SELECT earn('ann', 1000, 'grant');
	SELECT redeem('ann', 10, 'cart');
	SELECT hold('ann', 10, 'held')});

my %writing = (
	enroll => q{loyalty.enroll('someone')},
	earn => q{loyalty.earn('ann', 5)},
	redeem => q{loyalty.redeem('ann', 5)},
	adjust => q{loyalty.adjust('ann', 5, NULL, 'why not')},
	transfer => q{loyalty.transfer('ann', 'bob', 5)},
	hold => q{loyalty.hold('ann', 5, 'another')},
	capture => q{loyalty.capture('ann', 'held')},
	release => q{loyalty.release('ann', 'held')},
	restore => q{loyalty.restore('ann', 'cart')},
	claw_back => q{loyalty.claw_back('ann', 'grant')},
	record => q{loyalty.record('ann', 'purchase', '{"amount": 5}')},
	settle => q{loyalty.settle('ann', 'purchase', '{"amount": 5}', 'order')},
	set_status => q{loyalty.set_status('ann', 'frozen')});

my $before = fingerprint($node);

# --- read-only transactions
foreach my $name (sort keys %writing)
{
	fails_with($node, "BEGIN READ ONLY; SELECT $writing{$name}", '25006',
		"$name() in a read-only transaction", qr/read-only/);
}
fails_with($node, q{BEGIN READ ONLY; CALL loyalty.maintain()}, '25006', 'maintain() in a read-only transaction');

# --- parallel workers, reached through a function with a wrong label
my ($forced) = query($node, q{SELECT name FROM pg_settings
	WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
foreach my $name (sort keys %writing)
{
	query($node, qq{CREATE FUNCTION mislabelled_$name() RETURNS text LANGUAGE plpgsql PARALLEL SAFE
		AS \$\$ BEGIN RETURN $writing{$name}; END \$\$});
	fails_with($node, "SET $forced = on; SELECT mislabelled_$name()", '25000',
		"$name() in a parallel worker", qr/parallel/);
}
is(fingerprint($node), $before, 'no refusal left a trace');

# --- (call(...)).* would run once per column
fails_with($node, q{SELECT (earn('ann', 5)).*}, '0A000', '(earn(...)).* is refused',
	qr/SELECT \* FROM/);
is(fingerprint($node), $before, 'before it wrote anything');
is_query($node, q{SELECT points, balance FROM earn('ann', 5)}, '5|985', 'in FROM it runs once');

# --- many calls in one statement
is_query($node, q{SELECT count(*), max(r.balance) FROM generate_series(1, 1000) i, earn('bulk', 1, 'ref ' || i) r},
	'1000|1000', 'a thousand calls in FROM');
is_query($node, q{SELECT count(*), count(DISTINCT (r).entry_id)
	FROM (SELECT earn('bulk', i) r FROM generate_series(1, 1000) i OFFSET 0) s},
	'1000|1000', 'a thousand calls in the target list');
is_query($node, q{SELECT available FROM balance('bulk')}, 1000 + 500500, 'and each counted once');
is_query($node, q{WITH a AS (SELECT * FROM earn('bulk', 7)), b AS (SELECT * FROM redeem('bulk', 7))
	SELECT a.points + b.points FROM a, b}, 0, 'two calls for one member in one statement');
is_query($node, q{SELECT count(*) FROM generate_series(1, 1000) i, earn('crowd ' || i % 100, 1) r},
	1000, 'a thousand calls for a hundred members');

# --- triggers and functions
query($node, q{
	CREATE TABLE orders (id int PRIMARY KEY, customer text, amount int);
	CREATE FUNCTION reward() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM earn(NEW.customer, NEW.amount, 'order ' || NEW.id);
		RETURN NEW;
	END $$;
	CREATE TRIGGER reward AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION reward();
	INSERT INTO orders SELECT i, 'customer ' || i % 3, 10 FROM generate_series(1, 300) i});
is_query($node, q{SELECT string_agg(b.available::text, ' ')
	FROM generate_series(0, 2) i, balance('customer ' || i) b}, '1000 1000 1000', 'row trigger of a bulk INSERT');
fails_with($node, q{INSERT INTO orders SELECT i, 'customer 1', CASE WHEN i = 400 THEN -1 ELSE 1 END
	FROM generate_series(301, 400) i}, '22023', 'a refusal in a trigger fails the statement');
is_query($node, q{SELECT available FROM balance('customer 1')}, 1000, 'and takes all of it back');

query($node, q{
	CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION reward();
	ALTER TABLE orders DISABLE TRIGGER reward;
	BEGIN;
	UPDATE orders SET id = id + 1000 WHERE id <= 3;
	SELECT redeem('customer 1', 1000);
	COMMIT});
is_query($node, q{SELECT available FROM balance('customer 1')}, 10, 'deferred trigger at commit');

query($node, q{
	CREATE FUNCTION outer_call(member text) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		spent bigint := 0;
	BEGIN
		PERFORM earn(member, 100);
		FOR i IN 1 .. 5 LOOP
			BEGIN
				PERFORM earn(member, 1);
				PERFORM redeem(member, 40);
				spent := spent + 40;
			EXCEPTION WHEN SQLSTATE 'LY001' THEN
				NULL;
			END;
		END LOOP;
		RETURN spent;
	END $$});
is_query($node, q{SELECT outer_call('nested')}, 80, 'calls in a nested function, errors caught');
is_query($node, q{SELECT available FROM balance('nested')}, 22, 'a caught refusal takes its block back, no more');
is_query($node, q{
	BEGIN;
	SAVEPOINT s; SELECT FROM earn('saved', 5, 'a'); ROLLBACK TO s;
	SELECT FROM earn('saved', 7, 'a');
	SAVEPOINT s; SELECT FROM redeem('saved', 7, 'b'); ROLLBACK TO s;
	COMMIT;
	SELECT available FROM balance('saved')}, 7, 'savepoints');
is_query($node, q{
	BEGIN;
	DECLARE c CURSOR FOR SELECT r.points FROM generate_series(1, 100) i, earn('cursor', i) r;
	FETCH 3 FROM c;
	COMMIT;
	SELECT available FROM balance('cursor')}, "1\n2\n3\n6", 'a cursor that is not read to its end');

# --- hostile and empty search paths
query($node, q{
	CREATE SCHEMA evil;
	CREATE FUNCTION evil.boom(bigint, bigint) RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
	CREATE FUNCTION evil.boom(integer, integer) RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
	CREATE FUNCTION evil.boom(text, text) RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
	CREATE FUNCTION evil.boom(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
	CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.boom);
	CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.boom);
	CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom);
	CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.boom);
	CREATE OPERATOR evil.<= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.boom);
	CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil function'; END $$;
	CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil function'; END $$;
	CREATE FUNCTION evil.count() RETURNS bigint LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'evil function'; END $$;
	CREATE TABLE evil.program (LIKE loyalty.program);
	CREATE TABLE evil.member (LIKE loyalty.member);
	CREATE TABLE evil.ledger (LIKE loyalty.ledger);
	CREATE TABLE evil.hold (LIKE loyalty.hold);
	CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false)});

my $session = q{
	SELECT FROM loyalty.enroll('MEMBER', '{"a": 1}');
	SELECT FROM loyalty.earn('MEMBER', 100, 'grant');
	SELECT FROM loyalty.record('MEMBER', 'purchase', '{"amount": 50}', 'order');
	SELECT FROM loyalty.settle('MEMBER', 'purchase', '{"amount": 40}', 'order');
	SELECT FROM loyalty.redeem('MEMBER', 30, 'cart');
	SELECT FROM loyalty.restore('MEMBER', 'cart', 10);
	SELECT FROM loyalty.hold('MEMBER', 20, 'hold');
	SELECT FROM loyalty.capture('MEMBER', 'hold', 15);
	SELECT FROM loyalty.hold('MEMBER', 20, 'hold 2');
	SELECT FROM loyalty.release('MEMBER', 'hold 2');
	SELECT FROM loyalty.claw_back('MEMBER', 'grant', 10);
	SELECT FROM loyalty.transfer('MEMBER', 'MEMBER''s friend', 5);
	SELECT FROM loyalty.adjust('MEMBER', -5, NULL, 'a reason');
	SELECT FROM loyalty.set_status('MEMBER', 'active', 'still');
	CALL loyalty.maintain();
	INSERT INTO loyalty.program (name) VALUES ('program of MEMBER');
	UPDATE loyalty.program SET validity = '2 years' WHERE name OPERATOR(pg_catalog.=) 'program of MEMBER';
	INSERT INTO loyalty.tier (program, name, rank, threshold) VALUES ('program of MEMBER', 'first', 1, 5);
	INSERT INTO loyalty.rule (program, name, event, points) VALUES ('program of MEMBER', 'base', 'visit', '1');
	SELECT FROM loyalty.record('MEMBER', 'visit', program => 'program of MEMBER');
	SELECT * FROM loyalty.statement('MEMBER') LIMIT 0;
	SELECT * FROM loyalty.explain('MEMBER', 'order') LIMIT 0;
	SELECT * FROM loyalty.verify();
	SELECT available, held, debt FROM loyalty.balance('MEMBER')};

my $temporary = q{CREATE TEMP TABLE program (LIKE loyalty.program); CREATE TEMP TABLE member (LIKE loyalty.member);
	CREATE TEMP TABLE ledger (LIKE loyalty.ledger); CREATE TEMP TABLE hold (LIKE loyalty.hold);};
is_query($node, "SET search_path = ''; " . $session =~ s/MEMBER/empty/gr, '85|0|0', 'empty search path');
is_query($node, 'SET search_path = evil, pg_catalog, loyalty; ' . $session =~ s/MEMBER/evil/gr,
	'85|0|0', 'hostile search path');
is_query($node, "$temporary SET search_path = pg_temp, evil, public, pg_catalog; " . $session =~ s/MEMBER/temporary/gr,
	'85|0|0', 'temporary tables of our names');

# --- roles: EXECUTE is the gate, tables are closed
query($node, q{
	CREATE ROLE app; CREATE ROLE stranger;
	GRANT USAGE ON SCHEMA loyalty TO app, stranger;
	GRANT EXECUTE ON FUNCTION loyalty.earn, loyalty.redeem, loyalty.record TO app});
is_query($node, q{SET ROLE app; SELECT balance FROM loyalty.earn('role', 5)}, 5, 'a role that may call may write');
is_query($node, q{SET ROLE app; SELECT points FROM loyalty.record('role', 'purchase', '{"amount": 5}')}, 5,
	'rules are read for it');
foreach my $name (sort keys %writing)
{
	fails_with($node, "SET ROLE stranger; SELECT $writing{$name}", '42501', "$name() is not for everyone");
}
foreach my $table (qw(member ledger hold))
{
	fails_with($node, "SET ROLE app; SELECT * FROM loyalty.$table", '42501', "a caller cannot read $table");
	fails_with($node, "SET ROLE app; DELETE FROM loyalty.$table", '42501', "nor write $table");
}

# --- not even the owner writes past the functions
foreach my $replication ('', 'SET session_replication_role = replica;')
{
	foreach my $statement ('UPDATE loyalty.ledger SET points = 1', 'DELETE FROM loyalty.ledger',
		'TRUNCATE loyalty.ledger', 'UPDATE loyalty.member SET debt = 0',
		'DELETE FROM loyalty.member', 'TRUNCATE loyalty.member')
	{
		fails_with($node, "$replication $statement", '55000', "$replication $statement is refused");
	}
}

is_sound($node, 'the ledger agrees');
done_testing();
