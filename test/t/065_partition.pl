# Orders in partitioned tables: a statement on the parent or on a leaf, COPY,
# moves between partitions and new partitions all come to the same.
use strict;
use warnings;

use LoyaltyTest;
use Test::More;

my $node = new_node('main');
add_program($node, 'shop');
query($node, q{
	INSERT INTO loyalty.rule (program, name, event, points)
		VALUES ('shop', 'base', 'purchase', '$.amount'), ('shop', 'lines', 'basket', '$.items[*].amount');

	CREATE TABLE orders (id int PRIMARY KEY, customer text, status text, amount int)
		PARTITION BY RANGE (id);
	CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (1) TO (100);
	CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (100) TO (200) PARTITION BY HASH (id);
	CREATE TABLE orders_2_even PARTITION OF orders_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE orders_2_odd PARTITION OF orders_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	SELECT attach('orders', member => 'customer', ref => 'id', condition => '$.status == "paid"');

	CREATE TABLE lines (basket int, customer text, status text, amount int) PARTITION BY LIST (status);
	CREATE TABLE lines_paid PARTITION OF lines FOR VALUES IN ('paid');
	CREATE TABLE lines_other PARTITION OF lines DEFAULT;
	SELECT attach('lines', member => 'customer', ref => 'basket', event => 'basket', lines => true,
				  condition => '$.status == "paid"')});

sub is_balance
{
	my ($member, $points, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return is_query($node, "SELECT available FROM balance('$member')", $points, $name);
}

query($node, q{INSERT INTO orders VALUES (1, 'ann', 'paid', 10), (101, 'ann', 'paid', 20), (102, 'ann', 'open', 40)});
is_balance('ann', 30, 'INSERT into the parent');
query($node, q{INSERT INTO orders_1 VALUES (4, 'ann', 'paid', 80)});
is_balance('ann', 110, 'INSERT into a leaf');
query($node, q{INSERT INTO orders_2 VALUES (105, 'ann', 'paid', 160)});
is_balance('ann', 270, 'INSERT into a parent in between');
query($node, q{UPDATE orders_2 SET status = 'paid' WHERE id = 102});
is_balance('ann', 310, 'UPDATE that makes a row count');
query($node, q{UPDATE orders SET status = 'cancelled' WHERE id = 105});
is_balance('ann', 150, 'and one that ends it');
query($node, q{UPDATE orders SET id = 150 WHERE id = 1});
is_balance('ann', 150, 'UPDATE that moves a row to another leaf');
query($node, q{DELETE FROM orders_2 WHERE id = 150});
is_balance('ann', 140, 'DELETE from a parent in between');
query($node, "COPY orders FROM stdin (DELIMITER ' ');\n6 ann paid 1000\n7 bob paid 7\n\\.\n");
is_balance('ann', 1140, 'COPY');
is_balance('bob', 7, 'COPY, another member');

query($node, q{
	CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (200) TO (300);
	INSERT INTO orders_3 VALUES (207, 'ann', 'paid', 2000)});
is_balance('ann', 3140, 'a leaf made after attach');
query($node, q{
	CREATE TABLE orders_4 (LIKE orders INCLUDING ALL);
	INSERT INTO orders_4 VALUES (301, 'ann', 'paid', 4000);
	ALTER TABLE orders ATTACH PARTITION orders_4 FOR VALUES FROM (300) TO (400);
	INSERT INTO orders_4 VALUES (302, 'ann', 'paid', 8000)});
is_balance('ann', 11140, 'a table attached as a leaf: rows that come from then on');

query($node, q{INSERT INTO lines VALUES (1, 'joe', 'paid', 1), (1, 'joe', 'paid', 2), (1, 'joe', 'open', 4)});
is_balance('joe', 3, 'lines of one basket in two leaves');
query($node, q{UPDATE lines SET status = 'paid' WHERE status = 'open'});
is_balance('joe', 7, 'a line that moves to the leaf that counts');
query($node, q{UPDATE lines SET status = 'returned' WHERE amount = 2});
is_balance('joe', 5, 'and one that leaves it');
query($node, q{DELETE FROM lines_paid});
is_balance('joe', 0, 'lines deleted from a leaf');

is_sound($node, 'the ledger agrees');
done_testing();
