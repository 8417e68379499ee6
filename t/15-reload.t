# A reload is what an operator does most, and what a module that keeps state
# gets wrong most: entries and counters go on, new parameters hold at once,
# what was in flight is answered, and a configuration that is refused leaves
# all as it was.
#
# TEST_NGINX_USE_HUP runs the other files with a reload between their blocks;
# here the reload is in the middle of things, and so this file starts nginx
# itself.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Upstream qw(get begin finish leave wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


# An http block.  Options: zone, size, source, symbols' scripts, http and
# locations, which are more of each.
sub http {
    my (%option) = @_;
    my %default = (zone => 'ttl=10m stale=1h', size => '1m', source => '',
                   script => 'ok', http => '', locations => '');

    %option = (%default, %option);
    my $name = $option{name} || 'sectors';

    return <<"END";
sector_cache_zone $name $option{size} $option{zone};
sector_cache_source up retries=0 $option{source};
$option{http}
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api sectors=$name;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/$option{script}$key;
    }
    location /status {
        sector_cache_status;
    }
    $option{locations}
}
END
}


sub start {
    $key = '/r' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => 1, http => http(@_));
}


sub stats { return get('/status/stats')->{json} }
sub sectors { return stats()->{namespaces}{sectors} }
sub calls { return $upstream->calls($key) }


sub ended_well {
    my (@expected) = @_;

    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


subtest 'entries and counters go on' => sub {
    start();

    my $first = get('/api/XLK');
    get('/api/XLK');
    my $before = stats();

    $nginx->reload for 1 .. 3;

    my $hit = get('/api/XLK');
    is($hit->{cache}, 'hit', 'a hit');
    is($hit->{data}, $first->{data}, 'with the same data');
    is(calls(), 1, 'calls of the upstream');

    my $after = stats();
    is($after->{hits}, $before->{hits} + 1, 'hits');
    is($after->{misses}, $before->{misses}, 'misses');
    is($after->{entryCount}, 1, 'entries');
    is($after->{memoryUsage}, $before->{memoryUsage}, 'memory');
    is($after->{lastUpdated}, $before->{lastUpdated}, 'the time of the last');
    is($after->{lastMissKey}, 'XLK', 'the last miss');
    is_deeply($after->{sources}{up}, $before->{sources}{up},
              'counters of the source');
    is($after->{namespaces}{sectors}{stores}, 1, 'stores');

    ended_well();
};


subtest 'a new ttl holds for what is stored from now on' => sub {
    start(zone => 'ttl=1h stale=1h');

    is(get('/api/OLD')->{json}{metadata}{ttl}, 3600, 'an hour at first');
    $nginx->reload(http(zone => 'ttl=10s stale=1h'));
    is(get('/api/NEW')->{json}{metadata}{ttl}, 10, 'ten seconds then');
    cmp_ok(get('/api/OLD')->{json}{metadata}{ttl}, '>', 3000,
           'what is stored keeps what it was given');
    is(calls(), 2, 'calls of the upstream');

    ended_well();
};


subtest 'new parameters of a source hold at once' => sub {
    start(script => 'stall', source => 'timeout=60s');

    $nginx->reload(http(script => 'stall', source => 'timeout=200ms'));
    is(get('/api/XLK')->{error}, 'Source up did not answer within 200 ms',
       'the timeout');

    ended_well();
};


subtest 'a zone of another size is made anew, and the log says so' => sub {
    start();

    get('/api/XLK') for 1 .. 3;
    is(stats()->{entryCount}, 1, 'one entry');

    $nginx->reload(http(size => '2m'));
    is(stats()->{entryCount}, 0, 'none after the reload');
    is(sectors()->{memorySize}, 2 * 1024 * 1024, 'the new size');
    is(stats()->{hits}, 0, 'its counters begin anew');
    is(get('/api/XLK')->{cache}, 'miss', 'a miss');
    is(get('/api/XLK')->{cache}, 'hit', 'and a hit');
    is(stats()->{sources}{up}{fetches}, 2, 'the source goes on');
    unlike($nginx->log, qr/\[(?:error|crit|alert|emerg)\]/, 'no error');
    like($nginx->log, qr/sector_cache_zone "sectors".*(?:empty|size)/,
         'the log says that the zone is a new one');

    ended_well();
};


subtest 'a fetch in flight over a reload is answered and kept' => sub {
    start(script => 'gate');
    my ($old) = $nginx->workers;

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });

    my ($new) = $nginx->reload;
    isnt($new, $old, 'another worker serves');
    ok(-d "/proc/$old", 'the old one has not ended');
    ok(!IO::Select->new($client)->can_read(0), 'its client waits');

    $upstream->release($key);
    my $got = finish($client);
    is($got->{status}, 200, 'its client is answered');
    is($got->{json}{data}{price}, 101, 'with what was fetched');

    wait_for('the old worker ends', sub { !-d "/proc/$old" });
    is(get('/api/XLK')->{cache}, 'hit', 'what it stored is a hit');
    is(calls(), 1, 'calls of the upstream');

    ended_well();
};


