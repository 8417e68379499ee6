# A fetch goes through a location that belongs to the operator, and whatever
# nginx can do in a location must come out right: any module that makes a
# body, buffered or not, in one piece or in many.  Collecting the body of a
# subrequest is where other modules have lost bytes (beyond the first buffer),
# hung (unbuffered, in the background) or taken an error page for data.
#
# Then what the fetch has to do with the client that caused it: nothing.  The
# upstream sees nothing of the client, and the fetch outlives it.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use IO::Socket::UNIX;
use Upstream;

our $upstream = Upstream->new;
our $has_h2 = `$ENV{TEST_NGINX_BINARY} -V 2>&1` =~ /http_v2_module/;

our $mega = 1024 * 1024;

Upstream::Blocks::setup($upstream);


# HTTP/2 by hand, as curl's own multiplexing fails now and then: one header
# block a stream, all of it literal (RFC 7541, 6.2.2).

package Upstream::Script;

sub h2_frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

sub h2_headers {
    my ($stream, $path) = @_;
    my $block = '';

    for my $field ([':method', 'GET'], [':scheme', 'http'], [':path', $path],
                   [':authority', 'localhost'])
    {
        $block .= "\0" . join '', map { chr(length) . $_ } @$field;
    }

    return h2_frame(1, 5, $stream, $block);
}

# Connects, and sends these paths as streams 1, 3, 5 ... at once.
sub h2_begin {
    my @paths = @_;
    my $socket = IO::Socket::UNIX->new(
        Peer => "$ENV{TEST_NGINX_SERVER_ROOT}/logs/h2.sock") or die $!;
    my $stream = -1;

    syswrite $socket, join '', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                               h2_frame(4, 0, 0, ''),
                               map { h2_headers($stream += 2, $_) } @paths;

    return $socket;
}

# Reads until as many streams have ended; returns their bodies.
sub h2_finish {
    my ($socket, $n) = @_;
    my ($in, $until) = ('', Time::HiRes::time() + scaled(15));
    my %body;

    while ($n > 0 && Time::HiRes::time() < $until) {
        last unless IO::Select->new($socket)->can_read(1)
                    && sysread $socket, $in, 65536, length $in;

        while (length $in >= 9) {
            my ($length, $type, $flags, $stream)
                = unpack 'NCCN', "\0" . substr $in, 0, 9;

            last if length $in < 9 + $length;

            $body{$stream} .= substr $in, 9, $length if $type == 0;
            $n-- if ($type == 0 || $type == 1) && $flags & 1;
            substr $in, 0, 9 + $length, '';
        }
    }

    return map { $body{$_} } sort { $a <=> $b } keys %body;
}

package main;

run_tests();

__DATA__

=== TEST 1: through proxy_pass as it is by default
--- client
my $miss = get('/api/XLK');
is($miss->{status}, 200, 'status');
is($miss->{data}, '{"symbol":"XLK","price":101}', 'data');
is($miss->{cache}, 'miss', 'a miss');
my $hit = get('/api/XLK');
is($hit->{data}, $miss->{data}, 'the same data from memory');
is($hit->{cache}, 'hit', 'a hit');
--- calls: 1



=== TEST 2: through proxy_pass without buffering
--- fetch
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 3: through proxy_pass without temporary files
--- script: size:900000
--- fetch
proxy_max_temp_file_size 0;
proxy_buffers 4 4k;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(length get('/api/XLK')->{data}, 900_000, 'all of it');
--- calls: 1



=== TEST 4: through connections to the upstream that are kept
--- http
upstream kept {
    server %UPSTREAM%;
    keepalive 4;
}
--- fetch
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_pass http://kept%PATH%;
--- client
for my $symbol (qw(XLA XLB XLC)) {
    is(get("/api/$symbol")->{data}, qq({"symbol":"$symbol","price":101}),
       "data of $symbol");
}
--- calls: 3



