#!/usr/bin/env perl
#
# tests/mutants/mutants.pl DIR
#
# Puts faults into the module's sources, one at a time and at random, and runs
# the tests that execute the line: a fault after which all of them pass is one
# that the tests do not see.  Prints those, and what share was caught; fails
# below the bars.  Nothing outside DIR is changed.
#
# From the environment:
#
#     N        how many faults, 50
#     SEED     of the draws; the first line printed says which it was
#     ID       these draws of SEED alone: 7,12
#     FILES    the sources to draw from: all; e.g. "sector_hold.c sector_f*.c"
#     JOBS     how many at a time, 1; each works in a copy of the project
#     SECTOR_PORTS   which the tests may use, shared out among the jobs
#
# The pure layers are tested by the unit tests alone, nginx's by the suites
# through nginx.  A draw that does not compile is drawn again, and so is one
# that changes nothing in what the compiler makes of the file: the latter are
# counted.  A test that takes far longer than it did counts as one that fails.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../../misc";
use CSource;
use Cover;
use Cwd ();
use Fault;
use Fcntl ':flock';
use File::Basename;
use File::Path;
use IO::Select;
use JSON::PP ();
use POSIX ();
use Tree;


$| = 1;

my %bar = ('pure layers' => 97, 'nginx layer' => 92);    # per cent

my $top = Cwd::realpath("$FindBin::Bin/../..");
my $dir = shift or die "usage: $0 DIR\n";
my $n = $ENV{N} || 50;
my $seed = $ENV{SEED} || 1 + int rand 1e6;
my %only = map { $_ => 1 } split /[ ,]+/, $ENV{ID} // '';
my $jobs = $ENV{JOBS} || 1;
my ($first_port, $last_port) = split /-/, $ENV{SECTOR_PORTS} || '10000-31999';

# Warnings are none of a fault's, but what is of another type is no argument.
# What is not set is filled, as in the builds with sanitizers.
my $strict = '-Werror=int-conversion -Werror=incompatible-pointer-types';
my $unset = '-ftrivial-auto-var-init=pattern';
my $sanitize = '-fsanitize=address,undefined -fno-sanitize-recover=undefined';

mkpath($dir);
$dir = Cwd::realpath($dir);

my (%pending, %pid, %tree);
my ($cover, %text);

@SIG{qw(INT TERM)} = (sub {
    kill 'TERM', values %pid;
    waitpid $_, 0 for values %pid;
    exit 1;
}) x 2;

main();


sub main {
    my @files = map { basename($_) } glob "$top/$Tree::sources/*.c";

    $text{$_} = slurp("$top/$Tree::sources/$_") for @files;

    $cover = Cover->new(top => $top, dir => "$dir/map",
                        name => $Tree::sources,
                        tests => [ map { substr $_, 1 + length $top }
                                   glob("$top/tests/{test,torture}_*.c"),
                                   glob("$top/t/*.t") ]);

    my @wanted = wanted(@files) or die "FILES: there is no such file\n";

    open my $lock, '>', "$dir/lock" or die "$dir/lock: $!\n";
    flock $lock, LOCK_EX | LOCK_NB or die "somebody is at work in $dir\n";

    measure(map { tests_for(room_of($_)) } @wanted);
    $cover->load;

    print "mutants: SEED=$seed, $n faults in ", scalar @wanted, " files\n";

    exit judge(try_all(@wanted));
}


sub wanted {
    my @files = @_;
    my $patterns = $ENV{FILES} // '';
    my @patterns = map { glob_pattern(basename($_)) } split /[ ,]+/, $patterns;

    return @files if !@patterns;
    return grep { my $name = $_; grep { $name =~ $_ } @patterns } @files;
}


sub glob_pattern {
    my $pattern = join '.*', map { quotemeta } split /\*/, $_[0], -1;
    return qr/^$pattern$/;
}


sub room_of {
    return layer_of($_[0]) < 2 ? 'pure layers' : 'nginx layer';
}


sub tests_for { return $_[0] eq 'pure layers' ? qr{^tests/} : qr{^t/} }


# ---- Jobs: a process each, in a tree of its own.

# A copy is made when it is first wanted, and stays as it is from then on.

