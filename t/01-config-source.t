# What a source may be: its name and each of its parameters, refused beyond its
# limits in words that say what was given and what is allowed, and taken at
# them; and how many sources there may be.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: "timeout=0" of a source is refused
--- http_config
    sector_cache_source demo timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 2: "timeout=61m" of a source is refused
--- http_config
    sector_cache_source demo timeout=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 3: "timeout=8sec" of a source is refused
--- http_config
    sector_cache_source demo timeout=8sec;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=8sec" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 4: "concurrency=0" of a source is refused
--- http_config
    sector_cache_source demo concurrency=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=0" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 5: "concurrency=1025" of a source is refused
--- http_config
    sector_cache_source demo concurrency=1025;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=1025" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 6: "concurrency=four" of a source is refused
--- http_config
    sector_cache_source demo concurrency=four;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=four" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 7: "queue=4097" of a source is refused
--- http_config
    sector_cache_source demo queue=4097;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue=4097" of "sector_cache_source", allowed: a number from 0 to 4096 in



=== TEST 8: "queue=-1" of a source is refused
--- http_config
    sector_cache_source demo queue=-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue=-1" of "sector_cache_source", allowed: a number from 0 to 4096 in



=== TEST 9: "queue_timeout=0" of a source is refused
--- http_config
    sector_cache_source demo queue_timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue_timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 10: "queue_timeout=2h" of a source is refused
--- http_config
    sector_cache_source demo queue_timeout=2h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue_timeout=2h" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 11: "rate=0r/s" of a source is refused
--- http_config
    sector_cache_source demo rate=0r/s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=0r/s" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 12: "rate=1000001r/s" of a source is refused
--- http_config
    sector_cache_source demo rate=1000001r/s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=1000001r/s" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 13: "rate=30" of a source is refused
--- http_config
    sector_cache_source demo rate=30;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=30" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 14: "rate=30r/h" of a source is refused
--- http_config
    sector_cache_source demo rate=30r/h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=30r/h" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 15: "retries=11" of a source is refused
--- http_config
    sector_cache_source demo retries=11;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "retries=11" of "sector_cache_source", allowed: a number from 0 to 10 in



=== TEST 16: "retries=some" of a source is refused
--- http_config
    sector_cache_source demo retries=some;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "retries=some" of "sector_cache_source", allowed: a number from 0 to 10 in



=== TEST 17: "backoff=0" of a source is refused
--- http_config
    sector_cache_source demo backoff=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "backoff=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 18: "backoff=61m" of a source is refused
--- http_config
    sector_cache_source demo backoff=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "backoff=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 19: "failures=0" of a source is refused
--- http_config
    sector_cache_source demo failures=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "failures=0" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 20: "failures=1000001" of a source is refused
--- http_config
    sector_cache_source demo failures=1000001;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "failures=1000001" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 21: "error_rate=0%" of a source is refused
--- http_config
    sector_cache_source demo error_rate=0%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=0%" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 22: "error_rate=101%" of a source is refused
--- http_config
    sector_cache_source demo error_rate=101%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=101%" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 23: "error_rate=50" of a source is refused
--- http_config
    sector_cache_source demo error_rate=50;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=50" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 24: "window=999ms" of a source is refused
--- http_config
    sector_cache_source demo window=999ms;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "window=999ms" of "sector_cache_source", allowed: a time from 1s to 1d in



=== TEST 25: "window=25h" of a source is refused
--- http_config
    sector_cache_source demo window=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "window=25h" of "sector_cache_source", allowed: a time from 1s to 1d in



=== TEST 26: "slow=0" of a source is refused
--- http_config
    sector_cache_source demo slow=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "slow=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 27: "slow=61m" of a source is refused
--- http_config
    sector_cache_source demo slow=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "slow=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 28: "open=0" of a source is refused
--- http_config
    sector_cache_source demo open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "open=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 29: "open=25h" of a source is refused
--- http_config
    sector_cache_source demo open=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "open=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 30: "max_open=0" of a source is refused
--- http_config
    sector_cache_source demo max_open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_open=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 31: "max_open=2d" of a source is refused
--- http_config
    sector_cache_source demo max_open=2d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_open=2d" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 32: "half_open=0" of a source is refused
--- http_config
    sector_cache_source demo half_open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open=0" of "sector_cache_source", allowed: a number from 1 to 64 in



=== TEST 33: "half_open=65" of a source is refused
--- http_config
    sector_cache_source demo half_open=65;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open=65" of "sector_cache_source", allowed: a number from 1 to 64 in



