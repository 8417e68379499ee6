# What HTTP promises, as a table: each endpoint by GET and by HEAD, in every
# state that its data can be in, under every condition a request can set, in
# every encoding a client can ask for.  The expectations are those of RFC 9110
# (conditions, section 13; negotiation, 12.5.3), 9111 (Age, max-age) and 9211
# (Cache-Status), and a header that nobody asked for is a failure as much as
# one that lacks or comes twice.
#
# The data of an endpoint is the same in all states, so that its ETag must be.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);
use Upstream qw(wait_for);
use Wire;

my $curl = -x '/usr/bin/curl' ? '/usr/bin/curl' : '';
my $features = $curl ? `$curl -V` : '';
my $built = `@{[$ENV{TEST_NGINX_BINARY} || 'nginx']} -V 2>&1`;


# ---- The states.  "status" is [sector, batch, snapshot] where they differ,
# "cache" likewise; %T is a time left, which is below 0 for what is past it.

my @STATES = (
    { name => 'miss', zone => 'ttl=1ms', age => [0, 0],
      cache => 'fwd=miss; stored', max_age => [0, 1] },
    { name => 'hit', zone => 'ttl=2m', warm => 1, dated => 1,
      cache => 'hit; ttl=%T', max_age => [60, 120], age => [0, 60] },
    { name => 'expired', zone => 'ttl=1ms stale=1h', warm => 1, dated => 1,
      cache => 'fwd=stale; stored', max_age => [0, 1], age => [0, 0] },
    { name => 'stale', zone => 'ttl=1ms stale=1h', warm => 1, fails => 1,
      dated => 1, max_age => [0, 0], age => [0, 600],
      cache => ['fwd=stale; fwd-status=500; ttl=%T; detail=UPSTREAM_ERROR',
                'fwd=stale; fwd-status=500; ttl=%T; detail=UPSTREAM_ERROR',
                'fwd=stale; ttl=%T; detail=STALE'] },
    { name => 'shielded', zone => 'ttl=1ms stale=1h', warm => 1, fails => 1,
      source => 'failures=1 open=1h max_open=1h', dated => 1,
      max_age => [0, 0], age => [0, 600], quiet => 1,
      cache => ['hit; ttl=%T; detail=SECTOR_API_CIRCUIT_OPEN',
                'hit; ttl=%T; detail=SECTOR_API_CIRCUIT_OPEN',
                'hit; ttl=%T; detail=STALE'] },
    { name => 'updating', zone => 'ttl=1ms swr=1h', warm => 1, fails => 1,
      dated => 1, cache => 'hit; ttl=%T', max_age => [0, 0],
      age => [0, 600] },
    { name => 'bypass', zone => 'ttl=2m', warm => 1, dated => 1,
      api => 'sector_cache_bypass 1;', cache => 'fwd=bypass; stored',
      max_age => [119, 120], age => [0, 0] },
    { name => 'disabled', zone => 'ttl=2m', api => 'sector_cache off;',
      cache => 'fwd=bypass; detail=DISABLED', max_age => [0, 0],
      age => [0, 0] },
    { name => 'negative', zone => 'ttl=2m negative=1h', fetch => '%SAYS:404%',
      warm => 1, status => [404, 404, 503], age => [0, 600],
      max_age => [3000, 3600], no_store => [0, 0, 1],
      code => ['UNKNOWN_SYMBOL', 'UNKNOWN_SYMBOL', 'NO_DATA'],
      cache => ['hit; ttl=%T; detail=UNKNOWN_SYMBOL',
                'hit; ttl=%T; detail=UNKNOWN_SYMBOL',
                'fwd=miss; detail=NO_DATA'] },
    { name => 'failing', zone => 'ttl=2m', fetch => '%SAYS:500%',
      status => 502, code => 'UPSTREAM_ERROR', no_store => 1,
      cache => 'fwd=miss; fwd-status=500; detail=UPSTREAM_ERROR' },
    { name => 'refused', zone => 'ttl=2m', fetch => '%SAYS:500%', warm => 1,
      source => 'failures=1 open=1h max_open=1h', status => 503,
      code => 'SECTOR_API_CIRCUIT_OPEN', no_store => 1, quiet => 1,
      cache => 'fwd=miss; detail=SECTOR_API_CIRCUIT_OPEN' },
);

my %PATH = (sector => '/XLK', batch => '/?symbols=XLK,XLF',
            snapshot => '/snapshot');
