package Upstream::Nginx;

# An nginx with a master and workers in a folder of its own, for tests that
# signal its processes.

use strict;
use warnings;

use Ending ();
use File::Basename qw(dirname);
use File::Path ();
use File::Spec;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my $valgrind = '--num-callers=60 --tool=memcheck --leak-check=full'
               . ' --keep-debuginfo=yes --show-possibly-lost=no';


# Options: http, the text of the http block, where %PORT% is the port and
# %SAYS:404% passes a request to a provider that says 404 to all; workers;
# main, directives beside that block; connections, how many a worker may have.
# Returns when it answers.
sub new {
    my ($class, %option) = @_;

    my $below = dirname($ENV{TEST_NGINX_SERVROOT} || '');
    $below = File::Spec->tmpdir unless $ENV{TEST_NGINX_SERVROOT}
                                       && -d $below && -w $below;

    my $self = bless {
        owner => $$,
        port => free_port(),
        workers => $option{workers} || 1,
        main => $option{main},
        connections => $option{connections} || 512,
        root => File::Temp::tempdir('sector-nginx-XXXXXX', DIR => $below),
        binary => $ENV{TEST_NGINX_BINARY} || 'nginx',
    }, $class;

    $Upstream::Port = $self->{port};

    mkdir "$self->{root}/logs";
    mkdir "$self->{root}/html";
    $self->write_config($option{http});

    my @command = ($self->{binary}, '-p', "$self->{root}/",
                   '-e', "$self->{root}/logs/error.log",
                   '-c', "$self->{root}/nginx.conf");

    if ($ENV{TEST_NGINX_USE_VALGRIND}) {
        unshift @command, 'valgrind', split(' ', $valgrind),
            -f 'valgrind.suppress' ? '--suppressions=valgrind.suppress' : ();
    }

    $self->{pid} = fork;
    die "cannot fork: $!" unless defined $self->{pid};

    if ($self->{pid} == 0) {
        open STDOUT, '>', '/dev/null';
        exec @command or POSIX::_exit(127);
    }

    Upstream::wait_for('nginx answers', sub {
        die "nginx ended at once: " . $self->log
            if waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
        return Upstream::get('/pid')->{status} == 200;
    });

    return $self;
}


# Below the ports that the kernel chooses, and not one that the other tests
# use.
sub free_port {
    my ($from, $to) = split /-/, $ENV{SECTOR_PORTS} || '10000-31999';

    for (1 .. 200) {
        my $port = $from + int rand($to + 1 - $from);

        my $held = IO::Socket::INET->new(Listen => 1, LocalPort => $port,
                                         LocalAddr => '127.0.0.1');
        return $port if $held;
    }

    die "no free port found\n";
}


# Every connection is answered by the worker that the kernel picks.
sub write_config {
    my ($self, $http) = @_;
    my ($module, $user) = ('', $> == 0 ? 'user root;' : '');

    for my $name (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} || '') {
        $module .= "load_module $name;\n";
    }

    # that failed keys wait is tested where it is said how long
    $http =~ s/(sector_cache_source\s+\S+?)(?=[\s;])(?![^;]*\shold=)/$1 hold=0/g;

    $http =~ s/%PORT%/127.0.0.1:$self->{port} reuseport/g;
    $http =~ s/%PID%/location = \/pid { return 200 \$pid; }/g;

    my %said = map { $_ => 1 } $http =~ /%SAYS:(\d+)%/g;

    $http =~ s/%SAYS:(\d+)%/proxy_pass http:\/\/unix:$self->{root}\/$1.sock;/g;
    $http .= "server { listen unix:$self->{root}/$_.sock; access_log off;"
             . " return $_ '{\"error\":\"it says $_\"}'; }\n" for sort keys %said;

    open my $out, '>', "$self->{root}/nginx.conf" or die $!;
    print $out <<"END";
$module
$user
@{[$self->{main} || '']}
daemon off;
worker_processes $self->{workers};
error_log logs/error.log info;
pid logs/nginx.pid;
events { worker_connections $self->{connections}; }
http {
access_log logs/access.log;
$http
}
END
    close $out or die $!;
}


sub log {
    my ($self) = @_;

    open my $in, '<', "$self->{root}/logs/error.log" or return '';
    local $/;

    return scalar <$in>;
}


sub signal {
    my ($self, $signal) = @_;

    return kill $signal, $self->{pid};
}


# The workers that answer connections now, or the one of a single answer.
sub worker { return Upstream::get('/pid')->{body} }


# The processes that the master has, from /proc.
sub children {
    my ($self) = @_;
    my $task = "/proc/$self->{pid}/task/$self->{pid}/children";

    open my $in, '<', $task or return;
    my $line = <$in>;

    return defined $line ? split ' ', $line : ();
}


