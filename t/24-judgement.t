# A key whose fetch failed waits before it is fetched again.  Without that the
# clients of a stale key set the pace of calls: a provider that answered 401 at
# once got 2 820 calls in a second and a half for one symbol, and the breaker
# stayed closed.
#
# Most waits here last an hour, so that no machine is too slow for them.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Upstream;

my $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);

# What the blocks ask for.
package Upstream::Script;

our ($block, $key);

sub label { return ($_[0]{headers}{'cache-status'} || '') =~ /detail=(\w+)/
                   ? $1 : '' }
sub held { return source()->{held} }
sub refresh { return get("/admin/refresh?symbols=$_[0]", method => 'POST') }

# Of many answers those that are not as this says.
sub unlike_all {
    my ($as, @got) = @_;
    return scalar grep { !$as->($_) } @got;
}


# A key that nothing is known of: the first error is answered from memory.
sub cold_waits {
    my ($status, $code) = @_;
    my $first = get('/api/COLD');

    is($first->{status}, $status, 'status of the first');
    like($first->{code}, qr/^$code/, 'error_code of the first');

    my @more = map { get('/api/COLD') } 1 .. 50;

    for my $what (qw(status code error)) {
        is(unlike_all(sub { $_[0]{$what} eq $first->{$what} }, @more), 0,
           "$what of all that follow");
    }

    is(unlike_all(sub { my $after = $_[0]{headers}{'retry-after'} || 0;
                        $after > 3000 && $after <= 3600
                        && $_[0]{json}{error_details}{retryAfter} == $after },
                  @more), 0, 'with Retry-After');
    is($upstream->calls("${key}COLD"), 1, 'one call');
}


# A key with stale data: that is served, and says why.
sub warm_waits {
    my ($code) = @_;
    my $good = get('/api/WARM');

    is($good->{status}, 200, 'a good answer');
    Upstream::pass_ttl();

    my $first = get('/api/WARM');

    is("$first->{status} $first->{cache}", '200 stale', 'stale by the failure');
    like(label($first), qr/^$code/, 'detail of the first');

    my @more = map { get('/api/WARM') } 1 .. 49;

    is(unlike_all(sub { "$_[0]{status} $_[0]{cache}" eq '200 stale'
                        && $_[0]{data} eq $good->{data} }, @more), 0,
       'all that follow get what was stored');
    is(unlike_all(sub { $_[0]{headers}{'cache-status'}
                        =~ /^sector-cache; hit;.*detail=/ }, @more), 0,
       'without a call, says Cache-Status');
    is(unlike_all(sub { label($_[0]) eq label($first) }, @more), 0,
       'and why');
    is($upstream->calls("${key}WARM"), 2, 'one call beside the good one');
}


# A block with "--- fault" is this whole story.
sub story {
    my ($status, $code) = split ' ', $block->becomes;

    cold_waits($status, $code);
    warm_waits($code);
    is(held(), 99, 'those without a call are counted');
    is(source()->{fetches}, 3, 'fetches');
    is(source()->{breaker}{state}, 'closed', 'the breaker has no part in it');
}

package main;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $fault = $block->fault;
    my $source = $block->source || '';

    chomp $source;
    $source = "hold=1h max_hold=1h $source"
        unless $source =~ /\bhold=/;
    $block->set_value(source => "name=s%N% $source");
    $block->set_value(zone => 'ttl=1ms stale=1h') unless $block->zone;
    $block->set_value(locations => ($block->locations || '') . <<'END');
location /admin {
    sector_cache_admin;
    sector_cache_admin_key off;
}
END

    return unless defined $fault;

    chomp $fault;
    $block->set_value(client => \&Upstream::Script::story);
    $block->set_value(scripts => "COLD $fault\nWARM ok,$fault\n");
    $block->set_value(error_log => qr/fetch of "COLD" failed/)
        unless $block->error_log;
});

run_tests();

__DATA__

=== TEST 1: after an answer of 401 (a key that was revoked) a key waits
--- fault: status:401
--- becomes: 502 UPSTREAM_ERROR


=== TEST 2: after an answer of 402 a key waits
--- fault: status:402
--- becomes: 502 UPSTREAM_ERROR


=== TEST 3: after an answer of 403 a key waits
--- fault: status:403
--- becomes: 502 UPSTREAM_ERROR


