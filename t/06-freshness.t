# How long an entry is fresh, what it serves for afterwards, and who pays for
# fetching it anew.  What happens is awaited, not slept for: a ttl is short,
# and a request is repeated until its answer changes.  How often the upstream
# was asked is read from the upstream's own log, or seen by an upstream that
# the test holds in its hand.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# Asks on a connection of its own until the answer has this cacheStatus.

sub until_status {
    my ($uri, $status) = @_;
    my $answer;

    wait_until {
        $answer = get($uri);
        ($answer->{json}{metadata}{cacheStatus} || '') eq $status;
    } "$uri becomes $status";

    return $answer;
}

# Asks until a request waits for a call: either the client is answered or the
# upstream is called.  Returns the client that waits.

sub until_call {
    my ($held, $uri) = @_;
    my $client;

    wait_until {
        $client = start($uri);
        IO::Select->new($held->{listen}, $client->{socket})->can_read(10);
        $held->pending(0) || (finish($client) && 0);
    } "a request of $uri waits for a call";

    return $client;
}

# A sector in our own form.

sub sector {
    my ($symbol, $price) = @_;

    return qq({"symbol":"$symbol","price":$price});
}

# Fetches a symbol that is not there from an upstream that is held.

sub fetch_held {
    my ($held, $symbol, $price) = @_;
    my $client = start("/api/$symbol");

    $held->call;
    $held->answer(sector($symbol, $price));

    return finish($client);
}

run_tests();

__DATA__

=== TEST 1: an entry is fresh for its ttl and fetched anew afterwards
--- http_config eval
SectorCache::http(zone => 'ttl=200ms')
--- scenario
my $before = Time::HiRes::time();
my $first = get('/api/XLK');
my $second = until_status('/api/XLK', 'miss');
cmp_ok(Time::HiRes::time() - $before, '>=', 0.19, 'not before the ttl is over');
isnt(data_of($second), data_of($first), 'the data are new');
is(scalar(upstream_calls(2)), 2, 'there were two calls');
contains(stats(), '{"misses":2,"entryCount":1}', 'and two misses of one entry');



