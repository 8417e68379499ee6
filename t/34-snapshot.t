# The whole market in one answer, which is an entry of its own made of others.
# What can go wrong: a hundred clients of a cold cache that all compose, or ask
# the upstream twice; a partial snapshot that takes a whole one's place; one
# that is mixed of two; another location's.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use IO::Uncompress::Gunzip ();
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish leave wait_for pass_ttl);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);

my @sectors = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB);
my @all = (@sectors, 'SPY');


# Options: sectors, snapshots, parameters of the zones (snapshots may be
# undef: not declared); source; script, of all symbols; scripts, of some;
# bodies, in place of an upstream; api, locations, http
sub http {
    my (%option) = (sectors => 'ttl=10m stale=1h',
                    snapshots => 'ttl=10m stale=1h', source => '',
                    script => 'ok', scripts => {}, bodies => {}, api => '',
                    locations => '', http => '', @_);
    my $scripts = join ' ', map { "$_ '$option{scripts}{$_}';" }
                            sort keys %{ $option{scripts} };
    my $bodies = join ' ', map { "$_ '$option{bodies}{$_}';" }
                           sort keys %{ $option{bodies} };
    my $source = $option{source};
    $source .= ' timeout=20s' unless $source =~ /timeout=/;
    $source .= ' failures=1000' unless $source =~ /failures=/;
    my $snapshots = defined $option{snapshots}
                    ? "sector_cache_zone snapshots 1m $option{snapshots};" : '';

    return <<"END";
sector_cache_zone sectors 1m $option{sectors};
$snapshots
$option{http}
sector_cache_source up retries=0 $source;
map \$sector_cache_symbol \$script { default '$option{script}'; $scripts }
map \$sector_cache_symbol \$body { default ''; $bodies }
log_format market '\$request_uri [\$sector_cache_symbols]'
                  ' \$sector_cache_status/\$sector_cache_age/'
                  '\$sector_cache_fetch_time';
access_log logs/market.log market;
server {
    listen %PORT%;
    %PID%
    add_header X-Worker \$pid always;
    sector_cache_fetch up /fetch/\$sector_cache_symbol;
    location /api {
        sector_cache_api;
        $option{api}
    }
    location /off {
        sector_cache_api;
        sector_cache off;
    }
    location /bare {
        sector_cache_api;
        sector_cache_envelope off;
    }
    $option{locations}
    location /fetch/ {
        internal;
        if (\$body) {
            return 200 \$body;
        }
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

    $key = '/s' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} || 1,
                                  main => $option{main},
                                  http => http(%option));
}


sub stats { return get('/status/stats')->{json} }
sub source { return stats()->{sources}{up} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }
sub snapshot { return get('/api/snapshot', @_) }
sub stamp { return $_[0]{json}{data}{timestamp} }

sub prices {
    my ($got) = @_;
    my $data = $got->{json}{data};

    return join ' ', map { $_->{price} || '-' } @{ $data->{sectors} },
                                                $data->{benchmark};
}

sub counted {
    my $snapshots = stats()->{namespaces}{$_[0] || 'snapshots'};

    return join ' ', map { "$_=$snapshots->{$_}" } grep { $snapshots->{$_} }
        qw(totalRequests hits misses stale updating bypassed disabled negative
           expired shadowDiffers);
}


# Cache-Status without our name and times.
sub says {
    my @words = split /;\s*/, $_[0]{headers}{'cache-status'};

    return join ';', grep { !/^(?:sector-cache|ttl=.*|stored)$/ } @words;
}


# The seconds of a day in 2026-11-22T20:00:40.123Z.
sub seconds {
    my ($h, $m, $s) = $_[0] =~ /T(\d\d):(\d\d):(\d\d\.\d{3})Z$/ or return 0;

    return ($h * 60 + $m) * 60 + $s;
}


# Those of answers that are good; of these, how many differ.
sub good { return grep { $_->{status} == 200 } @_ }

sub different {
    my %seen = map { $_->{data} => 1 } @_;
    return scalar keys %seen;
}


sub ended_well {
    my (@expected) = @_;

    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is(source()->{waiting}, 0, 'nothing waits');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


#
# What is in it
#

subtest 'sectors in configured order, the benchmark and a summary' => sub {
    my %change = (BB => 0.5, AA => 0.51, DD => -0.5, CC => -0.5001,
                  SPY => 9.9);
    my %body = map { $_ => qq({"symbol":"$_","price":1.50,)
                           . qq("changePercent":$change{$_}}) } keys %change;
    start(bodies => { %body, EE => '{"symbol":"EE","price":2}' },
          api => 'sector_cache_symbols { BB "B & \"b\""; SPY S benchmark;'
                 . ' AA A; DD D; CC C; EE E; }');
    my $before = time;
    my $got = snapshot();
    my $after = time;
    my ($time, $date) = $got->{data} =~ /^\{"timestamp":(\d+),"date":"(.*?)"/;

    is($got->{status}, 200, 'status');
    cmp_ok($time, '>=', int($before * 1000) - 20, 'timestamp');
    cmp_ok($time, '<=', int($after * 1000) + 20, 'in milliseconds');
    my @t = gmtime int($time / 1000);
    is($date, sprintf('%04d-%02d-%02d', $t[5] + 1900, $t[4] + 1, $t[3]),
       'its day');
    is($got->{data}, qq({"timestamp":$time,"date":"$date","sectors":[)
                     . join(',', @body{qw(BB AA DD CC)},
                            '{"symbol":"EE","price":2}')
                     . qq(],"benchmark":$body{SPY},"summary":{)
                     . '"totalSectors":5,"availableSectors":5,'
                     . '"bullishSectors":1,"bearishSectors":1,'
                     . '"neutralSectors":3,"topPerformer":"AA",'
                     . '"worstPerformer":"CC","averageChange":0}}', 'data');
    like($got->{body}, qr/^\{"success":true,"data":\{.*\},"cached":false,
                          "timestamp":"[^"]+","metadata":\{"version":"v1",
                          "cacheStatus":"miss","source":"up","age":0,
                          "ttl":(?:600|599)\}\}$/x, 'envelope');
    ended_well();
};


for my $case (['1.01', '1', '1.01'], ['-1.01', '-1', '-1.01'],
              ['0.1', '0.2', '0.15'], ['0.004', '0.005', '0'],
              ['5.3', '-2', '1.65'])
{
    my ($one, $two, $average) = @$case;

    subtest "the average of $one and $two is $average" => sub {
        start(bodies => {
                  A => qq({"symbol":"A","price":1,"changePercent":$one}),
                  B => qq({"symbol":"B","price":1,"changePercent":$two}) },
              api => 'sector_cache_symbols { A A; B B; }');
        my $got = snapshot();
        like($got->{data}, qr/"averageChange":\Q$average\E\}\}$/, 'average');
        unlike($got->{data}, qr/"benchmark"/, 'no benchmark where there is '
               . 'none');
        ended_well();
    };
}