=== TEST 5: a body in chunks
--- script: chunked
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 6: a body in chunks without buffering
--- script: chunked
--- fetch
proxy_http_version 1.1;
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 7: a body that comes slowly, but within the timeout
--- script: trickle
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 8: a body that ends with its connection
--- script: eof
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 9: a body that ends with its connection, without buffering
--- script: eof
--- fetch
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 10: a megabyte, whatever subrequest_output_buffer_size is
--- script: size:1048576
--- fetch
subrequest_output_buffer_size 1k;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $miss = get('/api/XLK');
is(length $miss->{data}, $main::mega, 'all of it');
like($miss->{data}, qr/^\{"symbol":"XLK","price":101,"pad":"x+"\}$/,
     'nothing else');
my $hit = get('/api/XLK');
is($hit->{cache}, 'hit', 'it was kept');
ok($hit->{data} eq $miss->{data}, 'byte for byte');
--- calls: 1
--- zone: ttl=1m max_object=1m
--- zone_size: 8m



=== TEST 11: a megabyte in chunks without buffering
--- script: chunksize:1048576
--- fetch
subrequest_output_buffer_size 1k;
proxy_http_version 1.1;
proxy_buffering off;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(length get('/api/XLK')->{data}, $main::mega, 'all of it');
is(get('/api/XLK')->{cache}, 'hit', 'it was kept');
--- calls: 1
--- zone_size: 8m



=== TEST 12: three megabytes where max_object allows them
--- script: chunksize:3145728
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $miss = get('/api/XLK');
is(length $miss->{data}, 3 * $main::mega, 'all of it');
my $hit = get('/api/XLK');
is($hit->{cache}, 'hit', 'it was kept');
ok($hit->{data} eq $miss->{data}, 'byte for byte');
--- calls: 1
--- zone: ttl=1m max_object=4m
--- zone_size: 16m
--- no_error_log
[error]
[alert]
[crit]



=== TEST 13: three megabytes that end with their connection
--- script: eofsize:3145728
--- client
is(length get('/api/XLK')->{data}, 3 * $main::mega, 'all of it');
--- zone: ttl=1m max_object=4m
--- zone_size: 16m



=== TEST 14: one that no zone has room for is answered all the same
--- script: size:900000
--- zone_size: 512k
--- client
is(length get('/api/XLK')->{data}, 900_000, 'the first');
is(length get('/api/XLK')->{data}, 900_000, 'the second');
--- calls: 2
--- error_log eval
[qr/\[warn\].*could not store "XLK" of 900000 bytes: no room/]



=== TEST 15: a body that nginx makes itself
--- fetch
return 200 '{"symbol":"$sector_cache_symbol","price":7}';
--- response_body_like: "data":\{"symbol":"XLK","price":7\}



=== TEST 16: a file, by root
--- user_files
>>> fetch/XLK
{"symbol":"XLK","price":8.25}
--- fetch
root html;
--- response_body_like: "data":\{"symbol":"XLK","price":8.25\}



=== TEST 17: a file, by alias and with sendfile
--- user_files
>>> data/XLK.json
{"symbol":"XLK","price":9}
--- fetch
sendfile on;
alias html/data/;
--- uri: /fetch/$sector_cache_symbol.json
--- response_body_like: "data":\{"symbol":"XLK","price":9\}



=== TEST 18: a large file with sendfile and small output buffers
--- user_files eval
">>> fetch/XLK\n" . '{"symbol":"XLK","price":1,"pad":"' . 'x' x 500_000 . '"}'
--- fetch
sendfile on;
tcp_nopush on;
output_buffers 1 4k;
root html;
--- client
is(length get('/api/XLK')->{data}, 500_035, 'all of it');
--- zone_size: 8m



=== TEST 19: a file that does not exist is no word of a provider
--- fetch
root html;
log_not_found off;
--- response_body_like: "error":"nginx itself answered 404 in location /fetch/, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log
the provider was not asked



=== TEST 20: through memcached_pass
--- fetch
set $memcached_key $sector_cache_symbol;
memcached_pass %UPSTREAM%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}



