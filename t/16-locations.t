# Other modules of nginx at work in the location of a fetch, where they expect
# a client's connection: a delay runs on its timers, a lock or a thread blocks
# its request, a background subrequest outlives the answer.  A fetch has a
# connection that nobody is behind, and each of these once went wrong on it:
# the delay never ended, the blocked request lived on after its fetch was gone
# and asked the upstream with freed memory, the background update was killed.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use Test::Nginx::Socket 'no_plan';
use Upstream;

# what is in the server's own folder would be in the way of the next block
our $caches = tempdir(CLEANUP => 1);
chmod 0711, $caches;

our @cert = (qw(openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj),
             '/CN=localhost', '-keyout', "$caches/key.pem",
             '-out', "$caches/cert.pem");
system("@cert 2>/dev/null") == 0 or die "failed: @cert\n";

our $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);

run_tests();

__DATA__

=== TEST 1: requests that limit_req delays are made when their time comes
--- http
limit_req_zone $sector_cache_breaker zone=limit%N%:1m rate=10r/s;
--- fetch
limit_req zone=limit%N% burst=10;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my @waiting = map { begin("/api/$_") } qw(XLA XLB XLC XLD);
is(finish($_)->{status}, 200, 'answered') for @waiting;
--- calls: 4
--- error_log
delaying request



=== TEST 2: a fetch that ends while a lock blocks it asks nobody afterwards
--- source: timeout=300ms
--- http eval
"proxy_cache_path $::caches/%N% keys_zone=cache%N%:1m;\n"
--- locations
location = /hold {
    proxy_cache cache%N%;
    proxy_cache_key one;
    proxy_cache_lock on;
    proxy_pass http://%UPSTREAM%/stall/b%N%/HOLD;
}
--- fetch
proxy_cache cache%N%;
proxy_cache_key one;
proxy_cache_lock on;
proxy_cache_lock_timeout 700ms;
proxy_set_header X-Symbol $sector_cache_symbol;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $holder = begin('/hold');
wait_for('it holds the lock', sub { calls() == 1 });
is(get('/api/XLB')->{status}, 504, 'nothing came in time');

# each takes its whole timeout: by now the lock's is over for all but the last
is(get("/api/$_")->{status}, 504, "nor for $_") for qw(XLC XLD XLE XLF);

is($main::upstream->calls("${key}XL$_"), 0, "no call for XL$_") for qw(B C D);
leave($holder);
--- error_log
did not answer within 300 ms



=== TEST 3: an update in the background goes on after the answer
--- api
sector_cache off;
--- http eval
"proxy_cache_path $::caches/%N% keys_zone=cache%N%:1m;\n"
--- fetch
proxy_cache cache%N%;
proxy_cache_key one;
proxy_cache_valid 200 1s;
proxy_cache_use_stale updating;
proxy_cache_background_update on;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}', 'the first');
ok(wait_for('the price moves on', sub {
    get('/api/XLK')->{data} eq '{"symbol":"XLK","price":102}'
}), 'it was updated');



=== TEST 4: limit_except leaves the location its handler
--- api
limit_except GET { allow 127.0.0.1; deny all; }
--- request
POST /api/XLK
--- response_body_like: "error_code":"METHOD_NOT_ALLOWED"
--- response_headers
Allow: GET, HEAD
--- error_code: 405



=== TEST 5: so does an if
--- api
if ($arg_x) { set $y 1; }
--- request
GET /api/XLK?x=1
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 6: a redirect is named as one
--- script: redirect:302
--- response_body_like: "error":"Source up redirected with status 302, redirects are not followed"
--- error_code: 502
--- error_log
redirected with status 302



=== TEST 7: an auth_request in the location of a fetch decides on it
--- locations
location = /auth { internal; return 403; }
--- fetch
auth_request /auth;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}',
   'nginx asks for no access to a subrequest');



=== TEST 8: an upstream is asked over TLS, and its certificate looked at
--- http eval
"server {
    listen unix:$::caches/tls.sock ssl;
    ssl_certificate $::caches/cert.pem;
    ssl_certificate_key $::caches/key.pem;
    location / { proxy_pass http://%UPSTREAM%; }
}\n"
--- fetch eval
"proxy_ssl_verify on;
proxy_ssl_trusted_certificate $::caches/cert.pem;
proxy_ssl_name localhost;
proxy_pass https://unix:$::caches/tls.sock:%PATH%;\n"
--- client
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}', 'answered');
is(get('/api/XLK')->{cache}, 'hit', 'and stored');



=== TEST 9: a certificate of another name is a failing connection
--- http eval
"server {
    listen unix:$::caches/other.sock ssl;
    ssl_certificate $::caches/cert.pem;
    ssl_certificate_key $::caches/key.pem;
    location / { proxy_pass http://%UPSTREAM%; }
}\n"
--- fetch eval
"proxy_ssl_verify on;
proxy_ssl_trusted_certificate $::caches/cert.pem;
proxy_ssl_name elsewhere.example;
proxy_pass https://unix:$::caches/other.sock:%PATH%;\n"
--- client
is(get('/api/XLK')->{status}, 502, 'it is not asked');
is(calls(), 0, 'at all');
--- error_log
upstream SSL certificate does not match "elsewhere.example"
