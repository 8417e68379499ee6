# Two workers and one cache.  What one worker has fetched is a hit on the
# other, everything is counted once, and a worker that is killed at the worst
# moment takes nothing with it: no entry, no counter, no place of the breaker's
# and no lock.
#
# Test::Nginx knows nothing of processes that are killed, so this file starts
# nginx itself.

use strict;
use warnings;

use lib 't/lib';
use List::Util qw(sum);
use Test::More;
use Upstream qw(get begin finish leave wait_for);

my $upstream = Upstream->new;
my @symbols = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);


# Starts an nginx whose upstream goes by the scripts of its symbols; each has a
# key of its own, by which its calls are counted.
my $number = 0;

sub start {
    my ($source, $zone, %script) = @_;
    my $key = 'w' . ++$number;
    my $up = '127.0.0.1:' . $upstream->port;
    my $map = join ' ', 'default ok;', map { qq($_ "$script{$_}";) }
                                       sort keys %script;

    my $nginx = Upstream::Nginx->new(workers => 2, http => <<"END");
sector_cache_zone sectors 2m $zone;
sector_cache_source up retries=0 $source;
map \$sector_cache_symbol \$script { $map }
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$script/\$sector_cache_symbol;
        add_header X-Worker \$pid always;
    }
    location /fetch/ {
        internal;
        rewrite ^/fetch/([^/]+)/(.*)\$ /\$1/$key/\$2 break;
        proxy_pass http://$up;
    }
    location /status {
        sector_cache_status;
    }
}
END
    return ($nginx, "/$key/");
}


sub stats { return get('/status/stats')->{json} }
sub sectors { return stats()->{namespaces}{sectors} }
sub source { return stats()->{sources}{up} }


# Asks until this worker was the one that answered.
sub get_from {
    my ($worker, $path) = @_;

    return wait_for("worker $worker answers $path", sub {
        my $got = get($path);
        return ($got->{headers}{'x-worker'} || 0) == $worker && $got;
    });
}


# Sends a request that waits for its fetch, to this worker: which one has it is
# seen by who has the connection to the upstream's port.
sub begin_at {
    my ($worker, $path, $key, $symbol) = @_;
    my $n = 0;

    return wait_for("worker $worker fetches", sub {
        my $name = $symbol . ++$n;
        my $client = begin("$path$name");

        wait_for("$name is fetched",
                 sub { $upstream->calls("$key$name") });

        return [$client, $name] if grep { $_ == $worker } fetching();

        # the other worker's: its client is answered later
        leave($client);
        return;
    });
}


# The workers that have a connection to the upstream now.
sub fetching {
    my @found;
    my %inode;

    open my $in, '<', '/proc/net/tcp' or die $!;
    while (<$in>) {
        my (undef, undef, $remote, $state, @rest) = split;
        next unless $remote =~ /^0100007F:([0-9A-F]{4})$/
                    && hex $1 == $upstream->port && $state eq '01';
        $inode{ $rest[5] } = 1;
    }
    close $in;

    for my $pid (@_ ? @_ : workers_now()) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $to = readlink $fd or next;
            if ($to =~ /^socket:\[(\d+)\]$/ && $inode{$1}) {
                push @found, $pid;
                last;
            }
        }
    }

    return @found;
}

my $nginx;
sub workers_now { return $nginx->children }


