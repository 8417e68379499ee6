# What becomes of a fetch that fails, for every way in which an upstream can
# fail one: the client is told which, the log says what was wrong, what was
# stored before is neither replaced nor removed, and the next good answer is
# taken as if nothing had been.
#
# A quote provider fails in more ways than by a 500: it redirects to a page
# that says sorry, answers 200 with HTML, or cuts a body off.  Each of these
# has once been kept by some cache as if it were data.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Upstream;

my $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);

# A block with "--- fault" is this whole story.
sub story {
    my $block = $Upstream::Script::block;
    my $fault = $block->fault;
    my ($status, $code) = split ' ', $block->becomes;
    my $says = $block->says;

    chomp($fault, $says);

    my $cold = Upstream::get('/api/COLD');

    Upstream::Script::is($cold->{status}, $status, 'status');
    Upstream::Script::is($cold->{code}, $code, 'error_code');
    Upstream::Script::like($cold->{error}, qr/$says/, 'error');
    Upstream::Script::is($cold->{json}{error_details}{source}, 'up',
                         'source in error_details');
    Upstream::Script::is($cold->{json}{error_details}{symbol}, 'COLD',
                         'symbol in error_details');

    my $answered = $fault =~ /^(?:status|redirect|after|afterdate|bare|part)
                              (?::(\d+))?/x;
    Upstream::Script::is($cold->{json}{error_details}{status},
                         $code ne 'UPSTREAM_ERROR' || !$answered ? undef
                         : $fault eq 'part' ? 206 : $1,
                         'status in error_details: only what the upstream '
                         . 'said');

    my $again = Upstream::get('/api/COLD');

    Upstream::Script::is($again->{code}, $code, 'the failure is not kept');

    my $first = Upstream::get('/api/WARM');

    Upstream::Script::is($first->{status}, 200, 'a good answer is stored');
    Time::HiRes::sleep(0.005);      # its ttl is a millisecond

    my $stale = Upstream::get('/api/WARM');

    Upstream::Script::is($stale->{status}, 200, 'it is served in place of the '
                                                . 'error');
    Upstream::Script::is($stale->{cache}, 'stale', 'as stale');
    Upstream::Script::is($stale->{data}, $first->{data}, 'unchanged');

    my $good = Upstream::get('/api/WARM');

    Upstream::Script::is($good->{cache}, 'miss', 'it is fetched again');
    Upstream::Script::is($good->{json}{data}{price}, 103, 'and taken');
    Upstream::Script::is($upstream->calls($Upstream::Script::key), 5,
                         'calls of the upstream');
}

add_block_preprocessor(sub {
    my ($block) = @_;
    my $fault = $block->fault;

    return unless defined $fault;

    chomp $fault;
    $block->set_value(client => \&story);
    $block->set_value(zone => 'ttl=1ms stale=1h') unless $block->zone;
    $block->set_value(scripts => "COLD $fault\nWARM ok,$fault,ok\n");
});

run_tests();

__DATA__

=== TEST 1: a connection closed without a word is an upstream error
--- fault: close
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Connection to source up failed
--- error_log eval
[qr/\[error\].*upstream prematurely closed connection/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: Connection to source up/]



=== TEST 2: a connection that is reset is an upstream error
--- fault: reset
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Connection to source up failed
--- error_log eval
[qr/\[error\].*recv\(\) failed \(104: Connection reset by peer\)/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: Connection to source up/]



=== TEST 3: a head that is too big for the proxy is an upstream error
--- fault: bighead
--- becomes: 502 UPSTREAM_ERROR
--- says: (?i)source up
--- error_log eval
[qr/\[error\].*upstream sent too big header/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*source up/i]



=== TEST 4: garbage in place of HTTP is an upstream error
--- fault: garbage
--- becomes: 502 UPSTREAM_ERROR
--- says: (?i)source up
--- error_log eval
[qr/\[error\].*upstream sent no valid HTTP/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*source up/i]



=== TEST 5: a body shorter than its length is an invalid answer
--- fault: half
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after 14 bytes/]



=== TEST 6: a connection that is reset in the body is an invalid answer
--- fault: resetbody
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after/]



=== TEST 7: so it is without buffering
--- fault: resetbody
--- directives: proxy_buffering off;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after/]



=== TEST 8: a body shorter than its length is seen without buffering as well
--- fault: half
--- directives: proxy_buffering off;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after 14 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after 14 bytes/]



=== TEST 9: a body that ends with its connection, and inside the JSON
--- fault: eofcut
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: not JSON
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*not JSON/]



=== TEST 10: chunks without the last one are an invalid answer
--- fault: chunkcut
--- directives: proxy_http_version 1.1;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after/]



