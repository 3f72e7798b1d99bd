# LoyaltyModel::Limits
#		What limits and budgets of rules leave of wished points.
#
# What is used of a limit is what the events of its period have been granted
# and still have; it is added up over all entries whenever it is asked for.  A
# use is { bucket, points, times, budget }; a bucket is a rule, a period and its
# first day.
package LoyaltyModel::Limits;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max min sum0);
use LoyaltyModel::Families qw(event_families);

use constant POINT => 10_000_000;

our @EXPORT_OK = qw(standing_uses noted_uses same_uses);

sub newest { return (grep { $_->{kind} ne 'claw_back' } @{ $_[0]{entries} })[-1] }

# What families use by the rules' word, before an operator took anything.
sub noted_uses { return map { @{ newest($_)->{uses} // [] } } @_ }

# What they use now: nothing where an operator has taken all.
sub standing_uses
{
	my (@families) = @_;
	my @uses;

	foreach my $family (@families)
	{
		my ($granted, $taken) = (newest($family)->{granted}, $family->{by_operator});
		my $stays = $taken > 0 ? ($granted // 0) > $taken : 1;

		foreach my $use (noted_uses($family))
		{
			push @uses, {
				bucket => $use->{bucket},
				map { $_ => $stays ? $use->{$_} : 0 } qw(points times budget),
			};
		}
	}
	return @uses;
}

sub total
{
	my ($what, $bucket, @uses) = @_;

	return sum0(map { $_->{$what} } grep { $_->{bucket} eq $bucket } @uses);
}

sub same_uses
{
	my ($some, $others) = @_;

	foreach my $bucket (map { $_->{bucket} } @$some, @$others)
	{
		return 0 if grep { total($_, $bucket, @$some) != total($_, $bucket, @$others) }
			qw(points times budget);
	}
	return 1;
}

# Lowers the exact points of the results to what limits and budgets leave.
# `own` are the uses of the event itself, if it is corrected; a correction is
# held against no less than was used when the event was first granted.
sub limit
{
	my ($self, $member, $basis, $results, @own) = @_;
	my @limited = grep { $_->{rule}{limits} || defined $_->{rule}{budget} } @$results;
	my (%used, @standing);

	return if !@limited || sum0(map { $_->{exact} } @$results) < 0;
	@standing = standing_uses(event_families($member, $limited[0]{rule}{event}));
	foreach my $result (@limited)
	{
		my $rule = $result->{rule};

		foreach my $limit (@{ $rule->{limits} // [] })
		{
			my $bucket = join ' ', $rule->{name}, $limit->{per},
			  $self->{calendar}->period($limit->{per}, $basis->{at});
			my %before = map { $_ => total($_, $bucket, @standing) - total($_, $bucket, @own) }
			  qw(points times);
			my $first = ($basis->{used} // {})->{$bucket} // {};

			%before = (points => 0, times => 0) if $limit->{per} eq 'event';
			$before{$_} = max($before{$_}, $first->{$_} // 0) foreach keys %before;
			$used{$bucket} = {%before};
			limit_result($result, $limit, \%before);
			push @{ $result->{buckets} }, $bucket if $limit->{per} ne 'event';
		}
		$self->limit_by_budget($result, @own) if defined $rule->{budget} && $result->{exact} > 0;
	}
	$basis->{used} //= \%used;
	return;
}

sub limit_result
{
	my ($result, $limit, $before) = @_;

	return if !$result->{had_points} && $result->{exact} <= 0;
	$result->{had_points} = 1;
	if (defined $limit->{times} && $before->{times} >= $limit->{times})
	{
		die "LY006\n" if $limit->{refuse};
		$result->{exact} = $result->{exact_growth} = 0;
	}
	return if !defined $limit->{points};
	my $left = max(0, $limit->{points} - $before->{points}) * POINT;
	return if $result->{exact} <= $left;
	die "LY006\n" if $limit->{refuse};
	$result->{exact} = $left;
	return;
}

sub limit_by_budget
{
	my ($self, $result, @own) = @_;
	my $rule = $result->{rule};
	my $bucket = "$rule->{name} budget";
	my $given = sum0(map { total('budget', $bucket, standing_uses(event_families($_, $rule->{event}))) }
		  values %{ $self->{members} });
	my $left = $rule->{budget} - $given + total('budget', $bucket, @own);

	$result->{exact} = min($result->{exact}, max(0, $left) * POINT);
	return;
}

# What a rule's granted points use, once they are whole.
sub uses_of_result
{
	my ($result) = @_;
	my $times = $result->{exact} > 0 ? 1 : 0;
	my @uses = map { { bucket => $_, points => $result->{points}, times => $times, budget => 0 } }
	  @{ $result->{buckets} // [] };

	return () if $result->{points} <= 0;
	push @uses, { bucket => "$result->{rule}{name} budget", points => 0, times => 0,
		budget => $result->{points} }
	  if defined $result->{rule}{budget};
	return @uses;
}

1;
