#!/usr/bin/env perl
#
# misc/prove.pl FILE-OR-FOLDER ...
#
# prove(1) that leaves two numbers, how many tests passed and how many failed,
# in the file named by TEST_RESULT.  A file that died, or ran other than its
# plan, counts as one failure more.
#
# SECTOR_TEST_SLOTS has a word for each file that may run at a time, with the
# ports that are its own: "FROM-TO:PORT", PORT being nginx's first.  Each of
# several has a TEST_NGINX_SERVROOT of its own, too.
#
# In what the environment tells valgrind and sanitizers, "@TEST@" is the name
# of the file that runs: numbers of processes come round again, and what one
# has said is not to be lost to another.

use strict;
use warnings;

use File::Find;
use TAP::Harness;


# What a suite did is to be seen when it is done, in a pipe as well.
$| = 1;


my @files;

for my $path (@ARGV) {
    if (-d $path) {
        find({ wanted => sub { push @files, $_ if /\.t$/ && -f },
               no_chdir => 1, follow => 1, follow_skip => 2 }, $path);

    } else {
        push @files, $path;
    }
}

my ($passed, $failed) = (0, 0);

if (@files) {
    my @slots = split ' ', $ENV{SECTOR_TEST_SLOTS} || '';
    my $servroot = $ENV{TEST_NGINX_SERVROOT};
    my %held;

    my $harness = TAP::Harness->new({
        jobs      => @slots || 1,
        verbosity => $ENV{TEST_VERBOSE} ? 1 : 0,
        failures  => 1,
        comments  => $ENV{TEST_VERBOSE} ? 1 : 0,
        lib       => [ grep { -d } 't/lib' ],
        merge     => 0,
    });

    my %said = map { $_ => $ENV{$_} } grep { /^VALGRIND_OPTS$|SAN_OPTIONS$/ }
                                      keys %ENV;

    $harness->callback(parser_args => sub {
        my $name = $_[1][0] =~ s/[^\w.-]/_/gr;
        $ENV{$_} = $said{$_} =~ s/\@TEST\@/$name/gr for keys %said;

        my $slot = $held{ $_[1][0] } = shift @slots or return;
        @ENV{qw(SECTOR_PORTS TEST_NGINX_PORT)} = split /:/, $slot;
        $ENV{TEST_NGINX_SERVROOT} = "$servroot/$ENV{TEST_NGINX_PORT}";
    });

    $harness->callback(after_test => sub {
        my $slot = delete $held{ $_[0][0] };
        push @slots, $slot if defined $slot;
    });

    my $result = $harness->runtests(sort @files);

    $passed = $result->passed;
    $failed = $result->failed;

    for my $parser ($result->parsers) {
        next if $parser->failed;
        $failed++ if $parser->parse_errors || $parser->exit;
    }

    # a plan that was not fulfilled leaves tests that neither passed nor failed

} else {
    print "there are no test files in @ARGV\n";
    $failed = 1;
}

if ($ENV{TEST_RESULT}) {
    open my $out, '>', $ENV{TEST_RESULT} or die "$ENV{TEST_RESULT}: $!\n";
    print $out "$passed $failed\n";
    close $out or die "$ENV{TEST_RESULT}: $!\n";
}

exit($failed ? 1 : 0);
