# The alerts, of the hit rate and of stale answers, and the history: all are
# taken by the clock, by one worker of all.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# How often the error log has a line like this.

sub logged {
    my ($pattern) = @_;

    open my $log, '<', server_root() . '/logs/error.log' or return 0;
    return scalar grep { /$pattern/ } <$log>;
}

run_tests();

__DATA__

=== TEST 1: a hit rate below the alert is said once, degrades the health, and ends
--- http_config eval
SectorCache::http(source => 'alerted', more => 'sector_cache_alert hit_rate=70% min_requests=10 window=1s;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch alerted /_up/sector/$sector_cache_symbol;
    }
--- scenario
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","hitRateAlert":false}}', 'healthy at first');
my $n = 0;
wait_until { $n++; get("/api/A$n"); get('/api/health')->{json}{data}{status} eq 'degraded' } 'misses degrade it';
contains(get('/api/health')->{body}, '{"data":{"status":"degraded","hitRateAlert":true}}', 'because of the alert');
like(get('/ops/metrics')->{body}, qr/^sector_cache_hit_rate_alert 1$/m, 'a metric says so');
is(stats()->{hitRateAlert}, JSON::PP::true(), 'and the stats');
wait_until { get('/api/A1') for 1 .. 20; get('/api/health')->{json}{data}{status} eq 'healthy' } 'hits heal it';
like(get('/ops/metrics')->{body}, qr/^sector_cache_hit_rate_alert 0$/m, 'the metric says so');
is(logged(qr/\[warn\].*hit rate is \d+% of \d+ requests within 1000 ms, below 70%/), 1, 'one warning');
is(logged(qr/\[notice\].*hit rate is \d+% of/), 1, 'one notice');



=== TEST 2: a few requests are no reason
--- http_config eval
SectorCache::http(source => 'few', more => 'sector_cache_alert hit_rate=70% window=1s;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch few /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLK XLF XLV);
select undef, undef, undef, 0.3;
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","hitRateAlert":false}}', 'of three');



=== TEST 3: without an alert nothing is said of it
--- request eval
['GET /api/health', 'GET /ops/stats']
--- json
{"data":{"!hitRateAlert":1}}
{"!hitRateAlert":1}



=== TEST 4: wrong alerts are refused with what is allowed
--- scenario
for (['', qr/invalid number of arguments/], ['window=1m', qr/has no "hit_rate"/],
     ['hit_rate=0%', qr/allowed: 1% to 100%/], ['hit_rate=101%', qr/1% to 100%/],
     ['hit_rate=70', qr/1% to 100%/], ['hit_rate=70% window=10ms', qr/1s to 1d/],
     ['hit_rate=70% min_requests=0', qr/from 1/], ['hit_rate=70% x=1', qr/unknown parameter/],
     ['hit_rate=70%; sector_cache_alert hit_rate=80%', qr/is duplicate/])
{
    my ($status, $words) = nginx_t("http { sector_cache_alert $_->[0]; }");
    ok($status, "\"$_->[0]\" is refused");
    like($words, $_->[1], 'and told why');
}



=== TEST 5: a sample is taken at once, and what has happened since is there
--- http_config eval
SectorCache::http(source => 'sampled', more => 'sector_cache_zone metrics 1028k ttl=24h;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch sampled /_up/sector/$sector_cache_symbol;
    }
--- scenario
wait_until { @{ get('/ops/history')->{json}{samples} } >= 1 } 'there is one';
my $history = get('/ops/history')->{json};
is($history->{minutes}, 60, 'an hour');
contains($history->{samples}[-1], '{"time":"~Z$","requests":"~^\\\\d+$","hits":0,"misses":0,"stale":0,"hitRate":"~^0","fetches":0,"failures":0,"upstreamMs":0,"entryCount":"~^\\\\d+$","memoryUsage":"~^\\\\d+$","breakers":{"sampled":"closed"}}', 'with all that belongs to it');
get("/api/$_") for qw(XLK XLK XLK XLF);
my $now = get('/ops/history?minutes=1440')->{json};
SKIP: {
    skip('a minute began', 1) if @{ $now->{samples} } != @{ $history->{samples} };
    contains($now->{current}, '{"requests":4,"hits":2,"misses":2,"hitRate":0.5,"fetches":2,"failures":0}', 'since then');
}
wait_until { get('/ops/entries?namespace=metrics&prefix=minute:')->{json}{count} == @{ get('/ops/history?minutes=1440')->{json}{samples} } } 'each is an entry';



=== TEST 6: minutes have bounds, and a history needs its zone
--- http_config eval
SectorCache::http(more => 'sector_cache_zone metrics 1032k;')
--- request eval
['GET /ops/history?minutes=0', 'GET /ops/history?minutes=1441', 'GET /ops/history?minutes=x', 'GET /ops/history?minutes=1', 'POST /ops/history']
--- error_code eval
[400, 400, 400, 200, 405]
--- json
{"error_code":"INVALID_PARAMETER","error":"~from 1 to 1440"}
{"error_code":"INVALID_PARAMETER"}
{"error_code":"INVALID_PARAMETER"}
{"minutes":1}
{"error_code":"METHOD_NOT_ALLOWED"}



=== TEST 7: without a zone named metrics there is no history
--- request
GET /ops/history
--- error_code: 404
--- json
{"success":false,"error_code":"NOT_FOUND","error":"There is no history: no sector_cache_zone is named metrics"}



# After a reload this minute may have been sampled for the zone that was there
# before.

=== TEST 8: a zone of that name works without any source
--- skip_eval: 3: $ENV{TEST_NGINX_USE_HUP}
--- http_config
    sector_cache_zone metrics 256k;
--- config
--- scenario
wait_until { @{ get('/ops/history')->{json}{samples} } } 'it has a sample';



=== TEST 9: when most answers are stale it is said once, degrades the health, and ends
--- http_config eval
SectorCache::http(source => 'old failures=1000000 retries=0', zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch old /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $health = sub { get('/api/health')->{json}{data} };
get('/api/XLK');
is($health->()->{staleAnswersAlert}, JSON::PP::false(), 'not at first');
upstream_fails();
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'stale' } 'it is stale';
get('/api/XLK') for 1 .. 12;
wait_until { $health->()->{staleAnswersAlert} } 'that is seen';
my $sick = $health->();
is($sick->{status}, 'degraded', 'it is degraded');
ok((grep { $_ eq 'most answers are stale' } @{ $sick->{reasons} }), 'for that reason');
is(stats()->{staleAnswersAlert}, JSON::PP::true(), 'the stats say so');
like(get('/ops/metrics')->{body}, qr/^sector_cache_stale_alert 1$/m, 'and a metric');
is(logged(qr/\[warn\].*\d+% of \d+ answers within 60000 ms are stale, source "old" failed last: .*503/), 1, 'one warning, with the reason');
upstream_works();
wait_until { get('/api/XLK') for 1 .. 20; !$health->()->{staleAnswersAlert} } 'good answers end it';
is($health->()->{status}, 'healthy', 'it is healthy');
like(get('/ops/metrics')->{body}, qr/^sector_cache_stale_alert 0$/m, 'the metric says so');
is(logged(qr/\[notice\].*most answers are no longer stale/), 1, 'one notice');
--- no_error_log
[alert]
[crit]
