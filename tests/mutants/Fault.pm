package Fault;

# The faults that can be put into a C file: faults(TEXT) gives a list of
#
#     { kind, at, length, with, line }
#
# each of which replaces some bytes of the text by others.  Line breaks stay,
# so that what follows is on the line it was on.
#
# Only what is inside functions is changed.  Messages for debugging are left
# alone: nothing can depend on them.  So is the order in which memory is
# written, which no test can tell from another on most machines.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../misc";
use CSource;


my %relation = ('<'  => [qw(<= >=)], '<=' => [qw(< >)], '>' => [qw(>= <=)],
                '>=' => [qw(> <)], '==' => ['!='], '!=' => ['==']);
my %arithmetic = ('+' => '-', '-' => '+', '*' => '/', '/' => '*',
                  '+=' => '-=', '-=' => '+=', '++' => '--', '--' => '++',
                  '|' => '&', '&' => '|', '<<' => '>>', '>>' => '<<',
                  '|=' => '=', '&=' => '|=');
my %unset = (ngx_pcalloc => 'ngx_palloc', ngx_calloc => 'ngx_alloc',
             ngx_slab_calloc => 'ngx_slab_alloc',
             ngx_slab_calloc_locked => 'ngx_slab_alloc_locked');


# Everything but the bodies of functions is blanked, and what is not to be
# changed in them.

