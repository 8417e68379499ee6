#!/usr/bin/env perl
#
# misc/check-style.pl [TOP]
#
# nginx's manner, as far as a program can tell:
#
#     - 80 columns, no tabs, no blanks at a line's end, one line break at the
#       file's end, no // comments, nothing left to do later
#     - a function's type on a line of its own, its brace too, two blank lines
#       before and after it
#     - a blank after if, for, while and switch, and braces round their bodies

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use CSource;


my $top = shift || "$FindBin::Bin/..";
my $errors = 0;
my $files = 0;


sub complain {
    my ($name, $line, $what) = @_;

    print "style: $name:$line: $what\n";
    $errors++;
}


sub check_bytes {
    my ($name, $text, $columns) = @_;
    my $line = 0;

    for (split /\n/, $text, -1) {
        $line++;

        complain($name, $line, 'a tab')
            if /\t/ && $name !~ /Makefile$|\.make$/;
        complain($name, $line, 'a carriage return') if /\r/;
        complain($name, $line, 'blanks at the end') if /[ \t]$/;
        complain($name, $line, "more than $columns columns")
            if $columns && length > $columns;
    }

    complain($name, $line, 'no line break at the end')
        if $text !~ /\n\z/;
    complain($name, $line - 1, 'an empty line at the end')
        if $text =~ /\n\n\z/;
}


# Preprocessor lines, continued ones too, become empty ones marked with '#':
# what they hold need not be whole statements.

sub without_preprocessor {
    my ($code) = @_;

    $code =~ s{^([ \t]*\#(?:[^\\\n]|\\.|\\\n)*)}{
        my $piece = $1;
        my $breaks = ($piece =~ tr/\n//);
        join "\n", ('#') x ($breaks + 1)
    }gmex;

    return $code;
}


sub check_spacing {
    my ($name, $text, @code) = @_;
    my @lines = split /\n/, $text;

    for my $i (0 .. $#code) {

        # the end of a function, a struct, a table

        if ($code[$i] =~ /^\}\s*$/) {
            my $next = $i + 1;
            $next++ while $next <= $#lines && $lines[$next] =~ /^\s*$/;
            next if $next > $#lines;

            my $empty = $next - $i - 1;

            complain($name, $next + 1, 'not two blank lines after a function')
                if $empty != 2
                   && !($empty == 1 && $lines[$next] =~ /^\s*#\s*e/);
            next;
        }

        # the beginning of a function: a brace in the first column

        next unless $code[$i] =~ /^\{/;

        my $first = $i - 1;
        $first-- while $first > 0 && $code[$first - 1] =~ /\S/
                       && $code[$first - 1] !~ /[;}#]\s*$/;

        next if join(' ', @code[$first .. $i - 1]) !~ /\w\s*\(/;

        complain($name, $first + 1, 'a function\'s type and name on one line')
            if $code[$first] =~ /\w[\s*]+\w+\s*\(/;

        my $before = $first - 1;
        next if $before < 0;

        my $empty = 0;
        $empty++, $before-- while $before >= 0 && $lines[$before] =~ /^\s*$/;

        if ($before >= 0 && $lines[$before] =~ m{\*/\s*$} && $empty <= 1) {
            $before-- while $before > 0 && $lines[$before] !~ m{^\s*/\*};
            $before--;
            $empty = 0;
            $empty++, $before--
                while $before >= 0 && $lines[$before] =~ /^\s*$/;
        }

        next if $before < 0 || $lines[$before] =~ /^\s*#|\\$/;

        complain($name, $first + 1, 'not two blank lines before a function')
            if $empty != 2;
    }
}


# The position after the bracket that closes the one at $position.

sub after_bracket {
    my ($code, $position) = @_;
    my $depth = 0;

    pos($code) = $position;

    while ($code =~ /([()])/g) {
        $depth += $1 eq '(' ? 1 : -1;
        return pos($code) if $depth == 0;
    }

    return length $code;
}


sub check_statements {
    my ($name, $code) = @_;

    while ($code =~ /\b(if|for|while|switch)( *)\(/g) {
        my ($word, $blank, $start, $open) = ($1, $2, $-[0], pos($code) - 1);

        complain($name, line_of($code, $start), "no single blank after $word")
            if $blank ne ' ';

        next if $word eq 'switch';

        my $rest = substr $code, after_bracket($code, $open);

        next if $rest =~ /^\s*\{/;
        next if $word eq 'while' && $rest =~ /^\s*;/;

        complain($name, line_of($code, $start), "no braces after $word");
    }

    while ($code =~ /\belse\b(?!\s*(?:\{|if\b|#))/g) {
        complain($name, line_of($code, $-[0]), 'no braces after else');
    }
}


sub check_c {
    my ($name, $text) = @_;

    check_bytes($name, $text, 80);

    my $strings = $text;
    $strings =~ s{("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|/\*.*?\*/)}
                 { my $piece = $1; $piece =~ s/[^\n]/_/g; $piece }gse;

    while ($strings =~ m{//}g) {
        complain($name, line_of($strings, $-[0]), 'a // comment');
    }

    while ($text =~ /\b(?:TODO|FIXME|XXX)\b/g) {
        complain($name, line_of($text, $-[0]), 'something left to do');
    }

    my $code = without_preprocessor(code_of($text));

    # a header's inline functions may stand with what they belong to
    check_spacing($name, $text, split /\n/, $code) if $name =~ /\.c$/;
    check_statements($name, $code);
}


chdir $top or die "$top: $!\n";

for my $name (sort(glob('ngx_sector_cache_module/*.[ch] tests/*.[ch]'
                        . ' tests/*/*.[ch] sectorctl/*.[ch]')))
{
    check_c($name, slurp($name));
    $files++;
}

for my $name (sort(grep { -f } glob('Makefile config config.make .ci/run'
                                    . ' misc/*.sh misc/*.pl misc/*.pm'
                                    . ' ngx_sector_cache_module/dashboard/'
                                    . '*.{html,css,js,svg}')))
{
    check_bytes($name, slurp($name), 80);
    $files++;
}

exit 1 if $errors;

print "style: ok, $files files\n";
