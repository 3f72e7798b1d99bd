-- Streaks of a member: what stands, and missed periods made up.

CREATE FUNCTION loyalty.make_up(
	member text,
	event text,
	day date,
	ref text DEFAULT NULL,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL)
	RETURNS loyalty.receipt
	LANGUAGE c VOLATILE PARALLEL UNSAFE SUPPORT loyalty.call_support
	AS 'MODULE_PATHNAME', 'loyalty_make_up';
COMMENT ON FUNCTION loyalty.make_up(text, text, date, text, timestamptz, text) IS
	'buys a missed day, or the week of that day, of a streak with points: a redemption, and the period counts as done. LY001, LY002, LY003, LY004 as redeem(); LY010 not for sale, done already, not over, too far back or before the member''s time; 22023 a day in the future, unknown event or no streak';
REVOKE ALL ON FUNCTION loyalty.make_up(text, text, date, text, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION loyalty.streak(
	member text,
	event text,
	at timestamptz DEFAULT NULL,
	program text DEFAULT NULL,
	OUT run integer,
	OUT best integer,
	OUT done boolean,
	OUT cycle_since date,
	OUT cycle_until date,
	OUT cycle_done integer,
	OUT missed integer,
	OUT next_reward bigint,
	OUT calendar jsonb)
	RETURNS record
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_streak';
COMMENT ON FUNCTION loyalty.streak(text, text, timestamptz, text) IS
	'a member''s streak at an instant (default now): the run that still holds, the longest one, whether the present day or week is done, the cycle (cycle_until exclusive), periods done and missed in it, what the next event that counts would be granted by the rules, and every period of the cycle with its state: done, made_up, missed, open. LY002 unknown member, 22023 unknown event or no streak';
REVOKE ALL ON FUNCTION loyalty.streak(text, text, timestamptz, text) FROM PUBLIC;
