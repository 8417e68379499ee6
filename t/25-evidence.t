# What a failure says: something about the source, or about the one key that
# was asked for.  Only the first opens the breaker.  A revoked key of an API
# once left it closed at 2 820 calls; five GETs of symbols without a price
# opened it for all others; and half-open, answers that counted neither way let
# 846 calls through in a second and a half.
#
# Keys wait for an hour, unless a block is about keys that do not.

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

sub breaker { return source()->{breaker} }
sub state { return breaker()->{state} }
sub again { Upstream::pass_ttl(); return get("/api/$_[0]")->{status} }


# Each key twice, of which the second time makes no call.
sub fails {
    for my $symbol (@_) {
        my @got = map { get("/api/$symbol") } 1, 2;

        like("$_->{status} $_->{code}", qr/^50[24] UPSTREAM_/,
             "$symbol fails") for @got;
    }
}


# "--- opens": three keys that fail like this open it.
sub opens {
    fails(qw(A B));
    is(state(), 'closed', 'closed after two');
    is(source()->{held}, 2, 'which have been asked twice');
    get('/api/C');
    is(state(), 'open', 'open after three');
    is(get('/api/D')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'a fourth is refused');
    is(calls(), 3, 'calls');
}


# "--- harmless": as many keys as one likes do not.
sub harmless {
    fails('A' .. 'H');
    is(state(), 'closed', 'closed');
    is(breaker()->{opened}, 0, 'and was never open');
    is(source()->{held}, 8, 'none is asked for twice');
    is(calls(), 8, 'calls');
}

package main;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $source = $block->source || '';
    my $format = $block->format || '';

    chomp($source, $format);
    $source = "hold=1h max_hold=1h $source" unless $source =~ /\bhold=/;
    $source = "failures=3 $source" unless $source =~ /\bfailures=/;
    $source = "open=1h max_open=1h $source" unless $source =~ /\bopen=/;
    $block->set_value(source => "name=s%N% $source");
    $block->set_value(uri => "/fetch/\$sector_cache_symbol format=$format")
        if $format;

    for my $kind (qw(opens harmless)) {
        my $fault = $block->$kind;

        next unless defined $fault;

        $block->set_value(script => $fault);
        $block->set_value(client => $kind eq 'opens'
            ? \&Upstream::Script::opens : \&Upstream::Script::harmless);
        $block->set_value(error_log => 'fetch of "A" failed');
    }
});

run_tests();

__DATA__

=== TEST 1: 401 is the source's
--- opens: status:401


=== TEST 2: 402 is the source's
--- opens: status:402


=== TEST 3: 403 is the source's
--- opens: status:403


=== TEST 4: 407 is the source's
--- opens: status:407


=== TEST 5: a redirect is the source's
--- opens: redirect:301


=== TEST 6: 429 is the source's
--- opens: status:429


=== TEST 7: 5xx is the source's
--- opens: status:500


=== TEST 8: a timeout is the source's
--- opens: stall
--- source: timeout=200ms


=== TEST 9: a lost connection is the source's
--- opens: close


=== TEST 10: a body that is cut off is the source's
--- opens: half


=== TEST 11: a page with a status of 200 is the source's
--- opens: html


=== TEST 12: text with a status of 200 is the source's
--- opens: text


=== TEST 13: no body at all is the source's
--- opens: empty


=== TEST 14: JSON that stops midway is the source's
--- opens: notjson


=== TEST 15: a page with a status of 404 is the source's
--- opens: page:404


=== TEST 16: a router's text with a status of 404 is the source's
--- opens: plain:404


=== TEST 17: a page with a status of 404 is no answer of Yahoo's
--- opens: page:404
--- format: yahoo_chart


=== TEST 18: another's JSON with a status of 404 is no answer of Yahoo's
--- opens: nosuch
--- format: yahoo_chart


=== TEST 19: a good body that is not Yahoo's is the source's
--- opens: ok
--- format: yahoo_chart


=== TEST 20: 400 is the key's
--- harmless: status:400


=== TEST 21: 410 is the key's
--- harmless: status:410


=== TEST 22: 422 is the key's
--- harmless: status:422


=== TEST 23: 451 is the key's
--- harmless: status:451


=== TEST 24: 418, which nobody knows, is the key's
--- harmless: status:418


=== TEST 25: a body without a price is the key's
--- harmless: noprice


=== TEST 26: a price that is none is the key's
--- harmless: textprice


=== TEST 27: another symbol is the key's
--- harmless: other


=== TEST 28: an error in Yahoo's own form is the key's
--- harmless: chart:error
--- format: yahoo_chart


=== TEST 29: "no such symbol" in the provider's form is neither
--- zone: ttl=1m negative=1h
--- format: yahoo_chart
--- script: chart:delisted
--- client
is(get("/api/$_")->{status}, 404, "$_ does not exist") for ('A' .. 'H') x 2;
is(state(), 'closed', 'closed');
is(source()->{notFound}, 8, 'counted');
--- calls: 8


