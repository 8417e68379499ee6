# The API as its clients meet it: which URIs are endpoints and which symbols
# they take, the exact form of what is answered, and that a hit's data are the
# bytes of the miss that stored them.  A client or a proxy in front of nginx
# relies on every byte of this, so the bodies are compared as text where their
# form matters and as JSON where only their content does.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: a miss is fetched and says so in the envelope and the headers
--- request
GET /api/XLK
--- response_body_like eval
qr/^\{"success":true,"data":\{"symbol":"XLK", "price":285\.17, "volume":9007199254740993, "call":"[0-9a-f]{32}"\},"cached":false,"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","metadata":\{"version":"v1","cacheStatus":"miss","source":"demo","age":0,"ttl":120\}\}\z/
--- response_headers
Content-Type: application/json
Age: 0
Cache-Control: max-age=120
Cache-Status: sector-cache; fwd=miss; stored
Vary:
--- response_headers_like
ETag: W/"[^"]+"
Last-Modified: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT



=== TEST 2: a hit has the bytes that the miss has stored
--- scenario
my $miss = get('/api/XLK');
my $hit = get('/api/XLK');
is($hit->{status}, 200, 'a hit is a success');
is(data_of($hit), data_of($miss), 'the data are the same bytes');
like($hit->{body}, qr/,"cached":true,"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","metadata":\{"version":"v1","cacheStatus":"hit","source":"demo","age":0,"ttl":1(?:20|19)\}\}\z/, 'the envelope says hit');
is(scalar(upstream_calls(1)), 1, 'there was one call');



=== TEST 3: age grows and ttl shrinks while an entry is kept
--- scenario
get('/api/XLK');
my $old = wait_until {
    my $hit = get('/api/XLK')->{json};
    $hit->{metadata}{age} >= 1 && $hit;
} 'the age becomes a second';
is($old->{metadata}{cacheStatus}, 'hit', 'it is a hit still');
like($old->{metadata}{age} + $old->{metadata}{ttl}, qr/^(?:119|120)$/, 'the rest is the ttl');



=== TEST 4: the timestamp is the time of the answer
--- scenario
use Time::Local 'timegm';
my $before = time;
my $text = get('/api/XLK')->{json}{timestamp};
my $after = time;
my ($y, $mon, $d, $h, $min, $s) = $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\./;
my $time = timegm($s, $min, $h, $d, $mon - 1, $y);
ok($time >= $before - 2 && $time <= $after + 1, "$text is about now");



=== TEST 5: a Yahoo chart becomes a sector with the configured name
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }
--- request
GET /api/XLK
--- response_body_like eval
qr/^\{"success":true,"data":\{"symbol":"XLK","name":"Technology","price":241\.36,"change":2\.26,"changePercent":0\.9452,"volume":6214530,"timestamp":1795208400000,/
--- json
{"data":{"currency":"USD","dayHigh":242.05,"dayLow":238.66,"previousClose":239.1,"fiftyTwoWeekHigh":268.74,"fiftyTwoWeekLow":172.45,"!marketCap":1,"!fiftyDayAverage":1,"!longName":1}}



=== TEST 6: a recorded Yahoo chart is understood
--- http_config eval
SectorCache::http(upstream => 'location = /recorded/XLC { alias $TEST_NGINX_FIXTURES/yahoo/chart-XLC-5y-1d-regular.json; }')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/recorded/$sector_cache_symbol format=yahoo_chart;
    }
--- skip_eval: 5: !-r "$ENV{TEST_NGINX_FIXTURES}/yahoo/chart-XLC-5y-1d-regular.json"
--- request
GET /api/XLC
--- json
{"success":true,"data":{"symbol":"XLC","name":"Communication Services","currency":"USD","price":111.56,"volume":4155182,"timestamp":1774373472000,"dayHigh":112.49,"dayLow":111.375,"fiftyTwoWeekHigh":120.405,"fiftyTwoWeekLow":84.02,"longName":"State Street Communication Services Select Sector SPDR ETF"}}



=== TEST 7: symbols are case-insensitive, and one entry is kept for all spellings
--- scenario
my @answers = map { get("/api/$_") } qw(xlk XLK xLk %78lk);
is(join(' ', map { $_->{status} } @answers), '200 200 200 200', 'all are served');
is(join(' ', map { $_->{json}{metadata}{cacheStatus} } @answers), 'miss hit hit hit', 'one fetch serves all');
is(join(' ', map { $_->{json}{data}{symbol} } @answers), 'XLK XLK XLK XLK', 'in upper case');
is(join(' ', upstream_calls(1)), 'GET /sector/XLK', 'the upstream is asked in upper case');



=== TEST 8: a symbol may have each of the characters allowed and up to thirty-two of them
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/^GSPC", "GET /api/EURUSD=X", "GET /api/BRK.B", "GET /api/BTC-USD", "GET /api/0700.HK", "GET /api/A", "GET /api/0123456789ABCDEF^=&_-.0123456789", "GET /api/.A", "GET /api/...A", "GET /api/m&m.ns", "GET /api/0P00013P6I.L", "GET /api/_"]
--- error_code eval
[(200) x 12]
--- json
{"data":{"symbol":"^GSPC"}}
{"data":{"symbol":"EURUSD=X"}}
{"data":{"symbol":"BRK.B"}}
{"data":{"symbol":"BTC-USD"}}
{"data":{"symbol":"0700.HK"}}
{"data":{"symbol":"A"}}
{"data":{"symbol":"0123456789ABCDEF^=&_-.0123456789"}}
{"data":{"symbol":".A"}}
{"data":{"symbol":"...A"}}
{"data":{"symbol":"M&M.NS"}}
{"data":{"symbol":"0P00013P6I.L"}}
{"data":{"symbol":"_"}}



=== TEST 9: a symbol may be percent-encoded
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/%5EGSPC", "GET /api/%58%4c%4B", "GET /api/EURUSD%3DX", "GET /%61pi/XLK", "GET /api/M%26M.NS"]
--- error_code eval
[200, 200, 200, 200, 200]
--- json
{"data":{"symbol":"^GSPC"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"EURUSD=X"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"hit"}}
{"data":{"symbol":"M&M.NS"}}



=== TEST 10: what is no symbol is refused, with what is allowed
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/0123456789ABCDEF^=&_-.01234567890", "GET /api/...", "GET /api/XLK%20", "GET /api/XL+K", "GET /api/XLK,XLF", "GET /api/%C3%89TF", "GET /api/X\@Y", "GET /api/%25", "GET /api/XLK%3f", "GET /api/" . "A" x 2000]
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400, 400]
--- json
{"success":false,"error":"Invalid symbol, allowed: 1 to 32 of A-Z 0-9 . - ^ = & _","error_code":"INVALID_SYMBOL","error_details":{},"timestamp":"~Z$"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}