=== TEST 4: after an answer of 407 a key waits
--- fault: status:407
--- becomes: 502 UPSTREAM_ERROR


=== TEST 5: after a redirect a key waits
--- fault: redirect:301
--- becomes: 502 UPSTREAM_ERROR


=== TEST 6: after an answer of 400 a key waits
--- fault: status:400
--- becomes: 502 UPSTREAM_ERROR


=== TEST 7: after an answer of 422 a key waits
--- fault: status:422
--- becomes: 502 UPSTREAM_ERROR


=== TEST 8: after an answer of 451 a key waits
--- fault: status:451
--- becomes: 502 UPSTREAM_ERROR


=== TEST 9: after a page of 404 that is HTML a key waits
--- fault: page:404
--- becomes: 502 UPSTREAM_


=== TEST 10: after a router's 404 in plain text a key waits
--- fault: plain:404
--- becomes: 502 UPSTREAM_


=== TEST 11: after an answer of 500 a key waits
--- fault: status:500
--- becomes: 502 UPSTREAM_ERROR


=== TEST 12: after an answer of 429 a key waits
--- fault: status:429
--- becomes: 502 UPSTREAM_ERROR


=== TEST 13: after a timeout a key waits
--- fault: stall
--- becomes: 504 UPSTREAM_TIMEOUT
--- source: timeout=200ms


=== TEST 14: after a connection that is closed a key waits
--- fault: close
--- becomes: 502 UPSTREAM_ERROR


=== TEST 15: after a body that is cut off a key waits
--- fault: half
--- becomes: 502 UPSTREAM_INVALID


=== TEST 16: after a page with a status of 200 a key waits
--- fault: html
--- becomes: 502 UPSTREAM_INVALID


=== TEST 17: after a body that is not JSON a key waits
--- fault: notjson
--- becomes: 502 UPSTREAM_INVALID


=== TEST 18: after a body without a price a key waits
--- fault: noprice
--- becomes: 502 UPSTREAM_INVALID


=== TEST 19: after another symbol's body a key waits
--- fault: other
--- becomes: 502 UPSTREAM_INVALID


=== TEST 20: after a refused connection a key waits
--- uri: /fetch/$sector_cache_symbol
--- fetch: proxy_pass http://%DOOR%%PATH%;
--- client
$upstream->door_closed;
is(unlike_all(sub { "$_[0]{status} $_[0]{code}" eq '502 UPSTREAM_ERROR' },
              map { get('/api/COLD') } 1 .. 51), 0, 'the error');
$upstream->door_open;
my $good = get('/api/WARM');
is($good->{status}, 200, 'a good answer');
$upstream->door_closed;
Upstream::pass_ttl();

my @got = map { get('/api/WARM') } 1 .. 50;
is(unlike_all(sub { "$_[0]{status} $_[0]{cache}" eq '200 stale'
                    && label($_[0]) eq 'UPSTREAM_ERROR' }, @got), 0,
   'stale, and why');
is(source()->{fetches}, 3, 'fetches');
is(held(), 99, 'held');
--- error_log
Connection refused


=== TEST 21: with a list of symbols and a snapshot keys wait as well
--- zone: ttl=1m stale=1h
--- http
sector_cache_zone snapshots 1m;
--- scripts
default ok
XLF     status:401
XLE     noprice
--- client
for (1 .. 10) {
    my $got = get('/api/?symbols=XLK,XLF,XLE');
    is($got->{status}, 200, 'status');
    is($got->{json}{errors}{XLF}{error_code}, 'UPSTREAM_ERROR', 'of one');
    is($got->{json}{errors}{XLE}{error_code}, 'UPSTREAM_INVALID', 'and one');
    get('/api/snapshot?fresh=1');
}
is($upstream->calls("$key$_"), 1, "calls for $_") for qw(XLK XLF XLE);
is(calls(), 12, 'calls');
--- error_log: fetch of "XLF" failed


=== TEST 22: what is refreshed in the background waits as well
--- zone: ttl=1ms swr=1h stale=2h
--- script: ok,status:403
--- client
my $good = get('/api/XLK');
Upstream::pass_ttl();
get('/api/XLK');
wait_for('its refresh has failed', sub { source()->{failed} == 1 });
my @got = map { get('/api/XLK') } 1 .. 30;
is(unlike_all(sub { $_[0]{status} == 200 && $_[0]{data} eq $good->{data} },
              @got), 0, 'all are served');
