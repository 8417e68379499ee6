# The pages that say what a namespace holds, and why a symbol is answered as it
# is.  They change nothing: asking is no request for a sector.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: entries are keys and what is known of them, never values
--- scenario
get("/api/$_") for qw(XLK XLF XLK XLK);
my $answer = get('/ops/entries');
contains($answer->{body}, '{"namespace":"sectors","count":2,"next":null,"entries":[{"key":"XLF","state":"fresh","size":"~^\\\\d+$","age":0,"ttl":"~^1(19|20)$","hits":0},{"key":"XLK","state":"fresh","hits":2,"!value":1,"!data":1}]}', 'the two');
unlike($answer->{body}, qr/285\.17/, 'no value');
is($answer->{headers}{'content-type'}, 'application/json', 'as JSON');
is(stats()->{totalRequests}, 4, 'nothing was counted');



=== TEST 2: a hit in a batch is one too, and a new version goes on counting
--- http_config eval
SectorCache::http(zone => 'ttl=50ms stale=1h')
--- scenario
get('/api/XLK') for 1 .. 3;
get('/api/?symbols=XLK,XLF');
my $hits = sub { $_[0]{entries}[-1]{hits} };
my $before = $hits->(get('/ops/entries')->{json});
cmp_ok($before, '>=', 1, 'some hits');
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'miss' } 'it is fetched anew';
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'hit' } 'and hit again';
cmp_ok($hits->(get('/ops/entries?prefix=XLK')->{json}), '>', $before, 'more hits');



=== TEST 3: entries are picked by prefix and limit, and shown in pieces
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /any {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLK XLF XLV XLY XLC SPY);
get('/any/M&M.NS');
my $keys = sub { join ' ', map { $_->{key} } @{ $_[0]{entries} } };
is($keys->(get('/ops/entries?prefix=XL')->{json}), 'XLC XLF XLK XLV XLY', 'by prefix');
is($keys->(get('/ops/entries?prefix=%58LK')->{json}), 'XLK', 'an escaped one');
is($keys->(get('/ops/entries?prefix=xl')->{json}), '', 'as they are');
is($keys->(get('/ops/entries?prefix=M%26')->{json}), 'M&M.NS', 'an ampersand');
is($keys->(get('/ops/entries?namespace=sectors&limit=1000')->{json}), 'M&M.NS SPY XLC XLF XLK XLV XLY', 'all');
for my $limit (1, 2, 4, 5) {
    my (@seen, $answers);
    my $next = 0;
    do {
        my $answer = get("/ops/entries?limit=$limit&prefix=XL&cursor=$next")->{json};
        push @seen, map { $_->{key} } @{ $answer->{entries} };
        cmp_ok(scalar @{ $answer->{entries} }, '<=', $limit, 'no more than asked for');
        $next = $answer->{next};
    } while ($next && ++$answers < 10);
    is(join(' ', sort @seen), 'XLC XLF XLK XLV XLY', "all of them, $limit at a time");
}



