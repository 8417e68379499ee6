# The variables, in the places where operators use them: a header added to the
# answer, an access log, a condition, and the location of a fetch.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# The lines of a log of one's own, once there are as many as expected.

sub log_lines {
    my ($expected) = @_;
    my @lines;

    for (1 .. 500) {
        open my $log, '<', server_root() . '/logs/own.log' or die "own.log: $!";
        chomp(@lines = <$log>);
        last if @lines >= $expected;
        Time::HiRes::sleep(0.01);
    }

    return @lines;
}

run_tests();

__DATA__

=== TEST 1: a miss has all of the variables
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request
GET /api/xlk
--- response_headers_like
X-All: XLK\|XLK\|MISS\|0\|closed\|\d+\.\d{3}



=== TEST 2: a hit has no fetch time
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- scenario
get('/api/XLF');
is(get('/api/xlf')->{headers}{'x-all'}, 'XLF|XLF|HIT|0|closed|', 'all but that are there');



=== TEST 3: the age of a hit is in whole seconds
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-Age "$sector_cache_age" always;
    }
--- scenario
get('/api/XLK');
my $hit = wait_until {
    my $hit = get('/api/XLK');
    $hit->{headers}{'x-age'} ne '0' && $hit;
} 'the age grows';
is($hit->{headers}{'x-age'}, '1', 'by a second');
is($hit->{headers}{'x-age'}, $hit->{json}{metadata}{age}, 'and is that of the envelope');



=== TEST 4: the fetch time is how long the fetch took, in seconds
--- http_config eval
SectorCache::http(source => 'timed')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch timed /_held/$sector_cache_symbol;
        add_header X-Time "$sector_cache_fetch_time" always;
    }
--- scenario
my $held = held();
my $before = Time::HiRes::time();
my $client = start('/api/XLK');
$held->call;
Time::HiRes::sleep(0.12);
$held->answer('{"symbol":"XLK","price":1}');
my $answer = finish($client);
my $elapsed = Time::HiRes::time() - $before;
like($answer->{headers}{'x-time'}, qr/^\d+\.\d{3}$/, 'it has milliseconds');
cmp_ok($answer->{headers}{'x-time'}, '>=', 0.1, 'it is no less than the upstream took');
cmp_ok($answer->{headers}{'x-time'}, '<=', $elapsed + 0.01, 'and no more than the client waited');



=== TEST 5: an entry past its ttl that is fetched again is EXPIRED
--- http_config eval
SectorCache::http(zone => 'ttl=50ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_status|$sector_cache_age|$sector_cache_fetch_time" always;
    }
--- scenario
get('/api/XLK');
wait_until { get('/api/XLK')->{headers}{'x-all'} =~ /^EXPIRED\|0\|\d+\.\d{3}$/ } 'EXPIRED';



=== TEST 6: an entry served because no fetch succeeded is STALE
--- http_config eval
SectorCache::http(source => 'stale_variable failures=1000', zone => 'ttl=50ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_variable /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_status|$sector_cache_age|$sector_cache_fetch_time" always;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK')->{headers}{'x-all'} =~ /^STALE\|\d+\|\d+\.\d{3}$/ } 'STALE';
--- no_error_log
[alert]
[crit]



=== TEST 7: an entry served while it is refreshed is UPDATING
--- http_config eval
SectorCache::http(source => 'updating_variable', zone => 'ttl=50ms swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch updating_variable /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_status|$sector_cache_age|$sector_cache_fetch_time" always;
    }
--- scenario
get('/api/XLK');
wait_until { get('/api/XLK')->{headers}{'x-all'} =~ /^UPDATING\|\d+\|$/ } 'UPDATING';



