#!/usr/bin/env perl
#
# misc/check-asan.pl FILE-OR-FOLDER ...
#
# Searches what sanitizers wrote for findings; prints each one once, and fails.
# Anything that AddressSanitizer or UndefinedBehaviorSanitizer says is one, in
# whose code it may be.  A leak is one if a function of ours allocated it:
# nginx itself leaves some memory to the end of its processes.

use strict;
use warnings;

use File::Find;


my $ours = qr/\bin (?:ngx_http_)?sector_\w+/;

my (@files, %report, %times);
my $leaks = 0;


sub add {
    my ($finding) = @_;

    # the same place again is not news
    my $key = $finding;
    $key =~ s/0x[0-9a-f]+//g;
    $key =~ s/==\d+==//g;
    $key =~ s/\b[\d,]+ (?:byte|object)//g;

    $report{$key} //= $finding;
    $times{$key}++;
}


sub search {
    my ($text) = @_;

    while ($text =~ /^((?:Direct|Indirect) leak of .*?)(?:\n\n|\z)/smg) {
        my $leak = $1;

        if ($leak =~ /^Direct/ && $leak =~ $ours) {
            add($leak);

        } else {
            $leaks++;
        }
    }

    while ($text =~ /^(==\d+==ERROR:[ ]AddressSanitizer:.*?)
                     (?=^==\d+==ABORTING|\z)/smgx)
    {
        add($1);
    }

    while ($text =~ /^(\S+:[ ]runtime[ ]error:.*\n(?:[ ]+\#\d+.*\n)*)/mgx) {
        add($1);
    }

    # what none of these is, but should be looked at all the same
    while ($text =~ /^(.*Sanitizer.*)$/mg) {
        my $line = $1;

        add($line) if $line !~ /^SUMMARY|ERROR: (?:Address|Leak)Sanitizer/;
    }
}


die "usage: $0 FILE-OR-FOLDER ...\n" unless @ARGV;

find({ wanted => sub { push @files, $_ if -f }, no_chdir => 1 }, @ARGV);

for my $file (@files) {
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    search(scalar <$in>);
}

for (sort { $times{$b} <=> $times{$a} || $a cmp $b } keys %report) {
    print "asan: $times{$_} times:\n$report{$_}\n";
}

printf "asan: %d files, %d findings, %d leaks of nginx's own\n",
       scalar @files, scalar keys %report, $leaks;

exit(%report ? 1 : 0);
