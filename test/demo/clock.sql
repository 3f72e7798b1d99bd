SET loyalty.program = 'shop';
CALL loyalty.maintain(at => '2013-01-01 00:00+00');
