# LoyaltyModel.pm
#		The independent auditor: what every call must answer, the slow way.
#
# Written from what the calls promise, not from the code that keeps it.  A
# member is a list of lots, a list of holds, a debt and a list of entries;
# whatever must be known of the past is found by going through the entries
# again.  Times are microseconds since 1970, lots are [points, from, until,
# source].  An operation that is refused dies with its SQLSTATE and a newline.
#
# The server decides two things alone: the ids of entries and when they were
# recorded.  They are told by `told`, a function (member, n-th entry) that
# returns both; without it the model makes them up.
package LoyaltyModel;

use strict;
use warnings;

use List::Util qw(max min sum0);
use LoyaltyCalendar;

use constant {
	FOREVER => 9_223_372_036_854_775_807,
	SECOND => 1_000_000,
	TAKES_BACK => { correction => 1, claw_back => 1 },
	KIND_OF_REF => { e => 'earn' },
};

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
		foreach my $member (values %{ $self->{members} })
		{
			my @entries = @{ $member->{entries} };

			$_->{tier_after} = tier_name($member)
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

#
# Lots
#

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

sub spendable
{
	my ($member, $at) = @_;

	return points_of(grep { is_spendable($_, $at) } @{ $member->{lots} });
}

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
	my $since = $member->{tier_since};

	return join ' ', lots_text(@{ $member->{growth} }), 'since',
	  defined $since ? LoyaltyCalendar::text($since) : '-';
}

#
# Entries
#

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

#
# The clock
#

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

#
# Members
#

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

#
# Growth and tiers
#

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

#
# Grants
#

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

sub do_earn
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{points} <= 0;
	my $member = $self->find($op, 1);
	my $content = join ',', map { $_ // '-' } @$op{qw(points valid_from valid_until)};
	my @first = repeated($content, story($member, $op->{ref}, 'earn'));
	if (@first)
	{
		die "LY003\n" if !sum0(map { $_->{net} } families($member, $op->{ref}, 'earn', ''));
		return replay(@first);
	}

	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	may_earn($member);
	my $from = whole_second($op->{valid_from}
		  // $self->{calendar}->plus($at, @{ $self->{program}{pending_for} }));
	my $until =
	  $op->{valid_until} // $self->{calendar}->valid_until($self->{program}{validity}, $from);
	die "22023\n" if $until <= $from || $until <= $at;
	my $entry =
	  $self->open_entry($member, 'earn', $at, ref => $op->{ref}, content => $content);
	$self->grant_lot($member, $entry, $op->{points}, $from, $until);
	return $self->receipt($member, $at, $entry);
}

sub grant_lot
{
	my ($self, $member, $entry, $points, $from, $until) = @_;

	$entry->{points} = $points;
	my @late = credit($member, $entry,
		$self->place($member, $entry->{at}, [ $points, $from, $until, $entry->{id} ]));
	$entry->{fresh} = [ @{ $entry->{lots} } ];
	$self->close_entry($member, $entry, @late);
	return;
}

sub do_adjust
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{points} == 0;
	my $member = $self->find($op, $op->{points} > 0);
	my @first = repeated($op->{points}, story($member, $op->{ref}, 'adjust'));
	return replay(@first) if @first;

	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	may_earn($member) if $op->{points} > 0;
	my $entry =
	  $self->open_entry($member, 'adjust', $at, ref => $op->{ref}, content => $op->{points});
	if ($op->{points} > 0)
	{
		$self->grant_lot($member, $entry, $op->{points}, $self->policy_validity($at));
	}
	else
	{
		$self->take_anyhow($member, $entry, -$op->{points});
		$self->close_entry($member, $entry);
	}
	return $self->receipt($member, $at, $entry);
}

#
# Spending
#

sub spend
{
	my ($self, $member, $entry, $points) = @_;

	die "LY001\n" if spendable($member, $entry->{at}) < $points;
	$self->take_spendable($member, $entry, $points);
	return;
}

# Has all of a spending been given back?
sub is_given_back
{
	my ($member, $spent) = @_;

	return given_back($member, $spent) == -$spent->{points};
}

sub given_back
{
	my ($member, $spent) = @_;

	return sum0(map { $_->{points} - $_->{waived} }
		  grep { $_->{kind} eq 'restore' && $_->{reverses} == $spent->{id} }
		  @{ $member->{entries} });
}