=== TEST 30: what is the key's neither opens nor mends
--- scripts
default status:500
N1      status:400
N2      noprice
--- client
fails(qw(A N1 B N2));
is(state(), 'closed', 'closed after two of the source');
get('/api/C');
is(state(), 'open', 'open after three');
is(source()->{held}, 4, 'held');
--- calls: 5
--- error_log: fetch of "A" failed


=== TEST 31: five symbols without a price harm no other, though all are accepted
--- zone: ttl=1h
--- scripts
default ok
X1      noprice
X2      noprice
X3      noprice
X4      noprice
X5      noprice
--- source: failures=5
--- client
is(get('/api/XLK')->{cache}, 'miss', 'one that is well');
fails(map { "X$_" } 1 .. 5);
is(state(), 'closed', 'closed');
is(get('/api/XLK')->{cache}, 'hit', 'it is well still');
is(get('/api/XLF')->{cache}, 'miss', 'and so is another');
is(source()->{held}, 5, 'held');
--- calls: 7
--- error_log: fetch of "X5" failed


=== TEST 32: one key that fails over and over does not open it while another is fresh
--- zone: ttl=1h
--- scripts
default ok
BAD     status:500
--- source: hold=1ms max_hold=1ms
--- client
is(get('/api/XLK')->{status}, 200, 'one that is well');
is(again('BAD'), 502, "failure $_") for 1 .. 12;
is(state(), 'closed', 'closed');
is(get('/api/XLK')->{cache}, 'hit', 'a hit');
is(get('/api/XLF')->{cache}, 'miss', 'a miss');
--- calls: 14
--- error_log: fetch of "BAD" failed


=== TEST 33: so it is for one whose failures are met by stale data
--- zone: ttl=1ms stale=1h
--- scripts
default ok
BAD     ok,reset
--- source: hold=1ms max_hold=1ms
--- client
get('/api/BAD');
get('/api/XLK');
is(again('BAD'), 200, "stale $_") for 1 .. 12;
is(state(), 'closed', 'closed: another was well a moment ago');
is(again('XLK'), 200, 'it still is');
Upstream::pass_ttl();
is(get('/api/XLK')->{cache}, 'miss', 'by a call');
--- error_log: reset by peer


=== TEST 34: alone it opens it
--- script: status:500
--- source: hold=1ms max_hold=1ms
--- client
is(again('BAD'), 502, "failure $_") for 1 .. 3;
is(state(), 'open', 'open');
is(source()->{held}, 0, 'its waits were over');
--- calls: 3
--- error_log: fetch of "BAD" failed


=== TEST 35: two keys that fail by turns open it, whoever else is fresh
--- zone: ttl=1h
--- scripts
default ok
BAD1    status:500
BAD2    status:500
--- source: hold=1ms max_hold=1ms
--- client
get('/api/XLK');
is(again($_), 502, $_) for qw(BAD1 BAD1 BAD1 BAD2);
is(state(), 'closed', 'closed: that is twice');
is(again('BAD1'), 502, 'BAD1 once more');
is(state(), 'open', 'open');
--- calls: 6
--- error_log: fetch of "BAD1" failed


=== TEST 36: one that was well itself is no proof that others are
--- zone: ttl=1ms stale=1h
--- script: ok,status:500
--- source: hold=1ms max_hold=1ms
--- client
get('/api/XLK');
is(again('XLK'), 200, "stale $_") for 1 .. 3;
is(state(), 'open', 'open');
--- calls: 4
--- error_log: fetch of "XLK" failed


=== TEST 37: a rate that one key makes does not open it
--- zone: ttl=1h
--- scripts
default ok
BAD     status:500
--- source: hold=1ms max_hold=1ms failures=1000 error_rate=20% window=1h
--- client
get("/api/X$_") for 1 .. 9;
is(again('BAD'), 502, "failure $_") for 1 .. 20;
is(state(), 'closed', 'closed');
--- calls: 29
--- error_log: fetch of "BAD" failed


=== TEST 38: a rate that many keys make does
--- zone: ttl=1h
--- scripts
default status:401
X1      ok
X2      ok
X3      ok
X4      ok
X5      ok
--- source: hold=1h max_hold=1h failures=1000 error_rate=50% window=1h
--- client
get("/api/X$_") for 1 .. 5;
fails('A' .. 'D');
is(state(), 'closed', 'closed at four of nine');
get('/api/E');
is(state(), 'open', 'open at five of ten');
--- calls: 10
--- error_log: fetch of "A" failed


=== TEST 39: a rate is not made by what is the keys'
--- script: status:400
--- source: hold=1h max_hold=1h failures=1000 error_rate=10% window=1h
--- client
fails(map { "X$_" } 1 .. 20);
is(state(), 'closed', 'closed');
is(source()->{held}, 20, 'held');
--- calls: 20
--- error_log: fetch of "X1" failed


