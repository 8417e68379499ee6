# What nginx itself makes of a fetch: the rules of a server are for its
# clients, what nginx refuses in the location of a fetch is no word of the
# provider, and the filters of that location work as they do for a client.
#
# A rule that sends plain HTTP away, or robots, or everybody in maintenance,
# once sent every fetch away, and the error blamed a provider who had never
# been called; a limit_req in the location opened its breaker.  gunzip and
# sub_filter were without effect there.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use Test::Nginx::Socket 'no_plan';
use Upstream;

# what is in the server's own folder would be in the way of the next block
our $caches = tempdir(CLEANUP => 1);
chmod 0711, $caches;

our $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);


# A client that the rules of the server let through.

our $through = ['X-Forwarded-Proto: https', 'User-Agent: Firefox'];

# A block with "--- own" has a location that answers so, and nobody is asked.
sub refused {
    my $block = $Upstream::Script::block;
    my ($status, $location) = split ' ', $block->own;

    my $got = Upstream::get('/api/XLK');

    Upstream::Script::is($got->{status}, 503, 'status');
    Upstream::Script::is($got->{code}, 'NO_DATA', 'error_code');
    Upstream::Script::is($got->{error}, "nginx itself answered $status in "
                         . "location $location, the provider was not asked",
                         'error');
    Upstream::Script::is($got->{headers}{'retry-after'}, 1, 'Retry-After');
    Upstream::Script::is($got->{json}{error_details}{status}, undef,
                         'no status of the provider');

    my $source = Upstream::Script::source();

    Upstream::Script::is($source->{breaker}{state}, 'closed', 'the breaker');
    Upstream::Script::is($source->{aborted}, 1, 'aborted');
    Upstream::Script::is($source->{failed}, 0, 'failed');
    Upstream::Script::is($source->{notFound}, 0, 'notFound');
}

add_block_preprocessor(sub {
    my ($block) = @_;

    return unless defined $block->own;

    $block->set_value(client => \&refused);
    $block->set_value(source => 'name=own%N% failures=1 open=1h');
    $block->set_value(error_log => 'the provider was not asked')
        unless defined $block->error_log;
    $block->set_value(calls => 0) unless defined $block->calls;
});

run_tests();

__DATA__

=== TEST 1: the rules of a server are for clients
--- locations
if ($http_x_forwarded_proto != "https") {
    return 301 https://$host$request_uri;
}
if ($http_user_agent !~ Firefox) {
    return 403;
}
--- client
is(get('/api/XLK')->{status}, 301, 'a client by plain HTTP');

my $got = get('/api/XLK', headers => $main::through);

is($got->{status}, 200, 'one by TLS');
is($got->{data}, '{"symbol":"XLK","price":101}', 'data');
--- calls: 1



=== TEST 2: so is maintenance
--- locations
set $closed 1;
if ($arg_inside) { set $closed 0; }
if ($closed) { return 503; }
--- client
is(get('/api/XLK')->{status}, 503, 'a client');
is(get('/api/XLK?inside=1')->{status}, 200, 'one of ours');
--- calls: 1



=== TEST 3: and so is a rewrite, of any kind
--- locations
if ($http_x_forwarded_proto != "https") { rewrite ^ /gone break; }
rewrite ^/fetch/ /gone;
rewrite ^/fetch/ https://elsewhere.invalid/ permanent;
rewrite ^/fetch/(.*)$ http://elsewhere.invalid/$1;
rewrite ^/fetch/ /gone last;
--- client
is(get('/api/XLK', headers => $main::through)->{data},
   '{"symbol":"XLK","price":101}', 'data');
--- calls: 1



