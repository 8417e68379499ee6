package Ground;

# What chaos.pl and soak.pl have in common: the nginx that they run, with a
# place of every kind, the clients as processes of their own, and what /proc
# says of processes.

use strict;
use warnings;

use Crowd;
use Ending ();
use Exporter qw(import);
use JSON::PP ();
use Time::HiRes qw(sleep time);
use Upstream qw(get);

our @EXPORT_OK = qw(%LIMITS @SYMBOLS $MAX_OPEN $TIMEOUT $WINDOW places http
                    has_admin within stats total descriptors resident_kb
                    states connections started replaced crowd gather);

# Of the sources, and of the zones; milliseconds.

our %LIMITS = (up => 4, chart => 3, odd => 6);
our ($TIMEOUT, $QUEUE_TIMEOUT, $MAX_OPEN, $WINDOW) = (1500, 1000, 1000, 2000);
our ($TTL, $STALE, $QUEUE) = (300, 2500, 64);
our ($HOLD, $MAX_HOLD) = (200, 1000);
our @SYMBOLS = (qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB), 'M&M.NS',
                '^=&_-.A-SYMBOL-OF-32-SIGNS.-_&=^', 'SPY');

# Between the time that an upstream signs and the time that a client looks.

my $slack = 1000;


#
# The places: what Crowd must know of them, and nginx's locations
#

sub places {
    my %common = (
        symbols => \@SYMBOLS, batch => 1,
        patience_ms => $TIMEOUT + $QUEUE_TIMEOUT + 1000,
        age_ms => $TTL + $STALE + $TIMEOUT + $slack,
        snapshot_ms => $TTL + $STALE + $slack,
        # what is being fetched or put together while the host sleeps is young
        under_way_ms => 2 * ($TIMEOUT + $QUEUE_TIMEOUT) + $slack,
    );
    my %main = (%common, zone => 'sectors', snapshots => 'snapshots');

    return {
        on     => { %main, weight => 6, any => 0.05 },
        bare   => { %main, weight => 2, bare => 1 },
        strict => { %main },
        chart  => { %common, zone => 'chart', snapshots => 'charts',
                    weight => 3 },
        full   => { %common, zone => 'full', snapshots => 'fulls', weight => 2,
                    any => 0.9, age_ms => 900_000 },
        off    => { %common, zone => 'off', snapshots => 'offs',
                    age_ms => $TIMEOUT + $QUEUE_TIMEOUT + $slack },
        shadow => { %common, zone => 'shadow', snapshots => 'shadows' },
        mixed  => { %common, zone => 'mixed', snapshots => 'mixeds',
                    any => 0.05 },
    };
}


