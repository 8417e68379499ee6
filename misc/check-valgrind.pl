#!/usr/bin/env perl
#
# misc/check-valgrind.pl FOLDER
#
# Searches the logs of valgrind in a folder, one a process, for findings with a
# function of ours in one of their stacks; prints those and fails.

use strict;
use warnings;


my ($dir) = @ARGV;

die "usage: $0 FOLDER\n" unless defined $dir;

my @logs = glob "$dir/*";
my (%report, %block);

if (!@logs) {
    print "valgrind: it did not run\n";
    exit 1;
}


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

@ARGV = @logs;

while (<>) {
    next unless /^==(\d+)==(?: (.*))?$/;

    my ($pid, $line) = ($1, defined $2 ? $2 : '');

    if ($line eq '') {
        end_of($pid);
    } else {
        $block{$pid} .= "$line\n";
    }
}

end_of($_) for keys %block;

print "valgrind: a finding in our code:\n$_\n" for sort values %report;

printf "valgrind: %d processes, %d findings in our code\n", scalar @logs,
       scalar keys %report;

exit(%report ? 1 : 0);
