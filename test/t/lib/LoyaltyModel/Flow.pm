# LoyaltyModel::Flow
#		Entries of a member, what lots they move, and what the clock decides.
#
# An entry is opened, lots go in or out with it, and it is closed; then nothing
# changes it.  The ids of entries, and when they were recorded, come from
# `told`, if the model was made with it.
package LoyaltyModel::Flow;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(FOREVER in_order merged points_of cut is_spendable);

use constant SECOND => 1_000_000;

our @EXPORT_OK = qw(
  spendable tier_name story effect credit take take_away drop_hold may may_earn may_spend
  replay repeated whole_second
);

sub spendable
{
	my ($member, $at) = @_;

	return points_of(grep { is_spendable($_, $at) } @{ $member->{lots} });
}

sub open_entry
{
	my ($self, $member, $kind, $at, %field) = @_;
	my $number = @{ $member->{entries} };
	my ($id, $recorded) =
	  $self->{told} ? $self->{told}->($member->{name}, $number) : (++$self->{ids}, $self->{now});

	return {
		id => $id // -1,
		recorded => $recorded // $self->{now},
		operation => $self->{operation},
		kind => $kind,
		at => $at,
		points => 0,
		growth => 0,
		debt => 0,
		waived => 0,
		lapsed => 0,
		event => '',
		ref => undef,
		point_kind => '',
		content => '',
		lots => [],
		cancelled => {},
		%field
	};
}

# `late` are lots that came with the entry but had lapsed: they go at once.
sub close_entry
{
	my ($self, $member, $entry, @late) = @_;

	$entry->{lots} = [ merged(@{ $entry->{lots} }) ];
	$entry->{balance} = spendable($member, $entry->{at}) - $member->{debt};
	push @{ $member->{entries} }, $entry;
	$member->{last_at} = max($member->{last_at}, $entry->{at});
	if (@late)
	{
		my $lapse = $self->open_entry($member, 'lapse', $entry->{at});

		$lapse->{points} = -points_of(@late);
		$lapse->{lots} = [ merged(@late) ];
		$lapse->{balance} = $entry->{balance};
		push @{ $member->{entries} }, $lapse;
	}
	return $entry;
}

# Lots come in and pay the debt first, in lot order.
sub credit
{
	my ($member, $entry, @lots) = @_;
	my @late = grep { $_->[2] <= $entry->{at} } @lots;
	my ($paid, $rest) =
	  cut($member->{debt}, in_order('fifo', grep { $_->[2] > $entry->{at} } @lots));

	$member->{debt} -= points_of(@$paid);
	$entry->{debt} -= points_of(@$paid);
	$member->{lots} = [ merged(@{ $member->{lots} }, @$rest) ];
	push @{ $entry->{lots} }, @$rest, @late;
	return @late;
}

# Up to `points` of the lots that fit, in this order, go into the entry.
sub take
{
	my ($member, $entry, $points, $order, $fits) = @_;
	my ($taken) =
	  cut($points, in_order($order, grep { $fits->($_) } @{ $member->{lots} }));

	take_away($member, $entry, @$taken);
	return points_of(@$taken);
}

sub take_away
{
	my ($member, $entry, @lots) = @_;

	# minus as a merge with negative points
	$member->{lots} = [ merged(@{ $member->{lots} }, map { [ -$_->[0], @$_[ 1 .. 3 ] ] } @lots) ];
	push @{ $entry->{lots} }, @lots;
	return;
}

sub take_spendable
{
	my ($self, $member, $entry, $points) = @_;

	$entry->{order} = $self->{program}{spend_order};
	return take($member, $entry, $points, $entry->{order},
		sub { is_spendable($_[0], $entry->{at}) });
}

sub owe
{
	my ($self, $member, $entry, $points) = @_;

	$points -= $self->take_spendable($member, $entry, $points);
	$points -= take($member, $entry, $points, 'fifo', sub { $_[0][1] > $entry->{at} });
	$member->{debt} += $points;
	$entry->{debt} += $points;
	return;
}

# Points that no grant stands for, by the program's shortfall.
sub take_anyhow
{
	my ($self, $member, $entry, $points) = @_;

	if ($self->{program}{shortfall} eq 'owe')
	{
		$self->owe($member, $entry, $points);
		$entry->{points} -= $points;
		return;
	}
	my $taken = $self->take_spendable($member, $entry, $points);
	$entry->{points} -= $taken;
	$entry->{waived} += $points - $taken;
	return;
}

