# LoyaltyModel::Events
#		What rules make of events: first grants and corrections.
#
# Exact figures are whole numbers of ten millionths of a point.
package LoyaltyModel::Events;

use strict;
use warnings;

use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(merged);
use LoyaltyModel::Flow qw(tier_name story credit may_earn replay repeated);
use LoyaltyModel::Families qw(families standing_waiver layers peel);
use LoyaltyModel::Limits qw(standing_uses noted_uses same_uses);

# What the rules give: a list of { point_kind, points, growth, shares, uses }.
# `families` are those of the event if it is corrected.
sub evaluate
{
	my ($self, $member, $event, $attributes, $at, @families) = @_;
	my $basis = @families ? $families[0]{first}{basis} : {
		tier => $member->{tier},
		rules => [
			grep {
				     $_->{event} eq $event
				  && (!$_->{tier} || ($member->{tier} && $member->{tier}{name} eq $_->{tier}))
				  && (!$_->{ends_at} || $at < $_->{ends_at})
			} @{ $self->{rules} } ],
		at => $at,
	};
	my (@results, @grants);

	foreach my $rule (@{ $basis->{rules} })
	{
		next if $rule->{condition} && !$attributes->{ $rule->{condition} };
		my $given = ($rule->{sign} // 1) * $rule->{thousandths} *
		  ($rule->{key} ? $attributes->{ $rule->{key} } // 0 : 100);
		my $percent = $rule->{multiplied} && $basis->{tier} ? $basis->{tier}{percent} : 100;
		my $growth = defined $rule->{growth} ? $rule->{growth} * 10_000_000 : $given * 100;
		push @results, { rule => $rule, exact => $given * $percent, exact_growth => $growth };
	}
	$self->limit($member, $basis, \@results, standing_uses(@families));
	$self->share_out('exact', 'points', \@results);
	$self->share_out('exact_growth', 'growth', \@results);

	my ($from, $until) = $self->policy_validity($basis->{at});
	foreach my $result (grep { $_->{points} || $_->{growth} } @results)
	{
		my $rule = $result->{rule};
		my ($grant) = grep { $_->{point_kind} eq $rule->{point_kind} } @grants;
		my $end =
		  $rule->{validity} ? $self->{calendar}->valid_until($rule->{validity}, $from) : $until;

		push @grants, $grant =
		  { point_kind => $rule->{point_kind}, points => 0, growth => 0, shares => {}, uses => [] }
		  if !$grant;
		$grant->{points} += $result->{points};
		$grant->{growth} += $result->{growth};
		$grant->{shares}{$end} += $result->{points};
		push @{ $grant->{uses} }, LoyaltyModel::Limits::uses_of_result($result);
	}
	push @grants, { point_kind => '', points => 0, growth => 0, shares => {} } if !@grants;
	$_->{from} = $from foreach @grants;
	return { basis => $basis, grants => \@grants };
}

# Rounds the sum and makes the parts whole by largest remainder.
sub share_out
{
	my ($self, $exact, $whole, $results) = @_;
	my $unit = 10_000_000;
	my $sum = sum0(map { $_->{$exact} } @$results);
	my $size = abs $sum;
	my $total = int($size / $unit);

	# below zero always toward it: a return takes no more than it says
	$total++ if $sum > 0 && $self->{program}{rounding} eq 'up' && $size % $unit;
	$total++ if $sum > 0 && $self->{program}{rounding} eq 'nearest' && $size % $unit >= $unit / 2;
	$total = -$total if $sum < 0;
	foreach my $result (@$results)
	{
		$result->{rest} = $result->{$exact} % $unit;
		$result->{$whole} = ($result->{$exact} - $result->{rest}) / $unit;
	}
	my $missing = $total - sum0(map { $_->{$whole} } @$results);
	my @order = sort { $results->[$b]{rest} <=> $results->[$a]{rest} || $a <=> $b } 0 .. $#$results;
	$results->[ $order[$_] ]{$whole}++ foreach 0 .. $missing - 1;
	return;
}

# New lots for `points` of a grant, spread over its shares.
sub spread
{
	my ($self, $member, $entry, $grant, $points, $first) = @_;
	my $source = $first ? $first->{id} : $entry->{id};
	my %shares = $grant ? %{ $grant->{shares} } : ();
	my $weight = sum0(grep { $_ > 0 } values %shares);
	my @lots;

	return $self->place($member, $entry->{at},
		[ $points, $self->policy_validity($entry->{at}), $source ])
	  if $weight == 0;
	foreach my $until (sort { $a <=> $b } keys %shares)
	{
		next if $shares{$until} <= 0;
		my $part = int($points * $shares{$until} / $weight);

		$weight -= $shares{$until};
		$points -= $part;
		next if $part == 0;
		my $lot = [ $part, $grant->{from}, $until, $source ];

		# an addition joins the lot of the first grant, else it is a lot of its own
		my ($granted) = $first ? grep { $_->[2] == $until } @{ $first->{lots} } : ();
		$lot = $self->place($member, $entry->{at}, $lot) if !$first;
		$lot = [ $part, $granted->[1], $until, $granted->[3] ] if $granted;
		push @lots, $lot;
	}
	return @lots;
}

# The grants of an event that was not seen before.
sub grant_event
{
	my ($self, $member, $at, $event, $ref, $content, $outcome, $growth_at, @only) = @_;
	my ($cause, @entries);

	foreach my $grant (@only ? @only : @{ $outcome->{grants} })
	{
		may_earn($member) if $grant->{points} > 0;
		my $entry = $self->open_entry(
			$member, 'event', $at,
			ref => $ref,
			event => $event,
			content => $content,
			basis => $outcome->{basis},
			point_kind => $grant->{point_kind},
			uses => $grant->{uses},
			granted => $grant->{points});
		my @late;
		if ($grant->{points} > 0)
		{
			$entry->{points} = $grant->{points};
			@late = credit($member, $entry, merged($self->spread($member, $entry, $grant, $grant->{points})));
			$entry->{fresh} = [ @{ $entry->{lots} } ];
		}
		else
		{
			$self->take_anyhow($member, $entry, -$grant->{points});
		}
		$self->add_growth($member, $entry, $grant->{growth},
			$grant->{growth} < 0 ? undef : $growth_at // $at);
		$self->close_entry($member, $entry, @late);
		$cause = $entry if $entry->{growth} != 0;
		push @entries, $entry;
	}
	$self->reassess($member, $cause, $at) if $cause && !@only;
	return @entries;
}

sub attributes_text
{
	my ($attributes) = @_;

	return join ',', map { "$_=$attributes->{$_}" } sort keys %$attributes;
}

sub do_record
{
	my ($self, $op) = @_;
	my $member = $self->find($op, 1);
	my $content = attributes_text($op->{attributes});
	my @first = repeated($content, grep { $_->{event} eq $op->{event} } story($member, $op->{ref}, 'event'));

	if (@first)
	{
		my $receipt = replay(@first);
		die "LY003\n"
		  if $receipt->{points} != 0
		  && sum0(map { $_->{net} } families($member, $op->{ref}, 'event', $op->{event})) == 0;
		return $receipt;
	}
	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	my @entries = $self->grant_event($member, $at, $op->{event}, $op->{ref}, $content,
		$self->evaluate($member, $op->{event}, $op->{attributes}, $at));
	return $self->receipt($member, $at, @entries);
}

sub do_settle
{
	my ($self, $op) = @_;
	my $attributes = $op->{attributes};
	my $member = $self->find($op, defined $attributes);
	my $content = defined $attributes ? attributes_text($attributes) : 'called off';
	my @families = families($member, $op->{ref}, 'event', $op->{event});
	my $at = $self->time_of($member, $op);

	if (!@families)
	{
		return $self->receipt($member, $self->{now}) if !defined $attributes;
		$self->begin($member, $at);
		return $self->receipt($member, $at,
			$self->grant_event($member, $at, $op->{event}, $op->{ref}, $content,
				$self->evaluate($member, $op->{event}, $attributes, $at)));
	}

	$at = $self->clock($member);
	$self->begin($member, $at);
	my $first = $families[0]{first};
	my $outcome = defined $attributes
	  && $self->evaluate($member, $op->{event}, $attributes, $at, @families);
	my %grants = map { $_->{point_kind} => $_ } $outcome ? @{ $outcome->{grants} } : ();
	my (@entries, $cause);

	# what the event uses must be written even where its points stay
	my $always = !same_uses([ noted_uses(@families) ], [ map { @{ $_->{uses} // [] } } values %grants ]);
	foreach my $family (@families)
	{
		my $entry = $self->correct($member, $at, $op, $content, $family,
			delete $grants{ $family->{first}{point_kind} }, $always);
		push @entries, $entry if $entry;
	}
	foreach my $grant ($outcome ? @{ $outcome->{grants} } : ())
	{
		next if !$grants{ $grant->{point_kind} } || (!$grant->{points} && !$grant->{growth});
		push @entries,
		  $self->grant_event($member, $at, $op->{event}, $op->{ref}, $content, $outcome,
			$first->{at}, $grant);
	}
	foreach my $entry (@entries)
	{
		$cause = $entry if $entry->{growth} != 0;
	}
	$self->reassess($member, $cause, $at, @families) if $cause;
	return $self->receipt($member, $at, @entries) if @entries;

	# nothing had to change: if the last call was the same, its receipt again
	my @last = grep { $_->{event} eq $op->{event} && !$_->{gift} }
	  story($member, $op->{ref}, 'event', 'correction');
	return { %{ $self->receipt($member, $at) }, replayed => 't' } if $last[-1]{content} ne $content;
	@last = grep { $_->{operation} == $last[-1]{operation} } @last;
	return { %{ replay(@last) }, tier => tier_name($member) };
}

# Brings one family to what the rules give now, less what operators took.
sub correct
{
	my ($self, $member, $at, $op, $content, $family, $grant, $always) = @_;
	my $rules = $grant ? $grant->{points} : 0;
	my $rules_growth = $grant ? $grant->{growth} : 0;
	my $target = $rules - $family->{by_operator};
	my $growth = $rules_growth - $family->{growth_by_operator};

	$target = min($rules, 0) if $target < 0;
	$growth = min($rules_growth, 0) if $growth < 0;
	my $change = $target - $family->{net};
	$growth -= $family->{net_growth};
	return if $change == 0 && $growth == 0 && !$always;

	may_earn($member) if $change > 0;
	my $entry = $self->open_entry(
		$member, $change > 0 ? 'event' : 'correction', $at,
		ref => $op->{ref},
		event => $op->{event},
		content => $content,
		point_kind => $family->{first}{point_kind},
		uses => $grant ? $grant->{uses} : [],
		granted => $rules);
	my @late;
	if ($change > 0)
	{
		my @layers = layers($family);
		my ($back, $fresh) = peel(\@layers, $change);
		my $debt = min($back->{debt}, $member->{debt});
		my $waived = min($back->{waived}, standing_waiver($member, $family));

		$member->{debt} -= $debt;
		$entry->{debt} -= $debt;
		$entry->{waived} = -$waived;
		$entry->{lapsed} = -$back->{lapsed};
		$fresh += $back->{debt} - $debt + $back->{waived} - $waived;
		my @new = $fresh > 0 ? $self->spread($member, $entry, $grant, $fresh, $family->{first}) : ();
		$entry->{points} = $change + $entry->{waived} + $entry->{lapsed};
		@late = credit($member, $entry, merged(@{ $back->{lots} }, @new));
		$entry->{fresh} = \@new;
	}
	else
	{
		my $granted = min(-$change, max(0, $family->{net}));

		$self->take_grant($member, $entry, $family, $granted) if $granted > 0;
		$self->take_anyhow($member, $entry, -$change - $granted) if -$change > $granted;
	}
	$self->add_growth($member, $entry, $growth, $family->{first}{at});
	return $self->close_entry($member, $entry, @late);
}

# A rule's figure changes; what was granted before keeps the old one.
sub do_change_rule
{
	my ($self, $op) = @_;

	$self->{rules} = [
		map { $_->{name} eq $op->{rule} ? { %$_, thousandths => $op->{thousandths} } : $_ }
		@{ $self->{rules} } ];
	return { done => 1 };
}

1;