=== TEST 11: a refused symbol makes no call and is not counted
--- scenario
get("/api/$_") for 'A' x 33, 'XL~K', 'NOPE';
get('/api/XLK');
is(join(' ', upstream_calls(1)), 'GET /sector/XLK', 'only the good one was asked for');
is(stats()->{totalRequests}, 1, 'and counted');



=== TEST 12: arguments do not matter to a symbol
--- request eval
["GET /api/XLK?a=1", "GET /api/XLK?b=/XLF", "GET /api/XLK?"]
--- error_code eval
[200, 200, 200]
--- json
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"hit"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"hit"}}



=== TEST 13: a symbol that is not configured is unknown by default
--- request
GET /api/nope
--- error_code: 404
--- response_body_like eval
qr/^\{"success":false,"error":"Symbol NOPE is not configured","error_code":"UNKNOWN_SYMBOL","error_details":\{"symbol":"NOPE"\},"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}\z/
--- response_headers
Content-Type: application/json



=== TEST 14: unknown symbols are refused where that is said
--- config
    sector_cache_unknown_symbols accept;

    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols reject;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request
GET /api/NOPE
--- error_code: 404
--- json
{"error_code":"UNKNOWN_SYMBOL"}



=== TEST 15: with unknown symbols accepted they are fetched
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }
--- request
GET /api/nope
--- json
{"success":true,"data":{"symbol":"NOPE","name":"Fund NOPE"},"metadata":{"cacheStatus":"miss"}}



=== TEST 16: /symbols lists the default symbols in order
--- request
GET /api/symbols
--- response_body_like eval
qr/^\{"success":true,"data":\[\{"symbol":"XLK","name":"Technology","type":"sector"\},\{"symbol":"XLV","name":"Health Care","type":"sector"\},\{"symbol":"XLF","name":"Financials","type":"sector"\},\{"symbol":"XLY","name":"Consumer Discretionary","type":"sector"\},\{"symbol":"XLC","name":"Communication Services","type":"sector"\},\{"symbol":"XLI","name":"Industrials","type":"sector"\},\{"symbol":"XLP","name":"Consumer Staples","type":"sector"\},\{"symbol":"XLE","name":"Energy","type":"sector"\},\{"symbol":"XLU","name":"Utilities","type":"sector"\},\{"symbol":"XLRE","name":"Real Estate","type":"sector"\},\{"symbol":"XLB","name":"Materials","type":"sector"\},\{"symbol":"SPY","name":"S&P 500","type":"benchmark"\}\],"cached":false,"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","metadata":\{"version":"v1"\}\}\z/
--- response_headers
Content-Type: application/json



=== TEST 17: all default symbols are served
--- scenario
for my $symbol (qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY)) {
    contains(get("/api/$symbol")->{body}, qq({"success":true,"data":{"symbol":"$symbol"}}), "$symbol is served");
}
is(stats()->{entryCount}, 12, 'and kept');



=== TEST 18: symbols of one's own have their names, in UTF-8 and quoted as JSON needs it
--- config
    sector_cache_symbols {
        sxep  "Énergie & Pétrole";
        ^GDAXI "DAX \"40\" \\ 株" benchmark;
        JP.1  東証;
    }

    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }
--- request eval
["GET /api/symbols", "GET /api/SXEP", "GET /api/%5Egdaxi", "GET /api/jp.1", "GET /api/XLK"]
--- error_code eval
[200, 200, 200, 200, 404]
--- json
{"data":[{"symbol":"SXEP","name":"Énergie & Pétrole","type":"sector"},{"symbol":"^GDAXI","name":"DAX \"40\" \\ 株","type":"benchmark"},{"symbol":"JP.1","name":"東証","type":"sector"}]}
{"data":{"symbol":"SXEP","name":"Énergie & Pétrole"}}
{"data":{"symbol":"^GDAXI","name":"DAX \"40\" \\ 株"}}
{"data":{"symbol":"JP.1","name":"東証"}}
{"error_code":"UNKNOWN_SYMBOL"}



=== TEST 19: what is no endpoint is not found, as JSON
--- request eval
["GET /api/XLK/", "GET /api/snapshot/", "GET /api/snapshot/XLK", "GET /api/XLK/XLF", "GET /api/symbols/", "GET /api/health/x", "GET /api/XLK%2FXLF", "GET /apiX", "GET /api-XLK", "GET /apisymbols"]
--- error_code eval
[404, 404, 404, 404, 404, 404, 404, 404, 404, 404]
--- response_headers eval
["Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json", "Content-Type: application/json"]
--- json
{"success":false,"error":"No such endpoint","error_code":"NOT_FOUND","error_details":{},"timestamp":"~Z$","!data":1}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}



