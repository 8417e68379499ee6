# One nginx with this module in front of another.  What the inner one says of
# its answers holds at the outer one as well: their age adds up, a failure stays
# a failure, and what the inner one could not get does not cease to exist.

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use Test::More;
use Upstream qw(get wait_for pass_ttl);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


sub start {
    my (%option) = (script => 'ok', many => 'many:map', envelope => 'on',
                    inner => 'ttl=1h', outer => 'ttl=1h stale=1h', @_);
    my $inner = Upstream::Nginx::free_port();

    $key = '/i' . ++$number . '/';
    $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone inner 1m $option{inner};
sector_cache_zone outer 1m $option{outer};
sector_cache_source provider retries=0;
sector_cache_source tier retries=0 failures=1 open=1h max_open=1h;
server {
    listen 127.0.0.1:$inner;
    location /api {
        sector_cache_api sectors=inner;
        sector_cache_unknown_symbols accept;
        sector_cache_envelope $option{envelope};
        sector_cache_fetch provider /one/\$sector_cache_symbol;
        sector_cache_fetch_batch provider /many/\$sector_cache_symbols;
    }
    location /one/ {
        internal;
        proxy_pass http://$up/$option{script}${key}one/;
    }
    location /many/ {
        internal;
        proxy_pass http://$up/$option{many}${key}many/;
    }
}
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api sectors=outer;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch tier /tier/\$sector_cache_symbol;
        sector_cache_fetch_batch tier /tier/?symbols=\$sector_cache_symbols;
    }
    location /tier/ {
        internal;
        proxy_pass http://127.0.0.1:$inner/api/;
    }
    location /inner {
        sector_cache_admin sectors=inner;
        sector_cache_admin_key off;
    }
    location /outer {
        sector_cache_admin sectors=outer;
        sector_cache_admin_key off;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


sub age { return get($_[0])->{json}{metadata}{age} }
sub tier { return get('/status/stats')->{json}{sources}{tier} }


sub ended_well {
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
}


for my $envelope ('on', 'off') {
    subtest "the age adds up, with the envelope $envelope" => sub {
        start(envelope => $envelope);
        my $got = get('/api/XLK');
        is($got->{data}, '{"symbol":"XLK","price":101}', 'byte for byte');
        is($got->{json}{metadata}{age}, 0, 'new');

        # the inner one's grows old, and the outer one has none any more
        wait_for('it is two seconds old',
                 sub { age('/api/XLK') >= 2 });
        is(get('/outer/sectors/XLK', method => 'DELETE')->{status}, 200,
           'the outer one forgets it');
        $got = get('/api/XLK');
        is($got->{json}{metadata}{cacheStatus}, 'miss', 'it is fetched anew');
        cmp_ok($got->{json}{metadata}{age}, '>=', 2, 'and is as old as it is');
        cmp_ok($got->{headers}{age}, '>=', 2, 'in the header as well');
        my $first = $got->{json}{metadata}{age};
        wait_for('it grows older', sub { age('/api/XLK') > $first });
        is(get('/api/XLK')->{cache}, 'hit', 'as a hit');
        cmp_ok(get('/api/XLK')->{json}{metadata}{ttl}, '>', 3500,
               'its time here is its own');
        ended_well();
    };


    subtest "of a batch as well, with the envelope $envelope" => sub {
        start(envelope => $envelope);
        is(get('/api/?symbols=XLK,XLF')->{status}, 200, 'both');
        wait_for('they are two seconds old',
                 sub { age('/api/?symbols=XLK,XLF') >= 2 });
        get("/outer/sectors/$_", method => 'DELETE') for qw(XLK XLF);
        cmp_ok(age('/api/?symbols=XLK,XLF'), '>=', 2, 'as old as they are');
        ended_well();
    };


    subtest "what the inner one lacks, with the envelope $envelope" => sub {
        start(envelope => $envelope, many => 'many:map:bad:XLF');
        my $got = get('/api/?symbols=XLK,XLF,XLE');
        is(join(' ', sort keys %{ $got->{json}{data} }), 'XLE XLK', 'two');
        is($got->{json}{errors}{XLF}{error_code}, 'UPSTREAM_INVALID',
           'a failure stays a failure');
        is(tier()->{notFound}, 0, 'nothing was found not to exist');
        is(tier()->{breaker}{state}, 'closed', 'the breaker is closed');
        ended_well();
    };
}


subtest 'what does not exist at the provider, does not at the outer one' => sub {
    start(script => 'nosuch');
    my $got = get('/api/NONE');
    is("$got->{status} $got->{code}", '404 UNKNOWN_SYMBOL', 'told');
    is(get('/api/NONE')->{status}, 404, 'and kept');
    is($upstream->calls($key), 1, 'one call');
    is(tier()->{breaker}{state}, 'closed', 'the breaker is closed');
    ended_well();
};


subtest 'a failure of the provider is one of the tier' => sub {
    start(script => 'status:500');
    my $got = get('/api/XLK');
    is("$got->{status} $got->{code}", '502 UPSTREAM_ERROR', 'told');
    is(tier()->{breaker}{state}, 'open', 'the breaker is open');
    ended_well();
};


done_testing;
