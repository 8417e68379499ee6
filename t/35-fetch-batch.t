# Many symbols in one call of the upstream.  What it saves in quota it must not
# cost elsewhere: one bad sector spoils no other one, a key has one fetch over
# all workers however it is asked for, and a call that dies takes nobody along.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(sleep time);
use Upstream qw(get begin finish leave wait_for pass_ttl scaled);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $mark = Upstream::Nginx::mark($upstream);
my $number = 0;
my ($nginx, $key);

my @all = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);


# Calls for many have the path .../many/SYMBOLS, those for one .../one/SYMBOL.
sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', source => '', script => 'ok',
                    many => 'many:map', api => '', batch => '', http => '',
                    from => 'up', one => 'up', timeout => scaled(20) . 's',
                    retries => 'retries=0', more => '', @_);
    my $uri = $option{uri} || '/many/$sector_cache_symbols';

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_zone snapshots 1m ttl=10m;
sector_cache_source up timeout=$option{timeout} $option{retries}
                       $option{source};
$option{http}
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch $option{one} /one/\$sector_cache_symbol;
        sector_cache_fetch_batch $option{from} $uri $option{batch};
        add_header X-Worker \$pid always;
        $option{api}
    }
    location /one/ {
        internal;
        proxy_pass http://$up/$option{script}${key}one/;
    }
    location /many/ {
        internal;
        proxy_pass http://$up/$option{many}${key}many/;
    }
    location /status {
        sector_cache_status;
    }
    $mark
    $option{more}
}
END
}


sub start {
    my (%option) = @_;

    $key = '/m' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} || 2,
                                  http => http(%option),
                                  main => $option{main});
}


sub source { return get('/status/stats')->{json}{sources}{$_[0] || 'up'} }
sub sectors { return get('/status/stats')->{json}{namespaces}{sectors} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }
sub batch { return begin('/api/?symbols=' . join ',', @_) }
sub symbols { return get('/api/?symbols=' . join ',', @_) }


# What was asked for, in the order of the calls: "XLK,XLF XLE".
sub asked {
    return join ' ', $upstream->requests($key . ($_[0] || ''))
                     =~ m{^GET \S*?/(?:many|one)/(?:q\?symbols=)?(\S+)}mg;
}


# "XLK:200 XLF:502": what became of each symbol of a batch.
sub each_of {
    my ($got) = @_;
    my %data = %{ $got->{json}{data} || {} };
    my %errors = %{ $got->{json}{errors} || {} };

    return join ' ', map { "$_:" . ($errors{$_} ? $errors{$_}{error_code}
                                                : $data{$_}{price}) }
                     sort keys %data, keys %errors;
}


