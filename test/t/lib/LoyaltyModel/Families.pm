# LoyaltyModel::Families
#		The grants of one event and what became of them.
#
# A family is the first grant of an event and point kind and all that was
# added, corrected or clawed back since; it is found by going through the
# member's entries again.
package LoyaltyModel::Families;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(in_order points_of cut);
use LoyaltyModel::Flow qw(story effect take_away);

use constant TAKES_BACK => { correction => 1, claw_back => 1 };

our @EXPORT_OK = qw(
  family_of families event_families family_from families_of_lots shortfalls lacks owed_before owns
  own_points standing_waiver layers peel ceiling
);

sub family_of
{
	my ($first, @entries) = @_;

	@entries = ($first) if !@entries;
	return {
		first => $first,
		entries => \@entries,
		fresh => [ map { @{ $_->{fresh} // [] } } @entries ],
		net => sum0(map { effect($_) } @entries),
		net_growth => sum0(map { $_->{growth} } @entries),
		granted => sum0(map { effect($_) } grep { !TAKES_BACK->{ $_->{kind} } } @entries),
		granted_growth =>
		  sum0(map { $_->{growth} } grep { !TAKES_BACK->{ $_->{kind} } } @entries),
		by_operator => -sum0(map { effect($_) } grep { $_->{kind} eq 'claw_back' } @entries),
		growth_by_operator =>
		  -sum0(map { $_->{growth} } grep { $_->{kind} eq 'claw_back' } @entries),
	};
}

# Families under a ref, in the order of their first grants.
sub families
{
	my ($member, $ref, $kind, $event) = @_;
	my (@names, %entries);

	foreach my $entry (story($member, $ref, $kind, 'correction', 'claw_back'))
	{
		next if $entry->{event} ne $event || $entry->{gift};
		push @names, $entry->{point_kind} if !$entries{ $entry->{point_kind} };
		push @{ $entries{ $entry->{point_kind} } }, $entry;
	}
	return map { family_of($entries{$_}[0], @{ $entries{$_} }) } @names;
}

# All families of the member's events of a kind, those without a ref too.
sub event_families
{
	my ($member, $event) = @_;
	my (@names, %entries);

	foreach my $entry (@{ $member->{entries} })
	{
		next if $entry->{event} ne $event || $entry->{gift} || $entry->{kind} eq 'gift';
		my $name = join '/', $entry->{ref} // "#$entry->{operation}", $entry->{point_kind};
		push @names, $name if !$entries{$name};
		push @{ $entries{$name} }, $entry;
	}
	return map { family_of($entries{$_}[0], @{ $entries{$_} }) } @names;
}

# The family that begins with an entry.  A gift is given once and taken back
# once, and is a family of its own.
sub family_from
{
	my ($member, $first) = @_;

	return family_of($first, $first,
		grep { $_->{gift} && $_->{reverses} == $first->{id} } @{ $member->{entries} })
	  if $first->{kind} eq 'gift';
	return if !defined $first->{ref};
	my ($family) = grep { $_->{first}{id} == $first->{id} }
	  families($member, @$first{qw(ref kind event)});
	return $family;
}

# The family and those whose grants have joined its lots.
sub families_of_lots
{
	my ($member, $family) = @_;
	my $earliest = min($family->{first}{id},
		grep { $_ } map { $_->[3] } @{ $family->{first}{lots} });
	my @families = ($family);

	foreach my $entry (grep { $_->{id} >= $earliest } @{ $member->{entries} })
	{
		next if !grep { owns($family, $_) } @{ $entry->{fresh} // [] };
		next if $entry->{kind} !~ /^(?:earn|event|gift)$/;
		next if grep { $_->{id} == $entry->{id} } map { @{ $_->{entries} } } @families;
		if ($entry->{kind} eq 'gift')
		{
			push @families, family_from($member, $entry);
		}
		elsif (defined $entry->{ref})
		{
			push @families, grep { $_->{first}{point_kind} eq $entry->{point_kind} }
			  families($member, @$entry{qw(ref kind event)});
		}
	}
	return @families;
}

# The families of which something was owed or waived after an entry.
sub shortfalls
{
	my ($member, $after) = @_;
	my (@families, %seen);

	foreach my $kind (qw(claw_back correction))
	{
		foreach my $entry (grep { $_->{kind} eq $kind && $_->{id} > $after } @{ $member->{entries} })
		{
			next if $entry->{waived} <= 0 && $entry->{debt} <= 0;
			next if !defined $entry->{reverses} || $seen{ $entry->{reverses} }++;
			my ($first) = grep { $_->{id} == $entry->{reverses} } @{ $member->{entries} };
			push @families, family_from($member, $first);
		}
	}
	return @families;
}

# Is it a lot of the grants that something lacks of?  What one gift of a tier
# lacked, the next one let go first: they stand for each other.
sub lacks
{
	my ($member, $family, $lot) = @_;

	return owns($family, $lot) if $family->{first}{kind} ne 'gift';
	return grep { $_->{kind} eq 'gift' && $_->{tier} eq $family->{first}{tier} && owns(family_of($_), $lot) }
	  @{ $member->{entries} };
}

sub owed_before
{
	my ($family) = @_;

	return sum0(
		(map { $_->{debt} + points_of(grep { !owns($family, $_) } @{ $_->{lots} }) }
			grep { $_->{kind} eq 'claw_back' } @{ $family->{entries} }),
		map { $_->{debt} + points_of(@{ $_->{other} }) } layers($family));
}

# Is it a lot that the family granted, or the one that its grant joined?  Grace
# may have moved the end of the former.
sub owns
{
	my ($family, $lot) = @_;

	return $lot->[3] == $family->{first}{id}
	  || grep { $_->[3] == $lot->[3] && $_->[1] == $lot->[1] && $_->[2] == $lot->[2] }
	  @{ $family->{fresh} };
}

sub own_points { return points_of(grep { owns($_[0], $_) } @{ $_[1]{lots} }) }

sub standing_waiver
{
	my ($member, $family) = @_;
	my $id = $family->{first}{id};

	# what a gift let go of was forgiven for another one
	return max(0,
		sum0(map { $_->{waived}, values %{ $_->{cancelled} } } @{ $family->{entries} })
		  - sum0(map { $_->{cancelled}{$id} // 0 } @{ $member->{entries} }));
}

# What corrections took and no later grant gave back, newest last.
sub layers
{
	my ($family) = @_;
	my @layers;

	foreach my $entry (@{ $family->{entries} })
	{
		next if $entry->{kind} eq 'claw_back';
		if (effect($entry) < 0)
		{
			my @lots = reverse in_order($entry->{order} // 'fifo', @{ $entry->{lots} });
			push @layers,
			  {
				debt => $entry->{debt},
				waived => $entry->{waived},
				other => [ grep { !owns($family, $_) } @lots ],
				lapsed => $entry->{lapsed},
				own => [ grep { owns($family, $_) } @lots ],
			  };
		}
		else
		{
			peel(\@layers, effect($entry));
		}
	}
	return @layers;
}

# Gives back up to `points` of the layers, newest first.
sub peel
{
	my ($layers, $points) = @_;
	my %back = (debt => 0, waived => 0, lapsed => 0, lots => []);

	while ($points > 0 && @$layers)
	{
		my $layer = $layers->[-1];

		foreach my $part (qw(debt waived other lapsed own))
		{
			if (ref $layer->{$part})
			{
				my ($taken, $rest) = cut($points, @{ $layer->{$part} });
				push @{ $back{lots} }, @$taken;
				$layer->{$part} = $rest;
				$points -= points_of(@$taken);
				next;
			}
			my $taken = min($points, $layer->{$part});
			$back{$part} += $taken;
			$layer->{$part} -= $taken;
			$points -= $taken;
		}
		pop @$layers if $points > 0;
	}
	return (\%back, $points);
}

# Takes back `points` of a grant: its very lots, what of them lapsed, then by
# shortfall, where points given away or on hold are owed in any case.
sub take_grant
{
	my ($self, $member, $entry, $family, $points) = @_;
	my $left = $points;
	my @later = grep { $_->{id} > $family->{first}{id} } @{ $member->{entries} };
	my $share = sum0(map { (effect($_) < 0 ? -1 : 1) * own_points($family, $_) }
		  @{ $family->{entries} });
	my ($very) = cut(min($left, max(0, $share)),
		grep { owns($family, $_) } reverse @{ $member->{lots} });

	$entry->{reverses} = $family->{first}{id};
	take_away($member, $entry, @$very);
	$left -= points_of(@$very);

	# of a lot that several grants joined, each point counts for one of them
	my @joined = families_of_lots($member, $family);
	my $lapsed =
	  sum0(map { own_points($family, $_) } grep { $_->{kind} =~ /^(?:lapse|status)$/ } @later)
	  - sum0(map { $_->{lapsed} } map { @{ $_->{entries} } } @joined);
	$entry->{lapsed} = max(0, min($left, $lapsed));
	$left -= $entry->{lapsed};

	my $owed = $left;
	if ($self->{program}{shortfall} eq 'waive')
	{
		my $given =
		  sum0(map { own_points($family, $_) } grep { $_->{kind} eq 'transfer_out' } @later)
		  + sum0(map { own_points($family, $_) } @{ $member->{holds} });
		$owed = max(0, min($left, $given - sum0(map { owed_before($_) } @joined)));
	}
	$entry->{waived} = $left - $owed;
	$self->owe($member, $entry, $owed) if $owed > 0;
	$entry->{points} = -($points - $entry->{lapsed} - $entry->{waived});
	return;
}

sub ceiling { return int(($_[0] + $_[1] - 1) / $_[1]) }

1;
