/* Two statements; from here on the shop's own INSERTs do it. Rows of the past count, hence backfill. */
SELECT loyalty.attach('shop.orders', member => 'customer', ref => 'invoice_no', at => 'ordered_at', backfill => true);
SELECT loyalty.attach('shop.returns', member => 'customer', ref => 'return_no', event => 'return',
					  at => 'returned_at', backfill => true);
