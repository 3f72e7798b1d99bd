# A dump restores everything, by any of pg_dump's ways, and the copy goes on
# where the original stood.  The points are not dropped by accident.
use strict;
use warnings;

use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
fill_shop($node);
query($node, q{
	CREATE TABLE coupons (id int PRIMARY KEY, worth point_lot, stock point_wallet, rule validity_policy);
	INSERT INTO coupons VALUES
		(1, '5@2026-01-01/2027-01-01#3', '{5@2026-01-01/2027-01-01#3,7@2026-02-01/infinity}', 'end of year')});

my $balances = q{SELECT m.ref, b.* FROM loyalty.member m,
	LATERAL balance(m.ref, at => '2026-12-24', program => (SELECT name FROM loyalty.program p
														   WHERE p.program_id = m.program_id)) b
	ORDER BY m.member_id};
my $original = fingerprint($node);
my $original_balances = query($node, $balances);
my $last_entry = query($node, 'SELECT max(entry_id) FROM loyalty.ledger');
my $directory = PostgreSQL::Test::Utils::tempdir();
my $source = $node->connstr('shop');

cmp_ok(scalar(split /\n/, $original), '>', 5, 'tables and sequences are marked for the dump');
is_sound($node, 'the original agrees');

sub restored
{
	my ($way, $database) = @_;

	is(fingerprint($node, $database), $original, "$way: every row and sequence is the same");
	is(query($node, $balances, $database), $original_balances, "$way: so are the balances");
	is_sound($node, "$way: the ledger agrees", $database);
	is(query($node, q{SELECT worth, stock, rule FROM coupons}, $database),
		query($node, q{SELECT worth, stock, rule FROM coupons}),
		"$way: so are values in other tables");

	# it goes on where it stood
	cmp_ok(query($node, q{SELECT entry_id FROM earn('m2', 5)}, $database),
		'>', $last_entry, "$way: entry ids go on");
	is(query($node, q{SELECT replayed FROM record('m2', 'purchase', '{"amount": 26}', 'order 2')}, $database),
		't', "$way: refs are remembered");
	is(query($node, q{SELECT points FROM capture('m7', 'open hold', 10)}, $database),
		-10, "$way: an open hold can be captured");
	query($node, q{SELECT settle('m35', 'review', '{}', 'review 35'), settle('m33', 'review', NULL, 'review 33')}, $database);
	is(query($node, q{SELECT count(*), count(DISTINCT coupon_id) FROM coupons('m32'), draw_tickets('m32'), benefits('m32') WHERE units = 2}, $database),
		'2|2', "$way: what rules gave is there");
	is(query($node, q{SELECT count(*), count(voided_by) FROM loyalty.coupon c, loyalty.member m WHERE m.member_id = c.member_id AND m.ref IN ('m33', 'm35')}, $database),
		'4|2', "$way: and can be taken back and revived");
	is(query($node, q{SELECT points FROM record('new', 'purchase', '{"amount": 5}')}, $database),
		10, "$way: the rules work");
	query($node, q{SELECT record('m3', 'purchase', '{"amount": 10}', 'of a team again')}, $database);
	is(query($node, q{SELECT team, score FROM contest_standings('runs')}, $database),
		'all|17', "$way: scores go on");
	is(query($node, q{SELECT settle_contest('over')}, $database), 0, "$way: prizes are not given again");
	query($node, q{INSERT INTO loyalty.program (name) VALUES ('third')}, $database);
	fails_with($node, q{UPDATE loyalty.rule SET points = '$.amount' WHERE name = 'base'}, '23514',
		"$way: the examples beside the rules hold", qr/"doubled" of program "shop" gives 10 points, not 20/, $database);
	query($node, q{DELETE FROM loyalty.rule_example; UPDATE loyalty.rule SET points = '$.amount' WHERE name = 'base'}, $database);
	is(query($node, q{SELECT points FROM record('new', 'purchase', '{"amount": 5}')}, $database),
		5, "$way: configuration can be changed");
	is_sound($node, "$way: the ledger still agrees", $database);
	return;
}

create_database($node, 'plain', 0);
command_ok([ 'pg_dump', '--file', "$directory/plain.sql", $source ], 'plain dump');
command_ok(
	[ 'psql', '-Xq', '--set', 'ON_ERROR_STOP=1', '--file', "$directory/plain.sql",
		$node->connstr('plain') ], 'plain restore');
