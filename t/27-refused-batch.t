# A call for many that the provider refuses because of one of them.  One symbol
# that had been dropped, and the snapshot was an error for ever, though eleven
# of twelve could be had singly.  What is refused is tried in parts, once, and
# the symbol that spoilt it is remembered and asked for alone.
#
# A body without any good entry is no answer either, whatever its form: it
# takes nothing away.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish wait_for pass_ttl scaled);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);

my @all = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);


# Calls for many have the path .../many/SYMBOLS, those for one .../one/SYMBOL.
# No key waits for longer than a moment, unless a test says so.
sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', source => '',
                    hold => 'hold=1ms max_hold=1ms', format => 'sector',
                    one => 'ok', many => 'many:map', batch => '',
                    timeout => scaled(20) . 's', api => '', @_);

    return <<"END";
sector_cache_zone sectors 1m $option{zone};
sector_cache_zone snapshots 1m ttl=10m;
sector_cache_source up retries=0 timeout=$option{timeout} $option{hold}
                       $option{source};
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /one/\$sector_cache_symbol;
        sector_cache_fetch_batch up /many/\$sector_cache_symbols
                                 format=$option{format} $option{batch};
        $option{api}
    }
    location /one/ {
        internal;
        proxy_pass http://$up/$option{one}${key}one/;
    }
    location /many/ {
        internal;
        proxy_pass http://$up/$option{many}${key}many/;
    }
    location /status {
        sector_cache_status;
    }
    location /admin {
        sector_cache_admin;
        sector_cache_admin_key off;
    }
}
END
}


sub start {
    my (%option) = @_;

    $key = '/r' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} || 2,
                                  http => http(%option));
}


sub source { return get('/status/stats')->{json}{sources}{up} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }
sub symbols { return get('/api/?symbols=' . join ',', @_) }


# The symbols of each call, in the order of the calls.
sub asked {
    return $upstream->requests($key . ($_[0] || ''))
           =~ m{^GET \S*?/(?:many|one)/(\S+)}mg;
}


# "XLK:101 XLF:UPSTREAM_ERROR": what became of each symbol of a batch.
sub each_of {
    my ($got) = @_;
    my %data = %{ $got->{json}{data} || {} };
    my %errors = %{ $got->{json}{errors} || {} };

    return join ' ', map { "$_:" . ($errors{$_} ? $errors{$_}{error_code}
                                                : $data{$_}{price}) }
                     sort keys %data, keys %errors;
}


# Those of a snapshot that are there, and those that are not.
sub of_snapshot {
    my ($got) = @_;
    my $data = $got->{json}{data} || {};
    my @all = (@{ $data->{sectors} || [] }, $data->{benchmark} || {});

    return (scalar(grep { defined $_->{price} } @all),
            join ' ', sort map { $_->{error} ? $_->{symbol} : () } @all);
}


