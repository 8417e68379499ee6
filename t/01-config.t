# The configuration as a whole.  An operator meets the module first through
# "nginx -t": the reference configuration loads word for word, what is declared
# and used may come in any order, and directives are inherited, or not, as
# nginx's own are.  What is refused is in the files beside this one.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: the reference configuration loads word for word
--- scenario
mkdir html_dir() . '/check';
open my $keys, '>', html_dir() . '/check/sector-cache.keys' or die $!;
print $keys "a-key-of-the-test\n";
close $keys;
chmod 0600, html_dir() . '/check/sector-cache.keys';

my ($status, $words) = nginx_t(<<'END');
load_module modules/ngx_http_sector_cache_module.so;

http {
    # one shared-memory slab zone per namespace
    sector_cache_zone sectors   16m ttl=2m  stale=1h;
    sector_cache_zone snapshots  4m ttl=5m  stale=1h;
    sector_cache_zone metrics    1m ttl=24h;

    # fetch policy and circuit breaker of one upstream, shared by all workers
    sector_cache_source yahoo timeout=8s concurrency=4 queue=256 retries=2 backoff=100ms
                              failures=5 open=60s half_open=5 successes=3;

    server {
        listen 8080;

        location /api/v1/sectors {
            sector_cache_api;                      # content handler: the endpoints of section 3
            sector_cache on;                       # feature flag: on | off | a variable
            sector_cache_fetch yahoo /_yahoo/chart/$sector_cache_symbol format=yahoo_chart;
        }

        location /_yahoo/ {
            internal;
            proxy_pass http://127.0.0.1:8081/v8/finance/;
        }

        location /sector-cache {
            sector_cache_status;                   # read-only operations pages: section 4
            allow 127.0.0.1; deny all;
        }

        location /sector-cache/admin {
            sector_cache_admin;                    # writes: section 5
            sector_cache_admin_key_file sector-cache.keys;
        }
    }
}
END
is($status, 0, 'it is accepted') or diag($words);
unlike($words, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'without a warning');



=== TEST 2: the reference configuration works
--- http_config
    sector_cache_zone sectors   16m ttl=2m  stale=1h;
    sector_cache_zone snapshots  4m ttl=5m  stale=1h;
    sector_cache_zone metrics    1m ttl=24h;

    sector_cache_source yahoo timeout=8s concurrency=4 queue=256 retries=2 backoff=100ms
                              failures=5 open=60s half_open=5 successes=3;

    server {
        listen 127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;

        location = /v8/finance/chart/XLK {
            return 200 '{"chart":{"result":[{"meta":{"symbol":"XLK","regularMarketPrice":241.36}}],"error":null}}';
        }
    }
--- config
    location /api/v1/sectors {
        sector_cache_api;
        sector_cache on;
        sector_cache_fetch yahoo /_yahoo/chart/$sector_cache_symbol format=yahoo_chart;
    }

    location /_yahoo/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/v8/finance/;
    }

    location /sector-cache {
        sector_cache_status;
        allow 127.0.0.1; deny all;
    }
--- request eval
["GET /api/v1/sectors/xlk", "GET /api/v1/sectors/health", "GET /sector-cache/stats", "GET /_yahoo/chart/XLK"]
--- error_code eval
[200, 200, 200, 404]
--- json
{"data":{"symbol":"XLK","name":"Technology","price":241.36},"metadata":{"source":"yahoo","ttl":120}}
{"data":{"status":"healthy"}}
{"namespaces":{"sectors":{"memorySize":16777216},"snapshots":{"memorySize":4194304},"metrics":{"memorySize":1048576}},"sources":{"yahoo":{"succeeded":1}}}
-



=== TEST 3: zones and sources may be declared after what uses them
--- http_config eval
my $declarations = SectorCache::http();
my ($zone, $source) = $declarations =~ /^\s*(sector_cache_zone [^;]*;)\s*(sector_cache_source [^;]*;)/
    or die;