subtest 'it is made of the sectors that are fresh' => sub {
    start();
    my $single = get('/api/XLV');
    get('/api/');
    is(calls(), 12, 'all are there');
    my $got = snapshot();

    is($got->{status}, 200, 'status');
    ok(index($got->{data}, $single->{data}) > 0, 'byte for byte');
    is(calls(), 12, 'no call');
    is(get('/api/XLV')->{cache}, 'hit', 'and they are there still');
    is(counted('sectors'), 'totalRequests=14 hits=2 misses=12',
       'no request for a sector is counted');
    is(counted(), 'totalRequests=1 misses=1', 'but one for a snapshot');
    ended_well();
};


subtest 'what it lacks is fetched and is an entry of its own' => sub {
    start();
    get("/api/$_") for qw(XLK SPY);
    my $got = snapshot();
    is($got->{cache}, 'miss', 'a miss');
    is(calls(), 12, 'one call each');
    is(get("/api/$_")->{cache}, 'hit', $_) for @all;

    my $hit = snapshot();
    is("$hit->{cache} $hit->{json}{cached}", 'hit 1', 'a hit from then on');
    is($hit->{data}, $got->{data}, 'byte for byte');
    is($hit->{headers}{etag}, $got->{headers}{etag}, 'with the same ETag');
    is(get('/bare/snapshot')->{body}, $got->{data}, 'without its envelope');
    is(calls(), 12, 'no call');
    is(counted(), 'totalRequests=3 hits=2 misses=1', 'counters');
    ended_well();
};


subtest 'its time is that of its own namespace' => sub {
    start(sectors => 'ttl=1ms', snapshots => 'ttl=7m');
    my $first = snapshot();
    like($first->{headers}{'cache-control'}, qr/^max-age=(?:420|419)$/,
         'max-age');
    pass_ttl();
    my $again = snapshot();
    is($again->{cache}, 'hit', 'a hit though its sectors are not fresh');
    is($again->{data}, $first->{data}, 'the same');
    is(calls(), 12, 'no call');
    ended_well();

    start(sectors => 'ttl=7m', snapshots => 'ttl=1ms stale=1h');
    $first = snapshot();
    pass_ttl();
    $again = snapshot();
    is($again->{cache}, 'miss', 'composed anew though its sectors are fresh');
    cmp_ok(stamp($again), '>', stamp($first), 'with a time of its own');
    is($again->{headers}{etag}, $first->{headers}{etag},
       'and the same ETag, as what is in it is the same');
    is(calls(), 12, 'no call');
    is(counted(), 'totalRequests=2 misses=2 expired=1', 'counters');
    ended_well();
};


subtest 'its age adds up: a hit is no younger than what it is made of' => sub {
    start(scripts => { XLK => 'ok,status:500' });
    get('/api/XLK');
    my $since = time;
    wait_for('a sector is older', sub { time > $since + 2.1 });
    my $miss = snapshot();
    is($miss->{cache}, 'miss', 'composed');
    cmp_ok($miss->{headers}{age}, '>=', 2, 'as old as its oldest sector');
    my $hit = snapshot();
    is($hit->{cache}, 'hit', 'from memory');
    cmp_ok($hit->{headers}{age}, '>=', $miss->{headers}{age}, 'so it is then');
    cmp_ok($hit->{json}{metadata}{ttl}, '>=', 598, 'its time is its own');
    ended_well();
};


subtest 'HEAD has the headers, and 304 neither' => sub {
    start();
    my $head = snapshot(method => 'HEAD');
    is("$head->{status} $head->{body}", '200 ', 'HEAD');
    my $got = snapshot();
    is($got->{headers}{etag}, $head->{headers}{etag}, 'the same ETag');
    my $not = snapshot(headers => ["If-None-Match: $got->{headers}{etag}"]);
    is("$not->{status} $not->{body}", '304 ', 'not modified');
    is(counted(), 'totalRequests=3 hits=2 misses=1', 'counters');
    ended_well();
};


subtest 'what is logged' => sub {
    start();
    snapshot() for 1, 2;
    my @lines = @{ wait_for('two lines', sub {
        open my $in, '<', "$nginx->{root}/logs/market.log" or return;
        my @lines = grep { m{/snapshot} } <$in>;
        chomp @lines;
        return @lines == 2 && \@lines;
    }) };
    like($lines[0], qr{ MISS/\d/\d\.\d{3}$}, 'a miss');
    like($lines[1], qr{ HIT/\d/-$}, 'a hit');
    ended_well();
};


#
# Many at once
#

