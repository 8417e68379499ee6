# The admin endpoints: who may, what is changed, and that nothing is where
# anything is wrong.  A kill switch that one worker does not see, a batch of
# which half is stored, or a key in a log are what this file is for.
#
# It starts nginx itself, with workers of its own: what is said to one of them
# has to hold for all.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Upstream qw(get begin finish wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $path);

my @key = ('first-key-0123456789', 'second-key-abcdefghij');
my $dir = File::Temp::tempdir(CLEANUP => 1);

key_file("# rotated\n$key[0]\n\n  $key[1]\r\n");


sub key_file {
    my ($text) = @_;

    open my $out, '>', "$dir/keys" or die "$dir/keys: $!\n";
    print $out $text;
    close $out;
    chmod 0600, "$dir/keys";
}


# Options: zone, size, snapshots, script, source, api, admin, server, http.
sub http {
    my %o = (zone => 'ttl=10m stale=1h', size => '1m', script => 'ok',
             source => '', api => '', admin => '', server => '', http => '',
             @_);

    return <<"END";
sector_cache_zone sectors $o{size} $o{zone};
sector_cache_zone snapshots 1m ttl=10m stale=1h;
sector_cache_zone other 1m;
sector_cache_source up retries=0 $o{source};
sector_cache_admin_key_file $dir/keys;
$o{http}
server {
    listen %PORT%;
    %PID%
    location /admin {
        sector_cache_admin;
        $o{admin}
    }
    location /api {
        sector_cache_api;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
        $o{api}
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/$o{script}$path;
    }
    location /status {
        sector_cache_status;
    }
    $o{server}
}
END
}


sub run {
    my ($workers, @options) = @_;

    $path = '/a' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $workers,
                                  http => http(@options));
}


sub ended_well {
    my (@expected) = @_;
    my $log = $nginx->log;

    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');

    my @said = grep { index($log, $_) >= 0 } @key, 'wrong-key';
    is("@said", '', 'no key is in the log');
}


# A request as it is: METHOD URI, headers as lines, body.  One with the first
# key, unless key => undef.
sub ask {
    my ($line, %with) = @_;
    my @headers = @{ $with{headers} || [] };

    push @headers, "X-API-Key: " . ($with{key} // $key[0])
        unless exists $with{key} && !defined $with{key};

    push @headers, 'Content-Length: ' . length $with{body}
        if defined $with{body} && !$with{chunked};

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $Upstream::Port)
        or die "cannot connect: $!\n";
    my $body = $with{body} // '';

    if ($with{chunked}) {
        push @headers, 'Transfer-Encoding: chunked';
        $body = join('', map { sprintf("%x\r\n%s\r\n", length, $_) }
                         unpack '(a700)*', $body) . "0\r\n\r\n";
    }

    local $SIG{PIPE} = 'IGNORE';

    print $socket join("\r\n", "$line HTTP/1.1", 'Host: localhost',
                       'Connection: close', @headers, '', '');
    print $socket $body;
    $socket->flush;

    local $/;
    my $text = <$socket> // '';

    # what came before, if the client was told to go on
    $text =~ s/^HTTP\/1\.1 100 [^\r]*\r\n\r\n//;

    my ($head, $got) = split /\r\n\r\n/, $text, 2;
    my %headers = map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () }
                  split /\r\n/, $head // '';
    my ($status) = ($head // '') =~ /^HTTP\/1\.1 (\d+)/;
    my $json = eval { JSON::PP->new->decode($got) };

    return { status => $status || 0, headers => \%headers, body => $got,
             json => $json, code => $json && $json->{error_code} || '',
             data => $json && $json->{data} };
}


