# Retries, Retry-After, and the breaker's whole circle over two workers.  A
# retry that is made where none may help costs quota, one that is not made
# costs an answer, and a breaker that waits for clients to come back never
# closes behind a cache.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish wait_for pass_ttl scaled);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);

# Of a fetch, until when its place is its own: whoever looks at the counters
# later than that takes it back.  A place that nobody gives back is one that
# wait_for() waits for in vain.
my $timeout = scaled(60) . 's';


sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', source => '',
                    timeout => $timeout,
                    backoff => '1ms', up => $up, read => '300ms', @_);
    my $map = join "\n", map { "$_ $option{symbols}{$_};" }
                         keys %{ $option{symbols} || {} };
    my $default = $option{script} || 'ok';

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_source up timeout=$option{timeout} backoff=$option{backoff}
                       $option{source};
map \$sector_cache_symbol \$script { default $default; $map }
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$script$key\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_read_timeout $option{read};
        proxy_pass http://$option{up}/;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


sub start {
    $key = '/t' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => 2, http => http(@_));
}


sub source { return get('/status/stats')->{json}{sources}{up} }
sub breaker { return source()->{breaker} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }


sub ended_well {
    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@_), '', 'and without trouble');
}


for my $case (
    ['a status of 500', 'status:500,status:500,ok', 2],
    ['a status of 503', 'status:503,ok', 1],
    ['a status of 429', 'status:429,ok', 1],
    ['a connection that is reset', 'reset,close,ok', 2],
    ['a body that is cut off', 'half,ok', 1],
    ["nginx's own timeout", 'stall,ok', 1],
) {
    my ($name, $script, $retries) = @$case;

    subtest "$name is tried again" => sub {
        start(script => $script, source => 'failures=1');

        my $got = get('/api/XLK');
        is($got->{status}, 200, 'answered');
        is($got->{cache}, 'miss', 'as a miss');
        is(calls(), 1 + $retries, 'calls');
        is(source()->{retries}, $retries, 'counted');
        is(source()->{fetches}, 1, 'one fetch');
        is(source()->{upstreamTime}{count}, 1 + $retries, 'times of calls');
        is(breaker()->{state}, 'closed', 'and no failure');
        ended_well();
    };
}


for my $case (
    ['"no such symbol"', 'status:404', 404],
    ['a status of 400', 'status:400', 502],
    ['a status of 403', 'status:403', 502],
    ['a redirect', 'redirect:302', 502],
    ['a body that is none', 'text', 502],
    ["another symbol's", 'other', 502],
) {
    my ($name, $script, $status) = @$case;

    subtest "$name is not tried again" => sub {
        start(script => $script);
        is(get('/api/XLK')->{status}, $status, 'told so');
        is(calls(), 1, 'one call');
        ended_well();
    };
}


subtest 'retries have an end, and then are one failure' => sub {
    start(script => 'status:500', source => 'retries=3 failures=2');
    is(get('/api/XLK')->{status}, 502, 'told so');
    is(calls(), 4, 'calls');
    is(breaker()->{state}, 'closed', 'one failure');
    is(get('/api/XLF')->{status}, 502, 'another');
    is(breaker()->{state}, 'open', 'two');
    is(source()->{failed}, 2, 'counted');
    ended_well();
};


subtest 'retries are made within the timeout' => sub {
    start(script => 'stall', source => 'retries=10', timeout => '1s');
    my $got = get('/api/XLK');
    is("$got->{status} $got->{code}", '504 UPSTREAM_TIMEOUT', 'told so');
    cmp_ok(calls(), '<=', 5, 'calls');
    cmp_ok(calls(), '>=', 2, 'more than one');
    ended_well();
};


subtest 'an upstream that comes back meanwhile' => sub {
    my $door = '127.0.0.1:' . $upstream->door;
    $upstream->door_closed;
    start(up => $door, source => 'retries=10', backoff => '100ms');
    my $client = begin('/api/XLK');
    wait_for('it was refused', sub { source()->{upstreamTime}{count} });
    $upstream->door_open;
    is(finish($client)->{status}, 200, 'answered');
    ended_well();
};