# What the clock has decided until `at`, in the order in which it came about.
sub advance
{
	my ($self, $member, $at) = @_;

	for (;;)
	{
		my $lapse_at = min(FOREVER, map { $_->[2] } @{ $member->{lots} });
		my ($hold) = sort { $a->{until} <=> $b->{until} || $a->{id} <=> $b->{id} }
		  @{ $member->{holds} };

		if ($hold && $hold->{until} <= $at && $hold->{until} <= $lapse_at)
		{
			$self->end_hold($member, $hold, $hold->{until});
			next;
		}
		last if $lapse_at > $at;
		my $entry = $self->open_entry($member, 'lapse', $lapse_at);
		take_away($member, $entry, grep { $_->[2] <= $lapse_at } @{ $member->{lots} });
		$entry->{points} = -points_of(@{ $entry->{lots} });
		$self->close_entry($member, $entry);
	}
	return;
}

sub begin
{
	my ($self, $member, $at) = @_;

	$self->advance($member, $at);
	$self->advance_tier($member, $at);
	$self->reassess($member, undef, $at) if !$member->{tier};
	return;
}

# The clock as the server reads it for an operation whose next entry comes now.
sub clock
{
	my ($self, $member) = @_;
	my $recorded = $self->{told}
	  && ($self->{told}->($member->{name}, scalar @{ $member->{entries} }))[1];

	return max($recorded // $self->{now}, $member->{last_at});
}

sub time_of
{
	my ($self, $member, $operation) = @_;

	die "22023\n" if defined $operation->{at} && $operation->{at} > $self->{now} + 120 * SECOND;
	return $operation->{at} // $self->clock($member);
}

sub may
{
	my ($member, @forbidden) = @_;

	die "LY004\n" if grep { $_ eq $member->{status} } @forbidden;
	return;
}

sub may_earn { return may($_[0], qw(earn_blocked frozen closed)) }

sub may_spend { return may($_[0], qw(spend_blocked frozen closed)) }

sub story
{
	my ($member, $ref, @kinds) = @_;

	return if !defined $ref;
	return grep {
		my $entry = $_;
		defined $entry->{ref} && $entry->{ref} eq $ref && grep { $_ eq $entry->{kind} } @kinds
	} @{ $member->{entries} };
}

sub tier_name { return $_[0]{tier} ? $_[0]{tier}{name} : '' }

sub receipt
{
	my ($self, $member, $at, @entries) = @_;

	my $balance = spendable($member, $at) - $member->{debt};

	# what the clock had done before is answered as it was then
	$_->{answered} = $balance
	  foreach grep { $_->{operation} == $self->{operation} && $_->{at} == $at } @entries;
	return {
		id => @entries ? $entries[-1]{id} : '',
		points => sum0(map { $_->{points} } @entries),
		growth => sum0(map { $_->{growth} } @entries),
		balance => $balance,
		tier => tier_name($member),
		replayed => 'f',
	};
}

# The first receipt again: the entries that the same call made then.
sub replay
{
	my (@entries) = @_;

	return {
		id => $entries[-1]{id},
		points => sum0(map { $_->{points} } @entries),
		growth => sum0(map { $_->{growth} } @entries),
		balance => $entries[-1]{answered} // $entries[-1]{balance},
		tier => $entries[-1]{tier_after},
		replayed => 't',
	};
}

# The entries of the first operation of that kind under the ref, if there is
# one; LY003 if its content was other.
sub repeated
{
	my ($content, @story) = @_;

	return if !@story;
	die "LY003\n" if $story[0]{content} ne $content;
	return grep { $_->{operation} == $story[0]{operation} } @story;
}

sub whole_second { return $_[0] - $_[0] % SECOND }

sub policy_validity
{
	my ($self, $at) = @_;
	my $from = whole_second($self->{calendar}->plus($at, @{ $self->{program}{pending_for} }));

	return ($from, $self->{calendar}->valid_until($self->{program}{validity}, $from));
}

# Where lots merge, a lot of the same end and local period lends its key.
sub place
{
	my ($self, $member, $at, $lot) = @_;
	my $granularity = $self->{program}{lot_granularity};

	return $lot if $granularity eq 'entry';
	foreach my $other (reverse @{ $member->{lots} })
	{
		next if $other->[2] != $lot->[2] || ($other->[1] > $at) != ($lot->[1] > $at);
		next
		  if $self->{calendar}->period($granularity, $other->[1]) ne
		  $self->{calendar}->period($granularity, $lot->[1]);
		return [ $lot->[0], $other->[1], $lot->[2], $other->[3] ];
	}
	return $lot;
}

sub drop_hold
{
	my ($member, $hold) = @_;

	$member->{holds} = [ grep { $_->{id} != $hold->{id} } @{ $member->{holds} } ];
	return;
}

sub end_hold
{
	my ($self, $member, $hold, $at) = @_;
	my $entry = $self->open_entry($member, 'release', $at, ref => $hold->{ref});

	drop_hold($member, $hold);
	my @late = credit($member, $entry, @{ $hold->{lots} });
	return $self->close_entry($member, $entry, @late);
}

# The points that an entry stands for: what was waived or had lapsed counts.
sub effect { return $_[0]{points} - $_[0]{waived} - $_[0]{lapsed} }

1;
