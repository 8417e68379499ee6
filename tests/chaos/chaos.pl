#!/usr/bin/env perl
#
# chaos.pl [MINUTES]
#
# Everything that can go wrong, at the same time and under load: an upstream
# with every fault there is, clients that leave, workers that are killed,
# reloads, a wall clock that jumps, a zone that is full, a disk that is full.
# Every answer is looked at meanwhile.  Then the sky clears, and all must be
# as if nothing had been.
#
# From the environment: SEED, to have the same again as far as time allows;
# SECTOR_FAULTY_HOST, the library of tests/nginx/faulty_host.c; and what
# Upstream::Nginx takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin", "$FindBin::Bin/../../t/lib";
use Crowd;
use File::Temp qw(tempdir);
use JSON::PP ();
use POSIX ();
use Signed qw(now_ms make_sector);
use Time::HiRes qw(sleep time);
use Upstream qw(get);
use Weather;

my $minutes = shift || 1;
my $seed = $ENV{SEED} || (time ^ $$) % 1_000_000;
my ($crowds, $slots) = (4, 16);
my @symbols = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);
my (@wrong, %did, %killed);

$| = 1;
print "SEED=$seed, $minutes min\n";
srand $seed;

# Milliseconds: of the sources, and of the zones.  A reload changes the zones'.

my ($timeout, $queue_timeout, $max_open) = (1500, 1000, 1000);
my ($ttl, $stale) = (300, 2500);
my $slack = 1000;


#
# What is run
#

my %limits = (up => 4, chart => 3, odd => 6);

my $weather = Weather->new(seed => $seed + 1, limits => \%limits,
                           shared => [ qw(on chart) ]);

my $patience = $timeout + $queue_timeout + 1000;
my %common = (symbols => \@symbols, batch => 1, patience_ms => $patience,
              age_ms => $ttl + $stale + $timeout + $slack,
              snapshot_ms => $ttl + $stale + $slack);
my %fetched = (%common, age_ms => $timeout + $queue_timeout + $slack);

my %places = (
    on     => { %common, zone => 'sectors', snapshots => 'snapshots',
                weight => 6, any => 0.05 },
    bare   => { %common, zone => 'sectors', snapshots => 'snapshots',
                weight => 2, bare => 1 },
    strict => { %common, zone => 'sectors', snapshots => 'snapshots' },
    chart  => { %common, zone => 'chart', snapshots => 'charts', weight => 3 },
    full   => { %common, zone => 'full', snapshots => 'fulls', weight => 2,
                any => 0.9, age_ms => 900_000 },
    off    => { %fetched, zone => 'off', snapshots => 'offs' },
    shadow => { %common, zone => 'shadow', snapshots => 'shadows' },
    mixed  => { %common, zone => 'mixed', snapshots => 'mixeds', any => 0.05 },
);

