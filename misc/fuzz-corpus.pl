#!/usr/bin/env perl
#
# misc/fuzz-corpus.pl FOLDER
#
# Grows what the fuzzers begin with, FOLDER/corpus/NAME/ and FOLDER/NAME.dict,
# out of what the tests are made of: the string literals of tests/*.c and *.h,
# requests and header fields of t/*.t, the recorded responses that
# SECTOR_FIXTURES names, as far as they are there, and, for the dictionaries,
# the literals of the code.  What fuzzers have found before stays.

use strict;
use warnings;

use Digest::MD5 'md5_hex';
use File::Path 'make_path';
use FindBin;


my ($to) = @ARGV;

die "usage: $0 FOLDER\n" unless defined $to;

my $top = "$FindBin::Bin/..";
my $fixtures = $ENV{SECTOR_FIXTURES} || "$top/../shared/fixtures";
my $seeds = 0;

my %escaped = (n => "\n", t => "\t", r => "\r", a => "\a", b => "\b",
               f => "\f", v => "\x0b");


sub slurp {
    my ($file) = @_;

    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;

    return scalar <$in>;
}


sub seed {
    my ($name, $bytes) = @_;

    return if length $bytes > 16384;

    my $dir = "$to/corpus/$name";
    my $file = "$dir/" . md5_hex($bytes);

    $seeds++;
    return if -e $file;

    make_path($dir);
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out $bytes;
    close $out or die "$file: $!\n";
}


# What a literal of C stands for.

sub meaning_of {
    my ($text) = @_;

    $text =~ s{\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|\n|(.))}{
        defined $1 ? chr hex $1
        : defined $2 ? chr(oct($2) & 255)
        : defined $3 ? $escaped{$3} // $3 : ''
    }gse;

    return $text;
}


# Literals that stand beside each other are one.

sub literals_of {
    my ($text) = @_;
    my @literals;

    $text =~ s{/\*.*?\*/}{}gs;
    $text =~ s{'(?:[^'\\\n]|\\.)*'}{0}g;
    $text =~ s{^\s*\#\s*include.*$}{}gm;

    while ($text =~ /((?:"(?:[^"\\]|\\.)*"[\s\\]*)+)/gs) {
        my $pieces = $1;
        push @literals, join '', map { meaning_of($_) }
                                 $pieces =~ /"((?:[^"\\]|\\.)*)"/gs;
    }

    return @literals;
}


sub body {
    my ($body, @formats) = @_;

    seed('model', chr($_) . $body) for @formats;
}