sub ended_well {
    my (@expected) = @_;

    for my $name (sort keys %{ get('/status/stats')->{json}{sources} }) {
        # the module may have asked for itself whether the source is back
        wait_for('nothing is in flight', sub { !source($name)->{inFlight} });
        is(source($name)->{waiting}, 0, 'nothing waits');
    }

    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


# The worker that fetches.
sub fetching { return $nginx->calling($upstream->port) }


# A batch that is under way, the worker that has it, and a way to ask the
# other one.
sub under_way {
    my $client = batch(@_);

    wait_for('it is under way', sub { calls('many') == 1 });
    my ($worker) = fetching();

    return ($client, $worker,
            sub { begin($_[0], keep => $nginx->of_another($worker)) });
}


for my $workers (1, 2) {
    for my $case (
        ['a map', 'many:map', ''],
        ['an array', 'many:array', ''],
        ["Yahoo's quotes", 'many:quote', 'format=yahoo_quote'],
    ) {
        my ($name, $many, $batch) = @$case;

        subtest "$name brings all that is missing, $workers workers" => sub {
            start(workers => $workers, many => $many, batch => $batch);
            get('/api/XLF');
            my $got = symbols(qw(XLK XLF XLE));

            is($got->{status}, 200, 'answered');
            is(each_of($got), 'XLE:101 XLF:101 XLK:101', 'with all');
            is(asked('many'), 'XLK,XLE', 'one call, not for what is fresh');
            is(asked('one'), 'XLF', 'which was fetched alone');

            my $source = source();
            is($source->{fetches}, 2, 'two fetches');
            is($source->{succeeded}, 2, 'two successes');

            for my $symbol (qw(XLK XLE)) {
                $got = get("/api/$symbol");
                is($got->{cache}, 'hit', "$symbol is a hit from then on");
                is($got->{json}{data}{symbol}, $symbol, 'of its own data');
            }

            is(calls(), 2, 'calls');
            ended_well();
        };
    }


    subtest "a cold snapshot for 100 clients is 1 call, $workers workers" =>
    sub {
        start(workers => $workers, many => 'hold+many:map');
        my @clients = map { begin('/api/snapshot') } 1 .. 100;

        wait_for('it is under way', sub { calls() > 0 });
        wait_for('it is let go', sub { $upstream->release($key) });
        my @got = map { finish($_) } @clients;

        is(scalar(grep { $_->{status} == 200
                         && $_->{json}{data}{summary}{availableSectors} == 11 }
                  @got), 100, 'all are answered in full');
        is(asked(), join(',', @all), 'one call');
        is(source()->{fetches}, 1, 'one fetch');
        is(get('/api/XLB')->{cache}, 'hit', 'each sector is kept');
        ended_well();
    };
}


subtest 'one missing symbol has a call of its own' => sub {
    start(workers => 1);
    my $kept = begin('/pid', keep => 1);
    finish($kept);

    for my $n (1 .. 20) {
        # memory that others have used
        finish(begin('/api/?symbols=' . join(',', map { "P$n-$_" } 1 .. 20),
                     keep => $kept));
        finish(begin("/api/K$n", keep => $kept));
        finish(begin("/api/?symbols=K$n,L$n", keep => $kept));
    }

    is(calls('one'), 40, 'calls for one');
    is(calls('many'), 20, 'calls for many');
    unlike(asked('many'), qr/K/, 'none of them with one that was alone');
    ended_well();
};


for my $case (
    ['a path', '', '%5EGSPC,BRK=B,BF.B,A-B,M&M_A.NS'],
    ['arguments', '/many/q?symbols=$sector_cache_symbols',
     '%5EGSPC,BRK%3DB,BF.B,A-B,M%26M_A.NS'],
) {
    my ($name, $uri, $expected) = @$case;

    subtest "symbols in $name are escaped, and commas are not" => sub {
        start(workers => 1, uri => $uri);
        my $got = symbols(qw(%5EGSPC BRK%3DB BF.B A-B M%26M_A.NS));

        is(each_of($got), 'A-B:101 BF.B:101 BRK=B:101 M&M_A.NS:101 ^GSPC:101',
           'answered');
        is(asked('many'), $expected, 'as the upstream sees it');
        is(get('/api/%5EGSPC')->{cache}, 'hit', 'a hit');
        ended_well();
    };
}


subtest 'max= splits' => sub {
    start(workers => 1, batch => 'max=5');
    my $got = get('/api/');

    is(scalar(keys %{ $got->{json}{data} }), 12, 'all are there');
    is(join(' ', sort map { scalar(my @s = split /,/) }
                      split / /, asked('many')), '2 5 5', 'three calls');
    is(source()->{fetches}, 3, 'three fetches');
    ended_well();
};


subtest 'a refresh in the background is one call, too' => sub {
    start(zone => 'ttl=1ms swr=1h', many => 'many:map,hold+many:map');
    symbols(qw(XLK XLF XLE));
    pass_ttl();
    my $got = symbols(qw(XLK XLF XLE));
    is(each_of($got), 'XLE:101 XLF:101 XLK:101', 'nobody waits for it');
    is($got->{cache}, 'updating', 'which is said');
    wait_for('it is under way', sub { calls() == 2 });

    # what is missing goes along with what is still to be refreshed
    symbols(qw(XLK XLF XLE));
    is(calls(), 2, 'once');
    $upstream->release($key);
    wait_for('it is over', sub { source()->{succeeded} == 2 });
    pass_ttl();
    $got = symbols(qw(XLV XLK XLF));
    is(each_of($got), 'XLF:102 XLK:102 XLV:101', 'answered');
    is(asked(), 'XLK,XLF,XLE XLK,XLF,XLE XLV,XLK,XLF', 'calls');
    ended_well();
};


subtest 'two workers that want the same make one call' => sub {
    start(many => 'wait:5+many:map');
    my %worker;

    for my $round (1 .. 40) {
        my @keep = map { begin('/pid', keep => 1) } 1 .. 8;
        $worker{finish($_)->{body}} = 1 for @keep;
        my $names = join ',', map { "R$round-$_" } 1 .. 40;
        begin("/api/?symbols=$names", keep => $_) for @keep;
        my @got = map { finish($_) } @keep;

        next if calls('many') == $round
                && 8 == grep { keys %{ $_->{json}{data} || {} } == 40 } @got;

        is(calls('many'), $round, 'one call a round');
        last;
    }

    is(keys %worker, 2, 'both workers were asked');
    is(calls('many'), 40, 'one call a round');
    is(source()->{fetches}, 40, 'and one fetch');
    ended_well();
};


subtest 'who is told finds the call ended' => sub {
    start(many => 'hold+status:500', source => 'failures=1000000');
    my @late;

    for my $round (1 .. 30) {
        my @names = map { "R$round-$_" } 1 .. 50;
        my @clients = batch(@names);

        wait_for('it is under way', sub { calls() == $round });
        push @clients, map { begin("/api/$names[0]") } 1 .. 8;
        wait_for('they wait', sub { source()->{coalesced} == 8 * $round });
        $upstream->release($key);
        finish($clients[-1]);
        my $source = source();
        push @late, $round if $source->{inFlight} != 0
                              || $source->{failed} != $round;
        finish($_) for @clients[0 .. 7];
    }

    is("@late", '', 'in no round it was not');
    ended_well();
};


subtest 'what another worker fetches gets off and is joined' => sub {
    start(script => 'hold+ok', many => 'hold+many:map');
    my $single = begin('/api/XLK');
    wait_for('one is under way', sub { calls('one') == 1 });
    my ($worker) = fetching();

    my $client = begin('/api/?symbols=XLK,XLF,XLE',
                       keep => $nginx->of_another($worker));
    wait_for('the others are', sub { calls('many') == 1 });
    is(asked('many'), 'XLF,XLE', 'without it');
    is(source()->{coalesced}, 1, 'which is joined');

    # a batch of keys that are all in flight, in two calls
    my @more = map { batch(qw(XLE XLK XLF)) } 1 .. 10;
    wait_for('they wait', sub { source()->{coalesced} == 31 });

    $upstream->release($key . 'many');
    wait_for('it has come', sub { source()->{succeeded} == 1 });
    is(get('/api/XLF')->{cache}, 'hit', 'what came is there for all');
    $upstream->release($key . 'one');

    is(each_of(finish($_)), 'XLE:101 XLF:101 XLK:101', 'answered')
        for $client, @more;
    is(finish($single)->{status}, 200, 'so is the one');
    is(calls(), 2, 'calls');
    is(source()->{fetches}, 2, 'fetches');
    is(source()->{succeeded}, 2, 'successes');
    ended_well();
};


subtest 'a symbol of a call under way is joined at both workers' => sub {
    start(many => 'hold+many:map');
    my ($client, $worker, $other) = under_way(qw(XLK XLF));
    my @singles = map { begin('/api/XLF') } 1 .. 10;
    push @singles, $other->('/api/XLF');
    my $second = $other->('/api/?symbols=XLF,XLE,XLB');

    wait_for('a second call is made', sub { calls('many') == 2 });
    wait_for('they wait', sub { source()->{coalesced} == 12 });
    is(asked('many'), 'XLK,XLF XLE,XLB', 'for what nobody fetches yet');

    $upstream->release("${key}many/XLK");
    is(each_of(finish($client)), 'XLF:101 XLK:101', 'the first is answered');
    is(scalar(grep { finish($_)->{status} == 200 } @singles), 11,
       'all others are');
    is(source()->{inFlight}, 1, 'while the second is under way');
    $upstream->release($key);
    is(each_of(finish($second)), 'XLB:101 XLE:101 XLF:101', 'so is the second');
    is(calls('one'), 0, 'nothing was fetched alone');
    ended_well();
};


subtest 'who waits for a symbol at the other worker is woken' => sub {
    my %learns = (woken => 0, late => 0);

    # an nginx of its own for each, at which nobody else has waited
    for my $round (1 .. 20) {
        start(many => 'hold+many:map');
        my ($client, $worker) = under_way(qw(XLK XLF));

        $learns{ $nginx->learns($worker, $upstream, '/api/XLF', sub {
            wait_for('he waits', sub { source()->{coalesced} == 1 });
        }, sub { $upstream->release($key) }) }++;

        is(each_of(finish($client)), 'XLF:101 XLK:101', 'answered');
        is(calls(), 1, 'by one call');
        ended_well();
        last if $learns{woken} + $learns{late} == 5;
    }

    note(map { "$_: $learns{$_} " } sort keys %learns);
    cmp_ok($learns{woken}, '>', $learns{late}, 'not by looking');
};


subtest 'a call has one place, whatever it carries' => sub {
    start(many => 'hold+many:map', source => 'concurrency=1 queue=1');
    my ($first) = under_way(qw(XLK XLF XLE));
    is(source()->{inFlight}, 1, 'one place');

    my $second = batch(qw(XLV XLY));
    wait_for('the second waits', sub { source()->{waiting} == 1 });
    my $got = symbols(qw(XLC XLI));
    is("$got->{status} $got->{code}", '503 FETCH_QUEUE_FULL',
       'the third is refused');
    is(source()->{refusedByQueue}, 1, 'once');

    # nothing of what was refused is left in flight
    is(source()->{inFlight}, 1, 'one is in flight');
    $upstream->release($key);
    wait_for('the second has its place', sub { calls('many') == 2 });
    $upstream->release($key);
    is(each_of(finish($first)), 'XLE:101 XLF:101 XLK:101', 'the first');
    is(each_of(finish($second)), 'XLV:101 XLY:101', 'and the second');
    is(source()->{waitTime}{count}, 2, 'two waited');
    ended_well();
};


subtest 'a place that does not come free in time' => sub {
    start(many => 'hold+many:map',
          source => 'concurrency=1 queue_timeout=200ms failures=1');
    my ($first, $worker, $other) = under_way(qw(XLK XLF));
    my $second = batch(qw(XLV XLY));
    wait_for('it waits', sub { source()->{waiting} == 1 });
    my $joined = begin('/api/XLV');

    for my $got (map { finish($_) } $second, $joined) {
        is("$got->{status} $got->{code}", '503 FETCH_QUEUE_FULL', 'refused');
        is($got->{error}, 'No place for a fetch from source up came free '
                          . 'within 200 ms', 'and told why');
    }

    is(source()->{refusedByQueue}, 1, 'once');
    $upstream->release($key);
    is(finish($first)->{status}, 200, 'the first is answered');
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');
    is($nginx->log =~ s/fetch of "a batch" refused//gr =~ /refused/ ? 1 : 0,
       0, 'one line for all');
    ended_well();
};


subtest 'a call is one of the rate' => sub {
    start(source => 'rate=2r/m failures=1');
    is(symbols(qw(XLK XLF XLE))->{status}, 200, 'one');
    is(symbols(qw(XLV XLY))->{status}, 200, 'two');
    my $got = symbols(qw(XLC XLI));
    is("$got->{status} $got->{code}", '503 RATE_LIMITED', 'three');
    like($got->{headers}{'retry-after'}, qr/^(?:[12]?\d|30)$/,
         'until there is a token');
    is(each_of(symbols(qw(XLC XLK))), 'XLC:RATE_LIMITED XLK:101',
       'what is there is served');
    is(source()->{refusedByRate}, 2, 'counted');
    ended_well();
};


subtest 'a failing status is for each, stale where there is' => sub {
    start(many => 'status:500', zone => 'ttl=1ms stale=1h',
          source => 'failures=2 open=1h');
    get('/api/XLK');
    pass_ttl();
    my $got = symbols(qw(XLK XLF XLE));

    is($got->{status}, 200, 'one could be had');
    is(each_of($got), 'XLE:UPSTREAM_ERROR XLF:UPSTREAM_ERROR XLK:101', 'told');
    is($got->{json}{errors}{XLF}{error},
       'Source up answered with status 500', 'why');
    is(source()->{failed}, 1, 'one failure');
    is(source()->{breaker}{state}, 'closed', 'of which two open the breaker');

    $got = symbols(qw(XLF XLE));
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'nothing');
    is(source()->{breaker}{state}, 'open', 'open');

    is(each_of(symbols(qw(XLK XLF XLE))), 'XLE:SECTOR_API_CIRCUIT_OPEN '
       . 'XLF:SECTOR_API_CIRCUIT_OPEN XLK:101', 'no call, stale all the same');
    $got = symbols(qw(XLF XLE));
    is("$got->{status} $got->{code}", '503 SECTOR_API_CIRCUIT_OPEN',
       'or none');
    cmp_ok($got->{headers}{'retry-after'}, '>', 3000, 'with Retry-After');
    is(source()->{refusedByBreaker}, 2, 'counted once a call');
    is(calls('many'), 2, 'calls');

    my @lines = $nginx->log =~ /(sector cache fetch of .*)/g;
    is(scalar(@lines), 1, 'one line, for it lasts');
    like($lines[0], qr/^sector cache fetch of "a batch" failed after \d+ ms: /,
         'which says what failed');
    ended_well();
};