my $folder = tempdir('sector-chaos-XXXXXX', CLEANUP => 1,
                     DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');
my $dump = "$folder/sectors.dump";
my $faults = "$folder/faults";

host(0, 0);

$ENV{SECTOR_HOST_FAULTS} = $faults;


# What the host is like: how far its clock is off, whether its disk is full.
sub host {
    my ($shift_ms, $full) = @_;

    # it is mapped: the same file, not another one
    open my $out, -e $faults ? '+<' : '>', $faults or die "$faults: $!";
    syswrite $out, pack 'qq', $shift_ms, $full;
}


sub http {
    my ($ttl, $queue) = @_;
    my $up = '127.0.0.1:' . $weather->port;
    my $times = "ttl=${ttl}ms stale=${stale}ms max_object=64k";
    my $limits = "timeout=${timeout}ms queue_timeout=${queue_timeout}ms"
                 . " max_open=${max_open}ms retries=1 backoff=20ms";
    my $api = '';

    my @api = (
        [ on => 'sectors=sectors snapshots=snapshots', 'up', 'sector', 'on',
          'sector_cache_gzip on; sector_cache_bypass $arg_fresh;
           sector_cache_unknown_symbols accept;' ],
        [ bare => 'sectors=sectors snapshots=snapshots', 'up', 'sector', 'on',
          'sector_cache_envelope off;' ],
        [ strict => 'sectors=sectors snapshots=snapshots', 'up', 'sector',
          'on', '' ],
        [ chart => 'sectors=chart snapshots=charts', 'chart', 'yahoo', 'chart',
          'sector_cache_gzip on;' ],
        [ full => 'sectors=full snapshots=fulls', 'odd', 'sector', 'full',
          'sector_cache_unknown_symbols accept;' ],
        [ off => 'sectors=off snapshots=offs', 'odd', 'sector', 'off',
          'sector_cache off;' ],
        [ shadow => 'sectors=shadow snapshots=shadows', 'odd', 'sector',
          'shadow', 'sector_cache shadow; sector_cache_gzip on;' ],
        [ mixed => 'sectors=mixed snapshots=mixeds', 'odd', 'yahoo', 'mixed',
          'sector_cache $flag; sector_cache_unknown_symbols accept;' ],
    );

    for my $place (@api) {
        my ($name, $zones, $source, $format, $at, $more) = @$place;
        my ($one, $batch) = $format eq 'sector' ? qw(one map)
                                                : qw(chart quotes);
        my ($one_as, $batch_as) = $format eq 'sector' ? qw(sector sector)
                                  : qw(yahoo_chart yahoo_quote);

        $api .= <<"END";
    location /$name {
        sector_cache_api $zones;
        sector_cache_fetch $source
            /_up/$source/$at/$one/\$sector_cache_symbol format=$one_as;
        sector_cache_fetch_batch $source
            /_up/$source/$at/$batch/\$sector_cache_symbols format=$batch_as
            max=20;
        $more
    }
END
    }

    return <<"END";
sector_cache_zone sectors 2m $times swr=200ms negative=200ms jitter=20%
                  persist=$dump;
sector_cache_zone snapshots 1m $times swr=100ms;
sector_cache_zone chart 512k $times negative=100ms;
sector_cache_zone full 64k ttl=10m stale=0 max_object=64k;
sector_cache_zone off 64k $times;
sector_cache_zone shadow 512k $times;
sector_cache_zone shadows 256k $times;
sector_cache_zone mixed 256k $times;
sector_cache_zone charts 256k $times;
sector_cache_zone fulls 32k $times;
sector_cache_zone offs 32k $times;
sector_cache_zone mixeds 128k $times;
sector_cache_source up $limits concurrency=$limits{up} queue=$queue
                    failures=5 open=200ms half_open=2 successes=2;
sector_cache_source chart $limits concurrency=$limits{chart} queue=$queue
                    rate=300r/s error_rate=60% window=2s slow=1s open=300ms
                    failures=1000 half_open=1 successes=1;
sector_cache_source odd $limits concurrency=$limits{odd} queue=8
                    failures=8 open=100ms half_open=5 successes=3;
split_clients \$request_id \$flag { 33% on; 33% off; * shadow; }
server {
    listen %PORT%;
    %PID%
$api
    location /_up/ {
        internal;
        proxy_pass http://$up/;
        proxy_connect_timeout 1s;
        proxy_pass_request_headers off;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


my $nginx = do {
    local $ENV{LD_PRELOAD} = $ENV{SECTOR_FAULTY_HOST} || '';

    Upstream::Nginx->new(workers => 2, http => http($ttl, 64),
                         connections => 4096,
                         main => 'worker_shutdown_timeout 4s;');
};

print "logs are in $nginx->{root}\n";

open my $log, '>>', "$nginx->{root}/logs/wrong.log" or die "wrong.log: $!";


sub wrong {
    my ($text) = @_;

    push @wrong, $text;
    syswrite $log, now_ms() . " $text\n";
}


# Polls; false if it never came true.
sub within {
    my ($seconds, $function) = @_;
    my $until = time + $seconds;

    while (1) {
        my $got = $function->();
        return $got if $got;
        return if time > $until;
        sleep 0.02;
    }
}


sub stats { return get('/status/stats')->{json} }


# The sum of a namespace's outcomes; what it calls their sum must be that.
sub total {
    my ($namespace) = @_;
    my $sum = 0;

    $sum += $namespace->{$_}
        for qw(hits misses stale updating bypassed disabled negative);

    return $sum;
}


#
# The processes that nginx has
#

sub descriptors {
    my ($pid) = @_;
    my @all = map { (readlink $_) || () } glob "/proc/$pid/fd/*";

    return scalar @all;
}


sub resident_kb {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>;

    return $kb || 0;
}


# "Z (zombie)" and the like, of the children of a process.
sub states {
    my ($pid) = @_;
    my %state;

    open my $in, '<', "/proc/$pid/task/$pid/children" or return {};

    for my $child (split ' ', scalar <$in> // '') {
        open my $stat, '<', "/proc/$child/stat" or next;
        $state{$child} = $1 if scalar <$stat> =~ /\) (\S)/;
    }

    return \%state;
}


# Reloads, and waits until the old workers are gone.
sub settle {
    my %old = map { $_ => 1 } $nginx->children;

    $nginx->write_config(http($ttl, 64));
    $nginx->signal('HUP');

    return within(15, sub {
        my @now = $nginx->children;
        return @now == 2 && !(grep { $old{$_} } @now) && \@now;
    });
}


# What the two workers have when nothing happens.
sub resting {
    my $workers = settle();

    if (!$workers) {
        wrong('the workers are not replaced: ' . join ' ', $nginx->children);
        $workers = [ $nginx->children ];
    }

    # both have answered, and no connection is left
    $nginx->workers;
    within(2, sub { !grep { connections($_) } @$workers });

    return {
        workers => [ sort { $a <=> $b } map { descriptors($_) } @$workers ],
        master => descriptors($nginx->{pid}),
        memory => resident_kb($nginx->{pid}),
    };
}


# The established TCP connections of a process.
sub connections {
    my ($pid) = @_;
    my %open;

    open my $tcp, '<', "/proc/$pid/net/tcp" or return 0;

    while (my $line = <$tcp>) {
        my @field = split ' ', $line;
        $open{$field[9]} = 1 if $field[3] eq '01';
    }

    return scalar grep { (readlink $_ || '') =~ /^socket:\[(\d+)\]/
                         && $open{$1} } glob "/proc/$pid/fd/*";
}


#
# The clients, in processes of their own
#

sub crowd {
    my ($number) = @_;

    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork;
    die "fork: $!" unless defined $pid;

    if ($pid == 0) {
        my $stop = 0;

        local $SIG{TERM} = sub { $stop = 1 };
        srand $seed + 100 + $number;

        my $told = eval {
            Crowd->new(port => $nginx->{port}, places => \%places,
                       slots => $slots, log => $log)->run(86400, \$stop);
        } || { wrong => { "a client died: $@" => 1 } };

        print $out JSON::PP->new->canonical->encode($told);
        close $out;
        POSIX::_exit(0);
    }

    close $out;

    return { pid => $pid, in => $in };
}


sub add_up {
    my ($sum, $told) = @_;

    for my $name (keys %$told) {
        if (ref $told->{$name}) {
            $sum->{$name}{$_} += $told->{$name}{$_}
                for keys %{ $told->{$name} };
        } elsif ($name =~ /^(?:longest|lag)$/) {
            $sum->{$name} = $told->{$name}
                if $told->{$name} > ($sum->{$name} || 0);
        } else {
            $sum->{$name} += $told->{$name};
        }
    }
}


#
# The time of trouble
#

my $began = resting();
my $before = stats();
my $start = time;
my $until = $start + 60 * $minutes;
my %next = (kill => $start + 1, reload => $start + 1.5, clock => $start + 1,
            disk => $start + 2, look => $start + 1, tell => $start + 10);
my %last;

$weather->change;

my @crowds = map { crowd($_) } 1 .. $crowds;
my ($shift, $full) = (0, 0);

while ((my $now = time) < $until) {
    if ($now >= $next{kill}) {
        my @workers = $nginx->children;

        if (@workers) {
            my $pid = $workers[rand @workers];

            $killed{$pid} = 1;
            $did{kills} += kill 'KILL', $pid;
        }

        # sometimes both, or one that has only just begun
        $next{kill} = $now + (rand() < 0.2 ? 0.01 : 0.2 + rand 1.6);
    }

    if ($now >= $next{reload}) {
        $nginx->write_config(http((150, 200, 300)[rand 3], (16, 64)[rand 2]));
        $nginx->signal('HUP');
        $did{reloads}++;
        $next{reload} = $now + 0.7 + rand 0.6;
    }

    if ($now >= $next{clock}) {
        $shift = (0, 1, -1, 60, -60, 3600, -3600, 86_400 * 30,
                  -86_400 * 30)[rand 9] * 1000 + int rand 1000;
        host($shift, $full);
        $did{jumps}++;
        $next{clock} = $now + rand 1.5;
    }

    if ($now >= $next{disk}) {
        $full = !$full || 0;
        host($shift, $full);
        $did{'full disks'} += $full;
        $next{disk} = $now + 1 + rand 10;
    }

    if ($now >= $next{look}) {
        look();
        $next{look} = $now + 0.5;
    }

    if ($now >= $next{tell}) {
        printf "%4d s: %s, %d workers, %d wrong\n", $now - $start,
            join(', ', map { "$did{$_} $_" } sort keys %did),
            scalar $nginx->children, scalar @wrong;
        $next{tell} = $now + 10;
    }

    sleep 0.01;
}


# A look at the counters, which never decrease.
sub look {
    my $got = get('/status/stats');

    $did{looks}++;

    # its worker was killed
    return unless $got->{status};

    my $now = $got->{json};

    if ($got->{status} != 200 || !$now) {
        wrong("status $got->{status} $got->{body}");
        return;
    }

    for my $name (sort keys %{ $now->{namespaces} }) {
        my $namespace = $now->{namespaces}{$name};

        for my $counter (sort keys %$namespace) {
            next if ref $namespace->{$counter}
                    || $counter =~ /^(?:hitRate|entryCount|memory|last)/;
            my $was = $last{"$name $counter"} || 0;

            wrong("$counter of $name went from $was to $namespace->{$counter}")
                if $namespace->{$counter} < $was;
            $last{"$name $counter"} = $namespace->{$counter};
        }
    }

    for my $name (sort keys %{ $now->{sources} }) {
        my $in_flight = $now->{sources}{$name}{inFlight};

        wrong("$in_flight of $name in flight, more than $limits{$name}")
            if $in_flight > $limits{$name};
    }
}


#
# The sky clears
#

$weather->clear_up;
host($shift, 0);

my %sum;

for my $crowd (@crowds) {
    kill 'TERM', $crowd->{pid};
}

for my $crowd (@crowds) {
    local $/;
    my $in = $crowd->{in};
    my $text = <$in>;

    waitpid $crowd->{pid}, 0;
    add_up(\%sum, length $text ? JSON::PP::decode_json($text)
                               : { wrong => { 'a crowd is lost' => 1 } });
}

push @wrong, map { "$_ ($sum{wrong}{$_} times)" } sort keys %{ $sum{wrong} };

my $cleared = time;
my $waited = $max_open / 1000 + $timeout / 1000 + 3;

within($waited, \&recovered) or wrong('not well again: ' . unwell());
printf "well again after %.1f s\n", time - $cleared;


sub unwell {
    my $sources = stats()->{sources};

    return join '; ', map {
        my $s = $sources->{$_};

        $s->{breaker}{state} eq 'closed' && !$s->{inFlight} && !$s->{waiting}
            ? () : "$_ $s->{breaker}{state}, $s->{inFlight} in flight, "
                   . "$s->{waiting} wait";
    } sort keys %$sources;
}


sub recovered { return unwell() eq '' }


# Each request was counted once; of those that got no answer some were.

my $after = stats();

for my $name (sort keys %{ $after->{namespaces} }) {
    my $now = $after->{namespaces}{$name};
    my $made = $now->{totalRequests} - $before->{namespaces}{$name}{totalRequests};
    my $least = $sum{counted}{$name} || 0;
    my $most = $least + ($sum{maybe}{$name} || 0);

    printf "%-10s %8d requests counted, %d to %d were made\n", $name, $made,
        $least, $most;
    wrong("$made requests counted in $name, not $least to $most")
        if $made < $least || $made > $most;
    wrong("the outcomes of $name are not $now->{totalRequests}")
        if total($now) != $now->{totalRequests};
}

for my $name (sort keys %{ $after->{sources} }) {
    my $source = $after->{sources}{$name};
    my $ended = 0;

    $ended += $source->{$_}
        for qw(succeeded notFound failed invalid timedOut aborted);

    # but for those whose worker was killed between the two
    wrong("$source->{fetches} fetches of $name, $ended ended")
        if abs($ended - $source->{fetches}) > 1 + $did{kills} / 20;
}


# Now all is exact, and good.

my $calm = Crowd->new(port => $nginx->{port}, places => \%places, slots => 4,
                      faulty => 0, log => $log)->run(2);
my $calmed = stats();

for my $name (sort keys %{ $calmed->{namespaces} }) {
    my $made = $calmed->{namespaces}{$name}{totalRequests}
               - $after->{namespaces}{$name}{totalRequests};
    my $expected = $calm->{counted}{$name} || 0;

    wrong("$made requests counted in $name, not $expected, after it all")
        if $made != $expected;
}

wrong("$calm->{cut} connections were cut after it all") if $calm->{cut};
wrong("$_ after it all") for sort keys %{ $calm->{wrong} };
wrong("$calm->{answers}{$_} times $_ after it all")
    for grep { / (?:UPSTREAM|NO_DATA|SECTOR)|cut/ } keys %{ $calm->{answers} };

my $rested = resting();

for my $who (qw(workers master)) {
    my ($was, $is) = map { ref $_ ? "@$_" : $_ } $began->{$who},
                                                 $rested->{$who};

    wrong("descriptors of $who: $was at first, $is in the end")
        if $was ne $is;
}

wrong("the master's memory: $began->{memory} kB at first, "
      . "$rested->{memory} kB in the end")
    if $rested->{memory} > $began->{memory} + 2048;


# No process is left over.

my $states = states($nginx->{pid});

wrong('processes in the end: ' . join ' ', %$states)
    if keys %$states != 2 || grep { $_ eq 'Z' } values %$states;

for my $worker (keys %$states) {
    wrong("a worker has children: $worker")
        unless within(5, sub { !%{ states($worker) } });
}

my $stopping = time;
my $status = $nginx->stop;

wrong("nginx ended with status $status") if $status;
wrong('nginx took long to end') if time - $stopping > 5;


# What was saved can be loaded.

unless (-e $dump) {
    wrong('nothing was saved');
}

wrong($_) for look_at_log();

my $report = $weather->report;
my %broken;

$broken{$_}++ for @{ $report->{wrong} };
wrong("the upstream saw $_ ($broken{$_} times)") for sort keys %broken;


sub look_at_log {
    my @bad;

    for my $line ($nginx->log =~ /^.*\n/mg) {
        next unless $line =~ /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error/;

        next if $line =~ /zone ".*" was locked by/;
        next if $line =~ /process (\d+) exited on signal 9\b/ && $killed{$1};

        chomp $line;
        push @bad, "log: $line";
    }

    return @bad > 20 ? (@bad[0 .. 19], @bad - 20 . ' more') : @bad;
}


#
# What came of it
#

sub table {
    my ($title, $count) = @_;
    my @names = sort keys %$count;

    print "$title\n";

    while (my @row = splice @names, 0, 3) {
        print '  ', join(' ', map { sprintf '%-32s %7d', $_, $count->{$_} }
                         @row), "\n";
    }
}


table('the upstream:', $report->{faults});
table('the clients:', $sum{answers});
table('the host:', \%did);

print "slowest answer $sum{longest} ms, of the clients' own time at most "
    . "$sum{lag} ms\n";
print "$sum{requests} requests\n";

if (@wrong) {
    $ENV{TEST_NGINX_NO_CLEAN} = 1;
    my %seen;

    print "FAILED, SEED=$seed, logs are in $nginx->{root}:\n";
    my @distinct = grep { !$seen{$_}++ } @wrong;
    print '  ', substr($_, 0, 400), "\n"
        for @distinct[0 .. ($#distinct < 19 ? $#distinct : 19)];
    print '  and ', @distinct - 20, " more\n" if @distinct > 20;
    exit 1;
}

$ENV{TEST_NGINX_NO_CLEAN} = '';
File::Path::remove_tree($nginx->{root});
print "passed, SEED=$seed\n";
