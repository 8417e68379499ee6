# One fetch for a key over all workers, whoever comes and goes; places, queue
# and rate limit of a source over all workers.  nginx's proxy_cache_lock looks
# again every 500 ms, counts nothing over workers, and a worker that dies
# leaves its lock for lock_timeout.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);
use Upstream qw(get begin finish leave wait_for pass_ttl scaled);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $mark = Upstream::Nginx::mark($upstream);
my $number = 0;
my ($nginx, $key);


sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', source => '', script => 'ok',
                    api => '', timeout => scaled(20) . 's',
                    retries => 0, @_);

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_source up timeout=$option{timeout} retries=$option{retries}
                       $option{source};
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
        add_header X-Worker \$pid always;
        add_header X-Status \$sector_cache_status always;
        $option{api}
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/$option{script}$key;
    }
    location /status {
        sector_cache_status;
    }
    $mark
}
END
}


sub start {
    my (%option) = @_;

    $key = '/f' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} // 2,
                                  http => http(%option),
                                  main => $option{main});
}


sub source { return get('/status/stats')->{json}{sources}{up} }
sub sectors { return get('/status/stats')->{json}{namespaces}{sectors} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }


sub ended_well {
    my (@expected) = @_;

    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is(source()->{waiting}, 0, 'nothing waits');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


# Clients of one key on both workers, all of which wait.
sub crowd {
    my ($n, $path) = @_;
    my $joined = source()->{coalesced};
    my $calls = calls();
    my @clients = map { begin($path) } 1 .. $n;

    wait_for("$n wait", sub { source()->{coalesced} == $joined + $n - 1 });
    wait_for('the upstream is asked', sub { calls() > $calls });

    return @clients;
}


# The answers, which are as many of each worker as these say.
sub answers {
    my @got = map { finish($_) } @_;
    my %worker = map { ($_->{headers}{'x-worker'} || 'none') => 1 } @got;

    is(keys %worker, 2, 'both workers answered');

    return @got;
}


# The worker that fetches.
sub fetching { return $nginx->calling($upstream->port) }


subtest 'forty clients of two workers are answered by one call' => sub {
    start(script => 'gate');
    my @clients = crowd(40, '/api/XLK');

    is(calls(), 1, 'one call');
    is(source()->{inFlight}, 1, 'in flight');
    $upstream->release($key);

    my @got = answers(@clients);
    is(scalar(grep { $_->{status} == 200 && $_->{cache} eq 'miss' } @got), 40,
       'all are answered as misses');
    is(scalar(grep { $_->{data} eq $got[0]{data} } @got), 40, 'alike');
    is(sectors()->{misses}, 40, 'and counted');
    is(source()->{fetches}, 1, 'one fetch');
    is(get('/api/XLK')->{cache}, 'hit', 'a hit from then on');
    ended_well();
};


subtest 'who waits at the other worker is woken' => sub {
    my %learns = (woken => 0, late => 0);

    # an nginx of its own for each, at which nobody else has waited
    for my $round (1 .. 20) {
        start(script => 'gate');
        my $first = begin('/api/XLK');
        wait_for('it is under way', sub { calls() == 1 });
        my ($worker) = fetching();

        $learns{ $nginx->learns($worker, $upstream, '/api/XLK', sub {
            wait_for('he waits', sub { source()->{coalesced} == 1 });
        }, sub { $upstream->release($key) }) }++;

        is(finish($first)->{status}, 200, 'who came first is answered');
        is(calls(), 1, 'by one call');
        ended_well();
        last if $learns{woken} + $learns{late} == 5;
    }

    note(map { "$_: $learns{$_} " } sort keys %learns);
    cmp_ok($learns{woken}, '>', $learns{late}, 'not by looking');
};


subtest 'the client that began it leaves' => sub {
    start(script => 'gate');
    my $first = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    my @clients = map { begin('/api/XLK') } 1 .. 20;
    wait_for('they wait', sub { source()->{coalesced} == 20 });

    leave($first);
    wait_for('it is gone', sub { sectors()->{misses} == 1 });
    $upstream->release($key);

    is(scalar(grep { $_->{status} == 200 } answers(@clients)), 20,
       'every other is answered');
    is(get('/api/XLK')->{cache}, 'hit', 'and it is stored');
    is(calls(), 1, 'by one call');
    ended_well();
};


subtest 'the worker that fetches is killed' => sub {
    start(script => 'gate');
    my @clients = crowd(30, '/api/XLK');
    my ($worker) = fetching();

    kill 'KILL', $worker;
    wait_for('another fetches', sub { calls() == 2 });
    $upstream->release($key);

    my @got = map { finish($_) } @clients;
    my @answered = grep { $_->{status} == 200 } @got;
    cmp_ok(scalar(@answered), '>', 0, 'who waited elsewhere is answered');
    is(scalar(grep { $_->{headers}{'x-worker'} == $worker } @answered), 0,
       'by another worker');
    is(scalar(grep { $_->{status} !~ /^(?:0|200)$/ } @got), 0,
       'or was cut off');
    is(source()->{aborted}, 1, 'the first fetch is counted as aborted');
    is(source()->{succeeded}, 1, 'the second as a success');
    ended_well(qr/exited on signal 9/);
};


for my $case (
    ['a failing status', 'gate:500', '', 502, 'UPSTREAM_ERROR'],
    ['"no such symbol"', 'gate:404', 'negative=0', 404, 'UNKNOWN_SYMBOL'],
    ['a kept "no such symbol"', 'gate:404', '', 404, 'UNKNOWN_SYMBOL'],
    ['a body that is none', 'gatetext', '', 502, 'UPSTREAM_INVALID'],
    ['a timeout', 'stall', '', 504, 'UPSTREAM_TIMEOUT'],
) {
    my ($name, $script, $zone, $status, $code) = @$case;

    subtest "$name reaches those who wait at the other worker" => sub {
        start(script => $script, zone => "ttl=10m $zone",
              $script eq 'stall' ? (timeout => '1s') : ());
        my @clients = crowd(20, '/api/XLK');

        $upstream->release($key) if $script ne 'stall';
        my @got = answers(@clients);
        is(scalar(grep { $_->{status} == $status && $_->{code} eq $code }
                  @got), 20, 'all are told');
        is(scalar(grep { $_->{error} eq $got[0]{error} } @got), 20, 'alike');
        is(calls(), 1, 'one call');
        ended_well();
    };
}


subtest 'stale data is served at both workers when it fails' => sub {
    start(script => 'ok,gate:500', zone => 'ttl=1ms stale=1h');
    my $first = get('/api/XLK');
    pass_ttl();
    my @clients = crowd(20, '/api/XLK');

    $upstream->release($key);
    my @got = answers(@clients);
    is(scalar(grep { $_->{status} == 200 && $_->{cache} eq 'stale'
                     && $_->{data} eq $first->{data} } @got), 20, 'stale');
    is(sectors()->{stale}, 20, 'and counted');
    is(calls(), 2, 'calls');
    ended_well();
};


subtest 'a refresh in the background is one for all' => sub {
    start(script => 'ok,gate', zone => 'ttl=1ms swr=1h');
    get('/api/XLK');
    pass_ttl();
    my @got = map { finish($_) } map { begin('/api/XLK') } 1 .. 20;

    is(scalar(grep { $_->{cache} eq 'updating' } @got), 20,
       'nobody waits for it');
    wait_for('it is under way', sub { calls() == 2 });
    $upstream->release($key);
    wait_for('it is over', sub { source()->{succeeded} == 2 });
    is(calls(), 2, 'calls');
    ended_well();
};


subtest 'no more fly than there are places, and the others wait' => sub {
    start(script => 'gate', source => 'concurrency=4');
    my $begun = time;
    my @clients = map { begin("/api/K$_") } 1 .. 12;
    my ($least, $most) = (0, 0);

    for my $batch (1 .. 3) {
        wait_for("batch $batch", sub {
            my $source = source();
            return $source->{inFlight} == 4
                   && $source->{waiting} == 12 - 4 * $batch
                   && calls() >= 4 * $batch;
        });
        is(calls(), 4 * $batch, 'calls');

        # until then those of the last batches wait
        my $all = time;
        wait_for('they wait', sub { time > $all + 0.1 });
        $least += (12 - 4 * $batch) * (time - $all);
        $upstream->release($key);
    }

    is(scalar(grep { $_->{status} == 200 } answers(@clients)), 12,
       'all are answered');

    my ($waits, $calls) = @{ source() }{qw(waitTime upstreamTime)};
    is($waits->{count}, 12, 'and their waiting is counted');
    is($waits->{buckets}{50}, 4, 'four had nothing to wait for');
    cmp_ok($waits->{sumMs}, '>=', 900 * $least, 'all did so long');
    cmp_ok($waits->{sumMs}, '<=', 8000 * (time - $begun), 'and no longer');
    cmp_ok($calls->{sumMs}, '>=', 12 * 90, 'so did their calls');
    cmp_ok($calls->{sumMs}, '<=', 4000 * (time - $begun), 'and no longer');
    ended_well();
};


subtest 'who waits for a place gets it in the order of coming' => sub {
    start(script => 'gate', source => 'concurrency=1');
    my @clients = begin('/api/K0');
    wait_for('the place is taken', sub { calls() == 1 });

    for my $n (1 .. 8) {
        push @clients, begin("/api/K$n");
        wait_for("$n waits", sub { source()->{waiting} == $n });
    }

    for my $n (1 .. 9) {
        wait_for("call $n", sub { calls() == $n });
        $upstream->release($key);
    }

    finish($_) for @clients;
    is(join(' ', $upstream->requests($key) =~ /^GET \S+K(\d) /mg),
       '0 1 2 3 4 5 6 7 8', 'in order');
    ended_well();
};


subtest 'a full queue refuses, and is no failure of the upstream' => sub {
    start(script => 'gate', source => 'concurrency=1 queue=2 failures=1');
    my @clients = map { begin("/api/K$_") } 1 .. 3;
    wait_for('two wait', sub { source()->{waiting} == 2 });

    my $got = get('/api/K4');
    is("$got->{status} $got->{code}", '503 FETCH_QUEUE_FULL', 'refused');
    is($got->{error}, 'Fetch queue of source up is full', 'and told why');
    is($got->{headers}{'retry-after'}, 1, 'with Retry-After');
    is(source()->{refusedByQueue}, 1, 'counted');
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');

    # those who join need no place
    my $joins = begin('/api/K3');
    wait_for('it has joined', sub { source()->{coalesced} == 1 });

    for my $n (1 .. 3) {
        wait_for("call $n", sub { calls() == $n });
        $upstream->release($key);
    }

    is(finish($_)->{status}, 200, 'the others are answered')
        for @clients, $joins;
    ended_well();
};


subtest 'a place that died with a worker that was draining' => sub {
    start(script => 'gate,ok', source => 'concurrency=1 queue=0');
    my $lost = begin('/api/K1');
    wait_for('the place is taken', sub { calls() == 1 });

    my ($worker) = fetching();
    $nginx->reload;
    kill 'KILL', $worker;
    wait_for('it is gone', sub { !grep { $_ == $worker } $nginx->children });

    # no look at the counters before: that takes back, too
    my $next = begin('/api/K2');
    wait_for('its place is given to another', sub { calls('K2') == 1 });
    $upstream->release("${key}K2");
    is(finish($next)->{status}, 200, 'who is answered');
    is(source()->{aborted}, 1, 'and the first fetch is counted as aborted');
    ended_well(qr/exited on signal 9/);
};


subtest 'a queue that died with a worker that was draining' => sub {
    start(script => 'gate', source => 'concurrency=1 queue=2');
    my @lost = map { begin("/api/K$_") } 1 .. 3;
    wait_for('two wait', sub { source()->{waiting} == 2 && calls() == 1 });

    my @old = $nginx->workers;
    $nginx->reload;
    kill 'KILL', $_ for @old;
    wait_for('they are gone', sub {
        my %now = map { $_ => 1 } $nginx->children;
        return !grep { $now{$_} } @old;
    });

    is(source()->{inFlight}, 0, 'nothing is said to be in flight');
    is(source()->{waiting}, 0, 'nor to wait');
    ended_well(qr/exited on signal 9/);
};


subtest 'a place that does not come free in time' => sub {
    start(script => 'gate',
          source => 'concurrency=1 queue_timeout=200ms failures=1');
    my $first = begin('/api/K1');
    wait_for('the place is taken', sub { calls() == 1 });

    my $got = get('/api/K2');
    is("$got->{status} $got->{code}", '503 FETCH_QUEUE_FULL', 'refused');
    is($got->{error}, 'No place for a fetch from source up came free within '
                      . '200 ms', 'and told why');
    is(source()->{waiting}, 0, 'it waits no longer');
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');

    $upstream->release($key);
    is(finish($first)->{status}, 200, 'the first is answered');
    is(calls(), 1, 'calls');
    ended_well();
};


subtest 'stale data is served where the queue is full' => sub {
    start(script => 'ok,gate', zone => 'ttl=1ms stale=1h',
          source => 'concurrency=1 queue=0');
    get("/api/K$_") for 1, 2;
    pass_ttl();
    my $held = begin('/api/K1');
    wait_for('the place is taken', sub { source()->{inFlight} == 1 });

    my $got = get('/api/K2');
    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    $upstream->release($key);
    is(finish($held)->{status}, 200, 'the other is answered');
    ended_well();
};


subtest 'places are for those with the cache off, too' => sub {
    start(script => 'gate', source => 'concurrency=2', api => 'sector_cache off;');
    my @clients = map { begin('/api/XLK') } 1 .. 4;

    for my $n (1, 2) {
        wait_for('two fly', sub { source()->{inFlight} == 2
                                  && calls() >= 2 * $n });
        is(calls(), 2 * $n, 'calls');
        $upstream->release($key);
    }

    is(finish($_)->{status}, 200, 'answered') for @clients;
    ended_well();
};


subtest 'a rate limit counts calls over both workers' => sub {
    start(source => 'rate=3r/m failures=1');
    my @got = map { get("/api/K$_") } 1 .. 5;

    is(join(' ', map { $_->{status} } @got), '200 200 200 503 503', 'three');
    is($got[3]{code}, 'RATE_LIMITED', 'refused');
    is($got[3]{error}, 'Rate limit of source up is reached', 'and told why');
    like($got[3]{headers}{'retry-after'}, qr/^(?:1?\d|20)$/,
         'until there is a token');
    is(source()->{refusedByRate}, 2, 'counted');
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');
    is(get('/api/K1')->{cache}, 'hit', 'hits go on');
    is(calls(), 3, 'calls');
    ended_well();
};


subtest 'stale data is served where the rate is used up' => sub {
    start(source => 'rate=1r/m', zone => 'ttl=1ms stale=1h');
    my $first = get('/api/K1');
    pass_ttl();
    my $got = get('/api/K1');

    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    is($got->{data}, $first->{data}, 'what was stored');
    is(calls(), 1, 'calls');
    ended_well();
};


subtest 'a worker that stands still while its lease ends' => sub {
    start(script => 'gate', timeout => '1s', source => 'failures=1');
    my @clients = crowd(12, '/api/XLK');
    my ($worker) = fetching();

    kill 'STOP', $worker;
    wait_for('another fetches', sub { calls() == 2 });
    $upstream->release($key);

    # no request meanwhile, which the worker that is stopped might be given
    ok(IO::Select->new(@clients)->can_read(scaled(20)), 'and its clients have'
       . ' their answer');
    kill 'CONT', $worker;
    is(scalar(grep { finish($_)->{status} != 200 } @clients), 0,
       'all of them');

    my $source = source();
    is($source->{fetches}, 2, 'two fetches');
    is($source->{aborted}, 1, 'of which the first was taken back');
    is($source->{succeeded}, 1, 'and the second a success');
    is($source->{timedOut}, 0, 'the first has no other outcome');
    is($source->{breaker}{state}, 'closed', 'nor is it held against anybody');
    ended_well();
};


subtest 'a worker that stands still until its time is over' => sub {
    start(script => 'gate,ok', timeout => '2s', source => 'failures=1');
    my @clients = crowd(12, '/api/XLK');
    my ($worker) = fetching();

    kill 'STOP', $worker;
    # before its lease ends; were it later, another had taken the key over
    sleep 2.1;
    kill 'CONT', $worker;

    my @got = answers(@clients);
    is(scalar(grep { $_->{status} == 200 } @got), 12, 'all are answered');

    my $source = source();
    is($source->{aborted}, 1, 'what it began came to naught');
    is($source->{timedOut}, 0, 'nobody was too slow');
    is($source->{breaker}{state}, 'closed', 'nor is it held against anybody');
    ended_well();
};


subtest 'a worker that stands still while it is given a place' => sub {
    # the queue's lease, which ends half a second later, is none any more then
    start(script => 'gate', source => 'concurrency=1 queue_timeout=2s');
    my $first = begin('/api/K1');
    wait_for('one fetches', sub { calls() == 1 });
    my ($worker) = fetching();
    my $second = begin('/api/K2', keep => $nginx->of_another($worker));
    wait_for('one waits', sub { source()->{waiting} == 1 });
    my ($other) = grep { $_ != $worker } $nginx->children;

    kill 'STOP', $other;
    $upstream->release($key);
    is(finish($first)->{status}, 200, 'the first has its answer');
    sleep 2.1;
    kill 'CONT', $other;

    wait_for('the second is fetched', sub { calls() == 2 });
    $upstream->release($key);
    is(finish($second)->{status}, 200, 'and answered');
    ended_well();
};


subtest 'a draining worker and a new one wait for each other' => sub {
    start(script => 'gate');
    my @old = map { begin('/api/OLD') } 1 .. 4;
    wait_for('the old one fetches', sub { calls('OLD') == 1 });
    $nginx->reload;

    my @new = map { begin('/api/OLD') } 1 .. 4;
    wait_for('new ones wait for it', sub { source()->{coalesced} >= 7 });
    $upstream->release($key);
    is(finish($_)->{status}, 200, 'answered') for @old, @new;
    is(calls('OLD'), 1, 'by one call');
    ended_well();
};


subtest 'a draining worker whose time is over hands its fetch on' => sub {
    start(script => 'gate', main => 'worker_shutdown_timeout 500ms;');
    my $old = begin('/api/XLK');
    wait_for('the old one fetches', sub { calls() == 1 });
    $nginx->reload;

    my @new = map { begin('/api/XLK') } 1 .. 4;
    wait_for('a new one fetches in its place', sub { calls() == 2 });
    $upstream->release($key);
    is(finish($_)->{status}, 200, 'its clients are answered') for @new;
    is(finish($old)->{status}, 0, 'the old one is cut off');
    is(source()->{aborted}, 1, 'its fetch is counted as aborted');
    is(source()->{succeeded}, 1, 'the other as a success');
    ended_well();
};


for my $case (
    ['the queue of', 'gate', 'concurrency=1 queue_timeout=60s', 0, 3],
    ['a pause of', 'after:503:40,gate', '', 1, 1],
) {
    my ($name, $script, $source, $retries, $n) = @$case;

    subtest "$name a draining worker whose time is over ends" => sub {
        # of two workers the second's time is over a moment later, until when
        # it may take the place that the first one leaves
        start(script => $script, source => $source, timeout => '60s',
              retries => $retries, workers => 1,
              main => 'worker_shutdown_timeout 500ms;');
        my @clients = map { begin("/api/K$_") } 1 .. $n;
        wait_for('the first has called', sub { calls() == 1 });
        wait_for('the others wait', sub { source()->{waiting} == $n - 1 });

        my @old = $nginx->workers;
        $nginx->reload;
        wait_for('the old ones are gone', sub {
            my %now = map { $_ => 1 } $nginx->children;
            return !grep { $now{$_} } @old;
        });

        is(finish($_)->{status}, 0, 'a client is cut off') for @clients;
        is(calls(), 1, 'no call was begun instead');
        is(source()->{aborted}, 1, 'and the one that was is aborted');
        ended_well();
    };
}


undef $nginx;
done_testing;
