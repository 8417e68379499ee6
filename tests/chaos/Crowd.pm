package Crowd;

# Clients of all kinds, many at once in one process: those that read their
# answer, slowly or not, that leave midway, that send half a request, that ask
# for several things on one connection, and those that send nonsense.  Every
# answer is looked at.
#
#     my $crowd = Crowd->new(port => N, places => { ... }, slots => N);
#     my $told = $crowd->run($seconds);
#
# "slots" is how many there are at a time, "rate" how many come in a second at
# most, and "faulty", if it is false, says that all of them wait and read.
# "calm" says that nothing goes wrong: the upstream has every symbol, and what
# is not among the answers known to be right then is wrong.  "sleeps" names a
# file of "WHEN LENGTH" lines, milliseconds: the host was suspended.
#
# A place is { zone, snapshots, age_ms, patience_ms, symbols, any, batch,
# bare }: the zones that count its requests, how old a sector may be, how long
# an answer may take, the symbols to ask for; "any" if it serves others too.
#
# What is told: { answers => { kind => n }, wrong => { text => n },
# counted => { zone => n }, maybe => { zone => n }, ... }, where "maybe" are
# requests that were not answered.

use strict;
use warnings;

use Compress::Zlib ();
use Errno ();
use JSON::PP ();
use Signed qw(now_ms check_sector is_object);
use Socket qw(:DEFAULT IPPROTO_TCP SO_LINGER SO_RCVBUF);

my $crlf = "\015\012";
my $json = JSON::PP->new->utf8;

# What may be answered.

my %STATUS = (
    INVALID_SYMBOL => 400, TOO_MANY_SYMBOLS => 400, UNKNOWN_SYMBOL => 404,
    NOT_FOUND => 404, METHOD_NOT_ALLOWED => 405,
    UPSTREAM_ERROR => 502, UPSTREAM_INVALID => 502, UPSTREAM_TIMEOUT => 504,
    SECTOR_API_CIRCUIT_OPEN => 503, FETCH_QUEUE_FULL => 503,
    RATE_LIMITED => 503, NO_DATA => 503,
);

# Those of a sector within a batch, or of its upstream: who asked is counted.

my %COUNTED = map { $_ => 1 } qw(UPSTREAM_ERROR UPSTREAM_INVALID
    UPSTREAM_TIMEOUT SECTOR_API_CIRCUIT_OPEN FETCH_QUEUE_FULL RATE_LIMITED
    NO_DATA UNKNOWN_SYMBOL);

# By HEAD, which only asks for what there is.

my $fetched = qr/^(?:200|404|50[234])$/;
my %HEAD = (sector => $fetched, batch => $fetched, snapshot => $fetched,
            symbols => qr/^200$/, health => qr/^(?:200|503)$/);

# The kinds of answers in calm weather.  An error has the name of what was
# asked for in front, but for one that was asked for on purpose.

my $CALM = qr/^(?:(?:sector|batch|snapshot)\ (?:gzip\ )?200
                  (?:\ (?:hit|miss|updating|bypass|disabled))?
                 |symbols\ (?:gzip\ )?200|health\ (?:gzip\ )?200\ healthy
                 |304|HEAD\ \w+\ 200
                 |400\ INVALID_SYMBOL|400\ TOO_MANY_SYMBOLS|404\ NOT_FOUND
                 |404\ UNKNOWN_SYMBOL|405\ METHOD_NOT_ALLOWED
                 |left|nonsense|no\ answer\ to\ nonsense)$/x;


sub new {
    my ($class, %option) = @_;
    my $self = bless {
        slots => 16, faulty => 1, %option, connection => {},
        told => { map { $_ => {} } qw(answers wrong counted maybe) },
        etags => {}, longest => 0, lag => 0,
    }, $class;

    my %places = %{ $self->{places} };

    $self->{names} = [ map { ($_) x ($places{$_}{weight} || 1) }
                       sort keys %places ];
    $self->{address} = pack_sockaddr_in($self->{port}, inet_aton('127.0.0.1'));
    $self->{told}{$_} = 0 for qw(requests cut late);

    return $self;
}


