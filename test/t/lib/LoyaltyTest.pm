# LoyaltyTest.pm
#		What the TAP tests share: servers with the extension, clients that run at
#		once, crashes.
#
# Every node has the database "shop" with the extension and with its schema in
# the search path; all functions work there.  test/README.md has an example.
package LoyaltyTest;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

our @EXPORT = qw(
  new_node create_database add_program fill_shop fingerprint
  query is_query fails_with is_sound
  start_clients finish_clients run_clients crash_server
);

my $DATABASE = 'shop';

# A started server.  Options: streaming => 1 for a primary with replicas,
# conf => lines for postgresql.conf, extension => 0 for a database without it,
# database => 0 for none, install_path => another PostgreSQL, initdb => its
# options.
sub new_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new(
		$name,
		$option{install_path} ? (install_path => $option{install_path}) : ());

	$node->init(
		allows_streaming => $option{streaming} // 0,
		extra => [ '--encoding=UTF8', '--locale=C.UTF-8', @{ $option{initdb} // [] } ]);
	$node->append_conf(
		'postgresql.conf', qq{
shared_buffers = 64MB
max_connections = 60
max_prepared_transactions = 10
max_wal_size = 1GB
log_statement = none
timezone = 'UTC'
});
	$node->append_conf('postgresql.conf', $option{conf}) if $option{conf};
	$node->start;
	create_database($node, $DATABASE, $option{extension} // 1)
	  if $option{database} // 1;
	return $node;
}

sub create_database
{
	my ($node, $database, $extension) = @_;

	$node->safe_psql('postgres',
		qq{CREATE DATABASE $database;
		   ALTER DATABASE $database SET search_path = "\$user", public, loyalty});
	$node->safe_psql($database, 'CREATE EXTENSION loyalty') if $extension;
	return;
}

# One row of loyalty.program: add_program($node, 'shop', validity => '1 year').
sub add_program
{
	my ($node, $name, %column) = @_;
	my @columns = sort keys %column;

	$node->safe_psql(
		$DATABASE,
		sprintf 'INSERT INTO loyalty.program (%s) VALUES (%s)',
		join(', ', 'name', @columns),
		join(', ', map { "'" . s/'/''/gr . "'" } $name, @column{@columns}));
	return;
}

# Two programs and members with every kind of history; 40 members m1 .. m40 in
# the default program.  The hold "open hold" of m7 is left open, and so is the
# contest "runs"; "over" is settled.
sub fill_shop
{
	my ($node) = @_;

	$node->safe_psql($DATABASE, <<'SQL');
INSERT INTO loyalty.program (name, validity) VALUES ('shop', '1 year end of year');
INSERT INTO loyalty.program (name, time_zone, spend_order, shortfall)
	VALUES ('miles', 'Asia/Shanghai', 'expiring', 'waive');
INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift)
	VALUES ('shop', 'silver', 1, 500, 1.5, 20), ('shop', 'gold', 2, 1500, 2, 50);
INSERT INTO loyalty.rule (program, name, event, points)
	VALUES ('shop', 'base', 'purchase', '$.amount'), ('shop', 'welcome', 'register', '50');
UPDATE loyalty.rule SET points = '$.amount * 2' WHERE name = 'base';
INSERT INTO loyalty.rule_example (program, name, event, attributes, tier, points) VALUES
	('shop', 'doubled', 'purchase', '{"amount": 10}', NULL, 20), ('shop', 'gold', 'purchase', '{"amount": 10}', 'gold', 40);
INSERT INTO loyalty.coupon_type (program, name, value) VALUES ('shop', 'ten_off', 10);
INSERT INTO loyalty.draw (program, name) VALUES ('shop', 'summer');
INSERT INTO loyalty.benefit (program, name, quota) VALUES ('shop', 'delivery', 1);
INSERT INTO loyalty.badge (program, name) VALUES ('shop', 'critic');
INSERT INTO loyalty.rule (program, name, event, points, effects) VALUES ('shop', 'thanks', 'review', '0',
	'[{"coupon": "ten_off", "count": 2}, {"draw_ticket": "summer", "count": 3}, {"benefit": "delivery", "count": 2}, {"badge": "critic"}]');

SELECT enroll('m' || i, jsonb_build_object('number', i)) FROM generate_series(1, 40) i;
SELECT record('m' || i, 'purchase', jsonb_build_object('amount', i * 13), 'order ' || i)
	FROM generate_series(1, 40) i;
SELECT earn('m' || i, 1000 + j, format('grant %s %s', i, j),
			'2026-01-01'::timestamptz + j * interval '1 day', '2036-01-01')
	FROM generate_series(1, 40) i, generate_series(1, 5) j;
SELECT redeem('m' || i, 100 + i, 'cart ' || i) FROM generate_series(1, 40) i;
SELECT restore('m' || i, 'cart ' || i, 50, 'return ' || i) FROM generate_series(1, 20) i;
SELECT claw_back('m' || i, 'grant ' || i || ' 3', 500) FROM generate_series(5, 15) i;
SELECT settle('m' || i, 'purchase', '{"amount": 7}', 'order ' || i) FROM generate_series(11, 20) i;
SELECT transfer('m' || i, 'm' || i + 1, 33, 'present ' || i) FROM generate_series(21, 30) i;
SELECT settle('m' || i, 'review', '{}', 'review ' || i) FROM generate_series(32, 38) i;
SELECT settle('m' || i, 'review', NULL, 'review ' || i) FROM generate_series(35, 36) i;
SELECT use_benefit('m33', 'delivery', 2, 'parcel');
SELECT adjust('m31', 77, NULL, 'a kindness');
SELECT earn('poor', 10, 'grant');
SELECT redeem('poor', 10, 'cart');
SELECT claw_back('poor', 'grant');
SELECT hold('m7', 60, 'open hold', interval '1 day');
SELECT hold('m8', 60, 'taken hold');
SELECT capture('m8', 'taken hold', 45);
SELECT hold('m9', 60, 'given hold');
SELECT release('m9', 'given hold');
SELECT set_status('m39', 'frozen', 'suspicious');
SELECT set_status('m40', 'closed', 'asked for it');
SELECT earn('m1', 500, 'flight', program => 'miles');
SELECT redeem('m1', 200, 'seat', program => 'miles');

INSERT INTO loyalty.rule (program, name, event, points, growth)
	VALUES ('shop', 'prize', 'contest_ended', '30 / $.rank', '0');
INSERT INTO loyalty.contest (program, name, measure, starts_at, ends_at)
	SELECT 'shop', n, '$.amount', now() - interval '2 days', now() + e
		FROM (VALUES ('over', interval '-1 hour'), ('runs', interval '1 day')) v (n, e);
SELECT join_team('m' || i, 'over', CASE WHEN i < 4 THEN 'red' ELSE 'blue' END, now() - interval '1 day')
	FROM generate_series(3, 5) i;
SELECT join_team('m' || i, 'runs', 'all') FROM generate_series(3, 5) i;
SELECT record('m' || i, 'purchase', jsonb_build_object('amount', i), 'early ' || i, now() - interval '3 hours')
	FROM generate_series(3, 4) i;
SELECT record('m' || i, 'purchase', jsonb_build_object('amount', i), 'of a team ' || i)
	FROM generate_series(3, 4) i;
SELECT settle_contest('over');
SQL
	return;
}

# What the extension's tables and sequences hold, one line for each.
sub fingerprint
{
	my ($node, $database) = @_;
	my $sql = query($node, <<'SQL', $database);
SELECT string_agg(CASE c.relkind
	WHEN 'S' THEN format('SELECT %L, last_value::text, is_called::text FROM %s', c.oid::regclass, c.oid::regclass)
	ELSE format('SELECT %L, count(*)::text, md5(string_agg(t::text, chr(10) ORDER BY t::text COLLATE "C")) FROM %s t',
				c.oid::regclass, c.oid::regclass) END,
	E' UNION ALL\n' ORDER BY c.relname)
FROM pg_extension e, unnest(e.extconfig) o, pg_class c
WHERE e.extname = 'loyalty' AND c.oid = o
SQL
	return query($node, $sql, $database);
}

# The result as psql prints it unaligned; dies on an error.
sub query
{
	my ($node, $sql, $database) = @_;

	return $node->safe_psql($database // $DATABASE, $sql);
}

sub is_query
{
	my ($node, $sql, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return is(query($node, $sql), $expected, $name);
}

# The statements fail with this SQLSTATE and, if given, such a message.
sub fails_with
{
	my ($node, $sql, $sqlstate, $name, $message, $database) = @_;
	my ($stdout, $stderr) = ('', '');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$node->psql(
		$database // $DATABASE, $sql,
		stdout => \$stdout,
		stderr => \$stderr,
		extra_params => [ '--set', 'VERBOSITY=verbose' ]);
	my ($state) = $stderr =~ /(?:ERROR|FATAL):  (\w{5}):/;
	my $same = is($state, $sqlstate, $name);
	diag($stderr || 'no error at all') if !$same;
	like($stderr, $message, "$name: the message") if $message;
	return $same;
}

# verify() finds nothing, and the server never had to release what we forgot.
sub is_sound
{
	my ($node, $name, $database) = @_;
	my @warnings = slurp_file($node->logfile) =~
	  /WARNING:  (resource was not closed.*|.* leak.*|.* was not properly .*)/g;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	splice @warnings, 3;
	return is(
		join("\n", query($node, 'SELECT * FROM loyalty.verify()', $database), @warnings),
		'', $name);
}

# Starts one psql for each text, all at once; each statement is a transaction
# of its own unless the text says otherwise.  Options: options => value for
# PGOPTIONS.  An error does not end a client, it prints the SQLSTATE.
sub start_clients
{
	my ($node, $texts, %option) = @_;
	my @clients;

	foreach my $text (@$texts)
	{
		my $base = PostgreSQL::Test::Utils::tempdir() . '/client';
		my @command = (
			'psql', '-XqAt', '--set', 'VERBOSITY=sqlstate',
			'--dbname', $node->connstr($DATABASE), '--file', "$base.sql");

		append_to_file("$base.sql", $text);
		my $pid = fork // die "fork: $!";
		if (!$pid)
		{
			$ENV{PGOPTIONS} = $option{options} // '';
			open STDOUT, '>', "$base.out" or POSIX::_exit(126);
			open STDERR, '>', "$base.err" or POSIX::_exit(126);
			exec @command or POSIX::_exit(127);
		}
		push @clients, { pid => $pid, base => $base };
	}
	return \@clients;
}

# Waits for them.  Returns, for each, a hash: rows (lines printed), errors
# (SQLSTATEs, in order), stderr.
sub finish_clients
{
	my ($clients) = @_;
	my @results;

	foreach my $client (@$clients)
	{
		waitpid $client->{pid}, 0;
		my $stderr = slurp_file("$client->{base}.err");
		push @results,
		  {
			rows => [ split /\n/, slurp_file("$client->{base}.out") ],
			errors => [ $stderr =~ /(?:ERROR|FATAL):  (\w{5})\b/g ],
			stderr => $stderr,
		  };
	}
	return @results;
}

sub run_clients
{
	my ($node, $texts, %option) = @_;

	return finish_clients(start_clients($node, $texts, %option));
}

# kill -9 of the postmaster, wait for the clients to notice, start again.
# Returns what finish_clients returns.
sub crash_server
{
	my ($node, $clients) = @_;
	my $pidfile = $node->data_dir . '/postmaster.pid';
	my ($pid) = split /\n/, slurp_file($pidfile);

	$node->kill9;
	my @results = finish_clients($clients // []);

	# Its parent reaps it when it likes; until then the process counts as
	# running.  A zombie holds nothing that its lock file protects.
	foreach (1 .. 100)
	{
		last if !kill 0, $pid;
		sleep 0.1;
	}
	unlink $pidfile
	  if kill(0, $pid) && slurp_file("/proc/$pid/stat") =~ /^\d+ \(.*\) Z /;

	# the last backends may hold the shared memory for a moment
	foreach (1 .. 100)
	{
		return @results if $node->start(fail_ok => 1);
		sleep 0.1;
	}
	BAIL_OUT('the server does not start after a crash');
	return;
}

1;
