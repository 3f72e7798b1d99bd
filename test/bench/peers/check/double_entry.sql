/* Every transfer has two postings that cancel out, and balances follow from them. */
DO $$
BEGIN
	ASSERT EXISTS (SELECT FROM double_entry.posting), 'double_entry: nothing was posted';
	ASSERT NOT EXISTS (
		SELECT FROM double_entry.transfer t LEFT JOIN double_entry.posting p USING (transfer_id)
		GROUP BY transfer_id
		HAVING count(p.*) <> 2 OR sum(p.points) <> 0 OR max(p.points) <> max(t.points)),
		'double_entry: postings do not balance';
	ASSERT NOT EXISTS (
		SELECT FROM double_entry.account a LEFT JOIN double_entry.posting p USING (account_id)
		GROUP BY account_id HAVING a.balance <> coalesce(sum(p.points), 0)),
		'double_entry: balances do not follow from postings';
END $$;