# Asks for so long, or until $$stop, and then waits for what is under way.
sub run {
    my ($self, $seconds, $stop) = @_;
    my $until = now_ms() + 1000 * $seconds;
    my $all = $self->{connection};
    my ($next, $owner) = (0, getppid);

    local $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $now = now_ms();
        my $over = $now >= $until || $stop && $$stop || getppid != $owner;

        last if $over && !%$all;

        while (!$over && keys %$all < $self->{slots}
               && (!$self->{rate} || $next <= $now))
        {
            $next = ($next < $now - 100 ? $now : $next)
                    + 1000 / $self->{rate} if $self->{rate};
            $self->arrive($now);
        }

        my ($read, $write) = ('', '');
        my $wait = $self->{rate} ? 5 : 50;

        for my $c (values %$all) {
            if (length $c->{out}) {
                vec($write, $c->{fd}, 1) = 1;
            }

            if ($c->{next_read} && $c->{next_read} > $now) {
                my $left = $c->{next_read} - $now;
                $wait = $left if $left < $wait;
            } else {
                vec($read, $c->{fd}, 1) = 1;
            }

            if ($c->{leaves}) {
                my $left = $c->{leaves} - $now;
                $wait = $left < 0 ? 0 : $left if $left < $wait;
            }
        }

        my $n = select $read, $write, undef, $wait / 1000;
        my $lag = $now;
        $now = now_ms();

        for my $c (values %$all) {
            $self->transmit($c) if length $c->{out} && $n > 0
                                   && vec $write, $c->{fd}, 1;
            $self->receive($c) if $all->{ $c->{fd} } && $n > 0
                                  && vec $read, $c->{fd}, 1;
        }

        for my $c (values %$all) {
            if ($c->{leaves} && $c->{leaves} <= $now) {
                $self->leave($c, 'left');

            } elsif ($now - $c->{since} > 20_000 + $c->{patience}) {
                my $request = $c->{asked}[0];

                $self->wrong($request ? "no answer from $request->{name}"
                             : "not closed by $c->{last}{name}",
                             ($request || $c->{last})->{path}
                             . ", $c->{kind}");
                $self->leave($c, 'gave up');
            }
        }

        $lag = now_ms() - $now;
        $self->{lag} = $lag if $lag > $self->{lag};
    }

    @{ $self->{told} }{qw(longest lag)} = @{$self}{qw(longest lag)};

    return $self->{told};
}


# What went wrong, and for the log its particulars.
sub wrong {
    my ($self, $text, $detail) = @_;

    $text =~ s/\b\d{2,} ms/N ms/;

    if (++$self->{told}{wrong}{$text} <= 20 && $self->{log}) {
        syswrite $self->{log}, now_ms() . " $text: $detail\n";
    }
}


# Counts an answer, and in calm weather looks whether it may be.
sub count_answer {
    my ($self, $kind, $request, $detail) = @_;

    $self->{told}{answers}{$kind}++;
    $self->wrong("$kind in calm weather, $request->{name}",
                 "$request->{method} $request->{path} $detail")
        if $self->{calm} && $kind !~ $CALM;
}


# A client comes.
sub arrive {
    my ($self, $now) = @_;
    my $dice = $self->{faulty} ? rand : 0;
    my $kind = $dice < 0.72 ? 'reads' : $dice < 0.80 ? 'several'
               : $dice < 0.84 ? 'slow' : $dice < 0.95 ? 'leaves'
               : $dice < 0.97 ? 'half' : 'nonsense';

    socket my $socket, PF_INET, SOCK_STREAM, IPPROTO_TCP
        or die "socket: $!";
    $socket->blocking(0);

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 2048 if $kind eq 'slow';

    if (!connect($socket, $self->{address}) && !$!{EINPROGRESS}) {
        $self->wrong('cannot connect', $!);
        select undef, undef, undef, 0.1;
        return;
    }

    my $c = { socket => $socket, fd => fileno $socket, kind => $kind,
              in => '', out => '', asked => [], patience => 0, since => $now };

    $self->{connection}{ $c->{fd} } = $c;

    if ($kind eq 'nonsense') {
        $self->ask($c, nonsense());

    } else {
        my $n = $kind eq 'several' ? 2 + int rand 3 : 1;

        $self->ask($c, $self->request($_ < $n)) for 1 .. $n;
    }

    if ($kind eq 'half') {
        my $length = length $c->{out};

        # nobody has asked for anything
        substr $c->{out}, 1 + rand($length - 3), $length, '';
        $c->{asked}[0]{counts} = {};
    }

    $c->{leaves} = $now + int 150 * rand() ** 2
        if $kind eq 'leaves' || $kind eq 'half';
}