sub do_redeem
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{points} <= 0;
	my $member = $self->find($op, 0);
	die "LY003\n" if story($member, $op->{ref}, 'hold');
	my @first = repeated($op->{points}, story($member, $op->{ref}, 'redeem'));
	if (@first)
	{
		die "LY003\n" if is_given_back($member, $first[0]);
		return replay(@first);
	}
	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	may_spend($member);
	my $entry = $self->open_entry(
		$member, 'redeem', $at,
		ref => $op->{ref},
		content => $op->{points},
		points => -$op->{points});
	$self->spend($member, $entry, $op->{points});
	$self->close_entry($member, $entry);
	return $self->receipt($member, $at, $entry);
}

sub do_transfer
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{points} <= 0 || $op->{member} eq $op->{to};
	die "LY002\n" if !$self->{members}{ $op->{member} };
	my $giver = $self->find($op, 0);
	my $taker = $self->find($op, 1, $op->{to});
	my $content = "$op->{points},$op->{to}";
	my @first = repeated($content, story($giver, $op->{ref}, 'transfer_out'));
	return replay(@first) if @first;

	my $at = $self->time_of($giver, $op);
	$at = max($at, $self->clock($taker)) if !defined $op->{at};
	$self->begin($_, $at) foreach $giver, $taker;
	may_spend($giver);
	my $out = $self->open_entry(
		$giver, 'transfer_out', $at,
		ref => $op->{ref},
		content => $content,
		points => -$op->{points});
	$self->spend($giver, $out, $op->{points});
	$self->close_entry($giver, $out);

	may_earn($taker);
	my $in = $self->open_entry($taker, 'transfer_in', $at, ref => $op->{ref},
		points => $op->{points});
	my @late = credit($taker, $in, @{ $out->{lots} });
	$self->close_entry($taker, $in, @late);
	return $self->receipt($giver, $at, $out);
}

