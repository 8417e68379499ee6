# Where a directive may stand: what is refused in the http block, a server, an
# "if" or a location that a regular expression gives, and which place is named
# when it is only the end of the configuration that shows what is wrong.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

run_tests();

__DATA__

=== TEST 1: "sector_cache_zone" is refused in a server
--- config
    sector_cache_zone more 1m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_zone" directive is not allowed here in



=== TEST 2: "sector_cache_zone" is refused in a location
--- config
    location /x { sector_cache_zone more 1m; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_zone" directive is not allowed here in



=== TEST 3: "sector_cache_source" is refused in a server
--- config
    sector_cache_source more;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive is not allowed here in



=== TEST 4: "sector_cache_source" is refused in a location
--- config
    location /x { sector_cache_source more; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_source" directive is not allowed here in



=== TEST 5: "sector_cache_api" is refused in a http block
--- http_config
    sector_cache_api;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 6: "sector_cache_api" is refused in a server
--- config
    sector_cache_api;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 7: "sector_cache_api" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_api; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive is not allowed here in



=== TEST 8: "sector_cache_status" is refused in a http block
--- http_config
    sector_cache_status;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 9: "sector_cache_status" is refused in a server
--- config
    sector_cache_status;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 10: "sector_cache_status" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_status; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive is not allowed here in



=== TEST 11: "sector_cache" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache off; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache" directive is not allowed here in



=== TEST 12: "sector_cache_unknown_symbols" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_unknown_symbols accept; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_unknown_symbols" directive is not allowed here in



=== TEST 13: "sector_cache_fetch" is refused in an "if"
--- config
    location /x { if ($arg_x) { sector_cache_fetch demo /_up/x; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch" directive is not allowed here in



=== TEST 14: "sector_cache_fetch_batch" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_fetch_batch demo /_up/x; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_fetch_batch" directive is not allowed here in



=== TEST 15: "sector_cache_bypass" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_bypass 1; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_bypass" directive is not allowed here in



=== TEST 16: "sector_cache_envelope" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_envelope off; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_envelope" directive is not allowed here in



=== TEST 17: "sector_cache_gzip" is refused in an "if"
--- config
    location /x { if ($arg_y) { sector_cache_gzip on; } }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_gzip" directive is not allowed here in



=== TEST 18: "sector_cache_api" is refused in a location given by a regular expression
--- config
    location ~ ^/api/ { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 19: "sector_cache_api" is refused in a location given by a caseless one
--- config
    location ~* ^/api/ { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 20: "sector_cache_api" is refused in a named location
--- config
    location @api { sector_cache_api; sector_cache_fetch demo /_up/x; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_api" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 21: "sector_cache_status" is refused in a location given by a regular expression
--- config
    location ~ ^/api/ { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 22: "sector_cache_status" is refused in a location given by a caseless one
--- config
    location ~* ^/api/ { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 23: "sector_cache_status" is refused in a named location
--- config
    location @api { sector_cache_status; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"sector_cache_status" directive cannot be used in a named location or one given by a regular expression, its location must be a prefix in



=== TEST 24: what shows at the end of the configuration is said with its own place
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



=== TEST 25: an unknown source is said with the place of the fetch that names it
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



=== TEST 26: an unknown source of an inherited batch fetch is said with its place
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



=== TEST 27: a missing fetch is said with the place of the API location
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
