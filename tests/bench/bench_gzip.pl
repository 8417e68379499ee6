#!/usr/bin/env perl
#
# bench_gzip.pl: what does it cost that an answer from memory is compressed?
#
# Instructions of one request, counted by callgrind: the difference between
# two runs that differ in the number of requests alone, so that start and end
# cancel out.  A warm snapshot, plain and compressed, and a warm sector beside
# it.  What they answer with is stored by an earlier run, and read from a file:
# nothing is left to be deflated.
#
# Fails if a function of zlib that is about deflating ran at all, if one that is
# not about checksums ran for a request, or if a compressed snapshot costs more
# than 1.2 plain ones.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use File::Temp qw(tempdir);
use Upstream;
use Wire;

my ($few, $many, $bar) = (200, 1200, 1.2);
my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = tempdir('sector-bench-XXXXXX', CLEANUP => 1, TMPDIR => 1);

# A wrapper, since an nginx of the tests is started by its name alone; the
# signals that end it reach nginx through valgrind.
$ENV{TEST_NGINX_BINARY} = "$dir/nginx";
delete $ENV{TEST_NGINX_USE_VALGRIND};

open my $out, '>', "$dir/nginx" or die "$dir/nginx: $!";
print $out <<"END";
#!/bin/sh
exec valgrind -q --tool=callgrind --callgrind-out-file=$dir/out $nginx "\$@"
END
close $out or die "$dir/nginx: $!";
chmod 0755, "$dir/nginx";

my $sector = join ',', '{"symbol":"$sym"',
    '"name":"Fund $sym","price":285.17,"change":1.76,"changePercent":0.6211',
    '"volume":6214530,"timestamp":1795208400000,"currency":"USD"',
    '"longName":"Select Sector SPDR Fund $sym","marketState":"REGULAR"',
    '"dayHigh":286.05,"dayLow":282.66,"previousClose":283.41',
    '"fiftyTwoWeekHigh":298.74,"fiftyTwoWeekLow":172.45}';

run($_, 'plain', 0) for '/api/snapshot', '/api/XLK';

my %cost;

for my $path ('/api/snapshot', '/api/XLK') {
    for my $encoding ('plain', 'gzip') {
        my $less = run($path, $encoding, $few);
        my $more = run($path, $encoding, $many);

        $cost{$path}{$encoding} = {
            bytes => $more->{bytes},
            map { my $what = $_;
                  $what => { map { $_ => ($more->{$what}{$_}
                                          - ($less->{$what}{$_} || 0))
                                         / ($many - $few) }
                                 keys %{ $more->{$what} } } }
                qw(total zlib)
        };
    }
}

my $failed = 0;

printf "%-14s %7s %14s %14s %14s\n", 'warm', 'bytes', 'instructions',
    'of zlib', 'of deflate';

for my $path (sort keys %cost) {
    for my $encoding ('plain', 'gzip') {
        my $c = $cost{$path}{$encoding};
        my ($zlib, $deflate) = (0, 0);

        for my $name (keys %{ $c->{zlib} }) {
            $zlib += $c->{zlib}{$name};
            next if $name =~ /crc32|^multmodp|^x2nmodp/;

            # a name that has been stripped off is not a checksum's
            $deflate += abs $c->{zlib}{$name};
        }

        printf "%-14s %7d %14.0f %14.0f %14.0f\n",
            ($path =~ s{.*/}{}r) . " $encoding", $c->{bytes},
            $c->{total}{all}, $zlib, $deflate;

        if ($deflate > 0) {
            print "zlib does more than checksums\n";
            $failed = 1;
        }

        if (my @ran = grep { /deflate/i } keys %{ $c->{zlib} }) {
            print "zlib deflated: @ran\n";
            $failed = 1;
        }
    }
}

for my $path (sort keys %cost) {
    my $ratio = $cost{$path}{gzip}{total}{all}
                / $cost{$path}{plain}{total}{all};

    printf "%s: %.3f times the plain one\n", $path =~ s{.*/}{}r, $ratio;
    $failed = 1 if $path =~ /snapshot/ && $ratio > $bar;
}

print $failed ? "more than it may cost\n" : "within $bar, and nothing deflated\n";
exit $failed;


# Instructions of a run of so many requests: all, and those of each function
# of zlib.
sub run {
    my ($path, $encoding, $n) = @_;

    unlink "$dir/out";

    my $server = Upstream::Nginx->new(main => 'master_process off;',
                                      http => <<"END");
sector_cache_zone sectors 1m ttl=1h persist=$dir/sectors;
sector_cache_zone snapshots 1m ttl=1h persist=$dir/snapshots;
sector_cache_source up;
sector_cache_gzip on;
keepalive_requests 1000000;
access_log off;
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location ~ ^/fetch/(?<sym>.*) {
        internal;
        default_type application/json;
        return 200 '$sector';
    }
}
END

    my $wire = Wire->new($server->{port});
    my @lines = $encoding eq 'gzip' ? ('Accept-Encoding: gzip') : ();
    my $bytes;

    for (0 .. $n) {
        my $got = $wire->get($path, lines => \@lines);

        $got->{status} == 200
            && ($got->{h}{'content-encoding'} || 'plain') eq $encoding
            && ($n == 0 || $got->{h}{'cache-status'} =~ /; hit;/)
            or die "$path, $encoding: a wrong answer\n";
        $bytes = length $got->{body};
    }

    $server->stop;

    return if $n == 0;

    my %cost = (bytes => $bytes, total => {}, zlib => {});

    for (`callgrind_annotate --threshold=100 --show-percs=no $dir/out 2>&1`) {
        my ($count, $what) = /^\s*([\d,]+)\s+(?:\([^)]*\)\s+)?(.*)/ or next;
        $count =~ tr/,//d;

        if ($what =~ /PROGRAM TOTALS/) {
            $cost{total}{all} = $count;

        } elsif ($what =~ /^\S*?:?([^:\s]+) \[.*\blibz\.so/) {
            $cost{zlib}{$1} += $count;
        }
    }

    $cost{total}{all} or die "callgrind_annotate did not say how many\n";
    $encoding eq 'plain' || grep { /crc32/ } keys %{ $cost{zlib} }
        or die "callgrind has not seen zlib's checksums\n";

    return \%cost;
}
