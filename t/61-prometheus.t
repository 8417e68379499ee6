# A Prometheus that scrapes the module: what it makes of /metrics is what /stats
# says, the alerts that are shipped are in force, and every query of the
# dashboard that is shipped finds what it asks for.  A query with a label that
# does not exist is right for promtool, and finds nothing.

use lib 't/lib';
use Cwd ();
use File::Temp ();
use Test::Nginx::Socket;
use SectorCache;

sub tool {
    return (grep { -x } map { "$_/$_[0]" } split /:/, $ENV{PATH})[0];
}

BEGIN {
    if (tool('prometheus') && tool('promtool')) {
        plan('no_plan');

    } else {
        plan(skip_all => 'prometheus is not installed (Debian: prometheus)');
    }
}

# Starts one, with a folder of its own, on a port beside nginx's; it ends with
# what is returned.

package Prometheus;

sub new {
    my ($class) = @_;
    my $dir = File::Temp->newdir(DIR => main::server_root());
    my $port = main::server_port() + 3;
    my $every = $ENV{TEST_NGINX_USE_VALGRIND} ? '5s' : '400ms';

    open my $out, '>', "$dir/prometheus.yml" or die "$dir: $!\n";
    print $out <<"END";
global:
  scrape_interval: $every
  scrape_timeout: $every
  evaluation_interval: $every
rule_files:
  - @{[ Cwd::getcwd() ]}/contrib/prometheus/sector-cache.rules.yml
scrape_configs:
  - job_name: nginx
    metrics_path: /ops/metrics
    static_configs:
      - targets: ["127.0.0.1:@{[ main::server_port() ]}"]
END
    close $out;

    my $pid = fork;

    die "cannot fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        open STDOUT, '>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        exec(main::tool('prometheus'), "--config.file=$dir/prometheus.yml",
             "--storage.tsdb.path=$dir/data",
             "--web.listen-address=127.0.0.1:$port", '--log.level=warn')
            or POSIX::_exit(127);
    }

    my $self = bless { dir => $dir, pid => $pid, port => $port,
                       owner => $$ }, $class;

    main::wait_until { $self->ask('/-/ready')->{status} == 200 }
        'Prometheus is ready';

    # it looks for its targets after five seconds
    main::wait_until { $self->value('up') == 1 } 'it scrapes';

    return $self;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return unless $$ == $self->{owner};

    kill 'TERM', $self->{pid};

    for (1 .. 1000) {
        return if waitpid $self->{pid}, POSIX::WNOHANG();
        Time::HiRes::sleep(0.01);
    }

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}

sub ask {
    my ($self, $uri) = @_;

    return main::get($uri, on => main::connection($self->{port}));
}

# What is in "data" of an answer.

sub data {
    my ($self, $uri) = @_;
    my $answer = $self->ask("/api/v1/$uri");

    die "$uri: $answer->{body}\n"
        if $answer->{status} != 200 || $answer->{json}{status} ne 'success';

    return $answer->{json}{data};
}

sub query {
    my ($self, $query) = @_;

    $query =~ s/([^\w.])/sprintf '%%%02X', ord $1/ge;

    return @{ $self->data("query?query=$query")->{result} };
}

# The value of the one series that there is, else -1.

sub value {
    my ($self, $query) = @_;
    my @series = $self->query($query);

    return @series == 1 ? $series[0]{value}[1] : -1;
}

package main;

run_tests();

__DATA__

=== TEST 1: the hit rate is that of the stats, also after more requests
--- http_config eval
SectorCache::http(source => 'scraped')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch scraped /_up/sector/$sector_cache_symbol;
    }
