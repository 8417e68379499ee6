# Many symbols in one request.  What is easily got wrong: a batch that asks one
# symbol after the other, or asks again for what is in flight already; one bad
# symbol that spoils the others; counters that count requests in place of
# symbols; input that nobody thought of.

use strict;
use warnings;

use lib 't/lib';
use IO::Uncompress::Gunzip ();
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish leave wait_for pass_ttl);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);

my @all = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);


# Options: script, of all symbols; scripts, of some; zone, source, server, api
sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', source => '', script => 'ok',
                    scripts => {}, api => '', server => '', @_);
    my $scripts = join ' ', map { "$_ '$option{scripts}{$_}';" }
                            sort keys %{ $option{scripts} };

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_source up timeout=20s retries=0 $option{source};
map \$sector_cache_symbol \$script { default '$option{script}'; $scripts }
log_format sectors '\$request_uri [\$sector_cache_symbols]'
                   ' \$sector_cache_status/\$sector_cache_age/'
                   '\$sector_cache_fetch_time';
access_log logs/sectors.log sectors;
server {
    listen %PORT%;
    %PID%
    $option{server}
    location /api {
        sector_cache_api;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
        add_header X-Worker \$pid always;
        $option{api}
    }
    location /bare {
        sector_cache_api;
        sector_cache_envelope off;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /off {
        sector_cache_api;
        sector_cache off;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /any {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        rewrite ^/fetch/(.*)\$ /\$script$key\$1 break;
        proxy_pass http://$up;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


sub start {
    my (%option) = @_;

    $key = '/b' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} || 1,
                                  http => http(%option));
}


sub source { return get('/status/stats')->{json}{sources}{up} }
sub sectors { return get('/status/stats')->{json}{namespaces}{sectors} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }
sub batch { return get('/api/?symbols=' . join ',', @_) }
sub sector { return qq({"symbol":"$_[0]","price":) . ($_[1] || 101) . '}' }

sub data {
    return '{' . join(',', map { qq("$_":) . sector($_) } @_) . '}';
}


# The counters that are not 0.
sub counted {
    my $sectors = sectors();

    return join ' ', map { "$_=$sectors->{$_}" } grep { $sectors->{$_} }
        qw(totalRequests hits misses stale updating bypassed disabled negative
           expired shadowDiffers);
}


# The line that was logged of a request; it is written after the answer.
sub logged {
    my ($pattern) = @_;
    my $path = "$nginx->{root}/logs/sectors.log";

    return wait_for("a line $pattern is logged", sub {
        open my $in, '<', $path or return;
        my ($line) = grep { /$pattern.*\n/ } <$in>;
        chomp $line if defined $line;
        return $line;
    });
}


sub ended_well {
    my (@expected) = @_;

    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is(source()->{waiting}, 0, 'nothing waits');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


#
# What is answered
#

subtest 'symbols are answered in the order of asking' => sub {
    start();
    my $got = batch(qw(XLU XLK SPY));

    is($got->{status}, 200, 'status');
    is($got->{headers}{'content-type'}, 'application/json', 'type');
    like($got->{body}, qr/^\{"success":true,"data":\Q${\data(qw(XLU XLK SPY))}\E
                          ,"cached":false,"timestamp":"[^"]+",
                          "metadata":\{"version":"v1","cacheStatus":"miss",
                          "source":"up","age":0,"ttl":(?:600|599)\}\}$/x,
         'body');
    is(calls(), 3, 'one call each');

    my $hit = batch(qw(XLU XLK SPY));
    is($hit->{data}, $got->{data}, 'the same data from memory');
    is("$hit->{cache} $hit->{json}{cached}", 'hit 1', 'as a hit');
    is(batch(qw(SPY XLU))->{data}, data(qw(SPY XLU)), 'others in their order');
    is(calls(), 3, 'without a call');
    is(counted(), 'totalRequests=8 hits=5 misses=3', 'counters');
    ended_well();
};


subtest 'without a list it is all that are configured, in that order' => sub {
    start();
    is(get('/api')->{data}, data(@all), 'without a slash');
    is(get('/api/')->{data}, data(@all), 'with one');
    is(get('/api/?other=XLK')->{data}, data(@all), 'with another argument');
    is(calls(), 12, 'one call each');
    is(counted(), 'totalRequests=36 hits=24 misses=12', 'counters');
    ended_well();
};


subtest 'each symbol has its own entry, byte for byte' => sub {
    start(scripts => { XLF => 'size:3000' });
    my $batch = get('/bare/?symbols=XLK,XLF');
    my $calls = calls();
    my @single = map { get("/bare/$_")->{body} } qw(XLK XLF);

    is($batch->{body}, qq({"XLK":$single[0],"XLF":$single[1]}), 'the same');
    is(length $single[1], 3000, 'all of it');
    is(calls(), $calls, 'from memory');

    get('/bare/XLV');
    is(get('/bare/?symbols=XLV')->{body}, '{"XLV":' . sector('XLV') . '}',
       'and the other way round');
    is(calls('XLV'), 1, 'from memory');
    ended_well();
};


subtest 'off, each has a call of its own and the same data' => sub {
    start();
    my $on = batch(qw(XLK XLF));
    my $off = get('/off/?symbols=XLK,XLF');

    is($off->{status}, 200, 'status');
    is("$off->{cache} $off->{json}{cached}", 'disabled 0', 'disabled');
    is($off->{data}, $on->{data} =~ s/101/102/gr, 'fetched anew');
    is(get('/off/?symbols=XLK,XLF')->{data}, $on->{data} =~ s/101/103/gr,
       'each time');
    is(batch(qw(XLK XLF))->{data}, $on->{data}, 'and not stored');
    is(calls(), 6, 'calls');
    is(counted(), 'totalRequests=8 hits=2 misses=2 disabled=4', 'counters');
    ended_well();
};


subtest 'bypassed, it is fetched anew and stored' => sub {
    start(api => 'sector_cache_bypass $arg_fresh;');
    batch(qw(XLK XLF));
    my $got = get('/api/?symbols=XLK,XLF&fresh=1');

    is("$got->{status} $got->{cache}", '200 bypass', 'bypass');
    like($got->{data}, qr/102.*102/, 'fetched anew');
    is(batch(qw(XLK XLF))->{data}, $got->{data}, 'and stored');
    is(batch(qw(XLK XLF))->{cache}, 'hit', 'a hit');
    is(calls(), 4, 'calls');
    is(counted(), 'totalRequests=8 hits=4 misses=2 bypassed=2', 'counters');
    ended_well();
};


subtest 'in shadow it is answered as if off and counted as if on' => sub {
    start(api => 'sector_cache shadow;');
    my @got = map { batch(qw(XLK XLF)) } 1 .. 3;

    is(join(' ', map { "$_->{status} $_->{cache}" } @got),
       '200 disabled 200 disabled 200 disabled', 'disabled');
    like($got[2]{data}, qr/103.*103/, 'each fetched');
    is(counted(), 'totalRequests=6 hits=4 misses=2 shadowDiffers=4',
       'counters');
    ended_well();
};


subtest 'a repeated symbol, in whatever case, is answered once' => sub {
    start();
    my $got = batch(qw(xlk XLF XLK Xlk XLF));

    is($got->{data}, data(qw(XLK XLF)), 'once each');
    is(calls(), 2, 'called once');
    is(counted(), 'totalRequests=2 misses=2', 'counted once');
    ended_well();
};


subtest 'HEAD has the headers and no body' => sub {
    start();
    my $get = batch(qw(XLK XLF));
    my $head = get('/api/?symbols=XLK,XLF', method => 'HEAD');

    is($head->{status}, 200, 'status');
    is($head->{body}, '', 'no body');
    is($head->{headers}{etag}, $get->{headers}{etag}, 'the same ETag');
    is(get('/api/?symbols=XLV', method => 'HEAD')->{status}, 200,
       'also of what must be fetched');
    is(calls('XLV'), 1, 'by a call');
    is(counted(), 'totalRequests=5 hits=2 misses=3', 'counters');
    ended_well();
};


#
# What fails
#

subtest 'some fail: the others are answered' => sub {
    start(scripts => { XLV => 'status:500', XLF => 'status:404',
                       XLC => 'text' });
    my $got = batch(qw(XLV XLK XLF XLZ XLC XLU));

    is($got->{status}, 200, 'status');
    is($got->{data} =~ s/,"errors".*//sr, data(qw(XLK XLU)), 'data');
    is(join(' ', map { "$_:$got->{json}{errors}{$_}{error_code}" }
                 sort keys %{ $got->{json}{errors} }),
       'XLC:UPSTREAM_INVALID XLF:UNKNOWN_SYMBOL XLV:UPSTREAM_ERROR'
       . ' XLZ:UNKNOWN_SYMBOL', 'errors');
    is(join(' ', sort keys %{ $got->{json}{errors}{XLV} }),
       'error error_code', 'of the same shape');
    is($got->{json}{errors}{XLZ}{error}, 'Symbol XLZ is not configured',
       'as of a single symbol');

    for my $symbol (qw(XLV XLF XLC)) {
        is($got->{json}{errors}{$symbol}{error}, get("/api/$symbol")->{error},
           "as of $symbol alone");
    }

    is(calls('XLZ'), 0, 'none of the unknown');
    is($got->{headers}{'cache-control'}, 'max-age=0', 'not to be kept');
    is($got->{json}{metadata}{ttl}, 0, 'ttl');
    is(counted(), 'totalRequests=8 misses=7 negative=1', 'counters');

    my $again = batch(qw(XLV XLK XLF));
    is("$again->{status} $again->{cache} $again->{json}{cached}",
       '200 hit 1', 'what is there is a hit');
    is(calls('XLF'), 1, 'and what does not exist is not asked again');
    ended_well();
};


subtest 'without the envelope the errors are left out' => sub {
    start(scripts => { XLV => 'status:500' });

    is(get('/bare/?symbols=XLV,XLK,XLF')->{body}, data(qw(XLK XLF)), 'body');
    is(get('/bare/?symbols=XLV')->{code}, 'UPSTREAM_ERROR', 'an error');
    ended_well();
};


for my $case (
    ['XLV,XLF', 502, 'UPSTREAM_ERROR', 'XLV'],
    ['XLF,XLV', 404, 'UNKNOWN_SYMBOL', 'XLF'],
    ['XLC,XLV', 502, 'UPSTREAM_INVALID', 'XLC'],
    ['XLZ,XLV', 404, 'UNKNOWN_SYMBOL', 'XLZ'],
    ['XLV,XLZ', 502, 'UPSTREAM_ERROR', 'XLV'],
    ['XLZ,XLX', 404, 'UNKNOWN_SYMBOL', 'XLZ'],
) {
    my ($list, $status, $code, $first) = @$case;

    subtest "all fail: $list" => sub {
        start(source => 'failures=100',
              scripts => { XLV => 'status:500', XLF => 'status:404',
                           XLC => 'text' });

        for my $round (1, 2) {
            my $got = get("/api/?symbols=$list");
            my $alone = get("/api/$first");
            is("$got->{status} $got->{code}", "$status $code",
               'the error of the first');
            is($got->{error}, $alone->{error}, 'in the same words');
            is_deeply($got->{json}{error_details},
                      $alone->{json}{error_details}, 'with its details');
        }

        ended_well();
    };
}


subtest 'what a batch of failures may be kept for' => sub {
    start(scripts => { XLV => 'status:500', XLF => 'status:404' });
    my $alone = get('/api/XLF');
    like($alone->{headers}{'cache-control'}, qr/^max-age=(?:10|9)$/, 'alone');

    is(batch(qw(XLF XLV))->{headers}{'cache-control'}, 'no-store',
       'with one that may come back');
    is(batch(qw(XLC XLZ))->{headers}{'cache-control'}, 'max-age=0',
       'with one that is there');
    ended_well();
};


subtest 'all unknown: nothing is called or counted' => sub {
    start();
    my $got = batch(qw(XLZ NONE));

    is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL', 'not found');
    is($got->{error}, 'Symbol XLZ is not configured', 'the first');
    is(calls(), 0, 'no call');
    is(counted(), '', 'not counted, as alone');
    ended_well();
};


for my $workers (1, 2) {
    subtest "what does not exist is remembered, workers: $workers" => sub {
        start(script => 'status:404', workers => $workers);

        for my $round (1 .. 6) {
            my $got = batch(qw(XLK XLF));
            is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL',
               'a batch of nothing else');
            is($got->{error}, 'Symbol XLK does not exist at source up', 'why');
            my $one = get('/api/XLK');
            is("$one->{status} $one->{code}", '404 UNKNOWN_SYMBOL', 'alone');
            is_deeply($one->{json}{error_details},
                      { source => 'up', symbol => 'XLK' }, 'details');
        }

        is(calls(), 2, 'one call each');
        is(counted(), 'totalRequests=18 misses=2 negative=16', 'counters');
        ended_well();
    };
}


subtest 'an open breaker: what is in memory, and 503 without any' => sub {
    start(source => 'failures=1 open=60s', scripts => { XLV => 'status:500' });
    batch(qw(XLK XLF));
    get('/api/XLV');
    is(source()->{breaker}{state}, 'open', 'it is open');
    my $calls = calls();

    my $got = batch(qw(XLK XLU));
    is($got->{status}, 200, 'what is there');
    is($got->{json}{errors}{XLU}{error_code}, 'SECTOR_API_CIRCUIT_OPEN',
       'and why something is not');

    $got = batch(qw(XLU XLB));
    is("$got->{status} $got->{code}", '503 SECTOR_API_CIRCUIT_OPEN',
       'nothing is there');
    like($got->{headers}{'retry-after'}, qr/^(?:60|[1-5]?\d)$/,
         'with Retry-After');
    is(calls(), $calls, 'no call');
    is(counted(), 'totalRequests=7 hits=1 misses=6', 'counters');
    ended_well();
};


subtest 'a full queue refuses some' => sub {
    start(script => 'gate', source => 'concurrency=2 queue=1');
    my $client = begin('/api/?symbols=XLK,XLF,XLV,XLU,XLB');
    wait_for('two fly and one waits', sub {
        my $source = source();
        return $source->{inFlight} == 2 && $source->{waiting} == 1
               && calls() == 2;
    });
    $upstream->release($key);
    wait_for('the third flies', sub { calls() == 3 });
    $upstream->release($key);

    my $got = finish($client);
    is($got->{status}, 200, 'status');
    is($got->{data} =~ s/,"errors".*//sr, data(qw(XLK XLF XLV)), 'three');
    is(join(' ', map { "$_:$got->{json}{errors}{$_}{error_code}" }
                 sort keys %{ $got->{json}{errors} }),
       'XLB:FETCH_QUEUE_FULL XLU:FETCH_QUEUE_FULL', 'two refused');
    ended_well();
};


#
# Freshness
#

subtest 'stale ones are served where the upstream fails' => sub {
    start(zone => 'ttl=1ms stale=1h', script => 'ok,status:500',
          scripts => { XLU => 'ok' });
    batch(qw(XLK XLF));
    pass_ttl();
    my $got = batch(qw(XLK XLF));

    is("$got->{status} $got->{cache} $got->{json}{cached}", '200 stale 1',
       'stale');
    is($got->{data}, data(qw(XLK XLF)), 'what was stored');
    is($got->{json}{metadata}{ttl}, 0, 'no time left');
    is($got->{headers}{'cache-control'}, 'max-age=0', 'nor for others');

    $got = batch(qw(XLK XLU));
    is("$got->{status} $got->{cache} $got->{json}{cached}", '200 miss 0',
       'with one that was fetched');
    is(counted(), 'totalRequests=6 misses=3 stale=3', 'counters');
    ended_well();
};


subtest 'the stale ones are named, with their ages' => sub {
    start(zone => 'ttl=1s stale=1h', script => 'ok,status:500',
          scripts => { XLU => 'ok', XLV => 'text' },
          api => 'sector_cache_gzip on;');
    my $fresh = batch(qw(XLK XLF));
    my $since = time;
    ok(!exists $fresh->{json}{metadata}{stale}, 'none is at first');
    wait_for('they are older', sub { time > $since + 2 });

    my $got = batch(qw(XLF XLU XLK XLV));
    my $after = time - $since + 1;
    my $stale = $got->{json}{metadata}{stale};
    is(join(' ', sort keys %{ $stale || {} }), 'XLF XLK',
       'neither what was fetched nor what lacks');
    ok($stale->{$_} >= 2 && $stale->{$_} <= $after, "the age of $_")
        for qw(XLF XLK);
    like($got->{body}, qr/,"ttl":0,"stale":\{"XLF":\d+,"XLK":\d+\}\}\}$/,
         'at the end');
    is($got->{json}{errors}{XLV}{error_code}, 'UPSTREAM_INVALID',
       'beside the errors');

    my $gzip = get('/api/?symbols=XLF,XLK',
                   headers => ['Accept-Encoding: gzip']);
    is($gzip->{headers}{'content-encoding'}, 'gzip', 'compressed');
    IO::Uncompress::Gunzip::gunzip(\$gzip->{body} => \my $text);
    like($text, qr/^\{"success":true,"data":\Q${\data(qw(XLF XLK))}\E,
                   .*"stale":\{"XLF":\d+,"XLK":\d+\}\}\}$/x, 'the same');

    is(get('/bare/?symbols=XLF,XLK')->{body}, data(qw(XLF XLK)),
       'without an envelope nothing is said');
    is(get('/api/?symbols=XLF,XLK', method => 'HEAD')->{body}, '', 'HEAD');
    ended_well();
};


subtest 'what is refreshed in the background is not stale' => sub {
    start(zone => 'ttl=1ms swr=1h');
    batch(qw(XLK XLF));
    pass_ttl();
    my $got = batch(qw(XLK XLF));
    is($got->{cache}, 'updating', 'it is updated');
    ok(!exists $got->{json}{metadata}{stale}, 'and not named');
    ended_well();
};


subtest 'expired ones are fetched together' => sub {
    start(zone => 'ttl=1ms stale=1h', script => 'ok,gate', workers => 2,
          source => 'concurrency=8');
    batch(qw(XLK XLF XLV));
    pass_ttl();
    my $client = begin('/api/?symbols=XLK,XLF,XLV');
    wait_for('all three are in flight', sub { calls() == 6 });
    is(source()->{inFlight}, 3, 'at once');
    $upstream->release($key);
    my $got = finish($client);
    is("$got->{status} $got->{cache}", '200 miss', 'a miss');
    like($got->{data}, qr/102.*102.*102/, 'anew');
    is(counted(), 'totalRequests=6 misses=6 expired=3', 'counters');
    ended_well();
};


for my $workers (1, 2) {
    subtest "each is refreshed once in the background, $workers" => sub {
        start(zone => 'ttl=1ms swr=1h', script => 'ok,gate',
              workers => $workers);
        batch(qw(XLK XLF));
        pass_ttl();
        my @got = map { finish($_) }
                  map { begin('/api/?symbols=XLK,XLF') } 1 .. 10;

        is(scalar(grep { $_->{status} == 200 && $_->{cache} eq 'updating'
                         && $_->{data} eq data(qw(XLK XLF)) } @got), 10,
           'nobody waits');
        wait_for('both are under way', sub { calls() == 4 });
        is(source()->{inFlight}, 2, 'at once');
        $upstream->release($key);
        wait_for('they are over', sub { source()->{succeeded} == 4 });
        is(calls(), 4, 'once each');
        is(counted(), 'totalRequests=22 misses=2 updating=20', 'counters');
        ended_well();
    };
}


subtest 'a mixture is as old as its oldest, and as fresh as its worst' => sub {
    start(zone => 'ttl=5m');
    get('/api/XLK');
    wait_for('it is a second old', sub {
        return get('/api/XLK')->{json}{metadata}{age} >= 1;
    });
    my $before = sectors();
    my $got = batch(qw(XLF XLK));
    my $meta = $got->{json}{metadata};

    is("$got->{cache} $got->{json}{cached}", 'miss 0', 'one was fetched');
    cmp_ok($meta->{age}, '>=', 1, 'the age of the older');
    cmp_ok($meta->{ttl}, '<=', 299, 'its time left');
    cmp_ok($meta->{ttl}, '>=', 200, 'and no less');
    is($got->{headers}{age}, $meta->{age}, 'Age');
    is($got->{headers}{'cache-control'}, 'max-age=300', 'both make max-age');

    my $after = sectors();
    is($after->{hits} - $before->{hits}, 1, 'a hit');
    is($after->{misses} - $before->{misses}, 1, 'and a miss');

    like(logged(qr/XLF,XLK /),
         qr{^/api/\?symbols=XLF,XLK \[XLF,XLK\] MISS/[1-9]\d*/\d\.\d{3}$},
         'the log');
    is(get('/api/?symbols=xlk,XLF,xlz')->{status}, 200, 'once more');
    like(logged(qr/xlz/), qr{\[XLK,XLF,XLZ\] HIT/[1-9]\d*/-$},
         'no fetch, no fetch time; symbols as they are');
    ended_well();
};


#
# One pass
#

for my $workers (1, 2) {
    subtest "what is missing is fetched at once, workers: $workers" => sub {
        start(script => 'gate', source => 'concurrency=12',
              scripts => { XLK => 'ok', XLF => 'ok' }, workers => $workers);
        get('/api/XLK');
        get('/api/XLF');
        my $client = begin('/api/');

        wait_for('ten fly', sub { calls() == 12 });
        is(source()->{inFlight}, 10, 'all at once');
        $upstream->release($key);
        my $got = finish($client);
        is($got->{data}, data(@all), 'all are answered, in order');
        is(calls(), 12, 'the fresh ones from memory');
        is(counted(), 'totalRequests=14 hits=2 misses=12', 'counters');
        ended_well();
    };


    subtest "as many at once as there are places, workers: $workers" => sub {
        start(script => 'gate', source => 'concurrency=4',
              workers => $workers);
        my $client = begin('/api/');

        for my $round (1 .. 3) {
            wait_for("round $round", sub {
                my $source = source();
                return $source->{inFlight} == 4
                       && $source->{waiting} == 12 - 4 * $round
                       && calls() == 4 * $round;
            });
            $upstream->release($key);
        }

        is(finish($client)->{data}, data(@all), 'all are answered');
        my @asked = $upstream->requests($key) =~ m{^GET \S+/(\w+) }mg;
        is(join(' ', map { sort @asked[$_ .. $_ + 3] } 0, 4, 8),
           join(' ', map { sort @all[$_ .. $_ + 3] } 0, 4, 8),
           'the first first');
        is(calls(), 12, 'calls');
        ended_well();
    };


    subtest "what is in flight is joined, workers: $workers" => sub {
        start(script => 'gate', source => 'concurrency=12',
              workers => $workers);
        my @clients = begin('/api/XLK');
        wait_for('one is in flight', sub { calls() == 1 });

        push @clients, map { begin('/api/?symbols=XLK,XLF,XLV') } 1 .. 10;
        push @clients, map { begin('/api/?symbols=XLV,XLU,XLF') } 1 .. 10;
        push @clients, map { begin('/api/XLF') } 1 .. 10;
        wait_for('all wait', sub {
            return source()->{coalesced} == 67 && calls() == 4;
        });
        $upstream->release($key);

        my @got = map { finish($_) } @clients;
        is(scalar(grep { $_->{status} == 200 && $_->{cache} eq 'miss' } @got),
           31, 'all are answered');
        is(scalar(grep { $_->{data} eq data(qw(XLK XLF XLV)) } @got), 10,
           'ten');
        is(scalar(grep { $_->{data} eq data(qw(XLV XLU XLF)) } @got), 10,
           'and ten');
        my %worker = map { $_->{headers}{'x-worker'} => 1 } @got;
        is(keys %worker, $workers, 'by all workers');
        is(calls(), 4, 'one call each');
        is(counted(), 'totalRequests=71 misses=71', 'counters');
        ended_well();
    };


    subtest "a client that leaves is counted, workers: $workers" => sub {
        start(script => 'gate', source => 'concurrency=12',
              scripts => { XLK => 'ok', XLF => 'ok' }, workers => $workers);
        batch(qw(XLK XLF));
        my $leaves = begin('/api/?symbols=XLK,XLF,XLV,XLU,XLZ');
        wait_for('two are in flight', sub { calls() == 4 });
        my $stays = begin('/api/?symbols=XLV,XLK');
        wait_for('another joins', sub { source()->{coalesced} == 1 });

        leave($leaves);
        wait_for('it is counted',
                 sub { counted() eq 'totalRequests=7 hits=3 misses=4' });
        $upstream->release($key);
        is(finish($stays)->{data}, data(qw(XLV XLK)), 'who stays is answered');
        wait_for('all fetches end', sub { source()->{succeeded} == 4 });
        is(get('/api/XLU')->{cache}, 'hit', 'and what it wanted is stored');
        is(counted(), 'totalRequests=9 hits=4 misses=5', 'counters');
        ended_well();
    };
}


subtest 'a client that leaves between two answers' => sub {
    start(source => 'concurrency=12', scripts => { XLV => 'gate' });
    my $leaves = begin('/api/?symbols=XLK,XLV,XLF');
    wait_for('two have come', sub { source()->{succeeded} == 2
                                    && calls() == 3 });
    leave($leaves);
    wait_for('it is counted', sub { counted() eq 'totalRequests=3 misses=3' });
    $upstream->release($key);
    wait_for('the last comes', sub { source()->{succeeded} == 3 });
    is(batch(qw(XLK XLV XLF))->{cache}, 'hit', 'all are stored');
    is(counted(), 'totalRequests=6 hits=3 misses=3', 'counters');
    ended_well();
};


subtest 'many batches of everything over two workers' => sub {
    start(workers => 2, source => 'concurrency=3 queue=4096');
    my @clients = map { begin('/api/') } 1 .. 60;
    my @got = map { finish($_) } @clients;

    is(scalar(grep { $_->{status} == 200 && $_->{data} eq data(@all) } @got),
       60, 'all alike');
    is(calls(), 12, 'one call each');
    my $sectors = sectors();
    is($sectors->{totalRequests}, 720, 'each symbol is counted');
    is($sectors->{hits} + $sectors->{misses}, 720, 'once');
    ended_well();
};


subtest 'the worker that fetches for a batch is killed' => sub {
    start(script => 'gate', workers => 2, source => 'concurrency=12');
    my $first = begin('/api/?symbols=XLK,XLF');
    wait_for('it is under way', sub { calls() == 2 });
    my @clients = map { begin('/api/?symbols=XLF,XLK') } 1 .. 16;
    wait_for('the others wait', sub { source()->{coalesced} >= 32 });

    my %port;
    open my $in, '<', '/proc/net/tcp' or die "tcp: $!";
    while (my $line = <$in>) {
        my @field = split ' ', $line;
        $port{$field[9]} = 1 if $field[3] eq '01'
            && $field[2] =~ sprintf ':%04X$', $upstream->port;
    }
    my ($worker) = grep {
        grep { (readlink $_ || '') =~ /^socket:\[(\d+)\]/ && $port{$1} }
            glob "/proc/$_/fd/*"
    } $nginx->children;

    kill 'KILL', $worker;
    wait_for('the other fetches', sub { calls() == 4 });
    $upstream->release($key);

    my @got = map { finish($_) } @clients;
    my @answered = grep { $_->{status} == 200 } @got;
    cmp_ok(scalar(@answered), '>', 0, 'who waited elsewhere is answered');
    is(scalar(grep { $_->{data} =~ /"XLF".*"XLK"/ } @answered),
       scalar(@answered), 'with both');
    is(scalar(grep { $_->{status} !~ /^(?:0|200)$/ } @got), 0,
       'or was cut off');
    ended_well(qr/exited on signal 9/);
};


#
# Input
#

subtest 'fifty symbols are answered, and no more' => sub {
    start();
    my @fifty = map { "K$_" } 1 .. 50;
    my $got = get('/any/?symbols=' . join ',', @fifty);

    is($got->{status}, 200, 'fifty');
    is($got->{data}, data(@fifty), 'in order');
    is(calls(), 50, 'calls');

    $got = get('/any/?symbols=' . join ',', @fifty, 'K51');
    is("$got->{status} $got->{code}", '400 TOO_MANY_SYMBOLS', 'fifty-one');
    is($got->{error}, 'Too many symbols, allowed: 50', 'and told so');
    is(calls(), 50, 'no call');
    is(counted(), 'totalRequests=50 misses=50', 'not counted');
    ended_well();
};


subtest 'a list that is none' => sub {
    start();

    for my $list ('', ',', 'XLK,', ',XLK', 'XLK,,XLF', 'XLK,' . 'A' x 33,
                  'XLK;XLF', 'XLK XLF', 'XLK+XLF', ' XLK', 'XLK%20',
                  'XLK%2C', '%', '%4', '%zz', '"', '%22', '%00', 'XLK%00',
                  '[XLK]', '*', "\xc3\xa4", '%c3%a4', '/', '..%2F')
    {
        my $got = get('/api/?symbols=' . $list =~ s/ /%20/gr);
        is("$got->{status} $got->{code}", '400 INVALID_SYMBOL', "\"$list\"");
    }

    is(get('/api/?symbols=%58%4cK,%58LF')->{data}, data(qw(XLK XLF)),
       'letters may be encoded');
    is(get('/api/?symbols=XLK%2cXLF')->{data}, data(qw(XLK XLF)),
       'as may the comma');
    is(counted(), 'totalRequests=4 hits=2 misses=2', 'counters');
    ended_well();
};


subtest 'every byte, as it is and encoded' => sub {
    start();
    get('/api/XLK');
    my $symbol = qr/[A-Za-z0-9.^=&_-]/;
    my @wrong;

    for my $byte (0 .. 255) {
        my $char = chr $byte;
        my $wanted = $char =~ $symbol ? '404 UNKNOWN_SYMBOL'
                                      : '400 INVALID_SYMBOL';
        my $got = get(sprintf '/api/?symbols=XLK%%%02x', $byte);
        push @wrong, sprintf 'encoded %02x: %s %s', $byte, $got->{status},
                             $got->{code}
            if "$got->{status} $got->{code}" ne $wanted;

        next if $byte <= 0x20 || $byte == 0x7f;

        # an argument's end, and what nginx takes for a fragment
        $wanted = '200 ' if $char eq '&' || $char eq '#';
        $got = get("/api/?symbols=XLK$char");
        push @wrong, sprintf 'plain %02x: %s %s', $byte, $got->{status},
                             $got->{code}
            if "$got->{status} $got->{code}" ne $wanted;
    }

    is(join('; ', @wrong), '', 'each is answered as it should be');
    is(calls(), 1, 'no call');
    ended_well();
};


subtest 'a list that is given twice' => sub {
    start();
    my $got = get('/api/?symbols=XLK&symbols=XLF');

    is($got->{status}, 200, 'status');
    is($got->{data}, data('XLK'), 'the first, as with any argument of nginx');
    is(get('/api/?x=1&symbols=XLK&y=2')->{data}, data('XLK'),
       'beside others');
    is(get('/api/?mysymbols=XLF&symbols=XLK')->{data}, data('XLK'),
       'and not another whose name ends so');
    ended_well();
};


subtest 'a query of sixteen kilobytes' => sub {
    start(server => 'large_client_header_buffers 4 32k;');

    for my $case (
        ['one long item', 'symbols=' . 'A' x 16_384, 400, 'INVALID_SYMBOL'],
        ['commas', 'symbols=' . ',' x 16_384, 400, 'TOO_MANY_SYMBOLS'],
        ['symbols', 'symbols=' . 'XLK,' x 4096, 400, 'TOO_MANY_SYMBOLS'],
        ['encoded', 'symbols=' . '%41' x 5460, 400, 'INVALID_SYMBOL'],
        ['per cent signs', 'symbols=' . '%' x 16_384, 400, 'INVALID_SYMBOL'],
        ['beside it', 'x=' . 'A' x 16_384 . '&symbols=XLK', 200, ''],
        ['behind it', 'symbols=XLK&x=' . 'A' x 16_384, 200, ''],
    ) {
        my ($name, $query, $status, $code) = @$case;
        my $got = get("/api/?$query");
        is("$got->{status} $got->{code}", "$status $code", $name);
    }

    ended_well();
};


subtest 'symbols with signs are asked for as they are' => sub {
    start();
    my @signs = ('^GSPC', 'BRK-B', 'BF.B', 'ES=F', '^VIX', 'M&M.NS', '_A=&^');
    my $got = get('/any/?symbols=^GSPC,BRK-B,BF.B,ES=F,%5EVIX,M%26M.NS,'
                  . '_A=%26^');

    is($got->{status}, 200, 'status');
    is($got->{data}, data(@signs), 'data');
    is(calls(), 7, 'calls');
    is(get('/any/M&M.NS')->{cache}, 'hit', 'and each is an entry');

    $got = get('/any/?symbols=XLK,M&M.NS');
    is($got->{data}, data(qw(XLK M)), 'a plain "&" ends the argument');
    ended_well();
};


subtest 'fifty symbols of the greatest length' => sub {
    my @long = map { sprintf '%02d-&=^_%s', $_, 'LONG.' x 5 } 1 .. 50;
    my $list = join '', map { qq("$_" Name;\n) } @long;

    start(api => "sector_cache_symbols { $list }", server =>
          'large_client_header_buffers 4 16k;');
    is(length $long[0], 32, 'as long as can be');

    my $all = get('/api/');
    is($all->{data}, data(@long), 'all that are configured');
    is(get('/api/?symbols=' . join ',', map { s/&/%26/r } @long)->{data},
       $all->{data}, 'as many as may be named');
    is(counted(), 'totalRequests=100 hits=50 misses=50', 'counters');
    like(logged('^/api/ '), qr/\[\Q${\ join ',', @long}\E\]/,
         'all of them are logged');
    ended_well();
};


done_testing();
