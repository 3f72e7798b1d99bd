# Many clients at rules with limits and budgets: recorded, corrected, called
# off, clawed back and rolled back at random.  No limit and no budget was ever
# exceeded, judged by the ledger's entries alone.
#
#	SEED=17 make check STAGES=tap	the calls of a failed run (not their interleaving)
#	LIMITS_CALLS=1000				more of them for each client
use strict;
use warnings;

use LoyaltyTest;
use Test::More;

my $seed = $ENV{SEED} // int(rand(1_000_000));
my $calls = $ENV{LIMITS_CALLS} // 90;
my $clients = 16;
my @members = map { "m$_" } 1 .. 5;
my @days = ('2024-01-30', '2024-01-31', '2024-02-01', '2024-02-05');

srand($seed);
note("SEED=$seed");

my $node = new_node('limits', conf => "fsync = off\ndeadlock_timeout = '100ms'");
add_program($node, 'shop', validity => 'never');
query($node, q{
	INSERT INTO loyalty.rule (name, event, points, limits) VALUES
		('share', 'share', '$.points', '[{"per": "day", "points": 50, "times": 3}, {"per": "week", "points": 90}]'),
		('visit', 'visit', '7', '[{"per": "ever", "times": 2, "key": "$.shop"}, {"per": "month", "points": 28}]'),
		('strict', 'strict', '$.points', '[{"per": "day", "points": 40, "then": "refuse"}, {"per": "year", "times": 5, "then": "refuse"}]');
	INSERT INTO loyalty.rule (name, event, points, budget, point_kind, limits) VALUES
		('early', 'pair', '$.early', 700, 'early', NULL),
		('late', 'pair', '$.late', 450, NULL, '[{"per": "ever", "points": 120}]'),
		('gift', 'gift', '$.points', 300, NULL, NULL);
	SELECT enroll('m' || i) FROM generate_series(1, 5) i;

	-- The most that a budget ever was.
	CREATE TABLE top_budget AS SELECT name, budget FROM loyalty.rule WHERE budget IS NOT NULL;
});

sub pick { return $_[ int rand @_ ] }