=== TEST 11: and so without buffering
--- fault: chunkcut
--- directives
proxy_http_version 1.1;
proxy_buffering off;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after/]



=== TEST 12: a page for people is an invalid answer
--- fault: html
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: an HTML or XML page, not JSON$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*HTML or XML page/]



=== TEST 13: an empty body is an invalid answer
--- fault: empty
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: .*empty
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*empty/]



=== TEST 14: no content is an invalid answer
--- fault: bare:204
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: .*empty
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*empty/]



=== TEST 15: a sentence is an invalid answer
--- fault: text
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: not JSON
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*not JSON/]



=== TEST 16: half of a JSON text, whole by its length, is an invalid answer
--- fault: notjson
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: not JSON
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*not JSON/]



=== TEST 17: another symbol than the one asked for is an invalid answer
--- fault: other
--- becomes: 502 UPSTREAM_INVALID
--- says: symbol is "OTHER", asked for "COLD"
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*symbol is "OTHER"/]



=== TEST 18: an object without a price is an invalid answer
--- fault: noprice
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: no price
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*no price/]



=== TEST 19: a price that is a string is an invalid answer
--- fault: textprice
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent an invalid body: .*price
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*price/]



=== TEST 20: a compressed body that nobody asked for is an invalid answer
--- fault: gzip
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body with a content encoding
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*content encoding/]



=== TEST 21: a length over max_object is an invalid answer
--- fault: size:5000
--- zone: ttl=1ms stale=1h max_object=4k
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body larger than max_object, 4096 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*larger than max_object/]



=== TEST 22: one byte over max_object is one too many
--- fault: size:4097
--- zone: ttl=1ms stale=1h max_object=4k
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body larger than max_object, 4096 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*larger than max_object/]



=== TEST 23: a body without a length that grows over max_object
--- fault: eofsize:100000
--- zone: ttl=1ms stale=1h max_object=4k
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body larger than max_object, 4096 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*larger than max_object/]



=== TEST 24: chunks that grow over max_object by one byte
--- fault: chunksize:4097
--- directives: proxy_http_version 1.1;
--- zone: ttl=1ms stale=1h max_object=4k
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body larger than max_object, 4096 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*larger than max_object/]



=== TEST 25: five megabytes are not waited for
--- fault: chunksize:5000000
--- directives
proxy_http_version 1.1;
proxy_buffering off;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body larger than max_object, 1048576 bytes$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*larger than max_object/]



=== TEST 26: a moved resource is an upstream error, and not followed
--- fault: redirect:301
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up redirected with status 301, redirects are not followed$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after .*redirected with status 301/]



=== TEST 27: a redirect to another host is an upstream error
--- fault: redirect:302:away
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up redirected with status 302, redirects are not followed$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after .*redirected with status 302/]



=== TEST 28: a part of a body is an upstream error
--- fault: part
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 206$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 206/]



=== TEST 29: "not modified" is an upstream error: nothing was asked that way
--- fault: bare:304
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 304$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 304/]



=== TEST 30: a 400 is an upstream error
--- fault: status:400
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 400$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 400/]



=== TEST 31: a 401 is an upstream error, not the client's
--- fault: status:401
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 401$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 401/]



=== TEST 32: a 403 is an upstream error
--- fault: status:403
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 403$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 403/]



=== TEST 33: a 429 is an upstream error
--- fault: status:429
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 429$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 429/]



=== TEST 34: a 500 is an upstream error, a good body notwithstanding
--- fault: status:500
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 500$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 500/]



=== TEST 35: a 502 of the upstream's own is told from a lost connection
--- fault: status:502
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 502$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 502/]



=== TEST 36: a 503 is an upstream error
--- fault: status:503
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 503$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 503/]



=== TEST 37: a 504 of the upstream's own is told from a timeout here
--- fault: status:504
--- becomes: 502 UPSTREAM_ERROR
--- says: ^Source up answered with status 504$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*answered with status 504/]



=== TEST 38: an upstream that says nothing is too late
--- fault: stall
--- source: timeout=200ms
--- becomes: 504 UPSTREAM_TIMEOUT
--- says: ^Source up did not answer within 200 ms$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*within 200 ms/]



=== TEST 39: an upstream that stops in the body is too late
--- fault: stallbody
--- source: timeout=200ms
--- becomes: 504 UPSTREAM_TIMEOUT
--- says: ^Source up did not answer within 200 ms$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*within 200 ms/]