sub tree {
    my ($kind, $slot) = @_;

    return $tree{$kind, $slot} if $tree{$kind, $slot};

    my $share = int(($last_port + 1 - $first_port) / $jobs / 10) * 10;
    my $from = $first_port + $slot * $share;
    my $uplot = "$ENV{BUILD}/assets/npm/node_modules/uplot";

    my %env = $kind eq 'map'
        ? (CC_OPT => '-g -O0 -fPIC --coverage', LD_OPT => '-fPIC --coverage',
           SECTOR_TEST_FLAGS => '-O0 --coverage')
        : (CC_OPT => '-O1 -fPIC', LD_OPT => '-fPIC',
           SECTOR_CACHE_CFLAGS => "-Wno-error $strict $unset",
           SECTOR_TEST_FLAGS => "$sanitize -Wno-error $strict $unset");

    $env{UPLOT} = $uplot if !$ENV{UPLOT} && -d $uplot;

    return $tree{$kind, $slot} = Tree->new(top => $top, dir => "$dir/$kind-$slot", env => \%env,
                     beside => $ENV{BUILD}, cc => $ENV{CC} || 'cc',
                     strict => $strict,
                     ports => $from . '-' . ($from + $share - 1));
}


# Starts a function in a process; finished() gives what one returned.

sub begin {
    my ($tree, $slot, $function, @with) = @_;
    my $pid = open(my $out, '-|') // die "cannot fork: $!\n";

    if (!$pid) {
        @SIG{qw(INT TERM)} = ('DEFAULT') x 2;

        my $result = eval { $function->($tree, @with) }
                     // { id => $with[0]{id}, failed => $@ };

        print JSON::PP->new->utf8->encode($result);
        close STDOUT;
        POSIX::_exit(0);
    }

    $pending{$slot} = $out;
    $pid{$slot} = $pid;
}


sub finished {
    my $select = IO::Select->new(values %pending);
    my ($out) = $select->can_read;
    my ($slot) = grep { $pending{$_} == $out } keys %pending;
    my $json = do { local $/; <$out> };

    close $out;
    delete $pending{$slot};
    delete $pid{$slot};

    my $result = $json ? JSON::PP->new->utf8->decode($json) : {};

    die $result->{failed} // "a job ended\n"
        if !$json || defined $result->{failed};

    return $result;
}


sub free_slot { return (grep { !$pending{$_} } 0 .. $jobs - 1)[0] }


# ---- The map.

sub measure {
    my $pattern = join '|', keys %{ { map { $_ => 1 } @_ } };
    my @missing = grep { /$pattern/ } $cover->missing;

    return if !@missing;

    printf "mutants: seeing what %d tests execute ", scalar @missing;

    while (@missing || %pending) {
        while (@missing && defined(my $slot = free_slot())) {
            begin(tree('map', $slot), $slot, \&measure_one, shift @missing);
        }

        my $result = finished();

        print "mutants: without any fault, $result->{test} fails:",
              " it is left out\n" if !$result->{passed};
        print "." if $result->{passed};
    }

    print "\n";
}


sub measure_one {
    my ($tree, $test) = @_;
    my $passed = $cover->measure($tree, $test)
                 || $cover->measure($tree, $test);

    Tree::write_file("$dir/failed.log", $tree->{said}) if !$passed;

    return { test => $test, passed => $passed };
}


# ---- Drawing.

# Names that are numbers: only what is defined as such in our own files.

sub numbers {
    my %named;

    for my $file (glob "$top/$Tree::sources/*.[ch]") {
        my $text = slurp($file);

        $named{$1} = 1
            while $text =~ /^#define\s+([A-Z]\w+)\s+\(?[\d(][\w\s*+()-]*$/mg;
    }

    return \%named;
}


# A file by its size, then a kind, then a fault of that kind; each but once.

sub drawing {
    my @files = @_;
    my $named = numbers();
    my (%by_kind, %seen, @weighted);

    for my $name (@files) {
        my @faults = Fault::faults($text{$name}, $named);

        push @{ $by_kind{$name}{ $_->{kind} } }, $_ for @faults;
        push @weighted, ($name) x @faults;
    }

    my $left = @weighted;
    my $id = 0;

    srand $seed;

    return sub {
        while ($left) {
            my $name = $weighted[rand @weighted];
            my @kinds = sort keys %{ $by_kind{$name} };
            my $list = $by_kind{$name}{ $kinds[rand @kinds] };
            my $fault = $list->[rand @$list];

            $id++;
            next if $seen{"$name $fault->{at} $fault->{with}"}++;
            $left--;

            return { %$fault, name => $name, id => $id };
        }

        return;
    };
}


# ---- Trying.

