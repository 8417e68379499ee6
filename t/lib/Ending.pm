package Ending;

# A test that is ended from outside, by a signal or since nobody reads any more
# what it says, ends as it would by itself: its END blocks and destructors end
# nginx, and whatever else it has started, and remove its folders.  A process
# that it has forked has none of that to do.

use strict;
use warnings;

use POSIX ();
use Time::HiRes ();

our $hurried;

my $owner = $$;
my @signals = qw(HUP INT PIPE TERM);

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


# Test::Nginx ends the nginx of which it finds the process id in a file; one
# that was only just started has it there a moment later.
END {
    my $file = $Test::Nginx::Util::PidFile;

    if ($$ == $owner) {
        local $?;

        for (1 .. 20) {
            last if !$hurried || !defined $file || -s $file;
            Time::HiRes::sleep(0.01);
        }
    }
}


1;
