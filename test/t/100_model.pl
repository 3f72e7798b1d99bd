# Random histories beside an independent auditor (LoyaltyModel.pm).
#
# Every case is a program of its own with random terms, members and operations.
# The operations are made up first, with a model that tells which of them make
# sense; then the server does them in one session; then a second model, which
# knows the ids and the clock that the server used, does them again, and every
# receipt, SQLSTATE, wallet and entry is compared.
#
#	SEED=17 make check STAGES=tap		the histories of a failed run
#	MODEL_CASES=200 MODEL_OPERATIONS=1000	more of them
use strict;
use warnings;

use List::Util qw(min);
use LoyaltyCalendar;
use LoyaltyModel;
use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;

use constant SECOND => 1_000_000;
use constant DAY => 86_400 * SECOND;

my $seed = $ENV{SEED} // int(rand(1_000_000));
my $cases = $ENV{MODEL_CASES} // 20;
my $operations = $ENV{MODEL_OPERATIONS} // 1000;
my @only = defined $ENV{MODEL_CASE} ? $ENV{MODEL_CASE} : 1 .. $cases;
note("SEED=$seed");

my $node = new_node('model', conf => 'fsync = off');
query($node, q{
	-- What a call answered and how the member stands then, as one line.
	CREATE FUNCTION attempt(call text, name text, program text) RETURNS text
	LANGUAGE plpgsql AS $$
	DECLARE
		r loyalty.receipt;
		answer text;
		standing text;
		period text;
	BEGIN
		BEGIN
			IF call LIKE 'SELECT * FROM%' THEN
				EXECUTE call INTO r;
				answer := concat_ws(' ', 'OK', coalesce(r.entry_id::text, '-'), r.points, r.growth,
					r.balance, r.replayed, coalesce(r.tier, '-'));
			ELSE
				EXECUTE call;
				answer := 'OK';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			answer := sqlstate || ' ' || replace(sqlerrm, E'\n', ' ');
		END;
		SELECT concat_ws(' ', m.points, 'debt=' || m.debt, 'held=' || m.held,
				'growth=' || loyalty.points(m.growth), 'tier=' || coalesce(t.name, ''),
				'status=' || CASE m.status WHEN 'a' THEN 'active' WHEN 'e' THEN 'earn_blocked'
					WHEN 's' THEN 'spend_blocked' WHEN 'f' THEN 'frozen' ELSE 'closed' END),
				concat_ws(' ', m.growth, 'since', m.earned_since, m.earned_phase, 'gained', m.earned_growth)
			INTO standing, period
			FROM loyalty.member m
				JOIN loyalty.program p USING (program_id)
				LEFT JOIN loyalty.tier t USING (tier_id)
			WHERE m.ref = attempt.name AND p.name = attempt.program;
		RETURN concat_ws('|', answer, coalesce(standing, 'none'), period);
	END
	$$
});

# How often each call ended how, over all cases.
my %done;

sub chance { return rand() < $_[0] }
sub pick { return $_[ int rand @_ ] }

