# The circuit breaker as a client, an operator and the upstream see it.  Its
# states and times are tested for themselves in tests/test_breaker.c; here it
# is wired to real fetches: what counts as a failure, that an open breaker
# makes no call, what is served meanwhile, and that it survives a reload.
#
# A breaker that opens on a 404, or forgets all at a reload, or lets calls
# through while it is open, is worse than none: it fails when it is needed.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Upstream;

Upstream::Blocks::setup(Upstream->new);

# Each block has a source of its own, as its state outlives a reload.
add_block_preprocessor(sub {
    my ($block) = @_;
    my $source = $block->source || '';

    chomp $source;
    $block->set_value(source => "name=s%N% retries=0 $source");

    $block->set_value(api => ($block->api || '') . <<'END');
add_header X-Breaker $sector_cache_breaker always;
END
});

# What the blocks ask for.
package Upstream::Script;

sub breaker { return source()->{breaker} }
sub health { return get('/api/health') }

sub fail {
    my ($symbol, $times) = @_;
    is(get("/api/$symbol")->{status}, 502, "failure $_") for 1 .. $times;
}

package main;

run_tests();

__DATA__

=== TEST 1: it opens after as many failures as are allowed
--- script: status:500
--- source: failures=3 open=1h max_open=1h
--- client
fail(XLK => 2);
is(breaker()->{state}, 'closed', 'closed after two');
fail(XLF => 1);
is(breaker()->{state}, 'open', 'open after three, of whatever symbol');
is(breaker()->{opened}, 1, 'opened once');

my $got = get('/api/XLK');
is($got->{status}, 503, 'status');
is($got->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'error_code');
is($got->{error}, "Circuit breaker of source "
                  . $block->source_name . ' is open', 'error');

my $after = $got->{headers}{'retry-after'};
ok($after > 3500 && $after <= 3600, 'Retry-After');
is($got->{json}{error_details}{retryAfter}, $after, 'retryAfter');
is($got->{headers}{'x-breaker'}, 'open', '$sector_cache_breaker');
is($got->{headers}{'content-type'}, 'application/json', 'as JSON');
--- calls: 3
--- error_log eval
[qr/\[warn\].*circuit breaker of source "s\d+": closed -> open/]



=== TEST 2: while it is open no call is made for any symbol
--- script: status:500
--- source: failures=1 open=1h max_open=1h
--- client
fail(XLK => 1);
is(get("/api/X$_")->{code}, 'SECTOR_API_CIRCUIT_OPEN', "X$_ is refused")
    for 1 .. 5;
is(source()->{refusedByBreaker}, 5,
   'they are counted');
is(source()->{fetches}, 1,
   'and are no fetches');
--- calls: 1
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 3: while it is open what is stale is served
--- script: ok,status:500
--- zone: ttl=1ms stale=1h
--- source: failures=1 open=1h max_open=1h
--- client
my $good = get('/api/XLK');
sleep 0.005;
is(get('/api/XLK')->{cache}, 'stale', 'stale by the failure');

for my $n (1 .. 3) {
    my $got = get('/api/XLK');
    is($got->{status}, 200, "status of $n");
    is($got->{cache}, 'stale', "stale, $n");
    is($got->{data}, $good->{data}, "data of $n");
    is($got->{headers}{'x-breaker'}, 'open', "the breaker at $n");
}
--- calls: 2
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 4: while it is open what is fresh is served as ever
--- scripts
default ok
BAD     status:500
--- source: failures=1 open=1h max_open=1h
--- client
get('/api/XLK');
fail(BAD => 1);
is(get('/api/XLK')->{cache}, 'hit', 'a hit');
is(get('/api/XLF')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'a miss is refused');
--- calls: 2
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 5: a symbol that is known not to exist is one while it is open
--- scripts
default status:404
BAD     status:500
--- source: failures=1 open=1h max_open=1h
--- client
is(get('/api/NONE')->{status}, 404, 'it does not exist');
fail(BAD => 1);
is(get('/api/NONE')->{status}, 404, 'nor while the breaker is open');
--- calls: 2
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 6: it is probed when its time is over, without any client, and closes
--- script: status:500,ok
--- source: failures=1 open=300ms successes=2
--- client
fail(XLK => 1);
is(get('/api/XLK')->{status}, 503, 'open');
wait_for('it is closed', sub { breaker()->{state} eq 'closed' });
is(breaker()->{opened}, 1, 'opened once');
is(breaker()->{retryAfter}, 0, 'nothing to wait for');
is(source()->{probes}, 2, 'as many probes as successes are asked for');
is(get('/api/XLK')->{cache}, 'hit', 'what they fetched is a hit');
is(health()->{json}{data}{status}, 'healthy', 'healthy');
--- calls: 3
--- error_log eval
[qr/\[warn\].*closed -> open/, qr/\[notice\].*open -> half_open/,
 qr/\[notice\].*half_open -> closed/]
--- log_level: notice