# Something to ask for.
sub request {
    my ($self, $keep) = @_;
    my $name = $self->{names}[ rand @{ $self->{names} } ];
    my $place = $self->{places}{$name};
    my $zone = $place->{zone};
    my (@lines, @symbols, %counts);
    my $dice = rand;
    my $path = "/$name/";
    my $method = rand() < 0.07 ? 'HEAD' : 'GET';
    my $what;

    if ($dice < 0.62 || $dice < 0.90 && !$place->{batch}) {
        $what = 'sector';
        @symbols = $self->symbol($place);
        $path .= rand() < 0.1 ? lc $symbols[0] : $symbols[0];
        %counts = ($zone => 1);

    } elsif ($dice < 0.80) {
        $what = 'batch';
        my %some = map { $self->symbol($place) => 1 } 1 .. 2 + rand 8;
        @symbols = sort keys %some;
        $path .= '?symbols=' . join ',', map { s/&/%26/gr } @symbols;
        %counts = ($zone => scalar @symbols);

    } elsif ($dice < 0.84) {
        $what = 'batch';
        @symbols = @{ $place->{symbols} };
        %counts = ($zone => scalar @symbols);

    } elsif ($dice < 0.90) {
        $what = 'snapshot';
        @symbols = @{ $place->{symbols} };
        $path .= 'snapshot';
        %counts = ($place->{snapshots} => 1) if $place->{snapshots};

    } elsif ($dice < 0.92) {
        $what = 'symbols';
        $path .= 'symbols';

    } elsif ($dice < 0.94) {
        $what = 'health';
        $path .= 'health';

    } else {
        ($what, $path) = @{ (['INVALID_SYMBOL', $path . 'X%20Y'],
                             ['INVALID_SYMBOL', $path . '?symbols=A,,B'],
                             ['TOO_MANY_SYMBOLS', $path . '?symbols='
                                                  . join ',', 'A01' .. 'A51'],
                             ['NOT_FOUND', $path . 'no/such'],
                             ['UNKNOWN_SYMBOL', '/strict/NONE'],
                             ['METHOD_NOT_ALLOWED', $path . 'XLK'])[rand 6] };
        $method = $what eq 'METHOD_NOT_ALLOWED' ? 'DELETE' : 'GET';
    }

    $path .= ($path =~ /\?/ ? '&' : '?') . 'fresh=1'
        if $what =~ /^(?:sector|batch|snapshot)$/ && rand() < 0.03;

    push @lines, 'Accept-Encoding: gzip' if rand() < 0.4;

    my $etag = $self->{etags}{$path};
    push @lines, "If-None-Match: $etag" if $etag && rand() < 0.3;

    return { what => $what, path => $path, method => $method, name => $name,
             place => $place, symbols => \@symbols, counts => \%counts, lines => \@lines,
             keep => $keep, etag => $etag };
}


sub symbol {
    my ($self, $place) = @_;
    my @all = @{ $place->{symbols} };

    return $all[rand @all] unless $place->{any} && rand() < $place->{any};
    return 'X' . int rand 100_000;
}


sub nonsense {
    my @all = ("GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00" . 'x' x 200,
               "GET /on/XLK HTTP/1.1\r\n\r\n",
               "GET /on/" . 'x' x 20_000 . " HTTP/1.1\r\nHost: x\r\n\r\n",
               "PUT /on/XLK HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");

    return { what => 'nonsense', path => 'nonsense', method => 'GET',
             raw => $all[rand @all], symbols => [], counts => {},
             name => 'nonsense', place => { patience_ms => 5000 } };
}


