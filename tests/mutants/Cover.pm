package Cover;

# Which tests execute which line: each test is run once, alone, in a copy of
# the project that counts lines (gcov), and what it reached is kept:
#
#     DIR/TEST.json       { key, sources, seconds, lines: { name: [ ... ] },
#                           known: { name: [ ... ] } }
#     DIR/sources/KEY/    the sources as they were then
#
# A test is run again when it, or what it is made of, has changed.  When a
# source has, its lines are found again by what diff says; a new line is taken
# to be reached by whatever reaches the one before it.

use strict;
use warnings;

use CSource;
use Digest::MD5 ();
use File::Copy;
use File::Path;
use JSON::PP ();
use Time::HiRes qw(time);


# dir, top, name: of the sources' folder; tests: their files

sub new {
    my ($class, %given) = @_;
    my $self = bless { %given }, $class;

    mkpath("$self->{dir}/sources");
    $self->{key} = $self->key_of(glob "$self->{top}/$self->{name}/*.[ch]");
    $self->keep_sources;

    return $self;
}


sub key_of {
    my ($self, @files) = @_;
    my $md5 = Digest::MD5->new;

    for my $file (@files) {
        open my $in, '<:raw', $file or die "$file: $!\n";
        $md5->addfile($in);
    }

    return substr $md5->hexdigest, 0, 16;
}


sub keep_sources {
    my ($self) = @_;
    my $dir = "$self->{dir}/sources/$self->{key}";

    return if -d $dir;

    mkpath("$dir.new");
    copy($_, "$dir.new/") for glob "$self->{top}/$self->{name}/*.c";
    rename "$dir.new", $dir or die "$dir: $!\n";
}


sub test_key {
    my ($self, $test) = @_;
    my $top = $self->{top};

    return $self->key_of("$top/$test", $test =~ /\.c$/ ? glob("$top/tests/*.h")
                         : (glob("$top/t/lib/*.pm"), glob("$top/t/lib/*/*.pm")));
}


sub file_of {
    my ($self, $test) = @_;

    return "$self->{dir}/" . ($test =~ s{/}{-}r) . '.json';
}


sub have {
    my ($self, $test) = @_;
    my $file = $self->file_of($test);

    return if !-s $file;

    my $have = JSON::PP->new->utf8->decode(slurp($file));

    return $have->{key} eq $self->test_key($test)
           && -d "$self->{dir}/sources/$have->{sources}" ? $have : undef;
}


sub missing {
    my ($self) = @_;
    return grep { !$self->have($_) } @{ $self->{tests} };
}


# Runs a test in a tree that counts; returns whether it passed.

sub measure {
    my ($self, $tree, $test) = @_;
    my $objects = "$tree->{dir}/build/"
                  . ($test =~ /\.c$/ ? 'tests' : 'nginx/objs/addon');
    my $counters = "find $objects -name '*.gcda'";

    `$counters -delete` if -d $objects;
    $tree->built($test);

    my $from = time;

    return 0 if $tree->test($test, 900) ne 'good';

    my $seconds = time - $from;
    my $json = `$counters | xargs -r gcov --json-format --stdout 2>/dev/null`;
    my (%lines, %known);

    for my $doc (grep { /^\{/ } split /\n/, $json) {
        for my $file (@{ JSON::PP->new->decode($doc)->{files} }) {
            my ($name) = $file->{file} =~ m{\Q$self->{name}\E/(\w+\.c)$}
                or next;

            for my $line (@{ $file->{lines} }) {
                $known{$name}{ $line->{line_number} } = 1;
                $lines{$name}{ $line->{line_number} } = 1 if $line->{count};
            }
        }
    }

    Tree::write_file($self->file_of($test), JSON::PP->new->canonical->encode({
        key => $self->test_key($test), sources => $self->{key},
        seconds => 0 + sprintf('%.1f', $seconds),
        lines => sorted(\%lines), known => sorted(\%known) }));

    return 1;
}


sub sorted {
    my ($set) = @_;
    return { map { $_ => [ sort { $a <=> $b } keys %{ $set->{$_} } ] }
             keys %$set };
}


# ---- Looking up.

sub load {
    my ($self) = @_;

    for my $test (@{ $self->{tests} }) {
        my $have = $self->have($test) or next;

        $self->{seconds}{$test} = $have->{seconds};

        for my $name (keys %{ $have->{known} }) {
            my @now = $self->lines_now($have->{sources}, $name);

            $self->{known}{$name}{ $now[$_] } = 1
                for grep { $now[$_] } @{ $have->{known}{$name} };
            $self->{reached}{$test}{$name}{ $now[$_] } = 1
                for grep { $now[$_] } @{ $have->{lines}{$name} };
        }
    }
}


# For each line of a source as it was, which it is now.

sub lines_now {
    my ($self, $key, $name) = @_;

    return @{ $self->{now}{$key}{$name} //= do {
        my $then = "$self->{dir}/sources/$key/$name";
        my $now = "$self->{top}/$self->{name}/$name";
        my @lines = (0);
        my $at = 0;

        if (-f $now) {
            for my $sign (split //, `diff --unchanged-line-format='=' \\
                                     --old-line-format='-' \\
                                     --new-line-format='+' $then $now`)
            {
                $at++ if $sign ne '-';
                push @lines, $sign eq '=' ? $at : 0 if $sign ne '+';
            }
        }

        \@lines;
    } };
}


# The tests that execute a line, the most telling first: those that execute
# much of the function that it is in, and are quick.

sub tests_of {
    my ($self, $name, $line, $from, $pattern) = @_;
    my $known = $self->{known}{$name} or return;

    my $at = $line;

    # what has no code of its own belongs to what is before it, or, where
    # nothing is, to what is behind it
    $line-- while $line > $from && !$known->{$line};
    $line = $at if !$known->{$line};
    $line++ while !$known->{$line} && $line < $at + 40;

    my %worth;

    for my $test (grep { /$pattern/ } keys %{ $self->{reached} }) {
        my $reached = $self->{reached}{$test}{$name} or next;
        next if !$reached->{$line};

        my $around = grep { $reached->{$_} } $line - 40 .. $line + 40;
        $worth{$test} = $around / ($self->{seconds}{$test} + 2);
    }

    return sort { $worth{$b} <=> $worth{$a} || $a cmp $b } keys %worth;
}


1;