restored('plain', 'plain');

create_database($node, 'custom', 0);
command_ok([ 'pg_dump', '-Fc', '--file', "$directory/custom", $source ], 'custom dump');
command_ok(
	[ 'pg_restore', '--exit-on-error', '-j4', '--dbname', $node->connstr('custom'), "$directory/custom" ],
	'custom restore by four workers');
restored('custom', 'custom');

create_database($node, 'parallel', 0);
command_ok([ 'pg_dump', '-Fd', '-j2', '--file', "$directory/parallel", $source ],
	'directory dump by two workers');
command_ok(
	[ 'pg_restore', '--exit-on-error', '-j2', '--dbname', $node->connstr('parallel'), "$directory/parallel" ],
	'directory restore by two workers');
restored('directory', 'parallel');

create_database($node, 'data', 1);
query($node, 'CREATE TABLE coupons (id int PRIMARY KEY, worth point_lot, stock point_wallet, rule validity_policy)',
	'data');
command_ok([ 'pg_dump', '--data-only', '--file', "$directory/data.sql", $source ], 'data-only dump');
command_ok(
	[ 'psql', '-Xq', '--set', 'ON_ERROR_STOP=1', '--file', "$directory/data.sql",
		$node->connstr('data') ], 'data-only restore into a fresh extension');
restored('data-only', 'data');

# nothing drops the points but a clear will
my $hint = qr/allow_drop/;
fails_with($node, 'DROP EXTENSION loyalty CASCADE', '55000', 'DROP EXTENSION is refused', $hint);
fails_with($node, 'DROP SCHEMA loyalty CASCADE', '55000', 'so is DROP SCHEMA', $hint);
fails_with($node, 'DROP OWNED BY CURRENT_USER CASCADE', '55000', 'and DROP OWNED', $hint);
is(fingerprint($node), $original, 'nothing was lost');
query($node, 'SET loyalty.allow_drop = on; DROP EXTENSION loyalty CASCADE', 'plain');
is(query($node, q{SELECT count(*) FROM pg_extension WHERE extname = 'loyalty'}, 'plain'),
	0, 'with loyalty.allow_drop it goes');

create_database($node, 'empty', 1);
query($node, q{INSERT INTO loyalty.program (name) VALUES ('shop')}, 'empty');
query($node, 'DROP EXTENSION loyalty CASCADE', 'empty');
is(query($node, q{SELECT count(*) FROM pg_extension WHERE extname = 'loyalty'}, 'empty'),
	0, 'an extension without points can be dropped');
query($node, 'CREATE EXTENSION loyalty', 'empty');
is(query($node, q{INSERT INTO loyalty.program (name) VALUES ('shop') RETURNING is_default}, 'empty'),
	't', 'and created again');

# into another encoding: keys of limits that travel in the member's row are texts as any other
query($node, q{CREATE DATABASE west ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0}, 'postgres');
query($node, $_, 'west') foreach 'CREATE EXTENSION loyalty',
	q{INSERT INTO loyalty.program (name, validity) VALUES ('shop', 'never')},
	q{INSERT INTO loyalty.rule (name, event, points, limits) VALUES ('once', 'taste', '10', '[{"per": "ever", "times": 1, "key": "$.what"}]')};
my $taste = q{SET client_encoding = 'UTF8'; SELECT points FROM loyalty.record('ann', 'taste', jsonb_build_object('what', 'K' || chr(228) || 'se'))};
is(query($node, $taste, 'west'), 10, 'a key with an umlaut');
is(query($node, $taste, 'west'), 0, 'is limited');
command_ok([ 'pg_dump', '--encoding=UTF8', '--file', "$directory/west.sql", $node->connstr('west') ], 'dump of another encoding');
query($node, q{CREATE DATABASE east ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0}, 'postgres');
command_ok([ 'psql', '-X', '--quiet', '--set=ON_ERROR_STOP=1', '--file', "$directory/west.sql", $node->connstr('east') ], 'restored into UTF8');
is(query($node, q{SELECT key = 'K' || chr(228) || 'se' FROM loyalty.limit_usage}, 'east'), 't', 'it is the same key there');
is(query($node, $taste, 'east'), 0, 'and still limited');

done_testing();