subtest 'a hundred clients of two workers and an empty cache' => sub {
    start(script => 'gate', workers => 2, source => 'concurrency=4');
    my @clients = map { begin('/api/snapshot') } 1 .. 100;

    for my $round (1 .. 3) {
        wait_for("round $round", sub {
            my $source = source();
            return $source->{inFlight} == 4
                   && $source->{waiting} == 12 - 4 * $round
                   && calls() == 4 * $round;
        });
        is($upstream->release($key), 4, 'as many calls as there are places');
    }

    my @got = map { finish($_) } @clients;
    my %worker = map { ($_->{headers}{'x-worker'} || 'none') => 1 } @got;
    is(scalar(good(@got)), 100, 'all are answered');
    is(different(@got), 1, 'with the same data');
    is(keys %worker, 2, 'by both workers');
    is(calls(), 12, 'one call for each sector');
    my $snapshots = stats()->{namespaces}{snapshots};
    is($snapshots->{hits} + $snapshots->{misses}, 100, 'each is counted');
    is($snapshots->{stores}, 1, 'one was stored');
    is(snapshot()->{data}, $got[0]{data}, 'which is that');
    ended_well();
};


subtest 'two workers that are done at the same time answer alike' => sub {
    my $rounds = 25;
    my $locations = join "\n", map {
        "location /m$_ { sector_cache_api; sector_cache_symbols {"
        . join(' ', map { "$_ $_;" } "A$_", "B$_", "C$_", "D$_") . ' } }';
    } 1 .. $rounds;

    start(script => 'gate', workers => 2, locations => $locations,
          source => 'concurrency=12');
    my (@odd, %worker);

    for my $round (1 .. $rounds) {
        my @clients = map { begin("/m$round/snapshot") } 1 .. 8;
        wait_for('all wait', sub {
            return calls() == 4 * $round && source()->{inFlight} == 4;
        });
        $upstream->release($key);
        my @got = map { finish($_) } @clients;
        $worker{ $_->{headers}{'x-worker'} || '' } = 1 for @got;
        push @odd, "$round: " . good(@got) . ' of ' . different(@got)
            unless good(@got) == 8 && different(@got) == 1;
    }

    is(join('; ', @odd), '', 'in every round');
    is(keys %worker, 2, 'both workers answered');
    is(stats()->{namespaces}{snapshots}{stores}, $rounds, 'stored once each');
    is(calls(), 4 * $rounds, 'calls');
    ended_well();
};


subtest 'a client that leaves is counted, and the others are answered' => sub {
    start(script => 'gate', source => 'concurrency=12');
    my $leaves = begin('/api/snapshot');
    wait_for('it is under way', sub { calls() == 12 });
    my $stays = begin('/api/snapshot');
    my $later = begin('/api/XLK');
    wait_for('another waits', sub { source()->{coalesced} >= 1 });
    leave($leaves);
    wait_for('it is counted', sub { counted() =~ /misses=1$/ });
    $upstream->release($key);
    is(finish($stays)->{status}, 200, 'who stays is answered');
    is(finish($later)->{status}, 200, 'as is who wants a sector');
    is(counted(), 'totalRequests=2 misses=2', 'counters');

    start(script => 'gate', source => 'concurrency=12');
    $leaves = begin('/api/snapshot');
    wait_for('it is under way', sub { calls() == 12 });
    leave($leaves);
    wait_for('it is counted', sub { counted() =~ /misses=1$/ });
    $upstream->release($key);
    wait_for('it is stored all the same',
             sub { stats()->{namespaces}{snapshots}{stores} == 1 });
    is(snapshot()->{cache}, 'hit', 'for the next');
    is(calls(), 12, 'calls');
    is(counted(), 'totalRequests=2 hits=1 misses=1', 'counters');
    ended_well();
};


for my $workers (1, 2) {
    subtest "it is refreshed once in the background, workers: $workers" => sub {
        start(sectors => 'ttl=1ms stale=1h', snapshots => 'ttl=1ms swr=1h',
              script => 'ok,gate', workers => $workers,
              source => 'concurrency=12');
        my $first = snapshot();
        pass_ttl();
        my @got = map { finish($_) } map { begin('/api/snapshot') } 1 .. 20;

        is(scalar(grep { $_->{cache} eq 'updating'
                         && $_->{data} eq $first->{data} } good(@got)), 20,
           'nobody waits');
        wait_for('the refresh is under way', sub { calls() == 24 });
        is($upstream->release($key), 12, 'one call for each sector');
        wait_for('it is over', sub { source()->{succeeded} == 24
                                     && source()->{inFlight} == 0 });
        is(calls(), 24, 'and no more');
        is(counted(), 'totalRequests=21 misses=1 updating=20', 'counters');
        wait_for('the new one is there', sub {
            return snapshot()->{data} =~ /102/;
        });
        wait_for('its own refresh ends', sub {
            $upstream->release_any($key);
            return source()->{inFlight} == 0 && source()->{waiting} == 0;
        });
        ended_well();
    };


    subtest "each answer is one snapshot, workers: $workers" => sub {
        start(sectors => 'ttl=1ms stale=1h', snapshots => 'ttl=1ms swr=1h',
              script => 'size:5000', workers => $workers,
              source => 'concurrency=12');
        snapshot();
        my (%known, @odd);

        for my $round (1 .. 12) {
            my @got = map { finish($_) } map { begin('/api/snapshot') }
                                         1 .. 20;

            for my $got (@got) {
                my @price = split ' ', $got->{status} == 200 ? prices($got)
                                                             : '-';
                my $id = stamp($got) . $got->{headers}{etag};

                push @odd, "a hole: @price" if @price != 12
                                               || grep { $_ eq '-' } @price;
                push @odd, 'another of the same name'
                    if ($known{$id} ||= $got->{data}) ne $got->{data};

                # one worker composes one at a time, of one call each
                push @odd, "mixed: @price"
                    if $workers == 1 && grep { $_ ne $price[0] } @price;
            }
        }

        is(join('; ', @odd), '', 'whole and unmixed');
        cmp_ok(scalar(keys %known), '>', 1, 'it was refreshed meanwhile');
        wait_for('the last refresh ends', sub {
            return source()->{inFlight} == 0 && source()->{waiting} == 0;
        });
        ended_well();
    };
}


