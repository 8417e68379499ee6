# The counters.  They are what an operator decides by, so they are exact: each
# request for a symbol has one outcome, whatever became of it, and the outcomes'
# sum is the number of requests.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# The outcomes' sum, which has to be the requests.

sub outcomes {
    my ($stats) = @_;
    my $sum = 0;

    $sum += $stats->{$_}
        for qw(hits misses stale updating bypassed disabled negative);

    return $sum;
}

run_tests();

__DATA__

=== TEST 1: stats before the first request have all members and nothing counted
--- http_config eval
SectorCache::http(source => 'fresh')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch fresh /_up/sector/$sector_cache_symbol;
    }
--- request
GET /ops/stats
--- response_headers
Content-Type: application/json
--- response_body_like eval
qr/^\{"enabled":true,"totalRequests":0,"hits":0,"misses":0,"stale":0,"updating":0,"bypassed":0,"disabled":0,"negative":0,"hitRate":0\.0,"entryCount":0,"memoryUsage":\d+,"lastSnapshotAt":null,"lastUpdated":null,"lastMissKey":null,"staleAnswersAlert":false,"unservableSymbols":\[\],"namespaces":\{.*\},"sources":\{.*\}\}\z/
--- json
{"namespaces":{"sectors":{"totalRequests":0,"hits":0,"misses":0,"stale":0,"updating":0,"bypassed":0,"disabled":0,"negative":0,"hitRate":"~^0","expired":0,"shadowDiffers":0,"stores":0,"evictions":0,"expirations":0,"refusedNoRoom":0,"refusedTooLarge":0,"recoveries":0,"entryCount":0,"memoryUsage":"~^\\d+$","memorySize":"~^\\d+$","lastUpdated":null,"lastMissKey":null}},"sources":{"fresh":{"fetches":0,"succeeded":0,"notFound":0,"failed":0,"invalid":0,"timedOut":0,"aborted":0,"coalesced":0,"refusedByBreaker":0,"breaker":{"state":"closed","opened":0,"transitions":0,"retryAfter":0}}}}



=== TEST 2: a miss and hits are counted, with what was missed last
--- http_config eval
SectorCache::http(source => 'counted')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch counted /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLK xlk XLF XLK XLK XLF xlre XLK);
my $stats = stats();
contains($stats, '{"totalRequests":8,"hits":5,"misses":3,"stale":0,"updating":0,"bypassed":0,"disabled":0,"negative":0,"hitRate":0.625,"entryCount":3,"lastMissKey":"XLRE"}', 'in all');
contains($stats->{namespaces}{sectors}, '{"totalRequests":8,"hits":5,"misses":3,"hitRate":0.625,"stores":3,"expired":0,"entryCount":3,"lastMissKey":"XLRE"}', 'in the namespace');
contains($stats->{sources}{counted}, '{"fetches":3,"succeeded":3,"coalesced":0}', 'at the source');



=== TEST 3: the hit rate is rounded to four decimals
--- scenario
get('/api/XLK') for 1 .. 3;
is(stats()->{hitRate}, 0.6667, 'two of three');



=== TEST 4: every outcome is counted once, and their sum is the requests
--- suppress_stderr
--- http_config eval
SectorCache::http(source => 'outcomes failures=1000', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_bypass $arg_bypass;
        sector_cache_fetch outcomes /_up/sector/$sector_cache_symbol;
    }

    location /missing {
        sector_cache_api;
        sector_cache_fetch outcomes /_up/missing/$sector_cache_symbol;
    }
