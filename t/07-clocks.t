# A host that sleeps, and a wall clock that is set: what is old is old, and
# what is closed is closed, whichever of the clocks has moved.  Both are done by
# tests/nginx/faulty_host.c.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);
use Upstream qw(get begin finish wait_for);

use constant HOUR => 3_600_000;

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $dir = tempdir(CLEANUP => 1);
my $number = 0;
my ($nginx, $key, $file, $shift, $asleep);


sub http {
    my (%option) = (zone => 'ttl=1h stale=1h', script => 'ok', source => '',
                    more => '', @_);

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_zone snapshots 1m $option{zone};
sector_cache_source up retries=0 timeout=60s $option{source};
$option{more}
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_symbols { XLK Technology; SPY "S&P 500" benchmark; }
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/$option{script}$key;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


# An nginx on a host of its own, whose wall clock begins at this time, if it is
# not the right one.
sub start {
    my (%option) = @_;

    $key = '/c' . ++$number . '/';
    $file = "$dir/faults.$number";
    $asleep = 0;
    at($option{at});

    local $ENV{LD_PRELOAD} = $ENV{SECTOR_FAULTY_HOST};
    local $ENV{SECTOR_HOST_FAULTS} = $file;

    $nginx = Upstream::Nginx->new(workers => 2, http => http(%option));
}


sub host {
    # it is mapped: the same file, not another one
    open my $out, -e $file ? '+<' : '>', $file or die "$file: $!";
    syswrite $out, pack 'qqq', $shift, 0, $asleep;
}


# Sets the wall clock, "2027-01-09 03:00" in UTC or seconds from what is right.
sub at {
    my ($when) = @_;
    my @time = ($when // 0) =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+)$/;

    $shift = @time ? int(1000 * (timegm(0, @time[4, 3, 2], $time[1] - 1,
                                        $time[0]) - time)) - $asleep
                   : 1000 * ($when // 0);
    host();
}


sub suspend {
    my ($ms) = @_;

    $asleep += $ms;
    host();
}


# The same of both workers.
sub both {
    my ($uri, $cache, $title) = @_;
    my %seen;

    wait_for("both workers have answered $uri", sub {
        my $socket = begin('/pid', keep => 1);
        my $pid = finish($socket)->{body};
        my $got = finish(begin($uri, keep => $socket));

        if (!$seen{$pid}++) {
            is($got->{cache}, $cache, "$title: worker " . keys %seen);
        }

        return keys %seen == 2;
    });
}


sub ttl { return $_[0]{json}{metadata}{ttl} }
sub age { return $_[0]{json}{metadata}{age} }
sub explained { return get("/status/explain/$_[0]")->{json} }


subtest 'time asleep counts in ages and ends fresh times' => sub {
    start();
    is(get('/api/XLK')->{cache}, 'miss', 'fetched');
    is(get('/api/XLK')->{cache}, 'hit', 'and kept');

    suspend(HOUR / 2);
    my $got = get('/api/XLK');
    is($got->{cache}, 'hit', 'half of its time it slept');
    cmp_ok(age($got), '>=', 1800, 'which counts in its age');
    cmp_ok(age($got), '<', 1830, 'once');
    cmp_ok(ttl($got), '<=', 1800, 'and in what is left');
    is($got->{headers}{age}, age($got), 'the header says so too');

    suspend(HOUR / 2);
    is(get('/api/XLK')->{cache}, 'miss', 'the first request after waking');
    is($upstream->calls($key), 2, 'calls');
    $nginx->stop;
};


subtest 'an answer that is too old is never stale either' => sub {
    start(script => 'ok,status:500');
    get('/api/XLK');
    suspend(3 * HOUR / 2);
    is(get('/api/XLK')->{cache}, 'stale', 'within stale');
    suspend(8 * HOUR);
    is(get('/api/XLK')->{status}, 502, 'and past it');
    $nginx->stop;
};


subtest 'a breaker, a wait and a rate count time asleep' => sub {
    start(script => 'status:500,ok',
          source => 'failures=1 open=1h max_open=1h hold=1h max_hold=1h');
    is(get('/api/XLK')->{status}, 502, 'one failure');
    is(get('/api/XLF')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'it is open');
    suspend(HOUR);
    is(get('/api/XLK')->{cache}, 'miss', 'a symbol that waited');
    $nginx->stop;

    start(source => 'rate=1r/m');
    is(get('/api/XLK')->{status}, 200, 'the first');
    is(get('/api/XLF')->{code}, 'RATE_LIMITED', 'the second is one too many');
    suspend(HOUR);
    is(get('/api/XLF')->{status}, 200, 'an hour later');
    $nginx->stop;
};


subtest 'a fetch that was under way is taken from nobody' => sub {
    start(script => 'gate,ok');
    my @clients = begin('/api/XLK');
    wait_for('it is called', sub { $upstream->calls($key) == 1 });
    suspend(8 * HOUR);

    push @clients, map { begin('/api/XLK') } 1 .. 4;
    is(explained('XLK')->{fetch}{state}, 'running', 'it still is');
    $upstream->release($key);
    is(finish($_)->{status}, 200, 'answered') for @clients;
    is($upstream->calls($key), 1, 'by one call');
    $nginx->stop;
};


# Friday, 22:00 in New York; it opens on Monday, 14:30 in UTC.
my @hours = (at => '2027-01-09 03:00', zone => 'ttl=5m stale=1h',
             more => join ' ', map {
                 "sector_cache_market_hours $_ America/New_York Mon-Fri"
                     . ' 09:30-16:00;'
             } qw(sectors snapshots));

subtest 'a night is over for who has slept through it' => sub {
    start(@hours);
    get('/api/XLK');
    my $got = get('/api/XLK');
    is($got->{cache}, 'hit', 'kept');
    cmp_ok(ttl($got), '>', 59 * 3600, 'until it opens');
    get('/api/snapshot');
    is(get('/api/snapshot')->{cache}, 'hit', 'so is the snapshot');

    suspend(36 * HOUR);
    is(get('/api/XLK')->{cache}, 'hit', 'on Sunday it is closed');

    suspend(24.5 * HOUR);
    is(get('/api/XLK')->{cache}, 'miss', 'on Monday it is open');
    is(get('/api/XLK')->{cache}, 'hit', 'and fetched');
    cmp_ok(ttl(get('/api/XLK')), '<=', 300, 'for the ttl of the zone');
    is(get('/api/snapshot')->{cache}, 'miss', 'so is the snapshot');
    is(get('/api/snapshot')->{cache}, 'hit', 'and kept');
    $nginx->stop;
};


subtest 'the wall clock of now says whether it is open' => sub {
    start(@hours, script => 'ok,status:500');
    get("/api/$_") for qw(XLK SPY snapshot);

    at('2027-01-11 14:29');
    is(get('/api/XLK')->{cache}, 'hit', 'a minute before it opens');

    at('2027-01-11 14:31');
    both('/api/XLK', 'stale', 'a minute later, and the provider is down');
    is((grep { $_->{key} eq 'XLK' }
        @{ get('/status/entries?namespace=sectors')->{json}{entries} })[0]
           {state}, 'stale', 'the list of entries says so');
    is(explained('XLK')->{state}, 'stale', 'so does explain');
    is(get('/api/snapshot')->{cache}, 'stale', 'and the snapshot');

    at('2027-01-12 03:00');
    is(get('/api/XLK')->{cache}, 'stale', 'it has been open since');

    at('2027-01-10 03:00');
    is(get('/api/XLK')->{cache}, 'hit', 'the clock was wrong');
    $nginx->stop;
};


subtest 'each entry has its share of the jitter after the opening' => sub {
    start(@hours, zone => 'ttl=100m stale=1h jitter=50%');
    my @symbols = map { "S$_" } 1 .. 8;
    get("/api/$_") for @symbols;

    at('2027-01-11 14:55');
    my %is;
    $is{explained($_)->{state}}++ for @symbols;
    cmp_ok($is{fresh} || 0, '>', 0, 'some are fresh');
    cmp_ok($is{stale} || 0, '>', 0, 'some are not');

    at('2027-01-11 15:21');
    is(explained($_)->{state}, 'stale', "$_ is not") for @symbols;
    $nginx->stop;
};


subtest 'a machine that started in 1970 learns the time' => sub {
    start(@hours, at => '1970-01-02 03:00');
    get('/api/XLK');
    my $got = get('/api/XLK');
    is($got->{cache}, 'hit', 'kept');
    cmp_ok(ttl($got), '>', 3600, 'as it seems to be closed');

    at('2027-01-11 15:30');
    is(get('/api/XLK')->{cache}, 'miss', 'it is open');
    cmp_ok(ttl(get('/api/XLK')), '<=', 300, 'for the ttl of the zone');

    at('2027-01-12 03:00');
    get('/api/XLF');
    $got = get('/api/XLF');
    cmp_ok(ttl($got), '>', 11 * 3600, 'its hours are known');
    cmp_ok(ttl($got), '<=', 41_400, 'as they are');

    # and so far that a schedule of some years has not got that either
    at('2060-01-03 15:00');
    get('/api/XLV');
    cmp_ok(ttl(get('/api/XLV')), '>', 23 * 3600, 'in later years as well');
    $nginx->stop;
};


subtest 'a wall clock that is set changes no age' => sub {
    start();
    get('/api/XLK');

    for my $days (30, -30, 20_000, 0) {
        at($days * 86_400) if $days < 10_000;
        at('2080-01-01 00:00') if $days > 10_000;
        my $got = get('/api/XLK');
        is($got->{cache}, 'hit', "$days days off");
        cmp_ok(age($got), '<', 60, 'no older');
        cmp_ok(ttl($got), '>', 3540, 'and not to expire sooner');
    }

    suspend(HOUR);
    at(-1800);
    is(get('/api/XLK')->{cache}, 'miss', 'nor does one hide what was slept');
    $nginx->stop;
};


subtest 'people see one clock' => sub {
    start(at => 86_400);
    get("/api/$_") for qw(XLK SPY);
    is(get('/api/XLK')->{cache}, 'hit', 'kept');

    at(0);

    for my $uri (('/api/XLK', '/api/?symbols=XLK,SPY')) {
        my $got = get($uri);
        my ($date, $modified) = map { http_time($got->{headers}{$_}) }
                                qw(date last-modified);
        cmp_ok($modified, '<=', $date, "$uri was not modified in the future");
    }

    my $e = explained('XLK');
    cmp_ok($e->{storedAt}, 'lt', $e->{nextRefresh}, 'stored, and to refresh');
    cmp_ok($e->{nextRefresh}, 'lt', $e->{usableUntil}, 'before it is over');
    $nginx->stop;
};


sub http_time {
    my ($mday, $name, $year, @rest) = $_[0]
        =~ /^\w+, (\d+) (\w+) (\d+) (\d+):(\d+):(\d+) GMT$/ or return -1;

    return timegm(reverse(@rest), $mday,
                  index('JanFebMarAprMayJunJulAugSepOctNovDec', $name) / 3,
                  $year);
}


done_testing;
