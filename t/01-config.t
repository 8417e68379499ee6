# What the configuration may say.  An operator meets the module first through
# "nginx -t", so everything wrong is refused there, in words that say what was
# given and what is allowed; nothing wrong is put right in silence.  Then what
# is right: the reference configuration, the limits of each parameter, and how
# directives are inherited.

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



=== TEST 17: "timeout=0" of a source is refused
--- http_config
    sector_cache_source demo timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 18: "timeout=61m" of a source is refused
--- http_config
    sector_cache_source demo timeout=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 19: "timeout=8sec" of a source is refused
--- http_config
    sector_cache_source demo timeout=8sec;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=8sec" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 20: "concurrency=0" of a source is refused
--- http_config
    sector_cache_source demo concurrency=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=0" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 21: "concurrency=1025" of a source is refused
--- http_config
    sector_cache_source demo concurrency=1025;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=1025" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 22: "concurrency=four" of a source is refused
--- http_config
    sector_cache_source demo concurrency=four;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "concurrency=four" of "sector_cache_source", allowed: a number from 1 to 1024 in



=== TEST 23: "queue=4097" of a source is refused
--- http_config
    sector_cache_source demo queue=4097;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue=4097" of "sector_cache_source", allowed: a number from 0 to 4096 in



=== TEST 24: "queue=-1" of a source is refused
--- http_config
    sector_cache_source demo queue=-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue=-1" of "sector_cache_source", allowed: a number from 0 to 4096 in



=== TEST 25: "queue_timeout=0" of a source is refused
--- http_config
    sector_cache_source demo queue_timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue_timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 26: "queue_timeout=2h" of a source is refused
--- http_config
    sector_cache_source demo queue_timeout=2h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "queue_timeout=2h" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 27: "rate=0r/s" of a source is refused
--- http_config
    sector_cache_source demo rate=0r/s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=0r/s" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 28: "rate=1000001r/s" of a source is refused
--- http_config
    sector_cache_source demo rate=1000001r/s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=1000001r/s" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 29: "rate=30" of a source is refused
--- http_config
    sector_cache_source demo rate=30;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=30" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 30: "rate=30r/h" of a source is refused
--- http_config
    sector_cache_source demo rate=30r/h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "rate=30r/h" of "sector_cache_source", allowed: a rate from 1r/m to 1000000r/s in



=== TEST 31: "retries=11" of a source is refused
--- http_config
    sector_cache_source demo retries=11;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "retries=11" of "sector_cache_source", allowed: a number from 0 to 10 in



=== TEST 32: "retries=some" of a source is refused
--- http_config
    sector_cache_source demo retries=some;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "retries=some" of "sector_cache_source", allowed: a number from 0 to 10 in



=== TEST 33: "backoff=0" of a source is refused
--- http_config
    sector_cache_source demo backoff=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "backoff=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 34: "backoff=61m" of a source is refused
--- http_config
    sector_cache_source demo backoff=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "backoff=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 35: "failures=0" of a source is refused
--- http_config
    sector_cache_source demo failures=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "failures=0" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 36: "failures=1000001" of a source is refused
--- http_config
    sector_cache_source demo failures=1000001;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "failures=1000001" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 37: "error_rate=0%" of a source is refused
--- http_config
    sector_cache_source demo error_rate=0%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=0%" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 38: "error_rate=101%" of a source is refused
--- http_config
    sector_cache_source demo error_rate=101%;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=101%" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 39: "error_rate=50" of a source is refused
--- http_config
    sector_cache_source demo error_rate=50;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "error_rate=50" of "sector_cache_source", allowed: 1% to 100% in



=== TEST 40: "window=999ms" of a source is refused
--- http_config
    sector_cache_source demo window=999ms;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "window=999ms" of "sector_cache_source", allowed: a time from 1s to 1d in



=== TEST 41: "window=25h" of a source is refused
--- http_config
    sector_cache_source demo window=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "window=25h" of "sector_cache_source", allowed: a time from 1s to 1d in



