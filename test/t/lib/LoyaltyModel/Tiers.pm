# LoyaltyModel::Tiers
#		Growth, the tier that it gives and for how long, and the gifts of tiers.
#
# A member has a tier since `tier_since` until `tier_until`, the end of a status
# period or of the grace behind it, and has `gained` so much growth since.  The
# phase says how the period began: reached, kept, fallen to, or in grace.
package LoyaltyModel::Tiers;

use strict;
use warnings;

use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(FOREVER in_order merged points_of cut is_spendable);
use LoyaltyModel::Flow qw(effect credit);
use LoyaltyModel::Families qw(family_of families shortfalls standing_waiver);

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
		$member->{gained} += $growth if $dated >= $member->{tier_since};
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
	$member->{gained} = max(0, $member->{gained} - points_of(@$taken))
	  if !defined $dated || $dated >= $member->{tier_since};
	return;
}

sub rank_of { return $_[0] ? $_[0]{rank} : -1 }

sub live_growth
{
	my ($member, $at) = @_;

	return points_of(grep { is_spendable($_, $at) } @{ $member->{growth} });
}

sub status_end
{
	my ($self, $tier, $since) = @_;

	return $tier ? $self->{calendar}->valid_until($tier->{status} // 'never', $since) : FOREVER;
}

sub open_status
{
	my ($self, $member, $tier, $since, $phase) = @_;

	@$member{qw(tier tier_since tier_until phase gained)} =
	  ($tier, $since, $self->status_end($tier, $since), $phase, 0);
	return;
}

sub is_kept
{
	my ($member, $tier, $at) = @_;

	return defined $tier->{keep} ? $member->{gained} >= $tier->{keep}
	  : live_growth($member, $at) >= $tier->{threshold};
}

# Ends the status periods, and the graces, that the clock has ended by `at`.
sub advance_tier
{
	my ($self, $member, $at) = @_;

	while ($member->{tier} && $member->{tier_until} <= $at)
	{
		my ($tier, $end, $phase) = @$member{qw(tier tier_until phase)};
		my $grace = $phase eq 'grace' ? $end
		  : $self->{calendar}->plus($end, @{ $tier->{grace} // [ 0, 0, 0 ] });
		my @lower = reverse grep { $_->{rank} < $tier->{rank} } @{ $self->{tiers} };
		my $downgrade = $tier->{downgrade} // 'reassess';

		if ($downgrade eq 'none' || is_kept($member, $tier, $end))
		{
			$self->open_status($member, $tier, $end, $phase eq 'fallen' ? 'fallen' : 'kept');
		}
		elsif ($grace > $end)
		{
			@$member{qw(tier_until phase)} = ($grace, 'grace');
		}
		else
		{
			my ($left) = grep { is_kept($member, $_, $end) } @lower;

			$left = $lower[0] if $downgrade eq 'one';
			$self->open_status($member, $left, $end, 'fallen');
		}
	}
	return;
}

# Upgrades at once, by all growth dated up to the newest entry; who has fallen
# must gain what would have kept the tier.  Downgrades where growth was lost by a
# refund, if no time since the tier was reached gives it.
sub reassess
{
	my ($self, $member, $cause, $at, @corrected) = @_;
	my @tiers = @{ $self->{tiers} } or return;
	my $lost = $cause && $cause->{growth} < 0;
	my $clock = max($at, $member->{last_at});
	my $from = $lost ? $member->{tier_since} : $at;
	my ($peak) = growth_peak($member, $from, max($clock, $from));
	my %was = %$member;
	my $fallen = ($was{phase} // '') eq 'fallen';
	my ($reached) = grep {
		$_->{threshold} <= $peak && (!$fallen || $was{gained} >= ($_->{keep} // 0))
	} reverse @tiers;
	my ($before, $after) = (rank_of($was{tier}), rank_of($reached));

	if ($lost)
	{
		if ($after < $before && $was{phase} eq 'reached' && $self->{program}{refund_tier} ne 'keep')
		{
			$self->open_status($member, $reached, $from, 'reached');
			$member->{gained} = $was{gained};
		}
		else
		{
			$after = $before;		# it stays
		}
	}
	else
	{
		return if $after <= $before;
		my (undef, $since) = growth_peak($member, $from, $clock, $reached->{threshold});

		# late growth does not give a status that is over
		return if $was{tier} && $self->status_end($reached, $since) <= $clock;
		$self->open_status($member, $reached, $since, 'reached');
		if ($fallen && grep { $_->{rank} > $after && $_->{threshold} <= live_growth($member, $clock) } @tiers)
		{
			@$member{qw(phase gained)} = ('fallen', $was{gained});
		}
		$member->{gained} += points_of(grep { $_->[1] > $since } @{ $member->{growth} })
		  if $since < $clock;
	}

	foreach my $tier (grep { $_->{gift} > 0 } @tiers)
	{
		next if $tier->{rank} <= $before || $tier->{rank} > $after;
		next if grep { $_->{cycle_until} > $at } @{ $member->{gifts}{ $tier->{name} } // [] };
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
			$tier->{name} => [ @{ $member->{gifts}{ $tier->{name} } // [] }, {
				entry => $entry,
				cause => $cause ? $cause->{id} : 0,
				cycle_until => $self->status_end($tier, $at) } ] };
	}
	foreach my $tier (reverse @tiers)
	{
		my ($gift, @earlier) = reverse @{ $member->{gifts}{ $tier->{name} } // [] };

		next if !$gift || $tier->{rank} <= $after;
		if (!grep { $_->{id} == $gift->{cause} } map { @{ $_->{entries} } } @corrected)
		{
			# with the refund that ends the tier, if it stood in the open period
			next if $tier->{rank} > $before || $gift->{cycle_until} <= $member->{tier_since};
		}
		elsif ($tier->{rank} > $before)
		{
			# the tier had ended by the clock: with the last of the event
			next if ($cause ? $cause->{growth} : 0) +
			  sum0(map { $_->{growth} } map { @{ $_->{entries} } } @corrected) > 0;
		}
		my $entry = $self->open_entry(
			$member, 'correction', $at,
			ref => $gift->{entry}{ref},
			event => $gift->{entry}{event},
			gift => 1);
		$self->take_grant($member, $entry, family_of($gift->{entry}), effect($gift->{entry}));
		$self->close_entry($member, $entry);
		$member->{gifts} = { %{ $member->{gifts} }, $tier->{name} => [ reverse @earlier ] };
	}
	$self->advance_tier($member, $at);
	return;
}

1;
