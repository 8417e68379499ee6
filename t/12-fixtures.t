# Recorded answers of a real quote provider, served as they were recorded and
# with the status that they came with, and read through nginx: the exact
# sector, or the exact error.
#
# What each body holds is written down once, in the tables that the unit tests
# of sector_model use; this file adds what nginx and the status make of it.
# The bodies are not part of the project: SECTOR_FIXTURES names their folder.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use JSON::PP ();
use Upstream qw(get);

my $folder = ($ENV{SECTOR_FIXTURES} || '../shared/fixtures') . '/yahoo';

plan skip_all => "no recorded answers at $folder, SECTOR_FIXTURES names them"
    unless -r "$folder/index.json";


# The rows { FILE, FORMAT, SYMBOL, NAME, WALL_MS, STATUS, EXPECTED } of a table
# in C.
sub rows {
    my ($path) = @_;
    my $string = qr/"((?:[^"\\]|\\.)*)"/;
    my @rows;

    open my $in, '<', $path or die "$path: $!";
    my $text = do { local $/; <$in> };

    while ($text =~ /\{\s* $string ,\s* SECTOR_FORMAT_(\w+) ,\s* $string ,\s*
                     (?: NULL | $string ) ,\s* (\d+) ,\s*
                     SECTOR_MODEL_(\w+) ,\s* ((?: $string \s*)+) \}/gx)
    {
        my %row = (file => $1, format => lc $2, symbol => $3, name => $4,
                   outcome => $6);
        my $expected = $7;

        $row{expected} = join '', $expected =~ /"((?:[^"\\]|\\.)*)"/g;
        s/\\(.)/$1/g for grep { defined } @row{qw(name expected)};
        push @rows, \%row;
    }

    return @rows;
}


my @rows = map { rows("tests/test_model_$_.h") } qw(charts quotes refused);

cmp_ok(scalar @rows, '>=', 40, 'the tables were understood');

# the status with which each body came
my %status = map { $_->{file} => $_->{http_status} || 200 }
             @{ JSON::PP::decode_json(do {
                 open my $in, '<', "$folder/index.json" or die $!;
                 local $/;
                 <$in>;
             })->{files} };

# quoted errors come under the name of their status
for my $file (keys %status) {
    $status{$file} = $1 if $file =~ /^error-(?:\w+-)?([1-5]\d\d)-/
                           && $status{$file} !~ /^\d{3}$/;
}


my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $locations = '';

for my $i (0 .. $#rows) {
    my $row = $rows[$i];

    # without a name of the configuration's the upstream's own is used
    my $name = 'sector_cache_symbols { OTHER "other"; }';

    if (defined $row->{name}) {
        $name = $row->{name} =~ s/"/\\"/gr;
        $name = qq(sector_cache_symbols { $row->{symbol} "$name"; });
    }

    $row->{status} = $status{ $row->{file} };
    $locations .= <<"END";
location /r$i {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch up /fetch$i format=$row->{format};
    sector_cache off;
    $name
}
location = /fetch$i {
    internal;
    proxy_pass http://$up/fixture:$row->{file}:$row->{status}/r$i/X;
}
END
}

my $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone sectors 4m;
sector_cache_source up retries=0 failures=1000000 open=1ms max_open=1ms;
server {
    listen %PORT%;
    %PID%
    $locations
    location /kept {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_symbols { OTHER "other"; }
        sector_cache_fetch up /quotes format=yahoo_quote;
    }
    location = /quotes {
        internal;
        proxy_pass http://$up/fixture:quote-8symbols-mixed-2025.json/kept/X;
    }
}
END


# All were recorded long ago: a market that is said by the hours of its session
# has closed since.
sub now {
    my ($row) = @_;
    my $data = $row->{expected};

    $data =~ s/"marketState":"\w+"/"marketState":"CLOSED"/
        if $row->{format} eq 'yahoo_chart';

    return $data;
}


for my $i (0 .. $#rows) {
    my $row = $rows[$i];
    my $what = "$row->{file} as $row->{format} for $row->{symbol}";
    my $got = get("/r$i/$row->{symbol}");

    if ($row->{status} == 404 && $row->{file} !~ /\.xml$/) {
        is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL',
           "$what: a 404 in the provider's form is an answer");

    } elsif ($row->{status} != 200) {
        is("$got->{status} $got->{code} "
           . ($got->{json}{error_details}{status} || ''),
           "502 UPSTREAM_ERROR $row->{status}",
           "$what: a $row->{status} is an upstream error");

    } elsif ($row->{outcome} eq 'OK') {
        is($got->{data}, now($row), "$what: data");

    } elsif ($row->{outcome} eq 'NOT_FOUND') {
        is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL',
           "$what: no such symbol");

    } else {
        is("$got->{status} $got->{code} $got->{error}",
           '502 UPSTREAM_INVALID Source up sent an invalid body: '
           . $row->{expected}, "$what: refused, and why");
    }
}


# From memory it is the same, byte for byte.

for my $row (grep { $_->{file} eq 'quote-8symbols-mixed-2025.json'
                    && $_->{outcome} eq 'OK' && !defined $_->{name} } @rows)
{
    next if length $row->{symbol} > 10;

    my $miss = get("/kept/$row->{symbol}");
    my $hit = get("/kept/$row->{symbol}");

    is("$miss->{cache} $hit->{cache}", 'miss hit', "$row->{symbol} is kept");
    is($miss->{data}, $row->{expected}, "$row->{symbol}: data of the miss");
    is($hit->{data}, $miss->{data}, "$row->{symbol}: data of the hit");
}

is($nginx->stop, 0, 'nginx ended well');
is($nginx->trouble, '', 'and without trouble');

done_testing;
