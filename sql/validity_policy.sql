-- validity_policy: text and calendar
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET search_path = loyalty, public;

-- canonical text
SELECT input, input::validity_policy AS policy
FROM unnest(ARRAY['never', ' NEVER ', '365 days', '1 days', '2 day', '1 Year', '3 weeks', '12months',
	'12 months   end of MONTH', '1 year end of year', '90 days end of day', '90 days end of week',
	'90 days end of quarter', 'end of year', 'End Of Next Year', 'end of month', 'on 03-31',
	'on 12-31,06-30', 'on 06-30 , 12-31, 06-30', 'on 02-29',
	'earliest of(1 year,on 06-30,12-31)', 'EARLIEST OF ( on 06-30, 12-31 , earliest of (never, end of year))']) AS input;

-- where it ends: in UTC; "through 31 Dec" is 1 Jan 00:00
SELECT policy, valid_until(policy::validity_policy, '2026-01-31 10:00', 'UTC')
FROM unnest(ARRAY['never', '1 day', '2 weeks', '1 month', '13 months', '1 year', '365 days', '365 days end of day',
	'1 month end of month', '12 months end of quarter', '1 year end of year', '1 week end of week',
	'end of day', 'end of week', 'end of month', 'end of quarter', 'end of year', 'end of next year', 'end of next month',
	'on 01-31', 'on 01-30', 'on 03-31', 'on 06-30,12-31', 'on 02-29',
	'earliest of (1 year, end of year)', 'earliest of (never, earliest of (2 months, on 12-31))']) AS policy;

-- months clamp to their last day, leap days
SELECT f::date, valid_until('1 month', f, 'UTC') AS plus_1, valid_until('12 months', f, 'UTC') AS plus_12,
	valid_until('on 02-29', f, 'UTC') AS on_leap_day
FROM unnest(ARRAY['2027-01-31', '2028-01-31', '2028-02-29', '2027-02-28', '2028-02-28', '2028-03-01']::timestamptz[]) AS f;

-- a length that ends on a border stays there; the end of a period is always later
SELECT valid_until('1 month end of month', '2026-01-01', 'UTC') AS stays,
	valid_until('1 month end of month', '2026-01-01 00:00:00.000001', 'UTC') AS rounded,
	valid_until('end of month', '2026-02-01', 'UTC') AS later,
	valid_until('end of day', '2026-02-01', 'UTC') AS next_day;

-- validity counts from valid_from: granted on 28 Dec, active from 11 Jan
SELECT valid_until('end of year', '2026-12-28 09:00', 'UTC') AS granted,
	valid_until('end of year', '2027-01-11 09:00', 'UTC') AS active;

-- the local calendar decides: in Shanghai it is 2027 already
SELECT zone, valid_until('end of year', '2026-12-31 20:00', zone)
FROM unnest(ARRAY['UTC', 'Asia/Shanghai', 'America/New_York', 'Pacific/Kiritimati']) AS zone;

-- summer time: local time stays, the length in hours does not
SELECT valid_until('1 day', '2026-03-07 12:00-05', 'America/New_York') - '2026-03-07 12:00-05' AS spring,
	valid_until('1 day', '2026-10-31 12:00-04', 'America/New_York') - '2026-10-31 12:00-04' AS autumn;
-- a local time that is skipped or comes twice is what PostgreSQL makes of it
SELECT valid_until('1 day', '2026-03-07 02:30-05', 'America/New_York')
	= '2026-03-08 02:30'::timestamp AT TIME ZONE 'America/New_York' AS skipped,
	valid_until('1 day', '2026-10-31 01:30-04', 'America/New_York')
	= '2026-11-01 01:30'::timestamp AT TIME ZONE 'America/New_York' AS twice;
-- a day without midnight begins when it begins: Havana and Cairo go forward at 00:00,
-- Toronto went from 23:30 to 00:30 in 1919, Samoa had no 30 December 2011
SELECT valid_until('end of day', '2026-03-07 12:00-05', 'America/Havana') AT TIME ZONE 'America/Havana' AS havana,
	valid_until('end of day', '1919-03-30 12:00-05', 'America/Toronto') AT TIME ZONE 'America/Toronto' AS toronto,
	valid_until('end of day', '2011-12-29 12:00-10', 'Pacific/Apia') AT TIME ZONE 'Pacific/Apia' AS apia;

-- beside plain SQL, over two years of instants, in zones of all kinds
SELECT zone, count(*), count(*) FILTER (WHERE
	valid_until('end of day', f, zone) = (date_trunc('day', l) + interval '1 day') AT TIME ZONE zone
	AND valid_until('end of week', f, zone) = (date_trunc('week', l) + interval '1 week') AT TIME ZONE zone
	AND valid_until('end of quarter', f, zone) = (date_trunc('quarter', l) + interval '3 months') AT TIME ZONE zone
	AND valid_until('end of next year', f, zone) = (date_trunc('year', l) + interval '2 years') AT TIME ZONE zone
	AND valid_until('5 months', f, zone) = (l + interval '5 months') AT TIME ZONE zone
	AND valid_until('100 days', f, zone) = (l + interval '100 days') AT TIME ZONE zone
	AND valid_until('1 year end of month', f, zone) =
		(date_trunc('month', l + interval '1 year' - interval '1 microsecond') + interval '1 month') AT TIME ZONE zone
	AND valid_until('on 06-30', f, zone) = (make_date(extract(year FROM l)::integer
		+ (to_char(l, 'MMDD') > '0630')::integer, 6, 30) + 1)::timestamp AT TIME ZONE zone) AS agree
FROM unnest(ARRAY['UTC', 'Asia/Shanghai', 'America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe']) AS zone,
	generate_series('2027-01-01'::timestamptz, '2029-01-01', '8 hours 47 minutes') AS f,
	LATERAL (SELECT f AT TIME ZONE zone AS l) AS t
GROUP BY zone
ORDER BY zone;

-- = and grouping; the text decides, not the calendar
SELECT '1 YEAR'::validity_policy = '1 years'::validity_policy AS same,
	'12 months'::validity_policy = '1 year'::validity_policy AS other;
SELECT p, count(*) FROM unnest('{never,1 year,"1 years",NEVER}'::validity_policy[]) AS p GROUP BY p ORDER BY p;

-- binary: version 1, then the canonical text
SELECT validity_policy_send('on 12-31,06-30') = '\x01'::bytea || 'on 06-30,12-31'::bytea AS sent;
