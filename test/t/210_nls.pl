# explain() speaks the language of the session.
#
# The server finds locales in a directory of this test: a copy of its own
# locale under the name of another is all that gettext asks for.
use strict;
use warnings;
use LoyaltyTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $nls = `"\${PG_CONFIG:-pg_config}" --configure` =~ /--enable-nls/;
my ($locale) = grep { -f "$_/LC_CTYPE" } glob '/usr/lib/locale/[Cc].[Uu][Tt][Ff]*8';

plan skip_all => 'this PostgreSQL is built without NLS' if !$nls;
plan skip_all => 'no locale C.UTF-8 in /usr/lib/locale to make zh_CN.UTF-8 of' if !$locale;
plan skip_all => 'no msgfmt, so there are no catalogs' if system('command -v msgfmt >/dev/null') != 0;

my $locales = PostgreSQL::Test::Utils::tempdir();
foreach my $name ('C.utf8', 'zh_CN.utf8')
{
	system_or_bail('cp', '-r', $locale, "$locales/$name");
}
$ENV{LOCPATH} = $locales;

my $node = new_node('nls');
add_program($node, 'shop', time_zone => 'Asia/Shanghai', validity => 'never');
query($node, q{SELECT earn('ann', 120, 'gift', at => '2024-01-01 12:00+08')});
query($node, q{SELECT transfer('ann', 'bob', 20, 'present', at => '2024-01-02 12:00+08')});

query($node, q{INSERT INTO loyalty.tier (name, rank, threshold, earn_multiplier) VALUES ('silver', 1, 0, 1.5);
	INSERT INTO loyalty.rule (name, event, points) VALUES ('base', 'purchase', '$.amount')});
query($node, q{SELECT record('ann', 'purchase', '{"amount": 33}', 'order', '2024-01-03 12:00+08')});

my $told = q{SELECT explain('ann', 'gift')};
is_query($node, "SET lc_messages = 'C'; $told", join("\n",
	'2024-01-01 12:00: 120 points were granted.',
	'120 points joined the lot of entry 1, valid from 2024-01-01 12:00 without end.',
	'That was entry 1; it left a balance of 120 points.'), 'English is what is written');
is_query($node, "SET lc_messages = 'zh_CN.UTF-8'; $told", join("\n",
	'2024-01-01 12:00：发放 120 积分。',
	'120 积分计入分录 1 的批次，自 2024-01-01 12:00 起有效，永不过期。',
	'以上为分录 1，其后余额为 120 积分。'), 'Chinese');
is_query($node, "SET lc_messages = 'zh_CN.UTF-8'; SELECT explain('ann', 'present') LIMIT 1",
	'2024-01-02 12:00：向会员 bob 转出 20 积分。', 'with its words in another order');
is_query($node, "SET lc_messages = 'zh_CN.UTF-8'; SELECT regexp_replace(line, '版本 [0-9]+', '版本 N') FROM explain('ann', 'order') line LIMIT 2",
	"2024-01-03 12:00：事件 purchase 发放 49 积分和 33 成长值。\n" .
	'规则 base（版本 N）得 33，按等级 silver 乘以 1.5 为 49.5，取整为 49 积分，另得 33 成长值。', 'what a rule gave');
is_query($node, "SET lc_messages = 'zh_CN.UTF-8'; SELECT explain('ann', 'gift') LIMIT 1; SET lc_messages = 'C'; SELECT explain('ann', 'gift') LIMIT 1",
	"2024-01-01 12:00：发放 120 积分。\n2024-01-01 12:00: 120 points were granted.",
	'a session can change its language');

done_testing();
