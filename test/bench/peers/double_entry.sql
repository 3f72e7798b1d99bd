/*
 * double_entry.sql
 *		Peer: a general double-entry ledger in PL/pgSQL.
 *
 * Every operation is a transfer between the program's account and the
 * member's, with one posting on each side that notes the balance before and
 * after.  Accounts are locked in order of their ids.  There are sixteen
 * accounts of the program, so that it is not one row that everybody updates.
 */
CREATE SCHEMA double_entry;

CREATE TABLE double_entry.account (
	account_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text COLLATE "C" NOT NULL UNIQUE,
	balance		bigint NOT NULL DEFAULT 0,
	version		bigint NOT NULL DEFAULT 0,
	updated_at	timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE double_entry.transfer (
	transfer_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	debited		bigint NOT NULL REFERENCES double_entry.account,
	credited	bigint NOT NULL REFERENCES double_entry.account,
	points		bigint NOT NULL CHECK (points > 0),
	at			timestamptz NOT NULL,
	recorded_at	timestamptz NOT NULL DEFAULT now(),
	reason		text,
	attributes	jsonb,
	CHECK (debited <> credited)
);

CREATE INDEX transfer_debited ON double_entry.transfer (debited);
CREATE INDEX transfer_credited ON double_entry.transfer (credited);

CREATE TABLE double_entry.posting (
	posting_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	transfer_id	bigint NOT NULL REFERENCES double_entry.transfer,
	account_id	bigint NOT NULL REFERENCES double_entry.account,
	points		bigint NOT NULL,
	balance_before	bigint NOT NULL,
	balance_after	bigint NOT NULL,
	version		bigint NOT NULL,
	at			timestamptz NOT NULL,
	UNIQUE (account_id, version)
);

CREATE INDEX posting_transfer ON double_entry.posting (transfer_id);

INSERT INTO double_entry.account (name)
SELECT 'program/' || n FROM generate_series(0, 15) AS n;

/* Signed points: earned by the member, or redeemed. */
CREATE FUNCTION double_entry.post(_member text, _points bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	_program	bigint;
	_account	bigint;
	_transfer	bigint;
	_at			timestamptz := clock_timestamp();
BEGIN
	SELECT account_id INTO STRICT _account
	FROM double_entry.account WHERE name = 'member/' || _member;
	SELECT account_id INTO STRICT _program
	FROM double_entry.account WHERE name = 'program/' || _account % 16;
	PERFORM FROM double_entry.account WHERE account_id IN (_program, _account)
	ORDER BY account_id FOR NO KEY UPDATE;
	INSERT INTO double_entry.transfer (debited, credited, points, at, reason)
	VALUES (CASE WHEN _points > 0 THEN _program ELSE _account END,
			CASE WHEN _points > 0 THEN _account ELSE _program END,
			abs(_points), _at, CASE WHEN _points > 0 THEN 'earn' ELSE 'redeem' END)
	RETURNING transfer_id INTO _transfer;
	WITH moved AS (
		UPDATE double_entry.account a
		SET balance = a.balance + m.points, version = a.version + 1, updated_at = _at
		FROM (VALUES (_account, _points), (_program, -_points)) AS m(account_id, points)
		WHERE a.account_id = m.account_id
		RETURNING a.account_id, m.points, a.balance, a.version
	)
	INSERT INTO double_entry.posting (transfer_id, account_id, points, balance_before,
									  balance_after, version, at)
	SELECT _transfer, account_id, points, balance - points, balance, version, _at
	FROM moved;
	RETURN _transfer;
END $$;