#
# What fails
#

subtest 'what lacks a sector is not told from a whole one by a date' => sub {
    my $date = 'Fri, 01 Jan 2038 00:00:00 GMT';
    start(scripts => { XLV => 'status:500' });

    for my $uri (qw(/api/snapshot /api/?symbols=XLK,XLV)) {
        for my $state ('fetched', 'from memory') {
            my $got = get($uri, headers => ["If-Modified-Since: $date"]);
            is($got->{status}, 200, "$uri $state: it is sent");
            is($got->{headers}{'last-modified'}, undef, "$uri: without a date");
            ok($got->{headers}{etag}, "$uri: but with an ETag");
        }
    }

    my $got = get('/api/?symbols=XLK,XLF',
                  headers => ["If-Modified-Since: $date"]);
    is($got->{status}, 304, 'a whole one is');
    ended_well();
};


subtest 'one that lacks a sector says so and is not kept for long' => sub {
    start(snapshots => 'ttl=10m stale=1h',
          scripts => { XLV => 'status:500,ok' });
    my $got = snapshot();
    my $data = $got->{json}{data};

    is($got->{status}, 200, 'status');
    is($got->{json}{metadata}{partial}, JSON::PP::true(), 'partial');
    ok(index($got->{data}, '{"symbol":"XLK","price":101},{"symbol":"XLV",'
                           . '"name":"Health Care","error":"Data unavailable"}'
                           . ',{"symbol":"XLF","price":101}') > 0,
       'in its place');
    is("$data->{summary}{totalSectors} $data->{summary}{availableSectors}",
       '11 10', 'its summary');
    like($got->{headers}{'cache-control'}, qr/^max-age=(?:10|9)$/, 'max-age');
    like($got->{json}{metadata}{ttl}, qr/^(?:10|9)$/, 'ttl');

    my $hit = snapshot();
    is("$hit->{cache} $hit->{json}{metadata}{partial}", 'hit 1',
       'kept, and partial still');
    is($hit->{data}, $got->{data}, 'the same');
    cmp_ok($hit->{json}{metadata}{ttl}, '<=', 10, 'ttl');
    is(calls(), 12, 'calls');
    is(counted(), 'totalRequests=2 hits=1 misses=1', 'counters');
    is(stats()->{namespaces}{snapshots}{stores}, 1, 'one was stored');
    ended_well();
};


subtest 'nor is one that lacks the benchmark' => sub {
    start(scripts => { SPY => 'status:404' });
    my $got = snapshot();

    is("$got->{status} $got->{json}{metadata}{partial}", '200 1', 'partial');
    is_deeply($got->{json}{data}{benchmark},
              { symbol => 'SPY', name => 'S&P 500',
                error => 'Data unavailable' }, 'benchmark');
    is($got->{json}{data}{summary}{availableSectors}, 11, 'all sectors');
    cmp_ok($got->{json}{metadata}{ttl}, '<=', 10, 'ttl');
    ended_well();
};


subtest 'where snapshots have less time, so has a partial one' => sub {
    start(snapshots => 'ttl=1ms stale=1h',
          scripts => { XLV => 'status:500,ok' });
    is(snapshot()->{json}{metadata}{partial}, 1, 'partial');
    pass_ttl();
    my $got = snapshot();
    is($got->{json}{metadata}{partial}, undef, 'whole');
    is($got->{cache}, 'miss', 'composed anew');
    is(calls(), 13, 'calls');
    ended_well();
};


subtest 'a partial one does not take the place of a whole one' => sub {
    start(sectors => 'ttl=1ms stale=0', snapshots => 'ttl=1ms stale=1h',
          script => 'ok,ok,status:500',
          scripts => { XLK => 'ok,status:500,status:500' });
    my $whole = snapshot();
    pass_ttl();
    my $partial = snapshot();
    is($partial->{json}{metadata}{partial}, 1, 'partial');
    pass_ttl();
    my $got = snapshot();

    is("$got->{status} $got->{cache} $got->{json}{cached}", '200 stale 1',
       'the market cannot be had');
    is($got->{data}, $whole->{data}, 'then it is the whole one');
    is($got->{json}{metadata}{partial}, undef, 'which is not partial');
    is($got->{headers}{'cache-control'}, 'max-age=0', 'and not to be kept');
    is(calls(), 36, 'calls');
    is(counted(), 'totalRequests=3 misses=2 stale=1 expired=1', 'counters');
    ended_well();
};


for my $case (
    ['a failing status', 'status:500', 502, 'UPSTREAM_ERROR'],
    ['a body that is none', 'text', 502, 'UPSTREAM_INVALID'],
    ['a timeout', 'stall', 504, 'UPSTREAM_TIMEOUT'],
    ['no such symbol', 'status:404', 503, 'NO_DATA'],
) {
    my ($name, $script, $status, $code) = @$case;

    subtest "with nothing in it, it is an error: $name" => sub {
        start(script => $script, workers => 2, source => 'concurrency=12'
              . ($script eq 'stall' ? ' timeout=300ms' : ''));
        my @got = map { finish($_) } map { begin('/api/snapshot') } 1 .. 8;

        is(scalar(grep { "$_->{status} $_->{code}" eq "$status $code" } @got),
           8, 'for all');
        is($got[0]{error}, get('/api/XLK')->{error}, 'that of the first')
            if $status != 503 && $script ne 'stall';
        cmp_ok($got[0]{headers}{'retry-after'} || 0, '>=', 1, 'Retry-After')
            if $status == 503;
        my $snapshots = stats()->{namespaces}{snapshots};
        is("$snapshots->{misses} $snapshots->{stores}", '8 0',
           'counted, and not stored');
        ended_well();
    };
}


