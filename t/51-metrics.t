# /metrics: what /stats says, in Prometheus's text format.  A scraper drops the
# whole page for one wrong line, so promtool reads it where it is installed.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# What promtool says of a page: its status and its words.

sub promtool {
    my ($page) = @_;
    my $file = html_dir() . '/metrics.txt';

    open my $out, '>', $file or die "$file: $!\n";
    print $out $page;
    close $out;

    my $words = `promtool check metrics <$file 2>&1`;

    return ($? >> 8, $words);
}

# The value of a series, undefined if there is none.

sub series {
    my ($page, $name) = @_;

    return $page =~ /^\Q$name\E (\S+)$/m ? $1 : undef;
}

run_tests();

__DATA__

=== TEST 1: the page has its content type, and is kept by nobody
--- request
GET /ops/metrics
--- response_headers
Content-Type: text/plain; version=0.0.4
Cache-Control: no-store
--- response_body_like eval
qr/^# HELP sector_cache_build_info .*^sector_cache_enabled 1$/ms



=== TEST 2: its numbers are those of the stats
--- http_config eval
SectorCache::http(source => 'numbers')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch numbers /_up/sector/$sector_cache_symbol;
    }
--- scenario
get("/api/$_") for qw(XLK XLK XLF XLK);
my $page = get('/ops/metrics')->{body};
my $stats = stats();
my %wanted = (
    'sector_cache_requests_total{namespace="sectors",outcome="hits"}' => 2,
    'sector_cache_requests_total{namespace="sectors",outcome="misses"}' => 2,
    'sector_cache_requests_total{namespace="sectors",outcome="stale"}' => 0,
    'sector_cache_stores_total{namespace="sectors"}' => 2,
    'sector_cache_entries{namespace="sectors"}' => 2,
    'sector_cache_hit_ratio{namespace="sectors"}' => '0.5',
    'sector_cache_memory_used_bytes{namespace="sectors"}' => $stats->{memoryUsage},
    'sector_cache_fetches_total{source="numbers"}' => 2,
    'sector_cache_fetch_outcomes_total{source="numbers",outcome="succeeded"}' => 2,
    'sector_cache_fetches_in_flight{source="numbers"}' => 0,
    'sector_cache_breaker_state{source="numbers",state="closed"}' => 1,
    'sector_cache_breaker_state{source="numbers",state="open"}' => 0,
    'sector_cache_upstream_seconds_count{source="numbers"}' => 2,
    'sector_cache_upstream_seconds_bucket{source="numbers",le="+Inf"}' => 2,
    'sector_cache_feed_frozen{source="numbers"}' => 0,
);
is(series($page, $_), $wanted{$_}, $_) for sort keys %wanted;
like(series($page, 'sector_cache_last_store_timestamp_seconds{namespace="sectors"}'), qr/^\d{10}\.\d{3}$/, 'seconds since the epoch');



=== TEST 3: an open breaker is 1 in its state and 0 in the others
--- http_config eval
SectorCache::http(source => 'opened failures=1 retries=0 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch opened /_up/failing/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK') for 1 .. 2;
my $page = get('/ops/metrics')->{body};
is(series($page, qq(sector_cache_breaker_state{source="opened",state="$_->[0]"})), $_->[1], $_->[0])
    for ['closed', 0], ['half_open', 0], ['open', 1];
is(series($page, 'sector_cache_breaker_opened_total{source="opened"}'), 1, 'once');
like(series($page, 'sector_cache_breaker_retry_after_seconds{source="opened"}'), qr/^(29|30)$/, 'for 30 s');
is(series($page, 'sector_cache_refused_by_breaker_total{source="opened"}'), 1, 'one was refused');
is(series($page, 'sector_cache_fetch_outcomes_total{source="opened",outcome="failed"}'), 1, 'after one that failed');
--- no_error_log
[alert]
[crit]



=== TEST 4: promtool has nothing against the page
--- http_config eval
SectorCache::http(source => 'linted failures=1 retries=0', more => 'sector_cache_zone snapshots 256k; sector_cache_source idle;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch linted /_up/sector/$sector_cache_symbol;
    }

    location /failing {
        sector_cache_api;
        sector_cache_fetch linted /_up/failing/$sector_cache_symbol;
    }
--- suppress_stderr
--- scenario
get('/api/XLK');
get('/failing/XLF');
SKIP: {
    skip('promtool is not installed (Debian: prometheus)', 1) if !grep { -x "$_/promtool" } split /:/, $ENV{PATH};
    my ($status, $words) = promtool(get('/ops/metrics')->{body});
    is("$status $words", '0 ', 'no word');
}
--- no_error_log
[alert]
[crit]



=== TEST 5: without sources there are none in it
--- http_config
    sector_cache_zone lonely 64k;
--- config
--- request
GET /ops/metrics
--- response_body_unlike: source
--- response_body_like: sector_cache_entries\{namespace="lonely"\} 0



=== TEST 6: HEAD answers without a body, another method is refused
--- request eval
['HEAD /ops/metrics', 'POST /ops/metrics']
--- error_code eval
[200, 405]
--- response_headers eval
['Content-Type: text/plain; version=0.0.4', 'Allow: GET, HEAD']