$declarations =~ s/\Q$zone\E//;
$declarations =~ s/\Q$source\E//;
"sector_cache_fetch demo /_up/sector/\$sector_cache_symbol;
server { listen 127.0.0.1:\$TEST_NGINX_HELD_PORT; location / { sector_cache_api; } }
$zone $source $declarations"
--- config
    location /api {
        sector_cache_api;
    }
--- request
GET /api/XLK
--- json
{"data":{"symbol":"XLK"}}



=== TEST 4: locations may have a zone each
--- http_config eval
SectorCache::http(more => 'sector_cache_zone other 512k ttl=10s; sector_cache_zone unused 512k;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api sectors=other snapshots=unused;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $first = get('/api/XLK');
my $second = get('/other/XLK');
is($second->{json}{metadata}{ttl}, 10, 'the other zone has its own ttl');
isnt(data_of($second), data_of($first), 'and its own entries');
is(scalar(upstream_calls(2)), 2, 'there were two calls');



=== TEST 5: locations may share a zone
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        sector_cache_api snapshots=sectors sectors=sectors;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /other/XLK"]
--- json
{"metadata":{"cacheStatus":"miss"}}
{"metadata":{"cacheStatus":"hit"}}



=== TEST 6: locations that share a zone and fetch from different places are warned of
--- scenario
my $http = sub { "http {
    sector_cache_zone sectors 1m;
    sector_cache_source a;
    sector_cache_source b;
    server {
        listen 127.0.0.1:1;
        location /one { sector_cache_api; sector_cache_fetch a /x format=sector; }
        location /two { sector_cache_api; $_[0] }
    }
}" };
for ('b /x', 'a /y', 'a /x format=yahoo_chart') {
    my ($status, $words) = nginx_t($http->("sector_cache_fetch $_;"));
    is($status, 0, "\"$_\" is accepted");
    like($words, qr/\[warn\] .*zone "sectors" is shared by locations with different "sector_cache_fetch"/, 'with a warning');
}
my ($status, $words) = nginx_t($http->('sector_cache_fetch a /x;'));
is($status, 0, 'the same place is accepted');
unlike($words, qr/\[warn\]/, 'without one');



=== TEST 7: all that is inherited may be said in the http block
--- http_config eval
SectorCache::http(more => '
    sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    sector_cache off;
    sector_cache_unknown_symbols accept;
    sector_cache_symbols { ABC Alphabet; }')
--- config
    location /api {
        sector_cache_api;
    }
--- request eval
["GET /api/ABC", "GET /api/OTHER", "GET /api/symbols"]
--- json
{"data":{"symbol":"ABC"},"metadata":{"cacheStatus":"disabled"}}
{"data":{"symbol":"OTHER"}}
{"data":[{"symbol":"ABC","name":"Alphabet"}]}



=== TEST 8: all that is inherited may be said in the server
--- config
    sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    sector_cache off;
    sector_cache_unknown_symbols accept;
    sector_cache_symbols { ABC Alphabet; }

    location /api {
        sector_cache_api;
    }
--- request eval
["GET /api/ABC", "GET /api/OTHER", "GET /api/symbols"]
--- json
{"data":{"symbol":"ABC"},"metadata":{"cacheStatus":"disabled"}}
{"data":{"symbol":"OTHER"}}
{"data":[{"symbol":"ABC","name":"Alphabet"}]}



=== TEST 9: a server says otherwise than the http block, and a location than the server
--- suppress_stderr
--- http_config eval
SectorCache::http(more => '
    sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    sector_cache off;
    sector_cache_unknown_symbols accept;
    sector_cache_symbols { ABC Alphabet; }')
--- config
    sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
    sector_cache_symbols { DEF "Server"; }
    sector_cache on;

    location /api {
        sector_cache_api;
    }

    location /own {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        sector_cache_symbols { GHI "Location"; }
        sector_cache_unknown_symbols reject;
        sector_cache off;
    }
--- request eval
["GET /api/DEF", "GET /api/ABC", "GET /own/GHI", "GET /own/DEF", "GET /api/symbols", "GET /own/symbols"]
--- error_code eval
[200, 200, 200, 404, 200, 200]
--- json
{"data":{"symbol":"DEF","name":"Server"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"ABC","name":"Fund ABC"}}
{"data":{"symbol":"GHI","!name":1},"metadata":{"cacheStatus":"disabled"}}
{"error_code":"UNKNOWN_SYMBOL"}
{"data":[{"symbol":"DEF"}]}
{"data":[{"symbol":"GHI"}]}



=== TEST 10: a flag that is a variable is not inherited where a location says on
--- config
    sector_cache $arg_cache;

    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /own {
        sector_cache_api;
        sector_cache on;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK?cache=off", "GET /own/XLK?cache=off", "GET /api/XLK?cache=on"]
--- json
{"metadata":{"cacheStatus":"disabled"}}
{"metadata":{"cacheStatus":"miss"}}
{"metadata":{"cacheStatus":"hit"}}



=== TEST 11: an "if" in an API location leaves the location what it is
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        sector_cache_symbols { ABC Alphabet; }

        if ($arg_header) {
            add_header X-If $sector_cache_status;
        }
    }
--- request eval
["GET /api/ABC?header=1", "GET /api/ABC", "GET /api/ABC?header=1", "GET /api/symbols?header=1", "GET /api/XLK?header=1", "GET /api/?header=1"]
--- error_code eval
[200, 200, 200, 200, 404, 200]
--- response_headers eval
["X-If: MISS", "X-If:", "X-If: HIT", "X-If:", "X-If:", "X-If: HIT"]
--- json
{"data":{"symbol":"ABC"},"metadata":{"cacheStatus":"miss"}}
{"metadata":{"cacheStatus":"hit"}}
{"metadata":{"cacheStatus":"hit"}}
{"data":[{"symbol":"ABC"}]}
{"error_code":"UNKNOWN_SYMBOL"}
{"data":{"ABC":{"symbol":"ABC"},"!XLK":1},"cached":true,"metadata":{"cacheStatus":"hit"},"!errors":1}



=== TEST 12: an "if" in a status location leaves the location what it is
--- config
    location /status {
        sector_cache_status;

        if ($arg_header) {
            add_header X-If yes;
        }
    }
--- request
GET /status/stats?header=1
--- response_headers
X-If: yes
--- json
{"namespaces":{"sectors":{}}}



=== TEST 13: "limit_except" in an API location leaves the location what it is
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;

        limit_except GET {
            deny all;
        }
    }
--- request eval
["GET /api/XLK", "HEAD /api/XLK", "DELETE /api/XLK"]
--- error_code eval
[200, 200, 403]
--- no_error_log
[alert]
[crit]



=== TEST 14: a location given exactly has the endpoint of its prefix alone, the batch
--- config
    location = /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        sector_cache_symbols { ABC Alphabet; DEF Definition; }
    }
--- request eval
["GET /api", "GET /api?symbols=DEF", "GET /api/ABC"]
--- error_code eval
[200, 200, 404]
--- json
{"data":{"ABC":{"symbol":"ABC"},"DEF":{"symbol":"DEF"}}}
{"data":{"DEF":{"symbol":"DEF"},"!ABC":1}}
-
--- no_error_log
[alert]
[crit]



=== TEST 15: the URI of a fetch may have arguments and begin with a variable
--- http_config eval
SectorCache::http(more => 'map $sector_cache_symbol $way { default /never; XLK /_up/sector; }')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo $way/$sector_cache_symbol?range=1d&of=$sector_cache_symbols;
    }