=== TEST 7: it is probed with the keys that were asked for last, all at once
--- scripts
default ok
BAD     status:500,gate
--- source: failures=1 open=200ms successes=3
--- client
is(get("/api/X$_")->{status}, 200, "X$_") for 1 .. 3;
fail(BAD => 1);
wait_for('three are under way or done', sub { calls() == 7 });
is(breaker()->{state}, 'half_open', 'two successes are not enough');
$upstream->release($key);
wait_for('it is closed', sub { breaker()->{state} eq 'closed' });
is(source()->{probes}, 3, 'probes');
--- calls: 7
--- error_log eval
[qr/\[notice\].*open -> half_open/, qr/\[notice\].*half_open -> closed/]
--- log_level: notice



=== TEST 8: half-open it lets through as many probes as are allowed
--- scripts
default gate
BAD     status:500,gate
--- source: failures=1 open=200ms half_open=2 successes=2
--- client
fail(BAD => 1);
wait_for('a probe is under way', sub { calls() == 2 });
is(breaker()->{state}, 'half_open', 'half-open');

my $second = begin('/api/X1');
wait_for('a client is the second', sub { calls() == 3 });

my $third = get('/api/X3');
is($third->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'a third is refused');
ok($third->{headers}{'retry-after'} >= 1, 'with Retry-After');

$upstream->release($key);
is(finish($second)->{status}, 200, 'the client is answered');
wait_for('it is closed', sub { breaker()->{state} eq 'closed' });
--- calls: 3
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 9: a failing probe doubles the time
--- script: status:500
--- source: failures=1 open=1s max_open=1h
--- client
fail(XLK => 1);
is(breaker()->{retryAfter}, 1, 'a second at first');
wait_for('a probe failed', sub { breaker()->{opened} == 2 });
is(breaker()->{state}, 'open', 'open again');
is(breaker()->{retryAfter}, 2, 'two seconds then');
--- calls: 2
--- error_log eval
[qr/\[warn\].*half_open -> open/]



=== TEST 10: a probe whose upstream hangs is a failure in the end
--- script: status:500,stall
--- source: timeout=300ms failures=1 open=100ms max_open=1h half_open=1
--- client
fail(XLK => 1);
wait_for('it is half-open', sub { breaker()->{state} eq 'half_open' });
is(get('/api/XLK')->{status}, 504, 'the probe is too late');
is(breaker()->{state}, 'open', 'open again');
--- error_log eval
[qr/\[warn\].*half_open -> open/]



=== TEST 11: a probe that takes longer than half_open_timeout is one
--- script: status:500,slow:600
--- source: failures=1 open=100ms successes=1 half_open=1 half_open_timeout=100ms
--- client
fail(XLK => 1);
wait_for('it is closed', sub { breaker()->{state} eq 'closed' });
is(source()->{probes}, 1, 'by its first probe');
--- calls: 2
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 12: a success in between starts the count anew
--- script: status:500,status:500,ok,status:500,status:500,ok
--- zone: ttl=1ms
--- source: failures=3 open=1h max_open=1h
--- client
fail(XLK => 2);
is(get('/api/XLK')->{status}, 200, 'a success');
sleep 0.005;
fail(XLK => 2);
is(breaker()->{state}, 'closed', 'closed');
is(get('/api/XLK')->{status}, 200, 'it is fetched');
--- calls: 6
--- error_log eval
qr/answered with status 500/



=== TEST 13: "no such symbol" is no failure
--- script: status:404
--- zone: ttl=1m negative=0
--- source: failures=2 open=1h max_open=1h
--- client
is(get('/api/NONE')->{status}, 404, "answer $_") for 1 .. 6;
is(breaker()->{state}, 'closed', 'closed');
--- calls: 6



=== TEST 14: a request that the upstream calls bad is no failure
--- script: status:400,status:410,status:422,status:451,status:418,status:400
--- source: failures=2 open=1h max_open=1h
--- client
fail(XLK => 6);
is(breaker()->{state}, 'closed', 'closed');
--- calls: 6
--- error_log eval
qr/answered with status 400/



=== TEST 15: a 5xx is a failure
--- script: status:500,status:502,status:504
--- source: failures=3 open=1h max_open=1h
--- client
fail(XLK => 3);
is(breaker()->{state}, 'open', 'open');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 16: a 429 without Retry-After is a failure among others
--- script: status:429
--- source: failures=2 open=1h max_open=1h
--- client
fail(XLK => 1);
is(breaker()->{state}, 'closed', 'closed after one');
fail(XLK => 1);
is(breaker()->{state}, 'open', 'open after two');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 17: an invalid body is a failure
--- script: html,empty,half
--- source: failures=3 open=1h max_open=1h
--- client
fail(XLK => 3);
is(breaker()->{state}, 'open', 'open');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 18: a lost connection is a failure
--- script: close,reset
--- source: failures=2 open=1h max_open=1h
--- client
fail(XLK => 2);
is(breaker()->{state}, 'open', 'open');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 19: a timeout is a failure
--- script: stall
--- source: timeout=200ms failures=1 open=1h max_open=1h
--- client
is(get('/api/XLK')->{status}, 504, 'too late');
is(get('/api/XLK')->{status}, 503, 'open');
is(breaker()->{state}, 'open', 'open');
--- calls: 1
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 20: a 429 with Retry-After opens it at once, for that long
--- script: after:429:100
--- source: failures=50 open=1s max_open=1h
--- client
fail(XLK => 1);
my $got = get('/api/XLK');
is($got->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'open');
ok($got->{headers}{'retry-after'} > 90 && $got->{headers}{'retry-after'} <= 100,
   'for a hundred seconds');