sub ask {
    my ($self, $c, $request) = @_;

    $c->{out} .= defined $request->{raw} ? $request->{raw}
        : join $crlf, "$request->{method} $request->{path} HTTP/1.1",
                      'Host: localhost', @{ $request->{lines} },
                      $request->{keep} ? () : 'Connection: close', '', '';
    push @{ $c->{asked} }, $request;

    $c->{patience} = $request->{place}{patience_ms}
        if $c->{patience} < $request->{place}{patience_ms};
    $self->{told}{requests}++;
}


sub transmit {
    my ($self, $c) = @_;
    my $n = syswrite $c->{socket}, $c->{out};

    if (!defined $n) {
        return if $!{EAGAIN} || $!{EINTR};
        $self->leave($c, 'cut');
        return;
    }

    substr $c->{out}, 0, $n, '';
}


sub receive {
    my ($self, $c) = @_;
    my $n = sysread $c->{socket}, $c->{in},
                    $c->{kind} eq 'slow' ? 300 : 1 << 18, length $c->{in};

    if (!defined $n) {
        return if $!{EAGAIN} || $!{EINTR};
        $self->leave($c, 'cut');
        return;
    }

    if ($n == 0) {
        $self->leave($c, 'cut');
        return;
    }

    $c->{first} = now_ms() unless $c->{first};
    $c->{next_read} = now_ms() + 2 if $c->{kind} eq 'slow';

    while (@{ $c->{asked} }) {
        my $got = answer($c, $c->{asked}[0]) or return;

        if (ref $got) {
            my $request = $c->{last} = shift @{ $c->{asked} };

            $self->judge($c, $request, $got);
            $c->{since} = now_ms();
            $c->{first} = length $c->{in} ? $c->{since} : 0;

        } else {
            $self->wrong($got, $c->{asked}[0]{path});
            $self->leave($c, 'garbled');
            return;
        }
    }

    # a body after HEAD, or more of one than was said
    $self->wrong("bytes behind the last answer of $c->{last}{name}",
                 "$c->{last}{method} $c->{last}{path}: "
                 . substr $c->{in}, 0, 200) if length $c->{in};

    # they may come later, so until its end; nonsense asks for none
    $self->leave($c, 'answered')
        if length $c->{in} || $c->{kind} eq 'nonsense';
}


# A connection is over; what was not answered may have been counted.
sub leave {
    my ($self, $c, $why) = @_;

    delete $self->{connection}{ $c->{fd} };

    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if $why eq 'left' && rand() < 0.5;
    close $c->{socket};

    $why = 'no answer to nonsense' if $c->{kind} eq 'nonsense'
                                      && $why eq 'cut';

    for my $request (@{ $c->{asked} }) {
        my %counts = %{ $request->{counts} };

        $self->{told}{maybe}{$_} += $counts{$_} for keys %counts;
        $self->count_answer($why, $request, $c->{kind});
        $self->{told}{cut}++ if $why eq 'cut';
    }
}


# Takes one answer off what has come: false if it is not all there, text if it
# is none.
sub answer {
    my ($c, $request) = @_;
    my $at = index $c->{in}, "$crlf$crlf";

    return if $at < 0;

    my $head = substr $c->{in}, 0, $at + 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d{3}) } or return 'no status line';
    my %h = map { lc $_ } ();

    while ($head =~ /^([\w-]+):\s*(.*?)\015$/mg) {
        $h{lc $1} = $2;
    }

    my $length = $request->{method} eq 'HEAD' || $status == 304
                 ? 0 : $h{'content-length'};
    my $body;

    if (defined $length) {
        return if length $c->{in} < $at + 4 + $length;
        $body = substr $c->{in}, $at + 4, $length;
        substr $c->{in}, 0, $at + 4 + $length, '';

    } elsif (($h{'transfer-encoding'} || '') eq 'chunked') {
        my $rest = substr $c->{in}, $at + 4;

        $body = '';

        while (1) {
            $rest =~ s/^([0-9a-f]+)$crlf//i or return;
            my $n = hex $1;
            return if length $rest < $n + 2;
            $body .= substr $rest, 0, $n;
            substr $rest, 0, $n + 2, '';
            last if $n == 0;
        }

        $c->{in} = $rest;

    } else {
        return 'no length';
    }

    return { status => $status, h => \%h, body => $body };
}