for my $case (
    ['a failing status', 'hold+status:500', 502, 'UPSTREAM_ERROR'],
    ['a body that is none', 'hold+text', 502, 'UPSTREAM_INVALID'],
    ['a batch without a good one', 'hold+many:map:bad:all', 502,
     'UPSTREAM_INVALID'],
    ['"no such symbols"', 'hold+many:array:lacks:all', 502,
     'UPSTREAM_INVALID'],
    ['a connection that is closed', 'hold+close', 502, 'UPSTREAM_ERROR'],
    ['a timeout', 'stall', 504, 'UPSTREAM_TIMEOUT'],
) {
    my ($name, $many, $status, $code) = @$case;

    subtest "$name reaches those who wait at the other worker" => sub {
        start(many => $many, $many eq 'stall' ? (timeout => '1s') : (),
              source => 'failures=1 open=1h');
        my ($client, $worker, $other) = under_way(qw(XLK XLF));
        my @others = ($other->('/api/XLK'), $other->('/api/?symbols=XLF,XLK'),
                      begin('/api/XLF'));

        wait_for('they wait', sub { source()->{coalesced} == 4 });
        $upstream->release($key) if $many ne 'stall';
        my @got = map { finish($_) } $client, @others;

        is(join(' ', map { "$_->{status} $_->{code}" } @got),
           join(' ', ("$status $code") x 4), 'all are told');
        my %text = map { $_->{error} =~ s/XLF/XLK/r => 1 } @got;
        is(scalar(keys %text), 1, 'alike');
        is(calls(), 1, 'one call');
        is(source()->{breaker}{state},
           $name =~ /good one|no such/ ? 'closed' : 'open', 'the breaker');
        ended_well();
    };
}


