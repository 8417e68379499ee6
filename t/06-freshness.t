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
{"metadata":{"cacheStatus":"miss","age":0,"ttl":2}}



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



=== TEST 12: a symbol that is believed to have ceased to exist is not served stale
--- http_config eval
SectorCache::http(source => 'ceasing', zone => 'ttl=100ms stale=1h negative=1h missing_after=1')
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
$held->answer('{"error":"no such symbol"}', '404 Not Found');
my $answer = finish($client);
is($answer->{status}, 404, 'the upstream is believed');
is($answer->{json}{error_code}, 'UNKNOWN_SYMBOL', 'it does not exist');
is(get('/api/XLK')->{status}, 404, 'which is kept');
ok(!$held->pending(0), 'without another call');



=== TEST 13: a symbol that ceases to exist is not served stale though that is not kept
--- http_config eval
SectorCache::http(source => 'ceasing_unkept', zone => 'ttl=100ms stale=1h negative=0 missing_after=1')
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
$held->answer('{"error":"no such symbol"}', '404 Not Found');
is(finish($client)->{status}, 404, 'the upstream is believed');



=== TEST 29: age and time left make the ttl, whenever one looks
--- http_config eval
SectorCache::http(zone => 'ttl=100s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /status {
        sector_cache_status;
    }
--- scenario
my %sums;

wait_until {
    my $answer = get('/api/XLK');
    my $metadata = $answer->{json}{metadata};
    my ($left) = $answer->{headers}{'cache-control'} =~ /^max-age=(\d+)$/;
    my $entry = get('/status/entries')->{json}{entries}[0];
    my $explained = get('/status/explain/XLK')->{json};

    $sums{"answer $_"}++ for $metadata->{age} + $metadata->{ttl}, $left;
    $sums{"entry $_"}++ for $entry->{age} + $entry->{ttl};
    $sums{"explained $_"}++ for $explained->{age} + $explained->{ttl};

    $metadata->{age} >= 2;
} 'it becomes two seconds old';

is(join(', ', sort keys %sums), 'answer 100, entry 100, explained 100', 'always');
