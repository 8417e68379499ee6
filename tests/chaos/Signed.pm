package Signed;

# Sectors that tell, wherever they turn up, whether the upstream sent them as
# good, for which symbol, and when.
#
# What is signed is in "longName", which every format has:
# NUMBER:MILLISECONDS:KIND:CHECKSUM, of the monotonic clock, where KIND is
# "good" or the fault that the sector was part of.  The checksum covers the
# symbol, the price, how long "pad" is, and all of that.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Exporter qw(import);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(now_ms make_sector make_fields check_sector is_object);

my $number = 0;


sub now_ms { return int(1000 * clock_gettime(CLOCK_MONOTONIC)) }


sub checksum {
    return substr md5_hex(join '|', 'chaos', @_), 0, 16;
}


# The price and the signature of a new one.
sub make_fields {
    my ($symbol, $kind, $pad) = @_;
    my $price = 100 + ++$number % 100_000 / 4;
    my $signed = join ':', $number, now_ms(), $kind;

    return ($price, $signed . ':'
                    . checksum($symbol, $price, $pad || 0, $signed));
}


# In our own form, with $pad bytes more.
sub make_sector {
    my ($symbol, $kind, $pad) = @_;
    my ($price, $signed) = make_fields($symbol, $kind, $pad);

    return qq({"symbol":"$symbol","price":$price,"longName":"$signed")
           . ($pad ? ',"pad":"' . 'x' x $pad . '"' : '') . '}';
}


# Whether a text is one object without others in it.
sub is_object {
    return $_[0] =~ /\A\{(?:"\w+":(?:"[^"\\\x00-\x1f]*"|true|false|null
                            |-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)
                         (?:,(?=")|(?=\})))*\}\z/x;
}


# What is wrong with one that has come at $now, or an empty string, and its
# symbol.  $limit is how old it may be; $slept, a function, how long the host
# has slept since a time.
sub check_sector {
    my ($text, $now, $limit, $slept) = @_;

    my ($symbol) = $text =~ /"symbol":"([^"]*)"/;
    my ($price) = $text =~ /"price":([-+.\deE]+)/;
    my ($signed, $sum) = $text =~ /"longName":"([^"]*):([^":]*)"/;
    my $pad = $text =~ /"pad":"(x*)"/ ? length $1 : 0;

    return ('no whole sector', $symbol || '') unless is_object($text)
        && defined $symbol && defined $price && defined $signed;

    my (undef, $at, $kind) = split /:/, $signed;

    return ('not as it was sent', $symbol)
        unless $sum eq checksum($symbol, $price, $pad, $signed);
    return ("sent as part of a fault, $kind", $symbol) if $kind ne 'good';

    my $age = $now - $at;
    my $asleep = $slept ? $slept->($at) : 0;

    return ("older than allowed by @{[$age + $asleep - $limit]} ms, of which"
            . " $asleep asleep", $symbol)
        if $age + $asleep > $limit;

    return ('', $symbol);
}


1;