=== TEST 8: with the cache off a request is DISABLED
--- config
    location /api {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request
GET /api/XLK
--- response_headers_like
X-All: XLK\|DISABLED\|0\|closed\|\d+\.\d{3}



=== TEST 23: a request told not to read the cache is BYPASS
--- config
    location /api {
        sector_cache_api;
        sector_cache_bypass $http_x_bypass;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- more_headers
X-Bypass: 1
--- response_headers_like eval
["X-All: XLK\\|XLK\\|BYPASS\\|0\\|closed\\|\\d+\\.\\d{3}", "X-All: XLK\\|XLK\\|BYPASS\\|0\\|closed\\|\\d+\\.\\d{3}"]



=== TEST 9: a symbol known not to exist is NEGATIVE, after a MISS
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- error_code eval
[404, 404]
--- response_headers_like eval
["X-All: XLK\\|MISS\\|\\|closed\\|\\d+\\.\\d{3}", "X-All: XLK\\|NEGATIVE\\|\\|closed\\|"]



=== TEST 10: a fetch that fails is a MISS with a fetch time and no age
--- http_config eval
SectorCache::http(source => 'failing_variable failures=1000')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch failing_variable /_up/failing/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request
GET /api/XLK
--- error_code: 502
--- response_headers_like
X-All: XLK\|MISS\|\|closed\|\d+\.\d{3}
--- no_error_log
[alert]
[crit]



=== TEST 11: behind an open breaker there is no fetch time
--- http_config eval
SectorCache::http(source => 'open_variable failures=1 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch open_variable /_up/failing/$sector_cache_symbol;
        add_header X-All "$sector_cache_symbol|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time" always;
    }
--- request eval
["GET /api/XLK", "GET /api/XLF"]
--- error_code eval
[502, 503]
--- response_headers_like eval
["X-All: XLK\\|MISS\\|\\|open\\|\\d+\\.\\d{3}", "X-All: XLF\\|MISS\\|\\|open\\|"]
--- no_error_log
[alert]
[crit]



=== TEST 12: the breaker is half_open once it may be tried
--- http_config eval
SectorCache::http(source => 'half_variable retries=0 failures=1 open=50ms half_open_timeout=1h successes=1')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch half_variable /_held/$sector_cache_symbol;
        add_header X-Breaker "$sector_cache_breaker" always;
    }
--- scenario
my $held = held();
my $client = start('/api/XLK');
$held->call;
$held->answer('', '500 Broken');
is(finish($client)->{headers}{'x-breaker'}, 'open', 'it opens');
wait_until { get('/api/symbols')->{headers}{'x-breaker'} eq 'half_open' } 'and is half open then';
$client = start('/api/XLK');
$held->call;
$held->answer('{"symbol":"XLK","price":1}');
is(finish($client)->{headers}{'x-breaker'}, 'closed', 'a success closes it');
--- no_error_log
[alert]
[crit]



=== TEST 13: the other endpoints have a breaker and nothing else
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "[$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time]" always;
    }
--- request eval
["GET /api/symbols", "GET /api/health", "GET /api/NOPE", "GET /api/XL~K", "GET /api?symbols=", "POST /api/XLK"]
--- error_code eval
[200, 200, 404, 400, 400, 405]
--- response_headers eval
["X-All: [||||closed|]", "X-All: [||||closed|]", "X-All: [||||closed|]", "X-All: [||||closed|]", "X-All: [||||closed|]", "X-All: [||||closed|]"]



=== TEST 21: a batch has the list of its symbols and the outcome furthest from a hit
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "[$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time]" always;
    }
--- request eval
["GET /api?symbols=xlk,XLF", "GET /api/?symbols=XLF,XLK,XLF", "GET /api?symbols=XLK,XLE,NOPE", "GET /api", "GET /api?symbols=NOPE"]
--- error_code eval
[200, 200, 200, 200, 404]
--- response_headers_like eval
["X-All: \\[\\|XLK,XLF\\|MISS\\|0\\|closed\\|\\d+\\.\\d{3}\\]", "X-All: \\[\\|XLF,XLK\\|HIT\\|0\\|closed\\|\\]", "X-All: \\[\\|XLK,XLE,NOPE\\|MISS\\|0\\|closed\\|\\d+\\.\\d{3}\\]", "X-All: \\[\\|XLK,XLV,XLF,XLY,XLC,XLI,XLP,XLE,XLU,XLRE,XLB,SPY\\|MISS\\|0\\|closed\\|\\d+\\.\\d{3}\\]", "X-All: \\[\\|NOPE\\|\\|\\|closed\\|\\]"]



=== TEST 22: a snapshot has no symbols and an outcome of its own
--- http_config eval
SectorCache::http(more => 'sector_cache_zone snapshots 1216k;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        add_header X-All "[$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time]" always;
    }
--- request eval
["GET /api/snapshot", "GET /api/snapshot"]
--- response_headers_like eval
["X-All: \\[\\|\\|MISS\\|0\\|closed\\|\\d+\\.\\d{3}\\]", "X-All: \\[\\|\\|HIT\\|0\\|closed\\|\\]"]



