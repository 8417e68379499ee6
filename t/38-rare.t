# What few requests come upon, each of which some code is there for: headers
# without end, answers larger than their zone takes, a retry that has to wait
# for the rate, keys of which one begins like another, APIs beside the one that
# is explained, other directives that say how long to keep an answer.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get pass_ttl wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


sub start {
    my (%option) = (script => 'ok', source => 'retries=0', snapshots => '',
                    zone => 'ttl=1h', more => '', @_);

    $key = '/r' . ++$number . '/';
    $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone sectors 1m $option{zone};
sector_cache_zone others 1m ttl=2h;
sector_cache_zone snapshots 1m ttl=1h $option{snapshots};
sector_cache_source up $option{source};
sector_cache_source batch;
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
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
    $option{more}
}
END
}


sub stats { return get('/status/stats')->{json} }


sub ended_well {
    is($nginx->stop, 0, 'it ended well');
    is($nginx->trouble(@_), '', 'without trouble');
}


subtest 'a Retry-After behind many headers is honoured' => sub {
    start(script => 'afterall:503:40');

    is(get('/api/XLK')->{status}, 502, 'an error of the upstream');
    my $got = get('/api/XLF');
    is($got->{json}{error_code}, 'SECTOR_API_CIRCUIT_OPEN', 'the breaker');
    my $left = $got->{headers}{'retry-after'};
    cmp_ok($left, '>', 30, 'is open for as long');
    cmp_ok($left, '<=', 40, 'and no longer');
    is($upstream->calls($key), 1, 'after one call');
    $nginx->stop;
};


subtest 'what else says how long to keep an answer' => sub {
    start(more => <<'END');
    location /expires {
        sector_cache_api;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
        expires 2h;
    }
    location /added {
        sector_cache_api;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
        add_header Cache-Control public;
    }
END

    my $says = sub {
        my $head = get(@_)->{head};
        return join ' | ', $head =~ /^Cache-Control: (.*?)\015?$/mg;
    };

    my $left = qr/max-age=3(?:600|5\d\d)/;
    like($says->('/api/XLK'), qr/^$left$/, 'the API');
    is($says->('/expires/XLK'), 'max-age=7200', 'or "expires" in its place');
    is($says->('/expires/XLK', headers => ['If-None-Match: *']),
       'max-age=7200', 'also of what has not changed');
    is($says->('/expires/NONE'), 'no-store', 'but not of an error');
    like($says->('/added/XLK'), qr/^$left \| public$/,
         'or "add_header" beside it');
    like($says->('/api/XLK'), qr/^$left$/, 'and of no other answer');
    ended_well();
};


subtest 'a retry waits for the rate' => sub {
    start(script => 'status:500,ok',
          source => 'rate=1r/s retries=1 backoff=1ms');

    my $begun = time;
    is(get('/api/XLK')->{status}, 200, 'answered in the end');
    cmp_ok(time - $begun, '>', 0.9, 'by a call a second later');
    is($upstream->calls($key), 2, 'the second one');
    is(stats()->{sources}{up}{retries}, 1, 'a retry');
    is(stats()->{sources}{up}{refusedByRate}, 0, 'that was not refused');
    ended_well();
};


subtest 'a snapshot above max_object is served and not stored' => sub {
    start(snapshots => 'max_object=512');

    for (1 .. 2) {
        my $got = get('/api/snapshot');
        is($got->{status}, 200, 'served');
        is($got->{json}{data}{summary}{availableSectors}, 11, 'whole');
        is($got->{json}{cached} ? 1 : 0, 0, 'composed for it');
    }

    my $zone = stats()->{namespaces}{snapshots};
    is($zone->{refusedTooLarge}, 2, 'counted');
    is($zone->{entryCount}, 0, 'not stored');
    is($upstream->calls($key), 12, 'its sectors were, by one call each');
    like($nginx->log, qr/could not store .*larger than max_object/, 'logged');
    $nginx->stop;
};


subtest 'within swr an open breaker lets nothing refresh, which is told' => sub {
    start(script => 'ok,status:500', zone => 'ttl=1ms swr=1h',
          source => 'retries=0 failures=1 open=1h max_open=1h');

    my $first = get('/api/XLK');
    pass_ttl();
    is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'updating',
       'a refresh is begun');
    wait_for('it fails, and opens the breaker', sub {
        return stats()->{sources}{up}{breaker}{state} eq 'open';
    });

    for (1 .. 3) {
        my $got = get('/api/XLK');
        is($got->{json}{metadata}{cacheStatus}, 'updating', 'at once');
        is($got->{data}, $first->{data}, 'the data is there');
    }

    is($upstream->calls($key), 2, 'no call');

    my $why = get('/status/explain/XLK')->{json};
    is($why->{answer}, 'updating', 'the explanation');
    like($why->{why}, qr/breaker of source up refuses to refresh it/,
         'says why');
    ended_well();
};