=== TEST 20: a batch has the symbols asked for, all that are configured without any
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
        sector_cache_symbols { ABC Alphabet; DEF Definition; SPY "S&P 500" benchmark; }
    }
--- request eval
["GET /api/?symbols=def,ABC", "GET /api?symbols=DEF", "GET /api", "GET /api/", "GET /api/?symbols=", "GET /api/?symbols=ABC,", "GET /api/?symbols=AB+C", "GET /api/?symbols=" . join(",", ("ABC") x 51), "GET /api/?symbols=NOPE", "GET /api/?symbols=NOPE,ABC"]
--- error_code eval
[200, 200, 200, 200, 400, 400, 400, 400, 404, 200]
--- json
{"success":true,"data":{"DEF":{"symbol":"DEF"},"ABC":{"symbol":"ABC"},"!SPY":1},"cached":false,"metadata":{"version":"v1","cacheStatus":"miss","source":"demo","age":0,"ttl":"~^1(20|19)$"},"!errors":1}
{"success":true,"data":{"DEF":{"symbol":"DEF"},"!ABC":1},"cached":true,"metadata":{"cacheStatus":"hit"}}
{"data":{"ABC":{"symbol":"ABC"},"DEF":{"symbol":"DEF"},"SPY":{"symbol":"SPY"}},"cached":false,"metadata":{"cacheStatus":"miss"}}
{"data":{"ABC":{"symbol":"ABC"},"DEF":{"symbol":"DEF"},"SPY":{"symbol":"SPY"}},"cached":true,"metadata":{"cacheStatus":"hit"}}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"error_code":"INVALID_SYMBOL"}
{"success":false,"error":"Too many symbols, allowed: 50","error_code":"TOO_MANY_SYMBOLS","error_details":{}}
{"success":false,"error":"Symbol NOPE is not configured","error_code":"UNKNOWN_SYMBOL","error_details":{"symbol":"NOPE"}}
{"success":true,"data":{"ABC":{"symbol":"ABC"},"!NOPE":1},"errors":{"NOPE":{"error_code":"UNKNOWN_SYMBOL","error":"Symbol NOPE is not configured"}}}



=== TEST 59: a snapshot has every sector, the benchmark and a summary
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/chart/$sector_cache_symbol format=yahoo_chart;
        sector_cache_symbols { ABC Alphabet; SPY "S&P 500" benchmark; DEF Definition; }
    }
--- request eval
["GET /api/snapshot", "GET /api/SNAPSHOT"]
--- error_code eval
[200, 404]
--- json
{"success":true,"data":{"timestamp":"~^\\d{13}$","date":"~^\\d{4}-\\d\\d-\\d\\d$","sectors":[{"symbol":"ABC","name":"Alphabet","price":241.36,"changePercent":0.9452},{"symbol":"DEF","name":"Definition"}],"benchmark":{"symbol":"SPY","name":"S&P 500"},"summary":{"totalSectors":2,"availableSectors":2,"bullishSectors":2,"bearishSectors":0,"neutralSectors":0,"averageChange":0.95}},"cached":false,"metadata":{"cacheStatus":"miss","source":"demo","!partial":1}}
{"error_code":"UNKNOWN_SYMBOL"}



=== TEST 60: a snapshot with nothing in it is an error, that of a failure if there is one
--- http_config eval
SectorCache::http(source => 'empty failures=100 retries=0', upstream => 'location = /none/DEF { return 500; } location /none/ { return 404 "{}"; }')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch empty /_up/none/$sector_cache_symbol;
        sector_cache_symbols { ABC Alphabet; DEF Definition; GHI Other; }
    }

    location /missing {
        sector_cache_api;
        sector_cache_fetch empty /_up/missing/$sector_cache_symbol;
        sector_cache_symbols { JKL Other; SPY "S&P 500" benchmark; }
    }
--- suppress_stderr
--- request eval
["GET /api/snapshot", "GET /missing/snapshot"]
--- error_code eval
[502, 503]
--- response_headers eval
["Cache-Control: no-store\nRetry-After:", "Cache-Control: no-store\nRetry-After: 1"]
--- json
{"success":false,"error":"Source empty answered with status 500","error_code":"UPSTREAM_ERROR","error_details":{"source":"empty","status":500}}
{"success":false,"error":"No sector could be had","error_code":"NO_DATA","error_details":{"source":"empty","retryAfter":1}}
--- no_error_log
[alert]
[crit]



