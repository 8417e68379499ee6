# Answers put together from what was compressed once: they must read as the
# plain ones do, whatever they are put together from, in every decoder that is
# at hand, and nothing behind us may compress them again.
#
# Ten thousand random batches: the bytes after decompression are compared with
# what the sectors' own bytes say they must be.  The seed is printed; SEED=
# repeats a run.

use strict;
use warnings;

use lib 't/lib';
use Compress::Raw::Zlib;
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);
use Upstream;
use Wire;

my $seed = $ENV{SEED} || int rand 1 << 31;
srand $seed;
diag("seed $seed");

my $batches = $ENV{TEST_NGINX_USE_VALGRIND} ? 300 : 10_000;
my $built = `@{[$ENV{TEST_NGINX_BINARY} || 'nginx']} -V 2>&1`;
my $dir = tempdir(CLEANUP => 1);
my @zip = ('Accept-Encoding: gzip');


# ---- Sectors of all sizes, as an upstream might send them.

my (%sector, @small, @large);

sub text {
    my ($length) = @_;

    # what deflates well, what does not, and what is no ASCII
    my @word = ('the market ', 'sector', ' \\"quoted\\" ', '\\u00e9', "\xc3\xa9",
                join('', map { chr(97 + int rand 26) } 1 .. 40), '0.000000');
    my $text = '';

    $text .= $word[rand @word] while length $text < $length;

    return $text;
}


for my $i (0 .. 45) {
    my $symbol = $i < 3 ? (qw(XLK XLF SPY))[$i] : sprintf 'R%02d', $i;
    my $size = $i < 40 ? int rand($i % 5 ? 300 : 3000)
                       : (65_535, 65_536, 65_534, 131_070, 200_000, 70_000)[$i - 40];
    my $head = sprintf '{"symbol":"%s","price":%.2f,"note":"', $symbol,
                       rand 500;
    my $note = $i < 40 ? text($size)
                       : join '', map { chr(97 + int rand 26) }
                                      1 .. $size - length($head) - 2;

    $sector{$symbol} = qq($head$note"});
    push @{ $i < 40 ? \@small : \@large }, $symbol;
}


sub http {
    my ($ttl) = @_;

    return <<"END";
sector_cache_zone sectors 16m ttl=$ttl negative=1h persist=$dir/sectors;
sector_cache_zone snapshots 4m ttl=$ttl persist=$dir/snapshots;
sector_cache_zone short 16m ttl=1ms;
sector_cache_zone shots 4m ttl=1ms;
sector_cache_zone raw 16m ttl=1h;
sector_cache_source up retries=0 failures=1000000 concurrency=60 queue=1000;
sector_cache_symbols { XLK "A"; XLF "B"; SPY "C" benchmark; }
keepalive_requests 1000000;
sector_cache_unknown_symbols accept;
sector_cache_fetch up /fetch/\$sector_cache_symbol;
server {
    listen %PORT%;
    %PID%
    root html;
    location /z { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; }
    location /off { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; sector_cache off; }
    location /short { sector_cache_api sectors=short snapshots=shots; sector_cache_gzip on; }
    location /raw { sector_cache_api sectors=raw snapshots=snapshots; gzip on; gzip_types application/json; gzip_vary on; gzip_min_length 1; }
    location /own { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; gzip on; gzip_types application/json; gzip_vary on; gzip_min_length 1; gzip_proxied any; }
    location /vary { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; gzip_vary on; }
    @{[ $built =~ /gunzip/ ? 'location /gunzip { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; gunzip on; gzip_vary on; }' : '' ]}
    @{[ $built =~ /gzip_static/ ? 'location /static { sector_cache_api sectors=sectors snapshots=snapshots; sector_cache_gzip on; gzip_static always; }' : '' ]}
    location ^~ /fetch/N { internal; %SAYS:404% }
    location /fetch/ { internal; }
}
END
}


sub start {
    my $nginx = Upstream::Nginx->new(http => http('1h'));

    mkdir "$nginx->{root}/html/fetch";
    for my $symbol (keys %sector) {
        open my $out, '>:raw', "$nginx->{root}/html/fetch/$symbol" or die $!;
        print $out $sector{$symbol};
        close $out or die $!;
    }

    return $nginx;
}


# The text of one gzip member that ends where the body does.
sub inflated {
    my ($body) = @_;
    my ($z, $status) = Compress::Raw::Zlib::Inflate->new(
        -WindowBits => WANT_GZIP);
    my $text;

    return "no inflater: $status" unless $z;
    $status = $z->inflate(my $rest = $body, $text);

    return "no gzip: $status" if $status != Z_STREAM_END;
    return 'more behind it' if length $rest;
    return $text;
}


# Without what differs from one moment to the next.
sub timeless {
    my ($text) = @_;

    $text =~ s/"timestamp":"\d{4}-[^"]*"/"timestamp":""/g;
    $text =~ s/"timestamp":\d+,"date":"[^"]*"/"timestamp":0/;
    $text =~ s/"age":\d+,"ttl":\d+\}/"age":0,"ttl":0}/;

    return $text;
}


