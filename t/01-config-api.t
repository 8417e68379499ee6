# What an API location needs: its zones, its fetch, and the symbols that it
# serves.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: an API location needs the zone "sectors"
--- http_config
    sector_cache_source demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown zone "sectors" in "sector_cache_api", declare it by "sector_cache_zone" in



=== TEST 2: an unknown zone for sectors is refused
--- config
    location /api {
        sector_cache_api sectors=other;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown zone "other" in "sector_cache_api", declare it by "sector_cache_zone" in



=== TEST 3: an unknown zone for snapshots is refused
--- config
    location /api {
        sector_cache_api snapshots=other;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown zone "other" in "sector_cache_api", declare it by "sector_cache_zone" in



=== TEST 4: "sectors=" of an API location is refused
--- config
    location /api {
        sector_cache_api sectors=;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "sectors=" of "sector_cache_api", allowed: sectors=ZONE, snapshots=ZONE, once each in



=== TEST 5: "zone=sectors" of an API location is refused
--- config
    location /api {
        sector_cache_api zone=sectors;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "zone=sectors" of "sector_cache_api", allowed: sectors=ZONE, snapshots=ZONE, once each in



=== TEST 6: "sectors" of an API location is refused
--- config
    location /api {
        sector_cache_api sectors;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "sectors" of "sector_cache_api", allowed: sectors=ZONE, snapshots=ZONE, once each in



=== TEST 7: a zone for sectors given twice is refused
--- config
    location /api {
        sector_cache_api sectors=a sectors=b;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "sectors=b" of "sector_cache_api", allowed: sectors=ZONE, snapshots=ZONE, once each in



=== TEST 8: three parameters of an API location are refused
--- config
    location /api {
        sector_cache_api sectors=a snapshots=b sectors=c;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_api" directive in



=== TEST 9: a source that is never declared is refused
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch nobody /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown source "nobody" in "sector_cache_fetch", declare it by "sector_cache_source" in



=== TEST 10: a source that is never declared is refused without an API location too
--- config
    sector_cache_fetch nobody /_up/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown source "nobody" in "sector_cache_fetch", declare it by "sector_cache_source" in



=== TEST 11: an API location needs a fetch
--- config
    location /api {
        sector_cache_api;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no "sector_cache_fetch" is defined for "sector_cache_api" in



=== TEST 12: a fetch in another location does not serve
--- config
    location /api {
        sector_cache_api;
    }

    location /other {
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no "sector_cache_fetch" is defined for "sector_cache_api" in



=== TEST 13: a fetch without a URI is refused
--- config
    sector_cache_fetch demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch" directive in



=== TEST 14: "up/$sector_cache_symbol" is no URI of a location
--- config
    sector_cache_fetch demo up/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "up/$sector_cache_symbol" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 15: "http://upstream.test/$sector_cache_symbol" is no URI of a location
--- config
    sector_cache_fetch demo http://upstream.test/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "http://upstream.test/$sector_cache_symbol" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 16: "@named" is no URI of a location
--- config
    sector_cache_fetch demo @named;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "@named" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 17: an empty URI of a fetch is refused
--- config
    sector_cache_fetch demo "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 18: an unknown variable in the URI of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_sybmol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "sector_cache_sybmol" variable



=== TEST 19: "format=csv" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 20: "format=" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 21: "format" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 22: "FORMAT=sector" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol FORMAT=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "FORMAT=sector" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 23: "timeout=1s" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=1s" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 24: a fetch with too many parameters is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=sector format=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch" directive in



=== TEST 25: "sector_cache_fetch" given twice in one place is refused
--- config
    sector_cache_fetch demo /_up/a;
    sector_cache_fetch demo /_up/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch" directive is duplicate in



=== TEST 26: "sector_cache_symbols" given twice in one place is refused
--- config
    sector_cache_symbols { XLK Technology; }
    sector_cache_symbols { XLF Financials; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_symbols" directive is duplicate in



=== TEST 27: "sector_cache_api" given twice in one location is refused
--- config
    location /api {
        sector_cache_api;
        sector_cache_api;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is duplicate in



=== TEST 28: "sector_cache_status" given twice in one location is refused
--- config
    location /stats {
        sector_cache_status;
        sector_cache_status;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is duplicate, the location has another content handler in



=== TEST 29: a location has one content handler, not two
--- config
    location /api {
        sector_cache_api;
        sector_cache_status;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is duplicate, the location has another content handler in



=== TEST 30: a location that passes to a proxy is no API location
--- config
    location /api {
        proxy_pass http://127.0.0.1:1;
        sector_cache_api;
        sector_cache_fetch demo /_up/$sector_cache_symbol;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is duplicate, the location has another content handler in



=== TEST 31: a symbol longer than thirty-two is refused
--- config
    sector_cache_symbols { ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456" in "sector_cache_symbols", allowed: 1 to 32 of A-Z 0-9 . - ^ = & _ in



=== TEST 32: a symbol with a plus sign is refused
--- config
    sector_cache_symbols { XL+K Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "XL+K" in "sector_cache_symbols", allowed: 1 to 32 of A-Z 0-9 . - ^ = & _ in



=== TEST 33: a symbol of dots alone is refused
--- config
    sector_cache_symbols { ... Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "..." in "sector_cache_symbols", allowed: 1 to 32 of A-Z 0-9 . - ^ = & _ in



=== TEST 34: a symbol with an accent is refused
--- config
    sector_cache_symbols { É Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "É" in "sector_cache_symbols", allowed: 1 to 32 of A-Z 0-9 . - ^ = & _ in



=== TEST 35: an empty symbol is refused
--- config
    sector_cache_symbols { "" Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "" in "sector_cache_symbols", allowed: 1 to 32 of A-Z 0-9 . - ^ = & _ in



=== TEST 36: a symbol without a name is refused
--- config
    sector_cache_symbols { XLK; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "XLK" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 37: a name that is not quoted is refused
--- config
    sector_cache_symbols { SPY S&P 500; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "SPY" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 38: a symbol with a word too many is refused
--- config
    sector_cache_symbols { SPY Index benchmark benchmark; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "SPY" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 39: a block within the block of symbols is refused
--- config
    sector_cache_symbols { SPY { } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unexpected "{" in



=== TEST 40: a symbol given twice is refused, whatever its case
--- config
    sector_cache_symbols { XLK Technology; xlk Computers; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate symbol "XLK" in "sector_cache_symbols" in



=== TEST 41: a second benchmark is refused
--- config
    sector_cache_symbols { SPY Index benchmark; QQQ Index benchmark; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
second benchmark "QQQ" in "sector_cache_symbols", "SPY" is one already in



=== TEST 42: an empty block of symbols is refused
--- config
    sector_cache_symbols { }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_symbols" directive is empty, at least one symbol is needed in



=== TEST 43: symbols without a block are refused
--- config
    sector_cache_symbols XLK Technology;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
directive "sector_cache_symbols" has no opening "{" in



=== TEST 44: a block of symbols with a parameter is refused
--- config
    sector_cache_symbols funds { XLK Technology; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_symbols" directive in



=== TEST 45: an empty name of a symbol is refused
--- config
    sector_cache_symbols { XLK ""; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "" in "sector_cache_symbols", allowed: UTF-8 text without control characters in



=== TEST 46: a name with a control character is refused
--- config
    sector_cache_symbols { XLK "a\tb"; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
in "sector_cache_symbols", allowed: UTF-8 text without control characters in



=== TEST 47: a name that is not UTF-8 is refused
--- config eval
"    sector_cache_symbols { XLK caf\xe9; }\n"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
in "sector_cache_symbols", allowed: UTF-8 text without control characters in
