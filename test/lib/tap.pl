#!/usr/bin/perl
#
# tap.pl [--lib DIR]... [--exec COMMAND] FILE...
#		Runs TAP files and ends with the line `N passed, N failed`.
#
# Skipped and TODO assertions are not counted.  A file that dies, miscounts its
# plan or runs nothing without saying why is a failure of its own, if no
# assertion of it failed.
use strict;
use warnings;

use Getopt::Long;
use TAP::Harness;

my @lib;
my $exec;
GetOptions('lib=s' => \@lib, 'exec=s' => \$exec)
  or die "usage: tap.pl [--lib DIR]... [--exec COMMAND] FILE...\n";

my %arguments = (
	verbosity => 0,
	failures => 1,
	errors => 1,
	timer => 1,
	lib => \@lib);
if (defined $exec)
{
	my @command = split ' ', $exec;
	# psql prints what Test::More would put on standard error
	$arguments{comments} = 1;
	$arguments{exec} = sub { return [ @command, $_[1] ] };
}

my $aggregate = TAP::Harness->new(\%arguments)->runtests(@ARGV);
my ($passed, $failed) = (0, 0);
foreach my $file ($aggregate->descriptions)
{
	my ($parser) = $aggregate->parsers($file);
	my $bad = scalar $parser->failed;

	$passed += $parser->passed - $parser->skipped - $parser->todo;
	$bad = 1
	  if !$bad
	  && ($parser->exit || $parser->wait || $parser->parse_errors
		|| (!$parser->tests_run && !$parser->skip_all));
	$failed += $bad;
	print "$file: skipped: " . $parser->skip_all . "\n" if $parser->skip_all;
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
