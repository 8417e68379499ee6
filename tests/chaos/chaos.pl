#!/usr/bin/env perl
#
# chaos.pl [MINUTES]
#
# Everything that can go wrong, at the same time and under load: an upstream
# with every fault there is, clients that leave, workers that are killed,
# reloads, a wall clock that jumps, a host that sleeps, a zone that is full, a
# disk that is full.
# Every answer is looked at meanwhile.  Then the sky clears, and all must be
# as if nothing had been.
#
# From the environment: SECTOR_FAULTY_HOST, the library of
# tests/nginx/faulty_host.c; SEED, to have the same again as far as time
# allows; and what Upstream::Nginx takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin", "$FindBin::Bin/../../t/lib";
use Crowd;
use File::Copy ();
use File::Path ();
use File::Temp qw(tempdir);
use Ground qw(%LIMITS @SYMBOLS $MAX_OPEN $TIMEOUT $WINDOW places http
              has_admin within stats total descriptors resident_kb states
              connections started replaced crowd gather);
use Keeper;
use Signed qw(now_ms make_sector);
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);
use Upstream qw(get);
use Weather;

my $minutes = shift || 1;
my $seed = $ENV{SEED} || (time ^ $$) % 1_000_000;
my $library = $ENV{SECTOR_FAULTY_HOST} || '';
my (@wrong, %did, %killed);

# the linker says nothing of one that it does not find
die "SECTOR_FAULTY_HOST=$library is not a library that can be read\n"
    unless -f $library && -r _;

$| = 1;
$ENV{TEST_NGINX_NO_CLEAN} = 1;
print "SEED=$seed, $minutes min\n";
srand $seed;


#
# What is run
#

