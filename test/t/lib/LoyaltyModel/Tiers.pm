# LoyaltyModel::Tiers
#		Growth, the tier that it gives, and the gifts of tiers.
package LoyaltyModel::Tiers;

use strict;
use warnings;

use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(in_order merged points_of cut is_spendable);
use LoyaltyModel::Flow qw(effect credit);
use LoyaltyModel::Families qw(family_of shortfalls standing_waiver);

# Growth is kept by the local month, or by the day where days lapse apart.
sub growth_period
{
	my ($self, $dated) = @_;
	my $calendar = $self->{calendar};
	my $window = $self->{program}{growth_window};
	my ($first, $last) = $calendar->month($dated);
	my $until = $calendar->valid_until($window, $first);

	return ($first, $until) if $calendar->valid_until($window, $last) == $until;
	$first = $calendar->day_start($dated);
	return ($first, $calendar->valid_until($window, $first));
}

# The most that growth came to from one instant to another, and when first that
# much or `enough` of it was there.
sub growth_peak
{
	my ($member, $from, $until, $enough) = @_;
	my ($peak, $since) = (-1, $from);

	foreach my $at ($from, sort { $a <=> $b } grep { $_ > $from && $_ <= $until }
		map { $_->[1] } @{ $member->{growth} })
	{
		my $growth = points_of(grep { is_spendable($_, $at) } @{ $member->{growth} });

		($peak, $since) = ($growth, $at) if $growth > $peak;
		last if defined $enough && $peak >= $enough;
	}
	return ($peak, $since);
}

sub add_growth
{
	my ($self, $member, $entry, $growth, $dated) = @_;

	if ($growth > 0)
	{
		$member->{growth} =
		  [ merged(@{ $member->{growth} }, [ $growth, $self->growth_period($dated), 0 ]) ];
		$entry->{growth} += $growth;
		return;
	}
	return if $growth == 0;

	# from the lot of its grant, then from the newest
	my ($from) = defined $dated ? $self->growth_period($dated) : 0;
	my @lots = reverse in_order('fifo', @{ $member->{growth} });
	my @first = grep { $_->[1] == $from } @lots;
	my @others = grep { $_->[1] != $from } @lots;
	my ($taken, $rest) = cut(-$growth, @first, @others);

	$member->{growth} = [ merged(@$rest) ];
	$entry->{growth} -= points_of(@$taken);
	return;
}

# Upgrades at once, by all growth dated up to the newest entry; downgrades where
# growth was lost by a refund, if no time since the tier was reached gives it.
sub reassess
{
	my ($self, $member, $cause, $at, @corrected) = @_;
	my @tiers = @{ $self->{tiers} } or return;
	my $lost = $cause && $cause->{growth} < 0;
	my $clock = max($at, $member->{last_at});
	my $from = $lost ? $member->{tier_since} // $at : $at;
	my ($peak, $since) = growth_peak($member, $from, max($clock, $from));
	my ($reached) = grep { $_->{threshold} <= $peak } reverse @tiers;
	my $before = $member->{tier} ? $member->{tier}{rank} : -1;
	my $after = $reached ? $reached->{rank} : -1;

	if ($lost ? $after >= $before || $self->{program}{refund_tier} eq 'keep' : $after <= $before)
	{
		return if !$lost;
		$after = $before;		# it stays
	}
	else
	{
		(undef, $member->{tier_since}) =
		  growth_peak($member, $from, $clock, $reached->{threshold})
		  if !$lost;
		$member->{tier} = $reached;
	}

	foreach my $tier (grep { $_->{gift} > 0 } @tiers)
	{
		next if $member->{gifts}{ $tier->{name} };
		next if $tier->{rank} <= $before || $tier->{rank} > $after;
		my $entry = $self->open_entry($member, 'gift', $at);
		@$entry{qw(ref event)} = @$cause{qw(ref event)} if $cause;
		$entry->{tier} = $tier->{name};
		foreach my $family (shortfalls($member, 0))
		{
			next if ($family->{first}{tier} // '') ne $tier->{name};
			my $waived = min($tier->{gift} + $entry->{waived}, standing_waiver($member, $family));
			$entry->{cancelled}{ $family->{first}{id} } = $waived;
			$entry->{waived} -= $waived;
		}
		$entry->{points} = $tier->{gift} + $entry->{waived};
		my $lot = $self->place($member, $at,
			[ $entry->{points}, $self->policy_validity($at), $entry->{id} ]);
		my @late = credit($member, $entry, grep { $_->[0] > 0 } $lot);
		$entry->{fresh} = [ @{ $entry->{lots} } ];
		$self->close_entry($member, $entry, @late);
		$member->{gifts} = { %{ $member->{gifts} },
			$tier->{name} => { entry => $entry, cause => $cause ? $cause->{id} : 0 } };
	}
	foreach my $tier (reverse @tiers)
	{
		my $gift = $member->{gifts}{ $tier->{name} };

		next if !$gift || $tier->{rank} <= $after;
		next if !grep { $_->{id} == $gift->{cause} } map { @{ $_->{entries} } } @corrected;

		# ended by another refund: with the last of the event
		next if $tier->{rank} > $before
		  && ($cause ? $cause->{growth} : 0) +
		  sum0(map { $_->{growth} } map { @{ $_->{entries} } } @corrected) > 0;
		my $entry = $self->open_entry(
			$member, 'correction', $at,
			ref => $gift->{entry}{ref},
			event => $gift->{entry}{event},
			gift => 1);
		$self->take_grant($member, $entry, family_of($gift->{entry}), effect($gift->{entry}));
		$self->close_entry($member, $entry);
		$member->{gifts} = { %{ $member->{gifts} } };
		delete $member->{gifts}{ $tier->{name} };
	}
	return;
}

1;