# Options: upstream, its port; persist, a file; ttl, queue, if not those above;
# room, the queue of the source that has a short one otherwise;
# keys, a file with those of the admin location, if there is to be one.
sub http {
    my (%option) = @_;
    my $up = "127.0.0.1:$option{upstream}";
    my $ttl = $option{ttl} || $TTL;
    my $queue = $option{queue} || $QUEUE;
    my $room = $option{room} || 8;
    my $times = "ttl=${ttl}ms stale=${STALE}ms negative=200ms max_object=64k";
    my $limits = "timeout=${TIMEOUT}ms queue_timeout=${QUEUE_TIMEOUT}ms"
                 . " max_open=${MAX_OPEN}ms retries=1 backoff=20ms"
                 . ' half_open_timeout=1s'
                 . " hold=${HOLD}ms max_hold=${MAX_HOLD}ms";
    my $api = '';

    my @api = (
        [ on => 'sectors', 'snapshots', 'up', 'sector', 'on',
          'sector_cache_gzip on; sector_cache_bypass $arg_fresh;
           sector_cache_unknown_symbols accept;' ],
        [ bare => 'sectors', 'snapshots', 'up', 'sector', 'on',
          'sector_cache_envelope off;' ],
        [ strict => 'sectors', 'snapshots', 'up', 'sector', 'on', '' ],
        [ chart => 'chart', 'charts', 'chart', 'yahoo', 'chart',
          'sector_cache_gzip on;' ],
        [ full => 'full', 'fulls', 'odd', 'sector', 'full',
          'sector_cache_unknown_symbols accept;' ],
        [ off => 'off', 'offs', 'odd', 'sector', 'off', 'sector_cache off;' ],
        [ shadow => 'shadow', 'shadows', 'odd', 'sector', 'shadow',
          'sector_cache shadow; sector_cache_gzip on;' ],
        [ mixed => 'mixed', 'mixeds', 'odd', 'yahoo', 'mixed',
          'sector_cache $flag; sector_cache_unknown_symbols accept;' ],
    );

    for my $place (@api) {
        my ($name, $zone, $snapshots, $source, $format, $at, $more) = @$place;
        my ($one, $batch, $one_as, $batch_as) = $format eq 'sector'
            ? qw(one map sector sector)
            : qw(chart quotes yahoo_chart yahoo_quote);

        $api .= <<"END";
    location /$name {
        sector_cache_api sectors=$zone snapshots=$snapshots;
        sector_cache_fetch $source
            /_up/$source/$at/$one/\$sector_cache_symbol format=$one_as;
        sector_cache_fetch_batch $source
            /_up/$source/$at/$batch/\$sector_cache_symbols format=$batch_as
            max=20;
        $more
    }
END
    }

    my $admin = $option{keys} ? <<"END" : '';
    location /admin {
        sector_cache_admin sectors=sectors snapshots=snapshots;
        sector_cache_admin_key_file $option{keys};
    }
END
    my $persist = $option{persist} ? "persist=$option{persist}" : '';
    my $symbols = join ' ', map { "$_ " . ($_ eq 'SPY' ? '"S&P 500" benchmark'
                                                       : 'Sector') . ';' }
                            @SYMBOLS;

    return <<"END";
sector_cache_zone sectors 2m $times swr=200ms jitter=20% $persist;
sector_cache_zone snapshots 1m $times swr=100ms;
sector_cache_zone chart 512k $times missing_after=100;
sector_cache_zone full 64k ttl=10m stale=0 negative=200ms max_object=64k;
sector_cache_zone off 64k $times;
sector_cache_zone shadow 512k $times;
sector_cache_zone mixed 256k $times;
sector_cache_zone charts 256k $times;
sector_cache_zone fulls 32k $times;
sector_cache_zone offs 32k $times;
sector_cache_zone shadows 256k $times;
sector_cache_zone mixeds 128k $times;
sector_cache_source up $limits concurrency=$LIMITS{up} queue=$queue
                    failures=5 open=200ms half_open=2 successes=2;
sector_cache_source chart $limits concurrency=$LIMITS{chart} queue=$queue
                    rate=60r/s error_rate=60% window=${WINDOW}ms slow=1s
                    open=300ms failures=1000 half_open=1 successes=1;
sector_cache_source odd $limits concurrency=$LIMITS{odd} queue=$room
                    failures=8 open=100ms half_open=5 successes=3;
sector_cache_symbols { $symbols }
split_clients \$request_id \$flag { 33% on; 33% off; * shadow; }
keepalive_requests 100000;
server {
    listen %PORT%;
    %PID%
$api
    location /_up/ {
        internal;
        proxy_pass http://$up/;
        proxy_connect_timeout 1s;
        proxy_pass_request_headers off;
    }
    location /status {
        sector_cache_status;
    }
$admin
}
END
}


# Whether the module has an admin location.
sub has_admin {
    for my $name (split(' ', $ENV{TEST_NGINX_LOAD_MODULES} || ''),
                  $ENV{TEST_NGINX_BINARY} || 'nginx')
    {
        local $/;
        open my $in, '<:raw', $name or next;
        return 1 if scalar(<$in>) =~ /sector_cache_admin_key_file\0/;
    }

    return 0;
}


#
# The counters
#

# Polls; false if it never came true.
sub within {
    my ($seconds, $function) = @_;
    my $until = time + $seconds;

    while (1) {
        my $got = $function->();
        return $got if $got;
        return if time > $until;
        sleep 0.02;
    }
}


sub stats { return get('/status/stats')->{json} }


# The sum of a namespace's outcomes.
sub total {
    my ($namespace) = @_;
    my $sum = 0;

    $sum += $namespace->{$_}
        for qw(hits misses stale updating bypassed disabled negative);

    return $sum;
}


#
# Processes
#

sub descriptors {
    my ($pid) = @_;
    my @all = map { (readlink $_) || () } glob "/proc/$pid/fd/*";

    return scalar @all;
}


sub resident_kb {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>;

    return $kb || 0;
}


# { PID => "S" }, "Z" of a zombie, of the children of a process.
sub states {
    my ($pid) = @_;
    my %state;

    open my $in, '<', "/proc/$pid/task/$pid/children" or return {};
    my $line = <$in>;

    for my $child (split ' ', defined $line ? $line : '') {
        open my $stat, '<', "/proc/$child/stat" or next;
        $state{$child} = $1 if scalar <$stat> =~ /\) (\S)/;
    }

    return \%state;
}


