#!/usr/bin/perl
#
# metadata.pl
#		META.json is whole and agrees with the control file, the changelog knows
#		the version.  Run in the top directory; prints "ok" and "not ok" lines.
use strict;
use warnings;

use JSON::PP;

sub slurp
{
	my ($file) = @_;

	open my $handle, '<', $file or return '';
	local $/;
	return <$handle>;
}

sub check
{
	my ($right, $name) = @_;

	print $right ? 'ok' : 'not ok', " $name\n";
	return;
}

my ($version) = slurp('loyalty.control') =~ /^default_version\s*=\s*'([^']+)'/m;
my $semantic = $version =~ /^\d+\.\d+$/ ? "$version.0" : $version;
my $meta = eval { decode_json(slurp('META.json')) } // {};

foreach my $key (qw(name abstract version maintainer license provides meta-spec))
{
	check(defined $meta->{$key}, "META.json has $key");
}
check(($meta->{'meta-spec'}{version} // '') eq '1.0.0', 'META.json follows PGXN 1.0.0');
check(($meta->{version} // '') eq $semantic, "META.json: version $semantic");

my $provided = $meta->{provides}{loyalty} // {};
check(($provided->{version} // '') eq $semantic, "META.json: provides version $semantic");
foreach my $key (qw(file docfile))
{
	check(defined $provided->{$key} && -f $provided->{$key}, "META.json: the $key exists");
}
check(slurp('CHANGELOG.md') =~ /^## \Q$version\E\b/m, "CHANGELOG.md has $version");