subtest 'within swr a rate limit lets nothing refresh, which is told' => sub {
    start(script => 'ok', zone => 'ttl=1ms swr=1h',
          source => 'retries=0 rate=1r/m');

    get('/api/XLK');
    pass_ttl();
    is(get('/api/XLK')->{json}{metadata}{cacheStatus}, 'updating', 'at once');

    my $why = get('/status/explain/XLK')->{json};
    is($why->{answer}, 'updating', 'the explanation');
    like($why->{why}, qr/rate limit of source up is reached/, 'says why');
    is($upstream->calls($key), 1, 'no call');
    ended_well();
};


subtest 'entries whose keys begin alike' => sub {
    start();
    get("/api/$_") for qw(XL X XLKX XLK);

    my $keys = sub {
        my $got = get("/status/entries?$_[0]")->{json};
        return join ' ', map { $_->{key} } $got->{entries}->@*;
    };

    is($keys->('prefix=X'), 'X XL XLK XLKX', 'the shorter one first');
    is($keys->('prefix=XLK'), 'XLK XLKX', 'by prefix');

    my $got = get('/status/entries?prefix=' . 'X' x 300);
    is($got->{status}, 400, 'a prefix longer than any key is refused');
    like($got->{json}{error}, qr/Invalid prefix, allowed: up to \d+ char/,
         'with what is allowed');
    ended_well();
};


subtest 'an explanation is of the APIs of its namespace' => sub {
    start(more => <<'END');
    location /batch {
        sector_cache_api;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
        sector_cache_fetch_batch batch /fetch/$sector_cache_symbols;
    }
    location /other {
        sector_cache_api sectors=others;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
    }
END

    my $text = get('/status/explain/XLK')->{body};
    like($text, qr{"/api"}, 'one');
    like($text, qr{"/batch"}, 'and another');
    unlike($text, qr{"/other"}, 'not that of another namespace');
    like($text, qr{"batch"}, 'with the source of its batches');

    $text = get('/status/explain/XLK?namespace=others')->{body};
    like($text, qr{"/other"}, 'which has its own');
    unlike($text, qr{"/api"}, 'alone');
    ended_well();
};


subtest 'a cache that is on for other symbols is none for this one' => sub {
    start(more => <<'END');
    location /foreign {
        sector_cache_api sectors=others;
        sector_cache_symbols { ZZZ "Zinc"; }
        sector_cache_fetch up /fetch/$sector_cache_symbol;
    }
    location /plain {
        sector_cache_api sectors=others;
        sector_cache off;
        sector_cache_fetch up /fetch/$sector_cache_symbol;
    }
END

    my $why = get('/status/explain/XLK?namespace=others')->{json};
    is($why->{answer}, 'disabled', 'of one');
    $why = get('/status/explain/ZZZ?namespace=others')->{json};
    is($why->{answer}, 'miss', 'of another');
    ended_well();
};


# Headers and ends of envelopes are kept for answers that say the same.
subtest 'the same data in two namespaces has two ttls' => sub {
    start(more => <<'END');
    location /long {
        sector_cache_api sectors=others;
        sector_cache_fetch up /same/$sector_cache_symbol;
    }
    location /short {
        sector_cache_api;
        sector_cache_fetch batch /same/$sector_cache_symbol;
    }
    location /same/ {
        internal;
        return 200 '{"symbol":"$sector_cache_symbol","price":1}';
    }
END

    my (%etag, %wrong);
    my %ttl = (long => 7200, short => 3600);
    my %source = (long => 'up', short => 'batch');

    get("/$_/XLK") for keys %ttl;

    for my $name ((qw(long short short long)) x 5) {
        my $got = get("/$name/XLK");
        my $said = $got->{json}{metadata};
        my ($left) = $got->{headers}{'cache-control'} =~ /^max-age=(\d+)$/;
        my $until = $ttl{$name} - $said->{age};

        $etag{ $got->{headers}{etag} } = 1;
        $wrong{"$name: header $left"} = 1 if abs($left - $until) > 1;
        $wrong{"$name: body $said->{ttl}"} = 1 if $said->{ttl} != $left;
        $wrong{"$name: $said->{source}"} = 1
            if $said->{source} ne $source{$name};
        $wrong{"$name: $got->{headers}{'cache-status'}"} = 1
            if $got->{headers}{'cache-status'}
               ne "sector-cache; hit; ttl=$left";
    }

    is(keys %etag, 1, 'it is the same data');
    is_deeply([sort keys %wrong], [], 'each answer says its own');
    ended_well();
};


done_testing;