is(held(), 30, 'held');
--- calls: 2
--- error_log: status 403


=== TEST 23: HEAD and GET are one key, and so are its spellings
--- script: status:500
--- client
get('/api/XLK');
get('/api/xlk');
get('/api/XLK', method => 'HEAD');
get('/api/?symbols=xlk');
--- calls: 1
--- error_log: fetch of "XLK" failed


=== TEST 24: keys wait each for itself
--- script: status:500
--- client
is(get("/api/X$_")->{status}, 502, "X$_") for 1 .. 5, 1 .. 5;
is(held(), 5, 'held');
--- calls: 5
--- error_log: fetch of "X5" failed


=== TEST 25: when its time is over it is fetched, and a success ends it all
--- zone: ttl=1m
--- script: status:500,ok
--- source: hold=300ms max_hold=300ms
--- client
is(get('/api/XLK')->{status}, 502, 'the failure');
is(get('/api/XLK')->{status}, 502, 'from memory');
wait_for('it is over', sub { get('/api/XLK')->{status} == 200 });
is(get('/api/XLK')->{cache}, 'hit', 'a hit');
ok(held() > 0, 'held');
--- calls: 2
--- error_log: fetch of "XLK" failed


=== TEST 26: the wait doubles up to max_hold
--- script: status:500
--- source: hold=100ms max_hold=300ms
--- client
my $began = time;
my $elapsed = 0;

# 100, 200, 240 ms and so on at least: five calls are there after 780 ms
wait_for('five calls', sub {
    get('/api/XLK');
    $elapsed = time - $began;
    calls() >= 5 && $elapsed > 1.5;
});
my $most = 4 + $elapsed / 0.24;
ok(calls() <= $most, 'no more than ' . int($most) . ', made ' . calls());
--- error_log: fetch of "XLK" failed


=== TEST 27: a success starts the doubling anew
--- script: status:500,status:500,ok,status:500
--- source: hold=1s max_hold=1h
--- client
get('/api/XLK');
my $after = get('/api/XLK')->{headers}{'retry-after'} || 0;
ok($after >= 1 && $after <= 2, "a second at first, $after");
wait_for('it fails again', sub { get('/api/XLK'); calls() >= 2 });
$after = get('/api/XLK')->{headers}{'retry-after'} || 0;
ok($after >= 2 && $after <= 3, "two then, $after");
wait_for('it is well', sub { get('/api/XLK')->{status} == 200 });
Upstream::pass_ttl();
wait_for('it fails again', sub { get('/api/XLK'); calls() >= 4 });
my $failed = time;
wait_for('it is asked again', sub { get('/api/XLK'); calls() >= 5 });
ok(time - $failed < scaled(2), 'after one, not four');
--- error_log: fetch of "XLK" failed


=== TEST 28: the default is a second
--- script: status:500
--- source: hold=default
--- client
my $began = time;
my ($n, $elapsed) = (0, 0);
while ($n < 50 && $elapsed < 0.9) {
    is(get('/api/XLK')->{status}, 502, 'status') if $n++ < 2;
    get('/api/XLK');
    $elapsed = time - $began;
}
ok($n > 1, 'asked more than once');
is(calls(), 1, 'one call') if $elapsed < 0.95;
wait_for('it is asked again', sub { get('/api/XLK'); calls() >= 2 });
--- error_log: fetch of "XLK" failed


=== TEST 29: an operator's refresh ends the wait
--- zone: ttl=1h
--- script: status:500,ok
--- client
is(get('/api/XLK')->{status}, 502, "answer $_") for 1 .. 3;
is(calls(), 1, 'one call');
is(refresh('XLK')->{status}, 200, 'refreshed');
is(get('/api/XLK')->{cache}, 'hit', 'a hit');
--- calls: 2
--- error_log: fetch of "XLK" failed