sub quoted
{
	my ($value) = @_;

	return defined $value ? "'" . ($value =~ s/'/''/gr) . "'" : 'NULL';
}

sub instant { return defined $_[0] ? quoted(LoyaltyCalendar::text($_[0])) : 'NULL' }

sub as_interval { return sprintf '%d months %d days %d seconds', @_ }

sub as_json
{
	my ($attributes) = @_;

	return 'NULL' if !defined $attributes;
	return quoted(
		'{' . join(
			', ',
			map { '"' . $_ . '": ' . ($_ eq 'amount' ? $attributes->{$_} / 100 : 'true') }
			sort keys %$attributes) . '}');
}

# Terms of a program, its tiers and rules.
sub random_terms
{
	my %program = (
		time_zone => pick(qw(UTC Europe/Berlin America/New_York Asia/Shanghai)),
		validity => pick(
			'never', '20 years', '1 year', '40 days', '12 months end of month',
			'end of next year', 'end of quarter', 'on 06-30,12-31',
			'earliest of (1 year, on 03-31)', '2 years end of year'),
		pending_for => pick([ 0, 0, 0 ], [ 0, 0, 0 ], [ 0, 14, 0 ], [ 1, 0, 3600 ]),
		spend_order => pick(qw(fifo expiring)),
		shortfall => pick(qw(owe waive)),
		rounding => pick(qw(down nearest up)),
		restore_lapsed => pick(qw(lapse grace remaining)),
		grace => pick([ 0, 30, 0 ], [ 1, 0, 0 ], [ 0, 0, 7200 ]),
		lot_granularity => pick(qw(entry entry day month)),
		growth_window => pick('never', '20 years', 'end of year', '12 months'),
		refund_tier => pick(qw(reassess keep)),
		auto_enroll => pick(1, 1, 1, 0),
	);
	my @tiers = chance(0.6)
	  ? (
		{ name => 'base', rank => 1, threshold => 0, percent => 100, gift => pick(0, 0, 25) },
		{ name => 'silver', rank => 2, threshold => 500, percent => 125, gift => pick(0, 50) },
		{ name => 'gold', rank => 3, threshold => 2000, percent => 150, gift => pick(0, 200) })
	  : ();
	shift @tiers if chance(0.2);
	foreach my $tier (chance(0.5) ? @tiers : ())
	{
		$tier->{status} = pick('6 months', '1 year', 'end of next year', 'never', '40 days');
		$tier->{keep} = pick(undef, int($tier->{threshold} / 2));
		$tier->{downgrade} = pick(qw(none one reassess reassess reassess));
		$tier->{grace} = pick([ 0, 0, 0 ], [ 0, 0, 0 ], [ 0, 30, 0 ]);
	}

	# points are thousandths of a point per hundredth of `key`, or per rule
	my %rule = (point_kind => '', multiplied => 1, sign => 1, key => 'amount');
	my @rules = (
		{ %rule, name => 'base', event => 'purchase', thousandths => pick(1000, 500, 333) },
		{ %rule, name => 'visit', event => 'check_in', thousandths => 10_000, key => undef },
		{ %rule, name => 'back', event => 'return', sign => -1, thousandths => 1000 });
	push @rules,
	  { %rule, name => 'vip', event => 'purchase', thousandths => 77, condition => 'vip',
		multiplied => pick(0, 1), validity => pick(undef, '60 days') }
	  if chance(0.6);
	push @rules,
	  { %rule, name => 'kind', event => 'purchase', thousandths => 250, point_kind => 'extra',
		growth => pick(undef, 0, 3), condition => pick(undef, 'extra') }
	  if chance(0.5);
	push @rules, { %rule, name => 'rich', event => 'purchase', thousandths => 100, tier => 'gold' }
	  if @tiers && chance(0.5);
	push @rules,
	  { %rule, name => 'welcome', event => 'register', thousandths => 100_000, key => undef,
		growth => 0 }
	  if chance(0.5);
	foreach my $rule (grep { $_->{sign} > 0 && $_->{event} ne 'register' } @rules)
	{
		my %limits = map { $_ => 1 } map { pick(qw(event day week month year ever)) } 1 .. 2;

		$rule->{budget} = pick(500, 3000, 20_000) if chance(0.15);
		next if chance(0.6);
		$rule->{limits} = [ map { random_limit($_) } sort keys %limits ];
	}
	return { program => \%program, tiers => \@tiers, rules => \@rules };
}

sub random_limit
{
	my ($per) = @_;
	my %limit = (per => $per, refuse => chance(0.2));

	$limit{times} = pick(1, 2, 3, 8) if chance(0.4);
	$limit{points} = pick(0, 30, 100, 100, 400, 2000) if !$limit{times} || chance(0.4);
	return \%limit;
}

sub limits_sql
{
	my (@limits) = @_;

	return '[' . join(', ', map {
			my $limit = $_;
			'{' . join(', ', "\"per\": \"$limit->{per}\"",
				(map { "\"$_\": $limit->{$_}" } grep { defined $limit->{$_} } qw(points times)),
				$limit->{refuse} ? '"then": "refuse"' : ()) . '}' } @limits) . ']';
}

sub rule_points
{
	my ($rule) = @_;
	my $factor = $rule->{thousandths} / 1000;

	return $factor if !$rule->{key};
	return ($rule->{sign} < 0 ? '- ' : '') . "\$.$rule->{key} * $factor";
}

sub terms_sql
{
	my ($name, $terms) = @_;
	my %program = (
		%{ $terms->{program} },
		pending_for => as_interval(@{ $terms->{program}{pending_for} }),
		grace => as_interval(@{ $terms->{program}{grace} }));
	my @columns = sort keys %program;
	my $sql = sprintf "INSERT INTO loyalty.program (name, %s) VALUES (%s);\n",
	  join(', ', @columns), join ', ', map { quoted($_) } $name, @program{@columns};

	foreach my $tier (@{ $terms->{tiers} })
	{
		my %tier = (status => 'never', downgrade => 'reassess', grace => [ 0, 0, 0 ], %$tier,
			earn_multiplier => $tier->{percent} / 100);

		$tier{grace} = as_interval(@{ $tier{grace} });
		$sql .= sprintf 'INSERT INTO loyalty.tier (program, name, rank, threshold, earn_multiplier, gift,'
		  . ' status_validity, keep_threshold, downgrade, grace) VALUES (' . join(', ', ('%s') x 10)
		  . ");\n", map { quoted($_) } $name,
		  @tier{qw(name rank threshold earn_multiplier gift status keep downgrade grace)};
	}
	foreach my $rule (@{ $terms->{rules} })
	{
		$sql .= sprintf 'INSERT INTO loyalty.rule (program, name, event, points, growth,'
		  . ' condition, multiplied, point_kind, tiers, validity, limits, budget) VALUES ('
		  . join(', ', ('%s') x 12) . ");\n", map { quoted($_) } $name, @$rule{qw(name event)},
		  rule_points($rule), $rule->{growth}, $rule->{condition} && "\$.$rule->{condition}",
		  $rule->{multiplied} ? 't' : 'f', $rule->{point_kind} || undef,
		  $rule->{tier} && "{$rule->{tier}}", $rule->{validity},
		  $rule->{limits} && limits_sql(@{ $rule->{limits} }), $rule->{budget};
	}
	return $sql;
}

sub call_sql
{
	my ($program, $op) = @_;
	my $call = $op->{call};
	my $member = quoted($op->{member});
	my $at = 'at => ' . instant($op->{at});
	my $ref = quoted($op->{ref});
	my $points = $op->{points} // 'NULL';
	my %arguments = (
		earn => "$member, $points, $ref, " . instant($op->{valid_from}) . ', '
		  . instant($op->{valid_until}) . ", $at",
		adjust => "$member, $points, $ref, 'because', $at",
		redeem => "$member, $points, $ref, $at",
		transfer => "$member, " . quoted($op->{to}) . ", $points, $ref, $at",
		hold => "$member, $points, $ref, '" . ($op->{ttl} // 0) . " seconds', $at",
		capture => "$member, $ref, $points, $at",
		release => "$member, $ref, $at",
		restore => "$member, $ref, $points, " . quoted($op->{key}) . ", $at",
		claw_back => "$member, $ref, $points, " . quoted($op->{event}) . ', '
		  . quoted($op->{key}) . ", $at",
		record => "$member, '" . ($op->{event} // '') . "', "
		  . as_json($op->{attributes}) . ", $ref, $at",
		settle => "$member, '" . ($op->{event} // '') . "', "
		  . as_json($op->{attributes}) . ", $ref, $at",
		set_status => "$member, " . quoted($op->{status}) . ", 'because'",
		enroll => "$member, $at",
		maintain => $at);

	return sprintf "UPDATE loyalty.rule SET points = %s WHERE program = '%s' AND name = '%s'",
	  quoted($op->{path}), $program, $op->{rule}
	  if $call eq 'change_rule';
	return ($call eq 'maintain' ? 'CALL' : $call eq 'enroll' ? 'SELECT' : 'SELECT * FROM')
	  . " loyalty.$call($arguments{$call}, program => '$program')";
}

# An attribute set of an event.
sub random_attributes
{
	my ($event) = @_;

	return {} if $event eq 'check_in';
	return {
		amount => pick(int(rand 20_000), int(rand 500) * 100, 100),
		(chance(0.3) ? (vip => 1) : ()),
		(chance(0.3) ? (extra => 1) : ())
	};
}

# Draws one operation; `history` says which refs there are, the model what the
# members own.
sub random_operation
{
	my ($case, $model, $member, $at) = @_;
	my $owned = $model->{members}{$member};
	my $rich = $owned ? LoyaltyModel::Flow::spendable($owned, $at) : 0;
	my $amount = chance(0.9) ? int(rand($rich + 1)) + (chance(0.9) ? 0 : 1) : int(rand 500);
	my %op = (member => $member, at => $at, points => $amount);
	my $new_ref = chance(0.85) ? 'r' . ++$case->{refs} : undef;
	my $refs = $case->{by_member}{$member} //= {};
	my $known = sub {
		my @known = map { @{ $refs->{$_} // [] } } @_;
		return @known ? (chance(0.6) ? $known[-1 - int rand(@known > 8 ? 8 : @known)] : pick(@known))
		  : { ref => 'nothing' };
	};
	my $part = sub { return chance(0.45) ? undef : 1 + int(rand(chance(0.8) ? 60 : 1500)) };

	# most checkouts end soon
	my $checkout = chance(0.25) && pop @{ $case->{checkouts} };
	if ($checkout && chance(0.8))
	{
		my $held = $checkout->{points};
		return { %$checkout, at => $at, call => pick('capture', 'capture', 'release'),
			points => pick(undef, $held, 1 + int rand $held, $held + 1) };
	}

	my $kind = pick(
		('earn') x 10, ('record') x 12, ('settle') x $case->{settles}, ('redeem') x 12,
		('hold') x 6, ('capture') x 4, ('release') x 3, ('restore') x 8, ('claw_back') x 9,
		('transfer') x 5, ('adjust') x 4, ('maintain') x 1, ('repeat') x 6, 'enroll', 'nonsense',
		('set_status') x (chance($case->{statuses}) ? 6 : 0), ('change_rule') x 1);

	if ($kind eq 'earn')
	{
		%op = (%op, ref => $new_ref, points => 1 + int rand 300);
		$op{valid_from} = $at + int(rand(40) - 5) * DAY if chance(0.1);
		$op{valid_until} = $at + int(rand(200) - 2) * DAY + int(rand 1000) if chance(0.15);
		%op = (%op, of => ['grant']);
	}
	elsif ($kind eq 'record' || ($kind eq 'settle' && chance(0.4)))
	{
		my $event = pick('purchase', 'purchase', 'purchase', 'check_in', 'return');
		$new_ref //= 'r' . ++$case->{refs} if $kind eq 'settle';
		%op = (%op, ref => $new_ref, event => $event, attributes => random_attributes($event));
		$op{of} = $event eq 'return' ? ['grant'] : [ 'grant', 'event' ];
	}
	elsif ($kind eq 'settle')
	{
		my $of = $known->('event');
		my $event = $of->{event} // 'purchase';
		%op = (%op, ref => $of->{ref}, event => $event,
			attributes => pick(undef, $of->{attributes}, random_attributes($event)));
		$op{attributes} = undef if $of->{ref} eq 'nothing';
	}
	elsif ($kind eq 'redeem')
	{
		$op{points} ||= 1;
		%op = (%op, ref => $new_ref, of => ['spent']);
	}
	elsif ($kind eq 'hold')
	{
		$new_ref //= 'r' . ++$case->{refs};
		%op = (%op, ref => $new_ref, of => [ 'hold', 'spent' ],
			ttl => pick(900, map { $_ * 86_400 } 1, 3, 3, 6, 6, 6, 8));
		$op{points} ||= 1;
	}
	elsif ($kind eq 'capture' || $kind eq 'release')
	{
		my $hold = $known->('hold');
		my $held = $hold->{points} // 1;
		%op = (%op, ref => $hold->{ref}, points => pick(undef, 1 + int rand $held, $held, $held + 1));
	}
	elsif ($kind eq 'restore')
	{
		%op = (%op, ref => $known->('spent')->{ref}, points => $part->());
		$op{key} = 'k' . (chance(0.8) ? ++$case->{refs} : $case->{refs}) if chance(0.4);
	}
	elsif ($kind eq 'claw_back')
	{
		my $of = $known->('grant');
		%op = (%op, ref => $of->{ref}, points => $part->(), event => chance(0.3) ? $of->{event} : undef);
		$op{key} = 'k' . (chance(0.8) ? ++$case->{refs} : $case->{refs}) if chance(0.4);
	}
	elsif ($kind eq 'transfer')
	{
		%op = (%op, to => pick(@{ $case->{members} }), ref => $new_ref);
		$op{points} ||= pick(0, 1, 1, 1);
	}
	elsif ($kind eq 'adjust')
	{
		%op = (%op, ref => $new_ref, points => int(rand 400) - 200);
	}
	elsif ($kind eq 'set_status')
	{
		$op{status} = pick('active', 'active', 'active', 'earn_blocked', 'spend_blocked', 'frozen',
			'closed', 'asleep');
	}
	elsif ($kind eq 'repeat')
	{
		my $of = $case->{operations}[ -1 - int rand 40 ] // { call => 'enroll', member => $member };
		%op = (%$of, at => $at);
		$op{points}++ if defined $op{points} && chance(0.25);
		return \%op;
	}
	elsif ($kind eq 'nonsense')
	{
		return { call => 'redeem', member => 'nobody', points => 1, at => $at } if chance(0.5);
		return { call => 'earn', member => $member, points => pick(0, -5), at => $at };
	}
	elsif ($kind eq 'change_rule')
	{
		my $rule = pick(@{ $model->{rules} });
		my %changed = (%$rule, thousandths => pick(1000, 1500, 250, 9, 10_000));
		return { call => 'change_rule', member => $member, rule => $rule->{name},
			thousandths => $changed{thousandths}, path => rule_points(\%changed) };
	}
	return { %op, call => $kind };
}

sub receipt_text
{
	my ($receipt) = @_;

	return $receipt->{error} if $receipt->{error};
	return 'OK' if $receipt->{done};
	return join ' ', 'OK', $receipt->{id} || '-', @$receipt{qw(points growth balance replayed)},
	  $receipt->{tier} eq '' ? '-' : $receipt->{tier};
}

# Runs one case; returns what differs, '' if nothing does.
sub run_case
{
	my ($number) = @_;

	srand("$seed$number");
	my $name = "p$number";
	my $terms = random_terms();
	my $now = time() * SECOND;
	my $recent = chance(0.4);
	my %case = (
		members => [ map { "m$_" } 1 .. 5 + int rand 10 ],
		settles => pick(0, 2, 12),
		statuses => pick(0, 0, 0.05, 0.3),
		refs => 0,
		operations => []);

	# most histories begin in 2015, some end now
	my $at = $recent ? $now - 400 * DAY : LoyaltyCalendar::day_of_date(2015, 1, 1) * DAY;
	my $step = ($recent ? 390 * DAY : 6 * 365 * DAY) / $operations * 10;
	my $model = LoyaltyModel->new(%$terms, now => $now);
	foreach (1 .. $operations)
	{
		$at += int(rand(chance(0.8) ? 7200 : $step / SECOND)) * SECOND;
		$at += int(rand 1_000_000) if chance(0.05);
		$at = min($at, $now - DAY);
		my $dated = chance(0.06) ? $at - int(rand 40) * DAY : $at;
		my $op = random_operation(\%case, $model, pick(@{ $case{members} }), $dated);
		$op->{at} = undef if chance(0.003) && $op->{call} ne 'maintain';
		$op->{at} = $now + DAY if chance(0.003);
		push @{ $case{operations} }, $op;
		my $of = delete $op->{of};
		my $receipt = $model->perform($op);
		next if !$of || !defined $op->{ref} || ($receipt->{error} && chance(0.9));
		push @{ $case{by_member}{ $op->{member} }{$_} }, $op foreach @$of;
		push @{ $case{checkouts} }, $op if $op->{call} eq 'hold';
	}

	my $text = "SET client_min_messages = error;\n" . terms_sql($name, $terms);
	foreach my $op (@{ $case{operations} })
	{
		$text .= sprintf "SELECT attempt(%s, %s, '%s');\n", quoted(call_sql($name, $op)),
		  quoted($op->{member}), $name;
	}
	my ($result) = run_clients($node, [$text]);
	return "the session failed: $result->{stderr}"
	  if $result->{stderr} || @{ $result->{rows} } != @{ $case{operations} };

	# what the server alone decides: ids, and when entries were recorded
	my (%told, %entries);
	my @columns = qw(points growth debt balance waived lapsed);
	foreach my $row (split /\n/, query($node, qq{
		SELECT m.ref, l.entry_id, (extract(epoch FROM l.recorded_at) * 1000000)::bigint,
			concat_ws(' ', l.entry_id, to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
				l.points, coalesce(l.growth, 0), coalesce(l.debt, 0), l.balance,
				coalesce(l.waived, 0), coalesce(l.lapsed, 0), coalesce(l.lots, '{}'))
		FROM loyalty.ledger l JOIN loyalty.member m USING (member_id)
			JOIN loyalty.program p USING (program_id)
		WHERE p.name = '$name' ORDER BY m.member_id, l.entry_id}))
	{
		my ($ref, $id, $recorded, $entry) = split /\|/, $row;
		push @{ $told{$ref} }, [ $id, $recorded ];
		push @{ $entries{$ref} }, $entry;
	}
	$model = LoyaltyModel->new(
		%$terms,
		now => time() * SECOND,
		told => sub { my ($ref, $n) = @_; return @{ ($told{$ref} // [])->[$n] // [] } });
	my @log;
	foreach my $i (0 .. $#{ $case{operations} })
	{
		my $op = $case{operations}[$i];
		my ($answer, $standing, $period) = split /\|/, $result->{rows}[$i];
		my $expected = receipt_text($model->perform($op));
		my $state = $model->state_text($op->{member});
		my $message = $answer =~ s/^(\w{5}) (.*)$/$1/ ? $2 : '';

		push @log, [ $i + 1, call_sql($name, $op) . " -- $answer $message" ];
		$answer =~ s/\S+$/*/ if $expected =~ / \*$/;
		next if $answer eq $expected && $standing eq $state;
		# what the member did last, and whatever concerned this ref
		my $ref = $op->{ref} // '';
		my @of_member = grep { $_->[1] =~ /'$op->{member}'/ } @log;
		my $first = @of_member - 12;
		@of_member = map { $of_member[$_] }
		  grep { $_ >= $first || $of_member[$_][1] =~ /'$ref'/ } 0 .. $#of_member;
		return join "\n", "SEED=$seed MODEL_CASE=$number: operation " . ($i + 1),
		  terms_sql($name, $terms), (map { "$_->[0]: $_->[1]" } @of_member),
		  "server: $answer $message", "model:  $expected", "server: $standing", "model:  $state",
		  'server: ' . ($period // ''), 'model:  ' . $model->period_text($op->{member});
	}
	foreach my $ref (sort keys %entries)
	{
		foreach my $entry (@{ $model->{members}{$ref}{entries} })
		{
			my $line = shift @{ $entries{$ref} };
			my $date = LoyaltyCalendar::text($entry->{at}) =~ s/T/ /r =~ s/Z//r;
			my $expected = join ' ', $entry->{id},
			  $date . ($date =~ /\./ ? '' : '.') . '0' x (26 - length($date) - ($date !~ /\./)),
			  (map { $entry->{$_} } @columns), LoyaltyModel::Lots::lots_text(@{ $entry->{lots} });

			next if $line eq $expected;
			return join "\n", "SEED=$seed MODEL_CASE=$number: an entry ($entry->{kind}) of $ref",
			  terms_sql($name, $terms), "server: $line", "model:  $expected";
		}
		return "SEED=$seed MODEL_CASE=$number: more entries of $ref" if @{ $entries{$ref} };
	}
	foreach my $i (0 .. $#{ $case{operations} })
	{
		my ($state) = $result->{rows}[$i] =~ /^(\w+)/;
		$done{ $case{operations}[$i]{call} }{$state}++;
	}
	return '';
}

foreach my $number (@only)
{
	my $difference = run_case($number);

	ok($difference eq '', "case $number of seed $seed: $operations operations")
	  or diag($difference);
}

# A run that accepts nothing would compare nothing.
foreach my $call (sort keys %done)
{
	note("$call: ", join ' ', map { "$_ $done{$call}{$_}" } sort keys %{ $done{$call} });
}
is_sound($node, 'the ledger agrees');
done_testing();