=== TEST 21: a key that memcached does not have is a symbol that does not exist
--- fetch
set $memcached_key MISSING;
memcached_pass %UPSTREAM%;
--- response_body_like: "error_code":"UNKNOWN_SYMBOL"
--- error_code: 404
--- no_error_log
[error]
[alert]
[crit]



=== TEST 22: an error_page that has the data is honoured
--- script: status:503
--- fetch
proxy_intercept_errors on;
error_page 503 = @spare;
proxy_pass http://%UPSTREAM%%PATH%;
--- locations
location @spare {
    return 200 '{"symbol":"$sector_cache_symbol","price":5}';
}
--- client
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":5}', 'data');
is(get('/api/XLK')->{cache}, 'hit', 'it was kept');
--- calls: 1



=== TEST 23: an error_page that asks a second upstream is honoured
--- fetch
error_page 502 504 = @spare;
proxy_pass http://%DOOR%;
--- locations
location @spare {
    rewrite ^ %PATH%$sector_cache_symbol break;
    proxy_pass http://%UPSTREAM%;
}
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1
--- error_log eval
qr/\[error\].*connect\(\) failed \(111: Connection refused\)/



=== TEST 24: an error_page that fails as well is an error
--- fetch
error_page 502 504 = @spare;
proxy_pass http://%DOOR%;
--- locations
location @spare {
    return 503;
}
--- response_body_like: "error_code":"UPSTREAM_ERROR"
--- error_code: 502
--- error_log eval
qr/\[error\].*fetch of "XLK" failed after .*answered with status 503/



=== TEST 25: the error page of a 404 is nobody's proof
--- script: status:404
--- fetch
proxy_intercept_errors on;
error_page 404 /sorry.html;
proxy_pass http://%UPSTREAM%%PATH%;
--- locations
location = /sorry.html {
    return 404 'sorry';
}
--- response_body_like: "error_code":"UPSTREAM_ERROR"
--- error_code: 502
--- error_log eval
qr/\[error\].*answered with status 404 and a body that is not its own/



=== TEST 26: the server's own error_page does not touch the API's errors
--- script: status:500
--- api
error_page 502 /sorry.html;
--- response_body_like: "error_code":"UPSTREAM_ERROR"
--- error_code: 502
--- error_log eval
qr/\[error\].*answered with status 500/



=== TEST 27: the symbol in the URI
--- uri: /fetch/$sector_cache_symbol/quote/$sector_cache_symbol
--- client
get('/api/xlk');
like($upstream->requests($key), qr{^GET /ok$key\QXLK/quote/XLK HTTP/1.\E},
     'the request');
--- calls: 1



=== TEST 28: the symbol in proxy_pass
--- fetch
proxy_pass http://%UPSTREAM%%PATH%quote/$sector_cache_symbol;
--- client
is(get('/api/xlk')->{status}, 200, 'status');
like($upstream->requests($key), qr{^GET /ok$key\Qquote/XLK HTTP/1.\E},
     'the request');



=== TEST 29: arguments in the URI
--- uri: /fetch/quote?symbol=$sector_cache_symbol&range=1d
--- client
is(get('/api/XLK')->{status}, 200, 'status');
like($upstream->requests($key),
     qr{^GET /ok$key\Qquote?symbol=XLK&range=1d HTTP/1.\E}, 'the request');
--- fetch
proxy_pass http://%UPSTREAM%%PATH%;



=== TEST 30: the client's arguments are not the fetch's
--- client
is(get('/api/XLK?secret=1&symbol=XLF')->{status}, 200, 'status');
like($upstream->requests($key), qr{^GET /ok${key}XLK HTTP/1}, 'the request');



=== TEST 31: an index is escaped in the path
--- client
is(get('/api/^GSPC')->{data}, '{"symbol":"^GSPC","price":101}', 'data');
like($upstream->requests($key), qr{^GET /ok$key%5EGSPC HTTP/1}, 'the request');
is(get('/api/%5Egspc')->{cache}, 'hit', 'however the client spells it');
--- calls: 1



