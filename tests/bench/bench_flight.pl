#!/usr/bin/env perl
#
# bench_flight.pl: how far apart are the clients that wait for one fetch?
#
# 200 clients on two workers ask for one cold key at once; the upstream takes
# 50 ms.  Beside ours, in the same run and nginx, proxy_cache with its lock.
# Ten rounds of ten stampedes each, in turns.  Every connection is open, and
# has been used, before the key is asked for.
#
# Fails if a stampede of ours made more than one call, or if the slowest client
# is more than 10 ms behind the fastest: in the median of all stampedes, since
# whoever else wants a core delays the last client of some.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use File::Temp qw(tempdir);
use IO::Poll qw(POLLIN);
use IO::Socket::INET;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use Upstream;

my ($rounds, $stampedes, $clients, $delay) = (10, 10, 200, 50);
my $bar = 10;       # ms
my $crlf = "\015\012";

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $cache = tempdir('sector-bench-XXXXXX', CLEANUP => 1,
                    DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');

my $nginx = Upstream::Nginx->new(workers => 2, http => <<"END");
sector_cache_zone sectors 4m ttl=10m;
sector_cache_source up;
proxy_cache_path $cache levels=1:2 keys_zone=peer:4m inactive=10m;
keepalive_requests 100000;
server {
    listen %PORT%;
    %PID%
    location /ours {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_buffering off;
        proxy_pass http://$up/slow:$delay/ours/;
    }
    location /peer/ {
        proxy_cache peer;
        proxy_cache_lock on;
        proxy_cache_key \$uri;
        proxy_cache_valid 200 10m;
        proxy_pass http://$up/slow:$delay/peer/;
    }
}
END

my %result = map { $_ => [] } qw(ours peer);
my $number = 0;

open my $load, '<', '/proc/loadavg' or die "loadavg: $!";
print "load: ", join(' ', (split ' ', <$load>)[0 .. 2]), ", $clients clients, ",
    "2 workers, upstream of $delay ms, $rounds rounds of $stampedes\n";
printf "%-6s %26s %26s\n", '', 'ours', 'proxy_cache_lock';
printf "%-6s %8s %8s %8s %8s %8s %8s\n", 'round',
    ('calls', 'median', 'spread') x 2;

for my $round (1 .. $rounds) {
    printf '%-6d', $round;

    for my $system (qw(ours peer)) {
        my @all = map { stampede($system) } 1 .. $stampedes;
        push @{ $result{$system} }, @all;

        printf ' %8s %8.1f %8.1f', most(map { $_->{calls} } @all),
            median(map { $_->{median} } @all), most(map { $_->{spread} } @all);
    }

    print "\n";
}

for my $system (qw(ours peer)) {
    my @all = @{ $result{$system} };

    printf "%s: at most %d calls a stampede; slowest less fastest client "
        . "%.1f ms median, %.1f ms at most; median client %.1f ms\n",
        $system eq 'ours' ? 'ours' : 'proxy_cache_lock',
        most(map { $_->{calls} } @all), median(map { $_->{spread} } @all),
        most(map { $_->{spread} } @all), median(map { $_->{median} } @all);
}

my @ours = @{ $result{ours} };
my $within = grep { $_->{spread} <= $bar } @ours;
my $single = grep { $_->{calls} == 1 } @ours;

printf "one call in $single of %d stampedes, within $bar ms in $within\n",
    scalar @ours;

$nginx->stop;

my $failed = 0;

if ($single < @ours) {
    print "more calls than one\n";
    $failed = 1;
}

if (median(map { $_->{spread} } @ours) > $bar) {
    print "the median spread is above $bar ms\n";
    $failed = 1;
}

exit $failed;


# One cold key, all clients at once.  Times are milliseconds.
sub stampede {
    my ($system) = @_;
    my $symbol = sprintf 'S%05d', ++$number;
    my @sockets = map { client() } 1 .. $clients;
    my (%in, %took);

    my $request = "GET /$system/$symbol HTTP/1.1${crlf}Host: x$crlf$crlf";
    my $start = clock_gettime(CLOCK_MONOTONIC);

    for my $socket (@sockets) {
        syswrite($socket, $request) == length $request or die "write: $!";
    }

    my $poll = IO::Poll->new;
    $poll->mask($_ => POLLIN) for @sockets;

    while (keys %took < $clients) {
        $poll->poll(20) > 0 or die "$system: no answer within 20 s\n";
        my $now = clock_gettime(CLOCK_MONOTONIC);

        for my $socket ($poll->handles(POLLIN)) {
            my $fd = fileno $socket;

            sysread $socket, $in{$fd}, 65536, length($in{$fd} || '')
                or die "$system: a connection ended\n";
            next unless whole($in{$fd});

            $in{$fd} =~ m{^HTTP/1.1 200} && $in{$fd} =~ /"symbol":"$symbol"/
                or die "$system: a wrong answer: $in{$fd}\n";
            $took{$fd} = 1000 * ($now - $start);
            $poll->remove($socket);
        }
    }

    my @times = sort { $a <=> $b } values %took;

    return {
        calls => $upstream->calls("/$system/$symbol"),
        median => $times[@times / 2],
        spread => $times[-1] - $times[0],
    };
}


# A connection that a worker has answered on.
sub client {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $Upstream::Port)
        or die "connect: $!";
    my $in = '';

    syswrite $socket, "GET /pid HTTP/1.1${crlf}Host: x$crlf$crlf";
    until (whole($in)) {
        sysread $socket, $in, 65536, length $in or die "warming: $!";
    }

    return $socket;
}


sub whole {
    my ($head, $body) = split /\015\012\015\012/, $_[0], 2;

    return defined $body && $head =~ /^Content-Length: (\d+)/mi
           && length $body >= $1;
}


sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[@sorted / 2] }
sub most { my ($most) = sort { $b <=> $a } @_; return $most }
