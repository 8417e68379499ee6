# The bodies of admin requests: the key is asked for before their length, what
# is too long is refused as JSON by whichever limit is the smaller, and nothing
# beyond the limit is read, kept in memory or written to a file.  nginx's own
# limit would be an HTML page before the key is looked at, and taking it away
# would leave a disk to be filled.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get wait_for);

my $key = 'a-key-0123456789';
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $nginx;

open my $out, '>', "$dir/keys" or die "$dir/keys: $!\n";
print $out "$key\n";
close $out;
chmod 0600, "$dir/keys";


# Options: zone, snapshots, admin, server.
sub run {
    my %o = (zone => '', admin => '', server => '', snapshots => '', @_);

    $nginx = Upstream::Nginx->new(workers => 1, http => <<"END");
sector_cache_zone sectors 40m ttl=10m $o{zone};
sector_cache_zone snapshots 16m ttl=10m $o{snapshots};
sector_cache_source up;
sector_cache_admin_key_file $dir/keys;
client_body_temp_path client_body;
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
    }
    location /fetch/ {
        internal;
        return 404;
    }
    location /status {
        sector_cache_status;
    }
    $o{server}
}
END
}


sub stored { return get('/status/stats')->{json}{namespaces}{$_[0]}{stores} }


# Files that a body was written to and that are still there.
sub files { return glob "$nginx->{root}/client_body/*" }


sub ended_well {
    my @files = files();

    is("@files", '', 'no body is left in a file');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
}


sub client {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $Upstream::Port)
        or die "cannot connect: $!\n";
    $socket->autoflush(1);

    return $socket;
}


sub head {
    my ($line, @headers) = @_;

    return join "\r\n", "$line HTTP/1.1", 'Host: localhost', @headers, '', '';
}


my @with_key = ("X-API-Key: $key");


# How long an answer may take.  Where one takes longer nothing else is tried:
# each of many would.
my $patience = Upstream::scaled(10);


