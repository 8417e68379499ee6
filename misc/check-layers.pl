#!/usr/bin/env perl
#
# misc/check-layers.pl [FOLDER]
#
# Arrows between the files of ngx_sector_cache_module/ point down only:
#
#     layer 0   sector_stats, _store*, _breaker, _flight, _rate,
#               _http, _entry, _hours, _feed, _alert,
#               _evidence, _hold, _failing                  libc
#     layer 1   sector_model*, _compose*, _dump, _gzip,
#               _text, _metrics                             and jansson, zlib
#     layer 2   ngx_*                                       and nginx, without
#                                                           these two
#
# sectorctl/ is a program of its own: it includes nothing of these.
#
# The fetching part does not know the responding part, and nobody changes
# jansson's allocator: that is the whole process's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use CSource;


my $dir = shift || "$FindBin::Bin/../ngx_sector_cache_module";
my $errors = 0;

# Of libc, what takes neither time nor files from the system.
my %pure = map { $_ => 1 } qw(
    assert.h ctype.h errno.h float.h inttypes.h limits.h math.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h
    stdlib.h string.h strings.h
);

# What layer 1 has beside libc.
my %libraries = ('jansson.h' => 'jansson', 'zlib.h' => 'zlib');

# What only the nginx layer may do.
my $impure = qr/\b(?:time|gettimeofday|clock_gettime|clock|getpid|kill
                |fopen|open|read|write|printf|fprintf|puts|getenv|sleep
                |usleep|nanosleep|rand|random|srand)\s*\(/x;

# Reports by a callback.
my $fetching = qr/^ngx_http_sector_cache_(?:fetch|detached|filter)/;

# Memory is passed in.
my $allocators = qr/\b(?:malloc|calloc|realloc|free|strdup)\s*\(/;


sub complain {
    my ($name, $line, $what) = @_;

    print "layers: $name:$line: $what\n";
    $errors++;
}


sub check_include {
    my ($name, $layer, $line, $header, $system) = @_;

    if (-e "$dir/$header") {
        my $below = layer_of($header);

        if (defined $below && $below > $layer) {
            complain($name, $line, "layer $layer includes \"$header\""
                                   . " of layer $below");
        }

        return;
    }

    if ($header =~ /^ngx_/ || $header =~ m{^nginx\.h$}) {
        complain($name, $line, "layer $layer includes nginx's \"$header\"")
            if $layer < 2;
        return;
    }

    if (my $library = $libraries{$header}) {
        complain($name, $line, "layer $layer includes $library")
            if $layer != 1;
        return;
    }

    if (!$system) {
        complain($name, $line, "there is no \"$header\"");
        return;
    }

    return if $layer == 2 || $pure{$header};
    return if $layer == 1 && $header eq 'time.h';

    complain($name, $line, "layer $layer includes <$header>");
}


# Everything that a file of ours includes, of ours, over any number of steps.

sub closure_of {
    my ($name) = @_;
    my (%seen, @todo);

    @todo = ($name);

    while (defined(my $next = shift @todo)) {
        next if $seen{$next}++ || !-e "$dir/$next";
        push @todo, map { $_->[1] } includes_of(slurp("$dir/$next"));
    }

    delete $seen{$name};
    return grep { -e "$dir/$_" } keys %seen;
}


sub check_words {
    my ($name, $layer, $code) = @_;
    my @rules;

    push @rules, [ qr/\bjson_set_alloc_funcs2?\b/, 'changes the allocator of'
                   . ' jansson, the whole process\'s' ];

    push @rules, [ qr/\bngx_\w+/, "layer $layer uses nginx" ] if $layer < 2;

    push @rules, [ qr/(?<![\w.>])$impure/, "layer $layer asks the system" ]
        if $layer < 2;

    push @rules, [ qr/(?<![\w.>])$allocators/, 'layer 0 allocates by itself' ]
        if $layer == 0;

    push @rules, [ qr/\bjson_(?:t|error_t)\b|\bjson_\w+\s*\(/,
                   "layer $layer uses jansson" ] if $layer != 1;

    push @rules, [ qr/\bz_stream\b|(?<![\w.>])(?:crc32|deflate|inflate)\w*
                      \s*\(/x,
                   "layer $layer uses zlib" ] if $layer != 1;

    push @rules, [ qr/\bngx_http_sector_cache_response_\w+/,
                   'fetching knows the response' ]
        if $name =~ $fetching;

    for my $rule (@rules) {
        my ($pattern, $what) = @$rule;

        while ($code =~ /$pattern/g) {
            my $word = $&;
            $word =~ s/\s*\($//;
            complain($name, line_of($code, $-[0]), "$what: $word");
        }
    }
}


opendir my $handle, $dir or die "$dir: $!\n";
my @names = sort grep { /\.[ch]$/ } readdir $handle;
closedir $handle;

complain($dir, 0, 'no sources') unless @names;

for my $name (@names) {
    my $text = slurp("$dir/$name");
    my $layer = layer_of($name);

    if (!defined $layer) {
        complain($name, 1, 'a file of no layer');
        next;
    }

    check_include($name, $layer, @$_) for includes_of($text);
    check_words($name, $layer, code_of($text));

    if ($name =~ $fetching) {
        for my $header (closure_of($name)) {
            complain($name, 1, "fetching includes \"$header\"")
                if $header =~ /^ngx_http_sector_cache_response/;
        }
    }
}

# The client knows the server by HTTP alone.

for my $path (glob "$dir/../sectorctl/*.[ch]") {
    my ($name) = $path =~ m{([^/]+)$};

    for (includes_of(slurp($path))) {
        my ($line, $header, $system) = @$_;

        complain("sectorctl/$name", $line, "includes \"$header\"")
            if $system ? $header =~ /^ngx_|^nginx/
                       : $header !~ /^sectorctl[\w.]*$/;
    }

    push @names, $name;
}

exit 1 if $errors;

printf "layers: ok, %d files\n", scalar @names;