subtest 'a fetch that nobody waits for completes over a reload' => sub {
    start(script => 'gate');
    my ($old) = $nginx->workers;

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    leave($client);
    wait_for('its client is gone', sub { stats()->{misses} == 1 });

    $nginx->reload;
    $upstream->release($key);
    wait_for('it is stored', sub { stats()->{entryCount} == 1 });
    is(get('/api/XLK')->{cache}, 'hit', 'a hit');
    wait_for('the old worker ends', sub { !-d "/proc/$old" });
    is(calls(), 1, 'calls of the upstream');

    ended_well();
};


subtest 'a fetch in flight over a reload with another zone size' => sub {
    start(script => 'gate');
    my ($old) = $nginx->workers;

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    $nginx->reload(http(script => 'ok', size => '2m'));

    is(get('/api/XLF')->{cache}, 'miss', 'the new zone works');
    $upstream->release($key);
    is(finish($client)->{status}, 200, 'the client of the old is answered');
    wait_for('the old worker ends', sub { !-d "/proc/$old" });
    is(get('/api/XLF')->{cache}, 'hit', 'the new zone is as it was');
    is(stats()->{entryCount}, 1, 'with its one entry');

    ended_well();
};


subtest 'a source and a zone may come and go' => sub {
    start();
    my %more = (http => 'sector_cache_zone more 512k;'
                        . ' sector_cache_source second retries=0;',
                locations => <<"END");
location /more {
    sector_cache_api sectors=more;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch second /second/\$sector_cache_symbol;
}
location /second/ {
    internal;
    proxy_pass http://$up/status:500,ok/second$key;
}
END

    get('/api/XLK');
    $nginx->reload(http(%more));

    is(get('/api/XLK')->{cache}, 'hit', 'the zone that was there goes on');
    is(get('/more/XLK')->{status}, 502, 'the new source is asked');
    is(get('/more/XLK')->{status}, 200, 'and again');
    is(get('/more/XLK')->{cache}, 'hit', 'the new zone keeps');
    is(stats()->{namespaces}{more}{entryCount}, 1, 'and counts');
    is(stats()->{sources}{second}{failed}, 1, 'as does the source');

    $nginx->reload(http());
    is(get('/more/XLK')->{status}, 404, 'they are gone');
    is(stats()->{namespaces}{more}, undef, 'from the counters too');
    is(stats()->{sources}{second}, undef, 'the source as well');
    is(get('/api/XLK')->{cache}, 'hit', 'the others go on');

    $nginx->reload(http(%more));
    is(stats()->{namespaces}{more}{entryCount}, 0,
       'a zone that is back is empty');
    is(stats()->{sources}{second}{failed}, 1,
       'a source that is back is as it was');
    is(get('/more/XLK')->{cache}, 'miss', 'and is asked');

    ended_well();
};