# Looks at an answer.
sub judge {
    my ($self, $c, $request, $got) = @_;
    my $told = $self->{told};
    my $now = $c->{first} || now_ms();
    my $took = $now - $c->{since};
    my $what = $request->{what};
    my %h = %{ $got->{h} };

    $self->{longest} = $took if $took > $self->{longest};
    $told->{late}++ if $took >= 100;

    if ($took > $request->{place}{patience_ms} && $c->{kind} ne 'several') {
        $self->wrong("an answer of $request->{name} took too long",
                     "$took ms, $request->{path}, $got->{status}");
    }

    my ($kind, $why) = $what eq 'nonsense' ? ('nonsense', '')
        : $got->{status} == 304 ? $self->judge_same($request, $got)
        : $request->{method} eq 'HEAD' ? $self->judge_head($request, $got)
        : $self->judge_body($request, $got, $now, $c->{since});

    my $detail = "answered $got->{status} " . substr $got->{body}, 0, 3000;

    $self->count_answer($kind, $request, $detail);
    $self->wrong("$why, $request->{name}, $kind",
                 "$request->{method} $request->{path} $detail") if $why;

    if ($kind ne 'nonsense' && $h{etag} && $got->{status} == 200
        && keys %{ $self->{etags} } < 2000)
    {
        $self->{etags}{ $request->{path} } = $h{etag};
    }

    my %counts = %{ $request->{counts} };
    $told->{counted}{$_} += $counts{$_} for keys %counts;
}


sub judge_head {
    my ($self, $request, $got) = @_;
    my ($what, $status) = ($request->{what}, $got->{status});

    return ("HEAD $what $status",
            $status =~ $HEAD{$what} ? '' : 'not a status of ours');
}


sub judge_same {
    my ($self, $request, $got) = @_;
    my $sent = grep { /^If-None-Match/ } @{ $request->{lines} };

    return ('304', !$sent ? 'a 304 without being asked for'
                   : ($got->{h}{etag} || '') ne $request->{etag}
                   ? 'a 304 of another tag' : '');
}