my $folder = tempdir('sector-chaos-XXXXXX', CLEANUP => 1,
                     DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');
open my $log, '>>', "$folder/wrong.log" or die "wrong.log: $!";
open my $sleeps, '>>', "$folder/sleeps" or die "sleeps: $!";
$log->autoflush;
my $weather = Weather->new(seed => $seed + 1, limits => \%LIMITS, log => $log,
                           calm => 1, shared => [ qw(on chart) ],
                           symbols => \@SYMBOLS);
my $dump = "$folder/sectors.dump";
my $faults = "$folder/faults";
my $key = 'chaos';
my @nginx = (upstream => $weather->port, persist => $dump);
my ($shift, $full, $asleep) = (0, 0, 0);

# Of a symbol that fails within two seconds: its waits of 200, 400, 800 ms and
# so on, and some probes of the breaker and parts of a call for many.
my $CALLS = 12;

# What is believed not to exist is kept for 200 ms there, and then asked for
# again: by a call for many that is refused, two for its parts, and one alone.
my $UNKNOWN_CALLS = 40;

host();
$ENV{SECTOR_HOST_FAULTS} = $faults;

if (has_admin()) {
    open my $out, '>', "$folder/keys" or die "$folder/keys: $!";
    chmod 0600, $out;
    print $out "$key\n";
    push @nginx, keys => "$folder/keys";
}

my $nginx = begin_nginx();
my @logs = $nginx->{root};

# nor of one that it cannot use
$shift = 86_400_000;
host();
follows_clock() or die "the clock of nginx does not jump with $library\n";
$shift = 0;
host();

open my $error_log, '<', "$logs[0]/logs/error.log" or die "error.log: $!";

my @of_crowd = (port => $nginx->{port}, places => places(),
                sleeps => "$folder/sleeps");
my $keeper = Keeper->new(key => $key, symbols => \@SYMBOLS,
                         weather => $weather);

print "logs are in $nginx->{root}\n";


sub begin_nginx {
    local $ENV{LD_PRELOAD} = $library;

    return started(http => http(@nginx), main => 'worker_shutdown_timeout 4s;');
}


sub wrong {
    my ($text) = @_;

    push @wrong, $text;
    syswrite $log, now_ms() . " $text\n";
}


# What the host is like: how far its clock is off, whether its disk is full, how
# long it has slept.
sub host {
    # it is mapped: the same file, not another one
    open my $out, -e $faults ? '+<' : '>', $faults or die "$faults: $!";
    syswrite $out, pack 'qqq', $shift, $full, $asleep;
}


# Whether the time in an answer is that of the shifted clock; nothing if no
# worker answers.
sub follows_clock {
    my ($before, $got);

    within(1, sub {
        $before = time;
        $got = get('/strict/symbols');
        return $got->{status};
    }) or return;

    my ($year, $month, @rest) = ($got->{json}{timestamp} || '')
        =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{3}Z$/
        or return 0;
    my $at = timegm(reverse(@rest), $month - 1, $year)
             - ($shift + $asleep) / 1000;

    return $at > $before - 2 && $at < time + 1 ? 1 : 0;
}


# What each zone uses when all was removed and the symbols were fetched anew,
# { NAME => bytes }.  What was removed is freed as others are stored, so that
# is done until it is no more than $most and a page, or for long.
sub filled_anew {
    my ($most) = @_;
    my $rounds = 0;
    my %used;

    return {} unless has_admin();

    within($most ? 10 : 1, sub {
        $keeper->ask('DELETE', '/', 200);
        get("/$_/snapshot") for sort keys %{ places() };

        my $namespaces = stats()->{namespaces};

        for my $name (keys %$namespaces) {
            my $bytes = $namespaces->{$name}{memoryUsage};
            $used{$name} ||= 0;
            $used{$name} = $bytes if $most || $bytes > $used{$name};
        }

        # slower than the rate that one of them has
        sleep 0.05;

        return $most && ++$rounds > 5 && !more_than($most, \%used);
    });

    return \%used;
}


sub more_than {
    my ($was, $is) = @_;

    return map { "$_: $was->{$_} bytes at first, $is->{$_} in the end" }
           grep { $is->{$_} > $was->{$_} + 4096 } sort keys %$is;
}


# What the two workers have when nothing happens.
sub resting {
    my $workers = replaced($nginx, http(@nginx));

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


#
# The time of trouble
#

my $used = filled_anew();
my $began = resting();
my $before = stats();
my $start = time;
my $until = $start + 60 * $minutes;
my %next = (kill => $start + 1, reload => $start + 1.5, clock => $start + 1,
            sleep => $start + 1, disk => $start + 2, look => $start + 1, tell => $start + 10);
my (%last, %saving);

$weather->change;

my @crowds = map { crowd($seed + 100 + $_, @of_crowd, log => $log) } 1 .. 4;

push @crowds, Ground::apart($seed + 99, sub { $keeper->run(@_) })
    if has_admin();

while ((my $now = time) < $until) {
    # In some of each minute the first worker is let live, or it would never
    # save a zone.
    my $second = ($now - $start) % 60;
    my $saving = $second >= 20 && $second < 45;

    $saving ? let_save($now, $second) : look_at_saving($now);

    if ($now >= $next{kill} && (!$saving || $saving{worker})) {
        my @workers = grep { $_ != ($saving{worker} || 0) } $nginx->children;

        if (@workers) {
            my $pid = $workers[rand @workers];

            $killed{$pid} = 1;
            $did{kills} += kill 'KILL', $pid;
        }

        # sometimes both, or one that has only just begun
        $next{kill} = $now + (rand() < 0.2 ? 0.01 : 0.2 + rand 1.6);
    }

    if ($now >= $next{reload} && !$saving) {
        $nginx->write_config(http(@nginx, ttl => (150, 200, 300)[rand 3],
                                  queue => (16, 64)[rand 2]));
        $nginx->signal('HUP');
        $did{reloads}++;
        $next{reload} = $now + 0.7 + rand 0.6;
    }

    if ($now >= $next{clock}) {
        $shift = (0, 1, -1, 60, -60, 3600, -3600, 86_400 * 30,
                  -86_400 * 30)[rand 9] * 1000 + int rand 1000;
        host();
        $did{jumps}++;
        look_at_clock() if abs $shift >= 60_000;
        $next{clock} = $now + rand 1.5;
    }

    if ($now >= $next{sleep}) {
        suspend();
        $next{sleep} = $now + rand 3;
    }

    if ($now >= $next{disk}) {
        disk(!$full);
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


look_at_saving($until);


sub disk {
    my ($is_full) = @_;

    $full = $is_full ? 1 : 0;
    host();
    $did{'full disks'} += $full;
}


# Longer than anything is kept; the clients are told when it is over.  What is
# there for ten minutes is gone then.
sub suspend {
    my $ms = 3_600_000 + int rand 86_400_000;
    my $before = get('/full/XLK');

    $asleep += $ms;
    host();
    syswrite $sleeps, now_ms() . " $ms\n";
    $did{sleeps}++;

    my $after = get('/full/XLK');

    return unless $before->{cache} eq 'hit' && $after->{status};
    wrong('what was there before a sleep is there after it')
        if $after->{data} eq $before->{data};
    $did{'sleeps seen'}++;
}


# A reload tells which worker is the first: the older of the new ones, if
# none has died meanwhile.  It saves every 10 seconds, which first fails, as
# the disk is full, and then is done.
sub let_save {
    my ($now, $second) = @_;

    if (!$saving{old}) {
        # until what was begun before is over
        return if $second < 22;

        $saving{old} = { map { $_ => 1 } $nginx->children };
        $nginx->write_config(http(@nginx));
        $nginx->signal('HUP');
        $did{reloads}++;

    } elsif (!$saving{worker}) {
        my @new = sort { $a <=> $b }
                  grep { !$saving{old}{$_} } $nginx->children;

        return if @new < 2;
        @saving{qw(worker since failed)} = ($new[0], $now, failed_saves());
        disk(1);
    }

    $next{disk} = $now + 1 unless $saving{done};
}


# Whether one has failed, and the next one was done.
sub look_at_save {
    my $file = (stat $dump)[1] || 0;
    my $failed = failed_saves() > $saving{failed};

    if ($failed && !exists $saving{file}) {
        $saving{file} = $file;
        disk(0);

    } elsif ($failed && $file != $saving{file}) {
        $saving{done} = 1;
        $did{'saves after one that failed'}++;
    }
}


# The time for it is over: long enough for two, one of which was tried.
sub look_at_saving {
    my ($now) = @_;

    wrong('no save failed while the disk was full')
        if $saving{worker} && $now - $saving{since} > 21
           && failed_saves() == $saving{failed};
    %saving = ();
}


sub failed_saves {
    $did{'failed saves'} ||= 0;

    while (my $line = <$error_log>) {
        if ($line !~ /\n\z/) {
            # the rest is being written
            seek $error_log, -length $line, 1;
            last;
        }

        $did{'failed saves'}++
            if $line =~ /\[warn\].*sectors\.dump.*No space/;
    }

    seek $error_log, 0, 1;
    return $did{'failed saves'};
}


# A jump that is too far for anything else.
sub look_at_clock {
    my $follows = follows_clock();

    return unless defined $follows;
    $did{'jumps seen'} += $follows;
    wrong("an answer's time is not that of the clock") unless $follows;
}


# A look at the counters, which never decrease.
sub look {
    my $got = get('/status/stats');

    die "the upstream has died\n" if $weather->has_died;
    $did{looks}++;
    look_at_save() if $saving{worker} && !$saving{done};

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

        wrong("$in_flight of $name in flight, more than $LIMITS{$name}")
            if $in_flight > $LIMITS{$name};
    }
}


#
# The sky clears
#

$weather->clear_up;
$full = 0;
host();

my %sum = %{ gather(@crowds) };

push @wrong, map { "$_ ($sum{wrong}{$_} times)" } sort keys %{ $sum{wrong} };

my $cleared = time;

# The storm's last answers may have left it half-open without a decision, for
# as long as a fetch may take and half a second, and then open again.
my $waited = $MAX_OPEN / 1000 + ($TIMEOUT + 500) / 1000 + $TIMEOUT / 1000 + 3;

within($waited, \&recovered) or wrong('not well again: ' . unwell());
printf "well again after %.1f s\n", time - $cleared;

# Until what it was like is forgotten: failures, with which a few good answers
# may yet open a breaker; what the upstream lacked, and snapshots without it.
sleep $WINDOW / 1000 + 0.2;


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


# Symbols that spoilt calls for many are asked for alone as long as that is
# remembered: a list of them is many calls, for which a short queue has no room.

push @nginx, room => 256;
replaced($nginx, http(@nginx)) or wrong('the workers are not replaced');
$nginx->workers;


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

    printf "%-10s %8d fetches begun, %d ended\n", $name, $source->{fetches},
        $ended;

    # but for one whose worker was killed while it counted
    wrong("$source->{fetches} fetches of $name, $ended ended")
        if abs($ended - $source->{fetches}) > 1 + $did{kills} / 1000;
}


# A symbol whose last fetch the storm spoilt is not in memory until somebody
# asks for it; and stale answers count against health for a minute.

$cleared = time;
within(65, \&healthy) or wrong('not healthy: ' . ailing());
printf "healthy after %.1f s\n", time - $cleared;
$after = stats();


# The first place that is not healthy, and why, after all of it was asked for.
sub ailing {
    my $places = places();

    for my $name (sort keys %$places) {
        get("/$name/");

        my $got = get("/$name/health");
        my $all = $got->{json} || {};
        my $health = $places->{$name}{bare} ? $all : $all->{data} || {};

        return "$name, " . join '; ', "$got->{status}",
                                      @{ $health->{reasons} || [] }
            if ($health->{status} || '') ne 'healthy';
    }

    return '';
}


sub healthy { return ailing() eq '' }


# Now all is exact, and good.

my $calm = Crowd->new(@of_crowd, slots => 8, faulty => 0, calm => 1,
                      log => $log)->run(2);
my $calmed = stats();

for my $name (sort keys %{ $calmed->{namespaces} }) {
    my $made = $calmed->{namespaces}{$name}{totalRequests}
               - $after->{namespaces}{$name}{totalRequests};
    my $expected = $calm->{counted}{$name} || 0;

    wrong("$made requests counted in $name, not $expected, after it all")
        if $made != $expected;
}

# Who waits for a fetch of the other worker is woken; whoever is not looks
# again after a quarter of a second.
wrong("$calm->{late} answers of $calm->{requests} took 100 ms after it all")
    if $calm->{late} > 2 + $calm->{requests} / 200;
wrong("after it all $_ ($calm->{wrong}{$_} times)")
    for sort keys %{ $calm->{wrong} };


# One refusal at a time, while nothing else is wrong: what it may cost, and
# whom it may harm.  The victim is no benchmark.

my $victim = $SYMBOLS[rand @SYMBOLS - 1];

refused($_) for qw(revoked unknown renamed dropped);


sub refused {
    my ($what) = @_;

    # all of it is in memory
    get("/$_/") for qw(on chart);
    within(5, \&recovered) or wrong("not well before $what: " . unwell());
    get("/$_/?fresh=1") for qw(on chart);

    my $sources = stats()->{sources};

    $weather->refuse($what, $victim);

    my $places = places();
    my $told = Crowd->new(@of_crowd, slots => 16, faulty => 0, log => $log,
                          places => { map { $_ => { %{ $places->{$_} },
                                                    any => 0 } }
                                      qw(on chart) })->run(1.5);
    my %kept = map { $_ => get("/chart/$_") } @SYMBOLS;
    my $asked = $weather->report->{asked};

    look_at_refused($what, $told, $asked, $sources);

    # in this zone it is not said often enough to be believed
    for my $symbol ($what eq 'unknown' ? @SYMBOLS : ()) {
        my $got = $kept{$symbol};

        wrong("$symbol is $got->{status} $got->{code} while $what")
            if $got->{status} != 200;
    }

    $weather->clear_up;
    within($waited, \&recovered) or wrong("not well after $what: "
                                          . unwell());

    # until the longest wait of a symbol is over
    sleep 1.3;
}


sub look_at_refused {
    my ($what, $told, $asked, $before) = @_;
    my @answers = sort keys %{ $told->{answers} };
    my $of_one = $what =~ /^(?:renamed|dropped)$/;
    my $after = stats()->{sources};
    my $most = 0;

    for my $place (qw(on chart)) {
        for my $symbol ($of_one ? $victim : @SYMBOLS) {
            my $calls = $asked->{"$place $symbol"} || 0;

            $most = $calls if $calls > $most;
            wrong("$calls calls for a symbol in $place while $what")
                if $calls > ($what eq 'unknown' ? $UNKNOWN_CALLS : $CALLS);
        }
    }

    printf "%-10s %8d requests, at most %d calls for a symbol\n", $what,
        $told->{requests}, $most;
    wrong("$_ ($told->{wrong}{$_} times) while $what")
        for sort keys %{ $told->{wrong} };

    # what is one symbol's harms neither the breaker nor a snapshot
    if ($of_one) {
        wrong("$_ while one symbol was $what")
            for grep { /CIRCUIT_OPEN|^snapshot (?:gzip )?[45]/ } @answers;

        for my $name (qw(up chart)) {
            wrong("the breaker of $name opened while one symbol was $what")
                if $after->{$name}{breaker}{opened}
                   != $before->{$name}{breaker}{opened};
        }
    }

    wrong("answers while $what are " . join ', ', @answers)
        if $what eq 'revoked' && !grep { / stale$/ } @answers;
}


my $uses = filled_anew($used);
my $rested = resting();

wrong("memory of $_") for more_than($used, $uses);

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

# What is stored now must be there after a stop and a start.

my $kept;

if (has_admin()) {
    $keeper->ask('PUT', '/sectors/XLK?ttl=1h', 200,
                 body => $kept = make_sector('XLK', 'good'));
}

my $stopping = time;
my $status = $nginx->stop;

wrong("nginx ended with status $status") if $status;
wrong('nginx took long to end') if time - $stopping > 5;


wrong($_) for look_at_log();

$nginx = begin_nginx();

if ($kept) {
    my $got = get('/on/XLK');

    wrong("after a stop and a start it is $got->{cache} $got->{body}")
        unless $got->{cache} eq 'hit' && $got->{data} eq $kept;
}

my @files = map { s{.*/}{}r } glob "$dump*";

wrong("files of the zone: @files") if "@files" ne 'sectors.dump';
wrong("log: $_") for $nginx->log =~ /^(.*\[(?:warn|error)\].*sectors\.dump.*)$/mg;

# A disk that is full at the end costs what has come since, and no more.

my $saved = bytes($dump);

get('/on/XLV?fresh=1');
disk(1);
wrong('nginx does not end after a second start') if $nginx->stop;
@files = map { s{.*/}{}r } glob "$dump*";

wrong('no save failed while the disk was full in the end')
    unless $nginx->log =~ /\[warn\].*sectors\.dump.*No space/;
wrong("files of the zone after a full disk: @files")
    if "@files" ne 'sectors.dump';
wrong('the file of the zone is another after a full disk')
    if bytes($dump) ne $saved;

# of so many some are far
wrong('no jump of the clock was seen in an answer')
    if $did{jumps} && !$did{'jumps seen'} && $minutes >= 0.5;

wrong('no sleep of the host was seen in an answer')
    if $did{sleeps} && !$did{'sleeps seen'} && $minutes >= 0.5;

# What was asked for by ourselves, while nothing was wrong.

wrong("$_ ($keeper->{told}{wrong}{$_} times)")
    for sort keys %{ $keeper->{told}{wrong} };

my $report = $weather->report;
my %broken;

$broken{$_}++ for @{ $report->{wrong} };
wrong("the upstream saw $_ ($broken{$_} times)") for sort keys %broken;


sub bytes {
    my ($name) = @_;

    local $/;
    open my $in, '<:raw', $name or return '';

    return scalar <$in>;
}


sub look_at_log {
    my @bad;

    failed_saves();

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
        print '  ', join(' ', map { sprintf '%-36s %7d', $_, $count->{$_} }
                         @row), "\n";
    }
}


table('the upstream:', $report->{faults});
table('the clients:', $sum{answers});
table('the host:', \%did);

print "after it all $calm->{requests} requests, the slowest answer took "
    . "$calm->{longest} ms, $calm->{late} took 100 ms\n";
print "slowest answer $sum{longest} ms, of the clients' own time at most "
    . "$sum{lag} ms\n";
print "$sum{requests} requests\n";

if (@wrong) {
    File::Copy::copy("$folder/wrong.log", "$logs[0]/logs");
    my %seen;

    print "FAILED, SEED=$seed, logs are in $logs[0]:\n";
    my @distinct = grep { !$seen{$_}++ } @wrong;
    print '  ', substr($_, 0, 400), "\n"
        for @distinct[0 .. ($#distinct < 19 ? $#distinct : 19)];
    print '  and ', @distinct - 20, " more\n" if @distinct > 20;
    exit 1;
}

File::Path::remove_tree(@logs, $nginx->{root});
print "passed, SEED=$seed\n";
