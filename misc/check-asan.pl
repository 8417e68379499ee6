#!/usr/bin/env perl
#
# misc/check-asan.pl FILE-OR-FOLDER ...
#
# Searches what sanitizers wrote for findings; prints each one once, and fails.
# Anything that AddressSanitizer or UndefinedBehaviorSanitizer says is one, in
# whose code it may be.  A leak is one if a function of ours allocated it, or
# jansson or zlib did: nginx itself leaves some memory to the end of its
# processes, and with it what we took from a pool of its own.

use strict;
use warnings;

use File::Find;


my $ours = qr/\bin[ ](?:ngx_http_)?sector_\w+
              |\/ngx_sector_cache_module\/\S+\.[ch]:\d/x;

# Nobody else in nginx uses jansson, and nginx lets zlib allocate from a pool.
# The stacks of both often end in them, before any function of ours: they are
# built without the frame pointers by which stacks are walked.
my $for_us = qr/\blib(?:jansson|z)\.so|\bin[ ](?:json|deflate|inflate)\w+/x;

# Whoever creates a pool has to destroy it; what is in it goes with it.
my $pool = qr/\bin[ ]ngx_(?:p|pn|pc)alloc\b|\bin[ ]ngx_pmemalign\b
              |\bin[ ]ngx_palloc_\w+/x;

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


# A leak's stack begins with who allocated.  A non-empty json_t and its members
# point at each other, so that all of it counts as held by something: indirect.

sub is_ours {
    my ($leak) = @_;
    my $indirect = $leak =~ /^Indirect/;
    my $pooled = 0;

    for my $frame ($leak =~ /^\s*\#\d+\s(.*)$/mg) {
        $pooled ||= $frame =~ $pool;

        return !($pooled && $indirect) if $frame =~ $ours;
        return !$pooled if $frame =~ $for_us;
    }

    return 0;
}


sub search {
    my ($text) = @_;

    while ($text =~ /^((?:Direct|Indirect) leak of .*?)(?:\n\n|\z)/smg) {
        my $leak = $1;

        if (is_ours($leak)) {
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

# A clean run may write no report at all, but its folder and its log exist.
for (@ARGV) {
    die "$_: $!\n" unless -e;
}

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
