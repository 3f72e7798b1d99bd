# LoyaltyCalendar.pm
#		Time zones, lengths and validity policies for the model, by the calendar of
#		the C library.
#
# Instants are microseconds since 1970.  One time zone is in force at a time:
# that of the calendar made last.
package LoyaltyCalendar;

use strict;
use warnings;

use List::Util qw(min);
use POSIX ();

use constant { SECOND => 1_000_000, DAY => 86_400 * 1_000_000, FOREVER => 9_223_372_036_854_775_807 };

sub new
{
	my ($class, $time_zone) = @_;

	$ENV{TZ} = $time_zone;
	POSIX::tzset();
	return bless {}, $class;
}

# Days since 1970 of a date, and back; months may be out of 1 … 12.
sub day_of_date
{
	my ($year, $month, $day) = @_;

	$year += POSIX::floor(($month - 1) / 12);
	$month = ($month - 1) % 12 + 1;
	my $days = 365 * ($year - 1970);
	$days += POSIX::floor(($year - 1) / 4) - POSIX::floor(($year - 1) / 100) +
	  POSIX::floor(($year - 1) / 400) - 477;
	$days += month_length($year, $_) foreach 1 .. $month - 1;
	return $days + $day - 1;
}

sub month_length
{
	my ($year, $month) = @_;

	return 28 + (($year % 4 == 0 && $year % 100 != 0) || $year % 400 == 0) if $month == 2;
	return $month == 4 || $month == 6 || $month == 9 || $month == 11 ? 30 : 31;
}

sub date_of_day
{
	my ($day) = @_;
	my $year = 1970 + POSIX::floor($day / 366);
	my $month = 1;

	$year++ while day_of_date($year + 1, 1, 1) <= $day;
	$month++ while $month < 12 && day_of_date($year, $month + 1, 1) <= $day;
	return ($year, $month, $day - day_of_date($year, $month, 1) + 1);
}

# As wallets write it: UTC, fractions only where there are any.
sub text
{
	my ($at) = @_;
	my $day = POSIX::floor($at / DAY);
	my $rest = $at - $day * DAY;
	my $seconds = ($rest - $rest % SECOND) / SECOND;
	my $text = sprintf '%04d-%02d-%02dT%02d:%02d:%02d', date_of_day($day),
	  $seconds / 3600, $seconds / 60 % 60, $seconds % 60;

	if ($rest % SECOND)
	{
		my $fraction = sprintf '%06d', $rest % SECOND;
		$text .= '.' . $fraction =~ s/0+$//r;
	}
	return $text . 'Z';
}

# Local time less UTC, in microseconds.
sub offset
{
	my ($at) = @_;
	my $seconds = POSIX::floor($at / SECOND);
	my @local = localtime $seconds;

	return (day_of_date($local[5] + 1900, $local[4] + 1, $local[3]) * 86_400 +
		  $local[2] * 3600 + $local[1] * 60 + $local[0] - $seconds) * SECOND;
}

sub local { return $_[1] + offset($_[1]) }

# A local time that does not exist is read by the clock before the change, one
# that exists twice is the second one.
sub instant
{
	my ($self, $local) = @_;
	my $before = offset($local - DAY);
	my $after = offset($local + DAY);

	return $local - $after if offset($local - $after) == $after;
	return $local - $before;
}

sub plus
{
	my ($self, $at, $months, $days, $seconds) = @_;

	if ($months || $days)
	{
		my $local = $self->local($at);
		my $day = POSIX::floor($local / DAY);
		$at = $self->instant(plus_months($day, $months) * DAY + $days * DAY + $local - $day * DAY);
	}
	return $at + $seconds * SECOND;
}

# The last day of a month is the last of a shorter one.
sub plus_months
{
	my ($day, $months) = @_;
	my ($year, $month, $of_month) = date_of_day($day);
	my $first = day_of_date($year, $month + $months, 1);
	my ($to_year, $to_month) = date_of_day($first);

	return $first + min($of_month, month_length($to_year, $to_month)) - 1;
}

# The first instants of the first and the last day of the local month.
sub month
{
	my ($self, $at) = @_;
	my ($year, $month) = date_of_day(POSIX::floor($self->local($at) / DAY));
	my $first = day_of_date($year, $month, 1);

	return map { $self->instant($_ * DAY) } $first, $first + month_length($year, $month) - 1;
}

sub day_start
{
	my ($self, $at) = @_;

	return $self->instant(POSIX::floor($self->local($at) / DAY) * DAY);
}

# The name of the local day, week, month or year that an instant falls in; of
# whatever else there is only one.
sub period
{
	my ($self, $granularity, $at) = @_;
	my $day = POSIX::floor($self->local($at) / DAY);
	my @date = date_of_day($day);
	my %name = (
		day => join('-', @date),
		week => POSIX::floor(($day + 3) / 7),		# 1970 began with a Thursday
		month => "$date[0]-$date[1]",
		year => $date[0]);

	return $name{$granularity} // '';
}

my %MONTHS = (month => 1, quarter => 3, year => 12);

# The first day of the period behind the one that a day falls in.
sub next_period
{
	my ($unit, $day) = @_;
	my ($year, $month) = date_of_day($day);
	my $length = $MONTHS{$unit};

	return day_of_date($year, $month - ($month - 1) % $length + $length, 1);
}

# Where a policy ends points that are valid from an instant.
sub valid_until
{
	my ($self, $policy, $from) = @_;

	return FOREVER if $policy eq 'never';
	if ($policy =~ /^earliest of \((.*?), (.*)\)$/)
	{
		my ($one, $other) = ($1, $2);
		return min($self->valid_until($one, $from), $self->valid_until($other, $from));
	}
	my $local = $self->local($from);
	my $day = POSIX::floor($local / DAY);
	if ($policy =~ /^(\d+) (day|month|year)s?(?: end of (month|quarter|year))?$/)
	{
		my ($count, $unit, $round) = ($1, $2, $3);
		my $to = $unit eq 'day' ? $day + $count : plus_months($day, $count * $MONTHS{$unit});

		return $self->instant($to * DAY + $local - $day * DAY) if !$round;
		return $self->instant(next_period($round, $to) * DAY);
	}
	if ($policy =~ /^end of (next )?(month|quarter|year)$/)
	{
		my $to = next_period($2, $day);
		$to = next_period($2, $to) if $1;
		return $self->instant($to * DAY);
	}
	if ($policy =~ /^on (.*)$/)
	{
		my ($year) = date_of_day($day);
		my @dates = map { [ split /-/ ] } split /,/, $1;
		my @ends = grep { $_ > $day }
		  map { my $y = $_; map { day_of_date($y, @$_) + 1 } @dates } $year, $year + 1;
		return $self->instant(min(@ends) * DAY);
	}
	die "no such policy: $policy";
}

1;
