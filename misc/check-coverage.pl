#!/usr/bin/env perl
#
# misc/check-coverage.pl FILE
#
# Reads gcovr's JSON report; prints lines and branches that the tests reached,
# a file a line with the lines that they did not, and fails below the bars.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use CSource;
use JSON::PP ();


my %bar = (lines => 92, branches => 95);    # per cent; branches of layer 0

my ($report) = @ARGV;

die "usage: $0 FILE\n" unless defined $report;

my (%total, %layer0);


sub percent {
    my ($reached, $of) = @_;

    return $of ? 100 * $reached / $of : 100;
}


# Lines as ranges: 7-9,12

sub ranges {
    my @ranges;

    for my $line (@_) {
        if (@ranges && $ranges[-1][1] == $line - 1) {
            $ranges[-1][1] = $line;
        } else {
            push @ranges, [$line, $line];
        }
    }

    return join ',', map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" }
                     @ranges;
}


sub show {
    my ($name, $count, @unreached) = @_;

    printf "%-44s %5.1f %5d %5.1f %5d  %s\n", $name,
           percent(@$count{qw(lines_hit lines)}), $count->{lines},
           percent(@$count{qw(branches_hit branches)}), $count->{branches},
           ranges(@unreached);
}


my $json = JSON::PP->new->decode(slurp($report));

printf "%-44s %5s %5s %5s %5s  %s\n", 'file', 'lines', 'of', 'br.', 'of',
       'lines not reached';

for my $file (sort { $a->{file} cmp $b->{file} } @{ $json->{files} }) {
    (my $name = $file->{file}) =~ s{.*/}{};
    my $layer = layer_of($name);
    my @unreached;
    my %count = map { $_ => 0 } qw(lines lines_hit branches branches_hit);

    for my $line (@{ $file->{lines} }) {
        next if $line->{'gcovr/noncode'};

        $count{lines}++;
        $count{lines_hit}++ if $line->{count};
        push @unreached, $line->{line_number} if !$line->{count};

        for my $branch (@{ $line->{branches} }) {
            $count{branches}++;
            $count{branches_hit}++ if $branch->{count};
        }
    }

    show($name, \%count, @unreached);

    for (keys %count) {
        $total{$_} += $count{$_};
        $layer0{$_} += $count{$_} if defined $layer && $layer == 0;
    }
}

# none of none would be all
die "coverage: nothing was measured\n" unless $total{lines};
die "coverage: no branches of layer 0 were measured\n"
    unless $layer0{branches};

show('layer 0', \%layer0);
show('all', \%total);

my $lines = percent(@total{qw(lines_hit lines)});
my $branches = percent(@layer0{qw(branches_hit branches)});

printf "coverage: lines %.1f %% (bar: %d %%), branches of layer 0 %.1f %%"
       . " (bar: %d %%)\n", $lines, $bar{lines}, $branches, $bar{branches};

exit($lines < $bar{lines} || $branches < $bar{branches} ? 1 : 0);
