# Many clients on one member: no point is lost or spent twice at any isolation
# level, and above READ COMMITTED 40001 is the only error.
use strict;
use warnings;

use LoyaltyTest;
use Test::More;

my $clients = 16;
my $calls = 150;

my $node = new_node('main');
add_program($node, 'shop');

sub errors_of
{
	my %seen = map { $_ => 1 } map { @{ $_->{errors} } } @_;

	return join ' ', sort keys %seen;
}

sub rows_of
{
	return scalar map { @{ $_->{rows} } } @_;
}

foreach my $level ('read committed', 'repeatable read', 'serializable')
{
	my $member = $level =~ s/ /_/gr;
	my $options = '-c default_transaction_isolation=' . $level =~ s/ /\\ /gr;
	my $allowed = $level eq 'read committed' ? qr/^$/ : qr/^(40001)?$/;
	my (@results, $count);

	# the first call of all enrolls the member
	@results = run_clients($node, [ ("SELECT 1 FROM earn('$member', 1);\n" x $calls) x $clients ],
		options => $options);
	like(errors_of(@results), $allowed, "$level: earn: no other error");
	$count = rows_of(@results);
	is($count, $clients * $calls, "$level: earn: every call succeeds") if $level eq 'read committed';
	cmp_ok($count, '>=', $calls, "$level: earn: calls get on");
	is_query($node, "SELECT available FROM balance('$member')", $count, "$level: earn: exact");
	is_query($node, "SELECT count(*) FROM loyalty.member WHERE ref = '$member'", 1, "$level: one member");

	# spend until nothing is left, each call all or nothing
	my $pot = $calls * 30 + 5;
	query($node, "SELECT earn('pot $member', $pot)");
	@results = run_clients($node, [ ("SELECT 1 FROM redeem('pot $member', 7);\n" x (2 * $calls)) x $clients ],
		options => $options);
	like(errors_of(@results), qr/^(40001 )?LY001$/, "$level: redeem: no other error");
	unlike(errors_of(@results), qr/40001/, "$level: redeem: and no 40001") if $level eq 'read committed';
	$count = rows_of(@results);
	is_query($node, "SELECT available FROM balance('pot $member')", $pot - 7 * $count, "$level: redeem: exact");
	is($count, int($pot / 7), "$level: redeem: to the last point") if $level eq 'read committed';
	cmp_ok(7 * $count, '<=', $pot, "$level: redeem: no point twice");

	# the same ref from everywhere is one operation
	@results = run_clients($node,
		[ ("SELECT replayed FROM earn('once $member', 9, 'the order');\n" x 20) x $clients ],
		options => $options);
	like(errors_of(@results), $allowed, "$level: one ref: no other error");
	is(scalar(grep { $_ eq 'f' } map { @{ $_->{rows} } } @results), 1, "$level: one ref: granted once");
	is_query($node, "SELECT available FROM balance('once $member')", 9, "$level: one ref: exact");

	# both ways between two members: locks are taken in one order
	query($node, "SELECT earn('left $member', 100000); SELECT earn('right $member', 100000)");
	@results = run_clients(
		$node,
		[
			map {
				my ($from, $to) = $_ % 2 ? ('left', 'right') : ('right', 'left');
				"SELECT 1 FROM transfer('$from $member', '$to $member', $_);\n" x ($calls / 2)
			} 1 .. $clients
		],
		options => $options);
	like(errors_of(@results), $allowed, "$level: transfer: no deadlock, no other error");
	is_query($node,
		"SELECT sum(available) FROM (SELECT (balance(ref)).available FROM loyalty.member
			WHERE ref IN ('left $member', 'right $member')) b",
		200000, "$level: transfer: conserves points");

	# holds cannot promise a point twice
	query($node, "SELECT earn('held $member', 100)");
	@results = run_clients($node,
		[ map { "SELECT 1 FROM hold('held $member', 9, 'cart $_');\n" } 1 .. $clients ],
		options => $options);
	like(errors_of(@results), qr/^(40001 ?)?(LY001)?$/, "$level: hold: no other error");
	$count = rows_of(@results);
	is_query($node, "SELECT available, held FROM balance('held $member')",
		(100 - 9 * $count) . '|' . 9 * $count, "$level: hold: exact");
	is($count, 11, "$level: hold: as many as fit") if $level eq 'read committed';
}

is_sound($node, 'the ledger agrees');
is_query($node, q{SELECT count(*) FROM (SELECT member_id FROM loyalty.ledger GROUP BY member_id, entry_id
	HAVING count(*) > 1) d}, 0, 'entry ids are unique');

done_testing();