subtest 'with the benchmark alone there is nothing in it' => sub {
    start(script => 'ok,status:500', sectors => 'ttl=1ms stale=0',
          snapshots => 'ttl=1ms stale=1h', scripts => { SPY => 'ok' });
    my $whole = snapshot();
    pass_ttl();
    my $got = snapshot();
    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    is($got->{data}, $whole->{data}, 'the whole one');
    is(says($got), 'fwd=stale;fwd-status=500;detail=UPSTREAM_ERROR',
       'and why');
    ended_well();

    start(script => 'status:500', scripts => { SPY => 'ok' });
    $got = snapshot();
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'an error');
    is(stats()->{namespaces}{snapshots}{stores}, 0, 'not stored');
    ended_well();
};


for my $workers (1, 2) {
    subtest "an open breaker: the stale one, workers: $workers" => sub {
        start(script => 'ok,status:500', sectors => 'ttl=1ms stale=0',
              snapshots => 'ttl=1ms stale=1h', workers => $workers,
              source => 'failures=1 open=60s');
        my $whole = snapshot();
        pass_ttl();
        get('/api/XLK');
        is(source()->{breaker}{state}, 'open', 'it is open');
        my $calls = calls();

        my @got = map { snapshot() } 1 .. 6;
        is(scalar(grep { $_->{cache} eq 'stale'
                         && $_->{data} eq $whole->{data} } good(@got)), 6,
           'stale');
        is(join(' ', map { says($_) } @got), join(' ',
           ('hit;detail=SECTOR_API_CIRCUIT_OPEN') x 6), 'and why');
        is(calls(), $calls, 'no call');
        is(counted(), 'totalRequests=7 misses=1 stale=6', 'counters');
        ended_well();
    };
}


subtest 'stale sectors are no reason to compose: the stale one' => sub {
    start(script => 'ok,status:500', sectors => 'ttl=1ms stale=1h',
          snapshots => 'ttl=1ms stale=1h');
    my $whole = snapshot();
    pass_ttl();
    my $got = snapshot();
    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    is($got->{data}, $whole->{data}, 'what was stored');
    is(says($got), 'fwd=stale;detail=STALE', 'and why');
    is(stats()->{namespaces}{snapshots}{stores}, 1, 'and nothing more');
    ended_well();
};


subtest 'of stale sectors that are newer than the stale one' => sub {
    start(script => 'ok,ok,status:500', sectors => 'ttl=1ms stale=1h',
          snapshots => 'ttl=1ms stale=1h');
    my $whole = snapshot();
    my $since = time;
    wait_for('it is a second old', sub { time > $since + 1.1 });
    get('/api/');
    pass_ttl();
    my $got = snapshot();
    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    is(prices($whole), join(' ', (101) x 12), 'not the prices of that');
    is(prices($got), join(' ', (102) x 12), 'but the later ones');
    cmp_ok($got->{headers}{age}, '<=', time - $since - 1.1,
           'no older than they are');
    ended_well();
};


subtest 'newer ones of which most are gone are not preferred' => sub {
    my $life = 3 * Upstream::scaled(1);
    start(script => 'ok,status:500', scripts => { XLK => 'ok,ok,status:500' },
          sectors => "ttl=1ms stale=${life}s", snapshots => 'ttl=1ms stale=1h');
    my $whole = snapshot();
    my $since = time;
    wait_for('it is older', sub { time > $since + 0.7 * $life });
    is(get('/api/XLK')->{json}{data}{price}, 102, 'one is had again');
    wait_for('the others are gone', sub { time > $since + 1.1 * $life });
    my $got = snapshot();
    is("$got->{status} $got->{cache}", '200 stale', 'stale');
    is($got->{data}, $whole->{data}, 'the whole one');
    is(get('/api/XLK')->{json}{data}{price}, 102, 'that one is still there');
    ended_well();
};


subtest 'of stale sectors alone where there is no snapshot' => sub {
    start(script => 'ok,status:500', sectors => 'ttl=1ms stale=1h');
    get('/api/');
    pass_ttl();
    my $got = snapshot();
    is("$got->{status} $got->{cache} $got->{json}{cached}", '200 stale 1',
       'stale');
    is(prices($got), join(' ', (101) x 12), 'all of them');
    is($got->{headers}{'cache-control'}, 'max-age=0', 'not to be kept');
    is(stats()->{namespaces}{snapshots}{stores}, 0, 'nor stored');
    is(counted(), 'totalRequests=1 stale=1', 'counters');
    ended_well();
};


#
# Which sectors are stale
#

# What metadata.stale says: the symbols, then the least and the greatest age.
sub stale {
    my ($got) = @_;
    my $stale = $got->{json}{metadata}{stale} or return 'none';
    my @ages = sort { $a <=> $b } values %$stale;

    return (join(' ', sort keys %$stale), $ages[0], $ages[-1]);
}


subtest 'one with a stale sector names it, and so does a hit of it' => sub {
    start(sectors => 'ttl=2s stale=1h', script => 'ok',
          scripts => { XLK => 'ok,status:500', SPY => 'ok,ok,status:500' });
    get('/api/?symbols=XLK,SPY');
    my $since = time;
    wait_for('they are past their time', sub { time > $since + 2.1 });
    get('/api/SPY');                # which has not failed yet

    my $got = snapshot();
    my ($names, $age) = stale($got);
    is("$got->{cache} $names", 'miss XLK', 'that alone');
    ok($age >= 2 && $age <= time - $since + 1, 'its age');
    ok(!exists $got->{json}{metadata}{partial}, 'nothing lacks');
    like($got->{body}, qr/,"ttl":(?:10|9),"stale":\{"XLK":$age\}\}\}$/,
         'the envelope');

    wait_for('it is older', sub { time > $since + $age + 1.1 });
    my $hit = snapshot();
    my ($later, $now) = stale($hit);
    is("$hit->{cache} $later", 'hit XLK', 'a hit of it says so');
    cmp_ok($now, '>', $age, 'with the age of now');
    cmp_ok($now, '<=', time - $since + 1, 'no greater');
    is($hit->{data}, $got->{data}, 'the same data');

    wait_for('the others are past their time', sub { time > $since + 4.5 });
    $hit = snapshot();
    is("$hit->{cache} @{[(stale($hit))[0]]}", 'hit XLK',
       'which were not when it was made');
    is(get('/bare/snapshot')->{body}, $got->{data},
       'without an envelope nothing is said');
    ended_well();
};


