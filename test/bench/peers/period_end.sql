/*
 * period_end.sql
 *		Peer: what the end of a status period writes, by plain set-based SQL.
 *
 * Copies of loyalty.member and loyalty.tier_period with the same columns,
 * storage and indexes, but no triggers.  period_end.capture() notes the rows
 * that the extension has changed; the statement of period_end.statement()
 * writes the very same rows into the copies: two UPDATEs and one INSERT.
 */
CREATE SCHEMA period_end;

CREATE TABLE period_end.member (LIKE loyalty.member INCLUDING ALL);
CREATE TABLE period_end.tier_period (LIKE loyalty.tier_period INCLUDING ALL);
CREATE UNLOGGED TABLE period_end.new_member (LIKE loyalty.member);
CREATE UNLOGGED TABLE period_end.new_period (LIKE loyalty.tier_period);
ALTER TABLE period_end.member SET (fillfactor = 50);

CREATE PROCEDURE period_end.mirror() LANGUAGE sql AS $$
	INSERT INTO period_end.member OVERRIDING SYSTEM VALUE SELECT * FROM loyalty.member;
	INSERT INTO period_end.tier_period SELECT * FROM loyalty.tier_period;
$$;

/* Returns how many members have changed. */
CREATE FUNCTION period_end.capture() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	_count	bigint;
BEGIN
	TRUNCATE period_end.new_member, period_end.new_period;
	INSERT INTO period_end.new_member
	SELECT m.* FROM loyalty.member m JOIN period_end.member p USING (member_id)
	WHERE m.tier_id <> p.tier_id;
	GET DIAGNOSTICS _count = ROW_COUNT;
	INSERT INTO period_end.new_period
	SELECT p.* FROM loyalty.tier_period p JOIN period_end.new_member USING (member_id);
	ANALYZE period_end.new_member, period_end.new_period;
	RETURN _count;
END $$;

CREATE FUNCTION period_end.statement() RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format(
		'WITH updated AS (UPDATE period_end.member m SET %s FROM period_end.new_member n '
		'WHERE m.member_id = n.member_id), '
		'closed AS (UPDATE period_end.tier_period p SET until = n.until '
		'FROM period_end.new_period n WHERE (p.member_id, p.since) = (n.member_id, n.since)) '
		'INSERT INTO period_end.tier_period '
		'SELECT * FROM period_end.new_period WHERE until = ''infinity''',
		(SELECT string_agg(format('%1$I = n.%1$I', attname), ', ')
		 FROM pg_attribute
		 WHERE attrelid = 'loyalty.member'::regclass AND attnum > 0 AND NOT attisdropped
		   AND attname <> 'member_id'))
$$;

/* True if the floor has written what the extension wrote. */
CREATE FUNCTION period_end.agrees() RETURNS boolean LANGUAGE sql AS $$
	SELECT NOT EXISTS (SELECT FROM loyalty.member m FULL JOIN period_end.member s USING (member_id)
					   WHERE m::text IS DISTINCT FROM s::text)
	   AND NOT EXISTS (SELECT FROM loyalty.tier_period p
					   FULL JOIN period_end.tier_period s USING (member_id, since)
					   WHERE p::text IS DISTINCT FROM s::text)
$$;
