#!/usr/bin/env perl
#
# misc/check-docs.pl [TOP]
#
# What the code offers and what README.md describes are the same:
#
#     directives   ngx_string("sector_cache...") outside of *_variables.c; a
#                  heading each
#     variables    the same in *_variables.c; $name in a heading, a table's
#                  row or an item of a list
#     counters     the JSON names of sector_stats.h; in such a place too
#     metrics      those of Metrics.pm; in such a place too, and no others

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use CSource;
use Metrics;


my $top = shift || "$FindBin::Bin/..";
my $dir = "$top/ngx_sector_cache_module";
my $errors = 0;


sub complain {
    print "docs-check: @_\n";
    $errors++;
}


my (%directives, %variables, %counters);

for my $path (glob "$dir/ngx_*.c") {
    my $known = $path =~ /_variables\.c$/ ? \%variables : \%directives;
    my $text = slurp($path);

    $known->{$1} = 1 while $text =~ /ngx_string\("(sector_cache\w*)"\)/g;
}

if (-e "$dir/sector_stats.h") {
    my $text = slurp("$dir/sector_stats.h");

    $counters{$1} = 1 while $text =~ /\bX\(\w+,\s*"(\w+)"/g;
}

my %metrics = %{ metrics($dir) };

if (!-e "$top/README.md") {
    complain("there is no README.md");
    exit 1;
}

# Blocks of code are examples: what they hold is not a description.
my $readme = slurp("$top/README.md");
$readme =~ s/^```.*?^```//msg;

my @lines = split /\n/, $readme;
my @headings = grep { /^#/ } @lines;
my @places = grep { /^\s*(?:#|\||[-*]\s)/ } @lines;

for my $name (sort keys %directives) {
    complain("the directive \"$name\" has no heading")
        unless grep { /(?<![\w\$])\Q$name\E(?!\w)/ } @headings;
}

for my $name (sort keys %variables) {
    complain("the variable \"\$$name\" is not described")
        unless grep { /\$\Q$name\E(?!\w)/ } @places;
}

for my $name (sort keys %counters) {
    complain("the counter \"$name\" is not described")
        unless grep { /(?<!\w)\Q$name\E(?!\w)/ } @places;
}

for my $name (sort keys %metrics) {
    complain("the metric \"$name\" is not described")
        unless grep { /(?<![\w\$])\Q$name\E(?!\w)/ } @places;
}

for (grep { /^\|/ } @lines) {
    next unless /^\|\s*`(sector_cache_\w+)(?:\{|`)/ && !$directives{$1};
    complain("\"$1\" is no metric of the code") unless $metrics{$1};
}

for (@headings) {
    while (/(?<![\w\$])(sector_cache\w*)/g) {
        complain("the heading of \"$1\" describes nothing in the code")
            unless $directives{$1};
    }
}

while ($readme =~ /\$(sector_cache\w*)/g) {
    complain("\"\$$1\" is no variable of the code") unless $variables{$1};
}

exit 1 if $errors;

printf "docs-check: ok, %d directives, %d variables, %d counters, "
       . "%d metrics\n",
       scalar keys %directives, scalar keys %variables,
       scalar keys %counters, scalar keys %metrics;
