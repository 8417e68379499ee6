package Metrics;

# What /metrics has, read from the code, and the tools of Prometheus that look
# at what is written about it.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();

use CSource;

our @EXPORT = qw(metrics series_of strangers tool promtool);


# Of the folder with the code: a reference to { name => type }, empty where it
# has no metrics.  They are the table of sector_metrics.c, and
# sector_cache_X_total of each row of sector_stats.h that is no outcome.

sub metrics {
    my ($dir) = @_;
    my %metrics;

    return \%metrics unless -e "$dir/sector_metrics.c";

    my $text = slurp("$dir/sector_metrics.c");

    $metrics{$1} = $2
        while $text =~ /\bX\(\w+,\s*"(sector_cache_\w+)",\s*"(\w+)"/g;

    $text = slurp("$dir/sector_stats.h");

    while ($text =~ /^#define SECTOR_STATS_\w*EVENTS\(X\)(.*?)\n\n/gms) {
        my $rows = $1;

        while ($rows =~ /\bX\(\w+,\s*"(\w+)"/g) {
            my $name = $1;
            $name =~ s/([A-Z])/_\l$1/g;
            $metrics{"sector_cache_${name}_total"} = 'counter';
        }
    }

    return \%metrics;
}


# The names that a query may have: a reference to { name => 1 }.

sub series_of {
    my ($metrics) = @_;

    return { map { my $name = $_;
                   map { ("$name$_" => 1) }
                       $metrics->{$name} eq 'histogram'
                       ? qw(_bucket _sum _count) : '' }
             keys %$metrics };
}


# The names in a query, or a file of rules, that the code does not have.

sub strangers {
    my ($text, $series) = @_;
    my %strange;

    while ($text =~ /\b(sector_cache_\w+)/g) {
        $strange{$1} = 1 unless $series->{$1};
    }

    return sort keys %strange;
}


# Where a program is, undefined if it is not there: on the path, or where
# misc/deps.sh puts what it unpacks.

sub tool {
    my ($name) = @_;
    my @dirs = split /:/, $ENV{PATH};

    push @dirs, "$ENV{BUILD}/tools" if $ENV{BUILD};

    for (@dirs) {
        return "$_/$name" if -x "$_/$name" && !-d _;
    }

    return undef;
}


# Runs promtool; returns what it said where it has failed, else an empty
# string.

sub promtool {
    my (@arguments) = @_;
    my $said = File::Temp->new;
    my $pid = fork;

    die "cannot fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        open STDOUT, '>&', $said;
        open STDERR, '>&', $said;
        exec { $arguments[0] } @arguments;
        exit 127;
    }

    waitpid $pid, 0;

    return '' if $? == 0;

    my $words = slurp($said->filename);

    return $words =~ /\S/ ? $words : "status $?";
}


1;