=== TEST 32: an index is escaped in the arguments
--- uri: /fetch/quote?symbol=$sector_cache_symbol
--- client
get('/api/^GSPC');
like($upstream->requests($key), qr{\?symbol=%5EGSPC HTTP/1}, 'the request');



=== TEST 33: a share class comes through as it is
--- client
is(get('/api/brk.b')->{data}, '{"symbol":"BRK.B","price":101}', 'data');
like($upstream->requests($key), qr{^GET /ok${key}BRK\.B HTTP/1}, 'the request');



=== TEST 34: a currency comes through as it is
--- client
is(get('/api/INR=X')->{status}, 200, 'status');
like($upstream->requests($key), qr{^GET /ok${key}INR=X HTTP/1},
     'the request');



=== TEST 71: what divides arguments is escaped in them, and a path needs it not
--- uri: /fetch/quote?symbol=$sector_cache_symbol&range=1d
--- client
is(get('/api/m%26m.ns')->{data}, '{"symbol":"M&M.NS","price":101}', 'data');
like($upstream->requests($key), qr{quote\?symbol=M%26M\.NS&range=1d HTTP/1}, 'the request');
is(get('/api/M&M.NS')->{cache}, 'hit', 'however the client spells it');
--- calls: 1



=== TEST 72: a path comes through
--- client
is(get('/api/M%26M_A.NS')->{data}, '{"symbol":"M&M_A.NS","price":101}', 'data');
like($upstream->requests($key), qr{^GET /ok${key}M&M_A\.NS HTTP/1}, 'the request');



=== TEST 73: what a rewrite takes from the path into the arguments is escaped
--- fetch
rewrite ^/fetch/(.*) %PATH%quote?symbol=$1&range=1d break;
proxy_pass http://%UPSTREAM%;
--- client
is(get('/api/M%26M.NS')->{data}, '{"symbol":"M&M.NS","price":101}', 'data');
like($upstream->requests($key), qr{quote\?symbol=M%26M\.NS&range=1d HTTP/1}, 'the request');
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}', 'one without signs');



=== TEST 74: an argument of the fetch's URI stays escaped in its location
--- uri: /fetch/?symbol=$sector_cache_symbol
--- fetch
proxy_pass http://%UPSTREAM%%PATH%$arg_symbol?symbol=$arg_symbol;
--- client
is(get('/api/m%26m=^.ns')->{data}, '{"symbol":"M&M=^.NS","price":101}', 'data');
like($upstream->requests($key), qr{/M%26M%3D%5E\.NS\?symbol=M%26M%3D%5E\.NS HTTP/1}, 'the request');



=== TEST 75: a map compares symbols as they are
--- http
map $sector_cache_symbol_raw $market {
    default us;
    M&M.NS  india;
    ^GSPC   index;
}
--- uri: /fetch/$market?symbol=$sector_cache_symbol
--- client
get("/api/$_") for qw(M%26M.NS ^GSPC L%26T.NS);
is(join(' ', $upstream->requests($key) =~ m{/(\w+\?symbol=\S+)}g), 'india?symbol=M%26M.NS index?symbol=%5EGSPC us?symbol=L%26T.NS', 'the requests');



=== TEST 35: a location that denies is no word of a provider
--- fetch
return 403;
--- response_body_like: "error":"nginx itself answered 403 in location /fetch/, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log eval
qr/\[error\].*fetch of "XLK" failed after .*the provider was not asked/



=== TEST 36: rules of access are for clients, and a fetch is none
--- fetch
deny all;
proxy_pass http://%UPSTREAM%%PATH%;
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 37: nor is a location that does not exist
--- uri: /no/such/location/$sector_cache_symbol
--- response_body_like: "error":"nginx itself answered 404 in location /, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log eval
qr/\[error\].*no\/such\/location\/XLK" failed \(2: No such file/



