# The feature flag.  Turning the cache off must be safe at any moment: a client
# gets the same status and the same data as before, only fetched anew, and
# nothing that is kept is lost or spoilt meanwhile.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: the cache is on by default
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- json
{"cached":false,"metadata":{"cacheStatus":"miss"}}
{"cached":true,"metadata":{"cacheStatus":"hit"}}



=== TEST 2: the cache is on where that is said
--- config
    sector_cache off;

    location /api {
        sector_cache_api;
        sector_cache on;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- json
{"metadata":{"cacheStatus":"miss"}}
{"metadata":{"cacheStatus":"hit"}}



=== TEST 3: with the cache off each request is fetched and says so
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- response_body_like eval
[qr/^\{"success":true,"data":\{"symbol":"XLK", [^}]*\},"cached":false,"timestamp":"[^"]+","metadata":\{"version":"v1","cacheStatus":"disabled","source":"demo","age":0,"ttl":0\}\}\z/, qr/"cacheStatus":"disabled"/]



=== TEST 4: with the cache off there is a call for each request, and nothing is kept
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my @answers = map { get('/api/XLK') } 1 .. 3;
my %data = map { data_of($_) => 1 } @answers;
is(scalar(keys %data), 3, 'each answer is of its own');
is(scalar(upstream_calls(3)), 3, 'there were three calls');
is(stats()->{entryCount}, 0, 'nothing is kept');
is(stats()->{namespaces}{sectors}{stores}, 0, 'nothing was stored');



=== TEST 5: with the cache off requests at the same time have a call each
--- http_config eval
SectorCache::http(source => 'separate')
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch separate /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my @clients = map { start('/api/XLK') } 1 .. 3;
$held->call for 1 .. 3;
$held->answer(qq({"symbol":"XLK","price":$_})) for 1 .. 3;
my @prices = sort map { finish($_)->{json}{data}{price} } @clients;
is("@prices", '1 2 3', 'each client has its own answer');
is(stats()->{sources}{separate}{coalesced}, 0, 'none waited for another');



=== TEST 6: with the cache off a request does not join the fetch of one that has it on
--- http_config eval
SectorCache::http(source => 'apart')
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch apart /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $on = start('/api/XLK?cache=on');
$held->call;
my $off = start('/api/XLK?cache=off');
$held->call;
$held->answer('{"symbol":"XLK","price":1}');
$held->answer('{"symbol":"XLK","price":2}');
is(finish($on)->{json}{data}{price}, 1, 'one has the answer of the first call');
is(finish($off)->{json}{data}{price}, 2, 'the other that of its own');



=== TEST 7: a variable's value of no, in any letters, means off
--- config
    location /api {
        sector_cache_api;
        sector_cache $http_x_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
for my $value ('', '0', 'off', 'OFF', 'Off', 'oFf', 'false', 'FALSE', 'False', 'no', 'NO', 'No') {
    my $answer = get('/api/XLK', headers => { 'X-Cache' => $value });
    is($answer->{json}{metadata}{cacheStatus}, 'disabled', "\"$value\" is off");
}
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'disabled', 'none at all is off');
is(stats()->{disabled}, 13, 'each is counted');



=== TEST 8: any other value of a variable means on
--- config
    location /api {
        sector_cache_api;
        sector_cache $http_x_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK', headers => { 'X-Cache' => 'on' });
for my $value (qw(on ON 1 yes true 00 of offf nope falsely disabled shadows -)) {
    my $answer = get('/api/XLK', headers => { 'X-Cache' => $value });
    is($answer->{json}{metadata}{cacheStatus}, 'hit', "\"$value\" is on");
}
is(stats()->{disabled}, 0, 'none is counted as off');



=== TEST 9: the value may be put together of text and variables
--- config
    location /api {
        sector_cache_api;
        sector_cache "$http_x_first$http_x_second";
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK', headers => { 'X-First' => 'o', 'X-Second' => 'n' })->{json}{metadata}{cacheStatus}, 'miss', 'o and n is on');
is(get('/api/XLK', headers => { 'X-First' => 'o', 'X-Second' => 'ff' })->{json}{metadata}{cacheStatus}, 'disabled', 'o and ff is off');



=== TEST 10: the value may come from a map
--- http_config eval
SectorCache::http(more => 'map $cookie_tester $flag { default on; yes off; }')
--- config
    location /api {
        sector_cache_api;
        sector_cache $flag;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'miss', 'on for everybody');
is(get('/api/XLK', headers => { Cookie => 'tester=yes' })->{json}{metadata}{cacheStatus}, 'disabled', 'off for a tester');
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'hit', 'which the others do not notice');



=== TEST 11: the value may be set by a rewrite
--- config
    location /api {
        set $flag on;

        if ($arg_fresh) {
            set $flag off;
        }

        sector_cache_api;
        sector_cache $flag;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK?fresh=1", "GET /api/XLK"]
--- json
{"metadata":{"cacheStatus":"miss"}}
{"metadata":{"cacheStatus":"disabled"}}
{"metadata":{"cacheStatus":"hit"}}



=== TEST 12: on and off answer with the same status and the same data
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }
--- scenario
for my $symbol (qw(XLK XLRE SPY)) {
    my ($miss, $off, $hit) = map { get("/api/$symbol?cache=$_") } qw(on off on);
    is(join(' ', map { $_->{status} } $miss, $off, $hit), '200 200 200', "$symbol is answered");
    is(data_of($off), data_of($miss), 'the data of off are those of a miss');
    is(data_of($off), data_of($hit), 'and those of a hit');
    like(data_of($off), qr/^\{"symbol":"$symbol",.*\}$/, 'which are a sector');
}



=== TEST 13: on and off answer with the same errors
--- suppress_stderr
--- http_config eval
SectorCache::http(source => 'flag_errors failures=100')
--- config
    location /missing {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch flag_errors /_up/missing/$sector_cache_symbol;
    }

    location /failing {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch flag_errors /_up/failing/$sector_cache_symbol;
    }

    location /invalid {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch flag_errors /_up/invalid/$sector_cache_symbol;
    }
--- scenario
for my $uri (qw(/missing/XLK /failing/XLF /invalid/XLE /missing/NOPE /missing/XL~K /failing/snapshot /missing /missing/snapshot /missing/a/b)) {
    my ($on, $off) = map { get("$uri?cache=$_") } qw(on off);
    cmp_ok($on->{status}, '>=', 400, "$uri is an error");
    is($off->{status}, $on->{status}, 'of the same status');
    s/"timestamp":"[^"]*"/"timestamp":""/ for $on->{body}, $off->{body};
    is($off->{body}, $on->{body}, 'and the same body');
}
--- no_error_log
[alert]
[crit]



=== TEST 14: a symbol known not to exist is the same error from memory
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- scenario
my ($miss, $negative, $off) = map { get("/api/XLK?cache=$_") } qw(on on off);
is(scalar(upstream_calls(2)), 2, 'the second answer was from memory');
is(join(' ', map { $_->{status} } $miss, $negative, $off), '404 404 404', 'the status is one');
$_->{body} =~ s/"timestamp":"[^"]*"/"timestamp":""/ for $miss, $negative, $off;
is($negative->{body}, $miss->{body}, 'the body from memory is that of the miss');
is($off->{body}, $miss->{body}, 'and that with the cache off');