my @KINDS = qw(sector batch snapshot);

# Accept-Encoding, and whether gzip comes of it.
my @ENCODINGS = ([undef, 0], ['gzip', 1], ['gzip;q=0', 0], ['identity', 0],
                 ['*;q=0.5', 1], ['gzip;q=0.3, identity;q=0.8', 0],
                 ['br, deflate, gzip', 1]);

splice @ENCODINGS, 2 if $ENV{TEST_NGINX_USE_VALGRIND};

# The header lines that a condition is, where %E is the ETag, %S the same
# without W/, %L the Last-Modified, and what becomes of it.  "dated": only
# where the time of modification is the one that an earlier answer said.
my ($early, $late) = ('Mon, 01 Jan 2001 00:00:00 GMT',
                      'Fri, 01 Jan 2038 00:00:00 GMT');
my $other = 'W/"0000000000000000"';

my @CONDITIONS = (
    ['no condition', 200],
    ['a range', 200, 'Range: bytes=0-9'],
    ['a range if it is as it was', 200, 'Range: bytes=0-9', 'If-Range: %E'],
    ['If-None-Match that matches', 304, 'If-None-Match: %E'],
    ['If-None-Match that does not', 200, "If-None-Match: $other"],
    ['If-None-Match, a list with it', 304,
     qq(If-None-Match: "a,b", $other ,, %E,"c")],
    ['If-None-Match, a list without it', 200,
     qq(If-None-Match: "a", $other, "%E)],
    ['If-None-Match, any', 304, 'If-None-Match: *'],
    ['If-None-Match, strong', 304, 'If-None-Match: %S'],
    ['If-None-Match without quotes', 200, 'If-None-Match: 0123'],
    ['If-None-Match, malformed behind a match', 304, 'If-None-Match: %E, 0'],
    ['If-None-Match, malformed before a match', 200, 'If-None-Match: 0, %E'],
    ['If-None-Match, empty', 200, 'If-None-Match:'],
    ['If-Modified-Since, equal', 304, 'dated', 'If-Modified-Since: %L'],
    ['If-Modified-Since, later', 304, "If-Modified-Since: $late"],
    ['If-Modified-Since, earlier', 200, "If-Modified-Since: $early"],
    ['If-Modified-Since, malformed', 200, 'If-Modified-Since: yesterday'],
    ['both, and the ETag decides for 304', 304, 'If-None-Match: %E',
     "If-Modified-Since: $early"],
    ['both, and the ETag decides for 200', 200, "If-None-Match: $other",
     "If-Modified-Since: $late"],
    ['If-Match, weak', 412, 'If-Match: %E'],
    ['If-Match, strong', 412, 'If-Match: %S'],
    ['If-Match, any', 200, 'If-Match: *'],
    ['If-Unmodified-Since, equal', 200, 'dated', 'If-Unmodified-Since: %L'],
    ['If-Unmodified-Since, later', 200, "If-Unmodified-Since: $late"],
    ['If-Unmodified-Since, earlier', 412, "If-Unmodified-Since: $early"],
    ['If-Unmodified-Since, malformed', 200, 'If-Unmodified-Since: soon'],
    ['If-Match decides over If-Unmodified-Since', 200, 'If-Match: *',
     "If-Unmodified-Since: $early"],
    ['If-Match holds, and If-None-Match too', 304, 'If-Match: *',
     'If-None-Match: %E'],
    ['If-Match fails before If-None-Match', 412, "If-Match: $other",
     'If-None-Match: %E'],
);


# ---- The server.

my $symbols = 'sector_cache_symbols { XLK Technology; XLF Financials; '
              . 'SPY "S&P 500" benchmark; }';
my $sector = q('{"symbol":"$sym","price":285.17,"changePercent":0.62}');

sub locations {
    my (%option) = @_;
    my ($zones, $servers) = ('', '');

    for my $state (@STATES) {
        my $name = $state->{name};
        my $source = $state->{source} || 'failures=1000000';
        my $api = $state->{api} || '';
        my $fetch = $state->{fetch}
                    || "if (-f \$document_root/$name) { %SAYS:500% break; }\n"
                       . "return 200 $sector;";

        # each kind has entries of its own, so that none warms another's
        for my $kind (@KINDS) {
            my $id = substr($kind, 0, 2) . "_$name";

            $zones .= "sector_cache_zone $id 64k $state->{zone};\n"
                      . "sector_cache_zone m_$id 64k $state->{zone};\n"
                      . "sector_cache_source $id retries=0 $source;\n";
            $servers .= <<"END";
    location /$kind/$name {
        sector_cache_api sectors=$id snapshots=m_$id;
        sector_cache_fetch $id /fetch/$name/\$sector_cache_symbol;
        $api
    }
END
        }

        $servers .= <<"END";
    location ~ ^/fetch/$name/(?<sym>.*) {
        internal;
        default_type application/json;
        $fetch
    }
END
    }

    return ($zones, $servers);
}

my ($zones, $servers) = locations();

my $nginx = Upstream::Nginx->new(http => <<"END");
$zones
$symbols
sector_cache_gzip on;
keepalive_requests 1000000;
server {
    listen %PORT%;
    %PID%
    root html;
    $servers
}
END

my $wire = Wire->new($nginx->{port});


sub of_kind {
    my ($value, $kind) = @_;
    my %index = (sector => 0, batch => 1, snapshot => 2);

    return ref $value ? $value->[$index{$kind}] : $value;
}


sub unpacked {
    my ($got) = @_;

    return $got->{body} if ($got->{h}{'content-encoding'} || '') ne 'gzip';

    my ($text, $trail) = ('', '');
    my $good = gunzip(\$got->{body} => \$text, TrailingData => $trail);

    return $good && $trail eq '' ? $text : "no gzip: $GunzipError";
}


sub data_of {
    my ($text) = @_;

    $text =~ /^\{"success":true,"data":(.*),"cached":/s or return "no: $text";
    my $data = $1;

    # when it was composed
    $data =~ s/"timestamp":\d+,"date":"[^"]*"/"timestamp":0/;

    return $data;
}


# What max-age is: the whole time that it is fresh, of which Age is taken.
sub control {
    my ($age, $ttl) = @_;

    return 'max-age=' . ($ttl > 0 ? $age + $ttl : 0) . '\b';
}


# What is wrong with the headers of an answer; empty: nothing.
sub wrong_with_headers {
    my ($got, $state, $kind, $status, $want) = @_;
    my $h = $got->{h};
    my @wrong;

    my @names = ('age', 'cache-control', 'cache-status', 'connection', 'date',
                 'server');
    push @names, qw(etag last-modified) if $status == 200 || $status == 304;
    push @names, qw(vary) if $status == 200 || $status == 304;
    push @names, qw(content-length content-type) if $status != 304;
    push @names, qw(content-encoding) if $status == 200 && $want->{gzip};
    push @names, qw(retry-after) if $status == 503;

    my $names = join ' ', sort @names;
    push @wrong, "headers @{ $got->{names} }, not $names"
        if "@{ $got->{names} }" ne $names;

    my $check = sub {
        my ($name, $pattern) = @_;
        return if !defined $h->{$name} || $h->{$name} =~ /^(?:$pattern)$/;
        push @wrong, "$name: $h->{$name}, not $pattern";
    };

    my $within = sub {
        my ($name, $pattern, $range) = @_;
        my ($n) = ($h->{$name} // '') =~ /^$pattern$/;
        push @wrong, "$name: " . ($h->{$name} // 'none')
                     . ", not from $range->[0] to $range->[1]"
            if !defined $n || $n < $range->[0] || $n > $range->[1];
    };

    my $cache = of_kind($state->{cache}, $kind);
    $cache =~ s/(?:; )?(?:ttl|stored|fwd-status)[^;]*//g if $status == 412;
    $cache =~ s/; detail=.*|$/; detail=PRECONDITION_FAILED/ if $status == 412;
    $cache = quotemeta "sector-cache; $cache";
    $cache =~ s/\\%T/(-?\\d+)/;

    $check->('cache-status', $cache);
    $check->('etag', quotemeta $want->{etag}) if defined $want->{etag};
    $check->('content-type', 'application/json');
    $check->('content-encoding', 'gzip');
    $check->('vary', 'Accept-Encoding');
    $check->('retry-after', '[1-9]\d*');
    $check->('last-modified', quotemeta $want->{modified})
        if defined $want->{modified};

    if ($status == 412 || of_kind($state->{no_store}, $kind)) {
        $check->('cache-control', 'no-store');

    } else {
        $within->('cache-control', 'max-age=(\d+)', $state->{max_age});
        $within->('age', '(\d+)', $state->{age});

        # what is left of it is one figure, and is said once
        my ($ttl) = $h->{'cache-status'} =~ /ttl=(-?\d+)/;
        push @wrong, "ttl=$ttl, but $h->{'cache-control'}"
            if defined $ttl
               && $h->{'cache-control'} !~ /^@{[control($h->{age}, $ttl)]}/;
    }

    return @wrong;
}


sub wrong_with_body {
    my ($got, $state, $kind, $status, $method, $want) = @_;

    if ($method eq 'HEAD' || $status == 304) {
        return length $got->{body} ? 'a body' : ();
    }

    my $text = unpacked($got);
    my $json = eval { JSON::PP::decode_json($text) }
        or return "no JSON: $text";

    if ($status != 200) {
        my $code = $status == 412 ? 'PRECONDITION_FAILED'
                                  : of_kind($state->{code}, $kind);
        return $json->{error_code} eq $code ? () : "code $json->{error_code}";
    }

    my @wrong;
    my $data = data_of($text);

    push @wrong, "data $data, not $want->{data}"
        if defined $want->{data} && $data ne $want->{data};

    # the envelope says what the headers say
    push @wrong, "age $json->{metadata}{age}, header $got->{h}{age}"
        if $json->{metadata}{age} != $got->{h}{age};
    push @wrong, "ttl $json->{metadata}{ttl}, $got->{h}{'cache-control'}"
        if $got->{h}{'cache-control'}
           !~ /^@{[control($got->{h}{age}, $json->{metadata}{ttl})]}/;

    return @wrong;
}


# Entries of a millisecond are over.
sub pass_ms { sleep 0.003 }


my %data;       # of a kind, in whatever state
my %etag;

for my $state (@STATES) {
    for my $kind (@KINDS) {
        my $base = "/$kind/$state->{name}";
        my $path = "$base$PATH{$kind}";
        my ($modified, $problems) = (undef, 0);

        if ($state->{warm}) {
            $wire->get($path);
            pass_ms();
        }

        if ($state->{fails} && $kind eq $KINDS[0]) {
            # the other kinds are warm before it fails
            for my $also (@KINDS) {
                $wire->get("/$also/$state->{name}$PATH{$also}");
            }

            pass_ms();
            open my $flag, '>', "$nginx->{root}/html/$state->{name}" or die $!;
        }

        if ($state->{quiet}) {
            $wire->get($path);      # opens the breaker
        }

        my $first = $wire->get($path);

        if ($first->{status} == 200) {
            $data{$kind} = data_of($first->{body}) unless defined $data{$kind};
            $etag{$kind} = $first->{h}{etag} unless defined $etag{$kind};
            $modified = $first->{h}{'last-modified'} if $state->{dated};
        }

        for my $condition (@CONDITIONS) {
            my ($name, $status, @lines) = @$condition;
            my @wrong;

            if ($lines[0] && $lines[0] eq 'dated') {
                next if !$state->{dated};
                shift @lines;
            }

            $status = of_kind($state->{status}, $kind) if $state->{status};

            for (@lines) {
                (my $strong = $etag{$kind}) =~ s/^W\///;
                s/%E/$etag{$kind}/;
                s/%S/$strong/;
                s/%L/$modified/ if defined $modified;
            }

            for my $encoding (@ENCODINGS) {
                my ($accept, $gzip) = @$encoding;
                my %length;

                for my $method (qw(GET HEAD)) {
                    pass_ms() if $state->{zone} =~ /ttl=1ms/;

                    my $got = $wire->get($path, method => $method, lines => [
                        defined $accept ? "Accept-Encoding: $accept" : (),
                        @lines ]);
                    my $want = { gzip => $gzip, etag => $etag{$kind},
                                 data => $data{$kind},
                                 modified => $modified };

                    my @now = $got->{status} == $status
                        ? (wrong_with_headers($got, $state, $kind, $status,
                                              $want),
                           wrong_with_body($got, $state, $kind, $status,
                                           $method, $want))
                        : "status $got->{status}, not $status";

                    $length{$method} = $got->{h}{'content-length'};

                    push @wrong, map { "$method, " . ($accept // 'none')
                                       . ": $_" } @now;
                }

                # ages grow by a digit now and then, and a time deflates otherwise
                push @wrong, 'Content-Length of HEAD ' . ($length{HEAD} // '-')
                             . ', of GET ' . ($length{GET} // '-')
                    if defined $length{GET} != defined $length{HEAD}
                       || abs(($length{GET} // 0) - ($length{HEAD} // 0)) > 9;
            }

            is(join("\n", @wrong), '', "$state->{name} $kind, $name");
        }
    }
}

is($wire->rest, '', 'no answer was longer than it said');


# ---- Several lines of one field.  nginx takes one If-None-Match and refuses
# a second itself (before 1.23 by its own 400); if it lets them through, they
# are one list.

for my $lines ([$etag{sector}, '"a"'], ['"a"', $etag{sector}]) {
    my $got = Wire->new($nginx->{port})->get('/sector/hit/XLK', lines =>
        [ map { "If-None-Match: $_" } @$lines ]);
    like($got->{status}, qr/^(?:304|400)$/, 'If-None-Match of two lines');
}


# ---- A cold key whose ttl is not over at once.

my @cold = (
    ['/sector/hit/SPY', 'fwd=miss; stored'],
    ['/sector/hit/SPY', 'hit; ttl=1(?:19|20)'],
    ['/batch/hit/?symbols=SPY,XLK', 'fwd=miss; stored'],
    ['/batch/hit/?symbols=SPY,XLK', 'hit; ttl=\d+'],
    ['/sector/negative/XLF', 'fwd=miss; fwd-status=404; stored; '
                             . 'detail=UNKNOWN_SYMBOL'],
    ['/sector/negative/NOPE', 'sector-cache; detail=UNKNOWN_SYMBOL'],
    ['/sector/negative/!', 'sector-cache; detail=INVALID_SYMBOL'],
    ['/sector/hit/a/b', 'sector-cache; detail=NOT_FOUND'],
    ['/sector/hit/symbols', 'sector-cache'],
    ['/sector/hit/health', 'sector-cache'],
);

for my $case (@cold) {
    my ($path, $cache) = @$case;
    my $got = $wire->get($path);

    $cache = "sector-cache; $cache" unless $cache =~ /^sector-cache/;
    like($got->{h}{'cache-status'}, qr/^$cache$/, "$path: Cache-Status");
    like($got->{h}{'cache-control'}, $cache =~ /^sector-cache(?:; detail.*)?$/
         ? qr/^no-store$/ : qr/^max-age=\d+$/, "$path: Cache-Control");
}

my $post = Wire->new($nginx->{port})->get('/sector/hit/XLK', method => 'POST');
is($post->{status}, 405, 'POST is not allowed');
is($post->{h}{allow}, 'GET, HEAD', 'and what is, is said');
is($post->{h}{'cache-control'}, 'no-store', 'nobody keeps that');


# ---- A batch that lacks some, and one of failures that last differently.

is($nginx->trouble, '', 'there was no trouble');
$nginx->stop;
undef $nginx;

sub small {
    my (%option) = (zone => 'ttl=2m stale=1h negative=1h', api => '',
                    more => '', workers => 1, @_);

    return Upstream::Nginx->new(workers => $option{workers}, http => <<"END");
sector_cache_zone sectors 1m $option{zone};
sector_cache_zone snapshots 1m $option{zone2};
sector_cache_source up retries=0 failures=1000000;
$symbols
server {
    listen %PORT%;
    %PID%
    $option{more}
    sector_cache_unknown_symbols accept;
    add_header X-Worker \$pid always;
    location /api {
        sector_cache_api;
        sector_cache_gzip on;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
        $option{api}
    }
    location /bare {
        sector_cache_api;
        sector_cache_gzip on;
        sector_cache_envelope off;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location ^~ /fetch/N { internal; %SAYS:404% }
    location ^~ /fetch/F { internal; %SAYS:500% }
    location ~ ^/fetch/(?<sym>.*) {
        internal;
        default_type application/json;
        return 200 $sector;
    }
}
END
}

subtest 'parts that lack' => sub {
    my $nginx = small(zone2 => 'ttl=2m');
    my $wire = Wire->new($nginx->{port});
    my $get = sub { $wire->get('/api/?symbols=' . shift, @_) };

    $get->('NA,NB,XLK');

    my $got = $get->('XLK,NA');
    is($got->{status}, 200, 'one of two is a success');
    is($got->{h}{'cache-control'}, 'max-age=0', 'that is soon over');
    like($got->{h}{'cache-status'}, qr/^sector-cache; hit; ttl=0; detail=PARTIAL$/,
         'and says so');
    my $whole = $get->('XLK');
    isnt($got->{h}{etag}, $whole->{h}{etag}, 'it has an ETag of its own');
    is($get->('XLK,NA', lines => ["If-None-Match: $got->{h}{etag}"])->{status},
       304, 'that matches');
    isnt($get->('XLK,FA')->{h}{etag}, $got->{h}{etag},
         'another lack is another ETag');
    isnt($get->('XLF,XLK')->{h}{etag}, $get->('XLK,XLF')->{h}{etag},
         'another order too');
    is($get->('xlk,XLF,XLK')->{h}{etag}, $get->('XLK,XLF')->{h}{etag},
       'another spelling is none');

    $got = $get->('NA,NB');
    is($got->{status}, 404, 'nothing but unknown symbols');
    like($got->{h}{'cache-control'}, qr/^max-age=3[56]\d\d$/, 'is kept');

    $got = $get->('NA,FA');
    is($got->{status}, 404, 'an unknown symbol before a failure');
    is($got->{h}{'cache-control'}, 'no-store',
       'is not kept: the failure may be over at once');

    $got = $get->('NA,NC');
    is($got->{status}, 404, 'one that is kept and one that is new');
    like($got->{h}{'cache-control'}, qr/^max-age=3[56]\d\d$/, 'are kept');

    is($nginx->trouble, '', 'there was no trouble');
};


subtest 'a bare body is the data' => sub {
    my $nginx = small(zone2 => 'ttl=2m');
    my $wire = Wire->new($nginx->{port});

    for my $path ('/XLK', '/?symbols=XLK,SPY', '/?symbols=XLK,NA',
                  '/snapshot')
    {
        for my $time (qw(cold warm)) {
            my $whole = $wire->get("/api$path");
            my $bare = $wire->get("/bare$path");
            my $gzip = $wire->get("/bare$path",
                                  lines => ['Accept-Encoding: gzip']);
            my ($data) = $whole->{body} =~ /^\{"success":true,"data":(.*?)(?:,"errors":.*)?,"cached":/s;

            is($bare->{body}, $data, "$path, $time");
            is(unpacked($gzip), $data, "$path, $time, compressed");
            is($gzip->{h}{'content-encoding'}, 'gzip', "$path, it is that");
            is($bare->{h}{etag}, $whole->{h}{etag}, "$path, the same ETag");
        }
    }

    my $symbols = $wire->get('/bare/symbols');
    like($symbols->{body}, qr/^\[\{"symbol":"XLK"/, 'symbols');
    like($wire->get('/bare/NA')->{body}, qr/^\{"success":false/,
         'an error is whole');
};


subtest 'the ETag and the time of modification stay' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my %option = (workers => 2, zone => "ttl=10m persist=$dir/s",
                  zone2 => "ttl=10m persist=$dir/m");
    my %seen;

    my $see = sub {
        my ($nginx, $when) = @_;
        my %worker;

        for my $path ('/XLK', '/?symbols=XLK,XLF,SPY', '/snapshot') {
            for (1 .. 16) {
                my $got = Wire->new($nginx->{port})->get("/api$path");
                my $now = "$got->{h}{etag} $got->{h}{'last-modified'}";

                $worker{ $got->{h}{'x-worker'} } = 1;
                $seen{$path} = $now unless defined $seen{$path};
                is($got->{status} . $now, "200$seen{$path}", "$path, $when")
                    if "200$seen{$path}" ne $got->{status} . $now || $_ == 16;
            }
        }

        is(keys %worker, 2, "two workers answered, $when");
    };

    my $nginx = small(%option);
    $see->($nginx, 'at first');
    sleep 1.1;
    $nginx->reload;
    $see->($nginx, 'after a reload');
    is($nginx->stop, 0, 'it stops');

    my $again = small(%option);
    $see->($again, 'after a restart');
    my $hit = Wire->new($again->{port})->get('/api/XLK');
    like($hit->{h}{'cache-status'}, qr/hit; ttl=5\d\d$/, 'which is a hit');
    cmp_ok($hit->{h}{age}, '>=', 1, 'its age goes on');
    is(Wire->new($again->{port})->get('/api/XLK', lines =>
       ['If-None-Match: ' . $hit->{h}{etag}])->{status}, 304, 'and 304');

    # nothing but the data decides
    my $cold = small(workers => 1, zone2 => 'ttl=1m');
    for my $path (sort keys %seen) {
        my $got = Wire->new($cold->{port})->get("/api$path");
        is($got->{h}{etag}, (split ' ', $seen{$path})[0],
           "$path has it elsewhere");
    }
};


subtest 'two Vary are one' => sub {
    for my $own ('', 'gzip_vary on;', 'gzip on; gzip_vary on; '
                     . 'gzip_types application/json;',
                 'gunzip on; gzip_vary on;')
    {
        next if $own =~ /gunzip/ && $built !~ /gunzip/;

        my $nginx = small(zone2 => 'ttl=2m', api => $own);
        my $wire = Wire->new($nginx->{port});

        for my $path ('/XLK', '/snapshot', '/?symbols=XLK,XLF', '/XLK') {
            for my $method (qw(GET HEAD)) {
                for my $lines ([], ['Accept-Encoding: gzip'],
                               ['If-None-Match: *'],
                               ['Accept-Encoding: gzip', 'Via: 1.1 x'])
                {
                    my $got = $wire->get("/api$path", method => $method,
                                         lines => $lines);
                    is($got->{h}{vary}, 'Accept-Encoding',
                       "$own $method $path @$lines");
                }
            }
        }
    }
};


subtest 'over HTTP/2 and over TLS' => sub {
    plan skip_all => 'there is no curl' unless $curl;

    my $dir = tempdir(CLEANUP => 1);
    my $h2 = $built =~ /http_v2_module/ && $features =~ /HTTP2/;
    my $tls = $built =~ /http_ssl_module/ && $features =~ /\bSSL\b/
              && system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
                        . "-subj /CN=localhost -keyout $dir/k -out $dir/c "
                        . ">/dev/null 2>&1") == 0;

    plan skip_all => 'nginx or curl has neither' unless $h2 || $tls;

    my $port = Upstream::Nginx->free_port;
    my $more = '';
    my @with;

    if ($h2) {
        $more .= "listen unix:$dir/h2 http2;";
        push @with, ['HTTP/2', "--http2-prior-knowledge --unix-socket $dir/h2",
                     'http', 2];
    }

    if ($tls) {
        $more .= "listen unix:$dir/tls ssl; ssl_certificate $dir/c; "
                 . "ssl_certificate_key $dir/k;";
        push @with, ['TLS', "-k --http1.1 --unix-socket $dir/tls", 'https',
                     '1.1'];
    }

    if ($h2 && $tls) {
        $more =~ s/tls ssl/tls ssl http2/;
        push @with, ['HTTP/2 over TLS', "-k --unix-socket $dir/tls", 'https',
                     2];
    }

    my $nginx = small(zone2 => 'ttl=2m', more => $more);
    my $plain = Wire->new($nginx->{port});

    for my $with (@with) {
        my ($name, $how, $scheme, $version) = @$with;

        for my $path ('/XLK', '/?symbols=XLK,XLF', '/snapshot', '/NA') {
            my $wanted = $plain->get("/api$path");
            my $url = "$scheme://localhost/api$path";
            my $ask = sub { `$curl -s $how @_ '$url'` };
            my $code = "-o /dev/null -w '%{http_code} %{http_version}'";

            is($ask->($code), "$wanted->{status} $version", "$name $path");

            my ($head, $body) = split /\r\n\r\n/, $ask->('-i --compressed'), 2;

            if ($wanted->{status} == 200) {
                is(data_of($body), data_of($wanted->{body}), "$name data");
                like($head, qr/^content-encoding: gzip/mi, "$name gzip");
                like($head, qr/^vary: Accept-Encoding/mi, "$name Vary");
                like($head, qr/^etag: \Q$wanted->{h}{etag}\E/mi, "$name ETag");

                my $not = $ask->("-i -H 'If-None-Match: $wanted->{h}{etag}'");
                like($not, qr/^HTTP\S+ 304/, "$name 304");
                unlike($not, qr/^content-/mi, "$name 304 is bare");
            }

            like($head, qr/^cache-status: sector-cache; /mi, "$name says");
            like($ask->('-I'), qr/^HTTP\S+ $wanted->{status}.*\r\ncontent-length: [1-9]/si,
                 "$name HEAD");
        }
    }

    is($nginx->trouble, '', 'there was no trouble');
};


done_testing();
