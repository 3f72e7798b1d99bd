/*
 * set_based.sql
 *		Peer: what an operation writes, written by plain set-based SQL.
 *
 * Copies of loyalty.member and loyalty.ledger with the same columns, storage
 * and indexes, but no triggers.  After the extension has done its work,
 * set_based.capture() notes which rows that left behind, and the statement
 * that set_based.statement() returns writes the very same rows into the
 * copies: one UPDATE of the members, one INSERT of the entries.  Nothing is
 * decided or computed on the way, so this is the floor under any
 * implementation.  As every round is repeated on the copies, both sides start
 * the next one alike.
 */
CREATE SCHEMA set_based;

CREATE TABLE set_based.member (LIKE loyalty.member INCLUDING ALL);
CREATE TABLE set_based.ledger (LIKE loyalty.ledger INCLUDING ALL);
CREATE UNLOGGED TABLE set_based.new_member (LIKE loyalty.member);
CREATE UNLOGGED TABLE set_based.new_ledger (LIKE loyalty.ledger);

/* LIKE leaves the tables' own storage parameters out. */
SELECT format('ALTER TABLE set_based.%I SET (%s)', relname,
			  array_to_string(reloptions, ', '))
FROM pg_class
WHERE oid IN ('loyalty.member'::regclass, 'loyalty.ledger'::regclass)
  AND reloptions IS NOT NULL
\gexec

/* The columns that a statement may write, in order. */
CREATE FUNCTION set_based.columns(_table regclass) RETURNS SETOF name
LANGUAGE sql STABLE AS $$
	SELECT attname FROM pg_attribute
	WHERE attrelid = _table AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
	ORDER BY attnum
$$;

CREATE PROCEDURE set_based.mirror() LANGUAGE plpgsql AS $$
DECLARE
	_table	text;
	_list	text;
BEGIN
	FOREACH _table IN ARRAY '{member,ledger}'::text[] LOOP
		SELECT string_agg(quote_ident(c), ', ') INTO _list
		FROM set_based.columns(('loyalty.' || _table)::regclass) AS c;
		EXECUTE format('INSERT INTO set_based.%1$I (%2$s) OVERRIDING SYSTEM VALUE '
					   'SELECT %2$s FROM loyalty.%1$I', _table, _list);
	END LOOP;
END $$;

/* Returns how many entries are new. */
CREATE FUNCTION set_based.capture() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	_count	bigint;
BEGIN
	TRUNCATE set_based.new_member, set_based.new_ledger;
	INSERT INTO set_based.new_ledger
	SELECT * FROM loyalty.ledger
	WHERE entry_id > (SELECT coalesce(max(entry_id), 0) FROM set_based.ledger);
	GET DIAGNOSTICS _count = ROW_COUNT;
	INSERT INTO set_based.new_member
	SELECT * FROM loyalty.member
	WHERE member_id IN (SELECT member_id FROM set_based.new_ledger);
	ANALYZE set_based.new_member, set_based.new_ledger;
	RETURN _count;
END $$;

CREATE FUNCTION set_based.statement() RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format(
		'WITH updated AS (UPDATE set_based.member m SET %s FROM set_based.new_member n '
		'WHERE m.member_id = n.member_id) '
		'INSERT INTO set_based.ledger (%s) OVERRIDING SYSTEM VALUE '
		'SELECT %2$s FROM set_based.new_ledger',
		(SELECT string_agg(format('%1$I = n.%1$I', c), ', ')
		 FROM set_based.columns('loyalty.member') AS c WHERE c <> 'member_id'),
		(SELECT string_agg(quote_ident(c), ', ')
		 FROM set_based.columns('loyalty.ledger') AS c))
$$;

/* True if the floor has written what the extension wrote. */
CREATE FUNCTION set_based.agrees() RETURNS boolean LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM loyalty.ledger) = (SELECT count(*) FROM set_based.ledger)
	   AND NOT EXISTS (SELECT FROM loyalty.member m FULL JOIN set_based.member s USING (member_id)
					   WHERE m::text IS DISTINCT FROM s::text)
$$;
