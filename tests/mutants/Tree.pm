package Tree;

# A copy of the project in a folder of its own, in which a fault can be put
# into a file, and in which tests run that are stopped at the first that fails.

use strict;
use warnings;

use CSource;
use File::Basename;
use File::Copy ();
use File::Find;
use File::Path;
use IO::Select;
use POSIX ();
use Time::HiRes qw(time);


our $sources = 'ngx_sector_cache_module';

# what each needs to run and no fault may outgrow
my $file_kilobytes = 1024 * 1024;
my $memory_megabytes = 1500;


# top, dir, ports: "from-to", env: more of the environment

sub new {
    my ($class, %given) = @_;
    my $self = bless { %given }, $class;

    $self->{env} = {
        %{ $given{env} },
        BUILD => "$given{dir}/build", SECTOR_PORTS => $given{ports},
        SECTOR_FIXTURES => $ENV{SECTOR_FIXTURES} // '../shared/fixtures',
        TEST_VERBOSE => 1,
        ASAN_OPTIONS => "hard_rss_limit_mb=$memory_megabytes",
    };

    $self->follow;

    return $self;
}


# Only what has changed is written, for make.

sub follow {
    my ($self) = @_;
    my ($top, $dir) = @$self{qw(top dir)};
    my %there;

    mkpath("$dir/build");

    find({ no_chdir => 1, wanted => sub {
        my $path = $File::Find::name =~ s{^\Q$top\E/?}{}r;

        if ($path =~ m{^(?:\.git|build|t/servroot\w*)$}
            || $File::Find::name eq $self->{beside})
        {
            $File::Find::prune = 1;

        } elsif (-f) {
            $there{$path} = 1;
            put($_, "$dir/$path");
        }
    } }, $top);

    find({ no_chdir => 1, wanted => sub {
        my $path = $File::Find::name =~ s{^\Q$dir\E/?}{}r;

        if ($path =~ m{^(?:build|t/servroot\w*)$}) {
            $File::Find::prune = 1;
        } elsif (-f && !$there{$path}) {
            unlink;
        }
    } }, $dir);

    # what was unpacked for tests need not be had again
    for my $name (qw(tools .deps)) {
        symlink "$self->{beside}/$name", "$dir/build/$name"
            if -e "$self->{beside}/$name";
    }
}


sub put {
    my ($from, $to) = @_;

    return if -f $to && -s $from == -s $to && same($from, $to);

    mkpath(dirname($to));
    unlink $to;
    File::Copy::copy($from, $to) or die "$to: $!\n";
    chmod +(stat $from)[2] & 07777, $to;
}


sub same {
    my @text = map { open my $in, '<:raw', $_ or die "$_: $!\n";
                     local $/; <$in> } @_;

    return ($text[0] // '') eq ($text[1] // '');
}


sub make { my ($self, @what) = @_; return $self->run([ 'make', @what ], 900) }


# Runs a command in the tree: 'good', 'bad', 'late', or 'red', if it was ended
# since a test failed.  All that it said is in $self->{said}.

sub run {
    my ($self, $command, $seconds) = @_;
    my $until = time + $seconds;
    my ($out, $outcome, $rest) = (undef, '', '');

    my $pid = open($out, '-|') // die "cannot fork: $!\n";
    $self->child(@$command) if !$pid;

    $self->{said} = '';

    # whoever is told to end leaves nothing behind
    local @SIG{qw(INT TERM)} = (sub {
        end($pid);
        $self->leave_nothing;
        POSIX::_exit(1);
    }) x 2;

    while (1) {
        my $left = $until - time;

        if ($left <= 0 || !IO::Select->new($out)->can_read($left)) {
            $outcome = 'late';
            last;
        }

        sysread $out, my $text, 65536 or last;
        $self->{said} .= $text;
        $rest .= $text;

        if ($rest =~ /^not ok\b(?!.*# (?:SKIP|TODO))/m && $rest =~ /\n\z/) {
            $outcome = 'red';
            last;
        }

        $rest =~ s/.*\n//s;
    }

    end($pid) if $outcome;
    $self->leave_nothing if $outcome;
    close $out;

    return $outcome || ($? ? 'bad' : 'good');
}


sub child {
    my ($self, @command) = @_;

    POSIX::setpgid(0, 0);
    chdir $self->{dir} or die "$self->{dir}: $!\n";
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS T N SEED ID FILES JOBS)};
    @ENV{keys %{ $self->{env} }} = values %{ $self->{env} };
    open STDERR, '>&', \*STDOUT;
    open STDIN, '<', '/dev/null';

    { exec '/bin/bash', '-c', "ulimit -f $file_kilobytes; exec nice \"\$@\"",
           'bash', @command }
    POSIX::_exit(127);
}