my $nginx = start();
my $wire = Wire->new($nginx->{port});
my $samples = 0;

sub sample {
    my ($body) = @_;

    open my $out, '>:raw', sprintf('%s/%04d.gz', $dir, ++$samples) or die $!;
    print $out $body;
    close $out or die $!;
}


# ---- The same request plain and compressed.

for my $at (qw(short off z z)) {
    for my $path ('/XLK', '/R40', '/R41', '/R42', '/R43', '/R44', '/snapshot',
                  '/?symbols=XLK', '/?symbols=XLK,NONE,SPY', '/symbols',
                  '/?symbols=R40,XLK,R41,R43', '/')
    {
        # a hit is compared with a hit
        $wire->get("/$at$path") if $at eq 'z';

        sleep 0.003;
        my $plain = $wire->get("/$at$path");
        sleep 0.003;
        my $zip = $wire->get("/$at$path", lines => \@zip);
        my $where = "/$at$path";

        is($plain->{status}, 200, "$where is there");
        is($plain->{h}{'content-encoding'}, undef, "$where plain");
        is($zip->{h}{'content-encoding'}, 'gzip', "$where compressed");
        is($zip->{h}{vary}, 'Accept-Encoding', "$where varies");
        is($plain->{h}{vary}, 'Accept-Encoding', "$where varies when plain");
        ok(timeless(inflated($zip->{body})) eq timeless($plain->{body}),
           "$where reads the same");
        sample($zip->{body});

        next if $path eq '/symbols';

        is($zip->{h}{etag}, $plain->{h}{etag}, "$where has one ETag");

        my $not = $wire->get("/$at$path", lines => [@zip,
            "If-None-Match: $plain->{h}{etag}"]);
        is($not->{status}, 304, "$where 304");
        is($not->{h}{'content-encoding'}, undef, "$where 304 has no encoding");
        is($not->{h}{vary}, 'Accept-Encoding', "$where 304 varies");

        next if $at ne 'z';

        cmp_ok(length $zip->{body}, '<', length $plain->{body},
               "$where is shorter") if $path =~ /snap|^\/$|R4/;

        my $head = $wire->get("/$at$path", lines => \@zip, method => 'HEAD');
        is($head->{h}{'content-encoding'}, 'gzip', "$where HEAD");
        cmp_ok(abs($head->{h}{'content-length'} - length $zip->{body}), '<', 4,
               "$where HEAD has the length");
    }
}

my $error = $wire->get('/z/NONE', lines => \@zip);
is($error->{h}{'content-encoding'}, undef, 'an error is not compressed');
is($error->{h}{vary}, undef, 'and does not vary');


# ---- Random batches.

my @wires = map { Wire->new($nginx->{port}) } 1 .. 4;
my (%wrong, $bytes, $inflated) = ();