--- scenario
is(get('/api/XLK')->{status}, 200, 'it is fetched');
is(join(' ', upstream_calls(1)), 'GET /sector/XLK?range=1d&of=XLK', 'where the variables lead');



=== TEST 16: the URI of a fetch has nothing of the request that began it
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol?$args$arg_secret$http_cookie;
    }
--- scenario
is(get('/api/XLK?secret=1', headers => { Cookie => 'id=1' })->{status}, 200, 'it is fetched');
is(join(' ', upstream_calls(1)), 'GET /sector/XLK', 'without anything of the client');



=== TEST 17: each format of a fetch is accepted
--- config
    location /sector {
        sector_cache_fetch demo /x format=sector;
    }

    location /chart {
        sector_cache_fetch demo /x format=yahoo_chart;
    }

    location /quote {
        sector_cache_fetch demo /x format=yahoo_quote;
    }
--- request
GET /index.html
--- response_body_like: It works



=== TEST 18: envelope, gzip, bypass and shadow may be said in the http block
--- http_config eval
SectorCache::http(source => 'all_http', more => '
    sector_cache_envelope off;
    sector_cache_gzip on;
    sector_cache_bypass $arg_bypass;
    sector_cache shadow;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch all_http /_up/sector/$sector_cache_symbol;
    }

    location /read {
        sector_cache_api;
        sector_cache on;
        sector_cache_fetch all_http /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK", "GET /read/XLK", "GET /read/XLK?bypass=1"]
--- response_headers eval
["Cache-Status: sector-cache; fwd=bypass; stored; detail=DISABLED\nVary: Accept-Encoding", "Cache-Status: sector-cache; fwd=bypass; detail=DISABLED", "Vary: Accept-Encoding", "Cache-Status: sector-cache; fwd=bypass; stored\nVary: Accept-Encoding"]
--- json
{"symbol":"XLK","!success":1}
{"symbol":"XLK","!success":1}
{"symbol":"XLK","!success":1}
{"symbol":"XLK","!success":1}



=== TEST 19: envelope, gzip, bypass and shadow may be said in the server, and otherwise in a location
--- http_config eval
SectorCache::http(source => 'all_server', more => '
    sector_cache_envelope on;
    sector_cache_gzip off;
    sector_cache_bypass $arg_never;
    sector_cache off;')
--- config
    sector_cache_envelope off;
    sector_cache_gzip on;
    sector_cache_bypass $arg_bypass;
    sector_cache on;

    location /api {
        sector_cache_api;
        sector_cache_fetch all_server /_up/sector/$sector_cache_symbol;
    }

    location /own {
        sector_cache_api;
        sector_cache_fetch all_server /_up/sector/$sector_cache_symbol;
        sector_cache_envelope on;
        sector_cache_gzip off;
        sector_cache_bypass $arg_other;
    }
--- scenario
get('/api/XLK');
my $api = get('/api/XLK?never=1');
like($api->{headers}{'cache-status'}, qr/^sector-cache; hit; /, 'the bypass of the http block is not looked at');
is($api->{headers}{vary}, 'Accept-Encoding', 'gzip is on');
contains($api->{body}, '{"symbol":"XLK","!success":1}', 'the envelope is off');
is(get('/api/XLK?bypass=1')->{headers}{'cache-status'}, 'sector-cache; fwd=bypass; stored', 'the bypass is that of the server');
my $own = get('/own/XLK?bypass=1');
is($own->{json}{metadata}{cacheStatus}, 'hit', 'that of a location takes its place');
ok(!exists $own->{headers}{vary}, 'gzip is off there');
is(get('/own/XLK?other=1')->{json}{metadata}{cacheStatus}, 'bypass', 'with a bypass of its own');



=== TEST 20: nginx without any of the directives is as it was
--- http_config
--- config
    location /plain {
        return 200 "[$sector_cache_symbol$sector_cache_status$sector_cache_age$sector_cache_breaker$sector_cache_fetch_time]";
    }
--- request
GET /plain
--- response_body chomp
[]