=== TEST 38: a fetch that leads back to the API ends in an error
--- uri: /api/$sector_cache_symbol
--- response_body_like: "error":"nginx itself answered 500 in location /api, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log eval
qr/\[error\].*sector_cache_fetch leads back to sector_cache_api/
--- calls: 0



=== TEST 39: a fetch that leads back by a rewrite ends in an error
--- fetch
rewrite ^/fetch/(.*)$ /api/$1 last;
--- response_body_like: "error":"nginx itself answered 500 in location /api, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log eval
qr/\[error\].*sector_cache_fetch leads back to sector_cache_api/



=== TEST 40: a location that rewrites without end ends in an error
--- fetch
rewrite ^/fetch/(.*)$ /fetch/$1 last;
--- response_body_like: "error":"nginx itself answered 500 in location /fetch/, the provider was not asked","error_code":"NO_DATA"
--- error_code: 503
--- error_log eval
qr/\[error\].*rewrite or internal redirection cycle/



=== TEST 41: auth_request in the location does no harm
--- fetch
auth_request /auth;
proxy_pass http://%UPSTREAM%%PATH%;
--- locations
location = /auth {
    internal;
    return 204;
}
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 42: mirror in the location does no harm
--- fetch
mirror /mirrored;
proxy_pass http://%UPSTREAM%%PATH%;
--- locations
location = /mirrored {
    internal;
    proxy_pass http://%UPSTREAM%/html/mirrored/XLK;
}
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 43: filters for clients do not touch the data, those for all do
--- fetch
gzip on;
gzip_min_length 1;
gzip_types *;
sub_filter_types *;
sub_filter 101 999;
add_before_body /before;
ssi on;
ssi_types *;
proxy_pass http://%UPSTREAM%%PATH%;
--- locations
location = /before {
    return 200 'before';
}
--- client
is(get('/api/XLK', headers => ['Accept-Encoding: gzip'])->{data},
   '{"symbol":"XLK","price":999}', 'data');



=== TEST 44: a rewrite in the location is followed
--- fetch
rewrite ^/fetch/(.*)$ /elsewhere/$1 last;
--- locations
location /elsewhere/ {
    internal;
    proxy_pass http://%UPSTREAM%%PATH%;
}
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 45: try_files and a named location are followed
--- fetch
try_files /no/such/file @other;
--- locations
location @other {
    rewrite ^/fetch/(.*)$ %PATH%$1 break;
    proxy_pass http://%UPSTREAM%;
}
--- response_body_like: "data":\{"symbol":"XLK","price":101\}
--- calls: 1



=== TEST 46: a cache of nginx's own in the location
--- http
proxy_cache_path $TEST_NGINX_SERVER_ROOT/own%N%_cache keys_zone=own%N%:1m;
--- zone: ttl=1ms
--- fetch
proxy_cache own%N%;
proxy_cache_valid 200 1m;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $first = get('/api/XLK');
sleep 0.005;
my $second = get('/api/XLK');
is($second->{cache}, 'miss', 'it was fetched again');
is($second->{data}, $first->{data}, 'from the file');
--- calls: 1



=== TEST 47: a limit of the location's own is no word of a provider
--- http
limit_req_zone $server_name zone=one%N%:1m rate=1r/m;
--- fetch
limit_req zone=one%N%;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my @got = map { get("/api/X$_")->{status} } 1 .. 2;
ok($got[0] == 200, 'the first is fetched');
ok($got[1] == 200 || $got[1] == 503, 'the second is an answer or an error');
--- no_error_log
[alert]
[crit]



=== TEST 48: the upstream sees nothing of the client
--- client
my $got = get('/api/XLK', headers => [
    'Cookie: session=SECRET', 'Authorization: Bearer SECRET',
    'X-API-Key: SECRET', 'X-Forwarded-For: 10.9.8.7', 'Range: bytes=0-3',
    'If-None-Match: "SECRET"',
    'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
    'Accept-Encoding: gzip', 'User-Agent: SECRET', 'Referer: http://SECRET/',
    'Expect: nothing'
], body => 'SECRET');

