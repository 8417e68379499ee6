# Caches between the module and a client.  By RFC 9111, section 4.2, an answer
# is fresh there for max-age less Age: that must be as long as it is here, for
# whatever was old already when it came.  nginx's own cache does not look at
# Age; what is past its time here it may not keep either.

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use Test::More;
use Upstream qw(get wait_for);

my $provider = Upstream::Nginx::free_port();
my $front = Upstream::Nginx::free_port();
my ($zones, $locations) = ('', '');

my %zone = (plain => 'ttl=200s', swr => 'ttl=200s swr=30s stale=1h',
            brief => 'ttl=200s swr=900ms', jitter => 'ttl=200s jitter=50%',
            over => 'ttl=1ms stale=1h', updating => 'ttl=1ms swr=1h',
            negative => 'negative=100s swr=30s');

for my $name (sort keys %zone) {
    my $old = $name eq 'negative' ? 'none' : 'old';

    $zones .= "sector_cache_zone $name 1m $zone{$name};\n"
              . "sector_cache_zone m_$name 1m $zone{$name};\n"
              . "sector_cache_source $name retries=0 failures=1000 hold=0;\n";
    $locations .= <<"END";
    location /$name {
        sector_cache_api sectors=$name snapshots=m_$name;
        sector_cache_fetch $name /fetch/$old/$name/\$sector_cache_symbol;
    }
    location /off/$name {
        sector_cache_api sectors=$name snapshots=m_$name;
        sector_cache off;
        sector_cache_fetch $name /fetch/$old/$name/\$sector_cache_symbol;
    }
END
}

# The provider's answers are 40 seconds old, those of XLF 60.
my $nginx = Upstream::Nginx->new(http => <<"END");
$zones
sector_cache_symbols { XLK Technology; XLF Financials; }
proxy_cache_path html/cache keys_zone=front:1m;
map \$sym \$age { default 40; XLF 60; }
server {
    listen %PORT%;
    %PID%
    $locations
    location /fetch/ {
        internal;
        proxy_pass http://127.0.0.1:$provider/;
    }
    location /front/ {
        proxy_pass http://127.0.0.1:$front/;
        proxy_cache front;
        add_header X-Front \$upstream_cache_status;
    }
}
server {
    listen 127.0.0.1:$front;
    $locations
    location /fetch/ {
        internal;
        proxy_pass http://127.0.0.1:$provider/;
    }
}
server {
    listen 127.0.0.1:$provider;
    root html;
    default_type application/json;
    location ~ ^/old/(?<zone>[a-z]+)/(?<sym>.*) {
        if (-f \$document_root/\$zone) { return 500; }
        add_header Age \$age;
        return 200 '{"symbol":"\$sym","price":101}';
    }
    location /none/ {
        return 404 '{"error":"no such symbol"}';
    }
}
END


# What a cache makes of it: ( fresh for, usable while revalidated for ), in
# seconds from now; nothing if it may not keep it.
sub judged {
    my ($got) = @_;
    my $control = $got->{headers}{'cache-control'};

    return () if $control eq 'no-store';

    $control =~ /^max-age=(\d+)(?:, stale-while-revalidate=(\d+))?$/
        or return "Cache-Control: $control";

    my $left = $1 - $got->{headers}{age};

    return ($left > 0 ? $left : 0, defined $2 ? $left + $2 : 0);
}


# A second may begin between two looks.
sub about { my ($is, $is_not, $name) = @_; like($is, qr/^(?:$is_not)$/, $name) }


my %path = (sector => '/XLK', batch => '/?symbols=XLK,XLF',
            snapshot => '/snapshot');

for my $kind (sort keys %path) {
    my $path = $path{$kind};

    for my $look ('fetched', 'from memory') {
        my $got = get("/plain$path");
        my ($left, $usable) = judged($got);

        about($got->{headers}{age}, $kind eq 'sector' ? '4[0-9]' : '6[0-9]',
              "a $kind, $look: its age");
        about($left, '200|19\d', 'it is fresh as long as here');
        is($left, $got->{json}{metadata}{ttl}, 'to the second');
        is($usable, 0, 'and then not used');

        $got = get("/swr$path");
        ($left, $usable) = judged($got);
        is($left, $got->{json}{metadata}{ttl}, "a $kind with swr, $look");
        is($usable, $left + 30, 'and used while it is revalidated');

        unlike(get("/brief$path")->{headers}{'cache-control'}, qr/stale/,
               'not for a part of a second');

        $got = get("/jitter$path");
        ($left) = judged($got);
        is($left, $got->{json}{metadata}{ttl}, "with jitter, $look");
    }

    my $got = get("/swr$path", headers => ['If-None-Match: *']);
    my ($left, $usable) = judged($got);
    is($got->{status}, 304, "of a $kind that has not changed");
    about($left, '200|19\d', 'the same');
    is($usable, $left + 30, 'with swr');

    wait_for('one is answered while it is refreshed', sub {
        $got = get("/updating$path");
        return $got->{json}{metadata}{cacheStatus} eq 'updating';
    });
    is($got->{headers}{'cache-control'}, 'max-age=0', 'it has no time left');
    is(get("/off/plain$path")->{headers}{'cache-control'}, 'max-age=0',
       'nor has any with the cache off');
}

for (1 .. 2) {
    my $got = get('/negative/XLK');
    my ($left, $usable) = judged($got);
    is($got->{status}, 404, 'no such symbol');
    about($left, '100|9\d', 'is known as long as here');
    is($usable, 0, 'and not used longer');
}


subtest 'a proxy_cache in front' => sub {
    is(get('/front/plain/XLK')->{headers}{'x-front'}, 'MISS', 'is asked');
    is(get('/front/plain/XLK')->{headers}{'x-front'}, 'HIT', 'and keeps it');

    get('/over/XLK');
    open my $flag, '>', "$nginx->{root}/html/over" or die $!;

    for (1 .. 2) {
        my $got = get('/front/over/XLK');
        is($got->{json}{metadata}{cacheStatus}, 'stale', 'stale data');
        is($got->{headers}{'cache-control'}, 'max-age=0', 'has no time left');
        is($got->{headers}{'x-front'}, 'MISS', 'and is not kept');
    }
};


is($nginx->stop, 0, 'nginx ended well');
is($nginx->trouble(qr/status 500/), '', 'and without trouble');

done_testing;
