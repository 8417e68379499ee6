# What a zone may be: its name, its size and each of its parameters, refused
# beyond its limits by "nginx -t" in words that say what was given and what is
# allowed, and taken at them.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: "ttl=0" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m ttl=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "ttl=0" of "sector_cache_zone", allowed: a time from 1ms to 365d in



=== TEST 2: "ttl=366d" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m ttl=366d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "ttl=366d" of "sector_cache_zone", allowed: a time from 1ms to 365d in



=== TEST 3: "ttl=soon" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m ttl=soon;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "ttl=soon" of "sector_cache_zone", allowed: a time from 1ms to 365d in



=== TEST 4: "stale=366d" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m stale=366d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "stale=366d" of "sector_cache_zone", allowed: a time from 0 to 365d in



=== TEST 5: "stale=-1s" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m stale=-1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "stale=-1s" of "sector_cache_zone", allowed: a time from 0 to 365d in



=== TEST 6: "negative=25h" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m negative=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "negative=25h" of "sector_cache_zone", allowed: a time from 0 to 1d in



=== TEST 7: "negative=10x" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m negative=10x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "negative=10x" of "sector_cache_zone", allowed: a time from 0 to 1d in



=== TEST 8: "swr=400d" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m swr=400d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "swr=400d" of "sector_cache_zone", allowed: a time from 0 to 365d in



=== TEST 9: "swr=" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m swr=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "swr=" of "sector_cache_zone", allowed: a time from 0 to 365d in



=== TEST 10: "jitter=51%" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m jitter=51%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "jitter=51%" of "sector_cache_zone", allowed: 0% to 50% in



=== TEST 11: "jitter=10" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m jitter=10;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "jitter=10" of "sector_cache_zone", allowed: 0% to 50% in



=== TEST 12: "jitter=%" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m jitter=%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "jitter=%" of "sector_cache_zone", allowed: 0% to 50% in



=== TEST 13: "max_object=0" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m max_object=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_object=0" of "sector_cache_zone", allowed: a size from 1 to 64m in



=== TEST 14: "max_object=65m" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m max_object=65m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_object=65m" of "sector_cache_zone", allowed: a size from 1 to 64m in



=== TEST 15: "max_object=big" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m max_object=big;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_object=big" of "sector_cache_zone", allowed: a size from 1 to 64m in



=== TEST 16: "persist=" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m persist=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "persist=" of "sector_cache_zone", allowed: the name of a file in



=== TEST 17: a parameter of a zone given twice is refused
--- http_config
    sector_cache_zone sectors 1m ttl=1m ttl=2m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate parameter "ttl=2m" of "sector_cache_zone" in



=== TEST 18: an unknown parameter of a zone is refused
--- http_config
    sector_cache_zone sectors 1m colour=red;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "colour=red" of "sector_cache_zone", allowed: ttl=, stale=, negative=, missing_after=, swr=, jitter=, max_object=, persist= in



=== TEST 19: a parameter of a zone without a value is refused
--- http_config
    sector_cache_zone sectors 1m ttl;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "ttl" of "sector_cache_zone", allowed: ttl=, stale=, negative=, missing_after=, swr=, jitter=, max_object=, persist= in



=== TEST 20: a longer word that begins like a parameter of a zone is refused
--- http_config
    sector_cache_zone sectors 1m ttls=1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "ttls=1m" of "sector_cache_zone", allowed: ttl=, stale=, negative=, missing_after=, swr=, jitter=, max_object=, persist= in



=== TEST 21: a zone without a size is refused
--- http_config
    sector_cache_zone sectors;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_zone" directive in



=== TEST 22: a zone's size that is none is refused
--- http_config
    sector_cache_zone sectors large;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "large" of zone "sectors", allowed: at least



=== TEST 23: a zone smaller than eight memory pages is refused
--- http_config
    sector_cache_zone sectors 8k;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "8k" of zone "sectors", allowed: at least



=== TEST 24: a zone declared twice is refused
--- http_config
    sector_cache_zone sectors 1m;
    sector_cache_zone sectors 2m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate zone "sectors" in



=== TEST 25: a zone's name that another module uses is refused
--- http_config
    limit_req_zone $uri zone=sectors:1m rate=1r/s;
    sector_cache_zone sectors 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