=== TEST 21: a location with a slash at its end has the same endpoints
--- config
    location /v1/sectors/ {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /v1/sectors/XLK", "GET /v1/sectors/symbols", "GET /v1/sectors/health", "GET /v1/sectors/", "GET /v1/sectors/XLK/"]
--- error_code eval
[200, 200, 200, 200, 404]
--- json
{"data":{"symbol":"XLK"}}
{"data":[{},{},{},{},{},{},{},{},{},{},{},{}]}
{"data":{"status":"healthy"}}
{"data":{"XLK":{"symbol":"XLK"},"SPY":{"symbol":"SPY"}}}
{"error_code":"NOT_FOUND"}



=== TEST 22: a longer path that begins like the location is not its own
--- config
    location /api/v1/sectors {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/v1/sectors/XLK", "GET /api/v1/sectorsX", "GET /api/v1/sectorsX/XLK", "GET /api/v1/sectors.XLK"]
--- error_code eval
[200, 404, 404, 404]
--- json
{"data":{"symbol":"XLK"}}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}



=== TEST 23: the API may be the whole server, and one may lie in another
--- config
    location ^~ /nested/ {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;

        location /nested/deeper {
            sector_cache_api;
            sector_cache_symbols { ABC "Alphabet"; }
        }
    }
--- request eval
["GET /nested/XLK", "GET /nested/ABC", "GET /nested/deeper/ABC", "GET /nested/deeper/XLK"]
--- error_code eval
[200, 404, 200, 404]
--- json
{"data":{"symbol":"XLK"}}
{"error_code":"UNKNOWN_SYMBOL"}
{"data":{"symbol":"ABC"}}
{"error_code":"UNKNOWN_SYMBOL"}



=== TEST 24: an API location of a server root serves /SYMBOL
--- http_config eval
SectorCache::http(more => '
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name root.test;

        location / {
            sector_cache_api;
            sector_cache_fetch demo /_demo/$sector_cache_symbol;
        }

        location /_demo/ {
            internal;
            proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/sector/;
        }
    }')
--- config
    # only the other server has an API
--- scenario
my %host = (headers => { Host => 'root.test' });
contains(get('/XLK', %host)->{body}, '{"data":{"symbol":"XLK"}}', 'a symbol');
contains(get('/symbols', %host)->{body}, '{"success":true}', 'the symbols');
contains(get('/', %host)->{body}, '{"data":{"XLK":{"symbol":"XLK"},"SPY":{"symbol":"SPY"}}}', 'the root itself is the batch');



=== TEST 25: HEAD answers as GET does, without the body
--- scenario
my $get = get('/api/symbols');
my $head = get('/api/symbols', method => 'HEAD', keepalive => 1);
is($head->{status}, 200, 'HEAD of /symbols');
is($head->{headers}{'content-length'}, length $get->{body}, 'its length is that of the body of GET');
is($head->{headers}{'content-type'}, 'application/json', 'its type too');
is($head->{body}, '', 'there is no body');
my $miss = get('/api/XLK', method => 'HEAD');
is($miss->{status}, 200, 'HEAD of a symbol that is not there yet');
my $hit = get('/api/XLK');
is($hit->{json}{metadata}{cacheStatus}, 'hit', 'it was fetched and kept');
is($miss->{headers}{'content-length'}, length('{"success":true,"data":') + length(data_of($hit)) + length(',"cached":false,"timestamp":"2026-11-22T20:00:40.123Z","metadata":{"version":"v1","cacheStatus":"miss","source":"demo","age":0,"ttl":120}}'), 'the length is that of a miss');
for my $uri ('/api?symbols=XLK', '/api/snapshot') {
    my $get = get($uri);
    my $head = get($uri, method => 'HEAD', keepalive => 1);
    is($head->{status}, 200, "HEAD of $uri");
    is($head->{headers}{etag}, $get->{headers}{etag}, 'its ETag is that of GET');
    is($head->{body}, '', 'there is no body');
}
is(get('/api/NOPE', method => 'HEAD')->{status}, 404, 'HEAD of an unknown symbol');
is(get('/api/NOPE/', method => 'HEAD')->{body}, '', 'an error has no body either');



=== TEST 26: HEAD is answered on a connection that lives on
--- scenario
my $socket = connection(server_port());
for my $method (qw(HEAD GET HEAD GET)) {
    my $answer = finish(start('/api/XLF', method => $method, on => $socket));
    is($answer->{status}, 200, "$method is answered");
    is(length $answer->{body} > 0 ? 1 : 0, $method eq 'GET' ? 1 : 0, 'with a body or without');
}



=== TEST 27: another method is not allowed, and Allow says which are
--- request eval
["POST /api/XLK\r\n\r\n", "PUT /api/XLK\r\n{}", "DELETE /api/XLK", "OPTIONS /api/XLK", "PATCH /api/symbols", "POST /api/health"]
--- error_code eval
[405, 405, 405, 405, 405, 405]
--- response_headers eval
["Allow: GET, HEAD\nContent-Type: application/json", "Allow: GET, HEAD", "Allow: GET, HEAD", "Allow: GET, HEAD", "Allow: GET, HEAD", "Allow: GET, HEAD"]
--- json
{"success":false,"error":"Method is not allowed here, allowed: GET, HEAD","error_code":"METHOD_NOT_ALLOWED","error_details":{},"timestamp":"~Z$"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}
{"error_code":"METHOD_NOT_ALLOWED"}



=== TEST 28: another method on no endpoint is not found
--- request eval
["POST /api/XLK/x\r\n\r\n", "DELETE /apiX"]
--- error_code eval
[404, 404]
--- json
{"error_code":"NOT_FOUND"}
{"error_code":"NOT_FOUND"}



=== TEST 29: requests of one connection are answered in their order
--- pipelined_requests eval
["GET /api/XLK", "GET /api/XLF", "GET /api/XLK", "GET /api/symbols", "GET /api/NOPE", "GET /api/XLV"]
--- error_code eval
[200, 200, 200, 200, 404, 200]
--- json
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"XLF"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"hit"}}
{"success":true}
{"error_code":"UNKNOWN_SYMBOL"}
{"data":{"symbol":"XLV"},"metadata":{"cacheStatus":"miss"}}



=== TEST 30: a request's body is read over, and the connection lives on
--- scenario
my $socket = connection(server_port());
my $body = 'GET /api/NOPE HTTP/1.1' . "\r\n" x 2 . 'x' x 100_000;
for my $uri ('/api/XLK', '/api/XLK', '/api/symbols', '/api/NOPE', '/api/XLF') {
    my $answer = finish(start($uri, on => $socket, body => $body));
    is($answer->{status}, $uri =~ /NOPE/ ? 404 : 200, "$uri is answered with a body in the request");
}
is(finish(start('/api/XLK', on => $socket))->{json}{metadata}{cacheStatus}, 'hit', 'a request without one too');