--- scenario
my $prometheus = Prometheus->new;
my $all = 'sum(sector_cache_requests_total)';
my $rate = 'sum(sector_cache_requests_total{outcome="hits"}) / sum(sector_cache_requests_total{outcome=~"hits|misses"})';
for (['XLK XLF XLK XLK XLK', 5, 0.6], ['XLK XLF XLV', 8, 0.625]) {
    my ($symbols, $requests, $wanted) = @$_;
    get("/api/$_") for split ' ', $symbols;
    wait_until { $prometheus->value($all) == $requests } "it has all $requests requests";
    my $stats = stats();
    is($stats->{hitRate}, $wanted, 'the hit rate of the stats');
    is($prometheus->value($rate), $stats->{hitRate}, 'is that of the counters');
    is($prometheus->value('sector_cache_hit_ratio{namespace="sectors"}'), $stats->{hitRate}, 'and that of the gauge');
    is($prometheus->value('sector_cache_entries{job="nginx"}'), $stats->{entryCount}, 'as many entries');
    is($prometheus->value('sector_cache_memory_used_bytes'), $stats->{memoryUsage}, 'as much memory');
    is($prometheus->value('sector_cache_upstream_seconds_count{source="scraped"}'), $stats->{sources}{scraped}{upstreamTime}{count}, 'as many calls');
}
is($prometheus->value('min_over_time(up[1h])'), 1, 'no scrape has failed');



=== TEST 2: every query of the dashboard finds something
--- http_config eval
SectorCache::http(source => 'shown failures=1 retries=0 open=30s', more => 'sector_cache_zone snapshots 256k; sector_cache_source charts;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch charts /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }

    location /failing {
        sector_cache_api;
        sector_cache_fetch shown /_up/failing/$sector_cache_symbol;
    }
--- suppress_stderr
--- scenario
get($_) for qw(/api/XLK /api/XLK /failing/XLF /api/snapshot);
my $prometheus = Prometheus->new;
wait_until { $prometheus->value('count_over_time(up[1h])') > 3 } 'it has scraped';
chomp(my @queries = `$^X misc/check-grafana.pl --list`);
cmp_ok(scalar @queries, '>', 40, 'there are queries');
for (@queries) {
    my ($panel, $query) = split /\t/;
    # only where there is a sector_cache_alert, a quote with a time, or
    # something stale
    next if $query =~ /sector_cache_(?:hit_rate_alert|feed_quote_timestamp|source_stale_until)/;
    my @series = $prometheus->query($query);
    ok(@series > 0, "$panel: $query");
}
is($prometheus->value('max by (source) (sector_cache_breaker_state{source="shown",state="open"})'), 1, 'the breaker is open');
--- no_error_log
[alert]
[crit]



=== TEST 3: the alerts are evaluated, and those that are due are raised
--- http_config eval
SectorCache::http(source => 'raised failures=1 retries=0 open=30s')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch raised /_up/failing/$sector_cache_symbol;
    }
--- scenario
get('/api/XLK');
my $prometheus = Prometheus->new;
my @rules;
wait_until {
    @rules = map { @{ $_->{rules} } } @{ $prometheus->data('rules')->{groups} };
    !grep { $_->{health} eq 'unknown' } @rules;
} 'all are evaluated';
cmp_ok(scalar @rules, '>', 5, 'there are alerts');
is($_->{health}, 'ok', $_->{name}) for @rules;
# before the first scrape, nothing of ours was there
wait_until {
    join(' ', sort map { "$_->{labels}{alertname} " . ($_->{labels}{source} // '') } @{ $prometheus->data('alerts')->{alerts} })
        eq 'SectorCacheBreakerOpen raised SectorCacheFetchesFail raised';
} 'those of the breaker and of the fetches are raised, and no other';
--- no_error_log
[alert]
[crit]



=== TEST 4: promtool has nothing against what a busy page says
--- http_config eval
SectorCache::http(source => 'busy failures=1 retries=0 open=30s', more => 'sector_cache_zone snapshots 256k;')
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch busy /_up/chart/$sector_cache_symbol format=yahoo_chart;
    }

    location /failing {
        sector_cache_api;
        sector_cache_fetch busy /_up/failing/$sector_cache_symbol;
    }
--- suppress_stderr
--- scenario
get($_) for qw(/api/XLK /api/XLK /api/ /api/snapshot /failing/XLE /failing/SPY);
my $file = File::Temp->new;
print $file get('/ops/metrics')->{body};
close $file;
my $words = `@{[ tool('promtool') ]} check metrics <$file 2>&1`;
is($? . " $words", '0 ', 'no word');
--- no_error_log
[alert]
[crit]