subtest 'compressed, and from the zone that has the sectors too' => sub {
    start(sectors => 'ttl=1s stale=1h', snapshots => undef,
          scripts => { XLK => 'ok,status:500' },
          api => 'sector_cache_gzip on;',
          locations => 'location /one { sector_cache_api snapshots=sectors;'
                       . ' sector_cache_gzip on; }');
    get('/one/XLK');
    my $since = time;
    wait_for('it is past its time', sub { time > $since + 1.1 });

    for my $cache (qw(miss hit)) {
        my $got = get('/one/snapshot', headers => ['Accept-Encoding: gzip']);
        is($got->{headers}{'content-encoding'}, 'gzip', 'compressed');
        IO::Uncompress::Gunzip::gunzip(\$got->{body} => \my $text);
        like($text, qr/^\{"success":true,"data":\{.*"cacheStatus":"$cache"
                       .*,"stale":\{"XLK":\d+\}\}\}$/x, "a $cache");
    }

    ended_well();
};


subtest 'a stale one names all of its sectors' => sub {
    start(sectors => 'ttl=1ms stale=1h', snapshots => 'ttl=1ms stale=1h',
          script => 'ok,status:500');
    my $since = time;
    ok(!exists snapshot()->{json}{metadata}{stale}, 'none is at first');
    wait_for('it is older', sub { time > $since + 2 });

    my $got = snapshot();
    my ($names, $least, $most) = stale($got);
    is("$got->{cache} $names", "stale @{[sort @all]}", 'all');
    cmp_ok($least, '>=', 1, 'the least age');
    cmp_ok($most, '<=', time - $since + 1, 'the greatest');
    ended_well();
};


subtest 'as old as itself where its sectors are gone' => sub {
    start(sectors => 'ttl=1ms stale=0', snapshots => 'ttl=1ms stale=1h',
          script => 'ok,status:500');
    my $since = time;
    snapshot();
    wait_for('it is older', sub { time > $since + 2 });

    my $got = snapshot();
    my ($names, $least, $most) = stale($got);
    is("$got->{cache} $names", "stale @{[sort @all]}", 'all');
    is("$least $most", "$got->{json}{metadata}{age} $least", 'its own age');
    cmp_ok($least, '>=', 1, 'which is some');
    ended_well();
};


subtest 'of stale sectors alone: all are named' => sub {
    start(script => 'ok,status:500', sectors => 'ttl=1ms stale=1h');
    get('/api/');
    pass_ttl();
    my $got = snapshot();
    is("$got->{cache} @{[(stale($got))[0]]}", "stale @{[sort @all]}", 'all');
    ended_well();
};


subtest 'a sector that is had again is not named' => sub {
    start(sectors => 'ttl=1s stale=1h', scripts => { XLK => 'ok,status:500,ok',
                                                     XLV => 'ok,status:500' });
    get('/api/?symbols=XLK,XLV');
    my $since = time;
    wait_for('they are past their time', sub { time > $since + 1.1 });
    is((stale(snapshot()))[0], 'XLK XLV', 'both are stale');
    wait_for('one is had again', sub { get('/api/XLK')->{cache} eq 'miss' });
    my $hit = snapshot();
    is("$hit->{cache} @{[(stale($hit))[0]]}", 'hit XLV', 'the other is');
    ended_well();
};


subtest 'an open breaker and nothing in memory' => sub {
    start(script => 'status:500', source => 'failures=1 open=60s');
    get('/api/XLK');
    my $got = snapshot();

    is("$got->{status} $got->{code}", '503 SECTOR_API_CIRCUIT_OPEN', 'error');
    like($got->{headers}{'retry-after'}, qr/^(?:60|5\d)$/, 'Retry-After');
    is($got->{json}{error_details}{source}, 'up', 'whose');
    is(calls(), 1, 'no call');
    ended_well();
};


#
# How the cache is used
#

subtest 'off, it is fetched anew for each and not stored' => sub {
    start();
    my $on = snapshot();
    my $off = get('/off/snapshot');

    is("$off->{status} $off->{cache} $off->{json}{cached}", '200 disabled 0',
       'disabled');
    is(prices($off), join(' ', (102) x 12), 'fetched anew');
    is(prices(get('/off/snapshot')), join(' ', (103) x 12), 'each time');
    is(snapshot()->{data}, $on->{data}, 'not stored');
    is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":101}',
       'nor are its sectors');
    is(calls(), 36, 'calls');
    is(counted(), 'totalRequests=4 hits=1 misses=1 disabled=2', 'counters');
    ended_well();
};


subtest 'off, nothing stale is served' => sub {
    start(script => 'ok,status:500', sectors => 'ttl=1ms stale=1h',
          snapshots => 'ttl=1ms stale=1h');
    snapshot();
    pass_ttl();
    my $got = get('/off/snapshot');
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'an error');
    ended_well();
};


subtest 'bypassed, it is fetched anew and stored' => sub {
    start(api => 'sector_cache_bypass $arg_fresh;');
    snapshot();
    my $got = get('/api/snapshot?fresh=1');

    is("$got->{status} $got->{cache}", '200 bypass', 'bypass');
    is(prices($got), join(' ', (102) x 12), 'fetched anew');
    my $hit = snapshot();
    is("$hit->{cache} " . ($hit->{data} eq $got->{data}), 'hit 1',
       'and stored');
    is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":102}',
       'with its sectors');
    is(counted(), 'totalRequests=3 hits=1 misses=1 bypassed=1', 'counters');
    ended_well();
};


