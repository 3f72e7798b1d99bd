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
  new_node create_database add_program query is_query fails_with is_sound
  start_clients finish_clients run_clients crash_server
);

my $DATABASE = 'shop';

# A started server.  Options: streaming => 1 for a primary with replicas,
# conf => lines for postgresql.conf, extension => 0 for an empty database.
sub new_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(
		allows_streaming => $option{streaming} // 0,
		extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
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
	create_database($node, $DATABASE, $option{extension} // 1);
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
	my ($node, $sql, $sqlstate, $name, $message) = @_;
	my ($stdout, $stderr) = ('', '');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$node->psql(
		$DATABASE, $sql,
		stdout => \$stdout,
		stderr => \$stderr,
		extra_params => [ '--set', 'VERBOSITY=verbose' ]);
	my ($state) = $stderr =~ /(?:ERROR|FATAL):  (\w{5}):/;
	my $same = is($state, $sqlstate, $name);
	diag($stderr || 'no error at all') if !$same;
	like($stderr, $message, "$name: the message") if $message;
	return $same;
}

# verify() finds nothing.
sub is_sound
{
	my ($node, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return is(query($node, 'SELECT * FROM loyalty.verify()'), '', $name);
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