--- scenario
my %seen;
my $ask = sub {
    my $status = get($_[0])->{json}{metadata}{cacheStatus} || 'none';
    $seen{$status}++;
    return $status;
};
$ask->('/api/XLK?cache=on');
$ask->('/api/XLK?cache=off') for 1 .. 2;
$ask->('/api/XLK?cache=on&bypass=1') for 1 .. 4;
$ask->('/missing/XLF') for 1 .. 3;
upstream_fails();
wait_until { $ask->('/api/XLK?cache=on') eq 'stale' } 'the entry becomes stale';
upstream_works();
wait_until { $ask->('/api/XLK?cache=on') eq 'hit' } 'and fresh again';
my $stats = stats();
is($stats->{$_->[0]}, $seen{$_->[1]}, "$_->[0]")
    for ['hits', 'hit'], ['stale', 'stale'], ['disabled', 'disabled'], ['bypassed', 'bypass'];
is($stats->{misses}, $seen{miss} + 1, 'misses, of which one does not exist');
is($stats->{negative}, 2, 'two of three were known not to exist');
is($stats->{namespaces}{sectors}{expired}, $seen{miss} - 1, 'misses but the first found an old entry');
is($stats->{totalRequests}, outcomes($stats), 'the sum');
my $requests = 0;
$requests += $_ for values %seen;
is($stats->{totalRequests}, $requests, 'is the number of requests');
--- no_error_log
[alert]
[crit]



=== TEST 5: requests that fail are counted as misses
--- http_config eval
SectorCache::http(source => 'failing_all failures=2 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch failing_all /_up/failing/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK') for 1 .. 5;
my $stats = stats();
contains($stats, '{"totalRequests":5,"misses":5,"hits":0,"entryCount":0,"lastUpdated":null,"lastMissKey":"XLK"}', 'in all');
contains($stats->{sources}{failing_all}, '{"fetches":2,"failed":2,"succeeded":0,"refusedByBreaker":3,"breaker":{"state":"open","opened":1,"retryAfter":"~^(29|30)$"}}', 'at the source');
--- no_error_log
[alert]
[crit]



