package Upstream;

# An upstream that misbehaves on demand, and the client that looks at what
# nginx makes of it.  With it come Upstream::Nginx, an nginx of its own for
# tests that send signals, and Upstream::Blocks, sections for those that are
# blocks of Test::Nginx.
#
# Test::Nginx has TCP servers of its own, but they serve one connection for a
# block and say nothing of what reached them.  This one is a process beside
# the tests; each path says what happens to its requests:
#
#     /ok,reset,ok/b7/XLK      the first request is answered, the second one's
#                              connection is reset, all others are answered
#
# What happens may have parts, one after the other: "hold+status:500".
#
# The part behind the script keeps tests apart, and its last component is the
# symbol, or symbols between commas.  Every good answer has a price of its own:
# 101 for the first call of a path, 102 for the second, and so on.
#
# The port that a test connects to is the kernel's choice and is held as long
# as the tests run.  The process is ended by its id.

use strict;
use warnings;

use Carp ();
use Ending ();
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(get begin finish leave wait_for pass_ttl scaled);

# nginx takes descriptors from a variable of this name
delete $ENV{NGINX};

# where get() and begin() go unless they are told
our $Port;

# what "body" answers with, set before new(); %SYMBOL% is the symbol asked for
our %BODY;


#
# What a request can meet.  Each is a function of the request, which returns
# steps: [send => BYTES], [wait => SECONDS], [gate], [close], [reset], [hang].
#

my $CRLF = "\015\012";