subtest 'in shadow it is answered as if off and counted as if on' => sub {
    start(api => 'sector_cache shadow;');
    my @got = map { snapshot() } 1 .. 3;

    is(join(' ', map { "$_->{status} $_->{cache}" } @got),
       '200 disabled 200 disabled 200 disabled', 'disabled');
    is(prices($got[2]), join(' ', (103) x 12), 'each fetched');
    is(counted(), 'totalRequests=3 hits=2 misses=1 shadowDiffers=2',
       'counters');
    ended_well();
};


for my $workers (1, 2) {
    subtest "without a zone for it, workers: $workers" => sub {
        start(snapshots => undef, workers => $workers, script => 'gate',
              source => 'concurrency=12');
        my @clients = map { begin('/api/snapshot') } 1 .. 10;
        wait_for('it is under way', sub { calls() == 12 });
        $upstream->release($key);
        my @got = map { finish($_) } @clients;

        is(scalar(good(@got)), 10, 'all are answered');
        is(prices($got[9]), join(' ', (101) x 12), 'with everything');
        is($got[0]{headers}{'cache-control'}, 'max-age=0', 'not to be kept');
        my $again = snapshot();
        is("$again->{status} $again->{cache}", '200 miss', 'composed anew');
        is(calls(), 12, 'of what is in memory');
        is(stats()->{lastSnapshotAt}, undef, 'none was stored');
        ended_well();
    };
}


#
# Whose it is
#

subtest 'locations with lists of their own share a zone' => sub {
    start(locations => 'location /two { sector_cache_api;'
          . ' sector_cache_symbols { XLV V; XLK K; SPY S benchmark; } }'
          . 'location /three { sector_cache_api;'
          . ' sector_cache_symbols { XLV V; XLK K; SPY S; } }'
          . 'location /named { sector_cache_api;'
          . ' sector_cache_symbols { XLV Care; XLK K; SPY S benchmark; } }'
          . 'location /same { sector_cache_api; }');
    my %got = map { $_ => get("/$_/snapshot") } qw(api two three named same);

    is($got{same}{data}, $got{api}{data}, 'the same list is the same market');
    like($got{two}{data}, qr/"sectors":\[\{"symbol":"XLV",[^]]*
                             \{"symbol":"XLK",[^]]*\}\],"benchmark"/x,
         'another order is another');
    like($got{three}{data}, qr/"totalSectors":3/, 'as is another benchmark');
    is(get("/$_/snapshot")->{data}, $got{$_}{data}, "$_ again") for keys %got;
    is(calls(), 12, 'of the same sectors');
    is(counted(), 'totalRequests=10 hits=6 misses=4',
       'counters: so are other names');
    ended_well();
};


# A location whose sectors cost 7.
sub seven {
    my ($name, $zone, $more) = @_;

    return "location /$name { sector_cache_api sectors=$zone;"
           . " sector_cache_fetch up /seven/\$sector_cache_symbol; $more }";
}

my $seven = 'location /seven/ { internal;'
            . ' return 200 \'{"symbol":"$sector_cache_symbol","price":7}\'; }';


subtest 'of the sectors of another zone it is another' => sub {
    start(http => 'sector_cache_zone others 1m; sector_cache_zone more 1m;',
          locations => $seven . seven(others => 'others', '')
          . 'location /more { sector_cache_api sectors=more; }');
    my %got = map { $_ => get("/$_/snapshot") } qw(api others more);

    is(prices($got{api}), join(' ', (101) x 12), 'of the one');
    is(prices($got{others}), join(' ', (7) x 12), 'of the other');
    is(prices($got{more}), join(' ', (102) x 12), 'of a third');
    is(get("/$_/snapshot")->{data}, $got{$_}{data}, "$_ again") for keys %got;
    is(counted(), 'totalRequests=6 hits=3 misses=3', 'counters');
    ended_well();
};


subtest 'in shadow a whole one is compared, not a partial one beside it'
    => sub {
    start(scripts => { XLV => 'status:500' }, locations => $seven
          . seven(fresh => 'sectors', 'sector_cache_bypass 1;')
          . seven(shadow => 'sectors', 'sector_cache shadow;'));
    is(snapshot()->{json}{metadata}{partial}, JSON::PP::true(), 'partial');
    is(get('/fresh/snapshot')->{cache}, 'bypass', 'and a whole one');
    is(get('/shadow/snapshot')->{cache}, 'disabled', 'in shadow');
    is(counted(), 'totalRequests=3 hits=1 misses=1 bypassed=1',
       'a hit that does not differ');
    ended_well();
};


subtest 'in shadow an error is counted as stale where it would be' => sub {
    start(sectors => 'ttl=1ms stale=1h', snapshots => 'ttl=1ms stale=1h',
          script => 'ok,status:500', api => 'sector_cache shadow;');
    snapshot();
    pass_ttl();
    is(snapshot()->{status}, 502, 'the error is answered');
    is(counted(), 'totalRequests=2 misses=1 stale=1', 'and is none');

    start(script => 'status:500', api => 'sector_cache shadow;');
    is(snapshot()->{status}, 502, 'of what was never there');
    is(counted(), 'totalRequests=1 misses=1', 'it is a miss');
    ended_well();
};


subtest 'in shadow a snapshot counts nothing of its sectors' => sub {
    start(locations => 'location /shadow { sector_cache_api;'
                       . ' sector_cache shadow; }');
    get('/api/XLK');
    is(get('/shadow/snapshot')->{status}, 200, 'it is fetched');
    is(calls(), 13, 'with a sector that was in memory');
    is(counted('sectors'), 'totalRequests=1 misses=1', 'counters');
    ended_well();
};