# What is answered: the bytes up to the end of one answer, however long the
# connection stays.
sub answer {
    my ($socket, %with) = @_;
    my $select = IO::Select->new($socket);
    my $until = time + $patience;
    my $text = delete ${*$socket}{rest} // '';

    while (1) {
        last if $text =~ /^HTTP.*?\r\n\r\n/s && !$with{final}
                && $text =~ /^HTTP\/1\.1 100 /;

        if ($text =~ /^(HTTP\/1\.1 (?!100).*?\r\n\r\n)/s
            || $text =~ /^(HTTP\/1\.1 100 [^\r]*\r\n\r\nHTTP.*?\r\n\r\n)/s)
        {
            my $head = $1;
            my ($len) = $head =~ /^Content-Length: (\d+)/mi;
            last if defined $len && length($text) >= length($head) + $len;
        }

        my $left = $until - time;

        die "no answer in time\n" if $left <= 0 || !$select->can_read($left);
        last unless sysread $socket, $text, 65536, length $text;
    }

    # what is behind it is of the next one

    if ($text =~ /^((?:HTTP\/1\.1\ 100\ .*?\r\n\r\n)?
                    HTTP\/1\.1\ (?!100).*?\r\n\r\n)/sx)
    {
        my $head = $1;
        my ($len) = $head =~ /^Content-Length: (\d+)/mi;

        ${*$socket}{rest} = substr $text, length($head) + $len, length $text, ''
            if defined $len && length $text > length($head) + $len;
    }

    my $continued = $text =~ s/^HTTP\/1\.1 100 [^\r]*\r\n\r\n// ? 1 : 0;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ /^HTTP\/1\.1 (\d+)/;
    my $json = eval { JSON::PP->new->decode($body // '') };

    return { status => $status || 0, head => $head // '', body => $body // '',
             continued => $continued, text => $text, json => $json,
             code => $json && $json->{error_code} || '' };
}


# Sends until all is sent or nobody takes it any more; never waits for long.
sub push_bytes {
    my ($socket, $bytes, $times) = @_;
    my $select = IO::Select->new($socket);
    my $sent = 0;

    local $SIG{PIPE} = 'IGNORE';

    for (1 .. $times) {
        my $at = 0;

        while ($at < length $bytes) {
            return $sent unless $select->can_write(2);
            my $n = syswrite $socket, $bytes, length($bytes) - $at, $at;
            return $sent unless $n;
            $at += $n;
            $sent += $n;
        }
    }

    return $sent;
}


sub chunk { return sprintf("%x\r\n", length $_[0]) . "$_[0]\r\n" }


sub chunks { return join('', map { chunk($_) } @_) . "0\r\n\r\n" }


sub sector {
    my ($symbol, $pad) = @_;

    return qq({"symbol":"$symbol","price":1,"pad":") . 'x' x $pad . '"}';
}


sub refused {
    my ($got, $status, $code, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is("$got->{status} $got->{code}", "$status $code", $title)
        or diag(substr $got->{text}, 0, 400);
    like($got->{head}, qr/^Content-Type: application\/json\r?$/mi,
         "$title: as JSON");
}


# A request of a body that begins and is not sent to its end.
sub begun {
    my ($line, %with) = @_;
    my $socket = client();
    my $length = $with{length};

    print $socket head($line, @{ $with{headers} || \@with_key },
                       defined $length ? "Content-Length: $length"
                                       : 'Transfer-Encoding: chunked');
    my $sent = push_bytes($socket, $with{bytes} // '', $with{times} || 1);

    return (answer($socket, final => 1), $sent, $socket);
}


my $mib = 1024 * 1024;

my @lines = ('PUT /admin/sectors/XLK', 'PUT /admin/sectors',
             'PUT /admin/snapshot', 'PUT /admin/enabled',
             'PUT /admin/breaker/up', 'DELETE /admin/sectors/XLK',
             'DELETE /admin', 'POST /admin/refresh', 'GET /admin/enabled',
             'PUT /admin/nothing', 'PATCH /admin/sectors');


subtest 'without the key the answer is 401, whatever the length' => sub {
    run();

    for my $line (@lines) {
        for my $length (0, 1, $mib, $mib + 1, 64 * $mib, 1 << 40) {
            my ($got) = begun($line, headers => [], length => $length,
                              bytes => 'x' x ($length > 20 ? 20 : $length));
            refused($got, 401, 'UNAUTHORIZED', "$line, $length");
        }

        my ($got) = begun($line, headers => ['X-API-Key: wrong'],
                          bytes => chunk('x' x 70_000), times => 40);
        refused($got, 401, 'UNAUTHORIZED', "$line, chunks");
    }

    my ($got) = begun($lines[0], headers => [], bytes => "no chunk\r\n");
    refused($got, 401, 'UNAUTHORIZED', 'chunks that are none');

    is(stored('sectors'), 0, 'nothing was stored');
    ended_well();
};


subtest 'a length over client_max_body_size is 413, whatever the path' => sub {
    run(zone => 'max_object=8m');

    for my $line (@lines) {
        my ($got) = begun($line, length => $mib + 1, bytes => 'x');
        refused($got, 413, 'PAYLOAD_TOO_LARGE', $line);
        like($got->{json}{error}, qr/\b1048576 bytes.*client_max_body_size/,
             'it says the limit and whose it is');
        like($got->{head}, qr/^Connection: close/mi, 'and closes');
    }

    my ($got) = begun($lines[0], length => "9223372036854775807", bytes => 'x');
    refused($got, 413, 'PAYLOAD_TOO_LARGE', 'a length without end');

    is(stored('sectors'), 0, 'nothing was stored');
    ended_well();
};


subtest 'in the reference configuration a sector over 1 MiB is 413' => sub {
    run();

    my $body = sector(XLK => $mib);
    my ($got) = begun('PUT /admin/sectors/XLK', length => length $body,
                      bytes => $body);
    refused($got, 413, 'PAYLOAD_TOO_LARGE', 'with its length');

    ($got) = begun('PUT /admin/sectors/XLK', bytes => chunks($body));
    refused($got, 413, 'PAYLOAD_TOO_LARGE', 'in one chunk');

    ($got) = begun('PUT /admin/sectors/XLK',
                   bytes => chunks(unpack '(a1000)*', $body));
    refused($got, 413, 'PAYLOAD_TOO_LARGE', 'in many chunks');

    $body = sector(XLK => $mib - 60);
    ($got) = begun('PUT /admin/sectors/XLK', length => length $body,
                   bytes => $body);
    is($got->{status}, 200, 'a little less, with its length')
        or diag($got->{text});

    ($got) = begun('PUT /admin/sectors/XLK',
                   bytes => chunks(unpack '(a999)*', $body));
    is($got->{status}, 200, 'a little less, in chunks')
        or diag($got->{text});

    is(stored('sectors'), 2, 'those two were stored');
    ended_well();
};


subtest 'the smaller of both limits holds, to the byte' => sub {
    my @cases = (
        # max_object, client_max_body_size, the limit of a sector, of a batch
        ['1m', '5000', 5000, 5000],
        ['4000', '5000', 4000, 5000],
        ['8m', '2m', 2 * $mib, 2 * $mib],
        ['6m', '0', 6 * $mib, 6 * $mib],
        ['1m', '0', $mib, 4 * $mib],
        ['1m', '16m', $mib, 4 * $mib],
    );

    for my $case (@cases) {
        my ($object, $body, $one, $many) = @$case;

        run(zone => "max_object=$object",
            admin => "client_max_body_size $body;");

        for my $with (['sectors/XLK', $one], ['sectors', $many]) {
            my ($path, $limit) = @$with;

            for my $more (0, 1) {
                my $text = sector(XLK => 10);
                $text = "{\"XLK\":$text}" if $path eq 'sectors';
                $text .= ' ' x ($limit + $more - length $text);

                for my $chunked (0, 1) {
                    my ($got) = begun("PUT /admin/$path",
                        $chunked ? (bytes => chunks(unpack '(a65536)*', $text))
                                 : (bytes => $text, length => length $text));

                    is("$got->{status} $got->{code}",
                       $more ? '413 PAYLOAD_TOO_LARGE' : '200 ',
                       "max_object=$object client_max_body_size=$body: $path,"
                       . " $limit + $more" . ($chunked ? ' in chunks' : ''))
                        or diag(substr $got->{text}, 0, 400);
                }
            }
        }

        ended_well();
    }
};


# Whoever asks for the body in between, a mirror or a second proxy, leaves it as
# little whole as it was.
for my $case (['', '', '@admin'], [' and a mirror', 'mirror /mirror;', '@admin'],
              [' and a second one buffered', '', '@second'])
{
    my ($title, $admin, $next) = @$case;

    subtest "a body that one has begun to read unbuffered$title" => sub {
        run(admin => $admin, server => <<"END");
    recursive_error_pages on;
    location /proxied {
        proxy_pass http://127.0.0.1:1;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        error_page 502 = $next;
    }
    location \@second {
        proxy_pass http://127.0.0.1:1;
        error_page 502 = \@admin;
    }
    location \@admin {
        rewrite ^ /admin/sectors/XLK last;
    }
    location = /mirror {
        internal;
        return 204;
    }
END

        # of which nothing has come
        for my $length ('Content-Length: 20000', 'Transfer-Encoding: chunked') {
            my $socket = client();

            print $socket head('PUT /proxied', @with_key, $length);
            is(answer($socket)->{status}, 500, $length);
        }

        # 200 for what came with the head: that is whole
        for my $size (10, 20_000, 100_000) {
            my $socket = client();

            print $socket head('PUT /proxied', @with_key,
                               'Transfer-Encoding: chunked'),
                          chunks(sector(XLK => $size));
            like(answer($socket)->{status}, qr/^(?:200|500)$/, "$size bytes");
        }

        is(get('/status/stats')->{status}, 200, 'and no more');
        ended_well();
    };
}


# The upstream takes the body and is gone, and what was relayed is kept by
# nobody: that is no fault of the client's.
for my $admin ('', 'mirror /mirror;') {
    subtest "a body that another location has read unbuffered $admin" => sub {
        my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                             Timeout => Upstream::scaled(10),
                                             Listen => 5) or die "listen: $!\n";
        my $port = $listener->sockport;

        run(admin => $admin, server => <<"END");
    location /proxied {
        proxy_pass http://127.0.0.1:$port;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        error_page 502 = \@admin;
    }
    location \@admin {
        rewrite ^ /admin/sectors/XLK last;
    }
    location = /mirror {
        internal;
        return 204;
    }
END

        for my $size (10, 20_000) {
            my $body = sector(XLK => $size);

            for my $chunked (0, 1) {
                my $socket = client();
                print $socket head('PUT /proxied', @with_key,
                                   $chunked ? 'Transfer-Encoding: chunked'
                                   : 'Content-Length: ' . length $body);

                my $relay = $listener->accept or die "nobody connects\n";
                my $select = IO::Select->new($relay);
                print $socket $chunked ? chunks($body) : $body;

                my $read = '';
                until ($read =~ /"\}(?:\r\n0\r\n\r\n)?\z/) {
                    $select->can_read(Upstream::scaled(10)) or last;
                    sysread $relay, $read, 65_536, length $read or last;
                }
                close $relay;

                is(answer($socket)->{status}, 500, "$size bytes, $chunked");
            }
        }

        is(stored('sectors'), 0, 'nothing was stored');
        ended_well();
    };
}


subtest 'chunks without end are not read beyond the limit' => sub {
    for my $how ('', 'client_body_buffer_size 1k;',
                 'client_body_in_file_only on;',
                 'client_body_in_single_buffer on;', 'client_max_body_size 0;',
                 'client_max_body_size 64m;')
    {
        run(admin => $how, zone => 'max_object=256k');

        my ($got, $sent) = begun('PUT /admin/sectors/XLK',
                                 bytes => chunk('x' x 65_536), times => 2000);
        refused($got, 413, 'PAYLOAD_TOO_LARGE', "chunks $how");
        ok($sent < 130 * $mib, "$sent bytes were sent");

        ($got) = begun('PUT /admin/sectors/XLK', bytes => chunk('x') x 1000,
                       times => 300);
        refused($got, 413, 'PAYLOAD_TOO_LARGE', "small chunks $how");

        ($got) = begun('PUT /admin/sectors/XLK', bytes => "fffffffff\r\n");
        refused($got, 413, 'PAYLOAD_TOO_LARGE', "a chunk without end $how");

        ($got) = begun('PUT /admin/enabled', bytes => chunk('x' x 5000));
        refused($got, 413, 'PAYLOAD_TOO_LARGE', "of the switch $how");

        my @files = files();
        is("@files", '', "nothing was written $how");
        is(stored('sectors'), 0, 'nothing was stored');
        is(get('/status/stats')->{status}, 200, 'others are answered');
        ended_well();
    }
};


subtest 'a body in pieces, slowly, with its length and in chunks' => sub {
    for my $how ('', 'client_body_buffer_size 1k;',
                 'client_body_in_file_only clean;')
    {
        run(admin => $how);

        my $body = sector(XLK => 60_000);

        for my $chunked (0, 1) {
            my $socket = client();

            print $socket head('PUT /admin/sectors/XLK', @with_key,
                               $chunked ? 'Transfer-Encoding: chunked'
                               : 'Content-Length: ' . length $body);

            my $bytes = $chunked ? chunks(unpack '(a7001)*', $body) : $body;

            for my $piece (unpack '(a9001)*', $bytes) {
                print $socket $piece;
                select undef, undef, undef, 0.01;
            }

            # and the next one on the same connection
            print $socket head('GET /admin/enabled', @with_key);

            my $got = answer($socket);
            is($got->{status}, 200, "stored, $how $chunked")
                or diag($got->{text});

            $got = answer($socket);
            ok($got->{json}{data}{enabled}, 'and the next one');
            is(length get('/api/XLK')->{json}{data}{pad}, 60_000, 'whole');
        }

        ended_well();
    }
};


subtest 'requests in one packet, with bodies of both kinds' => sub {
    run();

    my $socket = client();
    my $body = sector(XLK => 3000);

    print $socket head('PUT /admin/sectors/XLK', @with_key,
                       'Transfer-Encoding: chunked') . chunks($body)
                  . head('PUT /admin/sectors/XLK',
                         'Transfer-Encoding: chunked') . chunks($body)
                  . head('PUT /admin/sectors/XLK', @with_key,
                         'Content-Length: ' . length $body) . $body
                  . head('PUT /admin/sectors/XLK',
                         'Content-Length: ' . length $body) . $body
                  . head('GET /admin/enabled', @with_key);

    my ($text, $n) = ('', 0);
    my $select = IO::Select->new($socket);

    while ($n < 5 && $select->can_read(10)) {
        last unless sysread $socket, $text, 65536, length $text;
        $n = () = $text =~ /^HTTP\/1\.1 /mg;
    }

    is(join(' ', $text =~ /HTTP\/1\.1 (\d+)/g), '200 401 200 401 200',
       'all are answered');
    ended_well();
};


subtest '100 is said to who waits for it, unless the body is refused' => sub {
    run();

    my @expect = ('Expect: 100-continue');
    my $body = sector(XLK => 3000);

    for my $with (['Content-Length: ' . length $body, $body],
                  ['Transfer-Encoding: chunked', chunks($body)])
    {
        my $socket = client();
        print $socket head('PUT /admin/sectors/XLK', @with_key, @expect,
                           $with->[0]);
        my $got = answer($socket);
        ok($got->{continued}, "100, $with->[0]");
        print $socket $with->[1];
        is(answer($socket)->{status}, 200, 'then 200');
    }

    my @refused = (
        ['401', [], 'PUT /admin/sectors/XLK', 'Content-Length: 10'],
        ['401', [], 'PUT /admin/sectors/XLK', "Content-Length: $mib$mib"],
        ['401', [], 'PUT /admin/sectors/XLK', 'Transfer-Encoding: chunked'],
        ['413', \@with_key, 'PUT /admin/sectors/XLK',
         'Content-Length: 1048577'],
        ['413', \@with_key, 'PUT /admin/enabled', 'Content-Length: 4097'],
        ['404', \@with_key, 'PUT /admin/nothing', 'Content-Length: 10'],
        ['405', \@with_key, 'PATCH /admin/sectors', 'Content-Length: 10'],
    );

    for my $case (@refused) {
        my ($status, $key, $line, $length) = @$case;
        my $socket = client();

        print $socket head($line, @$key, @expect, $length);
        my $got = answer($socket);
        is("$got->{status} $got->{continued}", "$status 0",
           "$line, $length: no 100 before $status");
        like($got->{head}, qr/^Connection: close/mi,
             'and no next one, which might be the body');
    }

    ended_well();
};


subtest 'a client that goes away in the middle leaves nothing' => sub {
    run(admin => 'client_body_buffer_size 1k; client_body_timeout 300ms;');

    for my $length (undef, 50_000) {
        my $socket = client();
        print $socket head('PUT /admin/sectors/XLK', @with_key,
                           defined $length ? "Content-Length: $length"
                           : 'Transfer-Encoding: chunked');
        print $socket defined $length ? 'x' x 20_000
                                      : chunk('x' x 20_000) . "4000\r\nxx";
        select undef, undef, undef, 0.1;
        close $socket;
    }

    wait_for('both are gone', sub {
        return 2 == (() = $nginx->log =~ /client prematurely closed/g);
    });

    # one that stays and sends nothing
    my ($got) = begun('PUT /admin/sectors/XLK', bytes => chunk('x' x 20_000));
    is($got->{status}, 0, 'no answer after a timeout, as nginx does');

    is(stored('sectors'), 0, 'nothing was stored');
    is(get('/status/stats')->{status}, 200, 'others are answered');
    ended_well();
};


subtest 'in an if, a limit_except and after a redirect it is the same' => sub {
    run(admin => 'client_max_body_size 3k;
                  if ($arg_x) { set $y 1; }
                  limit_except GET { deny 10.0.0.0/8; }',
        server => 'location /other { client_max_body_size 8k;
                                     rewrite ^ /admin/sectors/XLK; }');

    for my $uri ('/admin/sectors/XLK', '/admin/sectors/XLK?x=1', '/other') {
        for my $key ([], \@with_key) {
            my @wanted = @$key ? (413, 'PAYLOAD_TOO_LARGE')
                               : (401, 'UNAUTHORIZED');
            my ($got) = begun("PUT $uri", headers => $key, length => 3073,
                              bytes => 'x' x 3073);
            refused($got, @wanted, "PUT $uri, a length");

            ($got) = begun("PUT $uri", headers => $key,
                           bytes => chunks('x' x 3073));
            refused($got, @wanted, "PUT $uri, chunks");
        }

        my ($got) = begun("PUT $uri", bytes => chunks(sector(XLK => 2900)));
        is($got->{status}, 200, "PUT $uri");
    }

    ended_well();
};


subtest 'whatever else reads a body there has the same limit' => sub {
    run(admin => 'client_max_body_size 3k; mirror /mirror;
                  if ($arg_away) { proxy_pass http://127.0.0.1:1; }',
        server => 'location = /mirror { internal; return 204; }');

    my ($got) = begun('PUT /admin/sectors/XLK', bytes => chunks(sector(XLK => 2900)));
    is($got->{status}, 200, 'a small one that is mirrored');
    ($got) = begun('PUT /admin/sectors/XLK', length => 2000,
                   bytes => sector(XLK => 10) . ' ' x (2000 - 42));
    is($got->{status}, 200, 'one with its length') or diag($got->{text});

    for my $uri ('/admin/sectors/XLK', '/admin/sectors/XLK?away=1') {
        ($got) = begun("PUT $uri", bytes => chunk('x' x 65_536), times => 100);
        is($got->{status}, 413, "$uri, chunks");
        ($got) = begun("PUT $uri", length => 64 * $mib,
                       bytes => 'x' x 65_536, times => 100);
        is($got->{status}, 413, "$uri, a length");
    }

    is($nginx->trouble, '', 'without trouble');
    ended_well();
};


subtest 'other locations have nginx\'s own limit' => sub {
    run(server => 'location /plain { client_max_body_size 1k;
                                     proxy_pass http://127.0.0.1:1; }
                   location /admin/below { proxy_pass http://127.0.0.1:1; }');

    for my $case (['/plain', 1025], ['/admin/below', $mib + 1]) {
        my ($got) = begun("PUT $case->[0]", headers => [],
                          length => $case->[1], bytes => 'x');
        is($got->{status}, 413, "$case->[0]");
        like($got->{body}, qr/<html>/, 'nginx\'s own page');
    }

    ended_well();
};


# PUT over HTTP/2, whose client may be told of the end before it has sent all
# (RFC 9113, 8.1), which curl 7.88 takes for a failure.  Sends no more than it
# is allowed to, and reads what comes meanwhile; returns the status and the
# error_code, and how much was sent.

sub frame { return substr(pack('N', length $_[3]), 1)
                   . pack('CCN', @_[0 .. 2]) . $_[3] }

sub field {
    my ($name, $value) = @_;

    return "\0" . join '', map { pack('C/a*', $_) } $name, $value;
}

sub h2_put {
    my ($path, $body, @fields) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$dir/h2") or die "h2: $!\n";
    my $select = IO::Select->new($socket);
    my ($in, $head, $data, $sent, $ended) = ('', '', '', 0, 0);
    my %window = (0 => 65_535, 1 => 65_535);

    local $SIG{PIPE} = 'IGNORE';
    $socket->autoflush(1);

    print $socket "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''),
        frame(1, 4, 1, join '', field(':method', 'PUT'),
              field(':scheme', 'http'), field(':path', $path),
              field(':authority', 'localhost'), map { field(@$_) } @fields);

    while (!$ended && length $data == 0) {
        my ($most) = sort { $a <=> $b } 16_384, values %window;

        if ($most > 0 && $sent <= length $body) {
            my $piece = substr $body, $sent, $most;
            my $last = $sent + length $piece == length $body;

            print $socket frame(0, $last ? 1 : 0, 1, $piece) or last;
            $sent += length $piece;
            $window{$_} -= length $piece for 0, 1;
            $sent++ if $last;
        }

        my $wait = $most > 0 && $sent < length $body ? 0 : $patience;

        die "no answer in time\n" if !$select->can_read($wait) && $wait > 0;

        while ($select->can_read(0)) {
            sysread $socket, $in, 65_536, length $in or $ended = 1, last;
        }

        while (length $in >= 9) {
            my $len = unpack 'N', "\0$in";
            last if length $in < 9 + $len;
            my ($type, $flags, $stream) = unpack 'x3 C C N', $in;
            my $text = substr substr($in, 0, 9 + $len, ''), 9;

            $head .= $text if $type == 1;
            $data .= $text if $type == 0;
            $window{$stream} += unpack 'N', $text if $type == 8;
            $window{1} += (unpack 'nN', $text)[1] - 65_535
                if $type == 4 && $len == 6 && unpack('n', $text) == 4;
            $ended = 1 if $type == 3 || $type == 7;
            print $socket frame(4, 1, 0, '') if $type == 4 && !($flags & 1);
        }
    }

    my $json = eval { JSON::PP->new->decode($data) } || {};
    my $status = $head =~ /[\x08\x48]\x03(\d{3})/ ? $1 : $head =~ /^\x88/ ? 200
                 : $head =~ /^\x8c/ ? 400 : 0;

    return ("$status " . ($json->{error_code} || ''), $sent);
}


subtest 'over HTTP/2, with a length and without' => sub {
    my $built = `$ENV{TEST_NGINX_BINARY} -V 2>&1`;

    plan skip_all => 'nginx has no HTTP/2' unless $built =~ /http_v2_module/;

    run(server => "listen unix:$dir/h2 http2;");

    my %body = (none => '', small => sector(XLK => 3000),
                exact => sector(XLK => $mib - 35),
                large => sector(XLK => $mib - 34), huge => 'x' x (20 * $mib));

    is(length $body{exact}, $mib, 'a body of the limit');

    for my $with ('length', 'no length') {
        my $ask = sub {
            my ($path, $name, @more) = @_;
            my $len = length $body{$name};

            push @more, ['content-length', $len] if $with eq 'length';

            my ($got, $sent) = h2_put($path, $body{$name}, @more);
            cmp_ok($sent, '<', 4 * $mib, "$path, $name, $with: sent");

            return $got;
        };
        my @key = ['x-api-key', $key];

        is($ask->('/admin/sectors/XLK', $_), '401 UNAUTHORIZED',
           "$_, $with, without the key") for sort keys %body;
        is($ask->('/admin/sectors/XLK', 'none', @key), '400 INVALID_JSON',
           "none, $with");
        is($ask->('/admin/sectors/XLK', $_, @key), '200 ', "$_, $with")
            for qw(small exact);
        is($ask->('/admin/sectors/XLK', $_, @key), '413 PAYLOAD_TOO_LARGE',
           "$_, $with") for qw(large huge);
        is($ask->('/admin/enabled', $_, @key), '413 PAYLOAD_TOO_LARGE',
           "$_, $with, the switch") for qw(exact huge);
    }

    is(stored('sectors'), 4, 'those that are not too large were stored');
    ended_well();
};


done_testing();