sub do_hold
{
	my ($self, $op) = @_;

	die "22023\n" if $op->{points} <= 0 || $op->{ttl} > 7 * 86400;
	my $member = $self->find($op, 0);
	die "LY003\n" if story($member, $op->{ref}, 'redeem');
	my $content = "$op->{points},$op->{ttl}";
	my $at = $self->time_of($member, $op);
	my @first = repeated($content, story($member, $op->{ref}, 'hold'));
	if (@first)
	{
		die "LY003\n"
		  if !grep { $_->{ref} eq $op->{ref} && $_->{until} > $at } @{ $member->{holds} };
		return replay(@first);
	}
	$self->begin($member, $at);
	may_spend($member);
	my $entry =
	  $self->open_entry($member, 'hold', $at, ref => $op->{ref}, content => $content);
	$self->spend($member, $entry, $op->{points});
	$member->{holds} = [
		@{ $member->{holds} },
		{
			id => $entry->{id},
			ref => $op->{ref},
			until => $at + $op->{ttl} * SECOND,
			lots => [ merged(@{ $entry->{lots} }) ],
			order => $entry->{order},
		} ];
	$self->close_entry($member, $entry);
	return $self->receipt($member, $at, $entry);
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

sub do_capture
{
	my ($self, $op) = @_;

	die "22023\n" if defined $op->{points} && $op->{points} <= 0;
	my $member = $self->find($op, 0);
	my ($held) = story($member, $op->{ref}, 'hold') or die "LY007\n";
	my $points = $op->{points} // points_of(@{ $held->{lots} });
	my @first = repeated($points, story($member, $op->{ref}, 'capture'));
	if (@first)
	{
		die "LY003\n" if is_given_back($member, $first[0]);
		return replay(@first);
	}
	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	my ($hold) = grep { $_->{ref} eq $op->{ref} } @{ $member->{holds} };
	die "LY008\n" if !$hold;
	die "22023\n" if $points > points_of(@{ $hold->{lots} });
	may($member, 'frozen');
	my $entry = $self->open_entry(
		$member, 'capture', $at,
		ref => $op->{ref},
		content => $points,
		points => -$points,
		order => $hold->{order});
	drop_hold($member, $hold);
	my ($spent, $rest) = cut($points, in_order($hold->{order}, @{ $hold->{lots} }));
	my @late = credit($member, $entry, @$rest);
	$entry->{lots} = $spent;
	$self->close_entry($member, $entry, @late);
	return $self->receipt($member, $at, $entry);
}

sub do_release
{
	my ($self, $op) = @_;
	my $member = $self->find($op, 0);

	die "LY007\n" if !story($member, $op->{ref}, 'hold');
	die "LY008\n" if story($member, $op->{ref}, 'capture');
	my @first = story($member, $op->{ref}, 'release');
	return replay(@first) if @first;

	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	my ($hold) = grep { $_->{ref} eq $op->{ref} } @{ $member->{holds} };
	$self->end_hold($member, $hold, $at) if $hold;
	return $self->receipt($member, $at, story($member, $op->{ref}, 'release'));
}

#
# Giving spent points back
#

sub do_restore
{
	my ($self, $op) = @_;

	die "22023\n" if defined $op->{points} && $op->{points} <= 0;
	my $member = $self->find($op, 0);
	my $content = join ',', map { $_ // '-' } @$op{qw(ref points)};
	my @first = repeated($content,
		grep { $_->{kind} eq 'restore' && defined $op->{key} && ($_->{key} // '') eq $op->{key} }
		  @{ $member->{entries} });
	return replay(@first) if @first;

	my ($spent) = (
		story($member, $op->{ref}, 'redeem'),
		story($member, $op->{ref}, 'capture'));
	die "LY007\n" if !$spent;
	my $done = given_back($member, $spent);
	my $left = -$spent->{points} - $done;
	my @done = story($member, $op->{ref}, 'restore');
	return replay($done[-1]) if !defined $op->{points} && $left == 0 && @done;
	my $points = $op->{points} // $left;
	die "22023\n" if $points > $left;

	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	my $entry = $self->open_entry(
		$member, 'restore', $at,
		ref => $op->{ref},
		key => $op->{key},
		content => $content,
		reverses => $spent->{id});

	# what was taken last returns first
	my @taken = reverse in_order($spent->{order}, @{ $spent->{lots} });
	my (undef, $rest) = cut($done, @taken);
	my ($slice) = cut($points, @$rest);
	my @short = shortfalls($member, min(FOREVER, grep { $_ } map { $_->[3] } @$slice));
	my @incoming;
	foreach my $lot (merged(@$slice))
	{
		my ($amount, $from, $until, $source) = @$lot;

		foreach my $family (grep { lacks($member, $_, $lot) } @short)
		{
			my $grant = $family->{first}{id};
			my $waived = min($amount,
				max(0, standing_waiver($member, $family) - ($entry->{cancelled}{$grant} // 0)));
			$entry->{cancelled}{$grant} += $waived;
			$entry->{waived} -= $waived;
			$amount -= $waived;

			my $debt = min($amount, $member->{debt},
				max(0, sum0(map { $_->{debt} } @{ $family->{entries} })));
			$member->{debt} -= $debt;
			$entry->{debt} -= $debt;
			$amount -= $debt;
		}
		if ($amount > 0 && $until <= $at)
		{
			my $way = $self->{program}{restore_lapsed};
			$until = $self->{calendar}->plus($at, @{ $self->{program}{grace} })
			  if $way eq 'grace' && !had_grace($member, $lot);
			$until = $at + $until - $spent->{at}
			  if $way eq 'remaining' && $until > $spent->{at};
		}
		push @incoming, [ $amount, $from, $until, $source ] if $amount > 0;
	}
	$entry->{points} = $points + $entry->{waived};
	my @late = credit($member, $entry, merged(@incoming));
	$self->close_entry($member, $entry, @late);
	return $self->receipt($member, $at, $entry);
}

# Grace is given once: a lot whose end its grant did not give it has had it; of a
# lot that came from another member, an end with which none came.
sub had_grace
{
	my ($member, $lot) = @_;
	my ($grant) = grep { $_->{id} == $lot->[3] } @{ $member->{entries} };
	my @came = grep { $_->[3] == $lot->[3] } map { @{ $_->{lots} } }
	  grep { $_->{kind} eq 'transfer_in' } @{ $member->{entries} };

	@came = @{ $grant->{lots} } if $grant;
	return 0 if !$grant && !@came;
	return !grep { $_->[3] == $lot->[3] && $_->[2] == $lot->[2] } @came;
}

#
# Families: the grants of one event and what became of them
#

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

# The points that an entry stands for: what was waived or had lapsed counts.
sub effect { return $_[0]{points} - $_[0]{waived} - $_[0]{lapsed} }

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

sub do_claw_back
{
	my ($self, $op) = @_;

	die "22023\n" if defined $op->{points} && $op->{points} <= 0;
	my $member = $self->find($op, 0);
	my $content = join ',', map { $_ // '-' } @$op{qw(ref points event)};
	my @first = repeated($content,
		grep { $_->{kind} eq 'claw_back' && defined $op->{key} && ($_->{key} // '') eq $op->{key} }
		  @{ $member->{entries} });
	return replay(@first) if @first;

	my %grants = map { ("$_->{kind} $_->{event}" => 1) }
	  grep { !defined $op->{event} || "$_->{kind} $_->{event}" eq "event $op->{event}" }
	  story($member, $op->{ref}, 'earn', 'event');
	die "LY007\n" if !%grants;
	die "22023\n" if keys %grants > 1;
	my ($kind, $event) = (keys %grants)[0] =~ /^(\w+) (.*)$/;
	my @families = families($member, $op->{ref}, $kind, $event);
	my $left = sum0(map { max(0, $_->{net}) } @families);
	my @done = grep { !defined $op->{event} || $_->{event} eq $op->{event} }
	  story($member, $op->{ref}, 'claw_back');
	return replay(grep { $_->{operation} == $done[-1]{operation} } @done)
	  if !defined $op->{points} && $left == 0 && @done;
	my $points = $op->{points} // $left;
	die "22023\n" if $points > $left || $left == 0;

	my $at = $self->time_of($member, $op);
	$self->begin($member, $at);
	my @entries;
	foreach my $family (grep { $_->{net} > 0 } @families)
	{
		my $share = int($points * $family->{net} / $left);

		$left -= $family->{net};
		$points -= $share;
		next if $share == 0;
		my $stays =
		  ceiling($family->{granted_growth} * ($family->{net} - $share), $family->{granted});
		my $growth = max(0, $family->{net_growth} - $stays);
		my $entry = $self->open_entry(
			$member, 'claw_back', $at,
			ref => $op->{ref},
			key => $op->{key},
			event => $event,
			point_kind => $family->{first}{point_kind},
			content => $content);
		$self->take_grant($member, $entry, $family, $share);
		$self->add_growth($member, $entry, -$growth, $family->{first}{at});
		$self->close_entry($member, $entry);
		$self->reassess($member, $entry, $at, $family) if $growth > 0;
		push @entries, $entry;
	}
	return $self->receipt($member, $at, @entries);
}

sub ceiling { return int(($_[0] + $_[1] - 1) / $_[1]) }

#
# Events
#

# What the rules give: a list of { point_kind, points, growth, shares }.
# Exact figures are whole numbers of hundred thousandths.
sub evaluate
{
	my ($self, $member, $event, $attributes, $at, $first) = @_;
	my $basis = $first ? $first->{basis} : {
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
		  { point_kind => $rule->{point_kind}, points => 0, growth => 0, shares => {} }
		  if !$grant;
		$grant->{points} += $result->{points};
		$grant->{growth} += $result->{growth};
		$grant->{shares}{$end} += $result->{points};
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
			point_kind => $grant->{point_kind});
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
	my $content = defined $attributes ? attributes_text($attributes) : '';
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
	  && $self->evaluate($member, $op->{event}, $attributes, $at, $first);
	my %grants = map { $_->{point_kind} => $_ } $outcome ? @{ $outcome->{grants} } : ();
	my (@entries, $cause);
	foreach my $family (@families)
	{
		my $entry = $self->correct($member, $at, $op, $content, $family,
			delete $grants{ $family->{first}{point_kind} });
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

	# nothing had to change: the last receipt of the event again
	my @last = grep { $_->{event} eq $op->{event} && !$_->{gift} }
	  story($member, $op->{ref}, 'event', 'correction');
	@last = grep { $_->{operation} == $last[-1]{operation} } @last;
	return { %{ replay(@last) }, tier => tier_name($member) };
}

# Brings one family to what the rules give now, less what operators took.
sub correct
{
	my ($self, $member, $at, $op, $content, $family, $grant) = @_;
	my $rules = $grant ? $grant->{points} : 0;
	my $rules_growth = $grant ? $grant->{growth} : 0;
	my $target = $rules - $family->{by_operator};
	my $growth = $rules_growth - $family->{growth_by_operator};

	$target = min($rules, 0) if $target < 0;
	$growth = min($rules_growth, 0) if $growth < 0;
	my $change = $target - $family->{net};
	$growth -= $family->{net_growth};
	return if $change == 0 && $growth == 0;

	may_earn($member) if $change > 0;
	my $entry = $self->open_entry(
		$member, $change > 0 ? 'event' : 'correction', $at,
		ref => $op->{ref},
		event => $op->{event},
		content => $content,
		point_kind => $family->{first}{point_kind});
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

#
# Membership, and the rest
#

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
		  if !grep { $_->[2] <= $op->{at} } @{ $member->{lots} },
		  map { [ 0, 0, $_->{until} ] } @{ $member->{holds} };
		$self->begin($member, $op->{at});
	}
	return { done => 1 };
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