my %ACTION = (
    # answers that are good

    'ok'        => sub { answer(200, sector($_[0])) },
    'slow'      => sub { ([wait => $_[1] / 1000], answer(200, sector($_[0]))) },
    'gate'      => sub { (['gate'], answer($_[1] || 200, sector($_[0]))) },
    'gatetext'  => sub { (['gate'], answer(200, 'Too Many Requests')) },
    'size'      => sub { answer(200, sector($_[0], $_[1])) },
    'chunked'   => sub { chunked(0, pieces(sector($_[0]), 16), '') },
    'trickle'   => sub { chunked(0.02, pieces(sector($_[0]), 8), '') },
    'chunksize' => sub { chunked(0, pieces(sector($_[0], $_[1]), 65536), '') },
    'eof'       => sub { open_ended(sector($_[0])) },
    'eofsize'   => sub { open_ended(sector($_[0], $_[1])) },
    'located'   => sub { answer(200, sector($_[0]),
                                'Location: ' . elsewhere($_[0])) },
    'fixture'   => sub { answer($_[2] || 200, fixture($_[1])) },

    'hints'     => sub { ([send => "HTTP/1.1 103 Early Hints$CRLF"
                                   . "Link: </x>; rel=preload$CRLF$CRLF"],
                          [wait => 0.02], answer(200, sector($_[0]))) },
    'continue'  => sub { ([send => "HTTP/1.1 100 Continue$CRLF$CRLF"],
                          [wait => 0.02], answer(200, sector($_[0]))) },

    # many symbols: many:map, many:array, many:quote; what is wrong with which
    # may follow: many:map:lacks:XLK, or "bad" for one without a price

    'many'      => sub { answer(200, many(@_)) },

    # what only comes before an answer

    'hold'      => sub { (['gate']) },
    'wait'      => sub { ([wait => $_[1] / 1000]) },

    # connections that fail

    'close'     => sub { (['close']) },
    'reset'     => sub { (['reset']) },
    'stall'     => sub { (['hang']) },
    'garbage'   => sub { ([send => "\x00\x01\x02garbage$CRLF$CRLF"],
                          ['close']) },
    'bighead'   => sub { answer(200, sector($_[0]),
                                'X-Pad: ' . 'x' x 100_000) },

    # bodies that are cut off

    'half'      => sub { (half($_[0]), ['close']) },
    'stallbody' => sub { (half($_[0]), ['hang']) },
    'resetbody' => sub { (half($_[0]), [wait => 0.05], ['reset']) },
    'eofcut'    => sub { open_ended(substr(sector($_[0]), 0, -4)) },
    'chunkcut'  => sub { my @all = chunked(0, pieces(sector($_[0]), 16));
                         (@all[0 .. $#all - 1], ['close']) },

    # bodies that are not what was promised

    'more'      => sub { my $body = sector($_[0]);
                         ([send => head(200, length $body) . $body
                                   . '{"more":"than said"}'], ['close']) },
    'html'      => sub { answer(200, '<!doctype html><title>Sorry</title>',
                                'Content-Type: text/html') },
    'empty'     => sub { answer(200, '') },
    'text'      => sub { answer(200, 'Too Many Requests') },
    'notjson'   => sub { answer(200, '{"symbol":"XLK","price":') },
    'other'     => sub { answer(200, '{"symbol":"OTHER","price":1}') },
    'noprice'   => sub { answer(200, qq({"symbol":"$_[0]{symbol}"})) },
    'textprice' => sub { answer(200, qq({"symbol":"$_[0]{symbol}",)
                                     . '"price":"101"}') },
    'gzip'      => sub { answer(200, zipped(sector($_[0])),
                                'Content-Encoding: gzip') },
    'gzipcut'   => sub { answer(200, substr(zipped(sector($_[0])), 0, -12),
                                'Content-Encoding: gzip') },
    'encoded'   => sub { answer(200, sector($_[0]),
                                'Content-Encoding: ' . $_[1] =~ s/_/ /gr) },

    # what no provider says: a page, and the text of a router

    'page'      => sub { answer($_[1], '<!doctype html><title>Sorry</title>',
                                'Content-Type: text/html') },
    'plain'     => sub { answer($_[1], 'default backend - 404',
                                'Content-Type: text/plain') },

    # one that the test file has written down, body:NAME or body:NAME:STATUS

    'body'      => sub { answer($_[2] || 200,
                                $BODY{$_[1]} =~ s/%SYMBOL%/$_[0]{symbol}/gr) },

    # what providers say of a symbol; chart:delisted and so on in Yahoo's form

    'nosuch'    => sub { answer($_[1] || 404, '{"error":"no such symbol"}') },
    'envelope'  => sub { answer($_[1], qq({"success":false,"error":"No",)
                                       . qq("error_code":"$_[2]",)
                                       . '"timestamp":"2026-11-22T20:00:40Z"}')
                       },
    'list'      => sub { answer(200, '[]') },
    'object'    => sub { answer(200, '{}') },
    'chart'     => sub { chart(@_) },
    'quote'     => sub { answer(200, '{"quoteResponse":{"result":[],'
                                     . '"error":null}}') },

    # good, but where this symbol is asked for: refuses:STATUS:SYMBOL, with
    # ":many" behind it for a map

    'refuses'   => sub { (grep { $_ eq $_[2] } split /,/, $_[0]{symbol})
                         ? answer($_[1], '{"error":"no such symbol"}')
                         : answer(200, $_[3] ? many($_[0], 'map')
                                             : sector($_[0])) },

    # statuses, with a good body all the same

    'status'    => sub { answer($_[1], sector($_[0])) },
    'bare'      => sub { ([send => "HTTP/1.1 $_[1] Bare$CRLF"
                                   . "Connection: close$CRLF$CRLF"],
                          ['close']) },
    'redirect'  => sub { answer($_[1], '', 'Location: '
                                           . ($_[2] ? 'https://away.invalid/'
                                              : elsewhere($_[0]))) },
    'part'      => sub { answer(206, sector($_[0]),
                                'Content-Range: bytes 0-9/100') },
    'after'     => sub { answer($_[1], '{}', "Retry-After: $_[2]") },
    'afterall'  => sub { answer($_[1], '{}', (map { "X-Pad-$_: x" } 1 .. 50),
                                "Retry-After: $_[2]") },
    'afterdate' => sub { answer($_[1], '{}', 'Retry-After: '
                                             . http_date(time() + $_[2])) },
);


sub sector {
    my ($request, $size) = @_;
    my $price = 100 + $request->{call};
    my $body = qq({"symbol":"$request->{symbol}","price":$price});

    return $body unless $size;

    my $pad = $size - length($body) - length(',"pad":""');

    substr($body, -1, 0, ',"pad":"' . 'x' x $pad . '"');

    return $body;
}


# A chart, or what is said in place of one.
sub chart {
    my ($request, $says) = @_;
    my $price = 100 + $request->{call};
    my $good = qq([{"meta":{"symbol":"$request->{symbol}","currency":"USD",)
               . '"regularMarketTime":1602862507,"regularMarketPrice":'
               . "$price}}]";
    my %error = (delisted => 'Not Found', error => 'Internal Error');
    my ($result, $error) = !$says ? ($good, 'null')
        : $says eq 'empty' ? ('[]', 'null')
        : ('null', qq({"code":"$error{$says}",)
                   . '"description":"No data found, symbol may be delisted"}');

    return answer(($says || '') eq 'delisted' ? 404 : 200,
                  qq({"chart":{"result":$result,"error":$error}}));
}


sub zipped {
    my ($body) = @_;
    my $out;

    require IO::Compress::Gzip;
    IO::Compress::Gzip::gzip(\$body => \$out);

    return $out;
}


sub many {
    my ($request, $form, $wrong, $which) = @_;
    my $price = 100 + $request->{call};
    my %wrong = defined $wrong ? ($which => $wrong) : ();
    my ($name, @sectors) = $form eq 'quote' ? 'regularMarketPrice' : 'price';

    for my $symbol (split /,/, $request->{symbol}) {
        my $is = $wrong{$symbol} || $wrong{all} || '';

        next if $is eq 'lacks';

        push @sectors, ($form eq 'map' ? qq("$symbol":) : '')
                       . qq({"symbol":"$symbol")
                       . ($is eq 'bad' ? '' : qq(,"$name":$price)) . '}';
    }

    my $all = join ',', @sectors;

    return $form eq 'map' ? "{$all}" : $form eq 'array' ? "[$all]"
           : qq({"quoteResponse":{"result":[$all],"error":null}});
}


sub head {
    my ($status, $length, @headers) = @_;

    return join $CRLF, "HTTP/1.1 $status Scripted",
                       (defined $length ? "Content-Length: $length" : ()),
                       (grep { /^Content-Type:/i } @headers)
                       ? () : 'Content-Type: application/json',
                       @headers, '', '';
}


sub answer {
    my ($status, $body, @headers) = @_;

    return ([send => head($status, length $body, @headers) . $body]);
}


sub open_ended {
    my ($body) = @_;

    return ([send => head(200, undef, 'Connection: close') . $body],
            ['close']);
}


sub half {
    my $body = sector($_[0]);

    return ([send => head(200, length $body)
                     . substr($body, 0, length($body) / 2)]);
}


sub chunked {
    my ($pause, @pieces) = @_;

    return ([send => head(200, undef, 'Transfer-Encoding: chunked')],
            map { ([wait => $pause],
                   [send => sprintf("%x", length) . "$CRLF$_$CRLF"]) }
            @pieces);
}


sub pieces {
    my ($body, $size) = @_;

    return unpack "(a$size)*", $body;
}


sub fixture {
    my ($name) = @_;

    open my $in, '<:raw', "$ENV{SECTOR_FIXTURES}/yahoo/$name"
        or return "cannot open $name: $!";
    local $/;

    return <$in>;
}


sub elsewhere {
    return "http://127.0.0.1:$_[0]{port}$_[0]{path}";
}


sub http_date {
    my @t = gmtime $_[0];

    return sprintf '%s, %02d %s %04d %02d:%02d:%02d GMT',
                   (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
                   (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
                   $t[5] + 1900, @t[2, 1, 0];
}


#
# The test's side
#

# Starts one, on 127.0.0.1.
sub new {
    my ($class) = @_;
    my %self = (owner => $$);

    my $listener = IO::Socket::INET->new(Listen => 512, Blocking => 0,
                                         LocalAddr => '127.0.0.1')
        or die "cannot listen: $!";

    # a second port, where connections are refused until it is opened: the
    # kernel leaves it to us while it is shut only if we named it
    my $door = bound_by_name();
    shutdown $door, 2;

    $self{port} = $listener->sockport;
    $self{door} = $door->sockport;
    $self{pid} = fork;

    die "cannot fork: $!" unless defined $self{pid};

    if ($self{pid} == 0) {
        eval { serve($listener, $door, $self{owner}) };
        print STDERR "upstream: $@" if $@;
        POSIX::_exit(1);
    }

    return bless \%self, $class;
}


sub bound_by_name {
    for (1 .. 50) {
        my $any = IO::Socket::INET->new(Listen => 1,
                                        LocalAddr => '127.0.0.1') or next;
        my $port = $any->sockport;
        close $any;

        my $door = IO::Socket::INET->new(Listen => 512, Blocking => 0,
                                         LocalAddr => '127.0.0.1',
                                         ReuseAddr => 1, LocalPort => $port);
        return $door if $door;
    }

    die "cannot listen: $!";
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return unless $$ == $self->{owner} && $self->{pid};

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}


sub port { $_[0]{port} }
sub door { $_[0]{door} }


sub control {
    my ($self, $what, $argument) = @_;

    my $got = get("/-/$what?" . (defined $argument ? $argument : ''),
                  port => $self->{port});

    die "upstream does not answer \"$what\"\n" unless $got->{status} == 200;

    return $got->{body};
}


# How many requests came whose path contains this, and their text.
sub calls    { my ($self, $part) = @_; return $self->control(calls => $part) }
sub requests { my ($self, $part) = @_; return $self->control(log => $part) }

# Waits until something waits at a gate, and lets all of it pass.
sub release {
    my ($self, $part) = @_;

    wait_for('the gate is reached', sub { $self->release_any($part) });
}

# Lets pass what waits at a gate, if anything does.
sub release_any { my ($self, @part) = @_; $self->control(release => @part) }

# Opens and closes the second port.
sub door_open   { return $_[0]->control('door', 'open') }
sub door_closed { return $_[0]->control('door', 'closed') }


#
# The process: one loop over all connections
#

my (%connection, %calls, @log, $listener, $door, $door_is_open);


sub serve {
    ($listener, $door, my $owner) = @_;

    local $SIG{PIPE} = 'IGNORE';
    local @SIG{qw(HUP INT TERM)} = ('DEFAULT') x 3;

    while (getppid == $owner) {
        my $now = time;
        my $wait = 0.5;

        for my $c (values %connection) {
            next unless defined $c->{wake};
            my $left = $c->{wake} - $now;
            $wait = $left < 0 ? 0 : $left if $left < $wait;
        }

        my $read = IO::Select->new($listener, $door_is_open ? $door : (),
                                   map { $_->{socket} } values %connection);
        my $write = IO::Select->new(map { $_->{socket} }
                                    grep { length $_->{out} }
                                    values %connection);
        my ($readable, $writable)
            = IO::Select->select($read, $write, undef, $wait);

        for my $socket (@{ $readable || [] }) {
            if ($socket == $listener || $socket == $door) {
                welcome($socket);
            } elsif (my $c = $connection{fileno $socket}) {
                receive($c);
            }
        }

        for my $socket (@{ $writable || [] }) {
            my $c = defined fileno $socket && $connection{fileno $socket};
            transmit($c) if $c;
        }

        for my $c (values %connection) {
            if (defined $c->{wake} && $c->{wake} <= time) {
                $c->{wake} = undef;
                proceed($c);
            }
        }
    }
}


sub welcome {
    my ($from) = @_;

    while (my $socket = $from->accept) {
        $socket->blocking(0);
        $connection{fileno $socket} = { socket => $socket, in => '',
                                        out => '', steps => [] };
    }
}


sub goodbye {
    my ($c, $reset) = @_;

    delete $connection{fileno $c->{socket}};

    if ($reset) {
        setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    }

    close $c->{socket};
}


sub receive {
    my ($c) = @_;

    my $n = sysread $c->{socket}, $c->{in}, 65536, length $c->{in};

    if (!defined $n) {
        goodbye($c) unless $! == EAGAIN || $! == EINTR || $! == EWOULDBLOCK;
        return;
    }

    if ($n == 0) {
        goodbye($c);
        return;
    }

    understand($c) unless @{ $c->{steps} } || defined $c->{wake}
                          || $c->{gate} || length $c->{out};
}


# Takes one request off what came, if it is whole.
sub understand {
    my ($c) = @_;

    # memcached: the key is the symbol
    if ($c->{in} =~ s/^get (\S+)\015\012//) {
        my $key = $1;
        my $body = qq({"symbol":"$key","price":101});

        push @log, { path => "memcached/$key", text => "get $key\n" };
        proceed($c, [send => $key eq 'MISSING' ? "END$CRLF"
                             : "VALUE $key 0 " . length($body)
                               . "$CRLF$body${CRLF}END$CRLF"]);
        return;
    }

    return unless $c->{in} =~ /\015\012\015\012/;

    my ($head, $rest) = ($`, $');
    my $length = $head =~ /^Content-Length:\s*(\d+)/im ? $1 : 0;

    return if length $rest < $length;

    my $body = substr $rest, 0, $length;
    $c->{in} = substr $rest, $length;

    my ($path) = $head =~ m{^\S+ (\S+)} or return goodbye($c);

    if ($path =~ m{^/-/(\w+)\?(.*)}) {
        proceed($c, answer(200, command($1, $2), 'Connection: close'),
                ['close']);
        return;
    }

    push @log, { path => $path, text => "$head$CRLF$CRLF$body" };

    my ($symbol) = $path =~ m{[?&]symbols?=([^&]*)};
    ($symbol) = $path =~ m{/([^/?]*)(?:\?|$)} unless defined $symbol;
    $symbol =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;

    my $request = { symbol => $symbol, path => $path, call => ++$calls{$path},
                    port => $listener->sockport };
    my @script = split /,/, $path =~ m{^/([^/]*)/} ? $1 : '';
    my @steps;

    for my $part (split /\+/, $script[$request->{call} - 1] || $script[-1]
                               || 'none')
    {
        my ($name, @arguments) = split /:/, $part;
        my $action = $ACTION{$name};

        push @steps, $action ? $action->($request, @arguments)
                             : answer(418, qq({"no action":"$path"}));
    }

    push @steps, ['close'] if $head =~ /^Connection:\s*close/im
                              && $steps[-1][0] eq 'send';
    $c->{path} = $path;
    proceed($c, @steps);
}


# What the tests ask for.
sub command {
    my ($what, $argument) = @_;

    my @found = grep { index($_->{path}, $argument) >= 0 } @log;

    return scalar @found if $what eq 'calls';
    return join '', map { $_->{text} } @found if $what eq 'log';

    if ($what eq 'release') {
        my @held = grep { $_->{gate} && index($_->{path}, $argument) >= 0 }
                   values %connection;
        $_->{gate} = 0 for @held;
        proceed($_) for @held;
        return scalar @held;
    }

    if ($what eq 'door') {
        my $open = $argument eq 'open';

        # once each: shut twice it would never open again
        if ($open && !$door_is_open) {
            listen($door, 512) or return "cannot listen: $!";
        } elsif (!$open && $door_is_open) {
            shutdown $door, 2;
        }

        $door_is_open = $open;
        return $argument;
    }

    return "no such command: $what";
}


# Takes steps until there is something to wait for.
sub proceed {
    my ($c, @steps) = @_;

    push @{ $c->{steps} }, @steps;

    while (!length $c->{out} && @{ $c->{steps} }) {
        my ($step, $argument) = @{ shift @{ $c->{steps} } };

        if ($step eq 'send') {
            $c->{out} = $argument;
            transmit($c);
            return;
        }

        if ($step eq 'wait') {
            next unless $argument;
            $c->{wake} = time + $argument;
            return;
        }

        if ($step eq 'gate') {
            $c->{gate} = 1;
            return;
        }

        if ($step eq 'hang') {
            $c->{gate} = 1;
            $c->{path} = '';
            return;
        }

        goodbye($c, $step eq 'reset');
        return;
    }

    understand($c) if length $c->{in};
}


sub transmit {
    my ($c) = @_;

    my $n = syswrite $c->{socket}, $c->{out};

    if (!defined $n) {
        goodbye($c) unless $! == EAGAIN || $! == EINTR || $! == EWOULDBLOCK;
        return;
    }

    substr $c->{out}, 0, $n, '';
    proceed($c) unless length $c->{out};
}


#
# A client
#

# Seconds, longer where everything is slower: under valgrind, with sanitizers.
sub scaled {
    return $_[0] * ($ENV{TEST_NGINX_USE_VALGRIND} ? 10
                    : $ENV{ASAN_OPTIONS} ? 3 : 1);
}


# Polls until the function returns something true, and returns that.
sub wait_for {
    my ($what, $function) = @_;
    my $until = time + scaled(15);

    while (1) {
        my $got = $function->();
        return $got if $got;

        if (time > $until) {
            Test::More->builder->ok(0, "waited in vain until $what");
            Carp::croak("waited in vain until $what");
        }

        sleep 0.005;
    }
}


# Until a ttl of a millisecond is over at every worker: nginx reads the kernel's
# coarse clock, which moves on every 1 to 10 ms.
sub pass_ttl {
    my $since = time;

    wait_for('the clock moves on', sub { time > $since + 0.02 });
}


sub connected {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $_[0] || $Port,
                                 Timeout => scaled(10));
}


# Sends a request and returns the connection.  Options: port, method, headers,
# body, keep (a connection to go on with, or 1).
sub begin {
    my ($path, %option) = @_;

    my $socket = ref $option{keep} ? $option{keep}
                                   : connected($option{port});
    return unless $socket;

    my $body = defined $option{body} ? $option{body} : '';

    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, join $CRLF,
        ($option{method} || 'GET') . " $path HTTP/1.1", 'Host: localhost',
        'Connection: ' . ($option{keep} ? 'keep-alive' : 'close'),
        (length $body ? 'Content-Length: ' . length $body : ()),
        @{ $option{headers} || [] }, '', $body;

    ${*$socket}{head_only} = ($option{method} || '') eq 'HEAD';

    return $socket;
}


# Reads one answer: { status, reason, head, headers, body, json }; status 0 if
# none came in time.
sub finish {
    my ($socket) = @_;
    my ($in, $until) = ('', time + scaled(20));
    my %got = (status => 0, head => '', headers => {}, body => '');

    return \%got unless $socket;

    my $more = sub {
        my $left = $until - time;
        return 0 if $left <= 0 || !IO::Select->new($socket)->can_read($left);
        return sysread $socket, $in, 65536, length $in;
    };

    until ($in =~ /\015\012\015\012/) {
        return \%got unless $more->();
    }

    @got{qw(head body)} = split /\015\012\015\012/, $in, 2;
    $got{status} = $got{head} =~ m{^HTTP/1\.\d (\d{3})} ? $1 : 0;

    while ($got{head} =~ /^([\w-]+):\s*(.*?)\015?$/mg) {
        $got{headers}{lc $1} = $2;
    }

    $in = $got{body};
    my $length = $got{headers}{'content-length'};
    $length = 0 if ${*$socket}{head_only} || $got{status} == 304;

    while (!defined $length || length $in < $length) {
        last unless $more->();
        last if !defined $length
                && ($got{headers}{'transfer-encoding'} || '') eq 'chunked'
                && $in =~ /(?:^|\015\012)0\015\012\015\012$/;
    }

    if (($got{headers}{'transfer-encoding'} || '') eq 'chunked') {
        my $whole = '';
        while ($in =~ s/^([0-9a-f]+)\015\012//i && hex $1) {
            $whole .= substr $in, 0, hex $1, '';
            $in =~ s/^\015\012//;
        }
        $in = $whole;
    }

    $got{body} = $in;
    $got{json} = eval { JSON::PP::decode_json($in) };

    # the data as it was sent, for comparing bytes
    ($got{data}) = $in =~ /"data":(.*),"cached":/s;
    $got{data} = '' unless defined $got{data};

    $got{code} = ref $got{json} ? $got{json}{error_code} || '' : '';
    $got{error} = ref $got{json} ? $got{json}{error} || '' : '';
    $got{cache} = ref $got{json} && $got{json}{metadata}
                  ? $got{json}{metadata}{cacheStatus} || '' : '';

    return \%got;
}


sub get {
    return finish(begin(@_)) || { status => 0 };
}


# A client that has had enough.
sub leave {
    my ($socket) = @_;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
}


# behind what they take from here
require Upstream::Nginx;
require Upstream::Blocks;


1;
