# pg_upgrade carries everything from one major version to the next.  The runner
# names the older PostgreSQL in OLD_BINDIR, with a build of the extension for it.
use strict;
use warnings;

use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs a second, older PostgreSQL with server headers (OLD_PG_CONFIG)'
  if !$ENV{OLD_BINDIR};

# pg_upgrade loads $libdir/loyalty, and from 18 on only extension_control_path
# looks elsewhere.
my ($library_directory) = run_command([ 'pg_config', '--pkglibdir' ]);
plan skip_all => "needs `make install`: there is no $library_directory/loyalty.so"
  if slurp_file($ENV{TEMP_CONFIG}) =~ /^extension_control_path/m
  && !-e "$library_directory/loyalty.so";

my ($old, $new);
{
	local $ENV{TEMP_CONFIG} = $ENV{OLD_TEMP_CONFIG};
	$old = new_node('old',
		install_path => $ENV{OLD_BINDIR} =~ s{/bin$}{}r,
		initdb => ['--data-checksums']);
}
$new = new_node('new', database => 0, initdb => ['--data-checksums']);

fill_shop($old);
my $original = fingerprint($old);
my $balances = q{SELECT m.ref, b.* FROM loyalty.member m,
	LATERAL balance(m.ref, at => '2026-12-24', program => (SELECT name FROM loyalty.program p
														   WHERE p.program_id = m.program_id)) b
	ORDER BY m.member_id};
my $original_balances = query($old, $balances);
my $last_entry = query($old, 'SELECT max(entry_id) FROM loyalty.ledger');

$old->stop;
$new->stop;
my $directory = PostgreSQL::Test::Utils::tempdir();
chdir $directory or die "$directory: $!";
command_ok(
	[
		'pg_upgrade', '--no-sync',
		'--old-bindir' => $ENV{OLD_BINDIR},
		'--new-bindir' => $new->config_data('--bindir'),
		'--old-datadir' => $old->data_dir,
		'--new-datadir' => $new->data_dir,
		'--old-port' => $old->port,
		'--new-port' => $new->port,
		'--socketdir' => $new->host,
	],
	'pg_upgrade');
$new->start;

is(fingerprint($new), $original, 'every row and sequence is the same');
is(query($new, $balances), $original_balances, 'so are the balances');
is_sound($new, 'the ledger agrees');
cmp_ok(query($new, q{SELECT entry_id FROM earn('m2', 5)}), '>', $last_entry, 'entry ids go on');
is_query($new, q{SELECT replayed FROM record('m2', 'purchase', '{"amount": 26}', 'order 2')}, 't',
	'refs are remembered');
is_query($new, q{SELECT points FROM capture('m7', 'open hold', 10)}, -10, 'an open hold can be captured');
query($new, q{DELETE FROM loyalty.rule_example; UPDATE loyalty.rule SET points = '$.amount' WHERE name = 'base'});
is_query($new, q{SELECT points FROM record('m3', 'purchase', '{"amount": 5}')}, 5, 'rules can be changed');
fails_with($new, 'DROP EXTENSION loyalty CASCADE', '55000', 'DROP EXTENSION is still refused');
is_sound($new, 'the ledger still agrees');

done_testing();
