package CSource;

# What the checks need to know of C: where comments and strings are.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(slurp code_of includes_of layer_of line_of);


sub slurp {
    my ($path) = @_;

    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    local $/;
    my $text = <$in>;

    return defined $text ? $text : '';
}


# The text with comments blanked and strings emptied, line breaks kept, so
# that a position is on the same line as in the file.

sub code_of {
    my ($text) = @_;

    $text =~ s{
        ( /\* .*? (?: \*/ | \z )
        | // [^\n]*
        | " (?: [^"\\\n] | \\. )* "
        | ' (?: [^'\\\n] | \\. )* '
        )
    }{
        my $piece = $1;
        my $quote = substr($piece, 0, 1);

        if ($quote eq '/') {
            $piece =~ s/[^\n]/ /g;

        } else {
            $piece = $quote . '_' x (length($piece) - 2) . $quote;
        }

        $piece
    }gsxe;

    return $text;
}


# A list of [ line, name, system ].

sub includes_of {
    my ($text) = @_;
    my ($line, @list) = (0);

    for (split /\n/, $text) {
        $line++;
        next unless /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
        push @list, [ $line, $2, $1 eq '<' ];
    }

    return @list;
}


sub line_of {
    my ($text, $position) = @_;

    return 1 + (substr($text, 0, $position) =~ tr/\n//);
}


# A file's layer, see misc/check-layers.pl; undef: none.

sub layer_of {
    my ($name) = @_;

    return 0 if $name =~ /^sector_(?:stats|store|breaker|flight|rate
                           |http|entry|hours|feed|alert|evidence|hold
                           |failing)(?:_|\.)/x;
    return 1 if $name =~ /^sector_(?:model|compose|dump|gzip|text
                           |metrics)(?:_|\.)/x;
    return 2 if $name =~ /^ngx_http_sector_cache(?:_|\.)/;
    return;
}


1;