=== TEST 40: one that stops in the body is too late without buffering
--- fault: stallbody
--- source: timeout=200ms
--- directives: proxy_buffering off;
--- becomes: 504 UPSTREAM_TIMEOUT
--- says: ^Source up did not answer within 200 ms$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*within 200 ms/]



=== TEST 41: an upstream slower than the timeout is too late
--- fault: slow:30000
--- source: timeout=200ms
--- becomes: 504 UPSTREAM_TIMEOUT
--- says: ^Source up did not answer within 200 ms$
--- error_log eval
[qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*within 200 ms/]



=== TEST 42: a read timeout of the location's own is a timeout
--- fault: stall
--- directives: proxy_read_timeout 200ms;
--- becomes: 504 UPSTREAM_TIMEOUT
--- says: ^Source up did not answer in time$
--- error_log eval
[qr/\[error\].*upstream timed out/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*did not answer in time/]



=== TEST 43: a read timeout of the location's own cuts the body off
--- fault: stallbody
--- directives: proxy_read_timeout 200ms;
--- becomes: 502 UPSTREAM_INVALID
--- says: ^Source up sent a body that was cut off after \d+ bytes$
--- error_log eval
[qr/\[error\].*upstream timed out/,
 qr/\[error\].*fetch of "COLD" failed after \d+ ms: .*cut off after/]



=== TEST 44: a refused connection is an upstream error until it is accepted
--- fetch
proxy_pass http://%DOOR%%PATH%;
--- zone: ttl=1ms stale=1h
--- client
$upstream->door_closed;

my $refused = get('/api/XLK');
is($refused->{status}, 502, 'status');
is($refused->{code}, 'UPSTREAM_ERROR', 'error_code');
like($refused->{error}, qr/^Connection to source up failed/, 'error');
is($refused->{json}{error_details}{status}, undef, 'nobody answered');

$upstream->door_open;
my $good = get('/api/XLK');
is($good->{json}{data}{price}, 101, 'it is fetched');

$upstream->door_closed;
sleep 0.005;
my $stale = get('/api/XLK');
is($stale->{cache}, 'stale', 'it is served stale');
is($stale->{data}, $good->{data}, 'and unchanged');

$upstream->door_open;
is(get('/api/XLK')->{json}{data}{price}, 102, 'it is fetched again');
--- calls: 2
--- error_log eval
[qr/\[error\].*connect\(\) failed \(111: Connection refused\)/,
 qr/\[error\].*fetch of "XLK" failed after \d+ ms: Connection to source up/]



=== TEST 45: a name that does not resolve is an upstream error
--- fetch
resolver 127.0.0.1:1 valid=1s;
resolver_timeout 200ms;
set $name no-such.invalid;
proxy_pass http://$name:1;
--- client
my $got = get('/api/XLK');
is($got->{status}, 502, 'status');
is($got->{code}, 'UPSTREAM_ERROR', 'error_code');
like($got->{error}, qr/source up/i, 'error');
is($got->{json}{error_details}{status}, undef, 'nobody answered');
--- error_log eval
[qr/no-such\.invalid could not be resolved/]



=== TEST 46: an upstream's 404 is an answer, kept for a while
--- script: status:404
--- source: name=own%N% timeout=8s
--- client
for my $n (1, 2) {
    my $got = get('/api/XLK');
    is($got->{status}, 404, "status of $n");
    is($got->{code}, 'UNKNOWN_SYMBOL', "error_code of $n");
    is($got->{error}, 'Symbol XLK does not exist at source '
       . $block->source_name,
       "error of $n");
}

is(source()->{notFound}, 1, 'it is counted as an answer');
is(source()->{failed}, 0, 'and not as a failure');
--- calls: 1



=== TEST 47: an upstream's 404 that is believed replaces what was stored
--- script: ok,status:404
--- zone: ttl=1ms stale=1h negative=1m missing_after=1
--- client
is(get('/api/XLK')->{status}, 200, 'it exists');
sleep 0.005;
is(get('/api/XLK')->{status}, 404, 'it exists no more');
is(get('/api/XLK')->{status}, 404, 'and is not served stale');
--- calls: 2



=== TEST 48: a symbol that is back is fetched when the answer has gone old
--- script: status:404,ok
--- zone: ttl=1m negative=1ms
--- client
is(get('/api/XLK')->{status}, 404, 'it does not exist');
sleep 0.005;
is(get('/api/XLK')->{status}, 200, 'it does now');
--- calls: 2



=== TEST 49: a length that is exactly max_object is taken and kept
--- script: size:4096
--- zone: ttl=1m max_object=4k
--- client
my $first = get('/api/XLK');
is($first->{status}, 200, 'status');
is(length $first->{data}, 4096, 'all of it');
is(get('/api/XLK')->{cache}, 'hit', 'kept');
--- calls: 1