=== TEST 34: "successes=0" of a source is refused
--- http_config
    sector_cache_source demo successes=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "successes=0" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 35: "successes=1000001" of a source is refused
--- http_config
    sector_cache_source demo successes=1000001;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "successes=1000001" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 36: "half_open_timeout=0" of a source is refused
--- http_config
    sector_cache_source demo half_open_timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open_timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 37: "half_open_timeout=25h" of a source is refused
--- http_config
    sector_cache_source demo half_open_timeout=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open_timeout=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 38: "reset=0" of a source is refused
--- http_config
    sector_cache_source demo reset=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "reset=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 39: "reset=25h" of a source is refused
--- http_config
    sector_cache_source demo reset=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "reset=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 40: a parameter of a source given twice is refused
--- http_config
    sector_cache_source demo timeout=1s timeout=2s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate parameter "timeout=2s" of "sector_cache_source" in



=== TEST 41: an unknown parameter of a source is refused
--- http_config
    sector_cache_source demo colour=red;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "colour=red" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, hold=, max_hold=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 42: a parameter of a source without a value is refused
--- http_config
    sector_cache_source demo timeout;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "timeout" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, hold=, max_hold=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 43: a longer word that begins like a parameter of a source is refused
--- http_config
    sector_cache_source demo timeouts=1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "timeouts=1m" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, hold=, max_hold=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 44: a closed breaker's window needs an error rate
--- http_config
    sector_cache_source demo window=10s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive has "window" without "error_rate" in



=== TEST 45: a breaker cannot open for longer than max_open
--- http_config
    sector_cache_source demo open=11m max_open=10m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"open" of "sector_cache_source" is 660000 ms, allowed: up to its "max_open", 600000 ms in



=== TEST 46: a source without a name is refused
--- http_config
    sector_cache_source;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_source" directive in



=== TEST 47: a source's name with a slash is refused
--- http_config
    sector_cache_source a/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a/b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 48: a source declared twice is refused
--- http_config
    sector_cache_source demo;
    sector_cache_source demo timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate source "demo" in



=== TEST 49: each parameter of a source is accepted at its limits
--- scenario
for ('timeout=1ms', 'timeout=1h', 'concurrency=1', 'concurrency=1024', 'queue=0',
     'queue=4096', 'queue_timeout=1ms', 'queue_timeout=1h', 'rate=1r/m',
     'rate=1000000r/s', 'rate=60000000r/m', 'retries=0', 'retries=10', 'backoff=1ms', 'backoff=1h',
     'failures=1', 'failures=1000000', 'error_rate=1%', 'error_rate=100%',
     'error_rate=50% window=1s', 'error_rate=50% window=1d', 'slow=1ms', 'slow=1h',
     'open=1ms', 'open=1d', 'open=10m max_open=10m', 'open=1ms max_open=1ms',
     'max_open=1d', 'half_open=1', 'half_open=64', 'successes=1', 'successes=1000000',
     'half_open_timeout=1ms', 'half_open_timeout=1d', 'reset=1ms', 'reset=1d') {
    my ($status, $words) = nginx_t("http { sector_cache_source demo $_; }");
    is($status, 0, "$_ is accepted") or diag($words);
}



=== TEST 50: an open time above the default of max_open raises that
--- scenario
my ($status, $words) = nginx_t('http { sector_cache_source demo open=20m; }');
is($status, 0, 'it is accepted') or diag($words);



=== TEST 51: more sources than there is room for are refused
--- http_config eval
CORE::join "\n", map { "sector_cache_source s$_;" } 1 .. 1000
--- config
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no room for the state of source "s



=== TEST 52: forty sources have room
--- http_config eval
CORE::join "\n", map { "sector_cache_source s$_;" } 1 .. 40
--- config
--- request
GET /ops/stats
--- json
{"sources":{"s1":{},"s40":{"fetches":0}}}



=== TEST 53: "hold=-1s" of a source is refused
--- http_config
    sector_cache_source demo hold=-1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "hold=-1s" of "sector_cache_source", allowed: a time from 0 to 1h in



=== TEST 54: "hold=2h" of a source is refused
--- http_config
    sector_cache_source demo hold=2h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "hold=2h" of "sector_cache_source", allowed: a time from 0 to 1h in



=== TEST 55: "max_hold=0" of a source is refused
--- http_config
    sector_cache_source demo max_hold=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_hold=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 56: a hold beyond max_hold is refused
--- http_config
    sector_cache_source demo hold=2s max_hold=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"hold" of "sector_cache_source" is 2000 ms, allowed: up to its "max_hold", 1000 ms in
