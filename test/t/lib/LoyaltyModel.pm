# LoyaltyModel.pm
#		The independent auditor: what every call must answer, the slow way.
#
# Written from what the calls promise, not from the code that keeps it.  A
# member is a list of lots, a list of holds, a debt and a list of entries;
# whatever must be known of the past is found by going through the entries
# again.  An operation that is refused dies with its SQLSTATE and a newline.
#
# Here are the members; LoyaltyModel/ has lots, entries and the clock (Flow),
# the families of grants, limits, tiers, the calls that move points, and events.
#
# The server decides two things alone: the ids of entries and when they were
# recorded.  They are told by `told`, a function (member, n-th entry) that
# returns both; without it the model makes them up.
package LoyaltyModel;

use strict;
use warnings;

use List::Util qw(sum0);
use LoyaltyCalendar;
use LoyaltyModel::Lots qw(FOREVER points_of lots_text);
use LoyaltyModel::Flow qw(tier_name take_away);
use parent map { "LoyaltyModel::$_" } qw(Flow Families Limits Tiers Points Events);

use constant SECOND => 1_000_000;

# Options: program => {…}, tiers => [ {…} by rank ], rules => [ {…} ],
# now => microseconds, told => sub.
sub new
{
	my ($class, %option) = @_;

	return bless {
		%option,
		calendar => LoyaltyCalendar->new($option{program}{time_zone}),
		members => {},
		ids => 0,
	}, $class;
}

# Does one operation: { call => name, member => …, … }.  Returns the receipt
# as a hash, or { error => SQLSTATE } with everything as it was.
sub perform
{
	my ($self, $operation) = @_;
	my $method = "do_$operation->{call}";
	my %before = map { $_ => { %{ $self->{members}{$_} } } } keys %{ $self->{members} };
	my %length = map { $_ => scalar @{ $before{$_}{entries} } } keys %before;

	$self->{operation}++;
	my $receipt = eval { $self->$method($operation) };
	if ($receipt)
	{
		# where status periods end, a repeat tells the tier by the wall clock
		my $periods = grep { $_->{status} } @{ $self->{tiers} };

		foreach my $member (values %{ $self->{members} })
		{
			my @entries = @{ $member->{entries} };

			$_->{tier_after} = $periods ? '*' : tier_name($member)
			  foreach @entries[ ($length{ $member->{name} } // 0) .. $#entries ];
		}
		return $receipt;
	}

	# lots, holds and gifts are never changed in place, entries only added
	my ($state) = $@ =~ /^(\w{5})\n/ or die $@;
	$self->{members} = \%before;
	splice @{ $before{$_}{entries} }, $length{$_} foreach keys %before;
	return { error => $state };
}

# What the member's row holds.
sub state_text
{
	my ($self, $name) = @_;
	my $member = $self->{members}{$name} or return 'none';

	return join ' ', lots_text(@{ $member->{lots} }), "debt=$member->{debt}",
	  'held=' . sum0(map { points_of(@{ $_->{lots} }) } @{ $member->{holds} }),
	  'growth=' . points_of(@{ $member->{growth} }),
	  'tier=' . tier_name($member), "status=$member->{status}";
}

# What the tier stands on.
sub period_text
{
	my ($self, $name) = @_;
	my $member = $self->{members}{$name} or return '';

	return join ' ', lots_text(@{ $member->{growth} }), 'since',
	  $member->{tier} ? LoyaltyCalendar::text($member->{tier_since}) : '-', $member->{phase} // '',
	  'gained', $member->{gained};
}

sub find
{
	my ($self, $operation, $enroll, $name) = @_;

	$name //= $operation->{member};
	return $self->{members}{$name} if $self->{members}{$name};
	die "LY002\n" if !$enroll || !$self->{program}{auto_enroll};
	return $self->insert($operation, $name);
}

sub insert
{
	my ($self, $operation, $name) = @_;
	my $member = $self->{members}{$name} = {
		name => $name,
		lots => [],
		growth => [],
		debt => 0,
		holds => [],
		gifts => {},
		status => 'active',
		tier => undef,
		tier_since => -1 * FOREVER,
		gained => 0,
		entries => [],
		last_at => -1 * FOREVER,
	};
	my $at = $self->time_of($member, $operation);

	if (grep { $_->{event} eq 'register' } @{ $self->{rules} })
	{
		$self->begin($member, $at);
		$self->grant_event($member, $at, 'register', undef, '',
			$self->evaluate($member, 'register', {}, $at));
	}
	return $member;
}

sub do_enroll
{
	my ($self, $op) = @_;
	my $member = $self->{members}{ $op->{member} };

	return { done => 1 } if $member;
	$member = $self->insert($op, $op->{member});
	$self->begin($member, $self->time_of($member, $op));
	return { done => 1 };
}

sub do_set_status
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{status} !~ /^(?:active|earn_blocked|spend_blocked|frozen|closed)$/;
	my $member = $self->find($op, 0);
	my $at = $self->clock($member);
	$self->begin($member, $at);
	return { %{ $self->receipt($member, $at) }, replayed => 't' }
	  if $member->{status} eq $op->{status};
	if ($op->{status} eq 'closed')
	{
		$self->end_hold($member, $_, $at) foreach @{ $member->{holds} };
	}
	my $entry = $self->open_entry($member, 'status', $at);
	$member->{status} = $op->{status};
	if ($op->{status} eq 'closed')
	{
		$entry->{points} = $member->{debt} - points_of(@{ $member->{lots} });
		$entry->{debt} = -$member->{debt};
		$member->{debt} = 0;
		take_away($member, $entry, @{ $member->{lots} });
	}
	$self->close_entry($member, $entry);
	return $self->receipt($member, $at, $entry);
}

# Members for whom the clock has decided nothing are left alone.
sub do_maintain
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{at} > $self->{now} + 120 * SECOND;
	foreach my $member (values %{ $self->{members} })
	{
		next
		  if !grep { $_ <= $op->{at} } (map { $_->[2] } @{ $member->{lots} }),
		  (map { $_->{until} } @{ $member->{holds} }), $member->{tier_until} // FOREVER;
		$self->begin($member, $op->{at});
	}
	return { done => 1 };
}

1;