=== TEST 40: after a recovery a key that the source had failed waits no longer
--- scripts
default status:500,ok
--- source: hold=1h max_hold=1h failures=2 open=200ms successes=1
--- client
fails('A');
get('/api/B');
is(state(), 'open', 'open');
wait_for('it closes again', sub { state() eq 'closed' });
is(get("/api/$_")->{status}, 200, "$_ is well") for qw(A B);
--- error_log: fetch of "A" failed


=== TEST 41: one that failed for itself does
--- scripts
default status:500,ok
N       noprice,ok
--- source: hold=1h max_hold=1h failures=2 open=200ms successes=1
--- client
fails('N');
fails('A');
get('/api/B');
wait_for('it closes again', sub { breaker()->{opened} == 1
                                  && state() eq 'closed' });
is(get('/api/N')->{code}, 'UPSTREAM_INVALID', 'from memory');
is($upstream->calls("${key}N"), 1, 'one call');
--- error_log: fetch of "A" failed


=== TEST 42: a 404 page does not close a breaker that is half-open
--- script: status:500,page:404
--- source: failures=1 open=200ms max_open=1h successes=1 half_open=1
--- client
is(get('/api/A')->{status}, 502, 'a failure');
wait_for('a probe was answered', sub { my $is = breaker();
    $is->{opened} == 2 || $is->{state} eq 'closed' });
is(state(), 'open', 'open again');
is(breaker()->{opened}, 2, 'for the second time');
--- error_log: half_open -> open


=== TEST 43: half-open, answers that count neither way make it open again in time
--- scripts
default status:400
BAD     status:500,status:400
--- source: hold=1ms max_hold=1ms failures=1 open=1s half_open=2 successes=2 half_open_timeout=1s
--- client
my $n = 0;
my $calls = 1;

get('/api/BAD');

for my $round (1, 2) {
    # clients ask for another symbol each time, as fast as they can
    wait_for('it is half-open', sub { get('/api/X' . ++$n);
                                      state() eq 'half_open' });
    my $began = time;
    wait_for('it is open again', sub { get('/api/X' . ++$n);
                                       state() eq 'open' });
    ok(time - $began > 0.8, 'not before its time');
    $calls += 2;
    ok(calls() <= $calls, "no more than $calls calls, there are " . calls());
    ok(calls() > $calls - 2, 'but one at least');
    ok(breaker()->{retryAfter} <= 1, 'for no longer than at first');
}

ok($n > 100, 'they asked often');
is(get('/api/Y')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'refused');
--- error_log: half_open -> open


=== TEST 44: half-open, an answer that counts neither way keeps its place
--- zone: ttl=1ms stale=1h
--- scripts
default gate
BAD     status:500,status:400
--- source: hold=1ms max_hold=1ms failures=1 open=200ms half_open=2 successes=2
--- client
get('/api/BAD');
wait_for('it was probed', sub { calls() == 2 && !source()->{inFlight} });

my $second = begin('/api/XLK');
wait_for('another has the second place', sub { calls() == 3 });
is(get('/api/XLF')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'there is no third');

$upstream->release($key);
is(finish($second)->{status}, 200, 'a success');
is(state(), 'half_open', 'one is not enough');

Upstream::pass_ttl();
$second = begin('/api/XLK');
wait_for('its place is free', sub { calls() == 4 });
$upstream->release($key);
is(finish($second)->{status}, 200, 'another success');
is(state(), 'closed', 'closed');
--- error_log: closed -> open



=== TEST 45: a revoked key is seen by who looks at health
--- zone: ttl=1ms stale=1h
--- scripts
default ok,status:401
--- source: hold=1ms max_hold=1ms failures=4
--- client
get("/api/$_") for qw(XLK XLF);
is(get('/api/health')->{json}{data}{status}, 'healthy', 'healthy at first');
is(again($_), 200, "$_ is stale") for qw(XLK XLF XLK XLF);
my $health = get('/api/health');
is("$health->{status} $health->{json}{data}{status}", '200 degraded',
   'degraded while there is stale data');
is(state(), 'open', 'the breaker is open');
--- error_log: closed -> open


=== TEST 46: half-open, who asks for what nobody has does not keep it shut
--- zone: ttl=1ms stale=1h
--- scripts
default noprice
XLK     ok,status:500,ok
--- source: timeout=500ms hold=1ms max_hold=1ms failures=1 open=300ms max_open=300ms half_open=3 successes=2 half_open_timeout=600ms
--- client
my $n = 0;

is(get('/api/XLK')->{status}, 200, 'one is there');
wait_for('an outage', sub { again('XLK'); state() ne 'closed' });

# others of which none has a price, another each time, as fast as they can
wait_for('it has closed', sub { finish($_) for map { begin('/api/X' . ++$n) }
                                                   1 .. 20;
                                state() eq 'closed' });
ok($n > 100, 'they asked often');

# by itself: nobody asks for the good one
is(again('XLK'), 200, 'the good one is there');
--- error_log: half_open -> closed
