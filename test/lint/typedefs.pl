#!/usr/bin/perl
#
# typedefs.pl FILE...
#		The names of all typedefs in C files and headers: what pg_bsd_indent must
#		know to tell a declaration from a product.
use strict;
use warnings;

# a typedef of the server that is a usual name of variables, too
my %variable = map { $_ => 1 } qw(text);
my %names;

local $/;
foreach my $file (@ARGV)
{
	open my $handle, '<', $file or die "$file: $!\n";
	my $source = <$handle>;
	my $braces = qr/(?<braces>\{(?:[^{}]++|(?&braces))*\})/s;

	$source =~ s{/\*.*?\*/}{}gs;
	while ($source =~ /\btypedef\b((?:[^;{}]|$braces)*);/gs)
	{
		my $definition = $1 =~ s/$braces//rs;

		if ($definition =~ /\(\s*\*?\s*(\w+)\s*\)\s*\(/s
			|| $definition =~ /(\w+)\s*(?:\[[^\]]*\]\s*)*$/s)
		{
			$names{$1} = 1;
		}
	}
}
print "$_\n" foreach grep { !$variable{$_} } sort keys %names;