=== TEST 6: how fetches ended is counted for their source
--- suppress_stderr
--- http_config eval
SectorCache::http(source => 'ways failures=1000 retries=0 timeout=500ms', zone => 'negative=0')
--- config
    sector_cache_unknown_symbols accept;

    location /ok {
        sector_cache_api;
        sector_cache_fetch ways /_up/sector/$sector_cache_symbol;
    }

    location /missing {
        sector_cache_api;
        sector_cache_fetch ways /_up/missing/$sector_cache_symbol;
    }

    location /failing {
        sector_cache_api;
        sector_cache_fetch ways /_up/failing/$sector_cache_symbol;
    }

    location /invalid {
        sector_cache_api;
        sector_cache_fetch ways /_up/invalid/$sector_cache_symbol;
    }

    location /silent {
        sector_cache_api;
        sector_cache_fetch ways /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
get("/ok/A$_") for 1 .. 1;
get("/missing/B$_") for 1 .. 2;
get("/failing/C$_") for 1 .. 3;
get("/invalid/D$_") for 1 .. 4;
get("/silent/E$_") for 1 .. 5;
my $ways = stats()->{sources}{ways};
contains($ways, '{"fetches":15,"succeeded":1,"notFound":2,"failed":3,"invalid":4,"timedOut":5,"aborted":0,"breaker":{"state":"closed"}}', 'each way');
--- no_error_log
[alert]
[crit]



=== TEST 7: sources and namespaces are counted apart
--- http_config eval
SectorCache::http(source => 'first', more => 'sector_cache_source second; sector_cache_zone other 512k; sector_cache_zone idle 256k;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch first /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api sectors=other;
        sector_cache_fetch second /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLK XLK XLK);
get("/other/$_") for qw(XLF XLE XLF);
contains(get('/ops/stats')->{body}, '{"totalRequests":6,"hits":3,"misses":3,"entryCount":3,"hitRate":0.5,"namespaces":{"sectors":{"totalRequests":3,"hits":2,"misses":1,"entryCount":1,"hitRate":0.6667},"other":{"totalRequests":3,"hits":1,"misses":2,"entryCount":2,"memorySize":524288},"idle":{"totalRequests":0,"entryCount":0,"memorySize":262144,"lastUpdated":null}},"sources":{"first":{"fetches":1},"second":{"fetches":2}}}', 'each by itself and all together');



=== TEST 8: what was updated last is said as a time
--- scenario
use Time::Local 'timegm';
my $before = time;
get('/api/XLK');
my $stats = stats();
my $after = time;
my ($y, $mon, $d, $h, $min, $s) = $stats->{lastUpdated} =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{3}Z$/;
my $time = timegm($s, $min, $h, $d, $mon - 1, $y);
ok($time >= $before - 2 && $time <= $after + 1, 'which is about now');
is($stats->{namespaces}{sectors}{lastUpdated}, $stats->{lastUpdated}, 'in the namespace too');
get('/api/XLK');
is(stats()->{lastUpdated}, $stats->{lastUpdated}, 'a hit does not change it');



=== TEST 9: memory in use grows with what is kept, within the zone
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $empty = stats();
get("/api/A$_") for 1 .. 50;
my $full = stats();
is($full->{entryCount}, 50, 'fifty entries are kept');
cmp_ok($full->{memoryUsage} - $empty->{memoryUsage}, '>=', 50 * 96, 'they take memory');
my $sectors = $full->{namespaces}{sectors};
cmp_ok($sectors->{memoryUsage}, '<=', $sectors->{memorySize}, 'no more than there is');
is($full->{memoryUsage}, $sectors->{memoryUsage}, 'the sum is that of the one zone');
get("/api/A$_") for 1 .. 50;
is(stats()->{memoryUsage}, $full->{memoryUsage}, 'hits take none');



=== TEST 10: a zone that is full makes room by evicting, and serves all
--- http_config eval
SectorCache::http(more => 'sector_cache_zone small 64k;')
--- config
    location /api {
        sector_cache_api sectors=small;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my @answers = map { on_one_connection(map { "/api/S$_" } $_ * 100 .. $_ * 100 + 99) } 1 .. 5;
is(scalar(grep { $_->{status} == 200 } @answers), 500, 'all are served');
my $small = stats()->{namespaces}{small};
is($small->{misses}, 500, 'each was a miss');
cmp_ok($small->{evictions}, '>', 0, 'some were evicted');
cmp_ok($small->{entryCount}, '<', 500, 'not all are kept');
is($small->{entryCount}, $small->{stores} - $small->{evictions} - $small->{expirations}, 'what is kept is what was stored and not removed');
is(get('/api/S599')->{json}{metadata}{cacheStatus}, 'hit', 'the last is among them');
cmp_ok($small->{memoryUsage}, '<=', 65536, 'the zone is its size');



=== TEST 11: what has no room is served, not kept, and counted
--- http_config eval
SectorCache::http(more => 'sector_cache_zone small 64k;', upstream => '
    location ~ ^/large/(.+)$ {
        set $symbol $1;
        sub_filter_types *;
        sub_filter __NAME__ $symbol;
        sub_filter_once on;
        rewrite ^ /large.json break;
    }')
--- user_files eval
[['large.json', '{"symbol":"__NAME__","price":1,"note":"' . 'x' x 100_000 . '"}']]
--- config
    location /api {
        sector_cache_api sectors=small;
        sector_cache_fetch demo /_up/large/$sector_cache_symbol;
    }
--- scenario
for (1 .. 2) {
    my $answer = get('/api/XLK');
    is($answer->{status}, 200, 'it is served');
    is($answer->{json}{metadata}{cacheStatus}, 'miss', 'as a miss');
    is(length $answer->{json}{data}{note}, 100_000, 'whole');
}
contains(stats()->{namespaces}{small}, '{"misses":2,"stores":0,"refusedNoRoom":2,"entryCount":0}', 'the counters');



=== TEST 12: requests at the same time are all counted
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my @symbols = qw(XLK XLV XLF XLY XLC XLI XLP XLE);
my @sockets = map { connection(server_port()) } 1 .. 8;
for my $round (1 .. 40) {
    my @running = map {
        my $symbol = $symbols[($round + $_) % 8];
        my $flag = $round % 5 == 0 ? 'off' : 'on';
        start("/api/$symbol?cache=$flag", on => $sockets[$_]);
    } 0 .. 7;
    finish($_)->{status} == 200 or die 'no answer' for @running;
}
my $stats = stats();
is($stats->{totalRequests}, 320, 'the requests');
is(outcomes($stats), 320, 'the outcomes');
is($stats->{disabled}, 64, 'those with the cache off');



=== TEST 13: a client that leaves while it waits is counted
--- http_config eval
SectorCache::http(source => 'left')
--- config
    location /api {
        sector_cache_api;
        sector_cache $arg_cache;
        sector_cache_fetch left /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my @clients = map { start("/api/XLK?cache=$_") } qw(on off);
$held->call for @clients;
is(stats()->{totalRequests}, 0, 'nothing is decided yet');
close $_->{socket} for @clients;
wait_until { stats()->{totalRequests} == 2 } 'both are counted once they left';
$held->answer('{"symbol":"XLK","price":1}') for @clients;
wait_until { stats()->{sources}{left}{succeeded} == 2 } 'their fetches end';
contains(stats(), '{"totalRequests":2,"misses":1,"disabled":1}', 'each once');



=== TEST 14: what is no request for a symbol is not counted
--- scenario
get($_) for '/api?symbols=', '/api/?symbols=XL~K', '/api?symbols=' . 'XLK,' x 50, '/api?symbols=NOPE', '/api/symbols', '/api/health', '/api/NOPE', '/api/XL~K', '/api/XLK/', '/ops/stats';
get('/api/XLK', method => 'DELETE');
is(stats()->{totalRequests}, 0, 'none is');



=== TEST 25: a batch counts each of its symbols, whatever became of it
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
get('/api?symbols=XLK,xlk,XLF,NOPE,XLE');
contains(stats(), '{"totalRequests":4,"hits":1,"misses":3,"entryCount":3}', 'one that is named twice counts once, one that is not configured does not');
get('/api');
contains(stats(), '{"totalRequests":16,"hits":4,"misses":12,"entryCount":12}', 'all that are configured');
is(stats()->{totalRequests}, outcomes(stats()), 'the sum is that of the outcomes');



=== TEST 26: a snapshot counts one in its namespace and nothing in that of the sectors
--- http_config eval
SectorCache::http(more => 'sector_cache_zone snapshots 1208k;')
--- scenario
get('/api/XLK');
my @answers = map { get('/api/snapshot') } 1 .. 3;
is(join(' ', map { $_->{json}{metadata}{cacheStatus} } @answers), 'miss hit hit', 'a miss and two hits');
my $stats = stats();
contains($stats->{namespaces}{snapshots}, '{"totalRequests":3,"misses":1,"hits":2,"entryCount":1,"stores":1,"lastMissKey":"snapshot"}', 'are counted as that');
contains($stats->{namespaces}{sectors}, '{"totalRequests":1,"misses":1,"hits":0,"entryCount":12,"stores":12}', 'the sectors are not, but stored');
is(scalar(upstream_calls(12)), 12, 'each was fetched once');
like($stats->{lastSnapshotAt}, qr/^\d{4}-\d\d-\d\dT/, 'when is said');



=== TEST 42: the last snapshot is that of any API
--- http_config eval
SectorCache::http(more => 'sector_cache_zone snapshots 1208k; sector_cache_zone others 1212k;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api snapshots=others;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
is(get('/other/snapshot')->{status}, 200, 'of the second');
like(stats()->{lastSnapshotAt}, qr/^\d{4}-\d\d-\d\dT/, 'is the last one');



=== TEST 27: a snapshot without a zone for it counts nothing
--- scenario
is(get('/api/snapshot')->{json}{metadata}{cacheStatus}, 'miss', 'it is composed');
contains(stats(), '{"totalRequests":0,"entryCount":12,"lastSnapshotAt":null}', 'its sectors are stored');



=== TEST 15: HEAD is counted as GET is
--- scenario
get('/api/XLK', method => 'HEAD') for 1 .. 3;
contains(stats(), '{"totalRequests":3,"misses":1,"hits":2}', 'a miss and two hits');



=== TEST 16: locations that share a zone and a source are counted together
--- http_config eval
SectorCache::http(source => 'together')
--- config
    sector_cache_fetch together /_up/sector/$sector_cache_symbol;

    location /a {
        sector_cache_api;
    }

    location /b {
        sector_cache_api;
    }
--- request eval
["GET /a/XLK", "GET /b/XLK", "GET /b/XLF", "GET /ops/stats"]
--- json
{"success":true}
{"success":true}
{"success":true}
{"totalRequests":3,"hits":1,"misses":2,"sources":{"together":{"fetches":2}}}



=== TEST 17: stats do without zones and sources
--- http_config
    # none
--- config
--- request
GET /ops/stats
--- json
{"enabled":false,"totalRequests":0,"memoryUsage":0,"entryCount":0,"lastUpdated":null,"namespaces":{},"sources":{}}



=== TEST 18: what is no status endpoint is not found, as JSON
--- request eval
["GET /ops/stat", "GET /ops/statsX", "GET /ops/stats/", "GET /ops/stats/sectors", "GET /opsX/stats", "GET /ops/STATS", "GET /ops/nothing"]
--- error_code eval
[404, 404, 404, 404, 404, 404, 404]
--- json
{"success":false,"error":"No such endpoint","error_code":"NOT_FOUND","error_details":{},"timestamp":"~Z$"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}



=== TEST 19: another method than GET and HEAD is not allowed
--- request eval
["POST /ops/stats\r\n{}", "PUT /ops/stats\r\n{}", "DELETE /ops/stats"]
--- error_code eval
[405, 405, 405]
--- response_headers eval
["Allow: GET, HEAD", "Allow: GET, HEAD", "Allow: GET, HEAD"]
--- json
{"success":false,"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}



=== TEST 20: HEAD of the stats answers as GET does, without the body
--- scenario
my $get = get('/ops/stats');
my $head = get('/ops/stats', method => 'HEAD');
is($head->{status}, 200, 'the status');
is($head->{headers}{'content-length'}, length $get->{body}, 'the length');
is($head->{headers}{'content-type'}, 'application/json', 'the type');
is($head->{body}, '', 'no body');



=== TEST 21: the stats take arguments and bodies without minding them
--- scenario
my $socket = connection(server_port());
is(finish(start('/ops/stats?a=b', on => $socket, body => 'x' x 10_000))->{status}, 200, 'with a body');
is(finish(start('/ops/stats', on => $socket))->{status}, 200, 'and then without');



=== TEST 22: a status location with a slash at its end has the same endpoint
--- config
    location /status/ {
        sector_cache_status;
    }
--- request eval
["GET /status/stats", "GET /status/stats/"]
--- error_code eval
[200, 404]
--- json
{"totalRequests":0}
{"error_code":"NOT_FOUND"}



=== TEST 23: who is denied by address sees no stats
--- config
    location /closed {
        sector_cache_status;
        deny all;
    }

    location /open {
        sector_cache_status;
        allow 127.0.0.1;
        deny all;
    }
--- request eval
["GET /closed/stats", "GET /open/stats"]
--- error_code eval
[403, 200]
--- json
-
{"totalRequests":0}
--- no_error_log
[alert]
[crit]



=== TEST 24: stats may be asked for without being counted or changing anything
--- scenario
get('/api/XLK');
my $first = get('/ops/stats')->{body};
get('/ops/stats') for 1 .. 5;
is(get('/ops/stats')->{body}, $first, 'they are the same afterwards');
