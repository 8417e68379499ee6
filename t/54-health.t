# /health in time, and with two sources: what cannot be served, and what can.

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use Test::More;
use Upstream qw(get wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


sub start {
    my (%option) = (one => 'ok', many => 'many:map', zone => 'ttl=1h',
                    sources => [('') x 2], inside => '', server => '', @_);

    $key = '/h' . ++$number . '/';
    $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone sectors 1m $option{zone};
sector_cache_source one retries=0 $option{sources}[0];
sector_cache_source many retries=0 $option{sources}[1];
server {
    listen %PORT%;
    %PID%
    $option{server}
    location /api {
        sector_cache_api;
        sector_cache_symbols { XLK one; XLF two; XLE three; }
        sector_cache_fetch one /one/\$sector_cache_symbol;
        sector_cache_fetch_batch many /many/\$sector_cache_symbols;
    }
    location /one/ {
        internal;
        $option{inside}
        proxy_pass http://$up/$option{one}${key}one/;
    }
    location /many/ {
        internal;
        proxy_pass http://$up/$option{many}${key}many/;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


sub health {
    my $got = get('/api/health');
    my $data = $got->{json}{data};

    return join ' ', $got->{status}, $data->{status},
                     @{ $data->{unservableSymbols} };
}


sub lacking {
    return join ' ', @{ get('/status/stats')->{json}{unservableSymbols} };
}


sub ended_well {
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
}


subtest 'what does not exist, does not while nothing else is said' => sub {
    start(one => 'nosuch,nosuch,ok', zone => 'ttl=1h negative=300ms');
    is(get('/api/XLK')->{status}, 404, 'no such symbol');
    is(health(), '200 degraded XLK', 'it cannot be served');
    wait_for('that is kept no longer', sub {
        get('/status/explain/XLK')->{json}{state} eq 'none'
    });
    is(health(), '200 degraded XLK', 'and still cannot');
    is(lacking(), 'XLK', 'which /stats says as well');
    is(get('/api/XLK')->{status}, 404, 'as it turns out');
    wait_for('it is had', sub { get('/api/XLK')->{status} == 200 });
    is(health(), '200 healthy', 'nothing lacks');
    ended_well();
};


for my $case (['that of many', 1, '/api/?symbols=XLK,XLF', '/api/XLE'],
              ['that of one', 0, '/api/XLK', '/api/?symbols=XLE,XLF'])
{
    my ($name, $bad, $first, $other) = @$case;

    subtest "one of two breakers is open: $name" => sub {
        my @sources = ('') x 2;
        my @script = (one => 'ok', many => 'many:map');
        $script[2 * $bad + 1] = 'status:500';
        $sources[$bad] = 'failures=1 open=1h max_open=1h';
        start(@script, sources => \@sources);
        is(get($first)->{status}, 502, 'it opens');
        like(health(), qr/^200 degraded/, 'the other source may be asked');
        unlike(health(), qr/XLE/, 'for what did not fail');
        unlike(lacking(), qr/XLE/, 'says /stats as well');
        is(get($other)->{status}, 200, 'and is');
        ended_well();
    };
}


subtest 'what one source failed to give, and the other gave' => sub {
    start(many => 'status:500', zone => 'ttl=300ms');
    is(get('/api/?symbols=XLK,XLF')->{status}, 502, 'many fail');
    is(health(), '200 degraded XLK XLF', 'both lack');
    is(get('/api/XLK')->{status}, 200, 'one is had alone');
    is(health(), '200 degraded XLF', 'the other lacks');
    wait_for('it is past its time', sub {
        get('/status/explain/XLK')->{json}{state} eq 'none'
    });
    is(health(), '200 degraded XLF', 'the last fetch of it was good');
    is(lacking(), 'XLF', 'says /stats as well');
    is(get('/api/?symbols=XLK,XLF')->{status}, 502, 'many fail again');
    is(health(), '200 degraded XLK XLF', 'so did its last');
    ended_well();
};


subtest 'both breakers are open' => sub {
    start(one => 'status:500', many => 'status:500',
          sources => [('failures=1 open=1h max_open=1h') x 2]);
    is(get('/api/XLK')->{status}, 502, 'one opens');
    is(get('/api/?symbols=XLK,XLF')->{status}, 502, 'the other');
    is(health(), '503 unhealthy XLK XLF XLE', 'nothing can be had');
    is(lacking(), 'XLK XLF XLE', 'says /stats as well');
    ended_well();
};


subtest 'nginx refuses outside of any location, and has a page for it' => sub {
    start(inside => 'rewrite ^ /nowhere last;',
          server => 'error_page 404 /sorry;'
                    . ' location = /sorry { return 404 sorry; }');
    is(get('/api/XLK')->{status}, 503, 'no data');
    is(get('/api/health')->{json}{data}{sources}{one}{lastError}{error},
       'nginx itself answered 404 in location (none), the provider was not'
       . ' asked', 'the page did not refuse');
    ended_well();
};


done_testing;