sub random_batch {
    my @symbols;

    for (1 .. 1 + int(rand(rand() < 0.1 ? 50 : 12))) {
        my $dice = rand;
        my $symbol = $dice < 0.01 ? $large[rand @large]
                     : $dice < 0.02 ? 'N' . int rand 5
                     : $small[rand @small];

        push @symbols, rand() < 0.1 ? lc $symbol : $symbol;
    }

    my $sent = join rand() < 0.5 ? ',' : '%2C', @symbols;
    my (%seen, @parts, $lacks);

    for my $symbol (map { uc } @symbols) {
        next if $seen{$symbol}++;
        $lacks = 1, next if $symbol =~ /^N/;
        push @parts, qq("$symbol":$sector{$symbol});
    }

    return ("?symbols=$sent", @parts
            ? '{"success":true,"data":{' . join(',', @parts) . '}'
              . ($lacks ? ',"errors":{' : ',"cached":') : '');
}

# What is wrong with an answer.
sub wrong {
    my ($got, $starts) = @_;

    return $got->{status} == 404 ? '' : "status $got->{status}, not 404"
        if $starts eq '';
    return "status $got->{status}" if $got->{status} != 200;
    return 'no gzip' if ($got->{h}{'content-encoding'} || '') ne 'gzip';

    my $text = inflated($got->{body});
    $bytes += length $got->{body};
    $inflated += length $text;

    return 'it starts otherwise: ' . substr $text, 0, 200
        if substr($text, 0, length $starts) ne $starts;

    my $tail = substr $text, length $starts;
    return '' if $tail =~ /^(?:.*\},"cached":)?(?:true|false),"timestamp":"[^"]*","metadata":\{"version":"v1","cacheStatus":"[a-z]+","source":"up","age":\d+,"ttl":\d+\}\}$/;
    return "it ends otherwise: $tail";
}

for my $run ([z => $batches], [short => $batches / 20], [off => $batches / 20]) {
    my ($at, $left) = @$run;
    my $n = $left;
    my $deep = $at eq 'z' ? 25 : 1;

    %wrong = ();

    while ($left > 0) {
        my %starts;

        for my $i (0 .. $#wires) {
            my @batch = map { [random_batch()] } 1 .. $deep;
            $starts{$i} = [map { $_->[1] } @batch];
            $wires[$i]->ask([map { "/$at/$_->[0]" } @batch], lines => \@zip);
        }

        for my $i (0 .. $#wires) {
            for my $starts (@{ $starts{$i} }) {
                my $got = $wires[$i]->answer;
                my $wrong = wrong($got, $starts);

                $wrong{$wrong}++ if $wrong;
                $left--;
                sample($got->{body})
                    if $got->{status} == 200 && $left % 200 == 0;
            }
        }
    }

    is(join("\n", %wrong), '', "$n random batches at /$at");
}

diag(sprintf '%d batches: %.1f MB compressed, %.1f MB of text', $batches * 1.1,
     $bytes / 1e6, $inflated / 1e6);
is(join('', map { $_->rest } $wire, @wires), '', 'nothing came beside');


# ---- Other decoders.

subtest "$samples samples in other decoders" => sub {
    my @decoder = (
        ['gunzip -t', 'gunzip', "gunzip -t $dir/*.gz"],
        ['Python', 'python3', "python3 -c 'import sys, zlib, json\n"
         . "for name in sys.argv[1:]:\n"
         . "    d = zlib.decompressobj(31)\n"
         . "    t = d.decompress(open(name, \"rb\").read()) + d.flush()\n"
         . "    assert d.eof and not d.unused_data, name\n"
         . "    assert json.loads(t)[\"success\"], name' $dir/*.gz"],
    );

    for my $decoder (@decoder) {
        my ($name, $program, $command) = @$decoder;

        SKIP: {
            skip "there is no $program", 1
                if system("$program --version >/dev/null 2>&1") != 0;
            is(`$command 2>&1`, '', $name);
        }
    }

    SKIP: {
        skip 'there is no curl', 3
            if system('curl --version >/dev/null 2>&1') != 0;

        for my $path ('/z/XLK', '/z/snapshot', '/z/?symbols=XLK,R40,R41') {
            my $url = "http://127.0.0.1:$nginx->{port}$path";
            ok(timeless(`curl -s --compressed '$url'`)
               eq timeless(`curl -s '$url'`), "curl $path");
        }
    }
};