=== TEST 15: what is kept is not read and not touched while the cache is off
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $kept = get('/api/XLK?cache=on');
my $off = get('/api/XLK?cache=off');
isnt(data_of($off), data_of($kept), 'off fetches anew');
my $hit = get('/api/XLK?cache=on');
is($hit->{json}{metadata}{cacheStatus}, 'hit', 'on again it is there');
is(data_of($hit), data_of($kept), 'as it was');



=== TEST 16: a symbol fetched while the cache is off is a miss afterwards
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK?cache=off", "GET /api/XLK?cache=on"]
--- json
{"metadata":{"cacheStatus":"disabled"}}
{"metadata":{"cacheStatus":"miss"}}



=== TEST 17: a symbol found not to exist while the cache is off is not kept as such
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK?cache=off')->{status}, 404, 'it does not exist') for 1 .. 2;
is(stats()->{entryCount}, 0, 'nothing is kept');
is(get('/api/XLK?cache=on')->{status}, 404, 'on, it is asked for again');
is(scalar(upstream_calls(3)), 3, 'there were three calls');



=== TEST 18: while the cache is off nothing stale is served
--- http_config eval
SectorCache::http(source => 'flag_stale failures=100', zone => 'ttl=50ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch flag_stale /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK?cache=on');
upstream_fails();
wait_until { get('/api/XLK?cache=on')->{json}{metadata}{cacheStatus} eq 'stale' } 'on, it is served stale';
is(get('/api/XLK?cache=off')->{status}, 502, 'off, the failure shows');
--- no_error_log
[alert]
[crit]



=== TEST 19: the breaker guards the upstream while the cache is off
--- http_config eval
SectorCache::http(source => 'flag_breaker retries=0 failures=2 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch flag_breaker /_up/failing/$sector_cache_symbol;
    }
--- scenario
is(join(' ', map { get('/api/XLK')->{status} } 1 .. 4), '502 502 503 503', 'two failures open it');
is(scalar(upstream_calls(2)), 2, 'no call is made any more');
contains(stats(), '{"disabled":4,"totalRequests":4,"sources":{"flag_breaker":{"fetches":2,"failed":2,"refusedByBreaker":2}}}', 'and that is counted');
--- no_error_log
[alert]
[crit]



=== TEST 20: what was answered with the cache off is counted as that, once
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/XLK?cache=$_") for qw(on off on off off);
get('/api/XLK?cache=off', method => 'HEAD');
contains(stats(), '{"totalRequests":6,"hits":1,"misses":1,"disabled":4,"hitRate":0.5}', 'the counters');