subtest 'all invalid, or no batch, is a failure' => sub {
    start(many => 'many:map:bad:all,text', source => 'failures=1 open=1h');
    my $got = symbols(qw(XLK XLF));
    is("$got->{status} $got->{code}", '502 UPSTREAM_INVALID', 'all invalid');
    is(source()->{breaker}{state}, 'closed', 'which is about the symbols');
    $got = symbols(qw(XLK XLF));
    is("$got->{status} $got->{code}", '502 UPSTREAM_INVALID', 'no batch');
    is(source()->{invalid}, 2, 'counted');
    is(source()->{breaker}{state}, 'open', 'which is about the source');
    ended_well();
};


subtest 'one invalid sector is that one alone' => sub {
    start(many => 'hold+many:map:bad:XLF', source => 'failures=1');
    my ($client, $worker, $other) = under_way(qw(XLK XLF XLE));
    my $since = time;
    my @joined = ($other->('/api/XLF'), begin('/api/XLF'));
    wait_for('they wait', sub { source()->{coalesced} == 2 });
    wait_for('it has taken two digits of ms', sub { time > $since + 0.03 });
    $upstream->release($key);

    is(each_of(finish($client)), 'XLE:101 XLF:UPSTREAM_INVALID XLK:101',
       'that one');

    for my $got (map { finish($_) } @joined) {
        is("$got->{status} $got->{code}", '502 UPSTREAM_INVALID', 'told');
        like($got->{headers}{'cache-status'}, qr/fwd-status=200/,
             'with the status that it came with');
    }

    my $source = source();
    is($source->{succeeded}, 1, 'the call is a success');
    is($source->{invalid}, 0, 'and no other outcome');
    is($source->{breaker}{state}, 'closed', 'the breaker is closed');
    is(get('/api/XLE')->{cache}, 'hit', 'the others are kept');

    my @lines = $nginx->log =~ /sector cache fetch of (.*)/g;
    is(scalar(@lines), 1, 'one line');
    like($lines[0], qr/^"XLF" failed after [1-9]\d+ ms: Source up sent an /,
         'that names it and says how long it took');
    ended_well();
};


