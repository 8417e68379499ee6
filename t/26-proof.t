# "No such symbol" needs proof where good data is within its stale time.
# Providers say so of symbols that are well: Yahoo's own 404, an empty list, a
# router in front that has lost its backend.  All four symbols of a market once
# became 404 by that, and the outage that followed had no stale data left.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Upstream;

my $upstream = Upstream->new;

Upstream::Blocks::setup($upstream);

# What the blocks ask for.
package Upstream::Script;

our ($block, $key);

sub refresh { return get("/admin/refresh?symbols=XLK", method => 'POST') }
sub state { return source()->{breaker}{state} }
sub told { return "$_[0]{status} " . ($_[0]{code} || $_[0]{cache}) }


# A block with "--- good" and "--- missing" is this whole story.
sub story {
    my $good = get('/api/XLK');

    is(told($good), '200 miss', 'a good answer');
    Upstream::pass_ttl();

    my @got = map { get('/api/XLK') } 1 .. 10;

    is(scalar(grep { told($_) ne '200 stale' || $_->{data} ne $good->{data} }
              @got), 0, 'it is served as stale, unchanged');
    like($got[$_]{headers}{'cache-status'}, qr/; detail=(?:NOT_FOUND|UNKNOWN)/,
         "and says why, $_") for 0, 9;
    is($upstream->calls("${key}XLK"), 2, 'one call more');

    my $source = source();
    is($source->{notFound}, 1, 'counted as that');
    is($source->{failed} + $source->{invalid}, 0, 'not as a failure');
    is($source->{breaker}{state}, 'closed', 'the breaker is closed');

    my $health = get('/api/health');
    is("$health->{status} $health->{json}{data}{servableSymbols}", '200 1',
       'health knows that it can be served');
}


# A block with "--- page": it is no such word at all.
sub page {
    my $good = get('/api/XLK');

    is(told($good), '200 miss', 'a good answer');
    Upstream::pass_ttl();
    is(told(get('/api/XLK')), '200 stale', "stale $_") for 1 .. 5;

    my @cold = map { get('/api/COLD') } 1, 2;

    like(told($_), qr/^502 UPSTREAM_/, 'of a cold one an error') for @cold;
    is(source()->{notFound}, 0, 'none is "no such symbol"');
    is(calls(), 3, 'calls');
}

package main;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $source = $block->source || '';
    my $format = $block->format || 'sector';
    my ($good, $missing, $page) = map { defined $block->$_ ? $block->$_ : '' }
                                      qw(good missing page);

    chomp($source, $format, $good, $missing, $page);
    $source = "hold=1ms max_hold=1ms $source" unless $source =~ /\bhold=/;
    $block->set_value(source => "name=s%N% $source");
    $block->set_value(uri => "/fetch/\$sector_cache_symbol format=$format");
    $block->set_value(locations => <<'END');
location /admin {
    sector_cache_admin;
    sector_cache_admin_key off;
}
END
    return unless $good;

    if ($page) {
        $block->set_value(http => <<"END");
map \$sector_cache_symbol \$which { COLD $page; default $good,$page; }
END
        $block->set_value(source => "name=s%N% hold=1h max_hold=1h");
        $block->set_value(uri => '/fetch/$which/$sector_cache_symbol '
                                 . "format=$format");
        $block->set_value(fetch => <<'END');
rewrite ^/fetch/([^/]+)/(.*)$ /$1/b%N%/$2 break;
proxy_pass http://%UPSTREAM%;
END
        $block->set_value(error_log => 'fetch of "COLD" failed');
    }

    $block->set_value(zone => 'ttl=1ms stale=1h negative=1h')
        unless $block->zone;
    $block->set_value(script => "$good,$missing");
    $block->set_value(client => $page ? \&Upstream::Script::page
                                      : \&Upstream::Script::story);
});

run_tests();

__DATA__

=== TEST 1: Yahoo's own 404 does not take away what is good
--- good: chart
--- missing: chart:delisted
--- format: yahoo_chart


=== TEST 2: a chart without a result does not take away what is good
--- good: chart
--- missing: chart:empty
--- format: yahoo_chart


=== TEST 3: a list of quotes that is empty does not take away what is good
--- good: many:quote
--- missing: quote
--- format: yahoo_quote


=== TEST 4: JSON with a status of 404 does not take away what is good
--- good: ok
--- missing: nosuch
--- format: sector


=== TEST 5: a module of our own that does not know it does not take away what is good
--- good: ok
--- missing: envelope:404:UNKNOWN_SYMBOL
--- format: sector


=== TEST 6: a module of our own that was told so does not take away what is good
--- good: ok
--- missing: envelope:404:NOT_FOUND
--- format: sector


=== TEST 7: a page with a status of 404 is no word about a symbol
--- good: ok
--- page: page:404
--- format: sector


=== TEST 8: a router's text with a status of 404 is no word about a symbol
--- good: ok
--- page: plain:404
--- format: sector


=== TEST 9: a 404 without a body is no word about a symbol
--- good: ok
--- page: bare:404
--- format: sector


=== TEST 10: a page with a status of 404 in place of a chart is no word about a symbol
--- good: chart
--- page: page:404
--- format: yahoo_chart


=== TEST 11: a module of our own whose source has failed is no word about a symbol
--- good: ok
--- page: envelope:502:UPSTREAM_ERROR
--- format: sector