=== TEST 30: after an operator's refresh that failed it waits again
--- script: status:500
--- client
is(get('/api/XLK')->{status}, 502, "answer $_") for 1 .. 3;
is(refresh('XLK')->{status}, 502, "refresh $_") for 1 .. 3;
is(calls(), 4, 'each refresh is a call');
is(get('/api/XLK')->{status}, 502, "answer $_") for 4 .. 6;
--- calls: 4
--- error_log: fetch of "XLK" failed


=== TEST 31: a request that bypasses the cache does not end it
--- script: ok,status:401
--- api
sector_cache_bypass $arg_fresh;
--- client
get('/api/XLK');
Upstream::pass_ttl();
my @got = map { get("/api/XLK$_") } ('', ('?fresh=1') x 20, ('') x 20);
is(unlike_all(sub { $_[0]{status} =~ /^(?:200|502)$/ }, @got), 0, 'answered');
is(unlike_all(sub { "$_[0]{status} $_[0]{cache}" eq '200 stale' },
              @got[21 .. 40]), 0, 'stale without it');
ok(held() >= 40, 'held');
--- calls: 2
--- error_log: status 401


=== TEST 32: with the cache off each request calls, as ever
This one and the next two tell where the rule ends.

--- api
sector_cache off;
--- script: status:500
--- client
is(get('/api/XLK')->{status}, 502, "answer $_") for 1 .. 5;
is(held(), 0, 'none is held');
--- calls: 5
--- error_log: fetch of "XLK" failed


=== TEST 33: in shadow too, which answers as if it were off
--- api
sector_cache shadow;
--- script: status:500,ok
--- client
is(get('/api/XLK')->{status}, 502, 'a failure');
is(get('/api/XLK')->{status}, 200, 'and it is over');
is(held(), 0, 'none is held');
--- calls: 2
--- error_log: fetch of "XLK" failed


=== TEST 34: so it does with hold=0
--- script: status:500
--- source: hold=0
--- client
is(get('/api/XLK')->{status}, 502, "answer $_") for 1 .. 5;
is(held(), 0, 'none is held');
--- calls: 5
--- error_log: fetch of "XLK" failed


=== TEST 35: an entry that an operator puts is served while its key waits
--- zone: ttl=1h
--- script: status:500
--- client
is(get('/api/XLK')->{status}, 502, "answer $_") for 1, 2;
is(get('/admin/sectors/XLK', method => 'PUT',
       body => '{"symbol":"XLK","price":7}')->{status}, 200, 'put');
my $got = get('/api/XLK');
is("$got->{status} $got->{cache}", '200 hit', 'a hit');
--- calls: 1
--- error_log: fetch of "XLK" failed


=== TEST 36: what the rate limit refuses is not what a key waits for
--- script: status:401
--- source: rate=1r/m
--- locations
location /shadow {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache shadow;
    sector_cache_fetch s%N% /fetch/$sector_cache_symbol;
}
--- client
is(get('/api/XLK')->{code}, 'UPSTREAM_ERROR', 'it failed');
like(get('/shadow/XLK')->{code}, qr/RATE/, 'refused');
is(get('/api/XLK')->{code}, 'UPSTREAM_ERROR', 'it still waits for that');
--- calls: 1
--- error_log: status 401


=== TEST 37: nor does a request with the cache off change how its wait ends
--- script: status:400,status:500
--- source: failures=1000000
--- locations
location /off {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache off;
    sector_cache_fetch s%N% /fetch/$sector_cache_symbol;
}
--- client
is(get('/api/XLK')->{status}, 502, 'it failed by itself');
is(get('/off/XLK')->{status}, 502, 'so does the source');

for my $state (qw(open auto)) {
    is(get('/admin/breaker/' . $block->source_name, method => 'PUT',
           body => qq({"state":"$state"}))->{status}, 200, $state);
}

is(get('/api/XLK')->{status}, 502, 'it waits all the same');
is(held(), 1, 'held');
--- calls: 2
--- error_log: status 400


=== TEST 38: who waits because nginx itself refused is told how long
--- fetch
return 403;
--- client
is(get('/api/XLK')->{status}, 503, 'nobody was asked');
my $got = get('/api/XLK');
is("$got->{status} $got->{code}", '503 NO_DATA', 'nor now');
ok($got->{headers}{'retry-after'} > 3000, 'and not for an hour');
is(held(), 1, 'held');
--- calls: 0
--- error_log: nginx itself answered 403