subtest 'a symbol that the answer lacks is unknown, for a while' => sub {
    start(many => 'many:array:lacks:XLF', zone => 'ttl=10m negative=1h');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:UNKNOWN_SYMBOL XLK:101', 'unknown');
    my $got = get('/api/XLF');
    is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL', 'still');
    is(sectors()->{negative}, 1, 'from memory');
    is(calls(), 1, 'calls');
    is(source()->{succeeded}, 1, 'the call is a success');
    ended_well();
};


subtest 'a body may be as large as its sectors together' => sub {
    start(many => 'many:map', zone => 'ttl=10m max_object=64');
    my $got = symbols(map { "K$_" } 1 .. 30);
    is(scalar(keys %{ $got->{json}{data} }), 30, 'all are there');
    is(get('/api/K30')->{cache}, 'hit', 'and kept');
    ended_well();
};


subtest 'why a call failed is explained of each of its symbols' => sub {
    start(many => 'status:500', source => 'hold=1m max_hold=1m failures=100',
          zone => 'ttl=1ms stale=1h', timeout => '20s');
    is(symbols(qw(XLK XLF))->{status}, 502, 'it failed');

    for my $symbol (qw(XLK XLF)) {
        my $why = get("/status/explain/$symbol")->{json};

        is($why->{lastError}{error}, 'Source up answered with status 500',
           "$symbol: the error");
        is($why->{lastError}{status}, 500, 'its status');
        like($why->{lastError}{time}, qr/^\d{4}-.*Z$/, 'its time');
        cmp_ok($why->{waits}, '>', 40, 'until when it waits');
        like($why->{why}, qr/^its last fetch from source up failed/,
             'why it is not fetched');
    }

    my $why = get('/status/explain/XLE')->{json};
    is($why->{lastError}, undef, 'nothing of another');
    is($why->{waits}, 0, 'which does not wait');
    ended_well();
};