=== TEST 31: a chunked body is read over, and the connection lives on
--- scenario
my $socket = connection(server_port());
print $socket "GET /api/XLK HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
$socket->flush;
is(finish({ socket => $socket, method => 'GET' })->{json}{metadata}{cacheStatus}, 'miss', 'the first is answered');
is(finish(start('/api/XLK', on => $socket))->{json}{metadata}{cacheStatus}, 'hit', 'and the next');



=== TEST 32: a client of HTTP/1.0 is answered
--- raw_request eval
"GET /api/XLK HTTP/1.0\r\n\r\n"
--- json
{"success":true,"data":{"symbol":"XLK"}}



=== TEST 33: the length of an answer is said
--- scenario
for my $uri ('/api/XLK', '/api/XLK', '/api/symbols', '/api/health', '/api/NOPE', '/api/XL~K', '/api', '/api?symbols=XLK,NOPE', '/api/snapshot', '/api/XLK/') {
    my $answer = get($uri);
    is($answer->{headers}{'content-length'}, length $answer->{body}, "of $uri");
}



=== TEST 34: a failing status of the upstream is 502
--- http_config eval
SectorCache::http(source => 'status_failing')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch status_failing /_up/failing/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 502
--- response_body_like eval
qr/^\{"success":false,"error":"Source status_failing answered with status 500","error_code":"UPSTREAM_ERROR","error_details":\{"source":"status_failing","symbol":"XLK","status":500\},"timestamp":"[^"]+Z"\}\z/
--- error_log
sector cache fetch of "XLK" failed after
Source status_failing answered with status 500
--- no_error_log
[alert]
[crit]



=== TEST 35: a connection that is refused is 502
--- http_config eval
SectorCache::http(source => 'refused')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch refused /_held/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 502
--- response_headers
Content-Type: application/json
--- json
{"success":false,"error_code":"UPSTREAM_ERROR","error_details":{"source":"refused","symbol":"XLK"}}
--- no_error_log
[alert]
[crit]



=== TEST 36: a body that is not what was promised is 502
--- http_config eval
SectorCache::http(source => 'promising')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch promising /_up/invalid/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 502
--- json
{"success":false,"error":"~^Source promising sent an invalid body: ","error_code":"UPSTREAM_INVALID","error_details":{"source":"promising","symbol":"XLK","!status":1}}
--- error_log
Source promising sent an invalid body
--- no_error_log
[alert]
[crit]



=== TEST 37: data about another symbol are refused
--- http_config eval
SectorCache::http(source => 'mistaken')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch mistaken /_up/sector/XLF;
    }
--- request
GET /api/XLK
--- error_code: 502
--- json
{"error_code":"UPSTREAM_INVALID"}
--- no_error_log
[alert]
[crit]



=== TEST 38: an object above max_object is refused
--- http_config eval
SectorCache::http(source => 'fat', zone => 'max_object=100')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch fat /_up/sector/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 502
--- json
{"error":"Source fat sent a body larger than max_object, 100 bytes","error_code":"UPSTREAM_INVALID"}
--- no_error_log
[alert]
[crit]



=== TEST 39: a source that does not answer in time is 504
--- http_config eval
SectorCache::http(source => 'silent timeout=100ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch silent /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $before = Time::HiRes::time();
my $answer = get('/api/XLK');
my $elapsed = Time::HiRes::time() - $before;
ok($elapsed >= 0.09 && $elapsed < 4, 'it is waited for about that long');
is($answer->{status}, 504, 'the status');
contains($answer->{body}, '{"success":false,"error":"Source silent did not answer within 100 ms","error_code":"UPSTREAM_TIMEOUT","error_details":{"source":"silent","symbol":"XLK"}}', 'the body');
--- no_error_log
[alert]
[crit]



=== TEST 40: a symbol that does not exist upstream is 404
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 404
--- json
{"success":false,"error":"Symbol XLK does not exist at source demo","error_code":"UNKNOWN_SYMBOL","error_details":{"symbol":"XLK","source":"demo"}}



=== TEST 41: behind an open breaker is 503 with Retry-After, and no call
--- http_config eval
SectorCache::http(source => 'breaking retries=0 failures=1 open=41s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch breaking /_up/failing/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK')->{status}, 502, 'the first failure opens the breaker');
my $answer = get('/api/XLF');
is($answer->{status}, 503, 'the next is refused');
like($answer->{headers}{'retry-after'}, qr/^4[01]$/, 'Retry-After');
contains($answer->{body}, '{"success":false,"error":"Circuit breaker of source breaking is open","error_code":"SECTOR_API_CIRCUIT_OPEN","error_details":{"source":"breaking","retryAfter":' . $answer->{headers}{'retry-after'} . '}}', 'the body');
is(join(' ', upstream_calls(1)), 'GET /failing/XLK', 'there was one call');
--- no_error_log
[alert]
[crit]



=== TEST 42: health is healthy while nothing has failed, in this form
--- http_config eval
SectorCache::http(source => 'calm')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch calm /_up/sector/$sector_cache_symbol;
    }
--- request
GET /api/health
--- response_body_like eval
qr/^\{"success":true,"data":\{"status":"healthy","enabled":true,"servableSymbols":0,"sources":\{"calm":\{"breaker":"closed","frozen":false,"failing":false,"failingSince":null,"failuresInRow":0,"lastError":null,"lastSuccess":null,"openedBecause":null\}\},"unservableSymbols":\[\],"staleAnswersAlert":false,"reasons":\[\]\},"cached":false,"timestamp":"[^"]+Z","metadata":\{"version":"v1"\}\}\z/