# The group is told to end, and after a while is ended.

sub end {
    my ($pid) = @_;

    kill 'TERM', -$pid;

    for (1 .. 150) {
        return if !kill 0, -$pid;
        return if waitpid($pid, POSIX::WNOHANG()) > 0;
        Time::HiRes::sleep(0.1);
    }

    kill 'KILL', -$pid;
}


# What still runs in the tree is a process that a fault keeps from ending.

sub leave_nothing {
    my ($self) = @_;

    for (1 .. 20) {
        my @left = grep { (readlink("/proc/$_/cwd") // '')
                          =~ m{^\Q$self->{dir}\E(?:/|$)} }
                   map { m{(\d+)$} } glob '/proc/[0-9]*';

        return if !@left;

        Time::HiRes::sleep(0.1);
        kill 'KILL', @left if $_ > 5;
    }
}


# ---- Tests.  A test is named by its file: tests/test_x.c or t/10-x.t.

sub built {
    my ($self, $name) = @_;

    return 'good' if $name !~ m{^tests/(\w+)\.c$};
    return $self->make('-s', "$self->{dir}/build/tests/$1");
}


sub test {
    my ($self, $name, $seconds) = @_;
    my $built = $self->built($name);

    return $built if $built ne 'good';

    if ($name =~ m{^tests/(\w+)\.c$}) {
        return $self->run([ 'env', 'CMOCKA_MESSAGE_OUTPUT=TAP',
                            "build/tests/$1" ], $seconds);
    }

    local $self->{env}{T} = $name;

    return $self->run([ 'misc/test.sh', 'nginx' ], $seconds);
}


# ---- Faults.

# The assembly of a source as it is now, or undef if it does not compile.

sub assembly {
    my ($self, $name) = @_;
    my $to = "$self->{dir}/build/assembly.s";
    my $how = $self->{how}{$name} //= $self->compiled_by($name);

    unlink $to;
    return if $self->run([ '/bin/bash', '-c', "$how -S -g0 -O2 -o $to" ], 60)
              ne 'good';

    return slurp($to);
}


sub compiled_by {
    my ($self, $name) = @_;

    if (layer_of($name) < 2) {
        return "$self->{cc} -std=gnu11 -w $self->{strict} -I$sources"
               . ' -DSECTOR_STORE_TEST $(pkg-config --cflags jansson)'
               . " $sources/$name";
    }

    (my $object = $name) =~ s/c$/o/;

    $self->run([ 'make', '-C', 'build/nginx', '-f', 'objs/Makefile', '-n',
                 '-W', "$self->{dir}/$sources/$name",
                 "objs/addon/$sources/$object" ], 60) eq 'good'
        or die "$name: how is it compiled?\n$self->{said}";

    my ($how) = $self->{said} =~ /^([^\n]*(?:\\\n[^\n]*)*\s-o\s[^\n]*
                                   (?:\\\n[^\n]*)*\Q$name\E)/mx
        or die "$name: how is it compiled?\n$self->{said}";

    $how =~ s/\\\n/ /g;
    $how =~ s/\s-o\s+\S+//;
    $how =~ s/\s-c\b//;

    return "cd build/nginx && $how";
}


sub path { my ($self, $name) = @_; return "$self->{dir}/$sources/$name" }


# Puts a text in a source's place, or what was there back.

sub change {
    my ($self, $name, $text) = @_;
    my $path = $self->path($name);

    $self->{was} = [ $path, (stat $path)[9], slurp($path) ];
    write_file($path, $text);
}


sub restore {
    my ($self, $name) = @_;
    my ($path, $mtime, $text) = @{ $self->{was} };
    (my $object = $name) =~ s/c$/o/;
    my $build = "$self->{dir}/build";

    write_file($path, $text);
    utime $mtime, $mtime, $path;

    # all that was made of it is made again, when it is wanted
    unlink "$build/tests/plain/$object", "$build/tests/hooks/$object",
           "$build/nginx/objs/addon/$sources/$object",
           glob("$build/nginx/objs/*.so"),
           grep { -f && -x && !/\.so$/ } glob "$build/tests/{test,torture}_*";
    unlink "$build/tests/slab_test_module.so" if $name =~ /slab|store|stats/;
}


sub write_file {
    my ($path, $text) = @_;

    open my $out, '>:encoding(UTF-8)', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
}


1;
