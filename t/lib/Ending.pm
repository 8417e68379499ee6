package Ending;

# A test that is ended from outside, by a signal or since nobody reads any more
# what it says, ends as it would by itself: its END blocks and destructors end
# nginx, and whatever else it has started, and remove its folders.  A process
# that it has forked has none of that to do; with beside() it ends with the test,
# whatever that dies of.

use strict;
use warnings;

use POSIX ();
use Test::More ();
use Time::HiRes ();

our $hurried;

my $owner = $$;
my @signals = qw(HUP INT PIPE TERM);
my %beside;

# what is ignored, by nohup for one, still is
for my $signal (@signals) {
    $SIG{$signal} = \&leave unless ($SIG{$signal} || '') eq 'IGNORE';
}


sub leave {
    POSIX::_exit(1) if $$ != $owner;

    # once, and to the end, whether or not anybody reads what is said
    @SIG{@signals} = ('IGNORE') x @signals;

    # nothing waits for clients, nor does Test::Nginx
    $hurried = 1;
    $ENV{TEST_NGINX_FAST_SHUTDOWN} = 1;

    exit 1;
}


# Has signals wait until release(), for what must not be left half done.
sub hold {
    my $before = POSIX::SigSet->new;

    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new(
        POSIX::SIGHUP(), POSIX::SIGINT(), POSIX::SIGPIPE(), POSIX::SIGTERM()),
        $before);

    return $before;
}


sub release { POSIX::sigprocmask(POSIX::SIG_SETMASK(), $_[0]) }


# Runs a function in a process of its own, and returns its id for gone().  What
# it does for long it does until left().
sub beside {
    my ($function) = @_;
    my $pid = fork;

    die "cannot fork: $!" unless defined $pid;

    if ($pid) {
        $beside{$pid} = 1;
        return $pid;
    }

    # whoever reads what the test says waits for all who might say something
    my $builder = Test::More->builder;

    open STDOUT, '>', '/dev/null';
    close $_ for $builder->output, $builder->failure_output,
                 $builder->todo_output;

    eval { $function->(); 1 } or print STDERR "a process of $0: $@";
    POSIX::_exit(0);
}


# Whether the test is no more; asked by a process beside it.
sub left { return getppid != $owner }


# Waits until one is gone, after a signal if one is given.
sub gone {
    my ($pid, $signal) = @_;

    kill $signal, $pid if $signal;
    waitpid $pid, 0;
    delete $beside{$pid};
}


# Test::Nginx ends the nginx of which it finds the process id in a file; one
# that was only just started has it there a moment later.
END {
    my $file = $Test::Nginx::Util::PidFile;

    if ($$ == $owner) {
        local $?;

        gone($_, 'KILL') for keys %beside;

        for (1 .. 20) {
            last if !$hurried || !defined $file || -s $file;
            Time::HiRes::sleep(0.01);
        }
    }
}


1;