sub ended_well {
    my (@expected) = @_;

    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


subtest 'twelve symbols asked for twice make twelve calls' => sub {
    ($nginx, my $key) = start('', 'ttl=10m');
    my @workers = $nginx->workers;
    my %served;

    is(scalar @workers, 2, 'two workers answer');

    for my $round (1, 2) {
        for my $symbol (@symbols) {
            my $got = get("/api/$symbol");

            is($got->{status}, 200, "$symbol, round $round");
            is($got->{cache}, $round == 1 ? 'miss' : 'hit',
               "a " . ($round == 1 ? 'miss' : 'hit'));
            is($got->{json}{data}{price}, 101, 'the first answer');
            $served{ $got->{headers}{'x-worker'} }++;
        }
    }

    is($upstream->calls($key), 12, 'calls of the upstream');
    is(stats()->{misses}, 12, 'misses');
    is(stats()->{hits}, 12, 'hits');
    is(stats()->{totalRequests}, 24, 'requests');
    is(stats()->{hitRate}, 0.5, 'hit rate');
    is(stats()->{entryCount}, 12, 'entries');
    is(source()->{fetches}, 12, 'fetches');
    is(source()->{succeeded}, 12, 'all good');

    # the kernel chose who answered; now each worker, by name
    for my $worker (@workers) {
        is(get_from($worker, '/api/XLK')->{cache}, 'hit',
           "a hit at either worker");
    }

    my $hits = stats()->{hits};
    my @new = $nginx->reload;

    is(scalar @new, 2, 'two new workers');
    is(stats()->{misses}, 12, 'misses after a reload');
    is(stats()->{hits}, $hits, 'hits after a reload');
    is(get("/api/$_")->{cache}, 'hit', "$_ is still a hit") for @symbols;
    is(stats()->{hits}, $hits + 12, 'and is counted');
    is($upstream->calls($key), 12, 'calls of the upstream');

    ended_well();
};


subtest 'many clients at once are all counted' => sub {
    ($nginx, my $key) = start('', 'ttl=10m');
    $nginx->workers;

    get("/api/$_") for @symbols;

    my $rounds = $ENV{TEST_NGINX_USE_VALGRIND} ? 5 : 40;

    for my $round (1 .. $rounds) {
        my @clients = map { begin("/api/$symbols[$_ % 12]") } 1 .. 24;
        my @bad = grep { finish($_)->{cache} ne 'hit' } @clients;
        is(scalar @bad, 0, "round $round: all are hits") if @bad;
    }

    is(stats()->{hits}, 24 * $rounds, 'hits');
    is(stats()->{misses}, 12, 'misses');
    is($upstream->calls($key), 12, 'calls of the upstream');

    ended_well();
};


subtest 'an idle worker that is killed takes nothing with it' => sub {
    ($nginx, my $key) = start('', 'ttl=10m');
    my @workers = $nginx->workers;

    for my $symbol (@symbols) {
        get("/api/$symbol") for 1, 2;
    }

    kill 'KILL', $workers[0];
    my @now = $nginx->workers($workers[0]);

    ok((grep { $_ == $workers[1] } @now), 'the other worker goes on');
    is(stats()->{misses}, 12, 'misses are kept');
    is(stats()->{hits}, 12, 'hits are kept');
    is(get_from($_, '/api/XLK')->{cache}, 'hit', 'a hit at every worker')
        for @now;
    is(get('/api/NEW')->{status}, 200, 'a new symbol is fetched and stored');
    is(get('/api/NEW')->{cache}, 'hit', 'and kept');
    is($upstream->calls($key), 13, 'calls of the upstream');
    is(sectors()->{recoveries}, 0, 'the zone was not emptied');

    ended_well(qr/exited on signal 9/);
};


subtest 'both workers may be killed, one after the other, many times' => sub {
    ($nginx, my $key) = start('', 'ttl=10m');
    my @workers = $nginx->workers;

    get("/api/$_") for @symbols;

    for my $round (1 .. 6) {
        kill 'KILL', $workers[$round % 2];
        @workers = $nginx->workers($workers[$round % 2]);
        is(get("/api/$symbols[$round]")->{cache}, 'hit', "round $round: a hit");
        is(get("/api/ROUND$round")->{status}, 200,
           "round $round: another is fetched");
    }

    is($upstream->calls($key), 18, 'calls of the upstream');
    is(stats()->{entryCount}, 18, 'entries');
    is(stats()->{misses}, 18, 'misses');

    ended_well(qr/exited on signal 9/);
};


subtest 'a worker that is killed while it fetches' => sub {
    my %script = map { ("HELD$_" => 'gate,ok') } 1 .. 60;
    ($nginx, my $key) = start('timeout=60s concurrency=64', 'ttl=10m',
                              %script);
    my @workers = $nginx->workers;

    get("/api/$_") for @symbols, @symbols;

    my $held = begin_at($workers[0], '/api/', $key, 'HELD');
    my ($client, $name) = @$held;

    kill 'KILL', $workers[0];

    is(finish($client)->{status}, 0, 'its client is cut off');
    my @now = $nginx->workers($workers[0]);

    is(sectors()->{hits}, 12, 'hits are kept');
    is(get("/api/$_")->{cache}, 'hit', "$_ is still a hit") for @symbols;
    is(get("/api/$name")->{status}, 200, 'what it fetched is fetched again');
    is(get_from($_, "/api/$name")->{cache}, 'hit', 'and is a hit') for @now;
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');

    $upstream->release_any($key);
    ended_well(qr/exited on signal 9/);
};


subtest 'a worker that is killed with the one probe of the breaker' => sub {
    ($nginx, my $key) = start(
        'timeout=60s failures=1 open=200ms max_open=200ms half_open=1'
        . ' successes=1 half_open_timeout=1h', 'ttl=10m',
        BAD => 'status:500,gate,ok');
    my @workers = $nginx->workers;

    is(get('/api/BAD')->{status}, 502, 'a failure');
    wait_for('the probe is under way',
             sub { $upstream->calls("${key}BAD") == 2 });
    is(source()->{breaker}{state}, 'half_open', 'half-open');
    is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
       'another is refused');

    my ($worker) = fetching();
    ok($worker, 'one worker has the probe');
    kill 'KILL', $worker;
    $nginx->workers($worker);

    wait_for('the place is free, and the next probe closes the breaker',
             sub { source()->{breaker}{state} eq 'closed' });

    # the other worker has joined the first one perhaps, and takes it over
    my @hits = grep { get("/api/$_")->{cache} eq 'hit' } qw(XLK BAD);
    ok(scalar @hits, 'it was of what was asked for');
    wait_for('nothing is in flight', sub { !source()->{inFlight} });

    $upstream->release_any($key);
    ended_well(qr/exited on signal 9/);
};


