# Whatever a worker holds of what all share, a flight, a place, a turn in the
# queue, a probe, its death must free it.  Workers are killed one after the
# other under load; KILLS says how many (make kills: a thousand).

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use Test::More;
use Time::HiRes qw(sleep time);
use Upstream qw(begin finish get wait_for scaled);

my $kills = $ENV{KILLS} || 40;
my $loaders = 6;
my $seed = $ENV{SECTOR_SEED} || time ^ $$;

diag("SECTOR_SEED=$seed") if $kills > 100;
note("SECTOR_SEED=$seed");
srand $seed;

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;

# hot keys are refreshed all the time, cold ones are always fetched; what is
# broken opens its breaker again and again
my $nginx = Upstream::Nginx->new(workers => 2, http => <<"END");
sector_cache_zone sectors 1m ttl=20ms stale=1h swr=20ms negative=5ms;
sector_cache_zone bad 512k ttl=20ms stale=1h;
sector_cache_zone off 512k;
sector_cache_source good concurrency=4 queue=64 timeout=2s retries=1
                         backoff=5ms failures=1000000;
sector_cache_source bad concurrency=2 queue=4 timeout=2s retries=0 failures=2
                        open=20ms max_open=40ms half_open=1 successes=1
                        half_open_timeout=1h;
server {
    listen %PORT%;
    %PID%
    location /good {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch good /_good/\$sector_cache_symbol;
    }
    location /_good/ {
        internal;
        proxy_pass http://$up/slow:10/good/;
    }
    location /bad {
        sector_cache_api sectors=bad;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch bad /_bad/\$sector_cache_symbol;
    }
    location /_bad/ {
        internal;
        proxy_pass http://$up/status:500,slow:10,status:500,slow:10,ok/bad/;
    }
    location /off {
        sector_cache_api sectors=off;
        sector_cache off;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch good /_good/\$sector_cache_symbol;
    }
    location /status {
        sector_cache_status;
    }
}
END


sub stats { return get('/status/stats')->{json} }


# Asks until it is told to stop; returns what came, by kind.  A wrong answer
# ends the test.
sub load {
    my ($out) = @_;
    my %count;
    my $stop = 0;
    my $cold = $$ * 1000;

    local $SIG{TERM} = sub { $stop = 1 };

    until ($stop || Ending::left()) {
        my $dice = rand;
        my $symbol = $dice < 0.5 ? 'HOT' . int rand 12
                                 : sprintf('C%d', $cold++ % 10**8);
        my $path = $dice < 0.8 ? 'good' : $dice < 0.9 ? 'bad' : 'off';
        my $got = get("/$path/$symbol");

        my $right = $got->{status} == 0
            || $got->{status} == 200 && $got->{json}
               && $got->{json}{data}{symbol} eq $symbol
               && $got->{json}{data}{price} > 100
            || $path eq 'bad' && $got->{status} =~ /^50[23]$/
               && $got->{json} && !$got->{json}{success};

        $count{ $right ? $got->{status} : "wrong: $path/$symbol "
                . "$got->{status} $got->{body}" }++;
    }

    print $out map { s/\n/ /gr . "\t$count{$_}\n" } keys %count;
    close $out;
}


my @load;

for (1 .. $loaders) {
    pipe(my $in, my $out) or die "pipe: $!";
    my $pid = Ending::beside(sub {
        srand $seed + $_;
        load($out);
    });

    push @load, { pid => $pid, in => $in };
}

wait_for('there are two workers', sub { $nginx->children == 2 });

my $descriptors = () = glob "/proc/$nginx->{pid}/fd/*";
my $killed = 0;

while ($killed < $kills) {
    my @workers = wait_for('there are two workers', sub {
        my @now = $nginx->children;
        return @now == 2 && \@now;
    })->@*;

    # a worker under valgrind would hardly ever come to answer; whoever does not
    # within a second has another one asked
    wait_for('one answers', sub {
        my $socket = begin('/pid') or return;
        return IO::Select->new($socket)->can_read(1)
               && finish($socket)->{status} == 200;
    }) if $ENV{TEST_NGINX_USE_VALGRIND};

    sleep scaled(rand 0.02);
    $killed += kill 'KILL', $workers[rand 2];
    wait_for('it is gone', sub {
        my %now = map { $_ => 1 } $nginx->children;
        return !$now{ $workers[0] } || !$now{ $workers[1] };
    });
}

my %count;

for my $loader (@load) {
    kill 'TERM', $loader->{pid};
    my $in = $loader->{in};

    while (my $line = <$in>) {
        my ($kind, $n) = $line =~ /^(.*)\t(\d+)$/;
        $count{$kind} += $n;
    }

    Ending::gone($loader->{pid});
}

is($killed, $kills, 'workers were killed');
cmp_ok($count{200} || 0, '>', $ENV{TEST_NGINX_USE_VALGRIND} ? 0 : $kills,
       'clients were answered meanwhile');
is_deeply([grep { /wrong/ } keys %count], [], 'and none of them wrongly');
note(map { "$_: $count{$_} " } sort keys %count);

for my $name (qw(good bad)) {
    my $left = wait_for("nothing of \"$name\" is in flight or in the queue",
        sub {
            my $source = stats()->{sources}{$name};
            return !$source->{inFlight} && !$source->{waiting} && $source;
        });
    my $ended = 0;

    $ended += $left->{$_}
        for qw(succeeded notFound failed invalid timedOut aborted);

    # but for that which died between the two, instructions of one another
    cmp_ok(abs($ended - $left->{fetches}), '<=', 1 + $kills / 1000,
           "each of $left->{fetches} fetches has its outcome");
}

wait_for('the breaker closes', sub {
    get('/bad/LAST');
    return stats()->{sources}{bad}{breaker}{state} eq 'closed';
});

my ($ok, @keys) = (0, map { "AFTER$_" } 1 .. 12);
$ok += get("/good/$_")->{status} == 200 for @keys;
is($ok, 12, 'new keys are fetched');

my $after = () = glob "/proc/$nginx->{pid}/fd/*";
is($after, $descriptors, "the master's descriptors");

my $summary = stats();
my $sum = 0;
$sum += $summary->{$_}
    for qw(hits misses stale updating bypassed disabled negative);
is($sum, $summary->{totalRequests}, 'the counters add up');
cmp_ok($sum, '>=', ($count{200} || 0) + ($count{502} || 0)
                   + ($count{503} || 0) + 12, 'and no answer is uncounted');

is($nginx->stop, 0, 'nginx ended well');
is($nginx->trouble(qr/exited on signal 9/, qr/zone ".*" was locked by/), '',
   'and without trouble');

done_testing;
