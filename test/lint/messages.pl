# messages.pl
#		Message catalogs hold what the sources say: a line `ok` or `not ok` for
#		each check.
#
# A sentence is the first argument of _(), or the first two of loyalty_plural(),
# written as string literals.  Every one must be translated in every catalog of
# po/, with the conversions of the original; a catalog holds no others, and
# nls.mk names every file that has some.
use strict;
use warnings;

sub slurp
{
	my ($file) = @_;

	open my $handle, '<', $file or die "$file: $!";
	local $/ = undef;
	return scalar <$handle>;
}

sub check
{
	my ($name, @faults) = @_;

	print @faults ? 'not ok' : 'ok', " $name\n";
	print "# $_\n" foreach @faults;
	return;
}

# Adjacent string literals as one, escapes left as they are.
my $literal = qr/(?:"(?:[^"\\]|\\.)*"\s*)+/;

sub joined
{
	my ($text) = @_;

	return join '', $text =~ /"((?:[^"\\]|\\.)*)"/g;
}

# The types of the conversions in the order of their arguments.
sub conversions
{
	my ($text) = @_;
	my ($next, @types) = (0);

	$text =~ s/%%//g;
	while ($text =~ /%(?:(\d+)\$)?([a-z]+?)(?=[^a-z]|$)/g)
	{
		$types[ $1 ? $1 - 1 : $next++ ] = $2;
	}
	return join ' ', map { $_ // '?' } @types;
}

my %sentences;
my @speaking;

foreach my $file (@ARGV)
{
	my $text = slurp($file);
	my $found = keys %sentences;
	my $speaks = 0;

	while ($text =~ /(?<!\w)_\(\s*($literal)\)/g)
	{
		$sentences{ joined($1) } = undef;
		$speaks = 1;
	}
	while ($text =~ /\bloyalty_plural\(\s*($literal),\s*($literal),/g)
	{
		$sentences{ joined($1) } = joined($2);
		$speaks = 1;
	}
	push @speaking, $file if $speaks;
}

my ($named) = slurp('nls.mk') =~ /^GETTEXT_FILES = ((?:.*\\\n)*.*)$/m;
my %named = map { $_ => 1 } grep { $_ ne '\\' } split ' ', $named;

check('sentences are found', %sentences ? () : 'none');
check('nls.mk names the files with sentences',
	(map { "missing: $_" } grep { !$named{$_} } @speaking),
	(map { my $file = $_; (grep { $_ eq $file } @speaking) ? () : "has none: $file" }
		sort keys %named));

foreach my $catalog (glob 'po/*.po')
{
	my (%translated, @faults);

	foreach my $block (split /\n{2,}/, slurp($catalog))
	{
		my ($id) = $block =~ /^msgid ($literal)/m or next;
		my ($plural) = $block =~ /^msgid_plural ($literal)/m;
		my @texts = map { joined($_) } $block =~ /^msgstr(?:\[\d\])? ($literal)/mg;

		$id = joined($id);
		next if $id eq '';
		$translated{$id} = 1;
		push @faults, "not in the sources: $id"
		  if !exists $sentences{$id} || joined($plural // '""') ne ($sentences{$id} // '');
		push @faults, "fuzzy: $id" if $block =~ /^#,.*\bfuzzy\b/m;
		push @faults, map { "not translated, or other conversions: $id" }
		  grep { $_ eq '' || conversions($_) ne conversions($id) } @texts ? @texts : '';
	}
	push @faults, map { "missing: $_" } grep { !$translated{$_} } sort keys %sentences;
	check("$catalog holds every sentence", @faults);
}