=== TEST 4: what is stale or does not exist says so
--- http_config eval
SectorCache::http(zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /missing {
        sector_cache_api;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
get('/missing/XLF');
wait_until { get('/ops/explain/XLK')->{json}{state} eq 'stale' } 'one becomes stale';
contains(get('/ops/entries')->{body}, '{"entries":[{"key":"XLF","state":"negative"},{"key":"XLK","state":"stale","ttl":0}]}', 'both');
contains(get('/ops/explain/XLF')->{body}, '{"state":"negative","answer":"negative"}', 'XLF');
contains(get('/ops/explain/XLK')->{body}, '{"state":"stale","answer":"miss"}', 'XLK');
--- no_error_log
[alert]
[crit]



=== TEST 5: wrong parameters are told what is allowed
--- request eval
['GET /ops/entries?limit=0', 'GET /ops/entries?limit=1001', 'GET /ops/entries?limit=ten', 'GET /ops/entries?limit=', 'GET /ops/entries?cursor=-1', 'GET /ops/entries?namespace=nowhere', 'GET /ops/explain/XLK?namespace=nowhere', 'GET /ops/explain/a%20b', 'GET /ops/explain/', 'POST /ops/entries', 'DELETE /ops/explain/XLK', 'GET /ops/explain/XLK/XLF', 'GET /ops/explain/.']
--- error_code eval
[400, 400, 400, 400, 400, 404, 404, 400, 404, 405, 405, 400, 404]
--- json
{"success":false,"error_code":"INVALID_PARAMETER","error":"~from 1 to 1000"}
{"error_code":"INVALID_PARAMETER"}
{"error_code":"INVALID_PARAMETER"}
{"error_code":"INVALID_PARAMETER"}
{"error_code":"INVALID_PARAMETER"}
{"error_code":"NOT_FOUND","error":"~^No such namespace"}
{"error_code":"NOT_FOUND"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"NOT_FOUND"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"NOT_FOUND"}



=== TEST 6: a fresh symbol is explained, in either case
--- http_config eval
SectorCache::http(source => 'plain', zone => 'ttl=100s stale=1h', upstream => <<'END')
location /dated/ {
    return 200 '{"symbol":"XLK","price":1,"timestamp":1795377640123}';
}
END
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch plain /_up/dated/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK') for 1 .. 2;
contains(get('/ops/explain/xlk')->{body}, '{"symbol":"XLK","namespace":"sectors","enabled":true,"state":"fresh","answer":"hit","why":"~^the entry is fresh for another (99|100) s$","age":0,"hits":1,"storedAt":"~Z$","nextRefresh":"~Z$","usableUntil":"~Z$","quoteTime":"2026-11-22T20:00:40.123Z","fetch":{"state":"none","!worker":1},"lastError":null,"sources":{"plain":{"breaker":"closed","letsThrough":true,"retryAfter":0,"inFlight":0,"concurrency":4,"waiting":0,"queue":256}},"locations":[{"location":"/api","cache":"on","source":"plain","configured":true}]}', 'it is');
is(stats()->{totalRequests}, 2, 'nothing was counted');
contains(get('/ops/explain/XLF')->{body}, '{"state":"none","answer":"miss","why":"memory has nothing: it is fetched from source plain","!age":1}', 'another is not there');
contains(get('/ops/explain/m%26m.ns')->{body}, '{"symbol":"M&M.NS","answer":"error"}', 'however it is spelt');
contains(get('/ops/explain/AAPL')->{body}, '{"state":"none","answer":"error","why":"~not configured","locations":[{"configured":false}]}', 'a third is not configured');



=== TEST 7: the last error is explained, and what the breaker thinks
--- http_config eval
SectorCache::http(source => 'explained failures=2 retries=0 open=30s', zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch explained /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'stale' } 'a fetch fails';
contains(get('/ops/explain/XLK')->{body}, '{"state":"stale","answer":"miss","lastError":{"time":"~Z$","error":"Source explained answered with status 503","status":503}}', 'one failure');
get('/api/XLF');
contains(get('/ops/explain/XLK')->{body}, '{"state":"stale","answer":"stale","why":"~^the circuit breaker of source explained refuses fetches for another (29|30) s: stale data is served$","sources":{"explained":{"breaker":"open","letsThrough":false,"retryAfter":"~^(29|30)$"}}}', 'two');
contains(get('/ops/explain/XLV')->{body}, '{"state":"none","answer":"error","lastError":null}', 'one that never was there');
get('/api/XLF');
contains(get('/ops/explain/XLF')->{body}, '{"lastError":{"error":"Source explained answered with status 503"}}', 'a refusal does not hide why');
--- no_error_log
[alert]
[crit]



=== TEST 8: a fetch under way is explained, and by whom
--- http_config eval
SectorCache::http(source => 'slow concurrency=1 queue=1')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch slow /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $first = start('/api/XLK');
$held->call;
contains(get('/ops/explain/XLK')->{body}, '{"state":"none","answer":"miss","why":"~under way","fetch":{"state":"running","worker":"~^[1-9]\\\\d*$"},"sources":{"slow":{"inFlight":1}}}', 'it runs');
my $second = start('/api/XLF');
wait_until { get('/ops/explain/XLF')->{json}{fetch}{state} eq 'waiting' } 'it waits';
contains(get('/ops/explain/XLV')->{body}, '{"answer":"error","why":"~queue of source slow is full","fetch":{"state":"none"}}', 'there is no place');
$held->answer('{"symbol":"XLK","price":1}');
finish($first);
$held->call;
$held->answer('{"symbol":"XLF","price":1}');
finish($second);
contains(get('/ops/explain/XLK')->{body}, '{"state":"fresh","fetch":{"state":"none"}}', 'it is over');



=== TEST 9: switches are explained
--- config
    location /on {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /off {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /some {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/explain/XLK
--- json
{"enabled":true,"locations":[{"location":"/on","cache":"on"},{"location":"/off","cache":"off"},{"location":"/some","cache":"variable"}]}



=== TEST 10: with the cache off everything is fetched
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
['GET /ops/explain/XLK', 'GET /api/health']
--- json
{"enabled":false,"answer":"disabled","state":"none"}
{"data":{"status":"healthy","enabled":false}}



=== TEST 11: health is of both sources, and a breaker of either counts
--- http_config eval
SectorCache::http(source => 'singles', more => 'sector_cache_source batches failures=1 retries=0 open=30s;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch singles /_up/sector/$sector_cache_symbol;
        sector_cache_fetch_batch batches /_up/failing/?s=$sector_cache_symbols;
    }
--- scenario
get('/api/XLK');
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","sources":{"singles":{"breaker":"closed"},"batches":{"breaker":"closed"}}}}', 'both are closed');
get('/api/?symbols=XLF,XLV');
my $health = get('/api/health');
is($health->{status}, 200, 'there is something to serve');
contains($health->{body}, '{"data":{"status":"degraded","servableSymbols":1,"sources":{"singles":{"breaker":"closed"},"batches":{"breaker":"open"}}}}', 'one is open');
--- no_error_log
[alert]
[crit]



=== TEST 12: a symbol that failed waits, and it is explained for how long
--- http_config eval
SectorCache::http(source => 'waits failures=1000000 retries=0 hold=30s', zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch waits /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
contains(get('/ops/explain/XLK')->{body}, '{"waits":0,"!missing":1,"lastError":null}', 'nothing has failed');
upstream_fails();
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'stale' } 'a fetch fails';
contains(get('/ops/explain/XLK')->{body}, '{"state":"stale","answer":"stale","why":"~^its last fetch from source waits failed, and it is not fetched for another (2[5-9]|30) s: stale data is served$","lastError":{"time":"~Z$","error":"~503","status":503},"waits":"~^(2[5-9]|30)$","sources":{"waits":{"breaker":"closed","letsThrough":true,"waits":"~^(2[5-9]|30)$"}}}', 'it waits');
get('/api/XLF');
contains(get('/ops/explain/XLF')->{body}, '{"state":"none","answer":"error","why":"~^its last fetch from source waits failed, .* s: the same error is answered$"}', 'one of which memory has nothing too');
contains(get('/ops/explain/XLV')->{body}, '{"state":"none","answer":"miss","lastError":null,"waits":0}', 'another does not');
--- no_error_log
[alert]
[crit]



=== TEST 13: a "no such symbol" that is not believed yet is explained
--- http_config eval
SectorCache::http(source => 'doubted', zone => 'ttl=1ms stale=1h missing_after=3')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch doubted /_up/sector/$sector_cache_symbol;
    }

    location /missing {
        sector_cache_api;
        sector_cache_fetch doubted /_up/missing/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
wait_until { get('/missing/XLK')->{json}{metadata}{cacheStatus} eq 'stale' } 'it is not believed';
contains(get('/ops/explain/XLK')->{body}, '{"state":"stale","why":"~; that there is no such symbol was said 1 time in a row, and is believed after 3$","missing":{"count":1,"believedAfter":3}}', 'and that is said');
--- no_error_log
[alert]
[crit]
