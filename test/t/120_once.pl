# What may happen once, or so often, asked for by many clients at once: periods
# of plans, quotas of benefits, invitations and what the inviter has of them.
use strict;
use warnings;

use LoyaltyTest;
use Test::More;

my $seed = $ENV{SEED} // int(rand(1_000_000));
my $clients = 16;

srand($seed);
note("SEED=$seed");

my $node = new_node('once', conf => "fsync = off\ndeadlock_timeout = '100ms'");
add_program($node, 'shop', validity => 'never');
query($node, q{
	INSERT INTO loyalty.rule (name, event, points) VALUES
		('base', 'purchase', '$.amount'), ('welcome', 'invited', '20'), ('thanks', 'invite_completed', '100');
	INSERT INTO loyalty.plan (name, price, period) VALUES ('prime', 10, '1 month');
	INSERT INTO loyalty.benefit (name, plan, quota, period, unit) VALUES ('delivery', 'prime', 25, 'month', 'coupon');
	INSERT INTO loyalty.referral_rule (event, condition) VALUES ('purchase', '$.amount >= 10');
	SELECT enroll('m' || i), enroll('friend' || i) FROM generate_series(1, 3) i;
});

sub pick { return $_[ int rand @_ ] }

# So many random calls in every client, some rolled back; other errors than
# these are none.
sub fire
{
	my ($name, $allowed, $calls, $random_call) = @_;
	my @texts = map {
		join '', map {
			my $call = 'SELECT 1 FROM ' . $random_call->() . ";\n";
			rand() < 0.8 ? $call : "BEGIN;\n$call" . pick("COMMIT;\n", "ROLLBACK;\n")
		} 1 .. $calls
	} 1 .. $clients;
	my @results = run_clients($node, \@texts);
	my %errors = map { $_ => 1 } map { @{ $_->{errors} } } @results;

	like(join(' ', sort keys %errors), $allowed, "$name: no unexpected error");
	return;
}

# Of a plan each ref is sold once, one period behind the other.
fire('plans', qr/^$/, 12, sub {
	return sprintf "subscribe('m%d', 'prime', 'order %d', '2024-01-15')", 1 + int rand 3, int rand 10;
});
is_query($node, q{
	SELECT count(*) FROM (SELECT member, ref FROM loyalty.subscriptions GROUP BY member, ref HAVING count(*) > 1) s},
	0, 'plans: each ref is sold once');
is_query($node, q{
	SELECT min(since) = '2024-01-15', max(until) = '2024-01-15'::timestamptz + count(*) * interval '1 month',
			bool_and(until - since BETWEEN '28 days' AND '31 days'), count(*) > 5
		FROM loyalty.subscriptions GROUP BY member},
	join("\n", ('t|t|t|t') x 3), 'plans: periods follow each other');

# A quota is used up, and not more.
fire('quotas', qr/^LY006$/, 25, sub {
	my $cart = int rand 60;

	return sprintf "use_benefit('m%d', 'delivery', %d, %s, at => '2024-%02d-20')", 1 + int rand 3, 1 + $cart % 2,
	  rand() < 0.7 ? "'cart $cart'" : 'NULL', 1 + $cart % 3;
});
is_query($node, q{
	SELECT count(*) FROM (SELECT member, ref FROM loyalty.entries WHERE kind = 'benefit' AND ref IS NOT NULL
		GROUP BY member, ref HAVING count(*) > 1) b}, 0, 'quotas: each ref counts once');
is_query($node, q{
	SELECT DISTINCT sum((breakdown ->> 'quantity')::int) BETWEEN 24 AND 25 FROM loyalty.entries
		WHERE kind = 'benefit' GROUP BY member, date_trunc('month', at)}, 't', 'quotas: used up, and not more');

# Each invitee is invited once.
fire('invitations', qr/^LY010$/, 12, sub {
	return sprintf "invite('friend%d', 'new%d')", 1 + int rand 3, int rand 12;
});
is_query($node, q{SELECT count(*), count(DISTINCT invitee) FROM loyalty.referrals}, '12|12', 'invitations: one inviter each');
is_query($node, q{SELECT count(*), sum(points) FROM loyalty.entries WHERE event = 'invited'}, '12|240', 'invitations: one welcome each');

# What the invitees do changes its mind; the inviter has its part once while an
# order of theirs stands that is large enough.
fire('orders', qr/^(LY003)?$/, 25, sub {
	my ($member, $order) = ('new' . int rand 12, int rand 6);
	my $amount = 4 + 2 * $order;

	return pick(
		"record('$member', 'purchase', '{\"amount\": $amount}', 'order $order')",
		"settle('$member', 'purchase', '{\"amount\": " . pick(4, 12) . "}', 'order $order')",
		"settle('$member', 'purchase', NULL, 'order $order')",
		"earn('friend" . (1 + int rand 3) . "', 1)");
});
query($node, 'CALL maintain()');
is_query($node, q{
	SELECT r.invitee, r.points FROM loyalty.referrals r
		WHERE r.due OR r.points <> 100 * EXISTS (SELECT FROM loyalty.entries e
			WHERE e.member = r.invitee AND e.event = 'purchase' GROUP BY e.ref HAVING sum(e.points) >= 10)::int},
	'', 'orders: the inviter has its part once, if one stands');
is_query($node, q{
	SELECT bool_or(n > 1) FROM (SELECT count(*) AS n FROM loyalty.entries WHERE event = 'invite_completed' GROUP BY ref) c},
	't', 'orders: some parts came and went');
is_sound($node, 'the ledger agrees');
done_testing();
