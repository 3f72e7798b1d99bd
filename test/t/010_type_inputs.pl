# Random edits of valid text and bytes: each is a value, or an error of the type.
use strict;
use warnings;
use LoyaltyTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('inputs');
my $seed = $ENV{LOYALTY_SEED} // time;
my $rounds = 1500;

srand($seed);
diag("seed $seed (LOYALTY_SEED repeats it)");

my %literals = (
	point_lot => [
		'120@2026-11-21T00:00:00Z/2027-11-21T00:00:00Z#1001',
		'1@2026-01-01 08:00:00.123456+08:00/infinity',
		'9223372036854775807@0001-01-01/294276-12-31T23:59:59.999999Z#9223372036854775807',
	],
	point_wallet => [
		'{}',
		'{120@2026-11-21T00:00:00Z/2027-11-21T00:00:00Z#1001,5@2025-01-01/infinity}',
		'{1@2026-01-01/2026-02-01,2@2026-01-01/2026-02-01#1,3@2026-01-02T10:11:12.5Z/2026-02-02}',
	],
	validity_policy => [
		'never', '12 months end of month', 'end of next year', 'on 06-30,12-31',
		'earliest of (1 year, earliest of (on 03-31, 90 days end of quarter))',
	]);

# Makes one to three edits: drop, double, swap or replace characters.
sub edit
{
	my ($text, @alphabet) = @_;

	foreach (1 .. 1 + int(rand 3))
	{
		my $at = int(rand(length($text) + 1));
		my $way = int(rand 4);

		substr($text, $at, 1, '') if $way == 0 && $at < length $text;
		substr($text, $at, 0, substr($text, int(rand(1 + length $text)), 1 + int(rand 6)) // '')
			if $way == 1;
		substr($text, $at, 0, $alphabet[rand @alphabet]) if $way == 2;
		substr($text, $at, 1, $alphabet[rand @alphabet]) if $way == 3 && $at < length $text;
	}
	return $text;
}

# Counts what one function of the server makes of many inputs.
query($node, q{
	CREATE FUNCTION try_text(type regtype, input text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		once text;
		again text;
	BEGIN
		EXECUTE format('SELECT %L::%s::text', input, type) INTO once;
		EXECUTE format('SELECT %L::%s::text', once, type) INTO again;
		RETURN CASE WHEN once = again THEN 'value' ELSE 'unstable: ' || once END;
	EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range
			OR datetime_field_overflow OR program_limit_exceeded THEN
		RETURN CASE WHEN SQLERRM LIKE 'invalid input for type '
				|| regexp_replace(type::text, '.*\.', '') || ': %'
			THEN 'refused' ELSE 'nameless: ' || SQLERRM END;
	END $$;
});

foreach my $type (sort keys %literals)
{
	my @alphabet = (split(//, '0123456789@/#{},-+:.TZ ()'), 'infinity', 'end of', "\t", "\x{fc}");
	my @inputs = map { edit($literals{$type}[rand @{ $literals{$type} }], @alphabet) } 1 .. $rounds;
	my $rows = join(",\n", map { s/\$inputs\$//g; "(\$inputs\$$_\$inputs\$)" } @inputs);

	utf8::encode($rows);
	my $answers = query($node, qq{
		SELECT string_agg(DISTINCT answer, ' ' ORDER BY answer)
		FROM (SELECT try_text('loyalty.$type', input) AS answer
			FROM (VALUES $rows) AS v (input)) AS t});
	is($answers, 'refused value', "edits of the text of $type are values or errors of the type");
}

# The same with bytes, which arrive by a binary COPY of one column.
foreach my $type (sort keys %literals)
{
	my %seen;
	my @wrong;

	foreach my $literal (@{ $literals{$type} })
	{
		my $bytes = pack('H*', query($node,
				qq{SELECT encode(loyalty.${type}_send('$literal'), 'hex')}));
		my $script = "\\set VERBOSITY sqlstate\nCREATE TEMP TABLE received (v loyalty.$type);\n";

		foreach my $i (1 .. 100)
		{
			my $edited = edit($bytes, map { chr } 0, 1, 2, 15, 85, 127, 128, 255);
			my $file = "$PostgreSQL::Test::Utils::tmp_check/bytes.$type.$i";

			open my $handle, '>:raw', $file or die "$file: $!";
			print $handle "PGCOPY\n\xff\r\n\0", pack('NN', 0, 0), pack('n', 1),
				pack('N', length $edited), $edited, "\xff\xff";
			close $handle;
			$script .= "\\copy received FROM '$file' WITH (FORMAT binary)\n";
		}
		$script .= "SELECT count(v::text::loyalty.$type) = count(*) FROM received;\n";
		my ($status, $stdout, $stderr) = $node->psql('shop', $script, on_error_stop => 0);

		$seen{$_}++ foreach $stderr =~ /ERROR:  (\w{5})$/mg;
		push @wrong, "$status $stdout" if $status != 0 || $stdout ne 't';
	}
	my @codes = sort grep { !/^(22P03|08P01|22021)$/ } keys %seen;

	is("@codes @wrong", ' ', "edited bytes of $type are values or malformed");
	ok($seen{'22P03'}, "some of them are refused by $type");
}

is(query($node, 'SELECT 1'), '1', 'the server is up');
done_testing();
