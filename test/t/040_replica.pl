# A replica reads what its primary reads, refuses to write, and goes on when it
# is promoted.
use strict;
use warnings;

use LoyaltyTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = new_node('primary', streaming => 1);
fill_shop($primary);

$primary->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($primary, 'base', has_streaming => 1);
$replica->start;

my %reading = (
	balance => q{SELECT m.ref, b.* FROM loyalty.member m,
		LATERAL balance(m.ref, at => '2026-12-24', program => (SELECT name FROM loyalty.program p
															   WHERE p.program_id = m.program_id)) b
		ORDER BY m.member_id},
	lots => q{SELECT m.ref, l.* FROM loyalty.member m, LATERAL lots(m.ref, program => 'shop') l
		WHERE m.ref ~ '^m[0-9]+$' AND m.program_id = (SELECT program_id FROM loyalty.program WHERE name = 'shop')
		ORDER BY 1, 2},
	explain => q{SELECT e.* FROM explain('m2', 'order 2', 'shop') e},
	statement => q{SELECT s.* FROM generate_series(1, 40) i,
		LATERAL statement('m' || i, '2026-01-01', '2100-01-01', 'shop') s},
	explain => q{SELECT e.* FROM generate_series(1, 10) i, LATERAL explain('m' || i, 'order ' || i, 'shop') e});

sub read_alike
{
	my ($when) = @_;

	$primary->wait_for_catchup($replica);
	foreach my $call (sort keys %reading)
	{
		my $expected = query($primary, $reading{$call});

		isnt($expected, '', "$when: $call() has something to say");
		is(query($replica, $reading{$call}), $expected, "$when: $call() reads the same");
	}
	is_sound($replica, "$when: the replica's ledger agrees");
	return;
}

read_alike('copied');

query($primary, q{
	SELECT earn('m' || i, i, 'later ' || i) FROM generate_series(1, 38) i;
	SELECT redeem('m' || i, 5, 'later cart ' || i) FROM generate_series(1, 38) i;
	INSERT INTO loyalty.tier (program, name, rank, threshold) VALUES ('shop', 'bronze', 0, 0);
	CREATE TABLE public.old AS SELECT 'old ' || i AS member, i AS points, date '2020-01-01' AS valid_from,
			date '2100-01-01' AS valid_until FROM generate_series(1, 3000) i;
	SELECT import_members('old', 'import', program => 'shop');
	CALL maintain()});
read_alike('streamed');

foreach my $call (
	q{enroll('someone')}, q{earn('m1', 5)}, q{redeem('m1', 5)},
	q{adjust('m1', 5, NULL, 'why not')}, q{transfer('m1', 'm2', 5)},
	q{hold('m1', 5, 'new hold')}, q{capture('m7', 'open hold')}, q{release('m7', 'open hold')},
	q{restore('m1', 'cart 1')}, q{claw_back('m1', 'grant 1 1')},
	q{record('m1', 'purchase', '{"amount": 5}')},
	q{settle('m1', 'purchase', '{"amount": 5}', 'order 1')},
	q{set_status('m1', 'frozen')}, q{import_members('old', 'import again', program => 'shop')})
{
	my ($name) = $call =~ /^(\w+)/;

	fails_with($replica, "SELECT $call", '25006', "$name() is refused", qr/cannot execute \Q$name()\E/);
}
fails_with($replica, 'CALL maintain()', '25006', 'maintain() is refused',
	qr/cannot execute maintain\(\)/);
read_alike('after refusals');

my $last_entry = query($replica, 'SELECT max(entry_id) FROM loyalty.ledger');
$primary->stop;
$replica->promote;
cmp_ok(query($replica, q{SELECT entry_id FROM earn('m1', 5, 'after promotion')}),
	'>', $last_entry, 'a promoted replica writes, with new entry ids');
is_query($replica, q{SELECT replayed FROM earn('m1', 1, 'later 1')}, 't', 'it remembers refs');
is_query($replica, q{SELECT i.posted, i.unchanged FROM import_members('old', 'import', program => 'shop') i}, '0|3000',
	'it remembers what was imported');
is_query($replica, q{SELECT points FROM capture('m7', 'open hold', 10)}, '-10', 'it knows open holds');
is_sound($replica, 'its ledger agrees');

done_testing();