=== TEST 43: health counts what memory can serve, and makes no call
--- scenario
get('/api/XLK');
get('/api/XLF');
contains(get('/api/health')->{body}, '{"data":{"status":"healthy","servableSymbols":2}}', 'two symbols');
is(scalar(upstream_calls(2)), 2, 'there were two calls');
is(stats()->{totalRequests}, 2, 'health itself is not counted');



=== TEST 44: health is degraded while the breaker is open and memory can serve
--- http_config eval
SectorCache::http(source => 'degrading failures=1 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch degrading /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
is(get('/api/XLF')->{status}, 502, 'the upstream fails');
my $health = get('/api/health');
is($health->{status}, 200, 'the status is a success');
contains($health->{body}, '{"success":true,"data":{"status":"degraded","servableSymbols":1,"sources":{"degrading":{"breaker":"open","retryAfter":"~^(29|30)$"}}}}', 'degraded');
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'hit', 'the symbol kept is served');
--- no_error_log
[alert]
[crit]



=== TEST 58: where any symbol is served, any that memory has counts
--- http_config eval
SectorCache::http(source => 'anything failures=1 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch anything /_up/sector/$sector_cache_symbol;
    }
--- scenario
is(get('/api/GOOG')->{status}, 200, 'a symbol that is not configured');
upstream_fails();
is(get('/api/MSFT')->{status}, 502, 'the upstream fails');
my $health = get('/api/health');
is($health->{status}, 200, 'the status is a success');
is($health->{json}{data}{status}, 'degraded', 'degraded');
is(get('/api/GOOG')->{json}{metadata}{cacheStatus}, 'hit', 'it is served');
--- no_error_log
[alert]
[crit]



=== TEST 45: health is unhealthy while the breaker is open and memory has nothing
--- http_config eval
SectorCache::http(source => 'sick failures=1 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch sick /_up/failing/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLF", "GET /api/health", "HEAD /api/health"]
--- error_code eval
[502, 503, 503]
--- json
{"success":false}
{"data":{"status":"unhealthy","servableSymbols":0,"sources":{"sick":{"breaker":"open","retryAfter":"~^(29|30)$"}}}}
-
--- no_error_log
[alert]
[crit]



=== TEST 76: a snapshot is something that memory could serve
--- http_config eval
SectorCache::http(source => 'lasting failures=1 open=30s', zone => 'ttl=1ms',
                  more => 'sector_cache_zone snapshots 256k ttl=1h;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch lasting /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/snapshot');
upstream_fails();
is(get('/api/XLF')->{status}, 502, 'the upstream fails');
is(get('/api/XLF')->{status}, 503, 'the breaker is open');
my $health = get('/api/health');
contains($health->{body}, '{"data":{"status":"degraded","servableSymbols":0}}', 'no symbol, but');
is($health->{status}, 200, 'something');
is(get('/api/snapshot')->{json}{metadata}{cacheStatus}, 'hit', 'the snapshot');
--- no_error_log
[alert]
[crit]



=== TEST 46: a symbol known not to exist is nothing that health could serve
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLF", "GET /api/health"]
--- error_code eval
[404, 200]
--- json
{"error_code":"UNKNOWN_SYMBOL"}
{"data":{"status":"degraded","servableSymbols":0,"unservableSymbols":["XLF"],"reasons":["1 of 12 symbols cannot be served"]}}



=== TEST 77: a source that fails is seen though its breaker is closed
--- http_config eval
SectorCache::http(source => 'revoked failures=3', zone => 'ttl=1h stale=1h',
                  upstream => q(location /refused/ { return 400 '{"error":"what key is this"}'; }))
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch revoked /_up/sector/$sector_cache_symbol;
    }

    location /bad {
        sector_cache_api;
        sector_cache_fetch revoked /_up/refused/$sector_cache_symbol;
    }
--- scenario
my $health = sub { get('/bad/health')->{json}{data} };
get("/bad/$_") for qw(XLK XLF);
is($health->()->{sources}{revoked}{failing}, JSON::PP::false(), 'two are fewer than "failures"');
get('/bad/XLV');
my $answer = get('/bad/health');
is($answer->{status}, 200, 'it lives');
contains($answer->{body}, '{"data":{"status":"degraded","servableSymbols":0,"unservableSymbols":["XLK","XLV","XLF"],"sources":{"revoked":{"breaker":"closed","failing":true,"failingSince":"~Z$","failuresInRow":3,"lastError":{"time":"~Z$","error":"~400","status":400,"symbol":"XLV"},"lastSuccess":null,"openedBecause":null}}}}', 'degraded');
contains($answer->{body}, '{"data":{"reasons":["3 of 12 symbols cannot be served","~^every fetch from source revoked has failed since .*Z, 3 in a row, the last one: .*400"]}}', 'and why');
contains(get('/ops/stats')->{body}, '{"sources":{"revoked":{"failing":true,"failuresInRow":3,"lastError":{"status":400},"lastSuccess":null,"staleUntil":null}}}', 'the stats say the same');
like(get('/ops/metrics')->{body}, qr/^sector_cache_source_failing\{source="revoked"\} 1$/m, 'and a metric');
get('/api/XLK');
contains(get('/bad/health')->{body}, '{"data":{"status":"degraded","servableSymbols":1,"unservableSymbols":["XLV","XLF"],"sources":{"revoked":{"failing":false,"failingSince":null,"failuresInRow":0,"lastError":{"status":400},"lastSuccess":"~Z$"}},"reasons":["2 of 12 symbols cannot be served"]}}', 'one success ends it');
get("/api/$_") for qw(XLV XLF);
contains(get('/bad/health')->{body}, '{"data":{"status":"healthy","unservableSymbols":[],"reasons":[]}}', 'and all of them the rest');
--- no_error_log
[alert]
[crit]



