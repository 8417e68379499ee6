#!/usr/bin/env perl
#
# misc/check-valgrind.pl LOG
#
# Searches what valgrind said during a run of the tests for findings with a
# function of ours in one of their stacks; prints those and fails.

use strict;
use warnings;


my ($path) = @ARGV;
my ($runs, %report, %block) = (0);

die "usage: $0 LOG\n" unless defined $path;

open my $in, '<', $path or die "$path: $!\n";


# A finding is what one process says between two of its empty lines.

sub end_of {
    my ($pid) = @_;
    my $block = delete $block{$pid};

    return unless defined $block && $block =~ /^   (?:at|by) 0x/m;

    return unless $block =~ /\b(?:at|by)[ ]0x[0-9A-F]+:[ ]
                             (?:ngx_http_)?sector_\w+/x
                  || $block =~ /ngx_http_sector_cache_module\.so/;

    # the same place again is not news
    my $key = $block;
    $key =~ s/0x[0-9A-F]+//g;
    $key =~ s/\b[\d,]+ bytes//g;
    $report{$key} //= $block;
}

while (<$in>) {
    $runs++ if /^==\d+== Memcheck/;

    next unless /^==(\d+)==(?: (.*))?$/;

    my ($pid, $line) = ($1, defined $2 ? $2 : '');

    if ($line eq '') {
        end_of($pid);
    } else {
        $block{$pid} .= "$line\n";
    }
}

end_of($_) for keys %block;

if (!$runs) {
    print "valgrind: it did not run\n";
    exit 1;
}

print "valgrind: a finding in our code:\n$_\n" for sort values %report;

printf "valgrind: %d runs, %d findings in our code\n", $runs,
       scalar keys %report;

exit(%report ? 1 : 0);
