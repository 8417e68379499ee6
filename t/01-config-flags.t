# The directives of one value, for instance "sector_cache on": which values
# there are, that one is needed and no second one, and once in one place.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: "sector_cache" given twice in one place is refused
--- config
    sector_cache on;
    sector_cache off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache" directive is duplicate in



=== TEST 2: "sector_cache_unknown_symbols" given twice in one place is refused
--- config
    sector_cache_unknown_symbols accept;
    sector_cache_unknown_symbols reject;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_unknown_symbols" directive is duplicate in



=== TEST 3: "maybe" of "sector_cache_unknown_symbols" is refused
--- config
    sector_cache_unknown_symbols maybe;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "maybe" of "sector_cache_unknown_symbols", allowed: reject, accept in



=== TEST 4: "sector_cache_unknown_symbols" needs a value
--- config
    sector_cache_unknown_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_unknown_symbols" directive in



=== TEST 5: "sector_cache yes" is refused
--- config
    sector_cache yes;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "yes" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 6: "sector_cache ON" is refused
--- config
    sector_cache ON;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 7: "sector_cache 1" is refused
--- config
    sector_cache 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 8: an empty value of "sector_cache" is refused
--- config
    sector_cache "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 9: an unknown variable of "sector_cache" is refused
--- config
    sector_cache $nowhere;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "nowhere" variable



=== TEST 10: "sector_cache" needs a value
--- config
    sector_cache;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache" directive in



=== TEST 11: "sector_cache_status" takes no parameter
--- config
    location /stats { sector_cache_status on; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_status" directive in



=== TEST 12: "sector_cache Shadow" is refused
--- config
    sector_cache Shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "Shadow" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 13: "sector_cache_gzip 1" is refused
--- config
    sector_cache_gzip 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 14: "sector_cache_gzip ON!" is refused
--- config
    sector_cache_gzip ON!;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON!" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 15: "sector_cache_gzip shadow" is refused
--- config
    sector_cache_gzip shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "shadow" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 16: an empty value of "sector_cache_gzip" is refused
--- config
    sector_cache_gzip "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 17: a variable of "sector_cache_gzip" is refused
--- config
    sector_cache_gzip $arg_x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "$arg_x" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 18: "sector_cache_gzip" needs a value
--- config
    sector_cache_gzip;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_gzip" directive in



=== TEST 19: "sector_cache_gzip" takes no second value
--- config
    sector_cache_gzip on off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_gzip" directive in



=== TEST 20: "sector_cache_gzip" given twice in one place is refused
--- config
    sector_cache_gzip on;
    sector_cache_gzip on;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_gzip" directive is duplicate in



=== TEST 21: "sector_cache_bypass" needs a value
--- config
    sector_cache_bypass;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_bypass" directive in



=== TEST 22: an unknown variable of "sector_cache_bypass" is refused
--- config
    sector_cache_bypass 0 $nowhere;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "nowhere" variable



=== TEST 23: "sector_cache_envelope 1" is refused
--- config
    sector_cache_envelope 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 24: "sector_cache_envelope ON!" is refused
--- config
    sector_cache_envelope ON!;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON!" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 25: "sector_cache_envelope shadow" is refused
--- config
    sector_cache_envelope shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "shadow" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 26: an empty value of "sector_cache_envelope" is refused
--- config
    sector_cache_envelope "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 27: a variable of "sector_cache_envelope" is refused
--- config
    sector_cache_envelope $arg_x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "$arg_x" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 28: "sector_cache_envelope" needs a value
--- config
    sector_cache_envelope;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_envelope" directive in



=== TEST 29: "sector_cache_envelope" takes no second value
--- config
    sector_cache_envelope on off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_envelope" directive in



=== TEST 30: "sector_cache_envelope" given twice in one place is refused
--- config
    sector_cache_envelope on;
    sector_cache_envelope on;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_envelope" directive is duplicate in



=== TEST 31: any value of "sector_cache_bypass" that is neither empty nor 0 does, of any line
--- config
    location /api {
        sector_cache_api;
        sector_cache_bypass $arg_a $arg_b;
        sector_cache_bypass $arg_c;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
is(get("/api/XLK?$_")->{json}{metadata}{cacheStatus}, 'hit', "\"$_\" is none")
    for '', 'a=&b=&c=', 'a=0', 'a=0&b=0&c=0', 'd=1';
is(get("/api/XLK?$_")->{json}{metadata}{cacheStatus}, 'bypass', "\"$_\" is one")
    for 'a=1', 'b=1', 'c=1', 'a=0&b=0&c=no', 'a=00', 'a=off';