sub bodies_of {
    my ($text) = @_;
    my $inside = 0;
    my @lines;

    for my $line (split /\n/, code_of($text), -1) {
        $inside = 1 if $line eq '{';
        $inside = 0 if $line eq '}';
        push @lines, $inside && $line !~ /^\s*#|^[{}]$/ ? $line
                                                       : ' ' x length $line;
    }

    my $code = join "\n", @lines;

    $code =~ s{\b((?:ngx_log_debug\d|assert|atomic_\w+_fence)\s*\([^;]*;)}{
        $1 =~ s/[^\n]/ /gr }gex;

    return $code;
}


# The position behind the parenthesis that closes the one at a position.

sub closed {
    my ($code, $at) = @_;
    my $depth = 0;

    pos($code) = $at;

    while ($code =~ /([()])/g) {
        $depth += $1 eq '(' ? 1 : -1;
        return pos $code if !$depth;
    }

    return;
}


sub breaks { return "\n" x ($_[0] =~ tr/\n//) }


sub operators {
    my ($code, $put) = @_;

    while ($code =~ /(?<![-<>=!+*\/&|])(<=|>=|==|!=|<|>)(?![<>=])/g) {
        $put->('relation', $-[1], length $1, $_) for @{ $relation{$1} };
    }

    while ($code =~ /(&&|\|\|)/g) {
        $put->('and or', $-[1], 2, $1 eq '&&' ? '||' : '&&');
    }

    # binary ones have a blank on either side
    while ($code =~ /(?<=\s)(\+|-|\*|\/|\||&|<<|>>|\+=|-=|\|=|&=)(?=\s)/g) {
        $put->('arithmetic', $-[1], length $1, $arithmetic{$1});
    }

    while ($code =~ /(\+\+|--)/g) {
        $put->('arithmetic', $-[1], 2, $arithmetic{$1});
    }
}


# Numbers; and names that the project's own files define as numbers.  An array
# is only made smaller: no test can see that it is larger than it must be.

sub constants {
    my ($code, $put, $named) = @_;

    while ($code =~ /(?<![\w.])(0x[0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])/g) {
        my ($at, $length, $n) = ($-[0], $+[0] - $-[0], $1);
        my @others = declares($code, $at) ? ("($n - 1)")
                   : $n eq '0' ? (1) : $n eq '1' ? (0, 2) : ("($n * 4)",
                                             "($n + 1)", "($n - 1)");
        $put->('constant', $at, $length, $_) for grep { length } @others;
    }

    while ($code =~ /(?<![\w.])([A-Z][A-Z0-9_]+)(?![\w(])/g) {
        next if !$named->{$1};
        $put->('constant', $-[1], length $1, "($1 $_)")
            for declares($code, $-[1]) ? () : ('* 4', '+ 1'), '- 1';
    }
}


# Whether a position is on a line that declares and sets nothing.

sub declares {
    my ($code, $at) = @_;
    my $from = 1 + rindex $code, "\n", $at;

    return substr($code, $from, index($code, "\n", $at) - $from)
           =~ /^\s+(?:\w+\s+)+\**\w+\[[^=]*;$/;
}


sub conditions {
    my ($code, $put) = @_;

    while ($code =~ /\b(if|while)\s+\(/g) {
        my ($loop, $from) = ($1 eq 'while', $+[0] - 1);
        my $to = closed($code, $from) or next;
        my $was = substr $code, $from, $to - $from;
        my $breaks = breaks($was);

        next if $loop && $was eq '(1)';

        $put->('condition', $from, $to - $from, "(0)$breaks");
        $put->('condition', $from, $to - $from, "(1)$breaks") if !$loop;
        $put->('condition', $from, 1, '(!') if !$loop && $was =~ /^\([\w>.-]+\)$/;
    }
}


# Calls and assignments; a declaration that is left out does not compile.

sub statements {
    my ($code, $put) = @_;

    while ($code =~ /(?<=[;{}:)\n])[ ]{4,}
                     (?!(?:return|goto|case|default|else|if|for|while|do|switch
                        |typedef|struct|static|const)\b)
                     ([\w*(][^;{}]*;)/gx)
    {
        my ($at, $was) = ($-[1], $1);

        # the rest of a condition, or of a for's head
        my $open = () = $was =~ /\(/g;
        my $close = () = $was =~ /\)/g;

        next if $open != $close;

        if ($was =~ /^(?:ngx_mem(?:zero|set)|memset)\b/) {
            $put->('memory', $at, length $was, ';' . breaks($was));

        } elsif ($was =~ /[=(]|\+\+|--|^(?:break|continue);/) {
            $put->('statement', $at, length $was, ';' . breaks($was));
        }
    }
}


sub returns {
    my ($code, $put) = @_;

    while ($code =~ /\breturn\s+([^;]+)(?=;)/g) {
        my ($at, $length, $was) = ($-[1], length $1, $1);
        my @others = $was eq '0'            ? ('1', '-1')
                   : $was eq '1'            ? ('0')
                   : $was eq 'NULL'         ? ()
                   : $was eq 'NGX_OK'       ? ('NGX_ERROR', 'NGX_DECLINED')
                   : $was eq 'NGX_ERROR'    ? ('NGX_OK')
                   : $was eq 'NGX_DECLINED' ? ('NGX_OK', 'NGX_ERROR')
                   : $was eq 'NGX_AGAIN'    ? ('NGX_OK')
                   : ('0');

        $put->('return', $at, $length, $_ . breaks($was)) for @others;
    }
}


# The arguments of each call: two neighbours change places, or one is nothing.

sub arguments {
    my ($code, $put) = @_;

    while ($code =~ /\b([a-z_]\w*)\(/g) {
        my ($name, $from) = ($1, $+[0]);
        my $to = closed($code, $from - 1) or next;
        my ($depth, $at, @list) = (0, $from);

        next if $name =~ /^(?:if|for|while|switch|sizeof|return|offsetof)$/;

        for my $i ($from .. $to - 1) {
            my $c = substr $code, $i, 1;

            if ($c =~ /[,)]/ && !$depth) {
                push @list, [ $at, substr $code, $at, $i - $at ];
                $at = $i + 1;
            }

            $depth += $c =~ /[(\[{]/ ? 1 : $c =~ /[)\]}]/ ? -1 : 0;
        }

        argument_list($put, $name =~ /(?:min|max)$/, @list);
    }
}


sub argument_list {
    my ($put, $either_way, @list) = @_;

    for my $i (0 .. $#list) {
        my ($at, $was) = @{ $list[$i] };

        if ($was =~ /^\s*[\w>.&-]+$/ && $was !~ /^\s*(?:0|NULL|memory_order_\w+)$/)
        {
            (my $nothing = $was) =~ s/\S+$/0/;
            $put->('argument', $at, length $was, $nothing);
        }

        next if $i == $#list || $either_way;

        my ($next_at, $next) = @{ $list[$i + 1] };
        my ($one, $other) = map { s/^\s+//r } $was, $next;

        next if $one eq $other;

        my ($blanks) = $was =~ /^(\s*)/;
        my ($between) = $next =~ /^(\s*)/;

        $put->('argument', $at, $next_at + length($next) - $at,
               "$blanks$other,$between$one");
    }
}


sub memory {
    my ($code, $put) = @_;

    while ($code =~ /\b(\w+)(?=\()/g) {
        $put->('memory', $-[1], length $1, $unset{$1}) if $unset{$1};
    }

    while ($code =~ /\bcalloc\((\w[^,()]*), ((?:[^()]|\([^()]*\))*)\)/g) {
        $put->('memory', $-[0], $+[0] - $-[0], "malloc(($1) * ($2))");
    }

    while ($code =~ /(\s*=\s*\{\s*0\s*\})(?=;)/g) {
        $put->('memory', $-[1], length $1, breaks($1));
    }

    while ($code =~ /\b(sizeof(?:\([^()]*\)))( - 1)?/g) {
        $put->('memory', $-[0], $+[0] - $-[0], $2 ? $1 : "($1 - 1)");
    }
}


# named: a set of the names that are numbers

sub faults {
    my ($text, $named) = @_;
    my $code = bodies_of($text);
    my @faults;

    my $put = sub {
        my ($kind, $at, $length, $with) = @_;
        my $was = substr $text, $at, $length;

        # strings are not what they are in the code that was searched
        return if $kind eq 'argument' && $was =~ /["']/;

        push @faults, { kind => $kind, at => $at, length => $length,
                        with => $with, line => line_of($text, $at) }
            if $was ne $with;
    };

    $_->($code, $put, $named) for \&operators, \&constants, \&conditions,
                                  \&statements, \&returns, \&arguments,
                                  \&memory;

    return @faults;
}


sub with_fault {
    my ($text, $fault) = @_;

    substr $text, $fault->{at}, $fault->{length}, $fault->{with};

    return $text;
}


# The lines that differ, as a diff has them.

sub shown {
    my ($text, $fault) = @_;
    my @old = split /\n/, $text;
    my @new = split /\n/, with_fault($text, $fault);
    my $from = $fault->{line} - 1;
    my $to = $from + (substr($text, $fault->{at}, $fault->{length})
                      =~ tr/\n//);

    my @changed = grep { ($old[$_] // '') ne ($new[$_] // '') } $from .. $to;

    return join '', (map { "    -$old[$_]\n" } @changed),
                    (map { "    +$new[$_]\n" } @changed);
}


1;