sub judge_body {
    my ($self, $request, $got, $now, $since) = @_;
    my ($what, $status, $body) = ($request->{what},
                                  @{$got}{qw(status body)});
    my %h = %{ $got->{h} };
    my $kind = $status;

    if (($h{'content-encoding'} || '') eq 'gzip') {
        return ($kind, 'not asked for gzip')
            unless grep { /gzip/ } @{ $request->{lines} };

        # it stops at a wrong checksum
        $body = Compress::Zlib::memGunzip($body);
        return ($kind, 'no good gzip') unless defined $body;
        $kind = 'gzip ' . $kind;
        $got->{body} = $body;
    }

    return ($kind, 'not JSON by its type')
        unless ($h{'content-type'} || '') eq 'application/json';

    # the sectors are looked at one by one, and what is round them
    my (@sectors, $rest);

    $rest = $body;
    $rest =~ s/(\{"symbol":"[^{}]*\})/push @sectors, $1; '"sector"'/ge;

    $rest = qq({"bare":$rest}) if $request->{place}{bare} && $status == 200;

    my $all = eval { $json->decode($rest) };
    return ($kind, 'no JSON') unless ref $all eq 'HASH';

    $all->{data} = $all->{bare} if exists $all->{bare};

    if ($status != 200) {
        my $code = $all->{error_code};

        # health is a success that says 503
        return ('unhealthy', '') if $what eq 'health' && $status == 503
            && ($request->{place}{bare} ? $all : $all->{data})->{status}
               eq 'unhealthy';

        return ($kind, 'an error without its form')
            unless defined $code && defined $all->{error}
                   && defined $all->{timestamp} && !$all->{success};
        $kind = ($code eq $what ? '' : "$what ") . "$kind $code";
        return ($kind, 'not an error of ours') unless $STATUS{$code};
        return ($kind, 'not the status of the error')
            unless $STATUS{$code} == $status;
        return ($kind, 'no Retry-After') if $status == 503
            && ($h{'retry-after'} || '') !~ /^[0-9]+$/;

        my $expected = $what =~ /^(?:sector|batch|snapshot)$/
                       ? $COUNTED{$code} : $code eq $what;
        return ($kind, $expected ? '' : 'not the error for this');
    }

    if ($what eq 'health') {
        my $health = $all->{data}{status} || '';

        return ("health $kind $health", $health =~ /^(?:healthy|degraded)$/
                                        ? '' : 'no health');
    }

    return ("symbols $kind", '') if $what eq 'symbols';
    return ($kind, "an answer to what should be $what")
        unless $what =~ /^(?:sector|batch|snapshot)$/;

    unless ($request->{place}{bare}) {
        return ($kind, 'no envelope') unless $all->{success}
            && defined $all->{cached} && ref $all->{metadata}
            && ($all->{metadata}{cacheStatus} || '') =~ /^(?:hit|miss|stale
                |updating|bypass|disabled)$/x;
        $kind .= " $all->{metadata}{cacheStatus}";
    }

    $kind = "$what $kind";

    my (%found, $lacks);

    for my $text (@sectors) {
        my ($symbol) = $text =~ /"symbol":"([^"]*)"/;

        if ($what eq 'snapshot' && $text !~ /"longName":/) {
            # unavailable, or one of the summary
            return ($kind, 'no JSON object') unless is_object($text);
            $found{$symbol} = $lacks = 1 if $text =~ /"error":/;
            next;
        }

        my $limit = $request->{place}{age_ms};

        $limit += $request->{place}{snapshot_ms} if $what eq 'snapshot';

        my ($why) = check_sector($text, $now, $limit, sub {
            return $self->slept($_[0] + $request->{place}{under_way_ms},
                                $since);
        });
        return ($kind, $why) if $why;
        $found{$symbol}++;
    }

    if ($what eq 'batch' && !$request->{place}{bare}) {
        for my $symbol (keys %{ $all->{errors} || {} }) {
            my $code = $all->{errors}{$symbol}{error_code} || '';

            return ($kind, 'no error of ours for one') unless $COUNTED{$code};
            return ($kind, 'data and an error') if $found{$symbol};
            $found{$symbol} = 1;
            $self->count_answer("part $code", $request, "lacks $symbol");
        }
    }

    $kind = "partial $kind" if $lacks;
    return ($kind, 'partial, or not, against what it says')
        if $what eq 'snapshot' && !$request->{place}{bare}
           && !$lacks != !$all->{metadata}{partial};

    my $missing = grep { !$found{$_} } @{ $request->{symbols} };

    # which does not say why
    $self->count_answer('part left out', $request, "lacks $missing")
        if $missing && $what eq 'batch';

    return ($kind, 'not the symbols that were asked for')
        if keys %found != @{ $request->{symbols} } - $missing
           || $missing && !($what eq 'batch' && $request->{place}{bare});

    return ($kind, '');
}


# How long the host has slept between two times.
sub slept {
    my ($self, $from, $to) = @_;
    my $sum = 0;

    return 0 unless $self->{sleeps};

    if (!$self->{sleeps_file}) {
        open $self->{sleeps_file}, '<', $self->{sleeps}
            or die "$self->{sleeps}: $!";
    }

    seek $self->{sleeps_file}, 0, 1;

    while (my $line = readline $self->{sleeps_file}) {
        push @{ $self->{slept} }, [ split ' ', $line ];
    }

    for my $sleep (reverse @{ $self->{slept} || [] }) {
        last if $sleep->[0] <= $from;
        $sum += $sleep->[1] if $sleep->[0] < $to;
    }

    return $sum;
}


1;
