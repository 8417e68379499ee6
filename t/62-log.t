# The log in JSON that README.md shows, as it is there: each line is read as
# JSON, whatever was asked for, and says of the request what the answer said.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# The example, writing into the server's own folder.

sub example {
    open my $in, '<', 'README.md' or die "README.md: $!\n";
    local $/;
    my ($example) = <$in> =~ /^### A log in JSON\n\n```nginx\n(.*?)^```/ms
        or die "README.md has no such example\n";

    $example =~ s{/var/log/nginx/}{logs/}
        or die "it logs to another place\n";

    return $example;
}

# The objects in a log, once there are as many as expected; an empty one for a
# line that is not UTF-8 or not JSON.

sub logged {
    my ($expected, $name) = @_;
    my $path = server_root() . '/logs/' . ($name || 'sector-cache.log');
    my @lines;

    for (1 .. 1000) {
        if (open my $log, '<', $path) {
            chomp(@lines = <$log>);
        }

        last if @lines >= $expected;
        Time::HiRes::sleep(0.01);
    }

    return map { eval { JSON::PP->new->utf8->decode($_) } || { line => $_ } }
           @lines;
}

# With reloads, blocks write to one log.

sub begin_log {
    truncate server_root() . '/logs/sector-cache.log', 0;
}

run_tests();

__DATA__

=== TEST 1: a line says what was asked for, and what it was answered with
--- http_config eval
SectorCache::http(source => 'logged', more => ::example())
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch logged /_up/sector/$sector_cache_symbol;
    }
--- scenario
begin_log();
my @answers = on_one_connection(split ' ', '/api/xlk /api/XLK /api/?symbols=XLK,XLF /api/NONE /api/symbols');
my @got = logged(5);
my @wanted = (
    '{"method":"GET","uri":"/api/xlk","status":200,"symbol":"XLK","symbols":"XLK","cache":"MISS","age":0,"breaker":"closed","client":"127.0.0.1"}',
    '{"uri":"/api/XLK","status":200,"symbol":"XLK","cache":"HIT","fetchSeconds":null,"breaker":"closed"}',
    '{"uri":"/api/?symbols=XLK,XLF","status":200,"symbol":"","symbols":"XLK,XLF","cache":"MISS"}',
    '{"uri":"/api/NONE","status":404,"symbol":"","cache":"","age":null,"fetchSeconds":null}',
    '{"uri":"/api/symbols","status":200,"symbol":"","symbols":"","cache":"","age":null,"fetchSeconds":null}',
);
is(scalar @got, 5, 'a line for each');
for (0 .. 4) {
    contains($got[$_], $wanted[$_], $got[$_]{uri});
    is($got[$_]{bytes}, length $answers[$_]{body}, 'the bytes of its body');
}
my $text = JSON::PP->new->canonical->encode($got[0]);
like($text, qr/"$_":\d/, "$_ is a number") for qw(age bytes fetchSeconds seconds status);
like($got[0]{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/, 'when');



=== TEST 2: stale data, the age and an open breaker
--- http_config eval
SectorCache::http(zone => 'ttl=1s stale=1h', source => 'logged_open failures=1 retries=0 open=30s', more => ::example())
--- config
    location /api {
        sector_cache_api;
        sector_cache_fetch logged_open /_up/sector/$sector_cache_symbol;
    }
--- scenario
begin_log();
get('/api/XLK');
upstream_fails();
wait_until { get('/api/XLK')->{json}{metadata}{cacheStatus} eq 'stale' } 'it becomes stale';
on_one_connection('/api/XLK?then', '/api/XLF?then');
upstream_works();
my @got;
wait_until { @got = grep { $_->{uri} =~ /then/ } logged(1); @got == 2 } 'both are logged';
contains($got[0], '{"status":200,"cache":"STALE","age":"~^[1-9]","breaker":"open","fetchSeconds":null}', 'stale');
contains($got[1], '{"status":503,"cache":"MISS","age":null,"breaker":"open","fetchSeconds":null}', 'refused');
--- no_error_log
[alert]
[crit]



=== TEST 3: whatever a client sends, the line is JSON
--- http_config eval
SectorCache::http(more => ::example())
--- config
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }

    location /other {
        return 204;
    }
--- scenario
begin_log();
my @uris = ('/api/XLK?a="b"', '/api/XLK?\\', '/api/a"b', '/api/%22%5C', "/api/XLK?\xff\xfe", "/api/\xc3\xa4", '/api/^GSPC', '/other', "/other?\x80", '/api/M%26M.NS');
on_one_connection(@uris);
my @got = logged(scalar @uris);
is(scalar @got, scalar @uris, 'a line for each');
is($got[$_]{uri}, $uris[$_] =~ /[^ -~]/ ? '' : $uris[$_], sprintf 'URI %d as it came', $_) for 0 .. $#uris;
is($got[6]{symbol}, '^GSPC', 'a symbol');
is($got[9]{symbol}, 'M&M.NS', 'as it is, not as it was written');
contains($got[7], '{"status":204,"symbol":"","cache":"","age":null}', 'a location without sectors');



=== TEST 4: a log that was renamed is left at USR1, and no line is lost
--- http_config eval
SectorCache::http(more => ::example())
--- scenario
begin_log();
my $log = server_root() . '/logs/sector-cache.log';
unlink "$log.1";
get('/api/XLK');
logged(1);
rename $log, "$log.1" or die "rename: $!";
get('/api/XLF');
my @old = logged(2, 'sector-cache.log.1');
is(join(' ', map { $_->{symbol} } @old), 'XLK XLF', 'before, to the old one');
open my $in, '<', $Test::Nginx::Util::PidFile or die "$Test::Nginx::Util::PidFile: $!";
kill 'USR1', <$in> =~ /(\d+)/;
my ($n, $lines) = (2, 0);
wait_until { get('/api/XLV'); $n++; -s $log } 'then to a new one';
wait_until {
    ($lines) = `cat $log $log.1 | wc -l` =~ /(\d+)/;
    $lines >= $n;
} 'all lines are there';
is($lines, $n, 'and each once');