sub ended_well {
    my (@expected) = @_;

    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is(source()->{waiting}, 0, 'nothing waits');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


for my $status (400, 404, 410, 422, 451) {
    subtest "a batch refused with $status for one of twelve" => sub {
        start(many => "refuses:$status:XLE:many",
              one => "refuses:$status:XLE",
              zone => 'ttl=1ms stale=1h negative=1ms');
        my $got = get('/api/snapshot');
        my ($there, $lacks) = of_snapshot($got);

        is($got->{status}, 200, 'the snapshot is answered');
        is("$there $lacks", '11 XLE', 'eleven of twelve are there');
        ok($got->{json}{metadata}{partial}, 'which it says');
        cmp_ok(calls(), '<=', 10, 'calls');
        is(source()->{breaker}{state}, 'closed', 'the breaker is closed');
        is(source()->{inFlight}, 0, 'all of them have ended');

        # the next one knows better
        my $calls = calls();
        pass_ttl();
        $got = symbols(@all);
        is($got->{status}, 200, 'the next one');
        is(scalar(keys %{ $got->{json}{data} }), 11, 'eleven of twelve');
        is(calls(), $calls + 2, 'by two calls');
        my @two = sort((asked())[-2, -1]);
        is(join(',', sort grep { $_ ne 'XLE' } @all),
           join(',', map { sort split /,/ } grep { /,/ } @two),
           'one for all others');
        is(join(' ', grep { !/,/ } @two), 'XLE', 'and one for it alone');
        ended_well();
    };
}


subtest 'what was left out comes back by itself' => sub {
    start(many => 'refuses:400:XLE:many', one => 'refuses:400:XLE,ok',
          zone => 'ttl=1ms stale=1h');
    symbols(@all);
    my $got = wait_for('it is there', sub {
        pass_ttl();
        my $is = symbols(@all);
        return keys %{ $is->{json}{data} || {} } == 12 && $is;
    });
    like(each_of($got), qr/XLE:\d/, 'with a price of its own');
    is($got->{cache}, 'miss', 'and all are fetched');
    ended_well();
};


for my $workers (1, 2) {
    subtest "while the symbol waits nobody calls for it, $workers workers" =>
    sub {
        start(many => 'refuses:451:XLB:many', one => 'refuses:451:XLB',
              hold => 'hold=1h max_hold=1h', workers => $workers);
        symbols(@all);
        my $calls = calls();

        cmp_ok($calls, '<=', 10, 'calls for the first');

        for my $got (map { symbols(@all) } 1 .. 20) {
            like(each_of($got), qr/\bXLB:UPSTREAM_ERROR\b/, 'its error');
            is(scalar(keys %{ $got->{json}{data} }), 11, 'the others');
        }

        is(get('/api/XLB')->{code}, 'UPSTREAM_ERROR', 'alone as well');
        is(calls(), $calls, 'no call more');
        cmp_ok(source()->{held}, '>=', 21, 'held');
        ended_well();
    };
}


subtest 'a hundred clients share what a refused batch costs' => sub {
    start(many => "refuses:400:XLK:many", one => 'refuses:400:XLK',
          hold => 'hold=1h max_hold=1h');
    my @clients = map { begin('/api/?symbols=' . join ',', @all) } 1 .. 100;
    my @got = map { finish($_) } @clients;

    is(scalar(grep { $_->{status} == 200
                     && keys %{ $_->{json}{data} } == 11 } @got), 100,
       'all are answered');
    cmp_ok(calls(), '<=', 10, 'calls');
    ended_well();
};


subtest 'one that is refused in a call for many can be had alone' => sub {
    start(many => 'refuses:400:XLE:many');
    is(keys %{ symbols(@all)->{json}{data} || {} } >= 11, 1, 'the others');
    cmp_ok(calls(), '<=', 10, 'calls');
    my $calls = calls('many');
    pass_ttl();
    like(each_of(symbols(@all)), qr/XLE:101/, 'it as well, the next time');
    is(calls('many'), $calls, 'by no call for many');
    ended_well();
};


subtest 'a provider that refuses everything is not asked for ever' => sub {
    start(many => 'nosuch:400', one => 'nosuch:400',
          hold => 'hold=1h max_hold=1h');
    my $got = get('/api/snapshot');
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'an error');
    my $calls = calls();
    cmp_ok($calls, '<=', 24, 'calls');
    is(symbols(@all)->{status}, 502, 'an error') for 1 .. 10;
    is(calls(), $calls, 'no call more');
    ended_well();
};


subtest 'where all are refused none is to blame' => sub {
    start(many => 'nosuch:400,many:map', one => 'nosuch:400,ok');

    # whatever is asked for is refused the first time
    isnt(symbols(@all)->{status}, 200, 'refused');
    my $calls = calls();
    pass_ttl();
    is(keys %{ symbols(@all)->{json}{data} || {} }, 12, 'all are there');
    is(calls(), $calls + 1, 'by one call for all of them');
    ended_well();
};