=== TEST 4: what a server sets is set for a fetch, behind rules too
--- locations
set $up %UPSTREAM%;
if ($http_x_forwarded_proto != "https") { return 301 https://elsewhere/; }
rewrite ^/never /nowhere last;
set $path %PATH%;
set $whole "http://$up$path$sector_cache_symbol";
set $client yes;
if ($http_user_agent !~ Firefox) { set $client no; }
set $args gone=1;
--- uri: /fetch/$sector_cache_symbol?a=b
--- fetch
proxy_set_header X-Client $client;
proxy_pass $whole?$args;
--- client
is(get('/api/XLK', headers => $main::through)->{data},
   '{"symbol":"XLK","price":101}', 'data');

my ($asked) = $upstream->requests($key);

like($asked, qr/^GET \S+XLK\?a=b HTTP/, 'with the query of its URI');
like($asked, qr/^X-Client: no\r$/m, 'by rules that were run for it');
--- calls: 1



=== TEST 5: a break of the server ends its rules for a fetch, too
--- locations
set $mark one;
if ($http_user_agent = "") { break; }
set $mark two;
--- fetch
proxy_set_header X-Mark $mark;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK', headers => $main::through)->{status}, 200, 'status');
like($upstream->requests($key), qr/^X-Mark: one\r$/m, 'not what follows');
--- calls: 1



=== TEST 6: they are not met after a redirect inside of nginx either
--- script: status:500
--- locations
if ($http_x_forwarded_proto != "https") { return 301 https://elsewhere/; }
location = /spare {
    internal;
    return 200 '{"symbol":"XLK","price":5}';
}
--- fetch
proxy_intercept_errors on;
error_page 500 =200 /spare;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK', headers => $main::through)->{data},
   '{"symbol":"XLK","price":5}', 'data');
--- calls: 1



=== TEST 7: a client's subrequest and redirect meet them as ever
--- locations
if ($arg_stop) { return 403; }
location = /page {
    ssi on;
    default_type text/html;
    return 200 '[<!--# include virtual="/plain?stop=1" -->]';
}
location = /redirected {
    error_page 404 =200 /plain?stop=1;
    return 404;
}
location = /plain {
    return 200 plain;
}
--- client
like(get('/page')->{body}, qr/^\[.*403 Forbidden.*\]$/s, 'a subrequest');
is(get('/redirected')->{status}, 403, 'a redirect');
is(get('/plain')->{body}, 'plain', 'a request');
is(get('/plain?stop=1')->{status}, 403, 'one that is stopped');
--- error_log



=== TEST 8: rewrites of the location work beside those of the server
--- locations
rewrite ^/elsewhere/ /gone last;
location /elsewhere/ {
    internal;
    rewrite ^/elsewhere/(.*)$ %PATH%$1 break;
    proxy_pass http://%UPSTREAM%;
}
--- fetch
rewrite ^/fetch/(.*)$ /elsewhere/$1 last;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 9: a redirect that nginx makes is not the provider's
--- own: 301 /fetch/
--- fetch
return 301 https://elsewhere.invalid/;



=== TEST 10: a refusal is not
--- own: 403 /fetch/
--- fetch
if ($http_user_agent = "") { return 403; }
proxy_pass http://%UPSTREAM%%PATH%;



=== TEST 11: a "not found" is not, with a text of its own
--- own: 404 /fetch/
--- fetch
return 404 '{"error":"no such symbol"}';



=== TEST 12: nor that of a URI that names no location
--- own: 404 /
--- uri: /no/such/location/$sector_cache_symbol



=== TEST 13: a connection that nginx closes without a word
--- own: 444 /fetch/
--- fetch
return 444;



=== TEST 14: a rewrite without an end
--- own: 500 /fetch/
--- fetch
rewrite ^/fetch/(.*)$ /fetch/$1 last;
--- error_log eval
[qr/rewrite or internal redirection cycle/, qr/the provider was not asked/]



=== TEST 15: a proxy_pass to a name that nobody can make an address of
--- own: 500 /fetch/
--- fetch
set $nowhere "";
proxy_pass $nowhere;
--- error_log eval
[qr/invalid URL prefix/, qr/the provider was not asked/]



=== TEST 16: the location that refused is named, not that of the error page
--- own: 403 /fetch/
--- locations
error_page 403 /sorry.html;
location = /sorry.html {
    internal;
    return 403 'sorry';
}
--- fetch
return 403;



=== TEST 17: limit_req opens no breaker
--- source: name=limit%N% failures=1 open=1h
--- http
limit_req_zone $sector_cache_breaker zone=limit%N%:1m rate=1r/m;
--- fetch
limit_req zone=limit%N%;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK')->{status}, 200, 'the first');

my $got = get('/api/XLF');

is($got->{status}, 503, 'the second');
is($got->{error}, 'nginx itself answered 503 in location /fetch/, '
                  . 'the provider was not asked', 'error');
is(source()->{breaker}{state}, 'closed', 'the breaker');
is(source()->{aborted}, 1, 'aborted');
--- calls: 1
--- error_log
limiting requests



=== TEST 18: a provider whose connection fails was asked
--- source: name=door%N% failures=1 open=1h
--- fetch
error_page 502 /sorry.html;
proxy_pass http://%DOOR%;
--- locations
location = /sorry.html {
    internal;
    return 403 'sorry';
}
--- client
my $got = get('/api/XLK');

is($got->{code}, 'UPSTREAM_ERROR', 'error_code');
is($got->{error}, 'Connection to source door' . $block->number . ' failed',
   'error');
is(source()->{breaker}{state}, 'open', 'the breaker');
--- error_log
connect() failed



=== TEST 19: a name that a resolver cannot find is the provider's failure
--- source: name=name%N% failures=1 open=1h
--- http
resolver %DOOR% ipv6=off;
resolver_timeout 300ms;
--- fetch
set $name nobody.invalid;
proxy_pass http://$name/;
--- client
is(get('/api/XLK')->{error}, 'Connection to source name' . $block->number
                             . ' failed', 'error');
is(source()->{breaker}{state}, 'open', 'the breaker');
--- error_log
nobody.invalid could not be resolved



=== TEST 20: what proxy_cache kept of a provider is the provider's
--- script: status:451,ok
--- http eval
"proxy_cache_path $::caches/%N% keys_zone=kept%N%:1m;\n"
--- fetch
proxy_cache kept%N%;
proxy_cache_valid 451 1h;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
like(get('/api/XLK')->{error}, qr/answered with status 451/, 'the first');
like(get('/api/XLK')->{error}, qr/answered with status 451/, 'the second');
--- calls: 1
--- error_log
answered with status 451



=== TEST 21: gunzip
--- script: gzip
--- fetch
gunzip on;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 22: gunzip, unbuffered
--- script: gzip
--- fetch
gunzip on;
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 23: gunzip of what was cut off is no good answer
--- script: gzipcut
--- fetch
gunzip on;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $got = get('/api/XLK');

is($got->{status}, 502, 'status');
is(get('/api/XLK')->{status}, 502, 'nothing is stored');
--- calls: 2
--- error_log
fetch of "XLK" failed



=== TEST 24: without gunzip it is said what to do
--- script: gzip
--- response_body_like: content encoding that was not asked for
--- error_code: 502
--- error_log
content encoding that was not asked for



=== TEST 25: sub_filter, to a shorter body
--- fetch
sub_filter_types *;
sub_filter '"price":101' '"price":9';
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":9\}



=== TEST 26: sub_filter, to a longer one, unbuffered and from a file
--- user_files
>>> file/XLF
{"symbol":"XLF","price":8.25}
--- fetch
sub_filter_types *;
sub_filter_once off;
sub_filter '"price":' '"name":"a much longer text than it was","price":';
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
location /fetch/XLF {
    internal;
    sendfile on;
    alias html/file/XLF;
}
--- client
is(get('/api/XLK')->{data},
   '{"symbol":"XLK","name":"a much longer text than it was","price":101}',
   'unbuffered');
like(get('/api/XLF')->{data},
   qr/^\{"symbol":"XLF","name":"a much longer text than it was","price":8.25}/,
   'a file');



=== TEST 27: sub_filter in what gunzip unpacked
--- script: gzip
--- fetch
gunzip on;
sub_filter_types *;
sub_filter 101 9;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":9\}



=== TEST 28: a large body through filters
--- script: size:900000
--- zone_size: 8m
--- fetch
sub_filter_types *;
sub_filter '"price":101' '"price":9';
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $data = get('/api/XLK')->{data};

is(length $data, 899_998, 'all of it');
like($data, qr/"price":9,/, 'filtered');



=== TEST 29: a body that is cut off is one under filters, too
--- fetch
ssi on;
ssi_types *;
sub_filter_types *;
sub_filter 101 9;
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
location /fetch/XLF {
    internal;
    ssi on;
    ssi_types *;
    proxy_pass http://%UPSTREAM%%PATH%XLF;
}
--- script: chunkcut
--- client
for my $symbol (qw(XLK XLF)) {
    my $got = get("/api/$symbol");

    is($got->{code}, 'UPSTREAM_INVALID', 'error_code');
    like($got->{error}, qr/cut off after \d+ bytes/, 'error');
}
--- error_log
prematurely closed connection



=== TEST 30: what SSI includes is in its place
--- fetch
ssi on;
ssi_types *;
default_type text/html;
return 200 '{"symbol":"XLK",<!--# include virtual="/part/XLK" -->,"a":<!--# include virtual="/more" -->}';
--- locations
location /part/ {
    internal;
    proxy_pass http://%UPSTREAM%/size:20000/b%N%/;
    sub_filter_types *;
    sub_filter '{"symbol":"XLK",' '';
    sub_filter '}' '';
}
location = /more {
    internal;
    return 200 2;
}
--- client
like(get('/api/XLK')->{data},
     qr/^\{"symbol":"XLK","price":101,"pad":"x{19000,}","a":2\}$/, 'data');
--- calls: 1



=== TEST 31: what comes through SSI is whole
--- fetch
ssi on;
ssi_types *;
keepalive_timeout 0;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 32: a client's compression, ranges and conditions are not a fetch's
--- fetch
gzip on;
gzip_min_length 1;
gzip_types *;
proxy_force_ranges on;
charset utf-8;
add_header X-Some thing;
expires 1h;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(get('/api/XLK', headers => ['Accept-Encoding: gzip', 'Range: bytes=0-3'])
   ->{data}, '{"symbol":"XLK","price":101}', 'data');



=== TEST 33: "identity" is no encoding
--- script: encoded:identity
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 34: in any case, and with blanks around it
--- script: encoded:_IdenTity_
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 35: another one is
--- script: encoded:identity2
--- response_body_like: content encoding that was not asked for
--- error_code: 502
--- error_log
content encoding that was not asked for
