package Weather;

# An upstream whose weather changes: spells in which it is well, in which
# anything may go wrong, in which one thing goes wrong all the time, in which
# it refuses what it had allowed, all of it or what concerns one symbol, and in
# which its port refuses connections.
#
#     /SOURCE/PLACE/FORM/SYMBOLS
#
# SOURCE and PLACE say whose request it is, for the two promises that it looks
# after: no more than LIMIT requests of a source at a time, and in a place that
# stores what it fetches no two at a time for one symbol.  FORM is that of a
# good body: one, chart, map or quotes.  An answer after 1.8 s must be too late,
# and a body of more than 64k for each of its symbols too large.
#
# Its log is a few counters, so it can run for as long as one likes.

use strict;
use warnings;

use Errno ();
use IO::Compress::Gzip ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Signed qw(make_sector make_fields);
use Upstream;

my $crlf = "\015\012";


# Each is a function of the request and returns steps, as those of Upstream:
# [send => BYTES], [wait => SECONDS], [hang], [close], [reset].

my %FAULT = (
    'reset'      => sub { (['reset']) },
    'close'      => sub { (['close']) },
    'stall'      => sub { (['hang']) },
    'garbage'    => sub { ([send => "\x00\x01garbage$crlf$crlf"], ['close']) },
    'bighead'    => sub { answer(200, body(@_), 'X-Pad: ' . 'x' x 100_000) },

    'half'       => sub { (part(@_), ['close']) },
    'stallbody'  => sub { (part(@_), ['hang']) },
    'resetbody'  => sub { (part(@_), [wait => 0.02], ['reset']) },
    'chunkcut'   => sub { my @all = chunked(0, body(@_));
                          (@all[0 .. $#all - 1], ['close']) },
    'eofcut'     => sub { ([send => head(200, undef, 'Connection: close')
                                    . substr body(@_), 0, -4], ['close']) },

    'nothing'    => sub { ([send => head(200, undef, 'Connection: close')],
                           ['close']) },
    'empty'      => sub { answer(200, '') },
    'html'       => sub { answer(200, '<!doctype html><title>Sorry</title>') },
    'text'       => sub { answer(200, 'Too Many Requests') },
    'notjson'    => sub { answer(200, substr body(@_), 0, -1) },
    'trailing'   => sub { answer(200, body(@_) . ']') },
    'deep'       => sub { answer(200, '[' x 100_000) },
    'noprice'    => sub { answer(200, body(@_)
                                     =~ s/"(?:p|regularMarketP)rice"/"p"/gr) },
    'textprice'  => sub { answer(200, body(@_)
                                     =~ s/[pP]rice":\K([\d.]+)/"$1"/gr) },
    'other'      => sub { answer(200, body({ %{ $_[0] },
                                     symbols => [ 'OTHER' ] }, $_[1])) },
    'huge'       => sub { my $more = 70_000 * @{ $_[0]{symbols} };
                          answer(200, body(@_) =~ s/\}\z/' ' x $more . '}'/er)
                        },
    'encoded'    => sub { my ($body, $out) = body(@_);
                          IO::Compress::Gzip::gzip(\$body => \$out);
                          answer(200, $out, 'Content-Encoding: gzip') },

    'redirect'   => sub { answer((301, 302, 303, 307, 308)[rand 5], body(@_),
                                 'Location: https://away.invalid/') },
    'range'      => sub { answer(206, body(@_), 'Content-Range: bytes 0-9/99')
                        },
    'nocontent'  => sub { ([send => "HTTP/1.1 204 None$crlf"
                                    . "Connection: close$crlf$crlf"],
                           ['close']) },
    'unmodified' => sub { ([send => "HTTP/1.1 304 Not Modified$crlf"
                                    . "Connection: close$crlf$crlf"],
                           ['close']) },
    'refused4xx' => sub { answer((400, 401, 403, 405, 410, 418)[rand 6],
                                 body(@_)) },
    'failed5xx'  => sub { answer((500, 501, 502, 503, 504, 520)[rand 6],
                                 body(@_)) },
    'many'       => sub { answer(429, body(@_)) },
    'later'      => sub { answer(429, '{}', 'Retry-After: 1') },
    'away'       => sub { answer(503, '{}', 'Retry-After: 1') },
    'tooslow'    => sub { ([wait => 1.8 + rand 2], answer(200, body(@_))) },
);

# These are answers, and good ones.

my %GOOD = (
    'missing'    => sub { unknown(@_) },
    'slow'       => sub { ([wait => rand 0.4], answer(200, body(@_))) },
    'trickle'    => sub { chunked(0.01, body(@_)) },
    'chunks'     => sub { chunked(0, body(@_)) },
    'hints'      => sub { ([send => "HTTP/1.1 103 Early Hints$crlf"
                                    . "Link: </x>; rel=preload$crlf$crlf"],
                           [wait => 0.02], answer(200, body(@_))) },
    'continue'   => sub { ([send => "HTTP/1.1 100 Continue$crlf$crlf"],
                           answer(200, body(@_))) },
    'more'       => sub { my $body = body(@_);
                          ([send => head(200, length $body) . $body
                                    . '{"more":"than said"}'], ['close']) },
    'large'      => sub { answer(200, body(@_[0, 1], 1 + int rand 50_000)) },
    'lacks'      => sub { answer(200, body({ %{ $_[0] }, lacks => 1 },
                                           $_[1])) },
    'onebad'     => sub { answer(200, body({ %{ $_[0] }, bad => 1 }, $_[1])) },
);

my @ODD = sort keys %GOOD;
my @WRONG = sort keys %FAULT;

# Refusals that last as long as a spell, and then meet all: of everything, as
# when a key was revoked, or of one symbol, the victim, and what it is part of.

my %REFUSAL = (
    'revoked'    => sub { answer(401, body(@_)) },
    'unknown'    => sub { unknown(@_) },
);

my %OF_VICTIM = (
    # another symbol's name is on it; many are answered without it
    'renamed'    => sub {
        my ($request, $kind, $victim) = @_;
        my @others = grep { $_ ne $victim } @{ $request->{symbols} };

        return @others
            ? answer(200, body({ %$request, symbols => \@others }, 'good'))
            : answer(200, body({ %$request, symbols => [ 'OTHER' ] }, $kind));
    },
    'dropped'    => sub { answer((400, 404, 422, 451)[rand 4], nothing(@_)) },
);

my @REFUSALS = sort keys %REFUSAL, keys %OF_VICTIM;


# "No such symbol" in the provider's own form.
sub nothing {
    my ($request) = @_;
    my $error = '"error":{"code":"Not Found","description":"No data found"}';

    return $request->{form} eq 'chart' ? qq({"chart":{"result":null,$error}})
           : $request->{form} eq 'quotes'
           ? qq({"quoteResponse":{"result":null,$error}})
           : '{"error":"no such symbol"}';
}


# The same with its status, or for many a body that has none of them.
sub unknown {
    my ($request) = @_;
    my %empty = (map => '{}',
                 quotes => '{"quoteResponse":{"result":[],"error":null}}');
    my $empty = $empty{ $request->{form} };

    return $empty && rand() < 0.7 ? answer(200, $empty)
                                  : answer(404, nothing($request));
}


sub body {
    my ($request, $kind, $pad) = @_;
    my @symbols = @{ $request->{symbols} };
    my $form = $request->{form};

    $pad = int rand 600 unless defined $pad || $request->{calm} || rand 4 > 1;

    if (@symbols > 1 && $request->{lacks}) {
        splice @symbols, rand @symbols, 1;
    }

    my $bad = $request->{bad} && @symbols > 1 ? $symbols[rand @symbols] : '';

    my @all = map {
        my $text;

        if ($form eq 'one' || $form eq 'map') {
            $text = make_sector($_, $bad eq $_ ? 'onebad' : $kind, $pad);
            $text =~ s/"price"/"p"/ if $bad eq $_;
            $text = qq("$_":$text) if $form eq 'map';

        } else {
            my ($price, $signed) = make_fields($_, $bad eq $_ ? 'onebad'
                                                              : $kind);
            $price = '"none"' if $bad eq $_;
            $text = qq({"symbol":"$_","regularMarketPrice":$price,)
                    . qq("regularMarketTime":1795208400,)
                    . qq("longName":"$signed"});
            $text = qq({"meta":$text}) if $form eq 'chart';
        }

        $text;
    } @symbols;

    my $all = join ',', @all;

    return $form eq 'one' ? $all
           : $form eq 'map' ? "{$all}"
           : $form eq 'chart' ? qq({"chart":{"result":[$all],"error":null}})
           : qq({"quoteResponse":{"result":[$all],"error":null}});
}


sub head {
    my ($status, $length, @headers) = @_;

    return join $crlf, "HTTP/1.1 $status Weather",
                       (defined $length ? "Content-Length: $length" : ()),
                       'Content-Type: application/json', @headers, '', '';
}


sub answer {
    my ($status, $body, @headers) = @_;

    return ([send => head($status, length $body, @headers) . $body]);
}


sub part {
    my $body = body(@_);

    return ([send => head(200, length $body)
                     . substr $body, 0, rand length $body]);
}


sub chunked {
    my ($pause, $body) = @_;
    my $size = 1 + length($body) / 6;

    return ([send => head(200, undef, 'Transfer-Encoding: chunked')],
            (map { ([wait => $pause],
                    [send => sprintf("%x", length) . "$crlf$_$crlf"]) }
             unpack "(a$size)*", $body),
            [send => "0$crlf$crlf"]);
}


#
# The driver's side
#

# limits: SOURCE => how many requests at a time; shared: PLACEs that store;
# symbols, one of which is a victim at times; log, where the
# particulars go of a promise that was broken.
sub new {
    my ($class, %option) = @_;
    my $self = bless { owner => $$, %option }, $class;

    # while it refuses connections the kernel leaves us the port
    my $listener = Upstream::bound_by_name();
    $listener->blocking(0);
    my $control = IO::Socket::INET->new(Listen => 16, Blocking => 0,
                                        LocalAddr => '127.0.0.1')
        or die "cannot listen: $!";

    $self->{port} = $listener->sockport;
    $self->{control} = $control->sockport;
    $self->{pid} = fork;

    die "cannot fork: $!" unless defined $self->{pid};

    if ($self->{pid} == 0) {
        srand $option{seed};
        eval { Weather::Sky->new($self, $listener, $control)->serve };
        print STDERR "upstream: $@" if $@;
        POSIX::_exit(1);
    }

    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return unless $$ == $self->{owner} && $self->{pid};

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}


sub port { return $_[0]{port} }

sub has_died {
    my ($self) = @_;

    return unless $self->{pid} && waitpid $self->{pid}, POSIX::WNOHANG();

    $self->{pid} = 0;
    return 1;
}


sub control {
    my ($self, $what) = @_;
    my $got = Upstream::get("/-/$what", port => $self->{control});

    die "the upstream does not answer \"$what\"\n"
        unless $got->{status} == 200;

    return $got->{json};
}


# From now on, well for good, or changing again.
sub clear_up { return $_[0]->control('fair') }
sub change { return $_[0]->control('change') }

# One of the refusals until it clears up, whatever else is said; of what may
# have a victim, this one.  Calls are counted anew.
sub refuse {
    my ($self, $what, $victim) = @_;

    return $self->control("refuse/$what/" . ($victim || ''));
}

# In the places that share, "each" may fetch for itself until they are "shared"
# again, and what is under way then has come to its end.

# { faults => { NAME => how often }, wrong => [ promises that were broken ],
# asked => { "PLACE SYMBOL" => how often, since refuse() } }
sub report { return $_[0]->control('report') }


package Weather::Sky;

use Errno ();
use Socket qw(MSG_DONTWAIT MSG_PEEK SOL_SOCKET SO_LINGER);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);


sub new {
    my ($class, $of, $listener, $control) = @_;

    return bless {
        owner => $of->{owner}, limits => $of->{limits} || {},
        shared => { map { $_ => 1 } @{ $of->{shared} || [] } },
        listener => $listener, control => $control, listening => 1,
        symbols => $of->{symbols} || [], log => $of->{log},
        connection => {}, count => {}, wrong => [],
        calm => $of->{calm}, spell => 'well', until => 0,
        each_until => 0, asked => {}, victim => '',
    }, $class;
}


sub now { return clock_gettime(CLOCK_MONOTONIC) }


sub serve {
    my ($self) = @_;
    my $all = $self->{connection};

    local $SIG{PIPE} = 'IGNORE';
    local @SIG{qw(INT TERM)} = ('IGNORE') x 2;

    while (getppid == $self->{owner}) {
        my $now = now();
        my ($read, $write) = ('', '');
        my $wait = 0.1;

        $self->next_spell if $now > $self->{until};

        vec($read, fileno $self->{listener}, 1) = 1 if $self->{listening};
        vec($read, fileno $self->{control}, 1) = 1;

        while (my ($fd, $c) = each %$all) {
            vec($read, $fd, 1) = 1;
            vec($write, $fd, 1) = 1 if length $c->{out};
            next unless defined $c->{wake};

            my $left = $c->{wake} - $now;
            $wait = $left < 0 ? 0 : $left if $left < $wait;
        }

        if (select($read, $write, undef, $wait) > 0) {
            for my $fd (keys %$all) {
                my $c = $all->{$fd} or next;

                $self->receive($c) if vec $read, $fd, 1;
                $self->transmit($c) if vec($write, $fd, 1) && $all->{$fd}
                                       && length $c->{out};
            }

            $self->welcome($self->{control}, 1)
                if vec $read, fileno $self->{control}, 1;
            $self->welcome($self->{listener})
                if $self->{listening} && vec $read, fileno $self->{listener}, 1;
        }

        $now = now();

        for my $c (values %$all) {
            if (defined $c->{wake} && $c->{wake} <= $now) {
                $c->{wake} = undef;
                $self->proceed($c);
            }
        }
    }
}


sub next_spell {
    my ($self) = @_;
    my $dice = rand;

    if ($self->{calm}) {
        $self->{spell} = 'well';
        $self->{until} = now() + 3600;

    } else {
        $self->{spell} = $dice < 0.35 ? 'well' : $dice < 0.65 ? 'mixed'
                         : $dice < 0.80 ? $WRONG[rand @WRONG]
                         : $dice < 0.93 ? $REFUSALS[rand @REFUSALS] : 'refuse';
        $self->{victim} = $self->{symbols}[rand @{ $self->{symbols} }];
        $self->{until} = now() + 0.2 + rand 1.8;
        $self->{count}{"spell of $self->{spell}"}++;
    }

    my $listening = $self->{spell} ne 'refuse';

    if ($listening && !$self->{listening}) {
        listen $self->{listener}, 512 or die "listen: $!";
    } elsif (!$listening && $self->{listening}) {
        shutdown $self->{listener}, 2;
    }

    $self->{listening} = $listening;
}


sub welcome {
    my ($self, $from, $control) = @_;

    while (my $socket = $from->accept) {
        $socket->blocking(0);
        $self->{connection}{fileno $socket}
            = { socket => $socket, in => '', out => '', steps => [],
                control => $control };
    }
}


sub goodbye {
    my ($self, $c, $reset) = @_;

    delete $self->{connection}{fileno $c->{socket}};

    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
    close $c->{socket};
}


sub receive {
    my ($self, $c) = @_;
    my $n = sysread $c->{socket}, $c->{in}, 65536, length $c->{in};

    if (!$n) {
        $self->goodbye($c) unless !defined $n && ($!{EAGAIN} || $!{EINTR});
        return;
    }

    $self->understand($c) unless $c->{busy};
}


sub understand {
    my ($self, $c) = @_;

    return unless $c->{in} =~ s/^(.*?)$crlf$crlf//s;
    my $head = $1;

    my ($path) = $head =~ m{^GET (\S+)} or return $self->goodbye($c);

    $c->{busy} = 1;

    if ($c->{control}) {
        my $text = JSON::PP->new->canonical->encode($self->command($path));
        $self->proceed($c, Weather::answer(200, $text, 'Connection: close'),
                       ['close']);
        return;
    }

    my (undef, $source, $place, $form, $symbols) = split m{/}, $path, 5;
    $symbols =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;

    my $request = { source => $source, place => $place, form => $form,
                    symbols => [ split /,/, $symbols ],
                    calm => $self->{calm} };

    $self->promises($c, $request) or return;
    $self->{asked}{"$place $_"}++ for @{ $request->{symbols} };

    my $name = $self->what_becomes_of($request);

    $self->{count}{$name}++;
    $request->{name} = $name;

    my $action = $FAULT{$name} || $REFUSAL{$name};
    my $harms = $OF_VICTIM{$name};
    my @steps = $action ? $action->($request, $name)
                : $harms ? $harms->($request, $name, $self->{victim})
                : $GOOD{$name} ? $GOOD{$name}->($request, 'good')
                : Weather::answer(200, Weather::body($request, 'good'));

    unshift @steps, [wait => rand 0.01];

    push @steps, ['close'] if $head =~ /^Connection:\s*close/im
                              && $steps[-1][0] eq 'send';
    $self->proceed($c, @steps);
}


# The name of what meets a request.
sub what_becomes_of {
    my ($self, $request) = @_;

    # in a spell of one fault some get through, and some symbols are worse off
    my ($name, $dice) = ('good', rand);
    my $spell = $self->{spell};

    if ($REFUSAL{$spell}) {
        $name = $spell;
    } elsif ($OF_VICTIM{$spell}
             && grep { $_ eq $self->{victim} } @{ $request->{symbols} })
    {
        $name = $spell;
    } elsif ($spell eq 'mixed') {
        $name = $dice < 0.35 ? $WRONG[rand @WRONG]
                : $dice < 0.65 ? $ODD[rand @ODD] : 'good';
    } elsif ($FAULT{$spell}) {
        $name = $spell if $dice < 0.9;
    } elsif (!$self->{calm}) {
        $name = $ODD[rand @ODD] if $dice < 0.05;
    }

    return $name;
}


# Looks whether there may be another request beside those under way.  Of those
# the ones whose other end has closed, seen or not, are over; who has just told
# another worker to go on may close a moment later.  False if this one is over.
sub promises {
    my ($self, $c, $request) = @_;
    my ($source, $place) = @{$request}{qw(source place)};
    my $limit = $self->{limits}{$source};
    my (@now, @twice, $many);

    delete $c->{request};

    for my $round (0 .. 10) {
        @now = grep { $_->{request} && $_->{request}{source} eq $source }
               values %{ $self->{connection} };
        $many = defined $limit && @now >= $limit;
        @twice = ();

        if ($self->{shared}{$place} && now() > $self->{each_until}) {
            my %wanted = map { $_ => 1 } @{ $request->{symbols} };

            @twice = grep { $_->{request}{place} eq $place
                            && grep { $wanted{$_} } @{ $_->{request}{symbols} }
                          } @now;
        }

        last unless $many || @twice;

        select undef, undef, undef, 0.005 if $round;

        for my $other ($c, @now) {
            my $got = recv $other->{socket}, my $byte, 1,
                           MSG_PEEK | MSG_DONTWAIT;
            $self->goodbye($other)
                if defined $got && !length $byte
                   || !defined $got && !$!{EAGAIN} && !$!{EINTR};
        }

        # it may itself be of a worker that is gone, and have lain here
        return unless defined fileno $c->{socket};
    }

    if ($many || @twice) {
        push @{ $self->{wrong} }, $many
            ? "more than $limit requests at a time for source $source"
            : "more than one request at a time for one symbol in $place";
        printf { $self->{log} } "%.3f %s: %s beside %s\n", now(),
            $self->{wrong}[-1], told($request), join '; ',
            map { told($_->{request}) } $many ? @now : @twice
            if $self->{log};
    }

    $request->{since} = now();

    return $c->{request} = $request;
}


sub told {
    my ($request) = @_;

    return sprintf '%s %s for %.3f s%s', $request->{form},
                   join(',', @{ $request->{symbols} }),
                   $request->{since} ? now() - $request->{since} : 0,
                   $request->{name} ? ", $request->{name}" : '';
}


sub command {
    my ($self, $path) = @_;

    if ($path =~ m{/(fair|change)$}) {
        $self->{calm} = $1 eq 'fair';
        $self->next_spell;
        return {};
    }

    if ($path =~ m{/refuse/(\w+)/(\w*)$}) {
        $self->next_spell;
        @{$self}{qw(spell victim asked)} = ($1, $2, {});
        return {};
    }

    if ($path =~ m{/(each|shared)$}) {
        $self->{each_until} = $1 eq 'each' ? 9e9 : now() + 4;
        return {};
    }

    return { faults => $self->{count}, wrong => $self->{wrong},
             asked => $self->{asked},
             connections => scalar keys %{ $self->{connection} } };
}


sub proceed {
    my ($self, $c, @steps) = @_;

    push @{ $c->{steps} }, @steps;

    while (!length $c->{out} && @{ $c->{steps} }) {
        my ($step, $argument) = @{ shift @{ $c->{steps} } };

        if ($step eq 'send') {
            $c->{out} = $argument;
            $self->transmit($c);
            return;
        }

        if ($step eq 'wait') {
            next unless $argument;
            $c->{wake} = now() + $argument;
            return;
        }

        return if $step eq 'hang';

        $self->goodbye($c, $step eq 'reset');
        return;
    }

    $c->{busy} = 0;
    delete $c->{request};
    $self->understand($c) if length $c->{in};
}


sub transmit {
    my ($self, $c) = @_;
    my $n = syswrite $c->{socket}, $c->{out};

    if (!defined $n) {
        $self->goodbye($c) unless $!{EAGAIN} || $!{EINTR};
        return;
    }

    substr $c->{out}, 0, $n, '';

    # whole for the other end, which may ask again before we see it
    delete $c->{request} if !length $c->{out} && !@{ $c->{steps} };
    $self->proceed($c) unless length $c->{out};
}


1;
