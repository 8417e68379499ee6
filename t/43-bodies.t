# What is read out of a body, and what is not: data that is another day's or no
# data at all, and the answers of another instance of this module.
#
# Each of these was measured: the volume of a bar of 2018 beside a price of
# 2020; a trade after hours as the close of the day before; a price of 0 that
# replaced a good one, and took the market's average from 1 % up to 17 down; a
# byte order mark that opened the breaker; a tier that called the stale data of
# another one new, and said of what that one could not get that it does not
# exist.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Upstream;

# A quote of 2020-10-16 12:48:27 New York time, a Friday.
my $time = 1602862507;
my $day = '"regularMarketPrice":10,"regularMarketTime":' . $time
          . ',"gmtoffset":-14400';

sub chart {
    my ($meta, $bars) = @_;

    return qq({"chart":{"result":[{"meta":{"symbol":"%SYMBOL%",$meta})
           . ($bars || '') . '}],"error":null}}';
}

sub bars {
    my ($times, $close, $volume) = @_;

    return qq(,"timestamp":[$times],"indicators":{"quote":[{"close":[$close],)
           . qq("volume":[$volume]}]});
}

# Thursday's regular trading was from 9:30 to 16:00; one bar is in it, the last
# of the day is after it.
my ($open, $close) = (1602768600, 1602792000);
my $session = qq([[{"start":$open,"end":$close}]]);
my $hours = bars(join(',', $open, $close - 1800, $close + 5400, $time),
                 '8,9,9.5,10', '7,7,0,7');

%Upstream::BODY = (
    minimal => chart(qq("regularMarketPrice":10,"regularMarketTime":$time,)
                     . '"gmtoffset":0,"dataGranularity":"1d"',
                     bars(1527231600, 9, 5)),
    daily => chart(qq($day,"dataGranularity":"1d"),
                   bars(join(',', $time - 86400, $time - 3600, $time),
                        '9,null,10', '4,5,null')),
    after => chart(qq($day,"dataGranularity":"30m","tradingPeriods":{"pre":[],)
                   . qq("regular":$session,"post":[]}), $hours),
    untold => chart(qq($day,"dataGranularity":"30m"), $hours),

    zero => chart('"regularMarketPrice":0,"previousClose":9'),
    quoted => '{"quoteResponse":{"result":[{"symbol":"%SYMBOL%",'
              . '"regularMarketPrice":0.0,"regularMarketPreviousClose":9}]}}',
    nothing => '{"symbol":"%SYMBOL%","price":0,"previousClose":9}',
    future => '{"symbol":"%SYMBOL%","price":0,"previousClose":-9}',
    alone => '{"symbol":"%SYMBOL%","price":0}',

    mark => "\xef\xbb\xbf" . '{"symbol":"%SYMBOL%", "price":1.50}',
    markchart => "\xef\xbb\xbf" . chart($day),
    markmany => "\xef\xbb\xbf" . '{"XLK":{"symbol":"XLK", "price":1.50}}',
);

my $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);

# What the blocks ask for.
package Upstream::Script;

sub told { return "$_[0]{status} " . ($_[0]{code} || $_[0]{cache}) }


# A block with "--- bad": first a good answer, then that, which is refused and
# takes nothing away.
sub refused {
    my $good = get('/api/XLK');

    is(told($good), '200 miss', 'a good answer');
    Upstream::pass_ttl();

    my $got = get('/api/XLK');

    is(told($got), '200 stale', 'the bad one is no answer');
    is($got->{data}, $good->{data}, 'and replaces nothing');
    is(source()->{invalid}, 1, 'it was invalid');

    my $cold = get('/api/COLD');

    is(told($cold), '502 UPSTREAM_INVALID', 'of a cold one an error');
    like($cold->{error}, qr/no data: the price is 0/, 'which says why');
    is(source()->{breaker}{state}, 'closed', 'the symbol is to blame');
}

package main;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $bad = $block->bad;
    my $data = $block->data;
    my $format = $block->format || 'yahoo_chart';

    chomp $format;
    $block->set_value(uri => "/fetch/\$sector_cache_symbol format=$format")
        unless $block->uri;

    if (defined $bad) {
        chomp $bad;
        my $good = $format eq 'yahoo_chart' ? 'chart'
                   : $format eq 'yahoo_quote' ? 'many:quote' : 'ok';

        $block->set_value(source => 'name=s%N% failures=1 open=1h');
        $block->set_value(zone => 'ttl=1ms stale=1h');
        $block->set_value(uri => '/fetch/$which/$sector_cache_symbol '
                                 . "format=$format");
        $block->set_value(http => "map \$sector_cache_symbol \$which "
                                  . "{ COLD $bad; default $good,$bad; }\n");
        $block->set_value(fetch => <<'END');
rewrite ^/fetch/([^/]+)/(.*)$ /$1/b%N%/$2 break;
proxy_pass http://%UPSTREAM%;
END
        $block->set_value(error_log => 'no data: the price is 0');
        $block->set_value(client => \&Upstream::Script::refused);
    }

    if (defined $data) {
        chomp $data;
        $block->set_value(client => sub {
            Upstream::Script::is(Upstream::get('/api/QQQ')->{data}, $data,
                                 'the data');
        });
    }
});

run_tests();

__DATA__

=== TEST 1: the volume of another year's bar is not today's
--- script: body:minimal
--- data
{"symbol":"QQQ","price":10,"timestamp":1602862507000}


=== TEST 2: that of a daily bar of the quote's own date is
--- script: body:daily
--- data
{"symbol":"QQQ","price":10,"change":1,"changePercent":11.1111,"volume":5,"timestamp":1602862507000,"previousClose":9}


=== TEST 3: a trade after hours is not the previous close
--- script: body:after
--- data
{"symbol":"QQQ","price":10,"change":1,"changePercent":11.1111,"timestamp":1602862507000,"previousClose":9}


=== TEST 4: where nothing tells which bars are regular there is none
--- script: body:untold
--- data
{"symbol":"QQQ","price":10,"timestamp":1602862507000}


=== TEST 5: a chart's price of 0 beside a previous close is no data
--- bad: body:zero


=== TEST 6: nor is a quote's
--- format: yahoo_quote
--- bad: body:quoted


=== TEST 7: nor is one in our own format
--- format: sector
--- bad: body:nothing


=== TEST 8: nor is one that an operator puts, alone or with others
--- locations
location /admin {
    sector_cache_admin;
    sector_cache_admin_key off;
}
--- client
my $zero = '{"symbol":"XLK","price":0,"previousClose":9}';
my %body = ('/XLK' => $zero, '' => qq({"XLK":$zero}));

for my $path (sort keys %body) {
    my $got = get("/admin/sectors$path", method => 'PUT',
                  body => $body{$path});
    is(told($got), '400 INVALID_JSON', "PUT /sectors$path");
    like($got->{error}, qr/no data: the price is 0/, 'which says why');
}

is(get('/admin/sectors/XLK', method => 'PUT',
       body => '{"symbol":"XLK","price":0,"previousClose":-1}')->{status}, 200,
   'a future at 0');


=== TEST 9: a price of 0 may be one: beside a close below 0
--- format: sector
--- script: body:future
--- data
{"symbol":"QQQ","price":0,"previousClose":-9}


=== TEST 10: or beside none
--- format: sector
--- script: body:alone
--- data
{"symbol":"QQQ","price":0}


=== TEST 11: a byte order mark is no part of a body that is kept as it is
--- format: sector
--- script: body:mark
--- data
{"symbol":"QQQ", "price":1.50}


=== TEST 12: nor of Yahoo's
--- script: body:markchart
--- data
{"symbol":"QQQ","price":10,"timestamp":1602862507000}


=== TEST 13: nor of one about many, or of one that an operator puts
--- locations
location /all {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch up /fetch/$sector_cache_symbol;
    sector_cache_fetch_batch up /many/$sector_cache_symbols;
}
location /many/ {
    internal;
    proxy_pass http://%UPSTREAM%/body:markmany/b%N%/;
}
location /admin {
    sector_cache_admin;
    sector_cache_admin_key off;
}
--- client
is(get('/all/?symbols=XLK,XLF')->{json}{data}{XLK}{price}, 1.5, 'of many');
is(get('/admin/sectors/XLF', method => 'PUT',
       body => "\xef\xbb\xbf" . '{"symbol":"XLF", "price":7}')->{status}, 200,
   'put');
is(get('/api/XLF')->{data}, '{"symbol":"XLF", "price":7}', 'without it');


=== TEST 14: another tier's envelope is read, and its bytes are kept
--- format: sector
--- fetch
proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/inner/;
--- http
sector_cache_zone inner%N% 1m ttl=1ms stale=1h;
sector_cache_source inner%N% retries=0 hold=0 failures=1000000;
--- locations
location /inner {
    sector_cache_api sectors=inner%N%;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch inner%N% /origin/$sector_cache_symbol;
}
location /origin/ {
    internal;
    proxy_pass http://%UPSTREAM%/body:mark,status:503/b%N%/;
}
--- client
is(told(get('/inner/XLK')), '200 miss', 'the inner one');
wait_for('its data is stale, and a second old', sub {
    my $inner = get('/inner/XLK');
    return $inner->{cache} eq 'stale' && $inner->{json}{metadata}{age} >= 1;
});
my $outer = get('/api/XLK');
is(told($outer), '200 miss', 'the outer one');
is($outer->{data}, '{"symbol":"XLK", "price":1.50}', 'byte for byte');
ok($outer->{json}{metadata}{age} >= 1, 'as old as it is');
is(told(get('/api/XLK')), '200 hit', 'and kept');
--- error_log: status 503


=== TEST 15: another tier's errors are what they say
--- format: sector
--- scripts
GONE    envelope:404:UNKNOWN_SYMBOL
PAGE    envelope:404:NOT_FOUND
WELL    envelope:200:UNKNOWN_SYMBOL
OPEN    envelope:200:SECTOR_API_CIRCUIT_OPEN
ODD     envelope:404:UPSTREAM_ERROR
--- uri: /fetch/$script/$sector_cache_symbol
--- client
is(told(get("/api/$_")), '404 UNKNOWN_SYMBOL', $_) for qw(GONE PAGE WELL);
is(told(get('/api/OPEN')), '502 UPSTREAM_INVALID', 'OPEN');
is(told(get('/api/ODD')), '502 UPSTREAM_ERROR', 'ODD');
--- error_log: fetch of "OPEN" failed
