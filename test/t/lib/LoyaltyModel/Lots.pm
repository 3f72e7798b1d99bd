# LoyaltyModel::Lots
#		Lots as the auditor sees them: [points, from, until, source].
#
# Times are microseconds since 1970.  Nothing here knows of members.
package LoyaltyModel::Lots;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(min sum0);
use LoyaltyCalendar;

use constant FOREVER => 9_223_372_036_854_775_807;

our @EXPORT_OK = qw(
  FOREVER by_lot_order in_order merged points_of cut is_spendable lots_text
);

sub by_lot_order
{
	return $_[0][1] <=> $_[1][1] || $_[0][3] <=> $_[1][3] || $_[0][2] <=> $_[1][2];
}

sub in_order
{
	my ($order, @lots) = @_;

	return sort {
		($order eq 'expiring' ? $a->[2] <=> $b->[2] : 0) || by_lot_order($a, $b)
	} @lots;
}

# One list of several: what differs in points alone is one lot.
sub merged
{
	my (@lots) = @_;
	my %sum;

	foreach my $lot (@lots)
	{
		my $key = join '/', @$lot[ 1 .. 3 ];
		$sum{$key} //= [ 0, @$lot[ 1 .. 3 ] ];
		$sum{$key}[0] += $lot->[0];
	}
	return in_order('fifo', grep { $_->[0] > 0 } values %sum);
}

sub points_of { return sum0(map { $_->[0] } @_) }

# The first `points` of the lots as they come, and the rest.
sub cut
{
	my ($points, @lots) = @_;
	my (@taken, @rest);

	foreach my $lot (@lots)
	{
		my $part = min($points, $lot->[0]);

		$points -= $part;
		push @taken, [ $part, @$lot[ 1 .. 3 ] ] if $part > 0;
		push @rest, [ $lot->[0] - $part, @$lot[ 1 .. 3 ] ] if $lot->[0] > $part;
	}
	return (\@taken, \@rest);
}

sub is_spendable { return $_[0][1] <= $_[1] && $_[1] < $_[0][2] }

sub lots_text
{
	my (@lots) = @_;

	return '{' . join(
		',',
		map {
			    $_->[0] . '@'
			  . LoyaltyCalendar::text($_->[1]) . '/'
			  . ($_->[2] == FOREVER ? 'infinity' : LoyaltyCalendar::text($_->[2]))
			  . ($_->[3] ? "#$_->[3]" : '')
		} @lots) . '}';
}

1;