# Waits until connections are answered by exactly as many processes as there
# should be, none of them one of these; returns their ids.
sub workers {
    my ($self, @gone) = @_;

    return @{ Upstream::wait_for("$self->{workers} workers answer", sub {
        my %seen;

        for (1 .. 8 * $self->{workers}) {
            my $pid = $self->worker or return;
            $seen{$pid} = 1;
        }

        return if grep { $seen{$_} } @gone;
        return keys %seen == $self->{workers} && [ sort keys %seen ];
    }) };
}


# The workers that have a connection to a port of this machine.
sub calling {
    my ($self, $port) = @_;
    my ($hex, %inode) = sprintf '%04X', $port;

    open my $in, '<', '/proc/net/tcp' or die "tcp: $!";

    while (my $line = <$in>) {
        my @field = split ' ', $line;
        $inode{$field[9]} = 1 if $field[2] =~ /:$hex$/ && $field[3] eq '01';
    }

    return grep {
        grep { (readlink $_ || '') =~ /^socket:\[(\d+)\]/ && $inode{$1} }
            glob "/proc/$_/fd/*"
    } $self->children;
}


# A connection, to go on with, of any worker but this one.
sub of_another {
    my ($self, $worker) = @_;

    for (1 .. 200) {
        my $client = Upstream::begin('/pid', keep => 1);
        my $pid = Upstream::finish($client)->{body};

        return $client if $pid && $pid != $worker;
        close $client;
    }

    die "no other worker answers\n";
}


# How a client that waits at another worker than this one learns that there is
# an answer: "woken", or "late", or "unknown".
#
# Who waits looks for himself, for the first time 250 ms after he came.  Before
# he comes a timer of 240 ms is set, by a request of the same worker for /mark,
# whose upstream, UPSTREAM, keeps silent: whatever the worker is held up by,
# that request is answered first, unless the client is woken.  For that nobody
# else may have waited at that worker.
#
# The functions wait until the client waits, and have the answer come.
sub learns {
    my ($self, $worker, $upstream, $path, $waits, $come) = @_;
    my ($mark, $client) = map { $self->of_another($worker) } 1, 2;
    my $marks = $upstream->calls('/mark/');

    Upstream::begin('/mark', keep => $mark);
    Upstream::wait_for('the timer is set',
                       sub { $upstream->calls('/mark/') > $marks });
    Upstream::begin($path, keep => $client);
    $waits->();

    my $either = IO::Select->new($mark, $client);
    my $is_late = $either->can_read(0);

    $come->();

    my @first = $either->can_read(Upstream::scaled(20));
    my $status = Upstream::finish($client)->{status};

    return $status != 200 ? "status $status"
           : $is_late || @first != 1 ? 'unknown'
           : $first[0] == $client ? 'woken' : 'late';
}


# What /mark is, for learns().
sub mark {
    my ($upstream) = @_;

    return 'location = /mark { proxy_read_timeout 240ms; proxy_pass'
           . " http://127.0.0.1:@{[ $upstream->port ]}/stall/mark/X; }";
}


# Reloads, perhaps with another http block, and waits for the new workers.
sub reload {
    my ($self, $http) = @_;
    my @old = $self->workers;

    $self->write_config($http) if defined $http;
    $self->signal('HUP');

    # a worker accepts connections until it says this
    $self->wait_for_log(qr/ $_#\d+: gracefully shutting down/) for @old;

    return $self->workers(@old);
}


# Waits until a line of the error log is as it should be.
sub wait_for_log {
    my ($self, $pattern) = @_;

    return Upstream::wait_for("the error log has $pattern",
                              sub { $self->log =~ $pattern });
}


# Ends it as asked, and returns the exit status; by force in the end.
sub stop {
    my ($self, $signal) = @_;
    my $until = time + Upstream::scaled(20);

    return unless $self->{pid};

    $self->signal($signal || 'QUIT');

    until (waitpid($self->{pid}, POSIX::WNOHANG()) > 0) {
        if (time > $until) {
            my @children = $self->children;
            kill 'KILL', $self->{pid}, @children;
            waitpid $self->{pid}, 0;
            last;
        }

        sleep 0.01;
    }

    $self->{pid} = 0;

    return $?;
}


# What nobody wants to see in a log; what is expected is taken out.
sub trouble {
    my ($self, @expected) = @_;

    return join '', grep { my $line = $_; !grep { $line =~ $_ } @expected }
                    grep { /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error/ }
                    $self->log =~ /^.*\n/mg;
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return unless $$ == $self->{owner};

    my $signals = Ending::hold();

    $self->stop($Ending::hurried ? 'TERM' : 'QUIT');
    File::Path::remove_tree($self->{root}) unless $ENV{TEST_NGINX_NO_CLEAN};
    Ending::release($signals);
}


1;