=== TEST 42: "slow=0" of a source is refused
--- http_config
    sector_cache_source demo slow=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "slow=0" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 43: "slow=61m" of a source is refused
--- http_config
    sector_cache_source demo slow=61m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "slow=61m" of "sector_cache_source", allowed: a time from 1ms to 1h in



=== TEST 44: "open=0" of a source is refused
--- http_config
    sector_cache_source demo open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "open=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 45: "open=25h" of a source is refused
--- http_config
    sector_cache_source demo open=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "open=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 46: "max_open=0" of a source is refused
--- http_config
    sector_cache_source demo max_open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_open=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 47: "max_open=2d" of a source is refused
--- http_config
    sector_cache_source demo max_open=2d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max_open=2d" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 48: "half_open=0" of a source is refused
--- http_config
    sector_cache_source demo half_open=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open=0" of "sector_cache_source", allowed: a number from 1 to 64 in



=== TEST 49: "half_open=65" of a source is refused
--- http_config
    sector_cache_source demo half_open=65;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open=65" of "sector_cache_source", allowed: a number from 1 to 64 in



=== TEST 50: "successes=0" of a source is refused
--- http_config
    sector_cache_source demo successes=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "successes=0" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 51: "successes=1000001" of a source is refused
--- http_config
    sector_cache_source demo successes=1000001;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "successes=1000001" of "sector_cache_source", allowed: a number from 1 to 1000000 in



=== TEST 52: "half_open_timeout=0" of a source is refused
--- http_config
    sector_cache_source demo half_open_timeout=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open_timeout=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 53: "half_open_timeout=25h" of a source is refused
--- http_config
    sector_cache_source demo half_open_timeout=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "half_open_timeout=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 54: "reset=0" of a source is refused
--- http_config
    sector_cache_source demo reset=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "reset=0" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 55: "reset=25h" of a source is refused
--- http_config
    sector_cache_source demo reset=25h;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "reset=25h" of "sector_cache_source", allowed: a time from 1ms to 1d in



=== TEST 56: a parameter of a zone given twice is refused
--- http_config
    sector_cache_zone sectors 1m ttl=1m ttl=2m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate parameter "ttl=2m" of "sector_cache_zone" in



=== TEST 57: an unknown parameter of a zone is refused
--- http_config
    sector_cache_zone sectors 1m colour=red;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "colour=red" of "sector_cache_zone", allowed: ttl=, stale=, negative=, swr=, jitter=, max_object=, persist= in



=== TEST 58: a parameter of a zone without a value is refused
--- http_config
    sector_cache_zone sectors 1m ttl;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "ttl" of "sector_cache_zone", allowed: ttl=, stale=, negative=, swr=, jitter=, max_object=, persist= in



=== TEST 59: a longer word that begins like a parameter of a zone is refused
--- http_config
    sector_cache_zone sectors 1m ttls=1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "ttls=1m" of "sector_cache_zone", allowed: ttl=, stale=, negative=, swr=, jitter=, max_object=, persist= in



=== TEST 60: a parameter of a source given twice is refused
--- http_config
    sector_cache_source demo timeout=1s timeout=2s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate parameter "timeout=2s" of "sector_cache_source" in



=== TEST 61: an unknown parameter of a source is refused
--- http_config
    sector_cache_source demo colour=red;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "colour=red" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 62: a parameter of a source without a value is refused
--- http_config
    sector_cache_source demo timeout;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "timeout" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 63: a longer word that begins like a parameter of a source is refused
--- http_config
    sector_cache_source demo timeouts=1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown parameter "timeouts=1m" of "sector_cache_source", allowed: timeout=, concurrency=, queue=, queue_timeout=, rate=, retries=, backoff=, frozen=, failures=, error_rate=, window=, slow=, open=, max_open=, half_open=, successes=, half_open_timeout=, reset= in



=== TEST 64: a closed breaker's window needs an error rate
--- http_config
    sector_cache_source demo window=10s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive has "window" without "error_rate" in



=== TEST 65: a breaker cannot open for longer than max_open
--- http_config
    sector_cache_source demo open=11m max_open=10m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"open" of "sector_cache_source" is 660000 ms, allowed: up to its "max_open", 600000 ms in