subtest 'a failing call is made again as a whole' => sub {
    start(many => 'status:500,close,many:map',
          retries => 'retries=2 backoff=1ms');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:103 XLK:103', 'answered');
    is(asked('many'), join(' ', ('XLK,XLF') x 3), 'three calls');
    my $source = source();
    is("$source->{fetches} $source->{retries} $source->{succeeded}", '1 2 1',
       'of one fetch');
    ended_well();
};


subtest 'Retry-After holds for the whole call' => sub {
    start(many => 'after:503:1,many:map', retries => 'retries=1 backoff=1ms',
          source => 'failures=5');
    my $since = time;
    is(each_of(symbols(qw(XLK XLF))), 'XLF:102 XLK:102', 'answered');
    cmp_ok(time - $since, '>', 0.9, 'not before');
    is(calls('many'), 2, 'calls');
    ended_well();
};


subtest 'a timeout is of all calls together' => sub {
    start(many => 'status:500,stall', retries => 'retries=5 backoff=1ms',
          timeout => '600ms');
    my $since = time;
    my $got = symbols(qw(XLK XLF));
    is("$got->{status} $got->{code}", '504 UPSTREAM_TIMEOUT', 'told');
    cmp_ok(time - $since, '<', scaled(3), 'in time');
    is(source()->{timedOut}, 1, 'counted');
    ended_well();
};


subtest 'the worker that carries is killed' => sub {
    start(many => 'hold+many:map');
    my ($client, $worker, $other) = under_way(qw(XLK XLF XLE));
    my @others = ($other->('/api/XLK'), $other->('/api/?symbols=XLF,XLE'));
    wait_for('they wait', sub { source()->{coalesced} == 3 });

    kill 'KILL', $worker;
    wait_for('they take the keys over', sub { calls() >= 3
                                              || calls('many') > 1 });
    $upstream->release_any($key);

    is(finish($others[0])->{status}, 200, 'one is answered');
    is(each_of(finish($others[1])), 'XLE:101 XLF:101', 'so are two');
    is(finish($client)->{status}, 0, 'the first was cut off');
    my $source = source();
    is($source->{aborted}, 1, 'one fetch is counted as aborted');
    is($source->{fetches}, 1 + $source->{succeeded}, 'all others succeeded');
    is(get('/api/XLF')->{cache}, 'hit', 'kept');
    ended_well(qr/exited on signal 9/);
};


