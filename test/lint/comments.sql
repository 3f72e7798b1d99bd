-- Every object of the extension, columns of its tables included, and whether it
-- has a comment.  An operator family made by CREATE OPERATOR CLASS, an array
-- type and the row type of a table have none of their own.
WITH member AS (
    SELECT d.classid, d.objid
    FROM pg_depend d
    JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'loyalty'
), object AS (
    SELECT classid, objid, 0 AS objsubid FROM member
    WHERE classid <> 'pg_opfamily'::regclass
        AND NOT (classid = 'pg_type'::regclass
                 AND objid IN (SELECT t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
                               WHERE t.typcategory = 'A' OR c.relkind <> 'c'))
    UNION ALL
    SELECT m.classid, m.objid, a.attnum
    FROM member m
    JOIN pg_class c ON c.oid = m.objid AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE m.classid = 'pg_class'::regclass
)
SELECT CASE WHEN d.description IS NULL THEN 'not ok ' ELSE 'ok ' END || i.type || ' ' || i.identity
FROM object o
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, o.objsubid) i
LEFT JOIN pg_description d
    ON (d.classoid, d.objoid, d.objsubid) = (o.classid, o.objid, o.objsubid)
ORDER BY 1;