=== TEST 66: a zone without a size is refused
--- http_config
    sector_cache_zone sectors;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_zone" directive in



=== TEST 67: a zone's size that is none is refused
--- http_config
    sector_cache_zone sectors large;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "large" of zone "sectors", allowed: at least



=== TEST 68: a zone smaller than eight memory pages is refused
--- http_config
    sector_cache_zone sectors 8k;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "8k" of zone "sectors", allowed: at least



=== TEST 69: a zone declared twice is refused
--- http_config
    sector_cache_zone sectors 1m;
    sector_cache_zone sectors 2m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate zone "sectors" in



=== TEST 70: a zone's name that another module uses is refused
--- http_config
    limit_req_zone $uri zone=sectors:1m rate=1r/s;
    sector_cache_zone sectors 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
the shared memory zone "sectors" is already declared for a different use in



=== TEST 71: a zone's name with a dot is refused
--- http_config
    sector_cache_zone a.b 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a.b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 72: a zone's name with a blank is refused
--- http_config
    sector_cache_zone "a b" 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 73: a zone's name with an accent is refused
--- http_config
    sector_cache_zone é 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "é", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 74: a zone's name with 33 characters is refused
--- http_config
    sector_cache_zone nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 75: an empty name of a zone is refused
--- http_config
    sector_cache_zone "" 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 76: a source without a name is refused
--- http_config
    sector_cache_source;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_source" directive in



=== TEST 77: a source's name with a slash is refused
--- http_config
    sector_cache_source a/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "a/b", allowed: 1 to 32 of A-Z a-z 0-9 _ - in



=== TEST 78: a source declared twice is refused
--- http_config
    sector_cache_source demo;
    sector_cache_source demo timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate source "demo" in



=== TEST 79: an API location needs the zone "sectors"
--- http_config
    sector_cache_source demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown zone "sectors" in "sector_cache_api", declare it by "sector_cache_zone" in



=== TEST 80: an unknown zone for sectors is refused
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



=== TEST 81: an unknown zone for snapshots is refused
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



=== TEST 82: "sectors=" of an API location is refused
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



=== TEST 83: "zone=sectors" of an API location is refused
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



=== TEST 84: "sectors" of an API location is refused
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



=== TEST 85: a zone for sectors given twice is refused
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