subtest 'the worker that carries stands still, and others take its keys over as'
        . ' soon as one of a single key' => sub {
    # how long it might have waited for its place is no matter any more
    start(many => 'hold+many:map', timeout => '1s',
          source => 'failures=1 queue_timeout=1h');
    my ($client, $worker, $other) = under_way(qw(XLK XLF));
    my @others = ($other->('/api/XLK'), $other->('/api/?symbols=XLF,XLK'));
    wait_for('they wait', sub { source()->{coalesced} == 3 });

    kill 'STOP', $worker;
    is(each_of(finish($others[1])), 'XLF:101 XLK:101', 'others go on');
    is(finish($others[0])->{status}, 200, 'all of them');
    kill 'CONT', $worker;
    is(finish($client)->{status}, 200, 'and itself, when it goes on');

    my $source = source();
    is($source->{aborted}, 1, 'it was taken back');
    is($source->{timedOut}, 0, 'and has no other outcome');
    is($source->{breaker}{state}, 'closed', 'nor is it held against anybody');
    ended_well();
};


subtest 'the worker that carries stands still until the time is over' => sub {
    start(many => 'hold+many:map,many:map', timeout => '2s',
          source => 'failures=1 queue_timeout=1h');
    my ($client, $worker, $other) = under_way(qw(XLK XLF));
    my @others = ($other->('/api/XLK'), $other->('/api/?symbols=XLF,XLK'));
    wait_for('they wait', sub { source()->{coalesced} == 3 });

    kill 'STOP', $worker;
    # before its lease ends; were it later, others had taken the keys over
    sleep 2.1;
    kill 'CONT', $worker;

    is(finish($others[0])->{status}, 200, 'another is answered');
    is(each_of(finish($others[1])) =~ s/10[12]/PRICE/gr,
       'XLF:PRICE XLK:PRICE', 'so are two');
    is(finish($client)->{status}, 200, 'and its own');

    my $source = source();
    is($source->{aborted}, 1, 'what it began is one fetch that came to naught');
    is($source->{timedOut}, 0, 'nobody was too slow');
    is($source->{breaker}{state}, 'closed', 'nor is it held against anybody');
    ended_well();
};


subtest 'a draining worker and a new one wait for each other' => sub {
    start(many => 'hold+many:map');
    my $old = batch(qw(XLK XLF));
    wait_for('the old one fetches', sub { calls() == 1 });
    $nginx->reload;

    my @new = (begin('/api/XLK'), batch(qw(XLF XLK)));
    wait_for('new ones wait for it', sub { source()->{coalesced} == 3 });
    $upstream->release($key);
    is(finish($_)->{status}, 200, 'answered') for $old, @new;
    is(calls(), 1, 'by one call');
    ended_well();
};


subtest 'a draining worker whose time is over hands its keys on' => sub {
    start(many => 'hold+many:map', main => 'worker_shutdown_timeout 500ms;');
    my $old = batch(qw(XLK XLF));
    wait_for('the old one fetches', sub { calls() == 1 });
    $nginx->reload;

    my @new = (begin('/api/XLK'), batch(qw(XLK XLF)));
    is(finish($new[0])->{status}, 200, 'one is answered');
    is(each_of(finish($new[1])), 'XLF:101 XLK:101', 'so are two');
    is(finish($old)->{status}, 0, 'the old one is cut off');
    is(source()->{aborted}, 1, 'its fetch is counted as aborted');
    ended_well();
};


subtest 'nginx ends when the call has ended' => sub {
    start(many => 'hold+many:map');
    my $client = batch(qw(XLK XLF));
    wait_for('it is under way', sub { calls() == 1 });
    $nginx->signal('QUIT');
    $nginx->wait_for_log(qr/gracefully shutting down/);
    $upstream->release($key);
    is(each_of(finish($client)), 'XLF:101 XLK:101', 'answered');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'the client leaves, and all is kept' => sub {
    start(many => 'hold+many:map');
    my ($client) = under_way(qw(XLK XLF));
    leave($client);
    wait_for('it is gone', sub { sectors()->{misses} == 2 });
    $upstream->release($key);
    wait_for('the call has ended', sub { source()->{succeeded} == 1 });
    is(get("/api/$_")->{cache}, 'hit', "$_ is kept") for qw(XLK XLF);
    is(calls(), 1, 'calls');
    ended_well();
};


subtest 'with the cache off each has a call of its own' => sub {
    start(api => 'sector_cache off;');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:101 XLK:101', 'one');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:102 XLK:102', 'two');
    is(sectors()->{entryCount}, 0, 'nothing is kept');
    is(calls('many'), 2, 'calls');
    is(source()->{coalesced}, 0, 'none is shared');
    ended_well();
};