for my $case (
    ['401', 'status:401', 502], ['403', 'status:403', 502],
    ['500', 'status:500', 502], ['429', 'status:429', 502],
    ['a redirect', 'redirect:302', 502], ['a page', 'html', 502],
    ['a page with a status of 404', 'page:404', 502],
    ['a lost connection', 'close', 502],
) {
    my ($name, $many, $status) = @$case;

    subtest "what is the source's is not tried in parts: $name" => sub {
        start(many => $many, hold => 'hold=1h max_hold=1h');
        is(symbols(@all)->{status}, $status, "answer $_") for 1 .. 3;
        is(calls(), 1, 'one call');
        is(source()->{held}, 24, 'all twelve wait');
        ended_well();
    };
}


subtest 'the parts keep within the time of one fetch' => sub {
    start(many => 'wait:400+refuses:400:XLE:many',
          one => 'wait:400+refuses:400:XLE', timeout => '1s');
    my $began = time;
    my $got = symbols(@all);

    cmp_ok(time - $began, '<', scaled(5), 'answered');
    like(each_of($got), qr/UPSTREAM_TIMEOUT/, 'for some it was too late');
    cmp_ok(calls(), '<=', 3, 'calls');
    ended_well();
};


subtest 'the parts keep within the rate' => sub {
    start(many => 'nosuch:400', one => 'nosuch:400', source => 'rate=3r/m',
          hold => 'hold=1h max_hold=1h', timeout => '2s');
    isnt(symbols(@all)->{status}, 200, 'an error');
    cmp_ok(calls(), '<=', 3, 'calls');
    cmp_ok(calls(), '>=', 2, 'but more than one');
    ended_well();
};


for my $case (
    ['[]', 'many:map,list', 'sector'], ['{}', 'many:map,object', 'sector'],
    ["Yahoo's empty list", 'many:quote,quote', 'yahoo_quote'],
) {
    my ($name, $many, $format) = @$case;

    subtest "$name for a batch takes nothing away" => sub {
        start(many => $many, format => $format, zone => 'ttl=1ms stale=1h',
              hold => 'hold=1h max_hold=1h');
        my $good = symbols(qw(XLK XLF XLE));
        is(each_of($good), 'XLE:101 XLF:101 XLK:101', 'good at first');
        pass_ttl();

        for my $n (1 .. 5) {
            my $got = symbols(qw(XLK XLF XLE));
            is("$got->{status} $got->{cache}", '200 stale', "stale, $n");
            is($got->{data}, $good->{data}, "unchanged, $n");
        }

        is(calls('many'), 2, 'calls for many');
        is(source()->{notFound}, 0, 'none is missing');
        ended_well();
    };
}


for my $case (['[]', 'list', 'sector'], ['{}', 'object', 'sector'],
              ["Yahoo's empty list", 'quote', 'yahoo_quote'])
{
    my ($name, $many, $format) = @$case;

    subtest "$name for a batch of new symbols is invalid" => sub {
        start(many => $many, format => $format, one => 'nosuch',
              hold => 'hold=1h max_hold=1h');
        my $got = symbols(qw(XLK XLF XLE));
        is("$got->{status} $got->{code}", '502 UPSTREAM_INVALID', 'an error');
        is(calls('many'), 1, 'one call');
        is(source()->{notFound}, 0, 'none is missing');
        ended_well();
    };
}


subtest 'one that is lacking beside good ones needs proof as well' => sub {
    start(many => 'many:map,many:map:lacks:XLF', zone => 'ttl=1ms stale=1h'
          . ' negative=1h', hold => 'hold=1h max_hold=1h', one => 'nosuch');
    symbols(qw(XLK XLF XLE));
    pass_ttl();
    my $got = symbols(qw(XLK XLF XLE));
    is(each_of($got), 'XLE:102 XLF:101 XLK:102', 'its good data is served');
    pass_ttl();
    $got = symbols(qw(XLK XLF XLE));
    like(each_of($got), qr/XLF:101/, 'and again');
    ended_well();
};


done_testing();