=== TEST 2: what is left of the ttl is said, the longest too
--- http_config eval
SectorCache::http(zone => 'ttl=365d', more => 'sector_cache_zone brief 512k ttl=1500ms;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /brief {
        sector_cache_api sectors=brief;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
--- request eval
["GET /api/XLK", "GET /api/XLK", "GET /brief/XLK"]
--- json
{"metadata":{"cacheStatus":"miss","age":0,"ttl":31536000}}
{"metadata":{"cacheStatus":"hit","ttl":"~^31535999|31536000$"}}
{"metadata":{"cacheStatus":"miss","age":0,"ttl":1}}



=== TEST 3: an entry past its ttl is fetched first, though it may be served stale
--- http_config eval
SectorCache::http(source => 'first_fetched', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch first_fetched /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
fetch_held($held, 'XLK', 1);
my $client = until_call($held, '/api/XLK');
$held->call;
$held->answer(sector('XLK', 2));
my $answer = finish($client);
is($answer->{json}{data}{price}, 2, 'and gets what came');
is($answer->{json}{metadata}{cacheStatus}, 'miss', 'as a miss');
is(stats()->{namespaces}{sectors}{expired}, 1, 'that found an old entry');
is(stats()->{stale}, 0, 'nothing stale was served');



=== TEST 4: when the fetch fails the old entry is served stale, as it was
--- http_config eval
SectorCache::http(source => 'stale_served failures=1000', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_served /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $first = get('/api/XLK');
upstream_fails();
my $stale = until_status('/api/XLK', 'stale');
is($stale->{status}, 200, 'it is a success');
is(data_of($stale), data_of($first), 'with the bytes that were stored');
contains($stale->{body}, '{"success":true,"cached":true,"metadata":{"cacheStatus":"stale","source":"stale_served","ttl":0}}', 'the envelope says stale');
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'stale', 'the next is served too');
is(get('/api/XLF')->{status}, 502, 'a symbol that is not there fails');
contains(stats(), '{"entryCount":1,"stale":2,"namespaces":{"sectors":{"stores":1}}}', 'the failures took nothing away');
--- no_error_log
[alert]
[crit]



=== TEST 5: the age of what is stale goes on
--- http_config eval
SectorCache::http(source => 'stale_age failures=1000', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_age /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { (get('/api/XLK')->{json}{metadata}{age} || 0) == 1 } 'it becomes a second old';
--- no_error_log
[alert]
[crit]



=== TEST 6: a body that is refused leaves the old entry and has it served stale
--- http_config eval
SectorCache::http(source => 'stale_invalid failures=1000', zone => 'ttl=100ms stale=1h max_object=1k')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_invalid /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $first = fetch_held($held, 'XLK', 1);
my @wrong = ('', '<html>', '[]', '{"symbol":"XLK"}', '{"symbol":"XLF","price":2}',
             '{"symbol":"XLK","price":2,"note":"' . 'x' x 2000 . '"}', '{"symbol":"XLK","price":2');
for my $body (@wrong) {
    my $client = until_call($held, '/api/XLK');
    $held->call;
    $held->answer($body);
    my $answer = finish($client);
    is($answer->{json}{metadata}{cacheStatus}, 'stale', 'the old entry is served instead of: ' . substr $body, 0, 40);
    is(data_of($answer), data_of($first), 'as it was');
}
is(stats()->{sources}{stale_invalid}{invalid}, scalar(@wrong), 'the refusals are counted');
is(stats()->{namespaces}{sectors}{stores}, 1, 'none was stored');
--- no_error_log
[alert]
[crit]



=== TEST 7: a fetch that takes too long has the old entry served stale
--- http_config eval
SectorCache::http(source => 'stale_slow failures=1000 timeout=100ms', zone => 'ttl=50ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_slow /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
fetch_held($held, 'XLK', 1);
my $stale = until_status('/api/XLK', 'stale');
is($stale->{json}{data}{price}, 1, 'with its data');
is(stats()->{sources}{stale_slow}{timedOut}, 1, 'after one timeout');
--- no_error_log
[alert]
[crit]



=== TEST 8: behind an open breaker the old entry is served stale without a call
--- http_config eval
SectorCache::http(source => 'stale_open failures=1 open=30s', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_open /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
until_status('/api/XLK', 'stale');
is(stats()->{sources}{stale_open}{breaker}{state}, 'open', 'the breaker is open');
for (1 .. 3) {
    is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'stale', 'it is served');
}
is(stats()->{sources}{stale_open}{fetches}, 2, 'no call was made');
is(get('/api/health')->{json}{data}{status}, 'degraded', 'health is degraded');
--- no_error_log
[alert]
[crit]



=== TEST 9: an entry past its stale time is not served
--- http_config eval
SectorCache::http(source => 'stale_over failures=1000', zone => 'ttl=50ms stale=200ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_over /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK')->{status} == 502 } 'the failure shows in the end';
is(get('/api/XLK')->{status}, 502, 'and goes on showing');
--- no_error_log
[alert]
[crit]



=== TEST 10: without a stale time a failure shows once the ttl is over
--- http_config eval
SectorCache::http(source => 'stale_none failures=1000', zone => 'ttl=50ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch stale_none /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
my %seen;
wait_until { my $a = get('/api/XLK'); $seen{$a->{json}{metadata}{cacheStatus} || 'none'}++; $a->{status} == 502 } 'the failure shows';
ok(!$seen{stale}, 'nothing stale was served');
--- no_error_log
[alert]
[crit]



=== TEST 11: once the upstream works again the data are new
--- http_config eval
SectorCache::http(source => 'recovering failures=1000', zone => 'ttl=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch recovering /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $first = get('/api/XLK');
upstream_fails();
until_status('/api/XLK', 'stale');
upstream_works();
my $new = until_status('/api/XLK', 'miss');
isnt(data_of($new), data_of($first), 'they are not those of before');
--- no_error_log
[alert]
[crit]



=== TEST 12: a symbol that ceases to exist is not served stale
--- http_config eval
SectorCache::http(source => 'ceasing', zone => 'ttl=100ms stale=1h negative=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch ceasing /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
fetch_held($held, 'XLK', 1);
my $client = until_call($held, '/api/XLK');
$held->call;
$held->answer('', '404 Not Found');
my $answer = finish($client);
is($answer->{status}, 404, 'the upstream is believed');
is($answer->{json}{error_code}, 'UNKNOWN_SYMBOL', 'it does not exist');
is(get('/api/XLK')->{status}, 404, 'which is kept');
ok(!$held->pending(0), 'without another call');



=== TEST 13: a symbol that ceases to exist is not served stale though that is not kept
--- http_config eval
SectorCache::http(source => 'ceasing_unkept', zone => 'ttl=100ms stale=1h negative=0')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch ceasing_unkept /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
fetch_held($held, 'XLK', 1);
my $client = until_call($held, '/api/XLK');
$held->call;
$held->answer('', '404 Not Found');
is(finish($client)->{status}, 404, 'the upstream is believed');



=== TEST 29: a request told not to read the cache is stored, and not served stale
--- suppress_stderr
--- http_config eval
SectorCache::http(source => 'bypassing failures=100 retries=0', zone => 'stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_bypass $arg_bypass;
        sector_cache_fetch bypassing /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $old = get('/api/XLK');
my $new = get('/api/XLK?bypass=1');
isnt(data_of($new), data_of($old), 'it is fetched anew');
is(data_of(get('/api/XLK')), data_of($new), 'and stored for others');
upstream_fails();
my $answer = get('/api/XLK?bypass=1');
is($answer->{status}, 502, 'a failure shows, though the entry is fresh');
is($answer->{headers}{'cache-status'}, 'sector-cache; fwd=bypass; fwd-status=503; detail=UPSTREAM_ERROR', 'and why');
my $hit = get('/api/XLK');
is($hit->{json}{metadata}{cacheStatus}, 'hit', 'the entry is left alone');
is(data_of($hit), data_of($new), 'as it was');
--- no_error_log
[alert]
[crit]



=== TEST 14: that a symbol does not exist is kept: the next request makes no call
--- http_config eval
SectorCache::http(source => 'negative_kept', zone => 'ttl=1ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch negative_kept /_up/missing/$sector_cache_symbol;
    }
--- scenario
for (1 .. 4) {
    my $answer = get('/api/XLK');
    is($answer->{status}, 404, 'it does not exist');
    is($answer->{json}{error_code}, 'UNKNOWN_SYMBOL', 'and the error says so');
}
is(scalar(upstream_calls(1)), 1, 'there was one call');
contains(stats(), '{"totalRequests":4,"misses":1,"negative":3,"entryCount":1,"sources":{"negative_kept":{"fetches":1,"notFound":1,"breaker":{"state":"closed"}}}}', 'the counters');



=== TEST 15: that a symbol does not exist is kept for its own time
--- http_config eval
SectorCache::http(source => 'negative_over', zone => 'ttl=1h stale=1h swr=1h negative=200ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch negative_over /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $before = Time::HiRes::time();
my $client = start('/api/XLK');
$held->call;
$held->answer('', '404 Not Found');
is(finish($client)->{status}, 404, 'it does not exist');
$client = until_call($held, '/api/XLK');
cmp_ok(Time::HiRes::time() - $before, '>=', 0.19, 'not before the time is over');
$held->call;
$held->answer(sector('XLK', 1));
is(finish($client)->{status}, 200, 'and now it exists');
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'hit', 'which is kept for the ttl');



=== TEST 16: with a negative time of 0 each request asks again
--- http_config eval
SectorCache::http(zone => 'negative=0')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/missing/$sector_cache_symbol;
    }
--- scenario
is(get('/api/XLK')->{status}, 404, 'it does not exist') for 1 .. 3;
is(scalar(upstream_calls(3)), 3, 'there were three calls');
contains(stats(), '{"misses":3,"negative":0,"entryCount":0}', 'nothing is kept');



=== TEST 17: an upstream's own words that there is no such symbol are kept too
--- http_config eval
SectorCache::http(upstream => q{
    location /none/ {
        return 200 '{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}';
    }})
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/none/$sector_cache_symbol format=yahoo_chart;
    }
--- scenario
is(get('/api/XLK')->{status}, 404, 'it does not exist') for 1 .. 3;
is(scalar(upstream_calls(1)), 1, 'there was one call');



=== TEST 18: a failure is not kept
--- http_config eval
SectorCache::http(source => 'not_kept failures=1000')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch not_kept /_up/sector/$sector_cache_symbol;
    }
--- scenario
upstream_fails();
is(get('/api/XLK')->{status}, 502, 'it fails');
upstream_works();
is(get('/api/XLK')->{status}, 200, 'and the next request is fetched');
--- no_error_log
[alert]
[crit]



=== TEST 19: within swr the old entry is served at once, while one call refreshes it
--- http_config eval
SectorCache::http(source => 'refreshed', zone => 'ttl=1s swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch refreshed /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
my $first = fetch_held($held, 'XLK', 1);
my $updating = until_status('/api/XLK', 'updating');
is($updating->{status}, 200, 'it is a success');
is(data_of($updating), data_of($first), 'with the old data');
contains($updating->{body}, '{"cached":true,"metadata":{"cacheStatus":"updating","source":"refreshed","age":"~^[1-9]$","ttl":0}}', 'the envelope says updating');
$held->call;
for (1 .. 5) {
    is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'updating', 'others are served meanwhile');
}
ok(!$held->pending(0), 'there is one call for all of them');
$held->answer(sector('XLK', 2));
my $hit = until_status('/api/XLK', 'hit');
is($hit->{json}{data}{price}, 2, 'then the data are new');
contains(stats(), '{"misses":1,"sources":{"refreshed":{"fetches":2,"succeeded":2}}}', 'one client waited, and there were two fetches');



=== TEST 20: a refresh in the background goes on without any client
--- http_config eval
SectorCache::http(source => 'background', zone => 'ttl=100ms swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch background /_held/$sector_cache_symbol;
    }
--- scenario
my $held = held();
fetch_held($held, 'XLK', 1);
my $socket = connection(server_port());
my $answer;
wait_until { $answer = finish(start('/api/XLK', on => $socket)); $answer->{json}{metadata}{cacheStatus} eq 'updating' } 'a refresh begins';
is(finish(start('/api/symbols', on => $socket))->{status}, 200, 'the connection is free for the next request');
close $socket;
$held->call;
$held->answer(sector('XLK', 2));
wait_until { stats()->{namespaces}{sectors}{stores} == 2 } 'what was fetched is stored';



=== TEST 21: a refresh that fails leaves the old entry, and the next request tries again
--- http_config eval
SectorCache::http(source => 'refresh_failing failures=1000', zone => 'ttl=100ms swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch refresh_failing /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $first = get('/api/XLK');
upstream_fails();
until_status('/api/XLK', 'updating');
wait_until { get('/api/XLK'); stats()->{sources}{refresh_failing}{failed} >= 2 } 'it is tried again';
my $old = get('/api/XLK');
is($old->{status}, 200, 'clients notice nothing');
is(data_of($old), data_of($first), 'but that the data are old');
upstream_works();
wait_until { data_of(get('/api/XLK')) ne data_of($first) } 'until the upstream works again';
is(stats()->{misses}, 1, 'only the first client ever waited');
--- no_error_log
[alert]
[crit]



=== TEST 22: past swr and within stale a client waits, and gets the old entry on failure
--- http_config eval
SectorCache::http(source => 'past_swr failures=1000', zone => 'ttl=50ms swr=100ms stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch past_swr /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $first = get('/api/XLK');
upstream_fails();
my $stale = until_status('/api/XLK', 'stale');
is(data_of($stale), data_of($first), 'as it was');
--- no_error_log
[alert]
[crit]



=== TEST 23: past swr and without stale the entry is gone
--- http_config eval
SectorCache::http(source => 'past_swr_only failures=1000', zone => 'ttl=50ms swr=100ms')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch past_swr_only /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK')->{status} == 502 } 'the failure shows';
--- no_error_log
[alert]
[crit]



=== TEST 24: within swr an open breaker is no hindrance, and no call is made
--- http_config eval
SectorCache::http(source => 'swr_open failures=1 open=30s', zone => 'ttl=100ms swr=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch swr_open /_up/sector/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK'); stats()->{sources}{swr_open}{breaker}{state} eq 'open' } 'the breaker opens';
my $fetches = stats()->{sources}{swr_open}{fetches};
is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'updating', 'the old entry is served') for 1 .. 3;
wait_until { stats()->{sources}{swr_open}{refusedByBreaker} >= 3 } 'a refresh is refused each time';
is(stats()->{sources}{swr_open}{fetches}, $fetches, 'no call was made');
--- no_error_log
[alert]
[crit]



=== TEST 25: jitter shortens each ttl by a part of its own
--- http_config eval
SectorCache::http(zone => 'ttl=10000s jitter=50%')
--- scenario
my @ttls = map { get("/api/$_")->{json}{metadata}{ttl} } qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);
my %different = map { $_ => 1 } @ttls;
is(scalar(grep { $_ < 5000 || $_ > 10000 } @ttls), 0, "none is below half: @ttls");
cmp_ok(scalar(keys %different), '>', 6, 'they differ');



=== TEST 26: without jitter each ttl is the same
--- http_config eval
SectorCache::http(zone => 'ttl=10000s jitter=0%')
--- scenario
my @ttls = map { get("/api/$_")->{json}{metadata}{ttl} } qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);
is(join(' ', @ttls), join(' ', (10000) x 12), 'all of them');



=== TEST 27: an entry is fetched anew for one symbol alone
--- http_config eval
SectorCache::http(zone => 'ttl=300ms')
--- scenario
get('/api/XLK');
until_status('/api/XLK', 'miss');
get('/api/XLF');
is(get('/api/XLF')->{json}{metadata}{cacheStatus}, 'hit', 'another is as fresh as it was');



=== TEST 28: entries that nobody asks for are not fetched
--- http_config eval
SectorCache::http(source => 'unasked', zone => 'ttl=50ms swr=1h stale=1h')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch unasked /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLF XLE);
until_status('/api/XLF', 'updating');
wait_until { stats()->{sources}{unasked}{succeeded} >= 3 } 'one is refreshed';
is(scalar(grep { $_ =~ /XLE/ } upstream_calls(3)), 1, 'the other was fetched once');
