#!/usr/bin/env perl
#
# soak.pl [MINUTES]
#
# An even load on a healthy upstream, for long: what the workers hold must stay
# as it is.  Every 10 seconds (at least 60 times) it looks at the resident
# memory and descriptors of both workers and at what the zones use.  The first
# fifth of the time is for warming up.
#
# Flat is judged by the median of the slopes between all pairs of samples,
# which a few samples that stand out do not move, times the time measured.
# What may come of it:
#
#     memory       512 kB a worker.  In half an hour there are millions of
#                  requests, so that a byte for every few of them is seen; a
#                  pool or a timer that is left is hundreds of bytes.  nginx's
#                  heap itself moves by a few pages.
#     descriptors  3 a worker: they come and go with the clients, of whom
#                  there are as many at any time, and with a save of "persist".
#     zones        10 in a hundred: which entries are there is left to chance.
#
# In the end, when all clients have gone, the descriptors must be as many as
# before the first one, and no request may have failed or gone uncounted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin", "$FindBin::Bin/../../t/lib";
use File::Path ();
use File::Temp qw(tempdir);
use Ground qw(%LIMITS places http within stats total descriptors resident_kb
              states connections started crowd gather);
use Time::HiRes qw(sleep time);
use Upstream qw(get);
use Weather;

my $minutes = shift || 30;
my $seed = $ENV{SEED} || (time ^ $$) % 1_000_000;
my $interval = $minutes * 60 / 60 < 10 ? $minutes : 10;
my @wrong;

$| = 1;
$ENV{TEST_NGINX_NO_CLEAN} = 1;
print "SEED=$seed, $minutes min\n";
srand $seed;

my $folder = tempdir('sector-soak-XXXXXX', CLEANUP => 1,
                     DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');
my $weather = Weather->new(seed => $seed + 1, limits => \%LIMITS, calm => 1,
                           shared => [ qw(on chart) ]);
my $nginx = started(http => http(upstream => $weather->port,
                                 persist => "$folder/dump"));
my @workers = sort { $a <=> $b } $nginx->workers;

print "logs are in $nginx->{root}\n";
open my $log, '>>', "$nginx->{root}/logs/wrong.log" or die "wrong.log: $!";


# Without connections of clients or to the upstream, and without a process that
# saves a zone, which has a pipe to its worker.
sub resting {
    within(10, sub { !grep { connections($_) || %{ states($_) } } @workers });
    sleep 0.1;

    return join ' ', map { descriptors($_) } @workers;
}


# One row: seconds, and what is looked at.
my @columns = ('s', 'requests/s', (map { ("kB $_", "fds $_") } 1, 2),
               'zones kB', 'ms');

sub sample {
    my ($start, $last) = @_;
    my $began = time;
    my $stats = stats() or die "nginx does not answer\n";
    my ($now, $used) = (time, 0);

    $used += $_->{memoryUsage} for values %{ $stats->{namespaces} };

    my %row = (
        s => $now - $start, requests => $stats->{totalRequests},
        at => $now, ms => 1000 * ($now - $began), 'zones kB' => $used / 1024,
    );

    for my $i (1, 2) {
        $row{"kB $i"} = resident_kb($workers[$i - 1]);
        $row{"fds $i"} = descriptors($workers[$i - 1]);
    }

    $row{'requests/s'} = $last ? ($row{requests} - $last->{requests})
                                 / ($now - $last->{at}) : 0;

    return \%row;
}


# How much a column grows over the time, by the median slope.
sub growth {
    my ($name, @rows) = @_;
    my @slopes;

    for my $i (0 .. $#rows) {
        for my $j ($i + 1 .. $#rows) {
            push @slopes, ($rows[$j]{$name} - $rows[$i]{$name})
                          / ($rows[$j]{s} - $rows[$i]{s});
        }
    }

    @slopes = sort { $a <=> $b } @slopes;

    return @slopes ? $slopes[@slopes / 2] * ($rows[-1]{s} - $rows[0]{s}) : 0;
}


my $began = resting();
my $before = stats();
my @crowd = (port => $nginx->{port}, places => places(), log => $log,
             slots => 8, rate => 300, calm => 1);
my @crowds = map { crowd($seed + 100 + $_, @crowd) } 1, 2;
my ($start, $until) = (time, time + 60 * $minutes);
my $next = $start + $interval;
my @rows;

print join(' ', map { sprintf '%10s', $_ } @columns), "\n";

while (time < $until) {
    my $left = $next - time;

    sleep $left if $left > 0;
    $next += $interval;

    push @rows, my $row = sample($start, $rows[-1]);
    print join(' ', map { sprintf '%10d', $row->{$_} } @columns), "\n";
}

my $sum = gather(@crowds);
my $after = stats();

push @wrong, map { "$_ ($sum->{wrong}{$_} times)" } sort keys %{ $sum->{wrong} };

for my $name (sort keys %{ $after->{namespaces} }) {
    my $now = $after->{namespaces}{$name};
    my $made = $now->{totalRequests}
               - $before->{namespaces}{$name}{totalRequests};
    my $least = $sum->{counted}{$name} || 0;
    my $most = $least + ($sum->{maybe}{$name} || 0);

    push @wrong, "$made requests counted in $name, not $least to $most"
        if $made < $least || $made > $most;
    push @wrong, "the outcomes of $name are not $now->{totalRequests}"
        if total($now) != $now->{totalRequests};
}

for my $name (sort keys %{ $after->{sources} }) {
    my $opened = $after->{sources}{$name}{breaker}{transitions};

    push @wrong, "the breaker of $name moved $opened times" if $opened;
}

push @wrong, map { "the upstream saw $_" } @{ $weather->report->{wrong} };

# a save leaves its pipe until the next interval of "persist"
my $ended;
within(25, sub { ($ended = resting()) eq $began });

push @wrong, "descriptors: $began at first, $ended in the end"
    if $began ne $ended;
push @wrong, 'workers have been replaced'
    if join(' ', @workers) ne join ' ', sort { $a <=> $b } $nginx->children;

my @measured = grep { $_->{s} > 60 * $minutes / 5 } @rows;

for my $name (grep { /kB|fds/ } @columns) {
    my $grown = growth($name, @measured);
    my $allowed = $name =~ /^kB/ ? 512 : $name =~ /^fds/ ? 3
                  : $measured[0]{$name} / 10;
    my $flat = $grown <= $allowed;

    printf "%-10s %+10.1f over %d s, at most %.0f: %s\n", $name, $grown,
        $measured[-1]{s} - $measured[0]{s}, $allowed,
        $flat ? 'flat' : 'it grows';
    push @wrong, "$name grows" unless $flat;
}

push @wrong, 'nginx did not end well' if $nginx->stop;
push @wrong, "log: $_" for split /\n/, $nginx->trouble;

print "$sum->{requests} requests, the slowest answer took $sum->{longest} ms\n";

if (@wrong) {
    print "FAILED, SEED=$seed, logs are in $nginx->{root}:\n";
    print '  ', substr($_, 0, 400), "\n" for @wrong;
    exit 1;
}

File::Path::remove_tree($nginx->{root});
print "passed, SEED=$seed\n";