=== TEST 12: a module of our own that says so with a status of 404 is no word about a symbol
--- good: ok
--- page: envelope:404:UPSTREAM_ERROR
--- format: sector


=== TEST 13: said often enough, it is believed
--- zone: ttl=1ms stale=1h negative=200ms missing_after=3
--- format: yahoo_chart
--- script: chart,chart:delisted
--- client
get('/api/XLK');
Upstream::pass_ttl();
my $first = told(get('/api/XLK'));
my ($since, $others) = (time, 0);
is($first, '200 stale', 'stale at first');
wait_for('it does not exist', sub {
    my $is = told(get('/api/XLK'));
    $others++ unless $is =~ /^(?:200 stale|404 UNKNOWN_SYMBOL)$/;
    $is =~ /^404/;
});
ok(time - $since > 0.35, 'not before its time');
is($others, 0, 'nothing else was answered meanwhile');
is(calls(), 4, 'it was said three times');
is(source()->{notFound}, 3, 'counted');
is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', 'from then on');


=== TEST 14: missing_after=1 believes at once
--- zone: ttl=1ms stale=1h negative=1h missing_after=1
--- script: ok,nosuch
--- client
get('/api/XLK');
Upstream::pass_ttl();
is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', "answer $_") for 1 .. 3;
--- calls: 2


=== TEST 15: said again too soon, it does not count
--- zone: ttl=1ms stale=1h negative=1h missing_after=2
--- script: ok,nosuch
--- client
get('/api/XLK');
Upstream::pass_ttl();
is(told(get('/api/XLK')), '200 stale', 'stale');
refresh() for 1 .. 5;
is(told(get('/api/XLK')), '200 stale', 'stale after five more');
--- calls: 7


=== TEST 16: a good answer between them starts the count anew
--- zone: ttl=1ms stale=1h negative=1ms missing_after=3
--- script: ok,nosuch,nosuch,ok,nosuch,nosuch,ok
--- client
get('/api/XLK');
my %told;
wait_for('all of it was said', sub {
    Upstream::pass_ttl();
    $told{ told(get('/api/XLK')) }++;
    calls() >= 7;
});
is(join(' ', sort keys %told), '200 miss 200 stale', 'it was never missing');


=== TEST 17: so does an error
--- zone: ttl=1ms stale=1h negative=1ms missing_after=3
--- script: ok,nosuch,nosuch,status:500,nosuch,nosuch,ok
--- client
get('/api/XLK');
my %told;
wait_for('all of it was said', sub {
    Upstream::pass_ttl();
    $told{ told(get('/api/XLK')) }++;
    calls() >= 7;
});
is(join(' ', sort keys %told), '200 miss 200 stale', 'it was never missing');
--- error_log: status 500


=== TEST 18: an outage that follows finds the good data
--- zone: ttl=1ms stale=1h negative=1ms missing_after=100
--- script: ok,nosuch,nosuch,nosuch,status:500
--- client
my $good = get('/api/XLK');
wait_for('the outage began', sub {
    Upstream::pass_ttl();
    get('/api/XLK');
    calls() >= 6;
});
my $got = get('/api/XLK');
is(told($got), '200 stale', 'stale');
is($got->{data}, $good->{data}, 'what was good');
--- error_log: status 500


=== TEST 19: when the stale time ends it does not exist
--- zone: ttl=1ms stale=500ms negative=1h missing_after=100
--- script: ok,nosuch
--- client
get('/api/XLK');
Upstream::pass_ttl();
is(told(get('/api/XLK')), '200 stale', 'stale');
wait_for('it is over', sub { get('/api/XLK')->{status} != 200 });
is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', 'gone');
ok(calls() <= 3, 'calls');


=== TEST 20: what is fresh is not taken away by a refresh
--- zone: ttl=1h stale=1h negative=1h
--- script: ok,nosuch
--- client
my $good = get('/api/XLK');
refresh();
my $got = get('/api/XLK');
is(told($got), '200 hit', 'a hit');
is($got->{data}, $good->{data}, 'unchanged');
--- calls: 2


=== TEST 21: nor by a request that bypasses the cache
--- zone: ttl=1h stale=1h negative=1h
--- api
sector_cache_bypass $arg_fresh;
--- script: ok,nosuch
--- client
get('/api/XLK');
get('/api/XLK?fresh=1');
is(told(get('/api/XLK')), '200 hit', 'a hit');
--- calls: 2


=== TEST 22: a key that nothing is known of is missing at once
This one and the next tell where the rule ends.

--- zone: ttl=1h stale=1h negative=1h
--- format: yahoo_chart
--- script: chart:delisted
--- client
is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', "answer $_") for 1 .. 3;
--- calls: 1


=== TEST 23: so is one without stale data
--- zone: ttl=1ms stale=0 negative=1h
--- script: ok,nosuch
--- client
get('/api/XLK');
Upstream::pass_ttl();
is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', "answer $_") for 1 .. 3;
--- calls: 2


=== TEST 24: what an operator has fetched is said as well
--- zone: ttl=1ms stale=1h negative=1ms missing_after=3
--- script: ok,nosuch
--- client
get('/api/XLK');

for (1 .. 3) {
    Upstream::pass_ttl();
    refresh();
}

is(told(get('/api/XLK')), '404 UNKNOWN_SYMBOL', 'it was said three times');
is(calls() <= 5, 1, 'no more often');
