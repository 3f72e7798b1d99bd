# The SQL of the documents: what they show has been run.
#
# A document that says so (<!-- its SQL is run by the tests -->) has its ```sql
# blocks run in order, each in a session of its own, all in one new database
# without the extension.  A block fenced as ```sql LY001 must fail with that
# SQLSTATE, and in its last statement.  A statement that is followed by
# --> VALUE|VALUE, one for each row, returns exactly these rows.  What stands in
# <!-- every block from here begins with: SQL --> is put before the later blocks.
use strict;
use warnings;
use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $mark = '<!-- its SQL is run by the tests -->';
my $node = new_node('docs', extension => 0);
my @documents = grep { slurp_file($_) =~ /^\Q$mark\E$/m } 'README.md', sort glob 'doc/*.md';

# The statements of a block and, where it says so, the rows that they return.
# A statement ends with its line.
sub statements
{
	my ($sql) = @_;
	my @statements;
	my ($text, $quoted) = ('', 0);

	foreach my $line (split /\n/, $sql)
	{
		if ($line =~ /^--> ?(.*)/)
		{
			push @{ $statements[-1]{rows} }, $1;
			next;
		}
		my $rows = $line =~ s/ +--> ?(.*)// ? [$1] : undef;

		$text .= "$line\n";
		$quoted ^= 1 foreach $line =~ /\$\$/g;
		next if $quoted || $line !~ /;\s*(?:--.*)?$/;
		push @statements, { text => $text, rows => $rows };
		$text = '';
	}
	push @statements, { text => $text };
	return @statements;
}

# Runs them in one session.  Returns psql's standard error if it has an error,
# and the statements that returned other rows.
sub run_block
{
	my ($database, @statements) = @_;
	my $separator = '=== end of statement ===';
	my ($stdout, $stderr) = ('', '');

	$node->psql(
		$database, join('', map { "$_->{text}\n\\echo '$separator'\n" } @statements),
		stdout => \$stdout,
		stderr => \$stderr,
		on_error_stop => 1,
		extra_params => [ '--set', 'VERBOSITY=verbose' ]);
	my @returned = split /^\Q$separator\E\n?/m, $stdout, -1;
	my @others;

	foreach my $i (grep { $statements[$_]{rows} } 0 .. $#statements)
	{
		my $expected = join '', map { "$_\n" } @{ $statements[$i]{rows} };
		my $found = $returned[$i] // '';

		push @others, "$statements[$i]{text}returned\n$found" if $found ne $expected;
	}
	return ($stderr =~ /ERROR/ ? $stderr : '', join "\n", @others);
}

cmp_ok(scalar @documents, '>=', 2, 'documents with SQL that is run');
foreach my $document (@documents)
{
	my $text = slurp_file($document);
	my $blocks = 0;
	(my $database = lc $document) =~ s/\W/_/g;

	create_database($node, $database, 0);
	while ($text =~ /^```sql[ ]*(\S*)\n(.*?)^```$/msg)
	{
		my ($sqlstate, $sql) = ($1, $2);
		my $before = substr $text, 0, $-[0];
		my $line = 1 + ($before =~ tr/\n//);
		my ($first) = $before =~ /^<!-- every block from here begins with: (.*) -->$/m;
		my ($error, $others) = run_block($database, statements(($first // '') . "\n$sql"));
		my ($found) = $error =~ /ERROR:  (\w{5}):/;

		is($found // '', $sqlstate, "$document, line $line") or diag($error);
		is($others, '', "$document, line $line: what it says it returns") if $sql =~ /-->/;
		$blocks++;
	}
	cmp_ok($blocks, '>', 0, "$document shows SQL");
}

# The reference leaves nothing out that a user can call, write or read.
my $reference = slurp_file('doc/reference.md');
my %subject = (
	function => q{
		SELECT DISTINCT p.proname FROM pg_proc p
			WHERE p.pronamespace = 'loyalty'::regnamespace
				AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype,
										 'internal'::regtype, 'cstring'::regtype)
				AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype, 'cstring'::regtype]::oid[]
				AND NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid)
				AND NOT EXISTS (SELECT FROM pg_amproc a WHERE a.amproc = p.oid)
				AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typsend = p.oid)},
	relation => q{
		SELECT relname FROM pg_class
			WHERE relnamespace = 'loyalty'::regnamespace AND relkind IN ('r', 'v', 'c')},
	column => q{
		SELECT DISTINCT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'loyalty'::regnamespace AND a.attnum > 0
				AND (c.relkind = 'v' OR c.relname IN ('program', 'tier', 'rule', 'plan', 'benefit', 'referral_rule', 'badge', 'task', 'contest', 'streak', 'rule_example'))},
	setting => q{SELECT name FROM pg_settings WHERE name LIKE 'loyalty.%'});

# any use of a type of ours loads the library, and its settings with it
my $load = q{DO $$ BEGIN PERFORM '{}'::loyalty.point_wallet; END $$};

create_database($node, 'complete', 1);
foreach my $what (sort keys %subject)
{
	my @names = split /\n/, query($node, "$load; $subject{$what}", 'complete');
	my @missing = grep { $reference !~ /\b\Q$_\E\b/ } @names;

	cmp_ok(scalar @names, '>', 1, "there is more than one $what");
	is("@missing", '', "the reference has every $what");
}

done_testing();