=== TEST 50: chunks that are exactly max_object are taken and kept
--- script: chunksize:4096
--- zone: ttl=1m max_object=4k
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
is(length get('/api/XLK')->{data}, 4096, 'all of it');
is(get('/api/XLK')->{cache}, 'hit', 'kept');
--- calls: 1



=== TEST 51: a stream that is exactly max_object is taken and kept
--- script: eofsize:4096
--- zone: ttl=1m max_object=4k
--- client
is(length get('/api/XLK')->{data}, 4096, 'all of it');
is(get('/api/XLK')->{cache}, 'hit', 'kept');
--- calls: 1



=== TEST 52: bytes behind the length are not part of the body
--- script: more
--- client
my $got = get('/api/XLK');
is($got->{status}, 200, 'status');
is($got->{data}, '{"symbol":"XLK","price":101}', 'data');
--- error_log eval
[qr/\[warn\].*upstream sent more data than specified/]



=== TEST 53: a Location that comes with a 200 means nothing
--- script: located
--- client
is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}', 'data');



=== TEST 54: early hints never end as data
--- script: hints
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
# an nginx that does not know them takes them for the answer
my $got = get('/api/XLK');
like("$got->{status} $got->{code}", qr/^200 $|^502 UPSTREAM_ERROR$/,
     'an answer or an error');
ok($got->{status} == 200 || $got->{data} eq '', 'no error has data');
ok($got->{status} != 200 || $got->{json}{data}{price} == 101,
   'data is the body');
--- no_error_log
[alert]
[crit]



=== TEST 55: a needless 100 never ends as data
--- script: continue
--- fetch
proxy_http_version 1.1;
proxy_pass http://%UPSTREAM%%PATH%;
--- client
my $got = get('/api/XLK');
like("$got->{status} $got->{code}",
     qr/^200 $|^502 UPSTREAM_ERROR$|^504 UPSTREAM_TIMEOUT$/,
     'an answer or an error');
ok($got->{status} != 200 || $got->{json}{data}{price} == 101,
   'data is the body');
--- no_error_log
[alert]
[crit]



=== TEST 56: every kind of failure is counted as what it is
--- scripts
OK      ok
FAILED  status:500
MISSING status:404
INVALID html
LATE    stall
--- source: timeout=200ms
--- client
my $before = source();
get("/api/$_") for qw(OK FAILED FAILED MISSING INVALID LATE);
my $after = source();
my %added = map { $_ => $after->{$_} - $before->{$_} }
            qw(fetches succeeded failed notFound invalid timedOut aborted);

is($added{fetches}, 6, 'fetches');
is($added{succeeded}, 1, 'succeeded');
is($added{failed}, 2, 'failed');
is($added{notFound}, 1, 'notFound');
is($added{invalid}, 1, 'invalid');
is($added{timedOut}, 1, 'timedOut');
is($added{aborted}, 0, 'aborted');
--- no_error_log
[alert]
[crit]



=== TEST 57: the wall clock's date in a Retry-After is understood
--- script: afterdate:429:100
--- source: name=dated%N% timeout=8s failures=1000000 open=1ms max_open=1h
--- client
is(get('/api/XLK')->{code}, 'UPSTREAM_ERROR', 'the first is an error');

my $got = get('/api/XLK');
is($got->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'the second is refused');
ok($got->{headers}{'retry-after'} > 60
   && $got->{headers}{'retry-after'} <= 101, 'for as long as was asked');
--- calls: 1
--- error_log eval
[qr/\[error\].*answered with status 429/]



=== TEST 58: a Retry-After that is neither number nor date is not one
--- script: after:429:soon,ok
--- source: name=soon%N% timeout=8s failures=1000000 open=1h max_open=1h
--- client
is(get('/api/XLK')->{code}, 'UPSTREAM_ERROR', 'the first is an error');
is(get('/api/XLK')->{status}, 200, 'the second is fetched');
--- calls: 2
--- error_log eval
[qr/\[error\].*answered with status 429/]



=== TEST 59: with the cache off a failure is an error, whatever is stored
--- script: ok,status:500,ok
--- zone: ttl=1ms stale=1h
--- api
sector_cache $arg_cache;
--- client
is(get('/api/XLK?cache=on')->{status}, 200, 'it is stored');
is(get('/api/XLK?cache=off')->{code}, 'UPSTREAM_ERROR', 'it fails');
is(get('/api/XLK?cache=off')->{cache}, 'disabled', 'it is fetched');
--- calls: 3
--- error_log eval
[qr/\[error\].*answered with status 500/]