=== TEST 78: health is unhealthy where no symbol can be had, whatever the breaker thinks
--- http_config eval
SectorCache::http(source => 'nothing failures=100',
                  upstream => q(location /refused/ { return 400 '{"error":"what key is this"}'; }))
--- config
    location /api {
        sector_cache_api;
        sector_cache_symbols { XLK Technology; XLF Financials; }
        sector_cache_fetch nothing /_up/refused/$sector_cache_symbol;
    }
--- request eval
['GET /api/health', 'GET /api/XLK', 'GET /api/health', 'GET /api/XLF', 'GET /api/health', 'HEAD /api/health']
--- error_code eval
[200, 502, 200, 502, 503, 503]
--- json
{"data":{"status":"healthy"}}
{"success":false}
{"data":{"status":"degraded","unservableSymbols":["XLK"]}}
{"success":false}
{"data":{"status":"unhealthy","unservableSymbols":["XLK","XLF"],"sources":{"nothing":{"breaker":"closed"}},"reasons":["~^none of the symbols can be served, of 2$"]}}
-
--- no_error_log
[alert]
[crit]



=== TEST 79: health says until when stale data lasts
--- http_config eval
SectorCache::http(source => 'until', zone => 'ttl=1ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch until /_up/sector/$sector_cache_symbol;
    }
--- scenario
use Time::Local 'timegm';
is(get('/api/health')->{json}{data}{staleUntil}, undef, 'nothing is stale');
get('/api/XLK');
my $until = wait_until { get('/api/health')->{json}{data}{staleUntil} } 'one is';
# seconds since the epoch; nginx's two clocks may differ by some milliseconds
my $seconds = sub {
    my ($y, $mon, $d, $h, $min, $s) = $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or return 0;
    return timegm(0, $min, $h, $d, $mon - 1, $y) + $s;
};
my $left = $seconds->($until) - time;
ok($left > 3540 && $left <= 3601, "for an hour: $left s");
select undef, undef, undef, 0.3;
get('/api/XLF');
my ($health, $stats) = (get('/api/health')->{json}{data}{staleUntil}, stats()->{sources}{until}{staleUntil});
cmp_ok(abs($seconds->($health) - $seconds->($until)), '<', 0.2, 'the first of them counts');
cmp_ok(abs($seconds->($stats) - $seconds->($until)), '<', 0.2, 'so say the stats');
is(get('/api/health')->{json}{data}{status}, 'healthy', 'which is no illness');



=== TEST 47: with the cache off memory can serve nothing
--- http_config eval
SectorCache::http(source => 'offline failures=1 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch offline /_up/sector/$sector_cache_symbol;
        sector_cache $http_x_cache;
    }
--- scenario
my %on = (headers => { 'X-Cache' => 'on' });
get('/api/XLK', %on);
upstream_fails();
get('/api/XLF', %on);
is(get('/api/health', %on)->{json}{data}{status}, 'degraded', 'on, there is something');
my $off = get('/api/health');
is($off->{status}, 503, 'off, there is nothing');
is($off->{json}{data}{status}, 'unhealthy', 'and health says so');
--- no_error_log
[alert]
[crit]



=== TEST 48: a page may include sectors by SSI, in order
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
    }
--- user_files
>>> page.html
<a><!--# include virtual="/api/XLK" --></a><b><!--# include virtual="/api/XLF" --></b><c><!--# include virtual="/api/XLK" --></c><d><!--# include virtual="/api/NOPE" --></d>
--- request
GET /page.html
--- response_body_like eval
qr/^<a>\{"success":true,"data":\{"symbol":"XLK", [^<]*\}\}<\/a><b>\{"success":true,"data":\{"symbol":"XLF", [^<]*\}\}<\/b><c>\{"success":true,"data":\{"symbol":"XLK", [^<]*\}\}<\/c><d>\{"success":false,[^<]*\}<\/d>\s*\z/



=== TEST 49: included sectors are kept and counted as requests
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
    }
--- user_files
>>> page.html
<!--# include virtual="/api/XLK" wait="yes" --><!--# include virtual="/api/XLK" -->
--- scenario
my @data = get('/page.html')->{body} =~ /"call":"([0-9a-f]+)"/g;
is(scalar(@data), 2, 'both are there');
is($data[0], $data[1], 'from one call');
contains(stats(), '{"totalRequests":2,"misses":1,"hits":1}', 'both are counted');



=== TEST 50: an auth_request may ask the API
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location = /guarded {
        auth_request /api/XLK;
        try_files /index.html =404;
    }
--- request eval
["GET /guarded", "GET /api/XLK"]
--- json
-
{"metadata":{"cacheStatus":"hit"}}
--- no_error_log
[alert]
[crit]



=== TEST 51: a mirror to the API warms the cache
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location = /index.html {
        mirror /api/XLK;
    }
--- scenario
is(get('/index.html')->{status}, 200, 'the page is served');
wait_until { stats()->{entryCount} == 1 } 'the sector is stored';
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'hit', 'and served from memory');



=== TEST 52: a fetch that leads back to the API is an error, not a loop
--- http_config eval
SectorCache::http(source => 'looping')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch looping /api/$sector_cache_symbol;
    }