for my $case (['seconds', 'after:429:1,ok'], ['a date', 'afterdate:503:2,ok']) {
    my ($name, $script) = @$case;

    subtest "Retry-After in $name is waited for, and opens the breaker" => sub {
        start(symbols => { BAD => $script }, source => 'successes=1');
        my $began = time;
        my $client = begin('/api/BAD');
        wait_for('the breaker is open', sub { breaker()->{state} eq 'open' });

        is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
           'others are refused meanwhile');
        is(calls(), 1, 'no call is made');

        my $got = finish($client);
        is($got->{status}, 200, 'answered');
        cmp_ok(time - $began, '>=', 0.9, 'not before its time');
        is(calls('BAD'), 2, 'by a second call');
        wait_for('the breaker closes', sub { breaker()->{state} eq 'closed' });
        ended_well();
    };
}


subtest 'stale data is not kept waiting by a Retry-After' => sub {
    start(script => 'ok,after:429:3,ok', zone => 'ttl=1ms stale=1h',
          source => 'open=1s');
    my $first = get('/api/XLK');
    pass_ttl();

    for my $got (map { finish($_) } map { begin('/api/XLK') } 1 .. 10) {
        is("$got->{status} $got->{cache}", '200 stale', 'stale');
        is($got->{data}, $first->{data}, 'what was stored');
    }

    is(breaker()->{state}, 'open', 'the breaker is open meanwhile');
    is(get('/api/XLK')->{cache}, 'stale', 'and later ones do not wait either');
    is(calls(), 2, 'calls');
    is(source()->{failed}, 1, 'one fetch has failed');
    wait_for('it is asked again in its time', sub { calls() > 2 });
    wait_for('it closes, and is probed no more',
             sub { breaker()->{state} eq 'closed' });
    ended_well();
};


subtest 'those in the queue are told at once that the breaker opened' => sub {
    start(symbols => { HELD => 'gate', BAD => 'after:429:3,ok' },
          zone => 'ttl=1ms stale=1h',
          source => 'concurrency=1 queue_timeout=10s');
    is(get('/api/XLK')->{status}, 200, 'one is stored');
    pass_ttl();

    my $held = begin('/api/HELD');
    wait_for('the place is taken', sub { calls('HELD') == 1 });

    my @queue;

    for my $symbol (qw(BAD XLK NEW NEW)) {
        push @queue, begin("/api/$symbol");
        wait_for("$symbol waits",
                 sub { source()->{waiting} + source()->{coalesced}
                       == @queue });
    }

    # BAD has the place next, and keeps it until it may ask again
    $upstream->release($key);
    my ($bad, @told) = @queue;
    my @got = map { finish($_) } @told;

    is(breaker()->{state}, 'open', 'it is open');
    is("$got[0]{status} $got[0]{cache}", '200 stale', 'stale data is served');
    is($_->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'or an error')
        for @got[1, 2];
    cmp_ok($got[1]{headers}{'retry-after'}, '>=', 1, 'with Retry-After');
    is(calls(), 3, 'calls');
    is(finish($bad)->{status}, 200, 'who may ask again is answered');
    is(finish($held)->{status}, 200, 'and who came before');
    wait_for('nothing is in flight', sub { source()->{inFlight} == 0 });
    ended_well();
};


subtest 'no retry is made while the breaker is open' => sub {
    start(symbols => { map({ ("A$_" => 'status:500,ok') } 1 .. 8),
                       BAD => 'after:429:3600' }, backoff => '4s',
          source => 'retries=1 failures=50 concurrency=10 max_open=1h');
    my @clients = map { begin("/api/A$_") } 1 .. 8;
    wait_for('all have failed once', sub { calls('A') >= 8
                                     && source()->{upstreamTime}{count} >= 8 });
    is(get('/api/BAD')->{status}, 502, 'one says that it is too much');
    is(breaker()->{state}, 'open', 'open');

    my $before = calls('A');
    cmp_ok($before, '<', 16, 'some have yet to try again');

    my $failed = grep { $_->{status} == 502 } map { finish($_) } @clients;
    is(calls('A'), $before, 'which they do not');
    is($failed, 16 - $before, 'but are told why they failed');
    is(breaker()->{state}, 'open', 'it is still open');
    is(breaker()->{opened}, 1, 'opened once');
    ended_well();
};