=== TEST 86: three parameters of an API location are refused
--- config
    location /api {
        sector_cache_api sectors=a snapshots=b sectors=c;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_api" directive in



=== TEST 87: a source that is never declared is refused
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



=== TEST 88: a source that is never declared is refused without an API location too
--- config
    sector_cache_fetch nobody /_up/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown source "nobody" in "sector_cache_fetch", declare it by "sector_cache_source" in



=== TEST 89: an API location needs a fetch
--- config
    location /api {
        sector_cache_api;
    }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no "sector_cache_fetch" is defined for "sector_cache_api" in



=== TEST 90: a fetch in another location does not serve
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



=== TEST 91: a fetch without a URI is refused
--- config
    sector_cache_fetch demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch" directive in



=== TEST 92: "up/$sector_cache_symbol" is no URI of a location
--- config
    sector_cache_fetch demo up/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "up/$sector_cache_symbol" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 93: "http://upstream.test/$sector_cache_symbol" is no URI of a location
--- config
    sector_cache_fetch demo http://upstream.test/$sector_cache_symbol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "http://upstream.test/$sector_cache_symbol" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 94: "@named" is no URI of a location
--- config
    sector_cache_fetch demo @named;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "@named" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 95: an empty URI of a fetch is refused
--- config
    sector_cache_fetch demo "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "" of "sector_cache_fetch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 96: an unknown variable in the URI of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_sybmol;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "sector_cache_sybmol" variable



=== TEST 97: "format=csv" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 98: "format=" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 99: "format" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 100: "FORMAT=sector" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol FORMAT=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "FORMAT=sector" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 101: "timeout=1s" of a fetch is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=1s" of "sector_cache_fetch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote in



=== TEST 102: a fetch with too many parameters is refused
--- config
    sector_cache_fetch demo /_up/$sector_cache_symbol format=sector format=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch" directive in



=== TEST 103: "sector_cache_fetch" given twice in one place is refused
--- config
    sector_cache_fetch demo /_up/a;
    sector_cache_fetch demo /_up/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch" directive is duplicate in



=== TEST 104: "sector_cache" given twice in one place is refused
--- config
    sector_cache on;
    sector_cache off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache" directive is duplicate in



=== TEST 105: "sector_cache_unknown_symbols" given twice in one place is refused
--- config
    sector_cache_unknown_symbols accept;
    sector_cache_unknown_symbols reject;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_unknown_symbols" directive is duplicate in



=== TEST 106: "sector_cache_symbols" given twice in one place is refused
--- config
    sector_cache_symbols { XLK Technology; }
    sector_cache_symbols { XLF Financials; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_symbols" directive is duplicate in



=== TEST 107: "sector_cache_api" given twice in one location is refused
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



=== TEST 108: "sector_cache_status" given twice in one location is refused
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



=== TEST 109: a location has one content handler, not two
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



=== TEST 110: a location that passes to a proxy is no API location
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



=== TEST 111: a symbol longer than ten is refused
--- config
    sector_cache_symbols { ABCDEFGHIJK Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "ABCDEFGHIJK" in "sector_cache_symbols", allowed: 1 to 10 of A-Z 0-9 . - ^ = in



=== TEST 112: a symbol with an underscore is refused
--- config
    sector_cache_symbols { XL_K Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "XL_K" in "sector_cache_symbols", allowed: 1 to 10 of A-Z 0-9 . - ^ = in



=== TEST 113: a symbol of dots alone is refused
--- config
    sector_cache_symbols { ... Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "..." in "sector_cache_symbols", allowed: 1 to 10 of A-Z 0-9 . - ^ = in



=== TEST 114: a symbol with an accent is refused
--- config
    sector_cache_symbols { É Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "É" in "sector_cache_symbols", allowed: 1 to 10 of A-Z 0-9 . - ^ = in



=== TEST 115: an empty symbol is refused
--- config
    sector_cache_symbols { "" Name; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid symbol "" in "sector_cache_symbols", allowed: 1 to 10 of A-Z 0-9 . - ^ = in



=== TEST 116: a symbol without a name is refused
--- config
    sector_cache_symbols { XLK; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "XLK" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 117: a name that is not quoted is refused
--- config
    sector_cache_symbols { SPY S&P 500; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "SPY" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 118: a symbol with a word too many is refused
--- config
    sector_cache_symbols { SPY Index benchmark benchmark; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid line of "SPY" in "sector_cache_symbols", allowed: SYMBOL NAME [benchmark] in



=== TEST 119: a block within the block of symbols is refused
--- config
    sector_cache_symbols { SPY { } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unexpected "{" in



=== TEST 120: a symbol given twice is refused, whatever its case
--- config
    sector_cache_symbols { XLK Technology; xlk Computers; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate symbol "XLK" in "sector_cache_symbols" in



=== TEST 121: a second benchmark is refused
--- config
    sector_cache_symbols { SPY Index benchmark; QQQ Index benchmark; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
second benchmark "QQQ" in "sector_cache_symbols", "SPY" is one already in



=== TEST 122: an empty block of symbols is refused
--- config
    sector_cache_symbols { }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_symbols" directive is empty, at least one symbol is needed in



=== TEST 123: symbols without a block are refused
--- config
    sector_cache_symbols XLK Technology;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
directive "sector_cache_symbols" has no opening "{" in



=== TEST 124: a block of symbols with a parameter is refused
--- config
    sector_cache_symbols funds { XLK Technology; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_symbols" directive in



=== TEST 125: an empty name of a symbol is refused
--- config
    sector_cache_symbols { XLK ""; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid name "" in "sector_cache_symbols", allowed: UTF-8 text without control characters in



=== TEST 126: a name with a control character is refused
--- config
    sector_cache_symbols { XLK "a\tb"; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
in "sector_cache_symbols", allowed: UTF-8 text without control characters in



=== TEST 127: a name that is not UTF-8 is refused
--- config eval
"    sector_cache_symbols { XLK caf\xe9; }\n"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
in "sector_cache_symbols", allowed: UTF-8 text without control characters in



=== TEST 128: "maybe" of "sector_cache_unknown_symbols" is refused
--- config
    sector_cache_unknown_symbols maybe;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "maybe" of "sector_cache_unknown_symbols", allowed: reject, accept in



=== TEST 129: "sector_cache_unknown_symbols" needs a value
--- config
    sector_cache_unknown_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_unknown_symbols" directive in



=== TEST 130: "sector_cache yes" is refused
--- config
    sector_cache yes;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "yes" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 131: "sector_cache ON" is refused
--- config
    sector_cache ON;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 132: "sector_cache 1" is refused
--- config
    sector_cache 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 133: an empty value of "sector_cache" is refused
--- config
    sector_cache "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 134: an unknown variable of "sector_cache" is refused
--- config
    sector_cache $nowhere;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "nowhere" variable



=== TEST 135: "sector_cache" needs a value
--- config
    sector_cache;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache" directive in



=== TEST 136: "sector_cache_status" takes no parameter
--- config
    location /stats { sector_cache_status on; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_status" directive in



=== TEST 137: "sector_cache_zone" is refused in a server
--- config
    sector_cache_zone more 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_zone" directive is not allowed here in



=== TEST 138: "sector_cache_zone" is refused in a location
--- config
    location /x { sector_cache_zone more 1m; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_zone" directive is not allowed here in



=== TEST 139: "sector_cache_source" is refused in a server
--- config
    sector_cache_source more;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive is not allowed here in



=== TEST 140: "sector_cache_source" is refused in a location
--- config
    location /x { sector_cache_source more; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive is not allowed here in



=== TEST 141: "sector_cache_api" is refused in a http block
--- http_config
    sector_cache_api;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 142: "sector_cache_api" is refused in a server
--- config
    sector_cache_api;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 143: "sector_cache_api" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_api; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 144: "sector_cache_status" is refused in a http block
--- http_config
    sector_cache_status;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 145: "sector_cache_status" is refused in a server
--- config
    sector_cache_status;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 146: "sector_cache_status" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_status; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 147: "sector_cache" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache off; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache" directive is not allowed here in



=== TEST 148: "sector_cache_unknown_symbols" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_unknown_symbols accept; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_unknown_symbols" directive is not allowed here in



=== TEST 149: "sector_cache_fetch" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_fetch demo /_up/x; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch" directive is not allowed here in



=== TEST 241: "sector_cache_fetch_batch" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_fetch_batch demo /_up/x; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch_batch" directive is not allowed here in



=== TEST 242: "sector_cache_bypass" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_bypass 1; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_bypass" directive is not allowed here in



=== TEST 243: "sector_cache_envelope" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_envelope off; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_envelope" directive is not allowed here in



=== TEST 244: "sector_cache_gzip" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_gzip on; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_gzip" directive is not allowed here in



=== TEST 150: "sector_cache_api" is refused in a location given by a regular expression
--- config
    location ~ ^/api/ { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 151: "sector_cache_api" is refused in a location given by a caseless one
--- config
    location ~* ^/api/ { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 152: "sector_cache_api" is refused in a named location
--- config
    location @api { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 153: "sector_cache_status" is refused in a location given by a regular expression
--- config
    location ~ ^/api/ { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 154: "sector_cache_status" is refused in a location given by a caseless one
--- config
    location ~* ^/api/ { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 155: "sector_cache_status" is refused in a named location
--- config
    location @api { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 156: "sector_cache Shadow" is refused
--- config
    sector_cache Shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "Shadow" of "sector_cache", allowed: on, off, shadow or a variable in



=== TEST 225: "sector_cache_gzip 1" is refused
--- config
    sector_cache_gzip 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 226: "sector_cache_gzip ON!" is refused
--- config
    sector_cache_gzip ON!;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON!" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 227: "sector_cache_gzip shadow" is refused
--- config
    sector_cache_gzip shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "shadow" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 228: an empty value of "sector_cache_gzip" is refused
--- config
    sector_cache_gzip "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 229: a variable of "sector_cache_gzip" is refused
--- config
    sector_cache_gzip $arg_x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "$arg_x" in "sector_cache_gzip" directive, it must be "on" or "off" in



=== TEST 230: "sector_cache_gzip" needs a value
--- config
    sector_cache_gzip;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_gzip" directive in



=== TEST 231: "sector_cache_gzip" takes no second value
--- config
    sector_cache_gzip on off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_gzip" directive in



=== TEST 232: "sector_cache_gzip" given twice in one place is refused
--- config
    sector_cache_gzip on;
    sector_cache_gzip on;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_gzip" directive is duplicate in



=== TEST 197: a batch fetch without a URI is refused
--- config
    sector_cache_fetch_batch demo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch_batch" directive in



=== TEST 198: "up/$sector_cache_symbols" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo up/$sector_cache_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "up/$sector_cache_symbols" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 199: "http://upstream.test/$sector_cache_symbols" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo http://upstream.test/$sector_cache_symbols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "http://upstream.test/$sector_cache_symbols" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 200: "@named" is no URI of a location for a batch fetch
--- config
    sector_cache_fetch_batch demo @named;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "@named" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 201: an empty URI of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid URI "" of "sector_cache_fetch_batch", allowed: the URI of a location, beginning with "/" or a variable in



=== TEST 202: an unknown variable in the URI of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/$sector_cache_sybmols;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "sector_cache_sybmols" variable



=== TEST 203: "format=csv" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 204: "format=" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 205: "format" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x format;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 206: "FORMAT=sector" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x FORMAT=sector;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "FORMAT=sector" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 207: "timeout=1s" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x timeout=1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "timeout=1s" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 208: "max=0" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=0" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 209: "max=51" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=51;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=51" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 210: "max=-1" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=-1" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 211: "max=1.5" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=1.5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=1.5" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 212: "max=ten" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=ten;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=ten" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 213: "max=" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 214: "max" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x max;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 215: "MAX=5" of a batch fetch is refused
--- config
    sector_cache_fetch_batch demo /_up/x MAX=5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "MAX=5" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 216: what is wrong after a good parameter of a batch fetch is what is said
--- config
    sector_cache_fetch_batch demo /_up/x max=5 format=csv;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=csv" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 217: a format of a batch fetch given twice is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=sector format=yahoo_quote;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=yahoo_quote" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 218: a max of a batch fetch given twice is refused
--- config
    sector_cache_fetch_batch demo /_up/x max=5 max=6;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "max=6" of "sector_cache_fetch_batch", allowed: format=sector, format=yahoo_chart, format=yahoo_quote, max=1 to max=50, once each in



=== TEST 219: a batch fetch with too many parameters is refused
--- config
    sector_cache_fetch_batch demo /_up/x format=sector max=5 max=5;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_fetch_batch" directive in



=== TEST 220: "sector_cache_fetch_batch" given twice in one place is refused
--- config
    sector_cache_fetch_batch demo /_up/a;
    sector_cache_fetch_batch demo /_up/b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch_batch" directive is duplicate in



=== TEST 221: a source of a batch fetch that is never declared is refused
--- config
    sector_cache_fetch_batch nobody /_up/x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown source "nobody" in "sector_cache_fetch_batch", declare it by "sector_cache_source" in



=== TEST 222: an API location needs a fetch for one symbol beside that for many
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



=== TEST 223: "sector_cache_bypass" needs a value
--- config
    sector_cache_bypass;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_bypass" directive in



=== TEST 224: an unknown variable of "sector_cache_bypass" is refused
--- config
    sector_cache_bypass 0 $nowhere;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown "nowhere" variable



=== TEST 233: "sector_cache_envelope 1" is refused
--- config
    sector_cache_envelope 1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "1" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 234: "sector_cache_envelope ON!" is refused
--- config
    sector_cache_envelope ON!;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "ON!" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 235: "sector_cache_envelope shadow" is refused
--- config
    sector_cache_envelope shadow;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "shadow" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 236: an empty value of "sector_cache_envelope" is refused
--- config
    sector_cache_envelope "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 237: a variable of "sector_cache_envelope" is refused
--- config
    sector_cache_envelope $arg_x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "$arg_x" in "sector_cache_envelope" directive, it must be "on" or "off" in



=== TEST 238: "sector_cache_envelope" needs a value
--- config
    sector_cache_envelope;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_envelope" directive in



=== TEST 239: "sector_cache_envelope" takes no second value
--- config
    sector_cache_envelope on off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "sector_cache_envelope" directive in



=== TEST 240: "sector_cache_envelope" given twice in one place is refused
--- config
    sector_cache_envelope on;
    sector_cache_envelope on;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_envelope" directive is duplicate in



=== TEST 166: what shows at the end of the configuration is said with its own place
--- scenario
my ($status, $words, $file) = nginx_t(<<'END');
http {
    sector_cache_zone sectors 1m;
    sector_cache_source demo;

    server {
        listen 127.0.0.1:1;

        location /good {
            sector_cache_api;
            sector_cache_fetch demo /x;
        }

        location /bad {
            sector_cache_fetch demo /x;
            sector_cache_api snapshots=none;
        }
    }
}
END
isnt($status, 0, 'it is refused');
like($words, qr/unknown zone "none" in "sector_cache_api", .* in \Q$file\E:15$/m, 'file and line are those of the directive');



=== TEST 167: an unknown source is said with the place of the fetch that names it
--- scenario
my ($status, $words, $file) = nginx_t(<<'END');
http {
    sector_cache_zone sectors 1m;

    sector_cache_fetch nobody /x;

    server {
        listen 127.0.0.1:1;

        location /api {
            sector_cache_api;
        }
    }
}
END
isnt($status, 0, 'it is refused');
like($words, qr/unknown source "nobody" in "sector_cache_fetch", .* in \Q$file\E:4$/m, 'file and line are those of the directive');



=== TEST 245: an unknown source of an inherited batch fetch is said with its place
--- scenario
my ($status, $words, $file) = nginx_t(<<'END');
http {
    sector_cache_zone sectors 1m;
    sector_cache_source demo;
    sector_cache_fetch demo /x;

    server {
        listen 127.0.0.1:1;

        sector_cache_fetch_batch nobody /x;

        location /api {
            sector_cache_api;
        }
    }
}
END
isnt($status, 0, 'it is refused');
like($words, qr/unknown source "nobody" in "sector_cache_fetch_batch", .* in \Q$file\E:9$/m, 'file and line are those of the directive');



=== TEST 168: a missing fetch is said with the place of the API location
--- scenario
my ($status, $words, $file) = nginx_t(<<'END');
http {
    sector_cache_zone sectors 1m;

    server {
        listen 127.0.0.1:1;

        location /api {
            sector_cache_api;
        }
    }
}
END
isnt($status, 0, 'it is refused');
like($words, qr/no "sector_cache_fetch" is defined for "sector_cache_api" in \Q$file\E:8$/m, 'file and line are those of the directive');



=== TEST 169: the reference configuration loads word for word
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



=== TEST 170: the reference configuration works
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



=== TEST 171: each parameter of a zone is accepted at its limits
--- scenario
for (qw(ttl=1ms ttl=365d ttl=2 ttl=1h30m stale=0 stale=365d negative=0 negative=1d
        swr=0 swr=365d jitter=0% jitter=50% max_object=1 max_object=64m persist=state.bin
        persist=/tmp/state.bin)) {
    my ($status, $words) = nginx_t("http { sector_cache_zone sectors 1m $_; }");
    is($status, 0, "$_ is accepted") or diag($words);
}



=== TEST 172: each parameter of a source is accepted at its limits
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



=== TEST 173: an open time above the default of max_open raises that
--- scenario
my ($status, $words) = nginx_t('http { sector_cache_source demo open=20m; }');
is($status, 0, 'it is accepted') or diag($words);



=== TEST 174: a name may have 32 characters of all kinds allowed
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



=== TEST 175: the smallest zone allowed keeps entries
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



=== TEST 176: a zone smaller by a kilobyte is refused
--- scenario
use POSIX ();
my $size = 8 * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;
my ($status, $words) = nginx_t('http { sector_cache_zone sectors ' . ($size - 1) . 'k; }');
isnt($status, 0, 'it is refused');
like($words, qr/allowed: at least ${size}k, eight memory pages/, 'and what is allowed is said');



=== TEST 177: zones and sources may be declared after what uses them
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



=== TEST 178: locations may have a zone each
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



=== TEST 179: locations may share a zone
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



=== TEST 180: locations that share a zone and fetch from different places are warned of
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



=== TEST 181: all that is inherited may be said in the http block
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



=== TEST 182: all that is inherited may be said in the server
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



=== TEST 183: a server says otherwise than the http block, and a location than the server
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



=== TEST 184: a flag that is a variable is not inherited where a location says on
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



=== TEST 185: an "if" in an API location leaves the location what it is
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



=== TEST 186: an "if" in a status location leaves the location what it is
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



=== TEST 187: "limit_except" in an API location leaves the location what it is
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



=== TEST 188: a location given exactly has the endpoint of its prefix alone, the batch
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



=== TEST 189: the URI of a fetch may have arguments and begin with a variable
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



=== TEST 190: the URI of a fetch has nothing of the request that began it
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol?$args$arg_secret$http_cookie;
    }
--- scenario
is(get('/api/XLK?secret=1', headers => { Cookie => 'id=1' })->{status}, 200, 'it is fetched');
is(join(' ', upstream_calls(1)), 'GET /sector/XLK', 'without anything of the client');



=== TEST 191: each format of a fetch is accepted
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



=== TEST 246: each parameter of a batch fetch is accepted at its limits, in any order
--- scenario
for my $given ('', 'max=1', 'max=50', 'max=050', 'format=sector', 'format=yahoo_chart', 'format=yahoo_quote', 'format=yahoo_quote max=7', 'max=7 format=yahoo_quote') {
    my ($status, $words) = nginx_t("http { sector_cache_source demo; sector_cache_fetch_batch demo /_up/\$sector_cache_symbols $given; }");
    is($status, 0, "\"$given\" is accepted") or diag($words);
}



=== TEST 247: a batch fetch may be said in the http block, the server and the location, each for itself
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



=== TEST 248: envelope, gzip, bypass and shadow may be said in the http block
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



=== TEST 249: envelope, gzip, bypass and shadow may be said in the server, and otherwise in a location
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



=== TEST 250: any value of "sector_cache_bypass" that is neither empty nor 0 does, of any line
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



=== TEST 251: a batch fetch is that of the http block, unless a location has its own
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



=== TEST 192: nginx without any of the directives is as it was
--- http_config
--- config
    location /plain {
        return 200 "[$sector_cache_symbol$sector_cache_status$sector_cache_age$sector_cache_breaker$sector_cache_fetch_time]";
    }
--- request
GET /plain
--- response_body chomp
[]



=== TEST 193: more sources than there is room for are refused
--- http_config eval
CORE::join "\n", map { "sector_cache_source s$_;" } 1 .. 1000
--- config
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no room for the state of source "s



=== TEST 194: forty sources have room
--- http_config eval
CORE::join "\n", map { "sector_cache_source s$_;" } 1 .. 40
--- config
--- request
GET /ops/stats
--- json
{"sources":{"s1":{},"s40":{"fetches":0}}}



=== TEST 195: two zones with one file are refused
--- http_config
    sector_cache_zone sectors 1m persist=/tmp/one.dump;
    sector_cache_zone more 1m persist=/tmp/one.dump;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
file "/tmp/one.dump" of zone "more" is that of zone "sectors" already, each needs its own in



=== TEST 196: a max_object that its zone cannot store is warned of
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
