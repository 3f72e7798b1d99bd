\set n random(1, :members)
SELECT * FROM loyalty.record(:n::text, 'purchase', :attributes::jsonb);
