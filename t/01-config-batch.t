# What a fetch of many symbols may say, and what it needs beside it.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: a batch fetch without a URI is refused
--- config
    sector_cache_fetch_batch demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch_batch" directive in



=== TEST 2: "up/$sector_cache_symbols" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo up/$sector_cache_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "up/$sector_cache_symbols" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 3: "http://upstream.test/$sector_cache_symbols" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo http://upstream.test/$sector_cache_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "http://upstream.test/$sector_cache_symbols" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 4: "@named" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo @named;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "@named" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 5: an empty URI of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 6: an unknown variable in the URI of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/$sector_cache_sybmols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "sector_cache_sybmols" variable



=== TEST 7: "format=csv" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 8: "format=" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 9: "format" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 10: "FORMAT=sector" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x FORMAT=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "FORMAT=sector" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 11: "timeout=1s" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=1s" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 12: "max=0" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=0" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 13: "max=51" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=51;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=51" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 14: "max=-1" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=-1" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 15: "max=1.5" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=1.5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=1.5" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 16: "max=ten" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=ten;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=ten" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 17: "max=" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 18: "max" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 19: "MAX=5" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x MAX=5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "MAX=5" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 20: what is wrong after a good parameter of a batch fetch is what is said
--- config
    sector_cache_fetch_batch demo /_up/x max=5 format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 21: a format of a batch fetch given twice is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=sector format=yahoo_quote;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=yahoo_quote" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 22: a max of a batch fetch given twice is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=5 max=6;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=6" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 23: a batch fetch with too many parameters is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=sector max=5 max=5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch_batch" directive in



=== TEST 24: "sector_cache_fetch_batch" given twice in one place is refused
--- config
    sector_cache_fetch_batch demo /_up/a;
    sector_cache_fetch_batch demo /_up/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch_batch" directive is duplicate in



=== TEST 25: a source of a batch fetch that is never declared is refused
--- config
    sector_cache_fetch_batch nobody /_up/x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown source "nobody" in "sector_cache_fetch_batch", declare it by "sector_cache_source" in



=== TEST 26: an API location needs a fetch for one symbol beside that for many
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch_batch demo /_up/x;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no "sector_cache_fetch" is defined for "sector_cache_api" in



=== TEST 27: each parameter of a batch fetch is accepted at its limits, in any order
--- scenario
for my $given ('', 'max=1', 'max=50', 'max=050', 'format=sector', 'format=yahoo_chart', 'format=yahoo_quote', 'format=yahoo_quote max=7', 'max=7 format=yahoo_quote') {
    my ($status, $words) = nginx_t("http { sector_cache_source demo; sector_cache_fetch_batch demo /_up/\$sector_cache_symbols $given; }");
    is($status, 0, "\"$given\" is accepted") or diag($words);
}



=== TEST 28: a batch fetch may be said in the http block, the server and the location, each for itself
--- scenario
my ($status, $words) = nginx_t(<<'END');
http {
    sector_cache_zone sectors 1m;
    sector_cache_source demo;
    sector_cache_source other;
    sector_cache_fetch demo /x;
    sector_cache_fetch_batch demo /$sector_cache_symbols max=10;

    server {
        listen 127.0.0.1:1;

        sector_cache_fetch_batch other /$sector_cache_symbols;

        location /api {
            sector_cache_api;
            sector_cache_fetch_batch demo $arg_x format=yahoo_quote max=2;
        }
    }
}
END
is($status, 0, 'it is accepted') or diag($words);
unlike($words, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'without a warning');



=== TEST 29: a batch fetch is that of the http block, unless a location has its own
--- http_config eval
SectorCache::http(source => 'many', upstream => q{
    location /many/ {
        return 200 '[{"symbol":"ABC","price":1},{"symbol":"DEF","price":2},{"symbol":"GHI","price":3},{"symbol":"JKL","price":4}]';
    }}, more => '
    sector_cache_fetch many /_up/sector/$sector_cache_symbol;
    sector_cache_fetch_batch many /_up/many/http/$sector_cache_symbols;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_symbols { ABC Alphabet; DEF Definition; }
    }

    location /own {
        sector_cache_api;
        sector_cache_symbols { GHI "Two by two"; JKL Other; MNO Absent; }
        sector_cache_fetch_batch many /_up/many/own/$sector_cache_symbols format=sector max=2;
    }
--- scenario
contains(get('/api')->{body}, '{"data":{"ABC":{"price":1},"DEF":{"price":2}},"!errors":1}', 'all are had');
is(join(' ', upstream_calls(1)), 'GET /many/http/ABC,DEF', 'by one call');
contains(get('/own')->{body}, '{"data":{"GHI":{"price":3},"JKL":{"price":4},"!MNO":1},"errors":{"MNO":{"error_code":"UNKNOWN_SYMBOL"}}}', 'and of the other');
my (undef, @calls) = upstream_calls(3);
is(join(' ', sort @calls), 'GET /many/own/GHI,JKL GET /many/own/MNO', 'by calls of at most two');
