# A server that dies under load loses nothing that it acknowledged, and does
# nothing twice when its clients repeat themselves.
use strict;
use warnings;

use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $clients = 6;
my $operations = 6000;

my $node = new_node('main', conf => "restart_after_crash = on\ncheckpoint_timeout = 30s");
add_program($node, 'shop');
query($node, q{CREATE TABLE acknowledged (ref text, entry_id bigint)});
query($node, q{SELECT earn('pot', 1000000, 'filling')});

# Each client has a member of its own and shares "pot" with all others.
# Operation i of a client is always the same, whenever it runs.
sub operations_of
{
	my ($round, $client) = @_;
	my $text = '';

	foreach my $i (1 .. $operations)
	{
		my $ref = "$round-$client-$i";
		my $call =
			$i % 4 == 1 ? "earn('c$client', 10, '$ref')"
		  : $i % 4 == 2 ? "redeem('c$client', 3, '$ref')"
		  : $i % 4 == 3 ? "transfer('c$client', 'pot', 2, '$ref')"
		  :               "redeem('pot', 1, '$ref')";
		$text .= "SELECT '$ref', entry_id FROM $call;\n";
	}
	return $text;
}

# Runs a round until enough is done, then lets $crash end it.
sub interrupt_round
{
	my ($round, $crash) = @_;
	my @texts = map { operations_of($round, $_) } 1 .. $clients;
	my $before = query($node, 'SELECT count(*) FROM loyalty.ledger');
	my $running = start_clients($node, \@texts);

	$node->poll_query_until('shop',
		"SELECT count(*) > $before + 5000 FROM loyalty.ledger")
	  or die 'the clients do not get on';
	my @results = $crash->($running);

	my @rows = map { @{ $_->{rows} } } @results;
	cmp_ok(scalar @rows, '>', 1000, "$round: enough was acknowledged");
	is(scalar(grep { @{ $_->{rows} } == $operations } @results),
		0, "$round: no client had come to its end");

	my $file = PostgreSQL::Test::Utils::tempdir() . '/rows';
	append_to_file($file, join("\n", @rows) . "\n");
	query($node, "COPY acknowledged FROM '$file' (DELIMITER '|')");
	is_query($node,
		q{SELECT count(*) FROM acknowledged a
		  WHERE NOT EXISTS (SELECT FROM loyalty.ledger l
							WHERE l.entry_id = a.entry_id AND l.ref = a.ref)},
		0, "$round: every acknowledged operation is there");
	cmp_ok(
		query($node,
			qq{SELECT count(DISTINCT ref) FROM loyalty.ledger l
			   WHERE ref LIKE '$round-%'
				 AND NOT EXISTS (SELECT FROM acknowledged a WHERE a.ref = l.ref)}),
		'<=', $clients, "$round: beside these at most the one that each client waited for");
	is_sound($node, "$round: the ledger agrees");

	# the clients do not know how far they got: they start over
	@results = run_clients($node, \@texts);
	is_deeply([ map { @{ $_->{errors} } } @results ], [], "$round: all can be repeated");
	is(scalar(map { @{ $_->{rows} } } @results),
		$clients * $operations, "$round: and every one has its receipt");
	is_sound($node, "$round: the ledger agrees after the repetition");
	return;
}

interrupt_round('postmaster', sub { crash_server($node, @_) });

interrupt_round(
	'backend',
	sub {
		my ($running) = @_;
		my ($pid) = split /\n/,
		  query($node,
			q{SELECT pid FROM pg_stat_activity
			  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});

		kill 'KILL', $pid;
		my @results = finish_clients($running);
		$node->poll_query_until('shop', 'SELECT true') or die 'no recovery';
		return @results;
	});

my $each = 2 * $operations / 4;
foreach my $client (1 .. $clients)
{
	is_query($node, "SELECT available FROM balance('c$client')",
		$each * (10 - 3 - 2), "member c$client has what it should");
}
is_query($node, q{SELECT available FROM balance('pot')},
	1000000 + $clients * $each * (2 - 1), 'so has the shared member');

# what two-phase commit has prepared survives, lock included
query($node, q{BEGIN; SELECT earn('c1', 5, 'prepared'); PREPARE TRANSACTION 'points'});
crash_server($node);
fails_with($node, q{SET lock_timeout = '200ms'; SELECT earn('c1', 1)},
	'55P03', 'a prepared transaction holds its member');
query($node, q{COMMIT PREPARED 'points'});
is_query($node, q{SELECT replayed FROM earn('c1', 5, 'prepared')}, 't', 'and commits');
is_sound($node, 'the ledger agrees in the end');

done_testing();