sub from_model_tests {
    for my $file (glob "$top/tests/test_model*.[ch]") {
        for (literals_of(slurp($file))) {
            next unless /[{\[]/;

            seed('json', $_);
            body($_, 0, 1, 2);
            next unless /^\{.*\}$/s;

            body(qq({"quoteResponse":{"result":[$_],"error":null}}), 2, 6);
            body(qq({"chart":{"result":[$_],"error":null}}), 1, 5);
            body(qq({"data":[$_],"errors":{"SPY":{"error_code":"X"}}}), 0);
            body(qq({"XLK":$_,"SPY":$_}), 0);
        }
    }
}


sub from_admin_tests {
    for my $body (literals_of(slurp("$top/tests/test_model_admin.c"))) {
        next unless $body =~ /[{\[]/;
        seed('admin', chr($_) . $body) for 0 .. 4;
        seed('admin', chr($_) . "\xef\xbb\xbf$body") for 0 .. 4;
    }

    seed('admin', qq(\0{"symbol":"XLK","price":1,"timestamp":5}));
    seed('admin', qq(\1{"XLK":{"symbol":"xlk","price":1}, "spy" :)
                  . ' { "price":2e0,"symbol":"SPY"} }');
    seed('admin', qq(\2{"sectors":[{"symbol":"XLK","price":1},{"symbol":"XLF",)
                  . qq("name":"F","error":"Data unavailable"}],"summary":{},)
                  . qq("benchmark":{"symbol":"SPY","price":2}}));
    seed('admin', qq(\2{"sectors":[{"symbol":"XLK","price":) . '3' x 90
                  . '}]}');
    seed('admin', qq(\3{"enabled":true}));
    seed('admin', qq(\4{"state":"open"}));
}


sub from_the_deep {
    for my $depth (62, 63, 64, 65, 1000) {
        body('{"symbol":"XLK","price":1,"x":' . '[' x $depth . ']' x $depth
             . '}', 0);
    }
}


sub from_fixtures {
    # once found: with the status of a 404
    seed('model', "\xdc" . '{"sylbmo":null,"price":1}');

    for my $file (grep { -f } glob "$fixtures/*/*") {
        my $bytes = slurp($file);

        # what tells of another symbol is no use to one who asks for XLK
        for my $as ($bytes, $bytes =~ s/("symbol"\s*:\s*)"[^"]*"/$1"XLK"/gr) {
            body($as, $file =~ /chart/ ? 1 : $file =~ /quote/ ? 2 : (0, 1, 2));
        }
    }
}


sub from_http_tests {
    for (map { literals_of(slurp($_)) } glob "$top/tests/test_http*.c") {
        for my $choice (0, 1, 2, 5, 9, 13, 17, 21, 25) {
            seed('http', chr($choice) . $_);
        }

        seed('http', "\x63\1\2\3" . chr(length() & 255) . $_ . $_);
        seed('query', "\x20$_");
    }

    for my $file (glob "$top/t/*.t") {
        for (split /\n/, slurp($file)) {
            if (/^(?:GET|HEAD|POST) (\S+)/) {
                seed('query', "\x20$_") for split m{[/?&=]+}, $1;

            } elsif (/^(?:Accept-Encoding|If-(?:None-)?Match|Retry-After):
                      \s*(.*)/x)
            {
                seed('http', chr($_) . $1) for 0, 1, 2, 5, 21;
            }
        }
    }
}


# The makers of these choose by bytes: any will do.

sub from_composed {
    for my $file (glob "$top/tests/test_{compose,gzip,dump,entry}*.[ch]") {
        for (literals_of(slurp($file))) {
            next if length() < 4;

            my $n = chr(length() & 63);

            seed('compose', "\x03\0\0\1\2\3\4\5" . "\4$n$_" x 4);
            seed('compose', "\x02\0\0\1\2\3\4\5" . "\0\0041.50"
                            . "\3\5-2e-1" . "\3\5$_");
            seed('dump', "$_\2\3\1\0\7\0\x64\1AB\0" . "$n$_" x 3);
            seed('entry', "\0\3" . "\1\0$n$_" . "\0\0$n$_" . "\3\0$n$_" . $_);
        }
    }

    for my $len (0, 1, 7, 100) {
        my $data = 'x' x $len;

        seed('entry', "\1" . pack('L4 Q q L2', $len, 0, 1, 2, 3, -4, 5, 1)
                      . $data);
        seed('entry', "\1" . pack('L4 Q q L2', $len, $len, 1, 2, 3, -4, 5, 0)
                      . $data x 2);
    }
}


# Beside the literals of files, escapes that JSON knows.

sub dictionary {
    my ($name, @files) = @_;
    my %words = map { $_ => 1 }
                qw(\u001f \u0000 \ud83d\ude00 \ud83d 1e308 1e20 1e-7 -0
                   9223372036854775807 9223372036854775808 1e400 -1E+309
                   18446744073709551615 18446744073709551616);

    for my $file (@files) {
        $words{$_} = 1 for grep { /^[ -~]{2,40}$/ && !/%/ }
                           literals_of(slurp($file));
    }

    make_path($to);
    open my $out, '>', "$to/$name.dict" or die "$to/$name.dict: $!\n";

    for (sort keys %words) {
        s/(["\\])/\\$1/g;
        print $out "\"$_\"\n";
    }

    close $out or die "$to/$name.dict: $!\n";
}


from_model_tests();
from_admin_tests();
from_the_deep();
from_fixtures();
from_http_tests();
from_composed();

dictionary('model', glob "$top/ngx_sector_cache_module/sector_model*.c");
dictionary('json', "$top/ngx_sector_cache_module/sector_model_json.c");
dictionary('admin', glob "$top/ngx_sector_cache_module/sector_model*.c");
dictionary('http', "$top/tests/fuzz/fuzz_http.c");
dictionary('query', "$top/tests/fuzz/fuzz_query.c");
dictionary('compose', "$top/ngx_sector_cache_module/sector_model.c");

printf "fuzz: %d seeds%s\n", $seeds,
       -d $fixtures ? '' : ', without the recorded responses';