subtest 'a fetch of a source that a reload takes away is answered' => sub {
    start();
    my %more = (http => 'sector_cache_zone more 512k;'
                        . ' sector_cache_source second retries=0;',
                locations => <<"END");
location /more {
    sector_cache_api sectors=more;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch second /second/\$sector_cache_symbol;
}
location /second/ {
    internal;
    proxy_pass http://$up/gate$key;
}
END
    my ($old) = $nginx->reload(http(%more));

    my $client = begin('/more/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    $nginx->reload(http());
    $upstream->release($key);
    is(finish($client)->{status}, 200, 'answered');
    wait_for('the old worker ends', sub { !-d "/proc/$old" });
    is(get('/api/XLK')->{status}, 200, 'the others go on');

    ended_well();
};


subtest 'zones and sources may be declared in another order' => sub {
    my @zones = map { "sector_cache_zone z$_ 512k;" } 1 .. 3;
    my @sources = map { "sector_cache_source s$_ retries=0;" } 1 .. 3;
    my $locations = join '', map { <<"END" } 1 .. 3;
location /api$_ {
    sector_cache_api sectors=z$_;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch s$_ /fetch$_/\$sector_cache_symbol;
}
location /fetch$_/ {
    internal;
    proxy_pass http://$up/ok/order$_/;
}
END

    start(http => "@zones @sources", locations => $locations);
    get("/api$_/N$_") for 1 .. 3;
    get('/api1/N1');
    my $before = stats();

    $nginx->reload(http(http => "@{[reverse @sources]} @{[reverse @zones]}",
                        locations => $locations));
    my $after = stats();

    is_deeply($after->{namespaces}, $before->{namespaces}, 'zones');
    is_deeply($after->{sources}, $before->{sources}, 'sources');
    is(get("/api$_/N$_")->{cache}, 'hit', "zone $_ has its own") for 1 .. 3;

    ended_well();
};


subtest 'a configuration that is refused leaves all as it was' => sub {
    start();
    my ($worker) = $nginx->workers;

    get('/api/XLK');

    for my $broken ('sector_cache_zone sectors 1m;',
                    'sector_cache_zone tiny 1k;',
                    'sector_cache_source up;',
                    'sector_cache_source wrong timeout=never;')
    {
        my $refused = () = $nginx->log =~ /\[emerg\]/g;

        $nginx->write_config(http(http => $broken));
        $nginx->signal('HUP');
        wait_for('it is refused',
                 sub { my $n = () = $nginx->log =~ /\[emerg\]/g;
                       return $n > $refused });

        is($nginx->worker, $worker, "the same worker serves: $broken");
        is(get('/api/XLK')->{cache}, 'hit', 'a hit');
    }

    # refused only after the zones have been made
    $nginx->write_config(http(size => '3m', locations => 'bogus on;'));
    $nginx->signal('HUP');
    $nginx->wait_for_log(qr/unknown directive "bogus"/);
    is(get('/api/XLK')->{cache}, 'hit', 'a hit');
    is(sectors()->{memorySize}, 1024 * 1024, 'the old size');

    is(get('/api/NEW')->{cache}, 'miss', 'new ones are stored');
    is(get('/api/NEW')->{cache}, 'hit', 'as ever');

    $nginx->reload(http());
    is(get('/api/XLK')->{cache}, 'hit', 'a good one is taken again');
    is(calls(), 2, 'calls of the upstream');

    ended_well(qr/\[emerg\]/);
};


subtest 'a graceful quit answers who waits for a fetch' => sub {
    start(script => 'gate');
    my ($worker) = $nginx->workers;

    my @clients = map { begin('/api/XLK') } 1 .. 3;
    wait_for('they wait', sub {
        my $up = stats()->{sources}{up};
        return $up->{fetches} == 1 && $up->{coalesced} == 2;
    });

    $nginx->signal('QUIT');
    wait_for('nobody else is served', sub { get('/pid')->{status} == 0 });
    $upstream->release($key);

    is(finish($_)->{json}{data}{price}, 101, 'answered') for @clients;
    is($nginx->stop, 0, 'nginx ended well');
    ok(!-d "/proc/$worker", 'its worker too');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'a graceful quit does not wait for what is too late' => sub {
    start(script => 'stall', source => 'timeout=1s');

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    $nginx->signal('QUIT');
    is(finish($client)->{status}, 504, 'its client is told');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'worker_shutdown_timeout ends what is in flight' => sub {
    start(script => 'stall', source => 'timeout=1h');
    $nginx->{main} = 'worker_shutdown_timeout 300ms;';
    $nginx->reload(http(script => 'stall', source => 'timeout=1h'));
    my ($old) = $nginx->workers;

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    $nginx->reload;
    wait_for('the old worker ends', sub { !-d "/proc/$old" });
    my $got = finish($client);
    ok($got->{status} == 0 || $got->{status} >= 500,
       'its client is told, or cut off');
    is(get('/pid')->{status}, 200, 'the new one serves');

    ended_well(qr/open socket/);
};


subtest 'a fast end with a fetch in flight is clean' => sub {
    start(script => 'stall', source => 'timeout=60s');

    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { calls() == 1 });
    is($nginx->stop('TERM'), 0, 'nginx ended well');
    is(finish($client)->{status}, 0, 'its client is cut off');
    is($nginx->trouble, '', 'and without trouble');
};


done_testing;
