package Wire;

# A client that sees what was sent: each header line with its name and how
# often it came, and the body as it is.  It keeps its connection and may ask
# again before it is answered.
#
#     my $wire = Wire->new(PORT);
#     my $got = $wire->get('/api/XLK', method => 'HEAD', lines => [ ... ]);
#
# An answer is { status, names => sorted names, h => { name => value }, body },
# names in lower case; of a name that came twice the values are joined by " | ".

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;

my $crlf = "\015\012";


sub new {
    my ($class, $port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or die "cannot connect: $!\n";

    return bless { socket => $socket, in => '', heads => [] }, $class;
}


# Asks for some paths at once; the answers come by answer(), in order.
sub ask {
    my ($self, $paths, %option) = @_;
    my $method = $option{method} || 'GET';
    my $out = '';

    for my $path (ref $paths ? @$paths : $paths) {
        $out .= join $crlf, "$method $path HTTP/1.1", 'Host: localhost',
                            @{ $option{lines} || [] }, '', '';
        push @{ $self->{heads} }, $method eq 'HEAD';
    }

    local $SIG{PIPE} = 'IGNORE';

    while (length $out) {
        my $n = syswrite $self->{socket}, $out or die "write: $!\n";
        substr $out, 0, $n, '';
    }
}


sub more {
    my ($self) = @_;

    IO::Select->new($self->{socket})
        ->can_read($ENV{TEST_NGINX_USE_VALGRIND} ? 120 : 20)
        or die "no answer in time\n";

    sysread $self->{socket}, $self->{in}, 1 << 18, length $self->{in}
        or die "the connection ended within an answer\n";
}


sub answer {
    my ($self) = @_;
    my (%h, $at);

    $self->more while ($at = index $self->{in}, "$crlf$crlf") < 0;

    my ($first, @lines) = split /$crlf/, substr $self->{in}, 0, $at + 4, '';
    my ($status) = $first =~ m{^HTTP/1\.1 (\d+)} or die "what: $first\n";
    my @names;

    for my $line (@lines) {
        my ($name, $value) = $line =~ /^([^:\s]+):\s*(.*?)\s*$/
            or die "what: $line\n";

        push @names, lc $name;
        $h{lc $name} = defined $h{lc $name} ? "$h{lc $name} | $value" : $value;
    }

    my $body = '';

    if (shift @{ $self->{heads} } || $status == 304) {
        # none

    } elsif (($h{'transfer-encoding'} || '') eq 'chunked') {
        while (1) {
            $self->more until $self->{in} =~ s/^([0-9a-f]+)$crlf//i;
            my $n = hex $1;
            $self->more while length $self->{in} < $n + 2;
            $body .= substr $self->{in}, 0, $n, '';
            substr $self->{in}, 0, 2, '';
            last if $n == 0;
        }

    } else {
        my $length = $h{'content-length'};

        die "no length\n" unless defined $length;
        $self->more while length $self->{in} < $length;
        $body = substr $self->{in}, 0, $length, '';
    }

    return { status => $status, names => [ sort @names ], h => \%h,
             body => $body };
}


# What came beyond the answers so far, within a moment.
sub rest {
    my ($self) = @_;

    if (IO::Select->new($self->{socket})->can_read(0.1)) {
        sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    }

    return $self->{in};
}


sub get {
    my ($self, $path, %option) = @_;

    $self->ask($path, %option);

    return $self->answer;
}


1;