subtest 'a Retry-After beyond the timeout is not waited for' => sub {
    start(script => 'after:503:3600', source => 'max_open=90s');
    my $got = get('/api/XLK');
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'told so');
    is(calls(), 1, 'one call');
    is(breaker()->{state}, 'open', 'open');
    like(breaker()->{retryAfter}, qr/^(?:8\d|90)$/, 'for as long as may be');
    ended_well();
};


subtest 'a retry needs a token too' => sub {
    start(script => 'status:500', source => 'rate=2r/m retries=5',
          timeout => '2s');
    is(get('/api/XLK')->{status}, 502, 'told what it was');
    is(calls(), 2, 'calls');
    is(source()->{failed}, 1, 'one failure');
    ended_well();
};


# closed -> open -> half-open -> open -> half-open -> closed
subtest 'the whole circle, without any client' => sub {
    start(zone => 'ttl=1ms stale=1h',
          symbols => { XLK => 'ok,status:500,gate:500,gate' },
          source => 'retries=0 failures=1 open=300ms successes=1 half_open=1');
    my $first = get('/api/XLK');
    is($first->{status}, 200, 'closed');
    is(calls(), 1, 'a call');
    pass_ttl();

    my $stale = sub {
        my ($when) = @_;
        my $before = calls();
        my @got = map { get('/api/XLK') } 1 .. 20;

        is(scalar(grep { $_->{status} == 200 && $_->{cache} eq 'stale'
                         && $_->{data} eq $first->{data} } @got), 20,
           "stale data $when");
        return calls() - $before;
    };

    is(get('/api/XLK')->{cache}, 'stale', 'a failure');
    is(breaker()->{opened}, 1, 'opens it');
    is(calls(), 2, 'calls');

    wait_for('it is probed', sub { calls() == 3 });
    is(breaker()->{state}, 'half_open', 'half-open');
    $upstream->release($key);
    wait_for('the probe fails', sub { breaker()->{opened} == 2 });
    is(breaker()->{state}, 'open', 'open again');
    is($stale->('while it is open'), 0, 'and no call');

    wait_for('it is probed again', sub { calls() == 4 });
    is(breaker()->{state}, 'half_open', 'half-open again');
    $upstream->release($key);
    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    is(calls(), 4, 'calls');
    is(breaker()->{transitions}, 5, 'and its transitions counted');
    is(source()->{probes}, 2, 'probes');

    my @moves = $nginx->log =~ /circuit breaker of source "up": (\S+ -> \S+)/g;
    is(join(', ', map { s/,$//r } @moves),
       'closed -> open, open -> half_open, half_open -> open, '
       . 'open -> half_open, half_open -> closed', 'each is logged once');
    ended_well();
};


# Both workers look once a second at least: fifteen seconds have thirty looks.
subtest 'a breaker that opens for less than a second is probed as often' => sub {
    start(script => 'status:500',
          source => 'retries=0 failures=1 open=20ms max_open=20ms');
    get('/api/XLK');
    wait_for('it was probed', sub { calls() > 60 });
    ended_well();
};


subtest 'two workers probe no more together than one would' => sub {
    my @n = 1 .. 12;
    my ($sources, $locations) = ('', '');
    $key = '/t' . ++$number . '/';

    for my $n (@n) {
        $sources .= "sector_cache_source s$n retries=0 failures=1 open=300ms"
                    . " successes=3;\n";
        $locations .= <<"END";
    location /api$n {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch s$n /fetch/\$script$key\$sector_cache_symbol;
    }
END
    }

    $nginx = Upstream::Nginx->new(workers => 2, http => <<"END");
sector_cache_zone sectors 1m ttl=1ms stale=1h;
$sources
map \$sector_cache_symbol \$script { default ok; ~^D "status:500,ok"; }
server {
    listen %PORT%;
    %PID%
$locations
    location /fetch/ {
        internal;
        proxy_pass http://$up/;
    }
    location /status {
        sector_cache_status;
    }
}
END

    my $of = sub { get('/status/stats')->{json}{sources}{"s$_[0]"} };

    for my $n (@n) {
        get("/api$n/${_}X$n") for qw(A B D);
    }

    for my $n (@n) {
        wait_for("$n closes", sub {
            my $breaker = $of->($n)->{breaker};
            return $breaker->{opened} && $breaker->{state} eq 'closed';
        });
    }

    is(join(' ', map { $of->($_)->{probes} } @n), join(' ', (3) x @n),
       'probes');
    is(join(' ', map { $of->($_)->{fetches} } @n), join(' ', (6) x @n),
       'fetches');
    is(calls(), 6 * @n, 'calls');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'a key that always fails does not keep it open' => sub {
    start(symbols => { map { $_ => 'status:500' } qw(BAD BAD2 BAD3) },
          source => 'retries=0 failures=3 successes=3'
                    . ' open=100ms max_open=200ms');
    is(get("/api/$_")->{status}, 200, "$_ is well") for qw(X1 X2);

    # one alone would not open it, while others are well
    is(get("/api/$_")->{status}, 502, "$_ fails") for qw(BAD2 BAD3 BAD);
    is(breaker()->{state}, 'open', 'open');

    # its clients do not make it the first again
    wait_for('it closes', sub {
        get('/api/BAD');
        return breaker()->{state} eq 'closed';
    });
    ended_well();
};


subtest 'it is probed with what was asked for last, if not for the first time'
=> sub {
    start(symbols => { DOWN => 'status:500,gate' }, zone => 'ttl=1ms stale=1h',
          source => 'retries=0 failures=1 open=100ms successes=2');

    for my $symbol (qw(A B C A)) {
        is(get("/api/$symbol")->{status}, 200, $symbol);
        pass_ttl();
    }

    is(get('/api/DOWN')->{status}, 502, 'a failure');
    $upstream->release($key);
    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    wait_for('nothing is in flight', sub { source()->{inFlight} == 0 });
    cmp_ok(calls('A'), '>', 2, 'it was probed with the one asked for again');
    is(calls('B') + calls('C'), 2, 'and not with those before it');
    ended_well();
};


# All that are remembered, and nothing behind them.
subtest 'it is probed with no more keys than are remembered' => sub {
    start(symbols => { map({ ("X$_" => 'ok,gate,ok') } 10 .. 25),
                       BAD => 'status:500' },
          zone => 'ttl=1ms stale=1h', read => '60s',
          source => 'retries=0 failures=1 open=200ms concurrency=40'
                    . ' half_open=20 successes=20');
    is(get("/api/X$_")->{status}, 200, "X$_") for 10 .. 25;
    is(get('/api/BAD')->{status}, 502, 'a failure');
    wait_for('it is probed', sub { calls() >= 33 });
    is(source()->{inFlight}, 16, 'with sixteen');
    is(calls('BAD'), 1, 'none of them one that was never had');
    $upstream->release($key);
    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    ended_well();
};


subtest 'it recovers when the worker that opened it is killed' => sub {
    start(symbols => { BAD => 'status:500,ok' },
          source => 'retries=0 failures=1 open=500ms successes=1');
    my ($got, $worker) = (get('/api/BAD'), undef);
    is($got->{status}, 502, 'a failure');
    is(breaker()->{state}, 'open', 'open');

    for my $pid ($nginx->workers) {
        kill 'KILL', $pid;
        $nginx->workers($pid);
    }

    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    is(get('/api/BAD')->{cache}, 'hit', 'what was probed is there');
    ended_well(qr/exited on signal 9/);
};


subtest 'it recovers when nginx was reloaded meanwhile' => sub {
    start(symbols => { BAD => 'status:500,ok' },
          source => 'retries=0 failures=1 open=500ms successes=1');
    is(get('/api/BAD')->{status}, 502, 'a failure');
    $nginx->reload;
    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    is(calls(), 2, 'calls');
    ended_well();
};


# The new workers begin while the only probe's place is taken, by an old one:
# for as long as half_open_timeout, if nothing were heard of it.
subtest 'it recovers when a probe fails after a reload' => sub {
    start(symbols => { BAD => 'status:500,gate:500,ok' }, read => '60s',
          source => 'retries=0 failures=1 open=200ms half_open=1'
                    . ' successes=1 half_open_timeout=10m');
    is(get('/api/BAD')->{status}, 502, 'a failure');
    wait_for('it is probed', sub { calls() == 2 });
    $nginx->reload;
    is(breaker()->{state}, 'half_open', 'it still is');
    $upstream->release($key);
    wait_for('it closes', sub { breaker()->{state} eq 'closed' });
    is(calls(), 3, 'calls');
    is(get('/api/BAD')->{cache}, 'hit', 'what was probed is there');
    ended_well();
};


undef $nginx;
done_testing;