=== TEST 14: where no fetch is configured all of them are empty
--- config
    location /elsewhere {
        add_header X-All "[$sector_cache_symbol|$sector_cache_symbols|$sector_cache_status|$sector_cache_age|$sector_cache_breaker|$sector_cache_fetch_time]";
        return 204;
    }
--- request
GET /elsewhere
--- error_code: 204
--- response_headers
X-All: [|||||]



=== TEST 15: a location without the API knows the breaker of its fetch
--- http_config eval
SectorCache::http(source => 'elsewhere failures=1 open=30s')
--- config
    sector_cache_fetch elsewhere /_up/failing/$sector_cache_symbol;

    location /api {
        sector_cache_api;
    }

    location /light {
        if ($sector_cache_breaker = open) {
            return 200 "red";
        }

        return 200 "green";
    }
--- request eval
["GET /light", "GET /api/XLK", "GET /light"]
--- error_code eval
[200, 502, 200]
--- response_body eval
["green", qr/UPSTREAM_ERROR/, "red"]
--- no_error_log
[alert]
[crit]



=== TEST 16: the access log has them when the answer is sent
--- http_config eval
SectorCache::http(more => q{log_format own '$status $sector_cache_symbol $sector_cache_symbols $sector_cache_status $sector_cache_age $sector_cache_breaker $sector_cache_fetch_time';})
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        access_log logs/own.log own;
    }
--- scenario
my @lines;
for my $what (qw(XLK XLK symbols NOPE)) {
    # of two workers the second may write its line first
    get("/api/$what");
    @lines = log_lines(@lines + 1);
}
like($lines[0], qr/^200 XLK XLK MISS 0 closed \d+\.\d{3}$/, 'a miss');
is($lines[1], '200 XLK XLK HIT 0 closed -', 'a hit');
is($lines[2], '200 - - - - closed -', 'another endpoint');
is($lines[3], '404 - - - - closed -', 'an unknown symbol');
is(scalar(@lines), 4, 'there is a line a request, and none of the fetch');



=== TEST 17: the location of a fetch knows the symbol
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_own/any;
    }

    location /_own/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_HELD_PORT/v1/$sector_cache_symbol/$sector_cache_symbols;
        proxy_set_header X-Symbol $sector_cache_symbol;
        proxy_set_header X-Status "[$sector_cache_status]";
        proxy_set_header X-Breaker $sector_cache_breaker;
    }
--- scenario
my $held = held();
my $client = start('/api/xlk');
my $call = $held->call;
like($call, qr{^GET /v1/XLK/XLK HTTP}, 'in the URI');
like($call, qr/^X-Symbol: XLK\r$/m, 'and in a header');
like($call, qr/^X-Status: \[\]\r$/m, 'there is no status yet');
like($call, qr/^X-Breaker: closed\r$/m, 'but a breaker');
$held->answer('{"symbol":"XLK","price":1}');
is(finish($client)->{status}, 200, 'the client is answered');



=== TEST 18: the fetch of a background refresh knows the symbol too
--- http_config eval
SectorCache::http(source => 'refreshing', zone => 'ttl=50ms swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch refreshing /_own/any;
    }

    location /_own/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_HELD_PORT/v1/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $client = start('/api/XLF');
$held->call;
$held->answer('{"symbol":"XLF","price":1}');
finish($client);
wait_until { get('/api/XLF')->{json}{metadata}{cacheStatus} eq 'updating' } 'a refresh begins';
like($held->call, qr{^GET /v1/XLF HTTP}, 'for the symbol');
$held->answer('{"symbol":"XLF","price":2}');
wait_until { stats()->{sources}{refreshing}{succeeded} == 2 } 'it ends';



=== TEST 19: a page that includes sectors has none of its own
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
        add_header X-All "[$sector_cache_symbol|$sector_cache_status]";
    }
--- user_files
>>> page.html
<!--# include virtual="/api/XLK" -->
--- request
GET /page.html
--- response_headers
X-All: [|]
--- response_body_like: "symbol":"XLK"



=== TEST 20: a request whose client leaves is logged with its symbol and outcome
--- http_config eval
SectorCache::http(source => 'logged', more => q{log_format own '$status $sector_cache_symbol $sector_cache_status';})
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch logged /_held/$sector_cache_symbol;
        access_log logs/own.log own;
    }
--- scenario
my $held = held();
my $client = start('/api/XLK');
$held->call;
close $client->{socket};
my @lines = log_lines(1);
is($lines[0], '499 XLK MISS', 'with both');
$held->answer('{"symbol":"XLK","price":1}');