--- calls: 1
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 21: so does a 503 with a date
--- script: afterdate:503:100
--- source: failures=50 open=1s max_open=1h
--- client
fail(XLK => 1);
my $got = get('/api/XLK');
is($got->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'open');
ok($got->{headers}{'retry-after'} > 90 && $got->{headers}{'retry-after'} <= 101,
   'for a hundred seconds');
--- calls: 1
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 22: a Retry-After of a year ends at max_open
--- script: after:503:31536000
--- source: failures=50 open=1s max_open=30s
--- client
fail(XLK => 1);
my $after = get('/api/XLK')->{headers}{'retry-after'};
ok($after > 20 && $after <= 30, 'half a minute');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 23: a Retry-After with another status means nothing
--- script: after:500:100
--- source: failures=50 open=1s max_open=1h
--- client
fail(XLK => 3);
is(breaker()->{state}, 'closed', 'closed');
--- calls: 3
--- error_log eval
qr/answered with status 500/



=== TEST 24: a Retry-After of nought opens nothing
--- script: after:429:0
--- source: failures=50 open=1s max_open=1h
--- client
fail(XLK => 2);
is(breaker()->{state}, 'closed', 'closed');
--- calls: 2
--- error_log eval
qr/answered with status 429/



=== TEST 25: health is what the breaker and the memory make of it
--- scripts
default ok
BAD     status:500,gate
--- source: failures=1 open=1500ms successes=1
--- client
my $got = health();
is("$got->{status} $got->{json}{data}{status}", '200 healthy', 'closed');

fail(BAD => 1);
$got = health();
is("$got->{status} $got->{json}{data}{status}", '503 unhealthy',
   'open, and nothing in memory');
my ($source) = values %{ $got->{json}{data}{sources} };
is($source->{breaker}, 'open', 'it names the breaker');
ok($source->{retryAfter} >= 1, 'and how long');

wait_for('it is probed', sub { calls() == 2 });
$got = health();
is("$got->{status} $got->{json}{data}{status}", '200 degraded', 'half-open');

$upstream->release($key);
wait_for('it is closed', sub { breaker()->{state} eq 'closed' });
$got = health();
is("$got->{status} $got->{json}{data}{status}", '200 healthy', 'closed again');
is(calls(), 2, 'health makes no call');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 26: health is degraded while something can be served from memory
--- scripts
default ok
BAD     status:500
--- source: failures=1 open=1h max_open=1h
--- client
get('/api/XLK');
fail(BAD => 1);
my $got = health();
is("$got->{status} $got->{json}{data}{status}", '200 degraded', 'open');
is($got->{json}{data}{servableSymbols}, 1, 'one can be served');
--- calls: 2
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 27: a breaker is its source's alone
--- script: status:500
--- http
sector_cache_source other%N% retries=0;
--- locations
location /other {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch other%N% /good/$sector_cache_symbol;
    add_header X-Breaker $sector_cache_breaker always;
}
location /good/ {
    internal;
    proxy_pass http://%UPSTREAM%/ok/b%N%/;
}
--- source: failures=1 open=1h max_open=1h
--- client
fail(XLK => 1);
is(get('/api/XLK')->{status}, 503, 'one is open');
my $other = get('/other/XLK');
is($other->{status}, 200, 'the other is not');
is($other->{headers}{'x-breaker'}, 'closed', 'and says so');
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 28: with the cache off it refuses all the same
--- script: status:500
--- api
sector_cache off;
--- source: failures=1 open=1h max_open=1h
--- client
fail(XLK => 1);
is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'refused');
--- calls: 1
--- error_log eval
[qr/\[warn\].*closed -> open/]



=== TEST 29: failures that were under way when it opened change nothing
--- scripts
default stall
BAD     status:500
--- source: timeout=2s failures=1 open=1h max_open=2h
--- client
my @late = map { begin("/api/X$_") } 1 .. 3;
wait_for('three are under way', sub { calls() == 3 });
fail(BAD => 1);
is(finish($_)->{status}, 504, 'too late') for @late;
is(breaker()->{opened}, 1, 'opened once');
ok(breaker()->{retryAfter} <= 3600, 'not for longer');
--- error_log eval
[qr/\[warn\].*closed -> open/]