# ---- What else might compress.

subtest 'nothing compresses it twice' => sub {
    my @at = ('own', 'vary', $built =~ /gzip_static/ ? 'static' : (),
              $built =~ /gunzip/ ? 'gunzip' : ());

    for my $at (@at) {
        for my $path ('/XLK', '/R43', '/snapshot', '/?symbols=XLK,XLF') {
            my $plain = $wire->get("/$at$path");
            my $zip = $wire->get("/$at$path", lines => \@zip);

            is($zip->{h}{'content-encoding'}, 'gzip', "/$at$path is gzip");
            ok(timeless(inflated($zip->{body})) eq timeless($plain->{body}),
               'once');
            is($zip->{h}{'content-length'}, length $zip->{body},
               'of a known length');
            is($_->{h}{vary}, 'Accept-Encoding', 'and varies') for $plain, $zip;

            for my $lines (['If-None-Match: *'], ['If-None-Match: *', @zip]) {
                my $not = $wire->get("/$at$path", lines => $lines);
                is("$not->{status} $not->{h}{vary}", '304 Accept-Encoding',
                   '304');
            }

            my $head = $wire->get("/$at$path", method => 'HEAD',
                                  lines => \@zip);
            is("@{ $head->{names} }", "@{ $zip->{names} }", 'HEAD');
        }
    }

    # nginx finds that a client behind a proxy takes none, and unpacks it
    if ($built =~ /gunzip/) {
        for my $path ('/XLK', '/R43', '/snapshot') {
            my $got = $wire->get("/gunzip$path", lines => [@zip, 'Via: 1.1 x']);
            is($got->{h}{'content-encoding'}, undef, "gunzip on: $path");
            ok(timeless($got->{body})
               eq timeless($wire->get("/gunzip$path")->{body}), 'as it is');
        }
    }
};


subtest 'nginx compresses what is not compressed' => sub {
    $wire->get('/raw/R43');

    my $plain = $wire->get('/raw/R43');
    my $zip = $wire->get('/raw/R43', lines => \@zip);

    is($zip->{h}{'content-encoding'}, 'gzip', 'with its own');
    ok(timeless(inflated($zip->{body})) eq timeless($plain->{body}), 'right');
    is($_->{h}{vary}, 'Accept-Encoding', 'it varies') for $plain, $zip;
    is($zip->{h}{etag}, $plain->{h}{etag}, 'the ETag stays');
    is($wire->get('/raw/R43', lines => [@zip, "If-None-Match: $zip->{h}{etag}"])
       ->{status}, 304, 'and matches');
};


subtest 'after a restart' => sub {
    my %was = map { $_ => $wire->get("/z$_", lines => \@zip) }
                  '/XLK', '/R44', '/snapshot', '/?symbols=XLK,R41,SPY';

    is($nginx->trouble, '', 'there was no trouble before it');
    is($nginx->stop, 0, 'it stops');

    $nginx = start();
    $wire = Wire->new($nginx->{port});

    for my $path (sort keys %was) {
        my $got = $wire->get("/z$path", lines => \@zip);

        like($got->{h}{'cache-status'}, qr/^sector-cache; hit/, "$path, a hit");
        is($got->{h}{etag}, $was{$path}{h}{etag}, 'of the same data');
        ok(timeless(inflated($got->{body}))
           eq timeless(inflated($was{$path}{body})), 'that reads the same');
        cmp_ok(abs(length($got->{body}) - length $was{$path}{body}), '<', 8,
               'and was not stored any larger');
    }
};

is($nginx->trouble, '', 'there was no trouble');

done_testing();
