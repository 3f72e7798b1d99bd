\set n random(1, :members)
SELECT double_entry.post(:n::text, 5);
