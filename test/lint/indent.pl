#!/usr/bin/perl
#
# indent.pl TYPEDEFS FILE...
#		Is the C source as pgindent would leave it?  Prints what is not, and
#		one line "ok FILE" or "not ok FILE" for each.
#
# pg_bsd_indent does the work, with pgindent's options and the last of its
# corrections.  Not compared, because its versions disagree: the indentation of
# lines that continue an initialization, blank lines, names behind a closing
# brace.  Nor where comments start beside code or break their lines, as long as
# no line is wider than 100 columns.
use strict;
use warnings;

use File::Temp;

my @options = qw(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1
  -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4);

sub comparable
{
	my $source = join '', @_;
	my $continues = 0;
	my @lines;

	$source =~ s{[ \t]*(/\*.*?\*/)}{' ' . $1 =~ s/\s*\n\s*(?:\*(?!\/)\s*)?/ /gr =~ s/\s+/ /gr}gse;
	$source =~ s/^\}[ \t]+(?=\w)/} /gm;
	foreach my $line (grep { /\S/ } split /\n/, $source)
	{
		my $code = $line =~ s{/\*.*?\*/}{}gr;

		$line =~ s/^\s+/ / if $continues;
		$continues = $continues
		  ? $code !~ /[;{]\s*$/
		  : $code =~ /^\s+[\w\s*]+(?:\[\w*\])?\s*=(?:[^;{]*[^;{,\s])?\s*$/;
		push @lines, "$line\n";
	}
	return join '', @lines;
}

sub width
{
	my ($line) = @_;

	chomp $line;
	1 while $line =~ s/\t/' ' x (4 - $-[0] % 4)/e;
	return length $line;
}

$| = 1;
my ($typedefs, @files) = @ARGV;
foreach my $file (@files)
{
	open my $input, '<', $file or die "$file: $!\n";
	my @source = <$input>;
	my @indented = `pg_bsd_indent @options -U$typedefs < '$file' 2>&1`;
	my $before = File::Temp->new;
	my $after = File::Temp->new;

	foreach (@indented)
	{
		# a function's result type: one space before the star
		s/^([A-Za-z_][\w \t]*\w)[ \t]+(\*+)$/$1 $2/;
		# typedefs.pl leaves out `text`
		s/\btext \* (\w)/text *$1/g;
	}
	if (my ($error) = grep { /INDENT\*\* Error|^Error\@/ } @indented)
	{
		print "$file: pg_bsd_indent cannot read it: $error";
		print "not ok $file\n";
		next;
	}
	if (my @wide = grep { width($source[$_ - 1]) > 100 } 1 .. @source)
	{
		print "$file: wider than 100 columns: line @wide\n";
		print "not ok $file\n";
		next;
	}
	print $before comparable(@source);
	print $after comparable(@indented);
	close $before;
	close $after;
	if (system('diff', '-u', "--label=$file", "--label=$file, indented", "$before", "$after") == 0)
	{
		print "ok $file\n";
	}
	else
	{
		print "not ok $file\n";
	}
}
