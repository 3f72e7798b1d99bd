# LoyaltyModel::Points
#		The calls that move points: earn, spend, hold, give back, take back.
package LoyaltyModel::Points;

use strict;
use warnings;

use List::Util qw(max min sum0);
use LoyaltyModel::Lots qw(FOREVER in_order merged points_of cut);
use LoyaltyModel::Flow qw(
  spendable story credit drop_hold may may_earn may_spend replay repeated whole_second
);
use LoyaltyModel::Families qw(families shortfalls lacks standing_waiver ceiling);

use constant SECOND => 1_000_000;

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

1;
