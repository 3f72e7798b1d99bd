-- Why: the story of a ref in sentences.  Runs as its caller, who needs EXECUTE
-- on it and nothing else.

CREATE FUNCTION loyalty.explain(
	member text,
	ref text,
	program text DEFAULT NULL,
	OUT line text)
	RETURNS SETOF text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'loyalty_explain';
COMMENT ON FUNCTION loyalty.explain(text, text, text) IS
	'everything that happened under a ref of a member, as sentences in the order in which it was recorded: which rules gave what, which lots paid, what was owed, forgiven or lapsed. Dates are in the program''s time zone. LY002 unknown member, LY007 nothing under that ref';
REVOKE ALL ON FUNCTION loyalty.explain(text, text, text) FROM PUBLIC;
