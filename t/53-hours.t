# Market hours: what is fetched while the market is closed is fresh until it
# opens; and a feed that stands still while it is open has frozen.  Which
# instants those are is tested in tests/test_hours.c.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;
use POSIX ();

# A day of the week that is N days from today, in UTC.

sub day {
    return (qw(Sun Mon Tue Wed Thu Fri Sat))[(gmtime(time + 86400 * $_[0]))[6]];
}

run_tests();

__DATA__

=== TEST 1: what is fetched while the market is closed is fresh until it opens
--- http_config eval
SectorCache::http(source => 'closed', zone => 'ttl=1s', more => 'sector_cache_market_hours sectors UTC ' . main::day(3) . ' 00:00-24:00;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch closed /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $until = 3 * 86400 - time % 86400;
get('/api/XLK');
my $ttl = get('/api/XLK')->{json}{metadata}{ttl};
cmp_ok($ttl, '<=', $until + 1, 'until midnight of that day');
cmp_ok($ttl, '>=', 3 * 86400 - time % 86400 - 1, 'and no shorter');
like(get('/ops/explain/XLK')->{json}{nextRefresh}, qr/T00:00:00|T23:59:59/, 'said as a time');



=== TEST 2: while it is open the ttl is the zone's
--- http_config eval
SectorCache::http(source => 'open', zone => 'ttl=100s', more => 'sector_cache_market_hours sectors America/New_York Mon-Sun 00:00-24:00;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch open /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $since = time;
get('/api/XLK');
my $ttl = get('/api/XLK')->{json}{metadata}{ttl};
cmp_ok($ttl, '<=', 100, 'no more than that');
cmp_ok($ttl, '>=', 100 - (time - $since) - 2, 'of which no more is gone than time');



=== TEST 3: a holiday is closed
--- user_files eval
[['holidays.txt', "# the next days\n\n" . join('', map { POSIX::strftime('%Y-%m-%d', gmtime(time + 86400 * $_)) . ($_ ? " closed\r\n" : "# today\n") } -1 .. 1)]]
--- http_config eval
SectorCache::http(source => 'holiday', zone => 'ttl=1s', more => 'sector_cache_market_hours sectors UTC Sun-Sat 00:00-24:00 holidays=$TEST_NGINX_SERVER_ROOT/html/holidays.txt;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch holiday /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
cmp_ok(abs(get('/api/XLK')->{json}{metadata}{ttl} - (2 * 86400 - time % 86400)), '<=', 2, 'until the day after tomorrow');



=== TEST 4: a feed that stands still while the market is open has frozen
--- http_config eval
SectorCache::http(source => 'ice frozen=1s', zone => 'ttl=1ms', more => 'sector_cache_market_hours sectors UTC Mon-Sun 00:00-24:00; map $msec $ms { ~^(\d+)\.(\d+)$ $1$2; }', upstream => <<'END')
location /still/ {
    return 200 '{"symbol":"XLK","price":1,"timestamp":1600000000123}';
}
location /moves/ {
    return 200 '{"symbol":"XLF","price":1,"timestamp":1600000000124}';
}
location /ticks/ {
    return 200 '{"symbol":"XLE","price":1,"timestamp":$ms}';
}
END
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch ice /_up/still/$sector_cache_symbol;
    }

    location /moves {
        sector_cache_api;
        sector_cache_fetch ice /_up/moves/$sector_cache_symbol;
    }

    location /ticks {
        sector_cache_api;
        sector_cache_fetch ice /_up/ticks/$sector_cache_symbol;
    }
--- scenario
my $thaws = sub {
    open my $log, '<', server_root() . '/logs/error.log' or die $!;
    return scalar grep { /quotes of source "ice" advance again/ } <$log>;
};
get('/api/XLK') for 1 .. 3;
contains(get('/api/health')->{body}, '{"data":{"status":"healthy"}}', 'not yet');
wait_until { get('/api/XLK'); get('/api/health')->{json}{data}{status} eq 'degraded' } 'after a second without anything new';
contains(get('/api/health')->{body}, '{"data":{"status":"degraded","sources":{"ice":{"breaker":"closed","frozen":true}}}}', 'the breaker is left alone');
like(get('/ops/metrics')->{body}, qr/^sector_cache_feed_frozen\{source="ice"\} 1$/m, 'a metric says so');
like(get('/ops/metrics')->{body}, qr/^sector_cache_feed_quote_timestamp_seconds\{source="ice"\} 1600000000\.123$/m, 'and when its newest quote was');
contains(stats()->{sources}{ice}, '{"frozen":true,"newestQuote":"2020-09-13T12:26:40.123Z"}', 'so do the stats');
is($thaws->(), 0, 'it is not said that they advance');
get('/moves/XLF');
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","sources":{"ice":{"frozen":false}}}}', 'a new quote thaws it');
wait_until { $thaws->() == 1 } 'which is said';
get('/ticks/XLE') for 1 .. 5;
get('/moves/XLF');
is($thaws->(), 1, 'once, whatever comes after it');



=== TEST 5: without hours night and ice look the same
--- http_config eval
SectorCache::http(source => 'dark frozen=1s', zone => 'ttl=1ms', upstream => <<'END')
location /still/ {
    return 200 '{"symbol":"XLK","price":1,"timestamp":1600000000123}';
}
END
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch dark /_up/still/$sector_cache_symbol;
    }
--- scenario
my $until = time + 2;
do { get('/api/XLK'); select undef, undef, undef, 0.1 } while time <= $until;
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","sources":{"dark":{"frozen":false}}}}', 'healthy');



=== TEST 6: wrong hours are refused with what is allowed
--- scenario
my $good = 'sectors UTC Mon-Fri 09:30-16:00';
open my $file, '>', html_dir() . '/wrong.txt'; print $file "2026-12-25\n\n2026-02-30 none\n"; close $file;
for (['sectors UTC Mon-Fri', qr/invalid number of arguments/],
     ["sectors Mars/Base Mon-Fri 09:30-16:00", qr/unknown time zone "Mars\/Base", allowed: a name of a file in/],
     ["sectors ../UTC Mon-Fri 09:30-16:00", qr/unknown time zone/],
     ["sectors America Mon-Fri 09:30-16:00", qr/unknown time zone/],
     ["sectors UTC Mon-Fry 09:30-16:00", qr/invalid days "Mon-Fry".*allowed/],
     ["sectors UTC Mon-Fri 9:30-16:00", qr/invalid hours "9:30-16:00".*allowed/],
     ["$good holiday=x", qr/allowed: holidays=FILE/],
     ["$good holidays=/nonexistent", qr/"\/nonexistent" failed/],
     ["$good holidays=" . html_dir() . '/wrong.txt', qr/invalid date "2026-02-30" in ".*wrong\.txt", line 3, allowed: YYYY-MM-DD/],
     ["nowhere UTC Mon-Fri 09:30-16:00", qr/unknown zone "nowhere" in "sector_cache_market_hours".*:1/],
     ["$good; sector_cache_market_hours $good", qr/zone "sectors" has market hours already/])
{
    my ($status, $words) = nginx_t("http { sector_cache_zone sectors 64k; sector_cache_market_hours $_->[0]; }");
    ok($status, "\"$_->[0]\" is refused");
    like($words, $_->[1], 'and told why');
}
my ($status, $words) = nginx_t("http { sector_cache_market_hours $good; sector_cache_zone sectors 64k; }");
is($status, 0, 'hours may stand before their zone');



=== TEST 7: a quote of the future does not freeze the feed
One quote that was stamped nine hours ahead was the newest for nine hours: the
feed had frozen, and health was degraded, until the clock had caught up.

--- http_config eval
SectorCache::http(source => 'ahead frozen=1s', zone => 'ttl=1ms', more => 'sector_cache_market_hours sectors UTC Mon-Sun 00:00-24:00;', upstream => <<'END')
location /ahead/ {
    return 200 '{"symbol":"XLF","price":1,"timestamp":4102444800000}';
}
location /goes/ {
    if ($msec ~ "^(\d+)\.(\d+)$") { set $timestamp $1$2; }
    return 200 '{"symbol":"XLK","price":1,"timestamp":$timestamp}';
}
END
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch ahead /_up/goes/$sector_cache_symbol;
    }

    location /ahead {
        sector_cache_api;
        sector_cache_fetch ahead /_up/ahead/$sector_cache_symbol;
    }
--- scenario
get('/ahead/XLF');
is(stats()->{sources}{ahead}{newestQuote}, undef, 'it is not the newest');
my $until = time + 2;
do { get('/api/XLK'); get('/ahead/XLF'); select undef, undef, undef, 0.1 } while time <= $until;
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","sources":{"ahead":{"frozen":false}}}}', 'quotes advance');
ok(stats()->{sources}{ahead}{newestQuote} lt '2099', 'the newest is of today');