is($got->{status}, 200, 'status');

my $request = $upstream->requests($key);
my ($line, @headers) = split /\r\n/, $request;
# newer ones of nginx ask by HTTP/1.1, and keep the connection
like($line, qr{^GET /ok${key}XLK HTTP/1\.[01]$}, 'the request line');
like(join(' ', sort map { /^([^:]+)/ } @headers), qr/^(?:Connection )?Host$/,
     'no header but nginx\'s own');
ok($request !~ /SECRET|10\.9\.8\.7/, 'nothing of the client\'s');
ok($request =~ /\r\n\r\n$/, 'no body');
--- calls: 1
--- no_error_log
[error]
[alert]
[crit]



=== TEST 49: variables of the client's are empty in the location
--- fetch
proxy_set_header X-Seen "[$http_cookie$http_authorization$arg_a$args]";
proxy_set_header X-Method $request_method;
proxy_set_header X-Body "[$request_body$http_content_length]";
proxy_pass http://%UPSTREAM%%PATH%;
--- client
get('/api/XLK?a=b', method => 'GET', body => 'SECRET',
    headers => ['Cookie: a=b', 'Authorization: c']);
my $request = $upstream->requests($key);
like($request, qr/^X-Seen: \[\]\r$/m, 'headers and arguments');
like($request, qr/^X-Method: GET\r$/m, 'method');
like($request, qr/^X-Body: \[\]\r$/m, 'body');



=== TEST 50: HEAD as the first request fetches with GET and stores
--- client
my $head = get('/api/XLK', method => 'HEAD');
is($head->{status}, 200, 'status');
is($head->{body}, '', 'no body');
like($upstream->requests($key), qr/^GET /, 'fetched with GET');
my $hit = get('/api/XLK');
is($hit->{cache}, 'hit', 'it was kept');
is($hit->{data}, '{"symbol":"XLK","price":101}', 'with its body');
--- calls: 1



=== TEST 51: a client that leaves at once leaves its fetch behind
--- script: gate
--- client
my $client = begin('/api/XLK');
wait_for('the fetch is under way', sub { calls() == 1 });
leave($client);
wait_for('the client is counted',
         sub { stats()->{namespaces}{sectors}{misses} >= 1 });
$upstream->release($key);
wait_for('it is stored', sub { stats()->{entryCount} == 1 });
is(get('/api/XLK')->{cache}, 'hit', 'the next is a hit');
--- calls: 1



=== TEST 52: a client that half-closes its connection is answered
--- script: gate
--- client
my $client = begin('/api/XLK');
wait_for('the fetch is under way', sub { calls() == 1 });
shutdown $client, 1;
$upstream->release($key);
my $got = finish($client);
wait_for('it is stored', sub { stats()->{entryCount} == 1 });
ok($got->{status} == 200 || $got->{status} == 0,
   'answered, or let go as nginx lets go of those');
is(get('/api/XLK')->{cache}, 'hit', 'stored in any case');
--- calls: 1



=== TEST 53: a fetch whose client left is aborted by its timeout alone
--- script: stall
--- source: name=own%N% timeout=300ms
--- client
leave(begin('/api/XLK'));
wait_for('it timed out', sub { source()->{timedOut} == 1 });
is(source()->{fetches}, 1, 'one fetch');
--- error_log eval
qr/\[error\].*fetch of "XLK" failed after .*did not answer within 300 ms/



=== TEST 54: those who ask for one cold symbol share one fetch
--- source: name=own%N% timeout=8s
--- script: gate
--- client
my @clients = map { begin('/api/XLK') } 1 .. 20;
wait_for('all of them wait', sub { source()->{coalesced} == 19 });
is($upstream->release($key), 1, 'one call waits for them');
my @got = map { finish($_) } @clients;
is(scalar(grep { $_->{data} eq '{"symbol":"XLK","price":101}' } @got), 20,
   'all have the same');
is(stats()->{namespaces}{sectors}{misses}, 20, 'each is a miss');
--- calls: 1