subtest 'a bypass fetches all, and keeps it' => sub {
    start(api => 'sector_cache_bypass $arg_new;');
    symbols(qw(XLK XLF));
    my $got = get('/api/?symbols=XLK,XLF&new=1');
    is(each_of($got), 'XLF:102 XLK:102', 'fetched');
    is($got->{cache}, 'bypass', 'and said so');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:102 XLK:102', 'kept');
    is(calls('many'), 2, 'calls');
    ended_well();
};


subtest 'a shadow fetches all, and keeps what was missing' => sub {
    start(api => 'sector_cache shadow;');
    is(each_of(symbols(qw(XLK XLF))), 'XLF:101 XLK:101', 'missing');
    is(each_of(symbols(qw(XLK XLF XLE))), 'XLE:101 XLF:101 XLK:101',
       'one more');
    is(asked('many'), 'XLK,XLF XLK,XLF,XLE', 'one call each');
    my $sectors = sectors();
    is("$sectors->{hits} $sectors->{misses} $sectors->{entryCount}", '2 3 3',
       'counted as if it were on');
    ended_well();
};


subtest 'the two kinds of call may have sources of their own' => sub {
    start(http => "sector_cache_source bulk retries=0 failures=1 open=1h;\n",
          from => 'bulk', many => 'many:map,status:500');
    symbols(qw(XLK XLF));
    is(source('bulk')->{fetches}, 1, 'many from one');
    is(get('/api/XLE')->{status}, 200, 'one');
    is(source('up')->{fetches}, 1, 'from the other');

    symbols(qw(XLV XLY));
    symbols(qw(XLK XLV XLY)) for 1;
    is(source('up')->{breaker}{state}, 'closed', 'a breaker each');
    is(get('/api/XLV')->{status}, 200, 'one goes on');
    ended_well();
};


subtest 'a key is taken over from the source of single calls' => sub {
    start(http => "sector_cache_source bulk retries=0;\n", from => 'bulk',
          script => 'hold+ok', many => 'hold+many:map');
    my $single = begin('/api/XLK');
    wait_for('one is under way', sub { calls('one') == 1 });
    my ($worker) = fetching();
    my $client = begin('/api/?symbols=XLK,XLF,XLE',
                       keep => $nginx->of_another($worker));
    wait_for('the others are', sub { calls('many') == 1 });
    is(asked('many'), 'XLF,XLE', 'without it');

    kill 'KILL', $worker;
    wait_for('it is taken over', sub { calls('one/XLK') == 2 });
    is(calls('one'), 2, 'by a call for one');
    $upstream->release($key . 'one');
    $upstream->release($key . 'many');
    is(each_of(finish($client)), 'XLE:101 XLF:101 XLK:102', 'answered');
    is(source('up')->{aborted}, 1, 'the first call was aborted');
    is(source('up')->{succeeded}, 1, 'the second succeeded');
    is(source('bulk')->{succeeded}, 1, 'and that for many');
    ended_well(qr/exited on signal 9/);
};


for my $workers (1, 2) {
    subtest "probes recover a source of calls for many, $workers workers" =>
    sub {
        start(workers => $workers, from => 'bulk',
              many => 'status:500,many:map',
              http => 'sector_cache_source bulk retries=0 failures=1'
                      . " open=300ms successes=2;\n");
        my $got = symbols(qw(XLK XLF XLE));
        is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'it fails');

        # the first call for one symbol fails, as the first of any path does
        wait_for('it is closed', sub {
            source('bulk')->{breaker}{state} eq 'closed' });
        cmp_ok(source('bulk')->{probes}, '>=', 2, 'by probes');
        is(calls('one'), 0, 'none of them from the other source');
        is(source('up')->{fetches}, 0, 'which was not asked');
        wait_for('the probes have ended',
                 sub { source('bulk')->{inFlight} == 0 });
        ended_well();
    };
}


undef $nginx;
done_testing;