sub sector {
    my ($symbol, $price, $more) = @_;

    return qq({"symbol":"$symbol","price":$price) . ($more // '') . '}';
}


sub is_error {
    my ($got, $status, $code, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is("$got->{status} $got->{code}", "$status $code", $title)
        or diag($got->{body});
    is($got->{headers}{'cache-control'}, 'no-store', "$title: no-store");
}


sub stats { return get('/status/stats')->{json} }
sub stored { return stats()->{namespaces}{sectors}{stores} }


subtest 'without one right key nothing is answered or changed' => sub {
    run(1);
    ok(get('/api/XLK')->{status} == 200, 'something is there');

    my @lines = ('PUT /admin/sectors/XLK', 'PUT /admin/sectors',
                 'PUT /admin/snapshot', 'DELETE /admin/sectors/XLK',
                 'DELETE /admin/sectors', 'DELETE /admin/', 'DELETE /admin',
                 'PUT /admin/enabled', 'GET /admin/enabled',
                 'PUT /admin/breaker/up', 'POST /admin/refresh',
                 'POST /admin/refresh?symbols=XLK', 'GET /admin/nothing',
                 'OPTIONS /admin/sectors', 'PATCH /admin', 'GET /admin');

    my @ways = (
        [ 'no key', key => undef ],
        [ 'a wrong key', key => 'wrong-key' ],
        [ 'an empty key', key => '' ],
        [ 'a part of a key', key => substr $key[0], 0, -1 ],
        [ 'more than a key', key => "$key[0]x" ],
        [ 'two right keys', headers => ["X-API-Key: $key[0]"] ],
        [ 'a right and a wrong key', headers => ['x-api-key: wrong-key'] ],
        [ 'both keys in one', key => "$key[0], $key[1]" ],
        [ 'the comment of the file', key => '# rotated' ],
    );

    for my $line (@lines) {
        my $body = $line =~ /enabled/ ? '{"enabled":false}'
                   : $line =~ /breaker/ ? '{"state":"open"}'
                   : $line =~ /PUT/ ? sector(XLK => 1) : undef;

        for my $way (@ways) {
            my ($title, @with) = @$way;
            my $got = ask($line, body => $body, @with);

            is_error($got, 401, 'UNAUTHORIZED', "$line with $title");
        }
    }

    my $got = ask('GET /admin/enabled', key => 'wrong-key');
    like($got->{headers}{'www-authenticate'}, qr/^ApiKey realm="/,
         'a 401 says how to ask');
    is($got->{headers}{'content-type'}, 'application/json', 'as JSON');

    $got = ask('DELETE /admin/', key => 'wrong-key' x (65536 / 9));
    ok($got->{status} == 400 || $got->{status} == 401, '64 KiB of a key');

    my $stats = stats();
    is($stats->{entryCount}, 1, 'nothing was removed');
    is(stored(), 1, 'nothing was stored');
    ok($stats->{enabled}, 'it is on');
    is($stats->{sources}{up}{breaker}{state}, 'closed', 'the breaker is closed');
    is($stats->{sources}{up}{fetches}, 1, 'nothing was fetched');

    my $log = $nginx->log;
    unlike($log, qr/sector_cache_admin /, 'no change is in the log');
    $log =~ s/^.*too (?:long|large).*\n//mg;
    unlike($log, qr/wrong-key/, 'nor the wrong key');

    is($nginx->stop, 0, 'nginx ended well');
};


subtest 'each key of the file is good, and those of a new file after a reload'
    => sub
{
    run(2);

    for my $key (@key) {
        is(ask('GET /admin/enabled', key => $key)->{status}, 200, 'a key');
    }

    key_file("$key[1]\n");
    $nginx->reload;

    is(ask('GET /admin/enabled')->{status}, 401, 'the one that is gone');
    is(ask('GET /admin/enabled', key => $key[1])->{status}, 200,
       'the one that stayed');

    key_file("$key[0]\n$key[1]\n");
    ended_well();
};


subtest 'no key is asked for where that is said' => sub {
    run(1, admin => 'sector_cache_admin_key off;');
    is(ask('GET /admin/enabled', key => undef)->{status}, 200, 'without');
    is(ask('GET /admin/enabled', key => 'wrong-key')->{status}, 200,
       'with any');
    ended_well();
};


subtest 'a sector that is put is served as it came' => sub {
    run(2);

    my $body = sector(XLK => '241.3600', ', "own":[1,2.50, null],'
                      . '"big":18446744073709551615,"huge":-1e400,'
                      . '"a\u0000":"\u0000"');
    my $got = ask('PUT /admin/sectors/xlk', body => " $body\n");

    is($got->{status}, 200, 'status');
    is_deeply($got->{data}, { stored => 1 }, 'data');
    ok($got->{json}{success} && $got->{json}{timestamp}, 'the envelope');
    is($got->{headers}{'cache-control'}, 'no-store', 'no-store');

    for (1 .. 6) {
        my $hit = get('/api/XLK');
        is($hit->{cache}, 'hit', 'a hit');
        like($hit->{body}, qr/^\{"success":true,"data":\Q$body\E,"cached"/,
             'byte for byte');
    }

    is($upstream->calls($path), 0, 'nothing was fetched');
    like($nginx->log, qr/notice.*_admin stored 1 in "sectors", client: 127\./,
         'a line in the log');
    ended_well();
};


subtest 'a ttl of its own, longer and shorter' => sub {
    run(1, zone => 'ttl=1m stale=1h jitter=50%');

    my %ttl = ('' => [25, 60], '?ttl=30s' => [29, 30], '?ttl=2m' => [119, 120],
               '?ttl=1h30m' => [5399, 5400], '?ttl=365d' => [31535999, 31536000],
               '?ttl=7' => [6, 7]);

    for my $arg (sort keys %ttl) {
        is(ask("PUT /admin/sectors/XLK$arg", body => sector(XLK => 1))
           ->{status}, 200, "put $arg");

        my $ttl = get('/api/XLK')->{json}{metadata}{ttl};
        ok($ttl >= $ttl{$arg}[0] && $ttl <= $ttl{$arg}[1], "ttl is $ttl");
    }

    my $stores = stored();

    is_error(ask("PUT /admin/sectors/XLK?ttl=$_", body => sector(XLK => 1)),
             400, 'INVALID_TTL', "ttl=$_")
        for '', '0', '0s', '-1', '366d', 'soon', '1ms', '1%20s', '99999999999d';

    is_error(ask('PUT /admin/sectors?ttl=x', body => '{"XLK":'
                                              . sector(XLK => 1) . '}'),
             400, 'INVALID_TTL', 'of a batch');
    is_error(ask('PUT /admin/snapshot?ttl=x', body => '{"sectors":[]}'),
             400, 'INVALID_TTL', 'of a snapshot');

    is(stored(), $stores, 'nothing was stored');
    ended_well();
};


my $deep = '{"symbol":"XLK","price":1,"x":' . '[' x 64 . ']' x 64 . '}';

my %bad = (
    'empty' => '',
    'blank' => " \n",
    'not JSON' => 'price',
    'a page' => '<html></html>',
    'cut off' => '{"symbol":"XLK","price":1',
    'an array' => '[' . sector(XLK => 1) . ']',
    'a string' => '"XLK"',
    'a number' => '1',
    'null' => 'null',
    'an empty object' => '{}',
    'a name twice' => '{"symbol":"XLK","price":1,"price":2}',
    'garbage behind' => sector(XLK => 1) . 'x',
    'a second object behind' => sector(XLK => 1) . sector(XLK => 1),
    'a zero byte' => sector(XLK => "1\0"),
    'a zero byte behind' => sector(XLK => 1) . "\0",
    'an escaped zero in a name' => '{"symbol":"XLK\u0000","price":1}',
    'bad UTF-8' => "{\"symbol\":\"XLK\",\"price\":1,\"x\":\"\xff\"}",
    'too deep' => $deep,
    'a million brackets' => '[' x 300_000,
    'a price as text' => '{"symbol":"XLK","price":"1"}',
    'no price' => '{"symbol":"XLK"}',
    'a price beyond a double' => sector(XLK => '1e999'),
    'another symbol' => sector(XLF => 1),
);


subtest 'a body that is no sector is refused' => sub {
    run(1);

    for my $title (sort keys %bad) {
        my $got = ask('PUT /admin/sectors/XLK', body => $bad{$title});
        is_error($got, 400, 'INVALID_JSON', $title);
        like($got->{json}{error}, qr/^Invalid body: \S/, 'it says why');
    }

    is_error(ask('PUT /admin/sectors/XLK'), 400, 'INVALID_JSON', 'no body');
    is(stored(), 0, 'nothing was stored');
    ended_well();
};


subtest 'of a batch all are stored or none' => sub {
    run(1);

    my $got = ask('PUT /admin/sectors?ttl=1h', body => '{"xlk":'
                  . sector(XLK => 1.50) . ', "XLF" : ' . sector(XLF => 2)
                  . "\n,\"SPY\":" . sector(SPY => 3) . '}');
    is($got->{status}, 200, 'a good one') or diag($got->{body});
    is_deeply($got->{data}, { stored => 3 }, 'data');

    my $hit = get('/api/XLK');
    is($hit->{cache}, 'hit', 'a hit');
    like($hit->{body}, qr/"data":\{"symbol":"XLK","price":1.5\},/, 'as it was');
    ok($hit->{json}{metadata}{ttl} > 3590, 'with its ttl');

    my $good = '"XLK":' . sector(XLK => 9);
    my %wrong = (
        'one of another symbol' => '"XLF":' . sector(XLE => 1),
        'one without a price' => '"XLF":{"symbol":"XLF"}',
        'one that is null' => '"XLF":null',
        'one that is a list' => '"XLF":[]',
        'a symbol twice' => '"xlk":' . sector(XLK => 8),
        'a name twice' => $good,
        'a member beside them' => '"success":true',
    );

    for my $title (sort keys %wrong) {
        $got = ask('PUT /admin/sectors', body => "{$good,$wrong{$title}}");
        is($got->{status}, 400, $title) or diag($got->{body});
    }

    for my $title (sort keys %bad) {
        is(ask('PUT /admin/sectors', body => $bad{$title})->{status}, 400,
           "it is $title");
    }

    is_error(ask('PUT /admin/sectors', body => '{"data":{'
                 . $good . '}}'), 400, 'INVALID_JSON', 'an envelope');
    is_error(ask('PUT /admin/sectors', body => "{$good,\"X Y\":"
                 . sector(XLF => 1) . '}'), 400, 'INVALID_SYMBOL',
             'no symbol');
    is_error(ask('PUT /admin/sectors', body => "{$good,\"ABC\":"
                 . sector(ABC => 1) . '}'), 404, 'UNKNOWN_SYMBOL',
             'one that is not configured');
    is_error(ask('PUT /admin/sectors', body => '{' . join(',', map {
                 "\"S$_\":" . sector("S$_" => 1) } 1 .. 257) . '}'),
             400, 'TOO_MANY_SYMBOLS', 'too many');

    is(get('/api/XLK')->{json}{data}{price}, 1.5, 'what was there is there');
    is(stored(), 3, 'nothing else was stored');
    ended_well();
};


subtest 'a zone that is full takes all of a batch or none' => sub {
    run(1, size => '64k', api => 'sector_cache_unknown_symbols accept;');

    my $pad = ',"pad":"' . 'x' x 700 . '"';

    for my $n (1 .. 60) {
        ask("PUT /admin/sectors/OLD$n", body => sector("OLD$n" => $n, $pad));
    }

    my $before = stats();
    ok($before->{namespaces}{sectors}{evictions} > 0, 'it is full');

    my $got = ask('PUT /admin/sectors', body => '{' . join(',', map {
                  "\"NEW$_\":" . sector("NEW$_" => 1, $pad) } 1 .. 60) . '}');
    is_error($got, 507, 'NO_ROOM', 'more than it can take');

    my $after = stats();
    is($after->{entryCount}, $before->{entryCount}, 'the entries stayed');
    is(stored(), $before->{namespaces}{sectors}{stores}, 'none was stored');
    is(get('/api/OLD60')->{cache}, 'hit', 'the last of the old');

    $got = ask('PUT /admin/sectors', body => '{' . join(',', map {
               "\"NEW$_\":" . sector("NEW$_" => 1, $pad) } 1 .. 10) . '}');
    is($got->{status}, 200, 'as many as it can take');
    is(get("/api/NEW$_")->{cache}, 'hit', "NEW$_ is there") for 1 .. 10;

    ended_well();
};


subtest 'a value over max_object is refused' => sub {
    run(1, zone => 'ttl=10m max_object=200');

    my $large = sector(XLF => 1, ',"pad":"' . 'x' x 300 . '"');

    is_error(ask('PUT /admin/sectors/XLF', body => $large), 413,
             'PAYLOAD_TOO_LARGE', 'alone');
    is_error(ask('PUT /admin/sectors/XLF', body => $large, chunked => 1), 413,
             'PAYLOAD_TOO_LARGE', 'in chunks');
    is_error(ask('PUT /admin/sectors', body => '{"XLK":' . sector(XLK => 1)
                 . ",\"XLF\":$large}"), 413, 'PAYLOAD_TOO_LARGE',
             'in a batch');
    is_error(ask('PUT /admin/enabled', body => ' ' x 5000), 413,
             'PAYLOAD_TOO_LARGE', 'of the switch');
    is(stored(), 0, 'nothing was stored');
    is(ask('PUT /admin/sectors/XLF', body => sector(XLF => 1))->{status}, 200,
       'a small one');
    ended_well();
};


subtest 'bodies in a file, in chunks, and after 100-continue' => sub {
    for my $how ('client_body_in_file_only clean;',
                 'client_body_buffer_size 1k;',
                 'client_body_in_single_buffer on;')
    {
        run(1, admin => $how);

        my $pad = ',"pad":"' . 'x' x 40_000 . '"';
        my $body = sector(XLK => 1, $pad);

        for my $with ([], [chunked => 1], [headers => ['Expect: 100-continue']])
        {
            my $got = ask('PUT /admin/sectors/XLK', body => $body, @$with);
            is($got->{status}, 200, "$how @$with") or diag($got->{body});
            is(get('/api/XLK')->{json}{data}{pad}, 'x' x 40_000, 'whole');
        }

        is(ask('PUT /admin/enabled', body => '{"enabled":true}')->{status},
           200, 'a small one');
        is_error(ask('PUT /admin/sectors/XLK'), 400, 'INVALID_JSON', 'none');
        ended_well();
    }
};


subtest 'a snapshot that is put is served whole' => sub {
    run(2);

    my $body = '{"timestamp":1,"sectors":[{"symbol":"XLK","price":1.0}],'
               . '"summary":{}}';

    is(ask('PUT /admin/snapshot?ttl=1h', body => $body)->{status}, 200,
       'status');

    for (1 .. 4) {
        my $hit = get('/api/snapshot');
        is($hit->{cache}, 'hit', 'a hit');
        like($hit->{body}, qr/"data":\Q$body\E,/, 'byte for byte');
    }

    is_deeply(ask('DELETE /admin/snapshots')->{data}, { removed => 1 },
              'removed');
    ended_well();
};


subtest 'what is no snapshot is refused, and changes nothing' => sub {
    run(1);

    my $good = '{"symbol":"XLK","price":1}';
    my $gone = '{"symbol":"XLF","name":"Financials",'
               . '"error":"Data unavailable"}';
    my $body = "{\"sectors\":[$good,$gone]}";

    is(ask('PUT /admin/snapshot', body => $body)->{status}, 200, 'a good one');

    my %bad = (
        '[]' => qr/the body is an array, not an object/,
        '' => qr/empty body/,
        $bad{'too deep'} => qr/nested/,
        '{}' => qr/no sectors/,
        '{"sectors":{}}' => qr/sectors is an object, not an array/,
        '{"sectors":null}' => qr/sectors is null, not an array/,
        '{"sectors":[]}' => qr/sectors is empty, at least one is needed/,
        '{"sectors":[1]}' => qr/sectors\[0\] is an integer, not an object/,
        "{\"sectors\":[$good],\"sectors\":[]}" => qr/./,
        '{"sectors":[{"a":1}]}' => qr/sectors\[0\]: no symbol/,
        '{"sectors":[{"symbol":1,"price":1}]}' =>
            qr/sectors\[0\]: symbol is an integer, not a string/,
        '{"sectors":[{"symbol":"X K","price":1}]}' =>
            qr/sectors\[0\]: "X K" is no symbol/,
        '{"sectors":[{"symbol":"XLK","price":"x"}]}' =>
            qr/sectors\[0\]: price is a string, not a number/,
        "{\"sectors\":[$good,{\"symbol\":\"XLF\"}]}" =>
            qr/sectors\[1\]: neither a price nor an error/,
        "{\"sectors\":[$good,{\"symbol\":\"XLF\",\"error\":1}]}" =>
            qr/sectors\[1\]: error is an integer, not a string/,
        "{\"sectors\":[$good,{\"symbol\":\"XLF\",\"name\":1,\"error\":\"x\"}]}"
            => qr/sectors\[1\]: name is an integer, not a string/,
        "{\"sectors\":[$good,{\"symbol\":\"xlk\",\"price\":2}]}" =>
            qr/sectors\[1\]: XLK is there twice/,
        "{\"sectors\":[$gone]}" => qr/no sector of 1 has a price/,
        "{\"sectors\":[$good],\"summary\":5}" =>
            qr/summary is an integer, not an object/,
        "{\"sectors\":[$good],\"benchmark\":[]}" =>
            qr/benchmark is an array, not an object/,
        "{\"sectors\":[$good],\"benchmark\":null}" =>
            qr/benchmark is null, not an object/,
        "{\"sectors\":[$good],\"benchmark\":{}}" => qr/benchmark: no symbol/,
        "{\"sectors\":[$good],\"benchmark\":{\"symbol\":\"SPY\"}}" =>
            qr/benchmark: neither a price nor an error/,
    );

    for my $text (sort keys %bad) {
        my $got = ask('PUT /admin/snapshot', body => $text);
        my $title = substr $text, 0, 60;

        is_error($got, 400, 'INVALID_JSON', "refused: $title");
        like($got->{json}{error}, qr/^Invalid body: .*$bad{$text}/, 'and why');
    }

    for my $text ("{\"sectors\":[$good,{\"symbol\":\"ABC\",\"price\":1}]}",
                  "{\"sectors\":[$good],\"benchmark\":{\"symbol\":\"abc\","
                  . '"price":1}}')
    {
        my $got = ask('PUT /admin/snapshot', body => $text);
        is_error($got, 404, 'UNKNOWN_SYMBOL', "not configured: $text");
        like($got->{json}{error}, qr/\bABC\b/, 'and which');
    }

    my $hit = get('/api/snapshot');
    like($hit->{body}, qr/"data":\Q$body\E,/, 'what was there is there');
    is(stats()->{namespaces}{snapshots}{stores}, 1, 'nothing was stored');
    ended_well();
};


subtest 'a snapshot of any symbols, where those are accepted' => sub {
    run(1, api => 'sector_cache_unknown_symbols accept;');

    is(ask('PUT /admin/snapshot', body => '{"sectors":[{"symbol":"ABC",'
           . '"price":1,"own":[1]}],"own":{},"summary":{"x":1},"benchmark":'
           . '{"symbol":"^X","error":"Data unavailable"}}')->{status}, 200,
       'stored');
    ended_well();
};


subtest 'what /snapshot says can be put back' => sub {
    run(1);

    my $first = get('/api/snapshot');
    my ($data) = $first->{body} =~ /"data":(\{.*\}),"cached"/;

    is($first->{cache}, 'miss', 'a whole one');
    is(scalar @{ $first->{json}{data}{sectors} }, 11, 'with all sectors');
    ask('DELETE /admin/');
    is(ask('PUT /admin/snapshot', body => $data)->{status}, 200, 'put');

    my $hit = get('/api/snapshot');
    is($hit->{cache}, 'hit', 'a hit');
    like($hit->{body}, qr/"data":\Q$data\E,/, 'byte for byte');
    ended_well();

    # one alone is in memory, and nothing more can be fetched
    run(1, script => 'status:500');
    ask('PUT /admin/sectors/XLK', body => sector(XLK => 2.5));

    my $partial = get('/api/snapshot');
    ($data) = $partial->{body} =~ /"data":(\{.*\}),"cached"/;

    ok($partial->{json}{metadata}{partial}, 'a partial one')
        or diag($partial->{body});
    like($data, qr/"benchmark":\{"symbol":"SPY","name":"[^"]*","error":/,
         'without its benchmark');
    ask('DELETE /admin/');

    my $got = ask('PUT /admin/snapshot', body => $data);
    is($got->{status}, 200, 'put') or diag($got->{body});
    like(get('/api/snapshot')->{body}, qr/"data":\Q$data\E,/, 'byte for byte');
    ended_well();
};


subtest 'a snapshot that is put is that of the first location' => sub {
    run(2, api => 'sector_cache_symbols { ABC Own; "^X" Index; }',
        server => 'location /second { sector_cache_api;'
                  . ' sector_cache_fetch up /fetch/$sector_cache_symbol; }');

    my $body = '{"sectors":[{"symbol":"ABC","price":1.0}]}';

    is(ask('PUT /admin/snapshot', body => $body)->{status}, 200, 'status');
    my $hit = get('/api/snapshot');
    is($hit->{cache}, 'hit', 'a hit');
    like($hit->{body}, qr/"data":\Q$body\E,/, 'byte for byte');
    is(get('/second/snapshot')->{cache}, 'miss', 'another list is another');
    ended_well();
};


subtest 'symbols are those that the API serves' => sub {
    run(1, api => 'sector_cache_symbols { ABC Own; "^X" Index; }');

    is(ask('PUT /admin/sectors/ABC', body => sector(ABC => 1))->{status}, 200,
       'its own');
    is(ask('PUT /admin/sectors/%5Ex', body => sector('^X' => 1))->{status},
       200, 'one that is escaped');

    my $unknown = sub {
        my ($symbol, $title, $line, $body) = @_;
        my $got = ask($line, body => $body);

        is_error($got, 404, 'UNKNOWN_SYMBOL', $title);
        is_deeply($got->{json}{error_details}, { symbol => $symbol },
                  "$title: which");
        like($got->{json}{error}, qr/^Symbol \Q$symbol\E is not configured$/,
             "$title: in words");
    };

    $unknown->('XLK', 'another', 'PUT /admin/sectors/xlk', sector(XLK => 1));
    $unknown->('XLF', 'in a batch', 'PUT /admin/sectors', '{"ABC":'
               . sector(ABC => 1) . ',"xlf":' . sector(XLF => 1) . '}');
    $unknown->('XLF', 'in a snapshot', 'PUT /admin/snapshot', '{"sectors":['
               . sector(ABC => 1) . ',' . sector(xlf => 1) . ']}');
    $unknown->('XLK', 'of a refresh', 'POST /admin/refresh?symbols=xlk,xlf');

    is_error(ask('PUT /admin/sectors/X%20Y', body => '{}'), 400,
             'INVALID_SYMBOL', 'no symbol');
    is_error(ask('DELETE /admin/sectors/' . 'A' x 33), 400,
             'INVALID_SYMBOL', 'too long');
    ended_well();
};


subtest 'a symbol may have signs, and thirty-two of them' => sub {
    my $long = '0123456789ABCDEF^=&_-.0123456789';
    my $escaped = $long =~ s/([&^=])/sprintf '%%%02X', ord $1/ger;

    run(1, api => "sector_cache_symbols { M&M.NS Mahindra; $long Long; }");

    is(ask('PUT /admin/sectors/M%26m.ns', body => sector('m&m.ns' => 1))
       ->{status}, 200, 'one is put');
    is(get('/api/M&M.NS')->{cache}, 'hit', 'and is there');
    is(ask('PUT /admin/sectors', body => qq({"$long":) . sector($long => 2)
           . ',"M&M.NS":' . sector('M&M.NS' => 3) . '}')->{status}, 200,
       'many are put');
    is(get("/api/$escaped")->{json}{data}{price}, 2, 'and are there');

    is(ask('PUT /admin/snapshot', body => '{"sectors":[' . sector($long => 4)
           . ',' . sector('m&m.ns' => 5) . ']}')->{status}, 200, 'a snapshot');
    is(get('/api/snapshot')->{cache}, 'hit', 'is there');

    is_deeply(ask("DELETE /admin/sectors/$escaped")->{data}, { removed => 1 },
              'one is removed');
    is_deeply([sort keys %{ ask("POST /admin/refresh?symbols=M%26M.NS,$escaped")
                            ->{data} }], [$long, 'M&M.NS'], 'fetched anew');
    is($upstream->calls($path), 2, 'with a call for each');

    is_error(ask("PUT /admin/sectors/${escaped}X", body => '{}'), 400,
             'INVALID_SYMBOL', 'one more is too many');
    is_error(ask("PUT /admin/sectors/$escaped", body => sector("${long}X", 1)),
             400, 'INVALID_JSON', 'and is not the same');
    ended_well();
};


subtest 'what is removed is gone on every worker, and counted' => sub {
    run(2);

    ask('PUT /admin/sectors', body => '{' . join(',', map {
            "\"$_\":" . sector($_ => 1) } qw(XLK XLF XLE)) . '}');
    ask('PUT /admin/snapshot', body => '{"sectors":[' . sector(XLK => 1)
                                       . ']}');

    is_deeply(ask('DELETE /admin/sectors/XLK')->{data}, { removed => 1 },
              'one');
    is_deeply(ask('DELETE /admin/sectors/XLK')->{data}, { removed => 0 },
              'again');
    is_deeply(ask('DELETE /admin/sectors/GONE', body => 'ignored')->{data},
              { removed => 0 }, 'one that was never there');
    is_deeply(ask('DELETE /admin/sectors')->{data}, { removed => 2 },
              'a namespace');
    is_deeply(ask('DELETE /admin/other')->{data}, { removed => 0 },
              'an empty one');
    is(stats()->{entryCount}, 1, 'the snapshot is there');

    ask('PUT /admin/sectors/XLK', body => sector(XLK => 1));
    is_deeply(ask('DELETE /admin/')->{data}, { removed => 2 }, 'all');
    is_deeply(ask('DELETE /admin')->{data}, { removed => 0 }, 'all again');
    is(stats()->{entryCount}, 0, 'nothing is there');
    is(get('/api/XLK')->{cache}, 'miss', 'a miss');
    like($nginx->log, qr/removed 1, "XLK", from "sectors"/, 'one line');
    like($nginx->log, qr/removed 2 from all namespaces/, 'another');
    ended_well();
};


for my $workers (1, 2) {
    subtest "the kill switch holds for the next request, $workers worker(s)"
        => sub
    {
        run($workers);
        get('/api/XLK');

        is_deeply(ask('GET /admin/enabled')->{data},
                  { enabled => JSON::PP::true }, 'it is on');

        for my $round (1 .. 3) {
            my $got = ask('PUT /admin/enabled', body => '{"enabled":false}');
            is_deeply($got->{data}, { enabled => JSON::PP::false }, 'off');

            my %seen;

            for (1 .. 8) {
                my $answer = get('/api/XLK');
                $seen{$answer->{cache}}++;
            }

            is_deeply(\%seen, { disabled => 8 }, 'off on every worker');
            ok(!stats()->{enabled}, '/stats says so');
            is(get('/api/snapshot')->{cache}, 'disabled', 'snapshots too');

            $nginx->reload if $round == 2;

            is(get('/api/XLK')->{cache}, 'disabled', 'still');
            ok(!ask('GET /admin/enabled')->{data}{enabled}, 'it says so');

            ask('PUT /admin/enabled', body => '{"enabled":true}');

            %seen = ();
            $seen{get('/api/XLK')->{cache}}++ for 1 .. 8;
            is_deeply(\%seen, { hit => 8 }, 'on on every worker');
            ok(stats()->{enabled}, '/stats says so');
        }

        is(stored(), 1, 'nothing was stored meanwhile');
        is(scalar(() = $nginx->log =~ /\[warn\].*all sector caches are off/g),
           1, 'the reload warned of it');

        for my $bad ('', '{}', '{"enabled":0}', '{"enabled":"false"}',
                     '{"enabled":null}', '{"enabled":false,"x":1}',
                     '{"enabled":false,"enabled":false}', 'false',
                     "{\"enabled\":false}\0", '{"enabled":false}}')
        {
            is_error(ask('PUT /admin/enabled', body => $bad), 400,
                     'INVALID_JSON', "refused: $bad");
        }

        is(get('/api/XLK')->{cache}, 'hit', 'nothing was changed');
        ended_well();
    };
}


subtest 'what is put while the cache is off is there when it is on' => sub {
    run(1);
    ask('PUT /admin/enabled', body => '{"enabled":false}');
    ask('PUT /admin/sectors/XLK', body => sector(XLK => 7));
    is(get('/api/XLK')->{json}{data}{price}, 101, 'fetched anew');
    ask('PUT /admin/enabled', body => '{"enabled":true}');
    is(get('/api/XLK')->{json}{data}{price}, 7, 'what was put');
    ended_well();
};


subtest 'a breaker is forced and freed on all workers' => sub {
    run(2, source => 'failures=1 open=1h max_open=1h');

    my $got = ask('PUT /admin/breaker/up', body => '{"state":"open"}');
    is_deeply($got->{data}, { source => 'up', state => 'open',
                              forced => JSON::PP::true }, 'open');

    is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN', 'refused')
        for 1 .. 8;
    is($upstream->calls($path), 0, 'no call was made');

    my $breaker = stats()->{sources}{up}{breaker};
    ok($breaker->{forced}, '/stats says that it is forced');
    is($breaker->{state}, 'open', 'and open');

    $nginx->reload;
    is(get('/api/XLK')->{code}, 'SECTOR_API_CIRCUIT_OPEN',
       'refused after a reload');

    $got = ask('PUT /admin/breaker/up', body => '{"state":"auto"}');
    is_deeply($got->{data}, { source => 'up', state => 'closed',
                              forced => JSON::PP::false }, 'freed');
    is(get('/api/XLK')->{status}, 200, 'fetched');
    ok(!stats()->{sources}{up}{breaker}{forced}, 'not forced');

    ask('PUT /admin/breaker/up', body => '{"state":"closed"}');
    is(stats()->{sources}{up}{breaker}{state}, 'closed', 'forced closed');

    is_error(ask('PUT /admin/breaker/none', body => '{"state":"open"}'), 404,
             'NOT_FOUND', 'an unknown source');

    my $allowed = 'allowed: open, closed, auto';
    my %refused = (
        '{"state":"half_open"}' => qr/state is "half_open", $allowed$/,
        '{"state":"Open"}' => qr/state is "Open", $allowed$/,
        '{"state":""}' => qr/state is "", $allowed$/,
        '{"state":"' . 'x' x 3000 . '"}' => qr/state is "x{32}", $allowed$/,
        '{"state":1}' => qr/state is an integer, $allowed$/,
        '{"state":null}' => qr/state is null, $allowed$/,
        '{}' => qr/no state, $allowed$/,
        '{"state":"open","x":1}' => qr/a member beside state$/,
        '["open"]' => qr/the body is an array, not an object$/,
        '' => qr/empty body$/,
    );

    for my $bad (sort keys %refused) {
        $got = ask('PUT /admin/breaker/up', body => $bad);
        is_error($got, 400, 'INVALID_JSON', 'refused: ' . substr $bad, 0, 40);
        like($got->{json}{error}, $refused{$bad}, 'and why');
    }

    is(stats()->{sources}{up}{breaker}{state}, 'closed', 'nothing changed');
    ended_well();
};


subtest 'a breaker that is forced closed lets every failure through' => sub {
    run(1, source => 'failures=1 open=1h max_open=1h', script => 'status:500');

    ask('PUT /admin/breaker/up', body => '{"state":"closed"}');
    is(get('/api/XLK')->{status}, 502, "failure $_") for 1 .. 3;
    is(stats()->{sources}{up}{breaker}{state}, 'closed', 'still closed');

    ask('PUT /admin/breaker/up', body => '{"state":"auto"}');
    get('/api/XLK');
    is(stats()->{sources}{up}{breaker}{state}, 'open', 'open by itself');
    ended_well();
};


subtest 'what is fresh is fetched by a refresh' => sub {
    run(2);

    is(get('/api/XLK')->{json}{data}{price}, 101, 'the first');

    my $got = ask('POST /admin/refresh?symbols=xlk,XLF,XLK');
    is($got->{status}, 200, 'status') or diag($got->{body});
    is_deeply([sort keys %{$got->{data}}], ['XLF', 'XLK'], 'each once');
    is($got->{data}{$_}{status}, 'ok', "$_ is ok") for 'XLF', 'XLK';
    ok($got->{data}{XLK}{stored}, 'stored');
    ok($got->{data}{XLK}{ttl} > 590, 'with the ttl of the zone');

    for (1 .. 4) {
        my $hit = get('/api/XLK');
        is("$hit->{cache} $hit->{json}{data}{price}", 'hit 102', 'the second');
    }

    my $before = stats()->{namespaces}{sectors};
    $got = ask('POST /admin/refresh', body => 'ignored');
    is(scalar(keys %{$got->{data}}), 12, 'all that are configured');
    is($got->{data}{SPY}{status}, 'ok', 'the benchmark too');

    my $after = stats()->{namespaces}{sectors};
    is($after->{totalRequests}, $before->{totalRequests},
       'it counts as no request');
    is($after->{entryCount}, 12, 'all are stored');

    $got = ask('POST /admin/refresh?symbols=XLK,NONE');
    is($got->{status}, 200, 'one that is not configured, among others');
    is($got->{data}{NONE}{status}, 'UNKNOWN_SYMBOL', 'says so');
    is($got->{data}{NONE}{error}, 'Symbol NONE is not configured', 'and why');

    is_error(ask('POST /admin/refresh?symbols=NONE'), 404, 'UNKNOWN_SYMBOL',
             'alone');
    is_error(ask('POST /admin/refresh?symbols='), 400, 'INVALID_SYMBOL',
             'none named');
    is_error(ask('POST /admin/refresh?symbols=XLK,,XLF'), 400,
             'INVALID_SYMBOL', 'an empty one');
    is_error(ask('POST /admin/refresh?symbols=' . join ',', ('XLK') x 51), 400,
             'TOO_MANY_SYMBOLS', 'too many');
    ended_well();
};


subtest 'a refresh that fails says why, and spoils nothing' => sub {
    run(1, script => 'ok,status:500', source => 'failures=1000000');

    get('/api/XLK');

    my $got = ask('POST /admin/refresh?symbols=XLK,XLF');
    is($got->{status}, 200, 'one of two');
    is($got->{data}{XLK}{status}, 'UPSTREAM_ERROR', 'the one that failed');
    like($got->{data}{XLK}{error}, qr/500/, 'and why');
    is($got->{data}{XLF}{status}, 'ok', 'the one that did not');

    $got = ask('POST /admin/refresh?symbols=XLK,XLF');
    is_error($got, 502, 'UPSTREAM_ERROR', 'none of two');
    is($got->{json}{error_details}{symbol}, 'XLK', 'the error of the first');

    my $hit = get('/api/XLK');
    is("$hit->{cache} $hit->{json}{data}{price}", 'hit 101', 'what was there');

    ask('PUT /admin/breaker/up', body => '{"state":"open"}');
    $got = ask('POST /admin/refresh?symbols=XLK');
    is_error($got, 503, 'SECTOR_API_CIRCUIT_OPEN', 'the breaker');
    ok($got->{headers}{'retry-after'}, 'Retry-After');
    ended_well();
};


subtest 'a client that leaves a refresh ends nothing' => sub {
    run(1, script => 'gate');

    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $Upstream::Port);
    print $client "POST /admin/refresh?symbols=XLK,XLF HTTP/1.1\r\n"
                  . "Host: localhost\r\nX-API-Key: $key[0]\r\n\r\n";
    $client->flush;

    wait_for('both are fetched', sub { $upstream->calls($path) == 2 });
    close $client;
    $nginx->wait_for_log(qr/client prematurely closed/);

    $upstream->release($path);
    wait_for('both are stored', sub {
        $upstream->release_any($path);
        return stored() == 2;
    });
    ended_well();
};


subtest 'paths and methods' => sub {
    run(1);

    my %allow = ('/admin/sectors/XLK' => 'PUT, DELETE',
                 '/admin/sectors' => 'PUT, DELETE',
                 '/admin/snapshot' => 'PUT', '/admin/snapshots' => 'DELETE',
                 '/admin/enabled' => 'GET, HEAD, PUT',
                 '/admin/breaker/up' => 'PUT', '/admin/refresh' => 'POST',
                 '/admin/' => 'DELETE', '/admin' => 'DELETE');

    for my $path (sort keys %allow) {
        for my $method (qw(GET HEAD PUT POST DELETE OPTIONS PATCH TRACE)) {
            next if $allow{$path} =~ /\b$method\b/;
            next if $method eq 'TRACE';

            my $got = ask("$method $path");
            is($got->{status}, 405, "$method $path");
            is($got->{headers}{allow}, $allow{$path}, 'Allow');
            is($got->{headers}{'cache-control'}, 'no-store', 'no-store');
        }
    }

    is_error(ask("$_"), 404, 'NOT_FOUND', $_)
        for 'GET /admin/nothing', 'DELETE /admin/nothing',
            'PUT /admin/sectors/', 'PUT /admin/sectors/XLK/x',
            'PUT /admin/breaker', 'PUT /admin/breaker/', 'GET /admin/enabled/',
            'DELETE /admin/refresh/x';

    my $head = ask('HEAD /admin/enabled');
    is($head->{status}, 200, 'HEAD');
    is($head->{body} // '', '', 'has no body');

    is_error(ask('GET /adminx/enabled'), 404, 'NOT_FOUND', 'another prefix');
    ended_well();
};


subtest 'the namespaces of an admin location may be named' => sub {
    run(1, http => 'sector_cache_zone quotes 1m;',
        server => 'location /quotes-admin { sector_cache_admin sectors=quotes
                   snapshots=other; sector_cache_admin_key off;
                   sector_cache_unknown_symbols accept; }
                   location /quotes { sector_cache_api sectors=quotes;
                   sector_cache_fetch up /fetch/$sector_cache_symbol; }');

    is(ask('PUT /quotes-admin/sectors/XLK', body => sector(XLK => 5))
       ->{status}, 200, 'put');
    is(get('/quotes/XLK')->{json}{data}{price}, 5, 'served there');
    is(get('/api/XLK')->{json}{data}{price}, 101, 'and not elsewhere');
    is_error(ask('PUT /quotes-admin/sectors/ABC', body => sector(ABC => 5)),
             404, 'UNKNOWN_SYMBOL', 'what the API does not serve');
    is_deeply(ask('DELETE /quotes-admin/quotes')->{data}, { removed => 1 },
              'removed');
    ended_well();
};


subtest 'an envelope that is off, and an if, change nothing for admins' => sub
{
    run(1, http => 'sector_cache_envelope off;',
        admin => 'if ($arg_x) { set $y 1; }
                  if ($arg_z) { add_header X-Z 1; }');

    ok(ask('GET /admin/enabled')->{json}{success}, 'the envelope');
    is(ask('GET /admin/enabled?z=1')->{headers}{'x-z'}, 1, 'in an if');
    is_error(ask('GET /admin/enabled?z=1', key => undef), 401,
             'UNAUTHORIZED', 'and the key is asked for in it');
    ended_well();
};


done_testing();
