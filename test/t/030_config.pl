# Configuration outside of one server's life: dumps, restores, a replica.
use strict;
use warnings;
use LoyaltyTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('primary', streaming => 1);

# Enough rows that parallel workers of a restore overlap; changes and deletions
# so that there is a history.
query($node, q{
	INSERT INTO loyalty.program (name) SELECT 'p' || i FROM generate_series(1, 5) i;
	UPDATE loyalty.program SET is_default = true WHERE name = 'p3';
	INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier)
		SELECT 'p' || p, 't' || i, i, i * 100, 1 + i * 0.1
			FROM generate_series(1, 5) p, generate_series(1, 10) i;
	INSERT INTO loyalty.rule (program, name, event, points, tiers, validity, pending_for, ends_at)
		SELECT 'p' || p, 'r' || i, 'e' || i % 7, '$.amount / 2 + $tier.rank', '{t3,t4}',
				'earliest of (1 year, on 06-30)', '1 mon 14 days', '2030-01-01'
			FROM generate_series(1, 5) p, generate_series(1, 100) i;
	UPDATE loyalty.rule SET points = '$.amount' WHERE rule_id % 3 = 0;
	DELETE FROM loyalty.rule WHERE rule_id % 31 = 0;
	UPDATE loyalty.program SET name = 'renamed' WHERE name = 'p5';
});

my @tables = qw(program tier event_type rule config_version);
my @sequences = qw(program_id_seq tier_id_seq event_id_seq rule_id_seq config_version_id_seq);

# Everything that the configuration is, as text.
sub configuration
{
	my ($database, $server) = @_;

	return query(
		$server // $node,
		join(';',
			(map { "SELECT '$_', t.* FROM loyalty.$_ t ORDER BY 2" } @tables),
			(map { "SELECT '$_', last_value FROM loyalty.$_" } @sequences)),
		$database);
}

my $before = configuration('shop');
my $dumps = PostgreSQL::Test::Utils::tempdir();
my @dump = ('pg_dump', '--port', $node->port, '--host', $node->host);
my @restore = ('pg_restore', '--port', $node->port, '--host', $node->host, '--exit-on-error');

# The order in which parallel workers load the tables is not always the same.
system_or_bail(@dump, '--format=directory', '--jobs=4', "--file=$dumps/directory", 'shop');
foreach my $run (1 .. 3)
{
	create_database($node, "parallel$run", 0);
	command_ok([ @restore, '--jobs=4', '--dbname', "parallel$run", "$dumps/directory" ],
		"parallel restore $run");
	is(configuration("parallel$run"), $before, "it restores everything, run $run");
}

system_or_bail(@dump, '--column-inserts', "--file=$dumps/inserts.sql", 'shop');
create_database($node, 'inserts', 0);
command_ok(
	[ 'psql', '-Xq', '--set', 'ON_ERROR_STOP=1', '--single-transaction',
		'--dbname', $node->connstr('inserts'), '--file', "$dumps/inserts.sql" ],
	'a dump of INSERTs in one transaction');
is(configuration('inserts'), $before, 'it restores everything');

# Life goes on where it was.
query($node, q{
	UPDATE loyalty.rule SET points = '7' WHERE program = 'p1' AND name = 'r1';
	INSERT INTO loyalty.rule (name, event, points) VALUES ('new', 'e8', '1');
}, 'parallel1');
is(query($node, q{
	SELECT action, "column", old_value, new_value
		FROM loyalty.config_history('rule', 'r1', 'p1') WHERE "column" IS NOT NULL
}, 'parallel1'), 'changed|points|($."amount" / 2 + $"tier"."rank")|7', 'history after a restore');
is(query($node, q{
	SELECT program, version_id = (SELECT max(version_id) FROM loyalty.config_version)
		FROM loyalty.rule WHERE name = 'new'
}, 'parallel1'), 'p3|t', 'new rows after a restore');

# A replica reads the configuration and follows its changes within a session.
$node->backup('copy');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'copy', has_streaming => 1);
$replica->start;
is(configuration('shop', $replica), $before, 'a replica has the same configuration');

my $session = $replica->background_psql('shop');
is($session->query_safe('SELECT loyalty.current_program()'), 'p3', 'a replica finds the default');
query($node, q{UPDATE loyalty.program SET name = 'moved' WHERE name = 'p3'});
$node->wait_for_catchup($replica);
is($session->query_safe('SELECT loyalty.current_program()'), 'moved', 'it follows a change');
$session->quit;

done_testing();