sub try_all {
    my %by_room;

    push @{ $by_room{ room_of($_) } }, $_ for @_;

    my @rooms = sort { $b cmp $a } keys %by_room;
    my %results;

    for my $room (@rooms) {
        my $share = int($n / @rooms);

        $share = $n - int($n / @rooms) * (@rooms - 1) if $room eq $rooms[0];
        $results{$room} = try_room($room, $share, @{ $by_room{$room} });
    }

    return \%results;
}


sub try_room {
    my ($room, $share, @files) = @_;
    my $draw = drawing(@files);
    my ($live, $more, @results) = (0, 1);

    while ($more || %pending) {
        while ($live + keys %pending < $share
               && defined(my $slot = free_slot()))
        {
            my $fault = $draw->();

            $fault = $draw->()
                while $fault && %only && !$only{ $fault->{id} }
                      && $fault->{id} < (sort { $b <=> $a } keys %only)[0];

            if (!$fault || %only && !$only{ $fault->{id} }) {
                $more = 0;
                last;
            }

            begin(tree('try', $slot), $slot, \&try_one, $fault, $room);
        }

        last if !%pending;

        my $result = finished();

        next if $result->{outcome} eq 'no code';

        push @results, $result;
        $live++ if $result->{outcome} ne 'equal';
        report($result);
    }

    return \@results;
}


sub report {
    my ($r) = @_;

    printf "%5d %-9s %s:%d, %s%s\n", @$r{qw(id outcome name line kind)},
           $r->{by} ? " ($r->{by})" : '';
    print $r->{shown} if $r->{outcome} eq 'survived';
}


sub try_one {
    my ($tree, $fault, $room) = @_;
    my $name = $fault->{name};

    prepare($tree, $room);

    my $before = $tree->assembly($name)
        // die "$name does not compile as it is:\n$tree->{said}";
    my $result = { (map { $_ => $fault->{$_} } qw(id name line kind)),
                   shown => Fault::shown($text{$name}, $fault) };

    $tree->change($name, Fault::with_fault($text{$name}, $fault));

    my $after = $tree->assembly($name);

    if (!defined $after) {
        $result->{outcome} = 'no code';

    } elsif ($after eq $before) {
        $result->{outcome} = 'equal';

    } else {
        run_tests($tree, $result, $room, $fault);
    }

    $tree->restore($name);

    return $result;
}


# Once all is built, only what a fault has changed is built for it.

sub prepare {
    my ($tree, $room) = @_;
    my $what = $room eq 'pure layers' ? 'unit-build' : 'build';

    return if -f "$tree->{dir}/build/.$what-$cover->{key}";

    $tree->make('-s', $what) eq 'good'
        or die "$what fails without any fault:\n$tree->{said}";
    unlink glob "$tree->{dir}/build/.$what-*";
    Tree::write_file("$tree->{dir}/build/.$what-$cover->{key}", '');
}


sub run_tests {
    my ($tree, $result, $room, $fault) = @_;
    my $from = function_line($text{ $fault->{name} }, $fault->{line});
    my @tests = $cover->tests_of(@$fault{qw(name line)}, $from,
                                 tests_for($room));

    $result->{outcome} = 'survived';
    $result->{by} = @tests ? scalar @tests . ' tests passed'
                           : 'no test gets there';

    for my $test (@tests) {
        my $late = 30 + 6 * $cover->{seconds}{$test};
        my $how = $tree->test($test, $late);

        next if $how eq 'good';

        $result->{outcome} = 'caught';
        $result->{by} = $test . ($how eq 'late' ? ', too late' : '');
        last;
    }
}


# Where the function begins that a line is in.

sub function_line {
    my ($text, $line) = @_;
    my @lines = split /\n/, $text;

    $line-- while $line > 1 && $lines[$line - 1] ne '{';

    return $line;
}


# ---- The end.

sub judge {
    my ($results) = @_;
    my $status = 0;

    for my $room (sort { $b cmp $a } keys %$results) {
        my @all = @{ $results->{$room} };
        my @equal = grep { $_->{outcome} eq 'equal' } @all;
        my @survived = grep { $_->{outcome} eq 'survived' } @all;
        my $live = @all - @equal;
        my $share = $live ? 100 * ($live - @survived) / $live : 100;

        print "\n$room: these survived, SEED=$seed\n" if @survived;
        report($_) for @survived;

        printf "\nmutants, %s: %d of %d caught, %.1f %% (bar: %d %%);"
               . " %d changed nothing\n", $room, $live - @survived, $live,
               $share, $bar{$room}, scalar @equal;

        $status = 1 if $share < $bar{$room};
    }

    return $status;
}