subtest 'in shadow a hit is not noted as a miss' => sub {
    start(api => 'sector_cache shadow;', locations => $seven
          . seven(two => 'sectors', 'sector_cache_symbols { XLK K; }'));
    snapshot();
    get('/two/snapshot');
    snapshot();
    is(counted(), 'totalRequests=3 hits=1 misses=2 shadowDiffers=1',
       'a hit is the last');
    like(stats()->{namespaces}{snapshots}{lastMissKey}, qr/^snapshot:/,
         'the last miss is another');
    ended_well();
};


subtest 'after a reload with another list it is another' => sub {
    my @options = (workers => 2);
    start(@options);
    my $first = snapshot();
    $nginx->reload(http(@options, api => 'sector_cache_symbols { XLV V;'
                                         . ' XLK K; SPY S benchmark; }'));
    my $got = snapshot();
    is($got->{json}{data}{summary}{totalSectors}, 2, 'the new list');
    is($got->{cache}, 'miss', 'composed');
    is(calls(), 12, 'of what is in memory');
    $nginx->reload(http(@options));
    $got = snapshot();
    is("$got->{cache} " . ($got->{data} eq $first->{data}), 'hit 1',
       'and back');
    ended_well();
};


#
# Workers that come and go
#

sub fetching {
    my %inode;

    open my $in, '<', '/proc/net/tcp' or die "tcp: $!";
    my $port = sprintf '%04X', $upstream->port;

    while (my $line = <$in>) {
        my @field = split ' ', $line;
        $inode{$field[9]} = 1 if $field[2] =~ /:$port$/ && $field[3] eq '01';
    }

    return grep {
        grep { (readlink $_ || '') =~ /^socket:\[(\d+)\]/ && $inode{$1} }
            glob "/proc/$_/fd/*"
    } $nginx->children;
}


subtest 'a worker is killed while it composes' => sub {
    start(script => 'gate', workers => 2, source => 'concurrency=12');
    my @clients = begin('/api/snapshot');
    wait_for('it is under way', sub { calls() == 12 });
    my ($worker) = fetching();
    push @clients, map { begin('/api/snapshot') } 1 .. 20;
    wait_for('the other worker waits', sub { source()->{coalesced} >= 12 });

    kill 'KILL', $worker;
    wait_for('the other fetches', sub { calls() == 24 });
    $upstream->release($key);

    my @got = map { finish($_) } @clients;
    my @answered = good(@got);
    cmp_ok(scalar(@answered), '>', 0, 'who waited elsewhere is answered');
    is(different(@answered), 1, 'alike');
    is(scalar(grep { $_->{status} !~ /^(?:0|200)$/ } @got), 0,
       'or was cut off');
    $nginx->workers($worker);
    is(snapshot()->{data}, $answered[0]{data}, 'and it is stored');
    is(source()->{aborted}, 12, 'its fetches are counted as aborted');
    ended_well(qr/exited on signal 9/);
};


subtest 'a reload while it is composed' => sub {
    start(script => 'gate', workers => 2, source => 'concurrency=12');
    my @clients = map { begin('/api/snapshot') } 1 .. 6;
    wait_for('it is under way', sub { calls() == 12 });
    $nginx->reload;
    my $joined = source()->{coalesced};
    push @clients, map { begin('/api/snapshot') } 1 .. 6;
    wait_for('new workers wait for it',
             sub { source()->{coalesced} >= $joined + 12 });
    $upstream->release($key);

    my @got = map { finish($_) } @clients;
    is(scalar(good(@got)), 12, 'all are answered');
    is(different(@got), 1, 'alike');
    is(calls(), 12, 'one call for each sector');
    is(snapshot()->{cache}, 'hit', 'a hit from then on');
    ended_well();
};


subtest 'a draining worker whose time is over stores no partial one' => sub {
    start(scripts => { XLV => 'gate' }, source => 'concurrency=12',
          main => 'worker_shutdown_timeout 300ms;');
    my ($old) = $nginx->workers;
    my $lost = begin('/api/snapshot');
    wait_for('all but one have come', sub { calls() == 12
                                            && source()->{succeeded} == 11 });
    $nginx->reload;
    wait_for('the old worker is gone',
             sub { !grep { $_ == $old } $nginx->children });
    is(stats()->{namespaces}{snapshots}{stores}, 0, 'nothing was stored');

    my $client = begin('/api/snapshot');
    wait_for('the new one fetches what lacks', sub { calls('XLV') == 2 });
    $upstream->release($key);
    is(prices(finish($client)), join(' ', 101, 102, (101) x 10), 'whole');
    ended_well();
};


subtest 'it survives a restart in its file' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my @options = (workers => 2,
                   snapshots => "ttl=10m stale=1h persist=$dir/dump");
    start(@options);
    my $first = snapshot();
    my $at = stats()->{lastSnapshotAt};
    is($nginx->stop, 0, 'stopped');

    start(@options);
    my $got = snapshot();
    is("$got->{status} $got->{cache}", '200 hit', 'a hit');
    is($got->{data}, $first->{data}, 'byte for byte');
    is($got->{headers}{etag}, $first->{headers}{etag}, 'with its ETag');
    is(calls(), 0, 'no call');
    cmp_ok(abs(seconds(stats()->{lastSnapshotAt}) - seconds($at)), '<', 0.1,
           'stored when it was');
    is($nginx->stop, 0, 'stopped');

    start(@options, api => 'sector_cache_symbols { XLV V; XLK K; }');
    is(snapshot()->{json}{data}{summary}{totalSectors}, 2,
       'but not for another list');
    ended_well();
};


subtest 'when the last one was stored' => sub {
    start();
    is(stats()->{lastSnapshotAt}, undef, 'none yet');
    get('/api/XLK');
    is(stats()->{lastSnapshotAt}, undef, 'a sector is none');
    my $got = snapshot();
    like(stats()->{lastSnapshotAt},
         qr/^$got->{json}{data}{date}T\d\d:\d\d:\d\d\.\d{3}Z$/,
         'then it says so');
    ended_well();
};


done_testing();