--- request
GET /api/XLK
--- error_code: 503
--- json
{"error":"nginx itself answered 500 in location /api, the provider was not asked","error_code":"NO_DATA"}
--- error_log
sector_cache_fetch leads back to sector_cache_api
--- no_error_log
[alert]
[crit]



=== TEST 53: a client's headers do not reach the upstream even where they are passed
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_plain/$sector_cache_symbol;
    }

    location /_plain/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_HELD_PORT/;
    }
--- scenario
my $held = held();
my $client = start('/api/XLK?secret=1', headers => { Cookie => 'id=1', Authorization => 'Basic eDp5', 'X-Own' => 'yes', 'If-None-Match' => '"1"', Range => 'bytes=0-1', 'Accept-Encoding' => 'gzip' });
my $call = $held->call;
unlike($call, qr/Cookie|Authorization|X-Own|If-None-Match|Range|Accept-Encoding|secret/i, 'nothing of the client is in the call');
like($call, qr{^GET /XLK HTTP/1\.[01]\r\n}, 'only the symbol');
$held->answer('{"symbol":"XLK","price":1}');
is(finish($client)->{status}, 200, 'the client is answered');



=== TEST 54: the endpoints answer alike with nginx's default buffering
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_plain/$sector_cache_symbol;
    }

    location /_plain/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/sector/;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- json
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"miss"}}
{"data":{"symbol":"XLK"},"metadata":{"cacheStatus":"hit"}}



=== TEST 55: what waits for the same symbol is answered by one call
--- http_config eval
SectorCache::http(source => 'shared')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch shared /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my @clients = map { start('/api/XLK') } 1 .. 8;
$held->call;
wait_until { stats()->{sources}{shared}{coalesced} == 7 } 'seven wait for the first';
ok(!$held->pending(0), 'there is no second call');
$held->answer('{"symbol":"XLK","price":1}');
my @answers = map { finish($_) } @clients;
is(join(' ', map { $_->{json}{metadata}{cacheStatus} } @answers), 'miss ' x 7 . 'miss', 'all are answered');
is(stats()->{misses}, 8, 'each is a miss');



=== TEST 56: a fetch goes on when its client goes away
--- http_config eval
SectorCache::http(source => 'patient')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch patient /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $client = start('/api/XLK');
$held->call;
close $client->{socket};
wait_until { stats()->{misses} == 1 } 'the client that left is counted';
$held->answer('{"symbol":"XLK","price":1}');
wait_until { stats()->{entryCount} == 1 } 'what was fetched is stored';
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'hit', 'and serves the next');
is(stats()->{sources}{patient}{fetches}, 1, 'there was one fetch');



=== TEST 57: a page whose client leaves while a sector is fetched does no harm
--- http_config eval
SectorCache::http(source => 'page_left')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch page_left /_held/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
    }
--- user_files
>>> page.html
<!--# include virtual="/api/XLK" --><!--# include virtual="/api/XLF" -->
--- scenario
my $held = held();
my $client = start('/page.html');
my %symbols = map { $held->call =~ m{^GET /(\S+)} ? ($1 => 1) : () } 1 .. 2;
is(join(' ', sort keys %symbols), 'XLF XLK', 'both are fetched at the same time');
close $client->{socket};
$held->answer('{"symbol":"XLK","price":1}');
$held->answer('{"symbol":"XLF","price":1}', '500 Broken');
wait_until { stats()->{totalRequests} == 2 } 'both are counted';
is(get('/api/symbols')->{status}, 200, 'nginx lives on');
--- no_error_log
[alert]
[crit]



=== TEST 62: what a client has of a page says nothing of a sector in it
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
    }

    location = /guarded {
        auth_request /api/XLK;
        try_files /plain.html =404;
    }
--- user_files
>>> plain.html
plain
>>> page.html
<a><!--# include virtual="/api/XLK" --></a><b><!--# include virtual="/api/?symbols=XLK,XLF" --></b><c><!--# include virtual="/api/snapshot" --></c>
--- scenario
my $etag = get('/api/XLK')->{headers}{etag};
my $whole = qr{^<a>\{"success":true,.*\}</a><b>\{"success":true,.*\}</b><c>\{"success":true,.*\}</c>};
my $page = get('/page.html', headers => { 'If-None-Match' => $etag });
is($page->{status}, 200, 'a page is not its sector');
like($page->{body}, $whole, 'and is whole');

for (['If-None-Match' => '*'],
     ['If-Modified-Since' => 'Fri, 01 Jan 2038 00:00:00 GMT'],
     ['If-Match' => '"other"'],
     ['If-Unmodified-Since' => 'Mon, 01 Jan 2001 00:00:00 GMT'])
{
    my %with = (headers => { @$_ });
    my $page = get('/page.html', %with);

    like($page->{body}, $whole, "@$_: a page is whole") if $page->{status} == 200;
    is(get('/guarded', %with)->{status}, get('/plain.html', %with)->{status}, "@$_: a guarded page is as one that is not");
}



=== TEST 63: a sector in a page is not compressed, whatever the client accepts
--- config
    sector_cache_gzip on;

    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /page.html {
        ssi on;
        ssi_types text/plain;
    }
--- user_files
>>> page.html
<a><!--# include virtual="/api/XLK" --></a><b><!--# include virtual="/api/snapshot" --></b>
--- scenario
my %gzip = (headers => { 'Accept-Encoding' => 'gzip' });
is(get('/api/XLK', %gzip)->{headers}{'content-encoding'}, 'gzip', 'alone it is compressed');
my $page = get('/page.html', %gzip);
is($page->{headers}{'content-encoding'}, undef, 'the page is plain');
like($page->{body}, qr{^<a>\{"success":true,.*\}</a><b>\{"success":true,.*\}</b>}, 'and so is what is in it');