=== TEST 21: the other endpoints do not mind the flag
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/symbols", "GET /api/health", "GET /api/XLK/", "POST /api/XLK"]
--- error_code eval
[200, 200, 404, 405]
--- json
{"cached":false,"metadata":{"!cacheStatus":1}}
{"data":{"status":"healthy"}}
{"error_code":"NOT_FOUND"}
{"error_code":"METHOD_NOT_ALLOWED"}



=== TEST 22: stats say whether the cache is off everywhere
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/stats
--- json
{"enabled":false}



=== TEST 23: the cache is enabled where one location has it on
--- config
    sector_cache off;

    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api;
        sector_cache on;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/stats
--- json
{"enabled":true}



=== TEST 24: the cache is enabled where a variable may turn it on
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/stats
--- json
{"enabled":true}



=== TEST 25: a variable may say shadow, in any letters
--- config
    location /api {
        sector_cache_api;
        sector_cache $http_x_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK', headers => { 'X-Cache' => 'on' });
for my $value (qw(shadow SHADOW Shadow)) {
    my $answer = get('/api/XLK', headers => { 'X-Cache' => $value });
    is($answer->{json}{metadata}{cacheStatus}, 'disabled', "\"$value\" is answered as if off");
}
contains(stats(), '{"totalRequests":4,"misses":1,"hits":3,"disabled":0}', 'and counted as if on');
is(scalar(upstream_calls(4)), 4, 'there was a call for each');



=== TEST 26: in shadow entries and counters are kept as if on, and each request is fetched
--- http_config eval
SectorCache::http(source => 'shadowed')
--- config
    location /api {
        sector_cache_api;
        sector_cache shadow;
        sector_cache_fetch shadowed /_up/sector/$sector_cache_symbol;
    }

    location /read {
        sector_cache_api;
        sector_cache_fetch shadowed /_up/sector/$sector_cache_symbol;
    }
--- scenario
my ($first, $second) = map { get('/api/XLK') } 1 .. 2;
for my $answer ($first, $second) {
    contains($answer->{body}, '{"success":true,"cached":false,"metadata":{"cacheStatus":"disabled","age":0}}', 'it is answered as if off');
}
is($first->{headers}{'cache-status'}, 'sector-cache; fwd=bypass; stored; detail=DISABLED', 'Cache-Status says so, and that a miss was stored');
is($second->{headers}{'cache-status'}, 'sector-cache; fwd=bypass; detail=DISABLED', 'a hit was not');
isnt(data_of($second), data_of($first), 'each has a call of its own');
contains(stats(), '{"totalRequests":2,"misses":1,"hits":1,"disabled":0,"entryCount":1}', 'a miss and a hit are counted');
my $hit = get('/read/XLK');
is($hit->{json}{metadata}{cacheStatus}, 'hit', 'what was missed was stored');
is(data_of($hit), data_of($first), 'and what would have been a hit was not');
is(scalar(upstream_calls(2)), 2, 'there were two calls');



=== TEST 27: in shadow a would-be hit whose data differ from what is fetched is counted
--- http_config eval
SectorCache::http(source => 'differing', more => 'sector_cache_zone other 1204k;')
--- config
    location /same {
        sector_cache_api;
        sector_cache shadow;
        sector_cache_fetch differing /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }

    location /new {
        sector_cache_api sectors=other;
        sector_cache shadow;
        sector_cache_fetch differing /_up/sector/$sector_cache_symbol;
    }
--- scenario
get($_) for ('/same/XLK') x 3, ('/new/XLK') x 3;
my $stats = stats();
contains($stats->{namespaces}{sectors}, '{"misses":1,"hits":2,"shadowDiffers":0,"stores":1}', 'the same data are none');
contains($stats->{namespaces}{other}, '{"misses":1,"hits":2,"shadowDiffers":2,"stores":1}', 'others are');



=== TEST 28: in shadow nothing stale is served, and what would have been is counted as stale
--- suppress_stderr
--- http_config eval
SectorCache::http(source => 'shadow_stale failures=100 retries=0', zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache shadow;
        sector_cache_fetch shadow_stale /_up/sector/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK')->{status}, 200, 'it is stored');
upstream_fails();
Time::HiRes::sleep(0.01);
my $answer = get('/api/XLK');
is($answer->{status}, 502, 'the failure shows');
is($answer->{json}{error_code}, 'UPSTREAM_ERROR', 'as if off');
contains(stats(), '{"totalRequests":2,"misses":1,"stale":1,"disabled":0}', 'it is counted as stale');
--- no_error_log
[alert]
[crit]



=== TEST 29: stats say that the cache is enabled where it is in shadow
--- config
    location /api {
        sector_cache_api;
        sector_cache shadow;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/stats
--- json
{"enabled":true}