=== TEST 55: one who leaves does not take the fetch from the others
--- source: name=own%N% timeout=8s
--- script: gate
--- client
my @clients = map { begin('/api/XLK') } 1 .. 6;
wait_for('all of them wait', sub { source()->{coalesced} == 5 });
leave($_) for splice @clients, 0, 3;
wait_for('those who left are counted',
         sub { stats()->{namespaces}{sectors}{misses} == 3 });
$upstream->release($key);
is(scalar(grep { finish($_)->{status} == 200 } @clients), 3,
   'the others are answered');
--- calls: 1



=== TEST 56: those who wait for a fetch share its failure as well
--- script: stall
--- source: timeout=500ms
--- client
my @clients = map { begin('/api/XLK') } 1 .. 5;
is(scalar(grep { finish($_)->{code} eq 'UPSTREAM_TIMEOUT' } @clients), 5,
   'all are told');
--- calls: 1
--- error_log eval
qr/\[error\].*fetch of "XLK" failed/



=== TEST 57: different symbols are fetched side by side
--- script: gate
--- client
my @symbols = map { "X$_" } 1 .. 4;
my %client = map { $_ => begin("/api/$_") } @symbols;
wait_for('all are under way', sub { calls() == 4 });
is($upstream->release($key), 4, 'at the same time');
is(finish($client{$_})->{json}{data}{symbol}, $_, "$_ got its own")
    for @symbols;
--- calls: 4



=== TEST 58: with the cache off everyone has a fetch of its own
--- script: gate
--- api
sector_cache off;
--- client
my @clients = map { begin('/api/XLK') } 1 .. 3;
wait_for('all are under way', sub { calls() == 3 });
$upstream->release($key);
is(join(' ', sort map { finish($_)->{json}{data}{price} } @clients),
   '101 102 103', 'three answers');
is(stats()->{entryCount}, 0, 'none is kept');
--- calls: 3



=== TEST 59: a connection that is kept goes on after a miss
--- client
my $kept = begin('/api/XLK', keep => 1);
is(finish($kept)->{cache}, 'miss', 'a miss');
is(finish(begin('/api/XLK', keep => $kept))->{cache}, 'hit', 'a hit');
is(finish(begin('/api/XLF', keep => $kept))->{cache}, 'miss', 'a miss');
is(finish(begin('/api/NOT,ONE', keep => $kept))->{status}, 400, 'an error');
is(finish(begin('/api/XLF', keep => $kept))->{cache}, 'hit', 'a hit');
--- calls: 2



=== TEST 60: requests that are sent ahead are answered in order
--- pipelined_requests eval
["GET /api/XLA", "GET /api/XLB", "GET /api/XLA"]
--- response_body_like eval
[qr/"symbol":"XLA".*"miss"/, qr/"symbol":"XLB".*"miss"/,
 qr/"symbol":"XLA".*"hit"/]
--- calls: 2



=== TEST 61: a client of HTTP/2
--- http
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/logs/h2.sock http2;
    location /h2 {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
    }
    location /fetch/ {
        proxy_pass http://%UPSTREAM%%PATH%;
    }
}
--- skip_eval: 10: !$main::has_h2
--- client
my $client = h2_begin('/h2/XLK');
like((h2_finish($client, 1))[0], qr/"symbol":"XLK","price":101.*"miss"/,
     'a miss');

syswrite $client, h2_headers(3, '/h2/XLK');
like((h2_finish($client, 1))[0], qr/"symbol":"XLK","price":101.*"hit"/,
     'a hit on the same connection');

$client = h2_begin(map { "/h2/X$_" } 1 .. 8);
my @bodies = h2_finish($client, 8);
is(scalar(grep { $bodies[$_ - 1] =~ /"symbol":"X$_","price":101.*"miss"/ }
          1 .. 8), 8, 'eight misses at once');
--- calls: 9