the shared memory zone "sectors" is already declared for a different use in



=== TEST 26: a zone's name with a dot is refused
--- http_config
    sector_cache_zone a.b 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a.b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 27: a zone's name with a blank is refused
--- http_config
    sector_cache_zone "a b" 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 28: a zone's name with an accent is refused
--- http_config
    sector_cache_zone é 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "é", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 29: a zone's name with 33 characters is refused
--- http_config
    sector_cache_zone nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 30: an empty name of a zone is refused
--- http_config
    sector_cache_zone "" 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 31: each parameter of a zone is accepted at its limits
--- scenario
for (qw(ttl=1ms ttl=365d ttl=2 ttl=1h30m stale=0 stale=365d negative=0 negative=1d
        swr=0 swr=365d jitter=0% jitter=50% max_object=1 max_object=64m persist=state.bin
        persist=/tmp/state.bin)) {
    my ($status, $words) = nginx_t("http { sector_cache_zone sectors 1m $_; }");
    is($status, 0, "$_ is accepted") or diag($words);
}



=== TEST 32: a name may have 32 characters of all kinds allowed
--- http_config
    sector_cache_zone Sectors_of-the-US_0123456789-abc 1m;
    sector_cache_source Source_of-the-US_0123456789-abcd;
--- config
    location /api {
        sector_cache_api sectors=Sectors_of-the-US_0123456789-abc;
        sector_cache_fetch Source_of-the-US_0123456789-abcd /_up/$sector_cache_symbol;
    }
--- request eval
["GET /api/health", "GET /ops/stats"]
--- json
{"data":{"sources":{"Source_of-the-US_0123456789-abcd":{"breaker":"closed"}}}}
{"namespaces":{"Sectors_of-the-US_0123456789-abc":{"entryCount":0}},"sources":{"Source_of-the-US_0123456789-abcd":{"fetches":0}}}



=== TEST 33: the smallest zone allowed keeps entries
--- http_config eval
use POSIX ();
my $size = 8 * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;
SectorCache::http(more => "sector_cache_zone small ${size}k;")
--- config
    location /api {
        sector_cache_api sectors=small;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK"]
--- json
{"metadata":{"cacheStatus":"~^(miss|hit)$"}}
{"metadata":{"cacheStatus":"hit"}}



=== TEST 34: a zone smaller by a kilobyte is refused
--- scenario
use POSIX ();
my $size = 8 * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;
my ($status, $words) = nginx_t('http { sector_cache_zone sectors ' . ($size - 1) . 'k; }');
isnt($status, 0, 'it is refused');
like($words, qr/allowed: at least ${size}k, eight memory pages/, 'and what is allowed is said');



=== TEST 35: two zones with one file are refused
--- http_config
    sector_cache_zone sectors 1m persist=/tmp/one.dump;
    sector_cache_zone more 1m persist=/tmp/one.dump;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
file "/tmp/one.dump" of zone "more" is that of zone "sectors" already, each needs its own in



=== TEST 36: a max_object that its zone cannot store is warned of
--- scenario
for (['1m', '1m', 1], ['1m', '200k', 0], ['16m', '4m', 1], ['16m', '3m', 0],
     ['8m', '1m', 0], ['32k', '8k', 1], ['32k', '1k', 0]) {
    my ($size, $most, $warned) = @$_;
    my ($status, $words) = nginx_t("http { sector_cache_zone sectors $size"
                                   . " max_object=$most; }");
    is($status, 0, "$most in $size is accepted") or diag($words);
    is($words =~ /\[warn\] .*"max_object" of zone "sectors" is \d+ bytes, but a zone of this size stores values of up to \d+ in/ ? 1 : 0,
       $warned, 'and the warning is right') or diag($words);
}

my ($status, $words) = nginx_t('http { sector_cache_zone sectors 32k; }');
is($status, 0, 'the default is accepted');
unlike($words, qr/\[warn\]/, 'without a warning');



=== TEST 37: "missing_after=0" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m missing_after=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "missing_after=0" of "sector_cache_zone", allowed: a number from 1 to 1000 in



=== TEST 38: "missing_after=1001" of a zone is refused
--- http_config
    sector_cache_zone sectors 1m missing_after=1001;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "missing_after=1001" of "sector_cache_zone", allowed: a number from 1 to 1000 in