subtest 'workers that are killed while all of them store' => sub {
    my $rounds = $ENV{TEST_NGINX_USE_VALGRIND} ? 3 : 15;
    ($nginx, my $key) = start('', 'ttl=1ms stale=1h');
    my @workers = $nginx->workers;

    for my $round (1 .. $rounds) {
        my @clients = map { begin("/api/$symbols[$_ % 12]") } 1 .. 36;

        kill 'KILL', $workers[$round % 2];

        for my $got (map { finish($_) } @clients) {
            next if $got->{status} == 0;        # was the killed one's
            next if $got->{status} == 200 && $got->{json}{data}{symbol};
            fail("round $round: $got->{status} $got->{body}");
        }

        @workers = $nginx->workers($workers[$round % 2]);
    }

    is(get("/api/$_")->{json}{data}{symbol}, $_, "$_ is answered")
        for @symbols;

    my $s = sectors();
    is($s->{totalRequests},
       sum(@$s{qw(hits misses stale updating bypassed disabled negative)}),
       'the counters add up');
    cmp_ok($s->{entryCount}, '<=', 12, 'no entry is there twice');

    ended_well(qr/exited on signal 9/);
};


subtest 'the breaker is open for both workers' => sub {
    my %script = (BAD => 'status:500');
    ($nginx, my $key) = start('failures=4 open=1h max_open=1h', 'ttl=10m',
                              %script);
    my @workers = $nginx->workers;

    # two failures at each worker
    get_from($_, '/api/BAD') for @workers;
    get('/api/BAD') for 1 .. 4;

    is($upstream->calls($key), 4, 'calls of the upstream: not one too many');
    is(get_from($_, '/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
       'refused at either worker') for @workers;

    $nginx->reload;
    is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
       'and after a reload');
    is(source()->{breaker}{opened}, 1, 'opened once');

    my @now = $nginx->workers;
    kill 'KILL', $now[0];
    $nginx->workers($now[0]);
    is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
       'and after a worker died');

    ended_well(qr/exited on signal 9/);
};


done_testing;