# How many established TCP connections a process has.
sub connections {
    my ($pid) = @_;
    my %open;

    open my $tcp, '<', "/proc/$pid/net/tcp" or return 0;

    while (my $line = <$tcp>) {
        my @field = split ' ', $line;
        $open{$field[9]} = 1 if $field[3] eq '01';
    }

    return scalar grep { (readlink $_ || '') =~ /^socket:\[(\d+)\]/
                         && $open{$1} } glob "/proc/$pid/fd/*";
}


# An nginx with two workers.  What it says before it has a log is that the
# smallest zones are too small for the largest objects, which is what they are
# for.
sub started {
    my (%option) = @_;

    open my $stderr, '>&', \*STDERR or die "stderr: $!";
    open STDERR, '>', '/dev/null' or die "stderr: $!";

    my $nginx = eval {
        Upstream::Nginx->new(workers => 2, connections => 4096, %option);
    };
    my $why = $@;

    open STDERR, '>&', $stderr or die "stderr: $!";
    die $why unless $nginx;

    return $nginx;
}


# Reloads, and waits until all workers are others; false if that takes long.
sub replaced {
    my ($nginx, $http) = @_;
    my %old = map { $_ => 1 } $nginx->children;

    $nginx->write_config($http);
    $nginx->signal('HUP');

    return within(15, sub {
        my @now = $nginx->children;
        return @now == 2 && !(grep { $old{$_} } @now) && \@now;
    });
}


#
# Clients, in a process of their own
#

# Begins; they go on until they are gathered.
sub crowd {
    my ($seed, %option) = @_;

    return apart($seed, sub { Crowd->new(%option)->run(86_400, $_[0]) });
}


# Runs a function in a process, with a reference to what becomes true when it
# is to end; what it returns is gathered.
sub apart {
    my ($seed, $function) = @_;

    pipe my $in, my $out or die "pipe: $!";
    my $pid = Ending::beside(sub {
        my $stop = 0;

        local $SIG{TERM} = sub { $stop = 1 };
        local $SIG{PIPE} = 'IGNORE';
        srand $seed;

        my $told = eval { $function->(\$stop) }
                   || { wrong => { "a client died: $@" => 1 } };

        print $out JSON::PP->new->canonical->encode($told);
        close $out;
    });

    close $out;

    return { pid => $pid, in => $in };
}


# Tells all to end, and returns the sum of what they tell.
sub gather {
    my (@crowds) = @_;
    my %sum = map { $_ => {} } qw(answers wrong counted maybe);

    kill 'TERM', $_->{pid} for @crowds;

    for my $crowd (@crowds) {
        local $/;
        my $in = $crowd->{in};
        my $text = <$in>;

        Ending::gone($crowd->{pid});

        my $told = length($text || '') ? JSON::PP::decode_json($text)
                   : { wrong => { 'a client is lost' => 1 } };

        for my $name (keys %$told) {
            if (ref $told->{$name}) {
                $sum{$name}{$_} += $told->{$name}{$_}
                    for keys %{ $told->{$name} };
            } elsif ($name =~ /^(?:longest|lag)$/) {
                $sum{$name} = $told->{$name}
                    if $told->{$name} > ($sum{$name} || 0);
            } else {
                $sum{$name} += $told->{$name};
            }
        }
    }

    return \%sum;
}


1;