# Attributes of an event; those of a visit go with its ref.
sub attributes
{
	my ($event, $ref) = @_;
	my %figures = (
		visit => [ shop => $ref ? ($ref =~ /(\d+)$/)[0] % 4 : int rand 4 ],
		pair => [ early => int rand 60, late => int rand 60 ]);

	my @figures = @{ $figures{$event} // [ points => int rand 30 ] };
	my @members;
	while (my ($name, $value) = splice @figures, 0, 2)
	{
		push @members, "\"$name\": $value";
	}
	return "'{" . join(', ', @members) . "}'";
}

sub random_call
{
	my ($member) = @_;
	my $event = pick(qw(share visit strict pair pair gift));
	my $ref = "$event " . int rand 25;
	my $at = "at => '" . pick(@days) . sprintf(" %02d:00'", int rand 24);
	my $kind = pick(('record') x 5, ('anonymous') x 2, ('settle') x 5, 'call_off', 'call_off', 'claw_back',
		'claw_back');
	my %arguments = (
		record => "record('$member', '$event', " . attributes($event, $ref) . ", '$ref', $at)",
		anonymous => "record('$member', '$event', " . attributes($event) . ", $at)",
		settle => "settle('$member', '$event', " . attributes($event, $ref) . ", '$ref', $at)",
		call_off => "settle('$member', '$event', NULL, '$ref')",
		claw_back => "claw_back('$member', '$ref', " . pick('NULL', 1 + int rand 20) . ')');

	return "SELECT 1 FROM $arguments{$kind};\n";
}

# Texts for psql, and for each line what errors it may have.  A transaction of
# several calls may meet others in a deadlock, a single call never does.
my $refusals = 'LY003|LY006|LY007|22023';

sub random_clients
{
	my ($several) = @_;
	my @clients;

	foreach (1 .. $clients)
	{
		my $client = { text => '', allowed => [] };

		foreach (1 .. $calls / 2)
		{
			my $count = $several && rand() < 0.2 ? 3 : 1;
			my @lines = map { random_call(pick(@members)) } 1 .. $count;

			@lines = ("BEGIN;\n", @lines, pick("COMMIT;\n", "ROLLBACK;\n"))
			  if $count > 1 || rand() < 0.15;
			$client->{text} .= join '', @lines;
			push @{ $client->{allowed} },
			  ($refusals . ($several ? '|40P01' : '') . ($count > 1 ? '|25P02' : '')) x @lines;
		}
		push @clients, $client;
	}
	return @clients;
}

# Runs them all at once; returns how many calls were accepted.
sub fire
{
	my ($name, @clients) = @_;
	my @results = run_clients($node, [ map { $_->{text} } @clients ]);
	my $accepted = map { @{ $_->{rows} } } @results;
	my (@unexpected, %errors);

	foreach my $i (0 .. $#results)
	{
		foreach my $line (split /\n/, $results[$i]{stderr})
		{
			my ($number, $state) = $line =~ /\.sql:(\d+): (?:ERROR|FATAL):  (\w{5})/
			  or push(@unexpected, $line), next;

			$errors{$state}++;
			push @unexpected, "$state: " . (split /\n/, $clients[$i]{text})[ $number - 1 ]
			  if $state !~ /^(?:$clients[$i]{allowed}[ $number - 1 ])$/;
		}
	}
	splice @unexpected, 5;
	is_deeply(\@unexpected, [], "$name: no unexpected error");
	note(join ' ', "$name: $accepted calls accepted;", map { "$_ $errors{$_}" } sort keys %errors);
	return $accepted;
}

# meanwhile a budget grows, and one is lowered below what was given and raised again
my @turns = (200, 20, 500, 0, 300, 30, 400, 100, 60, 700);
my $growing = '';
foreach my $budget (map { 300 + 20 * $_ } 1 .. 10)
{
	$growing .= "SELECT pg_sleep(0.1);\n"
	  . "BEGIN; UPDATE top_budget SET budget = $budget WHERE name = 'gift';"
	  . " UPDATE loyalty.rule SET budget = $budget WHERE name = 'gift'; COMMIT;\n"
	  . 'UPDATE loyalty.rule SET budget = ' . shift(@turns) . " WHERE name = 'early';\n";
}
my $owner = start_clients($node, [$growing]);
my $accepted = fire('single calls', random_clients(0));
is((finish_clients($owner))[0]{stderr}, '', 'budgets change under load');
$accepted += fire('several calls', random_clients(1));
cmp_ok($accepted, '>', $clients * $calls / 4, 'many calls are accepted');

# What each entry did to what an event has granted under a rule, in the period
# and for the key of the event's first grant.
query($node, q{
	CREATE VIEW moves AS
		SELECT e.entry_id, e.member, r.name AS rule, r.rule_id, e.member_id,
				coalesce(e.ref, 'entry ' || e.entry_id) AS ref,
				first_value(e.at) OVER story AS at,
				first_value(e.attributes ->> 'shop') OVER story AS shop,
				e.points - e.waived - e.lapsed AS points, e.kind
			FROM loyalty.entries e JOIN loyalty.rule r ON r.event = e.event
					AND coalesce(r.point_kind, '') = coalesce(e.point_kind, '')
			WHERE e.kind IN ('event', 'correction', 'claw_back')
			WINDOW story AS (PARTITION BY e.member_id, r.rule_id, coalesce(e.ref, 'entry ' || e.entry_id) ORDER BY e.entry_id);

	CREATE VIEW bounds AS
		SELECT r.rule_id, r.name AS rule, l ->> 'per' AS per, (l ->> 'points')::bigint AS points,
				(l ->> 'times')::bigint AS times, l ? 'key' AS keyed
			FROM loyalty.rule r, jsonb_array_elements(r.limits) l;

	CREATE VIEW counted AS
		SELECT m.*, b.per, b.points AS most, b.times AS most_times,
				CASE WHEN b.keyed THEN m.shop ELSE '' END AS key,
				CASE b.per WHEN 'ever' THEN '-infinity'
					ELSE date_trunc(b.per, m.at AT TIME ZONE 'UTC')::date END AS since
			FROM moves m JOIN bounds b USING (rule_id);
});

is_query($node, q{
	SELECT DISTINCT rule || ' ' || per FROM (
		SELECT *, sum(points) OVER (PARTITION BY member, rule, per, since, key ORDER BY entry_id) AS used FROM counted) c
		WHERE used > most}, '', 'no limit of points was ever exceeded');
is_query($node, q{
	SELECT count(*) FROM (
		SELECT FROM (SELECT member, rule, per, since, key, ref, min(most_times) AS most FROM counted
				GROUP BY member, rule, per, since, key, ref HAVING sum(points) > 0) granted
			GROUP BY member, rule, per, since, key HAVING count(*) > min(most)) over}, 0, 'nor one of times');
is_query($node, q{
	SELECT DISTINCT m.rule FROM (
		SELECT rule, sum(points) OVER (PARTITION BY rule ORDER BY entry_id) AS used FROM moves) m
		JOIN top_budget b ON b.name = m.rule WHERE m.used > b.budget}, '', 'no budget was ever exceeded');

# the limits were reached, or nothing was tested
is_query($node, q{
	SELECT string_agg(DISTINCT c.rule || ' ' || c.per, ', ' ORDER BY c.rule || ' ' || c.per) FROM (
		SELECT *, sum(points) OVER (PARTITION BY member, rule, per, since, key ORDER BY entry_id) AS used FROM counted) c
		WHERE used > most * 0.75}, 'late ever, share day, share week, strict day, visit month', 'limits were reached');
is_query($node, q{
	SELECT string_agg(b.name, ' ' ORDER BY b.name) FROM top_budget b WHERE b.name <> 'gift' AND b.budget * 0.9 < (
		SELECT max(used) FROM (SELECT sum(points) OVER (ORDER BY entry_id) AS used FROM moves WHERE rule = b.name) m)},
	'early late', 'budgets were reached, or nearly');

# what is kept of them is what the ledger says: what the rules gave to an event,
# unless nothing of it is left
query($node, q{
	CREATE VIEW events AS
		SELECT member_id, rule_id, ref,
				CASE WHEN sum(points) > 0 THEN sum(points) FILTER (WHERE kind <> 'claw_back') ELSE 0 END AS points
			FROM moves GROUP BY member_id, rule_id, ref});
is_query($node, q{
	SELECT count(*) FROM (
		SELECT member_id, rule_id, per, since, key, sum(points) AS points,
				count(*) FILTER (WHERE points > 0) AS times
			FROM (SELECT DISTINCT c.member_id, c.rule_id, c.per, c.since, c.key, c.ref, e.points
				FROM counted c JOIN events e USING (member_id, rule_id, ref)) e
			GROUP BY member_id, rule_id, per, since, key HAVING sum(points) > 0) told
		FULL JOIN (SELECT u.member_id, u.rule_id, b.per, u.since, u.key, u.points, u.times
			FROM loyalty.limit_usage u JOIN bounds b ON b.rule_id = u.rule_id AND left(b.per, 2) =
				CASE u.per WHEN 'd' THEN 'da' WHEN 'w' THEN 'we' WHEN 'm' THEN 'mo' WHEN 'y' THEN 'ye' ELSE 'ev' END
			WHERE u.points > 0 OR u.times > 0) kept USING (member_id, rule_id, per, since, key, points, times)
		WHERE told.member_id IS NULL OR kept.member_id IS NULL}, 0, 'limit_usage is what the entries add up to');
is_query($node, q{
	SELECT count(*) FROM loyalty.rule r
		WHERE r.budget IS NOT NULL AND (SELECT sum(used) FROM loyalty.rule_budget b WHERE b.rule_id = r.rule_id)
			IS DISTINCT FROM (SELECT sum(points) FROM events e WHERE e.rule_id = r.rule_id)}, 0, 'so are the budgets');
is_query($node, q{
	SELECT r.name, sum(b.points) FROM loyalty.rule_budget b JOIN loyalty.rule r USING (rule_id)
		GROUP BY r.name, r.budget HAVING sum(b.points) <> r.budget}, '', 'whose parts add up');
is_query($node, q{
	SELECT rule_id FROM loyalty.rule_budget GROUP BY rule_id HAVING bool_or(used > points) AND bool_or(used < points)
		OR bool_or(used > points AND NOT over)}, '', 'and nothing is left of one of which more is given');

# what was given back can be given again, to the last point
query($node, q{SELECT count(record('m' || 1 + i % 5, 'gift', '{"points": 37}')) FROM generate_series(1, 60) i});
is_query($node, q{
	SELECT sum(e.points) - min(b.budget)
		FROM events e JOIN loyalty.rule r USING (rule_id) JOIN top_budget b USING (name) WHERE name = 'gift'}, 0, 'a budget is given to its last point');
is_sound($node, 'the ledger agrees');
done_testing();