=== TEST 62: a stream that its client cancels leaves its fetch behind
--- script: gate
--- http
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/logs/h2.sock http2;
    location /h2 {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
    }
    location /fetch/ {
        proxy_pass http://%UPSTREAM%%PATH%;
    }
}
--- skip_eval: 9: !$main::has_h2
--- client
my $client = h2_begin('/h2/XLK', '/h2/XLF');
wait_for('the fetches are under way', sub { calls() == 2 });
syswrite $client, h2_frame(3, 0, 1, pack 'N', 8);       # cancels XLK
wait_for('it is counted',
         sub { stats()->{namespaces}{sectors}{misses} == 1 });
$upstream->release($key);
like((h2_finish($client, 1))[0], qr/"symbol":"XLF".*"miss"/,
     'the other stream is answered');
wait_for('it is stored', sub { stats()->{entryCount} == 2 });
is(get('/api/XLK')->{cache}, 'hit', 'the next is a hit');
--- calls: 2



=== TEST 63: the API in a subrequest waits for its fetch
--- script: gate
--- locations
location /page {
    ssi on;
    ssi_types *;
    default_type text/html;
    return 200 '[<!--# include virtual="/api/XLK" -->|
                 <!--# include virtual="/api/XLF" -->]';
}
--- client
my $page = begin('/page');
wait_for('both are under way', sub { calls() == 2 });
$upstream->release($key);
like(finish($page)->{body},
     qr/^\[\{.*"symbol":"XLK".*\}\|\s+\{.*"symbol":"XLF".*\}\]$/s, 'the page');
--- calls: 2



=== TEST 64: a fetch leaves nothing behind in the connections
--- client
sub active {
    my ($active) = get('/connections')->{body} =~ /Active connections: (\d+)/;
    return $active;
}

# a client has its answer before nginx has closed the connection
wait_for('only this one is left', sub { active() == 1 });
get("/api/X$_") for 1 .. 20;
wait_for('only this one is left', sub { active() == 1 });
--- locations
location = /connections {
    stub_status;
}
--- calls: 20



=== TEST 65: a fetch is neither a client's connection nor a request
--- client
sub counts { return get('/connections')->{body} =~ /^ (\d+) \d+ (\d+)/m }

my ($connections, $requests) = counts();
get("/api/X$_") for 1 .. 5;
my @after = counts();
is($after[0] - $connections, 6, 'connections: five and this one');
is($after[1] - $requests, 6, 'requests: five and this one');
--- locations
location = /connections {
    stub_status;
}
--- calls: 5



=== TEST 66: a fetch writes no line into the access log
--- client
my $log = "$ENV{TEST_NGINX_SERVER_ROOT}/logs/fetch.log";
unlink $log;
get("/api/X$_") for 1 .. 3;
ok(!-s $log, 'nothing was logged');
--- fetch
access_log logs/fetch.log;
proxy_pass http://%UPSTREAM%%PATH%;
--- calls: 3



=== TEST 67: numbers of any size and escaped zeros that are not read are kept
--- user_files
>>> fetch/XLK
{"symbol":"XLK", "price":8.250,"a":18446744073709551615,"b":[-1e400],
 "c\u0000":"\u0000", "volume":9223372036854775808,"changePercent":1E+0}
--- fetch
root html;
log_not_found off;
--- client
my $miss = get('/api/XLK');

is($miss->{data}, join("\n", '{"symbol":"XLK", "price":8.250,'
       . '"a":18446744073709551615,"b":[-1e400],', ' "c\u0000":"\u0000", '
       . '"volume":9223372036854775808,"changePercent":1E+0}'),
   'byte for byte');
is(get('/api/XLK')->{data}, $miss->{data}, 'the hit has the same');
ok(index(get('/api/?symbols=XLK')->{body}, $miss->{data}) > 0, 'a batch too');

my $market = get('/api/snapshot')->{body};
ok(index($market, $miss->{data}) > 0, 'the snapshot too');
like($market, qr/"bullishSectors":1,/, 'it is counted there');
--- no_error_log
[alert]
[crit]
